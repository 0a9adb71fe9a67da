"""The sound devices that PortAudio lists: found by an identity that survives a replug, refused clearly."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from edge.domain.health import Reason
from edge.domain.stages import SourceError

CARDS = Path("/sys/class/sound")


class Drivers:
    """PortAudio, shared by the microphones of this process.

    It reads the list of devices once, when it is initialised, and that ends every open stream. So it is done
    again before a microphone is opened, to find one that was plugged in, but only while none is open: with
    several microphones, one that comes back under another card number is found when all are closed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._open = 0
        self._listed = False

    def opened(self, backend: Any, start: Callable[[], Any]) -> Any:
        """Return what `start` opens, on a fresh list of devices if no microphone is open."""
        with self._lock:
            if self._listed and not self._open:
                backend._terminate()
                backend._initialize()
            self._listed = True
            stream = start()
            self._open += 1
            return stream

    def closed(self) -> None:
        """One microphone less."""
        with self._lock:
            self._open -= 1


DRIVERS = Drivers()


def load_sounddevice() -> Any:
    """Import the library. Raises SourceError with what to install."""
    try:
        import sounddevice
    except OSError as error:
        raise SourceError(
            Reason.NO_DEVICE, "PortAudio is not installed; run: sudo apt install libportaudio2"
        ) from error
    return sounddevice


def find_input(backend: Any, wanted: str, channels: int) -> dict[str, Any]:
    """Return PortAudio's entry of a microphone.

    Args:
        backend: the module `sounddevice`.
        wanted: part of its name, `hw:CARD=<id>[,DEV=<n>]` or a link in /dev/snd; empty: the system's default.
        channels: that it must have.

    Raises:
        SourceError: there is none, more than one, or it is too narrow; the message lists what there is.
    """
    inputs = [entry for entry in backend.query_devices() if entry["max_input_channels"] > 0]
    if wanted:
        part = (_address(wanted) or wanted).lower()
        found = [entry for entry in inputs if part in entry["name"].lower()]
    else:
        found = _default(backend, inputs)
    names = ", ".join(f"'{entry['name']}'" for entry in found or inputs) or "none"
    said = f"microphone '{wanted}'" if wanted else "default microphone"
    if not found:
        raise SourceError(
            Reason.NO_DEVICE, f"{said}: not found; plug it in or change `device`. Found: {names}"
        )
    if len(found) > 1:
        raise SourceError(Reason.NO_DEVICE, f"{said}: fits more than one: {names}; say more of its name")
    width = found[0]["max_input_channels"]
    if width < channels:
        raise SourceError(
            Reason.NO_DEVICE, f"{said}: has {width} channels, {channels} are asked for; change `channels`"
        )
    return dict(found[0])


def refused(entry: dict[str, Any], rate_hz: int, error: Exception) -> SourceError:
    """Say what a refusal of PortAudio means for the person under the pole."""
    text = str(error)
    said = f"microphone '{entry['name']}'"
    if "sample rate" in text.lower():
        usual = round(entry["default_samplerate"])
        return SourceError(
            Reason.NO_DEVICE, f"{said}: does not record at {rate_hz} Hz; try rate_hz = {usual}"
        )
    if "permission" in text.lower():
        return SourceError(
            Reason.NO_PERMISSION, f"{said}: no permission; add the daemon's user to the group audio"
        )
    if "unavailable" in text.lower() or "busy" in text.lower():
        return SourceError(Reason.NO_DEVICE, f"{said}: busy or gone; `fuser -v /dev/snd/*` says who holds it")
    return SourceError(Reason.NO_DEVICE, f"{said}: cannot be opened ({text}); plug it in again")


def _default(backend: Any, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    try:
        index = backend.query_devices(kind="input")["index"]
    except backend.PortAudioError:
        return []
    return [entry for entry in inputs if entry["index"] == index]


def _address(wanted: str) -> str:
    """Return `(hw:1,0)` for a device named by its card's id or by a link in /dev/snd, else an empty text.

    Card numbers change with the order of plugging; ids and links do not.
    """
    if wanted.startswith("hw:CARD="):
        card, _, device = wanted.removeprefix("hw:CARD=").partition(",DEV=")
        ids = {path.read_text().strip(): path.parent.name for path in sorted(CARDS.glob("card*/id"))}
        return f"(hw:{ids.get(card, 'card?').removeprefix('card')},{device or 0})"
    if wanted.startswith("/"):
        link = Path(wanted)
        return f"(hw:{link.resolve().name.removeprefix('controlC') if link.exists() else '?'},0)"
    return ""
