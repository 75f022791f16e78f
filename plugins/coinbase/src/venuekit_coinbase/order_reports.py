"""What Coinbase says of orders and fills over REST, read into models.

Source: Coinbase Advanced Trade API reference, "Get Order", "List Orders", "List Fills", June 2026.
"""

import re
from typing import Final

import msgspec

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Fee,
    Fill,
    Instrument,
    Liquidity,
    Order,
    OrderPhase,
    OrderType,
    Side,
    TimeInForce,
    on_grid,
)
from venuekit.plugin import clean
from venuekit_coinbase.figures import amount, moment_ns, positive, signed, some_moment_ns
from venuekit_coinbase.order_fields import UP, worst_price

SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_PHASES: Final = {
    "PENDING": OrderPhase.PENDING,
    "QUEUED": OrderPhase.PENDING,
    "OPEN": OrderPhase.OPEN,
    "CANCEL_QUEUED": OrderPhase.OPEN,
    "EDIT_QUEUED": OrderPhase.OPEN,
    "FILLED": OrderPhase.FILLED,
    "CANCELLED": OrderPhase.CANCELED,
    "EXPIRED": OrderPhase.EXPIRED,
    "FAILED": OrderPhase.REJECTED,
}
_TIMES: Final = {
    "GOOD_UNTIL_DATE_TIME": TimeInForce.GTD,
    "GOOD_UNTIL_CANCELLED": TimeInForce.GTC,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
}
_REASONS: Final = {
    "HOLD_FAILURE": "balance.insufficient",
    "REJECT_REASON_INSUFFICIENT_FUNDS": "balance.insufficient",
    "TOO_MANY_OPEN_ORDERS": "order.too_many_open",
    "RATE_LIMIT_EXCEEDED": "limit.orders",
}
_LIQUIDITY: Final = {"MAKER": Liquidity.MAKER, "TAKER": Liquidity.TAKER}
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class _Edit(msgspec.Struct):
    price: str = ""
    size: str = ""
    replace_accept_timestamp: str = ""


class _Configuration(msgspec.Struct):
    """What is inside the one key of `order_configuration`."""

    base_size: str | None = None
    quote_size: str | None = None
    limit_price: str | None = None
    stop_price: str | None = None
    stop_direction: str | None = None
    stop_trigger_price: str | None = None
    min_price: str | None = None
    max_price: str | None = None
    post_only: bool = False


class OrderRow(msgspec.Struct, kw_only=True):
    """An order in the answers to queries."""

    order_id: str
    product_id: str
    side: str
    status: str
    client_order_id: str | None = None
    order_configuration: dict[str, _Configuration] | None = None
    time_in_force: str = ""
    created_time: str | None = None
    filled_size: str = "0"
    filled_value: str = ""
    order_type: str = ""
    reject_reason: str | None = None
    reject_message: str | None = None
    cancel_message: str | None = None
    last_fill_time: str | None = None
    last_update_time: str | None = None
    edit_history: list[_Edit] | None = None


class FillRow(msgspec.Struct, kw_only=True):
    """An execution."""

    entry_id: str
    order_id: str
    product_id: str
    trade_time: str
    price: str
    size: str
    side: str
    trade_type: str = "FILL"
    commission: str | None = None
    liquidity_indicator: str = ""
    size_in_quote: bool = False


def client_id(text: str | None) -> ClientOrderId | None:
    """Read a client order id; whoever else trades on the account may write any text."""
    return ClientOrderId(clean(text)) if text else None


def exchange_id(text: str) -> ExchangeOrderId:
    """Read an order or entry id; raises ValueError for one that cannot be."""
    if _ID.fullmatch(text) is None:
        msg = f"id {text[:40]!r}"
        raise ValueError(msg)
    return ExchangeOrderId(text)


def side_of(text: object) -> Side:
    """Read a side; raises ValueError."""
    if not isinstance(text, str) or text not in SIDES:
        msg = f"side {str(text)[:40]!r}"
        raise ValueError(msg)
    return SIDES[text]


