"""What a rule is, what comes of checking it, and which level follows."""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from venuekit.testing.conformance.specimen import Specimen

_MOST_FAULTS: Final = 5
_LONGEST: Final = 300


class Level(enum.IntEnum):
    """How far a plugin is; each level needs all rules of those below it."""

    NONE = 0
    BRONZE = 1
    SILVER = 2
    GOLD = 3
    PLATINUM = 4

    @property
    def word(self) -> str:
        """The level for people: `gold`; `no level`."""
        return self.name.lower() if self else "no level"


class Status(enum.Enum):
    """What came of a rule."""

    PASSED = "passed"
    EXEMPT = "exempt"
    """The plugin does not claim what the rule is about; the reason says whether the exchange has
    it. P4 asks for what a plugin does not do yet."""
    FAILED = "failed"
    NOT_YET = "not yet"
    """The plugin itself says that something is still to come: fails nothing, and passes nothing."""
    UNKNOWN = "unknown"
    """The check itself broke, or examined nothing: counts as failed."""
    NOT_COMPUTED = "not computed"
    """It needs evidence that is not here; never counts as passed."""

    @property
    def counts(self) -> bool:
        """Say whether a level may be reached with it."""
        return self in {Status.PASSED, Status.EXEMPT}


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that is not as it has to be."""

    expected: str
    seen: str
    call: str = ""
    """The smallest call that shows it; empty where a file or the manifest does."""


class NotComputed(Exception):
    """A rule cannot be judged for want of evidence; says which."""


class NotYet(Exception):
    """What a rule is about is still to come, as the plugin says; says what."""


class Exempt(Exception):
    """A rule does not concern this exchange; says why."""


class Tally:
    """What a check has examined, and what it found wrong."""

    def __init__(self) -> None:
        """Begin with nothing examined: a check that ends so has not passed."""
        self.examined = 0
        self.wrong = 0
        self.faults: list[Fault] = []

    def expect(self, holds: bool, *, expected: str, seen: object, call: str = "") -> bool:  # noqa: FBT001  # reads as an assertion
        """Examine one thing; gives `holds` back."""
        self.examined += 1
        if not holds:
            self.wrong += 1
            if len(self.faults) < _MOST_FAULTS:
                self.faults.append(Fault(expected=expected, seen=cut(str(seen)), call=cut(call)))
        return holds


Check = Callable[["Specimen", Tally], None]


@attrs.frozen(kw_only=True)
class Rule:
    """One line of the quality scale."""

    id: str
    """`B1` to `P9`."""
    name: str
    """In the names of tests: `install-clean`."""
    title: str
    """What has to hold, in a sentence."""
    needs: str = ""
    """The capability without which the rule does not concern a plugin; empty: it always does."""
    check: Check | None = None
    """None: there is no computation yet, and nobody passes."""
    missing: str = ""
    """For a rule without a check: what it would take."""

    @property
    def level(self) -> Level:
        """The level that it belongs to."""
        return {"B": Level.BRONZE, "S": Level.SILVER, "G": Level.GOLD, "P": Level.PLATINUM}[
            self.id[0]
        ]

    @property
    def slug(self) -> str:
        """`S4-rules-respected`: in tests, reports, badges and as the anchor of its page."""
        return f"{self.id}-{self.name}"

    @property
    def page(self) -> str:
        """Where the guide explains it."""
        return f"docs/reference/quality-scale.md#{self.slug.lower()}"


@attrs.frozen(kw_only=True)
class Result:
    """What came of one rule for one plugin."""

    rule: Rule
    status: Status
    examined: int = 0
    wrong: int = 0
    reason: str = ""
    """Why it is exempt, unknown or not computed."""
    faults: Sequence[Fault] = ()
    """The first few."""


@attrs.frozen(kw_only=True)
class Certificate:
    """All results of one plugin, of one build and one version of the kit."""

    exchange: str
    title: str
    distribution: str
    version: str
    build: str
    """SHA-256 over the package's files: a certificate belongs to these bytes."""
    kit: str
    interface: tuple[int, int]
    time_ns: int
    """When it was computed, in nanoseconds since the epoch."""
    results: Sequence[Result]

    @property
    def level(self) -> Level:
        """The highest level all of whose rules, and all below, hold."""
        reached = Level.NONE
        for level in (Level.BRONZE, Level.SILVER, Level.GOLD, Level.PLATINUM):
            of_level = [result for result in self.results if result.rule.level is level]
            if not of_level or not all(result.status.counts for result in of_level):
                break
            reached = level
        return reached

    def in_the_way(self) -> list[Result]:
        """List the results that keep the plugin from the next level."""
        following = self.level + 1
        return [
            result
            for result in self.results
            if result.rule.level == following and not result.status.counts
        ]

    def counts(self) -> Mapping[Status, int]:
        """Count the results of each status."""
        return {
            status: sum(result.status is status for result in self.results) for status in Status
        }


def cut(text: str) -> str:
    """Make a piece of foreign text fit for a report: one line, printable, not long."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"
