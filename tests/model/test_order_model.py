"""Orders say what is asked and what is known, and accept no float."""

from decimal import Decimal
from typing import Any, cast

import pytest

from venuekit.model import (
    ClientOrderId,
    ExchangeOrderId,
    Fee,
    Fill,
    Order,
    OrderPhase,
    OrderRef,
    OrderType,
    Side,
    Symbol,
    limit_buy,
    limit_sell,
    market_buy,
    market_sell,
)

BTC = Symbol("BTC/USDT")


def fill(trade_id: str, price: str, quantity: str) -> Fill:
    return Fill(
        symbol=BTC,
        trade_id=trade_id,
        exchange_order_id=ExchangeOrderId("7"),
        side=Side.BUY,
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Fee(Decimal("0.00001"), "BTC"),
        time_ns=1,
    )


def order(**fields: Any) -> Order:
    known: dict[str, Any] = {
        "symbol": BTC,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "phase": OrderPhase.OPEN,
        "client_order_id": ClientOrderId("a"),
        "quantity": Decimal("0.02"),
    }
    return Order(**(known | fields))


def test_a_limit_order_keeps_the_digits_it_was_typed_with() -> None:
    request = limit_buy("BTC/USDT", quantity="0.10", price="30000.0")
    assert (str(request.quantity), str(request.price)) == ("0.10", "30000.0")
    assert (request.side, request.type) == (Side.BUY, OrderType.LIMIT)
    assert limit_sell("BTC/USDT", "1", "2").side is Side.SELL


@pytest.mark.parametrize("amount", [0.1, True, None, b"1"])
def test_an_amount_that_cannot_hold_the_typed_digits_is_refused(amount: object) -> None:
    with pytest.raises(TypeError, match="give a string or a Decimal"):
        limit_buy("BTC/USDT", quantity=cast(str, amount), price="1")


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "inf", "ten", ""])
def test_an_amount_that_is_no_number_above_zero_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="price"):
        limit_buy("BTC/USDT", quantity="1", price=amount)


def test_a_market_order_is_by_quantity_or_by_quote_quantity_never_both() -> None:
    assert market_buy("BTC/USDT", "1").quantity == 1
    assert market_sell("BTC/USDT", quote_quantity="50").quote_quantity == 50
    with pytest.raises(ValueError, match="either quantity or quote_quantity"):
        market_buy("BTC/USDT")
    with pytest.raises(ValueError, match="either quantity or quote_quantity"):
        market_buy("BTC/USDT", "1", quote_quantity="1")


def test_the_average_price_is_of_the_quote_amount_where_the_exchange_says_it() -> None:
    known = order(filled=Decimal("0.02"), filled_quote=Decimal("1280.0004"))
    assert known.average_price == Decimal("64000.02")


def test_the_average_price_is_of_the_fills_only_when_they_are_complete() -> None:
    fills = (fill("1", "64000", "0.01"), fill("2", "64002", "0.01"))
    assert order(filled=Decimal("0.02"), fills=fills).average_price == 64001
    assert order(filled=Decimal("0.02"), fills=fills[:1]).average_price is None
    assert order().average_price is None


def test_remaining_is_what_was_asked_for_less_what_was_filled() -> None:
    assert order(filled=Decimal("0.015")).remaining == Decimal("0.005")
    assert order(quantity=None).remaining is None


def test_a_reference_that_names_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="neither was given"):
        OrderRef(symbol=BTC)


def test_an_order_whose_fate_is_unknown_counts_as_open() -> None:
    assert order(phase=OrderPhase.UNKNOWN).is_open
    assert order(phase=OrderPhase.SUBMITTING).is_open
    assert not order(phase=OrderPhase.NEVER_PLACED).is_open


def test_a_reference_may_say_about_when_the_order_was_created_which_names_nothing() -> None:
    ref = order(created_ns=5).ref
    assert ref.created_ns == 5
    assert ref == order().ref
    assert "created" not in repr(ref)
