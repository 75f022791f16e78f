"""The commands `journal …`: `tail`, `show`, `export`, `prune`, `check`, `backup`."""

import asyncio
import contextlib
import datetime as dt
import re
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import apsw
import attrs
from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from venuekit.cli.exits import EXIT_CODES, ExitCode, UsageError
from venuekit.cli.exporting import (
    TABLES,
    Counted,
    Format,
    What,
    format_of,
    load_parquet,
    new_file,
    write_parquet,
    write_text,
)
from venuekit.cli.journals import (
    JournalOptions,
    alone,
    journals,
    only_journal,
    told_in_sentences,
    where,
)
from venuekit.cli.market import moment
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.cli.screen import Cell, Grid
from venuekit.cli.session import MakeSession, Session
from venuekit.cli.tailing import Printer, Tail, time_of
from venuekit.cli.timeline import facts, shown, timeline
from venuekit.cli.trading import Confirm
from venuekit.cli.working import Worker
from venuekit.clock import Clock, SystemClock
from venuekit.stores import HistoryEntry
from venuekit.stores.checking import Finding, check
from venuekit.stores.pruning import Pruned, compact, prune
from venuekit.stores.snapshot import Snapshot
from venuekit.stores.upkeep import KnownOrder, back_up

_FLAG: Final = Parameter(negative=(), show_default=False)
_ANY: Final = JournalOptions()
_PAUSE_S: Final = 0.5
"""Between two looks of `tail --follow`."""
_MOST_NAMED: Final = 5
_MOST_FINDINGS: Final = 1000
_AGE: Final = re.compile(r"(\d{1,6})([hdw])")
_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24}
_HELP: Final = """Read and keep the journals: what was asked for, sent, heard and filled.

Reading works beside a program that holds the journal: from a copy, so that it is not disturbed.
"""


def journal_app(commands: "JournalCommands") -> App:
    """Give the commands as one command with commands of its own."""
    app = App(name="journal", help=_HELP, help_epilogue=EXIT_CODES, version_flags=[])
    for command in (
        *(commands.tail, commands.show, commands.export),
        *(commands.prune, commands.check, commands.backup),
    ):
        app.command(command)
    return app


