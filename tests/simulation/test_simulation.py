"""Thousands of short histories, and proof that they would tell: see docs/explanation/simulation.md.

A seed that fails here is printed with the command that plays it again.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.simulation.history import History, PlaceMany, Step, drawn
from tests.simulation.hunt import short, stage, tally, told_of
from tests.simulation.plants import PLANTS, planted
from tests.simulation.playing import play
from tests.simulation.shrinking import shrunk
from tests.simulation.stage import Backstage

ROOT: Final = Path(__file__).resolve().parents[2]
CHUNKS: Final = 20
CHUNK: Final = 80
SHORTEST: Final = 8
"""Steps that the history of a planted fault may have left."""


@pytest.fixture
def backstage() -> Iterator[Backstage]:
    with stage() as made:
        yield made


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_promise_is_kept_in_every_history(chunk: int, backstage: Backstage) -> None:
    seeds = range(chunk * CHUNK, (chunk + 1) * CHUNK)

    total = tally(seeds, backstage)

    told = [told_of(*short(seed, backstage)) for seed, _ in total.failing[:1]]
    assert not total.failing, "\n".join(
        [*(f"seed {seed}: {text}" for seed, text in total.failing), *told]
    )
    assert total.intents > CHUNK  # and not because nothing happens
    assert total.faults > CHUNK / 2
    assert total.lives > CHUNK


def test_one_seed_is_one_history(backstage: Backstage) -> None:
    first = [play(drawn(seed), backstage) for seed in range(12)]
    second = [play(drawn(seed), backstage) for seed in range(12)]

    assert [report.trace for report in first] == [report.trace for report in second]
    assert len({report.fingerprint for report in first}) == 12


def test_another_process_plays_the_same_history(backstage: Backstage) -> None:
    here = play(drawn(4), backstage)
    command = [sys.executable, "-m", "tests.simulation", "--seed", "4"]

    there = subprocess.run(  # our own program
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"fingerprint {here.fingerprint}" in there.stdout


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_found_and_its_history_is_short(name: str, backstage: Backstage) -> None:
    first = PLANTS[name].first
    with planted(name):
        seeds = range(first, first + 400)
        found = next(
            (seed for seed in seeds if play(drawn(seed), backstage).broken is not None), None
        )
        assert found is not None, f"nobody notices a client that {name}"
        report, shortest = short(found, backstage)

    assert len(shortest.history.steps) <= SHORTEST
    text = told_of(report, shortest)
    assert f"python -m tests.simulation --seed {found}" in text
    assert type(shortest.history.steps[0]).__name__ in text


def test_a_history_that_is_made_short_keeps_what_breaks_it() -> None:
    steps = tuple(Step(pause_s=1.0) for _ in range(9))
    culprit = PlaceMany(numbers=(7, 8, 9), pause_s=1.0)

    def breaks(history: History) -> bool:
        return any(isinstance(step, PlaceMany) and 7 in step.numbers for step in history.steps)

    shortest = shrunk(History(1, (*steps, culprit, *steps)), breaks)

    assert shortest.steps == (PlaceMany(numbers=(7,)),)
