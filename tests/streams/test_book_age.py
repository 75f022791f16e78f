"""A book that is believed for a time only: silence and lateness make it stale."""

import asyncio
from typing import TYPE_CHECKING

import attrs
import pytest

from tests.streams.test_live_book import KEY, Snapshots
from venuekit.model import BookNotLive, StreamState
from venuekit.streams import LiveBook, StreamHub

if TYPE_CHECKING:
    from tests.streams.conftest import Make, Venue


@pytest.fixture
def snapshots(make: "type[Make]") -> Snapshots:
    snapshots = Snapshots()
    snapshots.answers = [make.snapshot(10, bids="1@100", asks="1@101")]
    return snapshots


def book(
    hub: StreamHub, venue: "Venue", make: "type[Make]", snapshots: Snapshots, **more: float
) -> LiveBook:
    return LiveBook(
        hub=hub,
        instrument=make.instrument(),
        keeping=venue.keeping,
        fetch=snapshots,
        **more,  # type: ignore[arg-type]  # numbers of seconds
    )


async def test_a_symbol_that_falls_silent_on_a_living_socket_is_noticed_and_asked_for_anew(
    hub: StreamHub, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    async with book(hub, venue, make, snapshots, max_age_s=5.0) as live:
        await live.ready()
        asked = len(snapshots.asked_at)
        snapshots.answers = [make.snapshot(30, bids="7@100")]
        await asyncio.sleep(5.01)
        with pytest.raises(BookNotLive, match=r"resyncing since .* \(subscribed anew\)"):
            live.book.best_bid()
        await live.ready()
        assert len(snapshots.asked_at) == asked + 1
        assert live.book.bids() == make.levels("7@100")


async def test_a_book_that_is_told_of_now_and_then_stays_live(
    hub: StreamHub, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    async with book(hub, venue, make, snapshots, max_age_s=5.0) as live:
        await live.ready()
        asked = len(snapshots.asked_at)
        for number in range(11, 20):
            await asyncio.sleep(4)
            venue.publish(KEY, make.change(number, number))
            await asyncio.sleep(0.01)
            assert live.state is StreamState.LIVE
        assert len(snapshots.asked_at) == asked


async def test_without_a_bound_silence_is_a_quiet_market(
    hub: StreamHub, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    async with book(hub, venue, make, snapshots) as live:
        await live.ready()
        await asyncio.sleep(3600)
        assert live.state is StreamState.LIVE


async def test_changes_that_come_late_by_the_exchanges_clock_make_it_stale(
    hub: StreamHub, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    async with book(hub, venue, make, snapshots, max_age_s=5.0) as live:
        await live.ready()
        now_ns = hub.clock.now_ns()
        venue.publish(KEY, attrs.evolve(make.change(11, 11), time_ns=now_ns - 4_900_000_000))
        await asyncio.sleep(0.01)
        assert live.state is StreamState.LIVE
        snapshots.answers = [make.snapshot(12, bids="7@100")]
        venue.publish(KEY, attrs.evolve(make.change(12, 12), time_ns=now_ns - 6_000_000_000))
        await asyncio.sleep(0.01)
        with pytest.raises(BookNotLive, match=r"changes come 6\.0 s late"):
            live.book.best_bid()
        await live.ready()
        assert live.book.bids() == make.levels("7@100")


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
async def test_an_age_that_cannot_be_is_refused(
    hub: StreamHub, venue: "Venue", make: "type[Make]", snapshots: Snapshots, seconds: float
) -> None:
    with pytest.raises(ValueError, match="max_age_s"):
        book(hub, venue, make, snapshots, max_age_s=seconds)
