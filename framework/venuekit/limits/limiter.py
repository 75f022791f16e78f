"""The door of an exchange: budgets are paid before a request leaves."""

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import attrs

from venuekit.limits.budget import NEVER, Budget, Moment, budget_from
from venuekit.limits.grant import Grant, TooLate
from venuekit.limits.line import Lane, Line, Waiter
from venuekit.model import BudgetUsage
from venuekit.plugin import BudgetKind, BudgetScope, BudgetSpec, LimitEvent, LimitEventKind

_NO_TIME: Final = float("-inf")
# The exchange's clock may be set meanwhile, and its windows with it; asking again costs nothing.
_LONGEST_NAP_S: Final = 60.0
# A timer may fire a hair before the exchange's clock shows the moment.
_SHORTEST_NAP_S: Final = 0.001


@attrs.frozen(kw_only=True)
class BudgetState:
    """How one budget stands, for people and metrics."""

    name: str
    used: int
    """By this handle, requests in flight included."""
    others: int
    """What other programs of this machine hold of it, where it is shared: a little more than they
    use."""
    capacity: int
    """What all may use together, lowered by configuration or not."""
    interval_s: int
    waiting: int
    """Requests that wait and pay from it too."""
    resets_in_s: float
    """Until nothing counts any more, if nothing else is sent."""
    is_paused: bool


@attrs.frozen
class LimitFigures:
    """What limits have done to a handle since it was opened, for metrics; numbers only grow."""

    waits: int
    """Requests that had to wait."""
    waited_s: float
    """All their waits together."""
    longest_wait_s: float
    too_late: int
    """Requests that were not sent, for they would have had to wait too long."""
    pauses: int
    """The exchange's refusals for going too fast."""
    bans: int
    waiting: int
    """Requests that wait now; the one number that also falls."""


@attrs.frozen
class Need:
    """What a handle needs of one budget, for those who share it out."""

    whole: int
    """What all programs together may use."""
    interval_s: int
    used: int
    ended: int
    """Units that ever ended; only grows."""
    queued: int
    """Units that wait."""


