"""Advanced Trade, exactly at the edges: the listing, public data, streams."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import attrs
import pytest

from venuekit.model import (
    Candle,
    Instrument,
    Instruments,
    InstrumentsEvent,
    InstrumentStatus,
    ServiceState,
)
from venuekit.plugin import Acknowledged, Published
from venuekit_coinbase.adapter import CoinbaseAdapter

Ask = Callable[..., tuple[Any, Any]]
S = 1_000_000_000
T0_S = 1_780_000_200
"""On the grid of five minutes."""
PRODUCT: dict[str, Any] = {
    "product_id": "ETH-USD",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "base_min_size": "0.00000001",
    "base_max_size": "3400",
    "quote_min_size": "1",
    "quote_max_size": "150000000",
}
BAR = {"low": "1", "high": "4", "open": "2", "close": "3", "volume": "0.5"}


# The listing


def test_a_product_that_has_no_flags_trades(adapter: CoinbaseAdapter, ask: Ask) -> None:
    listing, _ = ask(adapter.fetch_listing(), {"products": [PRODUCT], "num_products": 1})
    (eth,) = listing.instruments.values()
    assert (eth.symbol, eth.status) == ("ETH/USD", InstrumentStatus.TRADING)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"product_type": "FUTURE"}, "type 'FUTURE'"),
        ({"product_id": "ETHUSD"}, "product id 'ETHUSD'"),
        ({"base_increment": "0"}, "increment of zero"),
        ({"quote_increment": "0.00"}, "increment of zero"),
        ({"base_min_size": "-1"}, "below zero"),
    ],
)
def test_a_product_that_is_left_out_says_why(
    adapter: CoinbaseAdapter, ask: Ask, members: dict[str, str], reason: str
) -> None:
    row = {**PRODUCT, **members}
    listing, _ = ask(adapter.fetch_listing(), {"products": [row], "num_products": 1})
    assert not listing.instruments
    assert reason in listing.skipped[row["product_id"]]


def test_a_listing_that_does_not_end_within_100_pages_is_refused(
    adapter: CoinbaseAdapter, ask: Ask
) -> None:
    pages = [
        {"products": [{**PRODUCT, "product_id": f"A{n}-USD"}], "num_products": 101}
        for n in range(100)
    ]
    with pytest.raises(ValueError, match="more than 100 pages"):
        ask(adapter.fetch_listing(), *pages)
    whole = [{**page, "num_products": 100} for page in pages]
    listing, calls = ask(adapter.fetch_listing(), *whole)
    assert (len(listing.instruments), len(calls)) == (100, 100)


def test_the_exchange_is_online_when_it_tells_the_time(adapter: CoinbaseAdapter, ask: Ask) -> None:
    status, (call,) = ask(adapter.fetch_status(), {"epochMillis": "1780000000123"})
    assert status.state is ServiceState.ONLINE
    assert call.request.path == "/api/v3/brokerage/time"
    with pytest.raises(ValueError, match="epochMillis"):
        ask(adapter.fetch_status(), {"iso": "2026-05-28T20:26:40Z"})


# Public data


@pytest.mark.parametrize(("limit", "asked"), [(1, "1"), (1000, "1000"), (1001, "1000")])
def test_one_to_a_thousand_trades_are_asked_for_at_once(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask, limit: int, asked: str
) -> None:
    rows = [
        {"trade_id": number, "price": "1", "size": "2", "time": "2026-05-28T20:26:40Z"}
        for number in ("8", "9", "10")
    ]
    told = {"trades": [{**row, "side": "SELL"} for row in rows]}
    trades, (call,) = ask(adapter.fetch_trades(btc, limit=limit), told)
    assert call.request.query == f"limit={asked}"
    assert [trade.trade_id for trade in trades] == ["8", "9", "10"][-limit:]


@pytest.mark.parametrize(("depth", "asked"), [(1, "1"), (1000, "1000"), (1001, "1000")])
def test_a_book_of_one_to_a_thousand_levels_is_asked_for(
    adapter: CoinbaseAdapter, btc: Instrument, depth: int, asked: str
) -> None:
    call = adapter.fetch_book(btc, depth=depth)
    assert parse_qsl(call.request.query) == [("product_id", "BTC-USD"), ("limit", asked)]


def test_no_trades_and_no_levels_are_not_asked_for(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    with pytest.raises(ValueError, match="limit=0: at least 1"):
        adapter.fetch_trades(btc, limit=0)
    with pytest.raises(ValueError, match="depth=0: at least 1"):
        adapter.fetch_book(btc, depth=0)


def _bars(*starts: int) -> dict[str, Any]:
    return {"candles": [{"start": str(start), **BAR} for start in starts]}


@pytest.mark.parametrize(("now_ns", "is_closed"), [(0, True), (-1, False)])
def test_a_candle_is_closed_from_the_very_moment_that_it_ends(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask, now_ns: int, is_closed: bool
) -> None:
    steps = adapter.fetch_candles(
        btc,
        "5m",
        since_ns=T0_S * S,
        until_ns=T0_S * S,
        limit=1,
        now_ns=(T0_S + 300) * S + now_ns,
    )
    (candle,), calls = ask(steps, _bars(T0_S))
    assert (candle.open_time_ns, candle.is_closed) == (T0_S * S, is_closed)
    assert len(calls) == 1


def test_one_candle_is_the_one_that_is_open_now(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    steps = adapter.fetch_candles(btc, "5m", since_ns=None, until_ns=None, limit=1, now_ns=T0_S * S)
    (candle,), (call,) = ask(steps, _bars(T0_S, T0_S - 300))
    assert (candle.open_time_ns, candle.is_closed) == (T0_S * S, False)
    assert dict(parse_qsl(call.request.query))["start"] == str(T0_S)


def test_nothing_more_is_asked_once_there_are_candles_enough(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    def asked(limit: int, *answers: Any) -> tuple[int, int]:
        steps = adapter.fetch_candles(
            btc,
            "5m",
            since_ns=T0_S * S,
            until_ns=None,
            limit=limit,
            now_ns=(T0_S + 400 * 300) * S,
        )
        candles, calls = ask(steps, *answers)
        return len(candles), len(calls)

    first = _bars(*(T0_S + n * 300 for n in range(350)))
    assert asked(350, first) == (350, 1)
    assert asked(351, first, _bars(T0_S + 350 * 300)) == (351, 2)


def test_candles_that_would_take_more_than_100_requests_are_refused(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    steps = adapter.fetch_candles(
        btc, "1m", since_ns=0, until_ns=None, limit=40_000, now_ns=35_000 * 60 * S
    )
    with pytest.raises(ValueError, match="more than 35000 bars"):
        ask(steps, *([_bars()] * 100))


def test_what_takes_100_requests_exactly_is_told(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    steps = adapter.fetch_candles(
        btc, "1m", since_ns=0, until_ns=None, limit=40_000, now_ns=34_999 * 60 * S
    )
    candles, calls = ask(steps, *([_bars()] * 99), _bars(34_999 * 60))
    assert ([candle.open_time_ns for candle in candles], len(calls)) == ([34_999 * 60 * S], 100)


@pytest.mark.parametrize("start", ["soon", "-60", "1.5", ""])
def test_a_candle_that_begins_at_no_second_is_none(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask, start: str
) -> None:
    steps = adapter.fetch_candles(btc, "5m", since_ns=None, until_ns=None, limit=1, now_ns=T0_S * S)
    with pytest.raises(ValueError, match="not a time in seconds"):
        ask(steps, {"candles": [{"start": start, **BAR}]})


# Streams


def test_only_the_account_s_connection_is_private(adapter: CoinbaseAdapter) -> None:
    assert {channel.name: channel.is_private for channel in adapter.channels()} == {
        "market": False,
        "aliases": False,
        "listing": False,
        "account": True,
    }


def test_a_frame_without_a_number_counts_nothing(adapter: CoinbaseAdapter) -> None:
    frame = json.dumps({"channel": "subscriptions", "events": []})
    assert list(adapter.read_frame("market", frame)) == [Acknowledged(request_id=None)]


@pytest.mark.parametrize(
    ("time", "is_closed"),
    [("2026-05-28T20:35:00Z", True), ("2026-05-28T20:34:59.999999999Z", False)],
)
def test_a_streamed_candle_is_closed_from_the_very_moment_that_it_ends(
    adapter: CoinbaseAdapter, time: str, is_closed: bool
) -> None:
    bar = {"start": str(T0_S), "product_id": "BTC-USD", **BAR}
    events = [{"type": "update", "candles": [bar]}]
    frame = json.dumps({"channel": "candles", "timestamp": time, "events": events})
    (told,) = adapter.read_frame("market", frame)
    assert isinstance(told, Published)
    assert isinstance(told.event, Candle)
    assert told.event.is_closed is is_closed


def test_a_product_that_comes_back_is_halted_until_the_listing_says_that_it_trades(
    adapter: CoinbaseAdapter, btc: Instrument
) -> None:
    gone = attrs.evolve(btc, status=InstrumentStatus.UNAVAILABLE)
    adapter.instruments = Instruments([gone])
    products = [{"id": "BTC-USD", "status": "online"}]
    frame = json.dumps({"channel": "status", "events": [{"type": "update", "products": products}]})
    for told in adapter.read_frame("market", frame):
        assert isinstance(told, Published)
        assert isinstance(told.event, InstrumentsEvent)
        assert [each.status for each in told.event.instruments] == [InstrumentStatus.HALTED]
        assert told.event.time_ns == 0
