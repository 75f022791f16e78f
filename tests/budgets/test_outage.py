"""An exchange that is down costs hardly more requests than users make."""

import pytest

from tests.budgets.outage import KINDS, play


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("exchange", "share", "minutes"),
    [("binance", 0.9, 10.0), ("kraken", 0.9, 10.0), ("coinbase", 0.9, 1.0)],
)
def test_an_exchange_that_is_down_gets_at_most_a_tenth_more_than_is_offered(
    exchange: str, share: float, minutes: float, kind: str
) -> None:
    load = play(exchange, kind, share=share, minutes=minutes)
    assert load.offered > 300
    assert load.ratio <= 1.10, load
