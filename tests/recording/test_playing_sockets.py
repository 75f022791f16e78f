"""Sockets of a tape end as sockets do, and messages without their secrets are known again."""

import asyncio
from pathlib import Path

import attrs
import pytest

from tests.recording.test_tapes import TAPE
from venuekit.testing.recording import (
    AT_ONCE,
    RecordingError,
    Tape,
    TapeEnded,
    TapeTransport,
    Way,
    read_tape,
)
from venuekit.testing.virtual_time import run_virtually
from venuekit.transport.seam import Socket, SocketClosed

FOLDER = Path(__file__).parents[2] / "cassettes"
OURS = sorted(str(file.relative_to(FOLDER)) for file in FOLDER.glob("*/*.tape.jsonl"))


async def _opened(tape: Tape, *, speed: float = 1.0) -> Socket:
    transport = TapeTransport(tape, speed=speed)
    return await transport.connect("stream", "/ws", headers={}, connect_s=1)


def _asking(text: str) -> Tape:
    asked = attrs.evolve(TAPE.events[1], text=text)
    return attrs.evolve(TAPE, events=(TAPE.events[0], asked, *TAPE.events[2:]))


@pytest.mark.parametrize("has_sent", [False, True])
def test_closing_wakes_who_waits_for_a_frame(has_sent: bool) -> None:
    async def story() -> None:
        socket = await _opened(TAPE)
        if has_sent:
            await socket.send(TAPE.events[1].text)
        waiting = asyncio.ensure_future(socket.receive())
        await asyncio.sleep(0.001)
        loop = asyncio.get_running_loop()
        closed_at = loop.time()
        await socket.close()
        with pytest.raises(SocketClosed):
            await asyncio.wait_for(waiting, 1)
        assert loop.time() == closed_at
        with pytest.raises(SocketClosed):
            await socket.receive()

    run_virtually(story())


def test_a_closed_socket_stays_closed_as_it_was() -> None:
    async def story() -> None:
        socket = await _opened(TAPE, speed=AT_ONCE)
        await socket.send(TAPE.events[1].text)
        await socket.receive()
        for _ in range(2):
            with pytest.raises(SocketClosed) as closed:
                await socket.receive()
            assert (closed.value.code, closed.value.reason) == (1006, "gone")
            await socket.close()

    run_virtually(story())


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        (
            '{"op":"auth","key":"scrubbed","passphrase":"scrubbed"}',
            '{"passphrase":"p","op":"auth","key":"mine"}',
        ),
        ('{"args":["a",{"pass":"scrubbed"}]}', '{"args":["a",{"pass":"mine"}]}'),
        ('{"op":"Bearer scrubbed!"}', '{"op":"Bearer abc.def!"}'),
        ("AUTH scrubbed 1", "AUTH mine 1"),
    ],
)
def test_what_was_taken_out_of_the_recording_is_not_compared(recorded: str, sent: str) -> None:
    async def story() -> None:
        socket = await _opened(_asking(recorded), speed=AT_ONCE)
        await socket.send(sent)
        assert await socket.receive() == TAPE.frames()[0]

    run_virtually(story())


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        ('{"op":"auth","key":"scrubbed"}', '{"op":"other","key":"mine"}'),
        ('{"op":"Bearer scrubbed!"}', '{"op":"Basic abc!"}'),
        ('{"op":"auth","pass":"scrubbed"}', '{"op":"auth"}'),
        ('{"price":1.10}', '{"price":1.1}'),
        ('{"price":1.10}', '{"price":"1.10"}'),
        ("AUTH scrubbed 1", "AUTH mine 2"),
    ],
)
def test_everything_else_is_compared_digit_by_digit(recorded: str, sent: str) -> None:
    async def story() -> None:
        socket = await _opened(_asking(recorded), speed=AT_ONCE)
        await socket.send(sent)
        for _ in range(2):  # and once more: a difference does not go away by asking again
            with pytest.raises(RecordingError, match=r"(?s)another message.*sent .*recorded "):
                await socket.receive()

    run_virtually(story())


def test_what_was_sent_and_is_not_on_the_tape_is_told_at_its_end() -> None:
    async def story() -> None:
        socket = await _opened(attrs.evolve(TAPE, events=TAPE.events[:3]), speed=AT_ONCE)
        for text in (TAPE.events[1].text, '{"op":"surplus"}'):
            await socket.send(text)
        await socket.receive()
        with pytest.raises(TapeEnded, match=r"(?s)sent, and not on it.*surplus"):
            await socket.receive()

    run_virtually(story())


@pytest.mark.parametrize("name", OURS)
def test_our_tapes_play_to_their_ends_with_secrets_of_ones_own(name: str) -> None:
    tape = read_tape(FOLDER / name)

    async def played() -> tuple[list[str | bytes], list[str]]:
        transport = TapeTransport(tape, speed=AT_ONCE)
        frames: list[str | bytes] = []
        ends: list[str] = []
        for opening in (event for event in tape.events if event.way is Way.OPEN):
            host, path = opening.text.split(" ", 1)
            socket = await transport.connect(host, path, headers={}, connect_s=1)
            for event in tape.events:
                if event.connection == opening.connection and event.way is Way.SENT:
                    await socket.send(event.text.replace("scrubbed", "of-my-own"))
            try:
                while True:
                    frames.append(await socket.receive())
            except (SocketClosed, TapeEnded) as end:
                ends.append(str(end))
        return frames, ends

    frames, ends = run_virtually(played())
    assert sorted(map(str, frames)) == sorted(tape.frames())
    assert len(ends) == tape.connections
    assert not [end for end in ends if "not on it" in end]
