"""ccxt and ccxt.pro against the simulator: another client's idea of the exchange judges ours."""

import asyncio
from typing import Any

import pytest

from venuekit.sim.server import Simulator
from venuekit_coinbase.sim.dialect import CoinbaseDialect
from venuekit_coinbase.sim.settings import UNLIMITED

pytest.importorskip("ccxt")
pytestmark = [
    pytest.mark.rivals,
    pytest.mark.foreign_client("coinbase", "ccxt"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
async def simulator() -> Any:
    # ccxt asks for products, rates and fees all at once.
    async with Simulator(CoinbaseDialect(seed=12, limits=UNLIMITED)) as simulator:
        yield simulator


@pytest.fixture(params=["es256", "ed25519"])
async def exchange(simulator: Any, request: Any) -> Any:
    import ccxt.pro

    class Local(ccxt.pro.coinbase):  # type: ignore[misc]  # ccxt has no types
        """Names the real host in its tokens, as production's addresses make it do."""

        def create_auth_token(
            self,
            seconds: Any,
            method: Any = None,
            url: Any = None,
            useEddsa: Any = False,  # noqa: N803  ccxt's own name
        ) -> Any:
            if url is not None:
                url = url.replace(simulator.address, "https://api.coinbase.com")
            return super().create_auth_token(seconds, method, url, useEddsa)

    credentials = simulator.dialect.credentials(algorithm=request.param)
    exchange = Local(
        {
            "apiKey": credentials.api_key,
            "secret": credentials.secret,
            "enableRateLimit": False,
        }
    )
    exchange.urls["api"]["rest"] = simulator.address
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
            if order["status"] == status and order["info"]["status"] != "PENDING":
                return order


async def test_it_loads_markets_and_reads_the_market(exchange: Any) -> None:
    markets = await exchange.load_markets()
    market = markets["BTC/USD"]
    assert (market["base"], market["quote"], market["active"]) == ("BTC", "USD", True)
    assert market["precision"] == {**market["precision"], "amount": 1e-8, "price": 0.01}
    assert (market["maker"], market["taker"]) == (0.004, 0.006)
    assert market["limits"]["cost"]["min"] == 1.0
    book = await exchange.fetch_order_book("BTC/USD", 10)
    assert len(book["bids"]) == 10
    assert (await exchange.fetch_ticker("BTC/USD"))["bid"] > 60_000
    assert len(await exchange.fetch_ohlcv("BTC/USD", "5m", limit=5)) == 5
    assert await exchange.fetch_trades("BTC/USD", limit=50)
    balance = await exchange.fetch_balance({"v3": True})
    assert balance["USD"] == {"free": 1_000_000, "used": 0, "total": 1_000_000}


async def test_it_places_asks_for_edits_and_cancels_orders(exchange: Any) -> None:
    import ccxt

    params = {"client_order_id": "rival-1", "postOnly": True}
    order = await exchange.create_order("BTC/USD", "limit", "buy", 0.01, 50000, params)
    found = await until(exchange, order["id"], "open")
    assert (found["clientOrderId"], found["price"], found["amount"]) == ("rival-1", 50000, 0.01)
    assert [each["id"] for each in await exchange.fetch_open_orders("BTC/USD")] == [order["id"]]
    await exchange.edit_order(order["id"], "BTC/USD", "limit", "buy", 0.02, 51000)
    async with asyncio.timeout(10):
        while found["price"] != 51000:
            found = await exchange.fetch_order(order["id"])
    await exchange.cancel_order(order["id"])
    await until(exchange, order["id"], "canceled")
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order("BTC/USD", "limit", "buy", 1000, 50000)
    with pytest.raises(ccxt.BadRequest):  # whatever the reason in the result is
        await exchange.cancel_order("nobody-knows")
    with pytest.raises(ccxt.ExchangeError, match="order with this orderID was not found"):
        await exchange.fetch_order("nobody-knows")


async def test_it_trades_and_finds_its_fills(exchange: Any) -> None:
    order = await exchange.create_order("BTC/USD", "market", "sell", 0.01)
    found = await until(exchange, order["id"], "closed")
    assert found["filled"] == 0.01
    fills = await exchange.fetch_my_trades("BTC/USD")
    assert sum(fill["amount"] for fill in fills) == pytest.approx(0.01)
    assert fills[0]["takerOrMaker"] == "taker"
    assert fills[0]["fee"]["currency"] == "USD"


@pytest.mark.parametrize("exchange", ["es256"], indirect=True)  # its sockets know no other
async def test_it_follows_books_trades_and_orders(exchange: Any) -> None:
    await exchange.load_markets()
    book = await soon(exchange.watch_order_book("BTC/USD"))
    assert book["bids"][0][0] < book["asks"][0][0]
    assert (await soon(exchange.watch_ticker("ETH/USD")))["last"] > 0
    assert await soon(exchange.watch_trades("BTC/USD"))
    watching = asyncio.create_task(exchange.watch_orders("BTC/USD"))
    await asyncio.sleep(0.3)
    made = await exchange.create_order("BTC/USD", "limit", "buy", 0.01, 50000)
    orders = await soon(watching)
    assert orders[-1]["id"] == made["id"]
