"""Killing real traders, and looking afterwards: no duplicate, no loss, no orphan."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from tests.disk.exchange import SYMBOL, Exchange
from tests.disk.trader import Job, buying, resting
from venuekit import client
from venuekit.model import ClientOrderId, Order, OrderPhase, OrderRef, Symbol
from venuekit.sim.orders import Order as EngineOrder
from venuekit.sim.orders import OrderStatus
from venuekit.stores import Origin, Scope
from venuekit.testing.disk import Fault
from venuekit.testing.virtual_time import run_virtually

ROOT: Final = Path(__file__).parents[2]
SCOPE: Final = Scope("binance", "main", "sim")
BOUND_S: Final = 30.0
"""18 s until "not found" is proof, at most 8 s until the next question, and its answer."""
ACTS: Final = 14
CHANGES: Final = 401
"""About so many times does a trader change the journal's files; a prime, see `death`."""
_DEATHS: Final = (Fault.KILL_BEFORE, Fault.KILL_HALF, Fault.KILL_AFTER)
_WITHOUT_EFFECT: Final = frozenset(
    {OrderPhase.NEVER_PLACED, OrderPhase.REJECTED, OrderPhase.DENIED}
)
_PHASES: Final = {
    OrderStatus.NEW: OrderPhase.OPEN,
    OrderStatus.PARTIALLY_FILLED: OrderPhase.PARTIALLY_FILLED,
    OrderStatus.FILLED: OrderPhase.FILLED,
    OrderStatus.CANCELED: OrderPhase.CANCELED,
    OrderStatus.EXPIRED: OrderPhase.EXPIRED,
}


class Nursery:
    """The process whose children trade."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def bury(self, job: Job) -> int:
        """Have one live until it dies; gives how it ended. Blocks."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(attrs.asdict(job)) + "\n")
        self._process.stdin.flush()
        return int(json.loads(self._process.stdout.readline())["code"])


