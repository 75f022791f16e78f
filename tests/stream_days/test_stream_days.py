"""Hours of broken connections: whatever is missed is said, nothing comes twice, no book lies.

Whole days: `make stream-days`.
"""

import pytest

from tests.stream_days.playing import MARKETS, play


@pytest.mark.parametrize("exchange", MARKETS)
def test_in_hours_of_broken_connections_nothing_is_missed_unsaid(exchange: str) -> None:
    day = play(exchange, 6.0)
    assert day.unreported == []
    assert day.twice == 0
    assert day.told > day.printed * 0.7
    assert day.gaps > 3
    assert day.connections > 5
    assert day.live_looks > day.looks * 0.7
    # A trade comes every ten seconds on average: so exactly can the end of a silence be seen.
    assert day.longest_wrong_s <= day.bound_s + 30
    first, last = day.objects[0], day.objects[-1]
    assert last < first * 1.1


def test_one_seed_is_one_day() -> None:
    first, second = play("kraken", 0.5), play("kraken", 0.5)
    assert (first.told, first.gaps, first.looks) == (second.told, second.gaps, second.looks)
    assert first.printed == second.printed
