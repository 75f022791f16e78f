"""All connections to the sockets: what they are subscribed to, and what they are told.

Source: Kraken API Center, WebSocket v2 pages.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from venuekit.sim.dialect import Dialect, SimSocket
from venuekit.sim.faults import FaultKind
from venuekit_kraken.sim import market_channels as market
from venuekit_kraken.sim import order_payloads as write
from venuekit_kraken.sim.arguments import Arguments
from venuekit_kraken.sim.connections import (
    PRIVATE_CHANNELS,
    Connection,
    ConnectionSettings,
    Subscription,
)
from venuekit_kraken.sim.public import INTERVALS
from venuekit_kraken.sim.refusals import Refusal
from venuekit_kraken.sim.security import Token
from venuekit_kraken.sim.strangeness import estranged
from venuekit_kraken.sim.wire import dumps, number
from venuekit_kraken.sim.world import PairSpec

if TYPE_CHECKING:
    from venuekit_kraken.sim.venue import ExecutionNews, News, Venue

_BY_PAIR: Final = frozenset({"ticker", "book", "trade", "ohlc"})
_LAST_FILLS: Final = 50
_FIRST_CONNECTION: Final = 13_834_774_380_200_032_777  # more than a double can hold
Body = dict[str, object]
Outcome = tuple[Body, Callable[[], None] | None]
"""An answer, and what is sent after it."""


class Streams:
    """Who listens to what."""

    def __init__(self, dialect: Dialect, venue: "Venue", settings: ConnectionSettings) -> None:
        self._dialect = dialect
        self._venue = venue
        self._settings = settings
        self._books = market.Books(venue)
        self.connections: dict[int, Connection] = {}
        self._system = "online"
        self._statuses = dict.fromkeys(venue.names.pairs, "online")

    # Connections.

    def connected(self, socket: SimSocket, now_ns: int) -> None:
        """Take in a connection and tell it how the exchange is."""
        self.connections[socket.id] = Connection(socket, self._settings, now_ns)
        self._send_status(socket, now_ns)

    def disconnected(self, socket: SimSocket) -> None:
        """Forget a connection; its subscriptions end with it."""
        self.connections.pop(socket.id, None)

    def _send_status(self, socket: SimSocket, now_ns: int) -> None:
        body = {
            "api_version": "v2",
            "connection_id": _FIRST_CONNECTION + socket.id,
            "system": self._venue.system_status(),
            "version": "2.0.10",
        }
        self.publish(socket, "status", market.message("status", "update", [body]), now_ns)

    def publish(self, socket: SimSocket, topic: str, body: Mapping[str, Any], now_ns: int) -> None:
        """Send a message of a channel, or what faults make of it."""
        if topic.startswith("book/") and self._dialect.faults.take(
            (FaultKind.CORRUPT_CHECKSUM,), topic=topic
        ):
            row = body["data"][0]
            body = {**body, "data": [{**row, "checksum": row["checksum"] ^ 1}]}
        text = dumps(estranged(self._venue.faults, dict(body))).decode()
        self._dialect.publish(socket, topic, text, now_ns)
        connection = self.connections.get(socket.id)
        if connection is not None:
            connection.sent(now_ns)

    # Subscribing.

    def subscribe(
        self, connection: Connection, sent: Arguments, token: Token | None, now_ns: int
    ) -> list[Outcome]:
        """Subscribe to a channel; there is an answer for each pair, and a bad one fails alone."""
        channel = sent.text("channel") or ""
        if channel in _BY_PAIR:
            symbols = sent.names("symbol")
            if not symbols:
                raise Refusal("Symbol(s) not found")
            return [self._subscribe_pair(connection, sent, name, now_ns) for name in symbols]
        if channel == "instrument":
            one = Subscription(channel=channel)
            return [self._begin(connection, one, sent, {"snapshot": True}, now_ns)]
        if channel in PRIVATE_CHANNELS and token is not None:
            one = Subscription(
                channel=channel,
                token=token,
                tells_all=sent.flag("order_status", default=True),
                tells_counter=sent.flag("ratecounter"),
            )
            words: Body = {"snapshot": True}
            if channel == "executions":
                words = {"snap_orders": True, "snap_trades": False, "order_status": True}
            return [self._begin(connection, one, sent, words, now_ns)]
        raise Refusal(f"Unsupported channel: '{channel}'")

    def _subscribe_pair(
        self, connection: Connection, sent: Arguments, symbol: str, now_ns: int
    ) -> Outcome:
        error = f"Currency pair not supported {symbol}"
        if symbol in self._venue.names.pairs:
            try:
                one, words = _pair_subscription(sent, symbol)
                return self._begin(connection, one, sent, words, now_ns)
            except Refusal as refusal:
                error = refusal.text
        return {"error": error, "success": False, "symbol": symbol}, None

    def _begin(
        self,
        connection: Connection,
        one: Subscription,
        sent: Arguments,
        words: Body,
        now_ns: int,
    ) -> Outcome:
        """Add a subscription, unless it is there, and write what it was understood to be."""
        if one.key in connection.subscriptions:
            raise Refusal("Already subscribed")
        result: Body = {"channel": one.channel}
        if one.symbol:
            result["symbol"] = one.symbol
        for name, default in words.items():
            result[name] = (
                sent.flag(name, default=default) if isinstance(default, bool) else default
            )
        if one.channel == "executions":
            result["maxratecount"] = self._venue.limits.settings.engine
        if one.channel == "book" and not self._has_listener(one.symbol, one.depth):
            # What nobody was told of in between is in the snapshot.
            self._books.forget(one.symbol, one.depth)
        connection.subscriptions[one.key] = one
        return {"result": result, "success": True}, lambda: self._snapshot(
            connection, one, result, now_ns
        )

    def _has_listener(self, symbol: str, depth: int) -> bool:
        key = ("book", symbol, depth)
        return any(key in each.subscriptions for each in self.connections.values())

    def unsubscribe(self, connection: Connection, sent: Arguments) -> list[Outcome]:
        """End subscriptions; there is an answer for each pair."""
        channel = sent.text("channel") or ""
        wanted = sent.integer("depth" if channel == "book" else "interval")
        outcomes: list[Outcome] = []
        for symbol in sent.names("symbol") or [""]:
            found = [
                one
                for one in connection.find(channel, symbol)
                if wanted in {None, one.depth or one.interval}
            ]
            for one in found:
                del connection.subscriptions[one.key]
            body: Body = {"channel": channel}
            if symbol:
                body["symbol"] = symbol
            if found:
                outcomes.append(({"result": body, "success": True}, None))
            else:
                error: Body = {"error": "Subscription not found", "success": False}
                outcomes.append(({**error, "symbol": symbol} if symbol else error, None))
        return outcomes

    # Snapshots.

    def _snapshot(
        self, connection: Connection, one: Subscription, result: Body, now_ns: int
    ) -> None:
        venue, socket = self._venue, connection.socket
        if one.channel in PRIVATE_CHANNELS:
            self._private_snapshot(connection, one, result, now_ns)
            return
        if not result["snapshot"]:
            return
        pair = venue.names.pairs.get(one.symbol)
        if pair is None:
            body = market.instrument(venue)
        elif one.channel == "book":
            view = self._books.watch(one.symbol, one.depth)
            body = self._books.snapshot(pair, view, venue.clock_ns(now_ns))
        elif one.channel == "ticker":
            body = market.ticker(venue, pair, "snapshot", now_ns)
        elif one.channel == "trade":
            body = market.trades(venue, pair, "snapshot", market.last_trades(venue, pair))
        else:
            body = market.ohlc(venue, pair, "snapshot", one.interval, now_ns)
        self.publish(socket, one.topic, body, now_ns)

    def _private_snapshot(
        self, connection: Connection, one: Subscription, result: Body, now_ns: int
    ) -> None:
        assert one.token is not None
        account = one.token.key.account
        if one.channel == "balances":
            if result["snapshot"]:
                self._send_private(connection, one, "snapshot", self._balances(account), now_ns)
            return
        owner = self._venue.owners[account]
        data: list[Body] = []
        if result["snap_orders"]:
            data += [
                write.full_execution(
                    ticket,
                    "pending_new" if ticket.status == "pending" else "new",
                    ticket.created_ns,
                )
                for ticket in owner.open.values()
            ]
        if result["snap_trades"]:
            fills = list(owner.trades.values())[-_LAST_FILLS:]
            data += [write.trade_execution(trade) for trade in fills]
        if result["snap_orders"] or result["snap_trades"]:
            self._send_private(connection, one, "snapshot", data, now_ns)

    def _balances(self, account: str) -> list[Body]:
        owner = self._venue.owners[account]
        rows: list[Body] = []
        for symbol, total in owner.totals.items():
            asset = self._venue.names.asset_of_symbol(symbol)
            earning = [
                amount
                for name, amount in owner.earning.items()
                if name.partition(".")[0] in {asset.id, asset.altname}
            ]
            wallets = [{"type": "spot", "id": "main", "balance": number(total)}]
            wallets += [{"type": "earn", "id": "flex", "balance": number(each)} for each in earning]
            rows.append(
                {
                    "asset": symbol,
                    "asset_class": "currency",
                    "balance": number(sum(earning, total)),
                    "wallets": wallets,
                }
            )
        return rows

    def _send_private(
        self, connection: Connection, one: Subscription, kind: str, data: list[Body], now_ns: int
    ) -> None:
        one.sequence += 1
        body = {**market.message(one.channel, kind, data), "sequence": one.sequence}
        self.publish(connection.socket, one.topic, body, now_ns)

    # News.

    def tell(self, news: "News", now_ns: int) -> None:
        """Tell everybody what they listen to."""
        if not news or not self.connections:
            return
        traded = {trade.market for trade in news.trades}
        updates: dict[tuple[str, int], Body | None] = {}
        for connection in list(self.connections.values()):
            for one in list(connection.subscriptions.values()):
                pair = self._venue.names.pairs.get(one.symbol)
                if pair is None:
                    self._tell_owner(connection, one, news, now_ns)
                elif one.channel == "book":
                    if one.symbol in news.books:
                        self._tell_book(connection, one, pair, updates, now_ns)
                elif one.symbol in traded or one.trigger == "bbo":
                    self._tell_market(connection, one, pair, news, now_ns)

    def _tell_book(
        self,
        connection: Connection,
        one: Subscription,
        pair: PairSpec,
        updates: dict[tuple[str, int], Body | None],
        now_ns: int,
    ) -> None:
        key = (one.symbol, one.depth)
        if key not in updates:
            at_ns = self._venue.clock_ns(now_ns)
            updates[key] = self._books.update(pair, one.depth, at_ns)
        body = updates[key]
        if body is not None:
            self.publish(connection.socket, one.topic, body, now_ns)

    def _tell_market(
        self, connection: Connection, one: Subscription, pair: PairSpec, news: "News", now_ns: int
    ) -> None:
        venue = self._venue
        rows = [trade for trade in news.trades if trade.market == one.symbol]
        if one.channel == "trade":
            body = market.trades(venue, pair, "update", rows)
        elif one.channel == "ohlc":
            body = market.ohlc(venue, pair, "update", one.interval, now_ns)
        elif one.trigger == "bbo" and one.symbol not in news.tops:
            return
        else:
            body = market.ticker(venue, pair, "update", now_ns)
        self.publish(connection.socket, one.topic, body, now_ns)

    def _tell_owner(
        self, connection: Connection, one: Subscription, news: "News", now_ns: int
    ) -> None:
        if one.token is None:
            return
        account = one.token.key.account
        if one.channel == "executions":
            for event in news.executions:
                if event.account == account and (one.tells_all or event.is_main):
                    body = self._execution(event, one, now_ns)
                    self._send_private(connection, one, "update", [body], now_ns)
        else:
            for name, entry in news.ledgers:
                if name == account:
                    row = write.socket_ledger(entry)
                    self._send_private(connection, one, "update", [row], now_ns)

    def _execution(self, event: "ExecutionNews", one: Subscription, now_ns: int) -> Body:
        if not one.tells_counter:
            return event.body
        count = self._venue.limits.engine(event.account, event.pair.symbol, now_ns)
        return {**event.body, "ratecount": float(count)}

    # Time.

    def advance(self, now_ns: int) -> None:
        """Tell of a changed status, let hearts beat, and end what is idle."""
        if self._venue.system_status() != self._system:
            self._system = self._venue.system_status()
            for connection in list(self.connections.values()):
                self._send_status(connection.socket, now_ns)
        self._tell_statuses(now_ns)

        def beat(socket: SimSocket) -> None:
            if not self._dialect.faults.take((FaultKind.NO_PING,), topic="heartbeat"):
                self.publish(socket, "heartbeat", {"channel": "heartbeat"}, now_ns)

        for connection in list(self.connections.values()):
            connection.advance(now_ns, beat)

    def _tell_statuses(self, now_ns: int) -> None:
        pairs = self._venue.names.pairs
        if not self._venue.faults.planned and set(self._statuses.values()) == {"online"}:
            return
        changed = [
            pair
            for symbol, pair in pairs.items()
            if self._venue.status(symbol) != self._statuses[symbol]
        ]
        for pair in changed:
            self._statuses[pair.symbol] = self._venue.status(pair.symbol)
        if not changed:
            return
        body = market.instrument_update(self._venue, changed)
        for connection in list(self.connections.values()):
            if connection.find("instrument"):
                self.publish(connection.socket, "instrument", body, now_ns)

    def next_due_ns(self) -> int | None:
        """Give the time of the next heartbeat."""
        return min((each.next_due_ns() for each in self.connections.values()), default=None)


def _pair_subscription(sent: Arguments, symbol: str) -> tuple[Subscription, Body]:
    """Read what is asked for of a pair, and give it with the words that describe it."""
    match channel := sent.sure_text("channel"):
        case "book":
            depth = sent.integer("depth") or market.DEPTHS[0]
            if depth not in market.DEPTHS:
                raise Refusal("Book depth not supported")
            one = Subscription(channel=channel, symbol=symbol, depth=depth)
            return one, {"depth": depth, "snapshot": True}
        case "ohlc":
            interval = sent.integer("interval") or INTERVALS[0]
            if interval not in INTERVALS:
                raise Refusal("Interval not supported")
            one = Subscription(channel=channel, symbol=symbol, interval=interval)
            warnings = ["timestamp is deprecated, use interval_begin"]
            return one, {"interval": interval, "snapshot": True, "warnings": warnings}
        case "ticker":
            trigger = sent.choice("event_trigger", ("trades", "bbo"), "trades")
            one = Subscription(channel=channel, symbol=symbol, trigger=trigger)
            return one, {"event_trigger": trigger, "snapshot": True}
        case _:
            return Subscription(channel=channel, symbol=symbol), {"snapshot": False}
