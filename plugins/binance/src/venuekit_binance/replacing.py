"""Cancel-replace: two actions with one request, of which either may fail alone.

Source: Binance Spot `rest-api.md` "Cancel an existing order and send a new order", 2026-07-21.
"""

import functools
from typing import Any, Final

from venuekit.model import Instrument, Order, OrderRef, OrderRequest, Replacement
from venuekit.plugin import Answer, Call, CallKind, Replace, read_json
from venuekit_binance.calls import value_as, write
from venuekit_binance.errors import coded
from venuekit_binance.order_fields import client_id_text, order_pairs
from venuekit_binance.order_reports import OrderRow
from venuekit_binance.orders import FULL, canceled_order, order_id_pairs, placed_from_row

_OPTIONS: Final = {
    "cancelRestrictions": frozenset({"ONLY_NEW", "ONLY_PARTIALLY_FILLED"}),
    "orderRateLimitExceededMode": frozenset({"DO_NOTHING", "CANCEL_ONLY"}),
}


class Replacing(Replace):
    """Cancels an order and places another with one request."""

    def replace(
        self,
        ref: OrderRef,
        request: OrderRequest,
        instrument: Instrument,
        *,
        place_even_if_not_canceled: bool,
    ) -> Call[Replacement]:
        """Cancel `ref`, then place `request`; both halves are answered for.

        Not atomic: a placement that fails does not undo the cancel. Besides those of a placement,
        `request.options` may have `cancelRestrictions` and `orderRateLimitExceededMode`.

        Raises:
            ValueError: As for a placement.
        """
        for name, values in _OPTIONS.items():
            if request.options.get(name, next(iter(values))) not in values:
                msg = f"options[{name!r}]: {' or '.join(sorted(values))}"
                raise ValueError(msg)
        mode = "ALLOW_FAILURE" if place_even_if_not_canceled else "STOP_ON_FAILURE"
        pairs = [
            *order_pairs(request, instrument, more_options=frozenset(_OPTIONS)),
            ("cancelReplaceMode", mode),
            *order_id_pairs(ref, by_id="cancelOrderId", by_client_id="cancelOrigClientOrderId"),
        ]
        if ref.client_order_id is not None:
            pairs.append(("cancelNewClientOrderId", client_id_text(ref.client_order_id)))
        pairs.extend((name, value) for name, value in request.options.items() if name in _OPTIONS)
        return write(
            "replace order",
            CallKind.PLACE,
            "POST",
            "order/cancelReplace",
            (*pairs, FULL),
            functools.partial(_read_replacement, ref, request, instrument),
            orders=1,
            client_order_id=request.client_order_id,
        )


def _read_replacement(
    ref: OrderRef, request: OrderRequest, instrument: Instrument, answer: Answer
) -> Replacement:
    """Read both halves, from a success or from the `data` of an error."""
    body = value_as(read_json(answer.body), dict)
    halves = value_as(body.get("data", body), dict)
    canceled, cancel_failure = _half(halves["cancelResult"], halves["cancelResponse"])
    placed, place_failure = _half(halves["newOrderResult"], halves["newOrderResponse"])
    old: Order | None = None
    if canceled is not None:
        old = canceled_order(ref, canceled, instrument)
    return Replacement(
        canceled=old,
        placed=(
            None
            if placed is None
            else placed_from_row(request, instrument, value_as(placed, OrderRow))
        ),
        cancel_failure=cancel_failure,
        place_failure=place_failure,
    )


def _half(result: Any, response: Any) -> tuple[Any, str | None]:
    """Give a half's response, or why it failed."""
    if result == "SUCCESS":
        return response, None
    if result == "NOT_ATTEMPTED":
        return None, "order.not_attempted"
    if result == "FAILURE":
        failed = value_as(response, dict)
        failure = coded(str(failed["code"]), str(failed.get("msg", "")), is_write=True)
        return None, f"{failure.reason}: {failure.text} (code {failure.code})"
    msg = f"half of a cancel-replace: {str(result)[:40]!r}"
    raise ValueError(msg)
