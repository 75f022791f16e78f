"""`venuekit limits --offline`: what this machine knows by itself, and not one request for it."""

import asyncio
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from rich.console import Console

from tests.cli.conftest import Shell
from venuekit.cli.machine_limits import HeldBudget, Holder, fullest, machine_limits
from venuekit.cli.machine_table import drawn, refreshes, span, state_of
from venuekit.plugin import (
    INTERFACE,
    Adapter,
    BudgetKind,
    BudgetScope,
    BudgetSpec,
    ClientOrderIdRule,
    Dedupe,
    Environment,
    Manifest,
    Tier,
    Timing,
)
from venuekit.plugin.discovery import Plugins
from venuekit.stores.shared_limits import Claim, SharedLimitsFile
from venuekit.testing.virtual_time import run_virtually

NS: Final = 10**9
NOW: Final = 1_700_000_010 * NS  # half a minute before the next begins
WEIGHT = BudgetSpec(
    name="weight", kind=BudgetKind.FIXED_WINDOW, scope=BudgetScope.IP, capacity=6000, interval_s=60
)
CALLS = BudgetSpec(
    name="calls",
    kind=BudgetKind.DECAYING_COUNTER,
    scope=BudgetScope.KEY,
    capacity=15,
    interval_s=45,
    step_s=2.0,
)
ENGINE = BudgetSpec(
    name="engine",
    kind=BudgetKind.DECAYING_COUNTER,
    scope=BudgetScope.INSTRUMENT,
    capacity=60,
    interval_s=60,
    tiers={"pro": Tier(capacity=180, interval_s=48)},
)
PRIVATE = BudgetSpec(
    name="private",
    kind=BudgetKind.SLIDING_WINDOW,
    scope=BudgetScope.ACCOUNT,
    capacity=30,
    interval_s=1,
)
AT_ONCE = BudgetSpec(
    name="at_once", kind=BudgetKind.CONCURRENT, scope=BudgetScope.KEY, capacity=5, interval_s=1
)
MANIFEST = Manifest(
    id="acme",
    title="Acme",
    adapter=Adapter,
    interface=INTERFACE,
    environments={"live": Environment(hosts={}), "sim": Environment(hosts={})},
    credentials=(),
    budgets=(WEIGHT, CALLS, ENGINE),
    client_order_id=ClientOrderIdRule(
        pattern="a", alphabet="a", max_length=1, dedupe=Dedupe.OPEN_ONLY
    ),
    timing=Timing(request_validity_s=2, engine_timeout_s=10, visibility_lag_s=5),
)
LIVE: Final = ("limits", "acme", "--offline", "--environment", "live")


def seen(
    *holds: tuple[str, str, int, int],
    specs: Sequence[BudgetSpec] = (WEIGHT, CALLS, ENGINE),
    bans: Mapping[str, int] | None = None,
    **more: Any,
) -> Any:
    return machine_limits("acme/live", "main", lambda _: specs, holds, bans or {}, NOW, **more)


def table(found: Any, *, width: int = 80, height: int | None = None) -> list[str]:
    out = Console(file=io.StringIO(), width=width, color_system=None, _environ={})
    out.print(drawn("Acme, live", found, out, height=height))
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue().splitlines()


# What is told


def test_every_declared_limit_is_there_though_nobody_holds_any_of_it() -> None:
    rows = [(b.name, b.counted_by, b.held, b.capacity) for b in seen().budgets]
    assert rows == [
        ("weight", "ip", 0, 6000),
        ("calls", "key", 0, 15),
        ("engine", "account main", 0, 60),
    ]


def test_what_all_programs_hold_and_want_is_added_up() -> None:
    found = seen(
        ("acme/live/ip/weight", "1-a", 100, 100),
        ("acme/live/ip/weight", "2-b", 50, 70),
        ("acme/testnet/ip/weight", "3-c", 9, 9),
        ("other/live/ip/weight", "4-d", 9, 9),
    )
    weight = found.budgets[0]
    assert (weight.held, weight.wanted, len(weight.holders)) == (150, 20, 2)


