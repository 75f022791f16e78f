"""An order book, kept in step by its exchange's rule, that says when it is not live."""

import contextlib
from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Final

import attrs

from venuekit.model import (
    BookChange,
    BookNotLive,
    BookSnapshot,
    Level,
    Side,
    StreamState,
    Symbol,
    datetime_from_ns,
    exact_product,
    exact_sum,
)
from venuekit.plugin import BookKeeping, BookRule
from venuekit.streams.book_side import BookSide, CompiledSides

_RATIO: Final = Context(prec=28)


@attrs.frozen(kw_only=True)
class Applied:
    """The change is in the book now."""


@attrs.frozen(kw_only=True)
class Old:
    """The book had the change already; nothing was done."""


@attrs.frozen(kw_only=True)
class GapFound:
    """Changes before this one are missing; the book is not live any more."""

    expected_id: int | None
    """The update id that had to come next; None if the book had none."""
    found_id: int | None
    """The first one of the change; None if it has none."""

    def __str__(self) -> str:
        """Put it into words."""
        return f"a gap: expected update {self.expected_id}, found {self.found_id}"


@attrs.frozen(kw_only=True)
class ChecksumWrong:
    """After the change the book is not what the exchange has; it is not live any more."""

    expected: int
    """What the exchange sent."""
    found: int | None
    """What this book gives; None if it cannot be computed."""

    def __str__(self) -> str:
        """Put it into words."""
        return f"a wrong checksum: expected {self.expected}, found {self.found}"


Step = Applied | Old | GapFound | ChecksumWrong
"""What became of a change."""

APPLIED: Final = Applied()
OLD: Final = Old()


@attrs.frozen(kw_only=True)
class FillCost:
    """What taking a quantity from the book would cost, before fees."""

    quantity: Decimal
    """What the book holds of the quantity asked for."""
    missing: Decimal
    """What the known levels do not hold; zero if all can be filled."""
    amount: Decimal
    """In the quote asset, exact."""
    average_price: Decimal | None
    """Rounded to 28 digits; None if nothing can be filled."""
    worst_price: Decimal | None
    """Of the last level that is touched."""


