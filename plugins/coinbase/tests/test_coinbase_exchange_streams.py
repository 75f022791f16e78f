"""Coinbase Exchange: public data and the feed, message by message."""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from venuekit.auth import Redactor, SecretKey
from venuekit.model import (
    BookChange,
    BookSnapshot,
    Fill,
    Instrument,
    InstrumentsEvent,
    InstrumentStatus,
    Liquidity,
    OrderChange,
    OrderEvent,
    OrderPhase,
    OrderType,
    Side,
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
from venuekit_coinbase.exchange.adapter import ExchangeAdapter

OID = "7d6a1f0e-2f5e-4a56-9c0b-7a2b5f0d3c11"
NOON_NS = 1_784_116_800_000_000_000
NOON = "2026-07-15T12:00:00.000000Z"
MINE = {"user_id": "me", "profile_id": "p"}
ROW = {
    "id": "BTC-USD",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "status": "online",
}
Ask = Callable[..., tuple[Any, Any]]


def _read(exchange: ExchangeAdapter, channel: str = "market", **message: Any) -> Sequence[Any]:
    return list(exchange.read_frame(channel, json.dumps(message)))


def _one(exchange: ExchangeAdapter, **message: Any) -> Any:
    (event,) = _read(exchange, "account", **{"product_id": "BTC-USD", **MINE, **message})
    assert isinstance(event, Published)
    assert event.key == "account"
    return event.event


# Public data over REST


def test_the_listing_has_increments_smallest_notional_and_status(exchange_btc: Instrument) -> None:
    assert (exchange_btc.symbol, exchange_btc.native) == ("BTC/USD", "BTC-USD")
    assert (exchange_btc.price.step, exchange_btc.quantity.step) == (
        Decimal("0.01"),
        Decimal("0.00000001"),
    )
    assert exchange_btc.notional.minimum == 1
    assert exchange_btc.max_open_orders == 500


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, InstrumentStatus.TRADING),
        ({"status": "offline"}, InstrumentStatus.HALTED),
        ({"status": "delisted"}, InstrumentStatus.UNAVAILABLE),
        ({"trading_disabled": True}, InstrumentStatus.HALTED),
        ({"cancel_only": True}, InstrumentStatus.CANCEL_ONLY),
        ({"auction_mode": True}, InstrumentStatus.HALTED),
        ({"limit_only": True, "post_only": True}, InstrumentStatus.TRADING),
    ],
)
def test_a_product_s_flags_say_whether_it_trades(
    exchange: ExchangeAdapter, ask: Ask, changes: dict[str, Any], status: InstrumentStatus
) -> None:
    listing, _ = ask(exchange.fetch_listing(), [{**ROW, **changes}])
    assert listing.instruments["BTC/USD"].status is status


def test_a_product_that_cannot_be_understood_is_skipped_and_said(
    exchange: ExchangeAdapter, ask: Ask
) -> None:
    broken = {**ROW, "id": "X-Y", "base_increment": "0"}
    listing, _ = ask(exchange.fetch_listing(), [ROW, broken, "what"])
    assert list(listing.instruments) == ["BTC/USD"]
    assert set(listing.skipped) == {"X-Y", "what"}


def test_the_clock_has_a_fraction(exchange: ExchangeAdapter, ask: Ask) -> None:
    time_ns, _ = ask(exchange.fetch_time(), '{"iso":"x","epoch":1420674445.201}')
    assert time_ns == 1_420_674_445_201_000_000


