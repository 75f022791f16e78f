"""The server is a shell: bytes in, bytes out, and the faults of the way."""

import asyncio
import random
import time
from typing import Any

import aiohttp
import pytest

from venuekit.sim.dialect import (
    Dialect,
    Ending,
    SimAnswer,
    SimCredentials,
    SimRequest,
    SimSocket,
    deliver,
)
from venuekit.sim.faults import Fault, FaultKind
from venuekit.sim.server import Simulator


class Echo(Dialect):
    """Answers with what it was asked, and counts what took effect."""

    def __init__(self) -> None:
        super().__init__(random.Random(1))
        self.handled: list[SimRequest] = []
        self.events: list[tuple[str, object]] = []
        self.advanced = 0

    def handle(self, request: SimRequest, now_ns: int) -> SimAnswer:
        self.handled.append(request)
        body = f"{request.method} {request.path}?{request.query_string} ".encode() + request.body
        return SimAnswer(200, (("X-Peer", request.peer),), body)

    def credentials(self, account: str = "first") -> SimCredentials:
        return SimCredentials(account, "key", "secret")

    def named_answer(self, name: str, request: SimRequest, now_ns: int) -> SimAnswer:
        return {"timeout": SimAnswer(504, (), b"timeout")}[name]

    def accepts(self, request: SimRequest, now_ns: int) -> SimAnswer | None:
        return SimAnswer(404) if request.path == "/nowhere" else None

    def connected(self, socket: SimSocket, now_ns: int) -> None:
        socket.send(f"hello {socket.path}")

    def received(self, socket: SimSocket, data: str | bytes, now_ns: int) -> None:
        assert isinstance(data, str)
        if data == "ping me":
            socket.ping(b"123")
        elif data == "close me":
            socket.close(1008, "Too many requests")
        else:
            self.publish(socket, "echo", data, now_ns)

    def pinged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        self.events.append(("ping", payload))

    def ponged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        self.events.append(("pong", payload))

    def disconnected(self, socket: SimSocket, now_ns: int) -> None:
        self.events.append(("gone", socket.id))

    def advance(self, now_ns: int) -> None:
        self.advanced += 1
        self.run_due(now_ns)

    def next_due_ns(self) -> int | None:
        return self.next_action_ns()


async def test_a_request_arrives_byte_for_byte_and_so_does_its_answer() -> None:
    dialect = Echo()
    async with Simulator(dialect) as simulator, aiohttp.ClientSession() as session:
        url = f"{simulator.address}/a/b?x=%E4%BD%A0&y=1%2B2"
        async with session.post(url, data=b"k=v%20w") as answer:
            assert answer.status == 200
            assert answer.headers["X-Peer"] == "127.0.0.1"
            assert await answer.read() == b"POST /a/b?x=%E4%BD%A0&y=1%2B2 k=v%20w"


@pytest.mark.parametrize(
    ("kind", "effects"),
    [
        (FaultKind.DROP_BEFORE, 0),
        (FaultKind.DROP_AFTER, 1),
        (FaultKind.RESET_BEFORE, 0),
        (FaultKind.RESET_AFTER, 1),
    ],
)
async def test_a_lost_answer_is_lost_with_or_without_the_effect(kind: Any, effects: int) -> None:
    dialect = Echo()
    dialect.faults.add(Fault(kind=kind, path="/order"))
    async with Simulator(dialect) as simulator, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.post(f"{simulator.address}/order")
        assert len(dialect.handled) == effects
        async with session.post(f"{simulator.address}/order") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("kind", "effects"), [(FaultKind.HANG_BEFORE, 0), (FaultKind.HANG_AFTER, 1)]
)
async def test_a_half_open_connection_never_answers_and_delays_no_shutdown(
    kind: Any, effects: int
) -> None:
    dialect = Echo()
    dialect.faults.add(Fault(kind=kind))
    async with aiohttp.ClientSession() as session:
        async with Simulator(dialect) as simulator:
            with pytest.raises(TimeoutError):
                await session.get(simulator.address, timeout=aiohttp.ClientTimeout(0.1))
            pending = asyncio.create_task(session.get(simulator.address + "/2"))
            await (await pending).read()
            started = time.monotonic()
        assert time.monotonic() - started < 2
    assert len(dialect.handled) == effects + 1


async def test_other_answers_are_given_with_and_without_the_effect() -> None:
    dialect = Echo()
    dialect.faults.add(
        Fault(kind=FaultKind.ANSWER_BEFORE, answer="timeout"),
        Fault(kind=FaultKind.ANSWER_AFTER, status=502, body="<html>bad gateway</html>"),
    )
    async with Simulator(dialect) as simulator, aiohttp.ClientSession() as session:
        async with session.get(simulator.address) as answer:
            assert (answer.status, await answer.text()) == (504, "timeout")
        assert dialect.handled == []
        async with session.get(simulator.address) as answer:
            assert answer.status == 502
            assert answer.content_type == "text/html"
        assert len(dialect.handled) == 1


async def test_delivery_in_memory_has_the_same_faults() -> None:
    dialect = Echo()
    request = SimRequest(method="GET", path="/")
    dialect.faults.add(Fault(kind=FaultKind.DELAY_REQUEST, delay_s=0.01))
    dialect.faults.add(Fault(kind=FaultKind.DROP_AFTER))
    lost = await deliver(dialect, request, time.time_ns)
    assert (lost.ending, lost.answer, len(dialect.handled)) == (Ending.DROPPED, None, 1)
    found = await deliver(dialect, request, time.time_ns)
    assert found.ending is Ending.ANSWERED


