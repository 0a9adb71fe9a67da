"""How `lamppost listen` shows what it hears: on a screen that is redrawn, as lines, or as JSON."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge.cli.output import emit_json
from edge.domain.health import Reason
from edge.domain.observations import ImpulseOnset
from edge.domain.time import NS_PER_S, CaptureTime

if TYPE_CHECKING:
    from edge.dsp.meter import Reading

_BAR = 30
_SPAN_DB = {True: (30.0, 120.0), False: (-90.0, 0.0)}
_WARM_DB = {True: 85.0, False: -20.0}


@dataclass
class Heard:
    """What there is to show.

    Attributes:
        name: of the microphone.
        full_scale_db: None when it is not calibrated.
        array: what its array cannot tell apart; empty without one.
        time: when the present second began.
        readings: for each channel, dB re full scale.
        faults: for each channel in the last whole second.
        impulses: known since the last line.
        last: the latest of all.
        trouble: what else is wrong; empty when nothing is.
    """

    name: str
    full_scale_db: float | None = None
    array: str = ""
    time: CaptureTime = field(default_factory=lambda: CaptureTime(0, 0))
    readings: "list[Reading]" = field(default_factory=list)
    faults: list[Reason] = field(default_factory=list)
    impulses: int = 0
    last: ImpulseOnset | None = None
    trouble: str = ""

    def level(self, value_db: float | None) -> float | None:
        """Return a level with the calibration added."""
        return None if value_db is None else value_db + (self.full_scale_db or 0.0)

    def fault(self, channel: int) -> str:
        """Return how a channel is."""
        known = channel < len(self.faults) and self.faults[channel] is not Reason.NONE
        return self.faults[channel].value if known else "ok"


class View:
    """What shows a meter; used as a context."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def moved(self, heard: Heard) -> None:
        """The needle moved."""

    def second(self, heard: Heard) -> None:
        """A second is full."""


class Json(View):
    """One object a second."""

    def second(self, heard: Heard) -> None:
        """Print it."""
        channels = [
            {
                "channel": number,
                "laeq_db": _rounded(heard.level(reading.laeq_db)),
                "lafmax_db": _rounded(heard.level(reading.lafmax_db)),
                "lcpeak_db": _rounded(heard.level(reading.lcpeak_db)),
                "floor_db": _rounded(heard.level(reading.floor_db)),
                "clipped": reading.clipped,
                "health": heard.fault(number),
            }
            for number, reading in enumerate(heard.readings)
        ]
        emit_json(
            {
                "time": _moment(heard.time).isoformat(timespec="milliseconds"),
                "microphone": heard.name,
                "calibrated": heard.full_scale_db is not None,
                "channels": channels,
                "impulses": heard.impulses,
                "last_impulse": None if heard.last is None else _impulse(heard.last),
            }
        )


class Lines(View):
    """One line a second, for a pipe or a file."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def second(self, heard: Heard) -> None:
        """Print it."""
        unit = "dB" if heard.full_scale_db is not None else "dBFS"
        channels = "  ".join(_line(heard, number) for number in range(len(heard.readings)))
        bang = f"  impulse {impulse_text(heard.last)}" if heard.last and heard.impulses else ""
        at = _moment(heard.time).astimezone().strftime("%H:%M:%S")
        self._console.print(f"{at}  {unit}  {channels}{bang}", soft_wrap=True, highlight=False, markup=False)


def _line(heard: Heard, number: int) -> str:
    reading, fault = heard.readings[number], heard.fault(number)
    fast, floor = _shown(heard.level(reading.lafmax_db)), _shown(heard.level(reading.floor_db))
    peak = f"{'>=' if reading.clipped else ''}{_shown(heard.level(reading.lcpeak_db))}"
    return f"{number}: LAF {fast} floor {floor} peak {peak}{'' if fault == 'ok' else f' ({fault})'}"


class Screen(View):
    """A table that is redrawn."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def moved(self, heard: Heard) -> None:
        """Draw it."""
        self._live.update(picture(heard), refresh=True)


