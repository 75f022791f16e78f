"""What the exchange counts: calls of a key, transactions of a pair, connections."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from venuekit.sim.dialect import SimRequest
from venuekit_kraken.sim.limits import (
    AMEND_PENALTIES,
    CANCEL_PENALTIES,
    EDIT_PENALTIES,
    Counter,
    Limits,
    LimitSettings,
    penalty,
)
from venuekit_kraken.sim.refusals import Refusal

SECOND = 10**9


@pytest.mark.parametrize(
    ("penalties", "by_age"),
    [
        (AMEND_PENALTIES, {0: 3, 4: 3, 5: 2, 9: 2, 10: 1, 14: 1, 15: 0}),
        (EDIT_PENALTIES, {4: 6, 5: 5, 10: 4, 15: 2, 44: 2, 45: 1, 89: 1, 90: 0}),
        (CANCEL_PENALTIES, {4: 8, 5: 6, 10: 5, 15: 4, 45: 2, 90: 1, 299: 1, 300: 0}),
    ],
)
def test_young_orders_cost_more(penalties: tuple[int, ...], by_age: dict[int, int]) -> None:
    assert {age: penalty(penalties, age * SECOND) for age in by_age} == by_age


def test_fifty_orders_and_ten_seconds_leave_26_6_as_documented() -> None:
    counter = Counter("2.34")
    for _ in range(50):
        counter.add("payer", 1, 0)
    assert counter.value("payer", 10 * SECOND) == Fraction("26.6")


def test_a_counter_never_falls_below_nothing() -> None:
    counter = Counter("2.34")
    counter.add("payer", 1, 0)
    assert counter.value("payer", 100 * SECOND) == 0


def engine(world: Any) -> Fraction:
    return Fraction(world.dialect.venue.limits.engine("first", "BTC/USD", world.now_ns))


def test_the_documented_life_of_an_order_costs_eight(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=LimitSettings(engine_decay="0"))
    txid = world.placed()
    assert engine(world) == 1
    world.now_ns += 7 * SECOND
    world.private("AmendOrder", txid=txid, order_qty="0.02")
    assert engine(world) == 1 + (1 + 2)
    world.now_ns += 36 * SECOND
    world.private("CancelOrder", txid=txid)
    assert engine(world) == 1 + (1 + 2) + 4


def test_an_order_that_is_refused_counts_all_the_same(world: Any) -> None:
    assert world.order(volume="-1") == "EGeneral:Invalid arguments:volume"
    assert world.order(volume="0.00000001") == "EOrder:Order minimum not met"
    assert engine(world) == 2


def test_over_the_threshold_nothing_goes_until_the_counter_has_fallen(
    make_world: Callable[..., Any],
) -> None:
    world = make_world(limits=LimitSettings(engine=5, engine_decay="1"))
    txids = [world.placed() for _ in range(5)]
    assert world.order() == "EOrder:Rate limit exceeded"
    assert world.private("CancelOrder", txid=txids[0]) == "EOrder:Rate limit exceeded"
    # Another pair has a counter of its own.
    assert "txid" in world.order(pair="ETHUSD", price="3000", volume="0.01")
    world.now_ns += 1 * SECOND
    assert "txid" in world.order()


def test_a_batch_cancel_may_cross_the_threshold(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=LimitSettings(engine=5, engine_decay="1"))
    txids = [world.placed() for _ in range(5)]
    assert world.private("CancelOrderBatch", orders=txids) == {"count": 5}
    assert engine(world) == 5 + 5 * 8
    assert world.order() == "EOrder:Rate limit exceeded"


def test_a_batch_of_n_orders_costs_half_of_n(world: Any) -> None:
    order = {"type": "buy", "ordertype": "limit", "volume": "0.01", "price": "50000"}
    world.private("AddOrderBatch", pair="XBTUSD", orders=[order] * 5)
    assert engine(world) == Fraction(5, 2)


def test_an_amend_that_ends_the_order_costs_what_a_cancel_costs(world: Any) -> None:
    seller = world.dialect.credentials("seller")
    txid = world.placed(volume="0.02")
    world.placed(seller, type="sell", volume="0.01")
    world.private("AmendOrder", txid=txid, order_qty="0.005")
    assert engine(world) == 1 + 8
    assert world.query(txid)["status"] == "canceled"


def test_an_edit_costs_its_own_penalty(world: Any) -> None:
    txid = world.placed()
    world.private("EditOrder", txid=txid, pair="XBTUSD", price="49000")
    assert engine(world) == 1 + 1 + 6


def test_sockets_and_rest_share_the_counter(world: Any) -> None:
    line = world.private_line("executions")
    line.ask("add_order", order_type="limit", side="buy", order_qty=0.01, limit_price=50000,
             symbol="BTC/USD")  # fmt: skip
    world.placed()
    assert engine(world) == 2


def test_open_orders_of_a_pair_are_limited(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=LimitSettings(open_orders=2))
    world.placed()
    world.placed()
    assert world.order() == "EOrder:Orders limit exceeded"
    assert "txid" in world.order(pair="ETHUSD", price="3000", volume="0.01")


# Calls.


@pytest.mark.parametrize(
    ("settings", "most"),
    [(LimitSettings.starter(), 15), (LimitSettings(), 20), (LimitSettings.pro(), 20)],
)
def test_a_key_may_call_so_often_at_once(settings: LimitSettings, most: int) -> None:
    limits = Limits(settings)
    for _ in range(most):
        limits.charge_call("key", 1, 0)
    with pytest.raises(Refusal, match="EAPI:Rate limit exceeded"):
        limits.charge_call("key", 1, 0)


def test_the_counter_is_lowered_every_couple_of_seconds() -> None:
    limits = Limits(LimitSettings())
    for _ in range(20):
        limits.charge_call("key", 1, 0)
    assert limits.calls("key", 2 * SECOND - 1) == 20
    assert limits.calls("key", 2 * SECOND) == 19


def test_history_costs_four(world: Any) -> None:
    for _ in range(5):
        assert isinstance(world.private("Ledgers"), dict)
    assert world.private("Balance") == "EAPI:Rate limit exceeded"


def test_going_on_after_a_refusal_prolongs_it(world: Any) -> None:
    for _ in range(20):
        world.private("Balance")
    for _ in range(10):
        assert world.private("Balance") == "EAPI:Rate limit exceeded"
    world.now_ns += 6 * SECOND
    assert world.private("Balance") == "EAPI:Rate limit exceeded"
    world.now_ns += 40 * SECOND
    assert "ZUSD" in world.private("Balance")


def test_orders_do_not_count_as_calls(world: Any) -> None:
    for _ in range(20):
        world.private("Balance")
    assert "txid" in world.order()
    assert world.private("CancelAll") == {"count": 1}


def test_public_calls_are_limited_by_address_and_some_by_pair(
    make_world: Callable[..., Any],
) -> None:
    world = make_world(limits=LimitSettings(public_burst=2))
    assert [world.public("Time") for _ in range(3)][2] == "EGeneral:Too many requests"
    for pair in ("XBTUSD", "ETHUSD"):
        outcomes = [world.public("Trades", pair=pair) for _ in range(3)]
        assert outcomes[2] == "EGeneral:Too many requests"
    world.now_ns += 1 * SECOND
    assert "unixtime" in world.public("Time")


# Connections.


def test_an_address_that_connects_too_often_is_blocked_for_ten_minutes(world: Any) -> None:
    handshake = SimRequest(method="GET", path="/v2", peer="10.0.0.9")
    for _ in range(150):
        assert world.dialect.accepts(handshake, world.now_ns) is None
    refusal = world.dialect.accepts(handshake, world.now_ns)
    assert refusal.status == 429
    assert world.dialect.accepts(handshake, world.now_ns + 599 * SECOND) is not None
    assert world.dialect.accepts(handshake, world.now_ns + 601 * SECOND) is None


def test_elsewhere_there_is_no_socket(world: Any) -> None:
    handshake = SimRequest(method="GET", path="/v3")
    assert world.dialect.accepts(handshake, world.now_ns).status == 404


def test_limits_can_be_switched_off(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=LimitSettings.off())
    for _ in range(200):
        assert "txid" in world.order(volume="0.001")
    for _ in range(100):
        assert isinstance(world.private("ClosedOrders"), dict)
