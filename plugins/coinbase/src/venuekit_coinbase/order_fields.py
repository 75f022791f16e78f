"""An order request as the body of "Create Order": one key of `order_configuration` for each kind.

Source: Coinbase Advanced Trade API reference, "Create Order", June 2026.
"""

import re
from decimal import Decimal
from typing import Any, Final

from venuekit.model import (
    Instrument,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
    decimal_from_text,
    is_on_grid,
)
from venuekit_coinbase.figures import moment_ns, number_text

QUOTE_STEP: Final = "quote_increment"
"""Name in `Instrument.limits` of the step of quote quantities."""
UP: Final = "STOP_DIRECTION_STOP_UP"
DOWN: Final = "STOP_DIRECTION_STOP_DOWN"
CLIENT_ID: Final = r"[A-Za-z0-9_-]{1,36}"
"""A UUID or free text; Coinbase documents no bound."""
_CLIENT_ID: Final = re.compile(CLIENT_ID)
_COUNT: Final = re.compile(r"[2-9]|[1-9][0-9]{1,2}")
_STOPS: Final = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
_PRICED: Final = (OrderType.LIMIT, *_STOPS)
_BRACKET: Final = "stop_trigger_price"
_ATTACHED: Final = ("attached_limit_price", "attached_stop_trigger_price")
_TWAP: Final = ("start_time", "number_buckets", "bucket_size", "bucket_duration")
_SCALED: Final = ("num_orders", "price_distribution", "size_distribution")
_SCALES: Final = ("min_price", "max_price", "size_diff", "size_ratio")
_BESIDE: Final = ("leverage", "margin_type", "preview_id", "sor_preference", "cost_basis_method")
OPTIONS: Final = frozenset(
    {
        *("end_time", "rfq_disabled", _BRACKET),
        *_ATTACHED,
        *_TWAP,
        *_SCALED,
        *_SCALES,
        *_BESIDE,
    }
)
"""Names that `OrderRequest.options` may have.

`stop_trigger_price` makes a bracket of a limit order; `start_time` and the buckets make a TWAP;
`num_orders` makes a scaled order, spread from the limit price to `min_price` (a buy) or
`max_price` (a sell); the two `attached_` prices attach a bracket that begins once the order has
filled.
"""
_AMOUNTS: Final = (_BRACKET, *_ATTACHED, "bucket_size", *_SCALES)
_MOMENTS: Final = ("end_time", "start_time")


def client_id_text(client_order_id: str | None) -> str:
    """Check a client order id; raises ValueError if it is absent or not legal."""
    if client_order_id is None or _CLIENT_ID.fullmatch(client_order_id) is None:
        msg = f"client order id {client_order_id!r}: 1 to 36 of A-Z, a-z, 0-9, _ and - are needed"
        raise ValueError(msg)
    return client_order_id


def order_body(
    request: OrderRequest, instrument: Instrument, *, is_preview: bool = False
) -> dict[str, Any]:
    """Write an order; a preview has no client order id.

    Raises:
        ValueError: The request asks for something that Coinbase does not have or would refuse;
            every reason is named.
    """
    faults = _faults(request, instrument)
    if faults:
        raise ValueError("; ".join(faults))
    body: dict[str, Any] = {}
    if not is_preview:
        body["client_order_id"] = client_id_text(request.client_order_id)
    body["product_id"] = instrument.native
    body["side"] = request.side.value.upper()
    body["order_configuration"] = {configuration_name(request): _fields(request)}
    body |= {name: request.options[name] for name in _BESIDE if name in request.options}
    if _ATTACHED[0] in request.options:
        limit, stop = (request.options[name] for name in _ATTACHED)
        body["attached_order_configuration"] = {
            "trigger_bracket_gtc": {"limit_price": limit, _BRACKET: stop}
        }
    return body


