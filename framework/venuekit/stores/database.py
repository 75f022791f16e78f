"""The SQLite file: where it may lie, who may read it, and what has to hold before it is used.

`apsw` brings its own SQLite. That is why it is used: before 3.51.3 two connections that write and
checkpoint a WAL database at once can corrupt it, and the system's SQLite is often older (Debian
12: 3.40.1). Besides that, one process holds a journal at a time: `locking_mode=EXCLUSIVE`.
"""

import contextlib
import os
import stat
import time
from pathlib import Path
from typing import Final

import apsw

from venuekit.model import StoreError

APPLICATION_ID: Final = 0x766B6A31  # "vkj1"
SCHEMA_VERSION: Final = 2
_OLDEST_SQLITE: Final = (3, 51, 3)
_MOUNTS: Final = Path("/proc/mounts")
# File systems on which SQLite's locks or the order of its writes cannot be relied on.
_NETWORK: Final = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre",
        "ncpfs", "nfs", "nfs4", "ocfs2", "prl_fs", "smb3", "smbfs", "vboxsf", "vmhgfs",
    }
)  # fmt: skip

_CHECK_S: Final = 0.1
"""A small file is checked whole when it is opened; of a large one, what fits into this time."""
_UP_TO_2: Final = """
-- The symbols that ever had an order: a million orders need not be read to find them.
CREATE TABLE symbols (
    scope INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    first_ns INTEGER NOT NULL,
    PRIMARY KEY (scope, symbol)
) STRICT, WITHOUT ROWID;
-- How far each consumer of events has come.
CREATE TABLE consumers (
    scope INTEGER NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
INSERT INTO symbols SELECT scope, symbol, min(created_ns) FROM orders GROUP BY scope, symbol;
"""
_SCHEMA: Final = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE scopes (
    id INTEGER PRIMARY KEY,
    exchange TEXT NOT NULL,
    account TEXT NOT NULL,
    environment TEXT NOT NULL,
    UNIQUE (exchange, account, environment)
) STRICT;
-- One row for each order. An intent is a row whose phase is still 'prepared'.
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL REFERENCES scopes,
    name TEXT NOT NULL,             -- client order id; '#symbol/exchange id' where there is none
    symbol TEXT NOT NULL,
    exchange_order_id TEXT,
    origin TEXT NOT NULL,
    intent_key TEXT,
    request TEXT,
    created_ns INTEGER NOT NULL,
    phase TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    body TEXT
) STRICT;
CREATE UNIQUE INDEX orders_by_name ON orders (scope, name);
CREATE UNIQUE INDEX orders_by_intent_key ON orders (scope, intent_key)
    WHERE intent_key IS NOT NULL;
CREATE INDEX orders_by_exchange_id ON orders (scope, symbol, exchange_order_id)
    WHERE exchange_order_id IS NOT NULL;
