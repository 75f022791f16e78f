"""Which tests judge a planted fault, in which order, and that all of them do in the end."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from venuekit.testing.conformance.planting import Planted, Takes, is_noticed, read_takes

LINES = {
    "1": ["", "tests.test_a.test_wide", "tests.test_a.test_narrow"],
    "2": ["tests.test_a.test_wide"],
    "3": ["tests.test_a.test_wide", "tests.deep.test_b.TestMore.test_in_a_class"],
    "4": ["", "somewhere.else"],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("src/acme/rules.py", "tests/test_a.py", "tests/deep/test_b.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("old\n")
    return tmp_path


@pytest.fixture
def takes(root: Path) -> Takes:
    report = {
        "totals": {"percent_covered": 97.5},
        "files": {str(root / "src/acme/rules.py"): {"contexts": LINES}},
    }
    return read_takes(json.dumps(report), root / "tests")


def fault(root: Path, line: int) -> Planted:
    return Planted(root / "src/acme/rules.py", line, "new\n", f"rules.py:{line} <")


@pytest.mark.parametrize(
    ("line", "tests"),
    [
        (1, ["tests/test_a.py::test_narrow", "tests/test_a.py::test_wide"]),
        (3, ["tests/deep/test_b.py::TestMore::test_in_a_class", "tests/test_a.py::test_wide"]),
        (4, []),
        (9, []),
    ],
)
def test_tests_that_take_little_else_are_asked_first(
    root: Path, takes: Takes, line: int, tests: list[str]
) -> None:
    assert takes.of(fault(root, line), root / "src/acme") == tests
    assert takes.percent == 97.5


class Runs:
    def __init__(self, *passed: bool) -> None:
        self.passed = list(passed)
        self.asked: list[Sequence[str]] = []

    def __call__(self, tests: Sequence[str], folder: Path) -> bool:
        assert (folder / "acme/rules.py").read_text() == "new\n"
        self.asked.append(tests)
        return self.passed.pop(0)


def test_a_fault_that_few_tests_notice_needs_no_more(root: Path, takes: Takes) -> None:
    runs = Runs(False)
    assert is_noticed(fault(root, 2), root / "src/acme", takes, runs)
    assert runs.asked == [["tests/test_a.py::test_wide"]]


@pytest.mark.parametrize("is_last", [True, False])
def test_a_fault_that_they_miss_is_judged_by_all(root: Path, takes: Takes, is_last: bool) -> None:
    runs = Runs(True, not is_last)
    assert is_noticed(fault(root, 2), root / "src/acme", takes, runs) is is_last
    assert runs.asked == [["tests/test_a.py::test_wide"], ()]


def test_a_line_that_no_test_is_known_to_take_is_judged_by_all(root: Path, takes: Takes) -> None:
    runs = Runs(True)
    assert not is_noticed(fault(root, 9), root / "src/acme", takes, runs)
    assert runs.asked == [()]
    assert (root / "src/acme/rules.py").read_text() == "old\n"
