"""What a contender cost: wall time and CPU of our own process for each operation."""

import statistics
import time
from collections.abc import Awaitable, Callable

import attrs


@attrs.define
class Samples:
    """Measurements of one contender."""

    name: str
    wall_s: list[float] = attrs.field(factory=list)
    cpu_s: list[float] = attrs.field(factory=list)

    @property
    def median_us(self) -> float:
        return statistics.median(self.wall_s) * 1e6

    @property
    def cpu_us(self) -> float:
        return statistics.median(self.cpu_s) * 1e6

    async def measure(self, work: Callable[[], Awaitable[object]], times: int) -> None:
        """Run `work` so often; CPU is the mean of the batch, wall time is of each."""
        cpu = time.process_time()
        for _ in range(times):
            begun = time.perf_counter()
            await work()
            self.wall_s.append(time.perf_counter() - begun)
        self.cpu_s.append((time.process_time() - cpu) / times)


def table(title: str, rows: list[Samples], *, floor: Samples, goal: str) -> str:
    """Draw contenders with their ratios to the floor."""
    lines = [f"\n{title}  (goal: {goal})"]
    lines.append(f"  {'':<34}{'median µs':>10}{'CPU µs':>10}{'median ×':>10}{'CPU ×':>8}")
    lines.extend(
        f"  {row.name:<34}{row.median_us:>10.0f}{row.cpu_us:>10.0f}"
        f"{row.median_us / floor.median_us:>10.2f}{row.cpu_us / floor.cpu_us:>8.2f}"
        for row in rows
    )
    return "\n".join(lines)
