"""An exchange in memory, with every way in which an answer gets lost, on a virtual loop."""

import asyncio
import itertools
import random
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any

import attrs
import pytest

from venuekit.limits import Lane
from venuekit.model import (
    Advice,
    Balance,
    ExchangeOrderId,
    Failure,
    FeeRates,
    Fill,
    Grid,
    Instrument,
    Instruments,
    InstrumentStatus,
    ListKind,
    NotionalRule,
    NotSent,
    Order,
    OrderEvent,
    OrderList,
    OrderListRequest,
    OrderNotFound,
    OrderPhase,
    OrderRef,
    OrderRequest,
    Outcome,
    OutcomeUnknown,
    Rejected,
    Replacement,
    RequestError,
    Symbol,
    Unavailable,
    exact_sum,
)
from venuekit.orders import ClientOrderIds, OrderDesk
from venuekit.plugin import (
    INTERFACE,
    Account,
    Amend,
    Answer,
    Call,
    CallKind,
    Cancel,
    CancelAll,
    CancelEverything,
    CancelMany,
    ClientOrderIdRule,
    Dedupe,
    Manifest,
    OrderLists,
    Place,
    PlaceMany,
    QueryOrders,
    Replace,
    Request,
    Steps,
    Timing,
)
from venuekit.retry import Attempt, OnAnswer, OnAttempt
from venuekit.stores import Journal, Scope, open_journal

SYMBOL = Symbol("BTC/USDT")
WINDOW_S = 18.0
"""2 + 10 + 5, and a second for clocks that differ."""


EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z


class Time:
    """The exchange's clock, going with the virtual loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def now_ns(self) -> int:
        return EPOCH_NS + round(self._loop.time() * 1e9)


@attrs.define
class Fault:
    """What happens to one request."""

    kind: str
    """`not_sent`, `lost_before`, `lost_after`, `late`, `reject`, `unavailable`, `not_found`,
    `hang_before`, `hang_after`."""
    reason: str = "test.fault"
    delay_s: float = 0.0


class Venue:
    """The exchange's truth: what it has, whatever anybody was told."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.balances: dict[str, Balance] = {}
        self.fills_at_once = False
        self.refusals: dict[Decimal | None, Failure] = {}
        """By quantity: orders that a batch refuses."""
        self.listener: Callable[[OrderEvent], None] = lambda _: None
        """The account stream; events are told before the answer is."""
        self._numbers = itertools.count(1)

    def place(self, request: OrderRequest) -> Order:
        number = str(next(self._numbers))
        order = Order(
            symbol=request.symbol,
            side=request.side,
            type=request.type,
            phase=OrderPhase.OPEN,
            client_order_id=request.client_order_id,
            exchange_order_id=ExchangeOrderId(number),
            quantity=request.quantity,
            price=request.price,
            created_ns=self.time.now_ns(),
            updated_ns=self.time.now_ns(),
        )
        self.orders[number] = order
        self.listener(OrderEvent(order=order))
        if self.fills_at_once:
            self.trade(order, order.remaining or Decimal(0))
        return self.told(number)

    def trade(self, order: Order, quantity: Decimal | str, *, is_told: bool = True) -> Fill:
        number = str(order.exchange_order_id)
        known = self.orders[number]
        fill = Fill(
            symbol=known.symbol,
            trade_id=str(next(self._numbers)),
            exchange_order_id=ExchangeOrderId(number),
            side=known.side,
            price=known.price or Decimal(1),
            quantity=Decimal(quantity),
            time_ns=self.time.now_ns(),
        )
        self.fills.append(fill)
        filled = exact_sum((known.filled, fill.quantity))
        phase = OrderPhase.FILLED if filled == known.quantity else OrderPhase.PARTIALLY_FILLED
        if known.phase.is_final:
            phase = known.phase
        after = attrs.evolve(known, filled=filled, phase=phase, updated_ns=self.time.now_ns())
        self.orders[number] = after
        if is_told:
            self.listener(OrderEvent(order=after, fill=fill))
        return fill

    def told(self, number: str) -> Order:
        order = self.orders[number]
        fills = tuple(f for f in self.fills if f.exchange_order_id == number)
        return attrs.evolve(order, fills=fills)

    def find(self, ref: OrderRef) -> Order:
        for order in reversed(list(self.orders.values())):
            if ref.exchange_order_id is not None:
                is_meant = order.exchange_order_id == ref.exchange_order_id
            else:
                is_meant = order.client_order_id == ref.client_order_id
            if is_meant and order.symbol == ref.symbol:
                return order
        raise failed(OrderNotFound, Outcome.REJECTED, "order.unknown")

    def cancel(self, ref: OrderRef) -> Order:
        order = self.find(ref)
        if order.phase.is_final:
            raise failed(OrderNotFound, Outcome.REJECTED, "order.unknown")
        after = attrs.evolve(order, phase=OrderPhase.CANCELED, updated_ns=self.time.now_ns())
        self.orders[str(order.exchange_order_id)] = after
        self.listener(OrderEvent(order=after))
        return after

    def amend(self, ref: OrderRef, quantity: Decimal | None) -> Order:
        order = self.find(ref)
        after = attrs.evolve(order, quantity=quantity, updated_ns=self.time.now_ns())
        self.orders[str(order.exchange_order_id)] = after
        return after

    def replace(self, ref: OrderRef, request: OrderRequest) -> Replacement:
        return Replacement(canceled=self.cancel(ref), placed=self.place(request))

    def open(self) -> list[Order]:
        return [order for order in self.orders.values() if not order.phase.is_final]


