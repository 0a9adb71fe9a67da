"""From messages to frames: warm-up, faults counted and spaced, stale, stuck, arrival times."""

from edge.decoding.catalogue import load_known
from edge.decoding.profile import Profile
from edge.decoding.readings import Arrivals, Readings, longest_frame
from edge.decoding.results import Message, Outcome, Rejected, Rejection
from edge.domain.frames import Fault, Frame, ReadingFrame
from edge.domain.health import Absence, Component, Reason
from edge.domain.identity import SourceId
from edge.domain.time import NS_PER_S, CaptureTime

BOARD = SourceId("air", 0, Component.SERIAL_BOARD)
SDS011 = load_known("nova_sds011")
SPS30 = load_known("sensirion_sps30")
CM1106 = load_known("cubic_cm1106")
START = CaptureTime(1_700_000_000 * NS_PER_S, 50 * NS_PER_S)


def readings(profile: Profile = SDS011, *, cold: bool = False) -> Readings:
    return Readings(BOARD, profile, START, cold=cold)


def message(pm: float = 5.0, *, name: str = "data", flags: tuple[str, ...] = ()) -> Message:
    return Message(
        name, Outcome.OK, 0, 10, {"pm2_5_ugm3": pm}, {"pm10_ugm3": Absence.OUT_OF_RANGE}, flags, {}
    )


def fault(*flags: str) -> Message:
    return Message("fault", Outcome.FAULT, 0, 7, {}, {"pm2_5_ugm3": Absence.SENSOR_FAULT}, flags, {})


def rejected(reason: Rejection, offset: int = 100, size: int = 10) -> Rejected:
    return Rejected(reason, offset, size)


def faults(frames: list[Frame]) -> list[tuple[Reason, int]]:
    return [(frame.reason, frame.count) for frame in frames if isinstance(frame, Fault)]


def is_stale(board: Readings) -> bool:
    return board.stale


def only_reading(frames: list[Frame]) -> ReadingFrame:
    found = [frame for frame in frames if isinstance(frame, ReadingFrame)]
    assert len(found) == 1
    return found[0]


def test_a_message_becomes_a_reading() -> None:
    frame = only_reading(readings().take(message(7.5), START.shifted(1)))
    assert frame.values == {"pm2_5_ugm3": 7.5}
    assert frame.absent == {"pm10_ugm3": Absence.OUT_OF_RANGE}
    assert frame.profile == "nova_sds011"
    assert frame.time == START.shifted(1)


def test_a_message_without_values_is_no_reading() -> None:
    ack = Message("ack", Outcome.OK, 0, 10, {}, {}, (), {})
    empty = Message("no_new_data", Outcome.NO_DATA, 0, 7, {}, {}, (), {})
    assert readings().take(ack, START) == []
    assert readings(SPS30).take(empty, START) == []


def test_warm_up_goes_by_time_since_power_on_not_by_value() -> None:
    board = readings(cold=True)
    cold = only_reading(board.take(message(0.0), START.shifted(29.9)))
    assert cold.values == {}
    assert cold.absent == {"pm2_5_ugm3": Absence.WARMING_UP, "pm10_ugm3": Absence.OUT_OF_RANGE}
    warm = only_reading(board.take(message(0.0), START.shifted(30)))
    assert warm.values == {"pm2_5_ugm3": 0.0}


def test_rejections_are_told_by_reason_with_advice() -> None:
    board = readings()
    frames = board.take(rejected(Rejection.CHECKSUM), START)
    assert faults(frames) == [(Reason.CHECKSUM, 1)]
    assert isinstance(frames[0], Fault)
    assert "10 bytes at byte 100 rejected (checksum); check cable" in frames[0].detail
    assert faults(board.take(rejected(Rejection.NOISE), START)) == [(Reason.GARBAGE, 1)]
    assert faults(board.take(rejected(Rejection.SHORT), START)) == [(Reason.TRUNCATED, 1)]


def test_the_same_trouble_is_told_now_and_then_with_its_count() -> None:
    board = readings()
    told = [faults(board.take(rejected(Rejection.CHECKSUM), START.shifted(i / 10))) for i in range(101)]
    assert [(i, found) for i, found in enumerate(told) if found] == [
        (0, [(Reason.CHECKSUM, 1)]),
        (50, [(Reason.CHECKSUM, 50)]),
        (100, [(Reason.CHECKSUM, 50)]),
    ]


def test_what_was_held_back_is_told_later_or_at_the_end() -> None:
    board = readings()
    board.take(rejected(Rejection.CHECKSUM), START)
    board.take(rejected(Rejection.CHECKSUM), START.shifted(1))
    assert board.tick(START.shifted(2)) == []
    assert faults(board.end(START.shifted(2))) == [(Reason.CHECKSUM, 1)]
    assert board.end(START.shifted(2)) == []


def test_the_end_of_a_frame_heard_at_opening_is_no_fault() -> None:
    assert readings().take(rejected(Rejection.NOISE, offset=0, size=6), START) == []
    assert faults(readings().take(rejected(Rejection.NOISE, offset=0, size=30), START))
    board = readings()
    board.take(message(), START)
    assert faults(board.take(rejected(Rejection.NOISE, offset=0, size=6), START))


