"""An answer that is lost: the order is looked for, and never sent again."""

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from venuekit.limits import Lane
from venuekit.model import (
    ClientOrderId,
    NotSent,
    Order,
    OrderPhase,
    OrderRef,
    OrderRefused,
    OutcomeUnknown,
    StoreError,
    limit_buy,
)
from venuekit.stores import Intent, Scope, open_journal
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab, Venue, World

REQUEST = limit_buy("BTC/USDT", quantity="0.1", price="30000")


def placements(w: "World") -> int:
    return w.caller.ran.count("place")


def test_a_timed_out_order_is_looked_up_and_never_sent_again(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "lost_after")
            order = await w.desk.place(REQUEST)

            assert order.phase is OrderPhase.OPEN
            assert placements(w) == 1
            assert len(w.venue.orders) == 1
            assert order.exchange_order_id == "1"

    run_virtually(story())


def test_an_order_that_fills_at_once_and_loses_its_answer_is_a_success(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.venue.fills_at_once = True
            w.caller.fault("place", "lost_after")
            order = await w.desk.place(REQUEST)

            assert (order.phase, order.filled) == (OrderPhase.FILLED, Decimal("0.1"))
            assert placements(w) == len(w.venue.orders) == 1

    run_virtually(story())


def test_not_found_before_the_proof_is_no_proof(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "late", delay_s=world.window_s - 2)
            order = await w.desk.place(REQUEST)

            assert w.caller.ran.count("fetch order") > 3
            assert order.phase is OrderPhase.OPEN
            assert placements(w) == len(w.venue.orders) == 1

    run_virtually(story())


def test_not_found_after_the_window_proves_that_it_was_never_placed(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "lost_before")
            begun = asyncio.get_running_loop().time()
            with pytest.raises(NotSent, match="no longer appear") as caught:
                await w.desk.place(REQUEST)

            assert asyncio.get_running_loop().time() - begun >= world.window_s
            assert caught.value.failure.reason == "order.never_placed"
            # Every source was asked after the window.
            assert {"fetch order", "fetch open", "fetch past", "fetch fills"} <= set(w.caller.ran)
            assert placements(w) == 1
            (order,) = await w.journal.orders(w.scope)
            assert order.phase is OrderPhase.NEVER_PLACED

    run_virtually(story())


@pytest.mark.parametrize("source", ["fetch order", "fetch open", "fetch past", "fetch fills"])
def test_an_error_while_asking_is_not_a_not_found(world: "Lab", source: str) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "lost_before")
            w.caller.always[source] = world.fault("unavailable")
            with pytest.raises(OutcomeUnknown):
                await w.desk.place(REQUEST)

            (order,) = w.desk.orders()
            assert order.phase is OrderPhase.UNKNOWN
            w.caller.always.clear()
            (after,) = await w.desk.resolve_unknown()
            assert after.phase is OrderPhase.NEVER_PLACED

    run_virtually(story())


def test_the_stream_may_tell_first(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            w.caller.always["fetch order"] = world.fault("unavailable")
            w.caller.fault("place", "late", delay_s=1.0)
            order = await w.desk.place(REQUEST)

            assert order.phase is OrderPhase.OPEN
            assert asyncio.get_running_loop().time() < 1.1

    run_virtually(story())


def test_questions_are_asked_in_the_urgent_lane(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "lost_after")
            await w.desk.place(REQUEST)

            lanes = {lane for what, lane in w.caller.lanes if what == "fetch order"}
            assert [lane.name for lane in lanes if lane is not None] == ["PLACE"]

    run_virtually(story())


@pytest.mark.parametrize(("lane", "are_held"), [(Lane.PLACE, True), (Lane.QUERY, False)])
def test_searches_wait_while_everything_is_compared_urgently(
    world: "Lab", lane: Lane, are_held: bool
) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("fetch open", "hang_before")
            comparing = asyncio.create_task(w.desk.reconcile(resolve=False, lane=lane))
            await asyncio.sleep(0.1)
            w.caller.fault("place", "lost_after")
            placing = asyncio.create_task(w.desk.place(REQUEST))
            await asyncio.sleep(5)
            assert ("fetch order" not in w.caller.ran) is are_held
            assert placing.done() is not are_held

            w.caller.released.set()
            await comparing
            assert (await placing).phase is OrderPhase.OPEN

    run_virtually(story())


@pytest.mark.parametrize("ending", ["cancel", "failure"])
def test_searches_go_on_when_an_urgent_comparison_ends_early(world: "Lab", ending: str) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("fetch open", "hang_before" if ending == "cancel" else "unavailable")
            comparing = asyncio.create_task(w.desk.reconcile(resolve=False, lane=Lane.PLACE))
            await asyncio.sleep(0.1)
            comparing.cancel()
            await asyncio.wait([comparing])
            w.caller.fault("place", "lost_after")
            assert (await w.desk.place(REQUEST)).phase is OrderPhase.OPEN
            assert comparing.cancelled() or comparing.exception() is not None

    run_virtually(story())


def test_without_waiting_the_error_comes_at_once_and_can_be_awaited_for_the_outcome(
    world: "Lab",
) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "lost_after")
            with pytest.raises(OutcomeUnknown) as caught:
                await w.desk.place(REQUEST, wait=False)
            order = w.only()
            assert order.phase is OrderPhase.UNKNOWN
            assert order.client_order_id == caught.value.client_order_id

            found = await caught.value
            assert w.kept(order) == found
            assert found.phase is OrderPhase.OPEN
            assert [change.phase.value for change in w.changes] == ["unknown", "open"]

    run_virtually(story())


