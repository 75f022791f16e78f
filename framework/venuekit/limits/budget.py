"""Budgets: how an exchange counts, as pure arithmetic.

A budget is told the time and never asks for it. Counts are whole units of the exchange, moments
are seconds on the exchange's clock, spans are seconds.

We know when a request was paid and when its answer came, the exchange counted it somewhere in
between. So every budget counts a request from when it was paid, and lets it age only from its
end: what stands here is never less than what the exchange counts, as far as our own requests go.
"""

import abc
from collections import deque
from typing import Final

from venuekit.plugin import BudgetKind, BudgetSpec

NEVER: Final = float("inf")
# Levels are sums of many small decays; less than this is rounding.
_ROUNDING: Final = 1e-6


class Budget(abc.ABC):
    """One limit of an exchange, counted here."""

    __slots__ = ("capacity", "ended", "in_flight", "kept", "spec")

    def __init__(self, spec: BudgetSpec, capacity: int) -> None:
        """Count by `spec`, but let only `capacity` of it be used."""
        self.spec = spec
        self.capacity = capacity
        self.kept = 0
        """Units that only cancels may use."""
        self.in_flight = 0
        """Units paid for requests that have not ended: the exchange may have counted them or not,
        and the numbers that it tells may have them or not."""
        self.ended = 0
        """Units of all requests that have ended, refunds taken off; only grows. The difference
        between two looks says what ended in between."""

    @abc.abstractmethod
    def used(self, now: float) -> int:
        """Give the units that count against the capacity now, rounded up."""

    @abc.abstractmethod
    def wait(self, cost: int, now: float, kept: int) -> float:
        """Give the seconds until `cost` may be payable with `kept` units left over; 0 for now.

        A lower bound: what is in flight may take longer. NEVER where only the end of another
        request makes room, or nothing does. A `cost` that can leave no `kept` units over has to
        leave what it can.
        """

    @abc.abstractmethod
    def pay(self, cost: int, now: float) -> None:
        """Count `cost` as in flight; the caller has asked `wait` before."""

    @abc.abstractmethod
    def end(self, cost: int, back: int, now: float) -> None:
        """Count `cost` as in flight no more, and take back what the exchange does not count.

        Args:
            cost: What was paid for one request.
            back: Of it, what was not used after all, 0 to `cost`.
            now: When its answer came or cannot come any more.
        """

    @abc.abstractmethod
    def correct(self, used: int, unseen: int, asked_at: float, now: float) -> None:
        """Believe the exchange's own count, in both directions.

        Args:
            used: What the exchange said.
            unseen: Our units that it may not have had yet: in flight, or ended since `asked_at`.
            asked_at: When the request was paid whose answer said so; the count is as old as that.
            now: When the answer came.
        """

    @abc.abstractmethod
    def resets_in(self, now: float) -> float | None:
        """Give the seconds until everything may be used again; None if that has no date."""

    def _free(self, cost: int, kept: int) -> int:
        """Give the count up to which `cost` can be paid."""
        return self.capacity - cost - min(kept, max(0, self.capacity - cost))


