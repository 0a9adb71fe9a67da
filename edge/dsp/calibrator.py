"""The tone of an acoustic calibrator (IEC 60942), and whether it is one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.dsp.decibels import level_db
from edge.dsp.samples import ClipCounter, clean

Float = NDArray[np.float64]

NOMINAL_HZ = 1000.0
SHORTEST_S = 3.0
"""Of a measurement."""

_BLOCK_S = 0.25
_LOWEST_HZ = 100.0
_HIGHEST_HZ = 10_000.0
# Half the width of a tone's line under a Hann window, with room for its skirts.
_LINE_HZ = 20.0
# IEC 60942 allows a class 2 calibrator 1.7 %; sound cards are off by less than 0.1 %.
_FREQUENCY_HZ = 20.0
_FREQUENCY_SPREAD_HZ = 1.0
# The rest 20 dB below adds 0.04 dB; distortion of a class 2 calibrator is at most 4 %, -28 dB.
_PURITY_DB = 20.0
# A class 1 calibrator's level wanders by 0.1 dB; one that is not pushed on tightly, by more.
_SPREAD_DB = 0.2
# Full scale of a MEMS microphone is at 105..135 dB; of an amplified or attenuated one within these.
_FULL_SCALE_DB = (75.0, 170.0)


@dataclass(frozen=True, slots=True)
class Tone:
    """The loudest tone of a sound.

    Attributes:
        frequency_hz: mean over the sound.
        frequency_spread_hz: between the highest and the lowest in 0.25 s.
        level_db: dB re the RMS of a full-scale sine.
        spread_db: between the highest and the lowest level in 0.25 s.
        purity_db: its level above that of everything else above 100 Hz.
        clipped: the sound reaches the rails.
        invalid: samples that are no numbers.
    """

    frequency_hz: float
    frequency_spread_hz: float
    level_db: float
    spread_db: float
    purity_db: float
    clipped: bool
    invalid: int

    def full_scale_db(self, calibrator_db: float) -> float:
        """Return the sound pressure level of a full-scale sine, given that of the tone."""
        return calibrator_db - self.level_db


def measure_tone(samples: NDArray[np.float32], rate_hz: int) -> Tone:
    """Measure one channel, shape (n,), at least `SHORTEST_S` of it. Raises ValueError when it is shorter."""
    if len(samples) < SHORTEST_S * rate_hz:
        raise ValueError(f"{len(samples) / rate_hz:.1f} s is too short to measure a tone")
    rows, invalid = clean(samples)
    clipped = ClipCounter(1).add(rows)[0] > 0
    length = round(_BLOCK_S * rate_hz)
    blocks = rows[0, : len(samples) // length * length].reshape(-1, length)
    blocks = blocks - blocks.mean(axis=1, keepdims=True)
    window = np.hanning(length + 1)[:-1]
    power = np.mean(np.abs(np.fft.rfft(blocks * window)) ** 2, axis=0)
    bins_hz = np.fft.rfftfreq(length, 1 / rate_hz).astype(np.float64)
    near_hz = _peak_hz(power, bins_hz)
    turns = np.exp(-2j * np.pi * near_hz * np.arange(blocks.size) / rate_hz).reshape(blocks.shape)
    amplitude = 2.0 * np.sum(blocks * window * turns, axis=1) / window.sum()
    levels = np.array([level_db(float(a) ** 2 / 2.0) for a in np.abs(amplitude)])
    # The phase turns from block to block by what the frequency is beside the bin's.
    beside_hz = np.angle(amplitude[1:] * np.conj(amplitude[:-1])) / (2.0 * np.pi * _BLOCK_S)
    rest = (bins_hz >= _LOWEST_HZ) & (np.abs(bins_hz - near_hz) > _LINE_HZ)
    beside = 2.0 * float(power[rest].sum()) / (length * float(np.sum(window**2)))
    mean_square = float(np.mean(np.abs(amplitude) ** 2)) / 2.0
    return Tone(
        frequency_hz=near_hz + float(beside_hz.mean()),
        frequency_spread_hz=float(np.ptp(beside_hz)),
        level_db=level_db(mean_square),
        spread_db=float(np.ptp(levels)),
        purity_db=level_db(mean_square) - level_db(beside),
        clipped=bool(clipped),
        invalid=0 if invalid is None else int(invalid.sum()),
    )


def _peak_hz(power: Float, bins_hz: Float) -> float:
    """Return the frequency of the highest line: a parabola through its logarithms."""
    allowed = np.flatnonzero((bins_hz >= _LOWEST_HZ) & (bins_hz <= _HIGHEST_HZ))[1:-1]
    top = int(allowed[np.argmax(power[allowed])])
    below, at, above = np.log(np.maximum(power[top - 1 : top + 2], np.finfo(np.float64).tiny))
    bend = below - 2.0 * at + above
    shift = 0.0 if bend >= 0.0 else 0.5 * float(below - above) / float(bend)
    return float(bins_hz[top] + np.clip(shift, -0.5, 0.5) * (bins_hz[1] - bins_hz[0]))


def objection(tone: Tone, calibrator_db: float) -> str:
    """Return why a tone is not that of a calibrator at 1 kHz, and what to do; empty when it is one."""
    full_scale_db = tone.full_scale_db(calibrator_db)
    lowest, highest = _FULL_SCALE_DB
    no_tone = (
        f"hears no steady tone (the strongest, {tone.frequency_hz:.0f} Hz, is {tone.purity_db:.0f} dB above "
        f"the rest, {_PURITY_DB:.0f} are needed); switch the calibrator on, push the microphone right in"
    )
    unsteady = (
        f"the level wanders by {tone.spread_db:.2f} dB, at most {_SPREAD_DB} is allowed; push the microphone "
        "right in, keep still, switch automatic gain off"
    )
    implausible = (
        f"the tone is at {tone.level_db:.1f} dB re full scale: {calibrator_db:g} dB SPL would make full "
        f"scale {full_scale_db:.0f} dB, which no microphone has; check --level and the gain"
    )
    other_hz = f"hears a tone at {tone.frequency_hz:.1f} Hz; a calibrator of {NOMINAL_HZ:.0f} Hz is needed"
    wavers = f"the tone wavers by {tone.frequency_spread_hz:.1f} Hz; is that a calibrator? change its battery"
    checks = (
        (tone.invalid > 0, f"{tone.invalid} samples are no numbers; check the driver or the recording"),
        (tone.clipped, "the sound is clipped; use the calibrator's 94 dB, or turn the gain down"),
        (tone.purity_db < _PURITY_DB, no_tone),
        (abs(tone.frequency_hz - NOMINAL_HZ) > _FREQUENCY_HZ, other_hz),
        (tone.frequency_spread_hz > _FREQUENCY_SPREAD_HZ, wavers),
        (tone.spread_db > _SPREAD_DB, unsteady),
        (not lowest <= full_scale_db <= highest, implausible),
    )
    return next((said for wrong, said in checks if wrong), "")
