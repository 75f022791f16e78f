"""Questions about orders and fills, paged over Binance's bounds of 1000 rows and 24 hours.

Source: Binance Spot `rest-api.md` "Account endpoints", 2026-07-21.
"""

import functools
from collections.abc import Generator, Iterable, Sequence
from typing import Any, Final

import msgspec

from venuekit.model import (
    ExchangeOrderId,
    Fee,
    Fill,
    Instrument,
    Liquidity,
    Order,
    OrderRef,
    Side,
    decimal_from_text,
)
from venuekit.plugin import Answer, Call, ExchangeInfo, QueryOrders, Steps
from venuekit_binance.calls import Listed, answer_as, private
from venuekit_binance.figures import amount, moment_ns
from venuekit_binance.order_reports import (
    OrderRow,
    exchange_id,
    order_from_row,
    trade_id_text,
    traded,
)
from venuekit_binance.orders import order_id_pairs
from venuekit_binance.spans import MOST_ROWS, NS_IN_MS, bound, check_limit, check_span

_DAY_MS: Final = 86_400_000


class _TradeRow(msgspec.Struct, rename="camel", kw_only=True):
    symbol: str
    id: int
    order_id: int
    price: str
    qty: str
    commission: str
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool
    alloc_id: int | None = None


class OrderQueries(QueryOrders, ExchangeInfo, Listed):
    """Answers for orders and fills."""

    def fetch_order(self, ref: OrderRef, instrument: Instrument) -> Call[Order]:
        """Ask for one order, open or past; by Binance's id if it is known, else by ours.

        After a cancel by others Binance has renamed the order, and only its own id finds it.
        """
        return private(
            "fetch order",
            "order",
            (("symbol", instrument.native), *order_id_pairs(ref)),
            functools.partial(_read_order, instrument),
            weight=4,
            client_order_id=ref.client_order_id,
        )

    def fetch_open_orders(self, instrument: Instrument | None) -> Call[Sequence[Order]]:
        """Ask for open orders; on all instruments (None) it costs a weight of 80, not 6."""
        return private(
            "fetch open orders",
            "openOrders",
            () if instrument is None else (("symbol", instrument.native),),
            self._read_orders,
            weight=80 if instrument is None else 6,
        )

    def fetch_orders(
        self, instrument: Instrument, *, since_ns: int | None, until_ns: int | None, limit: int
    ) -> Steps[Sequence[Order]]:
        """Ask for orders in any state, oldest first; bounds are those of the last change.

        A span is asked for in pieces of 24 hours at most, each a weight of 20; without
        `until_ns` it ends now.

        Raises:
            ValueError: `limit` is below 1, or above 1000 without `since_ns`; `since_ns` is not
                before `until_ns`.
        """
        _check(since_ns, until_ns, limit)
        if since_ns is not None:
            return self._orders_in_span(instrument, since_ns, until_ns, limit)
        until = bound("endTime", until_ns)
        return self._all_orders(instrument, (*until, ("limit", str(limit))))

    def fetch_fills(
        self,
        instrument: Instrument,
        *,
        order: OrderRef | None,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
    ) -> Steps[Sequence[Fill]]:
        """Ask for fills, oldest first; of one order if given.

        An order known only by our id is looked up first. A span is searched in pieces of 24 hours
        until the first fill, then followed by trade id; each request has a weight of 20, of 5
        for one order.

        Raises:
            ValueError: As for `fetch_orders`.
        """
        _check(since_ns, until_ns, limit, is_bounded=order is not None)
        if order is not None:
            return self._fills_of_order(instrument, order, since_ns, until_ns, limit)
        if since_ns is not None:
            return self._fills_in_span(instrument, since_ns, until_ns, limit)
        until = bound("endTime", until_ns)
        return self._my_trades(instrument, (*until, ("limit", str(limit))))

    def _all_orders(
        self, instrument: Instrument, pairs: Iterable[tuple[str, str]]
    ) -> Call[Sequence[Order]]:
        return private(
            "fetch orders",
            "allOrders",
            (("symbol", instrument.native), *pairs),
            self._read_orders,
            weight=20,
        )

    def _my_trades(
        self, instrument: Instrument, pairs: Iterable[tuple[str, str]], *, weight: int = 20
    ) -> Call[Sequence[Fill]]:
        return private(
            "fetch fills",
            "myTrades",
            (("symbol", instrument.native), *pairs),
            functools.partial(_read_fills, instrument),
            weight=weight,
        )

    def _orders_in_span(
        self, instrument: Instrument, since_ns: int, until_ns: int | None, limit: int
    ) -> Generator[Call[Any], Any, Sequence[Order]]:
        first_ms, last_ms = yield from self._span_ms(since_ns, until_ns)
        found: dict[ExchangeOrderId | None, Order] = {}
        spans = _pieces(first_ms, last_ms)
        while spans and len(found) < limit:
            start, end = spans.pop()
            page: Sequence[Order] = yield self._all_orders(
                instrument,
                (
                    ("startTime", str(start)),
                    ("endTime", str(end)),
                    ("limit", str(MOST_ROWS)),
                ),
            )
            if len(page) >= MOST_ROWS:
                # Rows are in order of id, bounds are of the last change: a full page cannot be
                # continued, only asked for in halves.
                spans.extend(reversed(_halves(start, end)))
            else:
                found.update((order.exchange_order_id, order) for order in page)
        return sorted(found.values(), key=_age)[:limit]

    def _fills_in_span(
        self, instrument: Instrument, since_ns: int, until_ns: int | None, limit: int
    ) -> Generator[Call[Any], Any, Sequence[Fill]]:
        first_ms, last_ms = yield from self._span_ms(since_ns, until_ns)
        spans = _pieces(first_ms, last_ms)
        while spans:
            start, end = spans.pop()
            page: Sequence[Fill] = yield self._my_trades(
                instrument,
                (
                    ("startTime", str(start)),
                    ("endTime", str(end)),
                    ("limit", str(MOST_ROWS)),
                ),
            )
            if page:
                found = yield from self._following(instrument, page, (), limit, last_ms)
                return [f for f in found if f.time_ns // NS_IN_MS <= last_ms][:limit]
        return ()

    def _fills_of_order(
        self,
        instrument: Instrument,
        order: OrderRef,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
    ) -> Generator[Call[Any], Any, Sequence[Fill]]:
        order_id = order.exchange_order_id
        if order_id is None:
            known: Order = yield self.fetch_order(order, instrument)
            order_id = known.exchange_order_id
        only = (("orderId", str(order_id)),)
        page: Sequence[Fill] = yield self._my_trades(
            # From the first trade on: without it the newest rows would come.
            instrument,
            (*only, ("fromId", "0"), ("limit", str(MOST_ROWS))),
            weight=5,
        )
        found = yield from self._following(instrument, page, only, None, None)
        return [
            fill
            for fill in found
            if (since_ns is None or fill.time_ns >= since_ns)
            and (until_ns is None or fill.time_ns <= until_ns)
        ][:limit]

    def _following(
        self,
        instrument: Instrument,
        page: Sequence[Fill],
        only: tuple[tuple[str, str], ...],
        limit: int | None,
        last_ms: int | None,
    ) -> Generator[Call[Any], Any, Sequence[Fill]]:
        """Go on from a page by trade id, to the end, the limit or the last moment."""
        # Both rows of a self-trade have one id: the next page begins with the last id again.
        found = {(fill.trade_id, fill.exchange_order_id): fill for fill in page}
        is_more = bool(page) and (not only or len(page) >= MOST_ROWS)
        while is_more and (limit is None or len(found) <= limit):
            last = page[-1]
            if last_ms is not None and last.time_ns // NS_IN_MS > last_ms:
                break
            page = yield self._my_trades(
                instrument,
                (*only, ("fromId", last.trade_id), ("limit", str(MOST_ROWS))),
                weight=5 if only else 20,
            )
            known = len(found)
            found.update(((fill.trade_id, fill.exchange_order_id), fill) for fill in page)
            is_more = len(page) >= MOST_ROWS and len(found) > known
        return list(found.values())

    def _span_ms(
        self, since_ns: int, until_ns: int | None
    ) -> Generator[Call[Any], Any, tuple[int, int]]:
        """Give first and last millisecond of a span; without an end it ends now."""
        end_ns: int = until_ns if until_ns is not None else (yield self.fetch_time())
        return -(-since_ns // NS_IN_MS), end_ns // NS_IN_MS

    def _read_orders(self, answer: Answer) -> Sequence[Order]:
        return [
            order_from_row(row, self._listed(row.symbol))
            for row in answer_as(answer, list[OrderRow])
        ]


def _check(
    since_ns: int | None, until_ns: int | None, limit: int, *, is_bounded: bool = False
) -> None:
    check_limit(limit)
    check_span(since_ns, until_ns)
    if since_ns is None and limit > MOST_ROWS and not is_bounded:
        msg = f"limit={limit}: Binance gives the newest {MOST_ROWS} at most; say since_ns for more"
        raise ValueError(msg)


def _pieces(first_ms: int, last_ms: int) -> list[tuple[int, int]]:
    """Cut a span into pieces of 24 hours at most, the earliest last, to be popped."""
    starts = range(first_ms, last_ms + 1, _DAY_MS)
    return [(start, min(start + _DAY_MS - 1, last_ms)) for start in reversed(starts)]


def _halves(start: int, end: int) -> list[tuple[int, int]]:
    if start >= end:
        msg = f"{MOST_ROWS} orders or more changed in the millisecond {start}: not to be listed"
        raise ValueError(msg)
    middle = (start + end) // 2
    return [(start, middle), (middle + 1, end)]


def _age(order: Order) -> tuple[int, int]:
    return (order.created_ns or 0, int(order.exchange_order_id or 0))


def _read_order(instrument: Instrument, answer: Answer) -> Order:
    return order_from_row(answer_as(answer, OrderRow), instrument)


def _read_fills(instrument: Instrument, answer: Answer) -> Sequence[Fill]:
    return [_fill(row, instrument) for row in answer_as(answer, list[_TradeRow])]


def _fill(row: _TradeRow, instrument: Instrument) -> Fill:
    if row.symbol != instrument.native:
        msg = f"a fill of {row.symbol[:40]!r} where {instrument.native!r} was asked for"
        raise ValueError(msg)
    return Fill(
        symbol=instrument.symbol,
        trade_id=trade_id_text(row.id, row.alloc_id),
        exchange_order_id=exchange_id(row.order_id),
        side=Side.BUY if row.is_buyer else Side.SELL,
        price=amount(row.price),
        quantity=traded(row.qty),
        fee=Fee(decimal_from_text(row.commission), row.commission_asset),
        liquidity=Liquidity.MAKER if row.is_maker else Liquidity.TAKER,
        time_ns=moment_ns(row.time),
    )
