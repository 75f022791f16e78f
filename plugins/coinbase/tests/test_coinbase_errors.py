"""Errors: what each answer that is no success says of the effect, by the classes of the sheet."""

from collections.abc import Callable
from typing import Any

import pytest

from venuekit.model import Advice, ExchangeOrderId, Instrument, OrderRef, Outcome, limit_buy
from venuekit.plugin import Answer, Call, CallKind, Request
from venuekit_coinbase.adapter import CoinbaseAdapter
from venuekit_coinbase.exchange.adapter import ExchangeAdapter

MakeAnswer = Callable[..., Answer]
ORDERS = "/api/v3/brokerage/orders/historical/1"


def _call(kind: CallKind, path: str = ORDERS) -> Call[Any]:
    return Call(
        what="call",
        kind=kind,
        request=Request(method="GET", host="rest", path=path),
        read=lambda answer: answer,
    )


READ = _call(CallKind.PRIVATE_READ)
PLACE = _call(CallKind.PLACE)
CANCEL = _call(CallKind.CANCEL)
REJECTED, UNKNOWN = Outcome.REJECTED, Outcome.UNKNOWN
NEVER, DELAY, SYNC, AGAIN = (
    Advice.NEVER,
    Advice.AFTER_DELAY,
    Advice.AFTER_CLOCK_SYNC,
    Advice.AGAIN,
)
RATE = '{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}'


@pytest.mark.parametrize(
    ("status", "body", "outcome", "advice", "reason"),
    [
        (400, '{"error":"INVALID_ARGUMENT","message":"size"}', REJECTED, NEVER, "request.invalid"),
        (400, '{"errors":[{"id":"param_required"}]}', REJECTED, NEVER, "request.invalid"),
        (400, '{"errors":[{"id":"jumio_id_needed"}]}', REJECTED, NEVER, "permission.denied"),
        (401, "Unauthorized", REJECTED, SYNC, "key.rejected"),
        (401, '{"error":"UNAUTHENTICATED"}', REJECTED, SYNC, "key.rejected"),
        (401, '{"errors":[{"id":"revoked_token"}]}', REJECTED, NEVER, "key.rejected"),
        (
            401,
            '{"errors":[{"id":"authentication_error","message":"request timestamp expired"}]}',
            REJECTED,
            SYNC,
            "clock.outside_window",
        ),
        (
            402,
            '{"errors":[{"id":"two_factor_required"}]}',
            REJECTED,
            NEVER,
            "permission.second_factor",
        ),
        (
            403,
            '{"error":"PERMISSION_DENIED","message":"Missing required scopes"}',
            REJECTED,
            NEVER,
            "permission.denied",
        ),
        (403, "Too many errors", REJECTED, DELAY, "limit.too_many_errors"),
        (404, '{"error":"NOT_FOUND"}', REJECTED, NEVER, "order.unknown"),
        (
            404,
            '{"error":"unknown","message":"order with this orderID was not found"}',
            REJECTED,
            NEVER,
            "order.unknown",
        ),
        (429, RATE, REJECTED, DELAY, "limit.exceeded"),
        (429, "slow down", REJECTED, DELAY, "limit.exceeded"),
        (500, '{"error":"internal_server_error"}', UNKNOWN, AGAIN, "exchange.failed"),
        (503, "<html>", UNKNOWN, AGAIN, "exchange.failed"),
        (504, "", UNKNOWN, AGAIN, "exchange.failed"),
    ],
)
@pytest.mark.parametrize("call", [READ, PLACE, CANCEL], ids=["read", "place", "cancel"])
def test_each_documented_error_has_its_class(
    adapter: CoinbaseAdapter,
    answer: MakeAnswer,
    call: Call[Any],
    status: int,
    body: str,
    outcome: Outcome,
    advice: Advice,
    reason: str,
) -> None:
    failure = adapter.failure(call, answer(body, status))
    assert failure is not None
    assert (failure.outcome, failure.advice, failure.reason) == (outcome, advice, reason)
    assert failure.is_documented


