"""Frames of the public channels.

`level2` is delivered as `l2_data`.
Source: Coinbase "Advanced Trade WebSocket Channels", June 2026.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import attrs
import msgspec

from venuekit.model import (
    BookChange,
    BookSnapshot,
    Candle,
    Instrument,
    InstrumentsEvent,
    InstrumentStatus,
    Level,
    Ticker,
)
from venuekit.plugin import FrameEvent, Published, Topic
from venuekit_coinbase.calls import value_as
from venuekit_coinbase.figures import amount, moment_ns, positive, seconds_ns, some_moment_ns
from venuekit_coinbase.market_data import TradeRow, by_age, trade_from_row

NAMES: Final = {
    Topic.TRADES: "market_trades",
    Topic.TICKER: "ticker",
    Topic.CANDLES: "candles",
    Topic.BOOK: "level2",
    Topic.INSTRUMENTS: "status",
}
"""Coinbase's channel of each topic. There is none of best prices: those in `ticker` are as of the
last trade, and stand still while the book moves."""
STATUS: Final = "status"
"""Key of the subscription to all products."""
_BUCKET_NS: Final = 300 * 1_000_000_000


class _Level(msgspec.Struct):
    side: str
    price_level: str
    new_quantity: str


class _Book(msgspec.Struct):
    type: str
    product_id: str
    updates: list[_Level]


class _Trades(msgspec.Struct):
    type: str
    trades: list[TradeRow]


class _Ticker(msgspec.Struct):
    product_id: str
    price: str
    volume_24_h: str = ""
    low_24_h: str = ""
    high_24_h: str = ""
    best_bid: str = ""
    best_bid_quantity: str = ""
    best_ask: str = ""
    best_ask_quantity: str = ""


class _Tickers(msgspec.Struct):
    tickers: list[_Ticker]


class _Bar(msgspec.Struct):
    start: str
    high: str
    low: str
    open: str
    close: str
    volume: str
    product_id: str


class _Bars(msgspec.Struct):
    candles: list[_Bar]


Meant = Callable[[str], Sequence[Instrument]]
"""Gives the instruments that a product id stands for on this connection."""


class _Product(msgspec.Struct, kw_only=True):
    id: str
    product_type: str = "SPOT"
    base_increment: str = ""
    quote_increment: str = ""
    status: str = ""
    min_market_funds: str = ""


class _Products(msgspec.Struct):
    type: str
    products: list[_Product]


def _levels(rows: Sequence[_Level], side: str) -> tuple[Level, ...]:
    return tuple(
        (amount(row.price_level), amount(row.new_quantity)) for row in rows if row.side == side
    )


def _book(events: Sequence[Any], timestamp: str | None, meant: Meant) -> Iterable[FrameEvent]:
    time_ns = some_moment_ns(timestamp)
    for book in value_as(events, list[_Book]):
        bids, asks = _levels(book.updates, "bid"), _levels(book.updates, "offer")
        if book.type not in {"snapshot", "update"} or len(bids) + len(asks) != len(book.updates):
            msg = f"a book of type {book.type[:20]!r} with sides that are neither bid nor offer"
            raise ValueError(msg)
        for instrument in meant(book.product_id):
            symbol = instrument.symbol
            event: BookSnapshot | BookChange
            if book.type == "snapshot":
                bids = tuple(sorted(bids, reverse=True))
                asks = tuple(sorted(asks))
                event = BookSnapshot(symbol=symbol, bids=bids, asks=asks, time_ns=time_ns)
            else:
                event = BookChange(symbol=symbol, bids=bids, asks=asks, time_ns=time_ns)
            yield Published(key=f"level2 {symbol}", event=event)


def _trades(events: Sequence[Any], _: str | None, meant: Meant) -> Iterable[FrameEvent]:
    for batch in value_as(events, list[_Trades]):
        if batch.type == "snapshot":
            continue  # of what traded before the subscription
        found = [
            trade_from_row(row, instrument)
            for row in batch.trades
            for instrument in meant(row.product_id)
        ]
        for trade in sorted(found, key=by_age):
            yield Published(key=f"market_trades {trade.symbol}", event=trade)


def _tickers(events: Sequence[Any], timestamp: str | None, meant: Meant) -> Iterable[FrameEvent]:
    time_ns = some_moment_ns(timestamp)
    for row in (row for event in value_as(events, list[_Tickers]) for row in event.tickers):
        bid, ask = positive(row.best_bid), positive(row.best_ask)
        for instrument in meant(row.product_id):
            ticker = Ticker(
                symbol=instrument.symbol,
                last=positive(row.price),
                bid=bid,
                bid_quantity=positive(row.best_bid_quantity) if bid else None,
                ask=ask,
                ask_quantity=positive(row.best_ask_quantity) if ask else None,
                high=positive(row.high_24_h),
                low=positive(row.low_24_h),
                volume=positive(row.volume_24_h),
                time_ns=time_ns,
            )
            yield Published(key=f"ticker {instrument.symbol}", event=ticker)


def _candles(events: Sequence[Any], timestamp: str | None, meant: Meant) -> Iterable[FrameEvent]:
    now_ns = 0 if timestamp is None else moment_ns(timestamp)
    bars = [bar for event in value_as(events, list[_Bars]) for bar in event.candles]
    for bar in sorted(bars, key=lambda bar: seconds_ns(bar.start)):
        start_ns = seconds_ns(bar.start)
        for instrument in meant(bar.product_id):
            candle = Candle(
                symbol=instrument.symbol,
                interval="5m",
                open_time_ns=start_ns,
                open=amount(bar.open),
                high=amount(bar.high),
                low=amount(bar.low),
                close=amount(bar.close),
                volume=amount(bar.volume),
                is_closed=start_ns + _BUCKET_NS <= now_ns,
            )
            yield Published(key=f"candles {instrument.symbol}", event=candle)


def read_status(events: Sequence[Any], timestamp: str | None, meant: Meant) -> Iterable[FrameEvent]:
    """Read the products that a frame tells of, for all listeners and for those of each product.

    A frame says less than the listing: what it leaves out is as the listing has it, and a product
    that the listing lacks waits until that is fetched again. So no frame is all there is.
    """
    time_ns = 0 if timestamp is None else moment_ns(timestamp)
    rows = [row for event in value_as(events, list[_Products]) for row in event.products]
    told = [
        _updated(instrument, row)
        for row in rows
        if row.product_type == "SPOT"
        for instrument in meant(row.id)
    ]
    if told:
        yield Published(key=STATUS, event=_listed(told, time_ns))
    for instrument in told:
        yield Published(key=f"{STATUS} {instrument.symbol}", event=_listed([instrument], time_ns))


def _listed(instruments: Sequence[Instrument], time_ns: int) -> InstrumentsEvent:
    return InstrumentsEvent(instruments=tuple(instruments), is_snapshot=False, time_ns=time_ns)


def _updated(known: Instrument, row: _Product) -> Instrument:
    status = known.status
    if row.status == "delisted":
        status = InstrumentStatus.UNAVAILABLE
    elif row.status not in {"", "online"}:
        status = InstrumentStatus.HALTED
    elif row.status == "online" and status is InstrumentStatus.UNAVAILABLE:
        # Whether orders are taken, flags say that only the listing has.
        status = InstrumentStatus.HALTED
    step = positive(row.base_increment)
    return attrs.evolve(
        known,
        status=status,
        quantity=known.quantity if step is None else attrs.evolve(known.quantity, step=step),
    )


Reader = Callable[[Sequence[Any], str | None, Meant], Iterable[FrameEvent]]
READERS: Final[dict[str, Reader]] = {
    "l2_data": _book,
    "level2": _book,
    "market_trades": _trades,
    "ticker": _tickers,
    "candles": _candles,
}
"""By the channel that a frame names: its events, its time, whose they are."""
