"""The transport to a dialect in the same process: the real one's guarantees and failures."""

import asyncio
import json
import random
from collections.abc import AsyncIterator

import pytest

from venuekit.plugin import Request
from venuekit.sim.dialect import Dialect, SimAnswer, SimCredentials, SimRequest, SimSocket
from venuekit.sim.faults import Fault, FaultKind
from venuekit.testing.simulated import SimulatedExchange
from venuekit.transport import AnswerLost, NothingSent, SocketClosed, Timeouts

PATIENT = Timeouts(answer_s=12.0)


class Echo(Dialect):
    """Answers with what it was sent, and tells the time once a second."""

    def __init__(self) -> None:
        super().__init__(random.Random(1))
        self.handled: list[str] = []
        self.pongs: list[bytes] = []
        self.gone: list[int] = []
        self.now_ns = 0
        self._told_ns: int | None = None

    def handle(self, request: SimRequest, now_ns: int) -> SimAnswer:
        self.handled.append(request.path)
        body = json.dumps({"path": request.path, "query": request.query_string}).encode()
        return SimAnswer(200, (("X-Peer", request.peer), ("x-twice", "1"), ("X-Twice", "2")), body)

    def credentials(self, account: str = "first") -> SimCredentials:
        return SimCredentials(account, "key", "secret")

    def named_answer(self, name: str, request: SimRequest, now_ns: int) -> SimAnswer:
        raise KeyError(name)

    def accepts(self, request: SimRequest, now_ns: int) -> SimAnswer | None:
        return SimAnswer(404) if request.path == "/nowhere" else None

    def connected(self, socket: SimSocket, now_ns: int) -> None:
        socket.send("welcome")

    def received(self, socket: SimSocket, data: str | bytes, now_ns: int) -> None:
        if data == "ping me":
            socket.ping(b"7")
        elif data == "close":
            socket.close(1001, "going away")
        else:
            socket.send(f"you said {data!r}")

    def pinged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        raise AssertionError

    def ponged(self, socket: SimSocket, payload: bytes, now_ns: int) -> None:
        self.pongs.append(payload)

    def disconnected(self, socket: SimSocket, now_ns: int) -> None:
        self.gone.append(socket.id)

    def advance(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.run_due(now_ns)

    def next_due_ns(self) -> int | None:
        return self.next_action_ns()


@pytest.fixture
async def world() -> AsyncIterator[SimulatedExchange]:
    async with SimulatedExchange(Echo()) as exchange:
        yield exchange


def echo(world: SimulatedExchange) -> Echo:
    assert isinstance(world.dialect, Echo)
    return world.dialect


def asked(path: str) -> Request:
    return Request(method="POST", host="rest", path=path, query="a=1")


async def test_a_request_is_answered(world: SimulatedExchange) -> None:
    transport = world.transport(peer="10.1.1.1", base_paths={"rest": "/base"})

    answer = await transport.send(asked("/x"), timeouts=PATIENT)

    assert answer.status == 200
    assert json.loads(answer.body) == {"path": "/base/x", "query": "a=1"}
    assert answer.headers == {"x-peer": "10.1.1.1", "x-twice": "1, 2"}


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.RESET_AFTER])
async def test_a_lost_answer_is_lost_and_the_request_had_its_effect(
    world: SimulatedExchange, kind: FaultKind
) -> None:
    world.dialect.faults.add(Fault(kind=kind))

    with pytest.raises(AnswerLost):
        await world.transport().send(asked("/x"), timeouts=PATIENT)

    assert echo(world).handled == ["/x"]


async def test_an_exchange_that_hangs_is_waited_for_as_long_as_the_caller_says(
    world: SimulatedExchange,
) -> None:
    world.dialect.faults.add(Fault(kind=FaultKind.HANG_BEFORE))
    begun_at = world.loop.time()

    with pytest.raises(AnswerLost, match="no whole answer in time"):
        await world.transport().send(asked("/x"), timeouts=PATIENT)

    assert world.loop.time() - begun_at == pytest.approx(12.0)
    assert echo(world).handled == []


async def test_what_has_left_arrives_although_the_caller_is_canceled_and_the_client_gone(
    world: SimulatedExchange,
) -> None:
    transport = world.transport()
    world.dialect.faults.add(Fault(kind=FaultKind.DELAY_REQUEST, delay_s=2.0))
    task = asyncio.create_task(transport.send(asked("/x"), timeouts=PATIENT))
    await asyncio.sleep(1.0)

    task.cancel()
    await transport.close()
    await asyncio.sleep(2.0)

    assert task.cancelled()
    assert echo(world).handled == ["/x"]