def test_too_many_errors_wait_for_half_a_minute_and_limits_for_a_second(
    adapter: CoinbaseAdapter, answer: MakeAnswer
) -> None:
    blocked = adapter.failure(READ, answer("Too many errors", 403))
    limited = adapter.failure(READ, answer(RATE, 429))
    assert blocked is not None
    assert limited is not None
    assert (blocked.retry_after_s, limited.retry_after_s) == (30.0, 1.0)
    assert (limited.code, limited.text) == ("rate_limit_exceeded", "Too many requests")


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, "<html>"), (403, "blocked"), (404, "404 page not found"), (418, '{"error":"TEAPOT"}')],
)
def test_what_nobody_documents_proves_nothing_about_a_write(
    adapter: CoinbaseAdapter, answer: MakeAnswer, status: int, body: str
) -> None:
    write = adapter.failure(PLACE, answer(body, status))
    read = adapter.failure(READ, answer(body, status))
    assert write is not None
    assert read is not None
    assert (write.outcome, write.is_documented) == (UNKNOWN, False)
    # Not "order.unknown": a proxy's page does not know our orders.
    assert (read.outcome, read.reason) == (REJECTED, "exchange.undocumented")


def test_not_found_means_an_order_only_where_one_was_asked_for(
    adapter: CoinbaseAdapter, answer: MakeAnswer
) -> None:
    call = _call(CallKind.PUBLIC_READ, "/api/v3/brokerage/market/products/NO-USD/ticker")
    failure = adapter.failure(call, answer('{"error":"NOT_FOUND"}', 404))
    assert failure is not None
    assert failure.reason == "request.not_found"


def test_an_empty_list_that_wants_a_proof_of_its_owner_is_no_empty_list(
    adapter: CoinbaseAdapter, answer: MakeAnswer
) -> None:
    told = answer({"orders": [], "has_next": False, "proof_token_required": True})
    failure = adapter.failure(READ, told)
    assert failure is not None
    assert (failure.outcome, failure.reason) == (REJECTED, "permission.proof_required")
    assert adapter.failure(READ, answer({"orders": [], "proof_token_required": False})) is None


def test_a_server_s_failure_leaves_a_placement_open_but_worth_repeating(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    call = adapter.place(limit_buy("BTC/USD", "1", "1", client_order_id="x"), btc)
    failure = adapter.failure(call, answer("Bad Gateway", 502))
    assert failure is not None
    assert (failure.outcome, failure.advice) == (UNKNOWN, AGAIN)


def test_the_exchange_s_words_come_without_control_characters(
    adapter: CoinbaseAdapter, answer: MakeAnswer
) -> None:
    told = {"error": "INVALID_ARGUMENT", "message": "no\x1b[31m", "error_details": "red"}
    failure = adapter.failure(READ, answer(told, 400))
    assert failure is not None
    assert failure.text == "no [31m red"


UUID = "7d6a1f0e-2f5e-4a56-9c0b-7a2b5f0d3c11"
GARBLED = [
    *("", "<html>ok</html>", "null", "[]", "1", "{}", '"yes', '{"error":[', '{"success":tru'),
    *('{"orderId":', '{"error":5,"result":[],"success":1,"orderId":[],"id":7,"results":4}'),
    *("[" * 20_000, '{"id":"' + "x" * 1_000_000),
]
"""Under a status that says success."""


def _is_proof(adapter: CoinbaseAdapter | ExchangeAdapter, call: Call[Any], body: str) -> bool:
    """Say whether a write that was answered so is taken for done, or for refused."""
    reply = Answer(status=200, body=body.encode())
    failure = adapter.failure(call, reply)
    if failure is not None:
        return failure.outcome is not Outcome.UNKNOWN
    try:
        call.read(reply)
    except Exception:  # noqa: BLE001  # whatever a plugin raises, the framework calls it unknown
        return False
    return True


@pytest.mark.parametrize("body", GARBLED, ids=lambda body: body[:12])
def test_a_success_that_is_garbled_is_neither_done_nor_refused(
    adapter: CoinbaseAdapter, btc: Instrument, body: str
) -> None:
    ref = OrderRef(symbol=btc.symbol, exchange_order_id=ExchangeOrderId("1"))
    placed = adapter.place(limit_buy(btc.symbol, "1", "10", client_order_id="x"), btc)
    assert not _is_proof(adapter, placed, body)
    assert not _is_proof(adapter, next(adapter.cancel(ref, btc)), body)


@pytest.mark.parametrize("body", GARBLED, ids=lambda body: body[:12])
def test_a_success_of_the_older_exchange_that_is_garbled_is_neither_done_nor_refused(
    exchange: ExchangeAdapter, exchange_btc: Instrument, body: str
) -> None:
    ref = OrderRef(symbol=exchange_btc.symbol, exchange_order_id=ExchangeOrderId("1"))
    request = limit_buy("BTC/USD", "1", "10", client_order_id=UUID)
    placed = exchange.place(request, exchange_btc)
    assert not _is_proof(exchange, placed, body)
    assert not _is_proof(exchange, exchange.cancel(ref, exchange_btc), body)
