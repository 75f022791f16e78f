"""What heavy users ask for: calls with what they cost, in shares of an exchange's budgets."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import attrs

from tests.budgets.judges import BTC
from venuekit.client import Exchange
from venuekit.model import limit_buy

Ask = Callable[[Exchange], Awaitable[object]]


@attrs.frozen
class Offer:
    """One kind of use."""

    budget: str
    """The budget that it uses up."""
    share: float
    """Of what is offered to that budget, in its units."""
    cost: float
    """Units for each time."""
    ask: Ask


def _place_and_cancel(symbol: str, price: str, quantity: str) -> Ask:
    async def ask(ex: Exchange) -> object:
        order = await ex.within(120).place(limit_buy(symbol, Decimal(quantity), Decimal(price)))
        return await ex.cancel(order)

    return ask


def _binance() -> Sequence[Offer]:
    symbol = BTC["binance"]
    return (
        Offer("weight", 0.40, 25, lambda ex: ex.fetch_book(symbol, depth=500)),
        Offer("weight", 0.20, 80, lambda ex: ex.fetch_tickers()),
        Offer("weight", 0.20, 20, lambda ex: ex.fetch_orders(symbol, limit=50)),
        Offer("weight", 0.19, 6, lambda ex: ex.fetch_open_orders(symbol)),
        Offer("weight", 0.01, 2, _place_and_cancel(symbol, "20000", "0.001")),
    )


def _kraken() -> Sequence[Offer]:
    symbol = BTC["kraken"]
    return (
        Offer("public", 0.6, 1, lambda ex: ex.fetch_book(symbol, depth=100)),
        Offer("public", 0.4, 1, lambda ex: ex.fetch_ticker(symbol)),
        Offer("calls", 0.5, 1, lambda ex: ex.fetch_balances()),
        Offer("calls", 0.5, 1, lambda ex: ex.fetch_open_orders()),
        # A cancel at once costs eight besides the placement, one that waited less.
        Offer("engine", 1.0, 8.4, _place_and_cancel(symbol, "20000", "0.001")),
    )


def _coinbase() -> Sequence[Offer]:
    symbol = BTC["coinbase"]
    return (
        Offer("public", 0.7, 1, lambda ex: ex.fetch_book(symbol, depth=50)),
        Offer("public", 0.3, 1, lambda ex: ex.fetch_trades(symbol, limit=100)),
        Offer("private", 0.88, 1, lambda ex: ex.fetch_fees(symbol)),
        Offer("private", 0.10, 1, lambda ex: ex.fetch_balances()),
        Offer("private", 0.02, 2, _place_and_cancel(symbol, "20000", "0.001")),
    )


OFFERS: Final[Mapping[str, Callable[[], Sequence[Offer]]]] = {
    "binance": _binance,
    "kraken": _kraken,
    "coinbase": _coinbase,
}
