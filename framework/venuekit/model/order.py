"""Orders: what is asked for, what is known of it, and what it traded."""

import enum
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NewType

import attrs

from venuekit.model.amounts import exact_product, exact_sum
from venuekit.model.instrument import Symbol

ClientOrderId = NewType("ClientOrderId", str)
"""The id that we give an order before it is sent; unique for each intent, never reused."""
ExchangeOrderId = NewType("ExchangeOrderId", str)
"""The id that the exchange gives an order once it has it."""

_ZERO: Final = Decimal(0)
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Side(enum.Enum):
    """Which way an order trades the base asset."""

    BUY = "buy"
    SELL = "sell"


class OrderType(enum.Enum):
    """How an order meets the market. Post-only is a flag of a limit order, not a type."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"
    """A market order once the price has moved against the side to `stop_price`."""
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"
    """A market order once the price has moved in favour of the side to `stop_price`."""
    TAKE_PROFIT_LIMIT = "take_profit_limit"


class TimeInForce(enum.Enum):
    """How long an order stands."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"


class SelfTradePrevention(enum.Enum):
    """What happens when an order would trade with one's own; the later order's mode decides."""

    NONE = "none"
    EXPIRE_TAKER = "expire_taker"
    EXPIRE_MAKER = "expire_maker"
    EXPIRE_BOTH = "expire_both"
    DECREMENT = "decrement"
    TRANSFER = "transfer"


class OrderPhase(enum.Enum):
    """Where an order is in its life. The last six are final, all but for a late fill.

    A cancel or an amendment that is under way is no phase: until the exchange says so, the order
    is as open as it was.
    """

    PREPARED = "prepared"
    """Valid and durable in the journal; nothing sent."""
    SUBMITTING = "submitting"
    """May be on the wire."""
    UNKNOWN = "unknown"
    """Sent, effect not known; it is being looked up."""
    PENDING = "pending"
    """The exchange has it and holds it back until another order has filled."""
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    LOST = "lost"
    """The exchange had it and, asked several times, denies knowing it; it is watched, and any
    evidence brings it back."""
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    """The exchange said so, by a documented code."""
    DENIED = "denied"
    """Refused here; nothing was sent."""
    NEVER_PLACED = "never_placed"
    """Sent, and proved not to have reached the exchange while it could still take it."""

    @property
    def is_final(self) -> bool:
        """Say whether the exchange does nothing more with such an order."""
        return self in _FINAL


_FINAL: Final = frozenset(
    {
        OrderPhase.FILLED,
        OrderPhase.CANCELED,
        OrderPhase.EXPIRED,
        OrderPhase.REJECTED,
        OrderPhase.DENIED,
        OrderPhase.NEVER_PLACED,
    }
)


class Liquidity(enum.Enum):
    """Whether a fill took liquidity or made it."""

    MAKER = "maker"
    TAKER = "taker"


@attrs.frozen
class Fee:
    """What a fill cost; negative is a rebate."""

    amount: Decimal
    asset: str


@attrs.frozen(kw_only=True)
class Fill:
    """One execution of one order."""

    symbol: Symbol
    trade_id: str
    """The exchange's id, unique for each instrument."""
    exchange_order_id: ExchangeOrderId
    client_order_id: ClientOrderId | None = None
    """Absent where the exchange's answer does not carry it."""
    side: Side
    price: Decimal
    quantity: Decimal
    """In the base asset, > 0."""
    fee: Fee | None = None
    liquidity: Liquidity | None = None
    time_ns: int
    """When it traded, by the exchange, in nanoseconds since the epoch."""
    is_inferred: bool = False
    """Concluded from the order's totals, because the exchange tells no trade for them: the price
    is their mean, the id is ours. It gives way to the exchange's own account of the trades."""


@attrs.frozen(kw_only=True)
class OrderRequest:
    """What an application asks for; checked against an instrument before it is sent."""

    symbol: Symbol
    side: Side
    type: OrderType
    quantity: Decimal | None = None
    """In the base asset."""
    quote_quantity: Decimal | None = None
    """In the quote asset, for market orders instead of `quantity`."""
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing_delta: Decimal | None = None
    """Distance of a trailing stop in basis points (100 = 1 %)."""
    time_in_force: TimeInForce | None = None
    """None: GTC for types that rest."""
    post_only: bool = False
    display_quantity: Decimal | None = None
    """Visible part of an iceberg order."""
    self_trade_prevention: SelfTradePrevention | None = None
    """None: the exchange's default for the instrument."""
    client_order_id: ClientOrderId | None = None
    """None: the framework makes one."""
    options: Mapping[str, str] = _NOTHING
    """What only this exchange knows, in its own names; unknown names are refused."""


