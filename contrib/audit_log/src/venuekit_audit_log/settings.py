"""What can be set of an audit log."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from venuekit.model import ConfigurationError

WHEN_BEHIND: Final = ("tell", "refuse")


@attrs.frozen(kw_only=True)
class AuditSettings:
    """Where and how a log is written."""

    folder: Path | None = None
    """None: nothing is recorded, and that is said once."""
    fsync: bool = True
    """Whether each batch of records is on the disk before the next is written."""
    max_bytes: int = 64 * 1024 * 1024
    """A file that has reached so many is followed by the next; so is one of another UTC day."""
    queue: int = 10_000
    """Records that wait for the disk at most."""
    when_behind: str = "tell"
    """`tell`: what does not fit is counted, and the log and the program are told how many;
    `refuse`: orders are refused too, until there is room."""


_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "max_bytes": (4096, 2**40),
    "queue": (1, 10_000_000),
}


def settings_from(table: Mapping[str, Any]) -> AuditSettings:
    """Read the table `[plugins.settings.audit-log]`.

    Raises:
        ConfigurationError: All that is wrong, each with its key.
    """
    names = [field.name for field in attrs.fields(AuditSettings)]
    faults = [
        f"{name}: unknown key; allowed: {', '.join(names)}" for name in table if name not in names
    ]
    given = {name: value for name, value in table.items() if name in names}
    folder = given.get("folder")
    if folder is not None:
        path = Path(folder).expanduser() if isinstance(folder, str) else Path()
        if not path.is_absolute():
            faults.append(f"folder: {folder!r}; allowed: an absolute path, or one from ~")
        given["folder"] = path
    elif table:
        faults.append("folder: missing; it is where the log is written")
    if not isinstance(given.get("fsync", True), bool):
        faults.append(f"fsync: {given['fsync']!r}; allowed: true, false")
    for name, (least, most) in _RANGES.items():
        value = given.get(name, least)
        if type(value) is not int or not least <= value <= most:
            faults.append(f"{name}: {value!r}; allowed: a whole number from {least} to {most}")
    if given.get("when_behind", "tell") not in WHEN_BEHIND:
        faults.append(f"when_behind: {given['when_behind']!r}; allowed: {', '.join(WHEN_BEHIND)}")
    if faults:
        raise ConfigurationError(faults)
    return AuditSettings(**given)
