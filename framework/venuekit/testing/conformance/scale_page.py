"""The page of the quality scale, made from the table of rules, so that the two cannot differ."""

import inspect
from collections.abc import Iterator

from venuekit.testing.conformance.rules import RULES
from venuekit.testing.conformance.verdicts import Level, Rule

_LEVELS = {
    Level.BRONZE: "it loads, reads and tells the truth",
    Level.SILVER: "it trades without surprising",
    Level.GOLD: "it survives production",
    Level.PLATINUM: "it is proved, and fast",
}
_HEAD = """# The quality scale

<!-- Made from the table in venuekit/testing/conformance/rules.py; a test compares. -->

`venuekit certify EXCHANGE` computes every rule below for an installed plugin; nothing is declared.
A level needs all rules of its own and of the levels below. [How to read a
failure](../explanation/conformance.md) is told elsewhere.

A rule whose capability the plugin does not claim is **exempt**. A rule marked *not computed* has no
check in this version of the kit: it is reported as such, and nobody reaches its level without it.
"""


def scale_page() -> str:
    """Give the page as Markdown."""
    return "\n".join([_HEAD, *_levels()])


def _levels() -> Iterator[str]:
    for level, words in _LEVELS.items():
        yield f"## {level.word.capitalize()}: {words}\n"
        for rule in RULES:
            if rule.level is level:
                yield _rule(rule)


def _rule(rule: Rule) -> str:
    needs = f" Concerns plugins that claim *{rule.needs}*." if rule.needs else ""
    if rule.check is None:
        return f"### {rule.slug}\n\n{rule.title}.{needs} *Not computed*: needs {rule.missing}.\n"
    text = inspect.cleandoc(rule.check.__doc__ or "").partition(": ")[2].replace("\n", " ")
    return f"### {rule.slug}\n\n{rule.title}.{needs}\n\nChecked: {text}\n"