class ListKind(enum.Enum):
    """How orders of a list hang together."""

    OCO = "oco"
    """Two legs; when one trades or triggers, the other goes."""
    OTO = "oto"
    """The second leg is placed once the first has filled."""
    OTOCO = "otoco"
    """The second and third, an OCO, are placed once the first has filled."""


@attrs.frozen(kw_only=True)
class OrderListRequest:
    """Several orders that the exchange takes and governs as one."""

    kind: ListKind
    legs: tuple[OrderRequest, ...]
    """OCO: the two legs. OTO: working, pending. OTOCO: working, then the two pending legs."""
    client_list_id: str | None = None
    """None: the framework makes one."""


@attrs.frozen(kw_only=True)
class OrderRef:
    """Names an order by whichever ids are known; at least one of the two."""

    symbol: Symbol
    client_order_id: ClientOrderId | None = None
    exchange_order_id: ExchangeOrderId | None = None
    created_ns: int | None = attrs.field(default=None, eq=False, repr=False)
    """About when it was created, in nanoseconds since the epoch, if that is known: where an
    exchange finds orders by its own ids only, the others are looked for from then on."""
    touched_ns: int | None = attrs.field(default=None, eq=False, repr=False)
    """When this program last sent it, or an amendment of it; some limits go by an order's age."""

    def __attrs_post_init__(self) -> None:
        """Refuse a reference that names nothing."""
        if self.client_order_id is None and self.exchange_order_id is None:
            msg = "an order is named by client_order_id or exchange_order_id; neither was given"
            raise ValueError(msg)

    def __str__(self) -> str:
        """Name the order for a sentence."""
        return f"{self.client_order_id or self.exchange_order_id} on {self.symbol}"


@attrs.frozen(kw_only=True)
class Order:
    """What is known of one order."""

    symbol: Symbol
    side: Side
    type: OrderType
    phase: OrderPhase
    client_order_id: ClientOrderId | None = None
    exchange_order_id: ExchangeOrderId | None = None
    quantity: Decimal | None = None
    """Asked for, in the base asset; absent for market orders by quote quantity."""
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    """Limit price; absent for orders without one."""
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    post_only: bool = False
    filled: Decimal = _ZERO
    """Executed so far, in the base asset."""
    filled_quote: Decimal | None = None
    """Executed so far, in the quote asset; absent where the exchange does not say."""
    fills: tuple[Fill, ...] = ()
    """Fills that came with this answer; all of them only where the journal says so."""
    list_id: str | None = None
    created_ns: int | None = None
    updated_ns: int | None = None
    """Last change by the exchange's clock, in nanoseconds since the epoch."""
    reason: str | None = None
    """Why it ended: a stable code of ours (`order.would_match`) or the exchange's own word."""

    @property
    def is_open(self) -> bool:
        """Say whether the exchange may still trade it, as far as is known."""
        return not self.phase.is_final

    @property
    def remaining(self) -> Decimal | None:
        """Quantity not executed, in the base asset; None where no quantity was asked for."""
        return None if self.quantity is None else self.quantity - self.filled

    @property
    def average_price(self) -> Decimal | None:
        """Mean execution price to 28 digits; None before the first fill or where unknown."""
        quote = self.filled_quote
        if (
            quote is None
            and self.fills
            and exact_sum(f.quantity for f in self.fills) == self.filled
        ):
            quote = exact_sum(exact_product(f.price, f.quantity) for f in self.fills)
        return None if quote is None or not self.filled else quote / self.filled

    @property
    def ref(self) -> OrderRef:
        """Name this order by all its known ids."""
        return OrderRef(
            symbol=self.symbol,
            client_order_id=self.client_order_id,
            exchange_order_id=self.exchange_order_id,
            created_ns=self.created_ns,
        )


@attrs.frozen(kw_only=True)
class OrderList:
    """What is known of an order list."""

    symbol: Symbol
    kind: ListKind
    exchange_list_id: str
    client_list_id: str | None = None
    is_open: bool
    orders: tuple[Order, ...] = ()
    """The legs as far as the answer describes them."""
    refs: tuple[OrderRef, ...] = ()
    """All legs, by id."""


