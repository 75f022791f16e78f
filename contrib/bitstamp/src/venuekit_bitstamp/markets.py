"""The listing, and public data over REST. Source: HTTP API, "Market info" and the like, 2026."""

from collections.abc import Generator, Sequence
from decimal import Decimal

import venuekit.model as vm
import venuekit.plugin as vk
from venuekit.plugin import Answer, Call, Members
from venuekit_bitstamp.wire import get

S = 10**9
SIDES = {"0": vm.Side.BUY, "1": vm.Side.SELL}
_NONE = Decimal(0)
_STATES = {"Enabled": vm.InstrumentStatus.TRADING, "Disabled": vm.InstrumentStatus.HALTED}
_STEPS_S = {"1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "2h": 7200}
_STEPS_S |= {"4h": 14400, "6h": 21600, "12h": 43200, "1d": 86400, "3d": 259200}


class Markets(vk.ExchangeInfo, vk.MarketData):
    """Knows the listing, and answers for public data."""

    intervals = tuple(_STEPS_S)

    def fetch_time(self) -> Call[int]:
        """Ask for the time, to the second: that of a ticker, as nothing else tells it."""
        return get("fetch time", "/api/v2/ticker/btcusd/", _read_time)

    def fetch_listing(self) -> Call[vk.Listing]:
        """Ask for all spot markets; others are skipped."""
        return get("fetch markets", "/api/v2/markets/", _read_listing)

    def fetch_trades(
        self, instrument: vm.Instrument, *, limit: int
    ) -> Generator[Call[list[vm.Trade]], list[vm.Trade], list[vm.Trade]]:
        """Ask for the newest trades: of the last hour, or day where those are too few."""

        def read(answer: Answer) -> list[vm.Trade]:
            found = (_trade(row, instrument) for row in Members.list_of(answer))
            return sorted(found, key=lambda trade: (trade.time_ns, int(trade.trade_id)))

        path = f"/api/v2/transactions/{instrument.native}/"
        found = yield get("fetch trades", path, read, [("time", "hour")])
        if len(found) < limit:
            found = yield get("fetch trades", path, read, [("time", "day")])
        return found[-limit:]

    def fetch_candles(
        self,
        instrument: vm.Instrument,
        interval: str,
        *,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
        now_ns: int,
    ) -> Call[Sequence[vm.Candle]]:
        """Ask for up to 1,000 candles: from `since_ns` on, else the last ones to `until_ns`."""
        step_ns = _STEPS_S[interval] * S

        def candle(row: Members) -> vm.Candle:
            begin_ns = row.time_ns("timestamp", unit_ns=S)
            return vm.Candle(
                symbol=instrument.symbol,
                interval=interval,
                open_time_ns=begin_ns,
                trade_count=None,
                is_closed=begin_ns + step_ns <= now_ns,
                **row.amounts("open", "high", "low", "close", "volume"),
            )

        def read(answer: Answer) -> list[vm.Candle]:
            found = map(candle, Members.of(answer).members("data").rows("ohlc"))
            wanted = (each for each in found if until_ns is None or each.open_time_ns <= until_ns)
            return sorted(wanted, key=lambda each: each.open_time_ns)

        query = [("step", str(step_ns // S)), ("limit", str(min(limit, 1000)))]
        if since_ns is not None:  # of both bounds, Bitstamp would heed the end only
            query.append(("start", str(-(-since_ns // S))))
        elif until_ns is not None:
            query.append(("end", str(until_ns // S)))
        return get("fetch candles", f"/api/v2/ohlc/{instrument.native}/", read, query)

    def fetch_book(self, instrument: vm.Instrument, *, depth: int) -> Call[vm.BookSnapshot]:
        """Ask for the book; all of it comes, and `depth` levels are read."""

        def read(answer: Answer) -> vm.BookSnapshot:
            return book_of(Members.of(answer), instrument, depth)

        return get("fetch book", f"/api/v2/order_book/{instrument.native}/", read)

    def fetch_tickers(
        self, instruments: Sequence[vm.Instrument] | None
    ) -> Call[Sequence[vm.Ticker]]:
        """Ask for 24-hour figures of all markets."""
        listed = self.instruments.values() if instruments is None else instruments
        wanted = {each.symbol for each in listed}

        def read(answer: Answer) -> list[vm.Ticker]:
            found = map(_ticker, Members.list_of(answer))
            return [ticker for ticker in found if ticker.symbol in wanted]

        return get("fetch tickers", "/api/v2/ticker/", read)


def book_of(read: Members, instrument: vm.Instrument, depth: int) -> vm.BookSnapshot:
    """Read a book, of an answer or a frame; its number is its time in microseconds."""
    return vm.BookSnapshot(
        symbol=instrument.symbol,
        bids=read.levels("bids", depth=depth),
        asks=read.levels("asks", depth=depth),
        update_id=read.integer("microtimestamp"),
        time_ns=read.time_ns("microtimestamp", unit_ns=1000),
    )


def _read_time(answer: Answer) -> int:
    return Members.of(answer).time_ns("timestamp", unit_ns=S)


def _read_listing(answer: Answer) -> vk.Listing:
    return vk.Listing.read(Members.list_of(answer), "name", _instrument)


def _instrument(row: Members) -> vm.Instrument:
    row.one_of("market_type", {"SPOT": True})
    least, most = (
        [row.amount_or_none(f"{which}_order_{what}") or _NONE for what in ("amount", "value")]
        for which in ("minimum", "maximum")
    )
    return vm.Instrument(
        symbol=vm.Symbol(f"{row.text('base_currency')}/{row.text('counter_currency')}"),
        native=row.text("market_symbol"),
        base=row.text("base_currency"),
        quote=row.text("counter_currency"),
        status=row.one_of("trading", _STATES),
        price=vm.Grid(row.step("counter_decimals")),
        quantity=vm.Grid(row.step("base_decimals"), least[0], most[0]),
        notional=vm.NotionalRule(least[1], most[1], minimum_for_market=True),
        order_types=frozenset({"limit", "market"}),
        features=frozenset({"quote_quantity"}),
    )


def _trade(row: Members, instrument: vm.Instrument) -> vm.Trade:
    return vm.Trade(
        symbol=instrument.symbol,
        trade_id=str(row.integer("tid")),
        price=row.amount("price"),
        quantity=row.amount("amount"),
        side=row.one_of("type", SIDES),
        time_ns=row.time_ns("date", unit_ns=S),
    )


def _ticker(row: Members) -> vm.Ticker:
    names = ("last", "bid", "ask", "high", "low", "volume")
    return vm.Ticker(
        symbol=vm.Symbol(row.text("pair")),
        time_ns=row.time_ns("timestamp", unit_ns=S),
        **{name: row.amount_or_none(name) for name in names},
    )
