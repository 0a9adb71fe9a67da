"""What each model says about the windows of each recording: ours out of fold, and the peers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.dsp.log_mel import SAMPLE_RATE_HZ, cut_windows, log_mel
from edge.dsp.pooling import log_odds, pooled_over
from scripts.onnx_files import one_thread_session
from scripts.street_sound.corpus import FOLDS, Clip
from scripts.street_sound.labels import OUTPUTS, POOLED, POOLED_S
from scripts.street_sound.peers import AUDIOSET, YAMNET_HOP_S, Mn04, Yamnet
from scripts.street_sound.progress import progress

Floats = npt.NDArray[np.float32]
HOP_S = 0.25
SEGMENT = 5 * SAMPLE_RATE_HZ


def _key(clip: npt.NDArray[np.int64], segment: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return one number for each segment of each clip."""
    return clip * 100_000 + segment


@dataclass(frozen=True)
class Scores:
    """Logits of OUTPUTS.

    Attributes:
        clip: (n,) index of the clip of each row.
        segment: (n,) number of the five seconds within the clip.
        start_s: (n,) where the window or segment begins in the clip.
        logits: (n, len(OUTPUTS)).
    """

    clip: npt.NDArray[np.int64]
    segment: npt.NDArray[np.int64]
    start_s: Floats
    logits: Floats

    def only(self, clips: npt.NDArray[np.int64]) -> "Scores":
        """Return the rows of those clips."""
        rows = np.isin(self.clip, clips)
        return Scores(self.clip[rows], self.segment[rows], self.start_s[rows], self.logits[rows])

    def runs(self, *, by_segment: bool) -> list[npt.NDArray[np.int64]]:
        """Return the rows of each segment or clip, which stand one after the other."""
        of = _key(self.clip, self.segment) if by_segment else self.clip
        return np.split(np.arange(of.size), np.flatnonzero(np.diff(of)) + 1)

    def told(self, names: tuple[str, ...] = POOLED, *, by_segment: bool) -> "Scores":
        """Return windows, some classes pooled with the windows before, as in the daemon (at a longer hop).

        Args:
            names: of the classes.
            by_segment: pool within each segment rather than across the clip.
        """
        columns, logits = np.array([OUTPUTS.index(name) for name in names]), self.logits.copy()
        for rows in self.runs(by_segment=by_segment):
            logits[np.ix_(rows, columns)] = pooled_over(
                self.logits[np.ix_(rows, columns)], self.start_s[rows], POOLED_S
            )
        return Scores(self.clip, self.segment, self.start_s, logits)

    def of_clips(self) -> "Scores":
        """Return the largest logit of each clip."""
        return Scores(self.clip, np.zeros_like(self.segment), self.start_s, self.logits).of_segments()

    def of_segments(self) -> "Scores":
        """Return the largest logit of each segment."""
        key = _key(self.clip, self.segment)
        order = np.argsort(key, kind="stable")
        _, first = np.unique(key[order], return_index=True)
        rows = order[first]
        largest = np.maximum.reduceat(self.logits[order], first, axis=0)
        return Scores(self.clip[rows], self.segment[rows], self.start_s[rows], largest)


def segments(track: npt.NDArray[np.int16]) -> list[Floats]:
    """Cut a track into pieces of five seconds; a rest of one second or less is left out."""
    sound: Floats = np.asarray(track, dtype=np.float32) / np.float32(32768)
    starts = [s for s in range(0, max(1, sound.size), SEGMENT) if s == 0 or sound.size - s > SAMPLE_RATE_HZ]
    return [sound[s : s + SEGMENT] for s in starts]


@dataclass(frozen=True)
class Windows:
    """The pictures of every window of every clip, as float16, their places, and which are silent."""

    clip: npt.NDArray[np.int64]
    segment: npt.NDArray[np.int64]
    start_s: Floats
    silent: npt.NDArray[np.bool_]
    pictures: npt.NDArray[np.float16]

    def place(self) -> npt.NDArray[np.int64]:
        """Return which of its segment's windows each is: 0, 1, ..."""
        first = np.flatnonzero(np.diff(_key(self.clip, self.segment), prepend=-1))
        return np.arange(self.clip.size) - np.repeat(first, np.diff(first, append=self.clip.size))

    def silence(self, scores: Scores) -> npt.NDArray[np.bool_]:
        """Return which rows of `scores` are of segments that hold nothing but silence."""
        loud = np.unique(_key(self.clip, self.segment)[~self.silent])
        return ~np.isin(_key(scores.clip, scores.segment), loud)


