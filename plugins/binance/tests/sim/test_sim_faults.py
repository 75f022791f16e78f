"""Faults as this exchange shows them."""

from typing import Any

import pytest

from venuekit.sim.dialect import Ending, SimRequest, deliver
from venuekit.sim.faults import Fault, FaultKind


async def ask(world: Any, path: Any = "/api/v3/ping", method: Any = "GET") -> Any:
    request = SimRequest(method=method, path=path, peer=world.peer)
    return await deliver(world.dialect, request, lambda: world.now_ns)


@pytest.mark.parametrize(
    ("name", "status", "start"),
    [
        ("timeout", 504, b'{"code":-1007,'),
        ("unexpected", 500, b'{"code":-1006,'),
        ("unknown", 503, b'{"code":-1000,"msg":"Unknown error, please check your request'),
        ("overloaded", 503, b'{"code":-1008,'),
        ("disconnected", 500, b'{"code":-1001,'),
        ("unavailable", 503, b"<html>"),
        ("firewall", 403, b"<html>"),
        ("rate_limited", 429, b'{"code":-1003,'),
        ("too_many_orders", 429, b'{"code":-1015,'),
        ("clock", 400, b'{"code":-1021,'),
        ("bad_key", 401, b'{"code":-2015,'),
        ("banned", 418, b'{"code":-1003,'),
    ],
)
async def test_answers_are_given_by_name(world: Any, name: str, status: Any, start: bytes) -> None:
    world.dialect.faults.add(Fault(kind=FaultKind.ANSWER_BEFORE, answer=name))
    delivery = await ask(world)
    assert delivery.ending is Ending.ANSWERED
    assert delivery.answer.status == status
    assert delivery.answer.body.startswith(start)
    has_wait = delivery.answer.header("Retry-After") is not None
    assert has_wait is (status in {418, 429})
    assert (await ask(world)).answer.status == (418 if name == "banned" else 200)


async def test_a_name_that_nobody_knows_is_an_error_of_the_test(world: Any) -> None:
    world.dialect.faults.add(Fault(kind=FaultKind.ANSWER_BEFORE, answer="bad weather"))
    with pytest.raises(KeyError):
        await ask(world)


def test_memory_lags_behind_the_engine(world: Any) -> None:
    (number,) = world.dialect.faults.add(Fault(kind=FaultKind.MEMORY_LAG, value=1500))
    order = world.place()
    query = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    assert world.signed("GET", "/api/v3/order", **query)["code"] == -2013
    assert world.signed("GET", "/api/v3/openOrders") == []
    assert world.place(newClientOrderId=order["clientOrderId"])["code"] == -2010
    world.wait(1.5, step_s=0.5)
    assert world.signed("GET", "/api/v3/order", **query)["status"] == "NEW"
    world.dialect.faults.remove(number)


def test_the_clock_can_be_wrong(world: Any) -> None:
    (number,) = world.dialect.faults.add(Fault(kind=FaultKind.CLOCK_SKEW, value=7000))
    assert world.public("/api/v3/time")["serverTime"] == 1784116807000
    assert world.signed("GET", "/api/v3/account")["code"] == -1021
    assert "balances" in world.signed("GET", "/api/v3/account", timestamp=1784116807000)
    world.dialect.faults.remove(number)
    assert world.signed("GET", "/api/v3/account", timestamp=1784116807000)["code"] == -1021


@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY"])
def test_a_symbol_can_be_closed_and_still_be_canceled_on(make_world: Any, status: Any) -> None:
    world = make_world(is_quiet=False)
    order = world.place(quantity="0.02")
    world.dialect.faults.add(Fault(kind=FaultKind.HALT, topic="BTCUSDT", text=status))
    assert world.place() == {"code": -1013, "msg": "Market is closed."}
    before = world.public("/api/v3/depth", symbol="BTCUSDT")["lastUpdateId"]
    world.wait(3)
    assert world.public("/api/v3/depth", symbol="BTCUSDT")["lastUpdateId"] == before
    amended = world.signed(
        "PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT",
        orderId=order["orderId"], newQty="0.01",
    )  # fmt: skip
    assert ("code" in amended) is (status != "CANCEL_ONLY")
    gone = world.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
    assert gone["status"] == "CANCELED"
    assert world.place(symbol="ETHUSDT", price="3000", quantity="0.1")["status"] == "NEW"
    info = world.public("/api/v3/exchangeInfo", symbol="BTCUSDT")
    assert info["symbols"][0]["status"] == status


def test_a_snapshot_can_be_stale(make_world: Any) -> None:
    world = make_world(is_quiet=False)
    old = world.public("/api/v3/depth", symbol="BTCUSDT")
    world.wait(10)
    world.dialect.faults.add(
        Fault(kind=FaultKind.STALE_SNAPSHOT, topic="BTCUSDT"),
        Fault(kind=FaultKind.STALE_SNAPSHOT, topic="BTCUSDT", value=4000),
    )
    assert world.public("/api/v3/depth", symbol="BTCUSDT") == old
    stale = world.public("/api/v3/depth", symbol="BTCUSDT")["lastUpdateId"]
    fresh = world.public("/api/v3/depth", symbol="BTCUSDT")["lastUpdateId"]
    assert old["lastUpdateId"] < stale < fresh


def test_answers_and_messages_can_be_strange(world: Any) -> None:
    world.dialect.faults.add(
        Fault(kind=FaultKind.STRANGE_MEMBERS), Fault(kind=FaultKind.STRANGE_VALUES)
    )
    line = world.user_stream()
    order = world.place()
    assert order["status"] == "NON_REPRESENTABLE"
    assert order["zz"] == {"unknown": [1, "two", None]}
    report = line.read()[0]["event"]
    assert report["X"] == "NON_REPRESENTABLE"
    assert report["st"] == 2


def test_the_state_is_told(world: Any) -> None:
    world.place()
    state = world.dialect.state()
    assert state["exchange"] == "binance"
    assert state["open_orders"] == {"first": 1}
    assert state["accounts"]["first"]["USDT"]["locked"] == "600.00000000"
