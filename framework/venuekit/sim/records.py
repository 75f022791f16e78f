"""One market's memory of orders, fills and lists, and the numbers that it gives out."""

from itertools import count

from venuekit.sim.book import LiveOrder
from venuekit.sim.lists import LiveList
from venuekit.sim.orders import Amendment, Fill, PreventedMatch

_Key = tuple[str, str]


class Records:
    """Looks orders up. Orders of synthetic accounts are forgotten when they close."""

    def __init__(self) -> None:
        self.orders: dict[int, LiveOrder] = {}
        self.open: dict[int, LiveOrder] = {}
        self.fills: dict[str, list[Fill]] = {}
        """By account, oldest first."""
        self.lists: dict[int, LiveList] = {}
        self.prevented: list[PreventedMatch] = []
        self.amendments: list[Amendment] = []
        self._by_client_id: dict[_Key, list[LiveOrder]] = {}
        self._order_ids = count(1)
        self._last_trade_id = 0
        self._prevented_ids = count(1)

    def next_order_id(self) -> int:
        """Give the next order id."""
        return next(self._order_ids)

    def next_trade_id(self, at_least: int = 1) -> int:
        """Give the next trade id, or a greater one if that was recorded."""
        self._last_trade_id = max(self._last_trade_id + 1, at_least)
        return self._last_trade_id

    def next_prevented_id(self) -> int:
        """Give the next id of a prevented match."""
        return next(self._prevented_ids)

    def add(self, order: LiveOrder) -> None:
        """Remember a new order."""
        self.orders[order.order_id] = order
        self.open[order.order_id] = order
        if not order.account.is_synthetic:
            self._by_client_id.setdefault(_key(order), []).append(order)

    def close(self, order: LiveOrder) -> None:
        """Note that an order is open no more."""
        del self.open[order.order_id]
        if order.account.is_synthetic:
            del self.orders[order.order_id]

    def rename(self, order: LiveOrder, client_order_id: str) -> None:
        """Give an order another client id; the old one no longer finds it."""
        if order.account.is_synthetic:
            order.client_order_id = client_order_id
            return
        namesakes = self._by_client_id[_key(order)]
        namesakes.remove(order)
        if not namesakes:
            del self._by_client_id[_key(order)]
        order.client_order_id = client_order_id
        self._by_client_id.setdefault(_key(order), []).append(order)

    def by_client_id(self, account: str, client_order_id: str) -> LiveOrder | None:
        """Give the newest order of that name."""
        namesakes = self._by_client_id.get((account, client_order_id))
        return None if not namesakes else max(namesakes, key=_id)

    def is_taken(self, account: str, client_order_id: str) -> bool:
        """Say whether an open order has that name."""
        namesakes = self._by_client_id.get((account, client_order_id))
        return namesakes is not None and any(order.status.is_open for order in namesakes)

    def add_fill(self, fill: Fill) -> None:
        """Remember a fill."""
        self.fills.setdefault(fill.account, []).append(fill)


def _key(order: LiveOrder) -> _Key:
    return order.account.name, order.client_order_id


def _id(order: LiveOrder) -> int:
    return order.order_id
