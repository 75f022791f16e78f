"""Each kind of budget, against an exchange that adds up everything anew."""

import copy
import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.limits.exchanges import CAPACITY, INTERVAL_S, KINDS, Clock, Exchange, limiter, spec
from venuekit.limits import Grant, Lane, Moment, budget_from
from venuekit.model import BudgetUsage
from venuekit.plugin import BudgetKind

TIMED = [kind for kind in KINDS if kind is not BudgetKind.CONCURRENT]
steps_s = st.integers(0, 4 * INTERVAL_S).map(lambda quarters: quarters / 4)
units = st.integers(1, 8)


def moment(seconds: float) -> Moment:
    return Moment(exchange_s=seconds, running_s=seconds)


# Alone, with no time between sending and arriving, we count exactly as the exchange does


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
@given(requests=st.lists(st.tuples(steps_s, units, st.integers(0, 8)), max_size=30))
def test_what_arrives_at_once_is_counted_exactly_as_the_exchange_counts_it(
    kind: BudgetKind, requests: list[tuple[float, int, int]]
) -> None:
    budget, exchange, now = budget_from(spec(kind=kind)), Exchange(kind), 0.0
    for step_s, cost, refund in requests:
        now += step_s
        back = min(cost, refund)
        budget.pay(cost)
        exchange.arrive(now, cost - back)
        budget.end(cost, cost - back, moment(now))
        exchange.answer(cost - back)
        used = exchange.used(now)
        assert budget.used(moment(now)) == math.ceil(used - 1e-9)


@pytest.mark.parametrize("kind", TIMED, ids=lambda kind: kind.value)
@given(
    requests=st.lists(st.tuples(steps_s, units), min_size=1, max_size=30),
    cost=st.integers(1, CAPACITY),
)
def test_a_wait_is_as_long_as_it_must_be_and_no_longer(
    kind: BudgetKind, requests: list[tuple[float, int]], cost: int
) -> None:
    budget, exchange, now = budget_from(spec(kind=kind)), Exchange(kind), 0.0
    for step_s, units_ in requests:
        now += step_s
        budget.pay(units_)
        budget.end(units_, units_, moment(now))
        exchange.arrive(now, units_)

    wait = budget.wait(cost, moment(now), 0)

    assert exchange.used(now + wait + 1e-6) + cost <= CAPACITY + 1e-6
    if wait:
        assert exchange.used(now + wait - 1e-3) + cost > CAPACITY
        assert budget.wait(cost, moment(now + wait + 1e-6), 0) == 0


# With a network in between, we never count less than the exchange


@attrs.define
class Sent:
    grant: Grant
    cost: int
    refund: int
    has_arrived: bool = False
    told: float = 0.0
    """What the exchange counted when it had counted this request."""


