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
from venuekit.plugin import Call, CallKind
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
    assert (call.kind, call.costs, call.client_order_id) == (CallKind.PLACE, {"engine": 1}, ID)


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
        (limit(trailing_delta=Decimal(10)), "trailing"),
        (limit(quantity=None), "either quantity or quote_quantity"),
        (limit(price=None), "needs price"),
        (limit(options={"nonsense": "1"}), "'nonsense' is unknown"),
        (limit(self_trade_prevention=SelfTradePrevention.TRANSFER), "transfer is not offered"),
        (limit(display_quantity=Decimal("0.01")), "15th"),
        (limit(time_in_force=TimeInForce.GTD), "expiretm"),
    ],
)
def test_what_kraken_would_refuse_is_refused_before_it_is_sent(
    adapter: KrakenAdapter, btc: Instrument, request_: OrderRequest, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        adapter.place(request_, btc)


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
