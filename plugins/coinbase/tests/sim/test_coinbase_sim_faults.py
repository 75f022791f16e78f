"""What can be made to go wrong, and how much is let in."""

from typing import Any

import pytest

from venuekit.sim.dialect import Ending, SimRequest, deliver
from venuekit.sim.faults import Fault, FaultKind
from venuekit_coinbase.sim.settings import BehaviorSettings, LimitSettings

ACCOUNTS = "/api/v3/brokerage/accounts"


def fail(world: Any, kind: FaultKind, **fields: Any) -> None:
    world.dialect.faults.add(Fault(kind=kind, **fields))


async def delivered(world: Any, path: str = ACCOUNTS) -> Any:
    token = world.token(uri=f"GET api.coinbase.com{path}")
    headers = {"Authorization": f"Bearer {token}"}
    request = SimRequest(method="GET", path=path, headers=headers, peer=world.peer)
    return await deliver(world.dialect, request, lambda: world.now_ns)


@pytest.mark.parametrize(
    ("name", "status", "start"),
    [
        ("timeout", 504, b"<html>"),
        ("unexpected", 500, b'{"error":"INTERNAL"'),
        ("internal", 500, b'{"errors":[{"id":"internal_server_error"'),
        ("bad_gateway", 502, b"<html>"),
        ("unavailable", 503, b"<html>"),
        ("overloaded", 429, b'{"errors":[{"id":"resource_exhausted"'),
        ("rate_limited", 429, b'{"errors":[{"id":"rate_limit_exceeded"'),
        ("unauthorized", 401, b"Unauthorized"),
        ("forbidden", 403, b'{"error":"PERMISSION_DENIED"'),
        ("proof_token", 200, b'{"orders":[]'),
        ("refused:COMMANDER_REJECTED_NEW_ORDER", 200, b'{"success":false'),
    ],
)
async def test_answers_have_names(world: Any, name: str, status: int, start: bytes) -> None:
    fail(world, FaultKind.ANSWER_BEFORE, answer=name)
    given = (await delivered(world)).answer
    assert given.status == status
    assert given.body.startswith(start)
    assert (await delivered(world)).answer.status == 200


async def test_a_banned_address_is_let_in_again_after_half_a_minute(world: Any) -> None:
    fail(world, FaultKind.ANSWER_BEFORE, answer="banned")
    for _ in range(2):
        given = (await delivered(world)).answer
        assert (given.status, given.body) == (403, b"Too many errors")
    world.now_ns += 30 * 10**9
    assert (await delivered(world)).answer.status == 200


async def test_an_answer_is_lost_after_the_order_took_effect(world: Any) -> None:
    fail(world, FaultKind.DROP_AFTER, method="POST", path="*/orders")
    body = (
        b'{"client_order_id":"lost","product_id":"BTC-USD","side":"BUY","order_configuration":'
        b'{"limit_limit_gtc":{"base_size":"0.01","limit_price":"60000"}}}'
    )
    path = "/api/v3/brokerage/orders"
    token = world.token(uri=f"POST api.coinbase.com{path}")
    request = SimRequest(
        method="POST", path=path, headers={"Authorization": f"Bearer {token}"}, body=body
    )
    delivery = await deliver(world.dialect, request, lambda: world.now_ns)
    assert delivery.ending is Ending.DROPPED
    (order,) = world.get("/orders/historical/batch")["orders"]
    assert order["client_order_id"] == "lost"


def test_a_new_order_is_seen_late(world: Any) -> None:
    fail(world, FaultKind.MEMORY_LAG, value=2_000)
    answer = world.place(name="a")
    order_id = answer["success_response"]["order_id"]
    world.get(f"/orders/historical/{order_id}")
    assert world.status == 404
    assert world.get("/orders/historical/batch")["orders"] == []
    assert world.place(name="a")["success_response"]["order_id"] == order_id
    world.wait(2)
    assert world.order(order_id)["order_id"] == order_id


def test_a_lost_frame_leaves_a_gap_in_the_numbers(world: Any) -> None:
    line = world.connect()
    line.subscribe("heartbeats")
    line.subscribe("level2", "BTC-USD")
    assert [frame["sequence_num"] for frame in line.read()] == [0, 1, 2]
    fail(world, FaultKind.MESSAGE_DROP, topic="level2:BTC-USD")
    world.place()
    world.place()
    assert [frame["sequence_num"] for frame in line.read()] == [4]


def test_user_updates_are_repeated_in_frames_of_their_own(world: Any) -> None:
    line = world.connect()
    line.subscribe("user")
    line.read()
    fail(world, FaultKind.MESSAGE_DUPLICATE, topic="user:again", skip=1)
    world.place()
    frames = line.read("user")
    assert [frame["events"][0]["orders"][0]["status"] for frame in frames] == [
        "PENDING",
        "OPEN",
        "OPEN",
    ]
    assert len({frame["sequence_num"] for frame in frames}) == 3
    fail(world, FaultKind.MESSAGE_DUPLICATE, topic="user")
    world.place(settles=False)
    first, again = line.read("user")
    assert first == again


