"""Order lists: legs above and below the market, and what Binance answers."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from venuekit.model import (
    ClientOrderId,
    Instrument,
    ListKind,
    OrderListRequest,
    OrderPhase,
    OrderRequest,
    OrderType,
    Side,
    Symbol,
)
from venuekit.plugin import Answer
from venuekit_binance.adapter import BinanceAdapter

MakeAnswer = Callable[..., Answer]
SYMBOL = Symbol("BTC/USDT")
TAIL = "newOrderRespType=FULL&recvWindow=2000"

LIST = (
    '{"orderListId":31,"contingencyType":"OCO","listStatusType":"EXEC_STARTED",'
    '"listOrderStatus":"EXECUTING","listClientOrderId":"list-0001",'
    '"transactionTime":1784100004000,"symbol":"BTCUSDT",'
    '"orders":[{"symbol":"BTCUSDT","orderId":7010,"clientOrderId":"leg-b"},'
    '{"symbol":"BTCUSDT","orderId":7011,"clientOrderId":"leg-a"}],'
    '"orderReports":[{"symbol":"BTCUSDT","orderId":7010,"orderListId":31,"clientOrderId":"leg-b",'
    '"transactTime":1784100004000,"price":"61900.00000000","origQty":"0.01000000",'
    '"executedQty":"0.00000000","origQuoteOrderQty":"0.00000000",'
    '"cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC",'
    '"type":"STOP_LOSS_LIMIT","side":"SELL","stopPrice":"62000.00000000","workingTime":-1,'
    '"selfTradePreventionMode":"EXPIRE_MAKER"},'
    '{"symbol":"BTCUSDT","orderId":7011,"orderListId":31,"clientOrderId":"leg-a",'
    '"transactTime":1784100004000,"price":"66000.00000000","origQty":"0.01000000",'
    '"executedQty":"0.00000000","origQuoteOrderQty":"0.00000000",'
    '"cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"LIMIT_MAKER",'
    '"side":"SELL","workingTime":1784100004000,"selfTradePreventionMode":"EXPIRE_MAKER"}]}'
)


def _leg(name: str, kind: OrderType, side: Side = Side.SELL, **members: Any) -> OrderRequest:
    given = {"quantity": Decimal("0.01"), **members}
    return OrderRequest(
        symbol=SYMBOL, side=side, type=kind, client_order_id=ClientOrderId(name), **given
    )


def _limit(
    name: str, price: int, side: Side = Side.SELL, *, post_only: bool = True
) -> OrderRequest:
    return _leg(name, OrderType.LIMIT, side, price=Decimal(price), post_only=post_only)


def _stop(name: str, stop: int, price: int, side: Side = Side.SELL) -> OrderRequest:
    return _leg(name, OrderType.STOP_LIMIT, side, stop_price=Decimal(stop), price=Decimal(price))


def _request(kind: ListKind, *legs: OrderRequest) -> OrderListRequest:
    return OrderListRequest(kind=kind, legs=legs, client_list_id="list-0001")


@pytest.mark.parametrize("is_stop_first", [False, True])
def test_to_sell_the_limit_stands_above_and_the_stop_below(
    adapter: BinanceAdapter, btc: Instrument, *, is_stop_first: bool
) -> None:
    legs = [_limit("leg-a", 66000), _stop("leg-b", 62000, 61900)]
    if is_stop_first:
        legs.reverse()
    call = adapter.place_list(_request(ListKind.OCO, *legs), btc)
    assert call.request.path == "/api/v3/orderList/oco"
    assert call.request.body.decode() == (
        "symbol=BTCUSDT&listClientOrderId=list-0001&side=SELL&quantity=0.01"
        "&aboveType=LIMIT_MAKER&abovePrice=66000&aboveClientOrderId=leg-a"
        "&belowType=STOP_LOSS_LIMIT&belowTimeInForce=GTC&belowPrice=61900&belowStopPrice=62000"
        f"&belowClientOrderId=leg-b&{TAIL}"
    )
    assert call.costs == {"weight": 1, "raw": 1, "orders-10s": 2, "orders-1d": 2}
    assert call.refunds == {"weight": 1}


def test_to_buy_the_stop_stands_above(adapter: BinanceAdapter, btc: Instrument) -> None:
    stop = _leg("leg-b", OrderType.STOP, Side.BUY, stop_price=Decimal(66000))
    profit = _leg("leg-a", OrderType.TAKE_PROFIT, Side.BUY, trailing_delta=Decimal(100))
    call = adapter.place_list(_request(ListKind.OCO, profit, stop), btc)
    assert call.request.body.decode() == (
        "symbol=BTCUSDT&listClientOrderId=list-0001&side=BUY&quantity=0.01"
        "&aboveType=STOP_LOSS&aboveStopPrice=66000&aboveClientOrderId=leg-b"
        "&belowType=TAKE_PROFIT&belowTrailingDelta=100&belowClientOrderId=leg-a"
        f"&{TAIL}"
    )


def test_one_triggers_other_is_written_as_working_and_pending(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    working = _limit("leg-w", 60000, Side.BUY, post_only=False)
    pending = _leg("leg-p", OrderType.MARKET, quantity=Decimal("0.02"))
    call = adapter.place_list(_request(ListKind.OTO, working, pending), btc)
    assert call.request.path == "/api/v3/orderList/oto"
    assert call.request.body.decode() == (
        "symbol=BTCUSDT&listClientOrderId=list-0001&workingSide=BUY&workingType=LIMIT"
        "&workingTimeInForce=GTC&workingQuantity=0.01&workingPrice=60000"
        "&workingClientOrderId=leg-w&pendingSide=SELL&pendingType=MARKET&pendingQuantity=0.02"
        f"&pendingClientOrderId=leg-p&{TAIL}"
    )


def test_an_otoco_places_an_oco_behind_a_working_order(
    adapter: BinanceAdapter, btc: Instrument
) -> None:
    call = adapter.place_list(
        _request(
            ListKind.OTOCO,
            _limit("leg-w", 60000, Side.BUY),
            _limit("leg-a", 66000),
            _stop("leg-b", 55000, 54900),
        ),
        btc,
    )
    assert call.request.path == "/api/v3/orderList/otoco"
    assert call.request.body.decode() == (
        "symbol=BTCUSDT&listClientOrderId=list-0001&workingSide=BUY&workingType=LIMIT_MAKER"
        "&workingQuantity=0.01&workingPrice=60000&workingClientOrderId=leg-w&pendingSide=SELL"
        "&pendingQuantity=0.01&pendingAboveType=LIMIT_MAKER&pendingAbovePrice=66000"
        "&pendingAboveClientOrderId=leg-a&pendingBelowType=STOP_LOSS_LIMIT"
        "&pendingBelowTimeInForce=GTC&pendingBelowPrice=54900&pendingBelowStopPrice=55000"
        f"&pendingBelowClientOrderId=leg-b&{TAIL}"
    )
    assert call.costs["orders-10s"] == 3


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (_request(ListKind.OCO, _limit("a", 66000)), "2 legs"),
        (_request(ListKind.OCO, _limit("a", 61000), _stop("b", 62000, 61900)), "above"),
        (_request(ListKind.OCO, _limit("a", 66000), _limit("b", 67000)), "pairs a stop leg"),
        (
            _request(ListKind.OCO, _limit("a", 66000, post_only=False), _stop("b", 62000, 61900)),
            "post_only=True",
        ),
        (
            _request(ListKind.OCO, _limit("a", 66000, Side.BUY), _stop("b", 62000, 61900)),
            "one side",
        ),
        (
            _request(
                ListKind.OTO,
                _leg("w", OrderType.MARKET, Side.BUY),
                _limit("p", 66000),
            ),
            "working leg",
        ),
        (
            _request(
                ListKind.OTO,
                _limit("w", 60000, Side.BUY),
                _leg("p", OrderType.MARKET, quantity=None, quote_quantity=Decimal(5)),
            ),
            "pending leg",
        ),
        (
            OrderListRequest(kind=ListKind.OCO, legs=(_limit("a", 1), _stop("b", 1, 1))),
            "client order id",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_legs_that_make_no_list_are_refused(
    adapter: BinanceAdapter, btc: Instrument, request_: OrderListRequest, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        adapter.place_list(request_, btc)


def test_the_answer_describes_list_and_legs(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    request = _request(ListKind.OCO, _limit("leg-a", 66000), _stop("leg-b", 62000, 61900))
    placed = adapter.place_list(request, btc).read(answer(LIST))
    assert (placed.kind, placed.exchange_list_id, placed.client_list_id) == (
        ListKind.OCO,
        "31",
        "list-0001",
    )
    assert placed.is_open
    stop, limit = placed.orders
    assert (stop.type, stop.phase, str(stop.stop_price)) == (
        OrderType.STOP_LIMIT,
        OrderPhase.OPEN,
        "62000.00000000",
    )
    assert (limit.post_only, limit.list_id) == (True, "31")
    assert [(r.client_order_id, r.exchange_order_id) for r in placed.refs] == [
        ("leg-b", "7010"),
        ("leg-a", "7011"),
    ]


def test_a_list_is_canceled_and_asked_for_by_our_id(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer
) -> None:
    cancel, fetch = adapter.cancel_list("list-0001", btc), adapter.fetch_list("list-0001")
    assert (cancel.request.method, cancel.request.query) == (
        "DELETE",
        "symbol=BTCUSDT&listClientOrderId=list-0001&recvWindow=2000",
    )
    assert (fetch.request.path, fetch.request.query, fetch.costs["weight"]) == (
        "/api/v3/orderList",
        "origClientOrderId=list-0001",
        4,
    )
    done = cancel.read(answer(LIST.replace('"EXECUTING"', '"ALL_DONE"')))
    assert not done.is_open
    assert fetch.read(answer(LIST[: LIST.index(',"orderReports"')] + "}")).orders == ()


def test_open_lists_are_told_apart_by_their_legs(
    adapter: BinanceAdapter, answer: MakeAnswer
) -> None:
    call = adapter.fetch_open_lists()
    assert (call.request.path, call.costs["weight"]) == ("/api/v3/openOrderList", 6)
    oto = LIST.replace('"contingencyType":"OCO"', '"contingencyType":"OTO"')
    third = '{"symbol":"BTCUSDT","orderId":7012,"clientOrderId":"leg-c"}'
    otoco = oto.replace('"orders":[', f'"orders":[{third},')
    assert [found.kind for found in call.read(answer(f"[{LIST},{oto},{otoco}]"))] == [
        ListKind.OCO,
        ListKind.OTO,
        ListKind.OTOCO,
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("list-0001", "list-0002"),
        ('"symbol":"BTCUSDT","orders"', '"symbol":"ETHUSDT","orders"'),
        ('"contingencyType":"OCO"', '"contingencyType":"NEW"'),
        ('"orderId":7010', '"orderId":-7010'),
    ],
)
def test_an_answer_about_something_else_is_refused(
    adapter: BinanceAdapter, btc: Instrument, answer: MakeAnswer, old: str, new: str
) -> None:
    assert old in LIST
    with pytest.raises(ValueError, match=r"."):
        adapter.cancel_list("list-0001", btc).read(answer(LIST.replace(old, new)))
