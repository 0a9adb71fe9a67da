"""Steers an array over all directions: which plane wave explains best what its microphones heard.

The score of a direction is the log-likelihood of one unknown sound that reaches every microphone with the
delay of a plane wave, in noise of known spectrum: the power of the steered sum, each frequency weighted by
its signal-to-noise ratio (Knapp & Carter 1976 for two microphones). Part of the sound itself is counted as
noise, because reflections within the gate follow its spectrum; that is what PHAT does to the extreme.

A direction is a vector v in the coordinates that the array can tell apart (three for a body, two for a
plane, one for a line): the component there of the unit vector towards the sound.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edge.dsp.gates import Complex, Gated

Float = NDArray[np.float64]

# Share of a sound's power that counts as noise; 0.01 and 0.3 were as good in a simulated street.
_REFLECTED = 0.05
_BY_CHANCE = 1.5
# The speed of sound is not known better: wind, humidity.
_STILL = 0.003
_UPSAMPLED = 4
_SPACING = 0.05
_LARGEST = 1.1
_FINER = 4
_AROUND = 6
_CANDIDATES = 6
_STEPS = 15
_LONGEST_STEP = 0.2
_SHORTEST_STEP = 1e-7
_CLOSE = 1e-5
_SAME = 0.02
# A start whose correlation is less than this share of the best one's leads to no rival.
_WORTH = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Steering:
    """An array as steering sees it.

    Attributes:
        delays: seconds by which a sound from v arrives earlier at a microphone, per unit of v; shape
            (microphones, rank).
        radial: relative standard uncertainty of the speed of sound.
    """

    delays: Float
    radial: float

    @property
    def rank(self) -> int:
        """How many coordinates of the direction the array can tell apart."""
        return int(self.delays.shape[1])

    @property
    def spread_s(self) -> float:
        """The longest time that sound takes from one microphone to another."""
        return max(float(np.linalg.norm(a - b)) for a, b in combinations(self.delays, 2))


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A direction that explains the sound.

    Attributes:
        v: the direction, shape (rank,).
        covariance: of v, shape (rank, rank), from the noise and the misfit.
        score: log-likelihood, comparable within one gate.
        agreement: correlation of each microphone with the sum of the others, shape (microphones,).
        misfit: what is left when the sound is taken away, over the noise that was expected; about 1 or less.
    """

    v: Float
    covariance: Float
    score: float
    agreement: Float
    misfit: float


def weights(gated: Gated, aligned: Complex | None = None) -> Float:
    """Return the weight of each bin: the inverse of its noise, less where the sound is weak.

    Args:
        gated: the spectra.
        aligned: the same ones steered towards the sound, once that is known: their coherent power tells the
            sound from the noise better.
    """
    count = len(gated.spectra)
    if aligned is None:
        power = np.mean(np.abs(gated.spectra) ** 2, axis=0) - gated.noise
        looks = count
    else:
        together = np.abs(aligned.sum(axis=0)) ** 2 - np.sum(np.abs(aligned) ** 2, axis=0)
        power = together / (count * (count - 1))
        looks = count * (count - 1) // 2
    width = 2 * gated.reach + 1
    padded = np.pad(power, gated.reach, mode="edge")
    smooth = np.convolve(padded, np.full(width, 1.0 / width), "valid")
    # What the noise alone would show by chance is no sound: high bins would point anywhere, and sharply.
    chance = _BY_CHANCE * gated.noise / np.sqrt(width * gated.independent * looks)
    sound = np.maximum(smooth - chance, 0.0)
    noise = gated.noise + _REFLECTED * sound
    return np.asarray(gated.independent * count * sound / (noise + count * sound) / noise)


def align(gated: Gated, steering: Steering, v: Float) -> Complex:
    """Return the spectra delayed so that a sound from v adds up."""
    early = steering.delays @ v
    return np.asarray(gated.spectra * np.exp(-1j * gated.omega * early[:, np.newaxis]))


def search(
    gated: Gated, weight: Float, steering: Steering, around: Float | None = None
) -> list[tuple[float, Float]]:
    """Return the best directions, (score, v) each, best first: a coarse grid, finer around its best points.

    The correlation of each pair is widened by what its delay changes between grid points, so that a peak
    between them is seen. With `around` only its neighbourhood is searched.
    """
    pairs = list(combinations(range(len(gated.spectra)), 2))
    lags = _Correlations(gated, weight, pairs, steering)
    if around is None:
        grid = _sphere() if steering.rank == 3 else _disc(steering.rank)
        starts = _peaks(grid, lags.at(grid, _SPACING))
    else:
        starts = [around]
    near = [_zoomed(lags, start, steering) for start in starts]
    least = _worth(max(score for score, _ in near))
    found = [climb(gated, weight, steering, v) for score, v in near if score >= least]
    found.sort(key=lambda one: -one[0])
    kept: list[tuple[float, Float]] = []
    for one in found:
        if all(np.linalg.norm(one[1] - other[1]) > _SAME for other in kept):
            kept.append(one)
    return kept


