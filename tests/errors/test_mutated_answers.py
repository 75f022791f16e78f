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
    if not failure.is_documented:
        assert failure.advice is Advice.NEVER or failure.outcome is Outcome.UNKNOWN
    assert len(failure.text) <= 200
    assert not any(unicodedata.category(char)[0] == "C" for char in failure.text + failure.code)
