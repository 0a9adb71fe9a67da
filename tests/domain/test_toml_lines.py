"""Where a key stands in a TOML text."""

import pytest

from edge.domain.toml_lines import line_of

TEXT = """\
# a comment
[node]
city = "x"

[[sources.board]]
port = "a"

[[sources.board]]
port = "b"
deep.er = 1

[sources.microphone] # trailing
"gain" = 3
"""


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("node",), 2),
        (("node", "city"), 3),
        (("sources", "board", 0, "port"), 6),
        (("sources", "board", 1, "port"), 9),
        (("sources", "board", 1, "deep", "er"), 10),
        (("sources", "board", 1, "absent"), 8),
        (("sources", "microphone", 0, "gain"), 13),
        (("sources", "microphone", "gain"), 13),
        (("sources",), 5),
        (("nothing",), None),
    ],
)
def test_line_of(location: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(TEXT, location) == line
