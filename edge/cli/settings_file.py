"""`--config F` for the verbs that need the settings."""

import argparse
from collections.abc import Collection
from pathlib import Path

from edge.runtime.settings import SECTION_LAYERS, Settings, load_settings

DEFAULT = Path("/etc/lamppost/lamppost.toml")
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def add_config(parser: argparse.ArgumentParser, default: Path = DEFAULT) -> None:
    """Add `--config`."""
    parser.add_argument("--config", type=Path, default=default, help=f"settings file (default: {default})")


def load(path: Path, *, layers: Collection[str] = SECTION_LAYERS, fed: bool = True) -> Settings:
    """Return the checked settings. Raises SettingsError with a line for each mistake."""
    return load_settings(path, layers=layers, fed=fed)
