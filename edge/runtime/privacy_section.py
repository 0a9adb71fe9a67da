"""`[privacy]` of the settings."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from edge.delivery.commands import PublicKeyText, as_list
from edge.domain.nearest import nearest
from edge.domain.sections import LocalPath, Section
from edge.privacy.contract import CONTRACT
from edge.privacy.policy import Narrowing, load_policy, widening
from edge.privacy.policy_watch import Demands, PolicyWatch
from edge.signing.keys import PublicKey


def _known_kind(kind: str) -> str:
    if kind not in CONTRACT:
        raise ValueError(f"no kind of report is called '{kind}'; {nearest(kind, CONTRACT)}")
    return kind


Kind = Annotated[str, AfterValidator(_known_kind)]


class PrivacySection(Section):
    """`[privacy]`: the policy, and what this lamppost withholds besides; without it only health leaves."""

    policy: LocalPath = Field(description="the city's policy file; its signature is beside it, with .sig")
    city_key: Annotated[tuple[PublicKeyText, ...], BeforeValidator(as_list)] = Field(
        (), description="public key of the city, or several while one follows another"
    )
    unsigned: Literal["refused", "allowed"] = Field(
        "refused", description="an unsigned policy: allowed on a bench or in a demo only"
    )
    state: LocalPath = Field(
        Path("/var/lib/lamppost/sense"), description="folder for the copy of the latest good policy"
    )
    withhold: tuple[Kind, ...] = Field((), description="kinds of report that do not leave this lamppost")
    k: int = Field(0, ge=0, le=1000, description="tell counts of people from here on only; 0: the policy's k")
    retention_days: dict[Kind, int] = Field(
        {}, description="shorter retention times than the policy's, by kind"
    )

    @model_validator(mode="after")
    def _says_who_signs(self) -> "PrivacySection":
        if not self.city_key and self.unsigned == "refused":
            raise ValueError('whose signature? give city_key, or unsigned = "allowed" for a bench')
        if self.city_key and self.unsigned == "allowed":
            raise ValueError('with city_key the policy must be signed; remove unsigned = "allowed"')
        return self

    def demands(self, city: str) -> Demands:
        """Return what this lamppost asks of a policy."""
        return Demands(
            path=self.policy,
            city=city,
            keys=tuple(PublicKey.from_text(key) for key in self.city_key),
            state=self.state,
            narrowing=Narrowing(frozenset(self.withhold), self.k, self.retention_days),
        )


def policy_mistakes(section: PrivacySection, city: str) -> list[str]:
    """Return what is wrong with the policy that the settings name, and what they ask of it in vain."""
    demands = section.demands(city)
    standing = PolicyWatch(demands, keeps=False).look(datetime.now(UTC))
    if standing.trouble:
        return standing.trouble.splitlines()
    return [f"[privacy] {said}" for said in widening(load_policy(section.policy), demands.narrowing)]
