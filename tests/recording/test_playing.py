"""A tape is played through the seam of the transport."""

import asyncio

import attrs
import pytest

from tests.recording.test_tapes import TAPE
from venuekit.plugin import Request
from venuekit.testing.recording import (
    AT_ONCE,
    RecordingError,
    TapeEnded,
    TapeEvent,
    TapeTransport,
    Way,
)
from venuekit.testing.virtual_time import run_virtually
from venuekit.transport.seam import NothingSent, Socket, SocketClosed, Timeouts

SUBSCRIBE = '{"op":"sub","id":77}'


async def _opened(transport: TapeTransport) -> Socket:
    return await transport.connect("stream", "/ws?token=1", headers={}, connect_s=1)


def test_frames_come_in_the_recorded_times_and_the_end_as_it_was() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        socket = await _opened(TapeTransport(TAPE))
        await socket.send(SUBSCRIBE)
        assert await socket.receive() == TAPE.frames()[0]
        assert loop.time() - began == pytest.approx(0.0512)
        assert socket.heard_at == loop.time()
        with pytest.raises(SocketClosed) as closed:
            await socket.receive()
        assert (closed.value.code, closed.value.reason) == (1006, "gone")
        assert loop.time() - began == pytest.approx(0.06)

    run_virtually(story())


def test_at_once_nothing_is_waited_for_but_our_own_messages() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        socket = await _opened(TapeTransport(TAPE, speed=AT_ONCE))
        waiting = asyncio.create_task(_receive(socket))
        await asyncio.sleep(60)
        assert not waiting.done()
        began = loop.time()
        await socket.send(SUBSCRIBE)
        assert await waiting == TAPE.frames()[0]
        assert loop.time() == began

    run_virtually(story())


async def _receive(socket: Socket) -> str | bytes:
    return await socket.receive()


def test_another_message_than_the_recorded_one_is_shown_beside_it() -> None:
    async def story() -> None:
        socket = await _opened(TapeTransport(TAPE))
        await socket.send('{"op":"unsub","id":1}')
        with pytest.raises(RecordingError, match=r'(?s)sent .*"unsub".*recorded .*"sub"'):
            await socket.receive()

    run_virtually(story())


def test_the_end_of_a_tape_is_no_end_of_the_conversation() -> None:
    async def story() -> None:
        tape = attrs.evolve(TAPE, events=TAPE.events[:3])
        transport = TapeTransport(tape)
        socket = await _opened(transport)
        await socket.send(SUBSCRIBE)
        await socket.receive()
        with pytest.raises(TapeEnded):
            await socket.receive()
        with pytest.raises(TapeEnded, match="no further connection to stream /ws"):
            await _opened(transport)

    run_virtually(story())


def test_a_second_connection_is_the_second_one_of_the_tape() -> None:
    again = TapeEvent(at_us=70_000, connection=2, way=Way.OPEN, text="stream /ws")
    frame = TapeEvent(at_us=80_000, connection=2, way=Way.RECEIVED, text="second")

    async def story() -> None:
        transport = TapeTransport(attrs.evolve(TAPE, events=(*TAPE.events, again, frame)))
        await _opened(transport)
        socket = await _opened(transport)
        assert await socket.receive() == "second"
        await socket.close()
        with pytest.raises(SocketClosed):
            await socket.send(SUBSCRIBE)

    run_virtually(story())


def test_a_tape_has_no_requests_and_no_other_speed_than_forward() -> None:
    async def story() -> None:
        with pytest.raises(ValueError, match="speed=0"):
            TapeTransport(TAPE, speed=0)
        request = Request(method="GET", host="rest", path="/")
        with pytest.raises(NothingSent):
            await TapeTransport(TAPE).send(request, timeouts=Timeouts())

    run_virtually(story())
