"""The one seam to the network: what the rest of the core asks of it, and how it fails."""

from collections.abc import Mapping
from typing import Protocol

import attrs

from venuekit.plugin import Answer, Request


class TransportFailure(Exception):
    """A request or connection that got no answer. Carries no URL, query, header or body."""


class NothingSent(TransportFailure):
    """Proof that no byte of the request left: DNS, connecting or TLS failed."""


class AnswerLost(TransportFailure):
    """The request may have reached the exchange; its answer did not reach us."""


class SocketClosed(TransportFailure):
    """A WebSocket that is closed, by either side or by the network."""

    def __init__(self, code: int, reason: str) -> None:
        """Keep the close code (1006: no close frame came) and the cleaned reason."""
        self.code = code
        self.reason = reason
        super().__init__(f"socket closed with code {code} {reason}".rstrip())


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long the steps of one request may take, in seconds, each > 0."""

    connect_s: float = 3.0
    """DNS, TCP and TLS together."""
    answer_s: float = 12.0
    """From the first byte sent to the last byte of the answer."""


class Socket(Protocol):
    """One open WebSocket."""

    @property
    def heard_at(self) -> float:
        """Moment of the last frame of any kind, pings too, on the loop's clock."""
        ...

    async def send(self, text: str) -> None:
        """Send a text frame; raises SocketClosed. What could not be written is not kept."""
        ...

    async def receive(self) -> str | bytes:
        """Give the next data frame, as it came; raises SocketClosed at the end."""
        ...

    async def close(self) -> None:
        """Close, within a second, whatever the other side does. Safe to repeat."""
        ...


class Transport(Protocol):
    """Sends requests and opens sockets."""

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        """Send one request exactly once and give its answer.

        `request.host` names one of the environment's hosts.

        Raises:
            NothingSent: No byte left.
            AnswerLost: Anything else that yields no whole answer.
        """
        ...

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> Socket:
        """Open a WebSocket on a named host; raises NothingSent or SocketClosed."""
        ...

    async def close(self) -> None:
        """Close everything. Safe to repeat."""
        ...
