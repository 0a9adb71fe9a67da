"""Keys: what is wrong with a file is said, and nobody signs with it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.domain.health import Reason
from edge.signing.key_store import KeyRing, KeyUnavailable, credential, load_key_ring, write_key_ring
from edge.signing.keys import PrivateKey, PublicKey, base64_of, unbase64

# RFC 8032, 7.1, test 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
PKCS8_OF_ED25519 = bytes.fromhex("302e020100300506032b657004220420")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signing.key"


def pem_of(seed: bytes) -> bytes:
    import base64

    body = base64.encodebytes(PKCS8_OF_ED25519 + seed)
    return b"-----BEGIN PRIVATE KEY-----\n" + body + b"-----END PRIVATE KEY-----\n"


def refused(path: Path) -> KeyUnavailable:
    with pytest.raises(KeyUnavailable) as refusal:
        load_key_ring(path)
    assert str(path) in str(refusal.value)
    return refusal.value


def test_signatures_are_those_of_the_standard() -> None:
    key = PrivateKey.from_pem(pem_of(SEED))
    assert key.public.raw == PUBLIC
    assert key.sign(b"\x72") == key.sign(b"\x72") == SIGNATURE
    assert key.public.verify(b"\x72", SIGNATURE)
    assert not key.public.verify(b"\x73", SIGNATURE)
    assert not key.public.verify(b"\x72", SIGNATURE[:-1])
    assert not PrivateKey.generate().public.verify(b"\x72", SIGNATURE)


def test_a_public_key_as_text() -> None:
    key = PrivateKey.generate().public
    assert PublicKey.from_text(str(key)) == key
    assert len(key.key_id) == 16
    for wrong in ("", "AAAA", str(key) + "=", str(key)[:-1], str(key)[:-1] + "!", "é" * 43):
        with pytest.raises(ValueError, match=r"base64url|32 bytes"):
            PublicKey.from_text(wrong)


def test_base64_has_one_spelling() -> None:
    assert unbase64(base64_of(b"\xff\xfe\xfd")) == b"\xff\xfe\xfd"
    with pytest.raises(ValueError, match="base64url"):
        unbase64("AB")  # the low bits of B would be lost


def test_what_is_written_is_read_and_closed_to_others(path: Path) -> None:
    ring = KeyRing(PrivateKey.generate())
    write_key_ring(path, ring)
    assert path.stat().st_mode & 0o777 == 0o600
    found = load_key_ring(path)
    assert (found.current.public, found.previous) == (ring.current.public, None)
    with pytest.raises(FileExistsError):
        write_key_ring(path, ring)


def test_after_a_rotation_the_file_holds_two(path: Path) -> None:
    new, old = PrivateKey.generate(), PrivateKey.generate()
    write_key_ring(path, KeyRing(new, old))
    found = load_key_ring(path)
    assert found.previous is not None
    assert (found.current.public, found.previous.public) == (new.public, old.public)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_key_made_by_openssl(path: Path) -> None:
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True)
    path.chmod(0o600)
    assert load_key_ring(path).current.public


def test_a_missing_key(path: Path) -> None:
    refusal = refused(path)
    assert refusal.reason is Reason.NO_KEY
    assert "lamppost keys generate" in str(refusal)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_may_read(path: Path, mode: int) -> None:
    write_key_ring(path, KeyRing(PrivateKey.generate()))
    path.chmod(mode)
    refusal = refused(path)
    assert refusal.reason is Reason.NO_PERMISSION
    assert f"mode {mode:04o}" in str(refusal)
    assert "chmod 600" in str(refusal)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_key_of_another_user(path: Path) -> None:
    write_key_ring(path, KeyRing(PrivateKey.generate()))
    os.chown(path, 12345, -1)
    assert "belongs to another user (uid 12345)" in str(refused(path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a key",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem_of(SEED)[:60],
        pem_of(SEED) * 3,
    ],
)
def test_a_file_that_is_no_key(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    assert refused(path).reason is Reason.UNREADABLE


def test_a_key_that_systemd_did_not_find(path: Path) -> None:
    path.write_bytes(b"missing")
    path.chmod(0o600)
    assert refused(path).reason is Reason.NO_KEY


def test_a_folder_and_a_fifo_are_no_keys(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    for path in (tmp_path, tmp_path / "fifo"):
        assert "is not a file" in str(refused(path))


def test_systemd_keeps_its_credentials_closed_in_its_own_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "signing.key"
    write_key_ring(path, KeyRing(PrivateKey.generate()))
    path.chmod(0o440)  # how a credential that is shared by an access list looks
    assert credential("signing.key") is None
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert credential("signing.key") == path
    assert credential("other") is None
    assert load_key_ring(path).current
