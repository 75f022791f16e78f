"""Streams over the WebSocket feed: what subscribes, and what messages mean.

One message subscribes to any number of channels. Its answer names no request, and lists all that is
subscribed on the connection. Heartbeats are subscribed along with every product: they come each
second, so that a silent connection is known to be dead, and say which trade was the last.
Source: Coinbase Exchange "WebSocket overview", "WebSocket channels", "WebSocket rate limits", 2026.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from venuekit.plugin import (
    Access,
    Acknowledged,
    BookKeeping,
    BookRule,
    Channel,
    FrameEvent,
    Refused,
    Stream,
    Subscription,
    Topic,
    clean,
    read_json,
)
from venuekit_coinbase.calls import Listed
from venuekit_coinbase.exchange.account_frames import ACCOUNT, TYPES, read_user_message
from venuekit_coinbase.exchange.market_frames import NAMES, READERS, STATUS, read_status
from venuekit_coinbase.exchange.signing import feed_access

_HEARTBEAT: Final = "heartbeat"


class Streams(Listed, Stream):
    """Streams market data and the profile's orders."""

    def channels(self) -> Sequence[Channel]:
        """List the connections: market data, the account."""
        return (_channel("market", 100), _channel("account", 1, is_private=True))

    def channel_of(self, subscription: Subscription) -> str:
        """Name the channel that carries `subscription`; raises ValueError if none does."""
        if subscription.topic is Topic.ACCOUNT:
            return "account"
        is_known = subscription.topic in NAMES
        if not is_known or (
            subscription.instrument is None and subscription.topic is not Topic.INSTRUMENTS
        ):
            msg = f"Coinbase Exchange streams no {subscription}"
            raise ValueError(msg)
        return "market"

    def key_of(self, subscription: Subscription) -> str:
        """Name `subscription` as its messages are named."""
        if subscription.topic is Topic.ACCOUNT:
            return ACCOUNT
        if subscription.instrument is None:
            return STATUS
        return f"{NAMES[subscription.topic]} {subscription.instrument.symbol}"

    def subscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> str:
        """Write the message that subscribes to all of them, and to their heartbeats.

        Raises:
            ValueError: The account's stream is wanted without a key.
            ConfigurationError: The key has no passphrase.
        """
        del request_id  # it has no place in a message
        return _text("subscribe", self._wanted(subscriptions, with_heartbeats=True), access)

    def unsubscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> str:
        """Write the message that ends them; heartbeats go on."""
        del request_id
        return _text("unsubscribe", self._wanted(subscriptions, with_heartbeats=False), access)

    def read_frame(self, channel: str, frame: str | bytes) -> Iterable[FrameEvent]:
        """Say what a message means. Those of unknown types mean nothing.

        Raises:
            ValueError: It cannot be understood.
        """
        message = read_json(frame)
        if not isinstance(message, dict):
            msg = "a message that is no object"
            raise ValueError(msg)  # noqa: TRY004  # what is wrong is the JSON that came in
        kind = message.get("type")
        if not isinstance(kind, str):
            msg = "a message whose type is no text"
            raise ValueError(msg)  # noqa: TRY004  # what is wrong is the JSON that came in
        if kind == "error":
            return (_refused(message),)
        if kind == "subscriptions":
            return (Acknowledged(request_id=None),)
        if kind == "status":
            return tuple(read_status(message, self.instruments))
        if channel == "account":
            native = message.get("product_id")
            # What the listing lacks was skipped and reported there.
            if kind in TYPES and self.instruments.knows_native(str(native)):
                return read_user_message(message, self.instruments.native(str(native)))
            return ()
        reader = READERS.get(kind)
        return () if reader is None else reader(message, self._listed)

    def book_keeping(self) -> BookKeeping:
        """Books come whole in the stream; their changes are not numbered."""
        return BookKeeping(rule=BookRule.CONNECTION, snapshot_by_rest=False, depth=1000)

    def _wanted(
        self, subscriptions: Sequence[Subscription], *, with_heartbeats: bool
    ) -> Sequence[dict[str, Any]]:
        """Group subscriptions by the exchange's channels."""
        by_name: dict[str, list[str]] = {}
        for subscription in subscriptions:
            if subscription.topic is Topic.ACCOUNT:
                by_name["user"] = [each.native for each in self.instruments.values()]
                continue
            names = by_name.setdefault(NAMES[subscription.topic], [])
            if subscription.instrument is not None and subscription.topic is not Topic.INSTRUMENTS:
                names.append(subscription.instrument.native)
        channels = [
            {"name": name, "product_ids": products} if products else {"name": name}
            for name, products in by_name.items()
        ]
        if with_heartbeats:
            channels.insert(0, {"name": _HEARTBEAT, "product_ids": self._beating(by_name)})
        return channels

    def _beating(self, by_name: dict[str, list[str]]) -> Sequence[str]:
        """Say which products' heartbeats are wanted: one is enough to hear that all is well."""
        if "user" in by_name:
            return by_name["user"][:1]
        products = dict.fromkeys(product for names in by_name.values() for product in names)
        return list(products) or [each.native for each in self.instruments.values()][:1]


def _channel(name: str, max_subscriptions: int, *, is_private: bool = False) -> Channel:
    return Channel(
        name=name,
        host="ws",
        path="/",
        is_private=is_private,
        max_subscriptions=max_subscriptions,
        max_batch=50,
        # Requests of an address share 8 a second with new connections: two connections of ours.
        messages_per_s=4,
        max_age_s=86_400.0,
        # A heartbeat comes every second.
        silence_s=10.0,
    )


def _text(kind: str, channels: Sequence[dict[str, Any]], access: Access | None) -> str:
    message: dict[str, Any] = {"type": kind, "channels": channels}
    if any(channel["name"] == "user" for channel in channels):
        if access is None:
            msg = "the account's stream needs a key"
            raise ValueError(msg)
        message |= feed_access(access.key, access.stamp)
    return json.dumps(message, separators=(",", ":"))


def _refused(message: dict[str, Any]) -> Refused:
    texts = [str(message.get(name) or "") for name in ("message", "reason")]
    return Refused(request_id=None, code="", text=clean(": ".join(text for text in texts if text)))
