"""A dead man's switch is told in time while its block runs, and stopped after it."""

import asyncio
import itertools

import pytest

from venuekit.client.switch import DeadManSwitch
from venuekit.model import Advice, Failure, Outcome, Unavailable
from venuekit.testing.virtual_time import run_virtually


class Exchange:
    """Notes when it is told what."""

    def __init__(self) -> None:
        self.told: list[tuple[float, int]] = []
        self.is_down = False

    async def tell(self, timeout_s: int) -> int | None:
        now = asyncio.get_running_loop().time()
        self.told.append((now, timeout_s))
        if self.is_down:
            failure = Failure(outcome=Outcome.UNKNOWN, advice=Advice.AGAIN, reason="test")
            raise Unavailable("test", "switch", failure)
        return round((now + timeout_s) * 1e9) if timeout_s else None


def test_it_is_told_four_times_in_each_timeout_and_stopped_at_the_end() -> None:
    async def story() -> None:
        exchange = Exchange()
        begun = asyncio.get_running_loop().time()
        async with DeadManSwitch(exchange.tell, 60) as switch:
            falls = [switch.falls_at_ns]
            await asyncio.sleep(100)
        assert [told for _, told in exchange.told] == [60] * 7 + [0]
        times = [at for at, _ in exchange.told[:-1]]
        assert [b - a for a, b in itertools.pairwise(times)] == [15.0] * 6
        falls.append(switch.falls_at_ns)
        assert falls == [round((begun + 60) * 1e9), None]
        await asyncio.sleep(600)
        assert len(exchange.told) == 8

    run_virtually(story())


def test_one_that_does_not_get_through_is_followed_by_the_next() -> None:
    async def story() -> None:
        exchange = Exchange()
        async with DeadManSwitch(exchange.tell, 60):
            exchange.is_down = True
            await asyncio.sleep(31)
            exchange.is_down = False
            await asyncio.sleep(30)
        assert [told for _, told in exchange.told] == [60] * 5 + [0]

    run_virtually(story())


def test_it_is_stopped_also_when_the_block_fails() -> None:
    async def story() -> None:
        exchange = Exchange()
        with pytest.raises(ZeroDivisionError):
            async with DeadManSwitch(exchange.tell, 60):
                raise ZeroDivisionError
        assert exchange.told[-1][1] == 0
        assert len(asyncio.all_tasks()) == 1

    run_virtually(story())


def test_one_that_cannot_be_stopped_says_so() -> None:
    async def story() -> None:
        exchange = Exchange()
        with pytest.raises(Unavailable):
            async with DeadManSwitch(exchange.tell, 60):
                exchange.is_down = True

    run_virtually(story())
