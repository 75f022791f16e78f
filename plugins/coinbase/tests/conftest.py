"""What the tests of the Coinbase plugin share: products of the fact sheet, and an adapter."""

import json
from collections.abc import Callable, Generator
from typing import Any

import pytest

from venuekit.model import Instrument
from venuekit.plugin import Answer, Call
from venuekit_coinbase.adapter import CoinbaseAdapter
from venuekit_coinbase.exchange.adapter import ExchangeAdapter

# BTC-USD as recorded in April 2026, without what nobody reads.
BTC_USD: dict[str, Any] = {
    "product_id": "BTC-USD",
    "price": "64000.01",
    "volume_24h": "8123.5",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "price_increment": "0.01",
    "base_min_size": "0.00000001",
    "base_max_size": "3400",
    "quote_min_size": "1",
    "quote_max_size": "150000000",
    "base_currency_id": "BTC",
    "quote_currency_id": "USD",
    "status": "online",
    "product_type": "SPOT",
    "alias": "",
    "alias_to": ["BTC-USDC"],
    "is_disabled": False,
    "cancel_only": False,
    "limit_only": False,
    "post_only": False,
    "trading_disabled": False,
    "auction_mode": False,
    "view_only": False,
    "best_bid_price": "",
    "best_ask_price": "64000.02",
    "fcm_trading_session_details": None,
}
BTC_USDC: dict[str, Any] = {
    **BTC_USD,
    "product_id": "BTC-USDC",
    "quote_currency_id": "USDC",
    "alias": "BTC-USD",
    "alias_to": [],
}

# BTC-USD as Coinbase Exchange lists it.
EXCHANGE_BTC_USD: dict[str, Any] = {
    "id": "BTC-USD",
    "base_currency": "BTC",
    "quote_currency": "USD",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "display_name": "BTC/USD",
    "min_market_funds": "1",
    "margin_enabled": False,
    "fx_stablecoin": False,
    "post_only": False,
    "limit_only": False,
    "cancel_only": False,
    "trading_disabled": False,
    "auction_mode": False,
    "status": "online",
    "status_message": "",
}


def json_answer(value: Any, status: int = 200) -> Answer:
    body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    return Answer(status=status, body=body)


def asked(steps: Call[Any] | Generator[Call[Any], Any, Any], *answers: Any) -> tuple[Any, Any]:
    """Give what steps read of these answers, and the calls that they made."""
    if isinstance(steps, Call):
        return steps.read(json_answer(answers[0])), [steps]
    calls: list[Call[Any]] = []
    told: Any = None
    left = iter(answers)
    try:
        while True:
            call = steps.send(told)
            calls.append(call)
            told = call.read(json_answer(next(left)))
    except StopIteration as end:
        return end.value, calls


@pytest.fixture
def answer() -> Callable[..., Answer]:
    """Make an answer of text or of what becomes JSON."""
    return json_answer


@pytest.fixture
def ask() -> Callable[..., tuple[Any, Any]]:
    """Run steps over answers."""
    return asked


@pytest.fixture
def adapter() -> CoinbaseAdapter:
    """Give an adapter that knows BTC/USD, and BTC/USDC, which shares its book."""
    made = CoinbaseAdapter("sim")
    page = {"products": [BTC_USD, BTC_USDC], "num_products": 2}
    listing, _ = asked(made.fetch_listing(), page)
    made.instruments = listing.instruments
    return made


@pytest.fixture
def btc(adapter: CoinbaseAdapter) -> Instrument:
    """Give BTC/USD."""
    return adapter.instruments["BTC/USD"]


@pytest.fixture
def exchange() -> ExchangeAdapter:
    """Give an adapter of Coinbase Exchange that knows BTC/USD and ETH/USD."""
    made = ExchangeAdapter("sim")
    rows = [EXCHANGE_BTC_USD, {**EXCHANGE_BTC_USD, "id": "ETH-USD", "base_currency": "ETH"}]
    listing, _ = asked(made.fetch_listing(), rows)
    made.instruments = listing.instruments
    return made


@pytest.fixture
def exchange_btc(exchange: ExchangeAdapter) -> Instrument:
    """Give BTC/USD at Coinbase Exchange."""
    return exchange.instruments["BTC/USD"]
