"""Market streams: subscriptions and what flows through them.

Source: Binance WebSocket streams docs, 2026-07.
"""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote

import attrs

from venuekit.sim.dialect import Dialect, SimSocket
from venuekit_binance.sim.calls import TimeUnit
from venuekit_binance.sim.connections import Connection, ConnectionSettings
from venuekit_binance.sim.payloads import (
    aggregate_event,
    dumps,
    eight,
    kline_event,
    levels,
    mini_ticker_event,
    ticker_event,
    trade_event,
)
from venuekit_binance.sim.tape import DAY_NS, AggregateTrade, Bar, TapeTrade, period_start
from venuekit_binance.sim.topics import EVERY, Topic, topic_from_name

if TYPE_CHECKING:
    from venuekit_binance.sim.venue import Venue

_TICK_NS: Final = 100_000_000
_ID: Final = 36
_WINDOW_NS: Final = {"": DAY_NS, "1h": DAY_NS // 24, "4h": DAY_NS // 6, "1d": DAY_NS}
Write = Callable[[TimeUnit], object]


class _Malformed(Exception):
    """A control message that cannot be followed."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


@attrs.define
class Changes:
    """What changed in a book since the last message of one rate."""

    first_id: int = 0
    last_id: int = 0
    bids: dict[Decimal, Decimal] = attrs.field(factory=dict)
    asks: dict[Decimal, Decimal] = attrs.field(factory=dict)

    def add(
        self,
        first_id: int,
        last_id: int,
        bids: Iterable[tuple[Decimal, Decimal]],
        asks: Iterable[tuple[Decimal, Decimal]],
    ) -> None:
        """Add changes that follow; quantities are absolute."""
        self.first_id = self.first_id or first_id
        self.last_id = last_id
        self.bids.update(bids)
        self.asks.update(asks)

    def event(self, symbol: str, now_ns: int, unit: TimeUnit) -> dict[str, object]:
        """Write `depthUpdate`."""
        return {
            "e": "depthUpdate",
            "E": unit.of(now_ns),
            "s": symbol,
            "U": self.first_id,
            "u": self.last_id,
            "b": levels(sorted(self.bids.items(), reverse=True)),
            "a": levels(sorted(self.asks.items())),
        }


class Subscriber:
    """A connection to the market streams."""

    def __init__(self, connection: Connection, *, is_combined: bool, unit: TimeUnit) -> None:
        self.connection = connection
        self.is_combined = is_combined
        self.unit = unit
        self.names: dict[str, None] = {}

    @property
    def socket(self) -> SimSocket:
        """Where its messages go."""
        return self.connection.socket


class Streams:
    """All connections to the market streams, and the batches that wait for their time."""

    def __init__(self, dialect: Dialect, venue: "Venue", settings: ConnectionSettings) -> None:
        self._dialect = dialect
        self._venue = venue
        self._settings = settings
        self._by_topic: dict[str, dict[int, Subscriber]] = {}
        self._topics: dict[str, Topic] = {}
        self._subscribers: dict[int, Subscriber] = {}
        self._changes: dict[tuple[str, int], Changes] = {}
        self._changed: dict[int, set[str]] = {100: set(), 1_000: set()}
        self._traded: set[str] = set()
        self._last_ns: int | None = None

    @property
    def has_subscribers(self) -> bool:
        """Whether anybody has asked for any stream."""
        return bool(self._by_topic)

    # Connections.

    def connected(self, socket: SimSocket, now_ns: int) -> Connection:
        """Take in a connection, with the streams that its address names."""
        query = parse_qs(socket.query_string, keep_blank_values=True)
        unit = query.get("timeUnit", query.get("timeunit", ["MILLISECOND"]))[0].upper()
        connection = Connection(socket, self._settings, now_ns, is_counted=True)
        is_combined = socket.path.startswith("/stream")
        known = unit if unit in TimeUnit.__members__ else "MILLISECOND"
        subscriber = Subscriber(connection, is_combined=is_combined, unit=TimeUnit[known])
        self._subscribers[socket.id] = subscriber
        named = "/".join(query.get("streams", [])) if is_combined else ""
        if socket.path.startswith("/ws/"):
            named = unquote(socket.path.removeprefix("/ws/"))
        self._subscribe(subscriber, [name for name in named.split("/") if name])
        return connection

    def disconnected(self, socket: SimSocket) -> None:
        """Forget a connection."""
        subscriber = self._subscribers.pop(socket.id, None)
        if subscriber is not None:
            self._unsubscribe(subscriber, list(subscriber.names))

    def received(self, socket: SimSocket, text: str) -> None:
        """Follow a control message and reply."""
        subscriber = self._subscribers[socket.id]
        number: object = None
        try:
            message = _read(text)
            number = _number(message)
            reply: dict[str, object] = {"result": self._follow(subscriber, message), "id": number}
        except _Malformed as error:
            reply = {"code": error.code, "msg": error.message, "id": number}
        socket.send(dumps(reply).decode())

    def _follow(self, subscriber: Subscriber, message: dict[str, Any]) -> object:
        method, params = message.get("method"), message.get("params", [])
        match method:
            case "SUBSCRIBE":
                self._subscribe(subscriber, _names(params))
                return None
            case "UNSUBSCRIBE":
                self._unsubscribe(subscriber, _names(params))
                return None
            case "LIST_SUBSCRIPTIONS":
                return list(subscriber.names)
            case "SET_PROPERTY":
                if not isinstance(params, list) or len(params) != 2:
                    raise _Malformed(2, "Invalid request: too many parameters")
                _check_property(params[0])
                if not isinstance(params[1], bool):
                    raise _Malformed(1, "Invalid value type: expected Boolean")
                subscriber.is_combined = params[1]
                return None
            case "GET_PROPERTY":
                if not isinstance(params, list) or len(params) != 1:
                    raise _Malformed(2, "Invalid request: too many parameters")
                _check_property(params[0])
                return subscriber.is_combined
            case None:
                raise _Malformed(2, "Invalid request: missing field `method`")
            case _:
                raise _Malformed(
                    2,
                    f"Invalid request: unknown variant {method}, expected one of SUBSCRIBE, "
                    "UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY",
                )

    def _subscribe(self, subscriber: Subscriber, names: list[str]) -> None:
        for name in names:
            if name not in subscriber.names and len(subscriber.names) >= self._settings.streams:
                subscriber.socket.close(1008, "Too many streams")
                return
            subscriber.names[name] = None
            topic = topic_from_name(name)
            # Unknown streams are listed like others and stay silent for ever.
            if topic is None or (topic.symbol != EVERY and topic.symbol not in self._venue.symbols):
                continue
            self._topics[name] = topic
            self._by_topic.setdefault(name, {})[subscriber.socket.id] = subscriber

    def _unsubscribe(self, subscriber: Subscriber, names: list[str]) -> None:
        for name in names:
            subscriber.names.pop(name, None)
            listeners = self._by_topic.get(name, {})
            listeners.pop(subscriber.socket.id, None)
            if not listeners:
                self._by_topic.pop(name, None)
                self._topics.pop(name, None)

    # What happens in the market.

    def emit(self, name: str, write: Write, now_ns: int) -> None:
        """Send a message of one stream to everyone who has it."""
        texts: dict[tuple[TimeUnit, bool], str] = {}
        for subscriber in list(self._by_topic.get(name, {}).values()):
            form = (subscriber.unit, subscriber.is_combined)
            text = texts.get(form)
            if text is None:
                data = self._venue.estranged(write(subscriber.unit))
                text = dumps({"stream": name, "data": data} if form[1] else data).decode()
                texts[form] = text
            self._dialect.publish(subscriber.socket, name, text, now_ns)

    def traded(self, symbol: str, trade: TapeTrade, now_ns: int) -> None:
        """Tell a trade."""
        self._traded.add(symbol)
        self.emit(
            f"{symbol.lower()}@trade",
            lambda unit: trade_event(symbol, trade, now_ns, unit),
            now_ns,
        )

    def aggregated(self, symbol: str, trade: AggregateTrade, now_ns: int) -> None:
        """Tell an aggregate trade once it is complete."""
        self.emit(
            f"{symbol.lower()}@aggTrade",
            lambda unit: aggregate_event(symbol, trade, now_ns, unit),
            now_ns,
        )

    def book_changed(
        self,
        symbol: str,
        first_id: int,
        last_id: int,
        bids: Iterable[tuple[Decimal, Decimal]],
        asks: Iterable[tuple[Decimal, Decimal]],
        *,
        is_sent: bool = False,
    ) -> None:
        """Collect changes of a book for the next message of each rate.

        Args:
            symbol: Whose book.
            first_id: Update id of the first change.
            last_id: Update id of the last change.
            bids: New quantities by price.
            asks: New quantities by price.
            is_sent: Whether the fast message is a recorded one and needs no making.
        """
        bids, asks = tuple(bids), tuple(asks)
        for rate, changed in self._changed.items():
            changed.add(symbol)
            if rate > 100 or not is_sent:
                waiting = self._changes.setdefault((symbol, rate), Changes())
                waiting.add(first_id, last_id, bids, asks)

    def flush(self, symbol: str, now_ns: int) -> None:
        """Send the fast changes of a book that wait for their time."""
        changes = self._changes.pop((symbol, 100), None)
        if changes is not None:
            self.emit(
                f"{symbol.lower()}@depth@100ms",
                lambda unit: changes.event(symbol, now_ns, unit),
                now_ns,
            )

    def top_changed(self, symbol: str, update_id: int, now_ns: int) -> None:
        """Tell the best bid and offer."""

        def write(_unit: TimeUnit) -> object:
            bid, ask = self._venue.top(symbol)
            return {
                "u": update_id,
                "s": symbol,
                "b": eight(bid[0]),
                "B": eight(bid[1]),
                "a": eight(ask[0]),
                "A": eight(ask[1]),
            }

        self.emit(f"{symbol.lower()}@bookTicker", write, now_ns)

    # What is told at fixed times.

    def advance(self, now_ns: int) -> None:
        """Send everything whose time has come since the last call."""
        last_ns = self._last_ns
        self._last_ns = now_ns
        if last_ns is None:
            return
        for rate in (100, 1_000, 2_000):
            span_ns = rate * 1_000_000
            if now_ns // span_ns != last_ns // span_ns:
                self._send_rate(rate, last_ns, now_ns)

    def next_due_ns(self, now_ns: int) -> int | None:
        """Give the end of the present tenth of a second, while anybody listens or waits."""
        if not self._by_topic and not self._changes:
            return None
        return (now_ns // _TICK_NS + 1) * _TICK_NS

    def _send_rate(self, rate: int, last_ns: int, now_ns: int) -> None:
        changed = self._changed.get(rate, set())
        for topic in list(self._topics.values()):
            if topic.every_ms != rate:
                continue
            match topic.kind:
                case "depth":
                    self._send_changes(topic, now_ns)
                case "partial" if topic.symbol in changed:
                    self._send_partial(topic, now_ns)
                case "kline" if not self._venue.is_recorded:
                    self._send_bars(topic, last_ns, now_ns)
                case "miniTicker" | "ticker":
                    self._send_tickers(topic, now_ns)
                case "avgPrice" | "referencePrice":
                    self._send_price(topic, now_ns)
                case _:
                    pass
        for symbol in changed:
            self._changes.pop((symbol, rate), None)
        changed.clear()
        if rate == 1_000:
            self._traded.clear()

    def _send_changes(self, topic: Topic, now_ns: int) -> None:
        changes = self._changes.get((topic.symbol, topic.every_ms))
        if changes is not None:
            self.emit(topic.name, lambda unit: changes.event(topic.symbol, now_ns, unit), now_ns)

    def _send_partial(self, topic: Topic, now_ns: int) -> None:
        update_id, bids, asks = self._venue.book(topic.symbol, topic.depth)
        data = {"lastUpdateId": update_id, "bids": levels(bids), "asks": levels(asks)}
        self.emit(topic.name, lambda _unit: data, now_ns)

    def _send_bars(self, topic: Topic, last_ns: int, now_ns: int) -> None:
        """Send the bar that is being made, after the one that has just been closed."""
        tape = self._venue.tapes[topic.symbol]
        start_ns = period_start(topic.interval, now_ns, topic.offset_ns)
        bars: list[Bar] = []
        if last_ns < start_ns:
            closed = tape.bar_at(topic.interval, start_ns - 1, topic.offset_ns)
            bars += [closed] if closed is not None else []
        running = tape.bar_at(topic.interval, now_ns, topic.offset_ns)
        bars += [running] if running is not None else []
        for bar in bars:
            self.emit(
                topic.name,
                lambda unit, bar=bar: kline_event(  # type: ignore[misc]  # bound on purpose
                    topic.symbol, bar, topic.interval, topic.offset_ns, now_ns, unit
                ),
                now_ns,
            )

    def _send_tickers(self, topic: Topic, now_ns: int) -> None:
        symbols = [topic.symbol] if topic.symbol else sorted(self._traded)
        if not symbols:
            return

        def write(unit: TimeUnit) -> object:
            rows = [self._ticker(topic, symbol, now_ns, unit) for symbol in symbols]
            return rows if topic.symbol == EVERY else rows[0]

        if topic.symbol == EVERY or topic.symbol in self._traded:
            self.emit(topic.name, write, now_ns)

    def _ticker(self, topic: Topic, symbol: str, now_ns: int, unit: TimeUnit) -> object:
        start_ns = now_ns - _WINDOW_NS[topic.interval]
        bar = self._venue.tapes[symbol].window(start_ns, now_ns)
        assert bar is not None, "a symbol that was traded has a bar"
        if topic.kind == "miniTicker":
            return mini_ticker_event(symbol, bar, now_ns, unit)
        spec = self._venue.symbols[symbol]
        return ticker_event(self._venue, spec, bar, now_ns, unit, size=topic.interval)

    def _send_price(self, topic: Topic, now_ns: int) -> None:
        spec = self._venue.symbols[topic.symbol]
        if topic.kind == "referencePrice":
            price = spec.reference_price
            self.emit(
                topic.name,
                lambda unit: {
                    "e": "referencePrice",
                    "s": spec.symbol,
                    "r": None if price is None else eight(price),
                    "t": unit.of(now_ns),
                },
                now_ns,
            )
            return
        average = self._venue.tapes[topic.symbol].average(5, now_ns)
        if average is not None:
            self.emit(
                topic.name,
                lambda unit: {
                    "e": "avgPrice",
                    "E": unit.of(now_ns),
                    "s": spec.symbol,
                    "i": "5m",
                    "w": eight(average[0]),
                    "T": unit.of(average[1]),
                },
                now_ns,
            )


def _read(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError as error:
        raise _Malformed(3, f"Invalid JSON: {error}") from None
    if not isinstance(message, dict):
        raise _Malformed(2, "Invalid request: request must be an object")
    return message


def _number(message: dict[str, Any]) -> object:
    number = message.get("id")
    is_legal = number is None or (
        isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**63
    )
    is_legal = is_legal or (isinstance(number, str) and number.isalnum() and len(number) <= _ID)
    if not is_legal:
        raise _Malformed(
            2, "Invalid request: request ID must be an integer, an alphanumeric string or null"
        )
    return number


def _names(params: object) -> list[str]:
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise _Malformed(2, "Invalid request: params must be an array of strings")
    return params


def _check_property(name: object) -> None:
    if not isinstance(name, str):
        raise _Malformed(2, "Invalid request: property name must be a string")
    if name != "combined":
        raise _Malformed(0, "Unknown property")
