"""The desk: what is let through, what is written before it is sent, and what is told."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import apsw
import attrs
import pytest

from venuekit.model import (
    Closed,
    ConsumerTooSlow,
    InstrumentNotFound,
    ListKind,
    NotSent,
    Order,
    OrderEvent,
    OrderListRequest,
    OrderPhase,
    OrderRefused,
    Rejected,
    StoreError,
    limit_buy,
    limit_sell,
    market_buy,
)
from venuekit.retry import Caller
from venuekit.stores import RecordKind, SqliteJournal
from venuekit.stores.database import open_database
from venuekit.stores.lane import InlineLane
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab
    from venuekit.orders import Asker

REQUEST = limit_buy("BTC/USDT", quantity="0.1", price="30000")


def test_the_real_caller_is_an_asker() -> None:
    def fits(caller: Caller) -> "Asker":
        return caller

    assert fits.__annotations__["caller"] is Caller


# Placing


def test_an_order_is_placed_and_its_history_tells_every_step(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            order = await w.desk.place(REQUEST)
            name = order.client_order_id
            assert name is not None
            history = await w.journal.history(w.scope, name)

            assert order.phase is OrderPhase.OPEN
            assert [entry.kind for entry in history] == [
                RecordKind.INTENT,
                RecordKind.ATTEMPT,
                RecordKind.ORDER,
            ]
            assert await w.journal.open_intents(w.scope) == []
            assert await w.journal.order(w.scope, order.ref) == order

    run_virtually(story())


def test_the_intent_is_in_the_journal_before_the_request_is_sent(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            seen: list[int] = []
            send = w.caller.run

            async def watched(*args: Any, **kwargs: Any) -> Any:
                seen.extend(o.attempt for o in await w.journal.open_intents(w.scope))
                return await send(*args, **kwargs)

            w.caller.run = watched  # type: ignore[method-assign]  # looks in on the way
            await w.desk.place(REQUEST)

            assert seen == [0]

    run_virtually(story())


def test_a_fill_before_the_answer_is_known_when_the_answer_comes(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            w.venue.fills_at_once = True
            order = await w.desk.place(REQUEST)

            assert order.phase is OrderPhase.FILLED
            assert [fill.quantity for fill in order.fills] == [Decimal("0.1")]
            assert len(await w.journal.fills(w.scope)) == 1

    run_virtually(story())


def test_an_answer_that_comes_after_the_end_changes_nothing(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            w.caller.fault("place", "hang_after")
            placing = asyncio.create_task(w.desk.place(REQUEST))
            await asyncio.sleep(1)
            (order,) = w.venue.open()
            w.venue.trade(order, "0.1")
            w.caller.released.set()
            placed = await placing

            assert placed.phase is OrderPhase.FILLED
            assert w.desk.divergences() == []

    run_virtually(story())


def test_an_order_that_breaks_a_rule_is_neither_written_nor_sent(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            with pytest.raises(OrderRefused) as caught:
                await w.desk.place(limit_buy("BTC/USDT", "0.1", "30000.001"))

            (violation,) = caught.value.violations
            assert violation.reason == "price.off_tick"
            assert violation.nearest == (Decimal("30000.00"), Decimal("30000.01"))
            assert w.caller.ran == []
            assert await w.journal.orders(w.scope) == []

    run_virtually(story())


def test_a_veto_refuses_before_the_journal(world: "Lab") -> None:
    async def story() -> None:
        async with world(vetoes=[lambda *_: "not on Sundays", lambda *_: None]) as w:
            with pytest.raises(OrderRefused, match="not on Sundays"):
                await w.desk.place(REQUEST)

            assert w.caller.ran == []
            assert await w.journal.orders(w.scope) == []

    run_virtually(story())


def test_what_the_adapter_cannot_express_is_refused_before_the_journal(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            with pytest.raises(OrderRefused, match="nonsense is unknown"):
                await w.desk.place(attrs.evolve(REQUEST, options={"nonsense": "1"}))

            assert await w.journal.orders(w.scope) == []

    run_virtually(story())


def test_an_unlisted_symbol_suggests_the_nearest(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            with pytest.raises(InstrumentNotFound, match="BTC/USDT"):
                await w.desk.place(limit_buy("BTC/USDC", "0.1", "30000"))

    run_virtually(story())


def test_proof_that_nothing_was_sent_is_the_end_of_the_order(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            w.caller.fault("place", "not_sent", reason="network.not_sent")
            with pytest.raises(NotSent):
                await w.desk.place(REQUEST)

            (order,) = await w.journal.orders(w.scope)
            assert (order.phase, order.reason) == (OrderPhase.NEVER_PLACED, "network.not_sent")

    run_virtually(story())


def test_a_documented_refusal_is_the_end_of_the_order(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            w.caller.fault("place", "reject", reason="balance.insufficient")
            with pytest.raises(Rejected):
                await w.desk.place(REQUEST)

            (order,) = await w.journal.orders(w.scope)
            assert (order.phase, order.reason) == (OrderPhase.REJECTED, "balance.insufficient")

    run_virtually(story())


def test_the_errors_of_the_application_come_out_unwrapped(world: "Lab") -> None:
    async def story() -> None:
        async with world():
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run_virtually(story())


def test_nothing_is_placed_before_the_start_nor_after_the_end(world: "Lab") -> None:
    async def story() -> None:
        async with world(start=False) as w:
            with pytest.raises(Closed, match="not started"):
                await w.desk.place(REQUEST)
            await w.desk.start()
            await w.desk.start()
        with pytest.raises(Closed, match="is closed"):
            await w.desk.place(REQUEST)
        assert "place" not in w.caller.ran

    run_virtually(story())


# The journal fails


def full_journal() -> tuple[SqliteJournal, apsw.Connection]:
    """Give a journal whose disk can be filled: `max_page_count` makes SQLite's own SQLITE_FULL."""
    connection = open_database(None, synchronous="NORMAL")
    return SqliteJournal(InlineLane(connection)), connection


