"""What calls add to the counter that Kraken's matching engine keeps for each pair.

Changing a young order costs more: a program that places and cancels at once is held up soon.
Refused orders are counted too.
Source: Kraken API Center, "Spot Trading Limits", with its known answers, June 2026.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from venuekit.model import OrderRef
from venuekit.plugin import Cost, counted_by

ENGINE: Final = "engine"
"""Name of the budget, which counts each pair for itself."""
_AMENDS: Final = ((5, 3), (10, 2), (15, 1))
_CANCELS: Final = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))
"""(seconds, units): what an order younger than that costs besides."""

Costs = Mapping[str, int | Cost]


def placing(symbol: str, count: int = 1) -> Costs:
    """Give what one order costs; of several in one request half, rounded up."""
    return {counted_by(ENGINE, symbol): 1 if count == 1 else -(-count // 2)}


def amending(ref: OrderRef) -> Costs:
    """Give what an amendment costs."""
    cost = Cost(units=1, by_age=_AMENDS, born_ns=(_touched_ns(ref),))
    return {counted_by(ENGINE, ref.symbol): cost}


def canceling(ref: OrderRef) -> Costs:
    """Give what a cancel costs."""
    cost = Cost(by_age=_CANCELS, born_ns=(_touched_ns(ref),))
    return {counted_by(ENGINE, ref.symbol): cost}


def canceling_many(refs: Sequence[OrderRef]) -> Costs:
    """Give what cancels in one request cost each pair.

    Kraken takes the request also when it crosses the limit.
    """
    by_pair = groupby(sorted(refs, key=_symbol), key=_symbol)
    return {
        counted_by(ENGINE, symbol): Cost(
            by_age=_CANCELS, born_ns=tuple(_touched_ns(ref) for ref in some), waits=False
        )
        for symbol, some in by_pair
    }


def _symbol(ref: OrderRef) -> str:
    return ref.symbol


def _touched_ns(ref: OrderRef) -> int | None:
    """Give when an order was made or last amended, which begins its age anew."""
    return ref.touched_ns if ref.touched_ns is not None else ref.created_ns
