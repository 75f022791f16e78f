"""How far the nonces of each key were reserved, durably, and which process may use a key.

Everything here blocks: it is called in a thread. The file is shared by processes that use
different keys, so unlike the journal it is locked for one transaction at a time. It works with a
rollback journal and `synchronous=EXTRA` whatever the journal's durability is: a commit then waits
for the disk also after the rollback journal was deleted, else a loss of power could bring that one
back, and with it nonces that were used. Between two transactions the file is whole by itself,
without a second one that somebody could forget to copy or delete; and it has no WAL, so that what
SQLite before 3.51.3 did to one with several writers cannot happen. It costs some milliseconds for
each thousand nonces, in a thread, ahead of time.
"""

import fcntl
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

import apsw
import attrs

from venuekit.model import StoreError
from venuekit.stores.database import prepare_file
from venuekit.stores.small_file import SmallFile, transaction

T = TypeVar("T")

_log: Final = logging.getLogger("venuekit.stores")

FILE_NAME: Final = "nonces.db"
APPLICATION_ID: Final = 0x766B6E31  # "vkn1"
SCHEMA_VERSION: Final = 1
_EXTRA: Final = 3
"""SQLite's number for `synchronous=EXTRA`."""
_DIGITS: Final = 20
_SCHEMA: Final = """
CREATE TABLE nonces (
    key TEXT PRIMARY KEY,           -- a fingerprint
    unit TEXT NOT NULL,
    -- The highest that was ever reserved, in 20 digits: SQLite's integers have a sign.
    reserved TEXT NOT NULL CHECK (length(reserved) = 20 AND reserved NOT GLOB '*[^0-9]*'),
    recovered_ns INTEGER NOT NULL   -- when it was last put above another program's; 0 for never
) STRICT, WITHOUT ROWID;
CREATE TRIGGER nonces_only_grow BEFORE UPDATE ON nonces
    WHEN NEW.reserved <= OLD.reserved OR NEW.key <> OLD.key OR NEW.unit <> OLD.unit
    BEGIN SELECT RAISE(ABORT, 'a nonce would be used twice'); END;
CREATE TRIGGER nonces_stay BEFORE DELETE ON nonces
    BEGIN SELECT RAISE(ABORT, 'a nonce would be used twice'); END;
"""


@attrs.frozen(kw_only=True)
class NonceBlock:
    """Nonces that are reserved and may be used, from `first` to `last`, both included."""

    first: int
    last: int


@attrs.frozen(kw_only=True)
class KnownNonces:
    """What is stored of one key."""

    unit: str
    reserved: int
    """The highest that was ever reserved."""
    recovered_ns: int
    """When they were last put above another program's, since the epoch; 0: never."""


class Choose(Protocol):
    """Says which block comes after what is known; None: the key is new. May refuse."""

    def __call__(self, known: KnownNonces | None, /) -> NonceBlock:
        """Give the next block, all of it above what is known."""
        ...


class NonceStore:
    """The database of nonces. For one thread at a time; several processes may have it open."""

    def __init__(self, path: Path, *, vfs: str | None = None, busy_s: float = 5.0) -> None:
        """Name the file; nothing is opened yet.

        Args:
            path: Of the database.
            vfs: The registered file system that SQLite goes through, by name; None: the default.
            busy_s: How long another process's transaction is waited for.
        """
        self._file = SmallFile(
            path, "nonces", set_up=_set_up, sentence=_sentence, vfs=vfs, busy_s=busy_s
        )

    def known(self, key: str) -> KnownNonces | None:
        """Give what is stored of a key, by its fingerprint; makes the file if it is not there.

        Raises:
            StoreError: The database cannot be used; says why and what to do.
        """
        return self._file.done(lambda connection: _known(connection, key))

    def reserve(self, key: str, unit: str, choose: Choose, *, recovered_ns: int = 0) -> NonceBlock:
        """Reserve the block that `choose` gives; it is on the disk when this returns.

        Args:
            key: Its fingerprint.
            unit: What its nonces count; the one that it had before.
            choose: Decides within the transaction.
            recovered_ns: Since when its nonces are above another program's; 0: nothing new.

        Raises:
            StoreError: The unit is another one, `choose` refuses, or the database cannot be used.
                Nothing may be used of what would have been reserved; another try is allowed.
        """

        def work(connection: apsw.Connection) -> NonceBlock:
            known = _known(connection, key)
            if known is not None and known.unit != unit:
                msg = (
                    f"nonces of the key {key}: they were counted in {known.unit} before and would "
                    f"be in {unit} now, which mixes them up for ever; create a new key"
                )
                raise StoreError(msg)
            block = choose(known)
            _write(connection, key, unit, block.last, recovered_ns)
            return block

        return self._file.done(work)

    def close(self) -> None:
        """Close the file. Safe to repeat."""
        self._file.close()


