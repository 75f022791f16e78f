"""Failures at their edges: the first 500, the firewall, half a replacement, the last digit."""

from collections.abc import Callable
from typing import Any

import pytest

from venuekit.model import (
    Advice,
    BudgetUsage,
    ExchangeOrderId,
    Failure,
    Instrument,
    OrderRef,
    Outcome,
    limit_buy,
)
from venuekit.plugin import Answer, Call
from venuekit_binance.adapter import BinanceAdapter
from venuekit_binance.manifest import MANIFEST

MakeAnswer = Callable[..., Answer]
PAGE = "<html>no</html>"


@pytest.fixture
def place(adapter: BinanceAdapter, btc: Instrument) -> Call[Any]:
    return adapter.place(limit_buy("BTC/USDT", "1", "10", client_order_id="sim-0001"), btc)


@pytest.fixture
def ask(adapter: BinanceAdapter, btc: Instrument) -> Call[Any]:
    ref = OrderRef(symbol=btc.symbol, exchange_order_id=ExchangeOrderId("7001"))
    return adapter.fetch_order(ref, btc)


@pytest.fixture
def replace(adapter: BinanceAdapter, btc: Instrument) -> Call[Any]:
    ref = OrderRef(symbol=btc.symbol, exchange_order_id=ExchangeOrderId("7001"))
    new = limit_buy("BTC/USDT", "1", "10", client_order_id="sim-0002")
    return adapter.replace(ref, new, btc, place_even_if_not_canceled=False)


def _failure(adapter: BinanceAdapter, call: Call[Any], answer: Answer) -> Failure:
    failure = adapter.failure(call, answer)
    assert failure is not None
    return failure


