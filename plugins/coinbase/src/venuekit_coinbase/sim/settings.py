"""What can be chosen about a simulated Coinbase, with production's values where they are known.

Source: Coinbase Advanced Trade docs, 2026-06. Where documents and observations disagree, both
behaviours are here, and the one that clients must survive in any case is the default.
"""

import attrs


@attrs.frozen(kw_only=True)
class LimitSettings:
    """How much is allowed; `None` switches a limit off."""

    private_per_s: int | None = 30
    """Requests of a user."""
    public_per_s: int | None = 10
    """Requests without a token, from an address."""
    connections_per_s: int | None = 8
    """WebSocket handshakes from an address; older pages say 750."""
    messages_per_s: int | None = 8
    """WebSocket messages without a token, from an address."""
    errors_before_block: int | None = None
    """Refused requests of an address within ten seconds, after which it is blocked with 403; this
    is reported from practice only."""
    block_s: float = 30


UNLIMITED = LimitSettings(
    private_per_s=None, public_per_s=None, connections_per_s=None, messages_per_s=None
)


@attrs.frozen(kw_only=True)
class ConnectionSettings:
    """How WebSocket connections behave."""

    subscribe_within_s: float = 5
    """A connection without any subscription by then is closed."""
    idle_from_s: float = 60
    idle_to_s: float = 90
    """A connection that had nothing to say for a time between the two is closed."""
    counts_by_product: bool = False
    """Whether `sequence_num` counts for each product, as documented, and not for the connection,
    as observed."""
    acknowledges_last: bool = False
    """Whether the `subscriptions` answer comes after the first snapshot."""
    has_text_counters: bool = False
    """Whether `heartbeat_counter` is text, as documented, and not a number, as observed."""
    orders_in_batch: int = 50
    """Orders in one message of the `user` snapshot."""


@attrs.frozen(kw_only=True)
class BehaviorSettings:
    """How orders and requests are treated."""

    refuses_duplicates: bool = False
    """Whether a repeated `client_order_id` is refused with DUPLICATE_CLIENT_ORDER_ID instead of
    answered with the first order."""
    has_older_form: bool = False
    """Whether answers to a new order carry `failure_reason` and `order_id` as they used to."""
    refuses_late: bool = False
    """Whether an order without funds, liquidity or room for a post-only price is accepted first
    and ends FAILED or CANCELLED."""
    accept_delay_s: float = 0.001
    """How long an accepted order is PENDING before it reaches the book."""
    cancel_delay_s: float = 0.003
    """How long an order is CANCEL_QUEUED."""
    edit_delay_s: float = 0.003
    """How long an order is EDIT_QUEUED."""
    open_combines: bool = False
    """Whether the status filter OPEN may stand beside other statuses."""
    needs_proof_token: bool = False
    """Whether lists of orders stay empty until a person has proved who they are (EU)."""
    cache_s: float = 1
    """For how long public answers are repeated, unless a request says `no-cache`."""
    clock_tolerance_s: float = 0
    """How far a token's `nbf` may lie in the future and its `exp` in the past."""
    refuses_replays: bool = False
    """Whether a token's nonce may be used once only; what the exchange does is not known."""
