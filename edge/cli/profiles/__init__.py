"""`lamppost profiles`: which serial boards are known, whether their profiles hold, what bytes say."""

import argparse
import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.output import FINE, FOUND_PROBLEM, UsageError, complain, emit_json, existing_file
from edge.cli.profiles import capture

if TYPE_CHECKING:
    from edge.decoding.profile import Profile
    from edge.decoding.results import Message, Rejected

HELP = "serial boards: list | show | test the profiles, capture and decode bytes"

_SHOWN_ROWS = 200
_ACTIONS = {
    "list": "every profile of this installation",
    "show": "one profile: its line, its messages, its values",
    "test": "run the examples of every profile, or of one, and flip each bit of them",
    "decode": "decode recorded bytes: one object per message or rejection",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|test|decode|capture")
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="one object a line"
        )
        if name != "list":
            optional = "?" if name == "test" else None
            action.add_argument(
                "profile", metavar="PROFILE", help="id, or path of a .toml file", nargs=optional
            )
        if name == "decode":
            action.add_argument("file", metavar="FILE", help="raw bytes, or lines of hexadecimal digits")
    recorder = actions.add_parser("capture", help=capture.TEXT, description=capture.TEXT)
    recorder.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="the hints as one object"
    )
    capture.add_arguments(recorder)


def run(args: argparse.Namespace) -> int:
    """List, show, test, decode or capture."""
    if args.action == "capture":
        return capture.run(args)
    if args.action == "list":
        return _list(as_json=args.json)
    if args.action == "show":
        return _show(known_profile(args.profile), as_json=args.json)
    if args.action == "test":
        return _test(args.profile, as_json=args.json)
    return _decode(known_profile(args.profile), existing_file(args.file), as_json=args.json)


def _path(name: str) -> Path:
    from edge.decoding.catalogue import find

    try:
        return find(name)
    except LookupError as error:
        raise UsageError(str(error)) from error


def known_profile(name: str) -> "Profile":
    """Return a profile, given its id or a path. Raises UsageError."""
    from edge.decoding.catalogue import ProfileError, load

    try:
        return load(_path(name))
    except ProfileError as error:
        raise UsageError(str(error)) from error


def _loaded(paths: list[Path]) -> Iterator[tuple[Path, "Profile | None", list[str]]]:
    """Yield each file with its profile, or with what is wrong with it."""
    from edge.decoding.catalogue import ProfileError, load

    for path in paths:
        try:
            yield path, load(path), []
        except ProfileError as error:
            yield path, None, [f"{key}: {reason}" if key else reason for key, reason in error.found]


def _list(*, as_json: bool) -> int:
    from edge.decoding.catalogue import shipped_paths

    rows: list[dict[str, Any]] = []
    code = FINE
    for path, profile, wrong in _loaded(shipped_paths()):
        if profile is None:
            code = FOUND_PROBLEM
            complain(f"{path}: {'; '.join(wrong)}")
            continue
        rows.append(_summary(profile))
    if as_json:
        for row in rows:
            emit_json(row)
    else:
        _print_table(
            ("profile", "board", "line", "measures", ""),
            (
                (
                    row["id"],
                    row["name"],
                    f"{row['baud']} Bd {row['mode']}",
                    ", ".join(row["measures"]),
                    _state(row),
                )
                for row in rows
            ),
        )
    return code


def _summary(profile: "Profile") -> dict[str, Any]:
    return {
        "id": profile.id,
        "name": profile.name,
        "codec": profile.codec.kind,
        "baud": profile.transport.baud,
        "mode": profile.timing.mode,
        "measures": list(profile.measurements),
        "experimental": profile.experimental,
        "indicative": profile.indicative,
    }


def _state(row: dict[str, Any]) -> str:
    return " ".join(word for word in ("experimental", "indicative") if row[word])


def _show(profile: "Profile", *, as_json: bool) -> int:
    if as_json:
        emit_json(profile.model_dump(mode="json", by_alias=True, exclude_defaults=True))
        return FINE
    sys.stdout.writelines(f"{line}\n" for line in _description(profile))
    _print_table(
        ("message", "value", "range", "accuracy", "role"),
        (
            (message.id, field.full_name, _range(field.range), _accuracy(field.accuracy), field.role.value)
            for message in profile.messages
            for field in message.fields
        ),
    )
    return FINE


