"""Reading a new order: what is wanted, or why it cannot be.

Source: Coinbase Exchange docs, "Create order", 2026-06; the fate of a `client_oid` from ccxt issue
10692. Not carried out, for want of facts: stops without a limit price, `stop_limit_price`.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from venuekit.sim.money import exact
from venuekit.sim.orders import SelfTradePrevention, Side
from venuekit_coinbase.sim.exchange.records import Draft
from venuekit_coinbase.sim.exchange.refusals import bad
from venuekit_coinbase.sim.wire import number_from
from venuekit_coinbase.sim.world import ProductSpec

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_PREVENTIONS: Final = {
    "dc": SelfTradePrevention.DECREMENT,
    "co": SelfTradePrevention.EXPIRE_MAKER,
    "cn": SelfTradePrevention.EXPIRE_TAKER,
    "cb": SelfTradePrevention.EXPIRE_BOTH,
}
_FORCES: Final = ("GTC", "GTT", "IOC", "FOK")
LASTS_S: Final = {"min": 60, "hour": 3_600, "day": 86_400}
_UUID4: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
Body = Mapping[str, Any]


@exact
def draft_from(body: Body, product: Callable[[object], ProductSpec | None]) -> Draft:
    """Read what is wanted.

    Args:
        body: As it was sent.
        product: Gives a product by its id.

    Raises:
        Refusal: It is malformed, or against a rule of the product (400).
    """
    spec = product(body.get("product_id"))
    if spec is None:
        raise bad("Product not found")
    kind = _choice(body, "type", ("limit", "market", "stop"), "limit")
    side = _SIDES[_choice(body, "side", tuple(_SIDES), "")]
    stop, stop_price = _stop(body, kind, spec)
    is_limit = kind != "market"
    price = _price(body, "price", spec) if is_limit else None
    if is_limit and price is None:
        raise bad("price is required")
    size, funds = _size(body, spec), None if is_limit else _number(body, "funds")
    if (size is None) == (funds is None):
        raise bad("size is required" if is_limit else "size or funds is required")
    worth = funds if price is None or size is None else price * size
    if worth is not None and worth < spec.quote_min_size:
        raise bad("size is too small")
    stp = _choice(body, "stp", tuple(_PREVENTIONS), "dc")
    force = _choice(body, "time_in_force", _FORCES, "GTC") if is_limit else ""
    draft = Draft(
        spec=spec,
        side=side,
        kind="limit" if is_limit else "market",
        price=price,
        size=size,
        funds=funds,
        time_in_force=force,
        cancel_after=_choice(body, "cancel_after", tuple(LASTS_S), "-").replace("-", ""),
        post_only=_flag(body, "post_only"),
        stp=stp,
        prevention=_PREVENTIONS[stp],
        stop=stop,
        stop_price=stop_price,
        max_floor=_number(body, "max_floor"),
        client_oid=kept_client_oid(body.get("client_oid")),
    )
    _check_together(draft)
    return draft


def kept_client_oid(text: object) -> str | None:
    """Give what is kept of a client's id: lower-case UUIDs of version 4, nothing else."""
    return text if isinstance(text, str) and _UUID4.fullmatch(text) else None


def _check_together(draft: Draft) -> None:
    """Refuse members that contradict each other; the texts are ours."""
    if (draft.time_in_force == "GTT") != bool(draft.cancel_after):
        raise bad("cancel_after requires time_in_force GTT, and GTT requires cancel_after")
    is_at_once = draft.time_in_force in {"IOC", "FOK", ""}
    if is_at_once and (draft.post_only or draft.max_floor is not None):
        raise bad("post_only and max_floor are invalid when time_in_force is IOC or FOK")
    if draft.post_only and draft.stop:
        raise bad("post_only is invalid for stop orders")


def _stop(body: Body, kind: str, spec: ProductSpec) -> tuple[str, Decimal | None]:
    stop = _choice(body, "stop", ("loss", "entry"), "-").replace("-", "")
    stop_price = _price(body, "stop_price", spec)
    if kind == "stop" and not stop:
        raise bad("stop is required")
    if bool(stop) != (stop_price is not None):
        raise bad("stop and stop_price go together")
    if stop and kind == "market":
        raise bad("stop orders need a price")
    return stop, stop_price


def _choice(body: Body, name: str, known: tuple[str, ...], default: str) -> str:
    text = body.get(name) or default
    if text != default and text not in known:
        raise bad(f"Invalid {name}")
    if not text:
        raise bad(f"{name} is required")
    return str(text)


def _flag(body: Body, name: str) -> bool:
    return body.get(name) in (True, "true")


def _number(body: Body, name: str) -> Decimal | None:
    given = body.get(name)
    if given is None:
        return None
    number = number_from(given if isinstance(given, str) else str(given))
    if number is None:
        raise bad(f"Invalid {name}")
    if number <= 0:
        raise bad("size is too small" if name in {"size", "funds"} else f"{name} too small")
    return number


def _price(body: Body, name: str, spec: ProductSpec) -> Decimal | None:
    price = _number(body, name)
    if price is not None and price % spec.price_increment:
        raise bad(f"{name} too precise")
    return price


def _size(body: Body, spec: ProductSpec) -> Decimal | None:
    size = _number(body, "size")
    if size is None:
        return None
    if size < spec.base_increment:
        raise bad("size is too small")
    if size % spec.base_increment:
        raise bad("size too precise")
    return size
