"""Measure what a change of microphone and of source costs: the figures of the report are of neither.

Another microphone: every recording is heard through a response of its own, drawn at random, by the networks
whose last layers were fitted on the recordings as they are, and by the peers. Another source: the positives
of a source are scored by last layers that learned from none of them, and from none of their fold.

    python -m scripts.street_sound.elsewhere --recordings DIR --peers DIR --cache DIR [--more DIR]
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from edge.dsp.log_mel import SAMPLE_RATE_HZ
from scripts.street_sound.corpus import FOLDS, SEED, Clip, read_manifest, read_tracks
from scripts.street_sound.figures import FALSE_POSITIVES, Truth, found, markdown
from scripts.street_sound.head import TERMS, Heard, answers, fit, hear, load
from scripts.street_sound.labels import FROM_MANIFEST, OUTPUTS
from scripts.street_sound.measures import recall_at
from scripts.street_sound.more import read_further
from scripts.street_sound.peers import tag_families
from scripts.street_sound.progress import progress
from scripts.street_sound.scores import Scores, Windows, joined, ours, peers, windows
from scripts.street_sound.train import trained

Track = npt.NDArray[np.int16]
_LEFT_OUT = (
    ("gunshot", "gunshot_video"),
    ("gunshot", "urbansound8k"),
    ("scream", "scream_mixed"),
    ("siren", "urbansound8k"),
    ("horn", "urbansound8k"),
)
"""Sources that give most of a class, where others are left to learn it from."""


_MICROPHONE = """## Elsewhere

The figures above are of recordings by the same microphones, and mostly from the same sources, as those
that were learned from. This is what changes (`elsewhere.py`). First, every recording through a response of
its own: a tilt of some dB an octave, a curve of 3 dB, in a third of them the band limit of a cheap recording.
The networks are those above, which know nothing of it:

"""
_SOURCE = """And recall at 1 % false positives of sources that give most of a class, scored on every second
window, by last layers that learned from the source's other folds, and by last layers that learned from none
of its positives:

"""


def response_db(rng: np.random.Generator, hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Draw what a microphone, its housing and a codec do to each frequency, in dB.

    A tilt, a curve through eight points, and now and then the band limit of a cheap recording, or low
    frequencies cut off: wider than what a calibrated microphone may differ, as recordings do.
    """
    hz = np.maximum(hz, 5.0)
    knots = np.geomspace(50, SAMPLE_RATE_HZ / 2, 8)
    gain = np.interp(hz, knots, rng.normal(0, 3, 8)) + rng.normal(0, 2) * np.log2(np.maximum(hz, 50) / 1000)
    if rng.random() < 0.35:
        gain = gain - 360 * np.maximum(0, hz / rng.choice([3600, 5000, 7500, 10_000, 12_500]) - 1)
    if rng.random() < 0.3:
        gain = gain - 24 * np.log2(np.maximum(1, rng.uniform(60, 400) / hz))
    return np.maximum(gain, -120.0)


def through(rng: np.random.Generator, track: Track) -> Track:
    """Return a recording as another microphone gives it, as loud as it was; silence stays silence."""
    length = next_fast_len(track.size + SAMPLE_RATE_HZ // 10, real=True)
    gain = 10 ** (response_db(rng, rfftfreq(length, 1 / SAMPLE_RATE_HZ)) / 20)
    sound = track.astype(np.float64)
    changed = irfft(rfft(sound, length) * gain, length)[: track.size]
    scale = np.sqrt(np.square(sound).mean() / max(np.square(changed).mean(), 1e-12))
    scale = min(scale, 32767 / max(np.abs(changed).max(), 1.0))
    given: Track = np.rint(scale * changed).astype(np.int16)
    return given


def _microphone(args: argparse.Namespace, clips: list[Clip], tracks: list[Track]) -> str:
    cache = args.cache / "elsewhere"
    cache.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    changed = [through(rng, track) for track in tracks]
    seen = windows(cache, changed)
    models = {
        "ours": ours(args.cache / "networks-any", clips, seen),
        **peers(args.peers, cache, clips, changed),
    }
    told = {name: scores.told(by_segment=True).of_segments() for name, scores in models.items()}
    truth = Truth(clips, told["ours"], seen.silence(told["ours"]))
    return markdown(found(truth, told), list(told))


def without(clips: list[Clip], name: str, source: str) -> list[Clip]:
    """Return the clips, those of a class that are of a source in no fold."""
    return [
        replace(c, fold=FOLDS) if c.source == source and c.label == FROM_MANIFEST[name] else c for c in clips
    ]


def _recall(
    clips: list[Clip], scores: Scores, silent: npt.NDArray[np.bool_], name: str, source: str
) -> float:
    truth, column = Truth(clips, scores, silent), scores.logits[:, OUTPUTS.index(name)]
    holds = truth.positive(name) & (truth.source == source)
    return recall_at(column[holds], column[truth.negative(name)], FALSE_POSITIVES)


def _sources(heard: Heard, clips: list[Clip], seen: Windows) -> list[str]:
    fold = np.array([c.fold for c in clips])

    def scored(taught: list[Clip]) -> Scores:
        layers = [fit(heard, taught, [j for j in range(FOLDS) if j != k], TERMS) for k in range(FOLDS)]
        return joined([answers(heard, layer, fold == k) for k, layer in enumerate(layers)])

    known = scored(clips)
    silent = seen.silence(known)
    rows = ["| class | source | learned from | left out |", "|---|---|---|---|"]
    for name, source in progress(_LEFT_OUT, "sources"):
        left_out = scored(without(clips, name, source))
        both = (_recall(clips, scores, silent, name, source) for scores in (known, left_out))
        rows.append(f"| {name} | {source} | " + " | ".join(f"{r:.2f}" for r in both) + " |")
    return rows


def main() -> None:
    """Print both tables as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--peers", type=Path, required=True, help="folder of the teachers and peers")
    parser.add_argument("--cache", type=Path, required=True, help="folder that head.py wrote")
    parser.add_argument("--more", type=Path, help="folder of further sound files, as for head.py")
    args = parser.parse_args()
    torch.set_num_threads(1)
    clips = read_manifest(args.recordings, SEED)
    tracks = read_tracks(args.recordings, clips, args.cache)
    sys.stdout.write(_MICROPHONE + _microphone(args, clips, tracks) + "\n\n" + _SOURCE)
    seen = windows(args.cache, tracks)
    further = read_further(args.more, args.peers, args.cache) if args.more else None
    net, judge = load(trained(args.cache), tag_families(args.peers))
    heard = hear(net, judge, seen, args.cache / "pool-any", further)
    sys.stdout.write("\n".join(_sources(heard, clips, seen)) + "\n")


if __name__ == "__main__":
    main()
