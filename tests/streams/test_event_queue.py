"""The queue between a connection and a consumer, and the stream that reads it."""

import asyncio
import gc
from collections.abc import Callable

import pytest

from venuekit.model import Closed, ConsumerTooSlow
from venuekit.streams import EventStream, Policy
from venuekit.streams.queue import EventQueue


def nobody() -> None:
    """Leave nothing."""


def stream_of(queue: EventQueue[int], leave: Callable[[], None] = nobody) -> EventStream[int]:
    return EventStream(queue, leave)


async def test_two_updates_between_two_awaits_are_two_events_in_order() -> None:
    queue: EventQueue[int] = EventQueue("trades")
    stream = stream_of(queue)
    reading = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    queue.put(1)
    queue.put(2)
    assert [await reading, await anext(stream)] == [1, 2]


async def test_a_slow_consumer_gets_what_waited_and_then_the_count_of_what_was_lost() -> None:
    queue: EventQueue[int] = EventQueue("trades BTC/USDT", capacity=3)
    for number in range(8):
        queue.put(number)
    stream = stream_of(queue)
    assert [await anext(stream) for _ in range(3)] == [0, 1, 2]
    queue.put(99)  # there is room, but it would hide the hole
    with pytest.raises(ConsumerTooSlow, match=r"trades BTC/USDT: 6 events") as slow:
        await anext(stream)
    assert slow.value.lost == 6


async def test_the_newest_state_replaces_the_one_that_waits() -> None:
    queue: EventQueue[int] = EventQueue(
        "ticker", policy=Policy.NEWEST, capacity=2, replaces=lambda old, new: old % 2 == new % 2
    )
    for number in (1, 3, 5, 2, 4):
        queue.put(number)
    assert list(queue.items) == [5, 4]


async def test_newest_fails_honestly_when_what_cannot_be_replaced_piles_up() -> None:
    queue: EventQueue[int] = EventQueue(
        "ticker", policy=Policy.NEWEST, capacity=2, replaces=lambda old, new: old == new
    )
    for number in (1, 2, 3, 2):
        queue.put(number)
    stream = stream_of(queue)
    assert [await anext(stream), await anext(stream)] == [1, 2]
    with pytest.raises(ConsumerTooSlow):
        await anext(stream)


async def test_room_is_awaited_until_the_consumer_reads() -> None:
    queue: EventQueue[int] = EventQueue("trades", policy=Policy.WAIT, capacity=2)
    stream = stream_of(queue)
    for number in (1, 2, 3):  # one frame may bring more than fits
        queue.put(number)
    room = asyncio.create_task(queue.room())
    await asyncio.sleep(0)
    assert [await anext(stream), room.done()] == [1, False]
    await asyncio.sleep(0)
    assert [await anext(stream), queue.is_full] == [2, False]
    await room
    assert await anext(stream) == 3


async def test_closing_the_stream_releases_whoever_waits_for_room() -> None:
    queue: EventQueue[int] = EventQueue("trades", policy=Policy.WAIT, capacity=1)
    stream = stream_of(queue)
    queue.put(1)
    room = asyncio.create_task(queue.room())
    await asyncio.sleep(0)
    await stream.aclose()
    await asyncio.wait_for(room, 1)
    assert not queue.is_full


async def test_a_canceled_read_takes_nothing() -> None:
    queue: EventQueue[int] = EventQueue("trades")
    stream = stream_of(queue)
    reading = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    queue.put(1)  # wakes the reader, which is canceled before it runs
    reading.cancel()
    await asyncio.wait([reading])
    assert reading.cancelled()
    assert await anext(stream) == 1


async def test_a_stream_ends_with_the_error_that_ended_it_after_what_waited() -> None:
    queue: EventQueue[int] = EventQueue("trades")
    left: list[str] = []
    stream = stream_of(queue, lambda: left.append("left"))
    queue.put(1)
    queue.end(Closed("closed"))
    queue.put(2)
    assert await anext(stream) == 1
    for _ in range(2):
        with pytest.raises(Closed):
            await anext(stream)
    assert left == ["left"]


async def test_closing_ends_a_waiting_reader_quietly_and_leaves_once() -> None:
    left: list[str] = []
    stream = stream_of(EventQueue("trades"), lambda: left.append("left"))

    async def read() -> list[int]:
        return [number async for number in stream]

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    async with stream:
        pass
    await stream.aclose()
    assert await reading == []
    assert left == ["left"]


async def test_a_forgotten_stream_is_left() -> None:
    left: list[str] = []
    stream = stream_of(EventQueue("trades"), lambda: left.append("left"))
    del stream
    gc.collect()
    await asyncio.sleep(0)
    assert left == ["left"]


async def test_only_one_task_reads_a_stream() -> None:
    queue: EventQueue[int] = EventQueue("trades")
    stream = stream_of(queue)
    first = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="only one task"):
        await anext(stream)
    queue.put(1)
    assert await first == 1


def test_a_queue_needs_room_for_one() -> None:
    with pytest.raises(ValueError, match="capacity=0"):
        EventQueue[int]("trades", capacity=0)
