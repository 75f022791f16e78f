"""Starts the programs, kills them, and asks the judge."""

import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

PROGRAMS = 8
_ROOT = Path(__file__).parents[2]


@attrs.frozen(kw_only=True)
class Hammered:
    """What the exchange saw, and what was done to the programs."""

    seen: int
    programs: int
    changes: int
    refused: int
    fallen: int
    repeated: int
    kills: int
    seconds: float

    @property
    def is_kept(self) -> bool:
        """Say whether no nonce was refused, fell or came twice."""
        return not (self.refused or self.fallen or self.repeated)

    def __str__(self) -> str:
        """Tell it in a line."""
        return (
            f"{self.seen:,} nonces of a key from {self.programs} processes, {PROGRAMS} at a time, "
            f"{self.kills} killed, {self.changes} changes of hands: {self.refused} refused, "
            f"{self.fallen} fell, {self.repeated} repeated; {self.seconds:.0f} s"
        )


def hammer(
    total: int,
    *,
    seed: int = 1,
    every_s: float = 0.25,
    told: Callable[[int], None] = lambda _: None,
) -> Hammered:
    """Have `total` nonces used, killing a program every so often.

    Args:
        total: At least so many.
        seed: Of the programs, and of who is killed.
        every_s: Mean time between two kills, in seconds.
        told: Called with how many were seen.
    """
    rng = random.Random(seed)
    numbers = itertools.count()
    kills = 0
    with tempfile.TemporaryDirectory() as folder, _started("judge", stdin=subprocess.PIPE) as judge:
        assert judge.stdin is not None
        assert judge.stdout is not None
        port = judge.stdout.readline().strip()

        def start() -> "tuple[int, subprocess.Popen[str]]":
            number = next(numbers)
            return number, _started("program", folder, port, str(number), f"{seed}-{number}")

        running = dict(start() for _ in range(PROGRAMS))
        begun = time.monotonic()
        try:
            while (seen := _asked(judge)[0]) < total:
                told(seen)
                time.sleep(rng.expovariate(1 / every_s))
                # Mostly the one that has the key, in the middle of whatever it does.
                _, last = _asked(judge)
                is_known = last in running and rng.random() < 0.7
                victim = last if is_known else rng.choice(list(running))
                _kill(running.pop(victim))
                kills += 1
                running.update([start()])
        finally:
            for each in running.values():
                _kill(each)
        seconds = time.monotonic() - begun
        judge.stdin.close()
        report: dict[str, int] = json.loads(judge.stdout.readline())
        judge.wait()
    return Hammered(kills=kills, seconds=seconds, **report)


def _asked(judge: "subprocess.Popen[str]") -> tuple[int, int]:
    assert judge.stdin is not None
    assert judge.stdout is not None
    judge.stdin.write("\n")
    judge.stdin.flush()
    seen, last = judge.stdout.readline().split()
    return int(seen), int(last)


def _kill(process: "subprocess.Popen[str]") -> None:
    """Kill it, where it stands; a program that has ended by itself has failed."""
    if process.poll() is not None:
        _, said = process.communicate()
        raise RuntimeError(f"a program ended by itself: {said}")
    process.kill()
    process.communicate()


def _started(
    name: str, *arguments: str, stdin: Any = subprocess.DEVNULL
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.nonces.{name}", *arguments],
        cwd=_ROOT,
        env=dict(os.environ),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
