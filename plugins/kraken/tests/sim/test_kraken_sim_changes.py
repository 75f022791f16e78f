"""Changing and ending orders: amend, edit, cancel, batches, the dead man's switch."""

from typing import Any

import pytest

from venuekit.sim.faults import Fault, FaultKind

UUID = "6d1b345e-2821-40e2-ad83-4ecb18a06876"
NOBODY = "OAAAAA-BBBBB-CCCCCC"


# Amending.


def test_an_amended_order_keeps_its_id_and_its_fills(world: Any, other: Any) -> None:
    txid = world.placed(volume="1", cl_ord_id=UUID)
    world.placed(other, type="sell", price="50000", volume="0.4")
    answer = world.private("AmendOrder", cl_ord_id=UUID, order_qty="2", limit_price="50010")
    assert answer["amend_id"].startswith("T")
    order = world.query(txid)
    assert (order["vol"], order["vol_exec"], order["descr"]["price"], order["misc"]) == (
        "2.00000000",
        "0.40000000",
        "50010.0",
        "amended",
    )
    world.placed(other, type="sell", price="50010", volume="1.6")
    assert world.query(txid)["status"] == "closed"
    assert world.query(txid)["cost"] == "100016.00000"


def queue(world: Any, other: Any, *txids: str) -> str:
    """Sell a little and tell who was first."""
    world.placed(other, type="sell", price="50000", volume="0.001")
    trades = world.private("TradesHistory")["trades"].values()
    newest = max(trades, key=lambda trade: trade["trade_id"])["ordertxid"]
    return "ab"[txids.index(newest)]


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"order_qty": "0.05"}, "a"),
        ({"order_qty": "0.2"}, "b"),
        ({"post_only": "true"}, "a"),
    ],
)
def test_only_a_smaller_quantity_keeps_the_place(
    world: Any, other: Any, change: dict[str, str], first: str
) -> None:
    a, b = world.placed(volume="0.1"), world.placed(volume="0.1")
    assert "amend_id" in world.private("AmendOrder", txid=a, **change)
    assert queue(world, other, a, b) == first


def test_another_price_goes_to_the_back_of_its_level(world: Any, other: Any) -> None:
    a, b = world.placed(price="49999", volume="0.1"), world.placed(volume="0.1")
    world.private("AmendOrder", txid=a, limit_price="50000")
    assert queue(world, other, a, b) == "b"


def test_a_quantity_below_the_filled_part_cancels_the_rest(world: Any, other: Any) -> None:
    txid = world.placed(volume="1")
    world.placed(other, type="sell", price="50000", volume="0.4")
    assert "amend_id" in world.private("AmendOrder", txid=txid, order_qty="0.3")
    order = world.query(txid)
    assert (order["status"], order["vol_exec"]) == ("canceled", "0.40000000")


def test_an_amended_price_that_crosses_trades(world: Any, other: Any) -> None:
    world.placed(other, type="sell", price="51000", volume="1")
    txid = world.placed(volume="0.1")
    world.private("AmendOrder", txid=txid, limit_price="51000")
    assert world.query(txid)["status"] == "closed"


def test_amends_move_money(world: Any) -> None:
    txid = world.placed(volume="1")
    world.private("AmendOrder", txid=txid, limit_price="40000")
    assert world.private("BalanceEx")["ZUSD"]["hold_trade"] == "40160.0000"
    refused = world.private("AmendOrder", txid=txid, order_qty="30")
    assert refused == "EOrder:Insufficient funds"
    order = world.query(txid)
    assert (order["vol"], order["status"]) == ("1.00000000", "open")


