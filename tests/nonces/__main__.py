"""Hammer one key: python -m tests.nonces --total 1000000."""

import argparse
import sys

from tests.nonces.hammer import hammer


def main() -> int:
    """Read what is asked for; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.nonces", description=__doc__)
    parser.add_argument("--total", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    told_at = 0

    def told(seen: int) -> None:
        nonlocal told_at
        if seen - told_at >= asked.total / 10:
            told_at = seen
            print(f"{seen:,} of {asked.total:,}", flush=True)

    found = hammer(asked.total, seed=asked.seed, told=told)
    print(found)
    return 0 if found.is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
