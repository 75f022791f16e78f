"""Questions after orders and fills.

There is none by client order id: an order is looked for in the list.
Source: Coinbase Advanced Trade API reference, "List Orders", "Get Order", "List Fills", June 2026.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Final

import msgspec

from venuekit.model import ExchangeOrderId, Fill, Instrument, Order, OrderRef
from venuekit.plugin import Answer, Call, QueryOrders
from venuekit_coinbase.calls import Listed, answer_as, private
from venuekit_coinbase.figures import moment_text
from venuekit_coinbase.order_fields import client_id_text
from venuekit_coinbase.order_reports import (
    FillRow,
    OrderRow,
    exchange_id,
    fill_from_row,
    order_from_row,
)

PAGE: Final = 250
_FILL_PAGE: Final = 100
MOST_PAGES: Final = 40
"""Of one question; what would take more is refused, and to be asked in pieces."""
_SLACK_NS: Final = 60_000_000_000
_US: Final = 1_000
_STATUSES: Final = (
    ("PENDING", "QUEUED", "EDIT_QUEUED"),
    ("OPEN",),
    ("CANCEL_QUEUED", "EDIT_QUEUED"),
)
"""Open orders, in the order in which they move on, so that none slips through between questions.
`OPEN` leaves out all others, and cannot be asked for together with them."""

Pairs = Sequence[tuple[str, str]]
Asking = Generator[Call[Any], Any, Sequence[Order]]


class _OrderAnswer(msgspec.Struct):
    order: OrderRow


class _OrderPage(msgspec.Struct):
    orders: list[OrderRow]
    has_next: bool = True
    cursor: str | None = None


class _FillPage(msgspec.Struct):
    fills: list[FillRow]
    cursor: str | None = None


_Rows = tuple[Sequence[Order], str]
"""Orders of one page, and where the next one begins; no text at the end."""


class OrderQueries(Listed, QueryOrders):
    """Answers for orders and fills."""

    def fetch_order(
        self, ref: OrderRef, instrument: Instrument
    ) -> Generator[Call[Any], Any, Order | None]:
        """Ask for one order, by Coinbase's id if it is known.

        By ours it is looked for among all orders on the product, those since `ref.created_ns` if
        that is known.

        Raises:
            ValueError: Ten thousand orders do not contain it, and there are more.
        """
        order_id = ref.exchange_order_id
        if order_id is not None:
            order: Order = yield private(
                "fetch order",
                f"/orders/historical/{exchange_id(order_id)}",
                (),
                self._read_order,
                client_order_id=ref.client_order_id,
            )
            return order
        wanted = client_id_text(ref.client_order_id)
        pairs = [("product_ids", instrument.native)]
        if ref.created_ns is not None:
            pairs.append(("start_date", moment_text(max(ref.created_ns - _SLACK_NS, 0))))
        found = yield from self._all("fetch order", pairs, lambda rows: _named(rows, wanted))
        return next(iter(_named(found, wanted)), None)

    def fetch_open_orders(self, instrument: Instrument | None) -> Asking:
        """Ask for open orders, in three questions; for those of all listed products if None."""
        product = () if instrument is None else (("product_ids", instrument.native),)
        orders: dict[ExchangeOrderId | None, Order] = {}
        for statuses in _STATUSES:
            pairs = [*product, *(("order_status", status) for status in statuses)]
            found = yield from self._all("fetch open orders", pairs, _never)
            orders |= {order.exchange_order_id: order for order in found}
        return [
            order
            for order in orders.values()
            if order.is_open and (instrument is None or order.symbol == instrument.symbol)
        ]

    def fetch_orders(
        self, instrument: Instrument, *, since_ns: int | None, until_ns: int | None, limit: int
    ) -> Asking:
        """Ask for orders in any state, oldest first, by when they were created.

        Raises:
            ValueError: `limit` is below 1, the span is empty, or it holds more than 10,000 orders.
        """
        _check(limit, since_ns, until_ns)
        pairs = [("product_ids", instrument.native)]
        if since_ns is not None:
            pairs.append(("start_date", moment_text(since_ns)))
        if until_ns is not None:
            # Exclusive at Coinbase, and cut to microseconds here.
            pairs.append(("end_date", moment_text(until_ns + _US)))

        def is_enough(rows: Sequence[Order]) -> bool:
            # The order of the list is not documented: it has to show that it is newest first.
            return since_ns is None and len(rows) >= limit and _is_newest_first(rows)

        found = yield from self._all("fetch orders", pairs, is_enough)
        orders = {
            order.exchange_order_id: order
            for order in found
            if order.symbol == instrument.symbol
            and (since_ns is None or (order.created_ns or 0) >= since_ns)
            and (until_ns is None or (order.created_ns or 0) <= until_ns)
        }
        inside = sorted(orders.values(), key=lambda order: order.created_ns or 0)
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

        Reversals and corrections, which are no executions, are left out.

        Raises:
            ValueError: `limit` is below 1, the span is empty, or it holds more than 4,000 fills.
        """
        _check(limit, since_ns, until_ns)
        pairs = [("product_ids", instrument.native)]
        if order is not None:
            known = order.exchange_order_id
            if known is None:
                found: Order | None = yield from self.fetch_order(order, instrument)
                known = None if found is None else found.exchange_order_id
            if known is None:
                return ()
            pairs = [("order_ids", known)]
        pairs += _sequence_span(since_ns, until_ns)
        fills: dict[str, Fill] = {}
        cursor = ""
        for _ in range(MOST_PAGES):
            page: _FillPage = yield private(
                "fetch fills",
                "/orders/historical/fills",
                [*pairs, ("limit", str(_FILL_PAGE)), *_from(cursor)],
                _read_fills,
            )
            fills |= self._fills(page.fills, instrument)
            cursor = _following(cursor, page.cursor)
            if not cursor:
                break
        else:
            msg = f"more than {MOST_PAGES * _FILL_PAGE} fills in the span; ask for less at once"
            raise ValueError(msg)
        inside = [
            fill
            for fill in fills.values()
            if (since_ns is None or fill.time_ns >= since_ns)
            and (until_ns is None or fill.time_ns <= until_ns)
        ]
        inside.sort(key=lambda fill: (fill.time_ns, fill.trade_id))
        is_from_start = since_ns is not None or order is not None
        return inside[:limit] if is_from_start else inside[-limit:]

    def _all(self, what: str, pairs: Pairs, is_enough: Callable[[Sequence[Order]], Any]) -> Asking:
        """Ask page after page, until the list ends or there is enough.

        Raises:
            ValueError: It does not end; what is wanted may stand further on.
        """
        found: list[Order] = []
        cursor = ""
        for _ in range(MOST_PAGES):
            page: _Rows = yield private(
                what,
                "/orders/historical/batch",
                [*pairs, ("limit", str(PAGE)), *_from(cursor)],
                self._read_page,
            )
            found += page[0]
            cursor = _following(cursor, page[1])
            if not cursor or is_enough(found):
                return found
        msg = f"more than {MOST_PAGES} pages of orders; ask for less at once"
        raise ValueError(msg)

    def _read_order(self, answer: Answer) -> Order:
        row = answer_as(answer, _OrderAnswer).order
        return order_from_row(row, self._listed(row.product_id))

    def _read_page(self, answer: Answer) -> _Rows:
        page = answer_as(answer, _OrderPage)
        orders = [
            order_from_row(row, self.instruments.native(row.product_id))
            for row in page.orders
            # What the listing lacks is no spot product, or was skipped and reported there.
            if self.instruments.knows_native(row.product_id)
        ]
        return orders, (page.cursor or "") if page.has_next else ""

    def _fills(self, rows: Sequence[FillRow], instrument: Instrument) -> dict[str, Fill]:
        fills = [
            fill_from_row(row, instrument)
            for row in rows
            if row.trade_type == "FILL" and row.product_id == instrument.native
        ]
        return {fill.trade_id: fill for fill in fills}


