"""The page of the quality scale says what the rules are."""

from pathlib import Path

from venuekit.testing.conformance import RULES
from venuekit.testing.conformance.scale_page import scale_page

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_of_the_scale_is_up_to_date() -> None:
    assert (DOCS / "reference" / "quality-scale.md").read_text() == scale_page()


def test_every_rule_has_its_own_place_on_the_page_and_every_failure_leads_there() -> None:
    page = scale_page()
    headings = [line for line in page.splitlines() if line.startswith("### ")]

    assert headings == [f"### {rule.slug}" for rule in RULES]
    assert {rule.page.partition("#")[2] for rule in RULES} == {
        heading.removeprefix("### ").lower() for heading in headings
    }


def test_the_scale_has_its_46_rules_in_order() -> None:
    expected = [
        f"{letter}{n}"
        for letter, last in (("B", 12), ("S", 13), ("G", 12), ("P", 9))
        for n in range(1, last + 1)
    ]

    assert [rule.id for rule in RULES] == expected


def test_a_rule_is_either_computed_or_says_what_that_would_take() -> None:
    assert [rule.id for rule in RULES if (rule.check is None) != bool(rule.missing)] == []
