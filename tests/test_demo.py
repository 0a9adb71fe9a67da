"""The demo, as a newcomer runs it: every kind of report through the broker to a subscriber, exit code 0."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from edge.domain.reports import REPORT


@pytest.fixture(scope="module")
def demo() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", "demo", "--json", "--seconds", "21"]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


def test_it_ends_well(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.returncode == 0, demo.stderr


def test_the_subscriber_received_every_kind(demo: subprocess.CompletedProcess[str]) -> None:
    events = [json.loads(line) for line in demo.stdout.splitlines()]
    kinds = Counter(event["data"]["kind"] for event in events)
    assert {"sound_level", "impulse", "scene_motion", "particulates", "health"} <= set(kinds)
    assert kinds["impulse"] >= 2  # the recording bangs at 7.0 and 18.5 s
    for event in events:
        REPORT.validate_python(event["data"])
        assert event["specversion"] == "1.0"


def test_nothing_arrived_twice_or_was_lost(demo: subprocess.CompletedProcess[str]) -> None:
    sequences = [int(json.loads(line)["sequence"]) for line in demo.stdout.splitlines()]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
