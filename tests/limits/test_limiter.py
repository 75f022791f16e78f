"""The door: who passes, who waits, who is next. Seconds are virtual."""

import asyncio
import math
import random
from collections.abc import Mapping

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.limits.exchanges import CAPACITY, EPOCH, INTERVAL_S, KINDS, Exchange, spec
from venuekit.limits import Grant, Lane, Limiter, TooLate
from venuekit.model import BudgetUsage
from venuekit.plugin import BudgetKind, BudgetSpec
from venuekit.testing.virtual_time import run_virtually

ORDERS = spec("orders", places_only=True, capacity=2, interval_s=86_400)


def now() -> float:
    return asyncio.get_running_loop().time()


@attrs.define
class Door:
    """A limiter whose exchange's clock goes with the loop's, and a list of who passed."""

    limiter: Limiter
    passed: list[tuple[str, float]] = attrs.field(factory=list)
    grants: dict[str, Grant] = attrs.field(factory=dict)
    looks: list[float] = attrs.field(factory=list)

    async def come(
        self,
        name: str,
        lane: Lane = Lane.QUERY,
        wait_s: float | None = None,
        **costs: int,
    ) -> Grant:
        grant = await self.limiter.take(costs or {"weight": 1}, lane, wait_s=wait_s)
        self.passed.append((name, now()))
        self.grants[name] = grant
        return grant

    async def visit(self, name: str, lane: Lane = Lane.QUERY, **costs: int) -> None:
        """Come, and be answered at once."""
        (await self.come(name, lane, **costs)).end()

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.passed]

    def used(self, name: str = "weight") -> int:
        return next(state.used for state in self.limiter.snapshot() if state.name == name)

    def waiting(self) -> int:
        return max(state.waiting for state in self.limiter.snapshot())


def door(*specs: BudgetSpec, kept: float = 0.0, lowered: Mapping[str, int] | None = None) -> Door:
    looks: list[float] = []

    def time() -> float:
        looks.append(now())
        return EPOCH + now()

    limiter = Limiter(specs or [spec()], time=time, kept_for_cancels=kept, lowered=lowered)
    return Door(limiter, looks=looks)


def full(**options: float) -> Door:
    made = door(kept=options.get("kept", 0.0))
    grant = made.limiter.try_take({"weight": CAPACITY}, Lane.CANCEL)
    assert grant is not None
    grant.end()
    return made


async def turns(number: int = 5) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def timers() -> int:
    loop = asyncio.get_running_loop()
    scheduled: list[asyncio.TimerHandle] = loop._scheduled  # type: ignore[attr-defined]  # no public way to ask
    return sum(not timer.cancelled() for timer in scheduled)


# Who is next


async def test_within_a_lane_whoever_came_first_goes_first() -> None:
    at = full()
    async with asyncio.TaskGroup() as tasks:
        for name in "abcde":
            tasks.create_task(at.visit(name, weight=7))

    # Three fit into a window.
    assert at.passed == [("a", 10), ("b", 10), ("c", 20), ("d", 20), ("e", 30)]


async def test_cancels_go_before_orders_before_queries_before_market_data() -> None:
    at = full()
    async with asyncio.TaskGroup() as tasks:
        for lane in reversed(Lane):
            for name in "12":
                tasks.create_task(at.visit(f"{lane.name} {name}", lane, weight=10))

    assert at.names == [f"{lane.name} {name}" for lane in Lane for name in "12"]


async def test_a_large_request_is_not_starved_by_small_ones_that_come_later() -> None:
    at = door()
    await at.visit("first", weight=15)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(at.visit("large", weight=18))
        await turns()
        for number in range(5):
            tasks.create_task(at.visit(f"small {number}", weight=1))

    assert at.names[:4] == ["first", "large", "small 0", "small 1"]


async def test_nobody_in_a_later_lane_takes_what_an_earlier_one_waits_for() -> None:
    at = door(spec(), spec("raw"))
    await at.visit("first", weight=15)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(at.visit("large", weight=18))
        await turns()
        tasks.create_task(at.visit("small", Lane.MARKET_DATA, weight=1, raw=1))

    assert at.passed[1:] == [("large", 10), ("small", 10)]


async def test_within_a_lane_whoever_came_first_goes_first_whatever_else_they_pay() -> None:
    at = full()
    at.limiter.update([spec("a"), spec("b")])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(at.visit("1", weight=1, b=1))
        tasks.create_task(at.visit("2", weight=1, a=1))
        tasks.create_task(at.visit("3", weight=1))
        tasks.create_task(at.visit("4", weight=1, b=1))

    assert at.names == ["1", "2", "3", "4"]


