"""Calls of REST that place, change and cancel orders.

Source: Kraken API Center, Spot REST trading pages.
"""

from fractions import Fraction
from typing import Any, Final

from venuekit_kraken.sim import amending
from venuekit_kraken.sim.amending import Change
from venuekit_kraken.sim.arguments import Arguments
from venuekit_kraken.sim.calls import Call
from venuekit_kraken.sim.desk import BATCH_LEAST, BATCH_MOST, CANCELS_MOST
from venuekit_kraken.sim.drafts import TRIGGERED, draft_from_rest
from venuekit_kraken.sim.order_payloads import description
from venuekit_kraken.sim.prices import PriceText, price_text
from venuekit_kraken.sim.records import Ticket
from venuekit_kraken.sim.refusals import NOT_UNIQUE, Refusal, invalid
from venuekit_kraken.sim.wire import SECOND_NS, short_rfc3339
from venuekit_kraken.sim.world import PairSpec

_SOONEST_DEADLINE_NS: Final = 2 * SECOND_NS


def _pair(call: Call) -> PairSpec:
    return call.venue.names.pair(call.arguments.sure_text("pair"))


def _check_deadline(call: Call) -> None:
    deadline_ns = call.arguments.time("deadline")
    call.desk.check_deadline(deadline_ns, _SOONEST_DEADLINE_NS, call.now_ns)


def add_order(call: Call) -> object:
    """Place an order, or only check it."""
    pair = _pair(call)
    call.desk.charge(call.account, pair, 1, call.now_ns)
    _check_deadline(call)
    draft = draft_from_rest(call.arguments, pair, call.now_ns)
    ticket = call.desk.judged(call.account, draft, call.now_ns)
    if call.arguments.flag("validate"):
        return {"descr": description(ticket)}
    call.desk.place(ticket, call.now_ns)
    return {"descr": description(ticket), "txid": [ticket.id]}


def add_order_batch(call: Call) -> object:
    """Place several orders of one pair: all are checked first, then each goes its own way."""
    pair, groups = _pair(call), call.arguments.groups("orders")
    if not BATCH_LEAST <= len(groups) <= BATCH_MOST:
        raise invalid("orders")
    call.desk.charge(call.account, pair, Fraction(len(groups), 2), call.now_ns)
    _check_deadline(call)
    tickets = [
        call.desk.judged(call.account, draft_from_rest(group, pair, call.now_ns), call.now_ns)
        for group in groups
    ]
    refuse_twins(tickets)
    if call.arguments.flag("validate"):
        return {"orders": [{"descr": description(ticket)} for ticket in tickets]}
    return {"orders": [_leg(call, ticket) for ticket in tickets]}


def _leg(call: Call, ticket: Ticket) -> dict[str, object]:
    descr: dict[str, Any] = description(ticket)
    body: dict[str, object] = {"descr": {"order": descr["order"]}}
    if "close" in descr:
        body["close"] = descr["close"]
    try:
        call.desk.place(ticket, call.now_ns)
    except Refusal as refusal:
        return {**body, "error": refusal.text}
    return {**body, "txid": ticket.id}


def refuse_twins(tickets: list[Ticket]) -> None:
    """Refuse a batch in which two orders have one name."""
    names = [one.draft.cl_ord_id for one in tickets if one.draft.cl_ord_id is not None]
    if len(set(names)) < len(names):
        raise Refusal(NOT_UNIQUE)


# Changing.


def amend_order(call: Call) -> object:
    """Change an order in place."""
    sent = call.arguments
    _check_deadline(call)
    change = Change(
        volume=sent.decimal("order_qty"),
        display=sent.decimal("display_qty"),
        limit=_price(sent, "limit_price"),
        trigger=_price(sent, "trigger_price"),
        is_post_only=sent.flag("post_only") if "post_only" in sent else None,
    )
    ticket = _named(call, "txid")
    amend_id = amending.amend(call.venue, call.desk, ticket, change, call.now_ns)
    return {"amend_id": amend_id}


def _price(sent: Arguments, name: str) -> PriceText | None:
    text = sent.text(name)
    price = None if text is None else price_text(text)
    if text is not None and price is None:
        raise invalid(name)
    return price