class FixedWindow(Budget):
    """Counted from zero in windows that are aligned to the exchange's clock."""

    __slots__ = ("_before", "_begins", "_count", "_ends")

    def __init__(self, spec: BudgetSpec, capacity: int) -> None:
        """Begin with an empty window."""
        super().__init__(spec, capacity)
        self._begins = self._ends = 0.0
        self._count = 0
        self._before = 0  # what the window before this one counted

    def _roll(self, now: float) -> None:
        was = self._begins
        span = self.spec.interval_s
        self._begins = now // span * span
        self._ends = self._begins + span
        if self._begins > was:
            self._before = self._count
            # What is in flight may arrive in the new window and be counted there.
            self._count = self.in_flight
        elif self._begins + span == was:
            # The clock was set back over the edge: the window goes on that seemed to be over.
            self._count += self._before
            self._before = 0

    def used(self, now: float) -> int:
        """Give the count of the present window."""
        if not self._begins <= now < self._ends:
            self._roll(now)
        return self._count

    def wait(self, cost: int, now: float, kept: int) -> float:
        """Give the seconds to the next window if this one cannot pay."""
        if not self._begins <= now < self._ends:
            self._roll(now)
        if self._count + cost + kept <= self.capacity:
            return 0.0
        free = self._free(cost, kept)
        if self._count <= free:
            return 0.0
        return NEVER if free < 0 else self._ends - now

    def pay(self, cost: int, now: float) -> None:
        """Count in the present window."""
        if not self._begins <= now < self._ends:
            self._roll(now)
        self._count += cost
        self.in_flight += cost

    def end(self, cost: int, back: int, now: float) -> None:
        """Take back from the present window, into which what was in flight was carried."""
        if not self._begins <= now < self._ends:
            self._roll(now)
        self.in_flight -= cost
        self.ended += cost - back
        self._count = max(self.in_flight, self._count - back)

    def correct(self, used: int, unseen: int, asked_at: float, now: float) -> None:
        """Believe the count of the present window; one that may be of the window before says nothing.

        A late answer that tells the last moments of a full window must not fill the next one.
        """
        if not self._begins <= now < self._ends:
            self._roll(now)
        if asked_at >= self._begins:
            self._count = used + unseen

    def resets_in(self, now: float) -> float | None:
        """Give the seconds to the next window."""
        return self._ends - now if self.used(now) else 0.0


class SlidingWindow(Budget):
    """Every unit counts for one interval."""

    __slots__ = ("_count", "_paid")

    def __init__(self, spec: BudgetSpec, capacity: int) -> None:
        """Begin with nothing paid."""
        super().__init__(spec, capacity)
        self._paid: deque[tuple[float, int]] = deque()  # moment and units, ended, oldest first
        self._count = 0  # of what has ended

    def _roll(self, now: float) -> None:
        paid = self._paid
        if paid and paid[-1][0] > now:
            # The clock was set back: what is known is how much, and that it is not in the future.
            ahead = paid[-1][0] - now
            self._paid = paid = deque((moment - ahead, units) for moment, units in paid)
        aged = now - self.spec.interval_s
        while paid and paid[0][0] <= aged:
            self._count -= paid.popleft()[1]

    def used(self, now: float) -> int:
        """Give the units of the last interval."""
        self._roll(now)
        return self._count + self.in_flight

    def wait(self, cost: int, now: float, kept: int) -> float:
        """Give the seconds until enough of what was paid has aged out."""
        excess = self.used(now) + cost + kept - self.capacity
        if excess <= 0:
            return 0.0
        free = self._free(cost, kept)
        excess = self._count + self.in_flight - free
        if excess <= 0:
            return 0.0
        if free < 0:
            return NEVER
        for moment, units in self._paid:
            excess -= units
            if excess <= 0:
                return moment + self.spec.interval_s - now
        return self.spec.interval_s  # what is in flight begins to age only at its end

    def pay(self, cost: int, now: float) -> None:
        """Count, not aging yet."""
        del now
        self.in_flight += cost

    def end(self, cost: int, back: int, now: float) -> None:
        """Count for one interval from now."""
        self._roll(now)
        self.in_flight -= cost
        self.ended += cost - back
        self._add(cost - back, now)

    def correct(self, used: int, unseen: int, asked_at: float, now: float) -> None:
        """Believe the count: what it has beyond ours is young, what it lacks is the oldest."""
        del asked_at
        more = used + unseen - self.used(now)
        self._add(more, now)
        less = min(-more, self._count)
        while less > 0:
            moment, units = self._paid.popleft()
            self._count -= min(less, units)
            if units > less:
                self._paid.appendleft((moment, units - less))
            less -= units

    def resets_in(self, now: float) -> float | None:
        """Give the seconds until the youngest unit has aged out."""
        used = self.used(now)
        if self.in_flight:
            return float(self.spec.interval_s)
        return self._paid[-1][0] + self.spec.interval_s - now if used else 0.0

    def _add(self, units: int, now: float) -> None:
        if units > 0:
            self._paid.append((now, units))
            self._count += units


