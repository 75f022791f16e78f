"""One history of fills: orders of ours are filled in many pieces while the private stream suffers.

Time is virtual, and one seed gives one history. The exchange's ledger of trades is compared with
what `async for` over the order events delivered, with the orders as they are known, and, at each
moment at which the account's stream says that it is live, with what is known by then.
"""

import asyncio
import random
import tempfile
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs

import venuekit
from tests.budgets.day import keep_key
from tests.fills.ledgers import FLOORS, Entry, Floor, lagging
from tests.weather.exchanges import ACCOUNT
from venuekit import limit_buy, limit_sell
from venuekit.client import Exchange
from venuekit.configuration import configuration_from_text
from venuekit.model import (
    OrderChange,
    OrderEvent,
    StreamState,
    StreamStateChanged,
    VenuekitError,
)
from venuekit.sim.faults import Fault, FaultKind
from venuekit.sim.orders import Side
from venuekit.testing.simulated import SimulatedExchange, SimulatedTransport
from venuekit.testing.virtual_time import run_virtually

_PIECE: Final = Decimal("0.0001")
_MIDDLE: Final = 30_050
_OPEN: Final = 6
"""Orders of ours that rest at once."""
_CALM_S: Final = 130.0
"""Two comparisons with the exchange: a live stream has nothing missing for longer in fine weather,
and what would come a second time has come."""
_MENDED_S: Final = 3600.0
"""After the weather, until all is known at the latest: narrow limits are used up by storms."""
_LATEST_S: Final = 6.0
"""The longest that a message is under way."""
_LAST_S: Final = 3 * 3600.0
"""No history goes on for longer."""
_IN_STREAMS: Final = (
    FaultKind.MESSAGE_DROP,
    FaultKind.MESSAGE_DUPLICATE,
    FaultKind.MESSAGE_REORDER,
    FaultKind.MESSAGE_DELAY,
)
_ON_THE_WAY: Final = (
    FaultKind.DROP_BEFORE,
    FaultKind.DROP_AFTER,
    FaultKind.HANG_AFTER,
    FaultKind.RESET_AFTER,
    FaultKind.DELAY_REQUEST,
    FaultKind.DELAY_ANSWER,
    FaultKind.ANSWER_BEFORE,
)
_QUIET_S: Final = 1200.0
"""Between trades on a day of few."""
_DAY_S: Final = 25 * 3600.0
"""Longer than any exchange lets a connection live."""


@attrs.define
class Report:
    """What came of a history."""

    exchange: str
    seed: int
    fills: int = 0
    """In the exchange's ledger."""
    orders: int = 0
    broken: list[str] = attrs.field(factory=list)
    """Empty if every promise was kept."""
    faults: Counter[str] = attrs.field(factory=Counter)
    by_stream: int = 0
    """Fills that the account's own stream told; the others were found by asking."""
    inferred: int = 0
    lives: int = 0
    """How often the stream was called live after a loss."""
    seconds: float = 0.0
    mended_s: float = 0.0
    """After the weather, until everything was known."""


def play(exchange: str, seed: int, fills: int = 2000) -> Report:
    """Play the history of a seed, with so many fills or a few more."""
    shared = Path("/dev/shm")  # a file system in memory, where there is one
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        history = _History(exchange, FLOORS[exchange], seed, fills, Path(folder))
        return run_virtually(history.whole())


