"""The city's dated permitted levels and priors, and a bang's level at the distance they are about."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from edge.domain.city import City, LevelName, PermittedLevel, Prior, in_force
from edge.domain.health import Absence
from edge.domain.observations import ImpulseOnset
from edge.domain.time import CaptureTime
from edge.fusion.ranging import Distance

_DB_PER_NEPER = 20 / math.log(10)
_PROPAGATION_DB = 3.0
"""One standard deviation: a facade adds up to 6 dB, a parked van takes as much away."""

_NEAREST_M, _FARTHEST_M = 8.0, 200.0
"""Without a distance: from a throw from the lamppost to where a bang no longer stands out of a street."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A bang's level at the reference distance of the permitted level in force, and what comes of it."""

    reference_distance_m: float | None = None
    reference_level_db: float | None = None
    reference_level_uncertainty_db: float | None = None
    permitted: int | None = None
    permitted_db: float | None = None
    exceeded: bool | None = None
    level_absence: Absence | None = None


def priors_in_force(city: City, time: CaptureTime) -> list[Prior]:
    """Return the city's priors that hold: of each sound the first in the file."""
    found: dict[str, Prior] = {}
    for prior in city.priors:
        if prior.sound not in found and in_force(prior.during, city, time):
            found[prior.sound] = prior
    return list(found.values())


def compare(city: City, onset: ImpulseOnset, distance: Distance) -> Comparison:
    """Return a bang's level at the reference distance, and whether it is above the level permitted there.

    It spreads as a sphere: 6 dB a doubling of the distance. Without a distance the level is the mean over
    all distances at which a bang is heard, with their spread, and is not compared.
    """
    limits = [p for p in city.permitted_levels if in_force(p.during, city, onset.time)]
    if not limits:
        return Comparison()
    limit = _measured_first(limits, onset)
    named = Comparison(limit.distance_m, permitted=limit.number, permitted_db=limit.level_db)
    level_db = _level_db(onset, limit.quantity)
    if level_db is None:
        return replace(named, level_absence=Absence.NO_READING)
    if not onset.calibrated:
        return replace(named, level_absence=Absence.UNCALIBRATED)
    gain_db, spread_db = _to_reference(distance, limit.distance_m)
    reference_db, uncertainty_db = level_db + gain_db, math.hypot(spread_db, _PROPAGATION_DB)
    known = replace(named, reference_level_db=reference_db, reference_level_uncertainty_db=uncertainty_db)
    if distance.metres is None:
        return replace(known, level_absence=Absence.NO_DISTANCE)
    exceeded = _exceeded(reference_db, uncertainty_db, limit.level_db, at_least=onset.clipped)
    return replace(known, exceeded=exceeded, level_absence=Absence.AMBIGUOUS if exceeded is None else None)


def _measured_first(limits: Iterable[PermittedLevel], onset: ImpulseOnset) -> PermittedLevel:
    """Return the first limit whose quantity is measured of a bang, else the first."""
    return min(limits, key=lambda limit: _level_db(onset, limit.quantity) is None)


def _level_db(onset: ImpulseOnset, quantity: LevelName) -> float | None:
    measured = {LevelName.LCPEAK_DB: onset.lcpeak_db, LevelName.LAFMAX_DB: onset.lafmax_db}
    return measured.get(quantity)


def _to_reference(distance: Distance, reference_m: float) -> tuple[float, float]:
    """Return what to add to a level for the reference distance, and one standard deviation, dB."""
    if distance.metres is None or distance.uncertainty_m is None:
        near, far = math.log(_NEAREST_M), math.log(_FARTHEST_M)
        middle_m, spread = math.exp((near + far) / 2), (far - near) / math.sqrt(12)
        return 20 * math.log10(middle_m / reference_m), _DB_PER_NEPER * spread
    # Nearer than its own uncertainty it may be anywhere within that.
    metres = max(distance.metres, distance.uncertainty_m, 1.0)
    return 20 * math.log10(metres / reference_m), _DB_PER_NEPER * distance.uncertainty_m / metres


def _exceeded(reference_db: float, spread_db: float, permitted_db: float, *, at_least: bool) -> bool | None:
    if reference_db - spread_db > permitted_db:
        return True
    if reference_db + spread_db <= permitted_db and not at_least:
        return False
    return None
