# ruff: noqa: ISC004  # texts of several lines, old and new
"""The rules of platinum that take minutes, on the zoo and for moments."""

import pytest

from tests.conformance.conftest import Cage
from venuekit.testing.conformance import RULES, Result, Specimen, Status, fuzzing, judge, kills

BY_ID = {rule.id: rule for rule in RULES}
A, S = "adapter.py", "sim/dialect.py"


@pytest.fixture(autouse=True)
def _moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kills, "DEATHS", 80)
    monkeypatch.setattr(fuzzing, "TEXTS", 3000)


def judged(id_: str, specimen: Specimen) -> Result:
    """Judge with all that takes minutes."""
    asked = Specimen(
        specimen.manifest, claim=specimen.claim, package=specimen.package, is_thorough=True
    )
    return judge(BY_ID[id_], asked)


@pytest.mark.parametrize("rule", ["P2", "P7"])
def test_the_healthy_one_passes_and_only_who_asks_waits_for_it(cage: Cage, rule: str) -> None:
    specimen = cage()
    assert judge(BY_ID[rule], specimen).status is Status.NOT_COMPUTED
    result = judged(rule, specimen)
    assert result.faults == ()
    assert result.status is Status.PASSED
    assert result.examined > 80


def test_an_exchange_that_does_not_find_its_orders_by_our_id_is_caught_by_p2(cage: Cage) -> None:
    specimen = cage(
        A,
        '"/order",\n            lambda answer: self.order(fields(answer), instrument),\n'
        '            {"id": ref.client_order_id},\n',
        '"/order",\n            lambda answer: self.order(fields(answer), instrument),\n'
        '            {"id": ref.client_order_id if ref.exchange_order_id else "?"},\n',
        "                self.order(row, ",
        '                self.order({**row, "id": "somebody"}, ',
    )
    assert judged("P2", specimen).status is Status.FAILED


def test_an_exchange_that_makes_two_orders_of_one_is_caught_by_p2(cage: Cage) -> None:
    specimen = cage(
        S,
        '        self.orders[asked["id"]] = order\n',
        '        self.orders[asked["id"]] = order\n'
        "        if len(self.orders) == 3:\n"
        '            self.orders["twin"] = {**order, "number": "900"}\n',
    )
    result = judged("P2", specimen)
    assert any("identity" in fault.seen for fault in result.faults)


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        (
            "if not isinstance(value, str) or not value:",
            "if not value:",
            "TypeError",
        ),
        (
            "    read = read_json(answer.body)\n",
            "    read = read_json(answer.body)\n"
            "    if 'null' in str(answer.body):\n        sum(range(10_000_000))\n",
            " ms",
        ),
    ],
)
def test_a_reader_that_breaks_or_takes_long_is_caught_by_p7(
    cage: Cage, old: str, new: str, seen: str
) -> None:
    result = judged("P7", cage(A, old, new))
    assert result.status is Status.FAILED
    assert any(seen in fault.seen for fault in result.faults)
