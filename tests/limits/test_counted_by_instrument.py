"""Budgets of each instrument, costs by age, costs that nobody waits for, counters in steps."""

import asyncio

import attrs
import pytest

from tests.limits.exchanges import Clock, limiter, spec
from venuekit.limits import Lane, Moment, TooLate, budget_from
from venuekit.plugin import BudgetKind, BudgetScope, BudgetSpec, Cost, Tier, counted_by

ENGINE = attrs.evolve(
    spec("engine", BudgetKind.DECAYING_COUNTER, capacity=60, interval_s=60),
    scope=BudgetScope.INSTRUMENT,
)
BTC = counted_by("engine", "BTC/USD")
ETH = counted_by("engine", "ETH/USD")
S = 1_000_000_000


async def test_each_instrument_is_counted_for_itself() -> None:
    doors = limiter(Clock(), ENGINE)
    assert doors.try_take({BTC: 60}, Lane.PLACE) is not None
    assert doors.try_take({BTC: 1}, Lane.PLACE) is None
    assert doors.try_take({ETH: 60}, Lane.PLACE) is not None
    assert {state.name for state in doors.snapshot()} == {BTC, ETH}


async def test_numbers_stated_anew_hold_for_the_instruments_that_are_counted() -> None:
    doors = limiter(Clock(), ENGINE)
    doors.try_take({BTC: 60}, Lane.PLACE)
    doors.update([attrs.evolve(ENGINE, capacity=70)])
    assert doors.try_take({BTC: 10}, Lane.PLACE) is not None
    assert doors.try_take({BTC: 1}, Lane.PLACE) is None


async def test_an_instruments_budget_may_be_lowered_by_its_name() -> None:
    doors = limiter(Clock(), ENGINE, lowered={"engine": 10})
    assert doors.try_take({BTC: 11}, Lane.PLACE) is None
    assert doors.try_take({BTC: 10}, Lane.PLACE) is not None


async def test_what_is_taken_in_any_case_is_counted_and_waits_for_nothing() -> None:
    clock = Clock()
    doors = limiter(clock, ENGINE)
    doors.try_take({BTC: 58}, Lane.PLACE)
    grant = doors.try_take({BTC: 400}, Lane.CANCEL, [BTC])
    assert grant is not None
    grant.end()
    (state,) = doors.snapshot()
    assert state.used == 458
    # Others wait until it has fallen.
    with pytest.raises(TooLate) as late:
        await doors.take({BTC: 1}, Lane.PLACE, wait_s=100)
    assert late.value.wait_s > 300


async def test_it_waits_for_its_other_budgets_all_the_same() -> None:
    clock = Clock()
    doors = limiter(clock, ENGINE, spec("calls", BudgetKind.SLIDING_WINDOW, capacity=1))
    first = doors.try_take({"calls": 1}, Lane.QUERY)
    assert first is not None
    task = asyncio.create_task(doors.take({BTC: 400, "calls": 1}, Lane.CANCEL, forced=[BTC]))
    await asyncio.sleep(0)
    assert not task.done()
    first.end({"calls": 1})
    grant = await task
    assert {state.name: state.used for state in doors.snapshot()} == {BTC: 400, "calls": 1}
    grant.end({BTC: 400, "calls": 1})


def test_a_cost_by_age_falls_with_the_orders_years() -> None:
    cost = Cost(
        by_age=((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1)), born_ns=(1000 * S, 1000 * S)
    )
    ages = [0, 4, 5, 9, 10, 44, 45, 89, 90, 299, 300, 10_000]
    assert [cost.at((1000 + age) * S) for age in ages] == [
        *(16, 16, 12, 12, 10, 8, 4, 4, 2, 2, 0, 0)
    ]
    assert Cost(units=1, by_age=((5, 3),)).at(77 * S) == 4
    assert Cost(units=1, by_age=((5, 3),), born_ns=(100 * S,)).at(99 * S) == 4


def test_the_accounts_tier_decides_the_numbers() -> None:
    tiered = attrs.evolve(ENGINE, tiers={"pro": Tier(capacity=180, interval_s=48)})
    assert (tiered.for_tier("pro").capacity, tiered.for_tier("pro").interval_s) == (180, 48)
    assert tiered.for_tier(None) == tiered
    assert tiered.for_tier("starter") == tiered


@pytest.mark.parametrize("phase", [0.0, 0.3, 1.0, 1.9])
def test_a_counter_that_falls_in_steps_is_never_thought_lower_than_it_is(phase: float) -> None:
    stepping = BudgetSpec(
        name="calls",
        kind=BudgetKind.DECAYING_COUNTER,
        scope=BudgetScope.KEY,
        capacity=20,
        interval_s=40,
        step_s=2.0,
    )
    budget = budget_from(stepping)
    there, at = 0.0, 0.0  # the exchange's own counter, lowered every 2 s of its clock
    now = phase
    for _ in range(200):
        wait = budget.wait(4, Moment(now, now), 0)
        now += wait
        there, at = max(0.0, there - 0.5 * 2.0 * (now // 2 - at // 2)), now
        assert there + 4 <= 20 + 1e-6
        there += 4
        budget.pay(4)
        budget.end(4, 4, Moment(now, now))
        assert budget.used(Moment(now, now)) >= there - 1e-6
    # It gives nothing away either: as many calls as the counter lets through, but for one step.
    assert now - phase <= (200 * 4 - 20) / 0.5 + 4.0
