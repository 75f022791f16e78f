"""The network behind one seam.

`AiohttpTransport` is imported when it is first asked for, and aiohttp with it: `import venuekit`
must not wait for that.
"""

from typing import TYPE_CHECKING

from venuekit.transport.hosts import Host, hosts_from
from venuekit.transport.memory import Handler, MemorySocket, MemoryTransport, Opening, socket_pair
from venuekit.transport.seam import (
    AnswerLost,
    NothingSent,
    Socket,
    SocketClosed,
    Timeouts,
    Transport,
    TransportFailure,
)
from venuekit.transport.socket_requests import SocketRequests

if TYPE_CHECKING:
    from venuekit.transport.http import AiohttpTransport
else:

    def __getattr__(name: str) -> object:
        if name == "AiohttpTransport":
            from venuekit.transport.http import AiohttpTransport

            return AiohttpTransport
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "AiohttpTransport",
    "AnswerLost",
    "Handler",
    "Host",
    "MemorySocket",
    "MemoryTransport",
    "NothingSent",
    "Opening",
    "Socket",
    "SocketClosed",
    "SocketRequests",
    "Timeouts",
    "Transport",
    "TransportFailure",
    "hosts_from",
    "socket_pair",
]
