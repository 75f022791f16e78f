"""Token buckets, refilled when they are looked at.

Source: Coinbase Exchange docs, "REST rate limits" and "WebSocket rate limits", 2026-06.
"""

from venuekit_coinbase.sim.exchange.refusals import Refusal
from venuekit_coinbase.sim.exchange.settings import LimitSettings, Rate
from venuekit_coinbase.sim.wire import SECOND_NS


class Limits:
    """All buckets of the exchange."""

    def __init__(self, settings: LimitSettings) -> None:
        self.settings = settings
        self._levels: dict[tuple[str, str], tuple[float, int]] = {}

    def public(self, address: str, now_ns: int) -> None:
        """Count a request of an address, or refuse it (429)."""
        if not self._take("public", address, self.settings.public, now_ns):
            raise Refusal(429, "Public rate limit exceeded")

    def private(self, account: str, now_ns: int, *, is_fills: bool) -> None:
        """Count a request of a profile, or refuse it (429)."""
        name = "fills" if is_fills else "private"
        rate = self.settings.fills if is_fills else self.settings.private
        if not self._take(name, account, rate, now_ns):
            raise Refusal(429, "Private rate limit exceeded")

    def connect(self, address: str, now_ns: int) -> bool:
        """Count a WebSocket handshake; false when it is one too many."""
        return self._take("connect", address, self.settings.connections, now_ns)

    def message(self, connection: int, now_ns: int) -> bool:
        """Count a message of a client; false when it is one too many."""
        return self._take("message", str(connection), self.settings.messages, now_ns)

    def forget(self, connection: int) -> None:
        """Forget a connection that has ended."""
        self._levels.pop(("message", str(connection)), None)

    def _take(self, kind: str, who: str, rate: Rate | None, now_ns: int) -> bool:
        if rate is None:
            return True
        level, since_ns = self._levels.get((kind, who), (float(rate.burst), now_ns))
        level = min(rate.burst, level + (now_ns - since_ns) / SECOND_NS * rate.per_s)
        is_let_in = level >= 1
        self._levels[kind, who] = (level - 1 if is_let_in else level, now_ns)
        return is_let_in
