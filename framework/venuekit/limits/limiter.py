"""The queue in front of an exchange: budgets are paid before a request leaves.

One process's view of the limits; sharing them between processes builds on the same interface.
"""

import asyncio
import enum
import itertools
import sys
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import attrs

from venuekit.limits.budget import NEVER, Budget, budget_from
from venuekit.model import BudgetUsage
from venuekit.plugin import BudgetSpec

_LONGEST_NAP_S: Final = 60.0
# Timers of the loop may fire a hair early by the exchange's clock; asking again costs nothing.
_SHORTEST_NAP_S: Final = 0.001


class Lane(enum.IntEnum):
    """Who goes first. Within a lane: first come, first served."""

    CANCEL = 0
    PLACE = 1
    """Placing and amending."""
    QUERY = 2
    """Orders and account."""
    MARKET_DATA = 3


class TooLate(Exception):
    """Waiting would have taken longer than the caller wants; nothing was paid."""

    def __init__(self, wait_s: float, budgets: Sequence[str]) -> None:
        """Say how long it would have been, at least, and for which budgets."""
        self.wait_s = wait_s
        self.budgets = tuple(budgets)
        super().__init__(f"{', '.join(budgets) or 'the exchange'} would have to be waited for")


@attrs.frozen(kw_only=True)
class BudgetState:
    """How one budget stands, for people and metrics."""

    name: str
    used: int
    capacity: int
    """What may be used of it, lowered by configuration or not."""
    interval_s: int
    waiting: int
    """Requests that wait for it."""
    resets_in_s: float
    is_paused: bool


@attrs.define(eq=False)
class _Waiter:
    costs: Mapping[str, int]
    future: "asyncio.Future[Grant]"
    number: int


_Group = tuple[Lane, tuple[str, ...]]


class Grant:
    """What one request has paid. `end` it when its answer has come or cannot come any more."""

    __slots__ = ("_costs", "_is_open", "_limiter")

    def __init__(self, limiter: "Limiter", costs: Mapping[str, int]) -> None:
        """Remember what was paid; made by the limiter only."""
        self._limiter = limiter
        self._costs = costs
        self._is_open = True

    def end(self, refunds: Mapping[str, int] | None = None) -> None:
        """Count the request as no longer in flight, and give back what it did not cost.

        Safe to repeat; the first call counts.
        """
        if self._is_open:
            self._is_open = False
            self._limiter._ended(self._costs, refunds or {})  # noqa: SLF001  # two halves of one thing


