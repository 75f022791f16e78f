"""Errors: documented ones mean what is written here by hand, all others leave writes unknown."""

import json
from typing import Any

import pytest

from venuekit.model import Advice, Outcome
from venuekit.plugin import Answer, Call, CallKind, Key, Request, Stamp
from venuekit_bitstamp.errors import ERRORS
from venuekit_bitstamp.manifest import MANIFEST
from venuekit_bitstamp.streams import Adapter


def call(kind: CallKind = CallKind.PLACE) -> Call[None]:
    request = Request(method="POST", host="rest", path="/api/v2/buy/btcusd/")
    return Call(what="place order", kind=kind, request=request, read=lambda _: None)


def judged(value: Any, status: int = 400, kind: CallKind = CallKind.PLACE) -> Any:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Adapter("live").failure(call(kind), Answer(status=status, body=body))


def coded(code: str) -> dict[str, Any]:
    name = "code" if code.startswith("API") else "response_code"
    return {"status": "error", "reason": {"__all__": ["Words."]}, name: code}


@pytest.mark.parametrize(
    ("codes", "outcome", "advice", "reason"),
    [
        ("400.002 400.067 400.068", "rejected", "after_delay", "limit.exceeded"),
        ("400.003 500.010 500.011 500.012 500.014", "rejected", "never", "instrument.halted"),
        ("400.009", "rejected", "never", "balance.insufficient"),
        ("400.019", "rejected", "never", "order.duplicate_id"),
        ("400.020", "rejected", "never", "notional.below_minimum"),
        ("400.021 400.055 400.056", "rejected", "never", "price.outside_band"),
        ("400.037 400.038", "rejected", "never", "quantity.above_maximum"),
        ("400.039", "rejected", "never", "notional.above_maximum"),
        ("400.046", "rejected", "never", "quantity.below_minimum"),
        ("400.001 400.008 400.026 400.041 405.001 API0020", "rejected", "never", "request.invalid"),
        ("403.001 403.004 404.004 API0003 API0006", "rejected", "never", "permission.denied"),
        ("404.002", "rejected", "never", "order.unknown"),
        ("404.003 404.007", "rejected", "never", "instrument.unknown"),
        ("API0001 API0005 API0011 API0016", "rejected", "never", "key.rejected"),
        ("API0004", "rejected", "new_nonce", "nonce.rejected"),
        ("API0017", "rejected", "after_clock_sync", "clock.outside_window"),
        ("500.004 500.015 500.018", "rejected", "never", "book.too_thin"),
        ("500.017", "rejected", "never", "order.rejected"),
        ("500.001 500.003 500.009 500.013 500.016 500.019", "unknown", "again", "exchange.failed"),
    ],
)
def test_each_code_means_this(codes: str, outcome: str, advice: str, reason: str) -> None:
    for code in codes.split():
        failure = judged(coded(code))
        assert (failure.outcome, failure.advice, failure.reason) == (
            Outcome(outcome),
            Advice(advice),
            reason,
        ), code
        assert (failure.code, failure.text, failure.is_documented) == (code, "Words.", True)
        assert failure.retry_after_s == (1.0 if reason == "limit.exceeded" else None)


def test_the_table_has_every_code_that_spot_trading_can_meet() -> None:
    derivatives = {"042", "043", "044", "045", "040"} | {f"{n:03d}" for n in range(47, 55)}
    derivatives |= {f"{n:03d}" for n in (*range(57, 61), *range(62, 67))}
    wanted = {f"400.{n:03d}" for n in range(1, 69)} - {f"400.{n}" for n in derivatives}
    wanted |= {f"API{n:04d}" for n in range(1, 22)} - {"API0007"}
    wanted |= {f"404.{n:03d}" for n in range(1, 8)} | {"405.001", "410.001"}
    assert wanted <= set(ERRORS.rows)
    assert len(MANIFEST.errors) == len(ERRORS.rows) + len(ERRORS.texts[""])


@pytest.mark.parametrize(
    ("text", "reason", "outcome"),
    [
        ("Order not found.", "order.unknown", Outcome.REJECTED),
        ("You have only 0.001 BTC available. Check", "balance.insufficient", Outcome.REJECTED),
        ("You need 5 USD to open that order.", "balance.insufficient", Outcome.REJECTED),
        ("You can only buy 5 BTC.", "balance.insufficient", Outcome.REJECTED),
        ("Minimum order size is 10 USD.", "notional.below_minimum", Outcome.REJECTED),
        ("Price is more than 20% above market price.", "price.outside_band", Outcome.REJECTED),
        ("Maximum market buy amount", "quantity.above_maximum", Outcome.REJECTED),
        ("No buy orders for currency pair", "book.too_thin", Outcome.REJECTED),
        ("No sell orders for currency pair", "book.too_thin", Outcome.REJECTED),
        ("Ensure that there are no more than 8", "quantity.off_step", Outcome.REJECTED),
        ("Order could not be placed.", "exchange.failed", Outcome.UNKNOWN),
        ("Something that nobody wrote down", "exchange.undocumented", Outcome.UNKNOWN),
    ],
)
@pytest.mark.parametrize("form", ["error", "reason", "by member", "list"])
def test_without_a_code_the_words_tell(text: str, reason: str, outcome: Outcome, form: str) -> None:
    body = {
        "error": {"error": text},
        "reason": {"status": "error", "reason": text},
        "by member": {"status": "error", "reason": {"amount": [text, "and more"]}},
        "list": {"status": "error", "reason": [text]},
    }[form]
    # Errors come with the status 200, too.
    for status in (200, 400):
        if form == "error" and status == 200:
            continue
        failure = judged(body, status)
        assert (failure.reason, failure.outcome, failure.text) == (reason, outcome, text)


