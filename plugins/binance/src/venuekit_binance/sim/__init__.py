"""A simulated Binance Spot, written from the exchange's documents alone."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venuekit_binance.sim.dialect import BinanceDialect


def create(**options: Any) -> "BinanceDialect":
    """Make a simulated Binance; see `BinanceDialect` for the options."""
    from venuekit_binance.sim.dialect import BinanceDialect

    return BinanceDialect(**options)
