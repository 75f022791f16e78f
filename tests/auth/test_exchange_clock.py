"""The exchange's time is measured well and kept whatever the machine's clock does."""

import asyncio
from collections.abc import Awaitable, Callable

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.auth import ExchangeClock, Sample, measured

MS = 1_000_000
S = 1_000_000_000
WALL = 1_763_856_000 * S


@attrs.define
class Machine:
    """A machine's two clocks, and an exchange whose clock is ahead of them."""

    wall_ns: int = WALL
    loop_s: float = 1000.0
    exchange_ahead_ns: int = 3 * S
    there_ns: int = 10 * MS
    back_ns: int = 10 * MS
    asked: int = 0

    def time_ns(self) -> int:
        return self.wall_ns

    def loop_time(self) -> float:
        return self.loop_s

    def wait(self, ns: int) -> None:
        self.wall_ns += ns
        self.loop_s += ns / S

    @property
    def exchange_ns(self) -> int:
        # The exchange's clock runs on, whatever is done to the machine's wall clock.
        return WALL + round((self.loop_s - 1000.0) * S) + self.exchange_ahead_ns

    async def ask(self) -> int:
        self.asked += 1
        self.wait(self.there_ns)
        told = self.exchange_ns // MS * MS
        self.wait(self.back_ns)
        return told


def clock_of(machine: Machine, samples: int = 5) -> ExchangeClock:
    return ExchangeClock(machine, loop_time=machine.loop_time, samples=samples)


def test_before_it_is_synchronized_it_tells_the_machines_time() -> None:
    machine = Machine()
    clock = clock_of(machine)
    machine.wait(S)

    assert clock.now_ns() == WALL + S
    assert not clock.is_synchronized
    assert (clock.offset_ns, clock.latency_ns, clock.uncertainty_ns) == (0, 0, None)


async def test_after_five_questions_it_tells_the_exchanges_time() -> None:
    machine = Machine()
    clock = clock_of(machine)

    measurement = await clock.synchronize(machine.ask)

    assert machine.asked == 5
    assert clock.is_synchronized
    assert abs(clock.now_ns() - machine.exchange_ns) <= MS
    assert abs(clock.offset_ns - 3 * S) <= MS
    assert clock.latency_ns == measurement.latency_ns == pytest.approx(20 * MS, abs=1000)
    assert clock.uncertainty_ns == pytest.approx(11 * MS, abs=MS)


@pytest.mark.parametrize("jump_ns", [3600 * S, -3600 * S, S, -S])
async def test_a_wall_clock_that_jumps_changes_nothing(jump_ns: int) -> None:
    machine = Machine()
    clock = clock_of(machine)
    await clock.synchronize(machine.ask)

    machine.wall_ns += jump_ns
    machine.wait(5 * S)

    assert abs(clock.now_ns() - machine.exchange_ns) <= MS
    assert clock.is_doubtful


async def test_a_wall_clock_that_jumps_during_the_measurement_changes_nothing() -> None:
    machine = Machine()
    clock = clock_of(machine)

    async def ask() -> int:
        machine.wall_ns += 60 * S
        return await machine.ask()

    await clock.synchronize(ask)

    assert abs(clock.now_ns() - machine.exchange_ns) <= MS
    assert not clock.is_doubtful


async def test_a_machine_that_slept_is_doubtful_until_it_measures_again() -> None:
    machine = Machine()
    clock = clock_of(machine)
    await clock.synchronize(machine.ask)
    machine.wait(S)
    doubts = [clock.is_doubtful]

    machine.wall_ns += 600 * S  # the monotonic clock stood still
    machine.exchange_ahead_ns += 600 * S
    doubts.append(clock.is_doubtful)
    await clock.synchronize(machine.ask)
    doubts.append(clock.is_doubtful)

    assert doubts == [False, True, False]
    assert abs(clock.now_ns() - machine.exchange_ns) <= MS