async def test_a_websocket_has_pings_closes_and_control_frames_of_its_own() -> None:
    dialect = Echo()
    async with Simulator(dialect) as simulator, aiohttp.ClientSession() as session:
        url = f"{simulator.websocket_address}/ws?x=1"
        async with session.ws_connect(url, autoping=False) as socket:
            assert await socket.receive_str() == "hello /ws"
            await socket.send_str("ping me")
            message = await socket.receive()
            assert (message.type, bytes(message.data)) == (aiohttp.WSMsgType.PING, b"123")
            await socket.pong(message.data)
            await socket.ping(b"mine")
            message = await socket.receive()
            assert (message.type, bytes(message.data)) == (aiohttp.WSMsgType.PONG, b"mine")
            await socket.send_str("close me")
            message = await socket.receive()
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert (message.data, message.extra) == (1008, "Too many requests")
        await asyncio.sleep(0.05)
    assert dialect.events == [("pong", b"123"), ("ping", b"mine"), ("gone", 0)]


async def test_stream_messages_are_lost_repeated_and_reordered() -> None:
    dialect = Echo()
    dialect.faults.add(
        Fault(kind=FaultKind.MESSAGE_DROP, topic="echo"),
        Fault(kind=FaultKind.MESSAGE_DUPLICATE, topic="echo"),
        Fault(kind=FaultKind.MESSAGE_REORDER, topic="echo"),
    )
    async with (
        Simulator(dialect) as simulator,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{simulator.websocket_address}/ws") as socket,
    ):
        for text in ("1", "2", "3", "4"):
            await socket.send_str(text)
        received = [await socket.receive_str() for _ in range(5)]
    assert received == ["hello /ws", "2", "2", "4", "3"]


async def test_a_silent_connection_stays_open_and_says_nothing() -> None:
    dialect = Echo()
    dialect.faults.add(Fault(kind=FaultKind.SILENCE, topic="echo"))
    async with (
        Simulator(dialect) as simulator,
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"{simulator.websocket_address}/ws", timeout=aiohttp.ClientWSTimeout(ws_close=0.05)
        ) as socket,
    ):
        await socket.receive_str()
        await socket.send_str("1")
        await socket.ping(b"x")
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.1)
        assert not socket.closed


async def test_a_connection_is_dropped_without_a_close_frame() -> None:
    dialect = Echo()
    dialect.faults.add(Fault(kind=FaultKind.CLOSE, topic="echo"))
    async with (
        Simulator(dialect) as simulator,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{simulator.websocket_address}/ws") as socket,
    ):
        await socket.receive_str()
        await socket.send_str("1")
        message = await socket.receive()
        assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        assert socket.close_code == 1006


async def test_handshakes_are_refused_by_the_dialect_and_by_faults() -> None:
    dialect = Echo()
    dialect.faults.add(Fault(kind=FaultKind.REFUSE_CONNECTION, status=503))
    async with Simulator(dialect) as simulator, aiohttp.ClientSession() as session:
        for path, status in (("/ws", 503), ("/nowhere", 404)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(simulator.websocket_address + path)
            assert caught.value.status == status


async def test_open_connections_do_not_delay_the_end() -> None:
    dialect = Echo()
    async with aiohttp.ClientSession() as session:
        async with Simulator(dialect) as simulator:
            sockets = [
                await session.ws_connect(f"{simulator.websocket_address}/ws") for _ in range(5)
            ]
            started = time.monotonic()
        assert time.monotonic() - started < 2
        for socket in sockets:
            await socket.close()


async def test_faults_are_planned_from_another_process() -> None:
    dialect = Echo()
    async with Simulator(dialect) as simulator, aiohttp.ClientSession() as session:
        control = simulator.address + "/_sim/faults"
        async with session.post(control, json={"kind": "answer_before", "answer": "timeout"}) as a:
            assert await a.json() == {"numbers": [1]}
        async with session.post(control, json=[{"kind": "halt", "text": "BREAK"}]) as a:
            assert await a.json() == {"numbers": [2]}
        async with session.get(simulator.address + "/x") as a:
            assert a.status == 504
        async with session.get(control) as a:
            assert await a.json() == {"2": {"kind": "halt", "text": "BREAK"}}
        async with session.get(simulator.address + "/_sim/fired") as a:
            fired = await a.json()
            assert fired == [
                {"number": 1, "subject": "GET /x", "kind": "answer_before", "answer": "timeout"}
            ]
        async with session.get(simulator.address + "/_sim/state") as a:
            assert (await a.json())["faults_fired"] == 1
        async with session.delete(control + "/2") as a:
            assert a.status == 200
        async with session.delete(control + "/2") as a:
            assert a.status == 404
        async with session.post(control, json={"kind": "nonsense"}) as a:
            assert a.status == 400
            assert "nonsense" in (await a.json())["error"]
        async with session.post(control, data=b"{") as a:
            assert a.status == 400
        async with session.delete(control) as a:
            assert a.status == 200
    assert [request.path for request in dialect.handled] == []


async def test_a_dialect_that_breaks_while_it_advances_is_not_a_calm_market() -> None:
    class Broken(Echo):
        def advance(self, now_ns: int) -> None:
            super().advance(now_ns)
            if self.advanced > 1:
                raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        async with Simulator(Broken()):
            await asyncio.sleep(0.05)


async def test_a_clock_that_is_set_back_does_not_turn_time_back() -> None:
    times = iter([5, 3, 7])
    simulator = Simulator(Echo(), clock_ns=lambda: next(times))
    assert [simulator.now_ns() for _ in range(3)] == [5, 5, 7]
