"""Market streams: subscriptions, messages, and how connections are kept alive or end."""

from itertools import pairwise
from typing import Any

import pytest

from venuekit.sim.faults import Fault, FaultKind
from venuekit_binance.sim.connections import ConnectionSettings
from venuekit_binance.sim.topics import topic_from_name

ORDER = "/api/v3/order"


def offer(world: Any, user: Any, price: Any, side: Any = "SELL", quantity: Any = "0.01") -> Any:
    return world.signed(
        "POST", ORDER, user, symbol="BTCUSDT", side=side, type="LIMIT",
        timeInForce="GTC", quantity=quantity, price=price,
    )  # fmt: skip


def of(messages: Any, kind: Any) -> Any:
    return [each for each in messages if each.get("e") == kind]


def test_raw_streams_are_named_in_the_path_and_bare(world: Any, other: Any) -> None:
    line = world.connect("/ws/btcusdt@trade")
    offer(world, other, "64000")
    world.place(price="64000")
    assert line.read() == [
        {
            "e": "trade",
            "E": 1784116800000,
            "s": "BTCUSDT",
            "t": 1,
            "p": "64000.00000000",
            "q": "0.01000000",
            "T": 1784116800000,
            "m": False,
            "M": True,
        }
    ]


def test_combined_streams_are_wrapped(world: Any, other: Any) -> None:
    line = world.connect("/stream", "streams=btcusdt%40aggTrade/btcusdt@bookTicker")
    offer(world, other, "64000")
    offer(world, other, "64000")
    assert line.read() == [
        {
            "stream": "btcusdt@bookTicker",
            "data": {"u": 1, "s": "BTCUSDT", "b": "0.00000000", "B": "0.00000000",
                     "a": "64000.00000000", "A": "0.01000000"},
        },
        {
            "stream": "btcusdt@bookTicker",
            "data": {"u": 2, "s": "BTCUSDT", "b": "0.00000000", "B": "0.00000000",
                     "a": "64000.00000000", "A": "0.02000000"},
        },
    ]  # fmt: skip
    world.place(price="64000", quantity="0.02")
    aggregate, ticker = line.read()
    assert aggregate["data"]["q"] == "0.02000000"
    assert (aggregate["data"]["f"], aggregate["data"]["l"]) == (1, 2)
    assert ticker["data"]["a"] == "0.00000000"


def test_subscriptions_come_and_go(world: Any) -> None:
    line = world.connect("/ws")
    line.send({"method": "SUBSCRIBE", "params": ["btcusdt@trade", "btcusdt@depth"], "id": 1})
    line.send({"method": "LIST_SUBSCRIPTIONS", "id": "abc"})
    line.send({"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": None})
    line.send({"method": "LIST_SUBSCRIPTIONS", "id": 3})
    assert line.read() == [
        {"result": None, "id": 1},
        {"result": ["btcusdt@trade", "btcusdt@depth"], "id": "abc"},
        {"result": None, "id": None},
        {"result": ["btcusdt@depth"], "id": 3},
    ]


def test_properties_are_read_and_set(world: Any, other: Any) -> None:
    line = world.connect("/ws/btcusdt@bookTicker")
    line.send({"method": "GET_PROPERTY", "params": ["combined"], "id": 1})
    line.send({"method": "SET_PROPERTY", "params": ["combined", True], "id": 2})
    line.send({"method": "GET_PROPERTY", "params": ["combined"], "id": 3})
    assert [each["result"] for each in line.read()] == [False, None, True]
    offer(world, other, "64000")
    assert line.read()[0]["stream"] == "btcusdt@bookTicker"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 3),
        ("[]", 2),
        ({"id": 1}, 2),
        ({"method": "DANCE", "id": 1}, 2),
        ({"method": "SUBSCRIBE", "params": ["a"], "id": 1.5}, 2),
        ({"method": "SUBSCRIBE", "params": ["a"], "id": "x" * 37}, 2),
        ({"method": "SUBSCRIBE", "params": "a", "id": 1}, 2),
        ({"method": "GET_PROPERTY", "params": ["color"], "id": 1}, 0),
        ({"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}, 1),
        ({"method": "GET_PROPERTY", "params": [1], "id": 1}, 2),
    ],
)
def test_bad_control_messages_are_answered_with_codes(world: Any, message: Any, code: int) -> None:
    line = world.connect("/ws")
    line.send(message)
    (answer,) = line.read()
    assert answer["code"] == code
    assert answer["msg"]


def test_unknown_streams_are_silent(world: Any) -> None:
    line = world.connect("/ws/nope@trade/BTCUSDT@trade/btcusdt@nonsense/!ticker@arr")
    world.wait(3)
    assert line.read() == []