def failed(kind: type[RequestError], outcome: Outcome, reason: str) -> RequestError:
    failure = Failure(outcome=outcome, advice=Advice.NEVER, reason=reason)
    return kind("venue", "test", failure)


class VenueAdapter(Place, Cancel, CancelAll, Amend, Replace, OrderLists, QueryOrders, Account):
    """Speaks for the venue: each call's `read` is the request's effect."""

    venue: Venue

    def failure(self, call: Call[Any], answer: Answer) -> Failure | None:
        return None

    def _call(self, what: str, kind: CallKind, effect: Callable[[], Any]) -> Call[Any]:
        return Call(
            what=what,
            kind=kind,
            request=Request(method="POST", host="rest", path="/"),
            read=lambda _: effect(),
        )

    def place(self, request: OrderRequest, instrument: Instrument) -> Call[Order]:
        if "nonsense" in request.options:
            raise ValueError("options: nonsense is unknown")
        return self._call("place", CallKind.PLACE, lambda: self.venue.place(request))

    def cancel(self, ref: OrderRef, instrument: Instrument) -> Call[Order]:
        return self._call("cancel", CallKind.CANCEL, lambda: self.venue.cancel(ref))

    def cancel_all(self, instrument: Instrument) -> Call[Sequence[Order]]:
        def effect() -> list[Order]:
            return [self.venue.cancel(order.ref) for order in self.venue.open()]

        return self._call("cancel all", CallKind.CANCEL, effect)

    def amend(
        self,
        ref: OrderRef,
        instrument: Instrument,
        *,
        quantity: Decimal | None,
        price: Decimal | None,
    ) -> Call[Order]:
        return self._call("amend", CallKind.AMEND, lambda: self.venue.amend(ref, quantity))

    def replace(
        self,
        ref: OrderRef,
        request: OrderRequest,
        instrument: Instrument,
        *,
        place_even_if_not_canceled: bool,
    ) -> Call[Replacement]:
        return self._call("replace", CallKind.PLACE, lambda: self.venue.replace(ref, request))

    def place_list(self, request: OrderListRequest, instrument: Instrument) -> Call[OrderList]:
        def effect() -> OrderList:
            return OrderList(
                symbol=instrument.symbol,
                kind=request.kind,
                exchange_list_id="1",
                client_list_id=request.client_list_id,
                is_open=True,
                orders=tuple(self.venue.place(leg) for leg in request.legs),
            )

        return self._call("place list", CallKind.PLACE, effect)

    def cancel_list(self, client_list_id: str, instrument: Instrument) -> Call[OrderList]:
        def effect() -> OrderList:
            legs = tuple(self.venue.cancel(order.ref) for order in self.venue.open())
            return self._list(client_list_id, legs)

        return self._call("cancel list", CallKind.CANCEL, effect)

    def fetch_list(self, client_list_id: str) -> Call[OrderList]:
        return self._call(
            "fetch list", CallKind.PRIVATE_READ, lambda: self._list(client_list_id, ())
        )

    def fetch_open_lists(self) -> Call[Sequence[OrderList]]:
        return self._call("fetch lists", CallKind.PRIVATE_READ, lambda: ())

    def _list(self, name: str, legs: tuple[Order, ...]) -> OrderList:
        return OrderList(
            symbol=SYMBOL,
            kind=ListKind.OCO,
            exchange_list_id="1",
            client_list_id=name,
            is_open=bool(self.venue.open()),
            orders=legs,
        )

    def fetch_order(self, ref: OrderRef, instrument: Instrument) -> Steps[Order | None]:
        return self._call("fetch order", CallKind.PRIVATE_READ, lambda: self.venue.find(ref))

    def fetch_open_orders(self, instrument: Instrument | None) -> Steps[Sequence[Order]]:
        return self._call("fetch open", CallKind.PRIVATE_READ, self.venue.open)

    def fetch_orders(
        self, instrument: Instrument, *, since_ns: int | None, until_ns: int | None, limit: int
    ) -> Steps[Sequence[Order]]:
        return self._call(
            "fetch past", CallKind.PRIVATE_READ, lambda: list(self.venue.orders.values())
        )

    def fetch_fills(
        self,
        instrument: Instrument,
        *,
        order: OrderRef | None,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
    ) -> Steps[Sequence[Fill]]:
        def effect() -> list[Fill]:
            return [
                fill
                for fill in self.venue.fills
                if (order is None or fill.exchange_order_id == order.exchange_order_id)
                and fill.time_ns >= (since_ns or 0)
            ]

        return self._call("fetch fills", CallKind.PRIVATE_READ, effect)

    def fetch_balances(self) -> Steps[Sequence[Balance]]:
        return self._call(
            "fetch balances", CallKind.PRIVATE_READ, lambda: list(self.venue.balances.values())
        )

    def fetch_fees(self, instrument: Instrument) -> Steps[FeeRates]:
        raise NotImplementedError


