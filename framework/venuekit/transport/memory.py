"""A `Transport` without a network: a function answers, sockets are pairs of queues."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import attrs

from venuekit.plugin import Answer, Request
from venuekit.transport.seam import AnswerLost, NothingSent, SocketClosed, Timeouts

Handler = Callable[[Request], Awaitable[Answer]]
"""Plays the exchange: gives an answer, or raises NothingSent or AnswerLost."""

_CAPACITY: Final = 100_000


class MemorySocket:
    """One end of a pair of sockets. What one end sends, the other receives, in order."""

    def __init__(self) -> None:
        """Make an end that is joined to nothing yet; `socket_pair` makes two that are."""
        self._frames: asyncio.Queue[str | bytes | None] = asyncio.Queue(_CAPACITY)
        self._peer: MemorySocket = self
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._closed: SocketClosed | None = None
        self._is_deaf = False  # closed here: what is still queued is not wanted any more

    @property
    def heard_at(self) -> float:
        """Moment of the last frame of any kind, on the loop's clock."""
        return self._heard_at

    @property
    def is_open(self) -> bool:
        """Whether neither end closed."""
        return self._closed is None

    async def send(self, text: str | bytes) -> None:
        """Send a frame; raises SocketClosed, also when 100000 frames were not read."""
        if self._closed is not None:
            raise self._again()
        try:
            self._peer._frames.put_nowait(text)  # noqa: SLF001  # the other half of this pair
        except asyncio.QueueFull:
            self.drop(1009, "nobody reads")
            raise self._again() from None

    async def receive(self) -> str | bytes:
        """Give the next frame; raises SocketClosed when there are no more."""
        if self._is_deaf or (self._closed is not None and self._frames.empty()):
            raise self._again()
        frame = await self._frames.get()
        if frame is None or self._is_deaf:
            raise self._again()
        self._heard_at = self._loop.time()
        return frame

    async def close(self) -> None:
        """Close both ends with code 1000. Safe to repeat."""
        self._is_deaf = True
        self.drop(1000, "closed here")

    def ping(self) -> None:
        """Let the other end hear from this one without data."""
        peer = self._peer
        peer._heard_at = self._loop.time()  # noqa: SLF001  # the other half of this pair

    def drop(self, code: int = 1006, reason: str = "") -> None:
        """End both ends; frames that are under way still arrive."""
        for end in (self, self._peer):
            end._end(SocketClosed(code, reason))  # noqa: SLF001  # the other half of this pair

    def _end(self, closed: SocketClosed) -> None:
        if self._closed is None:
            self._closed = closed
            if not self._frames.full():  # wakes a reader; a full queue has none that waits
                self._frames.put_nowait(None)

    def _again(self) -> SocketClosed:
        closed = self._closed or SocketClosed(1006, "")
        return SocketClosed(closed.code, closed.reason)

    def join(self, peer: "MemorySocket") -> None:
        """Make `peer` the other end."""
        self._peer = peer


def socket_pair() -> tuple[MemorySocket, MemorySocket]:
    """Make two sockets, each the other's end."""
    near, far = MemorySocket(), MemorySocket()
    near.join(far)
    far.join(near)
    return near, far


@attrs.frozen(kw_only=True)
class Opening:
    """A socket that was opened, with its far end to play the exchange on."""

    host: str
    path: str
    headers: Mapping[str, str]
    socket: MemorySocket


class MemoryTransport:
    """A `Transport` for tests, with the guarantees of the real one.

    `requests` and `openings` hold what was asked, in order.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        hosts: frozenset[str] = frozenset({"rest", "stream"}),
        accept: Callable[[Opening], None] | None = None,
    ) -> None:
        """Choose who answers.

        Args:
            handler: Answers each request.
            hosts: Names that there are.
            accept: Is told of each new socket before `connect` returns; may raise NothingSent or
                SocketClosed to refuse it.
        """
        self._handler = handler
        self._hosts = hosts
        self._accept = accept
        self._is_closed = False
        self._arrived: asyncio.Queue[Opening] = asyncio.Queue(_CAPACITY)
        self.requests: list[Request] = []
        self.openings: list[Opening] = []

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        """Hand the request to the handler once; see `Transport.send`."""
        self._check(request.host)
        self.requests.append(request)
        try:
            async with asyncio.timeout(timeouts.answer_s):
                answer = await self._handler(request)
        except TimeoutError:
            raise AnswerLost(f"{request.host}: no whole answer in time") from None
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return attrs.evolve(answer, headers=headers)

    async def connect(
        self,
        host: str,
        path: str,
        *,
        headers: Mapping[str, str],
        connect_s: float,  # noqa: ARG002  # the seam's; nothing here takes time
    ) -> MemorySocket:
        """Open a pair of sockets and give the near one; see `Transport.connect`."""
        self._check(host)
        near, far = socket_pair()
        opening = Opening(host=host, path=path, headers=dict(headers), socket=far)
        if self._accept is not None:
            self._accept(opening)
        self.openings.append(opening)
        self._arrived.put_nowait(opening)
        return near

    async def opened(self) -> Opening:
        """Wait for the next socket to be opened, and give it; each is given once."""
        return await self._arrived.get()

    async def close(self) -> None:
        """Close every socket; safe to repeat."""
        self._is_closed = True
        for opening in self.openings:
            opening.socket.drop(1006, "closed here")

    def _check(self, host: str) -> None:
        if self._is_closed:
            raise NothingSent("the transport is closed")
        if host not in self._hosts:
            raise NothingSent(f"no host {host!r}; there are: {', '.join(sorted(self._hosts))}")
