"""The exchange, in a process of its own: the simulators' own records of nonces, over loopback.

A program sends its name, then batches of nonces in the order in which it took them, and waits for
the word on each batch before it takes more, as a program waits for answers. Every nonce goes
through the records that the simulators keep of a key: Kraken's, which has to grow with each, and
Coinbase's, which must not have seen one before. Ends, and says what it saw, when its standard
input does. Arguments: none. Prints its port, then one JSON line.
"""

import asyncio
import itertools
import json
import struct
import sys
from collections import Counter

import attrs

from venuekit_coinbase.sim.tokens import NonceLog
from venuekit_kraken.sim.refusals import Refusal
from venuekit_kraken.sim.security import ApiKey

HEADER = struct.Struct("<II")
"""Number of the program, and how many nonces follow."""
ANSWER = struct.Struct("<I")
"""How many of them were refused."""


@attrs.define
class Judge:
    """What was seen."""

    ordered: ApiKey = attrs.field(
        factory=lambda: ApiKey(name="one", account="one", secret=b"secret")
    )
    unique: NonceLog = attrs.field(factory=NonceLog)
    seen: Counter[int] = attrs.field(factory=Counter)
    refused: int = 0
    changes: int = 0
    """How often another program's nonce came next."""
    last: int = -1
    """Who spoke last."""

    def take(self, program: int, nonces: tuple[int, ...]) -> int:
        """Judge a batch; gives how many were refused."""
        refused = 0
        for nonce in nonces:
            # As it stands in a Coinbase token: sixteen hexadecimal digits.
            self.unique.add(f"{nonce:016x}")
            try:
                self.ordered.take_nonce(nonce)
            except Refusal:
                refused += 1
        self.changes += program != self.last
        self.last = program
        self.seen[program] += len(nonces)
        self.refused += refused
        return refused

    async def listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear one program until it dies."""
        try:
            while True:
                program, count = HEADER.unpack(await reader.readexactly(HEADER.size))
                body = await reader.readexactly(8 * count)
                writer.write(ANSWER.pack(self.take(program, struct.unpack(f"<{count}Q", body))))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it was killed, or has had enough
        finally:
            writer.close()

    def report(self) -> dict[str, int]:
        """Say what was seen."""
        return {
            "seen": sum(self.seen.values()),
            "programs": len(self.seen),
            "changes": self.changes,
            "refused": self.refused,
            "fallen": self.unique.fallen,
            "repeated": self.unique.repeated,
        }


async def main() -> None:
    """Serve until standard input ends; a line on it asks how many were seen, and from whom last."""
    judge = Judge()
    server = await asyncio.start_server(judge.listen, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    for _ in itertools.count():
        if not await asyncio.to_thread(sys.stdin.readline):
            break
        sys.stdout.write(f"{sum(judge.seen.values())} {judge.last}\n")
        sys.stdout.flush()
    server.close()
    sys.stdout.write(json.dumps(judge.report()) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
