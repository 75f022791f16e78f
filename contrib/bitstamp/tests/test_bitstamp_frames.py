"""Frames of the WebSocket as the documents show them, and messages as they want them."""

import json
from decimal import Decimal
from typing import Any

import pytest

from venuekit.model import Instrument, Instruments, Side, Trade
from venuekit.plugin import (
    Acknowledged,
    BookRule,
    Closing,
    Members,
    Published,
    Refused,
    Subscription,
    Topic,
)
from venuekit_bitstamp.markets import _instrument  # the listing's own reader
from venuekit_bitstamp.streams import Adapter

ROW = {
    "name": "ETH/USD",
    "market_symbol": "ethusd",
    "base_currency": "ETH",
    "base_decimals": 8,
    "counter_currency": "USD",
    "counter_decimals": 2,
    "minimum_order_value": "10",
    "trading": "Enabled",
    "market_type": "SPOT",
}
ETH = _instrument(Members(ROW))


@pytest.fixture
def adapter() -> Adapter:
    adapter = Adapter("live")
    adapter.instruments = Instruments([ETH])
    return adapter


def frames(adapter: Adapter, **message: Any) -> list[Any]:
    return list(adapter.read_frame("market", json.dumps(message)))


def of(topic: Topic, instrument: Instrument | None = ETH) -> Subscription:
    return Subscription(topic, instrument)


def test_each_subscription_is_a_message_of_its_own(adapter: Adapter) -> None:
    wanted = [of(Topic.TRADES), of(Topic.BOOK)]
    begun = [json.loads(text) for text in adapter.subscribe(wanted, 7, None)]
    assert begun == [
        {"event": "bts:subscribe", "data": {"channel": "live_trades_ethusd"}},
        {"event": "bts:subscribe", "data": {"channel": "order_book_ethusd"}},
    ]
    ended = [json.loads(text) for text in adapter.unsubscribe(wanted[:1], 8, None)]
    assert ended == [{"event": "bts:unsubscribe", "data": {"channel": "live_trades_ethusd"}}]


def test_what_is_not_streamed_is_refused(adapter: Adapter) -> None:
    assert adapter.channel_of(of(Topic.BOOK)) == "market"
    for topic in (Topic.TICKER, Topic.ACCOUNT, Topic.CANDLES):
        with pytest.raises(ValueError, match=topic.value):
            adapter.channel_of(of(topic, None))
    with pytest.raises(ValueError, match="needs an instrument"):
        adapter.key_of(of(Topic.TRADES, None))


def test_the_channel_says_what_it_bears(adapter: Adapter) -> None:
    (channel,) = adapter.channels()
    assert (channel.name, channel.host, channel.path) == ("market", "stream", "")
    assert (channel.max_subscriptions, channel.max_batch, channel.messages_per_s) == (100, 1, 10)
    assert (channel.max_age_s, channel.silence_s, channel.is_private) == (7_776_000, 60, False)
    keeping = adapter.book_keeping()
    assert (keeping.rule, keeping.snapshot_by_rest, keeping.depth) == (
        BookRule.CONNECTION,
        False,
        100,
    )


@pytest.mark.parametrize("event", ["bts:subscription_succeeded", "bts:unsubscription_succeeded"])
def test_what_is_acknowledged_names_no_request(adapter: Adapter, event: str) -> None:
    said = frames(adapter, event=event, channel="live_trades_ethusd", data={})
    assert said == [Acknowledged(request_id=None)]


def test_an_error_is_a_refusal_with_its_words(adapter: Adapter) -> None:
    data = {"code": 4009, "message": "Connection is unauthorized.\u001b[31m"}
    said = frames(adapter, event="bts:error", channel="", data=data)
    assert said == [Refused(request_id=None, code="4009", text="Connection is unauthorized. [31m")]
    bare = frames(adapter, event="bts:error", channel="", data={"code": None, "message": ""})
    assert bare == [Refused(request_id=None, code="", text="")]


def test_a_request_to_reconnect_is_heeded_and_a_heartbeat_means_nothing(adapter: Adapter) -> None:
    (said,) = frames(adapter, event="bts:request_reconnect", channel="", data="")
    assert isinstance(said, Closing)
    assert not said.is_over
    beat = {"status": "success"}
    assert frames(adapter, event="bts:heartbeat", channel="", data=beat) == []


TRADE = {
    "id": 542327128,
    "timestamp": "1772723751",
    "amount": 0.241,
    "amount_str": "0.24100000",
    "price": 2090.22,
    "price_str": "2090.22",
    "type": 1,
    "microtimestamp": "1772723751946000",
    "buy_order_id": 1982008431775746,
    "sell_order_id": 1982008430600193,
}


def test_a_trade_is_read_from_its_texts_that_keep_all_digits(adapter: Adapter) -> None:
    (said,) = frames(adapter, event="trade", channel="live_trades_ethusd", data=TRADE)
    assert said == Published(
        key="live_trades_ethusd",
        event=Trade(
            symbol=ETH.symbol,
            trade_id="542327128",
            price=Decimal("2090.22"),
            quantity=Decimal("0.24100000"),
            side=Side.SELL,
            time_ns=1772723751946000000,
        ),
    )
    assert str(said.event.quantity) == "0.24100000"


def test_a_book_comes_whole_with_its_time_as_its_number(adapter: Adapter) -> None:
    bids = [[str(2000 - i), "1.50"] for i in range(120)]
    data = {"timestamp": "1772723362", "microtimestamp": "1772723362377013"}
    book = {**data, "bids": bids, "asks": [["2087.29", "6.330796"]]}
    (said,) = frames(adapter, event="data", channel="order_book_ethusd", data=book)
    assert said.key == "order_book_ethusd"
    assert (said.event.update_id, said.event.time_ns) == (1772723362377013, 1772723362377013000)
    assert len(said.event.bids) == 100
    assert said.event.asks == ((Decimal("2087.29"), Decimal("6.330796")),)


@pytest.mark.parametrize(
    "message",
    [
        {"event": "trade", "channel": "live_trades_dogeusd", "data": TRADE},
        {"event": "trade", "channel": "order_book_ethusd", "data": TRADE},
        {"event": "data", "channel": "live_trades_ethusd", "data": TRADE},
        {"event": "order_created", "channel": "live_orders_ethusd", "data": {}},
        {"event": "trade", "channel": "live_trades_ethusd", "data": {**TRADE, "type": 2}},
        {"event": "trade", "channel": "live_trades_ethusd"},
        {"channel": "live_trades_ethusd", "data": TRADE},
    ],
)
def test_what_cannot_be_understood_is_an_error(adapter: Adapter, message: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\$|of '"):
        frames(adapter, **message)
