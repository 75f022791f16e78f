"""The bounded queue between a connection and one consumer, and what happens when it is full."""

import asyncio
import enum
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from venuekit.model import ConsumerTooSlow

T = TypeVar("T")

CAPACITY: Final = 10_000
"""Events that wait for one consumer at most, unless it asks otherwise."""


class Policy(enum.Enum):
    """What happens when a consumer does not read in time. Each consumer chooses for itself."""

    FAIL = "fail"
    """What waits is still delivered, then the stream ends with `ConsumerTooSlow`."""
    WAIT = "wait"
    """The socket is read no further until there is room, so that nothing is lost.

    Such a subscription has a connection of its own: nobody else is delayed, and the exchange is
    asked for the same data once more if others follow it without waiting. Consumers of the same
    subscription that all chose to wait share it and go at the pace of the slowest. An exchange
    closes a connection that is not read for long; that shows as a `Gap`.
    """
    NEWEST = "newest"
    """Only the newest state is kept. For streams of states, not of events: see `StreamHub`."""


class EventQueue(Generic[T]):
    """Events for one consumer, in order.

    One reader at a time. `put` and `end` never wait and are called on the loop's thread. Once an
    event has been lost nothing more is taken in, so that what is delivered has no hole in it:
    `_limit` is 0 from then on, and after the end.
    """

    __slots__ = (
        "_capacity",
        "_error",
        "_is_ended",
        "_limit",
        "_lost",
        "_name",
        "_reader",
        "_replaces",
        "_writer",
        "items",
        "policy",
    )

    def __init__(
        self,
        name: str,
        *,
        policy: Policy = Policy.FAIL,
        capacity: int = CAPACITY,
        replaces: Callable[[T, T], bool] | None = None,
    ) -> None:
        """Make an empty queue.

        Args:
            name: The subscription, for errors.
            policy: What to do when it is full.
            capacity: Events that may wait, >= 1. With `Policy.WAIT`, those of the frame that
                fills it may exceed this.
            replaces: For `Policy.NEWEST`: whether the second event makes the first one, which
                waits, superfluous.
        """
        if capacity < 1:
            msg = f"capacity={capacity}; at least 1 is needed"
            raise ValueError(msg)
        self.policy: Final = policy
        self.items: Final[deque[T]] = deque()
        self._name = name
        self._capacity = capacity
        self._limit = capacity
        self._replaces = replaces if policy is Policy.NEWEST else None
        self._lost = 0
        self._is_ended = False
        self._error: BaseException | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None  # not None while `room` waits

    @property
    def is_full(self) -> bool:
        """Whether whoever fills it should wait for room."""
        return self.policy is Policy.WAIT and len(self.items) >= self._limit > 0

    @property
    def is_awaited(self) -> bool:
        """Whether `room` waits and is to be told that events were taken."""
        return self._writer is not None

    def put(self, event: T) -> None:
        """Add an event, and wake the reader."""
        items = self.items
        if self._replaces is not None and items and self._replaces(items[-1], event):
            items[-1] = event
            return
        if len(items) < self._limit:
            items.append(event)
        else:
            self._overflow(event)
        if self._reader is not None:
            self._wake()

    def end(self, error: BaseException | None) -> None:
        """Take no more; the reader gets what waits, then `error`, or the quiet end for None."""
        if not self._is_ended:
            self._is_ended, self._error = True, error
            self._limit, self._replaces = 0, None
            self._wake()
            self.taken()

    def discard(self) -> None:
        """End quietly, and forget what waits."""
        self.end(None)
        self._error, self._lost = None, 0
        self.items.clear()

    def taken(self) -> None:
        """Let `room` look again."""
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    async def room(self) -> None:
        """Wait until there is room, or the end."""
        while self.is_full:
            self._writer = asyncio.get_running_loop().create_future()
            try:
                await self._writer
            finally:
                self._writer = None

    async def next(self) -> T:
        """Wait for the next event and take it. Canceled, it has taken nothing.

        Raises:
            StopAsyncIteration: It ended, and everything has been read.
            ConsumerTooSlow: Events were lost after the last one read.
            RuntimeError: Somebody else waits already.
        """
        while not self.items:
            self._raise_if_over()
            if self._reader is not None:
                msg = f"{self._name}: only one task at a time may read a stream"
                raise RuntimeError(msg)
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self.items.popleft()

    def _raise_if_over(self) -> None:
        if self._lost:
            raise ConsumerTooSlow(self._name, self._lost)
        if self._is_ended:
            if self._error is None:
                raise StopAsyncIteration
            raise self._error

    def _overflow(self, event: T) -> None:
        if self._is_ended:  # what was lost is counted up to the end only
            return
        if self.policy is Policy.WAIT:
            self.items.append(event)  # the rest of the frame that filled it
            return
        self._limit, self._replaces = 0, None
        self._lost += 1

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
