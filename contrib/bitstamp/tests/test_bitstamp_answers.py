"""Answers as Bitstamp's documents show them, read into models, and requests as they want them."""

import json
from collections.abc import Generator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import attrs
import pytest

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Instrument,
    InstrumentStatus,
    OrderPhase,
    OrderRef,
    OrderRequest,
    OrderType,
    Side,
    Symbol,
    TimeInForce,
    limit_buy,
    limit_sell,
    market_buy,
    market_sell,
)
from venuekit.plugin import Answer, Call, CallKind
from venuekit_bitstamp.streams import Adapter

S = 10**9
NOW_NS = 1_767_225_600 * S
MARKETS = [
    {
        "name": "BTC/USD",
        "market_symbol": "btcusd",
        "base_currency": "BTC",
        "base_decimals": 8,
        "counter_currency": "USD",
        "counter_decimals": 0,
        "minimum_order_value": "10",
        "maximum_order_value": "500000",
        "minimum_order_amount": "0.00010000",
        "maximum_order_amount": "10.00000000",
        "trading": "Enabled",
        "market_type": "SPOT",
    },
    {
        "name": "ETH/USDT",
        "market_symbol": "ethusdt",
        "base_currency": "ETH",
        "base_decimals": 8,
        "counter_currency": "USDT",
        "counter_decimals": 2,
        "minimum_order_value": "10",
        "trading": "Disabled",
        "market_type": "SPOT",
    },
]
PERPETUAL = {**MARKETS[0], "name": "BTC/USD-PERP", "market_type": "PERPETUAL"}


def answer(value: Any, status: int = 200) -> Answer:
    return Answer(status=status, body=json.dumps(value).encode())


def read(call: Any, value: Any) -> Any:
    assert isinstance(call, Call)
    return call.read(answer(value))


def form(call: Any) -> dict[str, str]:
    assert isinstance(call, Call)
    if not call.request.body:
        assert call.request.headers == {}
    return dict(parse_qsl(call.request.body.decode(), strict_parsing=bool(call.request.body)))


def led(steps: Generator[Call[Any], Any, Any], *values: Any) -> tuple[Any, list[Call[Any]]]:
    """Lead calls through answers; give what comes of them, and the calls."""
    calls = [next(steps)]
    for value in values:
        try:
            calls.append(steps.send(calls[-1].read(answer(value))))
        except StopIteration as end:
            return end.value, calls
    raise AssertionError(f"asks for more: {calls[-1].what}")


@pytest.fixture
def adapter() -> Adapter:
    adapter = Adapter("sim")
    adapter.instruments = read(adapter.fetch_listing(), MARKETS).instruments
    return adapter


@pytest.fixture
def btc(adapter: Adapter) -> Instrument:
    return adapter.instruments["BTC/USD"]


@pytest.fixture
def eth(adapter: Adapter) -> Instrument:
    return adapter.instruments["ETH/USDT"]


# Markets


def test_markets_have_their_steps_and_bounds(btc: Instrument, eth: Instrument) -> None:
    assert (btc.native, btc.base, btc.quote) == ("btcusd", "BTC", "USD")
    assert (btc.price.step, btc.quantity.step) == (Decimal(1), Decimal("0.00000001"))
    assert (btc.quantity.minimum, btc.quantity.maximum) == (Decimal("0.0001"), Decimal(10))
    assert (btc.notional.minimum, btc.notional.maximum) == (Decimal(10), Decimal(500000))
    assert btc.notional.minimum_for_market
    assert btc.status is InstrumentStatus.TRADING
    assert btc.order_types == {"limit", "market"}
    assert btc.features == {"quote_quantity"}
    assert eth.status is InstrumentStatus.HALTED
    assert eth.price.step == Decimal("0.01")
    assert (eth.quantity.minimum, eth.quantity.maximum) == (Decimal(0), Decimal(0))
    assert (eth.notional.minimum, eth.notional.maximum) == (Decimal(10), Decimal(0))


def test_what_is_no_spot_market_or_not_understood_is_told(adapter: Adapter) -> None:
    odd = {**MARKETS[1], "name": "ODD/USD", "counter_decimals": 99}
    listing = read(adapter.fetch_listing(), [*MARKETS, PERPETUAL, odd])
    assert list(listing.instruments) == ["BTC/USD", "ETH/USDT"]
    assert set(listing.skipped) == {"BTC/USD-PERP", "ODD/USD"}
    assert "market_type" in listing.skipped["BTC/USD-PERP"]
    assert "counter_decimals" in listing.skipped["ODD/USD"]


