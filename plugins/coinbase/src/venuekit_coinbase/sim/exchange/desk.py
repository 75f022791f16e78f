"""The life of orders: pending, brought to the book, filled, canceled, forgotten.

Source: Coinbase Exchange docs, "Create order", "Cancel an order", "Get an order", 2026-06. An
answer to a new order comes before it is matched; a repeated `client_oid` makes a second order.
"""

import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from venuekit.sim.engine import Engine
from venuekit.sim.events import (
    Event,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderPrevented,
    OrderTraded,
    OrderTriggered,
    TradePrinted,
)
from venuekit.sim.money import exact
from venuekit.sim.orders import (
    Fill,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Rejection,
    RejectReason,
    Side,
    TimeInForce,
)
from venuekit_coinbase.sim.exchange.drafts import LASTS_S
from venuekit_coinbase.sim.exchange.purse import Purse, net_of_fees
from venuekit_coinbase.sim.exchange.records import (
    CLIENT,
    Draft,
    FillRecord,
    OrderRecord,
    Status,
)
from venuekit_coinbase.sim.exchange.refusals import bad, order_not_found
from venuekit_coinbase.sim.exchange.settings import BehaviorSettings
from venuekit_coinbase.sim.wire import SECOND_NS, new_uuid

if TYPE_CHECKING:
    from venuekit_coinbase.sim.exchange.feed import Feed
    from venuekit_coinbase.sim.exchange.venue import Venue

_FORCES: Final = {"IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_REASONS: Final = {
    RejectReason.INSUFFICIENT_BALANCE: "insufficient funds",
    RejectReason.WOULD_MATCH: "post only",
    RejectReason.WOULD_TRIGGER: "stop price reached",
    RejectReason.NO_LIQUIDITY: "no liquidity",
}
"""Texts of `reject_reason`; ours, since none is documented."""


