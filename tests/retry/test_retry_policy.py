"""Retryable or fatal, and after how long: the one decision, as a table."""

from typing import Any

import pytest

from venuekit.model import Advice, Failure, Outcome
from venuekit.plugin import CallKind
from venuekit.retry import POLICIES, GiveUp, Retry, RetryTokens, decide
from venuekit.retry.policy import delay_s

READS = [CallKind.PUBLIC_READ, CallKind.PRIVATE_READ]
ORDERS = [CallKind.PLACE, CallKind.AMEND]
ALL = list(CallKind)


def failure(outcome: Outcome, advice: Advice = Advice.AGAIN, **more: Any) -> Failure:
    return Failure(outcome=outcome, advice=advice, **{"reason": "some.reason", **more})


NOT_SENT = failure(Outcome.NOT_SENT)
LOST = failure(Outcome.UNKNOWN)
BUSY = failure(Outcome.REJECTED)
THROTTLED = failure(Outcome.REJECTED, Advice.AFTER_DELAY, reason="limit.weight")
CLOCK = failure(Outcome.REJECTED, Advice.AFTER_CLOCK_SYNC)
NONCE = failure(Outcome.REJECTED, Advice.NEW_NONCE)
REFUSED = failure(Outcome.REJECTED, Advice.NEVER)


def decided(kind: CallKind, found: Failure, **more: Any) -> Retry | GiveUp:
    usual: dict[str, Any] = {
        "policy": POLICIES[kind],
        "attempt": 1,
        "elapsed_s": 0.0,
        "jitter": 0.5,
        "is_repeated": False,
        "may_spend": True,
    }
    return decide(kind, found, **{**usual, **more})


@pytest.mark.parametrize("kind", [*ORDERS, CallKind.WITHDRAW])
@pytest.mark.parametrize("advice", Advice)
def test_what_may_have_changed_something_is_never_repeated(kind: CallKind, advice: Advice) -> None:
    assert isinstance(decided(kind, failure(Outcome.UNKNOWN, advice)), GiveUp)


@pytest.mark.parametrize("kind", [*READS, CallKind.CANCEL])
def test_what_may_happen_twice_without_harm_goes_out_again_after_a_lost_answer(
    kind: CallKind,
) -> None:
    assert isinstance(decided(kind, LOST), Retry)


@pytest.mark.parametrize("kind", [*READS, *ORDERS, CallKind.CANCEL])
@pytest.mark.parametrize("found", [NOT_SENT, BUSY, THROTTLED, CLOCK, NONCE])
def test_what_had_no_effect_goes_out_again_if_that_may_help(kind: CallKind, found: Failure) -> None:
    assert isinstance(decided(kind, found), Retry)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    "found",
    [
        failure(Outcome.DONE),
        REFUSED,
        failure(Outcome.NOT_SENT, Advice.NEVER),
        failure(Outcome.REJECTED, Advice.AFTER_DELAY, is_ban=True),
        failure(Outcome.REJECTED, Advice.AGAIN, is_documented=False),
        failure(Outcome.UNKNOWN, Advice.AGAIN, is_documented=False),
        failure(Outcome.NOT_SENT, Advice.AFTER_DELAY, reason="limit.exhausted"),
        failure(Outcome.NOT_SENT, Advice.AFTER_DELAY, reason="limit.banned"),
    ],
    ids=lambda found: f"{found.outcome.value}-{found.advice.value}-{found.reason}",
)
def test_what_cannot_help_or_nobody_documents_is_given_up(kind: CallKind, found: Failure) -> None:
    assert isinstance(decided(kind, found), GiveUp)


@pytest.mark.parametrize("kind", [*READS, *ORDERS, CallKind.CANCEL])
@pytest.mark.parametrize("found", [CLOCK, NONCE])
def test_a_wrong_clock_or_nonce_is_put_right_once(kind: CallKind, found: Failure) -> None:
    assert decided(kind, found) == Retry(0.0)
    assert isinstance(decided(kind, found, attempt=2, is_repeated=True), GiveUp)


@pytest.mark.parametrize(
    ("kind", "attempts"),
    [(kind, 3) for kind in (*READS, *ORDERS)] + [(CallKind.CANCEL, 5), (CallKind.WITHDRAW, 1)],
)
def test_attempts_are_counted(kind: CallKind, attempts: int) -> None:
    tried = [isinstance(decided(kind, NOT_SENT, attempt=n, jitter=0), Retry) for n in range(1, 7)]

    assert tried == [n < attempts for n in range(1, 7)]


@pytest.mark.parametrize(
    ("kind", "total_s"),
    [(kind, 15) for kind in READS] + [(kind, 2) for kind in ORDERS] + [(CallKind.CANCEL, 10)],
)
def test_no_attempt_begins_after_the_whole_calls_time(kind: CallKind, total_s: float) -> None:
    asks = {"jitter": 0.0}

    assert decided(kind, NOT_SENT, elapsed_s=total_s, **asks) == Retry(0.0)
    assert isinstance(decided(kind, NOT_SENT, elapsed_s=total_s + 0.01, **asks), GiveUp)


