"""Streams over WebSocket: what subscribes, and what frames mean.

One message subscribes to one channel of Coinbase. Its answer names no request, and lists all that
is subscribed on the connection. Heartbeats are subscribed along with everything, since channels
without news are closed after 60 to 90 seconds.
Source: Coinbase "Advanced Trade WebSocket Overview", "Channels" and "Rate Limits", June 2026.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from venuekit.model import Instrument
from venuekit.plugin import (
    Access,
    Acknowledged,
    BookKeeping,
    BookRule,
    Channel,
    FrameEvent,
    Numbered,
    Refused,
    Stream,
    Subscription,
    Topic,
    clean,
    read_json,
)
from venuekit_coinbase.account_frames import ACCOUNT, read_user_events
from venuekit_coinbase.calls import Listed, value_as
from venuekit_coinbase.instruments import ALIAS
from venuekit_coinbase.market_frames import NAMES, READERS, STATUS, read_status
from venuekit_coinbase.signing import token_of

_HEARTBEATS: Final = {"channel": "heartbeats"}
_INTERVAL: Final = "5m"
"""The only one that is streamed."""


class _Frame(msgspec.Struct, kw_only=True):
    channel: str = ""
    sequence_num: int | None = None
    timestamp: str | None = None
    events: list[Any] = []
    type: str = ""
    message: str = ""


class Streams(Listed, Stream):
    """Streams market data and the account's orders."""

    def channels(self) -> Sequence[Channel]:
        """List the connections: market data, that of products that share a book, the listing, the
        account.

        Market data of a product that shares another's book comes under the other's name: on a
        connection of their own it is clear whose it is. All products' state has one too: who ends
        that of one product ends it for whoever follows all of them on the same connection.
        """
        return (
            _channel("market", "ws", 100),
            _channel("aliases", "ws", 100),
            _channel("listing", "ws", 1),
            _channel("account", "ws-user", 1, is_private=True),
        )

    def channel_of(self, subscription: Subscription) -> str:
        """Name the channel that carries `subscription`; raises ValueError if none does."""
        if subscription.topic is Topic.ACCOUNT:
            return "account"
        instrument = subscription.instrument
        if subscription.topic is Topic.INSTRUMENTS and instrument is None:
            return "listing"
        is_known = subscription.topic in NAMES and (
            subscription.topic is not Topic.CANDLES or subscription.interval == _INTERVAL
        )
        if instrument is None or not is_known:
            msg = f"Coinbase streams no {subscription}"
            raise ValueError(msg)
        return "aliases" if ALIAS in instrument.limits else "market"

    def key_of(self, subscription: Subscription) -> str:
        """Name `subscription` as its frames are named."""
        if subscription.topic is Topic.ACCOUNT:
            return ACCOUNT
        if subscription.instrument is None:
            return STATUS
        return f"{NAMES[subscription.topic]} {subscription.instrument.symbol}"

    def subscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> Sequence[str]:
        """Write the messages that subscribe: heartbeats, and one for each of Coinbase's channels.

        Raises:
            ValueError: The account's stream is wanted without a key or a nonce.
        """
        del request_id  # it has no place in a message
        return [
            _text({"type": "subscribe", **_HEARTBEATS}),
            *_messages("subscribe", subscriptions, access),
        ]

    def unsubscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> Sequence[str]:
        """Write the messages that end them; heartbeats go on."""
        del request_id
        return _messages("unsubscribe", subscriptions, access)

    def read_frame(self, channel: str, frame: str | bytes) -> Iterable[FrameEvent]:
        """Say what a frame means. Frames of unknown channels mean nothing, but count.

        Raises:
            ValueError: It cannot be understood.
        """
        message = value_as(read_json(frame), _Frame)
        if message.type == "error":
            return (Refused(request_id=None, code="", text=clean(message.message)),)
        found: list[FrameEvent] = []
        if message.sequence_num is not None:
            # Of all frames of the connection, acknowledgements included.
            found.append(Numbered(number=message.sequence_num))
        if message.channel == "subscriptions":
            found.append(Acknowledged(request_id=None))
        elif message.channel == "status":
            found += read_status(
                message.events, message.timestamp, lambda name: self._told(channel, name)
            )
        elif message.channel == "user":
            found += read_user_events(message.events, self.instruments)
        elif message.channel in READERS:
            reader = READERS[message.channel]
            found += reader(
                message.events, message.timestamp, lambda name: self._meant(channel, name)
            )
        return found

    def book_keeping(self) -> BookKeeping:
        """Books come whole in the stream; the connection counts its messages."""
        return BookKeeping(rule=BookRule.CONNECTION, snapshot_by_rest=False, depth=1000)

    def _told(self, channel: str, product_id: str) -> Sequence[Instrument]:
        """Give the instruments that a product's state is told for; none for one that is new."""
        if channel != "aliases" and not self.instruments.knows_native(product_id):
            return ()
        return self._meant(channel, product_id)

    def _meant(self, channel: str, product_id: str) -> Sequence[Instrument]:
        """Give the instruments whose market data come under a product's name."""
        if channel != "aliases":
            return (self._listed(product_id),)
        return [
            instrument
            for instrument in self.instruments.values()
            if ALIAS in instrument.limits
            and product_id in {instrument.native, instrument.limits[ALIAS]}
        ]


def _channel(name: str, host: str, max_subscriptions: int, *, is_private: bool = False) -> Channel:
    return Channel(
        name=name,
        host=host,
        path="/",
        is_private=is_private,
        max_subscriptions=max_subscriptions,
        max_batch=50,
        # Of an address, 8 without a token: three connections of ours share them.
        messages_per_s=3,
        max_age_s=86_400.0,
        # A heartbeat comes every second.
        silence_s=15.0,
    )


def _messages(
    kind: str, subscriptions: Sequence[Subscription], access: Access | None
) -> Sequence[str]:
    """Write a message for each of Coinbase's channels; only the account's carries a token."""
    by_name: dict[str, list[str]] = {}
    found = []
    for subscription in subscriptions:
        if subscription.topic is Topic.ACCOUNT:
            if access is None:
                msg = "the account's stream needs a key"
                raise ValueError(msg)
            token = token_of(access.key, access.stamp)
            found.append(_text({"type": kind, "channel": "user", "jwt": token}))
        else:
            names = by_name.setdefault(NAMES[subscription.topic], [])
            names += [] if subscription.instrument is None else [subscription.instrument.native]
    for name, products in by_name.items():
        # Without products it is about all of them.
        wanted = {"product_ids": products} if products else {}
        found.append(_text({"type": kind, "channel": name, **wanted}))
    return found


def _text(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"))
