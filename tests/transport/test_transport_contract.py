"""What every `Transport` promises, asked of the real one and of the one in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import pytest
from aiohttp import WSMsgType, web

from venuekit.plugin import Answer, Request
from venuekit.transport import (
    AnswerLost,
    MemoryTransport,
    NothingSent,
    SocketClosed,
    Timeouts,
    Transport,
)
from venuekit.transport.http import AiohttpTransport

PATIENT = Timeouts(connect_s=5.0, answer_s=5.0)
Answering = Callable[[str, bytes], Awaitable[Answer]]


@attrs.define(eq=False)
class World:
    """A transport, and the other side of it."""

    transport: Transport
    answering: Answering
    seen: list[tuple[str, bytes]] = attrs.field(factory=list)
    far: asyncio.Queue[Any] = attrs.field(factory=asyncio.Queue)

    async def answer(self, path: str, body: bytes) -> Answer:
        self.seen.append((path, body))
        return await self.answering(path, body)


async def _echo(path: str, body: bytes) -> Answer:
    return Answer(status=200, headers={"X-Used-Weight": "7"}, body=path.encode() + body)


@attrs.define(eq=False)
class ServerEnd:
    """The far end of a real socket, with the same four verbs as the one in memory."""

    socket: web.WebSocketResponse
    ended: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def send(self, text: str) -> None:
        await self.socket.send_str(text)

    async def receive(self) -> Any:
        message = await self.socket.receive()
        return message.data if message.type is WSMsgType.TEXT else None

    async def close(self, code: int, reason: str) -> None:
        await self.socket.close(code=code, message=reason.encode())
        self.ended.set()


@attrs.define(eq=False)
class MemoryEnd:
    socket: Any

    async def send(self, text: str) -> None:
        await self.socket.send(text)

    async def receive(self) -> Any:
        try:
            return await self.socket.receive()
        except SocketClosed:
            return None

    async def close(self, code: int, reason: str) -> None:
        self.socket.drop(code, reason)


@pytest.fixture(name="world", params=["memory", "aiohttp"])
async def _world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made: AsyncIterator[World] = _memory() if request.param == "memory" else _aiohttp()
    async for one in made:
        yield one
        await one.transport.close()


async def _memory() -> AsyncIterator[World]:
    async def handle(request: Request) -> Answer:
        return await world.answer(request.path, request.body)

    world = World(
        MemoryTransport(handle, accept=lambda o: world.far.put_nowait(MemoryEnd(o.socket))), _echo
    )
    yield world


async def _aiohttp() -> AsyncIterator[World]:
    async def handle(request: Any) -> web.StreamResponse:
        if request.headers.get("Upgrade") == "websocket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            end = ServerEnd(socket)
            world.far.put_nowait(end)
            await end.ended.wait()
            return socket
        answer = await world.answer(request.raw_path, await request.read())
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"127.0.0.1:{runner.addresses[0][1]}"
    transport = AiohttpTransport(
        {"rest": f"http://{address}", "stream": f"ws://{address}"}, loopback=True
    )
    world = World(transport, _echo)
    yield world
    await runner.cleanup()


def post(body: bytes = b"") -> Request:
    return Request(method="POST", host="rest", path="/order", body=body)


async def test_a_request_is_answered(world: World) -> None:
    answer = await world.transport.send(post(b"x"), timeouts=PATIENT)

    assert (answer.status, answer.body) == (200, b"/orderx")
    assert answer.headers["x-used-weight"] == "7"


@pytest.mark.parametrize("status", [302, 404, 418, 429, 503])
async def test_a_refusal_is_an_answer(world: World, status: int) -> None:
    async def refuse(path: str, body: bytes) -> Answer:
        return Answer(status=status, body=b"no")

    world.answering = refuse

    answer = await world.transport.send(post(), timeouts=PATIENT)

    assert (answer.status, answer.body) == (status, b"no")


async def test_an_unknown_host_gets_nothing(world: World) -> None:
    with pytest.raises(NothingSent, match="nowhere"):
        await world.transport.send(attrs.evolve(post(), host="nowhere"), timeouts=PATIENT)
    with pytest.raises(NothingSent, match="nowhere"):
        await world.transport.connect("nowhere", "/", headers={}, connect_s=1.0)

    assert world.seen == []


async def test_an_answer_that_does_not_come_in_time_is_lost_and_not_asked_for_again(
    world: World,
) -> None:
    async def never(path: str, body: bytes) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    world.answering = never

    with pytest.raises(AnswerLost):
        await world.transport.send(post(), timeouts=Timeouts(connect_s=5.0, answer_s=0.05))

    assert len(world.seen) == 1


async def test_requests_run_side_by_side(world: World) -> None:
    met = asyncio.Barrier(2)

    async def meet(path: str, body: bytes) -> Answer:
        await met.wait()
        return Answer(status=200, body=body)

    world.answering = meet

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(world.transport.send(post(body), timeouts=PATIENT))
            for body in (b"1", b"2")
        ]

    assert [task.result().body for task in tasks] == [b"1", b"2"]


async def test_a_cancel_travels_on_and_the_transport_still_works(world: World) -> None:
    begun = asyncio.Event()

    async def wait(path: str, body: bytes) -> Answer:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    world.answering = wait
    task = asyncio.create_task(world.transport.send(post(), timeouts=PATIENT))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    world.answering = _echo

    assert (await world.transport.send(post(b"y"), timeouts=PATIENT)).body == b"/ordery"


async def test_nothing_leaves_after_close(world: World) -> None:
    await world.transport.close()
    await world.transport.close()

    with pytest.raises(NothingSent):
        await world.transport.send(post(), timeouts=PATIENT)
    with pytest.raises(NothingSent):
        await world.transport.connect("stream", "/", headers={}, connect_s=1.0)


async def test_frames_arrive_in_order_both_ways_and_are_heard(world: World) -> None:
    near = await world.transport.connect("stream", "/ws", headers={}, connect_s=5.0)
    far = await world.far.get()
    opened_at = near.heard_at

    await near.send("subscribe")
    assert await far.receive() == "subscribe"
    await far.send("1")
    await far.send("2")

    assert [await near.receive(), await near.receive()] == ["1", "2"]
    assert near.heard_at > opened_at
    await near.close()
    await far.close(1000, "")


async def test_what_was_sent_before_a_close_arrives_before_it(world: World) -> None:
    near = await world.transport.connect("stream", "/ws", headers={}, connect_s=5.0)
    far = await world.far.get()

    async def end() -> None:
        await far.send("last")
        await far.close(4000, "bye")

    async with asyncio.TaskGroup() as group:
        group.create_task(end())
        assert await near.receive() == "last"
        for _ in range(2):
            with pytest.raises(SocketClosed) as closed:
                await near.receive()
            assert (closed.value.code, closed.value.reason) == (4000, "bye")
    with pytest.raises(SocketClosed):
        await near.send("x")


async def test_closing_ends_a_receive_that_waits(world: World) -> None:
    near = await world.transport.connect("stream", "/ws", headers={}, connect_s=5.0)
    far = await world.far.get()
    reader = asyncio.create_task(near.receive())
    await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(far.receive())
        await near.close()
        await near.close()

    with pytest.raises(SocketClosed) as closed:
        await reader
    assert closed.value.code == 1000
    await far.close(1000, "")
