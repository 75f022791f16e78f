"""Orders whose answer is lost, with a whole client before the simulator, in virtual time."""

import random
import tempfile
from pathlib import Path
from typing import Any, Final

from venuekit.model import InstrumentStatus, OutcomeUnknown, VenuekitError, limit_buy, on_grid
from venuekit.sim.faults import Fault, FaultKind
from venuekit.testing.conformance.bench import Bench
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.tour import size
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
    import asyncio

    import venuekit
    from venuekit.configuration import configuration_from_text
    from venuekit.plugin.discovery import Plugins
    from venuekit.testing.simulated import SimulatedExchange

    plain = Bench(specimen.manifest, guard=specimen.guard, seed=21)
    world = SimulatedExchange(plain.dialect, start_ns=plain.now_ns)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = configuration_from_text(_settings(plain, folder))
        async with (
            world,
            asyncio.timeout(_PATIENCE_S),
            venuekit.open(
                specimen.manifest.id,
                environment="sim",
                address="sim:1",
                config=config,
                clock=world.clock,
                rng=random.Random(3),  # noqa: S311  # one seed, one history
                transport=world.transport(base_paths=_bases(specimen)),
                plugins=Plugins(manifests=[specimen.manifest]),
            ) as exchange,
        ):
            request = await _request(exchange)
            plain.dialect.faults.add(fault)
            try:
                order = await exchange.place(request)
            except OutcomeUnknown as unknown:
                order = await unknown
            except VenuekitError:
                (order,) = exchange.orders(open_only=False)
            id_ = order.client_order_id
            # The account is new: whatever is open there came of this one intent.
            there = await exchange.fetch_open_orders()
            known = [o for o in exchange.orders(open_only=False) if o.client_order_id == id_]
            phase = known[0].phase if known else order.phase
            return len(there), phase.value, phase.value not in {"unknown", "submitting"}


async def _request(exchange: Any) -> Any:
    for instrument in list(exchange.instruments.values())[:8]:
        if instrument.status is not InstrumentStatus.TRADING:
            continue
        book = await exchange.fetch_book(instrument.symbol, depth=10)
        if book.bids:
            best = book.bids[0][0]
            price = on_grid(best * 9 / 10, instrument.price.step, rounding="down")
            return limit_buy(instrument.symbol, size(instrument, price), price)
    raise NotComputed("no instrument with a book")


def _bases(specimen: Specimen) -> dict[str, str]:
    hosts = specimen.manifest.environments["sim"].hosts
    return {name: url.partition("{address}")[2].rstrip("/") for name, url in hosts.items()}


def _settings(bench: Bench, folder: Path) -> str:
    key = bench.credentials
    lines = [f'[store]\nurl = "sqlite:{folder}/journal.db"\ndurability = "process"']
    lines.append(f"[exchanges.{bench.manifest.id}.accounts.main]")
    parts = {"api_key": key.api_key, "secret": key.secret, "passphrase": key.passphrase}
    for name, value in parts.items():
        if value is not None:
            file = folder / name
            file.write_text(value)
            file.chmod(0o600)
            lines.append(f'{name} = "file:{file}"')
    if len(bench.manifest.credentials) > 1:
        lines.append(f'algorithm = "{key.algorithm}"')
    return "\n".join(lines) + "\n"
