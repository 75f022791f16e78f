"""The WebSocket API: calls, sessions, and what an account is told."""

import hashlib
import hmac
from decimal import Decimal
from typing import Any

import pytest

from venuekit.sim.faults import Fault, FaultKind
from venuekit_binance.sim.security import KeyType
from venuekit_binance.sim.weights import LimitSettings

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "60000",
}


def events(line: Any) -> Any:
    return [each["event"] for each in line.read() if "event" in each]


def short(line: Any) -> Any:
    """Give what was told, in a few letters each."""
    rows = []
    for event in events(line):
        match event["e"]:
            case "executionReport":
                rows.append(f"{event['x']} {event['X']}")
            case "listStatus":
                rows.append(f"list {event['l']}")
            case kind:
                rows.append(kind)
    return rows


def sell(world: Any, other: Any, **params: Any) -> Any:
    order = {**ORDER, "side": "SELL", "price": "64000", **params}
    return world.signed("POST", "/api/v3/order", other, **order)


def test_public_calls_need_no_key_and_report_the_weight(world: Any) -> None:
    line = world.api()
    assert line.ask("ping") == {
        "id": 1,
        "status": 200,
        "result": {},
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": 6000,
                "count": 1,
            }
        ],
    }
    assert line.ask("v3/time")["result"] == {"serverTime": 1784116800000}
    assert line.ask("depth", {"symbol": "BTCUSDT", "limit": 5})["result"]["bids"] == []
    info = line.ask("exchangeInfo", {"symbols": ["BTCUSDT", "ETHUSDT"]})["result"]
    assert [spec["symbol"] for spec in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert info["rateLimits"][-1]["rateLimitType"] == "CONNECTIONS"


def test_reports_of_limits_can_be_left_out(world: Any) -> None:
    line = world.connect("/ws-api/v3", "returnRateLimits=false")
    assert "rateLimits" not in line.ask("ping")
    assert "rateLimits" in line.ask("ping", {"returnRateLimits": True})


@pytest.mark.parametrize(
    ("text", "number", "code"),
    [
        ("{", None, -1135),
        ("[]", None, -1135),
        ('{"id":1}', 1, -1102),
        ('{"id":1.5,"method":"ping"}', None, -1100),
        ('{"id":true,"method":"ping"}', None, -1100),
        ('{"id":2,"method":"ping","params":[]}', 2, -1135),
        ('{"id":"' + "x" * 37 + '","method":"ping"}', None, -1100),
        ('{"id":"a","method":"dance"}', "a", -1020),
        ('{"id":7,"method":"ping","params":{"x":1}}', 7, -1101),
        ('{"id":null,"method":"depth"}', None, -1102),
    ],
)
def test_bad_requests_are_answered(world: Any, text: str, number: Any, code: int) -> None:
    line = world.api()
    line.send(text)
    (answer,) = line.read()
    assert (answer["id"], answer["status"], answer["error"]["code"]) == (number, 400, code)


def test_orders_are_placed_asked_for_and_canceled(world: Any) -> None:
    line = world.api()
    placed = line.ask("order.place", world.socket_params(**ORDER, newClientOrderId="mine"))
    assert placed["status"] == 200
    assert placed["result"]["clientOrderId"] == "mine"
    kinds = [(row["rateLimitType"], row["count"]) for row in placed["rateLimits"]]
    assert kinds == [("ORDERS", 1), ("ORDERS", 1), ("REQUEST_WEIGHT", 0)]
    order_id = placed["result"]["orderId"]
    query = world.socket_params(symbol="BTCUSDT", orderId=order_id)
    assert line.ask("order.status", query)["result"]["status"] == "NEW"
    assert len(line.ask("openOrders.status", world.socket_params())["result"]) == 1
    gone = line.ask("order.cancel", query)
    assert gone["result"]["status"] == "CANCELED"
    assert [row["rateLimitType"] for row in gone["rateLimits"]] == ["REQUEST_WEIGHT"]
    answer = line.ask("order.cancel", query)
    assert answer["error"] == {"code": -2011, "msg": "Unknown order sent."}
    assert line.ask("account.status", world.socket_params())["result"]["accountType"] == "SPOT"


def test_signatures_cover_the_sorted_parameters(world: Any) -> None:
    line = world.api()
    params = world.socket_params(**ORDER)
    assert line.ask("order.place", {**params, "price": "60001"})["error"]["code"] == -1022
    assert line.ask("order.place", dict(reversed(params.items())))["status"] == 200
    stale = world.socket_params(**ORDER, timestamp=world.now_ns // 1_000_000 - 6_000)
    assert line.ask("order.place", stale)["error"]["code"] == -1021
    del params["apiKey"]
    assert line.ask("order.place", params)["error"]["code"] == -2014


def test_the_wish_for_limits_is_signed_like_any_parameter(world: Any) -> None:
    # Found by ccxt, which sends it with every order.
    line = world.api()
    params = world.socket_params(**ORDER)
    del params["signature"], params["apiKey"]
    payload = "&".join(
        f"{name}={value}"
        for name, value in sorted(
            {**params, "apiKey": world.user.api_key, "returnRateLimits": "false"}.items()
        )
    )
    mark = hmac.new(world.user.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    params |= {"apiKey": world.user.api_key, "returnRateLimits": False, "signature": mark}
    answer = line.ask("order.place", params)
    assert answer["status"] == 200
    assert "rateLimits" not in answer


def test_limits_are_told_with_the_time_of_their_end(make_world: Any) -> None:
    world = make_world(limits=LimitSettings(weight=1))
    line = world.api()
    line.ask("ping")
    answer = line.ask("ping")
    assert (answer["status"], answer["error"]["code"]) == (429, -1003)
    assert answer["error"]["data"] == {
        "serverTime": 1784116800000,
        "retryAfter": 1784116860000,
    }


def test_an_ed25519_key_logs_on_and_then_needs_no_signature(world: Any) -> None:
    user = world.dialect.create_account("modern", key_type=KeyType.ED25519)
    line = world.api()
    assert line.ask("userDataStream.subscribe")["error"]["code"] == -2015
    status = line.ask("session.logon", world.socket_params(user))
    assert status["result"]["apiKey"] == user.api_key
    assert status["result"]["authorizedSince"] == 1784116800000
    assert status["result"]["userDataStream"] is False
    now_ms = world.now_ns // 1_000_000
    assert line.ask("order.place", {**ORDER, "timestamp": now_ms})["status"] == 200
    assert line.ask("order.place", dict(ORDER))["error"]["code"] == -1102
    assert line.ask("userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    assert line.ask("session.status")["result"]["userDataStream"] is True
    assert line.ask("session.logout")["result"]["apiKey"] is None
    assert [event["e"] for event in events(line)] == ["eventStreamTerminated"]
    answer = line.ask("order.place", {**ORDER, "timestamp": now_ms})
    assert answer["error"]["code"] == -2014


def test_an_hmac_key_cannot_log_on(world: Any) -> None:
    answer = world.api().ask("session.logon", world.socket_params())
    assert (answer["status"], answer["error"]["code"]) == (400, -1022)


def test_a_session_may_do_what_its_key_may(world: Any) -> None:
    user = world.dialect.create_account("reader", key_type=KeyType.ED25519, can_trade=False)
    line = world.api()
    line.ask("session.logon", world.socket_params(user))
    now_ms = world.now_ns // 1_000_000
    assert line.ask("account.status", {"timestamp": now_ms})["status"] == 200
    assert line.ask("order.place", {**ORDER, "timestamp": now_ms})["error"]["code"] == -2015


def test_a_session_whose_key_was_revoked_is_told(world: Any) -> None:
    user = world.dialect.create_account("modern", key_type=KeyType.ED25519)
    line = world.api()
    line.ask("session.logon", world.socket_params(user))
    world.dialect.venue.keys.revoke(user.api_key)
    line.send({"id": 5, "method": "ping"})
    warning, answer = line.read()
    assert (warning["id"], warning["status"], warning["error"]["code"]) == (None, 401, -2015)
    assert answer["id"] == 5


def test_subscriptions_are_one_for_each_account(world: Any, other: Any) -> None:
    line = world.user_stream()
    method = "userDataStream.subscribe.signature"
    assert line.ask(method, world.socket_params())["error"]["code"] == -2035
    assert line.ask(method, world.socket_params(other))["result"] == {"subscriptionId": 1}
    assert line.ask("session.subscriptions")["result"] == [
        {"subscriptionId": 0},
        {"subscriptionId": 1},
    ]
    assert line.ask("userDataStream.unsubscribe", {"subscriptionId": 0})["result"] == {}
    assert line.ask("userDataStream.unsubscribe", {"subscriptionId": 0})["error"]["code"] == -2036
    assert line.ask("userDataStream.unsubscribe")["result"] == {}
    assert [event["e"] for event in events(line)] == ["eventStreamTerminated"] * 2
    assert line.ask("userDataStream.unsubscribe")["error"]["code"] == -2036
    world.place()
    assert events(line) == []


def test_a_resting_order_is_reported_with_its_lock(world: Any) -> None:
    line = world.user_stream()
    order = world.place(newClientOrderId="mine")
    report, position = events(line)
    assert report == {
        "e": "executionReport", "E": 1784116800000, "s": "BTCUSDT", "c": "mine", "S": "BUY",
        "o": "LIMIT", "f": "GTC", "q": "0.01000000", "p": "60000.00000000", "P": "0.00000000",
        "F": "0.00000000", "g": -1, "C": "", "x": "NEW", "X": "NEW", "r": "NONE",
        "i": order["orderId"], "l": "0.00000000", "z": "0.00000000", "L": "0.00000000", "n": "0",
        "N": None, "T": 1784116800000, "t": -1, "I": 1, "w": True, "m": False, "M": False,
        "O": 1784116800000, "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000",
        "W": 1784116800000, "V": "EXPIRE_MAKER",
    }  # fmt: skip
    assert position["B"] == [
        {"a": "BNB", "f": "100.00000000", "l": "0.00000000"},
        {"a": "USDT", "f": "999400.00000000", "l": "600.00000000"},
    ]


def test_the_answer_comes_before_the_events_that_it_causes(world: Any) -> None:
    line = world.user_stream()
    line.send({"id": 2, "method": "order.place", "params": world.socket_params(**ORDER)})
    first, *rest = line.read()
    assert first["id"] == 2
    assert [each["event"]["e"] for each in rest] == ["executionReport", "outboundAccountPosition"]


def test_an_order_that_trades_is_told_step_by_step(world: Any, other: Any) -> None:
    sell(world, other, quantity="0.004")
    sell(world, other, quantity="0.004", price="64001")
    mine, theirs = world.user_stream(), world.user_stream(other)
    world.place(price="64001", timeInForce="IOC", quantity="0.01")
    told = events(mine)
    assert [(event["x"], event["X"]) for event in told[:-1]] == [
        ("NEW", "NEW"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("EXPIRED", "EXPIRED"),
    ]
    assert (told[1]["l"], told[1]["n"], told[1]["N"]) == ("0.00400000", "0.00000400", "BTC")
    assert told[1]["m"] is False
    assert told[3]["eR"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert told[-1]["e"] == "outboundAccountPosition"
    assert short(theirs) == ["TRADE FILLED", "TRADE FILLED", "outboundAccountPosition"]


def test_cancels_and_amendments_move_names_aside(world: Any) -> None:
    line = world.user_stream()
    order = world.place(newClientOrderId="mine", quantity="0.02")
    world.signed(
        "PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT",
        orderId=order["orderId"], newQty="0.01", newClientOrderId="smaller",
    )  # fmt: skip
    world.signed(
        "DELETE", "/api/v3/order", symbol="BTCUSDT",
        orderId=order["orderId"], newClientOrderId="cancel",
    )  # fmt: skip
    reports = [event for event in events(line) if event["e"] == "executionReport"]
    assert [(each["x"], each["X"], each["c"], each["C"], each["w"]) for each in reports] == [
        ("NEW", "NEW", "mine", "", True),
        ("REPLACED", "NEW", "smaller", "mine", True),
        ("CANCELED", "CANCELED", "cancel", "smaller", False),
    ]
    assert "W" in reports[-1]


def test_lists_are_told_with_their_legs(world: Any, other: Any) -> None:
    line = world.user_stream()
    world.signed(
        "POST", "/api/v3/orderList/oco", symbol="BTCUSDT", side="SELL", quantity="0.01",
        aboveType="LIMIT_MAKER", abovePrice="66000", belowType="STOP_LOSS", belowStopPrice="62000",
    )  # fmt: skip
    assert short(line) == [
        "NEW NEW", "NEW NEW", "list EXEC_STARTED", "outboundAccountPosition",
    ]  # fmt: skip
    world.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    told = events(line)
    assert [event.get("X") for event in told[:2]] == ["CANCELED", "CANCELED"]
    assert told[0]["c"] == told[1]["c"] != told[0]["C"]
    assert told[2]["L"] == "ALL_DONE"


def test_prevented_trades_are_told_once(world: Any) -> None:
    world.place(side="SELL", price="64000")
    line = world.user_stream()
    world.place(price="64000")
    told = events(line)
    reports = [event for event in told if event["e"] == "executionReport"]
    assert [(each["x"], each["X"]) for each in reports] == [
        ("NEW", "NEW"),
        ("TRADE_PREVENTION", "EXPIRED_IN_MATCH"),
    ]
    assert reports[1]["U"] == reports[0]["i"]
    assert (reports[1]["B"], reports[1]["pL"]) == ("0.01000000", "64000.00000000")


def test_a_rejected_placement_is_not_told(world: Any) -> None:
    line = world.user_stream()
    world.place(quantity="100", price="64000")
    assert events(line) == []


def test_deposits_are_deltas_and_positions(world: Any) -> None:
    line = world.user_stream()
    world.dialect.venue.adjust("first", "USDT", Decimal(-100))
    world.dialect.venue.settle(world.now_ns)
    update, position = events(line)
    assert (update["e"], update["a"], update["d"]) == ("balanceUpdate", "USDT", "-100.00000000")
    assert position["B"][-1]["f"] == "999900.00000000"


def test_events_come_in_the_unit_of_the_connection(world: Any) -> None:
    line = world.connect("/ws-api/v3", "timeUnit=microsecond")
    line.ask("userDataStream.subscribe.signature", world.socket_params())
    world.place()
    report = events(line)[0]
    assert report["E"] == report["T"] == report["O"] == report["W"] == 1784116800000000


@pytest.mark.parametrize(
    ("kind", "has_order", "status"),
    [
        (FaultKind.ANSWER_BEFORE, False, 504),
        (FaultKind.ANSWER_AFTER, True, 504),
        (FaultKind.HANG_BEFORE, False, None),
        (FaultKind.HANG_AFTER, True, None),
        (FaultKind.DROP_BEFORE, False, "closed"),
        (FaultKind.DROP_AFTER, True, "closed"),
    ],
)
def test_calls_fail_with_and_without_effect(
    world: Any, kind: Any, has_order: bool, status: Any
) -> None:
    world.dialect.faults.add(Fault(kind=kind, method="WS", path="order.place", answer="timeout"))
    line = world.api()
    line.send({"id": 1, "method": "order.place", "params": world.socket_params(**ORDER)})
    answers = line.read()
    assert bool(world.signed("GET", "/api/v3/openOrders")) is has_order
    if status == "closed":
        assert line.closed.code == 1006
    elif status is None:
        assert answers == []
        assert line.closed is None
    else:
        assert (answers[0]["status"], answers[0]["error"]["code"]) == (status, -1007)


def test_calls_and_answers_can_be_late(world: Any) -> None:
    world.dialect.faults.add(
        Fault(kind=FaultKind.DELAY_REQUEST, method="WS", path="order.place", delay_s=1),
        Fault(kind=FaultKind.DELAY_ANSWER, method="WS", path="order.place", delay_s=1),
    )
    line = world.api()
    line.send({"id": 1, "method": "order.place", "params": world.socket_params(**ORDER)})
    assert world.signed("GET", "/api/v3/openOrders") == []
    world.wait(1.1)
    assert len(world.signed("GET", "/api/v3/openOrders")) == 1
    assert line.read() == []
    world.wait(1.1)
    assert line.read()[0]["status"] == 200
