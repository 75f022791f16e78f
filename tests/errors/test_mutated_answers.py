"""Answers that no exchange documents: half of one, two of them, a proxy's page, noise.

Whatever comes, a plugin says something of it that is never better than the truth: it does not
raise, and what may have happened it does not deny.
"""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.docs.exchange_table import manifests
from venuekit.model import Advice, Outcome
from venuekit.plugin import Adapter, Answer, Call, CallKind, Request

BODIES = [
    b'{"code":-2010,"msg":"Account has insufficient balance for requested action."}',
    b'{"code":-1007,"msg":"Timeout waiting for response from backend server."}',
    b'{"error":["EOrder:Insufficient funds"]}',
    b'{"error":[],"result":{"descr":{"order":"buy 1"},"txid":["OUF4EM"]}}',
    b'{"success":false,"error_response":{"error":"INSUFFICIENT_FUND","message":"no"}}',
    b'{"success":true,"success_response":{"order_id":"1","client_order_id":"x"}}',
    b'{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}',
    b'{"message":"Insufficient funds"}',
    b"<html><body>502 Bad Gateway</body></html>",
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"1e400",
    b'{"error":{"code":' + b"9" * 5000 + b"}}",
    b"\xff\xfe\x00{",
    b'{"code":-2010,"code":0,"msg":"\\u001b[31m\\u202e"}',
]
ADAPTERS: dict[str, Adapter] = {each.id: each.adapter("sim") for each in manifests()}
WRITES = [kind for kind in CallKind if kind.is_write]
UNREADABLE = {
    "page": b"<html><h1>403 Forbidden</h1>Too many errors; order not found</html>",
    "nothing": b"",
    "null": b"null",
    "list": b"[]",
    "text": b'"Insufficient funds"',
    "number": b"1",
    "object": b"{}",
    "wrong types": b'{"error":5,"code":[1],"msg":{},"success":"yes","message":4,"errors":7}',
    "too deep": b"[" * 20_000,
    "too large": b'{"message":"' + b"x" * 2_000_000,
    "not of Unicode": b"Unauthorized \xff",
}
STATUSES = [200, 201, 204, 400, 401, 403, 404, 409, 418, 422, 429, 500, 502, 503, 504, 520]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Cut, repeat, or overwrite parts of a body that might have been."""
    body = draw(st.sampled_from(BODIES))
    for _ in range(draw(st.integers(0, 3))):
        first = draw(st.integers(0, len(body)))
        last = draw(st.integers(first, len(body)))
        noise = draw(
            st.sampled_from([b"", b"null", b"{", b"]", b'"', b"-1", b"true", b"\x00", b"[[[["])
            | st.binary(max_size=8)
        )
        body = body[:first] + noise + body[last:]
    return body


def call(kind: CallKind) -> Call[Any]:
    body = b'{"order_ids":["1"],"client_order_id":"x","product_id":"BTC-USD","side":"BUY"}'
    request = Request(method="POST", host="rest", path="/api/v3/brokerage/orders", body=body)
    return Call(what="test", kind=kind, request=request, read=lambda _: None)


@pytest.mark.parametrize("kind", list(CallKind), ids=lambda kind: kind.value)
@pytest.mark.parametrize("exchange", ADAPTERS)
@given(body=mutated(), status=st.sampled_from(STATUSES))
def test_no_answer_breaks_the_judgement_or_is_called_better_than_it_is(
    exchange: str, kind: CallKind, body: bytes, status: int
) -> None:
    failure = ADAPTERS[exchange].failure(call(kind), Answer(status=status, body=body))
    if status >= 300:
        assert failure is not None
    if failure is None:
        return
    if kind.is_write and status >= 500:
        assert failure.outcome is Outcome.UNKNOWN
    if kind.is_write and not failure.is_documented and failure.outcome is not Outcome.UNKNOWN:
        # Only where the answer itself says, in a form that is documented, that it refuses.
        assert b"success" in body
    if not failure.is_documented and failure.advice is not Advice.NEVER:
        # The status alone may say "later", or "broken".
        assert status in {403, 418, 429} or status >= 500 or failure.outcome is Outcome.UNKNOWN
    assert len(failure.text) <= 200
    assert not any(unicodedata.category(char)[0] == "C" for char in failure.text + failure.code)


@pytest.mark.parametrize("kind", WRITES, ids=lambda kind: kind.value)
@pytest.mark.parametrize("exchange", ADAPTERS)
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_proves_nothing_about_a_write_whatever_its_status(
    exchange: str, kind: CallKind, body: bytes
) -> None:
    for status in (each for each in STATUSES if each >= 400):
        failure = ADAPTERS[exchange].failure(call(kind), Answer(status=status, body=body))
        assert failure is not None
        assert failure.outcome is Outcome.UNKNOWN, status


@pytest.mark.parametrize("exchange", ADAPTERS)
@given(
    body=st.sampled_from([body for body in BODIES if body.startswith(b"{")]),
    share=st.floats(0, 1, exclude_max=True),
    status=st.sampled_from([each for each in STATUSES if each >= 400]),
    kind=st.sampled_from(WRITES),
)
def test_half_an_answer_proves_nothing_about_a_write(
    exchange: str, body: bytes, share: float, status: int, kind: CallKind
) -> None:
    half = body[: int(len(body) * share)]
    failure = ADAPTERS[exchange].failure(call(kind), Answer(status=status, body=half))
    assert failure is not None
    assert failure.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("exchange", ADAPTERS)
@pytest.mark.parametrize("status", [429, 503])
def test_a_page_of_a_proxy_still_says_when_to_come_back(exchange: str, status: int) -> None:
    """The effect is not known, the status is: what went too fast pauses, what is down is asked."""
    page = Answer(status=status, body=UNREADABLE["page"])
    placed = ADAPTERS[exchange].failure(call(CallKind.PLACE), page)
    asked = ADAPTERS[exchange].failure(call(CallKind.PUBLIC_READ), page)
    assert placed is not None
    assert asked is not None
    for failure in (placed, asked):
        assert failure.advice in {Advice.AGAIN, Advice.AFTER_DELAY}
        assert failure.reason.startswith("limit." if status == 429 else "exchange.")
        assert failure.is_documented
