"""What is certified: a manifest, where it came from, its files, and what it does when asked."""

import functools
import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from venuekit.plugin import Manifest
from venuekit.plugin.discovery import Plugins
from venuekit.plugin.installed import (
    EXCHANGES,
    FindDistributions,
    Installed,
    installed,
    on_import_path,
)
from venuekit.testing.conformance.bench import Bench
from venuekit.testing.conformance.guard import Guard
from venuekit.testing.conformance.sources import module_of, simulators
from venuekit.testing.conformance.tour import Tour, take_tour
from venuekit.testing.conformance.verdicts import NotComputed

KNOWN_ANSWERS: Final = "known_answers.json"


class Specimen:
    """One plugin on the table. Everything is computed when it is first asked for, and once."""

    def __init__(
        self,
        manifest: Manifest,
        *,
        claim: Installed | None = None,
        package: str | None = None,
        readme: str | None = None,
        recordings: Path | None = None,
        is_thorough: bool = False,
    ) -> None:
        """Take a plugin.

        Args:
            manifest: As the plugin gave it.
            claim: Its distribution and entry point; None where an application hands it in.
            package: Module whose files are read; None: that of the entry point, or the adapter.
            readme: Text of its README; None: found by itself.
            recordings: Folder of its cassettes and tapes; None: `cassettes/EXCHANGE` in or above
                its package.
            is_thorough: Compute what takes minutes too.
        """
        self.manifest: Final = manifest
        self.claim: Final = claim
        entry = claim.value.partition(":")[0] if claim is not None else None
        self.package: Final = package or entry or manifest.adapter.__module__.partition(".")[0]
        self.guard: Final = Guard()
        self.recordings: Final = recordings
        self.is_thorough: Final = is_thorough
        self._readme = readme

    @functools.cached_property
    def folder(self) -> Path:
        """The folder of the package; its one file where it is a module."""
        module = sys.modules.get(self.package)
        if module is None:
            spec = importlib.util.find_spec(self.package)
            origin = None if spec is None else spec.origin
        else:
            origin = getattr(module, "__file__", None)
        if origin is None:
            raise NotComputed(f"the files of {self.package} cannot be found")
        file = Path(origin)
        return file.parent if file.name == "__init__.py" else file

    @functools.cached_property
    def sources(self) -> Sequence[Path]:
        """All Python files, the simulator's included."""
        if self.folder.is_file():
            return (self.folder,)
        return tuple(sorted(self.folder.rglob("*.py")))

    def is_simulator(self, file: Path) -> bool:
        """Say whether a file belongs to the simulator, which has rules of its own."""
        return file in self._simulators

    @functools.cached_property
    def _simulators(self) -> frozenset[Path]:
        if self.folder.is_file():
            return frozenset()
        return simulators(self.sources, self.folder, self.package, self.simulator_root)

    def module_of(self, file: Path) -> str:
        """Name the module of one of its files."""
        if self.folder.is_file():
            return self.package
        return module_of(file, self.folder, self.package)

    @functools.cached_property
    def simulator_root(self) -> str | None:
        """The module right below the package that the simulator stands in: `sim`."""
        module = (self.manifest.simulator or "").partition(":")[0]
        if not module.startswith(f"{self.package}."):
            return None
        return module.removeprefix(f"{self.package}.").partition(".")[0]

    @functools.cached_property
    def readme(self) -> str:
        """The README, from the metadata or from beside the sources; empty where there is none."""
        if self._readme is not None:
            return self._readme
        folder = self.folder
        for place in (folder, *folder.parents[:4]):
            for name in ("README.md", "README.rst"):
                if (place / name).is_file():
                    return (place / name).read_text("utf-8")
            if (place / "pyproject.toml").is_file():
                break
        entry = None if self.claim is None else self.claim.entry_point
        distribution = None if entry is None else entry.dist
        return "" if distribution is None else str(distribution.metadata.get("Description", ""))

    @functools.cached_property
    def build(self) -> str:
        """SHA-256 over names and bytes of the package's files."""
        digest = hashlib.sha256()
        root = self.folder if self.folder.is_dir() else self.folder.parent
        files = root.rglob("*") if self.folder.is_dir() else [self.folder]
        for file in sorted(files):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()

    @functools.cached_property
    def bench(self) -> Bench:
        """The adapter before its simulator; asked by the tour and by checks that read only."""
        return self.fresh_bench()

    def fresh_bench(self, seed: int = 7) -> Bench:
        """Give a bench that nobody has used.

        Raises:
            NotComputed: The plugin has no simulator.
        """
        try:
            return Bench(self.manifest, guard=self.guard, seed=seed)
        except LookupError as error:
            raise NotComputed(str(error)) from None

    @functools.cached_property
    def tour(self) -> Tour:
        """One call of every capability, made once."""
        return take_tour(self.bench)


def find_specimen(
    exchange: str,
    *,
    plugins: Plugins | None = None,
    find: FindDistributions = on_import_path,
    recordings: Path | None = None,
    is_thorough: bool = False,
) -> Specimen:
    """Give the installed plugin of an exchange.

    Raises:
        PluginError: None is installed, or it cannot be opened.
    """
    manifest = (plugins or Plugins(find=find)).open_plugin(exchange)
    module = manifest.adapter.__module__.partition(".")[0]
    claims = [c for c in installed(EXCHANGES, find) if c.name == exchange]
    ours = [c for c in claims if c.value.partition(":")[0].partition(".")[0] == module]
    return Specimen(
        manifest,
        claim=next(iter(ours or claims), None),
        recordings=recordings,
        is_thorough=is_thorough,
    )
