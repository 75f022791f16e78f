"""Fetching trades that an order's totals promise and nobody has told of.

Some exchanges stream how much of an order is executed and not by which trades; others stream both,
and lose one now and then. What is missing is asked for soon after, and by each comparison with
the exchange again; nothing is inferred here.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from venuekit.limits import Lane
from venuekit.model import Fill, Order, VenuekitError
from venuekit.orders.lifecycle import is_completed
from venuekit.orders.reconciliation import sum_of
from venuekit.orders.register import OrderRegister
from venuekit.orders.resolving import Asker
from venuekit.plugin import Adapter, QueryOrders

_log: Final = logging.getLogger("venuekit.orders")

_PAUSES_S: Final = (1.0, 1.0, 2.0, 4.0, 8.0)
"""Before each question. The stream mostly tells within the first; queries lag behind it. After the
last one the next comparison with the exchange takes over."""
_PAGE: Final = 1000


class TradeSearch:
    """Asks for the trades of orders that have executed more than is known of; a task for each."""

    def __init__(
        self,
        *,
        adapter: Adapter,
        caller: Asker,
        register: OrderRegister,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Ask with `caller` for trades of the orders of `register`, in tasks of `tasks`."""
        self._queries = adapter if isinstance(adapter, QueryOrders) else None
        self._adapter = adapter
        self._caller = caller
        self._register = register
        self._tasks = tasks
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._is_stopped = False

    def on_change(self, order: Order) -> None:
        """Hear of every change of every order; begins a search where trades are missing."""
        if self._queries is None or self._is_stopped or not order.filled:
            return
        if order.exchange_order_id is None or sum_of(order).agrees:
            return
        name = (order.symbol, order.exchange_order_id)
        if name not in self._running:
            self._running[name] = self._tasks.create_task(
                self._search(name, order), name=f"trades of {order.ref}"
            )

    def stop(self) -> None:
        """Cancel all searches, and begin no more."""
        self._is_stopped = True
        for task in self._running.values():
            task.cancel()

    async def _search(self, name: tuple[str, str], order: Order) -> None:
        try:
            for pause_s in _PAUSES_S:
                await asyncio.sleep(pause_s)
                known = self._register.find(order)
                if known is None or sum_of(known).agrees:
                    return
                await self._ask(known)
        finally:
            del self._running[name]

    async def _ask(self, order: Order) -> None:
        instrument = self._adapter.instruments.get(order.symbol)
        if instrument is None or self._queries is None:
            return
        try:
            fills: Sequence[Fill] = await self._caller.run(
                self._queries.fetch_fills(
                    instrument, order=order.ref, since_ns=None, until_ns=None, limit=_PAGE
                ),
                lane=Lane.QUERY,
            )
        except VenuekitError as error:
            # Asked again below, and by the next comparison.
            _log.warning("trades_not_fetched", extra={"reason": str(error)})
            return
        except Exception:  # noqa: BLE001  # the border round a plugin: the order itself is well
            _log.exception("trades_not_fetched")
            return
        known = self._register.find(order)
        if known is None:
            return
        have = {fill.trade_id for fill in known.fills}
        news = [f for f in fills if f.trade_id not in have or is_completed(known, f)]
        if news:
            self._register.trades(known, news)
