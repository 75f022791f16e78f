"""Budgets: how an exchange counts, as pure arithmetic.

A request counts as `in_flight` from when it is paid until its answer has come or cannot come any
more, and from then on by the rules of its kind. When exactly it arrived is never known; counted
so, a budget is at every moment at least what the exchange counts of our requests.

A budget is told the time and never asks for it. All counts are whole units of the exchange.
"""

import abc
from collections import deque
from typing import Final, NamedTuple

from venuekit.plugin import BudgetKind, BudgetSpec

NEVER: Final = float("inf")
_HAIR: Final = 1e-9


class Moment(NamedTuple):
    """One moment on both clocks, in seconds."""

    exchange_s: float
    """On the exchange's clock, since the epoch: where its windows begin. A measurement may set it
    back or forward."""
    running_s: float
    """On a clock that only grows: for everything that has a length."""


class Budget(abc.ABC):
    """One limit of an exchange, counted here."""

    __slots__ = (
        "capacity",
        "ceiling",
        "ended",
        "held",
        "in_flight",
        "open",
        "others",
        "spec",
        "whole",
    )

    def __init__(self, spec: BudgetSpec, capacity: int) -> None:
        """Count by `spec`, but let only `capacity` of it be used."""
        self.spec = spec
        self.capacity = capacity
        """What may be used of it here and now."""
        self.whole = capacity
        """What may be used of it by all programs that share it."""
        self.held: int | None = None
        """What this program holds of it, which counts against the others; None: it is not
        shared. More than `capacity` where more was used than there was room for."""
        self.others = 0
        """What other programs hold of it, and may have used."""
        self.open = capacity
        """What of its capacity is for everything; the rest is for cancels alone."""
        self.ceiling = 0.0
        """At most so many units count besides those in flight, at any later moment, until more end
        or a count is believed: counts sink by themselves. So who finds room below it need not know
        the time."""
        self.in_flight = 0
        """Units paid by requests whose answers have not come; the exchange's own numbers may or
        may not have them yet."""
        self.ended = 0
        """Units of all requests that ever ended, less what was given back; only grows. The
        difference between two moments is what a number from between them may lack."""

    def fits(self, cost: int) -> bool:
        """Say whether `cost` can be paid at any time at all."""
        return cost <= self.whole

    def lend(self, held: int | None, others: int, now: Moment) -> None:
        """Use only `held` of it from now on, while other programs hold `others`; None: all.

        Never what others hold, however much is held here: a count that the exchange stated may be
        in `held`, and part of it is theirs.
        """
        del now
        self.held, self.others = held, others
        self._cut()

    def _cut(self) -> None:
        room = self.whole - self.others
        self.capacity = self.whole if self.held is None else max(0, min(self.held, room))

    @abc.abstractmethod
    def used(self, now: Moment) -> int:
        """Give the units that count against the capacity now."""

    @abc.abstractmethod
    def wait(self, cost: int, now: Moment, kept: int) -> float:
        """Give the seconds until `cost` can be paid with `kept` units left over; 0 for now.

        Others may pay before; then it takes longer. NEVER if only the end of a request in flight
        can make room.
        """

    def pay(self, cost: int) -> None:
        """Count a request that leaves now; the caller has asked `wait` before."""
        self.in_flight += cost

    def end(self, cost: int, net: int, now: Moment) -> None:
        """Count a request no longer as in flight; of its cost `net` has arrived at the exchange."""
        self.in_flight -= cost
        if net > 0:
            self.ended += net
            self._settle(net, now)

    def correct(self, used: int, missed: int, asked: Moment, now: Moment) -> None:
        """Correct the count by the exchange's own, in both directions.

        Which of the requests in flight the exchange had counted is not known. So what it said is
        the least that counts now, and with all that it may have missed on top the most; a count of
        ours between the two is as good as any. Believing the most would count twice, with many
        requests at a time, nearly all of them.

        Args:
            used: What the exchange said.
            missed: Units of requests that ended meanwhile and may not be in `used`.
            asked: When the request left whose answer said so.
            now: When the answer came.
        """
        del asked
        self._bound(used, missed, now)

    def _bound(self, used: int, missed: int, now: Moment) -> None:
        ours = self.used(now) - self.in_flight
        # What others hold they may have used, and it is in the number then.
        least, most = max(0, used - self.in_flight - self.others), used + missed
        if not least <= ours <= most:
            self._believe(least if ours < least else most, now)

    def retune(self, spec: BudgetSpec, capacity: int, now: Moment) -> None:
        """Go on counting by other numbers of the same kind; what was used stays used."""
        del now
        self.spec = spec
        self.whole = capacity
        self._cut()  # a larger whole is nobody's part before it was shared out

    @abc.abstractmethod
    def resets_in(self, now: Moment) -> float:
        """Give the seconds until nothing counts any more, once nothing is in flight."""

    @abc.abstractmethod
    def _settle(self, units: int, now: Moment) -> None:
        """Count units that arrived at the exchange now at the latest."""

    @abc.abstractmethod
    def _believe(self, units: int, now: Moment) -> None:
        """Take `units` as what counts now besides requests in flight."""


