"""Creating, previewing, changing and canceling orders.

Source: Coinbase "Create Order", "Preview Order", "Edit Order", "Cancel Orders", 2026-06.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from venuekit.sim.money import exact
from venuekit_coinbase.sim.calls import Call
from venuekit_coinbase.sim.configurations import Draft, draft_from
from venuekit_coinbase.sim.edits import EditRefused
from venuekit_coinbase.sim.order_payloads import side_name
from venuekit_coinbase.sim.purse import rate_of
from venuekit_coinbase.sim.records import OrderRecord
from venuekit_coinbase.sim.refusals import UNKNOWN, OrderRefused, invalid
from venuekit_coinbase.sim.wire import bare, digits, new_uuid, quotient
from venuekit_coinbase.sim.world import Listing

if TYPE_CHECKING:
    from venuekit_coinbase.sim.venue import Venue

_MOST_CANCELS: Final = 100
_CLOSING: Final = {
    "trading_disabled": "Trading is disabled",
    "is_disabled": "The product is disabled",
    "cancel_only": "Only cancels are taken",
    "auction_mode": "The product is in an auction",
}


def draft_of(venue: "Venue", call: Call) -> Draft:
    """Read the order that a body describes.

    Raises:
        Refusal: The body is malformed (400).
        OrderRefused: The order is against a rule.
    """
    body = call.body
    listing = venue.listing(body.get("product_id"))
    if listing is None:
        raise OrderRefused("INVALID_PRODUCT_ID", "PREVIEW_INVALID_PRODUCT_ID", "Unknown product")
    _check_margin(body)
    if body.get("attached_order_configuration"):
        raise OrderRefused(
            "UNSUPPORTED_ORDER_CONFIGURATION",
            "PREVIEW_INVALID_ORDER_CONFIG",
            "Attached orders are not supported for this product",
        )
    draft = draft_from(listing, body.get("side"), body.get("order_configuration"), call.now_ns)
    _check_state(venue, listing, draft)
    return draft


def _check_margin(body: Mapping[str, Any]) -> None:
    if body.get("leverage") not in (None, "", "1", "1.0"):
        raise OrderRefused("INVALID_LEVERAGE", message="Spot has no leverage")
    if body.get("margin_type") not in (None, ""):
        raise OrderRefused("INVALID_MARGIN_TYPE", message="Spot has no margin")


def _check_state(venue: "Venue", listing: Listing, draft: Draft) -> None:
    book = listing.spec.product_id
    flags = venue.flags(book)
    if "view_only" in flags or venue.status(book) != "online":
        raise OrderRefused("UNTRADABLE_PRODUCT", "PREVIEW_UNTRADABLE_PRODUCT", "Not tradable")
    for flag, message in _CLOSING.items():
        if flag in flags:
            raise OrderRefused(
                "ORDER_ENTRY_DISABLED", "PREVIEW_NOT_ALLOWED_BY_MARKET_STATE", message
            )
    is_limit = draft.limit_price is not None
    if ("limit_only" in flags and not is_limit) or ("post_only" in flags and not draft.post_only):
        raise OrderRefused(
            "ORDER_ENTRY_DISABLED", "PREVIEW_NOT_ALLOWED_BY_MARKET_STATE", "Order type not allowed"
        )


# Creating.


def create(venue: "Venue", call: Call) -> object:
    """Accept an order or refuse it, both with the status 200."""
    body = call.body
    name = body.get("client_order_id")
    if not isinstance(name, str) or not name:
        raise invalid("client_order_id is required")
    first = venue.desk.named(call.account, name)
    configuration = body.get("order_configuration")
    if first is not None and venue.behavior.refuses_duplicates:
        refused = OrderRefused("DUPLICATE_CLIENT_ORDER_ID", message="This client_order_id is taken")
        return refused_body(venue, refused, configuration)
    if first is not None:
        return _accepted(venue, first)
    try:
        draft = draft_of(venue, call)
        made = venue.desk.create(
            call.account, venue.users[call.account].user_id, name, draft, call.now_ns
        )
    except OrderRefused as refused:
        return refused_body(venue, refused, configuration)
    return _accepted(venue, made)


def _accepted(venue: "Venue", record: OrderRecord) -> dict[str, object]:
    older = {"failure_reason": UNKNOWN, "order_id": record.order_id}
    return {
        "success": True,
        **(older if venue.behavior.has_older_form else {}),
        "success_response": {
            "order_id": record.order_id,
            "product_id": record.product_id,
            "side": side_name(record),
            "client_order_id": record.client_order_id,
        },
        "order_configuration": dict(record.draft.configuration),
    }


def refused_body(venue: "Venue", refused: OrderRefused, configuration: object) -> dict[str, object]:
    """Write the answer to an order that is not accepted."""
    older = {"failure_reason": UNKNOWN, "order_id": ""}
    return {
        "success": False,
        **(older if venue.behavior.has_older_form else {}),
        "error_response": refused.body(),
        "order_configuration": configuration,
    }


def close_position(venue: "Venue", call: Call) -> object:
    """Refuse: spot has no positions."""
    return refused_body(
        venue,
        OrderRefused("INVALID_PRODUCT_ID", "PREVIEW_INVALID_PRODUCT_ID", "No open position"),
        call.body.get("order_configuration"),
    )


# Previewing.


def preview(venue: "Venue", call: Call) -> object:
    """Say what an order would cost, and what would be wrong with it."""
    listing = venue.listing(call.body.get("product_id"))
    errors: list[str] = []
    draft = None
    try:
        draft = draft_of(venue, call)
        venue.desk.check(call.account, draft)
    except OrderRefused as refused:
        errors.append(refused.preview)
    bid, ask = venue.top(listing.spec.product_id) if listing is not None else (0, 0)
    return {
        **_estimate(venue, draft),
        "errs": errors,
        "warning": [],
        "best_bid": f"{bid:f}",
        "best_ask": f"{ask:f}",
        "is_max": False,
        "slippage": "0",
        "leverage": "",
        "long_leverage": "",
        "short_leverage": "",
        "preview_id": new_uuid(venue.rng),
    }


@exact
def _estimate(venue: "Venue", draft: Draft | None) -> dict[str, object]:
    if draft is None:
        return {"order_total": "0", "commission_total": "0", "quote_size": 0, "base_size": 0}
    quote, base = draft.quote_size, draft.base_size
    rate = rate_of(draft)
    if base is None:
        assert quote is not None
        traded = venue.desk.purse.need(draft).traded
        _, ask = venue.top(draft.listing.spec.product_id)
        base = quotient(traded, ask)
    elif draft.limit_price is not None:
        traded = base * draft.limit_price
    else:
        traded = venue.worth(draft.listing.spec.product_id, base, draft.side)
    commission = traded * rate
    total = traded + commission if draft.pays_with == draft.listing.quote else traded - commission
    return {
        "order_total": digits(total),
        "commission_total": digits(commission),
        # Typed as strings, numbers in the documentation's example.
        "quote_size": bare(traded),
        "base_size": bare(base),
    }


# Editing.


def edit(venue: "Venue", call: Call) -> object:
    """Begin to change an order's price and size."""
    body = call.body
    try:
        record, wanted = venue.desk.edited(
            call.account,
            body.get("order_id"),
            body.get("price"),
            body.get("size"),
            body.get("stop_price"),
        )
    except EditRefused as refused:
        return {"success": False, "errors": [_edit_error(refused)]}
    venue.desk.edit(record, wanted, call.now_ns)
    older = {"response": {"order_id": record.order_id}} if venue.behavior.has_older_form else {}
    return {"success": True, "errors": [], **older}


