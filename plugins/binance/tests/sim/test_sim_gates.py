"""Every request passes the same gates, in the exchange's order."""

import json
from typing import Any

import pytest

from venuekit_binance.sim.security import KeyType
from venuekit_binance.sim.weights import LimitSettings

ORDER = "/api/v3/order"
SECOND = 1_000_000_000


def key_header(world: Any, user: Any = None) -> Any:
    return {"X-MBX-APIKEY": (user or world.user).api_key}


def test_public_calls_need_nothing_and_tell_the_weight(world: Any) -> None:
    assert world.public("/api/v3/ping") == {}
    assert world.answer.header("X-MBX-USED-WEIGHT-1M") == "1"
    assert world.answer.header("x-mbx-used-weight") == "1"
    assert world.answer.header("Content-Type") == "application/json;charset=UTF-8"
    assert len(world.answer.header("x-mbx-uuid") or "") == 32


def test_times_come_in_the_unit_that_is_asked_for(world: Any) -> None:
    assert world.public("/api/v3/time") == {"serverTime": 1784116800000}
    answer = world.raw("GET", "/api/v3/time", headers={"X-MBX-TIME-UNIT": "microsecond"})
    assert answer == {"serverTime": 1784116800000000}
    answer = world.raw("GET", "/api/v3/time", headers={"X-MBX-TIME-UNIT": "NANOSECOND"})
    assert (world.status, answer["code"]) == (400, -1194)


def test_unknown_paths_and_methods_have_no_answer(world: Any) -> None:
    assert world.raw("GET", "/api/v3/nowhere") is None
    assert world.status == 404
    assert world.raw("POST", "/api/v3/userDataStream") is None
    assert world.status == 404
    world.raw("POST", "/api/v3/ping")
    assert world.status == 405
    world.raw("GET", "/nowhere", headers={"Accept": "text/html"})
    assert world.answer.body.startswith(b"<html>")


@pytest.mark.parametrize(
    ("method", "path", "query", "code"),
    [
        ("GET", "/api/v3/ping", "x=1", -1101),
        ("GET", "/api/v3/depth", "", -1102),
        ("GET", "/api/v3/depth", "symbol=", -1105),
        ("GET", "/api/v3/depth", "symbol=btcusdt", -1100),
        ("GET", "/api/v3/depth", "symbol=NOPE", -1121),
        ("GET", "/api/v3/depth", "symbol=BTCUSDT&x=1", -1104),
        ("GET", "/api/v3/depth", "symbol=BTCUSDT&symbol=ETHUSDT", -1101),
        ("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=1e2", -1100),
        ("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=-1", -1100),
        ("GET", "/api/v3/depth", "symbol=BTCUSDT&limit=99999999999999999999", -1108),
        ("GET", "/api/v3/depth", "symbol=BTCUSDT&symbolStatus=HALT", -1220),
        ("GET", "/api/v3/depth", "symbol=BTCUSDT&symbolStatus=SLEEPING", -1122),
        ("GET", "/api/v3/klines", "symbol=BTCUSDT&interval=1H", -1120),
        ("GET", "/api/v3/ticker/price", "symbols=BTCUSDT", -1100),
        ("GET", "/api/v3/ticker/price", "symbols=%5B%22BTCUSDT%22,%22BTCUSDT%22%5D", -1151),
        ("GET", "/api/v3/exchangeInfo", "symbol=BTCUSDT&permissions=SPOT", -1128),
    ],
)
def test_parameters_are_read_strictly(
    world: Any, method: str, path: str, query: str, code: int
) -> None:
    answer = world.raw(method, path, query)
    assert (world.status, answer["code"]) == (400, code)


def test_a_name_in_query_and_body_has_the_querys_value(world: Any, sign: Any) -> None:
    query = (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=60000"
        f"&timestamp={world.now_ns // 1_000_000}"
    )
    body = "quantity=5&newClientOrderId=a%2Db"
    body += f"&signature={sign(world.user, query + body)}"
    answer = world.raw("POST", ORDER, query, body, key_header(world))
    assert (world.status, answer["origQty"], answer["clientOrderId"]) == (200, "0.01000000", "a-b")


