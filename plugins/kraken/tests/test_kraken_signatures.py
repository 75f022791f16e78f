"""Signatures of Kraken: the published answer, and others that three clients agree on."""

import pytest

from venuekit.auth import Redactor, SecretKey
from venuekit.plugin import Request, Stamp
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.signing import signature

# The known answer of Kraken's page "Spot REST Authentication"; the key opens nothing.
SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
NS = 1_616_492_376_594_000_000


def key(algorithm: str = "hmac-sha512") -> SecretKey:
    return SecretKey(api_key="public", algorithm=algorithm, secret=SECRET, redactor=Redactor())


@pytest.mark.parametrize(
    ("path", "nonce", "body", "expected"),
    [
        (
            "/0/private/AddOrder",
            "1616492376594",
            "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25",
            "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
        ),
        (
            "/0/private/Balance",
            "1616492376595",
            "nonce=1616492376595",
            "9qsYnAxkAt04Q9bMOFfYWglY6B/1ShQtPB2GO659iotiVGrR7HnEEhGS8TlToTniR3G4Y+HNrzV7X6iksOh5jQ==",
        ),
        (
            "/0/private/GetWebSocketsToken",
            "18446744073709551615",
            "nonce=18446744073709551615",
            "Y7CbCLfOyOqebtbaLkXdcWW7emFH9PHNRZqhItnEDbusaYzLVgyps/mFOF/IV2MIRoJJcuifj+SKKETfg4ipow==",
        ),
        (
            "/0/private/CancelOrderBatch",
            "1616492376601",
            '{"nonce":"1616492376601","orders":["OG5V2Y-RYKVL-DT3V3B","OP5V2Y-RYKVL-ET3V3B"]}',
            "E5ai5S0e9y4ifliZl1AziCX92LRHBsric1RfhKx4PNdjkd58Bv0DOAjJ0N/juvlijcyEzD+N3F9v4N6Om7HxRQ==",
        ),
    ],
)
def test_a_request_is_signed_as_published(path: str, nonce: str, body: str, expected: str) -> None:
    assert signature(path, nonce, body.encode(), key()) == expected


def test_what_goes_out_carries_the_nonce_that_it_is_signed_with() -> None:
    request = Request(method="POST", host="rest", path="/0/private/Balance", body=b"")
    signed = KrakenAdapter("sim").sign(request, key(), Stamp(time_ns=NS, nonce=1616492376595))

    assert signed.body == b"nonce=1616492376595"
    assert signed.headers["API-Key"] == "public"
    assert signed.headers["API-Sign"].startswith("9qsYnAxkAt04Q9bMOFfY")


def test_a_batch_is_signed_with_the_nonce_inside_its_json() -> None:
    request = Request(
        method="POST",
        host="rest",
        path="/0/private/CancelOrderBatch",
        body=b'{"orders":["OG5V2Y-RYKVL-DT3V3B","OP5V2Y-RYKVL-ET3V3B"]}',
    )
    signed = KrakenAdapter("sim").sign(request, key(), Stamp(time_ns=NS, nonce=1616492376601))

    assert signed.headers["API-Sign"].startswith("E5ai5S0e9y4ifliZl1Az")


@pytest.mark.parametrize("body", [b"pair=XBTUSD", b'{"pair":"XBTUSD"}'])
def test_what_places_an_order_carries_a_deadline_five_seconds_ahead(body: bytes) -> None:
    method = "AddOrderBatch" if body.startswith(b"{") else "AddOrder"
    request = Request(method="POST", host="rest", path=f"/0/private/{method}", body=body)
    signed = KrakenAdapter("sim").sign(request, key(), Stamp(time_ns=NS, nonce=1))

    assert b"2021-03-23T09" in signed.body
    assert b"39" in signed.body
    expected = b"41.594Z"
    assert expected in signed.body


def test_without_a_nonce_or_with_another_kind_of_key_nothing_is_signed() -> None:
    request = Request(method="POST", host="rest", path="/0/private/Balance")
    with pytest.raises(ValueError, match="nonce"):
        KrakenAdapter("sim").sign(request, key(), Stamp(time_ns=NS))
    with pytest.raises(ValueError, match="hmac-sha512"):
        KrakenAdapter("sim").sign(request, key("hmac-sha256"), Stamp(time_ns=NS, nonce=1))
