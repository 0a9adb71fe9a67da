import math

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.domain.health import Absence
from edge.dsp.aiming import Aim
from edge.dsp.air import relative_uncertainty, speed_of_sound_m_s
from scripts.array_sound import ONSET_S, RATE_HZ, in_the_open, noisy, places, towards
from scripts.measure_direction import square

ARRAY = square(0.2)
BEFORE_S = 2.0


def stream() -> NDArray[np.float32]:
    bang = in_the_open(places(ARRAY), towards(70, 20), speed_of_sound_m_s(12), 0.001)
    quiet = np.zeros((round(BEFORE_S * RATE_HZ), 4))
    sound = np.concatenate([quiet, bang, np.zeros((RATE_HZ, 4))])
    return noisy(np.random.default_rng(0), sound, 25, BEFORE_S + ONSET_S).astype(np.float32)


ONSET = (BEFORE_S + ONSET_S) * RATE_HZ


@pytest.mark.parametrize("block", [480, 4800, 24_000, 1_000_000])
def test_a_direction_is_found_later_whatever_the_blocks(block: int) -> None:
    aim = Aim(RATE_HZ, ARRAY)
    sound = stream()
    told = round(ONSET) + round(0.6 * RATE_HZ)
    for first in range(0, told, block):
        aim.add(sound[first : first + block])
    assert aim.direction(ONSET).azimuth_deg == pytest.approx(70, abs=0.3)


def test_what_it_keeps_is_bounded() -> None:
    aim = Aim(RATE_HZ, ARRAY)
    for _ in range(100):
        aim.add(np.zeros((4800, 4), np.float32))
    assert sum(len(part) for _, part in aim._recent) < 1.3 * RATE_HZ


def test_too_many_onsets_get_no_direction_and_say_so() -> None:
    aim = Aim(RATE_HZ, ARRAY)
    aim.add(stream())
    # Twenty onsets a second, as of a jackhammer.
    told = [aim.direction(ONSET + RATE_HZ / 20 * number) for number in range(-8, 12)]
    unread = [direction.absence is Absence.NO_READING for direction in told]
    assert unread[:8] == [False] * 8
    assert 9 <= sum(unread) <= 11
    assert aim.direction(ONSET + RATE_HZ).absence is not Absence.NO_READING


def test_the_speed_of_sound() -> None:
    assert speed_of_sound_m_s(20) == pytest.approx(343.2, abs=0.1)
    assert speed_of_sound_m_s(-10) == pytest.approx(325.2, abs=0.1)
    warmer = speed_of_sound_m_s(13) / speed_of_sound_m_s(12) - 1
    assert relative_uncertainty(12, 1) == pytest.approx(warmer, rel=0.01)
    assert not math.isnan(relative_uncertainty(-40, 0))
