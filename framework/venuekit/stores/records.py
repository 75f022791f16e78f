"""Orders, fills and requests as text for the database: JSON, amounts as their digits."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs
import msgspec

from venuekit.model import ClientOrderId, Fill, Order, OrderPhase, OrderRequest


def _plain_mapping(value: Any) -> Any:
    if isinstance(value, (MappingProxyType, Mapping)):  # the likely one first: it is quicker
        return dict(value)
    msg = f"a {type(value).__name__} has no place in the journal"
    raise TypeError(msg)


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_plain_mapping)
_ORDER: Final = msgspec.json.Decoder(Order)
_FILL: Final = msgspec.json.Decoder(Fill)
_REQUEST: Final = msgspec.json.Decoder(OrderRequest)


def text_from_order(order: Order) -> str:
    """Write an order without its fills, which have a table of their own."""
    return _ENCODER.encode(attrs.evolve(order, fills=()) if order.fills else order).decode()


def order_from_text(text: str) -> Order:
    """Read an order back; raises ValueError."""
    return _ORDER.decode(text)


def text_from_fill(fill: Fill) -> str:
    """Write a fill."""
    return _ENCODER.encode(fill).decode()


def fill_from_text(text: str) -> Fill:
    """Read a fill back; raises ValueError."""
    return _FILL.decode(text)


def text_from_request(request: OrderRequest) -> str:
    """Write a request."""
    return _ENCODER.encode(request).decode()


def request_from_text(text: str) -> OrderRequest:
    """Read a request back; raises ValueError."""
    return _REQUEST.decode(text)


def order_from_request(
    request: OrderRequest, client_order_id: ClientOrderId, created_ns: int
) -> Order:
    """Give the order that a request asks for, before anything is known of it."""
    return Order(
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        phase=OrderPhase.PREPARED,
        client_order_id=client_order_id,
        quantity=request.quantity,
        quote_quantity=request.quote_quantity,
        price=request.price,
        stop_price=request.stop_price,
        time_in_force=request.time_in_force,
        post_only=request.post_only,
        created_ns=created_ns,
    )