@pytest.mark.parametrize(
    ("kind", "found", "ceilings"),
    [
        (CallKind.PUBLIC_READ, LOST, [0.1, 0.2]),
        (CallKind.PUBLIC_READ, THROTTLED, [1.0, 2.0]),
        (CallKind.PLACE, NOT_SENT, [0.1, 0.2]),
        (CallKind.CANCEL, LOST, [0.2, 0.4, 0.8, 1.6]),
    ],
)
def test_delays_lie_below_a_ceiling_that_doubles(
    kind: CallKind, found: Failure, ceilings: list[float]
) -> None:
    policy = POLICIES[kind]
    for attempt, ceiling in enumerate(ceilings, 1):
        assert delay_s(policy, found, attempt, 0.0) == 0
        assert delay_s(policy, found, attempt, 0.5) == pytest.approx(ceiling / 2)
        assert delay_s(policy, found, attempt, 0.999) == pytest.approx(ceiling, rel=0.01)


def test_no_ceiling_is_above_ten_seconds() -> None:
    assert delay_s(POLICIES[CallKind.PUBLIC_READ], LOST, 50, 0.5) == 5.0


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999])
def test_the_exchanges_own_waiting_time_is_a_floor_and_never_shortened(jitter: float) -> None:
    asked = failure(Outcome.REJECTED, Advice.AFTER_DELAY, retry_after_s=7.0)

    chosen = decided(CallKind.PUBLIC_READ, asked, jitter=jitter)

    assert isinstance(chosen, Retry)
    assert 7.0 <= chosen.after_s <= 8.0


def test_a_waiting_time_beyond_the_calls_own_is_not_waited_for() -> None:
    asked = failure(Outcome.REJECTED, Advice.AFTER_DELAY, retry_after_s=2.5)

    assert isinstance(decided(CallKind.PLACE, asked), GiveUp)
    assert isinstance(decided(CallKind.CANCEL, asked), Retry)


def test_an_empty_retry_budget_stops_retries() -> None:
    assert isinstance(decided(CallKind.PUBLIC_READ, LOST, may_spend=False), GiveUp)


def spent(tokens: RetryTokens, kind: CallKind, found: Failure, times: int) -> int:
    """Spend as long as there is something; give how often there was."""
    count = 0
    for _ in range(times):
        cost = tokens.cost(found)
        if tokens.may_spend(kind, cost):
            tokens.spend(kind, cost)
            count += 1
    return count


def test_an_exchange_that_is_down_gets_ten_retries_and_then_none() -> None:
    tokens = RetryTokens()

    assert spent(tokens, CallKind.PUBLIC_READ, LOST, 1000) == 10
    assert spent(tokens, CallKind.PUBLIC_READ, LOST, 1000) == 0


def test_ten_first_successes_earn_one_retry() -> None:
    tokens = RetryTokens()
    spent(tokens, CallKind.PUBLIC_READ, LOST, 1000)

    for _ in range(1000):
        tokens.earn(CallKind.PUBLIC_READ)
        assert not tokens.may_spend(CallKind.PUBLIC_READ, 101)
    assert spent(tokens, CallKind.PUBLIC_READ, LOST, 1000) == 10

    for _ in range(30):
        tokens.earn(CallKind.PUBLIC_READ)
    assert spent(tokens, CallKind.PUBLIC_READ, LOST, 1000) == 3


def test_polled_market_data_uses_up_no_retries_of_orders_and_their_lookups() -> None:
    tokens = RetryTokens()
    spent(tokens, CallKind.PUBLIC_READ, LOST, 1000)

    assert spent(tokens, CallKind.PRIVATE_READ, LOST, 1000) == 10
    assert spent(tokens, CallKind.PLACE, NOT_SENT, 1000) == 10


def test_throttled_retries_cost_half_and_cancels_have_three_times_as_many() -> None:
    tokens = RetryTokens()

    assert spent(tokens, CallKind.PUBLIC_READ, THROTTLED, 1000) == 20
    assert spent(tokens, CallKind.CANCEL, LOST, 1000) == 30


def test_reads_that_find_out_an_outcome_have_retries_of_their_own() -> None:
    tokens = RetryTokens()
    spent(tokens, CallKind.PRIVATE_READ, LOST, 1000)

    assert not tokens.may_spend(CallKind.PRIVATE_READ, 10)
    assert tokens.may_spend(CallKind.PRIVATE_READ, 100, is_urgent=True)
    tokens.spend(CallKind.PRIVATE_READ, 100, is_urgent=True)
    assert not tokens.may_spend(CallKind.PRIVATE_READ, 10, is_urgent=True)
    for _ in range(10):
        tokens.earn(CallKind.PRIVATE_READ, is_urgent=True)
    assert tokens.may_spend(CallKind.PRIVATE_READ, 10, is_urgent=True)
    assert not tokens.may_spend(CallKind.PRIVATE_READ, 10)


def test_a_retry_that_succeeds_gives_back_what_it_cost() -> None:
    tokens = RetryTokens()
    for _ in range(1000):
        tokens.spend(CallKind.PUBLIC_READ, 10)
        tokens.give_back(CallKind.PUBLIC_READ, 10)
    tokens.give_back(CallKind.PUBLIC_READ, 10)

    assert spent(tokens, CallKind.PUBLIC_READ, LOST, 1000) == 10
