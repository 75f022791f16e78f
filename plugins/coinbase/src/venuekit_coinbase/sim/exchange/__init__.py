"""A simulated Coinbase Exchange (the older, institutional API), from the fact sheet alone."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venuekit_coinbase.sim.exchange.dialect import CoinbaseExchangeDialect


def create(**options: Any) -> "CoinbaseExchangeDialect":
    """Make a simulated Coinbase Exchange; see `CoinbaseExchangeDialect` for the options."""
    from venuekit_coinbase.sim.exchange.dialect import CoinbaseExchangeDialect

    return CoinbaseExchangeDialect(**options)
