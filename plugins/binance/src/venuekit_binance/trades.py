"""Public trades by REST, one by one and aggregated.

Source: Binance Spot `rest-api.md` "Market data endpoints", 2026-07-21.
"""

import functools
from collections.abc import Generator, Iterable, Sequence
from typing import Any, Final

import msgspec

from venuekit.model import Instrument, Side, Trade
from venuekit.plugin import (
    AggregateTrades,
    Answer,
    Call,
    MarketData,
    Steps,
    TradesAfter,
    read_typed,
)
from venuekit_binance.calls import public
from venuekit_binance.figures import Count, moment_ns, two_amounts
from venuekit_binance.spans import MOST_ROWS, bound, check_limit, check_span


class _Trade(msgspec.Struct, rename="camel"):
    id: Count
    price: str
    qty: str
    time: int
    is_buyer_maker: bool


class _AggregateTrade(msgspec.Struct):
    a: Count
    p: str
    q: str
    f: int
    T: int
    m: bool


_TRADES: Final = msgspec.json.Decoder(list[_Trade])
_AGGREGATE_TRADES: Final = msgspec.json.Decoder(list[_AggregateTrade])


class PublicTrades(MarketData, AggregateTrades, TradesAfter):
    """Answers for public trades."""

    def fetch_trades(self, instrument: Instrument, *, limit: int) -> Steps[Sequence[Trade]]:
        """Ask for the newest trades, oldest first; 1000 for each weight of 25."""
        check_limit(limit)
        return self._trades(instrument, limit)

    def _trades(
        self, instrument: Instrument, limit: int
    ) -> Generator[Call[Any], Any, Sequence[Trade]]:
        found: list[Trade] = yield _trades_call(instrument, "trades", limit)
        while found and len(found) < limit and int(found[0].trade_id) > 0:
            first = int(found[0].trade_id)
            start = max(first - min(limit - len(found), MOST_ROWS), 0)
            page: list[Trade] = yield _trades_call(
                instrument, "historicalTrades", first - start, from_id=start
            )
            earlier = [trade for trade in page if int(trade.trade_id) < first]
            if not earlier:
                break
            found = earlier + found
        return found

    def fetch_aggregate_trades(
        self, instrument: Instrument, *, since_ns: int | None, until_ns: int | None, limit: int
    ) -> Steps[Sequence[Trade]]:
        """Ask for aggregated trades, oldest first: from `since_ns`, else the newest `limit`."""
        check_limit(limit)
        check_span(since_ns, until_ns)
        if since_ns is None:
            return self._newest_aggregate_trades(instrument, until_ns, limit)
        return self._aggregate_trades_since(instrument, since_ns, until_ns, limit)

    def fetch_trades_after(
        self, trade: Trade, instrument: Instrument, *, is_aggregate: bool, limit: int
    ) -> Steps[Sequence[Trade]]:
        """Ask for the trades after that id, at most 1000, oldest first; `fromId` is inclusive."""
        check_limit(limit)
        start = int(trade.trade_id) + 1
        if is_aggregate:
            return self._aggregate_trades_after(instrument, start, min(limit, MOST_ROWS))
        return _trades_call(instrument, "historicalTrades", limit, from_id=start)

    def _aggregate_trades_after(
        self, instrument: Instrument, start: int, limit: int
    ) -> Generator[Call[Any], Any, Sequence[Trade]]:
        pairs = (("fromId", str(start)),)
        rows: list[_AggregateTrade] = yield _aggregate_call(instrument, pairs, limit)
        return _aggregated(rows, instrument)

    def _aggregate_trades_since(
        self, instrument: Instrument, since_ns: int, until_ns: int | None, limit: int
    ) -> Generator[Call[Any], Any, Sequence[Trade]]:
        found: list[Trade] = []
        pairs = (*bound("startTime", since_ns, up=True), *bound("endTime", until_ns))
        while True:
            rows: list[_AggregateTrade] = yield _aggregate_call(instrument, pairs, MOST_ROWS)
            page = _aggregated(rows, instrument)
            found.extend(t for t in page if until_ns is None or t.time_ns <= until_ns)
            is_past = until_ns is not None and any(t.time_ns > until_ns for t in page)
            if len(rows) < MOST_ROWS or len(found) >= limit or is_past:
                return found[:limit]
            pairs = (("fromId", str(rows[-1].a + 1)),)

    def _newest_aggregate_trades(
        self, instrument: Instrument, until_ns: int | None, limit: int
    ) -> Generator[Call[Any], Any, Sequence[Trade]]:
        rows: list[_AggregateTrade] = yield _aggregate_call(
            instrument, bound("endTime", until_ns), min(limit, MOST_ROWS)
        )
        found = _aggregated(rows, instrument)
        while rows and len(found) < limit and rows[0].a > 0:
            first = rows[0].a
            start = max(first - MOST_ROWS, 0)
            rows = yield _aggregate_call(instrument, (("fromId", str(start)),), first - start)
            rows = [row for row in rows if row.a < first]
            found = _aggregated(rows, instrument) + found
        return found[-limit:]


def _trades_call(
    instrument: Instrument, endpoint: str, limit: int, *, from_id: int | None = None
) -> Call[list[Trade]]:
    pairs = [("symbol", instrument.native), ("limit", str(min(limit, MOST_ROWS)))]
    if from_id is not None:
        pairs.append(("fromId", str(from_id)))
    read = functools.partial(_read_trades, instrument)
    return public("fetch trades", endpoint, pairs, read, weight=25)


def _read_trades(instrument: Instrument, answer: Answer) -> list[Trade]:
    return [
        trade(
            instrument,
            trade_id=row.id,
            price=row.price,
            quantity=row.qty,
            is_buyer_maker=row.is_buyer_maker,
            time_ms=row.time,
        )
        for row in read_typed(answer.body, _TRADES)
    ]


def trade(
    instrument: Instrument,
    *,
    trade_id: int,
    price: str,
    quantity: str,
    is_buyer_maker: bool,
    time_ms: int,
) -> Trade:
    """Make a trade of its wire members; the taker stood on the other side of the maker."""
    at, size = two_amounts(price, quantity)
    return Trade.of(
        instrument.symbol,
        str(trade_id),
        at,
        size,
        Side.SELL if is_buyer_maker else Side.BUY,
        moment_ns(time_ms),
    )


def _aggregate_call(
    instrument: Instrument, pairs: Iterable[tuple[str, str]], limit: int
) -> Call[list[_AggregateTrade]]:
    return public(
        "fetch aggregate trades",
        "aggTrades",
        (("symbol", instrument.native), *pairs, ("limit", str(limit))),
        _read_aggregate_rows,
        weight=4,
    )


def _read_aggregate_rows(answer: Answer) -> list[_AggregateTrade]:
    return read_typed(answer.body, _AGGREGATE_TRADES)


def _aggregated(rows: Iterable[_AggregateTrade], instrument: Instrument) -> list[Trade]:
    return [
        trade(
            instrument,
            trade_id=row.a,
            price=row.p,
            quantity=row.q,
            is_buyer_maker=row.m,
            time_ms=row.T,
        )
        for row in rows
        if row.f >= 0  # invalid rows of the past, kept by Binance with zeros
    ]