def fill_up(connection: apsw.Connection) -> None:
    connection.pragma("max_page_count", connection.pragma("page_count"))
    connection.pragma("cache_spill", 0)


def test_a_full_disk_refuses_orders_and_lets_cancels_through(world: "Lab") -> None:
    async def story() -> None:
        journal, connection = full_journal()
        async with world(journal=journal) as w:
            first = await w.desk.place(REQUEST)
            fill_up(connection)
            sent = len(w.venue.orders)

            async def place_until_full() -> None:
                nonlocal sent
                for number in range(500):
                    name = f"{number:036d}"
                    await w.desk.place(limit_buy("BTC/USDT", "0.1", "30000", client_order_id=name))
                    sent += 1

            with pytest.raises(StoreError, match="no more orders"):
                await place_until_full()
            # What was refused was not sent; an attempt or an outcome that could not be written
            # leaves an order that may be sent, and is known here.
            assert len(w.venue.orders) - sent in {0, 1}
            known = {order.client_order_id for order in w.desk.orders(open_only=False)}
            assert {order.client_order_id for order in w.venue.orders.values()} <= known
            assert w.desk.journal_failure is not None
            count = len(w.venue.orders)
            with pytest.raises(StoreError):
                await w.desk.place(REQUEST)
            assert len(w.venue.orders) == count

            canceled = await w.desk.cancel(first.ref)
            assert canceled.phase is OrderPhase.CANCELED

        await journal.close()

    run_virtually(story())


