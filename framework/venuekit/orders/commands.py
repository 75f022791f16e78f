"""What is done to orders that exist: cancel and amend.

Neither ever ends an order by itself: only the exchange's word does. "Unknown order" as the answer
to a cancel is a question: it may have been filled, canceled before, or not be visible yet.
"""

import asyncio
import itertools
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import attrs

from venuekit.model import (
    Advice,
    BadAnswer,
    Failure,
    NotSent,
    Order,
    OrderNotFound,
    OrderPhase,
    OrderRef,
    OrderRefused,
    Outcome,
    OutcomeUnknown,
    RequestError,
    Symbol,
)
from venuekit.orders.equipment import Equipment
from venuekit.orders.resolving import delays_s
from venuekit.orders.rules import values_at_fault
from venuekit.plugin import Amend, Cancel, CancelAll, QueryOrders

_ROUNDS: Final = 3
"""The caller has tried each of them several times already."""
_LOOKS: Final = 5
_ENDED: Final = frozenset({OrderPhase.FILLED, OrderPhase.CANCELED, OrderPhase.EXPIRED})
_ON_THE_WAY: Final = frozenset(
    {OrderPhase.PREPARED, OrderPhase.SUBMITTING, OrderPhase.UNKNOWN},
)


class Commands:
    """Cancels and amends, and finds out what happened where the answer does not tell."""

    def __init__(self, equipment: Equipment) -> None:
        """Work with `equipment`."""
        self._with = equipment

    async def cancel(self, ref: OrderRef) -> Order:
        """Cancel an order and give its last state, which may be filled.

        Raises:
            OrderNotFound: The exchange knows no such order.
            OutcomeUnknown: It may be open still.
            Rejected: The exchange does not cancel it.
            NotSent: It could not be sent.
        """
        adapter = self._with.able(Cancel, "cancels")
        instrument = self._with.admission.instrument(ref.symbol)
        last: RequestError | None = None
        delays = delays_s(self._with.rng)
        for _ in range(_ROUNDS):
            ref = self._with.full_ref(ref)
            known = self._with.register.find(ref)
            if known is not None and known.phase in _ENDED:
                return known
            try:
                report, raw = await self._with.commanded(
                    [ref], "cancel", adapter.cancel(ref, instrument)
                )
            except (OrderNotFound, OutcomeUnknown) as error:
                last = error
                order = await self.truth(ref, error, before=known)
            else:
                if report is not None:
                    return self._with.taken_in(report, ref, raw)
                last = self._with.unknown(ref, "cancel order", "taken, and its effect not seen")
                order = await self.seen(ref, last)
            if order.phase.is_final:
                return order
            # Still open: a cancel that happens twice does no harm.
            await asyncio.sleep(next(delays))
        assert last is not None
        if isinstance(last, OutcomeUnknown):
            raise last
        raise self._with.unknown(ref, last.what, "it is listed, but its cancel finds it unknown")

    async def cancel_all(self, symbol: Symbol) -> Sequence[Order]:
        """Cancel everything open on an instrument; gives the canceled orders.

        Raises:
            NotSupported: This exchange has no such request; it is not emulated.
            OutcomeUnknown: Some may be open still.
        """
        adapter = self._with.able(CancelAll, "cancel all")
        instrument = self._with.admission.instrument(symbol)
        try:
            reports = await self._with.caller.run(adapter.cancel_all(instrument))
        except OrderNotFound:
            return ()  # nothing was open
        except OutcomeUnknown as error:
            return await self._canceled_since(symbol, error)
        return [order for each in reports if (order := await self._canceled_one(each)) is not None]

    async def _canceled_one(self, told: Order | OrderRef) -> Order | None:
        """Give how an order ended whose cancel was taken; None for one of others that is gone."""
        if isinstance(told, Order):
            return self._with.taken_in(told, told.ref)
        taken = self._with.unknown(told, "cancel orders", "taken, and its effect not seen")
        try:
            order = await self.seen(told, taken)
        except OrderNotFound:
            return None
        if not order.phase.is_final:
            raise taken
        return order

    async def amend(
        self, ref: OrderRef, *, quantity: Decimal | None, price: Decimal | None
    ) -> Order:
        """Change an open order, which keeps its place in the queue as far as the exchange can.

        Raises:
            OrderRefused: The new values break a rule, or a veto.
            Rejected: The exchange does not change it.
            NotSent: It was not changed, by proof.
            OutcomeUnknown: It may have been changed; ask for the order.
        """
        adapter = self._with.able(Amend, "amending orders")
        instrument = self._with.admission.instrument(ref.symbol)
        ref = self._with.full_ref(ref)
        faults = values_at_fault(instrument, quantity=quantity, price=price)
        if faults:
            raise OrderRefused(ref.symbol, faults)
        self._with.admission.allow_change(
            self._with.register.find(ref), instrument, quantity=quantity, price=price
        )
        call = self._with.built(
            ref.symbol, lambda: adapter.amend(ref, instrument, quantity=quantity, price=price)
        )
        try:
            report, raw = await self._with.commanded([ref], "amend", call)
        except OutcomeUnknown as error:
            return await self._amended(ref, error, quantity=quantity, price=price)
        if report is None:
            unseen = self._with.unknown(ref, "amend order", "taken, and its effect not seen")
            return await self._amended(ref, unseen, quantity=quantity, price=price)
        return self._with.taken_in(report, ref, raw)

    async def seen(self, ref: OrderRef, error: OutcomeUnknown) -> Order:
        """Give the order after a cancel that was taken, once its end shows, or as it is by then.

        The stream tells most often; if it does not, the exchange is asked, at growing distances.

        Raises:
            OrderNotFound: The exchange knows no such order.
            OutcomeUnknown: It could not be asked after.
        """
        order: Order | None = None
        for delay_s in itertools.islice(delays_s(self._with.rng), _LOOKS):
            known = self._with.register.find(ref)
            if known is not None and known.phase in _ENDED:
                return known
            if known is None or not await self._with.register.changed(known, delay_s):
                order = await self.truth(ref, error, was_taken=True)
                if order.phase.is_final:
                    return order
                if known is None:
                    await asyncio.sleep(delay_s)
        return order or await self.truth(ref, error, was_taken=True)

    async def truth(
        self,
        ref: OrderRef,
        error: RequestError,
        *,
        before: Order | None = None,
        was_taken: bool = False,
    ) -> Order:
        """Ask what the order is, after a cancel that did not say.

        Args:
            ref: The order.
            error: What the cancel ended with.
            before: What was known of the order when the cancel was sent. If more is known by now,
                the cancel may have overtaken its placement, and the question too.
            was_taken: The exchange has said that it took the cancel.
        """
        try:
            found = await self._with.fetched(ref)
        except (RequestError, BadAnswer) as failed:
            raise self._with.unknown(ref, error.what, "it could not be asked after") from failed
        if found is not None:
            return found
        known = self._with.register.find(ref)
        if known is not None and known.phase is OrderPhase.UNKNOWN:
            # It may be on its way still: what it becomes decides whether there is one to cancel.
            return await self._outcome(known)
        if before is not None and known is not None and known is not before:
            return known
        if known is not None and self._is_forgotten(known, was_taken=was_taken):
            return self._with.register.report(attrs.evolve(known, phase=OrderPhase.CANCELED))
        if known is None or (known.is_open and known.phase not in _ON_THE_WAY):
            if known is not None:
                self._with.register.note(known.ref, "a cancel and a query find it unknown")
            raise _not_found(error)
        return known

    def _is_forgotten(self, known: Order, *, was_taken: bool) -> bool:
        """Say whether "not found" means that an order ended without a fill.

        Of one that was placed only now it may as well mean that queries do not show it yet.
        """
        if not getattr(self._with.adapter, "forgets_unfilled", False) or not known.is_open:
            return False
        if known.filled or known.exchange_order_id is None or known.phase in _ON_THE_WAY:
            return False
        age_s = (self._with.clock.now_ns() - (known.created_ns or 0)) / 1e9
        return was_taken or age_s > self._with.resolver.window_s

    async def _outcome(self, order: Order) -> Order:
        lost = self._with.unknown(order.ref, "place order", "its answer is lost")
        try:
            return await self._with.outcome(order, lost)
        except NotSent:
            return self._with.register.named(str(order.client_order_id))

    async def _canceled_since(self, symbol: Symbol, error: OutcomeUnknown) -> list[Order]:
        """After a lost answer: cancel what is still listed, and tell what ended."""
        before = [
            order for order in self._with.register.orders(open_only=True) if order.symbol == symbol
        ]
        adapter = self._with.able(QueryOrders, "order queries")
        instrument = self._with.admission.instrument(symbol)
        try:
            listed = await self._with.caller.run(adapter.fetch_open_orders(instrument))
        except (RequestError, BadAnswer):
            raise error from None
        names = {order.exchange_order_id for order in before}
        others = [order for order in listed if order.exchange_order_id not in names]
        return [await self.cancel(order.ref) for order in (*before, *others)]

    async def _amended(
        self,
        ref: OrderRef,
        error: OutcomeUnknown,
        *,
        quantity: Decimal | None,
        price: Decimal | None,
    ) -> Order:
        """After a lost answer: look until the change shows, or can no longer come."""
        loop = asyncio.get_running_loop()
        proof_at = loop.time() + self._with.resolver.window_s
        give_up_at = proof_at + self._with.resolve_wait_s
        for delay_s in delays_s(self._with.rng):
            await asyncio.sleep(delay_s)
            is_late = loop.time() >= proof_at
            try:
                order = await self._with.fetched(ref)
            except (RequestError, BadAnswer):
                order = None
            if order is not None:
                if order.phase.is_final or (
                    quantity in {None, order.quantity} and price in {None, order.price}
                ):
                    return order
                if is_late:
                    raise _not_amended(error)
            if loop.time() >= give_up_at:
                break
        raise error


def _not_amended(error: OutcomeUnknown) -> NotSent:
    failure: Failure = attrs.evolve(
        error.failure,
        outcome=Outcome.NOT_SENT,
        advice=Advice.AGAIN,
        reason="order.not_amended",
        text="the answer was lost, and the order is unchanged when it can no longer change",
    )
    return NotSent(error.exchange, error.what, failure, client_order_id=error.client_order_id)


def _not_found(error: RequestError) -> OrderNotFound:
    if isinstance(error, OrderNotFound):
        return error
    lost = "the answer was lost, and " if isinstance(error, OutcomeUnknown) else ""
    failure = attrs.evolve(
        error.failure,
        outcome=Outcome.REJECTED,
        advice=Advice.NEVER,
        retry_after_s=None,
        reason="order.unknown",
        text=f"{lost}the exchange knows no such order",
    )
    return OrderNotFound(error.exchange, error.what, failure, client_order_id=error.client_order_id)
