"""Lists of orders and fills.

Source: Coinbase "List Orders", "Get Order", "List Fills", 2026-06.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from venuekit.sim.faults import FaultKind
from venuekit_coinbase.sim.calls import Call, page
from venuekit_coinbase.sim.order_payloads import (
    PLACED_BY,
    fill_payload,
    order_payload,
    side_name,
)
from venuekit_coinbase.sim.records import FillRecord, OrderRecord
from venuekit_coinbase.sim.refusals import invalid, unknown_order

if TYPE_CHECKING:
    from venuekit_coinbase.sim.venue import Venue

_MOST_ORDERS: Final = 1_000
_MOST_FILLS: Final = 250
_USUAL_FILLS: Final = 100


def _visible(venue: "Venue", call: Call) -> list[OrderRecord]:
    """Give an account's orders, without those that memory has not seen yet."""
    rows = venue.desk.of(call.account)
    fault = venue.faults.lasting(FaultKind.MEMORY_LAG)
    if fault is None:
        return rows
    return [row for row in rows if call.now_ns - row.created_ns >= fault.value * 1_000_000]


def get_order(venue: "Venue", call: Call) -> object:
    """Give one order, or refuse (404)."""
    for record in _visible(venue, call):
        if record.order_id == call.id:
            return {"order": order_payload(record)}
    raise unknown_order()


def list_orders(venue: "Venue", call: Call) -> object:
    """Give orders, the newest first unless another order is asked for."""
    if venue.behavior.needs_proof_token and not call.text("proof_token"):
        return {
            "orders": [],
            "sequence": "0",
            "has_next": False,
            "cursor": "",
            "proof_token_required": True,
        }
    statuses = call.several("order_status")
    if "OPEN" in statuses and len(statuses) > 1 and not venue.behavior.open_combines:
        raise invalid("order_status OPEN can not be combined with other statuses")
    rows = [row for row in _visible(venue, call) if _is_wanted(row, call, statuses)]
    rows.sort(key=lambda row: row.number, reverse=True)
    limit = call.number("limit", _MOST_ORDERS, least=1, most=_MOST_ORDERS)
    chosen, cursor = page(
        _sorted(rows, call.text("sort_by")), call.text("cursor"), limit, lambda row: row.number
    )
    return {
        "orders": [order_payload(row) for row in chosen],
        "sequence": "0",
        "has_next": bool(cursor),
        "cursor": cursor,
        "proof_token_required": False,
    }


def _is_wanted(row: OrderRecord, call: Call, statuses: Sequence[str]) -> bool:
    start_ns, end_ns = call.moment("start_date"), call.moment("end_date")
    if start_ns is not None and row.created_ns < start_ns:
        return False
    if end_ns is not None and row.created_ns >= end_ns:
        return False
    assets = {row.draft.listing.spec.base, row.draft.listing.quote}
    wanted_assets = call.several("asset_filters")
    if wanted_assets and not assets & set(wanted_assets):
        return False
    source = call.text("order_placement_source") or PLACED_BY
    return source == PLACED_BY and all(
        not wanted or value in wanted
        for value, wanted in (
            (row.order_id, call.several("order_ids")),
            (row.product_id, call.several("product_ids")),
            ("SPOT", call.several("product_type")),
            (row.status.value, statuses),
            (row.draft.form.time_in_force, call.several("time_in_forces")),
            (row.draft.form.order_type, call.several("order_types")),
            (side_name(row), call.several("order_side")),
        )
    )


def _sorted(rows: list[OrderRecord], by: str) -> list[OrderRecord]:
    match by:
        case "LIMIT_PRICE":
            return sorted(rows, key=lambda row: row.draft.limit_price or 0, reverse=True)
        case "LAST_FILL_TIME":
            return sorted(
                rows, key=lambda row: row.fills[-1].at_ns if row.fills else 0, reverse=True
            )
        case "LAST_UPDATE_TIME":
            return sorted(rows, key=lambda row: row.updated_ns, reverse=True)
        case _:
            return rows


def list_fills(venue: "Venue", call: Call) -> object:
    """Give fills, the newest first; there is no `has_next`, an empty cursor ends the list."""
    rows = [
        (record, fill)
        for record in _visible(venue, call)
        for fill in record.fills
        if _is_fill_wanted(record, fill, call)
    ]
    rows.sort(key=lambda row: row[1].number, reverse=True)
    if call.text("sort_by") == "PRICE":
        rows.sort(key=lambda row: row[1].price, reverse=True)
    limit = call.number("limit", _USUAL_FILLS, least=1, most=_MOST_FILLS)
    chosen, cursor = page(rows, call.text("cursor"), limit, lambda row: row[1].number)
    portfolio = venue.users[call.account].portfolio_id
    return {
        "fills": [fill_payload(record, fill, portfolio) for record, fill in chosen],
        "cursor": cursor,
    }


def _is_fill_wanted(record: OrderRecord, fill: FillRecord, call: Call) -> bool:
    start_ns = call.moment("start_sequence_timestamp")
    end_ns = call.moment("end_sequence_timestamp")
    if start_ns is not None and fill.at_ns < start_ns:
        return False
    if end_ns is not None and fill.at_ns >= end_ns:
        return False
    return _all_in(
        (record.order_id, call.several("order_ids") + call.several("order_id")),
        (fill.trade_id, call.several("trade_ids")),
        (record.product_id, call.several("product_ids") + call.several("product_id")),
    )


def _all_in(*pairs: tuple[str, Iterable[str]]) -> bool:
    return all(not list(wanted) or value in wanted for value, wanted in pairs)
