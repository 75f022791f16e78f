"""A cancel in front of a crowd: CPU from the call to the first request on the wire."""

import statistics

from tests.budgets.cancels import CANCELS, CROWD, play

ROUNDS = 5


def run() -> str:
    """Measure on all exchanges."""
    lines = [
        f"\nFifty cancels while {CROWD} queries wait: CPU until the first is sent  (goal: 1 ms)",
        f"  {'':<34}{'median ms':>10}{'best ms':>10}{'requests':>10}",
    ]
    for exchange in ("binance", "kraken", "coinbase"):
        found = [play(exchange, seed=seed) for seed in range(ROUNDS)]
        spent = [each.cpu_ms for each in found]
        assert all(each.canceled == CANCELS for each in found)
        lines.append(
            f"  {exchange:<34}{statistics.median(spent):>10.2f}{min(spent):>10.2f}"
            f"{found[0].requests:>10}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(run())