class JournalCommands:
    """Read journals, export them, and keep their files in order."""

    def __init__(self, begin: MakeSession, confirm: Confirm, *, clock: Clock | None = None) -> None:
        """Work through the sessions that `begin` makes; ask people through `confirm`."""
        self._begin = begin
        self._confirm = confirm
        self._clock = clock or SystemClock()

    async def tail(
        self,
        *,
        number: Annotated[PositiveInt, Parameter(name=["-n", "--number"])] = 20,
        follow: Annotated[bool, Parameter(name=["-f", "--follow"], negative=())] = False,
        which: JournalOptions = _ANY,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Show the newest lines, of all journals unless one is chosen.

        Args:
            number: How many lines.
            follow: Go on with what is written from now on, until Ctrl-C.
        """
        session = self._begin(options)
        worker = Worker(session.screen)
        printer = Printer(session.screen)
        with contextlib.ExitStack() as stack:
            tails = [Tail(file, stack) for file in journals(session, which)]
            for each in tails:
                session.screen.note(f"{each.file.path}, read from a copy")
                await worker.run(f"reading {each.file.path}", partial(each.begin, worker, number))
            lines = sorted((line for each in tails for line in each.lines), key=time_of)
            printer.print(lines[-number:])
            while follow:
                await asyncio.sleep(_PAUSE_S)
                for each in tails:
                    await worker.run(f"reading {each.file.path}", each.go_on)
                printer.print(sorted((line for each in tails for line in each.lines), key=time_of))

    async def show(
        self,
        order: str,
        /,
        *,
        raw: Annotated[bool, _FLAG] = False,
        which: JournalOptions = _ANY,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Show one order's whole history, each line with its distance from the intent.

        Args:
            order: Its client order id, the beginning of it, or the exchange's id.
            raw: The exchange's answers too, secrets taken out.
        """
        session = self._begin(options)
        file = only_journal(session, which)
        worker = Worker(session.screen)

        def read() -> tuple[list[KnownOrder], list[HistoryEntry]]:
            with file.read(worker) as upkeep:
                found = upkeep.find(order)
                return found, upkeep.history(found[0]) if len(found) == 1 else []

        found, history = await worker.run(f"reading {file.path}", read)
        known = _only(order, found, file.path)
        screen = session.screen
        screen.note(f"{file.path}, read from a copy")
        screen.show(shown(known, history, raw=raw), facts(known, history))
        if not screen.as_json:
            screen.show(None, timeline(known, history, raw=raw))

    async def export(
        self,
        out: Annotated[str, Parameter(allow_leading_hyphen=True)],
        /,
        *,
        what: What = "orders",
        format_: Annotated[Format | None, Parameter(name="--format")] = None,
        which: JournalOptions = _ANY,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Write orders, fills or records into a file, for other programs.

        Amounts are text with all their digits, in Parquet too. Times are UTC, to the nanosecond.

        Args:
            out: The file, which must not be there yet; - for the standard output.
            what: Rows of what.
            format_: By default what the file's name ends with.
        """
        session = self._begin(options)
        format_ = format_of(out, format_)
        if out == "-" and (format_ == "parquet" or session.screen.as_json):
            raise UsageError("- takes csv or jsonl, without --json; name a file")
        if format_ == "parquet":
            load_parquet()
        file = only_journal(session, which)
        worker = Worker(session.screen)
        table = TABLES[what]

        def write() -> int:
            with file.read(worker) as upkeep:
                counted = Counted(table.rows(upkeep), upkeep.count(what), worker.tick)
                if out == "-":
                    write_text(table, counted, format_, session.screen.out.file)
                    return counted.count
                with new_file(Path(out)) as target:
                    if format_ == "parquet":
                        write_parquet(table, counted, target)
                    else:
                        with target.open("w", encoding="utf-8", newline="") as text:
                            write_text(table, counted, format_, text)
                return counted.count

        count = await worker.run(f"exporting {what}", write)
        if out != "-":
            told = {"path": out, "what": what, "format": format_, "rows": count}
            session.screen.tell(told, f"{count} {what} written to {out}")

    async def prune(
        self,
        *,
        before: str,
        dry_run: Annotated[bool, _FLAG] = False,
        yes: Annotated[bool, Parameter(name=["-y", "--yes"], negative=(), show_default=False)] = (
            False
        ),
        which: JournalOptions = _ANY,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Take out orders that ended long ago, with their records and fills, for good.

        Never what is open or unknown, nor what idempotence, reconciling or a reader of events
        still need: an order with an intent key stays, without its history.

        Args:
            before: Last heard of before this: a date (2026-01-31, UTC) or an age (90d, 12h, 6w).
            dry_run: Only say what would go; works beside the program that holds the journal.
            yes: Do not ask for confirmation.
        """
        session = self._begin(options)
        before_ns = moment_of(before, self._clock.time_ns())
        file = only_journal(session, which)
        worker = Worker(session.screen)
        what = f"looking through {file.path}"

        def plan() -> Pruned:
            with contextlib.ExitStack() as stack:
                if dry_run:
                    copy = stack.enter_context(Snapshot(file.path, tick=worker.tick))
                    connection = copy.connection
                else:
                    connection = stack.enter_context(alone(file, worker))
                accounts = file.accounts(connection)
                return prune(connection, before_ns, accounts, is_dry=True, tick=worker.tick)

        planned = await worker.run(what, plan)
        if dry_run and not session.screen.as_json:
            session.screen.note("nothing is deleted; read from a copy")
        if dry_run or planned.is_empty:
            _show_pruned(session, file.path, before_ns, planned, is_done=False)
            return
        if not yes:
            _show_pruned(session, file.path, before_ns, planned, is_done=False, is_asking=True)
            self._ask()

        def remove() -> tuple[Pruned, str]:
            with alone(file, worker) as connection, told_in_sentences(file.path):
                accounts = file.accounts(connection)
                done = prune(connection, before_ns, accounts, tick=worker.tick)
                try:
                    compact(connection)
                except apsw.FullError as error:
                    return done, f"the file keeps its size: {error}"
                return done, ""

        before_bytes = file.path.stat().st_size
        pruned, remark = await worker.run(f"pruning {file.path}", remove)
        sizes = (before_bytes, file.path.stat().st_size)
        _show_pruned(session, file.path, before_ns, pruned, is_done=True, sizes=sizes)
        if remark:
            session.screen.note(remark)

    async def check(
        self, *, which: JournalOptions = _ANY, options: Options = NO_OPTIONS
    ) -> ExitCode:
        """Look a journal over, all of it; changes nothing.

        SQLite's own check; then whether everything can be read, phases and ids agree, and fills
        add up. Exit code 1 if something is wrong.
        """
        session = self._begin(options)
        file = only_journal(session, which)
        worker = Worker(session.screen)

        def look() -> list[Finding]:
            with Snapshot(file.path, tick=worker.tick) as copy:
                return list(islice(check(copy.connection, tick=worker.tick), _MOST_FINDINGS))

        found = await worker.run(f"checking {file.path}", look)
        faults = sum(each.is_fault for each in found)
        rows: list[list[Cell]] = [
            ["FAULT" if each.is_fault else "note", each.what, each.text] for each in found
        ]
        session.screen.note(f"{file.path}, read from a copy")
        session.screen.show(
            {"path": str(file.path), "is_sound": not faults, "findings": found},
            Grid(columns=["", "~what", "~"], rows=rows, empty="nothing is wrong"),
        )
        if found and not session.screen.as_json:
            end = "; the check ended there" if len(found) == _MOST_FINDINGS else ""
            session.screen.note(f"{faults} faults, {len(found) - faults} notes{end}")
        return ExitCode.FAILED if faults else ExitCode.OK

    async def backup(
        self, path: Path, /, *, which: JournalOptions = _ANY, options: Options = NO_OPTIONS
    ) -> None:
        """Copy a journal into a new file, whole and consistent, readable by you alone.

        Args:
            path: The new file; one that is there is not overwritten.
        """
        session = self._begin(options)
        file = only_journal(session, which)
        worker = Worker(session.screen)

        def copy() -> int:
            with Snapshot(file.path, tick=worker.tick) as copy:
                back_up(copy.connection, path, tick=worker.tick)
            return path.stat().st_size

        size = await worker.run(f"backing up {file.path}", copy)
        told = {"path": str(path), "journal": str(file.path), "bytes": size}
        session.screen.tell(told, f"{file.path} copied to {path}, {_size(size)}")

    def _ask(self) -> None:
        answer = self._confirm("Delete them for good? [y/N] ")
        if answer is None:
            raise UsageError("deleting has to be confirmed; say --yes")
        if not answer:
            raise UsageError("not confirmed; nothing was deleted")


def moment_of(text: str, now_ns: int) -> int:
    """Give the moment that a date or an age means, in nanoseconds since the epoch.

    Raises:
        UsageError: It is neither, or not in the past.
    """
    age = _AGE.fullmatch(text)
    if age is not None:
        found_ns = now_ns - int(age[1]) * _HOURS[age[2]] * 3_600_000_000_000
    else:
        try:
            date = dt.datetime.fromisoformat(text)
        except ValueError:
            raise UsageError(
                f"--before: {text!r}; allowed: a date such as 2026-01-31 or an age such as 90d"
            ) from None
        date = date.replace(tzinfo=date.tzinfo or dt.UTC)
        found_ns = int(date.timestamp()) * 1_000_000_000
    if found_ns > now_ns:
        raise UsageError(f"--before: {text!r} is in the future")
    return found_ns


# One order


def _only(text: str, found: list[KnownOrder], path: Path) -> KnownOrder:
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            f"{text}: journal {path} has no order of this id, nor one that begins with it; "
            'see "venuekit journal tail"'
        )
    names = [f"{each.name} ({each.order.symbol}, {where(each.scope)})" for each in found]
    more = ", and others" if len(names) > _MOST_NAMED else ""
    raise UsageError(
        f"{text}: it may mean several orders; write more of it, or choose: "
        f"{', '.join(names[:_MOST_NAMED])}{more}"
    )


def _show_pruned(
    session: Session,
    path: Path,
    before_ns: int,
    pruned: Pruned,
    *,
    is_done: bool,
    is_asking: bool = False,
    sizes: tuple[int, int] | None = None,
) -> None:
    data: dict[str, Any] = {
        "path": str(path),
        "before_time_ns": before_ns,
        "is_done": is_done,
        **attrs.asdict(pruned),
    }
    rows: list[tuple[str, Cell]] = [
        ("orders", pruned.orders),
        ("histories of orders with an intent key", pruned.histories),
        ("records", pruned.records),
        ("fills", pruned.fills),
    ]
    if sizes is not None:
        data |= {"bytes_before": sizes[0], "bytes_after": sizes[1]}
        rows.append(("size of the file", f"{_size(sizes[0])} -> {_size(sizes[1])}"))
    if pruned.not_compared:
        rows.append(("old, kept: reconciling asks again", pruned.not_compared))
    if pruned.not_consumed:
        names = ", ".join(pruned.consumers)
        rows.append((f"old, kept: not read by {names}", pruned.not_consumed))
    word = "deleted" if is_done else "to be deleted"
    if not session.screen.as_json:
        session.screen.note(str(path))
    grid = Grid(columns=[f"~{word}, before {moment(before_ns)} UTC", ">"], rows=rows)
    if is_asking:
        for name, cell in rows:
            session.screen.note(f"{name}: {cell}")
        return
    session.screen.show(data, grid)


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
