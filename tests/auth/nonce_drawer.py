"""A program that draws nonces until it is killed: `nonce_drawer.py FOLDER JUMP_S COUNT LOG`.

Each nonce is written to LOG, as a request would leave, before the next one is drawn: on the
descriptor itself, so that a kill loses none that was used. With COUNT it ends after so many.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from venuekit.auth.nonces import NonceAuthority
from venuekit.model import StoreError
from venuekit.plugin import NonceRule

FOLDER, JUMP_S, COUNT, LOG = sys.argv[1:]


def now_ns() -> int:
    """Give the time of a clock that was set."""
    return time.time_ns() + int(float(JUMP_S) * 1e9)


async def draw(nonces: NonceAuthority) -> None:
    """Draw nonces and use them."""
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    left = int(COUNT) or sys.maxsize
    while left:
        nonce = nonces.take()
        if nonce is None:
            await nonces.ready()
            continue
        os.write(log, f"{nonce}\n".encode())
        left -= 1
        if nonce % 16 == 0:
            await asyncio.sleep(0)  # as a program does that has something else to do too


async def main() -> None:
    """Wait until the key is free, draw."""
    while True:
        authority = NonceAuthority(
            Path(FOLDER), api_key="one key", rule=NonceRule(), now_ns=now_ns, block=200
        )
        try:
            async with authority:
                os.write(1, b"drawing\n")
                await draw(authority)
        except StoreError as error:
            if "uses this key" not in str(error):
                raise
            os.write(1, b"refused\n")
            await asyncio.sleep(0.005)
        else:
            return


asyncio.run(main())
