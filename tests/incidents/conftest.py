"""The places where the incidents happen again.

`binance`: the whole client against the simulated exchange on virtual time, with the network
between them in one object that can be slow, cut, or lie. `simulator`: the same exchange behind
real HTTP and WebSockets. What the exchange itself holds is asked of its engine, never of a client.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import attrs
import pytest
import pytest_asyncio

import venuekit
from venuekit.client import Exchange, Opening
from venuekit.configuration import Configuration, configuration_from_text
from venuekit.model import Order
from venuekit.plugin import Answer, Request
from venuekit.sim.dialect import (
    Close,
    Delivery,
    Ending,
    Ping,
    Send,
    SimAnswer,
    SimCredentials,
    SimRequest,
    SimSocket,
    deliver,
)
from venuekit.sim.faults import Fault, FaultKind
from venuekit.sim.orders import Fill as EngineFill
from venuekit.sim.orders import Order as EngineOrder
from venuekit.sim.orders import OrderRequest as EngineRequest
from venuekit.sim.orders import OrderType, Side
from venuekit.sim.server import Simulator
from venuekit.testing.virtual_time import VirtualLoop
from venuekit.transport import AnswerLost, NothingSent, SocketClosed, Timeouts
from venuekit_binance.sim.dialect import BinanceDialect

NOON_NS = 1_784_116_800_000_000_000
BTC = "BTC/USDT"
PRICE = Decimal(60_000)
"""Where orders rest as long as nobody else comes: the exchange on virtual time is quiet."""
ORDER = "/api/v3/order"
_ME = "first"
_LONGEST_S = 4 * 3600.0


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests of `binance` run on virtual time, all others in real time."""
    if "binance" in getattr(item, "fixturenames", ()):
        return {"virtual": VirtualLoop}
    return {"real": asyncio.new_event_loop}


@attrs.frozen
class Reached:
    """A request that reached the exchange, and its answer."""

    at_ns: int
    request: SimRequest
    answer: SimAnswer


Rewrite = Callable[[SimRequest, SimAnswer], SimAnswer]


class WatchedDialect(BinanceDialect):
    """The simulated exchange, which remembers what reached it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.reached: list[Reached] = []
        self._others = 0
        self.credentials()
        self.credentials("other")
        self.surcharge = 0
        """Weight that each request costs on top of what is documented."""
        self.rewrite: Rewrite = lambda _, answer: answer
        """Changes answers on their way out."""

    def handle(self, request: SimRequest, now_ns: int) -> SimAnswer:
        """Answer a request, and remember both."""
        if self.surcharge:
            self.venue.limits.weight.add(request.peer, self.surcharge, now_ns)
        answer = self.rewrite(request, super().handle(request, now_ns))
        self.reached.append(Reached(now_ns, request, answer))
        return answer

    def asked(self, method: str, path: str = ORDER) -> list[dict[str, str]]:
        """Give the parameters of all requests of a kind that reached the exchange."""
        return [
            {name: values[0] for name, values in parse_qs(text_of(each.request)).items()}
            for each in self.reached
            if (each.request.method, each.request.path) == (method, path)
        ]

    def statuses(self) -> set[int]:
        """Give the statuses of all answers."""
        return {each.answer.status for each in self.reached}

    def let_other_trade(self, side: Side, quantity: Decimal, price: Decimal, now_ns: int) -> None:
        """Let somebody else send a limit order."""
        self._others += 1
        request = EngineRequest(
            account="other",
            market="BTCUSDT",
            side=side,
            type=OrderType.LIMIT,
            client_order_id=f"other-{self._others}",
            quantity=quantity,
            price=price,
        )
        self.venue.place(request, now_ns)
        self.venue.settle(now_ns)

    def orders(self, symbol: str = "BTCUSDT") -> list[EngineOrder]:
        """Give what the account really has, in any state."""
        return list(self.venue.orders(_ME, symbol))

    def open_names(self, symbol: str = "BTCUSDT") -> set[str]:
        """Give the client order ids of what is really open."""
        return {each.client_order_id for each in self.venue.open_orders(_ME, symbol)}

    def trades(self, symbol: str = "BTCUSDT") -> list[EngineFill]:
        """Give what the account really traded."""
        return list(self.venue.fills(_ME, symbol))


def text_of(request: SimRequest) -> str:
    """Give query and body as one."""
    return "&".join(part for part in (request.query_string, request.body.decode()) if part)


# Virtual time


@attrs.define
class MachineClock:
    """The clock of the trader's machine, which may be wrong and may be set."""

    ahead_s: float = 0.0

    def time_ns(self) -> int:
        """Give the exchange's time plus the error."""
        return now_ns() + round(self.ahead_s * 1e9)


