"""Streams that break under a whole client: what is missed is said, and restored."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

from venuekit.model import (
    Gap,
    Instrument,
    NotSupported,
    OrderChange,
    OrderEvent,
    OrderNotFound,
    OrderPhase,
    StreamError,
    StreamState,
    StreamStateChanged,
    Trade,
    VenuekitError,
)
from venuekit.plugin import Stream, Subscription, Topic
from venuekit.sim.faults import Fault, FaultKind
from venuekit.testing.conformance.clients import Client, open_client
from venuekit.testing.conformance.specimen import Specimen
from venuekit.testing.conformance.verdicts import Exempt, NotComputed, Tally

_FIRST_S: Final = 300.0
"""For how long a simulator's market may print nothing."""
_SETTLED_S: Final = 15.0
_BACK_S: Final = 20.0
_TROUBLES: Final = 6
_PATIENCE_S: Final = 24 * 3600.0
_LISTED: Final = 1000

Breaks = Callable[[Client], Awaitable[None]]
"""Breaks something, and waits until it can be seen."""


def gaps_visible_and_filled(specimen: Specimen, tally: Tally) -> None:
    """G2: sockets break in four ways; the stream says so, and misses nothing without a word."""
    from venuekit.testing.virtual_time import run_virtually

    if not isinstance(specimen.bench.adapter, Stream):
        raise Exempt("the exchange streams nothing")
    try:
        specimen.bench.adapter.channel_of(Subscription(Topic.TRADES, _any_instrument(specimen)))
    except ValueError:
        raise Exempt("the exchange streams no trades") from None
    ways: Sequence[tuple[str, Breaks]] = (
        ("the socket is cut", _cut),
        ("the machine is offline for a minute and a half", _offline),
        ("the socket falls silent without a word", _silent),
        ("three connections are refused", _refused),
    )
    for name, way in ways:
        run_virtually(_one_break(specimen, tally, name, way))


def private_stream(specimen: Specimen, tally: Tally) -> None:
    """G4: frames come twice, late, and not at all; tokens run out: every fill counts once."""
    from venuekit.testing.virtual_time import run_virtually

    if not isinstance(specimen.bench.adapter, Stream):
        raise Exempt("the exchange streams nothing")
    try:
        specimen.bench.adapter.channel_of(Subscription(Topic.ACCOUNT))
    except ValueError:
        raise Exempt("the exchange has no private stream") from None
    for kind in (
        FaultKind.MESSAGE_DUPLICATE,
        FaultKind.MESSAGE_REORDER,
        FaultKind.MESSAGE_DROP,
    ):
        run_virtually(_troubled_account(specimen, tally, kind))
    run_virtually(_token_runs_out(specimen, tally))


def _any_instrument(specimen: Specimen) -> Instrument:
    if specimen.tour.instrument is None:
        raise NotComputed("no instrument to subscribe to")
    return specimen.tour.instrument


async def _cut(client: Client) -> None:
    client.transport.drop_sockets()
    await asyncio.sleep(1)


async def _offline(client: Client) -> None:
    client.transport.go_offline()
    await asyncio.sleep(90)
    client.transport.go_online()
    await asyncio.sleep(1)


async def _silent(client: Client) -> None:
    client.dialect.faults.add(Fault(kind=FaultKind.SILENCE, count=None))
    await asyncio.sleep(client.longest_silence_s)


async def _refused(client: Client) -> None:
    client.dialect.faults.add(Fault(kind=FaultKind.REFUSE_CONNECTION, count=3))
    client.transport.drop_sockets()
    await asyncio.sleep(1)


class _Listener:
    """Reads a stream of trades and keeps what it said."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    @property
    def trades(self) -> list[Trade]:
        return [event for event in self.events if isinstance(event, Trade)]

    @property
    def gaps(self) -> list[Gap]:
        return [event for event in self.events if isinstance(event, Gap)]

    @property
    def states(self) -> list[StreamState]:
        return [event.state for event in self.events if isinstance(event, StreamStateChanged)]

    async def read(self, stream: AsyncIterator[Any]) -> None:
        async for event in stream:
            self.events.append(event)

    async def heard(self, count: int, within_s: float) -> bool:
        """Wait for so many trades in all."""
        for _ in range(round(within_s)):
            if len(self.trades) >= count:
                return True
            await asyncio.sleep(1)
        return len(self.trades) >= count


async def _one_break(specimen: Specimen, tally: Tally, name: str, way: Breaks) -> None:
    call = f"trades(…) while {name}"
    async with open_client(specimen, seed=31) as client:
        exchange = client.exchange
        instrument = await client.instrument()
        listener = _Listener()
        stream = exchange.trades(instrument.symbol, with_states=True)
        task = asyncio.create_task(listener.read(stream), name="listener")
        try:
            if not await listener.heard(3, _FIRST_S):
                raise NotComputed("the simulator's market prints no trades")
            before = len(listener.trades)
            told = len(listener.states)
            await way(client)
            await asyncio.sleep(5)
            said = listener.states[told:]
            tally.expect(
                any(state is not StreamState.LIVE for state in said),
                expected="a state that is not live",
                seen=[state.value for state in said],
                call=call,
            )
            client.dialect.faults.clear()
            await asyncio.sleep(_SETTLED_S)
            is_back = await listener.heard(before + 1, _FIRST_S)
            await asyncio.sleep(10)
        finally:
            task.cancel()
            await asyncio.wait([task])
            await stream.aclose()
        tally.expect(is_back, expected="trades again", seen="none", call=call)
        tally.expect(bool(listener.gaps), expected="a Gap in line", seen="none", call=call)
        tally.expect(
            listener.states[-1] is StreamState.LIVE,
            expected="live again",
            seen=listener.states[-1].value,
            call=call,
        )
        await _nothing_unsaid(client, instrument, listener, tally, call)


async def _nothing_unsaid(
    client: Client, instrument: Instrument, listener: _Listener, tally: Tally, call: str
) -> None:
    """Compare with what the exchange tells over REST; a Gap that was not filled excuses."""
    ids = [trade.trade_id for trade in listener.trades]
    tally.expect(len(ids) == len(set(ids)), expected="each trade once", seen="one twice", call=call)
    if "market data" not in client.exchange.capabilities:
        return
    listed = await client.exchange.fetch_trades(instrument.symbol, limit=_LISTED)
    there = [trade.trade_id for trade in listed]
    if ids[0] not in there or ids[-1] not in there:
        return  # the market went on for longer than REST tells
    span = there[there.index(ids[0]) : there.index(ids[-1]) + 1]
    missing = [number for number in span if number not in set(ids)]
    is_said = any(not gap.is_filled for gap in listener.gaps)
    tally.expect(
        not missing or is_said,
        expected="every trade, or a Gap that was not filled",
        seen=f"{len(missing)} of {len(span)} are missing, the first {missing[:1]}",
        call=call,
    )


@contextlib.asynccontextmanager
async def _following(client: Client) -> AsyncIterator[list[Any]]:
    """Follow the account's stream meanwhile."""
    told: list[Any] = []

    async def read(stream: AsyncIterator[Any]) -> None:
        async for event in stream:
            told.append(event)  # noqa: PERF401  # others read the list while it grows

    stream = await client.exchange.account_events()
    task = asyncio.create_task(read(stream), name="account")
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.wait([task])
        await stream.aclose()


