"""Finding out what became of an order whose answer is lost.

"Not found" is proof only when nothing can make the order appear any more: the request's own expiry
has passed, the exchange's engine has given up on it, and its queries show everything up to then.
A question that begins after that moment and is answered with a clean "not found" by every source
proves that the order was never placed. Before it, "not found" only means: ask again; and an error
while asking means nothing at all.
"""

import asyncio
import contextlib
import enum
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, Final, Protocol

import attrs

from venuekit.limits import Lane
from venuekit.model import (
    BadAnswer,
    BudgetExhausted,
    ClientOrderId,
    Closed,
    Fill,
    Instrument,
    NotSent,
    Order,
    OrderNotFound,
    OrderPhase,
    OrderRef,
    RateLimited,
    RequestError,
    StoreError,
    Unavailable,
)
from venuekit.orders.evidence import Evidence, Heard
from venuekit.orders.register import OrderRegister
from venuekit.plugin import Adapter, QueryOrders, Steps, Timing
from venuekit.retry import OnAnswer, OnAttempt

_log: Final = logging.getLogger("venuekit.orders")

_FIRST_DELAY_S: Final = 0.25
_LONGEST_DELAY_S: Final = 8.0
_SLOWER_WHILE_SILENT: Final = 4.0
_CLOCK_MARGIN_S: Final = 1.0
"""Our idea of the exchange's clock may be off by this: it takes no request from further ahead."""
_BEFORE_NS: Final = 60_000_000_000
_MOST_ROWS: Final = 10_000
_MISSES_BEFORE_REPEAT: Final = 2
Repeat = Callable[[], Awaitable[tuple[Order, str]]]
"""Sends an order once more; gives what the exchange says of it, and its answer."""
NEVER_PLACED: Final = "order.never_placed"
_SILENCE: Final = (Unavailable, NotSent, RateLimited, BudgetExhausted)
"""No word of the exchange on the order that was asked for."""


class Asker(Protocol):
    """Runs calls: `venuekit.retry.Caller`, or a double of it."""

    async def run(
        self,
        steps: Steps[Any],
        *,
        lane: Lane | None = None,
        wait_s: float | None = None,
        on_attempt: OnAttempt | None = None,
        on_answer: OnAnswer | None = None,
    ) -> Any:
        """Run `steps`; raises RequestError and BadAnswer."""
        ...


class _Search(enum.Enum):
    ABSENT = "absent"
    """Every source answered, and none has it."""
    UNANSWERED = "unanswered"


def proof_window_s(timing: Timing) -> float:
    """Give how long after it was sent a request may still have an effect that shows late."""
    spans = timing.request_validity_s + timing.engine_timeout_s + timing.visibility_lag_s
    return spans + _CLOCK_MARGIN_S


def delays_s(rng: random.Random) -> Iterator[float]:
    """Give the pauses between questions, in seconds: 0.25, doubling to 8, each cut by chance."""
    delay = _FIRST_DELAY_S
    while True:
        yield delay * rng.uniform(0.5, 1.0)
        delay = min(delay * 2, _LONGEST_DELAY_S)


