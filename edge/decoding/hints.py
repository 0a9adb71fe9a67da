"""What the bytes of an unknown board look like: pace, framing, checksum, profiles that fit. Hints, no proof.

Frames do not identify a board: several makers share start bytes and checksums, so a hint is where to begin.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from edge.decoding.checksums import CHECKSUMS, Algorithm
from edge.decoding.decoder import Decoder
from edge.decoding.profile import Profile
from edge.decoding.results import Message

Chunk = tuple[float, bytes]
"""When bytes were read, seconds since the beginning, and the bytes."""

_PAUSE_S = 0.05
_TRIED_BYTES = 16_384
_LATEST_START = 4
_SHOWN_LINE = 100
_NEARLY_ALL = 0.75
"""A capture holds damaged frames, too."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Bytes without a pause between them."""

    at_s: float
    content: bytes


@dataclass(frozen=True, slots=True)
class Hints:
    """What was seen.

    Attributes:
        period_s: between bursts, median; None with fewer than two.
        sizes: bytes of a burst to how often, the most frequent first, at most three.
        is_text: almost only printable characters and line ends.
        framing: what a profile's codec might say, one hint each.
        profiles: id of a profile, messages it accepts, rejections; the best first, at most three.
    """

    seconds: float
    size: int
    bursts: int
    period_s: float | None
    sizes: tuple[tuple[int, int], ...]
    is_text: bool
    framing: tuple[str, ...]
    profiles: tuple[tuple[str, int, int], ...]


def bursts(chunks: Sequence[Chunk]) -> list[Burst]:
    """Return the chunks joined where no pause lies between them."""
    found: list[Burst] = []
    last_s = -1e9
    for at_s, content in chunks:
        if at_s - last_s < _PAUSE_S and found:
            found[-1] = Burst(found[-1].at_s, found[-1].content + content)
        else:
            found.append(Burst(at_s, content))
        last_s = at_s
    return found


def hints(chunks: Sequence[Chunk], seconds: float, known: Sequence[Profile]) -> Hints:
    """Return what the bytes look like.

    Args:
        chunks: as read, in order.
        seconds: how long was listened.
        known: profiles to try.
    """
    parts = bursts(chunks)
    stream = b"".join(part.content for part in parts)
    gaps_s = [b.at_s - a.at_s for a, b in pairwise(parts)]
    text = _is_text(stream)
    return Hints(
        seconds=seconds,
        size=len(stream),
        bursts=len(parts),
        period_s=round(median(gaps_s), 3) if gaps_s else None,
        sizes=tuple(Counter(len(part.content) for part in parts).most_common(3)),
        is_text=text,
        framing=tuple(_of_text(stream) if text else _of_frames(parts, stream)),
        profiles=tuple(_fitting(stream[:_TRIED_BYTES], known)),
    )


def _is_text(stream: bytes) -> bool:
    printable = sum(byte in b"\r\n\t\x02\x03" or 0x20 <= byte < 0x7F for byte in stream)
    return bool(stream) and b"\n" in stream and printable >= 0.95 * len(stream)


def _of_text(stream: bytes) -> Iterator[str]:
    pieces = [piece.strip().decode("ascii", "replace") for piece in stream.split(b"\n")]
    # The first line may be cut, and the last.
    lines = [line for line in pieces[1:-1] if line] or [line for line in pieces if line] or [""]
    yield f"lines such as: {lines[0][:_SHOWN_LINE]}"
    if all(line.startswith("{") for line in lines):
        yield 'kind = "lines", form = "json"'
    elif any(line.startswith("$") and line[-3:-2] == "*" for line in lines):
        yield 'kind = "lines", form = "nmea", checksum = "nmea"'
    else:
        form = "kv" if all("=" in line for line in lines) else "csv"
        separator = max(",;\t ", key=lambda mark: min(line.count(mark) for line in lines))
        columns = sorted({line.count(separator) + 1 for line in lines})
        yield f'kind = "lines", form = "{form}", separator = "{separator}", columns = {columns}'


def _of_frames(parts: Sequence[Burst], stream: bytes) -> Iterator[str]:
    if stream.count(0x7E) >= 4 and all(part.content[:1] == part.content[-1:] == b"\x7e" for part in parts):
        yield 'kind = "shdlc": every burst begins and ends with 7e'
        return
    if not parts:
        return
    size = Counter(len(part.content) for part in parts).most_common(1)[0][0]
    frames = list({part.content for part in parts if len(part.content) == size})
    if size < 3 or len(frames) < 2:
        yield "too few different bursts of one length to tell frames; listen longer"
        return
    start, end = _constant(frames), _constant([frame[::-1] for frame in frames])
    yield f"length = {{ fixed = {size} }}: {len(frames)} different bursts of {size} bytes"
    if start:
        yield f'start = "{_most(frame[:start] for frame in frames).hex()}"'
    if end and start + end < size:
        yield f'end = "{_most(frame[size - end :] for frame in frames).hex()}"'
    yield from _checksums(frames, size, end if start + end < size else 0)


def _most(parts: Iterable[bytes]) -> bytes:
    return Counter(parts).most_common(1)[0][0]


def _constant(frames: Sequence[bytes]) -> int:
    """Return how many bytes nearly all frames have in common at the beginning."""
    shares = (Counter(column).most_common(1)[0][1] / len(frames) for column in zip(*frames, strict=True))
    return next((place for place, share in enumerate(shares) if share < _NEARLY_ALL), len(frames[0]))


def _checksums(frames: Sequence[bytes], size: int, end: int) -> Iterator[str]:
    for algorithm in CHECKSUMS:
        width = CHECKSUMS[algorithm].width
        for at in sorted({size - width, size - end - width}):
            starts = range(min(_LATEST_START, at - 1))
            start = next((start for start in starts if _holds(frames, algorithm, start, at)), None)
            if start is not None:
                yield f'checksum = {{ algorithm = "{algorithm}", over = [{start}, {at}], at = {at} }}'


def _holds(frames: Sequence[bytes], algorithm: Algorithm, start: int, at: int) -> bool:
    checksum = CHECKSUMS[algorithm]
    right = sum(checksum.encode(f[start:at]) == f[at : at + checksum.width] for f in frames)
    return right >= _NEARLY_ALL * len(frames)


def _fitting(stream: bytes, known: Sequence[Profile]) -> list[tuple[str, int, int]]:
    found = []
    for profile in known:
        decoder = Decoder(profile)
        results = [*decoder.feed(stream), *decoder.finish()]
        accepted = sum(isinstance(result, Message) and bool(result.values) for result in results)
        if accepted:
            found.append((profile.id, accepted, len(results) - accepted))
    return sorted(found, key=lambda fit: (-fit[1], fit[2]))[:3]
