"""Sound levels of one microphone channel per interval (IEC 61672-1:2013), and bands (IEC 61260-1:2014)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from edge.domain.frames import AudioFrame, Frame
from edge.domain.health import Component, Reason, Status
from edge.domain.observations import Health, Observation, SoundBands, SoundLevel
from edge.domain.stages import Detector, DetectorSection
from edge.domain.time import NS_PER_S, CaptureTime

if TYPE_CHECKING:
    from edge.dsp.levels import LevelMeter, Levels

FRAME = AudioFrame

# A source that was opened again says nothing of the time between; less than this is jitter of its clock.
_JUMP_S = 1.0
# Bands of shorter intervals would tell more of what is said than of how loud a place is.
_SHORTEST_OF_BANDS_S = 60.0


class Config(DetectorSection):
    """Settings of `[detectors.sound_level]`."""

    interval_s: float = Field(60.0, ge=1.0, le=86_400.0, description="length of an interval, seconds")
    channel: int = Field(0, ge=0, le=7, description="channel that is measured, counted from 0")
    bands: bool = Field(
        False, description="also one-third-octave bands, 25 Hz to 16 kHz, of intervals of a minute or longer"
    )

    @model_validator(mode="after")
    def _bands_are_slow(self) -> Self:
        if self.bands and self.interval_s < _SHORTEST_OF_BANDS_S:
            raise ValueError(
                f"bands need an interval of at least {_SHORTEST_OF_BANDS_S:g} s, interval_s is "
                f"{self.interval_s:g}; set a longer one or bands = false"
            )
        return self


def build(config: Config) -> Detector:
    """Return the detector."""
    return _SoundLevel(config)


class _SoundLevel:
    """Cuts the stream into intervals at exact samples and asks the meter for each.

    An interval lasts `interval_s` of time that passed; sound lost within it is missing from its `duration_s`,
    which counts valid samples only. A new sample rate, number of channels or calibration ends the interval
    early and, but for the calibration, starts the meter afresh.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._meter: LevelMeter | None = None
        self._layout: tuple[int, int, float | None] | None = None
        self._first: AudioFrame | None = None
        self._began: CaptureTime | None = None
        self._expected_ns = 0
        self._passed = 0

    def accept(self, frame: Frame) -> Iterable[Observation]:
        """Take sound; give the levels of every interval it completes."""
        if not isinstance(frame, AudioFrame):
            return
        layout = (frame.rate_hz, frame.samples.shape[1], frame.full_scale_db)
        if layout != self._layout:
            yield from self.finish()
            yield from self._start(frame, layout)
        if self._meter is None or not len(frame.samples):
            return
        yield from self._pass_over_gap(frame)
        yield from self._measure(frame)

    def _start(self, frame: AudioFrame, layout: tuple[int, int, float | None]) -> Iterator[Observation]:
        from edge.dsp.levels import LevelMeter
        from edge.dsp.weighting import LOWEST_RATE_HZ

        same_stream = self._layout is not None and self._layout[:2] == layout[:2]
        self._layout = layout
        rate_hz, channels, _ = layout
        if self._config.channel >= channels:
            self._meter = None
            yield _cannot(
                frame, f"it has no channel {self._config.channel} (first is 0): set another `channel`"
            )
        elif rate_hz < LOWEST_RATE_HZ:
            self._meter = None
            yield _cannot(frame, f"{rate_hz} Hz is too slow to weight: set at least {LOWEST_RATE_HZ} Hz")
        elif self._meter is None or not same_stream:
            self._meter = LevelMeter(frame.rate_hz, bands=self._config.bands)

    def _pass_over_gap(self, frame: AudioFrame) -> Iterator[Observation]:
        if self._began is None:
            return
        jump_s = (frame.time.monotonic_ns - self._expected_ns) / NS_PER_S
        gap_s = max(frame.lost_s, jump_s if jump_s > _JUMP_S else 0.0)
        self._passed += round(gap_s * frame.rate_hz)
        if self._passed >= self._config.interval_s * frame.rate_hz:
            yield from self.finish()

    def _measure(self, frame: AudioFrame) -> Iterator[Observation]:
        assert self._meter is not None
        samples = frame.samples[:, self._config.channel]
        length = round(self._config.interval_s * frame.rate_hz)
        start = 0
        while start < len(samples):
            if self._began is None:
                self._began = frame.time.shifted(start / frame.rate_hz)
                self._first = frame
            piece = samples[start : start + length - self._passed]
            self._meter.add(piece)
            start += len(piece)
            self._passed += len(piece)
            if self._passed >= length:
                yield from self.finish()
        self._expected_ns = frame.time.shifted(frame.duration_s).monotonic_ns

    def finish(self) -> Iterable[Observation]:
        """Give the levels of what the present interval holds."""
        if self._meter is None or self._began is None or self._first is None:
            return []
        taken, began, first = self._meter.take(), self._began, self._first
        self._began = self._first = None
        self._passed = 0
        # Digital silence and noughts for invalid samples are no level: `sound_health` says what is wrong.
        heard = [self._slow(levels) for levels in taken if not levels.silent]
        return [o for levels in heard for o in _observations(levels, first, began)]

    def _slow(self, levels: "Levels") -> "Levels":
        """Leave the bands of less than half an interval out: it was cut short, or most of it was lost."""
        whole = levels.duration_s >= self._config.interval_s / 2
        return levels if whole else replace(levels, bands_db=())


def _observations(levels: "Levels", frame: AudioFrame, began: CaptureTime) -> Iterator[Observation]:
    scaled = levels.calibrated(frame.full_scale_db or 0.0)
    common: dict[str, Any] = {
        "source": frame.source,
        "time": began,
        "duration_s": scaled.duration_s,
        "calibrated": frame.full_scale_db is not None,
        "clipped": scaled.clipped,
    }
    yield SoundLevel(
        **common,
        laeq_db=scaled.laeq_db,
        lafmax_db=scaled.lafmax_db,
        lasmax_db=scaled.lasmax_db,
        lcpeak_db=scaled.lcpeak_db,
        la10_db=scaled.la10_db,
        la50_db=scaled.la50_db,
        la90_db=scaled.la90_db,
    )
    if scaled.bands_db:
        yield SoundBands(**common, **_named(scaled.bands_db))


def _named(bands_db: Iterable[float | None]) -> dict[str, Any]:
    from edge.dsp.bands import NAMES

    return dict(zip(NAMES, bands_db, strict=True))


def _cannot(frame: AudioFrame, why: str) -> Health:
    return Health(
        source=frame.source,
        time=frame.time,
        component=Component.DETECTOR,
        status=Status.FAILED,
        reason=Reason.NO_DEVICE,
        detail=f"[detectors.sound_level] cannot measure {frame.source.name}: {why}",
    )
