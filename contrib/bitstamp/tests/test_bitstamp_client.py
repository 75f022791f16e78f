"""A whole client before the simulator, in virtual time: what a trader does with it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import venuekit
from venuekit import limit_buy, market_buy, market_sell
from venuekit.client import Exchange
from venuekit.configuration import configuration_from_text
from venuekit.model import (
    InsufficientBalance,
    NotSent,
    OrderPhase,
    OrderRefused,
    OutcomeUnknown,
    Rejected,
    StreamState,
    Trade,
)
from venuekit.plugin.discovery import Plugins
from venuekit.sim.faults import Fault, FaultKind
from venuekit.testing.simulated import SimulatedExchange
from venuekit.testing.virtual_time import run_virtually
from venuekit_bitstamp.manifest import MANIFEST
from venuekit_bitstamp.sim import create

START_NS = 1_767_225_600_000_000_000
BUY = "/api/v2/buy/btcusd/"


class Place:
    """An open exchange and what is behind it."""

    def __init__(self, ex: Exchange, world: SimulatedExchange, transport: Any) -> None:
        self.ex, self.world, self.transport = ex, world, transport
        self.faults = world.dialect.faults


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Place]:
    dialect = create(seed=5)
    world = SimulatedExchange(dialect, start_ns=START_NS)
    key = dialect.credentials()
    (folder / "secret").write_text(key.secret)
    (folder / "secret").chmod(0o600)
    config = f"""
