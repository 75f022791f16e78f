"""Figures that are none: a reader refuses them by the one error that it may raise."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from venuekit.model import Instrument
from venuekit_coinbase.exchange.adapter import ExchangeAdapter
from venuekit_coinbase.figures import signed

Ask = Callable[..., tuple[Any, Any]]


@pytest.mark.parametrize("value", [None, True, [], [0, [1, 2], 0], {"a": 1}, 1.5])
def test_what_is_no_number_is_refused_as_such(value: Any) -> None:
    with pytest.raises(ValueError, match="where a number belongs"):
        signed(value)
    assert signed(Decimal(-1)) == -1


def test_what_is_not_finite_is_no_number() -> None:
    for text in ("NaN", "sNaN1", "Infinity"):
        with pytest.raises(ValueError, match="not a number"):
            signed(Decimal(text))


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("value", [[], {"a": 1}, None, True, "x"])
def test_a_candle_with_anything_but_numbers_is_refused(
    exchange: ExchangeAdapter, exchange_btc: Instrument, ask: Ask, place: int, value: Any
) -> None:
    row: list[Any] = [1767225600, 1, 3, 2, 2, 5]
    row[place] = value
    steps = exchange.fetch_candles(
        exchange_btc, "1m", since_ns=None, until_ns=None, limit=10, now_ns=1_767_225_900 * 10**9
    )
    with pytest.raises(ValueError, match=r"number|list"):
        ask(steps, json.dumps([row]))
