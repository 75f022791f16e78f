"""Signing, scheme by scheme, beside the bare call of `hmac` or `cryptography` for the same bytes.

The bare call makes the signature and writes it down as the wire wants it; a bare token is one whose
JSON is made anew, as a token's claims differ each time. Ours also tells the redactor. Beside both:
the plugin's whole `sign`, which builds the request too.
"""

import base64
import hashlib
import hmac
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from venuekit.auth.keys import SecretKey
from venuekit.auth.redaction import Redactor
from venuekit.plugin import Request, Stamp
from venuekit_binance.adapter import BinanceAdapter
from venuekit_coinbase.adapter import CoinbaseAdapter
from venuekit_kraken.adapter import KrakenAdapter

ROUNDS, BATCH_S = 60, 0.004
TIME_NS = 1_784_000_000_123_456_789
ORDER = (
    b"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.00100&price=30000.00"
    b"&newClientOrderId=t3gLXQXp35KT8VUR9NKDk0YrZyq&newOrderRespType=FULL"
)
JSON_ORDER = (
    b'{"ordertype":"limit","type":"buy","pair":"XBTUSDT","volume":"0.001","price":"30000.0",'
    b'"cl_ord_id":"f9776f6c5b1914ba80650103231d459d"}'
)
SECRET = "bench-secret-of-sixty-four-characters-0123456789abcdefghijklmnopq"
SECRET_64 = base64.b64encode(hashlib.sha512(SECRET.encode()).digest()).decode()
KEY_ID = "organizations/6f1f1a5e/apiKeys/0c1d2e3f-4a5b-6c7d-8e9f-0a1b2c3d4e5f"
PATH = "/0/private/AddOrder"
HEADER = {"kid": KEY_ID, "nonce": f"{TIME_NS // 1000:032x}"}
CLAIMS = {
    "sub": KEY_ID,
    "iss": "cdp",
    "nbf": TIME_NS // 10**9 - 5,
    "exp": TIME_NS // 10**9 + 10,
    "uri": "POST api.coinbase.com/api/v3/brokerage/orders",
}


@attrs.frozen(kw_only=True)
class Scheme:
    """What is measured in turns."""

    name: str
    bare: Callable[[], object]
    ours: Callable[[], object]
    whole: Callable[[], object] | None = None


def _pem(private: Any) -> str:
    pem: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def _key(algorithm: str, secret: str) -> SecretKey:
    return SecretKey(
        api_key=KEY_ID, algorithm=algorithm, secret=secret, redactor=Redactor(), place="bench"
    )