def _zoomed(lags: "_Correlations", v: Float, steering: Steering) -> tuple[float, Float]:
    """Return the summed correlation and the direction of the best point of ever finer grids around v."""
    spacing = _SPACING
    score = float(lags.at(v[np.newaxis], spacing)[0])
    while spacing * steering.spread_s > lags.resolution_s:
        spacing /= _FINER
        near = _near(v, spacing)
        scores = lags.at(near, spacing)
        best = int(np.argmax(scores))
        score, v = float(scores[best]), near[best]
    return score, v


def climb(gated: Gated, weight: Float, steering: Steering, v: Float) -> tuple[float, Float]:
    """Return the score and the direction of the maximum uphill of v (Newton's method, halved steps)."""
    aligned = align(gated, steering, v)
    score = _score(weight, steering, v, aligned)
    for _ in range(_STEPS):
        slope, curvature = _derivatives(gated.omega, weight, steering, v, aligned)
        values, axes = np.linalg.eigh(curvature)
        values = np.maximum(values, 1e-3 * np.abs(values).max() + np.finfo(np.float64).tiny)
        step = axes @ ((axes.T @ slope) / values)
        length = float(np.linalg.norm(step))
        step *= min(1.0, _LONGEST_STEP / max(length, _SHORTEST_STEP))
        while length >= _SHORTEST_STEP:
            aligned = align(gated, steering, v + step)
            if (higher := _score(weight, steering, v + step, aligned)) >= score:
                break
            step, length = step / 2.0, length / 2.0
        else:
            break
        v, score = v + step, higher
        if length < _CLOSE:
            break
    return score, v


def fit(gated: Gated, weight: Float, steering: Steering, v: Float) -> Fit:
    """Return the maximum uphill of v with its uncertainty.

    The covariance is that of an estimator whose noise is not quite as assumed: H^-1 B H^-1, with B from the
    bins themselves (White 1982).
    """
    score, v = climb(gated, weight, steering, v)
    aligned = align(gated, steering, v)
    each = _slopes(gated.omega, weight, aligned)
    _, curvature = _derivatives(gated.omega, weight, steering, v, aligned)
    bins = steering.delays.T @ each
    inverse = np.linalg.pinv(curvature, hermitian=True)
    few = 1.0 + 8.0 / len(gated.omega)
    spread = bins @ bins.T * (few / gated.independent)
    if steering.rank == 3:
        spread = spread + _radial_information(steering, v)
    left = float(np.sum(weight * np.abs(aligned - aligned.mean(axis=0)) ** 2))
    expected = gated.independent * len(gated.omega) * (len(aligned) - 1)
    return Fit(v, inverse @ spread @ inverse, score, _agreement(weight, aligned), left / expected)


def _score(weight: Float, steering: Steering, v: Float, aligned: Complex) -> float:
    power = float(np.sum(weight * np.abs(aligned.sum(axis=0)) ** 2)) / len(aligned)
    return power - _off_sphere(steering, v) ** 2 / 2.0


def _off_sphere(steering: Steering, v: Float) -> float:
    """How many standard deviations of the speed of sound v is too long or too short; only a body can tell."""
    return (float(np.linalg.norm(v)) - 1.0) / _deviation(steering) if steering.rank == 3 else 0.0


def _slopes(omega: Float, weight: Float, aligned: Complex) -> Float:
    """Derivative of the score by each microphone's delay, for each bin; shape (microphones, bins)."""
    turned = np.imag(np.conj(aligned.sum(axis=0)) * aligned)
    return np.asarray(2.0 / len(aligned) * weight * omega * turned)


def _derivatives(
    omega: Float, weight: Float, steering: Steering, v: Float, aligned: Complex
) -> tuple[Float, Float]:
    """Return the gradient and the negative Hessian of the score."""
    slope = steering.delays.T @ _slopes(omega, weight, aligned).sum(axis=1)
    links = np.real((np.conj(aligned) * (weight * omega**2)) @ aligned.T)
    stiffness = 2.0 / len(aligned) * (np.diag(links.sum(axis=1)) - links)
    curvature = steering.delays.T @ stiffness @ steering.delays
    if steering.rank == 3:
        outward = v / np.linalg.norm(v)
        slope = slope - _off_sphere(steering, v) / _deviation(steering) * outward
        curvature = curvature + _radial_information(steering, v)
    return slope, curvature


