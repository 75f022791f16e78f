"""How many requests, connections and messages are let in.

Each limit counts whole seconds of the clock: how the exchange counts is not documented.
Source: Coinbase "REST API rate limits" and "Advanced Trade WebSocket Rate Limits", 2026-06.
"""

from collections import deque
from typing import Final

from venuekit_coinbase.sim.refusals import rate_limited, too_many_errors
from venuekit_coinbase.sim.settings import LimitSettings
from venuekit_coinbase.sim.wire import SECOND_NS

_ERROR_WINDOW_NS: Final = 10 * SECOND_NS
_Key = tuple[str, str]


class Limits:
    """All counters of the exchange."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._counts: dict[_Key, tuple[int, int]] = {}
        self._errors: dict[str, deque[int]] = {}
        self._blocked: dict[str, int] = {}

    def private(self, user: str, now_ns: int) -> None:
        """Count a request of a user, or refuse it (429)."""
        if not self._take(("private", user), self._settings.private_per_s, now_ns):
            raise rate_limited()

    def public(self, address: str, now_ns: int) -> None:
        """Count a request of an address, or refuse it (429)."""
        if not self._take(("public", address), self._settings.public_per_s, now_ns):
            raise rate_limited()

    def connect(self, address: str, now_ns: int) -> None:
        """Count a WebSocket handshake, or refuse it (429)."""
        if not self._take(("connect", address), self._settings.connections_per_s, now_ns):
            raise rate_limited()

    def message(self, address: str, now_ns: int) -> bool:
        """Count a WebSocket message without a token; false when it is one too many."""
        return self._take(("message", address), self._settings.messages_per_s, now_ns)

    def _take(self, key: _Key, limit: int | None, now_ns: int) -> bool:
        if limit is None:
            return True
        second = now_ns // SECOND_NS
        since, count = self._counts.get(key, (second, 0))
        count = count + 1 if since == second else 1
        self._counts[key] = (second, count)
        return count <= limit

    def headers(self, kind: str, who: str, now_ns: int) -> list[tuple[str, str]]:
        """Say how much is left, if there is a limit."""
        settings = self._settings
        limit = settings.private_per_s if kind == "private" else settings.public_per_s
        if limit is None:
            return []
        second = now_ns // SECOND_NS
        since, count = self._counts.get((kind, who), (second, 0))
        left = limit - count if since == second else limit
        return [
            ("x-ratelimit-limit", str(limit)),
            ("x-ratelimit-remaining", str(max(0, left))),
            ("x-ratelimit-reset", "1"),
        ]

    # Addresses that make nothing but errors.

    def check_block(self, address: str, now_ns: int) -> None:
        """Refuse a blocked address (403)."""
        until_ns = self._blocked.get(address)
        if until_ns is not None:
            if now_ns < until_ns:
                raise too_many_errors()
            del self._blocked[address]

    def block(self, address: str, until_ns: int) -> None:
        """Let nothing in from an address."""
        self._blocked[address] = until_ns

    def count_error(self, address: str, now_ns: int) -> None:
        """Count a refused request."""
        most = self._settings.errors_before_block
        if most is None:
            return
        errors = self._errors.setdefault(address, deque())
        errors.append(now_ns)
        while errors[0] <= now_ns - _ERROR_WINDOW_NS:
            errors.popleft()
        if len(errors) >= most:
            errors.clear()
            self.block(address, now_ns + round(self._settings.block_s * SECOND_NS))
