"""Copies of a journal that another process writes: consistent, private, and not in its way."""

import contextlib
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from venuekit.model import StoreError
from venuekit.stores import open_journal
from venuekit.stores.database import open_database
from venuekit.stores.snapshot import Snapshot
from venuekit.stores.wal import Generation, Generations

# Holds the journal as a program does. Every transaction gives all orders the same number, adds one
# order with one record, and writes its number over one of the oldest records, each time another
# one: a copy in which these disagree is torn.
HOLDER = """
import sys
from pathlib import Path
from venuekit.stores.database import open_database

connection = open_database(Path(sys.argv[1]), synchronous="NORMAL")
connection.pragma("wal_autocheckpoint", 50)
connection.execute("INSERT OR IGNORE INTO scopes VALUES (1, 'venue', 'main', 'sim')")
number = 0

def write():
    global number
    number += 1
    connection.execute("BEGIN")
    connection.execute("UPDATE orders SET created_ns = ?", (number,))
    connection.execute(
        "INSERT INTO orders (scope, name, symbol, origin, created_ns, phase, is_open)"
        " VALUES (1, ?, 'A/B', 'intent', ?, 'prepared', 1)", (f"o{number}", number))
    connection.execute(
        "INSERT INTO records (scope, name, time_ns, kind, body, raw)"
        " VALUES (1, ?, 1, 'note', '', ?)", (f"o{number}", "x" * int(sys.argv[2])))
    connection.execute(
        "UPDATE records SET time_ns = ? WHERE id = ?", (number, number % 200 + 1))
    connection.execute("COMMIT")
    # The orders that are rewritten each time stay few; the records grow.
    if number > 40:
        connection.execute("DELETE FROM orders WHERE name = ?", (f"o{number - 40}",))

def tell():
    print(number, flush=True)

write()
tell()
for line in sys.stdin:
    word, _, count = line.partition(" ")
    if word == "write":
        for _ in range(int(count)):
            write()
    elif word == "forever":
        tell()
        while True:
            write()
    elif word == "close":
        connection.close()
    tell()
"""


