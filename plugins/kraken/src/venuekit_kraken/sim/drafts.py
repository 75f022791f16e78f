"""New orders as they were asked for, over REST or a socket, and the rules of their types.

Source: Kraken API Center, Add Order (REST and WebSocket v2), Spot Client Order Identifiers.
"""

import re
from decimal import Decimal
from typing import Final

import attrs

from venuekit_kraken.sim.arguments import Arguments, decimal_from
from venuekit_kraken.sim.prices import PriceText, price_text
from venuekit_kraken.sim.refusals import (
    COST_MINIMUM,
    INVALID_PRICE,
    NO_INDEX,
    NO_MARGIN,
    NO_POSITION,
    ORDER_MINIMUM,
    REDUCE_ONLY,
    TICK_SIZE,
    Refusal,
    invalid,
)
from venuekit_kraken.sim.wire import SECOND_NS
from venuekit_kraken.sim.world import PairSpec

TRIGGERED: Final = frozenset(
    {
        "stop-loss",
        "take-profit",
        "stop-loss-limit",
        "take-profit-limit",
        "trailing-stop",
        "trailing-stop-limit",
    }
)
TRAILING: Final = frozenset({"trailing-stop", "trailing-stop-limit"})
LIMITED: Final = frozenset({"limit", "iceberg"})
WITH_LIMIT: Final = frozenset(
    {"limit", "iceberg", "stop-loss-limit", "take-profit-limit", "trailing-stop-limit"}
)
TYPES: Final = ("market", *sorted(LIMITED), *sorted(TRIGGERED), "settle-position")
STP: Final = ("cancel-newest", "cancel-oldest", "cancel-both")
TIMES: Final = ("GTC", "IOC", "FOK", "GTD")
FLAGS: Final = ("post", "fcib", "fciq", "viqc", "nompp")
_UUID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}",
    re.ASCII | re.IGNORECASE,
)
# Documented as free text; upper case was refused when it was measured.
_FREE_TEXT: Final = re.compile(r"[!-@\[-~]{1,18}", re.ASCII)
_SOONEST_EXPIRY_NS: Final = 5 * SECOND_NS
_LATEST_EXPIRY_NS: Final = 31 * 86_400 * SECOND_NS
_ICEBERG_PARTS: Final = 15


@attrs.frozen(kw_only=True)
class CloseDraft:
    """The order that every fill of another one places."""

    type: str
    price: PriceText | None
    price2: PriceText | None


@attrs.frozen(kw_only=True)
class Draft:
    """A new order before it was judged. Its words are those of REST."""

    pair: PairSpec
    side: str
    type: str
    volume: Decimal
    """Base asset, or with the flag `viqc` quote asset."""
    price: PriceText | None = None
    """Limit price of `limit` and `iceberg`; else what triggers."""
    price2: PriceText | None = None
    """Limit price of what is triggered."""
    display: Decimal | None = None
    reference: str = "last"
    leverage: str | None = None
    reduce_only: bool = False
    stp: str = "cancel-newest"
    flags: tuple[str, ...] = ()
    time_in_force: str = "GTC"
    starts_ns: int = 0
    expires_ns: int = 0
    userref: int | None = None
    cl_ord_id: str | None = None
    close: CloseDraft | None = None

    @property
    def is_post_only(self) -> bool:
        """Whether it must not take."""
        return "post" in self.flags

    @property
    def is_in_quote(self) -> bool:
        """Whether its volume is of the quote asset."""
        return "viqc" in self.flags


# Reading.


def draft_from_rest(sent: Arguments, pair: PairSpec, now_ns: int) -> Draft:
    """Read an order of REST, or refuse what it cannot be."""
    kind = sent.choice("ordertype", TYPES)
    flags = tuple(sent.names("oflags"))
    if any(flag not in FLAGS for flag in flags):
        raise invalid("oflags")
    draft = Draft(
        pair=pair,
        side=sent.choice("type", ("buy", "sell")),
        type=kind,
        volume=_sure(sent.decimal("volume"), "volume"),
        price=_rest_price(sent, "price"),
        price2=_rest_price(sent, "price2"),
        display=sent.decimal("displayvol"),
        reference=sent.choice("trigger", ("last", "index"), "last"),
        leverage=sent.text("leverage"),
        reduce_only=sent.flag("reduce_only"),
        stp=sent.choice("stptype", STP, "cancel-newest"),
        flags=flags,
        time_in_force=sent.choice("timeinforce", TIMES, "GTC"),
        starts_ns=_rest_time(sent, "starttm", now_ns),
        expires_ns=_rest_time(sent, "expiretm", now_ns),
        userref=sent.int32("userref"),
        cl_ord_id=sent.text("cl_ord_id"),
        close=_rest_close(sent.group("close")),
    )
    return _only_known(draft)


