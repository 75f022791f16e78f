"""The time at the exchange, measured, and kept from the machine's monotonic clock after that."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import attrs

from venuekit.clock import Clock

Ask = Callable[[], Awaitable[int]]
"""Asks the exchange for its time, in nanoseconds since the epoch."""

_NS: Final = 1_000_000_000
_RESOLUTION_NS: Final = 1_000_000  # exchanges tell their time in milliseconds, rounded down
_SLACK_NS: Final = 1_000_000
_JUMP_NS: Final = 500_000_000


@attrs.frozen(kw_only=True)
class Sample:
    """One question for the time, in nanoseconds on the loop's clock, and its answer."""

    asked_ns: int
    heard_ns: int
    exchange_ns: int

    @property
    def round_trip_ns(self) -> int:
        """Time there and back."""
        return self.heard_ns - self.asked_ns

    @property
    def ahead_ns(self) -> int:
        """The exchange's clock minus the loop's, if both ways took as long; rounded down."""
        return self.exchange_ns - (self.asked_ns + self.heard_ns) // 2


@attrs.frozen(kw_only=True)
class Measurement:
    """What several samples say together, in nanoseconds."""

    ahead_ns: int
    """The exchange's clock minus the loop's."""
    uncertainty_ns: int
    """How far `ahead_ns` may be off in either direction."""
    latency_ns: int
    """Median time there and back, of all samples."""


def measured(samples: Sequence[Sample]) -> Measurement:
    """Judge samples: those that took far longer than the fastest are left out, then the median.

    Where two values stand in the middle, the smaller one is taken, and an exchange's milliseconds
    count as rounded down: a clock that is behind loses a little of a request's validity, one that
    is ahead has requests refused.

    Args:
        samples: At least one.
    """
    fastest = min(sample.round_trip_ns for sample in samples)
    kept = [s for s in samples if s.round_trip_ns <= 2 * fastest + _SLACK_NS]
    ahead_ns = statistics.median_low(sample.ahead_ns for sample in kept)
    # The true value lies within half a round trip of each sample; the fastest says it best.
    best = min(kept, key=lambda sample: sample.round_trip_ns)
    off_best = abs(ahead_ns - best.ahead_ns)
    return Measurement(
        ahead_ns=ahead_ns,
        uncertainty_ns=off_best + best.round_trip_ns // 2 + _RESOLUTION_NS,
        latency_ns=int(statistics.median(s.round_trip_ns for s in samples)),
    )


class ExchangeClock:
    """Tells the exchange's time.

    The machine's clock is looked at once, when this one is made; from then on time is counted by
    the loop's monotonic clock, so that setting the machine's clock changes nothing. Before the
    first `synchronize` it tells the machine's time.

    One measurement at a time: `_running` is not None exactly while somebody takes samples.
    """

    def __init__(self, clock: Clock, *, loop_time: Callable[[], float], samples: int = 5) -> None:
        """Begin with the machine's time.

        Args:
            clock: The machine's wall clock.
            loop_time: The loop's clock in seconds, `loop.time`.
            samples: How many questions one measurement asks, > 0.
        """
        self._clock = clock
        self._loop_time = loop_time
        self._samples = samples
        self._wall_ahead_ns = clock.time_ns() - self._loop_ns()
        self._ahead_ns = self._wall_ahead_ns
        self._measurement: Measurement | None = None
        self._running: asyncio.Future[Measurement] | None = None

    def now_ns(self) -> int:
        """Give the exchange's time, in nanoseconds since the epoch.

        Between two measurements it never goes back; a measurement may set it back.
        """
        return self._ahead_ns + self._loop_ns()

    @property
    def is_synchronized(self) -> bool:
        """Whether the exchange was ever asked."""
        return self._measurement is not None

    @property
    def offset_ns(self) -> int:
        """The exchange's clock minus this machine's when last measured; 0 before."""
        return self._ahead_ns - self._wall_ahead_ns

    @property
    def uncertainty_ns(self) -> int | None:
        """How far `now_ns` was off at most when last measured; None before."""
        return None if self._measurement is None else self._measurement.uncertainty_ns

    @property
    def latency_ns(self) -> int:
        """Median time there and back when last measured; 0 before."""
        return 0 if self._measurement is None else self._measurement.latency_ns

    @property
    def is_doubtful(self) -> bool:
        """Whether the machine's two clocks parted by over half a second since the measurement.

        Either the wall clock was set, which does no harm here, or the machine slept and the
        monotonic clock with it, which does: measure again.
        """
        return abs(self._clock.time_ns() - self._loop_ns() - self._wall_ahead_ns) > _JUMP_NS

    async def synchronize(self, ask: Ask) -> Measurement:
        """Measure the exchange's clock and follow it from now on.

        Whoever asks while a measurement runs gets its result. If the one that measures is
        canceled, another one that waits starts over with its own `ask`.

        Raises:
            Exception: Whatever `ask` raises, to all that wait; the clock stays as it was.
        """
        before = self._measurement
        while (running := self._running) is not None:
            await asyncio.wait([running])
            if not running.cancelled():
                return running.result()
        # Another one that waited may have taken over and finished before this one woke.
        if self._measurement is not None and self._measurement is not before:
            return self._measurement
        return await self._lead(ask)

    async def _lead(self, ask: Ask) -> Measurement:
        running = self._running = asyncio.get_running_loop().create_future()
        try:
            measurement = await self._measure(ask)
        except asyncio.CancelledError:
            running.cancel()
            raise
        except BaseException as error:
            running.set_exception(error)
            running.exception()  # seen here, even if nobody else waits
            raise
        else:
            self._follow(measurement)
            running.set_result(measurement)
            return measurement
        finally:
            self._running = None

    async def _measure(self, ask: Ask) -> Measurement:
        samples: list[Sample] = []
        for _ in range(self._samples):
            asked_ns = self._loop_ns()
            exchange_ns = await ask()
            samples.append(
                Sample(asked_ns=asked_ns, heard_ns=self._loop_ns(), exchange_ns=exchange_ns)
            )
        return measured(samples)

    def _follow(self, measurement: Measurement) -> None:
        self._measurement = measurement
        self._ahead_ns = measurement.ahead_ns
        self._wall_ahead_ns = self._clock.time_ns() - self._loop_ns()

    def _loop_ns(self) -> int:
        return int(self._loop_time() * _NS)
