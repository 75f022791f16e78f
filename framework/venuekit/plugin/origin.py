"""Where an installed distribution came from, and a hash over the files that it installed.

The hash is computed from the files as they lie on disk now, of those that the distribution's
RECORD lists; what RECORD itself says of them is only compared. Nothing is imported.
"""

import base64
import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote

import attrs
from importlib_metadata import Distribution

from venuekit.plugin.failures import clean

_WRITTEN_BY_INSTALLERS: Final = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
_CODE: Final = {".py", ".pyc", ".so", ".pyd"}


@attrs.frozen(kw_only=True)
class Origin:
    """Where a distribution came from."""

    path: str = ""
    """Folder that it is imported from; of an editable one, the folder of its project."""
    installer: str = ""
    """Who installed it, as the installer says: `pip`, `uv`; empty where it does not say."""
    is_editable: bool = False
    """Its code lies elsewhere and may change at any moment."""
    hash: str = ""
    """`sha256:…` over the installed files; empty where it cannot be told, see `faults`."""
    faults: tuple[str, ...] = ()
    """Why there is no hash, or what differs from what was installed."""


def origin_of(distribution: Distribution) -> Origin:
    """Read where a distribution came from; whatever is wrong with it comes back as data."""
    try:
        return _read(distribution)
    except Exception as error:  # noqa: BLE001  the border round a plugin: its metadata is its own
        said = clean(f"{type(error).__name__}: {error}")
        return Origin(faults=(f"its files cannot be read: {said}",))


def _read(distribution: Distribution) -> Origin:
    root = Path(str(distribution.locate_file("")))
    installer = clean((distribution.read_text("INSTALLER") or "").strip())
    project = _editable_project(distribution)
    if project is not None:
        fault = "it is editable, so that no hash holds"
        return Origin(path=project, installer=installer, is_editable=True, faults=(fault,))
    digest, faults = _digest(distribution, root)
    return Origin(path=str(root), installer=installer, hash=digest, faults=tuple(faults))


def _editable_project(distribution: Distribution) -> str | None:
    """Give the folder of an editable distribution's project; None for any other."""
    told = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not (isinstance(told, dict) and (told.get("dir_info") or {}).get("editable")):
        return None
    path = unquote(str(told.get("url", "")).removeprefix("file://"))
    return "".join(c if c.isprintable() else " " for c in path)


def _digest(distribution: Distribution, root: Path) -> tuple[str, list[str]]:
    record = distribution.read_text("RECORD")
    if record is None:
        return "", ["it has no RECORD of its files"]
    lines: list[str] = []
    faults: list[str] = []
    listed: set[Path] = set()
    for name, told, *_ in csv.reader(record.splitlines()):
        file = PurePosixPath(name)
        # Scripts beside the import path hold the interpreter's path; nothing imports them.
        if ".." in file.parts or file.name in _WRITTEN_BY_INSTALLERS or "__pycache__" in file.parts:
            continue
        place = root / file
        listed.add(place)
        try:
            found = hashlib.sha256(place.read_bytes()).digest()
        except OSError as error:
            faults.append(f"{clean(name)} cannot be read: {error.strerror}")
            continue
        if told.startswith("sha256=") and told != f"sha256={_as_in_record(found)}":
            faults.append(f"{clean(name)} is not as it was installed")
        lines.append(f"{name}\0{found.hex()}\n")
    faults.extend(f"{path.relative_to(root)} is not in its RECORD" for path in _unlisted(listed))
    if not lines:
        return "", [*faults, "its RECORD lists no file"]
    total = hashlib.sha256("".join(sorted(lines)).encode())
    return f"sha256:{total.hexdigest()}", faults


def _unlisted(listed: set[Path]) -> Iterator[Path]:
    """Give code that lies in the distribution's packages and that it did not install."""
    packages = {path.parent for path in listed if path.name == "__init__.py"}
    tops = {package for package in packages if package.parent not in packages}
    for top in sorted(tops):
        for path in sorted(top.rglob("*")):
            is_cache = "__pycache__" in path.parts
            if path.suffix in _CODE and not is_cache and path not in listed and path.is_file():
                yield path


def _as_in_record(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
