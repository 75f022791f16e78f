"""Run all contenders in turn, and print what a message cost each of them."""

import json
import statistics
import subprocess
import sys
from typing import Any

COUNT = 100_000
ROUNDS = 3


def run(names: list[str], *, count: int = COUNT, rounds: int = ROUNDS) -> dict[str, dict[str, Any]]:
    """Let contenders take turns; gives the medians of each."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.streaming.server", str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        for _ in range(rounds):
            for name in names:
                told = subprocess.run(
                    [
                        sys.executable,
                        "-m",
                        "tests.bench.streaming.contender",
                        name,
                        port,
                        str(count),
                    ],
                    capture_output=True,
                    text=True,
                    check=True,
                    timeout=600,
                )
                found[name].append(json.loads(told.stdout))
        server.communicate("")
    return {
        name: {key: statistics.median(each[key] for each in rows) for key in rows[0]}
        for name, rows in found.items()
    }


def table(names: list[str] | None = None) -> str:
    """Measure, and write it down."""
    found = run(names or ["floor", "venuekit"])
    lines = [
        f"\n{COUNT} messages of trades and a live book that is read each time  (goal: 1.6x of CPU)",
        f"  {'':<14}{'us of CPU':>10}{'ratio':>8}{'messages/s':>12}{'MB grown':>10}",
    ]
    for name, row in found.items():
        ratio = row["cpu_us"] / found["floor"]["cpu_us"] if "floor" in found else 0.0
        lines.append(
            f"  {name:<14}{row['cpu_us']:>10.1f}{ratio:>7.2f}x{row['per_s']:>12.0f}"
            f"{row['grown_mb']:>10.1f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(sys.argv[1:]))
