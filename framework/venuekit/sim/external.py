"""Liquidity from outside: levels as absolute quantities, of an account that never runs dry."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from venuekit.sim.accounts import Account
from venuekit.sim.book import LiveOrder
from venuekit.sim.matching import Desk
from venuekit.sim.money import ZERO
from venuekit.sim.orders import OrderRequest, OrderType, Side

Change = tuple[Side, Decimal, Decimal]
"""A side, a price, and the absolute quantity that stands there from now on."""
EXTERNAL: Final = "external"
"""Name of the account whose levels they are."""


class External:
    """The outside world's part of one book.

    A quantity that grows joins the back of its level, one that shrinks loses its youngest part,
    so that users' orders keep the place that they would have had. Users' orders that a new level
    crosses are filled by it; external levels that it crosses are out of date and go.
    """

    def __init__(self, desk: Desk, account: Account) -> None:
        self._desk = desk
        self._account = account
        self._orders: dict[tuple[Side, Decimal], list[LiveOrder]] = {}
        self._id_shift = 0

    def set_levels(self, changes: Iterable[Change]) -> None:
        """Set levels as if at one moment: what shrinks goes before what grows comes."""
        growing = []
        for side, price, quantity in changes:
            standing = self._standing(side, price)
            if quantity > standing:
                growing.append((side, price, quantity - standing))
            elif quantity < standing:
                self._shrink(side, price, standing - quantity)
        for side, price, more in growing:
            self._grow(side, price, more)

    def replace(self, changes: list[Change]) -> None:
        """Set levels, and take all others away."""
        kept = {(side, price) for side, price, _ in changes}
        gone = [(side, price, ZERO) for side, price in self._orders if (side, price) not in kept]
        self.set_levels(gone + changes)

    def own_ids(self, first: int, last: int) -> tuple[int, int]:
        """Give a recorded batch ids that follow on ours.

        They are as recorded until a user's order has changed a level too; from then on they are
        greater by the number of such changes, so that batches that followed on each other still do.
        """
        current = self._desk.book.update_id
        self._id_shift = max(self._id_shift, current - (first - 1))
        return first + self._id_shift, last + self._id_shift

    def snapshot_id(self, recorded: int) -> int | None:
        """Give a recorded snapshot's id, None if the book's own has to be continued."""
        shifted = recorded + self._id_shift
        return shifted if shifted > self._desk.book.update_id else None

    def _standing(self, side: Side, price: Decimal) -> Decimal:
        orders = self._orders.get((side, price), [])
        return sum((order.remaining for order in orders if order.status.is_open), ZERO)

    def _shrink(self, side: Side, price: Decimal, less: Decimal) -> None:
        orders = self._orders[side, price]
        while less:
            youngest = orders[-1]
            if not youngest.status.is_open:
                orders.pop()
                continue
            part = min(less, youngest.remaining)
            less -= part
            if part == youngest.remaining:
                self._desk.cancel(orders.pop())
            else:
                _reduce(self._desk, youngest, part)
        if not orders:
            del self._orders[side, price]

    def _grow(self, side: Side, price: Decimal, more: Decimal) -> None:
        self._drop_crossed(side, price)
        request = OrderRequest(
            account=self._account.name,
            market=self._desk.market.name,
            side=side,
            type=OrderType.LIMIT,
            client_order_id="",
            quantity=more,
            price=price,
        )
        desk = self._desk
        agreed = desk.terms(request, self._account, more)
        order = desk.accept(request, self._account, desk.reservation(request, self._account))
        desk.reserve(order, agreed)
        desk.begin(order)
        if order.status.is_open:
            orders = self._orders.setdefault((side, price), [])
            orders[:] = [old for old in orders if old.status.is_open]
            orders.append(order)

    def _drop_crossed(self, side: Side, price: Decimal) -> None:
        book = self._desk.book
        other = book.asks if side is Side.BUY else book.bids
        stale = [level.price for level in other.crossed_by(price)]
        for crossed in stale:
            for order in self._orders.pop((side.opposite, crossed), []):
                if order.status.is_open:
                    self._desk.cancel(order)


def _reduce(desk: Desk, order: LiveOrder, less: Decimal) -> None:
    order.quantity -= less
    order.reservation.change(order.order_id, order.need())
    desk.book.own(order).shrink(order)
