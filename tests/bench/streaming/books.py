"""A thousand books of a thousand levels a side, each changed and read once, in its own process.

Prints one JSON line.
"""

import json
import resource
from decimal import Decimal

from venuekit.model import BookChange, BookSnapshot, Level, Symbol
from venuekit.plugin import BookKeeping, BookRule, json_sides
from venuekit.streams import Book

BOOKS = 1000
LEVELS = 1000


def _side(number: int, sign: int) -> tuple[Level, ...]:
    return tuple(
        (
            Decimal(f"{60_000 + number + sign * i / 100:.8f}"),
            Decimal(f"{1 + i}.{number:05d}000"),
        )
        for i in range(1, LEVELS + 1)
    )


def main() -> None:
    """Build them, and say how large the process is."""
    keeping = BookKeeping(rule=BookRule.RANGES, snapshot_by_rest=True, depth=5000)
    books = []
    for number in range(BOOKS):
        book = Book(Symbol("BTC/USDT"), keeping)
        book.apply_snapshot(
            BookSnapshot(
                symbol=book.symbol, bids=_side(number, -1), asks=_side(number, 1), update_id=1
            )
        )
        bid, ask = 60_000 + number - 0.01, 60_000 + number + 0.01
        sides = json_sides(
            f'[["{bid:.8f}","2.00000000"]]'.encode(), f'[["{ask:.8f}","2.00000000"]]'.encode()
        )
        assert sides is not None
        change = BookChange.of_written(book.symbol, sides, first_update_id=2, last_update_id=2)
        book.apply_change(change)
        best = (book.best_bid(), book.best_ask())
        assert all(level is not None and level[1] == 2 for level in best)
        books.append(book)
    with open("/proc/self/statm", encoding="ascii") as sizes:  # noqa: PTH123  # no path of ours
        pages = int(sizes.read().split()[1])
    resident = pages * resource.getpagesize() / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"resident_mb": resident, "peak_mb": peak}))


if __name__ == "__main__":
    main()
