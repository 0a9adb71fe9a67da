"""`[signing]`: what the settings say about the key that signs reports."""

from pathlib import Path

from pydantic import Field, model_validator

from edge.domain.sections import LocalPath, Section


class SigningSection(Section):
    """`[signing]`: the key that signs every report."""

    key: LocalPath = Field(
        Path("signing.key"),
        validate_default=True,
        description="private key, where systemd gives no credential signing.key; see `lamppost keys`",
    )
    unsigned: bool = Field(False, description="let reports out unsigned: for a bench or a first try only")

    @model_validator(mode="after")
    def _one_of_both(self) -> "SigningSection":
        if self.unsigned and "key" in self.model_fields_set:
            raise ValueError("a key would not be used with unsigned = true; give one of both")
        return self
