"""Public calls: information, books, trades, bars and tickers."""

from itertools import pairwise
from typing import Any

import pytest

MINUTE_MS = 60_000
NOON_MS = 1784116800000


@pytest.fixture
def lively(make_world: Any) -> Any:
    world = make_world(is_quiet=False)
    world.wait(5)
    return world


def test_information_names_limits_and_symbols(world: Any) -> None:
    info = world.public("/api/v3/exchangeInfo")
    assert [row["limit"] for row in info["rateLimits"]] == [6000, 100, 200000, 300000]
    (spec,) = [each for each in info["symbols"] if each["symbol"] == "BTCUSDT"]
    assert spec["permissions"] == []
    assert spec["permissionSets"] == [["SPOT", "MARGIN"]]
    assert spec["filters"][0] == {
        "filterType": "PRICE_FILTER",
        "minPrice": "0.01000000",
        "maxPrice": "1000000.00000000",
        "tickSize": "0.01000000",
    }
    one = world.public("/api/v3/exchangeInfo", symbol="ETHBTC", showPermissionSets="false")
    assert [each["permissionSets"] for each in one["symbols"]] == [[]]
    assert world.public("/api/v3/exchangeInfo", permissions="LEVERAGED")["symbols"] == []
    assert world.public("/api/v3/exchangeInfo", symbolStatus="HALT")["symbols"] == []
    foreign = world.public("/api/v3/exchangeInfo", symbol="这是测试币456")["symbols"]
    assert foreign[0]["baseAsset"] == "这是测试币"


def test_a_full_sized_exchange_can_be_had(make_world: Any) -> None:
    info = make_world(synthetic=3000).public("/api/v3/exchangeInfo")
    assert len(info["symbols"]) == 3010


def test_the_book_is_sorted_and_cut(lively: Any) -> None:
    book = lively.public("/api/v3/depth", symbol="BTCUSDT", limit=5)
    bids, asks = ([float(price) for price, _ in book[side]] for side in ("bids", "asks"))
    assert len(bids) == len(asks) == 5
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    ticker = lively.public("/api/v3/ticker/bookTicker", symbol="BTCUSDT")
    assert [ticker["bidPrice"], ticker["bidQty"]] == book["bids"][0]


def test_the_same_seed_gives_the_same_world(make_world: Any) -> None:
    worlds = [make_world(is_quiet=False, seed=3) for _ in range(2)]
    for world in worlds:
        world.wait(3)
    books = [world.public("/api/v3/depth", symbol="BTCUSDT") for world in worlds]
    assert books[0] == books[1]
    assert worlds[0].user == worlds[1].user


def test_trades_and_aggregates_continue_the_past(lively: Any) -> None:
    trades = lively.public("/api/v3/trades", symbol="BTCUSDT")
    assert trades[0]["id"] == 14401
    assert [row["id"] for row in trades] == list(range(14401, 14401 + len(trades)))
    later = lively.public("/api/v3/historicalTrades", symbol="BTCUSDT", fromId=14402, limit=2)
    assert [row["id"] for row in later] == [14402, 14403]
    rows = lively.public("/api/v3/aggTrades", symbol="BTCUSDT")
    assert rows[0]["f"] == 14401
    for before, after in pairwise(rows):
        assert after["a"] == before["a"] + 1
        assert after["f"] == before["l"] + 1
    some = lively.public("/api/v3/aggTrades", symbol="BTCUSDT", fromId=rows[1]["a"], limit=1)
    assert some == rows[1:2]
    mixed = lively.public("/api/v3/aggTrades", symbol="BTCUSDT", fromId=1, startTime=1)
    assert mixed["code"] == -1128


def test_bars_follow_each_other_and_end_with_the_running_one(lively: Any) -> None:
    bars = lively.public("/api/v3/klines", symbol="BTCUSDT", interval="1m", limit=10)
    assert len(bars) == 10
    assert bars[-1][0] == NOON_MS
    for before, after in pairwise(bars):
        assert after[0] == before[0] + MINUTE_MS
        assert before[6] == after[0] - 1
    assert all(len(bar) == 12 for bar in bars)
    start = NOON_MS - 5 * MINUTE_MS
    some = lively.public(
        "/api/v3/klines", symbol="BTCUSDT", interval="1m", startTime=start, limit=3
    )
    assert some == bars[4:7]
    some = lively.public(
        "/api/v3/klines", symbol="BTCUSDT", interval="1m", startTime=start, endTime=start
    )
    assert some == bars[4:5]
    some = lively.public("/api/v3/klines", symbol="BTCUSDT", interval="1m", endTime=start, limit=2)
    assert some == bars[3:5]


