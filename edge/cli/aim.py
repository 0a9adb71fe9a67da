"""`lamppost aim`: outlines of what a camera sees, and a check of the points that tie it to the ground."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from edge.cli.count import pictures_of
from edge.cli.output import BROKEN, FINE, FOUND_PROBLEM, UsageError, complain, emit_json, existing_file
from edge.cli.settings_file import add_config, load
from edge.domain.frames import Fault, Image, VideoFrame
from edge.domain.health import Component
from edge.domain.identity import SourceId
from edge.runtime.clock import SystemClock
from edge.sources import camera
from edge.vision.ground import Ground, GroundError, fit_ground
from edge.vision.opencv import opencv
from edge.vision.outline import braille, outlines

HELP = "draw the outlines of what a camera sees; check the points of its ground plane"

_COLUMNS = 100
_PICTURES = 9
_LONGEST_S = 20.0
# Chosen so that a wrong number or a swapped pair shows, and a hand's width does not.
_LARGEST_ERROR_SHARE = 0.02
Pair = tuple[tuple[float, float], tuple[float, float]]


def pair(text: str) -> Pair:
    """Return a pair given as `0.21,0.93=0,0`. Raises argparse.ArgumentTypeError."""
    try:
        seen, there = ([float(part) for part in side.split(",")] for side in text.split("="))
        (x, y), (right_m, ahead_m) = seen, there
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}': write X,Y=RIGHT,AHEAD: shares of the picture = metres on the ground: 0.21,0.93=0,4.5"
        ) from None
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise argparse.ArgumentTypeError(f"'{text}': {x},{y} is outside of the picture; give shares, 0 to 1")
    return (x, y), (right_m, ahead_m)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where the pictures come from, where outlines go, and the pairs."""
    parser.add_argument("--file", metavar="F", help="a picture or a video, instead of the camera")
    parser.add_argument(
        "--camera", default="", metavar="NAME", help="which one, if the settings have several"
    )
    parser.add_argument("--out", type=Path, metavar="PNG", help="write the outlines to a file, too")
    parser.add_argument(
        "--pair", action="append", default=[], type=pair, metavar="X,Y=R,A", help="a place; give four or more"
    )
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Draw, or check pairs; exit code 1 when the pairs do not fit."""
    if args.pair:
        return _check(args.pair, as_json=args.json)
    pictures = list(_from_file(args.file) if args.file else _from_camera(args))
    if not pictures:
        complain("no picture came; `lamppost doctor` may say why")
        return BROKEN
    edges = outlines(pictures)
    if args.out is not None:
        _write(args.out, edges)
    lines = braille(edges, _COLUMNS)
    if args.json:
        emit_json(
            {"width": edges.shape[1], "height": edges.shape[0], "pictures": len(pictures), "outline": lines}
        )
    else:
        sys.stdout.write("\n".join(_ruled(lines)) + "\n")
        sys.stderr.write(_NEXT)
    return FINE


_NEXT = """
Choose four or more places on the ground that you can point at above and measure below, wide and deep:
corners of kerbs, manholes, feet of posts. Then:
  lamppost aim --pair 0.21,0.93=0,0 --pair 0.82,0.91=4,0 --pair 0.64,0.32=4,12 --pair 0.38,0.33=0,12
"""


def _from_file(name: str) -> Iterator[Image]:
    for number, (_, _, image) in enumerate(pictures_of(existing_file(name), rate_hz=1.0)):
        if number == _PICTURES:
            return
        if image is not None:
            yield image


def _from_camera(args: argparse.Namespace) -> Iterator[Image]:
    entries = [entry for entry in load(args.config, fed=False).of("sources") if entry.module is camera]
    names = [entry.name for entry in entries]
    chosen = [entry for entry in entries if entry.name == (args.camera or names[0])] if names else []
    if not chosen:
        known = ", ".join(names) or "none"
        raise UsageError(f"{args.config}: no such camera; known: {known}. Or give --file F")
    config = chosen[0].config
    assert isinstance(config, camera.Config)
    source = camera.build(config, SourceId(chosen[0].name, 0, Component.CAMERA), SystemClock())
    began_s, shown = time.monotonic(), 0
    with source as frames:
        for frame in frames:
            if isinstance(frame, VideoFrame):
                yield frame.image
                shown += 1
            elif isinstance(frame, Fault):
                complain(frame.detail)
            if shown == _PICTURES or time.monotonic() - began_s > _LONGEST_S:
                return


def _write(path: Path, edges: Image) -> None:
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path}: outlines are written as PNG; give a name that ends in .png")
    written = opencv().imencode(".png", 255 - edges)[1].tobytes()
    try:
        path.write_bytes(written)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); check the folder") from error


def _ruled(lines: list[str]) -> Iterator[str]:
    """Yield the drawing with a ruler of shares on its left and below it."""
    for number, line in enumerate(lines):
        tenth = round(number / len(lines) * 10)
        first = number == round(tenth * len(lines) / 10)
        yield f"{tenth / 10:.1f} {line}" if first else f"    {line}"
    step = _COLUMNS // 10
    yield "    " + "".join(f"{tenth / 10:<{step}.1f}" for tenth in range(10)) + "1.0"


def _check(pairs: list[Pair], *, as_json: bool) -> int:
    try:
        ground = fit_ground([seen for seen, _ in pairs], [there for _, there in pairs])
    except GroundError as error:
        complain(str(error))
        return FOUND_PROBLEM
    fits = ground.rms_share <= _LARGEST_ERROR_SHARE
    if as_json:
        emit_json({"pairs": len(pairs), "rms_m": ground.rms_m, "rms_share": ground.rms_share, "fits": fits})
    else:
        sys.stdout.write(_snippet(pairs, ground))
    if not fits:
        worst = max(pairs, key=lambda one: _off(ground, one))
        complain(
            f"the points do not fit each other (off by {ground.rms_m:.2f} m); "
            f"measure again, beginning with {list(worst[0])} = {list(worst[1])}"
        )
    elif len(pairs) == 4:
        complain("four points always fit; a fifth tells whether they are right")
    return FINE if fits else FOUND_PROBLEM


def _off(ground: Ground, one: Pair) -> float:
    import numpy as np

    seen, there = one
    return float(np.linalg.norm(ground.picture(np.array([there], float))[0] - np.array(seen)))


def _snippet(pairs: list[Pair], ground: Ground) -> str:
    points = "\n".join(
        f"  {{ picture = [{x:g}, {y:g}], ground_m = [{right:g}, {ahead:g}] }},"
        for (x, y), (right, ahead) in pairs
    )
    return (
        f"# off by {ground.rms_m:.2f} m on the ground, {ground.rms_share:.1%} of the picture\n"
        f"[detectors.people.ground]\npoints = [\n{points}\n]\n"
    )
