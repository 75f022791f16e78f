"""Public calls: time, names, prices, books, trades.

Source: Kraken API Center, Spot REST market data pages; recorded answers of February 2026.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from venuekit.sim.orders import Side
from venuekit.sim.prints import Candle
from venuekit_kraken.sim.calls import Call
from venuekit_kraken.sim.refusals import invalid
from venuekit_kraken.sim.wire import SECOND_NS, midnight, plain, rfc1123, seconds, short_rfc3339
from venuekit_kraken.sim.world import PairSpec

if TYPE_CHECKING:
    from venuekit_kraken.sim.venue import Venue

INTERVALS: Final = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
MINUTE_NS: Final = 60 * SECOND_NS
_WEEK_OFFSET_NS: Final = 4 * 86_400 * SECOND_NS  # the epoch was a Thursday, weeks begin on Mondays
CANDLES_MOST: Final = 720
_ZERO: Final = Decimal(0)
_SECONDS_UNTIL: Final = 10**12  # smaller times are seconds, greater ones nanoseconds


def time(call: Call) -> object:
    """Tell the time."""
    return {"unixtime": call.clock_ns // SECOND_NS, "rfc1123": rfc1123(call.clock_ns)}


def system_status(call: Call) -> object:
    """Tell whether the exchange is open."""
    return {"status": call.venue.system_status(), "timestamp": short_rfc3339(call.clock_ns)}


def assets(call: Call) -> object:
    """Describe assets, all or those asked for."""
    names = call.venue.names
    asked = call.arguments.names("asset")
    chosen = [names.asset(name) for name in asked] if asked else names.assets.values()
    return {asset.id: asset.rest_payload() for asset in chosen}


def asset_pairs(call: Call) -> object:
    """Describe pairs, all or those asked for."""
    info = call.arguments.choice("info", ("info", "leverage", "fees", "margin"), "info")
    return {
        key: pair.rest_payload(call.venue.status(pair.symbol), info)
        for key, pair in _chosen(call).items()
    }


def _key(name: str, pair: PairSpec) -> str:
    """Give the key of an answer: what was asked for with a slash comes back as it was.

    Seen live on 2026-07-05, and clients in wide use rely on it.
    """
    return name if "/" in name else pair.id


def _chosen(call: Call) -> dict[str, PairSpec]:
    """Give pairs by the keys that answers have for them."""
    names = call.venue.names
    asked = call.arguments.names("pair")
    if not asked:
        return {pair.id: pair for pair in names.pairs.values()}
    found = [(name, names.pair(name)) for name in asked]
    return {_key(name, pair): pair for name, pair in found}


def _pair(call: Call) -> tuple[str, PairSpec]:
    """Give the pair that was asked for and its key in the answer."""
    name = call.arguments.sure_text("pair")
    pair = call.venue.names.pair(name)
    return _key(name, pair), pair


def ticker(call: Call) -> object:
    """Give prices and the statistics of a day."""
    asked = call.arguments.names("pair")
    return {
        key: _ticker(call, pair)
        for key, pair in _chosen(call).items()
        if asked or call.venue.last_price(pair) is not None
    }


def _ticker(call: Call, pair: PairSpec) -> dict[str, object]:
    venue, now_ns = call.venue, call.now_ns
    engine, symbol = venue.engine, pair.symbol
    ask, bid = venue.top(symbol)
    last = engine.last_trade(symbol)
    today = engine.candle(symbol, midnight(now_ns), now_ns // SECOND_NS * SECOND_NS + SECOND_NS)
    day = engine.statistics(symbol, now_ns)

    def level(row: tuple[Decimal, Decimal] | None) -> list[object]:
        price, quantity = row or (_ZERO, _ZERO)
        return [pair.wide_price(price), str(max(1, int(quantity))), pair.volume(quantity)]

    def both(field: str) -> list[object]:
        return [
            pair.wide_price(_ZERO if candle is None else getattr(candle, field))
            for candle in (today, day)
        ]

    return {
        "a": level(ask),
        "b": level(bid),
        "c": [
            pair.wide_price(_ZERO if last is None else last.price),
            pair.volume(_ZERO if last is None else last.quantity),
        ],
        "v": [pair.volume(_ZERO if candle is None else candle.volume) for candle in (today, day)],
        "p": both("weighted_average"),
        "t": [0 if candle is None else candle.trades for candle in (today, day)],
        "l": both("low"),
        "h": both("high"),
        "o": pair.wide_price(_ZERO if today is None else today.open),
    }


def candles(venue: "Venue", pair: PairSpec, minutes: int, most: int, now_ns: int) -> list[Candle]:
    """Give the last candles, the running one at the end."""
    span_ns = minutes * MINUTE_NS
    offset_ns = _WEEK_OFFSET_NS if minutes == 10080 else 0
    running_ns = (now_ns - offset_ns) // span_ns * span_ns + offset_ns
    first_ns = running_ns - (most - 1) * span_ns
    return list(
        venue.engine.candles(
            pair.symbol, span_ns, max(first_ns, 0), running_ns + 1, offset_ns=offset_ns
        )
    )


def ohlc(call: Call) -> object:
    """Give candles; the last row is not done yet."""
    key, pair = _pair(call)
    minutes = call.arguments.integer("interval")
    minutes = 1 if minutes is None else minutes
    if minutes not in INTERVALS:
        raise invalid("interval")
    since_s = call.arguments.integer("since") or 0
    rows = candles(call.venue, pair, minutes, CANDLES_MOST, call.now_ns)
    committed_s = rows[-2].open_ns // SECOND_NS if len(rows) > 1 else 0
    return {
        key: [_row(pair, row) for row in rows if row.open_ns // SECOND_NS > since_s],
        "last": committed_s,
    }


def _row(pair: PairSpec, candle: Candle) -> list[object]:
    vwap = candle.weighted_average if candle.trades else _ZERO
    return [
        candle.open_ns // SECOND_NS,
        pair.price(candle.open),
        pair.price(candle.high),
        pair.price(candle.low),
        pair.price(candle.close),
        pair.price(vwap),
        plain(candle.volume, pair.lot_decimals),
        candle.trades,
    ]


def depth(call: Call) -> object:
    """Give a book."""
    key, pair = _pair(call)
    count = call.arguments.integer("count")
    count = 100 if count is None else count
    if not 1 <= count <= 500:
        raise invalid("count")
    asks, bids = call.venue.book(pair.symbol, count)
    at_s = call.clock_ns // SECOND_NS

    def rows(levels: list[tuple[Decimal, Decimal]]) -> list[list[object]]:
        return [[pair.wide_price(price), pair.volume(quantity), at_s] for price, quantity in levels]

    return {key: {"asks": rows(asks), "bids": rows(bids)}}


def trades(call: Call) -> object:
    """Give public trades, oldest first."""
    key, pair = _pair(call)
    since = call.arguments.integer("since") or 0
    since_ns = since * SECOND_NS if since < _SECONDS_UNTIL else since
    count = call.arguments.integer("count")
    count = 1_000 if count is None else count
    if not 1 <= count <= 1_000:
        raise invalid("count")
    found = [trade for trade in call.venue.engine.trades(pair.symbol) if trade.time_ns > since_ns]
    # From a moment on the oldest, else the newest.
    found = found[:count] if since else found[-count:]
    return {
        key: [
            [
                pair.wide_price(trade.price),
                pair.volume(trade.quantity),
                seconds(trade.time_ns, 7),
                "b" if trade.taker_side is Side.BUY else "s",
                "m" if call.venue.taker_type(trade) == "market" else "l",
                "",
                trade.trade_id,
            ]
            for trade in found
        ],
        "last": str(found[-1].time_ns if found else since_ns),
    }


def spread(call: Call) -> object:
    """Give what the best prices were."""
    key, pair = _pair(call)
    since_s = call.arguments.integer("since") or 0
    rows = [row for row in call.venue.spreads[pair.symbol] if row[0] >= since_s]
    return {
        key: [[at_s, pair.wide_price(bid), pair.wide_price(ask)] for at_s, bid, ask in rows],
        "last": rows[-1][0] if rows else call.clock_ns // SECOND_NS,
    }
