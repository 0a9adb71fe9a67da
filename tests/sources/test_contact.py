"""The wired contact: the real library's types and errors, its request and its chip played by the test."""

import errno
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import create_autospec

import gpiod
import pytest
from gpiod.line import Bias, Edge, Value
from pydantic import ValidationError

from edge.domain.contact_observations import ContactState
from edge.domain.frames import ContactFrame, Fault, Frame, Idle
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.stages import SourceError
from edge.domain.time import NS_PER_S, CaptureTime
from edge.sources import contact
from edge.sources.contact import COMPONENT, Config, WiredContact, build

REAL_CHIP = gpiod.Chip
BUTTON = SourceId("button", 0, Component.CONTACT)
NAMES = ["GPIO2", "GPIO17", "GPIO27", ""]
PAIR = {"role": "help_button", "line": "GPIO17", "other_line": "GPIO27"}


class StandingClock:
    """A clock that only the pins move."""

    def __init__(self) -> None:
        self.s = 100.0

    def now(self) -> CaptureTime:
        return CaptureTime(10**18 + round(self.s * NS_PER_S), round(self.s * NS_PER_S))

    def sleep(self, seconds: float) -> None:
        self.s += seconds


class Pins:
    """Inputs of a chip: edges at given times, told when somebody waits for them long enough."""

    def __init__(self, clock: StandingClock, chips: Path) -> None:
        self._clock = clock
        self.chips = chips
        (chips / "gpiochip0").touch()
        self.closed = dict.fromkeys(NAMES, False)
        self.edges: list[tuple[float, str, bool]] = []
        self.lines: tuple[str, ...] = ()
        self.settings = gpiod.LineSettings()
        self.released = 0
        self.refuse: OSError | None = None
        self.gone = False

    def request_lines(
        self, path: str, config: dict[tuple[str, ...], gpiod.LineSettings], **_: object
    ) -> object:
        assert path == str(self.chips / "gpiochip0")
        if self.refuse is not None:
            raise self.refuse
        ((self.lines, self.settings),) = config.items()
        request = create_autospec(gpiod.LineRequest, instance=True)
        request.offsets = [NAMES.index(line) for line in self.lines]
        request.get_values.side_effect = self._values
        request.wait_edge_events.side_effect = self._wait
        request.read_edge_events.side_effect = self._read
        request.release.side_effect = self._release
        return request

    def chip(self, path: str) -> object:
        chip = create_autospec(REAL_CHIP, instance=True)
        chip.__enter__.return_value = chip
        chip.get_info.return_value = SimpleNamespace(num_lines=len(NAMES))
        chip.get_line_info.side_effect = lambda line: SimpleNamespace(
            name=line if isinstance(line, str) else NAMES[line], used=True, consumer="doorbell"
        )
        return chip

    def _values(self, lines: list[str]) -> list[Value]:
        if self.gone:
            raise OSError(errno.ENODEV, "No such device")
        return [Value.ACTIVE if self.closed[line] else Value.INACTIVE for line in lines]

    def _wait(self, seconds: float) -> bool:
        if self.gone:
            raise OSError(errno.ENODEV, "No such device")
        until_s = self._clock.s + seconds
        due = bool(self.edges) and self.edges[0][0] <= until_s
        self._clock.s = max(self._clock.s, self.edges[0][0] + 0.001) if due else until_s
        return due

    def _read(self) -> list[gpiod.EdgeEvent]:
        due = [edge for edge in self.edges if edge[0] <= self._clock.s]
        self.edges = self.edges[len(due) :]
        return [
            gpiod.EdgeEvent(1 if closed else 2, round(at_s * NS_PER_S), NAMES.index(line), 0, 0)
            for at_s, line, closed in due
        ]

    def _release(self) -> None:
        self.released += 1


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def pins(clock: StandingClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pins:
    made = Pins(clock, tmp_path)
    monkeypatch.setattr(contact, "_DEVICES", tmp_path)
    monkeypatch.setattr(gpiod, "request_lines", made.request_lines)
    monkeypatch.setattr(gpiod, "Chip", made.chip)
    return made


def wired(clock: StandingClock, **values: object) -> WiredContact:
    return build(Config.model_validate(values or PAIR), BUTTON, clock)


def states(frames: Iterator[Frame], count: int) -> list[tuple[float, ContactState]]:
    """Return the next changes: when, and to what."""
    found: list[tuple[float, ContactState]] = []
    while len(found) < count:
        frame = next(frames)
        if isinstance(frame, ContactFrame) and (not found or found[-1][1] is not frame.state):
            found.append((frame.time.monotonic_ns / NS_PER_S, frame.state))
    return found


def test_it_is_a_contact() -> None:
    assert COMPONENT is Component.CONTACT
    assert WiredContact.live


def test_a_press_is_timed_by_the_kernel(clock: StandingClock, pins: Pins) -> None:
    pins.closed["GPIO27"] = True
    pins.edges = [
        (103.2, "GPIO27", False),
        (103.21, "GPIO17", True),
        (104, "GPIO17", False),
        (104.01, "GPIO27", True),
    ]
    with wired(clock) as source:
        found = states(iter(source), 3)
    assert found == [
        (100, ContactState.INACTIVE),
        (pytest.approx(103.21), ContactState.ACTIVE),
        (pytest.approx(104.01), ContactState.INACTIVE),
    ]
    assert pins.released == 1


def test_a_cut_wire_is_told_and_health_keeps_hearing_of_it(clock: StandingClock, pins: Pins) -> None:
    pins.closed["GPIO27"] = True
    pins.edges = [(101, "GPIO27", False)]
    with wired(clock) as source:
        frames = iter(source)
        assert states(frames, 2)[-1] == (101, ContactState.CUT)
        told = [frame for frame in (next(frames) for _ in range(20)) if isinstance(frame, Fault)]
    assert {fault.reason for fault in told} == {Reason.WIRING}
    assert len(told) >= 2


def test_between_frames_it_is_idle_twice_a_second(clock: StandingClock, pins: Pins) -> None:
    with wired(clock, role="tamper", line="GPIO2") as source:
        frames = iter(source)
        found = [next(frames) for _ in range(8)]
    assert any(isinstance(frame, Idle) for frame in found)
    gaps_s = [(b.time.monotonic_ns - a.time.monotonic_ns) / NS_PER_S for a, b in pairwise(found)]
    assert max(gaps_s) <= 0.6


@pytest.mark.parametrize(
    ("to", "bias", "low"), [("ground", Bias.PULL_UP, True), ("supply", Bias.PULL_DOWN, False)]
)
def test_the_input_is_held_by_a_resistor(
    to: str, bias: Bias, low: bool, clock: StandingClock, pins: Pins
) -> None:
    with wired(clock, role="presence", line="GPIO17", to=to):
        settings = pins.settings
    assert (settings.bias, settings.active_low, settings.edge_detection) == (bias, low, Edge.BOTH)


def test_an_input_that_vanishes_is_a_clear_error(clock: StandingClock, pins: Pins) -> None:
    with wired(clock) as source:
        frames = iter(source)
        next(frames)
        pins.gone = True
        with pytest.raises(SourceError, match=r"GPIO17 and GPIO27: gone while in use") as caught:
            list(frames)
    assert caught.value.reason is Reason.NO_DEVICE


def refused(source: WiredContact) -> SourceError:
    with pytest.raises(SourceError) as caught, source:
        pass
    return caught.value


def test_an_input_that_another_program_has_names_it(clock: StandingClock, pins: Pins) -> None:
    pins.refuse = OSError(errno.EBUSY, "Device or resource busy")
    error = refused(wired(clock))
    assert error.reason is Reason.NO_DEVICE
    assert "GPIO17 and GPIO27" in str(error)
    assert "in use by doorbell; stop it" in str(error)


def test_permission_denied_names_the_group(clock: StandingClock, pins: Pins) -> None:
    pins.refuse = PermissionError(errno.EACCES, "Permission denied")
    error = refused(wired(clock))
    assert error.reason is Reason.NO_PERMISSION
    assert "sudo usermod -aG gpio $USER" in str(error)


def test_other_trouble_is_told_as_it_is(clock: StandingClock, pins: Pins) -> None:
    pins.refuse = OSError(errno.EINVAL, "Invalid argument")
    assert "cannot be claimed ([Errno 22] Invalid argument)" in str(refused(wired(clock)))


def test_an_unknown_name_has_a_nearest_one(clock: StandingClock, pins: Pins) -> None:
    error = refused(wired(clock, role="tamper", line="GPIO18"))
    assert "input GPIO18: no input of that name" in str(error)
    assert "GPIO17" in str(error)


def test_a_machine_without_inputs(clock: StandingClock, pins: Pins) -> None:
    (pins.chips / "gpiochip0").unlink()
    assert "this machine has no /dev/gpiochip*" in str(refused(wired(clock)))


def test_what_is_no_chip_is_told_by_the_real_library(
    clock: StandingClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact, "_DEVICES", tmp_path)
    (tmp_path / "gpiochip0").symlink_to("/dev/null")
    assert "cannot be claimed" in str(refused(wired(clock)))


def test_closing_what_is_not_open_is_fine(clock: StandingClock) -> None:
    wired(clock).__exit__(None, None, None)


@pytest.mark.parametrize(
    ("prepare", "ok", "detail"),
    [
        (lambda pins: pins.closed.update(GPIO27=True), True, "help_button at GPIO17 and GPIO27: inactive"),
        (lambda pins: None, False, "help_button at GPIO17 and GPIO27: cut"),
        (lambda pins: (pins.chips / "gpiochip0").unlink(), False, "no /dev/gpiochip"),
    ],
)
def test_check_says_how_it_is(
    prepare: Callable[[Pins], object], ok: bool, detail: str, clock: StandingClock, pins: Pins
) -> None:
    prepare(pins)
    check = wired(clock).check()
    assert check.ok is ok
    assert detail in check.detail


def test_both_sides_at_one_input_are_refused() -> None:
    with pytest.raises(ValidationError, match="each side has an input of its own"):
        Config.model_validate({"role": "tamper", "line": "GPIO2", "other_line": "GPIO2"})


def test_it_claims_its_inputs() -> None:
    assert Config.model_validate(PAIR).claims == ("input GPIO17", "input GPIO27")
