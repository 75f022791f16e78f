"""The life of orders: accepted, brought to the book, filled, edited, canceled, ended.

An order is accepted before anything has happened to it, and reaches the matching engine a moment
later; cancels and edits wait in the same way.
Source: Coinbase "Create Order", "Cancel Orders", "Edit Order", "Order Management", 2026-06.
"""

import random
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from venuekit.sim.engine import Engine
from venuekit.sim.events import (
    Event,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderTraded,
    OrderTriggered,
)
from venuekit.sim.money import exact
from venuekit.sim.orders import (
    ExpiryReason,
    Fill,
    ListKind,
    ListRequest,
    Order,
    OrderStatus,
    Rejection,
    RejectReason,
    Side,
)
from venuekit_coinbase.sim.configurations import Draft
from venuekit_coinbase.sim.edits import EditRefused, edited, only_shrinks
from venuekit_coinbase.sim.legs import bracket_of, leg_of
from venuekit_coinbase.sim.purse import Purse, funds_of
from venuekit_coinbase.sim.records import EditRecord, FillRecord, OrderRecord, Status
from venuekit_coinbase.sim.refusals import UNKNOWN, OrderRefused
from venuekit_coinbase.sim.settings import BehaviorSettings
from venuekit_coinbase.sim.wire import SECOND_NS, new_uuid

if TYPE_CHECKING:
    from venuekit_coinbase.sim.venue import Venue

_ZERO: Final = Decimal(0)
Later = Callable[[int, Callable[[int], None]], None]


