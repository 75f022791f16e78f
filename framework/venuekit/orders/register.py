"""The orders of one account as they are known: each report is judged, written down and told."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import attrs

from venuekit.model import (
    Fill,
    Order,
    OrderChange,
    OrderPhase,
    OrderRef,
    StoreError,
    Symbol,
)
from venuekit.orders.changes import Changes
from venuekit.orders.ids import ClientOrderIds
from venuekit.orders.lifecycle import Divergence, advance, lost, moved
from venuekit.stores import CommandState, Journal, Origin, Scope, name_of

_log: Final = logging.getLogger("venuekit.orders")

_MOST_DIVERGENCES: Final = 1000
_MOST_EARLY: Final = 1000
_TOLD: Final = (
    "exchange_order_id",
    "client_order_id",
    "phase",
    "quantity",
    "price",
    "stop_price",
    "filled",
    "filled_quote",
    "updated_ns",
    "reason",
)
"""What an `OrderChange` can say of an order, under the same names."""
_MISSES: Final = 3
_BETWEEN_MISSES_NS: Final = 5_000_000_000


class OrderClock(Protocol):
    """The exchange's time."""

    def now_ns(self) -> int:
        """Give nanoseconds since the epoch."""
        ...


@attrs.define(eq=False)
class _Entry:
    order: Order
    origin: Origin
    changed: asyncio.Event | None = None
    """Set at every change, for whoever waits for one."""
    misses: int = 0
    """How often in succession the exchange has denied knowing it."""
    missed_at_ns: int = 0
    commands: set[str] = attrs.field(factory=set)
    """What was sent to change it and is not answered for yet."""
    touched_ns: int | None = None
    """When this program last sent it, or had to do with an amendment of it."""


