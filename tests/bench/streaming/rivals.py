"""Other people's clients on the same messages, as their documentation says to use them.

Neither can be compared wholly: `ccxt.pro` makes floats of all numbers, hands on a book only in its
newest state (what came between two looks is one look), and takes two sockets; `cryptofeed` takes
aggregate trades, and gets the same trades in that form.
"""

import asyncio
import sys
from typing import Any

from tests.bench.streaming.frames import SYMBOL
from tests.bench.streaming.meter import Meter


async def ccxt_pro(meter: Meter) -> dict[str, Any]:
    """`watch_trades` and `watch_order_book`, the best prices read each time."""
    import ccxt.pro

    exchange = ccxt.pro.binance({"enableRateLimit": False, "newUpdates": True})
    exchange.urls["api"]["public"] = f"{meter.url}/api/v3"
    exchange.urls["api"]["ws"]["spot"] = f"{meter.url.replace('http', 'ws')}/stream/ws"
    exchange.set_markets(
        [
            exchange.safe_market_structure(
                {
                    "id": SYMBOL,
                    "lowercaseId": SYMBOL.lower(),
                    "symbol": "BTC/USDT",
                    "base": "BTC",
                    "quote": "USDT",
                    "type": "spot",
                    "spot": True,
                    "contract": False,
                    "option": False,
                }
            )
        ]
    )
    seen = [0, 0]

    async def read_trades() -> None:
        while seen[0] < last["trade"]:
            for trade in await exchange.watch_trades("BTC/USDT"):
                seen[0] = max(seen[0], int(trade["id"]))

    async def read_book() -> None:
        while seen[1] < last["update"]:
            book = await exchange.watch_order_book("BTC/USDT")
            _ = book["bids"][0], book["asks"][0]
            seen[1] = book["nonce"]

    last = {"trade": sys.maxsize, "update": sys.maxsize}  # not known before the server tells
    reading = [asyncio.create_task(read_trades()), asyncio.create_task(read_book())]
    last |= await meter.ready(2)
    while exchange.orderbooks.get("BTC/USDT", {}).get("nonce") is None:  # noqa: ASYNC110  # not measured
        await asyncio.sleep(0.01)
    await meter.begin()
    await asyncio.gather(*reading)
    book = exchange.orderbooks["BTC/USDT"]
    found = meter.end([*book["bids"][0][:2], *book["asks"][0][:2]])
    await exchange.close()
    return found


async def cryptofeed(meter: Meter) -> dict[str, Any]:
    """Callbacks for trades and the book, the best prices read each time."""
    from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
    from cryptofeed.defines import L2_BOOK, TRADES
    from cryptofeed.exchanges import Binance

    address = meter.url.removeprefix("http://")
    done = asyncio.Event()
    last: dict[str, int] = {}
    seen = [0, 0]
    best: list[Any] = []

    def look() -> None:
        if last and seen[0] >= last["trade"] and seen[1] >= last["update"]:
            done.set()

    async def on_trade(trade: Any, _: float) -> None:
        seen[0] = int(trade.id)
        look()

    async def on_book(book: Any, _: float) -> None:
        best[:] = (*book.book.bids.index(0), *book.book.asks.index(0))
        seen[1] = book.sequence_number
        look()

    class Local(Binance):  # type: ignore[misc]  # without types
        """The same, here; it insists on `wss` until it is made."""

        websocket_endpoints = (WebsocketEndpoint(f"wss://{address}"),)
        rest_endpoints = (
            RestEndpoint(
                meter.url,
                routes=Routes("/api/v3/exchangeInfo", l2book="/api/v3/depth?symbol={}&limit={}"),
            ),
        )

        def connect(self) -> Any:
            connections = super().connect()
            for connection, *_ in connections:
                connection.address = connection.address.replace("wss:", "ws:")
            return connections

    feed = Local(
        symbols=["BTC-USDT"],
        channels=[TRADES, L2_BOOK],
        callbacks={TRADES: on_trade, L2_BOOK: on_book},
        config={"log": {"disabled": True}},
    )
    feed.start(asyncio.get_running_loop())
    last |= await meter.ready(2)
    await meter.begin()
    await done.wait()
    found = meter.end(best)
    await feed.shutdown()
    return found
