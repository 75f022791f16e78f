"""Placing and canceling.

A placement is answered for before the order is matched: it may be rejected, filled or canceled a
moment later. A cancel is answered with the order's id. What becomes of an order, the stream and
the queries tell.
Source: Coinbase Exchange API reference, "Create a new order", "Cancel an order", "Cancel all
orders", 2026.
"""

import functools
from collections.abc import Generator, Sequence
from typing import Any, Final

import attrs

from venuekit.model import Instrument, Order, OrderRef, OrderRequest
from venuekit.plugin import Answer, Call, Cancel, CancelAll, CancelEverything, Place, read_json
from venuekit_coinbase.calls import answer_as
from venuekit_coinbase.exchange.calls import delete, post_order
from venuekit_coinbase.exchange.order_fields import order_body
from venuekit_coinbase.exchange.order_reports import OrderRow, order_from_row
from venuekit_coinbase.exchange.queries import OrderQueries, name_of
from venuekit_coinbase.order_reports import exchange_id

_MOST_ROUNDS: Final = 10


class Orders(OrderQueries, Place, Cancel, CancelAll, CancelEverything):
    """Places and cancels orders on Coinbase Exchange."""

    def place(self, request: OrderRequest, instrument: Instrument) -> Call[Order]:
        """Place an order; the answer is the order as it is before it is matched.

        The same once more makes a second order.

        Raises:
            ValueError: Coinbase Exchange does not have what is asked for.
        """
        return post_order(
            order_body(request, instrument),
            functools.partial(_read_placed, request, instrument),
            request.client_order_id,
        )

    def cancel(self, ref: OrderRef, instrument: Instrument) -> Call[Order | None]:
        """Cancel one order, by either id.

        Raises:
            ValueError: Only its client order id is known, and that is none that Coinbase keeps.
        """
        return delete(
            "cancel order",
            f"/orders/{name_of(ref)}",
            (("product_id", instrument.native),),
            _read_taken,
            client_order_id=ref.client_order_id,
        )

    def cancel_all(
        self, instrument: Instrument
    ) -> Generator[Call[Any], Any, Sequence[Order | OrderRef]]:
        """Cancel everything open on a product, again until nothing more is found."""
        names = yield from _swept((("product_id", instrument.native),))
        return [
            OrderRef(symbol=instrument.symbol, exchange_order_id=exchange_id(name))
            for name in names
        ]

    def cancel_everything(self) -> Generator[Call[Any], Any, int | None]:
        """Cancel everything open of the key's profile, again until nothing more is found."""
        names = yield from _swept(())
        return len(names)


def _swept(pairs: Sequence[tuple[str, str]]) -> Generator[Call[Any], Any, Sequence[str]]:
    """Cancel all, best effort as it is, until a round cancels nothing new; give the ids."""
    found: dict[str, None] = {}
    for _ in range(_MOST_ROUNDS):
        names: Sequence[str] = yield delete("cancel orders", "/orders", pairs, _read_names)
        new = [name for name in names if name not in found]
        found |= dict.fromkeys(new)
        if not new:
            break
    return list(found)


def _read_names(answer: Answer) -> Sequence[str]:
    return answer_as(answer, list[str])


def _read_placed(request: OrderRequest, instrument: Instrument, answer: Answer) -> Order:
    row = answer_as(answer, OrderRow)
    if row.product_id != instrument.native or row.side != request.side.value:
        msg = f"another order was answered for: {row.side[:10]!r} on {row.product_id[:40]!r}"
        raise ValueError(msg)
    # The id is ours, whatever has become of it over there.
    return attrs.evolve(
        order_from_row(row, instrument),
        client_order_id=request.client_order_id,
        type=request.type,
    )


def _read_taken(answer: Answer) -> Order | None:
    if not isinstance(read_json(answer.body), str):
        msg = "a cancel that is answered without the order's id"
        raise ValueError(msg)  # noqa: TRY004  # what is wrong is the JSON that came in
    return None
