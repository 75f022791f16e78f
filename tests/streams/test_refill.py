"""Trades that a stream missed are asked for, and delivered where they belong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from venuekit.model import Gap, StreamState, Trade, VenuekitError
from venuekit.plugin import Subscription, Topic
from venuekit.streams import EventStream, StreamHub, TradesOutOfReach
from venuekit.streams.refill import MOST_TRADES

if TYPE_CHECKING:
    from tests.streams.conftest import Make, Venue

TRADES = "trades BTC/USDT"


class Archive:
    """What the exchange tells by REST: trades up to a number, a page at a time."""

    def __init__(self, make: "type[Make]") -> None:
        self.newest = 0
        self.oldest = 1
        self.page = 3
        self.asked: list[str] = []
        self.is_down = False
        self.takes_s = 0.1
        self._make = make

    def serves(self, subscription: Subscription) -> bool:
        return subscription.topic is Topic.TRADES

    async def __call__(self, subscription: Subscription, last: Trade, /) -> Sequence[Trade]:
        assert subscription == self._make.trades()
        self.asked.append(last.trade_id)
        await asyncio.sleep(self.takes_s)
        if self.is_down:
            raise VenuekitError("503")
        first = int(last.trade_id) + 1
        if first < self.oldest:
            raise TradesOutOfReach(f"nothing is told before {self.oldest}")
        return [self._make.trade(n) for n in range(first, min(first + self.page, self.newest + 1))]


@pytest.fixture
def archive(make: "type[Make]") -> Archive:
    return Archive(make)


@pytest_asyncio.fixture
async def hub(new_hub: Callable[..., StreamHub], archive: Archive) -> AsyncIterator[StreamHub]:
    async with new_hub(missed=archive) as hub:
        yield hub
    leftover = asyncio.all_tasks() - {asyncio.current_task()}
    assert not leftover, "a task outlived the hub"


async def taken(stream: EventStream[Any], count: int) -> list[Any]:
    async with asyncio.timeout(0.5):
        return [await anext(stream) for _ in range(count)]


def numbers(events: Sequence[Any]) -> list[int]:
    return [int(event.trade_id) for event in events if isinstance(event, Trade)]


async def interrupted(
    hub: StreamHub, venue: "Venue", make: "type[Make]", **options: Any
) -> EventStream[Any]:
    """Subscribe, hear trade 1, lose the socket; the exchange takes a new one."""
    stream = hub.subscribe(make.trades(), **options)
    await hub.live(make.trades())
    venue.publish(TRADES, make.trade(1))
    assert numbers(await taken(stream, 1)) == [1]
    venue.sockets[-1].drop()
    await _subscribed(venue)
    return stream


async def _subscribed(venue: "Venue") -> None:
    for _ in range(6000):
        if venue.subscribed == [TRADES]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(venue.subscribed)


async def _pinged(venue: "Venue", seconds: int) -> None:
    for _ in range(seconds):
        await asyncio.sleep(1)
        venue.sockets[-1].ping()


async def test_what_was_missed_is_delivered_after_its_gap_and_before_what_came_since(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    stream = await interrupted(hub, venue, make)
    archive.newest = 9
    venue.publish(TRADES, make.trade(8), make.trade(9))
    await hub.live(make.trades())
    gap, *trades = await taken(stream, 9)
    assert isinstance(gap, Gap)
    assert (gap.after_id, gap.before_id, gap.is_filled) == ("1", "8", True)
    assert numbers(trades) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert archive.asked == ["1", "4", "7"]


async def test_a_stream_is_not_live_before_its_gap_is_filled(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    archive.takes_s = 3.0
    stream = await interrupted(hub, venue, make)
    archive.newest = 3
    venue.publish(TRADES, make.trade(3))
    await asyncio.sleep(1)
    assert hub.state_of(make.trades()) is StreamState.RESYNCING
    assert stream.waiting == 0
    await asyncio.sleep(3)
    assert hub.state_of(make.trades()) is StreamState.LIVE
    assert numbers(await taken(stream, 3)) == [2, 3]


async def test_an_answer_older_than_the_stream_is_asked_for_again(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    stream = await interrupted(hub, venue, make)
    archive.newest = 2
    venue.publish(TRADES, make.trade(5))
    await asyncio.sleep(1)
    assert hub.state_of(make.trades()) is StreamState.RESYNCING
    archive.newest = 6
    await hub.live(make.trades())
    assert numbers(await taken(stream, 5)) == [2, 3, 4, 5]


async def test_what_the_exchange_told_before_its_stream_did_is_not_delivered_again(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    stream = await interrupted(hub, venue, make)
    archive.newest = 4
    venue.publish(TRADES, make.trade(2))
    await hub.live(make.trades())
    assert numbers(await taken(stream, 4)) == [2, 3, 4]
    venue.publish(TRADES, *[make.trade(number) for number in range(3, 7)])
    assert numbers(await taken(stream, 2)) == [5, 6]


async def test_a_loss_right_after_a_filled_gap_begins_where_the_stream_had_come_to(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    stream = await interrupted(hub, venue, make)
    archive.newest = 4
    venue.publish(TRADES, make.trade(2))
    await hub.live(make.trades())
    assert numbers(await taken(stream, 4)) == [2, 3, 4]
    venue.sockets[-1].drop()
    await _subscribed(venue)
    archive.newest = 6
    venue.publish(TRADES, make.trade(6))
    await hub.live(make.trades())
    assert numbers(await taken(stream, 3)) == [5, 6]


async def test_a_quiet_market_is_live_when_nothing_was_missed(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    stream = await interrupted(hub, venue, make)
    archive.newest = 2
    await hub.live(make.trades())
    gap, trade = await taken(stream, 2)
    assert (gap.before_id, gap.is_filled, trade.trade_id) == (None, True, "2")
    venue.publish(TRADES, make.trade(3))
    assert numbers(await taken(stream, 1)) == [3]


async def test_what_the_exchange_no_longer_tells_is_a_gap_with_its_reason(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    stream = await interrupted(hub, venue, make)
    archive.newest, archive.oldest = 900, 500
    venue.publish(TRADES, make.trade(900))
    await hub.live(make.trades())
    gap, trade = await taken(stream, 2)
    assert (gap.after_id, gap.before_id, gap.is_filled) == ("1", "900", False)
    assert "nothing is told before 500" in gap.text
    assert trade.trade_id == "900"


async def test_an_exchange_that_cannot_be_asked_does_not_stop_the_stream_for_ever(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    archive.is_down = True
    stream = await interrupted(hub, venue, make)
    venue.publish(TRADES, make.trade(5))
    await _pinged(venue, 62)
    assert hub.state_of(make.trades()) is StreamState.LIVE
    gap, trade = await taken(stream, 2)
    assert (gap.after_id, gap.before_id, gap.is_filled) == ("1", "5", False)
    assert "within 60 s" in gap.text
    assert trade.trade_id == "5"


async def test_a_second_loss_in_the_middle_of_it_is_filled_with_the_first(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    archive.takes_s = 2.0
    stream = await interrupted(hub, venue, make)
    archive.newest = 4
    venue.publish(TRADES, make.trade(3), make.trade(4))
    await asyncio.sleep(1)
    venue.sockets[-1].drop()
    await _subscribed(venue)
    archive.newest = 8
    venue.publish(TRADES, make.trade(7), make.trade(8))
    await hub.live(make.trades())
    gap, *trades = await taken(stream, 8)
    assert (gap.after_id, gap.before_id, gap.is_filled) == ("1", "7", True)
    assert numbers(trades) == [2, 3, 4, 5, 6, 7, 8]


async def test_what_cannot_be_filled_keeps_what_came_between_two_losses(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    archive.is_down = True
    stream = await interrupted(hub, venue, make)
    venue.publish(TRADES, make.trade(3), make.trade(4))
    await asyncio.sleep(1)
    venue.sockets[-1].drop()
    await _subscribed(venue)
    venue.publish(TRADES, make.trade(8))
    await _pinged(venue, 70)
    first, three, four, second, eight = await taken(stream, 5)
    assert (first.after_id, first.before_id) == ("1", "3")
    assert numbers([three, four, eight]) == [3, 4, 8]
    assert (second.after_id, second.before_id) == ("4", "8")
    assert not first.is_filled
    assert not second.is_filled


async def test_more_than_is_restored_is_a_gap(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    archive.page, archive.newest = 1000, MOST_TRADES * 2
    stream = await interrupted(hub, venue, make, capacity=MOST_TRADES * 2)
    venue.publish(TRADES, make.trade(MOST_TRADES * 2))
    await hub.live(make.trades())
    events = await taken(stream, MOST_TRADES + 2)
    assert numbers(events[:MOST_TRADES]) == list(range(2, MOST_TRADES + 2))
    gap = events[MOST_TRADES]
    assert (gap.after_id, gap.before_id) == (str(MOST_TRADES + 1), str(MOST_TRADES * 2))
    assert f"more than {MOST_TRADES} are missing" in gap.text


async def test_an_unreadable_frame_is_a_gap_that_is_filled_on_the_same_socket(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    stream = hub.subscribe(make.trades())
    await hub.live(make.trades())
    venue.publish(TRADES, make.trade(1))
    venue.sockets[0].deliver("nonsense")
    archive.newest = 3
    venue.publish(TRADES, make.trade(3))
    await asyncio.sleep(1)
    one, gap, two, three = await taken(stream, 4)
    assert numbers([one, two, three]) == [1, 2, 3]
    assert gap.is_filled
    assert len(venue.sockets) == 1


async def test_a_stream_that_told_nothing_yet_has_nothing_to_be_filled_from(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    stream = hub.subscribe(make.trades())
    await hub.live(make.trades())
    venue.sockets[0].drop()
    await asyncio.sleep(3)
    (gap,) = await taken(stream, 1)
    assert (gap.after_id, gap.is_filled, archive.asked) == (None, False, [])


async def test_other_streams_are_not_held_up(
    hub: StreamHub, venue: "Venue", make: "type[Make]", archive: Archive
) -> None:
    archive.is_down = True
    other = hub.subscribe(make.trades("ETH/USDT"))
    await hub.live(make.trades("ETH/USDT"))
    stream = hub.subscribe(make.trades())
    await hub.live(make.trades())
    venue.publish(TRADES, make.trade(1))
    venue.sockets[0].deliver("nonsense")
    await asyncio.sleep(1)
    assert stream.waiting == 1
    venue.publish("trades ETH/USDT", make.trade(1, "ETH/USDT"))
    gap, trade = await taken(other, 2)
    assert isinstance(gap, Gap)
    assert trade.trade_id == "1"


async def test_it_can_be_left_and_closed_at_every_turn(
    new_hub: Callable[..., StreamHub],
    venue: "Venue",
    make: "type[Make]",
    archive: Archive,
    at_every_turn: Callable[..., Any],
) -> None:
    async def story() -> None:
        archive.newest = 9
        async with new_hub(missed=archive) as hub:
            stream = await interrupted(hub, venue, make)
            venue.publish(TRADES, make.trade(9))
            assert numbers(await _nine(stream)) == list(range(2, 10))

    assert await at_every_turn(story) > 10


async def _nine(stream: EventStream[Any]) -> list[Any]:
    async with asyncio.timeout(20):
        return [await anext(stream) for _ in range(9)]
