from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from venuekit.sim.accounts import Balance
from venuekit.sim.engine import Engine
from venuekit.sim.events import (
    BalancesChanged,
    ListChanged,
    OrderAccepted,
    OrderActivated,
    OrderExpired,
    OrderTraded,
    OrderTriggered,
)
from venuekit.sim.orders import (
    ExpiryReason,
    ListKind,
    ListRequest,
    ListStatus,
    Market,
    Order,
    OrderList,
    OrderRequest,
    OrderStatus,
    OrderType,
    Rejection,
    RejectReason,
    Side,
    TimeInForce,
)

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
M = "BTC-USDT"
_names = count(1)


def exchange(last: str = "100") -> Engine:
    """One market that last traded at 100, ann with little and bob with much."""
    engine = Engine()
    engine.add_market(Market(name=M, base="BTC", quote="USDT"))
    for name, amount in (("ann", "1000"), ("bob", "1000000")):
        engine.open_account(name)
        engine.deposit(name, "USDT", amount, 0)
    engine.deposit("ann", "BTC", "1", 0)
    engine.deposit("bob", "BTC", "1000", 0)
    engine.print_trade(M, D(last), D(1), BUY, 1)
    engine.drain()
    return engine


def leg(
    side: Side, price: str | None = None, stop: str | None = None, **others: Any
) -> OrderRequest:
    kind = OrderType.LIMIT if stop is None else OrderType.STOP_LOSS_LIMIT
    if price is None:
        kind = OrderType.MARKET if stop is None else OrderType.STOP_LOSS
    members: dict[str, Any] = {
        "account": "ann",
        "market": M,
        "side": side,
        "type": kind,
        "client_order_id": f"id-{next(_names)}",
        "quantity": D(1),
        "price": price,
        "stop_price": stop,
    }
    return OrderRequest(**members | others)


def listed(engine: Engine, kind: ListKind, *legs: OrderRequest, name: str = "list") -> OrderList:
    return engine.place_list(ListRequest(kind=kind, legs=legs, list_client_id=name), 5)


def oco(engine: Engine) -> OrderList:
    """Sell at 110, or at market once the price has fallen to 90."""
    stop, target = leg(SELL, stop="90"), leg(SELL, "110", post_only=True)
    return listed(engine, ListKind.OCO, stop, target)


def bob(engine: Engine, side: Side, price: str, quantity: str = "1") -> Order:
    return engine.place(leg(side, price, account="bob", quantity=quantity), 6)


def statuses(engine: Engine, order_list: OrderList) -> list[str]:
    seen = engine.order_list("ann", list_id=order_list.list_id)
    return [order.status.value for order in seen.orders]


def kinds(engine: Engine) -> list[type]:
    """The private events of ann, and what happened to her lists."""
    private = (OrderAccepted, OrderActivated, OrderTriggered, OrderTraded, OrderExpired)
    return [
        type(event)
        for event in engine.drain()
        if isinstance(event, ListChanged)
        or (isinstance(event, private) and event.order.account == "ann")
    ]


# One cancels the other.


def test_the_legs_of_an_oco_lock_their_quantity_once() -> None:
    engine = exchange()
    placed = oco(engine)
    assert placed.status is ListStatus.EXECUTING
    assert [order.is_working for order in placed.orders] == [False, True]
    assert engine.balances("ann")["BTC"] == Balance(D(0), D(1))


def test_the_legs_of_a_buying_oco_lock_the_larger_need() -> None:
    engine = exchange()
    listed(engine, ListKind.OCO, leg(BUY, "130", stop="120"), leg(BUY, "80", post_only=True))
    assert engine.balances("ann")["USDT"] == Balance(D(870), D(130))