def test_the_time_is_that_of_a_ticker(adapter: Adapter) -> None:
    call = adapter.fetch_time()
    assert call.request.path == "/api/v2/ticker/btcusd/"
    assert read(call, {"timestamp": "1767225600"}) == NOW_NS


def test_a_book_keeps_its_digits_and_its_depth(adapter: Adapter, btc: Instrument) -> None:
    call = adapter.fetch_book(btc, depth=1)
    assert call.request.path == "/api/v2/order_book/btcusd/"
    book = read(
        call,
        {
            "timestamp": "1583652948",
            "microtimestamp": "1583652948955826",
            "bids": [["8750.00", "1.33685271"], ["8749.39", "0.07700000"]],
            "asks": [["8754.10", "1.51995636"], ["8754.71", "1.40000000"]],
        },
    )
    assert book.bids == ((Decimal("8750.00"), Decimal("1.33685271")),)
    assert book.asks == ((Decimal("8754.10"), Decimal("1.51995636")),)
    assert (book.update_id, book.time_ns) == (1583652948955826, 1583652948955826000)


def trade_row(tid: int, date: int, side: str = "0") -> dict[str, str]:
    amount, price = "0.00500000", "4451.25"
    return {"date": str(date), "tid": str(tid), "amount": amount, "type": side, "price": price}


def test_trades_come_oldest_first_and_of_a_day_where_an_hour_has_too_few(
    adapter: Adapter, eth: Instrument
) -> None:
    rows = [trade_row(9, 1637845199, "1"), trade_row(10, 1637845199), trade_row(8, 1637845190)]
    trades, calls = led(adapter.fetch_trades(eth, limit=3), rows)
    assert [trade.trade_id for trade in trades] == ["8", "9", "10"]
    assert [trade.side for trade in trades] == [Side.BUY, Side.SELL, Side.BUY]
    assert trades[0].time_ns == 1637845190 * S
    assert (trades[0].price, trades[0].quantity) == (Decimal("4451.25"), Decimal("0.00500000"))
    assert [call.request.query for call in calls] == ["time=hour"]
    assert calls[0].request.path == "/api/v2/transactions/ethusdt/"

    trades, calls = led(adapter.fetch_trades(eth, limit=2), rows[:1], rows)
    assert [trade.trade_id for trade in trades] == ["9", "10"]
    assert [call.request.query for call in calls] == ["time=hour", "time=day"]


def candle_row(timestamp: int) -> dict[str, str]:
    return {
        "high": "9064.77",
        "timestamp": str(timestamp),
        "volume": "18.49436608",
        "low": "9040.87",
        "close": "9064.00",
        "open": "9041.00",
    }


