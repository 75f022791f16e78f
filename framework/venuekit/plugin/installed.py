"""What installed packages say of themselves: entry points and metadata, nothing imported."""

from collections.abc import Callable, Iterable, Iterator

import attrs
from importlib_metadata import (
    Distribution,
    EntryPoint,
    PackageNotFoundError,
    version,
)
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

EXCHANGES = "venuekit.exchanges"
"""Entry-point group of exchange plugins; an entry point's name is the exchange's id."""
EXTENSIONS = "venuekit.plugins"
"""Entry-point group of packages that watch or extend."""

FindDistributions = Callable[[], Iterable[Distribution]]


def on_import_path() -> Iterable[Distribution]:
    """Give the distributions that can be imported now."""
    found: Iterable[Distribution] = Distribution.discover()
    return found


@attrs.frozen(kw_only=True)
class Installed:
    """One entry point of one installed distribution."""

    name: str
    """Of the entry point: for exchanges, the id."""
    value: str
    """What would be imported: `module` or `module:attribute`."""
    distribution: str
    version: str
    requires: str = ""
    """Versions of venuekit that it asks for, as its metadata says: `>=0.1,<0.2`."""
    fault: str = ""
    """Why its metadata cannot be understood; empty when it can."""
    entry_point: EntryPoint | None = None

    def is_from(self, distribution: str) -> bool:
        """Say whether it belongs to `distribution`, however that name is written."""
        return canonicalize_name(self.distribution) == canonicalize_name(distribution)

    def incompatibility(self, core: str) -> str | None:
        """Say why it does not go with version `core` of venuekit; None if it does."""
        if not self.requires:
            return None
        try:
            release = Version(core)
        except InvalidVersion:
            return None  # a core built from no release at all is judged by its interface alone
        wanted = Requirement(f"venuekit{self.requires}").specifier
        if wanted.contains(release, prereleases=True):
            return None
        return f"written for venuekit {self.requires}; this is venuekit {core}"


def installed(group: str, find: FindDistributions = on_import_path) -> list[Installed]:
    """List the entry points of `group` in the order of the import path, each distribution once.

    A distribution whose metadata is broken is listed with its fault and hurts no other.
    """
    found: list[Installed] = []
    seen: set[str] = set()
    for distribution in find():
        found.extend(_entries(distribution, group, seen))
    return found


def core_version() -> str:
    """Give the version of the venuekit that is installed; `unknown` when it is not installed."""
    try:
        return version("venuekit")
    except PackageNotFoundError:
        return "unknown"


def _entries(distribution: Distribution, group: str, seen: set[str]) -> Iterator[Installed]:
    name = release = "unknown"
    try:
        # Most distributions have nothing to do with us: their metadata is not even parsed.
        if f"[{group}]" not in (distribution.read_text("entry_points.txt") or ""):
            return
        name, release = str(distribution.metadata["Name"]), str(distribution.version)
        if canonicalize_name(name) in seen:
            return  # hidden by one of the same name earlier on the import path, as for imports
        seen.add(canonicalize_name(name))
        chosen = [point for point in distribution.entry_points if point.group == group]
    except Exception as error:  # noqa: BLE001  the border round a plugin: its metadata is its own
        text = f"its metadata cannot be read: {type(error).__name__}: {error}"
        yield Installed(name=name, value="", distribution=name, version=release, fault=text)
        return
    for point in chosen:
        yield _entry(point, distribution, name, release)


def _entry(point: EntryPoint, distribution: Distribution, name: str, release: str) -> Installed:
    requires = fault = ""
    try:
        requires = _core_requirement(distribution.requires or ())
    except (InvalidRequirement, UnicodeDecodeError) as error:
        fault = f"its requirements cannot be read: {error}"
    return Installed(
        name=point.name,
        value=point.value,
        distribution=name,
        version=release,
        requires=requires,
        fault=fault,
        entry_point=point,
    )


def _core_requirement(lines: Iterable[str]) -> str:
    for line in lines:
        wanted = Requirement(line)
        if canonicalize_name(wanted.name) != "venuekit":
            continue
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            return ",".join(sorted(map(str, wanted.specifier), reverse=True))
    return ""
