"""Placing, canceling, amending: what goes out, and what the answers mean."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import attrs
import pytest

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Failure,
    Instrument,
    Order,
    OrderPhase,
    OrderRef,
    OrderRequest,
    OrderType,
    SelfTradePrevention,
    Side,
    Symbol,
    TimeInForce,
    limit_buy,
    market_buy,
)
from venuekit.plugin import Call, CallKind, Replace
from venuekit_kraken.adapter import KrakenAdapter

if TYPE_CHECKING:
    from .conftest import Wire

ID = ClientOrderId("6d1b345e282140e2ad834ecb18a06876")
BTC = Symbol("BTC/USD")


def limit(**more: Any) -> OrderRequest:
    request = limit_buy("BTC/USD", "1.25", "37500.1", client_order_id=ID)
    return attrs.evolve(request, **more)


def fields(call: Call[Any]) -> Mapping[str, str]:
    return dict(parse_qsl(call.request.body.decode()))


def test_a_limit_order_as_it_goes_out(adapter: KrakenAdapter, btc: Instrument) -> None:
    call = adapter.place(limit(post_only=True), btc)

    assert call.request.path == "/0/private/AddOrder"
    assert fields(call) == {
        "pair": "XBTUSD",
        "ordertype": "limit",
        "type": "buy",
        "volume": "1.25",
        "price": "37500.1",
        "oflags": "post",
        "cl_ord_id": ID,
    }
    assert (call.kind, call.costs, call.client_order_id) == (
        CallKind.PLACE,
        {"engine BTC/USD": 1},
        ID,
    )


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            attrs.evolve(market_buy("BTC/USD", quote_quantity="100"), client_order_id=ID),
            {"ordertype": "market", "volume": "100", "oflags": "viqc"},
        ),
        (
            limit(type=OrderType.STOP_LIMIT, side=Side.SELL, stop_price=Decimal(36000)),
            {"ordertype": "stop-loss-limit", "price": "36000", "price2": "37500.1"},
        ),
        (
            limit(type=OrderType.TAKE_PROFIT, price=None, stop_price=Decimal(40000)),
            {"ordertype": "take-profit", "price": "40000"},
        ),
        (limit(time_in_force=TimeInForce.IOC), {"timeinforce": "IOC"}),
        (limit(display_quantity=Decimal("0.25")), {"ordertype": "iceberg", "displayvol": "0.25"}),
        (
            limit(self_trade_prevention=SelfTradePrevention.EXPIRE_MAKER),
            {"stptype": "cancel-oldest"},
        ),
        (limit(options={"fee_currency": "quote"}), {"oflags": "fciq"}),
        (
            limit(post_only=True, options={"fee_currency": "base"}),
            {"oflags": "post,fcib", "fee_currency": None},
        ),
        (
            limit(type=OrderType.STOP, price=None, trailing_delta=Decimal(150)),
            {"ordertype": "trailing-stop", "price": "+1.5%", "price2": None},
        ),
        (
            limit(time_in_force=TimeInForce.GTD, options={"expiretm": "+3600", "starttm": "+60"}),
            {"timeinforce": "GTD", "expiretm": "+3600", "starttm": "+60"},
        ),
        (
            limit(
                type=OrderType.STOP,
                price=None,
                stop_price=Decimal(36000),
                options={"trigger": "index"},
            ),
            {"ordertype": "stop-loss", "trigger": "index"},
        ),
        (
            limit(options={"leverage": "2:1", "reduce_only": "true"}),
            {"leverage": "2:1", "reduce_only": "true"},
        ),
        (
            limit(
                type=OrderType.MARKET,
                price=None,
                options={"ordertype": "settle-position", "leverage": "2"},
            ),
            {"ordertype": "settle-position", "volume": "1.25"},
        ),
        (
            limit(
                options={
                    "close[ordertype]": "stop-loss-limit",
                    "close[price]": "#5%",
                    "close[price2]": "#10",
                }
            ),
            {
                "close[ordertype]": "stop-loss-limit",
                "close[price]": "#5%",
                "close[price2]": "#10",
            },
        ),
    ],
)
def test_other_orders_as_they_go_out(
    adapter: KrakenAdapter, btc: Instrument, request_: OrderRequest, expected: Mapping[str, str]
) -> None:
    sent = fields(adapter.place(request_, btc))
    assert {name: sent.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (limit(client_order_id="UPPER"), "32 hexadecimal digits"),
        (limit(client_order_id="6d1b345e-2821-40e2-ad83-4ecb18a06876"), "32 hexadecimal digits"),
        (limit(trailing_delta=Decimal(10)), "stop orders only"),
        (
            limit(type=OrderType.STOP_LIMIT, trailing_delta=Decimal(10)),
            "stop orders only",
        ),
        (
            limit(
                type=OrderType.STOP,
                price=None,
                trailing_delta=Decimal(10),
                stop_price=Decimal(36000),
            ),
            "takes no stop_price",
        ),
        (limit(type=OrderType.STOP, price=None), "needs stop_price"),
        (limit(quantity=None), "either quantity or quote_quantity"),
        (limit(price=None), "needs price"),
        (limit(options={"nonsense": "1"}), "'nonsense' is unknown"),
        (limit(self_trade_prevention=SelfTradePrevention.TRANSFER), "transfer is not offered"),
        (limit(display_quantity=Decimal("0.01")), "15th"),
        (limit(time_in_force=TimeInForce.GTD), "GTD needs the option expiretm"),
        (limit(options={"expiretm": "+60"}), "expiretm is for GTD"),
        (limit(options={"expiretm": "in an hour"}), "expiretm is seconds since the epoch"),
        (limit(options={"trigger": "last"}), "trigger is for stop orders"),
        (limit(options={"leverage": "much"}), "leverage is a number"),
        (limit(options={"reduce_only": "1"}), "reduce_only is true or false"),
        (limit(options={"fee_currency": "EUR"}), "fee_currency is base or quote"),
        (limit(options={"ordertype": "market"}), "settle-position"),
        (limit(options={"ordertype": "settle-position"}), "a market order of a quantity"),
        (
            attrs.evolve(
                market_buy("BTC/USD", quote_quantity="100"),
                client_order_id=ID,
                options={"leverage": "2"},
            ),
            "not for margin",
        ),
        (
            limit(display_quantity=Decimal(1), time_in_force=TimeInForce.IOC),
            "an iceberg rests",
        ),
        (limit(options={"close[price]": "1"}), r"needs close\[ordertype\]"),
        (
            limit(options={"close[ordertype]": "limit", "close[price]": "1", "close[price2]": "2"}),
            r"close\[price2\] belongs to",
        ),
        (
            limit(options={"close[ordertype]": "take-profit-limit", "close[price]": "1"}),
            r"close\[price2\] belongs to",
        ),
        (
            limit(options={"close[ordertype]": "trailing-stop", "close[price]": "1"}),
            r"close\[ordertype\] is limit",
        ),
    ],
)
def test_what_kraken_would_refuse_is_refused_before_it_is_sent(
    adapter: KrakenAdapter, btc: Instrument, request_: OrderRequest, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        adapter.place(request_, btc)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("userref", "cl_ord_id, which every order here has"),
        ("oflags", "post_only says post"),
        ("stptype", "self_trade_prevention"),
        ("displayvol", "display_quantity"),
        ("timeinforce", "time_in_force"),
        ("deadline", "five seconds ahead"),
        ("validate", "without placing it"),
        ("price2", "price says it"),
        ("cl_ord_id", "client_order_id"),
    ],
)
def test_what_venuekit_has_a_word_for_is_refused_with_that_word(
    adapter: KrakenAdapter, btc: Instrument, name: str, told: str
) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is not taken: .*{told}"):
        adapter.place(limit(options={name: "1"}), btc)


def test_a_batch_has_nested_closes_and_truth_values(
    adapter: KrakenAdapter, btc: Instrument
) -> None:
    close = {"close[ordertype]": "take-profit", "close[price]": "40000"}
    first = limit(options=close)
    second = limit(options={"leverage": "2", "reduce_only": "true"}, client_order_id="b" * 32)
    body = json.loads(adapter.place_many([first, second], btc).request.body)

    assert body["orders"][0]["close"] == {"ordertype": "take-profit", "price": "40000"}
    assert "close[price]" not in body["orders"][0]
    assert body["orders"][1]["reduce_only"] is True


def test_no_order_is_replaced_by_one_without_our_id(adapter: KrakenAdapter) -> None:
    assert not isinstance(adapter, Replace)
    assert "EditOrder" in (KrakenAdapter.__doc__ or "")


def test_the_answer_to_a_placement_gives_the_id_and_no_more(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    said = {"descr": {"order": "buy 1.25 XBTUSD @ limit 37500.1"}, "txid": ["OUF4EM-FRGI2-MQMWZD"]}
    order = adapter.place(limit(), btc).read(wire.ok(said))

    assert (order.phase, order.exchange_order_id) == (OrderPhase.OPEN, "OUF4EM-FRGI2-MQMWZD")
    assert order.updated_ns is None
    with pytest.raises(ValueError, match="ids for one order"):
        adapter.place(limit(), btc).read(wire.ok({"txid": []}))


def test_a_batch_answers_for_each_leg(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    call = adapter.place_many([limit(), limit(client_order_id="b" * 32)], btc)
    body = json.loads(call.request.body)
    assert (body["pair"], len(body["orders"])) == ("XBTUSD", 2)
    assert "pair" not in body["orders"][0]
    first, second = call.read(
        wire.ok(
            {
                "orders": [
                    {"txid": "O65KZW-J4AW3-VFS74A", "descr": {"order": "…"}},
                    {"error": "EOrder:Insufficient funds", "descr": {"order": "…"}},
                ]
            }
        )
    )
    assert isinstance(first, Order)
    assert first.exchange_order_id == "O65KZW-J4AW3-VFS74A"
    assert isinstance(second, Failure)
    assert second.reason == "balance.insufficient"
    with pytest.raises(ValueError, match="1 answers to 2 orders"):
        call.read(wire.ok({"orders": [{"txid": "O65KZW-J4AW3-VFS74A"}]}))
    with pytest.raises(ValueError, match="2 to 15"):
        adapter.place_many([limit()] * 16, btc)


def test_a_cancel_goes_by_kraken_s_id_if_it_is_known_and_is_only_said_to_be_taken(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    both = limit().client_order_id
    by_id = OrderRef(symbol=BTC, client_order_id=both, exchange_order_id=ExchangeOrderId("OA-1-B"))
    call = adapter.cancel(by_id, btc)
    assert fields(call) == {"txid": "OA-1-B"}
    assert call.read(wire.ok({"count": 1})) is None
    by_name = OrderRef(symbol=BTC, client_order_id=both)
    assert fields(adapter.cancel(by_name, btc)) == {"cl_ord_id": ID}


def test_many_cancels_are_one_request(adapter: KrakenAdapter, wire: "type[Wire]") -> None:
    refs = [
        OrderRef(symbol=BTC, exchange_order_id=ExchangeOrderId("OA-1-B")),
        OrderRef(symbol=BTC, client_order_id=limit().client_order_id),
    ]
    call = adapter.cancel_many(refs)
    assert json.loads(call.request.body) == {
        "orders": ["OA-1-B"],
        "cl_ord_ids": [{"cl_ord_id": ID}],
    }
    assert call.read(wire.ok({"count": 1})) == [None, None]


def test_an_amendment_changes_what_is_given(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    ref = OrderRef(symbol=BTC, client_order_id=limit().client_order_id)
    call = adapter.amend(ref, btc, quantity=Decimal("1.0"), price=None)
    assert fields(call) == {"cl_ord_id": ID, "order_qty": "1.0"}
    assert call.read(wire.ok({"amend_id": "TTW6PD-RC36L-ZZSWNU"})) is None
    with pytest.raises(ValueError, match="neither was given"):
        adapter.amend(ref, btc, quantity=None, price=None)


def test_a_check_is_no_placement(
    adapter: KrakenAdapter, btc: Instrument, wire: "type[Wire]"
) -> None:
    call = adapter.validate(limit(), btc)
    assert fields(call)["validate"] == "true"
    assert call.kind is CallKind.PRIVATE_READ
    call.read(wire.ok({"descr": {"order": "…"}}))


def test_a_trailing_stop_goes_by_rest_where_orders_go_over_a_socket(
    adapter: KrakenAdapter, btc: Instrument
) -> None:
    trailing = limit(type=OrderType.STOP, price=None, trailing_delta=Decimal(10_000))
    call = adapter.place(trailing, btc)
    assert fields(call)["price"] == "+100%"
    assert adapter.over_socket(call) is None