class Limiter:
    """All budgets of one exchange for one account.

    A request pays all its budgets together or none; nothing is paid by a caller that was canceled
    while it waited. A share of each budget is kept for cancels. There is no polling: one timer is
    set for the earliest moment at which somebody can go on.

    Whoever waits claims the budgets that it waits for, and those alone: nobody behind it takes
    from them, and an order that waits for tomorrow's order count holds up no query.

    Between looking at the budgets and paying them there is no `await`.
    """

    def __init__(
        self,
        specs: Sequence[BudgetSpec],
        *,
        time: Callable[[], float],
        lowered: Mapping[str, int] | None = None,
        kept_for_cancels: float = 0.05,
        loop_time: Callable[[], float] | None = None,
        observe: Callable[[LimitEvent], None] | None = None,
    ) -> None:
        """Count by `specs`.

        Args:
            specs: The exchange's limits.
            time: The exchange's clock in seconds since the epoch; windows are aligned to it.
            lowered: By name, a capacity below the exchange's own.
            kept_for_cancels: Share of each budget that only cancels may use, 0 to below 1.
            loop_time: A clock in seconds that only grows, for all that has a length; None: that of
                the loop on which the first request is made.
            observe: Told of waits, pauses and bans; must not raise.
        """
        self._observe = observe
        self._waits = self._too_late = self._pauses = self._bans = 0
        self._waited_s = self._longest_wait_s = 0.0
        self._time = time
        self._loop_time = loop_time
        self._lowered = dict(lowered or {})
        self._share = kept_for_cancels
        self._budgets: dict[str, Budget] = {}
        self._marks: dict[str, int] = {}
        self._by_instrument: dict[str, BudgetSpec] = {}
        self._paused_until: dict[str, float] = {}
        self._all_paused_until = _NO_TIME
        self._banned_until = _NO_TIME
        self._line = Line()
        self._stops_until = _NO_TIME
        self._timer: asyncio.TimerHandle | None = None
        self._hungry: Callable[[], None] | None = None
        self._tell_ban: Callable[[float], None] | None = None
        self.update(specs)

    def update(self, specs: Sequence[BudgetSpec]) -> None:
        """Take over limits that the exchange has stated; what was used stays counted."""
        for spec in specs:
            if spec.scope is BudgetScope.INSTRUMENT:
                self._by_instrument[spec.name] = spec
                for name in [n for n in self._budgets if n.startswith(f"{spec.name} ")]:
                    self._put(name, spec)
            else:
                self._put(spec.name, spec)
        if self._line:
            self._pump()

    def _put(self, name: str, spec: BudgetSpec) -> Budget:
        """Count `name` by `spec` from now on."""
        new = budget_from(spec, self._lowered.get(spec.name))
        old = self._budgets.get(name)
        if old is None:
            self._budgets[name] = new
        elif type(old) is type(new):
            old.retune(spec, new.capacity, self._now())
        else:
            now = self._now()
            new.correct(old.used(now) - old.in_flight, 0, now, now)
            new.in_flight, new.ended = old.in_flight, old.ended
            self._budgets[name] = new
            if self._hungry is not None:
                self._lend(new, old.held or 0, old.others)
        budget = self._budgets[name]
        self._keep(budget)
        self._marks = {**self._marks, name: budget.ended}
        if old is None and self._hungry is not None:
            self._lend(budget, 0, 0)
            self._hungry()
        return budget

    def _begin(self, costs: Mapping[str, int]) -> None:
        """Begin to count the instruments that `costs` names for the first time."""
        for name in costs:
            if name not in self._budgets and " " in name:
                spec = self._by_instrument.get(name.partition(" ")[0])
                if spec is not None:
                    self._put(name, spec)

    # Sharing

    def share(self, hungry: Callable[[], None], banned: Callable[[float], None]) -> None:
        """Use only what is lent from now on, which is nothing at first.

        Args:
            hungry: Called when somebody has to wait for more than is lent.
            banned: Called with the length in seconds when the exchange bans us.
        """
        self._hungry, self._tell_ban = hungry, banned
        for budget in self._budgets.values():
            self._lend(budget, 0, 0)

    def unshare(self) -> None:
        """Use all of every budget again, whatever others do."""
        self._hungry = self._tell_ban = None
        for budget in self._budgets.values():
            self._lend(budget, None, 0)

    def needs(self) -> Mapping[str, Need]:
        """Tell what is needed of each budget that can be shared."""
        now = self._now()
        queued: dict[str, int] = {}
        for waiter in self._line:
            for name, cost in waiter.awaited.items():
                queued[name] = queued.get(name, 0) + cost
        return {
            name: Need(
                budget.whole,
                budget.spec.interval_s,
                budget.used(now),
                budget.ended,
                queued.get(name, 0),
            )
            for name, budget in self._budgets.items()
            if budget.spec.kind is not BudgetKind.CONCURRENT
        }

    def lend(self, parts: Mapping[str, tuple[int, int]]) -> None:
        """Use so much of each budget from now on: what is held here, and what others hold."""
        for name, (held, others) in parts.items():
            if name in self._budgets:
                self._lend(self._budgets[name], held, others)
        if self._line:
            self._pump()

    def _lend(self, budget: Budget, held: int | None, others: int) -> None:
        if budget.spec.kind is not BudgetKind.CONCURRENT:
            budget.lend(held, others, self._now())
            self._keep(budget)

    def _keep(self, budget: Budget) -> None:
        """Keep a part of what it has for cancels, where they pay for it."""
        pays = budget.spec.has_cancels and not budget.spec.places_only
        share = self._share if pays else 0.0
        budget.open = budget.capacity - math.ceil(budget.capacity * share - 1e-9)

    # Paying

    def try_take(
        self, costs: Mapping[str, int], lane: Lane, forced: Collection[str] = ()
    ) -> Grant | None:
        """Pay now if nobody has to wait; None, with nothing paid, otherwise.

        Args:
            costs: Units by budget name, each >= 0; names without a budget are not counted. Not to
                be changed any more.
            lane: Who goes first.
            forced: Budgets that are paid whether they can or not.
        """
        if self._by_instrument:
            self._begin(costs)
        if self._line and not self._line.is_behind(lane):
            return None
        if self._stops_until == _NO_TIME and self._has_paid(costs):
            return self._grant(costs)
        now = self._now()
        waited = _without(costs, forced)
        if self._stopped_s(now) > 0 or self._wait(waited, lane, now) > 0:
            return None
        return self._paid(costs)

    def _has_paid(self, costs: Mapping[str, int]) -> bool:
        """Pay all that can be paid whatever the time is, or nothing: the usual case, at a fifth of
        the price of looking closely.
        """
        budgets = self._budgets
        for name, cost in costs.items():
            budget = budgets.get(name)
            if budget is None or budget.ceiling + budget.in_flight + cost > budget.open:
                self._give_back(costs, name)
                return False
            budget.in_flight += cost
        return True

    def _give_back(self, costs: Mapping[str, int], end: str) -> None:
        """Give back what was paid of `costs` before the budget `end`."""
        for name, cost in costs.items():
            if name == end:
                return
            self._budgets[name].in_flight -= cost

    async def take(
        self,
        costs: Mapping[str, int],
        lane: Lane,
        *,
        wait_s: float | None = None,
        forced: Collection[str] = (),
    ) -> Grant:
        """Pay, waiting until all budgets can. Canceled, it has paid nothing.

        Args:
            costs: Units by budget name, each >= 0; names without a budget are not counted.
            lane: Who goes first.
            wait_s: Longest wait in seconds; None for any.
            forced: Budgets that are paid whether they can or not.

        Raises:
            TooLate: It would take longer than `wait_s`, or for ever; or the exchange has banned
                us, or bans us while this waits.
        """
        grant = self.try_take(costs, lane, forced)
        if grant is not None:
            return grant
        if (banned_s := self.banned_s()) > 0:
            self._late(lane, banned_s, ())
            raise TooLate(banned_s, (), is_ban=True)
        awaited = _without(costs, forced)
        names = self._names(awaited)
        if not self._fits(awaited):
            self._late(lane, NEVER, names)
            raise TooLate(NEVER, names)
        now = self._now()
        needed = max(self._stopped_s(now), self._wait(awaited, lane, now))
        is_lent = any(self._budgets[name].capacity < self._budgets[name].whole for name in names)
        # Of what is shared there may be more within a moment.
        if wait_s is not None and wait_s < needed < NEVER and not is_lent:
            self._late(lane, needed, names)
            raise TooLate(needed, names)
        self._tell(LimitEventKind.WAITING, needed, names, lane)
        self._waits += 1
        begun_at = now.running_s
        try:
            grant = await self._queued(costs, awaited, names, lane, wait_s)
        except TooLate as late:
            self._late(lane, late.wait_s, names)
            raise
        finally:
            waited_s = self._now().running_s - begun_at
            self._waited_s += waited_s
            self._longest_wait_s = max(self._longest_wait_s, waited_s)
        self._tell(LimitEventKind.WAITED, waited_s, names, lane)
        return grant

    def pause(self, seconds: float, *, budgets: Collection[str] | None = None) -> None:
        """Let nothing pass for so long: what pays one of `budgets`, or everything if None.

        A longer pause that is under way stays.
        """
        until = self._now().running_s + seconds
        self._stops_until = max(self._stops_until, until)
        self._pauses += 1
        self._tell(LimitEventKind.PAUSED, seconds, budgets or ())
        if budgets is None:
            self._all_paused_until = max(self._all_paused_until, until)
        else:
            for name in budgets:
                self._paused_until[name] = max(self._paused_until.get(name, _NO_TIME), until)
        if self._line:
            self._pump()

    def of_orders(self, names: Iterable[str]) -> list[str]:
        """Give those of `names` that are budgets which count placements alone, or orders of one
        instrument.
        """
        budgets = self._budgets
        return [
            name
            for name in names
            if name in budgets
            and (
                budgets[name].spec.places_only or budgets[name].spec.scope is BudgetScope.INSTRUMENT
            )
        ]

    def ban(self, seconds: float) -> None:
        """Let nothing pass for so long, and let nobody wait for it: everybody is TooLate."""
        now = self._now().running_s
        if now + seconds > self._banned_until:
            self._bans += 1
            self._tell(LimitEventKind.BANNED, seconds)
            if self._tell_ban is not None:
                self._tell_ban(seconds)
        self._banned_until = max(self._banned_until, now + seconds)
        self._stops_until = max(self._stops_until, self._banned_until)
        banned_s = self._banned_until - now
        self._set_timer(NEVER)
        for waiter in self._line.clear():
            if not waiter.future.done():
                waiter.future.set_exception(TooLate(banned_s, (), is_ban=True))

    def banned_s(self) -> float:
        """Give the seconds until a ban ends; 0 if there is none."""
        if self._banned_until == _NO_TIME:
            return 0.0
        return max(0.0, self._banned_until - self._now().running_s)

    def paused_s(self) -> float:
        """Give the seconds for which everything is stopped, by a pause or a ban; 0 if it is not."""
        if self._all_paused_until == self._banned_until == _NO_TIME:
            return 0.0
        return max(0.0, self._stopped_s(self._now()))

    def correct(self, usages: Sequence[BudgetUsage], grant: Grant | None = None) -> None:
        """Believe the exchange's own counts, in both directions.

        Answers may overtake each other, and a count is as old as its request. So what ended since
        that request left is added, and what is in flight stays counted: never below the truth.

        Args:
            usages: What the exchange says.
            grant: Of the request whose answer says so, ended before; None: all that has ended is
                in the counts.
        """
        now = self._now()
        for usage in usages:
            budget = self._budgets.get(usage.budget)
            if budget is None:
                continue
            if grant is None:
                budget.correct(usage.used, 0, now, now)
            else:
                missed = grant.missed(usage.budget, budget)
                budget.correct(usage.used, missed, grant.paid_at, now)
        if self._line:
            self._pump()

    def snapshot(self) -> Sequence[BudgetState]:
        """Tell how every budget stands now."""
        now = self._now()
        is_stopped = self._stopped_s(now) > 0
        names = [name for waiter in self._line for name in waiter.names]
        return [
            BudgetState(
                name=name,
                used=budget.used(now),
                others=budget.others,
                capacity=budget.whole,
                interval_s=budget.spec.interval_s,
                waiting=names.count(name),
                resets_in_s=budget.resets_in(now),
                is_paused=is_stopped or self._paused_until.get(name, _NO_TIME) > now.running_s,
            )
            for name, budget in self._budgets.items()
        ]

    def figures(self) -> LimitFigures:
        """Tell what limits have done since this was made."""
        return LimitFigures(
            self._waits,
            self._waited_s,
            self._longest_wait_s,
            self._too_late,
            self._pauses,
            self._bans,
            sum(1 for _ in self._line),
        )

    def _late(self, lane: Lane, seconds: float, names: Collection[str]) -> None:
        self._too_late += 1
        self._tell(LimitEventKind.TOO_LATE, seconds, names, lane)

    def _tell(
        self,
        kind: LimitEventKind,
        seconds: float,
        budgets: Collection[str] = (),
        lane: Lane | None = None,
    ) -> None:
        if self._observe is not None:
            name = "" if lane is None else lane.name.lower()
            self._observe(LimitEvent(kind=kind, seconds=seconds, budgets=tuple(budgets), lane=name))

    # Deciding

    def _now(self) -> Moment:
        if self._loop_time is None:
            self._loop_time = asyncio.get_running_loop().time
        return Moment(self._time(), self._loop_time())

    def _names(self, costs: Mapping[str, int]) -> tuple[str, ...]:
        return tuple(sorted(name for name, cost in costs.items() if cost and name in self._budgets))

    def _fits(self, costs: Mapping[str, int]) -> bool:
        return all(
            name not in self._budgets or self._budgets[name].fits(cost)
            for name, cost in costs.items()
        )

    def _stopped_s(self, now: Moment) -> float:
        if self._stops_until <= now.running_s:
            self._stops_until = self._all_paused_until = self._banned_until = _NO_TIME
            self._paused_until.clear()
        return max(self._all_paused_until, self._banned_until) - now.running_s

    def _wait(
        self,
        costs: Mapping[str, int],
        lane: Lane,
        now: Moment,
        claimed: set[str] | None = None,
    ) -> float:
        """Give the seconds until all budgets can pay; add those that cannot now to `claimed`."""
        longest = 0.0
        for name, cost in costs.items():
            budget = self._budgets.get(name)
            if budget is None or not cost:
                continue
            kept = 0 if lane is Lane.CANCEL else budget.capacity - budget.open
            if kept > budget.capacity - cost:
                # It could never pass; so the share is given up once nothing else is used.
                kept = max(0, budget.capacity - cost)
            wait = budget.wait(cost, now, kept)
            if self._paused_until:
                wait = max(wait, self._paused_until.get(name, _NO_TIME) - now.running_s)
            if wait > 0:
                longest = max(longest, wait)
                if claimed is not None:
                    claimed.add(name)
        return longest

    def _paid(self, costs: Mapping[str, int]) -> Grant:
        budgets = self._budgets
        counted = {name: cost for name, cost in costs.items() if name in budgets}
        for name, cost in counted.items():
            budgets[name].pay(cost)
        return self._grant(counted)

    def _grant(self, costs: Mapping[str, int]) -> Grant:
        if self._loop_time is None:
            self._loop_time = asyncio.get_running_loop().time
        return Grant(self._ended, costs, self._time(), self._loop_time(), self._marks)

    def _ended(self, costs: Mapping[str, int], net: Mapping[str, int]) -> None:
        now = self._now()
        # Grants hold the marks of when they were paid: those stay as they were.
        marks = self._marks = self._marks.copy()
        for name, cost in costs.items():
            budget = self._budgets[name]
            budget.end(cost, net[name], now)
            marks[name] = budget.ended
        if self._line:
            self._pump()

    def _pump(self) -> None:
        """Let everybody go on who can, in order; set the timer for the next."""
        now = self._now()
        earliest = self._stopped_s(now)
        if earliest <= 0:
            earliest = self._let_pass(now)
        self._set_timer(earliest if self._line else NEVER)

    def _let_pass(self, now: Moment) -> float:
        """Let everybody go on who can; give the seconds until the next can."""
        earliest = NEVER
        claimed: set[str] = set()
        passed: set[Waiter] = set()
        while (waiter := self._line.next(claimed, passed)) is not None:
            if waiter.future.done():
                self._line.leave(waiter)
            elif not self._fits(waiter.awaited):  # since the limits were stated anew
                self._line.leave(waiter)
                waiter.future.set_exception(TooLate(NEVER, waiter.names))
            elif (wait := self._wait(waiter.awaited, waiter.lane, now, claimed)) > 0:
                passed.add(waiter)
                earliest = min(earliest, wait)
            else:
                self._line.leave(waiter)
                waiter.future.set_result(self._paid(waiter.costs))
        return earliest

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds < NEVER:
            nap = min(max(seconds, _SHORTEST_NAP_S), _LONGEST_NAP_S)
            self._timer = asyncio.get_running_loop().call_later(nap, self._pump)

    # Waiting

    async def _queued(
        self,
        costs: Mapping[str, int],
        awaited: Mapping[str, int],
        names: tuple[str, ...],
        lane: Lane,
        wait_s: float | None,
    ) -> Grant:
        future: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()
        waiter = self._line.join(costs, awaited, names, lane, future)
        self._pump()
        if self._hungry is not None and not future.done():
            self._hungry()
        begun_at = self._now().running_s
        try:
            async with asyncio.timeout(wait_s):
                return await future
        except TimeoutError:
            self._left(waiter)
            now = self._now()
            more_s = max(self._stopped_s(now), self._wait(awaited, lane, now))
            waited_s = now.running_s - begun_at
            raise TooLate(more_s if 0 < more_s < NEVER else waited_s, names) from None
        except BaseException:
            self._left(waiter)
            raise

    def _left(self, waiter: Waiter) -> None:
        """Forget a waiter that goes away, or give back what it was granted and will not use."""
        future = waiter.future
        if not future.done() or future.cancelled():
            self._line.leave(waiter)
            if self._line:
                self._pump()
            else:
                self._set_timer(NEVER)
        elif future.exception() is None:
            # Granted and canceled in the same turn of the loop: nobody has seen the grant.
            future.result().end(waiter.costs)


def _without(costs: Mapping[str, int], forced: Collection[str]) -> Mapping[str, int]:
    if not forced:
        return costs
    return {name: cost for name, cost in costs.items() if name not in forced}
