"""The trades that a stream missed: asked for after a gap, and put where they belong."""

from collections.abc import Awaitable, Iterator, Sequence
from typing import Final, Protocol

from venuekit.model import Gap, StreamEvent, Trade, VenuekitError
from venuekit.plugin import Subscription

MOST_TRADES: Final = 10_000
"""So many trades are restored, and so many new ones held back meanwhile, for one gap."""


class TradesOutOfReach(VenuekitError):
    """The exchange does not tell trades that far back; raised by `Missed`, handled by streams."""


class Missed(Protocol):
    """Asks an exchange for the trades that a stream missed."""

    def __call__(self, subscription: Subscription, last: Trade, /) -> Awaitable[Sequence[Trade]]:
        """Give trades right after `last`, oldest first and without a hole; none if there are none.

        Raises:
            TradesOutOfReach: They are not told any more.
            VenuekitError: They could not be asked for.
        """
        ...


class Refill:
    """One gap in a stream of trades, until it is filled or given up: decides, and waits nowhere.

    What the stream delivers meanwhile is held back, in spans without a hole: a connection that
    breaks before the gap is filled ends a span. The gap is filled once what was asked for reaches
    into the last span; earlier ones are part of it then.
    """

    def __init__(self, last: Trade, text: str) -> None:
        """Begin after `last`, the last trade that was delivered; `text` says why."""
        self.last = last
        """Where to go on asking."""
        self._after_id = last.trade_id
        self._text = text
        self._found: dict[str, Trade] = {}
        self._spans: list[list[StreamEvent]] = [[]]
        self._held = 0

    @property
    def is_full(self) -> bool:
        """Whether there is more of it than is restored."""
        return len(self._found) >= MOST_TRADES or self._held >= MOST_TRADES

    @property
    def is_heard(self) -> bool:
        """Whether the stream delivers again."""
        return bool(self._spans[-1])

    @property
    def is_reached(self) -> bool:
        """Whether what was asked for meets what the stream delivers again."""
        return self.is_heard and _id(self._spans[-1][0]) in self._found

    def hold(self, event: StreamEvent) -> None:
        """Keep an event of the stream for later."""
        self._spans[-1].append(event)
        self._held += 1

    def cut(self, text: str) -> None:
        """Take note that the stream broke once more."""
        self._text = text
        if self._spans[-1]:
            self._spans.append([])

    def add(self, trades: Sequence[Trade]) -> None:
        """Take what the exchange told."""
        for trade in trades:
            self._found.setdefault(trade.trade_id, trade)
        if trades:
            self.last = trades[-1]

    def filled(self, stream: str) -> Iterator[Gap | StreamEvent]:
        """Give the gap, and all that comes after it: nothing is missing, nothing is there twice."""
        yield Gap(
            stream=stream,
            after_id=self._after_id,
            before_id=_id(self._spans[-1][0]) if self.is_heard else None,
            text=self._text,
            is_filled=True,
        )
        yield from self._found.values()
        for event in self._spans[-1]:
            if _id(event) not in self._found:
                yield event

    def is_known(self, event: StreamEvent) -> bool:
        """Whether what was asked for held that event: REST may be ahead of the stream."""
        return _id(event) in self._found

    def given_up(self, stream: str, why: str) -> Iterator[Gap | StreamEvent]:
        """Give what there is, with a gap wherever something may be missing.

        What was asked for follows the last trade without a hole, so it comes before the gap.
        """
        yield from self._found.values()
        after_id = self.last.trade_id
        for span in self._spans:
            fresh = [event for event in span if _id(event) not in self._found]
            yield Gap(
                stream=stream,
                after_id=after_id,
                before_id=_id(fresh[0]) if fresh else None,
                text=f"{self._text}; {why}",
            )
            yield from fresh
            if fresh:
                after_id = _id(fresh[-1]) or after_id


def _id(event: StreamEvent) -> str | None:
    return event.trade_id if isinstance(event, Trade) else None
