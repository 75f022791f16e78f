"""Orders: each intention becomes exactly this body, and each answer exactly this model."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from venuekit.model import (
    Advice,
    ClientOrderId,
    ExchangeOrderId,
    Failure,
    Instrument,
    OrderPhase,
    OrderRef,
    OrderRequest,
    OrderType,
    Outcome,
    SelfTradePrevention,
    Side,
    Symbol,
    TimeInForce,
    limit_buy,
    limit_sell,
    market_buy,
    market_sell,
)
from venuekit.plugin import Answer, Call, CallKind
from venuekit_coinbase.adapter import CoinbaseAdapter

MakeAnswer = Callable[..., Answer]
Ask = Callable[..., tuple[Any, Any]]
BTC = Symbol("BTC/USD")
OURS = ClientOrderId("11111-00000-000000")
THEIRS = ExchangeOrderId("0000-00000-000001")
REF = OrderRef(symbol=BTC, client_order_id=OURS, exchange_order_id=THEIRS)
BUY = limit_buy("BTC/USD", "0.01", "64000.5", client_order_id=OURS)
LIMIT_GTC = {"base_size": "0.01", "limit_price": "64000.5", "post_only": False}

SCALE = {"num_orders": "5", "price_distribution": "FLAT", "size_distribution": "EVENLY_SPLIT"}


def _order(kind: OrderType, side: Side = Side.SELL, **members: Any) -> OrderRequest:
    given = {"quantity": Decimal("0.01"), "client_order_id": OURS, **members}
    return OrderRequest(symbol=BTC, side=side, type=kind, **given)


def _options(request: OrderRequest, **options: str) -> OrderRequest:
    return attrs.evolve(request, options=options)


def _body(call: Call[Any]) -> Any:
    return json.loads(call.request.body)


def _placed(**members: Any) -> dict[str, Any]:
    return {
        "success": True,
        "success_response": {
            "order_id": THEIRS,
            "product_id": "BTC-USD",
            "side": "BUY",
            "client_order_id": OURS,
        },
        "order_configuration": {"limit_limit_gtc": LIMIT_GTC},
        **members,
    }


@pytest.mark.parametrize(
    ("request_", "name", "fields"),
    [
        (BUY, "limit_limit_gtc", LIMIT_GTC),
        (
            limit_sell("BTC/USD", "1E-8", "1", post_only=True, client_order_id=OURS),
            "limit_limit_gtc",
            {"base_size": "0.00000001", "limit_price": "1", "post_only": True},
        ),
        (
            _options(
                limit_buy("BTC/USD", "1", "2", time_in_force=TimeInForce.GTD, client_order_id=OURS),
                end_time="2026-12-01T00:00:00Z",
            ),
            "limit_limit_gtd",
            {
                "base_size": "1",
                "limit_price": "2",
                "post_only": False,
                "end_time": "2026-12-01T00:00:00Z",
            },
        ),
        (
            limit_buy("BTC/USD", "1", "2", time_in_force=TimeInForce.IOC, client_order_id=OURS),
            "sor_limit_ioc",
            {"base_size": "1", "limit_price": "2"},
        ),
        (
            limit_buy("BTC/USD", "1", "2", time_in_force=TimeInForce.FOK, client_order_id=OURS),
            "limit_limit_fok",
            {"base_size": "1", "limit_price": "2"},
        ),
        (
            market_buy("BTC/USD", quote_quantity="25.50", client_order_id=OURS),
            "market_market_ioc",
            {"quote_size": "25.50"},
        ),
        (
            _options(market_sell("BTC/USD", "0.5", client_order_id=OURS), rfq_disabled="true"),
            "market_market_ioc",
            {"base_size": "0.5", "rfq_disabled": True},
        ),
        (
            _order(OrderType.MARKET, time_in_force=TimeInForce.FOK),
            "market_market_fok",
            {"base_size": "0.01"},
        ),
        (
            _order(OrderType.STOP_LIMIT, price=Decimal(61900), stop_price=Decimal(62000)),
            "stop_limit_stop_limit_gtc",
            {
                "base_size": "0.01",
                "limit_price": "61900",
                "stop_price": "62000",
                "stop_direction": "STOP_DIRECTION_STOP_DOWN",
            },
        ),
        (
            _order(OrderType.STOP_LIMIT, Side.BUY, price=Decimal(66100), stop_price=Decimal(66000)),
            "stop_limit_stop_limit_gtc",
            {
                "base_size": "0.01",
                "limit_price": "66100",
                "stop_price": "66000",
                "stop_direction": "STOP_DIRECTION_STOP_UP",
            },
        ),
        (
            _order(
                OrderType.TAKE_PROFIT_LIMIT,
                price=Decimal(65900),
                stop_price=Decimal(66000),
                time_in_force=TimeInForce.GTD,
                options={"end_time": "2026-12-01T00:00:00Z"},
            ),
            "stop_limit_stop_limit_gtd",
            {
                "base_size": "0.01",
                "limit_price": "65900",
                "stop_price": "66000",
                "stop_direction": "STOP_DIRECTION_STOP_UP",
                "end_time": "2026-12-01T00:00:00Z",
            },
        ),
        (
            _options(
                limit_sell("BTC/USD", "1", "70000", client_order_id=OURS),
                stop_trigger_price="60000",
            ),
            "trigger_bracket_gtc",
            {"base_size": "1", "limit_price": "70000", "stop_trigger_price": "60000"},
        ),
        (
            _order(
                OrderType.LIMIT,
                price=Decimal(70000),
                time_in_force=TimeInForce.GTD,
                options={"stop_trigger_price": "60000", "end_time": "2026-12-01T00:00:00Z"},
            ),
            "trigger_bracket_gtd",
            {
                "base_size": "0.01",
                "limit_price": "70000",
                "stop_trigger_price": "60000",
                "end_time": "2026-12-01T00:00:00Z",
            },
        ),
        (
            _order(
                OrderType.LIMIT,
                price=Decimal(70000),
                options={
                    "start_time": "2026-12-01T00:00:00Z",
                    "end_time": "2026-12-01T01:00:00Z",
                    "number_buckets": "12",
                    "bucket_size": "0.01",
                    "bucket_duration": "300s",
                },
            ),
            "twap_limit_gtd",
            {
                "base_size": "0.01",
                "limit_price": "70000",
                "start_time": "2026-12-01T00:00:00Z",
                "end_time": "2026-12-01T01:00:00Z",
                "number_buckets": "12",
                "bucket_size": "0.01",
                "bucket_duration": "300s",
            },
        ),
        (
            _options(BUY, **SCALE, min_price="60000"),
            "scaled_limit_gtc",
            {
                "base_size": "0.01",
                "num_orders": 5,
                "price_distribution": "FLAT",
                "size_distribution": "EVENLY_SPLIT",
                "min_price": "60000",
                "max_price": "64000.5",
            },
        ),
        (
            _order(
                OrderType.LIMIT,
                price=Decimal(70000),
                options={**SCALE, "max_price": "80000", "size_ratio": "1.5"},
            ),
            "scaled_limit_gtc",
            {
                "base_size": "0.01",
                "num_orders": 5,
                "price_distribution": "FLAT",
                "size_distribution": "EVENLY_SPLIT",
                "max_price": "80000",
                "size_ratio": "1.5",
                "min_price": "70000",
            },
        ),
    ],
)
def test_every_kind_of_order_has_exactly_one_configuration(
    adapter: CoinbaseAdapter,
    btc: Instrument,
    request_: OrderRequest,
    name: str,
    fields: dict[str, Any],
) -> None:
    call = adapter.place(request_, btc)
    assert (call.kind, call.request.method) == (CallKind.PLACE, "POST")
    assert call.request.path == "/api/v3/brokerage/orders"
    assert call.request.headers == {"Content-Type": "application/json"}
    assert call.client_order_id == OURS
    assert _body(call) == {
        "client_order_id": OURS,
        "product_id": "BTC-USD",
        "side": request_.side.value.upper(),
        "order_configuration": {name: fields},
    }


def test_a_bracket_may_be_attached_and_what_stands_beside_the_configuration_is_passed_on(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    order = _options(
        BUY,
        attached_limit_price="70000",
        attached_stop_trigger_price="60000",
        preview_id="b40bbff9",
    )
    body = _body(adapter.place(order, btc))
    assert body["attached_order_configuration"] == {
        "trigger_bracket_gtc": {"limit_price": "70000", "stop_trigger_price": "60000"}
    }
    assert body["preview_id"] == "b40bbff9"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (_order(OrderType.STOP, stop_price=Decimal(1)), "no stop orders at the market"),
        (_order(OrderType.TAKE_PROFIT, stop_price=Decimal(1)), "no take_profit orders"),
        (market_sell("BTC/USD", quote_quantity="25", client_order_id=OURS), "sells takes quantity"),
        (market_buy("BTC/USD", quote_quantity="25.505", client_order_id=OURS), "multiple of 0.01"),
        (attrs.evolve(BUY, time_in_force=TimeInForce.GTD), "end_time"),
        (_options(BUY, end_time="2026-12-01T00:00:00Z"), "end_time"),
        (
            _options(attrs.evolve(BUY, time_in_force=TimeInForce.GTD), end_time="tomorrow"),
            "no UTC moment",
        ),
        (_options(BUY, stop_trigger_price="many"), "no amount"),
        (_options(BUY, attached_limit_price="1"), "go together"),
        (_options(BUY, stop_trigger_pric="1"), "unknown; allowed"),
        (_options(BUY, number_buckets="12"), "needs all"),
        (_options(BUY, num_orders="5", min_price="1"), "needs all of the options num_orders"),
        (_options(BUY, **SCALE), "min_price"),
        (_options(BUY, **SCALE, min_price="1", max_price="2"), "is its limit price"),
        (_options(BUY, **{**SCALE, "num_orders": "1"}, min_price="1"), "at least 2"),
        (_options(BUY, **SCALE, min_price="1", stop_trigger_price="2"), "not two of them"),
        (_options(attrs.evolve(BUY, post_only=True), **SCALE, min_price="1"), "post_only"),
        (
            _options(attrs.evolve(BUY, time_in_force=TimeInForce.FOK), **SCALE, min_price="1"),
            "stands until it is canceled",
        ),
        (attrs.evolve(BUY, display_quantity=Decimal(1)), "iceberg"),
        (
            attrs.evolve(BUY, self_trade_prevention=SelfTradePrevention.EXPIRE_TAKER),
            "self-trade",
        ),
        (attrs.evolve(BUY, post_only=True, time_in_force=TimeInForce.IOC), "rests"),
        (attrs.evolve(BUY, client_order_id=ClientOrderId("ü")), "client order id"),
        (attrs.evolve(BUY, symbol=Symbol("ETH/USD")), "was given the instrument"),
    ],
)
def test_what_coinbase_does_not_have_is_refused_here(
    adapter: CoinbaseAdapter, btc: Instrument, request_: OrderRequest, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        adapter.place(request_, btc)


# What the answer says


@pytest.mark.parametrize(
    "told",
    [
        _placed(),
        # The older form, whose failure reason beside `success: true` means nothing.
        _placed(failure_reason="UNKNOWN_FAILURE_REASON", order_id=THEIRS),
        # The same amounts in other digits.
        _placed(
            order_configuration={
                "limit_limit_gtc": {
                    "base_size": "0.01000000",
                    "limit_price": "64000.50",
                    "post_only": False,
                    "quote_size": "640.01",
                }
            }
        ),
    ],
)
def test_an_accepted_order_is_pending_under_both_its_ids(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer, told: Any
) -> None:
    call = adapter.place(BUY, btc)
    assert adapter.failure(call, answer(told)) is None
    order = call.read(answer(told))
    assert (order.phase, order.exchange_order_id) == (OrderPhase.PENDING, THEIRS)
    assert (order.client_order_id, order.quantity, order.price) == (
        OURS,
        Decimal("0.01"),
        Decimal("64000.5"),
    )


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("order_configuration", {"limit_limit_gtc": {**LIMIT_GTC, "base_size": "0.02"}}),
        ("order_configuration", {"limit_limit_gtc": {**LIMIT_GTC, "post_only": True}}),
        ("order_configuration", {"sor_limit_ioc": {"base_size": "0.01"}}),
        ("success_response", {"order_id": THEIRS, "side": "SELL", "client_order_id": OURS}),
        ("success_response", {"order_id": THEIRS, "client_order_id": "another"}),
    ],
)
def test_success_with_another_order_is_a_client_order_id_that_was_used_before(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer, member: str, value: Any
) -> None:
    failure = adapter.failure(adapter.place(BUY, btc), answer(_placed(**{member: value})))
    assert failure is not None
    assert failure.reason == "order.duplicate_id"
    assert failure.advice is Advice.NEVER


@pytest.mark.parametrize("told", [5, "5", None])
def test_a_number_is_the_same_with_and_without_quotes(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer, told: Any
) -> None:
    call = adapter.place(_options(BUY, **SCALE, min_price="60000"), btc)
    echoed = {**_body(call)["order_configuration"]["scaled_limit_gtc"], "num_orders": told}
    placed = _placed(order_configuration={"scaled_limit_gtc": echoed})
    assert adapter.failure(call, answer(placed)) is None
    echoed["num_orders"] = 6
    assert adapter.failure(call, answer(placed)) is not None


def test_an_answer_without_an_id_is_no_order(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    with pytest.raises(ValueError, match="id"):
        adapter.place(BUY, btc).read(answer({"success": True}))


@pytest.mark.parametrize(
    ("error", "reason", "advice"),
    [
        (
            {
                "error": "UNKNOWN_FAILURE_REASON",
                "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND",
                "new_order_failure_reason": "UNKNOWN_FAILURE_REASON",
            },
            "balance.insufficient",
            Advice.NEVER,
        ),
        ({"error": "INSUFFICIENT_FUND"}, "balance.insufficient", Advice.NEVER),
        (
            {"error": "INVALID_REQUEST", "new_order_failure_reason": "DUPLICATE_CLIENT_ORDER_ID"},
            "order.duplicate_id",
            Advice.NEVER,
        ),
        ({"error": "INVALID_LIMIT_PRICE_POST_ONLY"}, "order.would_match", Advice.NEVER),
        ({"error": "COMMANDER_REJECTED_NEW_ORDER"}, "order.refused_for_now", Advice.AFTER_DELAY),
        ({"error": "ORDER_ENTRY_DISABLED"}, "instrument.halted", Advice.NEVER),
        ({"new_order_failure_reason": "INVALID_SIZE_PRECISION"}, "quantity.off_step", Advice.NEVER),
        ({"preview_failure_reason": "PREVIEW_SOMETHING_NEW"}, "request.invalid", Advice.NEVER),
        ({"error": "", "message": "account is not available"}, "permission.denied", Advice.NEVER),
        ({}, "order.refused_for_now", Advice.AFTER_DELAY),
    ],
)
def test_success_false_means_not_placed_for_the_first_reason_that_says_something(
    adapter: CoinbaseAdapter,
    btc: Instrument,
    answer: MakeAnswer,
    error: dict[str, str],
    reason: str,
    advice: Advice,
) -> None:
    told = {"success": False, "error_response": error, "order_configuration": {}}
    failure = adapter.failure(adapter.place(BUY, btc), answer(told))
    assert failure is not None
    assert (failure.outcome, failure.reason) == (Outcome.REJECTED, reason)
    assert failure.advice is advice


def test_a_reason_that_nobody_documents_proves_nothing_and_is_said_to_be_new(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    told = {"success": False, "error_response": {"error": "MOON_PHASE"}}
    failure = adapter.failure(adapter.place(BUY, btc), answer(told))
    assert failure is not None
    assert (failure.outcome, failure.code) == (Outcome.UNKNOWN, "MOON_PHASE")
    assert not failure.is_documented


@pytest.mark.parametrize("body", ["", "<html>", "{}", '{"success":"yes"}', "[]", "null"])
def test_an_answer_that_says_neither_leaves_the_outcome_open(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer, body: str
) -> None:
    failure = adapter.failure(adapter.place(BUY, btc), answer(body))
    assert failure is not None
    assert failure.outcome is Outcome.UNKNOWN


# Checking


def test_a_preview_is_the_order_without_its_client_order_id(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    call = adapter.validate(BUY, btc)
    assert call.kind is CallKind.PRIVATE_READ
    assert call.request.path == "/api/v3/brokerage/orders/preview"
    assert _body(call) == {
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {"limit_limit_gtc": LIMIT_GTC},
    }
    good = answer('{"order_total":"640.1","errs":[],"warning":["UNKNOWN"],"quote_size":640.1}')
    assert adapter.failure(call, good) is None
    call.read(good)


def test_a_preview_with_errors_comes_with_status_200(
    adapter: CoinbaseAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    told = answer({"errs": ["PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"]})
    failure = adapter.failure(adapter.validate(BUY, btc), told)
    assert failure is not None
    assert failure.reason == "quantity.below_minimum"


# Canceling


CANCELED = {
    "results": [
        {"success": True, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": THEIRS}
    ]
}


def test_a_cancel_goes_by_the_exchange_s_id_and_says_no_more_than_that_it_was_taken(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask, answer: MakeAnswer
) -> None:
    report, (call,) = ask(adapter.cancel(REF, btc), CANCELED)
    assert report is None
    assert call.kind is CallKind.CANCEL
    assert call.request.path == "/api/v3/brokerage/orders/batch_cancel"
    assert _body(call) == {"order_ids": [THEIRS]}
    assert adapter.failure(call, answer(CANCELED)) is None


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        ("UNKNOWN_CANCEL_ORDER", Outcome.REJECTED, "order.unknown"),
        ("ORDER_IS_FULLY_FILLED", Outcome.REJECTED, "order.unknown"),
        ("DUPLICATE_CANCEL_REQUEST", Outcome.UNKNOWN, "order.change_pending"),
        ("ORDER_IS_BEING_REPLACED", Outcome.UNKNOWN, "order.change_pending"),
        ("COMMANDER_REJECTED_CANCEL_ORDER", Outcome.REJECTED, "order.cancel_rejected"),
        ("UNKNOWN_CANCEL_FAILURE_REASON", Outcome.UNKNOWN, "exchange.failed"),
    ],
)
def test_a_cancel_that_was_not_taken_says_why(
    adapter: CoinbaseAdapter,
    btc: Instrument,
    ask: Ask,
    answer: MakeAnswer,
    code: str,
    outcome: Outcome,
    reason: str,
) -> None:
    _, (call,) = ask(adapter.cancel(REF, btc), CANCELED)
    told = {"results": [{"success": False, "failure_reason": code, "order_id": THEIRS}]}
    failure = adapter.failure(call, answer(told))
    assert failure is not None
    assert (failure.outcome, failure.reason) == (outcome, reason)


@pytest.mark.parametrize("told", ["{}", '{"results":[]}', '{"results":[1]}', "OK"])
def test_a_cancel_without_its_result_is_not_known(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask, answer: MakeAnswer, told: str
) -> None:
    _, (call,) = ask(adapter.cancel(REF, btc), CANCELED)
    failure = adapter.failure(call, answer(told))
    assert failure is not None
    assert failure.outcome is Outcome.UNKNOWN


def _listed(**members: Any) -> dict[str, Any]:
    return {
        "order_id": THEIRS,
        "client_order_id": OURS,
        "product_id": "BTC-USD",
        "side": "BUY",
        "status": "OPEN",
        "order_configuration": {"limit_limit_gtc": LIMIT_GTC},
        "filled_size": "0",
        **members,
    }


def test_an_order_whose_exchange_id_is_not_known_is_looked_up_before_its_cancel(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    ref = OrderRef(symbol=BTC, client_order_id=OURS)
    page = {"orders": [_listed()], "has_next": False, "cursor": ""}
    report, (listing, cancel) = ask(adapter.cancel(ref, btc), page, CANCELED)
    assert report is None
    assert listing.kind is CallKind.PRIVATE_READ
    assert _body(cancel) == {"order_ids": [THEIRS]}


def test_nothing_is_canceled_that_has_ended_or_that_nobody_finds(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    ref = OrderRef(symbol=BTC, client_order_id=OURS)
    page = {"orders": [_listed(status="FILLED", filled_size="0.01")], "has_next": False}
    report, calls = ask(adapter.cancel(ref, btc), page)
    assert report.phase is OrderPhase.FILLED
    assert len(calls) == 1
    assert ask(adapter.cancel(ref, btc), {"orders": [], "has_next": False})[0] is None


def test_a_cancel_of_many_answers_for_each_in_the_order_asked(
    adapter: CoinbaseAdapter, answer: MakeAnswer
) -> None:
    refs = [OrderRef(symbol=BTC, exchange_order_id=ExchangeOrderId(name)) for name in "abc"]
    call = adapter.cancel_many(refs)
    assert _body(call) == {"order_ids": ["a", "b", "c"]}
    told = {
        "results": [
            {"success": False, "failure_reason": "UNKNOWN_CANCEL_ORDER", "order_id": "c"},
            {"success": True, "failure_reason": "", "order_id": "a"},
            {"success": False, "failure_reason": "DUPLICATE_CANCEL_REQUEST", "order_id": "b"},
        ]
    }
    assert adapter.failure(call, answer(told)) is None
    first, second, third = call.read(answer(told))
    assert first is None
    assert isinstance(second, Failure)
    assert second.outcome is Outcome.UNKNOWN
    assert isinstance(third, Failure)
    assert third.reason == "order.unknown"


def test_a_cancel_of_many_that_is_not_answered_for_each_is_not_believed(
    adapter: CoinbaseAdapter, answer: MakeAnswer
) -> None:
    refs = [OrderRef(symbol=BTC, exchange_order_id=ExchangeOrderId(name)) for name in "ab"]
    call = adapter.cancel_many(refs)
    for names in ("a", "aa", "ac", "abc"):
        told = {"results": [{"success": True, "order_id": name} for name in names]}
        with pytest.raises(ValueError, match="answers to 2 orders"):
            call.read(answer(told))


def test_a_batch_of_cancels_needs_two_to_a_hundred_orders_with_the_exchange_s_ids(
    adapter: CoinbaseAdapter,
) -> None:
    many = [OrderRef(symbol=BTC, exchange_order_id=ExchangeOrderId(f"{n}")) for n in range(101)]
    assert len(_body(adapter.cancel_many(many[:100]))["order_ids"]) == 100
    for refs in ([], many[:1], many):
        with pytest.raises(ValueError, match="2 to 100"):
            adapter.cancel_many(refs)
    with pytest.raises(ValueError, match="has not told"):
        adapter.cancel_many([many[0], OrderRef(symbol=BTC, client_order_id=OURS)])


# Editing


@pytest.mark.parametrize(
    ("quantity", "price", "expected"),
    [
        (Decimal("0.02"), None, {"size": "0.02", "price": "64000.5"}),
        (None, Decimal(65000), {"size": "0.01", "price": "65000"}),
        (Decimal("0.02"), Decimal(65000), {"size": "0.02", "price": "65000"}),
    ],
)
def test_an_edit_always_sends_price_and_size_since_a_missing_size_means_zero(
    adapter: CoinbaseAdapter,
    btc: Instrument,
    ask: Ask,
    quantity: Decimal | None,
    price: Decimal | None,
    expected: dict[str, str],
) -> None:
    steps = adapter.amend(REF, btc, quantity=quantity, price=price)
    report, (_, edit) = ask(steps, {"order": _listed()}, {"success": True, "errors": []})
    assert report is None
    assert (edit.kind, edit.request.path) == (CallKind.AMEND, "/api/v3/brokerage/orders/edit")
    assert _body(edit) == {"order_id": THEIRS, **expected}


def test_an_edit_keeps_the_stop_price_and_what_was_edited_before(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    row = _listed(
        side="SELL",
        order_configuration={
            "stop_limit_stop_limit_gtc": {
                "base_size": "0.01",
                "limit_price": "61900",
                "stop_price": "62000",
                "stop_direction": "STOP_DIRECTION_STOP_DOWN",
            }
        },
        edit_history=[
            {"price": "61800", "size": "0.03", "replace_accept_timestamp": "2026-06-01T10:00:00Z"}
        ],
    )
    steps = adapter.amend(REF, btc, quantity=None, price=Decimal(61700))
    _, (_, edit) = ask(steps, {"order": row}, {"success": True})
    assert _body(edit) == {
        "order_id": THEIRS,
        "price": "61700",
        "size": "0.03",
        "stop_price": "62000",
    }


def test_an_order_over_a_quote_quantity_cannot_be_edited(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    row = _listed(
        order_configuration={"limit_limit_gtc": {"quote_size": "640", "limit_price": "64000"}}
    )
    with pytest.raises(ValueError, match="quantity of the base asset"):
        ask(adapter.amend(REF, btc, quantity=None, price=Decimal(1)), {"order": row})
    with pytest.raises(ValueError, match="neither was given"):
        adapter.amend(REF, btc, quantity=None, price=None)


def test_an_order_that_has_ended_is_not_edited(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    steps = adapter.amend(REF, btc, quantity=Decimal(1), price=None)
    report, calls = ask(steps, {"order": _listed(status="CANCELLED")})
    assert report.phase is OrderPhase.CANCELED
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        ("CANNOT_EDIT_TO_BELOW_FILLED_SIZE", Outcome.REJECTED, "order.amend_refused"),
        ("ONLY_OPEN_ORDERS_CAN_BE_EDITED", Outcome.REJECTED, "order.unknown"),
        ("ORDER_NOT_FOUND", Outcome.REJECTED, "order.unknown"),
        ("ORDER_IS_ALREADY_BEING_REPLACED", Outcome.UNKNOWN, "order.change_pending"),
        ("UNKNOWN_EDIT_ORDER_FAILURE_REASON", Outcome.UNKNOWN, "exchange.failed"),
    ],
)
def test_an_edit_that_was_refused_says_why(
    adapter: CoinbaseAdapter,
    btc: Instrument,
    ask: Ask,
    answer: MakeAnswer,
    code: str,
    outcome: Outcome,
    reason: str,
) -> None:
    steps = adapter.amend(REF, btc, quantity=Decimal(1), price=None)
    _, (_, edit) = ask(steps, {"order": _listed()}, {"success": True})
    told = {"success": False, "errors": [{"edit_failure_reason": code}]}
    failure = adapter.failure(edit, answer(told))
    assert failure is not None
    assert (failure.outcome, failure.reason) == (outcome, reason)
