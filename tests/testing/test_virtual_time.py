"""A loop on which waiting takes no time."""

import asyncio
import threading
import time

import pytest

from venuekit.testing.virtual_time import EverybodyWaits, VirtualLoop, run_virtually


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_day_passes_at_once() -> None:
    begun = time.monotonic()

    await asyncio.sleep(86_400)

    assert now() == 86_400
    assert time.monotonic() - begun < 60


async def test_sleepers_wake_in_the_order_of_their_moments_at_those_moments() -> None:
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append((name, now()))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sleeper("late", 3.5))
        tasks.create_task(sleeper("early", 0.25))
        tasks.create_task(sleeper("between", 2.0))

    assert woken == [("early", 0.25), ("between", 2.0), ("late", 3.5)]


async def test_time_stands_still_while_anybody_has_something_to_do() -> None:
    for _ in range(1000):
        await asyncio.sleep(0)

    assert now() == 0


async def test_a_time_out_strikes_at_its_moment() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(12):
            await asyncio.Event().wait()

    assert now() == 12


async def test_time_stands_still_while_a_thread_works() -> None:
    may_end = threading.Event()

    async def lets_it_end() -> None:
        await asyncio.sleep(0)
        may_end.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.sleep(3600))
        tasks.create_task(lets_it_end())
        await asyncio.to_thread(may_end.wait)
        assert now() == 0

    assert now() == 3600


def test_a_program_that_can_never_end_is_told_so_instead_of_hanging() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(EverybodyWaits):
        run_virtually(forever())


def test_a_coroutine_runs_to_its_end_and_gives_its_result() -> None:
    async def takes_an_hour() -> float:
        await asyncio.sleep(3600)
        return now()

    assert run_virtually(takes_an_hour()) == 3600


def test_a_loop_can_begin_at_any_moment() -> None:
    loop = VirtualLoop(start_s=1e6)
    try:
        loop.run_until_complete(asyncio.sleep(1.5))
        assert loop.time() == 1e6 + 1.5
    finally:
        loop.close()
