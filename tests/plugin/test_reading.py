"""Members of answers: every form that means the same is taken, and every fault names its place."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.plugin import Answer, Members

NS = 1_000_000_000


def members(**values: Any) -> Members:
    return Members(values)


def test_amounts_keep_every_digit_as_text_and_as_number() -> None:
    body = b'{"text": "0.10000000", "number": 0.10000000, "whole": 12, "below": "-1.50"}'
    read = Members.of(Answer(status=200, body=body))
    assert [str(read.amount(name)) for name in ("text", "number", "whole")] == [
        "0.10000000",
        "0.10000000",
        "12",
    ]
    assert read.number("below") == Decimal("-1.50")
    assert read.amounts("text", "whole") == {"text": Decimal("0.10000000"), "whole": Decimal(12)}


def test_what_is_left_out_null_or_empty_is_none() -> None:
    read = members(null=None, empty="", zero="0")
    for name in ("null", "empty", "missing"):
        assert read.text_or_none(name) is None
        assert read.amount_or_none(name) is None
    assert read.amount_or_none("zero") == Decimal(0)
    assert ["null" in read, "missing" in read, "empty" in read] == [False, False, True]


@pytest.mark.parametrize(
    ("value", "unit_ns", "expected"),
    [
        (1583652948, NS, 1583652948 * NS),
        ("1583652948955826", 1000, 1583652948955826000),
        (Decimal("1583652948.955826"), NS, 1583652948955826000),
    ],
)
def test_times_are_read_in_their_unit(value: Any, unit_ns: int, expected: int) -> None:
    assert members(at=value).time_ns("at", unit_ns=unit_ns) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-01-31 14:43:15", 1643640195 * NS),
        ("2022-01-31 14:43:15.796", 1643640195 * NS + 796_000_000),
        ("2022-01-31T14:43:15.123456789Z", 1643640195 * NS + 123_456_789),
        ("2022-01-31T15:43:15+01:00", 1643640195 * NS),
        ("2022-01-31T13:13:15-0130", 1643640195 * NS),
        ("2024-02-29T00:00:00Z", 1709164800 * NS),
    ],
)
def test_moments_are_read_with_blank_or_t_and_any_offset(text: str, expected: int) -> None:
    assert members(at=text).moment_ns("at") == expected


def test_rows_and_levels_are_read_with_their_places() -> None:
    read = Members.of('{"orders": [{"id": 7}], "in": {"bids": [["1.50", "2"], ["1.4", "3", "x"]]}}')
    assert [row.text("id") for row in read.rows("orders")] == ["7"]
    assert read.members("in").levels("bids") == (
        (Decimal("1.50"), Decimal(2)),
        (Decimal("1.4"), Decimal(3)),
    )
    assert len(read.members("in").levels("bids", depth=1)) == 1
    assert [row.integer("id") for row in Members.list_of(b'[{"id": "5"}, {"id": 6}]')] == [5, 6]
    assert read.rows("orders")[0].one_of("id", {"7": "seven"}) == "seven"


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda: Members.of("[]"), "$: no object: []"),
        (lambda: Members.list_of("{}"), "$: no list: {}"),
        (lambda: Members.list_of('[{}, "x"]'), "$[1]: no object: 'x'"),
        (lambda: members().text("id"), "$.id: is missing"),
        (lambda: members(id="").text("id"), "$.id: no text: ''"),
        (lambda: members(id=True).text("id"), "$.id: no text: True"),
        (lambda: members(id=1.5).number("id"), "$.id: no number: 1.5"),
        (lambda: members(id=[]).number("id"), "$.id: no number: []"),
        (lambda: members(id="1e5000").number("id"), "$.id: no number: '1e5000'"),
        (lambda: members(id="-1").amount("id"), "$.id: below zero: Decimal('-1')"),
        (lambda: members(id="1.0").integer("id"), "$.id: no whole number: '1.0'"),
        (lambda: members(id=True).integer("id"), "$.id: no whole number: True"),
        (lambda: members(at=0).time_ns("at", unit_ns=1), "$.at: no time since the epoch: 0"),
        (
            lambda: members(at=1583652948955826).time_ns("at", unit_ns=NS),
            "$.at: no time since the epoch: 1583652948955826",
        ),
        (lambda: members(at="2023-02-29 00:00:00").moment_ns("at"), "$.at: no moment"),
        (lambda: members(at="2023-02-28 24:00:00").moment_ns("at"), "$.at: no moment"),
        (lambda: members(at="0001-01-01T00:00:00Z").moment_ns("at"), "$.at: no moment"),
        (
            lambda: members(s="sideways").one_of("s", {"buy": 1, "sell": 2}),
            "$.s: none of buy, sell",
        ),
        (lambda: Members({"a": {"b": []}}).members("a").rows("c"), "$.a.c: is missing"),
        (
            lambda: members(bids=[["1", "2"], ["1"]]).levels("bids"),
            "$.bids[1]: no pair of price and quantity: ['1']",
        ),
        (lambda: members(bids=[["1", "-2"]]).levels("bids"), "$.bids[0].quantity: below zero"),
        (lambda: members(bids={}).levels("bids"), "$.bids: no list: {}"),
    ],
)
def test_a_fault_says_where_and_what(read: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"^\$") as caught:
        read()
    assert str(caught.value).startswith(said)
    assert len(str(caught.value)) < 120


def test_what_is_shown_of_an_answer_are_names() -> None:
    assert repr(members(balance="1000000", id=5)) == "<Members $: balance, id>"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_whatever_stands_there_ends_in_a_value_or_a_value_error(value: Any) -> None:
    read = Members.of(json.dumps({"it": value}))
    readers: list[Callable[[], Any]] = [
        lambda: read.text("it"),
        lambda: read.amount("it"),
        lambda: read.integer("it"),
        lambda: read.time_ns("it", unit_ns=1000),
        lambda: read.moment_ns("it"),
        lambda: read.rows("it"),
        lambda: read.levels("it"),
    ]
    outcomes: set[str | bool] = set()
    for reader in readers:
        try:
            reader()
            outcomes.add("read")
        except ValueError as fault:
            outcomes.add("$.it" in str(fault))
    assert outcomes <= {"read", True}