async def test_an_order_that_waits_for_the_days_order_count_holds_up_no_query() -> None:
    at = door(spec(), ORDERS)
    for name in "ab":
        await at.visit(name, Lane.PLACE, weight=1, orders=1)
    async with asyncio.TaskGroup() as tasks:
        order = tasks.create_task(at.visit("order", Lane.PLACE, weight=1, orders=1))
        await turns()
        query = tasks.create_task(at.visit("query", weight=1))
        amendment = tasks.create_task(at.visit("amendment", Lane.PLACE, weight=1))
        await turns()

        assert query.done()
        assert amendment.done()
        assert not order.done()

    assert at.passed[-1] == ("order", 86_400)


async def test_all_budgets_are_paid_together_or_none() -> None:
    at = door(spec(), ORDERS)
    await at.visit("a", Lane.PLACE, weight=1, orders=2)

    assert at.limiter.try_take({"weight": 5, "orders": 1}, Lane.PLACE) is None

    assert (at.used("weight"), at.used("orders")) == (1, 2)


async def test_a_name_without_a_budget_is_not_counted() -> None:
    at = door()

    await at.visit("a", weight=1, moon=1_000_000)

    assert at.used() == 1


# What is kept for cancels


async def test_a_share_is_kept_that_only_cancels_may_use() -> None:
    at = door(kept=0.1)
    assert at.limiter.try_take({"weight": 18}, Lane.PLACE) is not None
    assert at.limiter.try_take({"weight": 1}, Lane.PLACE) is None
    assert at.limiter.try_take({"weight": 1}, Lane.QUERY) is None

    assert at.limiter.try_take({"weight": 2}, Lane.CANCEL) is not None


async def test_even_a_small_budget_keeps_something_for_cancels() -> None:
    at = door(spec(capacity=3), kept=0.1)
    assert at.limiter.try_take({"weight": 2}, Lane.QUERY) is not None
    assert at.limiter.try_take({"weight": 1}, Lane.QUERY) is None

    assert at.limiter.try_take({"weight": 1}, Lane.CANCEL) is not None


async def test_nothing_is_kept_of_what_cancels_never_pay() -> None:
    at = door(spec(), ORDERS, kept=0.5)

    assert at.limiter.try_take({"orders": 1}, Lane.PLACE) is not None
    assert at.limiter.try_take({"orders": 1}, Lane.PLACE) is not None


async def test_a_request_as_large_as_the_whole_budget_passes_when_nothing_is_used() -> None:
    at = door(kept=0.1)
    await at.visit("small", weight=1)

    await at.come("whole", weight=CAPACITY)

    assert at.passed[-1] == ("whole", 10)


async def test_a_cancel_passes_at_once_while_queries_wait() -> None:
    at = door(kept=0.1)
    await at.visit("reader", weight=18)
    async with asyncio.TaskGroup() as tasks:
        for number in range(10):
            tasks.create_task(at.visit(f"query {number}"))
        await turns()
        tasks.create_task(at.visit("cancel", Lane.CANCEL))

    assert at.passed[1] == ("cancel", 0)


# Giving up


async def test_a_canceled_waiter_leaves_no_trace() -> None:
    at = full()
    task = asyncio.create_task(at.come("a"))
    await turns()
    assert (at.waiting(), timers()) == (1, 1)

    task.cancel()
    await turns()

    assert task.cancelled()
    assert (at.waiting(), at.used(), timers()) == (0, CAPACITY, 0)


async def test_one_canceled_in_the_turn_in_which_it_is_granted_has_paid_nothing() -> None:
    at = full()
    first, second = (asyncio.create_task(at.come(name, weight=CAPACITY)) for name in "ab")
    await turns()

    # The timer of the window fires, grants, and nobody has run since.
    asyncio.get_running_loop().call_later(INTERVAL_S, first.cancel)
    await asyncio.wait([first, second])

    assert first.cancelled()
    assert at.passed == [("b", 10)]
    assert at.used() == CAPACITY


async def test_whoever_stands_behind_one_that_gives_up_moves_on() -> None:
    at = door()
    await at.visit("first", weight=15)
    large = asyncio.create_task(at.come("large", weight=10))
    await turns()
    small = asyncio.create_task(at.come("small", weight=5))
    await turns()
    assert not small.done()

    large.cancel()
    await turns()

    assert small.done()
    assert at.passed[-1] == ("small", 0)