class OrderRegister:
    """Holds open orders, and the newest of those that have ended, in memory.

    There is no `await` between reading an order and writing it back, so answers, stream events
    and queries may arrive in any order. What the journal cannot take any more is kept here all
    the same: cancels and events go on, and placing is refused.
    """

    def __init__(
        self,
        *,
        scope: Scope,
        journal: Journal,
        clock: OrderClock,
        ids: ClientOrderIds,
        observers: Sequence[Callable[[Order], None]] = (),
        keep_ended: int = 20_000,
    ) -> None:
        """Begin empty.

        Args:
            scope: Whose orders.
            journal: Where every change is written.
            clock: The exchange's time, for the records.
            ids: Tell which orders are ours.
            observers: Called after every change; one that raises is logged.
            keep_ended: How many ended orders stay in memory.
        """
        self._scope = scope
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._observers = tuple(observers)
        self._keep_ended = keep_ended
        self._entries: dict[str, _Entry] = {}
        self._by_exchange_id: dict[tuple[str, str], str] = {}
        self._ended: deque[str] = deque()
        self._feeds: list[Changes] = []
        self._touched: set[Symbol] = set()
        # Parts of orders that nobody has told of yet, and exchange ids without their symbols.
        self._early: deque[tuple[OrderChange, str]] = deque(maxlen=_MOST_EARLY)
        self._by_bare_id: dict[str, str] = {}
        self.divergences: deque[Divergence] = deque(maxlen=_MOST_DIVERGENCES)
        self.journal_failure: StoreError | None = None

    # What is known

    def find(self, ref: OrderRef | Order) -> Order | None:
        """Give what is known of an order, by either of its ids; None if nothing is in memory."""
        entry = self._entry(ref)
        return None if entry is None else entry.order

    def named(self, name: str) -> Order:
        """Give an order of ours by its client order id; raises KeyError."""
        return self._entries[name].order

    def orders(self, *, open_only: bool) -> list[Order]:
        """Give the orders in memory, in the order in which they became known."""
        return [e.order for e in self._entries.values() if e.order.is_open or not open_only]

    def is_foreign(self, ref: OrderRef | Order) -> bool:
        """Say whether somebody else placed the order."""
        entry = self._entry(ref)
        return entry is not None and entry.origin is Origin.FOREIGN

    def touched_ns(self, ref: OrderRef | Order) -> int | None:
        """Give when this program last sent the order or an amendment of it, if it did."""
        entry = self._entry(ref)
        return None if entry is None else entry.touched_ns

    def is_touched(self, symbol: Symbol) -> bool:
        """Say whether orders of an instrument changed since it was marked last."""
        return symbol in self._touched

    def mark_touched(self, symbol: Symbol, *, touched: bool) -> None:
        """Note that the trades of an instrument are to be looked at, or that they are now."""
        (self._touched.add if touched else self._touched.discard)(symbol)

    # What happens

    def load(self, order: Order, origin: Origin) -> None:
        """Take an order over from the journal."""
        name = name_of(order, origin)
        if name not in self._entries:
            self._put(name, _Entry(order, origin))

    def begin(self, order: Order) -> None:
        """Take in an order of ours whose intent is in the journal."""
        self._put(str(order.client_order_id), _Entry(order, Origin.INTENT))

    def submitting(self, name: str) -> None:
        """Note that an order may be on the wire; its attempt is in the journal already."""
        entry = self._entries[name]
        entry.touched_ns = self._clock.now_ns()
        after = moved(entry.order, OrderPhase.SUBMITTING)
        if isinstance(after, Order):  # else the exchange has told of it before
            entry.order = after

    def conclude(
        self, name: str, phase: OrderPhase, *, reason: str | None = None, raw: str = ""
    ) -> Order:
        """Note what we conclude of an order, unless the exchange has said otherwise.

        Args:
            name: Its client order id.
            phase: The conclusion.
            reason: Why.
            raw: The answer that it was concluded from, redacted.
        """
        entry = self._entries[name]
        return self._settle(name, entry, moved(entry.order, phase, reason=reason), entry.order, raw)

    def report(self, report: Order, fills: Sequence[Fill] = (), *, raw: str = "") -> Order:
        """Take in what the exchange says of an order, and give what is known of it now.

        Args:
            report: The exchange's description.
            fills: That came beside the report's own.
            raw: The answer or frame that said so, redacted.
        """
        entry = self._entry(report)
        if entry is None:
            ours = self._ids.is_ours(report.client_order_id)
            origin = Origin.ADOPTED if ours else Origin.FOREIGN
            after = advance(None, report, fills)
            order = after.order if isinstance(after, Divergence) else after
            name = name_of(order, origin)
            entry = self._entries[name] = _Entry(order, origin)
            return self._settle(name, entry, after, None, raw)
        entry.misses = 0
        name = name_of(entry.order, entry.origin)
        return self._settle(name, entry, advance(entry.order, report, fills), entry.order, raw)

    def trades(self, order: Order, fills: Sequence[Fill]) -> Order:
        """Take in trades of an order that is known, told of on their own."""
        return self.report(attrs.evolve(order, fills=()), fills)

    def observe(self, observer: Callable[[Order], None]) -> None:
        """Call `observer` after every change from now on; one that raises is logged."""
        self._observers = (*self._observers, observer)

    def change(self, change: OrderChange, *, raw: str = "") -> Order | None:
        """Take in what a stream tells of an order in part, and give what is known of it now.

        One of an order that is not known yet waits until it is; None then.
        """
        entry = self._entry_of(change)
        if entry is None:
            self._early.append((change, raw))
            return None
        known = entry.order
        fills = () if change.fill is None else (change.fill,)
        report = attrs.evolve(
            known,
            **{name: value for name in _TOLD if (value := getattr(change, name)) is not None},
            # Not said is not known again: the fills of before stand in the register.
            fills=(),
        )
        return self.report(report, fills, raw=raw)

    def missed(self, order: Order, *, forgets_unfilled: bool = False) -> Order:
        """Note that the exchange, asked for an order that it had, denies knowing it.

        One such answer proves nothing; after three of them, each some seconds after the one
        before, the order is `lost`: an alarm, and watched on. If the exchange forgets what ends
        without a fill, one without a fill is canceled by then.
        """
        entry = self._entry(order)
        if entry is None:
            return order
        now_ns = self._clock.now_ns()
        if entry.misses and now_ns - entry.missed_at_ns < _BETWEEN_MISSES_NS:
            return entry.order
        entry.misses, entry.missed_at_ns = entry.misses + 1, now_ns
        if entry.misses < _MISSES or entry.order.phase is OrderPhase.LOST:
            return entry.order
        name = name_of(entry.order, entry.origin)
        if forgets_unfilled and not entry.order.filled:
            ended = attrs.evolve(entry.order, phase=OrderPhase.CANCELED, reason="order.forgotten")
            return self._settle(name, entry, ended, entry.order)
        return self._settle(name, entry, lost(entry.order), entry.order)

    def overrule(self, order: Order) -> Order:
        """Take the exchange's confirmed word against what was known, filled quantity apart."""
        entry = self._entry(order)
        if entry is None:
            return self.report(order)
        known = entry.order
        after = attrs.evolve(
            order,
            client_order_id=known.client_order_id or order.client_order_id,
            fills=known.fills,
            filled=max(known.filled, order.filled),
        )
        return self._settle(name_of(known, entry.origin), entry, after, known)

    def command(
        self,
        refs: Sequence[OrderRef],
        command: str,
        state: CommandState,
        *,
        reason: str = "",
        raw: str = "",
    ) -> None:
        """Write down a command to orders, and what came of it. No phase is touched.

        Args:
            refs: The orders.
            command: `cancel`, `amend` or `replace`.
            state: How far it has come.
            reason: Why it was refused, or is not known.
            raw: The exchange's answer, redacted.
        """
        if not refs:
            return
        now_ns = self._clock.now_ns()
        named = [self._commanded(ref, command, state, now_ns) for ref in refs]
        self._write(
            lambda: self._journal.record_command(
                self._scope, named, command, state, time_ns=now_ns, reason=reason, raw=raw
            )
        )

    def _commanded(self, ref: OrderRef, command: str, state: CommandState, now_ns: int) -> OrderRef:
        """Keep in mind what is under way to an order; give the name the journal has it under."""
        entry = self._entry(ref)
        if entry is None:
            return ref
        (entry.commands.add if state is CommandState.SENT else entry.commands.discard)(command)
        if command == "amend":
            entry.touched_ns = now_ns
        if entry.origin is Origin.FOREIGN and entry.order.exchange_order_id is not None:
            return attrs.evolve(entry.order.ref, client_order_id=None)
        return ref

    def pending(self, ref: OrderRef | Order) -> frozenset[str]:
        """Name the commands to an order that are not answered for yet."""
        entry = self._entry(ref)
        return frozenset() if entry is None else frozenset(entry.commands)

    def note(self, ref: OrderRef, text: str) -> None:
        """Write a remark into an order's history."""
        self._write(
            lambda: self._journal.record_note(self._scope, ref, text, time_ns=self._clock.now_ns())
        )

    # Who wants to know

    async def changed(self, ref: str | OrderRef | Order, timeout_s: float | None) -> bool:
        """Wait for the next change of an order; False if `timeout_s` seconds passed first.

        Args:
            ref: The order, or its client order id if it is ours.
            timeout_s: Seconds; None: for ever.

        Raises:
            KeyError: It is not known here.
        """
        entry = self._entries[ref] if isinstance(ref, str) else self._entry(ref)
        if entry is None:
            raise KeyError(ref)
        if entry.changed is None:
            entry.changed = asyncio.Event()
        entry.changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await entry.changed.wait()
        except TimeoutError:
            return False
        return True

    def subscribe(self, capacity: int) -> Changes:
        """Open a feed of all changes from now on."""
        feed = Changes(capacity)
        self._feeds = [each for each in self._feeds if not each.is_closed]
        self._feeds.append(feed)
        return feed

    def close(self) -> None:
        """End all feeds."""
        for feed in self._feeds:
            feed.close()

    # Inside

    def _entry(self, ref: OrderRef | Order) -> _Entry | None:
        if ref.client_order_id is not None:
            entry = self._entries.get(ref.client_order_id)
            if entry is not None:
                return entry
        if ref.exchange_order_id is None:
            return None
        name = self._by_exchange_id.get((ref.symbol, ref.exchange_order_id))
        return None if name is None else self._entries.get(name)

    def _put(self, name: str, entry: _Entry) -> None:
        self._entries[name] = entry
        self._index(name, entry.order)
        if entry.order.phase.is_final:
            self._retire(name)

    def _entry_of(self, change: OrderChange) -> _Entry | None:
        name = change.client_order_id
        if name not in self._entries:
            name = self._by_bare_id.get(change.exchange_order_id)  # type: ignore[assignment]  # both are names
        return None if name is None else self._entries.get(name)

    def _index(self, name: str, order: Order) -> None:
        number = order.exchange_order_id
        if number is not None:
            self._by_exchange_id[order.symbol, number] = name
            self._by_bare_id[number] = name

    def _catch_up(self) -> None:
        """Take in the parts that waited for an order which is known now."""
        waiting = [each for each in self._early if self._entry_of(each[0]) is not None]
        for each in waiting:
            self._early.remove(each)
        for change, raw in waiting:
            self.change(change, raw=raw)

    def _retire(self, name: str) -> None:
        self._ended.append(name)
        while len(self._ended) > self._keep_ended:
            oldest = self._ended.popleft()
            entry = self._entries.get(oldest)
            if entry is not None and entry.order.phase.is_final:
                del self._entries[oldest]
                order = entry.order
                number = order.exchange_order_id or ""
                self._by_exchange_id.pop((order.symbol, number), None)
                if self._by_bare_id.get(number) == oldest:
                    del self._by_bare_id[number]

    def _settle(
        self,
        name: str,
        entry: _Entry,
        after: Order | Divergence,
        before: Order | None,
        raw: str = "",
    ) -> Order:
        """Put the judged order in its place; write down and tell what changed."""
        order = after.order if isinstance(after, Divergence) else after
        entry.order = order
        if isinstance(after, Divergence):
            self._diverged(after, entry.origin)
        if order == before:
            return order
        self._index(name, order)
        self._touched.add(order.symbol)
        if order.phase.is_final and (before is None or not before.phase.is_final):
            self._retire(name)
        known = () if before is None else before.fills
        new = order.fills if not known else tuple(f for f in order.fills if f not in known)
        # What was inferred gives way to real trades, and a trade to itself with its fee.
        replaced = tuple(f for f in known if f not in order.fills)
        self._write(
            lambda: self._journal.record_order(
                self._scope,
                order,
                time_ns=self._clock.now_ns(),
                fills=new,
                replaced=replaced,
                origin=entry.origin,
                raw=raw,
            )
        )
        if entry.changed is not None:
            entry.changed.set()
        self._tell(order)
        if self._early:
            self._catch_up()
            return entry.order
        return order

    def _tell(self, order: Order) -> None:
        for feed in self._feeds:
            feed.offer(order)
        for observe in self._observers:
            try:
                observe(order)
            except Exception:  # noqa: BLE001  # the border round an observer: it must not stop an order's way
                _log.exception("observer_failed", extra={"what": "order change"})

    def _diverged(self, divergence: Divergence, origin: Origin) -> None:
        self.divergences.append(divergence)
        _log.warning("order_divergence", extra={"kind": divergence.kind.value})
        ref = divergence.order.ref
        if origin is Origin.FOREIGN:
            ref = attrs.evolve(ref, client_order_id=None)
        self.note(ref, f"{divergence.kind.value}: {divergence.text}")

    def _write(self, write: Callable[[], None]) -> None:
        try:
            write()
        except StoreError as error:
            self.journal_failed(error)

    def journal_failed(self, error: StoreError) -> None:
        """Note that the journal takes no more; placing is refused from now on."""
        if self.journal_failure is None:
            _log.error("journal_failed", extra={"reason": str(error)})
        self.journal_failure = error
