"""Changes of orders, for `async for`: bounded, and honest about what was not read in time."""

import asyncio
from collections import deque
from typing import Self

from venuekit.model import ConsumerTooSlow, Order


class Changes:
    """One subscriber's changes, oldest first, each an order as it is known after the change.

    When `capacity` of them wait unread, the subscriber is told so: after those that wait,
    `ConsumerTooSlow` is raised once with the number that is lost, and newer ones follow.
    """

    def __init__(self, capacity: int) -> None:
        """Hold at most `capacity` unread changes, > 0."""
        self._waiting: deque[Order] = deque()
        self._capacity = capacity
        self._lost = 0
        self._is_closed = False
        self._arrived = asyncio.Event()

    def offer(self, order: Order) -> None:
        """Take a change in, or count it as lost."""
        if self._is_closed:
            return
        # Once something is lost, nothing is taken before the reader was told: what follows the
        # gap must not look as if it followed what came before.
        if self._lost or len(self._waiting) >= self._capacity:
            self._lost += 1
        else:
            self._waiting.append(order)
        self._arrived.set()

    def silence(self) -> None:
        """Forget what waits; for who only wants to know that something has happened."""
        self._waiting.clear()
        self._lost = 0
        if not self._is_closed:
            self._arrived.clear()

    async def rung(self) -> None:
        """Wait until something happens after the last `silence`, or until the end."""
        await self._arrived.wait()

    def close(self) -> None:
        """End the iteration after what is waiting. Safe to repeat."""
        self._is_closed = True
        self._arrived.set()

    @property
    def is_closed(self) -> bool:
        """Say whether nothing more will come."""
        return self._is_closed

    def __aiter__(self) -> Self:
        """Iterate over the changes."""
        return self

    async def __anext__(self) -> Order:
        """Wait for the next change; raises ConsumerTooSlow."""
        while True:
            if self._waiting:
                return self._waiting.popleft()
            if self._lost:
                lost, self._lost = self._lost, 0
                raise ConsumerTooSlow("order changes", lost)
            if self._is_closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
