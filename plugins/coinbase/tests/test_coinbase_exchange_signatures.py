"""Coinbase Exchange: signatures against the published vectors, and the passphrase beside them."""

import json
from typing import Any

import pytest

from venuekit.auth import Redactor, SecretKey
from venuekit.model import ConfigurationError
from venuekit.plugin import Access, Request, Stamp, Subscription, Topic
from venuekit_coinbase.exchange.adapter import ExchangeAdapter
from venuekit_coinbase.exchange.signing import feed_access

# Published: bennycode/coinbase-pro-node, RequestSigner test.
PUBLISHED_SECRET = (
    "kv+3DPw2yHWQWkDsmpN4uXWtgtuBrFFLu7zRk9gipjdrFpUjwZ0mK6KzGAPFpxOjDLdna20xozy+9fqRU5zJZQ=="
)
PUBLISHED_NS = 1_580_066_918_897_000_000
# The 64 bytes 00..3f; values made with ccxt 4.5.90, checked with Python's hmac. Their time is
# written `1780000000`, ours with milliseconds: those below were made for that.
SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
PASSPHRASE = "c4n4ry-passphrase"


def _key(secret: str = PUBLISHED_SECRET, passphrase: str | None = PASSPHRASE) -> SecretKey:
    return SecretKey(
        api_key="the-key",
        algorithm="hmac-sha256",
        secret=secret,
        passphrase=passphrase,
        redactor=Redactor(),
    )


def _signed(request: Request, key: SecretKey, time_ns: int = PUBLISHED_NS) -> dict[str, str]:
    return dict(ExchangeAdapter("live").sign(request, key, Stamp(time_ns=time_ns)).headers)


def test_the_query_is_signed_as_the_published_vector_has_it() -> None:
    request = Request(method="GET", host="rest", path="/fills", query="product_id=BTC-EUR")
    assert _signed(request, _key()) == {
        "CB-ACCESS-KEY": "the-key",
        "CB-ACCESS-SIGN": "qGB3X7LOAhNXPpRqV73F08sMU1hKuX+s7vQypcEErV8=",
        "CB-ACCESS-TIMESTAMP": "1580066918.897",
        "CB-ACCESS-PASSPHRASE": PASSPHRASE,
    }


def test_what_is_signed_is_what_is_sent() -> None:
    request = Request(
        method="POST",
        host="rest",
        path="/orders",
        query="",
        headers={"Content-Type": "application/json"},
        body=b'{"side":"buy"}',
    )
    signed = ExchangeAdapter("live").sign(request, _key(SECRET), Stamp(time_ns=PUBLISHED_NS))
    assert (signed.method, signed.path, signed.query, signed.body) == (
        "POST",
        "/orders",
        "",
        b'{"side":"buy"}',
    )
    assert signed.headers["Content-Type"] == "application/json"
    other = _signed(Request(method="POST", host="rest", path="/orders", body=b"{}"), _key(SECRET))
    assert signed.headers["CB-ACCESS-SIGN"] != other["CB-ACCESS-SIGN"]


@pytest.mark.parametrize("time_ns", [1_780_000_000_000_000_000, 1_780_000_000_007_999_999])
def test_the_time_is_written_once_for_header_and_signature(time_ns: int) -> None:
    headers = _signed(Request(method="GET", host="rest", path="/accounts"), _key(SECRET), time_ns)
    time = headers["CB-ACCESS-TIMESTAMP"]
    assert time in {"1780000000.000", "1780000000.007"}
    expected = _key(SECRET).hmac_base64(f"{time}GET/accounts".encode(), decode_secret=True)
    assert headers["CB-ACCESS-SIGN"] == expected


def test_a_key_without_its_passphrase_is_told_what_is_missing() -> None:
    request = Request(method="GET", host="rest", path="/accounts")
    with pytest.raises(ConfigurationError, match="passphrase that was chosen with the key"):
        _signed(request, _key(passphrase=None))
    with pytest.raises(ConfigurationError, match="passphrase"):
        feed_access(_key(passphrase=None), Stamp(time_ns=PUBLISHED_NS))


def test_a_secret_that_was_cut_is_told_as_that() -> None:
    request = Request(method="GET", host="rest", path="/accounts")
    with pytest.raises(ConfigurationError, match="not base64"):
        _signed(request, _key(SECRET[:-3]))


def test_the_account_s_stream_logs_in_with_key_passphrase_and_signature(
    exchange: ExchangeAdapter,
) -> None:
    access = Access(key=_key(SECRET), stamp=Stamp(time_ns=1_780_000_000_000_000_000))
    (text,) = [exchange.subscribe([Subscription(Topic.ACCOUNT)], 1, access)]
    message: dict[str, Any] = json.loads(text)
    expected = _key(SECRET).hmac_base64(b"1780000000.000GET/users/self/verify", decode_secret=True)
    assert {name: message[name] for name in ("key", "passphrase", "timestamp", "signature")} == {
        "key": "the-key",
        "passphrase": PASSPHRASE,
        "timestamp": "1780000000.000",
        "signature": expected,
    }


def test_no_repr_shows_the_passphrase() -> None:
    key = _key()
    request = Request(method="GET", host="rest", path="/accounts")
    signed = ExchangeAdapter("live").sign(request, key, Stamp(time_ns=PUBLISHED_NS))
    assert PASSPHRASE not in f"{key!r}{signed!r}{signed}"
