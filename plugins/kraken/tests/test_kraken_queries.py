"""Questions after orders, trades and the account, and public data by REST."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

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
    TimeInForce,
)
from venuekit.plugin import Answer
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.pages import Page

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


def trades(numbers: Iterable[int], wire: "type[Wire]", count: int | None = None) -> Answer:
    """Give a page of trades; higher numbers are older."""
    rows = {f"T{n:05d}": wire.trade(time=1616667796 - n) for n in numbers}
    return wire.ok({"trades": rows} | ({} if count is None else {"count": count}))


def test_fills_are_paged_filtered_and_sorted(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    second = {
        "T00049": wire.trade(time=1616667796 - 49),
        "TLAST1": wire.trade(time=1616660000.5, type="sell", maker=False),
        "TOTHER": wire.trade(pair="XDGUSD"),
    }
    steps = adapter.fetch_fills(btc, order=None, since_ns=1, until_ns=None, limit=1000)
    fills = wire.run(steps, trades(range(50), wire, 52), wire.ok({"trades": second, "count": 52}))

    assert len(fills) == 51
    assert fills[0].trade_id == "TLAST1"
    assert (fills[0].side, fills[0].liquidity) == (Side.SELL, Liquidity.TAKER)
    assert [fill.time_ns for fill in fills] == sorted(fill.time_ns for fill in fills)
    assert (fills[1].quantity, fills[1].fee and fills[1].fee.asset) == (Decimal("0.02"), "USD")


def test_every_page_begins_with_the_last_row_of_the_one_before(
    adapter: KrakenAdapter, btc: Instrument
) -> None:
    steps = adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=1000)
    first = next(steps)
    second = steps.send(Page(dict.fromkeys(f"T{n}" for n in range(50)), 60))
    assert [dict(parse_qsl(call.request.body.decode()))["ofs"] for call in (first, second)] == [
        "0",
        "49",
    ]


@pytest.mark.parametrize("came_in", [0, 1, 7, 49])
def test_trades_that_come_in_between_two_pages_make_none_missing_or_double(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]", came_in: int
) -> None:
    pages = [
        trades(range(50), wire, 120),
        trades(range(49 - came_in, 99 - came_in), wire, 120 + came_in),
        trades(range(98 - came_in, 120), wire, 120 + came_in),
    ]
    left = range(98 - came_in, 120)
    if len(left) > 50:  # another page is needed then
        pages[2] = trades(left[:50], wire, 120 + came_in)
        pages.append(trades(left[49:], wire, 120 + came_in))
    steps = adapter.fetch_fills(btc, order=None, since_ns=1, until_ns=None, limit=1000)
    fills = wire.run(steps, *pages)
    assert [fill.trade_id for fill in fills] == [f"T{n:05d}" for n in reversed(range(120))]


def test_a_page_that_is_older_than_the_one_before_is_no_continuation(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    steps = adapter.fetch_fills(btc, order=None, since_ns=1, until_ns=None, limit=1000)
    with pytest.raises(ValueError, match="may be missing"):
        wire.run(steps, trades(range(50), wire, 120), trades(range(52, 101), wire, 118))


def test_a_count_that_says_more_than_a_short_page_is_believed(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    steps = adapter.fetch_fills(btc, order=None, since_ns=1, until_ns=None, limit=1000)
    fills = wire.run(steps, trades(range(20), wire, 30), trades(range(19, 30), wire, 30))
    assert len(fills) == 30


def test_the_newest_fills_take_no_more_pages_than_needed(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    steps = adapter.fetch_fills(btc, order=None, since_ns=None, until_ns=None, limit=3)
    fills = wire.run(steps, trades(range(50), wire, 900))
    assert [fill.trade_id for fill in fills] == ["T00002", "T00001", "T00000"]


def test_bounds_hold_to_the_nanosecond_though_kraken_is_asked_for_whole_seconds(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    at_ns = 1_616_667_796 * 10**9
    steps = adapter.fetch_fills(
        btc, order=None, since_ns=at_ns + 1, until_ns=at_ns + 500_000_000, limit=10
    )
    call = next(steps)
    sent = dict(parse_qsl(call.request.body.decode()))
    assert (sent["start"], sent["end"]) == ("1616667795", "1616667797")
    # Without it a taker's fills may come as one, which the stream tells one by one.
    assert sent["consolidate_taker"] == "false"
    rows = {
        name: wire.trade(time=time)
        for name, time in (("TA", 1616667796), ("TB", 1616667796.5), ("TC", 1616667796.6))
    }
    with pytest.raises(StopIteration) as end:
        steps.send(call.read(wire.ok({"trades": rows, "count": 3})))
    assert [fill.trade_id for fill in end.value.value] == ["TB"]


def test_the_newest_orders_are_not_older_open_ones(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    """Orders of other pairs fill the first page; newer ones than what is open come after it."""
    still_open = wire.order(opentm=1616000000)
    others = {
        f"OB-{n}-B": wire.order(
            status="closed",
            opentm=1616665000 - n,
            closetm=1616665001 - n,
            descr=wire.order()["descr"] | {"pair": "XDGUSD"},
        )
        for n in range(50)
    }
    mine = {
        "OB-49-B": others["OB-49-B"],
        "OA-1-A": wire.order(status="closed", opentm=1616664000, closetm=1616664001),
    }
    orders = wire.run(
        adapter.fetch_orders(btc, since_ns=None, until_ns=None, limit=1),
        wire.ok({"open": {TXID: still_open}}),
        wire.ok({"closed": others, "count": 51}),
        wire.ok({"closed": mine, "count": 51}),
    )
    assert [order.exchange_order_id for order in orders] == ["OA-1-A"]


def test_orders_of_a_pair_that_is_listed_no_more_stop_no_answer(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    gone = wire.order(
        status="closed", closetm=1616665001, descr=wire.order()["descr"] | {"pair": "GONEUSD"}
    )
    kept = wire.order(status="closed", closetm=1616665001)
    (order,) = wire.run(
        adapter.fetch_orders(btc, since_ns=1, until_ns=None, limit=10),
        wire.ok({"open": {}}),
        wire.ok({"closed": {"OG-1-G": gone, "OA-1-A": kept}, "count": 2}),
    )
    assert order.exchange_order_id == "OA-1-A"


def test_other_orders_than_the_one_asked_for_are_no_proof_of_its_absence(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    other = wire.order(cl_ord_id="f" * 32)
    with pytest.raises(ValueError, match="other names"):
        wire.run(adapter.fetch_order(BY_NAME, btc), wire.ok({"open": {TXID: other}}))


def test_a_trailing_stop_is_read_where_it_stands_now(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    row = wire.order(stopprice="36963.00000", limitprice="0.00000", vol_exec="0")
    row["descr"] |= {"ordertype": "trailing-stop", "price": "+1.5000%", "price2": "0"}
    order = wire.run(adapter.fetch_order(BY_ID, btc), wire.ok({TXID: row}))
    assert (order.type, order.stop_price, order.price) == (OrderType.STOP, Decimal(36963), None)
    row["descr"] |= {"ordertype": "trailing-stop-limit", "price2": "-10.0"}
    order = wire.run(adapter.fetch_order(BY_ID, btc), wire.ok({TXID: row}))
    assert (order.type, order.stop_price, order.price) == (
        OrderType.STOP_LIMIT,
        Decimal(36963),
        None,
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, TimeInForce.GTC),
        ({"expiretm": 1616669096}, TimeInForce.GTD),
        ({"status": "canceled", "closetm": 1616665500}, None),  # it may have been an IOC
    ],
)
def test_how_long_an_order_stands_is_said_only_where_it_is_certain(
    adapter: KrakenAdapter,
    btc: Instrument,
    wire: "type[Wire]",
    more: dict[str, Any],
    expected: TimeInForce | None,
) -> None:
    order = wire.run(adapter.fetch_order(BY_ID, btc), wire.ok({TXID: wire.order(**more)}))
    assert order.time_in_force is expected


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


def test_the_fills_of_one_order_keep_to_the_span_and_the_limit(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    rows = {f"TA{n}": wire.trade(time=1616667796 + n) for n in range(5)}
    steps = adapter.fetch_fills(
        btc, order=BY_ID, since_ns=1_616_667_797 * 10**9, until_ns=None, limit=2
    )
    fills = wire.run(steps, wire.ok({TXID: wire.order(trades=list(rows))}), wire.ok(rows))
    assert [fill.trade_id for fill in fills] == ["TA1", "TA2"]


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


def test_trades_after_a_known_one_are_asked_for_by_its_time_and_told_by_its_id(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    # Within one microsecond, the digits that the stream tells, trades have an order of their own.
    rows: list[list[object]] = [
        ["30243.40000", "0.34507674", 1688669597.8277361, "b", "m", "", 61044951],
        ["30243.40000", "0.34507674", 1688669597.8277369, "b", "m", "", 61044952],
        ["30243.50000", "0.10000000", 1688669597.8277371, "s", "m", "", 61044953],
    ]
    known = adapter.fetch_trades(btc, limit=5).read(wire.ok({"XXBTZUSD": rows[1:2], "last": "1"}))
    call = adapter.fetch_trades_after(known[0], btc, is_aggregate=False, limit=1000)
    assert dict(parse_qsl(call.request.query)) == {
        "pair": "XBTUSD",
        "since": "1688669597826736900",
        "count": "1000",
    }
    found = call.read(wire.ok({"XXBTZUSD": rows, "last": "1"}))
    assert [trade.trade_id for trade in found] == ["61044953"]
    for limit, is_aggregate in ((0, False), (1, True)):
        with pytest.raises(ValueError, match="at least 1, single trades"):
            adapter.fetch_trades_after(known[0], btc, is_aggregate=is_aggregate, limit=limit)


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
