"""WebSocket connections: who is told what, and when.

Source: Coinbase Exchange docs, "WebSocket overview" and "WebSocket channels", 2026-06. Texts of
errors that the fact sheet does not have are ours. Not offered, for want of facts: `level3`.
"""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from venuekit.sim.dialect import Dialect, SimSocket
from venuekit.sim.events import LevelChanged
from venuekit.sim.faults import FaultKind
from venuekit_coinbase.sim.exchange.feed import Message
from venuekit_coinbase.sim.exchange.keys import VERIFY, Claim
from venuekit_coinbase.sim.exchange.refusals import Refusal
from venuekit_coinbase.sim.exchange.strangeness import estranged
from venuekit_coinbase.sim.wire import SECOND_NS, dumps

if TYPE_CHECKING:
    from venuekit_coinbase.sim.exchange.venue import Venue

_CHANNELS: Final = (
    "heartbeat",
    "status",
    "ticker",
    "ticker_batch",
    "level2",
    "level2_batch",
    "matches",
    "full",
    "user",
)
_LOCKED: Final = "level2, level3, and full channels now require authentication"
_MOST_LISTENERS: Final = 10
_TICK_NS: Final = SECOND_NS // 20
_BATCH_NS: Final = 5 * SECOND_NS
_SLOW_NS: Final = 5 * SECOND_NS
"""Between two `status` messages; the documents only say "on a preset interval"."""


class Line:
    """A connection and what it listens to."""

    def __init__(self, socket: SimSocket, subscribe_by_ns: int) -> None:
        self.socket = socket
        self.subscribe_by_ns = subscribe_by_ns
        self.account: str | None = None
        self.channels: dict[str, dict[str, None]] = {}
        self.has_subscribed = False

    def hears(self, channel: str, book: str) -> bool:
        """Say whether news of a product on a channel are wanted here."""
        return book in self.channels.get(channel, ())


class Unsubscribable(Exception):
    """A message that cannot be followed; the text is the `reason` of the error."""