CREATE INDEX orders_open ON orders (scope) WHERE is_open = 1;
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL,
    name TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    raw TEXT NOT NULL
) STRICT;
CREATE INDEX records_by_name ON records (scope, name);
-- A trade with oneself has one trade id and two orders.
CREATE TABLE fills (
    scope INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    exchange_order_id TEXT NOT NULL,
    name TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (scope, symbol, trade_id, exchange_order_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX fills_by_name ON fills (scope, name);
CREATE INDEX fills_by_time ON fills (scope, time_ns);
CREATE TABLE cursors (
    scope INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    trade_id TEXT,
    PRIMARY KEY (scope, symbol)
) STRICT, WITHOUT ROWID;
"""


def open_database(
    path: Path | None, *, synchronous: str, vfs: str | None = None
) -> apsw.Connection:
    """Open the journal's database, made new if it is not there; blocks for as long as a check.

    Args:
        path: Of the file; None for one in memory.
        synchronous: SQLite's word: `NORMAL` or `FULL`.
        vfs: The registered file system to go through, such as a `venuekit.testing.disk.Disk`; None:
            the default.

    Raises:
        StoreError: It cannot be used: held by another process, readable by others, of a newer
            version, of another program, damaged, or on a network file system.
    """
    _check_library()
    if path is not None:
        path = prepare_file(path)
    where = "the journal in memory" if path is None else f"journal {path}"
    connection: apsw.Connection | None = None
    try:
        # NOFOLLOW: nobody may put a link in the place of the file that was just checked.
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOFOLLOW
        where_it_is = ":memory:" if path is None else str(path)
        connection = apsw.Connection(where_it_is, flags=flags, vfs=vfs)
        _set_up(connection, where, synchronous)
    except apsw.Error as error:
        discard(connection)
        raise StoreError(_sentence(where, error)) from error
    except StoreError:
        discard(connection)
        raise
    return connection


def network_file_system(path: Path, mounts: str) -> str | None:
    """Name the type of the network (or FUSE) file system that `path` lies on; None if it is local.

    Args:
        path: Absolute, links resolved.
        mounts: The text of `/proc/mounts`.
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(fields[1].encode().decode("unicode_escape"))  # blanks stand there as \040
        # Of two mounts on one point the later one covers the earlier one.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind if kind in _NETWORK or kind.startswith("fuse") else None


def _check_library() -> None:
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < _OLDEST_SQLITE:
        msg = (
            f"SQLite {apsw.sqlite_lib_version()} can corrupt a journal; 3.51.3 or later is needed: "
            "install apsw from PyPI, which brings its own"
        )
        raise StoreError(msg)


def prepare_file(path: Path, what: str = "journal") -> Path:
    """Have folder and file there, on a local disk, closed to everybody else; give where it lies.

    Args:
        path: Of the database.
        what: What it is, for messages.

    Raises:
        StoreError: It cannot be so; says what to do.
    """
    try:
        missing = [f for f in (path.parent, *path.parent.parents) if not f.exists()]
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
        # A folder may be a link, to a larger disk for instance; SQLite follows none.
        folder = path.parent.resolve(strict=True)
        path = folder / path.name
        _refuse_network(folder, what)
        _refuse_open_folder(folder, what)
        _refuse_bereft(path, what)
        _make_private(path)
        for suffix in ("", "-wal", "-journal"):
            beside = path.with_name(path.name + suffix)
            with contextlib.suppress(FileNotFoundError):
                fault = fault_of(beside, beside.lstat(), user=os.geteuid())
                if fault is not None:
                    raise StoreError(f"{what} {beside}: {fault}")
    except OSError as error:
        msg = f"{what} {path}: {error.strerror}; choose a folder that you can write to"
        raise StoreError(msg) from error
    return path


def _make_private(path: Path) -> None:
    # Made here, before SQLite would make it readable for all; its -wal file inherits the mode.
    with contextlib.suppress(FileExistsError):
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(path, flags, 0o600))
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)  # else a loss of power could take the name away, and all with it
        finally:
            os.close(folder)


def _refuse_network(folder: Path, what: str) -> None:
    if not _MOUNTS.exists():
        return  # not Linux
    kind = network_file_system(folder, _MOUNTS.read_text(encoding="utf-8", errors="replace"))
    if kind is not None:
        msg = (
            f"{what} in {folder}: this is a {kind} file system, on which a database can be "
            "damaged; choose a folder on a local disk"
        )
        raise StoreError(msg)


def _refuse_open_folder(folder: Path, what: str) -> None:
    mode = folder.stat().st_mode
    if mode & 0o022 and not mode & stat.S_ISVTX:
        msg = f"{what} in {folder}: others may write to this folder; run: chmod 700 '{folder}'"
        raise StoreError(msg)


