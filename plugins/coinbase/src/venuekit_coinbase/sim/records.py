"""Orders and fills as the exchange remembers them.

The matching engine knows legs: an order that was edited has had several, a bracket has two at a
time. What belongs to the order as its owner sees it is kept here.
"""

import enum
from decimal import Decimal
from typing import Final

import attrs

from venuekit_coinbase.sim.configurations import Draft

_ZERO: Final = Decimal(0)


class Status(enum.Enum):
    """Where an order is in its life, in the exchange's words."""

    PENDING = "PENDING"
    OPEN = "OPEN"
    CANCEL_QUEUED = "CANCEL_QUEUED"
    EDIT_QUEUED = "EDIT_QUEUED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more happens to the order."""
        return self in _TERMINAL


_TERMINAL: Final = frozenset({Status.FILLED, Status.CANCELLED, Status.EXPIRED, Status.FAILED})


@attrs.frozen(kw_only=True)
class FillRecord:
    """One fill of an order."""

    entry_id: str
    trade_id: str
    number: int
    """Grows over all fills of the exchange."""
    at_ns: int
    price: Decimal
    size: Decimal
    """Base asset."""
    value: Decimal
    """Quote asset, without the commission."""
    commission: Decimal
    """Quote asset."""
    is_maker: bool


@attrs.frozen(kw_only=True)
class EditRecord:
    """One change of price and size that was carried out."""

    price: Decimal
    size: Decimal
    at_ns: int


@attrs.define(kw_only=True, eq=False)
class OrderRecord:
    """An order as its owner sees it."""

    order_id: str
    client_order_id: str
    number: int
    """Grows over all orders of the exchange."""
    account: str
    user_id: str
    draft: Draft
    created_ns: int
    updated_ns: int
    status: Status = Status.PENDING
    legs: list[str] = attrs.field(factory=list)
    """Names of the legs that the matching engine has now."""
    leg_count: int = 0
    escrow: Decimal = _ZERO
    """What is held outside of the matching engine, in the asset that the order pays with: all of
    it while the order is pending, and the commission that is to be expected afterwards."""
    lodged: Decimal = _ZERO
    """What a purchase has in the matching engine and has not spent."""
    filled: Decimal = _ZERO
    value: Decimal = _ZERO
    fees: Decimal = _ZERO
    fills: list[FillRecord] = attrs.field(factory=list)
    edits: list[EditRecord] = attrs.field(factory=list)
    has_ended: bool = False
    """Whether its end time has come."""
    is_triggered: bool = False
    reject_reason: str = "REJECT_REASON_UNSPECIFIED"
    reject_message: str = ""
    cancel_message: str = ""

    @property
    def product_id(self) -> str:
        """The product's name as it was used for the order."""
        return self.draft.listing.product_id

    @property
    def leaves(self) -> Decimal:
        """What may still be filled, in the base asset."""
        if self.draft.base_size is None or self.status.is_terminal:
            return _ZERO
        return self.draft.base_size - self.filled
