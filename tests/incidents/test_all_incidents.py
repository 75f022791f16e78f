"""The list of incidents in the workshop's reliability page has 36 cases; each is a test here."""

import re
from collections import Counter
from pathlib import Path

CASES = range(1, 37)
_TEST = re.compile(r"^(?:async )?def test_case_(\d\d)_\w+\(", re.MULTILINE)
_WHO = re.compile(r"[\w.-]+/[\w.-]+(?:#|/issues/|/pull/)\d+|PyPI|3Commas")


def test_every_incident_has_its_test() -> None:
    folder = Path(__file__).parent
    texts = [path.read_text() for path in sorted(folder.glob("test_*.py"))]
    found = Counter(int(number) for text in texts for number in _TEST.findall(text))
    assert [case for case in CASES if not found[case]] == []
    assert sorted(found) == list(CASES)


def test_every_incident_says_what_happened_to_whom() -> None:
    folder = Path(__file__).parent
    for path in sorted(folder.glob("test_*_incidents.py")):
        tests = _TEST.split(path.read_text())
        by_case: dict[str, str] = {}
        for number, body in zip(tests[1::2], tests[2::2], strict=True):
            by_case[number] = by_case.get(number, "") + body
        for number, body in by_case.items():
            assert _WHO.search(body), f"{path.name}: case {number} names nobody to whom it happened"