def test_changes_of_the_book_are_contiguous_and_lead_from_snapshot_to_snapshot(
    make_world: Any,
) -> None:
    world = make_world(is_quiet=False)
    fast, slow = world.connect("/ws/btcusdt@depth@100ms"), world.connect("/ws/btcusdt@depth")
    world.wait(1.5)
    snapshot = world.public("/api/v3/depth", symbol="BTCUSDT", limit=5000)
    world.wait(5)
    final = world.public("/api/v3/depth", symbol="BTCUSDT", limit=5000)
    world.wait(2)
    for line in (fast, slow):
        events = line.read()
        assert len(events) > 3
        for before, after in pairwise(events):
            assert after["U"] == before["u"] + 1
        assert all(event["b"] or event["a"] for event in events)
        assert all(event["U"] <= event["u"] for event in events)
    world.wait(2)
    assert snapshot["lastUpdateId"] < final["lastUpdateId"]


def test_a_book_kept_from_changes_is_the_books_own(make_world: Any) -> None:
    world = make_world(is_quiet=False)
    line = world.connect("/ws/ethusdt@depth@100ms")
    world.wait(1)
    snapshot = world.public("/api/v3/depth", symbol="ETHUSDT", limit=5000)
    last = snapshot["lastUpdateId"]
    book = {side: dict(snapshot[side]) for side in ("bids", "asks")}
    world.wait(6)
    # Streams end with their window; snapshots are as of now: wait until both show the same id.
    for _ in range(50):
        final = world.public("/api/v3/depth", symbol="ETHUSDT", limit=5000)
        for event in line.read():
            if event["u"] <= last:
                continue
            assert event["U"] <= last + 1
            for side, rows in (("bids", event["b"]), ("asks", event["a"])):
                for price, quantity in rows:
                    book[side].pop(price, None)
                    if float(quantity):
                        book[side][price] = quantity
            last = event["u"]
        if last == final["lastUpdateId"]:
            break
        world.wait(0.05)
    assert last == final["lastUpdateId"]
    assert book["bids"] == dict(final["bids"])
    assert book["asks"] == dict(final["asks"])


def test_partial_books_come_when_something_changed(world: Any, other: Any) -> None:
    line = world.connect("/ws/btcusdt@depth5@100ms")
    for price in range(64000, 64007):
        offer(world, other, price)
    world.wait(0.3)
    (message,) = line.read()
    assert sorted(message) == ["asks", "bids", "lastUpdateId"]
    assert [price for price, _ in message["asks"]] == [
        f"{price}.00000000" for price in range(64000, 64005)
    ]
    world.wait(1)
    assert line.read() == []


def test_bars_are_told_every_second_or_two_and_closed_once(world: Any, other: Any) -> None:
    line = world.connect("/stream", "streams=btcusdt@kline_1s/btcusdt@kline_1m")
    offer(world, other, "64000", quantity="1")
    world.place(price="64000")
    world.wait(62)
    bars = [(each["stream"], each["data"]["k"]) for each in line.read()]
    minutes = [bar for stream, bar in bars if stream.endswith("1m")]
    seconds = [bar for stream, bar in bars if stream.endswith("1s")]
    assert 30 <= len(minutes) <= 33
    (closed,) = [bar for bar in minutes if bar["x"]]
    assert (closed["n"], closed["v"], closed["c"]) == (1, "0.01000000", "64000.00000000")
    assert closed["T"] - closed["t"] == 59_999
    assert len([bar for bar in seconds if bar["x"]]) >= 61
    flat = seconds[-1]
    assert (flat["n"], flat["f"], flat["L"], flat["o"]) == (0, -1, -1, "64000.00000000")


def test_tickers_come_for_symbols_that_were_traded(world: Any, other: Any) -> None:
    names = "btcusdt@ticker/btcusdt@miniTicker/!miniTicker@arr/btcusdt@ticker_1h/btcusdt@avgPrice"
    line = world.connect("/stream", f"streams={names}/!ticker_4h@arr/btcusdt@referencePrice")
    world.wait(2)
    assert {each["stream"] for each in line.read()} == {"btcusdt@referencePrice"}
    offer(world, other, "64000", quantity="1")
    world.place(price="64000")
    world.wait(1)
    got = {each["stream"]: each["data"] for each in line.read()}
    assert len(got) == 7
    assert got["btcusdt@ticker"]["e"] == "24hrTicker"
    assert got["btcusdt@ticker"]["c"] == "64000.00000000"
    assert got["btcusdt@ticker_1h"]["e"] == "1hTicker"
    assert [row["s"] for row in got["!miniTicker@arr"]] == ["BTCUSDT"]
    assert got["btcusdt@avgPrice"]["w"] == "64000.00000000"


