"""The strangers of a living world: a flow of orders for each book, at random moments."""

import heapq
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from venuekit.sim.engine import Engine
from venuekit.sim.market import SeededFlow
from venuekit.sim.orders import Side
from venuekit_coinbase.sim.wire import SECOND_NS
from venuekit_coinbase.sim.world import ProductSpec

_NOTIONAL: Final = {"BTC": "0.05", "USD": "2500", "EUR": "2500"}
_FIRST_STEPS: Final = 8
_SHORTEST_NS: Final = 100_000_000
_LONGEST_NS: Final = 700_000_000
_PAST_STEP_NS: Final = 300 * SECOND_NS
_PAST_STEPS: Final = 288


class Crowd:
    """Everyone who trades besides the simulated accounts."""

    def __init__(
        self, engine: Engine, products: Sequence[ProductSpec], rng: random.Random, now_ns: int
    ) -> None:
        """Make up a day of trades, and fill the books of these products.

        Args:
            engine: Where they trade.
            products: What they trade.
            rng: All their chance.
            now_ns: When they arrive.
        """
        self._rng = rng
        self._flows = {}
        self._due: list[tuple[int, str]] = []
        for spec in products:
            name = spec.product_id
            _print_past(engine, spec, rng, now_ns)
            self._flows[name] = SeededFlow(
                engine,
                name,
                random.Random(rng.getrandbits(64)),  # noqa: S311  a simulation repeats itself
                spec.start_price,
                typical_quantity=_typical_quantity(spec),
            )
            for _ in range(_FIRST_STEPS):
                self._flows[name].step(now_ns)
            self._schedule(name, now_ns)

    def advance(self, now_ns: int, is_open: Callable[[str], bool]) -> None:
        """Let those act whose moment has come; a long time without calls is not made up for."""
        while self._due and self._due[0][0] <= now_ns:
            _, name = heapq.heappop(self._due)
            if is_open(name):
                self._flows[name].step(now_ns)
            self._schedule(name, now_ns)

    def next_due_ns(self) -> int | None:
        """Give the moment of the next one to act."""
        return self._due[0][0] if self._due else None

    def _schedule(self, name: str, now_ns: int) -> None:
        pause_ns = self._rng.randint(_SHORTEST_NS, _LONGEST_NS)
        heapq.heappush(self._due, (now_ns + pause_ns, name))


def _print_past(engine: Engine, spec: ProductSpec, rng: random.Random, now_ns: int) -> None:
    """Print trades of the day before, which lead up to the price at which the market starts."""
    steps = int(spec.start_price / spec.price_increment)
    swing = max(1, steps // 2_000)
    path = [steps]
    for _ in range(_PAST_STEPS - 1):
        path.append(max(1, path[-1] + rng.randint(-swing, swing)))
    first_ns = now_ns - _PAST_STEPS * _PAST_STEP_NS
    size = _typical_quantity(spec)
    for index, price in enumerate(reversed(path)):
        engine.print_trade(
            spec.product_id,
            price * spec.price_increment,
            size,
            rng.choice((Side.BUY, Side.SELL)),
            first_ns + (index + 1) * _PAST_STEP_NS,
        )


def _typical_quantity(spec: ProductSpec) -> Decimal:
    """Give what an order of usual worth comes to, at least a few increments."""
    worth = Decimal(_NOTIONAL.get(spec.quote, "10"))
    steps = worth / spec.start_price // spec.base_increment
    return max(steps, Decimal(5)) * spec.base_increment
