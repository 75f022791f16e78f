"""Exchanges that forget orders which ended without a fill: what "not found" means there."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from venuekit.model import OrderNotFound, OrderPhase, OrderRef, limit_buy
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab

P = OrderPhase
REQUEST = limit_buy("BTC/USDT", quantity="0.1", price="30000")


@pytest.mark.parametrize("stream", [True, False])
def test_an_order_that_is_not_found_after_its_cancel_was_taken_is_canceled(
    world: "Lab", stream: bool
) -> None:
    async def story() -> None:
        async with world(adapter_class=world.forgetful, stream=stream) as w:
            order = await w.desk.place(REQUEST)
            after = await w.desk.cancel(order.ref)
            assert (after.phase, after.filled) == (P.CANCELED, Decimal(0))
            assert w.caller.ran.count("cancel") == 1

    run_virtually(story())


def test_a_cancel_after_a_part_was_filled_ends_with_that_part(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.forgetful, stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.04")
            after = await w.desk.cancel(order.ref)
            assert (after.phase, after.filled) == (P.CANCELED, Decimal("0.04"))

    run_virtually(story())


def test_a_young_order_that_cancel_and_query_do_not_find_may_only_not_show_yet(
    world: "Lab",
) -> None:
    async def story() -> None:
        async with world(adapter_class=world.forgetful, stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.caller.fault("cancel", "not_found")
            w.caller.fault("fetch order", "not_found")
            with pytest.raises(OrderNotFound):
                await w.desk.cancel(order.ref)
            assert w.only().phase is P.OPEN

    run_virtually(story())


def test_an_old_order_that_cancel_and_query_do_not_find_has_ended_before(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.forgetful, stream=False) as w:
            order = await w.desk.place(REQUEST)
            await asyncio.sleep(world.window_s + 1)
            w.venue.cancel(order.ref)  # by somebody else
            assert (await w.desk.cancel(order.ref)).phase is P.CANCELED

    run_virtually(story())


def test_a_cancel_whose_answer_is_lost_ends_an_old_order_by_its_absence(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.forgetful, stream=False) as w:
            order = await w.desk.place(REQUEST)
            await asyncio.sleep(world.window_s + 1)
            w.caller.fault("cancel", "lost_after")
            assert (await w.desk.cancel(order.ref)).phase is P.CANCELED

    run_virtually(story())


def test_an_order_with_a_fill_is_never_taken_for_forgotten(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.forgetful, stream=True) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.04")
            await asyncio.sleep(world.window_s + 1)
            w.caller.fault("cancel", "not_found")
            w.caller.always["fetch order"] = world.fault("not_found")
            with pytest.raises(OrderNotFound):
                await w.desk.cancel(order.ref)
            assert w.only().phase is P.PARTIALLY_FILLED
            for _ in range(4):
                del w.venue.orders[str(order.exchange_order_id)]
                await w.desk.reconcile()
                await asyncio.sleep(6)
                w.venue.orders[str(order.exchange_order_id)] = order
            assert w.kept(order).phase is not P.CANCELED

    run_virtually(story())


def test_orders_that_others_canceled_are_found_out_by_three_reconciliations(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.forgetful, stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.cancel(order.ref)
            for phase in (P.OPEN, P.OPEN, P.CANCELED):
                found = await w.desk.reconcile()
                assert not found.is_clean
                assert w.kept(order).phase is phase
                await asyncio.sleep(6)
            assert w.kept(order).reason == "order.forgotten"
            assert (await w.desk.reconcile()).is_clean
            assert w.desk.divergences() == []

    run_virtually(story())


def test_on_other_exchanges_such_an_order_is_lost_and_an_alarm(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.terse, stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.orders.clear()
            for _ in range(3):
                await w.desk.reconcile()
                await asyncio.sleep(6)
            assert w.kept(order).phase is P.LOST

    run_virtually(story())


@pytest.mark.parametrize("stream", [True, False])
def test_a_cancel_of_all_that_only_names_orders_gives_each_of_them_its_end(
    world: "Lab", stream: bool
) -> None:
    async def story() -> None:
        async with world(adapter_class=world.forgetful, stream=stream) as w:
            orders = [await w.desk.place(REQUEST) for _ in range(5)]
            w.venue.trade(orders[0], "0.01")
            foreign = w.venue.place(limit_buy("BTC/USDT", quantity="1", price="20000"))
            ended = await w.desk.cancel_all(world.symbol)
            assert {order.phase for order in ended} == {P.CANCELED}
            mine = {order.client_order_id for order in orders}
            assert mine <= {order.client_order_id for order in ended}
            assert w.desk.orders() == []
            # Of others' orders it is known only that they are gone, unless the stream tells.
            told = OrderRef(symbol=world.symbol, exchange_order_id=foreign.exchange_order_id)
            assert (w.desk.order(told) is not None) is stream

    run_virtually(story())