def test_each_instrument_and_each_key_has_its_line() -> None:
    found = seen(
        ("acme/live/key 0123456789abcdef/calls", "1-a", 3, 3),
        ("acme/live/key fedcba9876543210/calls", "1-a", 15, 15),
        ("acme/live/account main/engine BTC/USD", "1-a", 7, 7),
        ("acme/live/account a/b/engine ETH/USD", "1-a", 1, 1),
    )
    assert [(b.name, b.counted_by, b.held) for b in found.budgets[1:]] == [
        ("calls", "key 0123456789abcdef", 3),
        ("calls", "key fedcba9876543210", 15),
        ("engine BTC/USD", "account main", 7),
        ("engine ETH/USD", "account a/b", 1),
    ]
    lines = table(found)
    assert any(line.startswith("calls (key 01234567)") for line in lines)
    assert any(line.startswith("engine BTC/USD  ") for line in lines)  # one owner: not named


def test_other_accounts_are_left_out_where_one_is_asked_for() -> None:
    holds = [
        ("acme/live/account main/engine BTC/USD", "1-a", 7, 7),
        ("acme/live/account b/engine BTC/USD", "1-a", 1, 1),
    ]
    assert len(seen(*holds).budgets) == 4
    assert [b.counted_by for b in seen(*holds, is_only_account=True).budgets] == [
        *("ip", "key"),
        "account main",
    ]


def test_a_limit_that_only_the_exchange_has_stated_is_told_without_its_size() -> None:
    found = seen(("acme/live/ip/raw", "1-a", 5, 5))
    raw = found.budgets[-1]
    assert (raw.name, raw.held, raw.capacity, raw.resets_in_s(NOW)) == ("raw", 5, None, None)
    assert any(line.split()[:2] == ["raw", "5/-"] for line in table(found))


@pytest.mark.parametrize(
    ("spec", "held", "seconds"),
    [
        (WEIGHT, 100, 30.0),  # windows are aligned to the clock
        (PRIVATE, 3, 1.0),  # all of it may have been used just now
        (CALLS, 5, 17.0),  # a third of 45 s, and one step
        (WEIGHT, 0, None),
        (AT_ONCE, 2, None),
    ],
)
def test_when_a_limit_is_empty_again_at_the_latest(
    spec: BudgetSpec, held: int, seconds: float | None
) -> None:
    holders = [Holder(holder="1-a", held=held, wanted=held)]
    budget = HeldBudget(name=spec.name, counted_by="ip", spec=spec, holders=holders)
    assert budget.resets_in_s(NOW) == seconds


def test_a_ban_in_force_is_told_and_one_that_is_over_is_not() -> None:
    banned = seen(bans={"acme/live": NOW + 90 * NS, "acme/testnet": NOW + 1})
    assert [state_of(b, banned) for b in banned.budgets] == ["banned"] * 3
    assert any("banned until 2023-11-14 22:15:00 UTC, 1 min 30 s more" in t for t in table(banned))
    over = seen(bans={"acme/live": NOW})
    assert not over.is_banned
    assert not any("ban" in line for line in table(over))


def test_a_limit_of_which_nothing_is_left_is_full() -> None:
    found = seen(("acme/live/ip/weight", "1-a", 6000, 6500), specs=[WEIGHT, AT_ONCE])
    assert [state_of(b, found) for b in found.budgets] == ["full", "alone"]


def test_lowering_a_limit_does_not_slow_its_decay() -> None:
    holds = ("acme/live/key 0123/calls", "1-a", 5, 5)
    calls = seen(holds, lowered={"calls": 5}).budgets[1]
    assert (calls.capacity, calls.is_full, calls.resets_in_s(NOW)) == (5, True, 17.0)


# How it is drawn


def test_lines_fit_80_columns_whatever_the_names_and_numbers_are() -> None:
    name = "orders_of_an_account_in_twenty_four_hours_and_ten_seconds"
    long = attrs.evolve(WEIGHT, name=name, capacity=160_000_000, interval_s=86_400)
    found = seen(
        (f"acme/live/ip/{name}", "1-a", 159_999_999, 10**9),
        ("acme/live/account main/engine PEPE1000/USDT-PERPETUAL", "1-a", 60, 60),
        specs=[long, ENGINE],
    )
    lines = table(found)
    assert max(map(len, lines)) <= 80
    told = "".join(line[:40].split("█")[0].split("░")[0].strip() for line in lines[2:])
    assert name in told.replace(" ", "")  # in two lines, and nothing of it is lost
    assert "159999999/160000000" in "\n".join(lines)


