"""The private side of an open exchange: orders and the account stream, started when first used."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from venuekit.model import (
    Balance,
    BalancesEvent,
    ClientOrderId,
    Closed,
    OrderEvent,
    OrderRef,
    StreamError,
)
from venuekit.orders import OrderDesk
from venuekit.plugin import Subscription, Topic
from venuekit.stores import HistoryEntry, Journal, Scope
from venuekit.streams import StreamHub

_log: Final = logging.getLogger("venuekit.client")

PATIENCE_S: Final = 15.0
"""For how long the first order waits for the account stream."""


@attrs.define(kw_only=True, eq=False)
class PrivateSide:
    """Orders and account of one key.

    The first call that needs it starts the account stream and resolves what earlier runs left
    open; placing waits for that, cancelling does not.
    """

    desk: OrderDesk
    _journal: Journal
    _scope: Scope
    _hub: StreamHub | None
    _balances: dict[str, Balance]
    """As the account stream has reported them, by asset."""
    _starting: "asyncio.Task[None] | None" = None
    _leave: Callable[[], None] | None = None
    """Ends the subscription to the account stream; None while there is none."""
    _has_run: bool = False
    """Whether the desk was started: from then on a new stream has a gap before it."""

    async def ready(self) -> None:
        """Wait until placing is allowed. A failed start is tried again by the next caller."""
        task = self._starting
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.create_task(self._start(), name="start of the private side")
            self._starting = task
        if not task.done():
            # One caller that gives up must not stop the start for the others.
            await asyncio.shield(task)
        task.result()

    async def restore(self) -> None:
        """Restore what the account stream missed while it was away; awaited before it is live.

        Before the first start there is nothing to restore: starting looks at everything.
        """
        if self._starting is not None and self._starting.done():
            await self.desk.reconcile()

    async def history(self, ref: OrderRef) -> Sequence[HistoryEntry]:
        """Give everything that the journal has of an order, oldest first."""
        await self._journal.flush()
        return await self._journal.history(self._scope, ref.client_order_id or ClientOrderId(""))

    async def close(self) -> None:
        """End the start, if it is under way, and the stream."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])
        self._unsubscribe()

    # What the account stream calls, on the turn in which a frame arrives: no queue, no other task

    def put(self, event: object, /) -> None:
        """Take an event of the account stream."""
        if isinstance(event, OrderEvent):
            self.desk.on_order_event(event)
        elif isinstance(event, BalancesEvent):
            self._balances.update((balance.asset, balance) for balance in event.balances)

    def end(self, error: BaseException | None, /) -> None:
        """Learn that the stream has ended; the next caller starts it again, and is told why."""
        self._leave = None
        if error is not None and not isinstance(error, Closed):
            _log.error("account_stream_ended", extra={"reason": str(error)})
            self._starting = None

    # Starting

    async def _start(self) -> None:
        is_new = self._hub is not None and self._leave is None
        if self._hub is not None and is_new:
            await self._subscribe(self._hub)
        await self.desk.start()
        if is_new and self._has_run:
            await self.desk.reconcile()
        self._has_run = True

    async def _subscribe(self, hub: StreamHub) -> None:
        account = Subscription(Topic.ACCOUNT)
        self._leave = hub.attach(account, self)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await hub.live(account)
        except BaseException as error:
            self._unsubscribe()
            if not isinstance(error, TimeoutError):
                raise
            msg = (
                f"the account stream of {hub.exchange} did not become live within "
                f"{PATIENCE_S:g} s; nothing was placed, try again"
            )
            raise StreamError(msg) from None

    def _unsubscribe(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()
