"""The blocking twin has every method of the asynchronous handle, with the same parameters."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import venuekit.sync
from venuekit import limit_buy, market_buy
from venuekit.client import Exchange
from venuekit.model import Closed, OrderPhase
from venuekit.sync import SyncExchange

ONLY_ASYNC = {"on_stream_event", "has_key", "clock_offset_ns", "latency_ns", "history"}


def public(cls: type) -> dict[str, Callable[..., Any]]:
    return {
        name: member
        for name, member in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize("name", sorted(set(public(Exchange)) - ONLY_ASYNC))
def test_a_method_is_there_with_the_same_parameters(name: str) -> None:
    ours = inspect.signature(public(Exchange)[name]).parameters
    theirs = inspect.signature(public(SyncExchange)[name]).parameters
    assert list(theirs) == list(ours)
    assert [ours[p].default for p in ours] == [theirs[p].default for p in ours]


def test_an_order_is_placed_and_canceled_without_async() -> None:
    with venuekit.sync.open("binance", environment="sim") as ex:
        bid, _ = ex.fetch_book("BTC/USDT", depth=5).bids[0]
        order = ex.place(limit_buy("BTC/USDT", "0.001", bid - 1000))
        assert order.phase is OrderPhase.OPEN
        assert ex.cancel(order).phase is OrderPhase.CANCELED


def test_streams_are_for_loops_and_books_are_with_blocks() -> None:
    with venuekit.sync.open("binance", environment="sim") as ex:
        events = ex.account_events()
        ex.place(market_buy("BTC/USDT", "0.001"))
        assert type(next(events)).__name__ == "OrderEvent"
        events.close()
        with ex.book("BTC/USDT") as book:
            snapshot = book.snapshot(5)
        assert len(snapshot.bids) == 5
        assert snapshot.bids[0][0] < snapshot.asks[0][0]


def test_limits_can_be_looked_at_without_async() -> None:
    with venuekit.sync.open("binance", environment="sim") as ex:
        weight = next(state for state in ex.limits() if state.name == "weight")
        assert 0 < weight.used < weight.capacity
        assert ex.limit_figures().waits == 0


def test_a_closed_handle_says_so() -> None:
    opening = venuekit.sync.open("binance", environment="sim")
    ex = opening.start()
    opening.close()
    opening.close()
    with pytest.raises(Closed, match="open the exchange again"):
        ex.fetch_time()
