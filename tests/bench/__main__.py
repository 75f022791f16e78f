"""`make bench`: run everything and print it. Nothing here fails for being slow."""

import asyncio
import platform

from tests.bench import (
    cancelling,
    importing,
    journal,
    limits,
    listing,
    nonces,
    opening,
    placing,
    reconciling,
    signing,
    socket_orders,
)
from tests.bench.streaming.__main__ import table as streaming


def main() -> None:
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}")
    print(importing.run())
    print(listing.run())
    print(asyncio.run(journal.run()))
    print(asyncio.run(nonces.run()))
    print(signing.run())
    print(asyncio.run(limits.run()))
    print(cancelling.run())
    print(opening.run())
    print(asyncio.run(reconciling.run()))
    print(asyncio.run(placing.run()))
    print(asyncio.run(socket_orders.run()))
    print(streaming())


if __name__ == "__main__":
    main()