class _NoPlaceForLock(StoreError):
    """A folder in which no lock can be."""


class KeyLock:
    """That this process, and no other one, uses a key. Ends with the process at the latest.

    The lock is the operating system's on an open file (`flock`). The files stay: if one were
    deleted, two processes could hold it at once, one of them by a name that is gone.
    """

    def __init__(self, key: str, folders: Sequence[Path]) -> None:
        """Name the key by its fingerprint, and the folders in each of which it is locked.

        The first one is necessary; one of the others that cannot be written to is passed over,
        with a warning.
        """
        self._key = key
        self._folders = tuple(dict.fromkeys(folders))
        self._files: list[int] = []

    def take(self) -> None:
        """Lock it, without waiting; raises StoreError if somebody else has it."""
        first, *others = self._folders
        try:
            self._take_in(first)
            for folder in others:
                try:
                    self._take_in(folder)
                except _NoPlaceForLock as error:
                    # A read-only home must not keep anybody from trading.
                    _log.warning("key_not_locked", extra={"key": self._key, "why": str(error)})
        except BaseException:
            self.release()
            raise

    def _take_in(self, folder: Path) -> None:
        path = folder / f"nonces-{self._key}.lock"
        try:
            prepare_file(path, "lock")
        except StoreError as error:
            raise _NoPlaceForLock(str(error)) from error
        self._files.append(_locked(path, self._key))

    def release(self) -> None:
        """Let others have it. Safe to repeat."""
        while self._files:
            os.close(self._files.pop())


def _locked(path: Path, key: str) -> int:
    file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(file, 20).decode("ascii", "replace").strip()
        os.close(file)
        who = f"the process {holder}" if holder.isdecimal() else "another process"
        if holder == str(os.getpid()):
            who = "another handle of this process"
        msg = (
            f"nonces of the key {key}: {who} uses this key. Their requests would overtake each "
            "other and be refused; stop that one, or create a key for each program"
        )
        raise StoreError(msg) from None
    except OSError as error:
        os.close(file)
        msg = f"lock {path}: {error.strerror}; choose a folder on a local disk"
        raise StoreError(msg) from error
    os.ftruncate(file, 0)
    os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    return file


def _set_up(connection: apsw.Connection, path: Path) -> None:
    connection.pragma("trusted_schema", 0)
    connection.pragma("fullfsync", 1)  # macOS: a plain fsync does not reach the disk there
    connection.pragma("synchronous", "EXTRA")
    kept = connection.pragma("journal_mode", "DELETE"), connection.pragma("synchronous")
    if kept != ("delete", _EXTRA):
        msg = f"nonces {path}: SQLite refuses to work durably ({kept}); restore or move the file"
        raise StoreError(msg)
    with transaction(connection):
        if connection.pragma("schema_version") == 0:
            connection.execute(_SCHEMA)
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", SCHEMA_VERSION)
        _check(connection, path)


def _check(connection: apsw.Connection, path: Path) -> None:
    if connection.pragma("application_id") != APPLICATION_ID:
        msg = f"nonces {path}: this is the database of another program; move it away"
        raise StoreError(msg)
    if connection.pragma("user_version") > SCHEMA_VERSION:
        msg = f"nonces {path}: written by a newer venuekit; upgrade venuekit"
        raise StoreError(msg)
    ((found,),) = connection.execute("PRAGMA quick_check(1)")
    if found != "ok":
        raise StoreError(_damaged(path, str(found)))


def _known(connection: apsw.Connection, key: str) -> KnownNonces | None:
    query = "SELECT unit, reserved, recovered_ns FROM nonces WHERE key = ?"
    for unit, reserved, recovered_ns in connection.execute(query, (key,)):
        return KnownNonces(unit=unit, reserved=int(reserved), recovered_ns=recovered_ns)
    return None


def _write(connection: apsw.Connection, key: str, unit: str, last: int, recovered_ns: int) -> None:
    connection.execute(
        "INSERT INTO nonces VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
        "unit = excluded.unit, reserved = excluded.reserved, "
        "recovered_ns = coalesce(nullif(excluded.recovered_ns, 0), recovered_ns)",
        (key, unit, f"{last:0{_DIGITS}d}", recovered_ns),
    )


def _sentence(path: Path, error: apsw.Error) -> str:
    if isinstance(error, (apsw.NotADBError, apsw.CorruptError)):
        return _damaged(path, str(error))
    if isinstance(error, apsw.FullError):
        return f"nonces {path}: the disk is full; make room"
    return f"nonces {path}: {error}"


def _damaged(path: Path, what: str) -> str:
    return (
        f"nonces {path}: damaged ({' '.join(what.split())}); restore a backup, or move it away: "
        "the nonces of keys that only this program uses then go on from the exchange's time"
    )
