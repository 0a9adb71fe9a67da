#!/usr/bin/env python3
"""Write the contract for those who subscribe and those who ask: JSON Schema, AsyncAPI 3 and a page to read.

    scripts/export_contract.py [--check] [FOLDER]

FOLDER is docs/contract by default. Everything comes from the models of the reports; nothing is written by
hand. With --check nothing is written; exit code 1 when a file is not what the models say.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge.delivery.cloud_events import CONTENT_TYPE
from edge.domain.node_reports import NodeState
from edge.domain.report_base import Priority, ReportBase
from edge.domain.reports import REPORT_MODELS
from edge.privacy.budget import HOUR_BITS, HOUR_S, SHARES, SHARES_OF_A_KIND, SHORT_BITS, SHORT_S
from edge.privacy.contract import CONTRACT, FROM_POLICY, Term, Terms
from edge.signing.events import EVICTION, ROTATION

ROOT = Path(__file__).resolve().parents[1]
RECORDS = {
    EVICTION: "Reports that a full outbox dropped, by number, so that a gap is explained.",
    ROTATION: "The next key of the lamppost, signed with the one before.",
}
DIGEST = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z$"
SLUG = "[a-z0-9][a-z0-9-]{0,31}"
Json = dict[str, Any]

INTRODUCTION = """\
# The contract: everything that can leave a lamppost

Made by `scripts/export_contract.py` from the models of the reports; a test fails when the two differ. For
machines: [schema/](schema) and [cloudevent.json](cloudevent.json) (JSON Schema) and
[asyncapi.json](asyncapi.json) (AsyncAPI 3).

A report holds numbers, words of an enumeration, yes or no, and times: no text, no bytes. Each number leaves
rounded to its resolution. A kind leaves only where the city's policy gives it a purpose, which travels with
it.

## The information budget