def configuration_name(request: OrderRequest) -> str:
    """Name the one key of `order_configuration` that says what kind of order this is."""
    time_in_force = request.time_in_force
    rest = "gtd" if time_in_force is TimeInForce.GTD else "gtc"
    if request.type is OrderType.MARKET:
        return "market_market_fok" if time_in_force is TimeInForce.FOK else "market_market_ioc"
    if request.type in _STOPS:
        return f"stop_limit_stop_limit_{rest}"
    if "number_buckets" in request.options:
        return "twap_limit_gtd"
    if "num_orders" in request.options:
        return "scaled_limit_gtc"
    if _BRACKET in request.options:
        return f"trigger_bracket_{rest}"
    # A limit order that is immediate or canceled exists for the smart router alone.
    names = {TimeInForce.IOC: "sor_limit_ioc", TimeInForce.FOK: "limit_limit_fok"}
    return names.get(time_in_force or TimeInForce.GTC, f"limit_limit_{rest}")


def stop_direction(request: OrderRequest) -> str:
    """Say which way the price moves to the stop price: against the side, or in its favour."""
    is_up = (request.side is Side.BUY) is (request.type is OrderType.STOP_LIMIT)
    return UP if is_up else DOWN


def _fields(request: OrderRequest) -> dict[str, Any]:
    name = configuration_name(request)
    if name == "scaled_limit_gtc":
        return _scaled_fields(request)
    fields: dict[str, Any] = {}
    for key, value in (
        ("base_size", request.quantity),
        ("quote_size", request.quote_quantity),
        ("limit_price", request.price),
        ("stop_price", request.stop_price),
    ):
        if value is not None:
            fields[key] = number_text(key, value)
    if request.type in _STOPS:
        fields["stop_direction"] = stop_direction(request)
    if name.startswith("limit_limit_gt"):
        fields["post_only"] = request.post_only
    options = request.options
    fields |= {key: options[key] for key in (_BRACKET, *_TWAP, "end_time") if key in options}
    if "rfq_disabled" in options:
        fields["rfq_disabled"] = options["rfq_disabled"] == "true"
    return fields


def _scaled_fields(request: OrderRequest) -> dict[str, Any]:
    """Write orders over a range of prices, none of them worse than the limit price."""
    options = request.options
    fields: dict[str, Any] = {}
    if request.quantity is not None:
        fields["base_size"] = number_text("quantity", request.quantity)
    if request.quote_quantity is not None:
        fields["quote_size"] = number_text("quote_quantity", request.quote_quantity)
    fields["num_orders"] = int(options["num_orders"])
    fields |= {name: options[name] for name in (*_SCALED[1:], *_SCALES) if name in options}
    if request.price is not None:
        fields[worst_price(request.side)] = number_text("price", request.price)
    return fields


def worst_price(side: Side) -> str:
    """Name the end of a scaled order's range that is its limit."""
    return "max_price" if side is Side.BUY else "min_price"


def _faults(request: OrderRequest, instrument: Instrument) -> list[str]:
    found = [text for is_broken, text in _rules(request, instrument) if is_broken]
    unknown = sorted(set(request.options) - OPTIONS)
    found += [
        f"options: {name!r} is unknown; allowed: {', '.join(sorted(OPTIONS))}" for name in unknown
    ]
    for names, read, what in (
        (_AMOUNTS, decimal_from_text, "amount"),
        (_MOMENTS, moment_ns, "UTC moment"),
    ):
        for name in names:
            text = request.options.get(name)
            if text is not None and not _is_read(read, text):
                found.append(f"options: {name}={text[:40]!r} is no {what}")
    return found


