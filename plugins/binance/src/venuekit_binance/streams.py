"""Streams: what to send, and which connection carries what.

Source: Binance Spot `web-socket-streams.md`, `web-socket-api.md`, `user-data-stream.md`,
2026-07-21.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from venuekit.plugin import (
    Access,
    BookKeeping,
    BookRule,
    Channel,
    FrameEvent,
    Stream,
    Subscription,
    Topic,
)
from venuekit_binance.calls import Listed
from venuekit_binance.market_data import INTERVALS
from venuekit_binance.market_frames import read_market_frame
from venuekit_binance.signing import message_text, signed_params
from venuekit_binance.user_frames import ACCOUNT, read_user_frame

_SUFFIXES: Final = {
    Topic.TRADES: "trade",
    Topic.AGGREGATE_TRADES: "aggTrade",
    Topic.TICKER: "ticker",
    Topic.BEST_PRICE: "bookTicker",
    Topic.BOOK: "depth@100ms",
}
_DAY_S: Final = 86_400.0
# The server pings every 20 s and closes 60 s after a ping without its pong.
_SILENCE_S: Final = 65.0
# 5 are allowed, and our pongs count among them.
_MESSAGES_PER_S: Final = 4

_MARKET: Final = Channel(
    name="market",
    host="stream",
    path="/stream",
    max_subscriptions=1024,
    messages_per_s=_MESSAGES_PER_S,
    max_age_s=_DAY_S,
    silence_s=_SILENCE_S,
)
_USER: Final = Channel(
    name="user",
    host="ws-api",
    path="/ws-api/v3",
    is_private=True,
    # One subscription per account and connection (-2035).
    max_subscriptions=1,
    messages_per_s=_MESSAGES_PER_S,
    max_age_s=_DAY_S,
    silence_s=_SILENCE_S,
)


class Streams(Stream, Listed):
    """Market streams in combined mode, and user data over the WebSocket API.

    Binance answers nothing at all for a stream that does not exist; names are made of the
    listing only.
    """

    def channels(self) -> Sequence[Channel]:
        """List the two kinds of connection: `market` and `user`."""
        return (_MARKET, _USER)

    def channel_of(self, subscription: Subscription) -> str:
        """Name the channel; raises ValueError for what is not streamed."""
        self.key_of(subscription)
        return "user" if subscription.topic is Topic.ACCOUNT else "market"

    def key_of(self, subscription: Subscription) -> str:
        """Give Binance's name of the stream, such as `btcusdt@trade`; `account` for the user's.

        Raises:
            ValueError: The instrument or interval is missing, or the exchange has none such.
        """
        if subscription.topic is Topic.ACCOUNT:
            return ACCOUNT
        if subscription.instrument is None:
            msg = f"a subscription to {subscription.topic.value} needs an instrument"
            raise ValueError(msg)
        return f"{subscription.instrument.native.lower()}@{_suffix(subscription)}"

    def subscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> str:
        """Write the message that subscribes to all of them, on one channel.

        Raises:
            ValueError: They belong to different channels, or `access` is missing for the user's.
        """
        if not self._is_user(subscriptions):
            return self._control("SUBSCRIBE", subscriptions, request_id)
        if access is None:
            msg = "the user's stream needs access: a key and the time"
            raise ValueError(msg)
        return message_text(
            {
                "id": request_id,
                "method": "userDataStream.subscribe.signature",
                "params": signed_params({}, access.key, access.stamp),
            }
        )

    def unsubscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> str:
        """Write the message that ends them."""
        del access
        if self._is_user(subscriptions):
            return message_text({"id": request_id, "method": "userDataStream.unsubscribe"})
        return self._control("UNSUBSCRIBE", subscriptions, request_id)

    def read_frame(self, channel: str, frame: str | bytes) -> Iterable[FrameEvent]:
        """Say what a text frame means; events and members that are not known mean nothing.

        Raises:
            ValueError: It is not JSON, a member is malformed, or it is of an instrument that the
                listing lacks.
        """
        if channel == "user":
            return read_user_frame(frame, self._listed)
        return read_market_frame(frame, self._listed)

    def book_keeping(self) -> BookKeeping:
        """Say how books are kept: ranges of update ids, joined to a snapshot of 5000 levels."""
        return BookKeeping(rule=BookRule.RANGES, snapshot_by_rest=True, depth=5000)

    def _control(self, method: str, subscriptions: Sequence[Subscription], request_id: int) -> str:
        names = [self.key_of(subscription) for subscription in subscriptions]
        return message_text({"method": method, "params": names, "id": request_id})

    def _is_user(self, subscriptions: Sequence[Subscription]) -> bool:
        channels = {self.channel_of(subscription) for subscription in subscriptions}
        if len(channels) != 1:
            msg = f"one message is for one channel, not for {sorted(channels)}"
            raise ValueError(msg)
        return channels == {"user"}


def _suffix(subscription: Subscription) -> str:
    if subscription.topic is not Topic.CANDLES:
        return _SUFFIXES[subscription.topic]
    if subscription.interval not in INTERVALS:
        msg = f"interval {subscription.interval!r}; allowed: {', '.join(INTERVALS)}"
        raise ValueError(msg)
    return f"kline_{subscription.interval}"
