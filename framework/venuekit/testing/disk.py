"""A disk that fails when it is told to, and remembers what a loss of power would leave of it.

`Disk` stands between SQLite and the operating system. It numbers every change of the files and
asks before each one what shall happen: nothing special, an error, half a write, or death. It also
keeps what was changed and what was synced since, of which `left_by_power_loss` makes the files
that a machine might find when it starts again.

    disk = Disk("broken", plan=lambda change: Fault.FULL if change.number == 40 else None)
    journal = await open_journal(f"sqlite:{path}", vfs="broken")
"""

import enum
import os
import random
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import apsw
import attrs

SECTOR: Final = 512
"""Bytes that a disk writes whole or not at all."""
_JOURNALS: Final = (
    apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
)


class ChangeKind(enum.Enum):
    """What is done to a file."""

    CREATE = "create"
    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    DELETE = "delete"


@attrs.frozen(kw_only=True)
class Change:
    """One thing that SQLite does to a file."""

    number: int
    """From 1, in the order in which they are done; one that failed has its number too."""
    kind: ChangeKind
    path: str
    offset: int = 0
    """Where a write begins; the new size for a truncation."""
    data: bytes = attrs.field(default=b"", repr=lambda data: f"{len(data)} bytes")
    syncs_names: bool = False
    """A sync or deletion after which the folder is on the disk too."""


class Fault(enum.Enum):
    """What becomes of one change."""

    FULL = "full"
    """There is no room: nothing is done, and SQLite is told so."""
    IO_ERROR = "io error"
    """It fails: nothing is done, and SQLite is told so."""
    HALF = "half"
    """The first half of a write is done, then it fails; of anything else: nothing is done."""
    DONE = "done"
    """It is done, and SQLite is told that it failed."""
    KILL_BEFORE = "kill before"
    """The process dies (SIGKILL) before it."""
    KILL_HALF = "kill half"
    """The process dies when the first half of a write is done."""
    KILL_AFTER = "kill after"
    """The process dies after it."""


Plan = Callable[[Change], Fault | None]
"""Told of each change before it is done; says what becomes of it."""

_ERRORS: Final = {
    ChangeKind.CREATE: apsw.SQLITE_CANTOPEN,
    ChangeKind.WRITE: apsw.SQLITE_IOERR_WRITE,
    ChangeKind.TRUNCATE: apsw.SQLITE_IOERR_TRUNCATE,
    ChangeKind.SYNC: apsw.SQLITE_IOERR_FSYNC,
    ChangeKind.DELETE: apsw.SQLITE_IOERR_DELETE,
}
_KILLING: Final = frozenset({Fault.KILL_BEFORE, Fault.KILL_HALF, Fault.KILL_AFTER})


def nothing_fails(_: Change) -> None:
    """Let every change through."""


