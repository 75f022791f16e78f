"""Signatures: HMAC-SHA256 over time, method, path with query, and body; the passphrase beside it.

Source: Coinbase Exchange "REST API authentication", "WebSocket authentication"; that the query is
signed: bennycode/coinbase-pro-node, published test vector.
"""

from collections.abc import Mapping
from typing import Final

from venuekit.model import ConfigurationError
from venuekit.plugin import Authenticate, Key, Request, Stamp

_FEED: Final = "/users/self/verify"
"""What a subscription is signed as, though nothing is asked there."""


class Signing(Authenticate):
    """Signs requests with the secret of an API key."""

    def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
        """Give `request` with key, passphrase, time and signature.

        Raises:
            ConfigurationError: The account has no passphrase, or its secret is no base64.
        """
        target = f"{request.path}?{request.query}" if request.query else request.path
        time, signature = _signed(key, stamp, request.method, target, request.body)
        return Request(
            method=request.method,
            host=request.host,
            path=request.path,
            query=request.query,
            headers={
                **request.headers,
                "CB-ACCESS-KEY": key.api_key,
                "CB-ACCESS-SIGN": signature,
                "CB-ACCESS-TIMESTAMP": time,
                "CB-ACCESS-PASSPHRASE": _passphrase(key),
            },
            body=request.body,
        )


def feed_access(key: Key, stamp: Stamp) -> Mapping[str, str]:
    """Give the members of a subscription that say who subscribes; raises ConfigurationError."""
    time, signature = _signed(key, stamp, "GET", _FEED, b"")
    return {
        "signature": signature,
        "key": key.api_key,
        "passphrase": _passphrase(key),
        "timestamp": time,
    }


def _signed(key: Key, stamp: Stamp, method: str, target: str, body: bytes) -> tuple[str, str]:
    seconds, rest = divmod(stamp.time_ns // 1_000_000, 1000)
    time = f"{seconds}.{rest:03d}"
    signature = key.hmac_base64(f"{time}{method}{target}".encode() + body, decode_secret=True)
    return time, signature


def _passphrase(key: Key) -> str:
    if key.passphrase is None:
        msg = (
            "Coinbase Exchange wants the passphrase that was chosen with the key: give the "
            "account a passphrase, a reference such as env:NAME"
        )
        raise ConfigurationError([msg])
    return key.passphrase