class Resolver:
    """Looks for orders in the phase `unknown` until their fate is known; a task for each."""

    def __init__(
        self,
        *,
        adapter: Adapter,
        caller: Asker,
        register: OrderRegister,
        timing: Timing,
        rng: random.Random,
        tasks: asyncio.TaskGroup,
        evidence: Evidence,
        is_recorded: Callable[[Order], Awaitable[bool]] | None = None,
    ) -> None:
        """Look with `caller` for orders of `register`, in tasks of `tasks`.

        Args:
            adapter: Makes the calls.
            caller: Runs them.
            register: Has the orders.
            timing: The manifest's.
            rng: For jitter.
            tasks: Where searches run.
            evidence: Keeps answers.
            is_recorded: Says whether the journal has an order, by the exchange's id, as one of
                ours; the register forgets those that ended before the start.
        """
        self._evidence = evidence
        self._is_recorded = is_recorded
        self._adapter = adapter
        self._caller = caller
        self._register = register
        self._window_s = proof_window_s(timing)
        self._rng = rng
        self._tasks = tasks
        self._is_stopped = False
        self._proof_at: dict[str, float] = {}
        self._repeats: dict[str, Repeat] = {}
        self._running: dict[str, tuple[asyncio.Task[None], asyncio.Future[Order]]] = {}
        # While the exchange gives no answers one search asks for all: many orders in doubt must
        # not weigh on an exchange that is down.
        self._is_silent = False
        self._speaker: str | None = None
        # Set while searches may ask.
        self._clear = asyncio.Event()
        self._clear.set()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Ask nothing more inside: a comparison of everything answers for all searches at once.

        Under narrow limits the questions after many orders would leave it no room.
        """
        self._clear.clear()
        try:
            yield
        finally:
            self._clear.set()

    @property
    def window_s(self) -> float:
        """How long "not found" proves nothing after a request was sent, in seconds."""
        return self._window_s

    def sent(self, name: str, repeat: Repeat | None = None) -> None:
        """Remember that an order's request may be on the wire from now on.

        Args:
            name: Its client order id.
            repeat: Sends the same once more, where the exchange refuses a repeat for ever.
        """
        self._proof_at[name] = asyncio.get_running_loop().time() + self._window_s
        if repeat is not None:
            self._repeats[name] = repeat

    def settled(self, name: str) -> None:
        """Forget an order whose outcome is known."""
        self._proof_at.pop(name, None)
        self._repeats.pop(name, None)

    def begin(self, name: str) -> asyncio.Future[Order]:
        """Have an unknown order looked for, and give a future of what it turns out to be.

        The future belongs to all who wait: shield it. It fails with `Closed` when the desk closes
        first; the order stays in the journal as it is, and the next start goes on.
        """
        if self._is_stopped:
            closed: asyncio.Future[Order] = asyncio.get_running_loop().create_future()
            _close(closed, name)
            return closed
        if name not in self._running:
            if name not in self._proof_at:
                # Read from the journal: when it was sent is not certain, but not after now.
                self.sent(name)
            future: asyncio.Future[Order] = asyncio.get_running_loop().create_future()
            task = self._tasks.create_task(self._resolve(name, future), name=f"resolving {name}")
            self._running[name] = task, future
        return self._running[name][1]

    def stop(self) -> None:
        """Cancel all searches, and begin no more."""
        self._is_stopped = True
        for task, _ in self._running.values():
            task.cancel()

    async def _resolve(self, name: str, future: asyncio.Future[Order]) -> None:
        try:
            order = await self._until_known(name)
            self.settled(name)
            future.set_result(order)
        finally:
            del self._running[name]
            if self._speaker == name:
                self._speaker = None
            if not future.done():
                _close(future, name)

    async def _until_known(self, name: str) -> Order:
        loop = asyncio.get_running_loop()
        misses = 0
        for delay_s in delays_s(self._rng):
            order = self._register.named(name)
            if order.phase is not OrderPhase.UNKNOWN:
                break
            left_s = self._proof_at[name] - loop.time()
            pause_s = min(delay_s, left_s) if left_s > 0 else delay_s
            if self._is_silent and self._speaker in {None, name}:
                # It is down; its stream tells when it is back, and then all is compared at once.
                pause_s = delay_s * _SLOWER_WHILE_SILENT
            # The stream may tell first; then there is nothing left to ask.
            if await self._register.changed(name, pause_s):
                continue
            if self._is_silent and self._speaker not in {None, name}:
                continue
            self._speaker = name
            is_late = loop.time() >= self._proof_at[name]
            heard = Heard()
            found = await self._unless_told(name, self._search(order, heard, everywhere=is_late))
            if isinstance(found, Order):
                # Some exchanges rename an order when it is canceled; we do not.
                self._register.report(
                    attrs.evolve(found, client_order_id=order.client_order_id),
                    raw=self._evidence.of_answer(heard.answer),
                )
            elif found is _Search.ABSENT and is_late:
                self._never_placed(name)
            elif found is _Search.ABSENT:
                misses += 1
                if misses == _MISSES_BEFORE_REPEAT:
                    await self._repeated(name)
        return self._register.named(name)

    async def _unless_told(
        self, name: str, search: Coroutine[Any, Any, Order | _Search]
    ) -> Order | _Search | None:
        """Search until the stream tells what became of the order; None if that comes first.

        The question may wait for limits, and the answer be there long before it is sent.
        """
        task = asyncio.create_task(search, name=f"asking after {name}")
        try:
            while not task.done():
                told = asyncio.create_task(self._register.changed(name, None))
                try:
                    await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    told.cancel()
                if self._register.named(name).phase is not OrderPhase.UNKNOWN:
                    return None
            return task.result()
        finally:
            task.cancel()

    async def _repeated(self, name: str) -> None:
        """Send the order again, where that can make no second one; its word counts if it has one.

        A refusal proves nothing: the first may have been taken, and used up what the second lacks.
        """
        repeat = self._repeats.pop(name, None)
        if repeat is None:
            return
        try:
            report, raw = await repeat()
        except (RequestError, BadAnswer, StoreError) as error:
            _log.info("order_repeat_unanswered", extra={"error": type(error).__name__})
            return
        self._register.report(report, raw=raw)

    def _never_placed(self, name: str) -> None:
        # Between the question and its answer the stream may have told of the order.
        if self._register.named(name).phase is OrderPhase.UNKNOWN:
            self._register.conclude(name, OrderPhase.NEVER_PLACED, reason=NEVER_PLACED)

    async def _search(self, order: Order, heard: Heard, *, everywhere: bool) -> Order | _Search:
        adapter = self._adapter
        instrument = adapter.instruments.get(order.symbol)
        if not isinstance(adapter, QueryOrders) or instrument is None:
            return _Search.UNANSWERED
        try:
            found = await self._by_id(adapter, order.ref, instrument, heard)
            if found is None:
                heard.answer = None  # lists are not kept: one order's word is
                found = await self._among_open(adapter, order, instrument)
            if found is None and everywhere:
                past = await self._among_past(adapter, order, instrument, heard)
                self._is_silent = False
                return past
        except (RequestError, BadAnswer, StoreError) as error:
            self._is_silent = isinstance(error, _SILENCE)
            _log.info("order_search_unanswered", extra={"error": type(error).__name__})
            return _Search.UNANSWERED
        except Exception:  # noqa: BLE001  # the border round a plugin: what it cannot ask is not known
            _log.exception("order_search_failed")
            return _Search.UNANSWERED
        self._is_silent = False
        return _Search.ABSENT if found is None else found

    async def _by_id(
        self, adapter: QueryOrders, ref: OrderRef, instrument: Instrument, heard: Heard
    ) -> Order | None:
        try:
            found: Order | None = await self._ask(adapter.fetch_order(ref, instrument), heard)
        except OrderNotFound:
            return None
        return found

    async def _among_open(
        self, adapter: QueryOrders, order: Order, instrument: Instrument
    ) -> Order | None:
        orders: Sequence[Order] = await self._ask(adapter.fetch_open_orders(instrument))
        return _named(orders, order.client_order_id)

    async def _among_past(
        self, adapter: QueryOrders, order: Order, instrument: Instrument, heard: Heard
    ) -> Order | _Search:
        since_ns = max((order.created_ns or 0) - _BEFORE_NS, 1)
        orders: Sequence[Order] = await self._ask(
            adapter.fetch_orders(instrument, since_ns=since_ns, until_ns=None, limit=_MOST_ROWS)
        )
        found = _named(orders, order.client_order_id) or await self._renamed(orders, order)
        if found is not None:
            return found
        fills: Sequence[Fill] = await self._ask(
            adapter.fetch_fills(
                instrument, order=None, since_ns=since_ns, until_ns=None, limit=_MOST_ROWS
            )
        )
        for fill in fills:
            if fill.client_order_id == order.client_order_id:
                ref = OrderRef(symbol=order.symbol, exchange_order_id=fill.exchange_order_id)
                return await self._by_id(adapter, ref, instrument, heard) or _Search.UNANSWERED
        is_cut_off = len(orders) >= _MOST_ROWS or len(fills) >= _MOST_ROWS
        return _Search.UNANSWERED if is_cut_off else _Search.ABSENT

    async def _renamed(self, orders: Sequence[Order], order: Order) -> Order | None:
        """Give the canceled order that must be this one, under the name of its cancel.

        Some exchanges call an order by its cancel's id from then on (on a cancel of
        everything or by hand). Without this look, an order that was canceled before its lost
        answer was made up for would be "never placed", and what it had executed nobody's.
        """
        begun_ns = (order.created_ns or 0) - round(_CLOCK_MARGIN_S * 1e9)
        until_ns = begun_ns + round(self._window_s * 1e9) + _BEFORE_NS
        others = [each for each in orders if begun_ns <= (each.created_ns or 0) <= until_ns]
        likely = [each for each in others if _is_like(each, order)]
        # The same quantity first; a smaller one is one that was amended.
        for each in sorted(likely, key=lambda each: each.quantity != order.quantity):
            if not await self._is_had(each):
                return each
        return None

    async def _is_had(self, order: Order) -> bool:
        """Say whether it is known, by the exchange's id, as another one of ours."""
        known = self._register.find(order.ref)
        if known is not None:
            return not self._register.is_foreign(known)
        return self._is_recorded is not None and await self._is_recorded(order)

    async def _ask(self, steps: Steps[Any], heard: Heard | None = None) -> Any:
        await self._clear.wait()
        # Placing's lane: this answer decides over money, and must not wait behind queries.
        return await self._caller.run(steps, lane=Lane.PLACE, on_answer=heard)


def _close(future: asyncio.Future[Order], name: str) -> None:
    future.set_exception(Closed(f"closed while {name} was looked for; the next start goes on"))
    future.exception()  # it need not have anybody who waits


def _is_like(found: Order, order: Order) -> bool:
    """Say whether a canceled order is what was asked for; an amendment may have made it smaller."""
    return (
        found.phase is OrderPhase.CANCELED
        and (found.side, found.type, found.price) == (order.side, order.type, order.price)
        and found.quantity is not None
        and order.quantity is not None
        and found.quantity <= order.quantity
    )


def _named(orders: Sequence[Order], name: ClientOrderId | None) -> Order | None:
    return next((order for order in orders if order.client_order_id == name), None)
