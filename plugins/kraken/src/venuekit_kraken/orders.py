"""Placing, checking, canceling and amending, one by one and in batches.

Kraken's answers say little: a placement gives the order's id, a cancel how many it took, an
amendment its own id. What becomes of the order, its stream and its queries tell.
Source: Kraken API Center, "Add Order", "Add Order Batch", "Cancel Order", "Amend Order", June 2026.
"""

import functools
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from venuekit.model import Failure, Instrument, Order, OrderPhase, OrderRef, OrderRequest
from venuekit.plugin import (
    Amend,
    Answer,
    Call,
    CallKind,
    Cancel,
    CancelMany,
    Place,
    PlaceMany,
    Validate,
)
from venuekit_kraken.calls import result_as, write, write_json
from venuekit_kraken.engine_costs import amending, canceling, canceling_many, placing
from venuekit_kraken.errors import meant
from venuekit_kraken.figures import number_text
from venuekit_kraken.order_fields import client_id_text, order_object, order_pairs
from venuekit_kraken.order_reports import exchange_id

_BATCH: Final = 15


class _Placed(msgspec.Struct):
    txid: list[str]


class _Leg(msgspec.Struct):
    txid: str | list[str] | None = None
    error: str | None = None


class _Batch(msgspec.Struct):
    orders: list[_Leg]


class _Count(msgspec.Struct):
    count: int


class _Amended(msgspec.Struct):
    amend_id: str


class Orders(Place, PlaceMany, Validate, Cancel, CancelMany, Amend):
    """Places and changes orders on Kraken Spot."""

    max_places: ClassVar[int] = _BATCH
    max_cancels: ClassVar[int] = 50

    def place(self, request: OrderRequest, instrument: Instrument) -> Call[Order]:
        """Place an order; the answer says that it was taken, and its id.

        Raises:
            ValueError: Kraken does not have what is asked for.
        """
        return write(
            "place order",
            CallKind.PLACE,
            "AddOrder",
            order_pairs(request, instrument),
            functools.partial(_read_placed, request),
            engine=placing(instrument.symbol),
            client_order_id=request.client_order_id,
        )

    def place_many(
        self, requests: Sequence[OrderRequest], instrument: Instrument
    ) -> Call[Sequence[Order | Failure]]:
        """Place 2 to 15 orders on one pair; the engine counts half of them.

        Raises:
            ValueError: Kraken does not have what is asked for.
        """
        if not 2 <= len(requests) <= _BATCH:
            msg = f"{len(requests)} orders in a batch: 2 to {_BATCH}"
            raise ValueError(msg)
        return write_json(
            "place orders",
            CallKind.PLACE,
            "AddOrderBatch",
            {"pair": instrument.native, "orders": [order_object(each) for each in requests]},
            functools.partial(_read_batch, requests),
            engine=placing(instrument.symbol, len(requests)),
        )

    def validate(self, request: OrderRequest, instrument: Instrument) -> Call[None]:
        """Have Kraken check an order that is then not placed; funds are not looked at."""
        return write(
            "check order",
            CallKind.PRIVATE_READ,
            "AddOrder",
            [*order_pairs(request, instrument), ("validate", "true")],
            _read_checked,
            engine=placing(instrument.symbol),
            client_order_id=request.client_order_id,
        )

    def cancel(self, ref: OrderRef, instrument: Instrument) -> Call[Order | None]:
        """Cancel one order, by Kraken's id if it is known, else by ours."""
        del instrument
        return write(
            "cancel order",
            CallKind.CANCEL,
            "CancelOrder",
            [_named(ref)],
            _read_canceled,
            engine=canceling(ref),
            client_order_id=ref.client_order_id,
        )

    def cancel_many(self, refs: Sequence[OrderRef]) -> Call[Sequence[Order | Failure | None]]:
        """Cancel 2 to 50 orders on any pairs; the answer counts them, and names none.

        Raises:
            ValueError: Fewer or more orders.
        """
        if not 2 <= len(refs) <= self.max_cancels:
            msg = f"{len(refs)} orders in a batch: 2 to {self.max_cancels}"
            raise ValueError(msg)
        named = [_named(ref) for ref in refs]
        body: dict[str, Any] = {}
        orders = [value for name, value in named if name == "txid"]
        if orders:
            body["orders"] = orders
        others = [{name: value} for name, value in named if name == "cl_ord_id"]
        if others:
            body["cl_ord_ids"] = others
        read = functools.partial(_read_canceled_many, len(refs))
        return write_json(
            "cancel orders",
            CallKind.CANCEL,
            "CancelOrderBatch",
            body,
            read,
            engine=canceling_many(refs),
        )

    def amend(
        self,
        ref: OrderRef,
        instrument: Instrument,
        *,
        quantity: Decimal | None,
        price: Decimal | None,
    ) -> Call[Order | None]:
        """Change quantity or limit price in place; less quantity keeps the place in the queue.

        A quantity below what has traded cancels the rest.

        Raises:
            ValueError: Neither is given.
        """
        del instrument
        if quantity is None and price is None:
            msg = "an amendment changes quantity, price or both; neither was given"
            raise ValueError(msg)
        pairs = [_named(ref)]
        if quantity is not None:
            pairs.append(("order_qty", number_text("quantity", quantity)))
        if price is not None:
            pairs.append(("limit_price", number_text("price", price)))
        return write(
            "amend order",
            CallKind.AMEND,
            "AmendOrder",
            pairs,
            _read_amended,
            engine=amending(ref),
            client_order_id=ref.client_order_id,
        )


