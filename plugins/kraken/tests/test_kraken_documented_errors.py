"""Kraken's documented errors, retyped from its error pages by class: each has the row it needs."""

from typing import Any

import pytest

from venuekit.model import Advice, Outcome
from venuekit.plugin import Answer, Call, CallKind, Request
from venuekit_kraken.adapter import KrakenAdapter
from venuekit_kraken.error_table import MEANINGS

# "Not executed" is documented, or it is a refusal by its nature.
FATAL = {
    "key": ["EAPI:Invalid key", "EAPI:Invalid signature", "EAuth:Failed"],
    "permission": [
        "EGeneral:Permission denied",
        "EAccount:Invalid permissions",
        "EAuth:Account temporary disabled",
        "EAuth:Account unconfirmed",
        "ETrade:User Locked",
        "ETrade:Locked",
        "EOrder:Trading agreement required",
    ],
    "balance": [
        "EOrder:Insufficient funds",
        "EFunding:Insufficient funds",
        "EFunding:Invalid amount",
        "EOrder:Insufficient margin",
        "EOrder:Insufficient initial margin",
        "EOrder:Margin allowance exceeded",
        "EOrder:Margin level too low",
        "EOrder:Margin position size exceeded",
    ],
    "order": [
        "EOrder:Orders limit exceeded",
        "EOrder:Positions limit exceeded",
        "EOrder:Scheduled orders limit exceeded",
        "EOrder:Unknown order",
        "EOrder:Invalid order",
        "EQuery:Unknown order",
        "EFunding:Unknown reference id",
        "EGeneral:Invalid arguments:cl_ord_id not unique",
        "EAPI:Feature disabled",
        "EOrder:Post only order",
        "EOrder:Cannot open position",
        "EOrder:Cannot open opposing position",
        "EOrder:Reduce only:Position is closed",
        "EBM:limit exceeded:CAL",
        "EOrder:Order not editable",
        "EOrder:Not enough leaves qty",
    ],
    "request": [
        "EGeneral:Invalid arguments",
        "EGeneral:Invalid arguments:volume",
        "EGeneral:Invalid arguments:Index unavailable",
        "EGeneral:Unknown method",
        "EAPI:Bad request",
        "EOrder:Unknown position",
        "ETrade:Invalid request",
        "EFunding:Max fee exceeded",
        "EFunding:Unknown withdraw key",
        "EFunding:Unknown asset",
        "EFunding:No funding method",
        "EFunding:Too many addresses",
        "EFunding:Invalid reference id",
        "Invalid withdrawal address",
    ],
    "instrument": [
        "EQuery:Unknown asset pair",
        "EQuery:Invalid asset pair",
        "EQuery:Unknown asset",
        "EService:Market in cancel_only mode",
        "EService:Market in post_only mode",
        "EService:Market in limit_only mode",
    ],
    "quantity": ["EOrder:Order minimum not met"],
    "notional": ["EOrder:Cost minimum not met"],
    "price": [
        "EOrder:Tick size check failed",
        "EOrder:Invalid price",
        "EOrder:Invalid limit price",
    ],
}
LATER = [
    "EGeneral:Temporary lockout",
    "EAuth:Rate limit exceeded",
    "EAuth:Too many requests",
    "EAPI:Rate limit exceeded",
    "EGeneral:Too many requests",
    "EService:Throttled",
    "EService:Throttled: 1741500000",
    "EOrder:Rate limit exceeded",
    "EOrder:Domain rate limit exceeded",
]
AMBIGUOUS = [
    "EOrder:Cancel pending",
    "EService:Unavailable",
    "EService:Busy",
    "EService:Deadline elapsed",
    "EService:Timeout",
    "EGeneral:Internal error",
    "EGeneral:Internal error:42",
    "EDatabase:Internal error",
]
WRITES = [CallKind.PLACE, CallKind.CANCEL, CallKind.AMEND]


def found(text: str, kind: CallKind) -> Any:
    request = Request(method="POST", host="rest", path="/0/private/AddOrder")
    call: Call[Any] = Call(what="test", kind=kind, request=request, read=lambda _: None)
    body = '{"error":["%s"]}' % text  # noqa: UP031  # braces in the text
    failure = KrakenAdapter("sim").failure(call, Answer(status=200, body=body.encode()))
    assert failure is not None
    assert failure.is_documented
    return failure


@pytest.mark.parametrize("kind", [*WRITES, CallKind.PRIVATE_READ], ids=lambda kind: kind.value)
@pytest.mark.parametrize(
    ("subject", "text"), [(subject, text) for subject, texts in FATAL.items() for text in texts]
)
def test_what_is_refused_for_good_had_no_effect_and_is_not_tried_again(
    subject: str, text: str, kind: CallKind
) -> None:
    failure = found(text, kind)
    assert (failure.outcome, failure.advice) == (Outcome.REJECTED, Advice.NEVER)
    assert failure.reason.startswith(f"{subject}.")


@pytest.mark.parametrize("text", LATER)
def test_what_came_too_fast_was_not_executed_and_waits_for_a_time_that_is_known(text: str) -> None:
    failure = found(text, CallKind.PLACE)
    assert (failure.outcome, failure.advice) == (Outcome.REJECTED, Advice.AFTER_DELAY)
    assert failure.reason.startswith("limit.")
    assert failure.retry_after_s >= (900 if "lockout" in text else 5)


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_what_may_have_been_executed_is_unknown_for_every_write_and_no_read(text: str) -> None:
    for kind in WRITES:
        assert found(text, kind).outcome is Outcome.UNKNOWN
    assert found(text, CallKind.PRIVATE_READ).outcome is Outcome.REJECTED


def test_a_nonce_and_a_token_that_are_not_taken_are_taken_anew() -> None:
    nonce, token = "EAPI:Invalid nonce", "ESession:Invalid session"
    assert found(nonce, CallKind.PLACE).advice is Advice.NEW_NONCE
    assert found(token, CallKind.PLACE).advice is Advice.AGAIN
    assert found(nonce, CallKind.PLACE).outcome is Outcome.REJECTED


def test_the_table_has_no_row_that_nobody_documents() -> None:
    """Besides those of the socket, which have no category."""
    listed = [*AMBIGUOUS, *LATER, *(text for texts in FATAL.values() for text in texts)]
    listed += ["EAPI:Invalid nonce", "ESession:Invalid session", "EOrder:Duplicate order"]
    of_the_socket = {"Exceeded msg rate", "Currency pair not supported", "Unsupported field"}
    beginnings = {row for row in MEANINGS if not any(text.startswith(row) for text in listed)}
    assert beginnings == of_the_socket