def test_json_bodies_are_not_read(world: Any) -> None:
    answer = world.raw("POST", ORDER, "", json.dumps({"symbol": "BTCUSDT"}), key_header(world))
    assert answer["code"] == -1102


def test_the_gates_stand_in_order(world: Any, sign: Any) -> None:
    """What is wrong at an earlier gate is told, however much is wrong later."""
    bad_query = "symbol=btcusdt&signature=00&timestamp=1"
    assert world.raw("GET", "/api/v3/openOrders", bad_query)["code"] == -2014
    assert world.status == 401
    headers = {"X-MBX-APIKEY": "x" * 64}
    assert world.raw("GET", "/api/v3/openOrders", bad_query, "", headers)["code"] == -1100
    query = "symbol=NOPE&signature=00&timestamp=1"
    assert world.raw("GET", "/api/v3/openOrders", query, "", headers)["code"] == -2015
    assert world.status == 401
    headers = key_header(world)
    assert world.raw("GET", "/api/v3/openOrders", query, "", headers)["code"] == -1022
    query = f"symbol=NOPE&timestamp=1&signature={sign(world.user, 'symbol=NOPE&timestamp=1')}"
    assert world.raw("GET", "/api/v3/openOrders", query, "", headers)["code"] == -1021
    assert world.signed("GET", "/api/v3/openOrders", symbol="NOPE")["code"] == -1121


def test_signed_calls_lack_signature_or_timestamp(world: Any) -> None:
    headers = key_header(world)
    answer = world.raw("GET", "/api/v3/account", "timestamp=1", "", headers)
    assert answer["msg"].startswith("Mandatory parameter 'signature' was not sent")
    answer = world.signed("GET", "/api/v3/account", timestamp="")
    assert answer["msg"].startswith("Mandatory parameter 'timestamp' was not sent")
    assert world.signed("GET", "/api/v3/account", recvWindow=60001)["code"] == -1102


def test_a_changed_byte_breaks_the_signature(world: Any, sign: Any) -> None:
    query = f"omitZeroBalances=true&timestamp={world.now_ns // 1_000_000}"
    mark = sign(world.user, query)
    headers = key_header(world)
    broken = query.replace("true", "tru%65")
    assert (
        world.raw("GET", "/api/v3/account", f"{broken}&signature={mark}", "", headers)["code"]
        == -1022
    )
    twice = f"{query}&signature={mark}&signature={mark}"
    assert world.raw("GET", "/api/v3/account", twice, "", headers)["code"] == -1101
    first = f"signature={mark}&{query}"
    assert "balances" in world.raw("GET", "/api/v3/account", first, "", headers)


def test_symbols_outside_of_ascii_are_signed_as_they_are_encoded(world: Any) -> None:
    assert world.signed("GET", "/api/v3/openOrders", symbol="这是测试币456") == []


def test_a_key_that_may_not_trade_reads_only(world: Any) -> None:
    reader = world.dialect.create_account("reader", {"USDT": "100"}, can_trade=False)
    assert "balances" in world.signed("GET", "/api/v3/account", reader)
    assert world.signed("DELETE", "/api/v3/openOrders", reader, symbol="BTCUSDT")["code"] == -2015


def test_ed25519_keys_sign_too(world: Any) -> None:
    modern = world.dialect.create_account("modern", key_type=KeyType.ED25519)
    assert world.signed("GET", "/api/v3/account", modern)["uid"] == 354000002


