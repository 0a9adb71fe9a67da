"""A model's card: what the file is, what it takes and gives, what it learned from and how well it does.

`models/<name>/card.toml` stands beside the model; nothing is run that its card does not describe.
"""

import hashlib
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge.domain.complaint import Complaint

CARD = "card.toml"
FETCHED = Path("/var/lib/lamppost/models")
"""Where `lamppost models fetch` puts public models: the daemon's state, which outlives an installation."""

Dimension = Annotated[int, Field(ge=1)] | Literal["n"]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Text = Annotated[str, Field(min_length=1)]


class ModelError(Complaint):
    """A model cannot be used. The message says what is wrong, where, and what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tensor(_Part):
    """One input or output.

    Attributes:
        shape: size of each axis; `n` where any size goes.
        meaning: what the numbers are, with the function that makes or reads them.
    """

    name: Text
    shape: tuple[Dimension, ...] = Field(min_length=1)
    dtype: Literal["float32", "uint8", "int64"] = "float32"
    meaning: Text

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of `shape` is one of these."""
        return len(shape) == len(self.shape) and all(
            want in {"n", have} for want, have in zip(self.shape, shape, strict=True)
        )


class Label(_Part):
    """One thing the model tells apart.

    Attributes:
        column: where it stands on the output's last axis, when the model knows more than the card lists; for
            `yolox`, among the classes.
        threshold: score from which on it counts as found, with the measurement that chose it.
        pooled_s: seconds whose windows are pooled (edge.dsp.pooling) for the threshold; absent: one window.
        default: `off` where too little was known to trust it; `why_off` says what is missing.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    column: int | None = Field(None, ge=0)
    threshold: Probability
    threshold_from: Text
    pooled_s: float | None = Field(None, ge=1.0, le=60.0)
    default: Literal["on", "off"] = "on"
    why_off: str = ""

    @model_validator(mode="after")
    def _off_needs_a_reason(self) -> Self:
        if (self.default == "off") != bool(self.why_off):
            raise ValueError('`why_off` goes with default = "off", and only with it')
        return self


class Material(_Part):
    """A source of training material and its licence; `count` of clips or images."""

    source: Text
    licence: Text
    count: int = Field(ge=1)
    permissive: bool


class Figure(_Part):
    """One measured figure, with the same for the peers where there are any; `target` where one was set."""

    what: Text
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    target: float | None = None
    peers: dict[str, float] = {}
    on: Text = Field(description="the recordings or images it was measured on")


class Training(_Part):
    """How to make it again."""

    command: Text
    evaluation: Text
    seed: int
    date: date
    method: Text


class PublicFile(_Part):
    """Where the file of a model that is not ours lies; `lamppost models fetch` checks and installs it."""

    address: str = Field(pattern=r"^https://[^\s]+$")
    size_bytes: int = Field(ge=1, le=1_000_000_000)
    made_by: Text


class Card(_Part):
    """What `card.toml` holds.

    Attributes:
        decoding: how the outputs are read: `columns`, one for each label; `yolox`, one row for each place
            of its grids (see `edge.vision.yolox`).
        public: the file is somebody else's and not part of this installation.
        training: absent where somebody else trained it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: Text
    summary: Text
    file: str = Field(pattern=r"^[A-Za-z0-9_.-]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    licence: Text
    decoding: Literal["columns", "yolox"] = "columns"
    public: PublicFile | None = None
    input: Tensor
    outputs: tuple[Tensor, ...] = Field(min_length=1)
    labels: tuple[Label, ...] = Field(min_length=1)
    training: Training | None = None
    materials: tuple[Material, ...]
    figures: tuple[Figure, ...]
    limits: tuple[Text, ...] = Field(min_length=1, description="what it does badly, in plain words")

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        names = [label.name for label in self.labels]
        if len(set(names)) != len(names):
            raise ValueError("two labels have the same name")
        return self

    @model_validator(mode="after")
    def _somebody_trained_it(self) -> Self:
        if (self.training is None) != (self.public is not None):
            raise ValueError("either `training` says how to make it again, or `public` where it lies")
        if self.decoding == "yolox" and any(label.column is None for label in self.labels):
            raise ValueError('each label needs its `column` with decoding = "yolox"')
        return self

    def label_names(self) -> tuple[str, ...]:
        """Names in the order of the output's last axis."""
        return tuple(label.name for label in self.labels)


def _complaint(path: Path, error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "the card"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{path}: {place}: {first['msg']}{more}; correct the card"


def read_card(folder: Path) -> Card:
    """Read and check the card of the model in `folder`.

    Raises:
        ModelError: no card, not TOML, an unknown key or a value out of range.
    """
    path = folder / CARD
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no model card; install the model again") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); install the model again") from error
    except tomllib.TOMLDecodeError as error:
        raise ModelError(f"{path}: not valid TOML: {error}; correct the card") from error
    try:
        card = Card.model_validate(content)
    except ValidationError as error:
        raise ModelError(_complaint(path, error)) from error
    if card.name != folder.name:
        raise ModelError(
            f"{path}: says it is '{card.name}' but stands in '{folder.name}'; rename one of them"
        )
    return card


class NotFetchedError(ModelError):
    """The file of a public model has not been installed yet."""


def model_file(folder: Path, card: Card, fetched: Path = FETCHED) -> Path:
    """Return where the model's file belongs: beside its card, or below `fetched` when it is a public one."""
    return fetched / card.name / card.file if card.public else folder / card.file


def require_checksum(content: bytes, card: Card, where: str) -> None:
    """Raise ModelError when the SHA-256 of `content` is not the card's."""
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256:
        raise ModelError(
            f"{where}: checksum {found[:12]}... differs from the card's {card.sha256[:12]}...: "
            "the file was damaged or replaced; install the model again"
        )


def checked_bytes(folder: Path, card: Card, fetched: Path = FETCHED) -> bytes:
    """Return the model file's content after comparing its SHA-256 with the card's.

    Raises:
        NotFetchedError: a public model that has not been installed.
        ModelError: missing, unreadable or different.
    """
    path = model_file(folder, card, fetched)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        if card.public is None:
            raise ModelError(f"{path}: cannot be read ({error.strerror}); install the model again") from error
        raise NotFetchedError(
            f"{path}: not there: {card.name} is a public model ({card.licence}, {card.public.made_by}); "
            f"`lamppost models fetch {card.name}` installs it"
        ) from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); install the model again") from error
    require_checksum(content, card, str(path))
    return content


def model_folders(models: Path) -> list[Path]:
    """Return the folders below `models` that hold a card, by name."""
    return sorted(path.parent for path in models.glob(f"*/{CARD}"))
