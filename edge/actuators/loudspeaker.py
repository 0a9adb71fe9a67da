"""The loudspeaker: a chime or a recorded announcement on an event, and the limits of it.

* Never in the city's quiet hours; with quiet hours in the policy and a clock that is not synchronised, never.
* Never louder than `peak_db` at its highest sample, with soft ends; never longer than `longest_s`.
* Not again within `again_s`.
* The microphones are told before the first sample: what they hear while it plays is not the street.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from edge.domain.actuator import ActuatorError, Announcement, Cause, OwnSound, Playback
from edge.domain.check import Check
from edge.domain.city import City, in_force
from edge.domain.events import EVENT_KINDS, Event
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.nearest import nearest
from edge.domain.observations import Health, Observation
from edge.domain.scene_observations import Stage
from edge.domain.sections import LocalPath, Section
from edge.domain.time import NS_PER_S, CaptureTime
from edge.dsp.chime import chime, limited

COMPONENT = Component.LOUDSPEAKER

_CHIME_HZ = 48_000
_BLOCK_S = 0.1
_LOUDEST_DB = -3.0

Mono = NDArray[np.float32]


class Config(Section):
    """Settings of `[actuators.loudspeaker]`."""

    device: str = Field("", description="part of its name; empty: the system's default output")
    sounds: dict[str, Literal["chime"] | Annotated[LocalPath, Field()]] = Field(
        default_factory=dict, description='event to its sound: "chime", or a WAV, FLAC or Ogg file'
    )
    peak_db: float = Field(-12.0, ge=-60, le=_LOUDEST_DB, description="highest sample, re full scale")
    longest_s: float = Field(20.0, ge=1, le=60, description="a recording is cut off after so long")
    again_s: float = Field(60.0, ge=5, le=3600, description="nothing for so long after a sound began")
    tail_s: float = Field(
        1.5, ge=0.2, le=10, description="latency and echo, in which microphones still hear it"
    )
    unconfirmed: bool = Field(False, description="sound on events that nothing confirms yet")

    @field_validator("sounds")
    @classmethod
    def _of_events(cls, sounds: dict[str, Any]) -> dict[str, Any]:
        strange = [kind for kind in sounds if kind not in EVENT_KINDS]
        if strange:
            raise ValueError(f"no rule tells of '{strange[0]}'; {nearest(strange[0], EVENT_KINDS)}")
        return sounds


@dataclass(frozen=True, slots=True, eq=False)
class _Sound:
    announcement: Announcement
    samples: Mono
    rate_hz: int

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz

    def cut(self, end: int) -> "_Sound":
        """Return it up to a sample, with a soft end."""
        samples = self.samples[:end].copy()
        ramp = min(len(samples), round(_BLOCK_S * self.rate_hz))
        samples[len(samples) - ramp :] *= np.linspace(1.0, 0.0, ramp, dtype=np.float32)
        return replace(self, samples=samples)


class Loudspeaker:
    """The loudspeaker. `backend` returns the module `sounddevice` or one shaped like it."""

    def __init__(
        self,
        config: Config,
        source: SourceId,
        sounds: Mapping[str, _Sound],
        backend: Callable[[], Any] | None = None,
    ) -> None:
        self._config = config
        self._source = source
        self._sounds = sounds
        self._load = backend or _load_sounddevice
        self._city = City()
        self._next: _Sound | None = None
        self._playing: _Sound | None = None
        self._position = 0
        self._stream: Any = None
        self._quiet_until_ns: int | None = None
        self._announced_until_ns = 0
        self._failed = False

    def obey(self, city: City) -> None:
        """Take the quiet hours."""
        self._city = city

    def notice(self, finding: Event | Observation, now: CaptureTime) -> None:
        """Take an event that may sound."""
        if not isinstance(finding, Event) or finding.kind not in self._sounds:
            return
        ends = getattr(finding, "stage", None) is Stage.END
        if not ends and (finding.confirmed or self._config.unconfirmed) and self._may_sound(now):
            self._next = self._sounds[finding.kind]

    def step(self, now: CaptureTime, heard_ns: int) -> Iterator[Observation]:  # noqa: ARG002 - it stops by itself
        """Begin what has to sound, or play on."""
        if self._playing is None and self._next is not None:
            sound, self._next = self._next, None
            if self._may_sound(now):
                yield from self._begin(sound, now)
        if self._playing is not None:
            yield from self._play_on(now)

    def release(self, now: CaptureTime) -> Iterator[Observation]:
        """Fade out, and begin nothing more."""
        self._next = None
        if self._playing is not None:
            self._playing = self._playing.cut(self._position + round(_BLOCK_S * self._playing.rate_hz))
            yield from self._play_on(now)

    @property
    def at_rest(self) -> bool:
        """Whether nothing plays."""
        return self._playing is None

    def close(self) -> None:
        """Stop."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            stream.stop()
            stream.close()
        self._playing = None

    def check(self) -> Check:
        """Open the device; nothing sounds."""
        what = f"loudspeaker {self._source.name}"
        try:
            self._open(_CHIME_HZ)
        except ActuatorError as error:
            found, _, advice = str(error).partition("; ")
            return Check(what, ok=False, detail=found, advice=advice)
        finally:
            self.close()
        return Check(what, ok=True, detail=f"{self._config.device or 'default output'} opens")

    def _may_sound(self, now: CaptureTime) -> bool:
        # Unknown is as good as quiet: nobody is woken because a clock was lost.
        quiet = any(in_force(span, self._city, now) is not False for span in self._city.quiet_hours)
        again = self._quiet_until_ns is None or now.monotonic_ns >= self._quiet_until_ns
        return again and not quiet

    def _begin(self, sound: _Sound, now: CaptureTime) -> Iterator[Observation]:
        self._quiet_until_ns = now.monotonic_ns + round(self._config.again_s * NS_PER_S)
        yield self._own_sound(now, sound.duration_s)
        try:
            self._open(sound.rate_hz)
        except ActuatorError as error:
            yield from self._fail(now, error)
            return
        self._playing, self._position = sound, 0
        if self._failed:
            self._failed = False
            yield self._health(now, Status.OK, Reason.RECOVERED, "sounds again")
        yield Playback(
            source=self._source,
            time=now,
            announcement=sound.announcement,
            duration_s=sound.duration_s,
            peak_db=self._config.peak_db,
            cause=Cause.EVENT,
        )

    def _play_on(self, now: CaptureTime) -> Iterator[Observation]:
        sound = self._playing
        assert sound is not None
        size = round(_BLOCK_S * sound.rate_hz)
        # Two blocks a step, so that the device's buffer fills and a late step is not heard; writing blocks.
        for _ in range(2):
            block = sound.samples[self._position : self._position + size]
            try:
                self._stream.write(block[:, None])
            except Exception as error:  # noqa: BLE001 - PortAudio's own errors; the device is gone
                self.close()
                failed = ActuatorError(Reason.DEVICE_FAULT, f"stopped ({error}); plug it in again")
                yield from self._fail(now, failed)
                return
            self._position += size
            if self._position >= len(sound.samples):
                self.close()
                break
        # Playing takes longer than was told when the device stalls: tell the rest.
        if now.shifted(self._config.tail_s).monotonic_ns > self._announced_until_ns:
            yield self._own_sound(now, 0.0)

    def _own_sound(self, now: CaptureTime, duration_s: float) -> OwnSound:
        lasts_s = duration_s + self._config.tail_s
        self._announced_until_ns = now.shifted(lasts_s).monotonic_ns
        return OwnSound(source=self._source, time=now, duration_s=lasts_s)

    def _open(self, rate_hz: int) -> None:
        backend = self._load()
        try:
            self._stream = backend.OutputStream(
                samplerate=rate_hz,
                channels=1,
                dtype="float32",
                latency="high",
                device=self._config.device or None,
            )
            self._stream.start()
        except Exception as error:
            self._stream = None
            named = f"'{self._config.device}'" if self._config.device else "the default output"
            advice = "plug it in or set `device` (aplay -l lists outputs)"
            raise ActuatorError(Reason.NO_DEVICE, f"{named} cannot be opened ({error}); {advice}") from error

    def _fail(self, now: CaptureTime, error: ActuatorError) -> Iterator[Health]:
        if not self._failed:
            self._failed = True
            yield self._health(now, Status.FAILED, error.reason, str(error))

    def _health(self, now: CaptureTime, status: Status, reason: Reason, detail: str) -> Health:
        return Health(
            source=self._source,
            time=now,
            component=COMPONENT,
            status=status,
            reason=reason,
            detail=f"{self._source.name}: {detail}",
        )