def test_the_clock_can_be_wrong(world: Any) -> None:
    fail(world, FaultKind.CLOCK_SKEW, value=-3_600_000)
    answer = world.public("/time")
    assert answer["iso"] == "2026-07-15T11:00:00Z"
    assert answer["epochSeconds"] == "1784113200"
    assert answer["epochMillis"] == "1784113200000"
    world.get("/accounts")
    assert world.status == 401


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cancel_only", "ORDER_ENTRY_DISABLED"),
        ("trading_disabled", "ORDER_ENTRY_DISABLED"),
        ("limit_only", None),
        ("post_only", "ORDER_ENTRY_DISABLED"),
        ("view_only", "UNTRADABLE_PRODUCT"),
        ("offline", "UNTRADABLE_PRODUCT"),
    ],
)
def test_a_product_can_be_halted(world: Any, text: str, reason: str | None) -> None:
    order_id = world.placed()
    fail(world, FaultKind.HALT, topic="BTC-USD", text=text)
    product = world.public("/market/products/BTC-USD")
    assert product["status"] == ("offline" if text == "offline" else "online")
    assert text == "offline" or product[text] is True
    answer = world.place()
    assert answer.get("error_response", {}).get("new_order_failure_reason") == reason
    assert world.cancel(order_id)[0]["success"]


def test_a_book_can_be_out_of_date(world: Any) -> None:
    world.wait(2, 1)
    world.place()
    fail(world, FaultKind.STALE_SNAPSHOT, topic="BTC-USD")
    book = world.public("/market/product_book", product_id="BTC-USD")
    assert book["pricebook"]["bids"] == []
    book = world.public("/market/product_book", product_id="BTC-USD")
    assert len(book["pricebook"]["bids"]) == 1


def test_answers_can_carry_what_nobody_documented(world: Any) -> None:
    order_id = world.placed()
    fail(world, FaultKind.STRANGE_MEMBERS)
    fail(world, FaultKind.STRANGE_VALUES)
    order = world.order(order_id)
    assert order["status"] == "NOBODY_KNOWS_THIS"
    assert "zz_unknown" in order


def test_a_shutdown_closes_every_connection_without_a_word(world: Any) -> None:
    line = world.connect()
    line.subscribe("heartbeats")
    fail(world, FaultKind.SHUTDOWN, delay_s=0.5)
    world.wait(0.7)
    assert line.is_closed
    assert [frame["channel"] for frame in line.read()] == ["subscriptions"]


def test_lists_can_ask_for_a_person(make_world: Any) -> None:
    world = make_world(behavior=BehaviorSettings(needs_proof_token=True))
    world.place()
    answer = world.get("/orders/historical/batch")
    assert (answer["orders"], answer["proof_token_required"]) == ([], True)


# Limits.


def test_thirty_requests_of_a_user_and_ten_of_an_address_are_let_in_each_second(
    world: Any, other: Any
) -> None:
    statuses = []
    for _ in range(31):
        body = world.get("/accounts", limit=1)
        statuses.append(world.status)
    assert statuses == [200] * 30 + [429]
    assert body == {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}
    assert world.answer.header("x-ratelimit-limit") == "30"
    assert world.answer.header("x-ratelimit-remaining") == "0"
    world.get("/accounts", other)
    assert world.status == 200
    statuses = [world.public("/time") and world.status for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    world.now_ns += 10**9
    world.get("/accounts")
    assert (world.status, world.answer.header("x-ratelimit-remaining")) == (200, "29")


def test_limits_can_be_switched_off(make_world: Any) -> None:
    limits = LimitSettings(private_per_s=None, public_per_s=None)
    world = make_world(limits=limits)
    for _ in range(40):
        world.get("/accounts", limit=1)
        assert world.status == 200
    assert world.answer.header("x-ratelimit-limit") is None


def test_connections_and_messages_without_a_token_are_limited(world: Any) -> None:
    request = SimRequest(method="GET", path="/", peer="10.0.0.1")
    answers = [world.dialect.accepts(request, world.now_ns) for _ in range(9)]
    assert answers[:8] == [None] * 8
    assert answers[8].status == 429
    line = world.connect()
    for _ in range(9):
        line.subscribe("heartbeats")
    assert line.read()[-1] == {"type": "error", "message": "rate limit exceeded"}
    line.subscribe("heartbeats", user=world.user)
    assert line.read()[-1]["channel"] == "subscriptions"


def test_an_address_that_makes_nothing_but_errors_can_be_blocked(make_world: Any) -> None:
    world = make_world(limits=LimitSettings(errors_before_block=3))
    for _ in range(3):
        world.raw("GET", ACCOUNTS)
        assert world.status == 401
    world.get("/accounts")
    assert (world.status, world.answer.body) == (403, b"Too many errors")
    world.now_ns += 31 * 10**9
    world.get("/accounts")
    assert world.status == 200


def test_public_answers_are_repeated_for_a_second(world: Any) -> None:
    def seen(**headers: str) -> int:
        query = "product_id=BTC-USD"
        path = "/api/v3/brokerage/market/product_book"
        return len(world.raw("GET", path, query, headers=headers)["pricebook"]["bids"])

    assert seen() == 0
    world.place()
    assert seen() == 0
    assert seen(**{"Cache-Control": "no-cache"}) == 1
    world.now_ns += 2 * 10**9
    assert seen() == 1
