"""One market at work: orders begin, meet, rest, wait, and end, and each step is told.

Triggered stops and activated legs wait their turn in a queue, so that an order is done with the
book before the next one begins. Whoever calls `begin` or `end` calls `run` afterwards.
"""

from collections import deque
from decimal import Decimal

from venuekit.sim.accounts import Account, Reservation
from venuekit.sim.admission import Terms, market_terms, paying_asset, plan, refuse_unpaid, terms
from venuekit.sim.book import Book, LiveOrder
from venuekit.sim.events import (
    Event,
    LevelChanged,
    ListChanged,
    OrderAccepted,
    OrderActivated,
    OrderCanceled,
    OrderExpired,
    OrderPrevented,
    OrderTraded,
    OrderTriggered,
    TradePrinted,
)
from venuekit.sim.lists import LiveList
from venuekit.sim.money import ZERO
from venuekit.sim.orders import (
    ExpiryReason,
    ListStatus,
    Market,
    OrderRequest,
    OrderStatus,
    PreventedMatch,
    Rejection,
    RejectReason,
    SelfTradePrevention,
    TimeInForce,
    Trade,
)
from venuekit.sim.prints import Prints
from venuekit.sim.records import Records
from venuekit.sim.settlement import Settlement
from venuekit.sim.triggers import Triggers