def test_an_attempt_that_cannot_be_written_is_not_made(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:

            def broken(*_: object, **__: object) -> None:
                raise StoreError("no space left")

            w.journal.record_attempt = broken  # type: ignore[method-assign]  # a disk that fails now
            with pytest.raises(StoreError, match="no space"):
                await w.desk.place(REQUEST)

            assert w.venue.orders == {}
            (order,) = w.desk.orders(open_only=False)
            assert order.phase is OrderPhase.DENIED

    run_virtually(story())


# What is told


def test_changes_are_told_in_order(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            changes = w.desk.changes()
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.04")
            w.venue.trade(order, "0.06")
            seen = [await anext(changes) for _ in range(3)]

            assert [(each.phase.value, each.filled) for each in seen] == [
                ("open", Decimal(0)),
                ("partially_filled", Decimal("0.04")),
                ("filled", Decimal("0.10")),
            ]
            assert w.changes == seen

    run_virtually(story())


def test_a_slow_subscriber_is_told_what_it_lost(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            changes = w.desk.changes(capacity=2)
            for _ in range(5):
                await w.desk.place(REQUEST)
            assert [(await anext(changes)).phase.value for _ in range(2)] == ["open", "open"]
            with pytest.raises(ConsumerTooSlow) as caught:
                await anext(changes)
            assert caught.value.lost == 3

            await w.desk.place(REQUEST)
            assert (await anext(changes)).phase is OrderPhase.OPEN

    run_virtually(story())


def test_a_feed_ends_with_the_desk(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            changes = w.desk.changes()
        assert [order async for order in changes] == []

    run_virtually(story())


def test_an_observer_that_raises_hurts_nobody(world: "Lab") -> None:
    def broken(_: Order) -> None:
        raise RuntimeError("observer")

    async def story() -> None:
        async with world() as w:
            w.desk._register._observers = (broken, *w.desk._register._observers)
            order = await w.desk.place(REQUEST)

            assert order.phase is OrderPhase.OPEN
            assert [each.phase for each in w.changes] == [OrderPhase.OPEN]

    run_virtually(story())


def test_events_before_the_journal_is_read_are_held_back(world: "Lab") -> None:
    async def story() -> None:
        async with world(start=False) as w:
            order = w.venue.place(limit_buy("BTC/USDT", "1", "30000", client_order_id="theirs"))
            assert w.desk.order(order.ref) is None
            await w.desk.start()

            assert w.kept(order).phase is OrderPhase.OPEN

    run_virtually(story())


def test_duplicate_fills_count_once(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            fill = w.venue.trade(order, "0.04")
            for _ in range(3):
                w.desk.on_order_event(OrderEvent(order=w.venue.told("1"), fill=fill))

            assert w.kept(order).filled == Decimal("0.04")
            assert len(await w.journal.fills(w.scope)) == 1
            assert len(w.changes) == 2

    run_virtually(story())


def test_a_real_fill_after_the_cancel_is_booked_and_reported(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            await w.desk.cancel(order.ref)
            w.venue.trade(w.venue.told("1"), "0.03")

            after = w.kept(order)
            assert (after.phase, after.filled) == (OrderPhase.CANCELED, Decimal("0.03"))
            (divergence,) = w.desk.divergences()
            assert divergence.kind.value == "late_fill"
            assert [f.quantity for f in await w.journal.fills(w.scope)] == [Decimal("0.03")]

    run_virtually(story())


# Combined


def test_a_replacement_answers_for_both_halves(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            old = await w.desk.place(REQUEST)
            both = await w.desk.replace(old.ref, limit_buy("BTC/USDT", "0.2", "29000"))

            assert both.canceled is not None
            assert both.placed is not None
            assert both.canceled.phase is OrderPhase.CANCELED
            assert w.kept(both.placed) == both.placed
            assert both.placed.quantity == Decimal("0.2")

    run_virtually(story())


@pytest.mark.parametrize("kind", ["lost_after", "lost_before"])
def test_a_lost_replacement_is_found_out_half_by_half(world: "Lab", kind: str) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            old = await w.desk.place(REQUEST)
            w.caller.fault("replace", kind)
            both = await w.desk.replace(old.ref, limit_buy("BTC/USDT", "0.2", "29000"))

            is_done = kind == "lost_after"
            assert (both.placed is not None) == is_done
            assert (both.canceled is not None) == is_done
            assert both.place_failure == (None if is_done else "order.never_placed")
            assert both.cancel_failure == (None if is_done else "order.still_open")
            assert w.caller.ran.count("replace") == 1

    run_virtually(story())


LIST = OrderListRequest(
    kind=ListKind.OCO,
    legs=(limit_sell("BTC/USDT", "0.1", "40000"), limit_sell("BTC/USDT", "0.1", "41000")),
)


@pytest.mark.parametrize("kind", ["none", "lost_after"])
def test_every_leg_of_a_list_has_its_intent_and_its_order(world: "Lab", kind: str) -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place list", kind)
            placed = await w.desk.place_list(LIST)

            assert [leg.phase for leg in placed.orders] == [OrderPhase.OPEN] * 2
            assert len({leg.client_order_id for leg in placed.orders}) == 2
            assert await w.journal.open_intents(w.scope) == []
            assert w.caller.ran.count("place list") == 1

    run_virtually(story())


def test_a_list_that_never_arrived_is_not_sent(world: "Lab") -> None:
    async def story() -> None:
        async with world(stream=False) as w:
            w.caller.fault("place list", "lost_before")
            w.caller.always["fetch list"] = world.fault("not_found")
            with pytest.raises(NotSent):
                await w.desk.place_list(LIST)

            phases = {order.phase for order in await w.journal.orders(w.scope)}
            assert phases == {OrderPhase.NEVER_PLACED}

    run_virtually(story())


def test_a_market_order_needs_no_price(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            w.venue.fills_at_once = True
            order = await w.desk.place(market_buy("BTC/USDT", "0.1"))

            assert order.phase is OrderPhase.FILLED

    run_virtually(story())


# What the exchange said


def test_the_history_keeps_the_answers_beside_what_was_made_of_them_without_secrets(
    world: "Lab",
) -> None:
    async def story() -> None:
        def redact(text: str) -> str:
            return text.replace("secret", "[redacted]")

        async with world(redact=redact, stream=False) as w:
            order = await w.desk.place(REQUEST)
            await w.desk.cancel(order.ref)
            name = order.client_order_id
            assert name is not None
            raws = [entry.raw for entry in await w.journal.history(w.scope, name)]

            assert "200 place with [redacted]" in raws
            assert "200 cancel with [redacted]" in raws
            assert not any("secret" in raw for raw in raws)

    run_virtually(story())


def test_a_rejection_is_kept_with_its_answer(world: "Lab") -> None:
    async def story() -> None:
        async with world(redact=str) as w:
            w.caller.fault("place", "reject")
            with pytest.raises(Rejected) as caught:
                await w.desk.place(REQUEST)
            (order,) = w.desk.orders(open_only=False)
            assert order.client_order_id is not None
            last = (await w.journal.history(w.scope, order.client_order_id))[-1]
            assert (last.phase, last.raw) == (OrderPhase.REJECTED, "200 place with secret")
            assert caught.value.failure.reason == order.reason

    run_virtually(story())


def test_without_somebody_to_clean_them_answers_are_not_kept(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            order = await w.desk.place(REQUEST)
            assert order.client_order_id is not None
            history = await w.journal.history(w.scope, order.client_order_id)
            assert {entry.raw for entry in history} == {""}

    run_virtually(story())


def test_an_event_of_the_stream_is_kept_with_its_frame(world: "Lab") -> None:
    async def story() -> None:
        async with world(redact=str, stream=False) as w:
            order = await w.desk.place(REQUEST)
            after = attrs.evolve(order, phase=OrderPhase.CANCELED, updated_ns=2**62)
            w.desk.on_order_event(OrderEvent(order=after, raw='{"e":"executionReport"}'))
            assert order.client_order_id is not None
            last = (await w.journal.history(w.scope, order.client_order_id))[-1]
            assert last.raw == '{"e":"executionReport"}'

    run_virtually(story())
