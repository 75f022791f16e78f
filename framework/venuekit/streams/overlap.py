"""The time in which two connections deliver the same stream: nothing twice, nothing missed."""

from collections import Counter
from collections.abc import Hashable, Sequence

from venuekit.model import BestPrice, BookChange, StreamEvent, Trade


def identity(event: StreamEvent) -> Hashable:
    """Name an event so that the same one from another connection has the same name."""
    match event:
        case Trade():
            return event.trade_id
        case BookChange() if event.last_update_id is not None:
            return event.last_update_id
        case BestPrice() if event.update_id is not None:
            return event.update_id
        case _:
            # Orders and balances hold members that cannot be hashed; overlaps are rare.
            return repr(event)


def position(event: StreamEvent | None) -> str | None:
    """Give the exchange's number of an event, for the bounds of a gap; None where it has none."""
    match event:
        case Trade():
            return event.trade_id
        case BookChange() if event.last_update_id is not None:
            return str(event.last_update_id)
        case BestPrice() if event.update_id is not None:
            return str(event.update_id)
        case _:
            return None


class Overlap:
    """Merges the streams of an old and a new connection, decision by decision.

    Both give the same events in the same order, but the new one begins somewhere in the middle.
    Its events are held back until one of them is met in the old stream too: from there on nothing
    can be missing between the two, and whichever delivers an event first is believed. Events are
    told apart by `identity` and counted, so that two real events that look the same stay two.
    """

    def __init__(self, old: int) -> None:
        """Begin before the new connection subscribes; `old` is the old connection's number."""
        self.old = old
        self.is_joined = False
        self._delivered: Counter[Hashable] = Counter()
        self._seen: tuple[Counter[Hashable], Counter[Hashable]] = (Counter(), Counter())
        self._held: list[StreamEvent] = []

    @property
    def is_waiting(self) -> bool:
        """Whether events of the new connection are held back."""
        return bool(self._held)

    def take(self, event: StreamEvent, connection: int) -> Sequence[StreamEvent]:
        """Take an event from either connection; give what is to be delivered now, in order."""
        name = identity(event)
        is_old = connection == self.old
        ours, theirs = self._seen if is_old else self._seen[::-1]
        ours[name] += 1
        if not self.is_joined:
            self.is_joined = name in theirs
            if not is_old and not self.is_joined:
                self._held.append(event)
                return ()
        fresh = [event] if self._is_fresh(name, ours) else []
        held = self._release()
        # What the new connection held back came before this event of its own.
        return [*fresh, *held] if is_old else [*held, *fresh]

    def forget_new(self) -> None:
        """Begin again: the new connection broke, another one will take its place."""
        self.is_joined = False
        self._seen[1].clear()
        self._held.clear()

    def end_old(self) -> Sequence[StreamEvent]:
        """Give what was held back: the old connection is gone, the new one is all there is."""
        self.is_joined = True
        return self._release()

    def _release(self) -> list[StreamEvent]:
        if not self.is_joined:
            return []
        held, self._held = self._held, []
        seen: Counter[Hashable] = Counter()
        released = []
        for event in held:
            name = identity(event)
            seen[name] += 1
            if self._is_fresh(name, seen):
                released.append(event)
        return released

    def _is_fresh(self, name: Hashable, seen: Counter[Hashable]) -> bool:
        if seen[name] <= self._delivered[name]:
            return False
        self._delivered[name] += 1
        return True
