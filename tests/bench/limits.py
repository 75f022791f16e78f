"""Taking from three limits at once, beside other people's limiters with one; and a long line."""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable

from aiolimiter import AsyncLimiter
from pyrate_limiter import Limiter as PyrateLimiter
from pyrate_limiter import Rate

from venuekit.limits import Lane, Limiter
from venuekit.plugin import BudgetKind, BudgetScope, BudgetSpec

ROUNDS, BATCH = 60, 500
CROWDS = (1_000, 2_000, 5_000, 10_000, 20_000)
PLENTY = 10**9
LIMITS = (
    BudgetSpec(
        name="weight",
        kind=BudgetKind.FIXED_WINDOW,
        scope=BudgetScope.IP,
        capacity=PLENTY,
        interval_s=60,
    ),
    BudgetSpec(
        name="orders",
        kind=BudgetKind.SLIDING_WINDOW,
        scope=BudgetScope.ACCOUNT,
        capacity=PLENTY,
        interval_s=1,
    ),
    BudgetSpec(
        name="calls",
        kind=BudgetKind.TOKEN_BUCKET,
        scope=BudgetScope.KEY,
        capacity=PLENTY,
        interval_s=10,
    ),
)
COSTS = {"weight": 2, "orders": 1, "calls": 1}


async def _ours_us(limiter: Limiter) -> tuple[float, float]:
    """Give the microseconds of taking, and of ending what was taken."""
    grants = []
    begun = time.perf_counter()
    for _ in range(BATCH):
        grants.append(await limiter.take(COSTS, Lane.QUERY))  # noqa: PERF401  # as an application does
    taken = time.perf_counter()
    for grant in grants:
        grant.end()
    return (taken - begun) / BATCH * 1e6, (time.perf_counter() - taken) / BATCH * 1e6


async def _batch_us(take: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    for _ in range(BATCH):
        await take()
    return (time.perf_counter() - begun) / BATCH * 1e6


async def _uncontended() -> dict[str, list[float]]:
    """Give microseconds a call by round, each contender in its turn."""
    limiter = Limiter(LIMITS, time=time.time)
    other = AsyncLimiter(PLENTY, 60)
    pyrate = PyrateLimiter(Rate(PLENTY, 60_000))

    async def theirs() -> None:
        await other.acquire()

    async def three_of_theirs() -> None:
        for each in others:
            await each.acquire()

    async def pyrates() -> None:
        await pyrate.try_acquire_async("key")

    others = [AsyncLimiter(PLENTY, 60) for _ in range(3)]
    contenders = {
        "aiolimiter, one limit": theirs,
        "aiolimiter, three limits in turn": three_of_theirs,
        "pyrate-limiter, one limit": pyrates,
    }
    ours = "venuekit, three limits", "venuekit, the end of the request"
    found: dict[str, list[float]] = {name: [] for name in (*ours, *contenders)}
    for _ in range(ROUNDS):
        for name, us in zip(ours, await _ours_us(limiter), strict=True):
            found[name].append(us)
        for name, take in contenders.items():
            found[name].append(await _batch_us(take))
    pyrate.close()
    return found


async def _crowd_us(number: int) -> float:
    """Give the CPU of each of so many that wait and pass one after the other, in microseconds."""
    one = BudgetSpec(
        name="one",
        kind=BudgetKind.CONCURRENT,
        scope=BudgetScope.IP,
        capacity=1,
        interval_s=1,
        has_cancels=False,
    )
    limiter = Limiter((*LIMITS, one), time=time.time)
    passed = 0

    async def user() -> None:
        nonlocal passed
        grant = await limiter.take({**COSTS, "one": 1}, Lane.QUERY)
        passed += 1
        grant.end()

    first = await limiter.take({"one": 1}, Lane.QUERY)
    begun = time.process_time()
    async with asyncio.TaskGroup() as users:
        for _ in range(number):
            users.create_task(user())
        await asyncio.sleep(0)
        first.end()
    assert passed == number
    return (time.process_time() - begun) / number * 1e6


async def _undisturbed_us(number: int) -> float:
    """Measure without Python's search for garbage: its time grows with all tasks that live."""
    gc.collect()
    gc.disable()
    try:
        return await _crowd_us(number)
    finally:
        gc.enable()


async def run() -> str:
    """Measure both."""
    found = {name: statistics.median(each) for name, each in (await _uncontended()).items()}
    floor = found["aiolimiter, one limit"]
    lines = [
        "\nTaking from limits that nobody else wants  (goal: three at most 2x one of aiolimiter)",
        f"  {'':<40}{'us':>8}{'ratio':>8}",
        *(f"  {name:<40}{us:>8.2f}{us / floor:>7.2f}x" for name, us in found.items()),
        "\nA line of waiters, one passes after the other  (goal: time grows linearly)",
        f"  {'waiters':>10}{'us of CPU each':>18}{'ratio':>8}",
    ]
    each_us = [await _undisturbed_us(number) for number in (CROWDS[0], *CROWDS)][1:]
    lines += [
        f"  {number:>10}{us:>18.1f}{us / each_us[0]:>7.2f}x"
        for number, us in zip(CROWDS, each_us, strict=True)
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(asyncio.run(run()))