def _description(profile: "Profile") -> Iterator[str]:
    line, timing = profile.transport, profile.timing
    yield f"{profile.id}: {profile.name}"
    yield f"line: {line.baud} Bd, {line.bits}{line.parity[0].upper()}{line.stop}, codec {profile.codec.kind}"
    yield (
        f"timing: {timing.mode}, every {timing.period_s:g} s, warm after {timing.warmup_s:g} s, "
        f"stale after {timing.stale_s:g} s"
    )
    if profile.experimental:
        yield "experimental: no capture of a real board confirms it; a settings file must ask for it"
    if profile.indicative:
        yield "indicative: its cells respond to other gases too; never held against limits"
    firmware = profile.firmware
    for setting in (*firmware.settings, *(each.setting for each in firmware.expect)):
        yield f"board must have: {setting}"
    if firmware.known:
        yield f"firmware seen to work: {', '.join(firmware.known)}"
    if profile.sources:
        yield f"facts from: {'; '.join(profile.sources)}"


def _range(bounds: tuple[float, float] | None) -> str:
    return f"{bounds[0]:g} to {bounds[1]:g}" if bounds else ""


def _accuracy(accuracy: Any) -> str:
    if accuracy is None:
        return ""
    parts = [f"{accuracy.abs:g}"] if accuracy.abs else []
    parts += [f"{accuracy.rel:.0%}"] if accuracy.rel else []
    return "±" + " or ".join(parts)


def _test(name: str | None, *, as_json: bool) -> int:
    from edge.decoding.catalogue import shipped_paths
    from edge.decoding.examples import flip_failures

    rows: list[dict[str, Any]] = []
    for path, profile, wrong in _loaded([_path(name)] if name else shipped_paths()):
        if profile is not None:
            wrong += [f"{key}: {reason}" for key, reason in islice(flip_failures(profile), 5)]
        rows.append(
            {
                "profile": profile.id if profile else path.stem,
                "ok": not wrong,
                "examples": len(profile.examples) if profile else 0,
                "problems": wrong,
            }
        )
    if as_json:
        for row in rows:
            emit_json(row)
    else:
        _print_table(
            ("profile", "examples", "result"),
            ((r["profile"], str(r["examples"]), "; ".join(r["problems"]) or "ok") for r in rows),
        )
    return FINE if all(row["ok"] for row in rows) else FOUND_PROBLEM


def _decode(profile: "Profile", path: Path, *, as_json: bool) -> int:
    from edge.decoding.captures import read_capture
    from edge.decoding.decoder import Decoder

    decoder = Decoder(profile)
    rows: list[tuple[str, ...]] = []
    total = 0
    for piece in chain(read_capture(path, profile), (None,)):
        for result in decoder.finish() if piece is None else decoder.feed(piece):
            total += 1
            if as_json:
                emit_json(_record(result))
            elif total <= _SHOWN_ROWS:
                rows.append(_row(result))
    if not as_json:
        _print_table(("byte", "message", "values", "absent", "flags"), rows)
    if total > len(rows) and not as_json:
        complain(f"{total - len(rows)} more; --json shows them all")
    accepted = decoder.counts["accepted"]
    rejected = ", ".join(
        f"{n} {reason}" for reason, n in sorted(decoder.counts.items()) if reason != "accepted"
    )
    complain(f"{path}: {accepted} messages of {profile.name}; rejected: {rejected or 'nothing'}")
    return FINE if accepted else FOUND_PROBLEM


def _record(result: "Message | Rejected") -> dict[str, Any]:
    from edge.decoding.results import Rejected

    if isinstance(result, Rejected):
        return {"rejected": result.reason, "offset": result.offset, "bytes": result.size}
    return {
        "message": result.message,
        "outcome": result.outcome,
        "values": dict(result.values),
        "absent": dict(result.absent),
        "flags": list(result.flags),
        "meta": dict(result.meta),
        "offset": result.offset,
        "bytes": result.size,
    }


def _row(result: "Message | Rejected") -> tuple[str, ...]:
    from edge.decoding.results import Rejected

    if isinstance(result, Rejected):
        return str(result.offset), f"rejected: {result.reason}, {result.size} bytes", "", "", ""
    values = ", ".join(f"{name} {value:g}" for name, value in result.values.items())
    values = values or ", ".join(f"{name} {told}" for name, told in result.meta.items())
    absent = ", ".join(f"{name}: {why}" for name, why in result.absent.items())
    return str(result.offset), result.message, values, absent, ", ".join(result.flags)


def _print_table(head: tuple[str, ...], rows: Any) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in head:
        table.add_column(title, overflow="fold")
    for row in rows:
        # Text, because a board's words may look like markup.
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)
