"""One subscription as the hub keeps it: its state, its consumers, and what it last delivered."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

import attrs

from venuekit.model import Gap, StreamEvent, StreamState, StreamStateChanged, VenuekitError
from venuekit.plugin import Subscription
from venuekit.streams.overlap import Overlap, position
from venuekit.streams.queue import EventQueue, Policy

Report = StreamStateChanged | Gap
"""What a feed says about itself."""


@attrs.frozen(kw_only=True)
class Notice:
    """Something odd on a connection that concerns no subscription alone. For observers."""

    channel: str
    text: str


Tell = Callable[[StreamStateChanged | Gap | Notice], None]
"""Tells observers."""


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

    def __init__(self, subscription: Subscription, key: str, *, waits: bool, tell: Tell) -> None:
        """Begin without consumers, in the state CONNECTING.

        Args:
            subscription: What it carries.
            key: How the exchange names it.
            waits: It has a connection of its own, which waits for its consumers.
            tell: Is told of every change of state and every gap.
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
        self._tell = tell
        self._text = ""
        self._gap_text = ""
        self._needs_gap = False
        self._overlap: Overlap | None = None
        # No gap to report and no overlap: events go straight through.
        self._is_plain = True
        self._last: StreamEvent | None = None
        self._consumers: dict[Consumer, bool] = {}
        self._puts: list[Callable[[Any], None]] = []
        self._changed = asyncio.Event()

    # Consumers

    @property
    def is_used(self) -> bool:
        """Whether anybody listens."""
        return bool(self._consumers)

    def join(self, consumer: Consumer, *, with_states: bool) -> None:
        """Add a consumer; with states, it is told the present one first."""
        self._consumers[consumer] = with_states
        self._puts = [*self._puts, consumer.put]
        if with_states:
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
            self._last = event
            for put in self._puts:
                put(event)
        else:
            self._publish_carefully(event, connection)

    def lost(self, text: str) -> None:
        """Say that nothing comes any more; `text` says why."""
        self._gap_text = text
        if not self.is_joined:  # what the new connection held back may not join on
            self._needs_gap = self.was_live
        self._end_overlap()
        self._needs_gap = self.must_reconcile = self.was_live
        self._is_plain = not self._needs_gap
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
        self._set(StreamState.LIVE, "")

    def gap(self, text: str) -> None:
        """Report that events may be missing here, while the feed goes on."""
        self._report(Gap(stream=self.name, after_id=position(self._last), text=text))

    def end(self, error: VenuekitError | None) -> None:
        """End every consumer's stream."""
        self.error = error
        for consumer in list(self._consumers):
            consumer.end(error)
        self._notify()

    # Two connections at once

    def begin_overlap(self, old: int) -> None:
        """Expect the same events from two connections; the old one has that number."""
        self._overlap, self._is_plain = Overlap(old), False

    def forget_new(self) -> None:
        """The new connection broke before it took over."""
        if self._overlap is not None:
            self._overlap.forget_new()

    @property
    def is_joined(self) -> bool:
        """Whether old and new connection are known to have met."""
        return self._overlap is None or self._overlap.is_joined

    def end_old(self, lost: str | None = None) -> None:
        """Go on with the new connection alone.

        Args:
            lost: Why the old one broke; absent if it was closed by plan, after all that it had
                was read.
        """
        if self._overlap is None:
            return
        if lost is not None and not self._overlap.is_joined:
            self._needs_gap = self.must_reconcile = True
            self._gap_text = lost
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
        self._is_plain = not self._needs_gap

    def _publish_carefully(self, event: StreamEvent, connection: int) -> None:
        overlap = self._overlap
        for due in (event,) if overlap is None else overlap.take(event, connection):
            self._deliver(due)

    def _deliver(self, event: StreamEvent) -> None:
        if self._needs_gap:
            self._report_gap(event)
        self._last = event
        for put in self._puts:
            put(event)

    # Reports

    def _report_gap(self, before: StreamEvent | None) -> None:
        if not self._needs_gap:
            return
        self._needs_gap = False
        self._is_plain = self._overlap is None
        self._report(
            Gap(
                stream=self.name,
                after_id=position(self._last),
                before_id=position(before),
                text=self._gap_text,
            )
        )

    def _set(self, state: StreamState, text: str) -> None:
        if (state, text) != (self.state, self._text):
            self.state, self._text = state, text
            self._report(StreamStateChanged(stream=self.name, state=state, text=text))
            self._notify()

    def _report(self, report: Report) -> None:
        for consumer, with_states in list(self._consumers.items()):
            if with_states:
                consumer.put(report)
        self._tell(report)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
