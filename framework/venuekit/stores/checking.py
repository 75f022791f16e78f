"""Looking a whole journal over: SQLite's own check, then what must hold between its rows."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import apsw
import attrs

from venuekit.model import Order, OrderPhase, exact_sum, plain
from venuekit.stores.journal import RecordKind
from venuekit.stores.records import fill_from_text, order_from_text, request_from_text
from venuekit.stores.snapshot import Tick, nothing
from venuekit.stores.upkeep import order_of

_UNHEARD: Final = frozenset({"prepared", "submitting", "unknown"})
_EVERY: Final = 500


@attrs.frozen(kw_only=True)
class Finding:
    """One thing that was found."""

    kind: str
    """What sort of thing, for programs: `file`, `body`, `phase`, `quantity`, `id`, `orphan`,
    `unknown`."""
    what: str
    """The order, the record, the page."""
    text: str
    is_fault: bool
    """Whether something is wrong; else it is worth knowing."""


def check(connection: apsw.Connection, *, tick: Tick = nothing) -> Iterator[Finding]:
    """Look everything over; gives what was found, faults or not.

    A file that SQLite finds damaged is not looked at any further.
    """
    is_sound = True
    for damage in _of_file(connection):
        is_sound = False
        yield damage
    if not is_sound:
        return
    total = sum(_count(connection, table) for table in ("orders", "fills", "records"))
    done = 0
    for part in (_of_orders, _of_fills, _of_records):
        for finding in part(connection):
            done += 1
            if done % _EVERY == 0:
                tick(done, total)
            if finding is not None:
                yield finding
    yield from _of_ids(connection)
    yield from _of_orphans(connection)


def _of_file(connection: apsw.Connection) -> Iterator[Finding]:
    try:
        for (found,) in connection.execute("PRAGMA integrity_check(20)"):
            if found != "ok":
                yield _fault("file", "database", f"{found}; restore a backup")
        for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
            yield _fault("file", f"{table} {row}", f"its row in {parent} is missing")
    except (apsw.CorruptError, apsw.NotADBError) as error:
        yield _fault("file", "database", f"{error}; restore a backup")


def _of_orders(connection: apsw.Connection) -> Iterator[Finding | None]:
    query = (
        "SELECT o.name, o.symbol, o.exchange_order_id, o.request, o.created_ns, o.phase,"
        " o.is_open, o.body, o.scope FROM orders o ORDER BY o.id"
    )
    for (
        name,
        symbol,
        exchange_id,
        request,
        created_ns,
        phase,
        is_open,
        body,
        scope,
    ) in connection.execute(query):
        yield None  # so that progress is counted by rows
        try:
            if request is not None:
                request_from_text(request)
            order = order_of(name, request, created_ns, phase, body)
        except ValueError as error:
            yield _fault("body", name, f"the order cannot be read: {error}")
            continue
        columns = (symbol, exchange_id, phase)
        told = (order.symbol, order.exchange_order_id, order.phase.value)
        if body is not None and columns != told:
            yield _fault("body", name, f"its columns say {columns}, its body {told}")
        yield from _of_phase(name, order, phase, is_open=bool(is_open))
        yield from _of_sum(connection, scope, name, order)


def _of_phase(name: str, order: Order, phase: str, *, is_open: bool) -> Iterator[Finding]:
    if OrderPhase(phase).is_final == is_open:
        word = "open" if is_open else "ended"
        yield _fault("phase", name, f"it is {phase}, and is kept as {word}")
    if phase in _UNHEARD and is_open:
        text = f"its outcome is not known ({phase}); a start of the program or a reconcile asks"
        yield Finding(kind="unknown", what=f"{name} on {order.symbol}", text=text, is_fault=False)


def _of_sum(connection: apsw.Connection, scope: int, name: str, order: Order) -> Iterator[Finding]:
    rows = connection.execute(
        "SELECT body FROM fills INDEXED BY fills_by_name WHERE scope = ? AND name = ?",
        (scope, name),
    )
    try:
        traded = exact_sum(fill_from_text(body).quantity for (body,) in rows)
    except ValueError:
        return  # told where the fills are looked at
    if traded > order.filled:
        text = f"its fills are {plain(traded)}, more than the {plain(order.filled)} it executed"
        yield _fault("quantity", name, text)
    elif traded < order.filled:
        text = (
            f"it executed {plain(order.filled)}, its fills tell {plain(traded)}; "
            "a reconcile asks for the rest"
        )
        yield Finding(kind="quantity", what=name, text=text, is_fault=False)


def _of_fills(connection: apsw.Connection) -> Iterator[Finding | None]:
    query = "SELECT name, symbol, trade_id, exchange_order_id, time_ns, body FROM fills"
    for name, *columns, body in connection.execute(query):
        yield None
        try:
            fill = fill_from_text(body)
        except ValueError as error:
            yield _fault("body", name, f"its fill {columns[1]} cannot be read: {error}")
            continue
        told = [fill.symbol, fill.trade_id, fill.exchange_order_id, fill.time_ns]
        if columns != told:
            yield _fault("body", name, f"a fill's columns say {columns}, its body {told}")


def _of_records(connection: apsw.Connection) -> Iterator[Finding | None]:
    for id_, name, kind, body in connection.execute("SELECT id, name, kind, body FROM records"):
        yield None
        try:
            _READ[RecordKind(kind)](body)
        except (ValueError, KeyError) as error:
            yield _fault("body", name, f"record {id_} ({kind}) cannot be read: {error}")


def _command(body: str) -> None:
    told = json.loads(body)
    _ = told["command"], told["state"]


_READ: Final[dict[RecordKind, Callable[[str], Any]]] = {
    RecordKind.INTENT: request_from_text,
    RecordKind.ATTEMPT: int,
    RecordKind.ORDER: order_from_text,
    RecordKind.FILL: fill_from_text,
    RecordKind.COMMAND: _command,
    RecordKind.NOTE: str,
}


def _of_ids(connection: apsw.Connection) -> Iterator[Finding]:
    query = (
        "SELECT symbol, exchange_order_id, group_concat(name, ', ') FROM orders"
        " WHERE exchange_order_id IS NOT NULL GROUP BY scope, symbol, exchange_order_id"
        " HAVING count(*) > 1"
    )
    for symbol, id_, names in connection.execute(query):
        yield _fault("id", f"{id_} on {symbol}", f"one exchange order id for several: {names}")


def _of_orphans(connection: apsw.Connection) -> Iterator[Finding]:
    for table in ("fills", "records"):
        query = (
            f"SELECT t.name, count(*) FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM orders o"  # noqa: S608  two names of ours
            " WHERE o.scope = t.scope AND o.name = t.name) GROUP BY t.scope, t.name"
        )
        for name, count in connection.execute(query):
            is_fault = table == "fills"
            text = f"{count} {table} of an order that is not there"
            yield Finding(kind="orphan", what=name, text=text, is_fault=is_fault)


def _count(connection: apsw.Connection, table: str) -> int:
    ((count,),) = connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608  a name of ours
    return int(count)


def _fault(kind: str, what: str, text: str) -> Finding:
    return Finding(kind=kind, what=what, text=text, is_fault=True)
