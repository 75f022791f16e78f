"""One open socket: reading it, and keeping its subscriptions as they are wanted."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from itertools import islice
from random import Random
from typing import Any, Final

import attrs

from venuekit.model import OrderChange, OrderEvent, VenuekitError
from venuekit.plugin import (
    Access,
    Acknowledged,
    Channel,
    Closing,
    FrameEvent,
    Numbered,
    Published,
    Refused,
    Stream,
    Subscription,
    Topic,
    clean,
)
from venuekit.streams.feed import Feed
from venuekit.streams.granting import Granting
from venuekit.transport.seam import Socket, SocketClosed

ACKNOWLEDGED_S: Final = 10.0
"""An exchange that takes longer to answer a subscription has lost it."""
_ROTATE_AT: Final = (0.8, 0.95)  # of the maximum age, drawn: not all connections at once
_RETRY_REFUSED_S: Final = (1.0, 5.0, 15.0)


def _text(frame: str | bytes) -> str:
    return frame if isinstance(frame, str) else frame.decode(errors="replace")


class SessionLost(Exception):
    """This socket is of no use any more; says why."""


class Session:
    """One socket from its opening to its end.

    The reader hands on what comes; the keeper subscribes and unsubscribes, one request at a time,
    and watches silence and age. `held` is what the exchange has been asked for on this socket: a
    key enters when its subscription is acknowledged and leaves before it is unsubscribed.
    """

    def __init__(
        self,
        *,
        number: int,
        channel: Channel,
        adapter: Stream,
        socket: Socket,
        feeds: Mapping[str, Feed],
        access: Granting | None,
        next_request_id: Callable[[], int],
        random: Random,
        on_subscribed: Callable[["Session", Feed], None],
        on_hole: Callable[["Session", Feed, str], None],
        on_refused: Callable[[Feed, str], bool],
        on_trouble: Callable[[str], None],
    ) -> None:
        """Take over a socket that was just opened.

        Args:
            number: Tells this session from others on the same feeds.
            channel: What kind of connection it is.
            adapter: Speaks for the exchange.
            socket: The open socket; closed at the end.
            feeds: What is wanted, by key; changes while this runs, `nudge` tells of it.
            access: Brings what a private subscription is signed with.
            next_request_id: Numbers requests.
            random: For the moment of rotation.
            on_subscribed: A feed is acknowledged.
            on_hole: Events of a feed may be missing, and why; it goes on.
            on_refused: A feed is refused; says whether to try again.
            on_trouble: Something odd happened that concerns no feed alone.
        """
        self.number: Final = number
        self.held: Final[dict[str, Subscription]] = {}
        self.is_over = False
        self.is_retiring = False
        """About to be replaced: subscribes to nothing new."""
        self.is_closing = False
        """Its end is wanted, and no loss."""
        self.opened_at: Final = asyncio.get_running_loop().time()
        self._channel = channel
        self._adapter = adapter
        self._socket = socket
        self._feeds = feeds
        self._access = access
        self._next_request_id = next_request_id
        self._on_subscribed = on_subscribed
        self._on_hole = on_hole
        self._on_refused = on_refused
        self._on_trouble = on_trouble
        self._loop = asyncio.get_running_loop()
        self._due_at = self.opened_at + channel.max_age_s * random.uniform(*_ROTATE_AT)
        self._is_due = False
        self._is_paused = False
        self._resumed_at = self.opened_at
        self._send_at = self.opened_at
        self._pending: tuple[int, asyncio.Future[Refused | None]] | None = None
        self._last_numbers: dict[str | None, int] = {}
        self._renewed: set[str] = set()
        self._retry_at: dict[str, float] = {}
        self._refusals: dict[str, int] = {}
        self._nudged = asyncio.Event()
        self._turned = asyncio.Event()
        self._over = asyncio.Event()
        self._up: asyncio.Future[None] = self._loop.create_future()
        self._tasks: asyncio.TaskGroup | None = None

    # For the connection

    async def run(self) -> str:
        """Live until the socket is lost or `retire` is called; give the reason."""
        why = ""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._read(), name="reader")
                self._tasks.create_task(self._keep(), name="keeper")
        except* SessionLost as losses:
            why = str(losses.exceptions[0])
        finally:
            self.is_over = True
            self._over.set()
            self._turned.set()
            if not self._up.done():
                self._up.set_result(None)
            await self._socket.close()
        return why

    async def up(self) -> bool:
        """Wait until everything wanted is subscribed, or until the end; say which it was."""
        await asyncio.wait([self._up])
        return not self.is_over

    @property
    def heard_at(self) -> float:
        """Moment of the last frame of any kind, on the loop's clock."""
        return self._socket.heard_at

    async def turn(self) -> None:
        """Wait until this session is over, or due to be replaced."""
        await self._turned.wait()

    async def over(self) -> None:
        """Wait until this session is over."""
        await self._over.wait()

    async def abandon(self) -> None:
        """Close the socket of a session that never ran."""
        await self._socket.close()

    def nudge(self) -> None:
        """Look again at what is wanted."""
        self._nudged.set()

    def renew(self, key: str) -> None:
        """Unsubscribe and subscribe once more, for the snapshot that comes with it."""
        if key in self.held:
            self._renewed.add(key)
            self.nudge()

    def retire(self) -> None:
        """Subscribe to nothing new from now on; the successor does."""
        self.is_retiring = True

    def close(self) -> None:
        """End soon, by plan."""
        self.is_retiring = self.is_closing = True
        self.start(self._end())

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something for as long as this session lives."""
        try:
            if self._tasks is not None and not self.is_over:
                self._tasks.create_task(coroutine)
                return
        except RuntimeError:  # its group is closing down
            pass
        coroutine.close()

    # Reading

    async def _read(self) -> None:
        receive, feeds, number = self._socket.receive, self._feeds, self.number
        read, channel = self._adapter.read_frame, self._channel.name
        while True:
            try:
                frame = await receive()
            except SocketClosed as closed:
                raise SessionLost(str(closed)) from None
            try:
                events = read(channel, frame)
                # All of it before any of it is used: a frame counts wholly or not at all.
                if type(events) is not tuple:
                    events = tuple(events)
            except Exception as error:  # noqa: BLE001  # the border round a plugin; reported there
                self._unreadable(error)
                continue
            for event in events:
                if type(event) is Published:
                    feed = feeds.get(event.key)
                    if feed is not None:  # else: unsubscribed, and this was under way
                        told = event.event
                        if isinstance(told, (OrderEvent, OrderChange)):
                            told = attrs.evolve(told, raw=_text(frame))
                        feed.publish(told, number)
                else:
                    self._control(event)
            for feed in feeds.values():
                # One that waits is alone on its connection; an answer has to be read first.
                if feed.waits and self._pending is None and feed.full():
                    await self._pause_for(feed)
                break

    def _unreadable(self, error: Exception) -> None:
        said = clean(str(error)) if isinstance(error, ValueError) else type(error).__name__
        text = f"a frame could not be read: {said}"
        self._on_trouble(text)
        for key in self.held:
            feed = self._feeds.get(key)
            if feed is not None:
                self._on_hole(self, feed, text)

    def _control(self, event: FrameEvent) -> None:
        match event:
            case Acknowledged():
                # One request is pending at a time: what names none can only mean that one.
                pending = self._pending[0] if self._pending else None
                number = pending if event.request_id is None else event.request_id
                if number is not None:
                    self._answered(number, None)
            case Refused():
                # One request is pending at a time: what names none can only mean that one.
                pending = self._pending[0] if self._pending else None
                if pending is None:
                    self._on_trouble(f"refused: {event.code} {event.text}")
                else:
                    self._answered(pending if event.request_id is None else event.request_id, event)
            case Closing(is_over=True):
                # No overlap with a successor: what happens until then has to be restored.
                raise SessionLost(f"the exchange ended it {event.text}".rstrip())
            case Closing():
                self._on_trouble(f"the exchange will close this connection {event.text}".rstrip())
                self._make_due()
            case Numbered():
                self._counted(event)
            case Published():
                pass  # taken care of by the reader

    def _counted(self, event: Numbered) -> None:
        """Watch that numbers grow by one; a hole is a loss of all that is counted so.

        Lower ones come late or count from the start again after a new subscription. What comes
        late or twice on a connection undoes what came after it in a book that has no numbers of
        its own: to a book that is a loss too.
        """
        last = self._last_numbers.get(event.key)
        if last is None or event.number > last or event.number <= 1:
            self._last_numbers[event.key] = event.number
        missing_to = event.number if event.is_told else event.number - 1
        if last is None:
            return
        is_late = missing_to <= last
        if not is_late:
            text = f"messages {last + 1} to {missing_to} are missing"
        elif event.key is None and not event.is_told and 1 < event.number <= last:
            text = f"message {event.number} came late or twice, after {last}"
        else:
            return
        if self._channel.is_private and not is_late:
            # What happened to the account is restored as after any other loss.
            raise SessionLost(text)
        for key in self.held if event.key is None else (event.key,):
            feed = self._feeds.get(key)
            if feed is None or (is_late and feed.subscription.topic is not Topic.BOOK):
                continue
            self._on_hole(self, feed, text)

    def _answered(self, request_id: int, refused: Refused | None) -> None:
        if self._pending is not None and self._pending[0] == request_id:
            future = self._pending[1]
            if not future.done():
                future.set_result(refused)

    async def _pause_for(self, feed: Feed) -> None:
        """Read no further until the consumers have room; silence does not count meanwhile."""
        self._is_paused = True
        try:
            while full := feed.full():
                await full[0].room()
        finally:
            self._is_paused = False
            self._resumed_at = self._loop.time()

    # Keeping

    async def _keep(self) -> None:
        while True:
            self._nudged.clear()
            await self._unsubscribe()
            await self._subscribe()
            if not self._nudged.is_set() and not self._up.done():
                self._up.set_result(None)
            try:
                async with asyncio.timeout_at(self._deadline()):
                    await self._nudged.wait()
            except TimeoutError:
                self._check()

    def _deadline(self) -> float:
        moments = [self._dead_at()]
        if not self._is_due:
            moments.append(self._due_at)
        if not self.is_retiring:
            moments += (at for key, at in self._retry_at.items() if key in self._feeds)
        return min(moments)

    def _dead_at(self) -> float:
        heard_at = max(self._socket.heard_at, self._resumed_at)
        since = self._loop.time() if self._is_paused else heard_at
        return since + self._channel.silence_s

    def _check(self) -> None:
        now = self._loop.time()
        if now >= self._dead_at():
            raise SessionLost(f"nothing was heard for {self._channel.silence_s:g} s")
        if now >= self._due_at:
            self._make_due()

    def _make_due(self) -> None:
        self._is_due = True
        self._turned.set()

    async def _end(self) -> None:
        raise SessionLost("closed here")

    async def _unsubscribe(self) -> None:
        while ended := self._ended():
            for key in ended:
                del self.held[key]
                if key in self._renewed and key in self._feeds:
                    self._feeds[key].gap("subscribed anew")
                self._renewed.discard(key)
            message = partial(self._ending, list(ended.values()), await self._granted())
            await self._request(message)

    def _ending(
        self, subscriptions: Sequence[Subscription], access: Access | None, request_id: int
    ) -> str | Sequence[str]:
        return self._adapter.unsubscribe(subscriptions, request_id, access)

    def _ended(self) -> dict[str, Subscription]:
        ended = (
            (key, subscription)
            for key, subscription in self.held.items()
            if key not in self._feeds or key in self._renewed
        )
        return dict(islice(ended, self._channel.max_batch))

    async def _subscribe(self) -> None:
        while feeds := self._missing():
            await self._subscribe_to(feeds)

    def _missing(self) -> list[Feed]:
        if self.is_retiring:
            return []
        now = self._loop.time()
        missing = (
            feed
            for key, feed in self._feeds.items()
            if key not in self.held and self._retry_at.get(key, now) <= now
        )
        return list(islice(missing, self._channel.max_batch))

    async def _subscribe_to(self, feeds: Sequence[Feed]) -> None:
        access = await self._granted()
        refused = await self._request(
            lambda request_id: self._adapter.subscribe(
                [feed.subscription for feed in feeds], request_id, access
            )
        )
        if refused is None:
            for feed in feeds:
                self._accepted(feed)
        elif len(feeds) == 1:
            self._refused(feeds[0], f"{refused.code} {refused.text}".strip())
        else:
            # The exchange does not say which one it means: halves, until it stands alone.
            half = len(feeds) // 2
            await self._subscribe_to(feeds[:half])
            await self._subscribe_to(feeds[half:])

    async def _granted(self) -> Access | None:
        if self._access is None:
            return None
        try:
            return await self._access()
        except VenuekitError as error:
            raise SessionLost(f"no access to private streams: {error}") from None

    def _accepted(self, feed: Feed) -> None:
        self.held[feed.key] = feed.subscription
        self._retry_at.pop(feed.key, None)
        if self._feeds.get(feed.key) is feed:  # else: left meanwhile, and unsubscribed next
            self._on_subscribed(self, feed)

    def _refused(self, feed: Feed, text: str) -> None:
        if self._access is not None:
            self._access.expire()  # what was refused may have been the token
        if self._feeds.get(feed.key) is feed and self._on_refused(feed, text):
            delay_s = _RETRY_REFUSED_S[min(feed.refusals, len(_RETRY_REFUSED_S)) - 1]
            self._retry_at[feed.key] = self._loop.time() + delay_s
        else:
            self._retry_at.pop(feed.key, None)

    async def _request(self, message: Callable[[int], str | Sequence[str]]) -> Refused | None:
        """Send a request in its turn and give the refusal, if it was one.

        Where it takes several messages, each is answered for; the first refusal counts.
        """
        request_id = self._next_request_id()
        try:
            written = message(request_id)
        except Exception as error:  # noqa: BLE001  # the border round a plugin; ends what it refuses
            said = f"the plugin could not write the message: {type(error).__name__}"
            return Refused(request_id=request_id, code="", text=said)
        for text in (written,) if isinstance(written, str) else written:
            refused = await self._asked(request_id, text)
            if refused is not None:
                return refused
        return None

    async def _asked(self, request_id: int, text: str) -> Refused | None:
        await asyncio.sleep(max(0.0, self._send_at - self._loop.time()))
        self._send_at = self._loop.time() + 1 / self._channel.messages_per_s
        answer: asyncio.Future[Refused | None] = self._loop.create_future()
        self._pending = (request_id, answer)
        try:
            async with asyncio.timeout(ACKNOWLEDGED_S):
                await self._socket.send(text)
                return await answer
        except TimeoutError:
            msg = f"no answer to a subscription within {ACKNOWLEDGED_S:g} s"
            raise SessionLost(msg) from None
        except SocketClosed as closed:
            raise SessionLost(str(closed)) from None
        finally:
            self._pending = None
