"""One side of an order book: quantities by price, the best at hand, the order when asked."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import islice, takewhile
from typing import Final

from venuekit.model import Level

_SPARE: Final = 64


class BookSide:
    """Levels of one side.

    Measured for "apply a change, then read the best", 1 to 12 levels: a dict of quantities,
    with a heap of prices for the best, takes 0.3 µs a level at 450 and at 4000 levels a side;
    prices kept sorted by bisection take 0.35 to 0.6 µs, a search for the best on its removal 0.2
    to 0.6 µs. Prices are sorted only when somebody looks deeper, and stay so until one comes or
    goes.

    `_heap` holds every price of `_quantities`, and some that are gone: those are dropped when
    they come up, or all at once when they are the majority. Bids are kept negated, for the heap
    gives the smallest; `copy_negate` keeps every digit where `-` would round.
    """

    __slots__ = ("_heap", "_is_bids", "_quantities", "_sorted")

    def __init__(self, *, is_bids: bool) -> None:
        """Make an empty side."""
        self._is_bids = is_bids
        self._quantities: dict[Decimal, Decimal] = {}
        self._heap: list[Decimal] = []
        self._sorted: list[Decimal] | None = None

    def __len__(self) -> int:
        """Count the levels."""
        return len(self._quantities)

    def __iter__(self) -> Iterator[Level]:
        """Give the levels, best first."""
        if self._sorted is None:
            self._sorted = sorted(self._quantities, reverse=self._is_bids)
        quantities = self._quantities
        return ((price, quantities[price]) for price in self._sorted)

    def replace(self, levels: Iterable[Level]) -> None:
        """Forget everything and take `levels`, in any order."""
        self._quantities = {price: quantity for price, quantity in levels if quantity}
        self._rebuild()

    def apply(self, levels: Iterable[Level]) -> None:
        """Set each level to the given absolute quantity; zero removes it, if it is there."""
        quantities = self._quantities
        for price, quantity in levels:
            if not quantity:
                if quantities.pop(price, None) is not None:
                    self._sorted = None
            elif price in quantities:
                quantities[price] = quantity
            else:
                quantities[price] = quantity
                heapq.heappush(self._heap, price.copy_negate() if self._is_bids else price)
                self._sorted = None
        if len(self._heap) > 2 * len(quantities) + _SPARE:
            self._rebuild()

    def best(self) -> Level | None:
        """Give the best level; None if there is none."""
        heap, quantities = self._heap, self._quantities
        while heap:
            price = heap[0].copy_negate() if self._is_bids else heap[0]
            quantity = quantities.get(price)
            if quantity is not None:
                return price, quantity
            heapq.heappop(heap)
        return None

    def levels(self, depth: int | None = None) -> tuple[Level, ...]:
        """Give the best `depth` levels, or all, best first."""
        if depth == 1:
            best = self.best()
            return () if best is None else (best,)
        return tuple(islice(self, depth))

    def until(self, price: Decimal) -> tuple[Level, ...]:
        """Give the levels from the best to `price`, that one included."""
        within: Callable[[Level], bool] = (
            (lambda level: level[0] >= price)
            if self._is_bids
            else (lambda level: level[0] <= price)
        )
        return tuple(takewhile(within, self))

    def cut(self, depth: int) -> None:
        """Forget what lies beyond the best `depth` levels."""
        if len(self._quantities) > depth:
            self.replace(self.levels(depth))

    def _rebuild(self) -> None:
        prices = self._quantities
        self._heap = [price.copy_negate() for price in prices] if self._is_bids else list(prices)
        heapq.heapify(self._heap)
        self._sorted = None