@attrs.frozen(kw_only=True)
class Replacement:
    """The two halves of a cancel-and-place; either may have failed alone."""

    canceled: Order | None = None
    """The old order after its cancel; None when the cancel failed."""
    placed: Order | None = None
    """The new order; None when it was not placed."""
    cancel_failure: str | None = None
    place_failure: str | None = None


def _amount(name: str, text: str | Decimal | int) -> Decimal:
    """Read an application's amount; floats are refused, their digits are not what was meant."""
    if isinstance(text, bool) or not isinstance(text, (str, Decimal, int)):
        msg = (
            f"{name}={text!r}: give a string or a Decimal, such as {name}='0.1'; "
            f"a {type(text).__name__} does not hold the digits you typed"
        )
        raise TypeError(msg)
    try:
        value = Decimal(text)
    except ArithmeticError:
        msg = f"{name}={text!r} is not a decimal number"
        raise ValueError(msg) from None
    if not value.is_finite() or value <= 0:
        msg = f"{name}={text!r}: must be a number above zero"
        raise ValueError(msg)
    return value


Amount = str | Decimal | int
"""How an application may write an amount: text, Decimal or whole number, never a float."""


def _limit(
    side: Side,
    symbol: str,
    quantity: Amount,
    price: Amount,
    *,
    time_in_force: TimeInForce,
    post_only: bool,
    client_order_id: str | None,
) -> OrderRequest:
    return OrderRequest(
        symbol=Symbol(symbol),
        side=side,
        type=OrderType.LIMIT,
        quantity=_amount("quantity", quantity),
        price=_amount("price", price),
        time_in_force=time_in_force,
        post_only=post_only,
        client_order_id=None if client_order_id is None else ClientOrderId(client_order_id),
    )


def limit_buy(
    symbol: str,
    quantity: Amount,
    price: Amount,
    *,
    time_in_force: TimeInForce = TimeInForce.GTC,
    post_only: bool = False,
    client_order_id: str | None = None,
) -> OrderRequest:
    """Ask to buy `quantity` of the base asset at `price` or lower.

    Raises:
        TypeError: An amount is a float.
        ValueError: An amount is not a number above zero.
    """
    return _limit(
        Side.BUY,
        symbol,
        quantity,
        price,
        time_in_force=time_in_force,
        post_only=post_only,
        client_order_id=client_order_id,
    )


def limit_sell(
    symbol: str,
    quantity: Amount,
    price: Amount,
    *,
    time_in_force: TimeInForce = TimeInForce.GTC,
    post_only: bool = False,
    client_order_id: str | None = None,
) -> OrderRequest:
    """Ask to sell `quantity` of the base asset at `price` or higher.

    Raises:
        TypeError: An amount is a float.
        ValueError: An amount is not a number above zero.
    """
    return _limit(
        Side.SELL,
        symbol,
        quantity,
        price,
        time_in_force=time_in_force,
        post_only=post_only,
        client_order_id=client_order_id,
    )


def _market(
    side: Side,
    symbol: str,
    quantity: Amount | None,
    quote_quantity: Amount | None,
    client_order_id: str | None,
) -> OrderRequest:
    if (quantity is None) == (quote_quantity is None):
        msg = "a market order takes either quantity or quote_quantity"
        raise ValueError(msg)
    return OrderRequest(
        symbol=Symbol(symbol),
        side=side,
        type=OrderType.MARKET,
        quantity=None if quantity is None else _amount("quantity", quantity),
        quote_quantity=(
            None if quote_quantity is None else _amount("quote_quantity", quote_quantity)
        ),
        client_order_id=None if client_order_id is None else ClientOrderId(client_order_id),
    )


def market_buy(
    symbol: str,
    quantity: Amount | None = None,
    *,
    quote_quantity: Amount | None = None,
    client_order_id: str | None = None,
) -> OrderRequest:
    """Ask to buy at the market: `quantity` of the base asset, or for `quote_quantity`.

    Raises:
        TypeError: An amount is a float.
        ValueError: An amount is not a number above zero, or not exactly one was given.
    """
    return _market(Side.BUY, symbol, quantity, quote_quantity, client_order_id)


def market_sell(
    symbol: str,
    quantity: Amount | None = None,
    *,
    quote_quantity: Amount | None = None,
    client_order_id: str | None = None,
) -> OrderRequest:
    """Ask to sell at the market: `quantity` of the base asset, or for `quote_quantity`.

    Raises:
        TypeError: An amount is a float.
        ValueError: An amount is not a number above zero, or not exactly one was given.
    """
    return _market(Side.SELL, symbol, quantity, quote_quantity, client_order_id)
