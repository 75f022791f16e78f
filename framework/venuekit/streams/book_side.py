"""One side of an order book: quantities by price, the best at hand, the order when asked."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice, takewhile
from typing import Any, Final

from venuekit.model import Level, WrittenSides

try:
    from venuekit_fast import books
except ImportError:
    books = None  # type: ignore[assignment]  # the same, in Python alone

CompiledSides: Final[type["books.WrittenSides"]] = (
    type(None) if books is None else books.WrittenSides
)
"""What `venuekit_fast` makes of a change; nothing is one where it is not installed."""
_SPARE: Final = 64


class BookSide:
    """Levels of one side.

    Prices and quantities are kept as the exchange writes them, for as long as all prices have
    equally many decimals: equal prices are equal texts then, a change is one `dict.update`, and
    Decimals are made of what somebody looks at. Levels that come as Decimals, or in another form,
    are kept as Decimals, until the next snapshot. `docs/explanation/streams.md` has the figures.
    Changes that `venuekit_fast` has read are kept by it, as integers in order (`compiled`).

    The best is found by a heap of prices, which a level costs only when it comes or goes; prices
    are sorted only when somebody looks deeper, and stay so until one comes or goes. `_heap` holds
    every price of `_quantities`, and some that are gone: those are dropped when they come up, or
    all at once when they are the majority; None: not made yet. Written prices lie in it as
    integers, without their point; bids are negated, for the heap gives the smallest.
    """

    __slots__ = (
        "_best",
        "_best_quantity",
        "_decimals",
        "_heap",
        "_is_bids",
        "_is_compilable",
        "_is_writable",
        "_quantities",
        "_sorted",
        "_top",
        "_top_price",
        "compiled",
    )

    def __init__(self, *, is_bids: bool) -> None:
        """Make an empty side."""
        self._is_bids = is_bids
        self._is_writable = True
        self._is_compilable = True
        # All of it, or None: it is in `_quantities`.
        self.compiled: books.Levels | None = None
        # Texts or Decimals, as `_decimals` says; that many decimals have all texts, None: Decimals.
        self._quantities: dict[Any, Any] = {}
        self._decimals: int | None = None
        self._heap: list[Any] | None = None
        self._sorted: list[Any] | None = None
        # The best as it was found last, so that it is read once.
        self._top: Any = None
        self._top_price: Any = None
        self._best_quantity: Any = None
        self._best: Level | None = None

    def __len__(self) -> int:
        """Count the levels."""
        if self.compiled is not None:
            return len(self.compiled)
        return len(self._quantities)

    def __iter__(self) -> Iterator[Level]:
        """Give the levels, best first."""
        if self.compiled is not None:
            return iter(self.compiled)
        quantities, ordered = self._quantities, self._ordered()
        if self._decimals is None:
            return ((price, quantities[price]) for price in ordered)
        return ((Decimal(price), Decimal(quantities[price])) for price in ordered)

    # Changing

    def replace(self, levels: Iterable[Level]) -> None:
        """Forget everything and take `levels`, in any order."""
        self._take({price: quantity for price, quantity in levels if quantity}, None)
        self._is_writable = self._is_compilable = True

    def apply(self, levels: Iterable[Level]) -> None:
        """Set each level to the given absolute quantity; zero removes it, if it is there."""
        if self._decimals is not None or self.compiled is not None:
            self._read()
        quantities: dict[Decimal, Decimal] = self._quantities
        for price, quantity in levels:
            if not quantity:
                if quantities.pop(price, None) is not None:
                    self._sorted = None
            elif price in quantities:
                quantities[price] = quantity
            else:
                quantities[price] = quantity
                self._came(price.copy_negate() if self._is_bids else price)
        self._limit()

    def apply_written(self, written: WrittenSides, side: int) -> bool:
        """Set levels as `apply` does; `side`: 0 for the bids of `written`, 1 for its asks.

        Gives False if they cannot be kept as they are written; then `apply` the same levels.
        Until then it has set nothing but some of them.
        """
        if type(written) is CompiledSides and (self.compiled is not None or self._compile()):
            return self.compiled.apply(written, side)  # type: ignore[union-attr]  # it is there
        return self.apply_texts(written.texts[side])

    def apply_texts(self, texts: Mapping[str, str]) -> bool:
        """Set levels as `apply` does, given quantities by price as `WrittenSides` has them.

        Gives False if they cannot be kept as text beside the others; then `apply` the same
        levels. Until then it has set nothing but some of them.
        """
        if not texts:
            return True
        if self.compiled is not None:
            self._decompile(self.compiled)
        if self._decimals is None and not self._write(next(iter(texts))):
            return False
        quantities: dict[str, str] = self._quantities
        before = len(quantities)
        quantities.update(texts)
        added = len(quantities) - before
        if added and not self._added(list(islice(reversed(quantities), added))):
            return False
        for price, text in texts.items():
            if text < "1" and not text.strip("0."):
                del quantities[price]
                self._sorted = None
        return True

    def cut(self, depth: int) -> None:
        """Forget what lies beyond the best `depth` levels."""
        if self.compiled is not None:
            self.compiled.cut(depth)
        elif len(self._quantities) > depth:
            for price in self._ordered()[depth:]:
                del self._quantities[price]
            self._heap = self._sorted = None

    # Reading

    def best(self) -> Level | None:
        """Give the best level; None if there is none."""
        if self.compiled is not None:
            return self.compiled.best()
        heap = self._heap
        if heap is None:
            heap = self._heap = self._all_tops()
        while heap:
            if heap[0] is not self._top:
                self._top = heap[0]
                self._top_price = self._price(self._top)
                self._best_quantity = None
            quantity = self._quantities.get(self._top_price)
            if quantity is not None:
                if quantity is not self._best_quantity:
                    self._best_quantity = quantity
                    self._best = (Decimal(self._top_price), Decimal(quantity))
                return self._best
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

    # Two ways to keep prices

    def _take(self, quantities: dict[Any, Any], decimals: int | None) -> None:
        """Keep `quantities`; `decimals`: prices are texts with so many, None: Decimals."""
        self.compiled = None
        self._quantities = quantities
        self._decimals = decimals
        self._heap = self._sorted = None
        self._top = self._top_price = self._best_quantity = self._best = None

    def _write(self, like: str) -> bool:
        """Turn Decimals into texts like `like`; say whether that was possible."""
        if not self._is_writable:
            return False
        decimals = len(like) - like.index(".") - 1
        written = {
            format(price, "f"): format(quantity, "f")
            for price, quantity in self._quantities.items()
        }
        if not all(_has_decimals(price, decimals) for price in written):
            self._is_writable = False
            return False
        self._take(written, decimals)
        return True

    def _compile(self) -> bool:
        """Keep the levels as integers from now on; say whether that was possible."""
        if not self._is_compilable:
            return False
        compiled = books.Levels(is_bids=self._is_bids)
        texts: Iterable[tuple[str, str]] = self._quantities.items()
        if self._decimals is None:
            texts = ((format(price, "f"), format(quantity, "f")) for price, quantity in texts)
        if not compiled.fill(texts):
            self._is_compilable = False
            return False
        self._take({}, None)
        self.compiled = compiled
        return True

    def _decompile(self, compiled: "books.Levels") -> None:
        """Turn integers into texts, for the rest of this book: some numbers are too long."""
        self._is_compilable = False
        texts = compiled.texts()
        self._take(texts, compiled.decimals if texts else None)

    def _read(self) -> None:
        """Turn texts and integers into Decimals, for the rest of this book."""
        self._is_writable = self._is_compilable = False
        if self.compiled is not None:
            self._take(dict(self.compiled), None)
            return
        self._take(
            {Decimal(price): Decimal(text) for price, text in self._quantities.items()}, None
        )

    def _added(self, prices: list[str]) -> bool:
        """Take new prices into the heap, or out of the book again if they are not written alike."""
        self._sorted = None
        decimals = self._decimals or 0
        if {price[-1 - decimals : -decimals] for price in prices} != {"."}:
            for price in prices:
                del self._quantities[price]
            return False
        heap = self._heap
        if heap is not None:
            for price in prices:
                top = int(price[: -decimals - 1] + price[-decimals:])
                heapq.heappush(heap, -top if self._is_bids else top)
            self._limit()
        return True

    def _price(self, top: Any) -> Any:
        """Give the price that lies in the heap as `top`, as it is kept."""
        decimals = self._decimals
        if decimals is None:
            return top.copy_negate() if self._is_bids else top
        digits = str(abs(top)).rjust(decimals + 1, "0")
        return f"{digits[:-decimals]}.{digits[-decimals:]}"

    def _all_tops(self) -> list[Any]:
        prices = self._quantities
        tops: list[Any]
        if self._decimals is not None:
            sign = -1 if self._is_bids else 1
            tops = [sign * int(price.replace(".", "")) for price in prices]
        elif self._is_bids:
            tops = [price.copy_negate() for price in prices]  # `-` would round
        else:
            tops = list(prices)
        heapq.heapify(tops)
        return tops

    def _ordered(self) -> list[Any]:
        """Give the prices, best first."""
        if self._sorted is None:
            self._sorted = sorted(self._quantities, reverse=self._is_bids)
            if self._decimals is not None:  # texts of equal length are in order already
                self._sorted.sort(key=len, reverse=self._is_bids)
        return self._sorted

    def _came(self, top: Any) -> None:
        if self._heap is not None:
            heapq.heappush(self._heap, top)
        self._sorted = None

    def _limit(self) -> None:
        if self._heap is not None and len(self._heap) > 2 * len(self._quantities) + _SPARE:
            self._heap = None


def _has_decimals(price: str, decimals: int) -> bool:
    """Say whether a plain number has so many decimals, > 0; it has one point at most."""
    return price[-1 - decimals : -decimals] == "."
