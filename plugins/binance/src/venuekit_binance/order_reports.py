"""What Binance says of an order, read into models: answers to actions and to queries."""

from decimal import Decimal
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
    decimal_from_text,
)
from venuekit_binance.figures import amount, moment_ns, positive

_PHASES: Final = {
    "NEW": OrderPhase.OPEN,
    "PENDING_NEW": OrderPhase.PENDING,
    "PARTIALLY_FILLED": OrderPhase.PARTIALLY_FILLED,
    "FILLED": OrderPhase.FILLED,
    "CANCELED": OrderPhase.CANCELED,
    "REJECTED": OrderPhase.REJECTED,
    "EXPIRED": OrderPhase.EXPIRED,
    "EXPIRED_IN_MATCH": OrderPhase.EXPIRED,
}
_TYPES: Final = {
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS": OrderType.STOP,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT,
    "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT_LIMIT,
}
# A tuple: it is searched by identity, while a set runs the hash of the enum, which is Python.
_UNPRICED: Final = (OrderType.MARKET, OrderType.STOP, OrderType.TAKE_PROFIT)
_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_TIMES: Final = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_REASONS: Final = {
    "INSUFFICIENT_BALANCES": "balance.insufficient",
    "WOULD_MATCH_IMMEDIATELY": "order.would_match",
    "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY": "order.would_trigger",
    "OCO_BAD_PRICES": "order.prices_disagree",
}


class FillRow(msgspec.Struct, rename="camel"):
    """A fill inside the answer to a placement."""

    price: str
    qty: str
    commission: str
    commission_asset: str
    trade_id: int
    alloc_id: int | None = None


class OrderRow(msgspec.Struct, rename="camel", kw_only=True):
    """An order in the answers to placing, canceling and asking; not to amending."""

    symbol: str
    order_id: int
    client_order_id: str
    orig_client_order_id: str = ""
    order_list_id: int = -1
    price: str
    orig_qty: str
    executed_qty: str
    cummulative_quote_qty: str
    orig_quote_order_qty: str = "0"
    status: str
    time_in_force: str
    type: str
    side: str
    stop_price: str = "0"
    pegged_price: str = "0"
    time: int | None = None
    update_time: int | None = None
    transact_time: int | None = None
    expiry_reason: str | None = None
    fills: list[FillRow] = []


def side_of(text: str) -> Side:
    """Read a side; raises ValueError for another word."""
    try:
        return _SIDES[text]
    except KeyError:
        msg = f"side {text[:40]!r}"
        raise ValueError(msg) from None


def type_of(text: str) -> OrderType:
    """Read an order type; raises ValueError for one that is not known."""
    try:
        return _TYPES[text]
    except KeyError:
        msg = f"order type {text[:40]!r}"
        raise ValueError(msg) from None


def phase_of(status: str) -> OrderPhase:
    """Read a status; one that Binance has added since has to be asked for again."""
    return _PHASES.get(status, OrderPhase.UNKNOWN)


def reason_of(status: str, *words: str | None) -> str | None:
    """Say why an order ended, in a code of ours or Binance's own word."""
    if status == "EXPIRED_IN_MATCH":
        return "order.self_trade"
    for word in words:
        if word and word != "NONE":
            return _REASONS.get(word, word)
    return None


def filled_quote_of(text: str) -> Decimal | None:
    """Read the cumulative quote amount; below zero means that Binance does not know it."""
    value = decimal_from_text(text)
    return None if value < 0 else value


def exchange_id(number: int) -> ExchangeOrderId:
    """Read an order id; raises ValueError for one that cannot be."""
    if not 0 <= number < 2**63:
        msg = f"order id {number}"
        raise ValueError(msg)
    return ExchangeOrderId(str(number))


