"""Reading an `order_configuration`: what is wanted, or why it cannot be.

Source: Coinbase "Create Order", 2026-06.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from venuekit.sim.money import exact
from venuekit.sim.orders import Side
from venuekit_coinbase.sim.refusals import UNKNOWN, OrderRefused, invalid
from venuekit_coinbase.sim.wire import moment_from, number_from
from venuekit_coinbase.sim.world import Listing

_ZERO: Final = Decimal(0)
SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}


@attrs.frozen
class Form:
    """What one key of `order_configuration` means."""

    order_type: str
    time_in_force: str
    has_price: bool = True
    has_stop: bool = False
    has_end: bool = False
    takes_quote: bool = False


FORMS: Final = {
    "market_market_ioc": Form("MARKET", "IMMEDIATE_OR_CANCEL", has_price=False, takes_quote=True),
    "sor_limit_ioc": Form("LIMIT", "IMMEDIATE_OR_CANCEL", takes_quote=True),
    "limit_limit_gtc": Form("LIMIT", "GOOD_UNTIL_CANCELLED", takes_quote=True),
    "limit_limit_gtd": Form("LIMIT", "GOOD_UNTIL_DATE_TIME", has_end=True, takes_quote=True),
    "limit_limit_fok": Form("LIMIT", "FILL_OR_KILL", takes_quote=True),
    "stop_limit_stop_limit_gtc": Form("STOP_LIMIT", "GOOD_UNTIL_CANCELLED", has_stop=True),
    "stop_limit_stop_limit_gtd": Form(
        "STOP_LIMIT", "GOOD_UNTIL_DATE_TIME", has_stop=True, has_end=True
    ),
    "trigger_bracket_gtc": Form("BRACKET", "GOOD_UNTIL_CANCELLED", has_stop=True),
    "trigger_bracket_gtd": Form("BRACKET", "GOOD_UNTIL_DATE_TIME", has_stop=True, has_end=True),
}
"""The configurations that are carried out."""
REFUSED: Final = frozenset({"market_market_fok", "twap_limit_gtd", "scaled_limit_gtc"})
"""The configurations that exist and are refused: the first on spot by the exchange itself, the
others because the matching engine has nothing like them."""
EDITABLE: Final = frozenset({"limit_limit_gtc", "stop_limit_stop_limit_gtc", "trigger_bracket_gtc"})


@attrs.frozen(kw_only=True)
class Draft:
    """An order as it was asked for, its shape and increments checked."""

    listing: Listing
    side: Side
    kind: str
    configuration: Mapping[str, Any]
    """As it was sent, and as it is repeated in answers."""
    base_size: Decimal | None
    quote_size: Decimal | None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    is_stop_up: bool = False
    post_only: bool = False
    end_ns: int | None = None

    @property
    def form(self) -> Form:
        """What its configuration means."""
        return FORMS[self.kind]

    @property
    def is_bracket(self) -> bool:
        """Whether it is a target and a stop at once."""
        return self.form.order_type == "BRACKET"

    @property
    def is_sized_in_quote(self) -> bool:
        """Whether the size was given in the quote asset."""
        return self.quote_size is not None

    @property
    def pays_with(self) -> str:
        """The asset that it takes from the account."""
        return self.listing.quote if self.side is Side.BUY else self.listing.spec.base

    @property
    def highest_price(self) -> Decimal:
        """The price at which a purchase is held; zero for market orders."""
        prices = [self.limit_price or _ZERO]
        if self.is_bracket:
            prices.append(self.stop_price or _ZERO)
        return max(prices)


@exact
def draft_from(listing: Listing, side: object, configuration: object, now_ns: int) -> Draft:
    """Read what is wanted.

    Raises:
        Refusal: The body is malformed (400).
        OrderRefused: The order is against a rule of the product.
    """
    kind, fields = _only(configuration)
    if not isinstance(side, str) or side not in SIDES:
        raise OrderRefused("INVALID_SIDE", "PREVIEW_INVALID_SIDE", "Invalid side")
    if kind in REFUSED:
        raise unsupported(kind)
    form, way = FORMS[kind], SIDES[side]
    base, quote = _sizes(fields, form, way)
    draft = Draft(
        listing=listing,
        side=way,
        kind=kind,
        configuration={kind: dict(fields)},
        base_size=base,
        quote_size=quote,
        limit_price=_price(fields, "limit_price") if form.has_price else None,
        stop_price=_price(fields, _stop_name(kind)) if form.has_stop else None,
        is_stop_up=_is_up(fields, way) if form.order_type == "STOP_LIMIT" else way is Side.BUY,
        post_only=_flag(fields, "post_only"),
        end_ns=_end(fields, now_ns) if form.has_end else None,
    )
    _check_prices(draft)
    draft = _sized_in_base(draft)
    check_sizes(draft)
    return draft


def unsupported(kind: str) -> OrderRefused:
    """Refuse a configuration that is not carried out."""
    return OrderRefused(
        "UNSUPPORTED_ORDER_CONFIGURATION",
        "PREVIEW_INVALID_ORDER_CONFIG",
        f"{kind} is not supported for this product",
    )


def _only(configuration: object) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(configuration, dict) or len(configuration) != 1:
        raise invalid("order_configuration must have exactly one configuration")
    ((kind, fields),) = configuration.items()
    if kind not in FORMS and kind not in REFUSED:
        raise invalid(f'unknown field "{kind}" in order_configuration')
    if not isinstance(fields, dict):
        raise invalid(f"order_configuration.{kind} must be an object")
    for name, value in fields.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and "num" not in name:
            raise invalid(f"order_configuration.{kind}.{name} must be a string")
    return kind, fields


def _sizes(
    fields: Mapping[str, Any], form: Form, side: Side
) -> tuple[Decimal | None, Decimal | None]:
    base, quote = _size(fields, "base_size"), _size(fields, "quote_size")
    is_wrong = (base is None) == (quote is None)
    is_wrong = is_wrong or (quote is not None and not form.takes_quote)
    is_wrong = is_wrong or (quote is not None and not form.has_price and side is Side.SELL)
    if is_wrong:
        raise OrderRefused(
            "UNSUPPORTED_ORDER_CONFIGURATION",
            "PREVIEW_INVALID_ORDER_CONFIG",
            "Exactly one of base_size and quote_size is needed, as the order's type allows",
        )
    return base, quote


def _size(fields: Mapping[str, Any], name: str) -> Decimal | None:
    if not fields.get(name):
        return None
    size = number_from(fields[name])
    if size is None or size < 0:
        raise OrderRefused(UNKNOWN, "PREVIEW_NON_NUMERIC_ORDER_SIZE", f"{name} is no number")
    return size


def _price(fields: Mapping[str, Any], name: str) -> Decimal:
    price = number_from(fields.get(name))
    if price is None or price <= 0:
        if name == "limit_price":
            raise OrderRefused("INVALID_LIMIT_PRICE", "PREVIEW_INVALID_LIMIT_PRICE", name)
        raise OrderRefused(UNKNOWN, "PREVIEW_INVALID_STOP_PRICE", name)
    return price


def _stop_name(kind: str) -> str:
    return "stop_trigger_price" if kind.startswith("trigger") else "stop_price"


def _is_up(fields: Mapping[str, Any], side: Side) -> bool:
    direction = fields.get("stop_direction")
    if direction is None or direction == "":
        return side is Side.BUY
    if direction not in ("STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"):
        raise invalid(f'invalid value for enum field stopDirection: "{direction}"')
    return bool(direction == "STOP_DIRECTION_STOP_UP")


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise invalid(f"{name} must be a boolean")
    return value


def _end(fields: Mapping[str, Any], now_ns: int) -> int:
    end_ns = moment_from(fields.get("end_time"))
    if end_ns is None or end_ns <= now_ns:
        raise OrderRefused(UNKNOWN, "PREVIEW_INVALID_END_TIME", "end_time must be in the future")
    return end_ns


def _check_prices(draft: Draft) -> None:
    increment = draft.listing.spec.price_increment
    for price in (draft.limit_price, draft.stop_price):
        if price is not None and price % increment:
            raise OrderRefused(
                "INVALID_PRICE_PRECISION", "PREVIEW_INVALID_PRICE_PRECISION", "Too many decimals"
            )
    if draft.limit_price is None or draft.stop_price is None:
        return
    limit, stop, is_buy = draft.limit_price, draft.stop_price, draft.side is Side.BUY
    if draft.is_bracket:
        if stop <= limit if is_buy else stop >= limit:
            raise OrderRefused(UNKNOWN, "PREVIEW_INVALID_STOP_PRICE", "Invalid bracket prices")
    elif is_buy and draft.is_stop_up and stop > limit:
        raise OrderRefused(UNKNOWN, "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE", "Stop above limit")
    elif not is_buy and not draft.is_stop_up and stop < limit:
        raise OrderRefused(UNKNOWN, "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE", "Stop below limit")


def _sized_in_base(draft: Draft) -> Draft:
    """Give a limit order by quote size the base size that it buys at its price."""
    if draft.quote_size is None or draft.limit_price is None:
        return draft
    _check_quote_size(draft, draft.quote_size)
    step = draft.listing.spec.base_increment
    # Whole division of decimals truncates, which is what is meant here.
    return attrs.evolve(draft, base_size=draft.quote_size // (draft.limit_price * step) * step)


def _check_quote_size(draft: Draft, size: Decimal) -> None:
    if size % draft.listing.spec.quote_increment:
        raise OrderRefused(
            "INVALID_SIZE_PRECISION", "PREVIEW_INVALID_QUOTE_SIZE_PRECISION", "Too many decimals"
        )


def check_sizes(draft: Draft) -> None:
    """Judge the sizes of an order by its product.

    Raises:
        OrderRefused: A size or the notional is out of range or has too many decimals.
    """
    spec = draft.listing.spec
    base, quote = draft.base_size, draft.quote_size
    if base is not None:
        if base % spec.base_increment:
            raise OrderRefused(
                "INVALID_SIZE_PRECISION", "PREVIEW_INVALID_SIZE_PRECISION", "Too many decimals"
            )
        if base < spec.base_min_size:
            raise OrderRefused(UNKNOWN, "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL", "Size too small")
        if base > spec.base_max_size:
            raise OrderRefused(UNKNOWN, "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE", "Size too large")
    notional = quote
    if quote is not None:
        _check_quote_size(draft, quote)
    elif base is not None and draft.limit_price is not None:
        notional = base * draft.limit_price
    if notional is None:
        return
    if notional < spec.quote_min_size:
        raise OrderRefused(UNKNOWN, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL", "Size too small")
    if notional > spec.quote_max_size:
        raise OrderRefused(UNKNOWN, "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE", "Size too large")
