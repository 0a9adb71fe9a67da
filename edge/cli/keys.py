"""`lamppost keys`: the keys that sign reports, for the technician who sets up a lamppost."""

import argparse
import sys
from pathlib import Path

from edge.cli.output import FINE, UsageError, emit_json
from edge.cli.settings_file import add_config, load
from edge.signing.key_list import key_list_entry
from edge.signing.key_store import KeyRing, KeyUnavailable, load_key_ring, write_key_ring
from edge.signing.keys import PrivateKey, PublicKey

HELP = "make, show and rotate the key that signs this lamppost's reports"


_DEFAULT = Path("/etc/lamppost/signing.key")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the three sub-verbs."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="generate|show|rotate")
    generate = actions.add_parser("generate", help="make a key in a new file of mode 0600")
    show = actions.add_parser("show", help="print the public key, as the city's list of keys wants it")
    rotate = actions.add_parser(
        "rotate", help="make the next key beside it, to be announced to the city first"
    )
    rotate.add_argument("--activate", action="store_true", help="the city has it: sign with it from now on")
    for action in (generate, show, rotate):
        action.add_argument("file", nargs="?", type=Path, default=_DEFAULT, help=f"default: {_DEFAULT}")
        add_config(action)
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Do what the sub-verb says."""
    if args.action == "generate":
        key = PrivateKey.generate()
        _write(args.file, KeyRing(key))
        _tell(args, key.public, f"wrote {args.file}: readable by this user only; keep no copy elsewhere")
    elif args.action == "show":
        _tell(args, _ring(args.file).current.public, "")
    elif args.activate:
        _activate(args)
    else:
        _prepare(args)
    return FINE


def _prepare(args: argparse.Namespace) -> None:
    _ring(args.file)
    following = _following(args.file)
    if following.exists():
        key = _ring(following).current
        said = f"{following} waits already"
    else:
        key = PrivateKey.generate()
        _write(following, KeyRing(key))
        said = f"wrote {following}"
    then = (
        "send this to the city, wait until it is in the list of keys, then `lamppost keys rotate --activate`"
    )
    _tell(args, key.public, f"{said}; {then}")


def _activate(args: argparse.Namespace) -> None:
    path, following = args.file, _following(args.file)
    if not following.exists():
        raise UsageError(
            f"{following}: no such key; `lamppost keys rotate {path}` makes it, announce it first"
        )
    ring = KeyRing(_ring(following).current, previous=_ring(path).current)
    whole = path.with_name(path.name + ".rotated")
    whole.unlink(missing_ok=True)
    _write(whole, ring)
    whole.replace(path)  # after a power loss there is the old key or both
    following.unlink()
    _tell(args, ring.current.public, f"{path} signs with the new key once lamppost-sense is restarted")


def _following(path: Path) -> Path:
    return path.with_name(path.name + ".next")


def _ring(path: Path) -> KeyRing:
    try:
        return load_key_ring(path)
    except KeyUnavailable as error:
        raise UsageError(str(error)) from error


def _write(path: Path, ring: KeyRing) -> None:
    try:
        write_key_ring(path, ring)
    except FileExistsError as error:
        message = f"{path}: exists already; to replace a key use `lamppost keys rotate`, nothing was written"
        raise UsageError(message) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); give another file") from error


def _tell(args: argparse.Namespace, key: PublicKey, said: str) -> None:
    source = _source(args.config)
    if args.json:
        emit_json({"file": str(args.file), "source": source, "keyid": key.key_id, "public": str(key)})
        return
    if said:
        sys.stderr.write(f"{said}\n")
    sys.stdout.write(key_list_entry(source, key))


def _source(settings: Path) -> str:
    # A key may be made before the settings are written.
    if not settings.exists():
        return "/lp/v1/CITY/NODE"
    node = load(settings, layers=()).node
    return f"/lp/v1/{node.city}/{node.id}"
