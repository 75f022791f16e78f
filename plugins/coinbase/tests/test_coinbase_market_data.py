"""Listing, clock, candles, books, trades and tickers."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from venuekit.model import Grid, Instrument, InstrumentStatus, NotionalRule, Side
from venuekit.plugin import Dedupe
from venuekit_coinbase.adapter import CoinbaseAdapter
from venuekit_coinbase.instruments import ALIAS
from venuekit_coinbase.manifest import MANIFEST

Ask = Callable[..., tuple[Any, Any]]
S = 1_000_000_000
T0_S = 1_780_000_200
"""A moment at which five-minute bars begin."""


def _product(**members: Any) -> dict[str, Any]:
    return {
        "product_id": "ETH-USD",
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "price_increment": "",
        "base_min_size": "0.0001",
        "base_max_size": "50000",
        "quote_min_size": "1",
        "quote_max_size": "150000000",
        "base_currency_id": "ETH",
        "quote_currency_id": "USD",
        "status": "online",
        "product_type": "SPOT",
        **members,
    }


def test_the_manifest_is_in_order() -> None:
    assert MANIFEST.faults() == []
    assert set(MANIFEST.environments) == {"live", "sim"}
    # A placement may be repeated: the same id gives the first order, or is refused.
    assert MANIFEST.client_order_id.dedupe is Dedupe.FOREVER


def test_products_become_instruments_with_their_increments(adapter: CoinbaseAdapter) -> None:
    btc = adapter.instruments["BTC/USD"]
    assert (btc.native, btc.base, btc.quote) == ("BTC-USD", "BTC", "USD")
    assert btc.price == Grid(step=Decimal("0.01"))
    assert btc.quantity == Grid(
        step=Decimal("0.00000001"), minimum=Decimal("0.00000001"), maximum=Decimal(3400)
    )
    assert btc.notional == NotionalRule(
        minimum=Decimal(1), maximum=Decimal(150_000_000), minimum_for_market=True
    )
    assert btc.status is InstrumentStatus.TRADING


def test_the_books_in_usd_and_usdc_are_instruments_of_their_own(adapter: CoinbaseAdapter) -> None:
    usdc = adapter.instruments["BTC/USDC"]
    assert (usdc.native, usdc.quote, usdc.limits[ALIAS]) == ("BTC-USDC", "USDC", "BTC-USD")
    assert ALIAS not in adapter.instruments["BTC/USD"].limits


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"trading_disabled": True}, InstrumentStatus.HALTED),
        ({"status": "offline"}, InstrumentStatus.HALTED),
        ({"auction_mode": True}, InstrumentStatus.HALTED),
        ({"cancel_only": True}, InstrumentStatus.CANCEL_ONLY),
        ({"status": "delisted"}, InstrumentStatus.UNAVAILABLE),
        ({"is_disabled": True}, InstrumentStatus.UNAVAILABLE),
        ({"view_only": True}, InstrumentStatus.UNAVAILABLE),
        ({"limit_only": True, "post_only": True}, InstrumentStatus.TRADING),
    ],
)
def test_the_flags_of_a_product_are_its_status(
    adapter: CoinbaseAdapter, ask: Ask, members: Any, status: InstrumentStatus
) -> None:
    listing, _ = ask(adapter.fetch_listing(), {"products": [_product(**members)]})
    assert listing.instruments["ETH/USD"].status is status
    assert listing.instruments["ETH/USD"].price.step == Decimal("0.01")


def test_the_listing_is_asked_for_until_it_is_whole_and_reports_what_it_leaves_out(
    adapter: CoinbaseAdapter, ask: Ask
) -> None:
    bad = _product(product_id="SOL-USD", base_increment="NaN")
    odd = _product(product_id="A/../B")
    listing, (first, second) = ask(
        adapter.fetch_listing(),
        {"products": [_product(), bad], "num_products": 3},
        {"products": [odd], "num_products": 3},
    )
    assert first.request.path == "/api/v3/brokerage/market/products"
    assert parse_qsl(first.request.query) == [("product_type", "SPOT")]
    assert parse_qsl(second.request.query) == [("product_type", "SPOT"), ("offset", "2")]
    assert list(listing.instruments) == ["ETH/USD"]
    assert set(listing.skipped) == {"SOL-USD", "A/../B"}


def test_the_clock_is_asked_past_the_cache(adapter: CoinbaseAdapter, ask: Ask) -> None:
    told = {"iso": "2026-05-28T20:26:40Z", "epochSeconds": "1", "epochMillis": "1780000000123"}
    time_ns, (call,) = ask(adapter.fetch_time(), told)
    assert time_ns == 1_780_000_000_123 * 1_000_000
    assert call.request.headers == {"Cache-Control": "no-cache"}
    assert not call.is_signed


def _bar(start_s: int) -> dict[str, str]:
    return {
        "start": str(start_s),
        "low": "1",
        "high": "4",
        "open": "2",
        "close": "3",
        "volume": "0.5",
    }


def test_candles_come_350_at_a_time_oldest_first_and_the_last_one_is_open(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    now_ns = (T0_S + 400 * 300 + 7) * S
    steps = adapter.fetch_candles(
        btc, "5m", since_ns=T0_S * S - 1, until_ns=None, limit=1000, now_ns=now_ns
    )
    starts = [T0_S + n * 300 for n in range(401)]
    first_bars = [_bar(start) for start in reversed(starts[:350])]
    second_bars = [_bar(start) for start in reversed(starts[350:])]
    candles, (first, second) = ask(steps, {"candles": first_bars}, {"candles": second_bars})
    assert [candle.open_time_ns for candle in candles] == [start * S for start in starts]
    assert [candle.is_closed for candle in candles[-2:]] == [True, False]
    assert parse_qsl(first.request.query) == [
        ("start", str(T0_S)),
        ("end", str(T0_S + 349 * 300)),
        ("granularity", "FIVE_MINUTE"),
        ("limit", "350"),
    ]
    assert dict(parse_qsl(second.request.query))["start"] == str(T0_S + 350 * 300)


def test_without_bounds_the_newest_candles_come(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    now_ns = (T0_S + 7) * S
    steps = adapter.fetch_candles(btc, "5m", since_ns=None, until_ns=None, limit=2, now_ns=now_ns)
    candles, (call,) = ask(steps, {"candles": [_bar(T0_S), _bar(T0_S - 300)]})
    assert [candle.open_time_ns for candle in candles] == [(T0_S - 300) * S, T0_S * S]
    assert dict(parse_qsl(call.request.query))["start"] == str(T0_S - 300)


def test_other_intervals_and_empty_spans_are_refused(
    adapter: CoinbaseAdapter, btc: Instrument, ask: Ask
) -> None:
    for interval, since_ns, until_ns, limit in (
        ("3m", None, None, 1),
        ("5m", 2, 1, 1),
        ("5m", None, None, 0),
    ):
        with pytest.raises(ValueError, match=r"allowed|empty span"):
            ask(
                adapter.fetch_candles(
                    btc, interval, since_ns=since_ns, until_ns=until_ns, limit=limit, now_ns=S
                )
            )


def test_a_book_is_read_level_by_level(adapter: CoinbaseAdapter, btc: Instrument, ask: Ask) -> None:
    told = {
        "pricebook": {
            "product_id": "BTC-USD",
            "bids": [{"price": "1.10", "size": "2"}],
            "asks": [{"price": "1.20", "size": "3"}],
            "time": "2026-05-28T20:26:40.5Z",
        },
        "last": "1.1",
    }
    book, (call,) = ask(adapter.fetch_book(btc, depth=5), told)
    assert book.bids == ((Decimal("1.10"), Decimal(2)),)
    assert book.asks == ((Decimal("1.20"), Decimal(3)),)
    assert book.time_ns == 1_780_000_000 * S + S // 2
    assert parse_qsl(call.request.query) == [("product_id", "BTC-USD"), ("limit", "5")]


def test_trades_have_the_taker_s_side_though_the_wire_has_the_maker_s(
    adapter: CoinbaseAdapter, ask: Ask
) -> None:
    usdc = adapter.instruments["BTC/USDC"]
    rows = [
        {
            "trade_id": str(number),
            "product_id": "BTC-USD",
            "price": "64000",
            "size": "0.1",
            "time": "2026-05-28T20:26:40Z",
            "side": "BUY",
            "bid": "",
            "ask": "",
        }
        for number in (100, 99)
    ]
    trades, (call,) = ask(adapter.fetch_trades(usdc, limit=2), {"trades": rows, "best_bid": ""})
    assert [(trade.trade_id, trade.side) for trade in trades] == [
        ("99", Side.SELL),
        ("100", Side.SELL),
    ]
    assert {trade.symbol for trade in trades} == {"BTC/USDC"}
    assert call.request.path.endswith("/market/products/BTC-USDC/ticker")


def test_tickers_tell_what_the_products_tell(adapter: CoinbaseAdapter, ask: Ask) -> None:
    told = {
        "products": [
            {
                "product_id": "BTC-USD",
                "price": "64000.01",
                "volume_24h": "8123.5",
                "best_bid_price": "",
                "best_ask_price": "64000.02",
            },
            {"product_id": "NEW-USD", "price": "1"},
        ]
    }
    (ticker,), _ = ask(adapter.fetch_tickers(None), told)
    assert (ticker.symbol, ticker.last, ticker.bid) == ("BTC/USD", Decimal("64000.01"), None)
    assert (ticker.ask, ticker.volume) == (Decimal("64000.02"), Decimal("8123.5"))
    btc = adapter.instruments["BTC/USD"]
    _, (call,) = ask(adapter.fetch_tickers([btc]), told)
    assert parse_qsl(call.request.query)[-1] == ("product_ids", "BTC-USD")
    with pytest.raises(ValueError, match="no instruments"):
        adapter.fetch_tickers([])