def test_candles_are_closed_when_their_time_is_over(adapter: Adapter, btc: Instrument) -> None:
    call = adapter.fetch_candles(
        btc, "1m", since_ns=None, until_ns=None, limit=5000, now_ns=1593961560 * S
    )
    assert call.request.query == "step=60&limit=1000"
    rows = [candle_row(1593961560), candle_row(1593961440), candle_row(1593961500)]
    candles = read(call, {"data": {"pair": "BTC/USD", "ohlc": rows}})
    assert [candle.open_time_ns // S for candle in candles] == [1593961440, 1593961500, 1593961560]
    assert [candle.is_closed for candle in candles] == [True, True, False]
    first = candles[0]
    assert (first.open, first.high, first.low, first.close, first.volume) == (
        Decimal("9041.00"),
        Decimal("9064.77"),
        Decimal("9040.87"),
        Decimal("9064.00"),
        Decimal("18.49436608"),
    )
    assert (first.symbol, first.interval) == ("BTC/USD", "1m")


def test_of_two_bounds_bitstamp_is_told_the_first_and_the_second_is_kept_here(
    adapter: Adapter, btc: Instrument
) -> None:
    call = adapter.fetch_candles(
        btc, "1h", since_ns=1593961440 * S - 1, until_ns=1593961500 * S, limit=10, now_ns=NOW_NS
    )
    assert call.request.query == "step=3600&limit=10&start=1593961440"
    rows = [candle_row(1593961440), candle_row(1593961500), candle_row(1593961560)]
    assert len(read(call, {"data": {"ohlc": rows}})) == 2
    last = adapter.fetch_candles(
        btc, "3d", since_ns=None, until_ns=1593961500 * S + 1, limit=1, now_ns=NOW_NS
    )
    assert last.request.query == "step=259200&limit=1&end=1593961500"
    assert "1w" not in adapter.intervals


def test_tickers_of_what_is_listed_or_asked_for(adapter: Adapter, btc: Instrument) -> None:
    row = {
        "timestamp": "1686068944",
        "high": "26252",
        "last": "26216",
        "bid": None,
        "volume": "3563.13819902",
        "low": "25350",
        "ask": "26211",
        "open": "25730",
        "pair": "BTC/USD",
    }
    rows = [row, {**row, "pair": "ETH/USDT"}, {**row, "pair": "BTC/USD-PERP"}]
    tickers = read(adapter.fetch_tickers(None), rows)
    assert [ticker.symbol for ticker in tickers] == ["BTC/USD", "ETH/USDT"]
    (ticker,) = read(adapter.fetch_tickers([btc]), rows)
    assert (ticker.last, ticker.bid, ticker.ask) == (Decimal(26216), None, Decimal(26211))
    assert (ticker.high, ticker.low, ticker.volume) == (
        Decimal(26252),
        Decimal(25350),
        Decimal("3563.13819902"),
    )
    assert ticker.time_ns == 1686068944 * S


# Orders


def with_id(request: OrderRequest) -> OrderRequest:
    return attrs.evolve(request, client_order_id=ClientOrderId("vk1"))


PLACED = {
    "id": "1453282316578816",
    "market": "BTC/USD",
    "datetime": "2022-01-31 14:43:15.796000",
    "type": "0",
    "price": "67000",
    "amount": "0.02035278",
    "client_order_id": "vk1",
}


@pytest.mark.parametrize(
    ("request_", "path", "fields"),
    [
        (
            limit_buy("BTC/USD", "0.00000010", "67000"),
            "buy/btcusd",
            {"price": "67000", "amount": "0.00000010"},
        ),
        (
            limit_sell("BTC/USD", "1", "67000", post_only=True),
            "sell/btcusd",
            {"price": "67000", "amount": "1", "moc_order": "True"},
        ),
        (
            limit_buy("BTC/USD", "1", "67000", time_in_force=TimeInForce.IOC),
            "buy/btcusd",
            {"price": "67000", "amount": "1", "ioc_order": "True"},
        ),
        (
            limit_buy("BTC/USD", "1", "67000", time_in_force=TimeInForce.FOK),
            "buy/btcusd",
            {"price": "67000", "amount": "1", "fok_order": "True"},
        ),
        (market_buy("BTC/USD", "0.5"), "buy/market/btcusd", {"amount": "0.5"}),
        (market_buy("BTC/USD", quote_quantity="50"), "buy/instant/btcusd", {"amount": "50"}),
        (
            market_sell("BTC/USD", quote_quantity="50"),
            "sell/instant/btcusd",
            {"amount": "50", "amount_in_counter": "True"},
        ),
    ],
)
def test_each_order_is_written_as_the_documents_want_it(
    adapter: Adapter, btc: Instrument, request_: OrderRequest, path: str, fields: dict[str, str]
) -> None:
    call = adapter.place(with_id(request_), btc)
    assert call.request.path == f"/api/v2/{path}/"
    assert form(call) == {"client_order_id": "vk1", **fields}
    assert (call.kind, call.client_order_id) == (CallKind.PLACE, "vk1")
    assert call.request.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert call.costs == {"second": 1, "ten_minutes": 1}


def test_an_order_is_open_as_far_as_its_answer_says(adapter: Adapter, btc: Instrument) -> None:
    asked = with_id(limit_buy("BTC/USD", "0.02035278", "67000", post_only=True))
    order = read(adapter.place(asked, btc), PLACED)
    assert (order.phase, order.exchange_order_id) == (OrderPhase.OPEN, "1453282316578816")
    assert (order.side, order.type, order.price) == (Side.BUY, OrderType.LIMIT, Decimal(67000))
    assert (order.quantity, order.quote_quantity) == (Decimal("0.02035278"), None)
    assert (order.client_order_id, order.post_only) == ("vk1", True)
    assert order.time_in_force is TimeInForce.GTC
    assert order.created_ns == 1643640195 * S + 796_000_000
    cost = with_id(market_buy("BTC/USD", quote_quantity="50"))
    assert read(adapter.place(cost, btc), PLACED).quote_quantity == Decimal(50)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"options": {"leverage": "5"}}, "no options"),
        ({"time_in_force": TimeInForce.GTD}, "GTD"),
        ({"type": OrderType.STOP_LIMIT, "stop_price": Decimal(1)}, "stop_limit"),
    ],
)
def test_what_bitstamp_has_not_is_refused_before_anything_is_sent(
    adapter: Adapter, btc: Instrument, changes: dict[str, Any], said: str
) -> None:
    request = attrs.evolve(with_id(limit_buy("BTC/USD", "1", "67000")), **changes)
    with pytest.raises(ValueError, match=said):
        adapter.place(request, btc)


