"""Public data over REST.

The side of a trade is the maker's; ours is the taker's.
Source: Coinbase Exchange API reference, "Get product trades", "Get product candles", "Get product
book", "Get product ticker", 2026; of the side: a session recorded by cryptofeed, 2021.
"""

import functools
from collections.abc import Generator, Sequence
from typing import Any, ClassVar, Final

import msgspec

from venuekit.model import BookSnapshot, Candle, Instrument, Level, Side, Ticker, Trade
from venuekit.plugin import Answer, Call, MarketData, Number, read_json
from venuekit_coinbase.calls import Listed, answer_as
from venuekit_coinbase.exchange.calls import public
from venuekit_coinbase.exchange.order_reports import side_of
from venuekit_coinbase.figures import amount, moment_ns, moment_text, positive, some_moment_ns

_LENGTHS_S: Final = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "6h": 21_600, "1d": 86_400}
_CANDLES: Final = 300
_MOST_CALLS: Final = 100
_MOST_TRADES: Final = 1000
_NS: Final = 1_000_000_000


class TradeRow(msgspec.Struct):
    """A public trade; its `side` is the maker's."""

    trade_id: int
    price: str
    size: str
    time: str
    side: str


class _Book(msgspec.Struct):
    bids: list[list[Any]]
    asks: list[list[Any]]
    sequence: int | None = None
    time: str | None = None


class _Ticker(msgspec.Struct):
    price: str = ""
    bid: str = ""
    ask: str = ""
    volume: str = ""
    time: str | None = None


