"""`venuekit.testing.disk`: what it numbers, how it fails, and what a loss of power leaves of it."""

import random
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from venuekit.testing.disk import (
    SECTOR,
    Change,
    ChangeKind,
    Disk,
    Fault,
    left_by_kill,
    left_by_power_loss,
)

ALL_CHANCES = range(300)


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk("tried")
    yield disk
    disk.unregister()


def connected(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), vfs="tried")
    connection.pragma("locking_mode", "EXCLUSIVE")
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "FULL")
    return connection


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.iterdir()}


def change(number: int, kind: ChangeKind, path: str = "f", **more: object) -> Change:
    return Change(number=number, kind=kind, path=path, **more)  # type: ignore[arg-type]  # as given


def write(number: int, data: bytes, offset: int = 0, path: str = "f") -> Change:
    return change(number, ChangeKind.WRITE, path, data=data, offset=offset)


def left(*done: Change, found: dict[str, bytes] | None = None) -> set[str]:
    """All that may be left of the file `f`; `-` for no file."""
    had = {"f": b""} if found is None else found
    every = [left_by_power_loss(had, done, random.Random(seed)) for seed in ALL_CHANCES]
    return {each["f"].decode() if "f" in each else "-" for each in every}


# What is written down is what was done


def test_every_change_of_every_file_is_numbered_and_kept(tmp_path: Path, disk: Disk) -> None:
    connection = connected(tmp_path / "a.db")
    connection.execute("CREATE TABLE t (x)")
    for number in range(50):
        connection.execute("INSERT INTO t VALUES (?)", ("x" * 200 * number,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("DELETE FROM t WHERE length(x) > 3000")
    connection.execute("VACUUM")

    assert left_by_kill(disk.found, disk.done) == files(tmp_path)
    connection.close()
    assert left_by_kill(disk.found, disk.done) == files(tmp_path)
    assert {each.kind for each in disk.done} == set(ChangeKind)
    assert [each.number for each in disk.done] == list(range(1, disk.count + 1))


def test_what_was_there_before_is_on_the_disk(tmp_path: Path, disk: Disk) -> None:
    connected(tmp_path / "a.db").execute("CREATE TABLE t (x)")
    before = files(tmp_path)
    again = Disk("tried")
    connection = connected(tmp_path / "a.db")
    connection.execute("INSERT INTO t VALUES (1)")

    assert again.found == {path: data for path, data in before.items() if data}
    assert left_by_kill(again.found, again.done) == files(tmp_path)
    connection.close()


# Failing


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.FULL, apsw.FullError),
        (Fault.IO_ERROR, apsw.IOError),
        (Fault.HALF, apsw.IOError),
        (Fault.DONE, apsw.IOError),
    ],
)
def test_a_planned_fault_reaches_the_statement(
    tmp_path: Path, disk: Disk, fault: Fault, error: type[apsw.Error]
) -> None:
    connection = connected(tmp_path / "a.db")
    connection.execute("CREATE TABLE t (x)")
    due = disk.count + 2
    disk.plan = lambda change: fault if change.number == due else None
    with pytest.raises(error, match=f"as planned, at change {due}"):
        connection.execute("INSERT INTO t VALUES (1)")

    done = [each for each in disk.done if each.number == due]
    assert [len(each.data) for each in done] == {
        Fault.HALF: [2048],
        Fault.DONE: [4096],
    }.get(fault, [])
    assert left_by_kill(disk.found, disk.done) == files(tmp_path)
    connection.close()


def test_whoever_asked_for_no_disk_is_not_touched(tmp_path: Path, disk: Disk) -> None:
    disk.plan = lambda _: Fault.FULL
    connection = apsw.Connection(str(tmp_path / "a.db"))
    connection.execute("CREATE TABLE t (x)")
    connection.close()

    assert disk.count == 0


# Losing power


def test_what_was_synced_is_there_and_what_was_not_may_be(tmp_path: Path) -> None:
    sync = change(2, ChangeKind.SYNC)

    assert left(write(1, b"a"), sync) == {"a"}
    assert left(write(1, b"a"), sync, write(3, b"b", 1)) == {"a", "ab"}
    assert left(write(1, b"a")) == {"", "a"}


def test_unsynced_writes_are_missing_torn_and_out_of_order() -> None:
    one, two = b"1" * SECTOR, b"2" * SECTOR
    seen = left(write(1, one + one), write(2, two + two))

    whole = {"", "11", "22"}
    torn = {"12", "21", "1", "2", "\0" + "1", "\0" + "2"}
    assert {"".join(text[::SECTOR]) for text in seen} == whole | torn
    assert all(set(text[i : i + SECTOR]) in ({"1"}, {"2"}, {"\0"}) for text in seen
               for i in range(0, len(text), SECTOR))  # fmt: skip


def test_a_later_write_may_be_there_without_an_earlier_one() -> None:
    assert "\0b" in left(write(1, b"a"), write(2, b"b", 1))


def test_a_truncation_may_be_missing() -> None:
    cut = change(2, ChangeKind.TRUNCATE, offset=1)

    assert left(cut, found={"f": b"abc"}) == {"abc", "a"}
    assert left(cut, change(3, ChangeKind.SYNC), found={"f": b"abc"}) == {"a"}


def test_a_name_is_certain_once_its_folder_was_synced() -> None:
    made, written = change(1, ChangeKind.CREATE), write(2, b"a")
    sync, with_folder = (change(3, ChangeKind.SYNC, syncs_names=each) for each in (False, True))

    assert left(made, written, sync, found={}) == {"-", "a"}
    assert left(made, written, with_folder, found={}) == {"a"}


def test_a_deleted_file_may_be_back_until_its_folder_was_synced() -> None:
    gone, for_good = (change(1, ChangeKind.DELETE, syncs_names=each) for each in (False, True))

    assert left(gone, found={"f": b"a"}) == {"a", "-"}
    assert left(for_good, found={"f": b"a"}) == {"-"}
    # The folder of one file is the folder of all.
    sync = change(2, ChangeKind.SYNC, "g", syncs_names=True)
    assert left(gone, sync, found={"f": b"a", "g": b""}) == {"-"}


def test_what_a_killed_process_did_not_sync_can_still_be_lost() -> None:
    disk = Disk("tried")
    disk.go_on_from({"f": b""}, [write(1, b"a")])

    left = [left_by_power_loss(disk.found, disk.done, random.Random(n))["f"] for n in range(50)]
    assert set(left) == {b"", b"a"}
    assert left_by_kill(disk.found, disk.done) == {"f": b"a"}
    disk.unregister()
