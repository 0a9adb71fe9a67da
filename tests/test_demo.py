"""The demo, as a newcomer runs it: every kind of report through the broker to a subscriber, exit code 0."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from edge.cli.command import dispatch
from edge.cli.output import FINE
from edge.domain.reports import REPORT


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "keys.toml"


@pytest.fixture(scope="module")
def demo(keys: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", "demo", "--json", "--seconds", "12", "--keys", str(keys)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


def test_it_ends_well(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.returncode == 0, demo.stderr


def test_the_subscriber_received_every_kind(demo: subprocess.CompletedProcess[str]) -> None:
    events = [json.loads(line) for line in demo.stdout.splitlines()]
    kinds = Counter(event["data"]["kind"] for event in events)
    assert {"sound_level", "impulse", "scene_motion", "particulates", "health"} <= set(kinds)
    assert kinds["impulse"] >= 2  # the recording bangs twice at 7.0 s
    for event in events:
        REPORT.validate_python(event["data"])
        assert event["specversion"] == "1.0"


def test_nothing_arrived_twice_or_was_lost(demo: subprocess.CompletedProcess[str]) -> None:
    sequences = [int(json.loads(line)["sequence"]) for line in demo.stdout.splitlines()]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))


def test_all_of_it_is_signed_and_nothing_is_missing(
    demo: subprocess.CompletedProcess[str], keys: Path, tmp_path: Path
) -> None:
    (tmp_path / "received.jsonl").write_text(demo.stdout)
    assert dispatch(["events", "verify", str(tmp_path / "received.jsonl"), "--keys", str(keys)]) == FINE
