"""An orderly stop: nothing more is placed, what is under way ends, what is left is said."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from venuekit.model import Closed, OrderPhase, OutcomeUnknown, limit_buy
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab

REQUEST = limit_buy("BTC/USDT", quantity="0.1", price="30000")


def now() -> float:
    return asyncio.get_running_loop().time()


def test_after_a_stop_nothing_is_placed_and_cancels_still_go_out(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            stopped = await w.desk.stop()
            assert [each.client_order_id for each in stopped.open] == [order.client_order_id]
            assert not stopped.is_clean

            w.caller.ran.clear()
            with pytest.raises(Closed, match="was stopped; nothing was sent"):
                await w.desk.place(REQUEST)
            assert w.caller.ran == []
            assert (await w.desk.cancel(order.ref)).phase is OrderPhase.CANCELED
            assert (await w.desk.stop()).is_clean

    run_virtually(story())


def test_what_is_in_flight_may_end_first(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            placing = asyncio.create_task(w.desk.place(REQUEST))
            await asyncio.sleep(0.001)
            stopped = await w.desk.stop()

            assert placing.done()
            assert (stopped.in_flight, len(stopped.open)) == (0, 1)

    run_virtually(story())


def test_a_stop_takes_no_longer_than_it_may_and_names_what_it_left(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "hang_before")
            placing = asyncio.create_task(w.desk.place(REQUEST))
            await asyncio.sleep(0.1)
            begun = now()
            stopped = await w.desk.stop(within_s=3)

            assert now() - begun == pytest.approx(3)
            assert (stopped.in_flight, len(stopped.unknown)) == (1, 1)
            placing.cancel()

    run_virtually(story())


def test_an_unknown_outcome_is_waited_for(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "lost_after")
            with pytest.raises(OutcomeUnknown):
                await w.desk.place(REQUEST, wait=False)
            stopped = await w.desk.stop()

            assert (len(stopped.unknown), len(stopped.open)) == (0, 1)

    run_virtually(story())


def test_on_request_open_orders_are_canceled_first_and_those_of_others_stay(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            foreign = w.venue.place(limit_buy("BTC/USDT", "0.1", "20000", client_order_id="theirs"))
            for _ in range(3):
                await w.desk.place(REQUEST)
            stopped = await w.desk.stop(cancel_orders=True)

            assert [each.phase for each in stopped.canceled] == [OrderPhase.CANCELED] * 3
            assert stopped.is_clean
            assert [each.exchange_order_id for each in w.venue.open()] == [
                foreign.exchange_order_id
            ]

    run_virtually(story())


def test_a_cancel_that_fails_is_named_and_stops_no_other(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            for _ in range(3):
                await w.desk.place(REQUEST)
            w.caller.fault("cancel", "reject")
            stopped = await w.desk.stop(cancel_orders=True)

            assert (len(stopped.canceled), len(stopped.failures), len(stopped.open)) == (2, 1, 1)
            assert "test.fault" in stopped.failures[0]

    run_virtually(story())
