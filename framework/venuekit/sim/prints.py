"""A market's public trades: the last ones, and bars from which any candle is made."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import attrs

from venuekit.sim.money import ROUNDED, ZERO
from venuekit.sim.orders import Side, Trade

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
_BARS: Final = 200_000


@attrs.frozen(kw_only=True)
class Candle:
    """What traded in a window of time. A window without trades repeats the price before it."""

    open_ns: int
    """Start of the window, included."""
    close_ns: int
    """End of the window, excluded."""
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    """Base asset."""
    quote_volume: Decimal
    taker_buy_volume: Decimal
    taker_buy_quote_volume: Decimal
    trades: int
    first_trade_id: int | None
    last_trade_id: int | None
    previous_close: Decimal | None
    """Price of the last trade before the window."""

    @property
    def weighted_average(self) -> Decimal:
        """Price of a trade weighted by its quantity, 50 digits long; `close` without trades."""
        return ROUNDED.divide(self.quote_volume, self.volume) if self.volume else self.close


class _Bar:
    __slots__ = (
        "buy_quote",
        "buy_volume",
        "close",
        "first_id",
        "high",
        "last_id",
        "low",
        "open",
        "quote",
        "start_ns",
        "trades",
        "volume",
    )

    def __init__(self, start_ns: int, trade: Trade) -> None:
        self.start_ns = start_ns
        self.open = self.high = self.low = self.close = trade.price
        self.volume = self.quote = self.buy_volume = self.buy_quote = ZERO
        self.first_id = self.last_id = trade.trade_id
        self.trades = 0

    def add(self, trade: Trade) -> None:
        price, quantity = trade.price, trade.quantity
        quote = price * quantity
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.volume += quantity
        self.quote += quote
        self.last_id = trade.trade_id
        self.trades += 1
        if trade.taker_side is Side.BUY:
            self.buy_volume += quantity
            self.buy_quote += quote


class _Bars:
    """Bars of one length, oldest first; only those in which something traded."""

    def __init__(self, length_ns: int) -> None:
        self.length_ns = length_ns
        self.starts: list[int] = []
        self.bars: list[_Bar] = []

    def add(self, trade: Trade) -> None:
        start = trade.time_ns - trade.time_ns % self.length_ns
        if not self.starts or self.starts[-1] < start:
            self._forget()
            self.starts.append(start)
            self.bars.append(_Bar(start, trade))
        self.bars[-1].add(trade)

    def _forget(self) -> None:
        if len(self.starts) > _BARS:
            del self.starts[: _BARS // 4], self.bars[: _BARS // 4]

    def between(self, start_ns: int, end_ns: int) -> Iterator[_Bar]:
        for index in range(bisect_left(self.starts, start_ns), len(self.bars)):
            bar = self.bars[index]
            if bar.start_ns >= end_ns:
                return
            yield bar

    def close_before(self, moment_ns: int) -> Decimal | None:
        index = bisect_left(self.starts, moment_ns)
        return self.bars[index - 1].close if index else None


class Prints:
    """The trades of one market. Time must not run backwards from one trade to the next."""

    def __init__(self, *, keep: int) -> None:
        """Keep the last `keep` trades whole, and of the rest bars of a second and of a minute."""
        self.trades: deque[Trade] = deque(maxlen=keep)
        self.last: Trade | None = None
        self._seconds = _Bars(SECOND_NS)
        self._minutes = _Bars(MINUTE_NS)

    def add(self, trade: Trade) -> None:
        """Take in a trade."""
        self.trades.append(trade)
        self.last = trade
        self._seconds.add(trade)
        self._minutes.add(trade)

    def candle(self, open_ns: int, close_ns: int) -> Candle | None:
        """Fold the trades of `[open_ns, close_ns)`; None if nothing traded before its end.

        Windows are exact where they begin and end on whole seconds; otherwise a second belongs
        to the window in which it begins.
        """
        previous = self._seconds.close_before(open_ns)
        bars = list(self._bars(open_ns, close_ns))
        if not bars:
            return None if previous is None else _still(open_ns, close_ns, previous)
        return Candle(
            open_ns=open_ns,
            close_ns=close_ns,
            open=bars[0].open,
            high=max(bar.high for bar in bars),
            low=min(bar.low for bar in bars),
            close=bars[-1].close,
            volume=sum((bar.volume for bar in bars), ZERO),
            quote_volume=sum((bar.quote for bar in bars), ZERO),
            taker_buy_volume=sum((bar.buy_volume for bar in bars), ZERO),
            taker_buy_quote_volume=sum((bar.buy_quote for bar in bars), ZERO),
            trades=sum(bar.trades for bar in bars),
            first_trade_id=bars[0].first_id,
            last_trade_id=bars[-1].last_id,
            previous_close=previous,
        )

    def _bars(self, start_ns: int, end_ns: int) -> Iterator[_Bar]:
        """Give seconds up to the first whole minute, then minutes, then seconds again."""
        first = -(-start_ns // MINUTE_NS) * MINUTE_NS
        last = end_ns // MINUTE_NS * MINUTE_NS
        if first >= last:
            yield from self._seconds.between(start_ns, end_ns)
            return
        yield from self._seconds.between(start_ns, first)
        yield from self._minutes.between(first, last)
        yield from self._seconds.between(last, end_ns)


def _still(open_ns: int, close_ns: int, price: Decimal) -> Candle:
    return Candle(
        open_ns=open_ns,
        close_ns=close_ns,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=ZERO,
        quote_volume=ZERO,
        taker_buy_volume=ZERO,
        taker_buy_quote_volume=ZERO,
        trades=0,
        first_trade_id=None,
        last_trade_id=None,
        previous_close=price,
    )
