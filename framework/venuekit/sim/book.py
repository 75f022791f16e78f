"""One market's book: live orders at their levels, in price-time priority."""

from bisect import bisect_left, insort
from collections import OrderedDict, deque
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from venuekit.sim.accounts import Account, Reservation
from venuekit.sim.money import ZERO
from venuekit.sim.orders import ExpiryReason, Order, OrderRequest, OrderStatus, Side

if TYPE_CHECKING:
    from venuekit.sim.lists import LiveList


class LiveOrder:
    """An order as the engine changes it. `view` gives what others may keep."""

    __slots__ = (
        "account",
        "amendments",
        "budget",
        "client_order_id",
        "created_ns",
        "cumulative_quote",
        "executed",
        "expiry_reason",
        "extreme",
        "is_buy",
        "is_resting",
        "is_touched",
        "is_waiting",
        "live_list",
        "lock_price",
        "order_id",
        "prevented",
        "prevented_match_id",
        "price",
        "quantity",
        "request",
        "reservation",
        "status",
        "trailing_ns",
        "updated_ns",
        "visible",
        "working_ns",
    )

    def __init__(
        self,
        order_id: int,
        request: OrderRequest,
        account: Account,
        reservation: Reservation,
        now_ns: int,
    ) -> None:
        self.order_id = order_id
        self.request = request
        self.account = account
        self.reservation = reservation
        self.is_buy = request.side is Side.BUY
        self.price = request.price
        self.client_order_id = request.client_order_id
        self.quantity = request.quantity if request.quantity is not None else ZERO
        self.executed = ZERO
        self.cumulative_quote = ZERO
        self.prevented = ZERO
        self.visible = ZERO  # what shows on the book; zero unless resting
        self.status = OrderStatus.NEW
        self.expiry_reason: ExpiryReason | None = None
        self.prevented_match_id: int | None = None
        self.lock_price: Decimal | None = None  # at which a purchase is reserved while it waits
        self.budget: Decimal | None = None  # what a market order has left to pay with
        self.is_resting = False
        self.is_waiting = False  # for its stop price
        self.is_touched = False  # the stop price of a trailing stop was reached: it tracks now
        self.extreme: Decimal | None = None  # best price for the owner since tracking began
        self.trailing_ns: int | None = None
        self.working_ns: int | None = None
        self.created_ns = now_ns
        self.updated_ns = now_ns
        self.amendments = 0
        self.live_list: LiveList | None = None

    @property
    def remaining(self) -> Decimal:
        """What may still trade."""
        return self.quantity - self.executed - self.prevented

    @property
    def side(self) -> Side:
        """Buy or sell."""
        return self.request.side

    def need(self) -> Decimal:
        """Give what has to be locked for it, in the asset that it pays with."""
        if self.budget is not None:
            return self.budget
        if not self.is_buy:
            return self.remaining
        return ZERO if self.lock_price is None else self.lock_price * self.remaining

    def view(self) -> Order:
        """Give the order as it stands."""
        return Order(
            request=self.request,
            order_id=self.order_id,
            client_order_id=self.client_order_id,
            list_id=None if self.live_list is None else self.live_list.list_id,
            status=self.status,
            quantity=self.quantity,
            executed=self.executed,
            cumulative_quote=self.cumulative_quote,
            prevented=self.prevented,
            expiry_reason=self.expiry_reason,
            prevented_match_id=self.prevented_match_id,
            is_working=self.working_ns is not None and self.status.is_open,
            created_ns=self.created_ns,
            updated_ns=self.updated_ns,
            working_ns=self.working_ns,
            trailing_ns=self.trailing_ns,
            amendments=self.amendments,
        )


class Level:
    """The orders at one price, first come, first served."""

    __slots__ = ("orders", "price", "visible")

    def __init__(self, price: Decimal) -> None:
        self.price = price
        # An OrderedDict, because finding the first key of a dict slows down as heads are removed.
        self.orders: OrderedDict[int, LiveOrder] = OrderedDict()
        self.visible = ZERO

    def first(self) -> LiveOrder:
        """Give the order whose turn it is."""
        return next(iter(self.orders.values()))

    def in_turn(self) -> Iterator[tuple[LiveOrder, Decimal]]:
        """Give orders and the quantities they would trade, in turn, as if all were taken.

        The parts of an iceberg come each after those who stood behind the part before.
        """
        again: deque[tuple[LiveOrder, Decimal]] = deque()
        for order in self.orders.values():
            yield order, order.visible
            if order.visible < order.remaining:
                again.append((order, order.remaining - order.visible))
        while again:
            order, hidden = again.popleft()
            shown = shown_part(order, hidden)
            yield order, shown
            if shown < hidden:
                again.append((order, hidden - shown))