class PublicData(Listed, MarketData):
    """Answers for trades, candles, books and tickers."""

    intervals: ClassVar[Sequence[str]] = tuple(_LENGTHS_S)

    def fetch_trades(self, instrument: Instrument, *, limit: int) -> Call[Sequence[Trade]]:
        """Ask for the newest trades, oldest first, at most 1000.

        Raises:
            ValueError: `limit` is below 1.
        """
        if limit < 1:
            msg = f"limit={limit}: at least 1"
            raise ValueError(msg)
        return public(
            "fetch trades",
            f"/products/{instrument.native}/trades",
            (("limit", str(min(limit, _MOST_TRADES))),),
            functools.partial(_read_trades, instrument, limit),
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
    ) -> Generator[Call[Any], Any, Sequence[Candle]]:
        """Ask for candles, oldest first, 300 at a time; bars without trades are left out.

        Raises:
            ValueError: There is no such interval; `limit` is below 1; the span is empty; it takes
                more than 100 calls.
        """
        if interval not in _LENGTHS_S:
            msg = f"interval {interval!r}; allowed: {', '.join(_LENGTHS_S)}"
            raise ValueError(msg)
        if limit < 1 or (since_ns is not None and until_ns is not None and since_ns > until_ns):
            msg = f"limit={limit}, since_ns={since_ns}, until_ns={until_ns}: an empty span"
            raise ValueError(msg)
        length_s = _LENGTHS_S[interval]
        last_s = min(until_ns if until_ns is not None else now_ns, now_ns) // _NS
        last_s -= last_s % length_s
        if since_ns is None:
            first_s = last_s - (limit - 1) * length_s
        else:
            first_s = -(-since_ns // (_NS * length_s)) * length_s
        found: dict[int, Candle] = {}
        calls = 0
        while first_s <= last_s and len(found) < limit:
            if calls == _MOST_CALLS:
                msg = f"more than {_MOST_CALLS * _CANDLES} bars in the span; ask for less at once"
                raise ValueError(msg)
            calls += 1
            until_s = min(last_s, first_s + (_CANDLES - 1) * length_s)
            candles: Sequence[Candle] = yield public(
                "fetch candles",
                f"/products/{instrument.native}/candles",
                (
                    ("granularity", str(length_s)),
                    ("start", moment_text(first_s * _NS)),
                    ("end", moment_text(until_s * _NS)),
                ),
                functools.partial(_read_candles, instrument, interval, now_ns),
            )
            found |= {
                candle.open_time_ns: candle
                for candle in candles
                if first_s * _NS <= candle.open_time_ns <= until_s * _NS
            }
            first_s = until_s + length_s
        return [found[start] for start in sorted(found)][:limit]

    def fetch_book(self, instrument: Instrument, *, depth: int) -> Call[BookSnapshot]:
        """Ask for the best `depth` levels of each side; Coinbase sends all that there are.

        Raises:
            ValueError: `depth` is below 1.
        """
        if depth < 1:
            msg = f"depth={depth}: at least 1 level"
            raise ValueError(msg)
        return public(
            "fetch book",
            f"/products/{instrument.native}/book",
            (("level", "1" if depth == 1 else "2"),),
            functools.partial(_read_book, instrument, depth),
        )

    def fetch_tickers(
        self, instruments: Sequence[Instrument] | None
    ) -> Generator[Call[Any], Any, Sequence[Ticker]]:
        """Ask for 24-hour figures, with one request for each product; of all products if None.

        Raises:
            ValueError: The list is empty.
        """
        wanted = list(self.instruments.values()) if instruments is None else list(instruments)
        if not wanted:
            msg = "no instruments to fetch tickers of"
            raise ValueError(msg)
        found = []
        for instrument in wanted:
            ticker: Ticker = yield public(
                "fetch tickers",
                f"/products/{instrument.native}/ticker",
                (),
                functools.partial(_read_ticker, instrument),
            )
            found.append(ticker)
        return found


def trade_from_row(row: TradeRow, instrument: Instrument) -> Trade:
    """Read a public trade, turning the maker's side into the taker's; raises ValueError."""
    maker = side_of(row.side)
    return Trade(
        symbol=instrument.symbol,
        trade_id=str(row.trade_id),
        price=amount(row.price),
        quantity=amount(row.size),
        side=Side.SELL if maker is Side.BUY else Side.BUY,
        time_ns=moment_ns(row.time),
    )


def levels(rows: Sequence[Sequence[Any]]) -> tuple[Level, ...]:
    """Read rows of price, size and whatever else; raises ValueError."""
    found = []
    for row in rows:
        if len(row) < 2:
            msg = "a level that is no pair of price and size"
            raise ValueError(msg)
        found.append((amount(row[0]), amount(row[1])))
    return tuple(found)


def _read_trades(instrument: Instrument, limit: int, answer: Answer) -> Sequence[Trade]:
    rows = answer_as(answer, list[TradeRow])
    rows.sort(key=lambda row: row.trade_id)
    return [trade_from_row(row, instrument) for row in rows][-limit:]


def _read_candles(
    instrument: Instrument, interval: str, now_ns: int, answer: Answer
) -> Sequence[Candle]:
    found = []
    length_ns = _LENGTHS_S[interval] * _NS
    # Time, low, high, open, close, volume: as numbers, which keep their digits.
    rows = read_json(answer.body)
    if not (isinstance(rows, list) and all(isinstance(row, list) for row in rows)):
        msg = "candles that are no list of lists"
        raise ValueError(msg)
    for row in rows:
        start, low, high, open_, close, volume = (_number(value) for value in row)
        start_ns = int(amount(start)) * _NS
        found.append(
            Candle(
                symbol=instrument.symbol,
                interval=interval,
                open_time_ns=start_ns,
                open=amount(open_),
                high=amount(high),
                low=amount(low),
                close=amount(close),
                volume=amount(volume),
                is_closed=start_ns + length_ns <= now_ns,
            )
        )
    return found


def _number(value: Any) -> Number:
    if isinstance(value, bool | str) or value is None:
        msg = f"{str(value)[:40]!r} where a number belongs"
        raise ValueError(msg)
    number: Number = value
    return number


def _read_book(instrument: Instrument, depth: int, answer: Answer) -> BookSnapshot:
    book = answer_as(answer, _Book)
    return BookSnapshot(
        symbol=instrument.symbol,
        bids=levels(book.bids[:depth]),
        asks=levels(book.asks[:depth]),
        update_id=book.sequence,
        time_ns=some_moment_ns(book.time),
    )


def _read_ticker(instrument: Instrument, answer: Answer) -> Ticker:
    row = answer_as(answer, _Ticker)
    return Ticker(
        symbol=instrument.symbol,
        last=positive(row.price),
        bid=positive(row.bid),
        ask=positive(row.ask),
        volume=positive(row.volume),
        time_ns=some_moment_ns(row.time),
    )
