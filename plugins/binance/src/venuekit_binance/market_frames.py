"""Frames of the market streams, in combined mode: `{"stream": …, "data": …}`.

Decoded by msgspec into typed rows, amounts as text, and these read as strictly as anywhere else.
Source: Binance Spot `web-socket-streams.md`, 2026-07-21.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from venuekit.model import (
    BestPrice,
    BookChange,
    Candle,
    Instrument,
    StreamEvent,
    Trade,
)
from venuekit.model import Ticker as TickerModel
from venuekit.plugin import (
    Acknowledged,
    Closing,
    FrameEvent,
    Published,
    Refused,
    clean,
    read_typed,
)
from venuekit_binance.figures import Count, amounts, moment_ns
from venuekit_binance.market_data import levels, ticker
from venuekit_binance.trades import trade

Lookup = Callable[[str], Instrument]


class _Error(msgspec.Struct):
    code: int | str = ""
    msg: str = ""


class _Frame(msgspec.Struct):
    """All forms of a frame together: data, a reply, an error in either of its two forms."""

    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw()
    code: int | str | None = None
    msg: str = ""
    error: _Error | None = None
    e: str = ""


class _Trade(msgspec.Struct, gc=False):
    s: str
    t: Count
    p: str
    q: str
    T: int
    m: bool


class _AggregateTrade(msgspec.Struct, gc=False):
    s: str
    a: Count
    p: str
    q: str
    T: int
    m: bool


class _Depth(msgspec.Struct):
    E: int
    s: str
    U: Count
    u: Count
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class _BookTicker(msgspec.Struct, gc=False):
    u: Count
    s: str
    b: str
    B: str
    a: str
    A: str


class _Bar(msgspec.Struct, gc=False):
    t: int
    i: str
    o: str
    c: str
    h: str
    l: str  # noqa: E741  # the wire's name
    v: str
    n: Count
    x: bool
    q: str


class _Kline(msgspec.Struct):
    s: str
    k: _Bar


class _Ticker(msgspec.Struct, gc=False):
    E: int
    s: str
    c: str
    b: str
    B: str
    a: str
    A: str
    o: str
    h: str
    l: str  # noqa: E741  # the wire's name
    v: str
    q: str


_FRAME: Final = msgspec.json.Decoder(_Frame)
_TRADE: Final = msgspec.json.Decoder(_Trade)
_AGGREGATE_TRADE: Final = msgspec.json.Decoder(_AggregateTrade)
_DEPTH: Final = msgspec.json.Decoder(_Depth)
_BOOK_TICKER: Final = msgspec.json.Decoder(_BookTicker)
_KLINE: Final = msgspec.json.Decoder(_Kline)
_TICKER: Final = msgspec.json.Decoder(_Ticker)


def read_market_frame(frame: str | bytes, lookup: Lookup) -> Iterable[FrameEvent]:
    """Say what a frame of the market channel means; raises ValueError if that is not clear."""
    message = read_typed(frame, _FRAME)
    if message.stream is None:
        return _reply(message)
    name, _, kind = message.stream.partition("@")
    if message.stream == "!serverShutdown":
        return (Closing(text="serverShutdown"),)
    reader = _READERS.get("kline" if kind.startswith("kline_") else kind)
    if reader is None:
        return ()
    event, native = reader(message.data, lookup)
    if native.lower() != name:
        msg = f"the stream {message.stream[:60]!r} carried data of {native[:40]!r}"
        raise ValueError(msg)
    return (Published(key=message.stream, event=event),)


def _reply(message: _Frame) -> Iterable[FrameEvent]:
    """Read a frame without data: the answer to a request of ours, or an announcement."""
    request_id = message.id if isinstance(message.id, int) else None
    if message.e == "serverShutdown":
        return (Closing(text="serverShutdown"),)
    if message.error is not None:
        error = message.error
        return (Refused(request_id=request_id, code=str(error.code), text=clean(error.msg)),)
    if message.code is not None:
        return (Refused(request_id=request_id, code=str(message.code), text=clean(message.msg)),)
    if request_id is not None and bytes(message.result):
        return (Acknowledged(request_id=request_id),)
    if message.e:
        return ()  # an event that is not known, outside of a stream
    msg = "a frame that is neither data nor a reply"
    raise ValueError(msg)


def _read_trade(data: msgspec.Raw, lookup: Lookup) -> tuple[Trade, str]:
    row = read_typed(data, _TRADE)
    event = trade(
        lookup(row.s),
        trade_id=row.t,
        price=row.p,
        quantity=row.q,
        is_buyer_maker=row.m,
        time_ms=row.T,
    )
    return event, row.s


def _read_aggregate_trade(data: msgspec.Raw, lookup: Lookup) -> tuple[Trade, str]:
    row = read_typed(data, _AGGREGATE_TRADE)
    event = trade(
        lookup(row.s),
        trade_id=row.a,
        price=row.p,
        quantity=row.q,
        is_buyer_maker=row.m,
        time_ms=row.T,
    )
    return event, row.s


def _read_depth(data: msgspec.Raw, lookup: Lookup) -> tuple[BookChange, str]:
    row = read_typed(data, _DEPTH)
    if row.u < row.U:
        msg = f"a change of the book from {row.U} to {row.u}"
        raise ValueError(msg)
    event = BookChange(
        symbol=lookup(row.s).symbol,
        bids=levels(row.b),
        asks=levels(row.a),
        first_update_id=row.U,
        last_update_id=row.u,
        time_ns=moment_ns(row.E),
    )
    return event, row.s


def _read_book_ticker(data: msgspec.Raw, lookup: Lookup) -> tuple[BestPrice, str]:
    row = read_typed(data, _BOOK_TICKER)
    bid, bid_quantity, ask, ask_quantity = amounts((row.b, row.B, row.a, row.A))
    event = BestPrice(
        symbol=lookup(row.s).symbol,
        bid=bid,
        bid_quantity=bid_quantity,
        ask=ask,
        ask_quantity=ask_quantity,
        update_id=row.u,
    )
    return event, row.s


def _read_kline(data: msgspec.Raw, lookup: Lookup) -> tuple[Candle, str]:
    row = read_typed(data, _KLINE)
    bar = row.k
    first, high, low, last, volume, quote_volume = amounts(
        (bar.o, bar.h, bar.l, bar.c, bar.v, bar.q)
    )
    event = Candle(
        symbol=lookup(row.s).symbol,
        interval=bar.i,
        open_time_ns=moment_ns(bar.t),
        open=first,
        high=high,
        low=low,
        close=last,
        volume=volume,
        quote_volume=quote_volume,
        trade_count=bar.n,
        is_closed=bar.x,
    )
    return event, row.s


def _read_ticker(data: msgspec.Raw, lookup: Lookup) -> tuple[TickerModel, str]:
    row = read_typed(data, _TICKER)
    texts = (row.c, row.b, row.B, row.a, row.A, row.o, row.h, row.l, row.v, row.q)
    return ticker(lookup(row.s), texts, row.E), row.s


_Reader = Callable[[msgspec.Raw, Lookup], tuple[StreamEvent, str]]
_READERS: Final[dict[str, _Reader]] = {
    "trade": _read_trade,
    "aggTrade": _read_aggregate_trade,
    "depth@100ms": _read_depth,
    "bookTicker": _read_book_ticker,
    "kline": _read_kline,
    "ticker": _read_ticker,
}