def trade_id_text(trade_id: int, allocation_id: int | None) -> str:
    """Name a fill; allocations of the smart order router have no trade id.

    Raises:
        ValueError: It has neither id.
    """
    if 0 <= trade_id < 2**63:
        return str(trade_id)
    if trade_id != -1 or allocation_id is None or not 0 <= allocation_id < 2**63:
        msg = "a fill with neither trade id nor allocation id"
        raise ValueError(msg)
    return f"allocation-{allocation_id}"


def order_from_row(row: OrderRow, instrument: Instrument, *, is_new: bool = False) -> Order:
    """Read an order.

    Of the answer to a cancel, `clientOrderId` names the cancel and `origClientOrderId` the order.
    An order just placed (`is_new`) was created when it last changed, unless the answer says when.

    Raises:
        ValueError: It is for another instrument, or a member cannot be understood.
    """
    if row.symbol != instrument.native:
        msg = f"an order of {row.symbol[:40]!r} where one of {instrument.native!r} was asked for"
        raise ValueError(msg)
    kind, side = type_of(row.type), side_of(row.side)
    order_id = exchange_id(row.order_id)
    client_id = row.orig_client_order_id or row.client_order_id
    named = ClientOrderId(client_id) if client_id else None
    quote_quantity = positive(row.orig_quote_order_qty)
    updated = row.transact_time if row.update_time is None else row.update_time
    updated_ns = None if updated is None else moment_ns(updated)
    created_ns = updated_ns if is_new else None
    if row.time is not None:
        created_ns = moment_ns(row.time)
    return Order(
        symbol=instrument.symbol,
        side=side,
        type=kind,
        phase=phase_of(row.status),
        client_order_id=named,
        exchange_order_id=order_id,
        quantity=amount(row.orig_qty) if quote_quantity is None else None,
        quote_quantity=quote_quantity,
        price=None if kind in _UNPRICED else positive(row.price) or positive(row.pegged_price),
        stop_price=positive(row.stop_price),
        time_in_force=time_in_force_of(kind, row.time_in_force),
        post_only=row.type == "LIMIT_MAKER",
        filled=amount(row.executed_qty),
        filled_quote=filled_quote_of(row.cummulative_quote_qty),
        fills=tuple(
            [_fill(fill, instrument, side, order_id, named, updated_ns) for fill in row.fills]
        ),
        list_id=list_id_of(row.order_list_id),
        created_ns=created_ns,
        updated_ns=updated_ns,
        reason=reason_of(row.status, row.expiry_reason),
    )


def list_id_of(number: int) -> str | None:
    """Read the id of the list that an order belongs to; -1 is none."""
    return None if number == -1 else exchange_id(number)


def time_in_force_of(kind: OrderType, text: str) -> TimeInForce | None:
    """Read a time in force; Binance writes GTC also where there is none."""
    return None if kind in _UNPRICED else _TIMES.get(text)


def is_unpriced(kind: OrderType) -> bool:
    """Say whether orders of that type have no limit price."""
    return kind in _UNPRICED


def _fill(
    row: FillRow,
    instrument: Instrument,
    side: Side,
    order_id: ExchangeOrderId,
    client_order_id: ClientOrderId | None,
    time_ns: int | None,
) -> Fill:
    if time_ns is None:
        msg = "fills without a transaction time"
        raise ValueError(msg)
    return Fill(
        symbol=instrument.symbol,
        trade_id=trade_id_text(row.trade_id, row.alloc_id),
        exchange_order_id=order_id,
        client_order_id=client_order_id,
        side=side,
        price=amount(row.price),
        quantity=traded(row.qty),
        fee=Fee(decimal_from_text(row.commission), row.commission_asset),
        # What comes with the answer to a placement traded on arrival.
        liquidity=Liquidity.TAKER,
        time_ns=time_ns,
    )


def traded(text: str) -> Decimal:
    """Read the quantity of a fill, > 0; raises ValueError for anything else."""
    value = amount(text)
    if value == 0:
        msg = "a fill of nothing"
        raise ValueError(msg)
    return value
