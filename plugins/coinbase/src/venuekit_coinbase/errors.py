"""Failures: what an answer that is not a success says of the request's effect.

Errors come as an object with `error`, as a list `errors`, as status 200 with `success: false`, and
as plain text.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from venuekit.model import Advice, Failure, Outcome
from venuekit.plugin import Adapter, Answer, Call, CallKind, Row, clean, read_json
from venuekit_coinbase.error_table import BEGINNINGS, FAILED, KEY, LIMIT, ROWS, TEXTS
from venuekit_coinbase.identity import difference

_RETRY_AFTER_S: Final = 1.0
"""Limits are counted by the second."""
_BLOCKED_S: Final = 30.0
"""How long "too many errors" lasts, by reports from practice."""
_PROOF: Final = re.compile(rb'"proof_token_required"\s*:\s*true')
_PREVIEW: Final = "/orders/preview"
_NOTHING_SAID: Final = re.compile(r"UNKNOWN_\w*REASON")
_WORDS: Final = re.compile(r"[A-Za-z0-9][^<>{}\[\]\x00]{1,199}")
_REASONS: Final = ("new_order_failure_reason", "preview_failure_reason", "error")


class Errors(Adapter):
    """Tells failures from successes."""

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        """Say why `answer` is not a success; None if it is one."""
        if not 200 <= answer.status < 300:
            return _refused(call, answer)
        if call.kind is CallKind.PLACE:
            return _not_placed(call, answer)
        if call.kind is CallKind.CANCEL:
            return _not_canceled(call, answer)
        if call.kind is CallKind.AMEND:
            return _not_amended(call, answer)
        if _PROOF.search(answer.body):
            return Failure(
                outcome=Outcome.REJECTED,
                advice=Advice.NEVER,
                reason="permission.proof_required",
                text="Coinbase wants its owner to confirm access to this account",
            )
        if call.request.path.endswith(_PREVIEW):
            return _not_previewed(answer)
        return None


def meant(codes: Sequence[str], text: str = "", *, is_write: bool) -> Failure:
    """Say what error codes mean, of which the first that says something counts.

    Args:
        codes: From the most to the least telling.
        text: The exchange's words.
        is_write: The request changes something.
    """
    told = [each for each in codes if each]
    code = next((each for each in told if not _NOTHING_SAID.fullmatch(each)), "")
    code = code or next((each for each in told if each in ROWS), told[0] if told else "")
    row = _row(code.upper(), text)
    if row is None:
        return Failure(
            outcome=Outcome.UNKNOWN if is_write else Outcome.REJECTED,
            advice=Advice.NEVER,
            reason="exchange.undocumented",
            code=clean(code),
            text=clean(text),
            is_documented=False,
        )
    return _failure(row, code, text)


def _row(code: str, text: str) -> Row | None:
    lower = text.casefold()
    for words, row in TEXTS:
        if words in lower:
            return row
    if code in ROWS:
        return ROWS[code]
    return next((row for beginning, row in BEGINNINGS if code.startswith(beginning)), None)


def _failure(row: Row, code: str, text: str) -> Failure:
    retry_after_s = None
    if row is LIMIT:
        retry_after_s = _RETRY_AFTER_S
    elif row.reason == "limit.too_many_errors":
        retry_after_s = _BLOCKED_S
    return Failure(
        outcome=row.outcome,
        advice=row.advice,
        reason=row.reason,
        code=clean(code),
        text=clean(text),
        retry_after_s=retry_after_s,
    )


def _refused(call: Call[Any], answer: Answer) -> Failure:
    """Judge an answer with an error's status: by the status where that is enough."""
    said = _said(answer)
    if said is None:
        return _unsaid(answer, is_write=call.kind.is_write)
    code, text = said
    code = code or f"HTTP {answer.status}"
    if answer.status == 429:
        return _failure(LIMIT, code, text)
    if answer.status >= 500:
        return _failure(FAILED, code, text)
    row = _row(code.upper(), text)
    if row is None and answer.status == 401:
        row = KEY
    if row is None and answer.status == 402:
        row = ROWS["TWO_FACTOR_REQUIRED"]
    if row is not None and row.reason == "order.unknown" and "/orders" not in call.request.path:
        row = Row(outcome=row.outcome, advice=row.advice, reason="request.not_found")
    if row is not None:
        return _failure(row, code, text)
    return meant((code,), text, is_write=call.kind.is_write)


