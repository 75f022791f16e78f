"""What was traded: trades, aggregate trades, bars, averages and the statistics of a day.

Source: Binance spot REST docs, "Market Data endpoints", and `filters.md` on average prices,
2026-07.
"""

import datetime as dt
import random
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import attrs

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
DAY_NS: Final = 86_400 * SECOND_NS
_HOUR_NS: Final = 3_600 * SECOND_NS
_MONDAY_NS: Final = 4 * DAY_NS  # 1970-01-05: weeks begin on Mondays
SPANS: Final = {
    "1s": SECOND_NS,
    "1m": MINUTE_NS,
    "3m": 3 * MINUTE_NS,
    "5m": 5 * MINUTE_NS,
    "15m": 15 * MINUTE_NS,
    "30m": 30 * MINUTE_NS,
    "1h": _HOUR_NS,
    "2h": 2 * _HOUR_NS,
    "4h": 4 * _HOUR_NS,
    "6h": 6 * _HOUR_NS,
    "8h": 8 * _HOUR_NS,
    "12h": 12 * _HOUR_NS,
    "1d": DAY_NS,
    "3d": 3 * DAY_NS,
    "1w": 7 * DAY_NS,
    "1M": 31 * DAY_NS,
}
KEPT_TRADES: Final = 20_000
_KEPT_SECONDS: Final = 3_600
_KEPT_MINUTES: Final = 3 * 1_440
_ZERO: Final = Decimal(0)


@attrs.frozen
class TapeTrade:
    """One trade."""

    id: int
    price: Decimal
    quantity: Decimal
    at_ns: int
    is_buyer_maker: bool
    taker: int = 0
    """Order that took; trades of one taker at one price are one aggregate trade."""

    @property
    def notional(self) -> Decimal:
        """Price times quantity."""
        return self.price * self.quantity


@attrs.define
class AggregateTrade:
    """The trades of one taker order at one price."""

    id: int
    price: Decimal
    quantity: Decimal
    first_id: int
    last_id: int
    at_ns: int
    is_buyer_maker: bool
    taker: int


