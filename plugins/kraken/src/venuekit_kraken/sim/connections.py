"""One WebSocket connection: what it is subscribed to, and how it is kept alive.

Source: Kraken API Center, Spot Websockets Introduction, heartbeat, subscribe.
"""

from collections.abc import Callable
from typing import Final

import attrs

from venuekit.sim.dialect import SimSocket
from venuekit_kraken.sim.security import Token
from venuekit_kraken.sim.wire import SECOND_NS

PRIVATE_CHANNELS: Final = frozenset({"executions", "balances"})


@attrs.frozen(kw_only=True)
class ConnectionSettings:
    """The numbers, as they are documented or have been seen."""

    heartbeat_s: float = 1
    idle_s: float = 60
    """How long a connection lives without a subscription and without a message."""


@attrs.define(kw_only=True, eq=False)
class Subscription:
    """What a connection has asked for of one channel, and of one pair where it has pairs."""

    channel: str
    symbol: str = ""
    depth: int = 0
    interval: int = 0
    trigger: str = "trades"
    token: Token | None = None
    tells_all: bool = True
    """Whether every step of an order is told."""
    tells_counter: bool = False
    sequence: int = 0
    """Of the last message; private channels only."""

    @property
    def key(self) -> tuple[str, str, int]:
        """What there can be only one of."""
        return (self.channel, self.symbol, self.depth or self.interval)

    @property
    def topic(self) -> str:
        """The name by which faults know it: `book/BTC/USD`, `executions`."""
        return f"{self.channel}/{self.symbol}" if self.symbol else self.channel


class Connection:
    """One connection and what the exchange remembers of it."""

    def __init__(self, socket: SimSocket, settings: ConnectionSettings, now_ns: int) -> None:
        self.socket = socket
        self.subscriptions: dict[tuple[str, str, int], Subscription] = {}
        self._settings = settings
        self._sent_ns = now_ns
        self._heard_ns = now_ns

    @property
    def is_public(self) -> bool:
        """Whether the address is that of the public socket alone."""
        return self.socket.path.startswith("/public")

    @property
    def held_token(self) -> Token | None:
        """What private subscriptions keep alive, however old it is."""
        tokens = (one.token for one in self.subscriptions.values() if one.token is not None)
        return next(tokens, None)

    def find(self, channel: str, symbol: str = "") -> list[Subscription]:
        """Give the subscriptions of a channel and a pair."""
        return [
            one
            for one in self.subscriptions.values()
            if one.channel == channel and one.symbol == symbol
        ]

    def heard(self, now_ns: int) -> None:
        """Note that the client has said something."""
        self._heard_ns = now_ns

    def sent(self, now_ns: int) -> None:
        """Note that something was sent."""
        self._sent_ns = now_ns

    def advance(self, now_ns: int, heartbeat: Callable[[SimSocket], None]) -> None:
        """Send the heartbeat that is due, or end a connection that nobody uses."""
        if not self.socket.is_open:
            return
        if self.subscriptions:
            if now_ns - self._sent_ns >= self._heartbeat_ns:
                self._sent_ns = now_ns
                heartbeat(self.socket)
        elif now_ns - self._heard_ns >= self._idle_ns:
            self.socket.close(1000, "Idle")

    def next_due_ns(self) -> int:
        """Give the time at which `advance` has something to do."""
        if self.subscriptions:
            return self._sent_ns + self._heartbeat_ns
        return self._heard_ns + self._idle_ns

    @property
    def _heartbeat_ns(self) -> int:
        return round(self._settings.heartbeat_s * SECOND_NS)

    @property
    def _idle_ns(self) -> int:
        return round(self._settings.idle_s * SECOND_NS)
