"""Frames of the user's stream, which shares its socket with answers of the WebSocket API.

Source: Binance Spot `user-data-stream.md`, `web-socket-api.md`, 2026-07-21.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from venuekit.model import (
    Balance,
    BalanceDelta,
    BalancesEvent,
    ClientOrderId,
    ExchangeOrderId,
    Fee,
    Fill,
    Instrument,
    Liquidity,
    Order,
    OrderEvent,
    Side,
    StreamEvent,
    decimal_from_text,
)
from venuekit.plugin import (
    Acknowledged,
    Closing,
    FrameEvent,
    Published,
    Refused,
    clean,
    read_typed,
)
from venuekit_binance.figures import amount, moment_ns, positive
from venuekit_binance.order_reports import (
    exchange_id,
    filled_quote_of,
    is_unpriced,
    list_id_of,
    phase_of,
    reason_of,
    side_of,
    time_in_force_of,
    trade_id_text,
    traded,
    type_of,
)

ACCOUNT: Final = "account"
"""Key of the one subscription."""

Lookup = Callable[[str], Instrument]

_ALREADY_SUBSCRIBED: Final = -2035


class _Error(msgspec.Struct):
    code: int
    msg: str = ""


class _Reply(msgspec.Struct, kw_only=True):
    id: int | str | None = None
    status: int | None = None
    error: _Error | None = None


class _Frame(_Reply, kw_only=True):
    event: msgspec.Raw = msgspec.Raw()


class _Kind(msgspec.Struct):
    e: str


_KEYS: Final = {
    "symbol": "s",
    "client_id": "c",
    "original_client_id": "C",
    "side": "S",
    "type": "o",
    "time_in_force": "f",
    "quantity": "q",
    "price": "p",
    "stop_price": "P",
    "quote_quantity": "Q",
    "list_id": "g",
    "execution": "x",
    "status": "X",
    "reject_reason": "r",
    "expiry_reason": "eR",
    "order_id": "i",
    "last_quantity": "l",
    "last_price": "L",
    "filled": "z",
    "filled_quote": "Z",
    "fee": "n",
    "fee_asset": "N",
    "time": "T",
    "trade_id": "t",
    "allocation_id": "a",
    "is_maker": "m",
    "created": "O",
    "pegged_price": "gp",
}


class _Report(msgspec.Struct, rename=_KEYS, kw_only=True, tag_field="e", tag="executionReport"):
    """An `executionReport`. Nearly every letter is a key in both cases; these are ours for them."""

    symbol: str
    client_id: str
    original_client_id: str = ""
    side: str
    type: str
    time_in_force: str
    quantity: str
    price: str
    stop_price: str
    quote_quantity: str = "0"
    list_id: int = -1
    execution: str
    status: str
    reject_reason: str = "NONE"
    expiry_reason: str | None = None
    order_id: int
    last_quantity: str
    last_price: str
    filled: str
    filled_quote: str
    fee: str | None = None
    fee_asset: str | None = None
    time: int
    trade_id: int = -1
    allocation_id: int | None = None
    is_maker: bool
    created: int
    pegged_price: str = "0"


class _AssetRow(msgspec.Struct):
    a: str
    f: str
    l: str  # noqa: E741  # the wire's name


class _Position(msgspec.Struct, tag_field="e", tag="outboundAccountPosition"):
    u: int
    B: list[_AssetRow]


class _BalanceUpdate(msgspec.Struct, tag_field="e", tag="balanceUpdate"):
    a: str
    d: str
    T: int


class _Known(_Reply, kw_only=True):
    event: _Report | _Position | _BalanceUpdate


_KINDS: Final = ("executionReport", "outboundAccountPosition", "balanceUpdate")
_KNOWN: Final = msgspec.json.Decoder(_Known)
_FRAME: Final = msgspec.json.Decoder(_Frame)
_KIND: Final = msgspec.json.Decoder(_Kind)


def read_user_frame(frame: str | bytes, lookup: Lookup) -> Iterable[FrameEvent]:
    """Say what a frame of the user's channel means; raises ValueError if that is not clear."""
    try:
        row = read_typed(frame, _KNOWN).event
    except ValueError as fault:
        return _other(frame, fault)
    event: StreamEvent
    if isinstance(row, _Report):
        event = _order_event(row, lookup)
    elif isinstance(row, _Position):
        event = _balances(row)
    else:
        event = _delta(row)
    return (Published(key=ACCOUNT, event=event),)


