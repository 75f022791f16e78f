"""An exact matching engine without I/O, clock or chance: the market behind a simulator.

Commands are handed the time and change everything at once; what happened is then read, in order,
with `Engine.drain`. A refused command raises `Rejection` and has changed nothing. Queries never
change anything. No limit of an exchange is enforced here (tick sizes, notionals, counts): that is
the business of its dialect.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import count

import attrs

from venuekit.sim.accounts import Account, FeeDiscount, FeeRates
from venuekit.sim.admission import (
    Terms,
    paying_asset,
    refuse_amendment,
    refuse_bad_pair,
    refuse_duplicates,
    refuse_unpaid,
)
from venuekit.sim.book import LiveOrder
from venuekit.sim.events import (
    BalanceAdjusted,
    BalancesChanged,
    BookUpdated,
    Event,
    MarketStatusChanged,
    OrderAmended,
)
from venuekit.sim.external import EXTERNAL, Change, External
from venuekit.sim.lists import LiveList
from venuekit.sim.matching import Desk
from venuekit.sim.money import exact, money
from venuekit.sim.orders import (
    Amendment,
    ExpiryReason,
    ListKind,
    ListRequest,
    Market,
    MarketStatus,
    Order,
    OrderList,
    OrderRequest,
    OrderStatus,
    Rejection,
    RejectReason,
    Side,
    Trade,
)
from venuekit.sim.queries import Queries
from venuekit.sim.settlement import Settlement


class Engine(Queries):
    """Markets, accounts and orders of one simulated exchange.

    Every command runs to its end, with all stops that it triggers and all legs that it activates,
    before it returns. The order that it returns is as it stands then; its events tell the steps.
    """

    def __init__(self, *, fee_account: str = "fees", keep_trades: int = 10_000) -> None:
        """Make an exchange without markets.

        Args:
            fee_account: Name of the synthetic account that fees go to.
            keep_trades: Public trades to keep of each market, besides the bars for candles.
        """
        super().__init__()
        self._keep_trades = keep_trades
        self._log: list[Event] = []
        self._moved: dict[str, Account] = {}
        self._external: dict[str, External] = {}
        self._list_ids = count(1)
        self._amendment_ids = count(1)
        self._pairs: dict[tuple[str, str], Desk] = {}
        self.open_account(fee_account, is_synthetic=True)
        self.open_account(EXTERNAL, is_synthetic=True)
        self._settlement = Settlement(self._accounts[fee_account], self._price_of)

    def drain(self) -> list[Event]:
        """Give the events since the last call, oldest first. Nobody else keeps them."""
        events = self._log[:]
        self._log.clear()
        return events

    # Markets and accounts.

    def add_market(self, market: Market) -> None:
        """Open a market with an empty book."""
        if market.name in self._desks:
            raise ValueError(f"market {market.name!r} exists")
        desk = Desk(market, self._settlement, self._log, keep_trades=self._keep_trades)
        self._desks[market.name] = desk
        self._external[market.name] = External(desk, self._accounts[EXTERNAL])
        self._pairs[market.base, market.quote] = desk

    def set_market_status(self, market: str, status: MarketStatus, now_ns: int) -> None:
        """Open, halt or close a market; its orders stay."""
        desk = self._desk(market)
        desk.market = attrs.evolve(desk.market, status=status)
        self._log.append(MarketStatusChanged(market, status, now_ns))

    def open_account(
        self,
        name: str,
        *,
        fees: FeeRates | None = None,
        discount: FeeDiscount | None = None,
        trade_group: str | None = None,
        is_synthetic: bool = False,
    ) -> None:
        """Open an account without balances.

        Args:
            name: Unique.
            fees: Nothing if absent.
            discount: Asset to pay fees in while there is enough of it.
            trade_group: Accounts of one group do not trade with each other either, where
                self-trade prevention is asked for.
            is_synthetic: The market's own: never short of balance, its orders make no private
                events and are forgotten when they close.
        """
        if name in self._accounts:
            raise ValueError(f"account {name!r} exists")
        self._accounts[name] = Account(
            name,
            fees=fees or FeeRates(),
            discount=discount,
            group=f"account {name}" if trade_group is None else f"group {trade_group}",
            is_synthetic=is_synthetic,
            dirty=self._moved,
        )

    def set_fees(self, account: str, fees: FeeRates, *, market: str | None = None) -> None:
        """Set an account's rates from now on, on one market or wherever none are set."""
        owner = self._account(account)
        if market is None:
            owner.fees = fees
        else:
            owner.fees_by_market[market] = fees

    def set_discount(self, account: str, discount: FeeDiscount | None) -> None:
        """Set in which asset, and how much cheaper, an account pays its fees from now on."""
        self._account(account).discount = discount

    @exact
    def deposit(self, account: str, asset: str, amount: Decimal | str, now_ns: int) -> None:
        """Add to the free balance."""
        self._adjust(self._account(account), asset, money(amount), now_ns)

    @exact
    def withdraw(self, account: str, asset: str, amount: Decimal | str, now_ns: int) -> None:
        """Take from the free balance, or raise `Rejection` INSUFFICIENT_BALANCE."""
        owner, taken = self._account(account), money(amount)
        refuse_unpaid(owner, asset, taken)
        self._adjust(owner, asset, -taken, now_ns)

    def _adjust(self, account: Account, asset: str, delta: Decimal, now_ns: int) -> None:
        account.move(asset, free=delta)
        self._log.append(BalanceAdjusted(account.name, asset, delta, now_ns))
        self._tell_balances(now_ns)

    # Orders.

    @exact
    def check(self, request: OrderRequest) -> None:
        """Raise the `Rejection` that `place` would raise now."""
        self._admit(request)

    @exact
    def place(self, request: OrderRequest, now_ns: int) -> Order:
        """Place an order: it trades, rests, waits or expires, at once.

        Raises:
            Rejection: UNKNOWN_MARKET, UNKNOWN_ACCOUNT, MARKET_CLOSED, DUPLICATE_CLIENT_ID,
                WOULD_TRIGGER, WOULD_MATCH, NO_LIQUIDITY, QUANTITY_TOO_SMALL,
                INSUFFICIENT_BALANCE. Nothing has changed.
        """
        desk, account, agreed = self._admit(request)
        desk.now_ns = now_ns
        order = desk.accept(request, account, desk.reservation(request, account))
        desk.reserve(order, agreed)
        desk.tell_accepted(order)
        desk.begin(order)
        self._finish(desk)
        return order.view()

    @exact
    def place_list(self, request: ListRequest, now_ns: int) -> OrderList:
        """Place an order list, whole or not at all.

        Raises:
            Rejection: As for `place`, and DUPLICATE_LIST_CLIENT_ID, BAD_LIST_PRICES.
        """
        desk, account = self._trading(request.market), self._account(request.account)
        first, agreed = self._admit_list(desk, account, request)
        desk.now_ns = now_ns
        live_list = LiveList(next(self._list_ids), request, now_ns)
        desk.records.lists[live_list.list_id] = live_list
        shared = desk.reservation(request.legs[-1], account)
        for leg in request.legs:
            is_first_of_two = leg is request.legs[0] and request.kind is not ListKind.OCO
            own = desk.reservation(leg, account) if is_first_of_two else shared
            order = desk.accept(leg, account, own, live_list)
            if len(live_list.legs) > len(first):
                order.status = OrderStatus.PENDING_NEW
        for order, wanted in zip(live_list.legs, agreed, strict=False):
            desk.reserve(order, wanted)
        for order in live_list.legs:
            desk.tell_accepted(order)
        desk.tell_list(live_list)
        desk.begin_all(live_list.legs[: len(first)])
        self._finish(desk)
        return live_list.view()

    @exact
    def cancel(
        self,
        account: str,
        market: str,
        now_ns: int,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        new_client_order_id: str | None = None,
    ) -> Order:
        """Cancel an open order, and with it the list that it is a leg of.

        Args:
            account: Its owner.
            market: Where it is.
            now_ns: When.
            order_id: Which; or else
            client_order_id: which.
            new_client_order_id: What it is called from now on, if that changes.

        Raises:
            Rejection: UNKNOWN_MARKET, UNKNOWN_ORDER, MARKET_CLOSED.
        """
        desk = self._cancelable(market)
        order = self._open_order(account, market, order_id, client_order_id)
        desk.now_ns = now_ns
        desk.cancel(order, new_client_order_id)
        self._finish(desk)
        return order.view()

    @exact
    def cancel_list(
        self,
        account: str,
        market: str,
        now_ns: int,
        *,
        list_id: int | None = None,
        list_client_id: str | None = None,
    ) -> OrderList:
        """Cancel an open list. Raises `Rejection` UNKNOWN_LIST, MARKET_CLOSED."""
        desk = self._cancelable(market)
        live_list = self._list(account, list_id, list_client_id)
        if live_list.request.market != market or live_list.is_done:
            raise Rejection(RejectReason.UNKNOWN_LIST)
        desk.now_ns = now_ns
        desk.cancel(next(leg for leg in live_list.legs if leg.status.is_open))
        self._finish(desk)
        return live_list.view()

    @exact
    def cancel_all(
        self, account: str, market: str, now_ns: int, *, new_client_order_id: str | None = None
    ) -> tuple[Order, ...]:
        """Cancel the open orders of an account on a market, oldest first; none is no error."""
        desk = self._cancelable(market)
        orders = self._open_of(desk, self._account(account).name)
        desk.now_ns = now_ns
        for order in orders:
            if order.status.is_open:  # not canceled with its list before
                desk.cancel(order, new_client_order_id)
        self._finish(desk)
        return tuple(order.view() for order in orders)

    @exact
    def expire_all(self, market: str, now_ns: int) -> None:
        """End all users' orders of a market for the exchange, as for a delisting."""
        desk = self._desk(market)
        desk.now_ns = now_ns
        for order in list(desk.records.open.values()):
            if order.status.is_open and not order.account.is_synthetic:
                desk.expire(order, ExpiryReason.EXCHANGE)
        self._finish(desk)

    @exact
    def amend(
        self,
        account: str,
        market: str,
        quantity: Decimal | str,
        now_ns: int,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        new_client_order_id: str | None = None,
    ) -> tuple[Order, Amendment]:
        """Make an open order smaller without losing its place; both legs, if it is one of an OCO.

        Args:
            account: Its owner.
            market: Where it is.
            quantity: New quantity in the base asset, the executed part included.
            now_ns: When.
            order_id: Which; or else
            client_order_id: which.
            new_client_order_id: What it is called from now on, if that changes.

        Raises:
            Rejection: UNKNOWN_ORDER, AMEND_INCREASES, AMEND_CHANGES_NOTHING,
                AMEND_BELOW_EXECUTED, DUPLICATE_CLIENT_ID, MARKET_CLOSED.
        """
        desk, wanted = self._trading(market), money(quantity)
        order = self._open_order(account, market, order_id, client_order_id)
        name = order.client_order_id if new_client_order_id is None else new_client_order_id
        refuse_amendment(order, wanted)
        if name != order.client_order_id and desk.records.is_taken(account, name):
            raise Rejection(RejectReason.DUPLICATE_CLIENT_ID, name)
        desk.now_ns = now_ns
        rivals = [] if order.live_list is None else order.live_list.rivals(order)
        amendment = self._amend(desk, order, wanted, name)
        for rival in rivals:
            self._amend(desk, rival, wanted, rival.client_order_id)
        self._finish(desk)
        return order.view(), amendment

    def _amend(self, desk: Desk, order: LiveOrder, quantity: Decimal, name: str) -> Amendment:
        amendment = Amendment(
            amendment_id=next(self._amendment_ids),
            order_id=order.order_id,
            old_client_order_id=order.client_order_id,
            new_client_order_id=name,
            old_quantity=order.quantity,
            new_quantity=quantity,
            time_ns=desk.now_ns,
        )
        desk.records.amendments.append(amendment)
        order.quantity = quantity
        order.amendments += 1
        order.updated_ns = desk.now_ns
        desk.records.rename(order, name)
        if order.status is not OrderStatus.PENDING_NEW:
            order.reservation.change(order.order_id, order.need())
        if order.is_resting:
            desk.book.own(order).shrink(order)
        self._log.append(OrderAmended(order.view(), amendment, desk.now_ns))
        return amendment

    # The world outside.

    def set_level(
        self, market: str, side: Side, price: Decimal, quantity: Decimal, now_ns: int
    ) -> None:
        """Set what the outside world has at a price, as an absolute quantity; zero for nothing."""
        self.set_levels(market, [(side, price, quantity)], now_ns)

    @exact
    def set_levels(
        self,
        market: str,
        changes: Iterable[Change],
        now_ns: int,
        *,
        recorded_ids: tuple[int, int] | None = None,
    ) -> None:
        """Set several levels at one moment.

        Args:
            market: Where.
            changes: Side, price, absolute quantity.
            now_ns: When.
            recorded_ids: First and last update id of the batch. The book takes the last one, with
                all `LevelChanged`, and a `BookUpdated` follows. Once users' orders have changed
                levels in between, ids are shifted up so that they stay contiguous.
        """
        desk, external = self._desk(market), self._external[market]
        desk.now_ns = now_ns
        external.set_levels(changes)
        if recorded_ids is None:
            self._finish(desk)
            return
        first, last = external.own_ids(*recorded_ids)
        self._finish(desk, last)
        desk.book.update_id = last
        self._log.append(BookUpdated(market, first, last, now_ns))

    @exact
    def load_book(
        self,
        market: str,
        changes: Iterable[Change],
        now_ns: int,
        *,
        recorded_id: int | None = None,
    ) -> None:
        """Set all levels of the outside world: those that are not given are gone."""
        desk, external = self._desk(market), self._external[market]
        desk.now_ns = now_ns
        external.replace(list(changes))
        update_id = None if recorded_id is None else external.snapshot_id(recorded_id)
        self._finish(desk, update_id)
        if update_id is not None:
            desk.book.update_id = update_id

    @exact
    def print_trade(
        self,
        market: str,
        price: Decimal,
        quantity: Decimal,
        taker_side: Side,
        now_ns: int,
        *,
        trade_id: int | None = None,
    ) -> Trade:
        """Print a trade of the outside world: it moves the last price and triggers stops.

        It fills nobody: what it took from the book comes with the recorded levels.

        Args:
            market: Where.
            price: Quote asset.
            quantity: Base asset.
            taker_side: Who was the aggressor.
            now_ns: When.
            trade_id: As recorded; a greater one is used if that has already been given out.
        """
        desk = self._desk(market)
        desk.now_ns = now_ns
        trade = Trade(
            market=market,
            trade_id=desk.records.next_trade_id(trade_id or 1),
            price=price,
            quantity=quantity,
            taker_side=taker_side,
            time_ns=now_ns,
            taker_order_id=None,
            maker_order_id=None,
        )
        desk.record(trade)
        self._finish(desk)
        return trade

    # Admission.

    def _trading(self, market: str) -> Desk:
        desk = self._desk(market)
        if desk.market.status is not MarketStatus.TRADING:
            raise Rejection(RejectReason.MARKET_CLOSED, f"{market} is {desk.market.status.value}")
        return desk

    def _cancelable(self, market: str) -> Desk:
        desk = self._desk(market)
        if desk.market.status is MarketStatus.CANCEL_ONLY:
            return desk
        return self._trading(market)

    def _admit(self, request: OrderRequest) -> tuple[Desk, Account, Terms]:
        desk, account = self._trading(request.market), self._account(request.account)
        refuse_duplicates(desk.records, [request])
        agreed = desk.terms(request, account, request.quantity)
        asset = paying_asset(desk.market, request.side)
        refuse_unpaid(account, asset, agreed.amount(request.side))
        return desk, account, agreed

    def _admit_list(
        self, desk: Desk, account: Account, request: ListRequest
    ) -> tuple[Sequence[OrderRequest], list[Terms]]:
        """Give the legs that begin now, with their terms."""
        if any(
            live.list_client_id == request.list_client_id and not live.is_done
            for live in desk.records.lists.values()
            if live.request.account == request.account
        ):
            raise Rejection(RejectReason.DUPLICATE_LIST_CLIENT_ID, request.list_client_id)
        refuse_duplicates(desk.records, request.legs)
        first = request.legs
        if request.kind is ListKind.OCO:
            refuse_bad_pair(request.legs, desk.last_price())
        else:
            first = request.legs[:1]
        if request.kind is ListKind.OTOCO:
            refuse_bad_pair(request.legs[1:], None)
        agreed = [desk.terms(leg, account, leg.quantity) for leg in first]
        for leg, wanted in zip(first, agreed, strict=True):
            refuse_unpaid(account, paying_asset(desk.market, leg.side), wanted.amount(leg.side))
        return first, agreed

    # The end of a command.

    def _finish(self, desk: Desk, update_id: int | None = None) -> None:
        desk.run()
        desk.publish(update_id)
        self._tell_balances(desk.now_ns)

    def _tell_balances(self, now_ns: int) -> None:
        for account in self._moved.values():
            assets = tuple(sorted(account.touched))
            account.touched.clear()
            account.updated_ns = now_ns
            if not account.is_synthetic:
                self._log.append(BalancesChanged(account.name, assets, now_ns))
        self._moved.clear()

    def _price_of(self, asset: str, other: str) -> Decimal | None:
        """Give what one unit of an asset was last worth in another, to 50 digits."""
        return self._worth(self._pairs, asset, other)
