"""When a sample was captured, from the jittery times of the blocks that a driver hands over."""

from collections import deque
from statistics import median

_WINDOW_S = 2.0
# Blocks in a row so far from where they should be mean that samples were lost, or a clock was set.
_JUMP_S = 0.1
_JUMPED_BLOCKS = 3


class SampleClock:
    """Maps a sample's index to the driver's time, seconds: the median over the latest blocks.

    A crystal 100 ppm off its rate is followed to 0.1 ms; single late blocks do not count.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._recent_s: deque[tuple[float, float]] = deque()
        self._away = 0
        self._offset_s: float | None = None

    def observe(self, index: int, captured_s: float, *, restart: bool = False) -> float:
        """Take one block's time; return the seconds of sound that turn out to be missing before it.

        Args:
            index: of its first sample.
            captured_s: when the driver says that this one was captured.
            restart: samples are known to be missing before it.
        """
        offset_s = captured_s - index / self._rate_hz
        away_s = 0.0 if self._offset_s is None else offset_s - self._offset_s
        self._away = self._away + 1 if abs(away_s) > _JUMP_S else 0
        anew = restart or self._away >= _JUMPED_BLOCKS
        if self._away and not anew:
            return 0.0
        if anew:
            self._recent_s.clear()
            self._away = 0
        self._recent_s.append((captured_s, offset_s))
        while captured_s - self._recent_s[0][0] > _WINDOW_S:
            self._recent_s.popleft()
        self._offset_s = median(offset_s for _, offset_s in self._recent_s)
        return max(0.0, away_s) if anew else 0.0

    def time_of(self, index: int) -> float:
        """Return when the sample of this index was captured. Raises ValueError before the first block."""
        if self._offset_s is None:
            raise ValueError("no block has been observed")
        return index / self._rate_hz + self._offset_s
