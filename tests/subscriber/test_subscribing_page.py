"""What the pages for subscribers show is true: the program, the worked example, the list of keys."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

from edge.signing.events import read_event
from edge.signing.key_list import key_list_entry, parse_key_list
from edge.signing.keys import PublicKey
from edge.subscriber import Verifier, What
from tests.subscriber.test_verifier import OLD, SOURCE, Lamppost

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "subscribing.md").read_text()
SIGNATURES = (DOCS / "signatures.md").read_text()


def test_the_program_on_the_page(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "keys.toml").write_text(key_list_entry(SOURCE, OLD.public))
    reports = [report.decode() for report in Lamppost().reports(4)]
    reports[3] = reports[3].replace("50.5", "70.5")
    del reports[1]
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        input="\n".join(reports),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["gap", "bad_signature", "missing:"]
    assert f"{{'{SOURCE}': [(2, 2)]}}" in done.stdout


def test_the_worked_example() -> None:
    example = SIGNATURES.partition("### A worked example")[2].partition("###")[0]
    public, key_id, fingerprint = re.findall(r"`([\w-]{16,43})`", example.replace("`prevhash`", ""))
    (payload,) = re.findall(r"```json\n(.*)\n```", example)
    event = read_event(payload)
    assert event.signed_by(PublicKey.from_text(public))
    assert (event.key_id, event.fingerprint) == (key_id, fingerprint)
    # As the page says, cutting the signature out of the published bytes gives the message.
    cut = re.sub(r'"signature":"[^"]*",', "", payload)
    assert hashlib.sha256(cut.encode()).digest() == hashlib.sha256(event.message).digest()
    keys = parse_key_list(key_list_entry("/lp/v1/demo-city/lp-0001", PublicKey.from_text(public)), "keys")
    assert Verifier(keys).accept(payload) == []


def test_the_list_of_keys_on_the_page() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", SIGNATURES, re.DOTALL)
    (key,) = parse_key_list(text, "keys.toml").values()
    assert key.revoked


def test_every_finding_is_on_the_page() -> None:
    for what in What:
        assert f"`{what.value}`" in SIGNATURES.partition("## Findings")[2]
