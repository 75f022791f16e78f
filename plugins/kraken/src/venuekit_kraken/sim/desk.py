"""Placing, changing and ending orders, the same for REST and for the sockets.

Source: Kraken API Center, Add Order, Cancel Order, Cancel All Orders After X, Spot Trading Limits.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import attrs

from venuekit.sim.orders import (
    OrderRequest,
    OrderType,
    Rejection,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from venuekit_kraken.sim.drafts import (
    TRAILING,
    TRIGGERED,
    Draft,
    check_cost,
    check_draft,
    check_price,
    check_volume,
)
from venuekit_kraken.sim.limits import CANCEL_PENALTIES, penalty
from venuekit_kraken.sim.prices import PriceText
from venuekit_kraken.sim.records import Ticket, TradeRecord
from venuekit_kraken.sim.refusals import (
    DEADLINE_ELAPSED,
    INVALID_ORDER,
    INVALID_PRICE,
    NO_FUNDS,
    NOT_UNIQUE,
    POST_ONLY,
    UNKNOWN_ORDER,
    Refusal,
    invalid,
    refusal_from_rejection,
)
from venuekit_kraken.sim.wire import SECOND_NS
from venuekit_kraken.sim.world import PairSpec

if TYPE_CHECKING:
    from venuekit_kraken.sim.venue import Venue

_ZERO: Final = Decimal(0)
_TYPES: Final = {
    "limit": OrderType.LIMIT,
    "iceberg": OrderType.LIMIT,
    "market": OrderType.MARKET,
    "stop-loss": OrderType.STOP_LOSS,
    "stop-loss-limit": OrderType.STOP_LOSS_LIMIT,
    "take-profit": OrderType.TAKE_PROFIT,
    "take-profit-limit": OrderType.TAKE_PROFIT_LIMIT,
    "trailing-stop": OrderType.STOP_LOSS,
    "trailing-stop-limit": OrderType.STOP_LOSS_LIMIT,
}
_STP: Final = {
    "cancel-newest": SelfTradePrevention.EXPIRE_TAKER,
    "cancel-oldest": SelfTradePrevention.EXPIRE_MAKER,
    "cancel-both": SelfTradePrevention.EXPIRE_BOTH,
}
_TIMES: Final = {
    "GTC": TimeInForce.GTC,
    "GTD": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_LONGEST_SWITCH_S: Final = 86_400
_LATEST_DEADLINE_NS: Final = 60 * SECOND_NS
BATCH_LEAST: Final = 2
BATCH_MOST: Final = 15
CANCELS_MOST: Final = 50


class Desk:
    """The orders of all accounts."""

    def __init__(self, venue: "Venue", later: Callable[[int, Callable[[int], None]], None]) -> None:
        """Work for a venue.

        Args:
            venue: Where orders stand.
            later: Lets something happen at a time.
        """
        self.refuses_post_only = False
        """Whether a post-only order that would take is refused, instead of accepted and canceled:
        the exchange's documents know both."""
        self._venue = venue
        self._later = later
        venue.after_trades = self._after_trades

    # Before an order.

    def check_deadline(self, deadline_ns: int | None, soonest_ns: int, now_ns: int) -> None:
        """Refuse a deadline that has passed, or is nearer or further than it may be."""
        if deadline_ns is None:
            return
        ahead_ns = deadline_ns - self._venue.clock_ns(now_ns)
        if ahead_ns <= 0:
            raise Refusal(DEADLINE_ELAPSED)
        if not soonest_ns <= ahead_ns <= _LATEST_DEADLINE_NS:
            raise invalid("deadline")

    def charge(self, account: str, pair: PairSpec, cost: Fraction | int, now_ns: int) -> None:
        """Count a transaction of the engine, or refuse it."""
        self._venue.limits.charge_engine(account, pair.symbol, cost, now_ns)

    def judged(self, account: str, draft: Draft, now_ns: int) -> Ticket:
        """Make an order of a draft if it breaks no rule; it is not placed."""
        check_draft(draft, now_ns)
        ticket = self._ticket(account, draft, now_ns)
        last = self._venue.last_price(draft.pair)
        price = ticket.lock_price or last
        if not draft.is_in_quote:
            check_cost(draft.pair, price, draft.volume)
        elif price is not None and draft.volume < price * draft.pair.order_minimum:
            check_volume(draft.pair, _ZERO)
        for each in (ticket.limit_price, ticket.trigger_price):
            if each is not None:
                check_price(draft.pair, each)
        return ticket

    def _ticket(self, account: str, draft: Draft, now_ns: int) -> Ticket:
        ticket = Ticket(
            id=self._venue.ids.new("O"),
            account=account,
            draft=draft,
            created_ns=now_ns,
            touched_ns=now_ns,
            volume=draft.volume,
            display=draft.display,
            is_post_only=draft.is_post_only,
        )
        if draft.type in TRAILING:
            ticket.trail = draft.price
            ticket.extreme = self._reference(draft.pair)
            _follow(ticket)
        elif draft.type in TRIGGERED:
            ticket.trigger_price = self._fixed(draft, draft.price)
            ticket.limit_price = self._fixed(draft, draft.price2)
        else:
            ticket.limit_price = self._fixed(draft, draft.price)
        return ticket

    def _reference(self, pair: PairSpec) -> Decimal:
        last = self._venue.last_price(pair)
        if last is None:
            raise Refusal(INVALID_PRICE)
        return last

    def _fixed(self, draft: Draft, price: PriceText | None) -> Decimal | None:
        """Give a price of which the distance from the last trade is counted in."""
        if price is None or not price.is_relative:
            return None if price is None else price.value
        # The sign that `#` stands for: a better price, and for stops a worse one.
        is_better_below = (draft.side == "buy") != draft.type.startswith("stop")
        reference = self._reference(draft.pair)
        return price.resolved(reference, draft.pair.tick, "-" if is_better_below else "+")

    # Placing.

    def place(self, ticket: Ticket, now_ns: int) -> Ticket:
        """Place an order that was judged.

        Raises:
            Refusal: Its name is taken, there is one order too many, money is short, or the market
                does not allow it. Nothing has changed then.
        """
        venue, draft = self._venue, ticket.draft
        owner = venue.owners[ticket.account]
        is_market = draft.type == "market"
        venue.check_mode(draft.pair, is_post_only=ticket.is_post_only, is_market=is_market)
        self.check_name(ticket)
        if not is_market:
            venue.limits.check_open_orders(len(owner.open_of(draft.pair)) + 1)
        if draft.starts_ns > now_ns:
            owner.tickets[ticket.id] = owner.open[ticket.id] = ticket
            self._announce_scheduled(ticket, now_ns)
        else:
            self._enter(ticket, now_ns)
        if draft.expires_ns:
            self._later(draft.expires_ns, lambda at_ns: self._expire(ticket, at_ns))
        return ticket

    def check_name(self, ticket: Ticket) -> None:
        """Refuse a client's name that an open order has; closed orders may share it."""
        name = ticket.draft.cl_ord_id
        owner = self._venue.owners[ticket.account]
        if name is not None and any(
            one.draft.cl_ord_id is not None and one.draft.cl_ord_id.lower() == name.lower()
            for one in owner.open.values()
        ):
            raise Refusal(NOT_UNIQUE)

    def _announce_scheduled(self, ticket: Ticket, now_ns: int) -> None:
        self._venue.tell_scheduled(ticket, now_ns)
        self._later(ticket.draft.starts_ns, lambda at_ns: self._start(ticket, at_ns))

    def _start(self, ticket: Ticket, now_ns: int) -> None:
        if ticket.status != "pending":
            return
        try:
            self._enter(ticket, now_ns)
        except Refusal as refusal:
            self._venue.end(ticket, "canceled", refusal.text, now_ns)

    def _enter(self, ticket: Ticket, now_ns: int) -> None:
        """Hand an order to the engine."""
        venue, owner = self._venue, self._venue.owners[ticket.account]
        self._check_funds(ticket, ticket.remaining)
        if ticket.is_post_only and self._would_take(ticket):
            if self.refuses_post_only:
                raise Refusal(POST_ONLY)
            self._end_at_once(ticket, "Post only order", now_ns)
            return
        known = owner.tickets.get(ticket.id)
        owner.tickets[ticket.id] = owner.open[ticket.id] = ticket
        try:
            order = venue.engine.place(self._request(ticket, ticket.remaining), now_ns)
        except Rejection as rejection:
            if known is None:
                del owner.tickets[ticket.id], owner.open[ticket.id]
            if rejection.reason is RejectReason.NO_LIQUIDITY:
                self._end_at_once(ticket, "Insufficient liquidity", now_ns)
                return
            raise refusal_from_rejection(rejection) from None
        ticket.engine_id = order.order_id
        venue.absorb(now_ns)

    def _end_at_once(self, ticket: Ticket, reason: str, now_ns: int) -> None:
        owner = self._venue.owners[ticket.account]
        owner.tickets[ticket.id] = ticket
        self._venue.announce(ticket, now_ns)
        self._venue.end(ticket, "canceled", reason, now_ns)

    def _request(self, ticket: Ticket, volume: Decimal, *, is_again: bool = False) -> OrderRequest:
        draft = ticket.draft
        labels: dict[str, object] = {"txid": ticket.id}
        if is_again:
            labels["again"] = True
        return OrderRequest(
            account=ticket.account,
            market=draft.pair.symbol,
            side=Side.BUY if ticket.is_buy else Side.SELL,
            type=_TYPES[draft.type],
            # The engine's names are our own: the exchange's rule for clients' names is another.
            client_order_id=f"{ticket.id}/{len(ticket.amends)}/{ticket.trigger_price}",
            quantity=None if draft.is_in_quote else volume,
            quote_quantity=draft.volume if draft.is_in_quote else None,
            price=ticket.limit_price,
            stop_price=ticket.trigger_price,
            time_in_force=_TIMES[draft.time_in_force],
            display_quantity=ticket.display,
            self_trade_prevention=_STP[draft.stp],
            labels=labels,
        )

    def _would_take(self, ticket: Ticket) -> bool:
        ask, bid = self._venue.top(ticket.pair.symbol)
        assert ticket.limit_price is not None
        if ticket.is_buy:
            return ask is not None and ticket.limit_price >= ask[0]
        return bid is not None and ticket.limit_price <= bid[0]

    def _check_funds(self, ticket: Ticket, volume: Decimal, *, freed: Decimal = _ZERO) -> None:
        """Refuse what cannot be paid with its fee; `freed` is what its older version holds."""
        venue, pair = self._venue, ticket.pair
        owner = venue.owners[ticket.account]
        if not ticket.is_buy:
            if venue.spendable(owner.name, pair.base.symbol) + freed < volume:
                raise Refusal(NO_FUNDS)
            return
        cost = self._cost(ticket, volume)
        need = cost * (1 + owner.taker_fee)
        if venue.spendable(owner.name, pair.quote.symbol) + freed < need:
            raise Refusal(NO_FUNDS)

    def _cost(self, ticket: Ticket, volume: Decimal) -> Decimal:
        if ticket.draft.is_in_quote:
            return ticket.draft.volume
        if ticket.lock_price is not None:
            return ticket.lock_price * volume
        asks, _ = self._venue.book(ticket.pair.symbol, None)
        cost = _ZERO
        for price, quantity in asks:
            part = min(volume, quantity)
            cost += part * price
            volume -= part
            if not volume:
                break
        return cost

    def freed(self, ticket: Ticket) -> Decimal:
        """Give what ending an order would make spendable, of the asset that it pays with."""
        if ticket.engine_id is None:
            return _ZERO
        if not ticket.is_buy:
            return ticket.remaining
        fee = self._venue.owners[ticket.account].taker_fee
        return (ticket.lock_price or _ZERO) * ticket.remaining * (1 + fee)

    def replace(self, old: Ticket, new: Ticket, now_ns: int) -> None:
        """Cancel an order and place another in its place, or refuse with nothing changed."""
        venue = self._venue
        venue.check_mode(new.pair, is_post_only=new.is_post_only, is_market=False)
        self._check_funds(new, new.remaining, freed=self.freed(old))
        if new.is_post_only and self._would_take(new):
            raise Refusal(POST_ONLY)
        self._check_untouched(new)
        self.cancel(old, now_ns, reason="Order replaced")
        self.place(new, now_ns)

    def _check_untouched(self, ticket: Ticket) -> None:
        """Refuse a trigger that the last trade has already reached."""
        if ticket.trigger_price is None:
            return
        last = self._venue.last_price(ticket.pair)
        waits_for_rise = ticket.is_buy == (ticket.draft.type.startswith(("stop", "trailing")))
        if last is not None and (
            last >= ticket.trigger_price if waits_for_rise else last <= ticket.trigger_price
        ):
            raise Refusal(INVALID_PRICE)

    def put_again(self, ticket: Ticket, changed: Ticket, now_ns: int) -> None:
        """Give an order other prices or a greater quantity; it goes to the back of its level.

        Args:
            ticket: The order, which stays the same one.
            changed: A copy with what is new.
            now_ns: When.

        Raises:
            Refusal: Money is short, or the trigger is already reached. Nothing has changed.
        """
        venue, symbol = self._venue, ticket.pair.symbol
        self._check_funds(changed, changed.remaining, freed=self.freed(ticket))
        if changed.is_post_only and self._would_take(changed):
            raise Refusal(POST_ONLY)
        if not ticket.is_triggered:
            self._check_untouched(changed)
        self._adopt(ticket, changed)
        assert ticket.engine_id is not None
        venue.silenced.add((symbol, ticket.engine_id))
        venue.engine.cancel(ticket.account, symbol, now_ns, order_id=ticket.engine_id)
        ticket.executed_before = ticket.executed
        request = self._request(ticket, ticket.remaining, is_again=True)
        if ticket.is_triggered:
            request = attrs.evolve(request, type=OrderType.LIMIT, stop_price=None)
        ticket.engine_id = venue.engine.place(request, now_ns).order_id

    def _adopt(self, ticket: Ticket, changed: Ticket) -> None:
        for name in ("volume", "limit_price", "trigger_price", "display", "is_post_only", "trail"):
            setattr(ticket, name, getattr(changed, name))

    def shrink(self, ticket: Ticket, volume: Decimal, now_ns: int) -> None:
        """Make an order smaller; it keeps its place."""
        assert ticket.engine_id is not None
        self._venue.engine.amend(
            ticket.account,
            ticket.pair.symbol,
            volume - ticket.executed_before,
            now_ns,
            order_id=ticket.engine_id,
        )
        ticket.volume = volume

    # Ending.

    def cancel(self, ticket: Ticket, now_ns: int, *, reason: str | None = None) -> None:
        """End an open order for its owner."""
        venue, symbol = self._venue, ticket.pair.symbol
        if ticket.engine_id is None:
            venue.end(ticket, "canceled", reason or "User requested", now_ns)
            return
        if reason is not None:
            venue.silenced.add((symbol, ticket.engine_id))
        venue.engine.cancel(ticket.account, symbol, now_ns, order_id=ticket.engine_id)
        venue.absorb(now_ns)
        if reason is not None:
            venue.end(ticket, "canceled", reason, now_ns)

    def _expire(self, ticket: Ticket, now_ns: int) -> None:
        if not ticket.is_open:
            return
        symbol = ticket.pair.symbol
        if ticket.engine_id is not None:
            self._venue.silenced.add((symbol, ticket.engine_id))
            self._venue.engine.cancel(ticket.account, symbol, now_ns, order_id=ticket.engine_id)
            self._venue.absorb(now_ns)
        self._venue.end(ticket, "expired", None, now_ns)

    def find(
        self, account: str, *, txid: str | None = None, cl_ord_id: str | None = None
    ) -> Ticket:
        """Give an open order by one of its names.

        Raises:
            Refusal: It is not open any more, or there has never been one of that name.
        """
        owner = self._venue.owners[account]
        if txid is not None:
            ticket = owner.tickets.get(txid)
            if ticket is None:
                raise Refusal(INVALID_ORDER)
        else:
            ticket = next(
                (one for one in owner.open.values() if one.draft.cl_ord_id == cl_ord_id), None
            )
        if ticket is None or not ticket.is_open:
            raise Refusal(UNKNOWN_ORDER)
        return ticket

    def find_all(self, account: str, userref: int) -> list[Ticket]:
        """Give the open orders with a reference, of which there is at least one."""
        owner = self._venue.owners[account]
        found = [one for one in owner.open.values() if one.draft.userref == userref]
        if not found:
            raise Refusal(UNKNOWN_ORDER)
        return found

    def named(self, account: str, name: str) -> list[Ticket]:
        """Give the open orders that an id or a reference names."""
        if name.removeprefix("-").isdecimal():
            return self.find_all(account, int(name))
        return [self.find(account, txid=name)]

    def cancel_all(self, account: str, tickets: Sequence[Ticket], now_ns: int) -> int:
        """Cancel several orders, each for its penalty, and give how many they were.

        Raises:
            Refusal: The counter of a pair does not allow one of them; those before it are gone.
        """
        self._venue.check_awake()
        for ticket in tickets:
            age_ns = now_ns - ticket.touched_ns
            self.charge(account, ticket.pair, penalty(CANCEL_PENALTIES, age_ns), now_ns)
            self.cancel(ticket, now_ns)
        return len(tickets)

    def cancel_batch(self, account: str, tickets: Sequence[Ticket], now_ns: int) -> int:
        """Cancel up to fifty orders, together whatever the counters say."""
        self._venue.check_awake()
        unique = {ticket.id: ticket for ticket in tickets}
        for ticket in unique.values():
            cost = penalty(CANCEL_PENALTIES, now_ns - ticket.touched_ns)
            self._venue.limits.charge_engine(
                account, ticket.pair.symbol, cost, now_ns, may_cross=True
            )
            self.cancel(ticket, now_ns)
        return len(unique)

    def cancel_everything(self, account: str, now_ns: int) -> int:
        """Cancel all orders of an account, whatever the counters say."""
        self._venue.check_awake()
        tickets = list(self._venue.owners[account].open.values())
        for ticket in tickets:
            if ticket.is_open:
                self.cancel(ticket, now_ns)
        return len(tickets)

    # The dead man's switch.

    def arm(self, account: str, timeout_s: int | None, now_ns: int) -> int | None:
        """Let all orders be canceled after so many seconds, or never again with 0; give when."""
        if timeout_s is None or not 0 <= timeout_s < _LONGEST_SWITCH_S:
            raise invalid("timeout")
        owner = self._venue.owners[account]
        owner.trigger_ns = now_ns + timeout_s * SECOND_NS if timeout_s else None
        return owner.trigger_ns

    def pull_switches(self, now_ns: int) -> None:
        """Cancel everything of those who did not call in time; where the engine is down, later."""
        for owner in self._venue.owners.values():
            if owner.trigger_ns is None or owner.trigger_ns > now_ns:
                continue
            try:
                self._venue.check_awake()
            except Refusal:
                continue
            owner.trigger_ns = None
            self.cancel_everything(owner.name, now_ns)

    def next_switch_ns(self) -> int | None:
        """Give when the next switch is due."""
        times = (owner.trigger_ns for owner in self._venue.owners.values())
        return min((at_ns for at_ns in times if at_ns is not None), default=None)

    # After trades.

    def _after_trades(self, now_ns: int) -> bool:
        """Place conditional closes and move trailing triggers; say whether anything was done."""
        venue = self._venue
        filled, venue.filled = venue.filled, []
        for ticket, trade in filled:
            self._place_close(ticket, trade, now_ns)
        moved = [self._trail(ticket, now_ns) for ticket in self._trailing()]
        return bool(filled) or any(moved)

    def _trailing(self) -> list[Ticket]:
        return [
            ticket
            for owner in self._venue.owners.values()
            for ticket in owner.open.values()
            if ticket.trail is not None and not ticket.is_triggered and ticket.engine_id is not None
        ]

    def _trail(self, ticket: Ticket, now_ns: int) -> bool:
        """Let a trigger follow the last trade, where that is good for the owner."""
        last, best = self._venue.last_price(ticket.pair), ticket.extreme
        if last is None or (best is not None and (last >= best if ticket.is_buy else last <= best)):
            return False
        changed = attrs.evolve(ticket, extreme=last)
        _follow(changed)
        ticket.extreme = ticket.last_price = last
        if changed.trigger_price == ticket.trigger_price:
            return False
        self.put_again(ticket, changed, now_ns)
        self._venue.tell_triggers(ticket, now_ns)
        return True

    def _place_close(self, parent: Ticket, trade: TradeRecord, now_ns: int) -> None:
        close = parent.draft.close
        assert close is not None
        draft = Draft(
            pair=parent.pair,
            side="sell" if parent.is_buy else "buy",
            type=close.type,
            volume=trade.volume,
            price=close.price,
            price2=close.price2,
            userref=parent.draft.userref,
        )
        try:
            ticket = self._ticket(parent.account, draft, now_ns)
            ticket.refid = parent.id
            self.place(ticket, now_ns)
        except Refusal:
            # What cannot be placed ends unseen: the order that it belongs to has its fill.
            return


def _follow(ticket: Ticket) -> None:
    """Set the prices of a trailing order by the best price so far."""
    assert ticket.trail is not None
    assert ticket.extreme is not None
    tick = ticket.pair.tick
    distance = ticket.trail.distance(ticket.extreme)
    price = ticket.extreme + distance if ticket.is_buy else ticket.extreme - distance
    rounding = ROUND_CEILING if ticket.is_buy else ROUND_FLOOR
    ticket.trigger_price = (price / tick).to_integral_value(rounding) * tick
    if ticket.trigger_price <= 0:
        raise Refusal(INVALID_PRICE)
    limit = ticket.draft.price2
    if limit is not None:
        ticket.limit_price = limit.resolved(ticket.trigger_price, tick)
