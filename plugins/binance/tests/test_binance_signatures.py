"""Signatures against Binance's own examples, and others computed with public sample keys.

All keys here are published samples for tests; they open nothing. Source: Binance Spot API
documentation of 2026-07-21 and `binance/binance-signature-examples`; vectors marked derived were
computed with those keys by another implementation.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import attrs
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from venuekit.plugin import Request, Stamp, query_string
from venuekit_binance.adapter import BinanceAdapter
from venuekit_binance.signing import signature, signed_params


@attrs.frozen
class SampleKey:
    """A key double that signs with a published secret."""

    api_key: str
    algorithm: str
    secret: str = attrs.field(repr=False)
    passphrase: str | None = None

    def hmac_hex(self, data: bytes, *, decode_secret: bool = False) -> str:
        assert not decode_secret
        return hmac.new(self.secret.encode("ascii"), data, hashlib.sha256).hexdigest()

    def hmac_base64(self, data: bytes, *, decode_secret: bool = False) -> str:
        raise AssertionError("Binance's HMAC signatures are in hex")

    def signature_base64(self, data: bytes) -> str:
        private = load_pem_private_key(self.secret.encode("ascii"), None)
        if isinstance(private, RSAPrivateKey):
            return base64.b64encode(private.sign(data, PKCS1v15(), hashes.SHA256())).decode()
        assert isinstance(private, Ed25519PrivateKey)
        return base64.b64encode(private.sign(data)).decode()

    def jwt(self, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
        raise AssertionError("Binance takes no JWT")


HMAC = SampleKey(
    "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    "hmac-sha256",
    "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
)
RSA = SampleKey(
    "CAvIjXy3F44yW6Pou5k8Dy1swsYDWJZLeoK2r8G4cFDnE9nosRppc2eKc1T8TRTQ",
    "rsa",
    """\
-----BEGIN PRIVATE KEY-----
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDPrfWMr2yqxJgJ
cIyA5TDFpZBlB9E3RMbbEcPZijmPDiciZjuRiD1Q6oQzi1MFGTZ523HwSXe9XG3R
NQaLCjxi+VkLsvCoxzgurkWXoQr0VHJyEDxnyRaCzTyvvHQgt0LKCWfqalYNz0ue
doxnYnde3DH/tFFXX0/rTkJyK6LpOyKOAqE0G7OhuQWkLvlUO8mqwtGNqdrtOgzv
kTN5rhb5VeWB4JGWDcAYFb9CQI9wD7/JJU1XQGIOJEY3L/PjGLcjDEiROt57/RS3
i6OVTiAgDcgA405tNLgS326hfbEchI5tKeOxqrFYVfvOK8+4o+rrUBnMhrBg0tJv
1feQKeAnAgMBAAECggEAUdB8PZIWQyfzpTRbhaPElPhmbAaqWxWTKVZUS2zyw/KV
ZC3WJb0AOtJIhm3KpOWL2nGi70BiFY1GDfbPvxKnO25zr/IscLEa5vjsnZFp2Vsz
QtA2m8RSQ/FKiQi6zvCjNSiDcYu2nvYdGi4lnczirdIdOFj2+m6n81D/SC78nNhj
P/JLbSPFw+XOfVqOVelXHw7XGtMH9dgFjWDdB317HcJjZyPDahpQQ7s6PcecDwuv
Qucs+Hi4sAWiHOiwKusx3sT/NL5Og/jAvC5aMy1QswWFnPr90T3qFE4MN1GZszzX
DmDkWaGaRwuwdpi/ocIZF3R9XX3m+WOVdEZRfzzcEQKBgQDt11achN666/j1kgQM
xPdzo06eUUZb/JUtEXz8hU+AzRsN/eso/47pjaPq7nrXFYE4aEx7Je2I9S52Y+b/
SLrctuza25VOxvqIpDynlvM/Iatg9WuTEIuOk7gkBFanDNjDjZDKFuDYSEfN+sX+
UakFT7cm+xu12PWR8HlZmFZL5QKBgQDfiRrC8zADSIE74uFBJ5K88t6cwrktqdPH
9QT69j+VpRXssyUoCfR4/zchKbEyTwSASvL1saJR14Opmvn6Le+0DKq+EV7Z1UM6
svVIzd9pWWMhRh9G83CC5Krx9Ie+34QHNRxBf+rya5if/aBCDtBFedRGbR6Le8MB
yvrpT5hzGwKBgQCU2+QPjnHA2BQ3zq3OODEQJTP9jqzUwd+0F2/8tIsv+C9osHXQ
cTLHJqljTuN/XqxD27OSmAh1Yc80tg5L1P9vSOYxjKGEbrE7eF+mHKod5zrWMoSj
xQUztWzYzgZWA4pfymjGs08Czypx1vS42e9JrbzaHuwXArWgI7wvwVKxqQKBgQCS
ByIZav7Zljr+oUdf5fdBQjPVGowYXZJBVTpMrCN7od4BxEIotuAjTy53lqHwaJhb
KxsvED0m0/BqExjsq6ek6oV8JyLckSobJZ+BUSR60O8mZIW4Nv4wNCvMZl9rfN7m
SnbL/0G/3jRViD1yCfVa/ayD2XMT0eThvfVOBzZjMwKBgB5jasP9TcDAyaEKta+g
6glTM0MKUWfhZzYRbvDXdnatjjMEdixWm9aXwc0Nw+aN0KkdLBwvnDiVMtX+Xl2n
BU2Gxxe3H8qrvkoi8zmzh3VWpqzfB+L3sXAq+6VNNYLEFLBR6D2u4DD86FvY+DsU
miJlY6JEKpSxvkrS04XrbvHk
-----END PRIVATE KEY-----
""",
)
ED25519 = SampleKey(
    "4yNzx3yWC5bS6YTwEkSRaC0nRmSQIIStAUOh1b6kqaBrTLIhjCpI5lJH8q8R8WNO",
    "ed25519",
    """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u
