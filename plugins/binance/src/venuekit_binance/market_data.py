"""Public data by REST: candles, books, tickers.

Source: Binance Spot `rest-api.md` "Market data endpoints", 2026-07-21.
"""

import functools
import json
from collections.abc import Generator, Iterable, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from venuekit.model import BookSnapshot, Candle, Instrument, Level, Ticker
from venuekit.plugin import Answer, Call, MarketData, Steps, read_typed
from venuekit_binance.calls import public
from venuekit_binance.figures import Count, amounts, moment_ns
from venuekit_binance.spans import MOST_ROWS, NS_IN_MS, bound, check_limit, check_span

INTERVALS: Final = (
    *("1s", "1m", "3m", "5m", "15m", "30m"),
    *("1h", "2h", "4h", "6h", "8h", "12h"),
    *("1d", "3d", "1w", "1M"),
)
_DEEPEST: Final = 5000


class _Book(msgspec.Struct, rename="camel"):
    last_update_id: Count
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class _Ticker(msgspec.Struct, rename="camel"):
    symbol: str
    last_price: str
    bid_price: str
    bid_qty: str
    ask_price: str
    ask_qty: str
    open_price: str
    high_price: str
    low_price: str
    volume: str
    quote_volume: str
    close_time: int


_Bar = tuple[int, str, str, str, str, str, int, str, Count, str, str, str]

_BARS: Final = msgspec.json.Decoder(list[_Bar])
_BOOK: Final = msgspec.json.Decoder(_Book)
_TICKERS: Final = msgspec.json.Decoder(list[_Ticker])


class PublicData(MarketData):
    """Answers for candles, books and tickers."""

    intervals: ClassVar[Sequence[str]] = INTERVALS

    def fetch_candles(
        self,
        instrument: Instrument,
        interval: str,
        *,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
        now_ns: int,
    ) -> Steps[Sequence[Candle]]:
        """Ask for candles that open in the span, oldest first; 1000 for each weight of 2.

        Raises:
            ValueError: Binance has no such interval; `limit` is below 1; the span is empty.
        """
        if interval not in INTERVALS:
            msg = f"interval {interval!r}; allowed: {', '.join(INTERVALS)}"
            raise ValueError(msg)
        check_limit(limit)
        check_span(since_ns, until_ns)
        reader = functools.partial(_read_candles, instrument, interval, now_ns)
        if since_ns is None:
            return self._newest_candles(instrument, interval, reader, until_ns, limit)
        return self._candles_since(instrument, interval, reader, since_ns, until_ns, limit)

    def _candles_since(
        self,
        instrument: Instrument,
        interval: str,
        reader: "functools.partial[list[Candle]]",
        since_ns: int,
        until_ns: int | None,
        limit: int,
    ) -> Generator[Call[Any], Any, Sequence[Candle]]:
        found: list[Candle] = []
        start = bound("startTime", since_ns, up=True)
        while True:
            count = min(limit - len(found), MOST_ROWS)
            pairs = (*start, *bound("endTime", until_ns))
            page: list[Candle] = yield _candles_call(instrument, interval, pairs, count, reader)
            found.extend(page)
            if len(page) < count or len(found) >= limit:
                return found
            start = bound("startTime", found[-1].open_time_ns + NS_IN_MS)

    def _newest_candles(
        self,
        instrument: Instrument,
        interval: str,
        reader: "functools.partial[list[Candle]]",
        until_ns: int | None,
        limit: int,
    ) -> Generator[Call[Any], Any, Sequence[Candle]]:
        found: list[Candle] = []
        end_ns = until_ns
        while True:
            count = min(limit - len(found), MOST_ROWS)
            page: list[Candle] = yield _candles_call(
                instrument, interval, bound("endTime", end_ns), count, reader
            )
            found = page + found
            if len(page) < count or len(found) >= limit:
                return found
            end_ns = found[0].open_time_ns - NS_IN_MS

    def fetch_book(self, instrument: Instrument, *, depth: int) -> Call[BookSnapshot]:
        """Ask for the best `depth` levels of each side, 1 to 5000; a weight of 5 to 250.

        Raises:
            ValueError: A depth beyond that.
        """
        if not 1 <= depth <= _DEEPEST:
            msg = f"depth={depth}: 1 to {_DEEPEST} levels"
            raise ValueError(msg)
        return public(
            "fetch book",
            "depth",
            (("symbol", instrument.native), ("limit", str(depth))),
            functools.partial(_read_book, instrument),
            weight=_book_weight(depth),
        )

    def fetch_tickers(self, instruments: Sequence[Instrument] | None) -> Call[Sequence[Ticker]]:
        """Ask for 24-hour figures; of all listed instruments (None) for a weight of 80.

        Raises:
            ValueError: Of no instrument at all.
        """
        if instruments is None:
            return public("fetch tickers", "ticker/24hr", (), self._read_tickers, weight=80)
        if not instruments:
            msg = "no instruments to fetch tickers of"
            raise ValueError(msg)
        names = json.dumps([i.native for i in instruments], ensure_ascii=False)
        return public(
            "fetch tickers",
            "ticker/24hr",
            (("symbols", names.replace(" ", "")),),
            self._read_tickers,
            weight=_tickers_weight(len(instruments)),
        )

    def _read_tickers(self, answer: Answer) -> Sequence[Ticker]:
        # Symbols that the listing lacks are newer than it, or were skipped and reported there.
        return [
            _ticker(row, self.instruments.native(row.symbol))
            for row in read_typed(answer.body, _TICKERS)
            if self.instruments.knows_native(row.symbol)
        ]


