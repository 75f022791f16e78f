"""How an exchange counts, written slowly and plainly: the judge of the budgets."""

from collections.abc import Mapping, Sequence

import attrs

from venuekit.limits import Limiter
from venuekit.plugin import BudgetKind, BudgetScope, BudgetSpec

INTERVAL_S = 10
CAPACITY = 20
KINDS = list(BudgetKind)
EPOCH = 1_767_225_600.0  # a multiple of every interval used here


def spec(
    name: str = "weight",
    kind: BudgetKind = BudgetKind.FIXED_WINDOW,
    *,
    capacity: int = CAPACITY,
    interval_s: int = INTERVAL_S,
    places_only: bool = False,
) -> BudgetSpec:
    return BudgetSpec(
        name=name,
        kind=kind,
        scope=BudgetScope.IP,
        capacity=capacity,
        interval_s=interval_s,
        places_only=places_only,
    )


@attrs.define
class Clock:
    """Both clocks of a limiter, moved by hand."""

    passed_s: float = 0.0
    ahead_s: float = 0.0
    """How far the exchange's clock was set since."""

    def exchange_s(self) -> float:
        return EPOCH + self.passed_s + self.ahead_s

    def running_s(self) -> float:
        return 500.0 + self.passed_s


def limiter(
    clock: Clock,
    *specs: BudgetSpec,
    kept: float = 0.0,
    lowered: Mapping[str, int] | None = None,
) -> Limiter:
    return Limiter(
        specs,
        time=clock.exchange_s,
        loop_time=clock.running_s,
        lowered=lowered,
        kept_for_cancels=kept,
    )


@attrs.define
class Exchange:
    """Remembers every request that arrived, and adds up anew whenever it is asked."""

    kind: BudgetKind
    interval_s: int = INTERVAL_S
    capacity: int = CAPACITY
    arrivals: list[tuple[float, int]] = attrs.field(factory=list)
    under_way: int = 0

    def arrive(self, now: float, units: int) -> None:
        self.arrivals.append((now, units))
        self.under_way += units

    def answer(self, units: int) -> None:
        self.under_way -= units

    def used(self, now: float) -> float:
        """Give what counts at `now`; exact, so a bucket's level may have a fraction."""
        seen = [(at, units) for at, units in self.arrivals if at <= now]
        match self.kind:
            case BudgetKind.FIXED_WINDOW:
                window = now // self.interval_s
                return sum(units for at, units in seen if at // self.interval_s == window)
            case BudgetKind.SLIDING_WINDOW:
                return sum(units for at, units in seen if at + self.interval_s > now)
            case BudgetKind.TOKEN_BUCKET | BudgetKind.DECAYING_COUNTER:
                return self._level(seen, now)
            case BudgetKind.CONCURRENT:
                return self.under_way

    def _level(self, seen: Sequence[tuple[float, int]], now: float) -> float:
        level = before = 0.0
        for at, units in [*seen, (now, 0)]:
            level = max(0.0, level - (at - before) * self.capacity / self.interval_s) + units
            before = at
        return level
