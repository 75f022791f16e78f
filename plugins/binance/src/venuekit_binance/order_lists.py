"""Orders that Binance governs together: OCO, OTO, OTOCO.

Source: Binance Spot `rest-api.md` "Order lists", 2026-07-21.
"""

import functools
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from venuekit.model import (
    ClientOrderId,
    Instrument,
    ListKind,
    OrderList,
    OrderListRequest,
    OrderRef,
    OrderRequest,
    OrderType,
    Side,
)
from venuekit.plugin import Answer, Call, CallKind, OrderLists, read_json
from venuekit_binance.calls import Listed, private, value_as, write
from venuekit_binance.order_fields import client_id_text, order_pairs
from venuekit_binance.order_reports import OrderRow, exchange_id, order_from_row
from venuekit_binance.orders import FULL

_LEGS: Final = {ListKind.OCO: 2, ListKind.OTO: 2, ListKind.OTOCO: 3}
_STOPS: Final = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_SHARED: Final = frozenset({"symbol", "side", "quantity", "selfTradePreventionMode"})

Pairs = list[tuple[str, str]]


class _Leg(msgspec.Struct, rename="camel"):
    symbol: str
    order_id: int
    client_order_id: str


class _ListRow(msgspec.Struct, rename="camel", kw_only=True):
    order_list_id: int
    contingency_type: str
    list_order_status: str
    list_client_order_id: str
    symbol: str
    orders: list[_Leg]
    order_reports: list[OrderRow] = []


class Lists(OrderLists, Listed):
    """Places and cancels order lists, and answers for them."""

    def place_list(self, request: OrderListRequest, instrument: Instrument) -> Call[OrderList]:
        """Place a list; every leg has its client order id.

        The legs of an OCO are put above and below the market by their side and type: a limit
        (post-only) or take-profit leg to one side, a stop leg to the other.

        Raises:
            ValueError: The legs do not make such a list.
        """
        list_id = client_id_text(request.client_list_id)
        if len(request.legs) != _LEGS[request.kind]:
            msg = f"{request.kind.name} takes {_LEGS[request.kind]} legs, not {len(request.legs)}"
            raise ValueError(msg)
        pairs: Pairs = [("symbol", instrument.native), ("listClientOrderId", list_id)]
        if request.kind is ListKind.OCO:
            first = request.legs[0]
            pairs.append(("side", first.side.name))
            pairs.extend(_only("quantity", first, instrument))
            pairs.extend(_oco_pairs(request.legs, instrument, prefix=""))
        else:
            pairs.extend(_working_pairs(request.legs[0], instrument))
            pairs.extend(_pending_pairs(request.legs[1:], instrument))
        pairs.extend(_shared_mode(request.legs))
        return write(
            f"place {request.kind.name} list",
            CallKind.PLACE,
            "POST",
            f"orderList/{request.kind.value}",
            (*pairs, FULL),
            functools.partial(_read_own_list, list_id, instrument),
            orders=_LEGS[request.kind],
            client_order_id=list_id,
        )

    def cancel_list(self, client_list_id: str, instrument: Instrument) -> Call[OrderList]:
        """Cancel all legs of a list. Its legs keep their ids in the answer, not at Binance."""
        list_id = client_id_text(client_list_id)
        return write(
            "cancel order list",
            CallKind.CANCEL,
            "DELETE",
            "orderList",
            (("symbol", instrument.native), ("listClientOrderId", list_id)),
            functools.partial(_read_own_list, list_id, instrument),
            client_order_id=list_id,
        )

    def fetch_list(self, client_list_id: str) -> Call[OrderList]:
        """Ask for a list by our id; the answer names its legs and does not describe them."""
        return private(
            "fetch order list",
            "orderList",
            (("origClientOrderId", client_id_text(client_list_id)),),
            self._read_list,
            weight=4,
            client_order_id=client_list_id,
        )

    def fetch_open_lists(self) -> Call[Sequence[OrderList]]:
        """Ask for all open lists."""
        return private("fetch open lists", "openOrderList", (), self._read_lists, weight=6)

    def _read_list(self, answer: Answer) -> OrderList:
        return self._list(read_json(answer.body))

    def _read_lists(self, answer: Answer) -> Sequence[OrderList]:
        return [self._list(value) for value in value_as(read_json(answer.body), list)]

    def _list(self, value: Any) -> OrderList:
        row = value_as(value, _ListRow)
        return _list_from_row(row, self._listed(row.symbol))


def _read_own_list(client_list_id: str, instrument: Instrument, answer: Answer) -> OrderList:
    row = value_as(read_json(answer.body), _ListRow)
    if row.list_client_order_id != client_list_id:
        msg = f"the answer describes the list {row.list_client_order_id}, not {client_list_id}"
        raise ValueError(msg)
    return _list_from_row(row, instrument)