@attrs.define
class Bar:
    """Prices and volumes of a span of time."""

    open_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = _ZERO
    quote_volume: Decimal = _ZERO
    count: int = 0
    taker_volume: Decimal = _ZERO
    taker_quote_volume: Decimal = _ZERO
    first_id: int = -1
    last_id: int = -1

    def merge(self, later: "Bar") -> None:
        """Add a bar that follows."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.quote_volume += later.quote_volume
        self.count += later.count
        self.taker_volume += later.taker_volume
        self.taker_quote_volume += later.taker_quote_volume
        if later.count:
            self.first_id = later.first_id if self.first_id < 0 else self.first_id
            self.last_id = later.last_id


def bar_from_trade(trade: TapeTrade, span_ns: int) -> Bar:
    """Make the bar of a single trade."""
    notional = trade.notional
    return Bar(
        trade.at_ns // span_ns * span_ns,
        trade.price,
        trade.price,
        trade.price,
        trade.price,
        trade.quantity,
        notional,
        1,
        _ZERO if trade.is_buyer_maker else trade.quantity,
        _ZERO if trade.is_buyer_maker else notional,
        trade.id,
        trade.id,
    )


class _Bars:
    """Bars of one span, oldest first, only those with trades, the oldest forgotten in time."""

    def __init__(self, span_ns: int, kept: int) -> None:
        self.span_ns = span_ns
        self._kept = kept
        self.bars: list[Bar] = []

    def add(self, trade: TapeTrade) -> None:
        bar = bar_from_trade(trade, self.span_ns)
        if self.bars and self.bars[-1].open_ns == bar.open_ns:
            self.bars[-1].merge(bar)
            return
        self.bars.append(bar)
        if len(self.bars) > 2 * self._kept:
            del self.bars[: self._kept]

    def between(self, start_ns: int, end_ns: int) -> list[Bar]:
        """Give the bars that open from `start_ns` until before `end_ns`."""
        first = bisect_left(self.bars, start_ns, key=_opened)
        return self.bars[first : bisect_left(self.bars, end_ns, key=_opened)]

    def before(self, at_ns: int) -> Bar | None:
        """Give the last bar that opens before a time."""
        index = bisect_left(self.bars, at_ns, key=_opened)
        return self.bars[index - 1] if index else None


def _opened(bar: Bar) -> int:
    return bar.open_ns


class Tape:
    """The trades of one symbol and what is computed from them."""

    def __init__(self, first_id: int = 1) -> None:
        self.trades: deque[TapeTrade] = deque(maxlen=KEPT_TRADES)
        self.aggregates: deque[AggregateTrade] = deque(maxlen=KEPT_TRADES)
        self.next_id = first_id
        self.next_aggregate_id = first_id
        self.last_price: Decimal | None = None
        self._seconds = _Bars(SECOND_NS, _KEPT_SECONDS)
        self._minutes = _Bars(MINUTE_NS, _KEPT_MINUTES)

    def add(self, trade: TapeTrade) -> AggregateTrade:
        """Take a trade and give the aggregate that it belongs to, up to and with it."""
        self.trades.append(trade)
        self.next_id = trade.id + 1
        self.last_price = trade.price
        self._seconds.add(trade)
        self._minutes.add(trade)
        last = self.aggregates[-1] if self.aggregates else None
        if (
            last is not None
            and last.taker == trade.taker
            and last.price == trade.price
            and last.at_ns == trade.at_ns
            and trade.taker
        ):
            last.quantity += trade.quantity
            last.last_id = trade.id
            return last
        made = AggregateTrade(
            self.next_aggregate_id,
            trade.price,
            trade.quantity,
            trade.id,
            trade.id,
            trade.at_ns,
            trade.is_buyer_maker,
            trade.taker,
        )
        self.next_aggregate_id += 1
        self.aggregates.append(made)
        return made

    def invent(self, bars: Iterable[Bar]) -> None:
        """Take the minutes of a past that nobody saw, oldest first, before the first trade."""
        for bar in bars:
            self._minutes.bars.append(bar)
            self.last_price = bar.close
            if bar.count:
                self.next_id = bar.last_id + 1
                self.next_aggregate_id = self.next_id

    def average(self, minutes: int, now_ns: int) -> tuple[Decimal, int] | None:
        """Give the volume-weighted price of the last minutes, with the last trade's time.

        Where nothing was traded in them, the last trade before counts; `None` when there has
        never been one.
        """
        since_ns = now_ns - minutes * MINUTE_NS
        volume = notional = _ZERO
        if self.trades and minutes:
            for trade in reversed(self.trades):
                if trade.at_ns < since_ns:
                    break
                volume += trade.quantity
                notional += trade.notional
        if volume:
            return notional / volume, self.trades[-1].at_ns
        if self.last_price is None:
            return None
        last_ns = self.trades[-1].at_ns if self.trades else self._minutes.bars[-1].open_ns
        return self.last_price, last_ns

    def window(self, start_ns: int, now_ns: int) -> Bar | None:
        """Sum up everything since `start_ns`; `None` when nothing was ever traded."""
        bars = self._minutes.between(start_ns // MINUTE_NS * MINUTE_NS, now_ns + 1)
        return self._summed(bars, start_ns)

    def bar_at(self, interval: str, now_ns: int, offset_ns: int = 0) -> Bar | None:
        """Give the bar that is being made; flat where nothing was traded in it."""
        start_ns = period_start(interval, now_ns, offset_ns)
        bars = self._source(interval).between(start_ns, now_ns + 1)
        return self._summed(bars, start_ns)

    def bars(
        self,
        interval: str,
        limit: int,
        now_ns: int,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        offset_ns: int = 0,
    ) -> list[Bar]:
        """Give bars by their opening times, oldest first, flat ones where nothing was traded.

        Without a start the newest count, with one the oldest from there.
        """
        source = self._source(interval)
        if not source.bars:
            return []
        first_ns = period_start(interval, source.bars[0].open_ns, offset_ns)
        last_ns = period_start(
            interval, min(now_ns, now_ns if end_ns is None else end_ns), offset_ns
        )
        starts: list[int] = []
        if start_ns is not None:
            at_ns = period_start(interval, max(start_ns, first_ns), offset_ns)
            if at_ns < start_ns:
                at_ns = period_end(interval, at_ns, offset_ns)
            while at_ns <= last_ns and len(starts) < limit:
                starts.append(at_ns)
                at_ns = period_end(interval, at_ns, offset_ns)
        else:
            at_ns = last_ns
            while at_ns >= first_ns and len(starts) < limit:
                starts.append(at_ns)
                at_ns = period_start(interval, at_ns - 1, offset_ns)
            starts.reverse()
        made = []
        for at_ns in starts:
            bar = self._summed(source.between(at_ns, period_end(interval, at_ns, offset_ns)), at_ns)
            if bar is not None:
                made.append(bar)
        return made

    def aggregates_from(self, first_id: int) -> list[AggregateTrade]:
        """Give the kept aggregate trades from an id on."""
        rows = list(self.aggregates)
        return rows[bisect_right(rows, first_id - 1, key=lambda row: row.id) :]

    def _source(self, interval: str) -> _Bars:
        return self._seconds if interval == "1s" else self._minutes

    def _summed(self, bars: list[Bar], open_ns: int) -> Bar | None:
        if not bars:
            # The price before this span: minutes reach further back than seconds.
            before = self._minutes.before(open_ns)
            price = before.close if before is not None else None
            return None if price is None else Bar(open_ns, price, price, price, price)
        total = attrs.evolve(bars[0], open_ns=open_ns)
        for bar in bars[1:]:
            total.merge(bar)
        return total


def period_start(interval: str, at_ns: int, offset_ns: int = 0) -> int:
    """Give the opening time of the bar that a time belongs to.

    Args:
        interval: A key of `SPANS`.
        at_ns: Any time.
        offset_ns: How far east of Greenwich bars are aligned.
    """
    local_ns = at_ns + offset_ns
    if interval == "1M":
        date = _date(local_ns).replace(day=1)
        return _nanoseconds(date) - offset_ns
    span_ns = SPANS[interval]
    anchor_ns = _MONDAY_NS if interval == "1w" else 0
    return (local_ns - anchor_ns) // span_ns * span_ns + anchor_ns - offset_ns


def period_end(interval: str, start_ns: int, offset_ns: int = 0) -> int:
    """Give the opening time of the next bar."""
    if interval == "1M":
        date = _date(start_ns + offset_ns)
        following = (date.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        return _nanoseconds(following) - offset_ns
    return start_ns + SPANS[interval]


def _date(at_ns: int) -> dt.date:
    return dt.datetime.fromtimestamp(at_ns // SECOND_NS, dt.UTC).date()


def _nanoseconds(date: dt.date) -> int:
    return (date - dt.date(1970, 1, 1)).days * DAY_NS


def invented_past(
    rng: random.Random, price: Decimal, tick: Decimal, now_ns: int, minutes: int = 1_440
) -> list[Bar]:
    """Walk backwards from a price at random and give the minutes that lead up to it."""
    top = max(1, int(price / tick))
    spread = max(1, top // 4_000)
    closes = [top]
    for _ in range(minutes):
        closes.append(max(1, closes[-1] + rng.randint(-spread, spread)))
    closes.reverse()
    first_ns = now_ns // MINUTE_NS * MINUTE_NS - minutes * MINUTE_NS
    bars = []
    for index in range(minutes):
        opened, closed = closes[index], closes[index + 1]
        high = max(opened, closed) + rng.randint(0, spread)
        low = max(1, min(opened, closed) - rng.randint(0, spread))
        volume = Decimal(rng.randint(1, 4_000)) / 1_000
        taken = volume * rng.randint(20, 80) / 100
        middle = tick * (opened + closed) / 2
        bars.append(
            Bar(
                first_ns + index * MINUTE_NS,
                tick * opened,
                tick * high,
                tick * low,
                tick * closed,
                volume,
                volume * middle,
                10,
                taken,
                taken * middle,
                1 + index * 10,
                10 + index * 10,
            )
        )
    return bars
