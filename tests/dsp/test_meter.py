import numpy as np
import pytest

from edge.dsp.meter import Meter

RATE = 48_000


def noise(seconds: float, level: float) -> np.ndarray:
    return (level * np.random.default_rng(0).standard_normal((round(seconds * RATE), 2))).astype(np.float32)


@pytest.mark.parametrize("block", [480, 4800, 7001, 10**6])
def test_readings_do_not_depend_on_the_blocks(block: int) -> None:
    sound = np.concatenate([noise(2, 0.01), noise(1.05, 0.1)])
    meter, whole = Meter(RATE, 2), Meter(RATE, 2)
    for first in range(0, len(sound), block):
        meter.add(sound[first : first + block])
    whole.add(sound)
    assert meter.readings() == whole.readings()


def test_floor_mean_and_peak() -> None:
    meter = Meter(RATE, 2)
    assert meter.readings() == []
    meter.add(noise(5, 0.01))
    quiet = meter.readings()[0]
    meter.add(noise(1, 0.1))
    loud = meter.readings()[0]
    assert quiet.laeq_db is not None
    assert loud.laeq_db == pytest.approx(quiet.laeq_db + 20, abs=0.2)
    assert loud.floor_db == pytest.approx(quiet.laeq_db, abs=1)
    assert loud.lcpeak_db is not None
    assert quiet.lcpeak_db is not None
    assert loud.lcpeak_db > quiet.lcpeak_db + 15
    meter.add(noise(31, 0.1))
    assert meter.readings()[0].floor_db == pytest.approx(loud.laeq_db, abs=1)


def test_digital_silence_is_no_level_and_clipping_is_seen_for_a_second() -> None:
    meter = Meter(RATE, 2)
    sound = np.zeros((RATE, 2), np.float32)
    sound[100:110, 1] = 1.0
    meter.add(sound)
    silent, clipped = meter.readings()
    assert (silent.laf_db, silent.laeq_db, silent.floor_db, silent.clipped) == (None, None, None, False)
    assert clipped.clipped is True
    meter.add(noise(1.1, 0.01))
    assert meter.readings()[1].clipped is False