def ref(**ids: str) -> OrderRef:
    named: dict[str, Any] = ids
    return OrderRef(symbol=Symbol("BTC/USD"), **named)


def test_orders_are_named_by_their_own_id_and_else_by_ours(
    adapter: Adapter, btc: Instrument
) -> None:
    both = ref(exchange_order_id="7", client_order_id="vk1")
    assert form(adapter.cancel(both, btc)) == {"id": "7"}
    assert form(adapter.cancel(ref(client_order_id="vk1"), btc)) == {"client_order_id": "vk1"}
    assert form(adapter.fetch_order(ref(client_order_id="vk1"), btc)) == {"client_order_id": "vk1"}
    call = adapter.cancel(both, btc)
    assert (call.kind, call.client_order_id, call.request.path) == (
        CallKind.CANCEL,
        "vk1",
        "/api/v2/cancel_order/",
    )
    assert read(call, {"id": 7, "amount": 0.02, "price": 2100.45, "type": 0}) is None
    with pytest.raises(ValueError, match="id"):
        read(call, {})


def test_cancels_of_all_say_which_were_taken(adapter: Adapter, btc: Instrument) -> None:
    rows = [{"id": 1453282316578816, "amount": "0.02", "price": "2100.45", "type": 0}]
    call = adapter.cancel_all(btc)
    assert (call.request.path, form(call)) == ("/api/v2/cancel_all_orders/btcusd/", {})
    assert call.kind is CallKind.CANCEL
    assert read(call, {"canceled": rows, "success": True}) == [
        OrderRef(symbol=Symbol("BTC/USD"), exchange_order_id=ExchangeOrderId("1453282316578816"))
    ]
    everything = adapter.cancel_everything()
    assert (everything.request.path, everything.kind) == (
        "/api/v2/cancel_all_orders/",
        CallKind.CANCEL,
    )
    assert read(everything, {"canceled": rows * 3, "success": True}) == 3


def status(**changes: Any) -> dict[str, Any]:
    return {
        "id": 1429545880227846,
        "datetime": "2021-11-25 12:59:58",
        "type": "1",
        "status": "Finished",
        "market": "ETH/USDT",
        "amount_remaining": "0.00000000",
        "client_order_id": "vk1",
        "transactions": [
            {
                "fee": "0.11128",
                "price": "4451.25000000",
                "datetime": "2021-11-25 12:59:59.322000",
                "usdt": "22.25625000",
                "tid": 209895701,
                "eth": "0.00500000",
                "type": 2,
            }
        ],
        **changes,
    }


def test_the_state_of_an_order_comes_with_its_fills(adapter: Adapter, eth: Instrument) -> None:
    order = read(adapter.fetch_order(ref(exchange_order_id="1"), eth), status())
    assert (order.phase, order.side, order.filled) == (
        OrderPhase.FILLED,
        Side.SELL,
        Decimal("0.00500000"),
    )
    assert (order.quantity, order.price, order.client_order_id) == (
        Decimal("0.00500000"),
        None,
        "vk1",
    )
    assert order.exchange_order_id == "1429545880227846"
    assert order.created_ns == 1637845198 * S
    (fill,) = order.fills
    assert (fill.trade_id, fill.exchange_order_id) == ("209895701", "1429545880227846")
    assert (fill.side, fill.price, fill.quantity) == (
        Side.SELL,
        Decimal("4451.25"),
        Decimal("0.005"),
    )
    assert (fill.fee.amount, fill.fee.asset) == (Decimal("0.11128"), "USDT")
    assert fill.time_ns == 1637845199 * S + 322_000_000


