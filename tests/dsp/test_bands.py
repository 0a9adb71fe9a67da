"""One-third-octave bands: class 1 of IEC 61260-1, two oracles, block sizes, and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.dsp.bands import NOMINAL_HZ, BandMeter, exact_hz
from edge.dsp.levels import LevelMeter, Levels

Float = NDArray[np.float64]

RATE = 48_000
G = 10**0.3


def tone(hz: float, seconds: float, amplitude: float = 0.1, rate_hz: int = RATE) -> Float:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def pink(seconds: float, rate_hz: int, seed: int = 1) -> Float:
    length = round(seconds * rate_hz)
    hz = np.fft.rfftfreq(length, 1 / rate_hz)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    spectrum[hz < 10] = 0
    spectrum[1:] /= np.sqrt(hz[1:])
    noise = np.fft.irfft(spectrum, length)
    return np.asarray(0.1 * noise / noise.std())


def levels_of(sound: Float, rate_hz: int = RATE) -> Levels:
    meter = LevelMeter(rate_hz, bands=True)
    meter.add(sound)
    return meter.take()[0]


def settled(tones_hz: Float, rate_hz: int, settle_s: float, seconds: float) -> Float:
    """Return the level of each tone (rows) in each band (columns) once the filters have settled."""
    meter = BandMeter(rate_hz, len(tones_hz))
    rows = np.sin(2 * np.pi * np.outer(tones_hz, np.arange(round((settle_s + seconds) * rate_hz)) / rate_hz))
    start = round(settle_s * rate_hz)
    meter.add(rows[:, :start])
    meter.take(np.full(len(tones_hz), start))
    meter.add(rows[:, start:])
    taken = meter.take(np.full(len(tones_hz), rows.shape[1] - start))
    return np.array([[-np.inf if level is None else level for level in row] for row in taken])


def breakpoints() -> Float:
    """Return the normalised frequencies of table 1, mapped to one-third octaves (5.10.3)."""
    octave = np.array([1 / 8, 1 / 4, 3 / 8, 0.499, 0.501, 1, 2, 3, 4])
    high = 1 + (G ** (1 / 6) - 1) / (G**0.5 - 1) * (G**octave - 1)
    return np.concatenate([1 / high[::-1], [1.0], high])


@pytest.mark.parametrize(
    ("rate_hz", "nominal_hz", "settle_s"),
    [
        *((48_000, hz, 3.0) for hz in (25, 40)),
        *((48_000, hz, 0.2) for hz in (800, 1000, 1250, 5000, 6300, 8000, 10_000, 12_500, 16_000)),
        *((44_100, hz, 0.2) for hz in (6300, 8000, 16_000)),
        *((96_000, hz, 0.2) for hz in (1000, 16_000)),
    ],
)
def test_every_band_is_within_class_1(rate_hz: int, nominal_hz: float, settle_s: float) -> None:
    oracle = pytest.importorskip("pyoctaveband.compliance", reason="the oracle library is not installed")
    band = NOMINAL_HZ.index(nominal_hz)
    omega = breakpoints()
    omega = omega[omega * exact_hz(band) < 0.499 * rate_hz]
    read = settled(omega * exact_hz(band), rate_hz, settle_s, 4.0 if nominal_hz < 100 else 0.3)[:, band]
    attenuation = -np.maximum(read, -120)
    assert attenuation[list(omega).index(1.0)] == pytest.approx(0, abs=0.05)
    least, most = oracle.class_limits(3, 1, omega)
    assert (attenuation >= least).all(), dict(zip(omega, attenuation - least, strict=True))
    assert (attenuation <= most).all(), dict(zip(omega, most - attenuation, strict=True))


def test_a_tone_reads_its_level_in_its_band_and_in_no_other() -> None:
    read = settled(np.array([exact_hz(band) for band in range(29)]), RATE, 3.0, 3.0)
    assert np.diag(read) == pytest.approx(np.zeros(29), abs=0.05)
    np.fill_diagonal(read, -100)
    assert read.max() < -20


def test_the_bands_of_noise_are_those_of_an_independent_library() -> None:
    oracle = pytest.importorskip("pyoctaveband", reason="the oracle library is not installed")
    sound = pink(20, RATE)
    theirs, _ = oracle.octavefilter(sound, RATE, fraction=3, order=6, limits=[24, 17_000], dbfs=True)
    ours = levels_of(sound).bands_db
    # Ours are re the RMS of a full-scale sine. The narrow low bands hear so few swings of noise in 20 s that
    # filters of another order differ.
    difference = np.array(ours, dtype=float) - (np.asarray(theirs) + 3.01)
    assert np.abs(difference[:6]).max() < 0.5
    assert np.abs(difference[6:]).max() < 0.2


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_the_bands_of_noise_hold_the_power_of_its_spectrum(rate_hz: int) -> None:
    sound = pink(20, rate_hz, seed=3)
    hz = np.fft.rfftfreq(len(sound), 1 / rate_hz)
    power = 4 * np.abs(np.fft.rfft(sound)) ** 2 / len(sound) ** 2
    read = levels_of(sound, rate_hz).bands_db
    for band, level in enumerate(read):
        inside = (hz >= exact_hz(band) * 10**-0.05) & (hz < exact_hz(band) * 10**0.05)
        wanted = 10 * np.log10(power[inside].sum())
        # A real filter also hears a little beyond its edges, an effective bandwidth 2.6 % (0.11 dB) wider.
        assert level == pytest.approx(wanted, abs=0.6 if band < 6 else 0.3)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=8))
def test_the_size_of_blocks_changes_nothing(sizes: list[int]) -> None:
    sound = pink(1.2, RATE, seed=5) + 0.2
    whole = LevelMeter(RATE, bands=True)
    whole.add(sound)
    pieces = LevelMeter(RATE, bands=True)
    for cut in np.split(sound, np.minimum(np.cumsum(sizes), len(sound))):
        pieces.add(cut)
    expected, found = whole.take()[0].bands_db, pieces.take()[0].bands_db
    assert found[6:] == pytest.approx(expected[6:], abs=0.02)


def test_a_constant_offset_is_in_no_band() -> None:
    sound = pink(3, RATE)
    with_offset = levels_of(sound + 0.5).bands_db
    # The offset is known to the mean of the first 0.2 s, in which noise has one of its own.
    assert with_offset == pytest.approx(levels_of(sound).bands_db, abs=0.3)


def test_silence_has_no_level_in_any_band() -> None:
    assert levels_of(np.zeros(RATE)).bands_db == (None,) * 29


def test_a_rate_too_low_for_a_band_has_no_level_there() -> None:
    read = levels_of(pink(3, 8000), 8000).bands_db
    known = [hz for hz, level in zip(NOMINAL_HZ, read, strict=True) if level is not None]
    assert known[-1] == 2500


def test_invalid_samples_neither_ring_nor_count() -> None:
    sound = tone(1000, 6)
    sound[2 * RATE : 3 * RATE] = np.nan
    read = levels_of(sound).bands_db
    assert read[NOMINAL_HZ.index(1000)] == pytest.approx(-20, abs=0.1)


def test_a_calibration_is_added_to_every_band_that_has_a_level() -> None:
    levels = levels_of(pink(2, 16_000), 16_000)
    scaled = levels.calibrated(120)
    assert scaled.bands_db[-1] is None
    assert scaled.bands_db[10] == pytest.approx((levels.bands_db[10] or 0) + 120)


def test_bands_are_measured_only_when_asked_for() -> None:
    meter = LevelMeter(RATE)
    meter.add(tone(1000, 1))
    assert meter.take()[0].bands_db == ()
