"""Questions after orders, trades and the account, and public data by REST."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Instrument,
    Liquidity,
    OrderPhase,
    OrderRef,
    OrderType,
    Side,
    Symbol,
)
from venuekit_kraken.adapter import KrakenAdapter

if TYPE_CHECKING:
    from .conftest import Wire

ID = ClientOrderId("6d1b345e282140e2ad834ecb18a06876")
TXID = ExchangeOrderId("OQCLML-BW3P3-BUCMWZ")
BTC = Symbol("BTC/USD")
BY_ID = OrderRef(symbol=BTC, exchange_order_id=TXID)
BY_NAME = OrderRef(symbol=BTC, client_order_id=ID)


def test_an_order_is_read_with_all_its_digits(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    order = wire.run(adapter.fetch_order(BY_ID, btc), wire.ok({TXID: wire.order()}))

    assert order.phase is OrderPhase.PARTIALLY_FILLED
    assert (order.side, order.type, order.client_order_id) == (Side.BUY, OrderType.LIMIT, ID)
    assert (str(order.quantity), str(order.filled)) == ("1.25000000", "0.37500000")
    assert (order.price, order.filled_quote) == (Decimal("37500.0"), Decimal("14062.5"))
    assert order.created_ns == 1_616_665_496_780_800_000
    assert order.updated_ns is None


@pytest.mark.parametrize(
    ("more", "phase"),
    [
        ({"status": "pending", "vol_exec": "0"}, OrderPhase.PENDING),
        ({"status": "open", "vol_exec": "0"}, OrderPhase.OPEN),
        ({"status": "closed", "vol_exec": "1.25"}, OrderPhase.FILLED),
        ({"status": "canceled", "closetm": 1616665500.5}, OrderPhase.CANCELED),
        ({"status": "expired", "closetm": 1616665500}, OrderPhase.EXPIRED),
        ({"status": "new_word"}, OrderPhase.UNKNOWN),
    ],
)
def test_every_status(
    adapter: KrakenAdapter,
    btc: Instrument,
    wire: "type[Wire]",
    more: dict[str, Any],
    phase: OrderPhase,
) -> None:
    order = wire.run(adapter.fetch_order(BY_ID, btc), wire.ok({TXID: wire.order(**more)}))
    assert order.phase is phase


def test_a_stop_limit_has_two_prices(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    row = wire.order()
    row["descr"] |= {"ordertype": "stop-loss-limit", "price": "36000", "price2": "35900"}
    order = wire.run(adapter.fetch_order(BY_ID, btc), wire.ok({TXID: row}))
    assert (order.stop_price, order.price) == (Decimal(36000), Decimal(35900))


def test_by_our_id_an_order_is_looked_for_among_open_and_then_closed_ones(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    old = wire.order(status="closed", opentm=1616665000, closetm=1616665001)
    new = wire.order(status="canceled", opentm=1616665400, closetm=1616665500)
    order = wire.run(
        adapter.fetch_order(BY_NAME, btc),
        wire.ok({"open": {}}),
        wire.ok({"closed": {"OA-1-A": old, "OB-1-B": new}, "count": 2}),
    )
    assert (order.exchange_order_id, order.phase) == ("OB-1-B", OrderPhase.CANCELED)


def test_an_order_that_stands_nowhere_is_not_found(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    nothing = wire.ok({"open": {}}), wire.ok({"closed": {}, "count": 0})
    assert wire.run(adapter.fetch_order(BY_NAME, btc), *nothing) is None
    assert wire.run(adapter.fetch_order(BY_ID, btc), wire.ok({})) is None


def test_a_client_id_is_read_in_one_way_of_writing_it(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    dashed = wire.order(cl_ord_id="6d1b345e-2821-40e2-ad83-4ecb18a06876")
    (order,) = wire.run(adapter.fetch_open_orders(None), wire.ok({"open": {TXID: dashed}}))
    assert order.client_order_id == ID
    others = adapter.instruments["DOGE/USD"]
    assert wire.run(adapter.fetch_open_orders(others), wire.ok({"open": {TXID: dashed}})) == []
    assert btc.symbol == order.symbol


def test_fills_are_paged_filtered_and_sorted(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    first = {f"T{n:05d}": wire.trade(time=1616667796 - n) for n in range(50)}
    second = {
        "TLAST1": wire.trade(time=1616660000.5, type="sell", maker=False),
        "TOTHER": wire.trade(pair="XDGUSD"),
    }
    steps = adapter.fetch_fills(btc, order=None, since_ns=1, until_ns=None, limit=1000)
    fills = wire.run(
        steps, wire.ok({"trades": first, "count": 52}), wire.ok({"trades": second, "count": 52})
    )

    assert len(fills) == 51
    assert fills[0].trade_id == "TLAST1"
    assert (fills[0].side, fills[0].liquidity) == (Side.SELL, Liquidity.TAKER)
    assert [fill.time_ns for fill in fills] == sorted(fill.time_ns for fill in fills)
    assert (fills[1].quantity, fills[1].fee and fills[1].fee.asset) == (Decimal("0.02"), "USD")


def test_the_fills_of_one_order_go_by_its_list_of_trades(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    steps = adapter.fetch_fills(btc, order=BY_ID, since_ns=None, until_ns=None, limit=10)
    (fill,) = wire.run(
        steps,
        wire.ok({TXID: wire.order(trades=["TCCCTY-WE2O6-P3NB37"])}),
        wire.ok({"TCCCTY-WE2O6-P3NB37": wire.trade()}),
    )
    assert (fill.trade_id, fill.exchange_order_id) == ("TCCCTY-WE2O6-P3NB37", TXID)


def test_orders_in_any_state_are_sorted_by_when_they_were_opened(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    closed = wire.order(status="closed", opentm=1616665000, closetm=1616665001)
    orders = wire.run(
        adapter.fetch_orders(btc, since_ns=1, until_ns=None, limit=10),
        wire.ok({"open": {TXID: wire.order()}}),
        wire.ok({"closed": {"OA-1-A": closed}, "count": 1}),
    )
    assert [order.exchange_order_id for order in orders] == ["OA-1-A", TXID]


def test_balances_are_what_can_be_spent_and_what_is_held(
    adapter: KrakenAdapter, wire: "type[Wire]"
) -> None:
    rows = {
        "ZUSD": {"balance": "25435.21", "hold_trade": "8249.76"},
        "XXBT": {
            "balance": "1.5",
            "hold_trade": "0.5",
            "credit": "0.25",
            "credit_used": "0.125",
        },
        "USDT.F": {"balance": "7", "hold_trade": "0"},
        "XXDG": {"balance": "0.0", "hold_trade": "0"},
    }
    held = {b.asset: (b.free, b.locked) for b in adapter.fetch_balances().read(wire.ok(rows))}
    assert held == {
        "USD": (Decimal("17185.45"), Decimal("8249.76")),
        "BTC": (Decimal("1.125"), Decimal("0.5")),
        "USDT.F": (Decimal(7), Decimal(0)),
    }


def test_fees_are_fractions(adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]") -> None:
    said = {
        "currency": "ZUSD",
        "volume": "0.0",
        "fees": {"XXBTZUSD": {"fee": "0.8000"}},
        "fees_maker": {"XXBTZUSD": {"fee": "0.4000"}},
    }
    fees = adapter.fetch_fees(btc).read(wire.ok(said))
    assert (fees.taker, fees.maker) == (Decimal("0.008"), Decimal("0.004"))


def test_a_book_by_rest(adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]") -> None:
    sides = {"asks": [["52523.0", "1.199", 1616663113]], "bids": [["52522.9", "0.753", 1616663112]]}
    book = adapter.fetch_book(btc, depth=10).read(wire.ok({"XXBTZUSD": sides}))
    assert book.bids == ((Decimal("52522.9"), Decimal("0.753")),)
    assert book.asks == ((Decimal("52523.0"), Decimal("1.199")),)


def test_the_last_candle_is_still_growing(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    rows = [[t, "1.0", "2.0", "0.5", "1.5", "1.2", "3.00000000", 9] for t in (60, 120)]
    call = adapter.fetch_candles(
        btc, "1m", since_ns=None, until_ns=None, limit=2, now_ns=150 * 10**9
    )
    candles = call.read(wire.ok({"XXBTZUSD": rows, "last": 60}))
    assert [candle.is_closed for candle in candles] == [True, False]
    with pytest.raises(ValueError, match="interval"):
        adapter.fetch_candles(btc, "2m", since_ns=None, until_ns=None, limit=2, now_ns=0)


def test_trades_and_tickers(adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]") -> None:
    row = ["30243.40000", "0.34507674", 1688669597.8277369, "b", "m", "", 61044952]
    (trade,) = adapter.fetch_trades(btc, limit=5).read(wire.ok({"XXBTZUSD": [row], "last": "1"}))
    assert (trade.trade_id, trade.side, str(trade.quantity)) == (
        "61044952",
        Side.BUY,
        "0.34507674",
    )
    said = {
        "a": ["30300.10000", "1", "1.000"],
        "b": ["30300.00000", "1", "2.000"],
        "c": ["30303.20000", "0.00067643"],
        "v": ["4083.67001100", "4412.73601799"],
        "p": ["30706.77771", "30689.13205"],
        "t": [34619, 38907],
        "l": ["29868.30000", "29860.00000"],
        "h": ["31631.00000", "31640.00000"],
        "o": "30502.80000",
    }
    (ticker,) = adapter.fetch_tickers([btc]).read(wire.ok({"XXBTZUSD": said, "NEWPAIR": said}))
    assert (ticker.bid, ticker.ask_quantity, ticker.high) == (
        Decimal(30300),
        Decimal(1),
        Decimal(31640),
    )
    assert attrs.asdict(ticker)["symbol"] == "BTC/USD"