def now_ns() -> int:
    """Give the time at the exchange."""
    return NOON_NS + round(asyncio.get_running_loop().time() * 1e9)


@attrs.frozen
class Sent:
    """A request that left the client, or its attempt to open a WebSocket (`CONNECT`)."""

    at_s: float
    method: str
    path: str
    timeouts: Timeouts


class Wire:
    """One WebSocket, from the client's end."""

    def __init__(self, town: "Town", socket: SimSocket) -> None:
        self.socket = socket
        self._town = town
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._frames: deque[str] = deque()
        self._arrived = asyncio.Event()
        self._closed: SocketClosed | None = None
        socket.wake = self._take
        self._take()

    @property
    def heard_at(self) -> float:
        return self._heard_at

    async def send(self, text: str) -> None:
        if self._closed is not None:
            raise self._again()
        self._town.dialect.received(self.socket, text, now_ns())
        self._town.stir()

    async def receive(self) -> str:
        while not self._frames:
            if self._closed is not None:
                raise self._again()
            self._arrived.clear()
            await self._arrived.wait()
        return self._frames.popleft()

    async def close(self) -> None:
        self.drop(1000)

    def drop(self, code: int = 1006, reason: str = "") -> None:
        """End the connection, on both sides."""
        if self._closed is None:
            self._closed = SocketClosed(code, reason)
            self._town.wires.discard(self)
            self._town.dialect.close_socket(self.socket, now_ns())
            self._arrived.set()

    def _again(self) -> SocketClosed:
        assert self._closed is not None
        return SocketClosed(self._closed.code, self._closed.reason)

    def _take(self) -> None:
        # The dialect is in the middle of something: nothing of it may be called from here.
        for frame in self.socket.drain():
            self._heard_at = self._loop.time()
            match frame:
                case Send(text):
                    self._frames.append(text)
                case Ping(payload):
                    self._loop.call_soon(self._pong, payload)
                case Close(code, reason):
                    self._loop.call_soon(self.drop, code, reason)
        self._arrived.set()

    def _pong(self, payload: bytes) -> None:
        if self._closed is None:
            self._town.dialect.ponged(self.socket, payload, now_ns())


