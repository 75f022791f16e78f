"""The WebSocket side: subscriptions, snapshots, updates, heartbeats.

Source: Coinbase "WebSocket Overview", "WebSocket Channels", "WebSocket Authentication", 2026-06.
"""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from venuekit.sim.dialect import Dialect, SimSocket
from venuekit.sim.events import LevelChanged
from venuekit.sim.faults import FaultKind
from venuekit.sim.orders import Trade
from venuekit_coinbase.sim import messages
from venuekit_coinbase.sim.lines import Line
from venuekit_coinbase.sim.messages import CANDLE_NS, Event
from venuekit_coinbase.sim.order_payloads import channel_order
from venuekit_coinbase.sim.records import OrderRecord
from venuekit_coinbase.sim.refusals import Refusal
from venuekit_coinbase.sim.settings import ConnectionSettings
from venuekit_coinbase.sim.wire import SECOND_NS, dumps, go_time, rfc3339

if TYPE_CHECKING:
    from venuekit_coinbase.sim.venue import Venue

_TICK_NS: Final = 250_000_000
_BATCH_NS: Final = 5 * SECOND_NS
_BOOK_CHANNELS: Final = frozenset({"level2", "market_trades", "ticker", "ticker_batch", "candles"})
_MARKET_CHANNELS: Final = _BOOK_CHANNELS | {"status"}
_PRIVATE: Final = frozenset({"user", "futures_balance_summary"})
_CHANNELS: Final = _MARKET_CHANNELS | _PRIVATE | {"heartbeats"}
_DELIVERED_AS: Final = {"level2": "l2_data"}
REPEATED: Final = "user:again"
"""Topic of `MESSAGE_DUPLICATE` faults that repeat the news of an order, not the frame."""
AUTHENTICATION_FAILURE: Final = "authentication failure"
_NO_POSITIONS: Final[Mapping[str, list[object]]] = {
    "perpetual_futures_positions": [],
    "expiring_futures_positions": [],
}