events = st.one_of(
    st.tuples(st.just("send"), units, st.integers(0, 8)),
    st.tuples(st.just("arrive"), st.integers(0, 50), st.just(0)),
    st.tuples(st.just("answer"), st.integers(0, 50), st.integers(0, 1)),
    st.tuples(st.just("lose"), st.integers(0, 50), st.just(0)),
    st.tuples(st.just("pass"), st.integers(0, 30), st.just(0)),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
@given(history=st.lists(events, max_size=60))
def test_the_count_is_never_below_the_exchanges_whenever_requests_and_answers_arrive(
    kind: BudgetKind, history: list[tuple[str, int, int]]
) -> None:
    """Answers overtake each other, carry counts that are old by then, or never come."""
    clock, exchange = Clock(), Exchange(kind, capacity=10_000)
    ours = limiter(clock, spec(kind=kind, capacity=10_000))
    open_: list[Sent] = []

    for what, number, more in history:
        sent = open_[number % len(open_)] if open_ else None
        now = clock.exchange_s()
        if what == "pass":
            clock.passed_s += number / 4
        elif what == "send":
            grant = ours.try_take({"weight": number}, Lane.QUERY)
            assert grant is not None
            open_.append(Sent(grant, number, min(number, more)))
        elif sent is None:
            continue
        elif what == "arrive" and not sent.has_arrived:
            exchange.arrive(now, sent.cost - sent.refund)
            sent.has_arrived, sent.told = True, exchange.used(now)
        elif what == "answer" and sent.has_arrived:
            open_.remove(sent)
            sent.grant.end({"weight": sent.refund})
            exchange.answer(sent.cost - sent.refund)
            if more:
                usage = BudgetUsage(budget="weight", used=math.ceil(sent.told - 1e-9))
                ours.correct([usage], sent.grant)
        elif what == "lose":
            open_.remove(sent)
            sent.grant.end()
            if sent.has_arrived:
                exchange.answer(sent.cost - sent.refund)

        [state] = ours.snapshot()
        assert state.used >= exchange.used(clock.exchange_s()) - 1e-6


# What the exchange says is believed, in both directions


@pytest.mark.parametrize("kind", TIMED, ids=lambda kind: kind.value)
@pytest.mark.parametrize("said", [0, 3, 12], ids=["less", "a little less", "more"])
def test_when_nothing_else_is_under_way_the_exchanges_count_is_taken(
    kind: BudgetKind, said: int
) -> None:
    clock = Clock()
    ours = limiter(clock, spec(kind=kind))
    for _ in range(5):
        grant = ours.try_take({"weight": 1}, Lane.QUERY)
        assert grant is not None
        grant.end()

    ours.correct([BudgetUsage(budget="weight", used=said)], grant)

    assert [state.used for state in ours.snapshot()] == [said]


def test_a_count_that_was_overtaken_by_a_younger_answer_does_not_lower_ours() -> None:
    clock = Clock()
    ours = limiter(clock, spec())
    first = ours.try_take({"weight": 1}, Lane.QUERY)
    second = ours.try_take({"weight": 1}, Lane.QUERY)
    assert first is not None
    assert second is not None

    second.end()
    ours.correct([BudgetUsage(budget="weight", used=2)], second)
    first.end()
    ours.correct([BudgetUsage(budget="weight", used=1)], first)

    assert [state.used for state in ours.snapshot()] == [2]


def test_the_last_count_of_a_full_window_does_not_fill_the_next_one() -> None:
    clock = Clock(passed_s=INTERVAL_S - 0.1)
    ours = limiter(clock, spec())
    grant = ours.try_take({"weight": 1}, Lane.QUERY)
    assert grant is not None

    clock.passed_s += 0.2
    grant.end()
    ours.correct([BudgetUsage(budget="weight", used=CAPACITY)], grant)

    assert [state.used for state in ours.snapshot()] == [1]


def test_a_count_of_something_that_is_no_budget_of_ours_is_passed_over() -> None:
    ours = limiter(Clock(), spec())

    ours.correct([BudgetUsage(budget="moon", used=3)])

    assert [state.used for state in ours.snapshot()] == [0]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["use", "pay", "end", "say", "lend", "tune"]), units, steps_s),
        max_size=40,
    ),
)
def test_without_the_time_one_knows_at_most_too_much_to_be_used(
    kind: BudgetKind, steps: list[tuple[str, int, float]]
) -> None:
    """Whatever happens, and if nobody looks for a while, and if the clock is set back."""
    budget, under_way, exchange_s, running_s = budget_from(spec(kind=kind)), [], 1000.0, 0.0
    for what, number, step_s in steps:
        exchange_s += step_s
        running_s += step_s
        now = Moment(exchange_s, running_s)
        if what == "pay":
            budget.pay(number)
            under_way.append(number)
        elif what == "use":
            budget.pay(number)
            budget.end(number, number, now)
        elif what == "end" and under_way:
            cost = under_way.pop()
            budget.end(cost, max(0, cost - number), now)
        elif what == "say":
            budget.correct(number, 0, now, now)
        elif what == "lend":
            budget.lend(number, 0, now)
        elif what == "tune":
            budget.retune(spec(kind=kind, capacity=CAPACITY + number), CAPACITY + number, now)
        most = math.ceil(budget.ceiling + budget.in_flight)
        for late_s in range(-INTERVAL_S, 2 * INTERVAL_S, 2):
            then = Moment(exchange_s + late_s, running_s + max(0, late_s))
            assert copy.deepcopy(budget).used(then) <= most


# Refunds


def test_a_refund_of_an_old_request_does_not_shorten_the_age_of_a_young_one() -> None:
    budget = budget_from(spec(kind=BudgetKind.SLIDING_WINDOW))
    budget.pay(5)
    budget.pay(7)
    budget.end(7, 7, moment(9))

    budget.end(5, 0, moment(9.5))

    assert budget.used(moment(18.9)) == 7
    assert budget.used(moment(19)) == 0


# Clocks that are set


