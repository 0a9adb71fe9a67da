"""The notice for residents: true to the policy, whole, readable without a network, in both languages."""

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

import edge
from edge.domain.report_base import LegalBasis, Purpose, Recipient
from edge.domain.reports import REPORT_MODELS
from edge.privacy.notice import LANGUAGES, Post, notice
from edge.privacy.policy import parse_policy

POST = Post(
    "utrecht", "pole-7", date(2026, 6, 1), signed=True, sensors={"microphone": 4, "camera": 1, "detector": 3}
)
TEXT = """
[policy]
number = 7
not_before = 2026-01-01
expires = 2026-12-31
[counts]
k = 9
[reports.sound_level]
purpose = "noise_monitoring"
legal_basis = "public_task"
retention_days = 730
recipients = ["environment_agency"]
[reports.water_level]
purpose = "noise_monitoring"
legal_basis = "no_personal_data"
retention_days = 1
recipients = ["public"]
[notice]
controller = "Gemeente <Utrecht> & co"
contact = "privacy@example.org"
recipients = { environment_agency = "ODRU" }
"""
POLICY = parse_policy(TEXT, "policy.toml")


class Outline(HTMLParser):
    """Collects tags, and checks that they are nested."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_purpose_ground_and_recipient_has_its_words(language: str) -> None:
    words = LANGUAGES[language]
    missing = REPORT_MODELS.keys() - words.kinds.keys()
    assert not missing, f"edge/privacy/notice_words.py: say in '{language}' what {missing} tell"
    assert words.kinds.keys() == REPORT_MODELS.keys()
    assert words.text.keys() == LANGUAGES["en"].text.keys()
    assert words.purposes.keys() == set(Purpose)
    assert words.bases.keys() == set(LegalBasis)
    assert words.recipients.keys() == set(Recipient)


def test_the_page_says_what_the_policy_says_and_names_nobody_else() -> None:
    page = notice(POLICY, POST)
    assert "730" not in page
    for said in (
        "2 jaar",
        "1 dag",
        "2 years",
        "1 day",
        "ODRU",
        "iedereen (open data)",
        "4 microfoons, 1 camera",
    ):
        assert said in page, said
    assert "nummer 7, geldig van 2026-01-01 tot en met 2026-12-31, ondertekend door de gemeente" in page
    assert "fewer than 9 people" in page
    assert "Gemeente &lt;Utrecht&gt; &amp; co" in page
    rest = set(LANGUAGES["nl"].kinds) - {"sound_level", "water_level"}
    assert not [kind for kind in rest if LANGUAGES["nl"].kinds[kind] in page]


def test_different_grounds_under_one_purpose_are_told_apart() -> None:
    page = notice(POLICY, POST, ["en"])
    grounds = re.findall(r'<p class="ground">(.*?)</p>', page)
    assert len(grounds) == 2
    assert "everybody" not in next(said for said in grounds if "ODRU" in said)


def test_the_page_stands_alone_and_is_well_formed() -> None:
    page = notice(POLICY, POST)
    outline = Outline(page)
    names = [tag for tag, _ in outline.tags]
    assert not {"script", "link", "img", "iframe", "object"} & set(names)
    assert not re.search(r"url\(|https?://|@import", page)
    assert names.count("h1") == 2
    assert [attrs["lang"] for tag, attrs in outline.tags if tag in {"html", "section"}] == ["nl", "nl", "en"]
    assert all(attrs.get("scope") == "col" for tag, attrs in outline.tags if tag == "th")
    identifiers = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(identifiers) == len(set(identifiers))
    for tag, attrs in outline.tags:
        if tag == "a":
            assert (attrs["href"] or "").removeprefix("#") in identifiers


@pytest.mark.parametrize(
    ("network", "said"),
    [("no_network", "has no network"), ("network", "is on a network cable"), ("together", "one program")],
)
def test_the_page_says_whether_what_sees_has_a_network(network: str, said: str) -> None:
    post = Post("utrecht", "pole-7", date(2026, 6, 1), signed=False, network=network)
    page = notice(POLICY, post, ["en"])
    assert said in page
    assert "not signed (a trial)" in page


def test_without_a_policy_the_page_says_so() -> None:
    post = Post("utrecht", "pole-7", date(2026, 6, 1), signed=True, silent=True)
    page = notice(parse_policy(TEXT, "policy.toml"), post)
    assert "Er is nu geen geldig beleid" in page
    assert "nummer 7" not in page


def test_the_example_policy_makes_a_page_with_every_kind() -> None:
    example = Path(edge.__file__).parent / "examples" / "policy.toml"
    policy = parse_policy(example.read_text(), str(example))
    page = notice(policy, POST, ["nl"])
    assert page.count("<tr><td>") == len(REPORT_MODELS)
