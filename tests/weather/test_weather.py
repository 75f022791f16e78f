"""Storms on every exchange, and proof that broken promises would be noticed there."""

import pytest

from tests.simulation.plants import planted
from tests.weather.exchanges import VENUES
from tests.weather.playing import Report, play

SEEDS = 3


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("venue", VENUES)
def test_in_every_storm_each_intent_is_at_most_one_order_and_none_is_lost(
    venue: str, seed: int
) -> None:
    report = play(venue, seed)
    assert not report.broken, f"python -m tests.weather --exchange '{venue}' --seed {seed} --trace"
    assert report.faults > 0
    assert report.lives > 1


def test_one_seed_is_one_storm() -> None:
    first, second = play("kraken", 1), play("kraken", 1)
    assert first.trace == second.trace
    assert first.fingerprint == second.fingerprint != play("kraken", 2).fingerprint


# Coinbase answers a repeat with the first order, so a repeat is no fault there.
@pytest.mark.parametrize(
    ("venue", "plant"),
    [
        ("kraken", "repeats a lost placement"),
        ("kraken over a socket", "repeats a lost placement"),
        ("coinbase", "trusts not found at once"),
    ],
)
def test_a_planted_fault_is_found_on_each_exchange(venue: str, plant: str) -> None:
    def broken(seed: int) -> Report | None:
        with planted(plant):
            report = play(venue, seed)
        return report if report.broken else None

    assert any(broken(seed) for seed in range(12))
