"""The strangers who trade on a living market, and what they did before anybody looked."""

import heapq
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from venuekit.sim.engine import Engine
from venuekit.sim.market import SeededFlow
from venuekit.sim.orders import Side
from venuekit_kraken.sim.wire import SECOND_NS
from venuekit_kraken.sim.world import PairSpec

_NOTIONAL: Final = {"BTC": "0.05"}
_USUAL_NOTIONAL: Final = "2500"
_FIRST_STEPS: Final = 8
_SHORTEST_NS: Final = 100_000_000
_LONGEST_NS: Final = 700_000_000
_PAST_EVERY_NS: Final = 60 * SECOND_NS
_PAST_TRADES: Final = 180


class Crowd:
    """Everyone who trades besides the simulated accounts."""

    def __init__(
        self, engine: Engine, pairs: Sequence[PairSpec], rng: random.Random, now_ns: int
    ) -> None:
        """Print a past and fill the books of these pairs."""
        self._rng = rng
        for pair in pairs:
            _print_past(engine, pair, rng, now_ns)
        self._flows = {
            pair.symbol: SeededFlow(
                engine,
                pair.symbol,
                random.Random(rng.getrandbits(64)),  # noqa: S311  a simulation repeats itself
                pair.start_price,
                typical_quantity=_typical_quantity(pair),
            )
            for pair in pairs
        }
        self._due: list[tuple[int, str]] = []
        for name, flow in self._flows.items():
            for _ in range(_FIRST_STEPS):
                flow.step(now_ns)
            self._schedule(name, now_ns)

    def advance(self, now_ns: int, is_open: Callable[[str], bool]) -> bool:
        """Let those act whose moment has come, and say whether anybody did."""
        has_acted = False
        while self._due and self._due[0][0] <= now_ns:
            _, name = heapq.heappop(self._due)
            if is_open(name):
                self._flows[name].step(now_ns)
                has_acted = True
            self._schedule(name, now_ns)
        return has_acted

    def next_due_ns(self) -> int | None:
        """Give the moment of the next one to act."""
        return self._due[0][0] if self._due else None

    def _schedule(self, name: str, now_ns: int) -> None:
        pause_ns = self._rng.randint(_SHORTEST_NS, _LONGEST_NS)
        heapq.heappush(self._due, (now_ns + pause_ns, name))


def _typical_quantity(pair: PairSpec) -> Decimal:
    """Give what an order of usual worth comes to."""
    worth = Decimal(_NOTIONAL.get(pair.quote.symbol, _USUAL_NOTIONAL))
    return max(worth / pair.start_price // pair.lot, Decimal(5)) * pair.lot


def _print_past(engine: Engine, pair: PairSpec, rng: random.Random, now_ns: int) -> None:
    """Print a trade for each of the last minutes, up to the price at which the market begins."""
    top = int(pair.start_price / pair.tick)
    spread = max(1, top // 4_000)
    steps = [top]
    for _ in range(_PAST_TRADES):
        steps.append(max(1, steps[-1] + rng.randint(-spread, spread)))
    typical = _typical_quantity(pair)
    for index, step in enumerate(reversed(steps)):
        quantity = (typical * rng.randint(1, 20) / 10) // pair.lot * pair.lot
        engine.print_trade(
            pair.symbol,
            step * pair.tick,
            max(quantity, pair.lot),
            rng.choice((Side.BUY, Side.SELL)),
            now_ns - (_PAST_TRADES - index) * _PAST_EVERY_NS,
        )
