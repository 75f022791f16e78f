"""What is found where the journal should be: others' files, links, pieces, and other processes."""

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest

from venuekit.model import ClientOrderId, StoreError, limit_buy
from venuekit.stores import Intent, Scope, open_journal
from venuekit.stores.database import fault_of

SCOPE = Scope("venue", "main", "sim")


def intent(name: str) -> Intent:
    return Intent(
        scope=SCOPE,
        client_order_id=ClientOrderId(name),
        request=limit_buy("BTC/USDT", "0.1", "30000", client_order_id=name),
        created_ns=1,
    )


async def written(path: Path, count: int = 200) -> bytes:
    """Make a journal with intents in it; gives its `-wal` from before it was closed."""
    journal = await open_journal(f"sqlite:{path}", durability="process")
    for number in range(count):
        await journal.record_intent(intent(f"a{number}"))
    wal = path.with_name(f"{path.name}-wal").read_bytes()
    await journal.close()
    return wal


async def intents(path: Path) -> int:
    journal = await open_journal(f"sqlite:{path}", durability="process")
    found = len(await journal.open_intents(SCOPE))
    await journal.close()
    return found


async def test_a_folder_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    await written(tmp_path / "link" / "journal.db", 3)

    assert await intents(tmp_path / "real" / "journal.db") == 3
    assert await intents(tmp_path / "link" / "journal.db") == 3


async def test_a_wal_whose_database_is_gone_is_refused_and_left_alone(tmp_path: Path) -> None:
    """SQLite would begin a new database and delete the `-wal`, and with it promised intents."""
    path = tmp_path / "journal.db"
    wal = await written(path)
    content = path.read_bytes()
    beside = tmp_path / "journal.db-wal"
    beside.touch(0o600)
    beside.write_bytes(wal)
    path.unlink()
    with pytest.raises(StoreError, match="put it back"):
        await intents(path)
    path.touch(0o600)
    with pytest.raises(StoreError, match="put it back"):
        await intents(path)

    assert beside.read_bytes() == wal
    path.write_bytes(content)
    assert await intents(path) == 200


async def test_a_second_name_is_refused(tmp_path: Path) -> None:
    await written(tmp_path / "journal.db", 3)
    os.link(tmp_path / "journal.db", tmp_path / "other.db")
    for name in ("journal.db", "other.db"):
        with pytest.raises(StoreError, match="hard link"):
            await intents(tmp_path / name)


@pytest.mark.parametrize("suffix", ["", "-wal", "-journal"])
async def test_none_of_its_files_may_be_read_by_others_or_be_a_link(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / "journal.db"
    await written(path, 3)
    beside = tmp_path / f"journal.db{suffix}"
    beside.touch(0o600)
    beside.chmod(0o640)
    with pytest.raises(StoreError, match="chmod 600"):
        await intents(path)
    beside.rename(tmp_path / "elsewhere")
    beside.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="not a regular file"):
        await intents(path)


@pytest.mark.parametrize(("user", "is_refused"), [(1000, True), (1001, False), (0, False)])
def test_the_file_of_another_user_is_refused(tmp_path: Path, user: int, is_refused: bool) -> None:
    path = tmp_path / "journal.db"
    path.touch(0o600)
    found = list(path.lstat())
    found[4] = 1001  # st_uid

    fault = fault_of(path, os.stat_result(found), user=user)
    assert (fault is not None and "another user" in fault) is is_refused


@pytest.mark.parametrize("keep", [50, 100, 4096, 8192, 0.5, 0.9])
async def test_a_piece_of_a_journal_is_refused(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "journal.db"
    await written(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep if keep > 1 else keep * len(content))])
    with pytest.raises(StoreError):
        await intents(path)


AT_ONCE = """
import asyncio, sys
from venuekit.model import StoreError
from venuekit.stores import open_journal
async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        journal = await open_journal(sys.argv[1], durability="power")
    except StoreError as error:
        print("held by another" in str(error) and "refused" or error, flush=True)
    else:
        print("opened", flush=True)
        sys.stdin.readline()
        await journal.close()
asyncio.run(main())
"""


def test_of_many_processes_at_once_one_has_the_journal(tmp_path: Path) -> None:
    """Also while it is being made: whoever comes second finds it held, never half made."""
    url = f"sqlite:{tmp_path}/new/journal.db"
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", AT_ONCE, url],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(4)
        ]
        assert [heard(process) for process in processes] == ["ready"] * 4
        for process in processes:
            go_on(process)
        told = [heard(process) for process in processes]
        for process in processes:
            if process.poll() is None:
                go_on(process)

    assert sorted(told) == ["opened", "refused", "refused", "refused"]
    assert [process.returncode for process in processes] == [0] * 4


def heard(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended
        process.stdin.write("go\n")
        process.stdin.flush()


TOO_BIG = """
import asyncio, resource, signal, sys
from venuekit.model import ClientOrderId, StoreError, limit_buy
from venuekit.stores import Intent, Scope, open_journal
SCOPE = Scope("venue", "main", "sim")
async def main():
    journal = await open_journal(sys.argv[1], durability=sys.argv[2])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then write() fails, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    for number in range(1000):
        name = f"a{number}"
        request = limit_buy("BTC/USDT", "0.1", "30000", client_order_id=name)
        try:
            await journal.record_intent(Intent(
                scope=SCOPE, client_order_id=ClientOrderId(name), request=request, created_ns=1))
        except StoreError:
            break
    await journal.close()
    print(number, flush=True)
asyncio.run(main())
"""


@pytest.mark.parametrize("durability", ["process", "power"])
def test_when_the_system_refuses_a_write_what_was_promised_is_there(
    tmp_path: Path, durability: str
) -> None:
    """The operating system's own refusal, at the size that a process's files may have."""
    path = tmp_path / "journal.db"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", TOO_BIG, f"sqlite:{path}", durability],
        capture_output=True,
        text=True,
        check=True,
    )
    promised = int(done.stdout)

    assert 10 < promised < 999
    assert promised <= asyncio.run(intents(path)) <= promised + 1


@pytest.mark.parametrize("version", ["3.51.2", "3.40.1", "3.7.0"])
async def test_an_sqlite_that_can_damage_a_wal_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: version)
    with pytest.raises(StoreError, match="install apsw from PyPI"):
        await open_journal(f"sqlite:{tmp_path}/journal.db")


async def test_a_database_that_cannot_have_a_wal_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SQLite cannot set it leaves as it is, without an error."""

    class Stubborn(apsw.Connection):
        def pragma(self, name: str, *value: Any) -> Any:  # type: ignore[override]  # as it is used
            return "delete" if name == "journal_mode" else super().pragma(name, *value)

    monkeypatch.setattr(apsw, "Connection", Stubborn)
    with pytest.raises(StoreError, match="not 'wal'"):
        await open_journal(f"sqlite:{tmp_path}/journal.db")
