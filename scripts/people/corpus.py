"""Gathers the pictures that models/people learns from into one folder.

    python -m scripts.people.corpus --vision DATA/vision --photos FOLDER --avoid VIDEO --cache FOLDER

`--photos` holds unpacked packages in `REGISTRY/NAME` (`photos.toml`). Pictures that are nearly the same
as one of the evaluation (`boxes.csv`, sequences, heads, `--avoid`) are left out.
"""

import argparse
import csv
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SEED = 2026
CLASSES = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
SIDE = 416
"""Height and width of the shipped network's input."""
INDEX = "pictures.csv"
PICTURES = "pictures"
PHOTOS = Path(__file__).parent / "photos.toml"
LICENCES = ("any", "permissive")
_FRAMES = 4
_LONGEST = 512
_PHOTO_LONGEST = 1280
_PIECES = 4
# Sources that training does not see: what is chosen is chosen on them.
_DEV_SOURCES = ("overflow_pv",)
_DEV_FIGHTS = 7
_PERMISSIVE = ("CC BY", "CC0", "MIT", "Apache", "BSD", "GPL", "PSF", "public domain")
_BARRED = ("NC", "none", "not stated", "no licence", "image terms")
_SAME = 0.97
_LEAST_BYTES, _LEAST_SIDE = 15_000, 160
# Of packages that hold drawings and screenshots, too: how large a photograph is at least, which share of its
# neighbouring pixels is the same at most, and how many of 4,096 colours it has at least.
_MIXED_SIDE, _FLAT, _FEWEST_COLOURS = 240, 0.4, 100
# What paths of photographs that somebody has drawn into hold.
_DRAWN_INTO = ("Visualization", ".readme", "_output", "screenshot")
# Illustrations made of the video that is measured on.
_MADE_OF_EVALUATION = ("Background_Subtraction", "vtest", "optical")

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """One picture of the corpus.

    Attributes:
        complete: which labels are complete: person+vehicle, vehicle, none.
        part: `train` or `dev`, by source.
    """

    file: str
    original: str
    source: str
    licence: str
    permissive: bool
    complete: str
    part: str


def permissive(licence: str) -> bool:
    """Whether a licence allows any use."""
    barred = any(words in licence for words in _BARRED)
    return not barred and any(name in licence for name in _PERMISSIVE)


