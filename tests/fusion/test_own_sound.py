"""The lamppost does not hear itself."""

from dataclasses import replace

from edge.domain.actuator import OwnSound
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.observations import Observation, Sound, SoundLevel
from edge.domain.scene_observations import Cue
from edge.fusion.own_sound import OwnSounds
from tests.fusion.observed import MIC, at, cue, flash, onset, sound

SPEAKER = SourceId("speaker", 0, Component.LOUDSPEAKER)


def level(after_s: float) -> SoundLevel:
    return SoundLevel(
        source=MIC, time=at(after_s), duration_s=10, calibrated=True, clipped=False, laeq_db=60, lafmax_db=61,
        lasmax_db=61, lcpeak_db=80, la10_db=61, la50_db=60, la90_db=59,
    )  # fmt: skip


def test_bangs_and_names_while_it_sounds_are_ignored_and_counted() -> None:
    own = OwnSounds()
    own.sift(OwnSound(source=SPEAKER, time=at(100), duration_s=3))
    heard: list[Observation] = [
        onset(100.5),
        sound(99.5, Sound.SCREAM),
        sound(102.9, Sound.GUNSHOT),
        onset(103),
    ]
    assert [own.sift(o) for o in heard] == [None] * 4
    assert own.ignored == 4
    before_and_after = [onset(99.8), sound(98, Sound.SCREAM), onset(103.1), sound(103.2, Sound.SIREN)]
    assert [own.sift(o) for o in before_and_after] == before_and_after


def test_levels_are_marked_and_what_is_seen_goes_on() -> None:
    own = OwnSounds()
    own.sift(OwnSound(source=SPEAKER, time=at(100), duration_s=3))
    assert own.sift(level(95)) == replace(level(95), own_sound=True)
    assert own.sift(level(80)) == level(80)
    seen = [cue(101, Cue.RUNNING), flash(101)]
    assert [own.sift(o) for o in seen] == seen


def test_memory_is_bounded() -> None:
    own = OwnSounds()
    for i in range(1000):
        own.sift(OwnSound(source=SPEAKER, time=at(10.0 * i), duration_s=1))
    assert len(own._sounds) == 32
