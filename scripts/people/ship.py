"""Puts the exported network and what `evaluate` found into models/people, and its weights beside this file.

python -m scripts.people.ship --cache FOLDER [--licences permissive]
"""

import argparse
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.domain.shipped import shipped
from scripts.people.corpus import CLASSES, LICENCES, SEED, Picture, pictures

START = Path(__file__).with_name("start.npz")
"""Weights that `train --start` goes on from."""

_HEAD = Path(__file__).parent / "card_head.toml"
_GROUP_OF = {"person": "person", "bicycle": "two_wheeler", "motorcycle": "two_wheeler"}
_CHOSEN = "on held-out pictures it finds as many as two teachers agree on"
_TAKEN = "a person's; there were too few of them to measure"
_SETS = {
    "coco": "207 pictures of COCO 2017",
    "pets": "PETS09-S2L1, every tenth of 400 pictures",
    "campus": "TUD-Campus, every third picture",
}
_PEERS = ("yolox_nano", "picodet_s", "fastestdet")


def main() -> None:
    """Copy the network, write its card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--licences", choices=LICENCES, default="any")
    parser.add_argument("--pictures", type=int, required=True, help="learned from, as train told last")
    parser.add_argument("--models", type=Path, help="default: the models of this checkout")
    args = parser.parse_args()
    folder = (args.models or shipped("models")) / "people"
    folder.mkdir(exist_ok=True)
    content = (args.cache / f"people_{args.licences}.onnx").read_bytes()
    figures = json.loads((args.cache / f"figures_{args.licences}.json").read_text(encoding="utf-8"))
    corpus = [
        one
        for one in pictures(args.cache)
        if one.part == "train" and (args.licences == "any" or one.permissive)
    ]
    (folder / "model.onnx").write_bytes(content)
    if args.models is None:
        START.write_bytes((args.cache / f"people_{args.licences}.npz").read_bytes())
    (folder / "card.toml").write_text(card(content, figures, corpus, args.pictures), encoding="utf-8")


def card(content: bytes, figures: Mapping[str, Any], corpus: list[Picture], drawn: int) -> str:
    """Return the card's text."""
    text = _HEAD.read_text(encoding="utf-8")
    for mark, value in {
        "sha256": hashlib.sha256(content).hexdigest(),
        "seed": str(SEED),
        "date": datetime.now(UTC).date().isoformat(),
        "pictures": str(drawn),
    }.items():
        text = text.replace(f"<{mark}>", value)
    parts = [text, *_labels(figures["thresholds"]), *_materials(corpus), *_figures(figures)]
    return "\n".join(parts)


def _labels(thresholds: Mapping[str, float]) -> Iterator[str]:
    for column, name in enumerate(CLASSES):
        group = _GROUP_OF.get(name, "vehicle")
        yield (
            f'[[labels]]\nname = "{name}"\ncolumn = {column}\n'
            f"threshold = {thresholds.get(group, thresholds['person']):.3f}\n"
            f'threshold_from = "{_CHOSEN if group in thresholds else _TAKEN}"\n'
        )


def _materials(corpus: list[Picture]) -> Iterator[str]:
    counts: dict[tuple[str, str, bool], int] = {}
    for one in corpus:
        source = "fights (frames of clips)" if one.source.startswith("fights") else one.source
        key = (source, one.licence or "none stated", one.permissive)
        counts[key] = counts.get(key, 0) + 1
    for (source, licence, permissive), count in counts.items():
        yield (
            f"[[materials]]\nsource = {json.dumps(source)}\nlicence = {json.dumps(licence)}\n"
            f"count = {count}\npermissive = {str(permissive).lower()}\n"
        )


def _figures(figures: Mapping[str, Any]) -> Iterator[str]:
    public = figures["public"]
    for key, where in _SETS.items():
        yield _figure("people: AP at an overlap of 0.5", where, public["ours"][key], _beside(public, key))
    yield _figure(
        "cars, buses and trucks: AP at an overlap of 0.5", _SETS["coco"], public["ours"]["coco_vehicles"], ""
    )
    for group, value in figures["held_out"]["ours"].items():
        what = f"{group}: AP at an overlap of 0.5, what the two teachers agree on taken for the truth"
        yield _figure(what, "held-out pictures", value, "")
    ms = figures["ms"]
    peers = ", ".join(f"{peer} = {ms[peer]:.1f}" for peer in _PEERS)
    yield _figure(
        "the network alone, one thread", "one x86-64 core", ms["ours"], f"peers = {{ {peers} }}\n", "ms"
    )


def _beside(public: Mapping[str, Any], key: str) -> str:
    peers = ", ".join(f"{peer} = {public[peer][key]:.2f}" for peer in _PEERS)
    return f"peers = {{ {peers} }}\n"


def _figure(what: str, where: str, value: float, peers: str, unit: str = "") -> str:
    told = f'{value:.1f}\nunit = "{unit}"\n' if unit else f"{value:.2f}\n"
    return f"[[figures]]\nwhat = {json.dumps(what)}\non = {json.dumps(where)}\nvalue = {told}{peers}"


if __name__ == "__main__":
    main()
