"""An event loop on which waiting takes no time.

Whenever every task waits for a moment, time jumps to the next one. An hour of retries, windows
and time-outs passes in milliseconds, and the same way every time.

Time stands still while a thread of `asyncio.to_thread` or `loop.run_in_executor` works. It does
not wait for sockets of other processes: a program that talks over a network needs a real loop.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class EverybodyWaits(RuntimeError):
    """No task can go on, no timer is set, no thread works: nothing would ever happen again."""


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits for a timer: says that the time has passed."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.loop.working_threads:
            # Also for a timer: it is due only after the thread, however long that really takes.
            return super().select(0 if timeout == 0 else None)
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise EverybodyWaits("everybody waits, and nothing will ever happen")
        self.loop.jump(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next timer as soon as nothing is ready.

    As a factory: `asyncio.Runner(loop_factory=VirtualLoop)`, or give it to pytest-asyncio through
    its hook `pytest_asyncio_loop_factories`.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        """Begin at `start_s` seconds."""
        selector = _JumpingSelector()
        selector.loop = self
        self._now = start_s
        self.working_threads = 0
        """Calls in executors that have not ended."""
        super().__init__(selector)

    def time(self) -> float:
        """Give the virtual time in seconds."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Let `seconds` >= 0 pass at once; timers that fall due run in the loop's next turn."""
        self._now += seconds

    def run_in_executor(  # type: ignore[override]  # typeshed's signature needs a newer typing than 3.11's
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Run `func` in a thread, as ever; time stands still until it ends."""
        future = super().run_in_executor(executor, func, *args)
        self.working_threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """End the threads, as ever; a thread of its own waits for them meanwhile."""
        self.working_threads += 1
        try:
            await super().shutdown_default_executor(*args, **kwargs)
        finally:
            self.working_threads -= 1

    def _thread_ended(self, _: "asyncio.Future[Any]") -> None:
        self.working_threads -= 1


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a new virtual loop, as `asyncio.run` does.

    Raises:
        EverybodyWaits: It can never end.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
