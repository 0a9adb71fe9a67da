"""Where private keys are kept: systemd's credentials, or a file that nobody else can read."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from edge.domain.complaint import Complaint
from edge.domain.health import Reason
from edge.signing.keys import PrivateKey

_LONGEST_BYTES = 10_000
_MISSING = b"missing"
"""What the unit's `SetCredential=` says where there is no file, so that `sense` starts all the same."""
_BLOCK = re.compile(rb"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What a key file holds.

    Attributes:
        current: the key that signs.
        previous: the one that signed before, to hand over to `current` and to know what it signed; None
            before the first rotation.
    """

    current: PrivateKey
    previous: PrivateKey | None = None

    @property
    def pem(self) -> bytes:
        """The content of the file."""
        return self.current.pem + (self.previous.pem if self.previous else b"")


class KeyUnavailable(Complaint):
    """There is no private key to sign with. The message says what is wrong, where, and what to do.

    Attributes:
        reason: for a health report.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def credential(name: str) -> Path | None:
    """Return the file of a systemd credential (`LoadCredential=`), None when this service was given none."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    path = Path(folder) / name
    return path if path.exists() else None


def load_private_key(path: Path) -> PrivateKey:
    """Read the key that signs; as `load_key_ring`."""
    return load_key_ring(path).current


def load_key_ring(path: Path) -> KeyRing:
    """Read a file of one private key, or of two after a rotation: the new one first.

    The file must belong to whoever runs this and be closed to everyone else, or be a systemd credential,
    which systemd keeps closed in its own way.

    Raises:
        KeyUnavailable: missing, open to others, another user's, or not an Ed25519 key.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        message = f"{path}: no such key; `lamppost keys generate {path}` makes one"
        raise KeyUnavailable(Reason.NO_KEY, message) from error
    except OSError as error:
        message = f"{path}: {error.strerror}; the key must belong to the user that runs `lamppost sense`"
        raise KeyUnavailable(Reason.NO_PERMISSION, message) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyUnavailable(Reason.UNREADABLE, f"{path}: is not a file; give the key's file")
        if not _is_credential(path):
            _refuse_open_file(path, status)
        pem = os.read(descriptor, _LONGEST_BYTES)
    finally:
        os.close(descriptor)
    if pem.strip() == _MISSING:
        message = f"{path}: systemd found no key to hand over; `lamppost keys generate` as root makes one"
        raise KeyUnavailable(Reason.NO_KEY, message)
    try:
        current, previous, *_ = [*(PrivateKey.from_pem(block) for block in _blocks(pem)), None]
    except ValueError as error:
        message = (
            f"{path}: not a private Ed25519 key in PEM ({error}); put the backup back, or make a new one"
        )
        raise KeyUnavailable(Reason.UNREADABLE, message) from error
    assert current is not None
    return KeyRing(current, previous)


def write_key_ring(path: Path, ring: KeyRing) -> None:
    """Write a new file that only its owner can read. Raises FileExistsError and other OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(ring.pem)
        file.flush()
        os.fsync(descriptor)


def _blocks(pem: bytes) -> list[bytes]:
    blocks = _BLOCK.findall(pem)
    if not 1 <= len(blocks) <= 2:
        raise ValueError(f"it holds {len(blocks)} keys, one or two belong there")
    return blocks


def _is_credential(path: Path) -> bool:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return folder != "" and path.resolve().is_relative_to(Path(folder).resolve())


def _refuse_open_file(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        message = f"{path}: belongs to another user (uid {status.st_uid}); chown it to uid {os.geteuid()}"
        raise KeyUnavailable(Reason.NO_PERMISSION, message)
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        message = (
            f"{path}: others may read it (mode {mode:04o}); chmod 600 it, and rotate the key: it may be known"
        )
        raise KeyUnavailable(Reason.NO_PERMISSION, message)
