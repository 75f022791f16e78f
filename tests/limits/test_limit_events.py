"""What limits do is told, and counted."""

import asyncio

import pytest

from tests.limits.exchanges import CAPACITY, EPOCH, spec
from venuekit.limits import Lane, Limiter, TooLate
from venuekit.limits.budget import NEVER
from venuekit.plugin import LimitEvent, LimitEventKind

WAITING, WAITED = LimitEventKind.WAITING, LimitEventKind.WAITED
TOO_LATE, PAUSED, BANNED = LimitEventKind.TOO_LATE, LimitEventKind.PAUSED, LimitEventKind.BANNED


class Watched:
    def __init__(self) -> None:
        self.events: list[LimitEvent] = []
        self.limiter = Limiter(
            [spec()],
            time=lambda: EPOCH + asyncio.get_running_loop().time(),
            kept_for_cancels=0.0,
            observe=self.events.append,
        )

    async def use(self, units: int, lane: Lane = Lane.QUERY, wait_s: float | None = None) -> None:
        (await self.limiter.take({"weight": units}, lane, wait_s=wait_s)).end()

    @property
    def told(self) -> list[tuple[LimitEventKind, float]]:
        return [(event.kind, event.seconds) for event in self.events]


async def test_who_need_not_wait_is_not_told_of() -> None:
    watched = Watched()
    await watched.use(CAPACITY)
    assert watched.told == []
    assert watched.limiter.figures().waits == 0


async def test_a_wait_is_told_when_it_begins_and_when_it_ends() -> None:
    watched = Watched()
    await watched.use(CAPACITY)
    waiter = asyncio.create_task(watched.use(1, Lane.PLACE))
    await asyncio.sleep(0)
    assert watched.limiter.figures().waiting == 1
    assert watched.told == [(WAITING, 10)]
    await waiter
    assert watched.told == [(WAITING, 10), (WAITED, 10)]
    assert {(event.budgets, event.lane) for event in watched.events} == {(("weight",), "place")}
    figures = watched.limiter.figures()
    assert (figures.waits, figures.waited_s, figures.longest_wait_s) == (1, 10, 10)
    assert figures.waiting == 0


async def test_who_does_not_wait_so_long_is_too_late() -> None:
    watched = Watched()
    await watched.use(CAPACITY)
    with pytest.raises(TooLate):
        await watched.use(1, wait_s=3)
    with pytest.raises(TooLate):
        await watched.use(CAPACITY + 1)
    assert watched.told == [(TOO_LATE, 10), (TOO_LATE, NEVER)]
    assert watched.limiter.figures().too_late == 2


async def test_one_that_is_canceled_while_it_waits_has_waited_and_has_not_passed() -> None:
    watched = Watched()
    await watched.use(CAPACITY)
    waiter = asyncio.create_task(watched.use(1))
    await asyncio.sleep(4)
    waiter.cancel()
    await asyncio.wait([waiter])
    assert watched.told == [(WAITING, 10)]
    assert watched.limiter.figures().waited_s == 4


async def test_a_refusal_and_a_ban_are_told_with_their_length() -> None:
    watched = Watched()
    watched.limiter.pause(2.0, budgets=["weight"])
    assert watched.events[-1].budgets == ("weight",)
    watched.limiter.pause(1.0)
    waiter = asyncio.create_task(watched.use(1))
    await asyncio.sleep(0)
    watched.limiter.ban(120)
    watched.limiter.ban(60)  # the longer one stays
    with pytest.raises(TooLate):
        await waiter
    with pytest.raises(TooLate):
        await watched.use(1)
    assert watched.told == [
        (PAUSED, 2),
        (PAUSED, 1),
        (WAITING, 2),
        (BANNED, 120),
        (TOO_LATE, 120),
        (TOO_LATE, 120),
    ]
    figures = watched.limiter.figures()
    assert (figures.pauses, figures.bans, figures.too_late) == (2, 1, 2)
