"""`lamppost models list | verify | fetch | evaluate`: what they are, whether they are whole, how they do."""

import argparse
from pathlib import Path
from typing import Any

from edge.cli.models import fetch, listing, parking, people, rapid_motion, street_sound, verify
from edge.cli.output import BROKEN, complain
from edge.domain.shipped import shipped
from edge.inference.card import FETCHED

HELP = "list, verify, fetch and evaluate the models"


def _leaf(actions: Any, name: str, about: str) -> argparse.ArgumentParser:
    """Add a sub-verb that takes `--json` after its name too."""
    leaf: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
    leaf.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return leaf


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-verbs."""
    parser.add_argument("--models", type=Path, help="folder of models; default: those of this installation")
    parser.add_argument(
        "--fetched", type=Path, default=FETCHED, help=f"folder of fetched public models; default: {FETCHED}"
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing.add_arguments(_leaf(actions, "list", "name, licence, labels and thresholds of each model"))
    verify.add_arguments(_leaf(actions, "verify", "check cards, checksums and shapes; run each once"))
    fetch.add_arguments(_leaf(actions, "fetch", "install the file of a public model after checking it"))
    evaluate = actions.add_parser("evaluate", help="run a model on recordings and write what it finds")
    what = evaluate.add_subparsers(dest="model", required=True, metavar="MODEL")
    street_sound.add_arguments(_leaf(what, street_sound.MODEL, "the street-sound model on a CSV of clips"))
    people.add_arguments(_leaf(what, people.MODEL, "a detector on pictures: a CSV of boxes"))
    rapid_motion.add_arguments(
        _leaf(what, rapid_motion.MODEL, "rapid motion in video clips: a CSV of scores")
    )
    parking.add_arguments(_leaf(what, parking.MODEL, "bays in pictures, one each: a CSV of states"))


def run(args: argparse.Namespace) -> int:
    """Do the chosen action on the folder of models."""
    try:
        models = args.models or shipped("models")
    except FileNotFoundError as error:
        complain(str(error))
        return BROKEN
    code: int = args.do(args, models)
    return code
