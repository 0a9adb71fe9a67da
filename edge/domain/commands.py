"""What the centre may ask of a lamppost, and what the lamppost answers. The list is closed.

Nothing here makes a lamppost capture, keep or send something raw, and nothing ever will (CONTRIBUTING).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from edge.domain.city import LampScene
from edge.domain.observations import Observation

HIGHEST_NUMBER = 2**53
_Name = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]


class Action(StrEnum):
    """What a command asks for."""

    SCENE = "scene"
    POLICY = "policy"
    THRESHOLD = "threshold"
    RESTART = "restart"
    FALSE_ALARM = "false_alarm"


class Outcome(StrEnum):
    """What became of a command."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Refusal(StrEnum):
    """Why a command was not carried out; `none` when it was."""

    NONE = "none"
    MALFORMED = "malformed"
    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    ANOTHER_LAMPPOST = "another_lamppost"
    EXPIRED = "expired"
    VALID_TOO_LONG = "valid_too_long"
    REPLAYED = "replayed"
    TOO_MANY = "too_many"
    NOT_ALLOWED = "not_allowed"
    OUT_OF_BOUNDS = "out_of_bounds"
    NOT_EQUIPPED = "not_equipped"
    BAD_POLICY = "bad_policy"
    TROUBLE = "trouble"


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    city: _Name
    node: _Name
    number: int = Field(ge=1, le=HIGHEST_NUMBER, strict=True)
    expires: AwareDatetime


class SceneOrder(_Order):
    """Light the lamp so, for so long."""

    action: Literal[Action.SCENE] = Action.SCENE
    scene: LampScene
    duration_s: float = Field(ge=1, le=86_400)


class PolicyOrder(_Order):
    """Take this policy: the text of the file and of its seal."""

    action: Literal[Action.POLICY] = Action.POLICY
    policy: str = Field(max_length=60_000)
    seal: str = Field(max_length=500)


class ThresholdOrder(_Order):
    """Set a detector's threshold, within the bounds that the settings declare, until another one."""

    action: Literal[Action.THRESHOLD] = Action.THRESHOLD
    detector: _Name
    setting: _Name
    value: float


class RestartOrder(_Order):
    """End `sense` in order and start it anew."""

    action: Literal[Action.RESTART] = Action.RESTART


class FalseAlarmOrder(_Order):
    """What was reported at this time was no bang."""

    action: Literal[Action.FALSE_ALARM] = Action.FALSE_ALARM
    at: AwareDatetime


Order = Annotated[
    SceneOrder | PolicyOrder | ThresholdOrder | RestartOrder | FalseAlarmOrder,
    Field(discriminator="action"),
]

ORDER: TypeAdapter[Order] = TypeAdapter(Order)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAnswer(Observation):
    """What became of a command.

    Attributes:
        number: of the command; 0 for those that are only counted, because nobody known sent them.
        action: what it asked for; None when that is not known.
        count: how many commands this answers.
    """

    kind: ClassVar[str] = "command"
    number: int
    action: Action | None
    outcome: Outcome
    reason: Refusal
    count: int = 1
