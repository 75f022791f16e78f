"""The journal on the command line: without a network, beside the program that holds it."""

import asyncio
import contextlib
import csv
import io
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow.parquet
import pytest

from venuekit.cli.exits import UsageError
from venuekit.cli.journal import moment_of
from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Fee,
    Fill,
    Liquidity,
    Order,
    OrderPhase,
    OrderType,
    Side,
    Symbol,
    limit_buy,
)
from venuekit.orders import Difference, DifferenceKind, Reconciliation
from venuekit.stores import CommandState, Cursor, Intent, Journal, Scope, open_journal

if TYPE_CHECKING:
    from tests.cli.conftest import Shell

T0 = 1_700_000_000_123_456_789
MS = 1_000_000
DAY = 86_400_000 * MS
BTC = Symbol("BTC/USDT")
RAW = '{"orderId":42,"status":"NEW","signature":"[redacted]"}'
FILLED, OPEN, UNHEARD = ("vk-filled-000000000000000000", "vk-open-00000000000000000000", "vk-un")


async def fill_journal(journal: Journal, scope: Scope) -> None:
    """Write down an order that filled, one that is open, and an intent without outcome."""
    for name, at_ns in ((FILLED, T0), (OPEN, T0 + DAY), (UNHEARD, T0 + 2 * DAY)):
        request = limit_buy(BTC, "0.10", "30000.00", client_order_id=name)
        await journal.record_intent(
            Intent(
                scope=scope,
                client_order_id=ClientOrderId(name),
                request=request,
                intent_key="monday" if name == OPEN else None,
                created_ns=at_ns,
            )
        )
        if name == UNHEARD:
            continue
        journal.record_attempt(scope, ClientOrderId(name), 1, time_ns=at_ns + MS // 2)
        order = Order(
            symbol=BTC,
            side=Side.BUY,
            type=OrderType.LIMIT,
            phase=OrderPhase.OPEN,
            client_order_id=ClientOrderId(name),
            exchange_order_id=ExchangeOrderId("42" if name == FILLED else "43"),
            quantity=Decimal("0.10"),
            price=Decimal("30000.00"),
            created_ns=at_ns,
            updated_ns=at_ns + 11 * MS,
        )
        journal.record_order(scope, order, time_ns=at_ns + 12 * MS, raw=RAW)
        if name == OPEN:
            continue
        journal.record_command(
            scope,
            [order.ref],
            "cancel",
            CommandState.UNKNOWN,
            time_ns=at_ns + 20 * MS,
            reason="late",
        )
        journal.record_note(scope, order.ref, "a cancel found it gone", time_ns=at_ns + 21 * MS)
        fill = Fill(
            symbol=BTC,
            trade_id="7",
            exchange_order_id=ExchangeOrderId("42"),
            client_order_id=ClientOrderId(name),
            side=Side.BUY,
            price=Decimal("30000.00"),
            quantity=Decimal("0.10000000"),
            fee=Fee(Decimal("0.00001000"), "BTC"),
            liquidity=Liquidity.TAKER,
            time_ns=at_ns + 25 * MS,
        )
        filled = attrs.evolve(order, phase=OrderPhase.FILLED, filled=Decimal("0.10000000"))
        journal.record_order(scope, filled, time_ns=at_ns + 30 * MS, fills=[fill])
    journal.move_cursor(scope, BTC, Cursor(time_ns=T0 + 2 * DAY))


def made(path: Path, *scopes: Scope) -> Path:
    async def make() -> None:
        journal = await open_journal(f"sqlite:{path}", durability="process")
        for scope in scopes or (Scope("acme", "main", "sim"),):
            await fill_journal(journal, scope)
        await journal.close()

    asyncio.run(make())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journals"


@pytest.fixture
def journal(folder: Path) -> Path:
    return made(folder / "acme-sim-main.db")


@pytest.fixture
def several(shell: "Shell", folder: Path) -> list[Path]:
    """Set a place for journals, with three in it."""
    shell.variables["VENUEKIT_STORE_URL"] = (
        f"sqlite:{folder}/{{exchange}}-{{environment}}-{{account}}.db"
    )
    return [
        made(folder / f"{s.exchange}-{s.environment}-{s.account}.db", s)
        for s in (
            Scope("acme", "main", "sim"),
            Scope("acme", "second", "live"),
            Scope("zenith", "main", "sim"),
        )
    ]


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Have another process hold a journal."""
    script = (
        "import sys; from pathlib import Path; from venuekit.stores.database import open_database;"
        "c = open_database(Path(sys.argv[1]), synchronous='NORMAL'); print('held', flush=True);"
        "sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield
        process.kill()


READING = [
    ("orders", "--open"),
    ("journal", "tail"),
    ("journal", "show", FILLED),
    ("journal", "show", FILLED, "--raw"),
    ("journal", "check"),
    ("journal", "prune", "--before", "2023-12-01", "--dry-run"),
]


@pytest.mark.parametrize("tokens", READING, ids=" ".join)
def test_every_command_fits_80_columns_without_colour_and_without_a_network(
    shell: "Shell", journal: Path, tokens: tuple[str, ...]
) -> None:
    assert shell.run(*tokens, "--journal", str(journal)) == 0

    assert shell.out.strip()
    assert max(map(len, shell.out.splitlines())) <= 80
    assert "\x1b" not in shell.out + shell.err
    assert shell.opened_with == []


@pytest.mark.parametrize("tokens", [t for t in READING if t[1] != "tail"], ids=" ".join)
def test_every_command_prints_one_json_value(
    shell: "Shell", journal: Path, tokens: tuple[str, ...]
) -> None:
    assert shell.run(*tokens, "--journal", str(journal), "--json") == 0

    assert len(shell.out.splitlines()) == 1
    assert isinstance(json.loads(shell.out), (dict, list))


@pytest.mark.parametrize(
    "tokens", [*READING, ("journal", "backup", "copy.db"), ("journal", "export", "o.csv")],
    ids=" ".join,
)  # fmt: skip
def test_reading_works_beside_the_program_that_holds_the_journal(
    shell: "Shell", journal: Path, tokens: tuple[str, ...]
) -> None:
    with held(journal):
        assert shell.run(*tokens, "--journal", str(journal)) == 0


@pytest.mark.parametrize("name", ["tail", "show", "export", "prune", "check", "backup"])
def test_every_command_has_help_with_the_exit_codes(shell: "Shell", name: str) -> None:
    assert shell.run("journal", name, "--help") == 0

    assert "Exit codes: 0 done" in " ".join(shell.out.split())
    assert "--journal" in shell.out
    assert all(len(line.rstrip()) <= 80 for line in shell.out.splitlines())


# Which journal


@pytest.mark.usefixtures("several")
def test_without_a_choice_all_journals_are_read(shell: "Shell") -> None:
    assert shell.run("orders", "--open", "--json") == 0
    assert [(o["exchange"], o["environment"], o["account"]) for o in shell.data()] == [
        (exchange, environment, account)
        for exchange, environment, account in (
            ("acme", "live", "second"),
            ("acme", "sim", "main"),
            ("zenith", "sim", "main"),
        )
        for _ in (OPEN, UNHEARD)
    ]

    assert shell.run("journal", "tail", "-n", "3", "--json") == 0
    assert [(each["event"], each["name"]) for each in shell.data()] == [("intent", UNHEARD)] * 3


@pytest.mark.usefixtures("several")
def test_a_choice_narrows_it_down(shell: "Shell") -> None:
    def accounts(*choice: str) -> set[str]:
        assert shell.run("orders", "--open", *choice, "--json") == 0
        return {f"{o['exchange']}-{o['environment']}-{o['account']}" for o in shell.data()}

    assert accounts("acme") == {"acme-sim-main"}  # sim is what is set, as everywhere
    assert accounts("acme", "--environment", "live") == {"acme-live-second"}
    assert accounts("--account", "main") == {"acme-sim-main", "zenith-sim-main"}
    assert accounts("acme", "BTC/USDT") == {"acme-sim-main"}


def test_commands_for_one_journal_ask_to_choose(shell: "Shell", several: list[Path]) -> None:
    assert shell.run("journal", "check") == 2
    assert "there are several journals; choose one with --exchange" in shell.err
    assert all(str(path) in shell.err for path in several)

    assert shell.run("journal", "check", "--exchange", "zenith") == 0


def test_a_journal_that_is_not_there_is_told_with_those_that_are(
    shell: "Shell", several: list[Path], tmp_path: Path
) -> None:
    assert shell.run("journal", "tail", "--exchange", "nowhere") == 2
    assert f"there are: {several[1]}, {several[0]}, {several[2]}" in shell.err

    shell.variables["VENUEKIT_STORE_URL"] = f"sqlite:{tmp_path}/none/{{exchange}}.db"
    assert shell.run("journal", "tail") == 2
    assert "nothing was placed with it yet; name another with --journal" in shell.err
    assert not (tmp_path / "none").exists()

    assert shell.run("journal", "tail", "--journal", "memory:") == 2
    assert "--journal has the scheme memory; these commands read sqlite:PATH" in shell.err
    assert shell.run("journal", "tail", "--journal", str(tmp_path / "missing.db")) == 1
    assert "there is no such file" in shell.err
    assert shell.err.count(";") == 1  # one advice, not two


def test_one_file_may_hold_several_accounts(shell: "Shell", folder: Path) -> None:
    scopes = [Scope("acme", name, "sim") for name in ("main", "second")]
    path = made(folder / "all.db", *scopes)

    assert shell.run("orders", "--open", "--journal", f"sqlite:{path}", "--account", "main") == 0
    assert "acme sim main" in shell.out
    assert "second" not in shell.out


# orders


def test_open_orders_say_whose_word_they_are(shell: "Shell", journal: Path) -> None:
    assert shell.run("orders", "acme") == 0
    assert "as acme sim tells them now, account default" in shell.err

    assert shell.run("orders", "--open", "--journal", str(journal)) == 0
    assert f"as the journal has them; read from a copy of {journal}" in shell.err
    assert OPEN in shell.out
    assert UNHEARD in shell.out
    assert FILLED not in shell.out


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        (["acme", "BTC/USDT", "--open", "--all"], "choose one of them"),
        (["acme", "--journal", "x.db"], "--journal goes with --open"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    shell: "Shell", tokens: list[str], told: str
) -> None:
    assert shell.run("orders", *tokens) == 2
    assert told in shell.err
    assert shell.opened_with == []


# reconcile


def difference(*, is_repaired: bool) -> Difference:
    return Difference(
        kind=DifferenceKind.FILL_MISSING,
        what=f"trade 7 of {FILLED} on BTC/USDT",
        here="not known",
        there="0.10 at 30000.00",
        is_repaired=is_repaired,
    )


def report(*differences: Difference) -> Reconciliation:
    return Reconciliation(
        begun_ns=T0,
        ended_ns=T0 + 1_500 * MS,
        orders=12,
        fills=30,
        balances=4,
        differences=differences,
    )


@pytest.mark.parametrize(
    ("found", "code", "told"),
    [
        (report(), 0, "12 orders, 30 trades and 4 balances compared in 1.5 s: nothing differs"),
        (report(difference(is_repaired=True)), 0, "1 differences repaired, 0 not"),
        (
            report(difference(is_repaired=True), difference(is_repaired=False)),
            1,
            "1 differences repaired, 1 not",
        ),
    ],
    ids=["clean", "repaired", "not repaired"],
)
def test_reconcile_tells_what_differed_and_whether_it_still_does(
    shell: "Shell", found: Reconciliation, code: int, told: str
) -> None:
    shell.exchange.answers["reconcile"] = found

    assert shell.run("reconcile", "acme") == code
    assert told in shell.err
    assert max(map(len, shell.out.splitlines())) <= 80
    assert ("FILL" in shell.out.upper()) == bool(found.differences)
    assert ("NO" in shell.out.split()) == (code == 1)

    assert shell.run("reconcile", "acme", "--json") == code
    data = shell.data()
    assert (data["orders"], data["is_repaired"]) == (12, code == 0)
    assert [each["kind"] for each in data["differences"]] == ["fill_missing"] * len(
        found.differences
    )


# tail and show


def test_lines_stand_under_the_name_of_their_order(shell: "Shell", journal: Path) -> None:
    assert shell.run("journal", "tail", "--journal", str(journal)) == 0

    assert shell.out.splitlines()[:4] == [
        f"{FILLED} on BTC/USDT, acme sim main",
        "  2023-11-14 22:13:20.123  intent   buy 0.10 BTC at 30000.00 USDT (3000.0000",
        "                                    USDT) GTC",
        "  2023-11-14 22:13:20.123  attempt  number 1: it may be on the wire from here on",
    ]


def test_a_history_counts_milliseconds_from_the_intent(shell: "Shell", journal: Path) -> None:
    assert shell.run("journal", "show", FILLED, "--journal", str(journal)) == 0

    text = " ".join(shell.out.split())
    for words in (
        "+0.000 intent buy 0.10 BTC at 30000.00 USDT",
        "+0.500 attempt number 1",
        "+12.000 order open, there 42",
        "+20.000 command cancel unknown: late",
        "+21.000 note a cancel found it gone",
        "+30.000 order filled, 0.10000000 of 0.10 executed, there 42",
        "+30.000 fill 0.10000000 at 30000.00, fee 0.00001000 BTC, taker, trade 7,",
        "traded at +25.000",
    ):
        assert words in text
    assert "[redacted]" not in text

    assert shell.run("journal", "show", FILLED, "--raw", "--journal", str(journal)) == 0
    assert '"signature":"[redacted]"' in shell.out
    assert shell.run("journal", "show", FILLED, "--raw", "--journal", str(journal), "--json") == 0
    told = [(each["kind"], each["offset_ms"], each["raw"]) for each in shell.data()["history"]]
    assert told[:3] == [("intent", 0.0, ""), ("attempt", 0.5, ""), ("order", 12.0, RAW)]


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("42", 0, FILLED),
        ("vk-f", 0, FILLED),
        (UNHEARD, 0, UNHEARD),
        ("vk-", 2, f"write more of it, or choose: {UNHEARD} (BTC/USDT, acme sim main), {OPEN}"),
        ("nope", 2, "has no order of this id, nor one that begins with it"),
    ],
)
def test_an_order_is_found_by_either_id_or_a_beginning(
    shell: "Shell", journal: Path, text: str, code: int, told: str
) -> None:
    assert shell.run("journal", "show", text, "--journal", str(journal)) == code
    assert told in shell.out + shell.err


COMMAND = [sys.executable, "-W", "error", "-c", "from venuekit.cli import main; main()"]
WRITER = """
import asyncio, sys
from pathlib import Path
from venuekit.model import ClientOrderId, limit_buy
from venuekit.stores import Intent, Scope, open_journal

async def main():
    journal = await open_journal(f"sqlite:{sys.argv[1]}", durability="process")
    print("held", flush=True)
    for number, _ in enumerate(sys.stdin):
        name = f"new-{number}"
        await journal.record_intent(Intent(
            scope=Scope("acme", "main", "sim"), client_order_id=ClientOrderId(name),
            request=limit_buy("BTC/USDT", "1", "2", client_order_id=name),
            created_ns=1_800_000_000_000_000_000 + number))

asyncio.run(main())
"""


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_a_journal_is_followed_until_it_is_ended_and_leaves_no_copy(
    journal: Path, tmp_path: Path, ended_by: signal.Signals
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(copies)}
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(journal)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
        stack.callback(writer.kill)
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "held\n"
        tail = stack.enter_context(
            subprocess.Popen(
                [*COMMAND, "journal", "tail", "-f", "-n", "1", "--json", "--journal", str(journal)],
                env=environment, cwd=tmp_path, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
        )  # fmt: skip
        stack.callback(tail.kill)
        assert tail.stdout is not None
        assert json.loads(tail.stdout.readline())["name"] == UNHEARD
        for number in range(2):
            writer.stdin.write("\n")
            writer.stdin.flush()
            assert json.loads(tail.stdout.readline())["name"] == f"new-{number}"
        assert list(copies.iterdir())
        tail.send_signal(ended_by)
        _, errors = tail.communicate(timeout=10)

    assert errors.endswith("venuekit: interrupted\n")
    assert "Traceback" not in errors
    assert list(copies.iterdir()) == []


# export


def test_amounts_are_exported_with_all_their_digits(
    shell: "Shell", journal: Path, tmp_path: Path
) -> None:
    for name in ("fills.csv", "fills.jsonl", "fills.parquet"):
        tokens = ("journal", "export", name, "--what", "fills", "--journal", str(journal))
        assert shell.run(*tokens) == 0
        assert f"1 fills written to {name}" in shell.out
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600

    (row,) = csv.DictReader(io.StringIO((tmp_path / "fills.csv").read_text()))
    (line,) = map(json.loads, (tmp_path / "fills.jsonl").read_text().splitlines())
    table = pyarrow.parquet.read_table(tmp_path / "fills.parquet")
    assert table["time"].cast("int64").to_pylist() == [T0 + 25 * MS]
    (found,) = table.drop_columns(["time"]).to_pylist()
    for told in (row, line, found):
        assert (told["price"], told["quantity"], told["fee"]) == (
            "30000.00",
            "0.10000000",
            "0.00001000",
        )
    assert row["time"] == line["time"] == "2023-11-14T22:13:20.148456789Z"
    assert (row["is_inferred"], line["is_inferred"], found["is_inferred"]) == (
        "false",
        False,
        False,
    )


@pytest.mark.parametrize(("what", "rows"), [("orders", 3), ("fills", 1), ("records", 11)])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_everything_can_be_exported(
    shell: "Shell", journal: Path, what: str, rows: int, ending: str
) -> None:
    options = ("--what", what, "--journal", str(journal), "--json")
    assert shell.run("journal", "export", f"out.{ending}", *options) == 0
    assert shell.data() == {"path": f"out.{ending}", "what": what, "format": ending, "rows": rows}


def test_an_export_to_the_standard_output_is_nothing_else(shell: "Shell", journal: Path) -> None:
    assert shell.run("journal", "export", "-", "--format", "csv", "--journal", str(journal)) == 0
    rows = list(csv.DictReader(io.StringIO(shell.out)))
    assert [(row["client_order_id"], row["phase"]) for row in rows] == [
        (FILLED, "filled"),
        (OPEN, "open"),
        (UNHEARD, "unknown"),
    ]


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        (["out.xls"], "out.xls: say --format csv, jsonl or parquet"),
        (["-", "--format", "parquet"], "name a file"),
        (["there.csv"], "there.csv: it is there already and is not overwritten"),
        (["no/folder.csv"], "no/folder.csv: No such file or directory; name another file"),
    ],
)
def test_an_export_that_cannot_be_is_a_sentence(
    shell: "Shell", journal: Path, tmp_path: Path, tokens: list[str], told: str
) -> None:
    (tmp_path / "there.csv").write_text("precious")
    assert shell.run("journal", "export", *tokens, "--journal", str(journal)) == 2
    assert told in shell.err
    assert (tmp_path / "there.csv").read_text() == "precious"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["journals", "there.csv"]


def test_parquet_without_its_extra_says_what_to_install(
    shell: "Shell", journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert shell.run("journal", "export", "o.parquet", "--journal", str(journal)) == 2
    assert 'pip install "venuekit[parquet]"' in shell.err


# prune, check, backup


def at_a_terminal(shell: "Shell", typed: str) -> None:
    shell.stdin = type("Keyboard", (type(shell.stdin),), {"isatty": lambda _: True})(typed)


def orders_in(shell: "Shell", journal: Path) -> int:
    assert shell.run("journal", "export", "-", "--format", "jsonl", "--journal", str(journal)) == 0
    return len(shell.out.splitlines())


def test_pruning_asks_before_it_deletes(shell: "Shell", journal: Path) -> None:
    tokens = ("journal", "prune", "--before", "2023-12-01", "--journal", str(journal))

    assert shell.run(*tokens) == 2
    assert "deleting has to be confirmed; say --yes" in shell.err
    at_a_terminal(shell, "n\n")
    assert shell.run(*tokens) == 2
    assert "not confirmed; nothing was deleted" in shell.err
    assert orders_in(shell, journal) == 3
    at_a_terminal(shell, "y\n")
    assert shell.run(*tokens) == 0
    assert "orders: 1" in shell.err
    assert "Delete them for good?" in shell.err
    assert "deleted, before 2023-12-01" in shell.out
    assert orders_in(shell, journal) == 2


def test_a_script_prunes_with_yes_and_reads_what_was_done(shell: "Shell", journal: Path) -> None:
    tokens = ("journal", "prune", "--before", "90d", "--journal", str(journal), "--json")
    assert shell.run(*tokens, "--dry-run") == 0
    planned = shell.data()
    assert shell.run(*tokens, "--yes") == 0
    done = shell.data()

    assert (planned["is_done"], done["is_done"]) == (False, True)
    assert planned["orders"] == done["orders"] == 1
    assert done["bytes_after"] <= done["bytes_before"]
    assert shell.run(*tokens, "--yes") == 0
    assert shell.data()["orders"] == 0


def test_a_journal_that_a_program_holds_is_not_pruned(shell: "Shell", journal: Path) -> None:
    tokens = ("journal", "prune", "--before", "90d", "--journal", str(journal), "--yes")
    with held(journal):
        assert shell.run(*tokens) == 2
        assert "is held by a program that runs; stop that program first" in shell.err
    assert orders_in(shell, journal) == 3


NOW = 1_800_000_000 * 10**9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-11-14", 1_699_920_000 * 10**9),
        ("2023-11-14T22:13:20+00:00", 1_700_000_000 * 10**9),
        ("2023-11-14T22:13:20+01:00", 1_699_996_400 * 10**9),
        ("90d", NOW - 90 * DAY),
        ("12h", NOW - DAY // 2),
        ("2w", NOW - 14 * DAY),
    ],
)
def test_a_moment_is_a_date_or_an_age(text: str, expected: int) -> None:
    assert moment_of(text, NOW) == expected


@pytest.mark.parametrize("text", ["90", "d", "3m", "yesterday", "2099-01-01", "2023-13-01", "-1d"])
def test_a_moment_that_is_not_clear_or_not_past_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--before"):
        moment_of(text, NOW)


def test_a_journal_with_a_fault_ends_the_check_with_1(shell: "Shell", journal: Path) -> None:
    assert shell.run("journal", "check", "--journal", str(journal)) == 0
    assert "0 faults, 1 notes" in shell.err

    import apsw

    connection = apsw.Connection(str(journal))
    connection.execute("UPDATE orders SET is_open = 1")
    connection.close()
    assert shell.run("journal", "check", "--journal", str(journal), "--json") == 1
    data = shell.data()
    assert not data["is_sound"]
    assert {each["kind"] for each in data["findings"]} == {"phase", "unknown"}


def test_a_backup_is_made_once(shell: "Shell", journal: Path, tmp_path: Path) -> None:
    assert shell.run("journal", "backup", "copy.db", "--journal", str(journal)) == 0
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert orders_in(shell, tmp_path / "copy.db") == 3

    assert shell.run("journal", "backup", "copy.db", "--journal", str(journal)) == 1
    assert "is not overwritten; name another file" in shell.err


def test_a_reader_that_has_enough_ends_a_command_in_silence(journal: Path, tmp_path: Path) -> None:
    script = f"{shlex.join([*COMMAND, 'journal', 'tail', '--journal', str(journal)])} | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        env={**os.environ, "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == f"{FILLED} on BTC/USDT, acme sim main\n"
    assert "Traceback" not in done.stderr


def test_data_of_a_journal_cannot_steer_a_terminal(shell: "Shell", folder: Path) -> None:
    async def make() -> None:
        journal = await open_journal(f"sqlite:{folder}/evil.db", durability="process")
        order: Any = attrs.evolve(ORDER, reason="\x1b]0;title\x07")
        journal.record_order(Scope("acme", "main", "sim"), order, time_ns=T0, raw="\x1b[31m")
        await journal.close()

    asyncio.run(make())
    for tokens in (("orders", "--open"), ("journal", "tail"), ("journal", "show", "42", "--raw")):
        assert shell.run(*tokens, "--journal", f"{folder}/evil.db") == 0
        assert "\x1b" not in shell.out
        assert "\x07" not in shell.out


ORDER = Order(
    symbol=BTC,
    side=Side.BUY,
    type=OrderType.LIMIT,
    phase=OrderPhase.OPEN,
    client_order_id=ClientOrderId("evil"),
    exchange_order_id=ExchangeOrderId("42"),
    quantity=Decimal(1),
    price=Decimal(1),
    created_ns=T0,
)
