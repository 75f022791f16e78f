"""`venuekit limits --offline`: what programs of this machine hold, and no request is sent."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Final

import attrs
from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from venuekit.cli.exits import UsageError, safe
from venuekit.cli.machine_limits import (
    HeldBudget,
    MachineLimits,
    fullest,
    machine_limits,
    read_store,
)
from venuekit.cli.market import moment
from venuekit.cli.records import iso
from venuekit.cli.screen import Screen
from venuekit.cli.session import Session
from venuekit.cli.working import Worker
from venuekit.clock import Clock, SystemClock
from venuekit.configuration import Configuration, Selection, lowered
from venuekit.model import ConfigurationError
from venuekit.plugin import BudgetSpec, Manifest

EVERY_S: Final = 1.0
"""Between two looks: programs tell the store as often what they hold."""
_GAP: Final = 2
_BAR: Final = (6, 24)
"""Cells of a bar, at least and at most."""
_LEAST_NAME: Final = 8
_BESIDE_ROWS: Final = 6
"""Lines of a terminal for everything but budgets."""
_YELLOW: Final = 0.7
_RED: Final = 0.9
_FINGERPRINT: Final = 8
"""Digits of a key's fingerprint that are shown to people."""


async def watch_machine(
    session: Session, exchange: str, seconds: float | None, clock: Clock | None = None
) -> None:
    """Show what the store of the machine tells of an exchange; nothing is sent to it.

    Args:
        session: Of the command.
        exchange: Its id.
        seconds: How long; None: on a terminal until Ctrl-C, elsewhere once.
        clock: What the time is; None: the machine's clock.

    Raises:
        PluginError: There is no usable plugin of that id.
        ConfigurationError: A setting is wrong.
        StoreError: The file is there and cannot be used.
        UsageError: There is nothing to see.
    """
    look = _look(session, exchange, clock or SystemClock())
    screen = session.screen
    if look.note and not screen.as_json:
        screen.note(look.note)
    with interruption() as stop:
        if screen.as_json or not _can_renew(screen.out):
            await _print(session, look, refreshes(seconds or 0.0, stop))
        else:
            await _renew(session, look, refreshes(seconds, stop))


async def _print(session: Session, look: "_Look", moments: AsyncIterator[None]) -> None:
    screen = session.screen
    async for _ in moments:
        found = await look.now(screen)
        if screen.as_json:
            screen.tell(look.data(found), "")
        else:
            screen.out.print(drawn(look.title, found, screen.out))
            screen.out.file.flush()


