"""The words of the matching engine: markets, requests, orders, fills, lists, refusals.

The simulator is an independent judge of the library, so it shares no type with it. Prices are in
the quote asset for one unit of the base asset, quantities in the base asset, times in
nanoseconds since the epoch.
"""

import enum
from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any, Final

import attrs

from venuekit.sim.money import EXACT, ZERO, money, optional_money


class Side(enum.Enum):
    """The side of an order, a level or a taker."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class MarketStatus(enum.Enum):
    """What a market lets its users do."""

    TRADING = "trading"
    HALTED = "halted"
    """Nothing: neither orders nor cancels."""
    BREAK = "break"
    """Nothing, for a while."""
    CANCEL_ONLY = "cancel_only"


class OrderType(enum.Enum):
    """When an order begins to work, and at which price."""

    LIMIT = "limit"
    MARKET = "market"
    STOP_LOSS = "stop_loss"
    STOP_LOSS_LIMIT = "stop_loss_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"

    @property
    def is_conditional(self) -> bool:
        """Whether it waits for a last trade price before it works."""
        return self not in _AT_ONCE

    @property
    def has_limit(self) -> bool:
        """Whether it has a price that it does not trade beyond."""
        return self in _LIMITED

    @property
    def is_stop_loss(self) -> bool:
        """Whether it waits for the price to turn against its owner."""
        return self in _STOPS


_AT_ONCE: Final = frozenset({OrderType.LIMIT, OrderType.MARKET})
_LIMITED: Final = frozenset(
    {OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT}
)
_STOPS: Final = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})


class TimeInForce(enum.Enum):
    """How long the unfilled part of an order stays."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class SelfTradePrevention(enum.Enum):
    """What happens instead of a trade of an account, or a trade group, with itself.

    The taker's mode decides.
    """

    NONE = "none"
    EXPIRE_TAKER = "expire_taker"
    EXPIRE_MAKER = "expire_maker"
    EXPIRE_BOTH = "expire_both"
    DECREMENT = "decrement"
    """Both are reduced by what they would have traded, and the smaller one expires."""


class OrderStatus(enum.Enum):
    """Where an order is in its life."""

    NEW = "new"
    PENDING_NEW = "pending_new"
    """A leg of an order list that waits for another leg to fill; it locks nothing."""
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    EXPIRED_IN_MATCH = "expired_in_match"
    REJECTED = "rejected"
    """Reserved for dialects: the engine refuses by raising `Rejection` and makes no order."""

    @property
    def is_open(self) -> bool:
        """Whether the order may still trade."""
        return self in _OPEN


_OPEN: Final = frozenset({OrderStatus.NEW, OrderStatus.PENDING_NEW, OrderStatus.PARTIALLY_FILLED})


class ExpiryReason(enum.Enum):
    """Why the exchange ended an order that nobody canceled."""

    UNFILLED_IOC = "unfilled_ioc"
    UNFILLED_FOK = "unfilled_fok"
    NO_LIQUIDITY = "no_liquidity"
    SELF_TRADE = "self_trade"
    OCO_TRIGGER = "oco_trigger"
    """The other leg of its list traded, or was triggered."""
    OTO_PHASE_ONE_EXPIRED = "oto_phase_one_expired"
    """The leg that it waited for expired."""
    REJECTED = "rejected"
    """It was triggered or activated when it could not be placed: for want of balance, say."""
    EXCHANGE = "exchange"
    """The exchange canceled it, by `Engine.expire_all`."""


class RejectReason(enum.Enum):
    """Why a command was refused; nothing has changed then."""

    INSUFFICIENT_BALANCE = "insufficient_balance"
    WOULD_MATCH = "would_match"
    """A post-only order would have taken."""
    WOULD_TRIGGER = "would_trigger"
    """The last trade price is already beyond the stop price."""
    NO_LIQUIDITY = "no_liquidity"
    """Nothing stands on the other side for a market order."""
    QUANTITY_TOO_SMALL = "quantity_too_small"
    """A quote quantity that does not pay for one quantity step."""
    UNKNOWN_ORDER = "unknown_order"
    """Never existed, not this account's, or no longer open."""
    UNKNOWN_LIST = "unknown_list"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    """An open order of this account on this market has the id."""
    DUPLICATE_LIST_CLIENT_ID = "duplicate_list_client_id"
    MARKET_CLOSED = "market_closed"
    UNKNOWN_MARKET = "unknown_market"
    UNKNOWN_ACCOUNT = "unknown_account"
    BAD_LIST_PRICES = "bad_list_prices"
    """The legs' prices do not stand on the two sides of the last trade price."""
    AMEND_INCREASES = "amend_increases"
    AMEND_CHANGES_NOTHING = "amend_changes_nothing"
    AMEND_BELOW_EXECUTED = "amend_below_executed"
    """The new quantity has already been executed or prevented."""


