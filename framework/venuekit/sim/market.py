"""A living market for a simulator: made up from a seed, or played from a recording."""

import random
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import attrs

from venuekit.sim.engine import Engine
from venuekit.sim.external import Change
from venuekit.sim.money import exact, money
from venuekit.sim.orders import OrderRequest, OrderType, Rejection, RejectReason, Side

_REACH: Final = 3  # the band in which orders are kept is so many times wider than it has levels


class SeededFlow:
    """Synthetic accounts that quote and trade round a random walk.

    The same engine history, seed and step times give the same market. Users' orders are part of
    the book: they are taken by the flow, and it trades through them as the price wanders.
    """

    def __init__(
        self,
        engine: Engine,
        market: str,
        rng: random.Random,
        start_price: Decimal | str,
        *,
        levels: int = 30,
        typical_quantity: Decimal | str = "0.1",
        volatility_steps: int = 3,
        trade_chance: Decimal | str = "0.5",
        makers: int = 3,
    ) -> None:
        """Prepare a flow; the first `step` fills the book.

        Args:
            engine: Where; the accounts `flow-<market>-<n>` are opened there.
            market: Which market.
            rng: All its chance.
            start_price: Middle of the first book, in the quote asset.
            levels: How many price levels it keeps on each side.
            typical_quantity: Mean size of an order, in the base asset.
            volatility_steps: By how many price steps the middle moves in a step at most.
            trade_chance: Probability that a step has a market order.
            makers: How many accounts quote.
        """
        self._engine = engine
        self._market = engine.market(market)
        self._rng = rng
        self._middle = int(money(start_price) // self._market.price_step)  # in price steps
        self._levels = levels
        self._largest = max(1, int(2 * money(typical_quantity) // self._market.quantity_step))
        self._volatility = volatility_steps
        self._trade_percent = int(money(trade_chance) * 100)
        self._makers = [f"flow-{market}-{number}" for number in range(makers)]
        self._taker = f"flow-{market}-taker"
        for name in (*self._makers, self._taker):
            engine.open_account(name, is_synthetic=True)

    @exact
    def step(self, now_ns: int) -> None:
        """Let the market live for a moment: walk, take, withdraw, quote."""
        band = self._levels * _REACH
        walked = self._middle + self._rng.randint(-self._volatility, self._volatility)
        self._middle = max(walked, band + 1)  # prices stay above zero
        if self._rng.randrange(100) < self._trade_percent:
            self._take(now_ns)
        self._withdraw(now_ns)
        for side in Side:
            self._quote(side, now_ns)

    def _take(self, now_ns: int) -> None:
        request = OrderRequest(
            account=self._taker,
            market=self._market.name,
            side=self._rng.choice((Side.BUY, Side.SELL)),
            type=OrderType.MARKET,
            client_order_id="",
            quantity=self._quantity(),
        )
        try:
            self._engine.place(request, now_ns)
        except Rejection as refused:
            if refused.reason is not RejectReason.NO_LIQUIDITY:  # as before the first quotes
                raise

    def _withdraw(self, now_ns: int) -> None:
        """Cancel what the price has left behind, and now and then an order for no reason."""
        band = self._levels * _REACH
        step = self._market.price_step
        for name in self._makers:
            for order_id, _, price in self._engine.open_prices(name, self._market.name):
                assert price is not None
                distance = abs(int(price // step) - self._middle)
                if distance > band or self._rng.randrange(100) < 3:
                    self._engine.cancel(name, self._market.name, now_ns, order_id=order_id)

    def _quote(self, side: Side, now_ns: int) -> None:
        taken = {
            price
            for name in self._makers
            for _, its_side, price in self._engine.open_prices(name, self._market.name)
            if its_side is side
        }
        sign = -1 if side is Side.BUY else 1
        band = self._levels * _REACH
        while len(taken) < self._levels:
            steps = self._middle + sign * self._rng.randint(1, band)
            price = steps * self._market.price_step
            if price in taken:
                continue
            taken.add(price)
            request = OrderRequest(
                account=self._rng.choice(self._makers),
                market=self._market.name,
                side=side,
                type=OrderType.LIMIT,
                client_order_id="",
                price=price,
                quantity=self._quantity(),
            )
            self._engine.place(request, now_ns)

    def _quantity(self) -> Decimal:
        return self._rng.randint(1, self._largest) * self._market.quantity_step


@attrs.frozen(kw_only=True)
class RecordedBook:
    """A snapshot: all levels that there are."""

    at_ns: int
    update_id: int
    levels: tuple[Change, ...]


@attrs.frozen(kw_only=True)
class RecordedChanges:
    """A batch of absolute level quantities, and the ids that the exchange gave it."""

    at_ns: int
    first_update_id: int
    last_update_id: int
    changes: tuple[Change, ...]


@attrs.frozen(kw_only=True)
class RecordedTrade:
    """A public trade."""

    at_ns: int
    trade_id: int
    price: Decimal
    quantity: Decimal
    taker_side: Side


RecordedEntry = RecordedBook | RecordedChanges | RecordedTrade


class RecordedFlow:
    """Plays recorded market data through the engine, where users' orders meet it.

    Reading an exchange's files into entries is the business of its dialect.
    """

    def __init__(
        self,
        engine: Engine,
        market: str,
        entries: Iterable[RecordedEntry],
        *,
        shift_ns: int = 0,
    ) -> None:
        """Take entries in the order of their times; they may be read lazily.

        Args:
            engine: Where they are played.
            market: Which market they are of.
            entries: What happened.
            shift_ns: Added to recorded times, so that the past can be played today.
        """
        self._engine = engine
        self._market = market
        self._entries = iter(entries)
        self._shift_ns = shift_ns
        self._next = next(self._entries, None)

    @property
    def next_ns(self) -> int | None:
        """When the next entry is due, shifted; None at the end of the recording."""
        return None if self._next is None else self._next.at_ns + self._shift_ns

    def advance(self, now_ns: int) -> int:
        """Play the entries that are due at their own times, and give how many they were."""
        played = 0
        while self._next is not None and self._next.at_ns + self._shift_ns <= now_ns:
            self._play(self._next)
            self._next = next(self._entries, None)
            played += 1
        return played

    def play_next(self) -> bool:
        """Play one entry, due or not; False at the end of the recording."""
        if self._next is None:
            return False
        self._play(self._next)
        self._next = next(self._entries, None)
        return True

    def _play(self, entry: RecordedEntry) -> None:
        at_ns = entry.at_ns + self._shift_ns
        match entry:
            case RecordedBook():
                self._engine.load_book(
                    self._market, entry.levels, at_ns, recorded_id=entry.update_id
                )
            case RecordedChanges():
                ids = (entry.first_update_id, entry.last_update_id)
                self._engine.set_levels(self._market, entry.changes, at_ns, recorded_ids=ids)
            case RecordedTrade():
                self._engine.print_trade(
                    self._market,
                    entry.price,
                    entry.quantity,
                    entry.taker_side,
                    at_ns,
                    trade_id=entry.trade_id,
                )
