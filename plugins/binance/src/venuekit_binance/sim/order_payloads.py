"""Orders, fills and lists as REST answers write them.

Source: Binance spot REST docs, "Trading endpoints" and "Account endpoints", 2026-07.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from venuekit.sim.orders import (
    Amendment,
    ExpiryReason,
    Fill,
    ListKind,
    ListStatus,
    Order,
    OrderList,
    OrderStatus,
    PreventedMatch,
    Side,
    TimeInForce,
)
from venuekit_binance.sim.calls import Call
from venuekit_binance.sim.payloads import eight

_ZERO: Final = Decimal(0)
STATUSES: Final = {
    OrderStatus.NEW: "NEW",
    OrderStatus.PENDING_NEW: "PENDING_NEW",
    OrderStatus.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELED: "CANCELED",
    OrderStatus.EXPIRED: "EXPIRED",
    OrderStatus.EXPIRED_IN_MATCH: "EXPIRED_IN_MATCH",
    OrderStatus.REJECTED: "REJECTED",
}
REASONS: Final = {
    ExpiryReason.UNFILLED_IOC: "UNFILLED_IOC_QUANTITY_EXPIRED",
    ExpiryReason.UNFILLED_FOK: "UNFILLED_FOK_ORDER_EXPIRED",
    ExpiryReason.NO_LIQUIDITY: "INSUFFICIENT_LIQUIDITY",
    ExpiryReason.OCO_TRIGGER: "OCO_TRIGGER",
    ExpiryReason.OTO_PHASE_ONE_EXPIRED: "OTO_PHASE_ONE_EXPIRED",
    ExpiryReason.REJECTED: "REJECTED",
    ExpiryReason.EXCHANGE: "EXCHANGE_CANCELED",
}
TIMES_IN_FORCE: Final = {
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
}
SIDES: Final = {Side.BUY: "BUY", Side.SELL: "SELL"}
CONTINGENCIES: Final = {ListKind.OCO: "OCO", ListKind.OTO: "OTO", ListKind.OTOCO: "OTO"}


def label(order: Order, name: str) -> Any:
    """Give what was noted when the order was placed."""
    return order.request.labels.get(name)


def list_id(order: Order) -> int:
    """Give the id of the list, -1 outside of lists."""
    return -1 if order.list_id is None else order.list_id


def price_text(order: Order) -> str:
    """Write the price: that of a pegged order is zero unless it was sent."""
    if label(order, "pegPriceType") is not None and not label(order, "has_price"):
        return eight(_ZERO)
    return eight(order.price or _ZERO)


def is_by_quote(order: Order) -> bool:
    """Whether the order was placed by quote quantity."""
    return order.request.quote_quantity is not None


def ack(order: Order, call: Call) -> dict[str, object]:
    """Write the shortest answer to a placement."""
    return {
        "symbol": order.market,
        "orderId": order.order_id,
        "orderListId": list_id(order),
        "clientOrderId": order.client_order_id,
        "transactTime": call.time(order.updated_ns),
    }


def _state(order: Order) -> dict[str, object]:
    return {
        "price": price_text(order),
        "origQty": eight(order.quantity),
        "executedQty": eight(order.executed),
        "origQuoteOrderQty": eight(order.request.quote_quantity or _ZERO),
        "cummulativeQuoteQty": eight(order.cumulative_quote),
        "status": STATUSES[order.status],
        "timeInForce": TIMES_IN_FORCE[order.request.time_in_force],
        "type": label(order, "type"),
        "side": SIDES[order.side],
    }


def _conditional(order: Order, call: Call) -> dict[str, object]:
    """Give the members that only some orders have."""
    request = order.request
    more: dict[str, object] = {}
    if request.display_quantity is not None:
        more["icebergQty"] = eight(request.display_quantity)
    if request.stop_price is not None:
        more["stopPrice"] = eight(request.stop_price)
    if request.trailing_bps is not None:
        more["trailingDelta"] = request.trailing_bps
        tracking = order.trailing_ns
        more["trailingTime"] = -1 if tracking is None else call.time(tracking)
    for name in ("strategyId", "strategyType", "pegPriceType", "pegOffsetType", "pegOffsetValue"):
        if label(order, name) is not None:
            more[name] = label(order, name)
    if label(order, "pegPriceType") is not None:
        more["peggedPrice"] = eight(order.price or _ZERO)
    if order.prevented:
        more["preventedQuantity"] = eight(order.prevented)
    if order.prevented_match_id is not None:
        more["preventedMatchId"] = order.prevented_match_id
    if order.expiry_reason in REASONS:
        more["expiryReason"] = REASONS[order.expiry_reason]
    return more


def _working_time(order: Order, call: Call) -> int:
    return -1 if order.working_ns is None else call.time(order.working_ns)


def result(order: Order, call: Call) -> dict[str, object]:
    """Write the answer to a placement with the order's state."""
    return {
        **ack(order, call),
        **_state(order),
        "workingTime": _working_time(order, call),
        "selfTradePreventionMode": label(order, "stp"),
        **_conditional(order, call),
    }


