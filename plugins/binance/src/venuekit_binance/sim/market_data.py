"""The public calls: exchange information, books, trades, bars and tickers.

Source: Binance spot REST docs, "General endpoints" and "Market Data endpoints", 2026-07.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from venuekit_binance.sim.calls import Call
from venuekit_binance.sim.parameters import Arguments
from venuekit_binance.sim.payloads import bar_row, eight, levels, ticker_day, ticker_window
from venuekit_binance.sim.refusals import Refusal, bad_combination, illegal_characters, missing
from venuekit_binance.sim.tape import DAY_NS, MINUTE_NS, SPANS, Bar, TapeTrade, period_start
from venuekit_binance.sim.world import SymbolSpec

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue

INTERVALS: Final = tuple(SPANS)
_ZONE: Final = re.compile(r"([+-]?)(\d{1,2})(?::(\d{2}))?", re.ASCII)
_WINDOW: Final = re.compile(r"([1-9]\d?)([mhd])", re.ASCII)
_UNIT_NS: Final = {"m": MINUTE_NS, "h": 60 * MINUTE_NS, "d": DAY_NS}
_LISTED: Final = frozenset({"SPOT", "MARGIN", "LEVERAGED"})


def ping(_venue: "Venue", _call: Call) -> object:
    """Answer."""
    return {}


def time(_venue: "Venue", call: Call) -> object:
    """Tell the time."""
    return {"serverTime": call.time(call.clock_ns)}


def exchange_info(venue: "Venue", call: Call) -> object:
    """Describe limits, filters and symbols."""
    sent = call.arguments
    selectors = [name for name in ("symbol", "symbols", "permissions") if name in sent]
    by_name = "symbol" in sent or "symbols" in sent
    if len(selectors) > 1 or (by_name and "symbolStatus" in sent):
        raise bad_combination()
    if by_name:
        chosen = _named(venue, sent)
    else:
        wanted = frozenset(sent.texts("permissions") or _LISTED)
        chosen = [
            spec
            for spec in venue.symbols.values()
            if any(wanted.intersection(inner) for inner in spec.permission_sets)
        ]
    status = sent.text("symbolStatus")
    return {
        "timezone": "UTC",
        "serverTime": call.time(call.clock_ns),
        "rateLimits": venue.limits.info_payload(is_rest=call.is_rest),
        "exchangeFilters": [],
        "symbols": [
            spec.payload(
                venue.status(spec.symbol),
                with_sets=sent.flag("showPermissionSets", default=True),
            )
            for spec in chosen
            if status is None or venue.status(spec.symbol) == status
        ],
    }


def execution_rules(venue: "Venue", call: Call) -> object:
    """Tell the price-range rules; the simulated symbols have none."""
    chosen = _chosen(venue, call.arguments)
    return {"symbolRules": [{"symbol": spec.symbol, "rules": []} for spec in chosen]}


def depth(venue: "Venue", call: Call) -> object:
    """Give the book."""
    spec = _one(venue, call.arguments)
    update_id, bids, asks = venue.snapshot(
        spec.symbol, call.arguments.integer("limit") or 100, call.now_ns
    )
    return {"lastUpdateId": update_id, "bids": levels(bids), "asks": levels(asks)}


def trades(venue: "Venue", call: Call) -> object:
    """Give the newest trades, or those from an id on."""
    spec = _one(venue, call.arguments)
    limit = call.arguments.integer("limit") or 500
    kept = list(venue.tapes[spec.symbol].trades)
    from_id = call.arguments.integer("fromId")
    rows = kept[-limit:] if from_id is None else [row for row in kept if row.id >= from_id][:limit]
    return [_trade_row(row, call) for row in rows]


def _trade_row(trade: TapeTrade, call: Call) -> dict[str, object]:
    return {
        "id": trade.id,
        "price": eight(trade.price),
        "qty": eight(trade.quantity),
        "quoteQty": eight(trade.notional),
        "time": call.time(trade.at_ns),
        "isBuyerMaker": trade.is_buyer_maker,
        "isBestMatch": True,
    }


def block_trades(venue: "Venue", call: Call) -> object:
    """Give block trades, which strangers here do not make."""
    _one(venue, call.arguments)
    return []


def aggregate_trades(venue: "Venue", call: Call) -> object:
    """Give aggregate trades by id or by time."""
    sent = call.arguments
    spec = _one(venue, sent)
    limit = sent.integer("limit") or 500
    from_id, start, end = sent.integer("fromId"), sent.integer("startTime"), sent.integer("endTime")
    if from_id is not None and (start is not None or end is not None):
        raise bad_combination()
    rows = venue.tapes[spec.symbol].aggregates_from(from_id or 0)
    if start is not None:
        rows = [row for row in rows if row.at_ns >= start]
    if end is not None:
        rows = [row for row in rows if row.at_ns <= end + 999_999]
    rows = rows[-limit:] if from_id is None and start is None else rows[:limit]
    return [
        {
            "a": row.id,
            "p": eight(row.price),
            "q": eight(row.quantity),
            "f": row.first_id,
            "l": row.last_id,
            "T": call.time(row.at_ns),
            "m": row.is_buyer_maker,
            "M": True,
        }
        for row in rows
    ]


def klines(venue: "Venue", call: Call) -> object:
    """Give bars; the last one is usually still being made."""
    sent = call.arguments
    spec = _one(venue, sent)
    interval = sent.sure_text("interval")
    offset_ns = _offset_ns(sent.text("timeZone"))
    bars = venue.tapes[spec.symbol].bars(
        interval,
        sent.integer("limit") or 500,
        call.now_ns,
        start_ns=sent.integer("startTime"),
        end_ns=sent.integer("endTime"),
        offset_ns=offset_ns,
    )
    return [bar_row(bar, interval, offset_ns, call.unit) for bar in bars]


def _offset_ns(zone: str | None) -> int:
    """Read `8`, `-1:00` or `05:45`, from -12:00 to +14:00."""
    if zone is None:
        return 0
    match = _ZONE.fullmatch(zone)
    minutes = 10_000
    if match is not None:
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        minutes = -minutes if match[1] == "-" else minutes
    if not -720 <= minutes <= 840:
        raise illegal_characters("timeZone", "[-12:00,+14:00]")
    return minutes * MINUTE_NS


def average_price(venue: "Venue", call: Call) -> object:
    """Give the average of five minutes."""
    spec = _one(venue, call.arguments)
    average = venue.tapes[spec.symbol].average(5, call.now_ns)
    price, at_ns = average or (Decimal(0), 0)
    return {"mins": 5, "price": eight(price), "closeTime": call.time(at_ns)}


def reference_price(venue: "Venue", call: Call) -> object:
    """Give the reference price of a symbol that has one."""
    spec = _one(venue, call.arguments)
    if spec.reference_price is None:
        raise Refusal(-2043, "This symbol doesn't have a reference price.")
    return {
        "symbol": spec.symbol,
        "referencePrice": eight(spec.reference_price),
        "timestamp": call.time(call.now_ns),
    }


def day_ticker(venue: "Venue", call: Call) -> object:
    """Give the statistics of the last 24 hours."""
    is_mini = call.arguments.text("type") == "MINI"

    def row(spec: SymbolSpec) -> dict[str, object] | None:
        start_ns = call.now_ns - DAY_NS
        bar = venue.tapes[spec.symbol].window(start_ns, call.now_ns)
        return ticker_day(
            venue, spec, bar or _nothing(start_ns), call.now_ns, call.unit, is_mini=is_mini
        )

    return _rows(venue, call, row, needs_some=False)


def window_ticker(venue: "Venue", call: Call) -> object:
    """Give the statistics of a window that ends now."""
    size = call.arguments.text("windowSize") or "1d"
    match = _WINDOW.fullmatch(size)
    if match is None or int(match[1]) > {"m": 59, "h": 23, "d": 7}[match[2]]:
        raise illegal_characters("windowSize", "^[1-9][0-9]?(m|h|d)$")
    span_ns = int(match[1]) * _UNIT_NS[match[2]]
    opened_ns = (call.now_ns - span_ns) // MINUTE_NS * MINUTE_NS
    return _statistics(venue, call, opened_ns)


def trading_day_ticker(venue: "Venue", call: Call) -> object:
    """Give the statistics of the day so far."""
    offset_ns = _offset_ns(call.arguments.text("timeZone"))
    return _statistics(venue, call, period_start("1d", call.now_ns, offset_ns))


def _statistics(venue: "Venue", call: Call, opened_ns: int) -> object:
    is_mini = call.arguments.text("type") == "MINI"

    def row(spec: SymbolSpec) -> dict[str, object] | None:
        bar = venue.tapes[spec.symbol].window(opened_ns, call.now_ns) or _nothing(opened_ns)
        bar.open_ns = opened_ns
        return ticker_window(spec.symbol, bar, call.now_ns, call.unit, is_mini=is_mini)

    return _rows(venue, call, row, needs_some=True)


def _nothing(at_ns: int) -> Bar:
    zero = Decimal(0)
    return Bar(at_ns, zero, zero, zero, zero)


def price_ticker(venue: "Venue", call: Call) -> object:
    """Give the last price."""

    def row(spec: SymbolSpec) -> dict[str, object] | None:
        price = venue.tapes[spec.symbol].last_price
        return {"symbol": spec.symbol, "price": eight(price or Decimal(0))}

    return _rows(venue, call, row, needs_some=False)


def book_ticker(venue: "Venue", call: Call) -> object:
    """Give the best bid and offer."""

    def row(spec: SymbolSpec) -> dict[str, object] | None:
        bid, ask = venue.top(spec.symbol)
        return {
            "symbol": spec.symbol,
            "bidPrice": eight(bid[0]),
            "bidQty": eight(bid[1]),
            "askPrice": eight(ask[0]),
            "askQty": eight(ask[1]),
        }

    return _rows(venue, call, row, needs_some=False)


def _one(venue: "Venue", sent: Arguments) -> SymbolSpec:
    spec = venue.symbol(sent.sure_text("symbol"))
    status = sent.text("symbolStatus")
    if status is not None and venue.status(spec.symbol) != status:
        raise _mismatch()
    return spec


def _mismatch() -> Refusal:
    return Refusal(-1220, "The symbol's status does not match the requested symbolStatus.")


def _named(venue: "Venue", sent: Arguments) -> list[SymbolSpec]:
    name = sent.text("symbol")
    return [venue.symbol(each) for each in ((name,) if name else sent.texts("symbols") or ())]


def _chosen(venue: "Venue", sent: Arguments) -> list[SymbolSpec]:
    if "symbol" in sent and "symbols" in sent:
        raise bad_combination()
    if "symbol" in sent or "symbols" in sent:
        return _named(venue, sent)
    return list(venue.symbols.values())


def _rows(
    venue: "Venue",
    call: Call,
    row: Callable[[SymbolSpec], dict[str, object] | None],
    *,
    needs_some: bool,
) -> object:
    """Give one object for `symbol`, a list for `symbols` or for all."""
    sent = call.arguments
    if needs_some and "symbol" not in sent and "symbols" not in sent:
        raise missing("symbol")
    names = sent.texts("symbols")
    if names is not None and len(names) > 100:
        raise Refusal(-1101, f"Too many parameters; expected '100' and received '{len(names)}'.")
    chosen = _chosen(venue, sent)
    status = sent.text("symbolStatus")
    if status is not None:
        if "symbol" in sent and venue.status(chosen[0].symbol) != status:
            raise _mismatch()
        chosen = [spec for spec in chosen if venue.status(spec.symbol) == status]
    made = [found for spec in chosen if (found := row(spec)) is not None]
    return made[0] if "symbol" in sent else made
