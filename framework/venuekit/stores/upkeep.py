"""What is done to a journal from outside: read it, look for one order, check it, back it up.

All of it blocks. Reading works on a `Snapshot`, so no program has to be stopped for it; what
changes a journal (`pruning`) opens the file itself, alone.
"""

# ruff: noqa: S608  # the texts put into queries are this file's own; values are bound

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import apsw
import attrs

from venuekit.model import ClientOrderId, Fill, Order, OrderPhase, StoreError, Symbol
from venuekit.stores.journal import HistoryEntry, Origin, RecordKind, Scope
from venuekit.stores.records import (
    fill_from_text,
    order_from_request,
    order_from_text,
    request_from_text,
)
from venuekit.stores.snapshot import Tick, nothing

_PAGES_AT_ONCE: Final = 2_000
_ORDER: Final = (
    "o.scope, o.name, o.symbol, o.origin, o.intent_key, o.request, o.created_ns, o.phase, o.body"
)


@attrs.frozen(kw_only=True)
class KnownOrder:
    """An order as the journal has it."""

    scope: Scope
    name: str
    """As the journal names it: its client order id, or `#symbol/exchange id`."""
    origin: Origin
    intent_key: str | None
    created_ns: int
    """When the intent was written down, or the order was first heard of."""
    order: Order


@attrs.frozen(kw_only=True)
class KnownFill:
    """A fill as the journal has it."""

    scope: Scope
    name: str
    fill: Fill


@attrs.frozen(kw_only=True)
class Line:
    """One line of the whole journal."""

    scope: Scope
    name: str
    symbol: Symbol | None
    """None for an order that is not in the journal any more."""
    entry: HistoryEntry


@attrs.frozen
class Reached:
    """Up to where a journal was read."""

    record: int = 0
    intent: int = 0


class Upkeep:
    """Reads one journal, or those accounts of it that are asked for."""

    def __init__(
        self,
        connection: apsw.Connection,
        *,
        exchange: str | None = None,
        account: str | None = None,
        environment: str | None = None,
    ) -> None:
        """Read through `connection`; None for a name means: of every one."""
        wanted = (exchange, account, environment)
        self._connection = connection
        self._scopes: dict[int, Scope] = {}
        for id_, *names in self._rows("SELECT id, exchange, account, environment FROM scopes"):
            if all(want in {None, name} for want, name in zip(wanted, names, strict=True)):
                self._scopes[id_] = Scope(*names)
        # Whole numbers of our own making: they may stand in the text of a query.
        self._in = f"IN ({', '.join(map(str, self._scopes))})"

    @property
    def scopes(self) -> Sequence[Scope]:
        """Whose orders there are."""
        return list(self._scopes.values())

    @property
    def accounts(self) -> frozenset[int]:
        """The numbers of their rows."""
        return frozenset(self._scopes)

    def open_orders(self, symbol: str | None = None) -> list[KnownOrder]:
        """Give the orders that are not final, oldest first, all their fills included."""
        rows = self._rows(
            f"SELECT {_ORDER} FROM orders o WHERE o.scope {self._in} AND o.is_open = 1"
            " AND (?1 IS NULL OR o.symbol = ?1) ORDER BY o.id",
            symbol,
        )
        return [self._with_fills(self._order(row)) for row in rows]

    def find(self, text: str, *, most: int = 10) -> list[KnownOrder]:
        """Give the orders that `text` may mean, at most `most`.

        That is the one of that client order id; else those of that exchange order id; else those
        whose client order ids begin with it.
        """
        query = f"SELECT {_ORDER} FROM orders o WHERE o.scope {self._in} AND "
        for condition, values in (
            ("o.name = ?1", (text,)),
            ("o.exchange_order_id = ?1", (text,)),
            ("o.name >= ?1 AND o.name < ?2", (text, text + "\U0010ffff")),
        ):
            rows = self._rows(f"{query}{condition} ORDER BY o.id DESC LIMIT {most}", *values)
            if rows:
                return [self._with_fills(self._order(row)) for row in rows]
        return []

    def history(self, known: KnownOrder) -> list[HistoryEntry]:
        """Give everything that was recorded of an order, in order, its intent first."""
        (scope,) = (id_ for id_, scope in self._scopes.items() if scope == known.scope)
        rows = self._rows(
            "SELECT 0, created_ns, 'intent', request, '' FROM orders"
            " WHERE scope = ?1 AND name = ?2 AND request IS NOT NULL",
            scope,
            known.name,
        )
        rows += self._rows(
            "SELECT id, time_ns, kind, body, raw FROM records WHERE scope = ?1 AND name = ?2"
            " ORDER BY id",
            scope,
            known.name,
        )
        return [_entry(*row) for row in rows]

    def newest(self, count: int) -> tuple[list[Line], Reached]:
        """Give the newest lines, oldest first, and up to where that is."""
        reached = Reached(*self._ends())
        lines = [*self._lines("DESC LIMIT ?2", 0, count), *self._intents("DESC LIMIT ?2", 0, count)]
        return sorted(lines, key=_moment)[-count:], reached

    def newer(self, reached: Reached) -> tuple[list[Line], Reached]:
        """Give the lines that came since, oldest first, and up to where that is."""
        lines = [*self._lines("", reached.record), *self._intents("", reached.intent)]
        return sorted(lines, key=_moment), Reached(*self._ends())

    # Everything, for exports: one row after the other, so that memory stays small

    def count(self, what: str) -> int:
        """Count `orders`, `fills` or `records`."""
        assert what in {"orders", "fills", "records"}
        ((count,),) = self._rows(f"SELECT count(*) FROM {what} WHERE scope {self._in}")
        return int(count)

    def orders(self) -> Iterator[KnownOrder]:
        """Give all orders, oldest first, without their fills."""
        query = f"SELECT {_ORDER} FROM orders o WHERE o.scope {self._in} ORDER BY o.id"
        return map(self._order, self._connection.execute(query))

    def fills(self) -> Iterator[KnownFill]:
        """Give all fills, by account and time."""
        query = (
            f"SELECT scope, name, body FROM fills WHERE scope {self._in} ORDER BY scope, time_ns"
        )
        for scope, name, body in self._connection.execute(query):
            yield KnownFill(scope=self._scopes[scope], name=name, fill=fill_from_text(body))

    def records(self) -> Iterator[Line]:
        """Give all intents, then all records, each in the order in which they were written."""
        yield from self._intents("")
        yield from self._lines("")

    # Inside

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return list(self._connection.execute(query, values))

    def _ends(self) -> tuple[int, int]:
        ((record, intent),) = self._rows(
            "SELECT (SELECT coalesce(max(id), 0) FROM records),"
            " (SELECT coalesce(max(id), 0) FROM orders)"
        )
        return record, intent

    def _lines(self, end: str, after: int = 0, *values: object) -> Iterator[Line]:
        query = (
            "SELECT r.scope, r.name, o.symbol, r.id, r.time_ns, r.kind, r.body, r.raw"
            " FROM records r LEFT JOIN orders o ON o.scope = r.scope AND o.name = r.name"
            f" WHERE r.id > ?1 AND r.scope {self._in} ORDER BY r.id {end}"
        )
        return map(self._line, self._connection.execute(query, (after, *values)))

    def _intents(self, end: str, after: int = 0, *values: object) -> Iterator[Line]:
        query = (
            "SELECT scope, name, symbol, 0, created_ns, 'intent', request, '' FROM orders"
            f" WHERE id > ?1 AND request IS NOT NULL AND scope {self._in} ORDER BY id {end}"
        )
        return map(self._line, self._connection.execute(query, (after, *values)))

    def _line(self, row: tuple[Any, ...]) -> Line:
        scope, name, symbol, *rest = row
        return Line(scope=self._scopes[scope], name=name, symbol=symbol, entry=_entry(*rest))

    def _order(self, row: tuple[Any, ...]) -> KnownOrder:
        scope, name, symbol, origin, key, request, created_ns, phase, body = row
        del symbol
        return KnownOrder(
            scope=self._scopes[scope],
            name=name,
            origin=Origin(origin),
            intent_key=key,
            created_ns=created_ns,
            order=order_of(name, request, created_ns, phase, body),
        )

    def _with_fills(self, known: KnownOrder) -> KnownOrder:
        (scope,) = (id_ for id_, scope in self._scopes.items() if scope == known.scope)
        rows = self._rows(
            "SELECT body FROM fills INDEXED BY fills_by_name WHERE scope = ?1 AND name = ?2"
            " ORDER BY time_ns, trade_id",
            scope,
            known.name,
        )
        fills = tuple(fill_from_text(body) for (body,) in rows)
        return attrs.evolve(known, order=attrs.evolve(known.order, fills=fills))


