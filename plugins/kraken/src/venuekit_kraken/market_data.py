"""Public data by REST: candles, books, tickers, trades.

Answers are keyed by the pair's id, whatever name was asked by.
Source: Kraken API Center, Spot REST market data pages, June 2026.
"""

import functools
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from venuekit.model import BookSnapshot, Candle, Instrument, Level, Side, Ticker, Trade
from venuekit.plugin import Answer, Call, MarketData, TradesAfter
from venuekit_kraken.calls import Listed, public, result_as, value_as
from venuekit_kraken.figures import amount, positive, seconds_ns

MINUTES: Final = {
    "1m": 1,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "4h": 240,
    "1d": 1440,
    "1w": 10080,
    "15d": 21600,
}
_DEEPEST: Final = 500
_MOST_TRADES: Final = 1000
_NS: Final = 1_000_000_000
SIDES: Final = {"b": Side.BUY, "s": Side.SELL}

_Bar = tuple[int, str, str, str, str, str, str, int]
_Row = tuple[str, str, int | Decimal]
_TradeRow = tuple[str, str, Decimal | int, str, str, str, int]


class _Book(msgspec.Struct):
    asks: list[_Row]
    bids: list[_Row]


class _Ticker(msgspec.Struct):
    a: tuple[str, str, str]
    b: tuple[str, str, str]
    c: tuple[str, str]
    v: tuple[str, str]
    l: tuple[str, str]  # noqa: E741  # the wire's name
    h: tuple[str, str]
    o: str


