"""What every contender is measured with. Nothing is imported here that one of them may lack."""

import json
import resource
import time
from collections.abc import Iterable
from typing import Any

import aiohttp


class Meter:
    """CPU and time from the first message to the last."""

    def __init__(self, port: int, count: int, *, pace: float = 0.0) -> None:
        """Expect so many messages; `pace`: so many a second, 0 for as fast as they are taken."""
        self.url = f"http://127.0.0.1:{port}"
        self.count = count
        self.pace = pace
        self.delays_us: list[int] = []
        """Of messages that came at a pace, from their sending to the consumer."""
        self._cpu = 0.0
        self._wall = 0.0
        self._rss = 0

    async def ready(self, streams: int) -> dict[str, int]:
        """Wait until the server knows so many streams; give the last numbers to expect."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/ready?streams={streams}") as answer,
        ):
            found: dict[str, int] = json.loads(await answer.read())
            return found

    async def begin(self) -> None:
        """Have the server begin."""
        self._rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        go = f"{self.url}/go?pace={self.pace}"
        async with aiohttp.ClientSession() as session, session.get(go):
            self._cpu, self._wall = time.process_time(), time.perf_counter()

    def came(self, sent_us: int) -> None:
        """Take note of a message that was sent at that moment."""
        self.delays_us.append(time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000 - sent_us)

    def end(self, best: Iterable[Any] = ()) -> dict[str, Any]:
        """Say what it cost; `best`: price and quantity of both bests at the end, as a proof."""
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = {
            "cpu_us": cpu / self.count * 1e6,
            "per_s": self.count / wall,
            "grown_mb": (peak - self._rss) / 1024,
            "peak_mb": peak / 1024,
        }
        found |= {f"best{number}": float(figure) for number, figure in enumerate(best)}
        if self.delays_us:
            ordered = sorted(self.delays_us)
            found["median_us"] = ordered[len(ordered) // 2]
            found["p999_us"] = ordered[len(ordered) * 999 // 1000]
        return found