class TersePlaces(VenueAdapter):
    """Cancels and amendments are only said to be taken; what is not known is shown empty."""

    def cancel(self, ref: OrderRef, instrument: Instrument) -> Call[Order]:
        return self._call("cancel", CallKind.CANCEL, lambda: self.venue.cancel(ref) and None)

    def amend(
        self,
        ref: OrderRef,
        instrument: Instrument,
        *,
        quantity: Decimal | None,
        price: Decimal | None,
    ) -> Call[Order]:
        return self._call("amend", CallKind.AMEND, lambda: self.venue.amend(ref, quantity) and None)

    def fetch_order(self, ref: OrderRef, instrument: Instrument) -> Steps[Order | None]:
        def effect() -> Order | None:
            try:
                return self.venue.find(ref)
            except OrderNotFound:
                return None

        return self._call("fetch order", CallKind.PRIVATE_READ, effect)


class ForgetfulPlaces(TersePlaces):
    """Knows nothing any more of an order that ended without a fill."""

    forgets_unfilled = True

    def cancel_all(self, instrument: Instrument) -> Call[Sequence[Order | OrderRef]]:  # type: ignore[override]  # says less than what it stands for
        def effect() -> list[Order | OrderRef]:
            canceled = [self.venue.cancel(order.ref) for order in self.venue.open()]
            return [attrs.evolve(order.ref, client_order_id=None) for order in canceled]

        return self._call("cancel all", CallKind.CANCEL, effect)

    def fetch_order(self, ref: OrderRef, instrument: Instrument) -> Steps[Order | None]:
        def effect() -> Order | None:
            try:
                return self._kept(self.venue.find(ref))
            except OrderNotFound:
                return None

        return self._call("fetch order", CallKind.PRIVATE_READ, effect)

    def fetch_orders(
        self, instrument: Instrument, *, since_ns: int | None, until_ns: int | None, limit: int
    ) -> Steps[Sequence[Order]]:
        def effect() -> list[Order]:
            return [order for order in self.venue.orders.values() if self._kept(order)]

        return self._call("fetch past", CallKind.PRIVATE_READ, effect)

    def _kept(self, order: Order) -> Order | None:
        return None if order.phase.is_final and not order.filled else order


