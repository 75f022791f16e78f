"""Sending what makes orders: once, with every ending written down."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import attrs

from venuekit.model import (
    Failure,
    NotSent,
    Order,
    OrderPhase,
    Outcome,
    OutcomeUnknown,
    Rejected,
    StoreError,
)
from venuekit.orders.evidence import Evidence, Heard
from venuekit.orders.register import OrderRegister
from venuekit.orders.resolving import Asker, Resolver
from venuekit.plugin import Call
from venuekit.retry import Attempt
from venuekit.stores import Journal, Scope

_DUPLICATE: Final = "order.duplicate_id"
"""The exchange has an order of that name: ours, most likely, by an attempt that was lost."""


_UNHEARD: Final = frozenset(
    {OrderPhase.PREPARED, OrderPhase.SUBMITTING, OrderPhase.UNKNOWN},
)


class Sender:
    """Sends calls that place orders, and knows afterwards what is known of each.

    For every order: its intent is durable before a byte leaves, and each attempt is handed to the
    journal, which refuses it here if it failed before; whatever ends the call, also the
    cancelation of its task, the order ends up concluded or looked for.
    """

    def __init__(
        self,
        *,
        scope: Scope,
        caller: Asker,
        journal: Journal,
        register: OrderRegister,
        resolver: Resolver,
        evidence: Evidence,
        is_deduped: bool,
    ) -> None:
        """Send with `caller`; write into `journal`; leave what is unknown to `resolver`."""
        self._evidence = evidence
        self._is_deduped = is_deduped
        self._scope = scope
        self._caller = caller
        self._journal = journal
        self._register = register
        self._resolver = resolver

    async def send(
        self, orders: Sequence[Order], call: Call[Any], *, limit_wait_s: float | None = None
    ) -> tuple[Any, str]:
        """Send `call`, which places `orders`; give what it reads, and the answer for the journal.

        Args:
            orders: Already in the journal.
            call: Places all of them.
            limit_wait_s: Longest wait for the exchange's limits, in seconds; None: as usual.

        Raises:
            NotSent: By proof; the orders are `never_placed`.
            Rejected: They are `rejected`.
            OutcomeUnknown: They are `unknown`, and looked for from now on.
            StoreError: The journal failed; nothing was sent.
        """
        names = [str(order.client_order_id) for order in orders]
        is_sent = False
        heard = Heard()

        def on_attempt(attempt: Attempt) -> None:
            nonlocal is_sent
            for order in orders:
                assert order.client_order_id is not None
                self._journal.record_attempt(
                    self._scope,
                    order.client_order_id,
                    attempt.number,
                    time_ns=attempt.sent_at_ns,
                )
            is_sent = True
            for name in names:
                self._register.submitting(name)
                self._resolver.sent(name, again)

        async def repeat() -> tuple[Order, str]:
            heard.answer = None
            order = await self._caller.run(call, on_attempt=on_attempt, on_answer=heard)
            return order, self._raw(heard)

        again = repeat if self._is_deduped and len(orders) == 1 else None
        try:
            result = await self._caller.run(
                call, wait_s=limit_wait_s, on_attempt=on_attempt, on_answer=heard
            )
        except NotSent as error:
            self._conclude(names, OrderPhase.NEVER_PLACED, error.failure.reason, self._raw(heard))
            raise
        except Rejected as error:
            if error.failure.reason != _DUPLICATE:
                self._conclude(names, OrderPhase.REJECTED, error.failure.reason, self._raw(heard))
                raise
            self._look_for(names, error.failure.reason, self._raw(heard))
            raise _unknown(error) from error
        except OutcomeUnknown as error:
            self._look_for(names, error.failure.reason, self._raw(heard))
            raise
        except StoreError:
            # Also between two attempts: the first of them was proved to have had no effect.
            self._conclude(names, OrderPhase.DENIED, "journal.failed")
            raise
        except BaseException as error:
            is_canceled = isinstance(error, asyncio.CancelledError)
            reason = "call.canceled" if is_canceled else "call.failed"
            if is_sent:
                self._look_for(names, reason)
            else:
                self._conclude(names, OrderPhase.NEVER_PLACED, reason)
            raise
        for name in names:
            self._resolver.settled(name)
        return result, self._raw(heard)

    def _raw(self, heard: Heard) -> str:
        return self._evidence.of_answer(heard.answer)

    def look_for(self, name: str, reason: str) -> None:
        """Call an order unknown and have it looked for, unless the exchange has told of it."""
        self._look_for([name], reason)

    def _look_for(self, names: Sequence[str], reason: str, raw: str = "") -> None:
        for name in names:
            if self._register.named(name).phase in _UNHEARD:
                self._register.conclude(name, OrderPhase.UNKNOWN, reason=reason, raw=raw)
                self._resolver.begin(name)
            else:
                self._resolver.settled(name)  # the stream was faster

    def _conclude(
        self, names: Sequence[str], phase: OrderPhase, reason: str, raw: str = ""
    ) -> None:
        for name in names:
            self._resolver.settled(name)
            self._register.conclude(name, phase, reason=reason, raw=raw)


def _unknown(error: Rejected) -> OutcomeUnknown:
    failure: Failure = attrs.evolve(error.failure, outcome=Outcome.UNKNOWN)
    return OutcomeUnknown(
        error.exchange, error.what, failure, client_order_id=error.client_order_id
    )
