"""Placing, checking, canceling and editing.

Coinbase's answers say little: a placement gives the order's id, a cancel and an edit that they
were taken. What becomes of the order, its stream and its queries tell.
Source: Coinbase Advanced Trade API reference, "Create Order", "Cancel Orders", "Edit Order",
"Preview Order", June 2026.
"""

import functools
from collections.abc import Generator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from venuekit.model import (
    Failure,
    Instrument,
    Order,
    OrderPhase,
    OrderRef,
    OrderRequest,
)
from venuekit.plugin import (
    Amend,
    Answer,
    Call,
    CallKind,
    Cancel,
    CancelMany,
    Place,
    Validate,
    read_json,
)
from venuekit_coinbase.calls import answer_as, post
from venuekit_coinbase.errors import cancel_failure
from venuekit_coinbase.figures import number_text
from venuekit_coinbase.order_fields import order_body
from venuekit_coinbase.order_reports import exchange_id
from venuekit_coinbase.queries import OrderQueries


class _Success(msgspec.Struct):
    order_id: str = ""


class _Placed(msgspec.Struct):
    success_response: _Success | None = None
    order_id: str = ""


class Orders(OrderQueries, Place, Validate, Cancel, CancelMany, Amend):
    """Places and changes orders on Coinbase Advanced Trade."""

    max_cancels: ClassVar[int] = 100

    def place(self, request: OrderRequest, instrument: Instrument) -> Call[Order]:
        """Place an order; the answer says that it was accepted, and its id.

        The same once more gives the same order, not a second one.

        Raises:
            ValueError: Coinbase does not have what is asked for.
        """
        return post(
            "place order",
            CallKind.PLACE,
            "/orders",
            order_body(request, instrument),
            functools.partial(_read_placed, request),
            client_order_id=request.client_order_id,
        )

    def validate(self, request: OrderRequest, instrument: Instrument) -> Call[None]:
        """Have Coinbase preview an order, funds included; nothing is placed."""
        return post(
            "check order",
            CallKind.PRIVATE_READ,
            "/orders/preview",
            order_body(request, instrument, is_preview=True),
            _read_previewed,
            client_order_id=request.client_order_id,
        )

    def cancel(
        self, ref: OrderRef, instrument: Instrument
    ) -> Generator[Call[Any], Any, Order | None]:
        """Cancel one order by Coinbase's id, which is looked up first if it is not known."""
        order_id = ref.exchange_order_id
        if order_id is None:
            known = yield from self.fetch_order(ref, instrument)
            if known is None or known.phase.is_final:
                return known
            order_id = known.exchange_order_id
        assert order_id is not None
        taken: Order | None = yield post(
            "cancel order",
            CallKind.CANCEL,
            "/orders/batch_cancel",
            {"order_ids": [order_id]},
            _read_taken,
            client_order_id=ref.client_order_id,
        )
        return taken

    def cancel_many(self, refs: Sequence[OrderRef]) -> Call[Sequence[Order | Failure | None]]:
        """Cancel 2 to 100 orders on any products; each is answered for.

        Raises:
            ValueError: There are too few or too many, or Coinbase's id of one is not known.
        """
        if not 2 <= len(refs) <= self.max_cancels:
            msg = f"{len(refs)} orders in a batch: 2 to {self.max_cancels}"
            raise ValueError(msg)
        order_ids = [ref.exchange_order_id for ref in refs]
        unknown = [str(ref) for ref in refs if ref.exchange_order_id is None]
        if unknown:
            msg = f"Coinbase cancels by its own ids, and has not told that of {unknown[0]}"
            raise ValueError(msg)
        return post(
            "cancel orders",
            CallKind.CANCEL,
            "/orders/batch_cancel",
            {"order_ids": order_ids},
            functools.partial(_read_canceled, [str(order_id) for order_id in order_ids]),
        )

    def amend(
        self,
        ref: OrderRef,
        instrument: Instrument,
        *,
        quantity: Decimal | None,
        price: Decimal | None,
    ) -> Generator[Call[Any], Any, Order | None]:
        """Change quantity or limit price of a resting order, which keeps its ids.

        Coinbase reads a size that is left out as zero, so both are sent always: what stays is
        looked up first.

        Raises:
            ValueError: Neither is given.
        """
        if quantity is None and price is None:
            msg = "an edit changes quantity, price or both; neither was given"
            raise ValueError(msg)
        return self._amend(ref, instrument, quantity, price)

    def _amend(
        self,
        ref: OrderRef,
        instrument: Instrument,
        quantity: Decimal | None,
        price: Decimal | None,
    ) -> Generator[Call[Any], Any, Order | None]:
        known = yield from self.fetch_order(ref, instrument)
        if known is None or known.phase.is_final:
            return known
        taken: Order | None = yield post(
            "amend order",
            CallKind.AMEND,
            "/orders/edit",
            _edit(known, quantity, price),
            _read_taken,
            client_order_id=ref.client_order_id,
        )
        return taken


def _edit(known: Order, quantity: Decimal | None, price: Decimal | None) -> Mapping[str, str]:
    size = known.quantity if quantity is None else quantity
    limit = known.price if price is None else price
    if size is None or limit is None or known.exchange_order_id is None:
        msg = "Coinbase edits limit orders over a quantity of the base asset, no others"
        raise ValueError(msg)
    body = {
        "order_id": known.exchange_order_id,
        "price": number_text("price", limit),
        "size": number_text("quantity", size),
    }
    if known.stop_price is not None:
        body["stop_price"] = number_text("stop_price", known.stop_price)
    return body


def _read_placed(request: OrderRequest, answer: Answer) -> Order:
    placed = answer_as(answer, _Placed)
    order_id = (placed.success_response and placed.success_response.order_id) or placed.order_id
    return Order(
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        # Accepted is not resting yet: it may end as failed.
        phase=OrderPhase.PENDING,
        client_order_id=request.client_order_id,
        exchange_order_id=exchange_id(order_id),
        quantity=request.quantity,
        quote_quantity=request.quote_quantity,
        price=request.price,
        stop_price=request.stop_price,
        time_in_force=request.time_in_force,
        post_only=request.post_only,
    )


def _read_previewed(answer: Answer) -> None:
    if not isinstance(read_json(answer.body), dict):
        msg = "a preview that is no object"
        raise ValueError(msg)  # noqa: TRY004  # what is wrong is the JSON that came in


def _read_taken(answer: Answer) -> Order | None:
    del answer  # it was judged; and says no more than that it was taken
    return None


def _read_canceled(order_ids: Sequence[str], answer: Answer) -> Sequence[Order | Failure | None]:
    rows = read_json(answer.body)["results"]
    told = {row["order_id"]: row for row in rows}
    if set(told) != set(order_ids) or len(rows) != len(set(order_ids)):
        msg = f"{len(rows)} answers to {len(order_ids)} orders, or to others"
        raise ValueError(msg)
    return [cancel_failure(told[order_id]) for order_id in order_ids]
