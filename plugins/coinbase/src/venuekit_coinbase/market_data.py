"""Public data by REST: candles, books, tickers, trades.

Source: Coinbase Advanced Trade API reference, public market data pages, June 2026.
"""

import functools
from collections.abc import Generator, Sequence
from typing import Any, ClassVar, Final

import msgspec

from venuekit.model import BookSnapshot, Candle, Instrument, Level, Side, Ticker, Trade
from venuekit.plugin import Answer, Call, MarketData
from venuekit_coinbase.calls import Listed, answer_as, public
from venuekit_coinbase.figures import amount, moment_ns, positive, seconds_ns, some_moment_ns
from venuekit_coinbase.order_reports import side_of

GRANULARITIES: Final = {
    "1m": ("ONE_MINUTE", 60),
    "5m": ("FIVE_MINUTE", 300),
    "15m": ("FIFTEEN_MINUTE", 900),
    "30m": ("THIRTY_MINUTE", 1800),
    "1h": ("ONE_HOUR", 3600),
    "2h": ("TWO_HOUR", 7200),
    "4h": ("FOUR_HOUR", 14_400),
    "6h": ("SIX_HOUR", 21_600),
    "1d": ("ONE_DAY", 86_400),
}
"""Name and length in seconds by interval."""
_CANDLES: Final = 350
_MOST_CALLS: Final = 100
_MOST_TRADES: Final = 1000
_DEEPEST: Final = 1000
_NS: Final = 1_000_000_000


class _Level(msgspec.Struct):
    price: str
    size: str


class _Book(msgspec.Struct):
    bids: list[_Level]
    asks: list[_Level]
    time: str | None = None


class _BookAnswer(msgspec.Struct):
    pricebook: _Book


class _Bar(msgspec.Struct):
    start: str
    low: str
    high: str
    open: str
    close: str
    volume: str


class _Bars(msgspec.Struct):
    candles: list[_Bar]


class TradeRow(msgspec.Struct):
    """A public trade; its `side` is the maker's."""

    trade_id: str
    price: str
    size: str
    time: str
    side: str
    product_id: str = ""


class _Trades(msgspec.Struct):
    trades: list[TradeRow]


class _Product(msgspec.Struct):
    product_id: str
    price: str = ""
    volume_24h: str = ""
    best_bid_price: str = ""
    best_ask_price: str = ""


class _Products(msgspec.Struct):
    products: list[_Product]


class PublicData(Listed, MarketData):
    """Answers for trades, candles, books and tickers."""

    intervals: ClassVar[Sequence[str]] = tuple(GRANULARITIES)

    def fetch_trades(self, instrument: Instrument, *, limit: int) -> Call[Sequence[Trade]]:
        """Ask for the newest trades, oldest first.

        Raises:
            ValueError: `limit` is below 1.
        """
        if limit < 1:
            msg = f"limit={limit}: at least 1"
            raise ValueError(msg)
        return public(
            "fetch trades",
            f"/market/products/{instrument.native}/ticker",
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
        """Ask for candles, oldest first, 350 at a time; bars without trades may be left out.

        Raises:
            ValueError: Coinbase has no such interval; `limit` is below 1; the span is empty; it
                takes more than 100 calls.
        """
        if interval not in GRANULARITIES:
            msg = f"interval {interval!r}; allowed: {', '.join(GRANULARITIES)}"
            raise ValueError(msg)
        if limit < 1 or (since_ns is not None and until_ns is not None and since_ns > until_ns):
            msg = f"limit={limit}, since_ns={since_ns}, until_ns={until_ns}: an empty span"
            raise ValueError(msg)
        name, length_s = GRANULARITIES[interval]
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
                f"/market/products/{instrument.native}/candles",
                (
                    ("start", str(first_s)),
                    ("end", str(until_s)),
                    ("granularity", name),
                    ("limit", str(_CANDLES)),
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
        """Ask for the best `depth` levels of each side.

        Raises:
            ValueError: `depth` is below 1.
        """
        if depth < 1:
            msg = f"depth={depth}: at least 1 level"
            raise ValueError(msg)
        return public(
            "fetch book",
            "/market/product_book",
            (("product_id", instrument.native), ("limit", str(min(depth, _DEEPEST)))),
            functools.partial(_read_book, instrument),
        )

    def fetch_tickers(self, instruments: Sequence[Instrument] | None) -> Call[Sequence[Ticker]]:
        """Ask for 24-hour figures; of all spot products if None.

        Raises:
            ValueError: The list is empty.
        """
        if instruments is not None and not instruments:
            msg = "no instruments to fetch tickers of"
            raise ValueError(msg)
        named = [("product_ids", each.native) for each in instruments or ()]
        pairs = [("product_type", "SPOT"), *named]
        return public("fetch tickers", "/market/products", pairs, self._read_tickers)

    def _read_tickers(self, answer: Answer) -> Sequence[Ticker]:
        rows = answer_as(answer, _Products).products
        # Products that the listing lacks are newer than it, or were skipped and reported there.
        return [
            _ticker(row, self.instruments.native(row.product_id))
            for row in rows
            if self.instruments.knows_native(row.product_id)
        ]


def trade_from_row(row: TradeRow, instrument: Instrument) -> Trade:
    """Read a public trade, turning the maker's side into the taker's; raises ValueError."""
    maker = side_of(row.side)
    return Trade(
        symbol=instrument.symbol,
        trade_id=row.trade_id,
        price=amount(row.price),
        quantity=amount(row.size),
        side=Side.SELL if maker is Side.BUY else Side.BUY,
        time_ns=moment_ns(row.time),
    )


def by_age(trade: Trade) -> tuple[int, int]:
    """Sort trades, oldest first: ids, which are numbers, tell apart what is of one moment."""
    return trade.time_ns, int(trade.trade_id) if trade.trade_id.isdecimal() else 0


def _read_trades(instrument: Instrument, limit: int, answer: Answer) -> Sequence[Trade]:
    rows = answer_as(answer, _Trades).trades
    return sorted((trade_from_row(row, instrument) for row in rows), key=by_age)[-limit:]


def _read_candles(
    instrument: Instrument, interval: str, now_ns: int, answer: Answer
) -> Sequence[Candle]:
    rows = answer_as(answer, _Bars).candles
    length_ns = GRANULARITIES[interval][1] * _NS
    return [
        Candle(
            symbol=instrument.symbol,
            interval=interval,
            open_time_ns=seconds_ns(row.start),
            open=amount(row.open),
            high=amount(row.high),
            low=amount(row.low),
            close=amount(row.close),
            volume=amount(row.volume),
            is_closed=seconds_ns(row.start) + length_ns <= now_ns,
        )
        for row in rows
    ]


def _levels(rows: Sequence[_Level]) -> tuple[Level, ...]:
    return tuple((amount(row.price), amount(row.size)) for row in rows)


def _read_book(instrument: Instrument, answer: Answer) -> BookSnapshot:
    book = answer_as(answer, _BookAnswer).pricebook
    return BookSnapshot(
        symbol=instrument.symbol,
        bids=_levels(book.bids),
        asks=_levels(book.asks),
        time_ns=some_moment_ns(book.time),
    )


def _ticker(row: _Product, instrument: Instrument) -> Ticker:
    return Ticker(
        symbol=instrument.symbol,
        last=positive(row.price),
        bid=positive(row.best_bid_price),
        ask=positive(row.best_ask_price),
        volume=positive(row.volume_24h),
    )
