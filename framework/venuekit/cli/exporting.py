"""Journals as tables for other programs: CSV, JSON lines, Parquet.

Amounts are text with all their digits in every format, in Parquet too: a decimal there has one
scale for a whole column, which would cut digits off or add zeros. Times are ISO 8601 with nine
digits of a second; in Parquet they are timestamps in nanoseconds, UTC.
"""

import contextlib
import csv
import importlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Literal

import attrs

from venuekit.cli.exits import UsageError
from venuekit.cli.records import iso
from venuekit.model import plain
from venuekit.stores import HistoryEntry, Scope
from venuekit.stores.upkeep import KnownFill, KnownOrder, Line, Upkeep

Format = Literal["csv", "jsonl", "parquet"]
What = Literal["orders", "fills", "records"]
Row = Mapping[str, Any]

_ROWS_AT_ONCE: Final = 50_000
_ACCOUNT: Final = ("exchange", "environment", "account")


@attrs.frozen
class Table:
    """What an export consists of. Every column is text but those named apart."""

    columns: Sequence[str]
    rows: Callable[[Upkeep], Iterator[Row]]
    moments: frozenset[str] = frozenset()
    counts: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()


def _orders(upkeep: Upkeep) -> Iterator[Row]:
    return map(_order, upkeep.orders())


def _fills(upkeep: Upkeep) -> Iterator[Row]:
    return map(_fill, upkeep.fills())


def _records(upkeep: Upkeep) -> Iterator[Row]:
    return map(_line, upkeep.records())


TABLES: Final[Mapping[What, Table]] = {
    "orders": Table(
        (
            *_ACCOUNT, "client_order_id", "exchange_order_id", "symbol", "side", "type", "phase",
            "quantity", "quote_quantity", "price", "stop_price", "time_in_force", "post_only",
            "filled", "filled_quote", "list_id", "reason", "origin", "intent_key", "created",
            "updated",
        ),
        _orders,
        moments=frozenset({"created", "updated"}),
        flags=frozenset({"post_only"}),
    ),
    "fills": Table(
        (
            *_ACCOUNT, "symbol", "trade_id", "client_order_id", "exchange_order_id", "side",
            "price", "quantity", "fee", "fee_asset", "liquidity", "is_inferred", "time",
        ),
        _fills,
        moments=frozenset({"time"}),
        flags=frozenset({"is_inferred"}),
    ),
    "records": Table(
        (*_ACCOUNT, "number", "name", "symbol", "time", "kind", "body", "raw"),
        _records,
        moments=frozenset({"time"}),
        counts=frozenset({"number"}),
    ),
}  # fmt: skip


def format_of(out: str, named: Format | None) -> Format:
    """Give the format that is named, or that the file's name ends with; raises UsageError."""
    if named is not None:
        return named
    ends: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}
    found = ends.get(Path(out).suffix.lower())
    if found is None:
        raise UsageError(f"{out}: say --format csv, jsonl or parquet")
    return found


def write_text(table: Table, rows: Iterable[Row], format_: Format, file: IO[str]) -> None:
    """Write CSV or JSON lines."""
    if format_ == "csv":
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows([_cell(table, row, name) for name in table.columns] for row in rows)
        return
    for row in rows:
        told = {name: _told(table, row, name) for name in table.columns}
        file.write(json.dumps(told, ensure_ascii=True) + "\n")


def load_parquet() -> Any:
    """Import what writes Parquet, an extra; raises UsageError where it is missing."""
    try:
        importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError(
            'the format parquet needs pyarrow; install it with pip install "venuekit[parquet]", '
            "or choose csv or jsonl"
        ) from error
    return importlib.import_module("pyarrow")


def write_parquet(table: Table, rows: Iterable[Row], path: Path) -> None:
    """Write Parquet, in groups of rows, so that memory stays small."""
    arrow = load_parquet()
    kinds = {
        **dict.fromkeys(table.columns, arrow.string()),
        **dict.fromkeys(table.moments, arrow.timestamp("ns", tz="UTC")),
        **dict.fromkeys(table.counts, arrow.int64()),
        **dict.fromkeys(table.flags, arrow.bool_()),
    }
    schema = arrow.schema([(name, kinds[name]) for name in table.columns])
    with arrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(rows):
            writer.write_table(arrow.Table.from_pylist(group, schema=schema))


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        group.append(row)
        if len(group) == _ROWS_AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def _told(table: Table, row: Row, name: str) -> Any:
    value = row[name]
    return iso(value) if name in table.moments and value is not None else value


def _cell(table: Table, row: Row, name: str) -> Any:
    value = _told(table, row, name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _account(scope: Scope) -> dict[str, Any]:
    return {name: getattr(scope, name) for name in _ACCOUNT}


def _amount(value: Any) -> str | None:
    return None if value is None else plain(value)


def _value(value: Any) -> Any:
    return None if value is None else value.value


def _order(known: KnownOrder) -> Row:
    order = known.order
    return {
        **_account(known.scope),
        "client_order_id": order.client_order_id,
        "exchange_order_id": order.exchange_order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.type.value,
        "phase": order.phase.value,
        "quantity": _amount(order.quantity),
        "quote_quantity": _amount(order.quote_quantity),
        "price": _amount(order.price),
        "stop_price": _amount(order.stop_price),
        "time_in_force": _value(order.time_in_force),
        "post_only": order.post_only,
        "filled": _amount(order.filled),
        "filled_quote": _amount(order.filled_quote),
        "list_id": order.list_id,
        "reason": order.reason,
        "origin": known.origin.value,
        "intent_key": known.intent_key,
        "created": known.created_ns,
        "updated": order.updated_ns,
    }


def _fill(known: KnownFill) -> Row:
    fill = known.fill
    return {
        **_account(known.scope),
        "symbol": fill.symbol,
        "trade_id": fill.trade_id,
        "client_order_id": fill.client_order_id
        or (None if known.name.startswith("#") else known.name),
        "exchange_order_id": fill.exchange_order_id,
        "side": fill.side.value,
        "price": plain(fill.price),
        "quantity": plain(fill.quantity),
        "fee": None if fill.fee is None else plain(fill.fee.amount),
        "fee_asset": None if fill.fee is None else fill.fee.asset,
        "liquidity": _value(fill.liquidity),
        "is_inferred": fill.is_inferred,
        "time": fill.time_ns,
    }


def _line(line: Line) -> Row:
    entry: HistoryEntry = line.entry
    return {
        **_account(line.scope),
        "number": entry.number,
        "name": line.name,
        "symbol": line.symbol,
        "time": entry.time_ns,
        "kind": entry.kind.value,
        "body": entry.body,
        "raw": entry.raw,
    }


class Counted:
    """Rows, counted as they pass."""

    def __init__(self, rows: Iterator[Row], total: int, tick: Callable[[int, int], None]) -> None:
        """Pass `rows` on, of which there are about `total`."""
        self._rows = rows
        self._total = total
        self._tick = tick
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        """Give them one after the other."""
        for row in self._rows:
            yield row
            self.count += 1
            if self.count % 500 == 0:
                self._tick(min(self.count, self._total), self._total)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a file to be written, which gets its name once it is whole; never replaces one."""
    there = UsageError(f"{path}: it is there already and is not overwritten; name another file")
    if path.exists() or path.is_symlink():
        raise there
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        # What somebody traded is for their eyes alone.
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        try:
            yield partial
            os.link(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except FileExistsError:
        raise there from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name another file") from error