def _named(call: Call, id_name: str) -> Ticket:
    """Give the open order that a request names by exactly one of its names."""
    txid, name = call.arguments.text(id_name), call.arguments.text("cl_ord_id")
    if (txid is None) == (name is None):
        raise invalid(id_name)
    return call.desk.find(call.account, txid=txid, cl_ord_id=name)


def edit_order(call: Call) -> object:
    """Cancel an order for a new one."""
    sent = call.arguments
    pair = _pair(call)
    _check_deadline(call)
    if "cl_ord_id" in sent:
        raise invalid("cl_ord_id")
    name = sent.sure_text("txid")
    ticket = call.desk.named(call.account, name)[0]
    if ticket.pair is not pair:
        raise invalid("pair")
    first, second = _price(sent, "price"), _price(sent, "price2")
    is_triggered = ticket.draft.type in TRIGGERED
    change = Change(
        volume=sent.decimal("volume"),
        display=sent.decimal("displayvol"),
        limit=second if is_triggered else first,
        trigger=first if is_triggered else None,
        is_post_only=amending.post_flag(sent),
    )
    is_check_only = sent.flag("validate")
    new = amending.edit(
        call.desk,
        ticket,
        change,
        sent.int32("userref"),
        call.now_ns,
        is_check_only=is_check_only,
    )
    descr = description(new)
    body: dict[str, object] = {"status": "ok", "descr": descr, "volume": pair.volume(new.volume)}
    if new.draft.price is not None:
        body["price"] = new.draft.price.text
    if new.draft.price2 is not None:
        body["price2"] = new.draft.price2.text
    if is_check_only:
        return body
    return {
        **body,
        "txid": new.id,
        "originaltxid": ticket.id,
        "orders_cancelled": 1,
        "newuserref": str(new.draft.userref or 0),
        "olduserref": str(ticket.draft.userref or 0),
        "error_message": "",
    }


# Canceling.


def cancel_order(call: Call) -> object:
    """Cancel an order by one of its names, or all orders with a reference."""
    sent = call.arguments
    txid, name = sent.text("txid"), sent.text("cl_ord_id")
    if (txid is None) == (name is None):
        raise invalid("txid")
    if txid is not None:
        tickets = call.desk.named(call.account, txid)
    else:
        tickets = [call.desk.find(call.account, cl_ord_id=name)]
    return {"count": call.desk.cancel_all(call.account, tickets, call.now_ns)}


def cancel_order_batch(call: Call) -> object:
    """Cancel up to fifty orders; those that are not open are not counted."""
    orders = call.arguments.members.get("orders") or []
    names = call.arguments.members.get("cl_ord_ids") or []
    if not isinstance(orders, list) or not isinstance(names, list):
        raise invalid("orders")
    if not 1 <= len(orders) + len(names) <= CANCELS_MOST:
        raise invalid("orders")
    txids = [str(each["txid"]) if isinstance(each, dict) else str(each) for each in orders]
    clients = [str(each["cl_ord_id"]) if isinstance(each, dict) else str(each) for each in names]
    tickets = batch_tickets(call, txids, clients)
    return {"count": call.desk.cancel_batch(call.account, tickets, call.now_ns)}


def batch_tickets(call: Call, txids: list[str], clients: list[str]) -> list[Ticket]:
    """Give the open orders of these names; names of others are passed over."""
    found: list[Ticket] = []
    for txid in txids:
        try:
            found += call.desk.named(call.account, txid)
        except Refusal:
            continue
    for name in clients:
        try:
            found.append(call.desk.find(call.account, cl_ord_id=name))
        except Refusal:
            continue
    return found


def cancel_all(call: Call) -> object:
    """Cancel everything."""
    return {"count": call.desk.cancel_everything(call.account, call.now_ns)}


def cancel_all_orders_after(call: Call) -> object:
    """Set the dead man's switch, or with 0 take it away."""
    return switch_body(call, call.arguments.integer("timeout"))


def switch_body(call: Call, timeout_s: int | None) -> dict[str, object]:
    """Set the switch and say for when."""
    trigger_ns = call.desk.arm(call.account, timeout_s, call.now_ns)
    ahead_ns = call.clock_ns - call.now_ns
    return {
        "currentTime": short_rfc3339(call.clock_ns),
        "triggerTime": "0" if trigger_ns is None else short_rfc3339(trigger_ns + ahead_ns),
    }
