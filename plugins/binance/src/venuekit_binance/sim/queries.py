"""What an account asks about its orders and trades.

Source: Binance spot REST docs, "Account endpoints", 2026-07.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from venuekit.sim.faults import FaultKind
from venuekit.sim.orders import Order, OrderStatus
from venuekit_binance.sim import order_payloads as write
from venuekit_binance.sim.calls import Call
from venuekit_binance.sim.parameters import Arguments
from venuekit_binance.sim.payloads import eight
from venuekit_binance.sim.refusals import Refusal, bad_combination, missing, no_such_order
from venuekit_binance.sim.tape import DAY_NS

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue

_T = TypeVar("_T")
_ARCHIVED_NS: Final = 90 * DAY_NS
_WITHOUT_TRACE: Final = frozenset(
    {OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.EXPIRED_IN_MATCH}
)
_TRADE_FORMS: Final = frozenset(
    frozenset(form)
    for form in (
        (),
        ("orderId",),
        ("startTime",),
        ("endTime",),
        ("fromId",),
        ("startTime", "endTime"),
        ("orderId", "fromId"),
    )
)


def order(venue: "Venue", call: Call) -> object:
    """Give one order, open or not."""
    sent = call.arguments
    order_id, name = sent.integer("orderId"), sent.text("origClientOrderId")
    rows = _visible(venue, call, venue.orders(call.account, sent.sure_text("symbol")))
    found: Order | None = None
    for each in rows:
        # A name that was used again finds the newest order that has it.
        if each.order_id == order_id if order_id is not None else each.client_order_id == name:
            found = each
    if found is None:
        raise no_such_order()
    if name is not None and found.client_order_id != name:
        raise Refusal(-2039, "Client order ID is not correct for this order ID.")
    is_traceless = found.status in _WITHOUT_TRACE and not found.executed
    if is_traceless and call.now_ns - found.updated_ns > _ARCHIVED_NS:
        raise Refusal(
            -2026,
            "Order was canceled or expired with no executed qty over 90 days ago "
            "and has been archived.",
        )
    return write.queried(found, call)


def _visible(venue: "Venue", call: Call, rows: Sequence[Order]) -> list[Order]:
    """Leave out what memory has not seen yet, where a fault delays it."""
    fault = venue.faults.lasting(FaultKind.MEMORY_LAG)
    if fault is None:
        return list(rows)
    return [row for row in rows if call.now_ns - row.created_ns >= fault.value * 1_000_000]


def open_orders(venue: "Venue", call: Call) -> object:
    """Give the open orders, of one symbol or of all."""
    symbol = call.arguments.text("symbol")
    rows = _visible(venue, call, venue.open_orders(call.account, symbol))
    return [write.queried(row, call) for row in rows]


def all_orders(venue: "Venue", call: Call) -> object:
    """Give orders by id, or by the time of their last change."""
    sent = call.arguments
    start, end = sent.integer("startTime"), sent.integer("endTime")
    _check_span(start, end)
    has_time = start is not None or end is not None
    from_id = None if has_time else sent.integer("orderId")
    rows = _visible(venue, call, venue.orders(call.account, sent.sure_text("symbol")))
    chosen = _chosen(
        [row for row in rows if from_id is None or row.order_id >= from_id],
        lambda row: row.updated_ns,
        start,
        end,
        sent.integer("limit") or 500,
        is_from_start=from_id is not None,
    )
    return [write.queried(row, call) for row in chosen]


def check_my_trades(sent: Arguments) -> None:
    """Refuse combinations that are not in the documentation's list."""
    form = frozenset(sent.values) - {"symbol", "limit"}
    if form not in _TRADE_FORMS:
        raise bad_combination()


def my_trades(venue: "Venue", call: Call) -> object:
    """Give the account's trades on a symbol."""
    sent = call.arguments
    start, end = sent.integer("startTime"), sent.integer("endTime")
    _check_span(start, end)
    order_id, from_id = sent.integer("orderId"), sent.integer("fromId")
    rows = [
        fill
        for fill in venue.fills(call.account, sent.sure_text("symbol"), order_id)
        if from_id is None or fill.trade_id >= from_id
    ]
    chosen = _chosen(
        rows,
        lambda fill: fill.time_ns,
        start,
        end,
        sent.integer("limit") or 500,
        is_from_start=from_id is not None,
    )
    return [write.my_trade(fill, call) for fill in chosen]


def amendments(venue: "Venue", call: Call) -> object:
    """Give the amendments of an order."""
    sent = call.arguments
    symbol, number = sent.sure_text("symbol"), sent.integer("orderId")
    found = next(
        (row for row in venue.orders(call.account, symbol) if row.order_id == number), None
    )
    if found is None:
        raise no_such_order()
    first = sent.integer("fromExecutionId") or 0
    rows = [row for row in venue.amendments(symbol, found.order_id) if row.amendment_id >= first]
    return [write.amendment_row(found, row, call) for row in rows[: sent.integer("limit") or 500]]


def prevented_matches(venue: "Venue", call: Call) -> object:
    """Give trades that self-trade prevention kept from happening."""
    sent = call.arguments
    match_id, order_id = sent.integer("preventedMatchId"), sent.integer("orderId")
    if match_id is None and order_id is None:
        raise missing("preventedMatchId")
    first = sent.integer("fromPreventedMatchId") or 0
    rows = [
        match
        for match in venue.prevented_matches(call.account, sent.sure_text("symbol"))
        if (match_id is None or match.prevented_match_id == match_id)
        and (order_id is None or order_id in {match.taker_order_id, match.maker_order_id})
        and match.prevented_match_id >= first
    ]
    modes = {
        row.order_id: write.label(row, "stp")
        for row in venue.orders(call.account, sent.sure_text("symbol"))
    }
    return [
        {
            "symbol": match.market,
            "preventedMatchId": match.prevented_match_id,
            "takerOrderId": match.taker_order_id,
            "makerSymbol": match.market,
            "makerOrderId": match.maker_order_id,
            "tradeGroupId": -1,
            "selfTradePreventionMode": modes.get(match.taker_order_id, "NONE"),
            "price": eight(match.price),
            "makerPreventedQuantity": eight(match.maker_prevented),
            "transactTime": call.time(match.time_ns),
        }
        for match in rows[: sent.integer("limit") or 500]
    ]


def allocations(_venue: "Venue", _call: Call) -> object:
    """Give allocations of smart order routing, which no symbol here has."""
    return []


def _check_span(start: int | None, end: int | None) -> None:
    if start is not None and end is not None and end - start > DAY_NS:
        raise Refusal(-1127, "More than 24 hours between startTime and endTime.")


def _chosen(
    rows: Sequence[_T],
    time_of: Callable[[_T], int],
    start: int | None,
    end: int | None,
    limit: int,
    *,
    is_from_start: bool,
) -> Sequence[_T]:
    """Give at most `limit` rows: the oldest from a start on, else the newest, oldest first."""
    kept = [
        row
        for row in rows
        if (start is None or time_of(row) >= start)
        and (end is None or time_of(row) <= end + 999_999)
    ]
    return kept[:limit] if is_from_start or start is not None else kept[-limit:]
