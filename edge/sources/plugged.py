"""What is plugged in: serial ports, cameras and microphones, by names that survive a reboot."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.domain.health import Component
from edge.sources.serial_port import stable_names
from edge.sources.sound_devices import CARDS

DEVICES = Path("/dev")
VIDEO = Path("/sys/class/video4linux")


@dataclass(frozen=True, slots=True)
class Plugged:
    """A device.

    Attributes:
        device: what its names lead to, for comparing.
        names: for the settings, the best first; the device itself when it has no better one.
        detail: what the device says of itself.
    """

    kind: Component
    device: str
    names: tuple[str, ...]
    detail: str


def plugged() -> list[Plugged]:
    """Return every device, in order of kind and name."""
    return [*_ports(), *_cameras(), *_microphones()]


def _ports() -> Iterator[Plugged]:
    from serial.tools.list_ports import comports

    for port in sorted(comports()):
        number = f"serial number {port.serial_number}" if port.serial_number else ""
        known = (port.manufacturer, port.product, number)
        names = tuple(stable_names(port.device)) or (port.device,)
        detail = " ".join(part for part in known if part) or "a UART of this machine"
        yield Plugged(Component.SERIAL_BOARD, os.path.realpath(port.device), names, detail)


def _cameras() -> Iterator[Plugged]:
    found: dict[str, list[str]] = {}
    for folder in ("by-path", "by-id"):
        # A camera has further nodes, for data that is no picture.
        for link in sorted((DEVICES / "v4l" / folder).glob("*-index0")):
            found.setdefault(os.path.realpath(link), []).append(str(link))
    for device, names in sorted(found.items()):
        yield Plugged(Component.CAMERA, device, tuple(names), _model(device))


def _model(camera: str) -> str:
    try:
        return (VIDEO / Path(camera).name / "name").read_text().strip()
    except OSError:
        return ""


def _microphones() -> Iterator[Plugged]:
    for card in sorted(CARDS.glob("card*")):
        if not list(card.glob("pcm*c")) or not (card / "id").exists():
            continue
        control = str(DEVICES / "snd" / f"controlC{card.name.removeprefix('card')}")
        links = sorted((DEVICES / "snd" / "by-id").glob("*"))
        by_id = [str(link) for link in links if os.path.realpath(link) == control]
        name = f"hw:CARD={(card / 'id').read_text().strip()}"
        yield Plugged(Component.MICROPHONE, control, (*by_id, name), "records sound")
