"""An order request as the body of "Create a new order".

Source: Coinbase Exchange API reference, "Create a new order", 2026; that a client order id of
another form is silently dropped: ccxt issue 10692.
"""

import re
from decimal import Decimal
from typing import Any, Final

from venuekit.model import (
    Instrument,
    OrderRequest,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
    decimal_from_text,
    is_on_grid,
)
from venuekit_coinbase.figures import number_text
from venuekit_coinbase.order_fields import QUOTE_STEP

CLIENT_OID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
"""A UUID of version 4, in lower case."""
OPTIONS: Final = frozenset({"cancel_after"})
"""Names that `OrderRequest.options` may have. `cancel_after` goes with GTD: min, hour or day."""
PREVENTIONS: Final = {
    SelfTradePrevention.DECREMENT: "dc",
    SelfTradePrevention.EXPIRE_MAKER: "co",
    SelfTradePrevention.EXPIRE_TAKER: "cn",
    SelfTradePrevention.EXPIRE_BOTH: "cb",
}
"""The older order is the maker."""
TIMES: Final = {
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    TimeInForce.GTD: "GTT",
}
_CLIENT_OID: Final = re.compile(CLIENT_OID)
_STOPS: Final = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
_SPANS: Final = ("min", "hour", "day")


def client_oid(client_order_id: str | None) -> str:
    """Check a client order id; raises ValueError if it is absent or not legal."""
    if client_order_id is None or _CLIENT_OID.fullmatch(client_order_id) is None:
        msg = (
            f"client order id {client_order_id!r}: Coinbase Exchange drops all but UUIDs of "
            "version 4 in lower case, and would never find the order again"
        )
        raise ValueError(msg)
    return client_order_id


def order_body(request: OrderRequest, instrument: Instrument) -> dict[str, Any]:
    """Write an order.

    Raises:
        ValueError: The request asks for something that Coinbase Exchange does not have or would
            refuse; every reason is named.
    """
    faults = [text for is_broken, text in _rules(request, instrument) if is_broken]
    unknown = sorted(set(request.options) - OPTIONS)
    faults += [f"options: {name!r} is unknown; allowed: cancel_after" for name in unknown]
    if faults:
        raise ValueError("; ".join(faults))
    is_market = request.type is OrderType.MARKET
    body: dict[str, Any] = {
        "client_oid": client_oid(request.client_order_id),
        "type": "market" if is_market else "limit",
        "side": request.side.value,
        "product_id": instrument.native,
    }
    for name, value in (
        ("size", request.quantity),
        ("funds", request.quote_quantity),
        ("price", request.price),
        ("stop_price", request.stop_price),
        ("max_floor", request.display_quantity),
    ):
        if value is not None:
            body[name] = number_text(name, value)
    if request.type in _STOPS:
        body["stop"] = stop_of(request)
    if not is_market:
        body["time_in_force"] = TIMES[request.time_in_force or TimeInForce.GTC]
        body["post_only"] = request.post_only
    body |= {name: request.options[name] for name in sorted(OPTIONS & set(request.options))}
    if request.self_trade_prevention is not None:
        body["stp"] = PREVENTIONS[request.self_trade_prevention]
    return body


def stop_of(request: OrderRequest) -> str:
    """Say when a stop triggers: `entry` at the stop price or above, `loss` there or below."""
    is_up = (request.side is Side.BUY) is (request.type is OrderType.STOP_LIMIT)
    return "entry" if is_up else "loss"


def _rules(request: OrderRequest, instrument: Instrument) -> list[tuple[bool, str]]:
    kind, options, times = request.type, request.options, request.time_in_force
    is_market, is_stop = kind is OrderType.MARKET, kind in _STOPS
    has_quote = request.quote_quantity is not None
    step = decimal_from_text(instrument.limits.get(QUOTE_STEP, "0"))
    passing = {TimeInForce.IOC, TimeInForce.FOK}
    return [
        (
            request.symbol != instrument.symbol,
            f"an order for {request.symbol} was given the instrument {instrument.symbol}",
        ),
        (
            kind in {OrderType.STOP, OrderType.TAKE_PROFIT},
            f"Coinbase Exchange has no {kind.value} orders at the market; give a limit price",
        ),
        (
            (request.quantity is None) is not has_quote,
            "an order takes either quantity or quote_quantity",
        ),
        (has_quote and not is_market, "quote_quantity is for market orders"),
        (
            not is_on_grid(request.quote_quantity or Decimal(0), step),
            f"quote_quantity is a multiple of {step}",
        ),
        (not is_market and request.price is None, f"a {kind.value} order needs price"),
        (is_market and request.price is not None, "a market order takes no price"),
        (is_stop is (request.stop_price is None), "stop_price goes with orders that wait for it"),
        (request.post_only and kind is not OrderType.LIMIT, "post_only is for limit orders"),
        (request.post_only and times in passing, "a post-only order rests"),
        (is_market and times in {TimeInForce.GTC, TimeInForce.GTD}, "a market order does not rest"),
        (is_market and times is TimeInForce.FOK, "a market order is never all or nothing"),
        (is_stop and times in passing, "an order that waits for a price rests"),
        (
            (times is TimeInForce.GTD) is not ("cancel_after" in options),
            "the option cancel_after goes with GTD, and GTD needs it",
        ),
        (
            options.get("cancel_after", "min") not in _SPANS,
            f"the option cancel_after is {', '.join(_SPANS[:-1])} or {_SPANS[-1]}",
        ),
        (
            request.display_quantity is not None and kind is not OrderType.LIMIT,
            "display_quantity is for limit orders",
        ),
        (request.trailing_delta is not None, "Coinbase Exchange has no trailing orders"),
        (
            request.self_trade_prevention not in {None, *PREVENTIONS},
            "self-trade prevention: decrement, expire_maker, expire_taker or expire_both",
        ),
    ]
