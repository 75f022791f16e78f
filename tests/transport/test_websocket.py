"""WebSockets on aiohttp, against a server that plays frame by frame."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from venuekit.transport import NothingSent, SocketClosed
from venuekit.transport.http import MAX_MESSAGE, AiohttpTransport

Play = Callable[[web.WebSocketResponse, web.Request], Awaitable[None]]
CANARY = "c4n4ryl1st3nk3y"


@pytest.fixture
async def play() -> AsyncIterator[Callable[[Play], Awaitable[str]]]:
    """Give a function that serves one script for each socket; it gives the base URL."""
    runners: list[web.ServerRunner] = []

    async def start(script: Play) -> str:
        async def handle(request: Any) -> web.StreamResponse:
            socket = web.WebSocketResponse(autoping=False, max_msg_size=0)
            await socket.prepare(request)
            await script(socket, request)
            return socket

        runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"ws://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    transports: list[AiohttpTransport] = []

    async def connect(url: str, path: str = "/ws", **changes: Any) -> Any:
        transport = AiohttpTransport({"stream": url}, loopback=True)
        transports.append(transport)
        options: dict[str, Any] = {"headers": {}, "connect_s": 5.0, **changes}
        return await transport.connect("stream", path, **options)

    yield connect
    for transport in transports:
        await transport.close()


async def test_a_ping_is_answered_with_its_own_payload_and_is_heard(
    play: Any, connect: Any
) -> None:
    pongs: asyncio.Queue[Any] = asyncio.Queue()
    go = asyncio.Event()

    async def script(socket: Any, _: Any) -> None:
        await go.wait()
        await socket.ping(b"1763856000000")
        pongs.put_nowait(await socket.receive())
        await socket.receive()

    socket = await connect(await play(script))
    opened_at = socket.heard_at
    reader = asyncio.create_task(socket.receive())
    go.set()

    pong = await pongs.get()

    assert (pong.type, pong.data) == (WSMsgType.PONG, b"1763856000000")
    assert socket.heard_at > opened_at
    assert not reader.done()
    await socket.close()
    with pytest.raises(SocketClosed):
        await reader


async def test_a_pong_is_heard_and_not_delivered(play: Any, connect: Any) -> None:
    async def script(socket: Any, _: Any) -> None:
        await socket.pong(b"")
        await socket.send_str("data")
        await socket.receive()

    socket = await connect(await play(script))

    assert await socket.receive() == "data"


async def test_the_handshake_carries_headers_and_asks_for_no_compression(
    play: Any, connect: Any
) -> None:
    seen: list[web.Request] = []

    async def script(socket: Any, request: Any) -> None:
        seen.append(request)

    await connect(await play(script), "/stream?streams=btcusdt@trade%2Fx", headers={"X-KEY": "k"})

    assert seen[0].raw_path == "/stream?streams=btcusdt@trade%2Fx"
    assert seen[0].headers["X-KEY"] == "k"
    assert "Sec-WebSocket-Extensions" not in seen[0].headers


@pytest.mark.parametrize(("base", "path", "asked"), [("", "", "/"), ("/ws", "", "/ws")])
async def test_a_socket_may_be_where_the_hosts_url_ends(
    play: Any, connect: Any, base: str, path: str, asked: str
) -> None:
    async def script(socket: Any, request: Any) -> None:
        await socket.send_str(request.path)

    socket = await connect(await play(script) + base, path)
    assert await socket.receive() == asked


async def test_a_handshake_is_never_redirected(play: Any, connect: Any, serve: Any) -> None:
    other_requests: list[web.Request] = []

    async def other(socket: Any, request: Any) -> None:
        other_requests.append(request)

    elsewhere = (await play(other)).replace("ws:", "http:")

    async def script(line: Any) -> None:
        await line.request()
        await line.answer(b"", "307 Temporary Redirect", f"Location: {elsewhere}/x\r\n")

    server = await serve(script)

    with pytest.raises(SocketClosed, match="status 307"):
        await connect(server.url.replace("http", "ws"), headers={"X-KEY": CANARY})

    assert other_requests == []


@pytest.mark.parametrize("status", ["400 Bad Request", "429 Too Many", "503 Unavailable", "200 OK"])
async def test_a_refused_handshake_tells_its_status_and_no_url(
    connect: Any, serve: Any, status: str
) -> None:
    async def script(line: Any) -> None:
        await line.request()
        await line.answer(b"no", status)

    server = await serve(script)

    with pytest.raises(SocketClosed, match=f"status {status[:3]}") as refused:
        await connect(server.url.replace("http", "ws"), f"/ws/{CANARY}?k={CANARY}")

    assert CANARY not in str(refused.value)
    assert refused.value.__context__ is None
    assert refused.value.__cause__ is None


async def test_a_handshake_that_is_not_answered_in_time_fails(connect: Any, serve: Any) -> None:
    async def script(line: Any) -> None:
        await line.request()
        await line.request()

    server = await serve(script)

    with pytest.raises(SocketClosed, match="in time"):
        await connect(server.url.replace("http", "ws"), connect_s=0.05)


async def test_a_message_over_the_cap_closes_with_1009(play: Any, connect: Any) -> None:
    async def script(socket: Any, _: Any) -> None:
        await socket.send_str("x" * (MAX_MESSAGE - 1))
        await socket.send_str("x" * (MAX_MESSAGE + 1))
        await socket.receive()

    socket = await connect(await play(script))

    assert len(await socket.receive()) == MAX_MESSAGE - 1
    with pytest.raises(SocketClosed) as closed:
        await socket.receive()
    assert closed.value.code == 1009


async def test_a_connection_that_breaks_without_a_close_frame_is_1006(
    play: Any, connect: Any
) -> None:
    async def script(socket: Any, request: Any) -> None:
        request.transport.abort()

    socket = await connect(await play(script))

    with pytest.raises(SocketClosed) as closed:
        await socket.receive()
    assert closed.value.code == 1006
    with pytest.raises(SocketClosed):
        await socket.send("x")


async def test_closing_takes_under_a_second_when_the_other_side_says_nothing(
    play: Any, connect: Any
) -> None:
    release = asyncio.Event()

    async def script(socket: Any, _: Any) -> None:
        await release.wait()

    socket = await connect(await play(script))

    async with asyncio.timeout(1):
        await socket.close()
    release.set()

    with pytest.raises(SocketClosed):
        await socket.receive()


async def test_closing_takes_under_a_second_when_the_other_side_never_stops_talking(
    play: Any, connect: Any
) -> None:
    async def script(socket: Any, _: Any) -> None:
        while True:
            await socket.send_str("x" * 1000)
            await asyncio.sleep(0)

    socket = await connect(await play(script))
    await socket.receive()

    async with asyncio.timeout(1):
        await socket.close()
    with pytest.raises(SocketClosed):
        await socket.receive()


async def test_closing_takes_under_a_second_when_the_other_side_does_not_read(
    connect: Any, serve: Any
) -> None:
    release = asyncio.Event()
    ended = asyncio.Event()

    async def script(line: Any) -> None:
        key = next(
            part.split(b": ")[1]
            for part in (await line.request()).split(b"\r\n")
            if part.lower().startswith(b"sec-websocket-key")
        )
        accept = _accept(key)
        await line.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        line.writer.transport.pause_reading()
        await release.wait()
        line.writer.transport.resume_reading()
        await line.reader.read()
        ended.set()

    server = await serve(script)
    socket = await connect(server.url.replace("http", "ws"))
    sender = asyncio.create_task(_send_until_closed(socket))
    for _ in range(50):
        await asyncio.sleep(0)

    async with asyncio.timeout(1):
        await socket.close()

    with pytest.raises(SocketClosed):
        await sender
    release.set()


async def _send_until_closed(socket: Any) -> None:
    while True:
        await socket.send("x" * 1_000_000)


def _accept(key: bytes) -> bytes:
    guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1(key + guid).digest())


async def test_a_closing_reason_is_cleaned(play: Any, serve: Any) -> None:
    async def script(socket: Any, _: Any) -> None:
        await socket.close(code=4001, message=f"\x1b[31mbad key {CANARY}".encode())

    transport = AiohttpTransport(
        {"stream": await play(script)},
        loopback=True,
        redact=lambda text: text.replace(CANARY, "[redacted]"),
    )
    try:
        socket = await transport.connect("stream", "/", headers={}, connect_s=5.0)
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
    finally:
        await transport.close()

    assert closed.value.code == 4001
    assert closed.value.reason == "[31mbad key [redacted]"


async def test_a_socket_to_a_host_for_requests_is_not_opened() -> None:
    transport = AiohttpTransport({"rest": "http://127.0.0.1:1"}, loopback=True)

    with pytest.raises(NothingSent, match="takes requests only"):
        await transport.connect("rest", "/", headers={}, connect_s=1.0)
    await transport.close()


async def test_a_canceled_receive_loses_no_frame(play: Any, connect: Any) -> None:
    go = asyncio.Event()

    async def script(socket: Any, _: Any) -> None:
        await go.wait()
        await socket.send_str("first")
        await socket.receive()

    socket = await connect(await play(script))
    reader = asyncio.create_task(socket.receive())
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    go.set()

    assert await socket.receive() == "first"
