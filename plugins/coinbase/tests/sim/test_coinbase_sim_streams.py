"""Subscriptions, snapshots, updates and the ends of connections."""

import re
from typing import Any

import pytest

from venuekit_coinbase.sim.settings import ConnectionSettings


def test_a_book_begins_with_a_snapshot_and_goes_on_with_absolute_quantities(world: Any) -> None:
    world.place("BUY", base_size="0.01", limit_price="60000")
    line = world.connect()
    line.subscribe("level2", "BTC-USD")
    acknowledged, snapshot = line.read()
    assert acknowledged["channel"] == "subscriptions"
    assert acknowledged["events"] == [{"subscriptions": {"level2": ["BTC-USD"]}}]
    assert (snapshot["channel"], snapshot["client_id"]) == ("l2_data", "")
    assert snapshot["events"] == [
        {
            "type": "snapshot",
            "product_id": "BTC-USD",
            "updates": [
                {
                    "side": "bid",
                    "event_time": "1970-01-01T00:00:00Z",
                    "price_level": "60000",
                    "new_quantity": "0.01",
                }
            ],
        }
    ]
    order_id = world.placed("SELL", base_size="2", limit_price="61000")
    world.cancel(order_id)
    world.wait(0.01, 0.01)
    updates = [frame["events"][0] for frame in line.read("l2_data")]
    assert [each["type"] for each in updates] == ["update", "update"]
    changes = [change for each in updates for change in each["updates"]]
    assert [(each["side"], each["price_level"], each["new_quantity"]) for each in changes] == [
        ("offer", "61000", "2"),
        ("offer", "61000", "0"),
    ]
    assert changes[0]["event_time"].startswith("2026-07-15T12:00:00.")


def test_every_frame_of_a_connection_is_counted_from_zero(world: Any) -> None:
    line = world.connect()
    line.subscribe("heartbeats")
    line.subscribe("level2", "BTC-USD", "ETH-USD")
    world.place()
    world.wait(2.1)
    frames = line.read()
    assert [frame["sequence_num"] for frame in frames] == list(range(len(frames)))
    assert {frame["channel"] for frame in frames} == {"subscriptions", "l2_data", "heartbeats"}
    second = world.connect()
    second.subscribe("heartbeats")
    assert second.read()[0]["sequence_num"] == 0


def test_frames_can_be_counted_for_each_product(make_world: Any) -> None:
    world = make_world(connections=ConnectionSettings(counts_by_product=True))
    line = world.connect()
    line.subscribe("level2", "BTC-USD", "ETH-USD")
    numbers = [frame["sequence_num"] for frame in line.read("l2_data")]
    assert numbers == [0, 0]


def test_the_answer_lists_all_subscriptions(world: Any) -> None:
    line = world.connect()
    line.subscribe("level2", "BTC-USD")
    line.subscribe("ticker", "ETH-USD")
    line.subscribe("heartbeats")
    line.subscribe("level2", "ETH-USD")
    *_, last = line.read("subscriptions")
    assert last["events"][0]["subscriptions"] == {
        "level2": ["BTC-USD", "ETH-USD"],
        "ticker": ["ETH-USD"],
        "heartbeats": ["heartbeats"],
    }
    line.send(type="unsubscribe", channel="level2", product_ids=["BTC-USD"])
    line.send(type="unsubscribe", channel="ticker")
    *_, last = line.read("subscriptions")
    assert last["events"][0]["subscriptions"] == {
        "level2": ["ETH-USD"],
        "heartbeats": ["heartbeats"],
    }
    world.place()
    assert line.read("l2_data") == []


