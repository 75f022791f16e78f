"""The private side of an open exchange: orders and the account stream, started when first used."""

import asyncio

import attrs

from venuekit.model import Balance, BalancesEvent, OrderEvent
from venuekit.orders import OrderDesk
from venuekit.plugin import Subscription, Topic
from venuekit.streams import EventStream, StreamHub


@attrs.define(kw_only=True, eq=False)
class PrivateSide:
    """Orders and account of one key.

    The first call that needs it starts the account stream and resolves what earlier runs left
    open; placing waits for that, cancelling does not.
    """

    desk: OrderDesk
    _hub: StreamHub | None
    _tasks: asyncio.TaskGroup
    _balances: dict[str, Balance] = attrs.field(factory=dict)
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

    def balances(self) -> dict[str, Balance]:
        """Give the balances as the account stream has reported them, by asset."""
        return dict(self._balances)

    async def close(self) -> None:
        """End the start, if it is under way, and the stream."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])
        if self._stream is not None:
            await self._stream.aclose()

    async def _start(self) -> None:
        if self._hub is not None and self._stream is None:
            stream = self._hub.subscribe(Subscription(Topic.ACCOUNT))
            await self._hub.live(Subscription(Topic.ACCOUNT))
            self._stream = stream
            self._tasks.create_task(self._follow(stream), name="account stream")
        await self.desk.start()

    async def _follow(self, stream: "EventStream[object]") -> None:
        async for event in stream:
            if isinstance(event, OrderEvent):
                self.desk.on_order_event(event)
            elif isinstance(event, BalancesEvent):
                self._balances |= {balance.asset: balance for balance in event.balances}
