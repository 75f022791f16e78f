"""Frames of the private channels: `executions` and `balances`.

The first event of an order tells all of it; later ones leave out what has not changed.
Source: Kraken API Center, websocket-v2 "Executions" and "Balances", June 2026.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec

from venuekit.model import (
    BalanceDelta,
    Fee,
    Fill,
    Instrument,
    Liquidity,
    Order,
    OrderChange,
    OrderEvent,
    OrderPhase,
    OrderType,
    TimeInForce,
)
from venuekit.plugin import FrameEvent, Numbered, Published
from venuekit_kraken.calls import value_as
from venuekit_kraken.figures import amount, moment_ns, positive, signed
from venuekit_kraken.naming import PairNames, asset_name
from venuekit_kraken.order_reports import KINDS, SIDES, client_id, exchange_id, word

ACCOUNT: Final = "account"
"""Key of the one subscription."""
_PHASES: Final = {
    "pending_new": OrderPhase.PENDING,
    "new": OrderPhase.OPEN,
    "partially_filled": OrderPhase.PARTIALLY_FILLED,
    "filled": OrderPhase.FILLED,
    "canceled": OrderPhase.CANCELED,
    "expired": OrderPhase.EXPIRED,
}
_TIMES: Final = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "GTD": TimeInForce.GTD}
_LIQUIDITY: Final = {"m": Liquidity.MAKER, "t": Liquidity.TAKER}
_MOVES: Final = frozenset({"deposit", "withdrawal", "transfer"})
"""Ledger lines that no order explains."""


class _Fee(msgspec.Struct):
    asset: str
    qty: Any


class _Trigger(msgspec.Struct):
    price: Any = None
    price_type: str = "static"
    actual_price: Any = None


class _Row(msgspec.Struct, kw_only=True):
    exec_type: str
    order_id: str
    order_status: str
    timestamp: str
    cl_ord_id: str | None = None
    symbol: str | None = None
    side: str | None = None
    order_type: str | None = None
    order_qty: Any = None
    cash_order_qty: Any = None
    limit_price: Any = None
    triggers: _Trigger | None = None
    time_in_force: str | None = None
    post_only: bool = False
    cum_qty: Any = None
    cum_cost: Any = None
    reason: str | None = None
    exec_id: str | None = None
    last_qty: Any = None
    last_price: Any = None
    liquidity_ind: str | None = None
    fees: list[_Fee] = []


class _Line(msgspec.Struct, kw_only=True):
    asset: str
    type: str
    amount: Any
    timestamp: str


def read_account_frame(
    channel: str, kind: str, data: Any, sequence: int | None, names: PairNames
) -> Iterable[FrameEvent]:
    """Say what a frame of a private channel means; raises ValueError if that is not clear."""
    if sequence is not None:
        yield Numbered(number=sequence, key=channel)
    if channel == "executions":
        for row in value_as(data, list[_Row]):
            yield Published(key=ACCOUNT, event=_order_event(row, names))
    elif kind == "update":
        # Totals, and nothing of what is held for orders: only what no order explains is told.
        for line in value_as(data, list[_Line]):
            if line.type in _MOVES:
                delta = BalanceDelta(
                    asset=asset_name(line.asset),
                    amount=signed(line.amount),
                    time_ns=moment_ns(line.timestamp),
                )
                yield Published(key=ACCOUNT, event=delta)


def _order_event(row: _Row, names: PairNames) -> OrderEvent | OrderChange:
    instrument = None if row.symbol is None else names.of(row.symbol)
    filled = None if row.cum_qty is None else amount(row.cum_qty)
    filled_quote = None if row.cum_cost is None else amount(row.cum_cost)
    quantity = positive(row.order_qty)
    phase = _PHASES.get(row.order_status, OrderPhase.UNKNOWN)
    if phase is OrderPhase.PARTIALLY_FILLED and quantity is not None and filled == quantity:
        phase = OrderPhase.FILLED  # the fill that completes still says partly
    fill = None if instrument is None else _fill(row, instrument)
    trigger = None if row.triggers is None else _trigger_price(row.triggers)
    is_whole = row.order_type is not None and row.side is not None
    if instrument is None or not is_whole or (quantity is None and row.cash_order_qty is None):
        return OrderChange(
            exchange_order_id=exchange_id(row.order_id),
            client_order_id=client_id(row.cl_ord_id),
            symbol=None if instrument is None else instrument.symbol,
            phase=phase,
            quantity=quantity,
            price=positive(row.limit_price),
            stop_price=trigger,
            filled=filled,
            filled_quote=filled_quote,
            updated_ns=moment_ns(row.timestamp),
            reason=row.reason if phase.is_final else None,
            fill=fill,
        )
    kind: OrderType = word(KINDS, str(row.order_type), "order type")
    order = Order(
        symbol=instrument.symbol,
        side=word(SIDES, str(row.side), "side"),
        type=kind,
        phase=phase,
        client_order_id=client_id(row.cl_ord_id),
        exchange_order_id=exchange_id(row.order_id),
        quantity=quantity,
        quote_quantity=positive(row.cash_order_qty),
        price=positive(row.limit_price),
        stop_price=trigger,
        time_in_force=_TIMES.get(row.time_in_force or ""),
        post_only=row.post_only,
        filled=amount(0) if filled is None else filled,
        filled_quote=filled_quote,
        updated_ns=moment_ns(row.timestamp),
        reason=row.reason if phase.is_final else None,
    )
    return OrderEvent(order=order, fill=fill)


def _trigger_price(trigger: _Trigger) -> Decimal | None:
    """Give where it triggers; of what trails, `price` is the distance."""
    is_distance = trigger.price_type != "static"
    return positive(trigger.actual_price if is_distance else trigger.price)


def _fill(row: _Row, instrument: Instrument) -> Fill | None:
    if row.exec_type != "trade" or row.exec_id is None or row.side is None:
        return None
    fee = None
    if len(row.fees) == 1:
        fee = Fee(signed(row.fees[0].qty), asset_name(row.fees[0].asset))
    return Fill(
        symbol=instrument.symbol,
        trade_id=str(exchange_id(row.exec_id)),
        exchange_order_id=exchange_id(row.order_id),
        client_order_id=client_id(row.cl_ord_id),
        side=word(SIDES, row.side, "side"),
        price=amount(row.last_price),
        quantity=amount(row.last_qty),
        fee=fee,
        liquidity=_LIQUIDITY.get(row.liquidity_ind or ""),
        time_ns=moment_ns(row.timestamp),
    )
