"""Wind over an interval, as the WMO tells it (WMO-No. 8, volume I, chapter 5)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge.domain.time import NS_PER_S

_GUST_S = 3.0
_SLOWEST_FOR_GUSTS_S = 1.5
_CALM_MS = 0.05


@dataclass(frozen=True, slots=True)
class WindSample:
    """One reading: when (monotonic), how fast, and where from where the board says so."""

    time_ns: int
    speed_ms: float
    from_deg: float | None = None


def vector_mean_from_deg(samples: Sequence[WindSample]) -> float | None:
    """Return where the mean wind vector comes from, 0..360; None in a calm or when the directions cancel."""
    known = [(s.speed_ms, math.radians(s.from_deg)) for s in samples if s.from_deg is not None]
    if not known:
        return None
    north = math.fsum(speed * math.cos(angle) for speed, angle in known) / len(known)
    east = math.fsum(speed * math.sin(angle) for speed, angle in known) / len(known)
    if math.hypot(north, east) < _CALM_MS:
        return None
    degrees = math.degrees(math.atan2(east, north)) % 360
    return degrees if degrees < 360 else 0.0


def gust_ms(samples: Sequence[WindSample]) -> float | None:
    """Return the highest mean over 3 s; None where readings are too far apart to tell."""
    highest: float | None = None
    total, first = 0.0, 0
    for last, sample in enumerate(samples):
        total += sample.speed_ms
        while (sample.time_ns - samples[first].time_ns) / NS_PER_S >= _GUST_S:
            total -= samples[first].speed_ms
            first += 1
        # Whole only when a reading is missing neither inside nor just before these 3 s.
        count = last - first + 1
        if first and count * _SLOWEST_FOR_GUSTS_S >= _GUST_S:
            highest = max(highest or 0.0, total / count)
    return highest
