"""Whether a reading is believable after those before it: jumps, and boards that repeat themselves.

The range of a value is its profile's business; how fast it may change is that of what is measured.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge.domain.frames import ReadingFrame
from edge.domain.health import Absence
from edge.domain.time import NS_PER_S


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a value may be from the one before: `step` at once, and `per_s` for each second between."""

    step: float
    per_s: float


# Weather: twice the differences between samples that the WMO's guidelines for automatic stations (CBS 2004)
# allow, because cheap boards answer in coarse steps. Particles and gases: a lorry or a firework beside the
# pole is real, so only what no sampling chamber can do within a second is refused.
PACES: Mapping[str, Pace] = {
    "temperature_c": Pace(4.0, 0.05),
    "humidity_percent": Pace(10.0, 0.25),
    "pressure_hpa": Pace(1.0, 0.01),
    "wind_speed_mps": Pace(30.0, 1.0),
    "globe_temperature_c": Pace(6.0, 0.1),
    "pm1_ugm3": Pace(500.0, 50.0),
    "pm2_5_ugm3": Pace(500.0, 50.0),
    "pm2_5_b_ugm3": Pace(500.0, 50.0),
    "pm2_5_cf1_ugm3": Pace(500.0, 50.0),
    "pm4_ugm3": Pace(500.0, 50.0),
    "pm10_ugm3": Pace(500.0, 50.0),
    "co2_ppm": Pace(1000.0, 50.0),
    "no2_ppb": Pace(500.0, 20.0),
    "o3_ppb": Pace(500.0, 20.0),
    "so2_ppb": Pace(500.0, 20.0),
    "co_ppb": Pace(20_000.0, 1000.0),
    "formaldehyde_ppb": Pace(500.0, 20.0),
    "water_level_m": Pace(0.3, 0.01),
    "distance_m": Pace(0.3, 0.01),
}

# What rests by nature: a calm, no rain, a clean grade, a quay at slack water.
_RESTFUL = ("wind_", "rain_", "water_", "distance_", "voc_", "odour_", "nox_", "latitude_", "longitude_")


class Screen:
    """Turns what cannot be believed into absences.

    A value that jumps is refused until a second one agrees with it: a spike is dropped, a step passes one
    reading late. A board whose every value has stood still for `unchanged_s` is stuck.

    Attributes:
        stuck: it is.
    """

    def __init__(self, unchanged_s: float, paces: Mapping[str, Pace] = PACES) -> None:
        self.stuck = False
        self._unchanged_s = unchanged_s
        self._paces = paces
        self._believed: dict[str, tuple[float, int]] = {}
        self._refused: dict[str, tuple[float, int]] = {}
        self._latest: dict[tuple[str, ...], tuple[float, ...]] = {}
        self._stirred_ns = 0

    def take(self, frame: ReadingFrame) -> ReadingFrame:
        """Return the reading without what cannot be believed."""
        now_ns = frame.time.monotonic_ns
        why: dict[str, Absence] = {}
        self._note(frame.values, now_ns)
        if self.stuck:
            why = dict.fromkeys((n for n in frame.values if not n.startswith(_RESTFUL)), Absence.STALE)
        for name, value in frame.values.items():
            if not math.isfinite(value):
                why[name] = Absence.SENSOR_FAULT
            elif name not in why and self._jumps(name, value, now_ns):
                why[name] = Absence.JUMP
        if not why:
            return frame
        kept = {name: value for name, value in frame.values.items() if name not in why}
        return replace(frame, values=kept, absent={**frame.absent, **why})

    def _jumps(self, name: str, value: float, now_ns: int) -> bool:
        pace = self._paces.get(name)
        if pace is None:
            return False
        for known in (self._believed.get(name), self._refused.get(name)):
            if known is not None and abs(value - known[0]) <= _allowed(pace, now_ns - known[1]):
                break
        else:
            if name in self._believed:
                self._refused[name] = (value, now_ns)
                return True
        self._believed[name] = (value, now_ns)
        self._refused.pop(name, None)
        return False

    def _note(self, values: Mapping[str, float], now_ns: int) -> None:
        """Take note whether the board still stirs; each kind of message is compared with its own last one."""
        lively = tuple(name for name in values if not name.startswith(_RESTFUL))
        if not lively:
            return
        now = tuple(values[name] for name in lively)
        if self._latest.get(lively) != now:
            self._latest[lively] = now
            self._stirred_ns = now_ns
        self.stuck = (now_ns - self._stirred_ns) / NS_PER_S >= self._unchanged_s


def _allowed(pace: Pace, elapsed_ns: int) -> float:
    return pace.step + pace.per_s * elapsed_ns / NS_PER_S
