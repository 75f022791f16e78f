"""The rules that take minutes, on a package that takes a moment."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from venuekit.testing.conformance import RULES, Result, Specimen, Status, thorough
from venuekit.testing.conformance.verdicts import NotComputed, Tally

BY_ID = {rule.id: rule for rule in RULES}
PACKAGE = """
def least(a, b):
    if a < b:
        return a
    return b


def is_open():
    return True
"""
GOOD = """
import pytest

from tiny_plugin import is_open, least


def test_least():
    assert [least(1, 2), least(2, 1), least(2, 2.0)] == [1, 1, 2.0]
    assert type(least(2, 2.0)) is float


def test_is_open():
    assert is_open() is True


@pytest.mark.foreign_client("tiny", "json")
def test_somebody_else_trades():
    assert is_open()


@pytest.mark.second_judge("tiny", "operator")
def test_somebody_else_says_the_same():
    assert least(1, 2) == min(1, 2)
"""
Table = Callable[..., Specimen]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """Lay a package with its own tests on the table."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def lay(tests: str = GOOD, *, is_thorough: bool = True) -> Specimen:
        (tmp_path / "pyproject.toml").write_text(
            '[project]\nname = "tiny"\nversion = "1"\nrequires-python = ">=3.11"\n'
            '[tool.pytest.ini_options]\naddopts = ""\n'
        )
        (tmp_path / "tiny_plugin").mkdir()
        (tmp_path / "tiny_plugin" / "__init__.py").write_text(PACKAGE)
        (tmp_path / "tests").mkdir()
        (tmp_path / "tests" / "test_tiny.py").write_text(tests)
        importlib.invalidate_caches()
        manifest: Any = SimpleNamespace(id="tiny", title="Tiny", adapter=object, simulator=None)
        return Specimen(manifest, package="tiny_plugin", is_thorough=is_thorough)

    yield lay
    sys.modules.pop("tiny_plugin", None)


def judged(specimen: Specimen) -> Result:
    tally = Tally()
    status, reason = Status.PASSED, ""
    try:
        thorough.tested(specimen, tally)
    except NotComputed as missing:
        status, reason = Status.NOT_COMPUTED, str(missing)
    return Result(
        rule=BY_ID["G11"],
        status=Status.FAILED if tally.wrong else status,
        reason=reason,
        faults=tuple(tally.faults),
    )


@pytest.fixture(autouse=True)
def _few_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thorough, "_PLANTED", 1)


def test_without_asking_nothing_that_takes_minutes_is_computed(table: Table) -> None:
    result = judged(table(is_thorough=False))
    assert (result.status, "--thorough" in result.reason) == (Status.NOT_COMPUTED, True)


def test_foreign_clients_are_run_by_their_marker(table: Table) -> None:
    tally = Tally()
    thorough.foreign_clients(table(), tally)
    assert (tally.examined, tally.wrong) == (1, 0)


def test_second_judges_are_run_by_their_marker(table: Table) -> None:
    tally = Tally()
    thorough.second_judges(table(), tally)
    assert (tally.examined, tally.wrong) == (1, 0)


def test_a_second_judge_that_says_something_else_is_seen(table: Table) -> None:
    tally = Tally()
    thorough.second_judges(table(GOOD.replace("== min(1, 2)", "== max(1, 2)")), tally)
    assert "assert 1 == 2" in tally.faults[0].seen


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('foreign_client("tiny", "json")', 'foreign_client("other", "json")', "0 of them"),
        ("    assert is_open()\n", "    assert not is_open()\n", "assert not True"),
    ],
)
def test_a_foreign_client_that_is_missing_ours_or_refused_is_seen(
    table: Table, old: str, new: str, said: str
) -> None:
    tally = Tally()
    thorough.foreign_clients(table(GOOD.replace(old, new)), tally)
    assert tally.wrong
    assert any(said in fault.seen for fault in tally.faults)


def test_a_package_whose_tests_take_every_branch_and_notice_faults_passes(table: Table) -> None:
    assert judged(table()).status is Status.PASSED


def test_branches_that_are_not_taken_and_faults_that_are_not_noticed_are_seen(
    table: Table,
) -> None:
    tests = "from tiny_plugin import least\n\n\ndef test_least():\n    assert least(1, 2)\n"
    result = judged(table(tests))
    assert result.status is Status.FAILED
    coverage, planted = result.faults
    assert coverage.expected == "95 % of lines and branches"
    assert "missed: __init__.py" in planted.seen


def test_tests_that_fail_prove_nothing(table: Table) -> None:
    result = judged(table("def test_it():\n    assert False\n"))
    assert (result.status, "do not pass" in result.reason) == (Status.NOT_COMPUTED, True)


def test_other_pythons_are_found_by_what_they_say_of_themselves() -> None:
    found = thorough._interpreters()
    assert sys.version_info.minor in found
    assert all(minor >= 11 for minor in found if minor != sys.version_info.minor)