All reports of a lamppost together stay under {hour} bit/s averaged over any hour and under {short} bit/s over
any {short_s} s, the rate of the lowest standardised speech codec, alarms included. What counts is how many
values a field could have held, not what it held; what the policy fixes counts nothing; a time counts the
moments that it could have been since the report before it of its kind and sensor. A report for which there is
no room is refused and counted, and the lamppost's health tells it. Measures may fill {measure:.0%} of the
budget, health {health:.0%}, alarms {alarms:.0%}, and the rest is for calls (`help_request`, `tamper`). One
kind may take {kind:.0%}, a call {call:.0%}, so that neither a kind nor the several of a bang can silence a
call.
"""


def schema_of(model: type[ReportBase]) -> Json:
    """Return the JSON Schema of a report, with its units, resolutions and greatest rate as annotations."""
    schema: Json = {"$schema": DIALECT, **model.model_json_schema()}
    terms = CONTRACT[model.model_fields["kind"].default]
    schema["required"] = sorted({*schema["required"], "kind"})
    schema["perMinute"] = terms.per_minute
    for term in terms.fields:
        schema["properties"][term.name] |= _annotations(term)
    return schema


def _annotations(term: Term) -> Json:
    if _is_time(term):
        # `format` alone asks nothing of a validator, and any text would do.
        return {"pattern": TIME, "unit": "s", "resolution": term.resolution}
    said = {"unit": term.unit, "resolution": term.resolution, "significantDigits": term.digits}
    return {name: value for name, value in said.items() if value not in {"", None}}


def cloud_event_schema() -> Json:
    """Return the JSON Schema of what is published: a CloudEvent around a report of any kind."""
    return {
        "$schema": DIALECT,
        "title": "CloudEvent",
        "description": "A report as it is published: CloudEvents 1.0, structured JSON.",
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {
                "type": "string",
                "pattern": f"^{SLUG}-[0-9]+$",
                "description": "node and sequence number",
            },
            "source": {"type": "string", "pattern": f"^/lp/v1/{SLUG}/{SLUG}$"},
            "type": {"enum": [type_of(kind) for kind in (*CONTRACT, *RECORDS)]},
            "time": {"type": "string", "pattern": TIME, "description": "phenomenon_time of the report"},
            "datacontenttype": {"const": "application/json"},
            "sequence": {"type": "string", "pattern": "^[0-9]{16}$", "description": "a gap is a loss"},
            "keyid": {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "the key that signed it"},
            "prevhash": {**DIGEST, "description": "fingerprint of the signed event before it"},
            "signature": {
                "type": "string",
                "pattern": "^[A-Za-z0-9_-]{86}$",
                "description": "Ed25519, base64url, over the event without it",
            },
            "data": {"type": "object"},
        },
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "sequence", "data"],
        "dependentRequired": {"signature": ["keyid"], "keyid": ["signature"], "prevhash": ["signature"]},
        "additionalProperties": False,
        "allOf": [
            {
                "if": {"properties": {"type": {"const": type_of(kind)}}},
                "then": {"properties": {"data": {"$ref": f"schema/{kind}.json"}}},
            }
            for kind in (*CONTRACT, *RECORDS)
        ],
    }


def record_schema(kind: str) -> Json:
    """Return the JSON Schema of a record about the chain of signed reports: of numbers and keys only."""
    whole = {"type": "integer", "minimum": 1}
    pair = {"type": "array", "items": whole, "minItems": 2, "maxItems": 2, "description": "first, last"}
    said: dict[str, Json] = {
        EVICTION: {"evicted": {"type": "array", "items": pair, "description": "numbers that were dropped"}},
        ROTATION: {"keyid": {"type": "string", "pattern": "^[0-9a-f]{16}$"}, "public": DIGEST},
    }
    properties = {"kind": {"const": kind}, **said[kind]}
    return {
        "$schema": DIALECT,
        "title": kind,
        "description": RECORDS[kind],
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


def state_schema() -> Json:
    """Return the JSON Schema of the retained state of a lamppost."""
    return {"$schema": DIALECT, **NodeState.model_json_schema()}


def type_of(kind: str) -> str:
    """Return the `type` of a CloudEvent."""
    return f"org.lamppost-edge.{kind}.v1"


def asyncapi() -> Json:
    """Return the AsyncAPI 3 document: a channel for each kind of report, and one for the lamppost's state."""
    names = [*CONTRACT, *RECORDS, "state"]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lamppost Edge",
            "version": "1.0.0",
            "description": "What a lamppost publishes over MQTT. Nothing else leaves it.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {name: _channel(name) for name in names},
        "operations": {
            f"send_{name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
                "bindings": {"mqtt": {"qos": 1, "retain": name == "state", "bindingVersion": "0.2.0"}},
            }
            for name in names
        },
        "components": {
            "messages": {name: _message(name) for name in names},
            "parameters": {
                "city": {"description": "short name of the city: a-z, 0-9 and '-'"},
                "node": {"description": "name of the lamppost, unique in the city: a-z, 0-9 and '-'"},
            },
        },
    }


def _channel(name: str) -> Json:
    leaf = "state"
    if name != "state":
        leaf = f"{CONTRACT[name].topic if name in CONTRACT else 'chain'}/{name}"
    return {
        "address": f"lp/v1/{{city}}/{{node}}/{leaf}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "parameters": {part: {"$ref": f"#/components/parameters/{part}"} for part in ("city", "node")},
    }


def _message(name: str) -> Json:
    if name == "state":
        return {
            "name": name,
            "summary": "Whether the lamppost is online; retained; holds no observation.",
            "contentType": "application/json",
            "payload": {"$ref": "state.json"},
        }
    return {
        "name": type_of(name),
        "summary": RECORDS[name] if name in RECORDS else _first_line(CONTRACT[name]),
        "contentType": CONTENT_TYPE,
        "payload": {
            "allOf": [
                {"$ref": "cloudevent.json"},
                {"type": "object", "properties": {"type": {"const": type_of(name)}}},
            ]
        },
    }


def _first_line(terms: Terms) -> str:
    return terms.meaning.partition("\n")[0]


