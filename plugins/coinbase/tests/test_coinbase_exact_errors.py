"""Advanced Trade: what answers that are no success say, and what they leave open."""

from collections.abc import Callable
from typing import Any

import pytest

from venuekit.model import Advice, ExchangeOrderId, Instrument, OrderRef, Outcome
from venuekit.plugin import Answer, Call, CallKind, Request
from venuekit_coinbase.adapter import CoinbaseAdapter

MakeAnswer = Callable[..., Answer]


def _read(kind: CallKind, path: str = "/api/v3/brokerage/orders") -> Call[Any]:
    request = Request(method="GET", host="rest", path=path)
    return Call(what="call", kind=kind, request=request, read=lambda answer: answer)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (402, '{"error":"pay_first"}', "permission.second_factor"),
        (402, '{"error":"PERMISSION_DENIED"}', "permission.denied"),
        (401, '{"error":"who_are_you"}', "key.rejected"),
        (401, '{"error":"PERMISSION_DENIED"}', "permission.denied"),
        (409, '{"error":"who_are_you"}', "exchange.undocumented"),
        (400, '["INVALID_ARGUMENT"]', "exchange.undocumented"),
        (400, "{}", "exchange.undocumented"),
        (400, '{"errors":[]}', "exchange.undocumented"),
        (499, "<html>INVALID_ARGUMENT</html>", "exchange.undocumented"),
        (500, '{"error":"INVALID_ARGUMENT"}', "exchange.failed"),
        (500, "[]", "exchange.failed"),
    ],
)
def test_the_status_speaks_only_where_the_words_say_nothing(
    adapter: CoinbaseAdapter, answer: MakeAnswer, status: int, body: str, reason: str
) -> None:
    failure = adapter.failure(_read(CallKind.PRIVATE_READ), answer(body, status))
    assert failure is not None
    assert failure.reason == reason
    assert failure.is_documented is (reason != "exchange.undocumented")


def test_noise_that_is_no_text_leaves_a_write_open(adapter: CoinbaseAdapter) -> None:
    noise = Answer(status=400, body=b"\xff\xfe\x00")
    failure = adapter.failure(_read(CallKind.PLACE), noise)
    assert failure is not None
    assert (failure.outcome, failure.reason) == (Outcome.UNKNOWN, "exchange.undocumented")
    failure = adapter.failure(_read(CallKind.PRIVATE_READ), noise)
    assert failure is not None
    assert failure.outcome is Outcome.REJECTED


@pytest.mark.parametrize(
    ("told", "outcome", "reason"),
    [
        ({"success": True, "errors": []}, None, None),
        ({"success": "true"}, Outcome.UNKNOWN, "answer.unreadable"),
        ({}, Outcome.UNKNOWN, "answer.unreadable"),
        ("<html>", Outcome.UNKNOWN, "answer.unreadable"),
        ({"success": False}, Outcome.UNKNOWN, "exchange.failed"),
        ({"success": False, "errors": ["no"]}, Outcome.UNKNOWN, "exchange.failed"),
        (
            {"success": False, "errors": [{"edit_failure_reason": "UNKNOWN_NEW_REASON"}]},
            Outcome.UNKNOWN,
            "exchange.failed",
        ),
        (
            {
                "success": False,
                "errors": [
                    {
                        "edit_failure_reason": "UNKNOWN_EDIT_ORDER_FAILURE_REASON",
                        "preview_failure_reason": "ORDER_NOT_FOUND",
                    }
                ],
            },
            Outcome.REJECTED,
            "order.unknown",
        ),
    ],
)
def test_an_edit_is_judged_by_what_its_answer_says_of_success(
    adapter: CoinbaseAdapter,
    answer: MakeAnswer,
    told: Any,
    outcome: Outcome | None,
    reason: str | None,
) -> None:
    call = _read(CallKind.AMEND, "/api/v3/brokerage/orders/edit")
    failure = adapter.failure(call, answer(told))
    if failure is None:
        assert outcome is None
    else:
        assert (failure.outcome, failure.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"success": True}, None),
        ({"success": False, "failure_reason": "UNKNOWN_CANCEL_ORDER"}, Outcome.REJECTED),
        ({"success": False, "failure_reason": "MOON_PHASE"}, Outcome.UNKNOWN),
        ({"success": False}, Outcome.UNKNOWN),
    ],
)
def test_a_cancel_that_was_not_taken_for_a_reason_that_nobody_documents_is_left_open(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer, result: Any, outcome: Any
) -> None:
    ref = OrderRef(symbol=btc.symbol, exchange_order_id=ExchangeOrderId("0000-000001"))
    call = next(adapter.cancel(ref, btc))
    told = {"results": [{"order_id": "0000-000001", **result}]}
    failure = adapter.failure(call, answer(told))
    assert (None if failure is None else failure.outcome) is outcome


@pytest.mark.parametrize(
    ("status", "body", "wait_s"),
    [
        (429, '{"error":"RESOURCE_EXHAUSTED"}', 1.0),
        (403, "too many errors", 30.0),
        (400, '{"error":"INVALID_ARGUMENT"}', None),
    ],
)
def test_how_long_to_wait_is_said_where_waiting_helps(
    adapter: CoinbaseAdapter, answer: MakeAnswer, status: int, body: str, wait_s: float | None
) -> None:
    failure = adapter.failure(_read(CallKind.PRIVATE_READ), answer(body, status))
    assert failure is not None
    assert failure.retry_after_s == wait_s
    assert (failure.advice is Advice.AFTER_DELAY) is (wait_s is not None)
