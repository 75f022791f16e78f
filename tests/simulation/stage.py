"""What a history is played on: an exchange, a network, a machine, and one life of the client."""

import asyncio
import contextvars
import hashlib
import hmac
import itertools
import json
import random
import shutil
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import venuekit
from tests.simulation.fence import Fence, FencedLane, FencedTransport
from tests.simulation.history import SYMBOLS
from venuekit.client.exchange import Exchange
from venuekit.configuration import (
    AccountSettings,
    Configuration,
    Durability,
    ExchangeSettings,
    StoreSettings,
)
from venuekit.model import Order, VenuekitError
from venuekit.plugin import Request
from venuekit.plugin.discovery import Plugins
from venuekit.plugin.hooks import Hooks
from venuekit.plugin.hookspecs import hookimpl
from venuekit.sim.dialect import SimCredentials, SimRequest
from venuekit.sim.orders import Side
from venuekit.stores.database import open_database
from venuekit.stores.lane import InlineLane
from venuekit.stores.sqlite import SqliteJournal
from venuekit.testing.simulated import SimulatedExchange, SimulatedTransport
from venuekit_binance.sim.dialect import BinanceDialect
from venuekit_binance.sim.world import SymbolSpec, make_symbol

ACCOUNT: Final = "first"
RIVAL: Final = "rival"
FUNDS: Final[Mapping[str, Decimal]] = {
    "BTC": Decimal(1000),
    "ETH": Decimal(1000),
    "USDT": Decimal(10_000_000),
}
MID: Final = Decimal(30_000)
_CONFIGURATION: Final = Configuration(
    store=StoreSettings(url="simulated:journal", durability=Durability.PROCESS),
    exchanges={
        "binance": ExchangeSettings(
            environment="sim",
            accounts={
                "main": AccountSettings(
                    api_key="simulated:key", secret="simulated:secret", algorithm="hmac-sha256"
                )
            },
        )
    },
    source="the simulation",
)
_AGAIN_S: Final = 1.0
_LIFE: Final[contextvars.ContextVar["Life | None"]] = contextvars.ContextVar("life", default=None)


def market_of(symbol: str) -> str:
    """Give the exchange's name of an instrument."""
    return symbol.replace("/", "")


def listing(count: int) -> list[SymbolSpec]:
    """Give the first so many of the instruments, all at one price."""
    named = [symbol.split("/") for symbol in SYMBOLS[:count]]
    return [make_symbol(base, quote, "30000", "0.01", "0.00001") for base, quote in named]


class Backstage:
    """What all histories of one process share: plugins, hooks, an empty journal to copy."""

    def __init__(self, folder: Path) -> None:
        """Keep files in `folder`."""
        self.folder = folder
        self.plugins = Plugins()
        self.hooks = Hooks(modules={"simulation": self}, find=tuple)
        self.life: Life | None = None
        self.empty = folder / "empty.db"
        open_database(self.empty, synchronous="NORMAL").close()

    @hookimpl
    def venuekit_store_schemes(self) -> Mapping[str, Callable[[str], Any]]:
        """Offer the journal of the life that is beginning."""
        return {"simulated": lambda _: self._life().open_journal()}

    @hookimpl
    def venuekit_credential_sources(self) -> Mapping[str, Callable[[str], str]]:
        """Offer its key."""
        return {"simulated": lambda name: self._life().credential(name)}

    @hookimpl
    def venuekit_order_changed(self, order: Order) -> None:
        """Hear of every change of an order."""
        self._life().heard(order)

    def _life(self) -> "Life":
        assert self.life is not None
        return self.life


class Stranger:
    """Another program with a key of its own, or of ours. It speaks the exchange's protocol."""

    def __init__(self, exchange: SimulatedExchange, credentials: SimCredentials) -> None:
        """Sign with `credentials`."""
        self._exchange = exchange
        self._credentials = credentials

    def ask(self, method: str, path: str, **params: object) -> Any:
        """Send a signed request that nothing happens to, and give the answer."""
        exchange = self._exchange
        assert isinstance(exchange.dialect, BinanceDialect)
        now_ns = exchange.now_ns()
        params["timestamp"] = exchange.dialect.venue.clock_ns(now_ns) // 1_000_000
        query = urlencode(params)
        key = self._credentials.secret.encode()
        signature = hmac.new(key, query.encode(), hashlib.sha256).hexdigest()
        answer = exchange.dialect.handle(
            SimRequest(
                method=method,
                path=path,
                query_string=f"{query}&signature={signature}",
                headers={"X-MBX-APIKEY": self._credentials.api_key},
                peer="10.9.9.9",
            ),
            now_ns,
        )
        exchange.advance()
        return json.loads(answer.body)


