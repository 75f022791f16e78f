"""The messages that every contender gets: a third trades, two thirds changes of a book."""

import functools
import json
import random
import re
from collections.abc import Sequence
from typing import Any, Final

SYMBOL: Final = "BTCUSDT"
SYMBOLS: Final = (SYMBOL, *(f"A{number:03}USDT" for number in range(999)))
PRICES: Final = 900
"""Of the book, half on each side."""
MID: Final = 6_000_000
"""In cents."""
START_MS: Final = 1_784_116_800_000
_MOMENTS: Final = re.compile(r'"([ET])":\d+')


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


def listing() -> dict[str, Any]:
    """Give as much of the listing as a rival needs to know the symbols."""
    return {
        "symbols": [
            {
                "symbol": symbol,
                "status": "TRADING",
                "baseAsset": symbol.removesuffix("USDT"),
                "quoteAsset": "USDT",
                "filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.01000000"}],
            }
            for symbol in SYMBOLS
        ]
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


class Market:
    """As many messages as were asked for, dealt out to the symbols that somebody follows."""

    def __init__(self, count: int) -> None:
        """Prepare the messages of one symbol; every other symbol has the same ones."""
        self._count = count
        self._frames = messages(count)

    def last(self) -> dict[str, int]:
        """Give the last trade's id, and the last number of the book."""
        found = {"trade": 0, "update": 0}
        for frame in self._frames[-3:]:
            data = json.loads(frame)["data"]
            found["trade"] = max(found["trade"], data.get("t", 0))
            found["update"] = max(found["update"], data.get("u", 0))
        return found

    @functools.lru_cache(maxsize=8)  # noqa: B019  # one for each process
    def frames(self, streams: tuple[str, ...], *, is_wrapped: bool = True) -> list[str]:
        """Give the frames for one socket, as many as there are for all streams of its symbols.

        With one kind of stream alone, these are all of that kind. `aggTrade` gives the same
        trades in that form.
        """
        kinds = {stream.partition("@")[2] for stream in streams}
        symbols = list(dict.fromkeys(stream.partition("@")[0] for stream in streams))
        frames = [frame for frame in self._frames if _kind(frame, kinds) is not None]
        dealt = [
            _named(frames[number // len(symbols)], symbols[number % len(symbols)])
            for number in range(len(frames))
        ]
        if "aggTrade" in kinds:
            dealt = [_aggregated(frame) for frame in dealt]
        return dealt if is_wrapped else [_bare(frame) for frame in dealt]

    def timed(self, streams: tuple[str, ...]) -> Sequence[str]:
        """Give the same with `\\0` where the moment belongs."""
        return [_MOMENTS.sub('"\\1":\0', frame) for frame in self.frames(streams)]


def _kind(frame: str, kinds: set[str]) -> str | None:
    kind = frame[len('{"stream":"') :].partition('"')[0].partition("@")[2]
    if kind in kinds:
        return kind
    return "aggTrade" if kind == "trade" and "aggTrade" in kinds else None


def _named(frame: str, symbol: str) -> str:
    if symbol == SYMBOL.lower():
        return frame
    return frame.replace(SYMBOL.lower(), symbol, 1).replace(SYMBOL, symbol.upper(), 1)


def _aggregated(frame: str) -> str:
    if "@trade" not in frame:
        return frame
    message = json.loads(frame)
    data = message["data"]
    number = data.pop("t")
    data |= {"e": "aggTrade", "a": number, "f": number, "l": number}
    message["stream"] = message["stream"].replace("@trade", "@aggTrade")
    return json.dumps(message, separators=(",", ":"))


def _bare(frame: str) -> str:
    return frame[frame.index('"data":') + len('"data":') : -1]