class Disk(apsw.VFS):
    """A file system of SQLite's, over the machine's own, under a name of its own.

    Changes are numbered across all files. Used by one connection at a time.
    """

    def __init__(
        self,
        name: str,
        *,
        plan: Plan = nothing_fails,
        after: Callable[[Change], None] = nothing_fails,
        is_default: bool = False,
        waits: bool = True,
    ) -> None:
        """Register it.

        Args:
            name: What connections ask for; replaces one of that name.
            plan: Decides over each change; may be exchanged later.
            after: Told of each change that was done, whatever SQLite was told.
            is_default: Whether it serves connections of this process that ask for none.
            waits: False leaves the waiting for the machine's disk out of a sync, which is all
                that a sync is where nothing really loses power.
        """
        self.base = next(each for each in apsw.vfs_names() if each != name)  # the default is first
        super().__init__(name, self.base, makedefault=is_default)
        self.name = name
        self.plan = plan
        self.after = after
        self.waits = waits
        self.count = 0
        """Changes that were asked for so far."""
        self.done: list[Change] = []
        """Those that were done, in order."""
        self.found: dict[str, bytes] = {}
        """What the files held that were there before, by path; taken to be on the disk."""
        self._known: set[str] = set()

    def go_on_from(self, found: Mapping[str, bytes], done: Sequence[Change]) -> None:
        """Take over from a process that died: what it did not sync is not on the disk yet.

        Args:
            found: What the files held before that process, by path.
            done: What it did.
        """
        self.found = dict(found)
        self.done = list(done)
        self._known = {*found, *(change.path for change in done)}

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  # SQLite's name
        """Open a file of which every change is numbered."""
        path = name if name is None or isinstance(name, str) else name.filename()
        if path is None:
            return super().xOpen(name, flags)  # a temporary file: nothing of it outlives anything
        is_new = not os.path.lexists(path)
        if is_new and flags[0] & apsw.SQLITE_OPEN_CREATE:
            self._known.add(path)
            opened: list[_File] = []
            self.change(
                ChangeKind.CREATE, path, lambda _: opened.append(_File(self, name, path, flags))
            )
            (file,) = opened
            return file
        self._meet(path)
        return _File(self, name, path, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802  # SQLite's name and order
        """Delete a file, as a numbered change."""
        if not Path(filename).exists():
            super().xDelete(filename, syncdir)
            return
        self._meet(filename)
        self.change(
            ChangeKind.DELETE,
            filename,
            lambda _: super(Disk, self).xDelete(filename, syncdir and self.waits),
            syncs_names=syncdir,
        )

    def change(
        self,
        kind: ChangeKind,
        path: str,
        do: Callable[[bytes], None],
        *,
        offset: int = 0,
        data: bytes = b"",
        syncs_names: bool = False,
    ) -> None:
        """Number a change and do what was planned for it; raises apsw's errors where it fails."""
        self.count += 1
        change = Change(
            number=self.count,
            kind=kind,
            path=path,
            offset=offset,
            data=data,
            syncs_names=syncs_names,
        )
        fault = self.plan(change)
        if fault in {Fault.HALF, Fault.KILL_HALF} and kind is ChangeKind.WRITE:
            self._do(attrs.evolve(change, data=data[: len(data) // 2]), do)
        elif fault in {None, Fault.DONE, Fault.KILL_AFTER}:
            self._do(change, do)
        if fault in _KILLING:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault is not None:
            error = apsw.exception_for(apsw.SQLITE_FULL if fault is Fault.FULL else _ERRORS[kind])
            error.args = (f"{fault.value}, as planned, at change {change.number}: {kind.value}",)
            raise error

    def _do(self, change: Change, do: Callable[[bytes], None]) -> None:
        do(change.data)
        self.done.append(change)
        self.after(change)

    def _meet(self, path: str) -> None:
        if path not in self._known and Path(path).exists():
            self._known.add(path)
            self.found[path] = Path(path).read_bytes()


class _File(apsw.VFSFile):
    """A file whose changes are numbered."""

    def __init__(self, disk: Disk, name: Any, path: str, flags: list[int]) -> None:
        super().__init__(disk.base, name, flags)
        self._disk = disk
        self._path = path
        # The first sync of a journal that was opened to be created syncs its folder too.
        # Source: SQLite, os_unix.c, unixOpen (isNewJrnl) and unixSync (UNIXFILE_DIRSYNC).
        self._syncs_names = bool(flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _JOURNALS)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802  # SQLite's name
        """Write, as a numbered change."""
        self._disk.change(
            ChangeKind.WRITE,
            self._path,
            lambda part: super(_File, self).xWrite(part, offset),
            offset=offset,
            data=bytes(data),
        )

    def xTruncate(self, newsize: int) -> None:  # noqa: N802  # SQLite's name
        """Truncate, as a numbered change."""
        self._disk.change(
            ChangeKind.TRUNCATE,
            self._path,
            lambda _: super(_File, self).xTruncate(newsize),
            offset=newsize,
        )

    def xSync(self, flags: int) -> None:  # noqa: N802  # SQLite's name
        """Sync, as a numbered change."""

        def sync(_: bytes) -> None:
            if self._disk.waits:
                super(_File, self).xSync(flags)

        self._disk.change(ChangeKind.SYNC, self._path, sync, syncs_names=self._syncs_names)
        self._syncs_names = False


# Loss of power


@attrs.define(eq=False)
class _Content:
    """What one file holds: for certain, and perhaps."""

    durable: bytearray
    waiting: list[Change] = attrs.field(factory=list)
    """Changes since the last sync."""


@attrs.define(eq=False)
class _Folder:
    """Names, for certain and perhaps."""

    durable: dict[str, _Content | None]
    waiting: list[tuple[str, _Content | None]] = attrs.field(factory=list)
    """Creations and deletions since the folder was synced."""
    now: dict[str, _Content | None] = attrs.field(factory=dict)

    def change(self, path: str, content: _Content | None) -> None:
        self.waiting.append((path, content))
        self.now[path] = content

    def sync(self) -> None:
        self.durable = dict(self.now)
        self.waiting.clear()


def left_by_power_loss(
    found: Mapping[str, bytes], done: Sequence[Change], rng: random.Random
) -> dict[str, bytes]:
    """Make the files that may be found after power was lost, by path.

    All that was synced is there. Of the rest, `rng` decides: each write and truncation may be
    there, missing, or there in part, by sectors, and later ones without earlier ones; each
    creation and deletion may be missing.

    Args:
        found: What the files held at the beginning.
        done: What was done until power was lost; `disk.done[:n]`.
        rng: Chance.
    """
    folder = _replayed(found, done)
    names = folder.durable | dict(_some(folder.waiting, rng))
    return {
        path: _settled(content, rng)
        for path, content in sorted(names.items())
        if content is not None
    }


def left_by_kill(found: Mapping[str, bytes], done: Sequence[Change]) -> dict[str, bytes]:
    """Make the files as they are when a process dies and the machine does not: all was done."""
    left = {}
    for path, content in _replayed(found, done).now.items():
        if content is not None:
            data = bytearray(content.durable)
            for change in content.waiting:
                _apply(data, change, [(0, len(change.data))])
            left[path] = bytes(data)
    return left


def _replayed(found: Mapping[str, bytes], done: Sequence[Change]) -> _Folder:
    folder = _Folder({path: _Content(bytearray(data)) for path, data in found.items()})
    folder.now = dict(folder.durable)
    for change in done:
        _take(folder, change)
    return folder


def _take(folder: _Folder, change: Change) -> None:
    if change.kind is ChangeKind.CREATE:
        folder.change(change.path, _Content(bytearray()))
    elif change.kind is ChangeKind.DELETE:
        folder.change(change.path, None)
    else:
        content = folder.now[change.path]
        assert content is not None, "a file that is not there is not changed"
        if change.kind is ChangeKind.SYNC:
            for each in content.waiting:
                _apply(content.durable, each, [(0, len(each.data))])
            content.waiting.clear()
        else:
            content.waiting.append(change)
    if change.syncs_names:
        folder.sync()


def _some(waiting: Iterable[Any], rng: random.Random) -> list[Any]:
    """Choose what reached the disk: nothing, all, a beginning, or any of them."""
    every = list(waiting)
    match rng.randrange(4):
        case 0:
            return []
        case 1:
            return every
        case 2:
            return every[: rng.randint(0, len(every))]
        case _:
            return [each for each in every if rng.random() < 0.5]


def _settled(content: _Content, rng: random.Random) -> bytes:
    data = bytearray(content.durable)
    chosen = _some(content.waiting, rng)
    if rng.random() < 0.3:
        rng.shuffle(chosen)
    torn = rng.choice((0.0, 0.0, 0.5, 1.0))
    for change in chosen:
        parts = [(0, len(change.data))]
        if rng.random() < torn:
            parts = [part for part in _sectors(change) if rng.random() < 0.5]
        _apply(data, change, parts)
    return bytes(data)


def _sectors(change: Change) -> list[tuple[int, int]]:
    """Give the parts of a write that fall into one sector each, as offsets into its data."""
    end = change.offset + len(change.data)
    bounds = [*range(change.offset - change.offset % SECTOR + SECTOR, end, SECTOR), end]
    return [
        (start - change.offset, stop - change.offset)
        for start, stop in zip([change.offset, *bounds], bounds, strict=False)
    ]


def _apply(data: bytearray, change: Change, parts: Iterable[tuple[int, int]]) -> None:
    if change.kind is ChangeKind.TRUNCATE:
        missing = change.offset - len(data)
        data[change.offset :] = bytes(max(missing, 0))
        return
    for start, stop in parts:
        begin, end = change.offset + start, change.offset + stop
        if len(data) < end:
            data.extend(bytes(end - len(data)))
        data[begin:end] = change.data[start:stop]
