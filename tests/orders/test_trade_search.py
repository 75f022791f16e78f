"""Trades that an order's totals promise are asked for soon, when nobody tells of them."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from venuekit.limits import Lane
from venuekit.model import ExchangeOrderId, Order, OrderChange, OrderPhase, limit_buy
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab, World

REQUEST = limit_buy("BTC/USDT", quantity="0.1", price="30000")


def tell_total(w: "World", order: Order) -> None:
    """Tell what an exchange tells that streams totals only."""
    assert order.exchange_order_id is not None
    there = w.venue.orders[order.exchange_order_id]
    w.desk.on_order_event(
        OrderChange(
            exchange_order_id=ExchangeOrderId(order.exchange_order_id),
            phase=there.phase,
            filled=there.filled,
            updated_ns=there.updated_ns,
        )
    )


def test_a_total_without_its_trades_has_them_fetched(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            fill = w.venue.trade(order, "0.1")
            tell_total(w, order)
            assert w.kept(order).fills == ()
            await asyncio.sleep(2)
            assert [each.trade_id for each in w.kept(order).fills] == [fill.trade_id]
            assert w.caller.lanes.count(("fetch fills", Lane.QUERY)) == 1
            assert (await w.desk.reconcile()).differences == ()

    run_virtually(story())


def test_trades_that_the_stream_tells_in_time_are_not_asked_for(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=True) as w:
            order = await w.desk.place(REQUEST)
            assert order.exchange_order_id is not None
            w.venue.trade(order, "0.06", is_told=False)
            tell_total(w, order)
            await asyncio.sleep(0.5)
            w.desk.on_order_event(
                OrderChange(exchange_order_id=order.exchange_order_id, fill=w.venue.fills[0])
            )
            await asyncio.sleep(30)
            assert len(w.kept(order).fills) == 1
            assert "fetch fills" not in w.caller.ran

    run_virtually(story())


def test_trades_that_queries_do_not_show_yet_are_asked_for_again(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.1")
            hidden, w.venue.fills = w.venue.fills, []
            w.caller.fault("fetch fills", "unavailable")
            tell_total(w, order)
            await asyncio.sleep(2.5)
            assert w.caller.ran.count("fetch fills") == 2
            w.venue.fills = hidden
            await asyncio.sleep(2)
            assert w.kept(order).fills == tuple(hidden)

    run_virtually(story())


def test_a_search_without_end_is_left_to_the_next_comparison(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.1")
            w.venue.fills.clear()
            tell_total(w, order)
            await asyncio.sleep(600)
            assert w.caller.ran.count("fetch fills") == 5

    run_virtually(story())


def test_a_new_total_while_one_is_looked_for_is_looked_for_too(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.04")
            tell_total(w, order)
            await asyncio.sleep(0.5)
            w.venue.trade(order, "0.06")
            tell_total(w, order)
            await asyncio.sleep(3)
            after = w.kept(order)
            assert after.phase is OrderPhase.FILLED
            assert sum(each.quantity for each in after.fills) == Decimal("0.1")
            assert w.caller.ran.count("fetch fills") == 1

    run_virtually(story())


def test_leaving_the_desk_ends_the_searches(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.1")
            tell_total(w, order)
            before = len(asyncio.all_tasks())
            assert before > 1
        assert len(asyncio.all_tasks()) == 1

    run_virtually(story())


def test_an_order_whose_trades_are_told_is_no_reason_to_ask(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.1")
            await asyncio.sleep(30)
            assert attrs.asdict(w.kept(order))["filled"] == Decimal("0.1")
            assert "fetch fills" not in w.caller.ran

    run_virtually(story())