@pytest.mark.parametrize(
    ("status", "outcome", "advice", "reason"),
    [
        (499, Outcome.REJECTED, Advice.NEVER, "answer.unreadable"),
        (500, Outcome.UNKNOWN, Advice.AGAIN, "exchange.unavailable"),
        (501, Outcome.UNKNOWN, Advice.AGAIN, "exchange.unavailable"),
    ],
)
def test_from_500_on_a_page_instead_of_an_answer_means_that_the_exchange_is_down(
    adapter: BinanceAdapter,
    ask: Call[Any],
    place: Call[Any],
    answer: MakeAnswer,
    status: int,
    outcome: Outcome,
    advice: Advice,
    reason: str,
) -> None:
    asked = _failure(adapter, ask, answer(PAGE, status))
    assert (asked.outcome, asked.advice, asked.reason) == (outcome, advice, reason)
    assert asked.code == f"HTTP {status}"
    assert _failure(adapter, place, answer(PAGE, status)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(("status", "outcome"), [(499, Outcome.REJECTED), (500, Outcome.UNKNOWN)])
def test_from_500_on_a_refusal_in_binances_words_proves_nothing(
    adapter: BinanceAdapter, place: Call[Any], answer: MakeAnswer, status: int, outcome: Outcome
) -> None:
    reply = answer({"code": -1102, "msg": "Mandatory parameter was not sent"}, status)
    assert _failure(adapter, place, reply).outcome is outcome


def test_a_500_without_a_known_code_is_asked_again(
    adapter: BinanceAdapter, ask: Call[Any], answer: MakeAnswer
) -> None:
    known = answer({"code": -1102, "msg": ""}, 500)
    foreign = answer({"code": -7777, "msg": ""}, 500, retry_after="5")
    assert _failure(adapter, ask, known).advice is Advice.NEVER
    again = _failure(adapter, ask, foreign)
    assert (again.advice, again.retry_after_s) == (Advice.AGAIN, 5.0)


@pytest.mark.parametrize(
    ("status", "headers", "wait", "is_ban"),
    [
        (403, {}, 60.0, False),
        (403, {"retry_after": "7"}, 7.0, False),
        (418, {}, 120.0, True),
        (418, {"retry_after": "300"}, 300.0, True),
        (429, {}, None, False),
        (429, {"retry_after": "3"}, 3.0, False),
        (503, {"retry_after": "4"}, 4.0, False),
    ],
)
def test_a_page_says_how_long_to_stay_away_and_so_do_we_where_it_does_not(
    adapter: BinanceAdapter,
    ask: Call[Any],
    answer: MakeAnswer,
    status: int,
    headers: dict[str, str],
    wait: float | None,
    *,
    is_ban: bool,
) -> None:
    failure = _failure(adapter, ask, answer(PAGE, status, **headers))
    assert (failure.retry_after_s, failure.is_ban) == (wait, is_ban)


def test_a_ban_in_binances_words_without_its_length_lasts_two_minutes(
    adapter: BinanceAdapter, ask: Call[Any], answer: MakeAnswer
) -> None:
    failure = _failure(adapter, ask, answer({"code": -1003, "msg": "Way too much"}, 418))
    assert (failure.retry_after_s, failure.is_ban) == (120.0, True)


def test_too_many_requests_keep_the_reason_that_binance_documents(
    adapter: BinanceAdapter, place: Call[Any], answer: MakeAnswer
) -> None:
    known = _failure(adapter, place, answer({"code": -1015, "msg": "Too many orders"}, 429))
    foreign = _failure(adapter, place, answer({"code": -7777, "msg": "Too many"}, 429))
    assert (known.reason, known.advice) == ("limit.orders", Advice.AFTER_DELAY)
    assert (foreign.reason, foreign.advice) == ("limit.exceeded", Advice.AFTER_DELAY)
    assert (known.is_ban, foreign.is_ban) == (False, False)


def test_any_refusal_may_say_how_long_to_wait(
    adapter: BinanceAdapter, place: Call[Any], answer: MakeAnswer
) -> None:
    reply = {"code": -1102, "msg": ""}
    told = _failure(adapter, place, answer(reply, 400, retry_after="9"))
    untold = _failure(adapter, place, answer(reply, 400))
    assert (told.retry_after_s, untold.retry_after_s) == (9.0, None)


def test_an_error_under_a_status_of_success_is_looked_for_in_answers_that_are_not_large(
    adapter: BinanceAdapter, ask: Call[Any], answer: MakeAnswer
) -> None:
    error = '{"code":-2013,"msg":"Order does not exist."}'
    assert _failure(adapter, ask, answer(error.ljust(65_536))).reason == "order.unknown"
    assert adapter.failure(ask, answer(error.ljust(65_537))) is None


def test_a_large_answer_to_a_write_is_searched_for_an_error_too(
    adapter: BinanceAdapter, place: Call[Any], answer: MakeAnswer
) -> None:
    error = '{"code":-2010,"msg":"Account has insufficient balance for requested action."}'
    assert _failure(adapter, place, answer(error.ljust(70_000))).reason == "balance.insufficient"


def test_a_success_without_a_code_is_no_failure(
    adapter: BinanceAdapter, ask: Call[Any], place: Call[Any], answer: MakeAnswer
) -> None:
    assert adapter.failure(ask, answer("[]")) is None
    assert adapter.failure(ask, answer("{}")) is None
    assert adapter.failure(place, answer('{"code":null}')) is None


@pytest.mark.parametrize(
    ("status", "is_failure"), [(199, True), (200, False), (299, False), (300, True)]
)
def test_every_status_of_the_two_hundreds_is_a_success(
    adapter: BinanceAdapter, ask: Call[Any], answer: MakeAnswer, status: int, *, is_failure: bool
) -> None:
    assert (adapter.failure(ask, answer("{}", status)) is not None) is is_failure


@pytest.mark.parametrize(
    ("text", "is_unsupported"),
    [
        ("Some new kind of order is not supported for this symbol.", True),
        ("Some new kind of order is not supported for this symbol", True),
        ("Some new kind of order is not supported for this account.", False),
    ],
)
def test_what_a_symbol_does_not_support_is_told_by_the_end_of_the_text(
    adapter: BinanceAdapter,
    place: Call[Any],
    answer: MakeAnswer,
    text: str,
    *,
    is_unsupported: bool,
) -> None:
    reason = _failure(adapter, place, answer({"code": -2010, "msg": text}, 400)).reason
    assert reason == ("order.not_supported" if is_unsupported else "order.rejected")
    other = _failure(adapter, place, answer({"code": -2013, "msg": text}, 400))
    assert other.reason == "order.unknown"


# Replacing


def _halves(cancel: Any, placement: Any, results: tuple[str, str]) -> dict[str, Any]:
    return {
        "code": -2021,
        "msg": "Order cancel-replace partially failed.",
        "data": {
            "cancelResult": results[0],
            "newOrderResult": results[1],
            "cancelResponse": cancel,
            "newOrderResponse": placement,
        },
    }


NO_FUNDS = {"code": -2010, "msg": "Account has insufficient balance for requested action."}
UNKNOWN_ORDER = {"code": -2011, "msg": "Unknown order sent."}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (_halves({}, None, ("SUCCESS", "FAILURE")), "-2021"),
        (_halves({}, {"msg": "words"}, ("SUCCESS", "FAILURE")), "-2021"),
        (_halves(None, None, ("FAILURE", "NOT_ATTEMPTED")), "-2021"),
        (_halves({}, {"code": -7777, "msg": "new"}, ("SUCCESS", "FAILURE")), "-7777"),
        (_halves({"code": -1006, "msg": ""}, NO_FUNDS, ("FAILURE", "FAILURE")), "-1006"),
        (_halves({}, NO_FUNDS, ("SUCCESS", "MAYBE")), "-2021"),
    ],
)
def test_a_half_that_proves_nothing_leaves_the_replacement_unknown(
    adapter: BinanceAdapter,
    replace: Call[Any],
    answer: MakeAnswer,
    body: dict[str, Any],
    code: str,
) -> None:
    failure = _failure(adapter, replace, answer(body, 409))
    assert (failure.outcome, failure.code) == (Outcome.UNKNOWN, code)


