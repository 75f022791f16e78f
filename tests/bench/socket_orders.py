"""An order placed over REST and over a WebSocket: one after the other, and twenty at once.

Both talk to the simulated exchange of another process, in turns. The network between them takes no
time here, so that what shows is the work; over a real one REST pays a round trip for each order
that has to wait for the nonce before it, see "twenty at once".
"""

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import attrs

import venuekit
from tests.bench.samples import Samples, table
from venuekit import limit_buy
from venuekit.client import Exchange
from venuekit.configuration import Configuration, configuration_from_text
from venuekit.sim.server import Simulator
from venuekit_kraken.manifest import MANIFEST
from venuekit_kraken.sim.dialect import KrakenDialect
from venuekit_kraken.sim.limits import LimitSettings

ROUNDS, BATCH, TOGETHER = 20, 20, 20
SYMBOL, QUANTITY, PRICE = "BTC/USD", "0.0001", "30000"
WAYS = ("rest", "websocket")
SETTLE_S = 0.05
PLENTY = 10**9


async def serve() -> None:
    """Serve an account for each way until the standard input ends."""
    dialect = KrakenDialect(seed=1, is_quiet=True, limits=LimitSettings.off())
    keys = [dialect.create_account(way, {"USD": "1000000000"}) for way in WAYS]
    async with Simulator(dialect) as simulator:
        told = {
            "address": simulator.address,
            "keys": [[key.api_key, key.secret] for key in keys],
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


@contextlib.asynccontextmanager
async def server() -> AsyncIterator[tuple[str, list[list[str]]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.socket_orders",
        "serve",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        told = json.loads(await process.stdout.readline())
        yield told["address"].removeprefix("http://"), told["keys"]
    finally:
        process.stdin.close()
        await process.wait()


def configuration(address: str, key: list[str], folder: Path, way: str) -> Configuration:
    """Point venuekit at the server, with a journal in `folder`."""
    for name, text in zip(("key", "secret"), key, strict=True):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    return configuration_from_text(
        f"""
        [store]
        url = "sqlite:{folder / "journal.db"}"
        durability = "process"
        [exchanges.kraken]
        address = "{address}"
        orders_over = "{way}"
        [exchanges.kraken.accounts.bench]
        api_key = "file:{folder / "key"}"
        secret = "file:{folder / "secret"}"
        """
    )


@contextlib.asynccontextmanager
async def opened(address: str, key: list[str], way: str) -> AsyncIterator[Exchange]:
    with tempfile.TemporaryDirectory() as name:
        config = configuration(address, key, Path(name), way)
        async with venuekit.open("kraken", config=config) as ex:
            # What an exchange allows is not what is measured.
            specs = [attrs.evolve(each, capacity=PLENTY) for each in MANIFEST.budgets]
            ex._limiter.update(specs)  # no setting raises a limit, on purpose
            yield ex


def placing(ex: Exchange) -> Callable[[], Awaitable[object]]:
    async def place() -> object:
        return await ex.place(limit_buy(SYMBOL, QUANTITY, PRICE))

    return place


def placing_together(ex: Exchange) -> Callable[[], Awaitable[object]]:
    async def place() -> object:
        return await asyncio.gather(*(placing(ex)() for _ in range(TOGETHER)))

    return place


async def run() -> str:
    one = [Samples(f"{way}, one by one") for way in WAYS]
    many = [Samples(f"{way}, twenty at once") for way in WAYS]
    async with server() as (address, keys), contextlib.AsyncExitStack() as stack:
        handles = [
            await stack.enter_async_context(opened(address, key, way))
            for way, key in zip(WAYS, keys, strict=True)
        ]
        for number in range(ROUNDS + 1):
            for ex, single, together in zip(handles, one, many, strict=True):
                await single.measure(placing(ex), BATCH)
                await asyncio.sleep(SETTLE_S)
                await together.measure(placing_together(ex), 1)
                await asyncio.sleep(SETTLE_S)
            if number == 0:  # connections and caches are warm now
                for samples in (*one, *many):
                    samples.wall_s.clear()
                    samples.cpu_s.clear()
    goal = "no slower than REST"
    title = "An order over a WebSocket"
    return table(title, one, floor=one[0], goal=goal) + table("", many, floor=many[0], goal=goal)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    else:
        sys.stdout.write(asyncio.run(run()) + "\n")
