"""Taking old orders out of a journal, without taking away what it is there for.

What has to stay, whatever its age:

- What is not final. Its outcome, or its end, is still to come.
- What an application named with an intent key: the same key is the same order for ever. Of such an
  order only the history goes; what it asked for, what became of it, and its fills stay.
- What a comparison with the exchange asks for again: all trades since shortly before the cursor of
  their instrument. An order whose trades are told again must be known, or it would be taken for a
  new one. Without a cursor nothing of the instrument was ever compared, and all of it stays.
- What a consumer of events has not done with.
- The newest record, whosesoever it is: the next one takes its number plus one, and a number is
  never given twice.
"""

import enum
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Self

import apsw
import attrs

from venuekit.model import OrderPhase
from venuekit.stores.snapshot import Tick, nothing

OVERLAP_NS: Final = 60_000_000_000
"""How long before its cursor an instrument's trades are asked for again; as in `orders`."""
_AT_ONCE: Final = 500
_FINAL: Final = ", ".join(f"'{phase.value}'" for phase in OrderPhase if phase.is_final)
_CANDIDATES: Final = f"""
    SELECT id, scope, name, symbol, intent_key IS NOT NULL, created_ns FROM orders
    WHERE id > ?1 AND is_open = 0 AND phase IN ({_FINAL}) AND created_ns < ?2
    ORDER BY id LIMIT {_AT_ONCE}
"""  # noqa: S608  words of ours
_RECORDS: Final = (
    "SELECT count(*), coalesce(max(id), 0), coalesce(max(time_ns), 0) FROM records"
    " WHERE scope = ? AND name = ?"
)
# The index is named: left alone, SQLite chooses another and reads all fills of the account.
_FILLS: Final = (
    "SELECT count(*), coalesce(max(time_ns), 0) FROM fills INDEXED BY fills_by_name"
    " WHERE scope = ? AND name = ?"
)


@attrs.frozen(kw_only=True)
class Pruned:
    """What was taken out, or would be."""

    orders: int = 0
    histories: int = 0
    """Orders with an intent key, of which only the history went."""
    records: int = 0
    fills: int = 0
    not_compared: int = 0
    """Old orders that stay because a comparison asks for their trades again."""
    not_consumed: int = 0
    """Old orders that stay because a consumer has not done with their events."""
    consumers: tuple[str, ...] = ()
    """Those consumers."""

    @property
    def is_empty(self) -> bool:
        """Say whether there was nothing to take out."""
        return not self.orders and not self.histories


def prune(
    connection: apsw.Connection,
    before_ns: int,
    accounts: Collection[int],
    *,
    is_dry: bool = False,
    tick: Tick = nothing,
) -> Pruned:
    """Take out the orders that ended and were last heard of before `before_ns`.

    It goes in steps, each a transaction: what interrupts it leaves a sound journal, and running it
    again does the rest. Only with `is_dry` may another process hold the journal.

    Args:
        connection: The journal, opened alone; with `is_dry` also a copy.
        before_ns: Nanoseconds since the epoch.
        accounts: Whose orders, by the numbers of their rows in `scopes`.
        is_dry: Only count.
        tick: Told how many orders were looked at, of how many.

    Raises:
        apsw.Error: The journal cannot be written; the steps before that one are done.
    """
    rules = _Rules.read(connection, before_ns)
    ((total,),) = connection.execute("SELECT coalesce(max(id), 0) FROM orders")
    pruned = Pruned()
    last = 0
    while rows := list(connection.execute(_CANDIDATES, (last, before_ns))):
        last = rows[-1][0]
        aged = [_aged(connection, row) for row in rows if row[1] in accounts]
        going = [each for each in aged if rules.reason_to_keep(each) is None]
        if not is_dry:
            _remove(connection, going)
        pruned = _added(pruned, going, [rules.reason_to_keep(each) for each in aged])
        tick(last, total)
    consumers = rules.late_consumers if pruned.not_consumed else ()
    return attrs.evolve(pruned, consumers=consumers)


def compact(connection: apsw.Connection) -> None:
    """Give the room of what was taken out back to the disk; needs as much room meanwhile.

    Raises:
        apsw.Error: It could not be done; the journal is as it was.
    """
    connection.execute("VACUUM")
    connection.pragma("wal_checkpoint(TRUNCATE)")


