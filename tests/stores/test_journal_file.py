"""The journal's file: whose it is, who may read it, where it may lie, and how it fails."""

import asyncio
import os
import stat
import sys
import threading
from pathlib import Path

import apsw
import pytest

from venuekit.model import ClientOrderId, ConfigurationError, StoreError, limit_buy
from venuekit.stores import (
    Intent,
    Journal,
    Scope,
    SqliteJournal,
    network_file_system,
    open_journal,
)
from venuekit.stores.database import look_over, open_database
from venuekit.stores.lane import InlineLane, ThreadLane

SCOPE = Scope("venue", "main", "sim")


def intent(name: str) -> Intent:
    return Intent(
        scope=SCOPE,
        client_order_id=ClientOrderId(name),
        request=limit_buy("BTC/USDT", "0.1", "30000", client_order_id=name),
        created_ns=1,
    )


async def opened(path: Path, durability: str = "process") -> Journal:
    return await open_journal(f"sqlite:{path}", durability=durability)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Files


async def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        journal = await opened(tmp_path / "new" / "deeper" / "journal.db")
        await journal.record_intent(intent("a"))
    finally:
        os.umask(old)
    folder = tmp_path / "new" / "deeper"

    assert mode(folder) == mode(folder.parent) == 0o700
    assert {path.name: mode(path) for path in folder.iterdir()} == {
        "journal.db": 0o600,
        "journal.db-wal": 0o600,
    }
    await journal.close()


async def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await (await opened(path)).close()
    path.chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        await opened(path)


async def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(StoreError, match="chmod 700"):
        await opened(folder / "journal.db")


async def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch(0o600)
    (tmp_path / "journal.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="not a regular file"):
        await opened(tmp_path / "journal.db")


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/me/local tmpfs rw 0 0
me@host: /home/me/local/remote\\040disk fuse.sshfs rw 0 0
//host/share /mnt cifs rw 0 0
/dev/vdb /mnt ext4 rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/lib", None),
        ("/home/me", "nfs4"),
        ("/home/me/local", None),
        ("/home/me/local/remote disk/x", "fuse.sshfs"),
        ("/homely", None),
        ("/mnt/x", None),
    ],
)
def test_network_file_systems_are_known_by_their_mounts(path: str, expected: str | None) -> None:
    assert network_file_system(Path(path), MOUNTS) == expected


# Whose


HOLD = """
import asyncio, sys
from venuekit.stores import open_journal
async def main():
    journal = await open_journal(sys.argv[1])
    print("held", flush=True)
    sys.stdin.read()
asyncio.run(main())
"""