def placed(
    order: Order,
    kind: str,
    fills: Sequence[Fill],
    prevented: Sequence[PreventedMatch],
    call: Call,
) -> dict[str, object]:
    """Write the answer to a placement in the form that was asked for."""
    if kind == "ACK":
        return ack(order, call)
    body = result(order, call)
    if prevented:
        body["preventedMatches"] = [
            {
                "preventedMatchId": match.prevented_match_id,
                "makerOrderId": match.maker_order_id,
                "makerSymbol": match.market,
                "price": eight(match.price),
                "takerPreventedQuantity": eight(match.taker_prevented),
                "makerPreventedQuantity": eight(match.maker_prevented),
            }
            for match in prevented
        ]
    if kind == "FULL":
        body["fills"] = [
            {
                "price": eight(fill.price),
                "qty": eight(fill.quantity),
                "commission": eight(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in fills
        ]
    return body


def queried(order: Order, call: Call) -> dict[str, object]:
    """Write an order as queries do."""
    request = order.request
    body = {
        "symbol": order.market,
        "orderId": order.order_id,
        "orderListId": list_id(order),
        "clientOrderId": order.client_order_id,
        **_state(order),
        "stopPrice": eight(request.stop_price or _ZERO),
        "icebergQty": eight(request.display_quantity or _ZERO),
        "time": call.time(order.created_ns),
        "updateTime": call.time(order.updated_ns),
        "isWorking": order.working_ns is not None,
        "workingTime": _working_time(order, call),
        "selfTradePreventionMode": label(order, "stp"),
    }
    return body | {k: v for k, v in _conditional(order, call).items() if k not in body}


def canceled(order: Order, previous_name: str, call: Call) -> dict[str, object]:
    """Write a cancel report: `clientOrderId` is the cancel's, the order's own moved aside."""
    more = _conditional(order, call)
    more.pop("expiryReason", None)
    return {
        "symbol": order.market,
        "origClientOrderId": previous_name,
        "orderId": order.order_id,
        "orderListId": list_id(order),
        "clientOrderId": order.client_order_id,
        "transactTime": call.time(order.updated_ns),
        **_state(order),
        "selfTradePreventionMode": label(order, "stp"),
        **more,
    }


def amended(order: Order, amendment: Amendment, call: Call) -> dict[str, object]:
    """Write the answer to an amendment, which spells its members its own way."""
    return {
        "transactTime": call.time(amendment.time_ns),
        "executionId": amendment.amendment_id,
        "amendedOrder": {
            "symbol": order.market,
            "orderId": order.order_id,
            "orderListId": list_id(order),
            "origClientOrderId": amendment.old_client_order_id,
            "clientOrderId": order.client_order_id,
            "price": price_text(order),
            "qty": eight(order.quantity),
            "executedQty": eight(order.executed),
            "preventedQty": eight(order.prevented),
            "quoteOrderQty": eight(order.request.quote_quantity or _ZERO),
            "cumulativeQuoteQty": eight(order.cumulative_quote),
            "status": STATUSES[order.status],
            "timeInForce": TIMES_IN_FORCE[order.request.time_in_force],
            "type": label(order, "type"),
            "side": SIDES[order.side],
            "workingTime": _working_time(order, call),
            "selfTradePreventionMode": label(order, "stp"),
        },
    }


def amendment_row(order: Order, amendment: Amendment, call: Call) -> dict[str, object]:
    """Write a row of the history of amendments."""
    return {
        "symbol": order.market,
        "orderId": order.order_id,
        "executionId": amendment.amendment_id,
        "origClientOrderId": amendment.old_client_order_id,
        "newClientOrderId": amendment.new_client_order_id,
        "origQty": eight(amendment.old_quantity),
        "newQty": eight(amendment.new_quantity),
        "time": call.time(amendment.time_ns),
    }


def my_trade(fill: Fill, call: Call) -> dict[str, object]:
    """Write a row of an account's trades."""
    return {
        "symbol": fill.market,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": -1 if fill.list_id is None else fill.list_id,
        "price": eight(fill.price),
        "qty": eight(fill.quantity),
        "quoteQty": eight(fill.quote_quantity),
        "commission": eight(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": call.time(fill.time_ns),
        "isBuyer": fill.side is Side.BUY,
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def legs(order_list: OrderList) -> list[dict[str, object]]:
    """Name the orders of a list."""
    return [
        {
            "symbol": order.market,
            "orderId": order.order_id,
            "clientOrderId": order.client_order_id,
        }
        for order in order_list.orders
    ]


def list_body(
    order_list: OrderList,
    call: Call,
    *,
    status_type: str = "",
    name: str = "",
    reports: Iterable[dict[str, object]] | None = None,
) -> dict[str, object]:
    """Write an order list.

    Args:
        order_list: The list.
        call: For the unit of its times.
        status_type: What the answer is about; by the list's status when absent.
        name: The list's client id; its own when absent.
        reports: Reports of its orders, in answers to placements and cancels.
    """
    is_done = order_list.status is ListStatus.ALL_DONE
    body: dict[str, object] = {
        "orderListId": order_list.list_id,
        "contingencyType": CONTINGENCIES[order_list.request.kind],
        "listStatusType": status_type or ("ALL_DONE" if is_done else "EXEC_STARTED"),
        "listOrderStatus": "ALL_DONE" if is_done else "EXECUTING",
        "listClientOrderId": name or order_list.list_client_id,
        "transactionTime": call.time(order_list.updated_ns),
        "symbol": order_list.request.market,
        "orders": legs(order_list),
    }
    if reports is not None:
        body["orderReports"] = list(reports)
    return body
