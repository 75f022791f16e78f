"""Placing, testing and canceling single orders.

Source: Binance spot REST docs, "Trading endpoints", 2026-07.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs

from venuekit.sim.orders import (
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from venuekit_binance.sim import order_payloads as write
from venuekit_binance.sim.calls import Call
from venuekit_binance.sim.drafts import Draft, check_shape, draft_from
from venuekit_binance.sim.filters import check_filters, check_precision, check_standing
from venuekit_binance.sim.parameters import Arguments
from venuekit_binance.sim.payloads import eight
from venuekit_binance.sim.refusals import (
    MARKET_CLOSED,
    Refusal,
    missing,
    rejected,
    unknown_order_sent,
)
from venuekit_binance.sim.world import SymbolSpec

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue

_TYPES: Final = {
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS": OrderType.STOP_LOSS,
    "STOP_LOSS_LIMIT": OrderType.STOP_LOSS_LIMIT,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT,
    "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT_LIMIT,
}
_STP: Final = {
    "NONE": SelfTradePrevention.NONE,
    "EXPIRE_TAKER": SelfTradePrevention.EXPIRE_TAKER,
    "EXPIRE_MAKER": SelfTradePrevention.EXPIRE_MAKER,
    "EXPIRE_BOTH": SelfTradePrevention.EXPIRE_BOTH,
    "DECREMENT": SelfTradePrevention.DECREMENT,
    # Between orders of one account a transfer is a decrement: nothing changes hands.
    "TRANSFER": SelfTradePrevention.DECREMENT,
}
_TIMES: Final = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_TYPE_NAMES: Final = {
    "LIMIT": "Limit",
    "LIMIT_MAKER": "Limit maker",
    "MARKET": "Market",
    "STOP_LOSS": "Stop loss",
    "STOP_LOSS_LIMIT": "Stop loss limit",
    "TAKE_PROFIT": "Take profit",
    "TAKE_PROFIT_LIMIT": "Take profit limit",
}


# Judging.


def check_new_order(sent: Arguments) -> None:
    """Refuse parameters that the order's type lacks or does not take."""
    check_shape(draft_from(sent))


def judged(venue: "Venue", call: Call, draft: Draft) -> Draft:
    """Give the order with its price, if it breaks no rule and no static filter of its symbol."""
    spec = venue.symbol(draft.symbol)
    check_precision(draft, spec)
    if venue.status(spec.symbol) != "TRADING":
        raise Refusal(-1013, MARKET_CLOSED)
    _check_features(draft, spec)
    if draft.peg_price is not None:
        # Filters must hold at the price that was sent, too.
        if draft.price is not None:
            check_filters(draft, spec, lambda minutes: venue.average(spec, minutes, call.now_ns))
        draft = attrs.evolve(draft, price=_pegged_price(venue, draft))
    check_filters(draft, spec, lambda minutes: venue.average(spec, minutes, call.now_ns))
    return draft


def _check_features(draft: Draft, spec: SymbolSpec) -> None:
    def refuse(what: str) -> Refusal:
        return Refusal(-1013, f"{what} orders are not supported for this symbol.")

    if draft.type not in spec.order_types:
        raise refuse(_TYPE_NAMES[draft.type])
    if draft.quote_quantity is not None and not spec.flags["quoteOrderQtyMarketAllowed"]:
        raise refuse("Quote order qty market")
    if draft.iceberg and not spec.flags["icebergAllowed"]:
        raise refuse("Iceberg")
    if draft.trailing_delta is not None and not spec.flags["allowTrailingStop"]:
        raise refuse("Trailing stop")
    if draft.peg_price is not None and not spec.flags["pegInstructionsAllowed"]:
        raise refuse("Pegged")
    if draft.stp is not None and draft.stp not in spec.allowed_stp:
        raise Refusal(-1013, "This symbol does not allow the specified self-trade prevention mode.")


def _pegged_price(venue: "Venue", draft: Draft) -> Decimal:
    _, bids, asks = venue.book(draft.symbol, 101)
    is_own_side = draft.peg_price == "PRIMARY_PEG"
    rows = bids if (draft.side == "BUY") == is_own_side else asks
    index = draft.peg_offset or 0
    if index >= len(rows):
        raise rejected("Order book liquidity is too low for this pegged order.")
    return rows[index][0]


def request_from(venue: "Venue", call: Call, draft: Draft) -> OrderRequest:
    """Turn a judged order into what the matching engine takes."""
    stp = draft.stp or venue.symbol(draft.symbol).default_stp
    labels: dict[str, object] = {
        "type": draft.type,
        "stp": stp,
        "strategyId": draft.strategy_id,
        "strategyType": draft.strategy_type,
        "pegPriceType": draft.peg_price,
        "pegOffsetType": draft.peg_offset_type,
        "pegOffsetValue": draft.peg_offset,
        "has_price": draft.name("Price") in call.arguments,
    }
    return OrderRequest(
        account=call.account,
        market=draft.symbol,
        side=Side.BUY if draft.side == "BUY" else Side.SELL,
        type=_TYPES[draft.type],
        client_order_id=draft.client_id or venue.new_client_id(),
        quantity=draft.quantity,
        quote_quantity=draft.quote_quantity,
        price=draft.price,
        stop_price=draft.stop_price,
        trailing_bps=draft.trailing_delta,
        time_in_force=_TIMES[draft.time_in_force or "GTC"],
        post_only=draft.type == "LIMIT_MAKER",
        display_quantity=draft.iceberg or None,
        self_trade_prevention=_STP[stp],
        labels=labels,
    )


