"""Frames of the public channels of WebSocket v2.

Prices and quantities are JSON numbers; `read_json` keeps their digits.
Source: Kraken API Center, websocket-v2 reference pages, June 2026.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from venuekit.model import BestPrice, BookChange, BookSnapshot, Candle, Level, Ticker, Trade
from venuekit.plugin import FrameEvent, Published
from venuekit_kraken.calls import value_as
from venuekit_kraken.figures import amount, moment_ns
from venuekit_kraken.market_data import MINUTES
from venuekit_kraken.naming import PairNames
from venuekit_kraken.order_reports import SIDES, word

INTERVALS: Final = {minutes: interval for interval, minutes in MINUTES.items()}


class _Level(msgspec.Struct):
    price: Any
    qty: Any


class _Book(msgspec.Struct):
    symbol: str
    bids: list[_Level]
    asks: list[_Level]
    checksum: int
    timestamp: str | None = None


class _Trade(msgspec.Struct):
    symbol: str
    side: str
    price: Any
    qty: Any
    trade_id: int
    timestamp: str


class _Ticker(msgspec.Struct):
    symbol: str
    bid: Any
    bid_qty: Any
    ask: Any
    ask_qty: Any
    last: Any
    volume: Any
    low: Any
    high: Any
    timestamp: str | None = None


class _Bar(msgspec.Struct):
    symbol: str
    open: Any
    high: Any
    low: Any
    close: Any
    trades: int
    volume: Any
    interval_begin: str
    interval: int


def _levels(rows: Sequence[_Level]) -> tuple[Level, ...]:
    return tuple((amount(row.price), amount(row.qty)) for row in rows)


def _book(data: Any, kind: str, names: PairNames, _: str) -> Iterable[FrameEvent]:
    for row in value_as(data, list[_Book]):
        symbol = names.of(row.symbol).symbol
        bids, asks = _levels(row.bids), _levels(row.asks)
        time_ns = None if row.timestamp is None else moment_ns(row.timestamp)
        event: BookSnapshot | BookChange
        if kind == "snapshot":
            event = BookSnapshot(symbol=symbol, bids=bids, asks=asks, time_ns=time_ns)
        else:
            event = BookChange(
                symbol=symbol, bids=bids, asks=asks, checksum=row.checksum, time_ns=time_ns
            )
        yield Published(key=f"book {symbol}", event=event)


def _trades(data: Any, _: str, names: PairNames, __: str) -> Iterable[FrameEvent]:
    for row in value_as(data, list[_Trade]):
        symbol = names.of(row.symbol).symbol
        trade = Trade(
            symbol=symbol,
            trade_id=str(row.trade_id),
            price=amount(row.price),
            quantity=amount(row.qty),
            side=word(SIDES, row.side, "side"),
            time_ns=moment_ns(row.timestamp),
        )
        yield Published(key=f"trade {symbol}", event=trade)


def _ticker(data: Any, _: str, names: PairNames, channel: str) -> Iterable[FrameEvent]:
    for row in value_as(data, list[_Ticker]):
        symbol = names.of(row.symbol).symbol
        bid, ask = amount(row.bid), amount(row.ask)
        bid_quantity, ask_quantity = amount(row.bid_qty), amount(row.ask_qty)
        time_ns = None if row.timestamp is None else moment_ns(row.timestamp)
        event: BestPrice | Ticker
        if channel == "best":
            event = BestPrice(
                symbol=symbol,
                bid=bid,
                bid_quantity=bid_quantity,
                ask=ask,
                ask_quantity=ask_quantity,
                time_ns=time_ns,
            )
        else:
            event = Ticker(
                symbol=symbol,
                last=amount(row.last) or None,
                bid=bid or None,
                bid_quantity=bid_quantity if bid else None,
                ask=ask or None,
                ask_quantity=ask_quantity if ask else None,
                high=amount(row.high) or None,
                low=amount(row.low) or None,
                volume=amount(row.volume),
                time_ns=time_ns,
            )
        yield Published(key=f"{channel} {symbol}", event=event)


def _candles(data: Any, kind: str, names: PairNames, _: str) -> Iterable[FrameEvent]:
    rows = value_as(data, list[_Bar])
    for position, row in enumerate(rows):
        symbol = names.of(row.symbol).symbol
        interval = INTERVALS.get(row.interval)
        if interval is None:
            msg = f"candles of {row.interval} minutes"
            raise ValueError(msg)
        candle = Candle(
            symbol=symbol,
            interval=interval,
            open_time_ns=moment_ns(row.interval_begin),
            open=amount(row.open),
            high=amount(row.high),
            low=amount(row.low),
            close=amount(row.close),
            volume=amount(row.volume),
            trade_count=row.trades,
            # The last one of a snapshot, and what updates tell, is still growing.
            is_closed=kind == "snapshot" and position < len(rows) - 1,
        )
        yield Published(key=f"ohlc {interval} {symbol}", event=candle)


Reader = Callable[[Any, str, PairNames, str], Iterable[FrameEvent]]
READERS: Final[dict[str, Reader]] = {
    "book": _book,
    "trade": _trades,
    "ticker": _ticker,
    "ohlc": _candles,
}
"""By Kraken's channel: data, `snapshot` or `update`, names, and our channel."""
