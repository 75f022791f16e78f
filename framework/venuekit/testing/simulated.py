"""A whole exchange in the process of a test: a simulator's dialect, without sockets.

The transport connects a client to a dialect of `venuekit.sim` as the real one connects it to a
server, with the guarantees and the failures of the real one, and nothing of the network. On a
`VirtualLoop` hours pass in milliseconds, and one seed gives one history:

    async def trade() -> None:
        world = SimulatedExchange(dialect)
        async with (
            world,
            venuekit.open("acme", environment="sim", address="sim:1", transport=world.transport(),
                          clock=world.clock, rng=random.Random(7), config=…) as exchange,
        ):
            dialect.faults.add(Fault(kind=FaultKind.DROP_AFTER, method="POST"))
            order = await exchange.place(limit_buy("BTC/USDT", quantity="0.01", price="30000"))

    run_virtually(trade())
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self, assert_never

from venuekit.plugin import Answer, Request
from venuekit.sim.dialect import (
    Close,
    Delivery,
    Dialect,
    Ending,
    Frame,
    Ping,
    Send,
    SimAnswer,
    SimRequest,
    SimSocket,
    deliver,
)
from venuekit.sim.faults import FaultKind
from venuekit.transport.seam import AnswerLost, NothingSent, SocketClosed, Timeouts

EPOCH_NS: Final = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z, where simulated time begins unless told otherwise."""

_LEAST_NAP_S: Final = 0.0005
"""As the real server's: a dialect that is always due must not stop time."""
_APART_S: Final = 1e-7
"""Between two messages of one direction: a loop runs timers of one moment in any order."""
Delays = Callable[[], float]
"""Gives the seconds, >= 0, that the next message takes one way."""


def no_delay() -> float:
    """Give no time at all."""
    return 0.0


class VirtualClock:
    """A machine's wall clock that goes with the running loop, and jumps when it is set."""

    def __init__(self, start_ns: int = EPOCH_NS) -> None:
        """Show `start_ns` now; needs a running loop."""
        self._loop = asyncio.get_running_loop()
        self._ahead_ns = start_ns - round(self._loop.time() * 1e9)

    def time_ns(self) -> int:
        """Give nanoseconds since the epoch."""
        return self._ahead_ns + round(self._loop.time() * 1e9)

    def jump(self, seconds: float) -> None:
        """Set the clock forward, or back where `seconds` is below zero."""
        self._ahead_ns += round(seconds * 1e9)