class Streams:
    """All connections, and what waits to be told."""

    def __init__(
        self,
        dialect: Dialect,
        venue: "Venue",
        settings: ConnectionSettings,
        rng: random.Random,
    ) -> None:
        self._dialect = dialect
        self._venue = venue
        self._settings = settings
        self._rng = rng
        self._lines: dict[int, Line] = {}
        self._trades: dict[str, list[Trade]] = {}
        self._traded: set[str] = set()
        self._candles: dict[str, Event] = {}
        self._statuses: dict[str, dict[str, str]] = {}
        self._last_ns: int | None = None

    # Connections.

    def connected(self, socket: SimSocket, now_ns: int) -> None:
        """Take in a connection."""
        self._lines[socket.id] = Line(
            socket,
            self._settings,
            now_ns,
            is_user=socket.path.rstrip("/").endswith("/user"),
            idle_s=self._rng.uniform(self._settings.idle_from_s, self._settings.idle_to_s),
        )

    def disconnected(self, socket: SimSocket) -> None:
        """Forget a connection."""
        self._lines.pop(socket.id, None)

    def received(self, socket: SimSocket, text: str, now_ns: int) -> None:
        """Follow a message."""
        line = self._lines[socket.id]
        message = _read(text)
        if message is None:
            _fail(line, "invalid message")
            return
        token = message.get("jwt")
        if not token and not self._venue.limits.message(socket.peer, now_ns):
            _fail(line, "rate limit exceeded")
            return
        channel = message.get("channel")
        account = self._account(token, socket.peer, now_ns) if token else None
        if (token and account is None) or not _is_allowed(line, channel, account):
            _fail(line, AUTHENTICATION_FAILURE)
            return
        product_ids = message.get("product_ids") or []
        if not isinstance(product_ids, list) or not all(
            self._venue.listing(name) is not None for name in product_ids
        ):
            _fail(line, "invalid product_ids")
            return
        if message.get("type") == "subscribe":
            self._subscribe(line, str(channel), product_ids, account, now_ns)
        elif message.get("type") == "unsubscribe":
            line.unsubscribe(str(channel), self._own_names(str(channel), product_ids))
            self._acknowledge(line, now_ns)
        else:
            _fail(line, "invalid message type")

    def _account(self, token: object, address: str, now_ns: int) -> str | None:
        """Give the account whose key made a token."""
        if not isinstance(token, str):
            return None
        try:
            clock_ns = self._venue.clock_ns(now_ns)
            return self._venue.keys.check(token, clock_ns, address=address).account
        except Refusal:
            return None

    def _own_names(self, channel: str, product_ids: Sequence[str]) -> list[str]:
        """Give the names under which a channel tells of products: market channels know no alias."""
        if channel not in _MARKET_CHANNELS:
            return list(product_ids)
        listings = [self._venue.listings[name] for name in product_ids]
        return [listing.spec.product_id for listing in listings]

    def _subscribe(
        self,
        line: Line,
        channel: str,
        product_ids: Sequence[str],
        account: str | None,
        now_ns: int,
    ) -> None:
        names = self._own_names(channel, product_ids)
        if channel == "status" and not names:
            names = list(self._venue.books)
        elif channel in _BOOK_CHANNELS and not names:
            _fail(line, "product_ids are required")
            return
        is_first = channel not in line.channels
        if channel == "user":
            line.account = account
        new = line.subscribe(channel, names)
        if not self._settings.acknowledges_last:
            self._acknowledge(line, now_ns)
        if channel == "user":
            if is_first or new:
                self._send_open_orders(line, now_ns)
        else:
            self._send_snapshots(line, channel, new, now_ns)
        if self._settings.acknowledges_last:
            self._acknowledge(line, now_ns)

    def _acknowledge(self, line: Line, now_ns: int) -> None:
        """Tell all subscriptions of a connection, not only the new one."""
        named = {
            channel: list(names) or ([channel] if channel == "heartbeats" else [])
            for channel, names in line.channels.items()
        }
        self._send(line, "subscriptions", [{"subscriptions": named}], now_ns)

    # Frames.

    def _send(
        self, line: Line, channel: str, events: Sequence[Event], now_ns: int, book: str = ""
    ) -> None:
        """Send a frame; its topic for faults is the channel, with the product after a colon."""
        topic = f"{channel}:{book}" if book else channel
        for _ in range(2 if channel == "user" and self._is_repeated() else 1):
            text = self._frame(line, channel, events, now_ns, book)
            self._dialect.publish(line.socket, topic, text, now_ns)

    def _is_repeated(self) -> bool:
        """Say whether news of orders are told again in a frame with a number of its own.

        A `MESSAGE_DUPLICATE` with the topic `user` makes the same frame come twice instead.
        """
        faults = self._dialect.faults
        if not any(fault.topic == REPEATED for fault in faults.planned.values()):
            return False  # a pattern for other topics must not count this one
        return faults.take((FaultKind.MESSAGE_DUPLICATE,), topic=REPEATED) is not None

    def _frame(
        self, line: Line, channel: str, events: Sequence[Event], now_ns: int, book: str
    ) -> str:
        return dumps(
            {
                "channel": _DELIVERED_AS.get(channel, channel),
                "client_id": "",
                "timestamp": rfc3339(now_ns, places=9),
                "sequence_num": line.next_number(book, now_ns),
                "events": self._venue.estranged(list(events)),
            }
        ).decode()

    def _send_snapshots(self, line: Line, channel: str, books: Sequence[str], now_ns: int) -> None:
        if channel == "status" and books:
            rows = [messages.status_row(self._venue, book) for book in books]
            self._statuses.update({row["id"]: row for row in rows})
            self._send(line, channel, [{"type": "snapshot", "products": rows}], now_ns)
            return
        for book in books:
            event = self._snapshot(channel, book, now_ns)
            if event is not None:
                self._send(line, channel, [event], now_ns, book)

    def _snapshot(self, channel: str, book: str, now_ns: int) -> Event | None:
        venue = self._venue
        match channel:
            case "level2":
                return messages.book_snapshot(book, venue.engine.depth(book))
            case "market_trades":
                # Those that wait for the next batch come with it.
                waiting = len(self._trades.get(book, ()))
                trades = venue.trades(book)
                return messages.trades_event("snapshot", book, trades[: len(trades) - waiting])
            case "ticker":
                return messages.ticker_event(venue, "snapshot", book, now_ns)
            case "ticker_batch":
                return messages.ticker_event(venue, "snapshot", book, now_ns, with_best=False)
            case "candles":
                past = messages.past_candles(venue, book, now_ns)
                return messages.candles_event("snapshot", book, past)
            case _:
                return None

    def _send_open_orders(self, line: Line, now_ns: int) -> None:
        """Send open orders in batches; the first one that is not full is the last one."""
        assert line.account is not None
        portfolio = self._venue.users[line.account].portfolio_id
        rows = [
            channel_order(record, portfolio)
            for record in self._venue.desk.of(line.account)
            if not record.status.is_terminal and _wants(line, record)
        ]
        size = self._settings.orders_in_batch
        for start in range(0, len(rows) + 1, size):
            batch = rows[start : start + size]
            self._send(line, "user", [_orders_event("snapshot", batch)], now_ns)

    # What happens.

    def order_changed(self, record: OrderRecord, now_ns: int) -> None:
        """Tell an owner where an order stands."""
        portfolio = self._venue.users[record.account].portfolio_id
        for line in self._listening():
            if line.account == record.account and "user" in line.channels and _wants(line, record):
                event = _orders_event("update", [channel_order(record, portfolio)])
                self._send(line, "user", [event], now_ns)

    def market_changed(
        self, changes: Sequence[LevelChanged], trades: Sequence[Trade], now_ns: int
    ) -> None:
        """Tell changes of books, and collect trades for the next batch."""
        by_book: dict[str, list[LevelChanged]] = {}
        for change in changes:
            by_book.setdefault(change.market, []).append(change)
        for book, rows in by_book.items():
            self._tell("level2", book, partial(messages.book_update, book, rows), now_ns)
        for trade in trades:
            self._trades.setdefault(trade.market, []).append(trade)
        for book in dict.fromkeys(trade.market for trade in trades):
            self._traded.add(book)
            self._tell(
                "ticker",
                book,
                partial(messages.ticker_event, self._venue, "update", book, now_ns),
                now_ns,
            )

    def _tell(self, channel: str, book: str, write: Callable[[], Event], now_ns: int) -> None:
        lines = [line for line in self._listening() if line.hears(channel, book)]
        if lines:
            event = write()
            for line in lines:
                self._send(line, channel, [event], now_ns, book)

    def _listening(self) -> Iterable[Line]:
        return [line for line in self._lines.values() if line.socket.is_open]

    # What is told at fixed times.

    def advance(self, now_ns: int) -> None:
        """Send everything whose time has come since the last call, and end what is to end."""
        last_ns = self._last_ns
        self._last_ns = now_ns
        for line in self._listening():
            line.end_if_due(now_ns)
        if last_ns is None:
            return
        if now_ns // _TICK_NS != last_ns // _TICK_NS:
            self._send_trades(now_ns)
        if now_ns // SECOND_NS != last_ns // SECOND_NS:
            self._beat(now_ns)
            self._send_candles(now_ns)
            self._send_statuses(now_ns)
        if now_ns // _BATCH_NS != last_ns // _BATCH_NS:
            for book in sorted(self._traded):
                self._tell(
                    "ticker_batch",
                    book,
                    partial(
                        messages.ticker_event, self._venue, "update", book, now_ns, with_best=False
                    ),
                    now_ns,
                )
            self._traded.clear()

    def next_due_ns(self, now_ns: int) -> int | None:
        """Give the time of the next thing to send or to end; `None` while nobody is connected."""
        lines = list(self._listening())
        if not lines:
            return None
        deadline_ns = min(line.due_ns for line in lines)
        is_heard = any(line.channels for line in lines)
        return min(deadline_ns, (now_ns // _TICK_NS + 1) * _TICK_NS) if is_heard else deadline_ns

    def _send_trades(self, now_ns: int) -> None:
        waiting, self._trades = self._trades, {}
        for book, trades in waiting.items():
            self._tell(
                "market_trades",
                book,
                partial(messages.trades_event, "update", book, trades),
                now_ns,
            )

    def _beat(self, now_ns: int) -> None:
        for line in self._listening():
            if "heartbeats" not in line.channels:
                continue
            if self._dialect.faults.take((FaultKind.NO_PING,), topic="heartbeats"):
                continue
            line.beats += 1
            counter: object = line.beats
            if self._settings.has_text_counters:
                counter = str(line.beats)
            time = go_time(now_ns, self._venue.began_ns)
            event: Event = {"current_time": time, "heartbeat_counter": counter}
            self._send(line, "heartbeats", [event], now_ns)

    def _send_candles(self, now_ns: int) -> None:
        start_ns = now_ns // CANDLE_NS * CANDLE_NS
        for book in self._heard("candles"):
            candle = self._venue.engine.candle(book, start_ns, start_ns + CANDLE_NS)
            if candle is None or not candle.trades:
                continue
            event = messages.candles_event("update", book, [candle])
            if self._candles.get(book) != event:
                self._candles[book] = event
                self._tell("candles", book, partial(dict, event), now_ns)

    def _send_statuses(self, now_ns: int) -> None:
        for book in self._heard("status"):
            row = messages.status_row(self._venue, book)
            if self._statuses.get(book) != row:
                self._statuses[book] = row
                self._tell(
                    "status",
                    book,
                    partial(dict, type="update", products=[row]),
                    now_ns,
                )

    def _heard(self, channel: str) -> list[str]:
        names = {name for line in self._listening() for name in line.channels.get(channel, ())}
        return sorted(names)


def _read(text: str) -> dict[str, Any] | None:
    try:
        message = json.loads(text)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _is_allowed(line: Line, channel: object, account: str | None) -> bool:
    if channel not in _CHANNELS or (line.is_user and channel in _MARKET_CHANNELS):
        return False
    return channel not in _PRIVATE or account is not None


def _wants(line: Line, record: OrderRecord) -> bool:
    products = line.channels["user"]
    return not products or record.product_id in products


def _orders_event(kind: str, orders: Sequence[dict[str, object]]) -> Event:
    return {"type": kind, "orders": list(orders), "positions": dict(_NO_POSITIONS)}


def _fail(line: Line, message: str) -> None:
    line.socket.send(dumps({"type": "error", "message": message}).decode())