class BatchPlaces(VenueAdapter, PlaceMany, CancelMany):
    """Takes several at once, and answers for each of them."""

    max_places = 4
    max_cancels = 10

    def place_many(
        self, requests: Sequence[OrderRequest], instrument: Instrument
    ) -> Call[Sequence[Order | Failure]]:
        def effect() -> list[Order | Failure]:
            return [
                self.venue.refusals[request.quantity]
                if request.quantity in self.venue.refusals
                else self.venue.place(request)
                for request in requests
            ]

        return self._call("place many", CallKind.PLACE, effect)

    def cancel_many(self, refs: Sequence[OrderRef]) -> Call[Sequence[Order | Failure | None]]:
        def effect() -> list[Order | Failure | None]:
            return [self._canceled(ref) for ref in refs]

        return self._call("cancel many", CallKind.CANCEL, effect)

    def _canceled(self, ref: OrderRef) -> Order | Failure | None:
        try:
            canceled = self.venue.cancel(ref)
        except OrderNotFound as error:
            return error.failure
        # Every other one is only said to be taken.
        return canceled if int(canceled.exchange_order_id or 0) % 2 else None


class SweepingPlaces(VenueAdapter, CancelEverything):
    """Cancels the whole account with one request."""

    def cancel_everything(self) -> Call[int | None]:
        def effect() -> int:
            return len([self.venue.cancel(order.ref) for order in self.venue.open()])

        return self._call("cancel everything", CallKind.CANCEL, effect)


