"""Channels about the market: books, tickers, trades, candles, names.

Source: Kraken API Center, WebSocket v2 market data pages; a book session recorded 2023-07-30.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs

from venuekit.sim.orders import Trade
from venuekit.sim.prints import Candle
from venuekit_kraken.sim.checksum import Row, book_checksum
from venuekit_kraken.sim.public import MINUTE_NS, candles
from venuekit_kraken.sim.wire import number, rfc3339, rounded
from venuekit_kraken.sim.world import PairSpec

if TYPE_CHECKING:
    from venuekit_kraken.sim.venue import Venue

DEPTHS: Final = (10, 25, 100, 500, 1000)
_ZERO: Final = Decimal(0)
_LAST_TRADES: Final = 50
_LAST_CANDLES: Final = 100
Body = dict[str, object]


def message(channel: str, kind: str, data: Sequence[object]) -> Body:
    """Write a message of a public channel."""
    return {"channel": channel, "type": kind, "data": list(data)}


# Books.


@attrs.frozen
class View:
    """What a client of some depth should see of a book, best levels first."""

    asks: tuple[Row, ...]
    bids: tuple[Row, ...]


class Books:
    """Books as they were last told, for each depth that somebody listens to."""

    def __init__(self, venue: "Venue") -> None:
        self._venue = venue
        self._views: dict[tuple[str, int], View] = {}

    def watch(self, symbol: str, depth: int) -> View:
        """Give the book as it was last told, or as it is where nobody has been told."""
        known = self._views.get((symbol, depth))
        if known is None:
            known = self._views[symbol, depth] = self._now(symbol, depth)
        return known

    def forget(self, symbol: str, depth: int) -> None:
        """Keep no more what nobody listens to."""
        self._views.pop((symbol, depth), None)

    def _now(self, symbol: str, depth: int) -> View:
        asks, bids = self._venue.book(symbol, depth)
        return View(tuple(asks), tuple(bids))

    def snapshot(self, pair: PairSpec, view: View, at_ns: int) -> Body:
        """Write a whole book."""
        return self._message(pair, "snapshot", view, view.asks, view.bids, at_ns)

    def update(self, pair: PairSpec, depth: int, at_ns: int) -> Body | None:
        """Write what has changed since the last time, if anything has.

        Levels that others have pushed out of the depth are not removed: the client cuts its book
        itself. A level that comes into the depth is told like a new one.
        """
        old = self.watch(pair.symbol, depth)
        new = self._now(pair.symbol, depth)
        if old == new:
            return None
        self._views[pair.symbol, depth] = new
        asks = _changes(old.asks, new.asks, depth, is_asks=True)
        bids = _changes(old.bids, new.bids, depth, is_asks=False)
        return self._message(pair, "update", new, asks, bids, at_ns)

    def _message(
        self,
        pair: PairSpec,
        kind: str,
        view: View,
        asks: Iterable[Row],
        bids: Iterable[Row],
        at_ns: int,
    ) -> Body:
        checksum = book_checksum(view.asks, view.bids, pair.price_decimals, pair.lot_decimals)
        body: Body = {
            "symbol": pair.symbol,
            "bids": _levels(bids),
            "asks": _levels(asks),
            "checksum": checksum,
            "timestamp": rfc3339(at_ns),
        }
        return message("book", kind, [body])


def _changes(old: Sequence[Row], new: Sequence[Row], depth: int, *, is_asks: bool) -> list[Row]:
    """Give what leads from one side of a view to the next, in the order of removal and arrival.

    What is no longer seen was pushed out where it lies behind all that is seen now, and was
    removed where it does not.
    """
    before, after = dict(old), dict(new)
    gone = [price for price, _ in old if price not in after]
    if len(new) == depth:
        worst = new[-1][0]
        gone = [price for price in gone if (price < worst if is_asks else price > worst)]
    changed = [row for row in new if before.get(row[0]) != row[1]]
    return [(price, _ZERO) for price in gone] + changed


def _levels(rows: Iterable[Row]) -> list[Body]:
    return [{"price": number(price), "qty": number(quantity)} for price, quantity in rows]


# The rest.


def ticker(venue: "Venue", pair: PairSpec, kind: str, now_ns: int) -> Body:
    """Write best prices and the statistics of a day."""
    ask, bid = venue.top(pair.symbol)
    day = venue.engine.statistics(pair.symbol, now_ns)
    last = venue.last_price(pair) or _ZERO
    opened = last if day is None else day.open
    change = last - opened
    body: Body = {
        "symbol": pair.symbol,
        "bid": number(bid[0] if bid else _ZERO),
        "bid_qty": number(bid[1] if bid else _ZERO),
        "ask": number(ask[0] if ask else _ZERO),
        "ask_qty": number(ask[1] if ask else _ZERO),
        "last": number(last),
        "volume": number(_ZERO if day is None else day.volume),
        "vwap": number(
            _ZERO if day is None else rounded(day.weighted_average, pair.price_decimals)
        ),
        "low": number(_ZERO if day is None else day.low),
        "high": number(_ZERO if day is None else day.high),
        "change": number(change),
        "change_pct": number(rounded(100 * change / opened, 2) if opened else _ZERO),
        "timestamp": rfc3339(venue.clock_ns(now_ns)),
    }
    return message("ticker", kind, [body])


def trades(venue: "Venue", pair: PairSpec, kind: str, rows: Iterable[Trade]) -> Body:
    """Write public trades, oldest first."""
    return message(
        "trade",
        kind,
        [
            {
                "symbol": pair.symbol,
                "side": trade.taker_side.value,
                "price": number(trade.price),
                "qty": number(trade.quantity),
                "ord_type": venue.taker_type(trade),
                "trade_id": trade.trade_id,
                "timestamp": rfc3339(trade.time_ns),
            }
            for trade in rows
        ],
    )


def last_trades(venue: "Venue", pair: PairSpec) -> list[Trade]:
    """Give the trades of a snapshot."""
    return list(venue.engine.trades(pair.symbol))[-_LAST_TRADES:]


def ohlc(venue: "Venue", pair: PairSpec, kind: str, minutes: int, now_ns: int) -> Body:
    """Write the last candles, or the running one."""
    count = _LAST_CANDLES if kind == "snapshot" else 1
    rows = candles(venue, pair, minutes, count, now_ns)
    return message("ohlc", kind, [_candle(pair, row, minutes) for row in rows])


def _candle(pair: PairSpec, candle: Candle, minutes: int) -> Body:
    vwap = rounded(candle.weighted_average, pair.price_decimals) if candle.trades else _ZERO
    return {
        "symbol": pair.symbol,
        "open": number(candle.open),
        "high": number(candle.high),
        "low": number(candle.low),
        "close": number(candle.close),
        "trades": candle.trades,
        "volume": number(candle.volume),
        "vwap": number(vwap),
        "interval_begin": f"{rfc3339(candle.open_ns)[:-1]}000Z",
        "interval": minutes,
        "timestamp": rfc3339(candle.open_ns + minutes * MINUTE_NS),
    }


def instrument(venue: "Venue") -> Body:
    """Write all assets and pairs."""
    names = venue.names
    data = {
        "assets": [asset.socket_payload() for asset in names.assets.values()],
        "pairs": [pair.socket_payload(venue.status(pair.symbol)) for pair in names.pairs.values()],
    }
    return {"channel": "instrument", "type": "snapshot", "data": data}


def instrument_update(venue: "Venue", pairs: Iterable[PairSpec]) -> Body:
    """Write the pairs whose status has changed."""
    rows = [pair.socket_payload(venue.status(pair.symbol)) for pair in pairs]
    return {"channel": "instrument", "type": "update", "data": {"assets": [], "pairs": rows}}
