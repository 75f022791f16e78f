"""A simulated Bitstamp, written from the exchange's documents and not from the adapter."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venuekit_bitstamp.sim.dialect import BitstampDialect


def create(**options: Any) -> "BitstampDialect":
    """Make a simulated Bitstamp; see `BitstampDialect` for the options."""
    from venuekit_bitstamp.sim.dialect import BitstampDialect

    return BitstampDialect(**options)
