"""A small database that several processes have open: one connection, opened when it is needed."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import apsw

from venuekit.model import StoreError
from venuekit.stores.database import discard, prepare_file

T = TypeVar("T")


class SmallFile:
    """Runs work on a database, a transaction each. For one thread at a time."""

    def __init__(
        self,
        path: Path,
        what: str,
        *,
        set_up: Callable[[apsw.Connection, Path], None],
        sentence: Callable[[Path, apsw.Error], str],
        vfs: str | None,
        busy_s: float,
    ) -> None:
        """Name the file; nothing is opened yet.

        Args:
            path: Of the database.
            what: It holds, for errors.
            set_up: Makes a connection ready that was just opened, and the schema; may refuse.
            sentence: Says what a fault means, and what to do.
            vfs: The registered file system that SQLite goes through, by name; None: the default.
            busy_s: How long another process's transaction is waited for.
        """
        self._path = path
        self._what = what
        self._set_up = set_up
        self._sentence = sentence
        self._vfs = vfs
        self._busy_ms = round(busy_s * 1000)
        self._connection: apsw.Connection | None = None

    def done(
        self,
        work: Callable[[apsw.Connection], T],
        *,
        prepare: Callable[[apsw.Connection], object] = lambda _: None,
    ) -> T:
        """Run `work` as one transaction, after `prepare` outside of it.

        Raises:
            StoreError: The database cannot be used, or stays busy. It is opened and read anew the
                next time, for what reached the disk is not known.
        """
        try:
            connection = self._opened()
            prepare(connection)
            with transaction(connection):
                return work(connection)
        except (apsw.BusyError, apsw.LockedError) as error:
            msg = f"{self._what} {self._path}: another process keeps the file busy; try again"
            raise StoreError(msg) from error
        except apsw.Error as error:
            self.close()
            raise StoreError(self._sentence(self._path, error)) from error

    def close(self) -> None:
        """Close the file. Safe to repeat."""
        connection, self._connection = self._connection, None
        discard(connection)

    def _opened(self) -> apsw.Connection:
        if self._connection is None:
            path = prepare_file(self._path, self._what)
            flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW
            connection = apsw.Connection(str(path), flags=flags, vfs=self._vfs)
            try:
                connection.set_busy_timeout(self._busy_ms)
                self._set_up(connection, self._path)
            except BaseException:
                discard(connection)
                raise
            self._connection = connection
        return self._connection


@contextlib.contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """Commit what is done within, or roll it back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has often rolled back on its own by now; what is said about that helps nobody.
        with contextlib.suppress(apsw.Error):
            connection.execute("ROLLBACK")
        raise
