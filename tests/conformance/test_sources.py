"""Which files of a package are the simulator's, and what relative imports mean."""

from pathlib import Path

import pytest

from venuekit.testing.conformance.sources import imported, module_of, simulators


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "acme"
    for name, text in {
        "__init__.py": "def hook():\n    from acme.manifest import MANIFEST\n",
        "manifest.py": "from . import adapter\n",
        "adapter.py": "from .words import SAID\nfrom .shared import both\n",
        "words.py": "SAID = ''\n",
        "shared.py": "both = 1\n",
        "trading.py": "from acme.sim_orders import Book\nfrom acme import shared\n",
        "sim_orders.py": "import acme.deep.law\n",
        "deep/__init__.py": "",
        "deep/law.py": "from ..words import SAID\nfrom .. import alone_with_law\n",
        "alone_with_law.py": "",
        "nobody.py": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def names(found: frozenset[Path], folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in found}


def test_the_simulator_is_its_module_and_what_it_alone_imports(folder: Path) -> None:
    files = sorted(folder.rglob("*.py"))
    assert names(simulators(files, folder, "acme", "trading"), folder) == {
        "trading.py",
        "sim_orders.py",
        "deep/law.py",
        "alone_with_law.py",
    }
    assert simulators(files, folder, "acme", None) == frozenset()


def test_what_stands_below_the_simulators_module_is_its_own(folder: Path) -> None:
    files = sorted(folder.rglob("*.py"))
    assert names(simulators(files, folder, "acme", "deep"), folder) == {
        "deep/__init__.py",
        "deep/law.py",
        "alone_with_law.py",
    }


def test_an_adapter_that_leans_on_a_file_of_the_simulator_makes_it_an_adapters(
    folder: Path,
) -> None:
    (folder / "adapter.py").write_text("from .sim_orders import Book\n")
    found = simulators(sorted(folder.rglob("*.py")), folder, "acme", "trading")
    assert names(found, folder) == {"trading.py", "shared.py"}


def test_relative_imports_are_named_whole(folder: Path) -> None:
    law = folder / "deep/law.py"
    assert module_of(law, folder, "acme") == "acme.deep.law"
    assert module_of(folder / "deep/__init__.py", folder, "acme") == "acme.deep"
    assert list(imported(law, "acme.deep.law")) == [
        ("acme.words", 1),
        ("acme.words.SAID", 1),
        ("acme", 2),
        ("acme.alone_with_law", 2),
    ]
    inner = folder / "deep/__init__.py"
    inner.write_text("from . import law\nimport json.decoder\n")
    assert list(imported(inner, "acme.deep")) == [
        ("acme.deep", 1),
        ("acme.deep.law", 1),
        ("json.decoder", 2),
    ]
