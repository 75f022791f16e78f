"""Nonces grow, whatever happens to the program, the machine and its clock."""

import asyncio
import contextlib
import logging
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.auth.nonces import NonceAuthority, fingerprint_of, next_block
from venuekit.model import StoreError
from venuekit.plugin import NonceRule, NonceUnit
from venuekit.stores.nonces import KeyLock, KnownNonces, NonceBlock, NonceStore
from venuekit.testing.disk import Change, ChangeKind, Disk, Fault, left_by_power_loss

NOON_NS = 1_784_116_800_000_000_000
NOON = NOON_NS // 1000
DAY = 86_400_000_000
RULE = NonceRule()
DRAWER = Path(__file__).with_name("nonce_drawer.py")


@attrs.define
class Clock:
    now: int = NOON_NS
    is_confirmed: bool = False

    def pass_s(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authority(tmp_path: Path, clock: Clock) -> Callable[..., NonceAuthority]:
    def make(**more: Any) -> NonceAuthority:
        usual: dict[str, Any] = {
            "api_key": "public name",
            "rule": RULE,
            "now_ns": lambda: clock.now,
            "is_confirmed": lambda: clock.is_confirmed,
        }
        return NonceAuthority(more.pop("folder", tmp_path), **{**usual, **more})

    return make


Make = Callable[..., NonceAuthority]


async def next_of(nonces: NonceAuthority) -> int:
    while (nonce := nonces.take()) is None:
        await nonces.ready()
    return nonce


async def drawn(nonces: NonceAuthority, count: int) -> list[int]:
    return [await next_of(nonces) for _ in range(count)]


async def reservation(nonces: NonceAuthority) -> None:
    """Wait until the block that is being reserved ahead is there."""
    assert nonces._reserving is not None
    await asyncio.wait([nonces._reserving])


def grow(numbers: list[int]) -> bool:
    return all(a < b for a, b in pairwise(numbers))


def stored(folder: Path) -> int:
    connection = apsw.Connection(str(folder / "nonces.db"))
    with contextlib.closing(connection):
        connection.set_busy_timeout(5000)
        ((reserved,),) = connection.execute("SELECT reserved FROM nonces")
        return int(reserved)


def known(reserved: int) -> KnownNonces:
    return KnownNonces(unit="us", reserved=reserved, recovered_ns=0)


def block(stored: int | None, now_ns: int = NOON_NS, **more: Any) -> NonceBlock:
    before = None if stored is None else known(stored)
    return next_block(before, key="f", rule=more.pop("rule", RULE), now_ns=now_ns, **more)


# Which ones come next


def test_the_first_nonces_of_a_key_are_the_time_in_microseconds() -> None:
    assert block(None) == NonceBlock(first=NOON, last=NOON + 999)


def test_they_follow_the_clock() -> None:
    assert block(NOON - 5_000_000).first == NOON


@pytest.mark.parametrize("now", [NOON, NOON - 1, NOON - 3650 * DAY, 0, -1])
def test_a_clock_that_stands_still_or_is_set_back_changes_nothing(now: int) -> None:
    assert block(NOON + 7, now * 1000).first == NOON + 8


def test_a_clock_that_jumps_more_than_a_day_forward_is_refused() -> None:
    assert block(NOON - DAY).first == NOON
    with pytest.raises(StoreError, match=r"1\.0 days .* set this machine's clock right"):
        block(NOON - DAY - 1)


def test_how_far_a_clock_may_jump_can_be_said() -> None:
    with pytest.raises(StoreError, match="locks a key for ever"):
        block(NOON - 61_000_000, farthest_s=60)


def test_a_key_that_was_not_used_for_long_goes_on_once_the_exchange_confirms_the_time() -> None:
    assert block(NOON - 30 * DAY, is_confirmed=True).first == NOON


@pytest.mark.parametrize(
    ("unit", "first"),
    [
        (NonceUnit.MILLISECONDS, NOON_NS // 1_000_000),
        (NonceUnit.MICROSECONDS, NOON_NS // 1000),
        (NonceUnit.NANOSECONDS, NOON_NS),
    ],
)
def test_the_exchange_says_what_a_nonce_counts(unit: NonceUnit, first: int) -> None:
    rule = NonceRule(unit=unit)
    assert block(None, rule=rule).first == first
    day = 86_400_000_000_000 // unit.in_ns
    assert block(first - day, rule=rule).first == first
    with pytest.raises(StoreError):
        block(first - day - 1, rule=rule)


def test_the_last_nonce_is_the_largest_unsigned_number_of_64_bits() -> None:
    top = 2**64 - 1
    assert block(top - 3) == NonceBlock(first=top - 2, last=top)
    assert block(top - 1) == NonceBlock(first=top, last=top)
    with pytest.raises(StoreError, match=r"none above 18446744073709551615; create a new key"):
        block(top)


def test_a_clock_beyond_what_the_exchange_takes_is_refused() -> None:
    with pytest.raises(StoreError, match="create a new key"):
        block(None, rule=NonceRule(highest=2**32))


@given(
    stored=st.none() | st.integers(0, 2**64 - 1),
    now_ns=st.integers(-(2**63), 2**80),
    above=st.integers(-1, 2**64 - 1),
    size=st.integers(1, 10**6),
    is_confirmed=st.booleans(),
)
def test_a_block_is_above_all_before_it_and_within_the_bounds_or_there_is_none(
    stored: int | None, now_ns: int, above: int, size: int, is_confirmed: bool
) -> None:
    try:
        found = block(stored, now_ns, above=above, size=size, is_confirmed=is_confirmed)
    except StoreError:
        return
    assert max(above, -1 if stored is None else stored) < found.first <= found.last < 2**64
    assert found.last - found.first < size
    assert found.first >= now_ns // 1000
    if stored is not None and not is_confirmed:
        assert found.first <= max(stored, above) + 1 or found.first <= stored + DAY


# Handing them out


async def test_the_usual_nonce_costs_no_io_and_was_reserved_before(
    authority: Make, tmp_path: Path
) -> None:
    async with authority(block=100) as nonces:
        await nonces.ready()
        for expected in range(NOON, NOON + 50):
            assert nonces.take() == expected
        assert stored(tmp_path) == NOON + 99


async def test_the_next_block_is_reserved_when_half_of_one_is_used(
    authority: Make, tmp_path: Path
) -> None:
    async with authority(block=100) as nonces:
        await drawn(nonces, 49)
        await asyncio.sleep(0)
        assert stored(tmp_path) == NOON + 99
        await drawn(nonces, 1)
        await reservation(nonces)
        assert stored(tmp_path) == NOON + 199
        assert [nonces.take() for _ in range(150)] == list(range(NOON + 50, NOON + 200))
        assert nonces.take() is None


async def test_who_finds_none_waits_and_all_of_them_together(authority: Make) -> None:
    async with authority(block=10) as nonces:
        async with asyncio.TaskGroup() as tasks:
            drawing = [tasks.create_task(drawn(nonces, 10)) for _ in range(20)]
        found = [nonce for task in drawing for nonce in task.result()]
        assert len(set(found)) == 200


async def test_a_canceled_waiter_leaves_the_reservation_to_the_others(authority: Make) -> None:
    async with authority(block=10) as nonces:
        first = asyncio.create_task(nonces.ready())
        second = asyncio.create_task(nonces.ready())
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert first.cancelled()
        assert nonces.take() == NOON


async def test_reserving_never_runs_on_the_loop(
    authority: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()
    reserve = NonceStore.reserve

    def watched(*args: Any, **more: Any) -> NonceBlock:
        threads.add(threading.get_ident())
        return reserve(*args, **more)

    monkeypatch.setattr(NonceStore, "reserve", watched)  # which thread is seen nowhere else
    async with authority(block=10) as nonces:
        await drawn(nonces, 100)
    assert threads
    assert threading.get_ident() not in threads


async def test_a_stopped_clock_gives_two_requests_of_one_moment_two_nonces(
    authority: Make,
) -> None:
    async with authority() as nonces:
        found = await drawn(nonces, 5000)
    assert grow(found)


async def test_after_a_restart_they_go_on_above_all_that_was_reserved(
    authority: Make, clock: Clock
) -> None:
    everything: list[int] = []
    for jump_s in (0, -3600, 0, 7200, -86_400 * 400, 1, 86_400, 0):
        clock.pass_s(jump_s)
        async with authority(block=64) as nonces:
            everything += await drawn(nonces, 100)
    assert grow(everything)


async def test_while_it_runs_a_clock_that_jumps_too_far_is_refused_and_one_put_right_goes_on(
    authority: Make, clock: Clock
) -> None:
    async with authority(block=10) as nonces:
        await drawn(nonces, 5)
        clock.pass_s(86_400 * 30)
        found = [nonces.take() for _ in range(5)]
        assert None not in found
        with pytest.raises(StoreError, match="clock"):
            await drawn(nonces, 20)
        clock.pass_s(-86_400 * 30)
        (nonce,) = await drawn(nonces, 1)
        assert nonce < NOON + 100


async def test_after_a_weekend_a_program_goes_on_with_the_exchanges_time(
    authority: Make, clock: Clock
) -> None:
    async with authority() as nonces:
        await drawn(nonces, 1)
    clock.pass_s(86_400 * 3)
    async with authority() as nonces:
        with pytest.raises(StoreError, match=r"3\.0 days"):
            await nonces.ready()
        clock.is_confirmed = True
        assert await drawn(nonces, 1) == [NOON + 3 * DAY]


async def test_the_last_nonce_is_given_and_then_there_are_none(
    authority: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    top = 2**64 - 1
    store = NonceStore(tmp_path / "nonces.db")
    store.reserve(fingerprint_of("public name"), "us", lambda _: NonceBlock(first=0, last=top - 25))
    store.close()
    async with authority(block=10) as nonces:
        assert await drawn(nonces, 25) == list(range(top - 24, top + 1))
        for _ in range(2):
            with pytest.raises(StoreError, match="create a new key"):
                await nonces.ready()
            assert nonces.take() is None
    assert "nonces_not_reserved" in caplog.text


async def test_closed_it_gives_nothing(authority: Make) -> None:
    nonces = authority()
    async with nonces:
        await drawn(nonces, 1)
    assert nonces.take() is None
    with pytest.raises(StoreError, match="closed"):
        await nonces.ready()
    await nonces.close()


async def test_a_child_that_was_forked_has_no_nonces(authority: Make) -> None:
    async with authority() as nonces:
        await nonces.ready()
        child = os.fork()
        if child == 0:
            os._exit(0 if nonces.take() is None else 1)
        _, status = os.waitpid(child, 0)  # noqa: ASYNC222  # it has ended at once
        assert status == 0
        assert nonces.take() == NOON


# With a window


async def test_nonces_that_are_on_their_way_together_stay_within_the_window(
    authority: Make, clock: Clock
) -> None:
    async with authority(block=10, window=1000) as nonces:
        assert not nonces.is_serial
        first = await drawn(nonces, 10)
        for nonce in first[1:]:
            nonces.done(nonce)
        await reservation(nonces)
        nonces.done(first[0])
        second = await drawn(nonces, 10)  # of the block that was reserved ahead
        clock.pass_s(60)
        third = asyncio.create_task(drawn(nonces, 11))
        await asyncio.sleep(0.05)
        assert not third.done()
        for nonce in second:
            assert not third.done()
            nonces.done(nonce)
            await asyncio.sleep(0)
        assert grow([*first, *second, *await third])


async def test_a_window_is_never_exceeded(authority: Make, clock: Clock) -> None:
    chance = random.Random(5)
    under_way: set[int] = set()
    widest = 0

    async def ask(nonces: NonceAuthority) -> None:
        nonlocal widest
        nonce = await next_of(nonces)
        under_way.add(nonce)
        widest = max(widest, nonce - min(under_way))
        for _ in range(chance.randrange(20)):
            await asyncio.sleep(0)
        clock.pass_s(chance.choice([0, 0, 0.0001, 2]))
        under_way.discard(nonce)
        nonces.done(nonce)

    async with authority(block=50, window=400) as nonces, asyncio.TaskGroup() as tasks:
        for _ in range(1000):
            tasks.create_task(ask(nonces))
    assert 20 < widest < 400


async def test_where_the_order_does_not_matter_nobody_waits(authority: Make, clock: Clock) -> None:
    async with authority(rule=NonceRule(is_ordered=False), block=10) as nonces:
        assert not nonces.is_serial
        found = await drawn(nonces, 5)
        clock.pass_s(3600)
        found += await drawn(nonces, 40)  # none of them is done
    assert len(set(found)) == 45


# Another program with the key


async def test_a_refused_nonce_withdraws_what_is_reserved_and_begins_at_the_clock(
    authority: Make, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with authority() as nonces:
        (nonce,) = await drawn(nonces, 1)
        clock.pass_s(60)
        assert nonces.refused(nonce) is None
        assert nonces.take() is None
        assert (await drawn(nonces, 1))[0] == NOON + 60_000_000
        assert nonces.stopped is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "another_program" in record.message


async def test_a_second_refusal_stops_it_and_says_why(
    authority: Make, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with authority() as nonces:
        assert nonces.refused((await drawn(nonces, 1))[0]) is None
        clock.pass_s(60)
        error = nonces.refused((await drawn(nonces, 1))[0])
        assert "another program uses this key with larger nonces" in str(error)
        assert nonces.take() is None
        with pytest.raises(StoreError, match="create a key for each"):
            await nonces.ready()
    assert "nonces_stopped" in caplog.text


async def test_refusals_of_nonces_that_were_on_their_way_together_are_one(
    authority: Make,
) -> None:
    async with authority(window=10_000) as nonces:
        found = await drawn(nonces, 8)
        assert [nonces.refused(nonce) for nonce in found] == [None] * 8
        await nonces.ready()
        assert nonces.stopped is None


async def test_an_hour_later_it_may_recover_again(authority: Make, clock: Clock) -> None:
    async with authority() as nonces:
        for _ in range(3):
            assert nonces.refused((await drawn(nonces, 1))[0]) is None
            await nonces.ready()
            clock.pass_s(3601)


async def test_a_restart_gives_no_second_recovery(authority: Make, clock: Clock) -> None:
    async with authority() as nonces:
        assert nonces.refused((await drawn(nonces, 1))[0]) is None
        await drawn(nonces, 1)
    clock.pass_s(60)
    async with authority() as nonces:
        assert nonces.refused((await drawn(nonces, 1))[0]) is not None


async def test_a_refusal_while_a_block_is_being_reserved_withdraws_that_too(
    authority: Make, clock: Clock
) -> None:
    async with authority(block=10) as nonces:
        found = await drawn(nonces, 6)  # the next block is on its way
        clock.pass_s(5)
        assert nonces.refused(found[-1]) is None
        assert (await drawn(nonces, 1))[0] == NOON + 5_000_000


# Two processes


async def test_a_second_handle_is_refused_with_what_to_do_and_gets_it_afterwards(
    authority: Make,
) -> None:
    async with authority() as nonces:
        first = await drawn(nonces, 1)
        with pytest.raises(StoreError, match=r"another handle .* create a key for each program"):
            await authority().__aenter__()
    async with authority() as nonces:
        assert grow(first + await drawn(nonces, 1))


async def test_two_stores_do_not_make_one_key_two(authority: Make, tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with authority(folder=tmp_path / "a", lock_folders=[home]):
        with pytest.raises(StoreError, match="uses this key"):
            await authority(folder=tmp_path / "b", lock_folders=[home]).__aenter__()
        async with authority(folder=tmp_path / "b", api_key="other", lock_folders=[home]) as other:
            await other.ready()


async def test_a_home_that_cannot_be_written_to_is_passed_over_with_a_warning(
    authority: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "home").write_text("a file")
    async with authority(folder=tmp_path / "a", lock_folders=[tmp_path / "home"]) as nonces:
        await nonces.ready()
    assert "key_not_locked" in caplog.text


async def test_a_failed_opening_lets_others_have_the_key(authority: Make, tmp_path: Path) -> None:
    (tmp_path / "nonces.db").write_text("no database at all, but text " * 100)
    (tmp_path / "nonces.db").chmod(0o600)
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged"):
            await authority().__aenter__()


async def test_two_keys_share_the_file(authority: Make) -> None:
    async with authority(api_key="a", block=5) as a, authority(api_key="b", block=5) as b:
        both = await asyncio.gather(drawn(a, 50), drawn(b, 50))
    assert all(grow(found) for found in both)


async def test_who_waits_for_another_processes_transaction_does_not_hold_up_the_loop(
    authority: Make, tmp_path: Path
) -> None:
    async with authority() as nonces:
        other = apsw.Connection(str(tmp_path / "nonces.db"))
        with contextlib.closing(other):
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(nonces.ready())
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert not waiting.done()
            other.execute("COMMIT")
        await waiting


def test_a_transaction_that_lasts_too_long_is_told(tmp_path: Path) -> None:
    store = NonceStore(tmp_path / "nonces.db", busy_s=0.01)
    assert store.known("k") is None
    other = apsw.Connection(str(tmp_path / "nonces.db"))
    with contextlib.closing(other):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process keeps the file busy"):
            store.reserve("k", "us", lambda _: NonceBlock(first=1, last=9))
        other.execute("ROLLBACK")
    store.reserve("k", "us", lambda _: NonceBlock(first=1, last=9))
    store.close()


class Drawer:
    """The program of that name."""

    def __init__(self, folder: Path, *, jump_s: float = 0, count: int = 0) -> None:
        self.log = folder / "log"
        self.process = subprocess.Popen(
            [sys.executable, str(DRAWER), str(folder), str(jump_s), str(count), str(self.log)],
            stdout=subprocess.PIPE,
        )

    def said(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.end()

    def end(self) -> int:
        with self.process:
            return self.process.wait(timeout=60)


def logged(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "log").read_text().splitlines()]


@pytest.fixture
def drawer(tmp_path: Path) -> Iterator[Callable[..., Drawer]]:
    started: list[Drawer] = []

    def start(**more: Any) -> Drawer:
        started.append(Drawer(tmp_path, **more))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.kill()


def test_a_second_process_is_refused_until_the_first_is_killed(
    drawer: Callable[..., Drawer], tmp_path: Path
) -> None:
    first = drawer()
    assert first.said() == b"drawing\n"
    with pytest.raises(StoreError, match=f"the process {first.process.pid} uses this key"):
        KeyLock(fingerprint_of("one key"), [tmp_path]).take()
    second = drawer(count=50)
    assert second.said() == b"refused\n"
    first.kill()
    while (said := second.said()) == b"refused\n":
        pass
    assert said == b"drawing\n"
    assert second.end() == 0
    assert grow(logged(tmp_path))


def test_killed_again_and_again_with_the_clock_set_it_never_repeats_one(
    drawer: Callable[..., Drawer], tmp_path: Path
) -> None:
    chance = random.Random(11)
    lives = 10
    for _ in range(lives):
        each = drawer(jump_s=chance.choice([0, -5, -7200, 3, 3600]))
        assert each.said() == b"drawing\n"
        time.sleep(chance.uniform(0, 0.08))  # a real process, in real time
        each.kill()
    found = logged(tmp_path)
    assert len(found) > 100 * lives
    assert grow(found)


def test_many_processes_that_want_one_key_and_are_killed_never_repeat_one(
    drawer: Callable[..., Drawer], tmp_path: Path
) -> None:
    """The log is written in the order in which requests would arrive."""
    chance = random.Random(12)
    running = [drawer(count=3000) for _ in range(4)]
    for _ in range(3):
        time.sleep(0.4)
        victim = running.pop(chance.randrange(len(running)))
        victim.kill()
        running.append(drawer(count=3000, jump_s=chance.choice([-60, 60])))
    for each in running:
        assert each.process.communicate(timeout=60)
        assert each.process.returncode == 0
    found = logged(tmp_path)
    assert len(found) >= 4 * 3000
    assert grow(found)


# The store


def reserve_up_to(store: NonceStore, last: int, unit: str = "us") -> None:
    store.reserve("k", unit, lambda _: NonceBlock(first=last, last=last))


def test_a_key_keeps_its_unit_for_ever(tmp_path: Path) -> None:
    store = NonceStore(tmp_path / "nonces.db")
    reserve_up_to(store, 5)
    with pytest.raises(StoreError, match="counted in us before and would be in ns now"):
        reserve_up_to(store, 50, "ns")
    assert store.known("k") == known(5)
    store.close()


@pytest.mark.parametrize("last", [0, 4, 5])
def test_the_database_itself_refuses_to_go_back(tmp_path: Path, last: int) -> None:
    store = NonceStore(tmp_path / "nonces.db")
    reserve_up_to(store, 5)
    with pytest.raises(StoreError, match="a nonce would be used twice"):
        reserve_up_to(store, last)
    assert store.known("k") == known(5)
    reserve_up_to(store, 6)
    store.close()
    other = apsw.Connection(str(tmp_path / "nonces.db"))
    for statement in ("DELETE FROM nonces", "UPDATE nonces SET reserved = '00000000000000000001'"):
        with pytest.raises(apsw.ConstraintError):
            other.execute(statement)
    other.close()


def test_numbers_above_63_bits_are_kept_whole(tmp_path: Path) -> None:
    store = NonceStore(tmp_path / "nonces.db")
    for last in (2**63 - 1, 2**63, 2**64 - 1):
        reserve_up_to(store, last)
        assert store.known("k") == known(last)
    store.close()


async def test_the_key_is_known_by_its_fingerprint_alone(
    authority: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    nonces = authority(api_key="PUBLICNAMEOFKEY")
    async with nonces:
        (nonce,) = await drawn(nonces, 1)
        nonces.refused(nonce)
        await nonces.ready()
        nonces.refused((await drawn(nonces, 1))[0])
    files = {each.name: (tmp_path / each.name).read_bytes() for each in os.scandir(tmp_path)}
    told = f"{nonces!r}{nonces.stopped}{caplog.text}{list(files)}".encode()
    everything = files.values()
    assert not any(b"PUBLICNAMEOFKEY" in text for text in (*everything, told))
    assert fingerprint_of("PUBLICNAMEOFKEY").encode() in told
    assert fingerprint_of("abc") == "ba7816bf8f01cfea"  # of FIPS 180-2, appendix B.1


async def test_only_the_owner_may_read_its_files(authority: Make, tmp_path: Path) -> None:
    async with authority(folder=tmp_path / "new") as nonces:
        await nonces.ready()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    modes = {
        path.suffix: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()
    }
    assert modes == {".db": 0o600, ".lock": 0o600}


def test_between_transactions_there_is_one_file_and_each_waits_for_the_disk(
    tmp_path: Path,
) -> None:
    disk = Disk("watched nonces")
    store = NonceStore(tmp_path / "nonces.db", vfs=disk.name)
    reserve_up_to(store, 5)
    before = disk.count
    reserve_up_to(store, 6)
    kinds = [change.kind for change in disk.done[before:]]
    assert [path.name for path in tmp_path.iterdir()] == ["nonces.db"]
    last = disk.done[-1]
    # The rollback journal is deleted last, and that it is gone is on the disk too.
    assert (last.kind, last.path, last.syncs_names) == (
        ChangeKind.DELETE,
        str(tmp_path / "nonces.db-journal"),
        True,
    )
    assert kinds.count(ChangeKind.SYNC) >= 2
    store.close()


@pytest.mark.parametrize("seed", range(3))
def test_no_loss_of_power_gives_a_nonce_back_that_was_handed_out(tmp_path: Path, seed: int) -> None:
    """Power is lost at each change of the disk; everything that was not synced may be gone."""
    chance = random.Random(seed)
    folder = tmp_path / "before"
    disk = Disk("power for nonces", waits=False)
    store = NonceStore(folder / "nonces.db", vfs=disk.name)
    store.known("k")
    begun = disk.count
    reserved = [(begun, -1)]
    for last in range(5, 90, 5):
        reserve_up_to(store, last)
        reserved.append((disk.count, last))
    store.close()
    for lost_at in range(begun, disk.count + 1):
        found = left_by_power_loss(disk.found, disk.done[:lost_at], chance)
        after = tmp_path / f"after {lost_at}"
        after.mkdir(mode=0o700)
        for path, data in found.items():
            left = after / Path(path).name
            left.write_bytes(data)
            left.chmod(0o600)
        again = NonceStore(after / "nonces.db")
        known_again = again.known("k")
        again.close()
        handed_out = max(last for number, last in reserved if number <= lost_at)
        assert (-1 if known_again is None else known_again.reserved) >= handed_out, lost_at


@pytest.mark.parametrize("fault", [Fault.FULL, Fault.IO_ERROR, Fault.HALF, Fault.DONE])
async def test_whatever_fails_on_the_disk_no_nonce_is_used_that_was_not_reserved(
    authority: Make, tmp_path: Path, fault: Fault
) -> None:
    """One change after the other fails; what is given is covered by what others read."""
    disk = Disk("failing nonces")
    async with authority(block=2, vfs=disk.name) as nonces:
        used = await drawn(nonces, 1)
        failed = 0
        for number in range(1, 40):
            at = disk.count + number % 13 + 1
            disk.plan = lambda change, at=at: fault if change.number == at else None  # type: ignore[misc]  # mypy cannot infer a default's type
            for _ in range(3):
                try:
                    used += await drawn(nonces, 1)
                except StoreError:
                    failed += 1
            disk.plan = nothing
            assert stored(tmp_path) >= used[-1]
        used += await drawn(nonces, 5)
    assert failed or fault is Fault.DONE
    assert grow(used)


def nothing(_: Change) -> None:
    return None


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("PRAGMA application_id = 7", "another program"),
        ("PRAGMA user_version = 99", "newer venuekit"),
    ],
)
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, statement: str, told: str) -> None:
    store = NonceStore(tmp_path / "nonces.db")
    reserve_up_to(store, 5)
    store.close()
    connection = apsw.Connection(str(tmp_path / "nonces.db"))
    connection.execute(statement)
    connection.close()
    with pytest.raises(StoreError, match=told):
        store.known("k")


def test_a_damaged_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "nonces.db"
    store = NonceStore(path)
    reserve_up_to(store, 5)
    store.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"damaged .* move it away"):
        store.known("k")
