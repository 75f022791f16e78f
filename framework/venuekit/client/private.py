"""The private side of an open exchange: orders and the account stream, started when first used."""

import asyncio
import logging
from collections.abc import Sequence
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
    VenuekitError,
)
from venuekit.orders import OrderDesk
from venuekit.plugin import Subscription, Topic
from venuekit.stores import HistoryEntry, Journal, Scope
from venuekit.streams import EventStream, StreamHub

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
    _stream: "EventStream[object] | None" = None

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
        if self._stream is not None:
            await self._stream.aclose()

    async def _start(self) -> None:
        if self._hub is not None and self._stream is None:
            self._stream = await self._followed(self._hub)
        await self.desk.start()

    async def _followed(self, hub: StreamHub) -> "EventStream[object]":
        stream = hub.subscribe(Subscription(Topic.ACCOUNT))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await hub.live(Subscription(Topic.ACCOUNT))
        except BaseException as error:
            await stream.aclose()
            if not isinstance(error, TimeoutError):
                raise
            msg = (
                f"the account stream of {hub.exchange} did not become live within "
                f"{PATIENCE_S:g} s; nothing was placed, try again"
            )
            raise StreamError(msg) from None
        hub.start(self._follow(stream), name="account stream")
        return stream

    async def _follow(self, stream: "EventStream[object]") -> None:
        try:
            async for event in stream:
                if isinstance(event, OrderEvent):
                    self.desk.on_order_event(event)
                elif isinstance(event, BalancesEvent):
                    self._balances.update((balance.asset, balance) for balance in event.balances)
        except Closed:
            return  # the handle is being closed
        except VenuekitError as error:
            # The exchange refuses the stream now. The next caller starts it again, and is told.
            _log.error("account_stream_ended", extra={"reason": str(error)})
            self._stream = None
            self._starting = None
