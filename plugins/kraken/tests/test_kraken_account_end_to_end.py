"""The account's side of the client against the simulated exchange, over real sockets."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

import venuekit
from venuekit import limit_buy, market_buy
from venuekit.client import Exchange
from venuekit.configuration import configuration_from_text
from venuekit.model import (
    InstrumentStatus,
    OrderPhase,
    OrderRequest,
    OrderType,
    Side,
    Symbol,
    TimeInForce,
)
from venuekit.sim.faults import Fault, FaultKind
from venuekit.testing.simulated import SimulatedExchange
from venuekit.testing.virtual_time import run_virtually
from venuekit_kraken.sim.dialect import KrakenDialect
from venuekit_kraken.sim.limits import LimitSettings

BTC, DOGE = "BTC/USD", "DOGE/USD"


async def far_below(ex: Exchange, symbol: str = BTC) -> Decimal:
    book = await ex.fetch_book(symbol, depth=5)
    step = ex.instrument(symbol).price.step
    return (book.bids[0][0] / 2).quantize(step)


async def test_everything_is_canceled_on_all_pairs_with_one_request() -> None:
    async with venuekit.open("kraken") as ex:
        await ex.place(limit_buy(BTC, "0.002", await far_below(ex)))
        await ex.place(limit_buy(DOGE, "100", await far_below(ex, DOGE)))
        batch = await ex.cancel_everything()
        assert batch.requests == 1
        assert [leg.order and leg.order.phase for leg in batch.legs] == [OrderPhase.CANCELED] * 2
        assert await ex.fetch_open_orders() == []


async def test_everything_is_canceled_though_the_answer_is_lost() -> None:
    async with venuekit.open("kraken") as ex:
        assert ex.simulator is not None
        await ex.place(limit_buy(BTC, "0.002", await far_below(ex)))
        ex.simulator.dialect.faults.add(
            Fault(kind=FaultKind.DROP_AFTER, method="POST", path="*/CancelAll")
        )
        batch = await ex.cancel_everything()
        assert [leg.order and leg.order.phase for leg in batch.legs] == [OrderPhase.CANCELED]


async def test_the_switch_is_started_told_again_and_stopped() -> None:
    async with venuekit.open("kraken") as ex:
        now_ns = await ex.fetch_time()
        due_ns = await ex.cancel_all_after(60)
        assert due_ns is not None
        assert 55 * 10**9 < due_ns - now_ns < 65 * 10**9
        assert await ex.cancel_all_after(0) is None
        with pytest.raises(ValueError, match="1 to 86399 s"):
            await ex.cancel_all_after(86_400)


async def test_the_switch_cancels_all_orders_when_nothing_is_heard() -> None:
    async with venuekit.open("kraken") as ex:
        order = await ex.place(limit_buy(BTC, "0.002", await far_below(ex)))
        await ex.cancel_all_after(1)
        async with asyncio.timeout(10), await ex.order_events("test", from_start=True) as events:
            async for _ in events:
                if not ex.orders():
                    break
        (known,) = ex.orders(open_only=False)
        assert (known.client_order_id, known.phase) == (
            order.client_order_id,
            OrderPhase.CANCELED,
        )


async def test_the_listing_is_streamed_for_all_and_for_one() -> None:
    async with venuekit.open("kraken") as ex, asyncio.timeout(20):
        assert ex.simulator is not None
        faults = ex.simulator.dialect.faults
        async with (
            ex.instrument_changes(gaps=False) as everything,
            ex.instrument_changes(BTC, gaps=False) as one,
            ex.instrument_changes(DOGE, gaps=False) as other,
        ):
            first = await anext(aiter(everything))
            assert first.is_snapshot
            assert {each.symbol for each in first.instruments} == set(ex.instruments)
            assert {each.symbol: each for each in first.instruments} == dict(ex.instruments)
            for stream, symbol in ((one, BTC), (other, DOGE)):
                snapshot = await anext(aiter(stream))
                assert [each.symbol for each in snapshot.instruments] == [symbol]
            faults.add(Fault(kind=FaultKind.HALT, topic=BTC, text="cancel_only", count=None))
            for stream in (everything, one):
                (changed,) = (await anext(aiter(stream))).instruments
                assert (changed.symbol, changed.status) == (BTC, InstrumentStatus.CANCEL_ONLY)


def stop(side: Side, **more: object) -> OrderRequest:
    request = OrderRequest(
        symbol=Symbol(BTC), side=side, type=OrderType.STOP, quantity=Decimal("0.001")
    )
    return attrs.evolve(request, **more)  # type: ignore[arg-type]  # members by name


async def test_a_trailing_stop_is_taken_and_read_where_it_stands() -> None:
    async with venuekit.open("kraken") as ex:
        last = (await ex.fetch_ticker(BTC)).last
        assert last is not None
        placed = await ex.place(stop(Side.SELL, trailing_delta=Decimal(1000)))
        (found,) = await ex.fetch_open_orders()
        assert found.client_order_id == placed.client_order_id
        assert found.type is OrderType.STOP
        assert found.stop_price is not None
        assert abs(found.stop_price / last - Decimal("0.9")) < Decimal("0.05")
        # Where it stands is news the first time, and the answer's no more than that.
        report = await ex.reconcile()
        assert all(each.is_repaired for each in report.differences)
        assert (await ex.cancel(placed)).phase is OrderPhase.CANCELED


async def test_an_iceberg_a_dated_order_and_a_conditional_close_are_taken() -> None:
    async with venuekit.open("kraken") as ex:
        price = await far_below(ex)
        plain = limit_buy(BTC, "0.003", price)
        for request in (
            attrs.evolve(plain, display_quantity=Decimal("0.001")),
            attrs.evolve(plain, time_in_force=TimeInForce.GTD, options={"expiretm": "+3600"}),
            attrs.evolve(plain, options={"close[ordertype]": "limit", "close[price]": "#10%"}),
        ):
            order = await ex.place(request)
            assert order.phase is OrderPhase.OPEN
        dates = [order.time_in_force for order in await ex.fetch_open_orders()]
        assert dates.count(TimeInForce.GTD) == 1
        batch = await ex.place_many(
            [
                attrs.evolve(plain, options={"close[ordertype]": "limit", "close[price]": "#9%"}),
                attrs.evolve(plain, options={"fee_currency": "base"}),
            ]
        )
        assert batch.is_done


Story = Callable[[Exchange, KrakenDialect], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Story], None]:
    """Play a story on virtual time, where waiting for budgets takes none."""

    async def whole(story: Story) -> None:
        dialect = KrakenDialect(seed=5, limits=LimitSettings.off())
        key = dialect.credentials()
        monkeypatch.setenv("KRAKEN_KEY", key.api_key)
        monkeypatch.setenv("KRAKEN_SECRET", key.secret)
        text = (
            # Written on the loop: virtual time must not run on while a thread writes.
            f'[store]\nurl = "sqlite:{tmp_path}/journal.db"\ndurability = "process"\n'
            "[exchanges.kraken.accounts.main]\n"
            'api_key = "env:KRAKEN_KEY"\nsecret = "env:KRAKEN_SECRET"\n'
        )
        async with (
            SimulatedExchange(dialect, delays=lambda: 0.004) as world,
            venuekit.open(
                "kraken",
                environment="sim",
                address="sim:1",
                config=configuration_from_text(text),
                transport=world.transport(),
                clock=world.clock,
                rng=random.Random(5),
            ) as ex,
        ):
            await story(ex, dialect)

    return lambda story: run_virtually(whole(story))


def test_history_is_whole_though_trades_come_in_while_its_pages_are_read(
    play: Callable[[Story], None],
) -> None:
    async def story(ex: Exchange, dialect: KrakenDialect) -> None:
        placed = [await ex.place(market_buy(BTC, "0.001")) for _ in range(60)]
        names = {order.client_order_id for order in placed}
        is_read = asyncio.Event()
        more = 0

        async def trade_on() -> None:
            nonlocal more
            while not is_read.is_set():
                await ex.place(market_buy(BTC, "0.001"), wait=False)
                more += 1

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(trade_on())
            orders = await ex.fetch_orders(BTC, since_ns=1, limit=10_000)
            fills = await ex.fetch_fills(BTC, since_ns=1, limit=10_000)
            entries = await ex.fetch_ledger("BTC", limit=10_000)
            is_read.set()

        assert more > 3
        for ids in (
            [order.exchange_order_id for order in orders],
            [fill.trade_id for fill in fills],
            [entry.id for entry in entries],
        ):
            assert len(ids) == len(set(ids)) >= 60
        assert names <= {order.client_order_id for order in orders}
        assert {order.exchange_order_id for order in placed} <= {
            fill.exchange_order_id for fill in fills
        }
        assert {fill.trade_id for fill in fills} <= {entry.reference for entry in entries}
        newest = await ex.fetch_orders(BTC, limit=3)
        everything = await ex.fetch_orders(BTC, since_ns=1, limit=10_000)
        assert newest == everything[-3:]

    play(story)


def test_the_ledger_tells_both_halves_of_a_trade(play: Callable[[Story], None]) -> None:
    async def story(ex: Exchange, _: KrakenDialect) -> None:
        await ex.place(market_buy(BTC, "0.5"))
        entries = await ex.fetch_ledger(limit=1000)
        told = {(entry.reference, entry.asset) for entry in entries if entry.kind == "trade"}
        fills = await ex.fetch_fills(BTC, limit=1000)
        assert fills
        assert told == {(fill.trade_id, asset) for fill in fills for asset in ("BTC", "USD")}
        bitcoin = await ex.fetch_ledger("BTC")
        assert {entry.asset for entry in bitcoin} == {"BTC"}
        held = {balance.asset: balance.total for balance in await ex.fetch_balances()}
        assert bitcoin[-1].balance == held["BTC"]
        assert await ex.fetch_ledger("BTC", limit=1) == bitcoin[-1:]

    play(story)


def test_the_newest_orders_are_those_opened_last_whenever_they_closed(
    play: Callable[[Story], None],
) -> None:
    async def story(ex: Exchange, _: KrakenDialect) -> None:
        price = await far_below(ex)
        placed = []
        for at in range(4):
            batch = await ex.place_many([limit_buy(BTC, "0.001", price - at) for _ in range(15)])
            assert batch.is_done
            placed += [leg.order for leg in batch.legs if leg.order]
        await ex.cancel_many(placed[::-1][:-2])  # the oldest two stay open
        orders = await ex.fetch_orders(BTC, since_ns=1, limit=1000)
        assert {order.client_order_id for order in orders} == {
            order.client_order_id for order in placed
        }
        assert len(orders) == 60
        assert await ex.fetch_orders(BTC, limit=5) == orders[-5:]
        assert await ex.fetch_orders(BTC, since_ns=1, limit=5) == orders[:5]

    play(story)
