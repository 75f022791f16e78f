"""What an application reads when an exchange refuses, over each exchange's own simulator."""

import unicodedata

import pytest

import venuekit
from tests.docs.exchange_table import manifests
from venuekit import limit_buy
from venuekit.model import (
    ClientOrderId,
    InsufficientBalance,
    OrderNotFound,
    OrderRef,
    OutcomeUnknown,
    Symbol,
)
from venuekit.sim.faults import Fault, FaultKind

SYMBOLS = {"binance": "BTC/USDT"}
NAMES = {"coinbase-exchange": "00000000-0000-4000-a000-000000000000"}
"""Of orders that nobody knows, where it has to be a UUID."""
EXCHANGES = [manifest.id for manifest in manifests() if manifest.simulator]


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_refused_order_is_told_with_its_id_its_effect_the_exchange_s_words_and_what_next(
    exchange: str,
) -> None:
    symbol = SYMBOLS.get(exchange, "BTC/USD")
    async with venuekit.open(exchange) as ex:
        book = await ex.fetch_book(symbol, depth=5)
        with pytest.raises(InsufficientBalance) as caught:
            await ex.place(limit_buy(symbol, "100", book.bids[0][0]))
    error, told = caught.value, str(caught.value)
    assert error.client_order_id
    assert told.startswith(f"{exchange}: place order {error.client_order_id}: balance.insuff")
    assert error.failure.code
    assert told.count(error.failure.code) == 1
    assert error.failure.text in told
    assert told.endswith("; refused, without effect; trying the same again changes nothing")
    assert not any(unicodedata.category(char)[0] == "C" for char in told)


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_cancel_of_what_nobody_knows_names_the_order(exchange: str) -> None:
    async with venuekit.open(exchange) as ex:
        name = ClientOrderId(NAMES.get(exchange, "0" * 32))
        ref = OrderRef(symbol=Symbol(SYMBOLS.get(exchange, "BTC/USD")), client_order_id=name)
        with pytest.raises(OrderNotFound) as caught:
            await ex.cancel(ref)
    assert caught.value.client_order_id == name
    assert str(caught.value).startswith(f"{exchange}: cancel order {name}: order.unknown")
    assert "; refused, without effect; " in str(caught.value)


# Where a client order id is refused for ever the placement is repeated, and nothing is told.
@pytest.mark.parametrize(("exchange", "path"), [("binance", "*/order"), ("kraken", "*/AddOrder")])
async def test_an_answer_that_was_lost_is_told_as_an_effect_that_is_not_known(
    exchange: str, path: str
) -> None:
    symbol = SYMBOLS.get(exchange, "BTC/USD")
    async with venuekit.open(exchange) as ex:
        assert ex.simulator is not None
        book = await ex.fetch_book(symbol, depth=5)
        ex.simulator.dialect.faults.add(Fault(kind=FaultKind.RESET_AFTER, method="POST", path=path))
        with pytest.raises(OutcomeUnknown) as caught:
            await ex.place(limit_buy(symbol, "0.001", book.bids[0][0] - 1000), wait=False)
        order = await caught.value
    assert caught.value.client_order_id == order.client_order_id
    assert f": place order {order.client_order_id}: network." in str(caught.value)
    assert "; it may have had its effect; not to be repeated before" in str(caught.value)
    assert not caught.value.may_retry
