"""One history: a program that trades while everything goes wrong, dies, and is started again.

Time is virtual, and one seed gives one history.
"""

import asyncio
import hashlib
import logging
import random
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs

import venuekit
from tests.budgets.day import keep_key
from tests.simulation.fence import Fence, FencedTransport
from tests.weather.exchanges import ACCOUNT, VENUES, Kept, Venue
from venuekit import limit_buy, limit_sell, market_buy
from venuekit.client import Exchange
from venuekit.configuration import configuration_from_text
from venuekit.model import (
    Fill,
    NotSent,
    Order,
    OrderPhase,
    OrderRequest,
    OutcomeUnknown,
    Rejected,
    VenuekitError,
)
from venuekit.orders import Batch
from venuekit.plugin import Amend, Request
from venuekit.sim.faults import Fault, FaultKind
from venuekit.stores import Scope
from venuekit.stores.database import open_database
from venuekit.stores.lane import InlineLane
from venuekit.stores.sqlite import SqliteJournal
from venuekit.testing.simulated import SimulatedExchange, SimulatedTransport
from venuekit.testing.virtual_time import run_virtually

NO_EFFECT: Final = frozenset({OrderPhase.REJECTED, OrderPhase.DENIED, OrderPhase.NEVER_PLACED})
ORDERS: Final = 24
"""Commands that a program gives in one history."""
STORM_S: Final = 90.0
PATIENCE_S: Final = 240.0
"""The longest that anything may take once the weather is fine."""
_ON_THE_WAY: Final = (
    FaultKind.DROP_BEFORE,
    FaultKind.DROP_AFTER,
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
    FaultKind.HANG_BEFORE,
    FaultKind.HANG_AFTER,
    FaultKind.DELAY_REQUEST,
    FaultKind.DELAY_ANSWER,
    FaultKind.ANSWER_BEFORE,
    FaultKind.ANSWER_AFTER,
)
_IN_STREAMS: Final = (
    FaultKind.MESSAGE_DROP,
    FaultKind.MESSAGE_DUPLICATE,
    FaultKind.MESSAGE_REORDER,
    FaultKind.MESSAGE_DELAY,
    FaultKind.SILENCE,
    FaultKind.CLOSE,
)


class Broken(Exception):
    """A promise that was not kept."""


@attrs.frozen(kw_only=True)
class Report:
    """What came of a history."""

    venue: str
    seed: int
    broken: str
    """Empty if every promise was kept."""
    orders: int
    """Of ours, in the exchange's books."""
    lives: int
    faults: int
    seconds: float
    fingerprint: str
    trace: Sequence[str]


def play(venue: str, seed: int) -> Report:
    """Play the history of a seed."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        keeper = _Keeper()
        logger = logging.getLogger("venuekit")
        logger.addHandler(keeper)
        was, logger.propagate = logger.propagate, False
        try:
            storm = _Storm(VENUES[venue], venue, seed, Path(folder), keeper)
            return run_virtually(storm.whole())
        finally:
            logger.removeHandler(keeper)
            logger.propagate = was


def _memory() -> Path | None:
    shared = Path("/dev/shm")  # a file system in memory, where there is one
    return shared if shared.is_dir() else None


class _Keeper(logging.Handler):
    """Keeps what is logged: errors that nobody expects, and secrets that stand nowhere."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.errors: list[str] = []
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.getMessage()} {record.__dict__}")
        if record.exc_info and record.exc_info[1] is not None:
            self.errors.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


