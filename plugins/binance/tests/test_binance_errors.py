"""Errors: every documented code has an outcome, an advice and a stable reason."""

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
    Symbol,
    limit_buy,
    market_buy,
)
from venuekit.plugin import Answer, Call
from venuekit_binance.adapter import BinanceAdapter
from venuekit_binance.error_table import TABLE

MakeAnswer = Callable[..., Answer]

# Retyped from Binance's errors.md of 2026-07-21.
DOCUMENTED = [
    *(-1000, -1001, -1002, -1003, -1004, -1006, -1007, -1008, -1010, -1013, -1014, -1015, -1016),
    *(-1020, -1021, -1022, -1033, -1034, -1035, -1099),
    *(-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1111, -1112),
    *(-1114, -1115, -1116, -1117, -1118, -1119, -1120, -1121, -1122, -1125, -1127, -1128),
    *(-1130, -1131, -1134, -1135, -1139, -1145, -1151, -1152, -1153, -1155, -1158),
    *(-1160, -1161, -1165, -1166, -1168, -1169, -1170, -1171, -1172, -1173, -1174, -1175),
    *(-1176, -1177, -1178, -1179, -1180, -1181, -1182, -1183, -1184, -1185, -1186, -1187),
    *(-1188, -1189, -1190, -1191, -1194, -1196, -1197, -1198, -1199),
    *(-1210, -1211, -1220, -1221, -1222, -1223, -1224, -1225),
    *(-2008, -2010, -2011, -2013, -2014, -2015, -2016, -2021, -2022, -2026, -2035, -2036),
    *(-2038, -2039, -2042, -2043),
]
BY_MESSAGE = ["-1010", "-1013", "-2010", "-2011", "-2038"]
TEXTS = [
    ("Account has insufficient balance for requested action.", "balance.insufficient"),
    ("Duplicate order sent.", "order.duplicate_id"),
    ("Unknown order sent.", "order.unknown"),
    ("Order was not canceled due to cancel restrictions.", "order.cancel_restricted"),
    ("Filter failure: PRICE_FILTER", "filter.PRICE_FILTER"),
    ("Filter failure: PERCENT_PRICE", "filter.PERCENT_PRICE"),
    ("Filter failure: PERCENT_PRICE_BY_SIDE", "filter.PERCENT_PRICE_BY_SIDE"),
    ("Filter failure: LOT_SIZE", "filter.LOT_SIZE"),
    ("Filter failure: MARKET_LOT_SIZE", "filter.MARKET_LOT_SIZE"),
    ("Filter failure: MIN_NOTIONAL", "filter.MIN_NOTIONAL"),
    ("Filter failure: NOTIONAL", "filter.NOTIONAL"),
    ("Filter failure: ICEBERG_PARTS", "filter.ICEBERG_PARTS"),
    ("Filter failure: MAX_NUM_ORDERS", "filter.MAX_NUM_ORDERS"),
    ("Filter failure: MAX_NUM_ALGO_ORDERS", "filter.MAX_NUM_ALGO_ORDERS"),
    ("Filter failure: MAX_NUM_ICEBERG_ORDERS", "filter.MAX_NUM_ICEBERG_ORDERS"),
    ("Filter failure: MAX_NUM_ORDER_LISTS", "filter.MAX_NUM_ORDER_LISTS"),
    ("Filter failure: MAX_NUM_ORDER_AMENDS", "filter.MAX_NUM_ORDER_AMENDS"),
    ("Filter failure: MAX_POSITION", "filter.MAX_POSITION"),
    ("Filter failure: MAX_ASSET", "filter.MAX_ASSET"),
    ("Filter failure: TRAILING_DELTA", "filter.TRAILING_DELTA"),
    ("Filter failure: EXCHANGE_MAX_NUM_ORDERS", "filter.EXCHANGE_MAX_NUM_ORDERS"),
    ("Filter failure: EXCHANGE_MAX_NUM_ALGO_ORDERS", "filter.EXCHANGE_MAX_NUM_ALGO_ORDERS"),
    (
        "Filter failure: EXCHANGE_MAX_NUM_ICEBERG_ORDERS",
        "filter.EXCHANGE_MAX_NUM_ICEBERG_ORDERS",
    ),
    ("Filter failure: EXCHANGE_MAX_NUM_ORDER_LISTS", "filter.EXCHANGE_MAX_NUM_ORDER_LISTS"),
    ("Filter failure: T_PLUS_SELL", "filter.other"),
    ("Market is closed.", "instrument.halted"),
    ("This order type is not possible in this trading phase.", "instrument.halted"),
    ("Limit orders require GTC for this phase.", "instrument.halted"),
    ("This action is disabled on this account.", "permission.denied"),
    ("This account may not place or cancel orders.", "permission.denied"),
    ("This symbol is not permitted for this account.", "permission.denied"),
    ("This symbol is restricted for this account.", "permission.denied"),
    ("Rest API trading is not enabled.", "permission.denied"),
    ("WebSocket API trading is not enabled.", "permission.denied"),
    ("Order would immediately match and take.", "order.would_match"),
    ("Order would trigger immediately.", "order.would_trigger"),
    ("Stop price would trigger immediately.", "order.would_trigger"),
    ("Price * QTY is zero or less.", "notional.below_minimum"),
    ("IcebergQty exceeds QTY.", "order.iceberg_too_large"),
    ("Unsupported order combination", "order.not_supported"),
    ("Cancel order is invalid. Check origClOrdId and orderId.", "order.ids_disagree"),
    ("The relationship of the prices for the orders is not correct.", "order.prices_disagree"),
    ("Iceberg orders are not supported for this symbol.", "order.not_supported"),
    ("Trailing stop orders are not supported for this symbol.", "order.not_supported"),
    ("Order cancel-replace is not supported for this symbol.", "order.not_supported"),
    ("Order amend is not supported for this symbol.", "order.not_supported"),
    ("Pegged orders are not supported for this symbol.", "order.not_supported"),
    ("Order book liquidity is less than LOT_SIZE filter minimum quantity.", "book.too_thin"),
    ("Order book liquidity is too low for this pegged order.", "book.too_thin"),
    ("Order amend (quantity increase) is not supported.", "order.amend_refused"),
    ("The requested action would change no state; rejecting.", "order.amend_refused"),
    ("Order amend (pending OPO order) is not supported.", "order.amend_refused"),
    (
        "This symbol does not allow the specified self-trade prevention mode.",
        "order.self_trade_prevention_refused",
    ),
]