def test_the_answer_can_come_after_the_snapshot(make_world: Any) -> None:
    world = make_world(connections=ConnectionSettings(acknowledges_last=True))
    line = world.connect()
    line.subscribe("level2", "BTC-USD")
    assert [frame["channel"] for frame in line.read()] == ["l2_data", "subscriptions"]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "subscribe", "channel": "heartbeat"},
        {"type": "subscribe", "channel": "user"},
        {"type": "subscribe", "channel": "user", "jwt": "a.b.c"},
        {"type": "subscribe", "channel": "level2", "product_ids": ["BTC-USD"], "jwt": "a.b.c"},
    ],
)
def test_unknown_channels_and_bad_tokens_fail_in_the_same_words(world: Any, message: Any) -> None:
    line = world.connect()
    line.send(**message)
    assert line.read() == [{"type": "error", "message": "authentication failure"}]


def test_the_user_socket_serves_private_channels_only(world: Any) -> None:
    line = world.connect("/user")
    line.subscribe("user")
    line.subscribe("heartbeats")
    line.subscribe("level2", "BTC-USD")
    *_, error = line.read()
    assert error == {"type": "error", "message": "authentication failure"}
    assert not line.is_closed


def test_a_connection_without_subscription_is_closed_after_five_seconds(world: Any) -> None:
    line = world.connect()
    world.wait(4.9)
    assert not line.is_closed
    world.wait(0.2)
    assert line.is_closed


def test_a_connection_with_nothing_to_say_is_closed_after_a_minute_or_so(world: Any) -> None:
    quiet, lively = world.connect(), world.connect()
    quiet.subscribe("level2", "BTC-USD")
    lively.subscribe("level2", "BTC-USD")
    lively.subscribe("heartbeats")
    world.wait(59, 0.5)
    assert not quiet.is_closed
    world.wait(32, 0.5)
    assert (quiet.is_closed, lively.is_closed) == (True, False)


def test_heartbeats_count_and_tell_the_time_in_another_form(world: Any) -> None:
    line = world.connect()
    line.subscribe("heartbeats")
    world.wait(3)
    events = [frame["events"][0] for frame in line.read("heartbeats")]
    assert [event["heartbeat_counter"] for event in events] == [1, 2, 3]
    time = events[0]["current_time"]
    assert re.fullmatch(r"2026-07-15 12:00:01\.\d{9} \+0000 UTC m=\+\d+\.\d{9}", time)


def test_heartbeats_can_count_in_text(make_world: Any) -> None:
    world = make_world(connections=ConnectionSettings(has_text_counters=True))
    line = world.connect()
    line.subscribe("heartbeats")
    world.wait(1)
    assert line.read("heartbeats")[0]["events"][0]["heartbeat_counter"] == "1"


def test_trades_come_in_batches_with_the_makers_side(world: Any, other: Any) -> None:
    line = world.connect()
    line.subscribe("market_trades", "BTC-USD")
    world.place("SELL", user=other)
    world.place("BUY", base_size="0.004")
    world.place("BUY", base_size="0.006")
    assert [frame["events"][0]["type"] for frame in line.read("market_trades")] == ["snapshot"]
    world.wait(0.25)
    (frame,) = line.read("market_trades")
    (event,) = frame["events"]
    assert event["type"] == "update"
    assert [(each["size"], each["side"]) for each in event["trades"]] == [
        ("0.006", "SELL"),
        ("0.004", "SELL"),
    ]
    assert event["trades"][0]["trade_id"] == "2"


def test_tickers_candles_and_status_follow_the_market(world: Any, other: Any) -> None:
    line = world.connect()
    for channel in ("ticker", "ticker_batch", "candles", "status"):
        line.subscribe(channel, "BTC-USD")
    line.read()
    world.place("SELL", user=other, base_size="0.02")
    world.place("BUY")
    (ticker,) = line.read("ticker")
    row = ticker["events"][0]["tickers"][0]
    assert (row["product_id"], row["price"], row["volume_24_h"]) == ("BTC-USD", "60000", "0.01")
    assert (row["best_ask"], row["best_ask_quantity"]) == ("60000", "0.01")
    world.wait(5, 0.25)
    frames = line.read()
    (batch,) = [frame for frame in frames if frame["channel"] == "ticker_batch"]
    assert "best_bid" not in batch["events"][0]["tickers"][0]
    (candle,) = [frame for frame in frames if frame["channel"] == "candles"]
    assert candle["events"][0]["candles"] == [
        {
            "start": "1784116800",
            "low": "60000",
            "high": "60000",
            "open": "60000",
            "close": "60000",
            "volume": "0.01",
            "product_id": "BTC-USD",
        }
    ]
    world.dialect.venue.books["BTC-USD"].status = "offline"
    world.wait(1)
    (status,) = line.read("status")
    assert status["events"][0]["products"][0]["status"] == "offline"


