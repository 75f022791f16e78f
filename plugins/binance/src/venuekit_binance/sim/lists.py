"""Order lists: OCO, OTO, OTOCO, OPO and OPOCO.

Source: Binance spot REST docs, "Order lists", and FAQ "OPO", 2026-07.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs

from venuekit.sim.orders import ListKind, ListRequest, Order, OrderList, OrderStatus
from venuekit_binance.sim import order_payloads as write
from venuekit_binance.sim.calls import Call
from venuekit_binance.sim.drafts import STOPS, Draft, check_shape, draft_from
from venuekit_binance.sim.filters import check_standing
from venuekit_binance.sim.orders import (
    cancel_list_body,
    judged,
    placement_body,
    request_from,
)
from venuekit_binance.sim.parameters import Arguments
from venuekit_binance.sim.refusals import (
    Refusal,
    bad_combination,
    missing,
    no_such_order,
    rejected,
    unknown_order_sent,
)
from venuekit_binance.sim.tape import DAY_NS

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue

_LIMIT_LEGS: Final = frozenset({"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_STOP_LEGS: Final = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
_BAD_PRICES: Final = "The relationship of the prices for the orders is not correct."
_BAD_TYPES: Final = "Unsupported order combination"


# Checks between parameters.


def check_list_reference(sent: Arguments) -> None:
    """Refuse a request that names no list."""
    if "orderListId" not in sent and "listClientOrderId" not in sent:
        raise missing("orderListId")


def check_list_query(sent: Arguments) -> None:
    """Refuse a query that names no list."""
    if "orderListId" not in sent and "origClientOrderId" not in sent:
        raise missing("orderListId")


# Placing.


def place_oco(venue: "Venue", call: Call) -> object:
    """Place two legs of which one ends the other."""
    sent = call.arguments
    legs = _oco_legs(sent, "above", "below", sent.sure_text("side"), sent.decimal("quantity"))
    return _placed(venue, call, ListKind.OCO, legs)


def place_old_oco(venue: "Venue", call: Call) -> object:
    """Place an OCO in the form that was deprecated in 2024."""
    sent = call.arguments
    side, is_sell = sent.sure_text("side"), sent.text("side") == "SELL"
    limit = Draft(
        prefix="limit",
        symbol=sent.sure_text("symbol"),
        side=side,
        type="LIMIT_MAKER",
        quantity=sent.decimal("quantity"),
        price=sent.decimal("price"),
        iceberg=sent.decimal("limitIcebergQty"),
        client_id=sent.text("limitClientOrderId"),
        strategy_id=sent.integer("limitStrategyId"),
        strategy_type=sent.integer("limitStrategyType"),
        stp=sent.text("selfTradePreventionMode"),
    )
    stop_limit = sent.decimal("stopLimitPrice")
    stop = Draft(
        prefix="stop",
        symbol=sent.sure_text("symbol"),
        side=side,
        type="STOP_LOSS" if stop_limit is None else "STOP_LOSS_LIMIT",
        quantity=sent.decimal("quantity"),
        price=stop_limit,
        stop_price=sent.decimal("stopPrice"),
        trailing_delta=sent.integer("trailingDelta"),
        iceberg=sent.decimal("stopIcebergQty"),
        time_in_force=sent.text("stopLimitTimeInForce"),
        client_id=sent.text("stopClientOrderId"),
        strategy_id=sent.integer("stopStrategyId"),
        strategy_type=sent.integer("stopStrategyType"),
        stp=sent.text("selfTradePreventionMode"),
    )
    if stop_limit is not None and stop.time_in_force is None:
        raise missing("stopLimitTimeInForce")
    above, below = (limit, stop) if is_sell else (stop, limit)
    _check_pair(above, below)
    return _placed(venue, call, ListKind.OCO, [below, above])


def place_oto(venue: "Venue", call: Call) -> object:
    """Place an order, and one that follows when it has filled."""
    return _placed(venue, call, ListKind.OTO, [_working(call), _pending(call.arguments)])


def place_otoco(venue: "Venue", call: Call) -> object:
    """Place an order, and an OCO that follows when it has filled."""
    sent = call.arguments
    return _with_pair(venue, call, sent.decimal("pendingQuantity"))


def place_opo(venue: "Venue", call: Call) -> object:
    """Place a purchase, and the sale of what it will have bought."""
    working = _working(call)
    pending = draft_from(call.arguments, prefix="pending")
    _check_opo(working, pending.side)
    pending = attrs.evolve(pending, quantity=_bought(venue, call, working))
    check_shape(pending)
    return _placed(venue, call, ListKind.OTO, [working, pending])


def place_opoco(venue: "Venue", call: Call) -> object:
    """Place a purchase, and an OCO that sells what it will have bought."""
    working = _working(call)
    _check_opo(working, call.arguments.sure_text("pendingSide"))
    return _with_pair(venue, call, _bought(venue, call, working))


def _check_opo(working: Draft, pending_side: str) -> None:
    if working.side != "BUY":
        raise Refusal(-1222, "The working order of an OPO must be a BUY.")
    if pending_side != "SELL":
        raise Refusal(-1223, "The pending order of an OPO must be a SELL.")


def _bought(venue: "Venue", call: Call, working: Draft) -> Decimal:
    """Give what a purchase brings after its fee, down to the lot step.

    The fee is known beforehand here because the rates do not change.
    """
    spec = venue.symbol(working.symbol)
    rates = venue.rates(call.account, working.symbol)
    quantity = working.quantity or Decimal(0)
    kept = quantity - quantity * max(rates.maker, rates.taker)
    return kept // spec.step * spec.step if spec.step else kept


def _working(call: Call) -> Draft:
    working = draft_from(call.arguments, prefix="working")
    check_shape(working)
    if working.type not in {"LIMIT", "LIMIT_MAKER"}:
        raise Refusal(-1196 if working.type == "MARKET" else -1014, _BAD_TYPES)
    return working


def _pending(sent: Arguments) -> Draft:
    pending = draft_from(sent, prefix="pending")
    check_shape(pending)
    return pending


def _with_pair(venue: "Venue", call: Call, quantity: Decimal | None) -> object:
    sent = call.arguments
    working, side = _working(call), sent.sure_text("pendingSide")
    if "pendingBelowType" not in sent:
        raise missing("pendingBelowType")
    legs = _oco_legs(sent, "pendingAbove", "pendingBelow", side, quantity)
    return _placed(venue, call, ListKind.OTOCO, [working, *legs])


def _oco_legs(
    sent: Arguments, above: str, below: str, side: str, quantity: Decimal | None
) -> list[Draft]:
    legs = [
        draft_from(sent, prefix=prefix, side=side, quantity=quantity) for prefix in (above, below)
    ]
    for leg in legs:
        check_shape(leg)
    _check_pair(*legs)
    # The order of ids seen in the documentation: the lower leg comes first.
    return legs[::-1]


def _check_pair(above: Draft, below: Draft) -> None:
    """Refuse two legs that do not stand on the two sides of the market."""
    types = {above.type, below.type}
    if not types & _LIMIT_LEGS or not types & _STOP_LEGS:
        raise Refusal(-1158 if types <= STOPS | {"LIMIT_MAKER"} else -1014, _BAD_TYPES)
    is_sell = above.side == "SELL"
    stop = above if above.type in _STOP_LEGS else below
    if is_sell == (stop is above):
        raise rejected(_BAD_PRICES)
    upper, lower = _level(above), _level(below)
    if upper is not None and lower is not None and upper <= lower:
        raise rejected(_BAD_PRICES)


def _level(leg: Draft) -> Decimal | None:
    return leg.price if leg.type == "LIMIT_MAKER" else leg.stop_price


def _placed(venue: "Venue", call: Call, kind: ListKind, legs: list[Draft]) -> dict[str, object]:
    sent = call.arguments
    spec = venue.symbol(sent.sure_text("symbol"))
    _check_allowed(spec.flags, kind)
    _check_names(legs)
    legs = [judged(venue, call, leg) for leg in legs]
    check_standing(legs, spec, venue.standing(call.account, spec), is_list=True)
    number = len(legs)
    venue.limits.check_orders(call.account, number, call.now_ns)
    request = ListRequest(
        kind=kind,
        legs=tuple(request_from(venue, call, leg) for leg in legs),
        list_client_id=sent.text("listClientOrderId") or venue.new_client_id(),
    )
    made = venue.place_list(request, call.now_ns)
    venue.limits.count_orders(call.account, number, call.now_ns)
    form = sent.text("newOrderRespType") or "RESULT"
    reports = [placement_body(venue, call, _as_placed(made, order), form) for order in made.orders]
    return write.list_body(made, call, status_type="EXEC_STARTED", reports=reports)


def _as_placed(made: OrderList, order: Order) -> Order:
    """Give a pending leg as it was placed, even if the working order filled at once."""
    is_pending = made.request.kind is not ListKind.OCO and order is not made.orders[0]
    if not is_pending:
        return order
    return attrs.evolve(
        order,
        status=OrderStatus.PENDING_NEW,
        working_ns=None,
        is_working=False,
        executed=Decimal(0),
        cumulative_quote=Decimal(0),
        expiry_reason=None,
    )


def _check_allowed(flags: dict[str, bool], kind: ListKind) -> None:
    name = "ocoAllowed" if kind is ListKind.OCO else "otoAllowed"
    if not flags[name]:
        text = "OCO" if kind is ListKind.OCO else "OTO"
        raise Refusal(-1013, f"{text} orders are not supported for this symbol.")


def _check_names(legs: list[Draft]) -> None:
    names = [leg.client_id for leg in legs if leg.client_id is not None]
    if len(set(names)) != len(names):
        raise Refusal(-1013, "Duplicate order sent.")


# Canceling and asking.


def cancel_list(venue: "Venue", call: Call) -> object:
    """Cancel a list."""
    sent = call.arguments
    number, name = sent.integer("orderListId"), sent.text("listClientOrderId")
    for order_list in venue.open_lists(call.account):
        is_it = (number is None or order_list.list_id == number) and (
            name is None or order_list.list_client_id == name
        )
        if is_it and order_list.request.market == sent.sure_text("symbol"):
            new_name = sent.text("newClientOrderId") or venue.new_client_id()
            return cancel_list_body(venue, call, order_list.list_id, new_name)
    raise unknown_order_sent()


def query_list(venue: "Venue", call: Call) -> object:
    """Give a list; its client id wins where both names are sent."""
    sent = call.arguments
    number, name = sent.integer("orderListId"), sent.text("origClientOrderId")
    found: OrderList | None = None
    for order_list in venue.lists(call.account):
        if order_list.list_client_id == name if name is not None else order_list.list_id == number:
            found = order_list
    if found is None:
        raise no_such_order()
    return write.list_body(found, call)


def open_lists(venue: "Venue", call: Call) -> object:
    """Give the lists that are not done."""
    return [write.list_body(each, call) for each in venue.open_lists(call.account)]


def all_lists(venue: "Venue", call: Call) -> object:
    """Give lists by id or by time."""
    sent = call.arguments
    from_id, start, end = sent.integer("fromId"), sent.integer("startTime"), sent.integer("endTime")
    limit = sent.integer("limit") or 500
    if from_id is not None and (start is not None or end is not None):
        raise bad_combination()
    if start is not None and end is not None and end - start > DAY_NS:
        raise Refusal(-1127, "More than 24 hours between startTime and endTime.")
    rows = [
        each
        for each in venue.lists(call.account)
        if (from_id is None or each.list_id >= from_id)
        and (start is None or each.updated_ns >= start)
        and (end is None or each.updated_ns <= end + 999_999)
    ]
    rows = rows[-limit:] if from_id is None and start is None else rows[:limit]
    return [write.list_body(each, call) for each in rows]
