"""A live book on a stream: joining, losing, and finding back by itself."""

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from venuekit.model import (
    BadAnswer,
    BookNotLive,
    BookSnapshot,
    Closed,
    ConsumerTooSlow,
    Gap,
    NotSupported,
    StreamState,
    StreamStateChanged,
    SubscriptionRefused,
)
from venuekit.plugin import BookKeeping, BookRule, Published, Subscription, Topic
from venuekit.streams import LiveBook, Policy, StreamHub

if TYPE_CHECKING:
    from tests.streams.conftest import Make, Seen, Venue

KEY = "book BTC/USDT"


class Snapshots:
    """Answers for snapshots: the next one, or the last one again; errors are raised."""

    def __init__(self) -> None:
        self.answers: list[BookSnapshot | Exception] = []
        self.asked_at: list[float] = []
        self.takes_s = 0.1

    async def __call__(self) -> BookSnapshot:
        self.asked_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes_s)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def snapshots(make: "type[Make]") -> Snapshots:
    snapshots = Snapshots()
    snapshots.answers = [make.snapshot(10, bids="1@100", asks="1@101")]
    return snapshots


@pytest.fixture
def new_book(
    hub: StreamHub, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> Callable[..., LiveBook]:
    def new(**other: Any) -> LiveBook:
        return LiveBook(
            hub=hub,
            instrument=make.instrument(),
            keeping=venue.keeping,
            fetch=snapshots,
            **other,
        )

    return new


@pytest_asyncio.fixture
async def live(new_book: Callable[..., LiveBook]) -> AsyncIterator[LiveBook]:
    async with new_book() as live:
        yield live


async def test_a_book_is_joined_from_a_snapshot_and_the_changes_around_it(
    live: LiveBook, venue: "Venue", make: "type[Make]"
) -> None:
    with pytest.raises(BookNotLive, match="connecting"):
        live.book.best_bid()
    await asyncio.sleep(0.05)
    venue.publish(KEY, make.change(9, 10, bids="9@90"), make.change(11, 12, bids="2@99"))
    book = await live.ready()
    assert book.bids() == make.levels("1@100 2@99")
    assert book.update_id == 12


async def test_each_change_is_given_after_it_was_applied(
    live: LiveBook, venue: "Venue", make: "type[Make]"
) -> None:
    await live.ready()
    changes = [make.change(11, 11, bids="2@99"), make.change(12, 12, asks="0@101")]
    updates = live.updates()
    for change in changes:
        venue.publish(KEY, change)
        assert await anext(updates) == change
        assert live.book.update_id == change.last_update_id
    venue.publish(KEY, make.change(11, 11))  # old: no update
    venue.publish(KEY, make.change(13, 13))
    assert await anext(updates) == make.change(13, 13)


async def test_iterating_goes_on_after_the_book_was_joined_anew(
    live: LiveBook, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    await live.ready()
    got: list[object] = []

    async def read() -> None:
        async for update in live:
            got.append(update)
            if len(got) == 3:
                return

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    venue.publish(KEY, make.change(11, 11))
    await asyncio.sleep(0.1)
    snapshots.answers = [make.snapshot(20, bids="5@100")]
    venue.publish(KEY, make.change(15, 20))
    await live.ready()
    await asyncio.sleep(1)
    venue.publish(KEY, make.change(21, 21))
    await reading
    assert got == [
        make.change(11, 11),
        make.snapshot(20, bids="5@100"),
        make.change(21, 21),
    ]


async def test_after_a_gap_the_book_is_not_served_until_it_is_joined_again(
    live: LiveBook, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    await live.ready()
    snapshots.answers = [make.snapshot(16, bids="5@100")]
    venue.publish(KEY, make.change(15, 15, bids="9@1"))
    await asyncio.sleep(0.01)
    with pytest.raises(BookNotLive, match="expected update 11, found 15"):
        live.book.snapshot()
    venue.publish(KEY, make.change(16, 16), make.change(17, 17, bids="6@101"))
    await live.ready()
    assert live.book.bids() == make.levels("6@101 5@100")


async def test_a_snapshot_older_than_the_first_change_is_fetched_again(
    live: LiveBook, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    snapshots.answers = [make.snapshot(8), make.snapshot(9), make.snapshot(11, bids="3@100")]
    await asyncio.sleep(0.05)
    venue.publish(KEY, make.change(11, 12))
    await live.ready()
    assert len(snapshots.asked_at) == 3
    assert live.book.update_id == 12


async def test_a_stale_snapshot_is_not_believed_before_a_change_was_held_against_it(
    live: LiveBook, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    snapshots.answers = [make.snapshot(5, bids="9@9"), make.snapshot(12, bids="1@100")]
    await asyncio.sleep(0.5)
    assert live.state is StreamState.RESYNCING
    venue.publish(KEY, make.change(12, 12))
    await live.ready()
    assert live.book.bids() == make.levels("1@100")


async def test_in_a_quiet_market_the_snapshot_is_believed_after_a_while(
    live: LiveBook, make: "type[Make]"
) -> None:
    await asyncio.wait_for(live.ready(), 3)
    assert live.book.snapshot() == make.snapshot(10, bids="1@100", asks="1@101")


async def test_after_a_reconnection_the_book_is_stale_until_it_is_joined_again(
    live: LiveBook, venue: "Venue", make: "type[Make]", snapshots: Snapshots, seen: "Seen"
) -> None:
    await live.ready()
    updates = live.updates(with_states=True)
    venue.sockets[0].drop()
    await asyncio.sleep(0.001)
    with pytest.raises(BookNotLive, match=r"stale since 00:00:01.* UTC"):
        live.book.best_bid()
    assert live.book.best_bid(require_live=False) is not None
    snapshots.answers = [make.snapshot(50, bids="2@100")]
    await asyncio.sleep(0.8)
    venue.publish(KEY, make.change(49, 50))
    await live.ready()
    assert live.book.bids() == make.levels("2@100")
    got = [await anext(updates) for _ in range(updates.waiting)]
    kinds = [event.state for event in got if isinstance(event, StreamStateChanged)]
    assert kinds[0:2] == [StreamState.LIVE, StreamState.STALE]
    assert kinds[-1] is StreamState.LIVE
    assert any(isinstance(event, Gap) for event in got)
    told = [
        e.state
        for e in seen
        if isinstance(e, StreamStateChanged) and e.stream == "live book BTC/USDT"
    ]
    assert told[-1] is StreamState.LIVE


async def test_a_snapshot_that_was_asked_for_before_the_loss_is_not_used_after_it(
    live: LiveBook, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    snapshots.takes_s = 5
    snapshots.answers = [make.snapshot(10, bids="9@9"), make.snapshot(30, bids="1@100")]
    await asyncio.sleep(1)
    venue.sockets[0].drop()
    await asyncio.sleep(3)
    venue.publish(KEY, make.change(30, 30))
    await live.ready()
    assert live.book.bids() == make.levels("1@100")


async def test_a_failing_snapshot_is_asked_for_again_within_bounds_and_the_book_says_so(
    live: LiveBook, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    snapshots.answers = [BadAnswer("venue", "fetch book", "not JSON")]
    await asyncio.sleep(600)
    for moment in snapshots.asked_at:
        assert sum(moment <= other < moment + 59.99 for other in snapshots.asked_at) <= 10
    assert len(snapshots.asked_at) > 60
    while "tries" not in live.book.text:
        venue.sockets[-1].ping()
        await asyncio.sleep(0.1)
    with pytest.raises(BookNotLive, match="10 tries within a minute, the next one in"):
        live.book.snapshot()
    snapshots.answers = [make.snapshot(10)]
    await asyncio.wait_for(live.ready(), 70)


async def test_an_error_that_asking_again_would_not_help_ends_the_book(
    live: LiveBook, venue: "Venue", snapshots: Snapshots
) -> None:
    snapshots.answers = [NotSupported("venue", "books")]
    updates = live.updates()
    with pytest.raises(NotSupported):
        await live.ready()
    with pytest.raises(NotSupported):
        await anext(updates)
    await asyncio.sleep(5)
    assert venue.subscribed == []


async def test_a_refused_subscription_ends_the_book(live: LiveBook, venue: "Venue") -> None:
    venue.refused[KEY] = "no such market"
    with pytest.raises(SubscriptionRefused, match="no such market"):
        await live.ready()
    with pytest.raises(BookNotLive):
        live.book.snapshot()


async def test_a_slow_reader_loses_updates_honestly_and_the_book_goes_on(
    live: LiveBook, venue: "Venue", make: "type[Make]"
) -> None:
    await live.ready()
    slow = live.updates(capacity=3)
    newest = live.updates(policy=Policy.NEWEST)
    venue.publish(KEY, *[make.change(n, n, bids=f"{n}@100") for n in range(11, 31)])
    await asyncio.sleep(1)
    assert live.book.bids() == make.levels("30@100")
    assert [update.last_update_id for update in (await anext(newest),)] == [30]
    assert newest.waiting == 0
    for expected in (11, 12, 13):
        assert (await anext(slow)).last_update_id == expected
    with pytest.raises(ConsumerTooSlow):
        await anext(slow)


async def test_forgotten_readers_are_let_go(
    live: LiveBook, venue: "Venue", make: "type[Make]"
) -> None:
    await live.ready()
    for _ in range(3):
        reader = aiter(live)
        del reader
    gc.collect()
    await asyncio.sleep(0)
    venue.publish(KEY, make.change(11, 11))
    assert live._readers == {}


async def test_leaving_a_book_ends_its_readers_and_its_subscription(
    new_book: Callable[..., LiveBook], venue: "Venue"
) -> None:
    async with new_book() as live:
        await live.ready()
        updates = live.updates()
    assert [update async for update in updates] == []
    await asyncio.sleep(5)
    assert venue.subscribed == []
    with pytest.raises(Closed):
        await live.ready()
    with pytest.raises(Closed):
        live.updates()
    with pytest.raises(BookNotLive, match="no longer followed"):
        live.book.snapshot()


async def test_two_books_of_one_instrument_cost_the_exchange_one_subscription(
    live: LiveBook, new_book: Callable[..., LiveBook], venue: "Venue"
) -> None:
    async with new_book() as other:
        await live.ready()
        await other.ready()
        assert venue.subscribed == [KEY]


async def test_a_book_does_not_wait_for_its_readers(live: LiveBook) -> None:
    with pytest.raises(ValueError, match="does not wait"):
        live.updates(policy=Policy.WAIT)


async def test_a_snapshot_in_the_stream_is_subscribed_to_anew_after_a_wrong_state(
    hub: StreamHub, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    keeping = BookKeeping(
        rule=BookRule.CHECKSUM, snapshot_by_rest=False, depth=10, checksum=lambda book: 7
    )
    subscription = Subscription(Topic.BOOK, make.instrument())
    live = LiveBook(hub=hub, instrument=make.instrument(), keeping=keeping, fetch=snapshots)
    async with live:
        await hub.live(subscription)
        other = hub.subscribe(subscription, with_states=True)
        venue.publish(KEY, make.snapshot(None, bids="1@100"))
        await live.ready()
        venue.publish(KEY, make.change(None, None, bids="2@100", checksum=7))
        await asyncio.sleep(0.1)
        assert live.book.bids() == make.levels("2@100")
        venue.publish(KEY, make.change(None, None, bids="3@100", checksum=8))
        await asyncio.sleep(5)
        assert live.state is StreamState.RESYNCING
        others = [await anext(other) for _ in range(other.waiting)]
        assert Gap(stream=KEY, text="subscribed anew") in others
        assert [message["op"] for message in venue.sockets[0].sent] == ["sub", "end", "sub"]
        venue.publish(KEY, make.snapshot(None, bids="4@100"))
        await live.ready()
        assert live.book.bids() == make.levels("4@100")
    assert snapshots.asked_at == []


async def test_whole_books_that_come_again_and_again_replace_each_other_and_never_go_back(
    hub: StreamHub, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    keeping = BookKeeping(rule=BookRule.CONNECTION, snapshot_by_rest=False, depth=10)
    live = LiveBook(hub=hub, instrument=make.instrument(), keeping=keeping, fetch=snapshots)
    books = [make.snapshot(number, bids=f"{number}@100") for number in (5, 7, 6, 7, 8)]
    async with live:
        await hub.live(Subscription(Topic.BOOK, make.instrument()))
        updates = live.updates()
        venue.publish(KEY, *books)
        await live.ready()
        got = [await anext(updates) for _ in range(4)]
        assert [getattr(book, "update_id", None) for book in got] == [5, 7, 7, 8]
        assert live.book.bids() == make.levels("8@100")
        assert updates.waiting == 0
    assert snapshots.asked_at == []


async def test_after_a_loss_an_exchange_may_count_its_books_anew(
    hub: StreamHub, venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    keeping = BookKeeping(rule=BookRule.CONNECTION, snapshot_by_rest=False, depth=10)
    live = LiveBook(hub=hub, instrument=make.instrument(), keeping=keeping, fetch=snapshots)
    async with live:
        await hub.live(Subscription(Topic.BOOK, make.instrument()))
        venue.publish(KEY, make.snapshot(90, bids="1@100"))
        await live.ready()
        live.put(StreamStateChanged(stream=KEY, state=StreamState.STALE, text="away"))
        venue.publish(KEY, make.snapshot(3, bids="2@100"))
        await live.ready()
        assert live.book.update_id == 3


async def test_canceling_a_book_at_any_moment_leaves_nothing(
    new_hub: Callable[..., StreamHub],
    venue: "Venue",
    make: "type[Make]",
    snapshots: Snapshots,
    at_every_turn: Callable[[Callable[[], Coroutine[Any, Any, None]]], Awaitable[int]],
) -> None:
    async def story() -> None:
        assert venue.open == []
        async with (
            new_hub() as hub,
            LiveBook(
                hub=hub, instrument=make.instrument(), keeping=venue.keeping, fetch=snapshots
            ) as live,
        ):
            await live.ready()
            updates = live.updates()
            venue.publish(KEY, make.change(11, 11), make.change(30, 30))
            await anext(updates)
            await asyncio.sleep(1)

    assert await at_every_turn(story) > 20
    assert venue.open == []


async def test_a_book_moves_through_rotations_without_a_gap(
    new_hub: Callable[..., StreamHub], venue: "Venue", make: "type[Make]", snapshots: Snapshots
) -> None:
    venue.max_age_s = 600
    numbers = itertools.count(11)
    async with new_hub() as hub:
        live = LiveBook(
            hub=hub, instrument=make.instrument(), keeping=venue.keeping, fetch=snapshots
        )
        async with live:
            await live.ready()
            updates = live.updates(with_states=True)
            for _ in range(4000):
                number = next(numbers)
                change = make.change(number, number, bids=f"{number}@100")
                for socket in venue.open:  # as exchanges do: not at the same moment
                    if KEY in socket.subscribed:
                        socket.deliver(Published(key=KEY, event=change))
                    await asyncio.sleep(0.3)
                assert live.state is StreamState.LIVE
            got = [await anext(updates) for _ in range(updates.waiting)]
    assert len(venue.sockets) >= 3
    assert [event.last_update_id for event in got[1:]] == list(range(11, 4011))
    assert len(snapshots.asked_at) == 1