def test_market_channels_know_no_alias_but_the_user_channel_does(world: Any) -> None:
    line = world.connect()
    line.subscribe("level2", "BTC-USDC")
    line.subscribe("user", "BTC-USDC")
    assert line.read("l2_data")[0]["events"][0]["product_id"] == "BTC-USD"
    world.place(product_id="BTC-USDC")
    world.place(product_id="BTC-USD")
    orders = line.orders()
    assert {order["product_id"] for order in orders} == {"BTC-USDC"}


def test_user_updates_are_cumulative_and_in_the_wires_own_spelling(world: Any, other: Any) -> None:
    world.place("SELL", base_size="0.003", limit_price="59000", user=other)
    world.place("SELL", base_size="0.004", limit_price="59500", user=other)
    line = world.connect("/user")
    line.subscribe("user")
    snapshot = line.read("user")[0]["events"][0]
    assert (snapshot["type"], snapshot["orders"]) == ("snapshot", [])
    order_id = world.placed(name="mine")
    pending, filled = line.orders()
    assert (pending["status"], filled["status"]) == ("PENDING", "OPEN")
    assert filled["order_id"] == order_id
    assert (filled["cumulative_quantity"], filled["number_of_fills"]) == ("0.007", "2")
    assert (filled["leaves_quantity"], filled["filled_value"]) == ("0.003", "415")
    assert (filled["total_fees"], filled["completion_percentage"]) == ("2.49", "70")
    assert (filled["order_type"], filled["post_only"]) == ("Limit", "false")
    assert (filled["end_time"], filled["client_order_id"]) == ("0001-01-01T00:00:00Z", "mine")
    world.cancel(order_id)
    world.wait(0.01, 0.01)
    queued, canceled = line.orders()
    assert (queued["status"], canceled["status"]) == ("CANCEL_QUEUED", "CANCELLED")
    assert (canceled["leaves_quantity"], canceled["cumulative_quantity"]) == ("0", "0.007")


def test_the_user_snapshot_comes_in_batches_of_fifty(world: Any) -> None:
    for _ in range(50):
        world.place(base_size="0.001", settles=False)
        world.now_ns += 40_000_000
    world.wait(0.1)
    line = world.connect("/user")
    line.subscribe("user")
    sizes = [len(frame["events"][0]["orders"]) for frame in line.read("user")]
    assert sizes == [50, 0]
    world.now_ns += 10**9
    world.place(base_size="0.001")
    second = world.connect("/user")
    second.subscribe("user")
    sizes = [len(frame["events"][0]["orders"]) for frame in second.read("user")]
    assert sizes == [50, 1]


def test_nobody_hears_of_the_orders_of_others(world: Any, other: Any) -> None:
    line = world.connect()
    line.subscribe("user", user=other)
    world.place()
    assert line.orders() == []


def test_a_living_market_moves_by_itself(make_world: Any) -> None:
    world = make_world(is_quiet=False)
    line = world.connect()
    line.subscribe("level2", "BTC-USD")
    book: dict[tuple[str, str], str] = {}
    world.wait(5)
    frames = line.read("l2_data")
    assert len(frames) > 5
    for frame in frames:
        for change in frame["events"][0]["updates"]:
            book[change["side"], change["price_level"]] = change["new_quantity"]
    rows = world.public("/market/product_book", product_id="BTC-USD")["pricebook"]
    kept = {key: size for key, size in book.items() if size != "0"}
    assert kept == {
        (side, row["price"]): row["size"]
        for side, name in (("bid", "bids"), ("offer", "asks"))
        for row in rows[name]
    }
