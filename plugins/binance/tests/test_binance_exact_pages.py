"""Pages at their edges: full ones, shared rows, bounds to the millisecond, the first trade ever."""

from collections.abc import Callable, Generator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from venuekit.model import ExchangeOrderId, Instrument, OrderRef, Symbol
from venuekit.plugin import Answer, Call
from venuekit_binance.adapter import BinanceAdapter

MakeAnswer = Callable[..., Answer]
Serve = Callable[[str, Mapping[str, str]], Any]
DAY_MS = 86_400_000
MINUTE_MS = 60_000
NS = 1_000_000
START = 1784100000000
MANY = 20
"""Requests; more of them are taken for a search without an end."""


def _run(steps: Any, serve: Serve, answer: MakeAnswer) -> tuple[Any, list[dict[str, str]]]:
    """Answer the calls of a generator, or one call; give its result and what was asked."""
    asked: list[dict[str, str]] = []

    def reply(call: Call[Any]) -> Any:
        query = dict(parse_qsl(call.request.query))
        asked.append(query)
        assert len(asked) <= MANY
        return call.read(answer(serve(call.request.path.removeprefix("/api/v3/"), query)))

    if not isinstance(steps, Generator):
        return reply(steps), asked
    try:
        call = next(steps)
        while True:
            call = steps.send(reply(call))
    except StopIteration as end:
        return end.value, asked


def _bounds(query: Mapping[str, str]) -> tuple[int, int, int]:
    return (
        int(query.get("startTime", 0)),
        int(query.get("endTime", 10**15)),
        int(query.get("fromId", 0)),
    )


# Trades


def _trade(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "price": "1",
        "qty": "1",
        "time": START + number,
        "isBuyerMaker": True,
    }


def _aggregate(number: int, time_ms: int | None = None) -> dict[str, Any]:
    return {
        "a": number,
        "p": "1",
        "q": "1",
        "f": number,
        "l": number,
        "T": START + number if time_ms is None else time_ms,
        "m": False,
    }


