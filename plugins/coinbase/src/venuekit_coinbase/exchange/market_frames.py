"""Messages of the public channels of the feed.

Source: Coinbase Exchange "WebSocket channels", 2026; that a match carries the maker's side and a
ticker the taker's: a session recorded by cryptofeed, 2021.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs
import msgspec

from venuekit.model import (
    BookChange,
    BookSnapshot,
    Instrument,
    Instruments,
    InstrumentsEvent,
    Level,
    Ticker,
)
from venuekit.plugin import FrameEvent, Numbered, Published, Topic
from venuekit_coinbase.calls import value_as
from venuekit_coinbase.exchange.instruments import listing_of
from venuekit_coinbase.exchange.market_data import TradeRow, levels, trade_from_row
from venuekit_coinbase.figures import amount, positive, some_moment_ns

NAMES: Final = {
    Topic.TRADES: "matches",
    Topic.TICKER: "ticker",
    Topic.BOOK: "level2_batch",
    Topic.INSTRUMENTS: "status",
}
"""The channel of each topic. `level2` brings the same book, sooner, to those who log in."""
STATUS: Final = "status"
"""Key of the subscription to all products."""


class _Heartbeat(msgspec.Struct):
    product_id: str
    last_trade_id: int


class _Match(TradeRow):
    product_id: str


class _Ticker(msgspec.Struct, kw_only=True):
    product_id: str
    price: str
    open_24h: str = ""
    volume_24h: str = ""
    low_24h: str = ""
    high_24h: str = ""
    best_bid: str = ""
    best_bid_size: str = ""
    best_ask: str = ""
    best_ask_size: str = ""
    time: str | None = None


class _Snapshot(msgspec.Struct):
    product_id: str
    bids: list[list[str]]
    asks: list[list[str]]
    time: str | None = None


class _Update(msgspec.Struct):
    product_id: str
    changes: list[list[str]]
    time: str | None = None


class _Status(msgspec.Struct):
    products: list[dict[str, Any]]


Listed = Callable[[str], Instrument]
"""Gives the instrument of a product id; raises ValueError."""


def _heartbeat(message: Any, listed: Listed) -> Iterable[FrameEvent]:
    """Say up to which trade all matches must have come: those of a product are numbered."""
    beat = value_as(message, _Heartbeat)
    symbol = listed(beat.product_id).symbol
    return (Numbered(number=beat.last_trade_id, key=f"matches {symbol}", is_told=True),)


def _match(message: Any, listed: Listed) -> Iterable[FrameEvent]:
    match = value_as(message, _Match)
    trade = trade_from_row(match, listed(match.product_id))
    key = f"matches {trade.symbol}"
    return (Numbered(number=match.trade_id, key=key), Published(key=key, event=trade))


def _last_match(message: Any, listed: Listed) -> Iterable[FrameEvent]:
    """Begin to count at the trade before the subscription, which is none of its own."""
    match = value_as(message, _Match)
    symbol = listed(match.product_id).symbol
    return (Numbered(number=match.trade_id, key=f"matches {symbol}"),)


def _ticker(message: Any, listed: Listed) -> Iterable[FrameEvent]:
    row = value_as(message, _Ticker)
    symbol = listed(row.product_id).symbol
    bid, ask = positive(row.best_bid), positive(row.best_ask)
    ticker = Ticker(
        symbol=symbol,
        last=positive(row.price),
        bid=bid,
        bid_quantity=positive(row.best_bid_size) if bid else None,
        ask=ask,
        ask_quantity=positive(row.best_ask_size) if ask else None,
        open=positive(row.open_24h),
        high=positive(row.high_24h),
        low=positive(row.low_24h),
        volume=positive(row.volume_24h),
        time_ns=some_moment_ns(row.time),
    )
    return (Published(key=f"ticker {symbol}", event=ticker),)


def _snapshot(message: Any, listed: Listed) -> Iterable[FrameEvent]:
    row = value_as(message, _Snapshot)
    symbol = listed(row.product_id).symbol
    book = BookSnapshot(
        symbol=symbol,
        bids=tuple(sorted(levels(row.bids), reverse=True)),
        asks=tuple(sorted(levels(row.asks))),
        time_ns=some_moment_ns(row.time),
    )
    return (Published(key=f"level2_batch {symbol}", event=book),)


def _update(message: Any, listed: Listed) -> Iterable[FrameEvent]:
    row = value_as(message, _Update)
    symbol = listed(row.product_id).symbol
    sides: dict[str, list[Level]] = {"buy": [], "sell": []}
    for change in row.changes:
        if len(change) != 3 or change[0] not in sides:
            msg = f"a change of the book that is no side, price and size: {str(change)[:60]}"
            raise ValueError(msg)
        sides[change[0]].append((amount(change[1]), amount(change[2])))
    change_of = BookChange(
        symbol=symbol,
        bids=tuple(sides["buy"]),
        asks=tuple(sides["sell"]),
        time_ns=some_moment_ns(row.time),
    )
    return (Published(key=f"level2_batch {symbol}", event=change_of),)


Reader = Callable[[Any, Listed], Iterable[FrameEvent]]
READERS: Final[dict[str, Reader]] = {
    "heartbeat": _heartbeat,
    "match": _match,
    "last_match": _last_match,
    "ticker": _ticker,
    "snapshot": _snapshot,
    "l2update": _update,
}
"""By the type that a message names."""


def read_status(message: Any, known: Instruments) -> Iterable[FrameEvent]:
    """Read the listing as the feed repeats it, for all products and for each of them.

    Such a message has no time: `time_ns` is 0.
    """
    rows = value_as(message, _Status).products
    told = listing_of(list(rows)).instruments
    instruments = [_completed(each, known) for each in told.values()]
    yield Published(key=STATUS, event=_event(instruments))
    for instrument in instruments:
        yield Published(key=f"{STATUS} {instrument.symbol}", event=_event([instrument]))


def _event(instruments: list[Instrument]) -> InstrumentsEvent:
    return InstrumentsEvent(instruments=tuple(instruments), is_snapshot=True, time_ns=0)


def _completed(told: Instrument, known: Instruments) -> Instrument:
    """Add what the feed leaves out."""
    before = known.get(told.symbol)
    if before is None or told.notional.minimum:
        return told
    return attrs.evolve(told, notional=before.notional)
