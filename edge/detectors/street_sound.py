"""What a sound probably was, by the model `models/street_sound`.

An impulse that another detector of the lane observed wakes the model with the second around its onset; sounds
that go on (siren, horn, scream, raised voice) are looked for at a slower hop. Those whose label on the card
says `pooled_s` (sirens, horns) are told from the windows of the last seconds together. Between gunshot and
firework `unclear` is an answer. The last seconds of sound live in a ring in memory and nowhere else.

A lane that falls behind leaves lasting sounds out first, onsets last, and says how many. A node whose false
alarms exceed their budget is demoted: until a reset it calls no bang a gunshot, a firework or an explosion.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from edge.domain.frames import AudioFrame, Frame
from edge.domain.health import Component, Reason, Status
from edge.domain.observations import Health, ImpulseOnset, Observation, Sound, StreetSound
from edge.domain.stages import Detector, DetectorSection, LocalPath
from edge.domain.time import NS_PER_S, CaptureTime, seconds_between

if TYPE_CHECKING:
    from edge.dsp.log_mel import Samples
    from edge.dsp.pooling import Floats
    from edge.inference.session import Model
    from edge.inference.trust import Verdict

FRAME = AudioFrame

_SUDDEN = (Sound.GUNSHOT, Sound.FIREWORK, Sound.EXPLOSION, Sound.GLASS_BREAK)
_LASTING = (Sound.SCREAM, Sound.RAISED_VOICE, Sound.SIREN, Sound.HORN)
_ALARMING = {Sound.GUNSHOT, Sound.FIREWORK, Sound.EXPLOSION}
_BEFORE_ONSET_S = 0.15
_KEPT_S = 4.0
"""An impulse is told within 0.7 s of its onset, and a window ends 0.85 s after it."""

_MOST_WAITING = 8
"""Onsets that may wait for their window; a burst brings more than anyone needs to have named."""

_LATE_S = 0.6
"""A lane that is so far behind looks for no lasting sounds: a frame is 0.1 s, a driver's buffer 0.2 s."""

_TOO_LATE_S = 3.0
"""And one so far behind names no onsets: a microphone's ring holds 4 s."""

_SAME_S = 0.05
"""How much older than its seconds a look may be: they come with the frames, half a frame early or late."""

_REPEAT_S = 60.0
_CALM_S = 10.0
_DEMOTED_REPEAT_S = 3600.0
_LOOK_S = 1.0


class Config(DetectorSection):
    """Settings of `[detectors.street_sound]`; thresholds are the model card's."""

    model: str = Field("street_sound", pattern=r"^[a-z][a-z0-9_]*$", description="folder below models/")
    channel: int = Field(0, ge=0, le=7)
    hop_s: float = Field(
        0.5,
        ge=0.1,
        le=10,
        description="how often lasting sounds are looked for; pooling wants several looks in its seconds",
    )
    release_s: float = Field(
        3.0, ge=0.5, le=60, description="a lasting sound has ended after so long without it"
    )
    maximum_s: float = Field(60.0, ge=5, le=3600, description="a sound that lasts longer is told again")
    margin: float = Field(0.2, ge=0, le=1, description="gunshot and firework closer than this are unclear")
    false_alarms: LocalPath = Field(
        Path("/var/lib/lamppost/sense/false_alarms.json"), description="what `lamppost feedback` writes"
    )
    false_alarm_budget: int = Field(
        3, ge=0, le=100, description="more than so many in budget_days: bangs are unclear until a reset"
    )
    budget_days: float = Field(7.0, ge=1, le=365)


