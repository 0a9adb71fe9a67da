"""Bases of every section of the settings; free of frames, so fusion and delivery can have sections."""

from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

SETTINGS_FOLDER: ContextVar[Path] = ContextVar("SETTINGS_FOLDER", default=Path())

LocalPath = Annotated[Path, AfterValidator(lambda path: SETTINGS_FOLDER.get() / path)]
"""A path in the settings: a relative one is relative to the settings file."""


class Section(BaseModel):
    """Base of every `Config`: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSection(Section):
    """What every source's section may say."""

    name: str = Field("", pattern=r"^[a-z0-9_]{0,32}$", description="for logs; default: the section's name")

    @property
    def claims(self) -> tuple[str, ...]:
        """What this source needs for itself alone, such as a port; no two sources may claim the same."""
        return ()


class DetectorSection(Section):
    """What every detector's section may say."""

    sources: tuple[str, ...] = Field(
        (), description="names of the sources it listens to; empty: all it can read"
    )
