"""What is printed: data to stdout, words to stderr, colour and progress to terminals only."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, TextIO

import attrs
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from venuekit.cli.exits import safe
from venuekit.cli.records import line
from venuekit.model import plain

PATIENCE_S: Final = 1.0
"""What takes longer shows that it lives."""
_GAP: Final = 2
"""Blanks between two columns."""
_WIDTH: Final = 80
"""Of tables that go into a file or a pipe."""

Cell = str | Decimal | int | None
"""Text, an amount, a count, or nothing."""


@attrs.frozen(kw_only=True)
class Grid:
    """A table for people, as data."""

    columns: Sequence[str]
    """A `>` before a name sets the column to the right, a `~` lets its lines break at blanks."""
    rows: Iterable[Sequence[Cell]]
    title: str = ""
    empty: str = "none"
    """Printed instead of a table without rows."""


class Screen:
    """Writes for one command."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Write to the streams given, by default to the process's own."""
        self.as_json = as_json
        self.out = _console(stdout or sys.stdout, variables)
        self.err = _console(stderr or sys.stderr, variables)

    def show(self, data: object, grid: Grid) -> None:
        """Print the result of a command: `data` as JSON, or `grid` for people."""
        if self.as_json:
            self._write(line(data))
        else:
            self._draw(grid)

    def tell(self, data: object, text: str) -> None:
        """Print one event of a stream: `data` as JSON, or `text` for people."""
        self._write(line(data) if self.as_json else "\n".join(map(_indented, text.splitlines())))

    def note(self, text: str) -> None:
        """Say something to people, beside the data."""
        self.err.print(Text(safe(text)), soft_wrap=True)

    def complain(self, text: str) -> None:
        """Say what went wrong."""
        words = Text("venuekit: ", style="bold red")
        self.err.print(words.append(safe(text), style="default"), soft_wrap=True)

    @contextlib.contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show on a terminal that `text` is under way once it takes over a second.

        Gives a function that says how far it is, which may be called from any thread.
        """
        if not self.err.is_terminal:
            yield lambda _: None
            return
        status = self.err.status(Text(f"{safe(text)} …"))
        timer = asyncio.get_running_loop().call_later(PATIENCE_S, status.start)
        try:
            yield lambda far: status.update(Text(f"{safe(text)} … {safe(far)}"))
        finally:
            timer.cancel()
            status.stop()

    def _draw(self, grid: Grid) -> None:
        rows = [[_text(cell) for cell in row] for row in grid.rows]
        if grid.title:
            self.out.print(Text(safe(grid.title), style="bold"), soft_wrap=True)
        if not rows:
            self.out.print(Text(grid.empty), soft_wrap=True)
            return
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
        needed = 0
        for number, name in enumerate(grid.columns):
            cells = [row[number] for row in rows]
            width = max(len(name.lstrip(">~")), *(_least(cell, name) for cell in cells))
            needed += width + _GAP
            table.add_column(
                name.lstrip(">~"),
                justify="right" if name.startswith(">") else "left",
                no_wrap=not name.startswith("~"),
                min_width=width,
            )
        for row in rows:
            table.add_row(*row)
        # A number that is cut is another number, and half an id is none: rather too wide.
        self.out.width = max(self.out.width, needed)
        self.out.print(table)

    def _write(self, text: str) -> None:
        self.out.file.write(text + "\n")
        self.out.file.flush()


def amount(value: Decimal | None) -> str:
    """Write an amount for people; absent ones as a dash."""
    return "-" if value is None else plain(value)


def _indented(text: str) -> str:
    """Make a line safe, and keep the blanks that it begins with."""
    return " " * (len(text) - len(text.lstrip(" "))) + safe(text)


def _least(cell: Text, column: str) -> int:
    """Give the width that a cell needs at the least."""
    parts = cell.plain.split() if column.startswith("~") else [cell.plain]
    return max(map(cell_len, parts), default=0)


def _text(cell: Cell) -> Text:
    if cell is None:
        return Text("-", style="dim")
    return Text(plain(cell) if isinstance(cell, Decimal) else safe(str(cell)))


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command line what it means that the reader went away."""
        raise BrokenPipeError


def _console(file: TextIO, variables: Mapping[str, str] | None) -> Console:
    is_terminal = file.isatty()
    return _Console(
        file=file,
        force_terminal=is_terminal,
        width=None if is_terminal else _WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
        _environ=variables,
    )
