"""A thread that writes: the event loop puts a record into a queue and goes on."""

import contextlib
import fcntl
import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from venuekit_audit_log.chain import Tail, line_of, name_of, tail_of
from venuekit_audit_log.settings import AuditSettings

_log: Final = logging.getLogger("venuekit.plugin.audit_log")
_BATCH: Final = 512
_RETRY_S: Final = 1.0


class Writer:
    """Writes records of one process; several processes may share a folder.

    Nothing is dropped in silence: a record that finds the queue full is counted, and a record
    `lost` with the number stands where those would stand.
    """

    def __init__(
        self,
        settings: AuditSettings,
        *,
        time_ns: Callable[[], int],
        fsync: Callable[[int], None] = os.fsync,
    ) -> None:
        """Write as `settings` say; the thread and the folder wait for the first record."""
        self.settings: Final = settings
        self._time_ns = time_ns
        self._fsync = fsync
        self._queue: queue.Queue[Mapping[str, Any]] = queue.Queue(settings.queue)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._lost = 0
        self._in_hand = 0
        self._has_failed = False
        self._tail: Tail | None = None

    @property
    def is_behind(self) -> bool:
        """Say whether records were lost that the log does not tell of yet, or none can be written.

        A full queue is behind too: the next record would be lost.
        """
        return self._lost > 0 or self._has_failed or self._queue.full()

    def put(self, record: Mapping[str, Any]) -> None:
        """Take a record, without waiting for the disk."""
        if self.settings.folder is None or self._closing.is_set():
            return
        stamped = {"time_ns": self._time_ns(), **record}
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="audit-log", daemon=True)
                self._thread.start()
            try:
                self._queue.put_nowait(stamped)
            except queue.Full:
                self._lost += 1
                if self._lost.bit_count() == 1:
                    _log.warning("the audit log falls behind: %d records are lost", self._lost)

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what waits, for so long; say so if something is left. Safe to repeat."""
        thread = self._thread
        if thread is None or self._closing.is_set():
            return
        self._closing.set()
        with contextlib.suppress(queue.Full):  # then the thread is awake
            self._queue.put_nowait({})
        thread.join(timeout_s)
        # The empty record that woke the thread is none.
        waiting = sum(1 for record in list(self._queue.queue) if record)
        left = waiting + self._lost + self._in_hand
        if left:
            _log.error("the audit log was closed with %d records that are not in it", left)

    # In the thread

    def _run(self) -> None:
        pending: list[Mapping[str, Any]] = []
        while True:
            if not pending:
                pending = self._taken()
                self._in_hand = len(pending)
            if not pending and self._closing.is_set() and self._queue.empty():
                return
            if not pending:
                continue
            try:
                self._write(pending)
            except (OSError, ValueError, KeyError) as error:
                if not self._has_failed:
                    _log.error("the audit log cannot be written, and is tried again: %s", error)
                self._has_failed = True
                self._tail = None
                if self._closing.wait(_RETRY_S):
                    with self._lock:
                        self._lost += len(pending)
                        self._in_hand = 0
                    return
            else:
                self._has_failed = False
                pending = []
                self._in_hand = 0

    def _taken(self) -> list[Mapping[str, Any]]:
        """Take what waits, up to a batch; in front of it, how many were lost before."""
        try:
            # An empty record wakes it at the end; one that found no room is not missed for long.
            taken = [self._queue.get(timeout=0.001 if self._closing.is_set() else 1.0)]
        except queue.Empty:
            taken = []
        while taken and len(taken) < _BATCH:
            try:
                taken.append(self._queue.get_nowait())
            except queue.Empty:
                break
        taken = [record for record in taken if record]
        with self._lock:
            # What is taken now came before what found the queue full.
            if self._lost and self._queue.empty():
                taken.append({"time_ns": self._time_ns(), "kind": "lost", "records": self._lost})
                self._lost = 0
        return taken

    def _write(self, records: list[Mapping[str, Any]]) -> None:
        folder = self.settings.folder
        assert folder is not None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / "audit.lock").open("a") as lock:
            # Of all processes that write here, one at a time goes on from the end of the chain.
            fcntl.flock(lock, fcntl.LOCK_EX)
            tail = self._current(folder)
            left = records
            while left:
                tail, left = self._write_some(folder, tail, left)
            self._tail = tail

    def _current(self, folder: Path) -> Tail:
        known = self._tail
        if known is not None and known.name:
            path = folder / known.name
            is_last = not list(folder.glob(f"audit-{known.number + 1:06d}-*.jsonl"))
            if is_last and path.exists() and path.stat().st_size == known.size:
                return known
        return tail_of(folder)

    def _write_some(
        self, folder: Path, tail: Tail, records: list[Mapping[str, Any]]
    ) -> tuple[Tail, list[Mapping[str, Any]]]:
        """Write into one file as much as fits; give the new end, and what is left."""
        day = datetime.fromtimestamp(self._time_ns() / 1e9, UTC).date().isoformat()
        is_new = (
            not tail.number
            or tail.torn > 0
            or tail.size >= self.settings.max_bytes
            or day not in tail.name
        )
        number, size = (tail.number + 1, 0) if is_new else (tail.number, tail.size)
        name = name_of(number, day) if is_new else tail.name
        seq, digest = tail.seq, tail.hash
        lines: list[bytes] = []
        if is_new:
            opening = {"kind": "opened", "pid": os.getpid(), "torn_bytes": tail.torn}
            records = [{"time_ns": self._time_ns(), **opening}, *records]
        used = 0
        for record in records:
            if size >= self.settings.max_bytes:
                break
            seq += 1
            line, digest = line_of({"seq": seq, **record}, digest)
            lines.append(line)
            size += len(line)
            used += 1
        self._append(folder / name, b"".join(lines), is_new=is_new)
        return Tail(number=number, size=size, seq=seq, hash=digest, name=name), records[used:]

    def _append(self, path: Path, data: bytes, *, is_new: bool) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | (os.O_EXCL if is_new else 0)
        file = os.open(path, flags, 0o600)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
            if self.settings.fsync:
                self._fsync(file)
        finally:
            os.close(file)
        if is_new and self.settings.fsync:
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                self._fsync(folder)
            finally:
                os.close(folder)
