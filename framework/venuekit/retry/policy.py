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
from venuekit.plugin import CallKind

NO_ROOM: Final = "limit.exhausted"
"""Reason of our own: a budget would have to be waited for too long."""
BANNED: Final = "limit.banned"
"""Reason of our own, and of plugins: the exchange refuses everything until the ban ends."""
_ONCE: Final = frozenset({Advice.AFTER_CLOCK_SYNC, Advice.NEW_NONCE})
_READS: Final = frozenset({CallKind.PUBLIC_READ, CallKind.PRIVATE_READ})
_REPEATABLE: Final = _READS | {CallKind.CANCEL}
"""What may happen twice without harm, so that an unknown effect is no reason to stop."""


@attrs.frozen(kw_only=True)
class Policy:
    """How often and how long one kind of call is tried."""

    attempts: int
    """At most, the first included."""
    total_s: float
    """From when the first attempt left; no attempt begins later."""
    wait_s: float
    """Longest wait for budgets before the first attempt, unless the caller says another."""
    base_s: float
    """Ceiling of the first delay; it doubles with each further one."""
    throttled_base_s: float = 1.0
    """The same after the exchange has asked to slow down."""
    cap_s: float = 10.0
    """No ceiling is higher. What the exchange names itself is not capped."""


# Bulk readers outwait a window of a minute; an order so late would be another order.
_READ: Final = Policy(attempts=3, total_s=15.0, wait_s=75.0, base_s=0.1)
_WRITE: Final = Policy(attempts=3, total_s=2.0, wait_s=15.0, base_s=0.1)
POLICIES: Final[Mapping[CallKind, Policy]] = MappingProxyType(
    {
        CallKind.PUBLIC_READ: _READ,
        CallKind.PRIVATE_READ: _READ,
        CallKind.PLACE: _WRITE,
        CallKind.AMEND: _WRITE,
        CallKind.WITHDRAW: attrs.evolve(_WRITE, attempts=1),
        CallKind.CANCEL: Policy(attempts=5, total_s=10.0, wait_s=75.0, base_s=0.2),
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
    policy: Policy,
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


def delay_s(policy: Policy, failure: Failure, attempt: int, jitter: float) -> float:
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
    succeeds gives back what it cost. Placements, cancels and reads have a bucket each, so that
    polled market data cannot use up the retries that an order's lookup needs. Cancels pay
    nothing: they are few, and one that is not sent costs money.
    """

    CAPACITY: Final = 100
    _COST: Final = 10
    _THROTTLED_COST: Final = 5

    def __init__(self) -> None:
        """Begin full: ten retries without a success in between."""
        self._left = dict.fromkeys(CallKind, self.CAPACITY)

    def earn(self, kind: CallKind) -> None:
        """Count a first attempt that succeeded."""
        left = self._left[kind]
        if left < self.CAPACITY:
            self._left[kind] = left + 1

    def cost(self, kind: CallKind, failure: Failure) -> int:
        """Give what a retry after `failure` costs."""
        if kind is CallKind.CANCEL:
            return 0
        return self._THROTTLED_COST if failure.advice is Advice.AFTER_DELAY else self._COST

    def may_spend(self, kind: CallKind, cost: int) -> bool:
        """Say whether there is so much left."""
        return self._left[kind] >= cost

    def spend(self, kind: CallKind, cost: int) -> None:
        """Pay for one retry."""
        self._left[kind] -= cost

    def give_back(self, kind: CallKind, cost: int) -> None:
        """Give back what a retry cost that succeeded."""
        self._left[kind] = min(self.CAPACITY, self._left[kind] + cost)
