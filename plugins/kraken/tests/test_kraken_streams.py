"""Streams: what subscribes, what frames mean, and the checksum that keeps a book in step."""

import json
from decimal import Decimal
from typing import Any

import pytest

from venuekit.auth import Redactor, SecretKey
from venuekit.model import (
    BalanceDelta,
    BestPrice,
    BookChange,
    BookSnapshot,
    Candle,
    Instrument,
    OrderChange,
    OrderEvent,
    OrderPhase,
    Symbol,
    Ticker,
    Trade,
)
from venuekit.plugin import (
    Access,
    Acknowledged,
    Numbered,
    Published,
    Refused,
    Stamp,
    Subscription,
    Topic,
)
from venuekit.streams import Book
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.book_checksum import checksum

# The worked answer of Kraken's page "Spot Websockets (v2) Book Checksum".
ASKS = (
    "45285.2/0.00100000 45286.4/1.54571953 45286.6/1.54571109 45289.6/1.54560911 "
    "45290.2/0.15890660 45291.8/1.54553491 45294.7/0.04454749 45296.1/0.35380000 "
    "45297.5/0.09945542 45299.5/0.18772827"
)
BIDS = (
    "45283.5/0.10000000 45283.4/1.54582015 45282.1/0.10000000 45281.0/0.10000000 "
    "45280.3/1.54592586 45279.0/0.07990000 45277.6/0.03310103 45277.5/0.30000000 "
    "45277.3/1.54602737 45276.6/0.15445238"
)
PUBLISHED = 3_310_070_434


def levels(text: str) -> tuple[tuple[Decimal, Decimal], ...]:
    pairs = (level.split("/") for level in text.split())
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in pairs)


def book(asks: str = ASKS, bids: str = BIDS) -> BookSnapshot:
    return BookSnapshot(symbol=Symbol("BTC/USD"), bids=levels(bids), asks=levels(asks))