class _Keep(enum.Enum):
    RECENT = "recent"
    NOTHING_LEFT = "nothing left"
    NOT_COMPARED = "not compared"
    NOT_CONSUMED = "not consumed"


@attrs.frozen(kw_only=True)
class _Aged:
    """An order that has ended, with what tells its age."""

    id: int
    scope: int
    name: str
    symbol: str
    has_key: bool
    records: int
    last_record: int
    fills: int
    last_ns: int


@attrs.frozen(kw_only=True)
class _Rules:
    """What decides whether an order may go."""

    before_ns: int
    newest_record: int
    compared_ns: Mapping[tuple[int, str], int]
    """By account and instrument: trades before this are not asked for again."""
    consumed: Mapping[int, int]
    """By account: the last event that all consumers have done with."""
    late_consumers: tuple[str, ...]

    @classmethod
    def read(cls, connection: apsw.Connection, before_ns: int) -> Self:
        """Read from a journal what its rules depend on."""
        ((newest,),) = connection.execute("SELECT coalesce(max(id), 0) FROM records")
        cursors = connection.execute("SELECT scope, symbol, time_ns FROM cursors")
        compared = {(scope, symbol): at_ns - OVERLAP_NS for scope, symbol, at_ns in cursors}
        consumers: list[tuple[int, str, int]] = []
        if connection.table_exists(None, "consumers"):  # a copy may be of an older version
            consumers = list(connection.execute("SELECT scope, name, position FROM consumers"))
        consumed: dict[int, int] = {}
        for scope, _, position in consumers:
            consumed[scope] = min(position, consumed.get(scope, position))
        late = {name for scope, name, position in consumers if position <= consumed[scope]}
        return cls(
            before_ns=before_ns,
            newest_record=newest,
            compared_ns=compared,
            consumed=consumed,
            late_consumers=tuple(sorted(late)),
        )

    def reason_to_keep(self, order: _Aged) -> _Keep | None:
        """Say why an order stays; None if it may go."""
        if order.last_ns >= self.before_ns or order.last_record >= self.newest_record > 0:
            return _Keep.RECENT
        if order.has_key and not order.records:
            return _Keep.NOTHING_LEFT
        if order.last_ns >= self.compared_ns.get((order.scope, order.symbol), 0):
            return _Keep.NOT_COMPARED
        if order.last_record > self.consumed.get(order.scope, order.last_record):
            return _Keep.NOT_CONSUMED
        return None


def _aged(connection: apsw.Connection, row: tuple[Any, ...]) -> _Aged:
    id_, scope, name, symbol, has_key, created_ns = row
    ((records, last_record, record_ns),) = connection.execute(_RECORDS, (scope, name))
    ((fills, fill_ns),) = connection.execute(_FILLS, (scope, name))
    return _Aged(
        id=id_,
        scope=scope,
        name=name,
        symbol=symbol,
        has_key=bool(has_key),
        records=records,
        last_record=last_record,
        fills=fills,
        last_ns=max(created_ns, record_ns, fill_ns),
    )


def _remove(connection: apsw.Connection, going: Sequence[_Aged]) -> None:
    names = [(each.scope, each.name) for each in going]
    whole = [each for each in going if not each.has_key]
    with connection:  # one transaction
        connection.executemany("DELETE FROM records WHERE scope = ? AND name = ?", names)
        connection.executemany(
            "DELETE FROM fills INDEXED BY fills_by_name WHERE scope = ? AND name = ?",
            [(each.scope, each.name) for each in whole],
        )
        connection.executemany("DELETE FROM orders WHERE id = ?", [(each.id,) for each in whole])


def _added(pruned: Pruned, going: Sequence[_Aged], reasons: Sequence[_Keep | None]) -> Pruned:
    whole = [each for each in going if not each.has_key]
    return attrs.evolve(
        pruned,
        orders=pruned.orders + len(whole),
        histories=pruned.histories + len(going) - len(whole),
        records=pruned.records + sum(each.records for each in going),
        fills=pruned.fills + sum(each.fills for each in whole),
        not_compared=pruned.not_compared + reasons.count(_Keep.NOT_COMPARED),
        not_consumed=pruned.not_consumed + reasons.count(_Keep.NOT_CONSUMED),
    )
