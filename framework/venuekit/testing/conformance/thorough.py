"""What takes minutes: the plugin's own tests, other people's clients, other Pythons.

Computed with `venuekit certify --thorough` only, from the plugin's source tree; the last of them
installs the plugin anew and may ask the package index for what it depends on.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from venuekit.testing.conformance.planting import (
    FAULTS,
    Takes,
    is_noticed,
    planted_faults,
    read_takes,
)
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.verdicts import NotComputed, Tally, cut

BRANCHES: Final = 95.0
"""Per cent of the adapter's lines and branches that its own tests take."""
_PLANTED: Final = FAULTS
_CAUGHT: Final = 0.8
"""Some faults that chance plants change nothing."""
_LONGEST_S: Final = 900.0
_RUN_S: Final = 240.0
"""For all tests with a fault in place."""
_NARROW_S: Final = 45.0
"""For the few that are asked first: what goes round in circles is noticed."""
_OLDEST: Final = 11
"""Minor version of the first Python that venuekit runs on."""
_VERSION: Final = re.compile(r"^3\.(\d+)(?:\.\d+)?$")


def source_root(specimen: Specimen) -> Path:
    """Give the folder with the plugin's `pyproject.toml` and `tests`.

    Raises:
        NotComputed: It was not asked for, or the plugin is installed without its sources.
    """
    if not specimen.is_thorough:
        raise NotComputed("takes minutes: ask with --thorough")
    for place in specimen.folder.parents:
        if (place / "pyproject.toml").is_file():
            if (place / "tests").is_dir():
                return place
            break
    raise NotComputed("the plugin's own tests are not here: certify its source tree")


def foreign_clients(specimen: Specimen, tally: Tally) -> None:
    """G8: other people's client libraries trade on the simulator, in the plugin's own tests."""
    _others_judge(specimen, tally, "--foreign-clients-of", "foreign_client")


def second_judges(specimen: Specimen, tally: Tally) -> None:
    """P5: on random input, signatures and models equal another client's, in the plugin's tests."""
    _others_judge(specimen, tally, "--second-judges-of", "second_judge")


def _others_judge(specimen: Specimen, tally: Tally, option: str, marker: str) -> None:
    root = source_root(specimen)
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "report.xml"
        done = _pytest(root, option, specimen.manifest.id, f"--junitxml={report}", "-rs")
        if not report.is_file():
            tally.expect(False, expected="tests that run", seen=cut(done.stdout[-200:]))
            return
        suite = ET.parse(report).getroot()  # noqa: S314  # written by the pytest that was just run
    cases = list(suite.iter("testcase"))
    passed = [case for case in cases if not list(case)]
    for case in cases:
        for child in case:
            tally.expect(
                child.tag not in {"failure", "error"},
                expected=f"{case.get('name')} passes",
                seen=cut(child.get("message") or child.tag),
            )
    tally.expect(
        bool(passed),
        expected=f'a test marked {marker}("{specimen.manifest.id}", "LIBRARY") that passes',
        seen=f"{len(cases)} of them, {len(passed)} pass",
    )


def tested(specimen: Specimen, tally: Tally) -> None:
    """G11: the plugin's own tests take its branches, and notice planted faults."""
    root = source_root(specimen)
    takes = _taken(root, specimen)
    tally.expect(
        takes.percent >= BRANCHES,
        expected=f"{BRANCHES:g} % of lines and branches",
        seen=f"{takes.percent:.1f} %",
    )
    package = _top(specimen)

    def run(tests: Sequence[str], path: Path) -> bool:
        return _pytest(root, "-x", tests=tests, path=str(path)).returncode == 0

    planted = list(planted_faults(specimen, _PLANTED))
    missed = [fault for fault in planted if not is_noticed(fault, package, takes, run)]
    caught = len(planted) - len(missed)
    tally.expect(
        bool(planted) and caught >= _CAUGHT * len(planted),
        expected=f"{_CAUGHT:.0%} of {len(planted)} planted faults noticed",
        seen=f"{caught}; missed: {', '.join(fault.where for fault in missed[:4])}",
    )


def compatible(specimen: Specimen, tally: Tally) -> None:
    """G12: installed anew under the lowest and the highest Python, the tour says the same."""
    root = source_root(specimen)
    core = _core_root()
    lowest = _lowest(specimen)
    found = _interpreters()
    usable = {minor: python for minor, python in found.items() if minor >= lowest}
    if lowest not in usable or len(usable) < 2:  # a lowest and a highest one
        raise NotComputed(
            f"needs Python 3.{lowest} and a later one on this machine; found "
            f"{', '.join(f'3.{minor}' for minor in sorted(found)) or 'none'}"
        )
    address = f"{specimen.manifest.adapter.__module__.partition('.')[0]}"
    expected = _toured(sys.executable, specimen)
    for minor in (lowest, max(usable)):
        with tempfile.TemporaryDirectory() as name:
            python = _installed(usable[minor], Path(name), [core, root])
            seen = _toured(python, specimen)
        tally.expect(
            bool(seen) and seen == expected,
            expected=f"Python 3.{minor}: the requests and models of this interpreter",
            seen=cut(_first_difference(expected, seen)),
            call=f"python3.{minor}: the tour of {address}",
        )


