"""The messages that every contender gets: a third trades, two thirds changes of a book."""

import json
import random
from typing import Any, Final

SYMBOL: Final = "BTCUSDT"
PRICES: Final = 900
"""Of the book, half on each side."""
MID: Final = 6_000_000
"""In cents."""
START_MS: Final = 1_784_116_800_000


def _price(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}000000"


def _quantity(rng: random.Random) -> str:
    return f"{rng.randrange(0, 50)}.{rng.randrange(100_000):05d}000"


def snapshot() -> dict[str, Any]:
    """Give the book before the first message."""
    half = PRICES // 2
    return {
        "lastUpdateId": 1000,
        "bids": [[_price(MID - 1 - i), "1.00000000"] for i in range(half)],
        "asks": [[_price(MID + 1 + i), "1.00000000"] for i in range(half)],
    }


def messages(count: int, *, seed: int = 1, symbol: str = SYMBOL, first: int = 1) -> list[str]:
    """Give combined-stream frames; `first` numbers the trades."""
    rng = random.Random(seed)
    half = PRICES // 2
    update, trade, frames = 1000, first, []
    lower = symbol.lower()
    for i in range(count):
        now = START_MS + i
        if i % 3 == 0:
            data: dict[str, Any] = {
                "e": "trade",
                "E": now,
                "s": symbol,
                "t": trade,
                "p": _price(MID + rng.randrange(-50, 50)),
                "q": _quantity(rng),
                "T": now - 1,
                "m": rng.random() < 0.5,
                "M": True,
            }
            trade += 1
            stream = f"{lower}@trade"
        else:
            first_id = update + 1
            bids = [
                [_price(MID - 1 - rng.randrange(half)), _change(rng)]
                for _ in range(rng.randint(1, 12))
            ]
            asks = [
                [_price(MID + 1 + rng.randrange(half)), _change(rng)]
                for _ in range(rng.randint(1, 12))
            ]
            update = first_id + len(bids) + len(asks)
            data = {
                "e": "depthUpdate",
                "E": now,
                "s": symbol,
                "U": first_id,
                "u": update,
                "b": bids,
                "a": asks,
            }
            stream = f"{lower}@depth@100ms"
        frames.append(json.dumps({"stream": stream, "data": data}, separators=(",", ":")))
    return frames


def _change(rng: random.Random) -> str:
    return "0.00000000" if rng.random() < 0.1 else _quantity(rng)