def test_a_bar_is_never_empty_nor_full_by_rounding() -> None:
    def bar(held: int) -> str:
        lines = table(seen(("acme/live/ip/weight", "1-a", held, held), specs=[WEIGHT]))
        return "".join(c for c in lines[-1] if c in "█░")

    assert bar(1).count("█") == 1
    assert bar(5999).count("░") == 1
    assert "░" not in bar(6000)
    assert "█" not in bar(0)


def test_a_low_window_shows_the_fullest_and_says_how_many_it_does_not() -> None:
    holds = [(f"acme/live/account main/engine {n:02}/USD", "1-a", n, n) for n in range(30)]
    found = seen(*holds)
    lines = table(found, height=14)
    assert len(lines) <= 13
    assert any("engine 29/USD" in line for line in lines)
    assert lines[-1] == "and 24 of which less is held; a higher window shows them"
    assert [b.held for b in fullest(found.budgets, 2)] == [28, 29]


def test_lengths_of_time_are_rounded_up() -> None:
    assert [span(s) for s in (0.2, 59.5, 61, 3725)] == [
        "1 s",
        "1 min 0 s",
        "1 min 1 s",
        "1 h 2 min",
    ]


def test_it_is_looked_every_second_in_step_and_no_longer_than_asked_for() -> None:
    async def looks(seconds: float | None, slow_s: float = 0.0) -> list[float]:
        loop, stop, at = asyncio.get_running_loop(), asyncio.Event(), []
        begun = loop.time()
        async for _ in refreshes(seconds, stop):
            at.append(round(loop.time() - begun, 3))
            await asyncio.sleep(slow_s)
            if len(at) == 5:
                stop.set()
        return at

    assert run_virtually(looks(0)) == [0]
    assert run_virtually(looks(3)) == [0, 1, 2]
    assert run_virtually(looks(2.5, slow_s=0.3)) == [0, 1, 2]
    assert run_virtually(looks(None)) == [0, 1, 2, 3, 4]


# The command


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    return data


@pytest.fixture
def offline(shell: Shell, home: Path) -> Shell:
    shell.make_plugins = lambda _: Plugins(manifests=[MANIFEST], find=list)
    shell.opening = AssertionError("the exchange was opened")
    return shell


def write(
    home: Path, holds: Mapping[str, int], ban_s: float = 0, age_s: float = 0, holder: str = "7-a"
) -> Path:
    path = home / "venuekit" / "limits.db"
    store, now_ns = SharedLimitsFile(path), time.time_ns()
    claims = {
        f"acme/live/{key}": Claim(capacity=6000, interval_s=60, used=held, wanted=held)
        for key, held in holds.items()
    }
    store.settle(holder, claims, now_ns - round(age_s * NS))
    if ban_s:
        store.ban("acme/live", now_ns + round(ban_s * NS))
    store.close()
    return path


def test_it_is_told_without_opening_the_exchange(offline: Shell, home: Path) -> None:
    write(home, {"ip/weight": 4800})
    assert offline.run(*LIVE) == 0
    assert offline.opened_with == []
    assert "4800/6000" in offline.out
    assert "\x1b" not in offline.out + offline.err
    assert offline.err == ""


def test_as_json_it_is_one_object(offline: Shell, home: Path) -> None:
    write(home, {"ip/weight": 4800}, ban_s=1000)
    assert offline.run(*LIVE, "--json") == 0
    (line,) = offline.out.splitlines()
    told = json.loads(line)
    assert told["banned_until"].endswith("Z")
    assert [limit["state"] for limit in told["limits"]] == ["banned"] * 3
    weight = told["limits"][0]
    assert (weight["held"], weight["capacity"]) == (4800, 6000)
    assert 0 < weight["resets_in_s"] <= 60
    assert weight["holders"] == [{"holder": "7-a", "held": 4800, "wanted": 4800}]