def _refuse_bereft(path: Path, what: str) -> None:
    """Refuse a `-wal` whose database is gone: SQLite would begin anew and delete it."""
    wal = path.with_name(f"{path.name}-wal")
    with contextlib.suppress(FileNotFoundError):
        if wal.lstat().st_size == 0 or (path.exists() and path.stat().st_size > 0):
            return
        msg = (
            f"{what} {path}: it is gone or empty, and {wal} with its newest records is there; "
            "put it back, or move both away and reconcile"
        )
        raise StoreError(msg)


def fault_of(path: Path, found: os.stat_result, *, user: int) -> str | None:
    """Say why a file is not safe to keep orders in, and what to do; None if it is.

    Args:
        path: Of the file, for the sentence.
        found: What `lstat` says of it.
        user: Number of the user who runs this; root (0) may use the files of others.
    """
    if not stat.S_ISREG(found.st_mode):
        return "not a regular file"
    if found.st_uid != user != 0:
        return f"it belongs to another user (number {found.st_uid}); run as that one"
    if found.st_mode & 0o077:
        return f"others may read it; run: chmod 600 '{path}'"
    if found.st_nlink > 1:
        # Opened under its other name it would have another -wal: each would undo the other.
        return "it has a second name (a hard link); remove one of them"
    return None


def _set_up(connection: apsw.Connection, where: str, synchronous: str) -> None:
    # Before the first access, so that this access takes the lock and keeps it. There is then no
    # shared memory file either. Nobody waits for a lock: who holds it holds it for hours.
    connection.pragma("locking_mode", "EXCLUSIVE")
    is_new = connection.pragma("schema_version") == 0
    application, version = (
        connection.pragma("application_id"),
        connection.pragma("user_version"),
    )
    if not is_new and application != APPLICATION_ID:
        msg = f"{where}: this is the database of another program; choose another file"
        raise StoreError(msg)
    if version > SCHEMA_VERSION:
        msg = (
            f"{where}: written by a newer venuekit (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade venuekit"
        )
        raise StoreError(msg)
    mode = connection.pragma("journal_mode", "WAL")
    if mode not in {"wal", "memory"}:  # what cannot be set is left as it is, without an error
        msg = f"{where}: SQLite keeps it in the mode {mode!r}, not 'wal'; choose another disk"
        raise StoreError(msg)
    connection.pragma("synchronous", synchronous)
    connection.pragma("fullfsync", 1)  # macOS: a plain fsync does not reach the disk there
    connection.pragma("checkpoint_fullfsync", 1)
    connection.pragma("trusted_schema", 0)
    connection.execute("BEGIN EXCLUSIVE")
    if is_new:
        connection.execute(_SCHEMA)
        connection.pragma("application_id", APPLICATION_ID)
    if is_new or version < 2:
        connection.execute(_UP_TO_2)
        connection.pragma("user_version", SCHEMA_VERSION)
    connection.execute("COMMIT")
    found = look_over(connection, _CHECK_S)
    if found != "ok":
        msg = f"{where}: damaged ({found}); restore a backup, or move it away and reconcile"
        raise StoreError(msg)


def look_over(connection: apsw.Connection, seconds: float) -> str:
    """Check as much of the file as is done in `seconds`; gives `ok`, or what is wrong.

    `venuekit journal check` looks at all of it, however long that takes.
    """
    until = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > until, 500)
    try:
        ((found,),) = connection.execute("PRAGMA quick_check(1)")
    except apsw.InterruptError:
        return "ok"
    finally:
        connection.set_progress_handler(None)
    return str(found)


def _sentence(where: str, error: apsw.Error) -> str:
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return (
            f"{where}: held by another process, or by another handle of this one; stop that one, "
            "or set another [store] url"
        )
    if isinstance(error, apsw.NotADBError):
        return f"{where}: not a database; choose another file"
    return f"{where}: {error}"


def discard(connection: apsw.Connection | None) -> None:
    """Close a connection whatever the disk says: what was promised by then is on it."""
    if connection is not None:
        with contextlib.suppress(apsw.Error):
            connection.close(True)
