"""Writes the recordings in this folder: `python -m tests.replays.making`.

A market that never was, by chance from a seed, in the words of each exchange: a snapshot of its
book, then changes, each as the frame that the exchange would send.
"""

import json
import random
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "recordings"
CHANGES: Final = 120
_MIDDLE: Final = 30_000
_STEP: Final = Decimal("0.1")
Side = dict[Decimal, Decimal]
Change = list[tuple[str, Decimal, Decimal]]


def market(seed: int) -> tuple[Side, Side, list[Change]]:
    """Give bids, asks, and changes that never cross the book."""
    chance = random.Random(seed)
    bids = {_MIDDLE - n * _STEP: _some(chance) for n in range(1, 31)}
    asks = {_MIDDLE + n * _STEP: _some(chance) for n in range(31)}
    start = dict(bids), dict(asks)
    changes = []
    for _ in range(CHANGES):
        change: Change = []
        for _ in range(chance.randint(1, 5)):
            side, name = chance.choice(((bids, "bid"), (asks, "ask")))
            # Most of it happens where the best prices are.
            away = min(int(chance.expovariate(0.15)), 40)
            price = _MIDDLE - (1 + away) * _STEP if name == "bid" else _MIDDLE + away * _STEP
            quantity = Decimal(0) if price in side and chance.random() < 0.4 else _some(chance)
            if quantity:
                side[price] = quantity
            elif len(side) > 15:
                del side[price]
            else:
                continue
            change = [each for each in change if each[:2] != (name, price)]
            change.append((name, price, quantity))
        if change:
            changes.append(change)
    return *start, changes


def _some(chance: random.Random) -> Decimal:
    return Decimal(chance.randint(1, 99_999_999)).scaleb(-8)


def _applied(bids: Side, asks: Side, change: Change) -> None:
    for name, price, quantity in change:
        side = bids if name == "bid" else asks
        side[price] = quantity
        if not quantity:
            del side[price]


def binance(seed: int) -> Iterator[dict[str, Any]]:
    """Ranges of update ids; the first change begins before the snapshot, as it does there."""
    chance = random.Random(seed + 1)
    bids, asks, changes = market(seed)
    last = 1000
    rows = [[[f"{p:.8f}", f"{q:.8f}"] for p, q in side.items()] for side in (bids, asks)]
    yield {"snapshot": {"lastUpdateId": last, "bids": rows[0], "asks": rows[1]}}
    for number, change in enumerate(changes):
        first, last = last + 1, last + chance.randint(1, 4)
        sides: dict[str, list[list[str]]] = {"bid": [], "ask": []}
        for name, price, quantity in change:
            sides[name].append([f"{price:.8f}", f"{quantity:.8f}"])
        data = {
            "e": "depthUpdate",
            "E": 1_784_100_000_000 + number * 100,
            "s": "BTCUSDT",
            "U": first,
            "u": last,
            "b": sides["bid"],
            "a": sides["ask"],
        }
        yield {"body": {"stream": "btcusdt@depth@100ms", "data": data}}


def kraken(seed: int) -> Iterator[dict[str, Any]]:
    """A checksum with each change; numbers without quotes, one decimal and eight."""
    bids, asks, changes = market(seed)

    def rows(levels: list[tuple[Decimal, Decimal]]) -> list[dict[str, float]]:
        return [{"price": float(price), "qty": float(quantity)} for price, quantity in levels]

    yield {
        "snapshot": {
            "symbol": "BTC/USD",
            "bids": rows(list(bids.items())),
            "asks": rows(list(asks.items())),
            "checksum": crc(bids, asks),
            "timestamp": "2026-07-15T12:00:00.000000Z",
        }
    }
    for number, change in enumerate(changes):
        _applied(bids, asks, change)
        data = {
            "symbol": "BTC/USD",
            "bids": rows([(p, q) for name, p, q in change if name == "bid"]),
            "asks": rows([(p, q) for name, p, q in change if name == "ask"]),
            "checksum": crc(bids, asks),
            "timestamp": f"2026-07-15T12:{number // 60:02d}:{number % 60:02d}.000000Z",
        }
        yield {"body": {"channel": "book", "type": "update", "data": [data]}}


def crc(bids: Side, asks: Side) -> int:
    """By Kraken's rule: ten asks, then ten bids, digits without point and leading zeros."""
    best = sorted(asks.items())[:10] + sorted(bids.items(), reverse=True)[:10]
    digits = "".join(
        text.replace(".", "").lstrip("0")
        for price, quantity in best
        for text in (f"{price:.1f}", f"{quantity:.8f}")
    )
    return zlib.crc32(digits.encode())


def coinbase(seed: int) -> Iterator[dict[str, Any]]:
    """Neither numbers nor checksums of a book: the connection counts its messages."""
    bids, asks, changes = market(seed)

    def row(name: str, price: Decimal, quantity: Decimal) -> dict[str, str]:
        return {
            "side": "bid" if name == "bid" else "offer",
            "event_time": "2026-07-15T12:00:00Z",
            "price_level": f"{price:.2f}",
            "new_quantity": f"{quantity:.8f}",
        }

    levels = [
        row(name, *level) for name, side in (("bid", bids), ("ask", asks)) for level in side.items()
    ]
    yield {"snapshot": {"type": "snapshot", "product_id": "BTC-USD", "updates": levels}}
    for change in changes:
        updates = [row(*level) for level in change]
        yield {"body": {"type": "update", "product_id": "BTC-USD", "updates": updates}}


MAKERS: Final = {"binance": binance, "kraken": kraken, "coinbase": coinbase}


def text(exchange: str) -> str:
    """Write one recording."""
    origin = f"made by tests/replays/making.py, seed 7, in the words of {exchange}: no real market"
    lines = [{"provenance": origin}, *MAKERS[exchange](7)]
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for exchange in MAKERS:
        (FOLDER / f"{exchange}.jsonl").write_text(text(exchange))


if __name__ == "__main__":
    main()
