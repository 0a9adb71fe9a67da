"""The role `sense`: lanes, fusion, the gate, up to the outbox. It needs no network."""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edge.domain.actuator import SceneCommand
from edge.domain.city import City, Obedient
from edge.domain.contact_observations import Contact
from edge.domain.events import Event
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.rule import Remembering, Rule, Timed
from edge.domain.time import NS_PER_S, Clock
from edge.fusion.own_sound import OwnSounds
from edge.privacy.gate import Gate
from edge.privacy.policy import Policy, PolicyError
from edge.privacy.policy_watch import SILENCE, PolicyWatch, Standing
from edge.runtime.actuation import Actuation, fit_actuators
from edge.runtime.bridge import Bridge, Moment
from edge.runtime.lane import Lane
from edge.runtime.lanes import Fitting, fit, running
from edge.runtime.notify import notify
from edge.runtime.settings import Settings

_log = logging.getLogger(__name__)

_LEVELS = {Status.OK: logging.INFO, Status.DEGRADED: logging.WARNING, Status.FAILED: logging.ERROR}
_TICK_S = 1.0
_REPEAT_S = 60.0
_POLICY_S = 5.0
_KEEP_S = 300.0
"""What rules remember is stored so often: a power cut costs a mean five minutes, and the card is spared."""

_PATIENCE_S = 8.0
"""A camera may block for some seconds before it notices that it should stop."""


def watch_of(settings: Settings) -> PolicyWatch | None:
    """Return what looks at the city's policy; None when the settings name none."""
    return PolicyWatch(settings.privacy.demands(settings.node.city)) if settings.privacy else None


def gate_of(settings: Settings) -> Gate:
    """Return a gate with the policy that is in force now, for a replay. Raises PolicyError when none is."""
    watch = watch_of(settings)
    if watch is None:
        _log.warning("%s: no [privacy] policy: nothing but health will leave this lamppost", settings.path)
        return Gate(SILENCE)
    standing = watch.look(datetime.now(UTC))
    if standing.silent:
        raise PolicyError(standing.trouble, standing.reason)
    return Gate(standing.policy)


async def _here(call: Callable[[], Standing]) -> Standing:
    return call()


