"""The journal over SQLite."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import apsw
import attrs

from venuekit.model import (
    ClientOrderId,
    Fill,
    Order,
    OrderPhase,
    OrderRef,
    OrderRequest,
    StoreError,
    Symbol,
)
from venuekit.stores.journal import (
    CommandState,
    Cursor,
    HistoryEntry,
    Intent,
    IntentExists,
    JournalEvent,
    OpenIntent,
    Origin,
    RecordKind,
    Scope,
    name_of,
)
from venuekit.stores.lane import Lane
from venuekit.stores.records import (
    fill_from_text,
    order_from_request,
    order_from_text,
    request_from_text,
    text_from_fill,
    text_from_order,
    text_from_request,
)

_MARK_BITS: Final = 40
_INTENT: Final = (
    "INSERT INTO orders (scope, name, symbol, origin, intent_key, request, created_ns, phase,"
    " is_open) VALUES (?, ?, ?, 'intent', ?, ?, ?, 'prepared', 1)"
)
_RECORD: Final = (
    "INSERT INTO records (scope, name, time_ns, kind, body, raw) VALUES (?, ?, ?, ?, ?, ?)"
)
_UPDATE: Final = (
    "UPDATE orders SET exchange_order_id = ?, phase = ?, is_open = ?, body = ?"
    " WHERE scope = ? AND name = ?"
)
_INSERT: Final = (
    "INSERT INTO orders (exchange_order_id, phase, is_open, body, scope, name, symbol, origin,"
    " created_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_FILL: Final = (
    "INSERT OR IGNORE INTO fills (scope, symbol, trade_id, exchange_order_id, name, time_ns, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_UNFILL: Final = (
    "DELETE FROM fills WHERE scope = ? AND symbol = ? AND trade_id = ? AND exchange_order_id = ?"
)
_CURSOR: Final = (
    "INSERT INTO cursors (scope, symbol, time_ns, trade_id) VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET time_ns = excluded.time_ns, trade_id = excluded.trade_id"
)
_ORIGIN: Final = "SELECT origin FROM orders WHERE scope = ? AND name = ?"
_SYMBOL: Final = "INSERT OR IGNORE INTO symbols (scope, symbol, first_ns) VALUES (?, ?, ?)"
_POSITION: Final = (
    "INSERT INTO consumers (scope, name, position) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET position = max(position, excluded.position)"
)
# `+scope`: in the order of the records themselves, not by an index of names that would be sorted.
_EVENTS: Final = """
    SELECT id, name, time_ns, kind, body FROM records
    WHERE +scope = ?1 AND id > ?2 AND kind IN ('order', 'fill') ORDER BY id LIMIT ?3
"""
_ORDER_BEFORE: Final = """
    SELECT body FROM records WHERE scope = ?1 AND name = ?2 AND id < ?3 AND kind = 'order'
    ORDER BY id DESC LIMIT 1
"""
_SCOPE: Final = "INSERT OR IGNORE INTO scopes (exchange, account, environment) VALUES (?, ?, ?)"
_SCOPE_NUMBER: Final = (
    "SELECT id FROM scopes WHERE exchange = ? AND account = ? AND environment = ?"
)
# Without outcome: phases in which only we have spoken, the exchange's word is still missing.
_OPEN_INTENTS: Final = """
    SELECT name, request, intent_key, created_ns,
        (SELECT body FROM records r WHERE r.scope = o.scope AND r.name = o.name
            AND r.kind = 'attempt' ORDER BY r.id DESC LIMIT 1),
        (SELECT time_ns FROM records r WHERE r.scope = o.scope AND r.name = o.name
            AND r.kind = 'attempt' ORDER BY r.id DESC LIMIT 1)
    FROM orders o
    WHERE scope = ?1 AND is_open = 1 AND origin = 'intent'
        AND phase IN ('prepared', 'submitting', 'unknown')
    ORDER BY id
"""
_INTENT_BY_NAME: Final = """
    SELECT name, request, intent_key, created_ns FROM orders
    WHERE scope = ?1 AND name = ?2 AND request IS NOT NULL
"""
_INTENT_BY_KEY: Final = """
    SELECT name, request, intent_key, created_ns FROM orders
    WHERE scope = ?1 AND intent_key = ?2
