"""The fence round one life of the client: when it falls, nothing gets out or in any more.

That is what a crash of the process looks like from outside. Every effect passes here: each piece
of work for the journal, each request that leaves, each answer and frame that comes in.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, NoReturn, TypeVar

import apsw

from venuekit.model import StoreError
from venuekit.plugin import Answer, Request
from venuekit.stores.lane import InlineLane, Work
from venuekit.testing.simulated import SimulatedSocket, SimulatedTransport
from venuekit.transport import Timeouts

T = TypeVar("T")
ANY: Final = "any"


class Fence:
    """Counts effects, and falls before the one that was chosen."""

    def __init__(self, fell: Callable[[], None]) -> None:
        """Call `fell` when it falls, once."""
        self.has_fallen = False
        self.downtime_s = 0.0
        self._fell = fell
        self._effect: str | None = None
        self._left = 0

    def arm(self, effect: str, after: int, downtime_s: float) -> None:
        """Fall before the effect that comes after `after` of its kind."""
        self._effect, self._left, self.downtime_s = effect, after, downtime_s

    def disarm(self) -> None:
        """Stand, whatever comes."""
        self._effect = None

    def fall(self) -> None:
        """Fall now."""
        if not self.has_fallen:
            self.has_fallen = True
            self._fell()

    def lets(self, effect: str) -> bool:
        """Say whether an effect gets through."""
        if not self.has_fallen and self._effect in {effect, ANY}:
            if self._left == 0:
                self.fall()
            self._left -= 1
        return not self.has_fallen


class FencedLane:
    """The journal's way to its file; it can also be told to fail."""

    def __init__(self, connection: apsw.Connection, fence: Fence) -> None:
        """Work on `connection`, as the lane for process-crash safety does."""
        self._inner = InlineLane(connection)
        self._fence = fence
        self._broken: StoreError | None = None
        self._left: int | None = None
        self._is_written = False
        self.works = 0

    def fail(self, after: int, *, is_written: bool) -> None:
        """Let a later piece of work fail; `is_written`: although it was committed."""
        self._left, self._is_written = after, is_written

    def never_fail(self) -> None:
        """Forget a failure that has not happened yet."""
        self._left = None

    @property
    def failure(self) -> StoreError | None:
        """Why nothing more is taken."""
        return self._broken or self._inner.failure

    async def run(self, work: Work[T], *, is_single: bool = False) -> T:
        """Run `work` now."""
        if self._passes():
            return await self._inner.run(work, is_single=is_single)
        if self._is_written:
            await self._inner.run(work, is_single=is_single)
        raise self._failed()

    def hand_over(self, work: Work[object], *, is_single: bool = False) -> None:
        """Run `work` now."""
        if self._passes():
            self._inner.hand_over(work, is_single=is_single)
            return
        if self._is_written:
            self._inner.hand_over(work, is_single=is_single)
        raise self._failed()

    async def flush(self) -> None:
        """Nothing waits here."""
        if self.failure is not None:
            raise self.failure

    async def sync(self) -> None:
        """Have all of it on the disk."""
        await self.flush()
        if not self._passes():
            raise self._failed()
        await self._inner.sync()

    async def close(self) -> None:
        """Close the file."""
        await self._inner.close()

    def _passes(self) -> bool:
        if not self._fence.lets("journal"):
            raise StoreError("this process is dead")
        if self._broken is not None:
            raise self._broken
        self.works += 1
        if self._left is None:
            return True
        self._left -= 1
        return self._left >= 0

    def _failed(self) -> StoreError:
        self._broken = StoreError("the journal failed: input/output error")
        return self._broken


class FencedTransport:
    """The network of one life."""

    def __init__(
        self, inner: SimulatedTransport, fence: Fence, sent: Callable[[Request], None]
    ) -> None:
        """Go through `inner`; call `sent` with each request that leaves."""
        self._inner = inner
        self._fence = fence
        self._sent = sent

    async def send(self, request: Request, *, timeouts: Timeouts) -> Answer:
        """Send, if the fence stands; see `Transport.send`."""
        if not self._fence.lets("send"):
            await _never()
        self._sent(request)
        try:
            return await self._inner.send(request, timeouts=timeouts)
        finally:
            if not self._fence.lets("deliver"):
                await _never()

    async def connect(
        self, host: str, path: str, *, headers: Mapping[str, str], connect_s: float
    ) -> "FencedSocket":
        """Open a WebSocket; see `Transport.connect`."""
        if not self._fence.lets("send"):
            await _never()
        socket = await self._inner.connect(host, path, headers=headers, connect_s=connect_s)
        return FencedSocket(socket, self._fence)

    async def close(self) -> None:
        """Close everything."""
        await self._inner.close()


class FencedSocket:
    """A WebSocket of one life."""

    def __init__(self, inner: SimulatedSocket, fence: Fence) -> None:
        """Go through `inner`."""
        self._inner = inner
        self._fence = fence

    @property
    def heard_at(self) -> float:
        """Moment of the last frame, on the loop's clock."""
        return self._inner.heard_at

    async def send(self, text: str) -> None:
        """Send a text frame."""
        if not self._fence.lets("send"):
            await _never()
        await self._inner.send(text)

    async def receive(self) -> str | bytes:
        """Give the next frame."""
        frame = await self._inner.receive()
        if not self._fence.lets("deliver"):
            await _never()
        return frame

    async def close(self) -> None:
        """Close."""
        await self._inner.close()


async def _never() -> NoReturn:
    await asyncio.get_running_loop().create_future()
    raise AssertionError
