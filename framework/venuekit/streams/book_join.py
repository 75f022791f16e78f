"""How changes and snapshots become a live book: what is buffered, joined, and given up."""

import enum
from collections.abc import Sequence
from typing import Final

from venuekit.model import BookChange, BookSnapshot, StreamState
from venuekit.plugin import BookRule
from venuekit.streams.book import APPLIED, Book, ChecksumWrong, GapFound

_BUFFERED: Final = 10_000
"""Changes that wait for a snapshot at most."""


class Join(enum.Enum):
    """What became of a snapshot."""

    JOINED = "joined"
    """The book is live."""
    TOO_OLD = "too old"
    """It ends before the first buffered change begins: another one is needed."""
    BROKEN = "broken"
    """The buffered changes do not fit together: another one is needed."""
    UNPROVEN = "unproven"
    """No change has come that it could be held against: `settle`, if none comes for a while."""
    UNWANTED = "unwanted"
    """It was asked for before the last loss."""


class BookJoin:
    """Keeps a `Book` from one loss to the next. Decides only; somebody else fetches and waits.

    While the book is not live, changes are buffered, and joined to a snapshot that was asked for
    after the first of them: `epoch` tells a snapshot of before a loss from one after it.
    """

    def __init__(self, book: Book, *, is_ranged: bool) -> None:
        """Keep `book`; with ranges, snapshots have to join on by their update ids."""
        self.book: Final = book
        self.epoch = 0
        self.is_connected = False
        """Whether changes are coming in, so that a snapshot is of use."""
        self._is_ranged = is_ranged
        self._buffer: list[BookChange] = []
        self._candidate: BookSnapshot | None = None

    @classmethod
    def of(cls, book: Book, rule: BookRule) -> "BookJoin":
        """Keep `book` by `rule`."""
        return cls(book, is_ranged=rule is BookRule.RANGES)

    @property
    def needs_snapshot(self) -> bool:
        """Whether a snapshot should be fetched now."""
        is_live = self.book.state is StreamState.LIVE
        return self.is_connected and not is_live and self._candidate is None

    @property
    def is_unproven(self) -> bool:
        """Whether a snapshot waits for a change that it can be held against."""
        return self._candidate is not None

    def lose(self, state: StreamState, text: str, *, now_ns: int | None = None) -> None:
        """Take note that changes no longer come in; the state is STALE or CONNECTING."""
        self.is_connected = False
        self._restart(state, text, now_ns)

    def connect(self) -> None:
        """Take note that from here on every change comes in; those buffered count."""
        self.is_connected = True
        if self.book.state is not StreamState.LIVE:
            self.book.lose(StreamState.RESYNCING, self.book.text)

    def resync(self, text: str, *, now_ns: int | None = None) -> None:
        """Take note that changes may be missing, while others go on coming in."""
        self._restart(StreamState.RESYNCING, text, now_ns)

    def change(self, change: BookChange) -> Sequence[BookChange]:
        """Take a change; give those that are in the book now and were not before."""
        if self.book.state is StreamState.LIVE:
            step = self.book.apply_change(change)
            if step is APPLIED:
                return (change,)
            if isinstance(step, (GapFound, ChecksumWrong)):
                self._restart(StreamState.RESYNCING, str(step), None)
                self._buffer.append(change)
            return ()
        if len(self._buffer) >= _BUFFERED:
            self.resync(f"no snapshot within {_BUFFERED} changes")
        self._buffer.append(change)
        if self._candidate is not None:
            candidate, self._candidate = self._candidate, None
            self._joined(candidate)
        return ()

    def snapshot(self, snapshot: BookSnapshot, *, epoch: int) -> Join:
        """Take a snapshot that was asked for in `epoch`, and join the buffered changes to it.

        Raises:
            ValueError: It cannot be used at all.
        """
        if epoch != self.epoch or not self.is_connected or self.book.state is StreamState.LIVE:
            return Join.UNWANTED
        if not self._buffer and self._is_ranged:
            if snapshot.update_id is None:
                msg = f"{snapshot.symbol}: a snapshot without an update id"
                raise ValueError(msg)
            self._candidate = snapshot
            return Join.UNPROVEN
        return self._joined(snapshot)

    def first_snapshot(self, snapshot: BookSnapshot) -> bool:
        """Take a snapshot that came in the stream itself: it replaces all that came before.

        Where whole books come again and again, one that is older than the live book came late, or
        twice, and is left out. Gives whether it was taken.
        """
        self.is_connected = True
        book = self.book
        if (
            book.state is StreamState.LIVE
            and snapshot.update_id is not None
            and book.update_id is not None
            and snapshot.update_id < book.update_id
        ):
            return False
        try:
            self.book.apply_snapshot(snapshot)
        except ValueError as error:
            self.resync(str(error))
        self._buffer = []
        return True

    def settle(self) -> bool:
        """Believe a snapshot that nothing was held against: the market is quiet.

        A snapshot that was already old when it was asked for, of a market that stays quiet, cannot
        be told from a true one; the next change tells.
        """
        candidate, self._candidate = self._candidate, None
        if candidate is None:
            return False
        self.book.apply_snapshot(candidate)
        return True

    def _joined(self, snapshot: BookSnapshot) -> Join:
        buffer = self._buffer
        first_id = buffer[0].first_update_id if buffer else None
        snapshot_id = snapshot.update_id if self._is_ranged else None
        # Ids that follow each other directly do join.
        if snapshot_id is not None and first_id is not None and snapshot_id + 1 < first_id:
            self.book.text = f"snapshot {snapshot_id} is older than change {first_id}"
            return Join.TOO_OLD
        self.book.apply_snapshot(snapshot)
        for position, change in enumerate(buffer):
            step = self.book.apply_change(change)
            if isinstance(step, (GapFound, ChecksumWrong)):
                # What comes after the hole still counts for the next snapshot.
                self._restart(StreamState.RESYNCING, str(step), None)
                self._buffer = buffer[position:]
                return Join.BROKEN
        self._buffer = []
        return Join.JOINED

    def _restart(self, state: StreamState, text: str, now_ns: int | None) -> None:
        self.epoch += 1
        self._buffer = []
        self._candidate = None
        self.book.lose(state, text, since_ns=now_ns)
