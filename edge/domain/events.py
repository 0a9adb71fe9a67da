"""Events: fusion's conclusions, explained by the kinds of observation they rest on."""

from dataclasses import dataclass
from typing import ClassVar

from edge.domain.health import Absence
from edge.domain.time import CaptureTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event carries.

    Attributes:
        time: phenomenon time of the first observation it rests on.
        confirmed: a second modality, a repetition or a second array agrees.
        because: kinds of the observations it rests on.
    """

    kind: ClassVar[str]
    time: CaptureTime
    result_time_ns: int
    confirmed: bool
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Impulse(Event):
    """One bang or a burst of them.

    Attributes:
        lcpeak_db: of the loudest; "at least" when `clipped`.
        impulses: how many onsets so far.
        azimuth_deg: of the loudest, with all that follows; see `ImpulseOnset`.
    """

    kind: ClassVar[str] = "impulse"
    calibrated: bool
    clipped: bool
    lcpeak_db: float
    above_floor_db: float
    rise_s: float
    duration_s: float
    impulses: int
    azimuth_deg: float | None = None
    azimuth_uncertainty_deg: float | None = None
    elevation_deg: float | None = None
    elevation_uncertainty_deg: float | None = None
    other_azimuth_deg: float | None = None
    other_elevation_deg: float | None = None
    direction_absence: Absence | None = None
