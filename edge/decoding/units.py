"""Units a board may speak, and what they become: one suffix of the measurement's name, one conversion."""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """The closed list of units a profile may name."""

    UG_M3 = "ug/m3"
    MG_M3 = "mg/m3"
    PER_CM3 = "/cm3"
    PER_DL = "/0.1L"
    UM = "um"
    PPM = "ppm"
    PPB = "ppb"
    PERCENT = "%"
    CELSIUS = "degC"
    FAHRENHEIT = "degF"
    HPA = "hPa"
    PA = "Pa"
    KPA = "kPa"
    BAR = "bar"
    MMHG = "mmHg"
    INHG = "inHg"
    M_S = "m/s"
    KM_H = "km/h"
    MPH = "mph"
    KNOT = "kn"
    DEG = "deg"
    MM = "mm"
    INCH = "in"
    MM_H = "mm/h"
    INCH_H = "in/h"
    HITS_CM2 = "hits/cm2"
    M = "m"
    S = "s"
    DB = "dB"
    VOLT = "V"
    LUX = "lx"
    W_M2 = "W/m2"
    INDEX = "index"
    COUNT = "count"
    ID = "id"
    TEXT = "text"
    BITS = "bits"


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a unit becomes: `value * scale + offset`, in the unit that `suffix` names.

    Attributes:
        suffix: end of the measurement's name; empty for what has no unit.
    """

    suffix: str
    scale: float = 1.0
    offset: float = 0.0


QUANTITIES: dict[Unit, Quantity] = {
    Unit.UG_M3: Quantity("ugm3"),
    Unit.MG_M3: Quantity("ugm3", 1000.0),
    Unit.PER_CM3: Quantity("percm3"),
    Unit.PER_DL: Quantity("percm3", 0.01),
    Unit.UM: Quantity("um"),
    Unit.PPM: Quantity("ppm"),
    Unit.PPB: Quantity("ppb"),
    Unit.PERCENT: Quantity("percent"),
    Unit.CELSIUS: Quantity("c"),
    Unit.FAHRENHEIT: Quantity("c", 5 / 9, -160 / 9),
    Unit.HPA: Quantity("hpa"),
    Unit.PA: Quantity("hpa", 0.01),
    Unit.KPA: Quantity("hpa", 10.0),
    Unit.BAR: Quantity("hpa", 1000.0),
    Unit.MMHG: Quantity("hpa", 1.333224),
    Unit.INHG: Quantity("hpa", 33.86389),
    Unit.M_S: Quantity("mps"),
    Unit.KM_H: Quantity("mps", 1 / 3.6),
    Unit.MPH: Quantity("mps", 0.44704),
    Unit.KNOT: Quantity("mps", 1852 / 3600),
    Unit.DEG: Quantity("deg"),
    Unit.MM: Quantity("mm"),
    Unit.INCH: Quantity("mm", 25.4),
    Unit.MM_H: Quantity("mmh"),
    Unit.INCH_H: Quantity("mmh", 25.4),
    Unit.HITS_CM2: Quantity("hitspercm2"),
    Unit.M: Quantity("m"),
    Unit.S: Quantity("s"),
    Unit.DB: Quantity("db"),
    Unit.VOLT: Quantity("v"),
    Unit.LUX: Quantity("lux"),
    Unit.W_M2: Quantity("wm2"),
    Unit.INDEX: Quantity(""),
    Unit.COUNT: Quantity(""),
    Unit.ID: Quantity(""),
    Unit.TEXT: Quantity(""),
    Unit.BITS: Quantity(""),
}


def measurement_name(name: str, unit: Unit) -> str:
    """Return the name under which a value travels: `pm2_5` in ug/m3 is `pm2_5_ugm3`."""
    suffix = QUANTITIES[unit].suffix
    return f"{name}_{suffix}" if suffix else name
