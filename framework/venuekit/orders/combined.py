"""Requests that concern several orders at once: cancel-and-place, and lists."""

from collections.abc import Sequence

import attrs

from venuekit.model import (
    BadAnswer,
    NotSent,
    Order,
    OrderList,
    OrderListRequest,
    OrderNotFound,
    OrderPhase,
    OrderRef,
    OrderRequest,
    OutcomeUnknown,
    Replacement,
    RequestError,
    Symbol,
)
from venuekit.orders.equipment import Equipment
from venuekit.plugin import Call, OrderLists, Replace
from venuekit.stores import CommandState

_STILL_OPEN = "order.still_open"
_NOT_ATTEMPTED = "order.not_attempted"
_UNDOCUMENTED = "exchange.undocumented"


class Combined:
    """Replaces orders and places lists, with an intent for every order that may come of it."""

    def __init__(self, equipment: Equipment) -> None:
        """Work with `equipment`."""
        self._with = equipment

    async def replace(
        self, ref: OrderRef, request: OrderRequest, *, place_even_if_not_canceled: bool
    ) -> Replacement:
        """Cancel `ref` and place `request`; the two halves are answered for on their own.

        Raises:
            OrderRefused: The new order breaks a rule; nothing was sent.
            Rejected: Both halves failed.
            NotSent: Nothing had an effect, by proof.
            OutcomeUnknown: It could not be found out in time; the search goes on.
        """
        adapter = self._with.able(Replace, "replacing orders")
        instrument = self._with.admission.instrument(request.symbol)
        ref = self._with.full_ref(ref)
        checked = self._with.admission.checked(request, instrument)
        call = self._with.built(
            request.symbol,
            lambda: adapter.replace(
                ref, checked, instrument, place_even_if_not_canceled=place_even_if_not_canceled
            ),
        )
        (order,) = await self._with.journalled([checked])
        try:
            answer, raw = await self._replaced(ref, order, call)
        except OutcomeUnknown as error:
            return await self._found_out(ref, order, error)
        canceled = answer.canceled and self._with.taken_in(answer.canceled, ref, raw)
        placed = self._placed(order, answer, raw)
        return attrs.evolve(answer, canceled=canceled, placed=placed)

    async def place_list(self, request: OrderListRequest) -> OrderList:
        """Place orders that the exchange governs together.

        Raises:
            OrderRefused: A leg breaks a rule; nothing was sent.
            Rejected: The exchange refused the list.
            NotSent: It was never placed, by proof.
            OutcomeUnknown: It could not be found out in time; the search goes on.
        """
        adapter = self._with.able(OrderLists, "order lists")
        symbol = request.legs[0].symbol
        instrument = self._with.admission.instrument(symbol)
        checked = attrs.evolve(
            request,
            legs=tuple(self._with.admission.checked(leg, instrument) for leg in request.legs),
            client_list_id=request.client_list_id or self._with.admission.ids.make(),
        )
        call = self._with.built(symbol, lambda: adapter.place_list(checked, instrument))
        orders = await self._with.journalled(checked.legs)
        try:
            answer, raw = await self._with.sender.send(orders, call)
        except OutcomeUnknown as error:
            answer, raw = await self._found_list(str(checked.client_list_id), orders, error), ""
        return await self._complete(answer, orders, raw)

    async def cancel_list(self, client_list_id: str, symbol: Symbol) -> OrderList:
        """Cancel all legs of a list and give its last state.

        Raises:
            OrderNotFound: The exchange knows no such list.
            OutcomeUnknown: It may be open still.
        """
        adapter = self._with.able(OrderLists, "order lists")
        instrument = self._with.admission.instrument(symbol)
        try:
            answer = await self._with.caller.run(adapter.cancel_list(client_list_id, instrument))
        except (OrderNotFound, OutcomeUnknown) as error:
            try:
                answer = await self._with.caller.run(adapter.fetch_list(client_list_id))
            except (OrderNotFound, BadAnswer):
                raise error from None
            if answer.is_open:
                raise error from None
        return self._taken_in(answer)

    async def _replaced(
        self, ref: OrderRef, order: Order, call: Call[Replacement]
    ) -> tuple[Replacement, str]:
        """Send it; the old order's history tells of its cancel too."""
        command = self._with.register.command
        command([ref], "replace", CommandState.SENT)
        state, reason, raw = CommandState.UNKNOWN, "call.canceled", ""
        try:
            answer, raw = await self._with.sender.send([order], call)
        except RequestError as error:
            reason = error.failure.reason
            if not isinstance(error, OutcomeUnknown):
                state = CommandState.REFUSED
            raise
        else:
            state = CommandState.REFUSED if answer.canceled is None else CommandState.DONE
            reason = answer.cancel_failure or ""
        finally:
            command([ref], "replace", state, reason=reason, raw=raw)
        return answer, raw

    def _placed(self, order: Order, answer: Replacement, raw: str) -> Order | None:
        if answer.placed is not None:
            return self._with.taken_in(answer.placed, order.ref, raw)
        name, reason = str(order.client_order_id), answer.place_failure or _UNDOCUMENTED
        if reason.startswith(_UNDOCUMENTED):
            self._with.sender.look_for(name, reason)
        elif reason.startswith(_NOT_ATTEMPTED):
            self._with.register.conclude(name, OrderPhase.NEVER_PLACED, reason=reason, raw=raw)
        else:
            self._with.register.conclude(name, OrderPhase.REJECTED, reason=reason, raw=raw)
        return None

    async def _found_out(self, ref: OrderRef, order: Order, error: OutcomeUnknown) -> Replacement:
        """After a lost answer: ask after both orders."""
        placed: Order | None = None
        failure: str | None = None
        try:
            placed = await self._with.outcome(order, error)
        except NotSent as never:
            failure = never.failure.reason
        # Asked only now: until the search has ended, the request might still arrive.
        try:
            old = await self._with.fetched(ref)
        except (RequestError, BadAnswer):
            old = self._with.register.find(ref)  # as the stream has told it
            if old is None or not old.phase.is_final:
                raise error from None
        is_canceled = old is not None and old.phase is OrderPhase.CANCELED
        return Replacement(
            canceled=old if is_canceled else None,
            placed=placed,
            cancel_failure=None if is_canceled else _why(old),
            place_failure=failure,
        )

    async def _found_list(
        self, client_list_id: str, orders: Sequence[Order], error: OutcomeUnknown
    ) -> OrderList:
        never: NotSent | None = None
        for order in orders:
            try:
                await self._with.outcome(order, error)
            except NotSent as proof:
                never = proof
        adapter = self._with.able(OrderLists, "order lists")
        try:
            found: OrderList = await self._with.caller.run(adapter.fetch_list(client_list_id))
        except (RequestError, BadAnswer):
            raise never or error from None
        return found

    async def _complete(self, answer: OrderList, orders: Sequence[Order], raw: str) -> OrderList:
        """Take the legs in; ask after those that the answer does not describe."""
        self._taken_in(answer, raw)
        legs = []
        for order in orders:
            known = self._with.register.named(str(order.client_order_id))
            if known.phase is OrderPhase.SUBMITTING:
                self._with.sender.look_for(str(order.client_order_id), "list.leg_not_described")
                known = self._with.register.named(str(order.client_order_id))
            legs.append(known)
        return attrs.evolve(answer, orders=tuple(legs))

    def _taken_in(self, answer: OrderList, raw: str = "") -> OrderList:
        legs = tuple(self._with.taken_in(leg, leg.ref, raw) for leg in answer.orders)
        return attrs.evolve(answer, orders=legs)


def _why(old: Order | None) -> str:
    if old is None:
        return "order.unknown"
    return f"order.{old.phase.value}" if old.phase.is_final else _STILL_OPEN
