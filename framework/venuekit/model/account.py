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
class BudgetUsage:
    """How much of one of its limits the exchange says is used."""

    budget: str
    used: int
    capacity: int | None = None
    interval_s: int | None = None