class Rejection(Exception):
    """A refused command. Neither an order nor an event came of it."""

    def __init__(self, reason: RejectReason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)


def _positive(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if isinstance(value, Decimal) and value <= ZERO:
        raise ValueError(f"{attribute.name} must be > 0, not {value}")


@attrs.frozen(kw_only=True)
class Market:
    """What is traded, and how finely."""

    name: str
    base: str
    quote: str
    status: MarketStatus = MarketStatus.TRADING
    price_step: Decimal = attrs.field(default=Decimal("0.01"), converter=money, validator=_positive)
    """Tick size. Requests are not held to it (the dialect's business); flows are."""
    quantity_step: Decimal = attrs.field(
        default=Decimal("0.00001"), converter=money, validator=_positive
    )
    """To which the base quantity of an order by quote quantity is rounded down."""
    base_decimals: int = 8
    """Digits after the point of the base asset, to which fees are rounded down."""
    quote_decimals: int = 8


@attrs.frozen(kw_only=True)
class OrderRequest:
    """What an account asks for. Its shape is checked here, the market's filters nowhere.

    Raises:
        ValueError: The members do not go together: a limit order without a price, say.
    """

    account: str
    market: str
    side: Side
    type: OrderType
    client_order_id: str
    quantity: Decimal | None = attrs.field(
        default=None, converter=optional_money, validator=_positive
    )
    """Base asset. Exactly one of `quantity` and `quote_quantity` is given."""
    quote_quantity: Decimal | None = attrs.field(
        default=None, converter=optional_money, validator=_positive
    )
    """Quote asset to spend or to receive; market orders only."""
    price: Decimal | None = attrs.field(default=None, converter=optional_money, validator=_positive)
    stop_price: Decimal | None = attrs.field(
        default=None, converter=optional_money, validator=_positive
    )
    trailing_bps: int | None = None
    """Distance of a trailing stop in basis points, 100 for 1 %."""
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    display_quantity: Decimal | None = attrs.field(
        default=None, converter=optional_money, validator=_positive
    )
    """The part of an iceberg that shows. The rest is not in the depth."""
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE
    labels: Mapping[str, object] = attrs.field(factory=dict)
    """The dialect's own notes; the engine hands them back unread."""

    def __attrs_post_init__(self) -> None:
        for is_wrong, sentence in (
            (
                (self.quantity is None) == (self.quote_quantity is None),
                "give either quantity or quote_quantity",
            ),
            (
                self.quote_quantity is not None and self.type is not OrderType.MARKET,
                "quote_quantity is for market orders",
            ),
            (
                (self.price is not None) != self.type.has_limit,
                "limit forms have a price, others none",
            ),
            (
                self.type.is_conditional != (self._has_condition()),
                "conditional forms have a stop_price or trailing_bps, others none",
            ),
            (
                self.post_only and self.type is not OrderType.LIMIT,
                "post_only is for limit orders",
            ),
            (
                (self.post_only or self.display_quantity is not None)
                and self.time_in_force is not TimeInForce.GTC,
                "post_only and display_quantity need GTC",
            ),
            (
                self.display_quantity is not None and self.price is None,
                "display_quantity is for limit forms",
            ),
            (
                self.trailing_bps is not None and not 0 < self.trailing_bps < 10_000,
                "trailing_bps lies between 1 and 9999",
            ),
        ):
            if is_wrong:
                raise ValueError(f"order {self.client_order_id!r}: {sentence}")

    def _has_condition(self) -> bool:
        return self.stop_price is not None or self.trailing_bps is not None


@attrs.frozen(kw_only=True)
class Order:
    """An order as it stood at one moment."""

    request: OrderRequest
    order_id: int
    """Grows per market."""
    client_order_id: str
    """The current one: a cancel or an amend may have given another than was requested."""
    list_id: int | None
    status: OrderStatus
    quantity: Decimal
    """After amendments; for an order by quote quantity what that quantity came to."""
    executed: Decimal
    cumulative_quote: Decimal
    prevented: Decimal
    """Quantity taken away by self-trade prevention."""
    expiry_reason: ExpiryReason | None
    prevented_match_id: int | None
    is_working: bool
    """Open and on the book, neither waiting for its stop price nor pending."""
    created_ns: int
    updated_ns: int
    working_ns: int | None
    """Since when it has been on the book, or was matched; None while it waits."""
    trailing_ns: int | None
    """Since when a trailing stop has been tracking the price."""
    amendments: int

    @property
    def account(self) -> str:
        """Name of the owner."""
        return self.request.account

    @property
    def market(self) -> str:
        """Name of the market."""
        return self.request.market

    @property
    def side(self) -> Side:
        """Buy or sell."""
        return self.request.side

    @property
    def type(self) -> OrderType:
        """The type that was requested; it stays when a stop is triggered."""
        return self.request.type

    @property
    def price(self) -> Decimal | None:
        """Limit price."""
        return self.request.price

    @property
    def remaining(self) -> Decimal:
        """What may still trade while the order is open."""
        with localcontext(EXACT):
            return self.quantity - self.executed - self.prevented


@attrs.frozen(kw_only=True)
class Fill:
    """One side of a trade."""

    account: str
    market: str
    order_id: int
    list_id: int | None
    trade_id: int
    side: Side
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    time_ns: int


@attrs.frozen(kw_only=True)
class Trade:
    """A public trade."""

    market: str
    trade_id: int
    price: Decimal
    quantity: Decimal
    taker_side: Side
    time_ns: int
    taker_order_id: int | None
    """Trades with the same one and the same price are one aggregate trade. None if recorded."""
    maker_order_id: int | None


@attrs.frozen(kw_only=True)
class Amendment:
    """One reduction of an order that kept its place."""

    amendment_id: int
    order_id: int
    old_client_order_id: str
    new_client_order_id: str
    old_quantity: Decimal
    new_quantity: Decimal
    time_ns: int


@attrs.frozen(kw_only=True)
class PreventedMatch:
    """A trade that did not happen because one owner stood on both sides."""

    market: str
    prevented_match_id: int
    taker_order_id: int
    maker_order_id: int
    price: Decimal
    taker_prevented: Decimal
    maker_prevented: Decimal
    time_ns: int


class ListKind(enum.Enum):
    """How the legs of an order list depend on each other."""

    OCO = "oco"
    """Two legs; the first that trades or is triggered ends the other."""
    OTO = "oto"
    """A working leg, then one that is placed when the first has filled."""
    OTOCO = "otoco"
    """A working leg, then an OCO."""


class ListStatus(enum.Enum):
    """Where an order list is in its life."""

    EXECUTING = "executing"
    ALL_DONE = "all_done"


@attrs.frozen(kw_only=True)
class ListRequest:
    """Orders that stand and fall together, all of one account on one market."""

    kind: ListKind
    legs: tuple[OrderRequest, ...]
    """In the order in which they get their ids; for OTO and OTOCO the working leg first."""
    list_client_id: str
    """Unique among the open lists of the account on the market."""
    labels: Mapping[str, object] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        expected = 3 if self.kind is ListKind.OTOCO else 2
        if len(self.legs) != expected:
            raise ValueError(f"{self.kind.value} has {expected} legs, not {len(self.legs)}")
        if len({(leg.account, leg.market) for leg in self.legs}) != 1:
            raise ValueError("the legs of a list are of one account on one market")
        if any(leg.quote_quantity is not None for leg in self.legs):
            raise ValueError("the legs of a list have a base quantity")
        pair = self.legs if self.kind is ListKind.OCO else self.legs[1:]
        if len(pair) == 2 and (
            pair[0].side is not pair[1].side or pair[0].quantity != pair[1].quantity
        ):
            raise ValueError("the two legs of an OCO have one side and one quantity")
        if len(pair) == 2 and pair[0].type.is_stop_loss == pair[1].type.is_stop_loss:
            raise ValueError("one leg of an OCO is a stop-loss, the other is not")

    @property
    def account(self) -> str:
        """Name of the owner."""
        return self.legs[0].account

    @property
    def market(self) -> str:
        """Name of the market."""
        return self.legs[0].market


@attrs.frozen(kw_only=True)
class OrderList:
    """An order list as it stood at one moment."""

    request: ListRequest
    list_id: int
    """Grows over all markets."""
    list_client_id: str
    status: ListStatus
    orders: tuple[Order, ...]
    """In the order of the request's legs."""
    created_ns: int
    updated_ns: int