def _named(ref: OrderRef) -> tuple[str, str]:
    if ref.exchange_order_id is not None:
        return "txid", ref.exchange_order_id
    return "cl_ord_id", client_id_text(ref.client_order_id)


def _taken(request: OrderRequest, txid: str) -> Order:
    """Give an order of which only this is known: the exchange has it."""
    return Order(
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        phase=OrderPhase.OPEN,
        client_order_id=request.client_order_id,
        exchange_order_id=exchange_id(txid),
        quantity=request.quantity,
        quote_quantity=request.quote_quantity,
        price=request.price,
        stop_price=request.stop_price,
        time_in_force=request.time_in_force,
        post_only=request.post_only,
    )


def _read_placed(request: OrderRequest, answer: Answer) -> Order:
    txids = result_as(answer, _Placed).txid
    if len(txids) != 1:
        msg = f"{len(txids)} order ids for one order"
        raise ValueError(msg)
    return _taken(request, txids[0])


def _read_batch(requests: Sequence[OrderRequest], answer: Answer) -> Sequence[Order | Failure]:
    legs = result_as(answer, _Batch).orders
    if len(legs) != len(requests):
        msg = f"{len(legs)} answers to {len(requests)} orders"
        raise ValueError(msg)
    return [_read_leg(request, leg) for request, leg in zip(requests, legs, strict=True)]


def _read_leg(request: OrderRequest, leg: _Leg) -> Order | Failure:
    if leg.error:
        return meant(leg.error, is_write=True)
    txid = leg.txid[0] if isinstance(leg.txid, list) and leg.txid else leg.txid
    if not isinstance(txid, str):
        return meant("EGeneral:Internal error:neither id nor error", is_write=True)
    return _taken(request, txid)


def _read_checked(answer: Answer) -> None:
    result_as(answer, dict)


def _read_canceled(answer: Answer) -> Order | None:
    result_as(answer, _Count)
    return None


def _read_canceled_many(count: int, answer: Answer) -> Sequence[Order | Failure | None]:
    result_as(answer, _Count)
    # How many, not which: an order that had ended before is not counted.
    return [None] * count


def _read_amended(answer: Answer) -> Order | None:
    result_as(answer, _Amended)
    return None