def shown_part(order: LiveOrder, remaining: Decimal) -> Decimal:
    """Give how much of a remaining quantity an order shows."""
    display = order.request.display_quantity
    return remaining if display is None else min(display, remaining)


class BookSide:
    """The levels of one side, best first."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._is_bids = side is Side.BUY
        self._prices: list[Decimal] = []  # ascending on both sides
        self._levels: dict[Decimal, Level] = {}
        # What the public book shows now, to tell only what is different after a command.
        self._published: dict[Decimal, Decimal] = {}
        self._dirty: dict[Decimal, None] = {}

    def __bool__(self) -> bool:
        return bool(self._prices)

    def best(self) -> Level | None:
        """Give the level that is taken first."""
        if not self._prices:
            return None
        return self._levels[self._prices[-1 if self._is_bids else 0]]

    def level(self, price: Decimal) -> Level | None:
        """Give the level at a price."""
        return self._levels.get(price)

    def levels(self) -> Iterator[Level]:
        """Give the levels, best first."""
        prices = reversed(self._prices) if self._is_bids else iter(self._prices)
        return (self._levels[price] for price in prices)

    def crossed_by(self, limit: Decimal | None) -> Iterator[Level]:
        """Give the levels that an order of the other side with this limit takes, best first."""
        for level in self.levels():
            if not self.is_crossed_by(limit, level.price):
                return
            yield level

    def is_crossed_by(self, limit: Decimal | None, price: Decimal) -> bool:
        """Say whether an order of the other side with this limit takes a price of this side."""
        return limit is None or (price >= limit if self._is_bids else price <= limit)

    def add(self, order: LiveOrder) -> None:
        """Put an order at the back of its level."""
        price = order.price
        assert price is not None
        level = self._levels.get(price)
        if level is None:
            level = self._levels[price] = Level(price)
            insort(self._prices, price)
        level.orders[order.order_id] = order
        order.is_resting = True
        order.visible = shown_part(order, order.remaining)
        level.visible += order.visible
        self._dirty[price] = None

    def remove(self, order: LiveOrder) -> None:
        """Take an order out, and its level if that was the last one."""
        price = order.price
        assert price is not None
        level = self._levels[price]
        del level.orders[order.order_id]
        level.visible -= order.visible
        order.is_resting = False
        order.visible = ZERO
        self._dirty[price] = None
        if not level.orders:
            del self._levels[price]
            del self._prices[bisect_left(self._prices, price)]

    def reduce(self, order: LiveOrder, quantity: Decimal) -> None:
        """Note that the first of its level lost some of what shows; refresh an iceberg at the back.

        The caller has already counted the quantity as executed or prevented, and removes an
        order of which nothing remains.
        """
        assert order.price is not None
        level = self._levels[order.price]
        order.visible -= quantity
        level.visible -= quantity
        self._dirty[order.price] = None
        remaining = order.remaining
        if not order.visible and remaining:
            order.visible = shown_part(order, remaining)
            level.visible += order.visible
            level.orders.move_to_end(order.order_id)

    def shrink(self, order: LiveOrder) -> None:
        """Show no more than what remains of an order that was made smaller; it keeps its place."""
        assert order.price is not None
        level = self._levels[order.price]
        shown = min(order.visible, order.remaining)
        level.visible -= order.visible - shown
        order.visible = shown
        self._dirty[order.price] = None

    def changes(self) -> Iterator[tuple[Decimal, Decimal]]:
        """Give price and quantity of what shows differently since the last call."""
        if not self._dirty:
            return
        for price in self._dirty:
            level = self._levels.get(price)
            quantity = ZERO if level is None else level.visible
            if quantity == self._published.get(price, ZERO):
                continue
            if quantity:
                self._published[price] = quantity
            else:
                del self._published[price]
            yield price, quantity
        self._dirty.clear()


class Book:
    """Both sides of a market, and the id of the last change."""

    def __init__(self) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)
        self.update_id = 0

    def own(self, order: LiveOrder) -> BookSide:
        """Give the side on which an order rests."""
        return self.bids if order.is_buy else self.asks

    def against(self, order: LiveOrder) -> BookSide:
        """Give the side that an order takes from."""
        return self.asks if order.is_buy else self.bids
