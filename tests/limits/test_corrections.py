"""The exchange's own counts correct ours, and a crowd of answers is not counted twice."""

from tests.limits.exchanges import Clock, limiter, spec
from venuekit.limits import Grant, Lane, Limiter
from venuekit.model import BudgetUsage


def used(doors: Limiter) -> int:
    (state,) = doors.snapshot()
    return state.used


def answered(doors: Limiter, grant: Grant, count: int) -> None:
    """An answer comes, with the exchange's count in it."""
    grant.end()
    doors.correct([BudgetUsage(budget="weight", used=count)], grant=grant)


def paid(doors: Limiter, units: int = 1) -> Grant:
    grant = doors.try_take({"weight": units}, Lane.QUERY)
    assert grant is not None
    return grant


async def test_a_crowd_of_requests_at_once_is_counted_once() -> None:
    doors = limiter(Clock(), spec(capacity=100))
    crowd = [paid(doors) for _ in range(60)]
    for number, grant in enumerate(crowd, 1):
        answered(doors, grant, number)
        assert used(doors) == 60
    assert doors.try_take({"weight": 40}, Lane.CANCEL) is not None


async def test_answers_that_overtake_each_other_change_nothing() -> None:
    doors = limiter(Clock(), spec(capacity=100))
    crowd = [paid(doors) for _ in range(10)]
    for number in (9, 3, 7, 1, 10, 2, 8, 4, 6, 5):
        answered(doors, crowd[number - 1], number)
    assert used(doors) == 10


async def test_what_somebody_else_has_used_is_believed() -> None:
    doors = limiter(Clock(), spec(capacity=100))
    answered(doors, paid(doors), 71)
    assert used(doors) == 71
    crowd = [paid(doors) for _ in range(10)]
    # The stranger uses ten more while these are under way.
    for number, grant in enumerate(crowd, 1):
        answered(doors, grant, 81 + number)
    assert used(doors) == 91


async def test_what_costs_more_than_was_thought_is_believed_too() -> None:
    doors = limiter(Clock(), spec(capacity=100))
    for number in range(1, 6):
        answered(doors, paid(doors, 2), number * 10)
        assert used(doors) == number * 10


async def test_what_costs_less_than_was_thought_is_given_back() -> None:
    doors = limiter(Clock(), spec(capacity=100))
    answered(doors, paid(doors, 50), 5)
    assert used(doors) == 5


async def test_with_requests_under_way_only_what_is_sure_is_given_back() -> None:
    doors = limiter(Clock(), spec(capacity=100))
    first, second = paid(doors, 30), paid(doors, 30)
    answered(doors, first, 5)
    # The second may be in the five, or may not.
    assert used(doors) == 35
    answered(doors, second, 10)
    assert 10 <= used(doors) <= 40
