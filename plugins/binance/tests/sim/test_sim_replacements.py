"""Cancel-replace in all its outcomes, and amendments."""

from typing import Any

import pytest

from venuekit_binance.sim.weights import LimitSettings

ORDER = "/api/v3/order"
REPLACE = "/api/v3/order/cancelReplace"
AMEND = "/api/v3/order/amend/keepPriority"
NEW = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "60001",
}
TOO_MUCH = {"quantity": "100", "price": "64000"}


def replace(world: Any, order_id: Any, mode: Any = "STOP_ON_FAILURE", **params: Any) -> Any:
    params = {**NEW, "cancelReplaceMode": mode, "cancelOrderId": order_id, **params}
    return world.signed("POST", REPLACE, **params)


def test_both_steps_succeed_and_the_old_name_is_free_again(world: Any) -> None:
    old = world.place(newClientOrderId="mine")
    answer = replace(world, old["orderId"], newClientOrderId="mine", cancelNewClientOrderId="c")
    assert world.status == 200
    assert (answer["cancelResult"], answer["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert answer["cancelResponse"]["origClientOrderId"] == "mine"
    assert answer["cancelResponse"]["clientOrderId"] == "c"
    assert answer["newOrderResponse"]["clientOrderId"] == "mine"
    assert answer["newOrderResponse"]["orderId"] > old["orderId"]
    assert world.answer.header("x-mbx-used-weight-1m") == "0"
    assert world.answer.header("x-mbx-order-count-10s") == "2"


def test_a_failed_cancel_stops_the_new_order(world: Any) -> None:
    answer = replace(world, 4711)
    assert (world.status, answer["code"]) == (400, -2022)
    assert answer["data"] == {
        "cancelResult": "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
        "newOrderResponse": None,
    }
    counts = [row["count"] for row in world.signed("GET", "/api/v3/rateLimit/order")]
    assert counts == [1, 1]


def test_a_failed_cancel_is_passed_over_where_that_is_allowed(world: Any) -> None:
    answer = replace(world, 4711, "ALLOW_FAILURE")
    assert (world.status, answer["code"]) == (409, -2021)
    assert answer["data"]["cancelResult"] == "FAILURE"
    assert answer["data"]["newOrderResult"] == "SUCCESS"
    assert answer["data"]["newOrderResponse"]["status"] == "NEW"


def test_a_failed_placement_does_not_undo_the_cancel(world: Any) -> None:
    old = world.place()
    answer = replace(world, old["orderId"], **TOO_MUCH)
    assert (world.status, answer["code"]) == (409, -2021)
    assert answer["data"]["cancelResponse"]["status"] == "CANCELED"
    assert answer["data"]["newOrderResponse"]["code"] == -2010
    assert world.signed("GET", "/api/v3/openOrders") == []


def test_both_steps_fail(world: Any) -> None:
    answer = replace(world, 4711, "ALLOW_FAILURE", **TOO_MUCH)
    assert (world.status, answer["code"]) == (400, -2022)
    assert answer["data"]["cancelResult"] == answer["data"]["newOrderResult"] == "FAILURE"


def test_filters_are_judged_before_either_step(world: Any) -> None:
    old = world.place()
    answer = replace(world, old["orderId"], quantity="0.0000001")
    assert (world.status, answer["code"]) == (400, -1013)
    assert "data" not in answer
    assert len(world.signed("GET", "/api/v3/openOrders")) == 1


@pytest.mark.parametrize(
    ("mode", "exceeded", "knows_order", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", "DO_NOTHING", True, 429, -1015, None),
        ("STOP_ON_FAILURE", "CANCEL_ONLY", True, 429, -2021, ("SUCCESS", "FAILURE")),
        ("STOP_ON_FAILURE", "CANCEL_ONLY", False, 429, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", "DO_NOTHING", True, 429, -1015, None),
        ("ALLOW_FAILURE", "CANCEL_ONLY", True, 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", "CANCEL_ONLY", False, 400, -2022, ("FAILURE", "FAILURE")),
    ],
)
def test_an_exhausted_order_count(
    make_world: Any,
    mode: str,
    exceeded: str,
    knows_order: bool,
    status: Any,
    code: int,
    results: Any,
) -> None:
    world = make_world(limits=LimitSettings(orders_10s=1))
    old = world.place()
    order_id = old["orderId"] if knows_order else 4711
    answer = replace(world, order_id, mode, orderRateLimitExceededMode=exceeded)
    assert (world.status, answer["code"]) == (status, code)
    if results is None:
        assert "data" not in answer
        assert len(world.signed("GET", "/api/v3/openOrders")) == 1
        return
    assert (answer["data"]["cancelResult"], answer["data"]["newOrderResult"]) == results
    if results[1] == "FAILURE":
        assert answer["data"]["newOrderResponse"]["code"] == -1015


def test_an_amendment_keeps_the_place_and_loses_the_name(world: Any, other: Any) -> None:
    mine = world.place(newClientOrderId="mine")
    world.signed("POST", ORDER, other, **{**NEW, "price": "60000"})
    answer = world.signed("PUT", AMEND, symbol="BTCUSDT", orderId=mine["orderId"], newQty="0.004")
    amended = answer["amendedOrder"]
    assert amended["orderId"] == mine["orderId"]
    assert amended["qty"] == "0.00400000"
    assert amended["cumulativeQuoteQty"] == "0.00000000"
    assert amended["origClientOrderId"] == "mine"
    assert amended["clientOrderId"] != "mine"
    assert world.answer.header("x-mbx-used-weight-1m") == "4"
    assert world.balance("USDT")[1] == "240.00000000"
    world.signed("POST", ORDER, other, **{**NEW, "side": "SELL", "price": "60000",
                                          "quantity": "0.004"})  # fmt: skip
    found = world.signed("GET", ORDER, symbol="BTCUSDT", orderId=mine["orderId"])
    assert found["status"] == "FILLED"
    (row,) = world.signed(
        "GET", "/api/v3/order/amendments", symbol="BTCUSDT", orderId=mine["orderId"]
    )
    assert (row["origQty"], row["newQty"]) == ("0.01000000", "0.00400000")
    assert row["executionId"] == answer["executionId"]


@pytest.mark.parametrize(
    ("quantity", "message"),
    [
        ("0.02", "Order amend (quantity increase) is not supported."),
        ("0.01", "The requested action would change no state; rejecting."),
    ],
)
def test_amendments_only_reduce(world: Any, quantity: str, message: Any) -> None:
    order = world.place()
    answer = world.signed("PUT", AMEND, symbol="BTCUSDT", orderId=order["orderId"], newQty=quantity)
    assert answer == {"code": -2038, "msg": message}


def test_an_order_is_amended_ten_times_at_most(world: Any) -> None:
    order = world.place(quantity="0.02")
    for index in range(10):
        world.signed(
            "PUT", AMEND, symbol="BTCUSDT", orderId=order["orderId"],
            newQty=f"0.0{19 - index}", newClientOrderId="kept",
        )  # fmt: skip
        assert world.status == 200
    answer = world.signed("PUT", AMEND, symbol="BTCUSDT", origClientOrderId="kept", newQty="0.001")
    assert answer == {"code": -2038, "msg": "Filter failure: MAX_NUM_ORDER_AMENDS"}
    answer = world.signed("PUT", AMEND, symbol="BTCUSDT", orderId=4711, newQty="0.001")
    assert answer["code"] == -2038
