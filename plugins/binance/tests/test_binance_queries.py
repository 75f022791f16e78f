"""Questions about orders, fills and the account, paged over Binance's bounds."""

import itertools
from collections.abc import Callable, Generator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from venuekit.model import (
    Balance,
    BudgetUsage,
    ClientOrderId,
    ExchangeOrderId,
    Fee,
    FeeRates,
    Instrument,
    Liquidity,
    OrderPhase,
    OrderRef,
    Side,
    Symbol,
)
from venuekit.plugin import Answer, Call
from venuekit_binance.adapter import BinanceAdapter

MakeAnswer = Callable[..., Answer]
Serve = Callable[[str, Mapping[str, str]], Any]
SYMBOL = Symbol("BTC/USDT")
DAY_MS = 86_400_000
NS = 1_000_000
START = 1784100000000

ORDER = (
    '{"symbol":"BTCUSDT","orderId":7001,"orderListId":-1,"clientOrderId":"sim-0001",'
    '"price":"64000.02000000","origQty":"0.02000000","executedQty":"0.01000000",'
    '"cummulativeQuoteQty":"640.00020000","status":"PARTIALLY_FILLED","timeInForce":"GTC",'
    '"type":"LIMIT","side":"BUY","stopPrice":"0.00000000","icebergQty":"0.00000000",'
    '"time":1784100001000,"updateTime":1784100001500,"isWorking":true,'
    '"workingTime":1784100001000,"origQuoteOrderQty":"0.00000000",'
    '"selfTradePreventionMode":"EXPIRE_MAKER"}'
)


def _order_row(order_id: int, changed_ms: int) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "orderId": order_id,
        "clientOrderId": f"sim-{order_id}",
        "price": "1",
        "origQty": "1",
        "executedQty": "0",
        "cummulativeQuoteQty": "0",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "time": changed_ms,
        "updateTime": changed_ms,
    }


def _trade_row(trade_id: int, time_ms: int, order_id: int = 7001) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": trade_id,
        "orderId": order_id,
        "orderListId": -1,
        "price": "64000.02000000",
        "qty": "0.01000000",
        "quoteQty": "640.00020000",
        "commission": "0.00001000",
        "commissionAsset": "BTC",
        "time": time_ms,
        "isBuyer": True,
        "isMaker": False,
        "isBestMatch": True,
    }


def _run(steps: Any, serve: Serve, answer: MakeAnswer) -> tuple[Any, list[dict[str, str]]]:
    """Answer the calls of a generator, or one call; give its result and what was asked."""
    asked: list[dict[str, str]] = []

    def reply(call: Call[Any]) -> Any:
        assert not call.kind.is_write
        query = dict(parse_qsl(call.request.query))
        asked.append(query)
        return call.read(answer(serve(call.request.path.removeprefix("/api/v3/"), query)))

    if not isinstance(steps, Generator):
        return reply(steps), asked
    try:
        call = next(steps)
        while True:
            call = steps.send(reply(call))
    except StopIteration as end:
        return end.value, asked


class Exchange:
    """Answers as Binance documents: oldest first, bounds inclusive, 1000 rows, 24 hours."""

    def __init__(self, rows: list[dict[str, Any]], time_of: str, now_ms: int = START) -> None:
        self.rows = rows
        self.time_of = time_of
        self.now_ms = now_ms

    def __call__(self, endpoint: str, query: Mapping[str, str]) -> Any:
        if endpoint == "time":
            return {"serverTime": self.now_ms}
        if endpoint == "order":
            return ORDER
        names = set(query) - {"symbol", "limit"}
        if endpoint == "myTrades":
            assert names in (
                set(),
                {"orderId"},
                {"startTime"},
                {"endTime"},
                {"fromId"},
                {"startTime", "endTime"},
                {"orderId", "fromId"},
            )
        start, end = int(query.get("startTime", 0)), int(query.get("endTime", 10**15))
        if {"startTime", "endTime"} <= names:
            assert 0 <= end - start < DAY_MS
        limit = int(query["limit"])
        assert 1 <= limit <= 1000
        found = [
            row
            for row in self.rows
            if start <= row[self.time_of] <= end
            and row["id" if "id" in row else "orderId"] >= int(query.get("fromId", 0))
            and str(row["orderId"]) == query.get("orderId", str(row["orderId"]))
        ]
        return found[:limit] if {"startTime", "fromId"} & names else found[-limit:]


