"""The supervisor of one connection: connecting, reconnecting, and planned rotation."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

import attrs

from venuekit.model import SubscriptionRefused, VenuekitError
from venuekit.plugin import Channel, Stream
from venuekit.streams.backoff import Backoff
from venuekit.streams.feed import Feed, Notice, Tell
from venuekit.streams.granting import Granting
from venuekit.streams.refill import Missed
from venuekit.streams.refilling import refilled
from venuekit.streams.session import Session
from venuekit.transport.seam import Transport, TransportFailure

CONNECT_S: Final = 10.0
_STEADY_S: Final = 30.0
"""A connection that lived so long was a success; one that breaks sooner counts as a failure."""
_DRAIN_S: Final = 2.0
"""For how long a new connection runs beside the old one, so that what is under way arrives."""
_DEAF: Final = "the old connection had fallen silent"
_SETTLE_S: Final = 10.0
"""For how long after a rotation a duplicate may still come."""
_REFUSALS: Final = 3
"""A subscription that was live and is refused so often in succession is over."""
_PRIVATE_REFUSALS: Final = 10
"""As above, of the account: what was refused may have been the token, and each time it is another
one. These take about two minutes."""

Reconcile = Callable[[], Awaitable[None]]
"""Restores what a private stream missed; called again until it succeeds."""


@attrs.frozen(kw_only=True)
class Supplies:
    """What all connections of one hub share."""

    exchange: str
    adapter: Stream
    transport: Transport
    random: Random
    granting: Callable[[], Granting] | None
    """Makes what brings access to private subscriptions of one connection; None without a key."""
    connect_budget: Callable[[], Awaitable[None]] | None
    """Pays for one attempt to connect, or raises a VenuekitError."""
    missed: Missed | None
    """Asks for public trades that were missed; None where the exchange does not tell them."""
    reconcile: Reconcile | None
    tell: Tell
    forget: Callable[[Feed], None]
    """Is told of a feed that ended by itself."""


class Connection:
    """One place at the exchange, filled by one socket after the other.

    Two at once during a rotation: the old one delivers until the new one has everything. `feeds`
    is what is wanted; it changes at any time without waiting, sessions follow it.
    """

    def __init__(self, channel: Channel, supplies: Supplies) -> None:
        """Make a connection that carries nothing yet."""
        self.channel: Final = channel
        self.feeds: Final[dict[str, Feed]] = {}
        self._supplies = supplies
        self._backoff = Backoff(random=supplies.random)
        self._failures = 0
        self._is_first = True
        self._numbers = itertools.count(1)
        self._request_ids = itertools.count(1)
        self._sessions: list[Session] = []
        self._tasks: asyncio.TaskGroup | None = None

    # The hub's side

    def has_room(self) -> bool:
        """Say whether another feed may be added."""
        return len(self.feeds) < self.channel.max_subscriptions

    def add(self, feed: Feed) -> None:
        """Carry `feed` too."""
        self.feeds[feed.key] = feed
        self._nudge()

    def remove(self, feed: Feed) -> None:
        """Carry `feed` no longer."""
        if self.feeds.get(feed.key) is feed:
            del self.feeds[feed.key]
            self._nudge()

    def renew(self, feed: Feed) -> None:
        """Subscribe to `feed` once more."""
        for session in self._sessions:
            if not session.is_retiring:
                session.renew(feed.key)

    async def run(self) -> None:
        """Keep the connection up until canceled; closes its sockets then."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                session = await self._brought_up(tasks)
                while True:
                    await session.turn()
                    if session.is_over:
                        session = await self._brought_up(tasks)
                    else:
                        session = await self._rotated(session, tasks)
        finally:
            # A task that is canceled before its first step never runs, not even its `finally`.
            for session in self._sessions:
                await session.abandon()

    # Bringing up

    async def _brought_up(self, tasks: asyncio.TaskGroup) -> Session:
        """Connect and subscribe to everything, however many attempts it takes."""
        while True:
            if not self._is_first:
                await asyncio.sleep(self._backoff.delay_s(self._failures))
            self._is_first = False
            try:
                session = await self._opened()
            except (TransportFailure, VenuekitError) as error:
                self._failed(f"connecting failed: {error}")
            else:
                name = f"{self._supplies.exchange} {self.channel.name} {session.number}"
                tasks.create_task(self._live(session), name=name)
                if await session.up():
                    return session

    async def _opened(self) -> Session:
        supplies, channel = self._supplies, self.channel
        if supplies.connect_budget is not None:
            await supplies.connect_budget()
        socket = await supplies.transport.connect(
            channel.host, channel.path, headers={}, connect_s=CONNECT_S
        )
        session = Session(
            number=next(self._numbers),
            channel=channel,
            adapter=supplies.adapter,
            socket=socket,
            feeds=self.feeds,
            access=supplies.granting() if channel.is_private and supplies.granting else None,
            next_request_id=lambda: next(self._request_ids),
            random=supplies.random,
            on_subscribed=self._subscribed,
            on_hole=self._hole,
            on_refused=self._refused,
            on_trouble=self._trouble,
        )
        self._sessions.append(session)
        return session

    def _failed(self, text: str) -> None:
        self._failures += 1
        self._trouble(text)
        for feed in list(self.feeds.values()):
            if not self._carriers(feed):
                feed.lost(text)

    # Rotating

    async def _rotated(self, old: Session, tasks: asyncio.TaskGroup) -> Session:
        """Replace `old`, which goes on until its successor has everything."""
        old.retire()
        for key in old.held:
            feed = self.feeds.get(key)
            if feed is not None:
                feed.begin_overlap(old.number)
        # Nothing failed, so at once; but not in a circle if each socket is announced to close.
        self._is_first = self._judged(old)
        new = await self._brought_up(tasks)
        while (doubted := await self._proven(new)) is None and not old.is_over:
            new = await self._brought_up(tasks)
        was_deaf = old.heard_at < new.opened_at
        old.close()
        for feed in list(self.feeds.values()):
            is_doubted = feed in (doubted or ()) and not feed.is_joined
            feed.end_old(lost=_DEAF if is_doubted else None)
            # Where nothing happens and nothing was heard, nobody knows whether it was still alive.
            if was_deaf and self.channel.is_private and feed.was_live:
                feed.must_reconcile = True
            if feed.must_reconcile and feed.key in new.held:
                self._subscribed(new, feed)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_S):
                await new.turn()
        for feed in self.feeds.values():
            feed.settle()
        return new

    async def _proven(self, new: Session) -> set[Feed] | None:
        """Let a new session run beside the old one for a moment; None if it did not survive.

        Gives the feeds of which it told something halfway that the old one has not told by the
        end: that one may have fallen silent long before.
        """
        doubted: set[Feed] = set()
        for _ in range(2):
            doubted = {feed for feed in self.feeds.values() if feed.is_waiting_to_join}
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_S / 2):
                    await new.over()
        return None if new.is_over else doubted

    # Sessions' reports

    async def _live(self, session: Session) -> None:
        try:
            why = await session.run()
        finally:
            self._sessions.remove(session)
        if not session.is_closing:
            self._ended(session, why)

    def _ended(self, session: Session, why: str) -> None:
        self._judged(session)
        self._trouble(f"connection lost: {why}")
        for feed in list(self.feeds.values()):
            if not self._carriers(feed):
                feed.lost(why)
            elif session.is_retiring:
                feed.end_old(lost=why)
                if feed.must_reconcile:
                    self._subscribed(self._carriers(feed)[-1], feed)
            else:
                feed.forget_new()

    def _judged(self, session: Session) -> bool:
        """Count a session that ends as a success or a failure; say whether it was a success."""
        is_steady = asyncio.get_running_loop().time() - session.opened_at >= _STEADY_S
        self._failures = 0 if is_steady else self._failures + 1
        return is_steady

    def _carriers(self, feed: Feed) -> list[Session]:
        """List the sessions that deliver `feed`, oldest first."""
        return [s for s in self._sessions if feed.key in s.held and not s.is_closing]

    def _subscribed(self, session: Session, feed: Feed) -> None:
        feed.subscribed()
        if feed.must_reconcile and self.channel.is_private and self._supplies.reconcile:
            session.start(self._reconciled(feed, self._supplies.reconcile))
        elif feed.refill is not None:
            self._begin_refilling(feed)
        else:
            feed.live()

    def _hole(self, session: Session, feed: Feed, text: str) -> None:
        """Events of a feed may be missing, in the middle of a session that goes on."""
        if feed.gap(text) and feed.key in session.held:  # else: about to be subscribed anew
            self._begin_refilling(feed)

    def _begin_refilling(self, feed: Feed) -> None:
        feed.resyncing()
        if feed.refiller is not None or self._tasks is None or self._supplies.missed is None:
            return
        filling = refilled(feed, self._supplies.missed, self._supplies.random)
        name = f"{self._supplies.exchange} missed {feed.name}"
        try:
            feed.refiller = self._tasks.create_task(filling, name=name)
        except RuntimeError:  # the group is closing down
            filling.close()

    async def _reconciled(self, feed: Feed, reconcile: Reconcile) -> None:
        """Restore what was missed, until it succeeds or the session ends; then call it live."""
        feed.resyncing()
        failures = 0
        while True:
            try:
                await reconcile()
            except Exception as error:  # noqa: BLE001  # an observer's hook; the feed says so and stays not live
                failures += 1
                said = str(error) if isinstance(error, VenuekitError) else type(error).__name__
                feed.resyncing(f"reconciliation failed: {said}")
                await asyncio.sleep(self._backoff.delay_s(failures))
            else:
                feed.live()
                return

    def _refused(self, feed: Feed, text: str) -> bool:
        """Take a refusal; say whether to try again."""
        feed.refusals += 1
        most = _PRIVATE_REFUSALS if self.channel.is_private else _REFUSALS
        if feed.was_live and feed.refusals <= most:
            feed.lost(f"refused: {text}")
            return True
        del self.feeds[feed.key]
        self._supplies.forget(feed)
        feed.end(SubscriptionRefused(self._supplies.exchange, feed.name, text))
        return False

    def _trouble(self, text: str) -> None:
        self._supplies.tell(Notice(channel=self.channel.name, text=text))

    def _nudge(self) -> None:
        for session in self._sessions:
            session.nudge()
