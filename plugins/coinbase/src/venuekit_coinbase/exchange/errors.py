"""Failures: what an answer that is not a success says of the request's effect."""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from venuekit.model import Advice, Failure, Outcome
from venuekit.plugin import Adapter, Answer, Call, CallKind, Row, clean, read_json
from venuekit_coinbase.errors import plain_words
from venuekit_coinbase.exchange.error_table import (
    FAILED,
    KEY,
    LIMIT,
    NOT_FOUND,
    PERMISSION,
    TEXTS,
    UNKNOWN_ORDER,
)

_RETRY_AFTER_S: Final = 1.0
"""The buckets fill all the time; so long brings ten requests."""
_BY_STATUS: Final = {401: KEY, 403: PERMISSION, 404: UNKNOWN_ORDER}
"""For words that the table does not have."""


class Errors(Adapter):
    """Tells failures from successes."""

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        """Say why `answer` is not a success; None if it is one."""
        if 200 <= answer.status < 300:
            return _rejected(answer) if call.kind is CallKind.PLACE else None
        text = _words(answer)
        if text is None:
            return _unsaid(answer, is_write=call.kind.is_write)
        row = row_of(answer.status, text)
        if row is None:
            return Failure(
                outcome=Outcome.UNKNOWN if call.kind.is_write else Outcome.REJECTED,
                advice=Advice.NEVER,
                reason="exchange.undocumented",
                code=f"HTTP {answer.status}",
                text=clean(text),
                is_documented=False,
            )
        if row is UNKNOWN_ORDER and not call.request.path.startswith("/orders"):
            row = NOT_FOUND
        return _failure(row, answer.status, text)


def row_of(status: int, text: str) -> Row | None:
    """Find what a status and its message mean; None for what is not documented."""
    if status == 429:
        return LIMIT
    if status >= 500:
        # Whatever it says: what had been done by then, it does not say.
        return FAILED
    lower = text.casefold()
    found = next((row for words, row in TEXTS if words in lower), None)
    return found or _BY_STATUS.get(status)


def _failure(row: Row, status: int, text: str) -> Failure:
    return Failure(
        outcome=row.outcome,
        advice=row.advice,
        reason=row.reason,
        code=f"HTTP {status}",
        text=clean(text),
        retry_after_s=_RETRY_AFTER_S if row is LIMIT else None,
    )


def _rejected(answer: Answer) -> Failure | None:
    """Judge an order that was answered for: it may be rejected at once."""
    try:
        body = read_json(answer.body)
    except ValueError:
        body = None
    if not isinstance(body, Mapping) or not isinstance(body.get("id"), str):
        return Failure(
            outcome=Outcome.UNKNOWN,
            advice=Advice.AGAIN,
            reason="answer.unreadable",
            code=f"HTTP {answer.status}",
            text=clean(answer.body[:400].decode("utf-8", "replace")),
        )
    if body.get("status") != "rejected":
        return None
    text = str(body.get("reject_reason") or "rejected")
    row = row_of(400, text.replace("_", " "))
    return Failure(
        outcome=Outcome.REJECTED,
        advice=Advice.NEVER,
        reason="order.rejected" if row is None else row.reason,
        code="rejected",
        text=clean(text),
    )


def _unsaid(answer: Answer, *, is_write: bool) -> Failure:
    """Judge a proxy's page, half an answer, or none.

    The status tells what to do next, and nothing of what was done: who sent it is not known.
    """
    text = answer.body[:400].decode("utf-8", "replace")
    row = {401: KEY, 429: LIMIT}.get(answer.status, FAILED if answer.status >= 500 else None)
    if row is not None:
        failure = _failure(row, answer.status, text)
        return attrs.evolve(failure, outcome=Outcome.UNKNOWN) if is_write else failure
    return Failure(
        outcome=Outcome.UNKNOWN if is_write else Outcome.REJECTED,
        advice=Advice.NEVER,
        reason="exchange.undocumented",
        code=f"HTTP {answer.status}",
        text=clean(text),
        is_documented=False,
    )


def _words(answer: Answer) -> str | None:
    """Take the text out of an error; None where there is none that can be read."""
    try:
        body = read_json(answer.body)
    except ValueError:
        return plain_words(answer.body)
    text = body.get("message") if isinstance(body, Mapping) else None
    return text if isinstance(text, str) else None