def test_a_clock_set_back_over_the_edge_of_a_window_finds_what_that_window_had_counted() -> None:
    clock = Clock(passed_s=INTERVAL_S - 0.01)
    ours = limiter(clock, spec())
    grant = ours.try_take({"weight": 15}, Lane.QUERY)
    assert grant is not None
    grant.end()
    clock.passed_s += 0.02
    assert [state.used for state in ours.snapshot()] == [0]

    clock.ahead_s = -0.02

    assert [state.used for state in ours.snapshot()] == [15]


def test_a_clock_set_back_by_an_hour_holds_nobody_up_for_an_hour() -> None:
    clock = Clock(ahead_s=3600)
    ours = limiter(clock, spec())
    grant = ours.try_take({"weight": CAPACITY}, Lane.CANCEL)
    assert grant is not None
    grant.end()

    clock.ahead_s = 0

    [state] = ours.snapshot()
    assert (state.used, state.resets_in_s) == (CAPACITY, INTERVAL_S)
    clock.passed_s += INTERVAL_S
    assert ours.try_take({"weight": CAPACITY}, Lane.CANCEL) is not None


@pytest.mark.parametrize(
    "kind", [BudgetKind.SLIDING_WINDOW, BudgetKind.TOKEN_BUCKET], ids=lambda kind: kind.value
)
@pytest.mark.parametrize("set_s", [-3600, 3600])
def test_ages_do_not_depend_on_how_the_exchanges_clock_is_set(
    kind: BudgetKind, set_s: float
) -> None:
    clock = Clock()
    ours = limiter(clock, spec(kind=kind))
    grant = ours.try_take({"weight": CAPACITY}, Lane.CANCEL)
    assert grant is not None
    grant.end()

    clock.ahead_s = set_s

    assert [state.resets_in_s for state in ours.snapshot()] == [INTERVAL_S]


# New numbers


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.value)
def test_limits_stated_anew_keep_what_is_used_and_in_flight(kind: BudgetKind) -> None:
    clock = Clock()
    ours = limiter(clock, spec(kind=kind))
    done = ours.try_take({"weight": 4}, Lane.QUERY)
    under_way = ours.try_take({"weight": 3}, Lane.QUERY)
    assert done is not None
    assert under_way is not None
    done.end()

    ours.update([spec(kind=kind, capacity=8, interval_s=2 * INTERVAL_S)])

    left = 0 if kind is BudgetKind.CONCURRENT else 4
    assert [(s.used, s.capacity) for s in ours.snapshot()] == [(left + 3, 8)]
    under_way.end({"weight": 3})
    assert [state.used for state in ours.snapshot()] == [left]


@pytest.mark.parametrize("kind", TIMED, ids=lambda kind: kind.value)
def test_limits_stated_anew_keep_how_old_everything_is(kind: BudgetKind) -> None:
    clock = Clock()
    ours = limiter(clock, spec(kind=kind))
    grant = ours.try_take({"weight": CAPACITY}, Lane.CANCEL)
    assert grant is not None
    grant.end()
    clock.passed_s = INTERVAL_S - 1

    ours.update([spec(kind=kind)])

    assert [state.resets_in_s for state in ours.snapshot()] == [pytest.approx(1)]


def test_limits_of_another_kind_keep_what_is_used_and_in_flight() -> None:
    clock = Clock()
    ours = limiter(clock, spec(kind=BudgetKind.FIXED_WINDOW))
    done = ours.try_take({"weight": 4}, Lane.QUERY)
    under_way = ours.try_take({"weight": 3}, Lane.QUERY)
    assert done is not None
    assert under_way is not None
    done.end()

    ours.update([spec(kind=BudgetKind.SLIDING_WINDOW)])
    under_way.end()

    assert [state.used for state in ours.snapshot()] == [7]


def test_a_configured_limit_only_lowers_the_exchanges_own() -> None:
    ours = limiter(Clock(), spec("a"), spec("b"), lowered={"a": 5, "b": 500})
    assert [state.capacity for state in ours.snapshot()] == [5, CAPACITY]

    ours.update([spec("a", capacity=3), spec("b", capacity=900)])

    assert [state.capacity for state in ours.snapshot()] == [3, 500]


def test_a_lowered_bucket_drains_as_fast_as_the_exchange_drains_it() -> None:
    clock = Clock()
    ours = limiter(clock, spec(kind=BudgetKind.TOKEN_BUCKET), lowered={"weight": 10})
    grant = ours.try_take({"weight": 10}, Lane.QUERY)
    assert grant is not None
    grant.end()

    clock.passed_s = 1  # 20 in 10 s

    assert [state.used for state in ours.snapshot()] == [8]
