"""Opening a journal by its URL."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from venuekit.model import ConfigurationError
from venuekit.stores.database import open_database
from venuekit.stores.journal import Journal
from venuekit.stores.lane import InlineLane, Lane, ThreadLane
from venuekit.stores.sqlite import SqliteJournal

DURABILITIES: Final = ("process", "power")
"""What an order that was promised to be in the journal survives: `process`, a crash of the program
(SQLite's `synchronous=NORMAL`); `power`, a loss of power too (`FULL`)."""
_NONE: Final[Mapping[str, Callable[[str], Any]]] = {}


async def open_journal(
    url: str,
    *,
    durability: str = "power",
    schemes: Mapping[str, Callable[[str], Any]] = _NONE,
    vfs: str | None = None,
) -> Journal:
    """Open the journal that `url` names, made new if it is not there.

    Args:
        url: `sqlite:PATH` (also `sqlite:///absolute/path`), `memory:` for one that is lost with
            the process, or a scheme of `schemes`.
        durability: `process` or `power`. At `process`, writes run on the loop, 15 to 30 µs each;
            at `power` they go through a thread, and orders that are placed at once share one
            wait for the disk.
        schemes: Stores of extensions: a function of the URL by scheme, which gives a `Journal`
            or something to await for one.
        vfs: The registered file system that SQLite goes through, by name; None: the default.

    Raises:
        ConfigurationError: There is no such scheme or durability.
        StoreError: The journal cannot be used; says why and what to do.
    """
    if durability not in DURABILITIES:
        allowed = " or ".join(DURABILITIES)
        raise ConfigurationError([f"store.durability: {durability!r}; allowed: {allowed}"])
    scheme = url.partition(":")[0]
    if scheme in schemes:
        made = schemes[scheme](url)
        journal: Journal = await made if hasattr(made, "__await__") else made
        return journal
    if scheme == "memory":
        return SqliteJournal(await _lane(None, durability))
    if scheme == "sqlite":
        return SqliteJournal(await _lane(path_of(url), durability, vfs))
    known = ", ".join(sorted({"sqlite", "memory", *schemes}))
    raise ConfigurationError([f"store.url: no store is named {scheme!r}; there are: {known}"])


def path_of(url: str) -> Path:
    """Give the file that a URL of the scheme `sqlite` names; raises ConfigurationError."""
    rest = url.partition(":")[2]
    if rest.startswith("///"):
        rest = rest[2:]
    if not rest or rest.startswith("//"):
        msg = f"store.url: {url!r} names no file; write sqlite:PATH or sqlite:///absolute/path"
        raise ConfigurationError([msg])
    return Path(rest).expanduser().absolute()


async def _lane(path: Path | None, durability: str, vfs: str | None = None) -> Lane:
    # Checking a large file takes a while, which the loop must not wait for.
    synchronous = "NORMAL" if durability == "process" else "FULL"
    connection = await asyncio.to_thread(open_database, path, synchronous=synchronous, vfs=vfs)
    is_at_once = durability == "process" or path is None
    return InlineLane(connection) if is_at_once else ThreadLane(connection)
