"""A day of streams in virtual time: connections break in every way, and nothing is missed unsaid.

A market prints trades and moves its book now and then; a program follows both. What it was told is
compared with the exchange's own books.
"""

import asyncio
import gc
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import attrs

import venuekit
from venuekit.client import Exchange
from venuekit.configuration import configuration_from_text
from venuekit.model import BookNotLive, Gap, StreamState, StreamStateChanged, Trade
from venuekit.sim.dialect import Dialect
from venuekit.sim.faults import Fault, FaultKind
from venuekit.sim.orders import Side
from venuekit.streams import LiveBook
from venuekit.testing.simulated import SimulatedExchange, SimulatedTransport
from venuekit.testing.virtual_time import run_virtually
from venuekit_binance.sim.dialect import BinanceDialect
from venuekit_coinbase.sim.dialect import CoinbaseDialect
from venuekit_kraken.sim.dialect import KrakenDialect

HOUR_S: Final = 3600.0
_LOSSES: Final = (FaultKind.CLOSE, FaultKind.SILENCE, FaultKind.SHUTDOWN)
_NOT_LIVE: Final = frozenset({StreamState.CONNECTING, StreamState.STALE, StreamState.RESYNCING})


@attrs.frozen
class Market:
    """Where trades are printed."""

    name: str
    symbol: str
    make: Callable[[int], Dialect]


MARKETS: Final = {
    "binance": Market("BTCUSDT", "BTC/USDT", lambda s: BinanceDialect(seed=s, is_quiet=True)),
    "kraken": Market("BTC/USD", "BTC/USD", lambda s: KrakenDialect(seed=s, is_quiet=True)),
    "coinbase": Market("BTC-USD", "BTC/USD", lambda s: CoinbaseDialect(seed=s, is_quiet=True)),
}


@attrs.define
class Day:
    """What a day came to."""

    exchange: str
    hours: float
    printed: int = 0
    told: int = 0
    twice: int = 0
    unreported: list[str] = attrs.field(factory=list)
    """Trades that were missed without a `Gap` where they are missing."""
    gaps: int = 0
    connections: int = 0
    looks: int = 0
    live_looks: int = 0
    longest_wrong_s: float = 0.0
    """For how long a book said that it was live and was not what the exchange had: a connection
    that broke without a word is found out by its silence, and not before."""
    bound_s: float = 0.0
    """The longest silence of a connection that the exchange's channels allow."""
    objects: list[int] = attrs.field(factory=list)
    """Of the client's own classes, with the loop's tasks, after each quarter. What the simulated
    exchange remembers of its trades is not counted."""

    def __str__(self) -> str:
        """Tell it in a line."""
        return (
            f"{self.exchange}, {self.hours:g} h: {self.printed} trades printed, {self.told} told, "
            f"{self.twice} twice, {len(self.unreported)} missed unsaid; {self.gaps} gaps, "
            f"{self.connections} connections; {self.looks} looks at the book, "
            f"{self.live_looks} live and right, wrong for {self.longest_wrong_s:.0f} s at most "
            f"(bound {self.bound_s:.0f} s); objects {self.objects}"
        )


def play(exchange: str, hours: float, *, seed: int = 1, every_s: float = 10.0) -> Day:
    """Play so many hours, with a trade every so often on average."""
    return run_virtually(_Day(exchange, hours, seed, every_s).whole())


