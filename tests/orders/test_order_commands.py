"""Cancel and amend: the exchange's word alone ends an order."""

import asyncio
import contextlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from venuekit.model import (
    ClientOrderId,
    NotSent,
    OrderNotFound,
    OrderPhase,
    OrderRef,
    OrderRefused,
    OutcomeUnknown,
    Rejected,
    RequestError,
    StoreError,
    limit_buy,
)
from venuekit.stores import RecordKind
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab

REQUEST = limit_buy("BTC/USDT", quantity="0.1", price="30000")


def test_a_canceled_order_is_told_as_it_ended(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.04")
            canceled = await w.desk.cancel(order.ref)

            assert (canceled.phase, canceled.filled) == (OrderPhase.CANCELED, Decimal("0.04"))

    run_virtually(story())


def test_a_cancel_that_races_a_fill_reports_the_fill(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.1")
            after = await w.desk.cancel(order.ref)

            assert (after.phase, after.filled) == (OrderPhase.FILLED, Decimal("0.1"))
            assert w.caller.ran == ["place", "cancel", "fetch order"]

    run_virtually(story())


def test_what_is_known_to_have_ended_is_not_canceled_again(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.1")
            after = await w.desk.cancel(order.ref)

            assert after.phase is OrderPhase.FILLED
            assert "cancel" not in w.caller.ran

    run_virtually(story())


def test_a_lost_cancel_that_worked_is_found_out(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.caller.fault("cancel", "lost_after")
            after = await w.desk.cancel(order.ref)

            assert after.phase is OrderPhase.CANCELED

    run_virtually(story())


def test_a_lost_cancel_that_did_not_work_is_sent_again(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.caller.fault("cancel", "lost_before")
            after = await w.desk.cancel(order.ref)

            assert after.phase is OrderPhase.CANCELED
            assert w.caller.ran.count("cancel") == 2

    run_virtually(story())


def test_unknown_order_is_a_question_while_the_order_is_not_visible_yet(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.caller.fault("cancel", "not_found")
            after = await w.desk.cancel(order.ref)

            assert after.phase is OrderPhase.CANCELED
            assert w.caller.ran == ["place", "cancel", "fetch order", "cancel"]

    run_virtually(story())


def test_a_cancel_leaves_the_order_as_open_as_it_was_when_nothing_can_be_asked(
    world: "Lab",
) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.caller.fault("cancel", "lost_before")
            w.caller.always["fetch order"] = world.fault("unavailable")
            with pytest.raises(OutcomeUnknown, match="could not be asked"):
                await w.desk.cancel(order.ref)

            assert w.kept(order).phase is OrderPhase.OPEN

    run_virtually(story())


def test_an_order_that_nobody_knows_is_not_found(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            ref = OrderRef(symbol=world.symbol, client_order_id=ClientOrderId("nobody"))
            with pytest.raises(OrderNotFound):
                await w.desk.cancel(ref)

    run_virtually(story())


def test_a_refused_cancel_says_so(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            w.caller.fault("cancel", "reject", reason="order.cancel_restricted")
            with pytest.raises(Rejected):
                await w.desk.cancel(order.ref)

            assert w.kept(order).phase is OrderPhase.OPEN

    run_virtually(story())


@pytest.mark.parametrize("is_late", [True, False])
def test_an_unknown_order_is_canceled_as_soon_as_it_is_known_to_be_there(
    world: "Lab", is_late: bool
) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "late" if is_late else "lost_before", delay_s=9.0)
            with pytest.raises(OutcomeUnknown):
                await w.desk.place(REQUEST, wait=False)
            order = w.only()
            after = await w.desk.cancel(order.ref)

            expected = OrderPhase.CANCELED if is_late else OrderPhase.NEVER_PLACED
            assert after.phase is expected
            assert w.venue.open() == []

    run_virtually(story())


@pytest.mark.parametrize("kind", ["none", "lost_after", "lost_before"])
def test_cancel_all_leaves_nothing_open_even_if_its_answer_is_lost(world: "Lab", kind: str) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            for _ in range(3):
                await w.desk.place(REQUEST)
            w.caller.fault("cancel all", kind)
            canceled = await w.desk.cancel_all(world.symbol)

            assert [order.phase for order in canceled] == [OrderPhase.CANCELED] * 3
            assert w.venue.open() == w.desk.orders() == []

    run_virtually(story())


def test_a_list_is_canceled_with_all_its_legs(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            await w.desk.place(REQUEST)
            w.caller.fault("cancel list", "lost_after")
            after = await w.desk.cancel_list("list-1", world.symbol)

            assert not after.is_open
            assert w.desk.orders() == []

    run_virtually(story())


# Amend


def test_an_amended_order_has_its_new_quantity(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            after = await w.desk.amend(order.ref, quantity=Decimal("0.05"))

            assert after.quantity == Decimal("0.05")

    run_virtually(story())


@pytest.mark.parametrize(("kind", "is_done"), [("lost_after", True), ("late", True)])
def test_a_lost_amendment_is_looked_for_until_it_shows(
    world: "Lab", kind: str, is_done: bool
) -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            w.caller.fault("amend", kind, delay_s=6.0)
            after = await w.desk.amend(order.ref, quantity=Decimal("0.05"))

            assert (after.quantity == Decimal("0.05")) == is_done
            assert w.caller.ran.count("amend") == 1

    run_virtually(story())


def test_an_amendment_that_never_arrived_is_proved_so(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            w.caller.fault("amend", "lost_before")
            with pytest.raises(NotSent, match="unchanged"):
                await w.desk.amend(order.ref, quantity=Decimal("0.05"))

            assert asyncio.get_running_loop().time() >= world.window_s
            assert w.kept(order).quantity == Decimal("0.1")

    run_virtually(story())


def test_an_amendment_off_the_grid_is_refused_here(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            with pytest.raises(OrderRefused, match="nearest valid"):
                await w.desk.amend(order.ref, quantity=Decimal("0.050000001"))

            assert "amend" not in w.caller.ran

    run_virtually(story())


# What the history says of commands


@pytest.mark.parametrize(
    ("fault", "states"),
    [
        ("none", ["sent", "done"]),
        ("reject", ["sent", "refused"]),
        ("lost_after", ["sent", "unknown"]),
    ],
)
def test_a_cancel_and_what_came_of_it_stand_in_the_history(
    world: "Lab", fault: str, states: list[str]
) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.caller.fault("cancel", fault)
            with contextlib.suppress(RequestError):
                await w.desk.cancel(order.ref)
            assert order.client_order_id is not None
            history = await w.journal.history(w.scope, order.client_order_id)
            bodies = [json.loads(e.body) for e in history if e.kind is RecordKind.COMMAND]

            assert [(body["command"], body["state"]) for body in bodies] == [
                ("cancel", state) for state in states
            ]
            assert w.desk.pending(order.ref) == frozenset()

    run_virtually(story())


def test_a_pending_cancel_leaves_the_order_as_open_as_it_was(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.caller.fault("cancel", "hang_before")
            canceling = asyncio.create_task(w.desk.cancel(order.ref))
            await asyncio.sleep(1)
            assert w.desk.pending(order.ref) == {"cancel"}
            assert w.kept(order).phase is OrderPhase.OPEN

            canceling.cancel()
            await asyncio.wait([canceling])
            assert w.desk.pending(order.ref) == frozenset()

    run_virtually(story())


def test_a_cancel_goes_out_while_the_journal_fails(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            await w.journal.close()
            after = await w.desk.cancel(order.ref)

            assert after.phase is OrderPhase.CANCELED
            assert w.desk.journal_failure is not None
            with pytest.raises(StoreError):
                await w.desk.place(REQUEST)

    run_virtually(story())


def test_a_cancel_that_never_takes_hold_is_given_up_after_a_few(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            w.caller.always["cancel"] = world.fault("not_found")
            with pytest.raises(OutcomeUnknown, match="its cancel finds it unknown"):
                await w.desk.cancel(order.ref)
            assert w.caller.ran.count("cancel") <= 5
            assert w.kept(order).phase is OrderPhase.OPEN

    run_virtually(story())
