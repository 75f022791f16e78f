"""The official SDK against the simulator: the exchange's own client judges ours."""

import asyncio
import json
import queue
from collections.abc import Callable
from typing import Any

import pytest

from venuekit.sim.server import Simulator
from venuekit_coinbase.sim.dialect import CoinbaseDialect

pytestmark = [pytest.mark.rivals, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
async def simulator() -> Any:
    async with Simulator(CoinbaseDialect(seed=12)) as simulator:
        yield simulator


@pytest.fixture(params=["es256", "ed25519"])
def client(simulator: Any, request: Any) -> Any:
    from coinbase.rest import RESTClient
    from requests.adapters import HTTPAdapter

    class Plain(HTTPAdapter):
        """The SDK writes https before every address; the simulator has no certificate."""

        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            request.url = request.url.replace("https://", "http://", 1)
            return super().send(request, *args, **kwargs)

    credentials = simulator.dialect.credentials(algorithm=request.param)
    client = RESTClient(
        api_key=credentials.api_key,
        api_secret=credentials.secret,
        base_url=simulator.address.removeprefix("http://"),
        rate_limit_headers=True,
        timeout=10,
    )
    client.session.mount("https://", Plain())
    return client


async def call(function: Callable[..., Any], *args: Any, **fields: Any) -> Any:
    """Call the SDK, which blocks, from a thread; give the answer as plain data."""
    return (await asyncio.to_thread(function, *args, **fields)).to_dict()


async def until(client: Any, order_id: str, *statuses: str) -> Any:
    async with asyncio.timeout(10):
        while True:
            order = (await call(client.get_order, order_id))["order"]
            if order["status"] in statuses:
                return order


async def test_it_reads_markets_and_accounts(client: Any) -> None:
    assert (await call(client.get_unix_time))["iso"].endswith("Z")
    products = await call(client.get_public_products)
    assert "BTC-USD" in {each["product_id"] for each in products["products"]}
    book = (await call(client.get_product_book, "BTC-USD", limit=5))["pricebook"]
    assert len(book["bids"]) == 5
    assert (await call(client.get_market_trades, "BTC-USD", limit=5))["trades"]
    accounts = await call(client.get_accounts, limit=250)
    assert not accounts["has_next"]
    assert (await call(client.get_api_key_permissions))["can_trade"]
    assert (await call(client.get_transaction_summary))["fee_tier"]["taker_fee_rate"] == "0.0060"


async def test_it_places_edits_cancels_and_lists_orders(client: Any) -> None:
    made = await call(client.limit_order_gtc_buy, "sdk-1", "BTC-USD", "0.01", "50000")
    order_id = made["success_response"]["order_id"]
    assert (await until(client, order_id, "OPEN"))["client_order_id"] == "sdk-1"
    preview = await call(client.preview_edit_order, order_id, size="0.02", price="51000")
    assert preview["errors"] == []
    assert (await call(client.edit_order, order_id, size="0.02", price="51000"))["success"]
    order = await until(client, order_id, "OPEN")
    assert order["order_configuration"]["limit_limit_gtc"]["limit_price"] == "51000"
    (result,) = (await call(client.cancel_orders, [order_id]))["results"]
    assert result["success"]
    await until(client, order_id, "CANCELLED")
    listed = await call(client.list_orders, order_ids=[order_id], limit=10)
    assert [each["status"] for each in listed["orders"]] == ["CANCELLED"]
    refused = await call(client.limit_order_gtc_buy, "sdk-2", "BTC-USD", "1000", "50000")
    assert refused["error_response"]["error"] == "INSUFFICIENT_FUND"
    preview = await call(client.preview_market_order_buy, "BTC-USD", quote_size="100")
    assert preview["errs"] == []


async def test_it_trades_and_lists_fills(client: Any) -> None:
    made = await call(client.market_order_buy, "sdk-3", "BTC-USD", quote_size="100")
    order_id = made["success_response"]["order_id"]
    order = await until(client, order_id, "FILLED")
    fills = (await call(client.get_fills, order_ids=[order_id]))["fills"]
    assert len(fills) == int(order["number_of_fills"])
    assert all(fill["size_in_quote"] for fill in fills)


@pytest.mark.parametrize("algorithm", ["es256", "ed25519"])
async def test_it_follows_books_trades_and_orders(simulator: Any, algorithm: str) -> None:
    from coinbase.websocket import WSClient, WSUserClient

    credentials = simulator.dialect.credentials(algorithm=algorithm)
    frames: queue.Queue[Any] = queue.Queue()

    def line(kind: Any, path: str) -> Any:
        return kind(
            api_key=credentials.api_key,
            api_secret=credentials.secret,
            base_url=simulator.websocket_address + path,
            on_message=lambda text: frames.put(json.loads(text)),
            retry=False,
        )

    async def wanted(channel: str, kind: str) -> Any:
        async with asyncio.timeout(10):
            while True:
                frame = await asyncio.to_thread(frames.get, timeout=10)
                if frame.get("channel") == channel:
                    for event in frame["events"]:
                        if event.get("type", kind) == kind:
                            return event

    market, user = line(WSClient, "/"), line(WSUserClient, "/user")
    await asyncio.to_thread(market.open)
    await asyncio.to_thread(market.heartbeats)
    await asyncio.to_thread(market.level2, ["BTC-USD"])
    assert (await wanted("l2_data", "snapshot"))["updates"]
    assert (await wanted("l2_data", "update"))["product_id"] == "BTC-USD"
    await asyncio.to_thread(market.market_trades, ["BTC-USD"])
    assert (await wanted("market_trades", "snapshot"))["trades"]
    assert (await wanted("heartbeats", ""))["heartbeat_counter"]
    await asyncio.to_thread(market.close)
    await asyncio.to_thread(user.open)
    await asyncio.to_thread(user.user, ["BTC-USD"])
    assert (await wanted("user", "snapshot"))["orders"] == []
    await asyncio.to_thread(user.close)
