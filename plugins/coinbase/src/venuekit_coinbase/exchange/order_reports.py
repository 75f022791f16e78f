"""What Coinbase Exchange says of orders and fills over REST, read into models.

Source: Coinbase Exchange API reference, "Get single order", "Get all orders", "Get all fills".
"""

from typing import Final

import msgspec

from venuekit.model import (
    Fee,
    Fill,
    Instrument,
    Liquidity,
    Order,
    OrderPhase,
    OrderType,
    Side,
)
from venuekit.plugin import clean
from venuekit_coinbase.exchange.error_table import TEXTS
from venuekit_coinbase.exchange.order_fields import TIMES
from venuekit_coinbase.figures import amount, moment_ns, positive, signed, some_moment_ns
from venuekit_coinbase.order_reports import client_id, exchange_id

SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_PHASES: Final = {
    "received": OrderPhase.PENDING,
    "pending": OrderPhase.PENDING,
    "open": OrderPhase.OPEN,
    # A stop that waits: as open as an order can be that does not stand in the book.
    "active": OrderPhase.OPEN,
    "rejected": OrderPhase.REJECTED,
}
_FILLED: Final = "filled"
_TIMES: Final = {text: time for time, text in TIMES.items()}
_LIQUIDITY: Final = {"M": Liquidity.MAKER, "T": Liquidity.TAKER}


class OrderRow(msgspec.Struct, kw_only=True):
    """An order in the answers to placements and queries."""

    id: str
    product_id: str
    side: str
    status: str
    type: str = "limit"
    client_oid: str | None = None
    size: str | None = None
    funds: str | None = None
    specified_funds: str | None = None
    price: str | None = None
    stop: str | None = None
    stop_price: str | None = None
    time_in_force: str = ""
    post_only: bool = False
    filled_size: str = "0"
    executed_value: str | None = None
    created_at: str | None = None
    done_at: str | None = None
    done_reason: str | None = None
    reject_reason: str | None = None


class FillRow(msgspec.Struct, kw_only=True):
    """An execution of one order."""

    trade_id: int
    order_id: str
    product_id: str
    side: str
    price: str
    size: str
    created_at: str
    fee: str | None = None
    liquidity: str = ""


def side_of(text: str) -> Side:
    """Read a side; raises ValueError."""
    if text not in SIDES:
        msg = f"side {text[:40]!r}"
        raise ValueError(msg)
    return SIDES[text]


def kind_of(kind: str, stop: str | None, side: Side) -> OrderType:
    """Say what an order is: a stop has a direction, which is for or against its side."""
    if stop in {"entry", "loss"}:
        is_against = (stop == "entry") is (side is Side.BUY)
        return OrderType.STOP_LIMIT if is_against else OrderType.TAKE_PROFIT_LIMIT
    return OrderType.MARKET if kind == "market" else OrderType.LIMIT


def order_from_row(row: OrderRow, instrument: Instrument) -> Order:
    """Read an order; raises ValueError if it cannot be understood."""
    side = side_of(row.side)
    filled = amount(row.filled_size or "0")
    kind = kind_of(row.type, row.stop, side)
    phase = _phase(row, has_filled=bool(filled))
    # `funds` is what was set aside for it, fee apart; what was asked for is `specified_funds`.
    funds = positive(row.specified_funds) or positive(row.funds)
    quantity = positive(row.size)
    return Order(
        symbol=instrument.symbol,
        side=side,
        type=kind,
        phase=phase,
        client_order_id=client_id(row.client_oid),
        exchange_order_id=exchange_id(row.id),
        quantity=quantity,
        quote_quantity=funds if kind is OrderType.MARKET and quantity is None else None,
        price=None if kind is OrderType.MARKET else positive(row.price),
        stop_price=positive(row.stop_price),
        time_in_force=None if kind is OrderType.MARKET else _TIMES.get(row.time_in_force),
        post_only=row.post_only,
        filled=filled,
        filled_quote=positive(row.executed_value) if filled else None,
        created_ns=some_moment_ns(row.created_at),
        updated_ns=some_moment_ns(row.done_at),
        reason=_reason(row, phase),
    )


def _phase(row: OrderRow, *, has_filled: bool) -> OrderPhase:
    if row.status in {"done", "settled"}:
        return ended_as(row.done_reason or "")
    phase = _PHASES.get(row.status, OrderPhase.UNKNOWN)
    if has_filled and phase in {OrderPhase.OPEN, OrderPhase.PENDING}:
        return OrderPhase.PARTIALLY_FILLED
    return phase


def ended_as(reason: str) -> OrderPhase:
    """Say how an order ended: filled, or canceled for whatever other reason is told."""
    return OrderPhase.FILLED if reason == _FILLED else OrderPhase.CANCELED


def _reason(row: OrderRow, phase: OrderPhase) -> str | None:
    if phase is not OrderPhase.REJECTED or not row.reject_reason:
        return None
    return reason_from(row.reject_reason)


def reason_from(text: str) -> str:
    """Say why an order was rejected: in our words if there are any, else in Coinbase's."""
    lower = text.replace("_", " ").casefold()
    return next((known.reason for words, known in TEXTS if words in lower), clean(text))


def fill_from_row(row: FillRow, instrument: Instrument) -> Fill:
    """Read an execution; its fee is in the quote asset. Raises ValueError."""
    price, quantity = amount(row.price), amount(row.size)
    if not quantity or not price:
        msg = f"execution {row.trade_id} of nothing"
        raise ValueError(msg)
    return Fill(
        symbol=instrument.symbol,
        trade_id=str(row.trade_id),
        exchange_order_id=exchange_id(row.order_id),
        side=side_of(row.side),
        price=price,
        quantity=quantity,
        fee=Fee(signed(row.fee), instrument.quote) if row.fee else None,
        liquidity=_LIQUIDITY.get(row.liquidity),
        time_ns=moment_ns(row.created_at),
    )
