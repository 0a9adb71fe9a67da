"""The course of a cue: it begins once it has lasted, goes on, and ends; it neither flickers nor stays."""

from dataclasses import dataclass

from edge.domain.scene_observations import Stage


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient a course is.

    Attributes:
        begin: score from which on it may begin; it goes on down to `keep`.
        begin_s: so long it must hold before it begins.
        release_s: so long it must be away before it ends.
        update_s: how often it is told again.
        maximum_s: it ends then, and may begin again only after it was away.
    """

    begin: float = 0.5
    keep: float = 0.4
    begin_s: float = 3.0
    release_s: float = 5.0
    update_s: float = 30.0
    maximum_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Turn:
    """Something to tell.

    Attributes:
        score: the highest since the last turn.
        people: the most since the last turn; None when not counted.
    """

    stage: Stage
    score: float
    lasted_s: float
    people: int | None


class CueCourse:
    """Follows one cue of one camera."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._began_s: float | None = None
        self._held_since_s: float | None = None
        self._seen_s = 0.0
        self._told_s = 0.0
        self._best = 0.0
        self._most: int | None = None
        self._spent = False

    def follow(self, score: float, seconds: float, people: int | None = None) -> Turn | None:
        """Take the score of this moment, 0..1; return what there is to tell."""
        holds = score >= (self._pace.begin if self._began_s is None else self._pace.keep)
        if holds:
            self._seen_s = seconds
            self._best = max(self._best, score)
            self._most = people if self._most is None else max(self._most, people or 0)
        if self._began_s is None:
            return self._maybe_begin(holds, seconds)
        if seconds - self._seen_s >= self._pace.release_s:
            return self._end(seconds)
        if seconds - self._began_s >= self._pace.maximum_s:
            self._spent = True
            return self._end(seconds)
        if seconds - self._told_s >= self._pace.update_s:
            return self._tell(Stage.UPDATE, seconds)
        return None

    def finish(self, seconds: float) -> Turn | None:
        """The pictures end: what goes on ends with them."""
        return None if self._began_s is None else self._end(seconds)

    def _maybe_begin(self, holds: bool, seconds: float) -> Turn | None:
        if not holds:
            self._held_since_s, self._best, self._most = None, 0.0, None
            # Away means for as long as an end takes: what is at its limit does not begin anew at once.
            self._spent = self._spent and seconds - self._seen_s < self._pace.release_s
            return None
        if self._held_since_s is None:
            self._held_since_s = seconds
        if self._spent or seconds - self._held_since_s < self._pace.begin_s:
            return None
        self._began_s = self._held_since_s
        return self._tell(Stage.ONSET, seconds)

    def _end(self, seconds: float) -> Turn:
        turn = self._tell(Stage.END, seconds)
        self._began_s = self._held_since_s = None
        return turn

    def _tell(self, stage: Stage, seconds: float) -> Turn:
        assert self._began_s is not None
        turn = Turn(stage, self._best, seconds - self._began_s, self._most)
        self._told_s, self._best, self._most = seconds, 0.0, None
        return turn
