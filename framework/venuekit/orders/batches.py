"""Several orders placed or canceled at once: each leg is answered for as if it went alone.

Where the exchange takes several in one request they are sent so, cut to the size that it takes;
where it does not, one by one, all at once. How many requests that took is part of the answer.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from itertools import groupby
from typing import Final

import attrs

from venuekit.limits import Lane
from venuekit.model import (
    Closed,
    Failure,
    NotSent,
    Order,
    OrderNotFound,
    OrderPhase,
    OrderRef,
    OrderRefused,
    OrderRequest,
    Outcome,
    OutcomeUnknown,
    Rejected,
    RequestError,
    StoreError,
    Violation,
)
from venuekit.orders.commands import Commands
from venuekit.orders.equipment import Equipment
from venuekit.plugin import (
    Call,
    CallKind,
    Cancel,
    CancelEverything,
    CancelMany,
    Place,
    PlaceMany,
    QueryOrders,
)
from venuekit.retry import error_from

_PLACE: Final = "place order"
_CANCEL: Final = "cancel order"


@attrs.frozen(kw_only=True)
class Leg:
    """What became of one order of a batch: what is known of it, an error, or both."""

    order: Order | None = None
    error: RequestError | StoreError | None = None
    """Why it was not done, or that it is not known: an `OutcomeUnknown` can be awaited."""

    @property
    def is_done(self) -> bool:
        """Say whether it was done."""
        return self.error is None


@attrs.frozen(kw_only=True)
class Batch:
    """What became of several orders."""

    legs: tuple[Leg, ...]
    """In the order in which they were asked for."""
    requests: int
    """How many requests it took at least."""

    @property
    def is_done(self) -> bool:
        """Say whether all of them were done."""
        return all(leg.is_done for leg in self.legs)


NOTHING: Final = Batch(legs=(), requests=0)
"""What became of no orders."""


class Batches:
    """Places and cancels many."""

    def __init__(self, equipment: Equipment, commands: Commands) -> None:
        """Work with `equipment`; single cancels go through `commands`."""
        self._with = equipment
        self._commands = commands

    # Placing

    async def place_many(self, requests: Sequence[OrderRequest], *, wait: bool) -> Batch:
        """Place orders; all are checked and journalled before the first one is sent.

        Raises:
            OrderRefused: One of them breaks a rule; nothing was sent.
            StoreError: The journal failed; nothing was sent.
            NotSupported: The exchange takes no orders.
        """
        self._with.able(Place, "placing orders")
        checked = self._checked(requests)
        calls = [(group, self._call(group)) for group in self._groups(checked)]
        orders = await self._with.journalled(checked)
        by_name = {str(order.client_order_id): order for order in orders}
        answers: dict[str, Leg] = {}
        try:
            async with asyncio.TaskGroup() as tasks:
                for group, call in calls:
                    mine = [by_name[str(request.client_order_id)] for request in group]
                    tasks.create_task(self._placed(mine, call, answers, wait=wait))
        finally:
            # A task that is canceled before its first step never runs.
            for name in by_name:
                if self._with.register.named(name).phase is OrderPhase.PREPARED:
                    self._with.register.conclude(
                        name, OrderPhase.NEVER_PLACED, reason="call.canceled"
                    )
        return Batch(legs=tuple(answers[name] for name in by_name), requests=len(calls))

    def _checked(self, requests: Sequence[OrderRequest]) -> list[OrderRequest]:
        checked, faults = [], []
        for number, request in enumerate(requests, 1):
            try:
                instrument = self._with.admission.instrument(request.symbol)
                checked.append(self._with.admission.checked(request, instrument))
            except OrderRefused as refused:
                faults += [
                    attrs.evolve(each, text=f"order {number} of {len(requests)}: {each.text}")
                    for each in refused.violations
                ]
        names = [request.client_order_id for request in checked]
        faults += [
            Violation(reason="order.duplicate_id", text=f"{name} stands twice in the batch")
            for position, name in enumerate(names)
            if name in names[:position]
        ]
        if faults:
            raise OrderRefused(requests[0].symbol, faults)
        return checked

    def _groups(self, requests: Sequence[OrderRequest]) -> list[list[OrderRequest]]:
        """Cut the list into what goes into one request each; a request has one instrument."""
        adapter = self._with.adapter
        most = adapter.max_places if isinstance(adapter, PlaceMany) else 1
        groups = []
        for _, of_one in groupby(
            sorted(requests, key=lambda request: request.symbol), lambda request: request.symbol
        ):
            same = list(of_one)
            groups += [same[at : at + most] for at in range(0, len(same), most)]
        return groups

    async def _placed(
        self,
        orders: Sequence[Order],
        call: Call[Order | Sequence[Order | Failure]],
        answers: dict[str, Leg],
        *,
        wait: bool,
    ) -> None:
        try:
            told, raw = await self._with.sender.send(orders, call)
        except (RequestError, StoreError) as error:
            for order in orders:
                answers[str(order.client_order_id)] = await self._after(order, error, wait=wait)
            return
        results: Sequence[Order | Failure] = told if isinstance(told, (list, tuple)) else [told]
        for position, order in enumerate(orders):
            result = results[position] if position < len(results) else None
            name = str(order.client_order_id)
            if isinstance(result, Order):
                answers[name] = Leg(order=self._with.taken_in(result, order.ref, raw))
            else:
                answers[name] = await self._failed(order, result, raw, wait=wait)

    def _call(self, requests: Sequence[OrderRequest]) -> Call[Order | Sequence[Order | Failure]]:
        adapter = self._with.adapter
        symbol = requests[0].symbol
        instrument = self._with.admission.instrument(symbol)
        if len(requests) > 1 and isinstance(adapter, PlaceMany):
            many = adapter.place_many
            return self._with.built(symbol, lambda: many(requests, instrument))
        place = self._with.able(Place, "placing orders").place
        return self._with.built(symbol, lambda: place(requests[0], instrument))

    async def _failed(self, order: Order, failure: Failure | None, raw: str, *, wait: bool) -> Leg:
        """Conclude what the answer says of one order of several; None: it does not say."""
        name = str(order.client_order_id)
        if failure is None or failure.outcome is Outcome.UNKNOWN:
            reason = "batch.leg_not_described" if failure is None else failure.reason
            self._with.sender.look_for(name, reason)
            unsaid = self._with.unknown(order.ref, _PLACE, f"the answer does not say: {reason}")
            return await self._after(order, unsaid, wait=wait)
        phase = OrderPhase.REJECTED
        if failure.outcome is Outcome.NOT_SENT:
            phase = OrderPhase.NEVER_PLACED
        self._with.register.conclude(name, phase, reason=failure.reason, raw=raw)
        known = self._with.register.named(name)
        error = error_from(
            self._with.scope.exchange, _PLACE, CallKind.PLACE, failure, client_order_id=name
        )
        return Leg(order=known, error=error)

    async def _after(self, order: Order, error: RequestError | StoreError, *, wait: bool) -> Leg:
        """Give a leg of a request that failed, once it is known what became of it."""
        name = str(order.client_order_id)
        if isinstance(error, OutcomeUnknown):
            mine = self._with.unknown(order.ref, _PLACE, error.failure.text)
            if not wait:
                self._with.awaitable(order, mine)
                return Leg(order=self._with.register.named(name), error=mine)
            try:
                return Leg(order=await self._with.outcome(order, mine))
            except (NotSent, OutcomeUnknown) as found:
                return Leg(order=self._with.register.named(name), error=found)
        known = self._with.register.named(name)
        is_there = isinstance(error, (NotSent, Rejected)) and not known.phase.is_final
        # The stream had told that the exchange has it: the answer was wrong.
        return Leg(order=known) if is_there else Leg(order=known, error=error)

    # Canceling

    async def cancel_many(self, refs: Sequence[OrderRef]) -> Batch:
        """Cancel orders; each leg has the order's last state, which may be filled.

        Raises:
            NotSupported: The exchange cancels no orders.
        """
        self._with.able(Cancel, "cancels")
        full = [self._with.full_ref(ref) for ref in refs]
        adapter = self._with.adapter
        if not isinstance(adapter, CancelMany):
            return Batch(legs=tuple(await self._each(full)), requests=len(full))
        most = adapter.max_cancels
        groups = [full[at : at + most] for at in range(0, len(full), most)]
        answers: list[list[Leg]] = [[] for _ in groups]

        async def cancel(number: int, group: Sequence[OrderRef]) -> None:
            answers[number] = await self._canceled(group)

        async with asyncio.TaskGroup() as tasks:
            for number, group in enumerate(groups):
                tasks.create_task(cancel(number, group))
        return Batch(legs=tuple(leg for legs in answers for leg in legs), requests=len(groups))

    async def cancel_everything(self) -> Batch:
        """Cancel all open orders of the account, on all instruments, also those of others.

        With one request where the exchange takes such a one; what is listed as open afterwards,
        or from the start where it does not, is canceled by name.

        Raises:
            NotSupported: The exchange cancels no orders, or does not list them.
            RequestError: It could not be sent, or what is open could not be asked for.
        """
        self._with.able(Cancel, "cancels")
        queries = self._with.able(QueryOrders, "order queries")
        requests = 0
        # One that may be on its way only now has to be found out first, and is canceled then.
        open_orders = [o.ref for o in self._with.register.orders(open_only=True)]
        before = [self._with.full_ref(ref) for ref in open_orders]
        if isinstance(self._with.adapter, CancelEverything):
            requests = 1
            # That it is not known whether it was done is no matter: what is left is looked at.
            with contextlib.suppress(OutcomeUnknown):
                await self._with.commanded(before, "cancel", self._with.adapter.cancel_everything())
        listed: Sequence[Order] = await self._with.caller.run(
            queries.fetch_open_orders(None), lane=Lane.CANCEL
        )
        names = {ref.exchange_order_id for ref in before}
        for order in listed:
            known = self._with.register.report(order)
            if order.exchange_order_id not in names:
                before.append(known.ref)
        if requests:
            legs = await self._each(before, was_taken=True)
            return Batch(legs=tuple(legs), requests=requests)
        return await self.cancel_many(before) if before else NOTHING

    async def _canceled(self, refs: Sequence[OrderRef]) -> list[Leg]:
        adapter = self._with.adapter
        told: Sequence[Order | Failure | None] | None = None
        if len(refs) > 1 and isinstance(adapter, CancelMany):
            many = adapter.cancel_many
            try:
                call = self._with.built(refs[0].symbol, lambda: many(refs))
                told, raw = await self._with.commanded(refs, "cancel", call)
            except (RequestError, OrderRefused):
                # What became of each is asked one by one, where a cancel that happens twice does
                # no harm.
                told = None
        if told is None or len(told) != len(refs):
            return await self._each(refs)
        legs: list[Leg | None] = []
        for ref, result in zip(refs, told, strict=True):
            if isinstance(result, Order):
                legs.append(Leg(order=self._with.taken_in(result, ref, raw)))
            elif isinstance(result, Failure) and not _is_open_question(result):
                error = error_from(
                    self._with.scope.exchange,
                    _CANCEL,
                    CallKind.CANCEL,
                    result,
                    client_order_id=ref.client_order_id,
                )
                legs.append(Leg(order=self._with.register.find(ref), error=error))
            else:
                legs.append(None)
        left = [ref for ref, leg in zip(refs, legs, strict=True) if leg is None]
        found = iter(await self._each(left, was_taken=True))
        return [next(found) if leg is None else leg for leg in legs]

    async def _each(self, refs: Sequence[OrderRef], *, was_taken: bool = False) -> list[Leg]:
        legs: list[Leg] = [Leg()] * len(refs)

        async def one(number: int, ref: OrderRef) -> None:
            try:
                if was_taken:
                    unseen = self._with.unknown(ref, _CANCEL, "taken, and its effect not seen")
                    order = await self._commands.seen(ref, unseen)
                    if not order.phase.is_final:
                        order = await self._commands.cancel(ref)
                else:
                    order = await self._commands.cancel(ref)
            except RequestError as error:
                known = self._with.register.find(ref)
                is_over = isinstance(error, OrderNotFound) and known and known.phase.is_final
                legs[number] = Leg(order=known, error=None if is_over else error)
            except Closed as closed:
                unknown = self._with.unknown(ref, _CANCEL, str(closed))
                legs[number] = Leg(order=self._with.register.find(ref), error=unknown)
            else:
                legs[number] = Leg(order=order)

        async with asyncio.TaskGroup() as tasks:
            for number, ref in enumerate(refs):
                tasks.create_task(one(number, ref))
        return legs


def _is_open_question(failure: Failure) -> bool:
    """Say whether a refused cancel leaves open what became of the order."""
    return failure.outcome is Outcome.UNKNOWN or failure.reason == "order.unknown"
