"""`StreamHub`: all streams of one account at one exchange."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from random import Random
from types import TracebackType
from typing import Any, Final, Protocol, Self

from venuekit.model import (
    BestPrice,
    BookSnapshot,
    Candle,
    Closed,
    NotSupported,
    StreamState,
    Ticker,
)
from venuekit.plugin import Key, Stream, Subscription, Topic
from venuekit.streams.connection import Connection, Supplies
from venuekit.streams.feed import Consumer, Feed, Hears
from venuekit.streams.granting import FetchToken, Granting, TakeNonce
from venuekit.streams.queue import CAPACITY, EventQueue, Policy
from venuekit.streams.refill import Missed
from venuekit.streams.subscriber import EventStream
from venuekit.transport.seam import Transport

_STATES: Final = frozenset({Topic.TICKER, Topic.BEST_PRICE, Topic.CANDLES})
_LOOKS: Final = 4
"""A silence is noticed at most one such part of it too late."""
_IDLE_S: Final = 10.0
"""For how long a connection that carries nothing is kept for whoever comes next."""

Observer = Callable[[Any], None]
"""Is told of each StreamStateChanged, Gap and Notice, at once; must not wait."""


class MissedOf(Missed, Protocol):
    """Knows of which streams it can ask for what they missed."""

    def serves(self, subscription: Subscription) -> bool:
        """Say whether what that stream misses can be asked for."""
        ...


class ExchangeTime(Protocol):
    """Tells the time at the exchange."""

    def now_ns(self) -> int:
        """Give nanoseconds since the epoch."""
        ...


def is_newer_state(waiting: object, event: object) -> bool:
    """Say whether `event` makes `waiting` superfluous: a later state of the same thing."""
    match waiting, event:
        case (Ticker(), Ticker()) | (BestPrice(), BestPrice()) | (BookSnapshot(), BookSnapshot()):
            return True
        case Candle(), Candle():
            return waiting.open_time_ns == event.open_time_ns
        case _:
            return False


class StreamHub:
    """Subscriptions of one exchange and account, on as few connections as they fit on.

    An asynchronous context manager: its connections live inside it, and every stream ends with
    `Closed` when it is left. The methods are called on its loop's thread.
    """

    def __init__(
        self,
        *,
        exchange: str,
        account: str,
        adapter: Stream,
        transport: Transport,
        clock: ExchangeTime,
        random: Random,
        key: Key | None = None,
        fetch_token: FetchToken | None = None,
        take_nonce: TakeNonce | None = None,
        connect_budget: Callable[[], Awaitable[None]] | None = None,
        on_private_gap: Callable[[], Awaitable[None]] | None = None,
        missed: MissedOf | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        """Make a hub that is connected to nothing yet.

        Args:
            exchange: Its id, for errors and names.
            account: Name of the account, for names.
            adapter: Speaks for the exchange.
            transport: Opens the sockets; not closed here.
            clock: The time at the exchange.
            random: Chance, for jitter.
            key: Signs private subscriptions; without one there are none.
            fetch_token: Asks for the token that private subscriptions carry, where the exchange
                wants one.
            take_nonce: Gives the nonce of a private subscription, where its signature has one.
            connect_budget: Pays for one attempt to connect, waiting for it if it must; may raise
                a VenuekitError.
            on_private_gap: Restores what the account's stream missed; awaited after each
                interruption before the stream is called live again, and again until it succeeds.
            missed: Asks for public trades that a stream missed; without, gaps are reported only.
            observers: Are told of every state, gap and oddity.
        """
        self.exchange: Final = exchange
        self.account: Final = account
        self.clock: Final = clock
        self.random: Final = random
        self._adapter = adapter
        self._key = key
        self._missed = missed
        self._observers = list(observers)
        self._channels = {channel.name: channel for channel in adapter.channels()}
        self._supplies = Supplies(
            exchange=exchange,
            adapter=adapter,
            transport=transport,
            random=random,
            granting=None if key is None else partial(self._granting, key, fetch_token, take_nonce),
            connect_budget=connect_budget,
            missed=missed,
            reconcile=on_private_gap,
            tell=self.tell,
            forget=self._forget,
        )
        self._feeds: dict[tuple[str, bool], Feed] = {}
        self._homes: dict[Feed, Connection] = {}
        # Streams that were live and ended by themselves: what happens until somebody subscribes
        # again is restored before they are called live.
        self._ended: set[str] = set()
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._retirements: dict[Connection, asyncio.TimerHandle] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._started: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        """Open the hub; nothing is connected before somebody subscribes."""
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every stream with `Closed`, and close every connection."""
        tasks, self._tasks = self._tasks, None
        for feed in list(self._feeds.values()):
            feed.end(Closed(f"the streams of {self.exchange} were closed"))
        self._feeds.clear()
        self._homes.clear()
        for timer in self._retirements.values():
            timer.cancel()
        for task in list(self._started):
            task.cancel()
        if tasks is not None:
            await tasks.__aexit__(kind, error, trace)

    # For applications

    def subscribe(
        self,
        *subscriptions: Subscription,
        policy: Policy = Policy.FAIL,
        capacity: int = CAPACITY,
        gaps: bool = True,
        with_states: bool = False,
        max_age_s: float | None = None,
    ) -> EventStream[Any]:
        """Listen to `subscriptions` as one; what is asked for twice costs the exchange one.

        Events are those of the subscriptions' topics, beginning with the first that arrives, in
        the order in which they came.

        Args:
            subscriptions: What to listen to, at least one.
            policy: What happens when this consumer does not read in time. `Policy.NEWEST` is for
                one stream of tickers, best prices or candles (the newest of each bar).
            capacity: Events that may wait for this consumer, >= 1.
            gaps: Deliver each `Gap` in line. Without, only observers are told.
            with_states: Deliver each `StreamStateChanged` and `Gap` in line, the present state
                first.
            max_age_s: Longest silence of one of them, in seconds, > 0, before it is called STALE
                and is subscribed anew. None: silence is a quiet market, as long as the connection
                lives.

        Raises:
            NotSupported: The exchange does not stream that, or there is no key for it.
            ValueError: `Policy.NEWEST` for a stream whose events all count, or for several;
                nothing to listen to; `max_age_s` is not above zero.
            Closed: The hub is not open.
        """
        _check_wanted(subscriptions, policy, max_age_s)
        name = ", ".join(map(str, subscriptions))
        queue: EventQueue[Any] = EventQueue(
            name, policy=policy, capacity=capacity, replaces=is_newer_state
        )
        hears = Hears.ALL if with_states else Hears.GAPS if gaps else Hears.NOTHING
        leaves: list[Callable[[], None]] = []
        try:
            for subscription in _distinct(subscriptions):
                leaves.append(
                    self.attach(subscription, queue, waits=policy is Policy.WAIT, hears=hears)
                )
                if max_age_s is not None:
                    leaves.append(self._aged(subscription, max_age_s))
        except BaseException:
            _all(leaves)
            raise
        return EventStream(queue, partial(_all, leaves))

    async def live(self, subscription: Subscription) -> None:
        """Wait until `subscription`, which somebody listens to, is live.

        Raises:
            StreamError: What ended it: `SubscriptionRefused`.
            Closed: The hub was closed, or everybody who listened has left.
            ValueError: Nobody listens to it.
        """
        feed = self._feed(subscription)
        if feed is None:
            msg = f"{subscription}: nobody listens to it"
            raise ValueError(msg)
        while feed.state is not StreamState.LIVE:
            if feed.error is not None:
                raise feed.error
            await feed.changed()
            if feed.error is None and self._feed(subscription) is not feed:
                raise Closed(f"{subscription}: nobody listens to it any more")

    def state_of(self, subscription: Subscription) -> StreamState | None:
        """Tell how far `subscription` can be believed; None if nobody listens to it."""
        feed = self._feed(subscription)
        return None if feed is None else feed.state

    def observe(self, observer: Observer) -> None:
        """Tell `observer` of every StreamStateChanged, Gap and Notice from now on."""
        self._observers.append(observer)

    # For books, which are consumers of their own kind

    def attach(
        self,
        subscription: Subscription,
        consumer: Consumer,
        *,
        waits: bool = False,
        hears: Hears = Hears.ALL,
    ) -> Callable[[], None]:
        """Hand the events of `subscription` to `consumer`; gives what ends that.

        Raises:
            NotSupported: The exchange does not stream that, or there is no key for it.
            Closed: The hub is not open.
        """
        if self._tasks is None:
            raise Closed(f"the streams of {self.exchange} are not open")
        try:
            channel = self._channels[self._adapter.channel_of(subscription)]
            key = self._adapter.key_of(subscription)
        except ValueError:
            raise NotSupported(self.exchange, f"a stream of {subscription}") from None
        if channel.is_private and self._key is None:
            raise NotSupported(self.exchange, f"a stream of {subscription} without a key")
        feed = self._feeds.get((key, waits))
        if feed is None:
            feed = Feed(
                subscription,
                key,
                waits=waits,
                tell=self.tell,
                is_refilled=self._missed is not None and self._missed.serves(subscription),
            )
            feed.must_reconcile = key in self._ended
            self._ended.discard(key)
            self._feeds[key, waits] = feed
            self._settle_in(feed, channel.name)
        feed.join(consumer, hears)
        return partial(self._leave, feed, consumer)

    def renew(self, subscription: Subscription) -> None:
        """Subscribe at the exchange once more, for the snapshot that comes first."""
        feed = self._feed(subscription)
        if feed is not None:
            self._homes[feed].renew(feed)

    def start(self, coroutine: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run something; it is canceled when the hub is closed, unless it ended before.

        Raises:
            Closed: The hub is not open.
        """
        if self._tasks is None:
            coroutine.close()
            raise Closed(f"the streams of {self.exchange} are not open")
        task = self._tasks.create_task(coroutine, name=name)
        self._started.add(task)
        task.add_done_callback(self._started.discard)
        return task

    def tell(self, event: object) -> None:
        """Tell the observers."""
        for observer in self._observers:
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001  # an observer's hook; it hurts itself alone
                asyncio.get_running_loop().call_exception_handler(
                    {"message": f"an observer of {self.exchange} failed", "exception": error}
                )

    # Connections

    def _settle_in(self, feed: Feed, channel: str) -> None:
        """Find a connection with room, or open one."""
        free = (
            connection
            for connection in self._connections
            if connection.channel.name == channel and _suits(connection, feed)
        )
        connection = next(free, None) or self._opened(channel)
        timer = self._retirements.pop(connection, None)
        if timer is not None:
            timer.cancel()
        connection.add(feed)
        self._homes[feed] = connection

    def _opened(self, channel: str) -> Connection:
        connection = Connection(self._channels[channel], self._supplies)
        name = f"{self.exchange} {self.account} {channel} {len(self._connections) + 1}"
        self._connections[connection] = self.start(connection.run(), name=name)
        return connection

    def _leave(self, feed: Feed, consumer: Consumer) -> None:
        feed.leave(consumer)
        if not feed.is_used and feed in self._homes:
            self._homes[feed].remove(feed)
            feed.end(None)
            self._forget(feed)

    def _forget(self, feed: Feed) -> None:
        self._feeds.pop((feed.key, feed.waits), None)
        connection = self._homes.pop(feed)
        if feed.was_live and connection.channel.is_private:
            self._ended.add(feed.key)
        if not connection.feeds and self._loop is not None:
            timer = self._loop.call_later(_IDLE_S, self._retire, connection)
            self._retirements[connection] = timer

    def _retire(self, connection: Connection) -> None:
        del self._retirements[connection]
        self._connections.pop(connection).cancel()

    def _aged(self, subscription: Subscription, max_age_s: float) -> Callable[[], None]:
        """Watch how long a stream says nothing; gives what ends that."""
        name = f"age of {subscription}"
        task = self.start(self._watch_age(subscription, max_age_s), name=name)
        return partial(_cancel, task)

    async def _watch_age(self, subscription: Subscription, max_age_s: float) -> None:
        """Call it stale after a silence: a socket may live and a symbol not.

        Events are compared, and not timed, so that one costs nothing: noticed after the longest
        silence, and a quarter of it later at most.
        """
        looks, heard = 0, None
        while (feed := self._feed(subscription)) is not None:
            if feed.last is not heard or feed.state is not StreamState.LIVE:
                looks, heard = 0, feed.last
            await asyncio.sleep(max_age_s / _LOOKS)
            looks += 1
            if looks >= _LOOKS and feed.last is heard and feed.state is StreamState.LIVE:
                feed.silent(f"nothing was heard for {max_age_s:g} s")
                self.renew(subscription)

    def _feed(self, subscription: Subscription) -> Feed | None:
        key = self._adapter.key_of(subscription)
        return self._feeds.get((key, False)) or self._feeds.get((key, True))

    def _granting(
        self, key: Key, fetch_token: FetchToken | None, take_nonce: TakeNonce | None
    ) -> Granting:
        return Granting(
            key=key, now_ns=self.clock.now_ns, fetch_token=fetch_token, take_nonce=take_nonce
        )


def _distinct(subscriptions: Sequence[Subscription]) -> list[Subscription]:
    found: list[Subscription] = []
    for subscription in subscriptions:
        if subscription not in found:
            found.append(subscription)
    return found


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


def _all(leaves: Sequence[Callable[[], None]]) -> None:
    for leave in leaves:
        leave()


def _check_wanted(
    subscriptions: Sequence[Subscription], policy: Policy, max_age_s: float | None
) -> None:
    if not subscriptions:
        msg = "nothing to listen to; name at least one symbol"
        raise ValueError(msg)
    if max_age_s is not None and not max_age_s > 0:
        msg = f"max_age_s={max_age_s}; more than 0 is needed"
        raise ValueError(msg)
    if policy is Policy.NEWEST:
        for subscription in subscriptions:
            if subscription.topic not in _STATES:
                msg = f"{subscription}: every event counts; Policy.NEWEST would lose some"
                raise ValueError(msg)
        if len(subscriptions) > 1:
            msg = "Policy.NEWEST keeps one event: give each of several streams its own"
            raise ValueError(msg)


def _suits(connection: Connection, feed: Feed) -> bool:
    other = next(iter(connection.feeds.values()), None)
    # A feed that waits is alone.
    return other is None or not (other.waits or feed.waits or not connection.has_room())
