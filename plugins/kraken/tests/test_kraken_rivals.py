"""Programs that others wrote for Kraken, against the simulator: their idea of it judges ours.

python-kraken-sdk checks the checksum of its book; ccxt parses everything that it is given.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from venuekit.sim.server import Simulator
from venuekit_kraken.sim import create

pytestmark = [
    pytest.mark.rivals,
    pytest.mark.foreign_client("kraken", "kraken"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(create(seed=12)) as simulator:
        yield simulator


async def soon(awaitable: Any, seconds: float = 15.0) -> Any:
    async with asyncio.timeout(seconds):
        return await awaitable


async def until(is_so: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for what somebody else's callback will have noted."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110  the rival offers nothing to wait for
            await asyncio.sleep(0.01)


# python-kraken-sdk.


async def test_the_kraken_sdk_reads_places_amends_and_cancels(simulator: Simulator) -> None:
    spot = pytest.importorskip("kraken.spot")
    credentials = simulator.dialect.credentials()
    keys = {"key": credentials.api_key, "secret": credentials.secret, "url": simulator.address}
    market, user, trade = spot.Market(url=simulator.address), spot.User(**keys), spot.Trade(**keys)

    def story() -> None:
        assert market.get_system_status()["status"] == "online"
        assert market.get_asset_pairs(pair="BTC/USD")["BTC/USD"]["pair_decimals"] == 1
        assert market.get_ohlc(pair="XBTUSD", interval=5)["XXBTZUSD"]
        assert market.get_order_book(pair="XBTUSD", count=2)["XXBTZUSD"]["asks"]
        assert market.get_recent_trades(pair="XBTUSD")["last"]
        assert user.get_account_balance()["XXBT"] == "10.0000000000"
        assert user.get_balances()["ZUSD"]["balance"] == "1000000.0000"
        placed = trade.create_order(
            ordertype="limit", side="buy", pair="XBTUSD", volume="0.01", price="50000"
        )
        (txid,) = placed["txid"]
        assert user.get_open_orders()["open"][txid]["status"] == "open"
        assert "amend_id" in trade.amend_order(extra_params={"txid": txid, "order_qty": "0.02"})
        batch = trade.create_order_batch(
            orders=[
                {"ordertype": "limit", "type": "buy", "volume": "0.01", "price": price}
                for price in ("40000", "41000")
            ],
            pair="XBTUSD",
        )
        assert len(batch["orders"]) == 2
        others = [each["txid"] for each in batch["orders"]]
        assert trade.cancel_order_batch(orders=others) == {"count": 2}
        assert trade.cancel_order(txid=txid) == {"count": 1}
        assert user.get_orders_info(txid=txid)[txid]["status"] == "canceled"
        filled = trade.create_order(ordertype="market", side="buy", pair="XBTUSD", volume="0.01")
        assert user.get_closed_orders()["closed"][filled["txid"][0]]["status"] == "closed"
        assert user.get_trades_history()["count"] >= 1
        assert user.get_ledgers_info()["count"] >= 2
        assert "triggerTime" in trade.cancel_all_orders_after_x(timeout=60)

    await asyncio.to_thread(story)


async def test_the_kraken_sdk_tells_errors_apart(simulator: Simulator) -> None:
    spot = pytest.importorskip("kraken.spot")
    exceptions = pytest.importorskip("kraken.exceptions")
    credentials = simulator.dialect.credentials()
    keys = {"key": credentials.api_key, "secret": credentials.secret, "url": simulator.address}
    trade = spot.Trade(**keys)

    def story() -> None:
        order = {"ordertype": "limit", "side": "buy", "pair": "XBTUSD", "price": "50000"}
        with pytest.raises(exceptions.KrakenInsufficientFundsError):
            trade.create_order(**order, volume="1000")
        (txid,) = trade.create_order(**order, volume="0.01")["txid"]
        trade.cancel_order(txid=txid)
        with pytest.raises(exceptions.KrakenUnknownOrderError):
            trade.cancel_order(txid=txid)
        stranger = spot.User(**{**keys, "key": "somebody else"})
        with pytest.raises(exceptions.KrakenInvalidAPIKeyError):
            stranger.get_account_balance()

    await asyncio.to_thread(story)


async def test_the_kraken_sdk_trades_over_a_socket(simulator: Simulator) -> None:
    spot = pytest.importorskip("kraken.spot")
    credentials = simulator.dialect.credentials()
    messages: list[Any] = []

    async def heard(message: Any) -> None:
        messages.append(message)

    client = spot.SpotWSClient(
        key=credentials.api_key,
        secret=credentials.secret,
        callback=heard,
        rest_url=simulator.address,
        # It adds the version itself.
        ws_url=f"{simulator.websocket_address}/public",
        auth_ws_url=f"{simulator.websocket_address}/private",
    )
    await client.start()
    try:
        await client.subscribe(params={"channel": "executions", "snap_orders": True})
        await client.subscribe(params={"channel": "ticker", "symbol": ["BTC/USD", "DOGE/USD"]})
        order = {
            "order_type": "limit",
            "side": "buy",
            "order_qty": 0.01,
            "limit_price": 50000,
            "symbol": "BTC/USD",
        }
        await client.send_message(message={"method": "add_order", "params": order})
        await until(lambda: any(each.get("method") == "add_order" for each in messages))
        (answer,) = (each for each in messages if each.get("method") == "add_order")
        assert answer["success"] is True
        await until(
            lambda: any(
                event["exec_type"] == "new"
                for each in messages
                if each.get("channel") == "executions" and each["type"] == "update"
                for event in each["data"]
            )
        )
        await until(
            lambda: (
                {each["data"][0]["symbol"] for each in messages if each.get("channel") == "ticker"}
                == {"BTC/USD", "DOGE/USD"}
            )
        )
    finally:
        await client.close()


async def test_the_kraken_sdk_finds_every_checksum_right(simulator: Simulator) -> None:
    spot = pytest.importorskip("kraken.spot")
    heard: list[Any] = []

    def told(pair: str, message: Any) -> None:
        heard.append((pair, message))

    class Book(spot.SpotOrderBookClient):  # type: ignore[misc, name-defined, unused-ignore]  # found at run time
        WS_URL = simulator.websocket_address

    client = Book(depth=25, callback=told)
    market = spot.Market(url=simulator.address)
    client._SpotOrderBookClient__market = market
    # It asks for decimals with a blocking call, which it remembers afterwards.
    for pair in ("BTC/USD", "DOGE/USD"):
        await asyncio.to_thread(market.get_asset_pairs, pair=pair)
    await client.start()
    try:
        await client.add_book(pairs=["BTC/USD", "DOGE/USD"])
        await until(lambda: len(heard) >= 20)
        assert {pair for pair, _ in heard} == {"BTC/USD", "DOGE/USD"}
        assert not any("error" in message for _, message in heard)
        assert all(client.get(pair=pair)["valid"] for pair in ("BTC/USD", "DOGE/USD"))
    finally:
        await client.close()


# ccxt.


@pytest.fixture
async def exchange(simulator: Simulator) -> AsyncIterator[Any]:
    pytest.importorskip("ccxt")
    import ccxt.pro

    credentials = simulator.dialect.credentials()
    exchange = ccxt.pro.kraken(
        {"apiKey": credentials.api_key, "secret": credentials.secret, "enableRateLimit": False}
    )
    api = exchange.urls["api"]
    api["public"] = api["private"] = simulator.address
    api["ws"]["publicV2"] = f"{simulator.websocket_address}/v2"
    api["ws"]["privateV2"] = f"{simulator.websocket_address}/private/v2"
    yield exchange
    await exchange.close()


async def test_ccxt_loads_markets_and_reads_them(exchange: Any) -> None:
    markets = await exchange.load_markets()
    market = markets["BTC/USD"]
    assert (market["id"], market["active"], market["precision"]["price"]) == ("XXBTZUSD", True, 0.1)
    assert "DOGE/USD" in markets
    book = await exchange.fetch_order_book("BTC/USD", 10)
    assert len(book["bids"]) == 10
    assert (await exchange.fetch_ticker("DOGE/USD"))["last"] < 1
    assert len(await exchange.fetch_ohlcv("BTC/USD", "1m", limit=5)) == 5
    assert await exchange.fetch_trades("BTC/USD")


async def test_ccxt_places_asks_for_edits_and_cancels(exchange: Any) -> None:
    import ccxt

    await exchange.load_markets()
    name = "6d1b345e-2821-40e2-ad83-4ecb18a06876"
    params = {"clientOrderId": name}
    order = await exchange.create_order("BTC/USD", "limit", "buy", 0.01, 50000, params)
    found = await exchange.fetch_order(order["id"], "BTC/USD")
    assert (found["status"], found["price"], found["clientOrderId"]) == ("open", 50000, name)
    assert [each["id"] for each in await exchange.fetch_open_orders()] == [order["id"]]
    assert (await exchange.fetch_balance())["USD"]["used"] > 500
    await exchange.cancel_order(order["id"])
    assert (await exchange.fetch_order(order["id"]))["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order(order["id"])
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order("BTC/USD", "limit", "buy", 1000, 50000)
    bought = await exchange.create_order("BTC/USD", "market", "buy", 0.01)
    done = await exchange.fetch_order(bought["id"])
    assert (done["status"], done["filled"]) == ("closed", 0.01)
    trades = await exchange.fetch_my_trades()
    assert {each["order"] for each in trades} == {bought["id"]}
    assert await exchange.fetch_ledger("USD")
    fee = await exchange.fetch_trading_fee("BTC/USD")
    assert (fee["maker"], fee["taker"]) == (0.0025, 0.004)
    await exchange.create_order("BTC/USD", "limit", "buy", 0.01, 50000)
    await exchange.cancel_all_orders()
    assert await exchange.fetch_open_orders() == []


async def test_ccxt_follows_the_market(exchange: Any) -> None:
    # Its own check of the checksum is broken: it splits numbers as if they were texts.
    await soon(exchange.load_markets())
    for _ in range(6):
        book = await soon(exchange.watch_order_book("BTC/USD"))
    assert book["bids"][0][0] < book["asks"][0][0]
    assert await soon(exchange.watch_trades("BTC/USD"))
    assert (await soon(exchange.watch_ticker("BTC/USD")))["last"] > 1_000


async def test_ccxt_trades_over_a_socket_and_hears_of_it(exchange: Any) -> None:
    await soon(exchange.load_markets())
    waiting = asyncio.ensure_future(exchange.watch_orders("BTC/USD"))
    await asyncio.sleep(0.2)
    order = await soon(exchange.create_order_ws("BTC/USD", "limit", "buy", 0.01, 50000))
    heard = await soon(waiting)
    assert {each["id"] for each in heard} == {order["id"]}
    await soon(exchange.cancel_order_ws(order["id"]))
    assert (await soon(exchange.fetch_order(order["id"])))["status"] == "canceled"
    balance = await soon(exchange.watch_balance())
    assert balance["BTC"]["total"] == 10
