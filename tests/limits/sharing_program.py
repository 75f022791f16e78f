"""A program that uses a shared limit as fast as it may: FOLDER NUMBER SECONDS.

Writes one line for each unit, with the moment on the machine's clock, as a request would leave.
"""

import asyncio
import os
import random
import sys
import time
from pathlib import Path

from venuekit.limits import Lane, Limiter
from venuekit.limits.sharing import Sharing
from venuekit.plugin import BudgetKind, BudgetScope, BudgetSpec
from venuekit.stores.shared_limits import SharedLimitsFile

SPECS = [
    BudgetSpec(
        name="windowed",
        kind=BudgetKind.FIXED_WINDOW,
        scope=BudgetScope.IP,
        capacity=200,
        interval_s=1,
    ),
    BudgetSpec(
        name="sliding",
        kind=BudgetKind.SLIDING_WINDOW,
        scope=BudgetScope.IP,
        capacity=200,
        interval_s=1,
    ),
]


async def use(limiter: Limiter, until: float, log: int) -> None:
    while time.time() < until:
        grant = await limiter.take({"windowed": 1, "sliding": 1}, Lane.QUERY)
        os.write(log, f"{time.time():.6f}\n".encode())
        await asyncio.sleep(0.001)
        grant.end()


async def main() -> None:
    folder, number, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    limiter = Limiter(SPECS, time=time.time, kept_for_cancels=0.0)
    sharing = Sharing(
        limiter,
        SharedLimitsFile(folder / "limits.db"),
        holder=f"{os.getpid()}-{random.getrandbits(32)}",  # a name, no secret
        prefix_of=lambda _: "acme/ip/",
        subject="acme",
        now_ns=time.time_ns,
    )
    await sharing.settle()
    keeper = asyncio.create_task(sharing.run())
    log = os.open(folder / f"log-{number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    until = time.time() + seconds
    await asyncio.gather(*(use(limiter, until, log) for _ in range(4)))
    keeper.cancel()
    await asyncio.wait([keeper])


asyncio.run(main())
