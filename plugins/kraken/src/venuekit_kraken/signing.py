"""Signatures: HMAC-SHA512 over the path and the SHA-256 of nonce and body.

Source: Kraken API Center, "Spot REST Authentication", June 2026, with its known answer.
"""

import hashlib
from typing import Final

from venuekit.plugin import Authenticate, Key, Request, Stamp
from venuekit_kraken.figures import moment_text

VALIDITY_S: Final = 5.0
"""Every order carries a deadline so far ahead; Kraken takes 2 to 60 seconds."""
_WITH_DEADLINE: Final = frozenset(
    f"/0/private/{method}" for method in ("AddOrder", "AddOrderBatch", "AmendOrder")
)


def signature(path: str, nonce: str, body: bytes, key: Key) -> str:
    """Sign a request; raises ValueError for a key that Kraken does not take."""
    if key.algorithm != "hmac-sha512":
        msg = f"Kraken takes hmac-sha512 keys, not {key.algorithm}"
        raise ValueError(msg)
    digest = hashlib.sha256(nonce.encode("ascii") + body).digest()
    return key.hmac_base64(path.encode("ascii") + digest, decode_secret=True)


class Signing(Authenticate):
    """Signs requests with HMAC-SHA512 keys."""

    def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
        """Give `request` with nonce, deadline, key and signature, as it goes on the wire.

        Raises:
            ValueError: There is no nonce, or the key is of another kind.
        """
        if stamp.nonce is None:
            msg = "a request to Kraken needs a nonce"
            raise ValueError(msg)
        nonce = str(stamp.nonce)
        deadline = ""
        if request.path in _WITH_DEADLINE:
            deadline = moment_text(stamp.time_ns + round(VALIDITY_S * 1e9))
        if request.body.startswith(b"{"):
            first = f'{{"nonce":"{nonce}",'
            if deadline:
                first += f'"deadline":"{deadline}",'
            body = first.encode("ascii") + request.body[1:]
        else:
            text = f"nonce={nonce}"
            if deadline:
                text += f"&deadline={deadline.replace(':', '%3A')}"
            body = text.encode("ascii")
            if request.body:
                body += b"&" + request.body
        return Request(
            method=request.method,
            host=request.host,
            path=request.path,
            query=request.query,
            headers={
                **request.headers,
                "API-Key": key.api_key,
                "API-Sign": signature(request.path, nonce, body, key),
            },
            body=body,
        )