class _Day:
    def __init__(self, exchange: str, hours: float, seed: int, every_s: float) -> None:
        self._exchange = exchange
        self._market = MARKETS[exchange]
        self._chance = random.Random(f"{exchange} {seed}")
        self._every_s = every_s
        self._day = Day(exchange, hours)
        self._seed = seed
        self._printed: list[str] = []
        self._wrong_since: float | None = None
        self._told: list[str | None] = []
        """Ids of trades in the order in which they came; None: a gap was reported."""

    async def whole(self) -> Day:
        """Play it."""
        self._loop = asyncio.get_running_loop()
        self._dialect: Any = self._market.make(self._seed)
        self._world = SimulatedExchange(
            self._dialect, delays=lambda: self._chance.uniform(0.001, 0.05)
        )
        transport = self._world.transport()
        async with self._world:
            self._move_book()
            async with venuekit.open(
                self._exchange,
                environment="sim",
                address="sim:1",
                config=configuration_from_text(""),
                clock=self._world.clock,
                rng=random.Random(self._seed),
                transport=transport,
            ) as ex:
                channels = ex._adapter.channels()  # type: ignore[attr-defined]  # it streams
                self._day.bound_s = max(channel.silence_s for channel in channels)
                await self._follow(ex, transport)
        self._judge()
        return self._day

    async def _follow(self, ex: Exchange, transport: SimulatedTransport) -> None:
        symbol = self._market.symbol
        trades = ex.trades(symbol, with_states=True)
        reader = asyncio.create_task(self._read(trades), name="reader")
        async with ex.book(symbol) as live:
            await live.ready()
            await self._caught_up()
            weather = asyncio.create_task(self._weather(transport), name="weather")
            await self._trade(live)
            weather.cancel()
            await asyncio.wait([weather])
            self._dialect.faults.clear()
            transport.go_online()
            # Whatever broke last is noticed and mended before the judge looks.
            await asyncio.sleep(600)
            await live.ready()
            self._look(live)
        reader.cancel()
        await asyncio.wait([reader])
        await trades.aclose()

    async def _caught_up(self) -> None:
        """Print until the first trade is told: what came before was nobody's to miss."""
        while not any(self._told):
            self._print()
            await asyncio.sleep(1)
        self._printed = [number for number in self._told if number is not None]

    # The market

    async def _trade(self, live: LiveBook) -> None:
        hours = self._day.hours
        quarter = 0
        end = self._loop.time() + hours * HOUR_S
        while (now := self._loop.time()) < end:
            await asyncio.sleep(self._chance.expovariate(1 / self._every_s))
            for _ in range(self._chance.choice((1, 1, 1, 3))):
                self._print()
            if self._chance.random() < 0.5:
                self._move_book()
            await asyncio.sleep(1.0)  # until it has arrived, if it does
            self._look(live)
            if now > end - hours * HOUR_S * (3 - quarter) / 4:
                quarter += 1
                gc.collect()
                self._day.objects.append(_ours())

    def _print(self) -> None:
        price = Decimal(30_000 + self._chance.randrange(100))
        trade = self._dialect.engine.print_trade(
            self._market.name, price, Decimal("0.01"), Side.BUY, self._world.now_ns()
        )
        self._printed.append(str(trade.trade_id))
        self._world.advance()

    def _move_book(self) -> None:
        chance = self._chance
        changes = [
            (side, Decimal(base) + chance.randrange(20), Decimal(chance.randrange(5)) / 10)
            for side, base in ((Side.BUY, 29_900), (Side.SELL, 30_200))
            for _ in range(6)
        ]
        self._dialect.engine.set_levels(self._market.name, changes, self._world.now_ns())
        self._world.advance()

    async def _weather(self, transport: SimulatedTransport) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / 1500))
            draw = self._chance.random()
            if draw < 0.3:
                transport.drop_sockets()
            elif draw < 0.5:
                transport.go_offline()
                await asyncio.sleep(self._chance.choice((1.0, 30.0, 300.0)))
                transport.go_online()
            elif draw < 0.6:
                self._dialect.faults.add(Fault(kind=FaultKind.REFUSE_CONNECTION, count=3))
                transport.drop_sockets()
            else:
                kind = self._chance.choice(_LOSSES)
                self._dialect.faults.add(Fault(kind=kind, delay_s=20.0))

    # The program

    async def _read(self, trades: Any) -> None:
        async for event in trades:
            if isinstance(event, Trade):
                self._told.append(event.trade_id)
            elif isinstance(event, Gap):
                self._told.append(None)
                self._day.gaps += 1
            elif isinstance(event, StreamStateChanged) and event.state is StreamState.LIVE:
                self._day.connections += 1

    def _look(self, live: LiveBook) -> None:
        day = self._day
        day.looks += 1
        now = self._loop.time()
        try:
            book = live.book.snapshot(5)
        except BookNotLive:
            assert live.state in _NOT_LIVE
            self._wrong_since = None
            return
        depth = self._dialect.engine.depth(self._market.name, 5)
        there = [
            tuple((quote.price, quote.quantity) for quote in side)
            for side in (depth.bids, depth.asks)
        ]
        if [book.bids, book.asks] == there:
            day.live_looks += 1
            self._wrong_since = None
            return
        if self._wrong_since is None:
            self._wrong_since = now
        day.longest_wrong_s = max(day.longest_wrong_s, now - self._wrong_since)

    # The judge

    def _judge(self) -> None:
        day = self._day
        day.printed = len(self._printed)
        told = [number for number in self._told if number is not None]
        day.told = len(set(told))
        day.twice = len(told) - len(set(told))
        places = {number: place for place, number in enumerate(self._printed)}
        last = 0
        is_said = False
        for number in self._told:
            if number is None:
                is_said = True
                continue
            place = places.get(number)
            if place is None:
                continue
            if place > last + 1 and not is_said:
                day.unreported += self._printed[last + 1 : place]
            last, is_said = max(last, place), False
        if last + 1 < len(self._printed) and not is_said:
            day.unreported += self._printed[last + 1 :]


def _ours() -> int:
    modules = (str(type(each).__module__) for each in gc.get_objects())
    mine = sum(name.startswith("venuekit") and ".sim" not in name for name in modules)
    return mine + len(asyncio.all_tasks())
