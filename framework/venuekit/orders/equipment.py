"""What the parts of the order desk work with."""

import asyncio
import functools
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import attrs

from venuekit.model import (
    Advice,
    Closed,
    Failure,
    NotSent,
    NotSupported,
    Order,
    OrderNotFound,
    OrderPhase,
    OrderRef,
    OrderRefused,
    OrderRequest,
    Outcome,
    OutcomeUnknown,
    RequestError,
    Symbol,
    Violation,
)
from venuekit.orders.admission import Admission
from venuekit.orders.evidence import Evidence, Heard
from venuekit.orders.register import OrderClock, OrderRegister
from venuekit.orders.resolving import NEVER_PLACED, Asker, Resolver
from venuekit.orders.sending import Sender
from venuekit.plugin import Adapter, QueryOrders, Steps, why_not
from venuekit.stores import CommandState, Intent, Journal, Scope
from venuekit.stores.records import order_from_request

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Equipment:
    """The parts that placing, canceling and replacing share."""

    scope: Scope
    adapter: Adapter
    caller: Asker
    journal: Journal
    register: OrderRegister
    resolver: Resolver
    sender: Sender
    admission: Admission
    clock: OrderClock
    rng: random.Random
    evidence: Evidence
    resolve_wait_s: float
    """How much longer than the proof takes a caller waits for an unknown outcome."""

    async def journalled(
        self, requests: Sequence[OrderRequest], intent_key: str | None = None
    ) -> list[Order]:
        """Have intents written down durably; from then on the orders are in the register.

        Raises:
            StoreError: They were not; nothing may be sent.
        """
        if self.register.journal_failure is not None:
            raise self.register.journal_failure
        now_ns = self.clock.now_ns()
        intents = []
        orders = []
        for request in requests:
            assert request.client_order_id is not None
            intents.append(
                Intent(
                    scope=self.scope,
                    client_order_id=request.client_order_id,
                    request=request,
                    intent_key=intent_key,
                    created_ns=now_ns,
                )
            )
            orders.append(order_from_request(request, request.client_order_id, now_ns))
        try:
            await self.journal.record_intent(*intents)
        except asyncio.CancelledError:
            # The intents may be written all the same: their end is written after them.
            for order in orders:
                self.register.begin(order)
                self.register.conclude(
                    str(order.client_order_id), OrderPhase.NEVER_PLACED, reason="call.canceled"
                )
            raise
        for order in orders:
            self.register.begin(order)
        return orders

    async def outcome(self, order: Order, error: OutcomeUnknown) -> Order:
        """Wait for what became of an order, and give it.

        Raises:
            NotSent: It was never placed, by proof.
            OutcomeUnknown: It could not be found out within the time; the search goes on.
        """
        name = str(order.client_order_id)
        order = self.register.named(name)
        if order.phase is OrderPhase.UNKNOWN:
            future = self.resolver.begin(name)
            try:
                async with asyncio.timeout(self.resolver.window_s + self.resolve_wait_s):
                    order = await asyncio.shield(future)
            except (TimeoutError, Closed):
                # Closed meanwhile: it may exist all the same, and the next start finds out.
                raise self.awaitable(order, error) from None
        if order.phase is OrderPhase.NEVER_PLACED:
            raise self.never_placed(order, error.what)
        return order

    def awaitable(self, order: Order, error: OutcomeUnknown) -> OutcomeUnknown:
        """Let an error be awaited for what becomes of the order."""
        error.client_order_id = error.client_order_id or order.client_order_id
        error.resolution = functools.partial(self.outcome, order, error)
        return error

    def never_placed(self, order: Order, what: str) -> NotSent:
        """Say that an order was never placed, and how that is known."""
        failure = Failure(
            outcome=Outcome.NOT_SENT,
            advice=Advice.AGAIN,
            reason=order.reason or NEVER_PLACED,
            text=(
                "its answer was lost, and the exchange still knows no such order "
                f"{self.resolver.window_s:g} s after it was sent, when it can no longer appear"
            ),
        )
        return NotSent(self.scope.exchange, what, failure, client_order_id=order.client_order_id)

    def unknown(self, ref: OrderRef, what: str, text: str) -> OutcomeUnknown:
        """Say that the effect of a command is not known."""
        failure = Failure(
            outcome=Outcome.UNKNOWN, advice=Advice.AGAIN, reason="order.unresolved", text=text
        )
        return OutcomeUnknown(
            self.scope.exchange, what, failure, client_order_id=ref.client_order_id
        )

    def able(self, capability: type[Any], what: str) -> Any:
        """Give the adapter if it has a capability; raises NotSupported."""
        if not isinstance(self.adapter, capability):
            why = why_not(type(self.adapter), capability)
            raise NotSupported(self.scope.exchange, what, why)
        return self.adapter

    def full_ref(self, ref: OrderRef) -> OrderRef:
        """Add the ids that are known."""
        known = self.register.find(ref)
        if known is None:
            return ref
        return OrderRef(
            symbol=known.symbol,
            client_order_id=known.client_order_id or ref.client_order_id,
            exchange_order_id=known.exchange_order_id or ref.exchange_order_id,
            created_ns=known.created_ns or ref.created_ns,
            touched_ns=self.register.touched_ns(known),
        )

    async def fetched(self, ref: OrderRef) -> Order | None:
        """Ask after one order and take the answer in; None only for a clean "not found".

        Raises:
            RequestError: It could not be asked.
        """
        adapter = self.able(QueryOrders, "order queries")
        instrument = self.admission.instrument(ref.symbol)
        heard = Heard()
        try:
            report = await self.caller.run(adapter.fetch_order(ref, instrument), on_answer=heard)
        except OrderNotFound:
            return None
        if report is None:
            return None
        return self.taken_in(report, ref, self.evidence.of_answer(heard.answer))

    def taken_in(self, report: Order, ref: OrderRef, raw: str = "") -> Order:
        """Take in a report of the order that was asked for by `ref`, and the answer it came in."""
        if ref.client_order_id is not None and report.client_order_id != ref.client_order_id:
            # Some exchanges rename an order when it is canceled or amended; we do not.
            report = attrs.evolve(report, client_order_id=ref.client_order_id)
        return self.register.report(report, raw=raw)

    async def commanded(
        self, refs: Sequence[OrderRef], command: str, steps: Steps[T]
    ) -> tuple[T, str]:
        """Run a command to existing orders; it and what came of it stand in their histories.

        Gives what it reads, and the answer for the journal.

        Raises:
            RequestError: As the caller does.
        """
        heard = Heard()
        self.register.command(refs, command, CommandState.SENT)
        state, reason = CommandState.UNKNOWN, "call.canceled"
        try:
            result: T = await self.caller.run(steps, on_answer=heard)
            state, reason = CommandState.DONE, ""
        except RequestError as error:
            reason = error.failure.reason
            if not isinstance(error, OutcomeUnknown):
                state = CommandState.REFUSED
            raise
        except ValueError as error:  # the adapter cannot express it; nothing was sent
            state, reason = CommandState.REFUSED, "request.unsupported"
            refused = [Violation(reason=reason, text=str(error))]
            raise OrderRefused(refs[0].symbol if refs else Symbol(""), refused) from None
        finally:
            raw = self.evidence.of_answer(heard.answer)
            self.register.command(refs, command, state, reason=reason, raw=raw)
        return result, raw

    def built(self, symbol: str, build: Callable[[], T]) -> T:
        """Have the adapter make a call; raises OrderRefused."""
        return self.admission.built(symbol, build)
