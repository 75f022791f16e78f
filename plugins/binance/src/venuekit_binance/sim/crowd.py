"""The strangers of a living world: a flow of orders for each symbol, at random moments."""

import heapq
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from venuekit.sim.engine import Engine
from venuekit.sim.market import SeededFlow
from venuekit_binance.sim.world import SymbolSpec

_NOTIONAL: Final = {"BTC": "0.05", "USDT": "2500", "USDC": "2500"}
_FIRST_STEPS: Final = 8
_SHORTEST_NS: Final = 100_000_000
_LONGEST_NS: Final = 700_000_000


class Crowd:
    """Everyone who trades besides the simulated accounts."""

    def __init__(
        self, engine: Engine, symbols: Sequence[SymbolSpec], rng: random.Random, now_ns: int
    ) -> None:
        """Fill the books of these symbols.

        Args:
            engine: Where they trade.
            symbols: What they trade.
            rng: All their chance.
            now_ns: When they arrive.
        """
        self._rng = rng
        self._flows = {
            spec.symbol: SeededFlow(
                engine,
                spec.symbol,
                random.Random(rng.getrandbits(64)),  # noqa: S311  a simulation repeats itself
                spec.start_price,
                typical_quantity=_typical_quantity(spec),
            )
            for spec in symbols
        }
        self._due: list[tuple[int, str]] = []
        for name, flow in self._flows.items():
            for _ in range(_FIRST_STEPS):
                flow.step(now_ns)
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


def _typical_quantity(spec: SymbolSpec) -> Decimal:
    """Give what an order of usual worth comes to, at least a few steps."""
    worth = Decimal(_NOTIONAL.get(spec.quote, "10"))
    steps = worth / spec.start_price // spec.step
    return max(steps, Decimal(5)) * spec.step