def test_too_many_requests_may_come_without_words() -> None:
    failure = judged(b"", 429)
    assert (failure.reason, failure.advice, failure.retry_after_s) == (
        "limit.exceeded",
        Advice.AFTER_DELAY,
        1.0,
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>surprise</html>", 200),
        (b"", 200),
        (b"{}", 200),
        (b"null", 200),
        (b'"done"', 200),
        (b'{"response_code": 7}', 200),
        (b'{"reason": {}}', 400),
        (b'{"reason": {"a": []}}', 400),
    ],
)
def test_what_nobody_understands_leaves_a_write_unknown_and_a_read_failed(
    body: bytes, status: int
) -> None:
    failure = judged(body, status)
    assert (failure.outcome, failure.advice, failure.is_documented) == (
        Outcome.UNKNOWN,
        Advice.NEVER,
        False,
    )
    assert judged(body, status, CallKind.PRIVATE_READ).outcome is Outcome.REJECTED


@pytest.mark.parametrize(
    ("body", "status", "advice", "wait_s"),
    [
        (b"<html>Bad gateway</html>", 502, Advice.AGAIN, None),
        (b"[]", 500, Advice.AGAIN, None),
        (b"<html>Too many requests</html>", 429, Advice.AFTER_DELAY, 1.0),
        (b"{}", 429, Advice.AFTER_DELAY, 1.0),
    ],
)
def test_a_page_on_the_way_says_when_to_come_back_and_nothing_of_the_effect(
    body: bytes, status: int, advice: Advice, wait_s: float | None
) -> None:
    failure = judged(body, status)
    assert (failure.outcome, failure.advice, failure.retry_after_s) == (
        Outcome.UNKNOWN,
        advice,
        wait_s,
    )


@pytest.mark.parametrize("value", [[], [{"id": "1"}], {"id": "1"}, {"id": 1, "status": "Open"}])
def test_a_success_is_none(value: Any) -> None:
    assert judged(value, 200) is None
    assert judged(value, 200, CallKind.PRIVATE_READ) is None


class Echo:
    """A key that shows what it would sign."""

    api_key = "public"
    algorithm = "hmac-sha256"
    passphrase = None

    def hmac_hex(self, data: bytes, *, decode_secret: bool = False) -> str:
        assert not decode_secret
        return data.decode()


def test_a_signature_covers_all_that_is_sent_and_is_good_for_fifteen_seconds() -> None:
    key: Key = Echo()  # type: ignore[assignment]  # what Bitstamp does not use is left out
    stamp = Stamp(time_ns=1_767_225_600_000_000_000, nonce=0xABCDEF)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    request = Request(
        method="POST", host="rest", path="/api/v2/x/", query="q=1", headers=form, body=b"id=7"
    )
    signed = Adapter("live").sign(request, key, stamp)
    nonce = "00000000-0000-4000-8000-000000abcdef"
    assert signed.headers == {
        **form,
        "X-Auth": "BITSTAMP public",
        "X-Auth-Nonce": nonce,
        "X-Auth-Timestamp": "1767225465000",
        "X-Auth-Version": "v2",
        "X-Auth-Signature": "BITSTAMP publicPOSTwww.bitstamp.net/api/v2/x/?q=1"
        f"application/x-www-form-urlencoded{nonce}1767225465000v2id=7",
    }
    assert (signed.body, signed.path, signed.query) == (b"id=7", "/api/v2/x/", "q=1")
    assert MANIFEST.timing.request_validity_s == 15
    with pytest.raises(ValueError, match="nonce"):
        Adapter("live").sign(request, key, Stamp(time_ns=1))


def test_nonces_of_any_size_have_the_form_of_a_uuid() -> None:
    key: Key = Echo()  # type: ignore[assignment]  # as above
    request = Request(method="POST", host="rest", path="/")
    made = set()
    for nonce in (1, 2**48 - 1, 2**48, 1_767_225_600_000_000, 2**64 - 1):
        signed = Adapter("sim").sign(request, key, Stamp(time_ns=10**18, nonce=nonce))
        text = signed.headers["X-Auth-Nonce"]
        assert [len(part) for part in text.split("-")] == [8, 4, 4, 4, 12]
        made.add(text)
    assert len(made) == 5
