#!/usr/bin/env python3
"""Feed random bytes to every decoder: no exception, bounded memory, and how many readings come of it.

Usage: python scripts/fuzz_decoders.py [--bytes 10000000] [--seed 1] [PROFILE ...]

Half of the bytes are plain noise. The other half is noise between pieces of the profile's own examples, cut
or with one byte changed, because plain noise hardly ever gets past the first byte of a frame. A reading that
comes of noise, or of a damaged piece with other values than the example's, is one that the board's own
checksum could not tell from a real one: it is counted, not forbidden. (Noise completes a cut frame with an
8-bit checksum once in 256 times.) Exit code 1 when a decoder raises, keeps more than a frame, or tells what
is no number.
"""

import argparse
import math
import random
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from edge.decoding.catalogue import load_known, shipped_paths
from edge.decoding.decoder import Decoder
from edge.decoding.examples import decode
from edge.decoding.profile import Profile
from edge.decoding.readings import longest_frame
from edge.decoding.results import Message

_CHUNK = 4096


def plain(source: random.Random, size: int) -> Iterator[bytes]:
    """Yield random bytes in portions of uneven length."""
    while size > 0:
        portion = min(size, source.randrange(1, 2 * _CHUNK))
        yield source.randbytes(portion)
        size -= portion


def mixed(source: random.Random, size: int, pieces: list[bytes]) -> Iterator[bytes]:
    """Yield random bytes with damaged pieces of real frames between them."""
    while size > 0:
        piece = bytearray(source.choice(pieces))
        if source.random() < 0.5:
            del piece[source.randrange(len(piece)) :]
        else:
            piece[source.randrange(len(piece))] ^= source.randrange(1, 256)
        portion = source.randbytes(source.randrange(40)) + bytes(piece)
        yield portion
        size -= len(portion)


def feed(
    profile: Profile, portions: Iterator[bytes], known: list[dict[str, float]]
) -> tuple[int, int, float]:
    """Return how many readings came that are not known, the bytes fed and the seconds it took.

    Raises:
        AssertionError: the decoder keeps more than a frame, or tells what is no number.
    """
    decoder, limit = Decoder(profile), longest_frame(profile)
    size, readings = 0, 0
    begun = time.process_time()
    for portion in portions:
        size += len(portion)
        for result in decoder.feed(portion):
            if isinstance(result, Message) and result.values:
                readings += dict(result.values) not in known
                assert all(map(math.isfinite, result.values.values())), f"{result.values}: no numbers"
        assert decoder.pending <= limit, f"{decoder.pending} bytes kept, a frame has at most {limit}"
    decoder.finish()
    return readings, size, time.process_time() - begun


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What came of it: bytes fed and readings told, of noise and of damaged pieces, and bytes a second."""

    noise: int
    of_noise: int
    damage: int
    of_damage: int
    rate: float


def fuzz(profile: Profile, size: int, seed: int) -> Fuzzed:
    """Feed a decoder. Raises AssertionError as `feed` does, and whatever the decoder raises."""
    source = random.Random(f"{seed} {profile.id}")
    pieces = [e.received for e in profile.examples if e.received and e.message]
    known = [dict(r.values) for r in decode(profile, pieces) if isinstance(r, Message)]
    of_noise, noise, noise_s = feed(profile, plain(source, size // 2), [])
    of_damage, damage, damage_s = feed(profile, mixed(source, size // 2, pieces), known)
    return Fuzzed(noise, of_noise, damage, of_damage, (noise + damage) / (noise_s + damage_s))


def main() -> int:
    """Fuzz every profile, or those named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--bytes", type=int, default=10_000_000, help="per decoder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("profiles", nargs="*", metavar="PROFILE")
    args = parser.parse_args()
    failed = 0
    row = "{:26} {:>10} {:>9} {:>10} {:>10} {:>10}\n"
    sys.stdout.write(row.format("profile", "noise", "readings", "damaged", "readings", "MB/s"))
    for name in args.profiles or [path.stem for path in shipped_paths()]:
        try:
            found = fuzz(load_known(name), args.bytes, args.seed)
        except Exception as error:  # noqa: BLE001 - whatever a decoder throws is what this looks for
            failed += 1
            sys.stdout.write(f"{name}: {type(error).__name__}: {error}\n")
            continue
        told = (found.noise, found.of_noise, found.damage, found.of_damage, f"{found.rate / 1e6:.2f}")
        sys.stdout.write(row.format(name, *told))
        sys.stdout.flush()
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"peak memory {peak_mib:.0f} MiB, {failed} decoders failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
