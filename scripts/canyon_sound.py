"""Bangs in a street canyon by pyroomacoustics, a development dependency independent of `scripts.array_sound`.

An image-source model of a box whose ceiling and two ends swallow all sound.
"""

import numpy as np
from numpy.typing import NDArray

from scripts.array_sound import RATE_HZ

Float = NDArray[np.float64]

WIDTH_M, LENGTH_M, HEIGHT_M = 15.0, 80.0, 60.0
_FACADE_SWALLOWS, _GROUND_SWALLOWS = 0.2, 0.1
_ORDER = 6
_BEFORE_S = 0.2
_PULSE_S = 0.02


def in_a_canyon(microphones: Float, bang: Float, speed_m_s: float, positive_s: float) -> tuple[Float, float]:
    """Return what the microphones hear and when the direct sound reaches the middle of the array.

    Args:
        microphones: shape (microphones, 3); x across the street, y along it, z up, metres.
        bang: where it is, likewise.
        speed_m_s: of sound.
        positive_s: positive phase of the Friedlander pulse.

    Returns:
        Sound at `RATE_HZ`, shape (n, microphones), and the sample of the onset.
    """
    import pyroomacoustics as pra

    since = np.arange(round(_PULSE_S * RATE_HZ)) / RATE_HZ / positive_s
    facade, open_side = pra.Material(_FACADE_SWALLOWS), pra.Material(1.0)
    sides = dict.fromkeys(("ceiling", "north", "south"), open_side)
    room = pra.ShoeBox(
        [WIDTH_M, LENGTH_M, HEIGHT_M],
        fs=RATE_HZ,
        max_order=_ORDER,
        materials=sides | {"east": facade, "west": facade, "floor": pra.Material(_GROUND_SWALLOWS)},
    )
    room.set_sound_speed(speed_m_s)
    room.add_source(bang, signal=(1 - since) * np.exp(-since))
    room.add_microphone_array(microphones.T)
    room.simulate()
    away_m = float(np.linalg.norm(bang - microphones.mean(axis=0)))
    # The filters of pyroomacoustics delay everything by half their length.
    late = away_m / speed_m_s * RATE_HZ + pra.constants.get("frac_delay_length") // 2
    before = round(_BEFORE_S * RATE_HZ)
    return np.pad(np.asarray(room.mic_array.signals.T), ((before, 0), (0, 0))), before + late
