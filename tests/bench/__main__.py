"""`make bench`: run everything and print it. Nothing here fails for being slow."""

import asyncio
import platform

from tests.bench import importing, listing, placing


def main() -> None:
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}")
    print(importing.run())
    print(listing.run())
    print(asyncio.run(placing.run()))


if __name__ == "__main__":
    main()
