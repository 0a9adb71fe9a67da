"""A brief bright point or area, with its time: for fusion with bangs, whose sound comes later.

A camera of so many pictures a second tells when it began to within one of them.
"""

from collections.abc import Iterator

from pydantic import Field

from edge.domain.frames import Frame, VideoFrame
from edge.domain.observations import Observation
from edge.domain.scene_observations import Flash
from edge.domain.stages import Detector, DetectorSection
from edge.domain.time import NS_PER_S
from edge.vision.flash import FlashFinder

FRAME = VideoFrame


class Config(DetectorSection):
    """What counts as a flash."""

    rise: float = Field(0.25, ge=0.05, le=1, description="luminance above what was there before, 0..1")
    longest_s: float = Field(1.0, ge=0.1, le=5, description="what stays longer is a lamp, s")


class FlashDetector:
    """Tells each flash once it is over."""

    def __init__(self, config: Config) -> None:
        self._finder = FlashFinder(config.rise, config.longest_s)

    def accept(self, frame: Frame) -> Iterator[Observation]:
        """Take a picture."""
        if not isinstance(frame, VideoFrame):
            return
        now_s = frame.time.monotonic_ns / NS_PER_S
        seen = self._finder.look(frame.image, now_s)
        if seen is not None:
            yield Flash(
                source=frame.source,
                time=frame.time.shifted(seen.began_s - now_s),
                duration_s=seen.duration_s,
                rise=min(1.0, seen.rise),
                share=seen.share,
            )

    def finish(self) -> Iterator[Observation]:
        """Nothing: a flash that is not over may be a lamp."""
        return iter(())


def build(config: Config) -> Detector:
    """Return the detector."""
    return FlashDetector(config)