[store]
url = "sqlite:{folder}/journal.db"
durability = "process"
[exchanges.bitstamp.accounts.main]
api_key = "file:{folder}/key"
secret = "file:{folder}/secret"
"""
    (folder / "key").write_text(key.api_key)
    (folder / "key").chmod(0o600)
    transport = world.transport(base_paths={"rest": "", "stream": "/ws"})
    async with (
        world,
        venuekit.open(
            "bitstamp",
            environment="sim",
            address="sim:1",
            config=configuration_from_text(config),
            clock=world.clock,
            rng=random.Random(3),
            transport=transport,
            plugins=Plugins(manifests=[MANIFEST]),
        ) as ex,
    ):
        yield Place(ex, world, transport)


def test_an_order_rests_is_seen_and_is_canceled(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as at:
            order = await at.ex.place(limit_buy("BTC/USD", "0.001", "60000"))
            assert order.phase is OrderPhase.OPEN
            assert [o.client_order_id for o in at.ex.orders()] == [order.client_order_id]
            gone = await at.ex.cancel(order)
            assert (gone.phase, gone.filled) == (OrderPhase.CANCELED, Decimal(0))
            assert (await at.ex.reconcile()).orders == 0
            assert at.ex.orders() == []

    run_virtually(story())


def test_what_fills_is_known_within_ten_seconds_without_a_stream(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as at:
            bought = await at.ex.place(market_buy("BTC/USD", quantity="0.01"))
            spent = await at.ex.place(market_buy("ETH/EUR", quote_quantity="100"))
            sold = await at.ex.place(market_sell("BTC/USD", quote_quantity="50"))
            await asyncio.sleep(21)
            known = {o.client_order_id: o for o in at.ex.orders(open_only=False)}
            for order in (bought, spent, sold):
                now = known[order.client_order_id]
                assert now.phase is OrderPhase.FILLED, now
                assert now.filled > 0
                assert all(fill.fee is not None for fill in now.fills)
            assert known[bought.client_order_id].filled == Decimal("0.01")
            assert (await at.ex.reconcile()).is_clean

    run_virtually(story())


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.HANG_AFTER])
def test_a_lost_answer_is_found_out_and_nothing_is_sent_twice(
    tmp_path: Path, kind: FaultKind
) -> None:
    async def story() -> None:
        async with opened(tmp_path) as at:
            at.faults.add(Fault(kind=kind, method="POST", path=BUY, count=1))
            order = await at.ex.place(limit_buy("BTC/USD", "0.001", "60000"))
            assert (order.phase, order.exchange_order_id is not None) == (OrderPhase.OPEN, True)
            await asyncio.sleep(11)
            assert len(await at.ex.fetch_open_orders("BTC/USD")) == 1

    run_virtually(story())


def test_an_order_that_never_arrived_is_proved_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as at:
            at.faults.add(Fault(kind=FaultKind.HANG_BEFORE, method="POST", path=BUY, count=1))
            with pytest.raises(OutcomeUnknown) as caught:
                await at.ex.place(limit_buy("BTC/USD", "0.001", "60000"), wait=False)
            with pytest.raises(NotSent, match="never_placed"):
                await caught.value
            (order,) = at.ex.orders(open_only=False)
            assert order.phase is OrderPhase.NEVER_PLACED
            assert await at.ex.fetch_open_orders() == []

    run_virtually(story())


def test_a_matching_engine_that_times_out_leaves_an_order_to_be_looked_up(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as at:
            fault = Fault(
                kind=FaultKind.ANSWER_AFTER, method="POST", path=BUY, count=1, answer="timeout"
            )
            at.faults.add(fault)
            order = await at.ex.place(limit_buy("BTC/USD", "0.001", "60000"))
            assert order.phase is OrderPhase.OPEN

    run_virtually(story())


def test_what_bitstamp_refuses_is_told_apart(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as at:
            with pytest.raises(InsufficientBalance):
                await at.ex.place(limit_buy("BTC/USD", "9", "60000"))
            with pytest.raises(Rejected, match="above market price"):
                await at.ex.place(limit_buy("BTC/USD", "0.001", "90000"))
            with pytest.raises(OrderRefused):  # before it is sent
                await at.ex.place(limit_buy("BTC/USD", "0.000001", "60000"))
            assert await at.ex.fetch_open_orders() == []

    run_virtually(story())


def test_everything_can_be_canceled(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as at:
            for price in ("60000", "60001", "60002"):
                await at.ex.place(limit_buy("BTC/USD", "0.001", price))
            await at.ex.place(limit_buy("ETH/EUR", "0.1", "2200"))
            await at.ex.cancel_all("BTC/USD")
            assert [o.symbol for o in at.ex.orders()] == ["ETH/EUR"]
            await at.ex.cancel_everything()
            await asyncio.sleep(12)
            assert (at.ex.orders(), await at.ex.fetch_open_orders()) == ([], [])

    run_virtually(story())


def test_trades_and_books_come_back_after_the_socket_broke(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as at:
            seen: list[Trade] = []

            async def follow() -> None:
                async for trade in at.ex.trades("BTC/USD", gaps=False):
                    seen.append(trade)  # noqa: PERF401  one by one, as they come

            reading = asyncio.create_task(follow())
            async with at.ex.book("BTC/USD") as live:
                book = await live.ready()
                bid, ask = book.best_bid(), book.best_ask()
                assert bid is not None
                assert ask is not None
                assert bid[0] < ask[0]
                await asyncio.sleep(30)
                at.transport.drop_sockets()
                await asyncio.sleep(0.01)
                assert live.state is StreamState.STALE
                await asyncio.sleep(30)
                assert book.state is StreamState.LIVE
                now = await at.ex.fetch_book("BTC/USD", depth=5)
                assert book.bids(5) == now.bids
            reading.cancel()
            told = [trade.trade_id for trade in seen]
            assert len(told) == len(set(told)) > 20
            numbers = sorted(int(id_) for id_ in told)
            assert numbers == list(range(numbers[0], numbers[-1] + 1)), "none missed"

    run_virtually(story())


def test_queries_for_people(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as at:
            ex = at.ex
            assert sorted(ex.instruments) == ["BTC/USD", "ETH/EUR", "XRP/USD"]
            balances = {b.asset: b for b in await ex.fetch_balances()}
            assert balances["USD"].free == Decimal(250000)
            assert (await ex.fetch_fees("BTC/USD")).taker == Decimal("0.004")
            await asyncio.sleep(600)
            candles = await ex.fetch_candles("BTC/USD", "1h", limit=5)
            assert len(candles) == 5
            assert not candles[-1].is_closed
            assert len(await ex.fetch_trades("BTC/USD", limit=3)) == 3
            assert {t.symbol for t in await ex.fetch_tickers()} == set(ex.instruments)
            await ex.place(market_buy("BTC/USD", quantity="0.01"))
            resting = await ex.place(limit_buy("BTC/USD", "0.001", "60000"))
            await asyncio.sleep(11)
            past = await ex.fetch_orders("BTC/USD")
            assert [order.phase for order in past] == [OrderPhase.FILLED, OrderPhase.OPEN]
            assert past[1].client_order_id == resting.client_order_id
            assert len(await ex.fetch_fills("BTC/USD")) >= 1

    run_virtually(story())
