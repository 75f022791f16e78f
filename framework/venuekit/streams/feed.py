"""One subscription as the hub keeps it: its state, its consumers, and what it last delivered."""

import asyncio
import enum
from collections.abc import Callable
from typing import Any, Final, Protocol

import attrs

from venuekit.model import (
    Gap,
    StreamEvent,
    StreamReport,
    StreamState,
    StreamStateChanged,
    Trade,
    VenuekitError,
)
from venuekit.plugin import Subscription
from venuekit.streams.overlap import Overlap, position
from venuekit.streams.queue import EventQueue, Policy
from venuekit.streams.refill import Refill


@attrs.frozen(kw_only=True)
class Notice:
    """Something odd on a connection that concerns no subscription alone. For observers."""

    channel: str
    text: str


Tell = Callable[[StreamStateChanged | Gap | Notice], None]
"""Tells observers."""


class Hears(enum.Enum):
    """Which of a feed's reports a consumer is given in line, besides the events."""

    NOTHING = "nothing"
    GAPS = "gaps"
    ALL = "all"
    """Each change of state too, the present state first."""

    def includes(self, report: StreamReport) -> bool:
        """Say whether that report is one of them."""
        return self is Hears.ALL or (self is Hears.GAPS and isinstance(report, Gap))


class Consumer(Protocol):
    """Takes a feed's events, at once and without waiting."""

    def put(self, event: Any, /) -> None:
        """Take an event."""
        ...

    def end(self, error: BaseException | None, /) -> None:
        """Learn that there will be no more."""
        ...