class Streams:
    """All connections, and what waits to be told."""

    def __init__(self, dialect: Dialect, venue: "Venue") -> None:
        self._dialect = dialect
        self._venue = venue
        self._lines: dict[int, Line] = {}
        self._levels: dict[str, list[LevelChanged]] = {}
        self._traded: set[str] = set()
        self._last_ns: int | None = None

    # Connections.

    def connected(self, socket: SimSocket, now_ns: int) -> None:
        """Take in a connection."""
        within_ns = round(self._venue.behavior.subscribe_within_s * SECOND_NS)
        self._lines[socket.id] = Line(socket, now_ns + within_ns)

    def disconnected(self, socket: SimSocket) -> None:
        """Forget a connection."""
        self._lines.pop(socket.id, None)
        self._venue.limits.forget(socket.id)

    def received(self, socket: SimSocket, text: str, now_ns: int) -> None:
        """Follow a message."""
        line = self._lines[socket.id]
        if not self._venue.limits.message(socket.id, now_ns):
            _fail(line, "rate limit exceeded")
            return
        try:
            self._follow(line, _read(text), now_ns)
        except Unsubscribable as reason:
            _fail(line, str(reason))

    def _follow(self, line: Line, message: dict[str, Any], now_ns: int) -> None:
        wanted = _wanted(message)
        if message.get("type") == "unsubscribe":
            for channel, books in wanted.items():
                _leave(line, channel, books)
            self._acknowledge(line, now_ns)
            return
        if message.get("type") != "subscribe":
            raise Unsubscribable("Type has to be either subscribe or unsubscribe")
        account = self._account(message, now_ns) or line.account
        for channel, books in wanted.items():
            self._check(line, channel, books, account)
        line.account, line.has_subscribed = account, True
        fresh: list[tuple[str, str]] = []
        for channel, books in wanted.items():
            known = line.channels.setdefault(channel, {})
            fresh += [(channel, book) for book in books if book not in known]
            if channel == "status" and not known:
                fresh.append((channel, ""))
            known.update(dict.fromkeys(books))
        self._acknowledge(line, now_ns)
        for channel, book in fresh:
            self._begin(line, channel, book, now_ns)

    def _account(self, message: dict[str, Any], now_ns: int) -> str | None:
        """Give whose key signed a message, if it is signed."""
        names = ("key", "signature", "timestamp", "passphrase")
        if not any(message.get(name) for name in names):
            return None
        key, signature, timestamp, passphrase = (str(message.get(name, "")) for name in names)
        claim = Claim(key=key, signature=signature, timestamp=timestamp, passphrase=passphrase)
        try:
            signed = f"GET{VERIFY}".encode()
            found = self._venue.keys.check(claim, signed, self._venue.clock_ns(now_ns))
        except Refusal as refusal:
            raise Unsubscribable(refusal.message) from None
        return found.credentials.account

    def _check(self, line: Line, channel: str, books: Sequence[str], account: str | None) -> None:
        if channel not in _CHANNELS:
            raise Unsubscribable(f"{channel} is not a valid channel")
        is_locked = channel == "full" or (
            channel == "level2" and self._venue.behavior.level2_needs_key
        )
        if is_locked and account is None:
            raise Unsubscribable(_LOCKED)
        if channel == "user" and account is None:
            raise Unsubscribable("user channel requires authentication")
        if channel != "status" and not books:
            raise Unsubscribable("product_ids are required")
        for book in books:
            if book not in self._venue.books:
                raise Unsubscribable(f"{book} is not a valid product")
            others = [
                each
                for each in self._listening()
                if each is not line and each.socket.peer == line.socket.peer
            ]
            if sum(each.hears(channel, book) for each in others) >= _MOST_LISTENERS:
                raise Unsubscribable(f"too many subscriptions for {channel} {book}")

    def _acknowledge(self, line: Line, now_ns: int) -> None:
        """Tell all subscriptions of a connection, not only the new one."""
        channels = [
            {"name": name, "product_ids": list(books)} for name, books in line.channels.items()
        ]
        self._send(line, "subscriptions", {"type": "subscriptions", "channels": channels}, now_ns)

    def _begin(self, line: Line, channel: str, book: str, now_ns: int) -> None:
        """Send what a channel begins with."""
        feed, message = self._venue.feed, None
        match channel:
            case "level2" | "level2_batch":
                # What waits for the next batch is in the snapshot already, and changes nothing.
                message = feed.snapshot(book)
            case "ticker" | "ticker_batch":
                message = feed.ticker(book, now_ns)
            case "matches":
                last = self._venue.engine.last_trade(book)
                message = None if last is None else feed.match("last_match", last)
            case "status" if not book:
                message = feed.status()
        if message is not None:
            self._send(line, f"{channel}:{book}" if book else channel, message, now_ns)

    # News.

    def tell(
        self, channel: str, book: str, message: Message, now_ns: int, *, account: str | None = None
    ) -> None:
        """Tell a message to all who listen, or to those of one account."""
        for line in self._listening():
            if line.hears(channel, book) and account in {None, line.account}:
                self._send(line, f"{channel}:{book}", message, now_ns)

    def traded(self, book: str, now_ns: int) -> None:
        """Tell the ticker now, or soon in a batch."""
        self._traded.add(book)
        if any(line.hears("ticker", book) for line in self._listening()):
            message = self._venue.feed.ticker(book, now_ns)
            if message is not None:
                self.tell("ticker", book, message, now_ns)

    def levels_changed(self, book: str, changes: Sequence[LevelChanged], now_ns: int) -> None:
        """Tell levels now, and keep them for the next batch."""
        self._levels.setdefault(book, []).extend(changes)
        if any(line.hears("level2", book) for line in self._listening()):
            self.tell("level2", book, self._venue.feed.level_update(book, changes, now_ns), now_ns)

    def _send(self, line: Line, topic: str, message: Message, now_ns: int) -> None:
        """Send a message; its topic for faults is the channel and the product."""
        text = dumps(estranged(self._venue.faults, message)).decode()
        self._dialect.publish(line.socket, topic, text, now_ns)

    def _listening(self) -> Iterable[Line]:
        return [line for line in self._lines.values() if line.socket.is_open]

    # What is told at fixed times.

    def advance(self, now_ns: int) -> None:
        """Send everything whose time has come since the last call, and end what is to end."""
        last_ns, self._last_ns = self._last_ns, now_ns
        for line in self._listening():
            if not line.has_subscribed and now_ns >= line.subscribe_by_ns:
                line.socket.close(1008, "no subscription")
        if last_ns is None:
            return
        if now_ns // _TICK_NS != last_ns // _TICK_NS:
            self._send_levels(now_ns)
        if now_ns // SECOND_NS != last_ns // SECOND_NS:
            for book in self._heard("heartbeat"):
                self._beat(book, now_ns)
        if now_ns // _BATCH_NS != last_ns // _BATCH_NS:
            self._send_tickers(now_ns)
        if now_ns // _SLOW_NS != last_ns // _SLOW_NS:
            for line in self._listening():
                if "status" in line.channels:
                    self._send(line, "status", self._venue.feed.status(), now_ns)

    def next_due_ns(self, now_ns: int) -> int | None:
        """Give the time of the next thing to send or to end; `None` while nobody is connected."""
        lines = list(self._listening())
        times = [line.subscribe_by_ns for line in lines if not line.has_subscribed]
        if any(line.channels for line in lines):
            times.append((now_ns // _TICK_NS + 1) * _TICK_NS)
        return min(times, default=None)

    def _send_levels(self, now_ns: int) -> None:
        waiting, self._levels = self._levels, {}
        heard = set(self._heard("level2_batch"))
        for book, changes in waiting.items():
            if book in heard:
                last = list({(each.side, each.price): each for each in changes}.values())
                message = self._venue.feed.level_update(book, last, now_ns)
                self.tell("level2_batch", book, message, now_ns)

    def _send_tickers(self, now_ns: int) -> None:
        for book in sorted(self._traded & set(self._heard("ticker_batch"))):
            message = self._venue.feed.ticker(book, now_ns)
            if message is not None:
                self.tell("ticker_batch", book, message, now_ns)
        self._traded.clear()

    def _beat(self, book: str, now_ns: int) -> None:
        if not self._venue.faults.take((FaultKind.NO_PING,), topic=f"heartbeat:{book}"):
            self.tell("heartbeat", book, self._venue.feed.heartbeat(book, now_ns), now_ns)

    def _heard(self, channel: str) -> list[str]:
        return sorted(
            {name for line in self._listening() for name in line.channels.get(channel, ())}
        )


def _fail(line: Line, reason: str) -> None:
    answer = {"type": "error", "message": "Failed to subscribe", "reason": reason}
    line.socket.send(dumps(answer).decode())


def _read(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError:
        raise Unsubscribable("Malformed JSON") from None
    if not isinstance(message, dict):
        raise Unsubscribable("Malformed JSON")
    return message


def _wanted(message: dict[str, Any]) -> dict[str, list[str]]:
    """Give the channels that a message names, each with its own products or those of all."""
    common, channels = message.get("product_ids") or [], message.get("channels")
    if not isinstance(channels, list) or not channels:
        raise Unsubscribable("channels are required")
    wanted: dict[str, list[str]] = {}
    for each in channels:
        own = common
        name = each
        if isinstance(each, dict):
            name, own = each.get("name"), each.get("product_ids") or common
        if not isinstance(name, str) or not isinstance(own, list):
            raise Unsubscribable("Malformed JSON")
        known = wanted.setdefault(name, [])
        known += [str(book) for book in own if book not in known]
    return wanted


def _leave(line: Line, channel: str, books: Sequence[str]) -> None:
    """Listen to a channel no longer, for some products or, if none are named, at all."""
    known = line.channels.get(channel)
    if known is None:
        return
    for book in books:
        known.pop(book, None)
    if not books or not known:
        del line.channels[channel]
