"""An order request as Binance's parameters.

Source: Binance Spot `rest-api.md` "New order", `faqs/trailing-stop-faq.md`,
`faqs/pegged_orders.md`, 2026-07-21.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from venuekit.model import Instrument, OrderRequest, OrderType, TimeInForce, plain

_NUMBER: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
"""What Binance reads as a number: no sign, no exponent."""
_CLIENT_ID: Final = re.compile(r"[a-zA-Z0-9-_]{1,36}")
_WHOLE: Final = re.compile(r"[0-9]{1,18}")

_STOPS: Final = {
    OrderType.STOP: "STOP_LOSS",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
    OrderType.TAKE_PROFIT: "TAKE_PROFIT",
    OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT_LIMIT",
}
# Tuples: they are searched by identity, while a set runs the hash of the enum, which is Python.
_PRICED: Final = (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
_TIMES: Final = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
_RESTING: Final = (None, TimeInForce.GTC)
_PEGS: Final = frozenset({"pegPriceType", "pegOffsetType", "pegOffsetValue"})
OPTIONS: Final = frozenset({"strategyId", "strategyType"}) | _PEGS
"""Names that `OrderRequest.options` may have for every order."""


def native_type(request: OrderRequest) -> str:
    """Give Binance's name of the order's type; post-only is a type there."""
    if request.type is OrderType.LIMIT:
        return "LIMIT_MAKER" if request.post_only else "LIMIT"
    return "MARKET" if request.type is OrderType.MARKET else _STOPS[request.type]


def client_id_text(client_order_id: str | None) -> str:
    """Check a client order id; raises ValueError if it is absent or not legal."""
    if client_order_id is None or _CLIENT_ID.fullmatch(client_order_id) is None:
        msg = f"client order id {client_order_id!r}: 1 to 36 of a-z, A-Z, 0-9, - and _ are needed"
        raise ValueError(msg)
    return client_order_id


def number_text(name: str, value: Decimal) -> str:
    """Write an amount with all its digits; raises ValueError for what Binance cannot read."""
    text = plain(value)
    if _NUMBER.fullmatch(text) is None:
        msg = f"{name}={text}: Binance reads up to 20 digits before and after the point, no sign"
        raise ValueError(msg)
    return text


def order_pairs(
    request: OrderRequest, instrument: Instrument, *, more_options: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    """Write an order as parameters, in the order in which they are sent.

    Args:
        request: What is asked for, with its client order id.
        instrument: What it trades.
        more_options: Further names that `request.options` may have; they are not written here.

    Raises:
        ValueError: The request asks for something that Binance does not have or would refuse;
            every reason is named.
    """
    faults = [*_faults(request, instrument), *_option_faults(request.options, more_options)]
    if faults:
        raise ValueError("; ".join(faults))
    pairs = [
        ("symbol", instrument.native),
        ("side", request.side.name),
        ("type", native_type(request)),
    ]
    if request.type in _PRICED and not request.post_only:
        pairs.append(("timeInForce", (request.time_in_force or TimeInForce.GTC).name))
    for name, value in (
        ("quantity", request.quantity),
        ("quoteOrderQty", request.quote_quantity),
        ("price", request.price),
        ("stopPrice", request.stop_price),
        ("trailingDelta", request.trailing_delta),
        ("icebergQty", request.display_quantity),
    ):
        if value is not None:
            pairs.append((name, number_text(name, value)))
    pairs.append(("newClientOrderId", client_id_text(request.client_order_id)))
    if request.self_trade_prevention is not None:
        pairs.append(("selfTradePreventionMode", request.self_trade_prevention.name))
    pairs.extend((name, value) for name, value in request.options.items() if name in OPTIONS)
    return pairs


def _faults(request: OrderRequest, instrument: Instrument) -> list[str]:
    """List what Binance's rules of types and parameters forbid."""
    kind = request.type
    is_market = kind is OrderType.MARKET
    is_priced = kind in _PRICED
    is_stop = not is_market and kind is not OrderType.LIMIT
    is_pegged = "pegPriceType" in request.options
    time_in_force = request.time_in_force
    delta = request.trailing_delta
    # The texts are filled in only when they are needed, which is nearly never.
    rules = (
        (
            request.symbol != instrument.symbol,
            "an order for {symbol} was given the instrument {instrument}",
        ),
        (
            is_market and (request.quantity is None) == (request.quote_quantity is None),
            "a market order takes either quantity or quote_quantity",
        ),
        (not is_market and request.quantity is None, "a {kind} order needs quantity"),
        (
            not is_market and request.quote_quantity is not None,
            "quote_quantity is for market orders",
        ),
        (is_priced and request.price is None and not is_pegged, "a {kind} order needs price"),
        (not is_priced and request.price is not None, "a {kind} order takes no price"),
        (
            is_stop and request.stop_price is None and delta is None,
            "a {kind} order needs stop_price or trailing_delta",
        ),
        (
            not is_stop and not (request.stop_price is None and delta is None),
            "a {kind} order takes neither stop_price nor trailing_delta",
        ),
        (
            delta is not None and (delta != delta.to_integral_value() or delta <= 0),
            "trailing_delta is a whole number of basis points",
        ),
        (
            time_in_force is not None and time_in_force not in _TIMES,
            "time in force {time_in_force} is not offered by Binance Spot",
        ),
        (
            not is_priced and time_in_force is not None,
            "a {kind} order takes no time in force",
        ),
        (
            request.post_only and kind is not OrderType.LIMIT,
            "post_only is for limit orders",
        ),
        (
            request.post_only and time_in_force not in _RESTING,
            "a post-only order rests: time in force GTC or none",
        ),
        (
            request.display_quantity is not None
            and (not is_priced or time_in_force not in _RESTING),
            "display_quantity is for orders with a price that stand until canceled",
        ),
        (
            is_pegged and not is_priced,
            "pegged orders are limit orders",
        ),
    )
    broken = [text for is_broken, text in rules if is_broken]
    if not broken:
        return broken
    words = {
        "kind": kind.value,
        "symbol": request.symbol,
        "instrument": instrument.symbol,
        "time_in_force": time_in_force and time_in_force.value,
    }
    return [text.format_map(words) for text in broken]