def _other(frame: str | bytes, fault: ValueError) -> Iterable[FrameEvent]:
    """Say what a frame means that is none of the events we read; `fault` is why it is none."""
    message = read_typed(frame, _FRAME)
    if not bytes(message.event):
        return _reply(message)
    kind = read_typed(message.event, _KIND).e
    if kind in _KINDS:
        raise fault
    if kind in {"serverShutdown", "eventStreamTerminated"}:
        return (Closing(text=kind, is_over=kind == "eventStreamTerminated"),)
    # `listStatus` repeats what the reports of the legs say; `externalLockUpdate` is followed by
    # absolute balances; what Binance adds later is not for us.
    return ()


def _reply(message: _Reply) -> Iterable[FrameEvent]:
    request_id = message.id if isinstance(message.id, int) else None
    if message.status is None:
        msg = "a frame that is neither an event nor a reply"
        raise ValueError(msg)
    error = message.error
    is_good = error is None and 200 <= message.status < 300
    # "Already active" on this very connection is what was asked for.
    if request_id is not None and (
        is_good or (error is not None and error.code == _ALREADY_SUBSCRIBED)
    ):
        return (Acknowledged(request_id=request_id),)
    if is_good:
        return ()
    return (
        Refused(
            request_id=request_id,
            code=str(error.code) if error is not None else f"status {message.status}",
            text=clean(error.msg) if error is not None else "",
        ),
    )


def _order_event(row: _Report, lookup: Lookup) -> OrderEvent:
    instrument = lookup(row.symbol)
    kind, side = type_of(row.type), side_of(row.side)
    order_id = exchange_id(row.order_id)
    # On a cancel or an amendment, `c` names that and `C` the order as it was known before.
    client_id = row.original_client_id or row.client_id
    named = ClientOrderId(client_id) if client_id else None
    quote_quantity = positive(row.quote_quantity)
    order = Order(
        symbol=instrument.symbol,
        side=side,
        type=kind,
        phase=phase_of(row.status),
        client_order_id=named,
        exchange_order_id=order_id,
        quantity=amount(row.quantity) if quote_quantity is None else None,
        quote_quantity=quote_quantity,
        price=None if is_unpriced(kind) else positive(row.price) or positive(row.pegged_price),
        stop_price=positive(row.stop_price),
        time_in_force=time_in_force_of(kind, row.time_in_force),
        post_only=row.type == "LIMIT_MAKER",
        filled=amount(row.filled),
        filled_quote=filled_quote_of(row.filled_quote),
        list_id=list_id_of(row.list_id),
        created_ns=moment_ns(row.created),
        updated_ns=moment_ns(row.time),
        reason=reason_of(row.status, row.reject_reason, row.expiry_reason),
    )
    if row.execution != "TRADE":
        return OrderEvent(order=order)
    return OrderEvent(order=order, fill=_fill(row, instrument, side, order_id, named))


def _fill(
    row: _Report,
    instrument: Instrument,
    side: Side,
    order_id: ExchangeOrderId,
    client_order_id: ClientOrderId | None,
) -> Fill:
    fee = None
    if row.fee is not None and row.fee_asset is not None:
        fee = Fee(decimal_from_text(row.fee), row.fee_asset)
    return Fill(
        symbol=instrument.symbol,
        trade_id=trade_id_text(row.trade_id, row.allocation_id),
        exchange_order_id=order_id,
        client_order_id=client_order_id,
        side=side,
        price=amount(row.last_price),
        quantity=traded(row.last_quantity),
        fee=fee,
        liquidity=Liquidity.MAKER if row.is_maker else Liquidity.TAKER,
        time_ns=moment_ns(row.time),
    )


def _balances(row: _Position) -> BalancesEvent:
    updated_ns = moment_ns(row.u)
    return BalancesEvent(
        balances=tuple(
            Balance(
                asset=asset.a, free=amount(asset.f), locked=amount(asset.l), updated_ns=updated_ns
            )
            for asset in row.B
        ),
        time_ns=updated_ns,
    )


def _delta(row: _BalanceUpdate) -> BalanceDelta:
    return BalanceDelta(asset=row.a, amount=decimal_from_text(row.d), time_ns=moment_ns(row.T))
