"""Connections, subscriptions, market channels, private channels, order methods."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from venuekit_kraken.sim.limits import LimitSettings

UUID = "6d1b345e-2821-40e2-ad83-4ecb18a06876"
LIMIT = {
    "order_type": "limit",
    "side": "buy",
    "order_qty": 0.01,
    "limit_price": 50000,
    "symbol": "BTC/USD",
}


def fill(world: Any, other: Any, volume: str = "0.01", price: str = "50000") -> None:
    world.placed(other, type="sell", price=price, volume=volume)


# Connections.


def test_the_exchange_speaks_first(world: Any) -> None:
    socket = world.dialect.open_socket("/v2", "", world.now_ns)
    (frame,) = socket.drain()
    message = json.loads(frame.text)
    assert (message["channel"], message["type"]) == ("status", "update")
    (status,) = message["data"]
    assert (status["system"], status["api_version"]) == ("online", "v2")
    assert status["connection_id"] > 2**53


def test_a_ping_is_answered_with_a_pong_without_success(world: Any) -> None:
    line = world.connect()
    assert line.ask("ping") == {
        "method": "pong",
        "req_id": 7,
        "time_in": "2026-07-15T12:00:00.000000Z",
        "time_out": "2026-07-15T12:00:00.000000Z",
    }


def test_hearts_beat_each_second_only_when_nothing_else_is_sent(world: Any) -> None:
    line = world.connect()
    world.wait(5)
    assert line.on("heartbeat") == []
    line.subscribe("trade", "BTC/USD")
    world.wait(3)
    assert line.on("heartbeat") == [{"channel": "heartbeat"}] * 3
    for _ in range(6):
        line.ask("ping")
        world.wait(0.5)
    assert line.on("heartbeat") == []


def test_an_idle_connection_is_closed_after_a_minute(world: Any) -> None:
    idle, busy = world.connect(), world.connect()
    busy.subscribe("trade", "BTC/USD")
    world.wait(61)
    idle.read()
    busy.read()
    assert idle.closed is not None
    assert busy.closed is None


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "Malformed request"),
        ("[]", "Malformed request"),
        ('{"method": 1}', "Malformed request"),
        ('{"method": "dance"}', "Unsupported method: 'dance'"),
        ('{"method": "ping", "req_id": "x"}', "EGeneral:Invalid arguments:req_id"),
    ],
)
def test_what_is_no_request_is_told_so(world: Any, text: str, error: str) -> None:
    line = world.connect()
    line.send(text)
    (answer,) = line.answers()
    assert (answer["success"], answer["error"]) == (False, error)


# Subscribing.


def test_each_pair_is_acknowledged_and_a_bad_one_fails_alone(world: Any) -> None:
    line = world.connect()
    answers = line.subscribe("ticker", "BTC/USD", "XBT/USD", "DOGE/USD")
    assert [(each["req_id"], each["success"]) for each in answers] == [
        (7, True),
        (7, False),
        (7, True),
    ]
    assert answers[1]["error"] == "Currency pair not supported XBT/USD"
    assert answers[1]["symbol"] == "XBT/USD"
    assert answers[2]["result"] == {
        "channel": "ticker",
        "symbol": "DOGE/USD",
        "event_trigger": "trades",
        "snapshot": True,
    }


def test_a_second_subscription_to_the_same_is_refused(world: Any) -> None:
    line = world.connect()
    line.subscribe("book", "BTC/USD")
    (again,) = line.subscribe("book", "BTC/USD")
    assert again["error"] == "Already subscribed"
    (deeper,) = line.subscribe("book", "BTC/USD", depth=25)
    assert deeper["success"] is True


def test_after_unsubscribing_nothing_comes(world: Any, other: Any) -> None:
    line = world.connect()
    line.subscribe("trade", "BTC/USD")
    (gone,) = line.ask_all("unsubscribe", channel="trade", symbol=["BTC/USD"])
    assert gone["result"] == {"channel": "trade", "symbol": "BTC/USD"}
    (missing,) = line.ask_all("unsubscribe", channel="trade", symbol=["BTC/USD"])
    assert missing["success"] is False
    world.placed()
    fill(world, other)
    assert line.on("trade") == []


# Market channels.


def test_trades_are_told_with_the_takers_side_and_type(world: Any, other: Any) -> None:
    world.placed(volume="0.02")
    fill(world, other)
    line = world.connect()
    line.subscribe("trade", "BTC/USD")
    assert line.on("trade") == []
    fill(world, other)
    (message,) = line.on("trade")
    assert message == {
        "channel": "trade",
        "type": "update",
        "data": [
            {
                "symbol": "BTC/USD",
                "side": "sell",
                "price": Decimal("50000.0"),
                "qty": Decimal("0.01"),
                "ord_type": "limit",
                "trade_id": 2,
                "timestamp": "2026-07-15T12:00:00.000000Z",
            }
        ],
    }
    late = world.connect()
    late.subscribe("trade", "BTC/USD", snapshot=True)
    (snapshot,) = late.on("trade")
    assert [each["trade_id"] for each in snapshot["data"]] == [1, 2]


def test_tickers_are_told_by_trade_or_by_best_price(world: Any, other: Any) -> None:
    by_trade, by_price = world.connect(), world.connect()
    by_trade.subscribe("ticker", "BTC/USD")
    by_price.subscribe("ticker", "BTC/USD", event_trigger="bbo")
    assert [len(line.on("ticker")) for line in (by_trade, by_price)] == [1, 1]
    world.placed(volume="0.02")
    world.placed(volume="0.02", price="49000")
    assert by_trade.on("ticker") == []
    (told,) = by_price.on("ticker")
    assert (told["data"][0]["bid"], told["data"][0]["ask"]) == (50000, 0)
    fill(world, other)
    (told,) = by_trade.on("ticker")
    assert (told["data"][0]["last"], told["data"][0]["volume"]) == (50000, Decimal("0.01"))
    assert len(by_price.on("ticker")) == 1


def test_candles_are_told_on_trades(world: Any, other: Any) -> None:
    line = world.connect()
    (answer,) = line.subscribe("ohlc", "BTC/USD", interval=5)
    assert answer["result"]["interval"] == 5
    line.read()
    world.placed()
    fill(world, other)
    (message,) = line.on("ohlc")
    (candle,) = message["data"]
    assert (candle["trades"], candle["close"], candle["interval"]) == (1, 50000, 5)
    assert candle["interval_begin"] == "2026-07-15T12:00:00.000000000Z"
    (refused,) = line.subscribe("ohlc", "BTC/USD", interval=2)
    assert refused["success"] is False


def test_instruments_have_precisions_and_small_numbers_an_exponent(world: Any) -> None:
    line = world.connect()
    line.subscribe("instrument")
    (message,) = line.on("instrument")
    pairs = {pair["symbol"]: pair for pair in message["data"]["pairs"]}
    assets = {asset["id"]: asset for asset in message["data"]["assets"]}
    doge = pairs["DOGE/USD"]
    assert (doge["price_precision"], doge["qty_precision"]) == (7, 8)
    assert (doge["base"], assets["DOGE"]["precision"]) == ("DOGE", 8)
    assert '"qty_increment":1e-08' in line.texts[-1]
    assert '"price_increment":0.1' in line.texts[-1]


def test_numbers_of_the_sockets_drop_zeros_and_keep_digits(world: Any) -> None:
    world.placed(price="45283.5", volume="0.10000000")
    world.placed(price="45281", volume="0.12345678")
    line = world.connect()
    line.subscribe("book", "BTC/USD")
    (text,) = (text for text in line.texts if '"book","type"' in text)
    assert '{"price":45283.5,"qty":0.1}' in text
    assert '{"price":45281.0,"qty":0.12345678}' in text


# Executions.


def test_a_snapshot_of_orders_is_number_one(world: Any) -> None:
    txid = world.placed(cl_ord_id=UUID)
    line = world.connect()
    line.token = world.private("GetWebSocketsToken")["token"]
    (answer,) = line.subscribe("executions", snap_orders=True)
    assert answer["result"]["maxratecount"] == 125
    (message,) = line.on("executions")
    assert (message["type"], message["sequence"]) == ("snapshot", 1)
    (order,) = message["data"]
    assert (order["order_id"], order["cl_ord_id"], order["symbol"]) == (txid, UUID, "BTC/USD")
    assert (order["order_status"], order["limit_price"]) == ("new", 50000)


def test_the_life_of_an_order_is_told_sparsely(world: Any, other: Any) -> None:
    line = world.private_line("executions")
    world.placed(volume="0.02", cl_ord_id=UUID)
    fill(world, other)
    fill(world, other)
    messages = line.on("executions")
    assert [message["sequence"] for message in messages] == [2, 3, 4, 5, 6]
    events = [message["data"][0] for message in messages]
    assert [(each["exec_type"], each["order_status"]) for each in events] == [
        ("pending_new", "pending_new"),
        ("new", "new"),
        ("trade", "partially_filled"),
        ("trade", "partially_filled"),
        ("filled", "filled"),
    ]
    pending, new, trade, _, filled = events
    assert pending["symbol"] == "BTC/USD"
    assert set(new) == {"order_id", "exec_type", "order_status", "timestamp", "cl_ord_id"}
    assert (trade["last_qty"], trade["liquidity_ind"], trade["cost"]) == (
        Decimal("0.01"),
        "m",
        500,
    )
    assert (trade["cum_qty"], trade["avg_price"]) == (Decimal("0.01"), 50000)
    assert trade["fees"] == [{"asset": "USD", "qty": Decimal("1.25")}]
    assert trade["exec_id"].startswith("T")
    assert (filled["cum_qty"], filled["avg_price"]) == (Decimal("0.02"), 50000)
    assert "symbol" not in filled


def test_a_cancel_is_told_with_its_reason_and_without_the_pair(world: Any) -> None:
    line = world.private_line("executions")
    txid = world.placed()
    world.private("CancelOrder", txid=txid)
    (event,) = line.on("executions")[-1]["data"]
    assert (event["exec_type"], event["reason"], event["cum_qty"]) == (
        "canceled",
        "User requested",
        0,
    )
    assert "symbol" not in event


def test_an_amend_is_told(world: Any) -> None:
    line = world.private_line("executions")
    txid = world.placed()
    world.private("AmendOrder", txid=txid, limit_price="49000")
    events = [message["data"][0] for message in line.on("executions")]
    assert [each["exec_type"] for each in events] == ["pending_new", "new", "amended"]
    assert (events[2]["limit_price"], events[2]["amended"]) == (49000, True)


def test_transitions_can_be_left_out_and_trades_asked_for(world: Any, other: Any) -> None:
    world.placed()
    fill(world, other)
    line = world.connect()
    line.token = world.private("GetWebSocketsToken")["token"]
    line.subscribe("executions", snap_orders=False, snap_trades=True, order_status=False)
    (snapshot,) = line.on("executions")
    (trade,) = snapshot["data"]
    assert (trade["exec_type"], trade["order_status"]) == ("trade", "filled")
    assert "cum_qty" not in trade
    world.placed()
    assert [each["data"][0]["exec_type"] for each in line.on("executions")] == ["new"]


def test_the_counter_can_be_watched(world: Any) -> None:
    line = world.connect()
    line.token = world.private("GetWebSocketsToken")["token"]
    line.subscribe("executions", ratecounter=True)
    line.read()
    txid = world.placed()
    world.private("CancelOrder", txid=txid)
    counts = [message["data"][0]["ratecount"] for message in line.on("executions")]
    assert counts == [1, 1, 9]


def test_nobody_is_told_of_anothers_orders(world: Any, other: Any) -> None:
    line = world.private_line("executions", "balances", user=other)
    world.placed()
    world.wait(0.5)
    assert line.read() == []


# Balances.


def test_a_trade_moves_two_assets_in_two_messages(world: Any, other: Any) -> None:
    line = world.connect()
    line.token = world.private("GetWebSocketsToken")["token"]
    line.subscribe("balances")
    (snapshot,) = line.on("balances")
    rows = {row["asset"]: row for row in snapshot["data"]}
    assert (rows["BTC"]["balance"], rows["DOGE"]["asset_class"]) == (10, "currency")
    assert rows["USD"]["wallets"] == [{"type": "spot", "id": "main", "balance": 1_000_000}]
    world.placed()
    assert line.on("balances") == []
    fill(world, other)
    first, second = line.on("balances")
    assert (first["sequence"], second["sequence"]) == (2, 3)
    (base,), (quote,) = first["data"], second["data"]
    assert (base["asset"], base["amount"], base["balance"]) == (
        "BTC",
        Decimal("0.01"),
        Decimal("10.01"),
    )
    assert (quote["asset"], quote["amount"], quote["fee"]) == ("USD", -500, Decimal("1.25"))
    assert base["ref_id"] == quote["ref_id"]


# Order methods.


@pytest.fixture
def line(world: Any) -> Any:
    """A private connection."""
    return world.private_line("executions")


def test_an_order_is_placed_and_the_answer_comes_before_its_events(line: Any, world: Any) -> None:
    line.send({"method": "add_order", "params": {**LIMIT, "token": line.token}, "req_id": 1})
    answer, *events = line.read()
    assert (answer["method"], answer["success"], answer["req_id"]) == ("add_order", True, 1)
    assert [each["channel"] for each in events] == ["executions", "executions"]
    order = world.query(answer["result"]["order_id"])
    assert (order["vol"], order["descr"]["price"]) == ("0.01000000", "50000.0")


def test_words_of_the_sockets_differ_from_those_of_rest(line: Any, world: Any) -> None:
    result = line.ask(
        "add_order",
        **LIMIT,
        time_in_force="gtd",
        expire_time="2026-07-15T12:00:30Z",
        post_only=True,
        stp_type="cancel_oldest",
        fee_preference="base",
        order_userref=7,
    )["result"]
    assert result["order_userref"] == 7
    order = world.query(result["order_id"])
    assert (order["oflags"], order["expiretm"], order["userref"]) == ("post,fcib", 1784116830, 7)


def test_triggers_have_an_object_of_their_own(line: Any, world: Any, other: Any) -> None:
    world.placed()
    fill(world, other)
    stop = {**LIMIT, "side": "sell", "order_type": "stop-loss-limit", "limit_price": 44000}
    result = line.ask("add_order", **stop, triggers={"price": 45000, "reference": "last"})
    order = world.query(result["result"]["order_id"])
    assert (order["descr"]["price"], order["descr"]["price2"]) == ("45000.0", "44000.0")
    trailing = {**LIMIT, "side": "sell", "order_type": "trailing-stop"}
    del trailing["limit_price"]
    result = line.ask("add_order", **trailing, triggers={"price": 2, "price_type": "pct"})
    assert world.query(result["result"]["order_id"])["stopprice"] == "49000.00000"
    cash = {"order_type": "market", "side": "buy", "symbol": "BTC/USD", "cash_order_qty": 50}
    world.placed(other, type="sell", price="50000", volume="1")
    result = line.ask("add_order", **cash)
    assert world.query(result["result"]["order_id"])["cost"] == "50.00000"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"symbol": "XBT/USD"}, "Currency pair not supported XBT/USD"),
        ({"price": 1}, "Unsupported field: 'price' for the given msg type: add order"),
        ({"order_qty": 0}, "EOrder:Order minimum not met"),
        ({"time_in_force": "day"}, "EGeneral:Invalid arguments:time_in_force"),
        ({"margin": True}, "EOrder:Cannot open position"),
        ({"order_qty": 1000}, "EOrder:Insufficient funds"),
        ({"deadline": "2026-07-15T12:00:00.4Z"}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": "2026-07-15T11:59:59Z"}, "EService:Deadline elapsed"),
        ({"stp_type": "cancel-newest"}, "EGeneral:Invalid arguments:stp_type"),
        ({"token": "nonsense"}, "ESession:Invalid session"),
    ],
)
def test_refusals_over_a_socket(line: Any, change: dict[str, Any], error: str) -> None:
    answer = line.ask("add_order", **{**LIMIT, **change})
    assert (answer["success"], answer["error"]) == (False, error)
    assert "result" not in answer


def test_a_socket_deadline_may_be_half_a_second_ahead(line: Any) -> None:
    answer = line.ask("add_order", **LIMIT, deadline="2026-07-15T12:00:00.5Z")
    assert answer["success"] is True


def test_validating_over_a_socket_places_nothing(line: Any, world: Any) -> None:
    answer = line.ask("add_order", **LIMIT, validate=True)
    assert (answer["success"], answer["result"]) == (True, {})
    assert world.private("OpenOrders") == {"open": {}}


def test_every_canceled_order_has_an_answer_of_its_own(line: Any, world: Any) -> None:
    first = world.placed()
    world.placed(cl_ord_id=UUID)
    answers = line.ask_all(
        "cancel_order", order_id=[first, "OAAAAA-BBBBB-CCCCCC", first], cl_ord_id=[UUID]
    )
    assert [each["req_id"] for each in answers] == [7] * 4
    assert [each.get("error") for each in answers] == [
        None,
        "EOrder:Invalid order",
        "EOrder:Unknown order",
        None,
    ]
    assert answers[3]["result"]["cl_ord_id"] == UUID


def test_orders_are_amended_and_edited_over_a_socket(line: Any, world: Any) -> None:
    txid = world.placed(cl_ord_id=UUID)
    amended = line.ask("amend_order", cl_ord_id=UUID, limit_price=49000, order_qty=0.02)
    assert (amended["result"]["cl_ord_id"], amended["result"]["amend_id"][0]) == (UUID, "T")
    assert world.query(txid)["vol"] == "0.02000000"
    other = world.placed()
    edited = line.ask("edit_order", order_id=other, symbol="BTC/USD", limit_price=48000)["result"]
    assert edited["original_order_id"] == other
    assert world.query(edited["order_id"])["descr"]["price"] == "48000.0"


def test_batches_over_a_socket(line: Any, world: Any) -> None:
    leg = {key: value for key, value in LIMIT.items() if key != "symbol"}
    legs = [leg, {**leg, "order_qty": 100, "limit_price": 20000}]
    answer = line.ask("batch_add", symbol="BTC/USD", orders=legs)
    first, second = answer["result"]
    assert (answer["success"], "order_id" in first) == (True, True)
    assert second["error"] == "EOrder:Insufficient funds"
    refused = line.ask("batch_add", symbol="BTC/USD", orders=[leg, {**leg, "order_qty": -1}])
    assert refused["success"] is False
    more = world.placed(userref="3")
    answer = line.ask("batch_cancel", orders=[first["order_id"], "3"])
    assert answer["result"] == {"count": 2}
    assert world.query(more)["status"] == "canceled"


def test_everything_at_once_and_the_switch(line: Any, world: Any) -> None:
    world.placed()
    armed = line.ask("cancel_all_orders_after", timeout=30)["result"]
    assert armed == {
        "currentTime": "2026-07-15T12:00:00.000000Z",
        "triggerTime": "2026-07-15T12:00:30.000000Z",
    }
    assert line.ask("cancel_all")["result"] == {"count": 1}
    world.placed()
    world.wait(31, step_s=1)
    assert world.private("OpenOrders") == {"open": {}}


def test_limits_hold_for_sockets(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=LimitSettings(engine=1))
    line = world.private_line("executions")
    assert line.ask("add_order", **LIMIT)["success"] is True
    assert line.ask("add_order", **LIMIT)["error"] == "EOrder:Rate limit exceeded"