def page() -> str:
    """Return the contract as a page to read."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield INTRODUCTION.format(
        hour=HOUR_BITS // HOUR_S,
        short=SHORT_BITS // SHORT_S,
        short_s=SHORT_S,
        measure=SHARES[Priority.MEASURE],
        health=SHARES[Priority.HEALTH],
        alarms=SHARES[Priority.EVENT],
        kind=SHARES_OF_A_KIND[Priority.EVENT],
        call=SHARES_OF_A_KIND[Priority.CALL],
    )
    yield "| kind | bits, without its times | at most, per minute | priority |"
    yield "|---|---|---|---|"
    for terms in CONTRACT.values():
        yield f"| [{terms.kind}](#{terms.kind}) | {terms.bits:.0f} | {terms.per_minute} | {terms.priority} |"
    yield ""
    yield "## In every report"
    yield ""
    yield from _table(_common())
    for terms in CONTRACT.values():
        yield ""
        yield f"## {terms.kind}"
        yield ""
        yield terms.meaning
        yield ""
        yield f"Topic `lp/v1/{{city}}/{{node}}/{terms.topic}/{terms.kind}`."
        yield ""
        common = {term.name: term for term in _common()}
        yield from _table(
            [term for term in terms.fields if common.get(term.name) != term and term.name != "kind"]
        )
    yield from _records()


def _records() -> Iterator[str]:
    yield ""
    yield "## Records about the chain of reports"
    yield ""
    yield "They hold numbers of reports and public keys, see [signatures](../signatures.md)."
    yield ""
    yield from (f"* `lp/v1/{{city}}/{{node}}/chain/{kind}`: {meaning}" for kind, meaning in RECORDS.items())


def _common() -> list[Term]:
    """Return the terms that every kind shares; a kind may time itself otherwise."""
    shared = set.intersection(*({term.name for term in terms.fields} for terms in CONTRACT.values()))
    return [term for term in CONTRACT["health"].fields if term.name in shared - {"kind"}]


def _table(terms: list[Term]) -> Iterator[str]:
    yield "| field | what it can say | resolution | bits |"
    yield "|---|---|---|---|"
    for term in terms:
        bits = "policy" if term.name in FROM_POLICY else "time" if _is_time(term) else f"{term.bits:.1f}"
        yield f"| `{term.name}` | {_range(term)} | {_resolution(term)} | {bits} |"


def _is_time(term: Term) -> bool:
    return term.name.endswith("_time")


def _range(term: Term) -> str:
    if _is_time(term):
        return "a time, UTC"
    said = []
    if term.low is not None and term.high is not None:
        unit = "" if term.unit in {"1", ""} else f" {term.unit}"
        said.append(f"{term.low:,g} to {term.high:,g}{unit}".replace(",", " "))
    if term.words:
        said.append(", ".join(f"`{word}`" for word in term.words))
    if not said:
        said.append("yes or no")
    whole = " or ".join(said)
    if term.at_most is not None:
        whole = f"up to {term.at_most} of: {whole}"
    return f"{whole}; may be absent" if term.optional else whole


def _resolution(term: Term) -> str:
    if term.resolution is None:
        return ""
    unit = "s" if _is_time(term) else "" if term.unit in {"1", ""} else term.unit
    digits = "" if term.digits is None else f", {term.digits} significant digit{'s' * (term.digits > 1)}"
    return f"{term.resolution:g} {unit}".strip() + digits


def files() -> Mapping[str, str]:
    """Return every file of the contract, by its name below the folder."""
    documents: dict[str, Json] = {
        f"schema/{kind}.json": schema_of(model) for kind, model in REPORT_MODELS.items()
    }
    documents |= {f"schema/{kind}.json": record_schema(kind) for kind in RECORDS}
    documents |= {
        "cloudevent.json": cloud_event_schema(),
        "state.json": state_schema(),
        "asyncapi.json": asyncapi(),
    }
    return {
        name: json.dumps(content, indent=1, ensure_ascii=False) + "\n" for name, content in documents.items()
    } | {"README.md": page()}


def drift(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Return the names of files that are missing, differ, or do not belong there."""
    here = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }
    return sorted(name for name in here.keys() | wanted.keys() if here.get(name) != wanted.get(name))


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "contract")
    parser.add_argument("--check", action="store_true", help="only say which files are out of date")
    args = parser.parse_args(arguments)
    wanted = files()
    changed = drift(args.folder, wanted)
    for name in changed:
        sys.stdout.write(f"{args.folder / name}\n")
        if args.check:
            continue
        if name not in wanted:
            (args.folder / name).unlink()
            continue
        (args.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (args.folder / name).write_text(wanted[name], encoding="utf-8")
    return int(args.check and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
