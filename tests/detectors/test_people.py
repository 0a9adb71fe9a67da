"""Counts are of who is there: smoothed, with an interval, each crossing once, and never made up."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from edge.detectors.people import Config, PeopleDetector, build, finder_of
from edge.domain.frames import VideoFrame
from edge.domain.health import Absence, Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, Observation
from edge.domain.scene_observations import Kind, LineCrossing, Movers, PeopleCount, ServiceLevel
from edge.domain.shipped import shipped
from edge.domain.time import CaptureTime
from edge.inference.card import ModelError, NotFetchedError, read_card
from edge.inference.session import open_model
from edge.vision.boxes import Boxes
from edge.vision.finder import Finder, Tiling

SOURCE = SourceId("camera", 0, Component.CAMERA)
START = CaptureTime(1_767_225_600_000_000_000, 1_000_000_000, 1.0)
SQUARE = [
    {"picture": (0.2, 0.9), "ground_m": (0, 0)},
    {"picture": (0.8, 0.9), "ground_m": (6, 0)},
    {"picture": (0.8, 0.1), "ground_m": (6, 8)},
    {"picture": (0.2, 0.1), "ground_m": (0, 8)},
]
"""A camera that looks straight down: a share of the picture is 10 m, both ways."""


class Scripted(Finder):
    """Finds what it is told: feet (x, y) in pixels, and how many more in tiles."""

    def __init__(self, *labels: str) -> None:
        names = labels or ("person", "car")
        super().__init__(
            lambda _: [], (64, 64), names, np.arange(len(names)), np.full(len(names), 0.15, np.float32)
        )
        object.__setattr__(self, "script", [])

    def find(self, image: Any, tiling: Tiling = (1, 1)) -> Boxes:
        script: list[tuple[float, float, int, float]] = self.script  # type: ignore[attr-defined]
        small = [
            (x, y, label, score)
            for x, y, label, score in script
            if score > 0 and (tiling != (1, 1) or x >= 0)
        ]
        rows = np.array([[abs(x) - 8, y - 40, abs(x) + 8, y] for x, y, *_ in small], np.float32).reshape(
            -1, 4
        )
        return Boxes(
            rows,
            np.array([s for *_, s in small], np.float32),
            np.array([label for *_, label, _ in small], np.intp),
        )


def frame(at_s: float, width: int = 640, height: int = 640) -> VideoFrame:
    return VideoFrame(SOURCE, START.shifted(at_s), np.zeros((height, width, 3), np.uint8))


def played(
    detector: PeopleDetector, finder: Scripted, path: Any, until_s: float, rate_hz: float = 5.0
) -> list[Observation]:
    found: list[Observation] = []
    for number in range(round(until_s * rate_hz)):
        object.__setattr__(finder, "script", path(number / rate_hz))
        found += detector.accept(frame(number / rate_hz))
    return [*found, *detector.finish()]


def detector(**settings: Any) -> tuple[PeopleDetector, Scripted]:
    finder = Scripted()
    return PeopleDetector(Config(**({"tiles": (1, 1), "interval_s": 10} | settings)), finder), finder


def only(found: Iterable[Observation], kind: type) -> list[Any]:
    return [observation for observation in found if isinstance(observation, kind)]


def test_counts_are_medians_with_an_interval() -> None:
    made, finder = detector()
    found = played(made, finder, lambda s: [(100, 100, 0, 0.9), (300, 100, 0, 0.5), (500, 300, 1, 0.9)], 25)
    counts = only(found, PeopleCount)
    assert [(c.people, c.vehicles, c.frames, c.duration_s) for c in counts[:2]] == [(2, 1, 50, 10)] * 2
    assert counts[2].duration_s == pytest.approx(4.8)
    assert counts[0].people_low <= 2 <= counts[0].people_high
    assert counts[0].density_m2 is None
    assert counts[0].absence is None


def test_a_blink_of_the_detector_changes_no_median() -> None:
    made, finder = detector()
    found = played(made, finder, lambda s: [] if round(s * 5) % 7 == 0 else [(100, 100, 0, 0.9)], 10)
    assert only(found, PeopleCount)[0].people == 1


def test_who_stands_in_an_ignored_polygon_is_not_counted() -> None:
    made, finder = detector(ignore=[[(0, 0), (0.5, 0), (0.5, 1), (0, 1)]])
    found = played(made, finder, lambda s: [(100, 100, 0, 0.9), (500, 100, 0, 0.9)], 10)
    assert only(found, PeopleCount)[0].people == 1


def test_what_the_tiles_find_beyond_is_added_until_the_next_time() -> None:
    made, finder = detector(tiles=(2, 2), tiles_every_s=5)
    # A negative x: found in tiles only.
    found = played(made, finder, lambda s: [(100, 100, 0, 0.9), (-300, 200, 0, 0.9), (-400, 200, 0, 0.9)], 10)
    assert only(found, PeopleCount)[0].people == 3


def test_each_crossing_is_counted_once_and_told_per_line() -> None:
    # Down the middle: left of its direction is where x is larger.
    made, finder = detector(lines=[[(0.5, 0), (0.5, 1)], [(0.9, 0), (0.9, 1)]])

    def path(s: float) -> list[tuple[float, float, int, float]]:
        sway = 320 + 40 * np.sin(s) if s < 20 else 380
        return [(200 + 12 * s, 100, 0, 0.9), (440 - 12 * s, 400, 1, 0.9), (sway, 600, 0, 0.9)]

    found = only(played(made, finder, path, 21), LineCrossing)
    first = [f for f in found if f.line == 0]
    assert sum(f.people_in for f in first) == 1
    assert sum(f.people_out for f in first) == 1  # the one who sways: once
    assert sum(f.vehicles_in for f in first) == 0
    assert sum(f.vehicles_out for f in first) == 1
    assert all(f.people_in == f.people_out == 0 for f in found if f.line == 1)
    assert len({f.time for f in found}) == len(first)


def test_the_ground_gives_density_speed_and_directions() -> None:
    made, finder = detector(ground={"points": SQUARE, "heading_deg": 90.0})

    def path(s: float) -> list[tuple[float, float, int, float]]:
        # 64 pixels are a metre: six walk up the picture, ahead, at 1 m/s; one stands outside of the area.
        walkers = [(150 + 60 * number, 560 - 64 * (s % 7), 0, 0.9) for number in range(6)]
        return [*walkers, (20, 620, 0, 0.9)]

    counts = only(played(made, finder, path, 6.8), PeopleCount)
    assert counts[0].people == 7
    assert counts[0].density_m2 == pytest.approx(6 / 48, rel=0.05)
    assert counts[0].service_level is ServiceLevel.A
    assert counts[0].speed_ms == pytest.approx(6 / 7, abs=0.1)
    assert len(counts[0].headings) == 8
    assert counts[0].headings[2] == pytest.approx(1)  # ahead is east


def test_few_walkers_have_no_histogram_of_directions() -> None:
    made, finder = detector(ground={"points": SQUARE})
    counts = only(played(made, finder, lambda s: [(200, 560 - 64 * s, 0, 0.9)], 5), PeopleCount)
    assert counts[0].headings == ()
    assert counts[0].speed_ms == pytest.approx(1, abs=0.1)


def test_a_blind_camera_counts_nobody_not_zero() -> None:
    made, finder = detector()
    blind = Health(
        source=SOURCE, time=START, component=Component.CAMERA, status=Status.DEGRADED, reason=Reason.DARK
    )
    made.notice(blind)
    count = only(played(made, finder, lambda s: [], 10.2), PeopleCount)[0]
    assert count.people is None
    assert count.vehicles is None
    assert count.absence is Absence.SENSOR_FAULT
    made.notice(Health(**{**fields(blind), "status": Status.OK, "reason": Reason.RECOVERED}))
    assert only(played(made, finder, lambda s: [(100, 100, 0, 0.9)], 10.2), PeopleCount)[0].people == 1


def fields(health: Health) -> dict[str, Any]:
    return {name: getattr(health, name) for name in ("source", "time", "component", "status", "reason")}


def test_movers_stay_in_the_lane_and_another_picture_size_begins_anew() -> None:
    made, finder = detector()
    found = played(made, finder, lambda s: [(100, 100, 0, 0.9)], 2)
    seen = only(found, Movers)
    assert all(movers.stays_in_lane for movers in seen)
    assert seen[-1].movers[0].what is Kind.PERSON
    assert seen[-1].movers[0].ground_m is None
    assert only(made.accept(frame(2, 320, 240)), Movers)[0].movers == ()


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"ground": {"points": SQUARE[:3]}}, "at least 4"),
        (
            {"ground": {"points": [{"picture": (i / 10, i / 10), "ground_m": (i, i)} for i in range(5)]}},
            "one line",
        ),
        ({"ground": {"points": [*SQUARE[:3], {"picture": (1.5, 0.1), "ground_m": (0, 8)}]}}, "outside"),
        ({"area": [(0, 0), (1, 0), (1, 1)]}, "metres"),
        ({"ignore": [[(0, 0), (1, 1), (1, 0), (0, 1)]]}, "crosses itself"),
        ({"lines": [[(0.5, 0.5), (0.5, 0.5)]]}, "begins where it ends"),
        ({"tiles": (0, 2)}, "1 to 8"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        Config(**settings)


def test_without_the_public_model_it_says_how_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(NotFetchedError, match="lamppost models fetch people_yolox"):
        build(Config(model="people_yolox", fetched=tmp_path))


def test_a_model_that_finds_no_boxes_is_refused() -> None:
    with pytest.raises(ModelError, match="use another one"):
        finder_of(open_model(shipped("models") / "street_sound"))


def test_the_public_model_finds_the_people_of_a_street(fetched: Path) -> None:
    from edge.vision.opencv import opencv

    cv2 = opencv()
    street = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "vision" / "sequences"
    if not street.is_dir():
        pytest.skip(f"{street} is not there")
    video = cv2.VideoCapture(str(street / "TUD-Campus.mp4"))
    made = build(Config(model="people_yolox", fetched=fetched, tiles=(1, 1)))
    found: list[Observation] = []
    begun_s = time.thread_time()
    for number in range(10):
        readable, picture = video.read()
        assert readable
        found += made.accept(VideoFrame(SOURCE, START.shifted(number / 25), picture))
    assert (time.thread_time() - begun_s) / 10 < 0.5
    found += made.finish()
    assert 3 <= only(found, PeopleCount)[0].people <= 7
    assert read_card(shipped("models") / "people_yolox").licence == "Apache-2.0"


def test_our_own_model_needs_no_fetching_and_finds_the_people_of_a_street(tmp_path: Path) -> None:
    from edge.vision.opencv import opencv

    street = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "vision" / "sequences"
    if not street.is_dir():
        pytest.skip(f"{street} is not there")
    video = opencv().VideoCapture(str(street / "TUD-Campus.mp4"))
    made = build(Config(fetched=tmp_path, tiles=(1, 1)))
    found: list[Observation] = []
    for number in range(10):
        readable, picture = video.read()
        assert readable
        found += made.accept(VideoFrame(SOURCE, START.shifted(number / 25), picture))
    found += made.finish()
    assert 2 <= only(found, PeopleCount)[0].people <= 8


def test_our_own_model_keeps_to_its_limits() -> None:
    folder = shipped("models") / "people"
    model = open_model(folder)
    card = model.card
    assert (folder / card.file).stat().st_size <= 4_000_000
    assert card.label_names() == ("person", "bicycle", "car", "motorcycle", "bus", "truck")
    assert card.training is not None
    measured_on = ("coco", "heads", "tud", "pets", "vtest")
    assert card.materials
    assert not [m.source for m in card.materials if any(name in m.source.lower() for name in measured_on)]
    finder = finder_of(model)
    for shape in ((2160, 3840, 3), (1, 600, 3)):
        assert len(finder.find(np.full(shape, 114, np.uint8))) == 0
