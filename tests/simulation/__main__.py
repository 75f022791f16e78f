"""Play as many histories as you like.

python -m tests.simulation --seeds 100000        so many, in two processes
python -m tests.simulation --seed 1460           one again; a broken one is made short
python -m tests.simulation --seed 1460 --trace   with all that happened
"""

import argparse
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation.hunt import Tally, hunt, short, stage, told_of

_EVERY_S = 10.0
_SHOWN = 5


def run(first: int, count: int, jobs: int) -> int:
    """Play many; gives the exit code."""
    console = Console()
    begun = time.monotonic()
    total = Tally()
    for part in _shown(hunt(first, count, jobs), count, console):
        total += part
        if len(total.failing) >= _SHOWN:
            break
    wall_s = time.monotonic() - begun
    print(f"{total}; {wall_s:.0f} s")
    for seed, text in sorted(total.failing):
        print(f"seed {seed}: {text}", flush=True)
    with stage() as backstage:
        for seed, _ in sorted(total.failing)[:_SHOWN]:
            print()
            print(told_of(*short(seed, backstage)))
    return 1 if total.failing else 0


def _shown(parts: Iterator[Tally], count: int, console: Console) -> Iterator[Tally]:
    """Show how far it has come: a bar on a terminal, else a line now and then."""
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
            bar = progress.add_task("histories", total=count)
            for part in parts:
                progress.update(bar, advance=part.seeds)
                yield part
        return
    done, at = 0, time.monotonic()
    for part in parts:
        done += part.seeds
        if time.monotonic() - at >= _EVERY_S:
            at = time.monotonic()
            print(f"{done} of {count} histories", flush=True)
        yield part


def one(seed: int, *, with_trace: bool) -> int:
    """Play one; gives the exit code."""
    with stage() as backstage:
        report, shortest = short(seed, backstage)
    if report.broken is not None:
        print(told_of(report, shortest))
        return 1
    print(report.history)
    if with_trace:
        print("\n".join(report.trace))
    print(
        f"kept every promise: {report.intents} orders, {report.lives} lives, "
        f"{report.faults} faults; fingerprint {report.fingerprint}"
    )
    return 0


def main() -> int:
    """Read what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=10_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the seed to begin with")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, help="one history again")
    parser.add_argument("--trace", action="store_true", help="print all that happens in it")
    asked = parser.parse_args()
    if asked.seed is not None:
        return one(asked.seed, with_trace=asked.trace)
    return run(asked.first, asked.seeds, asked.jobs)


if __name__ == "__main__":
    sys.exit(main())
