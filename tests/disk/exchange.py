"""The exchange that outlives every process which trades on it.

One simulated exchange, reached in two ways: by real HTTP and WebSockets for a process that will be
killed (`served`), and in memory on virtual time for whoever looks afterwards (`living`), because
proof that an order was never placed takes 18 seconds. Its clock only ever goes forward.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import venuekit
from venuekit.client import Opening
from venuekit.configuration import Configuration, configuration_from_text
from venuekit.plugin import Answer, Request
from venuekit.sim.dialect import Close, Ping, Send, SimAnswer, SimRequest, SimSocket, deliver
from venuekit.sim.orders import Fill as EngineFill
from venuekit.sim.orders import Order as EngineOrder
from venuekit.sim.orders import OrderRequest as EngineRequest
from venuekit.sim.orders import OrderType, Side
from venuekit.sim.server import Simulator
from venuekit.transport import AnswerLost, SocketClosed, Timeouts
from venuekit_binance.sim.dialect import BinanceDialect
from venuekit_binance.sim.weights import LimitSettings

ME: Final = "first"
MARKET: Final = "BTCUSDT"
SYMBOL: Final = "BTC/USDT"
_PLENTY: Final = 10**9
_ORDER: Final = "/api/v3/order"
_LATE_S: Final = 0.7
"""So long after the death of a trader is its last request taken; it is valid for 2 s."""


class Exchange(BinanceDialect):
    """A simulated exchange on which somebody buys at 59,999 and sells at 60,001."""

    def __init__(self, folder: Path) -> None:
        """Open it, with the trader's key in files of `folder`."""
        limits = LimitSettings(weight=_PLENTY, raw=_PLENTY, orders_10s=_PLENTY, orders_1d=_PLENTY)
        super().__init__(seed=1, is_quiet=True, limits=limits)
        key = self.create_account(ME, {"USDT": "1000000000", "BTC": "1000000"})
        self._secrets = {"api_key": key.api_key, "secret": key.secret}
        self.move_to(folder)
        self.create_account("other", {"USDT": "1000000000", "BTC": "1000000"})
        self.requests: Counter[tuple[str, str]] = Counter()
        """What reached the exchange, by method and path."""
        self.late_in = 0
        """Which placement from now on is taken late: after who sent it has died."""
        self._queued: list[SimRequest] = []
        self._time_ns = time.time_ns()
        self.venue.begin(self._time_ns)
        for side, price in ((Side.BUY, 59_999), (Side.SELL, 60_001)):
            request = EngineRequest(
                account="other",
                market=MARKET,
                side=side,
                type=OrderType.LIMIT,
                client_order_id=f"other-{side.value}",
                quantity=Decimal(1000),
                price=Decimal(price),
            )
            self.venue.place(request, self._time_ns)
        self.venue.settle(self._time_ns)

    def move_to(self, folder: Path) -> None:
        """Have the trader's journal and key in another folder."""
        self.folder = folder
        for name, text in self._secrets.items():
            (folder / name).touch(0o600)
            (folder / name).write_text(text)

    def handle(self, request: SimRequest, now_ns: int) -> SimAnswer:
        """Answer a request, and count it; the one that is due for it waits in a queue."""
        self.requests[request.method, request.path] += 1
        if request.method == "POST" and request.path == _ORDER:
            self.late_in -= 1
            if self.late_in == 0:
                # The gateway gives up; behind it the request is still on its way.
                self._queued.append(request)
                return SimAnswer(504, (("Content-Type", "text/html"),), b"<html>504</html>")
        return super().handle(request, now_ns)

    @property
    def placements(self) -> int:
        """How many requests to place an order have reached the exchange."""
        return sum(
            count
            for (method, path), count in self.requests.items()
            if method == "POST" and path.startswith("/api/v3/order")
        )

    def mine(self) -> list[EngineOrder]:
        """Give every order that the trader's account ever had."""
        return list(self.venue.orders(ME, MARKET))

    def trades(self) -> list[EngineFill]:
        """Give every trade of the trader's account."""
        return list(self.venue.fills(ME, MARKET))

    # Reached for real

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Serve it on a free port in real time; gives host and port."""
        ahead_ns = self._time_ns - time.time_ns()
        async with Simulator(self, clock_ns=lambda: time.time_ns() + ahead_ns) as simulator:
            yield simulator.address.removeprefix("http://")
            self._time_ns = simulator.now_ns()

    # Reached in memory

    def now_ns(self) -> int:
        """Give the time at the exchange, while it lives on a loop's time."""
        return self._time_ns + round(asyncio.get_running_loop().time() * 1e9)

    def time_ns(self) -> int:
        """Give the same: the machine that looks afterwards has a clock that is right."""
        return self.now_ns()

    def open(self, *, config: Configuration | None = None, **more: Any) -> Opening:
        """Open the client on the trader's journal; the exchange is `living` then."""
        text = settings(self.folder, "127.0.0.1:1", "process")
        return venuekit.open(
            "binance",
            config=config or configuration_from_text(text),
            clock=self,
            rng=random.Random(),
            transport=Line(self),
            **more,
        )

    @contextlib.asynccontextmanager
    async def living(self) -> AsyncIterator["Exchange"]:
        """Let its time go with the running loop."""
        life = asyncio.create_task(self._live(), name="the exchange lives")
        try:
            yield self
        finally:
            self._time_ns = self.now_ns()
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)
            if not life.cancelled():
                life.result()

    async def _live(self) -> None:
        until = asyncio.get_running_loop().time() + 3600  # who waits for ever is found out
        while asyncio.get_running_loop().time() < until:
            self.advance(self.now_ns())
            await asyncio.sleep(0.1)
            if self._queued and asyncio.get_running_loop().time() > _LATE_S:
                super().handle(self._queued.pop(), self.now_ns())


