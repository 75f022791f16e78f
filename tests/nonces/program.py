"""One of many programs with one key: waits for it, uses nonces as fast as it can, may be killed.

Arguments: folder, port of the judge, its number, a seed. Its clock is set again and again while it
runs, forward and back, by up to an hour. Every now and then it lets others have the key.
"""

import asyncio
import random
import struct
import sys
import time
from pathlib import Path

from tests.nonces.judge import ANSWER, HEADER
from venuekit.auth.nonces import NonceAuthority
from venuekit.model import StoreError
from venuekit.plugin import NonceRule

BATCH = 64
FARTHEST_S = 3600.0
BATCHES = 60
"""Until it lets others have the key."""


class Clock:
    """A machine's clock that somebody sets all the time."""

    def __init__(self, rng: random.Random) -> None:
        """Begin somewhere within the hour."""
        self._rng = rng
        self._ahead_s = 0.0
        self.jump()

    def jump(self) -> None:
        """Set it."""
        self._ahead_s = self._rng.choice((0.0, self._rng.uniform(-FARTHEST_S, FARTHEST_S)))

    def now_ns(self) -> int:
        """Show it."""
        return time.time_ns() + round(self._ahead_s * 1e9)


async def use(
    nonces: NonceAuthority,
    number: int,
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    clock: Clock,
    rng: random.Random,
) -> None:
    """Use nonces for a while."""
    reader, writer = streams
    for batch in range(BATCHES):
        taken: list[int] = []
        while len(taken) < BATCH:
            nonce = nonces.take()
            if nonce is None:
                await nonces.ready()
            else:
                taken.append(nonce)
        writer.write(HEADER.pack(number, BATCH) + struct.pack(f"<{BATCH}Q", *taken))
        ANSWER.unpack(await reader.readexactly(ANSWER.size))
        for nonce in taken:
            nonces.done(nonce)
        if batch % 16 == 0 and rng.random() < 0.3:
            clock.jump()


async def main() -> None:
    """Work until killed."""
    folder, port, number, seed = sys.argv[1:]
    rng = random.Random(seed)
    clock = Clock(rng)
    streams = await asyncio.open_connection("127.0.0.1", int(port))
    while True:
        authority = NonceAuthority(
            Path(folder), api_key="one key", rule=NonceRule(), now_ns=clock.now_ns
        )
        try:
            async with authority:
                await use(authority, int(number), streams, clock, rng)
        except StoreError as error:
            if "uses this key" not in str(error):
                raise
        await asyncio.sleep(rng.uniform(0.001, 0.02))


if __name__ == "__main__":
    asyncio.run(main())
