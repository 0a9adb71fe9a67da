"""Counts who crosses a line, each track once, in the direction in which it did."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.vision.tracks import Track

PixelLine = tuple[tuple[float, float], tuple[float, float]]

# Of the box's height: so far on the other side one has crossed, so that a sway on the line is no crossing.
_BEYOND_HEIGHTS = 0.12
# Beyond the ends of the line by this share of its length it still counts: feet are seen a little off.
_BEYOND_ENDS = 0.02


@dataclass(frozen=True, slots=True)
class Crossing:
    """One track crossed one line.

    Attributes:
        line: its number in the settings.
        inwards: from the right to the left of the line, looking from its first point to its second.
    """

    line: int
    label: int
    inwards: bool


def crossings(tracks: Sequence[Track], lines: Sequence[PixelLine]) -> list[Crossing]:
    """Return the crossings that the tracks' latest step completed; each track remembers where it stood.

    Who is out of sight crosses nothing, and may have done so when it is seen again.
    """
    found = []
    for track in (track for track in tracks if not track.unseen):
        for number, line in enumerate(lines):
            side = _side(track, line)
            if side is None:  # who walks round the end of the line has not crossed it
                track.side_of.pop(number, None)
                continue
            if side == 0:
                continue
            before = track.side_of.get(number, 0)
            track.side_of[number] = side
            if before == -side and number not in track.crossed:
                track.crossed.add(number)
                found.append(Crossing(number, track.label, inwards=side > 0))
    return found


def _side(track: Track, line: PixelLine) -> int | None:
    """Return 1 left of the line, -1 right of it, 0 on it, None beyond its ends."""
    (ax, ay), (bx, by) = line
    x, y = track.feet
    along_x, along_y = bx - ax, by - ay
    length = (along_x**2 + along_y**2) ** 0.5
    along = ((x - ax) * along_x + (y - ay) * along_y) / length**2
    if not -_BEYOND_ENDS <= along <= 1 + _BEYOND_ENDS:
        return None
    # Down is positive in a picture, so left of the direction has the negative sign.
    off = (along_x * (y - ay) - along_y * (x - ax)) / length
    if abs(off) < _BEYOND_HEIGHTS * float(track.box[3]):
        return 0
    return -1 if off > 0 else 1