class Desk:
    """The matching of one market."""

    def __init__(
        self, market: Market, settlement: Settlement, log: list[Event], *, keep_trades: int
    ) -> None:
        self.market = market
        self.book = Book()
        self.triggers = Triggers()
        self.prints = Prints(keep=keep_trades)
        self.records = Records()
        self.now_ns = 0  # of the command that is being carried out
        self._settlement = settlement
        self._log = log
        self._triggered: deque[LiveOrder] = deque()
        self._activated: deque[LiveList] = deque()

    def last_price(self) -> Decimal | None:
        """Give the last trade price."""
        return None if self.prints.last is None else self.prints.last.price

    def terms(self, request: OrderRequest, account: Account, quantity: Decimal | None) -> Terms:
        """Fix an order's terms, or raise `Rejection`."""
        return terms(self.book, self.market, request, account, self.last_price(), quantity)

    def reservation(self, request: OrderRequest, account: Account) -> Reservation:
        """Make an empty reservation for an order."""
        return Reservation(account, paying_asset(self.market, request.side))

    def accept(
        self,
        request: OrderRequest,
        account: Account,
        reservation: Reservation,
        live_list: LiveList | None = None,
    ) -> LiveOrder:
        """Make an order known. It locks nothing and does nothing yet."""
        order = LiveOrder(self.records.next_order_id(), request, account, reservation, self.now_ns)
        if live_list is not None:
            live_list.join(order)
        self.records.add(order)
        return order

    def reserve(self, order: LiveOrder, agreed: Terms) -> None:
        """Lock what an order needs by its terms."""
        order.quantity = agreed.quantity
        order.lock_price = agreed.lock_price
        order.budget = agreed.budget
        order.reservation.change(order.order_id, order.need())

    def tell_accepted(self, order: LiveOrder) -> None:
        """Tell the owner that the order exists."""
        if not order.account.is_synthetic:
            self._log.append(OrderAccepted(order.view(), self.now_ns))

    def begin(self, order: LiveOrder) -> None:
        """Let an order that has its funds wait for its stop price, or else work."""
        if order.request.type.is_conditional:
            self.triggers.add(order, self.now_ns)
        else:
            self._work(order)

    def run(self) -> None:
        """Carry out what trades have triggered and activated, and what that triggers in turn."""
        while self._triggered or self._activated:
            if self._activated:
                self._activate(self._activated.popleft())
            else:
                self._trigger(self._triggered.popleft())

    def record(self, trade: Trade) -> None:
        """Print a public trade and see which orders it triggers."""
        self.prints.add(trade)
        self._log.append(TradePrinted(trade))
        self._triggered += self.triggers.on_trade(trade.price, self.now_ns)

    def publish(self, update_id: int | None = None) -> None:
        """Tell which levels show another quantity, all with one given id or each with its own."""
        for side in (self.book.bids, self.book.asks):
            for price, quantity in side.changes():
                self.book.update_id = update_id or self.book.update_id + 1
                self._log.append(
                    LevelChanged(
                        self.market.name,
                        side.side,
                        price,
                        quantity,
                        self.book.update_id,
                        self.now_ns,
                    )
                )

    # How an order works.

    def _work(self, order: LiveOrder) -> None:
        order.working_ns = self.now_ns
        force = order.request.time_in_force
        if force is TimeInForce.FOK and not self._fills_whole(order):
            self.expire(order, ExpiryReason.UNFILLED_FOK)
            return
        self._match(order)
        if not order.status.is_open:
            return
        if order.price is None:
            self.expire(order, ExpiryReason.NO_LIQUIDITY)
        elif force is TimeInForce.GTC:
            self.book.own(order).add(order)
        else:
            self.expire(order, ExpiryReason.UNFILLED_IOC)

    def _fills_whole(self, order: LiveOrder) -> bool:
        planned = plan(self.book, self.market, order.request, order.account, order.quantity)
        return planned.traded == order.quantity

    def _match(self, order: LiveOrder) -> None:
        side = self.book.against(order)
        prevention = order.request.self_trade_prevention
        group = order.account.group
        while remaining := order.remaining:
            level = side.best()
            if level is None or not side.is_crossed_by(order.price, level.price):
                return
            maker = level.first()
            quantity = min(remaining, maker.visible)
            if prevention is not SelfTradePrevention.NONE and maker.account.group == group:
                self._prevent(order, maker, quantity)
            else:
                self._trade(order, maker, quantity)

    def _trade(self, taker: LiveOrder, maker: LiveOrder, quantity: Decimal) -> None:
        price = maker.price
        assert price is not None
        trade = Trade(
            market=self.market.name,
            trade_id=self.records.next_trade_id(),
            price=price,
            quantity=quantity,
            taker_side=taker.side,
            time_ns=self.now_ns,
            taker_order_id=taker.order_id,
            maker_order_id=maker.order_id,
        )
        for order in (taker, maker):
            order.executed += quantity
            order.cumulative_quote += price * quantity
            order.updated_ns = self.now_ns
            order.status = OrderStatus.PARTIALLY_FILLED if order.remaining else OrderStatus.FILLED
        self.book.own(maker).reduce(maker, quantity)
        self._fill(taker, trade, is_maker=False)
        self._fill(maker, trade, is_maker=True)
        self.record(trade)
        for order in (taker, maker):
            self._after_trade(order)

    def _fill(self, order: LiveOrder, trade: Trade, *, is_maker: bool) -> None:
        fill = self._settlement.settle(order, trade, self.market, is_maker=is_maker)
        if not order.account.is_synthetic:
            self.records.add_fill(fill)
            self._log.append(OrderTraded(order.view(), fill, self.now_ns))

    def _after_trade(self, order: LiveOrder) -> None:
        self._expire_rivals(order)
        if order.status is not OrderStatus.FILLED:
            return
        self._put_away(order)
        if order.live_list is not None and order.live_list.pending_on(order):
            self._activated.append(order.live_list)
        self._finish_list(order.live_list)

    def _prevent(self, taker: LiveOrder, maker: LiveOrder, overlap: Decimal) -> None:
        """Take quantity from two orders of one owner instead of trading."""
        mode = taker.request.self_trade_prevention
        losses = {
            SelfTradePrevention.EXPIRE_TAKER: (taker.remaining, ZERO),
            SelfTradePrevention.EXPIRE_MAKER: (ZERO, maker.remaining),
            SelfTradePrevention.EXPIRE_BOTH: (taker.remaining, maker.remaining),
            SelfTradePrevention.DECREMENT: (overlap, overlap),
        }[mode]
        price = maker.price
        assert price is not None
        prevented = PreventedMatch(
            market=self.market.name,
            prevented_match_id=self.records.next_prevented_id(),
            taker_order_id=taker.order_id,
            maker_order_id=maker.order_id,
            price=price,
            taker_prevented=losses[0],
            maker_prevented=losses[1],
            time_ns=self.now_ns,
        )
        if not taker.account.is_synthetic:
            self.records.prevented.append(prevented)
        for order, lost in zip((taker, maker), losses, strict=True):
            if lost:
                self._lose(order, lost, prevented)

    def _lose(self, order: LiveOrder, lost: Decimal, prevented: PreventedMatch) -> None:
        order.prevented += lost
        order.prevented_match_id = prevented.prevented_match_id
        order.updated_ns = self.now_ns
        if order.is_resting:
            self.book.own(order).reduce(order, min(lost, order.visible))
        order.reservation.change(order.order_id, order.need())
        if not order.account.is_synthetic:
            self._log.append(OrderPrevented(order.view(), prevented, lost, self.now_ns))
        if not order.remaining:
            self.expire(order, ExpiryReason.SELF_TRADE, OrderStatus.EXPIRED_IN_MATCH)

    # How an order ends.

    def cancel(self, order: LiveOrder, new_client_order_id: str | None = None) -> None:
        """End an order for its owner, and its whole list with it."""
        together = [order]
        if order.live_list is not None:
            together = [leg for leg in order.live_list.legs if leg.status.is_open]
        for leg in together:
            previous = leg.client_order_id
            self._close(leg, OrderStatus.CANCELED)
            if new_client_order_id is not None:
                self.records.rename(leg, new_client_order_id)
            if not leg.account.is_synthetic:
                self._log.append(OrderCanceled(leg.view(), previous, self.now_ns))
        self._finish_list(order.live_list)

    def expire(
        self,
        order: LiveOrder,
        reason: ExpiryReason,
        status: OrderStatus = OrderStatus.EXPIRED,
    ) -> None:
        """End an order for the exchange, and the legs that fall with it."""
        order.expiry_reason = reason
        self._close(order, status)
        if not order.account.is_synthetic:
            self._log.append(OrderExpired(order.view(), self.now_ns))
        if order.live_list is not None:
            fallen, why = order.live_list.falls_with(order)
            for leg in fallen:
                if leg.status.is_open:
                    self.expire(leg, why)
            self._finish_list(order.live_list)

    def _close(self, order: LiveOrder, status: OrderStatus) -> None:
        order.status = status
        order.updated_ns = self.now_ns
        self._put_away(order)

    def _put_away(self, order: LiveOrder) -> None:
        if order.is_resting:
            self.book.own(order).remove(order)
        elif order.is_waiting:
            self.triggers.remove(order)
        order.reservation.change(order.order_id, ZERO)
        self.records.close(order)

    def _expire_rivals(self, order: LiveOrder) -> None:
        if order.live_list is not None:
            for rival in order.live_list.rivals(order):
                self.expire(rival, ExpiryReason.OCO_TRIGGER)

    def _finish_list(self, live_list: LiveList | None) -> None:
        if live_list is None or live_list.status is ListStatus.ALL_DONE or not live_list.is_done:
            return
        live_list.status = ListStatus.ALL_DONE
        live_list.updated_ns = self.now_ns
        self.tell_list(live_list)

    def tell_list(self, live_list: LiveList) -> None:
        """Tell the owner where a list stands."""
        self._log.append(ListChanged(live_list.view(), self.now_ns))

    # What waits its turn.

    def _trigger(self, order: LiveOrder) -> None:
        if not order.status.is_open:  # the other leg of its list was quicker
            return
        self._expire_rivals(order)
        order.updated_ns = order.working_ns = self.now_ns
        if not order.account.is_synthetic:
            self._log.append(OrderTriggered(order.view(), self.now_ns))
        if order.price is not None:
            self._work(order)
            return
        order.reservation.change(order.order_id, ZERO)
        try:
            agreed = market_terms(
                self.book, self.market, order.request, order.account, order.quantity
            )
            refuse_unpaid(order.account, order.reservation.asset, agreed.amount(order.side))
        except Rejection as refused:
            is_alone = refused.reason is RejectReason.NO_LIQUIDITY
            self.expire(order, ExpiryReason.NO_LIQUIDITY if is_alone else ExpiryReason.REJECTED)
            return
        self.reserve(order, agreed)
        self._work(order)

    def _activate(self, live_list: LiveList) -> None:
        legs = live_list.pending_on(live_list.legs[0])
        if not legs:  # canceled or expired since
            return
        try:
            agreed = [self.terms(leg.request, leg.account, leg.quantity) for leg in legs]
            for leg, wanted in zip(legs, agreed, strict=True):
                refuse_unpaid(leg.account, leg.reservation.asset, wanted.amount(leg.side))
        except Rejection:
            for leg in legs:
                if leg.status.is_open:
                    self.expire(leg, ExpiryReason.REJECTED)
            return
        for leg, wanted in zip(legs, agreed, strict=True):
            leg.status = OrderStatus.NEW
            leg.updated_ns = self.now_ns
            self.reserve(leg, wanted)
            self._log.append(OrderActivated(leg.view(), self.now_ns))
        self.begin_all(legs)

    def begin_all(self, legs: list[LiveOrder]) -> None:
        """Begin legs together: stops wait already when the limit leg, trading, ends them."""
        for leg in sorted(legs, key=lambda leg: not leg.request.type.is_conditional):
            if leg.status.is_open:
                self.begin(leg)
