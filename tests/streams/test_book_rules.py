"""What a book decides and what it tells."""

import zlib
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import BookNotLive, BookSnapshot, Side, StreamState, Symbol
from venuekit.plugin import BookKeeping, BookRule
from venuekit.streams import Applied, Book, ChecksumWrong, FillCost, GapFound, Old
from venuekit.streams.book_side import BookSide

if TYPE_CHECKING:
    from tests.streams.conftest import Make

RANGES = BookKeeping(rule=BookRule.RANGES, snapshot_by_rest=True, depth=1000)


def book_of(keeping: BookKeeping = RANGES) -> Book:
    return Book(Symbol("BTC/USDT"), keeping)


@pytest.fixture
def book(make: "type[Make]") -> Book:
    book = book_of()
    book.apply_snapshot(make.snapshot(10, bids="1@100 2@99 3@98", asks="1@101 2@102 4@103"))
    return book


# Deciding


def test_a_change_that_follows_is_applied(book: Book, make: "type[Make]") -> None:
    step = book.apply_change(make.change(11, 12, bids="5@99 0@98 7@97.5", asks="0@101"))
    assert step == Applied()
    assert book.bids() == make.levels("1@100 5@99 7@97.5")
    assert book.asks() == make.levels("2@102 4@103")
    assert book.update_id == 12


def test_a_change_that_overlaps_is_applied_for_quantities_are_absolute(
    book: Book, make: "type[Make]"
) -> None:
    assert book.apply_change(make.change(9, 11, bids="5@99")) == Applied()
    assert book.bids(2) == make.levels("1@100 5@99")


@pytest.mark.parametrize("last", [9, 10])
def test_a_change_that_is_in_the_book_already_is_old(
    book: Book, make: "type[Make]", last: int
) -> None:
    assert book.apply_change(make.change(8, last, bids="5@99")) == Old()
    assert book.bids(2) == make.levels("1@100 2@99")


def test_after_a_gap_the_book_is_not_live_and_says_so_to_whoever_reads(
    book: Book, make: "type[Make]"
) -> None:
    step = book.apply_change(make.change(12, 12, bids="5@99"))
    assert step == GapFound(expected_id=11, found_id=12)
    assert book.state is StreamState.RESYNCING
    for read in (book.best_bid, book.best_ask, book.bids, book.asks, book.snapshot):
        with pytest.raises(BookNotLive, match="expected update 11, found 12"):
            read()
    assert book.best_bid(require_live=False) == (Decimal(100), Decimal(1))
    assert isinstance(book.apply_change(make.change(11, 13)), GapFound)


@pytest.mark.parametrize(("first", "last"), [(None, 11), (11, None), (12, 11)])
def test_a_change_without_usable_numbers_is_a_gap(
    book: Book, make: "type[Make]", first: int | None, last: int | None
) -> None:
    assert isinstance(book.apply_change(make.change(first, last)), GapFound)


def test_a_snapshot_without_a_number_is_refused_where_numbers_join(make: "type[Make]") -> None:
    with pytest.raises(ValueError, match="without an update id"):
        book_of().apply_snapshot(make.snapshot(None))


def checksum(snapshot: BookSnapshot) -> int:
    return zlib.crc32(repr((snapshot.bids, snapshot.asks)).encode())


def test_a_checksum_is_compared_after_each_change_over_the_depth_that_is_kept(
    make: "type[Make]",
) -> None:
    keeping = BookKeeping(
        rule=BookRule.CHECKSUM, snapshot_by_rest=False, depth=2, checksum=checksum
    )
    book = book_of(keeping)
    book.apply_snapshot(make.snapshot(None, bids="1@100 2@99", asks="1@101 2@102"))
    good = checksum(make.snapshot(None, bids="1@100 3@99.5", asks="1@101 2@102"))
    assert book.apply_change(make.change(None, None, bids="3@99.5", checksum=good)) == Applied()
    assert book.bids() == make.levels("1@100 3@99.5")
    wrong = book.apply_change(make.change(None, None, bids="4@99.5", checksum=good))
    assert isinstance(wrong, ChecksumWrong)
    assert book.state is StreamState.RESYNCING