def test_what_a_dead_program_used_long_ago_is_not_told(offline: Shell, home: Path) -> None:
    write(home, {"ip/weight": 4800}, age_s=75, holder="gone-a")
    assert offline.run(*LIVE) == 0
    assert " 0/6000" in offline.out


def test_looking_makes_no_file(offline: Shell, home: Path) -> None:
    assert offline.run(*LIVE) == 0
    assert " 0/6000" in offline.out
    assert list(home.iterdir()) == []


def test_a_tier_and_a_lowered_limit_count(offline: Shell, tmp_path: Path) -> None:
    (tmp_path / "venuekit.toml").write_text(
        "[exchanges.acme]\nlimits = {weight = 900}\n[exchanges.acme.accounts.main]\ntier = 'pro'\n"
    )
    assert offline.run(*LIVE) == 0
    assert "0/900" in offline.out
    assert "0/180" in offline.out


@pytest.mark.parametrize(("share", "colour"), [(0.1, 32), (0.75, 33), (0.95, 31)])
def test_on_a_terminal_the_fuller_the_redder(
    offline: Shell, home: Path, share: float, colour: int
) -> None:
    write(home, {"ip/weight": round(6000 * share)})
    offline.is_terminal = True
    assert offline.run(*LIVE, "--seconds", "0.01") == 0
    assert f"\x1b[{colour}m█" in offline.out


def test_limits_that_nobody_shares_are_said_to_be_so(offline: Shell, tmp_path: Path) -> None:
    assert offline.run("limits", "acme", "--offline") == 0  # the environment sim
    assert "simulator of its own" in offline.err
    (tmp_path / "venuekit.toml").write_text("[limits]\nshare = 'process'\n")
    assert offline.run(*LIVE) == 0
    assert "count alone" in offline.err
    assert offline.run(*LIVE, "--json") == 0
    assert offline.err == ""
    assert offline.data()["is_shared"] is False


def test_an_exchange_that_there_is_not_is_wrong_usage(offline: Shell) -> None:
    assert offline.run("limits", "acne", "--offline") == 2
    assert "acne" in offline.err
    offline.make_plugins = lambda _: Plugins(find=list)
    assert offline.run("limits", "--offline") == 2
    assert 'see "venuekit plugins"' in offline.err


def test_a_plugin_without_limits_is_said_to_have_none(offline: Shell) -> None:
    bare = attrs.evolve(MANIFEST, budgets=())
    offline.make_plugins = lambda _: Plugins(manifests=[bare], find=list)
    assert offline.run(*LIVE) == 2
    assert "declares no limits" in offline.err


def test_a_store_that_cannot_be_read_is_an_error_that_says_what_to_do(
    offline: Shell, home: Path
) -> None:
    path = write(home, {})
    path.write_bytes(b"not a database at all, however long it may be" * 50)
    assert offline.run(*LIVE) == 1
    assert "move the file away" in offline.err
    assert offline.out == ""


# A terminal


def test_ctrl_c_ends_watching_in_a_real_terminal_and_that_is_no_failure(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    script = (
        "import sys; from tests.cli.test_machine_limits import MANIFEST; "
        "from venuekit.cli.command_line import CommandLine; "
        "from venuekit.plugin.discovery import Plugins; "
        "line = CommandLine(find_plugins=lambda _: Plugins(manifests=[MANIFEST], find=list)); "
        f"sys.exit(line.run({list(LIVE)!r}))"
    )
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=slave,
        stdout=slave,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "TERM": "xterm",
            "COLUMNS": "80",
            "PYTHONPATH": root,
            "LANG": "C.UTF-8",
        },
    )
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + 60
    while shown.count(b"Acme, live") < 2 and time.monotonic() < deadline:
        if select.select([master], [], [], 1)[0]:
            shown += os.read(master, 65_536)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=30)
    os.close(master)
    assert (process.returncode, complaint) == (0, b"")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= 80
    assert " 0/6000" in plain