def phase_of(status: str, *, has_filled: bool) -> OrderPhase:
    """Read a status; a request that is under way changes nothing before it is done."""
    phase = _PHASES.get(status, OrderPhase.UNKNOWN)
    if has_filled and phase in {OrderPhase.OPEN, OrderPhase.PENDING}:
        return OrderPhase.PARTIALLY_FILLED
    if has_filled and phase is OrderPhase.REJECTED:
        return OrderPhase.CANCELED  # what has traded was no refusal
    return phase


def reason_of(phase: OrderPhase, reject_reason: str | None, *texts: str | None) -> str | None:
    """Say why an order ended: in our words if there are any, else in Coinbase's."""
    if phase not in {OrderPhase.REJECTED, OrderPhase.CANCELED, OrderPhase.EXPIRED}:
        return None
    known = _REASONS.get(reject_reason or "")
    return known or next((clean(text) for text in texts if text), None)


def order_from_row(row: OrderRow, instrument: Instrument) -> Order:
    """Read an order; raises ValueError if it cannot be understood."""
    name, said = next(iter((row.order_configuration or {}).items()), ("", _Configuration()))
    side = side_of(row.side)
    filled = amount(row.filled_size or "0")
    phase = phase_of(row.status, has_filled=bool(filled))
    quantity = positive(said.base_size)
    price = positive(said.limit_price) or positive(getattr(said, worst_price(side)))
    # Whether the configuration follows an edit is not documented; the history of edits does.
    for edit in row.edit_history or ():
        if edit.replace_accept_timestamp:
            quantity = positive(edit.size) or quantity
            price = positive(edit.price) or price
    return Order(
        symbol=instrument.symbol,
        side=side,
        type=_kind(name, said, side, row.order_type),
        phase=phase,
        client_order_id=client_id(row.client_order_id),
        exchange_order_id=exchange_id(row.order_id),
        quantity=quantity,
        quote_quantity=positive(said.quote_size),
        price=price,
        stop_price=positive(said.stop_price) or positive(said.stop_trigger_price),
        time_in_force=_TIMES.get(row.time_in_force),
        post_only=said.post_only,
        filled=filled,
        filled_quote=positive(row.filled_value) if filled else None,
        created_ns=some_moment_ns(row.created_time),
        updated_ns=some_moment_ns(row.last_update_time),
        reason=reason_of(phase, row.reject_reason, row.reject_message, row.cancel_message),
    )


def _kind(name: str, said: _Configuration, side: Side, order_type: str) -> OrderType:
    """Say what an order is; brackets, TWAPs and scaled orders are limit orders to the model."""
    if name.startswith("stop_limit") or order_type == "STOP_LIMIT":
        if said.stop_direction is None:
            return OrderType.STOP_LIMIT
        is_against = (said.stop_direction == UP) is (side is Side.BUY)
        return OrderType.STOP_LIMIT if is_against else OrderType.TAKE_PROFIT_LIMIT
    if order_type == "STOP":
        return OrderType.STOP
    is_market = name.startswith("market") if name else order_type not in {"LIMIT", "BRACKET"}
    return OrderType.MARKET if is_market else OrderType.LIMIT


def fill_from_row(row: FillRow, instrument: Instrument) -> Fill:
    """Read an execution; its fee is in the quote asset. Raises ValueError."""
    price, quantity = amount(row.price), amount(row.size)
    if row.size_in_quote and price:
        # What was traded is a multiple of the step, which the division loses.
        quantity = on_grid(quantity / price, instrument.quantity.step, rounding="nearest")
    if not quantity or not price:
        msg = f"execution {row.entry_id[:40]!r} of nothing"
        raise ValueError(msg)
    return Fill(
        symbol=instrument.symbol,
        trade_id=str(exchange_id(row.entry_id)),
        exchange_order_id=exchange_id(row.order_id),
        side=side_of(row.side),
        price=price,
        quantity=quantity,
        fee=Fee(signed(row.commission), instrument.quote) if row.commission else None,
        liquidity=_LIQUIDITY.get(row.liquidity_indicator),
        time_ns=moment_ns(row.trade_time),
    )