@pytest.fixture
def write(adapter: BinanceAdapter, btc: Instrument) -> Call[Any]:
    return adapter.place(market_buy("BTC/USDT", "1", client_order_id="sim-0001"), btc)


@pytest.fixture
def read(adapter: BinanceAdapter, btc: Instrument) -> Call[Any]:
    ref = OrderRef(symbol=Symbol("BTC/USDT"), client_order_id=None, exchange_order_id="1")  # type: ignore[arg-type]  # an id
    return adapter.fetch_order(ref, btc)


def _failure(adapter: BinanceAdapter, call: Call[Any], answer: Answer) -> Failure:
    failure = adapter.failure(call, answer)
    assert failure is not None
    return failure


def test_the_table_has_every_documented_code_and_no_other() -> None:
    assert set(TABLE.rows) == {str(code) for code in DOCUMENTED}
    assert sorted(TABLE.texts) == sorted(BY_MESSAGE)


@pytest.mark.parametrize("code", BY_MESSAGE)
def test_what_shares_a_code_is_told_apart_by_its_text(
    adapter: BinanceAdapter, write: Call[Any], answer: MakeAnswer, code: str
) -> None:
    for text, reason in TEXTS:
        failure = _failure(adapter, write, answer({"code": int(code), "msg": text}, 400))
        assert (failure.reason, failure.outcome) == (reason, Outcome.REJECTED), text
        assert failure.is_documented


