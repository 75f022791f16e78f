"""Frames that are numbered, answers that name no request, private streams that want a token."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from venuekit.model import Advice, Failure, Gap, Outcome, StreamState, Unavailable
from venuekit.plugin import Acknowledged, Numbered, StreamToken
from venuekit.streams import StreamHub

if TYPE_CHECKING:
    from tests.streams.conftest import Make, Seen, Venue

NewHub = Callable[..., StreamHub]


def gaps(seen: list[object]) -> list[Gap]:
    return [event for event in seen if isinstance(event, Gap)]


async def settled() -> None:
    await asyncio.sleep(0.1)


# Numbers


async def test_numbers_that_grow_by_one_are_no_news(
    hub: StreamHub, venue: "Venue", make: "type[Make]", seen: "Seen"
) -> None:
    async with hub.subscribe(make.trades()):
        await hub.live(make.trades())
        for number in (41, 42, 43):
            venue.open[0].deliver(Numbered(number=number))
        await settled()
        assert gaps(seen) == []


async def test_a_hole_in_a_connections_numbers_is_a_gap_of_all_that_it_carries(
    hub: StreamHub, venue: "Venue", make: "type[Make]", seen: "Seen"
) -> None:
    async with hub.subscribe(make.trades()), hub.subscribe(make.ticker()):
        await hub.live(make.trades())
        await hub.live(make.ticker())
        for number in (0, 1, 5):
            venue.open[0].deliver(Numbered(number=number))
        await settled()
        assert sorted(gap.stream for gap in gaps(seen)) == ["ticker BTC/USDT", "trades BTC/USDT"]
        assert {gap.text for gap in gaps(seen)} == {"messages 2 to 4 are missing"}
        venue.open[0].deliver(Numbered(number=6))
        await settled()
        assert len(gaps(seen)) == 2


async def test_a_hole_in_one_subscriptions_numbers_concerns_it_alone(
    hub: StreamHub, venue: "Venue", make: "type[Make]", seen: "Seen"
) -> None:
    async with hub.subscribe(make.trades()), hub.subscribe(make.ticker()):
        await hub.live(make.ticker())
        for number in (1, 3):
            venue.open[0].deliver(Numbered(number=number, key="trades BTC/USDT"))
        await settled()
        assert [gap.stream for gap in gaps(seen)] == ["trades BTC/USDT"]


async def test_what_is_told_to_be_the_last_number_must_have_come(
    hub: StreamHub, venue: "Venue", make: "type[Make]", seen: "Seen"
) -> None:
    def told(number: int) -> Numbered:
        return Numbered(number=number, key="trades BTC/USDT", is_told=True)

    def come(number: int) -> Numbered:
        return Numbered(number=number, key="trades BTC/USDT")

    async with hub.subscribe(make.trades()):
        await hub.live(make.trades())
        for event in (told(4), come(5), told(5), come(6), told(5), told(6)):
            venue.open[0].deliver(event)
        await settled()
        assert gaps(seen) == []
        # One that is told of and never comes, and the next one, which does.
        for event in (told(7), come(8), told(8)):
            venue.open[0].deliver(event)
        await settled()
        assert [gap.text for gap in gaps(seen)] == ["messages 7 to 7 are missing"]


async def test_late_numbers_and_a_count_that_starts_again_are_no_gaps(
    hub: StreamHub, venue: "Venue", make: "type[Make]", seen: "Seen"
) -> None:
    async with hub.subscribe(make.trades()):
        await hub.live(make.trades())
        for number in (7, 8, 6, 9, 1, 2):
            venue.open[0].deliver(Numbered(number=number))
        await settled()
        assert gaps(seen) == []


async def test_a_hole_in_the_accounts_stream_is_a_loss_that_is_restored(
    new_hub: NewHub, venue: "Venue", make: "type[Make]"
) -> None:
    restored: list[float] = []

    async def restore() -> None:
        restored.append(asyncio.get_running_loop().time())

    async with new_hub(on_private_gap=restore) as hub, hub.subscribe(make.ACCOUNT):
        await hub.live(make.ACCOUNT)
        for number in (1, 3):
            venue.open[0].deliver(Numbered(number=number))
        await settled()
        assert hub.state_of(make.ACCOUNT) is not StreamState.LIVE
        await hub.live(make.ACCOUNT)
        assert len(restored) == 1


async def test_an_answer_that_names_no_request_answers_the_one_that_waits(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    venue.names_requests = False
    async with hub.subscribe(make.trades()), hub.subscribe(make.ticker()):
        async with asyncio.timeout(5):
            await hub.live(make.trades())
            await hub.live(make.ticker())
        venue.open[0].deliver(Acknowledged(request_id=None))
        await settled()
        assert len(venue.open) == 1


# Tokens and nonces


class Tokens:
    """Gives numbered tokens, valid for 100 seconds."""

    def __init__(self) -> None:
        self.given = 0
        self.is_down = False

    async def __call__(self) -> StreamToken:
        if self.is_down:
            failure = Failure(outcome=Outcome.UNKNOWN, advice=Advice.AGAIN, reason="test")
            raise Unavailable("venue", "fetch token", failure)
        self.given += 1
        return StreamToken(value=f"token {self.given}", valid_s=100)


async def test_each_private_connection_subscribes_with_a_token_of_its_own(
    new_hub: NewHub, venue: "Venue", make: "type[Make]"
) -> None:
    async with (
        new_hub(fetch_token=Tokens()) as hub,
        hub.subscribe(make.trades()),
        hub.subscribe(make.ACCOUNT),
    ):
        await hub.live(make.ACCOUNT)
        await hub.live(make.trades())
        assert venue.tokens == ["token 1"]
        next(s for s in venue.open if s.path == "/user").drop()
        await settled()
        await hub.live(make.ACCOUNT)
        assert venue.tokens == ["token 1", "token 2"]


async def test_a_token_that_cannot_be_had_is_asked_for_again_and_nothing_is_live_meanwhile(
    new_hub: NewHub, make: "type[Make]"
) -> None:
    tokens = Tokens()
    tokens.is_down = True
    async with new_hub(fetch_token=tokens) as hub, hub.subscribe(make.ACCOUNT):
        await asyncio.sleep(20)
        assert hub.state_of(make.ACCOUNT) is StreamState.CONNECTING
        tokens.is_down = False
        async with asyncio.timeout(120):
            await hub.live(make.ACCOUNT)


async def test_after_a_refusal_another_token_is_used(
    new_hub: NewHub, venue: "Venue", make: "type[Make]"
) -> None:
    async with new_hub(fetch_token=Tokens()) as hub, hub.subscribe(make.ACCOUNT):
        await hub.live(make.ACCOUNT)
        venue.refused["account"] = "invalid session"
        venue.open[0].drop()
        await asyncio.sleep(1)
        del venue.refused["account"]
        await asyncio.sleep(10)
        assert venue.tokens[0] == "token 1"
        assert len(set(venue.tokens)) == len(venue.tokens) >= 3


def test_a_token_is_not_shown() -> None:
    assert "hush" not in repr(StreamToken(value="hush", valid_s=1))


async def test_without_tokens_nothing_is_asked_for(
    hub: StreamHub, venue: "Venue", make: "type[Make]"
) -> None:
    async with hub.subscribe(make.ACCOUNT):
        await hub.live(make.ACCOUNT)
        assert venue.tokens == []
        assert venue.nonces == [None]


async def test_each_private_subscription_has_a_nonce_of_its_own_where_signatures_have_one(
    new_hub: NewHub, venue: "Venue", make: "type[Make]"
) -> None:
    left = iter(range(7, 100))

    async def take() -> int:
        return next(left)

    async with new_hub(take_nonce=take) as hub, hub.subscribe(make.ACCOUNT):
        await hub.live(make.ACCOUNT)
        venue.open[0].drop()
        await settled()
        await hub.live(make.ACCOUNT)
        assert venue.nonces == [7, 8]
