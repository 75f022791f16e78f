"""Filters: what the prices, quantities and numbers of orders must obey.

Static filters are judged before the matching engine (-1013), those about the account's state in
it (-2010). Remainders are exact. Source: Binance spot docs, `filters.md`, 2026-07.
"""

from collections.abc import Callable, Iterable
from decimal import Context, Decimal, localcontext
from typing import Final

import attrs

from venuekit_binance.sim.drafts import Draft
from venuekit_binance.sim.refusals import Refusal, filter_failure, rejected
from venuekit_binance.sim.world import SymbolSpec

_ZERO: Final = Decimal(0)
_WIDEST: Final = 8
_WIDE: Final = Context(prec=100)


@attrs.frozen(kw_only=True)
class Standing:
    """What an account has open on a symbol, for the filters that count."""

    orders: int
    algo_orders: int
    icebergs: int
    lists: int
    base: Decimal
    """Free and locked base asset, and what open buy orders may still bring."""


def check_precision(draft: Draft, spec: SymbolSpec) -> None:
    """Refuse more decimals than the assets have (-1111)."""
    for word, value, digits in (
        ("Quantity", draft.quantity, spec.base_precision),
        ("IcebergQty", draft.iceberg, spec.base_precision),
        ("Price", draft.price, spec.quote_precision),
        ("StopPrice", draft.stop_price, spec.quote_precision),
        ("QuoteOrderQty", draft.quote_quantity, spec.quote_precision),
    ):
        if value is not None and decimals(value) > min(digits, _WIDEST):
            name = "quoteOrderQty" if word == "QuoteOrderQty" else draft.name(word)
            raise Refusal(-1111, f"Parameter '{name}' has too much precision.")


def decimals(value: Decimal) -> int:
    """Give the number of digits after the point, as they were written without final zeros."""
    _, _, fraction = f"{value:f}".partition(".")
    return len(fraction.rstrip("0"))


def check_filters(draft: Draft, spec: SymbolSpec, average: Callable[[int], Decimal | None]) -> None:
    """Judge an order by every static filter of its symbol, without rounding anything.

    Args:
        draft: The order, with its price where it has one.
        spec: The symbol.
        average: Gives the market price for a number of minutes: what the filters compare with.

    Raises:
        Refusal: With the name of the first filter that it breaks.
    """
    with localcontext(_WIDE):
        _check_filters(draft, spec, average)


def _check_filters(
    draft: Draft, spec: SymbolSpec, average: Callable[[int], Decimal | None]
) -> None:
    for amount in (draft.quantity, draft.price, draft.quote_quantity):
        if amount is not None and amount <= 0:
            raise rejected("Price * QTY is zero or less.")
    if draft.iceberg is not None and draft.quantity is not None and draft.iceberg > draft.quantity:
        raise rejected("IcebergQty exceeds QTY.")
    for price in (draft.price, draft.stop_price):
        if price is not None:
            _check_price(price, spec)
    if draft.price is not None:
        _check_percent(draft, draft.price, spec, average)
    for quantity in (draft.quantity, draft.iceberg or None):
        if quantity is not None:
            check_lot(quantity, spec, "LOT_SIZE")
    if draft.is_market:
        _check_market_lot(draft, spec, average)
    _check_notional(draft, spec, average)
    if draft.iceberg and draft.quantity is not None:
        # Division of decimals truncates: negating twice would not round up.
        parts = draft.quantity // draft.iceberg + bool(draft.quantity % draft.iceberg)
        limit = spec.number("ICEBERG_PARTS", "limit")
        if limit and parts > limit:
            raise filter_failure("ICEBERG_PARTS")
    if draft.trailing_delta is not None:
        _check_trailing(draft, spec)


def _check_price(price: Decimal, spec: SymbolSpec) -> None:
    least = spec.number("PRICE_FILTER", "minPrice")
    most = spec.number("PRICE_FILTER", "maxPrice")
    tick = spec.tick
    if (least and price < least) or (most and price > most) or (tick and price % tick):
        raise filter_failure("PRICE_FILTER")


def check_lot(quantity: Decimal, spec: SymbolSpec, kind: str) -> None:
    """Judge a quantity; parts of the filter that are zero are off."""
    least, most = spec.number(kind, "minQty"), spec.number(kind, "maxQty")
    step = spec.number(kind, "stepSize")
    if (least and quantity < least) or (most and quantity > most) or (step and quantity % step):
        raise filter_failure(kind)


