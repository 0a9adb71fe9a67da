"""The gate: whatever goes in, only the contract comes out."""

import dataclasses
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import EnumType
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.domain import (
    actuator,
    air_observations,
    commands,
    contact_observations,
    events,
    observations,
    scene_observations,
)
from edge.domain.air_reports import ParticulatesReport
from edge.domain.events import Impulse
from edge.domain.health import Absence, Component, Reason, Status
from edge.domain.identity import SourceId
from edge.domain.observations import Health, ImpulseOnset, Observation, Particulates, SceneMotion, SoundLevel
from edge.domain.report_base import (
    Coarsened,
    CrowdReport,
    EventReport,
    LegalBasis,
    Purpose,
    Quantity,
    ReportBase,
    SensorReport,
    TimeResolution,
    Topic,
    marker,
)
from edge.domain.reports import REPORT, REPORT_MODELS
from edge.domain.sound_reports import ImpulseReport, SoundLevelReport
from edge.domain.time import CaptureTime
from edge.domain.trigger import Trigger
from edge.privacy.gate import GIVEN, Gate
from edge.privacy.policy import Policy
from edge.privacy.policy_file import Ground
from edge.privacy.rounding import rounded_down_to, rounded_to

GROUND = Ground(purpose=Purpose.MAINTENANCE, legal_basis=LegalBasis.PUBLIC_TASK, retention_days=7)
EVERYTHING = Policy(dict.fromkeys(REPORT_MODELS, GROUND))
SOURCE = SourceId("front_door", 3, Component.MICROPHONE)
NOON_NS = int(datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000_000
TIME = CaptureTime(NOON_NS + 1_234_567_890, 5, 0.31)

LEVEL = SoundLevel(
    source=SOURCE,
    time=TIME,
    result_time_ns=NOON_NS + 2_999_999_999,
    duration_s=1.0,
    calibrated=True,
    clipped=False,
    laeq_db=61.2499,
    lafmax_db=70.05,
    lasmax_db=65.0,
    lcpeak_db=-0.04,
    la10_db=63.0,
    la50_db=60.0,
    la90_db=55.0,
)
BANG = Impulse(
    time=TIME,
    result_time_ns=NOON_NS + 2_000_000_000,
    confirmed=True,
    because=("impulse_onset", "impulse_onset"),
    calibrated=False,
    clipped=True,
    lcpeak_db=101.26,
    above_floor_db=31.0,
    rise_s=0.00049,
    duration_s=0.1006,
    impulses=4,
)


FINDINGS: list[Any] = [
    thing
    for module in (
        observations,
        scene_observations,
        contact_observations,
        air_observations,
        actuator,
        commands,
        events,
    )
    for thing in vars(module).values()
    if isinstance(thing, type) and "kind" in vars(thing)
]


def test_a_report_holds_what_the_model_declares_at_its_resolution() -> None:
    report = Gate(EVERYTHING).admit(LEVEL)
    assert isinstance(report, SoundLevelReport)
    assert report.sensor == 3
    assert report.phenomenon_time == datetime(2026, 5, 1, 12, 0, 1, tzinfo=UTC)
    assert report.result_time == datetime(2026, 5, 1, 12, 0, 2, tzinfo=UTC)
    assert report.time_uncertainty_ms == 0.4
    assert (report.laeq_db, report.lafmax_db) == (61.2, 70.0)
    assert math.copysign(1, report.lcpeak_db) == 1
    assert (report.purpose, report.legal_basis, report.retention_days) == (
        Purpose.MAINTENANCE,
        LegalBasis.PUBLIC_TASK,
        7,
    )


def test_an_event_keeps_a_time_good_enough_to_locate_and_says_what_it_rests_on_once() -> None:
    report = Gate(EVERYTHING).admit(BANG)
    assert isinstance(report, ImpulseReport)
    assert report.phenomenon_time == datetime(2026, 5, 1, 12, 0, 1, 234500, tzinfo=UTC)
    assert report.because == (Trigger.IMPULSE_ONSET,)
    assert (report.rise_s, report.duration_s, report.lcpeak_db) == (0.0, 0.101, 101.3)


def test_an_unsynchronised_clock_has_no_uncertainty_to_tell() -> None:
    report = Gate(EVERYTHING).admit(dataclasses.replace(LEVEL, time=CaptureTime(NOON_NS, 5)))
    assert report is not None
    assert report.time_uncertainty_ms is None


def test_what_was_not_measured_stays_absent() -> None:
    particles = Particulates(
        source=SOURCE, time=TIME, duration_s=60, readings=2, pm2_5_ugm3=8.04, absence=Absence.WARMING_UP
    )
    report = Gate(EVERYTHING).admit(particles)
    assert isinstance(report, ParticulatesReport)
    assert (report.pm2_5_ugm3, report.pm10_ugm3, report.absence) == (8.0, None, Absence.WARMING_UP)


def test_a_kind_without_a_ground_does_not_leave_and_is_counted() -> None:
    gate = Gate(Policy({"impulse": GROUND}))
    assert gate.admit(LEVEL) is None
    assert gate.admit(BANG) is not None
    assert (dict(gate.withheld), dict(gate.admitted), dict(gate.refused)) == (
        {"sound_level": 1},
        {"impulse": 1},
        {},
    )


def test_a_kind_without_a_report_is_internal() -> None:
    onset = ImpulseOnset(
        source=SOURCE,
        time=TIME,
        calibrated=False,
        clipped=False,
        lcpeak_db=1,
        above_floor_db=1,
        rise_s=1,
        duration_s=1,
    )
    gate = Gate(EVERYTHING)
    assert gate.admit(onset) is None
    assert not gate.withheld
    assert not gate.refused


@pytest.mark.parametrize(
    "wrong",
    [
        {"laeq_db": math.nan},
        {"laeq_db": math.inf},
        {"laeq_db": 200.1},
        {"laeq_db": None},
        {"laeq_db": True},
        {"laeq_db": "61"},
        {"laeq_db": b"61"},
        {"laeq_db": 1e308},
        {"duration_s": -1.0},
        {"clipped": "perhaps"},
        {"time": CaptureTime(10**30, 0)},
        {"time": CaptureTime(NOON_NS, 0, math.nan)},
        {"time": CaptureTime(NOON_NS, 0, -1.0)},
        {"time": CaptureTime(NOON_NS, 0, math.inf)},
        {"result_time_ns": None},
        {"source": SourceId("x", 64, Component.MICROPHONE)},
        {"source": SourceId("x", -1, Component.MICROPHONE)},
    ],
)
def test_what_does_not_fit_the_contract_is_refused_and_counted(wrong: dict[str, Any]) -> None:
    gate = Gate(EVERYTHING)
    assert gate.admit(dataclasses.replace(LEVEL, **wrong)) is None
    assert dict(gate.refused) == {"sound_level": 1}
    assert not gate.admitted


def test_an_unknown_trigger_is_refused() -> None:
    gate = Gate(EVERYTHING)
    assert gate.admit(dataclasses.replace(BANG, because=("a witness said so",))) is None
    assert gate.refused["impulse"] == 1


def test_numpy_scalars_are_numbers() -> None:
    scalars: dict[str, Any] = {"laeq_db": np.float32(61.25), "clipped": np.bool_(True)}
    level = dataclasses.replace(LEVEL, **scalars)
    report = Gate(EVERYTHING).admit(level)
    assert isinstance(report, SoundLevelReport)
    assert report.clipped is True
    assert report.laeq_db == 61.2


def test_what_a_technician_reads_never_leaves() -> None:
    health = Health(
        source=SOURCE,
        time=TIME,
        component=Component.MICROPHONE,
        status=Status.FAILED,
        reason=Reason.NO_DEVICE,
        detail="usb port of Jan Jansen",
    )
    report = Gate(EVERYTHING).admit(health)
    assert report is not None
    text = REPORT.dump_json(report).decode()
    assert "Jansen" not in text
    assert SOURCE.name not in text


def mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 29).flatmap(lambda pick: odd if pick == 0 else usual)