@contextmanager
def nursery() -> Iterator[Nursery]:
    """Have a process ready from which traders are made."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.disk.trader"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Nursery(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()  # it ends with its input
            process.wait(timeout=70)


@attrs.define
class Story:
    """What happened to one journal."""

    killed: int = 0
    """Traders that died before they had ended."""
    placed: int = 0
    """Orders that the exchange has."""
    unknown: int = 0
    """Intents whose outcome nobody knew when the journal was opened again."""
    never_placed: int = 0


def death(seed: int) -> int:
    """Give the change to die of: `CHANGES` seeds in succession visit each of them once."""
    return 1 + seed * 89 % CHANGES


def story(seed: int, folder: Path, makers: Nursery, *, lives: int = 2) -> Story:
    """Let traders die one after the other on one journal, and look after each.

    Raises:
        AssertionError: Something was placed twice, lost, or is nobody's.
    """
    rng = random.Random(seed)
    exchange = Exchange(folder)
    told = Story()
    for life in range(lives):
        durability = rng.choice(("process", "power"))
        job = Job(
            folder=str(folder),
            address="",
            durability=durability,
            seed=rng.getrandbits(32),
            acts=ACTS,
            first=1000 * life,
            fault=rng.choice(_DEATHS).value,
        )
        if life or seed % 5 != 4:
            job = attrs.evolve(job, kill_at=death(seed + life))
        else:
            job = attrs.evolve(job, kill_after_s=rng.uniform(0.05, 0.4))
        if rng.random() < 0.3:
            # Its answer is lost, and it takes effect only when the trader is dead.
            exchange.late_in = rng.randint(1, 8)
            job = attrs.evolve(job, kill_after_s=rng.uniform(0.3, 0.6))
        asyncio.run(_lived(exchange, makers, job, told))
        exchange.late_in = 0
        if rng.random() < 0.4:
            # Death again, while the next one opens what the first has left.
            again = attrs.evolve(
                job,
                first=job.first + 500,
                kill_at=rng.choice((None, rng.randint(1, 60))),
                kill_after_s=rng.uniform(0.05, 0.5),  # it would wait for proof, in real time
            )
            asyncio.run(_lived(exchange, makers, again, told))
        run_virtually(_examined(exchange, told))
    return told


async def _lived(exchange: Exchange, makers: Nursery, job: Job, told: Story) -> None:
    async with exchange.served() as address:
        code = await asyncio.to_thread(makers.bury, attrs.evolve(job, address=address))
    assert code in {0, -signal.SIGKILL}, f"the trader ended with {code}"
    told.killed += code != 0


def said(folder: Path) -> list[dict[str, Any]]:
    """Give what the traders said before they died, whole lines only."""
    path = folder / "told"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def _examined(exchange: Exchange, told: Story) -> None:
    """Open the journal again, find out, compare everything with what the exchange holds."""
    before = exchange.placements
    begun = asyncio.get_running_loop().time()
    async with exchange.living(), exchange.open() as ex:
        assert ex._private is not None
        told.unknown += len(await ex._private._journal.open_intents(SCOPE))
        await ex._private.ready()  # what placing waits for
        assert await ex._private._journal.open_intents(SCOPE) == [], "all is found out"
        assert asyncio.get_running_loop().time() - begun < BOUND_S, "found out in time"
        report = await ex.reconcile()
        assert report.is_clean, f"the second comparison found {report.differences}"
        assert exchange.placements == before, "nothing was sent by looking"
        await _compared(ex, exchange, told)
        await _asked_again(ex, exchange)
        await asyncio.sleep(BOUND_S)
        assert (await ex.reconcile()).is_clean
        for there in exchange.mine():
            name = ClientOrderId(there.request.client_order_id)
            ref = OrderRef(symbol=Symbol(SYMBOL), client_order_id=name)
            phases = {entry.phase for entry in await ex.history(ref)}
            assert OrderPhase.NEVER_PLACED not in phases, "the proof was none"


async def _compared(ex: "client.Exchange", exchange: Exchange, told: Story) -> None:
    assert ex._private is not None
    journal = ex._private._journal
    assert await journal.open_intents(SCOPE) == []
    there = {each.request.client_order_id: each for each in exchange.mine()}
    here = {str(each.client_order_id): each for each in await journal.orders(SCOPE, limit=10**6)}
    assert len(there) == len(exchange.mine()), "no client order id twice"
    marks = [(each.price, each.request.quantity) for each in exchange.mine()]
    assert len(set(marks)) == len(marks), "no intent twice"
    assert set(there) <= set(here), "no orphan"
    origins = await journal.origins(SCOPE, [here[str(name)] for name in there])
    assert set(origins) <= {Origin.INTENT}, "each was written down before it was sent"
    for name, order in here.items():
        if name in there:
            assert_same(order, there[name])
        else:
            assert order.phase in _WITHOUT_EFFECT, f"{name} is {order.phase} and nowhere"
            told.never_placed += 1
    fills = await journal.fills(SCOPE, limit=10**6)
    assert {each.trade_id for each in fills} == {str(each.trade_id) for each in exchange.trades()}
    assert len(fills) == len(exchange.trades())
    for line in said(exchange.folder):
        if line.get("name"):
            assert line["name"] in here, "what was acknowledged is known"
        if line.get("canceled"):
            assert here[line["canceled"]].phase.value == line["phase"]
    told.placed = len(there)


def assert_same(here: Order, there: EngineOrder) -> None:
    """Compare what is known of an order with what it is."""
    assert here.phase is _PHASES[there.status], f"{here.client_order_id}: {here.phase}"
    assert here.filled == there.executed
    assert here.quantity == there.quantity
    assert sum(fill.quantity for fill in here.fills) == there.executed


async def _asked_again(ex: "client.Exchange", exchange: Exchange) -> None:
    """Ask for every intent once more under its key: what is known is given back, not sent."""
    assert ex._private is not None
    journal = ex._private._journal
    for line in said(exchange.folder):
        if not line.get("key"):
            continue
        mark = line["asked"]
        known = await journal.intent_of_key(SCOPE, line["key"])
        if known is None:
            assert not marked(exchange, mark), "without an intent nothing was sent"
            continue
        before = exchange.placements
        order = await ex.place(known.request, intent_key=line["key"])
        assert order.client_order_id == known.client_order_id
        assert exchange.placements == before, "the same key is the same order"


def marked(exchange: Exchange, mark: int) -> list[EngineOrder]:
    """Give the orders at the exchange that carry the mark of an intent."""
    wanted = {(each.price, each.quantity) for each in (resting(mark), buying(mark))}
    return [each for each in exchange.mine() if (each.price, each.request.quantity) in wanted]
