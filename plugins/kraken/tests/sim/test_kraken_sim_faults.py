"""Faults on request, in the exchange's words, and what each of them leaves behind."""

import asyncio
import json
from typing import Any

import pytest

from venuekit.sim.dialect import Ending, deliver
from venuekit.sim.faults import Fault, FaultKind, fault_from_json, fault_to_json
from venuekit_kraken.sim import create

UUID = "6d1b345e-2821-40e2-ad83-4ecb18a06876"
ORDER = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "50000"}
SOCKET_ORDER = {
    "order_type": "limit",
    "side": "buy",
    "order_qty": 0.01,
    "limit_price": 50000,
    "symbol": "BTC/USD",
}
SECOND = 10**9


async def send(world: Any, method: str = "AddOrder", **params: Any) -> Any:
    request = world.request(method, params or ORDER)
    return await deliver(world.dialect, request, lambda: world.now_ns)


def open_count(world: Any) -> int:
    return len(world.private("OpenOrders")["open"])


@pytest.mark.parametrize(
    ("kind", "orders", "ending"),
    [
        (FaultKind.DROP_BEFORE, 0, Ending.DROPPED),
        (FaultKind.DROP_AFTER, 1, Ending.DROPPED),
        (FaultKind.RESET_AFTER, 1, Ending.RESET),
        (FaultKind.HANG_BEFORE, 0, Ending.HANGING),
    ],
)
async def test_an_answer_can_be_lost_with_and_without_effect(
    world: Any, kind: FaultKind, orders: int, ending: Ending
) -> None:
    world.dialect.faults.add(Fault(kind=kind, path="/0/private/AddOrder"))
    delivery = await send(world)
    assert (delivery.ending, delivery.answer) == (ending, None)
    assert open_count(world) == orders


@pytest.mark.parametrize("kind", [FaultKind.ANSWER_BEFORE, FaultKind.ANSWER_AFTER])
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("timeout", "EService:Timeout"),
        ("unexpected", "EGeneral:Internal error"),
        ("overloaded", "EService:Busy"),
        ("service_unavailable", "EService:Unavailable"),
        ("deadline", "EService:Deadline elapsed"),
        ("rate_limited", "EAPI:Rate limit exceeded"),
        ("too_many_orders", "EOrder:Rate limit exceeded"),
        ("throttled", "EService: Throttled: 1784116805"),
        ("bad_nonce", "EAPI:Invalid nonce"),
    ],
)
async def test_named_answers_come_with_200_whether_it_was_done_or_not(
    world: Any, kind: FaultKind, name: str, error: str
) -> None:
    world.dialect.faults.add(Fault(kind=kind, path="*/AddOrder", answer=name))
    delivery = await send(world)
    assert delivery.answer.status == 200
    assert json.loads(delivery.answer.body) == {"error": [error]}
    assert open_count(world) == (kind is FaultKind.ANSWER_AFTER)


async def test_pages_are_no_json(world: Any) -> None:
    world.dialect.faults.add(Fault(kind=FaultKind.ANSWER_BEFORE, answer="unavailable"))
    delivery = await send(world)
    assert (delivery.answer.status, delivery.answer.body[:9]) == (520, b"<!DOCTYPE")


async def test_a_ban_locks_the_key_out(world: Any) -> None:
    world.dialect.faults.add(Fault(kind=FaultKind.ANSWER_BEFORE, answer="banned"))
    delivery = await send(world)
    assert json.loads(delivery.answer.body)["error"] == ["EGeneral:Temporary lockout"]
    assert world.private("Balance") == "EGeneral:Temporary lockout"
    world.now_ns += 901 * SECOND
    assert "ZUSD" in world.private("Balance")


def test_an_unknown_name_is_an_error_of_the_test(world: Any) -> None:
    with pytest.raises(KeyError):
        world.dialect.named_answer("nonsense", world.request("Balance", {}), world.now_ns)


async def test_requests_that_overtake_each_other_break_the_nonce(world: Any) -> None:
    world.dialect.faults.add(Fault(kind=FaultKind.DELAY_REQUEST, delay_s=0.01))
    slow, quick = await asyncio.gather(send(world, "Balance", a="1"), send(world, "Balance", a="2"))
    assert json.loads(slow.answer.body)["error"] == ["EAPI:Invalid nonce"]
    assert json.loads(quick.answer.body)["error"] == []