class OrderDesk:
    """All orders of the exchange."""

    def __init__(
        self,
        venue: "Venue",
        engine: Engine,
        rng: random.Random,
        behavior: BehaviorSettings,
        later: Later,
    ) -> None:
        """Begin without orders.

        Args:
            venue: Who carries the engine's news around, and tells owners.
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
        self._by_client: dict[tuple[str, str], OrderRecord] = {}
        self._by_leg: dict[str, OrderRecord] = {}
        self._fills = 0

    # Looking up.

    def find(self, account: str, order_id: object) -> OrderRecord | None:
        """Give an order of an account."""
        record = self.records.get(order_id) if isinstance(order_id, str) else None
        return record if record is not None and record.account == account else None

    def named(self, account: str, client_order_id: str) -> OrderRecord | None:
        """Give the order that was created under a client's name."""
        return self._by_client.get((account, client_order_id))

    def of(self, account: str) -> list[OrderRecord]:
        """Give all orders of an account, oldest first."""
        return list(self._by_account.get(account, ()))

    # Judging.

    @exact
    def check(
        self, account: str, draft: Draft, *, filled: Decimal = _ZERO, back: Decimal = _ZERO
    ) -> None:
        """Refuse an order that could not be placed now.

        Args:
            account: Who wants it.
            draft: What is wanted.
            filled: What of it is done.
            back: What the account would get back first, of the asset that the order pays with.

        Raises:
            OrderRefused: For want of funds, liquidity, or room for its prices.
        """
        book = draft.listing.spec.product_id
        _check_last_price(draft, self._venue.last_price(book))
        bid, ask = self._venue.top(book)
        best = ask if draft.side is Side.BUY else bid
        if draft.limit_price is None and not best:
            raise OrderRefused(
                "INVALID_NO_LIQUIDITY", "PREVIEW_INVALID_NO_LIQUIDITY", "No liquidity"
            )
        if draft.post_only and best and draft.limit_price is not None:
            is_buy = draft.side is Side.BUY
            if draft.limit_price >= best if is_buy else draft.limit_price <= best:
                raise OrderRefused(
                    "INVALID_LIMIT_PRICE_POST_ONLY",
                    "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY",
                    "The post-only order would take",
                )
        available = self.purse.available(account, draft.pays_with) + back
        if available < self.purse.need(draft, filled).total:
            raise OrderRefused(
                "INSUFFICIENT_FUND",
                "PREVIEW_INSUFFICIENT_FUND",
                "Insufficient balance in source account",
            )

    # Creating.

    def create(
        self, account: str, user_id: str, client_order_id: str, draft: Draft, now_ns: int
    ) -> OrderRecord:
        """Accept an order; it reaches the book a moment later.

        Raises:
            OrderRefused: It could not be placed now, and the exchange says so at once.
        """
        if not self._behavior.refuses_late:
            self.check(account, draft)
        record = OrderRecord(
            order_id=new_uuid(self._rng),
            client_order_id=client_order_id,
            number=len(self.records) + 1,
            account=account,
            user_id=user_id,
            draft=draft,
            created_ns=now_ns,
            updated_ns=now_ns,
        )
        self.purse.take(record, now_ns)
        self.records[record.order_id] = record
        self._by_account.setdefault(account, []).append(record)
        self._by_client[account, client_order_id] = record
        self._venue.tell_order(record, now_ns)
        self._soon(self._behavior.accept_delay_s, lambda at_ns: self._arrive(record, at_ns), now_ns)
        if draft.end_ns is not None:
            self._later(draft.end_ns, lambda at_ns: self._end(record, at_ns))
        return record

    def _soon(self, delay_s: float, action: Callable[[int], None], now_ns: int) -> None:
        if delay_s > 0:
            self._later(now_ns + round(delay_s * SECOND_NS), action)
        else:
            action(now_ns)

    def _arrive(self, record: OrderRecord, now_ns: int) -> None:
        """Bring an accepted order to the book."""
        if record.status.is_terminal:
            return
        self.purse.release(record, now_ns)
        self._place(record, now_ns)
        self._venue.settle(now_ns)

    def _place(self, record: OrderRecord, now_ns: int) -> None:
        """Give the matching engine what is not filled of an order that it does not have."""
        try:
            self.purse.lodge(record, now_ns)
            if record.draft.is_bracket:
                legs = bracket_of(record, (self._new_leg(record), self._new_leg(record)))
                record.legs = [leg.client_order_id for leg in legs]
                request = ListRequest(kind=ListKind.OCO, legs=legs, list_client_id=record.legs[0])
                self._engine.place_list(request, now_ns)
            else:
                leg = leg_of(record, self._new_leg(record))
                record.legs = [leg.client_order_id]
                self._engine.place(leg, now_ns)
        except Rejection as refused:
            self._fail(record, refused, now_ns)

    def _new_leg(self, record: OrderRecord) -> str:
        record.leg_count += 1
        name = f"{record.order_id}/{record.leg_count}"
        self._by_leg[name] = record
        return name

    def _fail(self, record: OrderRecord, refused: Rejection, now_ns: int) -> None:
        """End an accepted order that the book did not take."""
        match refused.reason:
            case RejectReason.INSUFFICIENT_BALANCE:
                record.reject_reason = "REJECT_REASON_INSUFFICIENT_FUNDS"
                record.reject_message = "Insufficient balance in source account"
                status = Status.FAILED
            case RejectReason.WOULD_MATCH | RejectReason.NO_LIQUIDITY:
                record.cancel_message = refused.reason.value
                status = Status.CANCELLED
            case _:
                record.reject_message = refused.reason.value
                status = Status.FAILED
        self._close(record, status, now_ns)

    def _close(self, record: OrderRecord, status: Status, now_ns: int) -> None:
        self.purse.release(record, now_ns)
        for leg in record.legs:
            self._by_leg.pop(leg, None)
        record.status, record.updated_ns = status, now_ns
        self._venue.tell_order(record, now_ns)

    # What the matching engine tells.

    def absorb(self, events: Iterable[Event], now_ns: int) -> None:
        """Follow what happened to the legs of orders."""
        touched: dict[str, OrderRecord] = {}
        for event in events:
            match event:
                case (
                    OrderAccepted()
                    | OrderTraded()
                    | OrderTriggered()
                    | OrderCanceled()
                    | OrderExpired()
                    | OrderAmended()
                ):
                    record = self._by_leg.get(event.order.client_order_id)
                case _:
                    record = None
            if record is None:
                continue
            touched[record.order_id] = record
            if isinstance(event, OrderTraded):
                self._fill(record, event.fill, now_ns)
            elif isinstance(event, OrderTriggered):
                record.is_triggered = True
        for record in touched.values():
            self.refresh(record, now_ns)

    @exact
    def _fill(self, record: OrderRecord, fill: Fill, now_ns: int) -> None:
        commission = self.purse.settle(record, fill, now_ns)
        record.filled += fill.quantity
        record.value += fill.quote_quantity
        record.fees += commission
        record.updated_ns = now_ns
        self._fills += 1
        record.fills.append(
            FillRecord(
                entry_id=new_uuid(self._rng),
                trade_id=new_uuid(self._rng),
                number=self._fills,
                at_ns=fill.time_ns,
                price=fill.price,
                size=fill.quantity,
                value=fill.quote_quantity,
                commission=commission,
                is_maker=fill.is_maker,
            )
        )

    @exact
    def refresh(self, record: OrderRecord, now_ns: int) -> None:
        """Compare an order with its legs, and tell the owner where it stands."""
        if record.status.is_terminal or not record.legs:
            return
        views = [self._view(record, leg) for leg in record.legs]
        if not any(view.status.is_open for view in views):
            self._close(record, _ending(record, views), now_ns)
            return
        if record.status is Status.PENDING:
            record.status = Status.OPEN
        if record.draft.side is Side.BUY:
            keep = record.draft.highest_price * record.leaves
            self.purse.release(record, now_ns, keep=keep)
        record.updated_ns = now_ns
        self._venue.tell_order(record, now_ns)

    def _view(self, record: OrderRecord, leg: str) -> Order:
        market = record.draft.listing.spec.product_id
        return self._engine.order(record.account, market, client_order_id=leg)

    # Canceling and ending.

    def cancel(self, account: str, order_id: str, now_ns: int) -> str | None:
        """Begin to cancel an order; give the reason if that is refused."""
        record = self.find(account, order_id)
        if record is None:
            return "UNKNOWN_CANCEL_ORDER"
        match record.status:
            case Status.FILLED:
                return "ORDER_IS_FULLY_FILLED"
            case Status.CANCELLED | Status.CANCEL_QUEUED:
                return "DUPLICATE_CANCEL_REQUEST"
            case Status.EXPIRED | Status.FAILED:
                return "UNKNOWN_CANCEL_ORDER"
            case Status.PENDING | Status.OPEN | Status.EDIT_QUEUED:
                pass
        record.status, record.updated_ns = Status.CANCEL_QUEUED, now_ns
        self._venue.tell_order(record, now_ns)
        delay_s = self._behavior.cancel_delay_s
        self._soon(delay_s, lambda at_ns: self._take_out(record, at_ns), now_ns)
        return None

    def _end(self, record: OrderRecord, now_ns: int) -> None:
        """Let an order whose end time has come expire."""
        record.has_ended = True
        self._take_out(record, now_ns)

    def _take_out(self, record: OrderRecord, now_ns: int) -> None:
        """Take an order out of the book, or stop it on its way there."""
        if record.status.is_terminal:
            return
        if not record.legs:
            ending = Status.EXPIRED if record.has_ended else Status.CANCELLED
            self._close(record, ending, now_ns)
            return
        self._cancel_legs(record, now_ns)
        self._venue.settle(now_ns)

    def _cancel_legs(self, record: OrderRecord, now_ns: int) -> None:
        leg = next(leg for leg in record.legs if self._view(record, leg).status.is_open)
        market = record.draft.listing.spec.product_id
        self._engine.cancel(record.account, market, now_ns, client_order_id=leg)

    # Editing.

    def edited(
        self, account: str, order_id: object, price: object, size: object, stop: object
    ) -> tuple[OrderRecord, Draft]:
        """Give an order and what it would become.

        Raises:
            EditRefused: It cannot become that.
        """
        record = self.find(account, order_id)
        if record is None:
            raise EditRefused("ORDER_NOT_FOUND")
        wanted = edited(record, price, size, stop)
        try:
            self.check(account, wanted, filled=record.filled, back=funds_of(record))
        except OrderRefused as refused:
            raise EditRefused("UNKNOWN_EDIT_ORDER_FAILURE_REASON", refused.preview) from None
        return record, wanted

    def edit(self, record: OrderRecord, wanted: Draft, now_ns: int) -> None:
        """Begin to change an order that may become `wanted`."""
        record.status, record.updated_ns = Status.EDIT_QUEUED, now_ns
        self._venue.tell_order(record, now_ns)
        delay_s = self._behavior.edit_delay_s
        self._soon(delay_s, lambda at_ns: self._replace(record, wanted, at_ns), now_ns)

    def _replace(self, record: OrderRecord, wanted: Draft, now_ns: int) -> None:
        """Change an order, if it is still there and still may become that."""
        if record.status is not Status.EDIT_QUEUED:
            return
        record.status = Status.OPEN
        size, price = wanted.base_size, wanted.limit_price
        assert size is not None
        assert price is not None
        try:
            self.check(record.account, wanted, filled=record.filled, back=funds_of(record))
        except OrderRefused:
            size = _ZERO
        if size <= record.filled:
            self.refresh(record, now_ns)  # what has happened meanwhile leaves the order as it is
            return
        record.edits.append(EditRecord(price=price, size=size, at_ns=now_ns))
        if only_shrinks(record.draft, wanted):
            self._shrink(record, wanted, now_ns)
        else:
            self._cancel_legs(record, now_ns)
            self.purse.release(record, now_ns)
            record.draft = wanted
            self._place(record, now_ns)
        self._venue.settle(now_ns)

    @exact
    def _shrink(self, record: OrderRecord, wanted: Draft, now_ns: int) -> None:
        """Make an order smaller; it keeps its place."""
        leg, before = record.legs[0], record.draft
        assert before.base_size is not None
        assert wanted.base_size is not None
        quantity = self._view(record, leg).quantity - (before.base_size - wanted.base_size)
        record.draft = wanted
        market = wanted.listing.spec.product_id
        self._engine.amend(record.account, market, quantity, now_ns, client_order_id=leg)


