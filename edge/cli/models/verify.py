"""`lamppost models verify`."""

import argparse
import sys
from pathlib import Path

import numpy as np

from edge.cli.output import FINE, FOUND_PROBLEM, emit_json
from edge.inference.card import ModelError, NotFetchedError, model_folders
from edge.inference.session import open_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Takes no arguments of its own."""
    parser.set_defaults(do=run)


def _verdict(folder: Path, fetched: Path) -> tuple[bool, str]:
    """Return whether the model in `folder` is as its card says, and what is to be said of it.

    It is when it loads, runs and gives finite numbers. A public model that nobody fetched is no fault.
    """
    try:
        model = open_model(folder, fetched)
        wanted = model.card.input
        model.run(np.zeros([1 if size == "n" else size for size in wanted.shape], dtype=wanted.dtype))
    except NotFetchedError as error:
        return True, f"not fetched: {error}"
    except ModelError as error:
        return False, str(error)
    return True, ""


def run(args: argparse.Namespace, models: Path) -> int:
    """Check every model; exit code 1 when one is not as its card says, or when there is none."""
    verdicts = {folder.name: _verdict(folder, args.fetched) for folder in model_folders(models)}
    for name, (ok, said) in verdicts.items():
        if args.json:
            emit_json({"name": name, "ok": ok, "fault": "" if ok else said, "fetched": not (ok and said)})
        else:
            sys.stdout.write(f"{name}: {said or 'fine'}\n")
    if not verdicts:
        sys.stderr.write(f"lamppost: {models}: holds no model card; install lamppost-edge again\n")
    return FINE if verdicts and all(ok for ok, _ in verdicts.values()) else FOUND_PROBLEM
