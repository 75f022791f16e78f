"""Faults planted into a plugin one by one: do its own tests notice them?

Each fault is judged first by a few tests that take its line, those that take little else before the
others, and by all tests only where none of those fails.
"""

import ast
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from venuekit.testing.conformance.specimen import Specimen

FAULTS: Final = 20
_NARROW: Final = 12
"""Tests that judge a fault first."""

RunTests = Callable[[Sequence[str], Path], bool]
"""Runs tests, all of them if none is named, on a copy of the package in a folder; says whether all
passed. What takes too long did not."""


@attrs.frozen
class Planted:
    """A fault in one file."""

    file: Path
    line: int
    text: str
    where: str


@attrs.frozen(kw_only=True)
class Takes:
    """Which tests take which lines, and how much of everything they take together."""

    percent: float
    """Of lines and branches."""
    by_line: Mapping[tuple[str, int], frozenset[str]]
    """Test functions, as pytest names them, by file name and line."""

    def of(self, fault: Planted, package: Path) -> list[str]:
        """Give the tests that take the fault's line, those that take least first."""
        name = fault.file.relative_to(package.parent).as_posix()
        found = self.by_line.get((name, fault.line), frozenset())
        sizes: dict[str, int] = dict.fromkeys(found, 0)
        for tests in self.by_line.values():
            for test in tests & found:
                sizes[test] += 1
        return sorted(found, key=lambda test: (sizes[test], test))


def is_noticed(fault: Planted, package: Path, takes: Takes, run: RunTests) -> bool:
    """Say whether a test fails with the fault in place.

    Args:
        fault: What is planted.
        package: Folder of the outermost package.
        takes: Which tests take which lines.
        run: Runs tests.
    """
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / package.name
        shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / fault.file.relative_to(package)).write_text(fault.text, "utf-8")
        narrow = takes.of(fault, package)[:_NARROW]
        if narrow and not run(narrow, Path(name)):
            return True
        return not run((), Path(name))


def planted_faults(specimen: Specimen, count: int) -> Iterator[Planted]:
    """Plant faults by chance, the same ones in each run: comparisons and truths turned round."""
    places = [
        (file, node)
        for file in specimen.sources
        if not specimen.is_simulator(file)
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if _is_place(node)
    ]
    chance = random.Random(7)  # noqa: S311  # the same faults each time
    for file, node in chance.sample(places, min(count, len(places))):
        planted = _planted(file, node)
        if planted is not None:
            yield planted


def read_takes(report: str, tests: Path) -> Takes:
    """Read coverage's JSON report with contexts, and find the functions in the files of `tests`.

    Args:
        report: As `coverage json --show-contexts` writes it.
        tests: Folder of the tests.
    """
    read = json.loads(report)
    files = {file.stem: file for file in tests.rglob("*.py")}
    by_line: dict[tuple[str, int], frozenset[str]] = {}
    for path, row in read["files"].items():
        for line, contexts in row.get("contexts", {}).items():
            named = (_test(context, files, tests) for context in contexts)
            found = frozenset(name for name in named if name is not None)
            # By the end of the path: files are named from different folders.
            for start in range(len(parts := Path(path).parts)):
                by_line["/".join(parts[start:]), int(line)] = found
    return Takes(percent=float(read["totals"]["percent_covered"]), by_line=by_line)


def _test(context: str, files: Mapping[str, Path], tests: Path) -> str | None:
    """Name the function of a context such as `tests.test_orders.test_it` as pytest does."""
    parts = context.split(".")
    for number, part in enumerate(parts[:-1]):
        if part in files:
            place = files[part].relative_to(tests.parent).as_posix()
            return "::".join((place, *parts[number + 1 :]))
    return None


_OPERATORS: Final[Mapping[type[ast.cmpop], tuple[str, str]]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: (" is ", " is not "),
    ast.In: (" in ", " not in "),
}


def _is_place(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        return len(node.ops) == 1 and type(node.ops[0]) in _OPERATORS
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def _planted(file: Path, node: ast.AST) -> Planted | None:
    text = file.read_text("utf-8")
    lines = text.splitlines(keepends=True)
    if isinstance(node, ast.Compare):
        left, right, (old, new) = node.left, node.comparators[0], _OPERATORS[type(node.ops[0])]
        if left.end_lineno != right.lineno or left.end_lineno is None:
            return None
        number, start, end = left.end_lineno - 1, left.end_col_offset or 0, right.col_offset
    elif isinstance(node, ast.Constant) and node.end_col_offset is not None:
        number, start, end = node.lineno - 1, node.col_offset, node.end_col_offset
        old, new = str(node.value), str(not node.value)
    else:
        return None
    raw = lines[number].encode()
    middle = raw[start:end].decode()
    if old not in middle:
        return None
    changed = raw[:start].decode() + middle.replace(old, new, 1) + raw[end:].decode()
    lines[number] = changed
    where = f"{file.name}:{number + 1} {old.strip()}"
    return Planted(file, number + 1, "".join(lines), where)
