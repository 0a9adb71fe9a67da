"""`lamppost models verify`."""

import argparse
import sys
from pathlib import Path

import numpy as np

from edge.cli.output import FINE, FOUND_PROBLEM, emit_json
from edge.inference.card import ModelError, model_folders
from edge.inference.session import open_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Takes no arguments of its own."""
    parser.set_defaults(do=run)


def _fault(folder: Path) -> str:
    """Return what is wrong with the model in `folder`; empty when it loads, runs and gives finite numbers."""
    try:
        model = open_model(folder)
        wanted = model.card.input
        model.run(np.zeros([1 if size == "n" else size for size in wanted.shape], dtype=wanted.dtype))
    except ModelError as error:
        return str(error)
    return ""


def run(args: argparse.Namespace, models: Path) -> int:
    """Check every model; exit code 1 when one is not as its card says, or when there is none."""
    folders = model_folders(models)
    faults = {folder.name: _fault(folder) for folder in folders}
    for name, fault in faults.items():
        if args.json:
            emit_json({"name": name, "ok": not fault, "fault": fault})
        else:
            sys.stdout.write(f"{name}: {fault or 'fine'}\n")
    if not folders:
        sys.stderr.write(f"lamppost: {models}: holds no model card; install lamppost-edge again\n")
    return FINE if folders and not any(faults.values()) else FOUND_PROBLEM
