"""Orders: each intention becomes exactly these bytes, and each answer exactly this model."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Fee,
    Fill,
    Instrument,
    Liquidity,
    OrderPhase,
    OrderRef,
    OrderRequest,
    OrderType,
    Outcome,
    SelfTradePrevention,
    Side,
    Symbol,
    TimeInForce,
    decimal_from_text,
    limit_buy,
    limit_sell,
    market_buy,
    market_sell,
)
from venuekit.plugin import Answer, Call, CallKind
from venuekit_binance.adapter import BinanceAdapter
from venuekit_binance.order_fields import number_text

MakeAnswer = Callable[..., Answer]
BTC_USDT = Symbol("BTC/USDT")
OURS = ClientOrderId("sim-0001")
TAIL = "newOrderRespType=FULL&recvWindow=2000"

# Retyped from the fact sheet (Binance's documentation of 2026-07-21).
PLACED = (
    '{"symbol":"BTCUSDT","orderId":7001,"orderListId":-1,"clientOrderId":"sim-0001",'
    '"transactTime":1784100001000,"price":"64000.02000000","origQty":"0.02000000",'
    '"executedQty":"0.01000000","origQuoteOrderQty":"0.00000000",'
    '"cummulativeQuoteQty":"640.00020000","status":"PARTIALLY_FILLED","timeInForce":"GTC",'
    '"type":"LIMIT","side":"BUY","workingTime":1784100001000,"fills":[{"price":"64000.02000000",'
    '"qty":"0.01000000","commission":"0.00001000","commissionAsset":"BTC","tradeId":500004}],'
    '"selfTradePreventionMode":"EXPIRE_MAKER"}'
)
CANCELED = (
    '{"symbol":"BTCUSDT","origClientOrderId":"sim-0001","orderId":7001,"orderListId":-1,'
    '"clientOrderId":"Kq3vX0b9TtWm2LhYd7RsZe","transactTime":1784100002000,'
    '"price":"64000.02000000","origQty":"0.02000000","executedQty":"0.01000000",'
    '"origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"640.00020000","status":"CANCELED",'
    '"timeInForce":"GTC","type":"LIMIT","side":"BUY","selfTradePreventionMode":"EXPIRE_MAKER"}'
)
AMENDED = (
    '{"transactTime":1784100003000,"executionId":9001,"amendedOrder":{"symbol":"BTCUSDT",'
    '"orderId":7002,"orderListId":-1,"origClientOrderId":"sim-0002","clientOrderId":"sim-0002",'
    '"price":"63500.00000000","qty":"0.01500000","executedQty":"0.00000000",'
    '"preventedQty":"0.00000000","quoteOrderQty":"0.00000000","cumulativeQuoteQty":"0.00000000",'
    '"status":"NEW","timeInForce":"GTC","type":"LIMIT","side":"BUY","workingTime":1784100001500,'
    '"selfTradePreventionMode":"EXPIRE_MAKER"}}'
)


def _order(kind: OrderType, side: Side = Side.SELL, **members: Any) -> OrderRequest:
    given = {"quantity": Decimal("0.01"), "client_order_id": OURS, **members}
    return OrderRequest(symbol=BTC_USDT, side=side, type=kind, **given)


def _body(call: Call[Any]) -> str:
    assert call.request.query == ""
    assert call.request.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    return call.request.body.decode()


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            limit_buy("BTC/USDT", "0.02", "64000.02", client_order_id="sim-0001"),
            "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.02&price=64000.02",
        ),
        (
            limit_sell(
                "BTC/USDT",
                "0.00001",
                "64000.10",
                time_in_force=TimeInForce.FOK,
                client_order_id="sim-0001",
            ),
            "side=SELL&type=LIMIT&timeInForce=FOK&quantity=0.00001&price=64000.10",
        ),
        (
            limit_buy("BTC/USDT", "1", "1", post_only=True, client_order_id="sim-0001"),
            "side=BUY&type=LIMIT_MAKER&quantity=1&price=1",
        ),
        (
            market_buy("BTC/USDT", quote_quantity="25.5", client_order_id="sim-0001"),
            "side=BUY&type=MARKET&quoteOrderQty=25.5",
        ),
        (
            market_sell("BTC/USDT", "1E-5", client_order_id="sim-0001"),
            "side=SELL&type=MARKET&quantity=0.00001",
        ),
        (
            _order(OrderType.STOP, stop_price=Decimal("62000.00")),
            "side=SELL&type=STOP_LOSS&quantity=0.01&stopPrice=62000.00",
        ),
        (
            _order(
                OrderType.STOP_LIMIT,
                price=Decimal(61900),
                stop_price=Decimal(62000),
                time_in_force=TimeInForce.IOC,
            ),
            (
                "side=SELL&type=STOP_LOSS_LIMIT&timeInForce=IOC&quantity=0.01&price=61900"
                "&stopPrice=62000"
            ),
        ),
        (
            _order(OrderType.TAKE_PROFIT, trailing_delta=Decimal(150)),
            "side=SELL&type=TAKE_PROFIT&quantity=0.01&trailingDelta=150",
        ),
        (
            _order(
                OrderType.TAKE_PROFIT_LIMIT,
                price=Decimal(66000),
                stop_price=Decimal(65900),
                trailing_delta=Decimal(20),
            ),
            (
                "side=SELL&type=TAKE_PROFIT_LIMIT&timeInForce=GTC&quantity=0.01&price=66000"
                "&stopPrice=65900&trailingDelta=20"
            ),
        ),
        (
            _order(OrderType.LIMIT, price=Decimal(66000), display_quantity=Decimal("0.001")),
            "side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.01&price=66000&icebergQty=0.001",
        ),
    ],
    ids=lambda value: value.split("&")[1] if isinstance(value, str) else "",
)
def test_each_type_of_order_is_written_to_the_byte(
    adapter: BinanceAdapter, btc: Instrument, request_: OrderRequest, expected: str
) -> None:
    call = adapter.place(request_, btc)
    assert (call.request.method, call.request.path) == ("POST", "/api/v3/order")
    assert _body(call) == f"symbol=BTCUSDT&{expected}&newClientOrderId=sim-0001&{TAIL}"


def test_modes_and_options_are_written_in_binances_own_names(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    request = _order(
        OrderType.LIMIT,
        self_trade_prevention=SelfTradePrevention.EXPIRE_TAKER,
        options={
            "pegPriceType": "PRIMARY_PEG",
            "pegOffsetType": "PRICE_LEVEL",
            "pegOffsetValue": "2",
            "strategyId": "7",
            "strategyType": "1000000",
        },
    )
    assert _body(adapter.place(request, btc)) == (
        "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.01"
        "&newClientOrderId=sim-0001&selfTradePreventionMode=EXPIRE_TAKER&pegPriceType=PRIMARY_PEG"
        f"&pegOffsetType=PRICE_LEVEL&pegOffsetValue=2&strategyId=7&strategyType=1000000&{TAIL}"
    )


def test_every_self_trade_prevention_mode_has_its_name(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    for mode in SelfTradePrevention:
        request = _order(OrderType.MARKET, self_trade_prevention=mode)
        assert f"&selfTradePreventionMode={mode.name}&" in _body(adapter.place(request, btc))


def test_a_symbol_beyond_ascii_is_percent_encoded(adapter: BinanceAdapter) -> None:
    instrument = adapter.instruments["这是测试币/456"]
    request = market_buy("这是测试币/456", "1", client_order_id="sim-0001")
    assert _body(adapter.place(request, instrument)).startswith(
        "symbol=%E8%BF%99%E6%98%AF%E6%B5%8B%E8%AF%95%E5%B8%81456&side=BUY&type=MARKET&"
    )


def test_a_placement_pays_weight_and_order_counts_and_gets_the_weight_back(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    call = adapter.place(_order(OrderType.MARKET), btc)
    assert call.kind is CallKind.PLACE
    assert call.costs == {"weight": 1, "raw": 1, "orders-10s": 1, "orders-1d": 1}
    assert call.refunds == {"weight": 1}
    assert call.client_order_id == "sim-0001"


def test_checking_an_order_sends_the_same_to_another_path_and_counts_no_order(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    request = _order(OrderType.MARKET)
    call = adapter.validate(request, btc)
    assert call.request.path == "/api/v3/order/test"
    assert call.request.body == adapter.place(request, btc).request.body
    assert (call.costs, call.refunds) == ({"weight": 1, "raw": 1}, {})
    assert not call.kind.is_write
    assert call.is_signed
    checked: object = call.read(answer("{}"))
    assert checked is None


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (_order(OrderType.LIMIT), "needs price"),
        (_order(OrderType.LIMIT, price=Decimal(1), stop_price=Decimal(1)), "stop_price"),
        (_order(OrderType.LIMIT, price=Decimal(1), time_in_force=TimeInForce.GTD), "GTD"),
        (
            _order(
                OrderType.LIMIT, price=Decimal(1), post_only=True, time_in_force=TimeInForce.IOC
            ),
            "post-only",
        ),
        (_order(OrderType.LIMIT, price=Decimal(1), quote_quantity=Decimal(5)), "quote_quantity"),
        (_order(OrderType.LIMIT, price=Decimal(1), quantity=None), "needs quantity"),
        (_order(OrderType.MARKET, quote_quantity=Decimal(5)), "either quantity"),
        (_order(OrderType.MARKET, price=Decimal(5)), "takes no price"),
        (_order(OrderType.MARKET, time_in_force=TimeInForce.IOC), "time in force"),
        (_order(OrderType.MARKET, post_only=True), "post_only"),
        (_order(OrderType.MARKET, display_quantity=Decimal("0.001")), "display_quantity"),
        (_order(OrderType.STOP), "stop_price or trailing_delta"),
        (_order(OrderType.STOP, trailing_delta=Decimal("1.5")), "basis points"),
        (_order(OrderType.MARKET, quantity=Decimal(-1)), "no sign"),
        (_order(OrderType.MARKET, quantity=Decimal("1E-21")), "20 digits"),
        (_order(OrderType.MARKET, client_order_id=None), "client order id"),
        (_order(OrderType.MARKET, client_order_id=ClientOrderId("with.dot")), "client order id"),
        (_order(OrderType.MARKET, client_order_id=ClientOrderId("x" * 37)), "client order id"),
        (_order(OrderType.MARKET, options={"strategyid": "1"}), "strategyid"),
        (_order(OrderType.MARKET, options={"strategyType": "999999"}), "strategyType"),
        (_order(OrderType.MARKET, options={"strategyId": "-1"}), "strategyId"),
        (_order(OrderType.MARKET, options={"pegPriceType": "PRIMARY_PEG"}), "pegged"),
        (
            _order(OrderType.LIMIT, options={"pegPriceType": "OTHER_PEG"}),
            "PRIMARY_PEG or MARKET_PEG",
        ),
        (
            _order(OrderType.LIMIT, options={"pegPriceType": "MARKET_PEG", "pegOffsetValue": "1"}),
            "go together",
        ),
        (
            _order(
                OrderType.LIMIT,
                options={
                    "pegPriceType": "MARKET_PEG",
                    "pegOffsetType": "PRICE_LEVEL",
                    "pegOffsetValue": "101",
                },
            ),
            "1 to 100",
        ),
        (attrs.evolve(_order(OrderType.MARKET), symbol=Symbol("ETH/USDT")), "ETH/USDT"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_binance_does_not_have_is_refused_before_it_is_sent(
    adapter: BinanceAdapter, btc: Instrument, request_: OrderRequest, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        adapter.place(request_, btc)


def test_all_reasons_for_a_refusal_are_named_together(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    request = _order(OrderType.LIMIT, stop_price=Decimal(1), options={"nothing": "1"})
    with pytest.raises(ValueError, match=r"needs price; .*stop_price.*; .*'nothing'"):
        adapter.place(request, btc)


def test_the_answer_to_a_placement_is_read_with_its_fills(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    request = limit_buy("BTC/USDT", "0.02", "64000.02", client_order_id="sim-0001")
    call = adapter.place(request, btc)
    reply = answer(PLACED)
    assert adapter.failure(call, reply) is None
    order = call.read(reply)
    assert order.phase is OrderPhase.PARTIALLY_FILLED
    assert (order.type, order.side, order.post_only) == (OrderType.LIMIT, Side.BUY, False)
    assert (order.client_order_id, order.exchange_order_id) == ("sim-0001", "7001")
    assert str(order.quantity) == "0.02000000"
    assert str(order.price) == "64000.02000000"
    assert (str(order.filled), str(order.filled_quote)) == ("0.01000000", "640.00020000")
    assert order.stop_price is None
    assert order.quote_quantity is None
    assert order.list_id is None
    assert order.created_ns == order.updated_ns == 1784100001000_000_000
    assert order.fills == (
        Fill(
            symbol=BTC_USDT,
            trade_id="500004",
            exchange_order_id=ExchangeOrderId("7001"),
            client_order_id=OURS,
            side=Side.BUY,
            price=Decimal("64000.02000000"),
            quantity=Decimal("0.01000000"),
            fee=Fee(Decimal("0.00001000"), "BTC"),
            liquidity=Liquidity.TAKER,
            time_ns=1784100001000_000_000,
        ),
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"clientOrderId":"sim-0001"', '"clientOrderId":"sim-0009"'),
        ('"symbol":"BTCUSDT"', '"symbol":"ETHUSDT"'),
        ('"status":"PARTIALLY_FILLED",', ""),
        ('"executedQty":"0.01000000"', '"executedQty":"NaN"'),
        ('"executedQty":"0.01000000"', '"executedQty":"1e999999"'),
        ('"executedQty":"0.01000000"', '"executedQty":"-0.01"'),
        ('"executedQty":"0.01000000"', '"executedQty":0.01'),
        ('"qty":"0.01000000"', '"qty":"0.00000000"'),
        ('"orderId":7001', '"orderId":"7001"'),
        ('"orderId":7001', '"orderId":7001,"orderId":7002'),
        ('"transactTime":1784100001000', '"transactTime":1784100001000000000'),
        ('"type":"LIMIT"', '"type":"ICEBERG"'),
        ('"side":"BUY"', '"side":"HOLD"'),
        ('"selfTradePreventionMode":"EXPIRE_MAKER"}', ""),
    ],
)
def test_an_answer_that_is_not_the_orders_is_refused(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer, old: str, new: str
) -> None:
    assert old in PLACED
    request = limit_buy("BTC/USDT", "0.02", "64000.02", client_order_id="sim-0001")
    with pytest.raises(ValueError, match=r"."):
        adapter.place(request, btc).read(answer(PLACED.replace(old, new)))


@pytest.mark.parametrize(
    ("status", "phase", "reason"),
    [
        ("NEW", OrderPhase.OPEN, None),
        ("PENDING_NEW", OrderPhase.PENDING, None),
        ("PARTIALLY_FILLED", OrderPhase.PARTIALLY_FILLED, None),
        ("FILLED", OrderPhase.FILLED, None),
        ("CANCELED", OrderPhase.CANCELED, None),
        ("REJECTED", OrderPhase.REJECTED, None),
        ("EXPIRED", OrderPhase.EXPIRED, None),
        ("EXPIRED_IN_MATCH", OrderPhase.EXPIRED, "order.self_trade"),
        ("NON_REPRESENTABLE", OrderPhase.UNKNOWN, None),
    ],
)
def test_each_status_is_a_phase_and_a_foreign_one_has_to_be_asked_again(
    adapter: BinanceAdapter,
    btc: Instrument,
    answer: MakeAnswer,
    status: str,
    phase: OrderPhase,
    reason: str | None,
) -> None:
    reply = answer(PLACED.replace("PARTIALLY_FILLED", status))
    request = limit_buy("BTC/USDT", "0.02", "64000.02", client_order_id="sim-0001")
    order = adapter.place(request, btc).read(reply)
    assert (order.phase, order.reason) == (phase, reason)


def test_the_reason_of_an_expiry_is_kept_in_binances_word(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    reply = PLACED.replace("PARTIALLY_FILLED", "EXPIRED").replace(
        '"workingTime"', '"expiryReason":"UNFILLED_IOC_QUANTITY_EXPIRED","workingTime"'
    )
    request = limit_buy("BTC/USDT", "0.02", "64000.02", client_order_id="sim-0001")
    order = adapter.place(request, btc).read(answer(reply))
    assert order.reason == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert order.filled == Decimal("0.01")


def test_a_market_order_by_quote_quantity_has_no_quantity_and_no_price(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    reply = (
        PLACED.replace('"type":"LIMIT"', '"type":"MARKET"')
        .replace('"price":"64000.02000000","origQty"', '"price":"0.00000000","origQty"')
        .replace('"origQuoteOrderQty":"0.00000000"', '"origQuoteOrderQty":"650.00000000"')
    )
    request = market_buy("BTC/USDT", quote_quantity="650", client_order_id="sim-0001")
    order = adapter.place(request, btc).read(answer(reply))
    assert (order.quantity, order.price, order.time_in_force) == (None, None, None)
    assert order.quote_quantity == Decimal(650)


def test_a_fill_of_the_smart_order_router_is_named_by_its_allocation(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    reply = PLACED.replace('"tradeId":500004', '"tradeId":-1,"allocId":12,"matchType":"X"')
    request = limit_buy("BTC/USDT", "0.02", "64000.02", client_order_id="sim-0001")
    assert adapter.place(request, btc).read(answer(reply)).fills[0].trade_id == "allocation-12"


# Canceling


def test_a_cancel_repeats_the_orders_name_so_that_it_keeps_it(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    ref = OrderRef(symbol=BTC_USDT, client_order_id=OURS)
    call = adapter.cancel(ref, btc)
    assert (call.request.method, call.request.path) == ("DELETE", "/api/v3/order")
    assert call.request.query == (
        "symbol=BTCUSDT&origClientOrderId=sim-0001&newClientOrderId=sim-0001&recvWindow=2000"
    )
    assert call.request.body == b""
    assert (call.costs, call.refunds) == ({"weight": 1, "raw": 1}, {"weight": 1})
    assert call.kind is CallKind.CANCEL


def test_a_cancel_goes_by_binances_id_alone_where_it_is_known(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    both = OrderRef(
        symbol=BTC_USDT, client_order_id=OURS, exchange_order_id=ExchangeOrderId("7001")
    )
    theirs = OrderRef(symbol=BTC_USDT, exchange_order_id=ExchangeOrderId("7001"))
    assert adapter.cancel(both, btc).request.query == (
        "symbol=BTCUSDT&orderId=7001&newClientOrderId=sim-0001&recvWindow=2000"
    )
    assert adapter.cancel(theirs, btc).request.query == (
        "symbol=BTCUSDT&orderId=7001&recvWindow=2000"
    )


def test_the_answer_to_a_cancel_names_the_order_and_not_the_cancel(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    order = adapter.cancel(OrderRef(symbol=BTC_USDT, client_order_id=OURS), btc).read(
        answer(CANCELED)
    )
    assert order.client_order_id == "sim-0001"
    assert (order.phase, order.filled) == (OrderPhase.CANCELED, Decimal("0.01"))
    assert order.updated_ns == 1784100002000_000_000


def test_the_answer_to_a_cancel_of_another_order_is_refused(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    ref = OrderRef(symbol=BTC_USDT, exchange_order_id=ExchangeOrderId("7002"))
    with pytest.raises(ValueError, match="another order"):
        adapter.cancel(ref, btc).read(answer(CANCELED))


def test_canceling_a_leg_reads_the_leg_from_its_list(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    other = CANCELED.replace("7001", "7000").replace("sim-0001", "sim-0000")
    reply = f'{{"orderListId":31,"orders":[],"orderReports":[{other},{CANCELED}]}}'
    ref = OrderRef(symbol=BTC_USDT, client_order_id=OURS)
    assert adapter.cancel(ref, btc).read(answer(reply)).exchange_order_id == "7001"


def test_canceling_all_reads_single_orders_and_lists(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    call = adapter.cancel_all(btc)
    assert (call.request.method, call.request.path) == ("DELETE", "/api/v3/openOrders")
    assert call.request.query == "symbol=BTCUSDT&recvWindow=2000"
    leg = CANCELED.replace("7001", "7010").replace("sim-0001", "leg-a")
    reply = answer(f'[{CANCELED},{{"orderListId":31,"orderReports":[{leg}]}}]')
    assert adapter.failure(call, reply) is None
    assert [o.client_order_id for o in call.read(reply)] == ["sim-0001", "leg-a"]


def test_canceling_all_of_an_empty_book_cancels_none(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    call = adapter.cancel_all(btc)
    reply = answer({"code": -2011, "msg": "Unknown order sent."}, 400)
    assert adapter.failure(call, reply) is None
    assert list(call.read(reply)) == []


def test_another_refusal_of_cancel_all_stays_a_failure(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    failure = adapter.failure(
        adapter.cancel_all(btc), answer({"code": -2011, "msg": "Market is closed."}, 400)
    )
    assert failure is not None
    assert failure.reason == "instrument.halted"


# Amending


def test_an_amendment_sends_the_orders_name_again_and_reads_the_other_spelling(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    ref = OrderRef(symbol=BTC_USDT, client_order_id=ClientOrderId("sim-0002"))
    call = adapter.amend(ref, btc, quantity=Decimal("0.0150"), price=None)
    assert (call.request.method, call.request.path) == (
        "PUT",
        "/api/v3/order/amend/keepPriority",
    )
    assert _body(call) == (
        "symbol=BTCUSDT&origClientOrderId=sim-0002&newQty=0.0150&newClientOrderId=sim-0002"
        "&recvWindow=2000"
    )
    assert (call.costs, call.refunds) == ({"weight": 4, "raw": 1}, {})
    order = call.read(answer(AMENDED))
    assert (order.client_order_id, order.exchange_order_id) == ("sim-0002", "7002")
    assert (str(order.quantity), order.phase) == ("0.01500000", OrderPhase.OPEN)


def test_what_binance_cannot_amend_is_refused(adapter: BinanceAdapter, btc: Instrument) -> None:
    ours = OrderRef(symbol=BTC_USDT, client_order_id=OURS)
    theirs = OrderRef(symbol=BTC_USDT, exchange_order_id=ExchangeOrderId("1"))
    with pytest.raises(ValueError, match="replace the order"):
        adapter.amend(ours, btc, quantity=Decimal(1), price=Decimal(1))
    with pytest.raises(ValueError, match="quantity"):
        adapter.amend(ours, btc, quantity=None, price=None)
    with pytest.raises(ValueError, match="client order id"):
        adapter.amend(theirs, btc, quantity=Decimal(1), price=None)


# Replacing


def _replace(adapter: BinanceAdapter, btc: Instrument, **options: str) -> Call[Any]:
    new = attrs.evolve(
        limit_buy("BTC/USDT", "0.02", "63000", client_order_id="sim-0002"), options=options
    )
    old = OrderRef(symbol=BTC_USDT, client_order_id=OURS, exchange_order_id=ExchangeOrderId("7001"))
    return adapter.replace(old, new, btc, place_even_if_not_canceled=False)


NEW_PLACED = PLACED.replace("sim-0001", "sim-0002").replace("7001", "7003")
BOTH = (
    f'{{"cancelResult":"SUCCESS","newOrderResult":"SUCCESS","cancelResponse":{CANCELED},'
    f'"newOrderResponse":{NEW_PLACED}}}'
)
NO_FUNDS = '{"code":-2010,"msg":"Account has insufficient balance for requested action."}'
HALF = (
    '{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{"cancelResult":"SUCCESS",'
    f'"newOrderResult":"FAILURE","cancelResponse":{CANCELED},"newOrderResponse":{NO_FUNDS}}}}}'
)
NONE = (
    '{"code":-2022,"msg":"Order cancel-replace failed.","data":{"cancelResult":"FAILURE",'
    '"newOrderResult":"NOT_ATTEMPTED",'
    '"cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":null}}'
)


def test_a_replacement_is_one_request_for_both_halves(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    call = _replace(adapter, btc, cancelRestrictions="ONLY_NEW")
    assert call.request.path == "/api/v3/order/cancelReplace"
    assert _body(call) == (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.02&price=63000"
        "&newClientOrderId=sim-0002&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=7001"
        f"&cancelNewClientOrderId=sim-0001&cancelRestrictions=ONLY_NEW&{TAIL}"
    )
    assert call.costs["orders-10s"] == 1


def test_a_replacement_may_be_told_to_place_whatever_becomes_of_the_cancel(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    new = limit_buy("BTC/USDT", "0.02", "63000", client_order_id="sim-0002")
    old = OrderRef(symbol=BTC_USDT, client_order_id=OURS)
    call = adapter.replace(old, new, btc, place_even_if_not_canceled=True)
    assert "&cancelReplaceMode=ALLOW_FAILURE&cancelOrigClientOrderId=sim-0001&" in _body(call)


def test_options_of_the_cancel_have_known_values_only(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    with pytest.raises(ValueError, match="ONLY_NEW or ONLY_PARTIALLY_FILLED"):
        _replace(adapter, btc, cancelRestrictions="ALL")


def test_both_halves_of_a_replacement_are_read(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    call, reply = _replace(adapter, btc), answer(BOTH)
    assert adapter.failure(call, reply) is None
    done = call.read(reply)
    assert done.canceled.client_order_id == "sim-0001"
    assert done.placed.client_order_id == "sim-0002"
    assert (done.cancel_failure, done.place_failure) == (None, None)


@pytest.mark.parametrize("status", [409, 429])
def test_a_half_done_replacement_tells_which_half(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer, status: int
) -> None:
    call, reply = _replace(adapter, btc), answer(HALF, status)
    assert adapter.failure(call, reply) is None
    done = call.read(reply)
    assert done.canceled.phase is OrderPhase.CANCELED
    assert done.placed is None
    assert done.place_failure.startswith("balance.insufficient: ")
    assert done.place_failure.endswith("(code -2010)")


def test_a_replacement_of_which_nothing_was_done_says_so(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    call, reply = _replace(adapter, btc), answer(NONE, 400)
    assert adapter.failure(call, reply) is None
    done = call.read(reply)
    assert (done.canceled, done.placed) == (None, None)
    assert done.cancel_failure.startswith("order.unknown: ")
    assert done.place_failure == "order.not_attempted"


def test_a_half_with_an_unknown_effect_leaves_the_replacement_unknown(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    reply = answer(HALF.replace("-2010", "-1007"), 409)
    failure = adapter.failure(_replace(adapter, btc), reply)
    assert failure is not None
    assert (failure.outcome, failure.code) == (Outcome.UNKNOWN, "-1007")


@pytest.mark.parametrize("data", ["", ',"data":null', ',"data":{"cancelResult":"PERHAPS"}'])
def test_halves_that_cannot_be_read_are_unknown(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer, data: str
) -> None:
    failure = adapter.failure(_replace(adapter, btc), answer(f'{{"code":-2021{data}}}', 409))
    assert failure is not None
    assert failure.outcome is Outcome.UNKNOWN


# A law: digits


@given(st.decimals(min_value=0, max_value=10**19, places=8, allow_nan=False))
def test_digits_go_out_and_come_back_unchanged(value: Decimal) -> None:
    text = number_text("quantity", value)
    assert "E" not in text
    assert decimal_from_text(text).as_tuple() == value.as_tuple()
