"""A transport whose sockets now and then give something else than what came."""

from collections.abc import Mapping

from venuekit.plugin import Answer, Request
from venuekit.transport.seam import Socket, Timeouts, Transport


class Interposed:
    """Hands everything through; puts what it was told in place of the next frame of a path."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.instead: list[str | bytes] = []
        self.put = 0
        """Frames that were put in another's place."""

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        return await self._transport.send(request, timeouts=timeouts)

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> Socket:
        socket = await self._transport.connect(host, path, headers=headers, connect_s=connect_s)
        return _Socket(self, socket)

    async def close(self) -> None:
        await self._transport.close()


class _Socket:
    def __init__(self, owner: Interposed, socket: Socket) -> None:
        self._owner = owner
        self._socket = socket

    @property
    def heard_at(self) -> float:
        return self._socket.heard_at

    async def send(self, text: str) -> None:
        await self._socket.send(text)

    async def receive(self) -> str | bytes:
        frame = await self._socket.receive()
        if self._owner.instead:
            self._owner.put += 1
            return self._owner.instead.pop(0)
        return frame

    async def close(self) -> None:
        await self._socket.close()
