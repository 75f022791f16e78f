"""Kill, cut the power and break the disk, as often as you like.

python -m tests.disk --points 1000     so many killed processes, and as many losses of power
python -m tests.disk --seed 17         one story of killed processes again
"""

import argparse
import asyncio
import contextlib
import functools
import itertools
import logging
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.disk.breaking import session as broken
from tests.disk.killing import nursery, story
from tests.disk.power import session as powerless
from venuekit.testing.disk import Fault

Task = Callable[[Path], int]
"""Does one thing in a folder and gives how many points it visited."""
_FAULTS: Final = (Fault.FULL, Fault.IO_ERROR, Fault.HALF, Fault.DONE)
_CHANGES: Final = 359
"""So many changes of the journal's files, about, has a session on a broken disk; a prime."""


def killed(first: int) -> Generator[tuple[str, Task], None, None]:
    """Kill traders."""
    with nursery() as makers:

        def one(folder: Path, *, seed: int) -> int:
            return story(seed, folder, makers).killed

        for seed in itertools.count(first):
            yield f"python -m tests.disk --seed {seed}", functools.partial(one, seed=seed)


def power_lost(first: int) -> Generator[tuple[str, Task], None, None]:
    """Lose power."""

    def one(folder: Path, *, seed: int, durability: str) -> int:
        return len(asyncio.run(powerless(seed, folder, durability)))

    for seed in itertools.count(first):
        durability = "power" if seed % 4 else "process"
        task = functools.partial(one, seed=seed, durability=durability)
        yield f"loss of power, seed {seed}, {durability}", task


def broke(first: int) -> Generator[tuple[str, Task], None, None]:
    """Let every change fail, in every way."""

    def one(how: dict[str, Any], folder: Path) -> int:
        broken(folder, **how)
        return 1

    for number in itertools.count(first):
        turn = number // _CHANGES
        how: dict[str, Any] = {
            "at": 1 + number * 89 % _CHANGES,
            "durability": ("process", "power")[(number + turn) % 2],
            "fault": _FAULTS[(number // 2 + turn // 2) % 4],
            "for_good": bool((number // 8 + turn // 8) % 2),
        }
        yield f"broken disk: {how}", functools.partial(one, how)


def run(points: int, first: int) -> int:
    """Visit so many points of each kind; gives the exit code."""
    columns = (TextColumn("{task.description:18}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn()) as progress, contextlib.ExitStack() as stack:
        for title, tasks in (
            ("killed processes", killed),
            ("losses of power", power_lost),
            ("broken disks", broke),
        ):
            bar = progress.add_task(title, total=points)
            done = 0
            # The process that makes traders ends with it, also after a failure.
            made = stack.enter_context(contextlib.closing(tasks(first)))
            for name, task in made:
                try:
                    with tempfile.TemporaryDirectory(prefix="venuekit-disk-") as folder:
                        done += task(Path(folder))
                except BaseException:
                    progress.console.print(f"[bold red]{title}[/]: {name}")
                    raise
                progress.update(bar, completed=min(done, points))
                if done >= points:
                    break
    return 0


def main() -> int:
    """Read what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.disk", description=__doc__)
    parser.add_argument("--points", type=int, default=1000, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="seed to begin with")
    parser.add_argument("--seed", type=int, help="one story of killed processes again")
    asked = parser.parse_args()
    logging.getLogger("venuekit").addHandler(logging.NullHandler())  # failures are meant here
    if asked.seed is None:
        return run(asked.points, asked.first)
    with nursery() as makers, tempfile.TemporaryDirectory(prefix="venuekit-disk-") as folder:
        print(story(asked.seed, Path(folder), makers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
