"""The matching engine's counter: what calls add to it, by the age of orders."""

from collections.abc import Mapping
from typing import Any

import pytest

from venuekit.model import ClientOrderId, Instrument, OrderRef, Symbol, limit_buy
from venuekit.plugin import Call, Cost
from venuekit_kraken.adapter import KrakenAdapter

BTC, DOGE = Symbol("BTC/USD"), Symbol("DOGE/USD")
SECOND = 10**9
NAME = ClientOrderId("6d1b345e282140e2ad834ecb18a06876")


def ref(symbol: Symbol = BTC, created_s: int | None = 0, amended_s: int | None = None) -> OrderRef:
    return OrderRef(
        symbol=symbol,
        client_order_id=NAME,
        created_ns=None if created_s is None else created_s * SECOND,
        touched_ns=None if amended_s is None else amended_s * SECOND,
    )


def paid(call: Call[Any], at_s: float = 0) -> Mapping[str, int]:
    """Give what a call costs each pair, at a time after the beginning."""
    return {
        name: cost.at(round(at_s * SECOND)) if isinstance(cost, Cost) else cost
        for name, cost in call.costs.items()
    }


@pytest.mark.parametrize(
    ("age_s", "cost"),
    [(0, 8), (4.9, 8), (5, 6), (10, 5), (15, 4), (45, 2), (90, 1), (299, 1), (300, 0)],
)
def test_a_cancel_costs_by_the_age_of_the_order(
    adapter: KrakenAdapter, btc: Instrument, age_s: float, cost: int
) -> None:
    assert paid(adapter.cancel(ref(), btc), age_s) == {"engine BTC/USD": cost}


@pytest.mark.parametrize(("age_s", "cost"), [(0, 4), (5, 3), (10, 2), (15, 1), (1000, 1)])
def test_an_amendment_costs_by_the_age_of_the_order(
    adapter: KrakenAdapter, btc: Instrument, age_s: float, cost: int
) -> None:
    call = adapter.amend(ref(), btc, quantity=btc.quantity.minimum, price=None)
    assert paid(call, age_s) == {"engine BTC/USD": cost}


def test_the_published_example_adds_up(adapter: KrakenAdapter, btc: Instrument) -> None:
    """Add, amend after 7 s, cancel 36 s later: 1 + (1 + 2) + 4."""
    request = limit_buy(BTC, "1", "50000", client_order_id=NAME)
    amend = adapter.amend(ref(), btc, quantity=btc.quantity.minimum, price=None)
    cancel = adapter.cancel(ref(amended_s=7), btc)
    costs = (paid(adapter.place(request, btc)), paid(amend, 7), paid(cancel, 7 + 36))
    assert [cost["engine BTC/USD"] for cost in costs] == [1, 3, 4]


def test_an_order_of_unknown_age_costs_as_a_new_one(
    adapter: KrakenAdapter, btc: Instrument
) -> None:
    assert paid(adapter.cancel(ref(created_s=None), btc), 1000) == {"engine BTC/USD": 8}


def test_many_cancels_cost_each_pair_its_own_and_wait_for_nothing(
    adapter: KrakenAdapter,
) -> None:
    call = adapter.cancel_many([ref(), ref(DOGE), ref(created_s=50), ref(created_s=None)])
    assert paid(call, 100) == {"engine BTC/USD": 1 + 2 + 8, "engine DOGE/USD": 1}
    assert not any(cost.waits for cost in call.costs.values() if isinstance(cost, Cost))


@pytest.mark.parametrize(("count", "cost"), [(2, 1), (3, 2), (15, 8)])
def test_orders_in_one_request_cost_half(
    adapter: KrakenAdapter, btc: Instrument, count: int, cost: int
) -> None:
    request = limit_buy(BTC, "1", "50000", client_order_id=NAME)
    assert paid(adapter.place_many([request] * count, btc)) == {"engine BTC/USD": cost}


def test_an_amendment_begins_the_age_anew(adapter: KrakenAdapter, btc: Instrument) -> None:
    assert paid(adapter.cancel(ref(), btc), 400) == {"engine BTC/USD": 0}
    assert paid(adapter.cancel(ref(amended_s=399), btc), 400) == {"engine BTC/USD": 8}
