"""Binance Spot for venuekit: found by the entry point `binance`, imported when it is opened."""

from venuekit.plugin import Manifest, hookimpl

__all__ = ["venuekit_exchange"]


@hookimpl
def venuekit_exchange() -> Manifest:
    """Give the manifest of Binance Spot."""
    from venuekit_binance.manifest import MANIFEST

    return MANIFEST
