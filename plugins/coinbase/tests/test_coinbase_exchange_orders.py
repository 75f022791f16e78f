"""Coinbase Exchange: orders as they are written, read, canceled and looked for."""

import json
import random
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from venuekit.model import (
    Advice,
    ClientOrderId,
    ExchangeOrderId,
    Fee,
    Instrument,
    Liquidity,
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
    market_buy,
    market_sell,
)
from venuekit.orders import ClientOrderIds
from venuekit.plugin import Answer, Call, CallKind, Dedupe
from venuekit_coinbase.exchange.adapter import ExchangeAdapter
from venuekit_coinbase.exchange.manifest import MANIFEST

OID = "7d6a1f0e-2f5e-4a56-9c0b-7a2b5f0d3c11"
ID = "d0c5340b-6d6c-49d9-b567-48c4bfca13d2"
ROW: dict[str, Any] = {
    "id": ID,
    "price": "50000.00",
    "size": "0.01000000",
    "product_id": "BTC-USD",
    "profile_id": "8058d771-2d88-4f0f-ab6e-299c153d4308",
    "side": "buy",
    "type": "limit",
    "time_in_force": "GTC",
    "post_only": False,
    "created_at": "2026-07-15T12:00:00.000123Z",
    "fill_fees": "0",
    "filled_size": "0",
    "executed_value": "0",
    "status": "pending",
    "settled": False,
    "client_oid": OID,
    "stp": "dc",
}
DONE = {
    **ROW,
    "status": "done",
    "done_reason": "filled",
    "done_at": "2026-07-15T12:00:01.5Z",
    "filled_size": "0.01000000",
    "executed_value": "499.995",
    "settled": True,
}
FILL = {
    "trade_id": 74,
    "product_id": "BTC-USD",
    "order_id": ID,
    "user_id": "u",
    "profile_id": "p",
    "liquidity": "T",
    "price": "50000.00",
    "size": "0.01000000",
    "fee": "2.5",
    "created_at": "2026-07-15T12:00:01.5Z",
    "side": "buy",
    "settled": True,
    "usd_volume": "500",
}
NOON_NS = 1_784_116_800_000_000_000
REF = OrderRef(symbol=Symbol("BTC/USD"), exchange_order_id=ExchangeOrderId(ID))
NAMED = OrderRef(symbol=Symbol("BTC/USD"), client_order_id=ClientOrderId(OID))

Ask = Callable[..., tuple[Any, Any]]


def _limit(**changes: Any) -> OrderRequest:
    request = limit_buy("BTC/USD", "0.01", "50000", client_order_id=OID)
    return attrs.evolve(request, **changes)


