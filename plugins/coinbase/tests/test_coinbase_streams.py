"""Streams: the messages that subscribe, and what each frame of the fact sheet means."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import attrs
import pytest

from venuekit.model import (
    BookChange,
    BookSnapshot,
    Candle,
    Instrument,
    InstrumentsEvent,
    InstrumentStatus,
    OrderChange,
    OrderEvent,
    OrderPhase,
    OrderType,
    Side,
    Ticker,
    TimeInForce,
    Trade,
)
from venuekit.plugin import (
    Acknowledged,
    BookRule,
    FrameEvent,
    Numbered,
    Published,
    Refused,
    Subscription,
    Topic,
)
from venuekit_coinbase.adapter import CoinbaseAdapter

S = 1_000_000_000
T0 = 1_780_000_000 * S


def _frame(channel: str, *events: Any, number: int = 7, **members: Any) -> str:
    return json.dumps(
        {
            "channel": channel,
            "client_id": "",
            "timestamp": "2026-05-28T20:26:40.000000001Z",
            "sequence_num": number,
            "events": list(events),
            **members,
        }
    )


def _read(adapter: CoinbaseAdapter, frame: str, channel: str = "market") -> Sequence[FrameEvent]:
    return tuple(adapter.read_frame(channel, frame))


def _published(
    adapter: CoinbaseAdapter, frame: str, channel: str = "market"
) -> list[tuple[str, Any]]:
    events = _read(adapter, frame, channel)
    return [(event.key, event.event) for event in events if isinstance(event, Published)]


# Subscribing


def test_the_state_of_all_products_has_a_connection_of_its_own(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    everything, one = Subscription(Topic.INSTRUMENTS), Subscription(Topic.INSTRUMENTS, btc)
    assert (adapter.channel_of(everything), adapter.channel_of(one)) == ("listing", "market")
    _, text = adapter.subscribe([everything], 1, None)
    assert json.loads(text) == {"type": "subscribe", "channel": "status"}
    _, text = adapter.subscribe([one], 1, None)
    assert json.loads(text) == {
        "type": "subscribe",
        "channel": "status",
        "product_ids": ["BTC-USD"],
    }
    (text,) = adapter.unsubscribe([one], 1, None)
    assert json.loads(text)["product_ids"] == ["BTC-USD"]
    assert (adapter.key_of(everything), adapter.key_of(one)) == ("status", "status BTC/USD")


def test_heartbeats_are_subscribed_along_and_each_channel_has_its_message(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    wanted = [
        Subscription(Topic.BOOK, btc),
        Subscription(Topic.TRADES, btc),
        Subscription(Topic.TICKER, btc),
        Subscription(Topic.CANDLES, btc, "5m"),
    ]
    messages = [json.loads(message) for message in adapter.subscribe(wanted, 1, None)]
    assert messages == [
        {"type": "subscribe", "channel": "heartbeats"},
        *(
            {"type": "subscribe", "channel": name, "product_ids": ["BTC-USD"]}
            for name in ("level2", "market_trades", "ticker", "candles")
        ),
    ]


def test_unsubscribing_keeps_the_heartbeats(adapter: CoinbaseAdapter, btc: Instrument) -> None:
    (message,) = adapter.unsubscribe([Subscription(Topic.BOOK, btc)], 1, None)
    assert json.loads(message) == {
        "type": "unsubscribe",
        "channel": "level2",
        "product_ids": ["BTC-USD"],
    }


def test_the_account_needs_a_key(adapter: CoinbaseAdapter) -> None:
    with pytest.raises(ValueError, match="needs a key"):
        adapter.subscribe([Subscription(Topic.ACCOUNT)], 1, None)


@pytest.mark.parametrize(
    ("topic", "interval"),
    [(Topic.BEST_PRICE, None), (Topic.AGGREGATE_TRADES, None), (Topic.CANDLES, "1m")],
)
def test_what_coinbase_does_not_stream_is_refused(
    adapter: CoinbaseAdapter, btc: Instrument, topic: Topic, interval: str | None
) -> None:
    with pytest.raises(ValueError, match="streams no"):
        adapter.channel_of(Subscription(topic, btc, interval))


def test_products_that_share_a_book_have_a_connection_of_their_own(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    usdc = adapter.instruments["BTC/USDC"]
    assert adapter.channel_of(Subscription(Topic.BOOK, btc)) == "market"
    assert adapter.channel_of(Subscription(Topic.BOOK, usdc)) == "aliases"
    assert adapter.channel_of(Subscription(Topic.ACCOUNT)) == "account"


def test_books_are_kept_in_step_by_the_numbers_of_the_connection(adapter: CoinbaseAdapter) -> None:
    keeping = adapter.book_keeping()
    assert keeping.rule is BookRule.CONNECTION
    assert not keeping.snapshot_by_rest


# Frames


def test_every_frame_counts_also_one_of_a_channel_that_nobody_knows(
    adapter: CoinbaseAdapter,
) -> None:
    beat = {"current_time": "2026-05-28 20:26:40 +0000 UTC m=+1", "heartbeat_counter": 5}
    assert _read(adapter, _frame("heartbeats", beat)) == (Numbered(number=7),)
    assert _read(adapter, _frame("something_new", {"a": 1}, number=8)) == (Numbered(number=8),)


def test_an_acknowledgement_counts_and_answers_whatever_waits(adapter: CoinbaseAdapter) -> None:
    told = {"subscriptions": {"level2": ["BTC-USD"], "heartbeats": ["heartbeats"]}}
    assert _read(adapter, _frame("subscriptions", told, number=0)) == (
        Numbered(number=0),
        Acknowledged(request_id=None),
    )


def test_an_error_frame_refuses_whatever_waits(adapter: CoinbaseAdapter) -> None:
    frame = '{"type":"error","message":"authentication failure"}'
    assert _read(adapter, frame) == (
        Refused(request_id=None, code="", text="authentication failure"),
    )


def _level(side: str, price: str, quantity: str) -> dict[str, str]:
    return {
        "side": side,
        "event_time": "1970-01-01T00:00:00Z",
        "price_level": price,
        "new_quantity": quantity,
    }


def test_a_book_comes_whole_and_then_in_absolute_quantities(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    key = adapter.key_of(Subscription(Topic.BOOK, btc))
    snapshot = {
        "type": "snapshot",
        "product_id": "BTC-USD",
        "updates": [
            _level("bid", "9", "1"),
            _level("bid", "10.00", "2"),
            _level("offer", "12", "4"),
            _level("offer", "11", "3"),
        ],
    }
    update = {
        "type": "update",
        "product_id": "BTC-USD",
        "updates": [_level("offer", "11", "0"), _level("bid", "10", "2.5")],
    }
    one, two, three, four = Decimal(1), Decimal(2), Decimal(3), Decimal(4)
    assert _published(adapter, _frame("l2_data", snapshot, update)) == [
        (
            key,
            BookSnapshot(
                symbol=btc.symbol,
                bids=((Decimal(10), two), (Decimal(9), one)),
                asks=((Decimal(11), three), (Decimal(12), four)),
                time_ns=T0 + 1,
            ),
        ),
        (
            key,
            BookChange(
                symbol=btc.symbol,
                bids=((Decimal(10), Decimal("2.5")),),
                asks=((Decimal(11), Decimal(0)),),
                time_ns=T0 + 1,
            ),
        ),
    ]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "update", "product_id": "BTC-USD", "updates": [_level("ask", "1", "1")]},
        {"type": "else", "product_id": "BTC-USD", "updates": []},
        {"type": "update", "product_id": "XYZ-USD", "updates": []},
        {"type": "update", "product_id": "BTC-USD", "updates": [_level("bid", "1", "-1")]},
    ],
)
def test_a_book_that_cannot_be_understood_is_not_guessed(
    adapter: CoinbaseAdapter, event: Any
) -> None:
    with pytest.raises(ValueError, match=r"neither|listing|below zero|type"):
        _read(adapter, _frame("l2_data", event))


def test_the_book_of_an_alias_comes_under_the_other_s_name(adapter: CoinbaseAdapter) -> None:
    usdc = adapter.instruments["BTC/USDC"]
    update = {"type": "update", "product_id": "BTC-USD", "updates": [_level("bid", "1", "1")]}
    ((key, change),) = _published(adapter, _frame("l2_data", update), "aliases")
    assert key == adapter.key_of(Subscription(Topic.BOOK, usdc)) == "level2 BTC/USDC"
    assert change.symbol == "BTC/USDC"


def test_trades_come_oldest_first_with_the_taker_s_side_and_old_ones_not_at_all(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    def trade(number: int, side: str) -> dict[str, str]:
        return {
            "trade_id": str(number),
            "product_id": "BTC-USD",
            "price": "64000.10",
            "size": "0.5",
            "side": side,
            "time": "2026-05-28T20:26:40Z",
        }

    events = (
        {"type": "snapshot", "trades": [trade(1, "BUY")]},
        {"type": "update", "trades": [trade(10, "SELL"), trade(9, "BUY")]},
    )
    found = _published(adapter, _frame("market_trades", *events))
    assert [key for key, _ in found] == [adapter.key_of(Subscription(Topic.TRADES, btc))] * 2
    assert found[0][1] == Trade(
        symbol=btc.symbol,
        trade_id="9",
        price=Decimal("64000.10"),
        quantity=Decimal("0.5"),
        side=Side.SELL,
        time_ns=T0,
    )
    assert (found[1][1].trade_id, found[1][1].side) == ("10", Side.BUY)


def _state(adapter: CoinbaseAdapter, channel: str = "listing", **members: Any) -> Any:
    product = {
        "product_type": "SPOT",
        "id": "BTC-USD",
        "base_currency": "BTC",
        "quote_currency": "USD",
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "display_name": "BTC/USD",
        "status": "online",
        "status_message": "",
        "min_market_funds": "1",
        **members,
    }
    frame = _frame("status", {"type": "snapshot", "products": [product]})
    return _published(adapter, frame, channel)


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({}, InstrumentStatus.TRADING),
        ({"status": "offline"}, InstrumentStatus.HALTED),
        ({"status": "delisted"}, InstrumentStatus.UNAVAILABLE),
        ({"status": ""}, InstrumentStatus.TRADING),
    ],
)
def test_the_state_of_products_is_told_for_all_and_for_each(
    adapter: CoinbaseAdapter,
    btc: Instrument,
    members: dict[str, str],
    status: InstrumentStatus,
) -> None:
    told = _state(adapter, **members)
    assert [key for key, _ in told] == ["status", "status BTC/USD"]
    for _, event in told:
        assert isinstance(event, InstrumentsEvent)
        # What the frame leaves out is as the listing has it.
        assert list(event.instruments) == [attrs.evolve(btc, status=status)]
        assert (event.is_snapshot, event.time_ns) == (False, T0 + 1)


def test_a_new_increment_is_told_of(adapter: CoinbaseAdapter) -> None:
    (_, event), _ = _state(adapter, base_increment="0.001")
    assert event.instruments[0].quantity.step == Decimal("0.001")
    assert event.instruments[0].quantity.maximum == 3400


def test_products_that_the_listing_lacks_wait_until_it_is_fetched_again(
    adapter: CoinbaseAdapter,
) -> None:
    assert _state(adapter, id="NEW-USD") == []
    assert _state(adapter, product_type="FUTURE") == []


def test_the_state_of_an_alias_comes_under_either_name(adapter: CoinbaseAdapter) -> None:
    for name in ("BTC-USD", "BTC-USDC"):
        told = _state(adapter, "aliases", id=name)
        assert [key for key, _ in told] == ["status", "status BTC/USDC"]


def test_a_ticker_tells_prices_and_the_last_day(adapter: CoinbaseAdapter, btc: Instrument) -> None:
    ticker = {
        "type": "ticker",
        "product_id": "BTC-USD",
        "price": "64000.01",
        "volume_24_h": "8123.5",
        "low_24_h": "63000",
        "high_24_h": "65000",
        "price_percent_chg_24_h": "1.5",
        "best_bid": "64000",
        "best_bid_quantity": "2",
        "best_ask": "",
        "best_ask_quantity": "0",
    }
    frame = _frame("ticker", {"type": "snapshot", "tickers": [ticker]})
    assert _published(adapter, frame) == [
        (
            adapter.key_of(Subscription(Topic.TICKER, btc)),
            Ticker(
                symbol=btc.symbol,
                last=Decimal("64000.01"),
                bid=Decimal(64000),
                bid_quantity=Decimal(2),
                high=Decimal(65000),
                low=Decimal(63000),
                volume=Decimal("8123.5"),
                time_ns=T0 + 1,
            ),
        )
    ]


def test_candles_are_five_minutes_long_and_those_that_have_passed_are_closed(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    def bar(start_s: int) -> dict[str, str]:
        return {
            "start": str(start_s),
            "high": "4",
            "low": "1",
            "open": "2",
            "close": "3",
            "volume": "0.5",
            "product_id": "BTC-USD",
        }

    bars = [bar(1_779_999_900), bar(1_779_999_600)]
    found = _published(adapter, _frame("candles", {"type": "snapshot", "candles": bars}))
    key = adapter.key_of(Subscription(Topic.CANDLES, btc, "5m"))
    assert [each for each, _ in found] == [key, key]
    candles: list[Candle] = [candle for _, candle in found]
    assert [candle.open_time_ns for candle in candles] == [1_779_999_600 * S, 1_779_999_900 * S]
    assert [candle.is_closed for candle in candles] == [True, False]
    assert (candles[0].interval, candles[0].close) == ("5m", Decimal(3))


# The account


def _order(**members: Any) -> dict[str, Any]:
    return {
        "order_id": "0000-000001",
        "client_order_id": "ours-1",
        "product_id": "BTC-USD",
        "order_side": "BUY",
        "order_type": "Limit",
        "status": "OPEN",
        "cumulative_quantity": "0.005",
        "leaves_quantity": "0.015",
        "avg_price": "64000",
        "total_fees": "1.28",
        "filled_value": "320",
        "number_of_fills": "1",
        "limit_price": "64000.50",
        "stop_price": "",
        "post_only": "true",
        "time_in_force": "GOOD_UNTIL_CANCELLED",
        "creation_time": "2026-05-28T20:26:40Z",
        "end_time": "0001-01-01T00:00:00Z",
        "cancel_reason": "",
        "reject_Reason": "",
        **members,
    }


def _told(adapter: CoinbaseAdapter, *orders: Any, kind: str = "update") -> list[Any]:
    frame = _frame("user", {"type": kind, "orders": list(orders), "positions": {}})
    found = _published(adapter, frame, "account")
    assert {key for key, _ in found} <= {adapter.key_of(Subscription(Topic.ACCOUNT))}
    return [event for _, event in found]


@pytest.mark.parametrize("kind", ["snapshot", "update"])
def test_an_open_limit_order_is_told_of_wholly_but_without_its_fills(
    adapter: CoinbaseAdapter, kind: str
) -> None:
    (event,) = _told(adapter, _order(), kind=kind)
    assert isinstance(event, OrderEvent)
    order = event.order
    assert (order.type, order.side, order.phase) == (
        OrderType.LIMIT,
        Side.BUY,
        OrderPhase.PARTIALLY_FILLED,
    )
    assert (order.quantity, order.filled) == (Decimal("0.020"), Decimal("0.005"))
    assert (order.price, order.filled_quote) == (Decimal("64000.50"), Decimal(320))
    assert order.post_only
    assert order.time_in_force is TimeInForce.GTC
    assert order.created_ns == T0
    # A frame's moment would overtake the queries' moment of the same change.
    assert order.updated_ns is None
    assert event.fill is None


def test_at_its_end_an_order_says_nothing_of_what_was_asked_for(adapter: CoinbaseAdapter) -> None:
    (event,) = _told(
        adapter, _order(status="CANCELLED", leaves_quantity="0", cancel_reason="User requested")
    )
    assert isinstance(event, OrderChange)
    assert (event.phase, event.quantity) == (OrderPhase.CANCELED, None)
    assert (event.filled, event.filled_quote) == (Decimal("0.005"), Decimal(320))
    assert event.reason == "User requested"
    assert (event.exchange_order_id, event.client_order_id) == ("0000-000001", "ours-1")


def test_a_rejected_order_tells_its_reason_in_whichever_spelling(adapter: CoinbaseAdapter) -> None:
    failed = {"status": "FAILED", "cumulative_quantity": "0", "leaves_quantity": "0"}
    first, second = _told(
        adapter,
        _order(**failed, reject_Reason="HOLD_FAILURE"),
        _order(**failed, reject_reason="HOLD_FAILURE"),
    )
    assert isinstance(first, OrderChange)
    assert (first.phase, first.reason) == (OrderPhase.REJECTED, "balance.insufficient")
    assert second == first


@pytest.mark.parametrize(
    "members",
    [
        {"order_type": "Market", "limit_price": ""},
        {"order_type": "Stop Limit", "stop_price": "65000"},
        {"order_type": "Something New"},
    ],
)
def test_other_orders_are_told_of_as_changes(adapter: CoinbaseAdapter, members: Any) -> None:
    (event,) = _told(adapter, _order(**members))
    assert isinstance(event, OrderChange)
    assert event.filled == Decimal("0.005")


def test_a_status_that_nobody_knows_changes_no_phase(adapter: CoinbaseAdapter) -> None:
    (event,) = _told(adapter, _order(status="UNKNOWN_ORDER_STATUS"))
    assert isinstance(event, OrderChange)
    assert event.phase is None


def test_orders_keep_the_name_of_the_product_that_they_were_placed_on(
    adapter: CoinbaseAdapter,
) -> None:
    alias, future = _order(product_id="BTC-USDC"), _order(product_id="BIT-24APR26-CDE")
    (event,) = _told(adapter, alias, future)
    assert isinstance(event, OrderEvent)
    assert event.order.symbol == "BTC/USDC"
