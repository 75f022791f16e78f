"""A consistent copy of a journal's file, made while another process holds and writes it.

A journal is opened with `locking_mode=EXCLUSIVE`: SQLite lets nobody else read it. Its files can be
read all the same, and a copy of them is consistent under conditions that can be checked.

A checkpoint copies pages from the `-wal` into the database, and nothing else writes there. As long
as one generation of the `-wal` lasts (see `wal`), every page that a checkpoint may have been
writing during the copy stands, whole, in the `-wal` too: copied after the database, it is put over
the torn page when the copy is opened. What was appended half stands after the last commit and
fails its checksum: it is ignored. Where a generation ended during the copy, the pages that it
changed are known, and are copied again. Copies for which this cannot be shown are thrown away.

Without a `-wal`, or with an empty one, nothing is checkpointed; the database must then be the same
file, of the same size and times, before and after.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import apsw
import attrs

from venuekit.model import StoreError
from venuekit.stores.database import APPLICATION_ID, SCHEMA_VERSION
from venuekit.stores.wal import Generation, Generations

Tick = Callable[[int, int], None]
"""Told how far some work has come, of how much (0: not known); stops it by raising."""

_CHUNK: Final = 1024 * 1024
_ROUNDS: Final = 30
_FIRST_PAUSE_S: Final = 0.002
_LONGEST_PAUSE_S: Final = 0.1
_SETTLED_S: Final = 0.02
"""Longer than the grain of a file's times (4 to 10 ms): a write after it changes them."""
_STEPS: Final = 200_000
"""Of SQLite's machine, some milliseconds, between two looks whether to go on."""
_OPEN_FILES: Final = Path("/proc/self/fd")


def nothing(done: int, total: int, /) -> None:
    """Take no notice."""
    del done, total


class Snapshot:
    """A private copy of a journal's file, open for reading; blocking.

    The journal itself is neither locked nor changed, and its program is not kept from starting.
    Never to be used by the process that holds the journal: closing a file takes away that
    process's own locks on it (POSIX), so this is refused.
    """

    def __init__(self, path: Path, *, tick: Tick = nothing, tries: int = 60) -> None:
        """Copy the journal at `path`.

        Args:
            path: Of its database.
            tick: Told how many bytes are copied, of how many, and called during long statements.
            tries: How often a copy is begun again before it is given up.

        Raises:
            StoreError: There is none, it cannot be read, or it is no journal that is known here.
        """
        self.path = path
        self._wal = _beside(path, "-wal")
        self._tick = tick
        self._tries = tries
        self._look: _Look | None = None
        self._looks_so_since_s = 0.0
        self._identity = (0, 0)
        self._is_settled = False
        self._generations: Generations | None = None
        self._connection: apsw.Connection | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="venuekit-copy-"))  # of mode 0700
        self._copy = self._folder / "copy.db"
        try:
            self._take()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Keep the copy."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the copy."""
        self.close()

    @property
    def connection(self) -> apsw.Connection:
        """The copy, open for reading; another one after each refresh."""
        assert self._connection is not None
        return self._connection

    def refresh(self) -> bool:
        """Bring the copy up to date; gives False if the journal has not changed.

        Only what was changed is copied, where that can be told.
        """
        if self._is_settled and self._looked() == self._look:
            return False
        self._take()
        return True

    def close(self) -> None:
        """Close and remove the copy. Safe to repeat."""
        self._disconnect()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close(True)
            self._connection = None

    # Copying

    def _take(self) -> None:
        self._disconnect()
        _refuse_own(self.path)
        try:
            self._make()
        except FileNotFoundError as error:
            msg = f"journal {self.path}: there is no such file"
            raise StoreError(msg) from error
        except OSError as error:
            msg = (
                f"journal {self.path}: it cannot be copied to {self._folder.parent}: "
                f"{error.strerror}; set TMPDIR to a folder with room for it"
            )
            raise StoreError(msg) from error
        self._connection = _opened(self._copy, self.path)
        interruptible(self._connection, self._tick)

    def _make(self) -> None:
        pause_s = _FIRST_PAUSE_S
        for _ in range(self._tries):
            before = self._looked()
            begun_s = time.monotonic()
            if before != self._look:
                self._look, self._looks_so_since_s = before, begun_s
            if self._is_made(before):
                self._is_settled = begun_s - self._looks_so_since_s > _SETTLED_S
                return
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        msg = (
            f"journal {self.path}: a program writes it faster than it can be copied; "
            "try again, or stop that program"
        )
        raise StoreError(msg)

    def _is_made(self, before: "_Look") -> bool:
        if before.is_hot:
            return False
        if before.generation is None:
            return self._is_copied_at_rest(before)
        known = self._generations
        if known is None or self._identity != before.identity:
            known = self._generations = self._follow_copying(before)
            self._identity = before.identity
        if known is not None and self._has_caught_up(known, before):
            return True
        self._generations = None
        return False

    def _is_copied_at_rest(self, before: "_Look") -> bool:
        """Copy the database alone, while there is nothing in its `-wal`."""
        self._generations = None
        time.sleep(_SETTLED_S)
        if self._looked() != before:
            return False
        _beside(self._copy, "-wal").unlink(missing_ok=True)
        with self.path.open("rb") as source:
            _write(source, self._copy, self._tick)
        return self._looked() == before

    def _follow_copying(self, before: "_Look") -> Generations | None:
        """Copy the database; gives what was changed meanwhile, None if that cannot be told."""
        generation = Generation.read(self._read)
        if generation is None:
            return None
        changed = Generations(generation)

        def tick(done: int, total: int) -> None:
            if not changed.observe(self._read):
                raise _Lost
            self._tick(done, total)

        with self.path.open("rb") as source:
            if _identity(os.fstat(source.fileno())) != before.identity:
                return None
            try:
                tick(0, 0)
                _write(source, self._copy, tick)
            except _Lost:
                return None
        return changed

    def _has_caught_up(self, changed: Generations, before: "_Look") -> bool:
        """Copy what ended generations changed, until one lasts for as long as that takes."""
        for _ in range(_ROUNDS):
            if not changed.observe(self._read):
                return False
            pages, changed.past = changed.past, set()
            self._copy_pages(pages, changed.current.page_size)
            self._tick(0, 0)
            size = changed.current.bytes_of(self._read)
            wal = self._read(0, size)
            if _generation(wal) == changed.current == Generation.read(self._read):
                with _private(_beside(self._copy, "-wal")) as file:
                    file.write(wal)
                return self._looked().identity == before.identity
        return False

    def _copy_pages(self, pages: set[int], page_size: int) -> None:
        with self.path.open("rb", buffering=0) as source, self._copy.open("r+b") as target:
            for page in sorted(pages):
                offset = (page - 1) * page_size
                data = os.pread(source.fileno(), page_size, offset)
                if len(data) == page_size:  # else it lies behind the end: nothing was put there
                    target.seek(offset)
                    target.write(data)

    # Reading

    def _looked(self) -> "_Look":
        found = self.path.stat()
        hot = _beside(self.path, "-journal")
        wal = None
        with contextlib.suppress(FileNotFoundError):
            wal = _stamp(self._wal.stat())
        return _Look(
            identity=_identity(found),
            generation=Generation.read(self._read),
            database=_stamp(found),
            wal=wal,
            is_hot=hot.exists() and hot.stat().st_size > 0,
        )

    def _read(self, offset: int, size: int) -> bytes:
        """Read from the `-wal`."""
        try:
            with self._wal.open("rb", buffering=0) as file:
                return os.pread(file.fileno(), size, offset)
        except FileNotFoundError:
            return b""


