"""A lane: one thread per source, in which its detectors run, so that a detector needs no lock."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edge.diagnostics.source_health import SourceHealth
from edge.domain.frames import AudioFrame, Fault, Frame, Idle
from edge.domain.health import Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.stages import Attentive, Detector, Punctual, Source, SourceError
from edge.domain.time import CaptureTime, Clock, seconds_between
from edge.runtime.bridge import Bridge

_log = logging.getLogger(__name__)

_BACKOFF_S = (0.5, 1.0, 2.0, 4.0)
"""Waits before a live source is opened again; the last one repeats, so a replug is found within 5 s."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A detector with the class of frame it reads and the name of its section."""

    name: str
    frame: type
    detector: Detector


class Lane(threading.Thread):
    """Runs one source and its detectors until the recording ends or `stop` is set.

    Attributes:
        steps: how often the lane has come round; the watchdog is fed from it, not from a timer.
        frames: frames taken, without `Idle` and `Fault`.
        cpu_s: processor time that this lane has taken.
        ended: it has run to its end, as a recording does, and will not come round again.
    """

    def __init__(
        self,
        number: int,
        source: Source,
        *,
        source_id: SourceId,
        detectors: Sequence[Fitted],
        bridge: Bridge,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        super().__init__(name=f"lane-{source_id.name}", daemon=True)
        self.steps = 0
        self.frames = 0
        self.cpu_s = 0.0
        self.ended = False
        self._number = number
        self._id = source_id
        self._source = source
        self._detectors = list(detectors)
        self._bridge = bridge
        self._clock = clock
        self._halt = stop
        self._health = SourceHealth(source_id)
        self._known: CaptureTime | None = None
        self._result_ns = 0
        self._behind_s = 0.0

    def run(self) -> None:
        """Thread body."""
        try:
            self._live() if self._source.live else self._once()
            self._finish()
            self.ended = True
        finally:
            self._bridge.close(self._number)

    def _live(self) -> None:
        attempt = 0
        while not self._halt.is_set():
            before = self.frames
            self._try_once()
            if not self._halt.is_set():
                attempt = 0 if self.frames > before else attempt + 1
                self._wait(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])

    def _once(self) -> None:
        if not self._try_once() or self._halt.is_set():
            return
        if self.frames == 0:
            detail = "nothing in the recording could be read; is it the right file, or the right profile?"
            self._trouble(Reason.NO_FRAMES, detail)
        self._post(self._health.ended(self._known or self._clock.now()))

    def _wait(self, seconds: float) -> None:
        while seconds > 0 and not self._halt.wait(min(seconds, 0.5)):
            seconds -= 0.5
            self.steps += 1

    def _try_once(self) -> bool:
        try:
            with self._source as source:
                for frame in source:
                    self._take(frame)
                    if self._halt.is_set():
                        break
        except SourceError as error:
            self._trouble(error.reason, str(error))
        except Exception as error:  # noqa: BLE001 - a lane outlives whatever a driver throws, and says so
            _log.exception("%s: unexpected error", self._id.name)
            self._trouble(Reason.EXCEPTION, f"{type(error).__name__}: {error}")
        else:
            return True
        return False

    def _take(self, frame: Frame) -> None:
        self.steps += 1
        known = frame.time.shifted(frame.duration_s) if isinstance(frame, AudioFrame) else frame.time
        self._known = known
        # A recording is known when its frame ends, however fast it is replayed: the result is the same.
        self._result_ns = known.utc_ns
        if self._source.live:
            now = self._clock.now()
            self._result_ns = now.utc_ns
            self._behind_s = seconds_between(known, now)
        if isinstance(frame, Fault):
            self._post(self._health.trouble(frame.time, frame.reason, frame.detail, frame.count))
        elif isinstance(frame, Idle):
            self._post(())
        else:
            self.frames += 1
            self._post([*self._health.alive(frame.time), *self._detect(frame)])
            self.cpu_s = time.thread_time()

    def _detect(self, frame: Frame) -> Iterable[Observation]:
        for fitted in list(self._detectors):
            # It may have been switched off just now, by what another one observed.
            if fitted not in self._detectors or not isinstance(frame, fitted.frame):
                continue
            try:
                if isinstance(fitted.detector, Punctual):
                    fitted.detector.late(self._behind_s)
                for observation in fitted.detector.accept(frame):
                    yield observation
                    yield from self._spread(observation, fitted, frame)
            except Exception as error:  # noqa: BLE001 - one broken detector must not take the lane with it
                yield self._broken(fitted, error, frame)

    def _spread(self, observation: Observation, by: Fitted, frame: Frame) -> Iterator[Health]:
        """Tell the other detectors; one that fails at it is the broken one, not the one that observed."""
        for other in list(self._detectors):
            if other is by or not isinstance(other.detector, Attentive):
                continue
            try:
                other.detector.notice(observation)
            except Exception as error:  # noqa: BLE001 - as when it is given a frame
                yield self._broken(other, error, frame)

    def _broken(self, fitted: Fitted, error: Exception, frame: Frame) -> Health:
        _log.exception("%s: detector %s failed and is switched off", self._id.name, fitted.name)
        self._detectors.remove(fitted)
        return Health(
            source=self._id,
            time=frame.time,
            component=Component.DETECTOR,
            status=Status.FAILED,
            reason=Reason.EXCEPTION,
            detail=f"{self._id.name}: {fitted.name} is switched off: {type(error).__name__}: {error}",
        )

    def _finish(self) -> None:
        for fitted in self._detectors:
            try:
                self._post(fitted.detector.finish())
            except Exception:  # noqa: BLE001 - the other detectors still have their last intervals to give
                _log.exception("%s: the last interval of %s is lost", self._id.name, fitted.name)

    def _trouble(self, reason: Reason, detail: str) -> None:
        if self._source.live or self._known is None:
            self._known = self._clock.now()
            self._result_ns = self._known.utc_ns
        self._post(self._health.trouble(self._known, reason, detail))

    def _post(self, observations: Iterable[Observation]) -> None:
        leaving = (o for o in observations if not o.stays_in_lane)
        stamped = [replace(o, result_time_ns=self._result_ns) for o in leaving]
        self._bridge.post(self._number, self._known.monotonic_ns if self._known else 0, stamped)
