"""What all WebSocket connections of the exchange share: keep-alive, lifetime, message budget.

Source: Binance WebSocket streams and WebSocket API docs, "General information", 2026-07.
"""

from collections import deque
from typing import Final

import attrs

from venuekit.sim.dialect import SimSocket

SECOND_NS: Final = 1_000_000_000


@attrs.frozen(kw_only=True)
class ConnectionSettings:
    """The numbers, in production's values of 2026-07."""

    ping_every_s: float = 20
    pong_within_s: float = 60
    lifetime_s: float = 86_400
    messages_per_s: int = 5
    streams: int = 1_024


class Connection:
    """One WebSocket connection and what the exchange remembers of it."""

    def __init__(
        self,
        socket: SimSocket,
        settings: ConnectionSettings,
        now_ns: int,
        *,
        is_counted: bool,
    ) -> None:
        """Begin to keep a connection alive.

        Args:
            socket: Where frames go.
            settings: Intervals and limits.
            now_ns: When it was accepted.
            is_counted: Whether incoming messages are limited for each second.
        """
        self.socket = socket
        self.since_ns = now_ns
        self._settings = settings
        self._is_counted = is_counted
        self._next_ping_ns = now_ns + _ns(settings.ping_every_s)
        self._unanswered: dict[bytes, int] = {}
        self._arrivals: deque[int] = deque()

    def count(self, now_ns: int) -> bool:
        """Count an incoming message, PONGs too; false and closed when there are too many."""
        if not self._is_counted:
            return True
        self._arrivals.append(now_ns)
        while self._arrivals[0] <= now_ns - SECOND_NS:
            self._arrivals.popleft()
        if len(self._arrivals) > self._settings.messages_per_s:
            self.socket.close(1008, "Too many requests")
            return False
        return True

    def ponged(self, payload: bytes) -> None:
        """Take a PONG: only one that repeats a PING's payload keeps the connection alive."""
        if payload in self._unanswered:
            self._unanswered.clear()

    def advance(self, now_ns: int, *, leaves_ping_out: bool = False) -> None:
        """Send the PING that is due, or end a connection that is too old or does not answer."""
        if not self.socket.is_open:
            return
        if now_ns >= self.since_ns + _ns(self._settings.lifetime_s):
            self.socket.close(1001, "Connection lifetime exceeded")
            return
        first_ns = min(self._unanswered.values(), default=now_ns)
        if now_ns - first_ns >= _ns(self._settings.pong_within_s):
            self.socket.close(1008, "Pong timeout")
            return
        if now_ns < self._next_ping_ns:
            return
        self._next_ping_ns = now_ns + _ns(self._settings.ping_every_s)
        if not leaves_ping_out:
            payload = str(now_ns // 1_000_000).encode()
            self._unanswered[payload] = now_ns
            self.socket.ping(payload)

    def is_ping_due(self, now_ns: int) -> bool:
        """Say whether `advance` would send a PING."""
        return now_ns >= self._next_ping_ns

    def next_due_ns(self) -> int | None:
        """Give the time at which `advance` has something to do; None: never again."""
        if not self.socket.is_open:
            return None
        due_ns = min(self._next_ping_ns, self.since_ns + _ns(self._settings.lifetime_s))
        if self._unanswered:
            first_ns = min(self._unanswered.values())
            due_ns = min(due_ns, first_ns + _ns(self._settings.pong_within_s))
        return due_ns


def _ns(seconds: float) -> int:
    return round(seconds * SECOND_NS)
