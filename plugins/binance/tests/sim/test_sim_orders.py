"""Placing, asking for and canceling orders."""

from typing import Any

import pytest

ORDER = "/api/v3/order"


def sell(world: Any, other: Any, **params: Any) -> Any:
    """Let another account offer something."""
    order = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "price": "64000",
        **params,
    }
    return world.signed("POST", ORDER, other, **order)


def test_a_resting_order_locks_its_price_and_is_found(world: Any) -> None:
    order = world.place(newClientOrderId="mine-1", newOrderRespType="FULL")
    assert order == {
        "symbol": "BTCUSDT",
        "orderId": order["orderId"],
        "orderListId": -1,
        "clientOrderId": "mine-1",
        "transactTime": 1784116800000,
        "price": "60000.00000000",
        "origQty": "0.01000000",
        "executedQty": "0.00000000",
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "workingTime": 1784116800000,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "fills": [],
    }
    assert world.balance("USDT") == ("999400.00000000", "600.00000000")
    found = world.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")
    assert found == {
        "symbol": "BTCUSDT",
        "orderId": order["orderId"],
        "orderListId": -1,
        "clientOrderId": "mine-1",
        "price": "60000.00000000",
        "origQty": "0.01000000",
        "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        "time": 1784116800000,
        "updateTime": 1784116800000,
        "isWorking": True,
        "workingTime": 1784116800000,
        "origQuoteOrderQty": "0.00000000",
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }
    assert world.signed("GET", "/api/v3/openOrders") == [found]


def test_answers_come_in_three_sizes(world: Any) -> None:
    ack = world.place(newOrderRespType="ACK")
    assert sorted(ack) == ["clientOrderId", "orderId", "orderListId", "symbol", "transactTime"]
    assert len(ack["clientOrderId"]) == 22
    assert "fills" not in world.place(newOrderRespType="RESULT")
    assert "status" not in world.place(type="LIMIT_MAKER", quantity="0.01", price="60000")


def test_a_fill_pays_its_fee_in_what_it_receives(world: Any, other: Any) -> None:
    sell(world, other, quantity="0.005")
    order = world.place(price="64100", quantity="0.01")
    assert (order["status"], order["executedQty"]) == ("PARTIALLY_FILLED", "0.00500000")
    assert order["cummulativeQuoteQty"] == "320.00000000"
    assert order["fills"] == [
        {
            "price": "64000.00000000",
            "qty": "0.00500000",
            "commission": "0.00000500",
            "commissionAsset": "BTC",
            "tradeId": 1,
        }
    ]
    assert world.balance("BTC") == ("10.00499500", "0.00000000")
    assert world.balance("USDT") == ("999359.50000000", "320.50000000")
    (mine,) = world.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT")
    assert (mine["commission"], mine["isBuyer"], mine["isMaker"]) == ("0.00000500", True, False)
    (theirs,) = world.signed("GET", "/api/v3/myTrades", other, symbol="BTCUSDT")
    assert (theirs["commission"], theirs["commissionAsset"]) == ("0.32000000", "USDT")
    assert theirs["id"] == mine["id"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"type": "LIMIT", "timeInForce": None}, -1102),
        ({"type": "LIMIT", "price": None}, -1102),
        ({"type": "LIMIT", "quantity": None}, -1102),
        ({"type": "LIMIT", "stopPrice": "1"}, -1106),
        ({"type": "LIMIT", "quoteOrderQty": "10"}, -1106),
        ({"type": "LIMIT", "trailingDelta": "10"}, -1106),
        ({"type": "LIMIT", "icebergQty": "0.001", "timeInForce": "IOC"}, -1014),
        ({"type": "LIMIT_MAKER", "quantity": "1", "price": "1", "timeInForce": "GTC"}, -1106),
        ({"type": "MARKET"}, -1102),
        ({"type": "MARKET", "quantity": "1", "quoteOrderQty": "1"}, -1106),
        ({"type": "MARKET", "quantity": "1", "price": "1"}, -1106),
        ({"type": "MARKET", "quantity": "1", "timeInForce": "GTC"}, -1106),
        ({"type": "STOP_LOSS", "quantity": "1"}, -1102),
        ({"type": "STOP_LOSS_LIMIT", "quantity": "1", "stopPrice": "1", "price": "1"}, -1102),
        ({"type": "NONSENSE", "quantity": "1"}, -1116),
        ({"side": "HOLD"}, -1117),
        ({"timeInForce": "GTX"}, -1115),
        ({"quantity": "1e-2"}, -1100),
        ({"quantity": "-1"}, -1100),
        ({"quantity": ".1"}, -1100),
        ({"quantity": "0.123456789"}, -1111),
        ({"newClientOrderId": "a.b"}, -1100),
        ({"newClientOrderId": "x" * 37}, -1100),
        ({"newClientOrderId": ""}, -1118),
        ({"strategyType": "999999"}, -1134),
        ({"selfTradePreventionMode": "NONE"}, -1013),
        ({"quantity": "0"}, -2010),
        ({"quantity": "1000", "price": "64000"}, -1013),
        ({"quantity": "100", "price": "64000"}, -2010),
    ],
)
def test_orders_are_refused_for_their_parameters(
    world: Any, params: dict[str, Any], code: int
) -> None:
    order = {"timeInForce": "GTC", "quantity": "0.01", "price": "60000", "type": "LIMIT"}
    order = order if params.get("type", "LIMIT") == "LIMIT" else {}
    order |= params
    order = {name: value for name, value in order.items() if value is not None}
    order = {"symbol": "BTCUSDT", "side": "BUY", **order}
    answer = world.signed("POST", ORDER, **order)
    assert answer["code"] == code
    assert world.signed("GET", "/api/v3/openOrders") == []


