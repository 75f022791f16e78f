"""Sessions of a journal that end with a loss of power, and what has to be there afterwards."""

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import apsw
import attrs

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Fill,
    Order,
    OrderPhase,
    Side,
    Symbol,
    limit_buy,
)
from venuekit.stores import Cursor, Intent, Scope, SqliteJournal, open_journal
from venuekit.stores.records import order_from_request
from venuekit.testing.disk import Change, Disk, left_by_kill, left_by_power_loss

SCOPE: Final = Scope("venue", "main", "sim")
SYMBOLS: Final = ("BTC/USDT", "ETH/USDT")
Facts = frozenset[tuple[int, str, str]]
"""What a journal holds: number of the step, kind, name."""


@attrs.frozen
class Step:
    """One transaction that a session hands to the journal."""

    number: int
    """From 1; it stands in every row as its time."""
    facts: Facts


@attrs.define(eq=False)
class Scribe:
    """Writes into a journal what an order desk writes, and remembers what was promised."""

    rng: random.Random
    steps: list[Step] = attrs.field(factory=list)
    intents: dict[ClientOrderId, Intent] = attrs.field(factory=dict)
    promised: list[tuple[int, int]] = attrs.field(factory=lambda: [(0, 0)])
    """How many changes the disk had seen when a step was promised, and which step."""
    _journal: SqliteJournal | None = None
    _disk: Disk | None = None

    @property
    def journal(self) -> SqliteJournal:
        assert self._journal is not None
        return self._journal

    def begin(self, journal: SqliteJournal, disk: Disk) -> None:
        """Write into `journal` from now on."""
        self._journal, self._disk = journal, disk

    def go_on_after(self, survived: int, killed_at: int | None) -> None:
        """Forget what is not there any more.

        Args:
            survived: The last step that is there.
            killed_at: None if power was lost: what is there then is on the disk. Else how many
                changes the disk had seen: what was promised by then is.
        """
        if killed_at is None:
            self.promised = [(0, survived)]
        else:
            self.promised = [(seen, step) for seen, step in self.promised if seen <= killed_at]
        del self.steps[survived:]
        for name in [n for n, intent in self.intents.items() if intent.created_ns > survived]:
            del self.intents[name]

    async def write(self, number_of_acts: int) -> None:
        """Do so many things, as chance wills."""
        acts: list[Callable[[], Awaitable[None]]] = [
            self.place,
            self.place,
            self.place_at_once,
            self.attempt,
            self.report,
            self.report,
            self.move_cursor,
            self.flush,
        ]
        for _ in range(number_of_acts):
            await self.rng.choice(acts)()

    async def place(self) -> None:
        """Write down one intent, or several together."""
        await self._record(*self._new_intents(self.rng.choice((1, 1, 1, 2, 3))))

    async def place_at_once(self) -> None:
        """Write down intents of several callers, who share a commit."""
        # Tasks begin in the order in which they are made: so are the intents handed over.
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self.rng.randint(2, 6)):
                tasks.create_task(self._record(*self._new_intents(1)))

    async def attempt(self) -> None:
        """Write down that a request may be on the wire."""
        name = self._some_name()
        if name is not None:
            number = self._step([("attempt", name)])
            self.journal.record_attempt(SCOPE, name, 1, time_ns=number)

    async def report(self) -> None:
        """Write down what the exchange told, with fills."""
        name = self._some_name()
        if name is None:
            return
        trades = [f"t{len(self.steps)}-{n}" for n in range(self.rng.choice((0, 0, 1, 2)))]
        facts = [("order", name), *(("fill", name) for _ in trades[:1])]
        number = self._step([*facts, *(("trade", trade) for trade in trades)])
        order = told(self.intents[name], number, len(trades))
        fills = [traded(order, trade, number) for trade in trades]
        self.journal.record_order(SCOPE, order, time_ns=number, fills=fills, raw="x" * 300)

    async def move_cursor(self) -> None:
        """Note up to where fills are complete."""
        symbol = self.rng.choice(SYMBOLS)
        number = self._step([("cursor", symbol)])
        self.journal.move_cursor(SCOPE, Symbol(symbol), Cursor(time_ns=number))

    async def flush(self) -> None:
        """Wait until all is written."""
        last = len(self.steps)
        await self.journal.flush()
        self._promise(last)

    def due(self, cut: int) -> int:
        """Give the last step that was promised before the disk's change number `cut`."""
        return max(step for seen, step in self.promised if seen <= cut)

    async def _record(self, *intents: Intent) -> None:
        number = intents[0].created_ns
        await self.journal.record_intent(*intents)
        self._promise(number)

    def _new_intents(self, count: int) -> list[Intent]:
        number = len(self.steps) + 1
        made = []
        for index in range(count):
            name = ClientOrderId(f"o{number}-{index}")
            request = limit_buy(self.rng.choice(SYMBOLS), "0.1", str(number), client_order_id=name)
            key = f"k{number}-{index}" if self.rng.random() < 0.5 else None
            made.append(
                Intent(
                    scope=SCOPE,
                    client_order_id=name,
                    request=request,
                    intent_key=key,
                    created_ns=number,
                )
            )
        self._step([("intent", intent.client_order_id) for intent in made])
        self.intents |= {intent.client_order_id: intent for intent in made}
        return made

    def _step(self, facts: Iterable[tuple[str, str]]) -> int:
        number = len(self.steps) + 1
        self.steps.append(Step(number, frozenset((number, *fact) for fact in facts)))
        return number

    def _promise(self, step: int) -> None:
        assert self._disk is not None
        self.promised.append((len(self._disk.done), step))

    def _some_name(self) -> ClientOrderId | None:
        names = sorted(self.intents)
        return self.rng.choice(names) if names else None


