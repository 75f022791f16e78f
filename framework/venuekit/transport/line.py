"""One socket with the messages that wait for their answers on it."""

import asyncio
from collections.abc import Callable
from typing import Final

from venuekit.plugin import Answer, Request
from venuekit.transport.seam import AnswerLost, NothingSent, Socket, SocketClosed

Answered = Callable[[str | bytes], int | None]
"""Names the message that a frame answers."""


class _Left(Exception):
    """Ends a line by plan; never leaves this module."""


class Line:
    """Answers are matched to messages by number, in whatever order they come.

    A message whose answer comes too late, or whose sender has gone, is forgotten, and its answer
    dropped; after one that comes too late the line takes no more messages. With the socket
    everything that waits ends as `AnswerLost`.
    """

    def __init__(
        self, socket: Socket, *, answered: Answered, silence_s: float, token: str | None
    ) -> None:
        """Use a socket that was just opened.

        Args:
            socket: Belongs to the line from now on.
            answered: The plugin's, which may raise anything.
            silence_s: A socket on which nothing at all was heard for so long is dead.
            token: What messages on it are signed with.
        """
        self.token: Final = token
        self.is_closing = False
        """Takes no more messages."""
        self.why = ""
        """What ended it, for people."""
        self._socket = socket
        self._answered = answered
        self._silence_s = silence_s
        self._waiting: dict[int, asyncio.Future[str | bytes | None]] = {}
        self._turned = asyncio.Event()
        self._emptied = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Read until the socket is lost, or until it is retired and nothing waits any more."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(), name="reader")
                tasks.create_task(self._leave(), name="leaver")
        except* SocketClosed as losses:
            self.why = str(losses.exceptions[0])
        except* _Left:
            self.why = "closed here"
        finally:
            self.retire()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_result(None)
            await self._socket.close()

    async def ask(self, request: Request, *, answer_s: float) -> Answer:
        """Send a message once and give the frame that answers it.

        Raises:
            NothingSent: The line takes no more messages, or this is none.
            AnswerLost: The socket was lost, or no answer came within `answer_s`.
        """
        number = request.number
        if self.is_closing:
            raise NothingSent(f"{request.host}: the socket is closed")
        if number is None or number in self._waiting:
            raise NothingSent(f"{request.host}: a message needs a number of its own")
        text = request.body.decode()
        answer: asyncio.Future[str | bytes | None] = self._loop.create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(answer_s):
                # From here on it may be out, also when `send` fails: the network gives no proof.
                await self._socket.send(text)
                frame = await answer
        except TimeoutError:
            self.retire()  # half-open, perhaps: others take another way until there is a new one
            raise AnswerLost(f"{request.host}: no answer in time") from None
        except SocketClosed as closed:
            raise AnswerLost(f"{request.host}: {closed}") from None
        finally:
            del self._waiting[number]
            self._look_round()
        if frame is None:
            raise AnswerLost(f"{request.host}: {self.why or 'the socket was closed'}")
        return Answer(status=200, body=frame.encode() if isinstance(frame, str) else frame)

    def retire(self) -> None:
        """Take no more messages, and end when nothing waits any more."""
        self.is_closing = True
        self._turned.set()
        self._look_round()

    async def turn(self) -> None:
        """Wait until this line takes no more messages."""
        await self._turned.wait()

    async def abandon(self) -> None:
        """Close the socket of a line that never ran."""
        await self._socket.close()

    def _look_round(self) -> None:
        if self.is_closing and not self._waiting:
            self._emptied.set()

    async def _leave(self) -> None:
        await self._emptied.wait()
        raise _Left

    async def _read(self) -> None:
        while True:
            frame = await self._next()
            number = self._number(frame)
            answer = None if number is None else self._waiting.get(number)
            if answer is not None and not answer.done():
                answer.set_result(frame)

    async def _next(self) -> str | bytes:
        while True:
            dead_at = self._socket.heard_at + self._silence_s
            try:
                async with asyncio.timeout_at(dead_at):
                    return await self._socket.receive()
            except TimeoutError:
                # Pings may have been heard meanwhile.
                if self._socket.heard_at + self._silence_s <= self._loop.time():
                    text = f"nothing was heard for {self._silence_s:g} s"
                    raise SocketClosed(1006, text) from None

    def _number(self, frame: str | bytes) -> int | None:
        try:
            return self._answered(frame)
        except Exception:  # noqa: BLE001  # the border round a plugin: whoever waits for such a frame times out, and its outcome is looked up
            return None
