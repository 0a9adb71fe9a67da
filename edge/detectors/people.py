"""Counts people and vehicles, follows them for lines and speeds, and measures density on the ground.

Each picture is searched as a whole; now and then, at a slower pace, also in tiles, which find the small
ones of a crowd: what they find beyond the whole picture is added until the next time. Counts are of those who
stand outside `ignore`. Tracks are for the other detectors of the lane (`Movers`) and never leave it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from edge.domain.frames import Frame, VideoFrame
from edge.domain.health import Absence, Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.polygon import Line, PicturePoint, Point, Polygon, hull
from edge.domain.polygon import area as area_of
from edge.domain.scene_observations import Kind, LineCrossing, Mover, Movers, PeopleCount, ServiceLevel
from edge.domain.sections import LocalPath
from edge.domain.shipped import shipped
from edge.domain.stages import Detector, DetectorSection, Section
from edge.domain.time import NS_PER_S, CaptureTime, seconds_between
from edge.inference.card import FETCHED
from edge.vision.counting import Counting, Sighting, service_level
from edge.vision.crossings import Crossing, PixelLine, crossings
from edge.vision.finder import Finder
from edge.vision.ground import Ground, fit_ground
from edge.vision.search import FAINT, Found, Plan, Search
from edge.vision.tracks import LOST_AFTER_S, Track, Tracker

if TYPE_CHECKING:
    from edge.inference.session import Model

FRAME = VideoFrame

KIND_OF = {
    "person": Kind.PERSON,
    "bicycle": Kind.TWO_WHEELER,
    "motorcycle": Kind.TWO_WHEELER,
    "two_wheeler": Kind.TWO_WHEELER,
    "car": Kind.VEHICLE,
    "bus": Kind.VEHICLE,
    "truck": Kind.VEHICLE,
    "vehicle": Kind.VEHICLE,
}
"""What the labels of a detector model are in reports."""

KINDS = tuple(Kind)

DEFAULT = "people"
"""The model that counts unless another one is named."""

# A track younger than this has no speed yet.
_NO_SPEED_S = 0.8
_BLIND = {Reason.DARK, Reason.OVEREXPOSED, Reason.OBSTRUCTED, Reason.DEFOCUSED, Reason.FROZEN}
"""What [detectors.picture_health] says of a camera whose pictures show nobody, whoever is there."""


class PointPair(Section):
    """One place, in the picture and on the ground."""

    picture: PicturePoint = Field(description="shares of the picture's width and height, 0..1")
    ground_m: tuple[float, float] = Field(description="metres right and ahead of any origin")


class GroundPlane(Section):
    """`[detectors.people.ground]`: four or more places; `lamppost aim` checks them."""

    points: tuple[PointPair, ...] = Field(min_length=4, max_length=64)
    heading_deg: float = Field(0.0, ge=-360, le=360, description="azimuth of `ahead`, from true north")

    def fitted(self) -> Ground:
        """Return the plane. Raises GroundError."""
        return fit_ground([pair.picture for pair in self.points], [pair.ground_m for pair in self.points])

    @model_validator(mode="after")
    def _fixes_a_plane(self) -> Self:
        self.fitted()
        return self


class Config(DetectorSection):
    """Settings of `[detectors.people]`."""

    model: str = Field(DEFAULT, pattern=r"^[a-z][a-z0-9_]*$", description="folder below models/")
    fetched: LocalPath = Field(FETCHED, description="where `lamppost models fetch` put public models")
    interval_s: float = Field(60.0, ge=1, le=3600, description="length of a count, s")
    threshold: float | None = Field(
        None, ge=0.05, le=0.95, description="score from which on a person counts; absent: the model card's"
    )
    tiles: tuple[int, int] = Field((2, 2), description="columns and rows of tiles; [1, 1]: none")
    tiles_every_s: float = Field(5.0, ge=0.5, le=600, description="how often the tiles are searched, s")
    ignore: tuple[Polygon, ...] = Field((), description="who stands in these polygons is not counted")
    area: Polygon | None = Field(
        None, description="of the density and crowd level; absent: around the points of the ground plane"
    )
    lines: tuple[Line, ...] = Field(
        (), max_length=8, description="who crosses from right to left of a line, first to second point, is in"
    )
    ground: GroundPlane | None = None

    @model_validator(mode="after")
    def _tiles_are_few(self) -> Self:
        if not all(1 <= pieces <= 8 for pieces in self.tiles):
            raise ValueError("tiles: give columns and rows, 1 to 8 each")
        return self

    @model_validator(mode="after")
    def _area_is_on_the_ground(self) -> Self:
        if self.area is not None and self.ground is None:
            raise ValueError("`area` is measured in metres: add [detectors.people.ground]")
        if self.area is not None and self.ground is not None:
            corners = self.ground.fitted().metres(np.array(self.area))
            if not np.isfinite(corners).all():
                raise ValueError("`area` reaches to the horizon; end it on the street")
        return self


def finder_of(model: "Model", threshold: float | None = None, faint: float = FAINT) -> Finder:
    """Return what finds people and vehicles with a model.

    Args:
        model: of `decoding = "yolox"`.
        threshold: of a person, instead of the card's.
        faint: boxes down to this share of their threshold are found too.

    Raises:
        ModelError: the model is no detector, or knows a label that no report can say.
    """
    from edge.inference.card import ModelError

    card = model.card
    strange = [label.name for label in card.labels if label.name not in KIND_OF]
    if card.decoding != "yolox" or strange:
        what = f"knows '{strange[0]}', which nobody counts" if strange else "finds no boxes"
        raise ModelError(f"model {card.name}: {what}; use another one")
    lowest = [
        threshold if threshold is not None and label.name == "person" else label.threshold
        for label in card.labels
    ]
    height, width = (int(size) for size in card.input.shape[2:])
    return Finder(
        network=model.run,
        size=(height, width),
        labels=card.label_names(),
        classes=np.array([label.column for label in card.labels], np.intp),
        lowest=faint * np.array(lowest, np.float32),
    )


def search_of(config: Config, finder: Finder, area: Sequence[Point] = ()) -> Search:
    """Return the search of a camera with these settings; `finder` is one of `finder_of`."""
    kind_of = np.array([KINDS.index(KIND_OF[name]) for name in finder.labels], np.intp)
    plan = Plan(config.tiles, config.tiles_every_s, config.ignore, area)
    return Search(finder, kind_of, len(KINDS), plan)


@dataclass
class _Interval:
    """What is counted since `start`."""

    source: SourceId
    start: CaptureTime
    last: CaptureTime
    counting: Counting
    crossed: list[Crossing] = field(default_factory=list)

    def lasted_s(self, now: CaptureTime) -> float:
        return seconds_between(self.start, now)


class _Area:
    """The part of the street whose density is told, and its size."""

    def __init__(self, config: Config, ground: Ground) -> None:
        assert config.ground is not None
        self.corners = config.area or hull([pair.picture for pair in config.ground.points])
        self.size_m2 = area_of([(float(x), float(y)) for x, y in ground.metres(np.array(self.corners))])


class PeopleDetector:
    """Searches, follows, counts. Another picture size begins anew; a camera that is blind counts nothing."""

    def __init__(self, config: Config, finder: Finder) -> None:
        self._config = config
        self._ground = config.ground.fitted() if config.ground else None
        self._area = _Area(config, self._ground) if self._ground else None
        self._search = search_of(config, finder, self._area.corners if self._area else ())
        self._interval: _Interval | None = None
        self._blind = False
        self._size, self._tracker = (0, 0), Tracker(certain=1.0)

    def notice(self, observation: Observation) -> None:
        """Remember whether the camera sees, as [detectors.picture_health] says."""
        if isinstance(observation, Health) and observation.component is Component.CAMERA:
            self._blind = observation.status is not Status.OK and observation.reason in _BLIND

    def accept(self, frame: Frame) -> Iterator[Observation]:
        """Take a picture; give who is in view to the lane, and counts at the end of each interval."""
        if not isinstance(frame, VideoFrame):
            return
        height, width = frame.image.shape[:2]
        if (height, width) != self._size:
            self._size, self._tracker = (height, width), Tracker(certain=1.0)
        if self._interval is not None and self._interval.lasted_s(frame.time) >= self._config.interval_s:
            yield from self._told(self._interval, self._config.interval_s)
            self._interval = None
        if self._interval is None:
            heading_deg = self._config.ground.heading_deg if self._config.ground else 0.0
            self._interval = _Interval(frame.source, frame.time, frame.time, Counting(heading_deg))
        self._interval.last = frame.time
        if self._blind:
            return
        now_s = frame.time.monotonic_ns / NS_PER_S
        found = self._search.look(frame.image, now_s)
        tracks = self._tracker.follow(found.boxes, now_s)
        self._interval.crossed += crossings(tracks, self._lines())
        movers = tuple(self._mover(track, now_s) for track in tracks)
        self._interval.counting.take(self._sighting(found, movers))
        yield Movers(source=frame.source, time=frame.time, movers=movers, width=width, height=height)

    def finish(self) -> Iterator[Observation]:
        """Give what the unfinished interval holds."""
        if self._interval is not None:
            yield from self._told(self._interval, self._interval.lasted_s(self._interval.last))
            self._interval = None

    def _lines(self) -> list[PixelLine]:
        height, width = self._size
        return [((a * width, b * height), (c * width, d * height)) for (a, b), (c, d) in self._config.lines]

    def _sighting(self, found: Found, movers: tuple[Mover, ...]) -> Sighting:
        walking = [
            (mover.track, *mover.moved_m_s)
            for mover in movers
            if mover.what is Kind.PERSON and mover.seen and mover.moved_m_s is not None
        ]
        return Sighting(found.counts, found.on_area if self._area else None, walking)

    def _mover(self, track: Track, now_s: float) -> Mover:
        where = moved = None
        if self._ground is not None:
            height, width = self._size
            size = np.array([[width, height]], float)
            feet = np.array([track.feet]) / size
            where = _pair(self._ground.metres(feet)[0])
            if now_s - track.begun_s >= _NO_SPEED_S:
                middle, speed = track.box[None, :2] / size, track.speed[None, :2] / size
                moved = _pair(self._ground.velocities(feet, middle, speed)[0])
        left, top, right, bottom = (float(side) for side in track.corners)
        return Mover(
            track=track.number,
            what=KINDS[track.label],
            box=(left, top, right, bottom),
            moved_px_s=(float(track.speed[0]), float(track.speed[1])),
            ground_m=where,
            moved_m_s=moved,
            since_s=now_s - track.begun_s,
            seen=track.seen_s == now_s,
        )

    def _told(self, interval: _Interval, duration_s: float) -> Iterator[Observation]:
        if not interval.counting.frames:
            yield PeopleCount(
                source=interval.source,
                time=interval.start,
                duration_s=duration_s,
                frames=0,
                people=None,
                people_low=None,
                people_high=None,
                vehicles=None,
                two_wheelers=None,
                absence=Absence.SENSOR_FAULT,
            )
            return
        found = interval.counting.summary()
        size_m2 = self._area.size_m2 if self._area else None
        density_m2 = found.in_area / size_m2 if size_m2 and found.in_area is not None else None
        yield PeopleCount(
            source=interval.source,
            time=interval.start,
            duration_s=duration_s,
            frames=interval.counting.frames,
            people=found.people,
            people_low=found.people_low,
            people_high=found.people_high,
            vehicles=found.vehicles,
            two_wheelers=found.two_wheelers,
            density_m2=density_m2,
            service_level=None if density_m2 is None else ServiceLevel(service_level(density_m2)),
            speed_ms=found.speed_m_s,
            headings=found.headings,
        )
        yield from self._lines_told(interval, duration_s)

    def _lines_told(self, interval: _Interval, duration_s: float) -> Iterator[LineCrossing]:
        for number in range(len(self._config.lines)):
            here = [
                (KINDS[crossing.label] is Kind.PERSON, crossing.inwards)
                for crossing in interval.crossed
                if crossing.line == number
            ]
            yield LineCrossing(
                source=interval.source,
                time=interval.start,
                duration_s=duration_s,
                line=number,
                people_in=here.count((True, True)),
                people_out=here.count((True, False)),
                vehicles_in=here.count((False, True)),
                vehicles_out=here.count((False, False)),
            )


def _pair(vector: NDArray[np.float64]) -> tuple[float, float] | None:
    return (float(vector[0]), float(vector[1])) if np.isfinite(vector).all() else None


def misfits(config: Config, sources: Mapping[str, Section]) -> Iterator[str]:
    """Yield which cameras are too slow to follow anybody over a line; `sources` are the sections by name."""
    for name, source in sources.items():
        rate_hz = getattr(source, "rate_hz", None)
        if not config.lines or rate_hz is None or (config.sources and name not in config.sources):
            continue
        if rate_hz * LOST_AFTER_S < 1:
            yield (
                f"lines: '{name}' gives a picture every {1 / rate_hz:g} s only, and nobody can be followed; "
                "give it rate_hz = 5, or remove the lines"
            )


def build(config: Config) -> Detector:
    """Open the model and return the detector. Raises ModelError."""
    from edge.inference.session import open_model

    model = open_model(shipped("models") / config.model, config.fetched)
    return PeopleDetector(config, finder_of(model, config.threshold))
