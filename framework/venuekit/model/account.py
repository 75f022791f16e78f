"""What an account holds, pays and has used up."""

from decimal import Decimal

import attrs

from venuekit.model.instrument import Symbol


@attrs.frozen(kw_only=True)
class Balance:
    """What an account holds of one asset."""

    asset: str
    free: Decimal
    locked: Decimal
    """Held for open orders."""
    updated_ns: int | None = None

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return self.free + self.locked


@attrs.frozen(kw_only=True)
class BalanceDelta:
    """A deposit, withdrawal or transfer, as a difference; absolute balances follow on their own."""

    asset: str
    amount: Decimal
    time_ns: int


@attrs.frozen(kw_only=True)
class FeeRates:
    """What an account pays on one instrument, as fractions of the amount received."""

    symbol: Symbol
    maker: Decimal
    taker: Decimal
    discount_asset: str | None = None
    """An asset that fees are paid in at a discount, when the account holds enough of it."""
    discount_factor: Decimal | None = None
    """What is paid of the fee then: 0.75 means three quarters."""


@attrs.frozen(kw_only=True)
class KeyPermissions:
    """What a key may do, as the exchange says, and on what."""

    can_read: bool
    can_trade: bool
    """Whether it may place and cancel orders."""
    can_withdraw: bool
    """Whether it may move assets away. A key that only trades needs no such right."""
    scope: str = ""
    """The part of the account that it acts on, in the exchange's words; empty: all of it."""


@attrs.frozen(kw_only=True)
class LedgerEntry:
    """One line of the account's books: what moved an asset's balance."""

    id: str
    reference: str
    """What it belongs to: a trade, a deposit. Entries of one trade share it; may be empty."""
    time_ns: int
    kind: str
    """In the exchange's words: `trade`, `deposit`, `withdrawal`, …"""
    asset: str
    amount: Decimal
    """Signed, without the fee."""
    fee: Decimal
    """Taken besides the amount, in the same asset; >= 0."""
    balance: Decimal | None
    """Of the asset after it, where the exchange says so."""


@attrs.frozen(kw_only=True)
class BudgetUsage:
    """How much of one of its limits the exchange says is used."""

    budget: str
    used: int
    capacity: int | None = None
    interval_s: int | None = None