def levels(side: Sequence[tuple[str, str]]) -> tuple[Level, ...]:
    """Read price levels, every digit kept."""
    figures = iter(amounts([text for level in side for text in level]))
    return tuple(zip(figures, figures, strict=True))


def _book_weight(depth: int) -> int:
    if depth <= 100:
        return 5
    if depth <= 500:
        return 25
    return 50 if depth <= 1000 else 250


def _tickers_weight(count: int) -> int:
    if count <= 20:
        return 2
    return 40 if count <= 100 else 80


def _candles_call(
    instrument: Instrument,
    interval: str,
    pairs: Iterable[tuple[str, str]],
    limit: int,
    read: "functools.partial[list[Candle]]",
) -> Call[list[Candle]]:
    return public(
        "fetch candles",
        "klines",
        (
            ("symbol", instrument.native),
            ("interval", interval),
            *pairs,
            ("limit", str(limit)),
        ),
        read,
        weight=2,
    )


def _read_candles(
    instrument: Instrument, interval: str, now_ns: int, answer: Answer
) -> list[Candle]:
    return [_candle(row, instrument, interval, now_ns) for row in read_typed(answer.body, _BARS)]


def _candle(row: _Bar, instrument: Instrument, interval: str, now_ns: int) -> Candle:
    first, high, low, last, volume, quote_volume = amounts(
        (row[1], row[2], row[3], row[4], row[5], row[7])
    )
    return Candle(
        symbol=instrument.symbol,
        interval=interval,
        open_time_ns=moment_ns(row[0]),
        open=first,
        high=high,
        low=low,
        close=last,
        volume=volume,
        quote_volume=quote_volume,
        trade_count=row[8],
        is_closed=moment_ns(row[6]) < now_ns,
    )


def _read_book(instrument: Instrument, answer: Answer) -> BookSnapshot:
    book = read_typed(answer.body, _BOOK)
    return BookSnapshot(
        symbol=instrument.symbol,
        bids=levels(book.bids),
        asks=levels(book.asks),
        update_id=book.last_update_id,
    )


def _ticker(row: _Ticker, instrument: Instrument) -> Ticker:
    return ticker(
        instrument,
        (
            *(row.last_price, row.bid_price, row.bid_qty, row.ask_price, row.ask_qty),
            *(row.open_price, row.high_price, row.low_price, row.volume, row.quote_volume),
        ),
        row.close_time,
    )


def ticker(instrument: Instrument, texts: Sequence[str], time_ms: int) -> Ticker:
    """Make a ticker of last, bid, its quantity, ask, its quantity, open, high, low, volumes.

    A price of zero means that there is none: nobody bids, or nothing traded.
    """
    figures: list[Decimal] = amounts(texts)
    last, bid, bid_quantity, ask, ask_quantity, first, high, low, volume, quote_volume = figures
    return Ticker(
        symbol=instrument.symbol,
        last=last or None,
        bid=bid or None,
        bid_quantity=bid_quantity if bid else None,
        ask=ask or None,
        ask_quantity=ask_quantity if ask else None,
        open=first or None,
        high=high or None,
        low=low or None,
        volume=volume,
        quote_volume=quote_volume,
        time_ns=moment_ns(time_ms),
    )