def edit_preview(venue: "Venue", call: Call) -> object:
    """Say what a change would cost, and what would be wrong with it."""
    body = call.body
    answer: dict[str, object] = {
        "errors": [],
        "slippage": "0",
        "order_total": "0",
        "commission_total": "0",
        "quote_size": "0",
        "base_size": "0",
        "best_bid": "0",
        "best_ask": "0",
        "average_filled_price": "0",
    }
    try:
        record, wanted = venue.desk.edited(
            call.account,
            body.get("order_id"),
            body.get("price"),
            body.get("size"),
            body.get("stop_price"),
        )
    except EditRefused as refused:
        return {**answer, "errors": [_edit_error(refused)]}
    bid, ask = venue.top(wanted.listing.spec.product_id)
    assert wanted.base_size is not None
    return {
        **answer,
        **_estimate(venue, wanted),
        "base_size": digits(wanted.base_size),
        "quote_size": "0"
        if wanted.limit_price is None
        else digits(wanted.base_size * wanted.limit_price),
        "best_bid": f"{bid:f}",
        "best_ask": f"{ask:f}",
        "average_filled_price": digits(quotient(record.value, record.filled)),
    }


def _edit_error(refused: EditRefused) -> dict[str, str]:
    return {
        "edit_failure_reason": refused.reason,
        "preview_failure_reason": refused.preview,
    }


# Canceling.


def cancel(venue: "Venue", call: Call) -> object:
    """Begin to cancel orders; each has a result of its own."""
    order_ids = call.body.get("order_ids")
    if not isinstance(order_ids, list) or not all(isinstance(each, str) for each in order_ids):
        raise invalid("order_ids must be a list of strings")
    if not order_ids:
        raise invalid("order_ids must not be empty")
    if len(order_ids) > _MOST_CANCELS:
        raise invalid(f"order_ids must have at most {_MOST_CANCELS} entries")
    results = []
    for order_id in order_ids:
        reason = venue.desk.cancel(call.account, order_id, call.now_ns)
        results.append(
            {
                "success": reason is None,
                "failure_reason": reason or "UNKNOWN_CANCEL_FAILURE_REASON",
                "order_id": order_id,
            }
        )
    return {"results": results}
