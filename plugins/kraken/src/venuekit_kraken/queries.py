"""Questions after orders and trades.

Source: Kraken API Center, "Query Orders Info", "Get Closed Orders", "Get Trades History", 2026.
"""

import functools
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from venuekit.model import Fill, Instrument, Order, OrderRef
from venuekit.plugin import Answer, Call, QueryOrders
from venuekit_kraken.calls import HISTORY_COST, Listed, private, result_as
from venuekit_kraken.order_fields import client_id_text
from venuekit_kraken.order_reports import OrderRow, TradeRow, fill_from_row, order_from_row
from venuekit_kraken.pages import Page, check_span, is_inside, paged, span

T = TypeVar("T")

_TRADES_AT_ONCE: Final = 20
_EACH_FILL: Final = ("consolidate_taker", "false")
"""Without it the fills of a taker may be told as one, which the stream tells one by one."""


class _Open(msgspec.Struct):
    open: dict[str, OrderRow]


class _Closed(msgspec.Struct):
    closed: dict[str, OrderRow]
    count: int | None = None


class _Trades(msgspec.Struct):
    trades: dict[str, TradeRow]
    count: int | None = None


class OrderQueries(Listed, QueryOrders):
    """Answers for orders and fills."""

    def fetch_order(
        self, ref: OrderRef, instrument: Instrument
    ) -> Generator[Call[Any], Any, Order | None]:
        """Ask for one order, open or past, by Kraken's id if it is known.

        By ours it is looked up among open and closed orders; of several closed ones with one id,
        which Kraken allows, the newest counts.
        """
        del instrument
        if ref.exchange_order_id is not None:
            found: Sequence[Order] = yield private(
                "fetch order",
                "QueryOrders",
                (("txid", ref.exchange_order_id),),
                self._read_queried,
                client_order_id=ref.client_order_id,
            )
            return found[0] if found else None
        named = (("cl_ord_id", client_id_text(ref.client_order_id)),)
        found = yield private("fetch order", "OpenOrders", named, self._read_open)
        if not _named(found, ref):
            found = yield private(
                "fetch order",
                "ClosedOrders",
                (*named, ("closetime", "open")),
                self._read_closed,
                cost=HISTORY_COST,
            )
        mine = _named(found, ref)
        return max(mine, key=lambda order: order.created_ns or 0, default=None)

    def fetch_open_orders(
        self, instrument: Instrument | None
    ) -> Generator[Call[Any], Any, Sequence[Order]]:
        """Ask for open orders; Kraken gives those of all pairs at once."""
        found: Sequence[Order] = yield private(
            "fetch open orders", "OpenOrders", (), self._read_open
        )
        return [o for o in found if instrument is None or o.symbol == instrument.symbol]

    def fetch_orders(
        self, instrument: Instrument, *, since_ns: int | None, until_ns: int | None, limit: int
    ) -> Generator[Call[Any], Any, Sequence[Order]]:
        """Ask for orders in any state, oldest first, by when they were opened; 50 for a cost of 4.

        Raises:
            ValueError: `limit` is below 1, the span is empty, or it holds more than 19,600 orders.
        """
        check_span(limit, since_ns, until_ns)
        still_open: Sequence[Order] = yield private(
            "fetch open orders", "OpenOrders", (), self._read_open
        )

        def wanted(closed: Mapping[str, Order | None]) -> list[Order]:
            # Orders that close while the pages are read stand in both: the closed one counts.
            all_of_them = {str(o.exchange_order_id): o for o in still_open} | _told(closed)
            return [
                order
                for order in all_of_them.values()
                if order.symbol == instrument.symbol
                and is_inside(order.created_ns or 0, since_ns, until_ns)
            ]

        def is_enough(closed: Mapping[str, Order | None], page: Mapping[str, Order | None]) -> bool:
            # Of what is left none was opened after the earliest close on this page, whether the
            # pages go by the one or by the other.
            edge_ns = min((order.updated_ns or 0 for order in _told(page).values()), default=None)
            if since_ns is not None or edge_ns is None:
                return False
            newer = [order for order in wanted(closed) if (order.created_ns or 0) > edge_ns]
            return len(newer) >= limit

        pairs = (*span(since_ns, until_ns), ("closetime", "open"))
        closed = yield from paged(
            "fetch orders", "ClosedOrders", pairs, self._read_closed_page, is_enough
        )
        inside = sorted(wanted(closed), key=lambda order: order.created_ns or 0)
        return _cut(inside, since_ns, limit)

    def fetch_fills(
        self,
        instrument: Instrument,
        *,
        order: OrderRef | None,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
    ) -> Generator[Call[Any], Any, Sequence[Fill]]:
        """Ask for fills, oldest first; of one order if given.

        Raises:
            ValueError: `limit` is below 1, the span is empty, or it holds more than 19,600 trades.
        """
        check_span(limit, since_ns, until_ns)

        def wanted(fills: Mapping[str, Fill | None]) -> list[Fill]:
            told = _told(fills).values()
            return [fill for fill in told if is_inside(fill.time_ns, since_ns, until_ns)]

        found: Mapping[str, Fill | None]
        if order is not None:
            found = yield from self._fills_of(instrument, order)
        else:
            found = yield from paged(
                "fetch fills",
                "TradesHistory",
                (*span(since_ns, until_ns), _EACH_FILL),
                functools.partial(self._read_trades, instrument),
                lambda fills, _: since_ns is None and len(wanted(fills)) >= limit,
            )
        inside = sorted(wanted(found), key=lambda fill: (fill.time_ns, fill.trade_id))
        return _cut(inside, since_ns, limit)

    def _fills_of(
        self, instrument: Instrument, order: OrderRef
    ) -> Generator[Call[Any], Any, Mapping[str, Fill | None]]:
        txid = order.exchange_order_id
        if txid is None:
            known: Order | None = yield from self.fetch_order(order, instrument)
            txid = None if known is None else known.exchange_order_id
        if txid is None:
            return {}
        names: Sequence[str] = yield private(
            "fetch order",
            "QueryOrders",
            (("txid", txid), ("trades", "true"), _EACH_FILL),
            _read_trade_names,
        )
        found: dict[str, Fill | None] = {}
        for at in range(0, len(names), _TRADES_AT_ONCE):
            some = ",".join(names[at : at + _TRADES_AT_ONCE])
            rows: Mapping[str, Fill | None] = yield private(
                "fetch fills",
                "QueryTrades",
                (("txid", some),),
                functools.partial(self._read_queried_trades, instrument),
                cost=HISTORY_COST,
            )
            found |= rows
        return found

    def _read_trades(self, instrument: Instrument, answer: Answer) -> Page[Fill | None]:
        said = result_as(answer, _Trades)
        return Page(self._fills(said.trades, instrument), said.count)

    def _read_queried_trades(
        self, instrument: Instrument, answer: Answer
    ) -> Mapping[str, Fill | None]:
        return self._fills(result_as(answer, dict[str, TradeRow]), instrument)

    def _fills(
        self, rows: Mapping[str, TradeRow], instrument: Instrument
    ) -> dict[str, Fill | None]:
        """Read trades; None for those of other instruments, which count for the pages."""
        names = self._pair_names()
        return {
            trade_id: fill_from_row(trade_id, row, instrument)
            # Pairs that the listing lacks are none of this instrument's.
            if names.knows(row.pair) and names.of(row.pair) is instrument
            else None
            for trade_id, row in rows.items()
        }

    def _read_queried(self, answer: Answer) -> Sequence[Order]:
        return self._orders(result_as(answer, dict[str, OrderRow]))

    def _read_open(self, answer: Answer) -> Sequence[Order]:
        return self._orders(result_as(answer, _Open).open)

    def _read_closed(self, answer: Answer) -> Sequence[Order]:
        return self._orders(result_as(answer, _Closed).closed)

    def _read_closed_page(self, answer: Answer) -> Page[Order | None]:
        """Read a page; None for orders of pairs that are listed no more."""
        said, names = result_as(answer, _Closed), self._pair_names()
        rows = {
            txid: order_from_row(txid, row, names) if names.knows(row.descr.pair) else None
            for txid, row in said.closed.items()
        }
        return Page(rows, said.count)

    def _orders(self, rows: Mapping[str, OrderRow]) -> Sequence[Order]:
        names = self._pair_names()
        return [order_from_row(txid, row, names) for txid, row in rows.items()]


def _read_trade_names(answer: Answer) -> Sequence[str]:
    return [name for row in result_as(answer, dict[str, OrderRow]).values() for name in row.trades]


def _named(orders: Sequence[Order], ref: OrderRef) -> Sequence[Order]:
    """Give orders that were asked for by our id.

    Raises:
        ValueError: There are others among them: the question was not understood, and that it is
            not there says nothing.
    """
    if any(order.client_order_id != ref.client_order_id for order in orders):
        msg = "orders of other names than the one that was asked for"
        raise ValueError(msg)
    return orders


def _told(rows: Mapping[str, T | None]) -> dict[str, T]:
    return {name: row for name, row in rows.items() if row is not None}


def _cut(found: list[T], since_ns: int | None, limit: int) -> list[T]:
    """Give the first of what came since then; without a beginning the newest."""
    return found[:limit] if since_ns is not None else found[-limit:]
