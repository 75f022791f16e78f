"""Coinbase Exchange, exactly at the edges: orders, queries, the account's feed."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Instrument,
    OrderChange,
    OrderPhase,
    OrderRef,
    OrderType,
    Symbol,
    TimeInForce,
    limit_buy,
    market_buy,
)
from venuekit.plugin import Answer, Published
from venuekit_coinbase.exchange.adapter import ExchangeAdapter
from venuekit_coinbase.exchange.queries import MOST_PAGES

Ask = Callable[..., tuple[Any, Any]]
OID = ClientOrderId("7d6a1f0e-2f5e-4a56-9c0b-7a2b5f0d3c11")
ID = ExchangeOrderId("d0c5340b-6d6c-49d9-b567-48c4bfca13d2")
BTC = Symbol("BTC/USD")
REF = OrderRef(symbol=BTC, exchange_order_id=ID)
NAMED = OrderRef(symbol=BTC, client_order_id=OID)
BUY = limit_buy("BTC/USD", "0.01", "50000", client_order_id=OID)
S = 1_000_000_000
NOON_NS = 1_784_116_800 * S
ROW: dict[str, Any] = {
    "id": ID,
    "product_id": "BTC-USD",
    "side": "buy",
    "status": "open",
    "price": "50000.00",
    "size": "0.01000000",
    "time_in_force": "GTC",
    "client_oid": OID,
}


def _order(number: int, **members: Any) -> dict[str, Any]:
    at = f"2026-07-15T12:00:{number:02d}Z"
    return {**ROW, "id": f"o{number}", "created_at": at, **members}


def _fill(number: int, **members: Any) -> dict[str, Any]:
    return {
        "trade_id": number,
        "order_id": ID,
        "product_id": "BTC-USD",
        "side": "buy",
        "price": "50000.00",
        "size": "0.01",
        "created_at": f"2026-07-15T12:00:{number:02d}Z",
        **members,
    }


def _page(*rows: Any, after: str = "") -> Answer:
    headers = {"cb-after": after} if after else {}
    return Answer(status=200, headers=headers, body=json.dumps(rows).encode())


def _paged(steps: Any, *pages: Answer) -> tuple[Any, int]:
    told: Any = None
    count = 0
    try:
        while True:
            call = steps.send(told)
            told = call.read(pages[count])
            count += 1
    except StopIteration as end:
        return end.value, count


# Orders and fills as they are read


def test_an_order_that_does_not_say_post_only_may_take(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    order, _ = ask(exchange.fetch_order(REF, exchange_btc), ROW)
    assert order.post_only is False
    order, _ = ask(exchange.fetch_order(REF, exchange_btc), {**ROW, "post_only": True})
    assert order.post_only is True


def test_a_limit_order_has_a_time_in_force_and_a_market_order_has_none(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask
) -> None:
    for text, time in (
        ("GTC", TimeInForce.GTC),
        ("IOC", TimeInForce.IOC),
        ("FOK", TimeInForce.FOK),
        ("GTT", TimeInForce.GTD),
    ):
        row = {**ROW, "time_in_force": text}
        order, _ = ask(exchange.fetch_order(REF, exchange_btc), row)
        assert (order.type, order.time_in_force) == (OrderType.LIMIT, time)
        order, _ = ask(exchange.fetch_order(REF, exchange_btc), {**row, "type": "market"})
        assert (order.type, order.time_in_force, order.price) == (OrderType.MARKET, None, None)


@pytest.mark.parametrize(
    ("members", "quote_quantity"),
    [
        ({"type": "market", "size": None, "specified_funds": "25", "funds": "24.9"}, "25"),
        ({"type": "market", "size": None, "funds": "24.9"}, "24.9"),
        ({"type": "market", "size": "0.01", "funds": "24.9"}, None),
        ({"type": "limit", "size": None, "funds": "24.9"}, None),
    ],
)
def test_only_a_market_order_without_a_size_is_over_an_amount_of_quote(
    exchange: ExchangeAdapter,
    exchange_btc: Instrument,
    ask: Ask,
    members: dict[str, str],
    quote_quantity: str | None,
) -> None:
    order, _ = ask(exchange.fetch_order(REF, exchange_btc), {**ROW, **members})
    expected = None if quote_quantity is None else Decimal(quote_quantity)
    assert order.quote_quantity == expected


@pytest.mark.parametrize(
    ("members", "phase", "reason"),
    [
        (
            {"status": "rejected", "reject_reason": "insufficient_funds"},
            OrderPhase.REJECTED,
            "balance.insufficient",
        ),
        (
            {"status": "rejected", "reject_reason": "moon_phase"},
            OrderPhase.REJECTED,
            "moon_phase",
        ),
        ({"status": "rejected"}, OrderPhase.REJECTED, None),
        ({"status": "open", "reject_reason": "moon_phase"}, OrderPhase.OPEN, None),
    ],
)
def test_only_a_rejected_order_says_why_as_far_as_that_is_known(
    exchange: ExchangeAdapter,
    exchange_btc: Instrument,
    ask: Ask,
    members: dict[str, str],
    phase: OrderPhase,
    reason: str | None,
) -> None:
    order, _ = ask(exchange.fetch_order(REF, exchange_btc), {**ROW, **members})
    assert (order.phase, order.reason) == (phase, reason)


@pytest.mark.parametrize("side", ["BUY", "", "both"])
def test_a_side_that_nobody_knows_is_not_guessed(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask, side: str
) -> None:
    with pytest.raises(ValueError, match="side"):
        ask(exchange.fetch_order(REF, exchange_btc), {**ROW, "side": side})


@pytest.mark.parametrize("members", [{"size": "0"}, {"price": "0.00"}])
def test_an_execution_of_nothing_is_none(
    exchange: ExchangeAdapter, exchange_btc: Instrument, members: dict[str, str]
) -> None:
    steps = exchange.fetch_fills(exchange_btc, order=None, since_ns=None, until_ns=None, limit=1)
    with pytest.raises(ValueError, match="execution 7 of nothing"):
        _paged(steps, _page(_fill(7, **members)))


# Queries


def test_open_orders_of_a_product_are_its_own(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    rows = (_order(1), _order(2, product_id="ETH-USD"), _order(3, status="done"))
    orders, _ = _paged(exchange.fetch_open_orders(exchange_btc), _page(*rows))
    assert [order.exchange_order_id for order in orders] == ["o1"]
    orders, _ = _paged(exchange.fetch_open_orders(None), _page(*rows))
    assert [order.exchange_order_id for order in orders] == ["o1", "o2"]


@pytest.mark.parametrize(
    ("until_ns", "first", "calls"),
    [
        (None, (4, 3), 1),
        (NOON_NS + 59 * S, (4, 3), 2),
        (None, (3, 4), 2),
        (None, (4,), 2),
    ],
)
def test_the_newest_orders_are_enough_once_the_list_shows_that_it_is_newest_first(
    exchange: ExchangeAdapter,
    exchange_btc: Instrument,
    until_ns: int | None,
    first: tuple[int, ...],
    calls: int,
) -> None:
    steps = exchange.fetch_orders(exchange_btc, since_ns=None, until_ns=until_ns, limit=2)
    pages = _page(*map(_order, first), after="x"), _page(_order(3), _order(2))
    orders, count = _paged(steps, *pages)
    assert [order.exchange_order_id for order in orders] == ["o3", "o4"]
    assert count == calls


@pytest.mark.parametrize(("since", "calls"), [(3, 2), (4, 1)])
def test_orders_since_a_moment_are_read_until_one_is_older(
    exchange: ExchangeAdapter, exchange_btc: Instrument, since: int, calls: int
) -> None:
    steps = exchange.fetch_orders(
        exchange_btc, since_ns=NOON_NS + since * S, until_ns=None, limit=9
    )
    twin = _order(3, id="twin")
    orders, count = _paged(steps, _page(_order(4), _order(3), after="x"), _page(twin))
    assert len(orders) == (3 if since == 3 else 1)
    assert count == calls


def test_orders_that_ended_without_a_fill_are_known_to_be_forgotten(
    exchange: ExchangeAdapter,
) -> None:
    assert exchange.forgets_unfilled is True


def test_orders_that_hide_when_they_were_created_are_read_to_the_end(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    steps = exchange.fetch_orders(exchange_btc, since_ns=None, until_ns=None, limit=1)
    orders, count = _paged(steps, _page(_order(9, created_at=None), after="x"), _page(_order(2)))
    assert [order.exchange_order_id for order in orders] == ["o2"]
    assert count == 2


@pytest.mark.parametrize(
    ("order", "since_ns", "until_ns", "first", "calls", "found"),
    [
        (None, None, None, (4, 3), 1, ["3", "4"]),
        (None, None, None, (3, 4), 2, ["3", "4"]),
        (None, None, NOON_NS + 59 * S, (4, 3), 2, ["3", "4"]),
        (REF, None, None, (4, 3), 2, ["1", "2"]),
        (None, NOON_NS + 3 * S, None, (4, 3), 2, ["3", "4"]),
        (None, NOON_NS + 4 * S, None, (4, 3), 1, ["4"]),
        (None, NOON_NS + 4 * S, None, (3, 4), 2, ["4"]),
    ],
)
def test_fills_are_asked_for_until_no_more_can_be_wanted(
    exchange: ExchangeAdapter,
    exchange_btc: Instrument,
    order: OrderRef | None,
    since_ns: int | None,
    until_ns: int | None,
    first: tuple[int, ...],
    calls: int,
    found: list[str],
) -> None:
    steps = exchange.fetch_fills(
        exchange_btc, order=order, since_ns=since_ns, until_ns=until_ns, limit=2
    )
    pages = _page(*map(_fill, first), after="x"), _page(_fill(2), _fill(1))
    fills, count = _paged(steps, *pages)
    assert [fill.trade_id for fill in fills] == found
    assert count == calls


def test_a_span_may_be_one_moment_and_a_limit_one(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    at = NOON_NS + 2 * S
    rows = (_order(3), _order(2), _order(1))
    steps = exchange.fetch_orders(exchange_btc, since_ns=at, until_ns=at, limit=1)
    orders, _ = _paged(steps, _page(*rows))
    assert [order.exchange_order_id for order in orders] == ["o2"]
    asking = exchange.fetch_fills(exchange_btc, order=None, since_ns=at, until_ns=at, limit=1)
    fills, _ = _paged(asking, _page(_fill(3), _fill(2), _fill(1)))
    assert [fill.trade_id for fill in fills] == ["2"]


@pytest.mark.parametrize(("limit", "since_ns"), [(0, None), (1, 2)])
def test_an_empty_span_or_limit_is_refused(
    exchange: ExchangeAdapter, exchange_btc: Instrument, limit: int, since_ns: int | None
) -> None:
    with pytest.raises(ValueError, match=r"limit=0|is after"):
        _paged(exchange.fetch_orders(exchange_btc, since_ns=since_ns, until_ns=1, limit=limit))
    steps = exchange.fetch_fills(
        exchange_btc, order=None, since_ns=since_ns, until_ns=1, limit=limit
    )
    with pytest.raises(ValueError, match=r"limit=0|is after"):
        _paged(steps)


def test_a_list_that_does_not_end_within_40_pages_is_refused(exchange: ExchangeAdapter) -> None:
    pages = [_page(_order(n), after=f"c{n}") for n in range(MOST_PAGES)]
    with pytest.raises(ValueError, match="more than 40 pages"):
        _paged(exchange.fetch_open_orders(None), *pages)
    orders, count = _paged(exchange.fetch_open_orders(None), *pages[:-1], _page(_order(59)))
    assert (len(orders), count) == (MOST_PAGES, MOST_PAGES)


def test_an_order_that_nobody_finds_has_no_fills(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    steps = exchange.fetch_fills(exchange_btc, order=NAMED, since_ns=None, until_ns=None, limit=5)
    call = next(steps)
    assert call.request.path == f"/orders/client:{OID}"
    with pytest.raises(StopIteration) as end:
        steps.send(None)
    assert list(end.value.value) == []


# Orders as they are written


def test_a_client_order_id_goes_out_as_it_was_given_and_a_missing_one_is_refused(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    body = json.loads(exchange.place(BUY, exchange_btc).request.body)
    assert body["client_oid"] == OID
    for bad in (None, ClientOrderId(OID.upper()), ClientOrderId("7d6a1f0e")):
        with pytest.raises(ValueError, match="version 4"):
            exchange.place(attrs.evolve(BUY, client_order_id=bad), exchange_btc)


def test_a_market_order_has_neither_time_in_force_nor_post_only(
    exchange: ExchangeAdapter, exchange_btc: Instrument
) -> None:
    order = market_buy("BTC/USD", quote_quantity="25.01", client_order_id=OID)
    assert json.loads(exchange.place(order, exchange_btc).request.body) == {
        "client_oid": OID,
        "type": "market",
        "side": "buy",
        "product_id": "BTC-USD",
        "funds": "25.01",
    }


# The account's feed


def test_an_order_that_is_done_and_not_why_is_not_guessed_to_be_filled_or_canceled(
    exchange: ExchangeAdapter,
) -> None:
    message = {"type": "done", "product_id": "BTC-USD", "order_id": ID, "side": "buy"}
    with pytest.raises(ValueError, match="not why"):
        exchange.read_frame("account", json.dumps(message))
    for reason, phase in (("filled", OrderPhase.FILLED), ("canceled", OrderPhase.CANCELED)):
        frame = json.dumps({**message, "reason": reason})
        (told,) = exchange.read_frame("account", frame)
        assert isinstance(told, Published)
        assert isinstance(told.event, OrderChange)
        assert told.event.phase is phase
