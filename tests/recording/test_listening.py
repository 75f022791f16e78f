"""What is written down stands in the order in which it happened, and only if it happened."""

import asyncio
from collections.abc import Mapping

import pytest

from venuekit.auth import Redactor
from venuekit.plugin import Answer, Request
from venuekit.testing.recording import RecordingError, Scrubber, Way
from venuekit.testing.recording.listening import ListeningTransport
from venuekit.testing.virtual_time import run_virtually
from venuekit.transport.seam import Socket, SocketClosed, Timeouts


class SlowSocket:
    """Sends slowly, and is answered before `send` is over."""

    heard_at = 0.0

    def __init__(self, frames: list[str | bytes], *, is_broken: bool = False) -> None:
        self._frames = frames
        self._is_broken = is_broken
        self._asked = asyncio.Event()

    async def send(self, text: str) -> None:
        del text
        self._asked.set()
        await asyncio.sleep(1)
        if self._is_broken:
            raise SocketClosed(1006, "cut")

    async def receive(self) -> str | bytes:
        await self._asked.wait()
        return self._frames.pop(0)

    async def close(self) -> None:
        self._frames.clear()


class OneSocket:
    """A transport with one socket."""

    def __init__(self, socket: SlowSocket) -> None:
        self._socket = socket

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        raise NotImplementedError

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> Socket:
        del host, path, headers, connect_s
        return self._socket

    async def close(self) -> None:
        await self._socket.close()


async def _listened(inner: SlowSocket) -> tuple[ListeningTransport, Socket]:
    transport = ListeningTransport(
        OneSocket(inner), Scrubber(Redactor()), is_wanted=lambda *_: True
    )
    return transport, await transport.connect("stream", "/ws?token=1", headers={}, connect_s=1)


def _story(transport: ListeningTransport) -> list[tuple[Way, str]]:
    return [(event.way, event.text) for event in transport.events]


def test_a_message_stands_before_its_answer_even_where_sending_is_slow() -> None:
    async def story() -> None:
        transport, socket = await _listened(SlowSocket(["answer"]))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(socket.send("question"))
            assert await socket.receive() == "answer"
        assert _story(transport) == [
            (Way.OPEN, "stream /ws"),
            (Way.SENT, "question"),
            (Way.RECEIVED, "answer"),
        ]

    run_virtually(story())


def test_what_could_not_be_sent_is_not_on_the_tape_and_the_end_is() -> None:
    async def story() -> None:
        transport, socket = await _listened(SlowSocket([], is_broken=True))
        with pytest.raises(SocketClosed):
            await socket.send("question")
        await socket.close()
        assert _story(transport) == [(Way.OPEN, "stream /ws"), (Way.CLOSE, "cut")]
        assert (transport.events[-1].code, transport.events[-1].by_us) == (1006, False)

    run_virtually(story())


def test_a_frame_that_is_no_text_is_refused_and_not_changed() -> None:
    async def story() -> None:
        transport, socket = await _listened(SlowSocket([b'{"n":1}', b"\xff\x00"]))
        await socket.send("question")
        assert await socket.receive() == b'{"n":1}'
        with pytest.raises(RecordingError, match="binary frame"):
            await socket.receive()
        assert _story(transport)[-1] == (Way.RECEIVED, '{"n":1}')

    run_virtually(story())
