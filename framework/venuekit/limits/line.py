"""The line in front of the budgets: who waits, and who is next."""

import asyncio
import enum
import itertools
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping

import attrs

from venuekit.limits.grant import Grant


class Lane(enum.IntEnum):
    """Who goes first. Within a lane: first come, first served."""

    CANCEL = 0
    PLACE = 1
    """Placing and amending."""
    QUERY = 2
    """Orders and account."""
    MARKET_DATA = 3


_Group = tuple[Lane, tuple[str, ...]]


@attrs.frozen(eq=False, kw_only=True)
class Waiter:
    """One request that waits."""

    costs: Mapping[str, int]
    awaited: Mapping[str, int]
    """What it waits for: its costs without those that are paid in any case."""
    names: tuple[str, ...]
    """The budgets that it waits for."""
    lane: Lane
    number: int
    """Grows with every waiter that comes."""
    future: "asyncio.Future[Grant]"


class Line:
    """Everybody who waits, in groups that wait for the same: only the first of each counts."""

    def __init__(self) -> None:
        """Begin with nobody."""
        # A queue is a dict so that those who give up leave from its middle at no cost.
        self._groups: dict[_Group, OrderedDict[int, Waiter]] = {}
        self._numbers = itertools.count()

    def __bool__(self) -> bool:
        """Say whether anybody waits."""
        return bool(self._groups)

    def __iter__(self) -> Iterator[Waiter]:
        """Give all that wait, in no order."""
        return itertools.chain.from_iterable(queue.values() for queue in self._groups.values())

    def join(
        self,
        costs: Mapping[str, int],
        awaited: Mapping[str, int],
        names: tuple[str, ...],
        lane: Lane,
        future: "asyncio.Future[Grant]",
    ) -> Waiter:
        """Stand behind those who came before."""
        waiter = Waiter(
            costs=costs,
            awaited=awaited,
            names=names,
            lane=lane,
            number=next(self._numbers),
            future=future,
        )
        self._groups.setdefault((lane, names), OrderedDict())[waiter.number] = waiter
        return waiter

    def is_behind(self, lane: Lane) -> bool:
        """Say whether all who wait would let somebody in `lane` go first."""
        return all(group[0] > lane for group in self._groups)

    def leave(self, waiter: Waiter) -> None:
        """Forget one, wherever it stands; one who has left before is no matter."""
        group = (waiter.lane, waiter.names)
        queue = self._groups.get(group)
        if queue is not None:
            queue.pop(waiter.number, None)
            if not queue:
                del self._groups[group]

    def clear(self) -> list[Waiter]:
        """Forget everybody, and give them in the order in which they came."""
        everybody = sorted(self, key=lambda waiter: waiter.number)
        self._groups.clear()
        return everybody

    def next(self, claimed: Collection[str], passed: Collection[Waiter]) -> Waiter | None:
        """Give the first who wants nothing of what is `claimed` and was not `passed` over."""
        first: Waiter | None = None
        for queue in self._groups.values():
            head = next(iter(queue.values()))
            if first is not None and (first.lane, first.number) < (head.lane, head.number):
                continue
            if head not in passed and not any(name in claimed for name in head.names):
                first = head
        return first
