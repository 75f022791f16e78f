"""After a jump of the market fifty cancels go out before any of the queries that wait."""

import itertools

import pytest

from tests.budgets.cancels import CANCELS, CROWD, play

REQUESTS = {"binance": CANCELS, "kraken": 1, "coinbase": 1}
"""Where the exchange takes several in one request, one is enough."""


@pytest.mark.parametrize("exchange", REQUESTS)
def test_cancels_overtake_every_query_that_waits(exchange: str) -> None:
    jump = play(exchange)
    assert jump.waiting > CROWD / 2
    assert jump.canceled == CANCELS
    assert jump.requests == REQUESTS[exchange]
    first = list(itertools.takewhile(lambda path: path == jump.sent[0], jump.sent))
    assert len(first) == REQUESTS[exchange]
    assert any(word in jump.sent[0] for word in ("DELETE", "Cancel", "cancel"))
