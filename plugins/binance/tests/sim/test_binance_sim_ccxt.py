"""ccxt and ccxt.pro against the simulator: another client's idea of the exchange judges ours."""

import asyncio
from typing import Any

import pytest

from venuekit.sim.server import Simulator
from venuekit_binance.sim.dialect import BinanceDialect

pytest.importorskip("ccxt")
pytestmark = [
    pytest.mark.rivals,
    pytest.mark.foreign_client("binance", "ccxt"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
async def simulator() -> Any:
    async with Simulator(BinanceDialect(seed=12)) as simulator:
        yield simulator


@pytest.fixture
async def exchange(simulator: Any) -> Any:
    import ccxt.pro

    credentials = simulator.dialect.credentials()
    exchange = ccxt.pro.binance(
        {
            "apiKey": credentials.api_key,
            "secret": credentials.secret,
            "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]},
                        "fetchMargins": False},
            "enableRateLimit": False,
        }
    )  # fmt: skip
    api = exchange.urls["api"]
    for name in ("public", "private"):
        api[name] = f"{simulator.address}/api/v3"
    api["sapi"] = f"{simulator.address}/sapi/v1"
    api["ws"]["spot"] = f"{simulator.websocket_address}/ws"
    for name in api["ws"].get("ws-api", {}):
        api["ws"]["ws-api"][name] = f"{simulator.websocket_address}/ws-api/v3"
    yield exchange
    await exchange.close()


async def soon(awaitable: Any, seconds: Any = 10.0) -> Any:
    async with asyncio.timeout(seconds):
        return await awaitable


async def test_it_loads_markets_and_currencies(exchange: Any) -> None:
    markets = await exchange.load_markets()
    market = markets["BTC/USDT"]
    assert (market["base"], market["quote"], market["active"]) == ("BTC", "USDT", True)
    assert market["precision"] == {
        **market["precision"],
        "amount": 0.00001,
        "price": 0.01,
    }
    assert market["limits"]["cost"]["min"] == 5.0
    assert "BTC" in exchange.currencies


async def test_it_reads_the_market(exchange: Any) -> None:
    book = await exchange.fetch_order_book("BTC/USDT", 10)
    assert len(book["bids"]) == 10
    assert (await exchange.fetch_ticker("BTC/USDT"))["last"] > 60_000
    assert len(await exchange.fetch_ohlcv("BTC/USDT", "1m", limit=5)) == 5
    assert await exchange.fetch_trades("BTC/USDT")
    assert set(await exchange.fetch_tickers(["BTC/USDT", "ETH/USDT"])) == {"BTC/USDT", "ETH/USDT"}


async def test_it_places_asks_for_and_cancels_orders(exchange: Any) -> None:
    import ccxt

    params = {"clientOrderId": "rival-1"}
    order = await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 60000, params)
    assert (order["status"], order["clientOrderId"]) == ("open", "rival-1")
    found = await exchange.fetch_order(order["id"], "BTC/USDT")
    assert found["price"] == 60000
    assert len(await exchange.fetch_open_orders("BTC/USDT")) == 1
    balance = await exchange.fetch_balance()
    assert balance["USDT"]["used"] == 600
    edited = await exchange.edit_order(order["id"], "BTC/USDT", "limit", "buy", 0.02, 60001)
    assert edited["id"] != order["id"]
    gone = await exchange.cancel_order(edited["id"], "BTC/USDT")
    assert gone["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order(edited["id"], "BTC/USDT")
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order("BTC/USDT", "limit", "buy", 100, 63000)
    bought = await exchange.create_order("BTC/USDT", "market", "buy", 0.002)
    assert bought["status"] == "closed"
    assert bought["fee"]["currency"] == "BTC"
    trades = await exchange.fetch_my_trades("BTC/USDT")
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.002)


async def test_it_follows_market_streams(exchange: Any) -> None:
    book = await soon(exchange.watch_order_book("BTC/USDT"))
    assert book["bids"][0][0] < book["asks"][0][0]
    for _ in range(3):
        book = await soon(exchange.watch_order_book("BTC/USDT"))
    assert book["nonce"] > 0
    assert await soon(exchange.watch_trades("BTC/USDT"))
    assert (await soon(exchange.watch_ticker("BTC/USDT")))["symbol"] == "BTC/USDT"
    assert await soon(exchange.watch_ohlcv("BTC/USDT", "1m"))
    assert await soon(exchange.watch_bids_asks(["BTC/USDT"]))


async def test_it_follows_its_account(exchange: Any) -> None:
    await exchange.load_markets()
    watching = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
    balance = asyncio.create_task(exchange.watch_balance())
    await asyncio.sleep(1)
    placed = await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 60000)
    (order,) = await soon(watching)
    assert (order["id"], order["status"]) == (placed["id"], "open")
    assert (await soon(balance))["USDT"]["used"] == 600
    watching = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
    await exchange.cancel_order(placed["id"], "BTC/USDT")
    assert (await soon(watching))[-1]["status"] == "canceled"


async def test_it_trades_over_the_websocket_api(exchange: Any) -> None:
    await exchange.load_markets()
    order = await soon(exchange.create_order_ws("BTC/USDT", "limit", "buy", 0.01, 60000))
    assert order["status"] == "open"
    gone = await soon(exchange.cancel_order_ws(order["id"], "BTC/USDT"))
    assert gone["status"] == "canceled"
    # ccxt 4.5.90 does not say which kind of account this is and so reads no balance of it.
    account = (await soon(exchange.fetch_balance_ws()))["info"]
    assert "USDT" in {row["asset"] for row in account["balances"]}
