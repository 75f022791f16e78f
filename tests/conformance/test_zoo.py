# ruff: noqa: ISC004  # texts of several lines, old and new
"""The kit under test: each animal has one fault, and exactly the rule that names it sees it."""

import pytest

from tests.conformance.conftest import Cage
from venuekit.testing.conformance import RULES, Status, judge

BY_ID = {rule.id: rule for rule in RULES}
CHECKED = [rule for rule in RULES if rule.check is not None]
SLOW = {"B1", "B5", "B11", "G7"}
"""In interpreters of their own, or with ten clients: of an animal, only where they shall see it."""
BAD = {Status.FAILED, Status.NOT_YET, Status.UNKNOWN}
THOROUGH = {"G8", "G11", "G12", "P2", "P5", "P7"}
NEEDS_RECORDINGS = {"B10", "S13", "G9"}
A, M, S = "adapter.py", "__init__.py", "sim/dialect.py"
ANIMALS: list[tuple[str, ...]] = [
    (
        "B1",
        M,
        "\n\n@vk.hookimpl",
        '\nopen(__file__ + ".seen", "w").close()\n\n\n@vk.hookimpl',
    ),
    ("B3", A, "import json\n", "import json\nimport venuekit.transport\n"),
    (
        "B4",
        A,
        "        def read(answer: vk.Answer) -> list[Balance]:\n",
        "        import datetime\n\n"
        "        def read(answer: vk.Answer) -> list[Balance]:\n"
        "            datetime.datetime.now()\n",
    ),
    ("B5", A, "            what=what,", '            what=f"{what} {hash(what)}",'),
    (
        "B6",
        A,
        "        def read(answer: vk.Answer) -> FeeRates:",
        "        raise NotImplementedError\n\n        def read(answer: vk.Answer) -> FeeRates:",
    ),
    ("B7", M, "https://api.acme.example", "https://user:word@api.acme.example"),
    (
        "B8",
        A,
        '            quantity=Grid(step=amount(row["step"]), minimum=amount(row["least"])),\n'
        '            notional=NotionalRule(minimum=amount(row["value"])),\n',
        '            quantity=Grid(step=amount(row["step"])),\n'
        "            notional=NotionalRule(),\n",
    ),
    ("B9", A, 'f"/book/{instrument.native}"', '"/book/BTCEUR"'),
    ("B11", A, "def text(value: Any) -> str:", "def text(value):"),
    ("B12", "README.md", "Licence: Apache-2.0.", ""),
    ("S1", "known_answers.json", "1700000000001000000", "1700000000002000000"),
    ("S2", A, '        query = f"time=', '        self.last = key\n        query = f"time='),
    ("S3", A, "            client_order_id=id_,", "            client_order_id=None,"),
    ("S4", A, '"quantity": plain(request.quantity)', '"quantity": f"{request.quantity:e}"'),
    ("S5", A, "            is_write=is_write,\n", "            is_write=False,\n"),
    (
        "S6",
        A,
        # What is asked for by our id alone is not found, and what is found has lost our id.
        '"/order",\n            lambda answer: self.order(fields(answer), instrument),\n'
        '            {"id": ref.client_order_id},\n',
        '"/order",\n            lambda answer: self.order(fields(answer), instrument),\n'
        '            {"id": ref.client_order_id if ref.exchange_order_id else "?"},\n',
        "                self.order(row, ",
        '                self.order({**row, "id": "somebody"}, ',
    ),
    ("S7", S, "> 5000:", "> 3_000_000:"),
    ("S8", A, 'costs={"calls": 1}', "costs={}"),
    ("S9", S, 'if order["state"] != "open"', 'if order["state"] == "canceled"'),
    ("S10", A, 'fee=Fee(amount(row["fee"]), instrument.quote)', "fee=None"),
    ("S11", A, "if not isinstance(value, str) or not value:", "if not value:"),
    ("S12", A, "advice=Advice.AFTER_CLOCK_SYNC", "advice=Advice.NEVER"),
    ("P4", A, '"custody": vk.not_offered', '"custody": vk.not_yet'),
    ("P9", A, '"""Read a number written as text."""', "pass"),
    ("G10", M, '{"documentation": "https://acme.example/api"}', "{}"),
]


def test_the_healthy_one_breaks_no_rule(cage: Cage) -> None:
    specimen = cage()
    found = {rule.id: judge(rule, specimen) for rule in CHECKED}

    bad = {id_: result for id_, result in found.items() if result.status in BAD}
    assert bad == {}
    unjudged = {id_ for id_, result in found.items() if result.status is Status.NOT_COMPUTED}
    assert unjudged <= NEEDS_RECORDINGS | THOROUGH


@pytest.mark.parametrize(
    ("rule", "file", "changes"), [(a[0], a[1], a[2:]) for a in ANIMALS], ids=[a[0] for a in ANIMALS]
)
def test_an_animal_is_caught_by_the_rule_that_names_it_and_by_no_other(
    cage: Cage, rule: str, file: str, changes: tuple[str, ...]
) -> None:
    specimen = cage(file, *changes)
    asked = [each for each in CHECKED if each.id == rule or each.id not in SLOW]
    caught = {each.id for each in asked if judge(each, specimen).status in BAD}

    assert caught == {rule}


def test_metadata_without_an_upper_bound_is_seen_by_b2(cage: Cage) -> None:
    specimen = cage(requires=">=0.1")

    assert judge(BY_ID["B2"], specimen).status is Status.FAILED


def test_every_rule_that_is_computed_has_an_animal_but_those_named_here() -> None:
    seen = {animal[0] for animal in ANIMALS} | {"B2"}
    without = {rule.id for rule in CHECKED} - seen

    # Recordings and broken streams have animals of their own; the healthy one has neither streams
    # nor batches; G5 and G7 rest on the same proof as S6, so that no fault is theirs alone.
    assert without == NEEDS_RECORDINGS | THOROUGH | {"G1", "G2", "G3", "G4", "G5", "G6", "G7"}