def picture(heard: Heard) -> Group:
    """Return the table and the lines below it."""
    calibrated = heard.full_scale_db is not None
    unit = "dB re 20 µPa" if calibrated else "dB re full scale: not calibrated"
    table = Table(title=f"{heard.name}, {unit}", title_justify="left")
    for head in ("", "LAF now", "", "LAFmax", "LAeq", "floor", "LCpeak", "health"):
        table.add_column(head, justify="left" if head in {"", "health"} else "right", no_wrap=True)
    for number, reading in enumerate(heard.readings):
        now_db = heard.level(reading.laf_db)
        fault = heard.fault(number)
        table.add_row(
            str(number),
            _shown(now_db),
            _bar(now_db, calibrated=calibrated),
            _shown(heard.level(reading.lafmax_db)),
            _shown(heard.level(reading.laeq_db)),
            _shown(heard.level(reading.floor_db)),
            Text(
                f"{'≥ ' if reading.clipped else ''}{_shown(heard.level(reading.lcpeak_db))}",
                style="red" if reading.clipped else "",
            ),
            Text(fault, style="green" if fault == "ok" else "bold red"),
        )
    lines = [Text("LAFmax, LAeq and LCpeak of the last second, floor: LA90 of the last 30 s", style="dim")]
    if heard.array:
        lines.append(Text(f"array {heard.array}", style="dim"))
    lines.append(Text(f"last impulse: {impulse_text(heard.last) if heard.last else 'none yet'}"))
    if heard.trouble:
        lines.append(Text(heard.trouble, style="bold red"))
    return Group(table, *lines)


def impulse_text(onset: ImpulseOnset) -> str:
    """Return when, how loud and from where."""
    unit = "dB" if onset.calibrated else "dBFS"
    at = _moment(onset.time).astimezone().strftime("%H:%M:%S")
    loud = f"LCpeak {'>= ' if onset.clipped else ''}{onset.lcpeak_db:.1f} {unit}"
    direction = direction_text(onset)
    return f"{at}, {loud}{', ' if direction else ''}{direction}"


def direction_text(onset: ImpulseOnset) -> str:
    """Return from where an impulse came, with what is not known of it; empty without an array."""
    if onset.direction_absence is not None:
        return f"direction unknown ({onset.direction_absence.value})"
    parts = []
    if onset.azimuth_deg is not None:
        spread = f" ±{onset.azimuth_uncertainty_deg:.1f}°"
        both = f"{onset.azimuth_deg:.1f}°"
        if onset.other_azimuth_deg is not None and onset.other_azimuth_deg != onset.azimuth_deg:
            both += f" or {onset.other_azimuth_deg:.1f}°"
        parts.append(f"from {both}{spread}")
    if onset.elevation_deg is not None:
        spread = f" ±{onset.elevation_uncertainty_deg:.1f}°"
        other_deg = onset.other_elevation_deg
        if other_deg is not None and abs(other_deg - onset.elevation_deg) > 0.05:
            parts.append(f"{onset.elevation_deg:+.1f}° or {other_deg:+.1f}°{spread} high")
        else:
            parts.append(f"{onset.elevation_deg:+.1f}°{spread} high")
    if parts and onset.left_out:
        parts.append(f"without channel {', '.join(map(str, onset.left_out))}")
    return ", ".join(parts)


def _impulse(onset: ImpulseOnset) -> dict[str, Any]:
    return {
        "time": _moment(onset.time).isoformat(timespec="milliseconds"),
        "lcpeak_db": round(onset.lcpeak_db, 1),
        "clipped": onset.clipped,
        "above_floor_db": round(onset.above_floor_db, 1),
        "azimuth_deg": _rounded(onset.azimuth_deg),
        "azimuth_uncertainty_deg": _rounded(onset.azimuth_uncertainty_deg),
        "elevation_deg": _rounded(onset.elevation_deg),
        "elevation_uncertainty_deg": _rounded(onset.elevation_uncertainty_deg),
        "other_azimuth_deg": _rounded(onset.other_azimuth_deg),
        "other_elevation_deg": _rounded(onset.other_elevation_deg),
        "direction_absence": None if onset.direction_absence is None else onset.direction_absence.value,
        "channels_left_out": list(onset.left_out),
    }


def _bar(level_db: float | None, *, calibrated: bool) -> Text:
    lowest, highest = _SPAN_DB[calibrated]
    share = 0.0 if level_db is None else (level_db - lowest) / (highest - lowest)
    filled = round(_BAR * min(1.0, max(0.0, share)))
    warm = level_db is not None and level_db > _WARM_DB[calibrated]
    return Text("█" * filled + "·" * (_BAR - filled), style="yellow" if warm else "green")


def _moment(time: CaptureTime) -> datetime:
    return datetime.fromtimestamp(time.utc_ns / NS_PER_S, UTC)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
