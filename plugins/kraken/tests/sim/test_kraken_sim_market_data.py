"""Public calls: names in every form, shapes, digits, and what belongs to which call."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from venuekit_kraken.sim.world import make_pair

MINUTE = 60


@pytest.fixture
def traded(world: Any, other: Any) -> Any:
    """A market on which one trade has happened: 0.5 BTC at 50000.1 dollars."""
    world.placed(price="50000.1", volume="0.5")
    world.placed(other, type="sell", price="50000.1", volume="0.5")
    return world


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("XXBTZUSD", "XXBTZUSD"),
        ("XBTUSD", "XXBTZUSD"),
        # With a slash the key is what was asked for.
        ("XBT/USD", "XBT/USD"),
        ("BTC/USD", "BTC/USD"),
    ],
)
@pytest.mark.parametrize("method", ["AssetPairs", "Ticker", "OHLC", "Depth", "Trades", "Spread"])
def test_the_key_of_an_answer_may_differ_from_the_name_of_the_request(
    traded: Any, method: str, name: str, key: str
) -> None:
    assert set(traded.public(method, pair=name)) - {"last"} == {key}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("XBT", "XXBT"),
        ("XXBT", "XXBT"),
        ("BTC", "XXBT"),
        ("USD", "ZUSD"),
        ("XDG", "XXDG"),
        ("DOGE", "XXDG"),
        ("SOL", "SOL"),
    ],
)
def test_an_asset_has_many_names_and_answers_have_one(world: Any, name: str, key: str) -> None:
    assert list(world.public("Assets", asset=name)) == [key]


def test_names_that_follow_no_rule(world: Any) -> None:
    pairs = world.public("AssetPairs")
    assert {
        id_: (pair["altname"], pair["wsname"], pair["base"], pair["quote"])
        for id_, pair in pairs.items()
        if id_ in {"XDGUSD", "XBTUSDT", "XETHXXBT", "SOLUSD"}
    } == {
        "XDGUSD": ("XDGUSD", "XDG/USD", "XXDG", "ZUSD"),
        "XBTUSDT": ("XBTUSDT", "XBT/USDT", "XXBT", "USDT"),
        "XETHXXBT": ("ETHXBT", "ETH/XBT", "XETH", "XXBT"),
        "SOLUSD": ("SOLUSD", "SOL/USD", "SOL", "ZUSD"),
    }


def test_unknown_names_are_refused(world: Any) -> None:
    assert world.public("Ticker", pair="XXBTZXXX") == "EQuery:Unknown asset pair"
    assert world.public("Assets", asset="NIL") == "EQuery:Unknown asset"
    assert world.public("Depth") == "EGeneral:Invalid arguments:pair"


def test_the_recorded_numbers_of_a_pair(world: Any) -> None:
    pair = world.public("AssetPairs", pair="XBTUSDT")["XBTUSDT"]
    recorded = {
        "pair_decimals": 1,
        "cost_decimals": 5,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "ordermin": "0.00005",
        "costmin": "0.5",
        "tick_size": "0.1",
        "margin_call": 80,
        "margin_stop": 40,
        "status": "online",
        "lot": "unit",
    }
    assert {name: pair[name] for name in recorded} == recorded
    assert (pair["fees"][0], pair["fees_maker"][0]) == ([0, 0.4], [0, 0.25])


def test_the_recorded_numbers_of_assets(world: Any) -> None:
    assets = world.public("Assets", asset="XBT,ZUSD")
    assert {
        id_: (asset["decimals"], asset["display_decimals"]) for id_, asset in assets.items()
    } == {"XXBT": (10, 5), "ZUSD": (4, 2)}


def test_info_asks_for_a_part_of_a_pair(world: Any) -> None:
    (fees,) = world.public("AssetPairs", pair="XBTUSD", info="fees").values()
    assert set(fees) == {"fees", "fees_maker", "fee_volume_currency"}


def test_time_and_status(world: Any) -> None:
    assert world.public("Time") == {
        "unixtime": 1784116800,
        "rfc1123": "Wed, 15 Jul 26 12:00:00 +0000",
    }
    assert world.public("SystemStatus") == {
        "status": "online",
        "timestamp": "2026-07-15T12:00:00Z",
    }


def test_prices_have_five_decimals_here_and_the_pairs_there(traded: Any) -> None:
    ticker = traded.public("Ticker", pair="XBTUSD")["XXBTZUSD"]
    assert ticker["c"] == ["50000.10000", "0.50000000"]
    assert ticker["t"] == [1, 1]
    assert ticker["o"] == "50000.10000"
    candle = traded.public("OHLC", pair="XBTUSD")["XXBTZUSD"][-1]
    assert candle[1:5] == ["50000.1"] * 4
    trade = traded.public("Trades", pair="XBTUSD")["XXBTZUSD"][-1]
    assert trade[:2] == ["50000.10000", "0.50000000"]


def test_more_decimals_stay(lively: Any) -> None:
    row = lively.public("Depth", pair="XDGUSD", count=1)["XDGUSD"]["asks"][0]
    assert re.fullmatch(r"0\.\d{7}", row[0])
    assert isinstance(row[2], int)


def test_depth_gives_the_best_first(world: Any) -> None:
    for price in ("100", "102", "101"):
        world.placed(price=price, volume="0.1")
    book = world.public("Depth", pair="XBTUSD", count=2)["XXBTZUSD"]
    assert book["asks"] == []
    assert [row[:2] for row in book["bids"]] == [
        ["102.00000", "0.10000000"],
        ["101.00000", "0.10000000"],
    ]


@pytest.mark.parametrize("count", [0, 501])
def test_depth_has_bounds(world: Any, count: int) -> None:
    assert world.public("Depth", pair="XBTUSD", count=count) == "EGeneral:Invalid arguments:count"


def test_candles_without_trades_are_flat_and_the_last_one_is_running(traded: Any) -> None:
    traded.now_ns += 3 * MINUTE * 10**9
    answer = traded.public("OHLC", pair="XBTUSD", interval=1)
    rows = answer["XXBTZUSD"]
    noon = 1784116800
    assert rows[0] == [
        noon, "50000.1", "50000.1", "50000.1", "50000.1", "50000.1", "0.50000000", 1,
    ]  # fmt: skip
    assert rows[1:] == [
        [noon + 60 * n, "50000.1", "50000.1", "50000.1", "50000.1", "0.0", "0.00000000", 0]
        for n in (1, 2, 3)
    ]
    assert answer["last"] == noon + 120
    since = traded.public("OHLC", pair="XBTUSD", interval=1, since=answer["last"])
    assert [row[0] for row in since["XXBTZUSD"]] == [noon + 180]


def test_there_are_never_more_than_720_candles(traded: Any) -> None:
    traded.now_ns += 1_000 * MINUTE * 10**9
    assert len(traded.public("OHLC", pair="XBTUSD")["XXBTZUSD"]) == 720


def test_intervals_are_some_and_no_others(traded: Any) -> None:
    for minutes in (1, 5, 15, 30, 60, 240, 1440, 10080, 21600):
        assert traded.public("OHLC", pair="XBTUSD", interval=minutes)["XXBTZUSD"]
    assert traded.public("OHLC", pair="XBTUSD", interval=2) == "EGeneral:Invalid arguments:interval"


def test_trades_go_on_from_where_the_last_answer_ended(traded: Any, other: Any) -> None:
    first = traded.public("Trades", pair="XBTUSD")
    assert first["last"] == str(traded.now_ns)
    (row,) = first["XXBTZUSD"]
    assert (row[3], row[4], row[5], row[6]) == ("s", "l", "", 1)
    traded.now_ns += 5
    traded.placed(volume="0.1", price="50001")
    traded.placed(other, type="sell", ordertype="market", volume="0.1")
    (row,) = traded.public("Trades", pair="XBTUSD", since=first["last"])["XXBTZUSD"]
    assert (row[4], row[6]) == ("m", 2)


def test_spreads_are_remembered(world: Any, other: Any) -> None:
    world.placed(price="100", volume="1")
    world.placed(other, type="sell", price="110", volume="1")
    world.placed(price="101", volume="1")
    rows = world.public("Spread", pair="XBTUSD")["XXBTZUSD"]
    assert [row[1:] for row in rows] == [["100.00000", "110.00000"], ["101.00000", "110.00000"]]


def test_a_living_market_has_a_past(lively: Any) -> None:
    assert len(lively.public("OHLC", pair="XBTUSD")["XXBTZUSD"]) > 100
    before = lively.public("Depth", pair="XBTUSD")
    lively.wait(5)
    assert lively.public("Depth", pair="XBTUSD") != before


def test_the_same_seed_gives_the_same_world(make_world: Callable[..., Any]) -> None:
    def story() -> object:
        world = make_world(is_quiet=False, seed=3)
        world.wait(3)
        return world.public("Depth", pair="XBTUSD"), world.placed(price="100")

    assert story() == story()


def test_other_pairs_can_be_listed(make_world: Callable[..., Any]) -> None:
    coarse = make_pair("ABC/USD", "5", 4, tick="0.0005", order_minimum="1")
    world = make_world(symbols=[coarse], synthetic=3)
    assert list(world.public("AssetPairs")) == ["ABCZUSD", "S0000USD", "S0001USD", "S0002USD"]
    assert world.order(pair="ABCUSD", price="1.0005", volume="1")["txid"]
    refused = world.order(pair="ABCUSD", price="1.0004", volume="1")
    assert refused == "EOrder:Tick size check failed"
    assert Decimal(world.public("AssetPairs", pair="ABCUSD")["ABCZUSD"]["tick_size"]) == coarse.tick


def test_no_recording_is_played(make_world: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="recordings"):
        make_world(recording="somewhere")