async def _renew(session: Session, look: "_Look", moments: AsyncIterator[None]) -> None:
    screen, out = session.screen, session.screen.out
    # What cannot be read is said before anything is drawn.
    found = await look.now(screen)
    live = Live(console=out, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    is_first = True
    with live:
        async for _ in moments:
            found = found if is_first else await look.now(screen)
            is_first = False
            live.update(drawn(look.title, found, out, height=out.height), refresh=True)


@attrs.frozen(kw_only=True)
class _Look:
    """What is looked at, again and again."""

    exchange: str
    environment: str
    address: str | None
    account: str
    is_shared: bool
    title: str
    note: str
    read: Callable[[], MachineLimits]

    async def now(self, screen: Screen) -> MachineLimits:
        """Look once; raises StoreError, or UsageError where there is nothing to see."""
        found = await Worker(screen).run("reading limits", self.read)
        if not found.budgets and not found.is_banned:
            msg = f"{self.exchange}: its plugin declares no limits, so nothing is counted"
            raise UsageError(msg)
        return found

    def data(self, found: MachineLimits) -> dict[str, Any]:
        """Give what `--json` prints."""
        return {
            "exchange": self.exchange,
            "environment": self.environment,
            "address": self.address,
            "time": iso(found.time_ns),
            "is_shared": self.is_shared,
            "banned_until": iso(found.banned_until_ns) if found.is_banned else None,
            "limits": [_budget_data(budget, found) for budget in found.budgets],
        }


def _look(session: Session, exchange: str, clock: Clock) -> _Look:
    """Find out what is to be looked at; raises what opening the exchange would raise."""
    from venuekit.client.sharing import is_shared, limits_folder
    from venuekit.stores.shared_limits import FILE_NAME

    configuration, options = session.configuration, session.options
    manifest = session.plugins.open_plugin(exchange)
    selection = configuration.select(
        exchange,
        account=options.account,
        environment=options.environment,
        address=options.address,
    )
    place = selection.address or selection.environment
    shared = is_shared(selection, configuration)
    path = limits_folder(selection, configuration) / FILE_NAME
    budgets = _Budgets(manifest, configuration, selection)
    # A wrong tier or limit is said at once, and as when the exchange is opened.
    where = f"{configuration.source}: exchanges.{exchange}.limits"
    lowered(budgets(selection.account), selection.limits, where)

    def read() -> MachineLimits:
        now_ns = clock.time_ns()
        holds, bans = read_store(path, now_ns) if _has_store(selection) else ([], {})
        return machine_limits(
            f"{exchange}/{place}",
            selection.account,
            budgets,
            holds,
            bans,
            now_ns,
            lowered=selection.limits,
            is_only_account=options.account is not None,
        )

    return _Look(
        exchange=exchange,
        environment=selection.environment,
        address=selection.address,
        account=selection.account,
        is_shared=shared,
        title=f"{manifest.title}, {place}",
        note="" if shared else _not_shared(selection),
        read=read,
    )


def _has_store(selection: Selection) -> bool:
    """Say whether programs can share its limits: a simulator inside a program is that one's own."""
    return selection.environment != "sim" or selection.address is not None


def _not_shared(selection: Selection) -> str:
    if not _has_store(selection):
        return (
            "every program has a simulator of its own, and its limits to itself; "
            "choose --environment, or --address of a simulator that runs"
        )
    return (
        "programs with these settings count alone, so nothing of them is seen here; "
        'share = "machine" under [limits] in venuekit.toml changes that'
    )


@attrs.frozen
class _Budgets:
    """Gives the limits that hold for an account, by its tier."""

    manifest: Manifest
    configuration: Configuration
    selection: Selection

    def __call__(self, account: str) -> Sequence[BudgetSpec]:
        from venuekit.client.allowances import budgets_of

        chosen, source = self.selection, self.configuration.source
        if account != chosen.account:
            with contextlib.suppress(ConfigurationError):  # it was removed, its units still count
                other = self.configuration.select(
                    chosen.exchange, account=account, environment=chosen.environment
                )
                return budgets_of(self.manifest, other, source)
        return budgets_of(self.manifest, chosen, source)


def _budget_data(budget: HeldBudget, found: MachineLimits) -> dict[str, Any]:
    spec, resets_in_s = budget.spec, budget.resets_in_s(found.time_ns)
    return {
        "name": budget.name,
        "counted_by": budget.counted_by,
        "kind": None if spec is None else spec.kind.value,
        "held": budget.held,
        "capacity": budget.capacity,
        "interval_s": None if spec is None else spec.interval_s,
        "resets_in_s": None if resets_in_s is None else round(resets_in_s, 3),
        "wanted": budget.wanted,
        "state": state_of(budget, found),
        "holders": [attrs.asdict(holder) for holder in budget.holders],
    }


# When


async def refreshes(seconds: float | None, stop: asyncio.Event) -> AsyncIterator[None]:
    """Come at once, then every second, for `seconds` or until `stop`; 0: once."""
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    while True:
        yield
        left_s = None if seconds is None else begun_s + seconds - loop.time()
        if left_s is not None and left_s <= 0:
            return
        # In step with the beginning, however long a look takes.
        nap_s = EVERY_S - (loop.time() - begun_s) % EVERY_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(nap_s if left_s is None else min(nap_s, left_s)):
                await stop.wait()
        is_over = left_s is not None and left_s <= nap_s
        if stop.is_set() or is_over:
            return


@contextlib.contextmanager
def interruption() -> Iterator[asyncio.Event]:
    """Give what Ctrl-C sets: it is how watching ends, and nothing that went wrong."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
        loop.add_signal_handler(signal.SIGINT, stop.set)
    try:
        yield stop
    finally:
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.remove_signal_handler(signal.SIGINT)


# Drawing


def state_of(budget: HeldBudget, found: MachineLimits) -> str:
    """Name how a budget stands: `banned`, `full`, `ok`, or `alone` where programs share nothing."""
    if found.is_banned:
        return "banned"
    if not budget.is_shared:
        return "alone"
    return "full" if budget.is_full else "ok"


def drawn(title: str, found: MachineLimits, out: Console, *, height: int | None = None) -> Group:
    """Draw limits for people, as wide as `out`, and no higher than `height` lines."""
    heading = Text(safe(title), style="bold").append(
        f"  {moment(found.time_ns)[:19]} UTC", style="dim"
    )
    budgets = found.budgets
    if height is not None and len(budgets) > height - _BESIDE_ROWS:
        budgets = fullest(budgets, height - _BESIDE_ROWS)
    lines: list[Text | Table] = [heading]
    if found.is_banned:
        until = moment(found.banned_until_ns)[:19]
        said = f"banned until {until} UTC, {span(found.banned_s)} more: no program sends anything"
        lines.append(Text(said, style="bold red"))
    lines.append(_table(budgets, found, out))
    if len(budgets) < len(found.budgets):
        rest = len(found.budgets) - len(budgets)
        lines.append(Text(f"and {rest} of which less is held; a higher window shows them"))
    return Group(*lines)


def _table(budgets: Sequence[HeldBudget], found: MachineLimits, out: Console) -> Table:
    rows = [_cells(budget, found) for budget in budgets]
    heads = ("held/of", "resets in", "wanted", "state")
    widths = [
        max(cell_len(head), *(cell_len(row[i].plain) for row in rows)) if rows else cell_len(head)
        for i, head in enumerate(heads)
    ]
    names = [_name(budget, found) for budget in budgets]
    room = out.width - sum(widths) - _GAP * (len(widths) + 1)
    longest = max((cell_len("budget"), *(cell_len(name) for name in names)))
    name_width = max(_LEAST_NAME, min(longest, room - _BAR[0]))
    bar_width = max(_BAR[0], min(_BAR[1], room - name_width))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    # A name that is too long goes on in the next line; a number that is cut is another number.
    table.add_column("budget", overflow="fold", width=name_width)
    table.add_column("", no_wrap=True, width=bar_width)
    for head, width in zip(heads, widths, strict=True):
        is_number = head != "state"
        table.add_column(
            head, no_wrap=True, min_width=width, justify="right" if is_number else "left"
        )
    for name, budget, cells in zip(names, budgets, rows, strict=True):
        bar = _bar(budget, found, bar_width, is_ascii=out.options.ascii_only)
        table.add_row(Text(name), bar, *cells)
    return table


def _cells(budget: HeldBudget, found: MachineLimits) -> list[Text]:
    resets_in_s = budget.resets_in_s(found.time_ns)
    held = str(budget.held) if budget.is_shared else "-"
    of = "-" if budget.capacity is None else str(budget.capacity)
    state = state_of(budget, found)
    return [
        Text(f"{held}/{of}"),
        Text("-" if resets_in_s is None else span(resets_in_s)),
        Text(f"+{budget.wanted}" if budget.wanted else "-"),
        Text(state, style="bold red" if state in {"banned", "full"} else ""),
    ]


def _bar(budget: HeldBudget, found: MachineLimits, width: int, *, is_ascii: bool) -> Text:
    share = budget.share
    if share is None or not budget.is_shared:
        return Text("")
    full, empty = ("#", ".") if is_ascii else ("█", "░")
    # Something never looks like nothing, and what is not full never looks full.
    cells = 0 if not budget.held else min(max(round(share * width), 1), width)
    if cells == width and not budget.is_full:
        cells = width - 1
    style = "red" if found.is_banned or share >= _RED else "yellow" if share >= _YELLOW else "green"
    return Text(full * cells, style=style).append(empty * (width - cells), style="dim")


def _name(budget: HeldBudget, found: MachineLimits) -> str:
    """Name a budget; with who is counted, where several are."""
    owners = {other.counted_by for other in found.budgets if other.name == budget.name}
    if len(owners) < 2:
        return safe(budget.name)
    whose, _, who = budget.counted_by.partition(" ")
    who = who[:_FINGERPRINT] if whose == "key" else who
    return safe(f"{budget.name} ({whose} {who})")


def span(seconds: float) -> str:
    """Write a length of time in at most two units, rounded up: it is over by then."""
    left = -int(-seconds // 1)
    if left < 60:
        return f"{left} s"
    if left < 3600:
        return f"{left // 60} min {left % 60} s"
    return f"{left // 3600} h {left % 3600 // 60} min"


def _can_renew(out: Console) -> bool:
    return out.is_terminal and not out.is_dumb_terminal
