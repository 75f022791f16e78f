"""`python -m tests.fills`: a million fills through broken streams; exit code 1 if one was lost."""

import argparse
import logging
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.fills.ledgers import FLOORS
from tests.fills.planting import PLANTS, planted
from tests.fills.playing import Report, play

PER_HISTORY = 2000
_TRIES = 8
"""Histories in which a planted fault has to be noticed."""


def _timed(exchange: str, seed: int, fills: int) -> tuple[Report, float]:
    logging.getLogger("venuekit").setLevel(logging.CRITICAL)
    began = time.process_time()
    return play(exchange, seed, fills), time.process_time() - began


def _judged(exchange: str, first: int, fills: int, pool: ProcessPoolExecutor) -> bool:
    seeds = range(first, first + -(-fills // PER_HISTORY))
    size = min(fills, PER_HISTORY)
    total: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    cpu_s = longest_s = 0.0
    is_kept = True
    for report, used_s in pool.map(
        _timed, [exchange] * len(seeds), seeds, [size] * len(seeds), chunksize=1
    ):
        cpu_s += used_s
        for name in ("fills", "orders", "by_stream", "inferred", "lives"):
            total[name] += getattr(report, name)
        total["virtual hours"] += round(report.seconds / 36)
        longest_s = max(longest_s, report.mended_s)
        faults.update(report.faults)
        for text in report.broken:
            is_kept = False
            print(f"{exchange}, seed {report.seed}, --fills {size}: {text}", flush=True)
    print(
        f"{exchange}: {total['fills']:,} fills of {total['orders']:,} orders in {len(seeds)} "
        f"histories and {total['virtual hours'] / 100:.0f} virtual hours; "
        f"{total['by_stream']:,} told by the account's stream, {total['inferred']} inferred for a "
        f"while; live again {total['lives']:,} times; all known {longest_s:.0f} s after the "
        f"weather at the latest; "
        f"{total['fills'] / max(cpu_s, 0.001):,.0f} fills a second of CPU"
    )
    print("  " + ", ".join(f"{count:,} {what}" for what, count in sorted(faults.items())))
    return is_kept


def _noticed(name: str, fills: int) -> bool:
    """Play with a fault planted in the client until the judge names it."""
    with planted(name) as plant:
        for seed in range(1, _TRIES + 1):
            report, _ = _timed(plant.exchange, seed, fills)
            said = next((text for text in report.broken if plant.words in text), None)
            if said is not None:
                print(f"{name}: noticed on {plant.exchange}, seed {seed}: {said}", flush=True)
                return True
    print(f"{name}: NOT NOTICED in {_TRIES} histories on {plant.exchange}", flush=True)
    return False


def main() -> int:
    """Play, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, default=1_000_000, help="over all exchanges chosen")
    parser.add_argument("--exchange", choices=[*FLOORS, "all"], default="all")
    parser.add_argument("--seed", type=int, default=0, help="of the first history")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument(
        "--planted",
        action="store_true",
        help="plant faults into the client, one by one: the judge has to notice each",
    )
    chosen = parser.parse_args()
    if chosen.planted:
        verdicts = [_noticed(name, 1000) for name in PLANTS]
        return 0 if all(verdicts) else 1
    exchanges = list(FLOORS) if chosen.exchange == "all" else [chosen.exchange]
    is_kept = True
    with ProcessPoolExecutor(chosen.processes) as pool:
        for exchange in exchanges:
            is_kept &= _judged(exchange, chosen.seed, chosen.fills // len(exchanges), pool)
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
