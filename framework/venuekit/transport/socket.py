"""A WebSocket through aiohttp."""

import asyncio
import contextlib
import os
import socket as sockets
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from aiohttp import WSMsgType

from venuekit.plugin import clean
from venuekit.transport.seam import SocketClosed

_CLOSE_S: Final = 0.9
_NORMAL: Final = 1000
_ABNORMAL: Final = 1006


class AiohttpSocket:
    """One open WebSocket.

    Frames are seen while somebody waits in `receive`, and only then are pings answered: read
    without long pauses.
    """

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, *, redact: Callable[[str], str]
    ) -> None:
        """Take over a socket that was just opened with `autoping` and `autoclose` off."""
        self._socket = socket
        self._redact = redact
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._closed: tuple[int, str] | None = None
        # Taken now: aiohttp lets go of it before it is surely gone.
        self._raw = _handle(socket.get_extra_info("socket"))

    @property
    def heard_at(self) -> float:
        """Moment of the last frame of any kind, pings too, on the loop's clock."""
        return self._heard_at

    async def send(self, text: str) -> None:
        """Send a text frame.

        Raises:
            SocketClosed: It is closed. Whether the other side saw the frame is not known if the
                connection broke just now.
        """
        if self._closed is None and not self._socket.closed:
            try:
                await self._socket.send_str(text)
            except (aiohttp.ClientError, OSError):
                self._end(_ABNORMAL, "")
            else:
                return
        raise self._ended()

    async def receive(self) -> str | bytes:
        """Give the next data frame; answer pings on the way.

        Loses nothing when it is canceled.

        Raises:
            SocketClosed: At the end, and each time after.
        """
        while self._closed is None:
            message = await self._socket.receive()
            self._heard_at = self._loop.time()
            kind = message.type
            if kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:  # nearly all
                data: str | bytes = message.data
                return data
            match kind:
                case WSMsgType.PING:
                    await self._pong(message.data)
                case WSMsgType.PONG:
                    pass
                case WSMsgType.CLOSE:
                    await self._answer_close(message.data, message.extra or "")
                case _:
                    self._end(*_broken(message.data))
                    await self.close()
        raise self._ended()

    async def close(self) -> None:
        """Close, within a second, whatever the other side does. Safe to repeat."""
        self._end(_NORMAL, "closed here")
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._socket.close()
        except TimeoutError:
            pass  # the other side keeps talking or does not read: it is cut off below
        finally:
            self._cut_off()

    async def _pong(self, payload: bytes) -> None:
        try:
            await self._socket.pong(payload)
        except (aiohttp.ClientError, OSError):
            self._end(_ABNORMAL, "")

    async def _answer_close(self, code: int | None, reason: str) -> None:
        self._end(code or 1005, reason)  # 1005: a close frame without a code, RFC 6455 7.1.5
        await self.close()

    def _cut_off(self) -> None:
        """Make sure that nothing unsent keeps the connection open."""
        if self._raw is not None:
            with contextlib.suppress(OSError):  # gone already
                self._raw.shutdown(sockets.SHUT_RDWR)
            if isinstance(self._raw, sockets.socket):
                self._raw.close()

    def _end(self, code: int, reason: str) -> None:
        if self._closed is None:
            self._closed = (code, clean(self._redact(reason)))

    def _ended(self) -> SocketClosed:
        return SocketClosed(*(self._closed or (_ABNORMAL, "")))


def _handle(raw: Any) -> sockets.socket | TransportSocket | None:
    """Give what a connection can be shut down with; a handle of our own on uvloop.

    Sockets as uvloop shows them refuse `shutdown` and keep their number when it is somebody
    else's already, so that number is doubled while it is surely this connection's.
    """
    if raw is None or isinstance(raw, TransportSocket):
        return raw
    try:
        number = os.dup(raw.fileno())
    except OSError:  # gone already
        return None
    return sockets.socket(fileno=number)


def _broken(cause: object) -> tuple[int, str]:
    """Give code and reason of an end without a close frame."""
    if isinstance(cause, aiohttp.WebSocketError):
        return cause.code, str(cause)
    return _ABNORMAL, ""
