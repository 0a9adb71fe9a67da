"""Whether a camera sees: too dark, too bright, frozen, obstructed, out of focus or turned elsewhere.

About once a second a picture is judged by itself and against the one before. A fault is told once it has
lasted, again every minute while it does, and its end once all has been well for a while; one that comes back
soon has to stay away longer the next time, so that a flickering lamp makes few reports.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from pydantic import Field

from edge.domain.frames import Frame, Image, VideoFrame
from edge.domain.health import Reason, Status
from edge.domain.observations import Health
from edge.domain.stages import DetectorSection
from edge.domain.time import NS_PER_S
from edge.vision.view import View
from edge.vision.visibility import Visibility, visibility

FRAME = VideoFrame

_JUDGE_EVERY_S = 1.0
_REPEAT_S = 60.0
_RELAPSE_S = 60.0
_LONGEST_HOLD_S = 60.0
# After a longer gap the camera was away: what was wrong before says nothing about now.
_GAP_S = 10.0
# While a fault lasts its limit is stricter, so that a value near the limit does not come and go.
_STRICTER = 0.9
# Worst first: how long each has to last, s. A compressed picture of an empty street may well stand still.
_PATIENCE_S: Mapping[Reason, float] = {
    Reason.FROZEN: 30.0,
    Reason.DARK: 20.0,
    Reason.OVEREXPOSED: 20.0,
    Reason.OBSTRUCTED: 20.0,
    Reason.DEFOCUSED: 30.0,
    Reason.MOVED: 20.0,
}
_RANK = {reason: rank for rank, reason in enumerate(_PATIENCE_S)}
_ADVICE = {
    Reason.FROZEN: "the same picture all the time; restart the camera",
    Reason.DARK: "nothing but dark; check the lens cap, the exposure and the light",
    Reason.OVEREXPOSED: "nothing but white; check the exposure and the direction",
    Reason.OBSTRUCTED: "no contrast; clean the lens, look for what covers it",
    Reason.DEFOCUSED: "blurred; focus the lens, clean it",
    Reason.MOVED: "looks elsewhere than before; turn it back, or draw its zones and lines anew and restart",
}


class Config(DetectorSection):
    """Limits, chosen outside of what 2,300 pictures show; see scripts/measure_visibility.py."""

    dark_below: float = Field(30.0, ge=1, le=128, description="grey level that 99 % of the picture are below")
    white_share: float = Field(0.7, gt=0, le=1, description="share of the picture that is white")
    contrast_below: float = Field(
        16.0, ge=1, le=64, description="grey levels from the 5th to the 95th percentile"
    )
    blur_above: float = Field(0.7, gt=0, lt=1, description="0 sharp, 1 blurred")
    recover_s: float = Field(5.0, ge=1, le=10, description="so long all must be well, s")


class _PictureHealth:
    """Follows the course of the illness of one camera."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._before: Image | None = None
        self._view = View()
        self._judged_s: float | None = None
        self._since_s: dict[Reason, float] = {}
        self._well_since_s: float | None = None
        self._told: Reason | None = None
        self._told_s = 0.0
        self._recovered_s: float | None = None
        self._hold_s = config.recover_s

    def accept(self, frame: Frame) -> Iterable[Health]:
        """Take a picture; give what changed in the camera's health."""
        if not isinstance(frame, VideoFrame):
            return
        now_s = frame.time.monotonic_ns / NS_PER_S
        if self._judged_s is not None:
            passed_s = now_s - self._judged_s
            if passed_s < _JUDGE_EVERY_S:
                return
            if passed_s > _GAP_S:
                self._since_s, self._well_since_s, self._before = {}, None, None
        self._judged_s = now_s
        told = self._course(self._faults(frame.image), now_s)
        if told is not None:
            status, reason = told
            yield Health(
                source=frame.source,
                time=frame.time,
                component=frame.source.component,
                status=status,
                reason=reason,
                detail=f"{frame.source.name}: {_ADVICE.get(reason, 'sees again')}",
            )

    def finish(self) -> Iterable[Health]:
        """Nothing is left to tell: a fault is told when it has lasted."""
        return ()

    def _faults(self, image: Image) -> set[Reason]:
        # Not every pixel: a picture that stands still does so in each of them.
        sample = image[::4, ::4].copy()
        frozen = self._before is not None and np.array_equal(sample, self._before)
        self._before = sample
        faults = _faults(visibility(image), self._config, self._told)
        if not faults and not frozen and self._view.moved(image):
            faults = {Reason.MOVED}
        return faults | {Reason.FROZEN} if frozen else faults

    def _course(self, faults: set[Reason], now_s: float) -> tuple[Status, Reason] | None:
        self._since_s = {reason: self._since_s.get(reason, now_s) for reason in faults}
        lasting = [r for r, s in _PATIENCE_S.items() if r in faults and now_s - self._since_s[r] >= s]
        if lasting and self._is_news(lasting[0], now_s):
            return self._fall_ill(lasting[0], now_s)
        if faults:
            self._well_since_s = None
        elif self._well_since_s is None:
            self._well_since_s = now_s
        elif self._told is not None and now_s - self._well_since_s >= self._hold_s:
            self._told, self._recovered_s = None, now_s
            return Status.OK, Reason.RECOVERED
        return None

    def _is_news(self, worst: Reason, now_s: float) -> bool:
        if self._told is None or _RANK[worst] < _RANK[self._told]:
            return True
        if worst is self._told:
            return now_s - self._told_s >= _REPEAT_S
        return self._told not in self._since_s

    def _fall_ill(self, reason: Reason, now_s: float) -> tuple[Status, Reason]:
        if self._told is None and self._recovered_s is not None:
            relapsed = now_s - self._recovered_s < _RELAPSE_S + _PATIENCE_S[reason]
            self._hold_s = min(2 * self._hold_s, _LONGEST_HOLD_S) if relapsed else self._config.recover_s
        self._told, self._told_s, self._well_since_s = reason, now_s, None
        return Status.DEGRADED, reason


def _faults(seen: Visibility, config: Config, told: Reason | None) -> set[Reason]:
    """Return what is wrong with one picture, stricter about what is wrong already.

    A picture without light has no contrast, and one without contrast no focus: only the first cause counts.
    """
    if seen.brightest < config.dark_below * _looser(Reason.DARK, told):
        return {Reason.DARK}
    if seen.white_share > config.white_share / _looser(Reason.OVEREXPOSED, told):
        return {Reason.OVEREXPOSED}
    if seen.contrast < config.contrast_below * _looser(Reason.OBSTRUCTED, told):
        return {Reason.OBSTRUCTED}
    if seen.blur > config.blur_above / _looser(Reason.DEFOCUSED, told):
        return {Reason.DEFOCUSED}
    return set()


def _looser(reason: Reason, told: Reason | None) -> float:
    return 1 / _STRICTER if reason is told else 1.0


def build(config: Config) -> _PictureHealth:
    """Return the detector."""
    return _PictureHealth(config)
