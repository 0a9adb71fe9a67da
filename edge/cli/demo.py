"""`lamppost demo`: recordings of a street through the real pipeline to a subscriber, live on the screen."""

import argparse
import asyncio
import json
import logging
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, complain, seconds
from edge.cli.settings_file import EXAMPLES, load
from edge.delivery.mqtt_access import Message
from edge.runtime.clock import SystemClock
from edge.runtime.logs import logging_to_stderr
from edge.runtime.node import last_delivery, outbox_of, publishing, sensing, subscribed
from edge.runtime.settings import Settings, entry
from edge.runtime.signals import stopped_by_signals
from edge.runtime.signing_keys import keys_of, with_new_key
from edge.signing.key_list import key_list_entry

HELP = "watch a lamppost work on recordings of a street; needs no hardware and no server"

_EXPECTED = ("sound_level", "impulse", "scene_motion", "particulates")
_ENOUGH_S = 20.0
"""After so long every kind must have come; the first bang of the recording is at 7 s."""

_LAST_MESSAGE_S = 0.3
"""The broker acknowledges to the publisher before the subscriber has the message."""

_SAYS = {
    "sound_level": "LAeq {laeq_db}, LAFmax {lafmax_db}, LCpeak {lcpeak_db} {unit} over {duration_s} s",
    "sound_bands": "63 Hz {l63_db}, 1 kHz {l1000_db}, 8 kHz {l8000_db} {unit} over {duration_s} s",
    "impulse": "{impulses} bang(s), LCpeak {lcpeak_db} {unit}, {above_floor_db} dB above the street",
    "street_sound": "{outcome}, after a bang: {after_impulse}",
    "bang": "{stage}: {outcome}, {impulses} bang(s), {distance_m} m away, louder than permitted: {exceeded}",
    "lamp": "{scene}, {level_percent} % of full light ({cause})",
    "lamp_request": "{scene}, {level_percent} % of full light, for {expires_s} s ({cause})",
    "loudspeaker": "plays a {announcement} of {duration_s} s ({cause})",
    "scene_motion": "moving {moving_share:.1%}, occupied {occupied_share:.1%} of {frames} pictures",
    "people_count": "{people} people ({people_low} to {people_high}), {vehicles} vehicles",
    "line_crossing": "line {line}: {people_in} in, {people_out} out; {vehicles_in}, {vehicles_out} vehicles",
    "crowd_cue": "{cue} {stage} (score {score}) after {lasted_s} s",
    "parking": "{free} free, {occupied} occupied, {unknown} not known",
    "particulates": "PM2.5 {pm2_5_ugm3} ug/m3, PM10 {pm10_ugm3} ug/m3 from {readings} readings",
    "gases": "NO2 {no2_ugm3}, O3 {o3_ugm3}, CO {co_ugm3} ug/m3, CO2 {co2_ppm} ppm from {readings} readings",
    "weather": "{temperature_c} degC, {humidity_percent} %, {pressure_hpa} hPa, wind {wind_speed_ms} m/s "
    "from {wind_from_deg} deg, gust {wind_gust_ms} m/s, rain {rain_mm} mm",
    "contact": "{role} is {state}",
    "presence": "somebody near for {present_share:.0%} of {duration_s} s",
    "corrected_particulates": "PM2.5 {pm2_5_ugm3}, dry {pm2_5_corrected_ugm3} ug/m3 at {humidity_percent} %, "
    "by {formula}",
    "air_mean": "{pollutant} {mean_ugm3} ug/m3 over {averaging}, {capture_share:.0%} of the time",
    "air_index": "{index} is {value} because of {worst}",
    "air_exceedance": "{pollutant} {mean_ugm3} ug/m3 over {averaging}, limit {limit_ugm3} of {table}",
    "gas_indices": "VOC index {voc_index}, grade {voc_grade}; NOx index {nox_index}; odour {odour_grade}",
    "heat_stress": "feels like {heat_index_c} degC ({grade}), WBGT about {wbgt_estimate_c} degC",
    "water_level": "{level_m} m, rising {rise_m_per_h} m/h",
    "position": "{latitude_deg}, {longitude_deg}, moved: {moved}",
    "time_quality": "fix is {grade}: {fix_share:.0%} of the time, {satellites} satellites, HDOP {hdop}",
    "sensor_agreement": "{pollutant} of sensor {other_sensor}: slope {slope}, offset {offset_ugm3} ug/m3",
    "command": "command {number} ({action}) {outcome}: {reason}",
    "health": "{component} {sensor} is {status} ({reason})",
}