def windows(cache: Path, tracks: list[npt.NDArray[np.int16]]) -> Windows:
    """Return the windows of all clips, made once into `cache`."""
    store, places = cache / "windows.npy", cache / "places.npz"
    if not places.exists():
        found: list[tuple[int, int, float]] = []
        pictures = []
        for index in progress(range(len(tracks)), "pictures", every=300):
            for number, piece in enumerate(segments(tracks[index])):
                starts, cut = zip(*cut_windows(piece, HOP_S), strict=True)
                found += [(index, number, number * SEGMENT / SAMPLE_RATE_HZ + s) for s in starts]
                pictures.append(log_mel(np.stack(cut)).astype(np.float16))
        whole = np.concatenate(pictures)
        np.save(store, whole)
        clip, segment, start_s = zip(*found, strict=True)
        at_s, silent = np.array(start_s, np.float32), np.array([np.ptp(one) == 0 for one in whole])
        np.savez(places, clip=clip, segment=segment, start_s=at_s, silent=silent)
    at = np.load(places)
    return Windows(at["clip"], at["segment"], at["start_s"], at["silent"], np.load(store, mmap_mode="r"))


def ours(networks: Path, clips: list[Clip], seen: Windows) -> Scores:
    """Windows of the clips of every fold that has its last layer, which never saw the clip's fold."""
    fold = np.array([c.fold for c in clips])[seen.clip]
    logits = np.empty((seen.clip.size, len(OUTPUTS)), np.float32)
    folds = [k for k in range(FOLDS) if (networks / f"{k}.head.pt").exists()]
    if not folds:
        raise SystemExit(f"{networks}: no last layer of a fold; run scripts.street_sound.head first")
    for k in folds:
        session, rows = one_thread_session(networks / f"{k}.onnx"), np.flatnonzero(fold == k)
        for some in np.array_split(rows, max(1, rows.size // 64)):
            (found,) = session.run(None, {"log_mel": seen.pictures[some].astype(np.float32)})
            logits[some] = log_odds(found)
    whole = Scores(seen.clip, seen.segment, seen.start_s, logits)
    return whole.only(np.array([i for i, c in enumerate(clips) if c.fold in folds]))


def peers(
    folder: Path, cache: Path, clips: list[Clip], tracks: list[npt.NDArray[np.int16]]
) -> dict[str, Scores]:
    """Windows of every clip, scored by the public models; mn04 hears a segment at once."""
    mn04, yamnet = Mn04(folder), Yamnet(folder)

    def tags(name: str, piece: Floats) -> tuple[Floats, dict[str, list[int]]]:
        return (mn04(piece)[0][None], mn04.columns) if name == "mn04" else (yamnet(piece), yamnet.columns)

    found: dict[str, Scores] = {}
    for name in ("mn04", "yamnet"):
        store = cache / f"{name}_windows.npz"
        if not store.exists():
            rows = []
            for index in progress(range(len(clips)), name, every=300):
                for number, piece in enumerate(segments(tracks[index])):
                    rows.append(_of_peer(index, number, *tags(name, piece)))
            _save(store, rows)
        found[name] = _load(store)
    return found


def _of_peer(index: int, number: int, tags: Floats, columns: dict[str, list[int]]) -> Scores:
    """Scores of the windows of a segment: the largest member of each class."""
    nothing = np.zeros(len(tags), np.float32)
    best = np.stack([tags[:, columns[o]].max(axis=1) if columns[o] else nothing for o in AUDIOSET], axis=1)
    count = len(tags)
    at_s = number * SEGMENT / SAMPLE_RATE_HZ + np.arange(count, dtype=np.float32) * np.float32(YAMNET_HOP_S)
    return Scores(np.full(count, index), np.full(count, number), at_s, log_odds(best).astype(np.float32))


def joined(rows: list[Scores]) -> Scores:
    """Return the rows of all of them."""
    return Scores(
        *(np.concatenate([getattr(r, f) for r in rows]) for f in ("clip", "segment", "start_s", "logits"))
    )


def _save(path: Path, rows: list[Scores]) -> None:
    whole = joined(rows)
    np.savez(path, clip=whole.clip, segment=whole.segment, start_s=whole.start_s, logits=whole.logits)


def _load(path: Path) -> Scores:
    stored = np.load(path)
    assert stored["logits"].shape[1] == len(OUTPUTS)
    return Scores(stored["clip"], stored["segment"], stored["start_s"], stored["logits"])
