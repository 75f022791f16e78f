"""Placing, checking, canceling and amending single orders.

Source: Binance Spot `rest-api.md` "Trading endpoints", `faqs/order_amend_keep_priority.md`,
2026-07-21.
"""

import functools
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from venuekit.model import Instrument, Order, OrderRef, OrderRequest
from venuekit.plugin import (
    Amend,
    Answer,
    Call,
    CallKind,
    Cancel,
    CancelAll,
    Place,
    Validate,
    read_json,
)
from venuekit_binance.calls import answer_as, value_as, write
from venuekit_binance.order_fields import client_id_text, number_text, order_pairs
from venuekit_binance.order_reports import OrderRow, order_from_row

FULL: Final = ("newOrderRespType", "FULL")
"""Always asked for: by default stop orders are answered without a status."""


class _AmendedRow(msgspec.Struct, rename="camel", kw_only=True):
    """The order in the answer to an amendment, whose members are spelled differently."""

    symbol: str
    order_id: int
    client_order_id: str
    order_list_id: int = -1
    price: str
    qty: str
    executed_qty: str
    quote_order_qty: str = "0"
    cumulative_quote_qty: str
    status: str
    time_in_force: str
    type: str
    side: str
    stop_price: str = "0"
    expiry_reason: str | None = None


class _Amendment(msgspec.Struct, rename="camel"):
    transact_time: int
    amended_order: _AmendedRow


class Orders(Place, Validate, Cancel, CancelAll, Amend):
    """Acts on single orders. Every action carries `recvWindow=2000`."""

    def place(self, request: OrderRequest, instrument: Instrument) -> Call[Order]:
        """Place an order of any type.

        `options` may have `strategyId`, `strategyType`, `pegPriceType`, `pegOffsetType` and
        `pegOffsetValue`.

        Raises:
            ValueError: It asks for something that Binance does not have; every reason is named.
        """
        return write(
            "place order",
            CallKind.PLACE,
            "POST",
            "order",
            (*order_pairs(request, instrument), FULL),
            functools.partial(read_placed, request, instrument),
            orders=1,
            client_order_id=request.client_order_id,
        )

    def validate(self, request: OrderRequest, instrument: Instrument) -> Call[None]:
        """Have the exchange check an order that is then not placed; it costs no order count."""
        return write(
            "check order",
            CallKind.PRIVATE_READ,
            "POST",
            "order/test",
            (*order_pairs(request, instrument), FULL),
            _read_nothing,
            is_free=False,
            client_order_id=request.client_order_id,
        )

    def cancel(self, ref: OrderRef, instrument: Instrument) -> Call[Order]:
        """Cancel one order; reads its last state.

        Binance renames a canceled order to the id of the cancel; the order's own id is sent as
        that, so that the order is still found by it. Canceling one leg of a list cancels the
        list; the leg is read.
        """
        pairs = [("symbol", instrument.native), *order_id_pairs(ref)]
        if ref.client_order_id is not None:
            pairs.append(("newClientOrderId", client_id_text(ref.client_order_id)))
        return write(
            "cancel order",
            CallKind.CANCEL,
            "DELETE",
            "order",
            pairs,
            functools.partial(_read_canceled, ref, instrument),
            client_order_id=ref.client_order_id,
        )

    def cancel_all(self, instrument: Instrument) -> Call[Sequence[Order]]:
        """Cancel everything open on `instrument`, lists too; none if nothing was open."""
        return write(
            "cancel all orders",
            CallKind.CANCEL,
            "DELETE",
            "openOrders",
            (("symbol", instrument.native),),
            functools.partial(_read_all_canceled, instrument),
        )

    def amend(
        self,
        ref: OrderRef,
        instrument: Instrument,
        *,
        quantity: Decimal | None,
        price: Decimal | None,
    ) -> Call[Order]:
        """Make an open order smaller; it keeps its place in the queue, and its ids.

        Binance gives an amended order a random client order id unless one is sent.

        Raises:
            ValueError: A price was given, no quantity was given, or the client order id is not
                known.
        """
        if price is not None or quantity is None:
            msg = "Binance amends the quantity only; to change the price, replace the order"
            raise ValueError(msg)
        if ref.client_order_id is None:
            msg = "amending needs the client order id: without it Binance would give a new one"
            raise ValueError(msg)
        return write(
            "amend order",
            CallKind.AMEND,
            "PUT",
            "order/amend/keepPriority",
            (
                ("symbol", instrument.native),
                *order_id_pairs(ref),
                ("newQty", number_text("quantity", quantity)),
                ("newClientOrderId", client_id_text(ref.client_order_id)),
            ),
            functools.partial(_read_amended, instrument),
            weight=4,
            is_free=False,
            client_order_id=ref.client_order_id,
        )


