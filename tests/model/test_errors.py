"""Errors carry data, compose their sentence from it, and are all in the tree."""

import inspect
import pickle
from decimal import Decimal

import pytest

from venuekit import model
from venuekit.model import (
    Advice,
    BudgetExhausted,
    ConfigurationError,
    Failure,
    InstrumentNotFound,
    NotSent,
    OrderRefused,
    Outcome,
    OutcomeUnknown,
    Rejected,
    RequestError,
    Unavailable,
    VenuekitError,
    Violation,
    errors,
)

FAILURE = Failure(
    outcome=Outcome.REJECTED,
    advice=Advice.AFTER_DELAY,
    reason="limit.weight",
    code="-1003",
    text="Too much request weight used",
    retry_after_s=12.0,
)


def test_a_request_error_says_what_was_asked_by_which_id_its_effect_and_when_to_try_again() -> None:
    error = Rejected("acme", "place order", FAILURE, client_order_id="abc")
    assert str(error) == (
        "acme: place order abc: limit.weight: Too much request weight used (code -1003); "
        "refused, without effect; try again after 12 s"
    )
    assert error.retry_after_s == 12.0


def test_a_code_that_the_text_begins_with_is_said_once() -> None:
    failure = Failure(
        outcome=Outcome.REJECTED,
        advice=Advice.NEVER,
        reason="order.unknown",
        code="EOrder:Unknown order",
        text="EOrder:Unknown order:detail",
    )
    assert str(Rejected("acme", "cancel order", failure, client_order_id="abc")) == (
        "acme: cancel order abc: order.unknown: EOrder:Unknown order:detail; "
        "refused, without effect; trying the same again changes nothing"
    )


def failed(kind: type[RequestError], outcome: Outcome, advice: Advice) -> RequestError:
    return kind("acme", "ask", Failure(outcome=outcome, advice=advice, reason="why"))


@pytest.mark.parametrize(
    ("error", "may_retry", "words"),
    [
        (
            failed(Rejected, Outcome.REJECTED, Advice.NEVER),
            False,
            "refused, without effect; trying the same again changes nothing",
        ),
        (
            failed(Rejected, Outcome.REJECTED, Advice.AFTER_DELAY),
            True,
            "refused, without effect; try again later",
        ),
        (
            failed(NotSent, Outcome.NOT_SENT, Advice.AGAIN),
            True,
            "nothing was sent; try again",
        ),
        (
            failed(Rejected, Outcome.REJECTED, Advice.AFTER_CLOCK_SYNC),
            True,
            "refused, without effect; try again with the right time",
        ),
        (
            failed(Rejected, Outcome.REJECTED, Advice.NEW_NONCE),
            True,
            "refused, without effect; try again with a higher nonce",
        ),
        (
            # Never again while nobody knows: it might be twice.
            failed(OutcomeUnknown, Outcome.UNKNOWN, Advice.AGAIN),
            False,
            "it may have had its effect; not to be repeated before that is known",
        ),
        (failed(Unavailable, Outcome.UNKNOWN, Advice.AGAIN), True, "try again"),
    ],
)
def test_an_error_says_whether_trying_again_makes_sense(
    error: RequestError, may_retry: bool, words: str
) -> None:
    assert error.may_retry is may_retry
    assert str(error) == f"acme: ask: why; {words}"


def test_an_exhausted_budget_is_proof_that_nothing_was_sent() -> None:
    assert issubclass(BudgetExhausted, NotSent)


def test_a_request_error_travels_between_processes() -> None:
    error = Rejected("acme", "place order", FAILURE, client_order_id="abc")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.failure) == (str(error), FAILURE)


def test_a_refused_order_names_every_broken_rule_with_the_nearest_values() -> None:
    error = OrderRefused(
        "BTC/USDT",
        [
            Violation(
                reason="price.off_tick",
                text="price 1.005 is not a multiple of 0.01",
                nearest=(Decimal("1.00"), Decimal("1.01")),
            ),
            Violation(reason="quantity.below_minimum", text="quantity 0 is below 1"),
        ],
    )
    assert "nearest valid: 1.00 or 1.01" in str(error)
    assert "quantity 0 is below 1" in str(error)


def test_an_unknown_symbol_suggests_near_ones() -> None:
    assert str(InstrumentNotFound("acme", "BTC/USD", ["BTC/USDT"])) == (
        "acme lists no BTC/USD; did you mean BTC/USDT?"
    )


def test_all_faults_of_one_input_are_reported_together() -> None:
    assert str(ConfigurationError(["a: wrong", "b: wrong"])) == "a: wrong\nb: wrong"


@pytest.mark.parametrize(
    "error", [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, Exception)]
)
def test_every_error_is_in_the_tree_exported_and_drawn(error: type[Exception]) -> None:
    assert issubclass(error, VenuekitError)
    assert error.__name__ in model.__all__
    assert errors.__doc__ is not None
    assert error.__name__ in errors.__doc__


def test_no_request_error_can_be_made_without_saying_what_is_known_of_its_effect() -> None:
    parameters = inspect.signature(RequestError).parameters
    assert parameters["failure"].default is inspect.Parameter.empty