async def test_a_wait_that_would_be_too_long_is_refused_at_once() -> None:
    at = full()

    with pytest.raises(TooLate) as caught:
        await at.come("a", wait_s=9.9)

    assert now() == 0
    assert (caught.value.wait_s, caught.value.budgets) == (10, ("weight",))


async def test_a_wait_that_becomes_too_long_behind_others_ends_in_time() -> None:
    at = full()
    first = asyncio.create_task(at.come("first", weight=CAPACITY))
    await turns()

    with pytest.raises(TooLate):
        await at.come("a", wait_s=12)

    assert now() == 12
    assert first.done()
    assert (at.waiting(), at.used(), timers()) == (0, CAPACITY, 0)


async def test_what_could_never_be_paid_is_refused_at_once() -> None:
    at = door()

    with pytest.raises(TooLate) as caught:
        await at.come("a", weight=CAPACITY + 1)

    assert caught.value.wait_s == float("inf")


async def test_a_waiter_that_a_lowered_limit_makes_impossible_is_told() -> None:
    at = full()
    task = asyncio.create_task(at.come("a", weight=15))
    await turns()

    at.limiter.update([spec(capacity=10)])
    await asyncio.wait([task])

    assert isinstance(task.exception(), TooLate)
    assert at.waiting() == 0


async def test_a_grant_is_kept_while_the_caller_handles_an_error_of_its_own() -> None:
    at = full()
    try:
        int("the first attempt failed")
    except ValueError:
        await at.come("a", weight=5)

    assert at.used() == 5


# What lets others go on


async def test_slots_for_requests_under_way_are_waited_for_until_one_ends() -> None:
    at = door(spec(kind=BudgetKind.CONCURRENT, capacity=2))
    for name in "ab":
        await at.come(name)
    task = asyncio.create_task(at.come("c"))
    await asyncio.sleep(1000)
    assert not task.done()

    at.grants["a"].end()
    await turns()

    assert at.passed[-1] == ("c", 1000)


async def test_a_refund_lets_the_next_go_on() -> None:
    at = door()
    await at.come("a", weight=CAPACITY)
    task = asyncio.create_task(at.come("b"))
    await turns()

    at.grants["a"].end({"weight": 1})
    await turns()

    assert task.done()
    assert now() == 0


async def test_a_grant_counts_its_end_once() -> None:
    at = door()
    grant = await at.come("a", weight=5)

    grant.end({"weight": 5})
    grant.end()
    grant.end({"weight": 5})

    assert at.used() == 0


async def test_a_correction_downwards_lets_the_next_go_on() -> None:
    at = full()
    task = asyncio.create_task(at.come("a"))
    await turns()

    at.limiter.correct([BudgetUsage(budget="weight", used=3)])
    await turns()

    assert task.done()
    assert at.used() == 4


async def test_a_correction_upwards_stops_the_next() -> None:
    at = door()

    at.limiter.correct([BudgetUsage(budget="weight", used=CAPACITY)])

    assert at.limiter.try_take({"weight": 1}, Lane.CANCEL) is None


async def test_a_raised_limit_lets_the_next_go_on() -> None:
    at = full()
    task = asyncio.create_task(at.come("a"))
    await turns()

    at.limiter.update([spec(capacity=CAPACITY + 1)])
    await turns()

    assert task.done()


async def test_nobody_looks_at_the_clock_while_everybody_waits() -> None:
    at = full()
    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(at.visit(str(number)))
        await asyncio.sleep(0.001)
        before = len(at.looks)
        await asyncio.sleep(9.9)

        assert len(at.looks) == before


# Pauses


async def test_a_pause_stops_everything_for_its_time() -> None:
    at = door()
    at.limiter.pause(30)
    assert at.limiter.paused_s() == 30
    assert at.limiter.snapshot()[0].is_paused

    await at.come("a", Lane.CANCEL)

    assert at.passed == [("a", 30)]
    assert at.limiter.paused_s() == 0


async def test_a_pause_holds_for_requests_that_pay_nothing() -> None:
    at = door()
    at.limiter.pause(30)

    await at.come("a", moon=1)

    assert at.passed == [("a", 30)]


async def test_a_pause_does_not_shorten_a_longer_one() -> None:
    at = door()
    at.limiter.pause(30)

    at.limiter.pause(2)

    assert at.limiter.paused_s() == 30


async def test_a_pause_of_one_budget_stops_only_what_pays_it() -> None:
    at = door(spec(), ORDERS)
    at.limiter.pause(30, budgets=at.limiter.of_orders(["weight", "orders", "moon"]))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(at.come("order", Lane.PLACE, weight=1, orders=1))
        await turns()
        tasks.create_task(at.come("cancel", Lane.CANCEL))
        tasks.create_task(at.come("query"))

    assert at.passed == [("cancel", 0), ("query", 0), ("order", 30)]
    assert at.limiter.paused_s() == 0