class StreetSoundDetector:
    """Keeps the last seconds, the onsets that wait for their window to be complete, and what is sounding."""

    def __init__(self, config: Config, model: "Model") -> None:
        self._config = config
        self._model = model
        self._trust = _Trust(config)
        self._shed = _Shed()
        self._behind_s = 0.0
        self._labels = list(model.card.labels)
        self._ring: deque[AudioFrame] = deque()
        self._onsets: deque[CaptureTime] = deque(maxlen=_MOST_WAITING)
        self._next_look_ns = 0
        self._looks = _Looks([label.pooled_s or 1.0 for label in model.card.labels])
        self._heard_ns: dict[Sound, int] = {}
        self._told_ns: dict[Sound, int] = {}

    def notice(self, observation: Observation) -> None:
        """Remember an onset until the second around it is complete."""
        if isinstance(observation, ImpulseOnset):
            self._shed.onsets += len(self._onsets) == self._onsets.maxlen
            self._onsets.append(observation.time)

    def late(self, behind_s: float) -> None:
        """Take how far the lane is behind."""
        self._behind_s = behind_s

    def accept(self, frame: Frame) -> Iterable[Observation]:
        """Take sound; name the onsets whose window is complete, and lasting sounds once a hop."""
        if not isinstance(frame, AudioFrame) or not len(frame.samples):
            return
        if self._ring and (frame.lost_s > 0 or not _alike(frame, self._ring[-1])):
            self._ring.clear()  # a window across a gap would be a sound that nobody heard
            self._looks.clear()
        self._ring.append(frame)
        while len(self._ring) > 1 and seconds_between(self._ring[1].time, _end(frame)) > _KEPT_S:
            self._ring.popleft()
        yield from self._trust.news(frame)
        yield from self._named_onsets(frame)
        yield from self._lasting(frame)
        yield from self._shed.news(frame)

    def finish(self) -> Iterable[Observation]:
        """Nothing is given of an unfinished second: the model has never heard half of one."""
        return ()

    def _named_onsets(self, frame: AudioFrame) -> Iterator[Observation]:
        while self._onsets and seconds_between(self._onsets[0], _end(frame)) >= 1 - _BEFORE_ONSET_S:
            onset = self._onsets.popleft()
            if self._behind_s > _TOO_LATE_S:
                self._shed.onsets += 1
                continue
            heard = self._heard(onset.shifted(-_BEFORE_ONSET_S))
            if heard is not None:
                found = self._by_sound(heard)
                yield self._observation(frame, onset, self._outcome(found), found, after_impulse=True)

    def _lasting(self, frame: AudioFrame) -> Iterator[Observation]:
        end = _end(frame)
        if end.monotonic_ns < self._next_look_ns:
            return
        if self._behind_s > _LATE_S:
            self._shed.looks += 1
            self._next_look_ns = end.monotonic_ns + round(self._config.hop_s * NS_PER_S)
            return
        start = end.shifted(-1.0)
        heard = self._heard(start)
        if heard is None:
            return
        self._next_look_ns = end.monotonic_ns + round(self._config.hop_s * NS_PER_S)
        found = self._by_sound(self._looks.together(start, heard))
        for label in self._labels:
            sound = Sound(label.name)
            if sound in _LASTING and found.get(sound, 0.0) >= label.threshold and self._news(sound, end):
                yield self._observation(frame, start, sound, found, after_impulse=False)

    def _news(self, sound: Sound, now: CaptureTime) -> bool:
        """Whether a sound has begun, or has lasted so long that it is told again."""
        never = -(10**18)
        silent_s = (now.monotonic_ns - self._heard_ns.get(sound, never)) / NS_PER_S
        told_s = (now.monotonic_ns - self._told_ns.get(sound, never)) / NS_PER_S
        self._heard_ns[sound] = now.monotonic_ns
        if silent_s < self._config.release_s and told_s < self._config.maximum_s:
            return False
        self._told_ns[sound] = now.monotonic_ns
        return True

    def _outcome(self, found: Mapping[Sound, float]) -> Sound:
        over = {
            Sound(label.name)
            for label in self._labels
            if Sound(label.name) in _SUDDEN and found.get(Sound(label.name), 0.0) >= label.threshold
        }
        if not over:
            return Sound.OTHER
        best = max(over, key=lambda sound: found[sound])
        shots = (Sound.GUNSHOT, Sound.FIREWORK)
        if best in shots and abs(found.get(shots[0], 0.0) - found.get(shots[1], 0.0)) < self._config.margin:
            return Sound.UNCLEAR
        return Sound.UNCLEAR if self._trust.demoted and best in _ALARMING else best

    def _heard(self, start: CaptureTime) -> "Floats | None":
        """Return what the model makes of the second from `start` on; None when it is not all there."""
        from edge.dsp.log_mel import log_mel

        window = self._window(start)
        return None if window is None else self._model.run(log_mel(window[None, :]))[0][0]

    def _by_sound(self, heard: "Floats") -> dict[Sound, float]:
        return {
            Sound(label.name): float(value)
            for label, value in zip(self._labels, heard, strict=True)
            if label.default == "on"
        }

    def _window(self, start: CaptureTime) -> "Samples | None":
        import numpy as np

        from edge.dsp.log_mel import WINDOW_SAMPLES, to_model_rate

        first, rate_hz = self._ring[0], self._ring[0].rate_hz
        offset = round(seconds_between(first.time, start) * rate_hz)
        channel = min(self._config.channel, first.samples.shape[1] - 1)
        sound = np.concatenate([frame.samples[:, channel] for frame in self._ring])
        if offset < 0 or offset + rate_hz > len(sound):
            return None
        second = np.nan_to_num(sound[offset : offset + rate_hz], nan=0.0, posinf=0.0, neginf=0.0)
        return to_model_rate(second, rate_hz)[:WINDOW_SAMPLES]

    def _observation(
        self,
        frame: AudioFrame,
        time: CaptureTime,
        outcome: Sound,
        found: Mapping[Sound, float],
        *,
        after_impulse: bool,
    ) -> StreetSound:
        probabilities: dict[str, Any] = {sound.value: value for sound, value in found.items()}
        return StreetSound(
            source=frame.source,
            time=time,
            outcome=outcome,
            after_impulse=after_impulse,
            demoted=self._trust.demoted,
            **probabilities,
        )


