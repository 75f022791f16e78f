"""Frames of the market streams, in combined mode: `{"stream": …, "data": …}`.

Decoded by msgspec into typed rows, amounts as text, and these read as strictly as anywhere else.
The kind of a frame stands at its beginning, so that it is decoded in one step; a frame that is
written in another way takes two.
Source: Binance Spot `web-socket-streams.md`, 2026-07-21.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

import msgspec

from venuekit.model import (
    BestPrice,
    BookChange,
    Candle,
    Instrument,
    Level,
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
    json_sides,
    read_typed,
)
from venuekit_binance.figures import Count, amounts, moment_ns
from venuekit_binance.market_data import INTERVALS, levels, ticker
from venuekit_binance.trades import trade

Lookup = Callable[[str], Instrument]
T = TypeVar("T")


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


class _Data(msgspec.Struct, Generic[T]):
    """A frame with data of one kind."""

    stream: str
    data: T


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
    b: msgspec.Raw
    a: msgspec.Raw


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
_SIDE: Final = msgspec.json.Decoder(list[tuple[str, str]])
_BEGINNING: Final = '{"stream":"'
_BEGIN: Final = len(_BEGINNING)


def read_market_frame(frame: str | bytes, lookup: Lookup) -> Iterable[FrameEvent]:
    """Say what a frame of the market channel means; raises ValueError if that is not clear."""
    if isinstance(frame, str) and frame.startswith(_BEGINNING):
        stream = frame[_BEGIN : frame.find('"', _BEGIN)]
        symbol, _, suffix = stream.partition("@")
        kind = _KINDS.get(suffix)
        if kind is not None:
            try:
                message = kind.decode(frame)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                message = read_typed(frame, kind.frame)  # fails again, in our words
            if message.stream == stream:
                found: Any = message.data
                event = kind.read(found, lookup(found.s))
                if found.s.lower() != symbol:
                    raise _mixed(found.s, stream)
                return (Published(key=stream, event=event),)
    return _read_slowly(frame, lookup)


def _read_slowly(frame: str | bytes, lookup: Lookup) -> Iterable[FrameEvent]:
    message = read_typed(frame, _FRAME)
    if message.stream is None:
        return _reply(message)
    if message.stream == "!serverShutdown":
        return (Closing(text="serverShutdown"),)
    symbol, _, suffix = message.stream.partition("@")
    kind = _KINDS.get(suffix)
    if kind is None:
        return ()
    row = read_typed(message.data, kind.row)
    event = kind.read(row, lookup(row.s))
    if row.s.lower() != symbol:
        raise _mixed(row.s, message.stream)
    return (Published(key=message.stream, event=event),)


def _mixed(native: str, stream: str) -> ValueError:
    return ValueError(f"the stream {stream[:60]!r} carried data of {native[:40]!r}")


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


def _read_trade(row: _Trade, instrument: Instrument) -> Trade:
    return trade(
        instrument,
        trade_id=row.t,
        price=row.p,
        quantity=row.q,
        is_buyer_maker=row.m,
        time_ms=row.T,
    )


def _read_aggregate_trade(row: _AggregateTrade, instrument: Instrument) -> Trade:
    return trade(
        instrument,
        trade_id=row.a,
        price=row.p,
        quantity=row.q,
        is_buyer_maker=row.m,
        time_ms=row.T,
    )


def _side(raw: Any) -> tuple[Level, ...]:
    rows: list[tuple[str, str]] = read_typed(raw, _SIDE)
    return levels(rows)


def _read_depth(row: _Depth, instrument: Instrument) -> BookChange:
    if row.u < row.U:
        msg = f"a change of the book from {row.U} to {row.u}"
        raise ValueError(msg)
    time_ns = moment_ns(row.E)
    sides = json_sides(row.b, row.a)
    if sides is not None:
        return BookChange.of_written(
            instrument.symbol,
            sides,
            first_update_id=row.U,
            last_update_id=row.u,
            time_ns=time_ns,
        )
    return BookChange(
        symbol=instrument.symbol,
        bids=_side(row.b),
        asks=_side(row.a),
        first_update_id=row.U,
        last_update_id=row.u,
        time_ns=time_ns,
    )


def _read_book_ticker(row: _BookTicker, instrument: Instrument) -> BestPrice:
    bid, bid_quantity, ask, ask_quantity = amounts((row.b, row.B, row.a, row.A))
    return BestPrice(
        symbol=instrument.symbol,
        bid=bid,
        bid_quantity=bid_quantity,
        ask=ask,
        ask_quantity=ask_quantity,
        update_id=row.u,
    )


def _read_kline(row: _Kline, instrument: Instrument) -> Candle:
    bar = row.k
    first, high, low, last, volume, quote_volume = amounts(
        (bar.o, bar.h, bar.l, bar.c, bar.v, bar.q)
    )
    return Candle(
        symbol=instrument.symbol,
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


def _read_ticker(row: _Ticker, instrument: Instrument) -> TickerModel:
    texts = (row.c, row.b, row.B, row.a, row.A, row.o, row.h, row.l, row.v, row.q)
    return ticker(instrument, texts, row.E)


class _Kind:
    """What one kind of stream carries: how a whole frame or its data is decoded, and read."""

    def __init__(self, row: type[Any], read: Callable[[Any, Instrument], StreamEvent]) -> None:
        self.frame: Final = msgspec.json.Decoder(_Data[row])  # type: ignore[valid-type]  # made of a value
        self.decode: Final = self.frame.decode
        self.row: Final = msgspec.json.Decoder(row)
        self.read: Final = read


_KLINES: Final = _Kind(_Kline, _read_kline)
_KINDS: Final = {
    "trade": _Kind(_Trade, _read_trade),
    "aggTrade": _Kind(_AggregateTrade, _read_aggregate_trade),
    "depth@100ms": _Kind(_Depth, _read_depth),
    "bookTicker": _Kind(_BookTicker, _read_book_ticker),
    "ticker": _Kind(_Ticker, _read_ticker),
    **{f"kline_{interval}": _KLINES for interval in INTERVALS},
}