async def test_a_journal_that_another_process_holds_is_refused_until_that_one_dies(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOLD,
        f"sqlite:{path}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdout is not None
    try:
        assert await holder.stdout.readline() == b"held\n"
        with pytest.raises(
            StoreError, match="held by another process, or by another handle of this one; stop"
        ):
            await opened(path)
    finally:
        holder.kill()
        await holder.communicate()
    await (await opened(path)).close()


async def test_two_handles_in_one_process_do_not_share_a_journal(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "journal.db")
    with pytest.raises(StoreError, match="held by another"):
        await opened(tmp_path / "journal.db")
    await journal.close()


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    connection = open_database(path, synchronous="NORMAL")
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(StoreError, match="newer venuekit"):
        await opened(path)


async def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch(0o600)
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        await opened(path)
    assert path.read_bytes() == before


async def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch(0o600)
    path.write_bytes(b"x" * 4096)
    with pytest.raises(StoreError, match="not a database"):
        await opened(path)


async def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await opened(path)
    for number in range(200):
        await journal.record_intent(intent(f"a{number}"))
    await journal.close()
    content = bytearray(path.read_bytes())
    for page in range(4, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\x55" * 64
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"damaged|malformed"):
        await opened(path)


@pytest.mark.parametrize(("durability", "expected"), [("process", "1"), ("power", "2")])
async def test_each_durability_has_its_setting(
    tmp_path: Path, durability: str, expected: str
) -> None:
    journal = await opened(tmp_path / "journal.db", durability)
    assert isinstance(journal, SqliteJournal)

    def settings(connection: apsw.Connection) -> tuple[str, str, str]:
        names = ("synchronous", "journal_mode", "locking_mode")
        synchronous, mode, locking = (str(connection.pragma(name)) for name in names)
        return synchronous, mode, locking

    assert await journal._lane.run(settings) == (expected, "wal", "exclusive")
    await journal.close()


# URLs


async def test_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url, path in [
        (f"sqlite://{tmp_path}/a.db", tmp_path / "a.db"),
        (f"sqlite:{tmp_path}/b.db", tmp_path / "b.db"),
        ("sqlite:c.db", tmp_path / "c.db"),
    ]:
        await (await open_journal(url)).close()
        assert path.exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgres://x", "no store is named 'postgres'; there are: memory, sqlite"),
        ("sqlite:", "names no file"),
        ("sqlite://host/x", "names no file"),
    ],
)
async def test_a_url_that_names_nothing_says_what_is_allowed(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        await open_journal(url)
    with pytest.raises(ConfigurationError, match="process or power"):
        await open_journal("memory:", durability="maybe")


async def test_extensions_bring_their_own_schemes() -> None:
    async def make(url: str) -> Journal:
        assert url == "mine:x"
        return await open_journal("memory:")

    journal = await open_journal("mine:x", schemes={"mine": make})
    assert isinstance(journal, SqliteJournal)
    await journal.close()


# Failing


def fill_up(connection: apsw.Connection) -> None:
    """Let SQLite meet its own SQLITE_FULL at the next new page."""
    connection.pragma("max_page_count", connection.pragma("page_count"))


@pytest.mark.parametrize("kind", [InlineLane, ThreadLane])
async def test_after_a_failed_write_nothing_more_is_taken_until_it_is_opened_again(
    tmp_path: Path, kind: type[InlineLane] | type[ThreadLane]
) -> None:
    path = tmp_path / "journal.db"
    connection = open_database(path, synchronous="NORMAL")
    journal = SqliteJournal(kind(connection))
    await journal.record_intent(intent("first"))
    fill_up(connection)
    written = 0

    async def write_until_full() -> None:
        nonlocal written
        for number in range(500):
            await journal.record_intent(intent(f"a{number:030}"))
            written += 1

    with pytest.raises(StoreError, match="no more orders until it is opened again"):
        await write_until_full()
    assert journal.failure is not None
    # Also what would have fitted: nobody knows what the disk holds.
    with pytest.raises(StoreError):
        journal.record_attempt(SCOPE, ClientOrderId("first"), 1, time_ns=1)
    with pytest.raises(StoreError):
        await journal.flush()
    await journal.close()

    again = await opened(path)
    assert len(await again.open_intents(SCOPE)) == 1 + written
    await again.close()


async def test_a_queued_record_that_fails_is_told_at_the_next_one(tmp_path: Path) -> None:
    connection = open_database(tmp_path / "journal.db", synchronous="FULL")
    lane = ThreadLane(connection)
    journal = SqliteJournal(lane)

    def broken(_: apsw.Connection) -> None:
        raise apsw.IOError("disk I/O error")

    lane.hand_over(broken)
    with pytest.raises(StoreError, match="disk I/O error"):
        await journal.record_intent(intent("a"))
    with pytest.raises(StoreError):
        await journal.record_intent(intent("b"))
    await journal.close()


async def test_orders_that_are_placed_at_once_share_one_wait_for_the_disk(tmp_path: Path) -> None:
    connection = open_database(tmp_path / "journal.db", synchronous="FULL")
    commits = 0

    def committed() -> bool:
        nonlocal commits
        commits += 1
        return False

    lane = ThreadLane(connection)
    journal = SqliteJournal(lane)
    await journal.record_intent(intent("first"))
    busy = threading.Event()
    lane.hand_over(lambda _: busy.wait())
    connection.set_commit_hook(committed)
    tasks = [asyncio.create_task(journal.record_intent(intent(f"a{n}"))) for n in range(64)]
    await asyncio.sleep(0)
    busy.set()
    await asyncio.gather(*tasks)

    assert commits <= 2  # the busy one, and all others together
    await journal.close()


async def test_one_bad_intent_of_a_shared_commit_fails_alone(tmp_path: Path) -> None:
    lane = ThreadLane(open_database(tmp_path / "journal.db", synchronous="FULL"))
    journal = SqliteJournal(lane)
    await journal.record_intent(intent("a"))
    busy = threading.Event()
    lane.hand_over(lambda _: busy.wait())
    tasks = [asyncio.create_task(journal.record_intent(intent(n))) for n in ("b", "a", "c")]
    await asyncio.sleep(0)
    busy.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(each).__name__ for each in results] == ["NoneType", "IntentExists", "NoneType"]
    assert len(await journal.open_intents(SCOPE)) == 3
    await journal.close()


async def test_a_canceled_writer_leaves_the_intent_written(tmp_path: Path) -> None:
    lane = ThreadLane(open_database(tmp_path / "journal.db", synchronous="FULL"))
    journal = SqliteJournal(lane)
    busy = threading.Event()
    lane.hand_over(lambda _: busy.wait())
    task = asyncio.create_task(journal.record_intent(intent("a")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    busy.set()

    assert len(await journal.open_intents(SCOPE)) == 1
    await journal.close()


async def test_a_journal_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await open_journal(f"sqlite:{path}", durability="process")
    await journal.record_intent(intent("a1"))
    await journal.close()
    old = apsw.Connection(str(path))
    old.execute("DROP TABLE symbols; DROP TABLE consumers; PRAGMA user_version = 1")
    old.close()

    journal = await open_journal(f"sqlite:{path}", durability="process")
    assert list((await journal.first_orders(SCOPE)).values()) == [intent("a1").created_ns]
    assert await journal.position(SCOPE, "bot") is None
    await journal.close()
    ((version,),) = apsw.Connection(str(path)).execute("PRAGMA user_version")
    assert version == 2


def test_a_large_file_is_not_read_whole_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    connection = open_database(path, synchronous="NORMAL")
    connection.execute("""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO records (scope, name, time_ns, kind, body, raw)
        SELECT 1, 'a' || i, i, 'note', hex(zeroblob(100)), '' FROM n
    """)
    connection.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size * 3 // 4 // 4096 * 4096)
        file.write(b"x" * 4096)
    damaged = apsw.Connection(str(path))

    assert look_over(damaged, 0.0) == "ok"  # no time to find it
    assert look_over(damaged, 600.0) != "ok"
    damaged.close()
