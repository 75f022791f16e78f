"""A durable nonce, beside a counter behind a lock; and what reserving a block of them costs."""

import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from venuekit.auth.nonces import BLOCK, NonceAuthority
from venuekit.plugin import NonceRule

ROUNDS, BATCH = 100, 200
BLOCKS = 30


class BareCounter:
    """The least that a nonce takes: a number and a lock. A restart forgets it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = time.time_ns() // 1000

    def take(self) -> int:
        with self._lock:
            self._next += 1
            return self._next


def _batch_s(take: Callable[[], object], each_s: list[float]) -> float:
    """Take a batch twice: in one go for the mean, one by one for the percentiles."""
    begun = time.perf_counter()
    for _ in range(BATCH // 2):
        take()
    mean_s = (time.perf_counter() - begun) / (BATCH // 2)
    for _ in range(BATCH // 2):
        begun = time.perf_counter()
        take()
        each_s.append(time.perf_counter() - begun)
    return mean_s


def _clock_s() -> float:
    """Give what two looks at the clock cost by themselves."""
    spent = []
    for _ in range(2000):
        begun = time.perf_counter()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


async def _usual(folder: Path) -> tuple[list[float], list[float], list[float]]:
    """Give means of ours and of the bare counter by round, and single times of ours."""
    bare = BareCounter()
    single: list[float] = []
    ours_s, bare_s = [], []

    def authority() -> NonceAuthority:
        return NonceAuthority(
            folder, api_key="bench", rule=NonceRule(), now_ns=time.time_ns, window=0
        )

    async with authority() as nonces:

        def take() -> None:
            nonce = nonces.take()
            assert nonce is not None
            nonces.done(nonce)

        for _ in range(ROUNDS):
            # The next block is reserved ahead, in a thread; between two rounds it has its time.
            await nonces.ready()
            await asyncio.sleep(0.01)
            ours_s.append(_batch_s(take, single))
            bare_s.append(_batch_s(bare.take, []))
    return ours_s, bare_s, single


async def _reservations(folder: Path) -> list[float]:
    """Give how long whoever finds nothing reserved waits: thread, transaction and fsync."""
    waits = []
    # Of one number each, so that every second nonce has to wait.
    async with NonceAuthority(
        folder, api_key="bench-blocks", rule=NonceRule(), now_ns=time.time_ns, block=1
    ) as nonces:
        for _ in range(BLOCKS):
            while (nonce := nonces.take()) is not None:
                nonces.done(nonce)
            begun = time.perf_counter()
            await nonces.ready()
            waits.append(time.perf_counter() - begun)
    return waits


async def run() -> str:
    # Beside the code: temporary folders may be memory, where an fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as name:
        ours_s, bare_s, single_s = await _usual(Path(name))
        waits_s = await _reservations(Path(name))
    clock_s = _clock_s()
    ours_us, bare_us = (statistics.median(each) * 1e6 for each in (ours_s, bare_s))
    p50_us, p99_us = (
        (statistics.quantiles(single_s, n=100)[at] - clock_s) * 1e6 for at in (49, 98)
    )
    wait_us = statistics.median(waits_s) * 1e6
    return f"""
A durable nonce, taken and done  (goal: ≤ 3 µs in the usual case)
  ours                       {ours_us:.2f} µs; p50 {p50_us:.2f} µs, p99 {p99_us:.2f} µs
  a counter and a lock       {bare_us:.2f} µs: {ours_us - bare_us:.2f} µs above
  reserving a block          {wait_us:.0f} µs, {wait_us / BLOCK:.2f} µs for each of its {BLOCK}; \
ahead of need, in a thread"""