def test_a_silent_board_goes_stale_and_says_so_until_it_speaks() -> None:
    board = readings()
    assert board.tick(START.shifted(4.9)) == []
    frames = board.tick(START.shifted(5))
    assert faults(frames) == [(Reason.STALE, 1)]
    assert only_reading(frames).values == {}
    assert only_reading(frames).absent == {"pm2_5_ugm3": Absence.STALE, "pm10_ugm3": Absence.STALE}
    assert is_stale(board)
    # Between two tellings there is no reading that somebody could take for recovery.
    assert board.tick(START.shifted(7)) == []
    assert faults(board.tick(START.shifted(10))) == [(Reason.STALE, 1)]
    board.take(message(), START.shifted(11))
    assert not is_stale(board)
    assert board.tick(START.shifted(12)) == []


def test_empty_answers_do_not_keep_a_board_fresh() -> None:
    board = readings(SPS30)
    empty = Message("no_new_data", Outcome.NO_DATA, 0, 7, {}, {}, (), {})
    for second in range(10):
        assert board.take(empty, START.shifted(second)) == []
    assert faults(board.tick(START.shifted(10))) == [(Reason.STALE, 1)]


def test_a_fault_the_board_reports_voids_its_values() -> None:
    board = readings(SPS30)
    frames = board.take(fault("not_allowed_now"), START)
    assert faults(frames) == [(Reason.DEVICE_FAULT, 1)]
    assert only_reading(frames).absent == {"pm2_5_ugm3": Absence.SENSOR_FAULT}


def test_a_fault_flag_holds_until_the_flag_is_gone() -> None:
    board = readings(SPS30)
    status = Message("status", Outcome.OK, 0, 12, {}, {}, ("fan", "fan_speed"), {})
    assert faults(board.take(status, START)) == [(Reason.DEVICE_FAULT, 1)]
    assert only_reading(board.take(message(), START)).absent["pm2_5_ugm3"] is Absence.SENSOR_FAULT
    board.take(status._replace(flags=("fan_speed",)), START)
    assert only_reading(board.take(message(), START)).values == {"pm2_5_ugm3": 5.0}


def test_a_warming_flag_voids_without_a_fault() -> None:
    board = readings(CM1106)
    warming = Message("continuous", Outcome.OK, 0, 8, {"co2_ppm": 400.0}, {}, ("warming",), {})
    frames = board.take(warming, START)
    assert faults(frames) == []
    assert only_reading(frames).absent == {"co2_ppm": Absence.WARMING_UP}


def test_a_value_that_never_changes_is_stale_though_frames_come() -> None:
    board = readings(CM1106)

    def co2(value: float, second: float) -> list[Frame]:
        frozen = Message("data", Outcome.OK, 0, 8, {"co2_ppm": value}, {}, (), {"df4": second})
        return board.take(frozen, START.shifted(second))

    assert only_reading(co2(1302.0, 0)).values
    assert only_reading(co2(1302.0, 1799)).values
    frames = co2(1302.0, 1800)
    assert faults(frames) == [(Reason.STALE, 1)]
    assert only_reading(frames).absent == {"co2_ppm": Absence.STALE}
    assert only_reading(co2(1303.0, 1805)).values == {"co2_ppm": 1303.0}


def test_longest_frames() -> None:
    assert longest_frame(SDS011) == 10
    assert longest_frame(SPS30) == 522
    assert longest_frame(load_known("senseair_s8")) == 256
    assert longest_frame(load_known("nmea_gnss")) == 256


class TestArrivals:
    def test_the_first_byte_came_before_those_behind_it(self) -> None:
        arrivals = Arrivals(0.001, START)
        arrivals.add(0, 10, START.shifted(1))
        assert arrivals.of(0) == START.shifted(0.990)
        assert arrivals.of(9) == START.shifted(0.999)

    def test_no_byte_came_before_the_read_before_it(self) -> None:
        arrivals = Arrivals(0.1, START)
        arrivals.add(0, 10, START.shifted(0.5))
        assert arrivals.of(0) == START

    def test_a_frame_begun_in_an_earlier_read_has_its_time(self) -> None:
        arrivals = Arrivals(0.001, START)
        arrivals.add(0, 4, START.shifted(1))
        arrivals.add(4, 12, START.shifted(2))
        assert arrivals.of(2) == START.shifted(0.998)
        assert arrivals.of(10) == START.shifted(1.998)

    def test_what_is_read_is_forgotten(self) -> None:
        arrivals = Arrivals(0.001, START)
        for number in range(100):
            arrivals.add(number, number + 1, START.shifted(number))
            arrivals.forget(number)
        assert len(arrivals._reads) == 1
        assert arrivals.of(99) == START.shifted(98.999)
        # Of what was forgotten the oldest known time is told.
        assert arrivals.of(5) == START.shifted(98.999)

    def test_before_any_read_it_is_the_start(self) -> None:
        assert Arrivals(0.001, START).of(0) == START
