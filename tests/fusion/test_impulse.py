"""One bang is one event; a burst is told at 1, 2, 4, 8 ... impulses."""

from dataclasses import replace

from edge.domain.events import Impulse
from edge.domain.health import Absence, Component
from edge.domain.identity import SourceId
from edge.domain.observations import ImpulseOnset, SoundLevel
from edge.domain.time import CaptureTime
from edge.fusion.impulse import Config, build

SOURCE = SourceId("mic", 0, Component.MICROPHONE)
START = CaptureTime(1_700_000_000_000_000_000, 1_000_000_000, 2.0)


def onset(after_s: float, peak_db: float = 100.0, *, clipped: bool = False) -> ImpulseOnset:
    return ImpulseOnset(
        source=SOURCE,
        time=START.shifted(after_s),
        result_time_ns=START.shifted(after_s + 0.2).utc_ns,
        calibrated=True,
        clipped=clipped,
        lcpeak_db=peak_db,
        above_floor_db=40.0,
        rise_s=0.001,
        duration_s=0.05,
    )


def events(*onsets: ImpulseOnset) -> list[Impulse]:
    rule = build(Config())
    found = [event for o in onsets for event in rule.accept(o)]
    assert all(isinstance(event, Impulse) for event in found)
    return [event for event in found if isinstance(event, Impulse)]


def test_one_onset_leaves_at_once_and_unconfirmed() -> None:
    (event,) = events(onset(0))
    assert (event.impulses, event.confirmed, event.because) == (1, False, ("impulse_onset",))
    assert event.time == START
    assert event.result_time_ns == START.shifted(0.2).utc_ns


def test_a_burst_is_told_when_its_number_has_doubled() -> None:
    found = events(*(onset(0.5 * i) for i in range(9)))
    assert [e.impulses for e in found] == [1, 2, 4, 8]
    assert [e.confirmed for e in found] == [False, True, True, True]
    assert {e.time for e in found} == {START}


def test_the_loudest_of_a_burst_is_reported() -> None:
    found = events(onset(0, 90), onset(0.5, 120, clipped=True))
    assert (found[-1].lcpeak_db, found[-1].clipped) == (120, True)


def test_a_pause_begins_a_new_event() -> None:
    assert [e.impulses for e in events(onset(0), onset(2.5))] == [1, 1]


def test_a_burst_that_never_ends_is_told_anew_after_the_maximum() -> None:
    found = events(*(onset(1.0 * i) for i in range(130)))
    assert [e.impulses for e in found] == [1, 2, 4, 8, 16, 32, 1, 2, 4, 8, 16, 32, 1, 2, 4, 8]


def test_other_observations_are_not_its_business() -> None:
    level = SoundLevel(
        source=SOURCE, time=START, duration_s=1, calibrated=True, clipped=False, laeq_db=60, lafmax_db=61,
        lasmax_db=61, lcpeak_db=80, la10_db=61, la50_db=60, la90_db=59,
    )  # fmt: skip
    assert list(build(Config()).accept(level)) == []


def test_the_direction_is_that_of_the_loudest() -> None:
    quiet = replace(onset(0, 90), azimuth_deg=10.0, azimuth_uncertainty_deg=2.0, elevation_deg=5.0)
    loud = replace(
        onset(0.5, 120),
        azimuth_deg=200.0,
        azimuth_uncertainty_deg=3.0,
        elevation_deg=40.0,
        elevation_uncertainty_deg=4.0,
        other_azimuth_deg=200.0,
        other_elevation_deg=-40.0,
    )
    first, second = events(quiet, loud)
    assert (first.azimuth_deg, first.elevation_deg, first.other_azimuth_deg) == (10, 5, None)
    assert (second.azimuth_deg, second.azimuth_uncertainty_deg) == (200, 3)
    assert (second.elevation_deg, second.elevation_uncertainty_deg) == (40, 4)
    assert (second.other_azimuth_deg, second.other_elevation_deg) == (200, -40)
    (absent,) = events(replace(onset(0), direction_absence=Absence.FAINT))
    assert (absent.azimuth_deg, absent.direction_absence) == (None, Absence.FAINT)
