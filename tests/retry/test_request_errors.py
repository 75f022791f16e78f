"""Which error a caller gets of which failure."""

from typing import Any

import pytest

from venuekit.model import (
    Advice,
    AuthenticationFailed,
    BudgetExhausted,
    Failure,
    InsufficientBalance,
    NotSent,
    OrderNotFound,
    Outcome,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RequestError,
    Unavailable,
)
from venuekit.plugin import Call, CallKind, Request
from venuekit.retry import error_from
from venuekit.retry.failure import merged, problem_from

READ, PLACE, CANCEL = CallKind.PUBLIC_READ, CallKind.PLACE, CallKind.CANCEL


def failure(outcome: Outcome, reason: str, advice: Advice = Advice.NEVER) -> Failure:
    return Failure(outcome=outcome, advice=advice, reason=reason)


@pytest.mark.parametrize(
    ("kind", "outcome", "reason", "expected"),
    [
        (READ, Outcome.NOT_SENT, "network.not_sent", NotSent),
        (PLACE, Outcome.NOT_SENT, "network.not_sent", NotSent),
        (PLACE, Outcome.NOT_SENT, "limit.exhausted", BudgetExhausted),
        (READ, Outcome.NOT_SENT, "limit.banned", BudgetExhausted),
        (READ, Outcome.UNKNOWN, "network.answer_lost", Unavailable),
        (PLACE, Outcome.UNKNOWN, "network.answer_lost", OutcomeUnknown),
        (CANCEL, Outcome.UNKNOWN, "exchange.error", OutcomeUnknown),
        (PLACE, Outcome.DONE, "order.duplicate", OutcomeUnknown),
        (PLACE, Outcome.REJECTED, "balance.insufficient", InsufficientBalance),
        (CANCEL, Outcome.REJECTED, "order.unknown", OrderNotFound),
        (READ, Outcome.REJECTED, "order.unknown", OrderNotFound),
        (PLACE, Outcome.REJECTED, "limit.orders", RateLimited),
        (READ, Outcome.REJECTED, "limit.weight", RateLimited),
        (READ, Outcome.REJECTED, "key.unknown", AuthenticationFailed),
        (PLACE, Outcome.REJECTED, "signature.invalid", AuthenticationFailed),
        (PLACE, Outcome.REJECTED, "permission.missing", AuthenticationFailed),
        (PLACE, Outcome.REJECTED, "price.off_tick", Rejected),
        (READ, Outcome.REJECTED, "request.malformed", Rejected),
    ],
)
def test_the_error_says_what_a_caller_can_do(
    kind: CallKind, outcome: Outcome, reason: str, expected: type[RequestError]
) -> None:
    found = failure(outcome, reason)

    error = error_from("acme", "ask", kind, found, client_order_id="vk1")

    assert type(error) is expected
    assert (error.exchange, error.what, error.failure) == ("acme", "ask", found)
    assert error.client_order_id == "vk1"


def test_a_read_that_was_refused_for_now_is_unavailable() -> None:
    busy = failure(Outcome.REJECTED, "exchange.maintenance", Advice.AFTER_DELAY)

    assert type(error_from("acme", "ask", READ, busy)) is Unavailable
    assert type(error_from("acme", "ask", PLACE, busy)) is Rejected


def call(kind: CallKind) -> Call[Any]:
    request = Request(method="GET", host="rest", path="/")
    return Call(what="ask", kind=kind, request=request, read=lambda _: None)


LOST = failure(Outcome.UNKNOWN, "network.answer_lost")
NO_NETWORK = failure(Outcome.NOT_SENT, "network.not_sent")
GONE = failure(Outcome.REJECTED, "order.unknown")


@pytest.mark.parametrize(
    ("kind", "failures", "expected"),
    [
        (CANCEL, [LOST, NO_NETWORK], LOST),
        (CANCEL, [NO_NETWORK, LOST, NO_NETWORK], LOST),
        (CANCEL, [LOST, GONE], GONE),
        (CANCEL, [NO_NETWORK, GONE], GONE),
        (PLACE, [NO_NETWORK, NO_NETWORK], NO_NETWORK),
        (READ, [LOST, NO_NETWORK], NO_NETWORK),
    ],
)
def test_a_later_attempt_without_effect_does_not_undo_an_earlier_unknown_one(
    kind: CallKind, failures: list[Failure], expected: Failure
) -> None:
    assert merged(call(kind), failures) is expected


def test_a_plugins_problem_is_told_with_its_place_and_washed_words() -> None:
    with pytest.raises(KeyError) as caught:
        dict[str, int]()["pri\x1b[31mce" + "x" * 1000]

    problem = problem_from(caught.value)

    assert problem.startswith("KeyError at test_request_errors.py:")
    assert "\x1b" not in problem
    assert len(problem) <= 200
