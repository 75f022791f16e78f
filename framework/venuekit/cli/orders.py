"""Commands about what is open: `orders` by either's word, `reconcile` to have them agree."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from venuekit.cli.exits import ExitCode, UsageError
from venuekit.cli.journals import JournalFile, JournalOptions, journals, where
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.cli.records import iso, record
from venuekit.cli.screen import Cell, Grid
from venuekit.cli.session import MakeSession, Session
from venuekit.cli.timeline import order_data
from venuekit.cli.trading import orders_grid
from venuekit.cli.working import Worker
from venuekit.stores import Scope
from venuekit.stores.upkeep import KnownOrder

if TYPE_CHECKING:
    from venuekit.orders import Reconciliation
    from venuekit.orders.reconciliation import FillSum

_NO_GRID: Final = Grid(columns=[], rows=[])


class OrderCommands:
    """Show what is open, and compare journal and exchange."""

    def __init__(self, begin: MakeSession) -> None:
        """Work through the sessions that `begin` makes."""
        self._begin = begin

    async def orders(
        self,
        exchange: str | None = None,
        symbol: str | None = None,
        /,
        *,
        journaled: Annotated[bool, Parameter(name="--open", negative=(), show_default=False)] = (
            False
        ),
        past: Annotated[bool, Parameter(name="--all", negative=(), show_default=False)] = False,
        limit: PositiveInt = 20,
        journal: str | None = None,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Show open orders as the exchange tells them, or with --open as the journal has them.

        The exchange is asked now. The journal needs no network and no key, and has orders of
        unknown outcome too; "venuekit reconcile" compares the two.

        Args:
            exchange: Id of the exchange; by default the one that venuekit.toml names, with --open
                all that have a journal.
            symbol: Only of this instrument; --all needs it.
            journaled: What is open by the journal, without asking the exchange.
            past: Orders in any state, the newest, from the exchange.
            limit: How many, with --all.
            journal: With --open, this journal: its file or URL.
        """
        session = self._begin(options)
        if past and journaled:
            raise UsageError("--all asks the exchange and --open the journal; choose one of them")
        if journal is not None and not journaled:
            raise UsageError("--journal goes with --open; without it the exchange is asked")
        if past and symbol is None:
            raise UsageError("--all needs a SYMBOL; exchanges list past orders by instrument")
        if journaled:
            which = JournalOptions(journal=journal, exchange=exchange)
            await _show_journaled(session, which, symbol)
            return
        chosen = session.chosen(exchange)
        async with session.opened(chosen) as ex:
            if past and symbol is not None:
                asked = ex.fetch_orders(symbol, limit=limit)
            else:
                asked = ex.fetch_open_orders(symbol)
            orders = await session.asked("asking for orders", asked)
            told = f"as {chosen} {ex.environment} tells them now, account {ex.account}"
        if not session.screen.as_json:
            session.screen.note(told)
        session.screen.show(orders, orders_grid(orders, empty="no orders"))

    async def reconcile(
        self, exchange: str | None = None, /, *, options: Options = NO_OPTIONS
    ) -> ExitCode:
        """Compare the journal with the exchange: orders, fills, balances; repair and report.

        Exit code 0 if nothing differed or all of it was repaired, 1 if something still differs.
        The program that holds the journal has to be stopped; it compares on its own, too.

        Args:
            exchange: Id of the exchange; by default the one that venuekit.toml names.
        """
        session = self._begin(options)
        async with session.opened(session.chosen(exchange)) as ex:
            found = await session.asked("comparing journal and exchange", ex.reconcile())
            scope = Scope(ex.id, ex.account, ex.environment)
        title = where(scope)
        session.screen.show(_reconciliation(scope, found), _differences(title, found))
        if not session.screen.as_json:
            session.screen.note(_summary(found))
        return ExitCode.OK if found.is_repaired else ExitCode.FAILED


async def _show_journaled(session: Session, which: JournalOptions, symbol: str | None) -> None:
    worker = Worker(session.screen)
    found: list[tuple[JournalFile, Sequence[Scope], list[KnownOrder]]] = []
    for file in journals(session, which):

        def read(file: JournalFile = file) -> None:
            with file.read(worker) as upkeep:
                found.append((file, upkeep.scopes, upkeep.open_orders(symbol)))

        await worker.run(f"reading {file.path}", read)
    screen = session.screen
    if screen.as_json:
        screen.show([order_data(known) for _, _, orders in found for known in orders], _NO_GRID)
        return
    for file, scopes, orders in found:
        screen.note(f"as the journal has them; read from a copy of {file.path}")
        for scope in scopes:
            of_one = [known.order for known in orders if known.scope == scope]
            grid = orders_grid(of_one, empty="no open orders", title=where(scope))
            screen.show(None, grid)
        if not scopes:
            screen.show(None, orders_grid([], empty="no orders of that account"))


def _differences(title: str, found: "Reconciliation") -> Grid:
    rows: list[list[Cell]] = [
        [
            each.kind.value.replace("_", " "),
            each.what,
            each.here.replace("_", " "),
            each.there.replace("_", " "),
            "yes" if each.is_repaired else "NO",
        ]
        for each in found.differences
    ]
    rows += [
        [
            "quantity",
            f"sum of the trades of {each.client_order_id or each.exchange_order_id}",
            each.traded,
            each.filled,
            "NO",
        ]
        for each in _sums_apart(found)
    ]
    columns = ["~kind", "~what", "~here", "~there", "repaired"]
    return Grid(title=title, columns=columns, rows=rows, empty="no differences")


def _sums_apart(found: "Reconciliation") -> "list[FillSum]":
    """Give the sums that do not agree, but those that a difference tells of already."""
    told = {d.ref.exchange_order_id for d in found.differences if d.ref and not d.is_repaired}
    return [each for each in found.sums if not each.agrees and each.exchange_order_id not in told]


def _reconciliation(scope: Scope, found: "Reconciliation") -> dict[str, Any]:
    return {
        "exchange": scope.exchange,
        "environment": scope.environment,
        "account": scope.account,
        "begun": iso(found.begun_ns),
        "ended": iso(found.ended_ns),
        "orders": found.orders,
        "fills": found.fills,
        "balances": found.balances,
        "is_clean": found.is_clean,
        "is_repaired": found.is_repaired,
        "resolved": record(found.resolved),
        "differences": record(found.differences),
        "sums_apart": record(_sums_apart(found)),
    }


def _summary(found: "Reconciliation") -> str:
    seconds = (found.ended_ns - found.begun_ns) / 1e9
    repaired = sum(each.is_repaired for each in found.differences)
    left = len(found.differences) - repaired + len(_sums_apart(found))
    words = (
        f"{found.orders} orders, {found.fills} trades and {found.balances} balances compared in "
        f"{seconds:.1f} s: "
    )
    if not repaired and not left:
        words += "nothing differs"
    else:
        words += f"{repaired} differences repaired, {left} not"
    if found.resolved:
        words += f"; {len(found.resolved)} unknown outcomes found out"
    return words
