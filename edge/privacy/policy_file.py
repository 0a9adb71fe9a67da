"""The sections of a policy file as they are written; `edge.privacy.policy` says what is wrong with them."""

from datetime import date, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, Strict, field_validator, model_validator

from edge.decoding.air_limits import limits_in_force
from edge.domain.city import City, LampScene, LevelName, PermittedLevel, Prior, Span
from edge.domain.observations import Sound
from edge.domain.report_base import Days, LegalBasis, Purpose, Recipient

_SLUG = r"^[a-z0-9][a-z0-9-]{0,31}$"
_WORD = r"^[a-z][a-z0-9_]{0,47}$"

Day = Annotated[date, Strict()]
Hour = Annotated[time, Strict()]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Word = Annotated[str, Field(pattern=_WORD)]


class Table(BaseModel):
    """Base of every table of the file: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Heading(Table):
    """`[policy]`: whose policy it is, and from when to when it holds."""

    city: str | None = Field(None, pattern=_SLUG)
    number: Annotated[int, Strict()] = Field(0, ge=0)
    not_before: Day | None = None
    expires: Day | None = None
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            message = f"'{name}' is no time zone of this system; write one like \"Europe/Amsterdam\""
            raise ValueError(f"{message} (Debian: tzdata)") from error
        return name

    @model_validator(mode="after")
    def _in_order(self) -> "Heading":
        if self.not_before and self.expires and self.expires < self.not_before:
            raise ValueError("expires is before not_before; correct one of the two days")
        return self


class Ground(Table):
    """Why a kind of report may leave, who may have it, and how long whoever receives it may keep it."""

    purpose: Purpose
    legal_basis: LegalBasis
    retention_days: Annotated[Days, Strict()]
    recipients: tuple[Recipient, ...] = ()

    @property
    def travelling(self) -> dict[str, Any]:
        """What every report carries of it."""
        return {name: getattr(self, name) for name in ("purpose", "legal_basis", "retention_days")}


class _Dated(Table):
    """Keys of a table that holds on some days or at some hours only."""

    first: Day | None = None
    last: Day | None = None
    start: Hour | None = None
    end: Hour | None = None
    every_year: Annotated[bool, Strict()] = False

    @model_validator(mode="after")
    def _whole(self) -> "_Dated":
        if self.every_year and (self.first is None or self.last is None):
            raise ValueError("every_year needs first and last; give both days")
        if not self.every_year and self.first and self.last and self.last < self.first:
            raise ValueError("last is before first; correct the days, or say every_year = true")
        return self

    @property
    def span(self) -> Span:
        """The days and hours."""
        return Span(self.first, self.last, self.start, self.end, self.every_year)


class PermittedLevelTable(_Dated):
    """`[[permitted_levels]]`."""

    quantity: LevelName
    level_db: Number = Field(ge=0, le=200)
    distance_m: Number = Field(gt=0, le=1000)


class PriorTable(_Dated):
    """`[[priors]]`."""

    sound: Sound
    odds: Number = Field(ge=0.001, le=1000)


class QuietTable(_Dated):
    """`[[quiet_hours]]`."""

    @model_validator(mode="before")
    @classmethod
    def _says_when(cls, given: Any) -> Any:
        if given == {}:
            raise ValueError("says neither days nor hours; give start and end")
        return given


class CountsTable(Table):
    """`[counts]`: counts of people below k leave as a band."""

    k: Annotated[int, Strict()] = Field(5, ge=2, le=1000)


class NoiseTable(Table):
    """`[differential_privacy]`: counts of people leave with noise, so many of them in a day."""

    epsilon_per_count: Number = Field(ge=0.01, le=10)
    epsilon_per_day: Number = Field(ge=0.01, le=10_000)

    @model_validator(mode="after")
    def _lasts(self) -> "NoiseTable":
        if self.epsilon_per_day < self.epsilon_per_count:
            raise ValueError("epsilon_per_day would not last for one count; raise it")
        return self


class NoticeTable(Table):
    """`[notice]`: names for the residents' page; nothing of it ever leaves a lamppost."""

    controller: str = Field("", max_length=200)
    contact: str = Field("", max_length=200)
    recipients: dict[Recipient, Annotated[str, Field(max_length=200)]] = {}


class File(Table):
    """The whole file."""

    policy: Heading = Heading()
    reports: dict[str, Ground]
    counts: CountsTable = CountsTable()
    differential_privacy: NoiseTable | None = None
    permitted_levels: tuple[PermittedLevelTable, ...] = ()
    priors: tuple[PriorTable, ...] = ()
    quiet_hours: tuple[QuietTable, ...] = ()
    air_limits: dict[Word, dict[Word, Annotated[Number, Field(gt=0, le=100_000)]]] = {}
    scenes: dict[str, LampScene] = {}
    notice: NoticeTable = NoticeTable()

    @field_validator("air_limits")
    @classmethod
    def _existing(cls, tables: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        limits_in_force(tables, date.max)
        return tables

    def city(self) -> City:
        """Return what rules and actuators obey."""
        return City(
            timezone=self.policy.timezone,
            permitted_levels=tuple(
                PermittedLevel(number, t.quantity, t.level_db, t.distance_m, t.span)
                for number, t in enumerate(self.permitted_levels)
            ),
            priors=tuple(Prior(number, t.sound, t.odds, t.span) for number, t in enumerate(self.priors)),
            quiet_hours=tuple(table.span for table in self.quiet_hours),
            air_limits=self.air_limits,
            scenes=self.scenes,
        )
