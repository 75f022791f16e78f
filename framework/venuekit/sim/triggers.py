"""Conditional orders that wait for a last trade price."""

from bisect import bisect_left, bisect_right, insort
from decimal import Decimal
from typing import Final

from venuekit.sim.book import LiveOrder
from venuekit.sim.orders import OrderRequest, Side

_WHOLE_BPS: Final = 10_000
_Key = tuple[Decimal, int]


def waits_for_rise(request: OrderRequest) -> bool:
    """Say whether the stop price is touched from below: stop-loss buys and take-profit sells."""
    return request.type.is_stop_loss == (request.side is Side.BUY)


def is_touched(request: OrderRequest, price: Decimal) -> bool:
    """Say whether a last trade price reaches the stop price."""
    stop = request.stop_price
    if stop is None:
        return False
    return price >= stop if waits_for_rise(request) else price <= stop


class Triggers:
    """The waiting orders of one market."""

    def __init__(self) -> None:
        self._rising: list[_Key] = []  # by stop price, then age
        self._falling: list[_Key] = []  # by negative stop price, then age: next first in both
        self._trailing: dict[int, LiveOrder] = {}
        self._orders: dict[int, LiveOrder] = {}

    def add(self, order: LiveOrder, now_ns: int) -> None:
        """Let an order wait; a trailing stop without a stop price tracks from the next trade on."""
        order.is_waiting = True
        if order.request.trailing_bps is not None:
            self._trailing[order.order_id] = order
            if order.request.stop_price is None:
                _start_tracking(order, now_ns)
            return
        self._orders[order.order_id] = order
        insort(self._keys(order), _key(order))

    def remove(self, order: LiveOrder) -> None:
        """Let an order wait no longer."""
        order.is_waiting = False
        if self._trailing.pop(order.order_id, None) is None:
            del self._orders[order.order_id]
            keys = self._keys(order)
            del keys[bisect_left(keys, _key(order))]

    def on_trade(self, price: Decimal, now_ns: int) -> list[LiveOrder]:
        """Give the orders that a trade triggers; they wait no longer.

        Those whose stop price lies nearer come first, among equals the oldest; then trailing
        stops by age.
        """
        reached = [
            self._orders[order_id]
            for keys, bound in ((self._rising, price), (self._falling, price.copy_negate()))
            if keys and keys[0][0] <= bound
            for _, order_id in keys[: bisect_right(keys, bound, key=_price_of)]
        ]
        reached += [order for order in self._trailing.values() if _follow(order, price, now_ns)]
        for order in reached:
            self.remove(order)
        return reached

    def _keys(self, order: LiveOrder) -> list[_Key]:
        return self._rising if waits_for_rise(order.request) else self._falling


def _key(order: LiveOrder) -> _Key:
    stop = order.request.stop_price
    assert stop is not None
    return (stop if waits_for_rise(order.request) else stop.copy_negate(), order.order_id)


def _price_of(key: _Key) -> Decimal:
    return key[0]


def _start_tracking(order: LiveOrder, now_ns: int) -> None:
    order.is_touched = True
    order.trailing_ns = now_ns


def _follow(order: LiveOrder, price: Decimal, now_ns: int) -> bool:
    """Move the extreme price of a trailing stop, and say whether the price has turned far enough.

    Sells follow the highest price and work below it, buys the lowest and work above it.
    """
    if not order.is_touched:
        if not is_touched(order.request, price):
            return False
        _start_tracking(order, now_ns)
    best = order.extreme
    if best is None or (price < best if order.is_buy else price > best):
        order.extreme = best = price
    bps = order.request.trailing_bps
    assert bps is not None
    if order.is_buy:
        return price * _WHOLE_BPS >= best * (_WHOLE_BPS + bps)
    return price * _WHOLE_BPS <= best * (_WHOLE_BPS - bps)