class Tape:
    """Aggregate trades as Binance gives them: oldest first, bounds inclusive, 1000 rows."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def __call__(self, endpoint: str, query: Mapping[str, str]) -> Any:
        assert endpoint == "aggTrades"
        start, end, first = _bounds(query)
        limit = int(query["limit"])
        assert 1 <= limit <= 1000
        found = [r for r in self.rows if start <= r["T"] <= end and r["a"] >= first]
        return found[:limit] if {"startTime", "fromId"} & set(query) else found[-limit:]


def _ids(trades: Any) -> list[int]:
    return [int(trade.trade_id) for trade in trades]


def test_trades_end_at_the_first_trade_ever(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    steps = adapter.fetch_trades(btc, limit=5)
    found, asked = _run(steps, lambda *_: [_trade(0), _trade(1)], answer)
    assert (_ids(found), len(asked)) == ([0, 1], 1)


def test_trades_are_followed_back_to_the_first_trade_ever(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    def serve(endpoint: str, query: Mapping[str, str]) -> Any:
        limit = int(query["limit"])
        first = 1 if endpoint == "trades" else int(query["fromId"])
        return [_trade(number) for number in range(first, first + min(limit, 4))]

    found, asked = _run(adapter.fetch_trades(btc, limit=10), serve, answer)
    assert _ids(found) == [0, 1, 2, 3, 4]
    assert asked[1] == {"symbol": "BTCUSDT", "limit": "1", "fromId": "0"}


def test_a_trade_that_two_pages_share_is_given_once(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    def serve(endpoint: str, query: Mapping[str, str]) -> Any:
        first = 10 if endpoint == "trades" else int(query["fromId"])
        return [_trade(number) for number in range(first, 12)]

    found, _ = _run(adapter.fetch_trades(btc, limit=8), serve, answer)
    assert _ids(found) == [4, 5, 6, 7, 8, 9, 10, 11]


def test_as_many_trades_as_were_wanted_take_one_request(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    rows = [_trade(number) for number in range(100, 1100)]
    found, asked = _run(adapter.fetch_trades(btc, limit=1000), lambda *_: rows, answer)
    assert (len(found), asked) == (1000, [{"symbol": "BTCUSDT", "limit": "1000"}])


def test_an_exchange_that_has_no_earlier_trades_is_asked_no_further(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    def serve(endpoint: str, _: Mapping[str, str]) -> Any:
        return [_trade(50)] if endpoint == "trades" else []

    found, asked = _run(adapter.fetch_trades(btc, limit=5), serve, answer)
    assert (_ids(found), len(asked)) == ([50], 2)


def test_the_newest_aggregate_trades_take_one_request_if_they_are_enough(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    tape = Tape([_aggregate(number) for number in range(3000)])
    steps = adapter.fetch_aggregate_trades(btc, since_ns=None, until_ns=None, limit=1000)
    found, asked = _run(steps, tape, answer)
    assert _ids(found) == list(range(2000, 3000))
    assert asked == [{"symbol": "BTCUSDT", "limit": "1000"}]


def test_the_newest_aggregate_trades_are_followed_back_to_the_first_one_ever(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    tape = Tape([_aggregate(number) for number in range(1500)])
    steps = adapter.fetch_aggregate_trades(btc, since_ns=None, until_ns=None, limit=9999)
    found, asked = _run(steps, tape, answer)
    assert _ids(found) == list(range(1500))
    assert [(q.get("fromId"), q["limit"]) for q in asked] == [(None, "1000"), ("0", "500")]


def test_an_aggregate_trade_that_two_pages_share_is_given_once(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    def serve(_: str, query: Mapping[str, str]) -> Any:
        first = int(query.get("fromId", 10))
        return [_aggregate(number) for number in range(first, 12)]

    steps = adapter.fetch_aggregate_trades(btc, since_ns=None, until_ns=None, limit=100)
    assert _ids(_run(steps, serve, answer)[0]) == list(range(12))


def test_the_first_aggregate_trade_ever_is_no_invalid_row(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    invalid = _aggregate(1) | {"f": -1, "l": -1}
    steps = adapter.fetch_aggregate_trades(btc, since_ns=START * NS, until_ns=None, limit=10)
    found, asked = _run(steps, Tape([_aggregate(0), invalid, _aggregate(2)]), answer)
    assert (_ids(found), len(asked)) == ([0, 2], 1)


def test_aggregate_trades_without_an_end_are_followed_to_the_newest(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    tape = Tape([_aggregate(number) for number in range(2500)])
    steps = adapter.fetch_aggregate_trades(btc, since_ns=START * NS, until_ns=None, limit=9999)
    found, asked = _run(steps, tape, answer)
    assert _ids(found) == list(range(2500))
    assert [q.get("fromId") for q in asked] == [None, "1000", "2000"]


@pytest.mark.parametrize("limit", [999, 1000])
def test_a_page_that_holds_all_that_was_wanted_is_the_last(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer, limit: int
) -> None:
    tape = Tape([_aggregate(number) for number in range(2500)])
    steps = adapter.fetch_aggregate_trades(btc, since_ns=START * NS, until_ns=None, limit=limit)
    found, asked = _run(steps, tape, answer)
    assert (_ids(found), len(asked)) == (list(range(limit)), 1)


def test_trades_of_the_last_millisecond_are_followed_onto_the_next_page(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    last = START + 999
    rows = [_aggregate(number) for number in range(1000)]
    rows += [_aggregate(1000, last), _aggregate(1001, last), _aggregate(1002, last + 1)]
    steps = adapter.fetch_aggregate_trades(btc, since_ns=START * NS, until_ns=last * NS, limit=5000)
    assert _ids(_run(steps, Tape(rows), answer)[0]) == list(range(1002))


def test_a_page_that_passes_the_end_is_the_last(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    tape = Tape([_aggregate(number) for number in range(4000)])
    steps = adapter.fetch_aggregate_trades(
        btc, since_ns=START * NS, until_ns=(START + 1500) * NS, limit=5000
    )
    found, asked = _run(steps, tape, answer)
    assert (_ids(found), len(asked)) == (list(range(1501)), 2)


def test_bounds_between_milliseconds_are_rounded_into_the_span(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    since, until = START * NS + 1, (START + MINUTE_MS) * NS + 999_999
    bounds = {"startTime": str(START + 1), "endTime": str(START + MINUTE_MS)}
    trades = adapter.fetch_aggregate_trades(btc, since_ns=since, until_ns=until, limit=5)
    candles = adapter.fetch_candles(
        btc, "1m", since_ns=since, until_ns=until, limit=5, now_ns=until
    )
    orders = adapter.fetch_orders(btc, since_ns=since, until_ns=until, limit=5)
    fills = adapter.fetch_fills(btc, order=None, since_ns=since, until_ns=until, limit=5)
    for steps in (trades, candles, orders, fills):
        found, (asked,) = _run(steps, lambda *_: [], answer)
        assert list(found) == []
        assert {name: asked[name] for name in bounds} == bounds


def test_a_span_of_one_moment_is_a_span(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    moment = (START + 3) * NS
    tape = Tape([_aggregate(number) for number in range(6)])
    steps = adapter.fetch_aggregate_trades(btc, since_ns=moment, until_ns=moment, limit=5)
    assert _ids(_run(steps, tape, answer)[0]) == [3]


# Candles


def _candles(count: int) -> Serve:
    def serve(_: str, query: Mapping[str, str]) -> Any:
        low, high, _id = _bounds(query)
        opens = [t for i in range(count) if low <= (t := START + i * MINUTE_MS) <= high]
        limit = int(query["limit"])
        assert 1 <= limit <= 1000
        chosen = opens[:limit] if "startTime" in query else opens[-limit:]
        return [[t, *["1"] * 5, t + MINUTE_MS - 1, "1", 1, "1", "1", "0"] for t in chosen]

    return serve


@pytest.mark.parametrize("since_ns", [None, START * NS])
@pytest.mark.parametrize(("limit", "requests"), [(1000, 1), (1001, 2), (2000, 2)])
def test_candles_take_no_request_more_than_their_number_needs(
    adapter: BinanceAdapter,
    btc: Instrument,
    answer: MakeAnswer,
    since_ns: int | None,
    limit: int,
    requests: int,
) -> None:
    steps = adapter.fetch_candles(
        btc, "1m", since_ns=since_ns, until_ns=None, limit=limit, now_ns=10**19
    )
    found, asked = _run(steps, _candles(5000), answer)
    first = 5000 - limit if since_ns is None else 0
    assert [c.open_time_ns for c in found] == [
        (START + i * MINUTE_MS) * NS for i in range(first, first + limit)
    ]
    assert len(asked) == requests


@pytest.mark.parametrize("since_ns", [None, START * NS])
def test_candles_end_with_a_page_that_is_not_full(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer, since_ns: int | None
) -> None:
    steps = adapter.fetch_candles(
        btc, "1m", since_ns=since_ns, until_ns=None, limit=5000, now_ns=10**19
    )
    found, asked = _run(steps, _candles(1500), answer)
    assert (len(found), len(asked)) == (1500, 2)


def test_tickers_of_names_beyond_ascii_are_asked_for_in_those_names(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    call = adapter.fetch_tickers([adapter.instruments["这是测试币/456"], btc])
    assert isinstance(call, Call)
    assert dict(parse_qsl(call.request.query)) == {"symbols": '["这是测试币456","BTCUSDT"]'}


def test_tickers_of_no_instrument_are_not_asked_for(adapter: BinanceAdapter) -> None:
    with pytest.raises(ValueError, match="no instruments"):
        adapter.fetch_tickers([])


# Orders and fills


def _order(number: int, changed_ms: int) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "orderId": number,
        "clientOrderId": f"sim-{number}",
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


def _fill(number: int, time_ms: int | None = None, order_id: int = 7001) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": number,
        "orderId": order_id,
        "price": "64000.02",
        "qty": "0.01",
        "commission": "0.00001",
        "commissionAsset": "BTC",
        "time": START + number if time_ms is None else time_ms,
        "isBuyer": False,
        "isMaker": True,
    }


class History:
    """Orders or fills as Binance gives them: oldest first, bounds inclusive, 1000 rows."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def __call__(self, endpoint: str, query: Mapping[str, str]) -> Any:
        assert endpoint in {"allOrders", "myTrades"}
        start, end, first = _bounds(query)
        limit = int(query["limit"])
        assert 1 <= limit <= 1000
        found = [
            row
            for row in self.rows
            if start <= row["time"] <= end
            and row.get("id", 0) >= first
            and str(row["orderId"]) == query.get("orderId", str(row["orderId"]))
        ]
        return found[:limit] if {"startTime", "fromId"} & set(query) else found[-limit:]


