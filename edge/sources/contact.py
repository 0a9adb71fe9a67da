"""A contact at digital inputs: help button, cabinet door, tamper contact, presence sensor.

The kernel's GPIO character device by its library (gpiod): it works on whatever board has one, and tells each
edge with its own time, so nothing is missed between two looks and no thread waits for it.

One input cannot tell an open contact from a cut wire. A change-over contact on two inputs can: exactly one of
them is closed, always. See docs/contacts.md for the wiring.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from edge.decoding.contact_levels import ContactReader, Levels
from edge.domain.contact import ContactSection
from edge.domain.frames import ContactFrame, Fault, Frame, Idle
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.nearest import nearest
from edge.domain.stages import Check, SourceError
from edge.domain.time import NS_PER_S, CaptureTime, Clock
from edge.sources.device_access import join_group

if TYPE_CHECKING:
    from gpiod import LineRequest, LineSettings

COMPONENT = Component.CONTACT

_DEVICES = Path("/dev")
_LONGEST_WAIT_S = 0.5
_CONSUMER = "lamppost"
_EVENTS = 256
# A contact that chatters fills the kernel's buffer; what it drops then would not change the verdict.


class Config(ContactSection):
    """Which inputs, and how the contact is wired to them."""

    line: str = Field(
        pattern=r"^\S{1,32}$",
        description="name of the input as `gpioinfo` shows it, such as GPIO17; of a change-over contact the "
        "one of its normally open side",
    )
    other_line: str = Field(
        "", pattern=r"^\S{0,32}$", description="input of the normally closed side: the wires are supervised"
    )
    to: Literal["ground", "supply"] = Field(
        "ground",
        description="what a closed contact connects the input to; the other one is held by a resistor of "
        "the processor. A sensor with an output that goes high is `supply`",
    )

    @property
    def claims(self) -> tuple[str, ...]:
        """The inputs, which no other source may have."""
        return tuple(f"input {line}" for line in (self.line, self.other_line) if line)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.line == self.other_line:
            raise ValueError(f"other_line: is {self.line} as well; each side has an input of its own")
        return self


class WiredContact:
    """The contact. Opening claims its inputs for this process alone."""

    live = True

    def __init__(self, config: Config, source: SourceId, clock: Clock) -> None:
        self._config = config
        self._source = source
        self._clock = clock
        self._lines = tuple(line for line in (config.line, config.other_line) if line)
        self._request: LineRequest | None = None
        self._levels: list[bool] = []

    def __enter__(self) -> Self:
        """Claim the inputs. Raises SourceError."""
        import gpiod

        chip = _chip_with(self._lines)
        try:
            self._request = gpiod.request_lines(
                chip, {self._lines: self._settings()}, consumer=_CONSUMER, event_buffer_size=_EVENTS
            )
        except OSError as error:
            raise _explain(chip, self._lines, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the inputs back."""
        request, self._request = self._request, None
        if request is not None:
            with suppress(OSError):
                request.release()

    def __iter__(self) -> Iterator[Frame]:
        """Yield states and faults, `Idle` in between. Raises SourceError."""
        self._levels = self._read()
        reader = ContactReader(self._source, self._config, self._now(), self._clock.now())
        spoken = self._clock.now()
        while True:
            frames: list[Frame] = []
            for levels, time in self._edges(min(_LONGEST_WAIT_S, reader.rest_s(self._clock.now()))):
                frames += reader.take(levels, time)
            now = self._clock.now()
            frames += reader.tick(now)
            if not frames and now.monotonic_ns - spoken.monotonic_ns >= _LONGEST_WAIT_S * NS_PER_S:
                frames = [Idle(self._source, now)]
            if frames:
                spoken = now
            yield from frames

    def check(self) -> Check:
        """Claim the inputs and say how the contact is."""
        what = f"contact {self._source.name}"
        try:
            with self:
                frame = next(f for f in self if isinstance(f, ContactFrame | Fault))
        except SourceError as error:
            return Check(what, False, str(error), "see above")
        where = f"{self._config.role} at {' and '.join(self._lines)}"
        if isinstance(frame, Fault):
            return Check(what, False, f"{where}: {frame.detail}", "see above")
        well = frame.state in {"active", "inactive"}
        return Check(
            what, well, f"{where}: {frame.state}", "" if well else "check its cable, see docs/contacts.md"
        )

    def _settings(self) -> "LineSettings":
        from gpiod import LineSettings
        from gpiod.line import Bias, Direction, Edge

        to_ground = self._config.to == "ground"
        return LineSettings(
            direction=Direction.INPUT,
            edge_detection=Edge.BOTH,
            bias=Bias.PULL_UP if to_ground else Bias.PULL_DOWN,
            active_low=to_ground,
        )

    def _now(self) -> Levels:
        return tuple(self._levels)

    def _read(self) -> list[bool]:
        """Return which inputs are closed now."""
        assert self._request is not None
        with _still_there(self._lines):
            return [bool(value.value) for value in self._request.get_values(list(self._lines))]

    def _edges(self, wait_s: float) -> Iterator[tuple[Levels, CaptureTime]]:
        """Yield the levels after each edge, with its time; none after `wait_s`."""
        from gpiod import EdgeEvent

        request = self._request
        assert request is not None
        with _still_there(self._lines):
            events = request.read_edge_events() if request.wait_edge_events(wait_s) else []
        now = self._clock.now()
        places = {offset: place for place, offset in enumerate(request.offsets)}
        for event in events:
            # Each edge says how it ended, so one that the kernel dropped does no lasting harm.
            self._levels[places[event.line_offset]] = event.event_type is EdgeEvent.Type.RISING_EDGE
            yield self._now(), now.shifted(min(0, event.timestamp_ns - now.monotonic_ns) / NS_PER_S)
        if len(events) >= _EVENTS:
            self._levels = self._read()
            yield self._now(), now


