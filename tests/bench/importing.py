"""`import venuekit` over bare Python."""

import statistics
import subprocess
import sys
import time

TIMES = 15


def _started(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
    return time.perf_counter() - begun


def run() -> str:
    bare, ours, model, client = [], [], [], []
    for _ in range(TIMES):
        bare.append(_started("pass"))
        ours.append(_started("import venuekit"))
        model.append(_started("from venuekit import limit_buy"))
        client.append(_started("import venuekit.client"))
    floor = statistics.median(bare)
    added = [(statistics.median(times) - floor) * 1000 for times in (ours, model, client)]
    return (
        f"\nImporting  (goal: import venuekit ≤ 80 ms over bare Python)\n"
        f"  import venuekit            +{added[0]:.0f} ms\n"
        f"  from venuekit import …     +{added[1]:.0f} ms, the model with it\n"
        f"  import venuekit.client     +{added[2]:.0f} ms, aiohttp included"
    )
