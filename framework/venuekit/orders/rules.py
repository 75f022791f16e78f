"""What an order must keep to before it is sent: pure, exact, and with the values that would do.

Every rule that is broken is reported at once. Codes are stable and the same on every exchange;
`docs` may list them from `REASONS`.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import attrs

from venuekit.model import (
    Grid,
    Instrument,
    InstrumentStatus,
    OrderRefused,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
    Violation,
    exact_product,
    is_on_grid,
    on_grid,
    plain,
)
from venuekit.orders.ranges import Range, common_step, parts, quotient, range_of
from venuekit.plugin import ClientOrderIdRule

REASONS: Final = (
    "client_order_id.invalid",
    "display_quantity.above_maximum",
    "display_quantity.above_quantity",
    "display_quantity.below_minimum",
    "display_quantity.not_positive",
    "display_quantity.off_step",
    "display_quantity.superfluous",
    "display_quantity.too_many_parts",
    "instrument.cancel_only",
    "instrument.halted",
    "instrument.unavailable",
    "notional.above_maximum",
    "notional.below_minimum",
    "order.feature_unsupported",
    "order.type_unsupported",
    "post_only.superfluous",
    "price.above_maximum",
    "price.below_minimum",
    "price.missing",
    "price.not_positive",
    "price.off_tick",
    "price.outside_band",
    "price.superfluous",
    "quantity.above_maximum",
    "quantity.ambiguous",
    "quantity.below_minimum",
    "quantity.missing",
    "quantity.not_positive",
    "quantity.off_step",
    "quote_quantity.not_positive",
    "quote_quantity.superfluous",
    "self_trade_prevention.unsupported",
    "stop_price.above_maximum",
    "stop_price.below_minimum",
    "stop_price.missing",
    "stop_price.not_positive",
    "stop_price.off_tick",
    "stop_price.superfluous",
    "time_in_force.superfluous",
    "trailing_delta.not_positive",
    "trailing_delta.superfluous",
)
"""Every code that `violations` gives."""

_PRICED: Final = frozenset(
    {OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT},
)
_TRIGGERED: Final = frozenset(
    {
        OrderType.STOP,
        OrderType.STOP_LIMIT,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
)
_ROUNDINGS: Final = ("down", "nearest", "passive")
_ZERO: Final = Decimal(0)
_DIGITS: Final = 40


def violations(
    request: OrderRequest,
    instrument: Instrument,
    *,
    reference_price: Decimal | None = None,
    id_rule: ClientOrderIdRule | None = None,
) -> list[Violation]:
    """List every rule that `request` breaks; an empty list lets it pass.

    Args:
        request: As it would be sent.
        instrument: The rules, as the exchange states them.
        reference_price: The market's price, in the quote asset; without it price bands, and the
            notional value of orders without a limit price, are left to the exchange.
        id_rule: For the client order id, if the request has one.
    """
    found = [*_shape(request, instrument, id_rule)]
    price, quantity = request.price, request.quantity
    if price is not None:
        found.extend(_on_price(price, request, instrument, reference_price))
    if request.stop_price is not None:
        found.extend(_on_grid("stop_price", request.stop_price, instrument.price, None))
    if quantity is not None:
        found.extend(_on_quantity(quantity, request, instrument, reference_price))
    if request.quote_quantity is not None:
        found.extend(_on_quote_quantity(request.quote_quantity, request, instrument))
    if request.display_quantity is not None:
        found.extend(_on_display(request.display_quantity, request, instrument))
    return found


def values_at_fault(
    instrument: Instrument, *, quantity: Decimal | None, price: Decimal | None
) -> list[Violation]:
    """List what is wrong with new values for an order that exists; None stands for no change."""
    found: list[Violation] = []
    if price is not None:
        found.extend(_on_grid("price", price, instrument.price, None))
    if quantity is not None:
        found.extend(_on_grid("quantity", quantity, instrument.quantity, None))
    return found


def rounded(request: OrderRequest, instrument: Instrument, round: str = "down") -> OrderRequest:  # noqa: A002  # the word that users expect here
    """Move `request` onto the instrument's grid, and check it again.

    Quantities go down to their step, so that never more is traded than was asked for.

    Args:
        request: What was asked for.
        instrument: The grid.
        round: Where prices go: `"down"`, to the `"nearest"`, or `"passive"`: a buy's price down,
            a sell's up, so that never a worse price is paid than was asked for.

    Raises:
        OrderRefused: It still breaks a rule, for example as too little is left.
        ValueError: `round` is none of the three.
    """
    if round not in _ROUNDINGS:
        msg = f"round={round!r}; allowed: {', '.join(_ROUNDINGS)}"
        raise ValueError(msg)
    tick, step = instrument.price.step, _quantity_step(request, instrument)
    direction = {"down": "floor", "nearest": "nearest"}.get(
        round, "floor" if request.side is Side.BUY else "ceiling"
    )

    def moved_to(value: Decimal | None, grid: Decimal, rounding: str) -> Decimal | None:
        # What is no number at all is left as it is, and refused below.
        if value is None or not _is_positive(value):
            return value
        return on_grid(value, grid, rounding=rounding)

    moved = attrs.evolve(
        request,
        price=moved_to(request.price, tick, direction),
        stop_price=moved_to(request.stop_price, tick, direction),
        quantity=moved_to(request.quantity, step, "down"),
        display_quantity=moved_to(request.display_quantity, step, "down"),
    )
    left = violations(moved, instrument)
    if left:
        raise OrderRefused(request.symbol, left)
    return moved


# Shape: which fields belong to which type


def _shape(
    request: OrderRequest, instrument: Instrument, id_rule: ClientOrderIdRule | None
) -> Iterator[Violation]:
    if instrument.status is not InstrumentStatus.TRADING:
        status = instrument.status.value
        yield Violation(
            reason=f"instrument.{status}",
            text=f"{instrument.symbol} takes no orders now: {status.replace('_', ' ')}",
        )
    type_ = request.type
    if instrument.order_types and type_.value not in instrument.order_types:
        known = ", ".join(sorted(instrument.order_types))
        yield Violation(
            reason="order.type_unsupported",
            text=f"{instrument.symbol} takes no {type_.value} orders; it takes {known}",
            field="type",
        )
    yield from _prices_shape(request)
    yield from _quantities_shape(request, instrument)
    if request.post_only and (
        type_ is not OrderType.LIMIT or request.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}
    ):
        yield _superfluous("post_only", "only a limit order that rests can be post-only")
    if request.time_in_force is not None and type_ not in _PRICED:
        yield _superfluous("time_in_force", f"a {type_.value} order has no time in force")
    wanted, modes = request.self_trade_prevention, instrument.self_trade_preventions
    if wanted is not None and modes and wanted.value not in modes:
        yield Violation(
            reason="self_trade_prevention.unsupported",
            text=f"self_trade_prevention {wanted.value}: there are {', '.join(sorted(modes))}",
            field="self_trade_prevention",
        )
    named = request.client_order_id
    if named is not None and id_rule is not None and not _is_named_well(named, id_rule):
        yield Violation(
            reason="client_order_id.invalid",
            text=f"client_order_id {named!r}: must match {id_rule.pattern}",
            field="client_order_id",
        )


def _is_named_well(name: str, rule: ClientOrderIdRule) -> bool:
    return len(name) <= rule.max_length and re.fullmatch(rule.pattern, name) is not None


def _prices_shape(request: OrderRequest) -> Iterator[Violation]:
    type_ = request.type
    if type_ in _PRICED and request.price is None:
        yield _missing("price", f"a {type_.value} order needs a price")
    if type_ not in _PRICED and request.price is not None:
        yield _superfluous("price", f"a {type_.value} order has no price")
    if type_ in _TRIGGERED:
        if request.stop_price is None and request.trailing_delta is None:
            yield _missing("stop_price", f"a {type_.value} order needs a stop price")
    elif request.stop_price is not None:
        yield _superfluous("stop_price", f"a {type_.value} order has no stop price")
    if request.trailing_delta is not None:
        if type_ not in _TRIGGERED:
            yield _superfluous("trailing_delta", f"a {type_.value} order trails nothing")
        elif not _is_positive(request.trailing_delta):
            yield _not_positive("trailing_delta", request.trailing_delta)


def _quantities_shape(request: OrderRequest, instrument: Instrument) -> Iterator[Violation]:
    if request.quote_quantity is not None:
        if request.type is not OrderType.MARKET:
            yield _superfluous("quote_quantity", "only a market order takes a quote quantity")
        elif request.quantity is not None:
            yield Violation(
                reason="quantity.ambiguous",
                text="give either quantity or quote_quantity",
                field="quantity",
            )
        yield from _feature("quote_quantity", instrument)
    elif request.quantity is None:
        yield _missing("quantity", "an order needs a quantity")
    if request.trailing_delta is not None:
        yield from _feature("trailing_stop", instrument)
    if request.display_quantity is not None:
        if request.type not in _PRICED:
            yield _superfluous("display_quantity", "only an order with a price can hide a part")
        yield from _feature("iceberg", instrument)


def _feature(name: str, instrument: Instrument) -> Iterator[Violation]:
    if name not in instrument.features:
        yield Violation(
            reason="order.feature_unsupported",
            text=f"{instrument.symbol} does not offer {name.replace('_', ' ')}",
            field=name,
        )


# Values


def _on_price(
    price: Decimal, request: OrderRequest, instrument: Instrument, reference: Decimal | None
) -> Iterator[Violation]:
    band = _band(request.side, instrument, reference)
    valid = None if band is None else range_of(instrument.price).within(*band)
    yield from _on_grid("price", price, instrument.price, valid)
    if band is not None and _is_positive(price):
        low, high = band
        if (low and price < low) or (high and price > high):
            yield Violation(
                reason="price.outside_band",
                text=(
                    f"price {plain(price)} is outside of {plain(low)} to {plain(high)}, the band "
                    f"for a {request.side.value} at a market price of {plain(reference or _ZERO)}"
                ),
                field="price",
                value=price,
                nearest=(valid or range_of(instrument.price)).nearest(price),
            )


def _band(
    side: Side, instrument: Instrument, reference: Decimal | None
) -> tuple[Decimal, Decimal] | None:
    band = instrument.band
    if band is None or reference is None:
        return None
    low, high = (
        (band.buy_low, band.buy_high) if side is Side.BUY else (band.sell_low, band.sell_high)
    )
    return exact_product(reference, low), exact_product(reference, high)


def _on_quantity(
    quantity: Decimal, request: OrderRequest, instrument: Instrument, reference: Decimal | None
) -> Iterator[Violation]:
    is_market = request.type not in _PRICED
    price = reference if is_market else request.price
    if price is not None and not _is_positive(price):
        price = None
    notional = _notional_bounds(instrument, is_market=is_market)
    valid: Range | None = None
    broken = [*_on_grid("quantity", quantity, instrument.quantity, Range())]
    if is_market and not broken:
        broken += _on_grid("quantity", quantity, instrument.market_quantity, Range())
    if price is not None and _is_positive(quantity):
        broken += _on_notional(exact_product(price, quantity), notional)
    if not broken:
        return
    grids = (instrument.quantity, instrument.market_quantity)[: 1 + is_market]
    valid = range_of(*grids)
    if price is not None:
        low, high = (quotient(bound, price) for bound in notional)
        valid = valid.within(low, high)
    nearest = valid.nearest(quantity) if _is_positive(quantity) else ()
    for each in broken:
        yield attrs.evolve(each, field="quantity", value=quantity, nearest=nearest)


def _notional_bounds(instrument: Instrument, *, is_market: bool) -> tuple[Decimal, Decimal]:
    rule = instrument.notional
    return (
        rule.minimum if rule.minimum_for_market or not is_market else _ZERO,
        rule.maximum if rule.maximum_for_market or not is_market else _ZERO,
    )


def _on_notional(notional: Decimal, bounds: tuple[Decimal, Decimal]) -> Iterator[Violation]:
    low, high = bounds
    if low and notional < low:
        yield Violation(
            reason="notional.below_minimum",
            text=f"price times quantity is {plain(notional)}, below the minimum of {plain(low)}",
        )
    if high and notional > high:
        yield Violation(
            reason="notional.above_maximum",
            text=f"price times quantity is {plain(notional)}, above the maximum of {plain(high)}",
        )


def _on_quote_quantity(
    amount: Decimal, request: OrderRequest, instrument: Instrument
) -> Iterator[Violation]:
    if not _is_positive(amount):
        yield _not_positive("quote_quantity", amount)
    elif request.type is OrderType.MARKET:
        bounds = _notional_bounds(instrument, is_market=True)
        valid = Range().within(*bounds)
        for each in _on_notional(amount, bounds):
            yield attrs.evolve(
                each, field="quote_quantity", value=amount, nearest=valid.nearest(amount)
            )


def _on_display(
    display: Decimal, request: OrderRequest, instrument: Instrument
) -> Iterator[Violation]:
    yield from _on_grid("display_quantity", display, instrument.quantity, None)
    whole = request.quantity
    if whole is None or not _is_positive(whole) or not _is_positive(display):
        return
    if display > whole:
        yield Violation(
            reason="display_quantity.above_quantity",
            text=f"display_quantity {plain(display)} is more than the quantity {plain(whole)}",
            field="display_quantity",
            value=display,
            nearest=range_of(instrument.quantity).within(_ZERO, whole).nearest(display),
        )
    most = instrument.iceberg_parts
    if most and parts(whole, display) > most:
        smallest = quotient(whole, Decimal(most))
        yield Violation(
            reason="display_quantity.too_many_parts",
            text=f"display_quantity {plain(display)} makes {parts(whole, display)} parts of "
            f"{plain(whole)}; at most {most} are allowed",
            field="display_quantity",
            value=display,
            nearest=range_of(instrument.quantity).within(smallest, whole).nearest(display),
        )


def _on_grid(field: str, value: Decimal, grid: Grid, valid: Range | None) -> Iterator[Violation]:
    """Check a value against one grid; `valid` is where the nearest values come from."""
    if not _is_positive(value):
        yield _not_positive(field, value)
        return
    unit = "tick" if field.endswith("price") else "step"
    if not is_on_grid(value, grid.step):
        broken = f"off_{unit}", f"is no multiple of the {unit} {plain(grid.step)}"
    elif value < grid.minimum:
        broken = "below_minimum", f"is below the minimum of {plain(grid.minimum)}"
    elif grid.maximum and value > grid.maximum:
        broken = "above_maximum", f"is above the maximum of {plain(grid.maximum)}"
    else:
        return
    yield Violation(
        reason=f"{field}.{broken[0]}",
        text=f"{field} {plain(value)} {broken[1]}",
        field=field,
        value=value,
        nearest=(range_of(grid) if valid is None else valid).nearest(value),
    )


def _quantity_step(request: OrderRequest, instrument: Instrument) -> Decimal:
    step = instrument.quantity.step
    if request.type in _PRICED:
        return step
    return common_step(step, instrument.market_quantity.step)


def _is_positive(value: Decimal) -> bool:
    # Beyond forty digits nothing is traded, and exact arithmetic would end.
    return value.is_finite() and value > 0 and -_DIGITS < value.adjusted() < _DIGITS


def _missing(field: str, text: str) -> Violation:
    return Violation(reason=f"{field}.missing", text=text, field=field)


def _superfluous(field: str, text: str) -> Violation:
    return Violation(reason=f"{field}.superfluous", text=text, field=field)


def _not_positive(field: str, value: Decimal) -> Violation:
    return Violation(
        reason=f"{field}.not_positive",
        text=f"{field} {value}: must be a number above zero",
        field=field,
        value=value,
    )
