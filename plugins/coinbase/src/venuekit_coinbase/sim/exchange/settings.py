"""What can be chosen about a simulated Coinbase Exchange, with production's values where known.

Source: Coinbase Exchange docs, "Rate limits", "WebSocket", "Create order", 2026-06.
"""

import attrs


@attrs.frozen
class Rate:
    """A token bucket."""

    per_s: float
    burst: int


@attrs.frozen(kw_only=True)
class LimitSettings:
    """How much is allowed; `None` switches a limit off."""

    public: Rate | None = Rate(10, 15)
    """Requests without a key, of an address."""
    private: Rate | None = Rate(15, 30)
    """Requests of a profile."""
    fills: Rate | None = Rate(10, 20)
    """Requests of a profile for fills, which are counted apart."""
    connections: Rate | None = Rate(8, 20)
    """WebSocket handshakes of an address."""
    messages: Rate | None = Rate(100, 100)
    """Messages of a client on one connection (one source only; its burst is our own)."""
    open_orders: int | None = 500
    """Open orders of a profile on one product."""


UNLIMITED = LimitSettings(public=None, private=None, fills=None, connections=None, messages=None)


@attrs.frozen(kw_only=True)
class BehaviorSettings:
    """How orders, requests and connections are treated."""

    refuses_late: bool = False
    """Whether an order that lacks funds or would break its post-only promise is answered with
    `pending` and rejected a moment later, instead of refused at once."""
    accept_delay_s: float = 0.001
    """How long an order is `pending` before it reaches the book."""
    cancel_delay_s: float = 0
    """How long after its answer a cancel takes effect; nothing is documented about it."""
    most_canceled: int = 100
    """Orders that one "cancel all" ends: it is documented as best effort, the number is ours."""
    clock_tolerance_s: float = 30
    needs_user_agent: bool = False
    """Whether requests without the header `User-Agent` are refused: one source only, and the
    header is the transport's business, which a simulation without sockets has none of."""
    level2_needs_key: bool = True
    """Whether the channel `level2` wants authentication; it did not always."""
    subscribe_within_s: float = 5
    """A connection without any subscription by then is closed."""
