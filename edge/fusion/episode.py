"""Episodes: how evidence that belongs together becomes something that begins, is confirmed, goes on and ends.

What every rule about something lasting shares. Evidence is put in order by its phenomenon time on the
monotonic clock, with an allowance for what is known late, so that neither the order in which observations
arrive nor a stepped clock makes a difference.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from edge.domain.events import Lasting
from edge.domain.identity import SourceId
from edge.domain.observations import Observation
from edge.domain.scene_observations import Stage
from edge.domain.sections import Section
from edge.domain.time import NS_PER_S, CaptureTime, nanoseconds
from edge.domain.trigger import Strength, Trigger, strength

LATE_S = 2.0
"""What happened is known within so long: an impulse after 0.7 s, its name after 1.2 s. What a camera tells
after it has begun lasts, and holds its episode by itself."""

_REPEATED_AFTER_S = 1.0
"""The same thing again within less is one, heard twice."""

_MOST_REMEMBERED = 64
_MOST_GOING_ON = 32


_Origin = tuple[Trigger, SourceId, str]


class EpisodeSection(Section):
    """What the section of every such rule may say."""

    window_s: float = Field(5.0, ge=0, le=300, description="evidence so close together belongs together")
    hold_s: float = Field(30.0, ge=0.5, le=3600, description="it is over after so long without evidence")
    maximum_s: float = Field(600.0, ge=1, le=86_400, description="it is told as over after so long, at most")
    refractory_s: float = Field(30.0, ge=0, le=3600, description="nothing new for so long after its end")
    update_s: float = Field(10.0, ge=1, le=3600, description="told again at most so often, unless confirmed")
    repetitions: int = Field(2, ge=2, le=100, description="so often alone confirms it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an observation means to a rule.

    Attributes:
        score: 0..1.
        alone: enough to begin an episode.
        lasts: it goes on until evidence of the same origin is `over`; told again, it is the same.
        part: which of the things of this trigger and source that last each by themselves, but are no second
            witness.
        anew: it begins now, even if the end of what went on before was never told.
        keeps: while it lasts, so does the episode.
        duration_s: of the interval it is about.
    """

    trigger: Trigger
    source: SourceId
    time: CaptureTime
    result_time_ns: int
    score: float = 1.0
    alone: bool = False
    lasts: bool = False
    anew: bool = False
    keeps: bool = True
    over: bool = False
    part: str = ""
    duration_s: float = 0.0

    @property
    def begin_ns(self) -> int:
        """When it began, monotonic."""
        return self.time.monotonic_ns

    @property
    def end_ns(self) -> int:
        """When the interval it is about ended, monotonic."""
        return self.begin_ns + nanoseconds(self.duration_s)

    @property
    def origin(self) -> _Origin:
        """What, by whom."""
        return self.trigger, self.source, self.part


def evidence(observation: Observation, trigger: Trigger, **more: Any) -> Evidence:
    """Return what an observation is evidence of."""
    return Evidence(
        trigger=trigger,
        source=observation.source,
        time=observation.time,
        result_time_ns=observation.result_time_ns,
        **more,
    )


@dataclass(frozen=True, slots=True)
class Telling:
    """One thing to tell of an episode."""

    stage: Stage
    time: CaptureTime
    result_time_ns: int
    lasted_s: float
    strength: Strength
    confirmed: bool
    because: tuple[Trigger, ...]


@dataclass
class _Going:
    """What lasts.

    Attributes:
        first: what told that it began.
        latest: what was told of it last.
        spent: it has outlasted an episode, and is known.
    """

    first: Evidence
    latest: Evidence
    spent: bool = False


@dataclass
class _Episode:
    began: CaptureTime
    latest_ns: int
    known: CaptureTime
    triggers: set[Trigger] = field(default_factory=set)
    sources: set[SourceId] = field(default_factory=set)
    going: set[_Origin] = field(default_factory=set)
    score: float = 0.0
    repeated: int = 0
    repeated_ns: int = 0
    told: tuple[bool, Strength, frozenset[Trigger]] | None = None
    told_ns: int = 0

    def add(self, item: Evidence, *, again: bool = False) -> None:
        """Take evidence that belongs to it; `again`, of what goes on already, it is no repetition."""
        self.triggers.add(item.trigger)
        self.sources.add(item.source)
        self.score = max(self.score, item.score)
        if item.end_ns >= self.latest_ns:
            self.latest_ns, self.known = item.end_ns, item.time.shifted(item.duration_s)
        if item.lasts and item.keeps:
            self.going.add(item.origin)
        if not item.alone or (again and self.repeated):
            return
        if not self.repeated or item.begin_ns >= self.repeated_ns + nanoseconds(_REPEATED_AFTER_S):
            self.repeated, self.repeated_ns = self.repeated + 1, item.begin_ns

    def confirmed(self, repetitions: int) -> bool:
        """Whether a second modality, a second sensor of the same kind, or repetition agrees."""
        return self.repeated >= repetitions or len(self.sources) > 1

    @property
    def told_confirmed(self) -> bool:
        """Whether it has been told that it is confirmed."""
        return self.told is not None and self.told[0]

    def news(self, repetitions: int) -> tuple[bool, Strength, frozenset[Trigger]]:
        """Return what a telling says."""
        return self.confirmed(repetitions), strength(self.score), frozenset(self.triggers)