class FixedWindow(Budget):
    """Counted from zero in windows that are aligned to the exchange's clock."""

    __slots__ = ("_before", "_count", "_ends_s", "_window")

    def __init__(self, spec: BudgetSpec, capacity: int) -> None:
        """Begin with an empty window."""
        super().__init__(spec, capacity)
        self._window = -1
        self._count = 0
        self._before = 0  # what the window before this one counted
        self._ends_s = 0.0

    def _number(self, moment: Moment) -> int:
        return int(moment.exchange_s // self.spec.interval_s)

    def _roll(self, now: Moment) -> None:
        if 0 < self._ends_s - now.exchange_s <= self.spec.interval_s:
            return
        window = self._number(now)
        self._ends_s = (window + 1) * self.spec.interval_s
        if window == self._window:
            return
        if window > self._window:
            self._before = self._count if window == self._window + 1 else 0
            self._count = 0
        else:
            # The clock was set back: what was counted stays counted, and the window goes on that
            # seemed to be over.
            self._count += self._before if window == self._window - 1 else 0
            self._before = 0
        self._window = window
        self.ceiling = self._count + self._before  # of both, if the clock is set back

    def used(self, now: Moment) -> int:
        """Give the count of the present window."""
        self._roll(now)
        return self._count + self.in_flight

    def wait(self, cost: int, now: Moment, kept: int) -> float:
        """Give the seconds to the next window if this one cannot pay."""
        self._roll(now)
        others = self.in_flight + cost + kept - self.capacity
        if self._count + others <= 0:
            return 0.0
        # What is in flight may arrive in the next window and be counted there.
        return NEVER if others > 0 else self.resets_in(now)

    def correct(self, used: int, missed: int, asked: Moment, now: Moment) -> None:
        """Believe the count, unless it may be that of an earlier window."""
        self._roll(now)
        if self._number(asked) == self._window:
            self._bound(used, missed, now)

    def retune(self, spec: BudgetSpec, capacity: int, now: Moment) -> None:
        """Go on in the window of the new length that it is now."""
        self._roll(now)
        super().retune(spec, capacity, now)
        self._window = self._number(now)
        self._ends_s = (self._window + 1) * spec.interval_s

    def resets_in(self, now: Moment) -> float:
        """Give the seconds to the next window."""
        self._roll(now)
        return self._ends_s - now.exchange_s if self._count else 0.0

    def _settle(self, units: int, now: Moment) -> None:
        self._roll(now)
        self._count += units
        self.ceiling += units

    def _believe(self, units: int, now: Moment) -> None:
        del now
        self._count = units
        self.ceiling = units + self._before


class SlidingWindow(Budget):
    """Every unit counts for one interval from when it arrived."""

    __slots__ = ("_arrived", "_count")

    def __init__(self, spec: BudgetSpec, capacity: int) -> None:
        """Begin with nothing paid."""
        super().__init__(spec, capacity)
        self._arrived: deque[tuple[float, int]] = deque()  # moment and units, oldest first
        self._count = 0

    def _roll(self, now: Moment) -> None:
        arrived = self._arrived
        oldest = now.running_s - self.spec.interval_s
        while arrived and arrived[0][0] <= oldest:
            self._count -= arrived.popleft()[1]
        self.ceiling = self._count

    def used(self, now: Moment) -> int:
        """Give the units of the last interval."""
        self._roll(now)
        return self._count + self.in_flight

    def wait(self, cost: int, now: Moment, kept: int) -> float:
        """Give the seconds until enough of what arrived has aged out."""
        self._roll(now)
        excess = self._count + self.in_flight + cost + kept - self.capacity
        if excess <= 0:
            return 0.0
        for moment, units in self._arrived:
            excess -= units
            if excess <= 0:
                return moment + self.spec.interval_s - now.running_s
        return NEVER

    def resets_in(self, now: Moment) -> float:
        """Give the seconds until the youngest has aged out."""
        self._roll(now)
        if not self._arrived:
            return 0.0
        return self._arrived[-1][0] + self.spec.interval_s - now.running_s

    def _settle(self, units: int, now: Moment) -> None:
        self._count += units
        self.ceiling = self._count
        if self._arrived and self._arrived[-1][0] == now.running_s:
            units += self._arrived.pop()[1]
        self._arrived.append((now.running_s, units))

    def _believe(self, units: int, now: Moment) -> None:
        self._roll(now)
        if units > self._count:
            # Somebody else's, of unknown age: as young as can be.
            self._settle(units - self._count, now)
        while self._count > units:
            # Which of ours do not count is not known: what is left counts longest this way.
            moment, oldest = self._arrived.popleft()
            left = max(0, oldest - (self._count - units))
            self._count -= oldest - left
            if left:
                self._arrived.appendleft((moment, left))
        self.ceiling = self._count


class TokenBucket(Budget):
    """A level that fills with use and drains evenly; also the form of a decaying counter.

    What is in flight does not drain yet: it may arrive as late as its answer.
    """

    __slots__ = ("_at", "_level", "_rate", "_step")

    def __init__(self, spec: BudgetSpec, capacity: int) -> None:
        """Begin with everything to be used."""
        super().__init__(spec, capacity)
        self._level = 0.0
        self._at = 0.0
        self._set_rate()

    def _set_rate(self) -> None:
        # By the exchange's capacity, not by ours: lowering a limit does not slow its decay. Of
        # what is shared only our part decays for us.
        rate = self.spec.capacity / self.spec.interval_s
        if self.capacity:
            rate *= self.capacity / self.whole
        elif self.held is not None:
            # Others hold all there is, and a part of what counts here may be theirs: it decays all
            # the same, or nobody could ever go on.
            rate *= self.held / max(self.held + self.others, 1)
        self._rate = rate
        # One that falls in steps stands by up to a step's fall higher than one that falls evenly.
        self._step = self.spec.step_s * self._rate
        self._put(self._level)

    def lend(self, held: int | None, others: int, now: Moment) -> None:
        """Drain by the old part until now, by the new one from now on."""
        self._roll(now)
        super().lend(held, others, now)
        self._set_rate()

    def _roll(self, now: Moment) -> None:
        running_s = now.running_s
        level = self._level - (running_s - self._at) * self._rate
        self._at = running_s
        self._put(max(0.0, level))

    def _put(self, level: float) -> None:
        self._level = level
        self.ceiling = level + self._step if level > _HAIR else level

    def used(self, now: Moment) -> int:
        """Give the level, rounded up."""
        self._roll(now)
        return -int(-(self.ceiling - _HAIR) // 1) + self.in_flight

    def wait(self, cost: int, now: Moment, kept: int) -> float:
        """Give the seconds until the level has drained enough."""
        self._roll(now)
        others = self.in_flight + cost + kept - self.capacity
        excess = self.ceiling + others
        if excess <= _HAIR:
            return 0.0
        # Once it is empty it is no step too high any more.
        return NEVER if others > 0 or not self._rate else min(excess, self._level) / self._rate

    def retune(self, spec: BudgetSpec, capacity: int, now: Moment) -> None:
        """Drain by the old rate until now, by the new one from now on."""
        self._roll(now)
        super().retune(spec, capacity, now)
        self._set_rate()

    def resets_in(self, now: Moment) -> float:
        """Give the seconds until the level is zero."""
        self._roll(now)
        if not self._rate:
            return NEVER if self._level > _HAIR else 0.0
        return self._level / self._rate + (self.spec.step_s if self._level > _HAIR else 0.0)

    def _settle(self, units: int, now: Moment) -> None:
        self._roll(now)
        self._put(self._level + units)

    def _believe(self, units: int, now: Moment) -> None:
        self._roll(now)
        self._put(float(units))


class Concurrent(Budget):
    """So many requests at a time: what is in flight, and nothing else."""

    __slots__ = ()

    def used(self, now: Moment) -> int:
        """Give the units under way."""
        del now
        return self.in_flight

    def wait(self, cost: int, now: Moment, kept: int) -> float:
        """Give 0, or NEVER: only the end of another request makes room."""
        del now
        return 0.0 if self.in_flight + cost + kept <= self.capacity else NEVER

    def resets_in(self, now: Moment) -> float:
        """Give 0: what has ended does not count."""
        del now
        return 0.0

    def _settle(self, units: int, now: Moment) -> None:
        """Forget it."""

    def _believe(self, units: int, now: Moment) -> None:
        """Keep our own count: nobody knows it better."""


_KINDS: Final[dict[BudgetKind, type[Budget]]] = {
    BudgetKind.FIXED_WINDOW: FixedWindow,
    BudgetKind.SLIDING_WINDOW: SlidingWindow,
    BudgetKind.TOKEN_BUCKET: TokenBucket,
    BudgetKind.DECAYING_COUNTER: TokenBucket,
    BudgetKind.CONCURRENT: Concurrent,
}


def budget_from(spec: BudgetSpec, capacity: int | None = None) -> Budget:
    """Make the budget that counts as `spec` says, lowered to `capacity` if that is less."""
    lowered = spec.capacity if capacity is None else min(spec.capacity, capacity)
    return _KINDS[spec.kind](spec, lowered)