@contextmanager
def _still_there(lines: tuple[str, ...]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = " and ".join(lines)
        raise SourceError(Reason.NO_DEVICE, f"input {what}: gone while in use ({error})") from error


def _chip_with(lines: tuple[str, ...]) -> str:
    """Return the path of the chip that has inputs of these names. Raises SourceError.

    Chips are numbered as the kernel finds them, which differs between models and kernels; names stay.
    """
    import gpiod

    what = " and ".join(lines)
    chips = sorted(str(path) for path in _DEVICES.glob("gpiochip*"))
    if not chips:
        raise SourceError(Reason.NO_DEVICE, f"input {what}: this machine has no /dev/gpiochip*")
    names: list[str] = []
    for path in chips:
        try:
            with gpiod.Chip(path) as chip:
                found = [chip.get_line_info(offset).name for offset in range(chip.get_info().num_lines)]
        except OSError as error:
            raise _explain(path, lines, error) from error
        if set(lines) <= set(found):
            return path
        names += [name for name in found if name]
    missing = next((line for line in lines if line not in names), "")
    advice = nearest(missing, names) if missing else "both inputs must be of one chip"
    raise SourceError(Reason.NO_DEVICE, f"input {missing or what}: no input of that name; {advice}")


def _explain(chip: str, lines: tuple[str, ...], error: OSError) -> SourceError:
    what = f"input {' and '.join(lines)} ({chip})"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return SourceError(Reason.NO_PERMISSION, f"{what}: permission denied; {join_group(chip, 'gpio')}")
    if error.errno == errno.EBUSY:
        advice = "stop it, or take another input"
        return SourceError(Reason.NO_DEVICE, f"{what}: in use by {_users(chip, lines)}; {advice}")
    return SourceError(Reason.NO_DEVICE, f"{what}: cannot be claimed ({error})")


def _users(chip: str, lines: tuple[str, ...]) -> str:
    import gpiod

    with suppress(OSError), gpiod.Chip(chip) as opened:
        infos = [opened.get_line_info(line) for line in lines]
        users = sorted({info.consumer for info in infos if info.used and info.consumer})
        return ", ".join(users) or "another program"
    return "another program"


def build(config: Config, source: SourceId, clock: Clock) -> WiredContact:
    """Return the source; the inputs are claimed when it is entered."""
    return WiredContact(config, source, clock)