async def _troubled_account(specimen: Specimen, tally: Tally, kind: FaultKind) -> None:
    call = f"place(…) and cancel(…) with {kind.value} on every stream"
    async with asyncio.timeout(_PATIENCE_S), open_client(specimen, seed=33) as client:
        async with _following(client) as told:
            await _round(client, tally, call)
            client.dialect.faults.add(Fault(kind=kind, count=_TROUBLES, probability=0.5))
            for _ in range(2):
                await _round(client, tally, call, is_calm=False)
            client.dialect.faults.clear()
            client.transport.drop_sockets()
            await asyncio.sleep(_BACK_S)
            await _round(client, tally, call)
        await _settled(client, tally, call)
        _counted_once(told, tally, call)


async def _token_runs_out(specimen: Specimen, tally: Tally) -> None:
    call = "place(…) and cancel(…) after a token ran out"
    async with (
        asyncio.timeout(_PATIENCE_S),
        open_client(specimen, seed=35) as client,
        _following(client) as told,
    ):
        await _round(client, tally, call)
        client.dialect.faults.add(Fault(kind=FaultKind.EXPIRED_TOKEN))
        client.transport.drop_sockets()
        await asyncio.sleep(_BACK_S)
        before = len(told)
        await _round(client, tally, call)
        tally.expect(
            bool(_of_orders(told[before:])),
            expected="the account's stream tells of an order again",
            seen="nothing",
            call=call,
        )


async def _round(client: Client, tally: Tally, call: str, *, is_calm: bool = True) -> None:
    """Let one order rest and cancel it, and let one fill."""
    exchange = client.exchange
    try:
        _, resting = await client.resting_order()
        order = await exchange.place(resting)
        await exchange.cancel(order)
        _, crossing = await client.crossing_order()
        await exchange.place(crossing)
    except NotSupported as error:
        raise Exempt(str(error)) from None
    except StreamError as error:
        # Nothing was placed, and it was said: the account's stream is away.
        tally.expect(not is_calm, expected="the account's stream", seen=repr(error), call=call)
    except VenuekitError as error:
        tally.expect(False, expected="orders that are placed", seen=repr(error), call=call)
    await asyncio.sleep(3)


async def _settled(client: Client, tally: Tally, call: str) -> None:
    """Compare with the exchange: nothing is open, every fill is known once."""
    exchange = client.exchange
    await exchange.reconcile()
    again = await exchange.reconcile()
    tally.expect(
        again.is_clean, expected="a second comparison that finds nothing", seen=again, call=call
    )
    for order in exchange.orders(open_only=False):
        try:
            there = await exchange.fetch_order(order)
        except OrderNotFound:
            # Some exchanges forget what was canceled without a fill.
            tally.expect(
                order.phase is OrderPhase.CANCELED and not order.filled,
                expected="an order that the exchange knows",
                seen=order,
                call=call,
            )
            continue
        tally.expect(
            order.filled == there.filled and order.phase == there.phase,
            expected=f"{there.phase.value}, {there.filled} filled",
            seen=f"{order.phase.value}, {order.filled} filled",
            call=call,
        )


def _of_orders(told: Sequence[Any]) -> list[Any]:
    return [event for event in told if isinstance(event, OrderEvent | OrderChange)]


def _counted_once(told: Sequence[Any], tally: Tally, call: str) -> None:
    orders = _of_orders(told)
    tally.expect(
        bool(orders),
        expected="the account's stream tells of orders",
        seen=f"{len(told)} other events",
        call=call,
    )
    for event in orders:
        if isinstance(event, OrderEvent) and event.order.quantity is not None:
            tally.expect(
                event.order.filled <= event.order.quantity,
                expected=f"{event.order.quantity} filled at most",
                seen=event.order.filled,
                call=call,
            )
