"""Orders whose answer is lost, with a whole client before the simulator, in virtual time."""

import asyncio
from typing import Any, Final

from venuekit.model import OutcomeUnknown, VenuekitError
from venuekit.sim.faults import Fault, FaultKind
from venuekit.testing.conformance.clients import open_client
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.verdicts import NotComputed, Tally

_LOST: Final = (
    FaultKind.DROP_BEFORE,
    FaultKind.DROP_AFTER,
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
)
_ALL: Final = (
    *_LOST,
    FaultKind.HANG_BEFORE,
    FaultKind.HANG_AFTER,
    FaultKind.ANSWER_BEFORE,
    FaultKind.ANSWER_AFTER,
    FaultKind.DELAY_REQUEST,
    FaultKind.DELAY_ANSWER,
)
_LATE_S: Final = 20.0
_PATIENCE_S: Final = 900.0


def one_intent_one_order(specimen: Specimen, tally: Tally) -> None:
    """S6: the answer of a placement is lost before or after its effect; one order at most."""
    for kind in _LOST:
        _one_fault(specimen, tally, kind)


def unknown_resolved(specimen: Specimen, tally: Tally) -> None:
    """G7: ten kinds of fault; each placement ends in certainty."""
    for kind in _ALL:
        _one_fault(specimen, tally, kind)


def _one_fault(specimen: Specimen, tally: Tally, kind: FaultKind) -> None:
    from venuekit.testing.virtual_time import run_virtually

    placing = [k.call for k in specimen.tour.bench.kept if k.call.what and _is_place(k.call)]
    if not placing:
        raise NotComputed("the tour placed no order")
    request = placing[0].request
    # Whatever stands before the path in the environment's URL.
    fault = Fault(
        kind=kind,
        method=request.method,
        path=f"*{request.path}",
        count=1,
        delay_s=_LATE_S,
        answer="unexpected" if "answer" in kind.value and "delay" not in kind.value else "",
    )
    call = f"place(…) with {kind.value} on {request.method} {request.path}"
    try:
        found = run_virtually(_story(specimen, fault))
    except (VenuekitError, TimeoutError) as error:
        tally.expect(False, expected="an order in certainty", seen=repr(error), call=call)
        return
    of_exchange, journal, is_certain = found
    tally.expect(of_exchange <= 1, expected="one order at most", seen=of_exchange, call=call)
    tally.expect(
        is_certain, expected="an order in certainty", seen=f"{journal}, still unknown", call=call
    )
    is_open = journal in {"pending", "open", "partially_filled"}
    tally.expect(
        is_open == (of_exchange == 1),
        expected="the journal says what the exchange says",
        seen=f"{journal} here, {of_exchange} there",
        call=call,
    )


def _is_place(call: Any) -> bool:
    from venuekit.plugin import CallKind

    return (
        call.kind is CallKind.PLACE
        and call.client_order_id is not None
        and ("check" not in call.what and "validat" not in call.what and "test" not in call.what)
    )


async def _story(specimen: Specimen, fault: Fault) -> tuple[int, str, bool]:
    """Place one order under a fault; give how many the exchange has, and what we believe."""
    async with asyncio.timeout(_PATIENCE_S), open_client(specimen, seed=21) as client:
        exchange = client.exchange
        _, request = await client.resting_order()
        client.dialect.faults.add(fault)
        try:
            order = await exchange.place(request)
        except OutcomeUnknown as unknown:
            order = await unknown
        except VenuekitError:
            (order,) = exchange.orders(open_only=False)
        id_ = order.client_order_id
        known = [o for o in exchange.orders(open_only=False) if o.client_order_id == id_]
        phase = known[0].phase if known else order.phase
        # Lists may be as old as the manifest says.
        await asyncio.sleep(specimen.manifest.timing.visibility_lag_s)
        # The account is new: whatever is open there came of this one intent.
        there = await exchange.fetch_open_orders()
        return len(there), phase.value, phase.value not in {"unknown", "submitting"}
