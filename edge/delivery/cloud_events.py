"""Reports as CloudEvents 1.0, structured JSON, and the topics they are published on.

What is written is canonical (`edge.signing.canonical`): the same report always gives the same bytes, so that
they can be signed and that nothing can be hidden in them.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from edge.domain.reports import Report
from edge.signing.events import TYPE_PREFIX

CONTENT_TYPE = "application/cloudevents+json"

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_SEQUENCE_DIGITS = 16


def cloud_event(report: Report, city: str, node: str, sequence: int) -> dict[str, Any]:
    """Return the attributes of a report's event.

    Args:
        report: what the gate made.
        city: short name of the city.
        node: name of the lamppost, unique in the city.
        sequence: number of the report, never used twice by this lamppost; makes the id.

    Raises:
        ValueError: the city or the node is not a short name of a-z, 0-9 and '-'.
    """
    content = _content(report)
    time = content["phenomenon_time"]
    return _event(report.kind, time, content, city=city, node=node, sequence=sequence)


def chain_event(
    kind: str, content: Mapping[str, Any], time: datetime, *, city: str, node: str, sequence: int
) -> dict[str, Any]:
    """Return the attributes of a record about the chain of reports itself; arguments as of `cloud_event`."""
    said = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return _event(kind, said, {"kind": kind, **content}, city=city, node=node, sequence=sequence)


def _event(
    kind: str, time: str, content: Mapping[str, Any], *, city: str, node: str, sequence: int
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{_slug(node)}-{sequence}",
        "source": f"/lp/v1/{_slug(city)}/{node}",
        "type": f"{TYPE_PREFIX}{kind}.v1",
        "time": time,
        "datacontenttype": "application/json",
        # The sequence extension wants a string that sorts as the numbers do.
        "sequence": f"{sequence:0{_SEQUENCE_DIGITS}d}",
        "data": content,
    }


def topic(report: Report, city: str, node: str) -> str:
    """Return the topic of a report: `lp/v1/{city}/{node}/{event|measure}/{kind}`."""
    return f"{node_topic(city, node)}/{report.topic}/{report.kind}"


def chain_topic(kind: str, city: str, node: str) -> str:
    """Return the topic of a record about the chain of reports itself."""
    return f"{node_topic(city, node)}/chain/{kind}"


def state_topic(city: str, node: str) -> str:
    """Return the topic of the retained state of the lamppost: birth, heartbeat and will."""
    return f"{node_topic(city, node)}/state"


def node_topic(city: str, node: str) -> str:
    """Return the topic that all topics of the lamppost begin with. Raises ValueError for a bad name."""
    return f"lp/v1/{_slug(city)}/{_slug(node)}"


def _content(report: Report) -> dict[str, Any]:
    """Return the report's fields; those not measured, which the model lets absent, are left out."""
    fields = type(report).model_fields
    content = report.model_dump(mode="json")
    return {name: value for name, value in content.items() if value is not None or fields[name].is_required()}


def _slug(name: str) -> str:
    if not _SLUG.fullmatch(name):
        raise ValueError(f"'{name}' is no name for a city or a node: use 1..32 of a-z, 0-9 and '-'")
    return name
