"""JSON is read strictly, digits kept; hostile input gives a ValueError and nothing worse."""

import time
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        b"[" * 100_000,
        b"[" * 70 + b"]" * 70,
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
