"""Rule: what a bang probably was, how sure, from where, how far, and whether it was too loud.

Each burst of impulses is one bang. It is told once the model has named it, or as `unclear` when nobody did in
time; `impulse` has told when and where it was by then. Between gunshot and firework `unclear` is an answer.

What the model makes of the sound is weighed with what else is known: the city's dated priors, and a source
high above the street, which is where fireworks burst and guns seldom do. A flash seen before it gives the
distance, and with that a level to compare with the permitted one.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import Field

from edge.domain.air_observations import Weather
from edge.domain.city import City
from edge.domain.events import Bang, BangEvent
from edge.domain.identity import SourceId
from edge.domain.observations import ImpulseOnset, Observation, Sound, StreetSound
from edge.domain.rule import Rule
from edge.domain.scene_observations import Flash, Stage
from edge.domain.sections import Section
from edge.domain.time import NS_PER_S, CaptureTime, nanoseconds
from edge.domain.trigger import Trigger
from edge.fusion.episode import LATE_S
from edge.fusion.permitted import Comparison, compare, priors_in_force
from edge.fusion.ranging import Distance, air, distance

_NAMES = {
    Sound.GUNSHOT: (Bang.GUNSHOT, Trigger.GUNSHOT),
    Sound.FIREWORK: (Bang.FIREWORK, Trigger.FIREWORK),
    Sound.EXPLOSION: (Bang.EXPLOSION, Trigger.EXPLOSION),
    Sound.GLASS_BREAK: (Bang.GLASS, Trigger.GLASS_BREAK),
}
_SHOTS = {Sound.GUNSHOT, Sound.FIREWORK, Sound.UNCLEAR}
_MOST_FLASHES = 32
_MOST_ONSETS = 64
_WEATHER_S = 1800.0
_SECOND_ARRAY_S = 0.15
"""So far apart two arrays of one lamppost, or of its neighbour on the same machine, hear the same bang."""


class Config(Section):
    """Settings of `[fusion.bang]`."""

    burst_gap_s: float = Field(2.0, ge=0.05, le=30, description="onsets closer than this are one bang")
    maximum_s: float = Field(60.0, ge=1, le=600, description="a burst is told as a new bang after this long")
    decision_s: float = Field(
        2.0, ge=0.5, le=10, description="a bang that nobody has named by then is unclear"
    )
    update_s: float = Field(
        2.0, ge=0.5, le=60, description="told again at most so often, unless its name changes"
    )
    refractory_s: float = Field(
        10.0,
        ge=0,
        le=600,
        description="no more of the same for so long, but for gunshots and explosions",
    )
    tell: tuple[Bang, ...] = Field(
        (Bang.GUNSHOT, Bang.FIREWORK, Bang.EXPLOSION, Bang.UNCLEAR),
        description="outcomes that are told; glass has a rule of its own, other leaves as an impulse",
    )
    margin: float = Field(0.2, ge=0, le=1, description="gunshot and firework closer than this are unclear")
    high_elevation_deg: float = Field(
        25.0, ge=0, le=90, description="a source surely above this counts as high: so do few windows"
    )
    high_elevation_odds: float = Field(4.0, ge=1, le=1000, description="so much likelier high means firework")
    flash_timing_s: float = Field(
        0.1, ge=0.001, le=1, description="standard deviation of a flash's time; half a camera's interval"
    )
    farthest_m: float = Field(400.0, ge=20, le=3000, description="no flash that would be farther is paired")


@dataclass
class _Burst:
    """Onsets that belong together, and what is known of them.

    Attributes:
        heard: the last onsets by source and time, to tell a second array from a second bang.
        answers: by sound, the highest probability that the model gave.
        outcomes: what the model said.
        demoted: the detector has been wrong too often lately, and says `unclear` of what alarms.
    """

    began: CaptureTime
    loudest: ImpulseOnset
    latest_ns: int
    impulses: int = 0
    second_array: bool = False
    heard: deque[tuple[SourceId, int]] = field(default_factory=lambda: deque(maxlen=_MOST_ONSETS))
    answers: dict[Sound, float] = field(default_factory=dict)
    outcomes: set[Sound] = field(default_factory=set)
    demoted: bool = False
    latest: CaptureTime | None = None
    told: "_Verdict | None" = None
    told_ns: int = 0
    told_impulses: int = 0
    told_outcomes: set[Bang] = field(default_factory=set)

    def add(self, onset: ImpulseOnset) -> None:
        """Count an onset, unless another array has heard the same one."""
        at_ns = onset.time.monotonic_ns
        if (onset.source, at_ns) in self.heard:
            return
        near_ns = nanoseconds(_SECOND_ARRAY_S)
        if any(source != onset.source and abs(at_ns - t) <= near_ns for source, t in self.heard):
            self.second_array = True
        else:
            self.impulses += 1
        self.heard.append((onset.source, at_ns))
        if at_ns >= self.latest_ns:
            self.latest_ns, self.latest = at_ns, onset.time
        self.loudest = max(self.loudest, onset, key=lambda one: one.lcpeak_db)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What would be told now."""

    outcome: Bang
    confirmed: bool
    distance: Distance
    level: Comparison
    probabilities: Mapping[str, float]
    priors: tuple[int, ...]
    because: tuple[Trigger, ...]

    @property
    def headline(self) -> tuple[object, ...]:
        """What is worth telling again when it changes."""
        return self.outcome, self.confirmed, self.distance.metres is None, self.level.exceeded


