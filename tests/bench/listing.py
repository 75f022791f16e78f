"""An exchange info of 3,000 symbols: read and ready, and the memory of the process after it."""

import gc
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from venuekit.plugin import Answer
from venuekit.sim.dialect import SimRequest
from venuekit_binance.adapter import BinanceAdapter
from venuekit_binance.sim.dialect import BinanceDialect

SYMBOLS, TIMES = 3000, 9
_IN_A_PROCESS = """
import sys
from pathlib import Path
import venuekit.client
from venuekit.plugin import Answer
from venuekit_binance.adapter import BinanceAdapter
call = BinanceAdapter("sim").fetch_listing()
listing = call.read(Answer(status=200, body=Path(sys.argv[1]).read_bytes()))
line = next(l for l in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in l)
print(line.split()[1])
"""


def run() -> str:
    dialect = BinanceDialect(seed=1, is_quiet=True, synthetic=SYMBOLS)
    request = SimRequest(method="GET", path="/api/v3/exchangeInfo", peer="127.0.0.1")
    body = dialect.handle(request, time.time_ns()).body
    adapter = BinanceAdapter("sim")
    spent, parsed = [], []
    for _ in range(TIMES):
        gc.collect()
        begun = time.perf_counter()
        listing = adapter.fetch_listing().read(Answer(status=200, body=body))
        spent.append(time.perf_counter() - begun)
        count = len(listing.instruments)
        begun = time.perf_counter()
        json.loads(body)
        parsed.append(time.perf_counter() - begun)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "exchange-info.json"
        file.write_bytes(body)
        kilobytes = subprocess.run(
            [sys.executable, "-c", _IN_A_PROCESS, str(file)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    return (
        f"\nExchange info of {count} symbols, {len(body) / 1e6:.1f} MB"
        f"  (goal: ≤ 0.15 s, ≤ 70 MB after it)\n"
        f"  read and ready             {statistics.median(spent) * 1000:.0f} ms"
        f"  ({statistics.median(spent) / statistics.median(parsed):.2f}× of json.loads alone)\n"
        f"  memory of the process      {int(kilobytes) / 1024:.0f} MB"
    )
