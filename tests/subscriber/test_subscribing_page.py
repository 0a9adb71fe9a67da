"""The program that docs/subscribing.md shows does what it says."""

import re
import subprocess
import sys
from pathlib import Path

from edge.signing.key_list import key_list_entry
from tests.subscriber.test_verifier import OLD, SOURCE, Lamppost

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "subscribing.md").read_text()


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