def test_what_an_order_holds_pays_for_its_amendment(world: Any) -> None:
    txid = world.placed(volume="15")
    assert "amend_id" in world.private("AmendOrder", txid=txid, order_qty="16")
    assert world.private("BalanceEx")["ZUSD"]["hold_trade"] == "803200.0000"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({}, "EGeneral:Invalid arguments"),
        (
            {"limit_price": "50000.01"},
            "EOrder:Invalid price:XBT/USD price can only be specified up to 1 decimals.",
        ),
        ({"order_qty": "0.000001"}, "EOrder:Order minimum not met"),
        ({"trigger_price": "1"}, "EGeneral:Invalid arguments:trigger_price"),
        ({"display_qty": "0.1"}, "EGeneral:Invalid arguments:display_qty"),
        ({"limit_price": "50000", "deadline": "2026-07-15T12:00:01Z"},
         "EGeneral:Invalid arguments:deadline"),
    ],
)  # fmt: skip
def test_amends_that_are_refused_change_nothing(
    world: Any, change: dict[str, str], error: str
) -> None:
    txid = world.placed(volume="1")
    before = world.query(txid)
    assert world.private("AmendOrder", txid=txid, **change) == error
    assert world.query(txid) == before


def test_a_trigger_can_be_moved_and_a_stop_has_no_limit(world: Any, other: Any) -> None:
    world.placed(volume="0.1")
    world.placed(other, type="sell", price="50000", volume="0.1")
    txid = world.placed(type="sell", ordertype="stop-loss", price="45000")
    assert (
        world.private("AmendOrder", txid=txid, limit_price="44000") == "EOrder:Invalid limit price"
    )
    world.private("AmendOrder", txid=txid, trigger_price="46000")
    assert world.query(txid)["stopprice"] == "46000.00000"


def test_an_order_with_a_close_is_not_amended(world: Any) -> None:
    txid = world.placed(**{"close[ordertype]": "limit", "close[price]": "60000"})
    assert world.private("AmendOrder", txid=txid, order_qty="1") == "EOrder:Order not editable"


def test_amends_are_remembered(world: Any) -> None:
    txid = world.placed(volume="1")
    amend = world.private("AmendOrder", txid=txid, limit_price="49000")["amend_id"]
    history = world.private("OrderAmends", order_id=txid)
    assert history["count"] == 2
    original, user = history["amends"]
    assert (original["amend_type"], original["limit_price"]) == ("original", "50000.0")
    assert (user["amend_type"], user["limit_price"], user["amend_id"]) == ("user", "49000.0", amend)


# Editing.


def test_an_edit_makes_another_order(world: Any) -> None:
    txid = world.placed(volume="1", userref="7")
    answer = world.private("EditOrder", txid=txid, pair="XBTUSD", price="49000")
    assert (answer["status"], answer["originaltxid"], answer["orders_cancelled"]) == ("ok", txid, 1)
    assert world.query(txid)["status"] == "canceled"
    new = world.query(answer["txid"])
    assert (new["status"], new["descr"]["price"], new["vol"], new["userref"]) == (
        "open",
        "49000.0",
        "1.00000000",
        None,
    )


def test_fills_stay_with_the_edited_order(world: Any, other: Any) -> None:
    txid = world.placed(volume="1")
    world.placed(other, type="sell", price="50000", volume="0.4")
    refused = world.private("EditOrder", txid=txid, pair="XBTUSD", volume="0.3")
    assert refused == "EOrder:Invalid order"
    answer = world.private("EditOrder", txid=txid, pair="XBTUSD", volume="1.5")
    assert world.query(txid)["vol_exec"] == "0.40000000"
    assert world.query(answer["txid"])["vol"] == "1.10000000"


def test_an_order_with_a_clients_name_is_not_edited(world: Any) -> None:
    txid = world.placed(cl_ord_id=UUID)
    refused = world.private("EditOrder", txid=txid, pair="XBTUSD", price="49000")
    assert refused == "EOrder:Order not editable"


def test_an_edit_that_fails_leaves_the_order(world: Any) -> None:
    txid = world.placed()
    refused = world.private("EditOrder", txid=txid, pair="XBTUSD", volume="1000")
    assert refused == "EOrder:Insufficient funds"
    assert world.query(txid)["status"] == "open"
    checked = world.private("EditOrder", txid=txid, pair="XBTUSD", price="1000", validate="true")
    assert "txid" not in checked
    assert world.query(txid)["descr"]["price"] == "50000.0"


