"""The private side of an open exchange: orders and the account stream, started when first used."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from venuekit.limits import Lane
from venuekit.model import (
    Balance,
    BalancesEvent,
    ClientOrderId,
    Closed,
    OrderChange,
    OrderEvent,
    OrderRef,
    StreamError,
    StreamState,
    StreamStateChanged,
)
from venuekit.orders import OrderDesk, Stopped
from venuekit.plugin import Subscription, Topic
from venuekit.stores import HistoryEntry, Journal, Scope
from venuekit.streams import StreamHub

_log: Final = logging.getLogger("venuekit.client")

PATIENCE_S: Final = 15.0
"""For how long an order waits for the account stream: at the start, and after an interruption."""
_BLIND_S: Final = 10.0
"""Between comparisons while no stream tells of orders; few exchanges have none at all."""
_ACCOUNT: Final = Subscription(Topic.ACCOUNT)


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
    _is_live: bool = False
    """Whether the account stream tells all that happens; placing waits while it does not."""
    _reconcile_every_s: float = 60.0

    async def ready(self) -> None:
        """Wait until placing is allowed. A failed start is tried again by the next caller.

        Raises:
            StreamError: The account stream is down, and was not restored in time.
        """
        task = self._starting
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.create_task(self._start(), name="start of the private side")
            self._starting = task
        if not task.done():
            # One caller that gives up must not stop the start for the others.
            await asyncio.shield(task)
        task.result()
        if not self._is_live and self._hub is not None and self._leave is not None:
            await self._live(self._hub)

    async def restore(self) -> None:
        """Restore what the account stream missed while it was away; awaited before it is live.

        Before the first start there is nothing to restore: starting looks at everything.
        """
        if self._has_run:
            # Unknown orders are looked for all the while; they need not hold up the others. In
            # their lane: behind it, many of them would use up narrow limits for good.
            await self.desk.reconcile(resolve=False, lane=Lane.PLACE)

    async def history(self, ref: OrderRef) -> Sequence[HistoryEntry]:
        """Give everything that the journal has of an order, oldest first."""
        await self._journal.flush()
        return await self._journal.history(self._scope, ref.client_order_id or ClientOrderId(""))

    async def stop(self, *, within_s: float, cancel_orders: bool) -> Stopped:
        """Place nothing more, let what is under way end, and say what is left."""
        return await self.desk.stop(within_s=within_s, cancel_orders=cancel_orders)

    async def close(self) -> None:
        """End the start, if it is under way, and the stream."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])
        self._unsubscribe()

    # What the account stream calls, on the turn in which a frame arrives: no queue, no other task

    def put(self, event: object, /) -> None:
        """Take an event of the account stream."""
        if isinstance(event, (OrderEvent, OrderChange)):
            self.desk.on_order_event(event)
        elif isinstance(event, BalancesEvent):
            for balance in event.balances:
                self._keep(balance)
        elif isinstance(event, StreamStateChanged):
            self._is_live = event.state is StreamState.LIVE

    def _keep(self, balance: Balance) -> None:
        """Keep a balance unless it comes late: events overtake each other."""
        known = self._balances.get(balance.asset)
        if (
            known is None
            or known.updated_ns is None
            or balance.updated_ns is None
            or known.updated_ns <= balance.updated_ns
        ):
            self._balances[balance.asset] = balance

    def end(self, error: BaseException | None, /) -> None:
        """Learn that the stream has ended; the next caller starts it again, and is told why."""
        self._leave = None
        self._is_live = False
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
        self.desk.keep_reconciled(self._pause_s)

    def _pause_s(self) -> float:
        """Compare more often while nothing but asking tells what happens."""
        is_blind = not self._is_live
        return min(_BLIND_S, self._reconcile_every_s) if is_blind else self._reconcile_every_s

    async def _subscribe(self, hub: StreamHub) -> None:
        self._leave = hub.attach(_ACCOUNT, self)
        try:
            await self._live(hub)
        except BaseException:
            self._unsubscribe()
            raise

    async def _live(self, hub: StreamHub) -> None:
        """Wait until the account stream tells all that happens."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await hub.live(_ACCOUNT)
        except TimeoutError:
            msg = (
                f"the account stream of {hub.exchange} did not become live within "
                f"{PATIENCE_S:g} s; nothing was placed, try again"
            )
            raise StreamError(msg) from None

    def _unsubscribe(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()
