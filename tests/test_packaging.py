"""What is shipped: the wheel outside the checkout, the locks, the units, the street of the demo."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections import Counter
from importlib.metadata import packages_distributions
from pathlib import Path

import cv2
import pytest
import soundfile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edge.delivery import commands
from edge.delivery.chain_head import HeadFile
from edge.delivery.outbox import Config as OutboxConfig
from edge.detectors import street_sound
from edge.runtime.privacy_section import PrivacySection
from edge.runtime.rule_memory import memory_path

ROOT = Path(__file__).resolve().parent.parent
UNITS = sorted((ROOT / "systemd").glob("*.service"))
LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout with the locked build backend."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the checkout with the wheel installed in it, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", folder, wheel], check=True, capture_output=True)
    return folder


def lamppost(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command from another folder; its dependencies are those of this environment."""
    dependencies = sysconfig.get_path("purelib")
    code = (
        "import sys; from edge.__main__ import main; import edge; "
        f"assert edge.__file__.startswith({str(installed)!r}), edge.__file__; "
        "sys.argv[0] = 'lamppost'; main()"
    )
    environment = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "PYTHONPATH"}}
    # -S leaves out the checkout, which the environment's .pth file would bring in.
    return subprocess.run(
        [sys.executable, "-S", "-c", code, *arguments],
        cwd=installed.parent,
        env={**environment, "PYTHONPATH": os.pathsep.join([str(installed), dependencies])},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_wheel_carries_what_a_lamppost_needs_and_no_more(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "edge/py.typed",
        "edge/street/sound.ogg",
        "edge/street/street.mp4",
        "edge/street/sds011.bin",
        "edge/street/LICENCES.md",
        "edge/shipped/systemd/lamppost-sense.service",
        "edge/shipped/systemd/lamppost-publish.service",
        "edge/shipped/systemd/lamppost.sysusers.conf",
    ):
        assert needed in names
    for folder, pattern in (("models", "**/*"), ("firmware_profiles", "*.toml"), ("edge/examples", "*.toml")):
        here = [path for path in (ROOT / folder).glob(pattern) if path.is_file()]
        inside = folder if folder.startswith("edge/") else f"edge/shipped/{folder}"
        assert here, folder
        assert {f"{inside}/{path.relative_to(ROOT / folder)}" for path in here} <= set(names)
    top = Counter(name.split("/")[0] for name in names)
    assert len(top) == 2, f"only edge and its metadata belong at the top: {top}"
    assert not [name for name in names if "test" in name.lower() or name.endswith((".pyc", ".lock"))]
    assert [name for name in names if name.endswith("licenses/LICENSE")]
    assert wheel.stat().st_size < 32_000_000


def test_installed_wheel_runs_outside_the_checkout(installed: Path) -> None:
    version = lamppost(installed, "version", "--json")
    assert version.returncode == 0, version.stderr
    assert json.loads(version.stdout)["version"] in str(next(installed.glob("lamppost_edge-*.dist-info")))


def test_installed_wheel_finds_its_profiles_and_models(installed: Path) -> None:
    profiles = lamppost(installed, "profiles", "list", "--json")
    assert profiles.returncode == 0, profiles.stderr
    listed = {json.loads(line)["id"] for line in profiles.stdout.splitlines()}
    assert listed == {path.stem for path in (ROOT / "firmware_profiles").glob("*.toml")}
    models = lamppost(installed, "models", "list", "--json")
    assert models.returncode == 0, models.stderr
    assert len(models.stdout.splitlines()) == len(list((ROOT / "models").glob("*/card.toml")))


def test_installed_wheel_decodes_the_sensor_bytes_it_ships(installed: Path) -> None:
    capture = installed / "edge" / "street" / "sds011.bin"
    decoded = lamppost(installed, "profiles", "decode", "nova_sds011", str(capture), "--json")
    assert decoded.returncode in {0, 1}, decoded.stderr
    rows = [json.loads(line) for line in decoded.stdout.splitlines()]
    assert sum(row.get("message") == "data" for row in rows) == 60
    assert sum("checksum" in json.dumps(row) for row in rows) >= 1


def test_runtime_dependencies_need_neither_x11_nor_opengl(tmp_path: Path) -> None:
    modules = (
        "numpy scipy.signal cv2 onnxruntime paho.mqtt.client serial pydantic_settings amqtt rich soundfile"
    )
    unwanted = "lib(?:X11|xcb|GL|EGL|gtk|Qt)[^/]*"
    code = (
        f"import {modules.replace(' ', ', ')}, pathlib, re; "
        f"print(re.findall({unwanted!r}, pathlib.Path('/proc/self/maps').read_text()))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "PATH": str(tmp_path)},  # no compiler either
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[]\n", done.stderr


def pinned(lock: str) -> dict[str, str]:
    """Return name to version of everything that a lock lists for Linux."""
    found = re.findall(
        r"^([a-z0-9._-]+)==([^ \\]+)( ;[^\\\n]*)?", (ROOT / lock).read_text(), re.MULTILINE | re.IGNORECASE
    )
    return {canonicalize_name(name): version for name, version, _ in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry, f"{lock}: no hash: {entry.splitlines()[0]}; run scripts/lock"


def test_locks_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {
        "requirements.lock": [*project["project"]["dependencies"], *project["build-system"]["requires"]],
        "requirements-dev.lock": project["dependency-groups"]["dev"],
    }
    for lock, requirements in asked.items():
        versions = pinned(lock)
        for requirement in map(Requirement, requirements):
            name = canonicalize_name(requirement.name)
            assert name in versions, f"{lock}: {name} is missing; run scripts/lock"
            assert requirement.specifier.contains(versions[name]), f"{lock}: {requirement}; run scripts/lock"
    run, dev = (pinned(lock) for lock in LOCKS)
    assert run.items() <= dev.items(), "the two locks disagree; run scripts/lock"


def test_every_runtime_dependency_has_its_reason_in_contributing() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for requirement in map(Requirement, project["project"]["dependencies"]):
        assert f"| {requirement.name} |" in text, f"CONTRIBUTING.md: say why {requirement.name} is needed"


def directives(unit: Path) -> dict[str, list[str]]:
    """Return what a unit file sets, in order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_sense_has_devices_and_no_network() -> None:
    unit = directives(ROOT / "systemd" / "lamppost-sense.service")
    assert unit["PrivateNetwork"] == ["yes"]
    assert unit["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert unit["DevicePolicy"] == ["closed"]
    assert {value.split()[0] for value in unit["DeviceAllow"]} == {
        "char-alsa",
        "char-video4linux",
        "char-ttyUSB",
        "char-ttyACM",
        "char-ttyAMA",
    }
    assert unit["LimitCORE"] == ["0"]
    assert unit["MemorySwapMax"] == ["0"]
    assert unit["LimitMEMLOCK"] == ["infinity"]
    assert unit["LoadCredential"] == ["signing.key:/etc/lamppost/signing.key"]
    assert " sense " in unit["ExecStart"][0]


def test_publish_has_a_network_and_no_devices() -> None:
    unit = directives(ROOT / "systemd" / "lamppost-publish.service")
    assert unit["PrivateDevices"] == ["yes"]
    assert unit["PrivateUsers"] == ["yes"]
    assert "DeviceAllow" not in unit
    assert "SupplementaryGroups" not in unit
    assert "LoadCredential" not in unit
    assert unit["InaccessiblePaths"] == ["/var/lib/lamppost/sense -/etc/lamppost/signing.key"]
    assert " publish " in unit["ExecStart"][0]


def test_what_sense_believes_lies_where_publish_cannot_write() -> None:
    unit = directives(ROOT / "systemd" / "lamppost-publish.service")
    closed = Path(unit["InaccessiblePaths"][0].split()[0])
    outbox = OutboxConfig()
    assert not outbox.path.is_relative_to(closed)
    assert HeadFile(outbox.private).path.parent == closed
    assert memory_path(outbox.private).parent == closed
    for config, setting in (
        (street_sound.Config, "false_alarms"),
        (commands.Config, "state"),
        (PrivacySection, "state"),
    ):
        assert config.model_fields[setting].default.is_relative_to(closed), setting


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_the_unit(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    # 10 is a service without any restriction; --threshold counts tenths.
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager"]
    judged = subprocess.run([*command, copy], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_street_is_a_minute_of_everything() -> None:
    street = ROOT / "edge" / "street"
    samples, rate_hz = soundfile.read(street / "sound.ogg")
    assert (rate_hz, samples.shape) == (48_000, (48_000 * 60, 2))
    assert 0.5 < abs(samples).max() < 1.0, "it must be loud somewhere and clipped nowhere"
    video = cv2.VideoCapture(str(street / "street.mp4"))
    try:
        assert video.get(cv2.CAP_PROP_FPS) == 5.0
        sizes = []
        while (grabbed := video.read())[0]:
            sizes.append(grabbed[1].shape)
    finally:
        video.release()
    assert sizes == [(576, 768, 3)] * 300


def test_every_shipped_recording_has_its_licence() -> None:
    street = ROOT / "edge" / "street"
    text = (street / "LICENCES.md").read_text()
    for path in street.iterdir():
        if path.suffix not in {".md", ".py"} and path.is_file():
            assert f"| `{path.name}` |" in text, f"LICENCES.md: under which licence is {path.name}?"


def test_everything_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = {canonicalize_name(Requirement(asked).name) for asked in project["project"]["dependencies"]}
    declared.add(canonicalize_name("pydantic-core"))  # pydantic pins it and speaks in its words
    distributions = packages_distributions()
    for path in (ROOT / "edge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for top in {name.split(".")[0] for name in names} - {*sys.stdlib_module_names, "edge"}:
                found = {canonicalize_name(name) for name in distributions.get(top, [top])}
                assert found & declared, f"{path}: {top} is not in the dependencies of pyproject.toml"
