"""The listing: rules as Binance states them, digits kept, nothing broken in silence."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import (
    Grid,
    Instrument,
    InstrumentStatus,
    NotionalRule,
    PriceBand,
    ServiceState,
    plain,
)
from venuekit.plugin import Answer, BudgetScope, Listing
from venuekit_binance.adapter import BinanceAdapter

MakeAnswer = Callable[..., Answer]


def _listing(*symbols: Any, limits: Any = ()) -> Listing:
    info = {"serverTime": 1, "rateLimits": list(limits), "symbols": list(symbols)}
    body = json.dumps(info).encode()
    return BinanceAdapter("sim").fetch_listing().read(Answer(status=200, body=body))


def test_a_symbol_is_read_with_all_its_filters(btc: Instrument) -> None:
    assert (btc.symbol, btc.native, btc.base, btc.quote) == ("BTC/USDT", "BTCUSDT", "BTC", "USDT")
    assert btc.status is InstrumentStatus.TRADING
    assert btc.price == Grid(Decimal("0.01"), Decimal("0.01"), Decimal(1000000))
    assert btc.quantity == Grid(Decimal("0.00001"), Decimal("0.00001"), Decimal(9000))
    assert btc.market_quantity == Grid(Decimal(0), Decimal(0), Decimal(110))
    assert btc.notional == NotionalRule(
        Decimal(5), Decimal(9000000), minimum_for_market=True, maximum_for_market=False
    )
    assert btc.band == PriceBand(
        buy_low=Decimal("0.2"),
        buy_high=Decimal(5),
        sell_low=Decimal("0.3"),
        sell_high=Decimal(4),
        average_minutes=5,
    )
    assert btc.order_types == {
        "limit",
        "market",
        "stop",
        "stop_limit",
        "take_profit",
        "take_profit_limit",
    }
    assert btc.features == {
        "post_only",
        "iceberg",
        "oco",
        "oto",
        "opo",
        "quote_quantity",
        "trailing_stop",
        "replace",
        "amend",
        "pegged",
    }
    assert btc.self_trade_preventions == {
        "expire_taker",
        "expire_maker",
        "expire_both",
        "decrement",
        "transfer",
    }
    assert (btc.max_open_orders, btc.iceberg_parts) == (200, 100)
    assert dict(btc.limits) == {
        "min_trailing_above_delta": "10",
        "max_trailing_above_delta": "2000",
        "min_trailing_below_delta": "10",
        "max_trailing_below_delta": "2000",
        "max_algo_orders": "5",
        "max_order_lists": "20",
        "max_order_amends": "10",
        "default_self_trade_prevention": "expire_maker",
    }


def test_the_digits_of_the_wire_are_kept(btc: Instrument) -> None:
    assert plain(btc.price.step) == "0.01000000"
    assert plain(btc.market_quantity.step) == "0.00000000"


def test_names_beyond_ascii_are_names_like_any_other(adapter: BinanceAdapter) -> None:
    assert adapter.instruments["这是测试币/456"].native == "这是测试币456"


def test_filters_of_2021_are_read(btcusdt: dict[str, Any]) -> None:
    btcusdt["filters"] = [
        {"filterType": "PERCENT_PRICE", "multiplierUp": "5", "multiplierDown": "0.2"},
        {"filterType": "MIN_NOTIONAL", "minNotional": "10.0", "applyToMarket": True},
    ]
    instrument = _listing(btcusdt).instruments["BTC/USDT"]
    assert instrument.notional == NotionalRule(Decimal(10), Decimal(0), minimum_for_market=True)
    assert instrument.band is not None
    assert (instrument.band.sell_low, instrument.band.buy_high) == (Decimal("0.2"), Decimal(5))
    assert instrument.price == instrument.quantity == Grid()


def test_a_filter_that_binance_adds_is_ignored_whatever_it_holds(btcusdt: dict[str, Any]) -> None:
    btcusdt["filters"].append({"filterType": "T_PLUS_SELL", "endTime": 0, "limit": {}})
    assert _listing(btcusdt).skipped == {}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("TRADING", InstrumentStatus.TRADING),
        ("END_OF_DAY", InstrumentStatus.HALTED),
        ("HALT", InstrumentStatus.HALTED),
        ("BREAK", InstrumentStatus.UNAVAILABLE),
        ("CANCEL_ONLY", InstrumentStatus.CANCEL_ONLY),
        ("AUCTION_MATCH", InstrumentStatus.HALTED),
    ],
)
def test_a_status_says_whether_orders_are_taken(
    btcusdt: dict[str, Any], status: str, expected: InstrumentStatus
) -> None:
    instrument = _listing(btcusdt | {"status": status}).instruments["BTC/USDT"]
    assert instrument.status is expected
    assert ("status" in instrument.limits) == (status == "AUCTION_MATCH")


def test_a_symbol_without_spot_trading_takes_no_orders(btcusdt: dict[str, Any]) -> None:
    instrument = _listing(btcusdt | {"isSpotTradingAllowed": False}).instruments["BTC/USDT"]
    assert instrument.status is InstrumentStatus.HALTED
    assert instrument.limits["spot_trading"] == "not allowed"


@pytest.mark.parametrize(
    "broken",
    [
        {"baseAsset": None},
        {"baseAsset": ""},
        {"baseAsset": "A/B"},
        {"quoteAsset": "\u202eUSDT"},
        {"status": 1},
        {"filters": {}},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "NaN"}]},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "1e999999"}]},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "-0.01"}]},
        {"filters": [{"filterType": "PRICE_FILTER", "tickSize": 0.01}]},
        {"filters": [{"filterType": "LOT_SIZE", "stepSize": "0,1"}]},
        {"filters": [{"filterType": "NOTIONAL", "minNotional": "\u0661"}]},
        {"filters": [{"filterType": "PERCENT_PRICE"}]},
        {"filters": [{"filterType": "ICEBERG_PARTS", "limit": "many"}]},
        {"filters": [{"minPrice": "1"}]},
        {"orderTypes": "LIMIT"},
        {"allowedSelfTradePreventionModes": [1]},
    ],
    ids=str,
)
def test_a_broken_symbol_is_skipped_with_its_reason_and_hurts_no_other(
    btcusdt: dict[str, Any], broken: dict[str, Any]
) -> None:
    good = {"symbol": "A", "status": "TRADING", "baseAsset": "A", "quoteAsset": "B"}
    listing = _listing(btcusdt | broken, good)
    assert list(listing.instruments) == ["A/B"]
    assert list(listing.skipped) == ["BTCUSDT"]
    assert listing.skipped["BTCUSDT"]


def test_a_name_that_is_taken_is_skipped_and_one_without_a_name_is_numbered(
    btcusdt: dict[str, Any],
) -> None:
    listing = _listing(btcusdt, btcusdt | {"symbol": "BTCUSDT2"}, btcusdt | {"symbol": 5}, 7)
    assert len(listing.instruments) == 1
    assert sorted(listing.skipped) == ["BTCUSDT2", "symbols[2]", "symbols[3]"]


def test_limits_in_force_become_budgets(adapter: BinanceAdapter) -> None:
    limits = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 160000},
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 6100},
    ]
    found = {
        b.name: (b.capacity, b.interval_s, b.scope, b.places_only)
        for b in _listing(limits=limits).budgets
    }
    assert found == {
        "weight": (1200, 60, BudgetScope.IP, False),
        "orders-10s": (50, 10, BudgetScope.ACCOUNT, True),
        "orders-1d": (160000, 86400, BudgetScope.ACCOUNT, True),
        "raw": (6100, 300, BudgetScope.IP, False),
    }


@pytest.mark.parametrize(
    "limit",
    [
        {"rateLimitType": "ORDERS", "interval": "HOUR", "intervalNum": 1, "limit": 5},
        {"rateLimitType": "SMILES", "interval": "MINUTE", "intervalNum": 1, "limit": 5},
        {"rateLimitType": "ORDERS", "interval": "FORTNIGHT", "intervalNum": 1, "limit": 5},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 0},
    ],
    ids=str,
)
def test_a_limit_that_nothing_pays_is_reported(limit: dict[str, Any]) -> None:
    listing = _listing(limits=[limit])
    assert list(listing.budgets) == []
    assert len(listing.skipped) == 1


def test_the_listing_is_asked_for_without_what_nobody_reads() -> None:
    call = BinanceAdapter("live").fetch_listing()
    assert call.request.path == "/api/v3/exchangeInfo"
    assert call.request.query == "showPermissionSets=false"
    assert call.costs == {"weight": 20, "raw": 1}
    assert not call.is_signed


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", '{"symbols":{}}', '{"symbols":[', "\xff"])
def test_a_listing_that_is_none_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        BinanceAdapter("sim").fetch_listing().read(Answer(status=200, body=body.encode("latin-1")))


def test_the_time_is_in_nanoseconds(answer: MakeAnswer) -> None:
    call = BinanceAdapter("sim").fetch_time()
    assert (call.request.path, call.costs["weight"]) == ("/api/v3/time", 1)
    assert call.read(answer('{"serverTime":1784100000123}')) == 1784100000123_000_000


@pytest.mark.parametrize(
    "body", ["{}", '{"serverTime":"1"}', '{"serverTime":-1}', '{"serverTime":1e15}']
)
def test_a_time_that_is_none_is_refused(answer: MakeAnswer, body: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        BinanceAdapter("sim").fetch_time().read(answer(body))


def test_the_live_status_comes_from_the_wallet_service(answer: MakeAnswer) -> None:
    call = BinanceAdapter("live").fetch_status()
    assert call.request.path == "/sapi/v1/system/status"
    assert call.read(answer('{"status":0,"msg":"normal"}')).state is ServiceState.ONLINE
    closed = call.read(answer('{"status":1,"msg":"system_maintenance"}'))
    assert (closed.state, closed.text) == (ServiceState.MAINTENANCE, "system_maintenance")


@pytest.mark.parametrize("environment", ["testnet", "sim"])
def test_elsewhere_an_answer_to_ping_is_the_proof_of_life(
    answer: MakeAnswer, environment: str
) -> None:
    call = BinanceAdapter(environment).fetch_status()
    assert call.request.path == "/api/v3/ping"
    assert call.read(answer("{}")).state is ServiceState.ONLINE


@given(st.decimals(min_value=0, max_value=10**9, places=8, allow_nan=False))
def test_every_step_keeps_its_digits(step: Decimal) -> None:
    text = plain(step)
    symbol = {
        "symbol": "AB",
        "status": "TRADING",
        "baseAsset": "A",
        "quoteAsset": "B",
        "filters": [{"filterType": "LOT_SIZE", "stepSize": text}],
    }
    assert plain(_listing(symbol).instruments["A/B"].quantity.step) == text


def test_equal_parts_are_one_object(btcusdt: dict[str, Any]) -> None:
    other = btcusdt | {"symbol": "ETHUSDT", "baseAsset": "ETH"}
    one, two = _listing(btcusdt, other).instruments.values()
    assert one.price is two.price
    assert one.limits is two.limits
    assert one.features is two.features
