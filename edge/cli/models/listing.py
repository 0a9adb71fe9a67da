"""`lamppost models list`."""

import argparse
import sys
from pathlib import Path

from edge.cli.output import FINE, FOUND_PROBLEM, complain, emit_json
from edge.inference.card import Card, ModelError, model_folders, read_card


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Takes no arguments of its own."""
    parser.set_defaults(do=run)


def _facts(card: Card, folder: Path) -> dict[str, object]:
    file = folder / card.file
    return {
        "name": card.name,
        "version": card.version,
        "summary": card.summary,
        "licence": card.licence,
        "bytes": file.stat().st_size if file.exists() else None,
        "labels": [label.model_dump(exclude={"threshold_from"}) for label in card.labels],
    }


def _tell(card: Card) -> None:
    sys.stdout.write(f"{card.name} {card.version} ({card.licence}): {card.summary}\n")
    for label in card.labels:
        note = (
            f"off: {label.why_off}" if label.default == "off" else f"from probability {label.threshold:.2f}"
        )
        sys.stdout.write(f"  {label.name:<14} {note}\n")


def run(args: argparse.Namespace, models: Path) -> int:
    """Print each model; a broken card is a complaint and exit code 1."""
    code = FINE
    for folder in model_folders(models):
        try:
            card = read_card(folder)
        except ModelError as error:
            complain(str(error))
            code = FOUND_PROBLEM
            continue
        if args.json:
            emit_json(_facts(card, folder))
        else:
            _tell(card)
    return code