-----END PRIVATE KEY-----
""",
)

REST: list[tuple[str, SampleKey, str, str, str]] = [
    # name, key, query, body, signature
    (
        "rest-hmac-ascii-query",  # official
        HMAC,
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindo"
            "w=5000&timestamp=1499827319559"
        ),
        "",
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
    ),
    (
        "rest-hmac-nonascii-query",  # official
        HMAC,
        (
            "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMI"
            "T&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
        ),
        "",
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    ),
    (
        "rest-hmac-ascii-body",  # official
        HMAC,
        "",
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindo"
            "w=5000&timestamp=1499827319559"
        ),
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
    ),
    (
        "rest-hmac-mixed-query-body",  # official
        HMAC,
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
        "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
        "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
    ),
    (
        "rest-hmac-timestamp-only",  # official
        HMAC,
        "timestamp=1578963600000",
        "",
        "d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4",
    ),
    (
        "rest-rsa-ascii",  # derived
        RSA,
        (
            "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2&timesta"
            "mp=1668481559918&recvWindow=5000"
        ),
        "",
        (
            "uwh3oGpiVTIq0XeF00N1hJ6moowNTDxgbEbhPheZ2YlGWB80MsTQfPYNFB8zaBRn/cpTRiceZJjnNuPd"
            "SYY+OY/Bf8wqE9JhjXk+jWd49qoe4uTZ+AWcyMdlC4suxiURNM3zii5GzGIno1A0PK4JqpRuRGFNsFEQ"
            "8ioUPaRf4enhPJfCHgxRj5QEIp2GxXcNzQnKKelRjW/k0wkxiKFHWZzQcLlOXKfHYensyS9dT1ZGphlq"
            "xXyMU0oLpqpuf0YLvj98sC0PS3TZVAZkMltMPqTvecZOTsg15j6Cj21a/Q3J+p0U3H1ihNjlTH9FrUvj"
            "ioFLPP9hvWgHMM745pPGdQ=="
        ),
    ),
    (
        "rest-rsa-nonascii",  # derived
        RSA,
        (
            "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=SELL&type=LIM"
            "IT&timeInForce=GTC&quantity=1&price=0.2&timestamp=1668481559918&recvWindow=5000"
        ),
        "",
        (
            "wrB030KwariO2N3VxV/N3Y/RJfaZXH0kiq6Mskgn2LkAZjqX9nkLWDC4LVnQ1EULcx+Enm2vXh8wsEyh"
            "TLVcOTXPO8El1XpIFtCoTumj8cXs/GDVIEPOl8JJJhfPUq0LtK/SUMb1llY8BURC11w7HHTOMaedFsib"
            "eXkoPmvin06XQDAhS+wSnpRC3iXq223afEuLtRNPlylINEdaOokQgY6W4O534vqVxDDzonv6Bqk6Ug0Y"
            "1CRxfiM4mfuUX/QG+eVI8OqWqOxb2kpzRWM4B7dUTQ7McuM6hzwJv3Gex+6W3xLjRJdvBub6t49W6hnO"
            "VZHHAV5ai1g5lFqzsIxVwA=="
        ),
    ),
    (
        "rest-rsa-mixed",  # derived
        RSA,
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
        "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
        (
            "IYP7HSVCCH139C0WzQAmzeelpE/yxVk1R0ep6E/VHJ0wMkrSOAXxC4iMGadmYg7z04cbnA1OJ55AiyUh"
            "h3k9Ot11StgJ8WaUcVehjBZKl5dJMAzxXZ7mkt1iloPP4Bqu6lnWp1Mgr56Bx3JN0ZC6aEL1WBEKNYP3"
            "yJ1+jCciJpSoAjSWxeuy7B/rflEBrCxlRe3ic13VjawwxcqDIeMCsko85W6tsu4bHuO+oLsyggJH+8y1"
            "KnC2GLRNaKKoRsA6F6Z0alIN7XbO45s2kJxEKlM22Dga+ROq0ory+2BJZS3oZahF1EiwqIbHQO7ZhAqR"
            "RRwK9vCyqnSweNfUUEuZXA=="
        ),
    ),
    (
        "rest-ed25519-ascii",  # derived
        ED25519,
        (
            "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2&timesta"
            "mp=1668481559918&recvWindow=5000"
        ),
        "",
        (
            "inDT086KVIP8vgUfw5sV3VTkescWztiAGlf4x8FLKHM4NInsn0c1kYVLoGMO8cyjfR6vmTku2YQE0gtf"
            "VVlfCw=="
        ),
    ),
    (
        "rest-ed25519-nonascii",  # derived
        ED25519,
        (
            "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=SELL&type=LIM"
            "IT&timeInForce=GTC&quantity=1&price=0.2&timestamp=1668481559918&recvWindow=5000"
        ),
        "",
        (
            "vECjNXSlVOz1DskXXQ866KhikKY8cxajBXKAU0COlYYemqEr45TXiRS/jNB3LyHHh48pu7z2S6pTFhmh"
            "WNRBBw=="
        ),
    ),
    (
        "rest-ed25519-mixed",  # derived
        ED25519,
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
        "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
        (
            "2pXDIYPNs4esiq6kcFM3fr/mNpZhER/K5FrvoahNnYcX1bd0ZE9Is+O5vUdVUcUKuG8kae/kNqmDnDtg"
            "hivWBA=="
        ),
    ),
    (
        "rest-hmac-microsecond-timestamp",  # derived
        HMAC,
        "omitZeroBalances=true&recvWindow=6000.346&timestamp=1747385641636123",
        "",
        "c2b67835eae7e2769659d97e61b61c45d37cb71afa0820aea5570f2707e47ab0",
    ),
    (
        "rest-hmac-reserved-characters",  # derived
        HMAC,
        (
            "coin=XRP&address=r1%262%3D3&addressTag=a%2Bb%2Fc%40d&name=cold%20wallet%20%C3%A9"
            "&amount=1.5&timestamp=1747385641636"
        ),
        "",
        "aa58bd02cb8d214f9927b06c6734d85efac1aa52e828c8f0d6da4e5a098735d4",
    ),
]

WEBSOCKET: list[tuple[str, SampleKey, dict[str, Any], str]] = [
    # name, key, params without apiKey and timestamp apart, signature
    (
        "ws-hmac-ascii",  # official
        HMAC,
        {
            "price": "52000.00",
            "quantity": "0.01000000",
            "recvWindow": 100,
            "side": "SELL",
            "symbol": "BTCUSDT",
            "timeInForce": "GTC",
            "timestamp": 1645423376532,
            "type": "LIMIT",
        },
        "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
    ),
    (
        "ws-hmac-nonascii",  # official
        HMAC,
        {
            "price": "0.10000000",
            "quantity": "1.00000000",
            "recvWindow": 5000,
            "side": "BUY",
            "symbol": "\uff11\uff12\uff13\uff14\uff15\uff16",
            "timeInForce": "GTC",
            "timestamp": 1645423376532,
            "type": "LIMIT",
        },
        "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
    ),
    (
        "ws-rsa-order-place",  # derived
        RSA,
        {
            "price": "52000.00",
            "quantity": "0.01000000",
            "recvWindow": 100,
            "side": "SELL",
            "symbol": "BTCUSDT",
            "timeInForce": "GTC",
            "timestamp": 1645423376532,
            "type": "LIMIT",
        },
        (
            "DE1jBfGQ914EBIt2VcqviMu22z2AdQuX7rOljuj015P3jk/1Ml4isbP+7Blbs8rtSpv11aL2Wp8U6V10"
            "PQe1DahbabtKGt1R5kM02nPJ3+QL5X5AlPAwRFTeoZDOsKxREjlf7K02iCncBerGLJsFmKHr4486T2Fr"
            "z3mZZTuFdGv9P6wgv5QHM+VR6Ev2rHx1tOJ7KmeyMV5rR1f0JqbJoY8xFCcY9v1qcyATWsQE6mwg2RA1"
            "r5omy96QWssJqV9xgdgCQqLFkdFTmEN63lEAMnhZrvkM52Fo8pJaa5rnKioHln7IPhfSuLNE1Fq/N2ji"
            "Tor+tdg3AAyVTlImhoAWRg=="
        ),
    ),
    (
        "ws-rsa-nonascii",  # derived
        RSA,
        {
            "price": "0.10000000",
            "quantity": "1.00000000",
            "recvWindow": 5000,
            "side": "BUY",
            "symbol": "\uff11\uff12\uff13\uff14\uff15\uff16",
            "timeInForce": "GTC",
            "timestamp": 1645423376532,
            "type": "LIMIT",
        },
        (
            "MDwuSJMqCx7A6a79jD3HsaR4DyvdkClojG+mOAL0ExDVoYV0zhV8wXeC9hWJAJJXAEYKVYBzOsBuIzMT"
            "V5QyFI3poeu8EyP9I9FPs7MGjvj5dsN02p9GI5exmjSWAh8oL34rE4sdmRmVFEUMIuD2zrrlaqR4XF12"
            "b+96BeBbHMxYL2rLHzIH6Qac0rFKz21b3BFTwyK0MDbUmm6g+8lZ5W1lDt40jWCYEF3MwOq/uvatoe+i"
            "quaUJTY5PumUrDPpfIA3ieNacYo0rOGsOK0+fR1CVqX5RNwzyGoTNWtUPRrwjOZpoNA72/DqdpYqqk7W"
            "qrazlmvDzetN4JTpvmJwmQ=="
        ),
    ),
    (
        "ws-ed25519-order-place",  # derived
        ED25519,
        {
            "price": "52000.00",
            "quantity": "0.01000000",
            "recvWindow": 100,
            "side": "SELL",
            "symbol": "BTCUSDT",
            "timeInForce": "GTC",
            "timestamp": 1645423376532,
            "type": "LIMIT",
        },
        (
            "82wlF5RobwT7JZehRQgOaupNEm5GrAqJj5tqZeCCE6ZxkhlUbWBThOx00q3FVnCKn882P+9p85phztjk"
            "4bOMAQ=="
        ),
    ),
    (
        "ws-ed25519-nonascii",  # derived
        ED25519,
        {
            "price": "0.10000000",
            "quantity": "1.00000000",
            "recvWindow": 5000,
            "side": "BUY",
            "symbol": "\uff11\uff12\uff13\uff14\uff15\uff16",
            "timeInForce": "GTC",
            "timestamp": 1645423376532,
            "type": "LIMIT",
        },
        (
            "c54NpyUZhXB0TQWxM60+OHcwRu50TfjPg5I3J3mPeFasLGjHZnuNGE6Ych+fRF6te6sr6URRF4lxUmYX"
            "bQ/rCA=="
        ),
    ),
    (
        "ws-ed25519-session-logon",  # derived
        ED25519,
        {"timestamp": 1649729878532},
        (
            "cGkloHLHGGNbrduoWDYBlzIPwRHyDVYVfCE0rDkPwKdKedurBgm2JNWRkwloQDBFG6Mcloavo1siYfEt"
            "ZbV/Ag=="
        ),
    ),
    (
        "ws-hmac-user-data-subscribe",  # derived
        HMAC,
        {"recvWindow": "6000.346", "timestamp": 1747385641636},
        "3bb11a832a1c6228b7b667be1f39e64931655a052393b0382822d786e2cc35fa",
    ),
]

# The one official Ed25519 vector with a key: the logon of the FIX gateway.
FIX_PAYLOAD = "A\u0001EXAMPLE\u0001SPOT\u00011\u000120240627-11:17:25.223"
FIX_SIGNATURE = (
    "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="
)

REFUSED: list[tuple[str, str, str]] = [
    # name, payload that must not be the one that is signed, signature of it
    (
        "neg-unsorted-ws",
        (
            "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.01000000&price=52"
            "000.00&recvWindow=100&timestamp=1645423376532&apiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6a"
            "KE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
        ),
        "896a5d5229f07ed1d81ce21394d5e7f039537c4372b2ef7a488fec1cba32f23e",
    ),
    (
        "neg-ws-percent-encoded",
        (
            "apiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A&price=0."
            "10000000&quantity=1.00000000&recvWindow=5000&side=BUY&symbol=%EF%BC%91%EF%BC%92%"
            "EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&timeInForce=GTC&timestamp=1645423376532&type"
            "=LIMIT"
        ),
        "3638bee4d1f01e29fe7b2cabe7afdda17c3c8a56c844d0e1c3340ab75a670225",
    ),
    (
        "neg-rest-raw-utf8",
        (
            "symbol=\uff11\uff12\uff13\uff14\uff15\uff16&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindo"
            "w=5000&timestamp=1499827319559"
        ),
        "ca2cdfbf21d2e2958de492c7f2dd1f059dd2ed4d4459d26a5ec7928db50c8d4f",
    ),
    (
        "neg-rest-mixed-with-ampersand",
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindo"
            "w=5000&timestamp=1499827319559"
        ),
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
    ),
]


def _ids(vectors: list[Any]) -> list[str]:
    return [vector[0] for vector in vectors]


def _at_ms(milliseconds: int) -> Stamp:
    return Stamp(time_ns=milliseconds * 1_000_000)


@pytest.mark.parametrize(
    ("key", "query", "body", "expected"), [v[1:] for v in REST], ids=_ids(REST)
)
def test_rest_signs_query_and_body_glued_together(
    key: SampleKey, query: str, body: str, expected: str
) -> None:
    assert signature((query + body).encode(), key) == expected


@pytest.mark.parametrize(
    ("key", "params", "expected"), [v[1:] for v in WEBSOCKET], ids=_ids(WEBSOCKET)
)
def test_the_websocket_api_signs_raw_text_sorted_by_name(
    key: SampleKey, params: dict[str, Any], expected: str
) -> None:
    rest = {name: value for name, value in params.items() if name != "timestamp"}
    signed = signed_params(rest, key, _at_ms(params["timestamp"]))
    assert signed == {**params, "apiKey": key.api_key, "signature": expected}


def test_the_official_ed25519_example_with_a_key_is_reproduced() -> None:
    assert signature(FIX_PAYLOAD.encode(), ED25519) == FIX_SIGNATURE


@pytest.mark.parametrize(
    ("query", "body", "method"),
    [
        ("", "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1", "POST"),
        ("symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1", "", "GET"),
    ],
)
def test_an_official_request_is_rebuilt_to_the_byte(query: str, body: str, method: str) -> None:
    window = "&recvWindow=5000"
    sent = Request(
        method=method,
        host="rest",
        path="/api/v3/order",
        query=query and query + window,
        body=(body and body + window).encode(),
    )
    signed = BinanceAdapter("sim").sign(sent, HMAC, _at_ms(1499827319559))
    whole = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
        "&timestamp=1499827319559"
        "&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    )
    assert (signed.query, signed.body) == ((whole, b"") if query else ("", whole.encode()))
    assert signed.headers["X-MBX-APIKEY"] == HMAC.api_key


def test_a_request_split_between_query_and_body_is_glued_without_a_separator() -> None:
    sent = Request(
        method="POST",
        host="rest",
        path="/api/v3/order",
        query="symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
        body=b"quantity=1&price=0.1&recvWindow=5000",
    )
    signed = BinanceAdapter("sim").sign(sent, HMAC, _at_ms(1499827319559))
    assert signed.query == sent.query
    assert signed.body == (
        b"quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
        b"&signature=0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
    )


def test_the_shortest_signed_request_has_a_time_and_nothing_else() -> None:
    sent = Request(method="GET", host="rest", path="/api/v3/account")
    signed = BinanceAdapter("sim").sign(sent, HMAC, _at_ms(1578963600000))
    assert signed.query == (
        "timestamp=1578963600000"
        "&signature=d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4"
    )


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_base64_signatures_are_percent_encoded_in_requests(key: SampleKey) -> None:
    sent = Request(method="GET", host="rest", path="/api/v3/account", query="omitZeroBalances=true")
    signed = BinanceAdapter("sim").sign(sent, key, _at_ms(1668481559918))
    payload = "omitZeroBalances=true&timestamp=1668481559918"
    expected = quote(key.signature_base64(payload.encode()), safe="")
    assert signed.query == f"{payload}&signature={expected}"
    assert not set("+/=") & set(signed.query.rpartition("&signature=")[2])


def test_the_time_is_cut_to_milliseconds_and_never_early() -> None:
    sent = Request(method="GET", host="rest", path="/api/v3/account")
    signed = BinanceAdapter("sim").sign(sent, HMAC, Stamp(time_ns=1578963600000_999_999))
    assert signed.query.startswith("timestamp=1578963600000&")


def test_a_message_over_a_socket_is_signed_by_the_other_rule() -> None:
    message = {
        "id": 7,
        "method": "order.place",
        "params": {
            "symbol": "\uff11\uff12\uff13\uff14\uff15\uff16",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "1.00000000",
            "price": "0.10000000",
            "recvWindow": 5000,
        },
    }
    body = json.dumps(message).encode()
    sent = Request(method="WS", host="ws-api", path="/ws-api/v3", body=body)
    signed = json.loads(BinanceAdapter("sim").sign(sent, HMAC, _at_ms(1645423376532)).body)
    assert signed["id"] == 7
    assert signed["params"]["apiKey"] == HMAC.api_key
    assert signed["params"]["signature"] == (
        "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"
    )


def test_numbers_that_are_not_whole_are_refused_in_messages() -> None:
    sent = Request(method="WS", host="ws-api", path="/ws", body=b'{"params":{"recvWindow":1.5}}')
    with pytest.raises(ValueError, match="recvWindow"):
        BinanceAdapter("sim").sign(sent, HMAC, _at_ms(1))


@pytest.mark.parametrize(("payload", "wrong"), [v[1:] for v in REFUSED], ids=_ids(REFUSED))
def test_payloads_that_binance_refuses_are_told_from_ours(payload: str, wrong: str) -> None:
    ours = {vector[-1] for vector in (*REST, *WEBSOCKET) if vector[0] != "rest-hmac-ascii-query"}
    ours -= {REST[0][-1]}
    assert signature(payload.encode(), HMAC) == wrong
    assert wrong not in ours


def test_percent_encoding_keeps_only_the_unreserved_characters() -> None:
    pairs = (("address", "r1&2=3"), ("addressTag", "a+b/c@d"), ("name", "cold wallet é"))
    assert query_string(pairs) == (
        "address=r1%262%3D3&addressTag=a%2Bb%2Fc%40d&name=cold%20wallet%20%C3%A9"
    )


def test_other_kinds_of_keys_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="es256"):
        signature(b"", SampleKey("k", "es256", "s"))
