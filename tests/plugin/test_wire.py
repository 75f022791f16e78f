"""JSON is read strictly, digits kept; hostile input gives a ValueError and nothing worse."""

import json
import time
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import quote, urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import decimal_from_text
from venuekit.plugin import query_string, read_json, read_typed


def test_fractions_keep_their_digits() -> None:
    assert read_json(b'{"a": 1.10, "b": [0.00000001], "c": 12}') == {
        "a": Decimal("1.10"),
        "b": [Decimal("1E-8")],
        "c": 12,
    }
    assert str(read_json(b"1.10")) == "1.10"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"<html>",
        b"NaN",
        b'{"a": Infinity}',
        b"1e999999",
        b"1" * 5000,
        b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}',
        b'{"\\udc00\\ud800": [1]}',
        b"[" * 100_000,
        b"[" * 70 + b"]" * 70,
        b'{"a":' * 66 + b"1" + b"}" * 66,
        b'{"a": {"b": 1, "b" : 1}}',
        b'{"a": [-' + b"1" * 41 + b"]}",
        b"\xff\xfe",
        b'{"a": 1} trailing',
    ],
)
def test_what_is_not_sane_json_is_a_value_error(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        read_json(body)
    assert time.process_time() - started < 5  # a bound on effort, not a benchmark


@given(st.binary(max_size=300))
def test_any_bytes_give_a_value_or_a_value_error(body: bytes) -> None:
    try:
        value = read_json(body)
    except ValueError:
        return
    assert not isinstance(value, float)


WITHOUT_END = "1" * 41
AWKWARD = [
    '{"a": 1, "b": {"c": [{"d": 2}, {"d": 3}]}}',
    '{"time": "12:00:00", "text": "\\":\\" :"}',
    '{"a" : 1, "b"\t:\n2, "c"\r\n:3}',
    '{"a": 1, "b": ":", "a": 2}',
    '{"a":":", "a" :2}',
    '{"a": 1, "\\u0061": 2}',
    '[{"a": {"b": 1, "b": 1}}]',
    '{"a": {}, "b": [], "c": null, "d": true, "": -0}',
    f'{{"a": {WITHOUT_END[:-1]}}}',
    f'{{"a": [{WITHOUT_END}]}}',
    f"[-{WITHOUT_END[:-2]}, -{WITHOUT_END[:-1]}]",
    '{"a": [1.0, 1e3, -0.0, 1E-8]}',
    '"\\ud83d\\ude00 \\/ \\ud83d\\ude01"',
    "[" * 64 + "]" * 64,
    '\ufeff{"a": 1}',
]


def _slowly(text: str) -> object:
    """Read by the standard library alone, with every check spelled out."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError
        return dict(pairs)

    def short(digits: str) -> int:
        if len(digits) > 40:
            raise ValueError
        return int(digits)

    return json.loads(text, object_pairs_hook=once, parse_int=short, parse_float=decimal_from_text)


def _outcome(read: Callable[[str], object], text: str) -> str:
    try:
        return repr(read(text))
    except ValueError:
        return "refused"


@pytest.mark.parametrize("text", AWKWARD)
def test_the_quick_way_gives_what_the_slow_one_gives(text: str) -> None:
    expected = _outcome(_slowly, text)
    assert _outcome(read_json, text) == expected
    assert _outcome(lambda it: read_json(it.encode()), text) == expected


JSON_TEXTS = st.recursive(
    st.sampled_from(["1", "-0", "1.50", "1e2", "null", "true", '"x"', '":"', '"a:b"', '"\\":"'])
    | st.just(WITHOUT_END),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda values: f"[{','.join(values)}]")
        | st.lists(
            st.tuples(st.sampled_from(['"a"', '"b"', '"c:"', '"\\u0061"', '"a" ', '"b"\n']), inner),
            max_size=3,
        ).map(lambda pairs: "{" + ",".join(f"{name}:{value}" for name, value in pairs) + "}")
    ),
    max_leaves=8,
)


@given(JSON_TEXTS)
def test_no_member_that_stands_twice_slips_through(text: str) -> None:
    assert _outcome(read_json, text) == _outcome(_slowly, text)


def test_a_typed_body_of_the_wrong_shape_names_the_place() -> None:
    decoder = msgspec.json.Decoder(dict[str, list[int]])
    assert read_typed(b'{"a": [1]}', decoder) == {"a": [1]}
    with pytest.raises(ValueError, match=r"\$\[\.\.\.\]\[0\]"):
        read_typed(b'{"a": ["x"]}', decoder)
    with pytest.raises(ValueError, match=r"."):
        read_typed(b"\xff", decoder)


def test_a_query_is_encoded_by_rfc_3986_in_the_order_given() -> None:
    assert query_string([("b", "x y+z"), ("a", '["A"]'), ("s", "\uff5e-_.~")]) == (
        "b=x%20y%2Bz&a=%5B%22A%22%5D&s=%EF%BD%9E-_.~"
    )


@given(st.lists(st.tuples(*[st.text("aZ0-_.~=&%+ \xe9", max_size=4)] * 2), max_size=4))
def test_no_name_or_value_adds_a_pair_of_its_own(pairs: list[tuple[str, str]]) -> None:
    text = query_string(iter(pairs))
    assert text == urlencode(pairs, quote_via=quote, safe="-_.~")
