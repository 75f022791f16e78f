"""An order request as Kraken's parameters.

Source: Kraken API Center, "Add Order", "Spot Client Order Identifiers", June 2026.
"""

import re
from typing import Any, Final

from venuekit.model import (
    Instrument,
    OrderRequest,
    OrderType,
    SelfTradePrevention,
    TimeInForce,
)
from venuekit_kraken.figures import number_text
from venuekit_kraken.order_options import CLOSE, FEES, option_faults, option_fields

TYPES: Final = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.STOP: "stop-loss",
    OrderType.STOP_LIMIT: "stop-loss-limit",
    OrderType.TAKE_PROFIT: "take-profit",
    OrderType.TAKE_PROFIT_LIMIT: "take-profit-limit",
}
_LIMITED: Final = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
_PREVENTIONS: Final = {
    SelfTradePrevention.EXPIRE_TAKER: "cancel-newest",
    SelfTradePrevention.EXPIRE_MAKER: "cancel-oldest",
    SelfTradePrevention.EXPIRE_BOTH: "cancel-both",
}
_TIMES: Final = {TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}
CLIENT_ID: Final = r"[0-9a-f]{32}|[a-z0-9]{1,18}"
"""A UUID in 32 hexadecimal digits, or free text. Dashes are left out: Kraken keeps ids as 128-bit
numbers, so that only one way of writing each is safe to compare."""
_CLIENT_ID: Final = re.compile(CLIENT_ID)
MOST_PARTS: Final = 15
"""An iceberg shows at least this part of itself."""


def client_id_text(client_order_id: str | None) -> str:
    """Check a client order id; raises ValueError if it is absent or not legal."""
    if client_order_id is None or _CLIENT_ID.fullmatch(client_order_id) is None:
        msg = (
            f"client order id {client_order_id!r}: 32 hexadecimal digits in lower case, or up to "
            "18 of a-z and 0-9, are needed"
        )
        raise ValueError(msg)
    return client_order_id


def order_fields(request: OrderRequest) -> dict[str, str]:
    """Write an order without its pair.

    Raises:
        ValueError: The request asks for something that Kraken does not have or would refuse;
            every reason is named.
    """
    faults = _faults(request)
    if faults:
        raise ValueError("; ".join(faults))
    kind = request.type
    fields = {"ordertype": _type(request), "type": request.side.value}
    quantity = request.quantity if request.quantity is not None else request.quote_quantity
    assert quantity is not None
    fields["volume"] = number_text("quantity", quantity)
    first = request.price if kind is OrderType.LIMIT else request.stop_price
    if request.trailing_delta is not None:
        percent = request.trailing_delta.scaleb(-2).normalize()  # of basis points
        fields["price"] = f"+{number_text('trailing_delta', percent)}%"
    for name, value in (
        ("price", first),
        ("price2", request.price if kind in _LIMITED else None),
        ("displayvol", request.display_quantity),
    ):
        if value is not None:
            fields[name] = number_text(name, value)
    flags = ["post"] if request.post_only else []
    if request.quote_quantity is not None:
        flags.append("viqc")
    if "fee_currency" in request.options:
        flags.append(FEES[request.options["fee_currency"]])
    if flags:
        fields["oflags"] = ",".join(flags)
    if request.time_in_force in _TIMES:
        fields["timeinforce"] = _TIMES[request.time_in_force]
    elif request.time_in_force is TimeInForce.GTD:
        fields["timeinforce"] = "GTD"
    if request.self_trade_prevention is not None:
        fields["stptype"] = _PREVENTIONS[request.self_trade_prevention]
    fields |= option_fields(request.options)
    fields["cl_ord_id"] = client_id_text(request.client_order_id)
    return fields


def order_object(request: OrderRequest) -> dict[str, Any]:
    """Write an order without its pair as a member of a JSON body; raises ValueError."""
    fields: dict[str, Any] = {**order_fields(request)}
    close = {CLOSE[name]: fields.pop(name) for name in CLOSE if name in fields}
    if close:
        fields["close"] = close
    if "reduce_only" in fields:
        fields["reduce_only"] = fields["reduce_only"] == "true"
    return fields


def _type(request: OrderRequest) -> str:
    if "ordertype" in request.options:
        return request.options["ordertype"]
    if request.trailing_delta is not None:
        return "trailing-stop"
    return "iceberg" if request.display_quantity is not None else TYPES[request.type]


def order_pairs(request: OrderRequest, instrument: Instrument) -> list[tuple[str, str]]:
    """Write an order as parameters, in the order in which they are sent; raises ValueError."""
    if request.symbol != instrument.symbol:
        msg = f"an order for {request.symbol} was given the instrument {instrument.symbol}"
        raise ValueError(msg)
    return [("pair", instrument.native), *order_fields(request).items()]


def _faults(request: OrderRequest) -> list[str]:
    kind = request.type
    is_limit = kind is OrderType.LIMIT
    is_priced = is_limit or kind in _LIMITED
    is_stop = not is_limit and kind is not OrderType.MARKET
    has_quote = request.quote_quantity is not None
    prevention = request.self_trade_prevention
    rules = (
        (
            (request.quantity is None) is not has_quote,
            "an order takes either quantity or quote_quantity",
        ),
        (
            has_quote and (kind is not OrderType.MARKET or request.side.value != "buy"),
            "quote_quantity is for market orders that buy",
        ),
        (is_priced and request.price is None, f"a {kind.value} order needs price"),
        (not is_priced and request.price is not None, f"a {kind.value} order takes no price"),
        (
            is_stop and request.stop_price is None and request.trailing_delta is None,
            f"a {kind.value} order needs stop_price",
        ),
        (
            not is_stop and request.stop_price is not None,
            f"a {kind.value} order takes no stop_price",
        ),
        (
            request.trailing_delta is not None and kind is not OrderType.STOP,
            # The limit of the other kind is a distance from a trigger that moves.
            "of trailing orders there are stop orders only: a stop with trailing_delta",
        ),
        (
            request.trailing_delta is not None and request.stop_price is not None,
            "a trailing stop follows the price from the start, and takes no stop_price",
        ),
        (request.post_only and not is_limit, "post_only is for limit orders"),
        (
            request.post_only and request.time_in_force in {TimeInForce.IOC, TimeInForce.FOK},
            "a post-only order rests",
        ),
        (
            request.display_quantity is not None and not is_limit,
            "display_quantity is for limit orders",
        ),
        (
            request.display_quantity is not None
            and request.quantity is not None
            and request.display_quantity * MOST_PARTS < request.quantity,
            f"display_quantity is at least a {MOST_PARTS}th of quantity",
        ),
        (
            request.display_quantity is not None
            and request.time_in_force in {TimeInForce.IOC, TimeInForce.FOK},
            "an iceberg rests",
        ),
        (
            prevention is not None and prevention not in _PREVENTIONS,
            f"self-trade prevention {prevention and prevention.value} is not offered by Kraken",
        ),
    )
    return [*(text for is_broken, text in rules if is_broken), *option_faults(request)]
