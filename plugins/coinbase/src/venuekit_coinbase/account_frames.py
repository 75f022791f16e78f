"""Frames of the channel `user`: orders, told of by their totals; fills are only in the queries.

Source: Coinbase "Advanced Trade WebSocket Channels", June 2026.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from venuekit.model import (
    Instruments,
    Order,
    OrderChange,
    OrderEvent,
    OrderPhase,
    OrderType,
    TimeInForce,
    exact_sum,
)
from venuekit.plugin import FrameEvent, Published
from venuekit_coinbase.calls import value_as
from venuekit_coinbase.figures import amount, positive, some_moment_ns
from venuekit_coinbase.order_reports import client_id, exchange_id, phase_of, reason_of, side_of

ACCOUNT: Final = "account"
"""Key of the one subscription."""
_TIMES: Final = {
    "GOOD_UNTIL_DATE_TIME": TimeInForce.GTD,
    "GOOD_UNTIL_CANCELLED": TimeInForce.GTC,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
}


class _Row(msgspec.Struct, kw_only=True):
    order_id: str
    product_id: str
    status: str
    client_order_id: str | None = None
    order_side: str = ""
    order_type: str = ""
    cumulative_quantity: str = "0"
    leaves_quantity: str = ""
    filled_value: str = ""
    limit_price: str = ""
    stop_price: str = ""
    post_only: str | bool = False
    time_in_force: str = ""
    creation_time: str | None = None
    cancel_reason: str | None = None
    reject_reason: str | None = None
    reject_Reason: str | None = None  # noqa: N815  # written so in one table


class _Orders(msgspec.Struct):
    orders: list[_Row] = []


def read_user_events(events: Sequence[Any], instruments: Instruments) -> Iterable[FrameEvent]:
    """Say what the events of a frame mean; raises ValueError if that is not clear."""
    for event in value_as(events, list[_Orders]):
        for row in event.orders:
            # What the listing lacks is no spot product, or was skipped and reported there.
            if instruments.knows_native(row.product_id):
                yield Published(key=ACCOUNT, event=_order_event(row, instruments))


def _order_event(row: _Row, instruments: Instruments) -> OrderEvent | OrderChange:
    """Read an order: wholly while a limit order is open, else as a change.

    At its end `leaves_quantity` is zero however little was filled, which hides what was asked for.
    Moments are left out: a frame's is when it was sent, which would pass for later than the
    queries' moments of the same change.
    """
    instrument = instruments.native(row.product_id)
    filled = amount(row.cumulative_quantity or "0")
    phase = phase_of(row.status, has_filled=bool(filled))
    filled_quote = positive(row.filled_value) if filled else None
    price = positive(row.limit_price)
    leaves = positive(row.leaves_quantity)
    is_resting = phase in {OrderPhase.OPEN, OrderPhase.PENDING, OrderPhase.PARTIALLY_FILLED}
    if not is_resting or leaves is None or price is None or row.order_type.casefold() != "limit":
        return OrderChange(
            exchange_order_id=exchange_id(row.order_id),
            client_order_id=client_id(row.client_order_id),
            symbol=instrument.symbol,
            phase=None if phase is OrderPhase.UNKNOWN else phase,
            price=price,
            stop_price=positive(row.stop_price),
            filled=filled,
            filled_quote=filled_quote,
            reason=_reason(row, phase),
        )
    order = Order(
        symbol=instrument.symbol,
        side=side_of(row.order_side),
        type=OrderType.LIMIT,
        phase=phase,
        client_order_id=client_id(row.client_order_id),
        exchange_order_id=exchange_id(row.order_id),
        quantity=_whole(filled, leaves),
        price=price,
        time_in_force=_TIMES.get(row.time_in_force),
        post_only=row.post_only in {True, "true"},
        filled=filled,
        filled_quote=filled_quote,
        created_ns=some_moment_ns(row.creation_time),
    )
    return OrderEvent(order=order)


def _whole(filled: Decimal, leaves: Decimal) -> Decimal:
    return exact_sum((filled, leaves))


def _reason(row: _Row, phase: OrderPhase) -> str | None:
    rejected = row.reject_reason or row.reject_Reason
    return reason_of(phase, rejected, rejected, row.cancel_reason)
