"""`LiveBook`: a book that follows its stream, and finds back by itself."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from venuekit.model import (
    BadAnswer,
    BookChange,
    BookSnapshot,
    Closed,
    Gap,
    Instrument,
    RequestError,
    StreamReport,
    StreamState,
    StreamStateChanged,
    VenuekitError,
)
from venuekit.plugin import BookKeeping, Subscription, Topic
from venuekit.streams.backoff import Backoff
from venuekit.streams.book import Book
from venuekit.streams.book_join import BookJoin, Join
from venuekit.streams.feed import Hears
from venuekit.streams.hub import StreamHub
from venuekit.streams.queue import CAPACITY, EventQueue, Policy
from venuekit.streams.subscriber import EventStream

Fetch = Callable[[], Awaitable[BookSnapshot]]
"""Asks the exchange for the whole book; may raise RequestError or BadAnswer."""

BookUpdate = BookChange | BookSnapshot
"""A change that is in the book now, or what the book was after it was joined anew."""

_QUIET_S: Final = 1.0
"""For how long a first change is awaited, that proves a snapshot."""
_MINUTE_S: Final = 60.0
_FIRST_RETRY_S: Final = 0.25
_LONGEST_RETRY_S: Final = 10.0


class LiveBook:
    """The book of one instrument, in step with its exchange; for `async with`.

    `book` is changed the moment a change arrives, whether anybody reads or not. `async for` gives
    each change after it was applied, and a snapshot each time the book was joined anew, or the
    exchange sent a whole one; it ends with the error that ended the stream. A slow reader of the
    changes finds a book that is ahead of them.

    After a gap, a wrong checksum or a reconnection the book is not live until it has been joined
    again, and says so in `book.state`, by `BookNotLive`, and to the hub's observers. It tries
    again by itself, with growing pauses and at most `tries_per_minute` snapshots a minute; beyond
    that it stays STALE until the minute is over.
    """

    def __init__(
        self,
        *,
        hub: StreamHub,
        instrument: Instrument,
        keeping: BookKeeping,
        fetch: Fetch,
        tries_per_minute: int = 10,
        max_age_s: float | None = None,
    ) -> None:
        """Make a book that follows nothing yet.

        Args:
            hub: Brings the changes.
            instrument: Whose book.
            keeping: The exchange's rule.
            fetch: Asks for a snapshot, where the exchange sends none in the stream.
            tries_per_minute: Snapshots to ask for in any minute at most, >= 1.
            max_age_s: Longest silence, and longest delay of a change by the exchange's clock, in
                seconds, > 0, with which the book is believed; after that it is joined anew. None:
                silence is taken for a quiet market as long as the connection lives.

        Raises:
            ValueError: `max_age_s` is not above zero.
        """
        if max_age_s is not None and not max_age_s > 0:
            msg = f"max_age_s={max_age_s}; more than 0 is needed"
            raise ValueError(msg)
        self._max_age_s = max_age_s
        self._heard_at = 0.0
        self._ager: asyncio.Task[None] | None = None
        self.book: Final = Book(instrument.symbol, keeping)
        self.error: VenuekitError | None = None
        """What ended it."""
        self._hub = hub
        self._subscription = Subscription(Topic.BOOK, instrument)
        self._name = f"live book {instrument.symbol}"
        self._by_rest = keeping.snapshot_by_rest
        self._fetch = fetch
        self._join = BookJoin.of(self.book, keeping.rule)
        self._tries_per_minute = tries_per_minute
        self._tries: deque[float] = deque()
        self._backoff = Backoff(
            random=hub.random, first_s=_FIRST_RETRY_S, longest_s=_LONGEST_RETRY_S
        )
        self._readers: dict[EventQueue[Any], Hears] = {}
        self._is_fresh = False  # just connected: a snapshot comes by itself, if any does
        self._told = (self.book.state, "")
        self._changed = asyncio.Event()
        self._leave: Callable[[], None] | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Subscribe and begin to follow; `ready` waits until the book is live.

        Raises:
            NotSupported: The exchange streams no books.
            Closed: The hub is not open.
        """
        self._leave = self._hub.attach(self._subscription, self)
        self._keeper = self._hub.start(self._keep(), name=self._name)
        if self._max_age_s is not None:
            self._ager = self._hub.start(self._age(self._max_age_s), name=f"age of {self._name}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop following, and end every reader."""
        await self.aclose()

    async def aclose(self) -> None:
        """Stop following, and end every reader. Safe to repeat."""
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()
        self._end(None)
        tasks = [task for task in (self._keeper, self._ager) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # Reading

    @property
    def state(self) -> StreamState:
        """How far the book can be believed."""
        return self.book.state

    async def ready(self) -> Book:
        """Wait until the book is live, and give it.

        Raises:
            SubscriptionRefused: The exchange does not stream it.
            Closed: It or the hub was closed, or it was never entered.
            VenuekitError: The snapshot cannot be asked for at all.
        """
        while self.book.state is not StreamState.LIVE:
            if self._leave is None or self.error is not None:
                raise self.error or Closed(f"{self._name} is not open")
            await self._changed.wait()
        return self.book

    def updates(
        self,
        *,
        policy: Policy = Policy.FAIL,
        capacity: int = CAPACITY,
        gaps: bool = True,
        with_states: bool = False,
    ) -> EventStream[Any]:
        """Give each change from now on, after it was applied, to a reader of its own.

        Args:
            policy: What happens when the reader is too slow. NEWEST keeps one update, which
                says that the book moved: read the book. WAIT is not offered, for the book does
                not wait for its readers.
            capacity: Updates that may wait, >= 1.
            gaps: Deliver each `Gap` in line; a snapshot follows it once the book is joined anew.
            with_states: Deliver each `StreamStateChanged` of the book and `Gap` in line.

        Raises:
            ValueError: The policy is WAIT.
            Closed: The book is not open.
        """
        if policy is Policy.WAIT:
            msg = f"{self._name}: a book does not wait for its readers"
            raise ValueError(msg)
        if self._leave is None or self.error is not None:
            raise self.error or Closed(f"{self._name} is not open")
        queue: EventQueue[Any] = EventQueue(
            self._name, policy=policy, capacity=capacity, replaces=_both_updates
        )
        self._readers[queue] = Hears.ALL if with_states else Hears.GAPS if gaps else Hears.NOTHING
        if with_states:
            queue.put(self._state_event())
        # A stream that is forgotten must not keep itself alive through the book.
        return EventStream(queue, partial(self._forget, queue))

    def __aiter__(self) -> EventStream[BookUpdate | StreamReport]:
        """Give each change from now on, after it was applied."""
        return self.updates()

    # What the hub calls

    def put(self, event: BookChange | BookSnapshot | StreamStateChanged | Gap) -> None:
        """Take an event of the stream."""
        was_live = self.book.state is StreamState.LIVE
        if self._max_age_s is not None:
            self._heard(event, self._max_age_s)
        if type(event) is BookChange:
            applied = self._join.change(event)
            if applied:
                for reader in self._readers:
                    reader.put(event)
                return
            is_whole = False
        else:
            is_whole = self._note(event)
        self._after(is_whole=is_whole or not was_live)

    def end(self, error: BaseException | None) -> None:
        """Learn that the stream ended."""
        self._end(error if isinstance(error, VenuekitError) else None)

    def _note(self, event: BookChange | BookSnapshot | StreamStateChanged | Gap) -> bool:
        """Take what is no change; say whether it was a whole book that is in force now."""
        match event:
            case BookSnapshot():
                self._is_fresh = False  # it has come: the next one has to be asked for
                return self._join.first_snapshot(event)
            case StreamStateChanged(state=StreamState.LIVE):
                # The snapshot may have come before the word that it was subscribed to.
                self._is_fresh = self.book.state is not StreamState.LIVE
                self._join.connect()
            case StreamStateChanged():
                now_ns = self._hub.clock.now_ns()
                is_new = event.state is StreamState.CONNECTING
                state = StreamState.CONNECTING if is_new else StreamState.STALE
                self._join.lose(state, event.text, now_ns=now_ns)
            case Gap():
                self._join.resync(event.text, now_ns=self._hub.clock.now_ns())
                self._report(event)
        return False

    def _after(self, *, is_whole: bool) -> None:
        """Tell readers and observers what became of the book.

        Args:
            is_whole: If it is live, it is so anew, or all of it was told again.
        """
        is_live = self.book.state is StreamState.LIVE
        if is_live and is_whole:
            joined = self.book.snapshot()
            for reader in self._readers:
                reader.put(joined)
        if (self.book.state, self.book.text) != self._told:
            self._told = (self.book.state, self.book.text)
            event = self._state_event()
            self._report(event)
            self._hub.tell(event)
        self._notify()

    def _forget(self, reader: EventQueue[Any]) -> None:
        self._readers.pop(reader, None)

    def _report(self, event: StreamStateChanged | Gap) -> None:
        for reader, hears in self._readers.items():
            if hears.includes(event):
                reader.put(event)

    def _state_event(self) -> StreamStateChanged:
        return StreamStateChanged(stream=self._name, state=self.book.state, text=self.book.text)

    def _end(self, error: VenuekitError | None) -> None:
        if self.error is None:
            self.error = error
        if self.book.state is not StreamState.STALE:
            since_ns = self._hub.clock.now_ns()
            self.book.lose(StreamState.STALE, "no longer followed", since_ns=since_ns)
        readers, self._readers = self._readers, {}
        for reader in readers:
            reader.end(error)
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # Its age

    def _heard(self, event: object, max_age_s: float) -> None:
        """Take note that something came, and lose the book if it came too late."""
        self._heard_at = asyncio.get_running_loop().time()
        if not isinstance(event, BookChange) or event.time_ns is None:
            return
        now_ns = self._hub.clock.now_ns()
        late_s = (now_ns - event.time_ns) / 1e9
        if late_s > max_age_s and self.book.state is StreamState.LIVE:
            self._join.resync(f"changes come {late_s:.1f} s late", now_ns=now_ns)
            self._after(is_whole=False)

    async def _age(self, max_age_s: float) -> None:
        """Lose the book when nothing was heard for too long: a socket may live and a symbol not."""
        loop = asyncio.get_running_loop()
        while self.error is None:
            if self.book.state is not StreamState.LIVE:
                await self._changed.wait()
                self._heard_at = loop.time()
                continue
            left_s = self._heard_at + max_age_s - loop.time()
            if left_s > 0:
                await asyncio.sleep(left_s)
                continue
            text = f"nothing was heard for {max_age_s:g} s"
            self._join.resync(text, now_ns=self._hub.clock.now_ns())
            if self._by_rest:  # else renewed for the snapshot anyway
                self._hub.renew(self._subscription)
            self._after(is_whole=False)

    # Finding back

    async def _keep(self) -> None:
        failures = 0
        while self.error is None:
            if not self._join.needs_snapshot:
                await self._changed.wait()
                continue
            if failures:
                await asyncio.sleep(self._backoff.delay_s(failures))
            await self._affordable()
            is_joined = await self._tried()
            failures = 0 if is_joined else failures + 1

    async def _affordable(self) -> None:
        """Wait until another try is within the bounds; the book is STALE meanwhile."""
        loop = asyncio.get_running_loop()
        while self._tries and self._tries[0] <= loop.time() - _MINUTE_S:
            self._tries.popleft()
        if len(self._tries) >= self._tries_per_minute:
            why = self.book.text
            wait_s = self._tries[0] + _MINUTE_S - loop.time()
            text = f"{len(self._tries)} tries within a minute, the next one in {wait_s:.0f} s"
            self._say(StreamState.STALE, f"{text}; {why}")
            await asyncio.sleep(wait_s)
            self._tries.popleft()
            self._say(StreamState.RESYNCING, why)

    async def _tried(self) -> bool:
        """Ask for a snapshot once; say whether the book is live."""
        if not self._join.needs_snapshot:
            return True
        self._tries.append(asyncio.get_running_loop().time())
        self._say(StreamState.RESYNCING, self.book.text)
        if not self._by_rest:
            return await self._renewed()
        epoch = self._join.epoch
        try:
            snapshot = await self._fetch()
            join = self._join.snapshot(snapshot, epoch=epoch)
        except (RequestError, BadAnswer, ValueError) as error:
            self._say(StreamState.RESYNCING, f"no snapshot: {error}")
            return False
        except VenuekitError as error:  # asking again would not help
            if self._leave is not None:
                self._leave()
            self._end(error)
            return False
        if join is Join.UNPROVEN:
            await self._proven()
        self._after(is_whole=True)
        return self.book.state is StreamState.LIVE

    async def _proven(self) -> None:
        """Wait a while for a change that a snapshot can be held against."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_QUIET_S):
                while self._join.is_unproven:
                    await self._changed.wait()
        self._join.settle()

    async def _renewed(self) -> bool:
        """Subscribe anew, for the snapshot that comes in the stream."""
        if not self._is_fresh:
            self._hub.renew(self._subscription)
        self._is_fresh = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_RETRY_S):
                while self._join.needs_snapshot:
                    await self._changed.wait()
        return self.book.state is StreamState.LIVE

    def _say(self, state: StreamState, text: str) -> None:
        if self.book.state is not StreamState.LIVE:
            self.book.lose(state, text)
            self._after(is_whole=True)


def _both_updates(waiting: object, event: object) -> bool:
    return isinstance(waiting, BookUpdate) and isinstance(event, BookUpdate)
