"""The command `limits`: how much of an exchange's limits is used, as a table that goes on."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import attrs
from cyclopts import Parameter
from cyclopts.types import PositiveFloat
from rich.live import Live
from rich.table import Table
from rich.text import Text

from venuekit.cli.exits import safe
from venuekit.cli.machine_table import EVERY_S, interruption, refreshes, watch_machine
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.cli.screen import Grid, Screen
from venuekit.cli.session import MakeSession

if TYPE_CHECKING:
    from venuekit.limits import BudgetState

_BAR: Final = 20
_LONGEST_NAME: Final = 20
_AMPLE, _TIGHT = 0.6, 0.9


class LimitCommands:
    """Watch the limits."""

    def __init__(self, begin: MakeSession) -> None:
        """Work through the sessions that `begin` makes."""
        self._begin = begin

    async def limits(
        self,
        exchange: str | None = None,
        /,
        *,
        seconds: PositiveFloat | None = None,
        offline: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Show how much of the exchange's limits is used, by all programs of this machine.

        On a terminal the table goes on until Ctrl-C. Opening the exchange costs what every
        command costs; watching costs nothing more.

        Args:
            exchange: Id of the exchange; by default the one that venuekit.toml names.
            seconds: End after so long; into a pipe, print one table or object a second for so
                long instead of a single one.
            offline: Send nothing: show what this machine's programs hold together, and bans, from
                what they share. It works during a ban too.
        """
        session = self._begin(options)
        if offline:
            await watch_machine(session, session.chosen(exchange), seconds)
            return
        screen = session.screen
        async with session.opened(session.chosen(exchange)) as ex:
            title = f"{ex.title}, {ex.environment}, account {ex.account}"
            if not screen.as_json and screen.out.is_terminal:
                await _watch(screen, title, ex.limits, seconds)
                return

            for _ in range(max(1, round(seconds or 0))):
                states = ex.limits()
                screen.show({"limits": [_data(state) for state in states]}, _grid(title, states))
                if seconds:
                    await asyncio.sleep(EVERY_S)


async def _watch(
    screen: Screen, title: str, look: "Callable[[], Sequence[BudgetState]]", seconds: float | None
) -> None:
    with interruption() as stop, Live(console=screen.out, auto_refresh=False) as live:
        async for _ in refreshes(seconds, stop):
            live.update(_table(title, look(), screen.out.encoding), refresh=True)


def _table(title: str, states: "Sequence[BudgetState]", encoding: str) -> Table:
    """Draw the states with bars, in at most 80 columns."""
    table = Table(
        title=Text(safe(title)),
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),  # so that a line with the largest numbers has room in 80 columns
    )
    table.add_column("limit", max_width=_LONGEST_NAME, no_wrap=True, overflow="ellipsis")
    table.add_column("", width=_BAR)
    for name in ("used", "of", "empty in"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("now")
    for state in states:
        used = state.used + state.others
        share = used / state.capacity if state.capacity else 1.0
        table.add_row(
            safe(state.name),
            Text(_bar(share, encoding), style=_style(share)),
            str(used),
            str(state.capacity),
            _seconds(state.resets_in_s),
            Text(_now(state), style="bold red" if state.is_paused else ""),
        )
    return table


def _grid(title: str, states: "Sequence[BudgetState]") -> Grid:
    return Grid(
        title=title,
        columns=["limit", ">used", ">others hold", ">of", ">in", ">empty in", "now"],
        rows=[
            [
                state.name,
                state.used,
                state.others,
                state.capacity,
                f"{state.interval_s} s",
                _seconds(state.resets_in_s),
                _now(state),
            ]
            for state in states
        ],
        empty="no limits are known",
    )


def _data(state: "BudgetState") -> dict[str, object]:
    """Give what `--json` prints; JSON has no number for never."""
    resets_in_s = None if state.resets_in_s == float("inf") else state.resets_in_s
    return {**attrs.asdict(state), "resets_in_s": resets_in_s}


def _bar(share: float, encoding: str) -> str:
    full, rest = ("█", "░") if encoding.lower().startswith("utf") else ("#", ".")
    filled = min(_BAR, max(0, round(share * _BAR)))
    return full * filled + rest * (_BAR - filled)


def _style(share: float) -> str:
    if share < _AMPLE:
        return "green"
    return "yellow" if share < _TIGHT else "red"


def _seconds(seconds: float) -> str:
    if seconds <= 0:
        return "-"
    if seconds == float("inf"):
        return "?"
    return f"{seconds:.0f} s" if seconds >= 1 else "<1 s"


def _now(state: "BudgetState") -> str:
    said = ["paused"] if state.is_paused else []
    if state.waiting:
        said.append(f"{state.waiting} waiting")
    return ", ".join(said)
