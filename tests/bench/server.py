"""The server that all contenders of one run talk to, in a process of its own.

Arguments: how many further symbols, then the names of the contenders. Prints one JSON line
with address and key, and serves until its standard input ends.
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
    synthetic = int(sys.argv[1])
    dialect = BinanceDialect(seed=1, is_quiet=True, limits=limits, synthetic=synthetic)
    # An account for each contender: nobody is told of another's orders.
    accounts = {
        name: dialect.create_account(name, {"USDT": "1000000000", "BTC": "1000000"})
        for name in sys.argv[2:]
    }
    async with Simulator(dialect) as simulator:
        keys = {name: [key.api_key, key.secret] for name, key in accounts.items()}
        ready = {"address": simulator.address, "keys": keys}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
