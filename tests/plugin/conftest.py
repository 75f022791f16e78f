"""Real distributions in a folder of their own, found and imported as installed ones are."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent

import attrs
import pytest
from importlib_metadata import Distribution

EXCHANGE = '''
"""An exchange that nobody trades on."""
import venuekit.plugin as vk


class Adapter(vk.Adapter):
    def failure(self, call, answer):
        return None


def manifest(**changes):
    facts = dict(
        id="acme",
        title="Acme",
        adapter=Adapter,
        interface=(1, 0),
        environments={"sim": vk.Environment(hosts={"rest": "http://{address}"})},
        credentials=[],
        budgets=[],
        client_order_id=vk.ClientOrderIdRule(
            pattern="[a-z]{1,20}", alphabet="abc", max_length=20, dedupe=vk.Dedupe.OPEN_ONLY
        ),
        timing=vk.Timing(request_validity_s=5, engine_timeout_s=10, visibility_lag_s=1),
    )
    return vk.Manifest(**{**facts, **changes})


@vk.hookimpl
def venuekit_exchange():
    return manifest()
'''


@attrs.define
class Shelf:
    """A folder of installed distributions."""

    folder: Path
    modules: list[str] = attrs.field(factory=list)

    def put(
        self,
        distribution: str,
        source: str = EXCHANGE,
        *,
        name: str = "acme",
        group: str = "venuekit.exchanges",
        version: str = "1.2.0",
        requires: Sequence[str] = ("venuekit>=0.1,<0.2",),
        module: str | None = None,
        attribute: str = "",
    ) -> str:
        """Install a distribution of one module; gives the module's name."""
        module = module or f"shelf_{distribution.replace('-', '_')}_{len(self.modules)}"
        self.modules.append(module)
        (self.folder / f"{module}.py").write_text(dedent(source))
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{needs}"
        )
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}{attribute}\n")
        return module

    def exchange(self, **changes: str) -> str:
        """Give the source of a good plugin whose manifest has `changes`, as Python source."""
        given = ", ".join(f"{name}={value}" for name, value in changes.items())
        return EXCHANGE.replace("return manifest()", f"return manifest({given})")

    def find(self) -> list[Distribution]:
        """Give what is installed here."""
        return list(Distribution.discover(path=[str(self.folder)]))


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    found = Shelf(tmp_path)
    yield found
    for module in found.modules:
        sys.modules.pop(module, None)
