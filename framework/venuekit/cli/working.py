"""Work that blocks, in a thread, with a sign of how far it is."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from venuekit.cli.screen import Screen

T = TypeVar("T")
_SHOWN_EVERY_S: Final = 0.1


class Worker:
    """Runs blocking work in a thread, and shows how far it is."""

    def __init__(self, screen: Screen) -> None:
        """Show on `screen`."""
        self._screen = screen
        self._stop = threading.Event()
        self._shown_s = 0.0
        self._show: Callable[[str], None] = lambda _: None

    def tick(self, done: int, total: int, /) -> None:
        """Say how far the work is, of how much; called from the thread, ends it by raising."""
        if self._stop.is_set():
            raise Stopped
        now_s = time.monotonic()
        if total and now_s > self._shown_s + _SHOWN_EVERY_S:
            self._shown_s = now_s
            self._show(f"{100 * done // total} %")

    async def run(self, what: str, work: Callable[[], T]) -> T:
        """Do `work`, which calls `tick` often. A cancel ends it at its next tick, and waits."""
        with self._screen.waiting(what) as self._show:
            job = asyncio.create_task(asyncio.to_thread(work), name=what)
            try:
                return await asyncio.shield(job)
            except asyncio.CancelledError:
                self._stop.set()
                await asyncio.wait([job])
                if not job.cancelled():
                    job.exception()  # whatever it was: it was told to stop
                raise


class Stopped(Exception):
    """Ends work that nobody waits for any more."""