def _list_from_row(row: _ListRow, instrument: Instrument) -> OrderList:
    if row.symbol != instrument.native:
        msg = f"a list on {row.symbol[:40]!r} where one on {instrument.native!r} was asked for"
        raise ValueError(msg)
    if row.contingency_type == "OCO":
        kind = ListKind.OCO
    elif row.contingency_type == "OTO":
        # An OTOCO is reported as an OTO with three legs.
        kind = ListKind.OTO if len(row.orders) == 2 else ListKind.OTOCO
    else:
        msg = f"contingency type {row.contingency_type[:40]!r}"
        raise ValueError(msg)
    return OrderList(
        symbol=instrument.symbol,
        kind=kind,
        exchange_list_id=exchange_id(row.order_list_id),
        client_list_id=row.list_client_order_id,
        is_open=row.list_order_status == "EXECUTING",
        orders=tuple(order_from_row(report, instrument) for report in row.order_reports),
        refs=tuple(
            OrderRef(
                symbol=instrument.symbol,
                client_order_id=(
                    ClientOrderId(leg.client_order_id) if leg.client_order_id else None
                ),
                exchange_order_id=exchange_id(leg.order_id),
            )
            for leg in row.orders
        ),
    )


def _only(name: str, leg: OrderRequest, instrument: Instrument) -> Pairs:
    return [pair for pair in order_pairs(leg, instrument) if pair[0] == name]


def _leg_pairs(
    prefix: str, leg: OrderRequest, instrument: Instrument, *, keep: Iterable[str] = ()
) -> Pairs:
    """Write a leg with its prefix; what all legs share is left out but for `keep`."""
    left_out = _SHARED - set(keep)
    return [
        (_prefixed(prefix, "clientOrderId" if name == "newClientOrderId" else name), value)
        for name, value in order_pairs(leg, instrument)
        if name not in left_out
    ]


def _prefixed(prefix: str, name: str) -> str:
    return prefix + name[0].upper() + name[1:]


def _working_pairs(leg: OrderRequest, instrument: Instrument) -> Pairs:
    if leg.type is not OrderType.LIMIT:
        msg = f"the working leg is a limit order on Binance, not {leg.type.value}"
        raise ValueError(msg)
    return _leg_pairs("working", leg, instrument, keep=("side", "quantity"))


def _pending_pairs(legs: Sequence[OrderRequest], instrument: Instrument) -> Pairs:
    first = legs[0]
    if len(legs) == 1:
        if first.quote_quantity is not None:
            msg = "a pending leg takes quantity, not quote_quantity"
            raise ValueError(msg)
        return _leg_pairs("pending", first, instrument, keep=("side", "quantity"))
    return [
        ("pendingSide", first.side.name),
        *(("pendingQuantity", value) for _, value in _only("quantity", first, instrument)),
        *_oco_pairs(legs, instrument, prefix="pending"),
    ]


def _oco_pairs(legs: Sequence[OrderRequest], instrument: Instrument, *, prefix: str) -> Pairs:
    above, below = _above_and_below(legs)
    names = ("above", "below") if not prefix else (f"{prefix}Above", f"{prefix}Below")
    return [
        *_leg_pairs(names[0], above, instrument),
        *_leg_pairs(names[1], below, instrument),
    ]


def _above_and_below(legs: Sequence[OrderRequest]) -> tuple[OrderRequest, OrderRequest]:
    """Tell which leg stands above the market, by side and type, and check it by the prices."""
    one, other = legs
    if one.side is not other.side or one.quantity != other.quantity:
        msg = "the two legs of an OCO have one side and one quantity"
        raise ValueError(msg)
    if (one.type in _STOPS) == (other.type in _STOPS):
        msg = "an OCO pairs a stop leg with a limit or take-profit leg"
        raise ValueError(msg)
    stop, profit = (one, other) if one.type in _STOPS else (other, one)
    if profit.type is OrderType.MARKET or (profit.type is OrderType.LIMIT and not profit.post_only):
        msg = "the limit leg of an OCO is post-only on Binance: say post_only=True"
        raise ValueError(msg)
    above, below = (profit, stop) if stop.side is Side.SELL else (stop, profit)
    high, low = _level(above), _level(below)
    if high is not None and low is not None and high <= low:
        msg = (
            f"prices of the OCO: to {stop.side.value}, the "
            f"{'stop' if above is stop else 'limit'} leg stands above; {high} is not above {low}"
        )
        raise ValueError(msg)
    return above, below


def _level(leg: OrderRequest) -> Decimal | None:
    """Give the price at which a leg comes to life, if it is fixed."""
    return leg.price if leg.type is OrderType.LIMIT else leg.stop_price


def _shared_mode(legs: Sequence[OrderRequest]) -> Pairs:
    modes = {leg.self_trade_prevention for leg in legs}
    if len(modes) > 1:
        msg = "all legs of a list have one self_trade_prevention"
        raise ValueError(msg)
    (mode,) = modes
    return [] if mode is None else [("selfTradePreventionMode", mode.name)]
