"""One WebSocket connection: what it listens to, how its frames are counted, when it ends.

Source: Coinbase "WebSocket Overview" and "WebSocket best practices", 2026-06; one counter for the
connection is what several clients measured.
"""

from venuekit.sim.dialect import SimSocket
from venuekit_coinbase.sim.settings import ConnectionSettings
from venuekit_coinbase.sim.wire import SECOND_NS


class Line:
    """A connection and what the exchange remembers of it."""

    def __init__(
        self,
        socket: SimSocket,
        settings: ConnectionSettings,
        now_ns: int,
        *,
        is_user: bool,
        idle_s: float,
    ) -> None:
        """Begin without subscriptions.

        Args:
            socket: Where frames go.
            settings: Deadlines, and how frames are counted.
            now_ns: When it was accepted.
            is_user: Whether it is one for private channels only.
            idle_s: For how long it may have nothing to say.
        """
        self.socket = socket
        self.is_user = is_user
        self.account: str | None = None
        self.channels: dict[str, dict[str, None]] = {}
        self.beats = 0
        self._settings = settings
        self._counts: dict[str, int] = {}
        self._has_subscribed = False
        self._last_ns = now_ns
        self._idle_ns = round(idle_s * SECOND_NS)
        self._subscribe_by_ns = now_ns + round(settings.subscribe_within_s * SECOND_NS)

    def next_number(self, product_id: str, now_ns: int) -> int:
        """Give the `sequence_num` of the next frame, which goes out now."""
        self._last_ns = now_ns
        key = product_id if self._settings.counts_by_product else ""
        number = self._counts.get(key, 0)
        self._counts[key] = number + 1
        return number

    def subscribe(self, channel: str, product_ids: list[str]) -> list[str]:
        """Listen to a channel for some products, and give those that are new to it."""
        self._has_subscribed = True
        known = self.channels.setdefault(channel, {})
        new = [name for name in dict.fromkeys(product_ids) if name not in known]
        known.update(dict.fromkeys(new))
        return new

    def unsubscribe(self, channel: str, product_ids: list[str]) -> None:
        """Listen to a channel no longer, for some products or, if none are named, at all."""
        known = self.channels.get(channel)
        if known is None:
            return
        for name in product_ids:
            known.pop(name, None)
        if not product_ids or not known:
            del self.channels[channel]

    def hears(self, channel: str, product_id: str) -> bool:
        """Say whether news of a product on a channel are wanted here."""
        return product_id in self.channels.get(channel, ())

    @property
    def due_ns(self) -> int:
        """When the exchange ends it, unless something happens before."""
        return self._last_ns + self._idle_ns if self._has_subscribed else self._subscribe_by_ns

    def end_if_due(self, now_ns: int) -> None:
        """End it if nobody subscribed in time, or if it had nothing to say for long."""
        if self.socket.is_open and now_ns >= self.due_ns:
            reason = "" if self._has_subscribed else "no subscription"
            self.socket.close(1000 if self._has_subscribed else 1008, reason)
