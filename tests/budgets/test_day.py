"""Heavy use at 95 % of what each exchange allows: no ban, no refusal, hardly anything wasted.

Whole days: `make budgets`.
"""

import pytest

from tests.budgets.day import play


@pytest.mark.parametrize(
    ("exchange", "hours"), [("binance", 0.2), ("kraken", 3.0), ("coinbase", 0.04)]
)
def test_an_exchange_is_used_up_and_never_angered(exchange: str, hours: float) -> None:
    verdict = play(exchange, hours)
    assert verdict.bans == verdict.refused == 0, verdict
    for use in verdict.uses.values():
        # Chance decides how much is offered in so short a time.
        assert use.utilisation > 0.85, verdict
    assert verdict.requests > 2000


@pytest.mark.parametrize(
    ("exchange", "hours", "programs"),
    [("binance", 0.1, 2), ("kraken", 1.0, 4), ("coinbase", 0.02, 2)],
)
def test_several_programs_use_it_up_together(exchange: str, hours: float, programs: int) -> None:
    verdict = play(exchange, hours, programs=programs)
    assert verdict.bans == verdict.refused == 0, verdict
    for use in verdict.uses.values():
        assert use.utilisation > 0.8, verdict


def test_the_judge_sees_users_who_think_that_they_may_do_more() -> None:
    """A tier that is set too high is the one way to be refused here."""
    verdict = play("kraken", 1.0, share=2.5, account="tier = 'pro'")
    assert verdict.refused_late > 10