# Placing.


def place(venue: "Venue", call: Call) -> object:
    """Place an order."""
    draft = judged(venue, call, draft_from(call.arguments))
    venue.limits.check_orders(call.account, 1, call.now_ns)
    return placed(venue, call, draft)


def placed(
    venue: "Venue", call: Call, draft: Draft, *, is_counted: bool = False
) -> dict[str, object]:
    """Hand a judged order to the engine, count it unless that was done, write the answer."""
    spec = venue.symbol(draft.symbol)
    check_standing([draft], spec, venue.standing(call.account, spec))
    order = venue.place(request_from(venue, call, draft), call.now_ns, is_counted=is_counted)
    kind = call.arguments.text("newOrderRespType")
    kind = kind or ("FULL" if draft.type in {"MARKET", "LIMIT"} else "ACK")
    return placement_body(venue, call, order, kind)


def placement_body(venue: "Venue", call: Call, order: Order, kind: str) -> dict[str, object]:
    """Write the answer to a placement."""
    fills = venue.fills(call.account, order.market, order.order_id)
    prevented = [
        match
        for match in venue.prevented_matches(call.account, order.market)
        if match.taker_order_id == order.order_id
    ]
    return write.placed(order, kind, fills, prevented, call)


def test(venue: "Venue", call: Call) -> object:
    """Judge an order without placing it; give its fee rates if asked."""
    draft = judged(venue, call, draft_from(call.arguments))
    if not call.arguments.flag("computeCommissionRates"):
        return {}
    rates = venue.rates(call.account, draft.symbol)
    none = {"maker": "0.00000000", "taker": "0.00000000"}
    return {
        "standardCommissionForOrder": {
            "maker": eight(rates.maker),
            "taker": eight(rates.taker),
        },
        "specialCommissionForOrder": none,
        "taxCommissionForOrder": none,
        "discount": venue.discount_payload(call.account),
    }


# Canceling.


def check_reference(sent: Arguments) -> None:
    """Refuse a request that names no order."""
    if "orderId" not in sent and "origClientOrderId" not in sent:
        raise missing("orderId")


def cancel(venue: "Venue", call: Call) -> object:
    """Cancel an order, or the list that it is a leg of."""
    sent = call.arguments
    order = open_order(venue, call, sent.integer("orderId"), sent.text("origClientOrderId"))
    check_restrictions(order, sent.text("cancelRestrictions"))
    return cancel_body(venue, call, order, sent.text("newClientOrderId"))


def cancel_body(
    venue: "Venue", call: Call, order: Order, new_name: str | None
) -> dict[str, object]:
    """Cancel an open order and write the report; a leg takes its whole list along."""
    name = new_name or venue.new_client_id()
    if order.list_id is not None:
        return cancel_list_body(venue, call, order.list_id, name)
    done = venue.cancel(call.account, order, name, call.now_ns)
    return write.canceled(done, order.client_order_id, call)


def cancel_list_body(venue: "Venue", call: Call, list_id: int, new_name: str) -> dict[str, object]:
    """Cancel a list and write it with the reports of its orders."""
    before = venue.order_list(call.account, list_id)
    names = {order.order_id: order.client_order_id for order in before.orders}
    done = venue.cancel_list(call.account, before, new_name, call.now_ns)
    reports = [
        write.canceled(attrs.evolve(order, client_order_id=new_name), names[order.order_id], call)
        for order in done.orders
        if order.status is OrderStatus.CANCELED
    ]
    return write.list_body(done, call, status_type="ALL_DONE", reports=reports)


def open_order(venue: "Venue", call: Call, order_id: int | None, client_id: str | None) -> Order:
    """Find an open order by one name or by both.

    Raises:
        Refusal: It is not open, or never was (-2011).
    """
    candidates: Sequence[Order] = venue.open_orders(
        call.account, call.arguments.sure_text("symbol")
    )
    for order in candidates:
        if order_id is not None and order.order_id != order_id:
            continue
        if client_id is not None and order.client_order_id != client_id:
            continue
        return order
    raise unknown_order_sent()


def check_restrictions(order: Order, restrictions: str | None) -> None:
    """Refuse to cancel an order that is not in the state that was asked for."""
    wanted = {
        "ONLY_NEW": OrderStatus.NEW,
        "ONLY_PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    }
    if restrictions is not None and order.status is not wanted[restrictions]:
        raise Refusal(-2011, "Order was not canceled due to cancel restrictions.")


def cancel_all(venue: "Venue", call: Call) -> object:
    """Cancel everything on a symbol; nothing there is an error."""
    symbol = call.arguments.sure_text("symbol")
    orders = venue.open_orders(call.account, symbol)
    if not orders:
        raise unknown_order_sent()
    name = venue.new_client_id()
    reports: list[dict[str, object]] = []
    lists: set[int] = set()
    for order in orders:
        if order.list_id is None:
            reports.append(cancel_body(venue, call, order, name))
        elif order.list_id not in lists:
            lists.add(order.list_id)
            reports.append(cancel_list_body(venue, call, order.list_id, name))
    return reports