async def test_a_pause_that_begins_while_others_wait_holds_for_them() -> None:
    at = full()
    task = asyncio.create_task(at.come("a"))
    await turns()

    at.limiter.pause(25)
    await task

    assert at.passed == [("a", 25)]


async def test_a_ban_refuses_everybody_at_once_also_those_who_wait() -> None:
    at = full()
    waiting = asyncio.create_task(at.come("a"))
    await turns()

    at.limiter.ban(120)
    await asyncio.wait([waiting])
    with pytest.raises(TooLate) as caught:
        await at.come("b", Lane.CANCEL)

    assert now() == 0
    assert isinstance(waiting.exception(), TooLate)
    assert (caught.value.is_ban, caught.value.wait_s) == (True, 120)
    assert (at.limiter.banned_s(), at.limiter.paused_s(), timers()) == (120, 120, 0)


async def test_a_ban_ends_by_itself_and_not_before() -> None:
    at = door()
    at.limiter.ban(120)
    at.limiter.ban(60)

    await asyncio.sleep(119.9)
    assert at.limiter.try_take({"weight": 1}, Lane.CANCEL) is None
    await asyncio.sleep(0.1)

    assert at.limiter.try_take({"weight": 1}, Lane.CANCEL) is not None
    assert at.limiter.banned_s() == 0


async def test_setting_the_exchanges_clock_does_not_end_a_ban() -> None:
    ahead_s = 0.0
    limiter = Limiter([spec()], time=lambda: EPOCH + ahead_s + now())
    limiter.ban(120)

    ahead_s = 3600.0

    assert limiter.banned_s() == 120


# Laws


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_the_exchange_never_sees_more_than_it_allows(kind: BudgetKind, seed: int) -> None:
    """Whatever the network's delays, lost answers, refunds, cancellations and other lanes do."""
    most = run_virtually(_traffic(kind, random.Random(seed)))

    assert most <= CAPACITY + 1e-6


async def _traffic(kind: BudgetKind, rng: random.Random) -> float:
    exchange = Exchange(kind)
    at = door(spec(kind=kind), kept=0.1)
    most = 0.0

    async def request() -> None:
        nonlocal most
        await asyncio.sleep(rng.choice([0, 0, rng.uniform(0, 60)]))
        cost = rng.randint(1, 6)
        try:
            grant = await at.limiter.take(
                {"weight": cost}, rng.choice(list(Lane)), wait_s=rng.choice([None, 20])
            )
        except TooLate:
            return
        has_arrived = False
        try:
            await asyncio.sleep(rng.choice([0, rng.uniform(0, 0.5)]))
            exchange.arrive(EPOCH + now(), cost)
            has_arrived = True
            told = exchange.used(EPOCH + now())
            most = max(most, told)
            await asyncio.sleep(rng.choice([0, rng.uniform(0, 3)]))
            if rng.random() < 0.5:
                grant.end()
                at.limiter.correct([BudgetUsage(budget="weight", used=math.ceil(told))], grant)
        finally:
            grant.end(None if has_arrived else {"weight": cost})
            if has_arrived:
                exchange.answer(cost)

    async def impatient(task: "asyncio.Task[None]") -> None:
        await asyncio.sleep(rng.uniform(0, 60))
        task.cancel()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(60):
            task = tasks.create_task(request())
            if rng.random() < 0.3:
                tasks.create_task(impatient(task))
    assert (at.waiting(), timers()) == (0, 0)
    [state] = at.limiter.snapshot()
    if kind is BudgetKind.CONCURRENT:
        assert state.used == 0
    return most


@given(seed=st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_cancellation_at_any_moment_leaves_nothing_in_flight_and_nobody_waiting(seed: int) -> None:
    async def main() -> int:
        rng = random.Random(seed)
        at = door(spec(kind=BudgetKind.CONCURRENT, capacity=3), spec("raw"))

        async def request() -> None:
            grant = await at.limiter.take({"weight": 1, "raw": 1}, Lane.QUERY)
            try:
                await asyncio.sleep(rng.choice([0, 1]))
            finally:
                grant.end()

        tasks = [asyncio.create_task(request()) for _ in range(20)]
        for task in rng.sample(tasks, 12):
            await turns(rng.randint(0, 3))
            task.cancel()
        await asyncio.wait(tasks)
        assert (at.waiting(), timers()) == (0, 0)
        return at.used()

    assert run_virtually(main()) == 0