def test_open_orders_lag_behind_an_amend(world: Any) -> None:
    txid = world.placed()
    world.dialect.faults.add(Fault(kind=FaultKind.MEMORY_LAG, topic="AmendOrder", value=2_000))
    world.private("AmendOrder", txid=txid, order_qty="0.5")
    assert world.private("OpenOrders")["open"][txid]["vol"] == "0.01000000"
    world.now_ns += 2 * SECOND
    assert world.private("OpenOrders")["open"][txid]["vol"] == "0.50000000"


def test_a_new_order_is_not_found_for_a_while(world: Any) -> None:
    world.dialect.faults.add(Fault(kind=FaultKind.MEMORY_LAG, topic="OpenOrders", value=2_000))
    txid = world.placed(cl_ord_id=UUID)
    assert world.private("OpenOrders", cl_ord_id=UUID) == {"open": {}}
    assert world.query(txid)["status"] == "open"
    world.now_ns += 2 * SECOND
    assert list(world.private("OpenOrders", cl_ord_id=UUID)["open"]) == [txid]


def test_the_clock_can_be_wrong(world: Any) -> None:
    world.dialect.faults.add(Fault(kind=FaultKind.CLOCK_SKEW, value=3_000))
    assert world.public("Time")["unixtime"] == world.now_ns // SECOND + 3
    assert world.order(deadline="2026-07-15T12:00:02Z") == "EService:Deadline elapsed"


# Status.


def test_a_halted_pair_is_told_on_rest_and_instrument(world: Any) -> None:
    line = world.connect()
    line.subscribe("instrument")
    line.read()
    fault = Fault(kind=FaultKind.HALT, topic="BTC/USD", text="cancel_only")
    (number,) = world.dialect.faults.add(fault)
    world.wait(0.5)
    (message,) = line.on("instrument")
    assert [(pair["symbol"], pair["status"]) for pair in message["data"]["pairs"]] == [
        ("BTC/USD", "cancel_only")
    ]
    assert world.public("AssetPairs", pair="XBTUSD")["XXBTZUSD"]["status"] == "cancel_only"
    assert world.public("SystemStatus")["status"] == "online"
    world.dialect.faults.remove(number)
    world.wait(0.5)
    (message,) = line.on("instrument")
    assert message["data"]["pairs"][0]["status"] == "online"


def test_the_status_of_the_system_is_sent_again_when_it_changes(world: Any) -> None:
    line = world.connect()
    (number,) = world.dialect.faults.add(
        Fault(kind=FaultKind.HALT, topic="system", text="maintenance")
    )
    world.wait(0.5)
    (message,) = line.on("status")
    assert message["data"][0]["system"] == "maintenance"
    assert world.public("SystemStatus")["status"] == "maintenance"
    assert world.order() == "EService:Unavailable"
    assert world.private("CancelAll") == "EService:Unavailable"
    world.dialect.faults.remove(number)
    world.wait(0.5)
    assert line.on("status")[0]["data"][0]["system"] == "online"


# Sockets.


@pytest.mark.parametrize(
    ("kind", "orders"), [(FaultKind.DROP_BEFORE, 0), (FaultKind.DROP_AFTER, 1)]
)
def test_a_connection_drops_before_or_after_a_request(
    world: Any, kind: FaultKind, orders: int
) -> None:
    line = world.private_line("executions")
    world.dialect.faults.add(Fault(kind=kind, method="WS", path="add_order"))
    assert line.ask_all("add_order", **SOCKET_ORDER) == []
    assert line.closed.code == 1006
    assert open_count(world) == orders


def test_an_answer_over_a_socket_can_be_another(world: Any) -> None:
    line = world.private_line("executions")
    world.dialect.faults.add(
        Fault(kind=FaultKind.ANSWER_AFTER, method="WS", path="add_order", answer="overloaded")
    )
    answer = line.ask("add_order", **SOCKET_ORDER)
    assert (answer["success"], answer["error"], answer["req_id"]) == (False, "EService:Busy", 7)
    assert len(line.on("executions")) == 2
    assert open_count(world) == 1


