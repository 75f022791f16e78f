"""Failures that arise here, and the errors that callers get of any failure."""

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from venuekit.limits import TooLate
from venuekit.limits.budget import NEVER
from venuekit.model import (
    Advice,
    AuthenticationFailed,
    BudgetExhausted,
    Failure,
    InsufficientBalance,
    NotSent,
    OrderNotFound,
    Outcome,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RequestError,
    Unavailable,
)
from venuekit.plugin import Call, CallKind, clean
from venuekit.retry.policy import BANNED, NO_ROOM

UNREADABLE: Final = "answer.unreadable"
"""Reason of our own, and of plugins: nobody understands the answer."""


class FailedAttempt(Exception):
    """Carries the failure of one attempt to the policy; never leaves this floor."""

    def __init__(self, failure: Failure) -> None:
        """Remember why it failed."""
        self.failure = failure
        self.begun_at = 0.0
        """When the attempt had its budget, in seconds on the loop's clock."""
        super().__init__(failure.reason)


def error_from(
    exchange: str,
    what: str,
    kind: CallKind,
    failure: Failure,
    *,
    client_order_id: str | None = None,
) -> RequestError:
    """Make the error that a caller gets of a failure.

    The outcome says the branch: no effect, unknown effect, refused. A read has no effect that
    could be unknown: what may work later is `Unavailable`.
    """
    error = _error_type(kind, failure)
    return error(exchange, what, failure, client_order_id=client_order_id)


def _error_type(kind: CallKind, failure: Failure) -> type[RequestError]:
    if failure.outcome is Outcome.NOT_SENT:
        return BudgetExhausted if failure.reason.startswith("limit.") else NotSent
    if failure.outcome in {Outcome.UNKNOWN, Outcome.DONE}:
        return OutcomeUnknown if kind.is_write else Unavailable
    if failure.reason == "balance.insufficient":
        return InsufficientBalance
    if failure.reason == "order.unknown":
        return OrderNotFound
    prefix = failure.reason.partition(".")[0]
    if prefix == "limit":
        return RateLimited
    if prefix in {"key", "signature", "permission"}:
        return AuthenticationFailed
    if not kind.is_write and failure.advice in {Advice.AGAIN, Advice.AFTER_DELAY}:
        return Unavailable
    return Rejected


def not_sent(text: str) -> Failure:
    """Say that by proof no byte left."""
    return Failure(
        outcome=Outcome.NOT_SENT, advice=Advice.AGAIN, reason="network.not_sent", text=text
    )


def answer_lost(text: str) -> Failure:
    """Say that it may have arrived, and that no whole answer came."""
    return Failure(
        outcome=Outcome.UNKNOWN, advice=Advice.AGAIN, reason="network.answer_lost", text=text
    )


def unreadable(problem: str) -> Failure:
    """Say that a write was answered with what nobody understands: it may have had its effect."""
    return Failure(outcome=Outcome.UNKNOWN, advice=Advice.NEVER, reason=UNREADABLE, text=problem)


def no_room(late: TooLate) -> Failure:
    """Say that the limits would have to be waited for too long."""
    return Failure(
        outcome=Outcome.NOT_SENT,
        advice=Advice.AFTER_DELAY,
        reason=BANNED if late.is_ban else NO_ROOM,
        text=str(late),
        retry_after_s=None if late.wait_s == NEVER else late.wait_s,
    )


def stopped(seconds: float) -> Failure:
    """Say that the exchange asked for silence between the grant and the sending."""
    return Failure(
        outcome=Outcome.NOT_SENT,
        advice=Advice.AFTER_DELAY,
        reason="limit.paused",
        text="the exchange has just asked for silence",
        retry_after_s=seconds,
    )


def key_missing(account: str) -> Failure:
    """Say that a key is needed and none is there."""
    return Failure(
        outcome=Outcome.NOT_SENT,
        advice=Advice.NEVER,
        reason="key.missing",
        text=f"this needs a key; none is configured for the account {account!r}",
    )


def no_nonce(why: str) -> Failure:
    """Say that a signed request needs a nonce and there is none to be had."""
    return Failure(
        outcome=Outcome.NOT_SENT, advice=Advice.NEVER, reason="nonce.unavailable", text=why
    )


def signing_failed(problem: str) -> Failure:
    """Say that a plugin could not sign what it had made itself."""
    return Failure(
        outcome=Outcome.NOT_SENT,
        advice=Advice.NEVER,
        reason="plugin.failed",
        text=f"the plugin failed to sign it: {problem}; report this to its authors",
    )


def problem_from(error: Exception) -> str:
    """Tell what a plugin failed on: type, place and words, safe for a terminal."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    said = f": {error}" if str(error) else ""
    return clean(f"{type(error).__name__}{where}{said}")


def merged(call: Call[Any], failures: Sequence[Failure]) -> Failure:
    """Say what is known of a call from the failures of all its attempts, in order.

    Once an attempt at a write may have had its effect, that a later one had none proves nothing:
    the call's effect stays unknown. Only the exchange's word on the order itself goes further.
    """
    last = failures[-1]
    if not call.kind.is_write or last.reason == "order.unknown":
        return last
    return next((f for f in failures if f.outcome is Outcome.UNKNOWN), last)
