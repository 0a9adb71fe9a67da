"""RFC 8785: one spelling for each content, the same in every language."""

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.signing.canonical import NotCanonicalError, canonical

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)

# RFC 8785, appendix B: the bits of a double and how ECMAScript spells it.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "spelled"), NUMBERS.items())
def test_numbers_are_spelled_as_the_standard_lists_them(bits: str, spelled: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical({"n": number}) == b'{"n":%s}' % spelled.encode()


def test_the_example_of_the_standard() -> None:
    content = json.loads(
        '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],'
        '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}'
    )
    assert canonical(content).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_names_are_in_the_order_of_their_utf_16_code_units() -> None:
    names = ["€", "\r", "\ufb33", "1", "😀", "\x80", "ö"]
    spelled = canonical(dict.fromkeys(names, 0))
    assert list(json.loads(spelled)) == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]


def test_another_programs_spelling_has_the_same_form() -> None:
    assert canonical(json.loads('{"b": 5.0, "a": 1e1}')) == canonical({"a": 10, "b": 5}) == b'{"a":10,"b":5}'


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_it_reads_back_and_is_stable(content: dict[str, object]) -> None:
    spelled = canonical(content)
    again = json.loads(spelled, parse_int=float)
    assert again == content
    assert canonical(again) == spelled


@pytest.mark.parametrize(
    "content",
    [
        {"n": float("nan")},
        {"n": float("-inf")},
        {"n": 2**53 + 2},
        {"n": b"bytes"},
        {"n": "\ud800"},
        {"n": json.loads("[" * 500 + "]" * 500)},
    ],
)
def test_what_has_no_form_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(NotCanonicalError):
        canonical(content)
