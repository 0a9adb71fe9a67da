#!/usr/bin/env python3
"""Measure how many frames per second each decoder reads on one core.

Usage: python scripts/measure_decoding.py [--seconds 1.0] [PROFILE ...]

The stream is the profile's first accepted example over and over, fed in 4096-byte portions as from a file,
and frame by frame as from a port. CPU time is counted, so other work on the machine matters less.
"""

import argparse
import sys
import time

from edge.decoding.catalogue import load_known, shipped_paths
from edge.decoding.decoder import Decoder
from edge.decoding.profile import Profile

_CHUNK = 4096


def frames_per_s(profile: Profile, frame: bytes, portion: int, seconds: float) -> float:
    """Return frames decoded per second of CPU time.

    Raises:
        AssertionError: not every frame was decoded.
    """
    frames = max(1, 40 * _CHUNK // len(frame))
    stream = frame * frames
    portions = [stream[i : i + portion] for i in range(0, len(stream), portion)]
    rounds, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        decoder = Decoder(profile)
        found = sum(len(decoder.feed(each)) for each in portions) + len(decoder.finish())
        assert found == frames, f"{found} of {frames} frames"
        rounds += 1
    return rounds * frames / spent


def main() -> int:
    """Measure every profile, or those named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU time per figure")
    parser.add_argument("profiles", nargs="*", metavar="PROFILE")
    args = parser.parse_args()
    row = "{:26} {:>6} {:>14} {:>14}\n"
    sys.stdout.write(row.format("profile", "bytes", "frames/s file", "frames/s port"))
    for name in args.profiles or [path.stem for path in shipped_paths()]:
        profile = load_known(name)
        frame = next(e.received for e in profile.examples if e.message and e.received)
        rates = [frames_per_s(profile, frame, portion, args.seconds) for portion in (_CHUNK, len(frame))]
        sys.stdout.write(row.format(name, len(frame), *(f"{rate:,.0f}" for rate in rates)))
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
