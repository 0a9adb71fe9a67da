"""The contract: reports of what cameras see."""

from typing import Literal

from edge.domain.health import Absence
from edge.domain.report_base import Count, Duration, SensorReport, Share


class SceneMotionReport(SensorReport):
    """Shares of the picture that moved and that were occupied, the latter once the empty scene is known."""

    kind: Literal["scene_motion"] = "scene_motion"
    duration_s: Duration
    moving_share: Share
    frames: Count
    occupied_share: Share | None = None
    absence: Absence | None = None
