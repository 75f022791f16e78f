"""Whatever goes wrong on the way, a book is the market's or it is not live."""

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venuekit.model import BookChange, BookNotLive, BookSnapshot, Level, StreamState, Symbol
from venuekit.plugin import BookKeeping, BookRule
from venuekit.streams import Book
from venuekit.streams.book_join import BookJoin, Join

SYMBOL = Symbol("BTC/USDT")
RANGES = BookKeeping(rule=BookRule.RANGES, snapshot_by_rest=True, depth=1000)
Sides = tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]


class Market:
    """The simplest model: every state that the book ever had, by its update id."""

    def __init__(self, chance: random.Random) -> None:
        self.update_id = 1
        self._chance = chance
        self._sides: Sides = ({}, {})
        self.states: dict[int, tuple[tuple[Level, ...], tuple[Level, ...]]] = {}
        self._keep()

    def move(self) -> BookChange:
        first = self.update_id + 1
        self.update_id += self._chance.randint(1, 3)
        changed = tuple(
            tuple(
                (Decimal(self._chance.randint(1, 9)), Decimal(self._chance.randint(0, 2)))
                for _ in range(self._chance.randint(0, 3))
            )
            for _ in range(2)
        )
        for side, levels in zip(self._sides, changed, strict=True):
            side.update(levels)
        self._keep()
        return BookChange(
            symbol=SYMBOL,
            bids=changed[0],
            asks=changed[1],
            first_update_id=first,
            last_update_id=self.update_id,
        )

    def snapshot(self, update_id: int) -> BookSnapshot:
        bids, asks = self.states[update_id]
        return BookSnapshot(symbol=SYMBOL, bids=bids, asks=asks, update_id=update_id)

    def _keep(self) -> None:
        bids, asks = ({p: q for p, q in side.items() if q} for side in self._sides)
        self.states[self.update_id] = (
            tuple(sorted(bids.items(), reverse=True)),
            tuple(sorted(asks.items())),
        )


@settings(max_examples=400)
@given(seed=st.integers(0, 2**32), faults=st.floats(0, 0.5), length=st.integers(5, 120))
def test_the_book_is_the_markets_at_each_message_or_is_not_live(
    seed: int, faults: float, length: int
) -> None:
    chance = random.Random(seed)
    market = Market(chance)
    book = Book(SYMBOL, RANGES)
    join = BookJoin.of(book, BookRule.RANGES)
    join.connect()
    under_way: list[BookChange] = []
    epoch: int | None = None
    snapshot_id = 0
    lives = 0
    for _ in range(length):
        under_way.append(market.move())
        if chance.random() < faults:
            disturb(under_way, chance)
        if chance.random() < faults / 4:
            join.lose(StreamState.STALE, "connection lost")
            under_way.clear()
            join.connect()
        if join.needs_snapshot and epoch is None:
            epoch = join.epoch
            is_stale = chance.random() < faults
            # A change must be there to hold a stale one against; see `settle`.
            past = sorted(market.states)[-6:] if is_stale else [market.update_id]
            snapshot_id = chance.choice(past)
        elif epoch is not None and chance.random() < 0.5:
            outcome = join.snapshot(market.snapshot(snapshot_id), epoch=epoch)
            assert (outcome is Join.JOINED) == (book.state is StreamState.LIVE) or (
                outcome is Join.UNWANTED
            )
            epoch = None
        while under_way and chance.random() < 0.7:
            join.change(under_way.pop(0))
            lives += is_true_or_not_live(book, market)
        lives += is_true_or_not_live(book, market)
    if faults == 0 and length > 60:
        assert lives > 0


def disturb(under_way: list[BookChange], chance: random.Random) -> None:
    match chance.choice(("drop", "twice", "swap")):
        case "drop":
            under_way.pop(chance.randrange(len(under_way)))
        case "twice":
            under_way.append(chance.choice(under_way))
        case _:
            chance.shuffle(under_way)


def is_true_or_not_live(book: Book, market: Market) -> bool:
    if book.state is not StreamState.LIVE:
        return False
    assert book.update_id is not None
    assert (book.bids(), book.asks()) == market.states[book.update_id]
    best = market.states[book.update_id]
    assert book.best_bid() == (best[0][0] if best[0] else None)
    assert book.best_ask() == (best[1][0] if best[1] else None)
    return True


def test_a_book_without_faults_is_live_nearly_always() -> None:
    chance = random.Random(5)
    market = Market(chance)
    book = Book(SYMBOL, RANGES)
    join = BookJoin.of(book, BookRule.RANGES)
    join.connect()
    join.change(market.move())
    assert join.snapshot(market.snapshot(market.update_id), epoch=join.epoch) is Join.JOINED
    for _ in range(1000):
        assert join.change(market.move())
        assert is_true_or_not_live(book, market)


def test_a_snapshot_that_was_asked_for_before_a_loss_is_unwanted_after_it() -> None:
    keeping = BookKeeping(rule=BookRule.CONNECTION, snapshot_by_rest=True, depth=10)
    market = Market(random.Random(5))
    book = Book(SYMBOL, keeping)
    join = BookJoin.of(book, keeping.rule)
    join.connect()
    asked_in = join.epoch
    join.lose(StreamState.STALE, "connection lost")
    join.connect()
    assert join.snapshot(market.snapshot(1), epoch=asked_in) is Join.UNWANTED
    assert join.snapshot(market.snapshot(1), epoch=join.epoch) is Join.JOINED


def test_without_a_snapshot_the_buffer_stays_bounded() -> None:
    market = Market(random.Random(5))
    book = Book(SYMBOL, RANGES)
    join = BookJoin.of(book, BookRule.RANGES)
    join.connect()
    for _ in range(25_000):
        join.change(market.move())
    assert len(join._buffer) <= 10_000
    assert join.snapshot(market.snapshot(market.update_id), epoch=join.epoch) is Join.JOINED
    assert is_true_or_not_live(book, market)


@given(seed=st.integers(0, 10_000), before=st.integers(0, 8), after=st.integers(0, 8))
@settings(max_examples=60, deadline=None)
def test_changes_since_a_snapshot_lead_from_it_to_the_book_of_now(
    seed: int, before: int, after: int
) -> None:
    market = Market(random.Random(seed))
    book = Book(SYMBOL, RANGES)
    book.apply_snapshot(market.snapshot(1))
    for _ in range(before):
        book.apply_change(market.move())
    then = book.snapshot()
    for _ in range(after):
        book.apply_change(market.move())
    change = book.changes_since(then)
    for old, levels, new in (
        (then.bids, change.bids, book.bids()),
        (then.asks, change.asks, book.asks()),
    ):
        sides = {**dict(old), **dict(levels)}
        assert {price: held for price, held in sides.items() if held} == dict(new)
        # Nothing that did not change.
        assert all(dict(old).get(price, Decimal(0)) != held for price, held in levels)
    assert change.last_update_id == book.update_id


def test_changes_are_told_of_live_books_of_the_same_instrument_alone() -> None:
    market = Market(random.Random(1))
    book = Book(SYMBOL, RANGES)
    book.apply_snapshot(market.snapshot(1))
    then = book.snapshot()
    other = BookSnapshot(symbol=Symbol("ETH/USDT"), bids=(), asks=(), update_id=1)
    with pytest.raises(ValueError, match="a snapshot of ETH/USDT"):
        book.changes_since(other)
    book.lose(StreamState.STALE, "gone")
    with pytest.raises(BookNotLive):
        book.changes_since(then)
    assert book.changes_since(then, require_live=False).bids == ()
