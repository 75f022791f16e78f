"""The events of the market channels.

Source: Coinbase "WebSocket Channels", 2026-06.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from venuekit.sim.events import LevelChanged
from venuekit.sim.orders import Side, Trade
from venuekit.sim.prints import Candle
from venuekit.sim.queries import Depth
from venuekit_coinbase.sim.market_data import candle_payload, trade_payload
from venuekit_coinbase.sim.wire import EPOCH, SECOND_NS, digits, quotient, rfc3339

if TYPE_CHECKING:
    from venuekit_coinbase.sim.venue import Venue

CANDLE_NS: Final = 300 * SECOND_NS
_MOST_CANDLES: Final = 100
_MOST_TRADES: Final = 100
_ZERO: Final = Decimal(0)
_SIDES: Final = {Side.BUY: "bid", Side.SELL: "offer"}
Event = dict[str, object]


def book_snapshot(book: str, depth: Depth) -> Event:
    """Write a whole book; its levels have no time."""
    return {
        "type": "snapshot",
        "product_id": book,
        "updates": [
            {
                "side": side,
                "event_time": EPOCH,
                "price_level": digits(row.price),
                "new_quantity": digits(row.quantity),
            }
            for side, rows in (("bid", depth.bids), ("offer", depth.asks))
            for row in rows
        ],
    }


def book_update(book: str, changes: Iterable[LevelChanged]) -> Event:
    """Write levels that have another quantity now, zero where they are gone."""
    return {
        "type": "update",
        "product_id": book,
        "updates": [
            {
                "side": _SIDES[change.side],
                "event_time": rfc3339(change.time_ns),
                "price_level": digits(change.price),
                "new_quantity": digits(change.quantity),
            }
            for change in changes
        ],
    }


def trades_event(kind: str, book: str, trades: Sequence[Trade]) -> Event:
    """Write trades, the newest first."""
    rows = [trade_payload(trade, book) for trade in reversed(trades[-_MOST_TRADES:])]
    return {"type": kind, "trades": rows}


def ticker_event(
    venue: "Venue", kind: str, book: str, now_ns: int, *, with_best: bool = True
) -> Event:
    """Write prices of a day, and the best bid and ask."""
    day = venue.day(book, now_ns)
    bid, ask = venue.engine.best_bid(book), venue.engine.best_ask(book)
    change = _ZERO if day is None else quotient((day.close - day.open) * 100, day.open)
    row: dict[str, object] = {
        "type": "ticker",
        "product_id": book,
        "price": digits(_ZERO if day is None else day.close),
        "volume_24_h": digits(_ZERO if day is None else day.volume),
        "low_24_h": digits(_ZERO if day is None else day.low),
        "high_24_h": digits(_ZERO if day is None else day.high),
        "low_52_w": digits(_ZERO if day is None else day.low),
        "high_52_w": digits(_ZERO if day is None else day.high),
        "price_percent_chg_24_h": digits(change),
    }
    if with_best:
        row |= {
            "best_bid": digits(_ZERO if bid is None else bid.price),
            "best_bid_quantity": digits(_ZERO if bid is None else bid.quantity),
            "best_ask": digits(_ZERO if ask is None else ask.price),
            "best_ask_quantity": digits(_ZERO if ask is None else ask.quantity),
        }
    return {"type": kind, "tickers": [row]}


def candles_event(kind: str, book: str, candles: Iterable[Candle]) -> Event:
    """Write five-minute candles."""
    return {
        "type": kind,
        "candles": [{**candle_payload(candle), "product_id": book} for candle in candles],
    }


def past_candles(venue: "Venue", book: str, now_ns: int) -> list[Candle]:
    """Give the last five-minute candles, the newest first."""
    start_ns = now_ns - _MOST_CANDLES * CANDLE_NS
    made = venue.engine.candles(book, CANDLE_NS, start_ns, now_ns + 1)
    return [candle for candle in reversed(made) if candle.trades]


def status_row(venue: "Venue", book: str) -> dict[str, str]:
    """Describe a product as the `status` channel does."""
    spec = venue.books[book]
    flags = sorted(venue.flags(book))
    return {
        "product_type": "SPOT",
        "id": book,
        "base_currency": spec.base,
        "quote_currency": spec.quote,
        "base_increment": f"{spec.base_increment:f}",
        "quote_increment": f"{spec.quote_increment:f}",
        "display_name": f"{spec.base}/{spec.quote}",
        "status": venue.status(book),
        "status_message": ", ".join(flags),
        "min_market_funds": f"{spec.quote_min_size:f}",
    }
