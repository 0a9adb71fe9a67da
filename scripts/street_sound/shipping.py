"""Writes the shipped folder: the card beside the calibrated network."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from string import Template

from scripts.street_sound.corpus import Clip
from scripts.street_sound.figures import VARIANT, Row
from scripts.street_sound.labels import OUTPUTS, POOLED, POOLED_S

OFF = {
    "raised_voice": "one recording of shouting only: nothing was measured",
    "explosion": "sounds of games only: nothing is known about real explosions",
}
Rate = tuple[float, float, float]
_HERE = Path(__file__).parent


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _materials(clips: Iterable[Clip]) -> list[str]:
    count: dict[tuple[str, str, bool], int] = {}
    for clip in clips:
        key = (clip.source, clip.licence, clip.permissive)
        count[key] = count.get(key, 0) + 1
    return [
        f"[[materials]]\nsource = {_text(source)}\nlicence = {_text(licence)}\n"
        f"count = {n}\npermissive = {_text(permissive)}\n"
        for (source, licence, permissive), n in sorted(count.items())
    ]


def _figure(row: Row, own: str) -> str:
    share = row.values[own]
    lines = [f"[[figures]]\nwhat = {_text(row.what)}", f"on = {_text(f'{row.on}, {share.count} segments')}"]
    lines += [f"{k} = {v:.3f}" for k, v in (("value", share.value), ("low", share.low), ("high", share.high))]
    if row.target is not None:
        lines.append(f"target = {row.target}")
    peers = ", ".join(f"{name} = {s.value:.3f}" for name, s in row.peers(own).items())
    return "\n".join([*lines, f"peers = {{ {peers} }}\n"])


def _variant(row: Row) -> str:
    share = row.values[VARIANT]
    on = f"{row.on}; last layer fitted on permissively licensed recordings only, not shipped"
    return (
        f"[[figures]]\nwhat = {_text(row.what)}\non = {_text(on)}\n"
        f"value = {share.value:.3f}\nlow = {share.low:.3f}\nhigh = {share.high:.3f}\n"
    )


def _alarm(name: str, rate: Rate) -> str:
    return (
        f"[[figures]]\nwhat = {_text(f'{name}: false alarms at the threshold')}\n"
        f'on = "all other recordings"\nunit = "per hour of hard negatives"\n'
        f"value = {rate[0]:.2f}\nlow = {rate[1]:.2f}\nhigh = {rate[2]:.2f}\n"
    )


def _label(name: str, threshold: float, why: str) -> str:
    pooled = f"pooled_s = {POOLED_S}\n" if name in POOLED else ""
    off = f'default = "off"\nwhy_off = {_text(OFF[name])}\n' if name in OFF else ""
    return (
        f"[[labels]]\nname = {_text(name)}\nthreshold = {threshold:.4f}\nthreshold_from = {_text(why)}\n"
        f"{pooled}{off}"
    )


def reached(rows: list[Row], own: str = "ours") -> str:
    """Say in words how many targets and peers are reached, and which targets are not."""
    aimed = [row for row in rows if row.target is not None]
    missed = [f"{r.what} ({r.on})" for r in aimed if r.values[own].value < (r.target or 0)]
    best = sum(all(r.values[own].value >= s.value for s in r.peers(own).values()) for r in rows)
    missing = f"; not: {', '.join(missed)}" if missed else ""
    return (
        f"{len(aimed) - len(missed)} of {len(aimed)} targets are reached{missing}. "
        f"At least as good as both peers in {best} of {len(rows)} rows."
    )


def write_card(
    folder: Path,
    *,
    clips: list[Clip],
    thresholds: Mapping[str, float],
    why: str,
    rates: Mapping[str, Rate],
    rows: list[Row],
    seed: int,
    further: Path | None,
) -> None:
    """Write `card.toml` for the `model.onnx` in `folder`; `further` holds more [[materials]]."""
    now = datetime.now(UTC)
    head = Template((_HERE / "card_head.toml").read_text(encoding="utf-8")).substitute(
        version=f"{now:%Y.%m.%d}",
        date=f"{now:%Y-%m-%d}",
        seed=seed,
        reached=reached(rows),
        sha256=hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
    )
    parts = [
        head,
        *(_label(name, thresholds[name], why) for name in OUTPUTS),
        *(_alarm(name, rate) for name, rate in rates.items()),
        *(_figure(row, "ours") for row in rows),
        *(_variant(row) for row in rows if VARIANT in row.values),
        *_materials(clips),
        further.read_text(encoding="utf-8") if further else "",
    ]
    (folder / "card.toml").write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")
