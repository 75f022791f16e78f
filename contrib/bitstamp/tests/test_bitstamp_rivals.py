"""Somebody else's client against the simulator: its idea of Bitstamp judges ours."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from venuekit.sim.server import Simulator
from venuekit_bitstamp.sim import create

pytestmark = [
    pytest.mark.rivals,
    pytest.mark.foreign_client("bitstamp", "ccxt"),
    pytest.mark.filterwarnings("ignore"),
]
SYMBOL = "BTC/USD"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(create(seed=12)) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Any]:
    ccxt = pytest.importorskip("ccxt.pro")
    key = simulator.dialect.credentials()

    class Rerouted(ccxt.bitstamp):  # type: ignore[misc, name-defined]  # it has no types
        """It signs for the real host, as it does, and asks the simulator."""

        async def fetch(self, url: str, *rest: Any, **named: Any) -> Any:
            here = url.replace("https://www.bitstamp.net", simulator.address)
            return await super().fetch(here, *rest, **named)

    client = Rerouted({"apiKey": key.api_key, "secret": key.secret, "newUpdates": False})
    client.urls["api"]["ws"] = f"{simulator.websocket_address}/ws"
    try:
        yield client
    finally:
        await client.close()


async def soon(awaitable: Any, seconds: float = 15.0) -> Any:
    async with asyncio.timeout(seconds):
        return await awaitable


async def test_ccxt_reads_the_market(client: Any) -> None:
    markets = await soon(client.load_markets())
    assert (markets[SYMBOL]["precision"]["amount"], markets[SYMBOL]["precision"]["price"]) == (
        1e-08,
        1.0,
    )
    book = await soon(client.fetch_order_book(SYMBOL))
    assert book["bids"][0][0] < book["asks"][0][0]
    assert book["nonce"] > 1_000_000_000_000_000
    trades = await soon(client.fetch_trades(SYMBOL))
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    candles = await soon(client.fetch_ohlcv(SYMBOL, "1h", limit=3))
    assert len(candles) == 3
    assert (await soon(client.fetch_ticker(SYMBOL)))["last"] > 0


async def test_ccxt_places_queries_and_cancels(client: Any) -> None:
    placed = await soon(
        client.create_order(SYMBOL, "limit", "buy", 0.001, 60000, {"clientOrderId": "mine-1"})
    )
    assert (placed["side"], placed["clientOrderId"], placed["amount"]) == ("buy", "mine-1", 0.001)
    assert (await soon(client.fetch_order(placed["id"], SYMBOL)))["status"] == "open"
    by_ours = await soon(client.fetch_order("", SYMBOL, {"clientOrderId": "mine-1"}))
    assert by_ours["id"] == placed["id"]
    assert [order["id"] for order in await soon(client.fetch_open_orders(SYMBOL))] == [placed["id"]]
    await soon(client.cancel_order(placed["id"], SYMBOL))
    assert (await soon(client.fetch_order(placed["id"], SYMBOL)))["status"] == "canceled"

    bought = await soon(client.create_order(SYMBOL, "market", "buy", 0.01))
    (trade, *_) = (await soon(client.fetch_order(bought["id"], SYMBOL)))["trades"]
    assert trade["price"] > 0
    mine = await soon(client.fetch_my_trades(SYMBOL))
    assert sum(each["amount"] for each in mine) == pytest.approx(0.01)
    assert {each["order"] for each in mine} == {bought["id"]}
    assert {each["side"] for each in mine} == {"buy"}
    balance = await soon(client.fetch_balance())
    assert balance["BTC"]["total"] == pytest.approx(5.01)
    assert (await soon(client.fetch_trading_fee(SYMBOL)))["taker"] == 0.4

    for price in (59000, 59001):
        await soon(client.create_order(SYMBOL, "limit", "buy", 0.001, price))
    gone = await soon(client.cancel_all_orders(SYMBOL))
    assert len(gone) == 2


async def test_ccxt_tells_errors_apart(client: Any) -> None:
    errors = pytest.importorskip("ccxt")
    with pytest.raises(errors.InsufficientFunds):
        await soon(client.create_order(SYMBOL, "limit", "buy", 9, 60000))
    with pytest.raises(errors.InvalidOrder):
        await soon(client.create_order(SYMBOL, "limit", "buy", 0.00001, 60000))
    with pytest.raises(errors.OrderNotFound):
        await soon(client.cancel_order("1400000000009990", SYMBOL))
    client.secret = "wrong"
    with pytest.raises(errors.AuthenticationError):
        await soon(client.fetch_balance())


async def test_ccxt_follows_trades(client: Any) -> None:
    await soon(client.load_markets())
    trades = await soon(client.watch_trades(SYMBOL))
    assert trades[0]["price"] > 0
    assert trades[0]["side"] in {"buy", "sell"}
