"""`lamppost count`: how many people and vehicles are in a picture, or in each picture of a video."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from edge.cli.models.people import score, tiling
from edge.cli.models.tables import PICTURES, RowError, read_picture
from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, complain, emit_json, existing_file
from edge.cli.settings_file import load
from edge.detectors.people import KINDS, Config, finder_of, search_of
from edge.domain.frames import Fault, Image, VideoFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.domain.scene_observations import Kind
from edge.domain.shipped import shipped
from edge.domain.stages import SourceError
from edge.domain.time import NS_PER_S
from edge.inference.session import open_model
from edge.replay import video_file
from edge.runtime.recording_clock import RecordingClock
from edge.vision.intake import Intake
from edge.vision.picture import Thinning

HELP = "count people and vehicles in a picture or a video file"

_EVERY_PICTURE_HZ = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file and how it is searched."""
    parser.add_argument("file", metavar="FILE", help="a picture or a video")
    parser.add_argument("--config", type=Path, help="take [detectors.people] from these settings")
    parser.add_argument("--threshold", type=score, help="score from which on a person counts")
    parser.add_argument("--tiles", type=tiling, metavar="CxR", help="tiles for crowds: 3x2; 1x1 is none")
    parser.add_argument("--fetched", type=Path, help="folder of fetched public models")
    parser.add_argument(
        "--rate", type=float, metavar="HZ", help="of a video, pictures per second (default: all)"
    )


def run(args: argparse.Namespace) -> int:
    """Count; exit code 1 when nothing, or not all of it, could be read."""
    path = existing_file(args.file)
    config = _config(args)
    rate_hz = _EVERY_PICTURE_HZ if args.rate is None else args.rate
    if not 0 < rate_hz <= _EVERY_PICTURE_HZ:
        raise UsageError(f"--rate {rate_hz}: must be above 0 and at most {_EVERY_PICTURE_HZ:g}")
    model = open_model(shipped("models") / config.model, config.fetched)
    search = search_of(config, finder_of(model, config.threshold))
    whole = True
    for number, seconds, image in pictures_of(path, rate_hz):
        if image is None:
            whole = False
            continue
        found = search.look(image, seconds)
        counts = {kind: round(float(n)) for kind, n in zip(KINDS, found.counts, strict=True)}
        _tell(number, seconds, counts, as_json=args.json)
    return FINE if whole else FOUND_PROBLEM


def _config(args: argparse.Namespace) -> Config:
    config = Config()
    if args.config is not None:
        found = load(args.config, fed=False).section("detectors", "people")
        if not isinstance(found, Config):
            raise UsageError(f"{args.config}: has no [detectors.people]; add it, or leave out --config")
        config = found
    given = {"threshold": args.threshold, "tiles": args.tiles, "fetched": args.fetched}
    return config.model_copy(update={key: value for key, value in given.items() if value is not None})


def pictures_of(path: Path, rate_hz: float) -> Iterator[tuple[int, float, Image | None]]:
    """Yield (number in the file, seconds, picture); None for what cannot be read, after saying so."""
    if path.suffix.lower() in PICTURES:
        try:
            yield 0, 0.0, Intake([])(read_picture(path))
        except (RowError, ValueError) as error:
            complain(f"{path}: {error}")
            yield 0, 0.0, None
        return
    source = SourceId("file", 0, Component.CAMERA)
    config = video_file.Config(path=path.resolve(), rate_hz=_EVERY_PICTURE_HZ, pace="max")
    start_ns, thinning = None, Thinning(rate_hz)
    with video_file.build(config, source, RecordingClock(time.time_ns(), standing=True)) as video:
        try:
            for number, frame in enumerate(video):
                start_ns = frame.time.monotonic_ns if start_ns is None else start_ns
                seconds = (frame.time.monotonic_ns - start_ns) / NS_PER_S
                if isinstance(frame, VideoFrame) and thinning.wants(seconds):
                    yield number, seconds, frame.image
                elif isinstance(frame, Fault):
                    complain(frame.detail)
                    yield number, seconds, None
        except SourceError as error:
            complain(str(error))
            yield 0, 0.0, None


def _tell(number: int, seconds: float, counts: dict[Kind, int], *, as_json: bool) -> None:
    people, riders, vehicles = (counts[kind] for kind in (Kind.PERSON, Kind.TWO_WHEELER, Kind.VEHICLE))
    if as_json:
        emit_json(
            {
                "frame": number,
                "seconds": round(seconds, 3),
                "people": people,
                "two_wheelers": riders,
                "vehicles": vehicles,
            }
        )
        return
    sys.stdout.write(
        f"{number:6d} {seconds:9.2f} s  {people} people, {riders} two-wheelers, {vehicles} vehicles\n"
    )
    sys.stdout.flush()
