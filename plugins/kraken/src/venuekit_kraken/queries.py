"""Questions after orders and trades.

Source: Kraken API Center, "Query Orders Info", "Get Closed Orders", "Get Trades History", 2026.
"""

from collections.abc import Generator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from venuekit.model import Fill, Instrument, Order, OrderRef
from venuekit.plugin import Answer, Call, QueryOrders
from venuekit_kraken.calls import HISTORY_COST, Listed, private, result_as
from venuekit_kraken.order_fields import client_id_text
from venuekit_kraken.order_reports import OrderRow, TradeRow, fill_from_row, order_from_row

_PAGE: Final = 50
_TRADES_AT_ONCE: Final = 20
_NS: Final = Decimal(1_000_000_000)
_MOST_PAGES: Final = 400


class _Open(msgspec.Struct):
    open: dict[str, OrderRow]


class _Closed(msgspec.Struct):
    closed: dict[str, OrderRow]
    count: int | None = None


class _Trades(msgspec.Struct):
    trades: dict[str, TradeRow]
    count: int | None = None


Pairs = tuple[tuple[str, str], ...]


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
        if not found:
            found = yield private(
                "fetch order",
                "ClosedOrders",
                (*named, ("closetime", "open")),
                self._read_closed,
                cost=HISTORY_COST,
            )
        mine = [order for order in found if order.client_order_id == ref.client_order_id]
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
            ValueError: `limit` is below 1, the span is empty, or it holds more than 20,000 orders.
        """
        _check(limit, since_ns, until_ns)
        found: Sequence[Order] = yield private(
            "fetch open orders", "OpenOrders", (), self._read_open
        )
        # Orders that close while the pages are read stand in both: the closed one counts.
        orders = {o.exchange_order_id: o for o in found if o.symbol == instrument.symbol}
        for page in range(_MOST_PAGES):
            pairs = (*_span(since_ns, until_ns), ("closetime", "open"), ("ofs", str(page * _PAGE)))
            closed: Sequence[Order] = yield private(
                "fetch orders", "ClosedOrders", pairs, self._read_closed, cost=HISTORY_COST
            )
            mine = [o for o in closed if o.symbol == instrument.symbol]
            orders |= {o.exchange_order_id: o for o in mine}
            is_enough = since_ns is None and len(orders) >= limit
            if len(closed) < _PAGE or is_enough:
                break
        else:
            msg = f"more than {_MOST_PAGES * _PAGE} orders in the span; ask for less at once"
            raise ValueError(msg)
        inside = [
            order
            for order in orders.values()
            if (since_ns is None or (order.created_ns or 0) >= since_ns)
            and (until_ns is None or (order.created_ns or 0) <= until_ns)
        ]
        inside.sort(key=lambda order: order.created_ns or 0)
        return inside[:limit] if since_ns is not None else inside[-limit:]

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
            ValueError: `limit` is below 1, the span is empty, or it holds more than 20,000 trades.
        """
        _check(limit, since_ns, until_ns)
        if order is not None:
            fills: Sequence[Fill] = yield from self._fills_of(instrument, order)
            return fills[:limit]
        found: dict[str, Fill] = {}
        for page in range(_MOST_PAGES):
            pairs = (*_span(since_ns, until_ns), ("ofs", str(page * _PAGE)))
            rows: Mapping[str, TradeRow] = yield private(
                "fetch fills", "TradesHistory", pairs, _read_trades, cost=HISTORY_COST
            )
            found |= self._fills(rows, instrument)
            is_enough = since_ns is None and len(found) >= limit
            if len(rows) < _PAGE or is_enough:
                break
        else:
            msg = f"more than {_MOST_PAGES * _PAGE} trades in the span; ask for less at once"
            raise ValueError(msg)
        inside = [
            fill
            for fill in found.values()
            if (since_ns is None or fill.time_ns >= since_ns)
            and (until_ns is None or fill.time_ns <= until_ns)
        ]
        inside.sort(key=lambda fill: (fill.time_ns, fill.trade_id))
        return inside[:limit] if since_ns is not None else inside[-limit:]

    def _fills_of(
        self, instrument: Instrument, order: OrderRef
    ) -> Generator[Call[Any], Any, Sequence[Fill]]:
        txid = order.exchange_order_id
        if txid is None:
            known: Order | None = yield from self.fetch_order(order, instrument)
            txid = None if known is None else known.exchange_order_id
        if txid is None:
            return ()
        names: Sequence[str] = yield private(
            "fetch order",
            "QueryOrders",
            (("txid", txid), ("trades", "true")),
            _read_trade_names,
        )
        found: dict[str, Fill] = {}
        for at in range(0, len(names), _TRADES_AT_ONCE):
            some = ",".join(names[at : at + _TRADES_AT_ONCE])
            rows: Mapping[str, TradeRow] = yield private(
                "fetch fills",
                "QueryTrades",
                (("txid", some),),
                _read_queried_trades,
                cost=HISTORY_COST,
            )
            found |= self._fills(rows, instrument)
        return sorted(found.values(), key=lambda fill: (fill.time_ns, fill.trade_id))

    def _fills(self, rows: Mapping[str, TradeRow], instrument: Instrument) -> dict[str, Fill]:
        names = self._pair_names()
        return {
            trade_id: fill_from_row(trade_id, row, instrument)
            for trade_id, row in rows.items()
            # Pairs that the listing lacks are none of this instrument's.
            if names.knows(row.pair) and names.of(row.pair) is instrument
        }

    def _read_queried(self, answer: Answer) -> Sequence[Order]:
        return self._orders(result_as(answer, dict[str, OrderRow]))

    def _read_open(self, answer: Answer) -> Sequence[Order]:
        return self._orders(result_as(answer, _Open).open)

    def _read_closed(self, answer: Answer) -> Sequence[Order]:
        return self._orders(result_as(answer, _Closed).closed)

    def _orders(self, rows: Mapping[str, OrderRow]) -> Sequence[Order]:
        names = self._pair_names()
        return [order_from_row(txid, row, names) for txid, row in rows.items()]


def _read_trades(answer: Answer) -> Mapping[str, TradeRow]:
    return result_as(answer, _Trades).trades


def _read_queried_trades(answer: Answer) -> Mapping[str, TradeRow]:
    return result_as(answer, dict[str, TradeRow])


def _read_trade_names(answer: Answer) -> Sequence[str]:
    return [name for row in result_as(answer, dict[str, OrderRow]).values() for name in row.trades]


def _check(limit: int, since_ns: int | None, until_ns: int | None) -> None:
    if limit < 1:
        msg = f"limit={limit}: at least 1"
        raise ValueError(msg)
    if since_ns is not None and until_ns is not None and since_ns > until_ns:
        msg = f"since_ns={since_ns} is after until_ns={until_ns}"
        raise ValueError(msg)


def _span(since_ns: int | None, until_ns: int | None) -> Pairs:
    """Write bounds in seconds: the lower one is exclusive, so it is put a second before."""
    pairs: list[tuple[str, str]] = []
    if since_ns is not None:
        pairs.append(("start", str(max(since_ns // 1_000_000_000 - 1, 0))))
    if until_ns is not None:
        pairs.append(("end", f"{Decimal(until_ns) / _NS:f}"))
    return tuple(pairs)