@pytest.mark.parametrize("moment", ["hang_before", "hang_after"])
def test_a_canceled_caller_leaves_an_order_that_is_resolved_all_the_same(
    world: "Lab", moment: str
) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", moment)
            placing = asyncio.create_task(w.desk.place(REQUEST))
            await asyncio.sleep(0.1)
            placing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await placing

            (order,) = w.desk.orders()
            assert order.phase is OrderPhase.UNKNOWN
            await w.desk.resolve_unknown()
            expected = OrderPhase.OPEN if moment == "hang_after" else OrderPhase.NEVER_PLACED
            assert w.kept(order).phase is expected
            assert placements(w) == 1

    run_virtually(story())


def test_a_caller_canceled_before_any_attempt_leaves_a_proof(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "hang_before_attempt")
            placing = asyncio.create_task(w.desk.place(REQUEST))
            await asyncio.sleep(0.1)
            placing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await placing

            (order,) = await w.journal.orders(w.scope)
            assert (order.phase, order.reason) == (OrderPhase.NEVER_PLACED, "call.canceled")
            assert w.desk.orders() == []

    run_virtually(story())


def test_a_waiter_that_gives_up_does_not_stop_the_search(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "late", delay_s=5)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await w.desk.place(REQUEST)
            (order,) = w.desk.orders()
            await asyncio.sleep(10)

            assert w.kept(order).phase is OrderPhase.OPEN

    run_virtually(story())


