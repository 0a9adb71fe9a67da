"""A profile that is wrong is not loaded, and the message says which file, which key and why."""

import re
from pathlib import Path

import pytest

from edge.decoding.catalogue import FOLDER, ProfileError, find, load
from edge.domain.shipped import shipped

GOOD = """\
schema = 1
id = "thing"
name = "A thing"
transport = { baud = 9600 }
timing = { mode = "stream", period_s = 1.0, stale_s = 5.0 }
deny = ["5509"]

[codec]
kind = "frame"
start = "55"
length = { fixed = 6 }
end = "0d"
checksum = { algorithm = "sum8", over = [0, 4], at = 4 }

[[messages]]
id = "data"
match = [{ at = 1, hex = "01" }]
fields = [{ name = "t", at = 2, type = "u16be", scale = 0.1, unit = "degC", range = [-40, 85] }]

[commands]
go = { hex = "5501" }

[lifecycle]
init = ["go"]

[[examples]]
rx = "550100c81e0d"
message = "data"
values = { t = 20.0 }

[[examples]]
rx = "550100c81f0d"
error = "checksum"
"""

POLLED = """\
schema = 1
id = "polled"
name = "Polled"
transport = { baud = 9600 }
timing = { mode = "poll", period_s = 1.0, stale_s = 5.0 }
[codec]
kind = "shdlc"
[[messages]]
id = "data"
match = [{ command = 3 }, { length = 4 }]
fields = [{ name = "pm1", at = 0, type = "f32be", unit = "ug/m3" }]
[commands]
read = { cmd = 3 }
[lifecycle]
poll = ["read"]
[[examples]]
command = "read"
tx = "7e000300fc7e"
[[examples]]
rx = "7e00030004000000 00f87e"
message = "data"
[[examples]]
rx = "7e00030004000000 00f97e"
error = "checksum"
"""

LINES = """\
schema = 1
id = "rows"
name = "Rows"
transport = { baud = 9600 }
timing = { mode = "stream", period_s = 1.0, stale_s = 5.0 }
[codec]
kind = "lines"
form = "csv"
columns = [2]
[[messages]]
id = "row"
fields = [{ name = "t", column = 0, unit = "degC" }]
[[examples]]
text = "20.5,1\\n"
message = "row"
values = { t = 20.5 }
[[examples]]
text = "20.5\\n"
error = "length"
"""


