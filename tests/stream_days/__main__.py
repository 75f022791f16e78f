"""`make stream-days`: HOURS of streams on each exchange, virtual; exit code 1 if one lied."""

import argparse
import sys

from tests.stream_days.playing import MARKETS, play


def main() -> int:
    """Play, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    is_kept = True
    for exchange in MARKETS:
        day = play(exchange, chosen.hours, seed=chosen.seed)
        print(day, flush=True)
        is_kept &= not day.twice and not day.unreported and day.longest_wrong_s <= day.bound_s + 30
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