class Book:
    """A book of absolute quantities by price.

    No I/O and no clock: it is told snapshots, changes and losses, and decides. Reading raises
    `BookNotLive` unless the book is live; with `require_live=False` it gives what was last known,
    and `state`, `text` and `stale_since_ns` say how far that can be believed.
    """

    def __init__(self, symbol: Symbol, keeping: BookKeeping) -> None:
        """Make an empty book that is not live.

        Args:
            symbol: Of the instrument.
            keeping: How the exchange numbers or checks its changes.
        """
        self.symbol: Final = symbol
        self.state = StreamState.CONNECTING
        self.text = ""
        """Why it is not live."""
        self.stale_since_ns: int | None = None
        """When it was last in step, by the exchange's clock; None while live, or if never."""
        self.update_id: int | None = None
        """The exchange's number of this state of the book."""
        self.time_ns: int | None = None
        """Of the last change, by the exchange."""
        self._is_ranged = keeping.rule is BookRule.RANGES
        self._is_checked = keeping.rule is BookRule.CHECKSUM
        self._keeping = keeping
        self._bids = BookSide(is_bids=True)
        self._asks = BookSide(is_bids=False)

    def __repr__(self) -> str:
        """Name symbol, state and size."""
        size = f"{len(self._bids)} bids, {len(self._asks)} asks"
        return f"<Book {self.symbol} {self.described_state()}, {size}>"

    # Keeping it

    def apply_snapshot(self, snapshot: BookSnapshot) -> None:
        """Take a whole book in place of this one, and be live.

        Raises:
            ValueError: Changes join by update ids, and the snapshot has none.
        """
        if self._is_ranged and snapshot.update_id is None:
            msg = f"{self.symbol}: a snapshot without an update id"
            raise ValueError(msg)
        self._bids.replace(snapshot.bids)
        self._asks.replace(snapshot.asks)
        self.update_id = snapshot.update_id
        self.time_ns = snapshot.time_ns
        self.state, self.text, self.stale_since_ns = StreamState.LIVE, "", None

    def apply_change(self, change: BookChange) -> Step:
        """Apply a change if it is the next one; otherwise say what it is.

        After `GapFound` and `ChecksumWrong`, and until the next snapshot, the book is not live.
        A book that is not live answers `GapFound` to every change.
        """
        if self.state is not StreamState.LIVE:
            return GapFound(expected_id=None, found_id=change.first_update_id)
        if self._is_ranged:
            first, last, book_id = change.first_update_id, change.last_update_id, self.update_id
            if first is None or last is None or book_id is None:
                return self._unjoined(first)
            if not first <= book_id + 1 <= last:  # rarely: an old one, or a gap
                if first <= last <= book_id:
                    return OLD
                return self._unjoined(first)
        written = change.written
        bids, asks = self._bids.compiled, self._asks.compiled
        if bids is not None and asks is not None and type(written) is CompiledSides:  # nearly all
            if not bids.apply(written, 0):
                self._bids.apply(change.bids)
            if not asks.apply(written, 1):
                self._asks.apply(change.asks)
        elif written is None:
            self._bids.apply(change.bids)
            self._asks.apply(change.asks)
        else:
            # A side that cannot take it as written takes levels; that is up to each.
            if not self._bids.apply_written(written, 0):
                self._bids.apply(change.bids)
            if not self._asks.apply_written(written, 1):
                self._asks.apply(change.asks)
        if change.last_update_id is not None:
            self.update_id = change.last_update_id
        if change.time_ns is not None:
            self.time_ns = change.time_ns
        return self._checked(change) if self._is_checked else APPLIED

    def lose(self, state: StreamState, text: str, *, since_ns: int | None = None) -> None:
        """Be not live any more.

        Args:
            state: STALE, RESYNCING or CONNECTING.
            text: Why.
            since_ns: When it was last in step; kept from the first loss on.
        """
        if self.state is StreamState.LIVE:
            self.stale_since_ns = since_ns if since_ns is not None else self.time_ns
        self.state, self.text = state, text

    def _unjoined(self, first: int | None) -> Step:
        book_id = self.update_id
        step = GapFound(expected_id=None if book_id is None else book_id + 1, found_id=first)
        self.lose(StreamState.RESYNCING, str(step))
        return step

    def _checked(self, change: BookChange) -> Step:
        depth, checksum = self._keeping.depth, self._keeping.checksum
        # What lies deeper is not kept up to date by the exchange.
        self._bids.cut(depth)
        self._asks.cut(depth)
        if checksum is None or change.checksum is None:
            return APPLIED
        found: int | None = None
        with contextlib.suppress(Exception):  # the border round a plugin: its book is not live
            found = checksum(self.snapshot(depth))
        if found == change.checksum:
            return APPLIED
        step = ChecksumWrong(expected=change.checksum, found=found)
        self.lose(StreamState.RESYNCING, str(step))
        return step

    # Reading it

    def described_state(self) -> str:
        """Say the state in words, for people: `live`, `stale since 12:00:00 (why)`."""
        since = ""
        if self.stale_since_ns is not None:
            since = f" since {datetime_from_ns(self.stale_since_ns):%H:%M:%S.%f} UTC"
        return f"{self.state.value}{since}" + (f" ({self.text})" if self.text else "")

    def best_bid(self, *, require_live: bool = True) -> Level | None:
        """Give price and quantity of the best bid; None if there is none."""
        if require_live and self.state is not StreamState.LIVE:
            raise self._not_live()
        return self._bids.best()

    def best_ask(self, *, require_live: bool = True) -> Level | None:
        """Give price and quantity of the best ask; None if there is none."""
        if require_live and self.state is not StreamState.LIVE:
            raise self._not_live()
        return self._asks.best()

    def bids(self, depth: int | None = None, *, require_live: bool = True) -> tuple[Level, ...]:
        """Give the best `depth` bids, or all, descending."""
        self._demand(require_live=require_live)
        return self._bids.levels(depth)

    def asks(self, depth: int | None = None, *, require_live: bool = True) -> tuple[Level, ...]:
        """Give the best `depth` asks, or all, ascending."""
        self._demand(require_live=require_live)
        return self._asks.levels(depth)

    def bids_to(self, price: Decimal, *, require_live: bool = True) -> tuple[Level, ...]:
        """Give the bids at `price` and above, descending."""
        self._demand(require_live=require_live)
        return self._bids.until(price)

    def asks_to(self, price: Decimal, *, require_live: bool = True) -> tuple[Level, ...]:
        """Give the asks at `price` and below, ascending."""
        self._demand(require_live=require_live)
        return self._asks.until(price)

    def cost(self, side: Side, quantity: Decimal, *, require_live: bool = True) -> FillCost:
        """Say what a market order of `quantity` would cost or bring, if nothing moved.

        Args:
            side: BUY takes asks, SELL takes bids.
            quantity: In the base asset, > 0.
            require_live: Raise BookNotLive unless the book is live.
        """
        self._demand(require_live=require_live)
        return _cost(self._asks if side is Side.BUY else self._bids, quantity)

    def snapshot(self, depth: int | None = None, *, require_live: bool = True) -> BookSnapshot:
        """Give the best `depth` levels of each side, or all, as a value that never changes."""
        self._demand(require_live=require_live)
        return BookSnapshot(
            symbol=self.symbol,
            bids=self._bids.levels(depth),
            asks=self._asks.levels(depth),
            update_id=self.update_id,
            time_ns=self.time_ns,
        )

    def changes_since(self, snapshot: BookSnapshot, *, require_live: bool = True) -> BookChange:
        """Give what differs from an earlier whole snapshot of this book, however it came about.

        Levels that are there or hold another quantity now, and those that are gone, with quantity
        zero; each side from its best price on. Applied to `snapshot` it gives the book of now.

        Raises:
            BookNotLive: It is not live, unless `require_live` is False.
            ValueError: The snapshot is another instrument's.
        """
        if snapshot.symbol != self.symbol:
            msg = f"a snapshot of {snapshot.symbol}; this is the book of {self.symbol}"
            raise ValueError(msg)
        now = self.snapshot(require_live=require_live)
        return BookChange(
            symbol=self.symbol,
            bids=_differing(snapshot.bids, now.bids, is_descending=True),
            asks=_differing(snapshot.asks, now.asks, is_descending=False),
            last_update_id=now.update_id,
            time_ns=now.time_ns,
        )

    def _demand(self, *, require_live: bool) -> None:
        if require_live and self.state is not StreamState.LIVE:
            raise self._not_live()

    def _not_live(self) -> BookNotLive:
        return BookNotLive(self.symbol, self.described_state())


def _differing(
    then: Iterable[Level], now: Iterable[Level], *, is_descending: bool
) -> tuple[Level, ...]:
    before, after = dict(then), dict(now)
    changed = {price: held for price, held in after.items() if before.get(price) != held}
    gone = dict.fromkeys(before.keys() - after.keys(), Decimal(0))
    return tuple(sorted((changed | gone).items(), reverse=is_descending))


def _cost(levels: Iterable[Level], quantity: Decimal) -> FillCost:
    if not quantity > 0:
        msg = f"quantity={quantity}; more than 0 is needed"
        raise ValueError(msg)
    missing, amount, worst = quantity, Decimal(0), None
    for price, held in levels:
        taken = min(missing, held)
        amount = exact_sum((amount, exact_product(price, taken)))
        missing = exact_sum((missing, taken.copy_negate()))
        worst = price
        if not missing:
            break
    filled = exact_sum((quantity, missing.copy_negate()))
    return FillCost(
        quantity=filled,
        missing=missing,
        amount=amount,
        average_price=_RATIO.divide(amount, filled) if filled else None,
        worst_price=worst,
    )