@pytest.mark.parametrize(
    ("code", "status", "outcome", "advice", "reason"),
    [
        (-1000, 400, Outcome.UNKNOWN, Advice.AGAIN, "exchange.error"),
        (-1000, 500, Outcome.UNKNOWN, Advice.AGAIN, "exchange.error"),
        (-1001, 500, Outcome.UNKNOWN, Advice.AGAIN, "exchange.disconnected"),
        (-1002, 401, Outcome.REJECTED, Advice.NEVER, "key.rejected"),
        (-1003, 429, Outcome.REJECTED, Advice.AFTER_DELAY, "limit.weight"),
        (-1006, 500, Outcome.UNKNOWN, Advice.AGAIN, "exchange.no_answer"),
        (-1007, 504, Outcome.UNKNOWN, Advice.AGAIN, "exchange.no_answer"),
        (-1007, 400, Outcome.UNKNOWN, Advice.AGAIN, "exchange.no_answer"),
        (-1008, 503, Outcome.UNKNOWN, Advice.AFTER_DELAY, "exchange.overloaded"),
        (-1015, 429, Outcome.REJECTED, Advice.AFTER_DELAY, "limit.orders"),
        (-1016, 503, Outcome.UNKNOWN, Advice.AFTER_DELAY, "exchange.maintenance"),
        (-1021, 400, Outcome.REJECTED, Advice.AFTER_CLOCK_SYNC, "clock.outside_window"),
        (-1022, 400, Outcome.REJECTED, Advice.NEVER, "signature.invalid"),
        (-1102, 400, Outcome.REJECTED, Advice.NEVER, "request.invalid"),
        (-1111, 400, Outcome.REJECTED, Advice.NEVER, "order.too_precise"),
        (-1121, 400, Outcome.REJECTED, Advice.NEVER, "instrument.unknown"),
        (-2010, 400, Outcome.REJECTED, Advice.NEVER, "order.rejected"),
        (-2013, 400, Outcome.REJECTED, Advice.NEVER, "order.unknown"),
        (-2014, 401, Outcome.REJECTED, Advice.NEVER, "key.rejected"),
        (-2015, 401, Outcome.REJECTED, Advice.NEVER, "key.rejected"),
        (-2021, 409, Outcome.UNKNOWN, Advice.NEVER, "replace.half_done"),
        (-2026, 400, Outcome.REJECTED, Advice.NEVER, "order.archived"),
        (-2039, 400, Outcome.REJECTED, Advice.NEVER, "order.ids_disagree"),
    ],
)
def test_codes_say_what_became_of_a_placement(
    adapter: BinanceAdapter,
    write: Call[Any],
    answer: MakeAnswer,
    code: int,
    status: int,
    outcome: Outcome,
    advice: Advice,
    reason: str,
) -> None:
    failure = _failure(adapter, write, answer({"code": code, "msg": "words"}, status))
    assert (failure.outcome, failure.advice, failure.reason) == (outcome, advice, reason)
    assert (failure.code, failure.text) == (str(code), "words")


def test_nothing_that_was_refused_is_placed_again_but_for_limits_clock_and_shutdown() -> None:
    again = {
        row.reason
        for row in (*TABLE.rows.values(), *(row for _, row in TABLE.texts["-2010"]))
        if row.outcome is Outcome.REJECTED and row.advice is not Advice.NEVER
    }
    assert again == {
        "limit.weight",
        "limit.orders",
        "limit.connections",
        "clock.outside_window",
        "exchange.maintenance",
    }


def test_any_500_leaves_a_placement_unknown_whatever_its_code_says(
    adapter: BinanceAdapter, write: Call[Any], answer: MakeAnswer
) -> None:
    for code in DOCUMENTED:
        failure = _failure(adapter, write, answer({"code": code, "msg": ""}, 503))
        assert failure.outcome is Outcome.UNKNOWN, code


def test_an_undocumented_code_leaves_a_placement_unknown_and_refuses_a_read(
    adapter: BinanceAdapter, write: Call[Any], read: Call[Any], answer: MakeAnswer
) -> None:
    reply = answer({"code": -7777, "msg": "new"}, 400)
    placed, asked = _failure(adapter, write, reply), _failure(adapter, read, reply)
    assert (placed.outcome, placed.advice, placed.is_documented) == (
        Outcome.UNKNOWN,
        Advice.NEVER,
        False,
    )
    assert asked.outcome is Outcome.REJECTED


def test_too_many_requests_says_how_long_to_wait(
    adapter: BinanceAdapter, read: Call[Any], answer: MakeAnswer
) -> None:
    reply = answer({"code": -1003, "msg": "Too much"}, 429, retry_after="17")
    failure = _failure(adapter, read, reply)
    assert (failure.retry_after_s, failure.is_ban) == (17.0, False)


@pytest.mark.parametrize(("header", "wait"), [("180", 180.0), ("soon", 120.0), ("1e9", 120.0)])
def test_a_ban_is_a_ban_and_lasts_two_minutes_at_least(
    adapter: BinanceAdapter, read: Call[Any], answer: MakeAnswer, header: str, wait: float
) -> None:
    reply = answer({"code": -1003, "msg": "Way too much"}, 418, retry_after=header)
    failure = _failure(adapter, read, reply)
    assert (failure.reason, failure.is_ban, failure.retry_after_s) == ("limit.banned", True, wait)
    assert failure.advice is Advice.AFTER_DELAY


