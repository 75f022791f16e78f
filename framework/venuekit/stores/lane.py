"""How work reaches the database: at once on the loop, or through a thread that shares commits.

Both run one piece of work as one transaction, in the order in which it was handed over, and stop
at the first failure that leaves the state of the disk in doubt.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

import apsw
import attrs

from venuekit.model import StoreError
from venuekit.stores.database import discard

T = TypeVar("T")
Work = Callable[[apsw.Connection], T]


class Lane(Protocol):
    """Runs work on the one connection, a transaction each."""

    @property
    def failure(self) -> StoreError | None:
        """Why nothing more is taken; None as long as work is."""
        ...

    async def run(self, work: Work[T], *, is_single: bool = False) -> T:
        """Run `work` and give its result once it is committed.

        Args:
            work: What to do.
            is_single: It is one statement, which is a transaction by itself.

        Raises:
            apsw.ConstraintError: A uniqueness that the schema demands; nothing was written.
            StoreError: Anything else; the lane takes nothing more.
        """
        ...

    def hand_over(self, work: Work[object], *, is_single: bool = False) -> None:
        """Have `work` run after everything before it; raises StoreError, now or the next time."""
        ...

    async def flush(self) -> None:
        """Wait until everything handed over is committed; raises StoreError."""
        ...

    async def sync(self) -> None:
        """Have all that is committed on the disk, whatever the durability; raises StoreError."""
        ...

    async def close(self) -> None:
        """Run what was handed over and close the connection. Safe to repeat."""
        ...


def _closed() -> StoreError:
    return StoreError("the journal is closed")


def _broken(error: BaseException) -> StoreError:
    return StoreError(
        f"the journal failed ({error}): it takes no more orders until it is opened again"
    )


def _roll_back(connection: apsw.Connection, to: str = "ROLLBACK") -> None:
    # SQLite has often rolled back on its own by now; what is said about that helps nobody.
    with contextlib.suppress(apsw.Error):
        connection.execute(to)


class InlineLane:
    """Runs work on the loop's own thread, at once.

    For `synchronous=NORMAL` only: such a commit is one write into the page cache, 15 to 30 µs,
    less than handing it to a thread and back. No commit waits for the disk; a checkpoint does,
    once in about a thousand pages.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        """Work on `connection`, which belongs to this lane from now on."""
        self._connection = connection
        self._failure: StoreError | None = None
        self._is_closed = False

    @property
    def failure(self) -> StoreError | None:
        """Why nothing more is taken."""
        return self._failure

    async def run(self, work: Work[T], *, is_single: bool = False) -> T:
        """Run `work` now."""
        return self._transaction(work, is_single=is_single)

    def hand_over(self, work: Work[object], *, is_single: bool = False) -> None:
        """Run `work` now."""
        self._transaction(work, is_single=is_single)

    async def flush(self) -> None:
        """Nothing waits here."""
        if self._failure is not None:
            raise self._failure

    async def sync(self) -> None:
        """Wait for the disk, here on the loop: twice, some hundred µs each."""
        await self.flush()
        try:
            self._connection.wal_checkpoint()  # it syncs the -wal, then the database
        except apsw.Error as error:
            self._failure = _broken(error)
            raise self._failure from error

    async def close(self) -> None:
        """Close the connection."""
        if not self._is_closed:
            self._is_closed = True
            self._failure = self._failure or _closed()
            discard(self._connection)

    def _transaction(self, work: Work[T], *, is_single: bool) -> T:
        if self._failure is not None:
            raise self._failure
        connection = self._connection
        try:
            if is_single:
                return work(connection)
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except apsw.ConstraintError:
            _roll_back(connection)
            raise
        except apsw.Error as error:
            self._failure = _broken(error)
            _roll_back(connection)
            raise self._failure from error
        except BaseException:
            _roll_back(connection)
            raise
        return result


@attrs.define(eq=False)
class _Job:
    work: Work[Any]
    future: "asyncio.Future[Any] | None"
    is_single: bool
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        """Tell whoever waits; on the loop's thread."""
        if self.future is None or self.future.done():
            return  # nobody waits, or not any more: the work was done all the same
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class ThreadLane:
    """Runs work in one thread; what has gathered while the disk was busy shares the next commit.

    For `synchronous=FULL`: each commit waits for the disk, which the loop must not.
    """

    _END: Final = None

    def __init__(self, connection: apsw.Connection) -> None:
        """Work on `connection`, which belongs to this lane from now on; needs a running loop."""
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        # Written by the thread, read by the loop: a reference, replaced once, never taken back.
        self._failure: StoreError | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, name="venuekit journal", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> StoreError | None:
        """Why nothing more is taken."""
        return self._failure

    async def run(self, work: Work[T], *, is_single: bool = False) -> T:
        """Hand `work` to the thread and wait for its commit.

        A caller that is canceled meanwhile leaves the work to be done all the same.
        """
        self._check()
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(work, future, is_single))
        return await future

    def hand_over(self, work: Work[object], *, is_single: bool = False) -> None:
        """Hand `work` to the thread."""
        self._check()
        self._jobs.put(_Job(work, None, is_single))

    async def flush(self) -> None:
        """Wait for everything handed over until now."""
        await self.run(lambda _: None)

    async def sync(self) -> None:
        """Wait for everything handed over until now: each of its commits is synced."""
        await self.flush()

    async def close(self) -> None:
        """End the thread after what it has to do."""
        if not self._is_closed:
            self._is_closed = True
            self._jobs.put(self._END)
        while self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._is_closed:
            raise _closed()

    def _serve(self) -> None:
        is_ending = False
        while not is_ending:
            batch: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                batch.append(job)
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            is_ending = job is None
            if batch:
                self._commit(batch)
                self._settle(batch)
        discard(self._connection)

    def _commit(self, batch: list[_Job]) -> None:
        if self._failure is not None:
            for job in batch:
                job.error = self._failure
            return
        try:
            _transact(self._connection, batch)
        except Exception as error:  # noqa: BLE001  # a thread's border: told to all who wait
            # The commit of them all: none of them may be taken for written.
            self._failure = _broken(error)
            _roll_back(self._connection)
            for job in batch:
                job.error = self._failure

    def _settle(self, batch: list[_Job]) -> None:
        def settle_all() -> None:
            for job in batch:
                job.settle()

        if any(job.future is not None for job in batch):
            # A loop that was closed without closing the journal has nobody left to be told.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(settle_all)


def _transact(connection: apsw.Connection, batch: list[_Job]) -> None:
    """Run a batch as one transaction; raises what concerns all of it.

    No statement more than it needs: for each one the thread lets go of the interpreter, and waits
    until it gets it back.
    """
    if len(batch) == 1 and batch[0].is_single:
        _run(connection, batch[0])  # one statement: commits, or undoes, itself
        return
    connection.execute("BEGIN IMMEDIATE")
    for job in batch:
        if job.future is None:
            job.work(connection)  # nobody could be told that this one alone was undone
            continue
        connection.execute("SAVEPOINT job")
        _run(connection, job)
        if job.error is not None:
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")
    connection.execute("COMMIT")


def _run(connection: apsw.Connection, job: _Job) -> None:
    """Run one job; only a broken rule of the schema is certain to have touched nothing else."""
    try:
        job.result = job.work(connection)
    except apsw.ConstraintError as error:
        if job.future is None:
            raise
        job.error = error
