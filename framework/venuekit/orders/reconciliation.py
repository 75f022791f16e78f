"""What comparing journal and exchange found, as values."""

import enum
from decimal import Decimal

import attrs

from venuekit.model import (
    Balance,
    ClientOrderId,
    ExchangeOrderId,
    Order,
    OrderRef,
    Symbol,
    exact_sum,
    plain,
)

_ZERO = Decimal(0)


class DifferenceKind(enum.Enum):
    """What differs."""

    MISSING_HERE = "missing_here"
    """An order of this installation that the journal did not have."""
    MISSING_THERE = "missing_there"
    """An open order that the exchange does not know."""
    QUANTITY = "quantity"
    STATUS = "status"
    PRICE = "price"
    FOREIGN = "foreign"
    """An order that this installation did not place."""
    FILL_MISSING = "fill_missing"
    """A trade that the journal did not have."""
    BALANCE = "balance"
    IDENTITY = "identity"
    """Two orders of the exchange under one client order id."""


@attrs.frozen(kw_only=True)
class Difference:
    """One thing in which journal and exchange differed."""

    kind: DifferenceKind
    what: str
    """The order, trade or asset."""
    here: str
    there: str
    is_repaired: bool
    """Whether the exchange's word stands here now too."""
    ref: OrderRef | None = None

    def __str__(self) -> str:
        """Say what differed, and whether it still does."""
        end = "repaired" if self.is_repaired else "not repaired"
        name = self.kind.value.replace("_", " ")
        return f"{name}: {self.what}: here {self.here}, there {self.there}; {end}"


@attrs.frozen(kw_only=True)
class FillSum:
    """An order's executed quantity beside the sum of its trades."""

    symbol: Symbol
    client_order_id: ClientOrderId | None
    exchange_order_id: ExchangeOrderId | None
    filled: Decimal
    traded: Decimal
    """Sum over distinct trades."""

    @property
    def agrees(self) -> bool:
        """Say whether they are the same to the last digit."""
        return self.filled == self.traded


@attrs.frozen(kw_only=True)
class Reconciliation:
    """What a comparison of journal and exchange found and did."""

    begun_ns: int
    ended_ns: int
    orders: int
    """Orders compared."""
    fills: int
    """Trades that the exchange told of."""
    balances: int
    """Assets compared."""
    resolved: tuple[Order, ...] = ()
    """Orders whose outcome had not been known, as they turned out."""
    differences: tuple[Difference, ...] = ()
    sums: tuple[FillSum, ...] = ()
    """Every order in memory that traded."""

    @property
    def is_clean(self) -> bool:
        """Say whether nothing differed, and all sums agree."""
        return not self.differences and all(each.agrees for each in self.sums)

    @property
    def is_repaired(self) -> bool:
        """Say whether nothing differs any more."""
        return all(d.is_repaired for d in self.differences) and all(s.agrees for s in self.sums)


def differences_between(here: Order, there: Order, after: Order) -> list[Difference]:
    """Name what the exchange's report changed: `here` before it, `after` once it was taken in.

    A report that was overtaken changes nothing, and is no difference.
    """
    rows: list[tuple[DifferenceKind, tuple[str, str, str]]] = [
        (DifferenceKind.STATUS, (here.phase.value, there.phase.value, after.phase.value)),
        (DifferenceKind.QUANTITY, _shown(here.quantity, there.quantity, after.quantity)),
        (DifferenceKind.QUANTITY, _shown(here.filled, there.filled, after.filled)),
        (DifferenceKind.PRICE, _shown(here.price, there.price, after.price)),
        (DifferenceKind.PRICE, _shown(here.stop_price, there.stop_price, after.stop_price)),
    ]
    return [
        Difference(
            kind=kind,
            what=str(here.ref),
            here=old,
            there=new,
            is_repaired=True,
            ref=here.ref,
        )
        for kind, (old, new, now) in rows
        if old != now
    ]


def contradictions_of(here: Order, there: Order) -> list[Difference]:
    """Name what the exchange's word cannot repair: another order's id, less executed than known."""
    rows: list[tuple[DifferenceKind, str, str]] = []
    ids = here.exchange_order_id, there.exchange_order_id
    if None not in ids and ids[0] != ids[1]:
        rows.append((DifferenceKind.IDENTITY, str(ids[0]), str(ids[1])))
    elif there.filled < here.filled and (there.updated_ns or 0) > (here.updated_ns or 0):
        rows.append((DifferenceKind.QUANTITY, plain(here.filled), plain(there.filled)))
    return [
        Difference(
            kind=kind, what=str(here.ref), here=old, there=new, is_repaired=False, ref=here.ref
        )
        for kind, old, new in rows
    ]


def sum_of(order: Order) -> FillSum:
    """Add up an order's trades."""
    return FillSum(
        symbol=order.symbol,
        client_order_id=order.client_order_id,
        exchange_order_id=order.exchange_order_id,
        filled=order.filled,
        traded=exact_sum(fill.quantity for fill in order.fills),
    )


def balance_differences(
    here: dict[str, Balance], there: dict[str, Balance]
) -> dict[str, Difference]:
    """Compare the balances that are known here with the exchange's, by asset."""
    found = {}
    for asset, known in here.items():
        told = there.get(asset, Balance(asset=asset, free=_ZERO, locked=_ZERO))
        is_older = (
            told.updated_ns is not None
            and known.updated_ns is not None
            and told.updated_ns < known.updated_ns
        )
        # What the exchange answers may lag behind what its stream has told.
        if (known.free, known.locked) != (told.free, told.locked) and not is_older:
            found[asset] = Difference(
                kind=DifferenceKind.BALANCE,
                what=asset,
                here=f"{plain(known.free)} free, {plain(known.locked)} locked",
                there=f"{plain(told.free)} free, {plain(told.locked)} locked",
                is_repaired=False,
            )
    return found


def _shown(
    here: Decimal | None, there: Decimal | None, after: Decimal | None
) -> tuple[str, str, str]:
    # Normalized: `1` and `1.000` are one quantity.
    first, second, third = (
        "none" if amount is None else plain(amount.normalize()) for amount in (here, there, after)
    )
    return first, second, third
