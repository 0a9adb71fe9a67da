"""`lamppost models fetch`: installs the file of a public model after checking it against its card."""

import argparse
import os
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from edge.cli.output import FINE, UsageError, emit_json
from edge.domain.nearest import nearest
from edge.inference.card import Card, ModelError, model_file, model_folders, read_card, require_checksum

_TIMEOUT_S = 30.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the name and where the file comes from."""
    parser.add_argument("name", metavar="NAME", help="a public model of `lamppost models list`")
    parser.add_argument(
        "--from", dest="folder", type=Path, metavar="DIR", help="copy the file from there, without a network"
    )
    parser.set_defaults(do=run)


def run(args: argparse.Namespace, models: Path) -> int:
    """Install it; exit code 3 when the file does not come or is not the one that the card names."""
    card = _card(models, args.name)
    target = model_file(models / card.name, card, args.fetched)
    content = _copied(card, args.folder) if args.folder else _downloaded(card)
    require_checksum(content, card, str(args.folder or "the download"))
    _install(content, target)
    if args.json:
        emit_json({"name": card.name, "file": str(target), "bytes": len(content), "sha256": card.sha256})
    else:
        sys.stdout.write(f"{card.name}: {target}, {len(content)} bytes, checksum as on the card\n")
    return FINE


def _card(models: Path, name: str) -> Card:
    known = [folder.name for folder in model_folders(models)]
    if name not in known:
        raise UsageError(f"{name}: no such model; {nearest(name, known)}")
    card = read_card(models / name)
    if card.public is None:
        raise UsageError(f"{name}: is part of this installation; there is nothing to fetch")
    return card


def _copied(card: Card, folder: Path) -> bytes:
    """Return the content of the file of the card's name in `folder`, or below it."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; give the one that holds {card.file}")
    found = sorted(folder.rglob(card.file))
    if not found:
        raise UsageError(f"{folder}: holds no {card.file}; check the folder")
    try:
        return found[0].read_bytes()
    except OSError as error:
        raise ModelError(f"{found[0]}: cannot be read ({error.strerror}); check its permissions") from error


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to another https address."""

    def redirect_request(  # noqa: PLR0917 - the signature is the library's
        self, req: urllib.request.Request, fp: object, code: int, msg: str, headers: object, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError(f"was sent on to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _downloaded(card: Card) -> bytes:
    assert card.public is not None
    address, size = card.public.address, card.public.size_bytes
    opener = urllib.request.build_opener(_OnlyHttps)
    try:
        with opener.open(address, timeout=_TIMEOUT_S) as answer:
            # One byte more than it should have tells that it is another file, and nothing fills the memory.
            content: bytes = answer.read(size + 1)
    except OSError as error:
        raise ModelError(
            f"{address}: cannot be fetched ({error}); check the network, or fetch it elsewhere and give its "
            f"folder: `lamppost models fetch {card.name} --from DIR`"
        ) from error
    return content


def _install(content: bytes, target: Path) -> None:
    """Write beside the target and rename: what stands there is whole, whatever happens."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        made = Path(file.name)
        made.chmod(0o644)
        made.replace(target)
    except OSError as error:
        raise ModelError(
            f"{target}: cannot be written ({error.strerror}); use sudo, or another folder with --fetched"
        ) from error