def told(intent: Intent, number: int, fills: int) -> Order:
    order = order_from_request(intent.request, intent.client_order_id, intent.created_ns)
    return attrs.evolve(
        order,
        phase=OrderPhase.PARTIALLY_FILLED if fills else OrderPhase.OPEN,
        exchange_order_id=ExchangeOrderId(intent.client_order_id),
        filled=Decimal(fills) / 100,
        updated_ns=number,
    )


def traded(order: Order, trade: str, number: int) -> Fill:
    assert order.exchange_order_id is not None
    return Fill(
        symbol=order.symbol,
        trade_id=trade,
        exchange_order_id=order.exchange_order_id,
        client_order_id=order.client_order_id,
        side=Side.BUY,
        price=Decimal(1),
        quantity=Decimal("0.01"),
        time_ns=number,
    )


def expected(steps: list[Step], last: int) -> Facts:
    """What a journal holds after step number `last`: everything, and the newest cursors."""
    facts = {fact for step in steps[:last] for fact in step.facts}
    newest = {name: number for number, kind, name in sorted(facts) if kind == "cursor"}
    return frozenset(
        (number, kind, name)
        for number, kind, name in facts
        if kind != "cursor" or newest[name] == number
    )


def facts_of(connection: apsw.Connection) -> Facts:
    """Read what a journal holds, from its tables."""
    queries = (
        "SELECT created_ns, 'intent', name FROM orders",
        "SELECT DISTINCT time_ns, kind, name FROM records",
        "SELECT time_ns, 'trade', trade_id FROM fills",
        "SELECT time_ns, 'cursor', symbol FROM cursors",
    )
    rows: list[Any] = [row for query in queries for row in connection.execute(query)]
    return frozenset((int(number), str(kind), str(name)) for number, kind, name in rows)


@attrs.frozen
class Loss:
    """What one loss of power took."""

    survived: int
    """Steps that are there afterwards."""
    promised: int
    """Steps that had been promised."""


def put(files: dict[str, bytes], source: Path, target: Path) -> None:
    """Lay down the files of a folder as they were found after power was lost."""
    target.mkdir(mode=0o700)
    for path, data in files.items():
        there = target / Path(path).relative_to(source)
        there.touch(0o600)
        there.write_bytes(data)


