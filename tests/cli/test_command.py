"""The command: verbs, exit codes, one clear line for each mistake."""

import json
from pathlib import Path

import pytest

from edge import __version__
from edge.cli.command import dispatch, verbs
from edge.cli.output import FINE, FOUND_PROBLEM, WRONG_USE

STABLE = {
    "bench", "config", "demo", "doctor", "levels", "profiles", "publish", "replay", "run", "sense", "version",
}  # fmt: skip


def test_the_stable_verbs_are_there() -> None:
    assert set(verbs()) >= STABLE


@pytest.mark.parametrize("verb", sorted(STABLE))
def test_every_verb_explains_itself_and_takes_json(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        dispatch([verb, "--help"])
    assert stopped.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_the_overview_names_verbs_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["--help"]) == FINE
    told = capsys.readouterr().out
    assert all(f"  {verb} " in told for verb in STABLE)
    assert "0 fine, 1 found a problem, 2 used wrongly, 3 broken" in told


def test_no_verb_and_unknown_verbs_are_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch([]) == WRONG_USE
    assert dispatch(["dmeo"]) == WRONG_USE
    assert "unknown verb 'dmeo'; did you mean 'demo'?" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["version", "--json"]) == FINE
    assert json.loads(capsys.readouterr().out)["version"] == __version__
    assert dispatch(["--version"]) == FINE
    assert __version__ in capsys.readouterr().out


def test_config_init_writes_settings_that_check_says_are_fine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["config", "init", str(tmp_path / "new")]) == FINE
    assert dispatch(["config", "check", str(tmp_path / "new" / "lamppost.toml")]) == FINE
    assert "fine" in capsys.readouterr().out


def test_config_init_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policy.toml").write_text("mine")
    assert dispatch(["config", "init", str(tmp_path)]) == WRONG_USE
    assert "exists already" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["policy.toml"]


def test_config_check_names_each_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dispatch(["config", "init", str(tmp_path)])
    settings = tmp_path / "lamppost.toml"
    settings.write_text(settings.read_text().replace("channels", "chanels"))
    assert dispatch(["config", "check", "--json", str(settings)]) == FOUND_PROBLEM
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["ok"] is False
    assert "did you mean 'channels'?" in told["mistakes"][0]


def test_config_check_looks_into_the_policy_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dispatch(["config", "init", str(tmp_path)])
    policy = tmp_path / "policy.toml"
    policy.write_text(policy.read_text() + '\n[reports.gossip]\npurpose = "noise_monitoring"\n')
    assert dispatch(["config", "check", str(tmp_path / "lamppost.toml")]) == FOUND_PROBLEM
    assert "gossip" in capsys.readouterr().err


def test_config_schema_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["config", "schema"]) == FINE
    assert "detectors" in json.loads(capsys.readouterr().out)["properties"]


@pytest.mark.parametrize("verb", ["run", "sense", "publish"])
def test_a_role_without_settings_says_what_to_do(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch([verb, "--config", "nowhere.toml"]) == WRONG_USE
    assert "nowhere.toml: no such file; `lamppost config init` writes one" in capsys.readouterr().err