class SimulatedExchange:
    """One dialect, its time, and what is on the way to and from it; for `async with`.

    The exchange's time goes with the running loop and never jumps; `clock` is the machine's, for
    the client. What has left a client arrives, whatever becomes of the client: a request whose
    caller is canceled, or whose transport is closed, still has its effect.

    Leaving the context ends what is on the way. A dialect that raises while time passes raises
    there again.
    """

    def __init__(
        self, dialect: Dialect, *, start_ns: int = EPOCH_NS, delays: Delays = no_delay
    ) -> None:
        """Let the exchange begin now; needs a running loop.

        Args:
            dialect: Used by nobody else.
            start_ns: What its clock and the machine's show now.
            delays: How long messages take, asked once for each; WebSocket messages of one
                connection and direction stay in order.
        """
        self.dialect: Final = dialect
        self.clock: Final = VirtualClock(start_ns)
        self.loop: Final = asyncio.get_running_loop()
        self.delays = delays
        self._ahead_ns = start_ns - round(self.loop.time() * 1e9)
        # What is on the way belongs to no client, and has nothing of a client's context.
        self._context = contextvars.copy_context()
        self._timer: asyncio.TimerHandle | None = None
        self._carriers: dict[asyncio.Task[None], None] = {}
        self._failures: list[Exception] = []
        self._transports: list[SimulatedTransport] = []
        self._is_closed = False
        self.advance()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def now_ns(self) -> int:
        """Give the exchange's time in nanoseconds since the epoch."""
        return self._ahead_ns + round(self.loop.time() * 1e9)

    def transport(
        self, *, peer: str = "127.0.0.1", base_paths: Mapping[str, str] | None = None
    ) -> "SimulatedTransport":
        """Make a client's way to the exchange.

        Args:
            peer: The client's address, by which exchanges count.
            base_paths: By host name, the path in the manifest's URL of that host.
        """
        made = SimulatedTransport(self, peer=peer, base_paths=base_paths or {})
        self._transports.append(made)
        return made

    def advance(self) -> None:
        """Let everything happen that is due by now; call it after touching the dialect by hand."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_closed:
            return
        now_ns = self.now_ns()
        try:
            self.dialect.advance(now_ns)
        except Exception as error:  # noqa: BLE001  # a timer's border: raised when this is closed
            self._failures.append(error)
            return
        self._plan()

    async def close(self) -> None:
        """End everything that is on the way. Safe to repeat.

        Raises:
            Exception: What the dialect raised while time passed.
        """
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for transport in self._transports:
            await transport.close()
        for carrier in tuple(self._carriers):
            carrier.cancel()
        if self._carriers:
            await asyncio.wait(self._carriers)
        if self._failures:
            raise self._failures.pop(0)

    # What is on the way; for the transports

    def arrive(self, request: SimRequest, answered: Callable[[Delivery | Exception], None]) -> None:
        """Bring a request to the dialect now, and tell how it ended."""
        if self._is_closed:
            return
        if self.dialect.faults.planned:
            carrier = self.loop.create_task(
                self._carry(request, answered), name="carrier", context=self._context
            )
            self._carriers[carrier] = None
            carrier.add_done_callback(self._carriers.pop)
            return
        # Without faults nothing waits on the way, so it needs no task.
        steps = self._carry(request, answered)
        try:
            steps.send(None)
        except StopIteration:
            return
        steps.close()
        raise AssertionError("a delivery without faults waited")

    async def _carry(
        self, request: SimRequest, answered: Callable[[Delivery | Exception], None]
    ) -> None:
        try:
            delivery = await deliver(self.dialect, request, self.now_ns)
        except Exception as error:  # noqa: BLE001  # a broken dialect is told to who asked
            answered(error)
            return
        self._plan()
        answered(delivery)

    def changed(self) -> None:
        """Look again when the dialect wants to be advanced."""
        self._plan()

    def _plan(self) -> None:
        due_ns = None if self._is_closed else self.dialect.next_due_ns()
        if due_ns is None:
            return
        at = (due_ns - self._ahead_ns) / 1e9
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self.loop.call_at(
            max(at, self.loop.time() + _LEAST_NAP_S), self._due, context=self._context
        )

    def _due(self) -> None:
        self._timer = None
        self.advance()


class SimulatedTransport:
    """A `Transport` to a `SimulatedExchange`, with the guarantees of the real one."""

    def __init__(
        self, exchange: SimulatedExchange, *, peer: str, base_paths: Mapping[str, str]
    ) -> None:
        """Made by `SimulatedExchange.transport`."""
        self._exchange = exchange
        self._peer = peer
        self._base_paths = base_paths
        self._is_closed = False
        self._is_online = True
        # In the order in which they were opened, so that one seed gives one history.
        self._sockets: dict[SimulatedSocket, None] = {}
        self._waiting: dict[asyncio.Future[Answer], None] = {}

    @property
    def is_online(self) -> bool:
        """Whether there is a network."""
        return self._is_online

    def go_offline(self) -> None:
        """Take the network away: what is under way loses its answer, nothing new leaves."""
        self._is_online = False
        self._cut("the network is gone")

    def go_online(self) -> None:
        """Bring the network back."""
        self._is_online = True

    def drop_sockets(self, code: int = 1006) -> None:
        """End all WebSockets, as a proxy on the way may do."""
        for socket in tuple(self._sockets):
            socket.lose(code, "")

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        """Send one request exactly once; see `Transport.send`.

        Canceled, the request arrives all the same.
        """
        self._check()
        exchange = self._exchange
        loop = exchange.loop
        future: asyncio.Future[Answer] = loop.create_future()
        sim_request = SimRequest(
            method=request.method,
            path=self._base_paths.get(request.host, "") + request.path,
            query_string=request.query,
            headers=request.headers,
            body=request.body,
            peer=self._peer,
        )

        def answered(delivery: Delivery | Exception) -> None:
            if future.done():
                return
            if isinstance(delivery, Delivery) and delivery.ending is Ending.HANGING:
                return
            delay_s = exchange.delays()
            if delay_s > 0:
                loop.call_later(delay_s, _settle, future, delivery, request.host)
            else:
                _settle(future, delivery, request.host)

        def too_late() -> None:
            if not future.done():
                future.set_exception(AnswerLost(f"{request.host}: no whole answer in time"))

        limit = loop.call_later(timeouts.answer_s, too_late)
        self._waiting[future] = None
        try:
            delay_s = exchange.delays()
            if delay_s > 0:
                loop.call_later(delay_s, exchange.arrive, sim_request, answered)
            else:
                exchange.arrive(sim_request, answered)
            return await future
        finally:
            limit.cancel()
            self._waiting.pop(future, None)

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> "SimulatedSocket":
        """Open a WebSocket; see `Transport.connect`."""
        self._check()
        exchange = self._exchange
        delay_s = exchange.delays()
        if delay_s >= connect_s:
            await asyncio.sleep(connect_s)
            raise NothingSent(f"{host}: no connection in time")
        if delay_s > 0:
            await asyncio.sleep(delay_s)
            self._check()
        bare_path, _, query = path.partition("?")
        request = SimRequest(
            method="GET",
            path=self._base_paths.get(host, "") + bare_path,
            query_string=query,
            headers=headers,
            peer=self._peer,
        )
        refusal = self._refusal(request)
        if refusal is not None:
            said = f"{host}: the handshake was answered with status {refusal.status}"
            raise SocketClosed(1006, said)
        sim = exchange.dialect.open_socket(request.path, query, exchange.now_ns(), peer=self._peer)
        socket = SimulatedSocket(exchange, sim, self._forget)
        self._sockets[socket] = None
        exchange.changed()
        return socket

    async def close(self) -> None:
        """Close everything; requests under way end with `AnswerLost`. Safe to repeat."""
        self._is_closed = True
        self._cut("closed here")

    def _forget(self, socket: "SimulatedSocket") -> None:
        self._sockets.pop(socket, None)

    def _refusal(self, request: SimRequest) -> SimAnswer | None:
        dialect, now_ns = self._exchange.dialect, self._exchange.now_ns()
        fault = dialect.faults.take(
            (FaultKind.REFUSE_CONNECTION,), method=request.method, path=request.path
        )
        if fault is not None:
            return dialect.fault_answer(fault, request, now_ns)
        return dialect.accepts(request, now_ns)

    def _cut(self, why: str) -> None:
        for future in tuple(self._waiting):
            if not future.done():
                future.set_exception(AnswerLost(f"the connection broke: {why}"))
        for socket in tuple(self._sockets):
            socket.lose(1006, why)

    def _check(self) -> None:
        if self._is_closed:
            raise NothingSent("the transport is closed")
        if not self._is_online:
            raise NothingSent("no connection: Network is unreachable")


def _settle(future: "asyncio.Future[Answer]", delivery: Delivery | Exception, host: str) -> None:
    if future.done():
        return
    if isinstance(delivery, Exception):
        future.set_exception(delivery)
        return
    match delivery.ending:
        case Ending.ANSWERED:
            assert delivery.answer is not None
            future.set_result(_answer(delivery.answer))
        case Ending.DROPPED:
            future.set_exception(AnswerLost(f"{host}: the connection was closed before the answer"))
        case Ending.RESET:
            future.set_exception(
                AnswerLost(f"{host}: the connection broke: Connection reset by peer")
            )
        case Ending.HANGING:
            pass  # until the caller has waited long enough
        case _:
            assert_never(delivery.ending)


def _answer(answer: SimAnswer) -> Answer:
    headers: dict[str, str] = {}
    for name, value in answer.headers:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Answer(status=answer.status, headers=headers, body=answer.body)


class SimulatedSocket:
    """The client's end of a WebSocket to a dialect. PINGs are answered here."""

    def __init__(
        self,
        exchange: SimulatedExchange,
        sim: SimSocket,
        ended: Callable[["SimulatedSocket"], None],
    ) -> None:
        """Made by `SimulatedTransport.connect`."""
        self._exchange = exchange
        self._sim = sim
        self._ended = ended
        self._loop = exchange.loop
        self._heard_at = self._loop.time()
        self._arrived: deque[str | bytes] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._closed: tuple[int, str] | None = None
        self._is_deaf = False
        # What is under way in either direction keeps its order.
        self._down_at = self._up_at = -_APART_S
        self._is_gone = False
        sim.wake = self._drain
        self._drain()

    @property
    def heard_at(self) -> float:
        """Moment of the last frame of any kind, pings too, on the loop's clock."""
        return self._heard_at

    async def send(self, text: str) -> None:
        """Send a text frame; raises SocketClosed."""
        if self._closed is not None:
            raise SocketClosed(*self._closed)
        self._send_up(self._received, text)

    async def receive(self) -> str | bytes:
        """Give the next data frame; raises SocketClosed at the end, and each time after."""
        while not self._arrived or self._is_deaf:
            if self._closed is not None:
                raise SocketClosed(*self._closed)
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._arrived.popleft()

    async def close(self) -> None:
        """Close with code 1000. Safe to repeat."""
        self._is_deaf = True
        if self._closed is None:
            self._end(1000, "closed here")

    def lose(self, code: int, reason: str) -> None:
        """End it from the network's side; what had arrived can still be read."""
        if self._closed is None:
            self._end(code, reason)

    # Up

    def _send_up(self, action: Callable[[Any], None], argument: Any) -> None:
        at = max(self._up_at + _APART_S, self._loop.time() + self._exchange.delays())
        self._up_at = at
        if at > self._loop.time():
            self._loop.call_at(at, action, argument)
        else:
            action(argument)

    def _received(self, text: str) -> None:
        if self._sim.is_open and not self._is_gone:
            self._exchange.dialect.received(self._sim, text, self._exchange.now_ns())
            self._exchange.changed()

    def _ponged(self, payload: bytes) -> None:
        if self._sim.is_open and not self._is_gone:
            self._exchange.dialect.ponged(self._sim, payload, self._exchange.now_ns())
            self._exchange.changed()

    def _left(self, _: object) -> None:
        if not self._is_gone:
            self._is_gone = True
            self._exchange.dialect.close_socket(self._sim, self._exchange.now_ns())

    # Down

    def _drain(self) -> None:
        for frame in self._sim.drain():
            at = max(self._down_at + _APART_S, self._loop.time() + self._exchange.delays())
            self._down_at = at
            # Never within the call of the dialect that wrote it.
            self._loop.call_at(at, self._frame, frame)

    def _frame(self, frame: Frame) -> None:
        if self._closed is not None:
            return
        self._heard_at = self._loop.time()
        match frame:
            case Send(text):
                self._arrived.append(text)
                self._wake()
            case Ping(payload):
                self._send_up(self._ponged, payload)
            case Close(code, reason):
                self._end(code, reason)
            case _:
                assert_never(frame)

    def _end(self, code: int, reason: str) -> None:
        self._closed = (code, reason)
        self._ended(self)
        self._wake()
        self._send_up_end()

    def _send_up_end(self) -> None:
        at = max(self._up_at + _APART_S, self._loop.time() + self._exchange.delays())
        self._loop.call_at(at, self._left, None)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
