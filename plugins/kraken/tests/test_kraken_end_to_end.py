"""The client and the simulated exchange, written apart from each other, over real sockets."""

import asyncio
from decimal import Decimal

import pytest

import venuekit
from venuekit import limit_buy, market_buy
from venuekit.client import Exchange
from venuekit.model import (
    InsufficientBalance,
    OrderNotFound,
    OrderPhase,
    OutcomeUnknown,
    StreamState,
    StreamStateChanged,
)
from venuekit.sim.faults import Fault, FaultKind

BTC = "BTC/USD"
P = OrderPhase


async def far_below(ex: Exchange) -> Decimal:
    book = await ex.fetch_book(BTC, depth=5)
    return book.bids[0][0] - 1000


async def until_ended(ex: Exchange) -> None:
    async with asyncio.timeout(10), await ex.order_events("test", from_start=True) as events:
        async for _ in events:
            if not ex.orders():
                return


async def test_an_order_is_placed_filled_over_the_stream_and_adds_up() -> None:
    async with venuekit.open("kraken") as ex:
        order = await ex.place(market_buy(BTC, "0.002"))
        await until_ended(ex)
        (known,) = ex.orders(open_only=False)
        assert (known.client_order_id, known.phase) == (order.client_order_id, P.FILLED)
        assert sum(fill.quantity for fill in known.fills) == Decimal("0.002")
        assert known.fills[0].fee is not None
        report = await ex.reconcile()
        assert report.is_clean, [str(d) for d in report.differences]


async def test_an_order_is_canceled_and_amended() -> None:
    async with venuekit.open("kraken") as ex:
        price = await far_below(ex)
        order = await ex.place(limit_buy(BTC, "0.002", price, post_only=True))
        after = await ex.amend(order, quantity="0.001")
        assert (after.quantity, after.exchange_order_id) == (
            Decimal("0.001"),
            order.exchange_order_id,
        )
        assert (await ex.cancel(order)).phase is P.CANCELED
        assert await ex.fetch_open_orders() == []


async def test_many_orders_are_one_request_and_so_are_their_cancels() -> None:
    async with venuekit.open("kraken") as ex:
        price = await far_below(ex)
        placed = await ex.place_many([limit_buy(BTC, "0.001", price - n) for n in range(5)])
        assert (placed.requests, placed.is_done) == (1, True)
        canceled = await ex.cancel_many([leg.order for leg in placed.legs if leg.order])
        assert canceled.requests == 1
        assert [leg.order and leg.order.phase for leg in canceled.legs] == [P.CANCELED] * 5


async def test_a_leg_that_is_refused_says_why() -> None:
    async with venuekit.open("kraken") as ex:
        price = await far_below(ex)
        batch = await ex.place_many([limit_buy(BTC, "0.001", price), limit_buy(BTC, "1000", price)])
        good, bad = batch.legs
        assert good.is_done
        assert isinstance(bad.error, InsufficientBalance)
        assert bad.order is not None
        assert bad.order.phase is P.REJECTED


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.RESET_AFTER])
async def test_an_order_whose_answer_is_lost_exists_once_and_is_found(kind: FaultKind) -> None:
    async with venuekit.open("kraken") as ex:
        assert ex.simulator is not None
        price = await far_below(ex)
        ex.simulator.dialect.faults.add(Fault(kind=kind, method="POST", path="*/AddOrder"))
        try:
            order = await ex.place(limit_buy(BTC, "0.001", price), wait=False)
        except OutcomeUnknown as unknown:
            order = await unknown
        assert order.phase is P.OPEN
        assert len(await ex.fetch_open_orders()) == 1


async def test_what_the_exchange_does_not_know_is_not_found() -> None:
    async with venuekit.open("kraken") as ex:
        order = await ex.place(limit_buy(BTC, "0.001", await far_below(ex)))
        await ex.cancel(order)
        with pytest.raises(OrderNotFound):
            await ex.fetch_order("0" * 32, BTC)


async def test_the_book_is_kept_by_its_checksum_and_found_back_after_a_wrong_one() -> None:
    async with venuekit.open("kraken") as ex, ex.book(BTC) as live:
        assert ex.simulator is not None
        async with asyncio.timeout(20):
            await live.ready()
            changes = live.updates(with_states=True)
            ex.simulator.dialect.faults.add(Fault(kind=FaultKind.CORRUPT_CHECKSUM))
            async for change in changes:
                if isinstance(change, StreamStateChanged) and live.state is not StreamState.LIVE:
                    assert "wrong checksum" in change.text
                    break
            with pytest.raises(Exception, match="not live"):
                live.book.bids(1)
            await live.ready()
            assert live.book.bids(1)[0][0] < live.book.asks(1)[0][0]


async def test_two_orders_at_once_keep_their_nonces_in_order() -> None:
    async with venuekit.open("kraken") as ex:
        price = await far_below(ex)
        orders = await asyncio.gather(
            *(ex.place(limit_buy(BTC, "0.001", price - n)) for n in range(10))
        )
        assert {order.phase for order in orders} == {P.OPEN}
        assert len(await ex.fetch_open_orders()) == 10


async def test_balances_fees_candles_trades_and_tickers() -> None:
    async with venuekit.open("kraken") as ex:
        held = {balance.asset: balance for balance in await ex.fetch_balances()}
        assert {"BTC", "USD"} <= set(held)
        assert 0 < (await ex.fetch_fees(BTC)).taker < 1
        assert (await ex.fetch_ticker(BTC)).last
        assert await ex.fetch_trades(BTC, limit=5)
        assert await ex.fetch_candles(BTC, "1m", limit=5)
