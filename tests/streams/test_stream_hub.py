"""Subscriptions, connections, loss, rotation and reconciliation, in virtual time."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from venuekit.model import (
    Closed,
    ConsumerTooSlow,
    Gap,
    NotSupported,
    StreamState,
    StreamStateChanged,
    SubscriptionRefused,
    Trade,
)
from venuekit.plugin import Acknowledged, Published, Subscription, Topic
from venuekit.streams import EventStream, Notice, Policy, StreamHub

if TYPE_CHECKING:
    from tests.streams.conftest import Make, Seen, Venue

NewHub = Callable[..., StreamHub]
AtEveryTurn = Callable[[Callable[[], Coroutine[Any, Any, None]]], Awaitable[int]]


async def taken(stream: EventStream[Any], count: int) -> list[Any]:
    return [await asyncio.wait_for(anext(stream), 600) for _ in range(count)]


def ids(events: list[Any]) -> list[str]:
    return [event.trade_id for event in events if isinstance(event, Trade)]


def states(events: list[Any]) -> list[StreamState]:
    return [event.state for event in events if isinstance(event, StreamStateChanged)]


# Subscribing


async def test_events_of_a_subscription_arrive_in_order(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    async with hub.subscribe(make.trades()) as stream:
        await hub.live(make.trades())
        venue.publish("trades BTC/USDT", make.trade(1), make.trade(2))
        assert ids(await taken(stream, 2)) == ["1", "2"]


async def test_the_same_subscription_asked_for_twice_costs_the_exchange_one(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    async with hub.subscribe(make.trades()) as one, hub.subscribe(make.trades()) as other:
        await hub.live(make.trades())
        venue.publish("trades BTC/USDT", make.trade(1))
        assert ids(await taken(one, 1) + await taken(other, 1)) == ["1", "1"]
        assert venue.subscribed == ["trades BTC/USDT"]


async def test_a_subscription_ends_at_the_exchange_when_its_last_consumer_leaves(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    async with hub.subscribe(make.ticker()):
        one, other = hub.subscribe(make.trades()), hub.subscribe(make.trades())
        await hub.live(make.trades())
        await one.aclose()
        await asyncio.sleep(5)
        assert sorted(venue.subscribed) == ["ticker BTC/USDT", "trades BTC/USDT"]
        await other.aclose()
        await asyncio.sleep(5)
        assert venue.subscribed == ["ticker BTC/USDT"]
        assert hub.state_of(make.trades()) is None


async def test_an_unused_connection_is_kept_a_moment_and_then_closed(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    async with hub.subscribe(make.trades()):
        await hub.live(make.trades())
    await asyncio.sleep(1)
    async with hub.subscribe(make.ticker()):
        await hub.live(make.ticker())
    assert len(venue.sockets) == 1
    await asyncio.sleep(20)
    assert venue.open == []


async def test_subscribing_again_at_once_is_idempotent(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    for _ in range(5):
        async with hub.subscribe(make.trades()):
            await asyncio.sleep(0.011)
    async with hub.subscribe(make.trades()) as stream:
        await hub.live(make.trades())
        await asyncio.sleep(5)
        assert venue.subscribed == ["trades BTC/USDT"]
        venue.publish("trades BTC/USDT", make.trade(1))
        assert ids(await taken(stream, 1)) == ["1"]


async def test_many_subscriptions_go_in_few_messages_at_the_pace_that_is_allowed(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    streams = [hub.subscribe(make.trades(f"A{number}/USDT")) for number in range(900)]
    await hub.live(make.trades("A899/USDT"))
    (socket,) = venue.sockets
    assert [len(message["keys"]) for message in socket.sent] == [200, 200, 200, 200, 100]
    assert all(b - a >= 0.25 for a, b in itertools.pairwise(socket.sent_at))
    assert len(streams) == len(socket.subscribed)


async def test_more_connections_are_opened_as_they_fill(
    new_hub: NewHub, venue: "Venue", make: "type[Make]"
) -> None:
    venue.max_subscriptions = 2
    async with new_hub() as hub:
        for number in range(5):
            hub.subscribe(make.trades(f"A{number}/USDT"))
        kept = [hub.subscribe(make.trades(f"A{number}/USDT")) for number in range(5)]
        await hub.live(make.trades("A4/USDT"))
        assert sorted(len(socket.subscribed) for socket in venue.open) == [1, 2, 2]
        assert len(kept) == 5


async def test_a_refusal_ends_the_stream_with_the_exchanges_reason_and_spares_the_others(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    venue.refused["trades A5/USDT"] = "no such market"
    streams = [hub.subscribe(make.trades(f"A{number}/USDT")) for number in range(9)]
    with pytest.raises(SubscriptionRefused, match="venue: trades A5/USDT: -1 no such market"):
        await hub.live(make.trades("A5/USDT"))
    for number in (0, 1, 2, 3, 4, 6, 7, 8):
        await hub.live(make.trades(f"A{number}/USDT"))
    assert len(venue.subscribed) == 8
    venue.refused.clear()
    again = hub.subscribe(make.trades("A5/USDT"))
    await hub.live(make.trades("A5/USDT"))
    with pytest.raises(SubscriptionRefused):
        await anext(streams[5])
    assert hub.state_of(make.trades("A5/USDT")) is StreamState.LIVE
    assert again.waiting == 0


async def test_what_the_exchange_does_not_stream_is_said_at_once(
    hub: StreamHub, make: "type[Make]"
) -> None:
    with pytest.raises(NotSupported, match="candles BTC/USDT 1m"):
        hub.subscribe(Subscription(Topic.CANDLES, make.instrument(), "1m"))


async def test_private_streams_need_a_key(new_hub: NewHub, make: "type[Make]") -> None:
    async with new_hub() as hub:
        hub._key = None
        with pytest.raises(NotSupported, match="without a key"):
            hub.subscribe(make.ACCOUNT)


async def test_only_states_may_be_conflated(hub: StreamHub, make: "type[Make]") -> None:
    with pytest.raises(ValueError, match="every event counts"):
        hub.subscribe(make.trades(), policy=Policy.NEWEST)


async def test_every_stream_ends_with_closed_when_the_hub_is_left(
    new_hub: NewHub, venue: "Venue", make: "type[Make]"
) -> None:
    async with new_hub() as hub:
        stream = hub.subscribe(make.trades())
        await hub.live(make.trades())
    with pytest.raises(Closed):
        await anext(stream)
    with pytest.raises(Closed):
        hub.subscribe(make.trades())
    assert venue.open == []


async def test_a_failing_observer_hurts_itself_alone(
    hub: StreamHub, venue: "Venue", make: "type[Make]", seen: "Seen"
) -> None:
    failures: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    hub.observe(lambda event: seen.append(1 / 0))
    async with hub.subscribe(make.trades()):
        await hub.live(make.trades())
    assert isinstance(failures[0]["exception"], ZeroDivisionError)
    assert states(seen) == [StreamState.LIVE]


# Consumers


async def test_a_slow_consumer_does_not_delay_another(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    waiting = hub.subscribe(make.ticker(), policy=Policy.WAIT, capacity=5)
    slow = hub.subscribe(make.trades(), capacity=5)
    quick = hub.subscribe(make.trades())
    await hub.live(make.trades())
    await hub.live(make.ticker())
    venue.publish("ticker BTC/USDT", *[make.trade(number) for number in range(100)])
    venue.publish("trades BTC/USDT", *[make.trade(number) for number in range(100)])
    assert ids(await taken(quick, 100)) == [str(number) for number in range(100)]
    assert ids(await taken(slow, 5)) == ["0", "1", "2", "3", "4"]
    with pytest.raises(ConsumerTooSlow):
        await anext(slow)
    assert ids(await taken(waiting, 100)) == [str(number) for number in range(100)]


async def test_waiting_slows_the_reading_of_the_socket_and_loses_nothing(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades(), policy=Policy.WAIT, capacity=5)
    await hub.live(make.trades())
    (socket,) = venue.sockets
    before = socket.reads
    venue.publish("trades BTC/USDT", *[make.trade(number) for number in range(100)])
    await asyncio.sleep(300)  # longer than silence may last: it is us who do not listen
    assert socket.reads - before == 5
    assert ids(await taken(stream, 100)) == [str(number) for number in range(100)]
    assert len(venue.sockets) == 1


async def test_data_before_the_acknowledgement_does_not_keep_it_from_being_read(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    venue.is_mute = True
    stream = hub.subscribe(make.trades(), policy=Policy.WAIT, capacity=1)
    await asyncio.sleep(0.1)
    (socket,) = venue.sockets
    for number in range(3):
        socket.deliver(make.published(make.trades(), make.trade(number)))
    socket.deliver(Acknowledged(request_id=1))
    await asyncio.wait_for(hub.live(make.trades()), 1)
    assert stream.waiting == 3


async def test_silence_counts_from_the_moment_at_which_we_listen_again(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades(), policy=Policy.WAIT, capacity=5)
    await hub.live(make.trades())
    venue.publish("trades BTC/USDT", *[make.trade(number) for number in range(5)])
    await asyncio.sleep(290)
    assert len(await taken(stream, 5)) == 5
    await asyncio.sleep(55)
    assert len(venue.sockets) == 1


async def test_a_consumer_who_joins_with_states_is_told_the_present_one_first(
    hub: StreamHub, make: "type[Make]"
) -> None:
    first = hub.subscribe(make.trades(), with_states=True)
    await hub.live(make.trades())
    second = hub.subscribe(make.trades(), with_states=True)
    assert states(await taken(first, 2)) == [StreamState.CONNECTING, StreamState.LIVE]
    assert states(await taken(second, 1)) == [StreamState.LIVE]


# Loss


async def test_a_lost_connection_is_opened_and_subscribed_again_and_the_gap_is_reported(
    hub: StreamHub, venue: "Venue", make: "type[Make]", seen: "Seen"
) -> None:
    stream = hub.subscribe(make.trades(), with_states=True)
    await hub.live(make.trades())
    venue.publish("trades BTC/USDT", make.trade(7))
    await asyncio.sleep(1)
    venue.sockets[0].drop()
    await asyncio.sleep(5)
    venue.publish("trades BTC/USDT", make.trade(12))
    events = await taken(stream, 6)
    assert states(events) == [
        StreamState.CONNECTING,
        StreamState.LIVE,
        StreamState.STALE,
        StreamState.LIVE,
    ]
    assert events[2] == make.trade(7)
    assert isinstance(events[4], Gap)
    assert (events[4].after_id, events[4].before_id) == ("7", None)
    assert await taken(stream, 1) == [make.trade(12)]
    assert events[4] in seen


async def test_the_gap_names_both_bounds_when_data_comes_before_the_acknowledgement(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades(), with_states=True)
    await hub.live(make.trades())
    venue.publish("trades BTC/USDT", make.trade(7))
    await asyncio.sleep(1)
    venue.is_mute = True
    venue.sockets[0].drop()
    await asyncio.sleep(3)
    venue.sockets[1].deliver(make.published(make.trades(), make.trade(12)))
    events = await taken(stream, 6)
    assert (events[4].after_id, events[4].before_id) == ("7", "12")
    assert events[5] == make.trade(12)


async def test_attempts_to_connect_are_spread_out_and_paid_for(
    new_hub: NewHub, venue: "Venue", make: "type[Make]"
) -> None:
    paid: list[float] = []

    async def pay() -> None:
        paid.append(asyncio.get_running_loop().time())

    venue.is_down = True
    async with new_hub(connect_budget=pay) as hub:
        hub.subscribe(make.trades())
        stream = hub.subscribe(make.trades())
        await asyncio.sleep(600)
        assert 30 < len(venue.connects_at) < 120  # 15 s apart in the mean, once it is settled
        assert len(paid) == len(venue.connects_at)
        venue.is_down = False
        await hub.live(make.trades())
        assert stream.waiting == 0


async def test_a_connection_that_breaks_at_once_is_not_reopened_in_a_circle(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades())
    for _ in range(20):
        await hub.live(make.trades())
        venue.open[0].drop()
        await asyncio.sleep(0.001)
    # One gap, however often: nothing came in between.
    (gap,) = await taken(stream, 1)
    assert isinstance(gap, Gap)
    assert stream.waiting == 0
    assert venue.connects_at[-1] > 60


async def test_a_half_open_connection_is_found_by_its_silence(
    hub: StreamHub, venue: "Venue", make: "type[Make]", seen: "Seen"
) -> None:
    stream = hub.subscribe(make.trades(), gaps=False)
    await hub.live(make.trades())
    for _ in range(10):  # pings keep a quiet market's connection alive
        await asyncio.sleep(50)
        venue.sockets[0].ping()
    assert len(venue.sockets) == 1
    venue.sockets[0].is_silent = True
    await asyncio.sleep(59)
    assert hub.state_of(make.trades()) is StreamState.LIVE
    await asyncio.sleep(5)
    assert [socket.is_open for socket in venue.sockets] == [False, True]
    assert hub.state_of(make.trades()) is StreamState.LIVE
    assert Notice(channel="market", text="connection lost: nothing was heard for 60 s") in seen
    assert stream.waiting == 0


async def test_an_exchange_that_does_not_answer_a_subscription_is_left(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    venue.is_mute = True
    stream = hub.subscribe(make.trades())
    await asyncio.sleep(12)
    assert len(venue.sockets) == 2
    assert hub.state_of(make.trades()) is StreamState.CONNECTING
    venue.is_mute = False
    await hub.live(make.trades())
    assert stream.waiting == 0


async def test_a_live_subscription_that_is_refused_later_is_tried_again_a_few_times(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream, other = [hub.subscribe(wanted, gaps=False) for wanted in (make.trades(), make.ticker())]
    await hub.live(make.trades())
    venue.refused["trades BTC/USDT"] = "not now"
    venue.sockets[0].drop()
    await asyncio.sleep(3)
    assert hub.state_of(make.trades()) is StreamState.STALE
    assert hub.state_of(make.ticker()) is StreamState.LIVE
    del venue.refused["trades BTC/USDT"]
    await hub.live(make.trades())
    venue.refused["trades BTC/USDT"] = "never again"
    venue.open[0].drop()
    with pytest.raises(SubscriptionRefused, match="never again"):
        await asyncio.wait_for(anext(stream), 120)
    assert other.waiting == 0


async def test_a_frame_that_cannot_be_read_is_a_gap_and_nothing_worse(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades(), with_states=True)
    await hub.live(make.trades())
    good = make.published(make.trades(), make.trade(1))
    venue.sockets[0].deliver(good)
    venue.sockets[0].deliver(good, "not \x1b[31mJSON")
    events = await taken(stream, 4)
    text = "a frame could not be read: not  [31mJSON"
    assert events[2:] == [make.trade(1), Gap(stream="trades BTC/USDT", after_id="1", text=text)]
    assert hub.state_of(make.trades()) is StreamState.LIVE


# Rotation


async def test_a_rotation_before_the_maximum_age_misses_nothing_and_repeats_nothing(
    new_hub: NewHub, venue: "Venue", make: "type[Make]"
) -> None:
    venue.max_age_s = 3600
    count, expected = itertools.count(), itertools.count()
    async with new_hub() as hub:
        stream = hub.subscribe(make.trades(), with_states=True)
        await hub.live(make.trades())
        for _ in range(40_000):
            venue.publish("trades BTC/USDT", make.trade(next(count)))
            await asyncio.sleep(0.25)
            while venue.open[0].opened_at < asyncio.get_running_loop().time() - 3600:
                pytest.fail("older than the exchange allows")
            if stream.waiting > 5000:
                await check(stream, expected)
        await check(stream, expected)
        assert len(venue.sockets) >= 3


async def check(stream: EventStream[Any], expected: Iterator[int]) -> None:
    events = await taken(stream, stream.waiting)
    assert not [event for event in events if isinstance(event, Gap)]
    assert StreamState.STALE not in states(events)
    for trade_id in ids(events):
        assert int(trade_id) == next(expected)


async def test_the_exchanges_notice_of_closing_is_obeyed_at_once(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades(), with_states=True)
    await hub.live(make.trades())
    await asyncio.sleep(40)
    old = venue.sockets[0]
    old.deliver(make.closing())
    await asyncio.sleep(0.5)
    assert len(venue.sockets) == 2
    assert venue.sockets[1].subscribed == ["trades BTC/USDT"]
    # The new connection is ahead of the old one, then the other way round.
    new = venue.sockets[1]
    for socket, number in ((new, 3), (new, 4), (old, 1), (old, 2), (old, 3), (old, 4), (old, 5)):
        socket.deliver(make.published(make.trades(), make.trade(number)))
    await asyncio.sleep(3)
    assert not old.is_open
    for number in (5, 6):
        new.deliver(make.published(make.trades(), make.trade(number)))
    events = await taken(stream, 8)
    assert ids(events) == ["1", "2", "3", "4", "5", "6"]
    assert states(events) == [StreamState.CONNECTING, StreamState.LIVE]


async def test_endless_notices_of_closing_do_not_turn_in_a_circle(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades())
    for _ in range(60):
        await asyncio.sleep(1)
        for socket in venue.open:
            socket.deliver(make.closing())
    assert len(venue.sockets) < 25
    assert stream.waiting == 0


async def test_an_old_connection_that_breaks_during_rotation_is_a_gap_only_if_nothing_proves_better(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades(), with_states=True)
    await hub.live(make.trades())
    await asyncio.sleep(40)
    old = venue.sockets[0]
    old.deliver(make.published(make.trades(), make.trade(1)), make.closing())
    await asyncio.sleep(0.5)
    venue.sockets[1].deliver(make.published(make.trades(), make.trade(3)))
    await asyncio.sleep(0.1)
    old.drop()
    await asyncio.sleep(0.1)
    events = await taken(stream, 5)
    gap = events[3]
    assert isinstance(gap, Gap)
    assert (gap.after_id, gap.before_id) == ("1", "3")
    assert ids(events) == ["1", "3"]
    assert hub.state_of(make.trades()) is StreamState.LIVE


async def test_an_old_connection_that_fell_silent_before_a_rotation_is_a_gap(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades(), with_states=True)
    await hub.live(make.trades())
    await asyncio.sleep(40)
    old = venue.sockets[0]
    old.deliver(make.published(make.trades(), make.trade(1)), make.closing())
    old.is_silent = True  # trade 2 is lost with it, and nobody says so
    await asyncio.sleep(0.5)
    venue.sockets[1].deliver(make.published(make.trades(), make.trade(3)))
    await asyncio.sleep(5)
    events = await taken(stream, stream.waiting)
    (gap,) = [event for event in events if isinstance(event, Gap)]
    assert (gap.after_id, gap.before_id) == ("1", "3")
    assert "silent" in gap.text
    assert ids(events) == ["1", "3"]
    assert hub.state_of(make.trades()) is StreamState.LIVE


async def test_an_event_right_before_the_old_connection_goes_is_no_gap(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades(), with_states=True)
    await hub.live(make.trades())
    await asyncio.sleep(40)
    venue.sockets[0].deliver(make.published(make.trades(), make.trade(1)), make.closing())
    for _ in range(40):
        if len(venue.sockets) > 1:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.9)  # the old one would have told it a moment later
    venue.sockets[1].deliver(make.published(make.trades(), make.trade(2)))
    await asyncio.sleep(5)
    events = await taken(stream, stream.waiting)
    assert ids(events) == ["1", "2"]
    assert not [event for event in events if isinstance(event, Gap)]


async def test_a_new_connection_that_breaks_during_rotation_leaves_the_old_one_in_place(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades(), with_states=True)
    await hub.live(make.trades())
    await asyncio.sleep(40)
    old = venue.sockets[0]
    old.deliver(make.closing())
    await asyncio.sleep(0.5)
    venue.sockets[1].deliver(make.published(make.trades(), make.trade(2)))
    await asyncio.sleep(0.1)
    venue.sockets[1].drop()
    for number in (1, 2, 3):
        old.deliver(make.published(make.trades(), make.trade(number)))
    await asyncio.sleep(1.1)  # longer than the second attempt to connect may take
    assert old.is_open
    venue.sockets[2].deliver(make.published(make.trades(), make.trade(5)))
    await asyncio.sleep(0.1)
    for number in (4, 5):
        old.deliver(make.published(make.trades(), make.trade(number)))
    await asyncio.sleep(5)
    events = await taken(stream, 7)
    assert ids(events) == ["1", "2", "3", "4", "5"]
    assert [socket.is_open for socket in venue.sockets] == [False, False, True]
    assert hub.state_of(make.trades()) is StreamState.LIVE
    assert stream.waiting == 0


async def test_a_rotation_waits_for_an_exchange_that_takes_no_new_connection(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades(), with_states=True)
    await hub.live(make.trades())
    await asyncio.sleep(40)
    venue.is_down = True
    venue.sockets[0].deliver(make.closing())
    await asyncio.sleep(10)
    venue.publish("trades BTC/USDT", make.trade(1))
    events = await taken(stream, 3)
    assert ids(events) == ["1"]
    venue.is_down = False
    await asyncio.sleep(45)
    assert [socket.is_open for socket in venue.sockets] == [False, True]
    assert hub.state_of(make.trades()) is StreamState.LIVE
    assert stream.waiting == 0


# The account


async def test_the_account_is_reconciled_after_a_gap_before_it_is_live_again(
    new_hub: NewHub, venue: "Venue", make: "type[Make]"
) -> None:
    attempts: list[float] = []

    async def reconcile() -> None:
        attempts.append(asyncio.get_running_loop().time())
        await asyncio.sleep(1)
        if len(attempts) < 3:
            raise NotSupported("venue", "that, for now")

    async with new_hub(on_private_gap=reconcile) as hub:
        stream = hub.subscribe(make.ACCOUNT, with_states=True)
        await hub.live(make.ACCOUNT)
        assert attempts == []  # nothing was missed
        venue.sockets[0].drop()
        await asyncio.sleep(0.8)
        assert hub.state_of(make.ACCOUNT) is StreamState.RESYNCING
        venue.publish("account", make.balance("1.5"))
        await asyncio.sleep(30)
        assert len(attempts) == 3
        events = await taken(stream, stream.waiting)
        assert states(events)[-1] is StreamState.LIVE
        assert StreamState.RESYNCING in states(events)
        assert make.balance("1.5") in events
        assert any(isinstance(event, Gap) for event in events)


@pytest.mark.parametrize("was_heard", [True, False])
async def test_a_quiet_account_is_reconciled_after_a_rotation_unless_the_old_connection_was_heard(
    new_hub: NewHub, venue: "Venue", make: "type[Make]", was_heard: bool
) -> None:
    attempts: list[float] = []

    async def reconcile() -> None:
        attempts.append(asyncio.get_running_loop().time())

    async with new_hub(on_private_gap=reconcile) as hub:
        stream = hub.subscribe(make.ACCOUNT, with_states=True)
        await hub.live(make.ACCOUNT)
        await asyncio.sleep(40)
        venue.sockets[0].deliver(make.closing())
        await asyncio.sleep(1.5)
        if was_heard:
            venue.sockets[0].ping()
        await asyncio.sleep(5)
        assert len(venue.open) == 1
        assert len(attempts) == (0 if was_heard else 1)
        events = await taken(stream, stream.waiting)
        assert states(events)[-1] is StreamState.LIVE
        assert not [event for event in events if isinstance(event, Gap)]


async def test_an_account_that_is_subscribed_again_after_its_end_is_reconciled_before_it_is_live(
    new_hub: NewHub, venue: "Venue", make: "type[Make]"
) -> None:
    attempts: list[float] = []

    async def reconcile() -> None:
        attempts.append(asyncio.get_running_loop().time())
        await asyncio.sleep(1)

    async with new_hub(on_private_gap=reconcile) as hub:
        first = hub.subscribe(make.ACCOUNT, with_states=True)
        await hub.live(make.ACCOUNT)
        venue.refused["account"] = "invalid session"
        venue.open[0].drop()
        await asyncio.sleep(60)
        assert hub.state_of(make.ACCOUNT) is StreamState.STALE  # it may be the token: tried again
        await asyncio.sleep(120)
        with pytest.raises(SubscriptionRefused):
            await taken(first, 100)
        assert attempts == []

        del venue.refused["account"]
        second = hub.subscribe(make.ACCOUNT, with_states=True)
        await asyncio.sleep(1)
        assert hub.state_of(make.ACCOUNT) is StreamState.RESYNCING
        await hub.live(make.ACCOUNT)
        assert len(attempts) == 1
        assert states(await taken(second, second.waiting))[-1] is StreamState.LIVE


async def test_a_reconciliation_that_is_interrupted_begins_again(
    new_hub: NewHub, venue: "Venue", make: "type[Make]"
) -> None:
    begun, ended = [], []

    async def reconcile() -> None:
        begun.append(1)
        await asyncio.sleep(5)
        ended.append(1)

    async with new_hub(on_private_gap=reconcile) as hub:
        stream = hub.subscribe(make.ACCOUNT, gaps=False)
        await hub.live(make.ACCOUNT)
        venue.open[0].drop()
        await asyncio.sleep(2)
        venue.open[0].drop()
        await asyncio.sleep(3)
        assert hub.state_of(make.ACCOUNT) is StreamState.RESYNCING
        await hub.live(make.ACCOUNT)
        assert (len(begun), len(ended)) == (2, 1)
        assert stream.waiting == 0


async def test_access_is_made_anew_at_each_connection(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.ACCOUNT, gaps=False)
    await hub.live(make.ACCOUNT)
    await asyncio.sleep(55)
    venue.open[0].drop()
    await asyncio.sleep(5)
    assert len(venue.stamps) == 2
    assert venue.stamps[1] - venue.stamps[0] > 55 * 10**9
    assert stream.waiting == 0


# Cancellation


async def test_canceling_at_any_moment_leaves_no_socket_and_no_task(
    new_hub: NewHub, venue: "Venue", make: "type[Make]", at_every_turn: AtEveryTurn
) -> None:
    async def story() -> None:
        assert venue.open == []
        async with new_hub() as hub:
            async with hub.subscribe(make.trades()), hub.subscribe(make.ACCOUNT):
                await hub.live(make.trades())
                venue.open[0].drop()
                await asyncio.sleep(0.3)
                await hub.live(make.trades())
                for socket in venue.open:
                    socket.deliver(make.closing())
                await asyncio.sleep(4)
            await asyncio.sleep(30)

    assert await at_every_turn(story) > 60
    assert venue.open == []


async def test_waiting_for_a_stream_to_be_live_can_be_given_up_by_one_of_two(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    venue.is_down = True
    stream = hub.subscribe(make.trades())
    one = asyncio.create_task(hub.live(make.trades()))
    other = asyncio.create_task(hub.live(make.trades()))
    await asyncio.sleep(1)
    one.cancel()
    venue.is_down = False
    await other
    assert one.cancelled()
    assert stream.waiting == 0


def test_a_publication_is_what_the_double_sends(make: "type[Make]") -> None:
    assert make.published(make.trades(), make.trade(1)) == Published(
        key="trades BTC/USDT", event=make.trade(1)
    )


async def test_a_gap_stands_in_line_unless_it_is_declined(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    strict = hub.subscribe(make.ticker())
    quiet = hub.subscribe(make.ticker(), gaps=False)
    watching = hub.subscribe(make.ticker(), with_states=True)
    await hub.live(make.ticker())
    venue.sockets[0].drop()
    await asyncio.sleep(3)
    await hub.live(make.ticker())
    assert [type(event) for event in await taken(strict, 1)] == [Gap]
    assert (strict.waiting, quiet.waiting) == (0, 0)
    states = await taken(watching, 5)
    assert [type(event) for event in states].count(StreamStateChanged) == 4
    assert [type(event) for event in states].count(Gap) == 1


async def test_one_stream_carries_several_subscriptions_in_the_order_of_arrival(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    btc, eth = make.trades(), make.trades("ETH/USDT")
    both = hub.subscribe(btc, eth, btc)
    await hub.live(btc)
    await hub.live(eth)
    venue.publish("trades BTC/USDT", make.trade(1))
    venue.publish("trades ETH/USDT", make.trade(1, "ETH/USDT"))
    venue.publish("trades BTC/USDT", make.trade(2))
    assert await taken(both, 3) == [make.trade(1), make.trade(1, "ETH/USDT"), make.trade(2)]
    await both.aclose()
    await asyncio.sleep(1)
    assert venue.subscribed == []


async def test_several_subscriptions_are_all_left_when_one_of_them_cannot_be_had(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    candles = Subscription(Topic.CANDLES, make.instrument(), "1m")
    with pytest.raises(NotSupported):
        hub.subscribe(make.trades(), candles)
    await asyncio.sleep(1)
    assert venue.subscribed == []


@pytest.mark.parametrize(
    ("count", "options", "said"),
    [
        (0, {}, "at least one symbol"),
        (1, {"max_age_s": 0.0}, "more than 0"),
        (1, {"policy": Policy.NEWEST}, "every event counts"),
    ],
)
async def test_a_wish_that_cannot_be_met_is_refused(
    hub: StreamHub, make: "type[Make]", count: int, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        hub.subscribe(*[make.trades()] * count, **options)


async def test_newest_is_for_one_stream(hub: StreamHub, make: "type[Make]") -> None:
    with pytest.raises(ValueError, match="each of several streams its own"):
        hub.subscribe(make.ticker(), make.ticker("ETH/USDT"), policy=Policy.NEWEST)


async def test_a_symbol_that_falls_silent_on_a_living_socket_is_stale_and_subscribed_anew(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    stream = hub.subscribe(make.trades(), with_states=True, max_age_s=20)
    other = hub.subscribe(make.ticker())
    await hub.live(make.trades())
    venue.publish("trades BTC/USDT", make.trade(1))
    for _ in range(12):
        await asyncio.sleep(2)
        venue.sockets[0].ping()
    assert hub.state_of(make.trades()) is StreamState.LIVE
    for _ in range(3):
        await asyncio.sleep(1)
        venue.sockets[0].ping()
    assert hub.state_of(make.trades()) is StreamState.STALE
    assert hub.state_of(make.ticker()) is StreamState.LIVE
    sent = [(message["op"], message["keys"]) for message in venue.sockets[0].sent]
    assert sent[-2:] == [("end", ["trades BTC/USDT"]), ("sub", ["trades BTC/USDT"])]
    venue.publish("trades BTC/USDT", make.trade(2))
    await asyncio.sleep(1)
    assert hub.state_of(make.trades()) is StreamState.LIVE
    told = await taken(stream, stream.waiting)
    texts = [event.text for event in told if isinstance(event, StreamStateChanged)]
    assert "nothing was heard for 20 s" in texts
    assert other.waiting == 0


async def test_a_stream_that_is_left_is_watched_no_longer(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    kept = hub.subscribe(make.trades(), gaps=False)
    watched = hub.subscribe(make.trades(), max_age_s=5)
    await hub.live(make.trades())
    await watched.aclose()
    for _ in range(10):
        await asyncio.sleep(5)
        venue.sockets[0].ping()
    assert hub.state_of(make.trades()) is StreamState.LIVE
    assert (kept.waiting, len(venue.sockets[0].sent)) == (0, 1)