class Feed:
    """One subscription at the exchange, shared by all its consumers.

    Its connection calls `publish`, `lost`, `subscribed`, `live`, `end`; nothing here waits.
    """

    def __init__(
        self,
        subscription: Subscription,
        key: str,
        *,
        waits: bool,
        tell: Tell,
        is_refilled: bool = False,
    ) -> None:
        """Begin without consumers, in the state CONNECTING.

        Args:
            subscription: What it carries.
            key: How the exchange names it.
            waits: It has a connection of its own, which waits for its consumers.
            tell: Is told of every change of state and every gap.
            is_refilled: Trades that it misses are asked for and delivered.
        """
        self.subscription: Final = subscription
        self.key: Final = key
        self.name: Final = str(subscription)
        self.waits: Final = waits
        self.state = StreamState.CONNECTING
        self.error: VenuekitError | None = None
        self.was_live = False
        self.refusals = 0  # in succession, since it was last subscribed
        # True from a loss until what was missed is restored.
        self.must_reconcile = False
        self.refill: Refill | None = None
        """A gap that is being filled; events are held back meanwhile."""
        self.refiller: asyncio.Task[None] | None = None
        """Fills it; canceled by the next loss."""
        # The last gap that was filled, until the stream tells what it did not hold.
        self._filled: Refill | None = None
        self._is_refilled = is_refilled
        self._is_silent = False
        # The last event before the gap that was told last; None if somebody has not heard of it.
        self._told_gap: tuple[StreamEvent | None] | None = None
        self._tell = tell
        self._text = ""
        self._gap_text = ""
        self._needs_gap = False
        self._overlap: Overlap | None = None
        # Nothing to look out for: events go straight through. `_judge_plain` sets it.
        self._is_plain = True
        self.last: StreamEvent | None = None
        """What was delivered last."""
        self._consumers: dict[Consumer, Hears] = {}
        self._puts: list[Callable[[Any], None]] = []
        self._changed = asyncio.Event()

    # Consumers

    @property
    def is_used(self) -> bool:
        """Whether anybody listens."""
        return bool(self._consumers)

    def join(self, consumer: Consumer, hears: Hears) -> None:
        """Add a consumer; one that hears all is told the present state first."""
        self._consumers[consumer] = hears
        self._told_gap = None
        self._puts = [*self._puts, consumer.put]
        if hears is Hears.ALL:
            consumer.put(StreamStateChanged(stream=self.name, state=self.state, text=self._text))

    def leave(self, consumer: Consumer) -> None:
        """Remove a consumer. Safe to repeat."""
        if self._consumers.pop(consumer, None) is not None:
            self._puts = [other.put for other in self._consumers]

    def full(self) -> list[EventQueue[Any]]:
        """List the consumers that ask to be waited for."""
        return [
            consumer
            for consumer in self._consumers
            if isinstance(consumer, EventQueue)
            and consumer.policy is Policy.WAIT
            and consumer.is_full
        ]

    async def changed(self) -> None:
        """Wait until the state changes or the feed ends."""
        await self._changed.wait()

    # The connection's side

    def publish(self, event: StreamEvent, connection: int) -> None:
        """Deliver an event that came over the connection of that number."""
        if self._is_plain:
            self.last = event
            for put in self._puts:
                put(event)
        else:
            self._publish_carefully(event, connection)

    def lost(self, text: str) -> None:
        """Say that nothing comes any more; `text` says why."""
        self._is_silent = False
        self._stop_refiller()
        if self._begins_refill(text):
            self.must_reconcile = True
            self._end_overlap()
            # What an overlap had held back is a span of its own.
            self._begins_refill(text)
            self._set(StreamState.STALE, text)
            return
        self._gap_text = text
        if not self.is_joined:  # what the new connection held back may not join on
            self._needs_gap = self.was_live
        self._end_overlap()
        self._needs_gap = self.must_reconcile = self.was_live
        self._judge_plain()
        self._set(StreamState.STALE if self.was_live else StreamState.CONNECTING, text)

    def subscribed(self) -> None:
        """Take note that the exchange accepted; `live` or a reconciliation follows."""
        self.refusals = 0
        self._report_gap(None)

    def resyncing(self, text: str = "") -> None:
        """Say that what was missed is being restored."""
        self._set(StreamState.RESYNCING, text)

    def live(self) -> None:
        """Say that from here on nothing is missing."""
        self.was_live, self.must_reconcile = True, False
        if not self._is_silent:
            self._set(StreamState.LIVE, "")

    def gap(self, text: str) -> bool:
        """Report that events may be missing here, while the feed goes on.

        Gives True where they are to be asked for instead: the gap is reported once that is done.
        """
        if self._begins_refill(text):
            self.must_reconcile = True
            self.resyncing(text)
            return True
        self._report_missing(Gap(stream=self.name, after_id=position(self.last), text=text))
        return False

    def silent(self, text: str) -> None:
        """Say that nothing of it was heard for too long, until something is."""
        if self.state is StreamState.LIVE:
            self._is_silent = True
            self._judge_plain()
            self._set(StreamState.STALE, text)

    def end(self, error: VenuekitError | None) -> None:
        """End every consumer's stream."""
        self.error = error
        self._stop_refiller()
        for consumer in list(self._consumers):
            consumer.end(error)
        self._notify()

    # What was missed

    def _begins_refill(self, text: str) -> bool:
        """Hold events back from here on, if what is missing will be asked for."""
        if self.refill is not None:
            self.refill.cut(text)
            return True
        if not (self._is_refilled and self.was_live and isinstance(self.last, Trade)):
            return False
        self.refill, self._needs_gap = Refill(self.last, text), False
        self._judge_plain()
        return True

    def refilled(self, given_up: str | None = None) -> None:
        """Deliver what was asked for and what was held back; `given_up` says why it is not all."""
        refill, self.refill, self.refiller = self.refill, None, None
        if refill is None:
            return
        whole = given_up is None
        due = refill.filled(self.name) if whole else refill.given_up(self.name, given_up or "")
        for event in due:
            if isinstance(event, Gap):
                self._report(event)
            else:
                self._deliver(event)
        self._filled = refill
        self._judge_plain()
        self.live()

    def _stop_refiller(self) -> None:
        task, self.refiller = self.refiller, None
        if task is not None:
            task.cancel()

    # Two connections at once

    def begin_overlap(self, old: int) -> None:
        """Expect the same events from two connections; the old one has that number."""
        self._overlap = Overlap(old)
        self._judge_plain()

    def forget_new(self) -> None:
        """The new connection broke before it took over."""
        if self._overlap is not None:
            self._overlap.forget_new()

    @property
    def is_joined(self) -> bool:
        """Whether old and new connection are known to have met."""
        return self._overlap is None or self._overlap.is_joined

    @property
    def is_waiting_to_join(self) -> bool:
        """Whether the new connection has told of something that the old one has not."""
        return self._overlap is not None and self._overlap.is_waiting

    def end_old(self, lost: str | None = None) -> None:
        """Go on with the new connection alone.

        Args:
            lost: Why the old one broke; absent if it was closed by plan, after all that it had
                was read.
        """
        if self._overlap is None:
            return
        if lost is not None and not self._overlap.is_joined:
            self._gap_text, self.must_reconcile = lost, True
            self._needs_gap = not self._begins_refill(lost)
        for event in self._overlap.end_old():
            self._deliver(event)
        if self._needs_gap:
            self._report_gap(None)

    def settle(self) -> None:
        """Stop looking for duplicates."""
        self._end_overlap()

    def _end_overlap(self) -> None:
        overlap, self._overlap = self._overlap, None
        if overlap is not None:
            for event in overlap.end_old():
                self._deliver(event)
        self._judge_plain()

    def _judge_plain(self) -> None:
        self._is_plain = (
            self._overlap is None
            and self.refill is None
            and self._filled is None
            and not self._needs_gap
            and not self._is_silent
        )

    def _publish_carefully(self, event: StreamEvent, connection: int) -> None:
        overlap = self._overlap
        for due in (event,) if overlap is None else overlap.take(event, connection):
            self._deliver(due)

    def _deliver(self, event: StreamEvent) -> None:
        if self.refill is not None:
            self.refill.hold(event)
            if self.refiller is not None:
                self._notify()
            return
        if self._filled is not None:
            if self._filled.is_known(event):
                return
            self._filled = None
            self._judge_plain()
        if self._is_silent:
            self._is_silent = False
            self._judge_plain()
            self._set(StreamState.LIVE, "")
        if self._needs_gap:
            self._report_gap(event)
        self.last = event
        for put in self._puts:
            put(event)

    # Reports

    def _report_gap(self, before: StreamEvent | None) -> None:
        if not self._needs_gap:
            return
        self._needs_gap = False
        self._judge_plain()
        self._report_missing(
            Gap(
                stream=self.name,
                after_id=position(self.last),
                before_id=position(before),
                text=self._gap_text,
            )
        )

    def _set(self, state: StreamState, text: str) -> None:
        if (state, text) != (self.state, self._text):
            self.state, self._text = state, text
            self._report(StreamStateChanged(stream=self.name, state=state, text=text))
            self._notify()

    def _report_missing(self, gap: Gap) -> None:
        """Report a gap, unless nothing came since the last one: it is the same gap."""
        if self._told_gap is None or self._told_gap[0] is not self.last:
            self._told_gap = (self.last,)
            self._report(gap)

    def _report(self, report: StreamReport) -> None:
        for consumer, hears in list(self._consumers.items()):
            if hears.includes(report):
                consumer.put(report)
        self._tell(report)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