RIGHT: dict[Any, st.SearchStrategy[Any]] = {
    float: mostly(st.floats(0, 1), st.one_of(st.floats(), st.floats(-300, 300))),
    int: mostly(st.integers(0, 100), st.integers()),
    bool: st.booleans(),
    CaptureTime: st.builds(
        CaptureTime,
        mostly(st.integers(0, 2**62), st.integers()),
        st.integers(),
        mostly(st.one_of(st.none(), st.floats(0, 100)), st.floats()),
    ),
    SourceId: st.builds(
        SourceId, st.text(), mostly(st.integers(0, 63), st.integers()), st.sampled_from(Component)
    ),
}


def wild(hint: Any) -> st.SearchStrategy[Any]:
    """Values of the right type, of extreme size, or of the wrong type altogether."""
    junk = st.one_of(st.none(), st.text(max_size=5), st.binary(max_size=5), st.booleans(), st.floats())
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        right = st.one_of(*(wild(arg) for arg in get_args(hint)))
    elif origin is tuple:
        right = st.lists(mostly(st.sampled_from(Trigger), st.text()), max_size=9).map(tuple)
    else:
        right = RIGHT.get(hint, st.sampled_from(list(hint)) if isinstance(hint, EnumType) else st.text())
    return mostly(right, junk)


