"""Writing down what sockets say, while a client goes on as ever."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from venuekit.plugin import Answer, Request
from venuekit.testing.recording.provenance import RecordingError
from venuekit.testing.recording.scrubbing import Scrubber
from venuekit.testing.recording.tapes import TapeEvent, Way
from venuekit.transport.seam import Socket, SocketClosed, Timeouts, Transport


class ListeningTransport:
    """Another transport, with every WebSocket written down; for one client."""

    def __init__(
        self, inner: Transport, scrubber: Scrubber, *, is_wanted: Callable[[str, str], bool]
    ) -> None:
        """Listen to the sockets of which `is_wanted(host, path)`; needs a running loop."""
        self.events: Final[list[TapeEvent]] = []
        self._inner = inner
        self.scrubber: Final = scrubber
        self._is_wanted = is_wanted
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._opened = 0

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        """Send a request; requests are not written down here."""
        return await self._inner.send(request, timeouts=timeouts)

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> Socket:
        """Open a WebSocket and listen to it."""
        socket = await self._inner.connect(host, path, headers=headers, connect_s=connect_s)
        if not self._is_wanted(host, path):
            return socket
        self._opened += 1
        self.note(self._opened, Way.OPEN, f"{host} {path.partition('?')[0]}")
        return _Listened(socket, self, self._opened)

    async def close(self) -> None:
        """Close the other transport."""
        await self._inner.close()

    def note(
        self, connection: int, way: Way, text: str, *, code: int = 0, by_us: bool = False
    ) -> TapeEvent:
        """Write down what happened now."""
        event = TapeEvent(
            at_us=round((self._loop.time() - self._began_at) * 1e6),
            connection=connection,
            way=way,
            text=self.scrubber.text(text),
            code=code,
            by_us=by_us,
        )
        self.events.append(event)
        return event

    def strike(self, event: TapeEvent) -> None:
        """Take back what was written down and did not happen."""
        self.events[:] = [each for each in self.events if each is not event]


class _Listened:
    """One socket that is listened to."""

    def __init__(self, inner: Socket, transport: ListeningTransport, number: int) -> None:
        self._inner = inner
        self._transport = transport
        self._number = number
        self._is_over = False

    @property
    def heard_at(self) -> float:
        return self._inner.heard_at

    async def send(self, text: str) -> None:
        # Before it is sent: its answer may be read before a slow `send` is over, and a tape with
        # the answer first plays another conversation.
        event = self._transport.note(self._number, Way.SENT, text)
        try:
            await self._inner.send(text)
        except SocketClosed as closed:
            self._transport.strike(event)
            self._ended(closed.reason, code=closed.code, by_us=False)
            raise

    async def receive(self) -> str | bytes:
        try:
            frame = await self._inner.receive()
        except SocketClosed as closed:
            self._ended(closed.reason, code=closed.code, by_us=False)
            raise
        self._transport.note(self._number, Way.RECEIVED, _text(frame))
        return frame

    async def close(self) -> None:
        self._ended("", code=1000, by_us=True)
        await self._inner.close()

    def _ended(self, reason: str, *, code: int, by_us: bool) -> None:
        if not self._is_over:
            self._is_over = True
            self._transport.note(self._number, Way.CLOSE, reason, code=code, by_us=by_us)


def _text(frame: str | bytes) -> str:
    try:
        return frame if isinstance(frame, str) else frame.decode()
    except UnicodeDecodeError:
        said = "a binary frame that is no text: tapes hold text, so this stream cannot be recorded"
        raise RecordingError(said) from None