# The plugin's own tests


def _top(specimen: Specimen) -> Path:
    """Give the folder of the outermost package."""
    top = specimen.folder
    while (top.parent / "__init__.py").is_file():
        top = top.parent
    return top


def _taken(root: Path, specimen: Specimen) -> Takes:
    """Run the plugin's own tests, and note which of them take which lines."""
    package = _top(specimen)
    left_out = ",".join(str(file) for file in specimen.sources if specimen.is_simulator(file))
    with tempfile.TemporaryDirectory() as name:
        data, report = Path(name) / "data", Path(name) / "report.json"
        settings = Path(name) / "settings"
        settings.write_text(
            f"[run]\nbranch = True\nsource = {package}\n"
            f"omit = */sim/*,*/sim.py,{left_out}\ndynamic_context = test_function\n"
            "[report]\nexclude_also =\n    if TYPE_CHECKING:\n    @abc.abstractmethod\n"
        )
        common = [f"--rcfile={settings}", f"--data-file={data}"]
        done = _run(
            [sys.executable, "-m", "coverage", "run", *common, "-m", "pytest", *_PLAIN], cwd=root
        )
        if done.returncode:
            raise NotComputed(f"the plugin's own tests do not pass: {cut(done.stdout[-200:])}")
        command = [sys.executable, "-m", "coverage", "json", *common, "--show-contexts"]
        _run([*command, "-o", str(report)], cwd=root)
        if not report.is_file():
            raise NotComputed('needs coverage: pip install "venuekit[testing]"')
        return read_takes(report.read_text(), root / "tests")


_QUIET: Final = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly")
_PLAIN: Final = ("tests", *_QUIET)


def _pytest(
    root: Path, *arguments: str, tests: Sequence[str] = (), path: str = ""
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "pytest", *(tests or ("tests",)), *_QUIET, *arguments]
    limit_s = _NARROW_S if tests else _RUN_S if path else _LONGEST_S
    return _run(command, cwd=root, path=path, limit_s=limit_s)


# Other interpreters


def _run(
    command: Sequence[str], *, cwd: Path, path: str = "", limit_s: float = _LONGEST_S
) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if path:
        environment["PYTHONPATH"] = path
    try:
        return subprocess.run(  # noqa: S603  # this interpreter, and arguments of our own
            command,
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "it took too long", "")


def _core_root() -> Path:
    import venuekit

    for place in Path(venuekit.__file__).parents:
        if (place / "pyproject.toml").is_file():
            return place
    raise NotComputed("needs the source tree of venuekit itself, to install it anew")


def _lowest(specimen: Specimen) -> int:
    text = (source_root(specimen) / "pyproject.toml").read_text("utf-8")
    found = re.search(r'requires-python\s*=\s*">=\s*3\.(\d+)', text)
    if found is None:
        raise NotComputed('pyproject.toml says no requires-python = ">=3.…"')
    return int(found[1])


def _interpreters() -> dict[int, str]:
    """Find the Pythons of this machine, by minor version."""
    found: dict[int, str] = {}
    for minor in range(_OLDEST, _OLDEST + 20):
        python = shutil.which(f"python3.{minor}")
        if python is not None and _works(python, minor):
            found[minor] = python
    for place in sorted(Path.home().glob(".pyenv/versions/3.*")):
        version = _VERSION.match(place.name)
        python = str(place / "bin" / "python")
        if version is not None and int(version[1]) >= _OLDEST and Path(python).is_file():
            found.setdefault(int(version[1]), python)
    found.setdefault(sys.version_info.minor, sys.executable)
    return found


def _works(python: str, minor: int) -> bool:
    """Say whether it starts: a name on the path may stand for one that is not chosen."""
    done = _run([python, "-c", "import sys; print(sys.version_info.minor)"], cwd=Path("/"))
    return done.stdout.strip() == str(minor)


def _installed(python: str, folder: Path, sources: Sequence[Path]) -> str:
    """Make an environment with core and plugin in it; give its interpreter."""
    _run([python, "-m", "venv", str(folder / "env")], cwd=folder)
    inside = str(folder / "env" / "bin" / "python")
    done = _run(
        [inside, "-m", "pip", "install", "--quiet", *map(str, sources)],
        cwd=folder,
    )
    if done.returncode:
        raise NotComputed(f"{python}: cannot be installed there: {cut(done.stderr[-200:])}")
    return inside


def _toured(python: str, specimen: Specimen) -> list[str]:
    """Take the tour in another interpreter."""
    done = _run(
        [python, "-m", "venuekit.testing.conformance.transcript", "of", specimen.manifest.id],
        cwd=Path(tempfile.gettempdir()),
    )
    return done.stdout.splitlines() if done.returncode == 0 else [cut(done.stderr[-300:])]


def _first_difference(expected: Sequence[str], seen: Sequence[str]) -> str:
    for one, other in zip(expected, seen, strict=False):
        if one != other:
            return other
    return f"{len(seen)} lines, and {len(expected)} are expected"