def test_times_can_be_microseconds(world: Any, other: Any) -> None:
    line = world.connect("/ws/btcusdt@trade", "timeUnit=MICROSECOND")
    offer(world, other, "64000")
    world.place(price="64000")
    assert line.read()[0]["T"] == 1784116800000000


def test_six_messages_in_a_second_are_too_many_and_pongs_count(world: Any) -> None:
    line = world.connect("/ws")
    for index in range(4):
        line.send({"method": "LIST_SUBSCRIPTIONS", "id": index})
    line.pong(b"")
    line.read()
    assert line.ending[0] == 0
    line.send({"method": "LIST_SUBSCRIPTIONS", "id": 9})
    assert line.read() == []
    assert line.ending == (1008, "Too many requests")
    calm = world.connect("/ws")
    for index in range(20):
        calm.send({"method": "LIST_SUBSCRIPTIONS", "id": index})
        world.wait(0.21, step_s=0.21)
    calm.read()
    assert calm.closed is None


def test_streams_are_limited_for_each_connection(make_world: Any) -> None:
    world = make_world(connections=ConnectionSettings(streams=2))
    line = world.connect("/ws/btcusdt@trade/ethusdt@trade")
    line.send({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1})
    line.read()
    assert line.ending[0] == 0
    line.send({"method": "SUBSCRIBE", "params": ["bnbusdt@trade"], "id": 2})
    line.read()
    assert line.ending[0] == 1008


def test_pings_must_be_answered_with_their_payload(world: Any) -> None:
    good, bad = world.connect("/ws"), world.connect("/ws")
    for _ in range(5):
        world.wait(20, step_s=1)
        good.read()
        good.pong(good.pings[-1])
        bad.read()
        if bad.closed is None:
            bad.pong(b"")  # unsolicited: allowed, and no sign of life
    assert len(good.pings) == 5
    assert good.closed is None
    bad.read()
    assert bad.closed.reason == "Pong timeout"


def test_a_connection_lives_for_a_day_at_most(make_world: Any) -> None:
    world = make_world(connections=ConnectionSettings(lifetime_s=30))
    line = world.connect("/ws")
    world.wait(31, step_s=1)
    line.read()
    assert line.closed.code == 1001


def test_a_shutdown_is_announced_everywhere(world: Any) -> None:
    raw, combined, api = world.connect("/ws"), world.connect("/stream"), world.api()
    world.dialect.faults.add(Fault(kind=FaultKind.SHUTDOWN, delay_s=2))
    world.wait(0.1)
    event = {"e": "serverShutdown", "E": 1784116800050}
    assert raw.read() == [event]
    assert combined.read() == [{"stream": "!serverShutdown", "data": event}]
    assert api.read() == [{"event": event}]
    world.wait(2.1)
    for line in (raw, combined, api):
        line.read()
        assert line.closed.code == 1001


def test_faults_hit_single_streams(world: Any, other: Any) -> None:
    world.dialect.faults.add(
        Fault(kind=FaultKind.MESSAGE_DROP, topic="btcusdt@depth*", skip=1),
        Fault(kind=FaultKind.MESSAGE_DUPLICATE, topic="*@trade"),
    )
    line = world.connect("/ws/btcusdt@depth@100ms/btcusdt@trade")
    for price in (64000, 64001, 64002):
        offer(world, other, price)
        world.wait(0.2)
    first, third = of(line.read(), "depthUpdate")
    assert third["U"] == first["u"] + 2
    world.place(price="64000")
    assert [each["t"] for each in of(line.read(), "trade")] == [1, 1]


def test_a_ping_can_be_left_out(world: Any) -> None:
    world.dialect.faults.add(Fault(kind=FaultKind.NO_PING, topic="/ws"))
    line = world.connect("/ws")
    world.wait(21, step_s=1)
    line.read()
    assert line.pings == []


@pytest.mark.parametrize(
    ("name", "kind", "every_ms"),
    [
        ("btcusdt@trade", "trade", 0),
        ("btcusdt@depth", "depth", 1000),
        ("btcusdt@depth20@100ms", "partial", 100),
        ("btcusdt@kline_1M", "kline", 2000),
        ("btcusdt@kline_1d@+08:00", "kline", 2000),
        ("!ticker_1h@arr", "ticker", 1000),
        ("btcusdt@kline_2m", None, 0),
        ("btcusdt@depth7", None, 0),
        ("!bookTicker", None, 0),
        ("BTCUSDT@trade", None, 0),
        ("trade", None, 0),
    ],
)
def test_names_of_streams(name: str, kind: Any, every_ms: int) -> None:
    topic = topic_from_name(name)
    if kind is None:
        assert topic is None
    else:
        assert topic is not None
        assert (topic.kind, topic.every_ms) == (kind, every_ms)
