"""A real recording played through the books: they equal the simplest model at each message."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from venuekit.model import BookChange, BookSnapshot, Level, StreamState, Symbol
from venuekit.plugin import BookKeeping, BookRule
from venuekit.streams import Book
from venuekit.streams.book_join import BookJoin, Join

RECORDING = Path(__file__).parents[3] / "shared" / "recordings" / "binance"
RANGES = BookKeeping(rule=BookRule.RANGES, snapshot_by_rest=True, depth=1000)

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not RECORDING.is_dir(), reason="the recordings are in the workshop only"),
]


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDING / name).read_text().splitlines()]


def levels(rows: list[list[str]]) -> tuple[Level, ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in rows)


def changes() -> list[BookChange]:
    return [
        BookChange(
            symbol=Symbol(data["s"]),
            bids=levels(data["b"]),
            asks=levels(data["a"]),
            first_update_id=data["U"],
            last_update_id=data["u"],
        )
        for line in lines("stream.jsonl")
        if (data := line.get("body", {}).get("data", {})).get("e") == "depthUpdate"
    ]


def snapshots() -> dict[Symbol, BookSnapshot]:
    found = {}
    for line in lines("depth-snapshots.jsonl"):
        symbol = Symbol(line["url"].split("symbol=")[1].split("&")[0])
        body = line["body"]
        found[symbol] = BookSnapshot(
            symbol=symbol,
            bids=levels(body["bids"]),
            asks=levels(body["asks"]),
            update_id=body["lastUpdateId"],
        )
    return found


class Simplest:
    """Two dictionaries, sorted whenever somebody looks."""

    def __init__(self, snapshot: BookSnapshot) -> None:
        self.bids, self.asks = dict(snapshot.bids), dict(snapshot.asks)

    def apply(self, change: BookChange) -> None:
        for side, levels in ((self.bids, change.bids), (self.asks, change.asks)):
            for price, quantity in levels:
                side[price] = quantity
                if quantity == 0:
                    del side[price]

    def both(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        return tuple(sorted(self.bids.items(), reverse=True)), tuple(sorted(self.asks.items()))


@pytest.mark.parametrize("symbol", sorted(snapshots()) if RECORDING.is_dir() else [])
@pytest.mark.parametrize("late", [1, 2, 5])
def test_each_recorded_book_equals_the_simplest_model_at_each_message(
    symbol: Symbol, late: int
) -> None:
    own = [change for change in changes() if change.symbol == symbol]
    snapshot = snapshots()[symbol]
    book = Book(symbol, RANGES)
    join = BookJoin.of(book, BookRule.RANGES)
    join.connect()
    for change in own[:late]:
        join.change(change)
    assert join.snapshot(snapshot, epoch=join.epoch) is Join.JOINED
    model = Simplest(snapshot)
    for change in own[:late]:
        if change.last_update_id > snapshot.update_id:  # type: ignore[operator]  # both are set here
            model.apply(change)
    for change in own[late:]:
        join.change(change)
        if change.last_update_id > snapshot.update_id:  # type: ignore[operator]  # both are set here
            model.apply(change)
        assert (book.bids(), book.asks()) == model.both()
        assert (book.best_bid(), book.best_ask()) == (book.bids()[0], book.asks()[0])
    assert book.state is StreamState.LIVE


def test_a_change_left_out_of_the_recording_is_found() -> None:
    symbol = Symbol("NKNUSDT")
    own = [change for change in changes() if change.symbol == symbol]
    for hole in range(5, len(own) - 1):
        book = Book(symbol, RANGES)
        join = BookJoin.of(book, BookRule.RANGES)
        join.connect()
        join.change(own[0])
        join.snapshot(snapshots()[symbol], epoch=join.epoch)
        for change in own[1:hole] + own[hole + 1 : hole + 2]:
            join.change(change)
        assert book.state is StreamState.RESYNCING
