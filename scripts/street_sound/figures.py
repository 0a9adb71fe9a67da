"""The table of the evaluation: each row for the model and its peers, on the same segments."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.street_sound.corpus import Clip
from scripts.street_sound.labels import FROM_MANIFEST, OUTPUTS, RELATED, SILENCE
from scripts.street_sound.measures import Mask, Share, auc, share_by_group, threshold_at
from scripts.street_sound.scores import Scores

FALSE_POSITIVES = 0.01
VARIANT = "permissive"
"""The last layer fitted on permissively licensed recordings alone: neither shipped nor a peer."""
_GUN_SOURCES = {"video cuts": "gunshot_video", "UrbanSound8K": "urbansound8k"}
_GUN_TARGETS = {"video cuts": 0.93, "UrbanSound8K": 0.88}
_TARGETS = {
    "firework": 0.85,
    "scream": 0.90,
    "glass_break": 0.97,
    "siren": 0.85,
    "horn": None,
    "explosion": None,
}


@dataclass(frozen=True)
class Row:
    """One row: what, on what, the target, and the figure of each model."""

    what: str
    on: str
    target: float | None
    values: dict[str, Share]

    def peers(self, own: str) -> dict[str, Share]:
        """Return the figures of the models of others."""
        return {name: share for name, share in self.values.items() if name not in {own, VARIANT}}


class Truth:
    """Labels, sources and groups of the clips, seen from the rows of a table of scores.

    A silent segment holds nothing, whatever its clip is called.
    """

    def __init__(self, clips: list[Clip], scores: Scores, silent: Mask) -> None:
        chosen = [clips[i] for i in scores.clip]
        self.label = np.where(silent, SILENCE, [c.label for c in chosen])
        self.source = np.array([c.source for c in chosen])
        names = {g: n for n, g in enumerate(sorted({c.group for c in chosen}))}
        self.group = np.array([names[c.group] for c in chosen])

    def positive(self, name: str) -> Mask:
        """Rows that hold `name`."""
        return np.asarray(self.label == FROM_MANIFEST[name])

    def negative(self, name: str) -> Mask:
        """Rows that hold neither `name` nor anything related to it."""
        return ~self.positive(name) & ~np.isin(self.label, list(RELATED[name]))


def _auc_share(
    positives: npt.NDArray[np.floating], negatives: npt.NDArray[np.floating], groups: npt.NDArray[np.int64]
) -> Share:
    """AUC with a bootstrap over groups; `groups` names those of positives, then of negatives."""
    rng = np.random.default_rng(0)
    values, names = np.concatenate([positives, negatives]), np.unique(groups)
    truth = np.arange(values.size) < positives.size
    found: list[float] = []
    while len(found) < 300:
        weights = np.bincount(rng.integers(0, names.size, names.size), minlength=names.size)[
            np.searchsorted(names, groups)
        ]
        rows = np.repeat(np.arange(values.size), weights)
        if truth[rows].any() and not truth[rows].all():
            found.append(auc(values[rows][truth[rows]], values[rows][~truth[rows]]))
    low, high = np.quantile(found, [0.025, 0.975])
    return Share(auc(positives, negatives), float(low), float(high), int(values.size))


class _Table:
    """Makes the rows: each measure of every model on the same segments."""

    def __init__(self, truth: Truth, models: dict[str, Scores]) -> None:
        self._models = models
        self.truth = truth

    def _column(self, model: str, name: str) -> npt.NDArray[np.float32]:
        return self._models[model].logits[:, OUTPUTS.index(name)]

    def _limit(self, model: str, name: str) -> float:
        return threshold_at(self._column(model, name)[self.truth.negative(name)], FALSE_POSITIVES)

    def recall(self, name: str, where: Mask, on: str, target: float | None) -> Row:
        """Share found at the threshold that 1 % of the hard negatives exceed."""
        hit = {m: self._column(m, name)[where] > self._limit(m, name) for m in self._models}
        values = {m: share_by_group(found, self.truth.group[where]) for m, found in hit.items()}
        return Row(f"{name}: recall at 1 % false positives", on, target, values)

    def found_as_gunshot(self, guns: Mask, on: str) -> Row:
        """Share found at that threshold and scored higher as gunshot than as firework."""
        values = {}
        for m in self._models:
            shot = self._column(m, "gunshot")
            hit = (shot > self._limit(m, "gunshot")) & (shot > self._column(m, "firework"))
            values[m] = share_by_group(hit[guns], self.truth.group[guns])
        return Row("gunshot: recall at 1 % and gunshot > firework", on, 0.80, values)

    def against_fireworks(self, guns: Mask, on: str) -> Row:
        """AUC of the lead of the gunshot's log-odds over the firework's, shots against fireworks."""
        fire = self.truth.positive("firework")
        groups = np.concatenate([self.truth.group[guns], self.truth.group[fire]])
        lead = {m: self._column(m, "gunshot") - self._column(m, "firework") for m in self._models}
        values = {m: _auc_share(x[guns], x[fire], groups) for m, x in lead.items()}
        return Row("gunshot against firework: AUC", on, 0.95, values)

    def area(self, name: str, where: Mask, on: str) -> Row:
        """AUC against the hard negatives."""
        against = self.truth.negative(name)
        groups = np.concatenate([self.truth.group[where], self.truth.group[against]])
        columns = {m: self._column(m, name) for m in self._models}
        values = {m: _auc_share(x[where], x[against], groups) for m, x in columns.items()}
        return Row(f"{name}: AUC", on, None, values)


def _guns(truth: Truth) -> dict[str, Mask]:
    return {on: truth.positive("gunshot") & (truth.source == source) for on, source in _GUN_SOURCES.items()}


def found(truth: Truth, models: dict[str, Scores]) -> list[Row]:
    """Rows of what is found at 1 % false positives, for models whose scores are of the same segments."""
    make = _Table(truth, models)
    guns = _guns(truth)
    return [
        *(make.recall("gunshot", where, on, _GUN_TARGETS[on]) for on, where in guns.items()),
        *(make.against_fireworks(where, on) for on, where in guns.items()),
        *(make.found_as_gunshot(where, on) for on, where in guns.items()),
        *(make.recall(name, truth.positive(name), "all of it", aim) for name, aim in _TARGETS.items()),
    ]


def table(truth: Truth, models: dict[str, Scores]) -> list[Row]:
    """All rows: what is found, and the areas under the curves."""
    make = _Table(truth, models)
    areas = [make.area(name, truth.positive(name), "all of it") for name in ("gunshot", *_TARGETS)]
    return [*found(truth, models), *areas]


def markdown(rows: list[Row], models: list[str]) -> str:
    """The table for people; bold where the model is at least as good as every peer and as its target."""
    lines = ["| | on | target | " + " | ".join(models) + " |", "|---" * (3 + len(models)) + "|"]
    for row in rows:
        own, *others = (row.values[m] for m in models)
        best = own.value >= max(row.target or 0, *(s.value for s in row.peers(models[0]).values()))
        cells = [f"**{own}**" if best else str(own), *(f"{o.value:.2f}" for o in others)]
        lines.append(
            f"| {row.what} | {row.on}, {own.count} | {'' if row.target is None else f'{row.target:.2f}'} | "
            + " | ".join(cells)
            + " |"
        )
    return "\n".join(lines)
