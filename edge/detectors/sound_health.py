"""Whether a microphone hears: dead, stuck, clipped or offset channels, and samples that are no numbers.

Each second of sound is judged by itself; a fault is told once it lasts, again every minute while it does, and
its end once all has been well for a while. A fault that comes back soon after its end has to stay away longer
the next time, so that a loose contact makes few reports.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edge.domain.frames import AudioFrame, Frame, Samples
from edge.domain.health import Reason, Status
from edge.domain.observations import Health, Observation
from edge.domain.stages import Detector, DetectorSection
from edge.domain.time import NS_PER_S, CaptureTime

if TYPE_CHECKING:
    from edge.dsp.samples import ClipCounter
    from edge.dsp.soundness import Soundness

FRAME = AudioFrame

_REPEAT_S = 60.0
_RELAPSE_S = 60.0
_LONGEST_HOLD_S = 60
_JUMP_S = 1.0
_REMEMBERED_S = 30
_LONG_AGO_NS = -(2**62)
# Two neighbouring codes of a 16-bit converter in turn: its own flicker, no sound.
_FLICKER_SPAN = 1.5 / 32768
# While a fault lasts its limit is a little stricter, so that a value near the limit does not come and go.
_STRICTER_DB = 3.0
_STRICTER = 0.7


class Config(DetectorSection):
    """Settings of `[detectors.sound_health]`."""

    silent_db: float = Field(
        -96.0,
        ge=-150,
        le=-40,
        description="dB re full scale; a channel that is quieter is dead (16 bits: -98)",
    )
    dead_below_others_db: float = Field(
        40.0, ge=10, le=100, description="so far below the median of the other channels a channel is dead"
    )
    clipped_share: float = Field(0.01, gt=0, le=1, description="share of clipped samples in a second")
    offset: float = Field(0.1, gt=0, le=1, description="mean of the samples, as a share of full scale")
    recover_s: int = Field(5, ge=1, le=10, description="so long all must be well, seconds")


def build(config: Config) -> Detector:
    """Return the detector."""
    return _SoundHealth(config)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong with one second; `detail` is for the technician."""

    count: int
    detail: str


# Worst first; how many bad seconds of how many latest ones make a fault.
_PATIENCE: Mapping[Reason, tuple[int, int]] = {
    Reason.INVALID_SAMPLES: (1, 1),
    Reason.CONSTANT: (10, 10),
    Reason.SILENT: (10, 10),
    Reason.CLIPPED: (10, 30),
    Reason.OFFSET: (10, 10),
}
_RANK = {reason: rank for rank, reason in enumerate(_PATIENCE)}


class _SoundHealth:
    """Cuts the stream into seconds and judges them."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._layout: tuple[int, int] | None = None
        self._clips: ClipCounter | None = None
        self._pending: list[Samples] = []
        self._pending_time: CaptureTime | None = None
        self._expected_ns: int | None = None
        self._course = _Course(config.recover_s)

    def accept(self, frame: Frame) -> Iterable[Observation]:
        """Take sound; give what changed in the microphone's health."""
        if not isinstance(frame, AudioFrame) or not len(frame.samples):
            return
        self._follow(frame)
        if self._pending_time is None:
            self._pending_time = frame.time
        self._pending.append(frame.samples)
        if sum(map(len, self._pending)) < frame.rate_hz:
            return
        sound = np.concatenate(self._pending)
        whole = len(sound) // frame.rate_hz * frame.rate_hz
        for start in range(0, whole, frame.rate_hz):
            time = self._pending_time.after_samples(start, frame.rate_hz)
            yield from self._judge(sound[start : start + frame.rate_hz], frame, time)
        self._pending = [sound[whole:].copy()]
        self._pending_time = self._pending_time.after_samples(whole, frame.rate_hz)

    def finish(self) -> Iterable[Observation]:
        """Less than a second is left: too little to judge."""
        return ()

    def _follow(self, frame: AudioFrame) -> None:
        """Begin anew when the stream did: what was wrong before a replug says nothing about after."""
        from edge.dsp.samples import ClipCounter

        layout = (frame.rate_hz, frame.samples.shape[1])
        began_ns, expected_ns = frame.time.monotonic_ns, self._expected_ns
        self._expected_ns = frame.time.after_samples(len(frame.samples), frame.rate_hz).monotonic_ns
        jumped = expected_ns is not None and began_ns - expected_ns > _JUMP_S * NS_PER_S
        if layout != self._layout or jumped:
            self._layout = layout
            self._clips = ClipCounter(layout[1])
            self._course.restart()
            self._pending.clear()
            self._pending_time = None

    def _judge(self, second: Samples, frame: AudioFrame, time: CaptureTime) -> Iterator[Health]:
        from edge.dsp.soundness import soundness

        assert self._clips is not None
        faults = _faults(soundness(second, self._clips), self._config, self._course.reason)
        told = self._course.step(faults, time.monotonic_ns)
        if told is not None:
            status, reason, fault = told
            yield Health(
                source=frame.source,
                time=time,
                component=frame.source.component,
                status=status,
                reason=reason,
                count=fault.count,
                detail=f"{frame.source.name}: {fault.detail}",
            )


