"""The order desk: through it every order of one account goes, and none gets lost."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Final, Self

from venuekit.limits import Lane
from venuekit.model import (
    ClientOrderId,
    Closed,
    NotSent,
    Order,
    OrderChange,
    OrderEvent,
    OrderList,
    OrderListRequest,
    OrderPhase,
    OrderRef,
    OrderRequest,
    OutcomeUnknown,
    Rejected,
    Replacement,
    StoreError,
    Symbol,
    VenuekitError,
)
from venuekit.orders.admission import Admission, ReferencePrice, Veto
from venuekit.orders.batches import NOTHING, Batch, Batches
from venuekit.orders.changes import Changes
from venuekit.orders.combined import Combined
from venuekit.orders.commands import Commands
from venuekit.orders.equipment import Equipment
from venuekit.orders.evidence import Evidence
from venuekit.orders.happenings import OrderEvents
from venuekit.orders.ids import ClientOrderIds
from venuekit.orders.lifecycle import Divergence
from venuekit.orders.reconciliation import Reconciliation
from venuekit.orders.reconciling import Balances, KeepBalance, Reconciler
from venuekit.orders.register import OrderClock, OrderRegister
from venuekit.orders.resolving import Asker, Resolver
from venuekit.orders.sending import Sender
from venuekit.orders.stopping import Stopped
from venuekit.orders.trade_search import TradeSearch
from venuekit.plugin import Adapter, Dedupe, Manifest, Place, QueryOrders, Validate
from venuekit.stores import Journal, Origin, Scope

_log: Final = logging.getLogger("venuekit.orders")
_ON_THE_WAY: Final = frozenset({OrderPhase.PREPARED, OrderPhase.SUBMITTING})
_UNHEARD: Final = _ON_THE_WAY | {OrderPhase.UNKNOWN}
_WITHOUT_EFFECT: Final = frozenset(
    {OrderPhase.NEVER_PLACED, OrderPhase.REJECTED, OrderPhase.DENIED}
)


class OrderDesk:
    """Places, cancels and follows the orders of one account.

    To be used as an asynchronous context manager, and started before anything is placed:

        async with OrderDesk(...) as desk:
            await desk.start()
            order = await desk.place(request)

    What holds at every `await`: an order that may be on the wire is in the journal, and as long as
    its outcome is not known a task of the desk looks for it. Canceling the task that placed it
    changes nothing about that; leaving the context ends the search, and the next start takes it
    up again.
    """

    def __init__(
        self,
        *,
        exchange: str,
        account: str,
        environment: str,
        adapter: Adapter,
        caller: Asker,
        journal: Journal,
        clock: OrderClock,
        manifest: Manifest,
        ids: ClientOrderIds,
        rng: random.Random,
        vetoes: Sequence[Veto] = (),
        observers: Sequence[Callable[[Order], None]] = (),
        reference_price: ReferencePrice = lambda _: None,
        balances: Balances = dict,
        keep_balance: KeepBalance = lambda _: None,
        redact: Callable[[str], str] | None = None,
        resolve_wait_s: float = 60.0,
    ) -> None:
        """Bind everything once; nothing happens yet.

        Args:
            exchange: Its id.
            account: Whose orders.
            environment: `live`, `testnet` or `sim`.
            adapter: Makes the calls; its listing has the instruments' rules.
            caller: Runs them.
            journal: Where every order is written down; not closed by the desk.
            clock: The exchange's time.
            manifest: For timing and the rule of client order ids.
            ids: Makes client order ids and tells ours.
            rng: For jitter.
            vetoes: Asked before an order is journalled.
            observers: Told of every change once an order is out; one that raises is logged.
            reference_price: The market's price where it is known, for price bands.
            balances: As a stream keeps them, to be compared in `reconcile`.
            keep_balance: Takes a balance over that the stream has missed.
            redact: Takes secrets out of the exchange's answers, which are then kept in the journal
                beside what was made of them; None: they are not kept.
            resolve_wait_s: How much longer than the proof of "never placed" takes `place` waits
                for an unknown outcome, for example while the exchange cannot be asked.
        """
        self._scope = Scope(exchange, account, environment)
        self._adapter = adapter
        self._caller = caller
        self._journal = journal
        self._clock = clock
        self._manifest = manifest
        self._rng = rng
        self._resolve_wait_s = resolve_wait_s
        self._evidence = Evidence(redact)
        self._register = OrderRegister(
            scope=self._scope, journal=journal, clock=clock, ids=ids, observers=observers
        )
        self._admission = Admission(
            exchange=exchange,
            adapter=adapter,
            id_rule=manifest.client_order_id,
            ids=ids,
            vetoes=tuple(vetoes),
            reference_price=reference_price,
        )
        self._reconciler = Reconciler(
            scope=self._scope,
            adapter=adapter,
            caller=caller,
            journal=journal,
            register=self._register,
            clock=clock,
            ids=ids,
            balances=balances,
            keep_balance=keep_balance,
        )
        self._tasks = asyncio.TaskGroup()
        self._one_at_a_time = asyncio.Lock()
        self._loading = asyncio.Lock()
        self._keys: dict[str, asyncio.Future[None]] = {}
        # Events that come before the journal is read wait here; None once it is.
        self._held: list[OrderEvent | OrderChange] | None = []
        self._is_started = False
        self._is_stopped = False
        self._is_closed = False
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._watch: asyncio.Task[None] | None = None
        self.last_reconciliation: Reconciliation | None = None

    async def __aenter__(self) -> Self:
        """Open the task group that searches for unknown outcomes."""
        await self._tasks.__aenter__()
        self._resolver = Resolver(
            adapter=self._adapter,
            caller=self._caller,
            register=self._register,
            timing=self._manifest.timing,
            rng=self._rng,
            tasks=self._tasks,
            evidence=self._evidence,
            is_recorded=self._is_recorded,
        )
        self._trade_search = TradeSearch(
            adapter=self._adapter,
            caller=self._caller,
            register=self._register,
            tasks=self._tasks,
        )
        self._register.observe(self._trade_search.on_change)
        self._with = Equipment(
            scope=self._scope,
            adapter=self._adapter,
            caller=self._caller,
            journal=self._journal,
            register=self._register,
            resolver=self._resolver,
            sender=Sender(
                scope=self._scope,
                caller=self._caller,
                journal=self._journal,
                register=self._register,
                resolver=self._resolver,
                evidence=self._evidence,
                is_deduped=self._manifest.client_order_id.dedupe is Dedupe.FOREVER,
            ),
            admission=self._admission,
            clock=self._clock,
            rng=self._rng,
            evidence=self._evidence,
            resolve_wait_s=self._resolve_wait_s,
        )
        self._commands = Commands(self._with)
        self._combined = Combined(self._with)
        self._batches = Batches(self._with, self._commands)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take no more orders and end the searches; what is unknown stays so in the journal."""
        self._is_closed = self._is_stopped = True
        if self._watch is not None:
            self._watch.cancel()
        self._resolver.stop()
        self._trade_search.stop()
        self._register.close()
        # The group waits for the searches; the application's own error goes its way unwrapped.
        is_canceled = isinstance(error, asyncio.CancelledError)
        await self._tasks.__aexit__(*((kind, error, trace) if is_canceled else (None, None, None)))

    async def start(self) -> None:
        """Take up what earlier runs left: find out unknown outcomes, compare open orders.

        Until it has succeeded nothing is placed. Safe to repeat, also after it failed.

        Raises:
            OutcomeUnknown: An order's fate could not be found out in time.
            RequestError: The exchange could not be asked.
            StoreError: The journal could not be read.
        """
        async with self._one_at_a_time:
            if self._is_started:
                return
            await self._load()
            resolved = await self.resolve_unknown()
            if isinstance(self._adapter, QueryOrders):
                self._compared(await self._reconciler.run(resolved))
            self._is_started = True

    def keep_reconciled(self, pause_s: Callable[[], float]) -> None:
        """Compare with the exchange again and again from now on, behind everything else.

        One that fails is told in the log, and the next one is made. Safe to repeat.

        Args:
            pause_s: Gives the seconds until the next comparison, > 0; cut by chance, so that many
                programs do not ask at once.
        """
        if self._watch is None and not self._is_stopped:
            self._watch = self._tasks.create_task(
                self._keep_reconciled(pause_s), name=f"reconciling {self._scope.exchange}"
            )

    async def stop(self, *, within_s: float = 10.0, cancel_orders: bool = False) -> Stopped:
        """Place nothing more, let what is under way end, and say what is left. Safe to repeat.

        Cancels go out as before, until the desk is closed.

        Args:
            within_s: How long all of it may take, in seconds.
            cancel_orders: Cancel the open orders of ours first; those of others stay.
        """
        self._is_stopped = True
        if self._watch is not None:
            self._watch.cancel()
        until = asyncio.get_running_loop().time() + within_s
        canceled: list[Order] = []
        failures: list[str] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._idle.wait()
                if cancel_orders:
                    await self._cancel_ours(canceled, failures)
                with contextlib.suppress(OutcomeUnknown, Closed):
                    await self.resolve_unknown()
        ours = [
            o for o in self._register.orders(open_only=True) if not self._register.is_foreign(o)
        ]
        return Stopped(
            canceled=tuple(canceled),
            open=tuple(o for o in ours if o.phase not in _UNHEARD),
            unknown=tuple(o for o in ours if o.phase in _UNHEARD),
            in_flight=self._in_flight,
            failures=tuple(failures),
        )

    # Orders

    async def place(
        self,
        request: OrderRequest,
        *,
        wait: bool = True,
        intent_key: str | None = None,
        limit_wait_s: float | None = None,
    ) -> Order:
        """Place an order: at most one, whatever happens on the way.

        Args:
            request: What to place.
            wait: If the answer is lost: True waits until the outcome is known; False raises
                `OutcomeUnknown` at once, which can be awaited for the order as it turns out.
            intent_key: The application's own key. The same key is the same order, also across a
                restart: it is given back as it is now, in whatever phase, and nothing is sent.
            limit_wait_s: Longest wait for the exchange's limits, in seconds; None: as usual.

        Raises:
            OrderRefused: It breaks a rule or a veto; nothing was sent.
            StoreError: The journal failed; nothing was sent. `IntentExists` if the client order
                id of the request was used before.
            NotSent: It never reached the exchange, by proof.
            Rejected: The exchange refused it.
            OutcomeUnknown: It could not be found out in time; the search goes on.
            Closed: The desk is closed, or was not started.
        """
        with self._flight():
            if intent_key is None:
                return await self._place(
                    request, wait=wait, intent_key=None, limit_wait_s=limit_wait_s
                )
            async with self._reserved(intent_key) as release:
                known = await self._journal.intent_of_key(self._scope, intent_key)
                if known is None:
                    # Time has passed since the first look.
                    self._check_placing()
                    return await self._place(
                        request,
                        wait=wait,
                        intent_key=intent_key,
                        limit_wait_s=limit_wait_s,
                        then=release,
                    )
            return await self._as_it_is(known.client_order_id, known.request.symbol, wait=wait)

    async def validate(self, request: OrderRequest) -> None:
        """Check an order here and at the exchange, without placing it.

        Raises:
            OrderRefused: It breaks a rule that is known here, or a veto.
            Rejected: The exchange would refuse it.
            NotSupported: The exchange does not check orders.
        """
        adapter = self._with.able(Validate, "checking orders")
        instrument = self._admission.instrument(request.symbol)
        checked = self._admission.checked(request, instrument)
        call = self._with.built(request.symbol, lambda: adapter.validate(checked, instrument))
        await self._caller.run(call)

    async def cancel(self, ref: OrderRef) -> Order:
        """Cancel an order and give its last state, which may be filled.

        Works also before the start and while the journal fails.

        Raises:
            OrderNotFound: The exchange knows no such order.
            OutcomeUnknown: It may be open still.
            RequestError: It was not canceled.
        """
        await self._loaded()
        return await self._commands.cancel(ref)

    async def cancel_all(self, symbol: Symbol) -> Sequence[Order]:
        """Cancel everything open on `symbol`; gives the canceled orders."""
        await self._loaded()
        return await self._commands.cancel_all(symbol)

    async def amend(
        self, ref: OrderRef, *, quantity: Decimal | None = None, price: Decimal | None = None
    ) -> Order:
        """Change an open order in its place in the queue, as far as the exchange can."""
        with self._flight():
            return await self._commands.amend(ref, quantity=quantity, price=price)

    async def replace(
        self, ref: OrderRef, request: OrderRequest, *, place_even_if_not_canceled: bool = False
    ) -> Replacement:
        """Cancel an order and place another; the two halves are answered for on their own."""
        with self._flight():
            return await self._combined.replace(
                ref, request, place_even_if_not_canceled=place_even_if_not_canceled
            )

    async def place_list(self, request: OrderListRequest) -> OrderList:
        """Place orders that the exchange governs together."""
        with self._flight():
            return await self._combined.place_list(request)

    async def place_many(self, requests: Sequence[OrderRequest], *, wait: bool = True) -> Batch:
        """Place several orders; each leg is answered for as if it went alone.

        Where the exchange takes several in one request they are sent so, cut to its size.

        Args:
            requests: What to place, on any instruments.
            wait: As in `place`; with False, unknown legs have an `OutcomeUnknown` to await.

        Raises:
            OrderRefused: One of them breaks a rule; nothing was sent.
            StoreError: The journal failed; nothing was sent.
        """
        with self._flight():
            return await self._batches.place_many(requests, wait=wait) if requests else NOTHING

    async def cancel_many(self, refs: Sequence[OrderRef]) -> Batch:
        """Cancel several orders; each leg has the order's last state, or why it is not canceled.

        Works also before the start and while the journal fails.
        """
        await self._loaded()
        return await self._batches.cancel_many(refs) if refs else NOTHING

    async def cancel_everything(self) -> Batch:
        """Cancel all open orders of the account, those of others too; a leg for each.

        Works also before the start and while the journal fails.
        """
        await self._loaded()
        return await self._batches.cancel_everything()

    async def cancel_list(self, client_list_id: str, symbol: Symbol) -> OrderList:
        """Cancel all legs of a list and give its last state."""
        await self._loaded()
        return await self._combined.cancel_list(client_list_id, symbol)

    # What is known

    def on_order_event(self, event: OrderEvent | OrderChange) -> None:
        """Take in what the account's stream tells of an order."""
        if self._held is not None:
            self._held.append(event)
            return
        if isinstance(event, OrderChange):
            self._register.change(event, raw=self._evidence.of_frame(event.raw))
            return
        self._register.report(
            event.order,
            () if event.fill is None else (event.fill,),
            raw=self._evidence.of_frame(event.raw),
        )

    def order(self, ref: OrderRef) -> Order | None:
        """Give what is known of an order that is open or ended lately; the journal has all."""
        return self._register.find(ref)

    def orders(self, *, open_only: bool = True) -> list[Order]:
        """Give the orders that are open, or also those that ended lately."""
        return self._register.orders(open_only=open_only)

    def changes(self, *, capacity: int = 1000) -> Changes:
        """Follow all orders from now on, for `async for`.

        A subscriber that leaves more than `capacity` changes unread gets a `ConsumerTooSlow`.
        """
        return self._register.subscribe(capacity)

    async def events(self, consumer: str, *, from_start: bool = False) -> OrderEvents:
        """Follow all orders through the journal: each change at least once, across restarts.

        Args:
            consumer: Names who reads; where it left off is kept under this name.
            from_start: A consumer that was never here before begins with the oldest event in the
                journal, not with the next one.

        Raises:
            StoreError: The journal could not be read.
        """
        events = OrderEvents(
            journal=self._journal,
            scope=self._scope,
            consumer=consumer,
            bell=self._register.subscribe(1),
            from_start=from_start,
        )
        await events.begin()
        return events

    def pending(self, ref: OrderRef) -> frozenset[str]:
        """Name the commands to an order (`cancel`, `amend`, `replace`) not answered for yet."""
        return self._register.pending(ref)

    def divergences(self) -> list[Divergence]:
        """Give the newest reports that did not fit what was known, at most a thousand."""
        return list(self._register.divergences)

    @property
    def journal_failure(self) -> StoreError | None:
        """Why nothing can be placed any more; cancels still can."""
        return self._register.journal_failure or self._journal.failure

    async def resolve_unknown(self) -> list[Order]:
        """Find out what became of every order in the phase `unknown`; gives them as they are then.

        Raises:
            OutcomeUnknown: One could not be found out in time; the search goes on.
        """
        unknown = [
            order
            for order in self._register.orders(open_only=True)
            if order.phase is OrderPhase.UNKNOWN
        ]
        futures = [self._resolver.begin(str(order.client_order_id)) for order in unknown]
        try:
            async with asyncio.timeout(self._resolver.window_s + self._resolve_wait_s):
                return [await asyncio.shield(future) for future in futures]
        except TimeoutError:
            left = next(
                (o for o, f in zip(unknown, futures, strict=True) if not f.done()), unknown[0]
            )
        raise self._with.unknown(left.ref, "place order", "it could not be found out in time")

    async def reconcile(self, *, resolve: bool = True, lane: Lane = Lane.QUERY) -> Reconciliation:
        """Compare journal, open orders, fills and balances with the exchange; repair and report.

        Args:
            resolve: Wait until unknown outcomes are found out; False reports them as such.
            lane: How urgent the questions are; before `Lane.QUERY`, those after single orders in
                doubt wait until it is done.

        Raises:
            NotSupported: The exchange cannot be asked for orders.
            RequestError: It could not be asked now.
        """
        async with self._one_at_a_time:
            await self._load()
            resolved: list[Order] = []
            # One that cannot be found out is a line of the report, and no reason to see less.
            if resolve:
                with contextlib.suppress(OutcomeUnknown):
                    resolved = await self.resolve_unknown()
            is_urgent = lane < Lane.QUERY
            with self._resolver.held() if is_urgent else contextlib.nullcontext():
                return self._compared(await self._reconciler.run(resolved, lane=lane))

    # Inside

    def _check_placing(self) -> None:
        if self._is_stopped or not self._is_started:
            state = "is closed" if self._is_closed else "was not started"
            if self._is_stopped and not self._is_closed:
                state = "was stopped"
            raise Closed(f"the order desk {state}; nothing was sent")

    @contextlib.contextmanager
    def _flight(self) -> Iterator[None]:
        """Have a stop wait for what happens inside; raises Closed."""
        self._check_placing()
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def _cancel_ours(self, canceled: list[Order], failures: list[str]) -> None:
        async def cancel(order: Order) -> None:
            try:
                after = await self.cancel(order.ref)
            except VenuekitError as error:
                failures.append(f"{order.ref}: {error}")
            else:
                canceled.append(after)

        async with asyncio.TaskGroup() as tasks:
            for order in self._register.orders(open_only=True):
                if not self._register.is_foreign(order):
                    tasks.create_task(cancel(order), name=f"canceling {order.ref}")

    async def _keep_reconciled(self, pause_s: Callable[[], float]) -> None:
        while True:
            await asyncio.sleep(pause_s() * self._rng.uniform(0.9, 1.1))
            try:
                async with self._one_at_a_time:
                    self._compared(await self._reconciler.run(lane=Lane.MARKET_DATA))
            except VenuekitError as error:
                _log.warning("reconciliation_failed", extra={"reason": str(error)})
            except Exception:  # noqa: BLE001  # the border round a plugin: the next one may go well
                _log.exception("reconciliation_failed")

    def _compared(self, found: Reconciliation) -> Reconciliation:
        self.last_reconciliation = found
        for difference in found.differences:
            level = logging.INFO if difference.is_repaired else logging.WARNING
            _log.log(level, "difference", extra={"difference": str(difference)})
        return found

    async def _is_recorded(self, order: Order) -> bool:
        """Say whether the journal has an order of ours under the exchange's id of this one."""
        if order.exchange_order_id is None:
            return False
        ref = OrderRef(symbol=order.symbol, exchange_order_id=order.exchange_order_id)
        known = await self._journal.order(self._scope, ref)
        if known is None:
            return False
        (origin,) = await self._journal.origins(self._scope, [known])
        return origin is not Origin.FOREIGN

    async def _loaded(self) -> None:
        """Have the journal read if it can be; a cancel goes out all the same if it cannot."""
        try:
            await self._load()
        except StoreError as error:
            self._register.journal_failed(error)

    async def _load(self) -> None:
        async with self._loading:
            if self._held is None:
                return
            orders = await self._journal.orders(self._scope, open_only=True)
            origins = await self._journal.origins(self._scope, orders)
            for order, origin in zip(orders, origins, strict=True):
                self._register.load(order, origin)
                if order.phase in _ON_THE_WAY:
                    # Whether it left is not known: the record of the attempt may be missing.
                    self._register.conclude(str(order.client_order_id), OrderPhase.UNKNOWN)
            held, self._held = self._held, None
            for event in held:
                self.on_order_event(event)

    async def _place(
        self,
        request: OrderRequest,
        *,
        wait: bool,
        intent_key: str | None,
        limit_wait_s: float | None,
        then: Callable[[], None] | None = None,
    ) -> Order:
        adapter = self._with.able(Place, "placing orders")
        instrument = self._admission.instrument(request.symbol)
        checked = self._admission.checked(request, instrument)
        call = self._admission.built(request.symbol, lambda: adapter.place(checked, instrument))
        (order,) = await self._with.journalled([checked], intent_key)
        if then is not None:
            then()
        try:
            report, raw = await self._with.sender.send([order], call, limit_wait_s=limit_wait_s)
        except OutcomeUnknown as error:
            if not wait:
                raise self._with.awaitable(order, error) from None
            return await self._with.outcome(order, error)
        except (NotSent, Rejected):
            known = self._register.named(str(order.client_order_id))
            if known.phase in _WITHOUT_EFFECT:
                raise
            return known  # the stream had told that the exchange has it: the answer was wrong
        return self._with.taken_in(report, order.ref, raw)

    @contextlib.asynccontextmanager
    async def _reserved(self, intent_key: str) -> AsyncIterator[Callable[[], None]]:
        """Keep others with the same key waiting until the intent is in the journal, or is not."""
        while intent_key in self._keys:
            await asyncio.shield(self._keys[intent_key])
        done = self._keys[intent_key] = asyncio.get_running_loop().create_future()

        def release() -> None:
            if not done.done():
                del self._keys[intent_key]
                done.set_result(None)

        try:
            yield release
        finally:
            release()

    async def _as_it_is(self, name: ClientOrderId, symbol: Symbol, *, wait: bool) -> Order:
        """Give an order that was placed before, once it is known what became of it."""
        ref = OrderRef(symbol=symbol, client_order_id=name)
        order = self._register.find(ref) or await self._journal.order(self._scope, ref)
        while order is not None and order.phase in _ON_THE_WAY:
            await self._register.changed(name, None)
            order = self._register.find(ref)
        if order is None:
            raise self._with.unknown(ref, "place order", "its intent is in the journal alone")
        if order.phase is OrderPhase.UNKNOWN:
            error = self._with.unknown(ref, "place order", "its answer is lost")
            if not wait:
                raise self._with.awaitable(order, error)
            with contextlib.suppress(NotSent):
                order = await self._with.outcome(order, error)
            order = self._register.find(ref) or order
        return order