@pytest.mark.parametrize(
    ("interval", "zone", "opens"),
    [
        ("1h", "0", NOON_MS),
        ("1d", "0", NOON_MS - 12 * 60 * MINUTE_MS),
        ("1d", "8", NOON_MS - 20 * 60 * MINUTE_MS),
        ("1d", "-1:00", NOON_MS - 11 * 60 * MINUTE_MS),
        ("1d", "05:45", NOON_MS - (17 * 60 + 45) * MINUTE_MS),
        ("1w", "0", 1783900800000),
        ("1M", "0", 1782864000000),
    ],
)
def test_bars_are_aligned_to_a_time_zone(lively: Any, interval: str, zone: str, opens: int) -> None:
    (bar,) = lively.public(
        "/api/v3/klines", symbol="BTCUSDT", interval=interval, timeZone=zone, limit=1
    )
    assert bar[0] == opens


def test_time_zones_have_bounds(lively: Any) -> None:
    query = {"symbol": "BTCUSDT", "interval": "1d"}
    for zone in ("15", "-13", "east", "14:01"):
        assert lively.public("/api/v3/klines", **query, timeZone=zone)["code"] == -1100


def test_tickers_are_objects_for_one_and_lists_for_many(lively: Any) -> None:
    day = lively.public("/api/v3/ticker/24hr", symbol="BTCUSDT")
    assert len(day) == 21
    assert len(day["priceChangePercent"].split(".")[1]) == 3
    assert float(day["lowPrice"]) <= float(day["lastPrice"]) <= float(day["highPrice"])
    assert len(lively.public("/api/v3/ticker/24hr", symbol="BTCUSDT", type="MINI")) == 12
    assert lively.public("/api/v3/ticker/24hr", symbol="BTCUSDT", type="x")["code"] == -1139
    some = lively.public("/api/v3/ticker/price", symbols='["BTCUSDT","ETHUSDT"]')
    assert [row["symbol"] for row in some] == ["BTCUSDT", "ETHUSDT"]
    assert len(lively.public("/api/v3/ticker/price")) == 10
    both = lively.public("/api/v3/ticker/price", symbol="BTCUSDT", symbols='["BTCUSDT"]')
    assert both["code"] == -1128
    window = lively.public("/api/v3/ticker", symbol="BTCUSDT", windowSize="4h")
    assert window["openTime"] == NOON_MS - 240 * MINUTE_MS
    assert lively.public("/api/v3/ticker", symbol="BTCUSDT", windowSize="8d")["code"] == -1100
    assert lively.public("/api/v3/ticker")["code"] == -1102
    today = lively.public("/api/v3/ticker/tradingDay", symbol="BTCUSDT")
    assert today["openTime"] == NOON_MS - 720 * MINUTE_MS


def test_averages_and_reference_prices(lively: Any) -> None:
    average = lively.public("/api/v3/avgPrice", symbol="BTCUSDT")
    assert average["mins"] == 5
    assert 63_000 < float(average["price"]) < 65_000
    assert lively.public("/api/v3/referencePrice", symbol="BTCUSDT")["code"] == -2043
    rules = lively.public("/api/v3/executionRules", symbol="BTCUSDT")
    assert rules == {"symbolRules": [{"symbol": "BTCUSDT", "rules": []}]}


def test_the_wallet_answers_what_clients_ask_at_their_start(world: Any) -> None:
    assert world.public("/sapi/v1/system/status") == {"status": 0, "msg": "normal"}
    assert world.answer.header("X-SAPI-USED-IP-WEIGHT-1M") is not None
    assert world.answer.header("x-mbx-used-weight-1m") is None
    coins = world.signed("GET", "/sapi/v1/capital/config/getall")
    assert {"BTC", "USDT"} <= {coin["coin"] for coin in coins}
    rights = world.signed("GET", "/sapi/v1/account/apiRestrictions")
    assert (rights["enableReading"], rights["enableWithdrawals"]) == (True, False)
    assert world.raw("GET", "/sapi/v1/capital/deposit/hisrec") is None
    assert world.status == 404
