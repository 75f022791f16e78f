"""Trades and books over the WebSocket. Source: WebSocket API v2, 2026."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import venuekit.model as vm
import venuekit.plugin as vk
from venuekit.plugin import Members
from venuekit_bitstamp.errors import failure_of
from venuekit_bitstamp.markets import SIDES, Markets, book_of
from venuekit_bitstamp.orders import Orders
from venuekit_bitstamp.wire import Signing

_DEPTH = 100
_NAMES = {vk.Topic.TRADES: "live_trades_", vk.Topic.BOOK: "order_book_"}


class Streams(vk.Stream):
    """Streams trades, and the best hundred levels of books, whole with each message."""

    def channels(self) -> Sequence[vk.Channel]:
        """List the one kind of connection; Bitstamp documents no limits for it, these are ours."""
        return (
            vk.Channel(
                name="market",
                host="stream",
                max_subscriptions=100,
                max_batch=1,
                messages_per_s=10,
                max_age_s=90 * 86_400.0,
                silence_s=60.0,
            ),
        )

    def channel_of(self, subscription: vk.Subscription) -> str:
        """Name the channel that carries `subscription`; raises ValueError if none does."""
        if subscription.topic not in _NAMES:
            raise ValueError(f"not streamed: {subscription}")
        return "market"

    def key_of(self, subscription: vk.Subscription) -> str:
        """Name `subscription` as its frames are named; ValueError without an instrument."""
        if subscription.instrument is None:
            raise ValueError(f"{subscription} needs an instrument")
        return _NAMES[subscription.topic] + subscription.instrument.native

    def subscribe(
        self, subscriptions: Sequence[vk.Subscription], request_id: int, access: vk.Access | None
    ) -> Sequence[str]:
        """Write the messages that subscribe; the answers name no request."""
        return [_message("bts:subscribe", self.key_of(each)) for each in subscriptions]

    def unsubscribe(
        self, subscriptions: Sequence[vk.Subscription], request_id: int, access: vk.Access | None
    ) -> Sequence[str]:
        """Write the messages that end them."""
        return [_message("bts:unsubscribe", self.key_of(each)) for each in subscriptions]

    def read_frame(self, channel: str, frame: str | bytes) -> Iterable[vk.FrameEvent]:
        """Say what a frame means; raises ValueError for one that cannot be understood."""
        message = Members.of(frame)
        event = message.text("event")
        if event in ("bts:subscription_succeeded", "bts:unsubscription_succeeded"):
            return (vk.Acknowledged(request_id=None),)
        if event == "bts:error":
            data = message.members("data")
            code, text = data.text_or_none("code") or "", data.text_or_none("message") or ""
            return (vk.Refused(request_id=None, code=vk.clean(code), text=vk.clean(text)),)
        if event == "bts:request_reconnect":
            return (vk.Closing(text="and asks to connect anew"),)
        if event == "bts:heartbeat":
            return ()
        return (self._published(message.text("channel"), event, message.members("data")),)

    def book_keeping(self) -> vk.BookKeeping:
        """Say how books are kept in step: each message has all of the book that is told."""
        return vk.BookKeeping(rule=vk.BookRule.CONNECTION, snapshot_by_rest=False, depth=_DEPTH)

    def _published(self, key: str, event: str, data: Members) -> vk.Published:
        for topic, beginning in _NAMES.items():
            native = key.removeprefix(beginning)
            if native == key or not self.instruments.knows_native(native):
                continue
            instrument = self.instruments.native(native)
            if topic is vk.Topic.BOOK and event == "data":
                return vk.Published(key=key, event=book_of(data, instrument, _DEPTH))
            if topic is vk.Topic.TRADES and event == "trade":
                return vk.Published(key=key, event=_trade(data, instrument))
        raise ValueError(f"{event[:40]!r} of {key[:60]!r}")


def _message(event: str, channel: str) -> str:
    return json.dumps({"event": event, "data": {"channel": channel}})


def _trade(data: Members, instrument: vm.Instrument) -> vm.Trade:
    return vm.Trade(
        symbol=instrument.symbol,
        trade_id=data.text("id"),
        price=data.amount("price_str"),
        quantity=data.amount("amount_str"),
        side=data.one_of("type", SIDES),
        time_ns=data.time_ns("microtimestamp", unit_ns=1000),
    )


class Adapter(Markets, Orders, Streams, Signing):
    """Turns what is wanted into requests, and answers into models."""

    lacks: ClassVar[Mapping[str, vk.Lack]] = {
        "validate": vk.not_offered("nothing checks an order without placing it"),
        "cancel all after": vk.not_offered("nothing cancels by itself"),
        "place many": vk.not_offered("each order is a request"),
        "cancel many": vk.not_offered("orders are canceled one by one, all of a market, or all"),
        "amend": vk.not_offered("an order can only be replaced"),
        "replace": vk.not_yet("replace_order is not asked"),
        "order lists": vk.not_offered("orders stand for themselves"),
        "aggregate trades": vk.not_offered("trades are told one by one"),
        "trades after": vk.not_offered("the trades of the last hour or day are told"),
        "key permissions": vk.not_offered("keys can be revoked, not asked about"),
        "ledger": vk.not_yet("of user_transactions, only trades are read"),
        "order usage": vk.not_offered("only requests are counted"),
        "custody": vk.not_yet("deposit addresses are not asked for"),
        "orders over a socket": vk.not_offered("its socket takes subscriptions only"),
        "stream: account": vk.not_yet("private channels need a token of their own"),
    }

    def failure(self, call: vk.Call[Any], answer: vk.Answer) -> vm.Failure | None:
        """Say why `answer` is not a success; None if it is one."""
        return failure_of(call, answer)