def _generation(wal: bytes) -> Generation | None:
    return Generation.read(lambda offset, size: wal[offset : offset + size])


def interruptible(connection: apsw.Connection, tick: Tick) -> None:
    """Have `tick` called during long statements too: what it raises ends them."""

    def alive() -> bool:
        tick(0, 0)
        return False

    connection.set_progress_handler(alive, _STEPS)


class _Lost(Exception):
    """It cannot be told any more what was changed."""


@attrs.frozen
class _Look:
    """What a journal's files looked like at one moment."""

    identity: tuple[int, int]
    """Device and number of the database's file."""
    generation: Generation | None
    """None where there is no `-wal`, or nothing in it."""
    database: tuple[int, int, int]
    """Size and times."""
    wal: tuple[int, int, int] | None
    is_hot: bool
    """A rollback journal lies beside it: it is being made just now."""


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _refuse_own(path: Path) -> None:
    if not _OPEN_FILES.exists() or not path.exists():
        return  # not Linux; or there is nothing to be read, which is said later
    found = _identity(path.stat())
    for each in _OPEN_FILES.iterdir():
        with contextlib.suppress(OSError):  # it may be closed by now
            if _identity(each.stat()) == found:
                msg = f"journal {path}: this process holds it itself; read it through its journal"
                raise StoreError(msg)


def _private(path: Path) -> BinaryIO:
    flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def _write(source: BinaryIO, target: Path, tick: Tick) -> None:
    total = os.fstat(source.fileno()).st_size
    done = 0
    with _private(target) as file:
        while chunk := source.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            tick(done, total)


def _opened(copy: Path, path: Path) -> apsw.Connection:
    """Open a copy, of which nobody else knows."""
    where = f"journal {path}"
    connection = apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.pragma("locking_mode", "EXCLUSIVE")  # no shared memory file
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.pragma("trusted_schema", 0)
        application = connection.pragma("application_id")
        version = connection.pragma("user_version")
        connection.pragma("query_only", 1)
    except apsw.Error as error:
        connection.close(True)
        is_other = isinstance(error, apsw.NotADBError)
        said = "not a database" if is_other else f"damaged ({error}); restore a backup"
        raise StoreError(f"{where}: {said}") from error
    except BaseException:
        connection.close(True)
        raise
    fault = None
    if connection.pragma("schema_version") == 0:
        fault = "empty; nothing was written into it yet"
    elif application != APPLICATION_ID:
        fault = "this is the database of another program"
    elif version > SCHEMA_VERSION:
        fault = (
            f"written by a newer venuekit (schema {version}, this one knows {SCHEMA_VERSION}); "
            "upgrade venuekit"
        )
    if fault is not None:
        connection.close(True)
        raise StoreError(f"{where}: {fault}")
    return connection
