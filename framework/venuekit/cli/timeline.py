"""What a journal says, in words: one line of it, or an order's whole way."""

import json
from collections.abc import Sequence
from typing import Any, Final

from venuekit.cli.journals import where
from venuekit.cli.market import moment
from venuekit.cli.records import iso, record
from venuekit.cli.screen import Cell, Grid, amount
from venuekit.cli.trading import in_words
from venuekit.model import Fill, Order, plain
from venuekit.stores import HistoryEntry, RecordKind
from venuekit.stores.records import fill_from_text, order_from_text, request_from_text
from venuekit.stores.upkeep import KnownOrder, Line

_NS_IN_MS: Final = 1_000_000


def words_of(entry: HistoryEntry) -> str:
    """Put one line of an order's history into words."""
    match entry.kind:
        case RecordKind.INTENT:
            return in_words(request_from_text(entry.body))
        case RecordKind.ATTEMPT:
            return f"number {entry.body}: it may be on the wire from here on"
        case RecordKind.ORDER:
            return order_in_words(order_from_text(entry.body))
        case RecordKind.FILL:
            return _fill(fill_from_text(entry.body))
        case RecordKind.COMMAND:
            return _command(json.loads(entry.body))
        case RecordKind.NOTE:
            return entry.body


def order_in_words(order: Order) -> str:
    """Say how far an order is."""
    words = order.phase.value.replace("_", " ")
    if order.filled:
        words += f", {plain(order.filled)} of {amount(order.quantity)} executed"
    if order.exchange_order_id is not None:
        words += f", there {order.exchange_order_id}"
    return words + (f", {order.reason}" if order.reason else "")


def timeline(known: KnownOrder, history: Sequence[HistoryEntry], *, raw: bool) -> Grid:
    """Draw an order's history, each line with its distance from the first."""
    begun_ns = history[0].time_ns if history else known.created_ns
    rows: list[list[Cell]] = []
    for entry in history:
        words = words_of(entry)
        if entry.kind is RecordKind.FILL:
            traded_ns = fill_from_text(entry.body).time_ns
            words += f", traded at {_offset(traded_ns, begun_ns)}"
        rows.append([_offset(entry.time_ns, begun_ns), entry.kind.value, words])
        if raw and entry.raw:
            # A blank after each comma, so that lines can break there; --json has it as it came.
            rows.append(["", "raw", entry.raw.replace(",", ", ")])
    return Grid(
        title=f"from {moment(begun_ns)} UTC on",
        columns=[">ms", "what", "~"],
        rows=rows,
        empty="nothing was recorded",
    )


def facts(known: KnownOrder, history: Sequence[HistoryEntry]) -> Grid:
    """Draw what is known of an order."""
    order = known.order
    size = order.quantity if order.quantity is not None else order.quote_quantity
    rows: list[tuple[str, Cell]] = [
        (
            "asked for",
            f"{order.side.value} {amount(size)} {order.symbol} {order.type.value}",
        ),
        ("price", amount(order.price)),
        ("state", order_in_words(order)),
        ("average price", amount(order.average_price)),
        ("client order id", order.client_order_id),
        ("exchange order id", order.exchange_order_id),
        ("account", where(known.scope)),
        ("origin", known.origin.value),
    ]
    if known.intent_key is not None:
        rows.append(("intent key", known.intent_key))
    if not any(entry.kind is RecordKind.ORDER for entry in history) and order.phase.is_final:
        rows.append(("history", "taken out by venuekit journal prune"))
    return Grid(columns=["order", "~"], rows=rows)


def shown(known: KnownOrder, history: Sequence[HistoryEntry], *, raw: bool) -> dict[str, Any]:
    """Give an order with its history as data."""
    begun_ns = history[0].time_ns if history else known.created_ns
    return {
        **order_data(known),
        "history": [
            {**_entry(each, raw=raw), "offset_ms": (each.time_ns - begun_ns) / _NS_IN_MS}
            for each in history
        ],
    }


def order_data(known: KnownOrder) -> dict[str, Any]:
    """Give an order as data, with where it is."""
    return {
        "exchange": known.scope.exchange,
        "environment": known.scope.environment,
        "account": known.scope.account,
        "origin": known.origin.value,
        "intent_key": known.intent_key,
        **record(known.order),
    }


def line_data(line: Line) -> dict[str, Any]:
    """Give a line of a journal as data."""
    return {
        "event": line.entry.kind.value,
        "exchange": line.scope.exchange,
        "environment": line.scope.environment,
        "account": line.scope.account,
        "name": line.name,
        "symbol": line.symbol,
        **_entry(line.entry, raw=True),
    }


def _entry(entry: HistoryEntry, *, raw: bool) -> dict[str, Any]:
    is_text = entry.kind is RecordKind.NOTE
    data = {
        "number": entry.number,
        "time": iso(entry.time_ns),
        "kind": entry.kind.value,
        "body": entry.body if is_text else json.loads(entry.body),
    }
    return {**data, "raw": entry.raw} if raw else data


def _offset(time_ns: int, begun_ns: int) -> str:
    return f"{(time_ns - begun_ns) / _NS_IN_MS:+,.3f}"


def _fill(fill: Fill) -> str:
    words = f"{plain(fill.quantity)} at {plain(fill.price)}"
    if fill.fee is not None:
        words += f", fee {plain(fill.fee.amount)} {fill.fee.asset}"
    if fill.liquidity is not None:
        words += f", {fill.liquidity.value}"
    if fill.is_inferred:
        return f"{words}, concluded from the order's totals"
    return f"{words}, trade {fill.trade_id}"


def _command(body: dict[str, Any]) -> str:
    reason = body.get("reason")
    return f"{body['command']} {body['state']}" + (f": {reason}" if reason else "")