class PublicData(Listed, MarketData, TradesAfter):
    """Answers for trades, candles, books and tickers."""

    intervals: ClassVar[Sequence[str]] = tuple(MINUTES)

    def fetch_trades(self, instrument: Instrument, *, limit: int) -> Call[Sequence[Trade]]:
        """Ask for the newest trades, at most 1000, oldest first.

        Raises:
            ValueError: `limit` is below 1.
        """
        if limit < 1:
            msg = f"limit={limit}: at least 1"
            raise ValueError(msg)
        return public(
            "fetch trades",
            "Trades",
            (("pair", instrument.native), ("count", str(min(limit, _MOST_TRADES)))),
            functools.partial(_read_trades, instrument, limit),
        )

    def fetch_trades_after(
        self, trade: Trade, instrument: Instrument, *, is_aggregate: bool, limit: int
    ) -> Call[Sequence[Trade]]:
        """Ask for the trades after that one, at most 1000, oldest first.

        `since` is a time, so it is asked from just before it, and told apart by the ids, which
        count up. Streams tell times in microseconds, answers in more digits.

        Raises:
            ValueError: `limit` is below 1, or trades are to be aggregated, which Kraken has not.
        """
        if limit < 1 or is_aggregate:
            msg = f"limit={limit}, is_aggregate={is_aggregate}: at least 1, single trades"
            raise ValueError(msg)
        since = trade.time_ns - _NS // 1000
        return public(
            "fetch trades",
            "Trades",
            (
                ("pair", instrument.native),
                ("since", str(since)),
                ("count", str(_MOST_TRADES)),
            ),
            functools.partial(_read_trades_after, instrument, int(trade.trade_id), limit),
        )

    def fetch_candles(
        self,
        instrument: Instrument,
        interval: str,
        *,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
        now_ns: int,
    ) -> Call[Sequence[Candle]]:
        """Ask for candles, oldest first; Kraken keeps the newest 720 and tells no older ones.

        Raises:
            ValueError: Kraken has no such interval; `limit` is below 1; the span is empty.
        """
        if interval not in MINUTES:
            msg = f"interval {interval!r}; allowed: {', '.join(MINUTES)}"
            raise ValueError(msg)
        if limit < 1 or (since_ns is not None and until_ns is not None and since_ns > until_ns):
            msg = f"limit={limit}, since_ns={since_ns}, until_ns={until_ns}: an empty span"
            raise ValueError(msg)
        # `since` is exclusive, and names the beginning of a bar.
        since = () if since_ns is None else (("since", str(-(-since_ns // _NS) - 1)),)
        pairs = (("pair", instrument.native), ("interval", str(MINUTES[interval])), *since)
        span = (since_ns or 0, until_ns, limit if since_ns is not None else -limit)
        read = functools.partial(_read_candles, instrument, interval, now_ns, span)
        return public("fetch candles", "OHLC", pairs, read)

    def fetch_book(self, instrument: Instrument, *, depth: int) -> Call[BookSnapshot]:
        """Ask for the best `depth` levels of each side, 1 to 500.

        Raises:
            ValueError: A depth below 1; what is deeper gets 500.
        """
        if depth < 1:
            msg = f"depth={depth}: 1 to {_DEEPEST} levels"
            raise ValueError(msg)
        return public(
            "fetch book",
            "Depth",
            (("pair", instrument.native), ("count", str(min(depth, _DEEPEST)))),
            functools.partial(_read_book, instrument),
        )

    def fetch_tickers(self, instruments: Sequence[Instrument] | None) -> Call[Sequence[Ticker]]:
        """Ask for 24-hour figures; of all pairs if None. `open` is that of today, 00:00 UTC.

        Raises:
            ValueError: Of no pair at all.
        """
        if instruments is None:
            return public("fetch tickers", "Ticker", (), self._read_tickers)
        if not instruments:
            msg = "no instruments to fetch tickers of"
            raise ValueError(msg)
        names = ",".join(instrument.native for instrument in instruments)
        return public("fetch tickers", "Ticker", (("pair", names),), self._read_tickers)

    def _read_tickers(self, answer: Answer) -> Sequence[Ticker]:
        rows = result_as(answer, dict[str, _Ticker])
        names = self._pair_names()
        # Pairs that the listing lacks are newer than it, or were skipped and reported there.
        return [_ticker(row, names.of(name)) for name, row in rows.items() if names.knows(name)]


def of_pair(answer: Answer, form: Any) -> Any:
    """Read the one member of a result that is not `last`: it goes by the pair's id.

    Raises:
        ValueError: There is none, or several.
    """
    rows = result_as(answer, dict[str, Any])
    found = [value for name, value in rows.items() if name != "last"]
    if len(found) != 1:
        msg = f"{len(found)} pairs in the answer, one was asked for"
        raise ValueError(msg)
    return value_as(found[0], form)


def _read_trades(instrument: Instrument, limit: int, answer: Answer) -> Sequence[Trade]:
    rows: list[_TradeRow] = of_pair(answer, list[_TradeRow])
    return [
        Trade(
            symbol=instrument.symbol,
            trade_id=str(row[6]),
            price=amount(row[0]),
            quantity=amount(row[1]),
            side=_side(row[3]),
            time_ns=seconds_ns(row[2]),
        )
        for row in rows[-limit:]
    ]


def _read_trades_after(
    instrument: Instrument, last_id: int, limit: int, answer: Answer
) -> Sequence[Trade]:
    found = _read_trades(instrument, _MOST_TRADES, answer)
    return [trade for trade in found if int(trade.trade_id) > last_id][:limit]


def _side(text: str) -> Side:
    if text not in SIDES:
        msg = f"side {text[:40]!r}"
        raise ValueError(msg)
    return SIDES[text]


def _read_candles(
    instrument: Instrument,
    interval: str,
    now_ns: int,
    span: tuple[int, int | None, int],
    answer: Answer,
) -> Sequence[Candle]:
    since_ns, until_ns, limit = span
    length_ns = MINUTES[interval] * 60 * _NS
    rows: list[_Bar] = of_pair(answer, list[_Bar])
    found = [
        Candle(
            symbol=instrument.symbol,
            interval=interval,
            open_time_ns=row[0] * _NS,
            open=amount(row[1]),
            high=amount(row[2]),
            low=amount(row[3]),
            close=amount(row[4]),
            volume=amount(row[6]),
            trade_count=row[7],
            is_closed=row[0] * _NS + length_ns <= now_ns,
        )
        for row in rows
        if row[0] * _NS >= since_ns and (until_ns is None or row[0] * _NS <= until_ns)
    ]
    return found[:limit] if limit > 0 else found[limit:]


def _levels(rows: Sequence[_Row]) -> tuple[Level, ...]:
    return tuple((amount(price), amount(quantity)) for price, quantity, _ in rows)


def _read_book(instrument: Instrument, answer: Answer) -> BookSnapshot:
    book: _Book = of_pair(answer, _Book)
    return BookSnapshot(symbol=instrument.symbol, bids=_levels(book.bids), asks=_levels(book.asks))


def _ticker(row: _Ticker, instrument: Instrument) -> Ticker:
    bid, ask = positive(row.b[0]), positive(row.a[0])
    return Ticker(
        symbol=instrument.symbol,
        last=positive(row.c[0]),
        bid=bid,
        bid_quantity=amount(row.b[2]) if bid else None,
        ask=ask,
        ask_quantity=amount(row.a[2]) if ask else None,
        open=positive(row.o),
        high=positive(row.h[1]),
        low=positive(row.l[1]),
        volume=amount(row.v[1]),
    )
