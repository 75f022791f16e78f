"""Order lists: OCO, OTO, OTOCO, OPO and their ends."""

from typing import Any

import pytest

LIST = "/api/v3/orderList"
OCO = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "66000",
    "belowType": "STOP_LOSS_LIMIT",
    "belowPrice": "61900",
    "belowStopPrice": "62000",
    "belowTimeInForce": "GTC",
}
WORKING = {
    "symbol": "BTCUSDT",
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": "64000",
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
}
PENDING = {
    "pendingType": "LIMIT_MAKER",
    "pendingSide": "SELL",
    "pendingPrice": "66000",
    "pendingQuantity": "0.009",
}


def trade(world: Any, other: Any, price: Any, side: Any = "SELL", quantity: Any = "0.01") -> Any:
    """Let the other account meet whoever stands at a price."""
    return world.signed(
        "POST", "/api/v3/order", other, symbol="BTCUSDT", side=side, type="LIMIT",
        timeInForce="GTC", quantity=quantity, price=price,
    )  # fmt: skip


@pytest.fixture
def market(world: Any, other: Any) -> Any:
    """A market whose last price is 64000."""
    third = world.dialect.credentials("third")
    trade(world, other, "64000", "SELL")
    trade(world, third, "64000", "BUY")
    return world


def status(world: Any, order_id: Any) -> Any:
    order = world.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=order_id)
    return order["status"], order.get("expiryReason")


def test_an_oco_stands_on_both_sides_and_locks_once(market: Any) -> None:
    placed = market.signed("POST", f"{LIST}/oco", **OCO, listClientOrderId="list-1")
    assert placed["contingencyType"] == "OCO"
    assert (placed["listStatusType"], placed["listOrderStatus"]) == ("EXEC_STARTED", "EXECUTING")
    assert placed["listClientOrderId"] == "list-1"
    stop, limit = placed["orderReports"]
    assert (stop["type"], stop["stopPrice"], stop["workingTime"]) == (
        "STOP_LOSS_LIMIT",
        "62000.00000000",
        -1,
    )
    assert (limit["type"], limit["price"]) == ("LIMIT_MAKER", "66000.00000000")
    assert market.balance("BTC")[1] == "0.01000000"
    counts = [row["count"] for row in market.signed("GET", "/api/v3/rateLimit/order")]
    assert counts == [2, 2]
    listed = market.signed("GET", "/api/v3/openOrderList")
    assert listed == [market.signed("GET", LIST, orderListId=placed["orderListId"])]
    assert listed == [market.signed("GET", LIST, origClientOrderId="list-1")]
    assert "orderReports" not in listed[0]


def test_the_limit_leg_trades_and_the_stop_expires(market: Any, other: Any) -> None:
    placed = market.signed("POST", f"{LIST}/oco", **OCO)
    stop, limit = (each["orderId"] for each in placed["orders"])
    trade(market, other, "66000", "BUY")
    assert status(market, limit) == ("FILLED", None)
    assert status(market, stop) == ("EXPIRED", "OCO_TRIGGER")
    done = market.signed("GET", LIST, orderListId=placed["orderListId"])
    assert (done["listStatusType"], done["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert market.signed("GET", "/api/v3/openOrderList") == []
    assert len(market.signed("GET", "/api/v3/allOrderList")) == 1


def test_the_stop_triggers_and_the_limit_leg_expires(market: Any, other: Any) -> None:
    placed = market.signed("POST", f"{LIST}/oco", **OCO)
    stop, limit = (each["orderId"] for each in placed["orders"])
    third = market.dialect.credentials("third")
    trade(market, third, "62000", "BUY", "0.02")
    trade(market, other, "62000", "SELL", "0.001")
    assert status(market, limit) == ("EXPIRED", "OCO_TRIGGER")
    assert status(market, stop) == ("FILLED", None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"abovePrice": "61000"}, -2010),
        ({"belowStopPrice": "65000"}, -2010),
        ({"abovePrice": "63000"}, -2010),
        ({"aboveType": "STOP_LOSS_LIMIT"}, -1102),
        ({"side": "BUY"}, -2010),
        ({"belowTimeInForce": None}, -1102),
        ({"quantity": "0.0000001"}, -1013),
        ({"aboveClientOrderId": "same", "belowClientOrderId": "same"}, -1013),
        ({"quantity": "100"}, -2010),
    ],
)
def test_ocos_are_refused_whole(market: Any, changes: dict[str, Any], code: int) -> None:
    params = {name: value for name, value in {**OCO, **changes}.items() if value is not None}
    assert market.signed("POST", f"{LIST}/oco", **params)["code"] == code
    assert market.signed("GET", "/api/v3/openOrders") == []


