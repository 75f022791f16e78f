"""One contender, in a process of its own: takes all messages, and says what that cost.

Arguments: its name, the server's port, how many messages, and how many a second (0: as fast as
they are taken). Prints one JSON line.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.bench.streaming import rivals
from tests.bench.streaming.frames import SYMBOL, SYMBOLS
from tests.bench.streaming.meter import Meter


async def floor(meter: Meter) -> dict[str, Any]:
    """Receive with aiohttp and decode with msgspec into typed values with Decimals: no more."""
    import aiohttp  # each contender imports itself alone
    import msgspec

    from tests.bench.streaming.floor_types import Depths, Trades

    trades = msgspec.json.Decoder(Trades)
    depths = msgspec.json.Decoder(Depths)
    lower = SYMBOL.lower()
    asked = {
        "method": "SUBSCRIBE",
        "params": [f"{lower}@trade", f"{lower}@depth@100ms"],
        "id": 1,
    }
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{meter.url}/stream", compress=0, max_msg_size=0) as socket,
    ):
        await socket.send_str(json.dumps(asked))
        await socket.receive()
        await meter.begin()
        if meter.pace:
            for _ in range(meter.count):
                data = (await socket.receive()).data
                meter.came(
                    trades.decode(data).data.T
                    if "@trade" in data[:40]
                    else depths.decode(data).data.E
                )
            return meter.end()
        for _ in range(meter.count):
            data = (await socket.receive()).data
            if "@trade" in data[:40]:
                trades.decode(data)
            else:
                depths.decode(data)
        return meter.end()


class _Clock:
    def now_ns(self) -> int:
        return time.time_ns()


def _instrument(symbol: str) -> Any:
    from venuekit.model import Grid, Instrument, InstrumentStatus, Symbol

    base = symbol.removesuffix("USDT")
    return Instrument(
        symbol=Symbol(f"{base}/USDT"),
        native=symbol,
        base=base,
        quote="USDT",
        status=InstrumentStatus.TRADING,
        price=Grid(),
        quantity=Grid(),
    )


def _opened(meter: Meter, symbols: int) -> tuple[Any, Any, Any]:
    """Give the adapter, the transport and the hub, with so many symbols."""
    from venuekit.model import Instruments
    from venuekit.streams import StreamHub
    from venuekit.transport import AiohttpTransport
    from venuekit_binance.adapter import BinanceAdapter

    adapter = BinanceAdapter("sim")
    adapter.instruments = Instruments([_instrument(symbol) for symbol in SYMBOLS[:symbols]])
    address = meter.url.removeprefix("http://")
    hosts = {"rest": f"http://{address}", "stream": f"ws://{address}", "ws": f"ws://{address}"}
    hosts |= {channel.host: f"ws://{address}" for channel in adapter.channels()}
    transport = AiohttpTransport(hosts, loopback=True)
    hub = StreamHub(
        exchange="binance",
        account="main",
        adapter=adapter,
        transport=transport,
        clock=_Clock(),
        random=random.Random(1),
    )
    return adapter, transport, hub


def _book(adapter: Any, transport: Any, hub: Any, symbol: str) -> Any:
    from venuekit.streams import LiveBook
    from venuekit.transport import Timeouts

    instrument = _instrument(symbol)

    async def fetch() -> Any:
        call = adapter.fetch_book(instrument, depth=1000)
        return call.read(await transport.send(call.request, timeouts=Timeouts()))

    return LiveBook(hub=hub, instrument=instrument, keeping=adapter.book_keeping(), fetch=fetch)


async def venuekit(meter: Meter) -> dict[str, Any]:
    """Follow trades with `async for`, and a live book whose best prices are read each time."""
    from venuekit.plugin import Subscription, Topic

    adapter, transport, hub = _opened(meter, 1)
    trades = (meter.count + 2) // 3
    is_timed = bool(meter.pace)
    async with hub:
        wanted = Subscription(Topic.TRADES, _instrument(SYMBOL))
        stream: Any = hub.subscribe(wanted, capacity=meter.count)
        live = _book(adapter, transport, hub, SYMBOL)

        async def read_trades() -> None:
            left = trades
            async for trade in stream:
                if is_timed:
                    meter.came(trade.time_ns // 1_000_000)
                left -= 1
                if not left:
                    break

        async def read_book() -> None:
            # Until the last number: changes before the snapshot was there come as one.
            book = live.book
            async for change in live.updates(capacity=meter.count):
                book.best_bid()
                book.best_ask()
                if is_timed and change.time_ns is not None:
                    meter.came(change.time_ns // 1_000_000)
                if book.update_id == last["update"]:
                    break

        async with live:
            last = await meter.ready(2)
            await _subscribed(hub)
            reading = [asyncio.create_task(read_trades()), asyncio.create_task(read_book())]
            await asyncio.sleep(0)
            await meter.begin()
            await asyncio.gather(*reading)
            found = meter.end([*live.book.best_bid(), *live.book.best_ask()])
        await stream.aclose()
    await transport.close()
    return found


async def in_python(meter: Meter) -> dict[str, Any]:
    """Do the same as it is done where `venuekit_fast` is not installed."""
    from venuekit.plugin import written

    vars(written)["books"] = None
    return await venuekit(meter)


async def trades_of(meter: Meter, symbols: int) -> dict[str, Any]:
    """Follow the trades of so many symbols as one stream."""
    from venuekit.plugin import Subscription, Topic

    _, transport, hub = _opened(meter, symbols)
    async with hub:
        wanted = [Subscription(Topic.TRADES, _instrument(symbol)) for symbol in SYMBOLS[:symbols]]
        stream: Any = hub.subscribe(*wanted, capacity=meter.count)
        await meter.ready(symbols)
        await _subscribed(hub)
        meter.count = (meter.count + 2) // 3
        await meter.begin()
        left = meter.count
        async for _ in stream:
            left -= 1
            if not left:
                break
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
    "venuekit, no C": in_python,
    "venuekit, uvloop": venuekit,
    "floor, uvloop": floor,
    "ccxt.pro": rivals.ccxt_pro,
    "cryptofeed": rivals.cryptofeed,
    "trades of 1": lambda meter: trades_of(meter, 1),
    "trades of 30": lambda meter: trades_of(meter, 30),
    "trades of 1000": lambda meter: trades_of(meter, 1000),
}


def main() -> None:
    """Run the one that was asked for."""
    name, port, count, pace = sys.argv[1:5]
    meter = Meter(int(port), int(count), pace=float(pace))
    factory = None
    if "uvloop" in name:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        print(json.dumps(runner.run(CONTENDERS[name](meter))))  # type: ignore[arg-type]  # coroutines


if __name__ == "__main__":
    main()