def _is_read(read: Any, text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _rules(request: OrderRequest, instrument: Instrument) -> list[tuple[bool, str]]:
    kind, options, times = request.type, request.options, request.time_in_force
    is_limit, is_stop = kind is OrderType.LIMIT, kind in _STOPS
    is_market = kind is OrderType.MARKET
    is_bracket, is_twap = _BRACKET in options, any(name in options for name in _TWAP)
    is_scaled = any(name in options for name in (*_SCALED, *_SCALES))
    other_end = "min_price" if request.side is Side.BUY else "max_price"
    has_quote = request.quote_quantity is not None
    step = decimal_from_text(instrument.limits.get(QUOTE_STEP, "0"))
    return [
        (
            request.symbol != instrument.symbol,
            f"an order for {request.symbol} was given the instrument {instrument.symbol}",
        ),
        (
            kind in {OrderType.STOP, OrderType.TAKE_PROFIT},
            f"Coinbase has no {kind.value} orders at the market; give a limit price",
        ),
        (
            (request.quantity is None) is not has_quote,
            "an order takes either quantity or quote_quantity",
        ),
        (
            has_quote and is_market and request.side is Side.SELL,
            "a market order that sells takes quantity, not quote_quantity",
        ),
        (has_quote and (is_stop or is_bracket), "this order takes quantity, not quote_quantity"),
        (
            not is_on_grid(request.quote_quantity or Decimal(0), step),
            f"quote_quantity is a multiple of {step}",
        ),
        (kind in _PRICED and request.price is None, f"a {kind.value} order needs price"),
        (is_market and request.price is not None, "a market order takes no price"),
        (is_stop and request.stop_price is None, f"a {kind.value} order needs stop_price"),
        (
            not is_stop and request.stop_price is not None,
            f"a {kind.value} order takes no stop_price",
        ),
        (
            request.post_only and (not is_limit or is_bracket or is_twap or is_scaled),
            "post_only is for limit orders",
        ),
        (
            request.post_only and times in {TimeInForce.IOC, TimeInForce.FOK},
            "a post-only order rests",
        ),
        (
            is_market and times in {TimeInForce.GTC, TimeInForce.GTD},
            "a market order does not rest",
        ),
        (
            (is_stop or is_bracket) and times in {TimeInForce.IOC, TimeInForce.FOK},
            "an order that waits for a price rests",
        ),
        (
            (times is TimeInForce.GTD or is_twap) is not ("end_time" in options),
            "the option end_time goes with GTD, and GTD needs it",
        ),
        (
            is_twap and not all(name in options for name in _TWAP),
            f"a TWAP needs all of the options {', '.join(_TWAP)}",
        ),
        (
            (is_twap or is_bracket) and not is_limit,
            f"the options {_BRACKET} and of a TWAP are for limit orders",
        ),
        (
            is_twap + is_bracket + is_scaled > 1,
            "an order is a bracket, a TWAP or scaled, not two of them",
        ),
        (is_scaled and not is_limit, "a scaled order is a limit order"),
        (
            is_scaled and times not in {None, TimeInForce.GTC},
            "a scaled order stands until it is canceled",
        ),
        (
            is_scaled and not all(name in options for name in (*_SCALED, other_end)),
            f"a scaled order needs all of the options {', '.join((*_SCALED, other_end))}",
        ),
        (
            is_scaled and worst_price(request.side) in options,
            f"{worst_price(request.side)} of a scaled order is its limit price; give it as price",
        ),
        (
            _COUNT.fullmatch(options.get("num_orders", "2")) is None,
            "the option num_orders is a whole number of at least 2",
        ),
        (
            is_twap and times not in {None, TimeInForce.GTD},
            "a TWAP ends at its end_time",
        ),
        (
            sum(name in options for name in _ATTACHED) == 1,
            f"the options {' and '.join(_ATTACHED)} go together",
        ),
        (
            options.get("rfq_disabled", "true") not in {"true", "false"},
            "the option rfq_disabled is true or false",
        ),
        ("rfq_disabled" in options and not is_market, "rfq_disabled is for market orders"),
        (request.display_quantity is not None, "Coinbase has no iceberg orders"),
        (request.trailing_delta is not None, "Coinbase has no trailing orders"),
        (
            request.self_trade_prevention is not None,
            "Coinbase lets nobody choose a self-trade prevention",
        ),
    ]