# Canceling.


def test_an_order_is_canceled_once(world: Any) -> None:
    txid = world.placed()
    assert world.private("CancelOrder", txid=txid) == {"count": 1}
    order = world.query(txid)
    assert (order["status"], order["reason"]) == ("canceled", "User requested")
    assert world.private("CancelOrder", txid=txid) == "EOrder:Unknown order"


def test_a_filled_order_cannot_be_canceled(world: Any, other: Any) -> None:
    txid = world.placed(cl_ord_id=UUID)
    world.placed(other, type="sell", price="50000", volume="0.01")
    assert world.private("CancelOrder", txid=txid) == "EOrder:Unknown order"
    assert world.private("CancelOrder", cl_ord_id=UUID) == "EOrder:Unknown order"


def test_an_id_that_was_never_given_out_is_no_order(world: Any, other: Any) -> None:
    assert world.private("CancelOrder", txid=NOBODY) == "EOrder:Invalid order"
    foreign = world.placed()
    assert world.private("CancelOrder", other, txid=foreign) == "EOrder:Invalid order"


def test_a_cancel_names_its_order_in_one_way(world: Any) -> None:
    refused = "EGeneral:Invalid arguments:txid"
    assert world.private("CancelOrder") == refused
    assert world.private("CancelOrder", txid=NOBODY, cl_ord_id=UUID) == refused


def test_many_are_canceled_by_any_name_and_strangers_are_not_counted(world: Any) -> None:
    plain = world.placed()
    world.placed(cl_ord_id=UUID)
    world.placed(userref="5")
    world.placed(userref="5")
    named = world.placed()
    orders = [plain, NOBODY, 5, {"txid": named}]
    answer = world.private("CancelOrderBatch", orders=orders, cl_ord_ids=[{"cl_ord_id": UUID}])
    assert answer == {"count": 5}


@pytest.mark.parametrize("count", [0, 51])
def test_a_batch_of_cancels_has_bounds(world: Any, count: int) -> None:
    refused = world.private("CancelOrderBatch", orders=[NOBODY] * count)
    assert refused == "EGeneral:Invalid arguments:orders"


def test_fifty_orders_go_at_once(world: Any) -> None:
    txids = [world.placed(volume="0.001") for _ in range(50)]
    assert world.private("CancelOrderBatch", orders=txids) == {"count": 50}


def test_all_orders_of_all_pairs_are_canceled(world: Any, other: Any) -> None:
    world.placed()
    world.placed(pair="ETHUSD", price="3000")
    kept = world.placed(other)
    assert world.private("CancelAll") == {"count": 2}
    assert world.private("CancelAll") == {"count": 0}
    assert world.query(kept, other)["status"] == "open"


# Batches.


def leg(**fields: str) -> dict[str, str]:
    return {"type": "buy", "ordertype": "limit", "volume": "1", "price": "50000", **fields}


def test_a_batch_answers_in_the_order_of_the_request(world: Any) -> None:
    answer = world.private("AddOrderBatch", pair="XBTUSD", orders=[leg(), leg(price="49000")])
    sentences = [each["descr"]["order"] for each in answer["orders"]]
    assert sentences == [
        "buy 1.00000000 XBTUSD @ limit 50000.0",
        "buy 1.00000000 XBTUSD @ limit 49000.0",
    ]
    prices = [world.query(each["txid"])["descr"]["price"] for each in answer["orders"]]
    assert prices == ["50000.0", "49000.0"]


def test_one_order_that_breaks_a_rule_fails_the_whole_batch(world: Any) -> None:
    orders = [leg(), leg(volume="0.00000001")]
    refused = world.private("AddOrderBatch", pair="XBTUSD", orders=orders)
    assert refused == "EOrder:Order minimum not met"
    assert world.private("OpenOrders") == {"open": {}}


