"""Streams over WebSocket v2: what subscribes, and what frames mean.

Source: Kraken API Center, "Spot Websockets (v2)", June 2026.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from venuekit.model import BookSnapshot
from venuekit.plugin import (
    Access,
    Acknowledged,
    Answer,
    BookKeeping,
    BookRule,
    Call,
    Channel,
    FrameEvent,
    Refused,
    Stream,
    StreamToken,
    Subscription,
    Topic,
    clean,
    read_json,
)
from venuekit_kraken.account_frames import ACCOUNT, read_account_frame
from venuekit_kraken.book_checksum import checksum
from venuekit_kraken.calls import Listed, private, result_as, value_as
from venuekit_kraken.listing_frames import LISTING, listing_key, read_listing
from venuekit_kraken.market_data import MINUTES
from venuekit_kraken.market_frames import READERS
from venuekit_kraken.naming import PRICE_DECIMALS, QUANTITY_DECIMALS, stream_name

_PATH: Final = "/v2"
_DEPTH: Final = 100
_PRIVATE: Final = ("executions", "balances")
_CHANNELS: Final = {
    Topic.TRADES: "market",
    Topic.TICKER: "market",
    Topic.CANDLES: "market",
    Topic.BOOK: "market",
    # The same channel of Kraken as the ticker, told at other moments: a connection for each, as
    # one connection has one subscription of a channel and pair.
    Topic.BEST_PRICE: "best",
    Topic.INSTRUMENTS: "listing",
    Topic.ACCOUNT: "account",
}
_NAMES: Final = {Topic.TRADES: "trade", Topic.TICKER: "ticker", Topic.BOOK: "book"}


class _Token(msgspec.Struct):
    token: str
    expires: int


class _Frame(msgspec.Struct, kw_only=True):
    """Data, and the answer to a request of ours."""

    channel: str | None = None
    type: str = ""
    data: Any = None
    sequence: int | None = None
    method: str | None = None
    req_id: int | None = None
    success: bool | None = None
    error: str = ""


class Streams(Listed, Stream):
    """Streams market data and the account."""

    def channels(self) -> Sequence[Channel]:
        """List the connections: market data, best prices, the listing, the account.

        Kraken has one subscription to its whole listing on a connection: who follows one
        instrument has a connection for that, so that nobody's end ends another's.
        """
        return (
            _channel("market", "ws", 400),
            _channel("best", "ws", 400),
            _channel("listing", "ws", 1),
            _channel("account", "ws-auth", 1, is_private=True),
        )

    def channel_of(self, subscription: Subscription) -> str:
        """Name the channel that carries `subscription`; raises ValueError if none does."""
        channel = _CHANNELS.get(subscription.topic)
        if channel is None or (
            subscription.topic is Topic.CANDLES and subscription.interval not in MINUTES
        ):
            msg = f"Kraken streams no {subscription}"
            raise ValueError(msg)
        return channel

    def key_of(self, subscription: Subscription) -> str:
        """Name `subscription` as its frames are named."""
        topic, instrument = subscription.topic, subscription.instrument
        if topic is Topic.INSTRUMENTS:
            return listing_key(None if instrument is None else instrument.symbol)
        if topic is Topic.ACCOUNT or instrument is None:
            return ACCOUNT
        if topic is Topic.CANDLES:
            return f"ohlc {subscription.interval} {instrument.symbol}"
        if topic is Topic.BEST_PRICE:
            return f"best {instrument.symbol}"
        name = _NAMES[topic]
        return f"{'market' if name == 'ticker' else name} {instrument.symbol}"

    def fetch_stream_token(self) -> Call[StreamToken] | None:
        """Ask for the token of the private channels, good for 15 minutes until it is used."""
        return private("fetch stream token", "GetWebSocketsToken", (), _read_token)

    def subscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> Sequence[str]:
        """Write what subscribes: a message for each, as each symbol is answered for."""
        return self._messages("subscribe", subscriptions, request_id, access)

    def unsubscribe(
        self, subscriptions: Sequence[Subscription], request_id: int, access: Access | None
    ) -> Sequence[str]:
        """Write what ends them."""
        return self._messages("unsubscribe", subscriptions, request_id, access)

    def read_frame(self, channel: str, frame: str | bytes) -> Iterable[FrameEvent]:
        """Say what a frame means; channels that are not known mean nothing.

        Raises:
            ValueError: It cannot be understood.
        """
        message = value_as(read_json(frame), _Frame)
        if message.method is not None:
            return _reply(message)
        if message.channel in _PRIVATE:
            return read_account_frame(
                message.channel, message.type, message.data, message.sequence, self._pair_names()
            )
        if message.channel == LISTING:
            return read_listing(message.data, message.type, self.instruments, self._pair_names())
        reader = READERS.get(message.channel or "")
        if reader is None:
            if message.channel is None:
                msg = "a frame that is neither data nor a reply"
                raise ValueError(msg)
            return ()
        return reader(message.data, message.type, self._pair_names(), channel)

    def book_keeping(self) -> BookKeeping:
        """Books come whole in the stream, and each change brings a checksum."""
        return BookKeeping(
            rule=BookRule.CHECKSUM, snapshot_by_rest=False, depth=_DEPTH, checksum=self._checksum
        )

    def _checksum(self, book: BookSnapshot) -> int:
        limits = self.instruments[book.symbol].limits
        return checksum(
            book,
            price_decimals=int(limits[PRICE_DECIMALS]),
            quantity_decimals=int(limits[QUANTITY_DECIMALS]),
        )

    def _messages(
        self,
        method: str,
        subscriptions: Sequence[Subscription],
        request_id: int,
        access: Access | None,
    ) -> Sequence[str]:
        found = []
        for subscription in subscriptions:
            if subscription.topic is Topic.ACCOUNT:
                if access is None or access.token is None:
                    msg = "the account's stream needs a token"
                    raise ValueError(msg)
                found += [
                    _text(method, request_id, {"channel": name, "token": access.token})
                    for name in _PRIVATE
                ]
            else:
                found.append(_text(method, request_id, _params(subscription)))
        return found


def _channel(name: str, host: str, max_subscriptions: int, *, is_private: bool = False) -> Channel:
    return Channel(
        name=name,
        host=host,
        path=_PATH,
        is_private=is_private,
        max_subscriptions=max_subscriptions,
        max_batch=1,
        # Kraken publishes no number; Nautilus lives with 20 subscriptions a second.
        messages_per_s=20,
        max_age_s=86_400.0,
        # Once anything is subscribed, a heartbeat comes every second in which nothing else does.
        silence_s=15.0,
    )


def _params(subscription: Subscription) -> dict[str, Any]:
    instrument = subscription.instrument
    if subscription.topic is Topic.INSTRUMENTS:
        return {"channel": LISTING}
    assert instrument is not None
    params: dict[str, Any] = {"symbol": [stream_name(instrument)]}
    match subscription.topic:
        case Topic.TRADES:
            return {"channel": "trade", **params, "snapshot": False}
        case Topic.TICKER:
            return {"channel": "ticker", **params, "event_trigger": "trades"}
        case Topic.BEST_PRICE:
            return {"channel": "ticker", **params, "event_trigger": "bbo"}
        case Topic.CANDLES:
            return {"channel": "ohlc", **params, "interval": MINUTES[str(subscription.interval)]}
        case _:
            return {"channel": "book", **params, "depth": _DEPTH}


def _text(method: str, request_id: int, params: Mapping[str, Any]) -> str:
    message = {"method": method, "params": params, "req_id": request_id}
    return json.dumps(message, separators=(",", ":"))


def _reply(message: _Frame) -> Iterable[FrameEvent]:
    if message.method not in {"subscribe", "unsubscribe"}:
        return ()
    if message.success:
        return () if message.req_id is None else (Acknowledged(request_id=message.req_id),)
    return (Refused(request_id=message.req_id, code="", text=clean(message.error)),)


def _read_token(answer: Answer) -> StreamToken:
    row = result_as(answer, _Token)
    return StreamToken(value=row.token, valid_s=float(row.expires))
