"""Ten thousand open orders compared with a simulator in another process, after a restart."""

import tempfile
import time
from decimal import Decimal

import venuekit
from tests.bench.placing import configuration, server
from venuekit.model import on_grid

SYMBOLS, EACH = 60, 167


async def run() -> str:
    with tempfile.TemporaryDirectory() as folder:
        async with server("bench", synthetic=SYMBOLS) as known:
            config = configuration(known["bench"], folder, "process")
            async with venuekit.open("binance", config=config) as ex:
                last = {ticker.symbol: ticker.last for ticker in await ex.fetch_tickers()}
                for instrument in list(ex.instruments.values())[-SYMBOLS:]:
                    price = on_grid(
                        (last[instrument.symbol] or Decimal(1)) / 2,
                        instrument.price.step,
                        rounding="down",
                    )
                    quantity = on_grid(
                        20 / price + 1, instrument.quantity.step or Decimal(1), rounding="ceiling"
                    )
                    request = venuekit.limit_buy(instrument.symbol, quantity, price)
                    await ex.place_many([request] * EACH)
                count = len(ex.orders())
            async with venuekit.open("binance", config=config) as ex:
                spent, differences = [], 0
                for _ in range(2):
                    cpu, wall = time.process_time(), time.perf_counter()
                    report = await ex.reconcile()
                    differences += len(report.differences)
                    spent.append((time.process_time() - cpu, time.perf_counter() - wall))
    (first_cpu, first), (second_cpu, second) = spent
    return f"""
{count} open orders compared  (goal: < 3 s of CPU)
  at a restart               {first_cpu:.2f} s of CPU, {first:.2f} s, {differences} differences
  again                      {second_cpu:.2f} s of CPU, {second:.2f} s"""
