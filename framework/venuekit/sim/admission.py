"""Whether an order can be placed now, and on which terms. Nothing is changed here."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

import attrs

from venuekit.sim.accounts import Account
from venuekit.sim.book import Book, BookSide, LiveOrder
from venuekit.sim.money import ZERO
from venuekit.sim.orders import (
    Market,
    OrderRequest,
    Rejection,
    RejectReason,
    SelfTradePrevention,
    Side,
)
from venuekit.sim.records import Records
from venuekit.sim.triggers import is_touched


@attrs.frozen(kw_only=True)
class Plan:
    """What a taker would do to the book as it stands."""

    traded: Decimal
    """Base asset."""
    cost: Decimal
    """Quote asset."""
    prevented: Decimal
    """Base asset that self-trade prevention would take from the taker's own orders."""
    spare_quantity: Decimal
    """Base asset that would find nobody; for a quote quantity, at the price of the last maker."""


@attrs.frozen
class Terms:
    """How big an order is and what is locked for it."""

    quantity: Decimal
    lock_price: Decimal | None
    budget: Decimal | None
    """What a market order may pay, in the asset that it pays with."""

    def amount(self, side: Side) -> Decimal:
        """Give what is to be locked, in the asset that the order pays with."""
        if self.budget is not None:
            return self.budget
        if side is Side.SELL:
            return self.quantity
        return ZERO if self.lock_price is None else self.lock_price * self.quantity


def against(book: Book, side: Side) -> BookSide:
    """Give the side that a taker meets."""
    return book.asks if side is Side.BUY else book.bids


def plan(
    book: Book, market: Market, request: OrderRequest, account: Account, quantity: Decimal | None
) -> Plan:
    """Walk the book as a taker for `quantity`, or for the request's quote quantity, would."""
    mode = request.self_trade_prevention
    traded = cost = prevented = spent = ZERO
    quote = request.quote_quantity
    price = ZERO
    for price, maker, shown in _makers(book, request):  # the last price is needed
        left = _left(market, price, quantity, quote, traded + prevented, spent)
        if left <= ZERO:
            return Plan(traded=traded, cost=cost, prevented=prevented, spare_quantity=ZERO)
        taken = min(left, shown)
        if mode is SelfTradePrevention.NONE or maker.account.group != account.group:
            traded += taken
            cost += price * taken
            spent += price * taken
        elif mode is SelfTradePrevention.DECREMENT:
            prevented += taken
            spent += price * taken
        elif mode is not SelfTradePrevention.EXPIRE_MAKER:
            return Plan(traded=traded, cost=cost, prevented=prevented + left, spare_quantity=ZERO)
    left = _left(market, price, quantity, quote, traded + prevented, spent)
    return Plan(traded=traded, cost=cost, prevented=prevented, spare_quantity=left)


def _makers(book: Book, request: OrderRequest) -> Iterator[tuple[Decimal, LiveOrder, Decimal]]:
    for level in against(book, request.side).crossed_by(request.price):
        for maker, shown in level.in_turn():
            yield level.price, maker, shown


def _left(
    market: Market,
    price: Decimal,
    quantity: Decimal | None,
    quote: Decimal | None,
    taken: Decimal,
    spent: Decimal,
) -> Decimal:
    if quote is None:
        assert quantity is not None
        return quantity - taken
    return (quote - spent) // price_unit(price, market) * market.quantity_step


def price_unit(price: Decimal, market: Market) -> Decimal:
    """Give what one quantity step costs."""
    return price * market.quantity_step


def market_terms(
    book: Book, market: Market, request: OrderRequest, account: Account, quantity: Decimal | None
) -> Terms:
    """Fix the size and the budget of an order that takes at any price.

    Raises:
        Rejection: NO_LIQUIDITY, QUANTITY_TOO_SMALL.
    """
    best = against(book, request.side).best()
    if best is None:
        raise Rejection(RejectReason.NO_LIQUIDITY, request.market)
    quote = request.quote_quantity
    if quote is not None and quote < price_unit(best.price, market):
        raise Rejection(RejectReason.QUANTITY_TOO_SMALL, f"{quote} {market.quote}")
    planned = plan(book, market, request, account, quantity)
    size = planned.traded + planned.prevented + planned.spare_quantity
    if request.side is Side.BUY:
        return Terms(size, None, planned.cost if quote is None else quote)
    return Terms(size, None, size if quote is None else planned.traded)


def terms(
    book: Book,
    market: Market,
    request: OrderRequest,
    account: Account,
    last: Decimal | None,
    quantity: Decimal | None,
) -> Terms:
    """Fix the size and the lock of an order, if its prices allow it now.

    Args:
        last: The last trade price.
        quantity: May be less than requested, after an amendment.

    Raises:
        Rejection: WOULD_TRIGGER, WOULD_MATCH, NO_LIQUIDITY, QUANTITY_TOO_SMALL.
    """
    if request.type.is_conditional:
        assert quantity is not None
        if last is not None and is_touched(request, last):
            raise Rejection(RejectReason.WOULD_TRIGGER, f"last price {last}")
        return Terms(quantity, request.price or request.stop_price or last, None)
    if request.price is None:
        return market_terms(book, market, request, account, quantity)
    assert quantity is not None
    if request.post_only:
        side = against(book, request.side)
        best = side.best()
        if best is not None and side.is_crossed_by(request.price, best.price):
            raise Rejection(RejectReason.WOULD_MATCH, f"best price {best.price}")
    return Terms(quantity, request.price, None)


def paying_asset(market: Market, side: Side) -> str:
    """Give the asset that an order of this side pays with."""
    return market.quote if side is Side.BUY else market.base


def refuse_unpaid(account: Account, asset: str, amount: Decimal) -> None:
    """Raise `Rejection` INSUFFICIENT_BALANCE unless so much is free."""
    if not account.can_pay(asset, amount):
        raise Rejection(RejectReason.INSUFFICIENT_BALANCE, f"{amount} {asset} needed")


def refuse_bad_pair(pair: Sequence[OrderRequest], last: Decimal | None) -> None:
    """Raise `Rejection` BAD_LIST_PRICES unless an OCO has the last price between its legs.

    Args:
        last: None where the pair begins later, and only has to stand in the right order.
    """
    stop, other = sorted(pair, key=lambda leg: not leg.type.is_stop_loss)
    target = other.stop_price if other.type.is_conditional else other.price
    ladder = [price for price in (stop.stop_price, last, target) if price is not None]
    if stop.side is Side.BUY:
        ladder.reverse()
    if any(low >= high for low, high in pairwise(ladder)):
        raise Rejection(RejectReason.BAD_LIST_PRICES, " < ".join(map(str, ladder)))


def refuse_duplicates(records: Records, requests: Sequence[OrderRequest]) -> None:
    """Raise `Rejection` DUPLICATE_CLIENT_ID if an open order or another leg has the same name."""
    names = [request.client_order_id for request in requests]
    for request in requests:
        name = request.client_order_id
        if names.count(name) > 1 or records.is_taken(request.account, name):
            raise Rejection(RejectReason.DUPLICATE_CLIENT_ID, name)


def refuse_amendment(order: LiveOrder, quantity: Decimal) -> None:
    """Raise `Rejection` AMEND_… unless the order gets smaller and stays open."""
    if quantity == order.quantity:
        raise Rejection(RejectReason.AMEND_CHANGES_NOTHING)
    if quantity > order.quantity:
        raise Rejection(RejectReason.AMEND_INCREASES)
    if quantity <= order.quantity - order.remaining:
        raise Rejection(RejectReason.AMEND_BELOW_EXECUTED)
