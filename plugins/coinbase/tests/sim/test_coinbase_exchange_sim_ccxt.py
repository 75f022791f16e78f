"""ccxt and ccxt.pro against the simulator: another client's idea of the exchange judges ours."""

import asyncio
from typing import Any

import pytest

from venuekit.sim.server import Simulator
from venuekit_coinbase.sim.exchange.dialect import CoinbaseExchangeDialect
from venuekit_coinbase.sim.exchange.settings import UNLIMITED, BehaviorSettings

pytest.importorskip("ccxt")
pytestmark = [
    pytest.mark.rivals,
    pytest.mark.foreign_client("coinbase-exchange", "ccxt"),
    pytest.mark.filterwarnings("ignore"),
]
OID = "7d6a1f0e-2f5e-4a56-9c0b-7a2b5f0d3c11"


@pytest.fixture
async def simulator() -> Any:
    behavior = BehaviorSettings(needs_user_agent=True)
    dialect = CoinbaseExchangeDialect(seed=12, limits=UNLIMITED, behavior=behavior)
    async with Simulator(dialect) as simulator:
        yield simulator


@pytest.fixture
async def exchange(simulator: Any) -> Any:
    import ccxt.pro

    credentials = simulator.dialect.credentials()
    exchange = ccxt.pro.coinbaseexchange(
        {
            "apiKey": credentials.api_key,
            "secret": credentials.secret,
            "password": credentials.passphrase,
            "enableRateLimit": False,
        }
    )
    for name in ("public", "private"):
        exchange.urls["api"][name] = simulator.address
    exchange.urls["api"]["ws"] = simulator.websocket_address
    yield exchange
    await exchange.close()


async def soon(awaitable: Any) -> Any:
    async with asyncio.timeout(10):
        return await awaitable


async def until(exchange: Any, order_id: str, status: str) -> Any:
    """Ask until an order has a status."""
    async with asyncio.timeout(10):
        while True:
            order = await exchange.fetch_order(order_id)
            if order["status"] == status and order["info"]["status"] != "pending":
                return order


async def test_it_loads_markets_and_reads_the_market(exchange: Any) -> None:
    markets = await exchange.load_markets()
    market = markets["BTC/USD"]
    assert (market["base"], market["quote"], market["active"]) == ("BTC", "USD", True)
    assert market["precision"] == {**market["precision"], "amount": 1e-8, "price": 0.01}
    assert market["limits"]["cost"]["min"] == 1.0
    assert "BTC" in exchange.currencies
    book = await exchange.fetch_order_book("BTC/USD", 10)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert (await exchange.fetch_ticker("BTC/USD"))["bid"] > 60_000
    candles = await exchange.fetch_ohlcv("BTC/USD", "5m", limit=5)
    assert candles[0][3] <= candles[0][2]
    assert await exchange.fetch_trades("BTC/USD", limit=50)
    assert (await exchange.fetch_balance())["USD"]["total"] == 1_000_000
    assert abs(await exchange.fetch_time() - exchange.milliseconds()) < 5_000


async def test_it_places_asks_for_and_cancels_orders(exchange: Any) -> None:
    import ccxt

    params = {"clientOrderId": OID, "postOnly": True}
    order = await exchange.create_order("BTC/USD", "limit", "buy", 0.01, 50000, params)
    found = await until(exchange, order["id"], "open")
    assert (found["clientOrderId"], found["price"], found["amount"]) == (OID, 50000, 0.01)
    assert [each["id"] for each in await exchange.fetch_open_orders("BTC/USD")] == [order["id"]]
    by_name = await exchange.fetch_order("", "BTC/USD", {"clientOrderId": OID})
    assert by_name["id"] == order["id"]
    await exchange.cancel_order(order["id"], "BTC/USD")
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.fetch_order(order["id"])
    await exchange.create_order("BTC/USD", "limit", "buy", 0.01, 50000)
    assert len(await exchange.cancel_all_orders("BTC/USD")) == 1
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order("BTC/USD", "limit", "buy", 1000, 50000)
    with pytest.raises(ccxt.InvalidOrder):
        await exchange.create_order("BTC/USD", "limit", "buy", 0.00001, 1)


async def test_it_is_told_what_is_wrong_with_its_key(exchange: Any) -> None:
    import ccxt

    await exchange.load_markets()
    exchange.password = "guess"
    with pytest.raises(ccxt.AuthenticationError, match="Invalid Passphrase"):
        await exchange.fetch_balance()


async def test_it_trades_and_finds_its_fills(exchange: Any) -> None:
    order = await exchange.create_order("BTC/USD", "market", "sell", 0.01)
    found = await until(exchange, order["id"], "closed")
    assert found["filled"] == 0.01
    fills = await exchange.fetch_my_trades("BTC/USD")
    assert sum(fill["amount"] for fill in fills) == pytest.approx(0.01)
    assert fills[0]["takerOrMaker"] == "taker"
    assert fills[0]["fee"]["cost"] == pytest.approx(fills[0]["cost"] * 0.006)


async def test_it_follows_books_trades_and_orders(exchange: Any) -> None:
    await exchange.load_markets()
    book = await soon(exchange.watch_order_book("BTC/USD"))
    assert book["bids"][0][0] < book["asks"][0][0]
    assert (await soon(exchange.watch_ticker("BTC/USD")))["last"] > 60_000
    assert await soon(exchange.watch_trades("BTC/USD"))
    watching = asyncio.create_task(exchange.watch_orders("BTC/USD"))
    await asyncio.sleep(0.3)
    made = await exchange.create_order("BTC/USD", "limit", "buy", 0.01, 50000)
    orders = await soon(watching)
    assert orders[-1]["id"] == made["id"]