class _History:
    def __init__(self, name: str, floor: Floor, seed: int, fills: int, folder: Path) -> None:
        self._floor = floor
        self._seed = seed
        self._wanted = fills
        self._folder = folder
        self._chance = random.Random(f"{name} {seed}")
        self._report = Report(name, seed)
        self._made = 0
        self._told: Counter[str] = Counter()
        self._streamed: Counter[str] = Counter()
        self._asked_ns: int | None = None
        self._lag_s = 0.0
        self._is_over = False
        self._is_quiet = False
        self._live_at: float | None = None
        self._rush_until = 0.0
        self._silence_s = 0.0
        self._blind: list[tuple[float, float]] = []
        """Spans, in seconds of the history, in which the account's stream said that it may miss."""
        self._blind_since: float | None = None

    async def whole(self) -> Report:
        """Play it, and say what came of it."""
        chance, floor = self._chance, self._floor
        self._loop = asyncio.get_running_loop()
        self._dialect: Any = floor.make(self._seed)
        keep_key(str(self._folder), self._dialect.credentials(ACCOUNT))
        self._lag_s = chance.choice((0.0, 0.0, 0.5, 5.0))
        if self._lag_s:
            lagging(floor, self._dialect, self._lag_s)
            self._report.faults["queries show trades late"] += 1
        slowest_s = chance.choice((0.0, 0.03, 0.3))
        self._world = SimulatedExchange(self._dialect, delays=lambda: chance.uniform(0, slowest_s))
        transport = self._world.transport()
        async with self._world:
            self._begin()
            try:
                async with asyncio.timeout(2 * _LAST_S + _DAY_S), self._opened(transport) as ex:
                    await self._live(ex, transport)
            except TimeoutError:
                self._broken("it does not come to an end")
            except VenuekitError as error:
                self._broken(f"in fine weather: {error!r}")
        self._report.seconds = self._loop.time()
        return self._report

    def _broken(self, text: str) -> None:
        self._report.broken.append(text)

    def _begin(self) -> None:
        """Let the market have a price."""
        engine, now_ns = self._dialect.engine, self._world.now_ns()
        engine.print_trade(self._floor.market, Decimal(_MIDDLE), Decimal("0.01"), Side.BUY, now_ns)
        self._world.advance()

    def _opened(self, transport: SimulatedTransport) -> venuekit.client.Opening:
        text = f"""
[store]
url = "sqlite:{self._folder}/journal.db"
durability = "process"
[exchanges.{self._floor.id}]
{self._floor.settings}
[exchanges.{self._floor.id}.accounts.main]
api_key = "file:{self._folder}/key-0"
secret = "file:{self._folder}/secret-0"
{self._floor.account}
"""
        return venuekit.open(
            self._floor.id,
            environment="sim",
            address="sim:1",
            config=configuration_from_text(text),
            clock=self._world.clock,
            rng=random.Random(self._seed),
            transport=transport,
        )

    async def _live(self, ex: Exchange, transport: SimulatedTransport) -> None:
        channels = ex._adapter.channels()  # type: ignore[attr-defined]  # it streams
        self._silence_s = max(channel.silence_s for channel in channels)
        ex.on_stream_event(lambda event: self._heard(ex, event))
        async with (
            await ex.order_events("judge", from_start=True) as events,
            await ex.account_events() as account,
        ):
            readers = [
                asyncio.create_task(self._read(events), name="reader"),
                asyncio.create_task(self._read_account(account), name="account reader"),
            ]
            placer = asyncio.create_task(self._place(ex), name="placer")
            await asyncio.sleep(2.0)  # nothing has gone wrong before the first orders rest
            weather = asyncio.create_task(self._weather(ex, transport), name="weather")
            await self._fill()
            self._is_over = True
            for task in (placer, weather):
                task.cancel()
                await asyncio.wait([task])
            self._dialect.faults.clear()
            transport.go_online()
            await self._mended(ex)
            await asyncio.sleep(_CALM_S)
            self._judge(ex)
            for task in readers:
                task.cancel()
            await asyncio.wait(readers)
            for task in (*readers, placer, weather):
                if not task.cancelled() and task.exception() is not None:
                    self._broken(f"{task.get_name()}: {task.exception()!r}")

    # The market

    def _quote(self, side: Side) -> Any:
        engine = self._dialect.engine
        best = engine.best_bid if side is Side.BUY else engine.best_ask
        return best(self._floor.market)

    async def _fill(self) -> None:
        """Trade with what rests of ours, a burst of pieces at a time, whatever the weather."""
        chance = self._chance
        end = self._loop.time() + _LAST_S
        while self._made < self._wanted and self._loop.time() < end:
            if self._is_quiet:
                await asyncio.sleep(_QUIET_S)
                end += _QUIET_S
            # Each moment at which one connection takes over from another shall have its fills.
            is_rushing = self._loop.time() < self._rush_until
            pause_s = 0.3 if is_rushing else chance.choice((0.2, 5.0, 15.0))
            await asyncio.sleep(chance.expovariate(1 / pause_s))
            side = chance.choice((Side.BUY, Side.SELL))
            quote = self._quote(side)
            if quote is None:
                continue
            most = int(quote.quantity / _PIECE)
            pieces = min(chance.choice((1, 2) if is_rushing else (1, 2, 10, 40)), most)
            other = Side.SELL if side is Side.BUY else Side.BUY
            self._dialect.engine.set_levels(
                self._floor.market,
                [(other, quote.price, _PIECE)] * pieces,
                self._world.now_ns(),
            )
            self._made += pieces
            self._world.advance()

    async def _weather(self, ex: Exchange, transport: SimulatedTransport) -> None:
        chance, faults = self._chance, self._dialect.faults
        self._blow()
        while True:
            await asyncio.sleep(chance.expovariate(1 / 60))
            draw = chance.random()
            if draw < 0.2:
                self._count("sockets dropped")
                transport.drop_sockets()
            elif draw < 0.45:
                self._count("offline")
                transport.go_offline()
                await asyncio.sleep(chance.choice((0.2, 5.0, 90.0)))
                transport.go_online()
            elif draw < 0.55:
                faults.add(Fault(kind=FaultKind.REFUSE_CONNECTION, count=chance.choice((1, 6))))
                transport.drop_sockets()
            elif draw < 0.6:
                self._count("sockets dropped ten times in a minute")
                for _ in range(10):
                    transport.drop_sockets()
                    await asyncio.sleep(chance.uniform(0, 12))
            elif draw < 0.65:
                faults.add(Fault(kind=FaultKind.EXPIRED_TOKEN, method="WS", count=2))
                transport.drop_sockets()
            elif draw < 0.72:
                faults.add(Fault(kind=FaultKind.SHUTDOWN, delay_s=chance.choice((0.0, 1.0, 30.0))))
                self._rush_until = self._loop.time() + 20
            elif draw < 0.8:
                self._count("rotations")
                _age(ex)
                self._rush_until = self._loop.time() + 20
            elif draw < 0.9:
                faults.add(Fault(kind=FaultKind.SILENCE))
            elif draw < 0.97:
                faults.add(Fault(kind=FaultKind.CLOSE, code=chance.choice((1000, 1006, 1012))))
            elif self._seed % 10 == 0 and not self._report.faults["a day of few trades"]:
                # Connections reach their greatest age.
                self._count("a day of few trades")
                self._is_quiet = True
                await asyncio.sleep(_DAY_S)
                self._is_quiet = False

    def _count(self, what: str) -> None:
        self._report.faults[what] += 1

    def _blow(self) -> None:
        chance, faults = self._chance, self._dialect.faults
        for kind in chance.sample(_IN_STREAMS, chance.randrange(0, 4)):
            faults.add(
                Fault(
                    kind=kind,
                    probability=chance.choice((0.002, 0.02, 0.1)),
                    count=None,
                    delay_s=chance.uniform(0.05, 5.0),
                )
            )
        for kind in chance.sample(_ON_THE_WAY, chance.randrange(0, 4)):
            for method, path in (*self._floor.writes, *self._floor.reads):
                faults.add(
                    Fault(
                        kind=kind,
                        method=method,
                        path=path,
                        probability=chance.uniform(0.02, 0.2),
                        count=None,
                        delay_s=chance.choice((0.5, 3.0, 11.0)),
                        status=chance.choice((500, 502, 503)),
                        body="<html>Bad Gateway</html>",
                    )
                )
        if chance.random() < 0.3:
            hidden_ms = chance.randrange(500, 4000)
            faults.add(Fault(kind=FaultKind.MEMORY_LAG, value=hidden_ms))
            self._count("queries do not find what is new")
            # Nobody can know what the exchange itself does not show yet.
            self._lag_s = max(self._lag_s, hidden_ms / 1000)

    # The program

    async def _place(self, ex: Exchange) -> None:
        """Keep some orders of many sizes at rest."""
        async with asyncio.TaskGroup() as commands:
            while not self._is_over:
                if self._resting() < _OPEN:
                    commands.create_task(self._place_one(ex))
                await asyncio.sleep(self._chance.uniform(0.1, 2.0))

    def _resting(self) -> int:
        depth = self._dialect.engine.depth(self._floor.market)
        return len(depth.bids) + len(depth.asks)

    async def _place_one(self, ex: Exchange) -> None:
        chance = self._chance
        quantity = _PIECE * chance.choice((10, 30, 100))
        off = chance.randrange(5, 40)
        make, price = (
            (limit_buy, _MIDDLE - off) if chance.random() < 0.5 else (limit_sell, _MIDDLE + off)
        )
        # What became of it is the judge's business.
        with suppress(VenuekitError):
            await ex.place(make(self._floor.symbol, quantity, Decimal(price)))

    async def _read(self, events: Any) -> None:
        async for event in events:
            if event.fill is not None:
                if event.fill.is_inferred:
                    self._report.inferred += 1
                else:
                    self._told[event.fill.trade_id] += 1
            if self._chance.random() < 0.01:
                await asyncio.sleep(self._chance.choice((0.0, 1.0, 30.0)))

    async def _read_account(self, account: Any) -> None:
        async for event in account:
            fill = event.fill if isinstance(event, (OrderEvent, OrderChange)) else None
            if fill is not None:
                self._streamed[fill.trade_id] += 1

    # The judge

    async def _mended(self, ex: Exchange) -> None:
        """Wait until all that happened is known; a stream that is live may not lack it long."""
        began = self._loop.time()
        ids = {entry.trade_id for entry in self._floor.ledger(self._dialect)}
        while not ids <= set(self._told) and self._loop.time() < began + _MENDED_S:
            await asyncio.sleep(5.0)
            live_s = self._loop.time() - max(began, self._live_at or self._loop.time())
            lacking = ids - _known(ex)
            if lacking and live_s > _CALM_S:
                self._broken(f"live for {live_s:.0f} s in fine weather without {len(lacking)}")
                return
        self._report.mended_s = self._loop.time() - began

    def _heard(self, ex: Exchange, event: object) -> None:
        if not isinstance(event, StreamStateChanged) or "account" not in event.stream:
            return
        self._live_at = self._loop.time() if event.state is StreamState.LIVE else None
        self._note_blindness(event.state)
        if event.state is StreamState.RESYNCING:
            if self._asked_ns is None:
                self._asked_ns = self._world.now_ns()
        elif event.state is StreamState.LIVE:
            since_ns, self._asked_ns = self._asked_ns, None
            if since_ns is not None:
                self._report.lives += 1
                self._check_live(ex, since_ns - round(self._lag_s * 1e9))
        else:
            self._asked_ns = None

    def _note_blindness(self, state: StreamState) -> None:
        now = self._loop.time()
        if state is not StreamState.LIVE:
            if self._blind_since is None:
                # What broke without a word is found out by its silence; a message may be late too.
                self._blind_since = now - self._silence_s - _LATEST_S
        elif self._blind_since is not None:
            self._blind.append((self._blind_since, now + _LATEST_S))
            self._blind_since = None

    def _check_live(self, ex: Exchange, until_ns: int) -> None:
        """What happened before the stream was joined again is known once it is called live."""
        known = _known(ex)
        missing = [
            entry
            for entry in self._floor.ledger(self._dialect)
            if entry.at_ns < until_ns and entry.trade_id not in known
        ]
        if missing:
            self._broken(
                f"at {self._loop.time():.3f} s called live without {len(missing)} trades, "
                f"the first of {missing[0].name} {(until_ns - missing[0].at_ns) / 1e9:.3f} s before"
            )

    def _judge(self, ex: Exchange) -> None:
        report = self._report
        ledger = self._floor.ledger(self._dialect)
        report.fills = len(ledger)
        ids = {entry.trade_id for entry in ledger}
        report.orders = len({entry.name for entry in ledger})
        report.by_stream = len(ids & set(self._streamed))
        for fired in self._dialect.faults.fired:
            report.faults[fired.fault.kind.value] += 1
        missed = ids - set(self._told)
        again = [number for number, count in self._streamed.items() if count > 1]
        # What the exchange itself sends twice comes twice there; the order events tell it once.
        if again and not report.faults[FaultKind.MESSAGE_DUPLICATE.value]:
            self._broken(f"{len(again)} fills came twice over the account's stream: {min(again)}")
        twice = [number for number, count in self._told.items() if count > 1]
        if missed:
            self._broken(f"{len(missed)} of {len(ids)} fills were never delivered: {min(missed)}")
        if twice:
            self._broken(f"{len(twice)} fills were delivered twice: {min(twice)}")
        if strange := set(self._told) - ids:
            self._broken(f"{len(strange)} fills were delivered that never were: {min(strange)}")
        # Where messages have no numbers, a lost one is missed without a word, and found by asking.
        if self._floor.tells_trades and not report.faults[FaultKind.MESSAGE_DROP.value]:
            self._check_said(ledger)
        self._compare(ex, ledger)

    def _check_said(self, ledger: list[Entry]) -> None:
        """Whatever the account's stream did not tell, it said that it may have missed."""
        begun_ns = self._world.now_ns() - round(self._loop.time() * 1e9)
        unsaid = [
            entry
            for entry in ledger
            if entry.trade_id not in self._streamed
            and not any(
                since <= (entry.at_ns - begun_ns) / 1e9 <= until for since, until in self._blind
            )
        ]
        if unsaid:
            at_s = (unsaid[0].at_ns - begun_ns) / 1e9
            self._broken(
                f"{len(unsaid)} fills were missed by the account's stream without a word, the "
                f"first at {at_s:.3f} s"
            )

    def _compare(self, ex: Exchange, ledger: list[Entry]) -> None:
        """Compare each order, its trades and their fees."""
        by_name: dict[str, list[Entry]] = {}
        for entry in ledger:
            by_name.setdefault(entry.name, []).append(entry)
        known = {str(order.client_order_id): order for order in ex.orders(open_only=False)}
        for name, entries in by_name.items():
            order = known.get(name)
            if order is None:
                self._broken(f"{name} is not known")
                continue
            if order.filled != sum(entry.quantity for entry in entries):
                self._broken(f"{name} has {order.filled} here")
            there = {(e.trade_id, e.quantity, e.price, e.fee) for e in entries}
            here = {
                (f.trade_id, f.quantity, f.price, f.fee.amount if f.fee else None)
                for f in order.fills
            }
            if here != there:
                odd = sorted(map(str, here ^ there))[:2]
                self._broken(f"the trades of {name} differ: {odd}")


def _known(ex: Exchange) -> set[str]:
    return {fill.trade_id for order in ex.orders(open_only=False) for fill in order.fills}


def _age(ex: Exchange) -> None:
    """Let all connections reach their greatest age."""
    hub = ex._hub
    assert hub is not None
    for connection in hub._connections:
        for session in connection._sessions:
            session._make_due()