@dataclass
class Sense:
    """One run of the role, from lanes to the sink.

    Args:
        settings: checked settings.
        gate: the only maker of reports.
        accept: takes each report that the gate admits; to this module a report is opaque.
        clock: what the sources are given.
        health: how often each status and reason was observed.
        policies: looks at the city's policy, now and then; without it the gate's stays in force.
        run_blocking: runs what waits for the disk outside the event loop; a replay does without.
        monitored: also report the node's own health (clock, bridge); a replay on a desk does not.
        kept: what rules remembered when an earlier run was ended, by section.
        keep: stores what they remember; without one nothing outlives this run.
        ready: set once rules and actuators can be told something.
        restarting: the run was ended to be begun anew by a new process.
    """

    settings: Settings
    gate: Gate
    accept: Callable[[Any], Awaitable[None]]
    clock: Clock
    policies: PolicyWatch | None = None
    run_blocking: Callable[[Callable[[], Standing]], Awaitable[Standing]] = _here
    monitored: bool = True
    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    keep: Callable[[Mapping[str, Mapping[str, Any]]], Awaitable[None]] | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    restarting: bool = False
    lanes: Sequence[Lane] = field(default_factory=tuple)
    health: Counter[tuple[Status, Reason]] = field(default_factory=Counter)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _rules: dict[str, Rule] = field(default_factory=dict)
    _timed: frozenset[str] = frozenset()
    _own_sounds: OwnSounds = field(default_factory=OwnSounds)
    _actuation: Actuation | None = None
    _now_ns: int = 0
    _standing: Standing | None = None
    _told: Counter[tuple[Reason, str]] = field(default_factory=Counter)
    _withheld: set[str] = field(default_factory=set)
    _shed: int = 0
    _told_s: dict[str, float] = field(default_factory=dict)

    @property
    def now_ns(self) -> int:
        """The moment, monotonic, on the clock of the recordings or else on the node's."""
        return self._now_ns

    def stop(self) -> None:
        """End the run: the lanes give what they hold, then `run` returns."""
        self._stop.set()

    def restart(self) -> None:
        """End the run, and have whoever started it begin anew."""
        self.restarting = True
        self.stop()

    async def run(self, fittings: Sequence[Fitting] | None = None) -> None:
        """Run until every recording has ended or `stop` is called."""
        fittings = fit(self.settings, self.clock) if fittings is None else fittings
        self._rules = {e.section: e.module.build(e.config) for e in self.settings.of("fusion")}
        # A recording on a desk moves no lamp.
        actuation = Actuation(fit_actuators(self.settings) if self.monitored else [], self.clock)
        self._actuation = actuation
        # Asked of each rule once a second, this would be most of the work of an idle hour.
        self._timed = frozenset(name for name, rule in self._rules.items() if isinstance(rule, Timed))
        self._recall()
        await self.obey(self.gate.policy) if self.policies is None else await self.look_at_policy()
        bridge = Bridge([fitting.source.live for fitting in fittings])
        with running(fittings, bridge, self.clock) as (self.lanes, halt):
            notify("READY=1")
            self.ready.set()
            async with asyncio.TaskGroup() as tasks:
                hearing = tasks.create_task(self._hear(actuation))
                helpers = [
                    tasks.create_task(self._halt_when_stopped(halt, bridge)),
                    tasks.create_task(self._beat(bridge, actuation)),
                ]
                if self.monitored:
                    helpers.append(tasks.create_task(self._watch(bridge)))
                    helpers.append(tasks.create_task(self._look_now_and_then()))
                if self.keep is not None:
                    helpers.append(tasks.create_task(self._remember_now_and_then()))
                async with actuation.working(), aclosing(bridge.moments()) as moments:
                    async for moment in moments:
                        await self._take(moment)
                await self._ask(lambda rule: rule.finish(), self._timed)
                await hearing
                await self._tell_gate(last=True)
                for helper in helpers:
                    helper.cancel()
        await self._remember()

    async def obey(self, policy: Policy) -> None:
        """Put a policy in force: at the gate, and with each rule that wants to know."""
        self.gate.policy = policy
        self._tell_actuators(policy.city)
        for name, rule in list(self._rules.items()):
            try:
                if isinstance(rule, Obedient):
                    rule.obey(policy.city)
            except Exception as error:  # noqa: BLE001 - as when it is told an observation
                await self._switch_off(name, error)

    async def tell(
        self, component: Component, status: Status, reason: Reason, count: int, detail: str
    ) -> None:
        """Report the health of a part of the node that is not a source."""
        now = self.clock.now()
        health = Health(
            source=SourceId("node", 0, component),
            time=now,
            result_time_ns=now.utc_ns,
            component=component,
            status=status,
            reason=reason,
            count=count,
            detail=detail,
        )
        await self._note(health)

    async def _take(self, moment: Moment) -> None:
        self._now_ns = moment.now_ns
        if moment.observation is None:
            now_ns = moment.now_ns
            await self._ask(lambda rule: rule.elapse(now_ns), self._timed)
        else:
            await self.observe(moment.observation)

    async def observe(self, observation: Observation) -> None:
        """Take one observation of any part of the lamppost to the gate, the rules and the actuators."""
        sifted = self._own_sounds.sift(observation)
        if sifted is None:
            return
        await self._note(sifted)
        if isinstance(sifted, Contact | SceneCommand):
            self._tell_actuators(sifted)
        await self._ask(lambda rule: rule.accept(sifted))

    async def _ask(
        self, question: Callable[[Any], Iterable[Event | Observation]], names: Collection[str] | None = None
    ) -> None:
        """Ask every rule, or those named, and pass on what it finds; a broken one is switched off."""
        for name, rule in list(self._rules.items()):
            if names is not None and name not in names:
                continue
            if self._rules.get(name) is not rule:  # switched off meanwhile, over what another one concluded
                continue
            try:
                findings = list(question(rule))
            except Exception as error:  # noqa: BLE001 - one broken rule must not take the road with it
                await self._switch_off(name, error)
                continue
            for finding in findings:
                if isinstance(finding, Observation):
                    await self.observe(finding)
                else:
                    self._tell_actuators(finding)
                    await self._pass(finding)

    async def _hear(self, actuation: Actuation) -> None:
        async for observation in actuation.observed():
            await self.observe(observation)

    def _tell_actuators(self, what: Event | Observation | City) -> None:
        if self._actuation is not None:
            self._actuation.tell(what)

    def _recall(self) -> None:
        for name, rule in self._rules.items():
            if isinstance(rule, Remembering) and name in self.kept:
                try:
                    rule.recall(self.kept[name])
                except Exception as error:  # noqa: BLE001 - a file that anybody may have edited
                    _log.warning("fusion: %s begins anew, what it remembered is of no use: %r", name, error)

    async def _remember(self) -> None:
        if self.keep is None:
            return
        states: dict[str, Mapping[str, Any]] = {}
        for name, rule in list(self._rules.items()):
            if isinstance(rule, Remembering):
                try:
                    states[name] = rule.remember()
                except Exception as error:  # noqa: BLE001 - as when it is told an observation
                    await self._switch_off(name, error)
        try:
            if states:
                await self.keep(states)
        except OSError as error:
            if self._due("memory"):
                _log.warning("fusion: cannot store what rules remember: %s; is the disk full?", error)

    async def _remember_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_S)
            await self._remember()

    async def _switch_off(self, rule: str, error: Exception) -> None:
        if self._rules.pop(rule, None) is None:  # two observations were under way
            return
        _log.error("fusion: %s failed and is switched off", rule, exc_info=error)
        detail = f"fusion: {rule} is switched off: {type(error).__name__}: {error}"
        await self.tell(Component.DETECTOR, Status.FAILED, Reason.EXCEPTION, 1, detail)

    async def _note(self, observation: Observation) -> None:
        if isinstance(observation, Health):
            self.health[observation.status, observation.reason] += 1
            _log.log(_LEVELS[observation.status], "%s: %s", observation.reason, observation.detail)
        await self._pass(observation)

    async def _pass(self, finding: Observation | Event) -> None:
        report = self.gate.admit(finding, self._now_ns)
        if report is not None:
            await self.accept(report)

    async def _halt_when_stopped(self, halt: threading.Event, bridge: Bridge) -> None:
        await self._stop.wait()
        halt.set()
        await asyncio.sleep(_PATIENCE_S)
        # A driver that never answers must not keep what the other lanes have brought.
        for number, lane in enumerate(self.lanes):
            if not lane.ended:
                _log.error("%s does not answer; leaving without it", lane.name)
                bridge.close(number)

    async def _beat(self, bridge: Bridge, actuation: Actuation) -> None:
        while True:
            now_ns = self.clock.now().monotonic_ns
            bridge.beat(now_ns)
            actuation.beat(now_ns)
            await asyncio.sleep(_TICK_S)

    async def _watch(self, bridge: Bridge) -> None:
        """Feed the watchdog while every lane comes round; report shed observations and the clock."""
        steps = [-1] * len(self.lanes)
        synchronised: bool | None = None
        while True:
            await asyncio.sleep(_TICK_S)
            now_steps = [lane.steps for lane in self.lanes]
            came_round = zip(self.lanes, now_steps, steps, strict=True)
            if all(lane.ended or now != before for lane, now, before in came_round):
                notify("WATCHDOG=1")
                steps = now_steps
            await self._tell_shed(bridge)
            await self._tell_gate()
            known = self.clock.now().uncertainty_ms is not None
            if known is not synchronised:
                synchronised = known
                await self._tell_clock(known)

    async def _tell_shed(self, bridge: Bridge) -> None:
        self._shed += bridge.shed()
        if self._shed and self._due("shed"):
            shed, self._shed = self._shed, 0
            detail = "bridge: overloaded, the oldest observations were dropped"
            await self.tell(Component.BRIDGE, Status.DEGRADED, Reason.SHED, shed, detail)

    async def _look_now_and_then(self) -> None:
        # Not in `_watch`: a disk that stalls must not keep the watchdog from being fed.
        while True:
            await asyncio.sleep(_POLICY_S)
            await self.look_at_policy()

    async def look_at_policy(self) -> None:
        """Put the policy in force that is good now; tell what is wrong with the city's when that changes."""
        policies = self.policies
        if policies is None:
            return
        now = datetime.fromtimestamp(self.clock.now().utc_ns / NS_PER_S, UTC)
        standing = await self.run_blocking(lambda: policies.look(now))
        before, self._standing = self._standing, standing
        if before is None or standing.policy != before.policy:
            await self.obey(standing.policy)
        trouble_before = before.trouble if before else ""
        if standing.trouble and standing.trouble != trouble_before:
            status = Status.FAILED if standing.silent else Status.DEGRADED
            await self.tell(Component.POLICY, status, standing.reason, 1, standing.trouble)
        elif trouble_before and not standing.trouble:
            detail = f"policy: number {standing.policy.number} is in force"
            await self.tell(Component.POLICY, Status.OK, Reason.RECOVERED, 1, detail)

    def _due(self, what: str, repeat_s: float = _REPEAT_S) -> bool:
        """Whether something may be told or done (again): at once the first time, then once a minute."""
        now_s = time.monotonic()
        due = now_s - self._told_s.get(what, -repeat_s) >= repeat_s
        if due:
            self._told_s[what] = now_s
        return due

    async def _tell_gate(self, *, last: bool = False) -> None:
        """Report what the gate refused since the last time; log once which kinds the policy withholds."""
        for kind in sorted(set(self.gate.withheld) - self._withheld):
            self._withheld.add(kind)
            _log.info("gate: the policy gives %s no purpose; it does not leave", kind)
        gate = self.gate
        for reason, counts, said in (
            (Reason.REFUSED, gate.refused, "did not fit the contract"),
            (Reason.OVER_BUDGET, gate.over_budget, "were more than the information budget lets out"),
        ):
            for kind, count in list(counts.items()):
                new = count - self._told[reason, kind]
                if new and (last or self._due(f"{reason} {kind}")):
                    self._told[reason, kind] = count
                    detail = f"gate: {new} findings of kind {kind} {said}"
                    await self.tell(Component.GATE, Status.DEGRADED, reason, new, detail)

    async def _tell_clock(self, known: bool) -> None:
        if known:
            await self.tell(Component.CLOCK, Status.OK, Reason.STARTED, 1, "clock: synchronised")
        else:
            detail = "clock: not synchronised; is chrony or systemd-timesyncd running?"
            await self.tell(Component.CLOCK, Status.DEGRADED, Reason.UNSYNCHRONISED, 1, detail)
