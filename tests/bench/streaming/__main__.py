"""Run all contenders in turn, and print one table of what was found against what was wanted."""

import contextlib
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

COUNT = 100_000
ROUNDS = 3
FEEDS = Path(".venv-feeds/bin/python")
"""For `cryptofeed`, which brings aiodns, and with that another resolver to aiohttp."""
EVERYBODY = (
    "floor",
    "venuekit",
    "venuekit, no C",
    "floor, uvloop",
    "venuekit, uvloop",
    "ccxt.pro",
    "cryptofeed",
)
Figures = dict[str, float]


@contextlib.contextmanager
def served(count: int = COUNT) -> Iterator[str]:
    """Serve so many messages; gives the port."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.streaming.server", str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.communicate("")


def measured(name: str, port: str, count: int = COUNT, pace: float = 0) -> Figures:
    """Run one contender."""
    python = str(FEEDS) if name == "cryptofeed" else sys.executable
    told = subprocess.run(
        [python, "-m", "tests.bench.streaming.contender", name, port, str(count), str(pace)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    found: Figures = json.loads(told.stdout)
    return found


def run(
    names: Sequence[str], port: str, *, count: int = COUNT, rounds: int = ROUNDS
) -> dict[str, Figures]:
    """Let contenders take turns; gives the medians of each, and how often it `failed`."""
    found: dict[str, list[Figures]] = {name: [] for name in names}
    failed = dict.fromkeys(names, 0)
    for _ in range(rounds):
        for name in names:
            try:
                found[name].append(measured(name, port, count))
            except subprocess.CalledProcessError:  # it has said why
                failed[name] += 1
    return {
        name: {key: statistics.median(each[key] for each in rows) for key in rows[0]}
        | {"failed": failed[name]}
        for name, rows in found.items()
        if rows
    }


def _has_cryptofeed() -> bool:
    command = [str(FEEDS), "-c", "import cryptofeed"]
    return FEEDS.exists() and subprocess.run(command, check=False).returncode == 0


def _check_same(found: dict[str, Figures]) -> None:
    """Refuse figures of contenders whose books are not the same in the end."""
    books = {
        tuple(row[f"best{number}"] for number in range(4))
        for row in found.values()
        if "best0" in row
    }
    if len(books) > 1:
        msg = f"the books of the contenders differ in the end: {sorted(books)}"
        raise RuntimeError(msg)


def table(names: Sequence[str] = ()) -> str:
    """Measure, and write it down."""
    wanted = list(names) or list(EVERYBODY)
    lines = [
        (
            f"\n{COUNT} messages of trades and a live book that is read each time  "
            f"(goal: 1.6x of the floor's CPU; medians of {ROUNDS}, taken in turns)"
        ),
        f"  {'':<18}{'us of CPU':>10}{'ratio':>8}{'messages/s':>12}{'MB grown':>10}{'MB':>8}",
    ]
    if "cryptofeed" in wanted and not _has_cryptofeed():
        wanted.remove("cryptofeed")
        lines.append(f"  cryptofeed: not in {FEEDS.parent.parent}, where `make bench` puts it")
    with served() as port:
        found = run(wanted, port)
        _check_same(found)
        for name, row in found.items():
            ratio = row["cpu_us"] / found["floor"]["cpu_us"] if "floor" in found else 0.0
            lines.append(
                f"  {name:<18}{row['cpu_us']:>10.1f}{ratio:>7.2f}x{row['per_s']:>12.0f}"
                f"{row['grown_mb']:>10.1f}{row['peak_mb']:>8.1f}"
                + (f"  {row['failed']} of {ROUNDS} runs failed" if row["failed"] else "")
            )
        lines += [f"  {name:<18}failed" for name in wanted if name not in found]
        if not names:
            lines += _latencies(found["venuekit"]["per_s"] / 2)
            lines += _many(port)
            lines.append(_books())
    return "\n".join(lines)


def _latencies(pace: float) -> list[str]:
    count = min(COUNT, int(pace * 4))
    lines = []
    with served(count) as port:
        for name in ("floor", "venuekit"):
            row = measured(name, port, count, pace)
            lines.append(
                f"  {name:<18}from the sender to the consumer at {pace:.0f}/s, half of venuekit's "
                f"load: median {row['median_us']:.0f} us, 99.9 % within {row['p999_us']:.0f} us"
            )
    return lines


def _many(port: str) -> list[str]:
    counts = (1, 30, 1000)
    found = run([f"trades of {number}" for number in counts], port, rounds=5)
    one = found["trades of 1"]["cpu_us"]
    return [
        f"  {name:<18}{row['cpu_us']:>10.1f}{row['cpu_us'] / one:>7.2f}x  "
        "(goal: 1.2x from 1 subscription to 1000)"
        for name, row in found.items()
    ]


def _books() -> str:
    told = subprocess.run(
        [sys.executable, "-m", "tests.bench.streaming.books"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    row: dict[str, Any] = json.loads(told.stdout)
    return (
        f"  1000 books of 1000 levels a side: the process has {row['resident_mb']:.0f} MB, "
        f"{row['peak_mb']:.0f} MB at most  (goal: 600 MB)"
    )


if __name__ == "__main__":
    print(table(sys.argv[1:]))
