"""The list of faults is of today, and who judges them judges."""

import shutil
from pathlib import Path

import attrs
import pytest

from tests.mutations.faults import MUTATIONS
from tests.mutations.planting import ROOT, Copy, Mutation, Verdict


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_fault_can_still_be_planted(mutation: Mutation) -> None:
    path = ROOT / "framework" / "venuekit" / mutation.file
    planted = mutation.planted(path.read_text())

    assert planted != path.read_text()
    compile(planted, str(path), "exec")
    for test in mutation.tests:
        assert (ROOT / test.partition("::")[0]).exists()


def test_there_are_enough_and_no_two_are_one() -> None:
    assert len(MUTATIONS) >= 30
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    assert len({(mutation.file, mutation.was) for mutation in MUTATIONS}) == len(MUTATIONS)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """Copy a repository of one function and one test."""
    core = tmp_path / "root" / "framework" / "venuekit"
    core.mkdir(parents=True)
    (core / "__init__.py").write_text("")
    (core / "adding.py").write_text("def add(a, b):\n    return a + b\n")
    tests = tmp_path / "root" / "tests"
    tests.mkdir()
    (tests / "test_it.py").write_text(
        "from venuekit.adding import add\n\ndef test_it():\n    assert add(1, 2) == 3\n"
    )
    # With the settings of the real one: there a warning is a failure.
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "root")
    folder = tmp_path / "copy"
    folder.mkdir()
    return Copy(folder, root=tmp_path / "root")


PLANT = Mutation(
    name="subtract",
    file="adding.py",
    was="a + b",
    becomes="a - b",
    tests=("tests/test_it.py",),
    harm="everything is wrong",
)


@pytest.mark.parametrize(
    ("becomes", "verdict"),
    [
        ("a - b", Verdict.CAUGHT),
        ("b + a", Verdict.MISSED),
        ("a +", Verdict.BROKEN),
        ("add(a, b) if __import__('time').sleep(60) else 0", Verdict.HANGS),
    ],
)
def test_a_fault_is_judged_by_its_tests(copy: Copy, becomes: str, verdict: Verdict) -> None:
    plant = attrs.evolve(PLANT, becomes=becomes)
    patience_s = 5.0 if verdict is Verdict.HANGS else 60.0
    assert copy.verdict(plant, patience_s=patience_s) is verdict


def test_the_source_is_whole_again_after_a_fault(copy: Copy) -> None:
    copy.verdict(PLANT)
    assert copy.judged(PLANT.tests) is Verdict.MISSED


def test_a_fault_whose_place_has_moved_is_not_planted(copy: Copy) -> None:
    with pytest.raises(ValueError, match="stands 0 times"):
        copy.verdict(attrs.evolve(PLANT, was="a * b"))


def test_tests_that_do_not_exist_judge_nothing(copy: Copy) -> None:
    assert copy.judged(("tests/test_other.py",)) is Verdict.BROKEN
