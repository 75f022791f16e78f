"""Play a day of heavy use.

python -m tests.budgets                           a day on each exchange
python -m tests.budgets --exchange kraken --hours 2 --programs 4
python -m tests.budgets --outage                  ten minutes of each kind of outage
"""

import argparse
import sys

from tests.budgets import outage
from tests.budgets.day import SHARE, play
from tests.budgets.judges import JUDGES

UTILISATION = 0.90
MOST_FOR_EACH_CALL = 1.10


def main() -> int:
    """Read what is asked for; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.budgets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--exchange", choices=sorted(JUDGES), action="append")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--programs", type=int, default=1, help="on one machine, with one key")
    parser.add_argument("--share", type=float, default=SHARE, help="of each budget, offered")
    parser.add_argument("--outage", action="store_true")
    asked = parser.parse_args()
    is_kept = True
    for exchange in asked.exchange or sorted(JUDGES):
        if asked.outage:
            for kind in outage.KINDS:
                load = outage.play(exchange, kind, share=asked.share)
                print(
                    f"{exchange}, {kind}: {load.sent} requests for {load.offered} calls, "
                    f"{load.ratio:.3f}",
                    flush=True,
                )
                is_kept &= load.ratio <= MOST_FOR_EACH_CALL
            continue
        found = play(exchange, asked.hours, programs=asked.programs, share=asked.share)
        print(found, flush=True)
        is_kept &= not found.bans and not found.refused_late
        is_kept &= all(use.utilisation >= UTILISATION for use in found.uses.values())
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
