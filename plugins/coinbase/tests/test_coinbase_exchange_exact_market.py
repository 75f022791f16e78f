"""Coinbase Exchange, exactly at the edges: the listing, public data, connections."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from venuekit.model import Instrument, InstrumentsEvent, ServiceState
from venuekit.plugin import BookRule, Published, Subscription, Topic
from venuekit_coinbase.exchange.adapter import ExchangeAdapter

Ask = Callable[..., tuple[Any, Any]]
S = 1_000_000_000
NOON_S = 1_784_116_800
NOON = "2026-07-15T12:00:00Z"
PRODUCT = {"id": "SOL-USD", "base_increment": "0.001", "quote_increment": "0.01"}


# The listing and the clock


def test_the_exchange_is_online_when_it_tells_the_time(exchange: ExchangeAdapter, ask: Ask) -> None:
    status, (call,) = ask(exchange.fetch_status(), {"iso": NOON, "epoch": 1784116800.5})
    assert status.state is ServiceState.ONLINE
    assert call.request.path == "/time"
    for told in ({"iso": NOON}, [1784116800.5]):
        with pytest.raises(ValueError, match="without the time"):
            ask(exchange.fetch_status(), told)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"id": "SOLUSD"}, "product id 'SOLUSD'"),
        ({"base_increment": "0"}, "increment of zero"),
        ({"quote_increment": "0.00"}, "increment of zero"),
        ({"min_market_funds": "-1"}, "below zero"),
    ],
)
def test_a_product_that_is_left_out_says_why(
    exchange: ExchangeAdapter, ask: Ask, members: dict[str, str], reason: str
) -> None:
    row = {**PRODUCT, **members}
    listing, _ = ask(exchange.fetch_listing(), [row, {**PRODUCT, "id": "ADA-USD"}])
    assert list(listing.instruments) == ["ADA/USD"]
    assert reason in listing.skipped[row["id"]]


def test_the_smallest_funds_hold_for_market_orders_too(exchange_btc: Instrument) -> None:
    assert exchange_btc.notional.minimum == 1
    assert exchange_btc.notional.minimum_for_market is True


def test_of_two_products_with_one_name_the_first_is_listed(
    exchange: ExchangeAdapter, ask: Ask
) -> None:
    rows = [PRODUCT, {**PRODUCT, "base_increment": "1"}]
    listing, _ = ask(exchange.fetch_listing(), rows)
    (sol,) = listing.instruments.values()
    assert str(sol.quantity.step) == "0.001"
    assert listing.skipped == {"SOL-USD": "another product is SOL/USD already"}


def test_a_listing_that_is_no_list_is_none(exchange: ExchangeAdapter, ask: Ask) -> None:
    with pytest.raises(ValueError, match="no list"):
        ask(exchange.fetch_listing(), {"products": []})
    listing, _ = ask(exchange.fetch_listing(), ["SOL-USD"])
    assert (len(listing.instruments), list(listing.skipped)) == (0, ["SOL-USD"])


# Public data


@pytest.mark.parametrize(("limit", "asked"), [(1, "1"), (1000, "1000"), (1001, "1000")])
def test_one_to_a_thousand_trades_are_asked_for_at_once(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask, limit: int, asked: str
) -> None:
    rows = [
        {"trade_id": number, "price": "10", "size": "1", "side": "sell", "time": NOON}
        for number in (10, 9, 8)
    ]
    trades, (call,) = ask(exchange.fetch_trades(exchange_btc, limit=limit), rows)
    assert call.request.query == f"limit={asked}"
    assert [trade.trade_id for trade in trades] == ["8", "9", "10"][-limit:]


def test_no_trades_no_levels_and_no_tickers_are_not_asked_for(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    with pytest.raises(ValueError, match="limit=0: at least 1"):
        exchange.fetch_trades(exchange_btc, limit=0)
    with pytest.raises(ValueError, match="depth=0: at least 1"):
        exchange.fetch_book(exchange_btc, depth=0)
    with pytest.raises(ValueError, match="no instruments"):
        ask(exchange.fetch_tickers([]))


@pytest.mark.parametrize(("depth", "level"), [(1, "1"), (2, "2"), (3, "2")])
def test_the_best_level_alone_is_asked_for_where_it_is_enough(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask, depth: int, level: str
) -> None:
    rows = [[str(price), "1", 1] for price in (3, 2, 1)]
    told = {"bids": rows, "asks": rows[::-1]}
    book, (call,) = ask(exchange.fetch_book(exchange_btc, depth=depth), told)
    assert call.request.query == f"level={level}"
    assert (len(book.bids), len(book.asks)) == (depth, depth)


@pytest.mark.parametrize("row", [["295.96"], []])
def test_a_level_without_a_size_is_none(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask, row: list[str]
) -> None:
    with pytest.raises(ValueError, match="no pair of price and size"):
        ask(exchange.fetch_book(exchange_btc, depth=1), {"bids": [row], "asks": []})


def _candles(
    exchange: ExchangeAdapter, exchange_btc: Instrument, interval: str = "1m", **given: Any
) -> Any:
    span = {"since_ns": None, "until_ns": None, "limit": 1, "now_ns": NOON_S * S, **given}
    return exchange.fetch_candles(exchange_btc, interval, **span)


def _bars(*starts: int) -> list[Any]:
    return [[start, 1, 4, 2, 3, 5] for start in reversed(starts)]


@pytest.mark.parametrize(("late_ns", "is_closed"), [(0, True), (-1, False)])
def test_a_candle_is_closed_from_the_very_moment_that_it_ends(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask, late_ns: int, is_closed: bool
) -> None:
    at_ns = NOON_S * S
    steps = _candles(
        exchange,
        exchange_btc,
        since_ns=at_ns,
        until_ns=at_ns,
        now_ns=at_ns + 60 * S + late_ns,
    )
    (candle,), calls = ask(steps, _bars(NOON_S))
    assert (candle.open_time_ns, candle.is_closed) == (at_ns, is_closed)
    assert len(calls) == 1


def test_what_takes_100_requests_exactly_is_told(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    first_s = NOON_S - 29_999 * 60
    steps = _candles(exchange, exchange_btc, since_ns=first_s * S, limit=40_000)
    candles, calls = ask(steps, *([_bars()] * 99), _bars(NOON_S))
    assert ([candle.open_time_ns for candle in candles], len(calls)) == ([NOON_S * S], 100)


def test_one_candle_is_the_one_that_is_open_now(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    (candle,), _ = ask(_candles(exchange, exchange_btc), _bars(NOON_S - 60, NOON_S))
    assert (candle.open_time_ns, candle.is_closed) == (NOON_S * S, False)


def test_nothing_more_is_asked_once_there_are_candles_enough(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    def asked(limit: int, *answers: Any) -> tuple[int, int]:
        first_s = NOON_S - 400 * 60
        steps = _candles(exchange, exchange_btc, since_ns=first_s * S, limit=limit)
        candles, calls = ask(steps, *answers)
        return len(candles), len(calls)

    starts = [NOON_S - 400 * 60 + n * 60 for n in range(301)]
    assert asked(300, _bars(*starts[:300])) == (300, 1)
    assert asked(301, _bars(*starts[:300]), _bars(starts[300])) == (301, 2)


@pytest.mark.parametrize(
    ("interval", "given", "message"),
    [
        ("3m", {}, "allowed: 1m, 5m"),
        ("1m", {"limit": 0}, "empty span"),
        ("1m", {"since_ns": 2, "until_ns": 1}, "empty span"),
    ],
)
def test_other_intervals_and_empty_spans_are_refused(
    exchange: ExchangeAdapter,
    exchange_btc: Instrument,
    ask: Ask,
    interval: str,
    given: dict[str, int],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        ask(_candles(exchange, exchange_btc, interval, **given))


def test_candles_that_would_take_more_than_100_requests_are_refused(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    steps = _candles(exchange, exchange_btc, since_ns=0, limit=40_000, now_ns=30_000 * 60 * S)
    with pytest.raises(ValueError, match="more than 30000 bars"):
        ask(steps, *([[]] * 100))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"candles": []}, "no list of lists"),
        ([{"time": NOON_S}], "no list of lists"),
        ([[NOON_S, "1", 4, 2, 3, 5]], "'1' where a number belongs"),
        ([[NOON_S, 1, 4, 2, None, 5]], "'None' where a number belongs"),
        ([[NOON_S, 1, True, 2, 3, 5]], "'True' where a number belongs"),
        ([[NOON_S, 1, 4, 2, 3, -5]], "below zero"),
        ([[NOON_S, 1, 4, 2, 3]], "not enough values"),
    ],
)
def test_a_candle_that_is_not_six_numbers_is_none(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask, told: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ask(_candles(exchange, exchange_btc), told)


# Connections


def test_only_the_account_s_connection_is_private(exchange: ExchangeAdapter) -> None:
    assert {channel.name: channel.is_private for channel in exchange.channels()} == {
        "market": False,
        "account": True,
    }


def test_a_subscription_is_named_as_its_messages_are(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    for subscription, key in (
        (Subscription(Topic.ACCOUNT), "account"),
        (Subscription(Topic.INSTRUMENTS), "status"),
        (Subscription(Topic.INSTRUMENTS, exchange_btc), "status BTC/USD"),
        (Subscription(Topic.TRADES, exchange_btc), "matches BTC/USD"),
        (Subscription(Topic.TICKER, exchange_btc), "ticker BTC/USD"),
        (Subscription(Topic.BOOK, exchange_btc), "level2_batch BTC/USD"),
    ):
        assert exchange.key_of(subscription) == key


def test_the_feed_s_listing_is_all_that_there_is(exchange: ExchangeAdapter) -> None:
    frame = json.dumps({"type": "status", "products": [PRODUCT, {**PRODUCT, "id": "BTC-USD"}]})
    told = list(exchange.read_frame("market", frame))
    assert len(told) == 3
    for each in told:
        assert isinstance(each, Published)
        assert isinstance(each.event, InstrumentsEvent)
        assert each.event.is_snapshot is True


def test_books_come_whole_by_the_feed_and_are_not_asked_for(exchange: ExchangeAdapter) -> None:
    keeping = exchange.book_keeping()
    assert keeping.rule is BookRule.CONNECTION
    assert keeping.snapshot_by_rest is False


@pytest.mark.parametrize(
    ("message", "fault"),
    [([], "no object"), ("match", "no object"), ({}, "no text"), ({"type": 5}, "no text")],
)
def test_a_message_that_says_no_type_is_not_guessed(
    exchange: ExchangeAdapter, message: Any, fault: str
) -> None:
    for channel in ("market", "account"):
        with pytest.raises(ValueError, match=fault):
            exchange.read_frame(channel, json.dumps(message))
