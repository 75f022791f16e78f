"""Everything that is open in the account is canceled, and each order is answered for."""

from typing import TYPE_CHECKING

import pytest

from venuekit.model import NotSent, OrderPhase, limit_buy
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab

P = OrderPhase
REQUEST = limit_buy("BTC/USDT", quantity="0.1", price="30000")


@pytest.mark.parametrize("stream", [True, False])
def test_one_request_cancels_all_and_every_order_is_answered_for(
    world: "Lab", stream: bool
) -> None:
    async def story() -> None:
        async with world(adapter_class=world.sweeping, stream=stream) as w:
            for _ in range(3):
                await w.desk.place(REQUEST)
            batch = await w.desk.cancel_everything()
            assert batch.requests == 1
            assert [leg.order.phase for leg in batch.legs if leg.order] == [P.CANCELED] * 3
            assert batch.is_done
            assert w.caller.ran.count("cancel everything") == 1
            assert w.caller.ran.count("cancel") == 0
            assert w.venue.open() == []

    run_virtually(story())


def test_orders_of_others_go_too(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            theirs = w.venue.place(REQUEST)
            batch = await w.desk.cancel_everything()
            (leg,) = batch.legs
            assert leg.order is not None
            assert leg.order.exchange_order_id == theirs.exchange_order_id
            assert leg.order.phase is P.CANCELED

    run_virtually(story())


def test_without_such_a_request_all_that_is_listed_is_canceled_by_name(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            for _ in range(2):
                await w.desk.place(REQUEST)
            batch = await w.desk.cancel_everything()
            assert batch.requests == 2
            assert w.caller.ran.count("cancel") == 2
            assert w.venue.open() == []

    run_virtually(story())


def test_a_lost_answer_leaves_nothing_open(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.sweeping) as w:
            for _ in range(3):
                await w.desk.place(REQUEST)
            w.caller.fault("cancel everything", "lost_before")
            batch = await w.desk.cancel_everything()
            assert batch.is_done
            assert w.venue.open() == []
            assert w.caller.ran.count("cancel") == 3

    run_virtually(story())


def test_one_that_was_not_sent_says_so_and_cancels_nothing(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.sweeping) as w:
            await w.desk.place(REQUEST)
            w.caller.fault("cancel everything", "not_sent")
            with pytest.raises(NotSent):
                await w.desk.cancel_everything()
            assert len(w.venue.open()) == 1

    run_virtually(story())


def test_nothing_open_is_no_error(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.sweeping) as w:
            assert (await w.desk.cancel_everything()).legs == ()

    run_virtually(story())
