"""The server that all contenders of one run talk to, in a process of its own.

Prints one JSON line with address and key, and serves until its standard input ends.
"""

import asyncio
import json
import sys

from venuekit.sim.server import Simulator
from venuekit_binance.sim.dialect import BinanceDialect
from venuekit_binance.sim.weights import LimitSettings

PLENTY = 10**9


async def serve() -> None:
    limits = LimitSettings(weight=PLENTY, raw=PLENTY, orders_10s=PLENTY, orders_1d=PLENTY)
    dialect = BinanceDialect(seed=1, is_quiet=True, limits=limits)
    key = dialect.create_account("bench", {"USDT": "1000000000", "BTC": "1000000"})
    async with Simulator(dialect) as simulator:
        ready = {"address": simulator.address, "api_key": key.api_key, "secret": key.secret}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
