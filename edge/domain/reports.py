"""The contract: everything that can leave a lamppost, and how precisely.

Closed on purpose: numbers, enumerations, booleans and times. Every number declares a `Quantity` and every
time a `TimeResolution` (`edge.domain.report_base`), and the gate rounds to them. Only `edge.privacy` makes a
report, only `edge.delivery` carries it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, get_args

from pydantic import Field, TypeAdapter

from edge.domain.action_reports import LampReport, LampRequestReport, LoudspeakerReport
from edge.domain.air_reports import (
    AirExceedanceReport,
    AirIndexReport,
    AirMeanReport,
    CorrectedParticulatesReport,
    GasesReport,
    GasIndicesReport,
    HeatStressReport,
    ParticulatesReport,
    PositionReport,
    SensorAgreementReport,
    TimeQualityReport,
    WaterLevelReport,
    WeatherReport,
)
from edge.domain.contact_reports import ContactReport, PresenceReport
from edge.domain.event_reports import (
    AirAlertReport,
    BangReport,
    DisturbanceCueReport,
    GatheringReport,
    GlassBreakReport,
    HelpRequestReport,
    SuddenDispersalReport,
    TamperReport,
)
from edge.domain.node_reports import CommandReport, HealthReport
from edge.domain.scene_reports import (
    CrowdCueReport,
    LineCrossingReport,
    ParkingReport,
    PeopleCountReport,
    SceneMotionReport,
)
from edge.domain.sound_reports import ImpulseReport, SoundBandsReport, SoundLevelReport, StreetSoundReport

Report = Annotated[
    SoundLevelReport
    | SoundBandsReport
    | ImpulseReport
    | StreetSoundReport
    | BangReport
    | GlassBreakReport
    | DisturbanceCueReport
    | GatheringReport
    | SuddenDispersalReport
    | HelpRequestReport
    | TamperReport
    | AirAlertReport
    | LampReport
    | LampRequestReport
    | LoudspeakerReport
    | SceneMotionReport
    | PeopleCountReport
    | LineCrossingReport
    | CrowdCueReport
    | ParkingReport
    | ParticulatesReport
    | GasesReport
    | WeatherReport
    | ContactReport
    | PresenceReport
    | CorrectedParticulatesReport
    | AirMeanReport
    | AirIndexReport
    | AirExceedanceReport
    | SensorAgreementReport
    | GasIndicesReport
    | HeatStressReport
    | WaterLevelReport
    | PositionReport
    | TimeQualityReport
    | HealthReport
    | CommandReport,
    Field(discriminator="kind"),
]

REPORT: TypeAdapter[Report] = TypeAdapter(Report)

REPORT_MODELS: Mapping[str, type[Report]] = MappingProxyType(
    {model.model_fields["kind"].default: model for model in get_args(get_args(Report)[0])}
)
"""Every kind of report with its model."""