def findings(kind: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind, include_extras=True)
    return st.builds(kind, **{f.name: wild(hints[f.name]) for f in dataclasses.fields(kind)})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a loaded machine is no fault
@given(st.one_of(*(findings(kind) for kind in FINDINGS)))
def test_whatever_a_detector_says_the_contract_holds(finding: Any) -> None:
    gate = Gate(EVERYTHING)
    report = gate.admit(finding)
    if report is None:
        assert finding.kind not in REPORT_MODELS or gate.refused[finding.kind] == 1
        return
    assert gate.admitted[finding.kind] == 1
    assert REPORT.validate_json(REPORT.dump_json(report)) == report
    assert set(report.model_dump()) == set(type(report).model_fields)
    for leaf in leaves(report.model_dump()):
        assert leaf is None or isinstance(leaf, bool | int | float | datetime | str)
        assert not isinstance(leaf, float) or math.isfinite(leaf)
        assert type(leaf) is not str or leaf == report.kind


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from leaves(part)
    else:
        yield value


@given(st.floats(-1e6, 1e6), st.sampled_from([0.001, 0.01, 0.1, 0.25, 0.5, 1, 5, 10]))
def test_rounding_is_near_final_and_a_multiple(value: float, resolution: float) -> None:
    rounded = rounded_to(Quantity("", resolution))(value)
    assert abs(rounded - value) <= resolution / 2 + 1e-9
    assert rounded_to(Quantity("", resolution))(rounded) == rounded
    assert math.isclose(rounded / resolution, round(rounded / resolution), abs_tol=1e-6)
    assert len(repr(abs(rounded)).split("e")[0]) <= 12


