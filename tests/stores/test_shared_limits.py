"""What the programs of a machine hold together is never more than there is."""

import os
import stat
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import StoreError
from venuekit.stores.shared_limits import (
    HUNG_S,
    SILENT_S,
    Claim,
    SharedLimitsFile,
    is_running,
    share_of,
)

S = 1_000_000_000
NOW = 1_784_116_800 * S
BUDGET = "acme/live/ip/weight"


def claim(used: int, wanted: int, capacity: int = 100) -> Claim:
    return Claim(capacity=capacity, interval_s=60, used=used, wanted=max(used, wanted))


@pytest.fixture
def store(tmp_path: Path) -> SharedLimitsFile:
    return SharedLimitsFile(tmp_path / "limits.db")


def held(store: SharedLimitsFile, holder: str, used: int, wanted: int, at_ns: int = NOW) -> int:
    share = store.settle(holder, {BUDGET: claim(used, wanted)}, at_ns)[BUDGET]
    if share.is_less:
        store.lower(holder, {BUDGET: share.held})
    return share.held


@given(
    capacity=st.integers(1, 300),
    steps=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 300), st.floats(0, 1)), max_size=60),
)
def test_all_parts_together_are_never_more_than_the_whole(
    capacity: int, steps: list[tuple[int, int, float]]
) -> None:
    """Each program uses what it likes of what it holds, and settles whenever it likes."""
    holds: dict[int, tuple[int, int]] = {}
    used: dict[int, int] = {}
    for program, wanted, part in steps:
        mine = holds.get(program, (0, 0))[0]
        used[program] = round(mine * part)  # what is in use now, of all that it holds
        others = {str(p): each for p, each in holds.items() if p != program}
        share = share_of(claim(used[program], wanted, capacity), others)
        holds[program] = (share.held, wanted)
        assert share.others == sum(h for h, _ in others.values())
        assert sum(h for h, _ in holds.values()) <= capacity
        assert share.held >= used[program]


def test_one_alone_gets_what_it_wants(store: SharedLimitsFile) -> None:
    assert held(store, "a", 0, 30) == 30
    assert held(store, "a", 30, 100) == 100


def test_two_that_want_all_of_it_come_to_equal_parts(store: SharedLimitsFile) -> None:
    assert held(store, "a", 0, 100) == 100
    assert held(store, "b", 0, 100) == 0
    for _ in range(8):
        parts = held(store, "a", 20, 100), held(store, "b", 20, 100)
        assert sum(parts) <= 100
    assert max(parts) - min(parts) <= 2


def test_what_is_given_back_is_nobody_elses_before_its_holder_says_so(
    store: SharedLimitsFile,
) -> None:
    assert held(store, "a", 0, 100) == 100
    share = store.settle("a", {BUDGET: claim(10, 20)}, NOW)[BUDGET]
    assert (share.held, share.is_less) == (20, True)
    assert held(store, "b", 0, 100) == 0
    store.lower("a", {BUDGET: 25})  # it has used more meanwhile
    assert held(store, "b", 0, 100) == 75


def test_what_was_used_is_held_on_until_it_has_aged(store: SharedLimitsFile) -> None:
    assert held(store, "a", 0, 100) == 100
    assert held(store, "b", 0, 100) == 0
    assert held(store, "a", 90, 100) == 90
    assert held(store, "b", 0, 100) == 10


def test_a_dead_program_counts_until_what_it_used_has_aged(store: SharedLimitsFile) -> None:
    assert held(store, "dead", 0, 100) == 100
    end = NOW + round((60 + SILENT_S) * S)
    assert held(store, "b", 0, 100, end) == 0
    assert held(store, "b", 0, 100, end + 1) == 100


def there(tmp_path: Path) -> SharedLimitsFile:
    """Give the store, on a machine on which the process of every holder is there."""
    return SharedLimitsFile(tmp_path / "limits.db", is_running=lambda _: True)


