"""What a stream delivers besides its data: its own state, and what it missed."""

import enum
from collections.abc import Sequence
from decimal import Decimal

import attrs

from venuekit.model.account import Balance, BalanceDelta
from venuekit.model.instrument import Instrument, Symbol
from venuekit.model.market import BestPrice, BookChange, BookSnapshot, Candle, Ticker, Trade
from venuekit.model.order import ClientOrderId, ExchangeOrderId, Fill, Order, OrderPhase


class StreamState(enum.Enum):
    """How far a stream can be believed."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    """Nothing is heard, or the connection is gone."""
    RESYNCING = "resyncing"
    """Connected again; what was missed is being restored."""


@attrs.frozen(kw_only=True)
class StreamStateChanged:
    """A stream's state from now on."""

    stream: str
    state: StreamState
    text: str = ""


@attrs.frozen(kw_only=True)
class Gap:
    """Events between the two bounds may be missing; absent bounds are not known."""

    stream: str
    after_id: str | None = None
    """Last event that was delivered."""
    before_id: str | None = None
    """First event after the gap."""
    text: str = ""
    is_filled: bool = False
    """What was missing has been asked for and follows: nothing is missing any more."""


StreamReport = Gap | StreamStateChanged
"""What a stream says about itself, in line with its events."""


@attrs.frozen(kw_only=True)
class OrderEvent:
    """An order as a private stream describes it after one change, with the fill if it was one."""

    order: Order
    fill: Fill | None = None
    raw: str = attrs.field(default="", eq=False, repr=False)
    """The frame that told of it; the framework fills it in, for the journal."""


@attrs.frozen(kw_only=True)
class OrderChange:
    """What changed of an order, from a stream that leaves out what it has told before.

    What is None was not said. The framework joins it to what is known of the order; one that is
    not known yet waits until it is.
    """

    exchange_order_id: ExchangeOrderId
    client_order_id: ClientOrderId | None = None
    symbol: Symbol | None = None
    phase: OrderPhase | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    filled: Decimal | None = None
    """Executed so far, in the base asset."""
    filled_quote: Decimal | None = None
    updated_ns: int | None = None
    reason: str | None = None
    fill: Fill | None = None
    raw: str = attrs.field(default="", eq=False, repr=False)
    """The frame that told of it; the framework fills it in, for the journal."""


@attrs.frozen(kw_only=True)
class BalancesEvent:
    """Absolute balances of the assets that may have changed, and only those."""

    balances: Sequence[Balance]
    time_ns: int


@attrs.frozen(kw_only=True)
class InstrumentsEvent:
    """What the exchange says of instruments now: all of them, or those that changed."""

    instruments: Sequence[Instrument]
    is_snapshot: bool
    """All that there are; one that is missing is not listed any more."""
    time_ns: int | None = None
    """When the exchange said so, in nanoseconds since the epoch; None where that is not told."""


StreamEvent = (
    Trade
    | Ticker
    | Candle
    | BestPrice
    | BookSnapshot
    | BookChange
    | OrderEvent
    | OrderChange
    | BalancesEvent
    | BalanceDelta
    | InstrumentsEvent
)
"""What an exchange publishes, as models."""
