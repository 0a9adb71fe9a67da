"""The ring between a sound driver's callback and the lane that reads it: preallocated, and nobody waits."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from edge.domain.frames import Samples


@dataclass(frozen=True, slots=True)
class Block:
    """What the driver handed over at once.

    Attributes:
        index: samples since the start before its first one, those that found no room counted too.
        samples: float32, shape (n, channels); a copy that is the reader's own.
        captured_s: when its first sample was captured, on the driver's clock.
        overflowed: the driver lost an unknown number of samples before it.
    """

    index: int
    samples: Samples
    captured_s: float
    overflowed: bool


@dataclass(frozen=True, slots=True)
class _Place:
    index: int
    position: int
    length: int
    captured_s: float
    overflowed: bool


class Ring:
    """Holds `capacity` samples of sound.

    The writer alone moves `_written`, the reader alone moves `_read`: neither ever waits for the other. What
    finds no room is dropped whole and shows as a jump of `Block.index`.
    """

    def __init__(self, capacity: int, channels: int) -> None:
        self._store = np.zeros((capacity, channels), np.float32)
        self._places: deque[_Place] = deque()
        self._index = 0
        self._written = 0
        self._read = 0

    def write(self, samples: Samples, captured_s: float, *, overflowed: bool) -> None:
        """Copy a block in, shape (n, channels); the driver's callback calls it and nothing else."""
        length, capacity = len(samples), len(self._store)
        index = self._index
        self._index += length
        if length > capacity - (self._written - self._read):
            return
        position = self._written % capacity
        head = min(length, capacity - position)
        self._store[position : position + head] = samples[:head]
        self._store[: length - head] = samples[head:]
        self._written += length
        self._places.append(_Place(index, position, length, captured_s, overflowed))

    def read(self) -> Block | None:
        """Take the oldest block out; None when there is none."""
        if not self._places:
            return None
        place = self._places.popleft()
        head = self._store[place.position : place.position + place.length]
        samples = np.concatenate([head, self._store[: place.length - len(head)]])
        self._read += place.length
        return Block(place.index, samples, place.captured_s, place.overflowed)
