"""What a bang was, how far, too loud or not; and that nothing of it is invented."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.domain.city import City, LevelName, PermittedLevel, Prior, Span
from edge.domain.events import Bang, BangEvent
from edge.domain.health import Absence
from edge.domain.observations import Observation, Sound
from edge.domain.scene_observations import Stage
from edge.domain.time import CaptureTime
from edge.fusion import bang
from edge.fusion.episode import LATE_S
from tests.fusion.observed import MIC, MIC_2, at, flash, monotonic, onset, sound, weather

NEW_YEAR = Span(date(2000, 12, 31), date(2000, 12, 31), time(18), time(2), every_year=True)
PERMITTED = PermittedLevel(3, LevelName.LCPEAK_DB, 120.0, 8.0)


def told(
    observations: Iterable[Observation], until_s: float | None = None, city: City | None = None, **config: Any
) -> list[BangEvent]:
    rule = bang.build(bang.Config(**config))
    assert isinstance(rule, bang.BangRule)
    if city is not None:
        rule.obey(city)
    events = [event for o in observations for event in rule.accept(o)]
    return events + (list(rule.elapse(monotonic(until_s))) if until_s is not None else [])


def outcomes(events: Sequence[BangEvent]) -> list[tuple[str, str, bool]]:
    return [(e.stage.value, e.outcome.value, e.confirmed) for e in events]


def test_a_bang_is_told_when_it_has_a_name_and_then_it_ends() -> None:
    events = told([onset(0), sound(0, Sound.GUNSHOT, firework=0.05)], 10)
    assert outcomes(events) == [("onset", "gunshot", False), ("end", "gunshot", False)]
    assert (events[0].time, events[0].result_time_ns) == (at(0), at(1.1).utc_ns)
    assert (events[0].gunshot, events[0].firework, events[0].glass) == (0.97, 0.05, None)
    assert events[0].because == ("impulse_onset", "gunshot")
    assert events[1].result_time_ns == at(2 + LATE_S).utc_ns


def test_a_bang_that_nobody_named_is_unclear_after_the_time_for_it() -> None:
    events = told([onset(0)], 2)
    assert outcomes(events) == [("onset", "unclear", False)]
    assert events[0].gunshot is None
    assert events[0].result_time_ns == at(2).utc_ns
    assert told([onset(0)], 1.9) == []


def test_a_late_name_is_an_update_of_an_unclear_bang() -> None:
    rule = bang.build(bang.Config())
    events: list[Any] = list(rule.accept(onset(0)))
    assert isinstance(rule, bang.BangRule)
    events += rule.elapse(monotonic(2.5))
    events += rule.accept(sound(0, Sound.EXPLOSION))
    assert outcomes(events) == [("onset", "unclear", False), ("update", "explosion", False)]


def test_doors_and_glass_are_told_by_others() -> None:
    for name in (Sound.OTHER, Sound.GLASS_BREAK):
        assert told([onset(0), sound(0, name, after_impulse=True)], 10) == []
    assert outcomes(told([onset(0), sound(0, Sound.OTHER, after_impulse=True)], tell=("other",))) == [
        ("onset", "other", False)
    ]


def test_between_gunshot_and_firework_unclear_is_an_answer() -> None:
    (event,) = told([onset(0), sound(0, Sound.GUNSHOT, gunshot=0.95, firework=0.85)])
    assert event.outcome is Bang.UNCLEAR
    assert (event.gunshot, event.firework) == (0.95, 0.85)


def test_a_demoted_detector_is_not_overruled() -> None:
    abstains = sound(0, Sound.UNCLEAR, after_impulse=True, demoted=True, gunshot=0.97, firework=0.01)
    (event,) = told([onset(0), abstains])
    assert event.outcome is Bang.UNCLEAR


def test_on_new_years_eve_an_unclear_bang_is_a_firework_and_says_why() -> None:
    city = City(timezone="Europe/Amsterdam", priors=(Prior(7, Sound.FIREWORK, 20.0, NEW_YEAR),))
    unclear = sound(0, Sound.UNCLEAR, after_impulse=True, gunshot=0.6, firework=0.55)
    (event,) = told([onset(0), unclear], city=city)
    # 0.55 at odds of 20: 0.55 * 20 / (0.55 * 20 + 0.45)
    assert event.outcome is Bang.FIREWORK
    assert event.firework == pytest.approx(0.9607, abs=1e-4)
    assert (event.priors, "prior" in event.because) == ((7,), True)
    (usual,) = told([onset(0), unclear], city=replace(city, timezone="Asia/Tokyo"))
    assert (usual.outcome, usual.priors) == (Bang.UNCLEAR, ())
    sudden = replace(onset(0), time=replace(at(0), uncertainty_ms=None))
    (unknown,) = told([sudden, unclear], city=city)
    assert (unknown.outcome, unknown.priors) == (Bang.UNCLEAR, ())


def test_a_prior_does_not_turn_a_clear_gunshot_into_a_firework() -> None:
    city = City(priors=(Prior(0, Sound.FIREWORK, 20.0),))
    (event,) = told([onset(0), sound(0, Sound.GUNSHOT, gunshot=0.98, firework=0.02)], city=city)
    assert event.outcome is Bang.GUNSHOT


def test_a_source_surely_high_speaks_for_fireworks() -> None:
    high = onset(0, elevation_deg=50.0, elevation_uncertainty_deg=5.0, azimuth_deg=10.0)
    name = sound(0, Sound.GUNSHOT, gunshot=0.6, firework=0.35)
    (event,) = told([high, name])
    assert (event.outcome, event.because) == (
        Bang.UNCLEAR,
        ("impulse_onset", "high_elevation"),
    )
    assert (event.azimuth_deg, event.elevation_deg) == (10, 50)
    doubts: list[dict[str, Any]] = [
        {"elevation_uncertainty_deg": 30.0},
        {"other_elevation_deg": -50.0},
        {"elevation_deg": 10.0},
    ]
    for doubtful in doubts:
        (event,) = told([replace(high, **doubtful), name])
        assert event.outcome is Bang.GUNSHOT


def test_a_flash_gives_the_distance_by_the_temperature_and_confirms() -> None:
    shot = [flash(-0.3), onset(0), sound(0, Sound.FIREWORK)]
    (event,) = told([weather(-100, 0.0), *shot])
    assert event.distance_m == pytest.approx(331.3 * 0.3)
    assert event.distance_uncertainty_m == pytest.approx(33.1, abs=0.1)
    assert event.confirmed
    assert set(event.because) == {"impulse_onset", "firework", "flash", "weather"}
    (assumed,) = told(shot)
    assert assumed.distance_m == pytest.approx(340.3 * 0.3, abs=0.1)
    assert "weather" not in assumed.because
    (stale,) = told([weather(-4000, 0.0), *shot])
    assert stale.distance_m == assumed.distance_m


def test_a_flash_that_is_known_later_is_an_update() -> None:
    events = told([onset(0), sound(0, Sound.FIREWORK), flash(-0.2)])
    assert outcomes(events) == [("onset", "firework", False), ("update", "firework", True)]
    assert events[0].distance_absence is Absence.NO_READING
    assert events[1].distance_absence is None


def test_two_flashes_are_no_distance_and_two_cameras_are() -> None:
    (event,) = told([flash(-0.9), flash(-0.2), onset(0), sound(0, Sound.FIREWORK)])
    assert (event.distance_m, event.distance_absence, event.confirmed) == (None, Absence.AMBIGUOUS, False)
    (event,) = told([flash(-0.25), flash(-0.2, rise=0.9), onset(0), sound(0, Sound.FIREWORK)])
    assert event.distance_m == pytest.approx(68, abs=1)
    (event,) = told([flash(-3), flash(5), onset(0), sound(0, Sound.FIREWORK)])
    assert event.distance_absence is Absence.NO_READING


def test_louder_than_permitted_needs_a_distance_a_calibration_and_a_measured_level() -> None:
    city = City(permitted_levels=(PERMITTED,))
    near = [flash(-0.3), onset(0, lcpeak_db=130.0), sound(0, Sound.FIREWORK)]
    (event,) = told(near, city=city)
    # 102 m to 8 m: 20 lg(102 / 8) = 22.1 dB
    assert event.reference_level_db == pytest.approx(152.1, abs=0.1)
    assert event.reference_level_uncertainty_db == pytest.approx(4.2, abs=0.1)
    assert (event.permitted, event.permitted_db, event.reference_distance_m) == (3, 120, 8)
    assert (event.exceeded, event.level_absence) == (True, None)
    (event,) = told([flash(-0.3), onset(0, lcpeak_db=80.0), sound(0, Sound.FIREWORK)], city=city)
    assert event.exceeded is False
    (event,) = told(
        [flash(-0.3), onset(0, lcpeak_db=80.0, clipped=True), sound(0, Sound.FIREWORK)], city=city
    )
    assert (event.exceeded, event.level_absence) == (None, Absence.AMBIGUOUS)
    (event,) = told(near[1:], city=city)
    assert (event.exceeded, event.level_absence) == (None, Absence.NO_DISTANCE)
    assert event.reference_level_db == pytest.approx(130 + 14, abs=0.1)
    assert event.reference_level_uncertainty_db == pytest.approx(8.6, abs=0.1)
    (event,) = told([near[0], onset(0, calibrated=False), near[2]], city=city)
    assert (event.reference_level_db, event.level_absence) == (None, Absence.UNCALIBRATED)
    by_laeq = replace(PERMITTED, quantity=LevelName.LAEQ_DB)
    (event,) = told(near, city=City(permitted_levels=(by_laeq,)))
    assert (event.permitted, event.level_absence) == (3, Absence.NO_READING)
    by_fast = replace(PERMITTED, quantity=LevelName.LAFMAX_DB, level_db=90.0)
    (event,) = told([near[0], onset(0, lafmax_db=70.0), near[2]], city=City(permitted_levels=(by_fast,)))
    assert event.reference_level_db == pytest.approx(92.1, abs=0.1)
    assert (event.exceeded, event.level_absence) == (None, Absence.AMBIGUOUS)
    (event,) = told(near, city=City(permitted_levels=(by_laeq, replace(PERMITTED, number=4))))
    assert (event.permitted, event.exceeded) == (4, True)
    (event,) = told(near)
    assert (event.permitted, event.level_absence, event.exceeded) == (None, None, None)


def test_what_is_too_loud_is_told_whatever_it_was() -> None:
    city = City(permitted_levels=(PERMITTED,))
    seen = [flash(-0.3), onset(0, lcpeak_db=130.0), sound(0, Sound.OTHER, after_impulse=True)]
    (event,) = told(seen, city=city)
    assert (event.outcome, event.exceeded) == (Bang.OTHER, True)


def test_a_second_array_confirms_and_is_no_second_bang() -> None:
    events = told([onset(0), onset(0.05, source=MIC_2), sound(0, Sound.GUNSHOT)])
    assert [(e.impulses, e.confirmed, "second_array" in e.because) for e in events] == [(1, True, True)]


def test_repetition_confirms_and_a_burst_is_told_when_it_has_doubled() -> None:
    burst = [o for i in range(12) for o in (onset(0.5 * i), sound(0.5 * i, Sound.FIREWORK))]
    events = told(burst, 30)
    assert [(e.stage.value, e.impulses) for e in events] == [
        ("onset", 1),
        ("update", 2),
        ("update", 5),
        ("update", 10),
        ("end", 12),
    ]
    assert {e.time for e in events} == {at(0)}
    assert events[-1].lasted_s == 5.5


def test_the_same_onset_twice_is_one_bang() -> None:
    (event,) = told([onset(0), onset(0), sound(0, Sound.GUNSHOT)])
    assert (event.impulses, event.confirmed) == (1, False)


def test_more_fireworks_are_not_told_for_a_while_but_a_gunshot_is() -> None:
    first = [onset(0), sound(0, Sound.FIREWORK)]
    again = [onset(8), sound(8, Sound.FIREWORK)]
    assert [e.time for e in told([*first, *again], 30)] == [at(0), at(0)]
    shot = [onset(8), sound(8, Sound.GUNSHOT)]
    assert [e.outcome for e in told([*first, *shot], 30) if e.stage is Stage.ONSET] == ["firework", "gunshot"]


def test_a_name_without_its_bang_is_nothing() -> None:
    assert told([sound(0, Sound.GUNSHOT), onset(50), sound(20, Sound.GUNSHOT)], 51) == []


def anything() -> st.SearchStrategy[Observation]:
    moment = st.floats(-20, 100)
    source = st.sampled_from([MIC, MIC_2])
    probability = st.one_of(st.none(), st.floats(0, 1))
    return st.one_of(
        st.builds(
            onset,
            moment,
            source=source,
            lcpeak_db=st.floats(-50, 160),
            elevation_deg=st.one_of(st.none(), st.floats(-90, 90)),
            calibrated=st.booleans(),
        ),
        st.builds(
            sound,
            moment,
            st.sampled_from(Sound),
            source=source,
            after_impulse=st.booleans(),
            gunshot=probability,
            firework=probability,
        ),
        st.builds(flash, moment),
        st.builds(weather, moment, st.floats(-30, 50), st.floats(0, 40)),
    )


@settings(max_examples=100, deadline=None)
@given(observations=st.lists(anything(), max_size=80), step=st.integers(-(10**13), 10**13))
def test_whatever_comes_in_whatever_order_each_bang_has_one_end(
    observations: list[Observation], step: int
) -> None:
    rule = bang.build(bang.Config(tell=tuple(Bang)))
    assert isinstance(rule, bang.BangRule)
    rule.obey(City(permitted_levels=(PERMITTED,), priors=(Prior(0, Sound.FIREWORK, 20.0),)))
    events: list[BangEvent] = []
    for i, observation in enumerate(observations):
        moved = CaptureTime(observation.time.utc_ns + step * (i % 2), observation.time.monotonic_ns, 1.0)
        events += rule.accept(replace(observation, time=moved))
        events += rule.elapse(observation.time.monotonic_ns - 10**9)
    events += [*rule.elapse(monotonic(1000)), *rule.finish()]
    begun: CaptureTime | None = None
    for event in events:
        assert (event.stage is Stage.ONSET) == (begun is None)
        assert begun in (None, event.time)
        begun = None if event.stage is Stage.END else event.time
        assert event.impulses >= 1
        assert all(p is None or 0 <= p <= 1 for p in (event.gunshot, event.firework))
    assert begun is None
    # Bursts begin at least a gap apart; of one: an onset, an end, each name once, once confirmed, updates.
    assert len(events) <= (120 / 2 + 1) * 9 + 120 / 2