"""
_ORDER_BY_NAME: Final = """
    SELECT name, symbol, request, created_ns, phase, body FROM orders
    WHERE scope = ?1 AND name = ?2
"""
_ORDER_BY_ID: Final = """
    SELECT name, symbol, request, created_ns, phase, body FROM orders
    WHERE scope = ?1 AND exchange_order_id = ?2 AND symbol = ?3
"""
_OPEN_ORDERS: Final = """
    SELECT name, symbol, request, created_ns, phase, body FROM orders
    WHERE scope = ?1 AND is_open = 1
        AND (?2 IS NULL OR symbol = ?2) AND (?3 IS NULL OR created_ns >= ?3)
    ORDER BY id DESC
"""
_ORDERS: Final = """
    SELECT name, symbol, request, created_ns, phase, body FROM orders
    WHERE +scope = ?1 AND (?2 IS NULL OR symbol = ?2) AND (?3 IS NULL OR created_ns >= ?3)
    ORDER BY id DESC LIMIT ?4
"""


class SqliteJournal:
    """Keeps every order in one SQLite file, which this process alone holds."""

    def __init__(self, lane: Lane) -> None:
        """Write and read through `lane`."""
        self._lane = lane
        self._named: set[Scope] = set()
        self._numbers: dict[Scope, int] = {}  # filled where the work is done
        self._symbols: set[tuple[Scope, Symbol]] = set()

    @property
    def failure(self) -> StoreError | None:
        """Why the journal takes no more records; None as long as it does."""
        return self._lane.failure

    # Writing

    async def record_intent(self, *intents: Intent) -> None:
        """Write intents down, all or none, durably."""
        rows = [
            (
                intent.scope,
                intent.client_order_id,
                intent.request.symbol,
                intent.intent_key,
                text_from_request(intent.request),
                intent.created_ns,
            )
            for intent in intents
        ]

        for intent in intents:
            self._know(intent.scope)
            self._know_symbol(intent.scope, intent.request.symbol, intent.created_ns)

        def work(connection: apsw.Connection) -> None:
            for scope, *row in rows:
                connection.execute(_INTENT, (self._numbers[scope], *row))

        try:
            await self._lane.run(work, is_single=len(rows) == 1)
        except apsw.ConstraintError:
            named = ", ".join(intent.client_order_id for intent in intents)
            msg = f"{named}: this client order id or its intent key was used before"
            raise IntentExists(msg) from None

    def record_attempt(
        self, scope: Scope, client_order_id: ClientOrderId, attempt: int, *, time_ns: int
    ) -> None:
        """Write down that a request may be on the wire from now on."""
        self._record(scope, client_order_id, time_ns, RecordKind.ATTEMPT, str(attempt))

    def record_command(
        self,
        scope: Scope,
        refs: Sequence[OrderRef],
        command: str,
        state: CommandState,
        *,
        time_ns: int,
        reason: str = "",
        raw: str = "",
    ) -> None:
        """Write down a command to existing orders, and what came of it, in one transaction."""
        body = json.dumps({"command": command, "state": state.value, "reason": reason})
        names = [name_of(ref) for ref in refs]
        kind = RecordKind.COMMAND.value
        self._know(scope)

        def work(connection: apsw.Connection) -> None:
            scope_id = self._numbers[scope]
            rows = [(scope_id, name, time_ns, kind, body, raw) for name in names]
            connection.executemany(_RECORD, rows)

        self._lane.hand_over(work, is_single=len(names) == 1)

    def record_note(self, scope: Scope, ref: OrderRef, text: str, *, time_ns: int) -> None:
        """Write a remark into an order's history."""
        self._record(scope, name_of(ref), time_ns, RecordKind.NOTE, text)

    def record_order(
        self,
        scope: Scope,
        order: Order,
        *,
        time_ns: int,
        fills: Sequence[Fill] = (),
        replaced: Sequence[Fill] = (),
        origin: Origin = Origin.ADOPTED,
        raw: str = "",
    ) -> None:
        """Write down what is known of an order, with its new fills, in one transaction."""
        self._know(scope)
        self._know_symbol(scope, order.symbol, order.created_ns or time_ns)
        name, body = name_of(order, origin), text_from_order(order)
        fill_rows = [
            (f.symbol, f.trade_id, f.exchange_order_id, name, f.time_ns, text_from_fill(f))
            for f in fills
        ]
        known = (order.exchange_order_id, order.phase.value, int(order.is_open), body)
        gone = [(f.symbol, f.trade_id, f.exchange_order_id) for f in replaced]

        def work(connection: apsw.Connection) -> None:
            scope_id = self._numbers[scope]
            connection.execute(_UPDATE, (*known, scope_id, name))
            if connection.changes() == 0:
                created_ns = order.created_ns or time_ns
                connection.execute(
                    _INSERT, (*known, scope_id, name, order.symbol, origin.value, created_ns)
                )
            connection.execute(
                _RECORD, (scope_id, name, time_ns, RecordKind.ORDER.value, body, raw)
            )
            for each in gone:
                connection.execute(_UNFILL, (scope_id, *each))
            for row in fill_rows:
                connection.execute(_FILL, (scope_id, *row))
                # One that was known without its fee was told then.
                if connection.changes() and row[:3] not in gone:
                    kind = RecordKind.FILL.value
                    connection.execute(_RECORD, (scope_id, name, time_ns, kind, row[-1], ""))

        self._lane.hand_over(work)

    def move_cursor(self, scope: Scope, symbol: Symbol, cursor: Cursor) -> None:
        """Remember that all fills up to `cursor` are known."""
        self._know(scope)

        def work(connection: apsw.Connection) -> None:
            row = (self._numbers[scope], symbol, cursor.time_ns, cursor.trade_id)
            connection.execute(_CURSOR, row)

        self._lane.hand_over(work, is_single=True)

    def _record(
        self, scope: Scope, name: str, time_ns: int, kind: RecordKind, body: str, raw: str = ""
    ) -> None:
        self._know(scope)

        def work(connection: apsw.Connection) -> None:
            scope_id = self._numbers[scope]
            connection.execute(_RECORD, (scope_id, name, time_ns, kind.value, body, raw))

        self._lane.hand_over(work, is_single=True)

    # Reading

    async def open_intents(self, scope: Scope) -> Sequence[OpenIntent]:
        """Give all intents without a known outcome, oldest first."""
        rows = await self._rows(scope, _OPEN_INTENTS)
        return [
            OpenIntent(
                intent=_intent(scope, name, request, key, created_ns),
                attempt=int(attempt or 0),
                attempted_ns=attempted_ns,
            )
            for name, request, key, created_ns, attempt, attempted_ns in rows
        ]

    async def intent(self, scope: Scope, client_order_id: ClientOrderId) -> Intent | None:
        """Give the intent of an order; None for one that was not asked for here."""
        rows = await self._rows(scope, _INTENT_BY_NAME, client_order_id)
        return _intent(scope, *rows[0]) if rows else None

    async def intent_of_key(self, scope: Scope, intent_key: str) -> Intent | None:
        """Give the intent that an application named `intent_key`."""
        rows = await self._rows(scope, _INTENT_BY_KEY, intent_key)
        return _intent(scope, *rows[0]) if rows else None

    async def order(self, scope: Scope, ref: OrderRef) -> Order | None:
        """Give what is known of an order, all its fills included; None if it is not known."""
        rows: Sequence[tuple[Any, ...]] = ()
        if ref.client_order_id is not None:
            rows = await self._rows(scope, _ORDER_BY_NAME, name_of(ref))
        if not rows and ref.exchange_order_id is not None:
            rows = await self._rows(scope, _ORDER_BY_ID, ref.exchange_order_id, ref.symbol)
        return next(iter(await self._with_fills(scope, rows)), None)

    async def orders(
        self,
        scope: Scope,
        *,
        open_only: bool = False,
        symbol: Symbol | None = None,
        since_ns: int | None = None,
        limit: int = 1000,
    ) -> Sequence[Order]:
        """Give the newest orders, oldest first, all their fills included."""
        if open_only:
            rows = await self._rows(scope, _OPEN_ORDERS, symbol, since_ns)
        else:
            rows = await self._rows(scope, _ORDERS, symbol, since_ns, limit)
        return await self._with_fills(scope, list(reversed(rows)))

    async def origins(self, scope: Scope, orders: Sequence[Order]) -> Sequence[Origin]:
        """Give the origin of each order, `FOREIGN` for one that the journal does not have."""
        self._know(scope)
        names = [name_of(order) for order in orders]

        def work(connection: apsw.Connection) -> list[Origin]:
            found = []
            for name in names:
                rows = list(connection.execute(_ORIGIN, (self._numbers[scope], name)))
                # Orders of others go by another name: they are not found by this one.
                found.append(Origin(rows[0][0]) if rows else Origin.FOREIGN)
            return found

        return await self._lane.run(work)

    async def fills(
        self,
        scope: Scope,
        *,
        symbol: Symbol | None = None,
        since_ns: int | None = None,
        limit: int = 1000,
    ) -> Sequence[Fill]:
        """Give the newest fills, oldest first."""
        rows = await self._rows(
            scope,
            "SELECT body FROM fills WHERE scope = ?1 AND (?2 IS NULL OR symbol = ?2)"
            " AND time_ns >= ?3 ORDER BY time_ns DESC LIMIT ?4",
            symbol,
            since_ns or 0,
            limit,
        )
        return [fill_from_text(body) for (body,) in reversed(rows)]

    async def history(self, scope: Scope, client_order_id: ClientOrderId) -> Sequence[HistoryEntry]:
        """Give everything that was recorded of an order, in order."""
        intents = await self._rows(
            scope,
            "SELECT 0, created_ns, 'intent', request, '' FROM orders"
            " WHERE scope = ?1 AND name = ?2 AND request IS NOT NULL",
            client_order_id,
        )
        rows = await self._rows(
            scope,
            "SELECT id, time_ns, kind, body, raw FROM records WHERE scope = ?1 AND name = ?2"
            " ORDER BY id",
            client_order_id,
        )
        return [
            HistoryEntry(number=number, time_ns=time_ns, kind=RecordKind(kind), body=body, raw=raw)
            for number, time_ns, kind, body, raw in (*intents, *rows)
        ]

    async def cursors(self, scope: Scope) -> Mapping[Symbol, Cursor]:
        """Give up to where fills are known to be complete, by symbol."""
        rows = await self._rows(
            scope, "SELECT symbol, time_ns, trade_id FROM cursors WHERE scope = ?1"
        )
        return {
            Symbol(symbol): Cursor(time_ns=time_ns, trade_id=trade_id)
            for symbol, time_ns, trade_id in rows
        }

    async def first_orders(self, scope: Scope) -> Mapping[Symbol, int]:
        """Give the symbols that ever had an order, with the time of the first."""
        rows = await self._rows(scope, "SELECT symbol, first_ns FROM symbols WHERE scope = ?1")
        return {Symbol(symbol): first_ns for symbol, first_ns in rows}

    async def events(
        self, scope: Scope, *, after: int, limit: int = 1000
    ) -> Sequence[JournalEvent]:
        """Give the changes of orders with a number above `after`, oldest first."""
        self._know(scope)

        def work(connection: apsw.Connection) -> list[JournalEvent]:
            found = []
            scope_id = self._numbers[scope]
            # What an order was when a fill of it came: its record stands before the fill's.
            orders: dict[str, Order] = {}
            for number, name, time_ns, kind, body in list(
                connection.execute(_EVENTS, (scope_id, after, limit))
            ):
                fill = None
                if kind == RecordKind.ORDER.value:
                    orders[name] = order_from_text(body)
                else:
                    fill = fill_from_text(body)
                    if name not in orders:
                        ((before,),) = connection.execute(_ORDER_BEFORE, (scope_id, name, number))
                        orders[name] = order_from_text(before)
                found.append(
                    JournalEvent(number=number, time_ns=time_ns, order=orders[name], fill=fill)
                )
            return found

        return await self._lane.run(work)

    async def last_event(self, scope: Scope) -> int:
        """Give the number of the newest change; zero before the first."""
        rows = await self._rows(
            scope,
            "SELECT id FROM records WHERE +scope = ?1 AND kind IN ('order', 'fill')"
            " ORDER BY id DESC LIMIT 1",
        )
        return int(rows[0][0]) if rows else 0

    async def position(self, scope: Scope, consumer: str) -> int | None:
        """Give the number of the last event that a consumer has done with."""
        rows = await self._rows(
            scope, "SELECT position FROM consumers WHERE scope = ?1 AND name = ?2", consumer
        )
        return int(rows[0][0]) if rows else None

    def move_position(self, scope: Scope, consumer: str, number: int) -> None:
        """Remember that a consumer has done with all events up to `number`."""
        self._know(scope)

        def work(connection: apsw.Connection) -> None:
            connection.execute(_POSITION, (self._numbers[scope], consumer, number))

        self._lane.hand_over(work, is_single=True)

    async def installation_mark(self, rng: random.Random) -> int:
        """Give the number (40 bits) that marks this installation's orders; made once, kept."""
        proposed = str(rng.getrandbits(_MARK_BITS))

        def work(connection: apsw.Connection) -> int:
            connection.execute("INSERT OR IGNORE INTO facts VALUES ('mark', ?)", (proposed,))
            (value,) = next(iter(connection.execute("SELECT value FROM facts WHERE name = 'mark'")))
            return int(value)

        mark = await self._lane.run(work)
        # Whatever the durability: after a loss of power, what is left at the exchange is known by
        # it alone.
        await self._lane.sync()
        return mark

    async def flush(self) -> None:
        """Wait until all records are written."""
        await self._lane.flush()

    async def close(self) -> None:
        """Write what is queued and close."""
        await self._lane.close()

    async def _rows(self, scope: Scope, query: str, *values: object) -> list[tuple[Any, ...]]:
        self._know(scope)

        def work(connection: apsw.Connection) -> list[tuple[Any, ...]]:
            bound = (self._numbers[scope], *values)
            return list(connection.execute(query, bound))

        return await self._lane.run(work, is_single=True)

    async def _with_fills(self, scope: Scope, rows: Iterable[tuple[Any, ...]]) -> list[Order]:
        orders = []
        # Named: left alone, SQLite chooses the index by time and reads all fills of the account.
        query = (
            "SELECT body FROM fills INDEXED BY fills_by_name WHERE scope = ?1 AND name = ?2"
            " ORDER BY time_ns, trade_id"
        )
        for name, symbol, request, created_ns, phase, body in rows:
            if body is None:
                known = _order_of_intent(request_from_text(request), name, created_ns, phase)
            else:
                known = order_from_text(body)
                found = await self._rows(scope, query, name) if known.filled else []
                fills = tuple(fill_from_text(each) for (each,) in found)
                known = attrs.evolve(known, fills=fills) if fills else known
            assert known.symbol == symbol
            orders.append(known)
        return orders

    def _know(self, scope: Scope) -> None:
        """Have the scope's number ready for all work that is handed over after this."""
        if scope in self._named:
            return
        names = (scope.exchange, scope.account, scope.environment)

        # A transaction of its own: work that fails must not take the number back with it.
        def work(connection: apsw.Connection) -> None:
            connection.execute(_SCOPE, names)
            ((self._numbers[scope],),) = connection.execute(_SCOPE_NUMBER, names)

        self._lane.hand_over(work)
        self._named.add(scope)

    def _know_symbol(self, scope: Scope, symbol: Symbol, first_ns: int) -> None:
        """Have the symbol listed before the first order of it."""
        if (scope, symbol) in self._symbols:
            return

        def work(connection: apsw.Connection) -> None:
            connection.execute(_SYMBOL, (self._numbers[scope], symbol, first_ns))

        self._lane.hand_over(work, is_single=True)
        self._symbols.add((scope, symbol))


def _intent(scope: Scope, name: str, request: str, key: str | None, created_ns: int) -> Intent:
    return Intent(
        scope=scope,
        client_order_id=ClientOrderId(name),
        request=request_from_text(request),
        intent_key=key,
        created_ns=created_ns,
    )


def _order_of_intent(request: OrderRequest, name: str, created_ns: int, phase: str) -> Order:
    return attrs.evolve(
        order_from_request(request, ClientOrderId(name), created_ns),
        phase=OrderPhase.UNKNOWN if phase == OrderPhase.PREPARED.value else OrderPhase(phase),
    )
