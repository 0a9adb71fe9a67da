"""The contract: reports of the air."""

from typing import Literal

from edge.domain.health import Absence
from edge.domain.report_base import Concentration, Count, Duration, SensorReport


class ParticulatesReport(SensorReport):
    """Mean mass concentrations over one interval; a value not measured or not valid is absent."""

    kind: Literal["particulates"] = "particulates"
    duration_s: Duration
    readings: Count
    pm1_ugm3: Concentration | None = None
    pm2_5_ugm3: Concentration | None = None
    pm4_ugm3: Concentration | None = None
    pm10_ugm3: Concentration | None = None
    absence: Absence | None = None
