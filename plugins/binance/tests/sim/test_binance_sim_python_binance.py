"""python-binance against the simulator: another client's idea of the exchange judges ours."""

import asyncio
from typing import Any

import pytest

from venuekit.sim.server import Simulator
from venuekit_binance.sim.dialect import BinanceDialect

binance = pytest.importorskip("binance")
pytestmark = [
    pytest.mark.rivals,
    pytest.mark.foreign_client("binance", "binance"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
async def simulator() -> Any:
    async with Simulator(BinanceDialect(seed=11)) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Any) -> Any:
    credentials = simulator.dialect.credentials()
    client = binance.AsyncClient(credentials.api_key, credentials.secret)
    client.API_URL = f"{simulator.address}/api"
    client.MARGIN_API_URL = f"{simulator.address}/sapi"
    client.ws_api._url = f"{simulator.websocket_address}/ws-api/v3"
    client.ws_api.TIMEOUT = 0.2  # it reads until then before it lets itself be closed
    yield client
    await client.close_connection()


@pytest.fixture
def sockets(simulator: Any, client: Any) -> Any:
    manager = binance.BinanceSocketManager(client)
    manager.STREAM_URL = f"{simulator.websocket_address}/"
    return manager


async def collect(stream: Any, number: Any, seconds: Any = 5.0) -> Any:
    async with asyncio.timeout(seconds), stream as socket:
        return [await socket.recv() for _ in range(number)]


async def test_it_reads_the_market(client: Any) -> None:
    assert await client.ping() == {}
    info = await client.get_symbol_info("BTCUSDT")
    assert info["baseAsset"] == "BTC"
    book = await client.get_order_book(symbol="BTCUSDT", limit=10)
    assert len(book["bids"]) == 10
    bars = await client.get_klines(symbol="BTCUSDT", interval="1m", limit=5)
    assert len(bars) == 5
    assert (await client.get_ticker(symbol="BTCUSDT"))["symbol"] == "BTCUSDT"
    assert len(await client.get_all_tickers()) == 10
    assert (await client.get_avg_price(symbol="BTCUSDT"))["mins"] == 5
    assert await client.get_recent_trades(symbol="BTCUSDT")
    assert (await client.get_system_status())["status"] == 0


async def test_it_places_asks_for_and_cancels_orders(client: Any) -> None:
    order = await client.order_limit_buy(
        symbol="BTCUSDT", quantity="0.01", price="60000.00", newClientOrderId="rival-1"
    )
    assert order["status"] == "NEW"
    found = await client.get_order(symbol="BTCUSDT", origClientOrderId="rival-1")
    assert found["orderId"] == order["orderId"]
    assert len(await client.get_open_orders(symbol="BTCUSDT")) == 1
    with pytest.raises(binance.exceptions.BinanceAPIException) as caught:
        await client.order_limit_buy(
            symbol="BTCUSDT", quantity="0.01", price="60000.00", newClientOrderId="rival-1"
        )
    assert caught.value.code == -2010
    gone = await client.cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
    assert gone["status"] == "CANCELED"
    bought = await client.order_market_buy(symbol="BTCUSDT", quantity="0.002")
    assert bought["status"] == "FILLED"
    assert len(await client.get_my_trades(symbol="BTCUSDT")) == len(bought["fills"])
    balance = await client.get_asset_balance("BTC")
    assert 10.0019 < float(balance["free"]) < 10.002
    await client.create_test_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.01")


async def test_it_signs_symbols_outside_of_ascii(client: Any) -> None:
    order = await client.order_limit_buy(symbol="这是测试币456", quantity="10", price="1.00")
    assert (order["symbol"], order["status"]) == ("这是测试币456", "NEW")


async def test_it_places_order_lists(client: Any) -> None:
    placed = await client.create_oco_order(
        symbol="BTCUSDT", side="SELL", quantity="0.01",
        aboveType="LIMIT_MAKER", abovePrice="66000.00",
        belowType="STOP_LOSS_LIMIT", belowStopPrice="62000.00", belowPrice="61900.00",
        belowTimeInForce="GTC",
    )  # fmt: skip
    assert len(placed["orderReports"]) == 2
    assert len(await client.get_open_orders(symbol="BTCUSDT")) == 2


async def test_it_speaks_the_websocket_api(client: Any) -> None:
    assert (await client.ws_get_time())["serverTime"] > 1_700_000_000_000
    order = await client.ws_create_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC",
        quantity="0.01", price="60000.00",
    )  # fmt: skip
    assert order["status"] == "NEW"
    gone = await client.ws_cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
    assert gone["status"] == "CANCELED"


async def test_it_follows_market_streams(sockets: Any) -> None:
    (trade,) = await collect(sockets.trade_socket("BTCUSDT"), 1)
    assert trade["s"] == "BTCUSDT"
    first, second = await collect(sockets.depth_socket("BTCUSDT", interval=100), 2)
    assert second["U"] == first["u"] + 1
    (ticker,) = await collect(sockets.symbol_book_ticker_socket("BTCUSDT"), 1)
    assert float(ticker["b"]) < float(ticker["a"])
    messages = await collect(sockets.multiplex_socket(["btcusdt@trade", "ethusdt@trade"]), 4)
    assert {message["stream"] for message in messages} <= {"btcusdt@trade", "ethusdt@trade"}


async def test_it_keeps_a_book(client: Any, sockets: Any) -> None:
    manager = binance.DepthCacheManager(client, "BTCUSDT", ws_interval=100)
    manager._bm.STREAM_URL = sockets.STREAM_URL
    async with asyncio.timeout(15), manager as cache:
        for _ in range(4):
            book = await cache.recv()
    assert book.get_bids()[0][0] < book.get_asks()[0][0]


async def test_it_follows_its_account(client: Any, sockets: Any) -> None:
    async with asyncio.timeout(10), sockets.user_socket() as stream:
        order = await client.order_limit_buy(symbol="BTCUSDT", quantity="0.01", price="60000.00")
        events = [await stream.recv() for _ in range(2)]
        await client.cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
        events += [await stream.recv() for _ in range(2)]
    assert [event.get("x") for event in events] == ["NEW", None, "CANCELED", None]
    assert events[0]["i"] == order["orderId"]