class World:
    """Everything outside of the client: exchange, network, strangers, and the journal's file."""

    def __init__(self, seed: int, backstage: Backstage, symbols: int) -> None:
        """Begin; needs a running `VirtualLoop`."""
        self.seed = seed
        rng = random.Random(seed ^ 0x5EED)  # a simulation repeats itself
        self.backstage = backstage
        self.loop = asyncio.get_running_loop()
        self._tasks = itertools.count()
        self.loop.set_task_factory(self._task)
        self.loop.set_exception_handler(self._unheard)
        self.dialect = BinanceDialect(seed=seed, symbols=listing(symbols), is_quiet=True)
        self.markets = list(self.dialect.venue.symbols)
        self.key = self.dialect.create_account(ACCOUNT, FUNDS)
        rival = self.dialect.create_account(RIVAL, FUNDS)
        slowest_s = rng.choice((0.0, 0.004, 0.03, 0.03, 0.3))
        # Numbers without a fraction of a microsecond: they read well in a trace.
        self.exchange = SimulatedExchange(
            self.dialect,
            delays=(lambda: rng.randrange(round(slowest_s * 1e6) + 1) / 1e6)
            if slowest_s
            else lambda: 0.0,
        )
        self.rival = Stranger(self.exchange, rival)
        self.person = Stranger(self.exchange, self.key)
        self.path = backstage.folder / "journal.db"
        for beside in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + beside).unlink(missing_ok=True)
        shutil.copyfile(backstage.empty, self.path)
        self.path.chmod(0o600)
        self.is_online = True
        self.trace: list[str] = []
        self.unheard: list[str] = []

    def note(self, text: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self.loop.time():.6f} {text}")

    def fingerprint(self) -> str:
        """Give a hash of everything that happened."""
        return hashlib.blake2b("\n".join(self.trace).encode(), digest_size=12).hexdigest()

    def set_level(self, market: str, side: str, price: str, quantity: str) -> None:
        """Set what the outside world has at a price."""
        self.dialect.engine.set_level(
            market, Side(side), Decimal(price), Decimal(quantity), self.exchange.now_ns()
        )
        self.exchange.advance()

    def _task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> "asyncio.Task[Any]":
        """Make a task, and note whose it is."""
        task = _Numbered(next(self._tasks), coroutine, loop=loop, **options)
        context = options.get("context")
        life = _LIFE.get() if context is None else context.get(_LIFE)
        if life is not None:
            life.tasks.append(task)
        return task

    def _unheard(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.unheard.append(f"{context.get('message')}: {context.get('exception')!r}")


class _Numbered(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where in memory it lies.

    A `TaskGroup` keeps its tasks in a set, and cancels them in the order of that.
    """

    def __init__(self, number: int, coroutine: Any, **options: Any) -> None:
        self._number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number


class Life:
    """One run of the client's program, from its start to its end or death."""

    def __init__(self, world: World, number: int, witness: "Witness") -> None:
        """Begin to open the exchange.

        Args:
            world: Where it happens.
            number: Which life this is, from 0.
            witness: Told of every change of an order and of every request.
        """
        self.world = world
        self.number = number
        self.exchange: Exchange | None = None
        self.journal: SqliteJournal | None = None
        self.reader: SqliteJournal | None = None
        """The same journal, past the fence."""
        self.lane: FencedLane | None = None
        self.failure: BaseException | None = None
        self.tasks: list[asyncio.Task[Any]] = []
        self.has_died = world.loop.create_future()
        self.fence = Fence(self._died)
        self._witness = witness
        self._rng = random.Random(world.seed * 64 + number)  # a simulation repeats itself
        self._transport: SimulatedTransport | None = None
        self._opened = asyncio.Event()
        self._end = asyncio.Event()
        token = _LIFE.set(self)
        self._main = world.loop.create_task(self._live(), name="life")
        _LIFE.reset(token)
        world.note(f"life {number} begins")

    # For the player

    async def opened(self, timeout_s: float) -> Exchange | None:
        """Wait for the exchange to be open; None if it is not in time, or this life has ended.

        Raises:
            Exception: Opening raised what it should not.
        """
        if not self._opened.is_set():
            opening = self.world.loop.create_task(self._opened.wait(), name="command waits")
            await asyncio.wait(
                [opening, self._main], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            opening.cancel()
        if self._main.done() and not self._main.cancelled() and not self.fence.has_fallen:
            self._main.result()
        if self.fence.has_fallen or self._main.done():
            return None
        return self.exchange

    def start(self, coroutine: Any, name: str) -> "asyncio.Task[Any]":
        """Run something as a part of this program."""
        token = _LIFE.set(self)
        try:
            return self.world.loop.create_task(coroutine, name=name)
        finally:
            _LIFE.reset(token)

    @property
    def network(self) -> SimulatedTransport:
        """The machine's network."""
        if self._transport is None:
            self._transport = self.world.exchange.transport(peer="10.0.0.1")
            if not self.world.is_online:
                self._transport.go_offline()
        return self._transport

    async def end(self) -> list[str]:
        """End in order; give what is left running."""
        self._end.set()
        try:
            async with asyncio.timeout(60.0):
                await asyncio.wait([self._main])
        except TimeoutError:
            return [f"the handle did not close: {self._left()}"]
        if self._main.exception() is not None and not self.fence.has_fallen:
            return [f"closing raised {self._main.exception()!r}"]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        left = self._left()
        return [f"still running after the end: {left}"] if left else []

    async def kill(self) -> None:
        """Die: nothing gets out any more, and all that was running is thrown away."""
        self.fence.fall()
        self.world.note(f"life {self.number} is dead")
        for _ in range(1000):
            left = [task for task in self.tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.sleep(0)
        else:
            raise AssertionError(f"cannot be killed: {self._left()}")
        for task in self.tasks:
            if not task.cancelled():
                task.exception()  # whatever it says, it is dead
        await self.network.close()  # as the machine closes a dead program's connections
        if self.lane is not None:
            await self.lane.close()

    def _left(self) -> list[str]:
        return [repr(task) for task in self.tasks if not task.done()]

    # For the client

    async def open_journal(self) -> SqliteJournal:
        """Open the journal behind the fence."""
        if self.lane is not None:
            await self.lane.close()
        connection = open_database(self.world.path, synchronous="NORMAL")
        self.lane = FencedLane(connection, self.fence)
        self.journal = SqliteJournal(self.lane)
        self.reader = SqliteJournal(InlineLane(connection))
        return self.journal

    def credential(self, name: str) -> str:
        """Give the key's name or its secret."""
        key = self.world.key
        return key.api_key if name == "key" else key.secret

    def heard(self, order: Order) -> None:
        """Hear of a change of an order."""
        if not self.fence.has_fallen:
            self._witness.heard(self, order)

    # Inside

    async def _live(self) -> None:
        while True:
            self.world.backstage.life = self
            transport = FencedTransport(self.network, self.fence, self._sent)
            try:
                async with venuekit.open(
                    "binance",
                    environment="sim",
                    address="sim:1",
                    config=_CONFIGURATION,
                    clock=self.world.exchange.clock,
                    rng=self._rng,
                    transport=transport,
                    plugins=self.world.backstage.plugins,
                    hooks=self.world.backstage.hooks,
                ) as exchange:
                    self.exchange = exchange
                    self._opened.set()
                    self.world.note(f"life {self.number} is open")
                    await self._end.wait()
                    return
            except VenuekitError as error:
                self.world.note(f"life {self.number} could not open: {type(error).__name__}")
                self.failure = error
                self._transport = None  # it was closed
                if self._end.is_set():
                    return
            await asyncio.sleep(_AGAIN_S)

    def _died(self) -> None:
        if not self.has_died.done():
            self.has_died.set_result(None)

    def _sent(self, request: Request) -> None:
        self.world.note(f"send {request.method} {request.path}")
        self._witness.sent(self, request)


class Witness(Protocol):
    """Is told what a life does."""

    def heard(self, life: Life, order: Order) -> None:
        """Hear of a change of an order."""
        ...

    def sent(self, life: Life, request: Request) -> None:
        """See a request that is about to leave."""
        ...