def problems(text: str, folder: Path) -> str:
    path = folder / "thing.toml"
    path.write_text(text)
    with pytest.raises(ProfileError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message


@pytest.mark.parametrize("text", [GOOD, POLLED, LINES])
def test_what_is_right_is_loaded(text: str, tmp_path: Path) -> None:
    path = tmp_path / "thing.toml"
    path.write_text(text)
    assert load(path).messages


@pytest.mark.parametrize(
    ("base", "old", "new", "expected"),
    [
        (GOOD, "schema = 1", "schema = 2", r"schema: .*1"),
        (GOOD, 'name = "A thing"', 'name = "A thing"\ncolour = "red"', "colour: unknown key"),
        (GOOD, 'start = "55"', 'begin = "55"', "codec.begin: unknown key"),
        (GOOD, 'start = "55"', 'start = "5"', "codec.start: give pairs of hexadecimal digits"),
        (GOOD, 'start = "55"', "start = 55", "codec.start"),
        (GOOD, 'start = "55"\n', "length = { at = 1, sizes = { '01' = 6 } }\n", "not TOML"),
        (GOOD, 'start = "55"\n', "contiguous = true\n", "contiguous: needs start bytes"),
        (GOOD, 'start = "55"', 'start = ""\nend = ""', "not TOML"),
        (GOOD, '"frame"', '"magic"', r"codec: .*magic"),
        (GOOD, '"sum8"', '"sum9"', r"codec.checksum.algorithm: .*sum8"),
        (GOOD, '"u16be"', '"u16"', r"messages\[0\].fields\[0\].type: .*u16be"),
        (GOOD, '"degC"', '"kelvin"', r"messages\[0\].fields\[0\].unit: .*degC"),
        (GOOD, "scale = 0.1", 'scale = "raw / 10"', r"messages\[0\].fields\[0\].scale"),
        (GOOD, "scale = 0.1", "scale = 0", "scale: 0 would"),
        (GOOD, "scale = 0.1", "scale = inf", r"fields\[0\].scale"),
        (GOOD, "[-40, 85]", "[85, -40]", "range: .*swapped"),
        (GOOD, "at = 4 }", "at = 6 }", "codec: checksum.at: 6 lies outside"),
        (GOOD, "over = [0, 4]", "over = [0, 9]", "codec: checksum.over: .*outside"),
        (GOOD, "over = [0, 4]", "over = [0, 5]", "codec: checksum.over: .*covers the checksum itself"),
        (GOOD, "fixed = 6", "fixed = 6, at = 1", "codec.length: at and sizes"),
        (GOOD, "fixed = 6", "at = 1", "codec.length: give one of"),
        (GOOD, "{ fixed = 6 }", '{ at = 1, sizes = { "01" = 1 } }', "codec.length: sizes"),
        (
            GOOD,
            "fixed = 6",
            'field = { at = 5, type = "u16be", min = 6, max = 9 }',
            "codec: length.field: lies",
        ),
        (GOOD, 'end = "0d"', 'end = "0d0d0d0d0d0d"', "codec: length: 6 bytes do not hold"),
        (GOOD, "at = 2, type", "at = 0, type", r"messages\[0\].fields\[0\] \(t\): .*overlap the start bytes"),
        (GOOD, "at = 2, type", "at = 3, type", "overlap the checksum"),
        (GOOD, "at = 2, type", "at = 4, type", "overlap the end bytes"),
        (GOOD, "at = 2, type", "at = 5, type", "lie outside a frame of 6 bytes"),
        (GOOD, "at = 2, type", "column = 2, type", "a field of frame has 'at'"),
        (GOOD, 'type = "u16be", scale', 'type = "number", scale', "is a type of text lines"),
        (GOOD, 'unit = "degC"', 'unit = "id"', "is no measurement; give a role"),
        (GOOD, 'unit = "degC"', 'unit = "degC", size = 2', "size: bcd and str"),
        (GOOD, 'unit = "degC"', 'unit = "degC", mask = 65536', "mask: 0x10000 is wider"),
        (GOOD, 'unit = "degC"', 'unit = "degC", flags = { 16 = "a" }', "flags: a bit above 15"),
        (GOOD, 'unit = "degC"', 'unit = "degC", letters = { C = "degC" }', "letters: only kv"),
        (GOOD, 'unit = "degC"', 'unit = "degC", letters = { C = "hPa" }', "letters: units of different"),
        (
            GOOD,
            "range = [-40, 85] }]",
            'range = [-40, 85] }, { name = "h", at = 3, type = "u8", unit = "%" }]',
            r"fields\[1\] \(h\): overlaps the field 't'",
        ),
        (
            GOOD,
            "range = [-40, 85] }]",
            'range = [-40, 85] }, { name = "t", at = 2, type = "u8", unit = "degC" }]',
            r"messages\[0\]: fields: 't_c' twice",
        ),
        (GOOD, 'hex = "01" }]', 'hex = "01", length = 4 }]', r"match\[0\]: give one test"),
        (GOOD, 'hex = "01" }]', 'hex = "" }]', r"match\[0\]: hex: give at least one"),
        (GOOD, 'hex = "01" }]', 'hex = "01", mask = "0f0f" }]', r"match\[0\]: mask: as many"),
        (GOOD, 'at = 1, hex = "01"', "at = 1", r"match\[0\]: at goes with hex"),
        (GOOD, 'at = 1, hex = "01"', "command = 3", r"match\[0\]: 'command' does not suit frame"),
        (GOOD, 'init = ["go"]', 'init = ["gone"]', "lifecycle: no command 'gone'"),
        (GOOD, 'init = ["go"]', 'poll = ["go"]', "lifecycle.poll: needed by"),
        (
            GOOD,
            '{ hex = "5501" }',
            '{ hex = "005509" }',
            "commands.go: is never sent: the profile denies 5509",
        ),
        (
            GOOD,
            '{ hex = "5501" }',
            '{ hex = "ff018700000000" }',
            "commands.go: is never sent: zero calibration",
        ),
        (GOOD, '{ hex = "5501" }', "{ cmd = 3 }", "commands.go: needs codec.kind 'shdlc'"),
        (
            GOOD,
            '{ hex = "5501" }',
            "{ fn = 3, reg = 1, count = 1 }",
            "commands.go: needs codec.kind 'modbus_rtu'",
        ),
        (GOOD, '{ hex = "5501" }', "{ fn = 3, reg = 1 }", "commands.go: fn 3 and 4 need count"),
        (GOOD, '{ hex = "5501" }', "{ reg = 1, cmd = 1 }", "commands.go: reg: belongs to fn"),
        (GOOD, '{ hex = "5501" }', '{ hex = "55", payload = "01" }', "commands.go: payload: belongs to cmd"),
        (GOOD, '{ hex = "5501" }', "{ wait_s = 1 }", "commands.go: give one of hex"),
        (GOOD, "stale_s = 5.0", "stale_s = 0.5", "timing: stale_s: 0.5 must be longer"),
        (GOOD, "t = 20.0", "t = 20.1", r"examples\[0\]: t is 20.0, not 20.1"),
        (GOOD, "t = 20.0", "h = 20.1", r"examples\[0\]: h is None"),
        (GOOD, 'message = "data"', 'message = "date"', r"examples\[0\]: is the message 'data', not 'date'"),
        (GOOD, 'message = "data"', 'message = "data"\nflags = ["x"]', r"examples\[0\]: has the flags \[\]"),
        (GOOD, "values = { t = 20.0 }", 'absent = { t = "stale" }', r"examples\[0\]: t is not absent"),
        (
            GOOD,
            'rx = "550100c81e0d"',
            'rx = "550100c81e0d00"',
            r"examples\[0\]: gives 2 results \(data, noise\)",
        ),
        (
            GOOD,
            'error = "checksum"',
            'error = "tail"',
            r"examples\[1\]: is rejected for checksum, not for 'tail'",
        ),
        (GOOD, "c81f0d", "c81e0d", r"examples\[1\]: is accepted, should be rejected"),
        (GOOD, 'error = "checksum"', 'error = "bad luck"', r"examples\[1\].error"),
        (
            GOOD,
            'error = "checksum"',
            'error = "checksum"\nvalues = { t = 1 }',
            r"examples\[1\]: values, absent",
        ),
        (GOOD, 'error = "checksum"', "", r"examples\[1\]: give the message that must come out"),
        (GOOD, 'rx = "550100c81f0d"', "", r"examples\[1\]: give rx, text, or command"),
        (GOOD, GOOD[GOOD.rindex("[[examples]]") :], "", "examples: none shows bytes that are rejected"),
        (GOOD, GOOD[GOOD.index("[[examples]]") :], "", "examples: none shows a message that is accepted"),
        (GOOD, "[commands]", "[quality]\nfault = ['fan']\n[commands]", "quality.fault: 'fan' is no flag"),
        (
            GOOD,
            "[commands]",
            "[firmware]\nversion = 'fw'\nknown = ['1']\n[commands]",
            "firmware.version: 'fw' is no",
        ),
        (
            GOOD,
            "[commands]",
            "[firmware]\nversion = 't_c'\nknown = ['1']\n[commands]",
            "version: 't_c' is no field",
        ),
        (GOOD, "[commands]", "[firmware]\nversion = 't_c'\n[commands]", "firmware: known: give at least one"),
        (
            GOOD,
            "[commands]",
            "[[firmware.expect]]\nfield = 'mode'\nequals = [0]\nsetting = 'active'\n[commands]",
            r"firmware.expect\[0\].field: 'mode' is no",
        ),
        (POLLED, 'poll = ["read"]', "", "lifecycle.poll: needed by"),
        (
            POLLED,
            'mode = "poll", period_s = 1.0',
            'mode = "poll", shortest_poll_s = 2, period_s = 1.0',
            "period_s",
        ),
        (
            POLLED,
            'tx = "7e000300fc7e"',
            'tx = "7e000301fb7e"',
            r"examples\[0\]: command 'read' is 7e000300fc7e",
        ),
        (
            POLLED,
            'command = "read"\n',
            'command = "reed"\n',
            "examples: none shows the bytes of the computed",
        ),
        (POLLED, 'command = "read"\n', 'command = "reed"\n', r"examples\[0\]: no command 'reed'"),
        (POLLED, 'tx = "7e000300fc7e"', "", r"examples\[0\]: command and tx belong together"),
        (POLLED, 'id = "data"', 'id = "fault"', "messages: id 'fault' is taken"),
        (POLLED, "at = 0, type", "at = 2, type", "lie outside a frame of 4 bytes"),
        (
            POLLED,
            '{ name = "pm1"',
            '{ name = "x", at = 0, type = "str", size = 2, unit = "index" }, { name = "pm1"',
            "str",
        ),
        (LINES, 'form = "csv"', 'form = "nmea"', "codec: checksum: form nmea"),
        (LINES, 'form = "csv"', 'form = "json"', "codec: columns: only csv and kv"),
        (LINES, 'form = "csv"', 'form = "json"\nchecksum = "gill"', "codec: checksum: JSON"),
        (LINES, "column = 0", 'path = ["t"]', "a field of csv has 'column'"),
        (
            LINES,
            'column = 0, unit = "degC"',
            'column = 0, type = "u8", unit = "degC"',
            "is a type of binary frames",
        ),
        (LINES, "column = 0,", 'column = 0, type = "angle",', "angle is a type of NMEA"),
    ],
)
def test_what_is_wrong_is_named(base: str, old: str, new: str, expected: str, tmp_path: Path) -> None:
    assert old in base
    message = problems(base.replace(old, new, 1), tmp_path)
    assert re.search(expected, message), message


def test_two_messages_of_one_name() -> None:
    path = shipped(FOLDER) / "nova_sds011.toml"
    text = path.read_text().replace('id = "ack"', 'id = "data"')
    from edge.decoding.catalogue import parse
    from edge.decoding.crosscheck import problems as find_problems

    assert ("messages", "id 'data' twice") in list(find_problems(parse(text, path)))


def test_several_problems_are_all_named(tmp_path: Path) -> None:
    message = problems(GOOD.replace("u16be", "x").replace("baud = 9600", "baud = 1"), tmp_path)
    assert "transport.baud" in message
    assert "type" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"schema = ", "not TOML"), (b"\xff\xfe\x00", "is not text"), (b"", "schema: Field required")],
)
def test_a_file_that_is_no_profile(content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "thing.toml"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match=expected):
        load(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no such file"):
        load(tmp_path / "thing.toml")
    with pytest.raises(ProfileError, match="is a directory"):
        load(tmp_path)


def test_an_unknown_profile_has_a_nearest_one() -> None:
    with pytest.raises(LookupError, match="did you mean 'nova_sds011'"):
        find("nova_sds11")
    with pytest.raises(LookupError, match="did you mean 'sensirion_sps30'"):
        find("sps30")
    with pytest.raises(LookupError, match="profiles list"):
        find("qqqqqqqq")
    assert find("nova_sds011").name == "nova_sds011.toml"
    assert find("my/own.toml") == Path("my/own.toml")
