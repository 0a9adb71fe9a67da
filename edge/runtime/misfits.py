"""What is wrong with the sections of the settings beside one another, each of them being right by itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge.domain.frames import FRAME_OF
from edge.domain.nearest import nearest

if TYPE_CHECKING:
    from edge.runtime.settings import Entry

Misfit = tuple["Entry", str]


def misfits(sources: Sequence["Entry"], others: Sequence["Entry"]) -> list[Misfit]:
    """Return which sections cannot work, and why with what to do.

    Args:
        sources: the sections of the sources.
        others: all other sections, in the order of the file.
    """
    return [
        *_twice_named(sources),
        *_twice_claimed(sources),
        *_unfed([entry for entry in others if entry.layer == "detectors"], sources),
        *_unfit(sources, others),
    ]


def feeds(source: "Entry", detector: "Entry") -> bool:
    """Return whether a source's frames reach a detector."""
    wanted: tuple[str, ...] = getattr(detector.config, "sources", ())
    readable: bool = FRAME_OF[source.module.COMPONENT] is detector.module.FRAME
    return readable and (not wanted or source.name in wanted)


def _twice_named(sources: Sequence["Entry"]) -> list[Misfit]:
    names = [entry.name for entry in sources]
    return [
        (entry, f"name: two sources are called '{entry.name}'; give each a name of its own")
        for i, entry in enumerate(sources)
        if entry.name in names[:i]
    ]


def _twice_claimed(sources: Sequence["Entry"]) -> list[Misfit]:
    owners: dict[str, Entry] = {}
    found: list[Misfit] = []
    for entry in sources:
        for claim in getattr(entry.config, "claims", ()):
            if claim in owners:
                found.append((entry, f"{claim}: '{owners[claim].name}' has it already; only one source can"))
            owners.setdefault(claim, entry)
    return found


def _unfed(detectors: Sequence["Entry"], sources: Sequence["Entry"]) -> list[Misfit]:
    found: list[Misfit] = []
    names = [entry.name for entry in sources]
    for entry in detectors:
        wanted: tuple[str, ...] = getattr(entry.config, "sources", ())
        strangers = [name for name in wanted if name not in names]
        if strangers:
            hint = nearest(strangers[0], names)
            found.append((entry, f"sources: no source is called '{strangers[0]}'; {hint}"))
        elif not any(feeds(source, entry) for source in sources):
            found.append((entry, "no source of these settings feeds it; add one or remove the section"))
    return found


def _unfit(sources: Sequence["Entry"], others: Sequence["Entry"]) -> list[Misfit]:
    """What a module itself finds wrong with its section beside the others."""
    configs = {entry.name: entry.config for entry in sources}
    found: list[Misfit] = []
    for entry in others:
        if entry.layer not in {"detectors", "fusion"}:
            continue
        if (unfit := getattr(entry.module, "misfits", None)) is not None:
            found += [(entry, what) for what in unfit(entry.config, configs)]
        if (needs := getattr(entry.module, "needs", None)) is not None:
            for any_of in needs(entry.config):
                found += [(entry, what) for what in _lacking(entry, any_of, sources, others)]
    return found


def _lacking(
    entry: "Entry", any_of: Sequence[str], sources: Sequence["Entry"], others: Sequence["Entry"]
) -> list[str]:
    """Say that nothing it needs is there, or of which sources that tells a detector nothing."""
    there = [other for other in (*sources, *others) if f"{other.layer}.{other.section}" in any_of]
    if not there:
        return [f"hears nothing without [{'] or ['.join(any_of)}]; add it"]
    if entry.layer != "detectors":
        return []
    return [
        f"sources: hears nothing of '{source.name}', as {there[0].where} leaves it out; "
        "give both the same sources"
        for source in sources
        if feeds(source, entry) and not any(feeds(source, other) for other in there)
    ]