def _rest_price(sent: Arguments, name: str) -> PriceText | None:
    text = sent.text(name)
    if text is None:
        return None
    price = price_text(text)
    if price is None:
        raise invalid(name)
    # Clients fill what they do not use with zeros.
    return price if price.value or price.is_relative else None


def _rest_time(sent: Arguments, name: str, now_ns: int) -> int:
    text = sent.text(name) or "0"
    value = decimal_from(text)
    if value is None or value < 0:
        raise invalid(name)
    at_ns = int(value * SECOND_NS)
    return now_ns + at_ns if text.startswith("+") else at_ns


def _rest_close(sent: Arguments | None) -> CloseDraft | None:
    if sent is None:
        return None
    return CloseDraft(
        type=sent.choice("ordertype", sorted(LIMITED | TRIGGERED)),
        price=_rest_price(sent, "price"),
        price2=_rest_price(sent, "price2"),
    )


_SOCKET_FIELDS: Final = frozenset(
    {
        "order_type",
        "side",
        "order_qty",
        "symbol",
        "limit_price",
        "limit_price_type",
        "triggers",
        "time_in_force",
        "margin",
        "post_only",
        "reduce_only",
        "effective_time",
        "expire_time",
        "deadline",
        "cl_ord_id",
        "order_userref",
        "conditional",
        "display_qty",
        "fee_preference",
        "stp_type",
        "cash_order_qty",
        "validate",
        "sender_sub_id",
        "no_mpp",
        "token",
        "req_id",
    }
)
_FEE_FLAGS: Final = {"base": "fcib", "quote": "fciq"}


def draft_from_socket(sent: Arguments, pair: PairSpec) -> Draft:
    """Read an order of a socket, or refuse what it cannot be."""
    for name in sent.members:
        if name not in _SOCKET_FIELDS:
            raise Refusal(f"Unsupported field: '{name}' for the given msg type: add order")
    kind = sent.choice("order_type", TYPES)
    flags = ["post"] if sent.flag("post_only") else []
    if "fee_preference" in sent:
        flags.append(_FEE_FLAGS[sent.choice("fee_preference", _FEE_FLAGS)])
    cash = sent.decimal("cash_order_qty")
    if cash is not None:
        flags.append("viqc")
    price, price2 = _socket_prices(sent, kind)
    triggers = sent.group("triggers") or Arguments({})
    draft = Draft(
        pair=pair,
        side=sent.choice("side", ("buy", "sell")),
        type=kind,
        volume=_sure(cash if cash is not None else sent.decimal("order_qty"), "order_qty"),
        price=price,
        price2=price2,
        display=sent.decimal("display_qty"),
        reference=triggers.choice("reference", ("last", "index"), "last"),
        leverage="2" if sent.flag("margin") else None,
        reduce_only=sent.flag("reduce_only"),
        stp=sent.choice(
            "stp_type", [each.replace("-", "_") for each in STP], "cancel_newest"
        ).replace("_", "-"),
        flags=tuple(flags),
        time_in_force=(sent.text("time_in_force") or "gtc").upper(),
        starts_ns=sent.time("effective_time") or 0,
        expires_ns=sent.time("expire_time") or 0,
        userref=sent.int32("order_userref"),
        cl_ord_id=sent.text("cl_ord_id"),
        close=_socket_close(sent.group("conditional")),
    )
    if draft.time_in_force not in TIMES:
        raise invalid("time_in_force")
    return _only_known(draft)


def _socket_prices(sent: Arguments, kind: str) -> tuple[PriceText | None, PriceText | None]:
    limit = socket_price(sent, "limit_price", "limit_price_type")
    triggers = sent.group("triggers")
    trigger = None
    if triggers is not None:
        trigger = socket_price(triggers, "price", "price_type")
    if kind in TRAILING and trigger is not None and not trigger.is_relative:
        trigger = PriceText(trigger.value, "+")
    return (trigger, limit) if kind in TRIGGERED else (limit, None)


def socket_price(sent: Arguments, name: str, kind_name: str) -> PriceText | None:
    """Read a price of a socket with what it is measured in; distances may be below zero."""
    text = sent.text(name)
    if text is None:
        return None
    kind = sent.choice(kind_name, ("static", "pct", "quote"), "static")
    value = decimal_from(text)
    if value is None or (value < 0 and kind == "static"):
        raise invalid(name)
    if kind == "static":
        return PriceText(value)
    return PriceText(abs(value), "-" if value < 0 else "+", is_percent=kind == "pct")


def _socket_close(sent: Arguments | None) -> CloseDraft | None:
    if sent is None:
        return None
    kind = sent.choice("order_type", sorted(LIMITED | TRIGGERED))
    limit = socket_price(sent, "limit_price", "limit_price_type")
    trigger = socket_price(sent, "trigger_price", "trigger_price_type")
    price, price2 = (trigger, limit) if kind in TRIGGERED else (limit, None)
    return CloseDraft(type=kind, price=price, price2=price2)


