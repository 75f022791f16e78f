"""Market data: trades, tickers, candles, books."""

from decimal import Decimal

import attrs

from venuekit.model.instrument import Symbol
from venuekit.model.order import Side

Level = tuple[Decimal, Decimal]
"""A price and the quantity that stands at it, in the base asset."""


@attrs.frozen(kw_only=True)
class Trade:
    """One public trade, or several of one taker at one price where the exchange aggregates."""

    symbol: Symbol
    trade_id: str
    price: Decimal
    quantity: Decimal
    side: Side
    """The side of the taker."""
    time_ns: int
    """When it traded, by the exchange, in nanoseconds since the epoch."""


@attrs.frozen(kw_only=True)
class Ticker:
    """The state of a market over the last 24 hours. Absent members are not served."""

    symbol: Symbol
    last: Decimal | None = None
    bid: Decimal | None = None
    bid_quantity: Decimal | None = None
    ask: Decimal | None = None
    ask_quantity: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None
    """In the base asset."""
    quote_volume: Decimal | None = None
    time_ns: int | None = None
    """Nanoseconds since the epoch, by the exchange; absent where it gives none."""


@attrs.frozen(kw_only=True)
class Candle:
    """One bar. Its key is `open_time_ns`."""

    symbol: Symbol
    interval: str
    """`1m`, `5m`, `1h`, `1d`, `1w`, `1M`."""
    open_time_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal | None = None
    trade_count: int | None = None
    is_closed: bool
    """False for the bar that is still growing."""


@attrs.frozen(kw_only=True)
class BookSnapshot:
    """A whole book, or its best levels. Bids descend, asks ascend."""

    symbol: Symbol
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    update_id: int | None = None
    """The exchange's number for this state; changes continue from it."""
    time_ns: int | None = None


@attrs.frozen(kw_only=True)
class BookChange:
    """Levels that changed: absolute quantities, zero removes the level."""

    symbol: Symbol
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    first_update_id: int | None = None
    last_update_id: int | None = None
    checksum: int | None = None
    """Of the book after this change, where the exchange sends one."""
    time_ns: int | None = None


@attrs.frozen(kw_only=True)
class BestPrice:
    """The top of a book."""

    symbol: Symbol
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal
    update_id: int | None = None
    time_ns: int | None = None
