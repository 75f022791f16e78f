"""Orders and fills as the exchange remembers them.

Source: Coinbase Exchange docs, "Create order", "Get all fills", 2026-06.
"""

import enum
from decimal import Decimal
from typing import Final

import attrs

from venuekit.sim.orders import SelfTradePrevention, Side
from venuekit_coinbase.sim.world import ProductSpec

_ZERO: Final = Decimal(0)
CLIENT: Final = "client:"
"""What stands before a client's id where an order's id is expected."""


class Status(enum.Enum):
    """Where an order is in its life, in the exchange's words."""

    PENDING = "pending"
    ACTIVE = "active"
    """A stop that waits for its price."""
    OPEN = "open"
    DONE = "done"
    REJECTED = "rejected"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more happens to the order."""
        return self in {Status.DONE, Status.REJECTED}


@attrs.frozen(kw_only=True)
class Draft:
    """An order as it was asked for, its shape and increments checked."""

    spec: ProductSpec
    side: Side
    kind: str
    """`limit` or `market`; the type `stop` is a limit order with a `stop`."""
    price: Decimal | None
    size: Decimal | None
    funds: Decimal | None
    """Quote asset, its commission included."""
    time_in_force: str = "GTC"
    cancel_after: str = ""
    post_only: bool = False
    stp: str = "dc"
    prevention: SelfTradePrevention = SelfTradePrevention.DECREMENT
    stop: str = ""
    """`loss` waits for a last trade at or below `stop_price`, `entry` at or above."""
    stop_price: Decimal | None = None
    max_floor: Decimal | None = None
    client_oid: str | None = None
    """`None` too where the exchange dropped it."""

    @property
    def pays_with(self) -> str:
        """The asset that it takes from the account."""
        return self.spec.quote if self.side is Side.BUY else self.spec.base


@attrs.frozen(kw_only=True)
class FillRecord:
    """One fill of an order."""

    number: int
    """Grows over all fills of the exchange: the cursor of its pages."""
    trade_id: int
    price: Decimal
    size: Decimal
    value: Decimal
    fee: Decimal
    """Quote asset."""
    is_maker: bool
    at_ns: int


@attrs.define(kw_only=True, eq=False)
class OrderRecord:
    """An order as its owner sees it."""

    id: str
    number: int
    """Grows over all orders of the exchange: the cursor of its pages."""
    account: str
    draft: Draft
    created_ns: int
    status: Status = Status.PENDING
    escrow: Decimal = _ZERO
    """What is held outside of the matching engine: everything while pending, then commission."""
    filled: Decimal = _ZERO
    value: Decimal = _ZERO
    fees: Decimal = _ZERO
    prevented: Decimal = _ZERO
    """Size that self-trade prevention took away."""
    fills: list[FillRecord] = attrs.field(factory=list)
    done_ns: int | None = None
    done_reason: str = ""
    reject_reason: str = ""
    is_in_engine: bool = False

    @property
    def product_id(self) -> str:
        """What is traded."""
        return self.draft.spec.product_id

    @property
    def remaining(self) -> Decimal:
        """What was not filled of the size; of an order by funds nothing is said."""
        size = self.draft.size
        return _ZERO if size is None else size - self.filled - self.prevented

    @property
    def is_forgotten(self) -> bool:
        """Whether it was canceled without a fill, and so is found no more."""
        return self.done_reason == "canceled" and not self.fills