class Holder:
    """A process that holds a journal, and writes when it is told to."""

    def __init__(self, path: Path, size: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path), str(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.number = self._told()

    def do(self, word: str, count: int = 0) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word} {count}\n")
        self.process.stdin.flush()
        self.number = self._told()
        return self.number

    def _told(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "journals"
    folder.mkdir(0o700)
    return folder / "journal.db"


@pytest.fixture
def hold(path: Path) -> Iterator[Callable[..., Holder]]:
    with contextlib.ExitStack() as stack:

        def begin(size: int = 100) -> Holder:
            holder = Holder(path, size)
            stack.enter_context(holder.process)
            stack.callback(holder.process.kill)
            return holder

        yield begin


@pytest.fixture(autouse=True)
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies are made."""
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def seen(copy: Snapshot) -> int:
    """Give the number that a sound copy shows."""
    assert list(copy.connection.execute("PRAGMA integrity_check")) == [("ok",)]
    rows = list(copy.connection.execute("SELECT DISTINCT created_ns FROM orders"))
    ((newest, count),) = copy.connection.execute("SELECT max(id), count(*) FROM records")
    assert rows == [(count,)]
    assert newest == count
    for id_, number in copy.connection.execute("SELECT id, time_ns FROM records WHERE id <= 200"):
        last = count - (count - id_ + 1) % 200  # the last transaction that wrote over it
        assert number == (last if last >= max(id_, 2) else 1), id_
    return int(count)


# A program that runs


def test_a_journal_that_a_program_holds_is_read_as_it_was_last_committed(
    path: Path, hold: Callable[..., Holder]
) -> None:
    holder = hold()
    holder.do("write", 7)
    with pytest.raises(StoreError, match="held by another process"):
        open_database(path, synchronous="NORMAL")

    with Snapshot(path) as copy:
        assert seen(copy) == 8


def test_copies_are_sound_while_a_process_writes_as_fast_as_it_can(
    path: Path, hold: Callable[..., Holder]
) -> None:
    holder = hold(3000)
    holder.do("write", 300)
    holder.do("forever")

    numbers = []
    for _ in range(12):
        with Snapshot(path) as copy:
            numbers.append(seen(copy))

    assert numbers == sorted(numbers)
    assert numbers[-1] > numbers[0] > 300


def test_a_copy_is_brought_up_to_date_while_a_process_writes_as_fast_as_it_can(
    path: Path, hold: Callable[..., Holder]
) -> None:
    holder = hold(3000)
    holder.do("forever")

    with Snapshot(path) as copy:
        numbers = [seen(copy)]
        for _ in range(12):
            copy.refresh()
            numbers.append(seen(copy))

    assert numbers == sorted(numbers)
    assert numbers[-1] > numbers[0]


def grown(hold: Callable[..., Holder]) -> Holder:
    """Give a holder with a file of some MB: its copy takes some steps."""
    holder = hold(8000)
    holder.do("write", 700)
    return holder


def test_pages_that_an_ended_generation_changed_are_copied_again(
    path: Path, hold: Callable[..., Holder]
) -> None:
    holder = grown(hold)
    size = path.stat().st_size
    assert size > 5_000_000
    steps = []

    def write_on(done: int, total: int) -> None:
        if total:
            steps.append(done)
            holder.do("write", 2)

    with Snapshot(path, tick=write_on) as copy:
        found = seen(copy)

    # One pass over the file, in which many generations came and went, and everything is there.
    assert steps[-1] >= size
    assert sum(step <= 1024 * 1024 for step in steps) == 1
    assert found == holder.number


def test_a_copy_that_missed_a_generation_is_made_again(
    path: Path, hold: Callable[..., Holder]
) -> None:
    holder = grown(hold)
    steps = []

    def write_much(done: int, total: int) -> None:
        if total:
            steps.append(done)
            if len(steps) == 3:
                holder.do("write", 200)

    with Snapshot(path, tick=write_much) as copy:
        assert seen(copy) == holder.number

    assert sum(step <= 1024 * 1024 for step in steps) == 2


def test_a_copy_that_cannot_keep_up_is_given_up_with_a_sentence(
    path: Path, hold: Callable[..., Holder], copies: Path
) -> None:
    holder = grown(hold)

    def write_much(_: int, total: int) -> None:
        if total:
            holder.do("write", 100)

    with pytest.raises(StoreError, match="faster than it can be copied; try again, or stop"):
        Snapshot(path, tick=write_much, tries=3)

    assert list(copies.iterdir()) == []


def test_a_generation_that_ends_at_the_very_last_is_noticed(
    path: Path, hold: Callable[..., Holder]
) -> None:
    holder = grown(hold)
    once = iter([True])
    copied = 0

    def write_at_the_end(done: int, total: int) -> None:
        nonlocal copied
        copied = max(copied, done)
        if not total and copied and next(once, False):  # the database is copied, its `-wal` is not
            holder.do("write", 10)

    with Snapshot(path, tick=write_at_the_end) as copy:
        assert seen(copy) == holder.number


def test_a_program_that_comes_and_goes_during_a_copy_is_noticed(
    path: Path, hold: Callable[..., Holder]
) -> None:
    grown(hold).do("close")
    once = iter([True])

    def come_and_go(_: int, total: int) -> None:
        if total and next(once, False):
            with contextlib.closing(open_database(path, synchronous="NORMAL")) as connection:
                connection.execute("DELETE FROM records")

    with Snapshot(path, tick=come_and_go) as copy:
        assert list(copy.connection.execute("PRAGMA integrity_check")) == [("ok",)]
        assert list(copy.connection.execute("SELECT count(*) FROM records")) == [(0,)]


def test_a_file_that_is_replaced_while_it_is_copied_is_copied_anew(
    path: Path, hold: Callable[..., Holder]
) -> None:
    grown(hold)
    other = path.with_name("other.db")
    open_database(other, synchronous="NORMAL").close()
    once = iter([True])

    def replace(_: int, total: int) -> None:
        if total and next(once, False):
            path.with_name("journal.db-wal").unlink()
            other.replace(path)

    with Snapshot(path, tick=replace) as copy:
        assert list(copy.connection.execute("SELECT count(*) FROM records")) == [(0,)]


def test_a_killed_program_leaves_what_it_had_committed(
    path: Path, hold: Callable[..., Holder]
) -> None:
    holder = hold()
    holder.do("write", 3)
    holder.process.kill()
    holder.process.wait()

    with Snapshot(path) as copy:
        assert seen(copy) == 4


# Following


def test_a_refresh_sees_what_was_written_since(path: Path, hold: Callable[..., Holder]) -> None:
    holder = hold()
    with Snapshot(path) as copy:
        for count in (1, 2, 500, 1):
            number = holder.do("write", count)
            assert copy.refresh()
            assert seen(copy) == number
        holder.do("close")
        assert copy.refresh()
        assert seen(copy) == number


def test_a_refresh_misses_nothing_however_soon_it_is(
    path: Path, hold: Callable[..., Holder]
) -> None:
    holder = hold()
    with Snapshot(path) as copy:
        for _ in range(150):  # several within the grain of a file's times
            number = holder.do("write", 1)
            copy.refresh()
            rows = list(copy.connection.execute("SELECT max(id) FROM records"))
            assert rows == [(number,)]


def test_a_refresh_of_what_did_not_change_says_so(path: Path, hold: Callable[..., Holder]) -> None:
    hold()
    with Snapshot(path) as copy:
        # The first ones cannot know: files' times have a grain.
        assert any(not copy.refresh() for _ in range(1000))
        assert seen(copy) == 1


def test_only_changed_pages_of_a_large_file_are_copied_again(
    path: Path, hold: Callable[..., Holder]
) -> None:
    holder = grown(hold)
    passes = []

    with Snapshot(path, tick=lambda done, total: passes.append(done) if total else None) as copy:
        passes.clear()
        for _ in range(30):
            number = holder.do("write", 1)  # a generation lasts for a few of these
            copy.refresh()
            assert seen(copy) == number

    assert passes == []


# At rest


def test_a_journal_at_rest_is_read_without_a_trace(path: Path, copies: Path) -> None:
    open_database(path, synchronous="NORMAL").close()
    before = (path.read_bytes(), path.stat().st_mtime_ns)

    with Snapshot(path) as copy:
        assert list(copy.connection.execute("SELECT count(*) FROM orders")) == [(0,)]
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        with pytest.raises(apsw.ReadOnlyError):
            copy.connection.execute("DELETE FROM orders")

    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert list(copies.iterdir()) == []


async def test_a_program_can_start_while_its_journal_is_read(path: Path) -> None:
    await (await open_journal(f"sqlite:{path}")).close()
    with Snapshot(path):
        await (await open_journal(f"sqlite:{path}")).close()


def test_an_empty_wal_is_none(path: Path) -> None:
    open_database(path, synchronous="NORMAL").close()
    path.with_name("journal.db-wal").touch(0o600)

    with Snapshot(path) as copy:
        assert list(copy.connection.execute("SELECT count(*) FROM orders")) == [(0,)]


def test_only_the_owner_can_read_the_copy(
    path: Path, hold: Callable[..., Holder], copies: Path
) -> None:
    hold()
    with Snapshot(path):
        (folder,) = copies.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
        assert modes == {"copy.db": 0o600, "copy.db-wal": 0o600}


# What cannot be read


def test_what_is_no_journal_is_said_in_a_sentence(path: Path, copies: Path) -> None:
    def refused(match: str) -> None:
        with pytest.raises(StoreError, match=match):
            Snapshot(path, tries=2)
        assert list(copies.iterdir()) == []

    refused("there is no such file")
    path.touch(0o600)
    refused("empty; nothing was written into it yet")
    path.write_bytes(b"not a database" * 1000)
    refused("not a database")
    path.unlink()
    with contextlib.closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE x (y)")
    refused("the database of another program")
    path.unlink()
    with contextlib.closing(open_database(path, synchronous="NORMAL")) as connection:
        connection.pragma("user_version", 99)
    refused("written by a newer venuekit .schema 99")


def test_a_journal_that_is_just_being_made_is_waited_for(path: Path) -> None:
    open_database(path, synchronous="NORMAL").close()
    path.with_name("journal.db-journal").write_bytes(b"rollback")

    with pytest.raises(StoreError, match="try again"):
        Snapshot(path, tries=2)


def test_the_process_that_holds_a_journal_is_refused(path: Path) -> None:
    connection = open_database(path, synchronous="NORMAL")
    with pytest.raises(StoreError, match="this process holds it itself"):
        Snapshot(path)
    connection.close()


def test_a_disk_without_room_is_said_in_a_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch, copies: Path
) -> None:
    open_database(path, synchronous="NORMAL").close()
    shutil.rmtree(copies)
    copies.mkdir()

    def full(_: int, total: int) -> None:
        if total:
            raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="No space left on device; set TMPDIR"):
        Snapshot(path, tick=full)
    assert list(copies.iterdir()) == []


# Generations, byte for byte

PAGE = 512


def header(number: int, first_salt: int = 1000) -> bytes:
    salts = struct.pack(">II", first_salt + number, 77 * number)
    return struct.pack(">IIII8sII", 0x377F0682, 3007000, PAGE, number, salts, 0, 0)


def frame(number: int, page: int, *, end: bool = True) -> bytes:
    salts = header(number)[16:24]
    return struct.pack(">II8sII", page, 9 if end else 0, salts, 0, 0) + bytes(PAGE)


def reader(wal: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, size: wal[offset : offset + size]


def followed(*wals: bytes) -> tuple[Generations, list[bool]]:
    begun = Generation.read(reader(wals[0]))
    assert begun is not None
    found = Generations(begun)
    return found, [found.observe(reader(wal)) for wal in wals]


def test_pages_of_ended_generations_are_known() -> None:
    old = [frame(1, 5), frame(1, 6)]
    later = [*old, frame(1, 7), frame(1, 8)]  # written between two looks
    new = [frame(2, 9), *later[1:]]

    found, are_known = followed(
        header(1) + b"".join(old), header(2) + b"".join(new), header(2) + b"".join(new)
    )

    assert are_known == [True, True, True]
    assert found.past == {5, 6, 7, 8}
    assert found.pages == {9}


def test_frames_that_were_overwritten_before_they_were_seen_are_missed_aloud() -> None:
    first = header(1) + frame(1, 5)
    # The old generation went on with unseen pages, and the new one is over them.
    overtaken = header(2) + frame(2, 9) + frame(2, 9) + frame(1, 8)

    _, are_known = followed(first, overtaken)

    assert are_known == [True, False]


def test_frames_that_were_not_committed_are_looked_at_again() -> None:
    open_end = header(1) + frame(1, 5) + frame(1, 6, end=False)
    rewritten = header(1) + frame(1, 5) + frame(1, 7)
    ended = header(2) + frame(2, 9) + frame(1, 7)

    found, are_known = followed(open_end, rewritten, ended)

    assert are_known == [True, True, True]
    assert found.past >= {5, 7}


@pytest.mark.parametrize("number", [3, 1])
def test_a_generation_that_is_not_the_next_one_is_not_followed(number: int) -> None:
    other = header(number, first_salt=1001 if number == 1 else 1000)

    _, are_known = followed(header(1) + frame(1, 5), other + frame(number, 6))

    assert are_known == [True, False]


def test_half_a_header_is_none() -> None:
    assert Generation.read(reader(header(1)[:31])) is None
    assert Generation.read(reader(bytes(32))) is None