def settings(folder: Path, address: str, durability: str) -> str:
    """Write the trader's settings for the journal and the key in `folder`."""
    return f"""
    [store]
    url = "sqlite:{folder}/journal.db"
    durability = "{durability}"
    [exchanges.binance]
    environment = "sim"
    address = "{address}"
    [exchanges.binance.accounts.main]
    api_key = "file:{folder}/api_key"
    secret = "file:{folder}/secret"
    """


class Line:
    """The `Transport` of one client, straight into the exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._wires: list[Wire] = []

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        """Bring a request there and its answer back."""
        del timeouts  # nothing here takes long
        asked = SimRequest(
            method=request.method,
            path=request.path,
            query_string=request.query,
            headers=dict(request.headers),
            body=request.body,
        )
        await asyncio.sleep(0.001)
        delivery = await deliver(self._exchange, asked, self._exchange.now_ns)
        await asyncio.sleep(0.001)
        if delivery.answer is None:
            raise AnswerLost(f"the connection is {delivery.ending.value}")
        headers = {name.lower(): value for name, value in delivery.answer.headers}
        return Answer(status=delivery.answer.status, headers=headers, body=delivery.answer.body)

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> "Wire":
        """Open a WebSocket."""
        plain, _, query = path.partition("?")
        await asyncio.sleep(0.001)
        socket = self._exchange.open_socket(plain, query, self._exchange.now_ns())
        wire = Wire(self._exchange, socket)
        self._wires.append(wire)
        return wire

    async def close(self) -> None:
        """End what is open."""
        for wire in self._wires:
            await wire.close()


class Wire:
    """One WebSocket, from the client's end."""

    def __init__(self, exchange: Exchange, socket: SimSocket) -> None:
        self._exchange = exchange
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._frames: deque[str] = deque()
        self._arrived = asyncio.Event()
        self._closed: SocketClosed | None = None
        self.heard_at = self._loop.time()
        socket.wake = self._take
        self._take()

    async def send(self, text: str) -> None:
        if self._closed is not None:
            raise self._closed
        self._exchange.received(self._socket, text, self._exchange.now_ns())

    async def receive(self) -> str:
        while not self._frames:
            if self._closed is not None:
                raise self._closed
            self._arrived.clear()
            await self._arrived.wait()
        return self._frames.popleft()

    async def close(self) -> None:
        self._end(1000, "")

    def _end(self, code: int, reason: str) -> None:
        if self._closed is None:
            self._closed = SocketClosed(code, reason)
            self._exchange.close_socket(self._socket, self._exchange.now_ns())
            self._arrived.set()

    def _take(self) -> None:
        # The exchange is in the middle of something: nothing of it may be called from here.
        for frame in self._socket.drain():
            self.heard_at = self._loop.time()
            match frame:
                case Send(text):
                    self._frames.append(text)
                case Ping(payload):
                    self._loop.call_soon(self._pong, payload)
                case Close(code, reason):
                    self._loop.call_soon(self._end, code, reason)
        self._arrived.set()

    def _pong(self, payload: bytes) -> None:
        if self._closed is None:
            self._exchange.ponged(self._socket, payload, self._exchange.now_ns())
