"""The nonces of one key: numbers that only grow, across restarts, crashes and set clocks.

They are reserved in blocks, each of which is on the disk before its first number is used; so the
usual nonce is an addition, and a crash loses at most what was left of two blocks. A block begins
at the clock or above everything that was ever reserved, whichever is higher.
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from venuekit.model import StoreError
from venuekit.plugin import NonceRule
from venuekit.stores.nonces import FILE_NAME, KeyLock, KnownNonces, NonceBlock, NonceStore

_log: Final = logging.getLogger("venuekit.auth")

BLOCK: Final = 1000
"""How many nonces are reserved at once; so many are skipped at most by a crash, twice."""
FARTHEST_S: Final = 86_400.0
"""How far the clock alone may lift a key's nonces above what is stored."""
RECOVERY_EVERY_S: Final = 3600.0
"""Another program's larger nonces are recovered from once in this time."""


def fingerprint_of(api_key: str) -> str:
    """Give the name by which stores and messages know a key: 16 hexadecimal digits."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:16]


def next_block(
    known: KnownNonces | None,
    *,
    key: str,
    rule: NonceRule,
    now_ns: int,
    above: int = -1,
    size: int = BLOCK,
    farthest_s: float = FARTHEST_S,
    is_confirmed: bool = False,
) -> NonceBlock:
    """Decide which nonces come next.

    They begin at the clock or above all that was ever reserved, whichever is higher; so a clock
    that stands still or is set back changes nothing. Near the highest that the exchange takes a
    block is shorter; after the highest there is none.

    Args:
        known: What is stored of the key; None: it is new, and the clock is believed.
        key: Its fingerprint, for messages.
        rule: The exchange's.
        now_ns: The time, since the epoch.
        above: All of the block is above this too.
        size: Of the block, > 0.
        farthest_s: How far above what is stored an unconfirmed clock may be.
        is_confirmed: Somebody else than this machine says that the time is right; then a key that
            was not used for long goes on.

    Raises:
        StoreError: The clock is not to be believed, or no nonce is left.
    """
    now = now_ns // rule.unit.in_ns
    reserved = -1 if known is None else known.reserved
    ahead_s = (now - reserved) * rule.unit.in_ns / 1e9
    if known is not None and not is_confirmed and ahead_s > farthest_s:
        raise StoreError(_too_far(key, now_ns, reserved * rule.unit.in_ns, ahead_s))
    first = max(now, reserved + 1, above + 1)
    if first > rule.highest:
        msg = (
            f"nonces of the key {key}: the next would be {first}, and the exchange takes none "
            f"above {rule.highest}; create a new key"
        )
        raise StoreError(msg)
    return NonceBlock(first=first, last=min(first + size - 1, rule.highest))


def _too_far(key: str, now_ns: int, reserved_ns: int, ahead_s: float) -> str:
    return (
        f"nonces of the key {key}: the clock says {_moment(now_ns)}, {ahead_s / 86_400:.1f} days "
        f"after the last nonce ({_moment(reserved_ns)}), and the exchange has not confirmed it. "
        "A nonce that is too high locks a key for ever: set this machine's clock right"
    )


def _moment(time_ns: int) -> str:
    try:
        return datetime.fromtimestamp(time_ns / 1e9, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"{time_ns // 10**9} s since the epoch"


class NonceAuthority:
    """Hands out the nonces of one key, to one process. For `async with`, on one loop.

    While it is open the key is locked: a second process (or handle) that wants it is refused. Two
    of them could share the store without a repeat, but not the order in which requests arrive.

    Without a nonce window one request is on its way at a time, which is for the caller to keep;
    with one, nonces that are on their way together stay within it, which is kept here: `take`
    gives none from a block that begins too far above the lowest of them until that one is `done`.

    Between two reservations nothing is awaited. One reservation runs at a time, in `_reserving`,
    whoever asked for it; a waiter that is canceled leaves it running.
    """

    def __init__(
        self,
        folder: Path,
        *,
        api_key: str,
        rule: NonceRule,
        now_ns: Callable[[], int],
        is_confirmed: Callable[[], bool] = lambda: False,
        window: int = 0,
        lock_folders: Sequence[Path] = (),
        block: int = BLOCK,
        farthest_s: float = FARTHEST_S,
        recovery_every_s: float = RECOVERY_EVERY_S,
        vfs: str | None = None,
    ) -> None:
        """Bind everything; nothing is opened yet.

        Args:
            folder: Where `nonces.db` lies, shared by the keys of several processes.
            api_key: The key's public name; only its fingerprint is kept.
            rule: The exchange's.
            now_ns: The time since the epoch, best the exchange's.
            is_confirmed: Whether the exchange has confirmed that time.
            window: As the user has set it for the key at the exchange, in the rule's unit; 0: none.
            lock_folders: Where the key is locked besides `folder`, against another `folder`.
            block: Nonces reserved at once, > 0.
            farthest_s: How far an unconfirmed clock may lift the nonces.
            recovery_every_s: How often another program's nonces are recovered from.
            vfs: The registered file system that SQLite goes through; None: the default.
        """
        self._rule = rule
        self._now_ns = now_ns
        self._is_confirmed = is_confirmed
        self._window = window if rule.is_ordered else 0
        self._size = block
        self._farthest_s = farthest_s
        self._recovery_every_ns = round(recovery_every_s * 1e9)
        self._key = fingerprint_of(api_key)
        self._store = NonceStore(folder / FILE_NAME, vfs=vfs)
        self._lock = KeyLock(self._key, [folder, *lock_folders])
        # The block in use, from `_next` to `_last`; empty when `_next` is above. And the next one.
        self._next, self._last = 0, -1
        self._refill_at = -1
        self._spare: NonceBlock | None = None
        self._reserving: asyncio.Task[StoreError | None] | None = None
        self._mark = -1
        """The highest that was reserved here."""
        self._void = -1
        """Up to here nonces were withdrawn after a refusal; that one counts for all of them."""
        self._recovered_ns = 0
        self._is_recovering = False
        self._under_way: dict[int, None] = {}
        self._room: asyncio.Future[None] | None = None
        self._stopped: StoreError | None = None
        self._process = 0

    @property
    def key(self) -> str:
        """The key's fingerprint."""
        return self._key

    @property
    def is_ordered(self) -> bool:
        """Whether each has to arrive above the one before, if only within a window."""
        return self._rule.is_ordered

    @property
    def is_serial(self) -> bool:
        """Whether one request at a time may be on its way."""
        return self._rule.is_ordered and not self._window

    @property
    def stopped(self) -> StoreError | None:
        """Why nothing is given any more; None as long as something is."""
        return self._stopped

    async def __aenter__(self) -> Self:
        """Lock the key and open the store.

        Raises:
            StoreError: Another process uses the key, or the database cannot be used.
        """
        self._lock.take()  # no wait for anything but the folder's own pages
        try:
            known = await asyncio.to_thread(self._store.known, self._key)
        except BaseException:
            self._lock.release()
            raise
        self._recovered_ns = 0 if known is None else known.recovered_ns
        self._process = os.getpid()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Give nothing more, close the store, let others have the key. Safe to repeat."""
        self._stopped = self._stopped or StoreError(f"nonces of the key {self._key}: closed")
        self._next, self._last, self._spare = 0, -1, None
        try:
            if self._reserving is not None:
                await asyncio.wait([self._reserving])
            self._store.close()
        finally:
            # Also if canceled: what is reserved from now on is above all that was, and unused.
            self._lock.release()

    def take(self) -> int | None:
        """Give the next nonce; None if there is none right now: `await ready()` first.

        Costs no I/O. It has to be `done` afterwards, however its request ends.
        """
        nonce = self._next
        if nonce > self._last:
            if self._spare is None or self._stopped is not None:
                return None
            self._begin(self._spare)
            nonce = self._next
        if self._window and not self._has_room(nonce):
            return None
        if self._process != os.getpid():
            return None  # a fork: the numbers are its parent's
        self._next = nonce + 1
        if nonce >= self._refill_at and self._spare is None:
            self._reserve_ahead()
        if self._window:
            self._under_way[nonce] = None
        return nonce

    async def ready(self) -> None:
        """Wait until `take` has something to give.

        Raises:
            StoreError: There will be nothing: another program uses the key, the clock is not to be
                believed, the disk fails, no number is left. Only the first is for ever; otherwise
                the next call tries again.
        """
        while True:
            if self._process != os.getpid():
                msg = f"nonces of the key {self._key}: they belong to the process that forked this"
                raise StoreError(msg)
            if self._stopped is not None:
                raise self._stopped
            if self._next > self._last and self._spare is None:
                await self._reserved()
            elif self._window and not self._has_room(self._coming):
                await self._some_done()
            else:
                return

    def done(self, nonce: int) -> None:
        """Say that the request with this nonce has its answer, or will never leave or get one."""
        self._under_way.pop(nonce, None)
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def refused(self, nonce: int) -> StoreError | None:
        """Say that the exchange refused a nonce as too low although it was above all before it.

        So another program uses the key. All that is reserved is withdrawn, and the next block
        begins at the clock again. If that does not help, or within `recovery_every_s` after the
        last time, also in a process before this one, nothing is given any more.

        Returns:
            Why nothing is given any more; None if another try is allowed.
        """
        if nonce <= self._void or self._stopped is not None:
            return self._stopped  # taken before the last recovery: of the same incident
        now_ns = self._now_ns()
        details = {"key": self._key, "nonce": nonce}
        self._void = self._mark
        self._next, self._last, self._spare = 0, -1, None
        if self._recovered_ns and abs(now_ns - self._recovered_ns) < self._recovery_every_ns:
            self._stopped = StoreError(_used_elsewhere(self._key, nonce))
            _log.error("nonces_stopped", extra=details)
            return self._stopped
        _log.warning("nonce_refused_another_program_uses_the_key", extra=details)
        self._recovered_ns = now_ns
        self._is_recovering = True
        if self._reserving is None:
            self._reserve_ahead()
        return None

    # Blocks

    @property
    def _coming(self) -> int:
        if self._next <= self._last or self._spare is None:
            return self._next
        return self._spare.first

    def _begin(self, block: NonceBlock) -> None:
        self._next, self._last = block.first, block.last
        self._refill_at = block.first + (block.last - block.first) // 2
        self._spare = None

    def _reserve_ahead(self) -> None:
        if self._reserving is None:
            self._reserving = asyncio.get_running_loop().create_task(
                self._reserve(), name="nonces: reserving"
            )

    async def _reserved(self) -> None:
        self._reserve_ahead()
        assert self._reserving is not None
        reserving = self._reserving
        await asyncio.wait([reserving])
        error = reserving.result()
        if error is not None:
            raise error

    async def _reserve(self) -> StoreError | None:
        """Reserve one block; gives why it could not be done, which who waits for it raises."""
        try:
            while True:
                recovered_ns = self._recovered_ns if self._is_recovering else 0
                block = await asyncio.to_thread(
                    self._stored, self._now_ns(), self._is_confirmed(), recovered_ns
                )
                self._mark = max(self._mark, block.last)
                if recovered_ns == self._recovered_ns or not self._is_recovering:
                    break  # else a refusal came meanwhile: the clock has to be looked at again
            self._is_recovering = False
        except StoreError as error:
            _log.warning("nonces_not_reserved", extra={"key": self._key, "why": str(error)})
            # Tried again when half of what is left is used, and when nothing is left.
            self._refill_at = self._next + max(1, (self._last - self._next) // 2)
            return error
        else:
            if self._stopped is None:
                self._spare = block
            return None
        finally:
            self._reserving = None

    def _stored(self, now_ns: int, is_confirmed: bool, recovered_ns: int) -> NonceBlock:  # noqa: FBT001  # handed to a thread by position
        """Reserve a block; in a thread. Only this changes `_mark`, one at a time."""

        def choose(known: KnownNonces | None) -> NonceBlock:
            return next_block(
                known,
                key=self._key,
                rule=self._rule,
                now_ns=now_ns,
                above=self._mark,
                size=self._size,
                farthest_s=self._farthest_s,
                is_confirmed=is_confirmed,
            )

        return self._store.reserve(
            self._key, self._rule.unit.value, choose, recovered_ns=recovered_ns
        )

    # The window

    def _has_room(self, nonce: int) -> bool:
        lowest = next(iter(self._under_way), nonce)
        return nonce - lowest < self._window

    async def _some_done(self) -> None:
        if self._room is None or self._room.done():
            self._room = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._room])


def _used_elsewhere(key: str, nonce: int) -> str:
    return (
        f"nonces of the key {key}: the exchange refused {nonce} as too low although it was above "
        "all before it: another program uses this key with larger nonces. Nothing more is signed "
        "with it here, since refused nonces get a key locked out; stop the other program, or "
        "create a key for each (one whose nonces are far above the clock cannot be brought back)"
    )