class _Course:
    """The course of the illness: patience before a fault is told, and before its end is."""

    def __init__(self, recover_s: int) -> None:
        self.reason: Reason | None = None
        self._least_hold = recover_s
        self._hold = recover_s
        self._recovered_ns: int | None = None
        self.restart()

    def restart(self) -> None:
        """Forget the seconds seen but not the fault: good seconds end it, bad ones have it told again."""
        self._seen = {reason: deque[bool](maxlen=_REMEMBERED_S) for reason in _PATIENCE}
        self._calm = 0
        self._hold = self._least_hold
        self._told_ns = _LONG_AGO_NS

    def step(self, faults: Mapping[Reason, _Fault], now_ns: int) -> tuple[Status, Reason, _Fault] | None:
        """Take the faults of one second; return what there is to tell."""
        for reason, seen in self._seen.items():
            seen.append(reason in faults)
        self._calm = 0 if faults else self._calm + 1
        lasting = [r for r, (bad, of) in _PATIENCE.items() if r in faults and self._bad(r, of) >= bad]
        if lasting and self._is_news(lasting[0], now_ns):
            return self._fall_ill(lasting[0], faults[lasting[0]], now_ns)
        if self.reason is not None and self._calm >= self._hold:
            return self._recover(now_ns)
        return None

    def _bad(self, reason: Reason, seconds: int) -> int:
        """How many of the latest seconds had a fault."""
        return sum(list(self._seen[reason])[-seconds:])

    def _is_news(self, worst: Reason, now_ns: int) -> bool:
        if self.reason is None or _RANK[worst] < _RANK[self.reason]:
            return True
        if worst is not self.reason and self._bad(self.reason, self._least_hold):
            return False
        return worst is not self.reason or now_ns - self._told_ns >= _REPEAT_S * NS_PER_S

    def _fall_ill(self, reason: Reason, fault: _Fault, now_ns: int) -> tuple[Status, Reason, _Fault]:
        if self.reason is None and self._recovered_ns is not None:
            relapsed = now_ns - self._recovered_ns < _RELAPSE_S * NS_PER_S
            self._hold = min(2 * self._hold, _LONGEST_HOLD_S) if relapsed else self._least_hold
        self.reason = reason
        self._told_ns = now_ns
        return Status.DEGRADED, reason, fault

    def _recover(self, now_ns: int) -> tuple[Status, Reason, _Fault]:
        self.reason = None
        self._recovered_ns = now_ns
        for seen in self._seen.values():
            seen.clear()
        return Status.OK, Reason.RECOVERED, _Fault(1, "hears again")


def channel_faults(heard: "Soundness", config: Config) -> list[Reason]:
    """Return the worst that is wrong with each channel in one second; `Reason.NONE` where nothing is."""
    flagged = _flagged(heard, config, None)
    return [
        next((reason for reason, (channels, _) in flagged.items() if channels[channel]), Reason.NONE)
        for channel in range(len(heard.level_db))
    ]


def _flagged(
    heard: "Soundness", config: Config, present: Reason | None
) -> dict[Reason, tuple[NDArray[np.bool_], str]]:
    """Return which channels have which fault, worst first, and what to do."""
    return {
        Reason.INVALID_SAMPLES: (heard.invalid > 0, "samples that are no numbers; check cable and driver"),
        Reason.CONSTANT: (
            (heard.span == 0) & (heard.offset != 0),
            "the same value all the time; plug the microphone in again",
        ),
        Reason.SILENT: (_silent(heard, config, present), "nothing heard; check microphone, cable and gain"),
        Reason.CLIPPED: (
            heard.clipped_share > config.clipped_share * _strictness(Reason.CLIPPED, present),
            "clipped; turn the gain down",
        ),
        Reason.OFFSET: (
            np.abs(heard.offset) > config.offset * _strictness(Reason.OFFSET, present),
            "constant offset; check the microphone's supply",
        ),
    }


def _faults(heard: "Soundness", config: Config, present: Reason | None) -> dict[Reason, _Fault]:
    """Return what is wrong with one second, stricter about what is wrong already."""
    faults: dict[Reason, _Fault] = {}
    for reason, (channels, advice) in _flagged(heard, config, present).items():
        if channels.any():
            which = ", ".join(str(index) for index in np.flatnonzero(channels))
            invalid = reason is Reason.INVALID_SAMPLES
            count = int(heard.invalid.sum()) if invalid else int(np.count_nonzero(channels))
            faults[reason] = _Fault(count, f"channel {which}: {advice}")
    return faults


def _strictness(reason: Reason, present: Reason | None) -> float:
    return _STRICTER if reason is present else 1.0


def _silent(heard: "Soundness", config: Config, present: Reason | None) -> NDArray[np.bool_]:
    margin_db = _STRICTER_DB if present is Reason.SILENT else 0.0
    silent = (heard.level_db < config.silent_db + margin_db) | (heard.span <= _FLICKER_SPAN)
    silent &= (heard.span > 0) | (heard.offset == 0)
    for channel, level_db in enumerate(heard.level_db):
        others = np.delete(heard.level_db, channel)
        if others.size:
            silent[channel] |= np.median(others) - level_db > config.dead_below_others_db - margin_db
    return np.asarray(silent)
