"""Following journals: what is new in them, printed as it comes."""

import contextlib
import textwrap
from collections.abc import Iterable

from venuekit.cli.journals import JournalFile, where
from venuekit.cli.market import moment
from venuekit.cli.screen import Screen
from venuekit.cli.timeline import line_data, words_of
from venuekit.cli.working import Worker
from venuekit.stores.snapshot import Snapshot
from venuekit.stores.upkeep import Line, Reached


class Tail:
    """One journal that is followed."""

    def __init__(self, file: JournalFile, stack: contextlib.ExitStack) -> None:
        """Follow `file`; its copy lives as long as `stack`."""
        self.file = file
        self.lines: list[Line] = []
        self._stack = stack
        self._copy: Snapshot | None = None
        self._reached = Reached()

    def begin(self, worker: Worker, number: int) -> None:
        """Read the newest lines; blocking."""
        self._copy = self._stack.enter_context(Snapshot(self.file.path, tick=worker.tick))
        self.lines, self._reached = self.file.upkeep(self._copy.connection).newest(number)

    def go_on(self) -> None:
        """Read what has come since; blocking."""
        assert self._copy is not None
        self.lines = []
        if self._copy.refresh():
            upkeep = self.file.upkeep(self._copy.connection)
            self.lines, self._reached = upkeep.newer(self._reached)


class Printer:
    """Prints lines, those of one order under its name."""

    def __init__(self, screen: Screen) -> None:
        """Print on `screen`."""
        self._screen = screen
        self._last: tuple[object, str] | None = None

    def print(self, lines: Iterable[Line]) -> None:
        """Print some lines more."""
        screen = self._screen
        for line in lines:
            if not screen.as_json and self._last != (line.scope, line.name):
                on = f" on {line.symbol}" if line.symbol else ""
                screen.tell(None, f"{line.name}{on}, {where(line.scope)}")
            self._last = (line.scope, line.name)
            screen.tell(line_data(line), _wrapped(line, screen.out.width))


def _wrapped(line: Line, width: int) -> str:
    head = f"  {moment(line.entry.time_ns)}  {line.entry.kind.value:<7}  "
    words = textwrap.wrap(
        words_of(line.entry),
        max(width - len(head), 20),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return ("\n" + " " * len(head)).join([head + (words[0] if words else ""), *words[1:]])


def time_of(line: Line) -> tuple[int, int]:
    """Give what lines are put in order by."""
    return line.entry.time_ns, line.entry.number
