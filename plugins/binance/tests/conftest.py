"""What the tests of the Binance plugin share: the listing of the fact sheet, and an adapter."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from venuekit.model import Instrument
from venuekit.plugin import Answer
from venuekit_binance.adapter import BinanceAdapter

# From Binance's documentation of 2026-07-21, with the values of our simulator.
BTCUSDT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "baseAssetPrecision": 8,
    "quoteAsset": "USDT",
    "quotePrecision": 8,
    "quoteAssetPrecision": 8,
    "baseCommissionPrecision": 8,
    "quoteCommissionPrecision": 8,
    "orderTypes": [
        "LIMIT",
        "LIMIT_MAKER",
        "MARKET",
        "STOP_LOSS",
        "STOP_LOSS_LIMIT",
        "TAKE_PROFIT",
        "TAKE_PROFIT_LIMIT",
    ],
    "icebergAllowed": True,
    "ocoAllowed": True,
    "otoAllowed": True,
    "opoAllowed": True,
    "quoteOrderQtyMarketAllowed": True,
    "allowTrailingStop": True,
    "cancelReplaceAllowed": True,
    "amendAllowed": True,
    "pegInstructionsAllowed": True,
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": True,
    "filters": [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": "0.01000000",
            "maxPrice": "1000000.00000000",
            "tickSize": "0.01000000",
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": "0.00001000",
            "maxQty": "9000.00000000",
            "stepSize": "0.00001000",
        },
        {"filterType": "ICEBERG_PARTS", "limit": 100},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": "110.00000000",
            "stepSize": "0.00000000",
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "4",
            "askMultiplierDown": "0.3",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": "5.00000000",
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    ],
    "permissions": [],
    "permissionSets": [["SPOT", "MARGIN"]],
    "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
    "allowedSelfTradePreventionModes": [
        "EXPIRE_TAKER",
        "EXPIRE_MAKER",
        "EXPIRE_BOTH",
        "DECREMENT",
        "TRANSFER",
    ],
}
UNICODE: dict[str, Any] = {
    "symbol": "这是测试币456",
    "status": "TRADING",
    "baseAsset": "这是测试币",
    "quoteAsset": "456",
    "orderTypes": ["LIMIT", "MARKET"],
    "filters": [],
}
RATE_LIMITS: list[dict[str, Any]] = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200000},
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300000},
]


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(
        status=status,
        headers={name.replace("_", "-"): text for name, text in headers.items()},
        body=value.encode() if isinstance(value, str) else json.dumps(value).encode(),
    )


@pytest.fixture
def answer() -> Callable[..., Answer]:
    """Make an answer of JSON text or of what becomes JSON."""
    return json_answer


@pytest.fixture
def btcusdt() -> dict[str, Any]:
    """Give a symbol as exchangeInfo writes it, to be changed freely."""
    copy: dict[str, Any] = json.loads(json.dumps(BTCUSDT))
    return copy


@pytest.fixture
def adapter() -> BinanceAdapter:
    """Give an adapter that knows BTC/USDT and a pair with a name beyond ASCII."""
    made = BinanceAdapter("sim")
    info = {"timezone": "UTC", "rateLimits": RATE_LIMITS, "symbols": [BTCUSDT, UNICODE]}
    made.instruments = made.fetch_listing().read(json_answer(info)).instruments
    return made


@pytest.fixture
def btc(adapter: BinanceAdapter) -> Instrument:
    """Give BTC/USDT."""
    return adapter.instruments["BTC/USDT"]