@pytest.mark.parametrize(
    ("word", "left", "trades", "phase"),
    [
        ("Open", "1", False, OrderPhase.OPEN),
        ("In Queue", "1", False, OrderPhase.OPEN),
        ("Cancel pending", "1", False, OrderPhase.OPEN),
        ("Open", "0.5", True, OrderPhase.PARTIALLY_FILLED),
        ("Canceled", "0.5", True, OrderPhase.CANCELED),
        ("Expired", "1", False, OrderPhase.EXPIRED),
    ],
)
def test_every_state_has_its_phase(
    adapter: Adapter, eth: Instrument, word: str, left: str, trades: bool, phase: OrderPhase
) -> None:
    given = status(status=word, amount_remaining=left)
    given = given if trades else {**given, "transactions": []}
    order = read(adapter.fetch_order(ref(exchange_order_id="1"), eth), given)
    assert order.phase is phase
    assert order.quantity == Decimal(left) + (Decimal("0.005") if trades else 0)


def test_a_state_that_nobody_documented_is_no_state(adapter: Adapter, eth: Instrument) -> None:
    call = adapter.fetch_order(ref(exchange_order_id="1"), eth)
    with pytest.raises(ValueError, match="status"):
        read(call, status(status="Napping"))
    bare = status(amount_remaining=None, client_order_id="")
    assert (read(call, bare).quantity, read(call, bare).client_order_id) == (None, None)


def open_row(**changes: Any) -> dict[str, Any]:
    return {
        "id": "2814205012",
        "datetime": "2019-01-31 21:23:36",
        "type": "0",
        "price": "2100.45",
        "amount": "0.75",
        "amount_at_create": "1.00",
        "currency_pair": "ETH/USDT",
        "market": "ETH/USDT",
        "client_order_id": "vk9",
        **changes,
    }


def test_open_orders_are_read_with_what_they_have_traded(adapter: Adapter, eth: Instrument) -> None:
    call = adapter.fetch_open_orders(eth)
    assert (call.request.path, form(call)) == ("/api/v2/open_orders/ethusdt/", {})
    perpetual = open_row(market="ETH/USD-PERP")
    rows = [open_row(), open_row(amount="1.00", client_order_id=None), perpetual]
    first, second = read(call, rows)
    assert (first.phase, first.quantity, first.filled) == (
        OrderPhase.PARTIALLY_FILLED,
        Decimal("1.00"),
        Decimal("0.25"),
    )
    assert (first.symbol, first.price, first.client_order_id, first.side) == (
        "ETH/USDT",
        Decimal("2100.45"),
        "vk9",
        Side.BUY,
    )
    assert first.created_ns == 1548969816 * S
    assert (second.phase, second.filled, second.client_order_id) == (OrderPhase.OPEN, 0, None)
    assert adapter.fetch_open_orders(None).request.path == "/api/v2/open_orders/"


def moved(id_: int, seconds: int, **changes: Any) -> dict[str, Any]:
    return {
        "fee": "0.11128",
        "eth_usdt": 4451.25,
        "datetime": f"2021-11-25 12:59:{seconds:02d}",
        "usdt": "-22.26",
        "order_id": 1429545880227846,
        "eth": "0.00500000",
        "type": "2",
        "id": id_,
        **changes,
    }


def fills_of(adapter: Adapter, eth: Instrument, **bounds: Any) -> Any:
    given = {"order": None, "since_ns": None, "until_ns": None, "limit": 10, **bounds}
    return adapter.fetch_fills(eth, **given)


