"""Changes of orders out of the journal: each at least once, also across restarts."""

import asyncio
from collections import deque
from typing import Self

from venuekit.model import Closed
from venuekit.orders.changes import Changes
from venuekit.stores import Journal, JournalEvent, Scope

_BATCH = 500


class OrderEvents:
    """What happened to an account's orders, for `async for`, read from the journal.

    An event is written in the transaction that moves the order's state, and is handed out only
    once that is committed: what an application was told of is never forgotten. It counts as dealt
    with when the next one is asked for; after a crash the one that was being dealt with comes
    again, under the same number.
    """

    def __init__(
        self, *, journal: Journal, scope: Scope, consumer: str, bell: Changes, from_start: bool
    ) -> None:
        """Read for `consumer`.

        Args:
            journal: Where the events are.
            scope: Whose orders.
            consumer: Names who reads; its position is kept under this name.
            bell: Rings at every change.
            from_start: A consumer that was never here before begins with the oldest event, not
                with the next one.
        """
        self._journal = journal
        self._scope = scope
        self._consumer = consumer
        self._bell = bell
        self._from_start = from_start
        self._waiting: deque[JournalEvent] = deque()
        self._last: int | None = None
        self._given: int | None = None

    async def begin(self) -> None:
        """Find the place where this consumer left off; what happens from now on is not missed."""
        position = await self._journal.position(self._scope, self._consumer)
        if position is None:
            position = 0 if self._from_start else await self._journal.last_event(self._scope)
            self._journal.move_position(self._scope, self._consumer, position)
        self._last = position

    def __aiter__(self) -> Self:
        """Iterate over the events."""
        return self

    async def __anext__(self) -> JournalEvent:
        """Wait for the next event; the one before it is dealt with.

        Raises:
            StoreError: The journal failed.
        """
        if self._last is None:
            await self.begin()
        self.done()
        while not self._waiting:
            assert self._last is not None
            # First the bell, then the look: what happens between the two rings it again.
            self._bell.silence()
            found = await self._journal.events(self._scope, after=self._last, limit=_BATCH)
            if found:
                self._waiting.extend(found)
            elif self._bell.is_closed:
                raise StopAsyncIteration
            else:
                await self._bell.rung()
        event = self._waiting.popleft()
        self._last = self._given = event.number
        return event

    def done(self) -> None:
        """Count the last event as dealt with, without asking for the next; raises StoreError."""
        if self._given is not None:
            self._journal.move_position(self._scope, self._consumer, self._given)
            self._given = None

    async def next_within(self, timeout_s: float) -> JournalEvent | None:
        """Give the next event, or None if none came within `timeout_s` seconds.

        Raises:
            Closed: There will be no more.
            StoreError: The journal failed.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await anext(self)
        except TimeoutError:
            return None
        except StopAsyncIteration:
            raise Closed("the exchange was closed; there are no more events") from None

    async def __aenter__(self) -> Self:
        """Read inside a block, whose end ends the reading."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the reading; the last event given is dealt with if the next one was asked for."""
        await self.aclose()

    async def aclose(self) -> None:
        """End the iteration after what is waiting. Safe to repeat."""
        self._bell.close()