def test_a_trade_s_side_is_turned_from_the_maker_s_to_the_taker_s(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    rows = [
        {"trade_id": 74, "price": "10", "size": "0.01", "side": "sell", "time": NOON},
        {"trade_id": 73, "price": "11", "size": "0.02", "side": "buy", "time": NOON},
    ]
    trades, _ = ask(exchange.fetch_trades(exchange_btc, limit=100), rows)
    assert [(trade.trade_id, trade.side) for trade in trades] == [
        ("73", Side.SELL),
        ("74", Side.BUY),
    ]


def test_candles_are_read_in_coinbase_s_order_of_columns_with_their_digits(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    steps = exchange.fetch_candles(
        exchange_btc,
        "1m",
        since_ns=NOON_NS - 120 * 10**9,
        until_ns=None,
        limit=10,
        now_ns=NOON_NS + 1,
    )
    noon = NOON_NS // 10**9
    body = (
        f"[[{noon},0.32,4.2,0.35,4.1,12.3],[{noon - 60},1,3,2,2.5,0.10000000000000000001],"
        f"[{noon - 999960},1,1,1,1,1]]"
    )
    candles, (call,) = ask(steps, body)
    assert [(c.open, c.high, c.low, c.close, c.is_closed) for c in candles] == [
        (Decimal(2), Decimal(3), Decimal(1), Decimal("2.5"), True),
        (Decimal("0.35"), Decimal("4.2"), Decimal("0.32"), Decimal("4.1"), False),
    ]
    assert candles[0].volume == Decimal("0.10000000000000000001")
    assert "granularity=60" in call.request.query


def test_a_long_span_of_candles_is_asked_for_300_at_a_time(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    steps = exchange.fetch_candles(
        exchange_btc,
        "1h",
        since_ns=NOON_NS - 700 * 3600 * 10**9,
        until_ns=None,
        limit=1000,
        now_ns=NOON_NS,
    )
    _, calls = ask(steps, "[]", "[]", "[]")
    assert len(calls) == 3


def test_a_book_is_cut_to_the_depth_that_was_asked_for(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    book = {
        "sequence": 3,
        "bids": [["295.96", "4.39", 2], ["295.95", "1", 1]],
        "asks": [["295.97", "25.23", 12], ["296", "1", 1]],
    }
    read, (call,) = ask(exchange.fetch_book(exchange_btc, depth=1), book)
    assert read.bids == ((Decimal("295.96"), Decimal("4.39")),)
    assert read.update_id == 3
    assert call.request.query == "level=1"


def test_tickers_take_a_request_each(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    row = {
        "trade_id": 86326522,
        "price": "6268.48",
        "size": "0.00698254",
        "time": NOON,
        "bid": "6265.15",
        "ask": "6267.71",
        "volume": "53602.03940154",
    }
    (ticker,), calls = ask(exchange.fetch_tickers([exchange_btc]), row)
    assert (ticker.last, ticker.bid) == (Decimal("6268.48"), Decimal("6265.15"))
    assert len(calls) == 1
    tickers, calls = ask(exchange.fetch_tickers(None), row, row)
    assert [ticker.symbol for ticker in tickers] == ["BTC/USD", "ETH/USD"]


def test_balances_and_fees_are_read(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    rows = [
        {"id": "1", "currency": "BTC", "balance": "1.100", "available": "1.00", "hold": "0.100"},
        {"id": "2", "currency": "EUR", "balance": "0", "available": "0", "hold": "0"},
    ]
    (balance,), _ = ask(exchange.fetch_balances(), rows)
    assert (balance.asset, balance.free, balance.locked) == ("BTC", 1, Decimal("0.1"))
    fees = {"maker_fee_rate": "0.0050", "taker_fee_rate": "0.0060", "usd_volume": "1"}
    rates, _ = ask(exchange.fetch_fees(exchange_btc), fees)
    assert (rates.maker, rates.taker) == (Decimal("0.005"), Decimal("0.006"))


# Subscribing


def test_one_message_subscribes_to_many_channels_and_their_heartbeats(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    eth = exchange.instruments["ETH/USD"]
    wanted = [
        Subscription(Topic.BOOK, exchange_btc),
        Subscription(Topic.TRADES, exchange_btc),
        Subscription(Topic.TRADES, eth),
        Subscription(Topic.INSTRUMENTS),
    ]
    message = json.loads(exchange.subscribe(wanted, 1, None))
    assert message == {
        "type": "subscribe",
        "channels": [
            {"name": "heartbeat", "product_ids": ["BTC-USD", "ETH-USD"]},
            {"name": "level2_batch", "product_ids": ["BTC-USD"]},
            {"name": "matches", "product_ids": ["BTC-USD", "ETH-USD"]},
            {"name": "status"},
        ],
    }
    ending = json.loads(exchange.unsubscribe(wanted[:1], 2, None))
    assert ending == {
        "type": "unsubscribe",
        "channels": [{"name": "level2_batch", "product_ids": ["BTC-USD"]}],
    }


def test_the_account_is_followed_on_all_products(exchange: ExchangeAdapter) -> None:
    key = SecretKey(
        api_key="k",
        algorithm="hmac-sha256",
        secret="AAECAwQFBgc=",
        passphrase="open sesame",
        redactor=Redactor(),
    )
    access = Access(key=key, stamp=Stamp(time_ns=NOON_NS))
    message = json.loads(exchange.subscribe([Subscription(Topic.ACCOUNT)], 1, access))
    assert message["channels"] == [
        {"name": "heartbeat", "product_ids": ["BTC-USD"]},
        {"name": "user", "product_ids": ["BTC-USD", "ETH-USD"]},
    ]
    with pytest.raises(ValueError, match="needs a key"):
        exchange.subscribe([Subscription(Topic.ACCOUNT)], 1, None)


def test_what_is_not_streamed_is_refused(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    for topic in (Topic.CANDLES, Topic.BEST_PRICE, Topic.AGGREGATE_TRADES):
        with pytest.raises(ValueError, match="streams no"):
            exchange.channel_of(Subscription(topic, exchange_btc, "1m"))
    with pytest.raises(ValueError, match="streams no"):
        exchange.channel_of(Subscription(Topic.TRADES))


def test_answers_name_no_request(exchange: ExchangeAdapter) -> None:
    assert _read(exchange, type="subscriptions", channels=[]) == [Acknowledged(request_id=None)]
    (refused,) = _read(
        exchange,
        type="error",
        message="Failed to subscribe",
        reason="level2, level3, and full channels now require authentication",
    )
    assert isinstance(refused, Refused)
    assert refused.text.startswith("Failed to subscribe: level2")


# Market data


def test_a_match_tells_the_maker_s_side_and_a_trade_the_taker_s(
    exchange: ExchangeAdapter,
) -> None:
    # Recorded 2021-04-17: the ticker of the same trade says `buy`.
    numbered, published = _read(
        exchange,
        type="match",
        trade_id=881613,
        maker_order_id="m",
        taker_order_id="t",
        side="sell",
        size="0.1",
        price="60000",
        product_id="BTC-USD",
        sequence=50,
        time=NOON,
    )
    assert numbered == Numbered(number=881613, key="matches BTC/USD")
    trade = published.event
    assert isinstance(trade, Trade)
    assert (trade.side, trade.trade_id, trade.time_ns) == (Side.BUY, "881613", NOON_NS)


def test_the_trade_before_the_subscription_only_begins_the_count(
    exchange: ExchangeAdapter,
) -> None:
    events = _read(
        exchange,
        type="last_match",
        trade_id=10,
        side="buy",
        size="0.1",
        price="60000",
        product_id="BTC-USD",
        time=NOON,
    )
    assert events == [Numbered(number=10, key="matches BTC/USD")]


def test_a_heartbeat_tells_of_matches_that_never_came(exchange: ExchangeAdapter) -> None:
    events = _read(
        exchange,
        type="heartbeat",
        sequence=90,
        last_trade_id=12,
        product_id="BTC-USD",
        time=NOON,
    )
    assert events == [Numbered(number=12, key="matches BTC/USD", is_told=True)]


def test_a_book_comes_whole_and_then_in_changes(exchange: ExchangeAdapter) -> None:
    (snapshot,) = _read(
        exchange,
        type="snapshot",
        product_id="BTC-USD",
        bids=[["10101.10", "0.45"], ["10102", "1"]],
        asks=[["10105", "2"], ["10103.55", "0.5"]],
    )
    assert isinstance(snapshot.event, BookSnapshot)
    assert [price for price, _ in snapshot.event.bids] == [Decimal(10102), Decimal("10101.10")]
    assert [price for price, _ in snapshot.event.asks] == [Decimal("10103.55"), Decimal(10105)]
    (change,) = _read(
        exchange,
        type="l2update",
        product_id="BTC-USD",
        time=NOON,
        changes=[["buy", "10101.80", "0.16"], ["sell", "10103.55", "0"]],
    )
    assert isinstance(change.event, BookChange)
    assert change.key == snapshot.key == "level2_batch BTC/USD"
    assert change.event.asks == ((Decimal("10103.55"), Decimal(0)),)


def test_a_change_of_neither_side_is_no_change(exchange: ExchangeAdapter) -> None:
    with pytest.raises(ValueError, match="no side"):
        _read(exchange, type="l2update", product_id="BTC-USD", changes=[["bid", "1", "1"]])


def test_a_ticker_has_the_best_prices(exchange: ExchangeAdapter) -> None:
    (published,) = _read(
        exchange,
        type="ticker",
        sequence=1,
        product_id="BTC-USD",
        price="10",
        open_24h="9",
        volume_24h="5",
        low_24h="8",
        high_24h="11",
        best_bid="9.9",
        best_bid_size="1",
        best_ask="10.1",
        best_ask_size="2",
        side="buy",
        time=NOON,
        trade_id=1,
        last_size="1",
    )
    ticker = published.event
    assert isinstance(ticker, Ticker)
    assert (ticker.open, ticker.bid_quantity) == (Decimal(9), Decimal(1))
    assert ticker.time_ns == NOON_NS


def test_the_listing_is_streamed_for_all_products_and_for_each(
    exchange: ExchangeAdapter,
) -> None:
    message: dict[str, Any] = {"products": [{**ROW, "cancel_only": True}], "currencies": []}
    both = _read(exchange, type="status", **message)
    assert [event.key for event in both] == ["status", "status BTC/USD"]
    told = both[0].event
    assert isinstance(told, InstrumentsEvent)
    assert told.instruments[0].status is InstrumentStatus.CANCEL_ONLY
    # What the feed left out stays.
    assert told.instruments[0].notional.minimum == 1


def test_messages_of_unknown_types_mean_nothing(exchange: ExchangeAdapter) -> None:
    assert _read(exchange, type="auction", product_id="BTC-USD") == []
    assert _read(exchange, "account", type="received", product_id="NEW-USD", order_id="o") == []
    with pytest.raises(ValueError, match="no object"):
        exchange.read_frame("market", "[]")


# The account


def test_an_order_that_was_taken_is_told_of_whole(exchange: ExchangeAdapter) -> None:
    event = _one(
        exchange,
        type="received",
        time=NOON,
        order_id="o1",
        client_oid=OID,
        size="1.34",
        price="502.1",
        side="buy",
        order_type="limit",
    )
    assert isinstance(event, OrderEvent)
    order = event.order
    assert (order.phase, order.client_order_id, order.quantity) == (
        OrderPhase.OPEN,
        OID,
        Decimal("1.34"),
    )
    by_funds = _one(
        exchange, type="received", order_id="o2", funds="30.23", side="buy", order_type="market"
    )
    assert (by_funds.order.type, by_funds.order.quote_quantity) == (
        OrderType.MARKET,
        Decimal("30.23"),
    )


@pytest.mark.parametrize(
    ("message", "phase"),
    [
        ({"type": "open", "remaining_size": "1"}, OrderPhase.OPEN),
        ({"type": "activate", "stop_type": "entry", "stop_price": "80"}, OrderPhase.OPEN),
        ({"type": "done", "reason": "filled", "remaining_size": "0"}, OrderPhase.FILLED),
        ({"type": "done", "reason": "canceled", "remaining_size": "1"}, OrderPhase.CANCELED),
        ({"type": "done", "reason": "something new"}, OrderPhase.CANCELED),
        ({"type": "change", "new_size": "5", "old_size": "12"}, None),
    ],
)
def test_every_step_of_an_order_is_told_of(
    exchange: ExchangeAdapter, message: dict[str, Any], phase: OrderPhase | None
) -> None:
    change = _one(exchange, order_id="o1", side="sell", time=NOON, **message)
    assert isinstance(change, OrderChange)
    assert (change.exchange_order_id, change.phase, change.updated_ns) == ("o1", phase, NOON_NS)


def _matched(exchange: ExchangeAdapter, **users: str) -> list[Fill]:
    message = {
        "type": "match",
        "trade_id": 10,
        "maker_order_id": "maker",
        "taker_order_id": "taker",
        "side": "sell",
        "size": "5.23512",
        "price": "400.23",
        "product_id": "BTC-USD",
        "time": NOON,
        **users,
    }
    return [event.event.fill for event in _read(exchange, "account", **message)]


def test_a_match_is_a_fill_of_the_side_that_is_ours(exchange: ExchangeAdapter) -> None:
    (taken,) = _matched(exchange, user_id="me", taker_user_id="me")
    assert (taken.exchange_order_id, taken.side, taken.liquidity) == (
        "taker",
        Side.BUY,
        Liquidity.TAKER,
    )
    (made,) = _matched(exchange, user_id="me", maker_user_id="me")
    assert (made.exchange_order_id, made.side, made.liquidity) == (
        "maker",
        Side.SELL,
        Liquidity.MAKER,
    )


def test_a_match_that_does_not_say_whose_it_is_counts_for_whichever_order_is_known(
    exchange: ExchangeAdapter,
) -> None:
    fills = _matched(exchange, **MINE)
    assert {fill.exchange_order_id for fill in fills} == {"maker", "taker"}