def _sure(value: Decimal | None, name: str) -> Decimal:
    if value is None:
        raise invalid(name)
    return value


# Judging.


def _only_known(draft: Draft) -> Draft:
    """Refuse what goes beyond a spot account without margin, and names that are none."""
    if draft.type == "settle-position":
        raise Refusal(NO_POSITION)
    if draft.leverage not in {None, "none", "1", "0"}:
        raise Refusal(NO_MARGIN)
    if draft.reduce_only:
        raise Refusal(REDUCE_ONLY)
    if draft.reference == "index":
        raise Refusal(NO_INDEX)
    if draft.userref is not None and draft.cl_ord_id is not None:
        raise invalid()
    if draft.cl_ord_id is not None:
        check_client_id(draft.cl_ord_id)
    return draft


def check_client_id(text: str) -> None:
    """Refuse what is neither a UUID, nor 32 hex digits, nor a short text."""
    if not _UUID.fullmatch(text) and not _FREE_TEXT.fullmatch(text):
        raise invalid("cl_ord_id")


def check_draft(draft: Draft, now_ns: int) -> None:
    """Refuse what does not go together, and numbers that the pair does not have.

    What depends on the market's price is judged later, by `check_cost` and `check_price`.
    """
    _check_shape(draft)
    _check_times(draft, now_ns)
    check_volume(draft.pair, draft.volume, is_in_quote=draft.is_in_quote)
    for price in (draft.price, draft.price2):
        if price is not None and not price.is_relative:
            check_price(draft.pair, price.value)
    if draft.display is not None and (
        draft.display > draft.volume or draft.display * _ICEBERG_PARTS < draft.volume
    ):
        raise invalid("displayvol")


def _check_shape(draft: Draft) -> None:
    is_limited, is_triggered = draft.type in LIMITED, draft.type in TRIGGERED
    if draft.price is None and (is_limited or is_triggered):
        raise invalid("price")
    if draft.price2 is None and draft.type in WITH_LIMIT - LIMITED:
        raise invalid("price2")
    if draft.type in TRAILING and (
        draft.price is None
        or draft.price.sign != "+"
        or (draft.price2 is not None and draft.price2.sign not in {"+", "-"})
    ):
        raise invalid("price")
    if (draft.display is not None) != (draft.type == "iceberg"):
        raise invalid("displayvol")
    if draft.is_in_quote and (draft.type != "market" or draft.side != "buy"):
        raise invalid("oflags")
    if draft.is_post_only and (not is_limited or draft.time_in_force in {"IOC", "FOK"}):
        raise invalid("oflags")
    if {"fcib", "fciq"} <= set(draft.flags):
        raise invalid("oflags")
    if draft.type == "iceberg" and draft.time_in_force in {"IOC", "FOK"}:
        raise invalid("timeinforce")
    if (draft.time_in_force == "GTD") != bool(draft.expires_ns):
        raise invalid("expiretm")
    if draft.close is not None:
        _check_close(draft.close)


def _check_close(close: CloseDraft) -> None:
    if close.type in TRAILING or close.type == "iceberg":
        raise invalid("close[ordertype]")
    if close.price is None:
        raise invalid("close[price]")
    if (close.price2 is None) == (close.type in WITH_LIMIT - LIMITED):
        raise invalid("close[price2]")


def _check_times(draft: Draft, now_ns: int) -> None:
    if draft.expires_ns:
        ahead_ns = draft.expires_ns - now_ns
        if not _SOONEST_EXPIRY_NS <= ahead_ns <= _LATEST_EXPIRY_NS:
            raise invalid("expiretm")
    if draft.starts_ns > now_ns + _LATEST_EXPIRY_NS:
        raise invalid("starttm")


def check_volume(pair: PairSpec, volume: Decimal, *, is_in_quote: bool = False) -> None:
    """Refuse a volume that is too fine or too small."""
    digits = pair.cost_decimals if is_in_quote else pair.lot_decimals
    if volume % Decimal(1).scaleb(-digits):
        raise invalid("volume")
    if is_in_quote:
        if volume < pair.cost_minimum:
            raise Refusal(COST_MINIMUM)
    elif volume < pair.order_minimum:
        raise Refusal(ORDER_MINIMUM)


def check_price(pair: PairSpec, price: Decimal) -> None:
    """Refuse a price that is no price, too fine, or between two steps."""
    if price <= 0:
        raise Refusal(INVALID_PRICE)
    if price % Decimal(1).scaleb(-pair.price_decimals):
        raise Refusal(
            f"{INVALID_PRICE}:{pair.wsname} price can only be specified up to "
            f"{pair.price_decimals} decimals."
        )
    if price % pair.tick:
        raise Refusal(TICK_SIZE)


def check_cost(pair: PairSpec, price: Decimal | None, volume: Decimal) -> None:
    """Refuse what is worth too little."""
    if price is not None and price * volume < pair.cost_minimum:
        raise Refusal(COST_MINIMUM)
