"""The exchange's JSON: numbers, rows and messages of the public side.

Source: Binance spot REST and WebSocket streams docs, 2026-07.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from venuekit_binance.sim.calls import TimeUnit
from venuekit_binance.sim.tape import AggregateTrade, Bar, TapeTrade, period_end, period_start
from venuekit_binance.sim.world import SymbolSpec

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue

_encoder: Final = msgspec.json.Encoder()
Levels = Iterable[tuple[Decimal, Decimal]]


def dumps(data: object) -> bytes:
    """Write JSON."""
    return _encoder.encode(data)


def eight(value: Decimal) -> str:
    """Write a number with eight decimals, as prices, quantities and amounts are."""
    return f"{value:.8f}"


def levels(rows: Levels) -> list[list[str]]:
    """Write one side of a book."""
    return [[eight(price), eight(quantity)] for price, quantity in rows]


def bar_row(bar: Bar, interval: str, offset_ns: int, unit: TimeUnit) -> list[object]:
    """Write a bar as `klines` does."""
    closes_ns = period_end(interval, bar.open_ns, offset_ns)
    return [
        unit.of(bar.open_ns),
        eight(bar.open),
        eight(bar.high),
        eight(bar.low),
        eight(bar.close),
        eight(bar.volume),
        unit.of(closes_ns) - 1,
        eight(bar.quote_volume),
        bar.count,
        eight(bar.taker_volume),
        eight(bar.taker_quote_volume),
        "0",
    ]


def _weighted(bar: Bar) -> Decimal:
    return bar.quote_volume / bar.volume if bar.volume else Decimal(0)


def _percent(bar: Bar) -> str:
    change = (bar.close - bar.open) / bar.open * 100 if bar.open else Decimal(0)
    return str(change.quantize(Decimal("0.001"), ROUND_HALF_UP))


def ticker_window(
    symbol: str, bar: Bar, now_ns: int, unit: TimeUnit, *, is_mini: bool
) -> dict[str, object]:
    """Write the statistics of a window; the small form leaves changes and average out."""
    change: dict[str, object] = {
        "priceChange": eight(bar.close - bar.open),
        "priceChangePercent": _percent(bar),
        "weightedAvgPrice": eight(_weighted(bar)),
    }
    return {
        "symbol": symbol,
        **({} if is_mini else change),
        "openPrice": eight(bar.open),
        "highPrice": eight(bar.high),
        "lowPrice": eight(bar.low),
        "lastPrice": eight(bar.close),
        "volume": eight(bar.volume),
        "quoteVolume": eight(bar.quote_volume),
        "openTime": unit.of(bar.open_ns),
        "closeTime": unit.of(now_ns),
        "firstId": bar.first_id,
        "lastId": bar.last_id,
        "count": bar.count,
    }


def ticker_day(
    venue: "Venue", spec: SymbolSpec, bar: Bar, now_ns: int, unit: TimeUnit, *, is_mini: bool
) -> dict[str, object]:
    """Write the statistics of 24 hours; the full form has the top of the book."""
    row = ticker_window(spec.symbol, bar, now_ns, unit, is_mini=is_mini)
    if is_mini:
        return row
    bid, ask = venue.top(spec.symbol)
    trades = venue.tapes[spec.symbol].trades
    row |= {
        "prevClosePrice": eight(bar.open),
        "lastQty": eight(trades[-1].quantity if trades else Decimal(0)),
        "bidPrice": eight(bid[0]),
        "bidQty": eight(bid[1]),
        "askPrice": eight(ask[0]),
        "askQty": eight(ask[1]),
    }
    return row


# Stream messages. Those without an event time have no `e` either.


def trade_event(symbol: str, trade: TapeTrade, now_ns: int, unit: TimeUnit) -> dict[str, object]:
    """Write `trade`."""
    return {
        "e": "trade",
        "E": unit.of(now_ns),
        "s": symbol,
        "t": trade.id,
        "p": eight(trade.price),
        "q": eight(trade.quantity),
        "T": unit.of(trade.at_ns),
        "m": trade.is_buyer_maker,
        "M": True,
    }


def aggregate_event(
    symbol: str, trade: AggregateTrade, now_ns: int, unit: TimeUnit
) -> dict[str, object]:
    """Write `aggTrade`."""
    return {
        "e": "aggTrade",
        "E": unit.of(now_ns),
        "s": symbol,
        "a": trade.id,
        "p": eight(trade.price),
        "q": eight(trade.quantity),
        "f": trade.first_id,
        "l": trade.last_id,
        "T": unit.of(trade.at_ns),
        "m": trade.is_buyer_maker,
        "M": True,
    }


def kline_event(
    symbol: str, bar: Bar, interval: str, offset_ns: int, now_ns: int, unit: TimeUnit
) -> dict[str, object]:
    """Write `kline`; the bar is closed when its time is over."""
    start_ns = period_start(interval, bar.open_ns, offset_ns)
    end_ns = period_end(interval, start_ns, offset_ns)
    return {
        "e": "kline",
        "E": unit.of(now_ns),
        "s": symbol,
        "k": {
            "t": unit.of(start_ns),
            "T": unit.of(end_ns) - 1,
            "s": symbol,
            "i": interval,
            "f": bar.first_id,
            "L": bar.last_id,
            "o": eight(bar.open),
            "c": eight(bar.close),
            "h": eight(bar.high),
            "l": eight(bar.low),
            "v": eight(bar.volume),
            "n": bar.count,
            "x": now_ns >= end_ns,
            "q": eight(bar.quote_volume),
            "V": eight(bar.taker_volume),
            "Q": eight(bar.taker_quote_volume),
            "B": "0",
        },
    }


def mini_ticker_event(symbol: str, bar: Bar, now_ns: int, unit: TimeUnit) -> dict[str, object]:
    """Write `24hrMiniTicker`."""
    return {
        "e": "24hrMiniTicker",
        "E": unit.of(now_ns),
        "s": symbol,
        "c": eight(bar.close),
        "o": eight(bar.open),
        "h": eight(bar.high),
        "l": eight(bar.low),
        "v": eight(bar.volume),
        "q": eight(bar.quote_volume),
    }


def ticker_event(
    venue: "Venue", spec: SymbolSpec, bar: Bar, now_ns: int, unit: TimeUnit, *, size: str = ""
) -> dict[str, object]:
    """Write `24hrTicker`, or the ticker of a window of `size` (`1h`, `4h`, `1d`)."""
    event: dict[str, Any] = {
        "e": f"{size}Ticker" if size else "24hrTicker",
        "E": unit.of(now_ns),
        "s": spec.symbol,
        "p": eight(bar.close - bar.open),
        "P": _percent(bar),
        "w": eight(_weighted(bar)),
        "c": eight(bar.close),
        "o": eight(bar.open),
        "h": eight(bar.high),
        "l": eight(bar.low),
        "v": eight(bar.volume),
        "q": eight(bar.quote_volume),
        "O": unit.of(bar.open_ns),
        "C": unit.of(now_ns),
        "F": bar.first_id,
        "L": bar.last_id,
        "n": bar.count,
    }
    if not size:
        bid, ask = venue.top(spec.symbol)
        trades = venue.tapes[spec.symbol].trades
        event |= {
            "x": eight(bar.open),
            "Q": eight(trades[-1].quantity if trades else Decimal(0)),
            "b": eight(bid[0]),
            "B": eight(bid[1]),
            "a": eight(ask[0]),
            "A": eight(ask[1]),
        }
    return event
