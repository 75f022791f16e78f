"""Every documented error code of Binance Spot, and the texts that tell apart what shares one.

Source: `errors.md`, `filters.md` and `CHANGELOG.md` of the Binance Spot documentation of
2026-07-21. Binance: "messages may vary, codes do not", so texts are looked at only inside the
five codes that mean many things.
"""

from collections.abc import Sequence
from typing import Final

from venuekit.model import Advice, Outcome
from venuekit.plugin import ErrorTable, Row


# States of the market (halted, too thin) are `NEVER`: whether an order is still wanted once they
# have passed is the application's to say, not a retry's.
def _row(reason: str, advice: Advice = Advice.NEVER, outcome: Outcome = Outcome.REJECTED) -> Row:
    return Row(outcome=outcome, advice=advice, reason=reason)


def _unknown(reason: str, advice: Advice) -> Row:
    return _row(reason, advice, Outcome.UNKNOWN)


UNSUPPORTED: Final = _row("order.not_supported")
"""For `… is not supported for this symbol.` and its kin, which differ in their first words."""

_FILTERS: Final = (
    # A longer name stands before the one that it begins with.
    "PERCENT_PRICE_BY_SIDE",
    "PERCENT_PRICE",
    "PRICE_FILTER",
    "LOT_SIZE",
    "MARKET_LOT_SIZE",
    "MIN_NOTIONAL",
    "NOTIONAL",
    "ICEBERG_PARTS",
    "MAX_NUM_ORDERS",
    "MAX_NUM_ALGO_ORDERS",
    "MAX_NUM_ICEBERG_ORDERS",
    "MAX_NUM_ORDER_LISTS",
    "MAX_NUM_ORDER_AMENDS",
    "MAX_POSITION",
    "MAX_ASSET",
    "TRAILING_DELTA",
    "EXCHANGE_MAX_NUM_ORDERS",
    "EXCHANGE_MAX_NUM_ALGO_ORDERS",
    "EXCHANGE_MAX_NUM_ICEBERG_ORDERS",
    "EXCHANGE_MAX_NUM_ORDER_LISTS",
)

_TEXTS: Final[Sequence[tuple[str, Row]]] = (
    ("Account has insufficient balance", _row("balance.insufficient")),
    ("Duplicate order sent", _row("order.duplicate_id")),
    ("Unknown order sent", _row("order.unknown")),
    ("Order was not canceled due to cancel restrictions", _row("order.cancel_restricted")),
    *((f"Filter failure: {name}", _row(f"filter.{name}")) for name in _FILTERS),
    ("Filter failure", _row("filter.other")),
    ("Market is closed", _row("instrument.halted")),
    ("This order type is not possible in this trading phase", _row("instrument.halted")),
    ("Limit orders require GTC for this phase", _row("instrument.halted")),
    ("This action is disabled on this account", _row("permission.denied")),
    ("This account may not place or cancel orders", _row("permission.denied")),
    ("This symbol is not permitted for this account", _row("permission.denied")),
    ("This symbol is restricted for this account", _row("permission.denied")),
    ("Rest API trading is not enabled", _row("permission.denied")),
    ("WebSocket API trading is not enabled", _row("permission.denied")),
    ("Order would immediately match and take", _row("order.would_match")),
    ("Order would trigger immediately", _row("order.would_trigger")),
    ("Stop price would trigger immediately", _row("order.would_trigger")),
    ("Price * QTY is zero or less", _row("notional.below_minimum")),
    ("IcebergQty exceeds QTY", _row("order.iceberg_too_large")),
    ("Unsupported order combination", UNSUPPORTED),
    ("Cancel order is invalid", _row("order.ids_disagree")),
    ("The relationship of the prices for the orders is not correct", _row("order.prices_disagree")),
    ("Order cancel-replace is not supported for this symbol", UNSUPPORTED),
    ("Order amend is not supported for this symbol", UNSUPPORTED),
    ("Pegged orders are not supported for this symbol", UNSUPPORTED),
    ("Order book liquidity is", _row("book.too_thin")),
    ("Order amend (quantity increase) is not supported", _row("order.amend_refused")),
    ("The requested action would change no state", _row("order.amend_refused")),
    ("Order amend (pending OPO order) is not supported", _row("order.amend_refused")),
    (
        "This symbol does not allow the specified self-trade prevention mode",
        _row("order.self_trade_prevention_refused"),
    ),
)