def test_fills_are_the_trades_among_the_transactions(adapter: Adapter, eth: Instrument) -> None:
    rows = [moved(3, 59, eth="-0.005", usdt="22.26"), moved(2, 58, type="0"), moved(1, 57)]
    fills, (call,) = led(fills_of(adapter, eth), rows)
    assert call.request.path == "/api/v2/user_transactions/ethusdt/"
    assert form(call) == {"limit": "1000", "sort": "desc", "offset": "0"}
    assert [(fill.trade_id, fill.side) for fill in fills] == [("1", Side.BUY), ("3", Side.SELL)]
    assert {fill.quantity for fill in fills} == {Decimal("0.005")}
    assert {fill.price for fill in fills} == {Decimal("4451.25")}
    assert fills[0].exchange_order_id == "1429545880227846"
    assert fills[0].time_ns == 1637845197 * S


def test_fills_from_a_moment_on_come_oldest_first_and_page_by_page(
    adapter: Adapter, eth: Instrument
) -> None:
    since_ns, until_ns = 1637845190 * S + 5, 1637845199 * S
    page = [moved(number, 58) for number in range(1000)]
    fills, calls = led(
        fills_of(adapter, eth, since_ns=since_ns, until_ns=until_ns, limit=2000),
        page,
        [moved(1000, 59), moved(1001, 59, datetime="2021-11-25 13:00:01")],
    )
    assert len(fills) == 1001
    assert [form(call) for call in calls] == [
        {
            "limit": "1000",
            "sort": "asc",
            "since_timestamp": "1637845190",
            "until_timestamp": "1637845199",
            "offset": offset,
        }
        for offset in ("0", "1000")
    ]
    few, calls = led(fills_of(adapter, eth, since_ns=since_ns, limit=5), page)
    assert [fill.trade_id for fill in few] == ["0", "1", "2", "3", "4"]
    newest, _ = led(fills_of(adapter, eth, limit=2), [moved(2, 59), moved(1, 58), moved(0, 57)])
    assert [fill.trade_id for fill in newest] == ["1", "2"]


def test_fills_of_one_order_come_with_its_state(adapter: Adapter, eth: Instrument) -> None:
    fills, (call,) = led(fills_of(adapter, eth, order=ref(exchange_order_id="5")), status())
    assert form(call) == {"id": "5"}
    assert [fill.trade_id for fill in fills] == ["209895701"]


def test_past_orders_are_those_that_are_open_and_those_that_traded(
    adapter: Adapter, eth: Instrument
) -> None:
    steps = adapter.fetch_orders(eth, since_ns=None, until_ns=None, limit=10)
    rows = [moved(1, 57), moved(2, 58), moved(3, 59, order_id=2814205012)]
    orders, calls = led(steps, [open_row()], rows, status())
    assert [order.exchange_order_id for order in orders] == ["2814205012", "1429545880227846"]
    assert [call.what for call in calls] == ["fetch open orders", "fetch fills", "fetch order"]
    assert form(calls[-1]) == {"id": "1429545880227846"}

    late = 1548969816 * S + 1
    steps = adapter.fetch_orders(eth, since_ns=late, until_ns=None, limit=10)
    orders, _ = led(steps, [open_row()], [moved(1, 57)], status())
    assert [order.exchange_order_id for order in orders] == ["1429545880227846"]
    steps = adapter.fetch_orders(eth, since_ns=None, until_ns=late, limit=10)
    orders, _ = led(steps, [open_row()], [moved(1, 57)], status())
    assert [order.exchange_order_id for order in orders] == ["2814205012"]


# Account


def test_balances_that_are_zero_are_left_out(adapter: Adapter) -> None:
    call = adapter.fetch_balances()
    assert (call.request.path, form(call)) == ("/api/v2/account_balances/", {})
    rows = [
        {"currency": "usdt", "total": "100.00", "available": "90.00", "reserved": "10.00"},
        {"currency": "btc", "total": "0.00", "available": "0.00", "reserved": "0.00"},
    ]
    (balance,) = read(call, rows)
    assert (balance.asset, balance.free, balance.locked) == ("USDT", Decimal(90), Decimal(10))


def test_fees_in_percent_become_fractions(adapter: Adapter, btc: Instrument) -> None:
    call = adapter.fetch_fees(btc)
    assert call.request.path == "/api/v2/fees/trading/btcusd/"
    fees = {"maker": "0.15000", "taker": "0.16000"}
    rates = read(call, {"currency_pair": "btcusd", "market": "btcusd", "fees": fees})
    assert (rates.symbol, rates.maker, rates.taker) == (
        "BTC/USD",
        Decimal("0.0015"),
        Decimal("0.0016"),
    )