class BangRule:
    """State: the burst that may still go on, the last flashes, the weather, the city's policy."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._city = City()
        self._weather: Weather | None = None
        self._flashes: deque[Flash] = deque(maxlen=_MOST_FLASHES)
        self._burst: _Burst | None = None
        self._quiet_until_ns: int | None = None
        self._last_outcome: Bang | None = None

    def obey(self, city: City) -> None:
        """Take the priors and permitted levels in force."""
        self._city = city

    def accept(self, observation: Observation) -> Iterator[BangEvent]:
        """Take any observation; yield what it changes."""
        match observation:
            case ImpulseOnset():
                yield from self._onset(observation)
            case StreetSound(after_impulse=True):
                yield from self._named(observation)
            case Flash():
                self._flashes.append(observation)
                yield from self._tell_news(observation.time.monotonic_ns, observation.result_time_ns)
            case Weather():
                self._weather = observation

    def elapse(self, now_ns: int) -> Iterator[BangEvent]:
        """It is `now_ns`, monotonic: a bang that nobody named is unclear, one that has ended is over."""
        burst = self._burst
        if burst is None:
            return
        over_ns = self._over_ns(burst)
        if burst.told is None:
            due_ns = burst.began.monotonic_ns + nanoseconds(self._config.decision_s)
        else:
            due_ns = burst.told_ns + nanoseconds(self._config.update_s)
        if due_ns <= min(now_ns, over_ns):
            yield from self._tell_news(due_ns, _utc_ns(burst, due_ns))
        if now_ns >= over_ns:
            yield from self._end(over_ns, _utc_ns(burst, over_ns))

    def finish(self) -> Iterator[BangEvent]:
        """End what is open; what was not told yet is told first."""
        if self._burst is not None:
            at_ns = max(
                self._burst.latest_ns, self._burst.began.monotonic_ns + nanoseconds(self._config.decision_s)
            )
            yield from self._tell_news(at_ns, _utc_ns(self._burst, self._burst.latest_ns))
            yield from self._end(at_ns, _utc_ns(self._burst, self._burst.latest_ns))

    def _onset(self, onset: ImpulseOnset) -> Iterator[BangEvent]:
        at_ns = onset.time.monotonic_ns
        yield from self.elapse(at_ns)
        if self._burst is None:
            self._burst = _Burst(onset.time, onset, at_ns, latest=onset.time)
        if at_ns >= self._burst.began.monotonic_ns - nanoseconds(self._config.burst_gap_s):
            self._burst.add(onset)
            yield from self._tell_news(at_ns, onset.result_time_ns)

    def _named(self, sound: StreetSound) -> Iterator[BangEvent]:
        burst = self._burst
        if burst is None or not self._is_of(burst, sound):
            return
        burst.outcomes.add(sound.outcome)
        burst.demoted = burst.demoted or sound.demoted
        for name in _NAMES:
            probability = getattr(sound, name)
            if probability is not None:
                burst.answers[name] = max(probability, burst.answers.get(name, 0.0))
        yield from self._tell_news(sound.time.monotonic_ns, sound.result_time_ns)

    def _is_of(self, burst: _Burst, sound: StreetSound) -> bool:
        gap_ns = nanoseconds(self._config.burst_gap_s)
        return burst.began.monotonic_ns - gap_ns <= sound.time.monotonic_ns <= burst.latest_ns + gap_ns

    def _over_ns(self, burst: _Burst) -> int:
        longest_ns = burst.began.monotonic_ns + nanoseconds(self._config.maximum_s)
        return min(longest_ns, burst.latest_ns + nanoseconds(self._config.burst_gap_s)) + nanoseconds(LATE_S)

    def _tell_news(self, now_ns: int, result_time_ns: int) -> Iterator[BangEvent]:
        burst = self._burst
        if burst is None:
            return
        undecided = now_ns < burst.began.monotonic_ns + nanoseconds(self._config.decision_s)
        if not burst.outcomes and undecided:
            return
        verdict = self._verdict(burst)
        stage = Stage.ONSET if burst.told is None else Stage.UPDATE
        if self._is_worth_telling(verdict, burst, now_ns):
            yield self._tell(stage, burst, verdict, now_ns, result_time_ns)

    def _is_worth_telling(self, verdict: _Verdict, burst: _Burst, now_ns: int) -> bool:
        told = burst.told
        if told is None:
            return self._is_worth_beginning(verdict, burst)
        if verdict.outcome not in burst.told_outcomes or verdict.confirmed > told.confirmed:
            return True
        news = verdict.headline != told.headline or burst.impulses >= 2 * burst.told_impulses
        return news and now_ns >= burst.told_ns + nanoseconds(self._config.update_s)

    def _is_worth_beginning(self, verdict: _Verdict, burst: _Burst) -> bool:
        if verdict.level.exceeded:
            return True
        grave = verdict.outcome in (Bang.GUNSHOT, Bang.EXPLOSION)
        quiet = self._quiet_until_ns is not None and burst.began.monotonic_ns < self._quiet_until_ns
        more_of_the_same = quiet and verdict.outcome is self._last_outcome and not grave
        return verdict.outcome in self._config.tell and not more_of_the_same

    def _end(self, over_ns: int, result_time_ns: int) -> Iterator[BangEvent]:
        burst = self._burst
        assert burst is not None
        if burst.told is not None:
            yield self._tell(Stage.END, burst, self._verdict(burst), over_ns, result_time_ns)
            self._quiet_until_ns = over_ns + nanoseconds(self._config.refractory_s)
            self._last_outcome = burst.told.outcome
        self._burst = None

    def _verdict(self, burst: _Burst) -> _Verdict:
        onset = burst.loudest
        priors = priors_in_force(self._city, onset.time)
        high = _is_high(onset, self._config.high_elevation_deg)
        odds: dict[Sound, float] = {prior.sound: prior.odds for prior in priors}
        if high:
            odds[Sound.FIREWORK] = odds.get(Sound.FIREWORK, 1.0) * self._config.high_elevation_odds
        probabilities = {s: _weighed(p, odds.get(s, 1.0)) for s, p in burst.answers.items()}
        outcome = _outcome(burst, probabilities, self._config.margin)
        seen = self._distance(onset)
        because = {
            Trigger.IMPULSE_ONSET: True,
            Trigger.SECOND_ARRAY: burst.second_array,
            Trigger.FLASH: seen.flash is not None,
            Trigger.HIGH_ELEVATION: high and bool(burst.answers),
            Trigger.WEATHER: seen.flash is not None and self._weather_now(onset) is not None,
            Trigger.PRIOR: bool(priors) and bool(burst.answers),
            **{trigger: outcome is name for name, trigger in _NAMES.values()},
        }
        return _Verdict(
            outcome=outcome,
            confirmed=burst.impulses > 1 or burst.second_array or seen.flash is not None,
            distance=seen,
            level=compare(self._city, onset, seen),
            probabilities={_NAMES[sound][0].value: value for sound, value in probabilities.items()},
            priors=tuple(prior.number for prior in priors if prior.sound in burst.answers),
            because=tuple(trigger for trigger, holds in because.items() if holds),
        )

    def _distance(self, onset: ImpulseOnset) -> Distance:
        return distance(
            onset.time.monotonic_ns,
            self._flashes,
            air(self._weather_now(onset)),
            timing_s=self._config.flash_timing_s,
            farthest_m=self._config.farthest_m,
        )

    def _weather_now(self, onset: ImpulseOnset) -> Weather | None:
        weather = self._weather
        if weather is None:
            return None
        age_s = (onset.time.monotonic_ns - weather.time.monotonic_ns) / NS_PER_S - weather.duration_s
        return weather if age_s <= _WEATHER_S else None

    def _tell(
        self, stage: Stage, burst: _Burst, verdict: _Verdict, now_ns: int, result_time_ns: int
    ) -> BangEvent:
        burst.told, burst.told_ns, burst.told_impulses = verdict, now_ns, burst.impulses
        burst.told_outcomes.add(verdict.outcome)
        loudest, seen, level = burst.loudest, verdict.distance, verdict.level
        return BangEvent(
            time=burst.began,
            result_time_ns=result_time_ns,
            confirmed=verdict.confirmed,
            because=verdict.because,
            stage=stage,
            lasted_s=max(0, burst.latest_ns - burst.began.monotonic_ns) / NS_PER_S,
            outcome=verdict.outcome,
            impulses=burst.impulses,
            calibrated=loudest.calibrated,
            clipped=loudest.clipped,
            lcpeak_db=loudest.lcpeak_db,
            priors=verdict.priors,
            azimuth_deg=loudest.azimuth_deg,
            azimuth_uncertainty_deg=loudest.azimuth_uncertainty_deg,
            elevation_deg=loudest.elevation_deg,
            elevation_uncertainty_deg=loudest.elevation_uncertainty_deg,
            distance_m=seen.metres,
            distance_uncertainty_m=seen.uncertainty_m,
            distance_absence=seen.absence,
            reference_distance_m=level.reference_distance_m,
            reference_level_db=level.reference_level_db,
            reference_level_uncertainty_db=level.reference_level_uncertainty_db,
            permitted=level.permitted,
            permitted_db=level.permitted_db,
            exceeded=level.exceeded,
            level_absence=level.level_absence,
            **verdict.probabilities,
        )


def _outcome(burst: _Burst, probabilities: Mapping[Sound, float], margin: float) -> Bang:
    """Return what the model's answers come to; `unclear` when it gave none, or cannot tell two apart."""
    if not burst.outcomes or (burst.demoted and Sound.UNCLEAR in burst.outcomes):
        return Bang.UNCLEAR
    if burst.outcomes & _SHOTS:
        difference = _lead(probabilities)
        if abs(difference) < margin:
            return Bang.UNCLEAR
        return Bang.GUNSHOT if difference > 0 else Bang.FIREWORK
    for sound in (Sound.EXPLOSION, Sound.GLASS_BREAK):
        if sound in burst.outcomes:
            return _NAMES[sound][0]
    return Bang.OTHER


def _lead(probabilities: Mapping[Sound, float]) -> float:
    return probabilities.get(Sound.GUNSHOT, 0.0) - probabilities.get(Sound.FIREWORK, 0.0)


def _weighed(probability: float, odds: float) -> float:
    """Return a probability whose odds have been multiplied."""
    weight = probability * odds
    return weight / (weight + 1.0 - probability) if weight + 1.0 - probability > 0 else probability


def _is_high(onset: ImpulseOnset, above_deg: float) -> bool:
    """Whether the source is surely high, also where the array cannot tell two elevations apart."""
    given = [onset.elevation_deg, onset.other_elevation_deg]
    elevations = [one for one in given if one is not None]
    spread_deg = onset.elevation_uncertainty_deg or 0.0
    return bool(elevations) and min(elevations) - spread_deg > above_deg


def _utc_ns(burst: _Burst, monotonic_ns: int) -> int:
    assert burst.latest is not None
    return burst.latest.utc_ns + monotonic_ns - burst.latest_ns


def needs(_config: Config) -> Iterator[tuple[str, ...]]:
    """Yield the sections without any of which it would hear nothing."""
    yield ("detectors.impulse",)


def build(config: Config) -> Rule:
    """Return the rule."""
    return BangRule(config)
