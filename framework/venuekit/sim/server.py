"""A dialect behind a real HTTP and WebSocket server on the loopback interface.

    async with Simulator(dialect) as simulator:
        print(simulator.address)  # http://127.0.0.1:54321

The server decides nothing: it turns bytes into calls of the dialect, and answers, frames and
faults back into bytes. It also serves `/_sim/…`, by which another process plans faults:

    GET    /_sim/state         what the dialect tells about itself
    GET    /_sim/faults        the faults that are still to happen, by number
    POST   /_sim/faults        a fault or a list of them; gives their numbers
    DELETE /_sim/faults        forget all of them
    DELETE /_sim/faults/<n>    forget one
    GET    /_sim/fired         the faults that did happen
"""

import asyncio
import contextlib
import json
import socket as socket_module
import struct
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, assert_never

from aiohttp import WSMsgType, web

from venuekit.sim.dialect import (
    Close,
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
from venuekit.sim.faults import FaultKind, fault_from_json, fault_to_json

CONTROL: Final = "/_sim/"
_LONGEST_NAP_S: Final = 0.1  # faults may be planned in process, where nobody wakes the advancer
_MAX_BODY: Final = 16 * 2**20
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


class Simulator:
    """Serve one dialect on 127.0.0.1 while the context lasts.

    Leaving the context closes every connection and waits for the tasks; a client that holds its
    connection open cannot delay it.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        port: int = 0,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Choose what to serve.

        Args:
            dialect: Used by nobody else while it is served.
            port: 0 takes a free one.
            clock_ns: The simulated exchange's time, Unix nanoseconds, never going back.
        """
        self.dialect = dialect
        self._port = port
        self._clock_ns = clock_ns
        self._latest_ns = 0
        self._runner: web.ServerRunner | None = None
        self._advancer: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self._writers: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._port

    @property
    def address(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def websocket_address(self) -> str:
        """The same for WebSockets."""
        return f"ws://127.0.0.1:{self._port}"

    def now_ns(self) -> int:
        """Give the time, which a clock that was set back cannot turn back."""
        self._latest_ns = max(self._latest_ns, self._clock_ns())
        return self._latest_ns

    async def __aenter__(self) -> Self:
        runner = web.ServerRunner(
            web.Server(self._serve, access_log=None), shutdown_timeout=0.2, handle_signals=False
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]
        self.dialect.advance(self.now_ns())
        self._advancer = asyncio.create_task(self._advance(), name="simulator-advance")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        assert self._advancer is not None
        assert self._runner is not None
        self._advancer.cancel()
        for task in self._writers:
            task.cancel()
        tasks = [self._advancer, *self._writers]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await self._runner.cleanup()
        for result in results:
            # A dialect that broke while it advanced must not look like a calm market.
            if isinstance(result, Exception):
                raise result

    async def _advance(self) -> None:
        while True:
            now_ns = self.now_ns()
            self.dialect.advance(now_ns)
            due_ns = self.dialect.next_due_ns()
            nap_s = _LONGEST_NAP_S
            if due_ns is not None:
                nap_s = min(nap_s, max(0.0, (due_ns - self.now_ns()) / 1e9))
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(nap_s, 0.0005)):
                    await self._changed.wait()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        sim_request = SimRequest(
            method=request.method,
            path=path,
            query_string=query,
            headers=dict(request.headers),
            body=await request.read() if request.can_read_body else b"",
            peer=request.remote or "",
        )
        if path.startswith(CONTROL):
            answer = _control(self.dialect, sim_request)
            self._changed.set()
            return _response(answer)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_socket(request, sim_request)
        delivery = await deliver(self.dialect, sim_request, self.now_ns)
        self._changed.set()
        match delivery.ending:
            case Ending.ANSWERED:
                assert delivery.answer is not None
                return _response(delivery.answer)
            case Ending.HANGING:
                await self._closing.wait()
            case Ending.RESET:
                _reset(request)
            case Ending.DROPPED:
                if request.transport is not None:
                    request.transport.close()
            case _:
                assert_never(delivery.ending)
        # The transport is gone or going: nobody will see this answer.
        return _Unsent()

    async def _serve_socket(
        self, request: web.BaseRequest, sim_request: SimRequest
    ) -> web.StreamResponse:
        refused = self.dialect.faults.take(
            (FaultKind.REFUSE_CONNECTION,), method=sim_request.method, path=sim_request.path
        )
        if refused is not None:
            return _response(self.dialect.fault_answer(refused, sim_request, self.now_ns()))
        refusal = self.dialect.accepts(sim_request, self.now_ns())
        if refusal is not None:
            return _response(refusal)
        # PINGs are answered here, PONGs and closes are looked at: the dialect counts them.
        response = web.WebSocketResponse(
            autoping=False, autoclose=False, timeout=0.2, max_msg_size=_MAX_BODY, compress=False
        )
        await response.prepare(request)
        socket = self.dialect.open_socket(
            sim_request.path, sim_request.query_string, self.now_ns(), peer=sim_request.peer
        )
        ready = asyncio.Event()
        socket.wake = ready.set
        ready.set()
        self._changed.set()
        writer = asyncio.create_task(
            _write(socket, response, request, ready), name=f"simulator-write-{socket.id}"
        )
        self._writers.add(writer)
        try:
            await self._read(socket, response)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            self._writers.discard(writer)
            self.dialect.close_socket(socket, self.now_ns())
        return response

    async def _read(self, socket: SimSocket, response: web.WebSocketResponse) -> None:
        while True:
            message = await response.receive()
            match message.type:
                case WSMsgType.TEXT | WSMsgType.BINARY if socket.is_open:
                    self.dialect.received(socket, message.data, self.now_ns())
                case WSMsgType.PING if socket.is_open:
                    if not socket.is_silent:
                        await response.pong(message.data)
                    self.dialect.pinged(socket, bytes(message.data), self.now_ns())
                case WSMsgType.PONG if socket.is_open:
                    self.dialect.ponged(socket, bytes(message.data), self.now_ns())
                case WSMsgType.CLOSE:
                    if socket.is_silent:
                        await self._closing.wait()
                    elif socket.is_open:
                        await response.close()
                    return
                case WSMsgType.CLOSING | WSMsgType.CLOSED | WSMsgType.ERROR:
                    return
                case _:
                    pass  # what still comes in after the dialect has closed the connection
            self._changed.set()


def _reset(request: web.BaseRequest) -> None:
    """Let the connection end with a TCP reset, which is what closing without lingering sends."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class _Unsent(web.Response):
    """The answer to a request whose connection was taken away."""

    async def prepare(self, request: web.BaseRequest) -> None:
        if request.transport is not None:
            request.transport.abort()

    async def write_eof(self, data: bytes = b"") -> None:
        """Write nothing."""


async def _write(
    socket: SimSocket,
    response: web.WebSocketResponse,
    request: web.BaseRequest,
    ready: asyncio.Event,
) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            await ready.wait()
            ready.clear()
            for frame in socket.drain():
                if not await _put(frame, response, request):
                    return


async def _put(frame: Frame, response: web.WebSocketResponse, request: web.BaseRequest) -> bool:
    """Send a frame; false when it was the last one."""
    match frame:
        case Send(text):
            await response.send_str(text)
        case Ping(payload):
            await response.ping(payload)
        case Close(1006, _):
            if request.transport is not None:
                request.transport.abort()
            return False
        case Close(code, reason):
            # The close frame alone: `close()` would wait for an answer that `_read` must see.
            await response.close(code=code, message=reason.encode(), drain=True)
            return False
        case _:
            assert_never(frame)
    return True


def _response(answer: SimAnswer) -> web.Response:
    response = web.Response(status=answer.status, body=answer.body)
    for name, value in answer.headers:
        response.headers[name] = value
    return response


def _control(dialect: Dialect, request: SimRequest) -> SimAnswer:
    if request.peer not in _LOOPBACK:
        return _json({"error": "the control endpoint serves the loopback interface only"}, 403)
    name, _, rest = request.path.removeprefix(CONTROL).partition("/")
    match request.method, name, rest:
        case "GET", "state", "":
            return _json(dialect.state())
        case "GET", "fired", "":
            return _json(
                [
                    {"number": fired.number, "subject": fired.subject, **fault_to_json(fired.fault)}
                    for fired in dialect.faults.fired
                ]
            )
        case "GET", "faults", "":
            planned = dialect.faults.planned
            return _json({str(number): fault_to_json(fault) for number, fault in planned.items()})
        case "POST", "faults", "":
            return _plan(dialect, request.body)
        case "DELETE", "faults", "":
            dialect.faults.clear()
            return _json({})
        case "DELETE", "faults", number if number.isdecimal():
            known = dialect.faults.remove(int(number))
            return _json({} if known else {"error": f"no fault {number}"}, 200 if known else 404)
        case _:
            return _json({"error": f"{request.method} {request.path}: unknown"}, 404)


def _plan(dialect: Dialect, body: bytes) -> SimAnswer:
    try:
        data = json.loads(body)
        faults = [fault_from_json(each) for each in (data if isinstance(data, list) else [data])]
    # cattrs gathers its faults in groups of several kinds; each of them means a bad request.
    except Exception as error:  # noqa: BLE001  the text goes back to the one who sent it
        causes = error.exceptions if isinstance(error, ExceptionGroup) else [error]
        return _json({"error": "; ".join(str(cause) for cause in causes)}, 400)
    return _json({"numbers": dialect.faults.add(*faults)})


def _json(data: object, status: int = 200) -> SimAnswer:
    return SimAnswer(status, (("Content-Type", "application/json"),), json.dumps(data).encode())