class EpisodeCourse:
    """Follows one thing that lasts: one episode at a time, bounded memory of what might become one.

    Args:
        limits: the rule's section.
        together: evidence of two senses begins an episode though none of it would alone.
        from_begin: what lasts belongs to what is close to its beginning, not to all that happens meanwhile.
    """

    def __init__(self, limits: EpisodeSection, *, together: bool = False, from_begin: bool = False) -> None:
        self._limits = limits
        self._together = together
        self._from_begin = from_begin
        self._recent: deque[Evidence] = deque(maxlen=_MOST_REMEMBERED)
        self._going: dict[_Origin, _Going] = {}
        self._seen: deque[tuple[_Origin, int, bool]] = deque(maxlen=_MOST_REMEMBERED)
        self._episode: _Episode | None = None
        self._quiet_until_ns: int | None = None

    def take(self, item: Evidence) -> Iterator[Telling]:
        """Take evidence; yield what it changes."""
        yield from self.elapse(item.begin_ns)
        mark = (item.origin, item.begin_ns, item.over)
        if mark in self._seen:
            return
        self._seen.append(mark)
        again = not item.anew and any(origin[:2] == item.origin[:2] for origin in self._going)
        going = self._remember(item)
        episode = self._episode
        if going is not None and going.spent:
            return
        if episode is None:
            yield from self._begin(item)
        elif item.over:
            self._end_one(episode, item)
        elif self._belongs(episode, item):
            episode.add(item, again=again)
            yield from self._update(episode, item)

    def elapse(self, now_ns: int) -> Iterator[Telling]:
        """It is `now_ns`: yield an update that had to wait and is due, or the end."""
        episode = self._episode
        if episode is None:
            return
        over_ns, next_ns = self._over_ns(episode), episode.told_ns + nanoseconds(self._limits.update_s)
        if next_ns <= min(now_ns, over_ns) and self._news(episode):
            yield self._tell(Stage.UPDATE, episode, _utc_ns(episode, next_ns), next_ns)
        if now_ns >= over_ns:
            yield self._end(episode, over_ns, _utc_ns(episode, over_ns))

    def finish(self) -> Iterator[Telling]:
        """Nothing more will be observed."""
        if self._episode is not None:
            yield self._end(self._episode, self._episode.latest_ns, self._episode.known.utc_ns)

    def _remember(self, item: Evidence) -> _Going | None:
        """Keep what may matter later; return what is known of it if it lasts."""
        if item.over or item.anew:
            self._going.pop(item.origin, None)
        if item.lasts and not item.over:
            going = self._going.setdefault(item.origin, _Going(item, item))
            going.latest = item
            if len(self._going) > _MOST_GOING_ON:
                del self._going[next(iter(self._going))]
            return going
        if not item.over and (self._quiet_until_ns is None or item.begin_ns >= self._quiet_until_ns):
            self._recent.append(item)
        return None

    def _begin(self, item: Evidence) -> Iterator[Telling]:
        if item.over or (self._quiet_until_ns is not None and item.begin_ns < self._quiet_until_ns):
            return
        lasting = [going.latest for going in self._going.values() if self._goes_on(going, item)]
        close = [other for other in self._recent if other is not item and self._aligned(other, item)]
        together = [*lasting, *close, item]
        agree = self._together and _modalities(together) > 1
        if not agree and not any(one.alone for one in (*close, item)):
            return
        first = min([*close, item], key=lambda one: one.begin_ns)
        episode = _Episode(first.time, first.end_ns, first.time.shifted(first.duration_s))
        for one in sorted(together, key=lambda one: one.begin_ns):
            known = one.trigger in episode.triggers and one.source in episode.sources
            episode.add(one, again=one.lasts and known)
        self._episode = episode
        yield self._tell(Stage.ONSET, episode, item.result_time_ns, item.begin_ns)

    def _goes_on(self, going: _Going, item: Evidence) -> bool:
        if going.spent or going.latest is item:
            return False
        if self._from_begin and not self._aligned(going.first, self._beginning(item)):
            return False
        return going.latest.begin_ns >= item.begin_ns - nanoseconds(self._limits.maximum_s)

    def _beginning(self, item: Evidence) -> Evidence:
        """Return what says where in time an item belongs."""
        going = self._going.get(item.origin) if self._from_begin else None
        return item if going is None else going.first

    def _aligned(self, one: Evidence, other: Evidence) -> bool:
        gap_ns = max(one.begin_ns - other.end_ns, other.begin_ns - one.end_ns)
        return gap_ns <= nanoseconds(self._limits.window_s)

    def _belongs(self, episode: _Episode, item: Evidence) -> bool:
        reach_s = self._limits.window_s if not item.alone else max(self._limits.window_s, self._limits.hold_s)
        beginning = self._beginning(item)
        after = bool(episode.going) or beginning.begin_ns <= episode.latest_ns + nanoseconds(reach_s)
        return after and beginning.end_ns >= episode.began.monotonic_ns - nanoseconds(self._limits.window_s)

    def _end_one(self, episode: _Episode, item: Evidence) -> None:
        if item.origin in episode.going:
            episode.going.discard(item.origin)
            if item.begin_ns > episode.latest_ns:
                episode.latest_ns, episode.known = item.begin_ns, item.time

    def _over_ns(self, episode: _Episode) -> int:
        longest_ns = episode.began.monotonic_ns + nanoseconds(self._limits.maximum_s)
        quiet_ns = longest_ns if episode.going else episode.latest_ns + nanoseconds(self._limits.hold_s)
        return min(longest_ns, quiet_ns) + nanoseconds(LATE_S)

    def _news(self, episode: _Episode) -> bool:
        return episode.news(self._limits.repetitions) != episode.told

    def _update(self, episode: _Episode, item: Evidence) -> Iterator[Telling]:
        waited = item.begin_ns >= episode.told_ns + nanoseconds(self._limits.update_s)
        now_confirmed = episode.confirmed(self._limits.repetitions) and not episode.told_confirmed
        if now_confirmed or (waited and self._news(episode)):
            yield self._tell(Stage.UPDATE, episode, item.result_time_ns, max(item.begin_ns, episode.told_ns))

    def _end(self, episode: _Episode, over_ns: int, result_time_ns: int) -> Telling:
        telling = self._tell(Stage.END, episode, result_time_ns, over_ns)
        self._episode = None
        self._quiet_until_ns = over_ns + nanoseconds(self._limits.refractory_s)
        self._recent.clear()
        # What outlasted the longest episode is known by now; it is no news until it was over.
        for origin in episode.going & self._going.keys():
            self._going[origin].spent = True
        return telling

    def _tell(self, stage: Stage, episode: _Episode, result_time_ns: int, now_ns: int) -> Telling:
        episode.told, episode.told_ns = episode.news(self._limits.repetitions), now_ns
        lasted_ns = max(0, episode.latest_ns - episode.began.monotonic_ns)
        if episode.going:
            lasted_ns = max(lasted_ns, now_ns - episode.began.monotonic_ns)
        return Telling(
            stage=stage,
            time=episode.began,
            result_time_ns=result_time_ns,
            lasted_s=min(lasted_ns / NS_PER_S, self._limits.maximum_s),
            strength=episode.told[1],
            confirmed=episode.told[0],
            because=tuple(sorted(episode.triggers)),
        )


