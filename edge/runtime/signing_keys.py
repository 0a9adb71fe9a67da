"""Which key this lamppost signs with, and what becomes of reports when there is none."""

import logging
from dataclasses import replace
from pathlib import Path

from edge.runtime.settings import Settings
from edge.runtime.signing_section import SigningSection
from edge.signing.key_store import KeyRing, credential, load_key_ring, write_key_ring
from edge.signing.keys import PrivateKey

_log = logging.getLogger(__name__)

CREDENTIAL = "signing.key"


def key_path(settings: Settings) -> Path:
    """Return where the key is: systemd's credential when there is one, else what is set."""
    return credential(CREDENTIAL) or settings.signing.key


def keys_of(settings: Settings) -> KeyRing | None:
    """Return the keys that sign; None when the settings let reports out unsigned.

    Raises:
        KeyUnavailable: reports have to be signed and there is no key.
    """
    if settings.signing.unsigned:
        _log.warning("%s: [signing] unsigned: nobody can tell these reports from forged ones", settings.path)
        return None
    return load_key_ring(key_path(settings))


def with_new_key(settings: Settings, path: Path) -> Settings:
    """Return settings that sign with a new key, which is written to `path`: for a demo and a bench."""
    write_key_ring(path, KeyRing(PrivateKey.generate()))
    return replace(settings, signing=SigningSection(key=path))
