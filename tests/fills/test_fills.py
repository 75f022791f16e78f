"""Fills through broken private streams: each is told once, whatever was lost on the way.

A million of them: `python -m tests.fills`.
"""

import pytest

from tests.fills.ledgers import FLOORS
from tests.fills.playing import play


@pytest.mark.parametrize("exchange", FLOORS)
def test_every_fill_is_told_once_and_no_stream_is_live_without_it(exchange: str) -> None:
    report = play(exchange, 4, 500)
    assert report.broken == []
    assert report.fills >= 500
    # Or nothing was asked of the client.
    assert report.lives > 1
    assert report.by_stream < report.fills


@pytest.mark.parametrize(
    ("exchange", "seed", "fills"),
    [
        # What the exchange does not show yet is not held against a live stream.
        ("kraken", 1001, 200),
        # A connection that had fallen silent was replaced by plan, and its loss was not told.
        ("binance", 41, 2000),
        # After refusals had ended the account's stream, the next one was live too early.
        ("kraken", 23, 2000),
        # Searches for orders in doubt used up the limits, and the stream was not live for minutes.
        ("kraken-socket", 1003, 1000),
    ],
)
def test_histories_that_were_broken_once(exchange: str, seed: int, fills: int) -> None:
    report = play(exchange, seed, fills)
    assert report.broken == []
    assert report.mended_s < 240


def test_one_seed_is_one_history_of_fills() -> None:
    first, second = play("binance", 7, 100), play("binance", 7, 100)
    assert first == second
    assert first.fills >= 100
