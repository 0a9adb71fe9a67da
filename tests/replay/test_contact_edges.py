"""Recorded and simulated contacts are contacts like wired ones."""

from pathlib import Path

import pytest

from edge.cli.command import dispatch
from edge.cli.output import BROKEN, FINE, FOUND_PROBLEM, WRONG_USE
from edge.domain.contact_observations import ContactState
from edge.domain.frames import ContactFrame, Fault, Frame
from edge.domain.health import Component, Reason
from edge.domain.identity import SourceId
from edge.domain.stages import SourceError
from edge.domain.time import NS_PER_S, CaptureTime
from edge.replay import contact_edges
from edge.replay.contact_edges import Config, read_edges
from edge.simulation import contact as simulated

SOURCE = SourceId("contact", 0, Component.CONTACT)
PRESS = "# a press\n0,0,1\n3.0,0,0\n3.005,1,0\n3.8,0,1 # released\n"


class Clock:
    def __init__(self) -> None:
        self.s = 50.0
        self.slept: list[float] = []

    def now(self) -> CaptureTime:
        return CaptureTime(10**18, round(self.s * NS_PER_S))

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.s += max(0.0, seconds)


@pytest.fixture
def press(tmp_path: Path) -> Path:
    path = tmp_path / "press.csv"
    path.write_text(PRESS)
    return path


def changes(frames: list[Frame]) -> list[tuple[float, ContactState]]:
    found: list[tuple[float, ContactState]] = []
    for frame in frames:
        if isinstance(frame, ContactFrame) and (not found or found[-1][1] is not frame.state):
            found.append((frame.time.monotonic_ns / NS_PER_S - 50, frame.state))
    return found


@pytest.mark.parametrize("pace", ["max", "real_time"])
def test_a_recording_plays_its_edges(pace: str, press: Path) -> None:
    clock = Clock()
    config = Config.model_validate({"role": "help_button", "path": press, "pace": pace})
    with contact_edges.build(config, SOURCE, clock) as source:
        frames = list(source)
    assert changes(frames) == [
        (0, ContactState.INACTIVE),
        (pytest.approx(3.005), ContactState.ACTIVE),
        (pytest.approx(3.8), ContactState.INACTIVE),
    ]
    assert max(clock.slept, default=0) <= 1.0
    assert bool(clock.slept) is (pace == "real_time")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,2\n", "line 1: '0,2' is not an edge"),
        ("0,1\nx,0\n", "line 2: 'x,0' is not an edge"),
        ("0,1\n5,0\n4,1\n", "line 3: goes back in time"),
        ("0,1\n1,0,1\n", "line 2: goes back in time, or has another number"),
        ("nan,1\n", "line 1: 'nan,1' is not an edge"),
        ("0,1,1,1\n", "is not an edge"),
        ("# nothing\n", "holds no edge"),
    ],
)
def test_a_file_that_is_no_recording_names_the_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=message):
        read_edges(path)
    config = Config.model_validate({"role": "tamper", "path": path})
    assert not contact_edges.build(config, SOURCE, Clock()).check().ok


def test_check_counts_the_edges(press: Path) -> None:
    config = Config.model_validate({"role": "tamper", "path": press})
    assert contact_edges.build(config, SOURCE, Clock()).check().detail.endswith("3 edges in 3.8 s")


def test_a_simulation_tells_exactly_its_presses() -> None:
    config = simulated.Config.model_validate(
        {"role": "help_button", "presses": 20, "held_s": 0.8, "duration_s": 120, "seed": 5, "pace": "max"}
    )
    source = simulated.build(config, SOURCE, Clock())
    with source:
        found = changes(list(source))
    pressed = [at_s for at_s, state in found if state is ContactState.ACTIVE]
    assert pressed == pytest.approx(source.press_times_s(), abs=0.03)
    assert {state for _, state in found} == {ContactState.ACTIVE, ContactState.INACTIVE}
    assert source.check().ok


def test_a_simulated_cut_is_a_fault_until_the_end() -> None:
    config = simulated.Config.model_validate({"role": "tamper", "cut_s": 10, "duration_s": 30})
    with simulated.build(config, SOURCE, Clock()) as source:
        frames = list(source)
    assert changes(frames)[-1] == (10, ContactState.CUT)
    assert {frame.reason for frame in frames if isinstance(frame, Fault)} == {Reason.WIRING}


def test_replay_sends_a_press_through_the_whole_road(press: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["replay", "--contact", f"help_button={press}", "--speed", "max"]) == FINE
    out = capsys.readouterr().out
    assert out.count('"kind": "contact"') == 3 or out.count('"kind":"contact"') == 3
    assert '"active"' in out


def test_replay_of_nonsense(tmp_path: Path, press: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["replay", "--contact", str(press)]) == WRONG_USE
    assert "write ROLE=F" in capsys.readouterr().err
    assert dispatch(["replay", "--contact", f"doorbell={press}"]) == WRONG_USE
    bad = tmp_path / "bad.csv"
    bad.write_text("0,7\n")
    assert dispatch(["replay", "--contact", f"tamper={bad}", "--speed", "max"]) in {FOUND_PROBLEM, BROKEN}
    assert "is not an edge" in capsys.readouterr().err