def test_slow_answers_are_left_out() -> None:
    fast = [Sample(asked_ns=0, heard_ns=20 * MS, exchange_ns=1010 * MS) for _ in range(2)]
    slow = [Sample(asked_ns=0, heard_ns=900 * MS, exchange_ns=1010 * MS) for _ in range(3)]

    measurement = measured([*slow, *fast])

    assert measurement.ahead_ns == 1000 * MS
    assert measurement.uncertainty_ns == 11 * MS
    assert measurement.latency_ns == 900 * MS  # the median of all five


def test_of_two_middle_values_the_clock_that_is_behind_is_taken() -> None:
    samples = [
        Sample(asked_ns=0, heard_ns=20 * MS, exchange_ns=1010 * MS),
        Sample(asked_ns=0, heard_ns=20 * MS, exchange_ns=1014 * MS),
    ]

    assert measured(samples).ahead_ns == 1000 * MS


@given(
    st.lists(st.tuples(st.integers(0, 500 * MS), st.integers(0, 500 * MS)), min_size=1, max_size=7),
    st.integers(-(10**6) * MS, 10**6 * MS),
)
def test_the_truth_lies_within_the_uncertainty(
    ways: list[tuple[int, int]], true_ahead_ns: int
) -> None:
    samples = [
        Sample(
            asked_ns=i * S,
            heard_ns=i * S + there + back,
            exchange_ns=(i * S + there + true_ahead_ns) // MS * MS,
        )
        for i, (there, back) in enumerate(ways)
    ]

    measurement = measured(samples)

    assert abs(measurement.ahead_ns - true_ahead_ns) <= measurement.uncertainty_ns


# --- many at once ------------------------------------------------------------------------------


def gated(machine: Machine) -> tuple[Callable[[], Awaitable[int]], asyncio.Event, asyncio.Event]:
    begun, go = asyncio.Event(), asyncio.Event()

    async def ask() -> int:
        begun.set()
        await go.wait()
        return await machine.ask()

    return ask, begun, go


async def test_many_callers_at_once_make_one_measurement() -> None:
    machine = Machine()
    clock = clock_of(machine)
    ask, begun, go = gated(machine)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(clock.synchronize(ask)) for _ in range(20)]
        await begun.wait()
        go.set()

    assert machine.asked == 5
    assert len({id(task.result()) for task in tasks}) == 1


async def test_a_later_caller_measures_anew() -> None:
    machine = Machine()
    clock = clock_of(machine)
    await clock.synchronize(machine.ask)
    machine.exchange_ahead_ns += 7 * S

    await clock.synchronize(machine.ask)

    assert machine.asked == 10
    assert abs(clock.now_ns() - machine.exchange_ns) <= MS


async def test_when_the_one_that_measures_is_canceled_another_one_takes_over() -> None:
    machine = Machine()
    clock = clock_of(machine)
    ask, begun, _ = gated(machine)
    leader = asyncio.create_task(clock.synchronize(ask))
    await begun.wait()
    waiters = [asyncio.create_task(clock.synchronize(machine.ask)) for _ in range(3)]
    await asyncio.sleep(0)

    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    await asyncio.gather(*waiters)

    assert machine.asked == 5
    assert clock.is_synchronized


async def test_a_canceled_waiter_disturbs_nobody() -> None:
    machine = Machine()
    clock = clock_of(machine)
    ask, begun, go = gated(machine)
    leader = asyncio.create_task(clock.synchronize(ask))
    await begun.wait()
    waiter = asyncio.create_task(clock.synchronize(ask))
    await asyncio.sleep(0)

    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    go.set()
    await leader

    assert machine.asked == 5


async def test_a_failed_measurement_is_told_to_all_and_the_clock_stays_as_it_was() -> None:
    machine = Machine()
    clock = clock_of(machine)
    await clock.synchronize(machine.ask)
    before = clock.now_ns()
    begun, go = asyncio.Event(), asyncio.Event()

    async def fail() -> int:
        begun.set()
        await go.wait()
        raise ConnectionError("unreachable")

    tasks = [asyncio.create_task(clock.synchronize(fail)) for _ in range(3)]
    await begun.wait()
    go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [ConnectionError] * 3
    assert clock.now_ns() == before
    await clock.synchronize(machine.ask)
    assert machine.asked == 10
