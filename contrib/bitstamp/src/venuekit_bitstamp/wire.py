"""How requests are written and signed. Source: HTTP API, "Authentication", February 2026."""

import functools

import venuekit.plugin as vk

VALIDITY_S = 15.0
# Bitstamp takes timestamps of up to 150 seconds ago. Ours are written older than they are, so that
# a request that is late by more than its validity is refused, and has no effect any more.
_OLDER_NS = round((150 - VALIDITY_S) * 1e9)
_COSTS = {"second": 1, "ten_minutes": 1}

get = functools.partial(vk.get_call, costs=_COSTS)
post = functools.partial(vk.form_call, costs=_COSTS)


class Signing(vk.Authenticate):
    """Signs with HMAC-SHA256; the nonce is a number of ours in the form of a UUID."""

    def sign(self, request: vk.Request, key: vk.Key, stamp: vk.Stamp) -> vk.Request:
        """Give `request` with key, nonce, time and signature; raises ValueError without a nonce."""
        if stamp.nonce is None:
            raise ValueError("a request to Bitstamp needs a nonce")
        digits = f"{stamp.nonce:024x}"
        nonce = f"{digits[:8]}-{digits[8:12]}-4000-8000-{digits[12:]}"
        time_ms = str((stamp.time_ns - _OLDER_NS) // 1_000_000)
        query = f"?{request.query}" if request.query else ""
        asked = f"{request.method}www.bitstamp.net{request.path}{query}"
        kind = request.headers.get("Content-Type", "")
        said = f"BITSTAMP {key.api_key}{asked}{kind}{nonce}{time_ms}v2"
        return request.with_headers(
            {
                "X-Auth": f"BITSTAMP {key.api_key}",
                "X-Auth-Nonce": nonce,
                "X-Auth-Timestamp": time_ms,
                "X-Auth-Version": "v2",
                "X-Auth-Signature": key.hmac_hex(said.encode() + request.body),
            }
        )
