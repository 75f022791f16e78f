"""Public data by REST: payloads of Binance's documentation, read to the last digit."""

from collections.abc import Callable, Generator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from venuekit.model import BookSnapshot, Candle, Instrument, Side, Ticker, Trade
from venuekit.plugin import Answer, Call
from venuekit_binance.adapter import BinanceAdapter

MakeAnswer = Callable[..., Answer]
NS = 1_000_000
MINUTE_MS = 60_000
START = 1784099940000

TRADES = (
    '[{"id":500001,"price":"64000.02000000","qty":"0.01000000","quoteQty":"640.00020000",'
    '"time":1784100000050,"isBuyerMaker":false,"isBestMatch":true}]'
)
AGGREGATES = (
    '[{"a":41000,"p":"0","q":"0","f":-1,"l":-1,"T":1784100000040,"m":false,"M":true},'
    '{"a":41001,"p":"64000.02000000","q":"0.03000000","f":500001,"l":500003,"T":1784100000050,'
    '"m":true,"M":true}]'
)
KLINES = (
    '[[1784099940000,"63990.00000000","64010.00000000","63985.50000000","64000.02000000",'
    '"12.34500000",1784099999999,"790012.34000000",321,"6.10000000","390400.12000000","0"]]'
)
DEPTH = (
    '{"lastUpdateId":90210017,"bids":[["64000.01000000","0.50000000"],'
    '["64000.00000000","1.20000000"]],"asks":[["64000.02000000","0.75000000"]]}'
)
TICKER = (
    '{"symbol":"BTCUSDT","priceChange":"640.00000000","priceChangePercent":"1.010",'
    '"weightedAvgPrice":"63700.10000000","prevClosePrice":"63360.02000000",'
    '"lastPrice":"64000.02000000","lastQty":"0.01000000","bidPrice":"64000.01000000",'
    '"bidQty":"0.50000000","askPrice":"64000.02000000","askQty":"0.75000000",'
    '"openPrice":"63360.02000000","highPrice":"64250.00000000","lowPrice":"63100.00000000",'
    '"volume":"15432.10000000","quoteVolume":"983024313.21000000","openTime":1784013600123,'
    '"closeTime":1784100000123,"firstId":490000,"lastId":500003,"count":10004}'
)


def _run(
    steps: Any, serve: Callable[[str, Mapping[str, str]], Any], answer: MakeAnswer
) -> tuple[Any, list[tuple[str, dict[str, str]]]]:
    asked: list[tuple[str, dict[str, str]]] = []
    assert isinstance(steps, Generator)
    try:
        call: Call[Any] = next(steps)
        while True:
            assert not call.is_signed
            endpoint = call.request.path.removeprefix("/api/v3/")
            query = dict(parse_qsl(call.request.query))
            asked.append((endpoint, query))
            call = steps.send(call.read(answer(serve(endpoint, query))))
    except StopIteration as end:
        return end.value, asked


