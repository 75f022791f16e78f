"""Orders and fills as REST answers and the `user` channel write them.

Source: Coinbase "Get Order", "List Fills" and "WebSocket Channels", 2026-06, and recordings.
"""

from decimal import Decimal
from typing import Final

from venuekit.sim.money import exact
from venuekit.sim.orders import Side
from venuekit_coinbase.sim.purse import funds_of
from venuekit_coinbase.sim.records import FillRecord, OrderRecord, Status
from venuekit_coinbase.sim.wire import NO_TIME, digits, quotient, rfc3339

_HUNDRED: Final = Decimal(100)
_TITLES: Final = {
    "MARKET": "Market",
    "LIMIT": "Limit",
    "STOP_LIMIT": "Stop Limit",
    "BRACKET": "Bracket",
}
PLACED_BY: Final = "RETAIL_ADVANCED"


def side_name(record: OrderRecord) -> str:
    """Write the side."""
    return "BUY" if record.draft.side is Side.BUY else "SELL"


@exact
def completion(record: OrderRecord) -> str:
    """Write how much of an order is filled, in percent."""
    draft = record.draft
    if draft.base_size is not None:
        return digits(quotient(record.filled * _HUNDRED, draft.base_size))
    if record.status is Status.FILLED:
        return "100"
    assert draft.quote_size is not None
    return digits(quotient(record.value * _HUNDRED, draft.quote_size))


@exact
def total_after_fees(record: OrderRecord) -> Decimal:
    """Give what a purchase cost, or what a sale brought, with its commission."""
    is_buy = record.draft.side is Side.BUY
    return record.value + record.fees if is_buy else record.value - record.fees


def trigger_status(record: OrderRecord) -> str:
    """Write whether a stop waits."""
    if record.draft.stop_price is None:
        return "INVALID_ORDER_TYPE"
    return "STOP_TRIGGERED" if record.is_triggered else "STOP_PENDING"


def order_payload(record: OrderRecord) -> dict[str, object]:
    """Write an order as queries give it."""
    draft = record.draft
    last_fill = rfc3339(record.fills[-1].at_ns) if record.fills else None
    return {
        "order_id": record.order_id,
        "product_id": record.product_id,
        "user_id": record.user_id,
        "order_configuration": dict(draft.configuration),
        "side": side_name(record),
        "client_order_id": record.client_order_id,
        "status": record.status.value,
        "time_in_force": draft.form.time_in_force,
        "created_time": rfc3339(record.created_ns),
        "completion_percentage": completion(record),
        "filled_size": digits(record.filled),
        "average_filled_price": digits(quotient(record.value, record.filled)),
        "fee": "",
        "number_of_fills": str(len(record.fills)),
        "filled_value": digits(record.value),
        "pending_cancel": record.status is Status.CANCEL_QUEUED,
        "size_in_quote": draft.is_sized_in_quote,
        "total_fees": digits(record.fees),
        "size_inclusive_of_fees": draft.is_sized_in_quote and draft.limit_price is None,
        "total_value_after_fees": digits(total_after_fees(record)),
        "trigger_status": trigger_status(record),
        "order_type": draft.form.order_type,
        "reject_reason": record.reject_reason,
        "settled": record.status is Status.FILLED,
        "product_type": "SPOT",
        "reject_message": record.reject_message,
        "cancel_message": record.cancel_message,
        "order_placement_source": PLACED_BY,
        "outstanding_hold_amount": digits(funds_of(record)),
        "is_liquidation": False,
        "last_fill_time": last_fill,
        "last_update_time": rfc3339(record.updated_ns),
        "edit_history": [
            {
                "price": digits(edit.price),
                "size": digits(edit.size),
                "replace_accept_timestamp": rfc3339(edit.at_ns),
            }
            for edit in record.edits
        ],
        "leverage": "",
        "margin_type": "UNKNOWN_MARGIN_TYPE",
        "retail_portfolio_id": "",
        "originating_order_id": "",
        "attached_order_id": "",
        "attached_order_configuration": None,
        "current_pending_replace": None,
        "commission_detail_total": None,
        "workable_size": "",
    }


def fill_payload(record: OrderRecord, fill: FillRecord, portfolio_id: str) -> dict[str, object]:
    """Write a fill; its size is in the quote asset where that of the order was."""
    in_quote = record.draft.is_sized_in_quote and record.draft.limit_price is None
    return {
        "entry_id": fill.entry_id,
        "trade_id": fill.trade_id,
        "order_id": record.order_id,
        "trade_time": rfc3339(fill.at_ns),
        "trade_type": "FILL",
        "price": digits(fill.price),
        "size": digits(fill.value if in_quote else fill.size),
        "commission": digits(fill.commission),
        "product_id": record.product_id,
        "sequence_timestamp": rfc3339(fill.at_ns),
        "liquidity_indicator": "MAKER" if fill.is_maker else "TAKER",
        "size_in_quote": in_quote,
        "user_id": record.user_id,
        "side": side_name(record),
        "retail_portfolio_id": portfolio_id,
        "fillSource": "FILL_SOURCE_CLOB",
        "commission_detail_total": None,
    }


def channel_order(record: OrderRecord, portfolio_id: str) -> dict[str, object]:
    """Write an order as the `user` channel does: what has happened to it in all, as text."""
    draft = record.draft
    reject = record.reject_reason if record.status is Status.FAILED else ""
    return {
        "avg_price": digits(quotient(record.value, record.filled)),
        "cancel_reason": record.cancel_message,
        "client_order_id": record.client_order_id,
        "completion_percentage": completion(record),
        "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
        "cumulative_quantity": digits(record.filled),
        "filled_value": digits(record.value),
        "leaves_quantity": digits(record.leaves),
        "limit_price": "0" if draft.limit_price is None else digits(draft.limit_price),
        "number_of_fills": str(len(record.fills)),
        "order_id": record.order_id,
        "order_side": side_name(record),
        "order_type": _TITLES[draft.form.order_type],
        "outstanding_hold_amount": digits(funds_of(record)),
        "post_only": "true" if draft.post_only else "false",
        "product_id": record.product_id,
        "product_type": "SPOT",
        "reject_reason": reject,
        "retail_portfolio_id": portfolio_id,
        "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
        "status": record.status.value,
        "stop_price": "" if draft.stop_price is None else digits(draft.stop_price),
        "time_in_force": draft.form.time_in_force,
        "total_fees": digits(record.fees),
        "total_value_after_fees": digits(total_after_fees(record)),
        "trigger_status": trigger_status(record),
        "creation_time": rfc3339(record.created_ns),
        "end_time": NO_TIME if draft.end_ns is None else rfc3339(draft.end_ns),
        "start_time": NO_TIME,
    }
