"""Polygons and lines drawn on a picture, in shares of its width and height; (0, 0) is the upper left.

Shares, because a camera may change its resolution: what was drawn on the street stays where it is.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Annotated

from pydantic import AfterValidator, Field

_SMALLEST_AREA = 1e-4
"""Share of the picture: a hundredth of each side; smaller is a slip of the hand."""
_SHORTEST_LINE = 0.01

Share = Annotated[float, Field(allow_inf_nan=False)]
Point = tuple[Share, Share]


def area(points: Sequence[Point]) -> float:
    """Return the area inside a polygon (shoelace), in the square of its unit."""
    turns = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in _edges(points))
    return abs(turns) / 2


def _edges(points: Sequence[Point]) -> list[tuple[Point, Point]]:
    return list(zip(points, [*points[1:], points[0]], strict=True))


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two lines cross, ends apart."""
    (a, b), (c, d) = one, other
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def hull(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the corners of the smallest convex polygon around points, in order (Andrew's monotone chain)."""
    ordered = sorted(set(points))
    return tuple(_half_hull(ordered) + _half_hull(ordered[::-1]))


def _half_hull(points: Sequence[Point]) -> list[Point]:
    chain: list[Point] = []
    for point in points:
        while len(chain) >= 2 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain[:-1]


def _inside_picture(point: Point) -> Point:
    if not all(0 <= share <= 1 for share in point):
        raise ValueError(
            f"the point {list(point)} is outside of the picture; give shares of its width and height, 0 to 1 "
            "(pixels divided by the picture's size)"
        )
    return point


def _checked(points: tuple[Point, ...]) -> tuple[Point, ...]:
    for point in points:
        _inside_picture(point)
    if len(points) < 3:
        raise ValueError(f"a polygon of {len(points)} points has no inside; give at least three")
    if any(cross(one, other) for one, other in combinations(_edges(points), 2)):
        raise ValueError("the polygon crosses itself; give its corners in order, round about")
    if area(points) < _SMALLEST_AREA:
        raise ValueError("the polygon has next to no inside; its points lie on one line")
    return points


def _line(points: tuple[Point, Point]) -> tuple[Point, Point]:
    for point in points:
        _inside_picture(point)
    (x1, y1), (x2, y2) = points
    if max(abs(x2 - x1), abs(y2 - y1)) < _SHORTEST_LINE:
        raise ValueError("the line begins where it ends; give two points that are apart")
    return points


PicturePoint = Annotated[Point, AfterValidator(_inside_picture)]
Polygon = Annotated[tuple[Point, ...], AfterValidator(_checked)]
Line = Annotated[tuple[Point, Point], AfterValidator(_line)]

PRIVACY_ZONES = (
    "polygons that are black from the first moment: windows, doors, gardens; points as shares 0..1"
)