def test_a_checksum_that_cannot_be_computed_is_wrong(make: "type[Make]") -> None:
    keeping = BookKeeping(
        rule=BookRule.CHECKSUM, snapshot_by_rest=False, depth=2, checksum=lambda book: 1 // 0
    )
    book = book_of(keeping)
    book.apply_snapshot(make.snapshot(None, bids="1@100"))
    step = book.apply_change(make.change(None, None, checksum=5))
    assert step == ChecksumWrong(expected=5, found=None)


def test_stale_since_is_kept_from_the_first_loss_on(book: Book) -> None:
    book.lose(StreamState.STALE, "connection lost", since_ns=1_700_000_000_000_000_000)
    book.lose(StreamState.RESYNCING, "joining", since_ns=1_700_000_009_000_000_000)
    assert book.described_state() == "resyncing since 22:13:20.000000 UTC (joining)"


# Reading


def test_depth_is_given_to_a_level_or_to_a_price(book: Book, make: "type[Make]") -> None:
    assert book.bids(2) == make.levels("1@100 2@99")
    assert book.asks(1) == make.levels("1@101")
    assert book.bids_to(Decimal(99)) == make.levels("1@100 2@99")
    assert book.asks_to(Decimal("102.5")) == make.levels("1@101 2@102")
    assert book.asks_to(Decimal(100)) == ()


def test_the_cost_of_a_quantity_is_exact(book: Book) -> None:
    assert book.cost(Side.BUY, Decimal(2)) == FillCost(
        quantity=Decimal(2),
        missing=Decimal(0),
        amount=Decimal(203),
        average_price=Decimal("101.5"),
        worst_price=Decimal(102),
    )
    too_much = book.cost(Side.SELL, Decimal(10))
    held = (too_much.quantity, too_much.missing, too_much.amount)
    assert held == (Decimal(6), Decimal(4), Decimal(592))
    with pytest.raises(ValueError, match="more than 0"):
        book.cost(Side.BUY, Decimal(0))


def test_the_cost_in_an_empty_book_is_nothing_at_no_price(make: "type[Make]") -> None:
    book = book_of()
    book.apply_snapshot(make.snapshot(1))
    cost = book.cost(Side.BUY, Decimal(1))
    assert cost.quantity == 0
    assert (cost.average_price, cost.worst_price) == (None, None)
    assert (book.best_bid(), book.best_ask()) == (None, None)


def test_a_snapshot_never_changes(book: Book, make: "type[Make]") -> None:
    before = book.snapshot(2)
    book.apply_change(make.change(11, 11, bids="0@100", asks="0@101"))
    assert before == make.snapshot(10, bids="1@100 2@99", asks="1@101 2@102")


# One side against the simplest model

prices = st.integers(1, 40).map(lambda n: Decimal(n) / 4)
quantities = st.integers(0, 3).map(Decimal)


@given(
    is_bids=st.booleans(),
    changes=st.lists(st.lists(st.tuples(prices, quantities), max_size=6), max_size=60),
)
def test_a_side_is_the_sorted_map_of_its_levels(
    is_bids: bool, changes: list[list[tuple[Decimal, Decimal]]]
) -> None:
    side, model = BookSide(is_bids=is_bids), dict[Decimal, Decimal]()
    for change in changes:
        side.apply(change)
        for price, quantity in change:
            model[price] = quantity
            if not quantity:
                del model[price]
        expected = tuple(sorted(model.items(), reverse=is_bids))
        assert side.best() == (expected[0] if expected else None)
        assert side.levels(1) == expected[:1]
        if len(change) % 2:
            assert side.levels() == expected
        assert len(side) == len(expected)


def test_a_side_keeps_digits_that_the_decimal_context_would_round() -> None:
    price = Decimal("12345678901234567890.123456789012345")
    side = BookSide(is_bids=True)
    side.apply([(price, Decimal(1))])
    assert side.best() == (price, Decimal(1))


def test_a_side_that_churns_stays_small() -> None:
    side = BookSide(is_bids=False)
    for number in range(10_000):
        side.apply([(Decimal(number + 10), Decimal(1)), (Decimal(number + 10), Decimal(0))])
        side.apply([(Decimal(1), Decimal(1))])
    assert len(side) == 1
    assert side.best() == (Decimal(1), Decimal(1))
    assert len(side._heap or ()) < 100
