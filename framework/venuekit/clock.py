"""Wall-clock time, handed in wherever it is needed.

Waiting goes through the event loop (`loop.time`, `asyncio.timeout`), which a test may run under a
virtual clock; what the time is comes from a `Clock`.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day."""

    def time_ns(self) -> int:
        """Give nanoseconds since the epoch, as this machine believes; may jump."""
        ...


class SystemClock:
    """The machine's clock."""

    def time_ns(self) -> int:
        """Give nanoseconds since the epoch, as this machine believes; may jump."""
        return time.time_ns()
