"""Errors of Kraken: texts with status 200, and what each says of a request's effect."""

from typing import TYPE_CHECKING, Any

import pytest

from venuekit.model import Advice, Failure, Outcome
from venuekit.plugin import Answer, Call, CallKind, Request
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.error_table import MEANINGS

if TYPE_CHECKING:
    from .conftest import Wire


def call(kind: CallKind) -> Call[Any]:
    request = Request(method="POST", host="rest", path="/0/private/AddOrder")
    return Call(what="test", kind=kind, request=request, read=lambda _: None)


def failure(answer: Answer, kind: CallKind = CallKind.PLACE) -> Failure:
    found = KrakenAdapter("sim").failure(call(kind), answer)
    assert found is not None
    return found


@pytest.mark.parametrize("text", MEANINGS)
def test_every_documented_error_has_a_meaning(wire: "type[Wire]", text: str) -> None:
    found = failure(wire.refused(text))
    assert (found.code, found.is_documented) == (text, True)
    assert found.outcome in {Outcome.REJECTED, Outcome.UNKNOWN}


@pytest.mark.parametrize(
    ("text", "reason", "outcome", "advice"),
    [
        ("EOrder:Insufficient funds", "balance.insufficient", Outcome.REJECTED, Advice.NEVER),
        ("EAPI:Invalid nonce", "nonce.invalid", Outcome.REJECTED, Advice.NEW_NONCE),
        ("EAPI:Rate limit exceeded", "limit.exceeded", Outcome.REJECTED, Advice.AFTER_DELAY),
        ("EService: Throttled: 1741500000", "limit.exceeded", Outcome.REJECTED, Advice.AFTER_DELAY),
        ("EService:Unavailable", "exchange.unavailable", Outcome.UNKNOWN, Advice.AGAIN),
        ("EService:Deadline elapsed", "request.expired", Outcome.UNKNOWN, Advice.AGAIN),
        ("EOrder:Unknown order", "order.unknown", Outcome.REJECTED, Advice.NEVER),
        (
            "EGeneral:Invalid arguments:cl_ord_id not unique",
            "order.duplicate_id",
            Outcome.REJECTED,
            Advice.NEVER,
        ),
        ("EGeneral:Invalid arguments:volume", "request.invalid", Outcome.REJECTED, Advice.NEVER),
        ("EFuture:Nobody knows", "exchange.undocumented", Outcome.UNKNOWN, Advice.NEVER),
    ],
)
def test_what_an_error_says_of_a_placement(
    wire: "type[Wire]", text: str, reason: str, outcome: Outcome, advice: Advice
) -> None:
    found = failure(wire.refused(text))
    assert (found.reason, found.outcome, found.advice) == (reason, outcome, advice)


def test_of_a_read_nothing_is_unknown(wire: "type[Wire]") -> None:
    assert failure(wire.refused("EService:Unavailable"), CallKind.PRIVATE_READ).outcome is (
        Outcome.REJECTED
    )


def test_a_warning_is_no_error(wire: "type[Wire]") -> None:
    warned = Answer(status=200, body=b'{"error":["WGeneral:Danger"],"result":{}}')
    assert KrakenAdapter("sim").failure(call(CallKind.PLACE), warned) is None
    assert KrakenAdapter("sim").failure(call(CallKind.PLACE), wire.ok({"a": 1})) is None


def test_a_lockout_is_a_ban(wire: "type[Wire]") -> None:
    found = failure(wire.refused("EGeneral:Temporary lockout"))
    assert found.is_ban
    assert found.retry_after_s == 900


@pytest.mark.parametrize("status", [500, 502, 503, 520, 526])
@pytest.mark.parametrize("body", [b"<html>Cloudflare</html>", b'{"error":[]}', b""])
def test_whatever_is_not_kraken_s_own_answer_leaves_a_write_unknown(
    status: int, body: bytes
) -> None:
    found = failure(Answer(status=status, body=body))
    assert (found.outcome, found.advice) == (Outcome.UNKNOWN, Advice.AGAIN)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":1}', b'{"error":[1]}'])
def test_a_body_that_is_no_envelope_leaves_a_write_unknown(body: bytes) -> None:
    assert failure(Answer(status=200, body=body)).outcome is Outcome.UNKNOWN
