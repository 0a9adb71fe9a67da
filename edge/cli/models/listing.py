"""`lamppost models list`."""

import argparse
import sys
from pathlib import Path

from edge.cli.output import FINE, FOUND_PROBLEM, complain, emit_json
from edge.inference.card import Card, ModelError, model_file, model_folders, read_card


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Takes no arguments of its own."""
    parser.set_defaults(do=run)


def _facts(card: Card, file: Path) -> dict[str, object]:
    return {
        "name": card.name,
        "version": card.version,
        "summary": card.summary,
        "licence": card.licence,
        "public": card.public is not None,
        "bytes": file.stat().st_size if file.exists() else None,
        "labels": [label.model_dump(exclude={"threshold_from"}) for label in card.labels],
    }


def _tell(card: Card, file: Path) -> None:
    sys.stdout.write(f"{card.name} {card.version} ({card.licence}): {card.summary}\n")
    if card.public is not None:
        state = "fetched" if file.exists() else f"not fetched: `lamppost models fetch {card.name}`"
        sys.stdout.write(f"  public model of {card.public.made_by}; {state}\n")
    for label in card.labels:
        note = f"off: {label.why_off}" if label.default == "off" else f"from a score of {label.threshold:.2f}"
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
        file = model_file(folder, card, args.fetched)
        if args.json:
            emit_json(_facts(card, file))
        else:
            _tell(card, file)
    return code
