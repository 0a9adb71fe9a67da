"""The exported contract is what the models say, and what leaves is what it says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from edge.delivery.numbering import Numbering, Position
from edge.domain.node_reports import NodeState
from edge.domain.reports import REPORT_MODELS
from edge.privacy.contract import CONTRACT
from edge.privacy.gate import Gate
from edge.signing.key_store import KeyRing
from edge.signing.keys import PrivateKey
from scripts.export_contract import ROOT, drift, files, main
from tests.privacy.test_gate import BANG, EVERYTHING, FINDINGS, LEVEL, findings

FILES = files()
DOCUMENTS = {name: json.loads(text) for name, text in FILES.items() if name.endswith(".json")}
SCHEMAS = {name: schema for name, schema in DOCUMENTS.items() if name != "asyncapi.json"}
ASYNCAPI = DOCUMENTS["asyncapi.json"]
REGISTRY: Registry[Any] = Registry().with_resources(
    [(name, DRAFT202012.create_resource(schema)) for name, schema in SCHEMAS.items()]
)


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": name}, registry=REGISTRY, format_checker=FormatChecker())


EVENT = validator("cloudevent.json")


def test_the_committed_files_are_what_the_models_say() -> None:
    assert drift(ROOT / "docs" / "contract", FILES) == [], "run scripts/export_contract.py"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def leaving(finding: Any) -> dict[str, Any] | None:
    """Return the event of a finding as a subscriber gets it."""
    report = Gate(EVERYTHING).admit(finding)
    if report is None:
        return None
    event: dict[str, Any] = json.loads(Numbering("utrecht", "pole-7", Position(41)).entry(report).payload)
    return event


@settings(max_examples=80, deadline=None)
@given(st.one_of(*(findings(kind) for kind in FINDINGS if kind.kind in REPORT_MODELS)))
def test_whatever_leaves_fits_the_schema(finding: Any) -> None:
    event = leaving(finding)
    if event is not None:
        EVENT.validate(event)


SPOILS: list[dict[str, Any]] = [
    {"note": "a witness says"},
    {"id": "3f0c2b1e-5a3b-4f6a-8a53-0d5b1c9f2e11"},
    {"type": "org.lamppost-edge.face.v1"},
    {"type": "org.lamppost-edge.impulse.v1"},
    {"sequence": "41"},
    {"signature": "x"},
    {"signature": "A" * 86},
    {"prevhash": "A" * 43},
    {"data": {}},
]


@pytest.mark.parametrize("spoil", SPOILS)
def test_an_event_that_says_more_or_other_does_not_fit(spoil: dict[str, Any]) -> None:
    event = leaving(LEVEL)
    assert event is not None
    EVENT.validate(event)
    assert not EVENT.is_valid(event | spoil)


@pytest.mark.parametrize(
    "spoil",
    [
        {"laeq_db": "61.2"},
        {"laeq_db": 200.1},
        {"laeq_db": None},
        {"purpose": "curiosity"},
        {"comment": "x"},
        {"sensor": 64},
        {"phenomenon_time": "noon"},
        {"kind": "impulse"},
    ],
)
def test_a_report_that_says_more_or_other_does_not_fit(spoil: dict[str, Any]) -> None:
    event = leaving(LEVEL)
    assert event is not None
    assert not EVENT.is_valid(event | {"data": event["data"] | spoil})


def test_records_about_the_chain_fit_the_schema() -> None:
    old, new = PrivateKey.generate(), PrivateKey.generate()
    report = Gate(EVERYTHING).admit(LEVEL)
    assert report is not None
    first = Numbering("utrecht", "pole-7", Position(41), KeyRing(old))
    entry = first.entry(report)
    second = Numbering("utrecht", "pole-7", first.position, KeyRing(new, old))
    for record in (second.rotation(), second.eviction([entry])):
        assert record is not None
        EVENT.validate(json.loads(record.payload))
        assert (
            ASYNCAPI["channels"][record.kind]["address"].format(city="utrecht", node="pole-7") == record.topic
        )
    EVENT.validate(json.loads(entry.payload))


def test_the_state_fits_its_schema() -> None:
    state = NodeState.model_validate({"online": True, "time": "2026-05-01T12:00:00Z", "expires_s": 90})
    validator("state.json").validate(json.loads(state.model_dump_json()))


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (value for key, value in part.items() if key == "$ref")
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    found = list(references(ASYNCAPI))
    assert found
    for reference in found:
        if not reference.startswith("#"):
            assert reference in SCHEMAS
            continue
        here: Any = ASYNCAPI
        for key in reference.removeprefix("#/").split("/"):
            here = here[key]


def test_the_asyncapi_document_has_the_parts_of_version_3() -> None:
    assert re.fullmatch(r"3\.\d+\.\d+", ASYNCAPI["asyncapi"])
    assert {"title", "version"} <= ASYNCAPI["info"].keys()
    assert ASYNCAPI.keys() <= {
        "asyncapi",
        "info",
        "defaultContentType",
        "channels",
        "operations",
        "components",
    }
    for name, channel in ASYNCAPI["channels"].items():
        assert set(re.findall(r"{(\w+)}", channel["address"])) == channel["parameters"].keys()
        assert list(channel["messages"]) == [name]
    for operation in ASYNCAPI["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = operation["channel"]["$ref"]
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])


def test_the_asyncapi_document_names_the_topics_of_real_reports() -> None:
    for finding in (LEVEL, BANG):
        report = Gate(EVERYTHING).admit(finding)
        assert report is not None
        entry = Numbering("utrecht", "pole-7", Position(41)).entry(report)
        address = ASYNCAPI["channels"][entry.kind]["address"]
        assert address.format(city="utrecht", node="pole-7") == entry.topic


def test_the_page_tells_of_every_field_of_every_kind() -> None:
    page = FILES["README.md"]
    for kind, terms in CONTRACT.items():
        assert f"\n## {kind}\n" in page
        assert all(f"| `{term.name}` |" in page for term in terms.fields if term.name != "kind")


def test_the_script_tells_and_mends_drift(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--check"]) == 0
    (tmp_path / "README.md").write_text("by hand")
    (tmp_path / "schema" / "face.json").write_text("{}")
    capsys.readouterr()
    assert main([str(tmp_path), "--check"]) == 1
    assert {Path(line).name for line in capsys.readouterr().out.split()} == {"README.md", "face.json"}
    assert main([str(tmp_path)]) == 0
    assert drift(tmp_path, FILES) == []
