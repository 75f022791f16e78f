"""Kraken Spot for venuekit: found by the entry point `kraken`, imported when it is opened."""

from venuekit.plugin import Manifest, hookimpl

__all__ = ["venuekit_exchange"]


@hookimpl
def venuekit_exchange() -> Manifest:
    """Give the manifest of Kraken Spot."""
    from venuekit_kraken.manifest import MANIFEST

    return MANIFEST
