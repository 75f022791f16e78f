"""What happens on the market, as the messages of the feed tell it.

Every message of the channel `full` has the next `sequence` of its product, whether anybody hears
it or not. The matching engine tells of strangers' orders only what they trade and what the levels
show: `full` has their matches, but not their `received`, `open` and `done`.
Source: Coinbase Exchange docs, "WebSocket channels", 2026-06; sides from a recorded session: a
match carries the maker's, a ticker the taker's. The fact sheet names the messages `received`,
`open`, `done`, `change` and `activate` but not their members: those here are from memory of the
documents, and wait for a recording to confirm them.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from venuekit.sim.events import LevelChanged
from venuekit.sim.money import exact
from venuekit.sim.orders import Trade
from venuekit.sim.queries import DAY_NS
from venuekit_coinbase.sim.exchange import payloads
from venuekit_coinbase.sim.exchange.records import OrderRecord
from venuekit_coinbase.sim.wire import digits, rfc3339

if TYPE_CHECKING:
    from venuekit_coinbase.sim.exchange.streams import Streams
    from venuekit_coinbase.sim.exchange.venue import Venue

Message = dict[str, object]
_ZERO: Final = Decimal(0)
_MONTH_NS: Final = 30 * DAY_NS


class Feed:
    """Writes messages and numbers them."""

    def __init__(self, venue: "Venue") -> None:
        self._venue = venue
        self._streams: Streams | None = None
        self._sequences: dict[str, int] = {}

    def attach(self, streams: "Streams") -> None:
        """Say where messages go."""
        self._streams = streams

    def sequence(self, book: str) -> int:
        """Give the number of a product's last message."""
        return self._sequences.get(book, 1)

    # The life of orders.

    def received(self, record: OrderRecord, now_ns: int) -> None:
        """Tell that an order is about to be matched."""
        draft = record.draft
        sizes = {"size": draft.size, "price": draft.price, "funds": draft.funds}
        self._order(
            "received",
            record,
            now_ns,
            order_type=draft.kind,
            client_oid=draft.client_oid,
            **{name: digits(each) for name, each in sizes.items() if each is not None},
        )

    def opened(self, record: OrderRecord, now_ns: int) -> None:
        """Tell that what is left of an order rests on the book."""
        self._order(
            "open",
            record,
            now_ns,
            price=digits(record.draft.price or _ZERO),
            remaining_size=digits(record.remaining),
        )

    def done(self, record: OrderRecord, now_ns: int) -> None:
        """Tell that an order is off the book."""
        more: Message = {"reason": record.done_reason}
        if record.draft.price is not None:
            more |= {
                "price": digits(record.draft.price),
                "remaining_size": digits(record.remaining),
            }
        self._order("done", record, now_ns, **more)

    @exact
    def changed(self, record: OrderRecord, less: Decimal, now_ns: int) -> None:
        """Tell that self-trade prevention made a resting order smaller."""
        self._order(
            "change",
            record,
            now_ns,
            reason="STP",
            price=digits(record.draft.price or _ZERO),
            old_size=digits(record.remaining + less),
            new_size=digits(record.remaining),
        )

    def activated(self, record: OrderRecord, now_ns: int) -> None:
        """Tell the owner, and nobody else, that a stop waits for its price; it has no sequence."""
        draft = record.draft
        message: Message = {
            "type": "activate",
            "product_id": record.product_id,
            "timestamp": rfc3339(now_ns),
            "order_id": record.id,
            "stop_type": draft.stop,
            "side": draft.side.value,
            "stop_price": digits(draft.stop_price or _ZERO),
            "size": digits(draft.size or _ZERO),
            "private": True,
        }
        self._tell_owner(message, record.account, record.product_id, now_ns)

    def _order(self, kind: str, record: OrderRecord, now_ns: int, **more: object) -> None:
        message: Message = {
            "type": kind,
            "time": rfc3339(now_ns),
            "product_id": record.product_id,
            "sequence": self._next(record.product_id),
            "order_id": record.id,
            "side": record.draft.side.value,
            **more,
        }
        self._tell("full", message, record.product_id, now_ns)
        self._tell_owner(message, record.account, record.product_id, now_ns)

    # Trades and levels.

    def matched(self, trade: Trade, now_ns: int) -> None:
        """Tell a trade, and the ticker after it."""
        book = trade.market
        self._next(book)
        message = self.match("match", trade)
        for channel in ("full", "matches"):
            self._tell(channel, message, book, now_ns)
        desk = self._venue.desk
        owners = [desk.owner(book, id_) for id_ in (trade.maker_order_id, trade.taker_order_id)]
        for account in dict.fromkeys(owner.account for owner in owners if owner is not None):
            self._tell_owner(message, account, book, now_ns)
        assert self._streams is not None, "a feed is attached before it is used"
        self._streams.traded(book, now_ns)

    def match(self, kind: str, trade: Trade) -> Message:
        """Write a trade as `match` or `last_match`."""
        book, number = trade.market, trade.trade_id
        return {
            "type": kind,
            "trade_id": number,
            "maker_order_id": self._venue.order_id(book, trade.maker_order_id, number),
            "taker_order_id": self._venue.order_id(book, trade.taker_order_id, -number),
            "side": trade.taker_side.opposite.value,
            "size": digits(trade.quantity),
            "price": digits(trade.price),
            "product_id": book,
            "sequence": self.sequence(book),
            "time": rfc3339(trade.time_ns),
        }

    def ticker(self, book: str, now_ns: int) -> Message | None:
        """Write the ticker, if there was a trade."""
        engine = self._venue.engine
        last, day = engine.last_trade(book), engine.statistics(book, now_ns)
        month = engine.statistics(book, now_ns, _MONTH_NS)
        if last is None or day is None or month is None:
            return None
        bid, ask = engine.best_bid(book), engine.best_ask(book)
        return {
            "type": "ticker",
            "sequence": self.sequence(book),
            "product_id": book,
            "price": digits(last.price),
            "open_24h": digits(day.open),
            "volume_24h": digits(day.volume),
            "low_24h": digits(day.low),
            "high_24h": digits(day.high),
            "volume_30d": digits(month.volume),
            "best_bid": digits(_ZERO if bid is None else bid.price),
            "best_bid_size": digits(_ZERO if bid is None else bid.quantity),
            "best_ask": digits(_ZERO if ask is None else ask.price),
            "best_ask_size": digits(_ZERO if ask is None else ask.quantity),
            "side": last.taker_side.value,
            "time": rfc3339(last.time_ns),
            "trade_id": last.trade_id,
            "last_size": digits(last.quantity),
        }

    def heartbeat(self, book: str, now_ns: int) -> Message:
        """Write a heartbeat."""
        last = self._venue.engine.last_trade(book)
        return {
            "type": "heartbeat",
            "sequence": self.sequence(book),
            "last_trade_id": 0 if last is None else last.trade_id,
            "product_id": book,
            "time": rfc3339(now_ns),
        }

    def snapshot(self, book: str) -> Message:
        """Write the whole book."""
        depth = self._venue.engine.depth(book)
        return {
            "type": "snapshot",
            "product_id": book,
            "bids": [[digits(row.price), digits(row.quantity)] for row in depth.bids],
            "asks": [[digits(row.price), digits(row.quantity)] for row in depth.asks],
        }

    def level_update(self, book: str, changes: Sequence[LevelChanged], now_ns: int) -> Message:
        """Write levels that have another size now, zero where they are gone."""
        return {
            "type": "l2update",
            "product_id": book,
            "time": rfc3339(now_ns),
            "changes": [
                [change.side.value, digits(change.price), digits(change.quantity)]
                for change in changes
            ],
        }

    def status(self) -> Message:
        """Write all products and currencies."""
        venue = self._venue
        return {
            "type": "status",
            "products": [payloads.product(venue, book) for book in venue.books],
            "currencies": payloads.currencies(venue),
        }

    def levels_changed(self, changes: Sequence[LevelChanged], now_ns: int) -> None:
        """Tell changes of books."""
        assert self._streams is not None, "a feed is attached before it is used"
        by_book: dict[str, list[LevelChanged]] = {}
        for change in changes:
            by_book.setdefault(change.market, []).append(change)
        for book, rows in by_book.items():
            self._streams.levels_changed(book, rows, now_ns)

    # The way out.

    def _next(self, book: str) -> int:
        self._sequences[book] = self.sequence(book) + 1
        return self._sequences[book]

    def _tell(self, channel: str, message: Message, book: str, now_ns: int) -> None:
        assert self._streams is not None, "a feed is attached before it is used"
        self._streams.tell(channel, book, message, now_ns)

    def _tell_owner(self, message: Message, account: str, book: str, now_ns: int) -> None:
        assert self._streams is not None, "a feed is attached before it is used"
        user = self._venue.users[account]
        own = {**message, "user_id": user.user_id, "profile_id": user.profile_id}
        self._streams.tell("user", book, own, now_ns, account=account)
