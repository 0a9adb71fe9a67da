"""Ed25519 keys (RFC 8032): a private one that signs and stays on its machine, a public one that checks.

A signature is deterministic, so it has no room for hidden bits. A key's id is derived from the public key.
"""

import base64
import binascii
import hashlib
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE_BYTES = 64
_PUBLIC_BYTES = 32
_ID_DIGITS = 16


class PublicKey:
    """Checks signatures.

    Args:
        raw: the 32 bytes of RFC 8032, 5.1.5.

    Raises:
        ValueError: there are not 32 bytes.

    Attributes:
        key_id: the first 16 hexadecimal digits of the SHA-256 of `raw`.
    """

    def __init__(self, raw: bytes) -> None:
        if len(raw) != _PUBLIC_BYTES:
            raise ValueError(f"an Ed25519 public key has {_PUBLIC_BYTES} bytes, this one has {len(raw)}")
        self.raw = raw
        self.key_id = hashlib.sha256(raw).hexdigest()[:_ID_DIGITS]
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `str` wrote. Raises ValueError."""
        return cls(unbase64(text))

    def __str__(self) -> str:
        return base64_of(self.raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Return whether the private key that belongs to this one signed exactly this message."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class PrivateKey:
    """Signs.

    Args:
        key: of the library.

    Attributes:
        public: the key that checks its signatures.
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        form = serialization.PublicFormat.Raw
        self.public = PublicKey(key.public_key().public_bytes(serialization.Encoding.Raw, form))

    @classmethod
    def generate(cls) -> Self:
        """Return a new one from the system's random source."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read PKCS #8 in PEM, as `pem` and `openssl genpkey` write it. Raises ValueError."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except TypeError as error:
            raise ValueError("the key is locked with a password, which a daemon cannot type") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("it is a key of another kind than Ed25519")  # noqa: TRY004 - bad content
        return cls(key)

    @property
    def pem(self) -> bytes:
        """PKCS #8 in PEM, without a password: whoever can read it can sign."""
        form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self._key.private_bytes(serialization.Encoding.PEM, form, none)

    @property
    def key_id(self) -> str:
        """The id of its public key."""
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature; the same message always has the same one."""
        return self._key.sign(message)


def base64_of(raw: bytes) -> str:
    """Return bytes in base64url without padding (RFC 4648, 5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unbase64(text: str) -> bytes:
    """Return the bytes of base64url without padding, spelled in the one way. Raises ValueError."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    if base64_of(raw) != text:
        raise ValueError("not base64url without padding")
    return raw