def test_halves_that_were_both_refused_are_read_with_their_reasons(
    adapter: BinanceAdapter, replace: Call[Any], answer: MakeAnswer
) -> None:
    reply = answer(_halves(UNKNOWN_ORDER, NO_FUNDS, ("FAILURE", "FAILURE")) | {"code": -2022}, 400)
    assert adapter.failure(replace, reply) is None
    done = replace.read(reply)
    assert (done.canceled, done.placed) == (None, None)
    assert done.cancel_failure == "order.unknown: Unknown order sent. (code -2011)"
    assert done.place_failure.startswith("balance.insufficient: ")


def test_a_replacement_refused_as_a_whole_was_not_done(
    adapter: BinanceAdapter, replace: Call[Any], answer: MakeAnswer
) -> None:
    failure = _failure(adapter, replace, answer({"code": -2022, "msg": "failed"}, 400))
    assert (failure.outcome, failure.reason) == (Outcome.REJECTED, "replace.refused")


def test_the_codes_of_a_replacement_mean_no_halves_to_another_call(
    adapter: BinanceAdapter, place: Call[Any], answer: MakeAnswer
) -> None:
    body = _halves(UNKNOWN_ORDER, NO_FUNDS, ("FAILURE", "FAILURE"))
    assert _failure(adapter, place, answer(body, 409)).reason == "replace.half_done"


def test_nothing_open_is_told_to_a_cancel_of_everything_only(
    adapter: BinanceAdapter, btc: Instrument, place: Call[Any], answer: MakeAnswer
) -> None:
    reply = answer(UNKNOWN_ORDER, 400)
    assert adapter.failure(adapter.cancel_all(btc), reply) is None
    for call in (adapter.fetch_open_orders(btc), adapter.cancel_list("list-0001", btc), place):
        assert _failure(adapter, call, reply).reason == "order.unknown"


# Budgets


@pytest.mark.parametrize(
    ("value", "used"), [("0", 0), ("6000", 6000), ("9" * 9, 999_999_999), ("9" * 10, None)]
)
def test_a_count_of_up_to_nine_digits_is_believed(
    adapter: BinanceAdapter, answer: MakeAnswer, value: str, used: int | None
) -> None:
    found = list(adapter.usage(answer("{}", x_mbx_order_count_10s=value)))
    assert found == ([] if used is None else [BudgetUsage(budget="orders-10s", used=used)])


def test_order_counts_are_paid_by_placements_only_and_the_rest_by_everything() -> None:
    assert {budget.name: budget.places_only for budget in MANIFEST.budgets} == {
        "weight": False,
        "raw": False,
        "orders-10s": True,
        "orders-1d": True,
        "connections": False,
    }


def _count(limiter: str, interval: str, number: int) -> dict[str, Any]:
    return {
        "rateLimitType": limiter,
        "interval": interval,
        "intervalNum": number,
        "limit": 100,
        "count": 3,
    }


@pytest.mark.parametrize(
    ("limiter", "interval", "number", "budget", "seconds"),
    [
        ("ORDERS", "SECOND", 1, "orders-1s", 1),
        ("ORDERS", "HOUR", 2, "orders-2h", 7200),
        ("REQUEST_WEIGHT", "MINUTE", 1, "weight", 60),
        ("REQUEST_WEIGHT", "SECOND", 10, "weight-10s", 10),
        ("RAW_REQUESTS", "MINUTE", 5, "raw", 300),
        ("RAW_REQUESTS", "MINUTE", 1, "raw-1m", 60),
        ("CONNECTIONS", "MINUTE", 5, "connections", 300),
    ],
)
def test_a_limiter_is_named_by_its_kind_and_by_its_window_where_that_is_unusual(
    adapter: BinanceAdapter,
    answer: MakeAnswer,
    limiter: str,
    interval: str,
    number: int,
    budget: str,
    seconds: int,
) -> None:
    found = adapter.fetch_order_usage().read(answer([_count(limiter, interval, number)]))
    assert list(found) == [BudgetUsage(budget=budget, used=3, capacity=100, interval_s=seconds)]


@pytest.mark.parametrize(
    "row",
    [
        _count("SMILES", "MINUTE", 1),
        _count("ORDERS", "MINUTE", 0),
        _count("ORDERS", "YEAR", 1),
    ],
)
def test_an_order_count_of_a_foreign_limiter_is_refused(
    adapter: BinanceAdapter, answer: MakeAnswer, row: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"limiter|interval"):
        adapter.fetch_order_usage().read(answer([row]))
