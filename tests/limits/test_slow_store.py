"""A store that takes its time costs time, and never a refusal.

Everything is on virtual time, the store too: each of its transactions begins and ends when chance
says so, as on a disk that is busy, and programs go on meanwhile.
"""

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import attrs
import pytest

from tests.limits.exchanges import EPOCH, Exchange, spec
from venuekit.limits import Lane, Limiter
from venuekit.limits.sharing import Runs, Sharing
from venuekit.model import BudgetUsage
from venuekit.plugin import BudgetKind
from venuekit.stores.shared_limits import SharedLimitsFile
from venuekit.testing.virtual_time import run_virtually

T = TypeVar("T")

CAPACITY = 20
S = 1_000_000_000


def slow(rng: random.Random, most_s: float) -> Runs:
    """Give a disk on which nobody knows when within its time a transaction takes place."""

    async def run(work: Callable[[], T]) -> T:
        async def worked() -> T:
            await asyncio.sleep(rng.uniform(0, most_s))
            result = work()
            await asyncio.sleep(rng.uniform(0, most_s))
            return result

        job = asyncio.create_task(worked())
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            await asyncio.wait([job])
            raise

    return run


def now_s() -> float:
    return EPOCH + asyncio.get_running_loop().time()


@attrs.define
class Town:
    """Some programs, one exchange, one disk."""

    folder: Path
    kind: BudgetKind
    rng: random.Random
    store_s: float
    interval_s: int
    exchange: Exchange = attrs.field(init=False)
    most: float = 0.0
    """What the exchange has counted at once."""
    taken: int = 0

    def __attrs_post_init__(self) -> None:
        self.exchange = Exchange(self.kind, self.interval_s, CAPACITY)

    async def program(self, number: int, seconds: float) -> None:
        """Open, use as much as there is for a while, with pauses, and close."""
        limited = spec(kind=self.kind, capacity=CAPACITY, interval_s=self.interval_s)
        limiter = Limiter([limited], time=now_s, kept_for_cancels=0.0)
        sharing = Sharing(
            limiter,
            SharedLimitsFile(self.folder / "limits.db"),
            holder=f"{os.getpid()}-{number}",
            prefix_of=lambda _: "acme/",
            subject="acme",
            now_ns=lambda: round(now_s() * S),
            run_blocking=slow(self.rng, self.store_s),
        )
        await sharing.settle()
        keeper = asyncio.create_task(sharing.run())
        await asyncio.sleep(0)
        until = now_s() + seconds
        async with asyncio.TaskGroup() as users:
            while now_s() < until:
                await asyncio.sleep(self.rng.choice([0.0, 0.05, 0.3, 0.3, 3.0]))
                if limiter.figures().waiting < 2 * CAPACITY:
                    users.create_task(self.ask(limiter))
        keeper.cancel()
        await asyncio.wait([keeper])

    async def ask(self, limiter: Limiter) -> None:
        cost = self.rng.choice([1, 1, 1, 3])
        grant = await limiter.take({"weight": cost}, Lane.QUERY)
        await asyncio.sleep(self.rng.uniform(0.005, 0.2))
        self.exchange.arrive(now_s(), cost)
        counted = self.exchange.used(now_s())
        self.most = max(self.most, counted)
        self.taken += cost
        await asyncio.sleep(self.rng.uniform(0.005, 0.2))
        grant.end()
        limiter.correct([BudgetUsage(budget="weight", used=-int(-counted // 1))], grant)


async def lived(town: Town, programs: int, seconds: float) -> None:
    async with asyncio.TaskGroup() as all_of_them:
        for number in range(programs):
            all_of_them.create_task(town.program(number, seconds * town.rng.uniform(0.5, 1)))


# Of many that were tried, some in which programs once went over the limit.
LIVES = [
    (BudgetKind.FIXED_WINDOW, 0.05, 5),
    (BudgetKind.FIXED_WINDOW, 0.2, 8),
    (BudgetKind.FIXED_WINDOW, 2.0, 17),
    (BudgetKind.FIXED_WINDOW, 5.0, 5),
    (BudgetKind.SLIDING_WINDOW, 0.0, 14),
    (BudgetKind.SLIDING_WINDOW, 0.05, 5),
    (BudgetKind.SLIDING_WINDOW, 2.0, 23),
    (BudgetKind.SLIDING_WINDOW, 5.0, 7),
    (BudgetKind.TOKEN_BUCKET, 2.0, 23),
    (BudgetKind.TOKEN_BUCKET, 5.0, 5),
    (BudgetKind.DECAYING_COUNTER, 2.0, 23),
    (BudgetKind.DECAYING_COUNTER, 5.0, 12),
]


@pytest.mark.parametrize(("kind", "store_s", "seed"), LIVES)
def test_however_long_settling_takes_the_exchange_is_never_passed(
    kind: BudgetKind, store_s: float, seed: int, tmp_path: Path
) -> None:
    interval_s = (1, 2, 10)[seed % 3]
    town = Town(tmp_path, kind, random.Random(seed), store_s, interval_s)
    run_virtually(lived(town, 3, 60.0))
    assert town.most <= CAPACITY + 1e-9
    assert town.taken > 3 * CAPACITY
