"""Failures: what an answer that is not a success says of the request's effect."""

import re
from email.utils import parsedate_to_datetime
from typing import Any, Final

import attrs

from venuekit.model import Advice, Failure, Outcome
from venuekit.plugin import Adapter, Answer, Call, clean, read_json
from venuekit_kraken.error_table import LONGEST_FIRST, MEANINGS

_BLANK_AFTER_COLON: Final = re.compile(r":\s+")
_THROTTLED: Final = re.compile(r"EService:Throttled:(\d{10})", re.ASCII)
_LONGEST_THROTTLE_S: Final = 900.0
"""A stamp that is further away was not made by the clock that the answer was dated by."""
_MAINTENANCE: Final = (502, 503, 504, *range(520, 527))
_SMALL: Final = 4_096
# Of a large answer only its beginning is looked at: `{"error":[],"result":…` is how they all begin.
_NO_ERROR: Final = re.compile(rb'\s*\{\s*"error"\s*:\s*\[\s*\]\s*[,}]')


class Errors(Adapter):
    """Tells failures from successes."""

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        """Say why `answer` is not a success; None if it is one.

        Entries that begin with `W` are warnings, and may accompany a result.
        """
        is_write = call.kind.is_write
        if answer.status != 200:
            return _unreadable(answer, is_write=is_write)
        if _NO_ERROR.match(answer.body) and (len(answer.body) > _SMALL or not is_write):
            return None
        try:
            body = read_json(answer.body)
        except ValueError:
            return _unreadable(answer, is_write=is_write)
        errors = body.get("error") if isinstance(body, dict) else None
        if not isinstance(errors, list) or not all(isinstance(each, str) for each in errors):
            return _unreadable(answer, is_write=is_write)
        serious = [each for each in errors if not each.startswith("W")]
        if not serious:
            return None
        return _until_stamp(meant(serious[0], is_write=is_write), answer)


def _until_stamp(failure: Failure, answer: Answer) -> Failure:
    """Wait until the time that "Throttled" names, by the clock that dated the answer."""
    found = _THROTTLED.match(failure.text)
    if found is None or "date" not in answer.headers:
        return failure
    try:
        now_s = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (ValueError, OverflowError):
        return failure
    # The date is cut to seconds, so that this is up to one too long and never too short.
    wait_s = int(found[1]) - now_s
    least_s = failure.retry_after_s or 0.0
    if not least_s < wait_s <= _LONGEST_THROTTLE_S:
        return failure
    return attrs.evolve(failure, retry_after_s=wait_s)


def meant(text: str, *, is_write: bool) -> Failure:
    """Say what one of Kraken's error texts means."""
    text = clean(_BLANK_AFTER_COLON.sub(":", text))
    code = next((known for known in LONGEST_FIRST if text.startswith(known)), None)
    if code is None:
        return Failure(
            outcome=Outcome.UNKNOWN if is_write else Outcome.REJECTED,
            advice=Advice.NEVER,
            reason="exchange.undocumented",
            code=text.partition(":")[0],
            text=text,
            is_documented=False,
        )
    meaning = MEANINGS[code]
    return Failure(
        outcome=meaning.outcome(is_write=is_write),
        advice=meaning.advice,
        reason=meaning.reason,
        code=code,
        text=text,
        retry_after_s=meaning.retry_after_s,
        is_ban=meaning.is_ban,
    )


def _unreadable(answer: Answer, *, is_write: bool) -> Failure:
    """Judge an answer without Kraken's envelope: a proxy, a firewall, a page in HTML."""
    is_down = answer.status in _MAINTENANCE or answer.status >= 500
    failure = Failure(
        outcome=Outcome.UNKNOWN if is_write or is_down else Outcome.REJECTED,
        advice=Advice.AGAIN if is_down else Advice.NEVER,
        reason="exchange.unavailable" if is_down else "answer.unreadable",
        code=f"HTTP {answer.status}",
        text=clean(answer.body[:400].decode("utf-8", "replace")),
    )
    if answer.status == 429:
        return attrs.evolve(
            failure, advice=Advice.AFTER_DELAY, reason="limit.exceeded", retry_after_s=15.0
        )
    return failure