REF = OrderRef(symbol=Symbol("BTC/USDT"), exchange_order_id=ExchangeOrderId("7001"))


def test_days_beyond_the_orders_that_were_wanted_are_not_asked_for(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    history = History([_order(number, START + number * DAY_MS) for number in range(6)])
    steps = adapter.fetch_orders(
        btc, since_ns=START * NS, until_ns=(START + 6 * DAY_MS) * NS, limit=2
    )
    found, asked = _run(steps, history, answer)
    assert [order.exchange_order_id for order in found] == ["0", "1"]
    assert len(asked) == 2


def test_a_thousand_of_the_newest_can_be_asked_for_at_once(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    orders = adapter.fetch_orders(btc, since_ns=None, until_ns=None, limit=1000)
    fills = adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=1000)
    for steps in (orders, fills):
        assert _run(steps, lambda *_: [], answer)[1] == [{"symbol": "BTCUSDT", "limit": "1000"}]


def test_more_than_a_thousand_need_a_beginning_unless_they_are_of_one_order(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    with pytest.raises(ValueError, match="say since_ns for more"):
        adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=1001)
    with pytest.raises(ValueError, match="say since_ns for more"):
        adapter.fetch_orders(btc, since_ns=None, until_ns=None, limit=1001)
    history = History([_fill(number) for number in range(1200)])
    steps = adapter.fetch_fills(btc, order=REF, since_ns=None, until_ns=None, limit=1001)
    assert _ids(_run(steps, history, answer)[0]) == list(range(1001))


def test_fills_of_one_order_are_cut_to_the_span_both_ends_included(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    history = History([_fill(number) for number in range(10)])

    def ids(since_ms: int | None, until_ms: int | None) -> list[int]:
        steps = adapter.fetch_fills(
            btc,
            order=REF,
            since_ns=None if since_ms is None else since_ms * NS,
            until_ns=None if until_ms is None else until_ms * NS,
            limit=100,
        )
        return _ids(_run(steps, history, answer)[0])

    assert ids(START + 3, START + 6) == [3, 4, 5, 6]
    assert ids(None, START + 2) == [0, 1, 2]
    assert ids(START + 8, None) == [8, 9]


@pytest.mark.parametrize(("count", "requests"), [(999, 1), (1000, 2), (1500, 2), (1999, 3)])
def test_a_full_page_of_an_orders_fills_is_followed_and_another_is_not(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer, count: int, requests: int
) -> None:
    history = History([_fill(number) for number in range(count)])
    steps = adapter.fetch_fills(btc, order=REF, since_ns=None, until_ns=None, limit=5000)
    found, asked = _run(steps, history, answer)
    assert (_ids(found), len(asked)) == (list(range(count)), requests)


def test_fills_of_the_last_millisecond_are_followed_onto_the_next_page(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    last = START + 999
    rows = [_fill(number) for number in range(1000)]
    rows += [_fill(1000, last), _fill(1001, last), _fill(1002, last + 1)]
    steps = adapter.fetch_fills(
        btc, order=None, since_ns=START * NS, until_ns=last * NS, limit=5000
    )
    assert _ids(_run(steps, History(rows), answer)[0]) == list(range(1002))


def test_a_search_for_fills_ends_with_a_page_beyond_the_span(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    history = History([_fill(number) for number in range(8000)])
    steps = adapter.fetch_fills(
        btc, order=None, since_ns=START * NS, until_ns=(START + 1200) * NS, limit=9000
    )
    found, asked = _run(steps, history, answer)
    assert (_ids(found), len(asked)) == (list(range(1201)), 2)


def test_an_exchange_that_repeats_a_full_page_for_ever_is_left(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    page = [_fill(number) for number in range(1000)]
    steps = adapter.fetch_fills(btc, order=REF, since_ns=None, until_ns=None, limit=5000)
    found, asked = _run(steps, lambda *_: page, answer)
    assert (len(found), len(asked)) == (1000, 2)


def test_a_span_without_fills_has_none(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    steps = adapter.fetch_fills(
        btc, order=None, since_ns=START * NS, until_ns=(START + 2 * DAY_MS) * NS, limit=10
    )
    found, asked = _run(steps, History([]), answer)
    assert (list(found), len(asked)) == ([], 3)


def test_fills_of_another_symbol_are_refused(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    steps = adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=10)
    with pytest.raises(ValueError, match="'ETHUSDT'"):
        _run(steps, lambda *_: [_fill(1) | {"symbol": "ETHUSDT"}], answer)


def test_a_fill_of_the_smart_order_router_is_named_by_its_allocation_in_the_history_too(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    def named(**members: Any) -> str:
        steps = adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=10)
        ((fill,), _) = _run(steps, lambda *_: [_fill(1) | members], answer)
        assert fill.price == Decimal("64000.02")
        return str(fill.trade_id)

    assert named(id=0, allocId=5) == "0"
    assert named(id=-1, allocId=0) == "allocation-0"
    for nameless in ({"id": -2, "allocId": 5}, {"id": -1}, {"id": -1, "allocId": -5}):
        with pytest.raises(ValueError, match="neither trade id nor allocation id"):
            named(**nameless)


def test_fees_of_another_symbol_are_refused(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    rates = {"maker": "0.001", "taker": "0.002", "buyer": "0", "seller": "0"}
    row = {
        "symbol": "ETHUSDT",
        "standardCommission": rates,
        "taxCommission": rates,
        "discount": {"enabledForAccount": False, "enabledForSymbol": True},
    }
    call = adapter.fetch_fees(btc)
    with pytest.raises(ValueError, match="'ETHUSDT'"):
        call.read(answer(row))
    assert call.read(answer(row | {"symbol": "BTCUSDT"})).taker == Decimal("0.004")
