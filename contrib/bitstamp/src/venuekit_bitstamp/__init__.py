"""Bitstamp for venuekit."""

from venuekit.plugin import Manifest, hookimpl

__all__ = ["venuekit_exchange"]


@hookimpl
def venuekit_exchange() -> Manifest:
    """Hand over what this plugin is."""
    from venuekit_bitstamp.manifest import MANIFEST

    return MANIFEST