def _body(call: Call[Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(call.request.body)
    return body


# Writing


def test_a_limit_order_is_written(exchange: ExchangeAdapter, exchange_btc: Instrument) -> None:
    call = exchange.place(_limit(post_only=True), exchange_btc)
    assert (call.kind, call.request.method, call.request.path) == (
        CallKind.PLACE,
        "POST",
        "/orders",
    )
    assert _body(call) == {
        "client_oid": OID,
        "type": "limit",
        "side": "buy",
        "product_id": "BTC-USD",
        "size": "0.01",
        "price": "50000",
        "time_in_force": "GTC",
        "post_only": True,
    }


@pytest.mark.parametrize(
    ("changes", "written"),
    [
        ({"time_in_force": TimeInForce.IOC}, {"time_in_force": "IOC"}),
        ({"time_in_force": TimeInForce.FOK}, {"time_in_force": "FOK"}),
        (
            {"time_in_force": TimeInForce.GTD, "options": {"cancel_after": "hour"}},
            {"time_in_force": "GTT", "cancel_after": "hour"},
        ),
        (
            {"type": OrderType.STOP_LIMIT, "stop_price": Decimal(70000)},
            {"type": "limit", "stop": "entry", "stop_price": "70000"},
        ),
        (
            {"type": OrderType.STOP_LIMIT, "stop_price": Decimal(70000), "side": Side.SELL},
            {"stop": "loss", "side": "sell"},
        ),
        (
            {"type": OrderType.TAKE_PROFIT_LIMIT, "stop_price": Decimal(40000)},
            {"stop": "loss", "stop_price": "40000"},
        ),
        (
            {"type": OrderType.TAKE_PROFIT_LIMIT, "stop_price": Decimal(9), "side": Side.SELL},
            {"stop": "entry"},
        ),
        ({"display_quantity": Decimal("0.001")}, {"max_floor": "0.001"}),
        ({"self_trade_prevention": SelfTradePrevention.EXPIRE_MAKER}, {"stp": "co"}),
        ({"self_trade_prevention": SelfTradePrevention.EXPIRE_TAKER}, {"stp": "cn"}),
        ({"self_trade_prevention": SelfTradePrevention.EXPIRE_BOTH}, {"stp": "cb"}),
        ({"self_trade_prevention": SelfTradePrevention.DECREMENT}, {"stp": "dc"}),
    ],
)
def test_every_kind_of_limit_order_is_written(
    exchange: ExchangeAdapter,
    exchange_btc: Instrument,
    changes: dict[str, Any],
    written: dict[str, Any],
) -> None:
    body = _body(exchange.place(_limit(**changes), exchange_btc))
    assert {name: body[name] for name in written} == written


def test_a_market_order_takes_a_size_or_funds(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    by_size = market_sell("BTC/USD", "0.01", client_order_id=OID)
    assert _body(exchange.place(by_size, exchange_btc)) == {
        "client_oid": OID,
        "type": "market",
        "side": "sell",
        "product_id": "BTC-USD",
        "size": "0.01",
    }
    by_funds = market_buy("BTC/USD", quote_quantity="100.50", client_order_id=OID)
    assert _body(exchange.place(by_funds, exchange_btc))["funds"] == "100.50"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": OrderType.STOP, "price": None, "stop_price": Decimal(1)}, "no stop orders"),
        ({"price": None}, "needs price"),
        ({"stop_price": Decimal(1)}, "stop_price goes with"),
        ({"type": OrderType.STOP_LIMIT}, "stop_price goes with"),
        ({"post_only": True, "time_in_force": TimeInForce.IOC}, "post-only order rests"),
        ({"time_in_force": TimeInForce.GTD}, "GTD needs it"),
        ({"options": {"cancel_after": "day"}}, "goes with GTD"),
        (
            {"time_in_force": TimeInForce.GTD, "options": {"cancel_after": "week"}},
            "min, hour or day",
        ),
        ({"options": {"leverage": "3"}}, "'leverage' is unknown"),
        ({"trailing_delta": Decimal(5)}, "no trailing"),
        ({"self_trade_prevention": SelfTradePrevention.TRANSFER}, "self-trade prevention"),
        ({"quantity": None, "quote_quantity": Decimal(5)}, "is for market orders"),
        ({"type": OrderType.MARKET}, "takes no price"),
        (
            {"type": OrderType.MARKET, "price": None, "time_in_force": TimeInForce.FOK},
            "all or nothing",
        ),
        ({"symbol": Symbol("ETH/USD")}, "was given the instrument"),
    ],
)
def test_what_does_not_exist_is_refused_before_anything_is_sent(
    exchange: ExchangeAdapter, exchange_btc: Instrument, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        exchange.place(_limit(**changes), exchange_btc)


# Client order ids


@pytest.mark.parametrize(
    "name",
    [
        OID.upper(),
        OID.replace("-", ""),
        "7d6a1f0e-2f5e-1a56-9c0b-7a2b5f0d3c11",
        "7d6a1f0e-2f5e-4a56-1c0b-7a2b5f0d3c11",
        "my-order",
    ],
)
def test_an_id_that_coinbase_would_drop_is_never_sent(
    exchange: ExchangeAdapter, exchange_btc: Instrument, name: str
) -> None:
    with pytest.raises(ValueError, match="UUIDs of version 4"):
        exchange.place(_limit(client_order_id=ClientOrderId(name)), exchange_btc)


def test_ids_that_the_framework_makes_are_kept_by_coinbase() -> None:
    ids = ClientOrderIds(MANIFEST.client_order_id, mark=123_456_789, rng=random.Random(1))
    for _ in range(200):
        name = ids.make()
        assert str(uuid.UUID(name)) == name
        assert (uuid.UUID(name).version, uuid.UUID(name).variant) == (4, uuid.RFC_4122)
        assert ids.is_ours(name)


def test_a_placement_is_never_repeated_since_it_would_make_a_second_order() -> None:
    assert MANIFEST.client_order_id.dedupe is Dedupe.NONE
    assert MANIFEST.faults() == []


def test_the_sandbox_is_a_testnet_since_it_really_matches() -> None:
    hosts = {name: each.hosts["rest"] for name, each in MANIFEST.environments.items()}
    assert hosts == {
        "live": "https://api.exchange.coinbase.com",
        "testnet": "https://api-public.sandbox.exchange.coinbase.com",
        "sim": "http://{address}",
    }
    # Parallel requests are fine: time is all that a signature has of its own.
    assert MANIFEST.nonce is None


# Reading


def test_a_placement_is_answered_for_before_it_is_matched(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    order, _ = ask(exchange.place(_limit(), exchange_btc), ROW)
    assert order.phase is OrderPhase.PENDING
    assert (order.client_order_id, order.exchange_order_id) == (OID, ID)
    assert order.created_ns == NOON_NS + 123_000


def test_an_order_whose_id_was_dropped_keeps_the_one_that_we_gave_it(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    order, _ = ask(exchange.place(_limit(), exchange_btc), {**ROW, "client_oid": None})
    assert order.client_order_id == OID


def test_an_answer_about_another_order_is_no_answer(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    with pytest.raises(ValueError, match="another order"):
        ask(exchange.place(_limit(), exchange_btc), {**ROW, "side": "sell"})


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({"status": "received"}, OrderPhase.PENDING),
        ({"status": "open"}, OrderPhase.OPEN),
        ({"status": "active"}, OrderPhase.OPEN),
        ({"status": "open", "filled_size": "0.004"}, OrderPhase.PARTIALLY_FILLED),
        ({"status": "done", "done_reason": "canceled"}, OrderPhase.CANCELED),
        ({"status": "done", "done_reason": "filled"}, OrderPhase.FILLED),
        ({"status": "done", "done_reason": "something new"}, OrderPhase.CANCELED),
        ({"status": "rejected", "reject_reason": "post only"}, OrderPhase.REJECTED),
        ({"status": "something new"}, OrderPhase.UNKNOWN),
    ],
)
def test_every_status_is_read(
    exchange: ExchangeAdapter,
    exchange_btc: Instrument,
    ask: Ask,
    changes: dict[str, Any],
    phase: OrderPhase,
) -> None:
    order, (call,) = ask(exchange.fetch_order(REF, exchange_btc), {**ROW, **changes})
    assert order.phase is phase
    assert call.request.path == f"/orders/{ID}"


def test_an_order_that_is_done_has_totals_and_its_end(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    order, (call,) = ask(exchange.fetch_order(NAMED, exchange_btc), DONE)
    assert call.request.path == f"/orders/client:{OID}"
    assert (order.filled, order.filled_quote) == (Decimal("0.01"), Decimal("499.995"))
    assert order.updated_ns == NOON_NS + 1_500_000_000


def test_a_stop_is_known_by_its_direction(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    for stop, side, kind in (
        ("entry", "buy", OrderType.STOP_LIMIT),
        ("loss", "buy", OrderType.TAKE_PROFIT_LIMIT),
        ("loss", "sell", OrderType.STOP_LIMIT),
        ("entry", "sell", OrderType.TAKE_PROFIT_LIMIT),
    ):
        row = {**ROW, "stop": stop, "side": side, "stop_price": "60000", "status": "active"}
        order, _ = ask(exchange.fetch_order(REF, exchange_btc), row)
        assert (order.type, order.stop_price) == (kind, Decimal(60000))


def test_a_market_order_by_funds_tells_what_was_asked_for_and_not_what_was_set_aside(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    row = {**DONE, "type": "market", "size": None, "price": None, "time_in_force": ""}
    row |= {"funds": "99.50", "specified_funds": "100"}
    order, _ = ask(exchange.fetch_order(REF, exchange_btc), row)
    assert (order.type, order.quote_quantity, order.quantity) == (
        OrderType.MARKET,
        Decimal(100),
        None,
    )


# Canceling


def test_a_cancel_names_the_order_and_its_product(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    taken, (call,) = ask(exchange.cancel(REF, exchange_btc), json.dumps(ID))
    assert taken is None
    assert (call.request.method, call.request.path) == ("DELETE", f"/orders/{ID}")
    assert call.request.query == "product_id=BTC-USD"
    by_name = exchange.cancel(NAMED, exchange_btc)
    assert by_name.request.path == f"/orders/client:{OID}"
    with pytest.raises(ValueError, match="without the order's id"):
        ask(exchange.cancel(REF, exchange_btc), {})


def test_a_cancel_of_all_is_repeated_until_nothing_new_is_found(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    refs, calls = ask(exchange.cancel_all(exchange_btc), ["a1", "b2"], ["c3"], [])
    assert [ref.exchange_order_id for ref in refs] == ["a1", "b2", "c3"]
    assert {(call.request.method, call.request.query) for call in calls} == {
        ("DELETE", "product_id=BTC-USD")
    }
    refs, calls = ask(exchange.cancel_all(exchange_btc), [])
    assert (list(refs), len(calls)) == ([], 1)


def test_everything_is_canceled_without_naming_a_product(
    exchange: ExchangeAdapter, ask: Ask
) -> None:
    # The same ids again: on their way, and no reason to go on asking.
    count, calls = ask(exchange.cancel_everything(), ["a1", "b2"], ["b2"])
    assert count == 2
    assert [call.request.query for call in calls] == ["", ""]


def test_a_cancel_of_all_that_never_ends_is_given_up(exchange: ExchangeAdapter, ask: Ask) -> None:
    count, calls = ask(exchange.cancel_everything(), *[[f"o{n}"] for n in range(50)])
    assert len(calls) == count == 10


# Lists


def _page(rows: list[Any], cursor: str = "") -> Answer:
    headers = {"cb-after": cursor} if cursor else {}
    return Answer(status=200, headers=headers, body=json.dumps(rows).encode())


def _paged(steps: Any, *pages: Answer) -> tuple[Any, list[Call[Any]]]:
    calls: list[Call[Any]] = []
    told: Any = None
    left = iter(pages)
    try:
        while True:
            call = steps.send(told)
            calls.append(call)
            told = call.read(next(left))
    except StopIteration as end:
        return end.value, calls


def _aged(number: int, seconds: int) -> dict[str, Any]:
    return {**DONE, "id": f"o{number}", "created_at": f"2026-07-15T12:00:{seconds:02d}Z"}


def test_open_orders_are_asked_for_in_every_status_and_page_by_page(
    exchange: ExchangeAdapter,
) -> None:
    first = [{**ROW, "id": "a", "status": "open"}, {**ROW, "id": "b", "status": "active"}]
    second = [{**ROW, "id": "b", "status": "active"}, {**ROW, "id": "c", "product_id": "X-Y"}]
    orders, calls = _paged(exchange.fetch_open_orders(None), _page(first, "77"), _page(second))
    assert [order.exchange_order_id for order in orders] == ["a", "b"]
    statuses = "status=received&status=pending&status=open&status=active"
    assert [call.request.query for call in calls] == [
        f"{statuses}&limit=1000",
        f"{statuses}&limit=1000&after=77",
    ]


def test_past_orders_are_asked_for_until_they_are_too_old(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    steps = exchange.fetch_orders(
        exchange_btc, since_ns=NOON_NS + 20 * 10**9, until_ns=None, limit=10
    )
    pages = (_page([_aged(3, 40), _aged(2, 30)], "x"), _page([_aged(1, 20), _aged(0, 10)], "y"))
    orders, calls = _paged(steps, *pages)
    assert [order.exchange_order_id for order in orders] == ["o1", "o2", "o3"]
    assert len(calls) == 2
    assert "status=done" in calls[0].request.query


def test_a_list_that_is_not_sorted_is_read_to_its_end(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    steps = exchange.fetch_orders(
        exchange_btc, since_ns=NOON_NS + 20 * 10**9, until_ns=None, limit=10
    )
    pages = (
        _page([_aged(1, 25), _aged(3, 35), _aged(0, 10)], "x"),
        _page([_aged(2, 30)]),
    )
    orders, _ = _paged(steps, *pages)
    assert [order.exchange_order_id for order in orders] == ["o1", "o2", "o3"]


def test_a_page_that_is_followed_by_itself_is_a_fault(exchange: ExchangeAdapter) -> None:
    pages = [_page([ROW], "same"), _page([ROW], "same")]
    with pytest.raises(ValueError, match="followed by itself"):
        _paged(exchange.fetch_open_orders(None), *pages)


def test_a_fill_is_read_with_its_fee_in_the_quote_asset(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    steps = exchange.fetch_fills(exchange_btc, order=REF, since_ns=None, until_ns=None, limit=10)
    (fill,), (call,) = _paged(steps, _page([FILL]))
    assert call.request.query == f"order_id={ID}&limit=1000"
    assert dict(call.costs) == {"private": 1, "fills": 1}
    assert (fill.trade_id, fill.fee, fill.liquidity) == (
        "74",
        Fee(Decimal("2.5"), "USD"),
        Liquidity.TAKER,
    )


def test_fills_of_an_order_known_by_our_id_are_asked_for_by_coinbase_s(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    steps = exchange.fetch_fills(exchange_btc, order=NAMED, since_ns=None, until_ns=None, limit=10)
    answer = Answer(status=200, body=json.dumps(DONE).encode())
    fills, calls = _paged(steps, answer, _page([FILL]))
    assert len(fills) == 1
    assert calls[0].request.path == f"/orders/client:{OID}"


# Failures


def _failed(exchange: ExchangeAdapter, call: Call[Any], status: int, said: Any) -> Any:
    body = said.encode() if isinstance(said, str) else json.dumps(said).encode()
    return exchange.failure(call, Answer(status=status, body=body))


@pytest.mark.parametrize(
    ("status", "said", "reason", "advice"),
    [
        (400, "invalid signature", "key.rejected", Advice.NEVER),
        (401, "Invalid API Key", "key.rejected", Advice.NEVER),
        (401, "Invalid Passphrase", "key.rejected", Advice.NEVER),
        (400, "invalid timestamp", "clock.outside_window", Advice.AFTER_CLOCK_SYNC),
        (400, "request timestamp expired", "clock.outside_window", Advice.AFTER_CLOCK_SYNC),
        (403, "Forbidden", "permission.denied", Advice.NEVER),
        (403, "Trading pair not available", "instrument.not_tradable", Advice.NEVER),
        (400, "Insufficient funds", "balance.insufficient", Advice.NEVER),
        (400, "size is too small. Minimum size is 1", "quantity.below_minimum", Advice.NEVER),
        (400, "price too small", "price.below_minimum", Advice.NEVER),
        (400, "price too precise (49.999)", "price.off_tick", Advice.NEVER),
        (400, "Product not found", "instrument.unknown", Advice.NEVER),
        (400, "Invalid order id", "request.invalid", Advice.NEVER),
        (400, "Post only mode", "order.not_supported", Advice.NEVER),
        (400, "Order would match: post only", "order.would_match", Advice.NEVER),
        (400, "Cancel only mode", "instrument.halted", Advice.NEVER),
        (400, "under maintenance", "instrument.halted", Advice.NEVER),
        (404, "NotFound", "order.unknown", Advice.NEVER),
        (404, "order not found", "order.unknown", Advice.NEVER),
        (400, "Order already done", "order.unknown", Advice.NEVER),
        (429, "Private rate limit exceeded", "limit.exceeded", Advice.AFTER_DELAY),
    ],
)
def test_every_documented_message_says_that_nothing_was_done_and_why(
    exchange: ExchangeAdapter,
    exchange_btc: Instrument,
    status: int,
    said: str,
    reason: str,
    advice: Advice,
) -> None:
    call = exchange.place(_limit(), exchange_btc)
    failure = _failed(exchange, call, status, {"message": said})
    assert (failure.reason, failure.advice) == (reason, advice)
    assert failure.outcome is Outcome.REJECTED
    assert failure.is_documented


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_s_error_leaves_an_order_s_fate_open(
    exchange: ExchangeAdapter, exchange_btc: Instrument, status: int
) -> None:
    call = exchange.place(_limit(), exchange_btc)
    for said in ({"message": "under maintenance"}, "<html>Bad gateway</html>"):
        failure = _failed(exchange, call, status, said)
        assert (failure.outcome, failure.advice) == (Outcome.UNKNOWN, Advice.AGAIN)


def test_an_undocumented_refusal_of_a_write_proves_nothing(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    failure = _failed(exchange, exchange.place(_limit(), exchange_btc), 418, {"message": "tea"})
    assert (failure.outcome, failure.is_documented) == (Outcome.UNKNOWN, False)
    failure = _failed(exchange, exchange.fetch_order(REF, exchange_btc), 418, {"message": "tea"})
    assert failure.outcome is Outcome.REJECTED


def test_only_where_orders_are_asked_for_does_not_found_mean_an_order(
    exchange: ExchangeAdapter,
) -> None:
    failure = _failed(exchange, exchange.fetch_balances(), 404, {"message": "NotFound"})
    assert failure.reason == "request.not_found"


def test_an_order_that_is_rejected_in_its_own_answer_is_refused(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    call = exchange.place(_limit(), exchange_btc)
    rejected = {**ROW, "status": "rejected", "reject_reason": "post_only"}
    failure = _failed(exchange, call, 200, rejected)
    assert (failure.outcome, failure.reason) == (Outcome.REJECTED, "order.would_match")
    assert _failed(exchange, call, 200, ROW) is None


def test_a_placement_that_is_answered_with_nonsense_may_have_been_placed(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    call = exchange.place(_limit(), exchange_btc)
    for said in ("<html>ok</html>", "[]", "{}"):
        assert _failed(exchange, call, 200, said).outcome is Outcome.UNKNOWN