def _option_faults(options: Mapping[str, str], more: frozenset[str]) -> list[str]:
    """List what is wrong with the names and values that only Binance knows."""
    if not options:
        return []
    allowed = OPTIONS | more
    faults = [
        f"options[{name!r}]: unknown; allowed: {', '.join(sorted(allowed))}"
        for name in options
        if name not in allowed
    ]
    faults.extend(
        f"options[{name!r}]={options[name]!r}: a whole number is needed"
        for name in ("strategyId", "strategyType", "pegOffsetValue")
        if name in options and _WHOLE.fullmatch(options[name]) is None
    )
    if faults:
        return faults
    rules = (
        (
            int(options.get("strategyType", 1_000_000)) < 1_000_000,
            "options['strategyType']: at least 1000000",
        ),
        (
            options.get("pegPriceType", "PRIMARY_PEG") not in {"PRIMARY_PEG", "MARKET_PEG"},
            "options['pegPriceType']: PRIMARY_PEG or MARKET_PEG",
        ),
        (
            options.get("pegOffsetType", "PRICE_LEVEL") != "PRICE_LEVEL",
            "options['pegOffsetType']: PRICE_LEVEL",
        ),
        (
            not 1 <= int(options.get("pegOffsetValue", 1)) <= 100,
            "options['pegOffsetValue']: 1 to 100",
        ),
        (
            ("pegOffsetType" in options) != ("pegOffsetValue" in options),
            "options: pegOffsetType and pegOffsetValue go together",
        ),
        (
            "pegPriceType" not in options and bool(_PEGS & set(options)),
            "options: an offset needs pegPriceType",
        ),
    )
    return [text for is_broken, text in rules if is_broken]
