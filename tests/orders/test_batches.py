"""Several orders at once: each leg is answered for as if it had gone alone."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from venuekit.model import (
    Advice,
    Failure,
    OrderPhase,
    OrderRefused,
    OrderRequest,
    Outcome,
    OutcomeUnknown,
    Rejected,
    StoreError,
    limit_buy,
)
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab

P = OrderPhase


def requests(*quantities: str) -> list[OrderRequest]:
    return [limit_buy("BTC/USDT", quantity, "30000") for quantity in quantities]


def refusal(outcome: Outcome = Outcome.REJECTED) -> Failure:
    return Failure(outcome=outcome, advice=Advice.NEVER, reason="balance.insufficient")


def test_orders_go_out_in_as_few_requests_as_the_exchange_takes(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch) as w:
            batch = await w.desk.place_many(requests(*["0.1"] * 9))

            assert batch.is_done
            assert [leg.order.phase for leg in batch.legs if leg.order] == [P.OPEN] * 9
            assert batch.requests == 3
            assert sorted(w.caller.ran) == ["place", "place many", "place many"]
            assert len(w.venue.open()) == 9

    run_virtually(story())


def test_legs_come_back_in_the_order_in_which_they_were_asked_for(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch) as w:
            w.venue.refusals[Decimal("0.2")] = refusal()
            batch = await w.desk.place_many(requests("0.1", "0.2", "0.3"))

            assert [leg.order and leg.order.quantity for leg in batch.legs] == [
                Decimal("0.1"),
                Decimal("0.2"),
                Decimal("0.3"),
            ]
            assert [leg.is_done for leg in batch.legs] == [True, False, True]
            refused = batch.legs[1]
            assert refused.order is not None
            assert refused.order.phase is P.REJECTED
            assert isinstance(refused.error, Rejected)
            assert refused.error.failure.reason == "balance.insufficient"

    run_virtually(story())


def test_where_the_exchange_takes_one_at_a_time_they_go_one_by_one_and_that_is_told(
    world: "Lab",
) -> None:
    async def story() -> None:
        async with world() as w:
            batch = await w.desk.place_many(requests("0.1", "0.2", "0.3"))
            canceled = await w.desk.cancel_many([leg.order.ref for leg in batch.legs if leg.order])

            assert (batch.requests, canceled.requests) == (3, 3)
            assert [leg.order.phase for leg in canceled.legs if leg.order] == [P.CANCELED] * 3

    run_virtually(story())


def test_one_that_breaks_a_rule_keeps_all_of_them_here(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch) as w:
            with pytest.raises(OrderRefused, match="order 2 of 3"):
                await w.desk.place_many(requests("0.1", "0.0000001", "0.3"))
            twins = [limit_buy("BTC/USDT", "0.1", "30000", client_order_id="same")] * 2
            with pytest.raises(OrderRefused, match="stands twice"):
                await w.desk.place_many(twins)
            assert w.caller.ran == []
            assert w.desk.orders(open_only=False) == []

    run_virtually(story())


@pytest.mark.parametrize(("fault", "phase"), [("lost_after", P.OPEN), ("lost_before", None)])
def test_a_lost_answer_is_found_out_for_every_leg(
    world: "Lab", fault: str, phase: OrderPhase | None
) -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch, stream=False) as w:
            w.caller.fault("place many", fault)
            batch = await w.desk.place_many(requests("0.1", "0.2", "0.3"))

            found = [leg.order.phase for leg in batch.legs if leg.order]
            assert found == [phase or P.NEVER_PLACED] * 3
            assert len(w.venue.orders) == (3 if phase else 0)
            assert w.caller.ran.count("place many") == 1

    run_virtually(story())


def test_without_waiting_an_unknown_leg_can_be_awaited(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch, stream=False) as w:
            w.caller.fault("place many", "lost_after")
            batch = await w.desk.place_many(requests("0.1", "0.2"), wait=False)
            for leg in batch.legs:
                assert isinstance(leg.error, OutcomeUnknown)
                assert (await leg.error).phase is P.OPEN

    run_virtually(story())


def test_a_leg_of_which_the_answer_says_nothing_certain_is_looked_up(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch, stream=False) as w:
            w.venue.refusals[Decimal("0.2")] = refusal(Outcome.UNKNOWN)
            batch = await w.desk.place_many(requests("0.1", "0.2"))
            assert [leg.order and leg.order.phase for leg in batch.legs] == [P.OPEN, P.NEVER_PLACED]

    run_virtually(story())


def test_canceled_in_the_middle_every_leg_is_concluded_or_looked_for(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch, stream=False) as w:
            w.caller.fault("place many", "hang_before_attempt")
            w.caller.fault("place many", "hang_after")
            placing = asyncio.create_task(w.desk.place_many(requests(*["0.1"] * 8)))
            await asyncio.sleep(0.1)
            placing.cancel()
            await asyncio.wait([placing])
            await w.desk.resolve_unknown()

            phases = [order.phase for order in w.desk.orders(open_only=False)]
            assert sorted(p.value for p in phases) == ["never_placed"] * 4 + ["open"] * 4
            assert len(w.venue.open()) == 4

    run_virtually(story())


def test_a_task_that_is_canceled_before_its_first_step_leaves_nothing_prepared(
    world: "Lab",
) -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch) as w:
            placing = asyncio.create_task(w.desk.place_many(requests(*["0.1"] * 8)))
            await asyncio.sleep(0)
            placing.cancel()
            await asyncio.wait([placing])
            await w.desk.resolve_unknown()

            orders = w.desk.orders(open_only=False)
            assert {order.phase for order in orders} <= {P.NEVER_PLACED, P.OPEN}
            assert len(w.venue.open()) == sum(order.phase is P.OPEN for order in orders)

    run_virtually(story())


def test_a_failing_journal_sends_none_of_them(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch) as w:
            await w.journal.close()
            with pytest.raises(StoreError):
                await w.desk.place_many(requests("0.1", "0.2"))
            assert w.caller.ran == []

    run_virtually(story())


@pytest.mark.parametrize("fault", ["none", "lost_after", "lost_before", "reject"])
def test_fifty_cancels_leave_nothing_open_whatever_happens_to_the_answers(
    world: "Lab", fault: str
) -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch, stream=False) as w:
            placed = await w.desk.place_many(requests(*["0.1"] * 50))
            w.caller.fault("cancel many", fault)
            refs = [leg.order.ref for leg in placed.legs if leg.order]
            batch = await w.desk.cancel_many(refs)

            assert [leg.order.phase for leg in batch.legs if leg.order] == [P.CANCELED] * 50
            assert batch.is_done
            assert batch.requests == 5
            assert w.venue.open() == []

    run_virtually(story())


def test_a_fill_that_was_faster_than_its_cancel_is_the_answer(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch, stream=False) as w:
            placed = await w.desk.place_many(requests("0.1", "0.2"))
            first, second = (leg.order for leg in placed.legs)
            assert first is not None
            assert second is not None
            w.venue.trade(first, "0.1")
            batch = await w.desk.cancel_many([first.ref, second.ref])

            assert [leg.order and leg.order.phase for leg in batch.legs] == [P.FILLED, P.CANCELED]

    run_virtually(story())


def test_nothing_is_asked_for_no_orders(world: "Lab") -> None:
    async def story() -> None:
        async with world(adapter_class=world.batch) as w:
            assert (await w.desk.place_many([])).legs == ()
            assert (await w.desk.cancel_many([])).requests == 0
            assert w.caller.ran == []

    run_virtually(story())