def _load_sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:
        message = "PortAudio is not installed; run: sudo apt install libportaudio2"
        raise ActuatorError(Reason.NO_DEVICE, message) from error
    return sounddevice


def _read(config: Config, given: Any) -> _Sound:
    if given == "chime":
        return _Sound(Announcement.CHIME, limited(chime(_CHIME_HZ), _CHIME_HZ, config.peak_db), _CHIME_HZ)
    import soundfile

    try:
        samples, rate_hz = soundfile.read(given, dtype="float64", always_2d=True)
    except (OSError, RuntimeError) as error:
        advice = "give a WAV, FLAC or Ogg file"
        raise ActuatorError(Reason.UNREADABLE, f"{given}: cannot be read ({error}); {advice}") from error
    samples = samples[: round(config.longest_s * rate_hz)]
    if not np.abs(samples).max(initial=0.0) > 0:
        raise ActuatorError(Reason.SILENT, f"{given}: holds no sound; give another file")
    return _Sound(Announcement.RECORDING, limited(samples, rate_hz, config.peak_db), rate_hz)


def build(config: Config, source: SourceId) -> Loudspeaker:
    """Return the actuator. Raises ActuatorError for a file that cannot be played."""
    return Loudspeaker(config, source, {kind: _read(config, given) for kind, given in config.sounds.items()})
