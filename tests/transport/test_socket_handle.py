"""A connection can be cut off on every event loop."""

import socket as sockets
from typing import Any

from venuekit.transport.socket import AiohttpSocket


class _LoopsSocket:
    """A socket as uvloop shows it: it has a number, and refuses to be shut down."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number

    def shutdown(self, how: int) -> None:
        msg = f"transport sockets do not support shutdown() method ({how})"
        raise TypeError(msg)


class _Connection:
    """As much of aiohttp's socket as closing needs."""

    def __init__(self, raw: object) -> None:
        self.raw = raw

    def get_extra_info(self, name: str) -> object:
        return self.raw if name == "socket" else None

    async def close(self) -> None:
        """Do nothing: the other side does not answer."""


async def test_closing_cuts_off_where_the_loops_socket_refuses_to_be_shut_down() -> None:
    here, there = sockets.socketpair()
    with here, there:
        there.settimeout(5)
        connection: Any = _Connection(_LoopsSocket(here.fileno()))
        socket = AiohttpSocket(connection, redact=str)
        await socket.close()
        assert there.recv(1) == b""
        await socket.close()


async def test_a_number_that_became_somebody_elses_is_not_shut_down() -> None:
    here, there = sockets.socketpair()
    with there:
        number = here.fileno()
        connection: Any = _Connection(_LoopsSocket(number))
        socket = AiohttpSocket(connection, redact=str)
        here.close()
        other, peer = sockets.socketpair()
        with other, peer:
            assert other.fileno() == number
            await socket.close()
            peer.sendall(b"x")
            assert other.recv(1) == b"x"
