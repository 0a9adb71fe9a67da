"""`lamppost privacy`: what may leave, the proof of it, the notice, the city's signature; their exit codes."""

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge.cli.command import dispatch
from edge.cli.output import FINE, FOUND_PROBLEM, WRONG_USE
from edge.cli.privacy import verify
from edge.cli.settings_file import EXAMPLES
from edge.domain.reports import REPORT_MODELS
from edge.privacy.audit import Audit
from edge.privacy.gate import Gate
from edge.privacy.policy import Policy
from edge.runtime.settings import entry, load_settings
from edge.signing.key_store import KeyRing, write_key_ring
from edge.signing.keys import PrivateKey

HEADING = '[policy]\ncity = "utrecht"\nnumber = 3\nnot_before = 2020-01-01\nexpires = 2999-12-31\n'
STREET = EXAMPLES.parent / "street"


class Post:
    """A lamppost's settings and policy, and the city's key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = PrivateKey.generate()
        self.settings = folder / "lamppost.toml"
        self.policy = folder / "policy.toml"
        write_key_ring(folder / "city.key", KeyRing(self.key))
        example = (EXAMPLES / "policy.toml").read_text()
        self.policy.write_text(example.replace("[policy]\n", HEADING, 1))
        self.write_settings()

    def write_settings(self, more: str = "", sources: str = "") -> None:
        self.settings.write_text(
            f'[node]\ncity = "utrecht"\nid = "pole-7"\n[privacy]\npolicy = "policy.toml"\nstate = "state"\n'
            f'city_key = "{self.key.public}"\n{more}\n{sources}\n[detectors.particulates]\ninterval_s = 10\n'
        )

    def sign(self) -> int:
        return dispatch(["privacy", "sign", str(self.policy), "--key", str(self.folder / "city.key")])

    def run(self, *arguments: str) -> int:
        return dispatch(["privacy", *arguments, "--config", str(self.settings)])


@pytest.fixture
def post(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Post:
    made = Post(tmp_path)
    assert made.sign() == FINE
    assert f'city_key = "{made.key.public}"' in capsys.readouterr().out
    return made


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_show_says_of_every_kind_whether_and_why_it_leaves(
    post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    post.write_settings('withhold = ["people_count"]\nk = 12\nretention_days = { sound_level = 7 }')
    assert post.run("show", "--json") == FINE
    policy, *rows = lines(capsys)
    assert (policy["policy"]["number"], policy["policy"]["k"], policy["policy"]["signed"]) == (3, 12, True)
    kinds = {row["kind"]: row for row in rows}
    assert kinds.keys() == REPORT_MODELS.keys()
    assert not kinds["people_count"]["leaves"]
    assert kinds["sound_level"]["retention_days"] == 7
    assert kinds["impulse"]["purpose"] == "public_safety"
    assert all(row["bits"] > 0 and row["per_minute"] > 0 for row in rows)
    assert post.run("show") == FINE
    shown = capsys.readouterr().out
    assert "policy number 3, signed by the city, from 2020-01-01 to 2999-12-31" in shown
    assert "does not leave: people_count" in shown


def test_show_says_what_is_wrong_with_the_policy(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    post.policy.write_text(post.policy.read_text() + "# later\n")
    assert post.run("show", "--json") == FOUND_PROBLEM
    policy, *rows = lines(capsys)
    assert not policy["policy"]["in_force"]
    assert "was changed since" in policy["policy"]["trouble"]
    assert [row["kind"] for row in rows if row["leaves"]] == ["health"]
    assert post.run("show") == FOUND_PROBLEM
    assert "utrecht pole-7: no policy" in capsys.readouterr().out


def test_verify_proves_it_on_a_recording(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    recording = ["--serial", f"nova_sds011={STREET / 'sds011.bin'}"]
    assert post.run("verify", "--json", *recording) == FINE
    (verdict,) = lines(capsys)
    assert verdict["reports"]["particulates"] >= 5
    assert verdict["breaches"] == 0
    assert 0 < verdict["bits_per_s"]["hour"] < 50
    assert post.run("verify", *recording) == FINE
    assert "every report keeps to the contract and the policy" in capsys.readouterr().out


def test_verify_finds_a_gate_that_lets_out_too_much(
    post: Post, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    admit = Gate.admit

    def leaky(gate: Gate, finding: Any, now_ns: int = 0) -> Any:
        report = admit(gate, finding, now_ns)
        if finding.kind != "particulates" or report is None:
            return report
        return report.model_copy(update={"pm10_ugm3": 3.14159, "retention_days": 999})

    monkeypatch.setattr(Gate, "admit", leaky)
    assert post.run("verify", "--json", "--serial", f"nova_sds011={STREET / 'sds011.bin'}") == FOUND_PROBLEM
    *breaches, verdict = lines(capsys)
    said = " ".join(breach["breach"] for breach in breaches)
    assert "pm10_ugm3 is 3.14159; at its resolution it would be 3.1" in said
    assert "retention_days is 999, the policy says 3650" in said
    assert verdict["breaches"] == len(breaches)


def test_verify_finds_a_decoded_picture_in_a_payload(tmp_path: Path) -> None:
    video = tmp_path / "street.mp4"
    shutil.copy(STREET / "street.mp4", video)
    recording = entry("replay", "video_file", "camera", path=video, pace="max")
    settings = load_settings(EXAMPLES / "replay.toml", fed=False, environment={}).replaying([recording])
    canaries = verify._canaries(settings)
    assert len(canaries["a picture of street.mp4"]) > 1000
    reader = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    _, picture = reader.read()
    reader.release()
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    audit = Audit(Policy({}), canaries)
    for pixels in (picture.tobytes(), grey.tobytes()):
        for leak in (pixels, pixels.hex().encode(), base64.b64encode(pixels)):
            audit.breaches.clear()
            audit.take(b'{"data": "' + leak + b'"}', 0)
            assert any("a picture of street.mp4 is in a payload" in breach for breach in audit.breaches)


def test_verify_proves_nothing_without_a_policy_or_without_reports(
    post: Post, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = ["--serial", f"nova_sds011={STREET / 'sds011.bin'}"]
    (tmp_path / "policy.toml.sig").unlink()
    assert post.run("verify", *recording) == FOUND_PROBLEM
    assert "no such seal" in capsys.readouterr().err
    post.sign()
    post.write_settings('withhold = ["particulates", "health"]')
    assert post.run("verify", *recording) == FOUND_PROBLEM
    assert "nothing left, so nothing is proven" in capsys.readouterr().err


def test_the_page_is_written_and_says_that_an_ip_camera_brings_a_network(
    post: Post, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "notice.html"
    post.write_settings(sources='[sources.camera]\ndevice = "rtsp://192.0.2.7/stream"\n')
    assert post.run("page", "--out", str(page), "--language", "en") == FINE
    text = page.read_text()
    assert "is on a network cable" in text
    assert "1 camera" in text
    assert "192.0.2.7" not in text
    post.write_settings()
    capsys.readouterr()
    assert post.run("page") == FINE
    assert "has no network" in capsys.readouterr().out
    post.policy.unlink()
    assert post.run("page", "--out", str(page)) == FOUND_PROBLEM
    assert "No policy is in force now" in page.read_text()
    assert post.run("page", "--out", str(tmp_path / "no" / "notice.html")) == WRONG_USE


def test_a_policy_with_mistakes_is_not_signed(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    before = (post.folder / "policy.toml.sig").read_bytes()
    good = post.policy.read_text()
    for wrong, said in (
        (good.replace("[reports.impulse]", "[reports.impulses]"), "unknown kind of report"),
        (good.replace("number = 3\n", ""), "says in [policy] number"),
    ):
        post.policy.write_text(wrong)
        assert post.sign() == WRONG_USE
        assert said in capsys.readouterr().err
    assert (post.folder / "policy.toml.sig").read_bytes() == before
    post.policy.write_text(good)
    (post.folder / "city.key").unlink()
    assert post.sign() == WRONG_USE
    assert "lamppost keys generate" in capsys.readouterr().err


def test_config_check_tells_what_the_settings_ask_of_the_policy_in_vain(
    post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = '[replay.byte_capture]\npath = "x.bin"\nprofile = "nova_sds011"\n'
    post.write_settings("k = 2\nretention_days = { particulates = 3651 }", sources)
    assert dispatch(["config", "check", str(post.settings)]) == FOUND_PROBLEM
    said = capsys.readouterr().err
    assert "[privacy] retention_days of particulates: 3651 is longer than the policy's 3650" in said
    assert "[privacy] k: 2 is lower than the policy's 5" in said
    post.write_settings('withhold = ["peple_count"]', sources)
    assert dispatch(["config", "check", str(post.settings)]) == FOUND_PROBLEM
    assert "did you mean 'people_count'?" in capsys.readouterr().err
