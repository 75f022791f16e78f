"""Faults planted into the client on purpose: the simulation must find each of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs
import pytest

from venuekit.model import Failure, Order, OrderPhase, Outcome
from venuekit.orders import lifecycle, register, resolving
from venuekit.orders.register import OrderRegister
from venuekit.plugin import CallKind
from venuekit.retry import caller
from venuekit.retry.policy import GiveUp, Retry, decide


def _repeats_a_lost_placement(patch: pytest.MonkeyPatch) -> None:
    """Send a placement again whose answer is lost."""

    def hasty(kind: CallKind, failure: Failure, **more: Any) -> Retry | GiveUp:
        if kind is CallKind.PLACE and failure.outcome is Outcome.UNKNOWN and more["attempt"] < 2:
            return Retry(0.1)
        return decide(kind, failure, **more)

    patch.setattr(caller, "decide", hasty)


def _trusts_not_found_at_once(patch: pytest.MonkeyPatch) -> None:
    """Take the first "not found" for proof."""
    patch.setattr(resolving, "proof_window_s", lambda _: 0.0)


def _forgets_a_late_fill(patch: pytest.MonkeyPatch) -> None:
    """Drop what is told of an order that has ended."""
    advance = lifecycle.advance

    def deaf(known: Order | None, report: Order, fills: Any = ()) -> Any:
        if known is not None and known.phase in {OrderPhase.CANCELED, OrderPhase.EXPIRED}:
            return known
        return advance(known, report, fills)

    patch.setattr(register, "advance", deaf)


def _believes_whatever_comes_last(patch: pytest.MonkeyPatch) -> None:
    """Let an older report overwrite what is known."""
    patch.setattr(
        register, "advance", lambda known, report, fills=(): _overwritten(known, report, fills)
    )


def _overwritten(known: Order | None, report: Order, fills: Any) -> Order:
    before = () if known is None else known.fills
    ids = {fill.trade_id for fill in before}
    new = tuple(fill for fill in (*report.fills, *fills) if fill.trade_id not in ids)
    return attrs.evolve(report, fills=(*before, *new))


def _calls_a_lost_answer_a_refusal(patch: pytest.MonkeyPatch) -> None:
    """Conclude from a lost answer that there is no order."""
    conclude = OrderRegister.conclude

    def hasty(self: OrderRegister, name: str, phase: OrderPhase, **more: Any) -> Order:
        if phase is OrderPhase.UNKNOWN:
            phase = OrderPhase.REJECTED
        return conclude(self, name, phase, **more)

    patch.setattr(OrderRegister, "conclude", hasty)


@attrs.frozen
class Plant:
    """A fault, and a seed from which on looking for it does not take long."""

    put: Callable[[pytest.MonkeyPatch], None]
    first: int = 0


PLANTS: Final = {
    "repeats a lost placement": Plant(_repeats_a_lost_placement),
    "trusts not found at once": Plant(_trusts_not_found_at_once),
    "forgets a late fill": Plant(_forgets_a_late_fill, first=160),
    "believes whatever comes last": Plant(_believes_whatever_comes_last),
    "calls a lost answer a refusal": Plant(_calls_a_lost_answer_a_refusal),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Have a fault in the client for a while."""
    with pytest.MonkeyPatch.context() as patch:
        PLANTS[name].put(patch)
        yield