class VenueCaller:
    """Runs calls as the real caller does, but for the network: faults are asked for by name."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}
        self.ran: list[str] = []
        self.lanes: list[tuple[str, Lane | None]] = []
        self.released = asyncio.Event()
        """Set to let what hangs go on."""
        self.before_answer: Callable[[], None] = lambda: None

    def fault(self, what: str, kind: str, **more: Any) -> None:
        self.faults[what].append(Fault(kind, **more))

    async def run(
        self,
        steps: Steps[Any],
        *,
        lane: Lane | None = None,
        wait_s: float | None = None,
        on_attempt: OnAttempt | None = None,
        on_answer: OnAnswer | None = None,
    ) -> Any:
        if not isinstance(steps, Call):
            steps = next(steps)  # what refuses its arguments does so here
        assert isinstance(steps, Call)
        self.ran.append(steps.what)
        self.lanes.append((steps.what, lane))
        fault = self._fault(steps.what)
        if fault.kind == "not_sent":
            raise failed(NotSent, Outcome.NOT_SENT, fault.reason)
        if fault.kind == "hang_before_attempt":
            await self.released.wait()
        if on_attempt is not None:
            now_ns = self.time.now_ns()
            on_attempt(Attempt(number=1, sent_at_ns=now_ns, expires_at_ns=now_ns + 2_000_000_000))
        await asyncio.sleep(0.01)
        return await self._answered(steps, fault, on_answer)

    def _fault(self, what: str) -> Fault:
        waiting = self.faults[what]
        return waiting.popleft() if waiting else self.always.get(what, Fault("none"))

    async def _answered(self, call: Call[Any], fault: Fault, on_answer: OnAnswer | None) -> Any:
        answer = Answer(status=200, body=f"{call.what} with secret".encode())
        if on_answer is not None and fault.kind in {"none", "reject", "not_found"}:
            on_answer(answer)
        lost = failed(
            OutcomeUnknown if call.kind.is_write else Unavailable, Outcome.UNKNOWN, fault.reason
        )
        match fault.kind:
            case "lost_before" | "unavailable":
                raise lost
            case "reject":
                raise failed(Rejected, Outcome.REJECTED, fault.reason)
            case "not_found":
                raise failed(OrderNotFound, Outcome.REJECTED, "order.unknown")
            case "late":
                asyncio.get_running_loop().call_later(
                    fault.delay_s, lambda: call.read(Answer(status=200))
                )
                raise lost
            case "hang_before":
                await self.released.wait()
        result = call.read(Answer(status=200))
        if fault.kind == "lost_after":
            raise lost
        if fault.kind == "hang_after":
            await self.released.wait()
        self.before_answer()
        return result


RULE = ClientOrderIdRule(
    pattern=r"[a-zA-Z0-9-_]{1,36}",
    alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    max_length=36,
    dedupe=Dedupe.OPEN_ONLY,
)
MANIFEST = Manifest(
    id="venue",
    title="Venue",
    adapter=VenueAdapter,
    interface=INTERFACE,
    environments={},
    credentials=(),
    budgets=(),
    client_order_id=RULE,
    timing=Timing(request_validity_s=2.0, engine_timeout_s=10.0, visibility_lag_s=5.0),
)
INSTRUMENT = Instrument(
    symbol=SYMBOL,
    native="BTCUSDT",
    base="BTC",
    quote="USDT",
    status=InstrumentStatus.TRADING,
    price=Grid(Decimal("0.01"), Decimal("0.01"), Decimal(1000000)),
    quantity=Grid(Decimal("0.00001"), Decimal("0.00001"), Decimal(9000)),
    notional=NotionalRule(minimum=Decimal(5)),
)


@attrs.define(kw_only=True)
class World:
    """One run of a program: desk, journal, caller, and the venue that outlives it."""

    venue: Venue
    caller: VenueCaller
    journal: Journal
    desk: OrderDesk
    scope: Scope
    changes: list[Order]
    balances: dict[str, Balance]

    def kept(self, ref: OrderRef | Order) -> Order:
        order = self.desk.order(ref if isinstance(ref, OrderRef) else ref.ref)
        assert order is not None
        return order

    def only(self) -> Order:
        """Give the one order that is not final."""
        (order,) = self.desk.orders()
        return order


@asynccontextmanager
async def opened(
    venue: Venue | None = None,
    *,
    url: str = "memory:",
    journal: Journal | None = None,
    start: bool = True,
    prepare: Callable[[VenueCaller], None] = lambda _: None,
    stream: bool = True,
    adapter_class: type[VenueAdapter] = VenueAdapter,
    manifest: Manifest | None = None,
    **more: Any,
) -> AsyncIterator[World]:
    """Run a program against `venue`, from start to end."""
    time = Time() if venue is None else venue.time
    venue = venue or Venue(time)
    adapter = adapter_class("sim")
    adapter.venue = venue
    adapter.instruments = Instruments([INSTRUMENT])
    caller = VenueCaller(time)
    prepare(caller)
    rng = random.Random(7)
    is_own = journal is None
    journal = journal or await open_journal(url, durability="process")
    mark = await journal.installation_mark(rng)
    changes: list[Order] = []
    balances: dict[str, Balance] = {}
    try:
        async with OrderDesk(
            exchange="venue",
            account="main",
            environment="sim",
            adapter=adapter,
            caller=caller,
            journal=journal,
            clock=time,
            manifest=manifest or MANIFEST,
            ids=ClientOrderIds(RULE, mark=mark, rng=random.Random()),
            rng=rng,
            observers=[changes.append],
            **{"balances": lambda: balances, **more},
        ) as desk:
            venue.listener = desk.on_order_event if stream else lambda _: None
            if start:
                await desk.start()
            caller.ran.clear()
            yield World(
                venue=venue,
                caller=caller,
                journal=journal,
                desk=desk,
                scope=Scope("venue", "main", "sim"),
                changes=changes,
                balances=balances,
            )
    finally:
        venue.listener = lambda _: None
        if is_own:
            await journal.close()


class Lab:
    """What tests make worlds of: `async with world() as w`."""

    terse = TersePlaces
    forgetful = ForgetfulPlaces
    batch = BatchPlaces
    sweeping = SweepingPlaces
    manifest = MANIFEST

    symbol = SYMBOL
    window_s = WINDOW_S
    rule = RULE
    instrument = INSTRUMENT

    def __call__(
        self, venue: Venue | None = None, **more: Any
    ) -> AbstractAsyncContextManager[World]:
        """Run a program against `venue`, or a new one, from start to end."""
        return opened(venue, **more)

    def venue(self) -> Venue:
        """Make an exchange; needs a running loop."""
        return Venue(Time())

    def fault(self, kind: str, **more: Any) -> Fault:
        return Fault(kind, **more)

    def rejected(self, reason: str) -> RequestError:
        return failed(Rejected, Outcome.REJECTED, reason)


@pytest.fixture
def world() -> Lab:
    """Open a program against a venue: `async with world() as w`."""
    return Lab()
