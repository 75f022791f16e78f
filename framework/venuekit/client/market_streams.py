"""The public streams of an open exchange."""

import abc
from collections.abc import Sequence
from typing import Any, Literal, Required, TypedDict, Unpack, overload

from venuekit.model import (
    BestPrice,
    Candle,
    Instrument,
    InstrumentsEvent,
    StreamReport,
    Ticker,
    Trade,
)
from venuekit.plugin import MarketData, Stream, Subscription, Topic
from venuekit.streams import EventStream, Policy, StreamHub


class StreamOptions(TypedDict, total=False):
    """What a consumer chooses for a stream of its own."""

    gaps: bool
    """Deliver a `Gap` in line wherever events may be missing; True unless said otherwise. With
    False they are seen by observers alone (`Exchange.on_stream_event`)."""
    with_states: bool
    """Deliver each `StreamStateChanged` in line too, the present state first; False."""
    policy: Policy
    """What happens when the consumer does not read in time; `Policy.FAIL`."""
    capacity: int
    """Events that may wait to be read, >= 1; 10,000."""
    max_age_s: float | None
    """Longest silence in seconds, > 0, before the stream is called stale and subscribed anew.
    None: silence is a quiet market for as long as the connection lives."""


class QuietOptions(TypedDict, total=False):
    """As `StreamOptions`, for a consumer that wants data and nothing else in line."""

    gaps: Required[Literal[False]]
    policy: Policy
    capacity: int
    max_age_s: float | None


class MarketStreams(abc.ABC):
    """Public streams for `async for`, each of one symbol or of several in one.

    Unless `gaps=False`, a `Gap` stands in line where events may be missing. Trades that a stream
    missed are asked for over REST where the exchange tells them; `Gap.is_filled` says that they
    follow.
    """

    __slots__ = ()

    @property
    @abc.abstractmethod
    def id(self) -> str:
        """The exchange's id."""

    @abc.abstractmethod
    def instrument(self, symbol: str) -> Instrument:
        """Give an instrument by its symbol."""

    @abc.abstractmethod
    def _streams(self) -> StreamHub: ...

    @abc.abstractmethod
    def _able(self, capability: type[Any], words: str) -> Any: ...

    @overload
    def trades(self, *symbols: str, **options: Unpack[QuietOptions]) -> EventStream[Trade]: ...
    @overload
    def trades(
        self, *symbols: str, **options: Unpack[StreamOptions]
    ) -> EventStream[Trade | StreamReport]: ...
    def trades(self, *symbols: str, **options: Any) -> EventStream[Any]:
        """Stream public trades.

        Args:
            symbols: Of which instruments, at least one.
            options: As `StreamOptions` says.

        Raises:
            InstrumentNotFound: There is no such symbol.
            NotSupported: The exchange does not stream that.
            ValueError: No symbol, or an option that is out of its range.
        """
        return self._followed(Topic.TRADES, symbols, options)

    @overload
    def aggregate_trades(
        self, *symbols: str, **options: Unpack[QuietOptions]
    ) -> EventStream[Trade]: ...
    @overload
    def aggregate_trades(
        self, *symbols: str, **options: Unpack[StreamOptions]
    ) -> EventStream[Trade | StreamReport]: ...
    def aggregate_trades(self, *symbols: str, **options: Any) -> EventStream[Any]:
        """Stream trades in which one taker at one price is one event; arguments as of `trades`."""
        return self._followed(Topic.AGGREGATE_TRADES, symbols, options)

    @overload
    def ticker(self, *symbols: str, **options: Unpack[QuietOptions]) -> EventStream[Ticker]: ...
    @overload
    def ticker(
        self, *symbols: str, **options: Unpack[StreamOptions]
    ) -> EventStream[Ticker | StreamReport]: ...
    def ticker(self, *symbols: str, **options: Any) -> EventStream[Any]:
        """Stream 24-hour figures; arguments as of `trades`."""
        return self._followed(Topic.TICKER, symbols, options)

    @overload
    def best_price(
        self, *symbols: str, **options: Unpack[QuietOptions]
    ) -> EventStream[BestPrice]: ...
    @overload
    def best_price(
        self, *symbols: str, **options: Unpack[StreamOptions]
    ) -> EventStream[BestPrice | StreamReport]: ...
    def best_price(self, *symbols: str, **options: Any) -> EventStream[Any]:
        """Stream the top of the book; arguments as of `trades`."""
        return self._followed(Topic.BEST_PRICE, symbols, options)

    @overload
    def candles(
        self, symbol: str, interval: str, **options: Unpack[QuietOptions]
    ) -> EventStream[Candle]: ...
    @overload
    def candles(
        self, symbol: str, interval: str, **options: Unpack[StreamOptions]
    ) -> EventStream[Candle | StreamReport]: ...
    def candles(self, symbol: str, interval: str, **options: Any) -> EventStream[Any]:
        """Stream the growing candle and each closed one; options as of `trades`.

        Raises:
            ValueError: The exchange has no such interval.
        """
        adapter = self._able(Stream, "streams")
        if isinstance(adapter, MarketData):
            check_interval(adapter, interval, self.id)
        return self._followed(Topic.CANDLES, (symbol,), options, interval)

    @overload
    def instrument_changes(
        self, symbol: str | None = None, **options: Unpack[QuietOptions]
    ) -> EventStream[InstrumentsEvent]: ...
    @overload
    def instrument_changes(
        self, symbol: str | None = None, **options: Unpack[StreamOptions]
    ) -> EventStream[InstrumentsEvent | StreamReport]: ...
    def instrument_changes(self, symbol: str | None = None, **options: Any) -> EventStream[Any]:
        """Stream the listing and its changes, of one instrument or all; options as of `trades`."""
        self._able(Stream, "streams")
        instrument = None if symbol is None else self.instrument(symbol)
        return self._streams().subscribe(Subscription(Topic.INSTRUMENTS, instrument), **options)

    def follow(
        self, *streams: tuple[Topic, str], **options: Unpack[StreamOptions]
    ) -> EventStream[Any]:
        """Stream several topics of several symbols as one, in the order in which they came.

        Args:
            streams: Pairs of a topic and a symbol; candles have `candles`.
            options: As `StreamOptions` says.
        """
        chosen = [Subscription(topic, self.instrument(symbol)) for topic, symbol in streams]
        return self._streams().subscribe(*chosen, **options)

    def _followed(
        self, topic: Topic, symbols: Sequence[str], options: Any, interval: str | None = None
    ) -> EventStream[Any]:
        chosen = [Subscription(topic, self.instrument(symbol), interval) for symbol in symbols]
        return self._streams().subscribe(*chosen, **options)


def check_interval(adapter: MarketData, interval: str, exchange: str) -> None:
    """Refuse a candle interval that the exchange has not.

    Raises:
        ValueError: It has not.
    """
    if adapter.intervals and interval not in adapter.intervals:
        msg = f"{exchange} has no candles of {interval!r}; it has {', '.join(adapter.intervals)}"
        raise ValueError(msg)
