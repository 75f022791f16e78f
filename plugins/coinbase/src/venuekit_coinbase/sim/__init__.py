"""A simulated Coinbase Advanced Trade, written from the fact sheet of the exchange alone."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venuekit_coinbase.sim.dialect import CoinbaseDialect


def create(**options: Any) -> "CoinbaseDialect":
    """Make a simulated Coinbase; see `CoinbaseDialect` for the options."""
    from venuekit_coinbase.sim.dialect import CoinbaseDialect

    return CoinbaseDialect(**options)
