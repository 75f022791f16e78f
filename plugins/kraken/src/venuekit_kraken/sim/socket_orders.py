"""Order methods of the sockets: the business of REST under other names.

Source: Kraken API Center, WebSocket v2 user trading pages.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from venuekit_kraken.sim import amending, trading
from venuekit_kraken.sim.amending import Change
from venuekit_kraken.sim.arguments import Arguments
from venuekit_kraken.sim.calls import Call
from venuekit_kraken.sim.desk import BATCH_LEAST, BATCH_MOST, CANCELS_MOST
from venuekit_kraken.sim.drafts import draft_from_socket, socket_price
from venuekit_kraken.sim.methods import BOTH, CANCEL, MODIFY
from venuekit_kraken.sim.records import Ticket
from venuekit_kraken.sim.refusals import Refusal, invalid
from venuekit_kraken.sim.wire import SECOND_NS, rfc3339
from venuekit_kraken.sim.world import PairSpec

_SOONEST_DEADLINE_NS: Final = SECOND_NS // 2
Body = dict[str, object]
Answers = list[Body]
"""What each answer says besides its frame: `result` and `success`, or `error`."""


def _done(result: object) -> Answers:
    return [{"result": result, "success": True}]


def _pair(call: Call) -> PairSpec:
    symbol = call.arguments.sure_text("symbol")
    pair = call.venue.names.pairs.get(symbol)
    if pair is None:
        raise Refusal(f"Currency pair not supported {symbol}")
    return pair


def _check_deadline(call: Call) -> None:
    deadline_ns = call.arguments.time("deadline")
    call.desk.check_deadline(deadline_ns, _SOONEST_DEADLINE_NS, call.now_ns)


def _placed(ticket: Ticket) -> Body:
    body: Body = {"order_id": ticket.id}
    if ticket.draft.cl_ord_id is not None:
        body["cl_ord_id"] = ticket.draft.cl_ord_id
    if ticket.draft.userref is not None:
        body["order_userref"] = ticket.draft.userref
    return body


def add_order(call: Call) -> Answers:
    """Place an order, or only check it."""
    pair = _pair(call)
    call.desk.charge(call.account, pair, 1, call.now_ns)
    _check_deadline(call)
    ticket = call.desk.judged(call.account, draft_from_socket(call.arguments, pair), call.now_ns)
    if call.arguments.flag("validate"):
        body = _placed(ticket)
        del body["order_id"]
        return _done(body)
    call.desk.place(ticket, call.now_ns)
    return _done(_placed(ticket))


def batch_add(call: Call) -> Answers:
    """Place several orders of one pair: all are checked first, then each goes its own way."""
    pair, groups = _pair(call), call.arguments.groups("orders")
    if not BATCH_LEAST <= len(groups) <= BATCH_MOST:
        raise invalid("orders")
    call.desk.charge(call.account, pair, Fraction(len(groups), 2), call.now_ns)
    _check_deadline(call)
    tickets = [
        call.desk.judged(call.account, draft_from_socket(group, pair), call.now_ns)
        for group in groups
    ]
    trading.refuse_twins(tickets)
    if call.arguments.flag("validate"):
        return _done([{} for _ in tickets])
    return _done([_leg(call, ticket) for ticket in tickets])


def _leg(call: Call, ticket: Ticket) -> Body:
    try:
        call.desk.place(ticket, call.now_ns)
    except Refusal as refusal:
        body = _placed(ticket)
        del body["order_id"]
        return {**body, "error": refusal.text, "success": False}
    return {**_placed(ticket), "success": True}


def amend_order(call: Call) -> Answers:
    """Change an order in place."""
    sent = call.arguments
    _check_deadline(call)
    ticket = _named(call)
    change = Change(
        volume=sent.decimal("order_qty"),
        display=sent.decimal("display_qty"),
        limit=socket_price(sent, "limit_price", "limit_price_type"),
        trigger=socket_price(sent, "trigger_price", "trigger_price_type"),
        is_post_only=sent.flag("post_only") if "post_only" in sent else None,
    )
    amend_id = amending.amend(call.venue, call.desk, ticket, change, call.now_ns)
    name = "order_id" if "order_id" in sent else "cl_ord_id"
    return _done({"amend_id": amend_id, name: sent.sure_text(name)})


def _named(call: Call) -> Ticket:
    order_id, name = call.arguments.text("order_id"), call.arguments.text("cl_ord_id")
    if (order_id is None) == (name is None):
        raise invalid("order_id")
    return call.desk.find(call.account, txid=order_id, cl_ord_id=name)


def edit_order(call: Call) -> Answers:
    """Cancel an order for a new one."""
    sent = call.arguments
    pair = _pair(call)
    _check_deadline(call)
    ticket = call.desk.find(call.account, txid=sent.sure_text("order_id"))
    if ticket.pair is not pair:
        raise invalid("symbol")
    triggers = sent.group("triggers") or Arguments({})
    change = Change(
        volume=sent.decimal("order_qty"),
        display=sent.decimal("display_qty"),
        limit=socket_price(sent, "limit_price", "limit_price_type"),
        trigger=socket_price(triggers, "price", "price_type"),
        is_post_only=sent.flag("post_only") if "post_only" in sent else None,
    )
    is_check_only = sent.flag("validate")
    new = amending.edit(
        call.desk,
        ticket,
        change,
        sent.int32("order_userref"),
        call.now_ns,
        is_check_only=is_check_only,
    )
    if is_check_only:
        return _done({"original_order_id": ticket.id})
    return _done({"order_id": new.id, "original_order_id": ticket.id})


def cancel_order(call: Call) -> Answers:
    """Cancel orders by name, with one answer for each."""
    sent = call.arguments
    lists = {name: sent.names(name) for name in ("order_id", "cl_ord_id", "order_userref")}
    if not any(lists.values()):
        raise invalid("order_id")
    return [_canceled(call, kind, name) for kind, names in lists.items() for name in names]


def _canceled(call: Call, kind: str, name: str) -> Body:
    account = call.account
    try:
        match kind:
            case "order_id":
                tickets = [call.desk.find(account, txid=name)]
            case "cl_ord_id":
                tickets = [call.desk.find(account, cl_ord_id=name)]
            case _:
                tickets = call.desk.named(account, name)
        call.desk.cancel_all(account, tickets, call.now_ns)
    except Refusal as refusal:
        return {"error": refusal.text, "success": False}
    result: Body = {"order_id": tickets[0].id}
    if kind != "order_id":
        result[kind] = name if kind == "cl_ord_id" else int(name)
    return {"result": result, "success": True}


def batch_cancel(call: Call) -> Answers:
    """Cancel up to fifty orders; those that are not open are not counted."""
    orders, names = call.arguments.names("orders"), call.arguments.names("cl_ord_id")
    if not BATCH_LEAST <= len(orders) + len(names) <= CANCELS_MOST:
        raise invalid("orders")
    tickets = trading.batch_tickets(call, orders, names)
    return _done({"count": call.desk.cancel_batch(call.account, tickets, call.now_ns)})


def cancel_all(call: Call) -> Answers:
    """Cancel everything."""
    return _done({"count": call.desk.cancel_everything(call.account, call.now_ns)})


def cancel_all_orders_after(call: Call) -> Answers:
    """Set the dead man's switch, or with 0 take it away."""
    timeout_s = call.arguments.integer("timeout")
    trigger_ns = call.desk.arm(call.account, timeout_s, call.now_ns)
    ahead_ns = call.clock_ns - call.now_ns
    return _done(
        {
            "currentTime": rfc3339(call.clock_ns),
            "triggerTime": "0" if trigger_ns is None else rfc3339(trigger_ns + ahead_ns),
        }
    )


METHODS: Final[dict[str, tuple[Callable[[Call], Answers], Any]]] = {
    "add_order": (add_order, MODIFY),
    "batch_add": (batch_add, BOTH),
    "amend_order": (amend_order, MODIFY),
    "edit_order": (edit_order, BOTH),
    "cancel_order": (cancel_order, CANCEL),
    "batch_cancel": (batch_cancel, CANCEL),
    "cancel_all": (cancel_all, CANCEL),
    "cancel_all_orders_after": (cancel_all_orders_after, CANCEL),
}