@pytest.mark.parametrize(
    ("status", "reason", "advice", "is_ban"),
    [
        (403, "limit.firewall", Advice.AFTER_DELAY, False),
        (404, "answer.unreadable", Advice.NEVER, False),
        (401, "key.rejected", Advice.NEVER, False),
        (418, "limit.banned", Advice.AFTER_DELAY, True),
        (429, "limit.exceeded", Advice.AFTER_DELAY, False),
        (302, "answer.unreadable", Advice.NEVER, False),
        (502, "exchange.unavailable", Advice.AGAIN, False),
        (503, "exchange.unavailable", Advice.AGAIN, False),
    ],
)
def test_a_page_in_html_leaves_a_placement_unknown(
    adapter: BinanceAdapter,
    write: Call[Any],
    read: Call[Any],
    answer: MakeAnswer,
    status: int,
    reason: str,
    advice: Advice,
    *,
    is_ban: bool,
) -> None:
    page = answer("<html>\x1b[31mblocked</html>", status)
    placed, asked = _failure(adapter, write, page), _failure(adapter, read, page)
    assert placed.outcome is Outcome.UNKNOWN
    assert (placed.reason, placed.advice, placed.is_ban) == (reason, advice, is_ban)
    assert "\x1b" not in placed.text
    assert asked.outcome is (Outcome.UNKNOWN if status >= 500 else Outcome.REJECTED)


@pytest.mark.parametrize("body", ["", "<html>", '{"orderId":', "[1,2", "\xff"])
def test_a_success_that_cannot_be_read_leaves_a_placement_unknown(
    adapter: BinanceAdapter, write: Call[Any], answer: MakeAnswer, body: str
) -> None:
    assert _failure(adapter, write, answer(body)).outcome is Outcome.UNKNOWN


def test_an_error_code_under_a_status_of_success_is_still_an_error(
    adapter: BinanceAdapter, write: Call[Any], read: Call[Any], answer: MakeAnswer
) -> None:
    reply = answer({"code": -2013, "msg": "Order does not exist."})
    assert _failure(adapter, write, reply).reason == "order.unknown"
    assert _failure(adapter, read, reply).reason == "order.unknown"


def test_order_unknown_is_a_failure_for_every_call_but_cancel_all(
    adapter: BinanceAdapter, btc: Instrument, read: Call[Any], answer: MakeAnswer
) -> None:
    reply = answer({"code": -2011, "msg": "Unknown order sent."}, 400)
    ref = OrderRef(symbol=btc.symbol, exchange_order_id="1")  # type: ignore[arg-type]  # an id
    assert _failure(adapter, adapter.cancel(ref, btc), reply).reason == "order.unknown"
    assert _failure(adapter, read, reply).reason == "order.unknown"


def test_the_headers_tell_what_is_used(adapter: BinanceAdapter, answer: MakeAnswer) -> None:
    reply = answer(
        "{}",
        x_mbx_used_weight="22",
        x_mbx_used_weight_1m="22",
        x_mbx_order_count_10s="3",
        x_mbx_order_count_1d="41",
        x_mbx_uuid="5",
        date="x",
    )
    assert list(adapter.usage(reply)) == [
        BudgetUsage(budget="weight", used=22),
        BudgetUsage(budget="orders-10s", used=3),
        BudgetUsage(budget="orders-1d", used=41),
    ]


@pytest.mark.parametrize("value", ["", "-1", "1.5", "9" * 30, "٣", "NaN"])
def test_a_malformed_header_tells_nothing(
    adapter: BinanceAdapter, answer: MakeAnswer, value: str
) -> None:
    assert list(adapter.usage(answer("{}", x_mbx_used_weight_1m=value))) == []


GARBLED = [
    *("", "<html>ok</html>", "null", "[]", "1", "{}", '"yes"', '{"error":[', '{"success":tru'),
    *('{"orderId":', '{"error":5,"result":[],"success":1,"orderId":[],"id":7,"results":4}'),
    *("[" * 20_000, '{"id":"' + "x" * 1_000_000),
]
"""Under a status that says success."""


def _is_proof(adapter: BinanceAdapter, call: Call[Any], body: str) -> bool:
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
    adapter: BinanceAdapter, btc: Instrument, body: str
) -> None:
    ref = OrderRef(symbol=btc.symbol, exchange_order_id=ExchangeOrderId("1"))
    placed = adapter.place(limit_buy(btc.symbol, "1", "10", client_order_id="sim-0001"), btc)
    assert not _is_proof(adapter, placed, body)
    assert not _is_proof(adapter, adapter.cancel(ref, btc), body)