def test_an_order_is_asked_for_by_either_id(adapter: BinanceAdapter, btc: Instrument) -> None:
    ours = OrderRef(symbol=SYMBOL, client_order_id=ClientOrderId("sim-0001"))
    both = OrderRef(
        symbol=SYMBOL,
        client_order_id=ClientOrderId("sim-0001"),
        exchange_order_id=ExchangeOrderId("7001"),
    )
    call = adapter.fetch_order(ours, btc)
    assert (call.request.path, call.costs) == ("/api/v3/order", {"weight": 4, "raw": 1})
    assert call.request.query == "symbol=BTCUSDT&origClientOrderId=sim-0001"
    assert adapter.fetch_order(both, btc).request.query == "symbol=BTCUSDT&orderId=7001"


def test_an_order_is_read_with_creation_and_last_change(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    ref = OrderRef(symbol=SYMBOL, exchange_order_id=ExchangeOrderId("7001"))
    order = adapter.fetch_order(ref, btc).read(answer(ORDER))
    assert order.phase is OrderPhase.PARTIALLY_FILLED
    assert (order.created_ns, order.updated_ns) == (
        1784100001000_000_000,
        1784100001500_000_000,
    )
    assert (order.stop_price, order.quote_quantity, order.fills) == (None, None, ())


def test_an_unknown_quote_amount_of_an_old_order_is_absent(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    ref = OrderRef(symbol=SYMBOL, exchange_order_id=ExchangeOrderId("7001"))
    old = ORDER.replace('"640.00020000"', '"-1.00000000"')
    assert adapter.fetch_order(ref, btc).read(answer(old)).filled_quote is None


def test_open_orders_of_one_instrument_cost_less(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    one, every = adapter.fetch_open_orders(btc), adapter.fetch_open_orders(None)
    assert (one.request.query, one.costs["weight"]) == ("symbol=BTCUSDT", 6)
    assert (every.request.query, every.costs["weight"]) == ("", 80)
    assert [o.exchange_order_id for o in every.read(answer(f"[{ORDER}]"))] == ["7001"]


def test_an_order_of_an_instrument_that_is_not_listed_is_named(
    adapter: BinanceAdapter, answer: MakeAnswer
) -> None:
    foreign = ORDER.replace("BTCUSDT", "NEWUSDT")
    with pytest.raises(ValueError, match=r"'NEWUSDT' is not among the 2 instruments"):
        adapter.fetch_open_orders(None).read(answer(f"[{foreign}]"))


def test_the_newest_orders_take_one_request(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    exchange = Exchange([_order_row(i, START + i) for i in range(5)], "updateTime")
    found, asked = _run(
        adapter.fetch_orders(btc, since_ns=None, until_ns=None, limit=3), exchange, answer
    )
    assert asked == [{"symbol": "BTCUSDT", "limit": "3"}]
    assert [o.exchange_order_id for o in found] == ["2", "3", "4"]


def test_a_long_span_of_orders_is_asked_for_by_days(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    rows = [_order_row(i, START + i * DAY_MS // 2) for i in range(6)]
    exchange = Exchange(rows, "updateTime", now_ms=START + 3 * DAY_MS)
    found, asked = _run(
        adapter.fetch_orders(btc, since_ns=START * NS, until_ns=None, limit=100),
        exchange,
        answer,
    )
    assert [o.exchange_order_id for o in found] == ["0", "1", "2", "3", "4", "5"]
    spans = [(int(q["startTime"]), int(q["endTime"])) for q in asked[1:]]
    assert spans[0][0] == START
    assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(spans))
    assert spans[-1][1] == START + 3 * DAY_MS


def test_a_full_page_of_orders_is_asked_for_again_in_halves(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    rows = [_order_row(i, START + i) for i in range(2500)]
    exchange = Exchange(rows, "updateTime")
    found, _ = _run(
        adapter.fetch_orders(btc, since_ns=START * NS, until_ns=(START + 2499) * NS, limit=5000),
        exchange,
        answer,
    )
    assert [int(o.exchange_order_id) for o in found] == list(range(2500))


def test_more_orders_in_a_millisecond_than_can_be_listed_is_an_error_and_not_a_gap(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    exchange = Exchange([_order_row(i, START) for i in range(1000)], "updateTime")
    with pytest.raises(ValueError, match="millisecond"):
        _run(
            adapter.fetch_orders(btc, since_ns=START * NS, until_ns=START * NS, limit=5000),
            exchange,
            answer,
        )


@pytest.mark.parametrize(
    ("since_ns", "until_ns", "limit"), [(None, None, 1001), (None, None, 0), (2, 1, 5)]
)
def test_what_cannot_be_asked_is_refused(
    adapter: BinanceAdapter,
    btc: Instrument,
    since_ns: int | None,
    until_ns: int | None,
    limit: int,
) -> None:
    with pytest.raises(ValueError, match=r"limit|since"):
        adapter.fetch_orders(btc, since_ns=since_ns, until_ns=until_ns, limit=limit)
    with pytest.raises(ValueError, match=r"limit|since"):
        adapter.fetch_fills(btc, order=None, since_ns=since_ns, until_ns=until_ns, limit=limit)


def test_a_fill_is_read_with_its_fee(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    exchange = Exchange([_trade_row(500004, START)], "time")
    (fill,), asked = _run(
        adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=500),
        exchange,
        answer,
    )
    assert asked == [{"symbol": "BTCUSDT", "limit": "500"}]
    assert (fill.trade_id, fill.exchange_order_id, fill.side) == ("500004", "7001", Side.BUY)
    assert (str(fill.price), str(fill.quantity)) == ("64000.02000000", "0.01000000")
    assert fill.fee == Fee(Decimal("0.00001"), "BTC")
    assert fill.liquidity is Liquidity.TAKER
    assert fill.time_ns == START * NS


def test_fills_of_a_span_are_found_by_days_and_followed_by_id(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    first = START + 2 * DAY_MS
    rows = [_trade_row(10 + i, first + i) for i in range(2500)]
    exchange = Exchange(rows, "time", now_ms=first + 10 * DAY_MS)
    found, asked = _run(
        adapter.fetch_fills(btc, order=None, since_ns=START * NS, until_ns=None, limit=10_000),
        exchange,
        answer,
    )
    assert [int(f.trade_id) for f in found] == list(range(10, 2510))
    assert len(asked) == 1 + 3 + 2  # the time, three days, two pages more


def test_fills_end_where_the_span_ends_and_at_the_limit(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    exchange = Exchange([_trade_row(i, START + i) for i in range(3000)], "time")

    def ids(until_ms: int, limit: int) -> list[int]:
        steps = adapter.fetch_fills(
            btc, order=None, since_ns=START * NS, until_ns=until_ms * NS, limit=limit
        )
        return [int(f.trade_id) for f in _run(steps, exchange, answer)[0]]

    assert ids(START + 1500, 5000) == list(range(1501))
    assert ids(START + 2999, 1200) == list(range(1200))
    assert ids(START - 0, 5) == [0]


def test_both_rows_of_a_self_trade_are_kept_over_a_page_boundary(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    rows = [_trade_row(i, START + i) for i in range(999)]
    rows += [_trade_row(999, START + 999, 1), _trade_row(999, START + 999, 2)]
    found, _ = _run(
        adapter.fetch_fills(
            btc, order=None, since_ns=START * NS, until_ns=(START + 5000) * NS, limit=5000
        ),
        Exchange(rows, "time"),
        answer,
    )
    assert [f.exchange_order_id for f in found[-2:]] == ["1", "2"]
    assert len(found) == 1001


def test_fills_of_an_order_known_by_our_id_begin_with_its_own_id(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    rows = [_trade_row(i, START + i, 7001 if i % 2 else 9) for i in range(2400)]
    ref = OrderRef(symbol=SYMBOL, client_order_id=ClientOrderId("sim-0001"))
    found, asked = _run(
        adapter.fetch_fills(btc, order=ref, since_ns=None, until_ns=None, limit=2000),
        Exchange(rows, "time"),
        answer,
    )
    assert asked[0] == {"symbol": "BTCUSDT", "origClientOrderId": "sim-0001"}
    assert len(found) == 1200
    assert {f.exchange_order_id for f in found} == {"7001"}


def test_fills_of_one_order_cost_a_quarter(adapter: BinanceAdapter, btc: Instrument) -> None:
    ref = OrderRef(symbol=SYMBOL, exchange_order_id=ExchangeOrderId("7001"))
    steps = adapter.fetch_fills(btc, order=ref, since_ns=None, until_ns=None, limit=10)
    assert isinstance(steps, Generator)
    call = next(steps)
    assert call.costs["weight"] == 5
    assert call.request.query == "symbol=BTCUSDT&orderId=7001&fromId=0&limit=1000"


# The account

ACCOUNT = (
    '{"makerCommission":10,"takerCommission":10,"canTrade":true,"updateTime":1784100001000,'
    '"accountType":"SPOT","balances":[{"asset":"BTC","free":"1.00999000","locked":"0.00000000"},'
    '{"asset":"BNB","free":"0.00000000","locked":"0.00000000"},'
    '{"asset":"USDT","free":"98719.99960000","locked":"640.00020000"}],"permissions":["SPOT"]}'
)
RATES = '{"maker":"0.001","taker":"0.002","buyer":"0.0","seller":"0.0"}'
COMMISSION = (
    f'{{"symbol":"BTCUSDT","standardCommission":{RATES},"specialCommission":{RATES},'
    '"taxCommission":{"maker":"0.0","taker":"0.0","buyer":"0.0001","seller":"0.0003"},'
    '"discount":{"enabledForAccount":true,"enabledForSymbol":true,"discountAsset":"BNB",'
    '"discount":"0.75000000"}}'
)


def test_balances_that_are_zero_are_left_out(adapter: BinanceAdapter, answer: MakeAnswer) -> None:
    call = adapter.fetch_balances()
    assert (call.request.path, call.request.query, call.costs["weight"]) == (
        "/api/v3/account",
        "omitZeroBalances=true",
        20,
    )
    bitcoin, dollars = call.read(answer(ACCOUNT))
    assert bitcoin == Balance(
        asset="BTC",
        free=Decimal("1.00999"),
        locked=Decimal(0),
        updated_ns=1784100001000_000_000,
    )
    assert (str(dollars.free), str(dollars.locked)) == ("98719.99960000", "640.00020000")


def test_fees_add_up_standard_special_and_tax(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    call = adapter.fetch_fees(btc)
    assert (call.request.path, call.request.query) == (
        "/api/v3/account/commission",
        "symbol=BTCUSDT",
    )
    assert call.read(answer(COMMISSION)) == FeeRates(
        symbol=SYMBOL,
        maker=Decimal("0.0023"),
        taker=Decimal("0.0043"),
        discount_asset="BNB",
        discount_factor=Decimal("0.75"),
    )
    off = call.read(
        answer(COMMISSION.replace('"enabledForAccount":true', '"enabledForAccount":false'))
    )
    assert (off.discount_asset, off.discount_factor) == (None, None)


def test_order_counts_are_told_by_budget(adapter: BinanceAdapter, answer: MakeAnswer) -> None:
    call = adapter.fetch_order_usage()
    assert (call.request.path, call.costs["weight"]) == ("/api/v3/rateLimit/order", 40)
    reply = [
        {
            "rateLimitType": "ORDERS",
            "interval": "SECOND",
            "intervalNum": 10,
            "limit": 100,
            "count": 3,
        },
        {
            "rateLimitType": "ORDERS",
            "interval": "DAY",
            "intervalNum": 1,
            "limit": 200000,
            "count": 41,
        },
    ]
    assert list(call.read(answer(reply))) == [
        BudgetUsage(budget="orders-10s", used=3, capacity=100, interval_s=10),
        BudgetUsage(budget="orders-1d", used=41, capacity=200000, interval_s=86400),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"free":"1.00999000"', '"free":"NaN"'),
        ('"free":"1.00999000"', '"free":1.00999'),
        ('"free":"1.00999000"', '"free":"1","free":"2"'),
        ('"updateTime":1784100001000,', ""),
        ('"permissions":["SPOT"]}', ""),
    ],
)
def test_hostile_balances_are_refused(
    adapter: BinanceAdapter, answer: MakeAnswer, old: str, new: str
) -> None:
    assert old in ACCOUNT
    with pytest.raises(ValueError, match=r"."):
        adapter.fetch_balances().read(answer(ACCOUNT.replace(old, new)))