def main() -> None:
    """Write the pictures and their index."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vision", type=Path, required=True)
    parser.add_argument("--photos", type=Path, help="unpacked packages; absent: none")
    parser.add_argument("--avoid", type=Path, nargs="*", default=[], help="videos of the evaluation")
    parser.add_argument("--cache", type=Path, required=True)
    args = parser.parse_args()
    folder = args.cache / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    known = _thumbnails(_evaluation(args.vision, args.avoid))
    found: list[Picture] = []
    left_out = 0
    for image, one in _all(args.vision, args.photos):
        thumbnail = _thumbnail(image)
        if float((known @ thumbnail).max(initial=0)) > _SAME:
            left_out += 1
            print(f"left out, as it is in the evaluation: {one.original}", flush=True)
            continue
        name = f"{len(found):05d}.jpg"
        cv2.imwrite(str(folder / name), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
        found.append(Picture(**{**asdict(one), "file": name}))
        if len(found) % 500 == 0:
            print(f"{len(found)} pictures", flush=True)
    with (args.cache / INDEX).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(found[0])))
        writer.writeheader()
        writer.writerows(asdict(one) for one in found)
    print(f"{len(found)} pictures, {left_out} left out")


def pictures(cache: Path) -> list[Picture]:
    """Read the index."""
    with (cache / INDEX).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = ("file", "original", "source", "licence", "complete", "part")
    return [Picture(**{n: row[n] for n in names}, permissive=row["permissive"] == "True") for row in rows]


def _all(vision: Path, photos: Path | None) -> Iterator[tuple[Image, Picture]]:
    yield from _street(vision)
    yield from _fights(vision)
    if photos is not None:
        yield from _photos(photos)


def _street(vision: Path) -> Iterator[tuple[Image, Picture]]:
    for row in _first_rows(vision / "street.csv", "image"):
        source = row["source"]
        part = "dev" if source in _DEV_SOURCES else "train"
        image = _read(vision / row["image"])
        licence = row["licence"]
        yield (
            _fitted(image, _LONGEST),
            Picture("", row["image"], source, licence, permissive(licence), row["labels_complete_for"], part),
        )


def _fights(vision: Path) -> Iterator[tuple[Image, Picture]]:
    rows = _first_rows(vision / "fights.csv", "clip")
    videos = sorted({row["source_video"] for row in rows})
    dev = set(np.random.default_rng(SEED).permutation(videos)[:_DEV_FIGHTS].tolist())
    for row in rows:
        part = "dev" if row["source_video"] in dev else "train"
        for image in _spaced(vision / row["clip"], _FRAMES):
            yield (
                _fitted(image, _LONGEST),
                Picture("", row["clip"], f"fights_{row['source_video']}", "MIT", True, "none", part),
            )


def _photos(folder: Path) -> Iterator[tuple[Image, Picture]]:
    packages = tomllib.loads(PHOTOS.read_text(encoding="utf-8"))["package"]
    seen: list[NDArray[np.float32]] = []
    dice = np.random.default_rng(SEED)
    for package in packages:
        for path, image in _of_package(folder, package):
            thumbnail = _thumbnail(image)
            if seen and float((np.stack(seen) @ thumbnail).max()) > _SAME:
                continue
            seen.append(thumbnail)
            licence = package["licence"]
            allowed = permissive(licence)
            one = Picture("", path.name, package["name"], licence, allowed, "none", "train")
            for piece in _pieces(_fitted(image, _PHOTO_LONGEST), dice):
                yield piece, one


def _of_package(folder: Path, package: dict[str, Any]) -> Iterator[tuple[Path, Image]]:
    """Yield the photographs of a package, the larger of a picture in several sizes first."""
    place = folder / package["registry"] / package["name"]
    if not place.is_dir():
        print(f"{place}: no such folder, so without its photographs", flush=True)
    files = sorted(path for end in package["ends"] for path in place.rglob(f"*.{end}"))
    for path in sorted(files, key=lambda path: -path.stat().st_size):
        if path.stat().st_size < _LEAST_BYTES or path.name.startswith(_MADE_OF_EVALUATION):
            continue
        if package.get("mixed") and any(words in str(path.relative_to(place)) for words in _DRAWN_INTO):
            continue
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            print(f"{path}: left out, as it cannot be read", flush=True)
            continue
        if min(image.shape[:2]) < _LEAST_SIDE:
            continue
        if not package.get("mixed") or photographic(np.asarray(image, np.uint8)):
            yield path, np.asarray(image, np.uint8)


def photographic(image: Image) -> bool:
    """Whether a picture is large and varied enough to be a photograph, not a drawing or a screenshot."""
    if min(image.shape[:2]) < _MIXED_SIDE:
        return False
    small = _fitted(image, _LONGEST)
    flat = float((small[:, 1:] == small[:, :-1]).all(axis=2).mean())
    coarse = (small >> 4).astype(np.int64) @ np.array([256, 16, 1])
    return flat < _FLAT and len(np.unique(coarse)) >= _FEWEST_COLOURS


def _pieces(image: Image, dice: np.random.Generator) -> Iterator[Image]:
    yield _fitted(image, _LONGEST)
    height, width = image.shape[:2]
    if max(height, width) < 1.5 * _LONGEST:
        return
    for _ in range(_PIECES):
        tall, wide = min(height, _LONGEST), min(width, _LONGEST)
        top, left = int(dice.integers(height - tall + 1)), int(dice.integers(width - wide + 1))
        yield np.ascontiguousarray(image[top : top + tall, left : left + wide])


def _evaluation(vision: Path, videos: list[Path]) -> Iterator[Image]:
    for table in ("boxes.csv", "heads.csv"):
        if not (vision / table).exists():
            raise SystemExit(
                f"{vision / table}: missing; without it pictures of the evaluation may be learnt from"
            )
        for row in _first_rows(vision / table, "image"):
            yield _read(vision / row["image"])
    for video in [*sorted((vision / "sequences").glob("*.mp4")), *videos]:
        yield from _spaced(video, 40)


def _spaced(video: Path, number: int) -> Iterator[Image]:
    reader = cv2.VideoCapture(str(video))
    total = int(reader.get(cv2.CAP_PROP_FRAME_COUNT))
    if total < 1:
        raise SystemExit(f"{video}: no video that can be read; check the path")
    wanted = set(np.linspace(0, max(0, total - 2), number).astype(int).tolist())
    for at in range(total):
        readable, image = reader.read()
        if not readable:
            return
        if at in wanted:
            yield np.asarray(image, np.uint8)


def _read(path: Path) -> Image:
    """Return a picture. Raises SystemExit where it cannot be read."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path}: no picture that can be read; check the folder")
    return np.asarray(image, np.uint8)


def _fitted(image: Image, longest: int) -> Image:
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _thumbnail(image: Image) -> NDArray[np.float32]:
    """Return a small grey picture as a vector of length 1; products of two are their correlation."""
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (16, 16), interpolation=cv2.INTER_AREA)
    vector = small.astype(np.float32).ravel() - small.mean()
    return np.asarray(vector / max(1e-6, float(np.linalg.norm(vector))), np.float32)


def _thumbnails(images: Iterator[Image]) -> NDArray[np.float32]:
    found = [_thumbnail(image) for image in images]
    return np.stack(found) if found else np.zeros((0, 256), np.float32)


def _first_rows(table: Path, key: str) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        rows = {row[key]: row for row in reversed(list(csv.DictReader(file)))}
    return list(rows.values())[::-1]


if __name__ == "__main__":
    main()
