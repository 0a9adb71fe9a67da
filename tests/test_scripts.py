"""The scripts on a small checkout of their own: set-up from nothing, again, after trouble; refusals."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
TOOLS = ("bash", "cat", "dirname", "env", "flock", "git", "grep", "head", "rm", "sha256sum", "uname", "touch")
COMMANDS = """
import sys
def main():
    print("lamppost", *sys.argv[1:])
"""
PYTEST = """
import sys
print("pytest", *sys.argv[1:])
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "checkout"
version = "1"
"""
BACKEND = """
import shutil
def build_editable(folder, config_settings=None, metadata_directory=None):
    shutil.copy("checkout-1-py3-none-any.whl", folder)
    return "checkout-1-py3-none-any.whl"
"""


def make_wheel(folder: Path, name: str, files: dict[str, str], entry_points: str = "") -> str:
    """Write a wheel; return its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-1.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": entry_points,
    }
    record = "".join(f"{path},,\n" for path in (*content, f"{info}/RECORD"))
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in {**content, f"{info}/RECORD": record}.items():
            wheel.writestr(member, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass
class Checkout:
    """A checkout with the real scripts, a package index in a folder, a PATH that holds what is put there."""

    folder: Path

    def __post_init__(self) -> None:
        self.bin = self.folder / "bin"
        self.root = self.folder / "check out"  # a space in the path must not matter
        self.bin.mkdir()
        for tool in TOOLS:
            if found := shutil.which(tool):
                (self.bin / tool).symlink_to(found)
        (self.bin / "python3").symlink_to(Path(sys.executable).resolve())
        self.shim("id", 'echo "$FAKE_USER"')
        self.shim("ldconfig", "true")
        (self.root / "scripts").mkdir(parents=True)
        for name in ("_setup.sh", "demo", "test", "check"):
            shutil.copy(SCRIPTS / name, self.root / "scripts" / name)
        (self.root / "pyproject.toml").write_text(PYPROJECT)
        (self.root / "backend.py").write_text(BACKEND)
        make_wheel(
            self.root, "checkout", {"commands.py": COMMANDS}, "[console_scripts]\nlamppost = commands:main\n"
        )
        self.sha256 = make_wheel(self.folder / "index" / "tiny", "tiny", {"pytest.py": PYTEST})
        self.index(self.folder / "index", self.sha256)
        self.lock(self.sha256)

    def index(self, folder: Path, sha256: str) -> None:
        """Write the page of a package index that offers `tiny`."""
        page = f'<a href="tiny-1-py3-none-any.whl#sha256={sha256}">tiny-1-py3-none-any.whl</a>'
        (folder / "tiny" / "index.html").write_text(f"<!DOCTYPE html><html><body>{page}</body></html>")

    def lock(self, sha256: str, comment: str = "") -> None:
        """Write both lock files."""
        for name in ("requirements.lock", "requirements-dev.lock"):
            (self.root / name).write_text(f"# {comment}\ntiny==1 --hash=sha256:{sha256}\n")

    def shim(self, name: str, script: str) -> None:
        """Put a command on the PATH."""
        path = self.bin / name
        path.unlink(missing_ok=True)  # it may be a link to a command of this machine
        path.write_text(f"#!{shutil.which('bash')}\n{script}\n")
        path.chmod(0o755)

    def start(self, script: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start one of the scripts from another folder, without a terminal."""
        return subprocess.Popen(
            [self.root / "scripts" / script, *arguments],
            cwd=self.folder,
            env={
                "PATH": str(self.bin),
                "HOME": str(self.folder),
                "FAKE_USER": "1000",
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_INDEX_URL": (self.folder / "index").as_uri(),
                "GIT_CONFIG_GLOBAL": os.devnull,
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts to its end."""
        with self.start(script, *arguments, **environment) as process:
            output, errors = process.communicate(timeout=300)
        return subprocess.CompletedProcess(script, process.returncode, output, errors)


@pytest.fixture
def bare(tmp_path: Path) -> Checkout:
    """A checkout that nothing was set up in."""
    return Checkout(tmp_path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout set up on a machine without the second half of the module venv, by root."""
    checkout = Checkout(tmp_path_factory.mktemp("ready"))
    blocked = checkout.folder / "blocked"
    blocked.mkdir()
    (blocked / "ensurepip.py").write_text("raise ImportError")
    log = checkout.folder / "apt.log"
    checkout.shim("apt-get", f'echo "$*" >> "{log}"; [[ $* != *install* ]] || rm -f "{blocked}/ensurepip.py"')
    first = checkout.run("demo", "--seconds", "5", FAKE_USER="0", PYTHONPATH=str(blocked))
    assert first.returncode == 0, first.stderr
    assert first.stdout == "lamppost demo --seconds 5\n"
    update, install = log.read_text().splitlines()
    assert update.endswith("update")
    assert install.endswith("install -y --no-install-recommends python3-venv")
    (checkout.bin / "apt-get").unlink()
    return checkout


def forget_tiny(checkout: Checkout) -> None:
    """Remove the installed package, so that pip has to fetch it again."""
    for package in (checkout.root / ".venv").glob("lib/*/site-packages/tiny-1.dist-info"):
        shutil.rmtree(package)


def test_second_run_says_and_installs_nothing(ready: Checkout) -> None:
    again = ready.run("demo", "--json")
    assert (again.returncode, again.stdout, again.stderr) == (0, "lamppost demo --json\n", "")


def test_two_at_once_take_turns(ready: Checkout) -> None:
    folder = os.open(ready.root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with ready.start("demo") as second:
            assert second.stderr is not None
            assert second.stderr.readline() == "setup: another one is at work here; waiting for it\n"
            fcntl.flock(folder, fcntl.LOCK_UN)
            assert second.communicate(timeout=60) == ("lamppost demo\n", "")
    finally:
        os.close(folder)


def test_changed_lock_is_installed_once(ready: Checkout) -> None:
    ready.lock(ready.sha256, "changed")
    assert "installing what requirements.lock lists" in ready.run("demo").stderr
    assert ready.run("demo").stderr == ""


def test_another_index_with_its_own_build_of_the_same_version_does_not_matter(ready: Checkout) -> None:
    own = make_wheel(ready.folder / "wheels" / "tiny", "tiny", {"pytest.py": "print('built elsewhere')"})
    ready.index(ready.folder / "wheels", own)
    forget_tiny(ready)
    ready.lock(ready.sha256, "to be fetched once more")
    done = ready.run("test", "--quiet", PIP_EXTRA_INDEX_URL=(ready.folder / "wheels").as_uri())
    assert done.returncode == 0, done.stderr
    assert done.stdout == "pytest --quiet\n"


def test_wrong_hash_is_refused_and_the_next_run_recovers(ready: Checkout) -> None:
    ready.lock("0" * 64)
    (ready.root / ".venv" / "bin" / "canary").touch()
    forget_tiny(ready)
    refused = ready.run("demo")
    assert refused.returncode == 3
    assert refused.stdout == ""
    assert "HASHES" in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith("setup: pip failed, its reason stands above")
    ready.lock(ready.sha256, "right again")
    assert ready.run("demo").returncode == 0
    assert (ready.root / ".venv" / "bin" / "canary").exists(), "the environment was made anew without need"


def test_installation_cut_short_is_made_anew(ready: Checkout) -> None:
    (ready.root / ".venv" / "canary").touch()
    (ready.root / ".venv" / ".installing").touch()
    done = ready.run("demo")
    assert (done.returncode, done.stdout) == (0, "lamppost demo\n")
    assert not (ready.root / ".venv" / "canary").exists()


def test_tests_left_out_are_named_in_one_line(ready: Checkout) -> None:
    assert ready.run("test", "-x").returncode == 0
    done = ready.run("test", "-x")
    assert done.stdout == "pytest -x\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith("test: leaving out the tests that need")
    assert "libportaudio2" in line
    assert "sudo apt-get install" in line


def test_all_tests_run_with_coverage(ready: Checkout) -> None:
    assert (
        ready.run("test").stdout
        == "pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --cov=edge --cov-report=term\n"
    )


def _git(checkout: Checkout, *arguments: str) -> None:
    subprocess.run(["git", "-C", checkout.root, *arguments], check=True, capture_output=True)


@pytest.fixture
def checked(ready: Checkout) -> Iterator[Checkout]:
    """A git repository whose tools find nothing to complain about."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed; apt install git")
    assert ready.run("test", "-x").returncode == 0
    for tool in ("ruff", "mypy", "lint-imports"):
        (ready.root / ".venv" / "bin" / tool).unlink(missing_ok=True)
        (ready.root / ".venv" / "bin" / tool).symlink_to(shutil.which("true") or "")
    (ready.root / ".ci").mkdir(exist_ok=True)
    (ready.root / ".ci" / "run").write_text("#!/usr/bin/env bash\ntrue\n")
    (ready.root / ".gitignore").write_text(".venv/\n*.whl\n__pycache__/\n")
    _git(ready, "init", "-q")
    _git(ready, "add", ".")
    yield ready
    shutil.rmtree(ready.root / ".git")


def test_check_passes_what_belongs(checked: Checkout) -> None:
    done = checked.run("check")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(": good") == 7


def test_check_names_an_address_and_a_strange_file(checked: Checkout) -> None:
    (checked.root / "notes.md").write_text("fetched from https://pypi" + ".org/simple\n")
    (checked.root / "tool.exe").write_text("")
    _git(checked, "add", "notes.md", "tool.exe")
    done = checked.run("check")
    (checked.root / "notes.md").unlink()
    (checked.root / "tool.exe").unlink()
    assert done.returncode == 1
    assert "notes.md:1:fetched" in done.stderr
    assert "check: addresses: FAILED" in done.stderr
    assert "tool.exe\n" in done.stderr
    assert "check: kinds of files: FAILED" in done.stderr


def test_check_finds_a_shell_script_that_does_not_parse(checked: Checkout) -> None:
    broken = checked.root / "scripts" / "broken"
    broken.write_text("#!/usr/bin/env bash\nif true; then\n")
    done = checked.run("check")
    broken.unlink()
    assert done.returncode == 1
    assert "check: shell scripts: FAILED" in done.stderr


def test_no_venv_module_and_nobody_to_install_it(bare: Checkout) -> None:
    (bare.folder / "ensurepip.py").write_text("raise ImportError")
    done = bare.run("demo", PYTHONPATH=str(bare.folder))
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.endswith("type: sudo apt-get install python3-venv")
    assert not (bare.root / ".venv").exists()


def test_sudo_without_a_password_is_used(bare: Checkout) -> None:
    (bare.folder / "ensurepip.py").write_text("raise ImportError")
    log = bare.folder / "sudo.log"
    bare.shim("sudo", f'echo "$*" >> "{log}"')
    bare.shim("apt-get", "exit 1")
    assert bare.run("demo", PYTHONPATH=str(bare.folder)).returncode == 3
    asked, update, install = log.read_text().splitlines()
    assert asked == "-n true"
    assert update.startswith("-n env DEBIAN_FRONTEND=noninteractive apt-get")
    assert install.endswith("python3-venv")


def test_old_python_is_named(bare: Checkout) -> None:
    bare.shim("python3", "[[ $2 != *version_info* ]] || exit 1; echo 3.9.2")
    done = bare.run("demo")
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "Python 3.11 or newer is needed; python3 is 3.9.2;" in line


def test_no_python_at_all(bare: Checkout) -> None:
    done = bare.run("demo", PYTHON="python9")
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "none was found" in line


def test_32_bit_system_is_named(bare: Checkout) -> None:
    bare.shim(
        "python3",
        "case $2 in *machine*) exit 1 ;; *calcsize*) echo 32 ;; *python_version*) echo 3.11.2 ;; esac",
    )
    done = bare.run("demo")
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "with a 32-bit Python" in line
    assert "64-bit" in line