def test_requests_and_answers_can_be_late(world: Any) -> None:
    line = world.private_line("executions")
    world.dialect.faults.add(
        Fault(kind=FaultKind.DELAY_REQUEST, method="WS", path="add_order", delay_s=1)
    )
    assert line.ask_all("add_order", **SOCKET_ORDER) == []
    assert open_count(world) == 0
    world.wait(1.5)
    (answer,) = line.answers()
    assert (answer["time_in"][17:19], answer["time_out"][17:19]) == ("00", "01")
    world.dialect.faults.add(
        Fault(kind=FaultKind.DELAY_ANSWER, method="WS", path="add_order", delay_s=1)
    )
    assert line.ask_all("add_order", **SOCKET_ORDER) == []
    assert open_count(world) == 2
    world.wait(1.5)
    assert len(line.answers()) == 1


def test_a_token_can_run_out_early(world: Any) -> None:
    line = world.private_line("executions")
    world.dialect.faults.add(Fault(kind=FaultKind.EXPIRED_TOKEN, method="WS", path="add_order"))
    for _ in range(2):  # it stays expired
        assert line.ask("add_order", **SOCKET_ORDER)["error"] == "ESession:Invalid session"
    line.token = world.private("GetWebSocketsToken")["token"]
    assert line.ask("add_order", **SOCKET_ORDER)["success"] is True


def test_a_checksum_can_be_wrong_once(world: Any) -> None:
    right, wrong = world.connect(), world.connect()
    for line in (right, wrong):
        line.subscribe("book", "BTC/USD")
        line.read()
    world.dialect.faults.add(Fault(kind=FaultKind.CORRUPT_CHECKSUM, topic="book/BTC/USD", skip=1))
    world.placed()
    world.placed()
    found, expected = (
        [message["data"][0]["checksum"] for message in line.on("book")] for line in (wrong, right)
    )
    assert [a == b for a, b in zip(found, expected, strict=True)] == [False, True]


@pytest.mark.parametrize(
    ("kind", "sequences"),
    [
        (FaultKind.MESSAGE_DROP, [3]),
        (FaultKind.MESSAGE_DUPLICATE, [2, 2, 3]),
        (FaultKind.MESSAGE_REORDER, [3, 2]),
    ],
)
def test_messages_are_lost_doubled_and_overtaken(
    world: Any, kind: FaultKind, sequences: list[int]
) -> None:
    line = world.private_line("executions")
    world.dialect.faults.add(Fault(kind=kind, topic="executions"))
    world.placed()
    assert [message["sequence"] for message in line.on("executions")] == sequences


def test_a_heart_can_miss_a_beat(world: Any) -> None:
    line = world.connect()
    line.subscribe("trade", "BTC/USD")
    world.dialect.faults.add(Fault(kind=FaultKind.NO_PING))
    world.wait(3)
    assert len(line.on("heartbeat")) == 2


def test_a_shutdown_closes_every_connection(world: Any) -> None:
    line = world.connect()
    world.dialect.faults.add(Fault(kind=FaultKind.SHUTDOWN, delay_s=2))
    world.wait(1)
    assert line.ending == 0
    world.wait(2)
    assert line.ending == 1001


# What nobody documented.


def test_strange_members_are_nowhere_among_ids(world: Any) -> None:
    txid = world.placed()
    world.dialect.faults.add(Fault(kind=FaultKind.STRANGE_MEMBERS))
    orders = world.private("OpenOrders")["open"]
    assert list(orders) == [txid]
    assert "zz_new" in orders[txid]


def test_strange_values_are_of_orders(world: Any) -> None:
    line = world.private_line("executions")
    world.dialect.faults.add(Fault(kind=FaultKind.STRANGE_VALUES))
    txid = world.placed()
    assert world.query(txid)["status"] == "non_representable"
    assert line.on("executions")[0]["data"][0]["exec_type"] == "non_representable"
    assert world.public("SystemStatus")["status"] == "online"


def test_the_new_kinds_travel_as_json() -> None:
    for kind in (FaultKind.CORRUPT_CHECKSUM, FaultKind.EXPIRED_TOKEN):
        fault = Fault(kind=kind, count=None)
        assert fault_from_json(fault_to_json(fault)) == fault


def test_it_is_made_by_name_and_tells_its_state() -> None:
    dialect = create(seed=3, is_quiet=True)
    dialect.credentials()
    dialect.advance(SECOND)
    state = dialect.state()
    assert (state["exchange"], state["status"]) == ("kraken", "online")
    json.dumps(state)
