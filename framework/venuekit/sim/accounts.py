"""Accounts: balances, reservations, fees."""

from decimal import ROUND_DOWN, Decimal
from typing import Final

import attrs

from venuekit.sim.money import ROUNDED, ZERO, money


@attrs.frozen
class Balance:
    """What an account has of one asset; the total is the sum of the two."""

    free: Decimal
    locked: Decimal


@attrs.frozen(kw_only=True)
class FeeRates:
    """Fees as fractions of the amount received: 0.001 is ten basis points."""

    maker: Decimal = attrs.field(default=ZERO, converter=money)
    taker: Decimal = attrs.field(default=ZERO, converter=money)


@attrs.frozen(kw_only=True)
class FeeDiscount:
    """Fees are paid in `asset` at a better rate, as long as enough of it is free."""

    asset: str
    multiplier: Decimal = attrs.field(converter=money)
    """0.75 means that three quarters of the fee are paid."""
    decimals: int = 8


class Account:
    """The balances of one owner. Totals change by trades, fees, deposits and withdrawals only.

    A synthetic account is the market's own: its balances may go below zero, so that it never
    runs dry and sums over all accounts still hold; its orders are forgotten when they close.
    """

    __slots__ = (
        "_dirty",
        "discount",
        "fees",
        "fees_by_market",
        "free",
        "group",
        "is_synthetic",
        "locked",
        "name",
        "touched",
        "updated_ns",
    )

    def __init__(
        self,
        name: str,
        *,
        fees: FeeRates,
        discount: FeeDiscount | None,
        group: str,
        is_synthetic: bool,
        dirty: dict[str, "Account"],
    ) -> None:
        self._dirty = dirty  # shared by all accounts: whose balances this command has moved
        self.name = name
        self.fees = fees
        self.discount = discount
        self.group = group
        self.is_synthetic = is_synthetic
        self.fees_by_market: dict[str, FeeRates] = {}
        self.free: dict[str, Decimal] = {}
        self.locked: dict[str, Decimal] = {}
        self.touched: set[str] = set()
        self.updated_ns = 0

    def rates(self, market: str) -> FeeRates:
        """Give the rates on a market."""
        return self.fees_by_market.get(market, self.fees)

    def can_pay(self, asset: str, amount: Decimal) -> bool:
        """Say whether so much is free."""
        return self.is_synthetic or self.free.get(asset, ZERO) >= amount

    def move(self, asset: str, *, free: Decimal = ZERO, locked: Decimal = ZERO) -> None:
        """Add to the two parts of a balance."""
        if free:
            self.free[asset] = self.free.get(asset, ZERO) + free
        if locked:
            self.locked[asset] = self.locked.get(asset, ZERO) + locked
        self.touched.add(asset)
        self._dirty[self.name] = self

    def balances(self) -> dict[str, Balance]:
        """Give every asset that was ever touched, sorted by name."""
        return {
            asset: Balance(self.free.get(asset, ZERO), self.locked.get(asset, ZERO))
            for asset in sorted(self.free.keys() | self.locked.keys())
        }


class Reservation:
    """What an order, or the two legs of an OCO together, keep locked of one asset.

    The legs of an OCO never both trade, so the larger need is enough for both.
    """

    __slots__ = ("_account", "_needs", "amount", "asset")

    def __init__(self, account: Account, asset: str) -> None:
        self._account = account
        self._needs: dict[int, Decimal] = {}
        self.asset = asset
        self.amount = ZERO  # locked now

    def change(self, order_id: int, need: Decimal, *, paid: Decimal = ZERO) -> None:
        """Set the need of one order; `paid` leaves the account, the rest of the change is freed."""
        before = self.amount
        if need:
            self._needs[order_id] = need
            self.amount = need if len(self._needs) == 1 else max(self._needs.values())
        else:
            self._needs.pop(order_id, None)
            self.amount = max(self._needs.values(), default=ZERO)
        change = self.amount - before
        if change or paid:
            self._account.move(self.asset, free=-change - paid, locked=change)

    def abandon_others(self, order_id: int) -> None:
        """Forget the needs of the other leg, whose turn will not come."""
        if len(self._needs) > 1:
            for other in [key for key in self._needs if key != order_id]:
                self.change(other, ZERO)


_WHOLE: Final = Decimal(1)


def fee_of(received: Decimal, rate: Decimal, decimals: int) -> Decimal:
    """Round a fee down to the digits of its asset."""
    unit = _WHOLE.scaleb(-decimals)
    return (received * rate).quantize(unit, rounding=ROUND_DOWN, context=ROUNDED)
