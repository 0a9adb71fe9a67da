"""Rule: an impulse onset is an event at once; a burst of them is one event that is updated.

The first onset leaves unconfirmed. Further onsets, each within `burst_gap_s` of the one before, belong to
the same burst: it is told again when their number has doubled, so that a firework finale or a jackhammer
makes few reports. Repetition confirms that something banged, not what it was.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from edge.domain.events import Impulse
from edge.domain.observations import ImpulseOnset, Observation
from edge.domain.rule import Rule
from edge.domain.sections import Section
from edge.domain.time import NS_PER_S, CaptureTime


class Config(Section):
    """Settings of `[fusion.impulse]`."""

    burst_gap_s: float = Field(2.0, ge=0.05, le=30, description="onsets closer than this are one burst")
    maximum_s: float = Field(60.0, ge=1, le=600, description="a burst is told as a new event after this long")


@dataclass(frozen=True, slots=True)
class _Burst:
    began: CaptureTime
    latest_ns: int
    loudest: ImpulseOnset
    impulses: int


class ImpulseRule:
    """State: the burst that may still go on."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._burst: _Burst | None = None

    def accept(self, observation: Observation) -> Iterator[Impulse]:
        """Take any observation; yield an event for the 1st, 2nd, 4th, 8th ... onset of a burst."""
        if not isinstance(observation, ImpulseOnset):
            return
        burst = self._extend(observation)
        self._burst = burst
        if burst.impulses & (burst.impulses - 1) == 0:
            yield _event(burst, observation.result_time_ns)

    def _extend(self, onset: ImpulseOnset) -> _Burst:
        now_ns = onset.time.monotonic_ns
        burst = self._burst
        if burst is None or not self._belongs(burst, now_ns):
            return _Burst(onset.time, now_ns, onset, 1)
        loudest = max(burst.loudest, onset, key=lambda o: o.lcpeak_db)
        return _Burst(burst.began, max(burst.latest_ns, now_ns), loudest, burst.impulses + 1)

    def _belongs(self, burst: _Burst, now_ns: int) -> bool:
        since_latest_s = (now_ns - burst.latest_ns) / NS_PER_S
        since_began_s = (now_ns - burst.began.monotonic_ns) / NS_PER_S
        return since_latest_s <= self._config.burst_gap_s and since_began_s <= self._config.maximum_s


def _event(burst: _Burst, result_time_ns: int) -> Impulse:
    return Impulse(
        time=burst.began,
        result_time_ns=result_time_ns,
        confirmed=burst.impulses > 1,
        because=(ImpulseOnset.kind,),
        calibrated=burst.loudest.calibrated,
        clipped=burst.loudest.clipped,
        lcpeak_db=burst.loudest.lcpeak_db,
        above_floor_db=burst.loudest.above_floor_db,
        rise_s=burst.loudest.rise_s,
        duration_s=burst.loudest.duration_s,
        impulses=burst.impulses,
        azimuth_deg=burst.loudest.azimuth_deg,
        azimuth_uncertainty_deg=burst.loudest.azimuth_uncertainty_deg,
        elevation_deg=burst.loudest.elevation_deg,
        elevation_uncertainty_deg=burst.loudest.elevation_uncertainty_deg,
        other_azimuth_deg=burst.loudest.other_azimuth_deg,
        other_elevation_deg=burst.loudest.other_elevation_deg,
        direction_absence=burst.loudest.direction_absence,
    )


def build(config: Config) -> Rule:
    """Return the rule."""
    return ImpulseRule(config)
