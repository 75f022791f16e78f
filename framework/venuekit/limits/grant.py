"""What a request gets at the door: a grant, or word that it would be too late."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from venuekit.limits.budget import NEVER, Budget, Moment
from venuekit.model import VenuekitError


class TooLate(VenuekitError):
    """Waiting would have taken longer than the caller wants; nothing was paid.

    Seen only by those who take from a `Limiter` themselves; a call ends with `BudgetExhausted`.
    """

    def __init__(self, wait_s: float, budgets: Sequence[str], *, is_ban: bool = False) -> None:
        """Say how long it would have been at least (infinite: for ever), and for which budgets."""
        self.wait_s = wait_s
        self.budgets = tuple(budgets)
        self.is_ban = is_ban
        """The exchange has banned us; nobody waits for that."""
        what = ", ".join(budgets) or "the exchange"
        long = f"at least {wait_s:.4g} s" if wait_s < NEVER else "for ever"
        super().__init__(
            f"banned by the exchange for another {wait_s:.4g} s"
            if is_ban
            else f"{what} would have to be waited for {long}"
        )


class Grant(msgspec.Struct, eq=False):
    """What one request has paid. `end` it when its answer has come or cannot come any more.

    Made by the limiter only, for each request: a Struct is made in a third of the time.
    """

    _ended: Callable[[Mapping[str, int], Mapping[str, int]], None]
    _costs: Mapping[str, int]
    _exchange_s: float
    _running_s: float
    _marks: Mapping[str, int]
    """How each budget stood."""
    _net: Mapping[str, int] | None = None
    """By budget, once it has ended."""

    def end(self, refunds: Mapping[str, int] | None = None) -> None:
        """Count the request as no longer in flight, and give back what it did not cost.

        Safe to repeat; the first call counts.
        """
        if self._net is None:
            net = costs = self._costs
            if refunds:
                net = {name: cost - min(cost, refunds.get(name, 0)) for name, cost in costs.items()}
            self._net = net
            self._ended(costs, net)

    def missed(self, name: str, budget: Budget) -> int:
        """Give what ended since this was paid, besides itself: its answer may not count that."""
        own = self._net.get(name, 0) if self._net is not None else 0
        return budget.ended - self._marks.get(name, budget.ended) - own

    @property
    def paid_at(self) -> Moment:
        """When it was paid."""
        return Moment(self._exchange_s, self._running_s)
