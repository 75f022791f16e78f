"""When to try again: one documented decision, as values and pure functions.

The numbers and their reasons: docs/explanation/retries.md. Retryable and fatal follow from the
failure's outcome, its advice and the kind of the call; no plugin decides either.
"""

import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs
from tenacity import RetryCallState
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from venuekit.model import Advice, Failure, Outcome
from venuekit.plugin import CallKind


@attrs.frozen(kw_only=True)
class Policy:
    """How often and how long one kind of call is tried."""

    attempts: int
    """At most, the first included."""
    total_s: float
    """From the first attempt's begin; no attempt begins later."""
    base_s: float
    """Ceiling of the first wait; it doubles with each further one."""
    throttled_base_s: float = 1.0
    """The same after the exchange has asked to slow down without naming a time."""
    cap_s: float = 10.0


_READ: Final = Policy(attempts=3, total_s=15.0, base_s=0.1)
_WRITE: Final = Policy(attempts=3, total_s=2.0, base_s=0.1)
POLICIES: Final[Mapping[CallKind, Policy]] = MappingProxyType(
    {
        CallKind.PUBLIC_READ: _READ,
        CallKind.PRIVATE_READ: _READ,
        CallKind.PLACE: _WRITE,
        CallKind.AMEND: _WRITE,
        CallKind.WITHDRAW: Policy(attempts=1, total_s=2.0, base_s=0.1),
        CallKind.CANCEL: Policy(attempts=5, total_s=10.0, base_s=0.2),
    }
)


def may_try_again(kind: CallKind, failure: Failure) -> bool:
    """Say whether a failed call may go out once more.

    A read changes nothing: it may, unless more tries cannot help. A cancel that happens twice
    does no harm: it may even when its effect is not known. A placement, an amendment or a
    withdrawal may only when nothing had an effect: nothing was sent, or the exchange documents
    that it did not process it.
    """
    if failure.is_ban:
        return False
    if failure.advice is Advice.NEVER:
        return False
    if failure.outcome is Outcome.UNKNOWN:
        return kind in {CallKind.PUBLIC_READ, CallKind.PRIVATE_READ, CallKind.CANCEL}
    return failure.outcome in {Outcome.NOT_SENT, Outcome.REJECTED}


def ceiling_s(policy: Policy, failure: Failure, attempt: int) -> float:
    """Give the longest wait after attempt number `attempt` (from 1), before jitter, in seconds."""
    base = policy.throttled_base_s if failure.advice is Advice.AFTER_DELAY else policy.base_s
    return float(min(policy.cap_s, base * 2 ** (attempt - 1)))


class FailedAttempt(Exception):
    """Carries the failure of one attempt to the policy; never leaves this floor."""

    def __init__(self, failure: Failure) -> None:
        """Remember why it failed."""
        self.failure = failure
        super().__init__(failure.reason)


def _failure(state: RetryCallState) -> Failure:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, FailedAttempt)
    return error.failure


@attrs.frozen
class JitteredWait(wait_base):
    """Full jitter below a ceiling that doubles; what the exchange asks for is a floor."""

    policy: Policy
    rng: random.Random

    def __call__(self, retry_state: RetryCallState) -> float:
        """Give the seconds to wait after a failed attempt."""
        failure = _failure(retry_state)
        if failure.advice in {Advice.AFTER_CLOCK_SYNC, Advice.NEW_NONCE}:
            return 0.0
        ceiling = ceiling_s(self.policy, failure, retry_state.attempt_number)
        jitter = self.rng.uniform(0, ceiling)
        if failure.retry_after_s is not None:
            # Everybody who was refused waits at least so long, and not all until the same moment.
            return failure.retry_after_s + min(jitter, 1.0)
        if failure.advice is Advice.AFTER_DELAY:
            return ceiling / 2 + jitter / 2
        return jitter


@attrs.frozen
class EnoughTries(stop_base):
    """Stops by attempts, by time on the loop's clock, by an empty retry budget."""

    policy: Policy
    kind: CallKind
    tokens: "RetryTokens"
    begun_at: float
    now: "LoopTime"

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Say whether the last attempt was the last one."""
        failure = _failure(retry_state)
        if retry_state.attempt_number >= self._attempts(failure):
            return True
        wait = failure.retry_after_s or 0.0
        if self.now() + wait - self.begun_at > self.policy.total_s:
            return True
        return not self.tokens.spend(self.kind)

    def _attempts(self, failure: Failure) -> int:
        if failure.advice in {Advice.AFTER_CLOCK_SYNC, Advice.NEW_NONCE}:
            return min(2, self.policy.attempts)
        return self.policy.attempts


class LoopTime:
    """The loop's monotonic clock as a value that policies can hold."""

    def __init__(self) -> None:
        """Belong to the running loop."""
        import asyncio

        self._time = asyncio.get_running_loop().time

    def __call__(self) -> float:
        """Give seconds."""
        return self._time()


class RetryTokens:
    """The retry budget of one exchange: an exchange that is down costs at most 10 % more.

    Every first attempt that succeeds earns a tenth of a retry, up to the capacity. Cancels do not
    pay: they are few, and not sending one costs money.
    """

    def __init__(self, capacity: int = 10) -> None:
        """Begin full.

        Args:
            capacity: Retries that may be made without a success in between, > 0.
        """
        self._capacity = capacity * 10
        self._tokens = self._capacity

    def earn(self) -> None:
        """Count a first attempt that succeeded."""
        if self._tokens < self._capacity:
            self._tokens += 1

    def spend(self, kind: CallKind) -> bool:
        """Pay for one retry; False when there is nothing left."""
        if kind is CallKind.CANCEL:
            return True
        if self._tokens < 10:
            return False
        self._tokens -= 10
        return True
