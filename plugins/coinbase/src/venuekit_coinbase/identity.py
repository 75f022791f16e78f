"""Whether the order in an answer is the one that was asked for.

A client order id that was used before gives the order that used it, whatever was asked for now.
Source: Coinbase Advanced Trade API reference, "Create Order", June 2026.
"""

from collections.abc import Mapping
from typing import Any, Final

from venuekit.model import decimal_from_text
from venuekit_coinbase.figures import moment_ns

_MOMENTS: Final = frozenset({"end_time", "start_time"})


def difference(sent: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Say in what an answer's order differs from what was sent; no text if in nothing.

    Only what the answer tells is compared, amounts and moments by their value.
    """
    order = told.get("success_response")
    order = order if isinstance(order, Mapping) else {}
    for name in ("client_order_id", "side"):
        if order.get(name) not in (None, "", sent.get(name)):  # foreign: may be unhashable
            return name
    echoed = told.get("order_configuration")
    if not isinstance(echoed, Mapping) or not echoed:
        return ""
    ((kind, fields),) = sent["order_configuration"].items()
    if kind not in echoed:
        return "order_configuration"
    other = echoed[kind]
    if not isinstance(other, Mapping):
        return ""
    return next((name for name in fields if not _is_same(name, fields[name], other.get(name))), "")


def _is_same(name: str, ours: Any, theirs: Any) -> bool:
    if theirs in (None, "", ours):
        return True
    if isinstance(ours, int) and not isinstance(ours, bool):
        return str(ours) == str(theirs)
    if not isinstance(ours, str) or not isinstance(theirs, str):
        return False
    read = moment_ns if name in _MOMENTS else decimal_from_text
    try:
        return read(ours) == read(theirs)
    except ValueError:
        return False
