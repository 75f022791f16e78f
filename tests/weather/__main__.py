"""`make weather`: storms on all exchanges; exit code 1 if a promise was not kept."""

import argparse
import sys
import time

from tests.weather.exchanges import VENUES
from tests.weather.playing import play


def main() -> int:
    """Play the seeds that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exchange", choices=[*VENUES, "all"], default="all")
    parser.add_argument("--seeds", type=int, default=200, help="histories of each exchange")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--trace", action="store_true", help="print what happened")
    chosen = parser.parse_args()
    venues = list(VENUES) if chosen.exchange == "all" else [chosen.exchange]
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    if chosen.seed is not None:
        seeds = range(chosen.seed, chosen.seed + 1)
    is_kept = True
    for venue in venues:
        begun = time.process_time()
        orders = lives = faults = failed = 0
        for seed in seeds:
            report = play(venue, seed)
            orders += report.orders
            lives += report.lives
            faults += report.faults
            if chosen.trace:
                print("\n".join(report.trace))
            if report.broken:
                failed += 1
                print(f"{venue}, seed {seed}: {report.broken}", flush=True)
        spent_s = time.process_time() - begun
        print(
            f"{venue}: {len(seeds)} histories, {orders} orders, {lives} lives, {faults} faults; "
            f"{spent_s:.1f} s of CPU; {failed} broken",
            flush=True,
        )
        is_kept &= not failed
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