def test_one_order_that_cannot_be_paid_fails_alone(world: Any) -> None:
    orders = [leg(volume="15"), leg(volume="10"), leg(volume="1")]
    body = world.raw(
        world.request("AddOrderBatch", {"pair": "XBTUSD", "orders": orders}, is_json=True)
    )
    assert body["error"] == []
    first, second, third = body["result"]["orders"]
    assert ("txid" in first, "txid" in third) == (True, True)
    assert (second["error"], "txid" in second) == ("EOrder:Insufficient funds", False)
    assert len(world.private("OpenOrders")["open"]) == 2


def test_a_name_that_is_taken_fails_alone_and_one_used_twice_fails_all(world: Any) -> None:
    world.placed(cl_ord_id=UUID)
    orders = [leg(cl_ord_id=UUID), leg()]
    first, second = world.private("AddOrderBatch", pair="XBTUSD", orders=orders)["orders"]
    refusal = "EGeneral:Invalid arguments:cl_ord_id not unique"
    assert (first["error"], "txid" in second) == (refusal, True)
    twins = [leg(cl_ord_id="twin"), leg(cl_ord_id="twin")]
    assert world.private("AddOrderBatch", pair="XBTUSD", orders=twins) == refusal


@pytest.mark.parametrize("count", [1, 16])
def test_a_batch_has_two_to_fifteen_orders(world: Any, count: int) -> None:
    refused = world.private("AddOrderBatch", pair="XBTUSD", orders=[leg()] * count)
    assert refused == "EGeneral:Invalid arguments:orders"


def test_a_batch_can_be_checked_only(world: Any) -> None:
    answer = world.private("AddOrderBatch", pair="XBTUSD", orders=[leg(), leg()], validate=True)
    assert all("txid" not in each for each in answer["orders"])
    assert world.private("OpenOrders") == {"open": {}}


# The dead man's switch.


def test_the_switch_cancels_everything_and_disarms_itself(world: Any) -> None:
    world.placed()
    answer = world.private("CancelAllOrdersAfter", timeout=60)
    assert answer == {
        "currentTime": "2026-07-15T12:00:00Z",
        "triggerTime": "2026-07-15T12:01:00Z",
    }
    world.wait(59.5)
    assert len(world.private("OpenOrders")["open"]) == 1
    world.wait(1)
    assert world.private("OpenOrders") == {"open": {}}
    world.placed()
    world.wait(120, step_s=5)
    assert len(world.private("OpenOrders")["open"]) == 1


def test_the_switch_is_set_back_and_taken_away(world: Any) -> None:
    world.placed()
    for _ in range(4):
        world.private("CancelAllOrdersAfter", timeout=60)
        world.wait(30, step_s=5)
    assert world.private("CancelAllOrdersAfter", timeout=0)["triggerTime"] == "0"
    world.wait(120, step_s=5)
    assert len(world.private("OpenOrders")["open"]) == 1


def test_the_switch_falls_before_a_request_of_the_same_moment(world: Any) -> None:
    txid = world.placed()
    world.private("CancelAllOrdersAfter", timeout=10)
    world.now_ns += 10 * 10**9  # nobody has let the time pass
    assert world.query(txid)["status"] == "canceled"


@pytest.mark.parametrize("timeout", ["86400", "-1", "x", ""])
def test_the_switch_has_bounds(world: Any, timeout: str) -> None:
    refused = world.private("CancelAllOrdersAfter", timeout=timeout)
    assert refused == "EGeneral:Invalid arguments:timeout"


def test_a_switch_that_is_due_while_the_engine_is_down_falls_when_it_is_back(world: Any) -> None:
    txid = world.placed()
    world.private("CancelAllOrdersAfter", timeout=10)
    (number,) = world.dialect.faults.add(
        Fault(kind=FaultKind.HALT, topic="system", text="maintenance")
    )
    world.wait(20)
    assert world.query(txid)["status"] == "open"
    world.dialect.faults.remove(number)
    world.wait(1)
    assert world.query(txid)["status"] == "canceled"
    assert world.dialect.next_due_ns() is None