def frames(adapter: KrakenAdapter, message: Any, channel: str = "market") -> list[Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return list(adapter.read_frame(channel, text))


def event(adapter: KrakenAdapter, message: Any, channel: str = "market") -> Any:
    (found,) = frames(adapter, message, channel)
    assert isinstance(found, Published)
    return found.event


def test_the_published_checksum() -> None:
    assert checksum(book(), price_decimals=1, quantity_decimals=8) == PUBLISHED


def test_figures_are_padded_to_the_pairs_decimals_and_only_ten_levels_count() -> None:
    shorter = ASKS.replace("1.54571953", "1.545719530").replace("0.00100000", "0.001")
    more = BIDS + " 45000/1"
    assert checksum(book(shorter, more), price_decimals=1, quantity_decimals=8) == PUBLISHED


def test_a_book_that_does_not_add_up_is_noticed(adapter: KrakenAdapter) -> None:
    kept = Book(Symbol("BTC/USD"), adapter.book_keeping())
    kept.apply_snapshot(book())
    change = {"symbol": "BTC/USD", "bids": [], "asks": [], "checksum": PUBLISHED}
    update = event(adapter, {"channel": "book", "type": "update", "data": [change]})
    assert isinstance(update, BookChange)
    kept.apply_change(update)
    assert kept.bids(1) == ((Decimal("45283.5"), Decimal("0.1")),)
    wrong = event(
        adapter, {"channel": "book", "type": "update", "data": [{**change, "checksum": 1}]}
    )
    assert str(kept.apply_change(wrong)) == f"a wrong checksum: expected 1, found {PUBLISHED}"


def test_json_numbers_keep_their_digits(adapter: KrakenAdapter) -> None:
    text = (
        '{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD",'
        '"bids":[{"price":45283.5,"qty":0.10000000}],"asks":[{"price":45285.20,"qty":1e-08}],'
        '"checksum":1,"timestamp":"2023-10-06T17:35:55.440295Z"}]}'
    )
    snapshot = event(adapter, text)
    assert isinstance(snapshot, BookSnapshot)
    assert str(snapshot.bids[0][1]) == "0.10000000"
    assert snapshot.asks == ((Decimal("45285.20"), Decimal("1E-8")),)
    assert snapshot.time_ns == 1_696_613_755_440_295_000


def test_trades_tickers_best_prices_and_candles(adapter: KrakenAdapter) -> None:
    trade = {
        "symbol": "BTC/USD",
        "side": "sell",
        "price": 0.5117,
        "qty": 40.0,
        "ord_type": "market",
        "trade_id": 4665906,
        "timestamp": "2023-09-25T07:49:37.708706Z",
    }
    assert isinstance(
        event(adapter, {"channel": "trade", "type": "update", "data": [trade]}), Trade
    )
    row = {
        **dict.fromkeys(("bid", "bid_qty", "ask", "ask_qty", "last", "volume", "low", "high"), 1.5),
        "symbol": "BTC/USD",
    }
    ticker = {"channel": "ticker", "type": "update", "data": [row]}
    assert isinstance(event(adapter, ticker), Ticker)
    assert isinstance(event(adapter, ticker, "best"), BestPrice)
    bar = {
        **dict.fromkeys(("open", "high", "low", "close", "volume", "vwap"), 1.5),
        "symbol": "BTC/USD",
        "trades": 3,
        "interval": 5,
        "interval_begin": "2023-10-04T16:25:00.000000000Z",
    }
    candle = event(adapter, {"channel": "ohlc", "type": "update", "data": [bar]})
    assert isinstance(candle, Candle)
    assert (candle.interval, candle.is_closed) == ("5m", False)


def test_keys_of_frames_are_those_of_subscriptions(adapter: KrakenAdapter, btc: Instrument) -> None:
    for topic, channel, published in (
        (Topic.BOOK, "market", "book BTC/USD"),
        (Topic.TRADES, "market", "trade BTC/USD"),
        (Topic.TICKER, "market", "market BTC/USD"),
        (Topic.BEST_PRICE, "best", "best BTC/USD"),
    ):
        subscription = Subscription(topic, btc)
        assert adapter.channel_of(subscription) == channel
        assert adapter.key_of(subscription) == published
    bars = Subscription(Topic.CANDLES, btc, "5m")
    assert adapter.key_of(bars) == "ohlc 5m BTC/USD"
    with pytest.raises(ValueError, match="streams no candles"):
        adapter.channel_of(Subscription(Topic.CANDLES, btc, "2m"))


def test_each_subscription_is_a_message_of_its_own(adapter: KrakenAdapter, btc: Instrument) -> None:
    (text,) = adapter.subscribe([Subscription(Topic.BOOK, btc)], 7, None)
    assert json.loads(text) == {
        "method": "subscribe",
        "params": {"channel": "book", "symbol": ["BTC/USD"], "depth": 100},
        "req_id": 7,
    }
    assert all(channel.max_batch == 1 for channel in adapter.channels())


def test_the_account_is_two_channels_with_a_token(adapter: KrakenAdapter) -> None:
    secret = SecretKey(
        api_key="public", algorithm="hmac-sha512", secret="c2VjcmV0", redactor=Redactor()
    )
    access = Access(key=secret, stamp=Stamp(time_ns=1), token="hush")
    account = Subscription(Topic.ACCOUNT)
    messages = [json.loads(text) for text in adapter.subscribe([account], 8, access)]
    assert [each["params"]["channel"] for each in messages] == ["executions", "balances"]
    assert {each["params"]["token"] for each in messages} == {"hush"}
    with pytest.raises(ValueError, match="needs a token"):
        adapter.subscribe([account], 8, None)


def test_answers_to_requests(adapter: KrakenAdapter) -> None:
    good = {"method": "subscribe", "req_id": 7, "success": True, "result": {"channel": "book"}}
    assert frames(adapter, good) == [Acknowledged(request_id=7)]
    bad = {
        "method": "subscribe",
        "req_id": 7,
        "success": False,
        "error": "Currency pair not supported XBT/USD",
    }
    (refused,) = frames(adapter, bad)
    assert isinstance(refused, Refused)
    assert (refused.request_id, refused.text) == (7, "Currency pair not supported XBT/USD")
    for nothing in (
        {"channel": "heartbeat"},
        {"channel": "status", "type": "update", "data": [{"system": "online"}]},
        {"method": "pong", "req_id": 1},
        {"channel": "new_channel", "data": []},
    ):
        assert frames(adapter, nothing) == []
    with pytest.raises(ValueError, match="neither data nor a reply"):
        frames(adapter, {})


WHOLE = {
    "order_id": "OK4GJX-KSTLS-7DZZO5",
    "cl_ord_id": "6d1b345e282140e2ad834ecb18a06876",
    "symbol": "BTC/USD",
    "order_qty": 1.25,
    "cum_cost": 0.0,
    "time_in_force": "GTC",
    "exec_type": "pending_new",
    "side": "buy",
    "order_type": "limit",
    "limit_price": 37500.1,
    "cum_qty": 0.0,
    "order_status": "pending_new",
    "timestamp": "2023-09-22T10:33:05.709950Z",
}


def executions(*rows: Any, sequence: int = 3) -> dict[str, Any]:
    return {"channel": "executions", "type": "update", "data": list(rows), "sequence": sequence}


def test_the_first_event_of_an_order_tells_all_of_it(adapter: KrakenAdapter) -> None:
    numbered, told = frames(adapter, executions(WHOLE), "account")
    assert numbered == Numbered(number=3, key="executions")
    assert isinstance(told.event, OrderEvent)
    order = told.event.order
    assert (order.phase, order.quantity, str(order.price)) == (
        OrderPhase.PENDING,
        Decimal("1.25"),
        "37500.1",
    )


def test_of_a_trailing_order_the_trigger_is_where_it_stands_not_how_far_away(
    adapter: KrakenAdapter,
) -> None:
    triggers = {"reference": "last", "price": 1.5, "price_type": "pct", "actual_price": 36963.0}
    stop = WHOLE | {"order_type": "trailing-stop", "limit_price": None, "triggers": triggers}
    moved = {
        "order_id": WHOLE["order_id"],
        "exec_type": "status",
        "order_status": "new",
        "timestamp": WHOLE["timestamp"],
        "triggers": triggers | {"actual_price": 36970.5},
    }
    _, first, second = frames(adapter, executions(stop, moved), "account")
    assert first.event.order.stop_price == Decimal(36963)
    assert second.event.stop_price == Decimal("36970.5")
    fixed = stop | {"order_type": "stop-loss", "triggers": {"price": 36000.0}}
    _, told = frames(adapter, executions(fixed), "account")
    assert told.event.order.stop_price == Decimal(36000)


def test_later_events_are_sparse(adapter: KrakenAdapter) -> None:
    row = {
        "timestamp": "2023-09-22T10:33:05.709982Z",
        "order_status": "canceled",
        "exec_type": "canceled",
        "order_id": "OK4GJX-KSTLS-7DZZO5",
        "cum_qty": 0.25,
        "cum_cost": 9375.025,
        "reason": "User requested",
    }
    _, told = frames(adapter, executions(row), "account")
    change = told.event
    assert isinstance(change, OrderChange)
    assert (change.phase, change.filled, change.symbol) == (
        OrderPhase.CANCELED,
        Decimal("0.25"),
        None,
    )
    assert change.reason == "User requested"


def test_a_fill_has_its_trade_and_the_one_that_completes_ends_the_order(
    adapter: KrakenAdapter,
) -> None:
    row = {
        **WHOLE,
        "exec_type": "trade",
        "order_status": "partially_filled",
        "exec_id": "TTW6PD-RC36L-ZZSWNU",
        "trade_id": 365573,
        "last_qty": 1.25,
        "last_price": 37500.1,
        "liquidity_ind": "t",
        "cum_qty": 1.25,
        "cum_cost": 46875.125,
        "fees": [{"asset": "USD", "qty": 187.5005}],
    }
    _, told = frames(adapter, executions(row), "account")
    assert isinstance(told.event, OrderEvent)
    assert told.event.order.phase is OrderPhase.FILLED
    fill = told.event.fill
    assert fill is not None
    assert (fill.trade_id, fill.quantity) == ("TTW6PD-RC36L-ZZSWNU", Decimal("1.25"))
    assert fill.fee is not None
    assert (fill.fee.asset, str(fill.fee.amount)) == ("USD", "187.5005")


def test_of_balances_only_what_no_order_explains_is_told(adapter: KrakenAdapter) -> None:
    line = {
        "ledger_id": "LATINL-I3MS6-VVPJZU",
        "asset": "BTC",
        "type": "deposit",
        "amount": 0.5,
        "fee": 0,
        "balance": 1.5,
        "timestamp": "2023-09-22T10:33:05.709982Z",
    }
    message = {"channel": "balances", "type": "update", "data": [line], "sequence": 2}
    _, told = frames(adapter, message, "account")
    assert isinstance(told.event, BalanceDelta)
    assert (told.event.asset, told.event.amount) == ("BTC", Decimal("0.5"))
    line["type"] = "trade"
    assert len(frames(adapter, message, "account")) == 1
