"""Packages written for every answer, each with the files and the metadata of an installed one."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from importlib_metadata import Distribution

from venuekit.cli.plugin_writing import SIGNINGS, TRANSPORTS, NewPlugin, write
from venuekit.plugin.discovery import Plugins
from venuekit.testing.conformance import Specimen, find_specimen

LONGEST = NewPlugin(
    name="a-name-of-all-letters-24",
    title="An Exchange & Others (of Europe)",
    transport="both",
    signing="hmac",
)
ANSWERS = [
    *(
        NewPlugin(name=f"{transport}-{signing}", title="Acme", transport=transport, signing=signing)
        for transport in TRANSPORTS
        for signing in SIGNINGS
    ),
    LONGEST,
]


@attrs.frozen
class Written:
    """Packages in a folder, as if they were installed from it."""

    root: Path

    def folder(self, plugin: NewPlugin) -> Path:
        return self.root / plugin.distribution

    def specimen(self, plugin: NewPlugin) -> Specimen:
        site = [str(self.root / "site" / plugin.name)]

        def find() -> list[Distribution]:
            return list(Distribution.discover(path=site))

        return find_specimen(plugin.name, plugins=Plugins(find=find, core="0.1.0"), find=find)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    made = Written(tmp_path_factory.mktemp("written"))
    before = list(sys.path)
    for plugin in ANSWERS:
        write(plugin, made.folder(plugin), core="0.1.0", written_on="2026-01-01")
        info = made.root / "site" / plugin.name / f"{plugin.package}-0.1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {plugin.distribution}\nVersion: 0.1.0\n"
            "Requires-Dist: venuekit>=0.1,<0.2\nRequires-Dist: cryptography>=46\n"
        )
        (info / "entry_points.txt").write_text(
            f"[venuekit.exchanges]\n{plugin.name} = {plugin.package}\n"
        )
        sys.path.append(str(made.folder(plugin) / "src"))
    importlib.invalidate_caches()
    yield made
    sys.path[:] = before