def _read_fills(answer: Answer) -> _FillPage:
    return answer_as(answer, _FillPage)


def _named(orders: Sequence[Order], wanted: str) -> Sequence[Order]:
    return [order for order in orders if order.client_order_id == wanted]


def _never(orders: Sequence[Order]) -> bool:
    del orders
    return False


def _is_newest_first(orders: Sequence[Order]) -> bool:
    moments = [order.created_ns for order in orders if order.created_ns is not None]
    return len(moments) == len(orders) and moments == sorted(moments, reverse=True)


def _from(cursor: str) -> Pairs:
    return (("cursor", cursor),) if cursor else ()


def _following(cursor: str, told: str | None) -> str:
    """Give where the next page begins; raises ValueError for one that begins where this did."""
    if told and told == cursor:
        msg = f"a page that is followed by itself: cursor {told[:40]!r}"
        raise ValueError(msg)
    return told or ""


def _sequence_span(since_ns: int | None, until_ns: int | None) -> list[tuple[str, str]]:
    """Write bounds for when fills were put in sequence, with room: we mean when they traded."""
    pairs: list[tuple[str, str]] = []
    if since_ns is not None:
        start = moment_text(max(since_ns - _SLACK_NS, 0))
        pairs.append(("start_sequence_timestamp", start))
    if until_ns is not None:
        pairs.append(("end_sequence_timestamp", moment_text(until_ns + _SLACK_NS)))
    return pairs


def _check(limit: int, since_ns: int | None, until_ns: int | None) -> None:
    if limit < 1:
        msg = f"limit={limit}: at least 1"
        raise ValueError(msg)
    if since_ns is not None and until_ns is not None and since_ns > until_ns:
        msg = f"since_ns={since_ns} is after until_ns={until_ns}"
        raise ValueError(msg)
