"""A simulated Kraken Spot, written from the exchange's documents alone."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venuekit_kraken.sim.dialect import KrakenDialect


def create(**options: Any) -> "KrakenDialect":
    """Make a simulated Kraken; see `KrakenDialect` for the options."""
    from venuekit_kraken.sim.dialect import KrakenDialect

    return KrakenDialect(**options)
