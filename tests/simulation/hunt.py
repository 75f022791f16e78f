"""Many seeds: in this process, or in several."""

import concurrent.futures
import gc
import itertools
import logging
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from tests.simulation.history import History, drawn
from tests.simulation.playing import Report, play
from tests.simulation.shrinking import shrunk
from tests.simulation.stage import Backstage

_CHUNK: Final = 25
_COLLECTED: Final = 8
_MEMORY: Final = Path("/dev/shm")  # a file system in memory, where there is one


@attrs.frozen(kw_only=True)
class Tally:
    """What so many seeds came to."""

    seeds: int = 0
    intents: int = 0
    lives: int = 0
    faults: int = 0
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    failing: tuple[tuple[int, str], ...] = ()
    """Seeds that broke a promise, and which."""

    def __add__(self, other: "Tally") -> "Tally":
        """Add up."""
        return Tally(
            **{
                field.name: getattr(self, field.name) + getattr(other, field.name)
                for field in attrs.fields(Tally)
            }
        )

    def __str__(self) -> str:
        """Say it in a line."""
        rate = self.intents / self.cpu_s if self.cpu_s else 0.0
        return (
            f"{self.seeds} histories, {self.intents} orders, {self.lives} lives of the program, "
            f"{self.faults} faults, {self.virtual_s / 3600:.1f} virtual hours; "
            f"{self.cpu_s:.1f} s of CPU, {rate:.0f} orders a second; {len(self.failing)} broken"
        )


@contextmanager
def stage() -> Iterator[Backstage]:
    """Give a place to play on, with its files in memory."""
    where = _MEMORY if _MEMORY.is_dir() else None
    logger = logging.getLogger("venuekit")
    before = logger.propagate
    logger.propagate = False  # what is logged here was meant to go wrong
    try:
        with tempfile.TemporaryDirectory(prefix="venuekit-simulation-", dir=where) as folder:
            yield Backstage(Path(folder))
    finally:
        logger.propagate = before


def tally(seeds: Sequence[int], backstage: Backstage) -> Tally:
    """Play seeds one after the other."""
    total = Tally()
    # A history leaves a heap of tasks behind: collected now and then, and not all the while.
    was_on = gc.isenabled()
    gc.disable()
    try:
        for number, seed in enumerate(seeds):
            begun = time.process_time()
            report = play(drawn(seed), backstage)
            if number % _COLLECTED == _COLLECTED - 1:
                gc.collect()
            total += _counted(report, time.process_time() - begun)
    finally:
        gc.collect()
        if was_on:
            gc.enable()
    return total


def _counted(report: Report, cpu_s: float) -> Tally:
    failing = () if report.broken is None else ((report.history.seed, str(report.broken)),)
    return Tally(
        seeds=1,
        intents=report.intents,
        lives=report.lives,
        faults=report.faults,
        virtual_s=report.seconds,
        cpu_s=cpu_s,
        failing=failing,
    )


def _chunk(seeds: Sequence[int]) -> Tally:
    with stage() as backstage:
        return tally(seeds, backstage)


def hunt(first: int, count: int, jobs: int) -> Iterator[Tally]:
    """Play `count` seeds from `first` on in `jobs` processes; gives a tally for each chunk."""
    seeds = range(first, first + count)
    chunks = [list(seeds[at : at + _CHUNK]) for at in range(0, count, _CHUNK)]
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        jobs, mp_context=context, initializer=gc.freeze
    ) as pool:
        waiting = {pool.submit(_chunk, chunk) for chunk in itertools.islice(chunks, jobs * 2)}
        rest = iter(chunks[jobs * 2 :])
        try:
            while waiting:
                done, waiting = concurrent.futures.wait(
                    waiting, return_when=concurrent.futures.FIRST_COMPLETED
                )
                waiting |= {
                    pool.submit(_chunk, chunk) for _, chunk in zip(done, rest, strict=False)
                }
                yield from (future.result() for future in done)
        finally:
            for future in waiting:
                future.cancel()


def short(seed: int, backstage: Backstage) -> tuple[Report, Report]:
    """Play a seed, and the shortest history that breaks the same promise."""
    report = play(drawn(seed), backstage)
    broken = report.broken
    if broken is None:
        return report, report

    def breaks(history: History) -> bool:
        found = play(history, backstage).broken
        return found is not None and found.kind == broken.kind

    return report, play(shrunk(report.history, breaks), backstage)


def told_of(report: Report, shortest: Report) -> str:
    """Say what broke, how to see it again, and the short way to it."""
    seed = report.history.seed
    return "\n".join(
        (
            f"seed {seed} breaks a promise. {report.broken}",
            f"again:  python -m tests.simulation --seed {seed}",
            f"from {len(report.history.steps)} to {len(shortest.history.steps)} steps:",
            str(shortest.broken),
            str(shortest.history),
            "what happened then:",
            *(f"  {line}" for line in shortest.trace),
        )
    )