def test_a_client_id_is_unique_among_open_orders_only(world: Any) -> None:
    first = world.place(newClientOrderId="once")
    answer = world.place(newClientOrderId="once")
    assert (world.status, answer) == (400, {"code": -2010, "msg": "Duplicate order sent."})
    world.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="once")
    second = world.place(newClientOrderId="once")
    assert second["orderId"] > first["orderId"]


def test_a_market_order_can_be_executed_twice_under_one_name(world: Any, other: Any) -> None:
    sell(world, other, quantity="1")
    for _ in range(2):
        order = world.place(type="MARKET", quantity="0.01", newClientOrderId="again")
        assert order["status"] == "FILLED"
    newest = world.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="again")
    assert newest["orderId"] == order["orderId"]


def test_a_cancel_renames_the_order(world: Any) -> None:
    order = world.place(newClientOrderId="mine")
    gone = world.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine")
    assert (gone["status"], gone["origClientOrderId"]) == ("CANCELED", "mine")
    assert gone["clientOrderId"] != "mine"
    query = {"symbol": "BTCUSDT", "origClientOrderId": "mine"}
    assert world.signed("GET", ORDER, **query) == {"code": -2013, "msg": "Order does not exist."}
    found = world.signed("GET", ORDER, symbol="BTCUSDT", orderId=order["orderId"])
    assert found["clientOrderId"] == gone["clientOrderId"]
    assert world.balance("USDT") == ("1000000.00000000", "0.00000000")


def test_a_cancel_can_keep_the_name(world: Any) -> None:
    world.place(newClientOrderId="mine")
    world.signed(
        "DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="mine"
    )
    found = world.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="mine")
    assert found["status"] == "CANCELED"


def test_what_is_not_open_cannot_be_canceled(world: Any, other: Any) -> None:
    unknown = {"code": -2011, "msg": "Unknown order sent."}
    assert world.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=4711) == unknown
    order = world.place()
    query = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    assert world.signed("DELETE", ORDER, other, **query) == unknown
    assert world.signed("DELETE", ORDER, **query, origClientOrderId="wrong") == unknown
    assert world.signed("DELETE", ORDER, **query)["status"] == "CANCELED"
    assert world.signed("DELETE", ORDER, **query) == unknown
    assert world.status == 400
    assert world.signed("DELETE", ORDER, symbol="BTCUSDT")["code"] == -1102


