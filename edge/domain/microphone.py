"""What the settings may say of a microphone, whether it is a device or a recording of one."""

from typing import Self

from pydantic import Field, model_validator

from edge.domain.array import MicrophoneArray
from edge.domain.sections import LocalPath, SourceSection


class MicrophoneSection(SourceSection):
    """Its calibration and its geometry."""

    full_scale_db: float | None = Field(
        None, ge=0, le=200, description="dB SPL of a full-scale sine's RMS; absent: not calibrated"
    )
    calibration: LocalPath | None = Field(
        None, description="record of `lamppost calibrate microphone`, instead of full_scale_db"
    )
    array: MicrophoneArray | None = Field(None, description="where its microphones are: gives directions")

    @model_validator(mode="after")
    def _calibrated_once(self) -> Self:
        if self.full_scale_db is not None and self.calibration is not None:
            raise ValueError("full_scale_db and calibration both say how sensitive it is; give one")
        return self
