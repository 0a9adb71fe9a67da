"""A reliability plot as SVG: for each cue, what was told against the share that was so."""

from collections.abc import Iterator, Mapping, Sequence

Bins = Sequence[tuple[float, float, int]]

_SIDE, _GAP, _MARGIN = 150, 34, 46


def drawn(panels: Mapping[str, tuple[Bins, Bins]]) -> str:
    """Return the picture of panels: bins before (hollow) and after (filled) calibration, by cue."""
    width = _MARGIN + len(panels) * (_SIDE + _GAP)
    height = _SIDE + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, (name, (before, after)) in enumerate(panels.items()):
        parts += _panel(_MARGIN + number * (_SIDE + _GAP), _MARGIN - 12, name, before, after)
    low = _SIDE + 2 * _MARGIN - 8
    parts.append(f'<text x="{_MARGIN}" y="{low}">told; hollow: before calibration; area: how many</text>')
    parts.append(
        f'<text transform="translate(14 {_MARGIN + _SIDE * 0.75:.0f}) rotate(-90)">share that was so</text>'
    )
    return "\n".join([*parts, "</svg>\n"])


def _panel(left: int, top: int, name: str, before: Bins, after: Bins) -> Iterator[str]:
    yield f'<text x="{left}" y="{top - 8}">{name}</text>'
    yield f'<rect x="{left}" y="{top}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#888"/>'
    yield (
        f'<line x1="{left}" y1="{top + _SIDE}" x2="{left + _SIDE}" y2="{top}" stroke="#888" '
        'stroke-dasharray="4 3"/>'
    )
    for value in (0, 0.5, 1):
        yield f'<text x="{left + value * _SIDE - 6:.0f}" y="{top + _SIDE + 14}">{value:g}</text>'
        yield f'<text x="{left - 20}" y="{top + _SIDE * (1 - value) + 4:.0f}">{value:g}</text>'
    most = max([number for _, _, number in [*before, *after]], default=1)
    for points, style in ((before, 'fill="none" stroke="#b50"'), (after, 'fill="#06a" fill-opacity="0.8"')):
        for mean, true, number in points:
            x, y = left + mean * _SIDE, top + (1 - true) * _SIDE
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2 + 7 * (number / most) ** 0.5:.1f}" {style}/>'
