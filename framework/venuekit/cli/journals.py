"""Finding the files of journals, and opening them: as copies, or alone."""

import contextlib
import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
import attrs
from cyclopts import Parameter

from venuekit.cli.exits import UsageError
from venuekit.cli.session import Session
from venuekit.cli.working import Worker
from venuekit.configuration import Selection, StoreSettings, store_url
from venuekit.model import StoreError
from venuekit.stores import Scope
from venuekit.stores.database import open_database
from venuekit.stores.opening import path_of
from venuekit.stores.snapshot import Snapshot, interruptible
from venuekit.stores.upkeep import Upkeep

_ANY: Final = "\0"
"""Stands in a path for any name; no file's name has it."""
_BESIDE: Final = ("-wal", "-shm", "-journal")


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class JournalOptions:
    """Which journal is meant."""

    journal: str | None = None
    """A journal's file, or its URL, instead of those that venuekit.toml leads to."""

    exchange: str | None = None
    """Only what is of this exchange."""


@attrs.frozen(kw_only=True)
class JournalFile:
    """One journal, and what of it is asked for; None means: of every one."""

    path: Path
    exchange: str | None
    account: str | None
    environment: str | None

    @contextlib.contextmanager
    def read(self, worker: Worker) -> Iterator[Upkeep]:
        """Copy it and read the copy; blocking."""
        with Snapshot(self.path, tick=worker.tick) as copy:
            yield self.upkeep(copy.connection)

    def upkeep(self, connection: apsw.Connection) -> Upkeep:
        """Read what is asked for from a copy that is open."""
        return Upkeep(
            connection,
            exchange=self.exchange,
            account=self.account,
            environment=self.environment,
        )

    def accounts(self, connection: apsw.Connection) -> frozenset[int]:
        """Give the accounts that are asked for, by number."""
        return self.upkeep(connection).accounts


def journals(session: Session, which: JournalOptions) -> list[JournalFile]:
    """Find the journals that are meant; at least one.

    Where an exchange is named, its environment is the one that is set for it, as everywhere;
    accounts are all of them, unless one is named.

    Raises:
        UsageError: There is none.
    """
    account = session.options.account
    environment: str | None = session.options.environment
    if which.journal is not None:
        paths = [_named(which.journal)]
    else:
        if which.exchange is not None and environment is None:
            known = session.configuration.settings_of(which.exchange).environment
            environment = "sim" if session.options.address is not None else known
        paths = _found(session, which.exchange, account, environment)
    return [
        JournalFile(path=path, exchange=which.exchange, account=account, environment=environment)
        for path in paths
    ]


def only_journal(session: Session, which: JournalOptions) -> JournalFile:
    """Find the one journal that is meant; raises UsageError if there are several, or none."""
    found = journals(session, which)
    if len(found) > 1:
        paths = ", ".join(str(each.path) for each in found)
        raise UsageError(
            "there are several journals; choose one with --exchange, --environment and "
            f"--account, or with --journal: {paths}"
        )
    return found[0]


@contextlib.contextmanager
def alone(file: JournalFile, worker: Worker) -> Iterator[apsw.Connection]:
    """Open a journal's file itself, as its only holder; raises UsageError or StoreError."""
    if not file.path.exists():
        raise StoreError(f"journal {file.path}: there is no such file")
    try:
        connection = open_database(file.path, synchronous="FULL")
    except StoreError as error:
        if not isinstance(error.__cause__, (apsw.BusyError, apsw.LockedError)):
            raise
        raise UsageError(
            f"journal {file.path} is held by a program that runs; stop that program first "
            "(--dry-run works meanwhile)"
        ) from error
    try:
        interruptible(connection, worker.tick)
        yield connection
    finally:
        connection.close(True)


@contextlib.contextmanager
def told_in_sentences(path: Path) -> Iterator[None]:
    """Say what SQLite could not do while it deleted; raises StoreError."""
    try:
        yield
    except apsw.Error as error:
        msg = f"journal {path}: {error}; what was deleted before stays deleted, the rest is there"
        raise StoreError(msg) from error


def where(scope: Scope) -> str:
    """Name an account of an exchange for people."""
    return f"{scope.exchange} {scope.environment} {scope.account}"


def _named(name: str) -> Path:
    scheme, colon, _ = name.partition(":")
    if not colon or "/" in scheme or "." in scheme:
        return Path(name).expanduser().absolute()
    _check_scheme(scheme, "--journal")
    return path_of(name)


def _found(
    session: Session, exchange: str | None, account: str | None, environment: str | None
) -> list[Path]:
    settings = session.configuration.store
    pattern = _pattern(settings, exchange, account, environment)
    found = [
        Path(name)
        for name in sorted(glob.glob(pattern))  # noqa: PTH207  the pattern is a whole path
        if not name.endswith(_BESIDE)
    ]
    if found:
        return found
    said = f"there is no journal {pattern}"
    others = sorted(glob.glob(_pattern(settings, None, None, None)))  # noqa: PTH207  the same
    others = [name for name in others if not name.endswith(_BESIDE)]
    if others:
        raise UsageError(f"{said}; there are: {', '.join(others)}")
    raise UsageError(f"{said}: nothing was placed with it yet; name another with --journal")


def _pattern(
    settings: StoreSettings, exchange: str | None, account: str | None, environment: str | None
) -> str:
    url = store_url(
        settings,
        Selection(
            exchange=exchange or _ANY,
            environment=environment or _ANY,
            address=None,
            account=account or _ANY,
            credentials=None,
            limits={},
        ),
    )
    _check_scheme(url.partition(":")[0], "[store] url")
    return glob.escape(str(path_of(url))).replace(_ANY, "*")


def _check_scheme(scheme: str, place: str) -> None:
    if scheme != "sqlite":
        raise UsageError(f"{place} has the scheme {scheme}; these commands read sqlite:PATH")