_LASTS = "{stage}: {strength} evidence, confirmed: {confirmed}, lasted {lasted_s} s"
"""What every event says that begins, goes on and ends."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how long, and where to tell the key."""
    parser.add_argument("--seconds", type=seconds, default=60.0, help="how long (default: 60)")
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="F",
        help="write the list of keys that `lamppost events verify` needs to F",
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo; exit code 1 when a kind of report did not arrive."""
    screen = _Lines() if args.json else _Screen()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="lamppost-demo-")))
        # The screen shows health as the subscriber received it; only what is broken is worth a line between.
        level = logging.INFO if args.json else logging.CRITICAL
        stack.enter_context(logging_to_stderr(level, json_lines=args.json))
        stack.enter_context(screen)
        settings = _settings(folder)
        if args.keys is not None:
            _write_keys(settings, args.keys)
        lasted_s = asyncio.run(_demo(settings, args.seconds, screen))
    if screen.broken is not None:
        raise screen.broken
    return _verdict(screen.came, lasted_s)


def _settings(folder: Path) -> Settings:
    box = entry("delivery", "outbox", path=folder / "outbox.sqlite", max_mb=16)
    return with_new_key(load(EXAMPLES / "demo.toml").replacing(box), folder / "signing.key")


def _write_keys(settings: Settings, path: Path) -> None:
    keys = keys_of(settings)
    assert keys is not None
    node = settings.node
    try:
        path.write_text(
            key_list_entry(f"/lp/v1/{node.city}/{node.id}", keys.current.public), encoding="utf-8"
        )
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); give another file") from error


async def _demo(settings: Settings, wanted_s: float, screen: "_Lines") -> float:
    """Run; return how long it lasted, seconds: a person may stop it before."""
    async with (
        outbox_of(settings) as (outbox, worker),
        publishing(settings, outbox, worker) as broker,
        subscribed(broker, f"lp/v1/{settings.node.city}/#", screen.received),
    ):
        async with (
            sensing(settings, SystemClock(), outbox, worker) as sense,
            stopped_by_signals(sense.stop),
        ):
            screen.stop = sense.stop
            asyncio.get_running_loop().call_later(wanted_s, sense.stop)
            began_s = time.monotonic()
            await sense.run()
            lasted_s = time.monotonic() - began_s
        await last_delivery(broker)
        await asyncio.sleep(_LAST_MESSAGE_S)
        return lasted_s


def _verdict(came: Counter[str], lasted_s: float) -> int:
    missing = [kind for kind in _EXPECTED if not came[kind]]
    if missing and lasted_s >= _ENOUGH_S:
        kinds = ", ".join(missing)
        complain(f"no {kinds} report arrived within {lasted_s:.0f} s; `lamppost doctor` may say why")
        return FOUND_PROBLEM
    return FINE


class _Lines:
    """Prints each report as the subscriber received it, one CloudEvent a line.

    Attributes:
        came: reports received, by kind.
        stop: ends the demo, when there is nobody left to show it to.
        broken: why nothing more can be shown.
    """

    def __init__(self) -> None:
        self.came: Counter[str] = Counter()
        self.stop: Callable[[], None] = lambda: None
        self.broken: OSError | None = None

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def received(self, message: Message) -> None:
        """Take one message of the broker."""
        if message.topic.endswith("/state"):
            return
        event = json.loads(message.payload)
        self.came[event["data"]["kind"]] += 1
        if self.broken is None:
            try:
                self.show(message, event)
            except OSError as error:
                self.broken = error
                self.stop()

    def show(self, message: Message, event: dict[str, Any]) -> None:  # noqa: ARG002 - the table shows both
        """Print it."""
        sys.stdout.write(message.payload.decode() + "\n")
        sys.stdout.flush()


class _Screen(_Lines):
    """A live table: the latest report of each sensor, and the last events; plain lines without a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console()
        self._latest: dict[tuple[str, int], tuple[str, str, int]] = {}
        self._events: deque[str] = deque(maxlen=8)
        self._live = Live(console=self._console, auto_refresh=False, get_renderable=self._picture)

    def __enter__(self) -> "_Screen":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, message: Message, event: dict[str, Any]) -> None:
        """Show it."""
        kind, sensor = event["data"]["kind"], event["data"].get("sensor", 0)
        at = datetime.fromisoformat(event["time"]).astimezone().strftime("%H:%M:%S")
        told = _sentence(event["data"])
        count = self._latest.get((kind, sensor), ("", "", 0))[2] + 1
        self._latest[kind, sensor] = (at, told, count)
        if "/event/" in message.topic:
            self._events.append(f"{at}  {kind}: {told}")
        if self._console.is_terminal:
            self._live.refresh()
        else:
            self._console.print(f"{at}  {message.topic}  {told}", soft_wrap=True, highlight=False)

    def _picture(self) -> Group:
        table = Table("latest", "report", "sensor", "says", "received", title="received from the broker")
        for (kind, sensor), (at, told, count) in sorted(self._latest.items()):
            table.add_row(at, kind, str(sensor), told, str(count))
        return Group(table, Text("events", style="bold"), *(Text(line) for line in self._events))


def _sentence(report: dict[str, Any]) -> str:
    at_least = "at least: clipped, " if report.get("clipped") else ""
    absence = f" ({report['absence']})" if report.get("absence") else ""
    report = report | {"unit": "dB" if report.get("calibrated") else "dBFS"}
    says = _SAYS.get(report["kind"], _LASTS if "stage" in report else "{kind}")
    return at_least + says.format_map(_Told(report)) + absence


class _Told(dict[str, Any]):
    """A report in which a value that is absent is shown as a dash."""

    def __missing__(self, key: str) -> "_Dash":
        return _Dash()


class _Dash:
    def __format__(self, form: str) -> str:
        return "-"
