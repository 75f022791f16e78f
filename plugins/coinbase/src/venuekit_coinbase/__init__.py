"""Coinbase Advanced Trade for venuekit: found by the entry point `coinbase`."""

from venuekit.plugin import Manifest, hookimpl

__all__ = ["venuekit_exchange"]


@hookimpl
def venuekit_exchange() -> Manifest:
    """Give the manifest of Coinbase Advanced Trade."""
    from venuekit_coinbase.manifest import MANIFEST

    return MANIFEST
