"""The policy file: every mistake is named with its file, line and nearest right word."""

from pathlib import Path

import pytest

import edge
from edge.domain.report_base import LegalBasis, Purpose
from edge.domain.reports import REPORT_MODELS
from edge.privacy.policy import PolicyError, load_policy, parse_policy

GOOD = """
# a comment
[reports.sound_level]
purpose = "noise_monitoring"
legal_basis = "public_task"
retention_days = 30
"""


def mistake(text: str) -> str:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, where="policy.toml")
    return str(caught.value)


def test_a_listed_kind_has_its_ground_and_no_other_has_one() -> None:
    policy = parse_policy(GOOD, where="policy.toml")
    assert dict(policy.grounds.items())["sound_level"].purpose is Purpose.NOISE_MONITORING
    assert policy.grounds["sound_level"].legal_basis is LegalBasis.PUBLIC_TASK
    assert policy.grounds["sound_level"].retention_days == 30
    assert set(policy.grounds) == {"sound_level"}


def test_the_example_gives_every_kind_a_ground() -> None:
    example = Path(edge.__file__).parent / "examples" / "policy.toml"
    assert set(load_policy(example).grounds) == set(REPORT_MODELS)


def test_an_unknown_kind_is_named_with_its_line_and_the_nearest() -> None:
    assert mistake(GOOD.replace("sound_level", "sound_levels")) == (
        "policy.toml:3: unknown kind of report 'sound_levels'; did you mean 'sound_level'?"
    )


def test_a_kind_far_from_every_name_lists_what_is_known() -> None:
    assert "known: sound_level, sound_bands, impulse," in mistake(GOOD.replace("sound_level", "xyz"))


def test_an_unknown_key_is_named_with_its_line_and_the_nearest() -> None:
    said = mistake(GOOD.replace("retention_days", "retention_day"))
    assert (
        "policy.toml:6: unknown key 'reports.sound_level.retention_day'; did you mean 'retention_days'?"
        in said
    )
    assert "policy.toml:3: 'reports.sound_level.retention_days' is missing; add it" in said


def test_an_unknown_top_key_is_named() -> None:
    assert "policy.toml:1: unknown key 'reprots'; did you mean 'reports'?" in mistake("reprots = 1\n" + GOOD)


def test_a_word_outside_the_enumeration_is_named_with_the_nearest() -> None:
    said = mistake(GOOD.replace('"public_task"', '"public_tasks"'))
    assert said == (
        "policy.toml:5: 'reports.sound_level.legal_basis' is 'public_tasks', which does not exist;"
        " did you mean 'public_task'?"
    )


@pytest.mark.parametrize("days", ["-1", "3651", "true", "30.5", '"30"'])
def test_a_retention_that_is_no_number_of_days_is_refused(days: str) -> None:
    assert mistake(GOOD.replace("30", days)).startswith("policy.toml:6: 'reports.sound_level.retention_days'")


@pytest.mark.parametrize("text", ["reports = 3", "[reports]\nsound_level = 3", "[[reports]]"])
def test_a_value_where_a_table_belongs_is_refused(text: str) -> None:
    assert "is not a table; write a section [reports.KIND]" in mistake(text)


def test_an_empty_file_is_refused_for_nothing_would_leave() -> None:
    assert mistake("") == "policy.toml:1: 'reports' is missing; add it"


def test_bad_toml_says_where() -> None:
    assert "policy.toml: not valid TOML" in mistake(GOOD + "oops")
    assert "(at line 7, column 5)" in mistake(GOOD + "oops\n")


def test_values_over_several_lines_do_not_confuse_the_line() -> None:
    assert mistake("x = [\n  1,\n  2,\n]\n" + GOOD).startswith("policy.toml:1: unknown key 'x'")


def test_every_mistake_is_told_at_once() -> None:
    said = mistake(GOOD + '[reports.helth]\npurpose = "maintenance"\nlegal_basis = "x"\nretention_days = 1\n')
    assert len(said.splitlines()) == 2
    assert all(line.startswith("policy.toml:") for line in said.splitlines())


def test_a_missing_file_a_directory_and_noise_each_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="nothing leaves without one"):
        load_policy(tmp_path / "absent.toml")
    with pytest.raises(PolicyError, match="is a directory; give the policy file inside it"):
        load_policy(tmp_path)
    noise = tmp_path / "noise.toml"
    noise.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyError, match="not UTF-8"):
        load_policy(noise)


def test_a_path_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PolicyError, match="Not a directory; check the path and its permissions"):
        load_policy(tmp_path / "file" / "policy.toml")
