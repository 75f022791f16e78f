"""What only Kraken knows of an order: the names that `OrderRequest.options` may have.

They are Kraken's own names, all but `fee_currency`, which stands for two of its flags. What
venuekit has words of its own for, and what is written here anyway, is refused with that word.
Source: Kraken API Center, "Add Order", June 2026.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from venuekit.model import OrderRequest, OrderType, TimeInForce

FEES: Final = {"base": "fcib", "quote": "fciq"}
CLOSE: Final = {f"close[{name}]": name for name in ("ordertype", "price", "price2")}
"""Of a conditional close, by Kraken's member of `close`."""
SETTLE: Final = "settle-position"
_MOMENT: Final = re.compile(r"\+?[1-9][0-9]{0,11}")
_LEVERAGE: Final = re.compile(r"[1-9][0-9]?(?::1)?")
_FLAG: Final = re.compile(r"true|false")
_PRICE: Final = re.compile(r"[+\-#]?[0-9]{1,20}(?:\.[0-9]{1,20})?%?")
_CLOSES: Final = ("limit", "stop-loss", "take-profit", "stop-loss-limit", "take-profit-limit")
_FORMS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "trigger": (re.compile(r"last|index"), "last or index"),
    "leverage": (_LEVERAGE, "a number such as 2, or 2:1"),
    "reduce_only": (_FLAG, "true or false"),
    "starttm": (_MOMENT, "seconds since the epoch, or + and seconds from now"),
    "expiretm": (_MOMENT, "seconds since the epoch, or + and seconds from now"),
    "fee_currency": (re.compile("|".join(FEES)), "base or quote"),
    "ordertype": (re.compile(SETTLE), f"{SETTLE}; all others have a type of venuekit"),
    "close[ordertype]": (re.compile("|".join(_CLOSES)), ", ".join(_CLOSES)),
    "close[price]": (_PRICE, "a price, or + - # and a distance"),
    "close[price2]": (_PRICE, "a price, or + - # and a distance"),
}
OPTIONS: Final = frozenset(_FORMS)
"""Names that `OrderRequest.options` may have."""
_INSTEAD: Final[Mapping[str, str]] = {
    "type": "side says it",
    "pair": "symbol says it",
    "volume": "quantity or quote_quantity says it",
    "price": "price or stop_price says it, or trailing_delta",
    "price2": "price says it",
    "displayvol": "display_quantity says it",
    "timeinforce": "time_in_force says it",
    "stptype": "self_trade_prevention says it",
    "cl_ord_id": "client_order_id says it",
    "userref": "Kraken takes either it or cl_ord_id, which every order here has",
    "oflags": (
        "post_only says post, quote_quantity says viqc, the option fee_currency says fcib and "
        "fciq, and Kraken takes no notice of nompp"
    ),
    "deadline": "every order has one, five seconds ahead",
    "validate": "`validate` has an order checked without placing it",
    "asset_class": "tokenized assets are not offered by this plugin",
    "broker": "not offered by this plugin",
}
_STOPS: Final = (
    OrderType.STOP,
    OrderType.STOP_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
)


def option_fields(options: Mapping[str, str]) -> dict[str, str]:
    """Give what stands in an order as it is; flags and the type are written elsewhere."""
    return {
        name: value for name, value in options.items() if name not in {"fee_currency", "ordertype"}
    }


def option_faults(request: OrderRequest) -> Iterable[str]:
    """List what is wrong with the options of an order."""
    options, kind = request.options, request.type
    for name in sorted(options):
        if name in _INSTEAD:
            yield f"options: {name!r} is not taken: {_INSTEAD[name]}"
        elif name not in OPTIONS:
            yield f"options: {name!r} is unknown; allowed: {', '.join(sorted(OPTIONS))}"
        elif _FORMS[name][0].fullmatch(options[name]) is None:
            yield f"the option {name} is {_FORMS[name][1]}"
    is_gtd = request.time_in_force is TimeInForce.GTD
    closes = options.keys() & CLOSE.keys()
    has_limit = options.get("close[ordertype]", "").endswith("-limit")
    for is_broken, text in (
        (is_gtd and "expiretm" not in options, "GTD needs the option expiretm"),
        (not is_gtd and "expiretm" in options, "the option expiretm is for GTD"),
        ("trigger" in options and kind not in _STOPS, "the option trigger is for stop orders"),
        (
            "leverage" in options and request.quote_quantity is not None,
            "quote_quantity is not for margin",
        ),
        (
            "ordertype" in options and (kind is not OrderType.MARKET or request.quantity is None),
            f"{SETTLE} is a market order of a quantity",
        ),
        (
            bool(closes) and not {"close[ordertype]", "close[price]"} <= closes,
            "a conditional close needs close[ordertype] and close[price]",
        ),
        (
            "close[ordertype]" in options and ("close[price2]" in options) is not has_limit,
            "close[price2] belongs to stop-loss-limit and take-profit-limit, and only there",
        ),
    ):
        if is_broken:
            yield text