def _check_last_price(draft: Draft, last: Decimal | None) -> None:
    """Refuse stops and brackets that the last trade has already reached."""
    if draft.stop_price is None or last is None:
        return
    is_up = draft.is_stop_up
    if draft.stop_price <= last if is_up else draft.stop_price >= last:
        side = "BELOW" if is_up else "ABOVE"
        raise OrderRefused(UNKNOWN, f"PREVIEW_STOP_PRICE_{side}_LAST_TRADE_PRICE", "Stop price")
    if draft.is_bracket and draft.limit_price is not None:
        is_buy = draft.side is Side.BUY
        if draft.limit_price >= last if is_buy else draft.limit_price <= last:
            raise OrderRefused(
                "INVALID_LIMIT_PRICE", "PREVIEW_INVALID_LIMIT_PRICE", "Bracket price"
            )


def _ending(record: OrderRecord, views: Iterable[Order]) -> Status:
    """Say how an order ended whose legs have all ended."""
    for view in views:
        if view.status is OrderStatus.FILLED:
            return Status.FILLED
        if view.status is OrderStatus.CANCELED:
            return Status.EXPIRED if record.has_ended else Status.CANCELLED
        if view.expiry_reason is ExpiryReason.REJECTED:
            record.reject_reason = "REJECT_REASON_INSUFFICIENT_FUNDS"
            return Status.FAILED
    return Status.CANCELLED