def test_a_trade_tells_the_side_of_the_taker(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    found, asked = _run(adapter.fetch_trades(btc, limit=1), lambda *_: TRADES, answer)
    assert found == [
        Trade(
            symbol=btc.symbol,
            trade_id="500001",
            price=Decimal("64000.02000000"),
            quantity=Decimal("0.01000000"),
            side=Side.BUY,
            time_ns=1784100000050 * NS,
        )
    ]
    assert asked == [("trades", {"symbol": "BTCUSDT", "limit": "1"})]


def test_more_trades_than_a_page_are_followed_backwards(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    def rows(first: int, last: int) -> Any:
        return [
            {"id": i, "price": "1", "qty": "1", "time": START + i, "isBuyerMaker": True}
            for i in range(first, last + 1)
        ]

    def serve(endpoint: str, query: Mapping[str, str]) -> Any:
        limit = int(query["limit"])
        first = 5000 - limit if endpoint == "trades" else int(query["fromId"])
        return rows(first, first + limit - 1)

    found, asked = _run(adapter.fetch_trades(btc, limit=2300), serve, answer)
    assert [int(t.trade_id) for t in found] == list(range(2700, 5000))
    assert [endpoint for endpoint, _ in asked] == ["trades", "historicalTrades", "historicalTrades"]


def test_trades_after_a_known_one_are_asked_for_by_the_next_id(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    (known,), _ = _run(adapter.fetch_trades(btc, limit=1), lambda *_: TRADES, answer)
    call = adapter.fetch_trades_after(known, btc, is_aggregate=False, limit=5000)
    assert isinstance(call, Call)
    assert call.request.path.endswith("/historicalTrades")
    query = {"symbol": "BTCUSDT", "limit": "1000", "fromId": "500002"}
    assert dict(parse_qsl(call.request.query)) == query
    assert call.read(answer("[]")) == []


def test_aggregate_trades_after_a_known_one_are_asked_for_by_their_own_ids(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    newest = adapter.fetch_aggregate_trades(btc, since_ns=None, until_ns=None, limit=1)
    (known,), _ = _run(newest, lambda *_: AGGREGATES, answer)
    steps = adapter.fetch_trades_after(known, btc, is_aggregate=True, limit=5000)
    found, asked = _run(steps, lambda *_: AGGREGATES, answer)
    assert [trade.trade_id for trade in found] == ["41001"]
    query = {"symbol": "BTCUSDT", "fromId": "41002", "limit": "1000"}
    assert asked == [("aggTrades", query)]


def test_aggregate_trades_leave_out_the_invalid_rows_of_the_past(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    steps = adapter.fetch_aggregate_trades(btc, since_ns=None, until_ns=None, limit=2)
    found, asked = _run(steps, lambda _, q: AGGREGATES if "fromId" not in q else "[]", answer)
    assert [(t.trade_id, t.side, str(t.quantity)) for t in found] == [
        ("41001", Side.SELL, "0.03000000")
    ]
    assert asked[0] == ("aggTrades", {"symbol": "BTCUSDT", "limit": "2"})


def test_aggregate_trades_of_a_span_are_followed_by_id(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    rows = [
        {"a": i, "p": "1", "q": "1", "f": i, "l": i, "T": START + i, "m": False}
        for i in range(3000)
    ]

    def serve(_: str, query: Mapping[str, str]) -> Any:
        low, high = int(query.get("startTime", 0)), int(query.get("endTime", 10**15))
        assert "fromId" not in query or not {"startTime", "endTime"} & set(query)
        found = [
            r
            for r in rows
            if low <= r["T"] <= high and r["a"] >= int(query.get("fromId", 0))  # type: ignore[operator]  # whole numbers
        ]
        return found[: int(query["limit"])]

    since, until = (START + 100) * NS, (START + 1600) * NS
    steps = adapter.fetch_aggregate_trades(btc, since_ns=since, until_ns=until, limit=9999)
    found, _ = _run(steps, serve, answer)
    assert [int(t.trade_id) for t in found] == list(range(100, 1601))
    steps = adapter.fetch_aggregate_trades(btc, since_ns=since, until_ns=until, limit=7)
    assert len(_run(steps, serve, answer)[0]) == 7


def test_a_candle_is_open_until_its_last_millisecond_has_passed(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    def candle(now_ms: int) -> Candle:
        steps = adapter.fetch_candles(
            btc, "1m", since_ns=None, until_ns=None, limit=1, now_ns=now_ms * NS
        )
        (found,), asked = _run(steps, lambda *_: KLINES, answer)
        assert asked == [("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "1"})]
        assert isinstance(found, Candle)
        return found

    assert candle(1784100000000) == Candle(
        symbol=btc.symbol,
        interval="1m",
        open_time_ns=1784099940000 * NS,
        open=Decimal("63990.00000000"),
        high=Decimal("64010.00000000"),
        low=Decimal("63985.50000000"),
        close=Decimal("64000.02000000"),
        volume=Decimal("12.34500000"),
        quote_volume=Decimal("790012.34000000"),
        trade_count=321,
        is_closed=True,
    )
    assert not candle(1784099999999).is_closed


@pytest.mark.parametrize("is_bounded", [True, False])
def test_more_candles_than_a_page_join_without_a_hole(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer, *, is_bounded: bool
) -> None:
    last = 5000

    def serve(_: str, query: Mapping[str, str]) -> Any:
        low, high = int(query.get("startTime", 0)), int(query.get("endTime", 10**15))
        opens = [t for i in range(last) if low <= (t := START + i * MINUTE_MS) <= high]
        limit = int(query["limit"])
        chosen = opens[:limit] if "startTime" in query else opens[-limit:]
        return [[t, *["1"] * 5, t + MINUTE_MS - 1, "1", 1, "1", "1", "0"] for t in chosen]

    steps = adapter.fetch_candles(
        btc,
        "1m",
        since_ns=START * NS if is_bounded else None,
        until_ns=None,
        limit=2500,
        now_ns=10**19,
    )
    found, asked = _run(steps, serve, answer)
    first = 0 if is_bounded else last - 2500
    assert [c.open_time_ns for c in found] == [
        (START + i * MINUTE_MS) * NS for i in range(first, first + 2500)
    ]
    assert len(asked) == 3


def test_an_interval_that_binance_lacks_is_refused(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    with pytest.raises(ValueError, match="'2m'"):
        adapter.fetch_candles(btc, "2m", since_ns=None, until_ns=None, limit=1, now_ns=0)


@pytest.mark.parametrize(
    ("depth", "weight"),
    [(1, 5), (100, 5), (101, 25), (500, 25), (501, 50), (1000, 50), (1001, 250), (5000, 250)],
)
def test_a_book_costs_by_its_depth(
    adapter: BinanceAdapter, btc: Instrument, depth: int, weight: int
) -> None:
    call = adapter.fetch_book(btc, depth=depth)
    assert call.request.query == f"symbol=BTCUSDT&limit={depth}"
    assert call.costs["weight"] == weight


def test_a_book_is_read_to_the_digit(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    book = adapter.fetch_book(btc, depth=100).read(answer(DEPTH))
    assert book == BookSnapshot(
        symbol=btc.symbol,
        bids=((Decimal("64000.01"), Decimal("0.5")), (Decimal(64000), Decimal("1.2"))),
        asks=((Decimal("64000.02"), Decimal("0.75")),),
        update_id=90210017,
    )
    assert str(book.bids[1][0]) == "64000.00000000"


@pytest.mark.parametrize("depth", [0, 5001])
def test_a_depth_that_would_be_cut_is_refused(
    adapter: BinanceAdapter, btc: Instrument, depth: int
) -> None:
    with pytest.raises(ValueError, match="5000"):
        adapter.fetch_book(btc, depth=depth)


def test_tickers_are_asked_for_by_name_or_all(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    one, every = adapter.fetch_tickers([btc]), adapter.fetch_tickers(None)
    assert isinstance(one, Call)
    assert isinstance(every, Call)
    assert (one.request.query, one.costs["weight"]) == ("symbols=%5B%22BTCUSDT%22%5D", 2)
    assert (every.request.query, every.costs["weight"]) == ("", 80)
    unlisted = TICKER.replace("BTCUSDT", "NEWUSDT")
    assert every.read(answer(f"[{TICKER},{unlisted}]")) == [
        Ticker(
            symbol=btc.symbol,
            last=Decimal("64000.02"),
            bid=Decimal("64000.01"),
            bid_quantity=Decimal("0.5"),
            ask=Decimal("64000.02"),
            ask_quantity=Decimal("0.75"),
            open=Decimal("63360.02"),
            high=Decimal(64250),
            low=Decimal(63100),
            volume=Decimal("15432.1"),
            quote_volume=Decimal("983024313.21"),
            time_ns=1784100000123 * NS,
        )
    ]


@pytest.mark.parametrize(("count", "weight"), [(20, 2), (21, 40), (100, 40), (101, 80)])
def test_tickers_cost_by_their_number(
    adapter: BinanceAdapter, btc: Instrument, count: int, weight: int
) -> None:
    assert adapter.fetch_tickers([btc] * count).costs["weight"] == weight


def test_a_price_of_zero_is_none(adapter: BinanceAdapter, answer: MakeAnswer) -> None:
    call = adapter.fetch_tickers(None)
    quiet = TICKER.replace('"bidPrice":"64000.01000000"', '"bidPrice":"0.00000000"')
    (ticker,) = call.read(answer(f"[{quiet}]"))
    assert (ticker.bid, ticker.bid_quantity) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "null",
        DEPTH[:-1],
        DEPTH.replace('"0.50000000"', '"NaN"'),
        DEPTH.replace('"0.50000000"', '"Infinity"'),
        DEPTH.replace('"0.50000000"', '"1e99"'),
        DEPTH.replace('"0.50000000"', '"-1"'),
        DEPTH.replace('"0.50000000"', '"1,2"'),
        DEPTH.replace('"0.50000000"', '" 1"'),
        DEPTH.replace('"0.50000000"', '"1_0"'),
        DEPTH.replace('"0.50000000"', '"\\u0661"'),
        DEPTH.replace('"0.50000000"', '""'),
        DEPTH.replace('"0.50000000"', '"' + "9" * 400 + '"'),
        DEPTH.replace('"0.50000000"', "0.5"),
        DEPTH.replace('"0.50000000"', '"0.5","1"'),
        DEPTH.replace("90210017", '"90210017"'),
        DEPTH.replace("90210017", "9" * 400),
        DEPTH.replace('"bids"', '"bid"'),
    ],
)
def test_a_hostile_book_is_refused(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer, body: str
) -> None:
    with pytest.raises(ValueError, match=r"."):
        adapter.fetch_book(btc, depth=100).read(answer(body))
