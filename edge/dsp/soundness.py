"""What is wrong with a second of sound: dead, stuck, clipped, offset or not numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.dsp.decibels import levels_db
from edge.dsp.samples import ClipCounter, clean

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Soundness:
    """Figures of a stretch of sound, each of shape (channels,).

    Attributes:
        level_db: RMS without the mean, dB re a full-scale sine.
        span: highest less lowest sample, full scale is 2.
        offset: mean.
        clipped_share: share of samples at the rail.
        invalid: samples that are not numbers or beyond all reason.
        samples: heard per channel.
    """

    level_db: Float
    span: Float
    offset: Float
    clipped_share: Float
    invalid: NDArray[np.int64]
    samples: int


def soundness(samples: NDArray[np.float32], clips: ClipCounter) -> Soundness:
    """Measure samples, shape (n, channels), n >= 1; `clips` remembers the sample before them."""
    rows, invalid = clean(samples)
    mean = rows.mean(axis=1)
    square = np.square(rows - mean[:, np.newaxis]).mean(axis=1)
    return Soundness(
        level_db=levels_db(square),
        span=rows.max(axis=1) - rows.min(axis=1),
        offset=mean,
        clipped_share=clips.add(rows) / rows.shape[1],
        invalid=np.zeros(len(rows), dtype=np.int64) if invalid is None else invalid.sum(axis=1),
        samples=rows.shape[1],
    )
