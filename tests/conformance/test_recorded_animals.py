"""Recordings with one fault each, and the rule that sees it."""

import shutil
from pathlib import Path

import pytest

from venuekit.testing.conformance import RULES, Result, Status, judge
from venuekit.testing.conformance.specimen import find_specimen
from venuekit.testing.recording import reseal

CASSETTES = Path(__file__).parents[2] / "cassettes" / "kraken"
BY_ID = {rule.id: rule for rule in RULES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CASSETTES, tmp_path / "kraken"))


def judged(rule: str, folder: Path) -> Result:
    return judge(BY_ID[rule], find_specimen("kraken", recordings=folder))


def test_a_signature_that_was_left_is_seen_by_b10(folder: Path) -> None:
    file = folder / "tour.cassette.json"
    text = file.read_text().replace('"body": "', '"body": "API-Sign=' + "A" * 88, 1)
    file.write_text(text)
    result = judged("B10", folder)
    assert (result.status, result.faults[0].seen) == (Status.FAILED, "a signature")


def test_an_answer_that_is_read_otherwise_than_it_was_is_seen_by_s13(folder: Path) -> None:
    file = folder / "tour.models.json"
    file.write_text(file.read_text().replace('"phase": "open"', '"phase": "filled"', 1))
    result = judged("S13", folder)
    assert result.status is Status.FAILED
    assert "expected 'filled', seen 'open'" in result.faults[0].seen


def test_a_tape_that_ends_early_is_seen_by_g9(folder: Path) -> None:
    for name in ("public", "account"):
        file = folder / f"{name}.tape.jsonl"
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:20]))
        reseal(file, "cut, for a test")
    result = judged("G9", folder)
    assert result.status is Status.FAILED
    assert any("a connection after the first one" in fault.expected for fault in result.faults)


@pytest.mark.parametrize("rule", ["B10", "S13", "G9"])
def test_without_recordings_nothing_is_passed(tmp_path: Path, rule: str) -> None:
    assert judged(rule, tmp_path).status is Status.NOT_COMPUTED
