"""`lamppost events verify`: are received reports authentic, in order, and all there?"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, emit_json, existing_file
from edge.subscriber import Finding, Verifier, What, load_key_list

HELP = "check the signatures, the order and the completeness of received reports"

_LONGEST_LINE = 1_000_000
_NOT_REPORTS = ("/state", "/cmd")
_STATE = '{"online":'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-verb."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="verify")
    verify = actions.add_parser("verify", help="check reports, one a line, as mosquitto_sub [-v] prints them")
    verify.add_argument("file", nargs="?", default="-", metavar="FILE", help="default: -, standard input")
    verify.add_argument("--keys", type=Path, required=True, help="the city's list of public keys (TOML)")
    verify.add_argument(
        "--state", type=Path, help="go on where the last check ended, and remember where this does"
    )
    verify.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Check; exit code 1 when something was forged, altered, replayed or is missing."""
    verifier = Verifier(load_key_list(args.keys))
    if args.state is not None:
        _restore(verifier, args.state)
    problems = 0
    with _opened(args.file) as file, suppress(KeyboardInterrupt):
        for line in _lines(file):
            for finding in _check(verifier, line):
                # A gap is told when it shows and counted at the end, if nothing has explained it.
                problems += finding.what.is_problem and finding.what is not What.GAP
                _tell(finding, as_json=args.json)
    missing = sum(last - first + 1 for gaps in verifier.missing().values() for first, last in gaps)
    if args.state is not None:
        _save(verifier, args.state)
    _conclude(verifier, problems, missing, as_json=args.json)
    return FOUND_PROBLEM if problems or missing or not verifier.checked else FINE


def _check(verifier: Verifier, line: str) -> list[Finding]:
    topic, _, payload = ("", "", line) if line.startswith("{") else line.partition(" ")
    if topic.endswith(_NOT_REPORTS) or payload.startswith(_STATE):
        return []
    return verifier.accept(payload, topic or None)


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    with existing_file(name).open("rb") as file:
        yield file


def _lines(file: BinaryIO) -> Iterator[str]:
    while raw := file.readline(_LONGEST_LINE):
        if line := raw.decode("utf-8", "replace").strip():
            yield line


def _tell(finding: Finding, *, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "finding": finding.what,
                "problem": finding.what.is_problem,
                "source": finding.source,
                "first": finding.first,
                "last": finding.last,
                "detail": finding.detail,
            }
        )
        return
    several = f"-{finding.last} ({finding.last - finding.first + 1})" if finding.last != finding.first else ""
    mark = "PROBLEM" if finding.what.is_problem else "note"
    where = f"{finding.source or '?'} {finding.first}{several}"
    sys.stdout.write(f"{mark:<8}{finding.what:<14}{where}: {finding.detail}\n")
    sys.stdout.flush()


def _conclude(verifier: Verifier, problems: int, missing: int, *, as_json: bool) -> None:
    lampposts = len(verifier.newest())
    if as_json:
        emit_json(
            {
                "checked": verifier.checked,
                "lampposts": lampposts,
                "problems": problems,
                "missing": missing,
                "newest": verifier.newest(),
            }
        )
        return
    said = f"{verifier.checked} messages of {lampposts} lamppost{'' if lampposts == 1 else 's'}: "
    if not verifier.checked:
        said += "nothing came; is the file a list of reports, one a line?"
    elif problems or missing:
        said += f"{problems} problems, {missing} numbers missing"
    else:
        said += "all authentic, none missing"
    sys.stderr.write(f"{said}\n")


def _restore(verifier: Verifier, path: Path) -> None:
    try:
        verifier.restore(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}; give the file of an earlier check, or a new one") from error


def _save(verifier: Verifier, path: Path) -> None:
    new = path.with_name(path.name + ".new")
    try:
        new.write_text(json.dumps(verifier.state()), encoding="utf-8")
        new.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); give another file") from error