def order_id_pairs(
    ref: OrderRef, *, by_id: str = "orderId", by_client_id: str = "origClientOrderId"
) -> list[tuple[str, str]]:
    """Name an order by Binance's id if it is known, else by ours.

    Never by both: an order that was renamed by a cancel or an amendment would be refused (-2039).
    """
    if ref.exchange_order_id is not None:
        return [(by_id, ref.exchange_order_id)]
    return [(by_client_id, client_id_text(ref.client_order_id))]


def read_placed(request: OrderRequest, instrument: Instrument, answer: Answer) -> Order:
    """Read the answer to a placement; raises ValueError if it describes another order."""
    return placed_from_row(request, instrument, answer_as(answer, OrderRow))


def placed_from_row(request: OrderRequest, instrument: Instrument, row: OrderRow) -> Order:
    """Read a placed order; raises ValueError if it is not the one that was asked for."""
    order = order_from_row(row, instrument, is_new=True)
    if order.client_order_id != request.client_order_id:
        msg = f"the answer describes {order.client_order_id}, not {request.client_order_id}"
        raise ValueError(msg)
    return order


def _read_nothing(answer: Answer) -> None:
    answer_as(answer, dict)


def _read_canceled(ref: OrderRef, instrument: Instrument, answer: Answer) -> Order:
    return canceled_order(ref, read_json(answer.body), instrument)


def canceled_order(ref: OrderRef, value: Any, instrument: Instrument) -> Order:
    """Read the report of one order from what its cancel gave; ValueError if it is not there.

    A leg takes its list with it: then all legs are reported, in the list's order.
    """
    for order in canceled_orders(value, instrument):
        if ref.exchange_order_id in {None, order.exchange_order_id} and (
            ref.exchange_order_id is not None or ref.client_order_id == order.client_order_id
        ):
            return order
    msg = f"the answer to a cancel of {ref} describes another order"
    raise ValueError(msg)


def canceled_orders(value: Any, instrument: Instrument) -> list[Order]:
    """Read one cancel report, or the reports in a list that was canceled as a whole."""
    reports = value["orderReports"] if isinstance(value, dict) and "orderReports" in value else None
    if reports is None:
        return [order_from_row(value_as(value, OrderRow), instrument)]
    return [order_from_row(row, instrument) for row in value_as(reports, list[OrderRow])]


def _read_all_canceled(instrument: Instrument, answer: Answer) -> Sequence[Order]:
    value = read_json(answer.body)
    if isinstance(value, dict) and "code" in value:
        return ()  # "Unknown order sent.": nothing was open
    return [
        order for report in value_as(value, list) for order in canceled_orders(report, instrument)
    ]


def _read_amended(instrument: Instrument, answer: Answer) -> Order:
    amendment = answer_as(answer, _Amendment)
    row = amendment.amended_order
    return order_from_row(
        OrderRow(
            symbol=row.symbol,
            order_id=row.order_id,
            client_order_id=row.client_order_id,
            order_list_id=row.order_list_id,
            price=row.price,
            orig_qty=row.qty,
            executed_qty=row.executed_qty,
            cummulative_quote_qty=row.cumulative_quote_qty,
            orig_quote_order_qty=row.quote_order_qty,
            status=row.status,
            time_in_force=row.time_in_force,
            type=row.type,
            side=row.side,
            stop_price=row.stop_price,
            transact_time=amendment.transact_time,
            expiry_reason=row.expiry_reason,
        ),
        instrument,
    )