def _radial_information(steering: Steering, v: Float) -> Float:
    outward = v / np.linalg.norm(v)
    return np.asarray(np.outer(outward, outward) / _deviation(steering) ** 2)


def _deviation(steering: Steering) -> float:
    return max(steering.radial, _STILL)


def _agreement(weight: Float, aligned: Complex) -> Float:
    others = aligned.sum(axis=0) - aligned
    shared = np.real(np.sum(weight * np.conj(aligned) * others, axis=1))
    own = np.sum(weight * np.abs(aligned) ** 2, axis=1)
    theirs = np.sum(weight * np.abs(others) ** 2, axis=1)
    return np.asarray(shared / np.sqrt(np.maximum(own * theirs, np.finfo(np.float64).tiny)))


class _Correlations:
    """Generalised cross-correlations of all pairs, looked up by direction.

    Attributes:
        resolution_s: delays so close are told apart by climbing, not by the grid.
    """

    def __init__(self, gated: Gated, weight: Float, pairs: list[tuple[int, int]], steering: Steering) -> None:
        step_hz = (gated.omega[1] - gated.omega[0]) / (2.0 * np.pi)
        first = round(float(gated.omega[0]) / (2.0 * np.pi * step_hz))
        one, other = np.array(pairs).T
        cross = np.zeros((len(pairs), first + len(gated.omega)), dtype=np.complex128)
        cross[:, first:] = weight * gated.spectra[one] * np.conj(gated.spectra[other])
        length = 2 * _UPSAMPLED * cross.shape[1]
        self._values = np.fft.irfft(cross, length)
        self._per_s = length * step_hz
        self._differences = steering.delays[one] - steering.delays[other]
        self.resolution_s = 0.5 / (float(gated.omega[-1]) / np.pi)

    def at(self, directions: Float, spacing: float) -> Float:
        """Return the summed correlation towards directions, shape (n, rank), `spacing` apart."""
        total = np.zeros(len(directions))
        for values, difference in zip(self._values, self._differences, strict=True):
            # A sound that is early at the first has a negative delay against the second.
            lag = np.rint(-(directions @ difference) * self._per_s).astype(np.int64)
            half = round(float(np.linalg.norm(difference)) * spacing * self._per_s / 2.0)
            total += _widened(values, half)[lag % len(values)]
        return total


def _widened(values: Float, half: int) -> Float:
    """Return the maximum within `half` places on both sides, around the end."""
    half = min(half, (len(values) - 1) // 2)
    if half < 1:
        return values
    around = np.concatenate([values[-half:], values, values[:half]])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(around, 2 * half + 1).max(axis=1))


def _disc(rank: int) -> Float:
    line = np.arange(-_LARGEST, _LARGEST + _SPACING / 2, _SPACING)
    if rank == 1:
        return line[:, np.newaxis]
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    return np.asarray(grid[np.linalg.norm(grid, axis=1) <= _LARGEST])


def _sphere() -> Float:
    """Points about `_SPACING` apart on the unit sphere (Fibonacci's spiral)."""
    count = round(4.0 * np.pi / _SPACING**2)
    number = np.arange(count) + 0.5
    height = 1.0 - 2.0 * number / count
    turn = np.pi * (1.0 + np.sqrt(5.0)) * number
    width = np.sqrt(1.0 - height**2)
    return np.stack([width * np.cos(turn), width * np.sin(turn), height], axis=1)


def _worth(highest: float) -> float:
    """Return the least score that may still lead to the highest summit; scores of noise are negative, too."""
    return highest - (1.0 - _WORTH) * abs(highest)


def _near(v: Float, spacing: float) -> Float:
    """Points `spacing` apart around v; for a body on the unit sphere."""
    line = spacing * np.arange(-_AROUND, _AROUND + 1)
    if len(v) == 1:
        return np.asarray(v + line[:, np.newaxis])
    flat = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    if len(v) == 2:
        return np.asarray(v + flat)
    tangents = np.linalg.svd(v[np.newaxis])[2][1:]
    points = v + flat @ tangents
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


def _peaks(grid: Float, score: Float) -> list[Float]:
    """Return the highest points of a grid that are higher than all around them."""
    found: list[Float] = []
    left = score.copy()
    while len(found) < _CANDIDATES:
        best = int(np.argmax(left))
        if left[best] < _worth(float(score.max())) or left[best] == -np.inf:
            break
        around = np.linalg.norm(grid - grid[best], axis=1) < 2.5 * _SPACING
        if score[best] >= score[around].max():
            found.append(grid[best])
        left[around] = -np.inf
    return found