def _check_percent(
    draft: Draft, price: Decimal, spec: SymbolSpec, average: Callable[[int], Decimal | None]
) -> None:
    for kind, prefix in (
        ("PERCENT_PRICE", "multiplier"),
        ("PERCENT_PRICE_BY_SIDE", "bidMultiplier" if draft.side == "BUY" else "askMultiplier"),
    ):
        if not spec.has(kind):
            continue
        market = average(int(spec.number(kind, "avgPriceMins")))
        if market is None:
            continue
        up, down = spec.number(kind, f"{prefix}Up"), spec.number(kind, f"{prefix}Down")
        if not market * down <= price <= market * up:
            raise filter_failure(kind)


def _check_market_lot(
    draft: Draft, spec: SymbolSpec, average: Callable[[int], Decimal | None]
) -> None:
    if draft.quantity is not None:
        check_lot(draft.quantity, spec, "MARKET_LOT_SIZE")
    elif draft.quote_quantity is not None:
        market = average(0)
        most = spec.number("MARKET_LOT_SIZE", "maxQty")
        if market and most and draft.quote_quantity / market > most:
            raise filter_failure("MARKET_LOT_SIZE")


def _check_notional(
    draft: Draft, spec: SymbolSpec, average: Callable[[int], Decimal | None]
) -> None:
    for kind, least_flag, most_flag in (
        ("MIN_NOTIONAL", "applyToMarket", ""),
        ("NOTIONAL", "applyMinToMarket", "applyMaxToMarket"),
    ):
        if not spec.has(kind):
            continue
        least, most = spec.number(kind, "minNotional"), spec.number(kind, "maxNotional")
        if draft.is_market:
            least = least if spec.is_set(kind, least_flag) else _ZERO
            most = most if spec.is_set(kind, most_flag) else _ZERO
        notional = _notional(draft, average(int(spec.number(kind, "avgPriceMins"))))
        if notional is None:
            continue
        if (least and notional < least) or (most and notional > most):
            raise filter_failure(kind)


def _notional(draft: Draft, market: Decimal | None) -> Decimal | None:
    if draft.quote_quantity is not None:
        return draft.quote_quantity
    price = market if draft.is_market else draft.price
    if price is None or draft.quantity is None:
        return None
    return price * draft.quantity


def _check_trailing(draft: Draft, spec: SymbolSpec) -> None:
    is_above = draft.type.startswith("STOP_LOSS") == (draft.side == "BUY")
    word = "Above" if is_above else "Below"
    delta = Decimal(draft.trailing_delta or 0)
    least = spec.number("TRAILING_DELTA", f"minTrailing{word}Delta")
    most = spec.number("TRAILING_DELTA", f"maxTrailing{word}Delta")
    if delta <= 0 or (least and delta < least) or (most and delta > most):
        raise filter_failure("TRAILING_DELTA")


def check_standing(
    drafts: Iterable[Draft], spec: SymbolSpec, standing: Standing, *, is_list: bool = False
) -> None:
    """Judge new orders by the filters that count what is open; each leg of a list counts."""
    new = tuple(drafts)
    bought = sum((draft.quantity or _ZERO for draft in new if draft.side == "BUY"), start=_ZERO)
    for kind, field, number in (
        ("MAX_NUM_ORDERS", "maxNumOrders", standing.orders + len(new)),
        (
            "MAX_NUM_ALGO_ORDERS",
            "maxNumAlgoOrders",
            standing.algo_orders + sum(draft.is_algo for draft in new),
        ),
        (
            "MAX_NUM_ICEBERG_ORDERS",
            "maxNumIcebergOrders",
            standing.icebergs + sum(bool(draft.iceberg) for draft in new),
        ),
        ("MAX_NUM_ORDER_LISTS", "maxNumOrderLists", standing.lists + is_list),
    ):
        is_counted = {
            "MAX_NUM_ORDERS": True,
            "MAX_NUM_ALGO_ORDERS": any(draft.is_algo for draft in new),
            "MAX_NUM_ICEBERG_ORDERS": any(draft.iceberg for draft in new),
            "MAX_NUM_ORDER_LISTS": is_list,
        }[kind]
        if is_counted and spec.has(kind) and number > spec.number(kind, field):
            raise filter_failure(kind, in_engine=True)
    most = spec.number("MAX_POSITION", "maxPosition")
    if bought and spec.has("MAX_POSITION") and standing.base + bought > most:
        raise filter_failure("MAX_POSITION", in_engine=True)
