"""Settings: a mistake is a start-up error that names the file, the line and the nearest right key."""

from pathlib import Path

import pytest

from edge.cli.settings_file import EXAMPLES
from edge.runtime.settings import SECTION_LAYERS, SettingsError, load_settings, settings_schema

GOOD = """\
[node]
city = "demo-city"
id = "lp-0001"

[sources.microphone]
channels = 2

[detectors.sound_level]
interval_s = 5
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "lamppost.toml"
    path.write_text(text)
    return path


def mistake(folder: Path, text: str, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(folder, text), environment=environment or {})
    return str(caught.value)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_shipped_example_loads(example: Path) -> None:
    if example.name == "policy.toml":
        from edge.privacy.policy import load_policy

        assert load_policy(example).grounds
    else:
        fed = example.name != "replay.toml"  # the command brings its sources
        assert load_settings(example, fed=fed, environment={}).node.city


def test_good_settings_name_their_modules(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, GOOD), environment={})
    assert [(e.where, e.name) for e in settings.entries] == [
        ("[sources.microphone]", "microphone"),
        ("[detectors.sound_level]", "sound_level"),
    ]
    assert settings.entries[0].module.__name__ == "edge.sources.microphone"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "interval_s",
            "intervl_s",
            "lamppost.toml:9: [detectors.sound_level] intervl_s: unknown key; did you mean 'interval_s'?",
        ),
        (
            "[detectors.sound_level]",
            "[detectors.sound_levels]",
            "lamppost.toml:8: [detectors] sound_levels: unknown key; did you mean 'sound_level'?",
        ),
        (
            "[sources.microphone]",
            "[source.microphone]",
            "lamppost.toml:5: source: unknown key; did you mean 'sources'?",
        ),
        (
            "channels = 2",
            "channels = 99",
            "[sources.microphone] channels: Input should be less than or equal to 8 (given: 99)",
        ),
        ('id = "lp-0001"', "", "lamppost.toml:1: [node] id: is missing; it has no default"),
        ('"lp-0001"', '"LP 1"', "lamppost.toml:3: [node] id: String should match pattern"),
        ("channels = 2", "channels = ", "not valid TOML"),
        (
            "[sources.microphone]\nchannels = 2",
            "",
            "[detectors.sound_level] no source of these settings feeds it",
        ),
        (
            "interval_s = 5",
            'sources = ["microphon"]',
            "sources: no source is called 'microphon'; did you mean 'microphone'?",
        ),
    ],
)
def test_a_mistake_names_line_and_nearest(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    assert expected in mistake(tmp_path, GOOD.replace(old, new))


CAMERAS = """
[[sources.camera]]
name = "front"
device = "/dev/v4l/by-path/one"
[[sources.camera]]
name = "back"
device = "/dev/v4l/by-path/two"
"""


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ("[detectors.crowd]\n", "[detectors.crowd] hears nothing without [detectors.people]; add it"),
        ("[detectors.rapid_motion]\n", "[detectors.rapid_motion] hears nothing without [detectors.people]"),
        (
            "[detectors.street_sound]\n[fusion.glass_break]\n",
            "[fusion.glass_break] hears nothing without [detectors.impulse]; add it",
        ),
        (
            '[detectors.crowd]\n[detectors.people]\nsources = ["front"]\n',
            "[detectors.crowd] sources: hears nothing of 'back', as [detectors.people] leaves it out",
        ),
    ],
)
def test_a_section_that_can_never_work_is_refused(tmp_path: Path, sections: str, expected: str) -> None:
    assert expected in mistake(tmp_path, GOOD + CAMERAS + sections)


def test_two_detectors_of_the_same_camera_are_accepted(tmp_path: Path) -> None:
    one = 'sources = ["front"]\n'
    for sections in (
        f"[detectors.crowd]\n{one}[detectors.people]\n",
        f"[detectors.crowd]\n{one}[detectors.people]\n{one}",
    ):
        settings = load_settings(write(tmp_path, GOOD + CAMERAS + sections), environment={})
        assert settings.section("detectors", "crowd") is not None


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    said = mistake(tmp_path, GOOD.replace("interval_s", "intervl_s").replace("channels", "chanels"))
    assert len(said.splitlines()) == 2


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    text = GOOD.replace("[sources.microphone]", "[[sources.microphone]]\n[[sources.microphone]]")
    assert "two sources are called 'microphone'" in mistake(tmp_path, text)


def board(name: str, port: Path, profile: str = "nova_sds011") -> str:
    return f'[[sources.serial_board]]\nname = "{name}"\nport = "{port}"\nprofile = "{profile}"\n'


def test_two_profiles_on_one_port_are_refused_by_whatever_name(tmp_path: Path) -> None:
    one, link = tmp_path / "port", tmp_path / "by-path"
    one.touch()
    link.symlink_to(one)
    text = GOOD + board("air", one) + board("gas", link, "winsen_mhz19")
    expected = f"port {one}: 'air' has it already; only one source can"
    assert expected in mistake(tmp_path, text)
    (tmp_path / "other").touch()
    apart = GOOD + board("air", one) + board("gas", tmp_path / "other", "winsen_mhz19")
    assert load_settings(write(tmp_path, apart), environment={}).entries


def test_two_contacts_at_one_input_are_refused(tmp_path: Path) -> None:
    text = '[[sources.contact]]\nname = "{}"\nrole = "tamper"\nline = "GPIO{}"\nother_line = "GPIO27"\n'
    said = mistake(tmp_path, GOOD + text.format("one", 17) + text.format("two", 22))
    assert "input GPIO27: 'one' has it already" in said


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no such file; `lamppost config init` writes one"):
        load_settings(tmp_path / "nothing.toml", environment={})


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is a directory"):
        load_settings(tmp_path, environment={})


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    environment = {
        "LAMPPOST_NODE__ID": "lp-0002",
        "LAMPPOST_DETECTORS__SOUND_LEVEL__INTERVAL_S": "30",
        "LAMPPOST_DELIVERY__PUBLISHER__HOST": "broker.example",
    }
    settings = load_settings(write(tmp_path, GOOD), environment=environment)
    assert settings.node.id == "lp-0002"
    assert getattr(settings.section("detectors", "sound_level"), "interval_s", None) == 30
    assert getattr(settings.section("delivery", "publisher"), "host", None) == "broker.example"


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("LAMPPOST_NODES__ID", "environment: LAMPPOST_NODES__ID: nothing reads it; did you mean 'node'?"),
        ("LAMPPOST_NODE__IDD", "[node] idd: unknown key; did you mean 'id'?"),
        (
            "LAMPPOST_DETECTORS__SOUND_LEVL__INTERVAL_S",
            "[detectors] sound_levl: unknown key; did you mean 'sound_level'?",
        ),
    ],
)
def test_a_stray_variable_is_refused(tmp_path: Path, variable: str, expected: str) -> None:
    assert expected in mistake(tmp_path, GOOD, {variable: "x"})


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LAMPPOST_NODE": "foo"}, "environment: LAMPPOST_NODE: names no key"),
        ({"LAMPPOST_DETECTORS__SOUND_LEVEL": "5"}, "environment: LAMPPOST_DETECTORS__SOUND_LEVEL: names no"),
        ({"LAMPPOST_NODE__ID": "NOT A SLUG"}, "environment: LAMPPOST_NODE__ID: [node] id: String should"),
    ],
)
def test_a_wrong_variable_is_blamed_and_not_the_file(
    tmp_path: Path, variables: dict[str, str], expected: str
) -> None:
    said = mistake(tmp_path, GOOD, variables)
    assert expected in said
    assert "lamppost.toml" not in said


def test_one_of_several_boards_cannot_be_overridden(tmp_path: Path) -> None:
    text = GOOD.replace("[sources.microphone]", "[[sources.microphone]]")
    said = mistake(tmp_path, text, {"LAMPPOST_SOURCES__MICROPHONE__0__CHANNELS": "3"})
    assert "cannot override one of several [[sources.microphone]]" in said


def test_a_huge_value_is_not_repeated_whole(tmp_path: Path) -> None:
    assert len(mistake(tmp_path, GOOD.replace("demo-city", "x" * 100_000))) < 400


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "\ufeff" + GOOD), environment={}).node.id == "lp-0001"


def test_a_publisher_checks_only_its_own_sections(tmp_path: Path) -> None:
    text = GOOD.replace("interval_s", "intervl_s") + '\n[delivery.publisher]\nhost = "b"\n'
    settings = load_settings(write(tmp_path, text), layers=("delivery",), environment={})
    assert [e.where for e in settings.entries] == ["[delivery.publisher]"]


def test_relative_paths_are_relative_to_the_settings_file(tmp_path: Path) -> None:
    text = GOOD + '\n[privacy]\npolicy = "policy.toml"\nunsigned = "allowed"\n'
    settings = load_settings(write(tmp_path, text), environment={})
    assert settings.privacy is not None
    assert settings.privacy.policy == tmp_path / "policy.toml"


def test_the_schema_knows_every_section_of_every_layer() -> None:
    schema = settings_schema()
    assert set(schema["properties"]) == {"node", "privacy", "signing", *SECTION_LAYERS}
    assert "MicrophoneSection" not in schema["$defs"]
    assert "sound_level" in schema["$defs"]["DetectorsSection"]["properties"]


def test_the_signing_key_is_beside_the_settings_unless_it_is_said(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, GOOD), environment={}).signing.key == tmp_path / "signing.key"
    elsewhere = load_settings(write(tmp_path, GOOD + '[signing]\nkey = "keys/mine"\n'), environment={})
    assert elsewhere.signing.key == tmp_path / "keys" / "mine"
    said = mistake(tmp_path, GOOD + '[signing]\nunsigned = true\nkey = "mine"\n')
    assert "give one of both" in said


def test_lines_are_refused_for_a_camera_too_slow_to_follow_anybody(tmp_path: Path) -> None:
    def with_camera(rate_hz: float, more: str) -> str:
        camera = f'[sources.camera]\ndevice = "/dev/video0"\nrate_hz = {rate_hz}\n'
        return f"{GOOD}{camera}[detectors.people]\n{more}"

    lines = "lines = [[[0.1, 0.5], [0.9, 0.5]]]\n"
    said = mistake(tmp_path, with_camera(0.5, lines))
    assert "[detectors.people] lines: 'camera' gives a picture every 2 s only" in said
    assert "rate_hz" in said
    for good in (with_camera(0.5, ""), with_camera(5.0, lines)):
        assert load_settings(write(tmp_path, good), environment={})