async def examined(path: Path, scribe: Scribe) -> int:
    """Open what is left, check it, and give the number of the last step that it holds.

    Whatever the durability: it opens, it is sound, and it holds the beginning of what was written,
    whole transactions without a gap, with its content.
    """
    journal = await open_journal(f"sqlite:{path}", durability="process")
    assert isinstance(journal, SqliteJournal)

    def read(connection: apsw.Connection) -> tuple[list[Any], Facts]:
        checks = ("PRAGMA quick_check", "PRAGMA integrity_check", "PRAGMA foreign_key_check")
        return [list(connection.execute(check)) for check in checks], facts_of(connection)

    sound, facts = await journal._lane.run(read)
    assert sound == [[("ok",)], [("ok",)], []]
    last = max((number for number, _, _ in facts), default=0)
    assert facts == expected(scribe.steps, last), "the beginning of what was written, no gap"
    for name, intent in scribe.intents.items():
        found = await journal.intent(SCOPE, name)
        assert found == (intent if intent.created_ns <= last else None)
    await journal.close()
    return last


@attrs.define(eq=False)
class Machine:
    """A folder on a disk, with what may still be lost of it."""

    home: Path
    found: dict[str, bytes]
    done: list[Change]

    def moved(self, home: Path) -> "Machine":
        """Lay the files of a killed process down elsewhere; what it did not sync still waits."""
        put(left_by_kill(self.found, self.done), self.home, home)

        def there(path: str) -> str:
            return str(home / Path(path).relative_to(self.home))

        return Machine(
            home,
            {there(path): data for path, data in self.found.items()},
            [attrs.evolve(change, path=there(change.path)) for change in self.done],
        )


async def session(
    seed: int, folder: Path, durability: str, *, acts: int = 12, lives: int = 3, cuts: int = 3
) -> list[Loss]:
    """Write, lose power, look, and go on with what is left; several times.

    Each life is looked at as if power had been lost at several moments; one of them is what the
    next life begins with. Some lives end with the death of the process alone.
    """
    rng = random.Random(seed)
    scribe = Scribe(rng)
    losses: list[Loss] = []
    machine = Machine(folder / "0", {}, [])
    machine.home.mkdir(mode=0o700)
    for life in range(lives):
        disk = Disk(f"disk-{seed}", waits=False)
        if machine.done:
            disk.go_on_from(machine.found, machine.done)
        await lived(machine.home, disk, durability, scribe, acts)
        for number in range(cuts):
            cut = rng.randint(len(machine.done), len(disk.done))
            left = folder / f"{life}-{number}"
            put(left_by_power_loss(disk.found, disk.done[:cut], rng), machine.home, left)
            survived = await examined(left / "journal.db", scribe)
            losses.append(Loss(survived=survived, promised=scribe.due(cut)))
            if durability == "power":
                assert survived >= scribe.due(cut), "what was promised is there"
        if rng.random() < 0.4:
            cut = rng.randint(len(machine.done), len(disk.done))
            home = folder / f"{life}-killed"
            machine = Machine(machine.home, disk.found, disk.done[:cut]).moved(home)
            copy = folder / f"{life}-copy"  # looking at it changes it
            shutil.copytree(machine.home, copy)
            survived = await examined(copy / "journal.db", scribe)
            assert survived >= scribe.due(cut), "a killed process loses nothing"
            scribe.go_on_after(survived, cut)
        else:
            machine = Machine(left, {}, [])
            scribe.go_on_after(survived, None)
    return losses


async def lived(home: Path, disk: Disk, durability: str, scribe: Scribe, acts: int) -> None:
    """Open the journal of `home`, write, and close it."""
    url = f"sqlite:{home}/journal.db"
    journal = await open_journal(url, durability=durability, vfs=disk.name)
    assert isinstance(journal, SqliteJournal)
    pages = scribe.rng.choice((3, 8, 30, 1000))  # small ones: checkpoints in the middle of it all
    await journal._lane.run(lambda connection: connection.wal_autocheckpoint(pages))
    scribe.begin(journal, disk)
    await scribe.write(acts)
    await journal.close()
    disk.unregister()
