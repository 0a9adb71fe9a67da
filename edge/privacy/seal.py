"""The seal of a policy: a detached Ed25519 signature by the city's key, beside it in `policy.toml.sig`.

One line: `ed25519`, the id of the key, the signature in base64url. What is signed is `MEANT_FOR` and the
file, byte for byte, so that a seal can be taken for nothing else that the same key signs.
"""

from collections.abc import Sequence
from pathlib import Path

from edge.domain.health import Reason
from edge.privacy.policy import PolicyError
from edge.signing.keys import PrivateKey, PublicKey, base64_of, unbase64

MEANT_FOR = b"lamppost policy v1\n"
_ALGORITHM = "ed25519"


def seal_path(policy: Path) -> Path:
    """Return where the seal of a policy file lies."""
    return policy.with_name(policy.name + ".sig")


def seal(text: bytes, key: PrivateKey) -> str:
    """Return the content of the seal's file."""
    return f"{_ALGORITHM} {key.key_id} {base64_of(key.sign(MEANT_FOR + text))}\n"


def check_seal(text: bytes, sealed: str, keys: Sequence[PublicKey], where: str) -> None:
    """Check that one of the city's keys sealed exactly this text.

    Args:
        text: the policy file.
        sealed: the content of the seal's file.
        keys: the city's, old and new while one follows the other.
        where: the seal's name, for errors.

    Raises:
        PolicyError: nobody did.
    """
    algorithm, key_id, signature = [*sealed.split(), "", "", ""][:3]
    if algorithm != _ALGORITHM or len(sealed.split()) != 3:
        raise _forged(f"{where}: is not a seal; `lamppost privacy sign` writes one")
    key = next((key for key in keys if key.key_id == key_id), None)
    if key is None:
        known = ", ".join(key.key_id for key in keys)
        raise _forged(
            f"{where}: made with the key {key_id}, which is not the city's ({known}); sign it again"
        )
    try:
        good = key.verify(MEANT_FOR + text, unbase64(signature))
    except ValueError:
        good = False
    if not good:
        raise _forged(
            f"{where}: does not fit the policy, which was changed since; sign it again, or put it back"
        )


def _forged(message: str) -> PolicyError:
    return PolicyError(message, Reason.BAD_SIGNATURE)
