"""Names of market streams.

Source: Binance WebSocket streams docs, 2026-07.
"""

import re
from typing import Final

import attrs

from venuekit_binance.sim.tape import MINUTE_NS, SPANS

_PARTIAL: Final = re.compile(r"depth(5|10|20)(@100ms)?", re.ASCII)
_KLINE: Final = re.compile(r"kline_(\w+?)(@\+08:00)?", re.ASCII)
_WINDOW: Final = re.compile(r"ticker_(1h|4h|1d)", re.ASCII)
_PLAIN: Final = frozenset(
    {
        "trade",
        "aggTrade",
        "bookTicker",
        "miniTicker",
        "ticker",
        "avgPrice",
        "referencePrice",
        "blockTrade",
    }
)
EVERY: Final = ""
"""The symbol of streams about all symbols."""


@attrs.frozen
class Topic:
    """A stream that exists: of which symbol, of what kind, how often."""

    name: str
    symbol: str
    kind: str
    """`trade`, `aggTrade`, `bookTicker`, `depth` (changes), `partial`, `kline`, `ticker`, …"""
    every_ms: int = 0
    """0: as it happens."""
    depth: int = 0
    interval: str = ""
    """Of bars, or the size of a ticker's window."""
    offset_ns: int = 0


def topic_from_name(name: str) -> Topic | None:
    """Read a stream's name; `None` for names that mean nothing, which are no error."""
    if name.startswith("!"):
        return _every(name)
    symbol, at, kind = name.partition("@")
    if not at or not symbol or symbol != symbol.lower():
        return None
    symbol = symbol.upper()
    if kind in _PLAIN:
        is_live = kind in {"trade", "aggTrade", "bookTicker", "blockTrade"}
        return Topic(name, symbol, kind, 0 if is_live else 1_000)
    if kind in {"depth", "depth@1000ms", "depth@100ms"}:
        return Topic(name, symbol, "depth", 100 if kind.endswith("@100ms") else 1_000)
    if match := _PARTIAL.fullmatch(kind):
        return Topic(name, symbol, "partial", 100 if match[2] else 1_000, depth=int(match[1]))
    if match := _WINDOW.fullmatch(kind):
        return Topic(name, symbol, "ticker", 1_000, interval=match[1])
    match = _KLINE.fullmatch(kind)
    if match is None or match[1] not in SPANS:
        return None
    return Topic(
        name,
        symbol,
        "kline",
        1_000 if match[1] == "1s" else 2_000,
        interval=match[1],
        offset_ns=8 * 60 * MINUTE_NS if match[2] else 0,
    )


def _every(name: str) -> Topic | None:
    kind = name.removeprefix("!").removesuffix("@arr")
    if not name.endswith("@arr"):
        return None
    if kind == "miniTicker":
        return Topic(name, EVERY, "miniTicker", 1_000)
    if match := _WINDOW.fullmatch(kind):
        return Topic(name, EVERY, "ticker", 1_000, interval=match[1])
    return None
