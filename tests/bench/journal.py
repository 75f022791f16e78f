"""An intent written down, beside a bare insert of the same bytes on a file of the same kind.

Fsyncs are counted by a shim of SQLite's file system, in a run of their own.
"""

import asyncio
import itertools
import statistics
import tempfile
import time
from pathlib import Path

import apsw

from tests.bench.samples import Samples
from venuekit.model import ClientOrderId, limit_buy
from venuekit.stores import Intent, Journal, Scope, open_journal
from venuekit.stores.database import open_database
from venuekit.stores.records import text_from_request
from venuekit.testing.disk import Change, ChangeKind, Disk

ROUNDS, BATCH, TOGETHER = 30, 50, 64
SCOPE = Scope("venue", "main", "sim")
_INSERT = (
    "INSERT INTO orders (scope, name, symbol, origin, intent_key, request, created_ns, phase,"
    " is_open) VALUES (1, ?, 'BTC/USDT', 'intent', NULL, ?, 1, 'prepared', 1)"
)


def intent(number: int) -> Intent:
    name = ClientOrderId(f"intent{number:020d}")
    return Intent(
        scope=SCOPE,
        client_order_id=name,
        request=limit_buy("BTC/USDT", "0.00100", "30000.00", client_order_id=name),
        created_ns=1,
    )


class _Contest:
    """One durability: a journal and a bare connection, measured in turns."""

    def __init__(self, journal: Journal, bare: apsw.Connection) -> None:
        self.ours, self.bare = Samples("ours"), Samples("bare")
        self._journal, self._connection = journal, bare
        self._numbers = itertools.count()

    async def round(self) -> None:
        intents = [intent(next(self._numbers)) for _ in range(BATCH)]
        waiting = iter(intents)
        await self.ours.measure(lambda: self._journal.record_intent(next(waiting)), BATCH)
        # What is bound is made before: the floor is SQLite alone.
        rows = iter([(i.client_order_id, text_from_request(i.request)) for i in intents])

        async def insert() -> None:
            self._connection.execute(_INSERT, next(rows))

        await self.bare.measure(insert, BATCH)

    async def together(self) -> float:
        intents = [intent(next(self._numbers)) for _ in range(TOGETHER)]
        begun = time.perf_counter()
        await asyncio.gather(*(self._journal.record_intent(each) for each in intents))
        return time.perf_counter() - begun


async def _contest(folder: Path, durability: str) -> tuple[_Contest, float]:
    journal = await open_journal(f"sqlite:{folder}/{durability}.db", durability=durability)
    synchronous = "NORMAL" if durability == "process" else "FULL"
    bare = open_database(folder / f"{durability}-bare.db", synchronous=synchronous)
    bare.execute("INSERT INTO scopes VALUES (1, 'venue', 'main', 'sim')")
    contest = _Contest(journal, bare)
    for number in range(ROUNDS + 1):
        await contest.round()
        if number == 0:
            for samples in (contest.ours, contest.bare):
                samples.wall_s.clear()
                samples.cpu_s.clear()
    spent = [await contest.together() for _ in range(10)]
    await journal.close()
    bare.close()
    return contest, statistics.median(spent)


async def syncs_of_many(folder: Path) -> int:
    """Count the fsyncs that 64 intents at once cost at the durability `power`."""
    count = 0

    def seen(change: Change) -> None:
        nonlocal count
        count += change.kind is ChangeKind.SYNC

    disk = Disk("bench-syncs", after=seen)
    try:
        journal = await open_journal(
            f"sqlite:{folder}/syncs.db", durability="power", vfs="bench-syncs"
        )
        await journal.record_intent(intent(10**9))
        count = 0
        intents = [intent(10**9 + number) for number in range(1, TOGETHER + 1)]
        await asyncio.gather(*(journal.record_intent(each) for each in intents))
        found = count
        await journal.close()
    finally:
        disk.unregister()
    return found


async def run() -> str:
    # Beside the code: temporary folders may be memory, where an fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as name:
        folder = Path(name)
        process, _ = await _contest(folder, "process")
        power, together_s = await _contest(folder, "power")
        syncs = await syncs_of_many(folder)
    above = process.ours.median_us - process.bare.median_us
    ratio = power.ours.median_us / power.bare.median_us
    bare_us = power.bare.median_us
    return f"""
An intent in the journal  (goal: ≤ 40 µs above a bare insert; power ≤ 1.3×; 64 at once < 4 fsyncs)
  process-safe               {process.ours.median_us:.0f} µs, \
bare {process.bare.median_us:.0f} µs: {above:.0f} µs above
  power-safe                 {power.ours.median_us:.0f} µs, bare {bare_us:.0f} µs: {ratio:.2f}×
  64 at once, power-safe     {together_s * 1e6:.0f} µs, \
{together_s * 1e6 / bare_us:.1f} bare inserts, {syncs} fsyncs"""
