"""Events out of the journal: none is lost, none is invented, and each keeps its number."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from venuekit.model import OrderPhase, StoreError, limit_buy
from venuekit.testing.virtual_time import run_virtually

if TYPE_CHECKING:
    from tests.orders.conftest import Lab
    from venuekit.orders import OrderEvents
    from venuekit.stores import JournalEvent

REQUEST = limit_buy("BTC/USDT", quantity="0.1", price="30000")


async def read(events: "OrderEvents", count: int) -> list["JournalEvent"]:
    async with asyncio.timeout(5):
        return [await anext(events) for _ in range(count)]


async def nothing_more(events: "OrderEvents") -> bool:
    return await events.next_within(1.0) is None


def test_each_change_and_each_fill_is_an_event_in_the_order_in_which_it_was_written(
    world: "Lab",
) -> None:
    async def story() -> None:
        async with world() as w, await w.desk.events("bot") as events:
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.04")
            w.venue.trade(order, "0.06")

            told = await read(events, 5)
            assert [event.order.phase.value for event in told] == [
                "open",
                *["partially_filled"] * 2,
                *["filled"] * 2,
            ]
            fills = [event.fill for event in told if event.fill is not None]
            assert [fill.quantity for fill in fills] == [Decimal("0.04"), Decimal("0.06")]
            numbers = [event.number for event in told]
            assert numbers == sorted(set(numbers))
            assert await nothing_more(events)

    run_virtually(story())


def test_a_new_consumer_begins_now_or_with_the_oldest_event(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            await w.desk.place(REQUEST)
            assert await nothing_more(await w.desk.events("later"))
            (first,) = await read(await w.desk.events("historian", from_start=True), 1)
            assert first.order.phase is OrderPhase.OPEN

    run_virtually(story())


def test_after_a_restart_the_event_that_was_being_dealt_with_comes_again_and_no_other(
    world: "Lab", tmp_path: Path
) -> None:
    async def story() -> None:
        url = f"sqlite:{tmp_path}/journal.db"
        async with world(url=url) as w:
            events = await w.desk.events("bot")
            order = await w.desk.place(REQUEST)
            w.venue.trade(order, "0.04")
            done, in_hand = await read(events, 2)
            venue = w.venue
        async with world(venue, url=url) as again:
            venue.trade(order, "0.06")
            told = await read(await again.desk.events("bot"), 4)

            assert done.number not in {event.number for event in told}
            assert told[0] == in_hand
            traded = {event.fill.trade_id for event in told if event.fill is not None}
            assert len(traded) == 2

    run_virtually(story())


def test_consumers_keep_their_places_apart(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            fast, slow = await w.desk.events("fast"), await w.desk.events("slow")
            await w.desk.place(REQUEST)
            await w.desk.place(REQUEST)
            assert len(await read(fast, 2)) == 2
            fast.done()
            assert len(await read(await w.desk.events("slow"), 2)) == 2
            assert await nothing_more(await w.desk.events("fast"))
            await slow.aclose()

    run_virtually(story())


def test_a_failing_journal_is_told_to_who_reads_from_it(world: "Lab") -> None:
    async def story() -> None:
        async with world() as w:
            events = await w.desk.events("bot")
            await w.journal.close()
            with pytest.raises(StoreError):
                await anext(events)

    run_virtually(story())


def test_the_events_end_with_the_desk(world: "Lab", tmp_path: Path) -> None:
    async def story() -> None:
        async with world() as w:
            events = await w.desk.events("bot")
            reading = asyncio.create_task(events.next_within(60))
            await asyncio.sleep(1)
            await events.aclose()
            with pytest.raises(Exception, match="there are no more events"):
                await reading

    run_virtually(story())
