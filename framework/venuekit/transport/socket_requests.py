"""Calls over one lasting WebSocket, as another way for what REST does."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import attrs

from venuekit.model import Failure, VenuekitError
from venuekit.plugin import (
    Answer,
    Authenticate,
    Call,
    CallKind,
    Key,
    Request,
    SocketOrders,
    Stamp,
    StreamToken,
    clean,
)
from venuekit.transport.line import Line
from venuekit.transport.seam import (
    NothingSent,
    Socket,
    SocketClosed,
    Timeouts,
    Transport,
    TransportFailure,
)

T = TypeVar("T")

_log: Final = logging.getLogger("venuekit.transport")

TOKEN_EXPIRED: Final = "key.token_expired"  # noqa: S105  # the name of a reason, no secret
"""Reason of a failure after which a new connection, with a new token, may help."""
PATIENCE_S: Final = 3.0
"""For how long the first calls wait for the first connection; then they go by REST."""
_CONNECT_S: Final = 10.0
_GREETED_S: Final = 10.0
_STEADY_S: Final = 30.0
"""A connection that lived so long was a success; one that breaks sooner counts as a failure."""
_FIRST_DELAY_S: Final = 0.5
_LONGEST_DELAY_S: Final = 30.0
_RETIRE_AT: Final = (0.85, 0.95)
"""Parts of the exchange's longest age between which a connection is replaced by plan."""