def test_cancels_can_be_restricted(world: Any, other: Any) -> None:
    order = world.place()
    query = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    answer = world.signed("DELETE", ORDER, **query, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert answer["msg"] == "Order was not canceled due to cancel restrictions."
    assert world.signed("DELETE", ORDER, **query, cancelRestrictions="ONLY_OLD")["code"] == -1145
    answer = world.signed("DELETE", ORDER, **query, cancelRestrictions="ONLY_NEW")
    assert answer["status"] == "CANCELED"


def test_ids_that_do_not_belong_together_are_refused(world: Any) -> None:
    order = world.place(newClientOrderId="mine")
    query = {"symbol": "BTCUSDT", "orderId": order["orderId"], "origClientOrderId": "other"}
    assert world.signed("GET", ORDER, **query)["code"] == -2039
    assert world.signed("GET", ORDER, symbol="BTCUSDT")["code"] == -1102


def test_cancel_all_is_an_error_on_an_empty_book(world: Any) -> None:
    assert world.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")["code"] == -2011
    world.place()
    world.place(price="60001")
    gone = world.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert [each["status"] for each in gone] == ["CANCELED", "CANCELED"]
    assert gone[0]["clientOrderId"] == gone[1]["clientOrderId"]


def test_post_only_orders_never_take(world: Any, other: Any) -> None:
    sell(world, other)
    answer = world.place(type="LIMIT_MAKER", quantity="0.01", price="64000")
    assert answer == {"code": -2010, "msg": "Order would immediately match and take."}


def test_what_immediate_orders_leave_expires(world: Any, other: Any) -> None:
    sell(world, other, quantity="0.005")
    order = world.place(price="64000", timeInForce="FOK")
    assert (order["status"], order["expiryReason"]) == ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
    order = world.place(price="64000", timeInForce="IOC")
    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.00500000")
    assert order["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    answer = world.place(type="MARKET", quantity="0.01")
    assert answer["code"] == -2010
    assert answer["msg"].startswith("Order book liquidity is less than")


def test_a_market_order_by_quote_quantity_buys_whole_steps(world: Any, other: Any) -> None:
    sell(world, other, quantity="1")
    order = world.place(type="MARKET", quoteOrderQty="100")
    assert (order["status"], order["executedQty"]) == ("FILLED", "0.00156000")
    assert order["cummulativeQuoteQty"] == "99.84000000"
    assert order["origQuoteOrderQty"] == "100.00000000"


def test_an_order_that_cannot_be_paid_is_refused(world: Any) -> None:
    poor = world.dialect.create_account("poor", {"USDT": "10"})
    answer = world.signed(
        "POST", ORDER, poor, symbol="BTCUSDT", side="BUY", type="LIMIT",
        timeInForce="GTC", quantity="0.01", price="60000",
    )  # fmt: skip
    text = "Account has insufficient balance for requested action."
    assert answer == {"code": -2010, "msg": text}


def test_stops_wait_for_the_last_price(world: Any, other: Any) -> None:
    sell(world, other, quantity="0.01", price="64000")
    world.place(price="64000", quantity="0.001")  # a first trade
    stop = {"type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "quantity": "0.001", "side": "BUY"}
    answer = world.place(**stop, price="64200", stopPrice="63000")
    assert answer["msg"] == "Order would trigger immediately."
    waiting = world.place(**stop, price="64200", stopPrice="64100", newOrderRespType="RESULT")
    assert (waiting["status"], waiting["workingTime"]) == ("NEW", -1)
    found = world.signed("GET", ORDER, symbol="BTCUSDT", orderId=waiting["orderId"])
    assert (found["isWorking"], found["stopPrice"]) == (False, "64100.00000000")
    world.place(price="64000", quantity="0.009")
    sell(world, other, quantity="0.01", price="64100")
    world.place(price="64100", quantity="0.001")
    found = world.signed("GET", ORDER, symbol="BTCUSDT", orderId=waiting["orderId"])
    assert (found["status"], found["isWorking"]) == ("FILLED", True)


def test_own_orders_do_not_trade_with_each_other(world: Any) -> None:
    resting = world.place(side="SELL", price="64000")
    order = world.place(price="64000", newOrderRespType="FULL")
    assert order["status"] == "NEW"
    assert order["preventedMatches"][0]["makerOrderId"] == resting["orderId"]
    found = world.signed("GET", ORDER, symbol="BTCUSDT", orderId=resting["orderId"])
    assert (found["status"], found["preventedQuantity"]) == ("EXPIRED_IN_MATCH", "0.01000000")
    (match,) = world.signed(
        "GET", "/api/v3/myPreventedMatches", symbol="BTCUSDT", orderId=order["orderId"]
    )
    assert match["makerOrderId"] == resting["orderId"]
    world.place(side="SELL", price="60001", selfTradePreventionMode="EXPIRE_TAKER")


def test_pegged_orders_take_their_price_from_the_book(world: Any, other: Any) -> None:
    sell(world, other, price="64000")
    sell(world, other, price="64010")
    peg = {"timeInForce": "GTC", "quantity": "0.001", "type": "LIMIT", "price": None}
    peg = {name: value for name, value in peg.items() if value is not None}
    order = world.signed(
        "POST", ORDER, other, symbol="BTCUSDT", side="SELL", **peg,
        pegPriceType="PRIMARY_PEG", pegOffsetType="PRICE_LEVEL", pegOffsetValue=1,
    )  # fmt: skip
    assert (order["price"], order["peggedPrice"]) == ("0.00000000", "64010.00000000")
    answer = world.signed(
        "POST", ORDER, other, symbol="BTCUSDT", side="BUY", **peg, pegPriceType="PRIMARY_PEG"
    )
    assert answer["msg"] == "Order book liquidity is too low for this pegged order."


def test_testing_places_nothing(world: Any) -> None:
    test = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    assert world.signed("POST", "/api/v3/order/test", **test) == {}
    rates = world.signed("POST", "/api/v3/order/test", **test, computeCommissionRates="true")
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert world.answer.header("x-mbx-used-weight-1m") == "21"
    test["quantity"] = "0.000001"
    assert world.signed("POST", "/api/v3/order/test", **test)["msg"] == "Filter failure: LOT_SIZE"
    assert world.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT") == []


def test_trades_are_asked_for_in_documented_combinations_only(world: Any, other: Any) -> None:
    sell(world, other, quantity="1")
    orders = [world.place(price="64000") for _ in range(3)]
    path, ms = "/api/v3/myTrades", world.now_ns // 1_000_000

    def ids(**params: Any) -> Any:
        return [row["id"] for row in world.signed("GET", path, symbol="BTCUSDT", **params)]

    assert ids() == [1, 2, 3]
    assert ids(limit=2) == [2, 3]
    assert ids(fromId=2) == [2, 3]
    assert ids(orderId=orders[1]["orderId"]) == [2]
    assert ids(startTime=ms, limit=1) == [1]
    assert ids(endTime=ms - 1) == []
    for bad in ({"fromId": 1, "startTime": 1}, {"orderId": 1, "startTime": 1}):
        assert world.signed("GET", path, symbol="BTCUSDT", **bad)["code"] == -1128
    answer = world.signed("GET", path, symbol="BTCUSDT", startTime=0, endTime=86_400_001)
    assert answer["code"] == -1127


def test_all_orders_are_listed_by_id_and_by_time(world: Any) -> None:
    orders = [world.place() for _ in range(3)]
    rows = world.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT", orderId=orders[1]["orderId"])
    assert [row["orderId"] for row in rows] == [order["orderId"] for order in orders[1:]]
    rows = world.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT", limit=1)
    assert [row["orderId"] for row in rows] == [orders[-1]["orderId"]]


def test_the_account_lists_every_asset_unless_asked_otherwise(world: Any) -> None:
    account = world.signed("GET", "/api/v3/account")
    assert account["makerCommission"] == 10
    assert account["commissionRates"]["taker"] == "0.00100000"
    assert {"asset": "这是测试币", "free": "0.00000000", "locked": "0.00000000"} in (
        account["balances"]
    )
    held = world.signed("GET", "/api/v3/account", omitZeroBalances="true")["balances"]
    assert all(float(row["free"]) for row in held)
    rates = world.signed("GET", "/api/v3/account/commission", symbol="BTCUSDT")
    assert rates["standardCommission"]["maker"] == "0.00100000"
    filters = world.signed("GET", "/api/v3/myFilters", symbol="BTCUSDT")
    assert filters["symbolFilters"][0]["filterType"] == "PRICE_FILTER"