_INVALID: Final = _row("request.invalid")
_SINGLE: Final = {
    # "An unknown error occurred while processing": nobody says how far the processing went.
    -1000: _unknown("exchange.error", Advice.AGAIN),
    # "Unable to process": meant as not processed, not promised.
    -1001: _unknown("exchange.disconnected", Advice.AGAIN),
    -1002: _row("key.rejected"),
    -1003: _row("limit.weight", Advice.AFTER_DELAY),
    -1004: _unknown("exchange.overloaded", Advice.AFTER_DELAY),
    -1006: _unknown("exchange.no_answer", Advice.AGAIN),
    -1007: _unknown("exchange.no_answer", Advice.AGAIN),
    -1008: _unknown("exchange.overloaded", Advice.AFTER_DELAY),
    -1010: _row("order.rejected"),
    -1013: _row("order.invalid"),
    -1014: UNSUPPORTED,
    -1015: _row("limit.orders", Advice.AFTER_DELAY),
    -1016: _row("exchange.maintenance", Advice.AFTER_DELAY),
    -1020: _row("request.not_supported"),
    -1021: _row("clock.outside_window", Advice.AFTER_CLOCK_SYNC),
    -1022: _row("signature.invalid"),
    -1034: _row("limit.connections", Advice.AFTER_DELAY),
    -1099: _row("key.rejected"),
    -1111: _row("order.too_precise"),
    -1112: _row("book.too_thin"),
    -1121: _row("instrument.unknown"),
    -1122: _row("instrument.status_invalid"),
    -1220: _row("instrument.status_differs"),
    -2008: _row("key.rejected"),
    -2010: _row("order.rejected"),
    -2011: _row("order.cancel_rejected"),
    -2013: _row("order.unknown"),
    -2014: _row("key.rejected"),
    -2015: _row("key.rejected"),
    -2016: _row("instrument.halted"),
    # Half done, and which half cannot be read: the call for cancel-replace reads `data`.
    -2021: _unknown("replace.half_done", Advice.NEVER),
    -2022: _row("replace.refused"),
    -2026: _row("order.archived"),
    -2035: _row("stream.already_subscribed"),
    -2036: _row("stream.not_subscribed"),
    -2038: _row("order.amend_refused"),
    -2039: _row("order.ids_disagree"),
    -2042: _row("stream.too_many_subscriptions"),
    -2043: _row("instrument.no_reference_price"),
}
_INVALID_CODES: Final = (
    *(-1033, -1035),  # sessions of the FIX gateway
    *(-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108),
    *range(-1120, -1113),
    *(-1125, -1127, -1128, -1130, -1131, -1134, -1135, -1139, -1145, -1151),
    *(-1152, -1153, -1155, -1158, -1160, -1161, -1165, -1166, -1168),
    *range(-1191, -1168),  # FIX messages, and -1182 of all gateways
    *(-1194, -1196, -1197, -1198, -1199, -1210, -1211),
    *(-1221, -1222, -1223, -1224, -1225),
)

TABLE: Final = ErrorTable(
    rows={
        **{str(code): _INVALID for code in _INVALID_CODES},
        **{str(code): row for code, row in _SINGLE.items()},
    },
    texts=dict.fromkeys(("-1010", "-1013", "-2010", "-2011", "-2038"), _TEXTS),
)
"""Codes as text. For reads, UNKNOWN means that the answer failed for now."""
