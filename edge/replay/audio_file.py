"""A recording of sound as a microphone: the same frames at 48 kHz, in real time or as fast as it goes."""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field

from edge.decoding.calibration import full_scale_db
from edge.decoding.recording import edges, is_cut_sound, require_file
from edge.domain.frames import AudioFrame, Fault, Frame, Samples
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.microphone import MicrophoneSection
from edge.domain.stages import Check, LocalPath, SourceError
from edge.domain.time import CaptureTime, Clock, seconds_between
from edge.dsp.resample import MEASURED_RATE_HZ, Resampler

COMPONENT = Component.MICROPHONE

_MAX_CHANNELS = 8
_RATES_HZ = range(4_000, 768_001)


class Config(MicrophoneSection):
    """Which recording, and how it is played."""

    path: LocalPath = Field(description="WAV, FLAC or Ogg, 1..8 channels, any rate")
    loop: bool = Field(False, description="begin again at the end, for ever")
    pace: Literal["real_time", "max"] = Field("real_time", description="max: as fast as it is taken")
    block_s: float = Field(0.1, ge=0.01, le=0.5, description="length of a frame")


class AudioFile:
    """The recording. It starts, for its own frames, when it is entered.

    Samples that are not finite are handed on: the detectors deal with them.
    """

    live = False

    def __init__(self, config: Config, source: SourceId, clock: Clock) -> None:
        self._config = config
        self._source = source
        self._clock = clock
        self._file: Any = None
        self._start = CaptureTime(0, 0)
        self._cut = False
        self._full_scale_db: float | None = None

    def __enter__(self) -> Self:
        """Open the file and its calibration. Raises SourceError."""
        self._full_scale_db = full_scale_db(self._config)
        self._file = _open(self._config)
        self._cut = is_cut_sound(*edges(self._config.path))
        self._start = self._clock.now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield blocks of equal length, the last one shorter; then, of a cut file, a Fault."""
        sent = 0
        for piece in _blocks(self._resampled(), round(self._config.block_s * MEASURED_RATE_HZ)):
            if isinstance(piece, str):
                yield Fault(self._source, self._at(sent), Reason.TRUNCATED, piece)
                continue
            self._wait_for(self._at(sent + len(piece)))
            yield AudioFrame(
                self._source,
                self._at(sent),
                piece,
                MEASURED_RATE_HZ,
                self._full_scale_db,
                array=self._config.array,
            )
            sent += len(piece)

    def check(self) -> Check:
        """Open the file and say what it holds."""
        what = f"recording {self._source.name}"
        try:
            full_scale_db(self._config)
            file = _open(self._config)
        except SourceError as error:
            return Check(what, False, str(error), "give another file")
        with file:
            return Check(
                what,
                True,
                f"{self._config.path}: {file.format} {file.subtype}, {file.channels} channels, "
                f"{file.samplerate} Hz, {file.frames / file.samplerate:.1f} s",
            )

    def _at(self, samples: int) -> CaptureTime:
        return self._start.after_samples(samples, MEASURED_RATE_HZ)

    def _wait_for(self, end: CaptureTime) -> None:
        # A block of a real microphone exists only once its last sample has happened.
        ahead_s = seconds_between(self._clock.now(), end)
        if self._config.pace == "real_time" and ahead_s > 0:
            self._clock.sleep(ahead_s)

    def _resampled(self) -> Iterator[Samples | str]:
        """Yield sound at 48 kHz in pieces of any length, and a text where the file is cut."""
        stream = Resampler(self._file.samplerate, MEASURED_RATE_HZ, self._file.channels)
        while True:
            read = 0
            for piece in self._pieces():
                if isinstance(piece, str):
                    yield stream.finish()
                    yield piece
                    return
                read += len(piece)
                yield stream.push(piece)
            if not (self._config.loop and read):
                yield stream.finish()
                return
            self._file.seek(0)

    def _pieces(self) -> Iterator[Samples | str]:
        """Yield the file's sound once, then a text if it is cut."""
        import soundfile

        path = self._config.path
        length = round(self._config.block_s * self._file.samplerate)
        read = 0
        try:
            while len(piece := self._file.read(length, dtype="float32", always_2d=True)):
                read += len(piece)
                yield piece
        except soundfile.LibsndfileError as error:
            yield f"{path}: unreadable after {read / self._file.samplerate:.1f} s ({error.error_string})"
            return
        if self._cut or read < self._file.frames:
            yield f"{path}: cut short, ends after {read / self._file.samplerate:.1f} s; copy it again"


def _open(config: Config) -> Any:
    """Open a recording that can be replayed. Raises SourceError with what is wrong with it."""
    import soundfile

    path = config.path
    require_file(path)
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise SourceError(
            Reason.UNREADABLE,
            f"{path}: not a recording of sound ({error.error_string}); give WAV, FLAC or Ogg",
        ) from error
    wrong = ""
    if file.channels > _MAX_CHANNELS:
        wrong = f"{file.channels} channels; at most {_MAX_CHANNELS} are read"
    elif file.samplerate not in _RATES_HZ:
        wrong = f"{file.samplerate} samples per second; {_RATES_HZ[0]} to {_RATES_HZ[-1]} are read"
    elif file.frames == 0:
        wrong = "holds no sound; give another file"
    elif config.array is not None:
        wrong = config.array.misfit(file.channels)
    if wrong:
        file.close()
        raise SourceError(Reason.UNREADABLE, f"{path}: {wrong}")
    return file


def _blocks(pieces: Iterable[Samples | str], length: int) -> Iterator[Samples | str]:
    """Cut pieces of any length into blocks of `length`; a text passes after the sound before it."""
    waiting: list[Samples] = []
    count = 0
    for piece in pieces:
        if isinstance(piece, str):
            if count:
                yield np.concatenate(waiting)
            waiting, count = [], 0
            yield piece
            continue
        waiting.append(piece)
        count += len(piece)
        if count < length:
            continue
        sound = np.concatenate(waiting)
        whole = count - count % length
        yield from np.split(sound[:whole], range(length, whole, length))
        waiting, count = [sound[whole:]], count - whole
    if count:
        yield np.concatenate(waiting)


def build(config: Config, source: SourceId, clock: Clock) -> AudioFile:
    """Return the source; the file is opened when it is entered."""
    return AudioFile(config, source, clock)
