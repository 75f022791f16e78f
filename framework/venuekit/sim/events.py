"""What the matching engine tells, in the order in which it happened.

An event carries orders as they stood at that moment, so that a dialect can make stream messages
of it later. Orders and balances of synthetic accounts make no events; their trades and levels do.
"""

from decimal import Decimal

import attrs

from venuekit.sim.orders import (
    Amendment,
    Fill,
    MarketStatus,
    Order,
    OrderList,
    PreventedMatch,
    Side,
    Trade,
)


@attrs.frozen
class OrderAccepted:
    """The order exists: NEW, or PENDING_NEW for a later leg of a list. Nothing has traded yet."""

    order: Order
    time_ns: int


@attrs.frozen
class OrderActivated:
    """A pending leg of a list became NEW."""

    order: Order
    time_ns: int


@attrs.frozen
class OrderTriggered:
    """The last trade price reached the stop price: the order begins to work."""

    order: Order
    time_ns: int


@attrs.frozen
class OrderTraded:
    """One fill, and the order after it."""

    order: Order
    fill: Fill
    time_ns: int


@attrs.frozen
class OrderPrevented:
    """Self-trade prevention took quantity from the order; it is still open, or expires next."""

    order: Order
    match: PreventedMatch
    prevented: Decimal
    """Base asset, by this prevention."""
    time_ns: int


@attrs.frozen
class OrderCanceled:
    """The owner ended the order."""

    order: Order
    previous_client_order_id: str
    """What the order was called until now; `order` has the new name if the cancel gave one."""
    time_ns: int


@attrs.frozen
class OrderExpired:
    """The exchange ended the order, EXPIRED or EXPIRED_IN_MATCH, for `order.expiry_reason`."""

    order: Order
    time_ns: int


@attrs.frozen
class OrderAmended:
    """The order became smaller and kept its place."""

    order: Order
    amendment: Amendment
    time_ns: int


@attrs.frozen
class ListChanged:
    """A list began (EXECUTING) or ended (ALL_DONE)."""

    order_list: OrderList
    time_ns: int


@attrs.frozen
class BalancesChanged:
    """Balances of an account may have changed; at most one for each account and command."""

    account: str
    assets: tuple[str, ...]
    """Sorted. Read the values with `Engine.balances`."""
    time_ns: int


@attrs.frozen
class BalanceAdjusted:
    """A deposit or, below zero, a withdrawal."""

    account: str
    asset: str
    delta: Decimal
    time_ns: int


@attrs.frozen
class TradePrinted:
    """A public trade."""

    trade: Trade


@attrs.frozen
class LevelChanged:
    """A level of the public book has another quantity; at most one for each level and command."""

    market: str
    side: Side
    price: Decimal
    quantity: Decimal
    """Absolute, without the hidden part of icebergs; zero when the level is gone."""
    update_id: int
    time_ns: int


@attrs.frozen
class BookUpdated:
    """A recorded batch was applied; the `LevelChanged` of the command all have its last id."""

    market: str
    first_update_id: int
    last_update_id: int
    time_ns: int


@attrs.frozen
class MarketStatusChanged:
    """A market opened, halted or closed."""

    market: str
    status: MarketStatus
    time_ns: int


Event = (
    OrderAccepted
    | OrderActivated
    | OrderTriggered
    | OrderTraded
    | OrderPrevented
    | OrderCanceled
    | OrderExpired
    | OrderAmended
    | ListChanged
    | BalancesChanged
    | BalanceAdjusted
    | TradePrinted
    | LevelChanged
    | BookUpdated
    | MarketStatusChanged
)