class OrderDesk:
    """All orders of the exchange."""

    def __init__(
        self,
        venue: "Venue",
        engine: Engine,
        rng: random.Random,
        behavior: BehaviorSettings,
        later: Callable[[int, Callable[[int], None]], None],
    ) -> None:
        """Begin without orders.

        Args:
            venue: Where products are, and who settles.
            engine: Where orders are matched.
            rng: For identifiers.
            behavior: Delays, and what is refused when.
            later: Lets something happen at a time.
        """
        self.purse = Purse(engine, venue.worth)
        self.records: dict[str, OrderRecord] = {}
        self._venue = venue
        self._engine = engine
        self._rng = rng
        self._behavior = behavior
        self._later = later
        self._by_account: dict[str, list[OrderRecord]] = {}
        self._by_engine: dict[tuple[str, int], OrderRecord] = {}
        self._fills = 0

    # Looking up.

    def of(self, account: str) -> list[OrderRecord]:
        """Give all orders of an account, the forgotten ones too, oldest first."""
        return list(self._by_account.get(account, ()))

    def find(self, account: str, name: str) -> OrderRecord:
        """Give an order by its id or by `client:` and the client's id.

        Of several with one client's id the newest one is meant; nothing is documented about it.

        Raises:
            Refusal: Unknown, or forgotten (404).
        """
        records = self._by_account.get(account, ())
        if name.startswith(CLIENT):
            oid = name.removeprefix(CLIENT)
            found = [record for record in records if record.draft.client_oid == oid]
        else:
            found = [record for record in records if record.id == name]
        if not found or found[-1].is_forgotten:
            raise order_not_found()
        return found[-1]

    def owner(self, book: str, engine_id: int | None) -> OrderRecord | None:
        """Give the order of an account that the matching engine knows by a number."""
        return None if engine_id is None else self._by_engine.get((book, engine_id))

    def view(self, record: OrderRecord) -> Order:
        """Give an order as the matching engine has it."""
        return self._engine.order(record.account, record.product_id, client_order_id=record.id)

    # Creating.

    def create(self, account: str, draft: Draft, now_ns: int) -> OrderRecord:
        """Accept an order; it reaches the book a moment later.

        Raises:
            Refusal: It could not be placed now, and the exchange says so at once (400).
        """
        self._check_count(account, draft)
        if not self._behavior.refuses_late:
            self._check(account, draft)
        record = OrderRecord(
            id=new_uuid(self._rng),
            number=len(self.records) + 1,
            account=account,
            draft=draft,
            created_ns=now_ns,
        )
        self.records[record.id] = record
        self._by_account.setdefault(account, []).append(record)
        self.purse.hold(record, now_ns)
        delay_ns = round(self._behavior.accept_delay_s * SECOND_NS)
        self._later(now_ns + delay_ns, lambda at_ns: self._arrive(record, at_ns))
        if draft.cancel_after:
            end_ns = now_ns + LASTS_S[draft.cancel_after] * SECOND_NS
            self._later(end_ns, lambda at_ns: self._take_out(record, at_ns))
        return record

    def _check_count(self, account: str, draft: Draft) -> None:
        most = self._venue.limits.settings.open_orders
        count = sum(
            not record.status.is_terminal and record.product_id == draft.spec.product_id
            for record in self._by_account.get(account, ())
        )
        if most is not None and count >= most:
            raise bad("Too many open orders")  # the text is ours

    def _check(self, account: str, draft: Draft) -> None:
        book = draft.spec.product_id
        best = self._venue.best(book, draft.side.opposite)
        last = self._engine.last_trade(book)
        if draft.stop_price is not None and last is not None:
            is_up = draft.stop == "entry"
            if draft.stop_price <= last.price if is_up else draft.stop_price >= last.price:
                raise bad("stop price has been reached already")  # ours, as the two below
        if draft.price is None and best is None:
            raise bad("no liquidity")
        if draft.post_only and best is not None and draft.price is not None:
            is_buy = draft.side is Side.BUY
            if draft.price >= best if is_buy else draft.price <= best:
                raise bad("post only: the order would take liquidity")
        if not self.purse.can_pay(account, draft):
            raise bad("Insufficient funds")

    # The way to the book.

    def _arrive(self, record: OrderRecord, now_ns: int) -> None:
        """Bring an accepted order to the book."""
        if record.status.is_terminal:
            return
        record.status = Status.ACTIVE if record.draft.stop else Status.OPEN
        try:
            self.purse.lodge(record, now_ns)
            record.is_in_engine = True
            self._engine.place(_request(record), now_ns)
        except Rejection as refused:
            record.is_in_engine = False
            record.reject_reason = _REASONS.get(refused.reason, refused.reason.value)
            self._finish(record, Status.REJECTED, "", now_ns)
        self._venue.settle(now_ns)

    # Ending.

    def cancel(self, record: OrderRecord, now_ns: int) -> None:
        """Cancel an order.

        Raises:
            Refusal: It is done already (400).
        """
        if record.status.is_terminal:
            raise bad("Order already done")
        delay_s = self._behavior.cancel_delay_s
        if delay_s:
            at_ns = now_ns + round(delay_s * SECOND_NS)
            self._later(at_ns, lambda at_ns: self._take_out(record, at_ns))
        else:
            self._take_out(record, now_ns)

    def _take_out(self, record: OrderRecord, now_ns: int) -> None:
        """Take an order out of the book, or stop it on its way there."""
        if record.status.is_terminal:
            return
        if record.is_in_engine:
            book = record.product_id
            self._engine.cancel(record.account, book, now_ns, client_order_id=record.id)
        else:
            self._finish(record, Status.DONE, "canceled", now_ns)
            self._venue.feed.done(record, now_ns)
        self._venue.settle(now_ns)

    def _finish(self, record: OrderRecord, status: Status, reason: str, now_ns: int) -> None:
        self.purse.release(record, now_ns)
        record.status, record.done_reason, record.done_ns = status, reason, now_ns

    # What the matching engine tells.

    @exact
    def absorb(self, events: Sequence[Event], feed: "Feed", now_ns: int) -> None:
        """Follow what happened to orders, and tell it in the order of the full channel."""
        working: dict[str, OrderRecord] = {}
        filled: list[OrderRecord] = []
        for event in events:
            if isinstance(event, TradePrinted):
                feed.matched(event.trade, now_ns)
                for done in filled:
                    feed.done(done, now_ns)
                filled.clear()
                continue
            record = self._record(event)
            if record is None:
                continue
            match event:
                case OrderAccepted():
                    self._by_engine[record.product_id, event.order.order_id] = record
                    self._begin(record, working, feed, now_ns, is_waiting=bool(record.draft.stop))
                case OrderTriggered():
                    self._begin(record, working, feed, now_ns, is_waiting=False)
                case OrderTraded():
                    self._fill(record, event.fill, now_ns)
                    if event.order.status is OrderStatus.FILLED:
                        self._finish(record, Status.DONE, "filled", now_ns)
                        filled.append(record)
                case OrderPrevented():
                    record.prevented += event.prevented
                    if record.id not in working and event.order.status.is_open:
                        feed.changed(record, event.prevented, now_ns)
                case OrderCanceled() | OrderExpired():
                    # Funds that are spent but for less than one step of size are filled.
                    is_spent = record.draft.funds is not None and bool(record.fills)
                    reason = "filled" if is_spent else "canceled"
                    self._finish(record, Status.DONE, reason, now_ns)
                    feed.done(record, now_ns)
                case _:
                    pass
        for record in working.values():
            if record.status is Status.OPEN:
                feed.opened(record, now_ns)

    def _record(self, event: Event) -> OrderRecord | None:
        """Give the order that an event is about."""
        order = getattr(event, "order", None)
        return None if order is None else self.records.get(order.client_order_id)

    def _begin(
        self,
        record: OrderRecord,
        working: dict[str, OrderRecord],
        feed: "Feed",
        now_ns: int,
        *,
        is_waiting: bool,
    ) -> None:
        """Tell that an order is about to be matched, or waits for its stop price."""
        if is_waiting:
            feed.activated(record, now_ns)
            return
        record.status = Status.OPEN
        feed.received(record, now_ns)
        working[record.id] = record

    @exact
    def _fill(self, record: OrderRecord, fill: Fill, now_ns: int) -> None:
        fee = self.purse.settle(record, fill, now_ns)
        record.filled += fill.quantity
        record.value += fill.quote_quantity
        record.fees += fee
        self._fills += 1
        record.fills.append(
            FillRecord(
                number=self._fills,
                trade_id=fill.trade_id,
                price=fill.price,
                size=fill.quantity,
                value=fill.quote_quantity,
                fee=fee,
                is_maker=fill.is_maker,
                at_ns=fill.time_ns,
            )
        )


def _request(record: OrderRecord) -> OrderRequest:
    """Write an order for the matching engine."""
    draft = record.draft
    kind = OrderType.LIMIT
    if draft.price is None:
        kind = OrderType.MARKET
    elif draft.stop:
        is_loss = (draft.stop == "entry") == (draft.side is Side.BUY)
        kind = OrderType.STOP_LOSS_LIMIT if is_loss else OrderType.TAKE_PROFIT_LIMIT
    funds = draft.funds
    if funds is not None and draft.side is Side.BUY:
        funds = net_of_fees(funds)
    return OrderRequest(
        account=record.account,
        market=record.product_id,
        side=draft.side,
        type=kind,
        client_order_id=record.id,
        quantity=draft.size,
        quote_quantity=funds,
        price=draft.price,
        stop_price=draft.stop_price,
        time_in_force=_FORCES.get(draft.time_in_force, TimeInForce.GTC),
        post_only=draft.post_only,
        display_quantity=_shown(draft),
        self_trade_prevention=draft.prevention,
    )


def _shown(draft: Draft) -> Decimal | None:
    if draft.max_floor is None or draft.size is None or draft.max_floor >= draft.size:
        return None
    return draft.max_floor