def order_of(
    name: str, request: str | None, created_ns: int, phase: str, body: str | None
) -> Order:
    """Give the order of a row; one without a body is an intent of which nothing was heard.

    Raises:
        ValueError: The row is damaged.
    """
    if body is not None:
        return order_from_text(body)
    if request is None:
        msg = "neither an intent nor an order"
        raise ValueError(msg)
    asked = order_from_request(request_from_text(request), ClientOrderId(name), created_ns)
    known = OrderPhase(phase)
    return attrs.evolve(asked, phase=OrderPhase.UNKNOWN if known is OrderPhase.PREPARED else known)


def back_up(connection: apsw.Connection, target: Path, *, tick: Tick = nothing) -> None:
    """Copy a database into a new file that only its owner can read, with SQLite's own backup.

    The file has its name once it is whole, and on the disk.

    Raises:
        StoreError: There is such a file already, or it cannot be written.
    """
    where = f"backup {target}"
    if target.exists() or target.is_symlink():
        raise StoreError(f"{where}: it is there already and is not overwritten; name another file")
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        try:
            _copy_pages(connection, partial, tick)
            os.link(partial, target)  # unlike a renaming, it never replaces a file
        finally:
            partial.unlink(missing_ok=True)
        _synchronize(target.parent)
    except FileExistsError:
        msg = f"{where}: it is there already and is not overwritten; name another file"
        raise StoreError(msg) from None
    except OSError as error:
        raise StoreError(f"{where}: {error.strerror}; choose another folder") from error
    except apsw.Error as error:
        raise StoreError(f"{where}: {error}; choose another folder") from error


def _copy_pages(connection: apsw.Connection, target: Path, tick: Tick) -> None:
    copy = apsw.Connection(str(target), flags=apsw.SQLITE_OPEN_READWRITE)
    with contextlib.closing(copy):
        copy.pragma("synchronous", "OFF")  # all of it is synchronized at the end
        with copy.backup("main", connection, "main") as backup:
            while not backup.done:
                backup.step(_PAGES_AT_ONCE)
                tick(backup.page_count - backup.remaining, backup.page_count)
    _synchronize(target)


def _synchronize(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(number: int, time_ns: int, kind: str, body: str, raw: str) -> HistoryEntry:
    return HistoryEntry(number=number, time_ns=time_ns, kind=RecordKind(kind), body=body, raw=raw)


def _moment(line: Line) -> tuple[int, int]:
    return line.entry.time_ns, line.entry.number