def test_a_partial_fill_of_the_limit_leg_ends_the_stop_and_keeps_the_rest() -> None:
    engine = exchange()
    placed = oco(engine)
    engine.drain()
    bob(engine, BUY, "110", "0.4")
    assert kinds(engine) == [OrderTraded, OrderExpired]
    assert statuses(engine, placed) == ["expired", "partially_filled"]
    assert engine.balances("ann")["BTC"] == Balance(D(0), D("0.6"))
    stop = engine.order("ann", M, order_id=placed.orders[0].order_id)
    assert stop.expiry_reason is ExpiryReason.OCO_TRIGGER
    bob(engine, BUY, "110", "0.6")
    assert kinds(engine) == [OrderTraded, ListChanged]
    assert engine.order_list("ann", list_client_id="list").status is ListStatus.ALL_DONE


def test_a_partial_fill_of_the_cheaper_leg_frees_what_the_dearer_needed() -> None:
    engine = exchange()
    listed(engine, ListKind.OCO, leg(BUY, "130", stop="120"), leg(BUY, "80", post_only=True))
    bob(engine, SELL, "80", "0.5")
    assert engine.balances("ann")["USDT"] == Balance(D(920), D(40))


def test_the_limit_leg_is_removed_before_the_triggered_stop_trades() -> None:
    engine = exchange()
    placed = oco(engine)
    bob(engine, BUY, "85", "3")
    engine.drain()
    engine.print_trade(M, D(90), D(1), SELL, 7)
    assert kinds(engine) == [OrderExpired, OrderTriggered, OrderTraded, ListChanged]
    assert statuses(engine, placed) == ["filled", "expired"]
    assert engine.balances("ann")["USDT"] == Balance(D(1085), D(0))


def test_canceling_a_leg_cancels_the_list() -> None:
    engine = exchange()
    placed = oco(engine)
    engine.cancel("ann", M, 7, order_id=placed.orders[1].order_id)
    assert statuses(engine, placed) == ["canceled", "canceled"]
    assert engine.open_order_lists("ann") == ()
    assert engine.balances("ann")["BTC"] == Balance(D(1), D(0))


def test_amending_a_leg_amends_both() -> None:
    engine = exchange()
    placed = oco(engine)
    engine.amend("ann", M, "0.3", 7, order_id=placed.orders[0].order_id)
    seen = engine.order_list("ann", list_id=placed.list_id)
    assert [order.quantity for order in seen.orders] == [D("0.3")] * 2
    assert engine.balances("ann")["BTC"] == Balance(D("0.7"), D("0.3"))


@pytest.mark.parametrize(
    ("stop", "target", "reason"),
    [
        ("90", "99", RejectReason.BAD_LIST_PRICES),
        ("101", "110", RejectReason.BAD_LIST_PRICES),
        ("110", "90", RejectReason.BAD_LIST_PRICES),
    ],
)
def test_the_last_price_lies_between_the_legs(stop: str, target: str, reason: RejectReason) -> None:
    engine = exchange()
    with pytest.raises(Rejection) as refused:
        listed(engine, ListKind.OCO, leg(SELL, stop=stop), leg(SELL, target))
    assert refused.value.reason is reason
    assert engine.drain() == []
    assert engine.orders("ann", M) == ()


def test_a_list_is_placed_whole_or_not_at_all() -> None:
    engine = exchange()
    bob(engine, BUY, "105")
    engine.drain()
    with pytest.raises(Rejection) as refused:
        listed(engine, ListKind.OCO, leg(SELL, stop="90"), leg(SELL, "104", post_only=True))
    assert refused.value.reason is RejectReason.WOULD_MATCH
    assert (engine.drain(), engine.order_lists("ann")) == ([], ())


def test_leg_ids_and_open_list_ids_are_unique() -> None:
    engine = exchange()
    twins = [leg(SELL, p, s, client_order_id="x") for p, s in ((None, "90"), ("110", None))]
    with pytest.raises(Rejection) as refused:
        listed(engine, ListKind.OCO, *twins)
    assert refused.value.reason is RejectReason.DUPLICATE_CLIENT_ID
    oco(engine)
    with pytest.raises(Rejection) as refused:
        oco(engine)
    assert refused.value.reason is RejectReason.DUPLICATE_LIST_CLIENT_ID
    engine.cancel_list("ann", M, 7, list_client_id="list")
    assert oco(engine).list_id == 2
    assert len(engine.order_lists("ann")) == 2