async def test_without_a_network_nothing_is_sent_and_what_is_under_way_is_lost(
    world: SimulatedExchange,
) -> None:
    transport = world.transport()
    socket = await transport.connect("stream", "/ws", headers={}, connect_s=3.0)
    assert await socket.receive() == "welcome"
    world.dialect.faults.add(Fault(kind=FaultKind.DELAY_ANSWER, delay_s=2.0))
    task = asyncio.create_task(transport.send(asked("/first"), timeouts=PATIENT))
    await asyncio.sleep(1.0)

    transport.go_offline()

    with pytest.raises(AnswerLost):
        await task
    with pytest.raises(NothingSent):
        await transport.send(asked("/second"), timeouts=PATIENT)
    with pytest.raises(NothingSent):
        await transport.connect("stream", "/ws", headers={}, connect_s=3.0)
    with pytest.raises(SocketClosed, match="1006"):
        await socket.receive()
    transport.go_online()
    assert (await transport.send(asked("/third"), timeouts=PATIENT)).status == 200
    assert echo(world).handled == ["/first", "/third"]


async def test_a_closed_transport_sends_nothing(world: SimulatedExchange) -> None:
    transport = world.transport()
    await transport.close()

    with pytest.raises(NothingSent, match="closed"):
        await transport.send(asked("/x"), timeouts=PATIENT)


async def test_frames_come_in_order_whatever_their_delays() -> None:
    rng = random.Random(5)
    async with SimulatedExchange(Echo(), delays=lambda: rng.uniform(0.0, 0.5)) as world:
        socket = await world.transport().connect("stream", "/ws", headers={}, connect_s=3.0)
        for number in range(20):
            await socket.send(str(number))
        frames = [await socket.receive() for _ in range(21)]

    assert frames == ["welcome", *(f"you said '{number}'" for number in range(20))]


async def test_pings_are_answered_and_heard(world: SimulatedExchange) -> None:
    socket = await world.transport().connect("stream", "/ws", headers={}, connect_s=3.0)
    await socket.receive()
    await asyncio.sleep(5.0)

    await socket.send("ping me")
    await asyncio.sleep(0.1)

    assert echo(world).pongs == [b"7"]
    assert socket.heard_at == pytest.approx(world.loop.time() - 0.1)


async def test_the_end_of_a_socket_is_told_to_both_sides(world: SimulatedExchange) -> None:
    transport = world.transport()
    theirs = await transport.connect("stream", "/ws", headers={}, connect_s=3.0)
    await theirs.receive()
    await theirs.send("close")
    for _ in range(2):
        with pytest.raises(SocketClosed, match="1001 going away"):
            await theirs.receive()
    ours = await transport.connect("stream", "/ws", headers={}, connect_s=3.0)
    await ours.close()
    with pytest.raises(SocketClosed, match="1000"):
        await ours.receive()
    with pytest.raises(SocketClosed):
        await ours.send("late")
    await asyncio.sleep(0.1)

    assert sorted(echo(world).gone) == [0, 1]


async def test_a_refused_handshake_is_no_socket(world: SimulatedExchange) -> None:
    transport = world.transport()
    with pytest.raises(SocketClosed, match="status 404"):
        await transport.connect("stream", "/nowhere", headers={}, connect_s=3.0)
    world.dialect.faults.add(Fault(kind=FaultKind.REFUSE_CONNECTION))
    with pytest.raises(SocketClosed, match="status 503"):
        await transport.connect("stream", "/ws", headers={}, connect_s=3.0)


async def test_the_exchange_is_advanced_when_it_is_due(world: SimulatedExchange) -> None:
    happened: list[int] = []
    begun_ns = world.now_ns()
    world.dialect.later(begun_ns + 3_000_000_000, happened.append)
    world.changed()

    await asyncio.sleep(10.0)

    assert happened == [pytest.approx(begun_ns + 3_000_000_000, abs=2_000)]


async def test_the_machines_clock_jumps_and_the_exchanges_does_not(
    world: SimulatedExchange,
) -> None:
    before_ns = world.now_ns()
    world.clock.jump(-3600.0)
    await asyncio.sleep(1.0)

    assert world.now_ns() - before_ns == 1_000_000_000
    assert world.clock.time_ns() == world.now_ns() - 3_600_000_000_000


async def test_a_dialect_that_breaks_while_time_passes_is_told_of() -> None:
    def breaks(_: int) -> None:
        raise ZeroDivisionError

    world = SimulatedExchange(Echo())
    world.dialect.later(world.now_ns() + 1, breaks)
    world.changed()
    await asyncio.sleep(1.0)

    with pytest.raises(ZeroDivisionError):
        await world.close()
