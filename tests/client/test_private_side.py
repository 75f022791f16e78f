"""The private side starts once, and finds back when the account stream was taken away."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from venuekit.client.private import PrivateSide
from venuekit.limits import Lane
from venuekit.model import (
    Closed,
    StreamError,
    StreamState,
    StreamStateChanged,
    SubscriptionRefused,
)
from venuekit.stores import Scope
from venuekit.testing.virtual_time import run_virtually


class Hub:
    exchange = "acme"

    def __init__(self) -> None:
        self.attached = 0
        self.left = 0
        self.is_live = True
        self.turned = asyncio.Event()

    def attach(self, _: object, consumer: PrivateSide) -> Callable[[], None]:
        self.attached += 1
        self.consumer = consumer

        def leave() -> None:
            self.left += 1

        return leave

    async def live(self, _: object) -> None:
        if not self.is_live:
            self.turned = asyncio.Event()
            await self.turned.wait()
        self.tell(StreamState.LIVE)

    def tell(self, state: StreamState) -> None:
        self.is_live = state is StreamState.LIVE
        if self.is_live:
            self.turned.set()
        self.consumer.put(StreamStateChanged(stream="account", state=state))


class Desk:
    def __init__(self) -> None:
        self.calls: list[str] = []

    async def start(self) -> None:
        self.calls.append("start")

    async def reconcile(self, *, resolve: bool = True, lane: Lane = Lane.QUERY) -> None:
        self.calls.append(f"reconcile in {lane.name}, {resolve=}")

    def keep_reconciled(self, pause_s: Callable[[], float]) -> None:
        self.pause_s = pause_s


def private_side() -> tuple[PrivateSide, Hub, Desk]:
    hub, desk = Hub(), Desk()
    side = PrivateSide(
        desk=cast(Any, desk),
        journal=cast(Any, None),
        scope=Scope("acme", "main", "sim"),
        hub=cast(Any, hub),
        balances={},
    )
    return side, hub, desk


def test_many_callers_start_it_once() -> None:
    async def story() -> None:
        side, hub, desk = private_side()
        await asyncio.gather(*(side.ready() for _ in range(5)))
        await side.ready()
        assert (hub.attached, desk.calls) == (1, ["start"])
        await side.close()
        assert hub.left == 1

    run_virtually(story())


def test_a_stream_that_was_taken_away_is_subscribed_again_and_its_gap_reconciled() -> None:
    async def story() -> None:
        side, hub, desk = private_side()
        await side.ready()
        side.end(SubscriptionRefused("acme", "account", "key revoked"))
        await side.ready()
        assert hub.attached == 2
        assert desk.calls == ["start", "start", "reconcile in QUERY, resolve=True"]

    run_virtually(story())


def test_a_stream_that_does_not_become_live_lets_nothing_be_placed_and_is_tried_again() -> None:
    async def story() -> None:
        side, hub, desk = private_side()
        hub.is_live = False
        with pytest.raises(StreamError, match="nothing was placed, try again"):
            await side.ready()
        assert (desk.calls, hub.left) == ([], 1)
        hub.is_live = True
        await side.ready()
        assert desk.calls == ["start"]

    run_virtually(story())


def test_a_caller_that_gives_up_does_not_stop_the_start_for_the_others() -> None:
    async def story() -> None:
        side, hub, desk = private_side()
        hub.is_live = False
        first = asyncio.create_task(side.ready())
        second = asyncio.create_task(side.ready())
        await asyncio.sleep(1)
        first.cancel()
        with pytest.raises(StreamError):
            await second
        assert first.cancelled()
        assert desk.calls == []

    run_virtually(story())


def test_closing_the_handle_is_no_loss_of_the_stream() -> None:
    async def story() -> None:
        side, hub, desk = private_side()
        await side.ready()
        side.end(Closed("the streams of acme were closed"))
        await side.close()
        assert (hub.attached, desk.calls) == (1, ["start"])

    run_virtually(story())


def test_before_the_first_start_there_is_nothing_to_restore() -> None:
    async def story() -> None:
        side, _, desk = private_side()
        await side.restore()
        assert desk.calls == []
        await side.ready()
        await side.restore()
        assert desk.calls == ["start", "reconcile in PLACE, resolve=False"]

    run_virtually(story())


def test_while_the_stream_is_away_placing_waits_at_the_gate_and_goes_on_once_it_is_restored() -> (
    None
):
    async def story() -> None:
        side, hub, _ = private_side()
        await side.ready()
        hub.tell(StreamState.STALE)
        waiting = asyncio.create_task(side.ready())
        await asyncio.sleep(5)
        hub.tell(StreamState.RESYNCING)
        await asyncio.sleep(0.5)
        assert not waiting.done()

        hub.tell(StreamState.LIVE)
        await waiting
        assert asyncio.get_running_loop().time() < 8

    run_virtually(story())


def test_a_stream_that_stays_away_lets_nothing_be_placed() -> None:
    async def story() -> None:
        side, hub, _ = private_side()
        await side.ready()
        hub.tell(StreamState.STALE)
        with pytest.raises(StreamError, match="nothing was placed"):
            await side.ready()

    run_virtually(story())


def test_the_exchange_is_compared_more_often_while_the_stream_is_away() -> None:
    async def story() -> None:
        side, hub, desk = private_side()
        await side.ready()
        assert desk.pause_s() == 60
        hub.tell(StreamState.STALE)
        assert desk.pause_s() == 10

    run_virtually(story())


def test_an_exchange_without_an_account_stream_is_compared_often_and_orders_may_be_placed() -> None:
    async def story() -> None:
        _, _, desk = private_side()
        side = PrivateSide(
            desk=cast(Any, desk),
            journal=cast(Any, None),
            scope=Scope("acme", "main", "sim"),
            hub=None,
            balances={},
        )
        await side.ready()
        assert (desk.calls, desk.pause_s()) == (["start"], 10)

    run_virtually(story())
