"""Eight processes hammer one key; they are killed, and their clocks are set again and again."""

from tests.nonces.hammer import hammer
from tests.nonces.judge import Judge


def test_no_nonce_repeats_or_falls_as_the_exchange_sees_it() -> None:
    """A million of them: `make nonces`."""
    found = hammer(30_000, every_s=0.15)
    assert found.is_kept, found
    assert found.seen >= 30_000
    assert found.kills >= 3
    assert found.changes >= 3


def test_the_judge_sees_what_is_wrong() -> None:
    judge = Judge()
    assert judge.take(1, (5, 6, 7)) == 0
    assert judge.take(2, (7, 6, 8)) == 2
    report = judge.report()
    assert (report["refused"], report["fallen"], report["repeated"]) == (2, 2, 2)
    assert (report["seen"], report["changes"], report["programs"]) == (6, 2, 2)
