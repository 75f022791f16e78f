"""Replacing an order by another, and making one smaller where it stands.

Source: Binance spot REST docs, "Cancel an existing order and send a new order" and FAQ "Order
Amend Keep Priority", 2026-07.
"""

from typing import TYPE_CHECKING

from venuekit.sim.orders import Order
from venuekit_binance.sim import order_payloads as write
from venuekit_binance.sim.calls import Call, Reply
from venuekit_binance.sim.drafts import Draft, check_shape, draft_from
from venuekit_binance.sim.filters import check_lot, check_standing, decimals
from venuekit_binance.sim.orders import (
    cancel_body,
    check_restrictions,
    judged,
    open_order,
    placed,
)
from venuekit_binance.sim.parameters import Arguments
from venuekit_binance.sim.refusals import Refusal, missing

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue

_FAILED = "Order cancel-replace failed."
_HALF_FAILED = "Order cancel-replace partially failed."


def check_cancel_replace(sent: Arguments) -> None:
    """Refuse parameters that lack an order to cancel or do not make a new one."""
    if "cancelOrderId" not in sent and "cancelOrigClientOrderId" not in sent:
        raise missing("cancelOrderId")
    check_shape(draft_from(sent))


def cancel_replace(venue: "Venue", call: Call) -> object:
    """Cancel an order and place another; a failed placement does not undo the cancel."""
    sent = call.arguments
    draft = draft_from(sent)
    spec = venue.symbol(draft.symbol)
    if not spec.flags["cancelReplaceAllowed"]:
        raise Refusal(-2010, "Order cancel-replace is not supported for this symbol.")
    # Filters and the order count are judged before either step.
    draft = judged(venue, call, draft)
    check_standing([draft], spec, venue.standing(call.account, spec))
    full: Refusal | None = None
    try:
        venue.limits.check_orders(call.account, 1, call.now_ns)
    except Refusal as refusal:
        if sent.text("orderRateLimitExceededMode") != "CANCEL_ONLY":
            raise
        full = refusal
    if full is None:
        # Counted even where the new order is not attempted.
        venue.limits.count_orders(call.account, 1, call.now_ns)
    canceled = _try_cancel(venue, call)
    must_stop = sent.text("cancelReplaceMode") == "STOP_ON_FAILURE"
    if isinstance(canceled, Refusal) and must_stop:
        raise Refusal(
            -2022,
            _FAILED,
            status=400 if full is None else 429,
            data=_data(canceled, None),
        )
    replaced = full or _try_place(venue, call, draft)
    return _composed(canceled, replaced, is_throttled=full is not None and must_stop)


def _try_cancel(venue: "Venue", call: Call) -> dict[str, object] | Refusal:
    sent = call.arguments
    try:
        order = open_order(
            venue, call, sent.integer("cancelOrderId"), sent.text("cancelOrigClientOrderId")
        )
        check_restrictions(order, sent.text("cancelRestrictions"))
        return cancel_body(venue, call, order, sent.text("cancelNewClientOrderId"))
    except Refusal as refusal:
        return refusal


def _try_place(venue: "Venue", call: Call, draft: Draft) -> dict[str, object] | Refusal:
    try:
        return placed(venue, call, draft, is_counted=True)
    except Refusal as refusal:
        return refusal


def _composed(
    canceled: dict[str, object] | Refusal,
    replaced: dict[str, object] | Refusal,
    *,
    is_throttled: bool,
) -> object:
    data = _data(canceled, replaced)
    failures = isinstance(canceled, Refusal) + isinstance(replaced, Refusal)
    if not failures:
        return data
    if failures == 2:
        raise Refusal(-2022, _FAILED, data=data)
    raise Refusal(-2021, _HALF_FAILED, status=429 if is_throttled else 409, data=data)


def _data(
    canceled: dict[str, object] | Refusal, replaced: dict[str, object] | Refusal | None
) -> dict[str, object]:
    return {
        "cancelResult": "FAILURE" if isinstance(canceled, Refusal) else "SUCCESS",
        "newOrderResult": (
            "NOT_ATTEMPTED"
            if replaced is None
            else "FAILURE"
            if isinstance(replaced, Refusal)
            else "SUCCESS"
        ),
        "cancelResponse": canceled.body() if isinstance(canceled, Refusal) else canceled,
        "newOrderResponse": replaced.body() if isinstance(replaced, Refusal) else replaced,
    }


def amend(venue: "Venue", call: Call) -> object:
    """Make an order smaller; it keeps its id and its place, and by default loses its name."""
    sent = call.arguments
    symbol = sent.sure_text("symbol")
    spec = venue.symbol(symbol)
    quantity = sent.decimal("newQty")
    assert quantity is not None
    if decimals(quantity) > spec.base_precision:
        raise Refusal(-1111, "Parameter 'newQty' has too much precision.")
    if venue.status(symbol) not in {"TRADING", "CANCEL_ONLY"}:
        raise Refusal(-1013, "Market is closed.")
    if not spec.flags["amendAllowed"]:
        raise _not_amended("Order amend is not supported for this symbol.")
    order = _amendable(venue, call)
    if quantity > order.quantity:
        raise _not_amended("Order amend (quantity increase) is not supported.")
    if quantity == order.quantity:
        raise _not_amended("The requested action would change no state; rejecting.")
    check_lot(quantity, spec, "LOT_SIZE")
    most = spec.number("MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends")
    if most and order.amendments >= most:
        raise _not_amended("Filter failure: MAX_NUM_ORDER_AMENDS")
    name = sent.text("newClientOrderId") or venue.new_client_id()
    done, amendment = venue.amend(call.account, order, quantity, name, call.now_ns)
    body = write.amended(done, amendment, call)
    if done.list_id is not None:
        order_list = venue.order_list(call.account, done.list_id)
        whole = write.list_body(order_list, call)
        body["listStatus"] = {
            name: whole[name]
            for name in (
                "orderListId",
                "contingencyType",
                "listOrderStatus",
                "listClientOrderId",
                "symbol",
                "orders",
            )
        }
    return Reply(body, is_free=not done.status.is_open)


def _amendable(venue: "Venue", call: Call) -> Order:
    sent = call.arguments
    try:
        return open_order(venue, call, sent.integer("orderId"), sent.text("origClientOrderId"))
    except Refusal:
        raise _not_amended("Unknown order sent.") from None


def _not_amended(message: str) -> Refusal:
    return Refusal(-2038, message)