def test_a_program_that_waits_for_the_disk_is_not_taken_for_dead(tmp_path: Path) -> None:
    """Else its part would be given to another while it still uses it."""
    store = there(tmp_path)
    assert held(store, "a", 0, 100) == 100
    for second in range(0, 60 + round(HUNG_S) + 1, 5):
        assert held(store, "b", 0, 100, NOW + second * S) == 0
    assert held(store, "b", 0, 100, NOW + (60 + round(HUNG_S) + 1) * S) == 100


def test_whoever_slept_takes_nobody_for_dead_before_it_has_looked_for_a_while(
    tmp_path: Path,
) -> None:
    """A machine that wakes up, or whose clock is set: everybody was silent for an hour."""
    store = there(tmp_path)
    assert held(store, "a", 0, 100) == 100
    assert held(store, "b", 0, 100) == 0
    woken = NOW + 3600 * S
    assert held(store, "b", 0, 100, woken) == 0
    assert held(store, "b", 0, 100, woken + 9 * S) == 0
    assert held(store, "a", 100, 100, woken + 9 * S) == 100
    assert held(store, "b", 0, 100, woken + 18 * S) == 0


def test_who_has_left_is_forgotten_though_its_process_is_there(tmp_path: Path) -> None:
    store = there(tmp_path)
    assert held(store, "a", 0, 100) == 100
    store.leave("a", {BUDGET: 100}, NOW)
    end = NOW + round((60 + SILENT_S) * S)
    assert held(store, "b", 0, 100, end) == 0
    assert held(store, "b", 0, 100, end + 1) == 100


@pytest.mark.parametrize(
    ("holder", "expected"),
    [
        ("{ours}-a", True),
        ("1-a", True),  # somebody else's, or ours
        ("0-a", False),
        ("-1-a", False),
        ("dead", False),
        ("{ours}", False),
        (f"{2**70}-a", False),
    ],
)
def test_the_process_of_a_holder_is_told_by_its_number(holder: str, expected: bool) -> None:
    assert is_running(holder.format(ours=os.getpid())) is expected


def test_who_leaves_gives_back_what_it_did_not_use(store: SharedLimitsFile) -> None:
    assert held(store, "a", 0, 100) == 100
    store.leave("a", {BUDGET: 15}, NOW)
    assert held(store, "b", 0, 100) == 85
    store.leave("b", {BUDGET: 0}, NOW)
    assert [holder for _, holder, _, _ in store.holds()] == ["a"]


def test_budgets_do_not_know_each_other(store: SharedLimitsFile) -> None:
    assert held(store, "a", 0, 100) == 100
    other = {"acme/live/ip/raw": claim(0, 100)}
    assert store.settle("b", other, NOW)["acme/live/ip/raw"].held == 100


def test_a_ban_stays_and_a_longer_one_replaces_it(store: SharedLimitsFile, tmp_path: Path) -> None:
    assert store.banned_until_ns("acme/live") == 0
    store.ban("acme/live", NOW + 5 * S)
    store.ban("acme/live", NOW + 3 * S)
    store.close()
    again = SharedLimitsFile(tmp_path / "limits.db")
    assert again.banned_until_ns("acme/live") == NOW + 5 * S
    assert again.banned_until_ns("other/live") == 0
    assert again.bans() == {"acme/live": NOW + 5 * S}


def test_only_the_owner_may_read_it(store: SharedLimitsFile, tmp_path: Path) -> None:
    held(store, "a", 0, 1)
    assert stat.S_IMODE((tmp_path / "limits.db").stat().st_mode) == 0o600


def test_a_file_that_is_not_ours_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "limits.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE somebodys (x)")
    connection.close()
    path.chmod(0o600)
    with pytest.raises(StoreError, match="another program; move it away"):
        SharedLimitsFile(path).bans()


def test_a_damaged_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "limits.db"
    path.write_bytes(b"no database" * 1000)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="move the file away"):
        SharedLimitsFile(path).bans()


def test_a_newer_file_is_refused(store: SharedLimitsFile, tmp_path: Path) -> None:
    held(store, "a", 0, 1)
    store.close()
    connection = apsw.Connection(str(tmp_path / "limits.db"))
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(StoreError, match="newer venuekit"):
        SharedLimitsFile(tmp_path / "limits.db").bans()
