"""Commands that ask for public data: `info`, `book`, `trades`, `ticker`, `candles`."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from cyclopts.types import PositiveInt

from venuekit.cli.certificates import quality
from venuekit.cli.exits import UsageError
from venuekit.cli.options import NO_OPTIONS, Options
from venuekit.cli.screen import Cell, Grid, amount
from venuekit.cli.session import MakeSession
from venuekit.model import BookSnapshot, Instrument, Level, datetime_from_ns, plain

if TYPE_CHECKING:
    from venuekit.client import Exchange
    from venuekit.limits import BudgetState


class MarketCommands:
    """Ask once, print, end. None needs a key."""

    def __init__(self, begin: MakeSession) -> None:
        """Work through the sessions that `begin` makes."""
        self._begin = begin

    async def info(
        self,
        exchange: str | None = None,
        symbol: str | None = None,
        /,
        *,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Show what an exchange can do, or the rules of one instrument.

        Args:
            exchange: Id of the exchange, as "venuekit plugins" lists it; by default the one that
                venuekit.toml names.
            symbol: Show the rules of this instrument, such as BTC/USDT.
        """
        session = self._begin(options)
        async with session.opened(session.chosen(exchange)) as ex:
            if symbol is not None:
                instrument = ex.instrument(symbol)
                session.screen.show(instrument, _rules(instrument))
                return
            facts = _facts(ex, session.plugins.list_plugins())
            facts["quality"] = quality(ex.id, session.plugins)
            limits = ex.limits()
        words: list[tuple[str, Cell]] = [
            ("exchange", f"{facts['title']} ({facts['id']})"),
            ("plugin", f"{facts['distribution']} {facts['version']}".strip() or "handed in"),
            ("quality", facts["quality"]),
            ("environment", facts["environment"]),
            ("address", facts["address"]),
            ("account", facts["account"]),
            ("instruments", facts["instruments"]),
            ("clock offset", f"{ex.clock_offset_ns / 1e6:+.3f} ms"),
            ("round trip", f"{ex.latency_ns / 1e6:.3f} ms"),
            ("can", ", ".join(facts["capabilities"])),
            *(("limit", _limit_in_words(limit)) for limit in limits),
        ]
        session.screen.show({**facts, "limits": limits}, Grid(columns=["what", "~is"], rows=words))

    async def book(
        self,
        exchange: str,
        symbol: str,
        /,
        *,
        depth: PositiveInt = 10,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Show the best prices of the order book.

        Args:
            exchange: Id of the exchange.
            symbol: Instrument, such as BTC/USDT.
            depth: How many levels of each side.
        """
        session = self._begin(options)
        async with session.opened(exchange) as ex:
            asked = ex.fetch_book(symbol, depth=depth)
            book = await session.asked("asking for the book", asked)
        session.screen.show(book, book_grid(book, depth))

    async def trades(
        self,
        exchange: str,
        symbol: str,
        /,
        *,
        limit: PositiveInt = 20,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Show the newest public trades, oldest first.

        Args:
            exchange: Id of the exchange.
            symbol: Instrument, such as BTC/USDT.
            limit: How many.
        """
        session = self._begin(options)
        async with session.opened(exchange) as ex:
            asked = ex.fetch_trades(symbol, limit=limit)
            trades = await session.asked("asking for trades", asked)
        rows = [[moment(t.time_ns), t.side.value, t.price, t.quantity] for t in trades]
        columns = ["time (UTC)", "taker", ">price", ">quantity"]
        session.screen.show(trades, Grid(columns=columns, rows=rows, empty="no trades"))

    async def ticker(
        self, exchange: str, symbol: str | None = None, /, *, options: Options = NO_OPTIONS
    ) -> None:
        """Show the figures of the last 24 hours, of all instruments if none is named.

        Args:
            exchange: Id of the exchange.
            symbol: Instrument, such as BTC/USDT.
        """
        session = self._begin(options)
        async with session.opened(exchange) as ex:
            if symbol is not None:
                ticker = await session.asked("asking for the ticker", ex.fetch_ticker(symbol))
                session.screen.show(ticker, _ticker(ticker))
                return
            tickers = await session.asked("asking for tickers", ex.fetch_tickers())
        rows = [[t.symbol, t.last, t.bid, t.ask, t.volume] for t in tickers]
        columns = ["symbol", ">last", ">bid", ">ask", ">volume"]
        session.screen.show(tickers, Grid(columns=columns, rows=rows, empty="no instruments"))

    async def candles(
        self,
        exchange: str,
        symbol: str,
        interval: str = "1m",
        /,
        *,
        limit: PositiveInt = 20,
        options: Options = NO_OPTIONS,
    ) -> None:
        """Show candles, oldest first; the last may still grow.

        Args:
            exchange: Id of the exchange.
            symbol: Instrument, such as BTC/USDT.
            interval: 1m, 5m, 1h, 1d, … as far as the exchange has them.
            limit: How many.
        """
        session = self._begin(options)
        async with session.opened(exchange) as ex:
            asked = ex.fetch_candles(symbol, interval, limit=limit)
            try:
                candles = await session.asked("asking for candles", asked)
            except ValueError as error:
                raise UsageError(str(error)) from error
        rows = [
            [
                f"{datetime_from_ns(c.open_time_ns):%Y-%m-%d %H:%M}",
                *(c.open, c.high, c.low, c.close, c.volume),
                "" if c.is_closed else "grows",
            ]
            for c in candles
        ]
        columns = ["opened (UTC)", ">open", ">high", ">low", ">close", ">volume", ""]
        session.screen.show(candles, Grid(columns=columns, rows=rows, empty="no candles"))


def moment(time_ns: int | None) -> str:
    """Write a time for people, UTC, to the millisecond."""
    if time_ns is None:
        return "-"
    return f"{datetime_from_ns(time_ns):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def clock_time(time_ns: int | None) -> str:
    """Write the time of day, UTC, to the millisecond: for lines that come as they happen."""
    return moment(time_ns)[-12:]


def book_grid(book: BookSnapshot, depth: int) -> Grid:
    """Draw a book: bids on the left, asks on the right, the best on top."""
    return Grid(
        title=book.symbol,
        columns=[">bid quantity", ">bid", ">ask", ">ask quantity"],
        rows=_levels(book.bids[:depth], book.asks[:depth]),
        empty="the book is empty",
    )


def _levels(bids: Sequence[Level], asks: Sequence[Level]) -> Iterator[list[Cell]]:
    for bid, ask in zip_longest(bids, asks):
        left: list[Cell] = ["", ""] if bid is None else [bid[1], bid[0]]
        right: list[Cell] = ["", ""] if ask is None else [ask[0], ask[1]]
        yield [*left, *right]


def _facts(ex: "Exchange", entries: Sequence[Any]) -> dict[str, Any]:
    entry = next((e for e in entries if e.id == ex.id and e.status.value == "ready"), None)
    return {
        "id": ex.id,
        "title": ex.title,
        "distribution": entry.distribution if entry else "",
        "version": entry.version if entry else "",
        "environment": ex.environment,
        "address": ex.address,
        "account": ex.account,
        "capabilities": list(ex.capabilities),
        "lacks": dict(ex.lacks),
        "instruments": len(ex.instruments),
        "clock_offset_ns": ex.clock_offset_ns,
        "latency_ns": ex.latency_ns,
    }


def _limit_in_words(limit: "BudgetState") -> str:
    return f"{limit.name}: {limit.used} of {limit.capacity} in {limit.interval_s} s used"


def _rules(instrument: Instrument) -> Grid:
    price, quantity, notional = instrument.price, instrument.quantity, instrument.notional
    rows: list[tuple[str, Cell]] = [
        ("symbol", f"{instrument.symbol} (there: {instrument.native})"),
        ("status", instrument.status.value),
        ("price step", plain(price.step)),
        ("price", _span(price.minimum, price.maximum, instrument.quote)),
        ("quantity step", plain(quantity.step)),
        ("quantity", _span(quantity.minimum, quantity.maximum, instrument.base)),
        ("notional", _span(notional.minimum, notional.maximum, instrument.quote)),
        ("order types", ", ".join(sorted(instrument.order_types)) or "not stated"),
        ("features", ", ".join(sorted(instrument.features)) or "none"),
    ]
    return Grid(columns=["rule", "~is"], rows=rows)


def _span(minimum: Decimal, maximum: Decimal, asset: str) -> str:
    """Put bounds into words; a zero is switched off."""
    low = f"from {plain(minimum)}" if minimum else ""
    high = f"up to {plain(maximum)}" if maximum else ""
    return f"{low} {high} {asset}".strip() if low or high else "not limited"


def _ticker(ticker: Any) -> Grid:
    names = ("last", "bid", "ask", "open", "high", "low", "volume", "quote_volume")
    rows = [(name.replace("_", " "), amount(getattr(ticker, name))) for name in names]
    return Grid(
        title=ticker.symbol,
        columns=["last 24 hours", ">"],
        rows=[*rows, ("time (UTC)", moment(ticker.time_ns))],
    )