def test_a_duplicate_id_is_a_question_and_no_failure(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place", "reject", reason="order.duplicate_id")
            with pytest.raises(NotSent):
                await w.desk.place(REQUEST)  # it was not there after all, by proof

            assert "fetch order" in w.caller.ran

    run_virtually(story())


def test_a_refusal_that_the_stream_contradicts_gives_the_order(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            w.caller.before_answer = lambda: _refused(world)
            order = await w.desk.place(REQUEST)

            assert order.phase is OrderPhase.OPEN
            (divergence,) = w.desk.divergences()
            assert divergence.kind.value == "move"

    run_virtually(story())


def _refused(world: "Lab") -> None:
    raise world.rejected("order.would_match")


# Restart


async def crashed(venue: "Venue", url: str, *, has_attempt: bool) -> ClientOrderId:
    """Leave what a process leaves that dies while its order is on the wire."""
    journal = await open_journal(url, durability="process")
    scope, name = Scope("venue", "main", "sim"), ClientOrderId("abcde12345")
    request = limit_buy("BTC/USDT", "0.1", "30000", client_order_id=name)
    now_ns = venue.time.now_ns()
    await journal.record_intent(
        Intent(
            scope=scope, client_order_id=name, request=request, intent_key="k", created_ns=now_ns
        )
    )
    if has_attempt:
        journal.record_attempt(scope, name, 1, time_ns=now_ns)
    await journal.close()
    return name


@pytest.mark.parametrize("has_attempt", [True, False])
@pytest.mark.parametrize("is_placed", [True, False])
def test_an_intent_without_outcome_is_resolved_before_anything_is_placed(
    world: "Lab", tmp_path: Path, has_attempt: bool, is_placed: bool
) -> None:
    async def story() -> None:
        venue = world.venue()
        url = f"sqlite:{tmp_path}/journal.db"
        name = await crashed(venue, url, has_attempt=has_attempt)
        if is_placed:
            venue.place(limit_buy("BTC/USDT", "0.1", "30000", client_order_id=name))
        async with world(venue, url=url) as w:
            expected = OrderPhase.OPEN if is_placed else OrderPhase.NEVER_PLACED
            ref = OrderRef(symbol=world.symbol, client_order_id=name)
            assert w.kept(ref).phase is expected
            assert await w.journal.open_intents(w.scope) == []
            assert len(venue.orders) == int(is_placed)

    run_virtually(story())


def test_a_start_that_cannot_find_out_lets_nothing_be_placed(world: "Lab", tmp_path: Path) -> None:
    async def story() -> None:
        venue = world.venue()
        url = f"sqlite:{tmp_path}/journal.db"
        await crashed(venue, url, has_attempt=True)
        async with world(venue, url=url, start=False) as w:
            w.caller.always["fetch order"] = world.fault("unavailable")
            with pytest.raises(OutcomeUnknown):
                await w.desk.start()
            with pytest.raises(Exception, match="not started"):
                await w.desk.place(REQUEST)
            assert placements(w) == 0

            w.caller.always.clear()
            await w.desk.start()
            assert (await w.desk.place(REQUEST)).phase is OrderPhase.OPEN

    run_virtually(story())


def test_leaving_the_desk_keeps_an_unknown_order_for_the_next_start(
    world: "Lab", tmp_path: Path
) -> None:
    async def story() -> None:
        url = f"sqlite:{tmp_path}/journal.db"
        async with world(url=url, stream=False) as w:
            w.caller.fault("place", "lost_after")
            with pytest.raises(OutcomeUnknown):
                await w.desk.place(REQUEST, wait=False)
            order, venue = w.only(), w.venue
        async with world(venue, url=url) as again:
            assert again.kept(order).phase is OrderPhase.OPEN
            assert placements(again) == 0

    run_virtually(story())


# Intent keys


def test_the_same_intent_key_is_the_same_order(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            first = await w.desk.place(REQUEST, intent_key="signal 1")
            second = await w.desk.place(REQUEST, intent_key="signal 1")
            other = await w.desk.place(REQUEST, intent_key="signal 2")

            assert first == second
            assert other.client_order_id != first.client_order_id
            assert placements(w) == len(w.venue.orders) == 2

    run_virtually(story())


def test_two_signals_at_once_with_one_key_are_one_order(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            tasks: list[Coroutine[Any, Any, Order]] = [
                w.desk.place(REQUEST, intent_key="signal") for _ in range(5)
            ]
            orders = await asyncio.gather(*tasks)

            assert len({order.client_order_id for order in orders}) == 1
            assert {order.phase for order in orders} == {OrderPhase.OPEN}
            assert placements(w) == 1

    run_virtually(story())


def test_two_signals_at_once_are_one_order_also_while_the_disk_is_slow(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            find, write = w.journal.intent_of_key, w.journal.record_intent

            async def slow_find(scope: Scope, intent_key: str) -> Intent | None:
                await asyncio.sleep(0.1)
                return await find(scope, intent_key)

            async def slow_write(*intents: Intent) -> None:
                await asyncio.sleep(0.1)
                await write(*intents)

            w.journal.intent_of_key = slow_find  # type: ignore[method-assign]  # a slow disk
            w.journal.record_intent = slow_write  # type: ignore[method-assign]  # a slow disk
            orders = await asyncio.gather(
                *(w.desk.place(REQUEST, intent_key="signal") for _ in range(3))
            )

            assert len({order.client_order_id for order in orders}) == 1
            assert placements(w) == 1

    run_virtually(story())


def test_an_intent_key_outlives_a_restart(world: "Lab", tmp_path: Path) -> None:
    async def story() -> None:
        url = f"sqlite:{tmp_path}/journal.db"
        async with world(url=url) as w:
            first = await w.desk.place(REQUEST, intent_key="signal")
            venue = w.venue
            await w.desk.cancel(first.ref)
        async with world(venue, url=url) as again:
            second = await again.desk.place(REQUEST, intent_key="signal")

            assert second.client_order_id == first.client_order_id
            assert second.phase is OrderPhase.CANCELED
            assert placements(again) == 0

    run_virtually(story())


def test_a_key_whose_order_was_refused_before_it_was_journalled_may_be_used_again(
    world: "Lab",
) -> None:
    async def story() -> None:
        async with world() as w:
            with pytest.raises(OrderRefused, match="minimum of 5"):
                await w.desk.place(limit_buy("BTC/USDT", "0.0001", "1"), intent_key="signal")
            order = await w.desk.place(REQUEST, intent_key="signal")

            assert order.phase is OrderPhase.OPEN

    run_virtually(story())


def test_a_client_order_id_is_never_used_twice(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            request = limit_buy("BTC/USDT", "0.1", "30000", client_order_id="mine-1")
            order = await w.desk.place(request)
            await w.desk.cancel(order.ref)
            with pytest.raises(StoreError, match="used before"):
                await w.desk.place(request)

            assert placements(w) == 1

    run_virtually(story())


def test_while_the_exchange_gives_no_answers_one_search_asks_for_all(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.always["fetch order"] = world.fault("unavailable")
            for _ in range(20):
                w.caller.fault("place", "lost_after")
                with pytest.raises(OutcomeUnknown):
                    await w.desk.place(REQUEST, wait=False)
            await asyncio.sleep(10)
            before = w.caller.ran.count("fetch order")
            await asyncio.sleep(120)
            # Every 32 s at the most rarely, and never twenty at once.
            assert 120 / 32 - 1 <= w.caller.ran.count("fetch order") - before <= 120 / 16 + 1
            del w.caller.always["fetch order"]
            await asyncio.sleep(40)
            assert [order.phase for order in w.desk.orders()] == [OrderPhase.OPEN] * 20

    run_virtually(story())