class EpisodeRule:
    """A rule that is a course with its evidence and its event.

    Args:
        limits: the rule's section.
        event: the class of event it tells.
        read: what an observation means to it.
        together, from_begin: see `EpisodeCourse`.
    """

    def __init__(
        self,
        limits: EpisodeSection,
        event: type[Lasting],
        read: Callable[[Observation], Iterable[Evidence]],
        *,
        together: bool = False,
        from_begin: bool = False,
    ) -> None:
        self._course = EpisodeCourse(limits, together=together, from_begin=from_begin)
        self._event = event
        self._read = read

    def accept(self, observation: Observation) -> Iterator[Lasting]:
        """Take any observation."""
        for item in self._read(observation):
            yield from self._events(self._course.take(item))

    def elapse(self, now_ns: int) -> Iterator[Lasting]:
        """It is `now_ns`, monotonic."""
        yield from self._events(self._course.elapse(now_ns))

    def finish(self) -> Iterator[Lasting]:
        """End what is open."""
        yield from self._events(self._course.finish())

    def _events(self, tellings: Iterable[Telling]) -> Iterator[Lasting]:
        for telling in tellings:
            yield event(self._event, telling)


def event(kind: type[Lasting], telling: Telling, **more: Any) -> Lasting:
    """Return the event of a telling."""
    return kind(
        time=telling.time,
        result_time_ns=telling.result_time_ns,
        confirmed=telling.confirmed,
        because=telling.because,
        stage=telling.stage,
        lasted_s=telling.lasted_s,
        strength=telling.strength,
        **more,
    )


def _utc_ns(episode: _Episode, monotonic_ns: int) -> int:
    return episode.known.utc_ns + monotonic_ns - episode.latest_ns


def _modalities(together: Iterable[Evidence]) -> int:
    return len({one.source.component for one in together})