class _Looks:
    """What the model made of the last seconds, look by look, and what that says together."""

    def __init__(self, spans_s: list[float]) -> None:
        """Args: how many seconds are pooled for each label; 1: the last window alone."""
        self._spans_s = spans_s
        self._kept: deque[tuple[CaptureTime, Floats]] = deque()

    def clear(self) -> None:
        """Forget all: what comes next is not the same sound."""
        self._kept.clear()

    def together(self, start: CaptureTime, heard: "Floats") -> "Floats":
        """Return the probability of each label, from the window that begins at `start` and those before."""
        import numpy as np

        from edge.dsp.pooling import log_odds, pooled, probability_of

        self._kept.append((start, log_odds(heard)))
        ages_s = [seconds_between(at, start) - _SAME_S for at, _ in self._kept]
        while ages_s[0] > max(self._spans_s) - 1:
            self._kept.popleft()
            ages_s.pop(0)
        odds = np.stack([kept for _, kept in self._kept])
        first = np.searchsorted(-np.array(ages_s), 1 - np.array(self._spans_s))
        return np.array([probability_of(pooled(odds[a:, [k]]))[0] for k, a in enumerate(first)])


class _Shed:
    """What was left out, told at once, then once a minute, and when it is over.

    Attributes:
        looks: for lasting sounds, since the last time it was told; onsets likewise.
    """

    def __init__(self) -> None:
        self.looks = 0
        self.onsets = 0
        self._known = 0
        self._latest: CaptureTime | None = None
        self._told: CaptureTime | None = None

    def news(self, frame: AudioFrame) -> Iterator[Health]:
        """Give what there is to tell."""
        now = frame.time
        count = self.looks + self.onsets
        if count > self._known:
            self._known, self._latest = count, now
        if count and (self._told is None or seconds_between(self._told, now) >= _REPEAT_S):
            self._told = now
            yield _health(frame, Status.DEGRADED, Reason.SHED, self._detail(), count)
            self.looks = self.onsets = self._known = 0
        elif self._told and self._latest and seconds_between(self._latest, now) >= _CALM_S:
            self._told = self._latest = None
            yield _health(frame, Status.OK, Reason.RECOVERED, self._detail(), max(1, count))
            self.looks = self.onsets = self._known = 0

    def _detail(self) -> str:
        return f"left out: {self.looks} looks for lasting sounds, {self.onsets} onsets; the lane was behind"


class _Trust:
    """Looks every second whether the node is demoted; says so when that changes, and once an hour.

    Attributes:
        demoted: it is.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._looked: CaptureTime | None = None
        self._told: CaptureTime | None = None
        self.demoted = self._verdict().demoted

    def news(self, frame: AudioFrame) -> Iterator[Health]:
        """Give what there is to tell."""
        if self._looked is not None and seconds_between(self._looked, frame.time) < _LOOK_S:
            return
        self._looked = frame.time
        verdict = self._verdict()
        before, self.demoted = self.demoted, verdict.demoted
        if not self.demoted:
            self._told = None
            if before:
                yield _health(frame, Status.OK, Reason.RECOVERED, verdict.detail)
        elif self._told is None or seconds_between(self._told, frame.time) >= _DEMOTED_REPEAT_S:
            self._told = frame.time
            detail = f"demoted, bangs are unclear until `lamppost feedback reset`: {verdict.detail}"
            yield _health(frame, Status.DEGRADED, Reason.DEMOTED, detail, max(1, verdict.false_alarms))

    def _verdict(self) -> "Verdict":
        from edge.inference.trust import judge

        config = self._config
        return judge(config.false_alarms, config.false_alarm_budget, config.budget_days)


def _health(frame: AudioFrame, status: Status, reason: Reason, detail: str, count: int = 1) -> Health:
    return Health(
        source=frame.source,
        time=frame.time,
        component=Component.DETECTOR,
        status=status,
        reason=reason,
        count=count,
        detail=f"[detectors.street_sound] {detail}",
    )


def _alike(frame: AudioFrame, other: AudioFrame) -> bool:
    return frame.rate_hz == other.rate_hz and frame.samples.shape[1] == other.samples.shape[1]


def _end(frame: AudioFrame) -> CaptureTime:
    return frame.time.after_samples(len(frame.samples), frame.rate_hz)


def build(config: Config) -> Detector:
    """Open the model and return the detector. Raises ModelError."""
    from edge.domain.shipped import shipped
    from edge.inference.card import ModelError
    from edge.inference.session import open_model

    model = open_model(shipped("models") / config.model)
    strange = [label.name for label in model.card.labels if label.name not in {*_SUDDEN, *_LASTING}]
    if strange:
        raise ModelError(
            f"model {config.model}: knows {strange[0]}, which no report can say; use another one"
        )
    return StreetSoundDetector(config, model)