def _unsaid(answer: Answer, *, is_write: bool) -> Failure:
    """Judge a proxy's page, half an answer, or none.

    The status tells what to do next, and nothing of what was done: who sent it is not known.
    """
    code, text = f"HTTP {answer.status}", answer.body[:400].decode("utf-8", "replace")
    row = {401: KEY, 429: LIMIT}.get(answer.status, FAILED if answer.status >= 500 else None)
    if row is None:
        failure = meant((code,), is_write=is_write)
        return attrs.evolve(failure, text=clean(text))
    failure = _failure(row, code, text)
    return attrs.evolve(failure, outcome=Outcome.UNKNOWN) if is_write else failure


def _said(answer: Answer) -> tuple[str, str] | None:
    """Take code and text out of whichever shape an error has; None if it has none of them."""
    try:
        body = read_json(answer.body)
    except ValueError:
        words = plain_words(answer.body)
        return None if words is None else ("", words)
    if not isinstance(body, Mapping):
        return None
    listed = body.get("errors")
    if isinstance(listed, list) and listed and isinstance(listed[0], Mapping):
        found = listed[0].get("id"), listed[0].get("message")
    else:
        found = body.get("error"), _words(body)
    code, text = (each if isinstance(each, str) else "" for each in found)
    return (code, text) if code or text else None


def plain_words(body: bytes) -> str | None:
    """Read an error that came as plain text; None for a page, half an object, noise, nothing."""
    try:
        text = body[:400].decode().strip()
    except UnicodeDecodeError:
        return None
    return text if _WORDS.fullmatch(text) else None


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        body = read_json(answer.body)
    except ValueError:
        return {}
    return body if isinstance(body, Mapping) else {}


def _unreadable(answer: Answer) -> Failure:
    return Failure(
        outcome=Outcome.UNKNOWN,
        advice=Advice.AGAIN,
        reason="answer.unreadable",
        code=f"HTTP {answer.status}",
        text=clean(answer.body[:400].decode("utf-8", "replace")),
    )


def _not_placed(call: Call[Any], answer: Answer) -> Failure | None:
    """Decide on `success` alone, and on whether the order is the one that was asked for."""
    body = _object(answer)
    if body.get("success") is True:
        differs = difference(read_json(call.request.body), body)
        if not differs:
            return None
        row = ROWS["DUPLICATE_CLIENT_ORDER_ID"]
        return _failure(row, "", f"the answer has an older order, which differs in {differs}")
    error = body.get("error_response")
    if body.get("success") is not False:
        return _unreadable(answer)
    error = error if isinstance(error, Mapping) else {}
    # The older form has the reason beside `success`.
    codes = [str(error.get(name) or "") for name in _REASONS]
    codes.append(str(body.get("failure_reason") or "UNKNOWN_FAILURE_REASON"))
    return meant(codes, _words(error), is_write=True)


def _words(error: Mapping[str, Any]) -> str:
    """Give message and details, which often say the same."""
    texts = [error.get(name) for name in ("message", "error_details")]
    return " ".join(dict.fromkeys(text for text in texts if isinstance(text, str) and text))


def _not_canceled(call: Call[Any], answer: Answer) -> Failure | None:
    """Judge the cancel of one order; of several each is judged when the answer is read."""
    asked = read_json(call.request.body)["order_ids"]
    results = _object(answer).get("results")
    if not isinstance(results, list) or not all(isinstance(each, Mapping) for each in results):
        return _unreadable(answer)
    if len(asked) > 1:
        return None
    if len(results) != 1 or not isinstance(results[0].get("success"), bool):
        return _unreadable(answer)
    return cancel_failure(results[0])


def cancel_failure(result: Mapping[str, Any]) -> Failure | None:
    """Say why one order of a cancel was not canceled; None if the cancel was taken."""
    if result.get("success") is True:
        return None
    code = str(result.get("failure_reason") or "UNKNOWN_CANCEL_FAILURE_REASON")
    return meant((code,), is_write=True)


def _not_amended(call: Call[Any], answer: Answer) -> Failure | None:
    del call
    body = _object(answer)
    if body.get("success") is True:
        return None
    if body.get("success") is not False:
        return _unreadable(answer)
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    first = first if isinstance(first, Mapping) else {}
    names = ("edit_failure_reason", "preview_failure_reason")
    codes = [str(first.get(name) or "") for name in names]
    return meant([*codes, "UNKNOWN_EDIT_ORDER_FAILURE_REASON"], is_write=True)


def _not_previewed(answer: Answer) -> Failure | None:
    """Judge a preview, whose errors come with status 200."""
    errors = _object(answer).get("errs")
    found = [str(each) for each in errors] if isinstance(errors, list) else []
    return meant(found, ", ".join(found), is_write=False) if found else None
