"""One contender, in a process of its own: takes all messages, and says what that cost.

Arguments: its name, the server's port, how many messages. Prints one JSON line.
"""

import asyncio
import json
import random
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec

from tests.bench.streaming.frames import SYMBOL


class _Trade(msgspec.Struct):
    s: str
    t: int
    p: Decimal
    q: Decimal
    T: int
    m: bool


class _Depth(msgspec.Struct):
    E: int
    s: str
    U: int
    u: int
    b: list[tuple[Decimal, Decimal]]
    a: list[tuple[Decimal, Decimal]]


class _Trades(msgspec.Struct):
    stream: str
    data: _Trade


class _Depths(msgspec.Struct):
    stream: str
    data: _Depth


class Meter:
    """CPU and time from the first message to the last."""

    def __init__(self, port: int, count: int) -> None:
        """Expect so many messages."""
        self.url = f"http://127.0.0.1:{port}"
        self.count = count
        self._cpu = 0.0
        self._wall = 0.0
        self._rss = 0

    async def begin(self) -> None:
        """Have the server begin."""
        self._rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/go"):
            self._cpu, self._wall = time.process_time(), time.perf_counter()

    def end(self) -> dict[str, Any]:
        """Say what it cost."""
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "cpu_us": cpu / self.count * 1e6,
            "per_s": self.count / wall,
            "grown_mb": (peak - self._rss) / 1024,
            "peak_mb": peak / 1024,
        }


async def floor(meter: Meter) -> dict[str, Any]:
    """Receive with aiohttp and decode with msgspec into typed values with Decimals: no more."""
    trades = msgspec.json.Decoder(_Trades)
    depths = msgspec.json.Decoder(_Depths)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{meter.url}/stream", compress=0, max_msg_size=0) as socket,
    ):
        await socket.send_str(json.dumps({"method": "SUBSCRIBE", "params": [], "id": 1}))
        await socket.receive()
        await meter.begin()
        for _ in range(meter.count):
            data = (await socket.receive()).data
            if "@trade" in data[:40]:
                trades.decode(data)
            else:
                depths.decode(data)
    return meter.end()


async def venuekit(meter: Meter) -> dict[str, Any]:
    """Follow trades with `async for`, and a live book whose best prices are read each time."""
    from venuekit.model import (  # each contender imports itself alone
        Grid,
        Instrument,
        Instruments,
        InstrumentStatus,
        Symbol,
    )
    from venuekit.plugin import Subscription, Topic
    from venuekit.streams import LiveBook, StreamHub
    from venuekit.transport import AiohttpTransport, Timeouts
    from venuekit_binance.adapter import BinanceAdapter

    instrument = Instrument(
        symbol=Symbol("BTC/USDT"),
        native=SYMBOL,
        base="BTC",
        quote="USDT",
        status=InstrumentStatus.TRADING,
        price=Grid(),
        quantity=Grid(),
    )
    adapter = BinanceAdapter("sim")
    adapter.instruments = Instruments([instrument])
    address = meter.url.removeprefix("http://")
    hosts = {"rest": f"http://{address}", "stream": f"ws://{address}", "ws": f"ws://{address}"}
    hosts |= {channel.host: f"ws://{address}" for channel in adapter.channels()}
    transport = AiohttpTransport(hosts, loopback=True)
    keeping = adapter.book_keeping()

    async def fetch() -> Any:
        call = adapter.fetch_book(instrument, depth=1000)
        answer = await transport.send(call.request, timeouts=Timeouts())
        return call.read(answer)

    class Clock:
        def now_ns(self) -> int:
            return time.time_ns()

    trades = (meter.count + 2) // 3
    changes = meter.count - trades
    async with StreamHub(
        exchange="binance",
        account="main",
        adapter=adapter,
        transport=transport,
        clock=Clock(),
        random=random.Random(1),
    ) as hub:
        stream: Any = hub.subscribe(Subscription(Topic.TRADES, instrument), capacity=meter.count)
        live = LiveBook(hub=hub, instrument=instrument, keeping=keeping, fetch=fetch)

        async def read_trades() -> None:
            for _ in range(trades):
                await anext(stream)

        async def read_book() -> None:
            book = live.book
            updates = live.updates(capacity=meter.count)
            for _ in range(changes):
                await anext(updates)
                book.best_bid()
                book.best_ask()

        async with live:
            await _subscribed(hub)
            reading = [asyncio.create_task(read_trades()), asyncio.create_task(read_book())]
            await asyncio.sleep(0)
            await meter.begin()
            await asyncio.gather(*reading)
            found = meter.end()
        await stream.aclose()
    await transport.close()
    return found


async def _subscribed(hub: Any) -> None:
    """Wait until everything is subscribed."""
    from venuekit.model import StreamState

    while any(feed.state is not StreamState.LIVE for feed in hub._feeds.values()):  # noqa: ASYNC110  # not measured
        await asyncio.sleep(0.01)


CONTENDERS: dict[str, Callable[[Meter], Awaitable[dict[str, Any]]]] = {
    "floor": floor,
    "venuekit": venuekit,
}


def main() -> None:
    """Run the one that was asked for."""
    name, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    meter = Meter(port, count)
    print(json.dumps(asyncio.run(CONTENDERS[name](meter))))  # type: ignore[arg-type]  # coroutines


if __name__ == "__main__":
    main()
