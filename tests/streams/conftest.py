"""An exchange in memory, on a loop whose time jumps to whatever is awaited next."""

import asyncio
import itertools
import json
import random
import selectors
from collections import deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import pytest
import pytest_asyncio

from venuekit.model import (
    Balance,
    BalancesEvent,
    BookChange,
    BookSnapshot,
    Failure,
    Grid,
    Instrument,
    InstrumentStatus,
    Level,
    Side,
    StreamEvent,
    Symbol,
    Trade,
)
from venuekit.plugin import (
    Access,
    Acknowledged,
    Answer,
    BookKeeping,
    BookRule,
    Call,
    Channel,
    Closing,
    FrameEvent,
    Published,
    Refused,
    Request,
    Stream,
    Subscription,
    Topic,
)
from venuekit.streams import StreamHub
from venuekit.transport import NothingSent, SocketClosed, Timeouts

# A machine without a compiler has no `venuekit_fast`; the others in here hold then as well.
_HAS_FAST = find_spec("venuekit_fast") is not None and find_spec("venuekit_fast.books") is not None
collect_ignore = [] if _HAS_FAST else ["test_compiled_books.py"]

# Time


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: says that the time has passed."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        self.loop.turns += 1
        if self.loop.turns == self.loop.victim_at and self.loop.victim is not None:
            self.loop.victim.cancel()
            return ready
        if not ready and timeout is None:
            msg = "everybody waits, and nothing will ever happen"
            raise RuntimeError(msg)
        if not ready and timeout:
            self.loop.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop on which waiting takes no time."""

    def __init__(self) -> None:
        selector = _JumpingSelector()
        selector.loop = self
        self.now = 0.0
        self.turns = 0
        self.victim_at = -1
        self.victim: asyncio.Task[None] | None = None
        super().__init__(selector)

    def time(self) -> float:
        return self.now


async def canceled_at_every_turn(story: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run the story again and again, canceled one turn of the loop later each time.

    Checks that nothing of it outlives it, and gives the number of turns that it has.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    for turn in itertools.count(1):
        loop.victim = task = asyncio.create_task(story())
        loop.victim_at = loop.turns + turn
        await asyncio.wait([task])
        assert asyncio.all_tasks() == {asyncio.current_task()}
        if not task.cancelled():
            await task
            loop.victim = None
            return turn
    raise AssertionError


@pytest.fixture
def at_every_turn() -> Callable[[Callable[[], Coroutine[Any, Any, None]]], Awaitable[int]]:
    return canceled_at_every_turn


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualLoop}


# The exchange


class VenueSocket:
    """One socket, with both ends in one object."""

    def __init__(self, venue: "Venue", path: str) -> None:
        self.path = path
        self.opened_at = asyncio.get_running_loop().time()
        self.heard_at = self.opened_at
        self.subscribed: list[str] = []
        self.sent: list[dict[str, Any]] = []
        self.sent_at: list[float] = []
        self.is_open = True
        self.is_silent = False  # half-open: nothing arrives any more, and nobody says so
        self.reads = 0
        self._venue = venue
        self._frames: deque[str] = deque()
        self._arrived = asyncio.Event()

    async def send(self, text: str) -> None:
        if not self.is_open:
            raise SocketClosed(1006, "")
        message = json.loads(text)
        self.sent.append(message)
        self.sent_at.append(asyncio.get_running_loop().time())
        self._venue.answer(self, message)

    async def receive(self) -> str:
        while not self._frames:
            if not self.is_open:
                raise SocketClosed(1006, "")
            self._arrived.clear()
            await self._arrived.wait()
        self.heard_at = asyncio.get_running_loop().time()
        self.reads += 1
        return self._frames.popleft()

    async def close(self) -> None:
        self.drop()

    def deliver(self, *events: FrameEvent | str) -> None:
        if self.is_open and not self.is_silent:
            self._frames.append(self._venue.frame(events))
            self._arrived.set()

    def ping(self) -> None:
        self.heard_at = asyncio.get_running_loop().time()

    def drop(self) -> None:
        self.is_open = False
        self._arrived.set()


class Venue(Stream):
    """An exchange: adapter, transport and the far side of every socket."""

    def __init__(self) -> None:
        super().__init__("sim")
        self.sockets: list[VenueSocket] = []
        self.connects_at: list[float] = []
        self.is_down = False
        self.is_mute = False  # takes subscriptions and does not answer
        self.refused: dict[str, str] = {}
        self.max_subscriptions = 1000
        self.stamps: list[int] = []
        self.tokens: list[str] = []
        self.nonces: list[int | None] = []
        self.names_requests = True
        self.keeping = BookKeeping(rule=BookRule.RANGES, snapshot_by_rest=True, depth=1000)
        self.max_age_s = 86_400.0
        self._frames: list[tuple[FrameEvent | str, ...]] = []

    # Adapter

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        raise NotImplementedError

    def channels(self) -> Sequence[Channel]:
        def channel(name: str, *, is_private: bool) -> Channel:
            return Channel(
                name=name,
                host="stream",
                path=f"/{name}",
                is_private=is_private,
                max_subscriptions=self.max_subscriptions,
                messages_per_s=4,
                max_age_s=self.max_age_s,
                silence_s=60.0,
            )

        return (channel("market", is_private=False), channel("user", is_private=True))

    def channel_of(self, subscription: Subscription) -> str:
        if subscription.topic is Topic.CANDLES:
            msg = "no candles here"
            raise ValueError(msg)
        return "user" if subscription.topic is Topic.ACCOUNT else "market"

    def key_of(self, subscription: Subscription) -> str:
        return str(subscription)

    def subscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> str:
        if access is not None:
            self.stamps.append(access.stamp.time_ns)
            self.nonces.append(access.stamp.nonce)
            if access.token is not None:
                self.tokens.append(access.token)
        return json.dumps({"op": "sub", "keys": [str(s) for s in subscriptions], "id": request_id})

    def unsubscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> str:
        return json.dumps({"op": "end", "keys": [str(s) for s in subscriptions], "id": request_id})

    def read_frame(self, channel: str, frame: str | bytes) -> Iterable[FrameEvent]:
        for event in self._frames[int(frame)]:
            if isinstance(event, str):
                raise ValueError(event)  # noqa: TRY004  # what adapters raise for bad frames
            yield event

    def book_keeping(self) -> BookKeeping:
        return self.keeping

    def frame(self, events: tuple[FrameEvent | str, ...]) -> str:
        """Write events as a frame; a text in place of an event cannot be read."""
        self._frames.append(events)
        return str(len(self._frames) - 1)

    # Transport

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        raise NotImplementedError

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> VenueSocket:
        await asyncio.sleep(0.01)
        self.connects_at.append(asyncio.get_running_loop().time())
        if self.is_down:
            raise NothingSent("connection refused")
        self.sockets.append(VenueSocket(self, path))
        return self.sockets[-1]

    async def close(self) -> None:
        for socket in self.sockets:
            socket.drop()

    # The far side

    def answer(self, socket: VenueSocket, message: dict[str, Any]) -> None:
        if self.is_mute:
            return
        request_id, keys = message["id"], message["keys"]
        reasons = [self.refused[key] for key in keys if key in self.refused]
        if message["op"] == "end":
            for key in keys:
                socket.subscribed.remove(key)
        elif reasons:
            socket.deliver(Refused(request_id=request_id, code="-1", text=reasons[0]))
            return
        else:
            socket.subscribed += keys
        socket.deliver(Acknowledged(request_id=request_id if self.names_requests else None))

    @property
    def open(self) -> list[VenueSocket]:
        return [socket for socket in self.sockets if socket.is_open]

    @property
    def subscribed(self) -> list[str]:
        """What the exchange is asked for now, on all connections."""
        return [key for socket in self.open for key in socket.subscribed]

    def publish(self, key: str, *events: StreamEvent) -> None:
        """Send the events, each in a frame of its own, to every socket that subscribed."""
        for socket in self.open:
            if key in socket.subscribed:
                for event in events:
                    socket.deliver(Published(key=key, event=event))


class VenueClock:
    def now_ns(self) -> int:
        return round(asyncio.get_running_loop().time() * 1_000_000_000)


class PublicKey:
    """A key that is never asked to sign anything here."""

    api_key = "public"
    algorithm = "none"
    passphrase = None

    def hmac_hex(self, data: bytes, *, decode_secret: bool = False) -> str:
        raise NotImplementedError

    def hmac_base64(self, data: bytes, *, decode_secret: bool = False) -> str:
        raise NotImplementedError

    def signature_base64(self, data: bytes) -> str:
        raise NotImplementedError

    def jwt(self, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
        raise NotImplementedError


# Builders


class Make:
    """Makes what tests speak of, with literal digits."""

    ACCOUNT = Subscription(Topic.ACCOUNT)

    @staticmethod
    def instrument(symbol: str = "BTC/USDT") -> Instrument:
        base, quote = symbol.split("/")
        return Instrument(
            symbol=Symbol(symbol),
            native=base + quote,
            base=base,
            quote=quote,
            status=InstrumentStatus.TRADING,
            price=Grid(step=Decimal("0.01")),
            quantity=Grid(step=Decimal("0.001")),
        )

    @classmethod
    def trades(cls, symbol: str = "BTC/USDT") -> Subscription:
        return Subscription(Topic.TRADES, cls.instrument(symbol))

    @classmethod
    def ticker(cls, symbol: str = "BTC/USDT") -> Subscription:
        return Subscription(Topic.TICKER, cls.instrument(symbol))

    @staticmethod
    def trade(number: int, symbol: str = "BTC/USDT") -> Trade:
        return Trade(
            symbol=Symbol(symbol),
            trade_id=str(number),
            price=Decimal("30000.01"),
            quantity=Decimal("0.001"),
            side=Side.BUY,
            time_ns=number,
        )

    @staticmethod
    def balance(free: str) -> BalancesEvent:
        held = Balance(asset="BTC", free=Decimal(free), locked=Decimal(0))
        return BalancesEvent(balances=[held], time_ns=1)

    @staticmethod
    def levels(text: str) -> tuple[Level, ...]:
        """Read `1@100 2@99`: quantity at price."""
        pairs = (part.split("@") for part in text.split())
        return tuple((Decimal(price), Decimal(quantity)) for quantity, price in pairs)

    @classmethod
    def snapshot(cls, update_id: int | None, bids: str = "", asks: str = "") -> BookSnapshot:
        return BookSnapshot(
            symbol=Symbol("BTC/USDT"),
            bids=cls.levels(bids),
            asks=cls.levels(asks),
            update_id=update_id,
        )

    @classmethod
    def change(
        cls,
        first: int | None,
        last: int | None,
        bids: str = "",
        asks: str = "",
        checksum: int | None = None,
    ) -> BookChange:
        return BookChange(
            symbol=Symbol("BTC/USDT"),
            bids=cls.levels(bids),
            asks=cls.levels(asks),
            first_update_id=first,
            last_update_id=last,
            checksum=checksum,
        )

    @staticmethod
    def published(subscription: Subscription, event: StreamEvent) -> Published:
        return Published(key=str(subscription), event=event)

    @staticmethod
    def closing() -> Closing:
        return Closing(text="for maintenance")


@pytest.fixture
def make() -> type[Make]:
    return Make


@pytest_asyncio.fixture
async def venue() -> Venue:
    return Venue()


Seen = list[object]


@pytest.fixture
def seen() -> Seen:
    """Everything that the hub's observers were told."""
    return []


@pytest.fixture
def new_hub(venue: Venue, seen: Seen) -> Callable[..., StreamHub]:
    def new(**other: Any) -> StreamHub:
        return StreamHub(
            exchange="venue",
            account="main",
            adapter=venue,
            transport=venue,
            clock=VenueClock(),
            random=random.Random(7),
            key=PublicKey(),
            observers=[seen.append],
            **other,
        )

    return new


@pytest_asyncio.fixture
async def hub(new_hub: Callable[..., StreamHub]) -> AsyncIterator[StreamHub]:
    async with new_hub() as hub:
        yield hub
    leftover = asyncio.all_tasks() - {asyncio.current_task()}
    assert not leftover, "a task outlived the hub"