class _Storm:
    """The weather, the program in it, and the judge."""

    def __init__(self, venue: Venue, name: str, seed: int, folder: Path, keeper: _Keeper) -> None:
        self._venue = venue
        self._name = name
        self._seed = seed
        self._chance = random.Random(f"{name} {seed}")
        self._folder = folder
        self._keeper = keeper
        self._trace: list[str] = []
        self._claims: list[tuple[str, bool, str]] = []
        self._numbers = 0
        self._lives = 0
        self._fence: Fence | None = None

    async def whole(self) -> Report:
        """Play it, and say what came of it."""
        self._loop = asyncio.get_running_loop()
        self._dialect: Any = self._venue.make(self._seed)
        self._key = self._dialect.credentials(ACCOUNT)
        keep_key(str(self._folder), self._key)
        slowest_s = self._chance.choice((0.0, 0.03, 0.3))
        self._world = SimulatedExchange(
            self._dialect, delays=lambda: self._chance.uniform(0, slowest_s)
        )
        broken = ""
        async with self._world:
            try:
                async with asyncio.timeout(STORM_S + 4 * PATIENCE_S):
                    await self._all()
            except Broken as error:
                broken = str(error)
            except TimeoutError:
                broken = "it does not come to an end"
            except VenuekitError as error:
                broken = f"in fine weather: {error}"
            kept = self._venue.kept(self._dialect)
        return Report(
            venue=self._name,
            seed=self._seed,
            broken=broken,
            orders=len(kept),
            lives=self._lives,
            faults=len(self._dialect.faults.fired),
            seconds=self._loop.time(),
            fingerprint=hashlib.blake2b("\n".join(self._trace).encode(), digest_size=8).hexdigest(),
            trace=self._trace,
        )

    def _note(self, text: str) -> None:
        self._trace.append(f"{self._loop.time():.3f} {text}")

    # The weather

    def _blow(self) -> None:
        chance, faults = self._chance, self._dialect.faults
        for kind in chance.sample(_ON_THE_WAY, chance.randrange(1, 6)):
            for method, path in self._venue.writes:
                faults.add(self._on_the_way(kind, method, path, chance.uniform(0.02, 0.25)))
            if chance.random() < 0.5:
                for method, path in self._venue.reads:
                    faults.add(self._on_the_way(kind, method, path, chance.uniform(0.02, 0.2)))
        for kind in chance.sample(_IN_STREAMS, chance.randrange(0, 4)):
            faults.add(
                Fault(
                    kind=kind,
                    topic="*",
                    probability=chance.uniform(0.001, 0.03),
                    count=None,
                    delay_s=chance.uniform(0.1, 5.0),
                )
            )
        if chance.random() < 0.3:
            faults.add(Fault(kind=FaultKind.MEMORY_LAG, value=chance.randrange(500, 4000)))

    def _on_the_way(self, kind: FaultKind, method: str, path: str, probability: float) -> Fault:
        return Fault(
            kind=kind,
            method=method,
            path=path,
            probability=probability,
            count=None,
            delay_s=self._chance.choice((0.05, 0.5, 3.0, 11.0)),
            status=self._chance.choice((500, 502, 503)),
            body=self._chance.choice(("<html>Bad Gateway</html>", "", '{"half":')),
        )

    # The program

    async def _all(self) -> None:
        ends_at = self._loop.time() + STORM_S
        self._blow()
        while self._loop.time() < ends_at:
            is_last = self._chance.random() < 0.5
            left_s = ends_at - self._loop.time()
            await self._live(left_s if is_last else self._chance.uniform(0.2, 1.0) * left_s)
            await asyncio.sleep(self._chance.choice((0.0, 0.5, 5.0)))
        self._dialect.faults.clear()
        self._note("fine weather")
        await self._afterwards()

    async def _live(self, seconds: float) -> None:
        """Run the program for so long, then kill it or end it in order."""
        self._lives += 1
        self._note(f"life {self._lives} begins")
        transport = self._world.transport(peer="10.0.0.1")
        fence = self._fence = Fence(lambda: None)
        life = asyncio.create_task(self._program(transport, fence), name=f"life {self._lives}")
        weather = asyncio.create_task(self._network(transport), name="network")
        done, _ = await asyncio.wait([life], timeout=seconds)
        weather.cancel()
        await asyncio.wait([weather])
        if not done:
            if self._chance.random() < 0.6:
                self._note("killed")
                fence.fall()
                await self._buried(life)
            else:
                self._note("stopped")
                life.cancel()
                await asyncio.wait([life])
        if not life.cancelled():
            life.result()
        await transport.close()

    async def _buried(self, life: "asyncio.Task[None]") -> None:
        """Throw away all that was running: what a dead program would still do never ends."""
        while not life.done():
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task() and "carrier" not in task.get_name():
                    task.cancel()
            await asyncio.sleep(0)

    async def _network(self, transport: SimulatedTransport) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / 40))
            if self._chance.random() < 0.5:
                self._note("sockets drop")
                transport.drop_sockets()
                continue
            self._note("offline")
            transport.go_offline()
            await asyncio.sleep(self._chance.choice((0.2, 3.0, 20.0)))
            transport.go_online()

    async def _program(self, transport: SimulatedTransport, fence: Fence) -> None:
        while True:
            try:
                async with self._opened(transport, fence) as ex:
                    await self._trade(ex)
                    return
            except VenuekitError as error:
                self._note(f"could not open: {type(error).__name__}")
            # A handle that could not be opened has closed its transport.
            transport = self._world.transport(peer="10.0.0.1")
            await asyncio.sleep(1.0)

    def _opened(self, transport: SimulatedTransport, fence: Fence) -> venuekit.client.Opening:
        text = f"""
[store]
url = "sqlite:{self._folder}/journal.db"
durability = "process"
[exchanges.{self._venue.id}]
{self._venue.settings}
[exchanges.{self._venue.id}.accounts.main]
api_key = "file:{self._folder}/key-0"
secret = "file:{self._folder}/secret-0"
{self._venue.account}
"""
        return venuekit.open(
            self._venue.id,
            environment="sim",
            address="sim:1",
            config=configuration_from_text(text),
            clock=self._world.clock,
            rng=random.Random(f"{self._seed} {self._lives}"),
            transport=FencedTransport(transport, fence, self._sent),
        )

    def _sent(self, request: Request) -> None:
        self._note(f"send {request.method} {request.path}")

    async def _trade(self, ex: Exchange) -> None:
        price = None
        while price is None:
            with suppress(VenuekitError):
                price = (await ex.fetch_ticker(self._venue.symbol)).last
            await asyncio.sleep(0.1)
        async with asyncio.TaskGroup() as commands:
            for _ in range(ORDERS):
                await asyncio.sleep(self._chance.expovariate(ORDERS / STORM_S))
                commands.create_task(self._command(ex, price))

    async def _command(self, ex: Exchange, price: Decimal) -> None:
        draw = self._chance.random()
        if draw < 0.55:
            await self._place(ex, self._request(price))
        elif draw < 0.65:
            await self._place_many(ex, [self._request(price) for _ in range(3)])
        elif draw < 0.95:
            await self._change(ex, draw)
        else:
            await self._told("cancel everything", ex.cancel_everything())

    async def _change(self, ex: Exchange, draw: float) -> None:
        known = ex.orders()
        if not known:
            return
        order = self._chance.choice(known)
        if draw < 0.75:
            await self._told("cancel", ex.cancel(order))
        elif draw < 0.85 and len(known) > 2:
            await self._told("cancel many", ex.cancel_many(self._chance.sample(known, 3)))
        elif isinstance(ex._adapter, Amend) and order.quantity is not None:
            less = (order.quantity - Decimal("0.00001")).max(order.filled + Decimal("0.0001"))
            await self._told("amend", ex.amend(order, quantity=less))

    def _request(self, price: Decimal) -> OrderRequest:
        """Draw an order; its quantity tells it from all others."""
        self._numbers += 1
        quantity = Decimal("0.002") + self._numbers * Decimal("0.0001")
        off = Decimal(self._chance.choice(("0.5", "0.9", "0.998", "1.0", "1.002")))
        limit = (price * off).quantize(Decimal("0.1"))
        symbol = self._venue.symbol
        draw = self._chance.random()
        if draw < 0.6:
            return limit_buy(symbol, quantity, limit)
        if draw < 0.8:
            return limit_sell(symbol, quantity, (price * (2 - off)).quantize(Decimal("0.1")))
        return market_buy(symbol, quantity)

    async def _place(self, ex: Exchange, request: OrderRequest) -> None:
        told = await self._told(f"place {request.quantity}", ex.place(request))
        self._claim(told)

    async def _place_many(self, ex: Exchange, requests: list[OrderRequest]) -> None:
        told = await self._told("place many", ex.place_many(requests))
        if isinstance(told, Batch):
            for leg in told.legs:
                self._claim(leg.order if leg.order is not None else leg.error)

    def _claim(self, told: object) -> None:
        """Remember what the program was told of an order: that it exists, or that it never will."""
        if isinstance(told, Order) and told.phase not in NO_EFFECT:
            self._claims.append((str(told.client_order_id), True, told.phase.value))
        elif isinstance(told, (NotSent, Rejected)) and told.client_order_id is not None:
            self._claims.append((told.client_order_id, False, type(told).__name__))

    async def _told(self, what: str, asked: Awaitable[Any]) -> Any:
        try:
            told = await asked
        except VenuekitError as error:
            self._note(f"{what}: {type(error).__name__}")
            return error
        except Exception as error:
            raise Broken(f"{what} raised {error!r}") from error
        if self._fence is not None and self._fence.has_fallen:
            return None
        self._note(f"{what}: done")
        return told

    # The judge

    async def _afterwards(self) -> None:
        self._lives += 1
        transport = self._world.transport(peer="10.0.0.1")
        fence = Fence(lambda: None)
        async with asyncio.timeout(PATIENCE_S), self._opened(transport, fence) as ex:
            await self._compared(ex)
            for order in ex.orders():
                with suppress(VenuekitError):
                    await ex.cancel(order)
            await self._compared(ex)
            second = await ex.reconcile()
            if not second.is_clean:
                differences = "; ".join(map(str, second.differences))
                raise Broken(f"a second comparison finds: {differences}")
        await transport.close()
        self._compare(await self._journalled())
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if strays := [task.get_name() for task in left if "carrier" not in task.get_name()]:
            raise Broken(f"still running: {strays}")
        self._check_log()

    async def _journalled(self) -> Sequence[Order]:
        lane = InlineLane(open_database(self._folder / "journal.db", synchronous="NORMAL"))
        try:
            scope = Scope(self._venue.id, "main", "sim")
            return await SqliteJournal(lane).orders(scope, limit=10_000)
        finally:
            await lane.close()

    async def _compared(self, ex: Exchange) -> None:
        """Compare until it succeeds, and no order's fate is unknown any more."""
        while True:
            # A search that goes by limits may take longer than one comparison waits.
            with suppress(OutcomeUnknown):
                await ex.reconcile()
                break
        unsure = {OrderPhase.UNKNOWN, OrderPhase.SUBMITTING, OrderPhase.PREPARED}
        while any(order.phase in unsure for order in ex.orders()):  # noqa: ASYNC110  # as applications do
            await asyncio.sleep(1.0)

    def _compare(self, here: Sequence[Order]) -> None:
        there = self._venue.kept(self._dialect)
        twice = [name for name, count in Counter(each.name for each in there).items() if count > 1]
        if twice:
            raise Broken(f"one intent, two orders: {twice}")
        asked = Counter(each.asked for each in there)
        if again := [str(quantity) for quantity, count in asked.items() if quantity and count > 1]:
            raise Broken(f"one intent, two orders: of the quantities {again}")
        known = {str(order.client_order_id): order for order in here}
        for each in there:
            order = known.pop(each.name, None)
            if order is None:
                raise Broken(f"{each.name} is at the exchange and not in the journal")
            self._compare_one(order, each)
        for name, order in known.items():
            if order.phase not in NO_EFFECT:
                raise Broken(f"{name} is {order.phase.value} here, and the exchange has none")
        names = {each.name for each in there}
        for name, exists, told in self._claims:
            if (name in names) is not exists:
                raise Broken(f"of {name} was told {told}, and it is there: {name in names}")

    def _compare_one(self, order: Order, each: Kept) -> None:
        is_open = order.phase in {OrderPhase.OPEN, OrderPhase.PENDING, OrderPhase.PARTIALLY_FILLED}
        phase = OrderPhase.OPEN if is_open else order.phase
        if (phase, order.filled) != (each.phase, each.filled):
            raise Broken(
                f"{each.name} is {order.phase.value} with {order.filled} here, "
                f"{each.phase.value} with {each.filled} there"
            )
        if _trades(order.fills) != each.trades:
            raise Broken(f"{each.name} has trades {_trades(order.fills)} here, {each.trades} there")

    def _check_log(self) -> None:
        if self._keeper.errors:
            raise Broken(f"logged: {self._keeper.errors[0]}")
        secret = self._key.secret
        if any(secret in text for text in self._keeper.texts):
            raise Broken("the log has the secret")


def _trades(fills: Sequence[Fill]) -> frozenset[str]:
    return frozenset(fill.trade_id for fill in fills)


Named = Callable[[str], Venue]
