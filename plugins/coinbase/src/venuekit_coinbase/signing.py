"""Signatures: a JSON Web Token for each request and for each private subscription.

A token is bound to method, host and path; neither query nor body is signed. Its `nonce` comes
from the framework and never repeats with a key.
Source: Coinbase "CDP API key authentication" and coinbase-advanced-py 1.8.4, June 2026.
"""

from typing import Final

from venuekit.plugin import Authenticate, Key, Request, Stamp

HOST: Final = "api.coinbase.com"
"""What tokens are made out to; a simulator answers for it."""
VALIDITY_S: Final = 10
"""How long after it was made a token is good, at most; Coinbase allows two minutes.

A token's expiry is the only one that a request has: the shorter, the sooner "not found" is proof.
No smallest value is documented; a request takes seconds at worst, and the clock is synchronized.
"""
_BEFORE_S: Final = 5
"""A token is good from a little before it was made: one that begins in the future is refused."""


class Signing(Authenticate):
    """Signs requests with ES256 and Ed25519 keys."""

    def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
        """Give `request` with its token, as it goes on the wire.

        Raises:
            ValueError: There is no nonce.
            ConfigurationError: The key is of another kind.
        """
        token = token_of(key, stamp, uri=f"{request.method} {HOST}{request.path}")
        return Request(
            method=request.method,
            host=request.host,
            path=request.path,
            query=request.query,
            headers={**request.headers, "Authorization": f"Bearer {token}"},
            body=request.body,
        )


def token_of(key: Key, stamp: Stamp, *, uri: str | None = None) -> str:
    """Make a token: for one request, or for one message over a socket, which has no `uri`.

    Raises:
        ValueError: There is no nonce.
    """
    if stamp.nonce is None:
        msg = "a token needs a nonce of its own"
        raise ValueError(msg)
    now_s = stamp.time_ns // 1_000_000_000
    claims: dict[str, object] = {
        "sub": key.api_key,
        "iss": "cdp",
        "nbf": now_s - _BEFORE_S,
        "exp": now_s + VALIDITY_S,
    }
    if uri is not None:
        claims["uri"] = uri
    return key.jwt({"kid": key.api_key, "nonce": f"{stamp.nonce:032x}"}, claims)
