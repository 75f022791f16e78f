"""When to try again: one documented decision, as values and pure functions.

Retryable and fatal follow from a failure's outcome, its advice and the kind of the call; no
plugin decides either. The numbers are those that the field has settled on: three attempts with
full jitter (AWS, gRPC A6), a share of a tenth for retries (Google SRE, gRPC A6), and no blind
repetition of an order, ever.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from venuekit.model import Advice, Failure, Outcome
from venuekit.plugin import CallKind, RetryPolicy

NO_ROOM: Final = "limit.exhausted"
"""Reason of our own: a budget would have to be waited for too long."""
BANNED: Final = "limit.banned"
"""Reason of our own, and of plugins: the exchange refuses everything until the ban ends."""
_ONCE: Final = frozenset({Advice.AFTER_CLOCK_SYNC, Advice.NEW_NONCE})
_READS: Final = frozenset({CallKind.PUBLIC_READ, CallKind.PRIVATE_READ})
_REPEATABLE: Final = _READS | {CallKind.CANCEL}
"""What may happen twice without harm, so that an unknown effect is no reason to stop."""


# Bulk readers outwait a window of a minute; an order so late would be another order.
_READ: Final = RetryPolicy(attempts=3, total_s=15.0, wait_s=75.0, base_s=0.1)
_WRITE: Final = RetryPolicy(attempts=3, total_s=2.0, wait_s=15.0, base_s=0.1)
POLICIES: Final[Mapping[CallKind, RetryPolicy]] = MappingProxyType(
    {
        CallKind.PUBLIC_READ: _READ,
        CallKind.PRIVATE_READ: _READ,
        CallKind.PLACE: _WRITE,
        CallKind.AMEND: _WRITE,
        CallKind.WITHDRAW: attrs.evolve(_WRITE, attempts=1),
        CallKind.CANCEL: RetryPolicy(attempts=5, total_s=10.0, wait_s=75.0, base_s=0.2),
    }
)


@attrs.frozen
class Retry:
    """Send it once more."""

    after_s: float


@attrs.frozen
class GiveUp:
    """Tell the caller."""

    why: str


def decide(
    kind: CallKind,
    failure: Failure,
    *,
    policy: RetryPolicy,
    attempt: int,
    elapsed_s: float,
    jitter: float,
    is_repeated: bool,
    may_spend: bool,
    is_deduped: bool = False,
) -> Retry | GiveUp:
    """Say whether a call whose attempt failed goes out once more, and when.

    What it is about must be safe first: a read changes nothing and a cancel that happens twice
    does no harm, so they may go out again even when the effect is not known. A placement, an
    amendment or a withdrawal may only when it had no effect: nothing was sent, or the exchange
    documents that it did not process it. An unknown effect is looked up, never repeated.

    Then it must be of use: not against a ban, not against advice, not for a code that nobody
    documents, once only for a clock or a nonce that was wrong, and within attempts, time and the
    retry budget. A waiting time that the exchange names is a floor, and never shortened.

    Args:
        kind: What the request does.
        failure: Of the attempt.
        policy: Of that kind.
        attempt: Its number, from 1.
        elapsed_s: Since the first attempt left.
        jitter: A random number, 0 to below 1.
        is_repeated: An earlier attempt of this call failed with the same advice.
        may_spend: The retry budget of the exchange has something left.
        is_deduped: The exchange refuses a repeat of this very call for ever, by what its manifest
            says of client order ids; a placement may then be repeated too.
    """
    if failure.outcome is Outcome.DONE:
        return GiveUp("it had its effect")
    if failure.outcome is Outcome.UNKNOWN and kind not in _REPEATABLE and not is_deduped:
        return GiveUp("its effect is not known: it is looked up, not repeated")
    if failure.is_ban:
        return GiveUp("the exchange has banned us: trying prolongs it")
    if failure.reason in {NO_ROOM, BANNED}:
        return GiveUp("it has waited for the limits already")
    if not failure.is_documented:
        return GiveUp("nobody documents this code")
    if failure.advice is Advice.NEVER:
        return GiveUp("trying again cannot help")
    if failure.advice in _ONCE and is_repeated:
        return GiveUp("what was wrong has been put right once already")
    if attempt >= policy.attempts:
        return GiveUp("as many attempts as allowed")
    after_s = delay_s(policy, failure, attempt, jitter)
    if elapsed_s + after_s > policy.total_s:
        return GiveUp("no time is left for another attempt")
    if not may_spend:
        return GiveUp("the exchange's retry budget is spent")
    return Retry(after_s)


def delay_s(policy: RetryPolicy, failure: Failure, attempt: int, jitter: float) -> float:
    """Give the delay after attempt number `attempt` (from 1): full jitter below a doubling ceiling.

    On top of the exchange's own waiting time comes at most a second, so that all who were refused
    together do not come back together.
    """
    if failure.advice in _ONCE:
        return 0.0
    base = policy.throttled_base_s if failure.advice is Advice.AFTER_DELAY else policy.base_s
    delay: float = jitter * min(policy.cap_s, base * 2.0 ** (attempt - 1))
    if failure.retry_after_s is None:
        return delay
    return failure.retry_after_s + min(delay, 1.0)


class RetryTokens:
    """The retry budget of one exchange: one that is down costs at most a tenth more.

    A first attempt that succeeds earns a tenth of a retry, up to the capacity; a retry that
    succeeds gives back what it cost. Every kind of request has a purse of its own, so that polled
    market data cannot use up the retries of anything else; the reads that find out what became of
    an order have one too. That of cancels is larger: they are few, and one that does not get
    through costs money.
    """

    CAPACITY: Final = 100
    CANCEL_CAPACITY: Final = 300
    _COST: Final = 10
    _THROTTLED_COST: Final = 5

    def __init__(self) -> None:
        """Begin full: ten retries of a kind without a success in between, thirty of cancels."""
        self._left = {
            (kind, is_urgent): self._capacity(kind)
            for kind in CallKind
            for is_urgent in (False, True)
        }

    def earn(self, kind: CallKind, *, is_urgent: bool = False) -> None:
        """Count a first attempt that succeeded; `is_urgent`: a read that finds out an outcome."""
        self.give_back(kind, 1, is_urgent=is_urgent)

    def cost(self, failure: Failure) -> int:
        """Give what a retry after `failure` costs."""
        return self._THROTTLED_COST if failure.advice is Advice.AFTER_DELAY else self._COST

    def may_spend(self, kind: CallKind, cost: int, *, is_urgent: bool = False) -> bool:
        """Say whether there is so much left."""
        return self._left[kind, is_urgent] >= cost

    def spend(self, kind: CallKind, cost: int, *, is_urgent: bool = False) -> None:
        """Pay for one retry."""
        self._left[kind, is_urgent] -= cost

    def give_back(self, kind: CallKind, cost: int, *, is_urgent: bool = False) -> None:
        """Give back what a retry cost that succeeded."""
        purse = kind, is_urgent
        left = self._left[purse]
        if left < self._capacity(kind):
            self._left[purse] = min(self._capacity(kind), left + cost)

    def _capacity(self, kind: CallKind) -> int:
        return self.CANCEL_CAPACITY if kind is CallKind.CANCEL else self.CAPACITY