def _whole(signing: Any, request: Request, key: SecretKey) -> Callable[[], object]:
    stamp = Stamp(time_ns=TIME_NS, nonce=TIME_NS // 1000)
    return lambda: signing.sign(request, key, stamp)


def _request(path: str, body: bytes) -> Request:
    return Request(method="POST", host="rest", path=path, body=body)


def _hmac_schemes() -> list[Scheme]:
    hexed, kraken = _key("hmac-sha256", SECRET), _key("hmac-sha512", SECRET_64)
    secret, decoded = SECRET.encode(), base64.b64decode(SECRET_64)
    stamped, nonce = ORDER + b"&timestamp=1784000000123", str(TIME_NS // 1000)
    body = f'{{"nonce":"{nonce}",'.encode() + JSON_ORDER[1:]

    def bare_kraken() -> str:
        digest = hashlib.sha256(nonce.encode() + body).digest()
        return base64.b64encode(hmac.digest(decoded, PATH.encode() + digest, "sha512")).decode()

    def our_kraken() -> str:
        digest = hashlib.sha256(nonce.encode() + body).digest()
        return kraken.hmac_base64(PATH.encode() + digest, decode_secret=True)

    assert bare_kraken() == our_kraken()
    binance = _request("/api/v3/order", ORDER)
    return [
        Scheme(
            name="HMAC-SHA256, hex",
            bare=lambda: hmac.digest(secret, stamped, "sha256").hex(),
            ours=lambda: hexed.hmac_hex(stamped),
            whole=_whole(BinanceAdapter("sim"), binance, hexed),
        ),
        Scheme(
            name="HMAC-SHA512, base64, over a SHA-256",
            bare=bare_kraken,
            ours=our_kraken,
            whole=_whole(KrakenAdapter("sim"), _request(PATH, JSON_ORDER), kraken),
        ),
    ]


def _private_key_schemes() -> list[Scheme]:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ed_key = ed25519.Ed25519PrivateKey.generate()
    ours_rsa, ours_ed = _key("rsa", _pem(rsa_key)), _key("ed25519", _pem(ed_key))
    pkcs1, sha256 = padding.PKCS1v15(), hashes.SHA256()
    binance = _request("/api/v3/order", ORDER)
    return [
        Scheme(
            name="RSA 2048, PKCS#1, base64",
            bare=lambda: base64.b64encode(rsa_key.sign(ORDER, pkcs1, sha256)).decode(),
            ours=lambda: ours_rsa.signature_base64(ORDER),
            whole=_whole(BinanceAdapter("sim"), binance, ours_rsa),
        ),
        Scheme(
            name="Ed25519, base64",
            bare=lambda: base64.b64encode(ed_key.sign(ORDER)).decode(),
            ours=lambda: ours_ed.signature_base64(ORDER),
            whole=_whole(BinanceAdapter("sim"), binance, ours_ed),
        ),
    ]


def _encoded(value: object) -> bytes:
    text = json.dumps(value, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=")


def _token_schemes() -> list[Scheme]:
    ec_key = ec.generate_private_key(ec.SECP256R1())
    ed_key = ed25519.Ed25519PrivateKey.generate()
    method = ec.ECDSA(hashes.SHA256())

    def es256(data: bytes) -> bytes:
        r, s = decode_dss_signature(ec_key.sign(data, method))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def bare_token(name: str, sign: Callable[[bytes], bytes]) -> Callable[[], str]:
        def token() -> str:
            header = _encoded({"typ": "JWT", **HEADER, "alg": name})
            signed = header + b"." + _encoded(CLAIMS)
            signature = base64.urlsafe_b64encode(sign(signed)).rstrip(b"=")
            return (signed + b"." + signature).decode()

        return token

    some = _encoded({"typ": "JWT", **HEADER, "alg": "ES256"}) + b"." + _encoded(CLAIMS)
    schemes = []
    for name, alg, algorithm, key, raw, sign in (
        ("ES256", "ES256", "es256", ec_key, lambda: ec_key.sign(some, method), es256),
        ("Ed25519", "EdDSA", "ed25519", ed_key, lambda: ed_key.sign(some), ed_key.sign),
    ):
        ours = _key(algorithm, _pem(key))
        path = "/api/v3/brokerage/orders"
        whole = _whole(CoinbaseAdapter("sim"), _request(path, b"{}"), ours)
        bare = bare_token(alg, sign)
        schemes.append(
            Scheme(
                name=f"{name} token, over the signature alone",
                bare=raw,
                ours=partial(ours.jwt, HEADER, CLAIMS),
                whole=whole,
            )
        )
        schemes.append(
            Scheme(
                name=f"{name} token, over a token by hand",
                bare=bare,
                ours=partial(ours.jwt, HEADER, CLAIMS),
            )
        )
    return schemes


def _times(work: Callable[[], object]) -> int:
    """Give how often `work` fits in a batch."""
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < BATCH_S:
        work()
        count += 1
    return max(count, 1)


def _mean_us(work: Callable[[], object], times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begun) / times * 1e6


def _row(scheme: Scheme) -> str:
    times = _times(scheme.bare)
    bare, ours, whole, ratios = [], [], [], []
    for _ in range(ROUNDS):
        bare.append(_mean_us(scheme.bare, times))
        ours.append(_mean_us(scheme.ours, times))
        ratios.append(ours[-1] / bare[-1])
        if scheme.whole is not None:
            whole.append(_mean_us(scheme.whole, times))
    middle = statistics.median
    signed = f"{middle(whole):>10.1f}" if whole else f"{'':>10}"
    return (
        f"  {scheme.name:<40}{middle(bare):>9.1f}{middle(ours):>9.1f}{middle(ratios):>8.2f}{signed}"
    )


def run() -> str:
    head = f"  {'':<40}{'bare µs':>9}{'ours µs':>9}{'×':>8}{'sign() µs':>10}"
    schemes = [*_hmac_schemes(), *_private_key_schemes(), *_token_schemes()]
    rows = [_row(scheme) for scheme in schemes]
    return "\n".join(["\nSigning  (goal: ≤ 1.3× of the bare call)", head, *rows])
