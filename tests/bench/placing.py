"""A placed order: a hand-signed aiohttp request as the floor, venuekit, and the rivals.

All talk to the same simulator in another process, in turns, so that noise meets them alike.
"""

import asyncio
import functools
import gc
import hashlib
import hmac
import itertools
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import attrs

import venuekit
from tests.bench.samples import Samples, table
from venuekit.configuration import Configuration, configuration_from_text

ROUNDS, BATCH = 30, 40
SETTLE_S = 0.05
PRICE, QUANTITY = "30000.00", "0.00100"
Place = Callable[[], Awaitable[object]]


@attrs.frozen
class Known:
    """What a contender is told: where the server is, and a key of its own."""

    address: str
    api_key: str
    secret: str


@asynccontextmanager
async def server(*names: str, synthetic: int = 0) -> AsyncIterator[dict[str, Known]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.server",
        str(synthetic),
        *names,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        told = json.loads(await process.stdout.readline())
        yield {name: Known(told["address"], *key) for name, key in told["keys"].items()}
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def by_hand(known: Known) -> AsyncIterator[Place]:
    """The least that can place an order: sign, send, read the JSON. No journal, no checks."""
    secret = known.secret.encode()
    numbers = itertools.count()
    async with aiohttp.ClientSession(headers={"X-MBX-APIKEY": known.api_key}) as session:

        async def place() -> object:
            payload = (
                f"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={QUANTITY}"
                f"&price={PRICE}&newClientOrderId=hand-{next(numbers)}&newOrderRespType=FULL"
                f"&recvWindow=2000&timestamp={time.time_ns() // 1_000_000}"
            )
            signature = hmac.new(secret, payload.encode(), hashlib.sha256).hexdigest()
            url = f"{known.address}/api/v3/order?{payload}&signature={signature}"
            async with session.post(url) as answer:
                body = await answer.json()
            assert body["status"] == "NEW", body
            return body

        yield place


def configuration(known: Known, folder: str, durability: str) -> Configuration:
    """Point venuekit at the server, with a journal in `folder`."""
    return configuration_from_text(
        f"""
        [store]
        url = "sqlite:{Path(folder) / "journal.db"}"
        durability = "{durability}"
        [exchanges.binance]
        address = "{known.address.removeprefix("http://")}"
        [exchanges.binance.accounts.bench]
        api_key = "file:{_private(folder, "key", known.api_key)}"
        secret = "file:{_private(folder, "secret", known.secret)}"
        """
    )


@asynccontextmanager
async def with_venuekit(known: Known, durability: str) -> AsyncIterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        config = configuration(known, folder, durability)
        async with venuekit.open("binance", config=config) as ex:

            async def place() -> object:
                request = venuekit.limit_buy("BTC/USDT", quantity=QUANTITY, price=PRICE)
                return await ex.place(request)

            yield place


def _private(folder: str, name: str, text: str) -> Path:
    path = Path(folder) / name
    path.touch(mode=0o600)
    path.write_text(text)
    return path


@asynccontextmanager
async def with_ccxt(known: Known) -> AsyncIterator[Place]:
    import ccxt.async_support as ccxt

    exchange: Any = ccxt.binance(
        {
            "apiKey": known.api_key,
            "secret": known.secret,
            "enableRateLimit": False,
            "options": {
                "defaultType": "spot",
                "fetchMarkets": {"types": ["spot"]},
                "fetchCurrencies": False,
                "fetchMargins": False,
            },
        }
    )
    for name, url in exchange.urls["api"].items():
        if isinstance(url, str):
            path = url.split("//", 1)[1].partition("/")[2]
            exchange.urls["api"][name] = f"{known.address}/{path}"
    try:
        await exchange.load_markets()

        async def place() -> object:
            return await exchange.create_order(
                "BTC/USDT", "limit", "buy", float(QUANTITY), float(PRICE)
            )

        yield place
    finally:
        await exchange.close()


@asynccontextmanager
async def with_python_binance(known: Known) -> AsyncIterator[Place]:
    from binance import AsyncClient

    client = AsyncClient(known.api_key, known.secret)
    client.API_URL = known.address + "/api"
    try:

        async def place() -> object:
            return await client.create_order(
                symbol="BTCUSDT",
                side="BUY",
                type="LIMIT",
                timeInForce="GTC",
                quantity=QUANTITY,
                price=PRICE,
            )

        yield place
    finally:
        await client.close_connection()


async def cancel_all(known: Known) -> None:
    """Empty the book between rounds, so that the server's work stays the same."""
    payload = f"symbol=BTCUSDT&timestamp={time.time_ns() // 1_000_000}"
    secret = known.secret.encode()
    signature = hmac.new(secret, payload.encode(), hashlib.sha256).hexdigest()
    url = f"{known.address}/api/v3/openOrders?{payload}&signature={signature}"
    async with (
        aiohttp.ClientSession(headers={"X-MBX-APIKEY": known.api_key}) as session,
        session.delete(url) as answer,
    ):
        assert answer.status == 200, await answer.text()


CONTENDERS: dict[str, Callable[[Known], AbstractAsyncContextManager[Place]]] = {
    "aiohttp, signed by hand (floor)": by_hand,
    "venuekit, journal process-safe": functools.partial(with_venuekit, durability="process"),
    "venuekit, journal power-safe": functools.partial(with_venuekit, durability="power"),
    "python-binance": with_python_binance,
    "ccxt": with_ccxt,
}


async def run() -> str:
    async with server(*CONTENDERS) as known, AsyncExitStack() as stack:
        rows = [
            (Samples(name), await stack.enter_async_context(manager(known[name])))
            for name, manager in CONTENDERS.items()
        ]
        for round_number in range(ROUNDS + 1):
            for samples, place in rows:
                await samples.measure(place, BATCH)
                await cancel_all(known[samples.name])
                # What the streams have to tell of it is read outside of the measurement.
                await asyncio.sleep(SETTLE_S)
            if round_number == 0:  # connections, caches and branch predictors are warm now
                # Rivals bring large modules into this process; walking them is nobody's order.
                gc.collect()
                gc.freeze()
                for samples, _ in rows:
                    samples.wall_s.clear()
                    samples.cpu_s.clear()
        measured = [samples for samples, _ in rows]
        return table("A placed order", measured, floor=measured[0], goal="process-safe ≤ 1.5×")