class Line:
    """The `Transport` of one opened client."""

    def __init__(self, town: "Town") -> None:
        self._town = town
        self._wires: list[Wire] = []
        self._is_closed = False

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        """Bring a request to the exchange, whose side of it goes on if the client gives up."""
        town = self._town
        if self._is_closed or town.is_down:
            raise NothingSent("no connection")
        town.sent.append(Sent(town.time(), request.method, request.path, timeouts))
        delivery = town.deliver(request)
        waited_for: set[asyncio.Future[Any]] = {delivery, town.outage}
        done, _ = await asyncio.wait(
            waited_for,
            timeout=timeouts.answer_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if delivery not in done:
            raise AnswerLost("the connection broke" if done else "no whole answer in time")
        ending = delivery.result()
        if ending.ending is Ending.HANGING:
            await asyncio.wait({town.outage}, timeout=timeouts.answer_s)
        if ending.answer is None:
            raise AnswerLost(f"the connection is {ending.ending.value}")
        headers = {name.lower(): value for name, value in ending.answer.headers}
        return Answer(status=ending.answer.status, headers=headers, body=ending.answer.body)

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> Wire:
        """Open a WebSocket."""
        town = self._town
        town.sent.append(Sent(town.time(), "CONNECT", path, Timeouts(connect_s=connect_s)))
        await asyncio.sleep(town.latency_s)
        if self._is_closed or town.is_down:
            raise NothingSent("no connection")
        plain, _, query = path.partition("?")
        handshake = SimRequest(method="GET", path=plain, query_string=query, peer=town.address)
        refused = town.dialect.faults.take((FaultKind.REFUSE_CONNECTION,), method="GET", path=plain)
        if refused is not None or town.dialect.accepts(handshake, now_ns()) is not None:
            raise SocketClosed(1006, "refused")
        socket = town.dialect.open_socket(plain, query, now_ns(), peer=town.address)
        wire = Wire(town, socket)
        town.wires.add(wire)
        self._wires.append(wire)
        town.stir()
        return wire

    async def close(self) -> None:
        """End what this client has open."""
        self._is_closed = True
        for wire in self._wires:
            wire.drop()


class Town:
    """An exchange, the network before it, and the folder of one trader."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dialect = WatchedDialect(seed=5, is_quiet=True)
        self.key = self.dialect.credentials()
        self.machine = MachineClock()
        self.address = "10.0.0.1"
        self.latency_s = 0.01
        """Of each way of a request; what streams tell is there at once."""
        self.is_down = False
        self.outage: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent: list[Sent] = []
        self.wires: set[Wire] = set()
        self._numbers = iter(range(1_000_000))
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stirred = asyncio.Event()

    # The trader's side

    def open(self, *, store: str = "journal.db", **more: Any) -> Opening:
        """Open the client, on the journal that earlier openings have left."""
        return venuekit.open(
            "binance",
            config=self.configuration(store),
            clock=self.machine,
            rng=random.Random(next(self._numbers)),
            transport=self.line(),
            **more,
        )

    def line(self) -> "Line":
        """Give the network to a client of its own making."""
        return Line(self)

    def configuration(self, store: str = "journal.db", more: str = "") -> Configuration:
        """Give the settings that `open` uses."""
        return configuration_for(self.key, "127.0.0.1:1", self.folder, store=store, more=more)

    # The world's side

    def now_ns(self) -> int:
        """Give the time at the exchange."""
        return now_ns()

    def time(self) -> float:
        """Give the seconds since the beginning."""
        return asyncio.get_running_loop().time()

    def fault(self, kind: FaultKind, **more: Any) -> int:
        """Plan a fault; gives its number."""
        (number,) = self.dialect.faults.add(Fault(kind=kind, **more))
        return number

    def lose_messages(self) -> int:
        """Let the account's stream tell nothing from now on, while it looks alive."""
        return self.fault(FaultKind.MESSAGE_DROP, topic="user/*", count=None)

    def mend(self, *numbers: int) -> None:
        """Take faults back, all of them if none is named."""
        for number in numbers:
            self.dialect.faults.remove(number)
        if not numbers:
            self.dialect.faults.clear()

    def cut(self) -> None:
        """Take the network away: connections break, and no new one comes about."""
        self.is_down = True
        self.outage.set_result(None)
        for wire in list(self.wires):
            wire.drop()

    def restore(self) -> None:
        """Give the network back."""
        self.is_down = False
        self.outage = asyncio.get_running_loop().create_future()

    def known(self, exchange: Exchange) -> dict[str, Order]:
        """Give what a client holds of its orders, open or ended lately, by client order id."""
        assert exchange._private is not None
        orders = exchange._private.desk.orders(open_only=False)
        return {str(order.client_order_id): order for order in orders}

    def trade(self, quantity: str, price: Decimal = PRICE, *, side: Side = Side.SELL) -> None:
        """Let somebody else send an order against what rests."""
        self.dialect.let_other_trade(side, Decimal(quantity), price, now_ns())
        self.stir()

    # Behind both

    def deliver(self, request: Request) -> "asyncio.Task[Delivery]":
        """Have a request brought to the exchange, whatever becomes of who sent it."""
        task = asyncio.create_task(self._delivered(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _delivered(self, request: Request) -> Delivery:
        await asyncio.sleep(self.latency_s)
        asked = SimRequest(
            method=request.method,
            path=request.path,
            query_string=request.query,
            headers=dict(request.headers),
            body=request.body,
            peer=self.address,
        )
        delivery = await deliver(self.dialect, asked, now_ns)
        self.stir()
        await asyncio.sleep(self.latency_s)
        return delivery

    def stir(self) -> None:
        """Have the exchange look what is due."""
        self._stirred.set()

    async def live(self) -> None:
        """Let the exchange's time pass."""
        while self.time() < _LONGEST_S:  # then whoever waits for ever is found out by the loop
            self.dialect.advance(now_ns())
            due_ns = self.dialect.next_due_ns()
            nap_s = 1.0 if due_ns is None else (due_ns - now_ns()) / 1e9
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(max(nap_s, 0.0005), 1.0)):
                    await self._stirred.wait()

    async def close(self) -> None:
        """End what still goes on."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def configuration_for(
    key: SimCredentials,
    address: str,
    folder: Path,
    *,
    store: str = "journal.db",
    durability: str = "process",
    more: str = "",
) -> Configuration:
    """Write the trader's settings, the key in files of its own."""
    for name, text in (("api_key", key.api_key), ("secret", key.secret)):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    return configuration_from_text(
        f"""
        [store]
        url = "sqlite:{folder / store}"
        durability = "{durability}"
        [exchanges.binance]
        environment = "sim"
        address = "{address}"
        {more}
        [exchanges.binance.accounts.main]
        api_key = "file:{folder}/api_key"
        secret = "file:{folder}/secret"
        """
    )


@contextlib.asynccontextmanager
async def _living(town: Town) -> AsyncIterator[Town]:
    life = asyncio.create_task(town.live(), name="the exchange lives")
    try:
        yield town
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await town.close()
        if not life.cancelled():
            life.result()


@pytest_asyncio.fixture
async def binance(tmp_path: Path) -> AsyncIterator[Town]:
    """A quiet simulated exchange on virtual time, where nobody trades but who is told to."""
    async with _living(Town(tmp_path)) as town:
        yield town


# Real sockets


@attrs.frozen
class Served:
    """The simulated exchange behind real sockets, and the trader's settings for it."""

    dialect: WatchedDialect
    simulator: Simulator
    key: SimCredentials
    folder: Path

    @property
    def address(self) -> str:
        """Host and port."""
        return self.simulator.address.removeprefix("http://")

    def configuration(self, durability: str = "process") -> Configuration:
        """Give the settings that `open` uses."""
        return configuration_for(self.key, self.address, self.folder, durability=durability)

    def open(self, *, durability: str = "process", **more: Any) -> Opening:
        """Open the client."""
        return venuekit.open("binance", config=self.configuration(durability), **more)

    def fault(self, kind: FaultKind, **more: Any) -> None:
        """Plan a fault."""
        self.dialect.faults.add(Fault(kind=kind, **more))


@pytest_asyncio.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Served]:
    """The simulated exchange behind real HTTP and WebSockets, with one bid and one offer."""
    dialect = WatchedDialect(seed=5, is_quiet=True)
    async with Simulator(dialect) as served:
        for side, price in ((Side.BUY, PRICE - 100), (Side.SELL, PRICE)):
            dialect.let_other_trade(side, Decimal(1), price, served.now_ns())
        yield Served(dialect, served, dialect.credentials(), tmp_path)
