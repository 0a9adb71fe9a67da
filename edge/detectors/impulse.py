"""Onsets of sudden sounds on every channel of a microphone, and where they came from if it is an array."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from edge.domain.array import MicrophoneArray
from edge.domain.frames import AudioFrame, Frame
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, ImpulseOnset, Observation
from edge.domain.stages import Detector, DetectorSection
from edge.domain.time import CaptureTime

if TYPE_CHECKING:
    from edge.dsp.aiming import Aim
    from edge.dsp.bang import Impulse
    from edge.dsp.direction import Direction
    from edge.dsp.impulses import ImpulseFinder

FRAME = AudioFrame

_Layout = tuple[int, int, float | None, MicrophoneArray | None]

# An impulse is told at most 0.6 s after its onset; frames that began earlier are of no use for its time.
_ANCHOR_S = 2.0
_FINEST_DEG = 0.1


class Config(DetectorSection):
    """Settings of `[detectors.impulse]`; the measurement behind them: `edge.dsp.impulses.Thresholds`."""

    above_floor_db: float = Field(
        10.0, ge=3, le=80, description="level of 5 ms above the floor, the median of the last 5 s"
    )
    spread: float = Field(
        1.0, ge=0, le=5, description="times the floor's own spread, added to above_floor_db"
    )
    rise_db: float = Field(8.0, ge=3, le=80, description="level of 5 ms above the 20 ms before it")
    prominence: float = Field(5.0, ge=0, le=20, description="least predicted prominence (ISO/PAS 1996-3)")
    duration_s: float = Field(0.05, ge=0, le=0.4, description="shortest duration, unless it is strong")
    strong_db: float = Field(25.0, ge=3, le=100, description="so far above the floor it may be short")


def build(config: Config) -> Detector:
    """Return the detector."""
    return _ImpulseDetector(config)


class _ImpulseDetector:
    """Keeps, for the time of an onset, when the samples of the last frames were captured."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._finder: ImpulseFinder | None = None
        self._aim: Aim | None = None
        self._layout: _Layout | None = None
        self._source: SourceId | None = None
        self._anchors: deque[tuple[int, CaptureTime]] = deque()
        self._heard = 0

    def accept(self, frame: Frame) -> Iterable[Observation]:
        """Take sound; give the impulses that are over."""
        if not isinstance(frame, AudioFrame) or not len(frame.samples):
            return
        layout = (frame.rate_hz, frame.samples.shape[1], frame.full_scale_db, frame.array)
        if layout != self._layout:
            yield from self.finish()
            yield from self._start(frame, layout)
        if self._finder is None:
            return
        if frame.lost_s > 0:
            self._finder.splice()
        self._source = frame.source
        self._anchors.append((self._heard, frame.time))
        self._heard += len(frame.samples)
        if self._aim is not None:
            self._aim.add(frame.samples)
        yield from self._observations(self._finder.add(frame.samples))
        while len(self._anchors) > 1 and self._anchors[1][0] <= self._heard - _ANCHOR_S * frame.rate_hz:
            self._anchors.popleft()

    def _start(self, frame: AudioFrame, layout: _Layout) -> Iterator[Observation]:
        from edge.dsp.aiming import Aim
        from edge.dsp.impulses import ImpulseFinder, Thresholds
        from edge.dsp.weighting import LOWEST_RATE_HZ

        self._layout = layout
        self._anchors.clear()
        self._heard = 0
        self._finder = None
        self._aim = None
        if frame.rate_hz < LOWEST_RATE_HZ:
            yield _too_slow(frame, LOWEST_RATE_HZ)
            return
        wanted = self._config.model_dump(exclude={"sources"})
        self._finder = ImpulseFinder(frame.rate_hz, layout[1], Thresholds(**wanted))
        self._aim = None if frame.array is None else Aim(frame.rate_hz, frame.array)

    def finish(self) -> Iterable[Observation]:
        """Give the impulse that was not over when the sound ended."""
        return [] if self._finder is None else list(self._observations(self._finder.finish()))

    def _observations(self, impulses: Iterable["Impulse"]) -> Iterator[Observation]:
        assert self._source is not None
        assert self._layout is not None
        rate_hz, _, full_scale_db, _ = self._layout
        for impulse in impulses:
            sample = round(impulse.sample)
            first, time = next(a for a in reversed(self._anchors) if a[0] <= sample)
            onset = _onset(impulse, self._source, time.after_samples(sample - first, rate_hz), full_scale_db)
            yield onset if self._aim is None else _aimed(onset, self._aim.direction(impulse.sample))


def _onset(
    impulse: "Impulse", source: SourceId, time: CaptureTime, full_scale_db: float | None
) -> ImpulseOnset:
    return ImpulseOnset(
        source=source,
        time=time,
        calibrated=full_scale_db is not None,
        clipped=impulse.clipped,
        lcpeak_db=impulse.lcpeak_db + (full_scale_db or 0.0),
        lafmax_db=impulse.lafmax_db + (full_scale_db or 0.0),
        above_floor_db=impulse.above_floor_db,
        rise_s=impulse.rise_s,
        duration_s=impulse.duration_s,
        crest_db=impulse.crest_db,
        prominence=impulse.prominence,
    )


def _aimed(onset: ImpulseOnset, direction: "Direction") -> ImpulseOnset:
    return replace(
        onset,
        azimuth_deg=_azimuth(direction.azimuth_deg),
        azimuth_uncertainty_deg=_spread(direction.azimuth_uncertainty_deg),
        elevation_deg=direction.elevation_deg,
        elevation_uncertainty_deg=_spread(direction.elevation_uncertainty_deg),
        other_azimuth_deg=_azimuth(direction.other_azimuth_deg),
        other_elevation_deg=direction.other_elevation_deg,
        direction_absence=direction.absence,
        left_out=direction.left_out,
    )


def _azimuth(azimuth_deg: float | None) -> float | None:
    # Rounded here as it leaves, lest 359.97 leave as 360.
    return None if azimuth_deg is None else round(azimuth_deg, 1) % 360.0


def _spread(uncertainty_deg: float | None) -> float | None:
    # What leaves is rounded to 0.1 degrees; 0 would claim to be exact.
    return None if uncertainty_deg is None else max(uncertainty_deg, _FINEST_DEG)


def _too_slow(frame: AudioFrame, least_hz: int) -> Health:
    return Health(
        source=frame.source,
        time=frame.time,
        component=Component.DETECTOR,
        status=Status.FAILED,
        reason=Reason.NO_DEVICE,
        detail=f"[detectors.impulse] cannot hear {frame.source.name}: {frame.rate_hz} Hz is too slow: "
        f"set at least {least_hz} Hz",
    )
