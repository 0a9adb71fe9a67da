"""Differential privacy of counts: exact discrete Laplace noise, and the day's ledger of what was spent.

The noise is sampled with integers only, after C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for
Differential Privacy", NeurIPS 2020, algorithms 1 and 2: floating point would leak through its gaps.
"""

import json
import logging
import secrets
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

from edge.domain.whole_file import write_whole

_log = logging.getLogger(__name__)

RandBelow = Callable[[int], int]
"""A uniform integer from 0 to below its argument."""

_RESERVED = Fraction(1, 20)
"""Share of the day's budget that is written down as spent at a time, so that an SD card is not worn out."""


def discrete_laplace(epsilon: Fraction, rand_below: RandBelow = secrets.randbelow) -> int:
    """Return noise that makes a count, which one person changes by one, epsilon-differentially private.

    P(x) is proportional to exp(-epsilon |x|) for every integer x.
    """
    s, t = epsilon.numerator, epsilon.denominator
    while True:
        u = rand_below(t)
        if not _with_exp(Fraction(u, t), rand_below):
            continue
        v = 0
        while _with_exp(Fraction(1), rand_below):
            v += 1
        size = (u + t * v) // s
        negative = rand_below(2) == 1
        if negative and size == 0:
            continue  # else 0 would come twice as often
        return -size if negative else size


def _with_exp(x: Fraction, rand_below: RandBelow) -> bool:
    """Return true with probability exp(-x), for x of 0 to 1."""
    k = 1
    while rand_below(x.denominator * k) < x.numerator:
        k += 1
    return k % 2 == 1


_PUT_RIGHT = timedelta(days=1)
"""So far a clock may go back and still be of the same day."""


class Ledger:
    """What was spent of the day's epsilon, on disk, so that a restart gives none of it back.

    Args:
        path: its file; None: in memory only, for a replay.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._day = date.min
        self._spent = Fraction(0)
        self._reserved = Fraction(0)
        self._read = False

    def spend(self, day: date | None, epsilon: Fraction, limit: Fraction) -> bool:
        """Take epsilon out of the budget of the day, if it is there.

        Args:
            day: of the report; one before the latest gets nothing back. None: the clock is not synchronised,
                so nobody knows of which day it is, and there is nothing to take.
            epsilon: what the report costs.
            limit: what may be spent in a day.
        """
        if day is None:
            return False
        if not self._read:
            self._recall(day, limit)
        if self._day - day > _PUT_RIGHT:
            # A clock was years ahead. What was spent today is not known any more, and to wait for that day
            # would take years.
            _log.error("the ledger of counts is of %s: today (%s) counts as spent", self._day, day)
            self._day, self._spent = day, limit
            self._reserve(limit)
        elif day > self._day:
            self._day, self._spent, self._reserved = day, Fraction(0), Fraction(0)
        after = self._spent + epsilon
        if after > limit:
            return False
        if after > self._reserved and not self._reserve(min(limit, after + limit * _RESERVED)):
            return False
        self._spent = after
        return True

    def _recall(self, day: date, limit: Fraction) -> None:
        self._read = True
        if self._path is None:
            return
        try:
            written = json.loads(self._path.read_text(encoding="ascii"))
            self._day = date.fromisoformat(written["day"])
            self._spent = self._reserved = Fraction(written["spent"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            _log.error("%s: cannot be read (%r): today counts as spent", self._path, error)
            self._day, self._spent, self._reserved = day, limit, limit

    def _reserve(self, spent: Fraction) -> bool:
        if self._path is not None:
            content = json.dumps({"day": self._day.isoformat(), "spent": str(spent)})
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(self._path, content.encode())
            except OSError as error:
                _log.error("%s: cannot be written (%s): no count leaves", self._path, error)
                return False
        self._reserved = spent
        return True
