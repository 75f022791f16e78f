"""A frame that cannot be read is a loss that is said, mended, and nobody else's."""

import asyncio
import random
from decimal import Decimal
from typing import Any, Final

import pytest

import venuekit
from tests.fuzz.interposed import Interposed
from tests.fuzz.targets import as_frame
from tests.stream_days.playing import MARKETS, Market
from venuekit.configuration import configuration_from_text
from venuekit.model import BookNotLive, Gap, StreamState, StreamStateChanged, Trade
from venuekit.plugin import Stream
from venuekit.sim.orders import Side
from venuekit.streams import LiveBook
from venuekit.testing.simulated import SimulatedExchange

UNREADABLE: Final = {
    "half of one": b'{"stream":"btcusdt@depth@100ms","channel":"book","type":"up',
    "no text": b"\xff\xfe{}",
    "too deep": b"[" * 50_000,
    "deep and closed": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "not a number": b'{"channel":NaN,"type":NaN,"stream":NaN}',
    "a number without end": b'{"channel":1e999999999,"type":1e999999999,"stream":1e999999999}',
    "control characters": b'{"channel":"\x00\x1b[31m","type":"\x00"}',
    "a list": b"[1,2,3]",
}


class Watched:
    """One exchange in virtual time: a market that moves, a book and trades that are followed."""

    def __init__(self, exchange: str, market: Market) -> None:
        self._exchange = exchange
        self._market = market
        self._chance = random.Random(7)
        self.dialect: Any = market.make(7)
        self.world = SimulatedExchange(self.dialect, delays=lambda: 0.01)
        self.inner = self.world.transport()
        self.transport = Interposed(self.inner)
        self.printed: list[str] = []
        self.told: list[Any] = []
        self.states: list[Any] = []
        self.live_looks = 0

    async def play(self, bodies: list[bytes]) -> None:
        async with self.world:
            self.move()
            async with venuekit.open(
                self._exchange,
                environment="sim",
                address="sim:1",
                config=configuration_from_text(""),
                clock=self.world.clock,
                rng=random.Random(7),
                transport=self.transport,
            ) as ex:
                adapter: Any = ex._adapter  # whose reader says what cannot be read
                assert isinstance(adapter, Stream)
                reader = asyncio.create_task(self._read(ex.trades(self._market.symbol)))
                async with ex.book(self._market.symbol) as live:
                    updates = live.updates(with_states=True)
                    watcher = asyncio.create_task(self._watch(updates))
                    await live.ready()
                    for body in bodies:
                        await self._suffer(live, adapter, as_frame(body))
                    self.inner.drop_sockets()
                    await self._found_back(live)
                    for task in (reader, watcher):
                        task.cancel()
                    await asyncio.wait([reader, watcher])

    async def _suffer(self, live: LiveBook, adapter: Stream, frame: str | bytes) -> None:
        with pytest.raises(ValueError):  # noqa: PT011  # each says it in its own words
            tuple(adapter.read_frame("market", frame))
        self.states.clear()
        put = self.transport.put
        self.transport.instead.append(frame)
        for _ in range(40):
            self.move()
            self.print()
            await asyncio.sleep(0.25)
            self.look(live)
        assert self.transport.put == put + 1
        gone = [each.state for each in self.states if isinstance(each, StreamStateChanged)]
        assert StreamState.RESYNCING in gone or StreamState.STALE in gone, "nobody was told"
        assert any(isinstance(each, Gap) for each in self.states)
        await self._found_back(live)

    async def _found_back(self, live: LiveBook) -> None:
        before = self.live_looks
        async with asyncio.timeout(120):
            while self.live_looks < before + 5 or self.printed[-1] not in self.ids():
                self.move()
                self.print()
                await asyncio.sleep(0.5)
                self.look(live)

    def ids(self) -> list[str]:
        return [each.trade_id for each in self.told if isinstance(each, Trade)]

    def print(self) -> None:
        price = Decimal(30_000 + self._chance.randrange(100))
        trade = self.dialect.engine.print_trade(
            self._market.name, price, Decimal("0.01"), Side.BUY, self.world.now_ns()
        )
        self.printed.append(str(trade.trade_id))
        self.world.advance()

    def move(self) -> None:
        chance = self._chance
        changes = [
            (side, Decimal(base) + chance.randrange(20), Decimal(chance.randrange(5)) / 10)
            for side, base in ((Side.BUY, 29_900), (Side.SELL, 30_200))
            for _ in range(6)
        ]
        self.dialect.engine.set_levels(self._market.name, changes, self.world.now_ns())
        self.world.advance()

    def look(self, live: LiveBook) -> None:
        """The book is the exchange's own, or says that it is not live."""
        try:
            book = live.book.snapshot(5)
        except BookNotLive:
            return
        depth = self.dialect.engine.depth(self._market.name, 5)
        for mine, there in ((book.bids, depth.bids), (book.asks, depth.asks)):
            assert mine == tuple((quote.price, quote.quantity) for quote in there)
        self.live_looks += 1

    async def _read(self, trades: Any) -> None:
        async for event in trades:
            self.told.append(event)

    async def _watch(self, updates: Any) -> None:
        async for event in updates:
            self.states.append(event)


@pytest.mark.parametrize("exchange", MARKETS)
async def test_an_unreadable_frame_is_said_and_mended_and_the_next_connection_works(
    exchange: str,
) -> None:
    watched = Watched(exchange, MARKETS[exchange])
    await watched.play(list(UNREADABLE.values()))
    # No trade twice, and none missed but where a gap is told.
    ids = watched.ids()
    assert len(ids) == len(set(ids))
    assert any(isinstance(each, Gap) for each in watched.told)
