"""Sharing an exchange's limits with the other programs of the machine.

Each handle holds a part of every budget, and uses that up by itself; a few times a second, or when
it needs more, it settles with the others through the store. All that may be used together is never
more than the whole, so no two programs can go over it, whatever they do between two settlements,
and however long these take: more is used only once the store has it, and less is in the store only
once no more is used.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

from venuekit.limits.limiter import Limiter
from venuekit.model import StoreError
from venuekit.stores.shared_limits import Claim, Share, SharedLimits

T = TypeVar("T")

_log: Final = logging.getLogger("venuekit.limits")

EVERY_S: Final = 1.0
"""Between two settlements, when nothing presses; a ban by another program is seen by then."""
_SOONEST_S: Final = 0.02
_CHUNKS: Final = 64
"""A part of so many of the whole is held ahead of need."""
_AHEAD_S: Final = 2.0
"""What was used lately is held for so long ahead."""


class Runs(Protocol):
    """Runs what blocks; once begun, it has ended before a cancellation travels on."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """Give the result of `work`."""
        ...


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a thread, and be canceled only once it has ended: one has the store at a time,
    and nothing is to be claimed after all was given back.
    """
    job = asyncio.create_task(asyncio.to_thread(work), name="settling limits")
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        await asyncio.wait([job])
        raise


class Sharing:
    """Keeps a limiter within what its program holds. `settle` once before the first request."""

    def __init__(
        self,
        limiter: Limiter,
        store: SharedLimits,
        *,
        holder: str,
        prefix_of: Callable[[str], str],
        subject: str,
        now_ns: Callable[[], int],
        run_blocking: Runs = in_thread,
    ) -> None:
        """Share the budgets of `limiter` through `store`.

        Args:
            limiter: Of one handle.
            store: Of the machine.
            holder: Tells this handle from all others.
            prefix_of: Gives what tells the budget of that name from those of other exchanges,
                keys and accounts.
            subject: Who is banned, when a ban comes.
            now_ns: The machine's time, since the epoch.
            run_blocking: Runs each piece of work on the store, however long that takes.
        """
        self._limiter = limiter
        self._store = store
        self._holder = holder
        self._prefix_of = prefix_of
        self._subject = subject
        self._now_ns = now_ns
        self._run_blocking = run_blocking
        self._used: dict[str, float] = {}
        self._wakened = asyncio.Event()
        self._ban_written = 0
        self._pending_ban = 0
        self._is_alone = False
        self._is_lost = False
        self._share()

    def _share(self) -> None:
        self._limiter.share(self._wakened.set, self._banned)
        self._is_alone = False

    def go_alone(self, error: StoreError) -> None:
        """Use all of every budget, whatever others do, until the store can be used."""
        self._limiter.unshare()
        self._is_alone = True
        self._lose(error)

    def _lose(self, error: StoreError) -> None:
        if not self._is_lost:  # not once a second
            _log.warning("limits_not_shared", extra={"why": str(error)})
        self._is_lost = True

    async def settle(self) -> None:
        """Settle once; raises StoreError."""
        claims = self._claims()
        now_ns = self._now_ns()
        names = {self._prefix_of(name) + name: name for name in claims}
        asked = {key: claims[name] for key, name in names.items()}
        shares, until_ns = await self._run_blocking(lambda: self._settled(asked, now_ns))
        if until_ns > now_ns:
            self._ban_written = max(self._ban_written, until_ns)
            self._limiter.ban((until_ns - now_ns) / 1e9)
        if self._is_lost:
            self._is_lost = False
            _log.info("limits_shared_again")
        if self._is_alone:
            self._share()
            if (banned_s := self._limiter.banned_s()) > 0:
                self._banned(banned_s)
            self._wakened.set()  # what was used while the store was asked is in no claim yet
        self._limiter.lend({names[key]: (s.held, s.others) for key, s in shares.items()})
        # While the store was asked, requests went on being paid from what was held before.
        if less := {key: share.held for key, share in shares.items() if share.is_less}:
            used = self._limiter.needs()
            lowered = {key: max(used[names[key]].used, held) for key, held in less.items()}
            await self._run_blocking(lambda: self._store.lower(self._holder, lowered))

    async def run(self) -> None:
        """Settle again and again until canceled, then give back what was not used."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVERY_S):
                        await self._wakened.wait()
                self._wakened.clear()
                try:
                    await self._write_ban()
                    await self.settle()
                except StoreError as error:
                    # What is held is held on; nothing more is taken until the store is back.
                    self._lose(error)
                await asyncio.sleep(_SOONEST_S)
        finally:
            self._leave()

    def _settled(self, claims: Mapping[str, Claim], now_ns: int) -> tuple[Mapping[str, Share], int]:
        until_ns = self._store.banned_until_ns(self._subject)
        return self._store.settle(self._holder, claims, now_ns), until_ns

    def _claims(self) -> dict[str, Claim]:
        claims = {}
        for name, need in self._limiter.needs().items():
            spent = max(0.0, need.ended - self._used.get(name, need.ended))
            self._used[name] = need.ended
            ahead = max(math.ceil(need.whole / _CHUNKS), math.ceil(spent * _AHEAD_S / EVERY_S))
            wanted = min(need.whole, need.used + ahead + need.queued)
            claims[name] = Claim(
                capacity=need.whole,
                interval_s=need.interval_s,
                used=need.used,
                wanted=max(wanted, need.used),
            )
        return claims

    def _banned(self, seconds: float) -> None:
        """Have a ban of this handle written down for everybody."""
        until_ns = self._now_ns() + round(seconds * 1e9)
        if until_ns > self._ban_written + 1_000_000_000:
            self._pending_ban = until_ns
            self._wakened.set()

    async def _write_ban(self) -> None:
        if until_ns := self._pending_ban:
            await self._run_blocking(lambda: self._store.ban(self._subject, until_ns))
            self._ban_written = until_ns
            if self._pending_ban == until_ns:  # else a longer one came meanwhile
                self._pending_ban = 0

    def _leave(self) -> None:
        # On the loop, a millisecond long: a handle that is closing waits for nothing any more.
        used = {self._prefix_of(n) + n: need.used for n, need in self._limiter.needs().items()}
        try:
            if self._pending_ban:
                self._store.ban(self._subject, self._pending_ban)
            self._store.leave(self._holder, used, self._now_ns())
        except StoreError as error:
            if not self._is_lost:
                _log.warning("limits_not_given_back", extra={"why": str(error)})
        finally:
            self._store.close()