# One triggers the other.


def test_a_pending_leg_locks_nothing_until_the_working_leg_has_filled() -> None:
    engine = exchange()
    placed = listed(engine, ListKind.OTO, leg(BUY, "95"), leg(SELL, "120"))
    assert statuses(engine, placed) == ["new", "pending_new"]
    assert engine.balances("ann")["BTC"] == Balance(D(1), D(0))
    bob(engine, SELL, "95", "0.5")
    assert statuses(engine, placed) == ["partially_filled", "pending_new"]
    engine.drain()
    bob(engine, SELL, "95", "0.5")
    assert kinds(engine) == [OrderTraded, OrderActivated]
    assert statuses(engine, placed) == ["filled", "new"]
    assert engine.balances("ann")["BTC"] == Balance(D(1), D(1))


def test_legs_are_told_as_pending_even_if_the_working_leg_fills_at_once() -> None:
    engine = exchange()
    bob(engine, SELL, "95")
    engine.drain()
    listed(engine, ListKind.OTO, leg(BUY, "95"), leg(SELL, "120"))
    events = engine.drain()
    told = [event.order.status for event in events if isinstance(event, OrderAccepted)]
    assert told == [OrderStatus.NEW, OrderStatus.PENDING_NEW]
    assert isinstance(events[2], ListChanged)
    assert isinstance(events[-1], BalancesChanged)


def test_pending_legs_expire_with_the_working_leg() -> None:
    engine = exchange()
    working = leg(BUY, "95", time_in_force=TimeInForce.IOC)
    placed = listed(engine, ListKind.OTO, working, leg(SELL, "120"))
    assert statuses(engine, placed) == ["expired", "expired"]
    assert placed.orders[1].expiry_reason is ExpiryReason.OTO_PHASE_ONE_EXPIRED
    assert placed.status is ListStatus.ALL_DONE


def test_a_pending_leg_that_cannot_be_placed_expires_rejected() -> None:
    engine = exchange()
    placed = listed(engine, ListKind.OTO, leg(BUY, "95"), leg(SELL, "120", quantity=D(9)))
    bob(engine, SELL, "95")
    assert statuses(engine, placed) == ["filled", "expired"]
    pending = engine.order_list("ann", list_id=placed.list_id).orders[1]
    assert pending.expiry_reason is ExpiryReason.REJECTED


def test_canceling_a_pending_leg_cancels_the_working_one() -> None:
    engine = exchange()
    placed = listed(engine, ListKind.OTO, leg(BUY, "95"), leg(SELL, "120"))
    engine.cancel("ann", M, 7, order_id=placed.orders[1].order_id)
    assert statuses(engine, placed) == ["canceled", "canceled"]
    assert engine.balances("ann")["USDT"] == Balance(D(1000), D(0))


def test_an_otoco_becomes_an_oco_when_its_working_leg_has_filled() -> None:
    engine = exchange()
    legs = leg(BUY, "95"), leg(SELL, "110", post_only=True), leg(SELL, stop="90")
    placed = listed(engine, ListKind.OTOCO, *legs)
    engine.drain()
    bob(engine, SELL, "95")
    assert kinds(engine) == [OrderTraded, OrderActivated, OrderActivated]
    assert engine.balances("ann")["BTC"] == Balance(D(1), D(1))
    bob(engine, BUY, "110")
    assert statuses(engine, placed) == ["filled", "filled", "expired"]
    assert kinds(engine) == [OrderTraded, OrderExpired, ListChanged]


def test_both_legs_of_an_otoco_expire_rejected_if_one_cannot_begin() -> None:
    engine = exchange()
    legs = leg(BUY, "95"), leg(SELL, "110", post_only=True), leg(SELL, stop="96")
    placed = listed(engine, ListKind.OTOCO, *legs)
    bob(engine, SELL, "95")
    orders = engine.order_list("ann", list_id=placed.list_id).orders
    assert [order.expiry_reason for order in orders[1:]] == [ExpiryReason.REJECTED] * 2
    assert engine.balances("ann")["BTC"] == Balance(D(2), D(0))