def test_successful_order_actions_are_free_and_failed_ones_are_not(world: Any) -> None:
    order = world.place()
    assert world.answer.header("x-mbx-used-weight-1m") == "0"
    assert world.answer.header("X-MBX-ORDER-COUNT-10S") == "1"
    assert world.answer.header("X-MBX-ORDER-COUNT-1D") == "1"
    world.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=order["orderId"])
    assert world.answer.header("x-mbx-used-weight-1m") == "0"
    assert world.answer.header("X-MBX-ORDER-COUNT-10S") is None
    world.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=order["orderId"])
    assert world.answer.header("x-mbx-used-weight-1m") == "1"
    world.place(quantity="0.000001")
    assert world.answer.header("x-mbx-used-weight-1m") == "2"
    world.signed(
        "POST", "/api/v3/order/test", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1"
    )
    assert world.answer.header("x-mbx-used-weight-1m") == "3"


@pytest.mark.parametrize(
    ("path", "query", "weight"),
    [
        ("depth", "symbol=BTCUSDT&limit=100", 5),
        ("depth", "symbol=BTCUSDT&limit=101", 25),
        ("depth", "symbol=BTCUSDT&limit=1000", 50),
        ("depth", "symbol=BTCUSDT&limit=5000", 250),
        ("exchangeInfo", "", 20),
        ("ticker/24hr", "symbol=BTCUSDT", 2),
        ("ticker/24hr", "", 80),
        ("ticker/price", "", 4),
        ("ticker", "symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D", 8),
        ("trades", "symbol=BTCUSDT", 25),
        ("depth", "symbol=btc", 5),
    ],
)
def test_weights_are_those_of_the_documents(world: Any, path: str, query: str, weight: int) -> None:
    world.raw("GET", f"/api/v3/{path}", query)
    assert world.answer.header("x-mbx-used-weight-1m") == str(weight)


def test_too_much_weight_is_refused_and_then_banned(make_world: Any) -> None:
    world = make_world(limits=LimitSettings(weight=3, requests_until_ban=2))
    line = world.connect("/ws")
    world.now_ns += 5 * SECOND
    statuses = []
    for _ in range(6):
        world.public("/api/v3/ping")
        statuses.append(world.status)
    assert statuses == [200, 200, 200, 429, 429, 418]
    assert world.answer.header("Retry-After") == "120"
    line.read()
    assert line.closed is not None
    world.wait(60, step_s=10)
    assert "IP banned until 1784116925000" in world.public("/api/v3/time")["msg"]
    world.wait(60, step_s=10)
    assert world.public("/api/v3/ping") == {}


def test_retry_after_is_the_rest_of_the_minute(make_world: Any) -> None:
    world = make_world(limits=LimitSettings(weight=0))
    world.now_ns += 41_500_000_000
    assert world.public("/api/v3/ping")["code"] == -1003
    assert world.answer.header("Retry-After") == "19"


def test_the_order_count_is_refused_per_account_and_leaves_cancels_alone(make_world: Any) -> None:
    world = make_world(limits=LimitSettings(orders_10s=2))
    first = world.place()
    world.place(newClientOrderId="x", quantity="0.000001")  # refused: not counted
    world.place()
    answer = world.place()
    assert (world.status, answer["code"]) == (429, -1015)
    assert world.answer.header("Retry-After") == "10"
    assert world.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=first["orderId"])["orderId"]
    other = world.dialect.credentials("other")
    answer = world.signed(
        "POST", ORDER, other, symbol="BTCUSDT", side="BUY", type="LIMIT",
        timeInForce="GTC", quantity="0.01", price="60000",
    )  # fmt: skip
    assert world.status == 200
    world.wait(10, step_s=5)
    assert world.place()["orderId"]


def test_first_fills_take_orders_off_the_count(world: Any, other: Any) -> None:
    world.signed("POST", ORDER, other, symbol="BTCUSDT", side="SELL", type="LIMIT",
                 timeInForce="GTC", quantity="0.01", price="64000")  # fmt: skip
    for _ in range(3):
        world.place()
    world.place(price="64000")
    counts = [row["count"] for row in world.signed("GET", "/api/v3/rateLimit/order")]
    assert counts == [3, 3]
    counts = [row["count"] for row in world.signed("GET", "/api/v3/rateLimit/order", other)]
    assert counts == [0, 0]