class Limiter:
    """All budgets of one exchange for one account.

    A request pays all its budgets together or none; nothing is paid by a caller that was canceled
    while it waited. A share of each budget is kept for cancels. There is no polling: one timer is
    set for the earliest moment at which somebody can go on.

    Between looking at the budgets and paying them there is no `await`.
    """

    def __init__(
        self,
        specs: Sequence[BudgetSpec],
        *,
        time: Callable[[], float],
        lowered: Mapping[str, int] | None = None,
        kept_for_cancels: float = 0.1,
    ) -> None:
        """Count by `specs`.

        Args:
            specs: The exchange's limits.
            time: The exchange's clock in seconds since the epoch.
            lowered: By name, a capacity below the exchange's own.
            kept_for_cancels: Share of each budget that only cancels may use, 0 to below 1.
        """
        self._time = time
        self._lowered = dict(lowered or {})
        self._share = kept_for_cancels
        self._budgets: dict[str, Budget] = {}
        self._kept: dict[str, int] = {}
        self._paused_until: dict[str, float] = {}
        self._all_paused_until = 0.0
        self._groups: dict[_Group, deque[_Waiter]] = {}
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self.update(specs)

    def update(self, specs: Sequence[BudgetSpec]) -> None:
        """Take over limits that the exchange has stated; what was used stays counted."""
        now = self._time()
        for spec in specs:
            new = budget_from(spec, self._lowered.get(spec.name))
            old = self._budgets.get(spec.name)
            if old is not None:
                used = old.used(now)
                new.in_flight = old.in_flight
                new.pay(used, now)
            self._budgets[spec.name] = new
            # Cancels pay nothing to budgets that only count placements.
            self._kept[spec.name] = 0 if spec.places_only else int(new.capacity * self._share)
        self._pump()

    def try_take(self, costs: Mapping[str, int], lane: Lane) -> Grant | None:
        """Pay now if nobody has to wait; None, with nothing paid, otherwise."""
        if self._groups:
            return None
        now = self._time()
        if self._wait(costs, lane, now) > 0:
            return None
        return self._paid(costs, now)

    async def take(
        self, costs: Mapping[str, int], lane: Lane, *, wait_s: float | None = None
    ) -> Grant:
        """Pay, waiting until all budgets can. Canceled, it has paid nothing.

        Args:
            costs: Units by budget name, each >= 0; names without a budget are not counted.
            lane: Who goes first.
            wait_s: Longest wait in seconds; None for any.

        Raises:
            TooLate: It would take longer than `wait_s`, or for ever.
        """
        grant = self.try_take(costs, lane)
        if grant is not None:
            return grant
        needed = self._wait(costs, lane, self._time())
        if needed == NEVER or (wait_s is not None and needed > wait_s):
            raise TooLate(needed, self._names(costs))
        return await self._queued(costs, lane, wait_s, needed)

    def pause(self, seconds: float, *, budgets: Collection[str] | None = None) -> None:
        """Let nothing pass for so long: what pays one of `budgets`, or everything if None.

        A longer pause that is under way stays.
        """
        until = self._time() + seconds
        if budgets is None:
            self._all_paused_until = max(self._all_paused_until, until)
        else:
            for name in budgets:
                self._paused_until[name] = max(self._paused_until.get(name, 0.0), until)
        self._pump()

    def paused_s(self) -> float:
        """Give the seconds for which everything is stopped; 0 if it is not."""
        return max(0.0, self._all_paused_until - self._time())

    def correct(self, usages: Sequence[BudgetUsage]) -> None:
        """Believe the exchange's own counts, in both directions."""
        now = self._time()
        for usage in usages:
            budget = self._budgets.get(usage.budget)
            if budget is not None:
                budget.correct(usage.used, now)
        if self._groups:
            self._pump()

    def snapshot(self) -> Sequence[BudgetState]:
        """Tell how every budget stands now."""
        now = self._time()
        waiting = [(names, len(queue)) for (_, names), queue in self._groups.items()]
        return [
            BudgetState(
                name=name,
                used=budget.used(now),
                capacity=budget.capacity,
                interval_s=budget.spec.interval_s,
                waiting=sum(count for names, count in waiting if name in names),
                resets_in_s=budget.resets_in(now),
                is_paused=self._pause(name, now) > 0,
            )
            for name, budget in self._budgets.items()
        ]

    # Deciding

    def _names(self, costs: Mapping[str, int]) -> tuple[str, ...]:
        return tuple(sorted(name for name, cost in costs.items() if cost and name in self._budgets))

    def _pause(self, name: str, now: float) -> float:
        return max(self._all_paused_until, self._paused_until.get(name, 0.0)) - now

    def _wait(self, costs: Mapping[str, int], lane: Lane, now: float) -> float:
        longest = self._all_paused_until - now
        for name, cost in costs.items():
            budget = self._budgets.get(name)
            if budget is None or not cost:
                continue
            kept = 0 if lane is Lane.CANCEL else self._kept[name]
            longest = max(
                longest,
                self._paused_until.get(name, 0.0) - now,
                budget.wait(cost, now, min(kept, max(0, budget.capacity - cost))),
            )
        return max(0.0, longest)

    def _paid(self, costs: Mapping[str, int], now: float) -> Grant:
        for name, cost in costs.items():
            budget = self._budgets.get(name)
            if budget is not None and cost:
                budget.pay(cost, now)
                budget.in_flight += cost
        return Grant(self, costs)

    def _ended(self, costs: Mapping[str, int], refunds: Mapping[str, int]) -> None:
        now = self._time()
        for name, cost in costs.items():
            budget = self._budgets.get(name)
            if budget is not None and cost:
                budget.in_flight = max(0, budget.in_flight - cost)
                back = cost if budget.spec.kind.value == "concurrent" else refunds.get(name, 0)
                if back:
                    budget.refund(min(back, cost), now)
        if self._groups:
            self._pump()

    def _pump(self) -> None:
        """Let everybody go on who can, in order; set the timer for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._time()
        claimed: set[str] = set()
        earliest = NEVER
        while (group := self._next_group(claimed)) is not None:
            lane, names = group
            queue = self._groups[group]
            wait = self._wait(queue[0].costs, lane, now)
            if wait > 0:
                # Whoever comes later may not take from the budgets that this one waits for.
                claimed.update(names or ("",))
                earliest = min(earliest, wait)
                continue
            waiter = queue.popleft()
            if not queue:
                del self._groups[group]
            if not waiter.future.done():
                waiter.future.set_result(self._paid(waiter.costs, now))
        if self._groups and earliest < NEVER:
            nap = min(max(earliest, _SHORTEST_NAP_S), _LONGEST_NAP_S)
            self._timer = asyncio.get_running_loop().call_later(nap, self._pump)

    def _next_group(self, claimed: set[str]) -> _Group | None:
        open_groups = [
            (lane, queue[0].number, names)
            for (lane, names), queue in self._groups.items()
            if claimed.isdisjoint(names or ("",))
        ]
        if not open_groups:
            return None
        lane, _, names = min(open_groups)
        return lane, names

    # Waiting

    async def _queued(
        self, costs: Mapping[str, int], lane: Lane, wait_s: float | None, needed: float
    ) -> Grant:
        future: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()
        group = (lane, self._names(costs))
        waiter = _Waiter(costs, future, next(self._numbers))
        self._groups.setdefault(group, deque()).append(waiter)
        self._pump()
        try:
            async with asyncio.timeout(wait_s):
                return await future
        except TimeoutError:
            raise TooLate(max(needed, wait_s or 0.0), group[1]) from None
        finally:
            # Granted and canceled in the same turn of the loop: the caller never sees the grant.
            unseen = sys.exception() is not None
            self._left(group, waiter, unseen=unseen)

    def _left(self, group: _Group, waiter: _Waiter, *, unseen: bool) -> None:
        """Forget a waiter, or give back what it was granted and will not use."""
        future = waiter.future
        if future.done() and not future.cancelled():
            if unseen:
                future.result().end(waiter.costs)
            return
        queue = self._groups.get(group)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._groups[group]
        self._pump()
