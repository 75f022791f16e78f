"""The simulator judges signatures as the exchange does: over the bytes that were received.

Vectors: official ones of the Binance docs, and ones computed for the same payloads (2026-07).
"""

import random
from typing import Any

import pytest

from venuekit_binance.sim.parameters import json_params, socket_pairs
from venuekit_binance.sim.refusals import Refusal
from venuekit_binance.sim.security import (
    KeyRing,
    KeyType,
    Security,
    check_signature,
    check_window,
    rest_payload,
    socket_payload,
)

HMAC = (
    "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
)
ED25519 = (
    "4yNzx3yWC5bS6YTwEkSRaC0nRmSQIIStAUOh1b6kqaBrTLIhjCpI5lJH8q8R8WNO",
    (
        "-----BEGIN PUBLIC KEY-----\n"
        "MCowBQYDK2VwAyEAGUIKv9dSpWXBViXp2m6vAIb8QMFJYBgyFEQsFJlqgA0=\n"
        "-----END PUBLIC KEY-----\n"
    ),
)
RSA = (
    "CAvIjXy3F44yW6Pou5k8Dy1swsYDWJZLeoK2r8G4cFDnE9nosRppc2eKc1T8TRTQ",
    (
        "-----BEGIN PUBLIC KEY-----\n"
        "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAz631jK9sqsSYCXCMgOUw\n"
        "xaWQZQfRN0TG2xHD2Yo5jw4nImY7kYg9UOqEM4tTBRk2edtx8El3vVxt0TUGiwo8\n"
        "YvlZC7LwqMc4Lq5Fl6EK9FRychA8Z8kWgs08r7x0ILdCygln6mpWDc9LnnaMZ2J3\n"
        "Xtwx/7RRV19P605Cciui6TsijgKhNBuzobkFpC75VDvJqsLRjana7ToM75Ezea4W\n"
        "+VXlgeCRlg3AGBW/QkCPcA+/ySVNV0BiDiRGNy/z4xi3IwxIkTree/0Ut4ujlU4g\n"
        "IA3IAONObTS4Et9uoX2xHISObSnjsaqxWFX7zivPuKPq61AZzIawYNLSb9X3kCng\n"
        "JwIDAQAB\n"
        "-----END PUBLIC KEY-----\n"
    ),
)
WIDE_DIGITS = "\uff11\uff12\uff13\uff14\uff15\uff16"
HEAD = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
TAIL = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
WIDE = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
WIDE_ORDER = (
    f"symbol={WIDE}&side=BUY&type=LIMIT&timeInForce=GTC"
    "&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
)
RSA_MIXED = (
    "IYP7HSVCCH139C0WzQAmzeelpE/yxVk1R0ep6E/VHJ0wMkrSOAXxC4iMGadmYg7z04cbnA1OJ55AiyUhh3k9Ot11Stg"
    "J8WaUcVehjBZKl5dJMAzxXZ7mkt1iloPP4Bqu6lnWp1Mgr56Bx3JN0ZC6aEL1WBEKNYP3yJ1+jCciJpSoAjSWxeuy7B"
    "/rflEBrCxlRe3ic13VjawwxcqDIeMCsko85W6tsu4bHuO+oLsyggJH+8y1KnC2GLRNaKKoRsA6F6Z0alIN7XbO45s2k"
    "JxEKlM22Dga+ROq0ory+2BJZS3oZahF1EiwqIbHQO7ZhAqRRRwK9vCyqnSweNfUUEuZXA=="
)


def judged(kind: KeyType, given: tuple[str, str], payload: bytes, signature: str) -> int:
    ring = KeyRing(random.Random(1))
    ring.issue("first", kind, api_key=given[0], secret=given[1])
    key = ring.find(given[0], Security.TRADE, "127.0.0.1")
    try:
        check_signature(key, payload, signature)
    except Refusal as refusal:
        return refusal.code
    return 0


