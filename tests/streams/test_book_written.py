"""Books kept by the wire's own digits are those that Decimals would have kept."""

import copy
import json
import pickle
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import BookChange, BookSnapshot, Symbol, WrittenSides
from venuekit.plugin import BookKeeping, BookRule, json_sides, written
from venuekit.streams import Book
from venuekit.streams.book_side import BookSide

Pairs = Sequence[tuple[str, str]]
BTC = Symbol("BTC/USDT")

prices = st.sampled_from(["9.50", "9.5", "10.00", "9.99", "100.10", "0.01", "0.010", "10.0"])
alike = st.integers(1, 2000).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")
quantities = st.sampled_from(["0.00", "0.000", "1.0", "0.5", "12.25", "0.001"])


@pytest.fixture(params=["plain", "compiled"], autouse=True, scope="module")
def _read_in_c_or_not(request: pytest.FixtureRequest) -> Iterator[None]:
    """Read changes as it is done without `venuekit_fast`, and as it is done with it, if it is."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "plain":
            patch.setattr(written, "books", None)
        yield


def sides(bids: Pairs, asks: Pairs) -> WrittenSides | None:
    return json_sides(json.dumps(bids, separators=(",", ":")).encode(), _dumped(asks))


def _dumped(pairs: Pairs) -> bytes:
    return json.dumps(pairs, separators=(",", ":")).encode()


def change(bids: Pairs, asks: Pairs = ()) -> BookChange:
    both = sides(bids, asks)
    assert both is not None
    return BookChange.of_written(BTC, both, first_update_id=1, last_update_id=2, time_ns=3)


class Plain:
    """One side, in the simplest way."""

    def __init__(self, *, is_bids: bool) -> None:
        self.levels: dict[Decimal, Decimal] = {}
        self._is_bids = is_bids

    def apply(self, pairs: Pairs) -> None:
        for price, quantity in pairs:
            self.levels.pop(Decimal(price), None)
            if Decimal(quantity):
                self.levels[Decimal(price)] = Decimal(quantity)

    def best_first(self) -> list[tuple[Decimal, Decimal]]:
        return sorted(self.levels.items(), reverse=self._is_bids)


@pytest.mark.parametrize("is_bids", [True, False])
@given(
    start=st.lists(st.tuples(alike, quantities), max_size=8),
    changes=st.lists(
        st.tuples(
            st.lists(st.tuples(alike, quantities), max_size=6)
            | st.lists(st.tuples(prices, quantities), max_size=6),
            st.sampled_from(["texts", "texts", "texts", "levels", "cut"]),
        ),
        max_size=12,
    ),
    looks=st.booleans(),
)
def test_whatever_comes_in_whichever_form_the_side_is_the_plain_one(
    is_bids: bool,
    start: list[tuple[str, str]],
    changes: list[tuple[list[tuple[str, str]], str]],
    looks: bool,
) -> None:
    side, plain = BookSide(is_bids=is_bids), Plain(is_bids=is_bids)
    side.replace([(Decimal(price), Decimal(quantity)) for price, quantity in dict(start).items()])
    plain.apply(list(dict(start).items()))
    for pairs, how in changes:
        once = list(dict(pairs).items())
        levels = [(Decimal(price), Decimal(quantity)) for price, quantity in once]
        if how == "cut":
            side.cut(5)
            plain.levels = dict(plain.best_first()[:5])
            continue
        if how == "levels" or not side.apply_texts(dict(once)):
            side.apply(levels)
        plain.apply(once)
        best = plain.best_first()
        if looks:  # what is looked at in between is kept, and must not go stale
            assert side.best() == (best[0] if best else None)
    assert list(side) == plain.best_first()
    assert len(side) == len(plain.levels)


def test_digits_are_those_of_the_wire() -> None:
    side = BookSide(is_bids=True)
    assert side.apply_texts({"9.50": "1.100"})
    assert str(side.best()) == "(Decimal('9.50'), Decimal('1.100'))"


def test_equal_prices_that_are_written_differently_are_one_level() -> None:
    side = BookSide(is_bids=True)
    assert side.apply_texts({"9.50": "1.0"})
    assert not side.apply_texts({"9.5": "0.0"})
    side.apply([(Decimal("9.5"), Decimal("0.0"))])
    assert list(side) == []


def test_levels_are_read_when_somebody_looks_and_are_all_there() -> None:
    made = change([("10.00", "1.0"), ("10.00", "2.0")], [("11.00", "0.00")])
    plain = BookChange(
        symbol=BTC,
        bids=((Decimal("10.00"), Decimal("1.0")), (Decimal("10.00"), Decimal("2.0"))),
        asks=((Decimal("11.00"), Decimal("0.00")),),
        first_update_id=1,
        last_update_id=2,
        time_ns=3,
    )
    assert made == plain
    assert repr(made) == repr(plain)
    assert hash(made) == hash(plain)


def test_a_change_can_be_copied_and_sent_before_anybody_looked() -> None:
    made = change([("10.00", "1.0")])
    for twin in (copy.copy(made), copy.deepcopy(made), attrs.evolve(made)):
        assert twin.bids == ((Decimal("10.00"), Decimal("1.0")),)
    assert pickle.loads(pickle.dumps(change([("10.00", "1.0")]))).bids == made.bids


def test_a_change_has_no_other_members_than_the_others() -> None:
    made: Any = change([("10.00", "1.0")])
    with pytest.raises(AttributeError, match="BookChange"):
        made.bids_.clear()


def test_of_a_price_that_stands_twice_the_last_quantity_counts() -> None:
    book = Book(BTC, BookKeeping(rule=BookRule.CONNECTION, snapshot_by_rest=False, depth=10))
    book.apply_snapshot(BookSnapshot(symbol=BTC, bids=(), asks=()))
    book.apply_change(change([("10.00", "1.0"), ("10.00", "2.0")]))
    assert book.best_bid() == (Decimal("10.00"), Decimal("2.0"))


@pytest.mark.parametrize(
    "side",
    [
        '[["1","2.0"]]',
        '[["1.0","2"]]',
        '[["-1.0","2.0"]]',
        '[["+1.0","2.0"]]',
        '[["1.0e5","2.0"]]',
        '[["01.0","2.0"]]',
        '[["1.0", "2.0"]]',
        '[["1.0","2.0","3.0"]]',
        '[["1.0"]]',
        '[[1.0,"2.0"]]',
        '[["NaN","2.0"]]',
        '[["1.0","2.0"],]',
        '[["\\u0031.0","2.0"]]',
        '[["\u0661.0","2.0"]]',
        f'[["{"9" * 31}.0","2.0"]]',
        f'[["1.{"0" * 31}","2.0"]]',
        "{}",
        "",
    ],
)
def test_what_is_not_plainly_written_is_left_to_a_slower_reader(side: str) -> None:
    assert json_sides(side.encode(), b"[]") is None
    assert json_sides(b"[]", side.encode()) is None


def test_a_long_hostile_side_costs_one_pass() -> None:
    hostile = b"[" + b'["1.0","2.0"],' * 200_000 + b'["x"]]'
    assert json_sides(hostile, b"[]") is None
