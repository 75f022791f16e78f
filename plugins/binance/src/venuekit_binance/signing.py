"""Signatures: two rules that look alike and are not.

REST signs the percent-encoded query and body, glued together without a separator, in the order
sent. The WebSocket API signs raw text sorted by name, the API key included.

Source: Binance Spot `rest-api.md` and `web-socket-api.md`, "Request security", 2026-07-21.
"""

import json
from collections.abc import Mapping

from venuekit.plugin import Authenticate, Key, Request, Stamp, query_string, read_json


def signature(payload: bytes, key: Key) -> str:
    """Sign as the key's algorithm asks: HMAC in hex, RSA and Ed25519 in base64.

    Raises:
        ValueError: Binance takes no keys of that algorithm.
    """
    if key.algorithm == "hmac-sha256":
        return key.hmac_hex(payload)
    if key.algorithm in {"rsa", "ed25519"}:
        return key.signature_base64(payload)
    msg = f"Binance takes hmac-sha256, rsa and ed25519 keys, not {key.algorithm}"
    raise ValueError(msg)


def signed_params(params: Mapping[str, object], key: Key, stamp: Stamp) -> dict[str, object]:
    """Give the parameters of a WebSocket API request with key, time and signature.

    Raises:
        ValueError: A parameter is neither text nor whole number nor truth value: only these are
            signed as they stand in the JSON.
    """
    stamped = {**params, "apiKey": key.api_key, "timestamp": stamp.time_ns // 1_000_000}
    payload = "&".join(f"{name}={_raw(name, stamped[name])}" for name in sorted(stamped))
    return {**stamped, "signature": signature(payload.encode(), key)}


def _raw(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    msg = f"parameter {name} is a {type(value).__name__}; send text or a whole number"
    raise ValueError(msg)


def message_text(message: Mapping[str, object]) -> str:
    """Write a WebSocket message, compact and as UTF-8."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


class Signing(Authenticate):
    """Signs requests with HMAC-SHA256, RSA or Ed25519 keys."""

    def sign(self, request: Request, key: Key, stamp: Stamp) -> Request:
        """Give `request` with key, time and signature, as it goes on the wire.

        The time is cut to milliseconds: late by less than one is harmless, early is not.
        """
        if request.method == "WS":
            return _signed_message(request, key, stamp)
        timestamp = f"timestamp={stamp.time_ns // 1_000_000}"
        query, body = request.query, request.body
        if body or request.method in {"POST", "PUT"}:
            stamped = timestamp.encode("ascii")
            body = body + b"&" + stamped if body else stamped
        elif query:
            query = f"{query}&{timestamp}"
        else:
            query = timestamp
        signed = query_string([("signature", signature(query.encode() + body, key))])
        if body:
            body = body + b"&" + signed.encode("ascii")
        else:
            query = f"{query}&{signed}"
        return Request(
            method=request.method,
            host=request.host,
            path=request.path,
            query=query,
            headers={**request.headers, "X-MBX-APIKEY": key.api_key},
            body=body,
        )


def _signed_message(request: Request, key: Key, stamp: Stamp) -> Request:
    message = read_json(request.body)
    if not isinstance(message, dict) or not isinstance(message.get("params", {}), dict):
        msg = "a WebSocket API message is an object whose params are an object"
        raise ValueError(msg)  # noqa: TRY004  # what is wrong is the JSON that came in
    params = signed_params(message.get("params", {}), key, stamp)
    return Request(
        method=request.method,
        host=request.host,
        path=request.path,
        query=request.query,
        headers=request.headers,
        body=message_text({**message, "params": params}).encode(),
    )
