import numpy as np
import pytest
from numpy.typing import NDArray

from edge.dsp.calibrator import measure_tone, objection

Samples = NDArray[np.float32]
RATE = 48_000


def tone(
    hz: float = 1000.0,
    level_db: float = -26.0,
    seconds: float = 5.0,
    rate_hz: int = RATE,
    noise_db: float = -70,
) -> NDArray[np.float64]:
    at_s = np.arange(round(seconds * rate_hz)) / rate_hz
    noise = np.random.default_rng(0).standard_normal(len(at_s)) * 10 ** (noise_db / 20) / np.sqrt(2)
    return np.asarray(10 ** (level_db / 20) * np.sin(2 * np.pi * hz * at_s + 0.3) + noise)


def said(samples: NDArray[np.float64], calibrator_db: float = 94.0, rate_hz: int = RATE) -> str:
    return objection(measure_tone(samples.astype(np.float32), rate_hz), calibrator_db)


@pytest.mark.parametrize("hz", [982.0, 999.63, 1000.0, 1001.9, 1018.0])
@pytest.mark.parametrize("rate_hz", [8000, 44_100, 48_000, 96_000])
def test_level_and_frequency(hz: float, rate_hz: int) -> None:
    measured = measure_tone(tone(hz, -26.4, rate_hz=rate_hz).astype(np.float32), rate_hz)
    assert measured.frequency_hz == pytest.approx(hz, abs=0.02)
    assert measured.level_db == pytest.approx(-26.4, abs=0.02)
    assert measured.spread_db < 0.02
    assert measured.full_scale_db(94) == pytest.approx(120.4, abs=0.02)
    assert objection(measured, 94) == ""


def test_an_offset_and_rumble_below_the_tone_do_not_matter() -> None:
    at_s = np.arange(5 * RATE) / RATE
    disturbed = tone() + 0.1 + 0.05 * np.sin(2 * np.pi * 12 * at_s)
    assert said(disturbed) == ""
    assert measure_tone(disturbed.astype(np.float32), RATE).level_db == pytest.approx(-26, abs=0.03)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (tone(level_db=-200, noise_db=-60), "no steady tone"),
        (np.zeros(5 * RATE), "no steady tone"),
        (np.full(5 * RATE, 0.25), "no steady tone"),
        (tone(noise_db=-40), "no steady tone"),
        (tone(hz=250), "a tone at 250.0 Hz"),
        (tone(hz=1030), "a tone at 1030.0 Hz"),
        (np.clip(tone(level_db=3), -1, 1), "clipped"),
        (tone() * np.linspace(1, 1.05, 5 * RATE), "the level wanders by 0.4"),
        (tone(level_db=-88, noise_db=-120), "full scale 182 dB"),
        (np.where(np.arange(5 * RATE) == 7, np.nan, tone()), "1 samples are no numbers"),
    ],
)
def test_what_is_not_a_calibrators_tone(samples: NDArray[np.float64], expected: str) -> None:
    assert expected in said(samples)


def test_a_whistle_is_not_a_calibrator() -> None:
    at_s = np.arange(5 * RATE) / RATE
    phase = 2 * np.pi * 1000 * at_s + 3 * np.sin(2 * np.pi * 0.5 * at_s)
    assert "wavers by" in said(0.1 * np.sin(phase))


def test_the_wrong_level_is_noticed_when_it_cannot_be() -> None:
    assert said(tone(level_db=-2), 94) == ""
    assert "which no microphone has" in said(tone(level_db=-2, noise_db=-40), 60)


def test_too_short_a_sound_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2\.9 s is too short"):
        measure_tone(np.zeros(round(2.9 * RATE), np.float32), RATE)
