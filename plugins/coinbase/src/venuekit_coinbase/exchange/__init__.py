"""Coinbase Exchange for venuekit: found by the entry point `coinbase-exchange`.

The older API of Coinbase's matching engine, with HMAC keys and a passphrase; Advanced Trade, the
package around this one, is another product with keys of its own.
"""

from venuekit.plugin import Manifest, hookimpl

__all__ = ["venuekit_exchange"]


@hookimpl
def venuekit_exchange() -> Manifest:
    """Give the manifest of Coinbase Exchange."""
    from venuekit_coinbase.exchange.manifest import MANIFEST

    return MANIFEST
