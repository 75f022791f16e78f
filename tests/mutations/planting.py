"""Planting one fault at a time into a copy of the source, and letting tests look for it."""

import enum
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

ROOT: Final = Path(__file__).parents[2]
_COPIED: Final = ("framework", "plugins", "tests", "pyproject.toml", "README.md", "docs")
_PATIENCE_S: Final = 300.0
_LOST: Final = shutil.ignore_patterns("__pycache__", "*.pyc", ".mypy_cache")


class Verdict(enum.Enum):
    """What became of a fault."""

    CAUGHT = "caught"
    HANGS = "caught, by hanging"
    MISSED = "missed"
    BROKEN = "broken"
    """The tests could not run at all: nothing is known."""


@attrs.frozen(kw_only=True)
class Mutation:
    """One fault: a piece of source in the place of another."""

    name: str
    file: str
    """Below `framework/venuekit`."""
    was: str
    """As it stands there, exactly once."""
    becomes: str
    tests: tuple[str, ...]
    """Paths and node ids of the tests that should notice."""
    harm: str
    """What it would cost a trader."""

    def planted(self, text: str) -> str:
        """Give the source of its file with the fault in it; raises ValueError if it has moved."""
        if text.count(self.was) != 1:
            msg = f"{self.name}: {self.was!r} stands {text.count(self.was)} times in {self.file}"
            raise ValueError(msg)
        return text.replace(self.was, self.becomes)


class Copy:
    """A copy of the repository in which faults are planted."""

    def __init__(self, folder: Path, *, root: Path = ROOT) -> None:
        """Copy what tests need from `root` into `folder`."""
        self._folder = folder
        for name in _COPIED:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=_LOST)
            elif source.exists():
                shutil.copy(source, folder / name)
        paths = [folder / "framework", *sorted(folder.glob("plugins/*/src")), folder]
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def verdict(self, mutation: Mutation, *, patience_s: float = _PATIENCE_S) -> Verdict:
        """Plant a fault, run its tests, take the fault out again."""
        path = self._folder / "framework" / "venuekit" / mutation.file
        text = path.read_text()
        path.write_text(mutation.planted(text))
        try:
            return self.judged(mutation.tests, patience_s=patience_s)
        finally:
            path.write_text(text)

    def judged(self, tests: Sequence[str], *, patience_s: float = _PATIENCE_S) -> Verdict:
        """Run tests on the copy as it is."""
        # An editable installation must not win over the copy: then nothing would be judged.
        # It is looked for, not imported: pytest warns of what is imported before it is rewritten,
        # and a warning is a failure.
        guard = (
            "import sys, pytest; from importlib.util import find_spec; "
            "found = find_spec('venuekit').origin; "
            f"sys.exit(97) if not found.startswith({str(self._folder)!r}) else None; "
            "sys.exit(pytest.main(sys.argv[1:]))"
        )
        # Neither the installed plugin of venuekit, which a copy need not have, nor chance.
        without = [f"-pno:{name}" for name in ("cacheprovider", "randomly", "venuekit")]
        flags = ["-x", "-q", *without, "--no-header"]
        try:
            done = subprocess.run(
                [sys.executable, "-c", guard, *flags, *tests],
                cwd=self._folder,
                env=self._environment,
                capture_output=True,
                timeout=patience_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Verdict.HANGS
        # pytest: 0 all passed, 1 a test failed; anything else is no judgement.
        return {0: Verdict.MISSED, 1: Verdict.CAUGHT}.get(done.returncode, Verdict.BROKEN)
