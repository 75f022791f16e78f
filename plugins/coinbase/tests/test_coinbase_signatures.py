"""Tokens: the claims of the fact sheet, signed with its public test keys, none used twice."""

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from venuekit.auth import Redactor, SecretKey
from venuekit.plugin import Access, Request, Stamp, Subscription, Topic
from venuekit_coinbase.adapter import CoinbaseAdapter
from venuekit_coinbase.manifest import MANIFEST

# Public test keys: RFC 6979 appendix A.2.5, and RFC 8032 section 7.1 test 1.
EC_PEM = (
    "-----BEGIN EC PRIVATE KEY-----\\n"
    "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\\n"
    "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\\n"
    "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\\n-----END EC PRIVATE KEY-----\\n"
)
EC_X = 0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6
EC_Y = 0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299
ED_SECRET = (
    "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg=="
)
ED_PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
NAME = (
    "organizations/00000000-0000-4000-8000-000000000001"
    "/apiKeys/00000000-0000-4000-8000-000000000002"
)
NOW_S = 1_780_000_000
STAMP = Stamp(time_ns=NOW_S * 10**9 + 999_999_999, nonce=1_780_000_000_999_999)


def _key(algorithm: str) -> SecretKey:
    secret = EC_PEM if algorithm == "es256" else ED_SECRET
    return SecretKey(api_key=NAME, algorithm=algorithm, secret=secret, redactor=Redactor())


def _request(method: str = "GET", path: str = "/api/v3/brokerage/accounts") -> Request:
    return Request(method=method, host="rest", path=path, query="limit=250&cursor=abc")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _opened(token: str, algorithm: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give header and claims of a token whose signature is right."""
    header, claims, signature = token.split(".")
    signed, raw = f"{header}.{claims}".encode(), _bytes(signature)
    assert len(raw) == 64
    if algorithm == "es256":
        public = ec.EllipticCurvePublicNumbers(EC_X, EC_Y, ec.SECP256R1()).public_key()
        der = utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        public.verify(der, signed, ec.ECDSA(hashes.SHA256()))
    else:
        ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(ED_PUBLIC)).verify(raw, signed)
    return json.loads(_bytes(header)), json.loads(_bytes(claims))


def _token(request: Request) -> str:
    scheme, _, token = request.headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    return token


@pytest.mark.parametrize(("algorithm", "alg"), [("es256", "ES256"), ("ed25519", "EdDSA")])
def test_a_token_is_bound_to_method_host_and_path_without_the_query(
    adapter: CoinbaseAdapter, algorithm: str, alg: str
) -> None:
    signed = adapter.sign(_request(), _key(algorithm), STAMP)
    header, claims = _opened(_token(signed), algorithm)
    assert header == {
        "alg": alg,
        "typ": "JWT",
        "kid": NAME,
        "nonce": "0000000000000000000652e68bc2823f",
    }
    assert claims == {
        "sub": NAME,
        "iss": "cdp",
        "nbf": NOW_S - 5,
        "exp": NOW_S + 10,
        "uri": "GET api.coinbase.com/api/v3/brokerage/accounts",
    }
    assert (signed.query, signed.body, signed.path) == (
        "limit=250&cursor=abc",
        b"",
        "/api/v3/brokerage/accounts",
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v3/brokerage/orders"),
        ("GET", "/api/v3/brokerage/orders/historical/0000-000000-000000"),
        ("DELETE", "/api/v3/brokerage/portfolios/4d5e"),
    ],
)
def test_the_uri_has_the_method_and_the_path_as_they_are_sent(
    adapter: CoinbaseAdapter, method: str, path: str
) -> None:
    signed = adapter.sign(_request(method, path), _key("ed25519"), STAMP)
    assert _opened(_token(signed), "ed25519")[1]["uri"] == f"{method} api.coinbase.com{path}"


def test_a_token_that_somebody_changed_does_not_pass(adapter: CoinbaseAdapter) -> None:
    header, _, signature = _token(adapter.sign(_request(), _key("ed25519"), STAMP)).split(".")
    other = _token(adapter.sign(_request("POST"), _key("ed25519"), STAMP)).split(".")[1]
    with pytest.raises(InvalidSignature):
        _opened(f"{header}.{other}.{signature}", "ed25519")


def test_a_token_lasts_no_longer_than_two_minutes_and_the_manifest_counts_with_its_end(
    adapter: CoinbaseAdapter,
) -> None:
    claims = _opened(_token(adapter.sign(_request(), _key("es256"), STAMP)), "es256")[1]
    assert claims["exp"] - claims["nbf"] <= 120
    # Sent in the last moment of a second or in the first: never good for longer than stated.
    assert claims["exp"] - NOW_S <= MANIFEST.timing.request_validity_s


def test_without_a_nonce_nothing_is_signed(adapter: CoinbaseAdapter) -> None:
    with pytest.raises(ValueError, match="nonce"):
        adapter.sign(_request(), _key("es256"), Stamp(time_ns=STAMP.time_ns))


def test_nonces_only_have_to_differ_so_that_requests_may_overlap() -> None:
    assert MANIFEST.nonce is not None
    assert not MANIFEST.nonce.is_ordered


def test_the_token_of_a_subscription_has_no_uri(adapter: CoinbaseAdapter) -> None:
    access = Access(key=_key("ed25519"), stamp=STAMP)
    messages = adapter.subscribe([Subscription(Topic.ACCOUNT)], 1, access)
    heartbeats, user = (json.loads(message) for message in messages)
    assert heartbeats == {"type": "subscribe", "channel": "heartbeats"}
    header, claims = _opened(user.pop("jwt"), "ed25519")
    assert user == {"type": "subscribe", "channel": "user"}
    assert claims == {"sub": NAME, "iss": "cdp", "nbf": NOW_S - 5, "exp": NOW_S + 10}
    assert int(header["nonce"], 16) == STAMP.nonce
