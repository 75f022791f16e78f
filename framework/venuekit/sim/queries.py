"""What can be read of an engine: orders, fills, balances, books, trades, candles."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Final

import attrs

from venuekit.sim.accounts import Account, Balance, FeeDiscount, FeeRates
from venuekit.sim.book import BookSide, LiveOrder
from venuekit.sim.lists import LiveList
from venuekit.sim.matching import Desk
from venuekit.sim.money import ROUNDED, exact
from venuekit.sim.orders import (
    Amendment,
    Fill,
    Market,
    Order,
    OrderList,
    PreventedMatch,
    Rejection,
    RejectReason,
    Side,
    Trade,
)
from venuekit.sim.prints import SECOND_NS, Candle

DAY_NS: Final = 86_400 * SECOND_NS
_ONE: Final = Decimal(1)


@attrs.frozen
class Quote:
    """A price and the quantity that shows there."""

    price: Decimal
    quantity: Decimal


@attrs.frozen
class Depth:
    """The best levels of a book, best first, as of an update id."""

    update_id: int
    bids: tuple[Quote, ...]
    asks: tuple[Quote, ...]


class Queries:
    """The reading half of `Engine`. An unknown name raises `Rejection` UNKNOWN_…."""

    def __init__(self) -> None:
        self._desks: dict[str, Desk] = {}
        self._accounts: dict[str, Account] = {}

    def markets(self) -> tuple[Market, ...]:
        """Give the markets in the order in which they were added."""
        return tuple(desk.market for desk in self._desks.values())

    def market(self, name: str) -> Market:
        """Give a market."""
        return self._desk(name).market

    def accounts(self) -> tuple[str, ...]:
        """Give the names of all accounts, synthetic ones included."""
        return tuple(self._accounts)

    # Accounts.

    def balances(self, account: str) -> dict[str, Balance]:
        """Give the balances of an account by asset, for every asset that it ever touched."""
        return self._account(account).balances()

    def balances_changed_ns(self, account: str) -> int:
        """Give when a balance last changed; 0 for never."""
        return self._account(account).updated_ns

    def fees(self, account: str, market: str) -> FeeRates:
        """Give the rates of an account on a market."""
        return self._account(account).rates(market)

    def discount(self, account: str) -> FeeDiscount | None:
        """Give the fee discount of an account."""
        return self._account(account).discount

    # Orders.

    def order(
        self,
        account: str,
        market: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> Order:
        """Give an order, by its id or else the newest with a client id.

        Raises:
            Rejection: UNKNOWN_ORDER.
        """
        return self._order(account, market, order_id, client_order_id).view()

    def open_orders(self, account: str, market: str | None = None) -> tuple[Order, ...]:
        """Give an account's open orders, pending legs included, by market and age."""
        desks = self._desks.values() if market is None else [self._desk(market)]
        name = self._account(account).name
        return tuple(order.view() for desk in desks for order in self._open_of(desk, name))

    def open_prices(self, account: str, market: str) -> list[tuple[int, Side, Decimal | None]]:
        """Give order id, side and limit of an account's open orders on a market, by age.

        A market's makers look at theirs many times a second: no whole orders are made for that.
        """
        name = self._account(account).name
        return [
            (order.order_id, order.side, order.price)
            for order in self._open_of(self._desk(market), name)
        ]

    def orders(self, account: str, market: str) -> tuple[Order, ...]:
        """Give all orders of an account on a market, oldest first."""
        name = self._account(account).name
        return tuple(
            order.view()
            for order in self._desk(market).records.orders.values()
            if order.account.name == name
        )

    def fills(self, account: str, market: str, *, order_id: int | None = None) -> tuple[Fill, ...]:
        """Give an account's fills on a market, or those of one order, oldest first."""
        fills = self._desk(market).records.fills.get(self._account(account).name, ())
        return tuple(fill for fill in fills if order_id in {None, fill.order_id})

    def order_list(
        self, account: str, *, list_id: int | None = None, list_client_id: str | None = None
    ) -> OrderList:
        """Give a list, by its id or else the newest with a client id; or UNKNOWN_LIST."""
        return self._list(account, list_id, list_client_id).view()

    def order_lists(self, account: str) -> tuple[OrderList, ...]:
        """Give all lists of an account, by id."""
        return tuple(live.view() for live in self._lists_of(account))

    def open_order_lists(self, account: str) -> tuple[OrderList, ...]:
        """Give the lists of an account that have an open leg, by id."""
        return tuple(live.view() for live in self._lists_of(account) if not live.is_done)

    def prevented_matches(self, account: str, market: str) -> tuple[PreventedMatch, ...]:
        """Give the self-trades of an account that were prevented, oldest first."""
        records, name = self._desk(market).records, self._account(account).name
        return tuple(
            match
            for match in records.prevented
            for order in (records.orders.get(match.taker_order_id),)
            if order is not None and order.account.name == name
        )

    def amendments(self, market: str, order_id: int) -> tuple[Amendment, ...]:
        """Give the amendments of an order, oldest first."""
        amendments = self._desk(market).records.amendments
        return tuple(one for one in amendments if one.order_id == order_id)

    # The public market.

    def update_id(self, market: str) -> int:
        """Give the id of the last change of the book."""
        return self._desk(market).book.update_id

    def best_bid(self, market: str) -> Quote | None:
        """Give the best bid."""
        return _best(self._desk(market).book.bids)

    def best_ask(self, market: str) -> Quote | None:
        """Give the best ask."""
        return _best(self._desk(market).book.asks)

    def depth(self, market: str, levels: int | None = None) -> Depth:
        """Give the best levels of each side, all if no number is given."""
        book = self._desk(market).book
        return Depth(book.update_id, _quotes(book.bids, levels), _quotes(book.asks, levels))

    def trades(self, market: str) -> tuple[Trade, ...]:
        """Give the last public trades, as many as are kept, oldest first."""
        return tuple(self._desk(market).prints.trades)

    def last_trade(self, market: str) -> Trade | None:
        """Give the last public trade."""
        return self._desk(market).prints.last

    @exact
    def candle(self, market: str, open_ns: int, close_ns: int) -> Candle | None:
        """Fold the trades of `[open_ns, close_ns)`, whole seconds; None if it has no price yet."""
        return self._desk(market).prints.candle(open_ns, close_ns)

    @exact
    def candles(
        self, market: str, interval_ns: int, start_ns: int, end_ns: int, *, offset_ns: int = 0
    ) -> tuple[Candle, ...]:
        """Give the candles that begin in `[start_ns, end_ns)`, oldest first.

        Args:
            market: Of which market.
            interval_ns: Length, whole seconds.
            start_ns: From when.
            end_ns: Until when; the last candle may still be growing.
            offset_ns: Where candles begin after the epoch; weeks that begin on a Monday have
                four days.
        """
        prints = self._desk(market).prints
        first = -((offset_ns - start_ns) // interval_ns) * interval_ns + offset_ns
        folded = (
            prints.candle(open_ns, open_ns + interval_ns)
            for open_ns in range(first, end_ns, interval_ns)
        )
        return tuple(candle for candle in folded if candle is not None)

    @exact
    def statistics(self, market: str, now_ns: int, window_ns: int = DAY_NS) -> Candle | None:
        """Fold the trades of a window that ends now, now included, to within a second."""
        return self._desk(market).prints.candle(now_ns - window_ns, now_ns + 1)

    def weighted_average_price(self, market: str, now_ns: int, window_ns: int) -> Decimal | None:
        """Give the price weighted by quantity; the last price if the window has no trade."""
        folded = self.statistics(market, now_ns, window_ns)
        return None if folded is None else folded.weighted_average

    # Looking up.

    def _desk(self, market: str) -> Desk:
        try:
            return self._desks[market]
        except KeyError:
            raise Rejection(RejectReason.UNKNOWN_MARKET, market) from None

    def _account(self, name: str) -> Account:
        try:
            return self._accounts[name]
        except KeyError:
            raise Rejection(RejectReason.UNKNOWN_ACCOUNT, name) from None

    def _order(
        self, account: str, market: str, order_id: int | None, client_order_id: str | None
    ) -> LiveOrder:
        records = self._desk(market).records
        order: LiveOrder | None = None
        if order_id is not None:
            order = records.orders.get(order_id)
        elif client_order_id is not None:
            order = records.by_client_id(account, client_order_id)
        if order is None or order.account.name != account:
            raise Rejection(RejectReason.UNKNOWN_ORDER, str(order_id or client_order_id))
        return order

    def _open_order(
        self, account: str, market: str, order_id: int | None, client_order_id: str | None
    ) -> LiveOrder:
        order = self._order(account, market, order_id, client_order_id)
        if not order.status.is_open:
            raise Rejection(RejectReason.UNKNOWN_ORDER, f"{order.order_id} is not open")
        return order

    def _open_of(self, desk: Desk, account: str) -> list[LiveOrder]:
        return [order for order in desk.records.open.values() if order.account.name == account]

    def _lists_of(self, account: str) -> Iterator[LiveList]:
        name = self._account(account).name
        lists = [
            live
            for desk in self._desks.values()
            for live in desk.records.lists.values()
            if live.request.account == name
        ]
        return iter(sorted(lists, key=lambda live: live.list_id))

    def _list(self, account: str, list_id: int | None, list_client_id: str | None) -> LiveList:
        found = None
        for live in self._lists_of(account):
            is_it = live.list_id == list_id
            if list_id is None:
                is_it = live.list_client_id == list_client_id
            found = live if is_it else found
        if found is None:
            raise Rejection(RejectReason.UNKNOWN_LIST, str(list_id or list_client_id))
        return found

    def _worth(self, pairs: dict[tuple[str, str], Desk], asset: str, other: str) -> Decimal | None:
        if asset == other:
            return _ONE
        direct, inverse = pairs.get((asset, other)), pairs.get((other, asset))
        if direct is not None and (price := direct.last_price()) is not None:
            return price
        if inverse is not None and (price := inverse.last_price()) is not None:
            return ROUNDED.divide(_ONE, price)
        return None


def _best(side: BookSide) -> Quote | None:
    level = side.best()
    return None if level is None else Quote(level.price, level.visible)


def _quotes(side: BookSide, levels: int | None) -> tuple[Quote, ...]:
    return tuple(Quote(level.price, level.visible) for level in islice(side.levels(), levels))
