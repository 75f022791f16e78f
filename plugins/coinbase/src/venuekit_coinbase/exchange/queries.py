"""Questions after orders and fills.

Lists are newest first, a page at a time; the header `CB-AFTER` says where the next page begins.
Source: Coinbase Exchange API reference, "Get single order", "Get all orders", "Get all fills",
"Pagination", 2026.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeVar

from venuekit.model import Fill, Instrument, Order, OrderRef
from venuekit.plugin import Answer, Call, QueryOrders
from venuekit_coinbase.calls import Listed, answer_as
from venuekit_coinbase.exchange.calls import FILLS, PRIVATE, private
from venuekit_coinbase.exchange.order_fields import client_oid
from venuekit_coinbase.exchange.order_reports import (
    FillRow,
    OrderRow,
    fill_from_row,
    order_from_row,
)
from venuekit_coinbase.order_reports import exchange_id

T = TypeVar("T")

PAGE: Final = 1000
MOST_PAGES: Final = 40
"""Of one question; what would take more is refused, and to be asked in pieces."""
_OPEN: Final = ("received", "pending", "open", "active")
_EVER: Final = (*_OPEN, "done", "rejected")

Pairs = Sequence[tuple[str, str]]
_Page = tuple[Sequence[T], str]
"""What stands on one page, and where the next one begins; no text at the end."""


class OrderQueries(Listed, QueryOrders):
    """Answers for orders and fills.

    An order that ended without a fill is not found any more, whoever canceled it.
    """

    forgets_unfilled: ClassVar[bool] = True

    def fetch_order(self, ref: OrderRef, instrument: Instrument) -> Call[Order | None]:
        """Ask for one order, by either id.

        Raises:
            ValueError: Only its client order id is known, and that is none that Coinbase keeps.
        """
        del instrument
        return private(
            "fetch order",
            f"/orders/{name_of(ref)}",
            (),
            self._read_order,
            client_order_id=ref.client_order_id,
        )

    def fetch_open_orders(
        self, instrument: Instrument | None
    ) -> Generator[Call[Any], Any, Sequence[Order]]:
        """Ask for open orders; for those of all listed products if None."""
        product = [] if instrument is None else [("product_id", instrument.native)]
        pairs = [*(("status", status) for status in _OPEN), *product]
        found = yield from self._all("fetch open orders", "/orders", pairs, self._read_orders)
        orders = {order.exchange_order_id: order for order in found}
        return [
            order
            for order in orders.values()
            if order.is_open and (instrument is None or order.symbol == instrument.symbol)
        ]

    def fetch_orders(
        self, instrument: Instrument, *, since_ns: int | None, until_ns: int | None, limit: int
    ) -> Generator[Call[Any], Any, Sequence[Order]]:
        """Ask for orders in any state, oldest first, by when they were created.

        Those that ended without a fill are left out: Coinbase has forgotten them.

        Raises:
            ValueError: `limit` is below 1, the span is empty, or it holds more than 40,000 orders.
        """
        _check(limit, since_ns, until_ns)
        pairs = [
            *(("status", status) for status in _EVER),
            ("product_id", instrument.native),
        ]

        def is_enough(rows: Sequence[Order]) -> bool:
            moments = [order.created_ns for order in rows if order.created_ns is not None]
            if len(moments) != len(rows) or moments != sorted(moments, reverse=True):
                return False  # it has to show that it is newest first
            if since_ns is not None:
                return moments[-1] < since_ns
            return until_ns is None and len(rows) >= limit

        found = yield from self._all(
            "fetch orders", "/orders", pairs, self._read_orders, is_enough=is_enough
        )
        orders = {order.exchange_order_id: order for order in found}
        inside = [
            order
            for order in orders.values()
            if order.symbol == instrument.symbol and _is_in(order.created_ns, since_ns, until_ns)
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
            ValueError: `limit` is below 1, the span is empty, or it holds more than 40,000 fills.
        """
        _check(limit, since_ns, until_ns)
        pairs = [("product_id", instrument.native)]
        if order is not None:
            known = order.exchange_order_id
            if known is None:
                found: Order | None = yield self.fetch_order(order, instrument)
                known = None if found is None else found.exchange_order_id
            if known is None:
                return ()
            pairs = [("order_id", known)]

        def is_enough(rows: Sequence[Fill]) -> bool:
            moments = [fill.time_ns for fill in rows]
            if moments != sorted(moments, reverse=True):
                return False
            if since_ns is not None:
                return moments[-1] < since_ns
            return order is None and until_ns is None and len(rows) >= limit

        told = yield from self._all(
            "fetch fills",
            "/fills",
            pairs,
            lambda answer: self._read_fills(instrument, answer),
            is_enough=is_enough,
            costs=FILLS,
        )
        fills = {(fill.trade_id, fill.exchange_order_id): fill for fill in told}
        inside = [fill for fill in fills.values() if _is_in(fill.time_ns, since_ns, until_ns)]
        inside.sort(key=lambda fill: (fill.time_ns, int(fill.trade_id)))
        is_from_start = since_ns is not None or order is not None
        return inside[:limit] if is_from_start else inside[-limit:]

    def _all(
        self,
        what: str,
        path: str,
        pairs: Pairs,
        read: Callable[[Answer], Sequence[T]],
        *,
        is_enough: Callable[[Sequence[T]], bool] | None = None,
        costs: Mapping[str, int] = PRIVATE,
    ) -> Generator[Call[Any], Any, Sequence[T]]:
        """Ask page after page, until the list ends or there is enough.

        Raises:
            ValueError: It does not end; what is wanted may stand further on.
        """
        found: list[T] = []
        cursor = ""
        for _ in range(MOST_PAGES):
            start = (("after", cursor),) if cursor else ()
            page: _Page[T] = yield private(
                what,
                path,
                [*pairs, ("limit", str(PAGE)), *start],
                lambda answer: (read(answer), answer.headers.get("cb-after", "")),
                costs=costs,
            )
            found += page[0]
            if page[1] and page[1] == cursor:
                msg = f"a page that is followed by itself: {cursor[:40]!r}"
                raise ValueError(msg)
            cursor = page[1]
            if not cursor or not page[0] or (is_enough is not None and is_enough(found)):
                return found
        msg = f"more than {MOST_PAGES} pages; ask for less at once"
        raise ValueError(msg)

    def _read_order(self, answer: Answer) -> Order:
        row = answer_as(answer, OrderRow)
        return order_from_row(row, self._listed(row.product_id))

    def _read_orders(self, answer: Answer) -> Sequence[Order]:
        return [
            order_from_row(row, self.instruments.native(row.product_id))
            for row in answer_as(answer, list[OrderRow])
            # What the listing lacks was skipped and reported there.
            if self.instruments.knows_native(row.product_id)
        ]

    def _read_fills(self, instrument: Instrument, answer: Answer) -> Sequence[Fill]:
        return [
            fill_from_row(row, instrument)
            for row in answer_as(answer, list[FillRow])
            if row.product_id == instrument.native
        ]


def name_of(ref: OrderRef) -> str:
    """Name an order in a path: by Coinbase's id, or by ours; raises ValueError."""
    if ref.exchange_order_id is not None:
        return exchange_id(ref.exchange_order_id)
    return f"client:{client_oid(ref.client_order_id)}"


def _is_in(moment: int | None, since_ns: int | None, until_ns: int | None) -> bool:
    return (since_ns is None or (moment or 0) >= since_ns) and (
        until_ns is None or (moment or 0) <= until_ns
    )


def _check(limit: int, since_ns: int | None, until_ns: int | None) -> None:
    if limit < 1:
        msg = f"limit={limit}: at least 1"
        raise ValueError(msg)
    if since_ns is not None and until_ns is not None and since_ns > until_ns:
        msg = f"since_ns={since_ns} is after until_ns={until_ns}"
        raise ValueError(msg)