def test_a_cancel_of_a_leg_cancels_the_list(market: Any) -> None:
    placed = market.signed("POST", f"{LIST}/oco", **OCO)
    gone = market.signed(
        "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orders"][0]["orderId"]
    )
    assert (gone["listStatusType"], gone["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    assert [each["status"] for each in gone["orderReports"]] == ["CANCELED", "CANCELED"]
    assert market.balance("BTC")[1] == "0.00000000"


def test_lists_are_canceled_by_either_name(market: Any) -> None:
    placed = market.signed("POST", f"{LIST}/oco", **OCO, listClientOrderId="mine")
    answer = market.signed("POST", f"{LIST}/oco", **OCO, listClientOrderId="mine")
    assert answer["msg"] == "Duplicate order sent."
    assert market.signed("DELETE", LIST, symbol="BTCUSDT")["code"] == -1102
    assert market.signed("DELETE", LIST, symbol="BTCUSDT", orderListId=99)["code"] == -2011
    gone = market.signed("DELETE", LIST, symbol="BTCUSDT", listClientOrderId="mine")
    assert gone["orderListId"] == placed["orderListId"]
    again = {"symbol": "BTCUSDT", "orderListId": placed["orderListId"]}
    assert market.signed("DELETE", LIST, **again)["code"] == -2011


def test_a_pending_leg_begins_when_the_working_one_has_filled(market: Any, other: Any) -> None:
    placed = market.signed("POST", f"{LIST}/oto", **WORKING, **PENDING)
    assert placed["contingencyType"] == "OTO"
    working, pending = placed["orderReports"]
    assert (working["status"], pending["status"]) == ("NEW", "PENDING_NEW")
    assert pending["workingTime"] == -1
    trade(market, other, "64000", quantity="0.005")
    assert status(market, pending["orderId"]) == ("PENDING_NEW", None)
    trade(market, other, "64000", quantity="0.005")
    assert status(market, pending["orderId"]) == ("NEW", None)


def test_a_placement_shows_pending_legs_even_if_they_began_at_once(market: Any, other: Any) -> None:
    trade(market, other, "64000")
    placed = market.signed("POST", f"{LIST}/oto", **WORKING, **PENDING)
    working, pending = placed["orderReports"]
    assert (working["status"], pending["status"]) == ("FILLED", "PENDING_NEW")
    assert status(market, pending["orderId"]) == ("NEW", None)


def test_canceling_the_working_leg_cancels_the_list(market: Any) -> None:
    placed = market.signed("POST", f"{LIST}/oto", **WORKING, **PENDING)
    gone = market.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert len(gone) == 1
    assert gone[0]["orderListId"] == placed["orderListId"]
    assert [each["status"] for each in gone[0]["orderReports"]] == ["CANCELED", "CANCELED"]


def test_an_otoco_is_one_list_of_three(market: Any, other: Any) -> None:
    pair = {f"pending{name[0].upper()}{name[1:]}": value for name, value in OCO.items()
            if name.startswith(("above", "below"))}  # fmt: skip
    placed = market.signed(
        "POST", f"{LIST}/otoco", **WORKING, pendingSide="SELL", pendingQuantity="0.009", **pair
    )
    assert placed["contingencyType"] == "OTO"
    assert len(placed["orders"]) == 3
    counts = [row["count"] for row in market.signed("GET", "/api/v3/rateLimit/order")]
    assert counts == [3, 3]
    trade(market, other, "64000")
    assert len(market.signed("GET", "/api/v3/openOrders")) == 2


def test_an_opo_sells_what_was_bought(market: Any, other: Any) -> None:
    pending = {name: value for name, value in PENDING.items() if name != "pendingQuantity"}
    placed = market.signed("POST", f"{LIST}/opo", **WORKING, **pending)
    assert placed["orderReports"][1]["origQty"] == "0.00999000"
    trade(market, other, "64000")
    assert status(market, placed["orders"][1]["orderId"]) == ("NEW", None)
    sale = {**WORKING, "workingSide": "SELL"}
    assert market.signed("POST", f"{LIST}/opo", **sale, **pending)["code"] == -1222
    bought = {**pending, "pendingSide": "BUY"}
    assert market.signed("POST", f"{LIST}/opo", **WORKING, **bought)["code"] == -1223


def test_the_deprecated_oco_is_still_served(market: Any) -> None:
    placed = market.signed(
        "POST", "/api/v3/order/oco", symbol="BTCUSDT", side="SELL", quantity="0.01",
        price="66000", stopPrice="62000", stopLimitPrice="61900", stopLimitTimeInForce="GTC",
    )  # fmt: skip
    assert [each["type"] for each in placed["orderReports"]] == ["STOP_LOSS_LIMIT", "LIMIT_MAKER"]


def test_amending_a_leg_amends_both(market: Any) -> None:
    placed = market.signed("POST", f"{LIST}/oco", **OCO)
    answer = market.signed(
        "PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT",
        orderId=placed["orders"][1]["orderId"], newQty="0.004",
    )  # fmt: skip
    assert answer["listStatus"]["orderListId"] == placed["orderListId"]
    rows = market.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT")
    assert [row["origQty"] for row in rows] == ["0.00400000", "0.00400000"]