@pytest.mark.parametrize(
    ("query", "body", "signature"),
    [
        (f"{HEAD}&{TAIL}", "", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        ("", f"{HEAD}&{TAIL}", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (HEAD, TAIL, "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"),
        (WIDE_ORDER, "", "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
        (
            "timestamp=1578963600000",
            "",
            "d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4",
        ),
        (
            (
                "coin=XRP&address=r1%262%3D3&addressTag=a%2Bb%2Fc%40d&name=cold%20wallet%20%C3%A9"
                "&amount=1.5&timestamp=1747385641636"
            ),
            "",
            "aa58bd02cb8d214f9927b06c6734d85efac1aa52e828c8f0d6da4e5a098735d4",
        ),
    ],
)
def test_rest_hmac_vectors_hold_wherever_the_signature_stands(
    query: str, body: str, signature: str
) -> None:
    for sent_query, sent_body in (
        (query, body),
        (f"{query}&signature={signature}".lstrip("&"), body),
        (f"signature={signature}&{query}".rstrip("&"), body),
        (query, f"{body}&signature={signature}".lstrip("&")),
    ):
        payload = rest_payload(sent_query.encode(), sent_body.encode())
        assert judged(KeyType.HMAC, HMAC, payload, signature) == 0
        assert judged(KeyType.HMAC, HMAC, payload, signature.upper()) == 0


def test_rsa_and_ed25519_vectors_hold() -> None:
    payload = rest_payload(HEAD.encode(), TAIL.encode())
    assert judged(KeyType.RSA, RSA, payload, RSA_MIXED) == 0
    signature = (
        "2pXDIYPNs4esiq6kcFM3fr/mNpZhER/K5FrvoahNnYcX1bd0ZE9Is+O5vUdVUcUKuG8kae/kNqmDnDtghivWBA=="
    )
    assert judged(KeyType.ED25519, ED25519, payload, signature) == 0
    assert judged(KeyType.ED25519, ED25519, payload, signature.swapcase()) == -1022
    # The one official Ed25519 vector with a private key is a FIX logon.
    fix = b"A\x01EXAMPLE\x01SPOT\x011\x0120240627-11:17:25.223"
    signature = (
        "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="
    )
    assert judged(KeyType.ED25519, ED25519, fix, signature) == 0


@pytest.mark.parametrize(
    ("kind", "given", "params", "signature"),
    [
        (
            KeyType.HMAC,
            HMAC,
            (
                '{"symbol":"BTCUSDT","side":"SELL","type":"LIMIT","timeInForce":"GTC",'
                '"quantity":"0.01000000","price":"52000.00","recvWindow":100,'
                f'"timestamp":1645423376532,"apiKey":"{HMAC[0]}"}}'
            ),
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            KeyType.HMAC,
            HMAC,
            (
                f'{{"apiKey":"{HMAC[0]}","symbol":"{WIDE_DIGITS}","side":"BUY","type":"LIMIT",'
                '"timeInForce":"GTC","quantity":"1.00000000","price":"0.10000000","recvWindow":5000,'
                '"timestamp":1645423376532}'
            ),
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
        (
            KeyType.ED25519,
            ED25519,
            f'{{"timestamp":1649729878532,"apiKey":"{ED25519[0]}"}}',
            "cGkloHLHGGNbrduoWDYBlzIPwRHyDVYVfCE0rDkPwKdKedurBgm2JNWRkwloQDBFG6Mcloavo1siYfEtZbV/Ag==",
        ),
    ],
)
def test_websocket_api_vectors_are_sorted_and_raw(
    kind: Any, given: Any, params: str, signature: str
) -> None:
    payload = socket_payload(socket_pairs(json_params(params)))
    assert judged(kind, given, payload, signature) == 0


def test_numbers_are_signed_with_the_digits_they_were_written_in() -> None:
    pairs = socket_pairs(json_params('{"recvWindow": 6000.340, "timestamp": 1747385641636}'))
    assert socket_payload(pairs) == b"recvWindow=6000.340&timestamp=1747385641636"


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (  # left in the request's order instead of sorted
            socket_payload(
                {
                    "symbol": "BTCUSDT",
                    "side": "SELL",
                    "type": "LIMIT",
                    "timeInForce": "GTC",
                    "quantity": "0.01000000",
                    "price": "52000.00",
                    "recvWindow": "100",
                    "timestamp": "1645423376532",
                    "apiKey": HMAC[0],
                }
            ),
            "896a5d5229f07ed1d81ce21394d5e7f039537c4372b2ef7a488fec1cba32f23e",
        ),
        (  # percent-encoded, which is REST's rule
            socket_payload(
                {
                    "apiKey": HMAC[0],
                    "price": "0.10000000",
                    "quantity": "1.00000000",
                    "recvWindow": "5000",
                    "side": "BUY",
                    "symbol": WIDE_DIGITS,
                    "timeInForce": "GTC",
                    "timestamp": "1645423376532",
                    "type": "LIMIT",
                }
            ),
            "3638bee4d1f01e29fe7b2cabe7afdda17c3c8a56c844d0e1c3340ab75a670225",
        ),
        (  # signed before encoding: refused since 2026-01-15
            rest_payload(WIDE_ORDER.encode(), b""),
            "ca2cdfbf21d2e2958de492c7f2dd1f059dd2ed4d4459d26a5ec7928db50c8d4f",
        ),
        (  # query and body joined with an ampersand
            rest_payload(HEAD.encode(), TAIL.encode()),
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (rest_payload(b"timestamp=1", b""), ""),
        (rest_payload(b"timestamp=1", b""), "é" * 64),
    ],
)
def test_signatures_made_by_another_rule_are_refused(payload: bytes, signature: str) -> None:
    assert judged(KeyType.HMAC, HMAC, payload, signature) == -1022


def test_generated_keys_are_the_same_for_the_same_seed_and_hide_their_secret() -> None:
    made = [KeyRing(random.Random(5)).issue("a", KeyType.ED25519) for _ in range(2)]
    assert made[0] == made[1]
    assert len(made[0].api_key) == 64
    assert made[0].secret.startswith("-----BEGIN PRIVATE KEY-----")
    assert made[0].secret not in repr(made[0])
    with pytest.raises(ValueError, match="must be given"):
        KeyRing(random.Random(1)).issue("a", KeyType.RSA)
    with pytest.raises(ValueError, match="no RSA key"):
        KeyRing(random.Random(1)).issue("a", KeyType.RSA, secret=ED25519[1])


def test_keys_are_judged_by_shape_permission_and_address() -> None:
    ring = KeyRing(random.Random(1))
    reader = ring.issue("a", can_trade=False, addresses=frozenset({"10.0.0.1"})).api_key

    def code(name: str | None, security: Security, address: str = "10.0.0.1") -> int:
        try:
            ring.find(ring.check_shape(name), security, address)
        except Refusal as refusal:
            return refusal.code
        return 0

    assert code(None, Security.USER_DATA) == -2014
    assert code("short", Security.USER_DATA) == -2014
    assert code("x" * 64, Security.USER_DATA) == -2015
    assert code(reader, Security.USER_DATA) == 0
    assert code(reader, Security.TRADE) == -2015
    assert code(reader, Security.USER_DATA, "10.0.0.2") == -2015
    ring.revoke(reader)
    assert code(reader, Security.USER_DATA) == -2015


NOW_NS = 1_784_100_000_000_000_000


@pytest.mark.parametrize(
    ("timestamp", "window", "code"),
    [
        ("1784100000000", None, 0),
        ("1784099995000", None, 0),
        ("1784099994999", None, -1021),
        ("1784099994999", "5000.999", -1021),
        ("1784099994999", "5001.5", 0),
        ("1784099940000", "60000", 0),
        ("1784100000999", None, 0),
        ("1784100001000", None, -1021),
        ("1784100000000000", None, 0),
        ("1784100000999999", None, 0),
        ("1784099994999999", None, -1021),
        ("1483228799999", None, -1021),
        ("1784100000000", "60001", -1102),
        ("1784100000000", "60000.001", -1102),
        ("1784100000000", "5000.1234", -1100),
        ("1784100000000", "-1", -1100),
        ("", None, -1102),
        (None, None, -1102),
        ("now", None, -1100),
        ("\uff11784100000000", None, -1100),
    ],
)
def test_the_time_window_is_half_open_to_the_future(timestamp: Any, window: Any, code: int) -> None:
    assert judged_window(timestamp, window) == code


def judged_window(timestamp: Any, window: Any) -> Any:
    try:
        check_window(timestamp, window, NOW_NS)
    except Refusal as refusal:
        return refusal.code
    return 0