class SocketRequests:
    """A `Transport` that also sends messages over a socket, and says which calls are to be some.

    The socket is opened when a call first wants it, and opened again after a loss, with growing
    pauses. Everything that is no message passes through to the transport below, and while there
    is no socket calls keep the form for REST: what is on its way when the socket breaks ends as
    `AnswerLost`, what comes after it does not wait. Nothing is sent twice here.

    An asynchronous context manager: its socket lives inside it.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        exchange: str,
        adapter: SocketOrders,
        key: Key,
        now_ns: Callable[[], int],
        random: Random,
        fetch_token: Callable[[], Awaitable[StreamToken]] | None = None,
        connect_budget: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Send over a socket what `adapter` offers; nothing is opened yet.

        Args:
            transport: Opens the socket, and sends what is no message. Not closed before `close`.
            exchange: Its id, for the log.
            adapter: Makes messages of calls.
            key: Signs the greeting.
            now_ns: The exchange's time.
            random: Chance, for pauses.
            fetch_token: Asks for a token, for each connection; may raise a VenuekitError.
            connect_budget: Pays for one attempt to connect; may raise a VenuekitError.
        """
        self._transport = transport
        self._exchange = exchange
        self._adapter = adapter
        self._key = key
        self._now_ns = now_ns
        self._random = random
        self._fetch_token = fetch_token
        self._connect_budget = connect_budget
        self._channel = adapter.socket_channel()
        self._numbers = itertools.count(1)
        self._line: Line | None = None
        self._lines: set[Line] = set()
        self._tried = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Begin; nothing is connected before a call wants it."""
        self._tasks = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the socket; what waits on it ends as `AnswerLost`."""
        tasks, self._tasks = self._tasks, None
        self._line = None
        self._tried.set()
        for task in list(self._running):
            task.cancel()
        try:
            if tasks is not None:
                await tasks.__aexit__(kind, error, trace)
        finally:
            # A task that is canceled before its first step never runs, not even its `finally`.
            for line in list(self._lines):
                await line.abandon()

    # For attempts

    @property
    def is_up(self) -> bool:
        """Whether messages can be sent."""
        return self._line is not None and not self._line.is_closing

    async def routed(self, call: Call[T]) -> Call[T]:
        """Give the call as it is to be sent: as a message if it can be one and there is a socket.

        A cancel never waits for the first connection; everything else does, a few seconds.
        """
        if self._tasks is None or not call.kind.is_write:
            return call
        over = self._message(call)
        if over is None:
            return call
        if not self._running:
            self._start(self._keep(), name="keeper")
        if not self._tried.is_set() and call.kind is not CallKind.CANCEL:
            await self._first()
        return over if self.is_up else call

    def addressed(self, request: Request) -> tuple[Request, str | None]:
        """Give a message with its number, and the token to sign it with.

        Raises:
            NothingSent: There is no socket any more.
        """
        if self._line is None or self._line.is_closing:
            raise NothingSent(f"{request.host}: the socket is closed")
        return attrs.evolve(request, number=next(self._numbers)), self._line.token

    def refused(self, failure: Failure) -> None:
        """Learn why a message failed: after a refused token there has to be a new connection."""
        if failure.reason == TOKEN_EXPIRED and self._line is not None:
            self._line.retire()

    # As a transport

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        """Send one message or request exactly once and give its answer.

        Raises:
            NothingSent: No byte left.
            AnswerLost: Anything else that yields no whole answer.
        """
        if not request.is_message:
            return await self._transport.send(request, timeouts=timeouts)
        if self._line is None:
            raise NothingSent(f"{request.host}: the socket is closed")
        return await self._line.ask(request, answer_s=timeouts.answer_s)

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> Socket:
        """Open a socket for somebody else; see `Transport.connect`."""
        return await self._transport.connect(host, path, headers=headers, connect_s=connect_s)

    async def close(self) -> None:
        """Close the transport below."""
        await self._transport.close()

    # Keeping a socket open

    def _message(self, call: Call[T]) -> Call[T] | None:
        try:
            return self._adapter.over_socket(call)
        except Exception as error:  # noqa: BLE001  # the border round a plugin: the call has another way
            problem = clean(f"{type(error).__name__}: {error}")
        details = {"exchange": self._exchange, "what": call.what, "problem": problem}
        _log.error("message_unwritable", extra=details)
        return None

    async def _first(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._tried.wait()
        except TimeoutError:
            self._tried.set()  # whoever comes next has waited long enough too

    def _start(self, coroutine: Any, *, name: str) -> None:
        assert self._tasks is not None
        task = self._tasks.create_task(coroutine, name=f"{self._exchange} messages {name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _keep(self) -> None:
        """Have one line after the other until canceled."""
        failures = 0
        while True:
            if failures:
                await asyncio.sleep(self._pause_s(failures))
            try:
                line = await self._opened()
            except (TransportFailure, VenuekitError) as error:
                failures += 1
                self._tell("socket_unopened", str(error))
                self._tried.set()
                continue
            opened_at = asyncio.get_running_loop().time()
            self._line = line
            self._tried.set()
            await self._turned(line)
            self._line = None
            is_steady = asyncio.get_running_loop().time() - opened_at >= _STEADY_S
            failures = 0 if is_steady else failures + 1

    def _pause_s(self, failures: int) -> float:
        span_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(failures, 16))
        return self._random.uniform(0.0, span_s)

    async def _turned(self, line: Line) -> None:
        """Wait until a line takes no more messages; retire it in time."""
        try:
            async with asyncio.timeout(self._channel.max_age_s * self._random.uniform(*_RETIRE_AT)):
                await line.turn()
        except TimeoutError:
            line.retire()

    async def _opened(self) -> Line:
        """Connect, and greet.

        Raises:
            TransportFailure, VenuekitError: It did not succeed.
        """
        token = None if self._fetch_token is None else (await self._fetch_token()).value
        if self._connect_budget is not None:
            await self._connect_budget()
        channel = self._channel
        socket = await self._transport.connect(
            channel.host, channel.path, headers={}, connect_s=_CONNECT_S
        )
        line = Line(
            socket, answered=self._adapter.answered, silence_s=channel.silence_s, token=token
        )
        self._lines.add(line)
        self._start(self._live(line), name="line")
        try:
            await self._greeted(line)
        except BaseException:
            line.retire()
            raise
        return line

    async def _live(self, line: Line) -> None:
        await line.run()
        self._lines.discard(line)
        self._tell("socket_closed", line.why)

    async def _greeted(self, line: Line) -> None:
        failure = None
        try:
            greeting = self._adapter.socket_greeting()
            if greeting is None:
                return
            answer = await line.ask(self._signed(greeting, line), answer_s=_GREETED_S)
            failure = self._adapter.failure(greeting, answer)
        except TransportFailure:
            raise
        except Exception as error:  # noqa: BLE001  # the border round a plugin: a connection that it cannot greet on is not used
            # Its words are not repeated: they may hold what was to be signed.
            problem = f"the plugin failed to greet: {type(error).__name__}"
        else:
            if failure is None:
                return
            problem = f"refused: {failure.code} {failure.text}"
        raise SocketClosed(1006, problem)

    def _signed(self, greeting: Call[Any], line: Line) -> Request:
        request = attrs.evolve(greeting.request, number=next(self._numbers))
        if not greeting.is_signed or not isinstance(self._adapter, Authenticate):
            return request
        stamp = Stamp(time_ns=self._now_ns(), token=line.token)
        return self._adapter.sign(request, self._key, stamp)

    def _tell(self, event: str, problem: str) -> None:
        _log.info(event, extra={"exchange": self._exchange, "problem": clean(problem)})
