"""Messages of the channel `user`: the life of the profile's orders, step by step.

Source: Coinbase Exchange "WebSocket channels", 2026.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from venuekit.model import (
    Fill,
    Instrument,
    Liquidity,
    Order,
    OrderChange,
    OrderEvent,
    OrderPhase,
    Side,
)
from venuekit.plugin import FrameEvent, Published
from venuekit_coinbase.calls import value_as
from venuekit_coinbase.exchange.order_reports import ended_as, kind_of, side_of
from venuekit_coinbase.figures import amount, moment_ns, positive, some_moment_ns
from venuekit_coinbase.order_reports import client_id, exchange_id

ACCOUNT: Final = "account"
"""Key of the one subscription."""
TYPES: Final = frozenset({"received", "open", "done", "match", "change", "activate"})


class _Step(msgspec.Struct, kw_only=True):
    order_id: str
    side: str
    time: str | None = None
    timestamp: str | None = None
    """Of `activate`: seconds, with a fraction."""
    order_type: str = "limit"
    client_oid: str | None = None
    size: str | None = None
    funds: str | None = None
    price: str | None = None
    stop_price: str | None = None
    reason: str = ""


class _Match(msgspec.Struct, kw_only=True):
    trade_id: int
    maker_order_id: str
    taker_order_id: str
    side: str
    """The maker's."""
    size: str
    price: str
    time: str
    user_id: str | None = None
    taker_user_id: str | None = None
    maker_user_id: str | None = None


def read_user_message(message: Any, instrument: Instrument) -> Iterable[FrameEvent]:
    """Say what a message means; raises ValueError if that is not clear."""
    kind = message["type"]
    if kind == "match":
        return _match(value_as(message, _Match), instrument)
    step = value_as(message, _Step)
    reader = _STEPS[kind]
    event = reader(step, instrument)
    return (Published(key=ACCOUNT, event=event),)


def _received(step: _Step, instrument: Instrument) -> OrderEvent:
    """Read an order that was taken; what follows says what becomes of it."""
    side = side_of(step.side)
    quantity = positive(step.size)
    return OrderEvent(
        order=Order(
            symbol=instrument.symbol,
            side=side,
            type=kind_of(step.order_type, None, side),
            phase=OrderPhase.OPEN,
            client_order_id=client_id(step.client_oid),
            exchange_order_id=exchange_id(step.order_id),
            quantity=quantity,
            quote_quantity=None if quantity else positive(step.funds),
            price=positive(step.price),
            updated_ns=some_moment_ns(step.time),
        )
    )


def _opened(step: _Step, instrument: Instrument) -> OrderChange:
    return _change(step, instrument, OrderPhase.OPEN)


def _done(step: _Step, instrument: Instrument) -> OrderChange:
    if not step.reason:
        msg = "an order that is done, and not why"
        raise ValueError(msg)
    return _change(step, instrument, ended_as(step.reason))


def _changed(step: _Step, instrument: Instrument) -> OrderChange:
    """Take note that an order has shrunk; by how much of what was asked for, it does not say."""
    return _change(step, instrument, None)


def _change(step: _Step, instrument: Instrument, phase: OrderPhase | None) -> OrderChange:
    return OrderChange(
        exchange_order_id=exchange_id(step.order_id),
        symbol=instrument.symbol,
        phase=phase,
        updated_ns=some_moment_ns(step.time),
    )


_STEPS: Final[dict[str, Callable[[_Step, Instrument], OrderEvent | OrderChange]]] = {
    "received": _received,
    "open": _opened,
    # A stop that waits from now on.
    "activate": _opened,
    "done": _done,
    "change": _changed,
}


def _match(match: _Match, instrument: Instrument) -> Iterable[FrameEvent]:
    """Read a trade of the profile's, on the side or sides that are its own.

    Its fee is left out: what the feed has is a rate, and what was taken is in the queries.
    """
    maker = side_of(match.side)
    taker = Side.SELL if maker is Side.BUY else Side.BUY
    is_known = match.taker_user_id is not None or match.maker_user_id is not None
    for order_id, side, liquidity, user_id in (
        (match.maker_order_id, maker, Liquidity.MAKER, match.maker_user_id),
        (match.taker_order_id, taker, Liquidity.TAKER, match.taker_user_id),
    ):
        if is_known and user_id is None:
            continue  # somebody else's
        fill = Fill(
            symbol=instrument.symbol,
            trade_id=str(match.trade_id),
            exchange_order_id=exchange_id(order_id),
            side=side,
            price=amount(match.price),
            quantity=amount(match.size),
            liquidity=liquidity,
            time_ns=moment_ns(match.time),
        )
        change = OrderChange(
            exchange_order_id=fill.exchange_order_id,
            symbol=instrument.symbol,
            updated_ns=fill.time_ns,
            fill=fill,
        )
        yield Published(key=ACCOUNT, event=change)