class TokenBucket(Budget):
    """A level that rises with use and drains evenly; also the form of a decaying counter."""

    __slots__ = ("_at", "_level")

    def __init__(self, spec: BudgetSpec, capacity: int) -> None:
        """Begin with everything to be used."""
        super().__init__(spec, capacity)
        self._level = 0.0
        self._at = 0.0

    @property
    def _rate(self) -> float:
        # By the exchange's capacity, not by ours: using less of a limit does not slow its decay.
        return self.spec.capacity / self.spec.interval_s

    def _roll(self, now: float) -> None:
        if now > self._at:
            # What is in flight may reach the exchange only now, and has not begun to decay.
            self._level = max(self.in_flight, self._level - (now - self._at) * self._rate)
        self._at = now  # also where the clock was set back: nothing decayed then

    def used(self, now: float) -> int:
        """Give the level."""
        self._roll(now)
        return max(0, -int((_ROUNDING - self._level) // 1))

    def wait(self, cost: int, now: float, kept: int) -> float:
        """Give the seconds until the level has drained enough."""
        self._roll(now)
        if self._level + cost + kept <= self.capacity + _ROUNDING:
            return 0.0
        free = self._free(cost, kept)
        excess = self._level - free
        if excess <= _ROUNDING:
            return 0.0
        return NEVER if free < 0 else excess / self._rate

    def pay(self, cost: int, now: float) -> None:
        """Raise the level."""
        self._roll(now)
        self._level += cost
        self.in_flight += cost

    def end(self, cost: int, back: int, now: float) -> None:
        """Lower the level by what is given back."""
        self._roll(now)
        self.in_flight -= cost
        self.ended += cost - back
        self._level = max(self.in_flight, self._level - back)

    def correct(self, used: int, unseen: int, asked_at: float, now: float) -> None:
        """Believe the exchange's level."""
        del asked_at
        self._roll(now)
        self._level = float(used + unseen)

    def resets_in(self, now: float) -> float | None:
        """Give the seconds until the level is zero."""
        self._roll(now)
        return self._level / self._rate


class Concurrent(Budget):
    """So many requests at a time; paid when they leave, given back when they end."""

    __slots__ = ()

    def used(self, now: float) -> int:
        """Give the units under way."""
        del now
        return self.in_flight

    def wait(self, cost: int, now: float, kept: int) -> float:
        """Give 0, or NEVER: only the end of another request makes room."""
        del now
        return 0.0 if self.in_flight <= self._free(cost, kept) else NEVER

    def pay(self, cost: int, now: float) -> None:
        """Count one more under way."""
        del now
        self.in_flight += cost

    def end(self, cost: int, back: int, now: float) -> None:
        """Count one less under way, whatever it was good for."""
        del back, now
        self.in_flight -= cost

    def correct(self, used: int, unseen: int, asked_at: float, now: float) -> None:
        """Keep our own count: nobody knows it better."""

    def resets_in(self, now: float) -> float | None:
        """Give 0 when nothing is under way; else there is no date."""
        del now
        return None if self.in_flight else 0.0


_KINDS: Final[dict[BudgetKind, type[Budget]]] = {
    BudgetKind.FIXED_WINDOW: FixedWindow,
    BudgetKind.SLIDING_WINDOW: SlidingWindow,
    BudgetKind.TOKEN_BUCKET: TokenBucket,
    BudgetKind.DECAYING_COUNTER: TokenBucket,
    BudgetKind.CONCURRENT: Concurrent,
}


def budget_from(spec: BudgetSpec, lowered: int | None = None) -> Budget:
    """Make the budget that counts as `spec` says, of which at most `lowered` may be used."""
    return _KINDS[spec.kind](spec, capacity_of(spec, lowered))


def capacity_of(spec: BudgetSpec, lowered: int | None) -> int:
    """Give what may be used: a configured number only lowers the exchange's own."""
    return spec.capacity if lowered is None else min(spec.capacity, lowered)
