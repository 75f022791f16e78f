"""The conformance kit in pytest: one item for each rule, such as `acme::S4-rules-respected`.

    pytest --pyargs venuekit.testing --exchange acme
    pytest --pyargs venuekit.testing --exchange acme -k S4

A rule that is exempt, or cannot be computed here, is reported as skipped with its reason; one of
something that the plugin does not do yet, as an expected failure. pytest loads this module in every
run; without `--exchange` it does nothing, and imports nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from venuekit.testing.conformance import Result, Rule, Specimen

_EXCHANGE_AND_LIBRARY: Final = 2
_MARKERS: Final = {
    "foreign_clients_of": "foreign_client",
    "second_judges_of": "second_judge",
}
_TABLE: Final = ("conformance", "rules.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--exchange`."""
    group = parser.getgroup("venuekit", "conformance of venuekit's exchange plugins")
    group.addoption(
        "--exchange",
        action="append",
        default=[],
        metavar="ID",
        help="check the plugin of this exchange; with --pyargs venuekit.testing",
    )
    group.addoption(
        "--foreign-clients-of",
        metavar="ID",
        help="run only the tests marked foreign_client(ID, LIBRARY)",
    )
    group.addoption(
        "--second-judges-of",
        metavar="ID",
        help="run only the tests marked second_judge(ID, LIBRARY)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers of tests in which somebody else's client judges."""
    config.addinivalue_line(
        "markers",
        "foreign_client(exchange, library): a client library that is not ours trades on the "
        "simulator of that exchange; rule G8 runs it",
    )
    config.addinivalue_line(
        "markers",
        "second_judge(exchange, library): on random input, signatures or models equal those of a "
        "client library that is not ours; rule P5 runs it",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With one of the two options, leave only the tests of that exchange that have the marker."""
    for option, marker in _MARKERS.items():
        exchange = config.getoption(option, None)
        if exchange is None:
            continue
        chosen = [item for item in items if _judges(item, exchange, marker)]
        left = [item for item in items if item not in chosen]
        config.hook.pytest_deselected(items=left)
        items[:] = chosen


def _judges(item: pytest.Item, exchange: str, marker: str) -> bool:
    return any(
        mark.args[:1] == (exchange,)
        and len(mark.args) == _EXCHANGE_AND_LIBRARY
        and not str(mark.args[1]).startswith("venuekit")
        for mark in item.iter_markers(marker)
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the rules where their table is."""
    if not parent.config.getoption("exchange", []) or file_path.parts[-2:] != _TABLE:
        return None
    return Rules.from_parent(parent, path=file_path)


class Rules(pytest.File):
    """All rules, for each exchange that was asked for."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Give one collector for each exchange."""
        for exchange in self.config.getoption("exchange"):
            yield ExchangeRules.from_parent(self, name=exchange, nodeid=exchange)


class ExchangeRules(pytest.Collector):
    """The rules for one exchange."""

    def collect(self) -> Iterator[pytest.Item]:
        """Give one item for each rule."""
        from venuekit.model import PluginError
        from venuekit.testing.conformance import RULES, find_specimen

        try:
            specimen = find_specimen(self.name)
        except PluginError as error:
            raise self.CollectError(str(error)) from None
        for rule in RULES:
            nodeid = f"{self.name}::{rule.slug}"
            item = RuleItem.from_parent(self, name=rule.slug, nodeid=nodeid)
            item.rule, item.specimen = rule, specimen
            yield item


class RuleFailed(Exception):
    """A rule does not hold."""


class RuleItem(pytest.Item):
    """One rule for one exchange."""

    rule: "Rule"
    specimen: "Specimen"

    def runtest(self) -> None:
        """Check it."""
        from venuekit.testing.conformance import Status, judge

        result = judge(self.rule, self.specimen)
        if result.status in {Status.EXEMPT, Status.NOT_COMPUTED}:
            pytest.skip(f"{result.status.value}: {result.reason}")
        if result.status is Status.NOT_YET:
            pytest.xfail(result.reason)
        if not result.status.counts:
            raise RuleFailed(_told(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        """Tell what was expected and what was seen, without a traceback into the kit."""
        if isinstance(excinfo.value, RuleFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the rule."""
        return self.path, 0, f"{self.parent.name if self.parent else ''}::{self.name}"


def _told(result: "Result") -> str:
    from venuekit.testing.conformance.reports import result_lines

    return "\n".join([result.rule.title, *result_lines(result)])
