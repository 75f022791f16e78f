"""Cages of the zoo: a healthy plugin, installed in a folder of its own, with one thing changed."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from importlib_metadata import Distribution

from venuekit.plugin.discovery import Plugins
from venuekit.testing.conformance import Specimen, find_specimen

ZOO = Path(__file__).parent / "zoo" / "zoo_acme"
Cage = Callable[..., Specimen]


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "zoo_acme"]:
        del sys.modules[name]


@pytest.fixture
def cage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cage]:
    """Install the healthy plugin with texts of one file replaced by others."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    _forget()

    def make(file: str = "", *changes: str, requires: str = ">=0.1,<0.2") -> Specimen:
        shutil.copytree(ZOO, tmp_path / "zoo_acme", ignore=shutil.ignore_patterns("__pycache__"))
        info = tmp_path / "venuekit_acme-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: venuekit-acme\nVersion: 1.0\n"
            f"Requires-Dist: venuekit{requires}\n"
        )
        (info / "entry_points.txt").write_text("[venuekit.exchanges]\nacme = zoo_acme\n")
        if file:
            path = tmp_path / "zoo_acme" / file
            text = path.read_text()
            for old, new in zip(changes[::2], changes[1::2], strict=True):
                assert old in text, f"{old!r} does not stand in {file}"
                text = text.replace(old, new, 1)
            path.write_text(text)
        importlib.invalidate_caches()

        def find() -> list[Distribution]:
            return list(Distribution.discover(path=[str(tmp_path)]))

        return find_specimen("acme", plugins=Plugins(find=find, core="0.1.0"), find=find)

    yield make
    _forget()
