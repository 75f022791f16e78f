"""The network behind one seam.

`AiohttpTransport` is in `venuekit.transport.http`, which alone imports aiohttp: `import venuekit`
must not wait for it.
"""

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

__all__ = [
    "AnswerLost",
    "Handler",
    "Host",
    "MemorySocket",
    "MemoryTransport",
    "NothingSent",
    "Opening",
    "Socket",
    "SocketClosed",
    "Timeouts",
    "Transport",
    "TransportFailure",
    "hosts_from",
    "socket_pair",
]