@given(st.integers(0, 2**62), st.sampled_from([0.0001, 0.001, 1.0, 60.0, 900.0]))
def test_time_is_rounded_down_by_less_than_its_resolution(utc_ns: int, resolution_s: float) -> None:
    rounded = rounded_down_to(resolution_s)(utc_ns)
    rounded_ns = (rounded - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    assert 0 <= utc_ns - rounded_ns < resolution_s * 1e9
    assert rounded_ns % round(resolution_s * 1e9) == 0


def annotations(hint: Any, metadata: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield every leaf type of a field with the metadata around it."""
    if get_origin(hint) is Annotated:
        inner, *around = get_args(hint)
        yield from annotations(inner, (*metadata, *around))
    elif get_origin(hint) in (Union, UnionType, tuple):
        for part in get_args(hint):
            if part not in (type(None), Ellipsis):
                yield from annotations(part, metadata)
    else:
        yield hint, metadata


@pytest.mark.parametrize("kind", REPORT_MODELS)
def test_no_report_can_hold_free_text_or_bytes_and_every_number_has_a_resolution(kind: str) -> None:
    model = REPORT_MODELS[kind]
    assert model.model_config.get("extra") == "forbid"
    for name, field in model.model_fields.items():
        for leaf, metadata in annotations(Annotated[field.annotation, *field.metadata, None]):
            if leaf in (int, float):
                assert any(isinstance(m, Quantity) for m in metadata), name
                assert any(hasattr(m, "ge") or "Ge(" in repr(m) for m in metadata), (
                    f"{name} has no lower bound"
                )
                assert any(hasattr(m, "le") or "Le(" in repr(m) for m in metadata), (
                    f"{name} has no upper bound"
                )
            elif name.endswith("_time"):
                assert any(isinstance(m, TimeResolution) for m in metadata), name
            else:
                assert (
                    leaf is bool or get_origin(leaf) is not None or leaf.__mro__[1].__name__ == "StrEnum"
                ), name


def schema_leaves(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "type" in schema and schema["type"] not in {"object", "array"}:
            yield schema
        for part in schema.values():
            yield from schema_leaves(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from schema_leaves(part)


def test_the_json_schema_has_no_open_string_and_no_open_object() -> None:
    schema = REPORT.json_schema()
    strings = [leaf for leaf in schema_leaves(schema) if leaf["type"] == "string"]
    assert strings
    assert all("enum" in leaf or "const" in leaf or leaf.get("format") == "date-time" for leaf in strings)
    assert all(
        d.get("additionalProperties") is False for d in schema["$defs"].values() if d["type"] == "object"
    )


@pytest.mark.parametrize("kind", REPORT_MODELS)
def test_a_finding_has_every_field_its_report_asks_of_it(kind: str) -> None:
    finding = next(f for f in FINDINGS if f.kind == kind)
    asked = set(REPORT_MODELS[kind].model_fields) - GIVEN
    assert asked <= {f.name for f in dataclasses.fields(finding)}
    assert issubclass(REPORT_MODELS[kind], SensorReport) == issubclass(finding, Observation)


@pytest.mark.parametrize("kind", REPORT_MODELS)
def test_whatever_counts_people_has_coarse_times(kind: str) -> None:
    fields = REPORT_MODELS[kind].model_fields
    if any(marker(field, Coarsened) for field in fields.values()):
        assert issubclass(REPORT_MODELS[kind], CrowdReport)
        for name in ("phenomenon_time", "result_time"):
            resolution = marker(fields[name], TimeResolution)
            assert resolution is not None
            assert resolution.resolution_s >= 10


@pytest.mark.parametrize("kind", REPORT_MODELS)
def test_an_alarm_says_when_the_clock_is_unknown(kind: str) -> None:
    model = REPORT_MODELS[kind]
    assert (model.topic is Topic.EVENT) == issubclass(model, EventReport)


def test_an_alarm_of_an_unsynchronised_lamppost_says_so() -> None:
    unknown = dataclasses.replace(BANG, time=CaptureTime(NOON_NS, 5))
    reports = [Gate(EVERYTHING).admit(bang) for bang in (BANG, unknown)]
    assert [report.time_unsynchronised for report in reports if isinstance(report, ImpulseReport)] == [
        False,
        True,
    ]


def test_reports_share_one_base() -> None:
    assert all(issubclass(model, ReportBase) for model in REPORT_MODELS.values())


def test_scene_motion_shares_are_per_mille() -> None:
    motion = SceneMotion(
        source=SOURCE, time=TIME, duration_s=5.04, moving_share=0.123456, occupied_share=1.0, frames=25
    )
    report = Gate(EVERYTHING).admit(motion)
    assert report is not None
    assert report.model_dump(include={"duration_s", "moving_share", "occupied_share", "frames"}) == {
        "duration_s": 5.0,
        "moving_share": 0.123,
        "occupied_share": 1.0,
        "frames": 25,
    }
