"""What a consumer holds: a stream of events for `async for`."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from venuekit.model import VenuekitError
from venuekit.streams.queue import EventQueue

T_co = TypeVar("T_co", covariant=True)


class EventStream(Generic[T_co]):
    """Events of one subscription, in order, for one reader.

    Iterating ends with the error that ended the stream: `ConsumerTooSlow`, `SubscriptionRefused`,
    or `Closed` when the exchange was closed. It ends quietly after `aclose`. Leaving it with
    `async with` or `aclose` ends the subscription at the exchange, when nobody else uses it; a
    stream that is merely forgotten is left when Python collects it.
    """

    def __init__(self, queue: EventQueue[Any], leave: Callable[[], None]) -> None:
        """Read `queue`; call `leave` once, when no more is wanted."""
        self._queue = queue
        self._take = queue.items.popleft
        self._leave: Callable[[], None] | None = leave
        self._loop = asyncio.get_running_loop()

    @property
    def waiting(self) -> int:
        """How many events wait to be read."""
        return len(self._queue.items)

    def __aiter__(self) -> Self:
        """Give itself."""
        return self

    async def __anext__(self) -> T_co:
        """Give the next event. Canceled, it has taken none.

        Raises:
            StopAsyncIteration: It was closed here.
            VenuekitError: What ended it.
        """
        try:
            event: T_co = self._take()
        except IndexError:
            event = await self._next()
        if self._queue.is_awaited:
            self._queue.taken()
        return event

    async def aclose(self) -> None:
        """End the stream; what waits is forgotten. Safe to repeat."""
        self._queue.discard()
        self._detach()

    async def __aenter__(self) -> Self:
        """Give itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        await self.aclose()

    def __del__(self) -> None:
        """Leave, if nobody did: a loop that was broken out of must not collect for ever."""
        leave = getattr(self, "_leave", None)
        if leave is not None and not self._loop.is_closed():
            # The collector may run on any thread.
            self._loop.call_soon_threadsafe(leave)

    async def _next(self) -> T_co:
        try:
            event: T_co = await self._queue.next()
        except (VenuekitError, StopAsyncIteration):
            self._detach()
            raise
        return event

    def _detach(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()
