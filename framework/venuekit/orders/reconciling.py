"""Comparing journal and exchange, and taking the exchange's word where it decides."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import attrs

from venuekit.limits import Lane
from venuekit.model import (
    Balance,
    Fill,
    Instrument,
    NotSupported,
    Order,
    OrderNotFound,
    OrderPhase,
    OrderRef,
    StoreError,
    Symbol,
    plain,
)
from venuekit.orders.ids import ClientOrderIds
from venuekit.orders.lifecycle import inferred_fill, is_completed
from venuekit.orders.reconciliation import (
    Difference,
    DifferenceKind,
    Reconciliation,
    balance_differences,
    contradictions_of,
    differences_between,
    sum_of,
)
from venuekit.orders.register import OrderClock, OrderRegister
from venuekit.orders.resolving import Asker
from venuekit.plugin import Account, Adapter, QueryOrders
from venuekit.stores import Cursor, Journal, Scope

_OVERLAP_NS: Final = 60_000_000_000
"""Fills are asked for from so long before the cursor: queries may show a trade late."""
_PAGE: Final = 10_000
_IN_FLIGHT: Final = frozenset({OrderPhase.PREPARED, OrderPhase.SUBMITTING, OrderPhase.UNKNOWN})

Balances = Callable[[], Mapping[str, Balance]]
"""Gives the balances as a stream has kept them, by asset; empty while none has."""
KeepBalance = Callable[[Balance], None]
"""Puts a balance in the place of the one that a stream has kept."""


class Reconciler:
    """Compares, repairs and reports. One comparison at a time."""

    def __init__(
        self,
        *,
        scope: Scope,
        adapter: Adapter,
        caller: Asker,
        journal: Journal,
        register: OrderRegister,
        clock: OrderClock,
        ids: ClientOrderIds,
        balances: Balances,
        keep_balance: KeepBalance,
    ) -> None:
        """Compare `register` and `journal` with what `caller` is told."""
        self._scope = scope
        self._adapter = adapter
        self._caller = caller
        self._journal = journal
        self._register = register
        self._clock = clock
        self._ids = ids
        self._balances = balances
        self._keep_balance = keep_balance
        # A run that was killed may have lost the records of its last trades, and with them the
        # sign that there is something to look at: the first comparison looks at everything.
        self._is_first = True
        self._lane = Lane.QUERY

    async def run(
        self, resolved: Sequence[Order] = (), *, lane: Lane = Lane.QUERY
    ) -> Reconciliation:
        """Compare everything.

        Args:
            resolved: Orders whose outcome was found out just before, for the report.
            lane: How urgent the questions are.

        Raises:
            NotSupported: The exchange cannot be asked for orders.
            RequestError: It could not be asked now; what was found by then is repaired.
        """
        self._lane = lane
        begun_ns = self._clock.now_ns()
        found: list[Difference] = []
        compared = await self._compare_open(found)
        fills = await self._compare_fills(found)
        found.extend(
            Difference(
                kind=DifferenceKind.STATUS,
                what=str(order.ref),
                here=order.phase.value,
                there="not found out yet",
                is_repaired=False,
                ref=order.ref,
            )
            for order in self._register.orders(open_only=True)
            if order.phase is OrderPhase.UNKNOWN and (order.created_ns or 0) < begun_ns
        )
        sums = tuple(sum_of(o) for o in self._register.orders(open_only=False) if o.filled)
        balances = await self._compare_balances(found)
        return Reconciliation(
            begun_ns=begun_ns,
            ended_ns=self._clock.now_ns(),
            orders=compared,
            fills=fills,
            balances=balances,
            resolved=tuple(resolved),
            differences=tuple(found),
            sums=sums,
        )

    # Orders

    async def _compare_open(self, found: list[Difference]) -> int:
        before = [o for o in self._register.orders(open_only=True) if o.phase not in _IN_FLIGHT]
        reports: Sequence[Order] = await self._run(self._queries().fetch_open_orders(None))
        for report in reports:
            await self._compare(report, found)
        there = {(o.symbol, o.exchange_order_id) for o in reports}
        gone = [
            known
            for known in before
            if (known.symbol, known.exchange_order_id) not in there
            # Changed since: then the list was older than what is known.
            and self._register.find(known) is known
        ]
        for known in gone:
            await self._compare_gone(known, found)
        return len(reports) + len(gone)

    async def _compare(self, report: Order, found: list[Difference]) -> None:
        known = await self._known(report.ref)
        if known is None:
            found.append(self._new(report))
            return
        after = self._register.report(report)
        found.extend(differences_between(known, report, after))
        found.extend(contradictions_of(known, report))
        if after.phase.is_final and after == known:
            await self._confirm(known, report, found)

    async def _confirm(self, known: Order, report: Order, found: list[Difference]) -> None:
        """Ask directly after an order that is listed as open and known here to have ended."""
        if report.updated_ns is not None and (known.updated_ns or 0) >= report.updated_ns:
            return  # the list is older than its end
        direct = await self._fetched(known.ref)
        if direct is None or direct.phase is known.phase:
            return
        after = self._register.overrule(direct)
        found.extend(differences_between(known, direct, after))

    async def _compare_gone(self, known: Order, found: list[Difference]) -> None:
        direct = await self._fetched(known.ref)
        if direct is not None:
            after = self._register.report(direct)
            found.extend(differences_between(known, direct, after))
            found.extend(contradictions_of(known, direct))
            return
        # One clean "not found" does not end what the exchange once had; what is lost for good
        # is known as such, and no difference any more.
        if known.phase is OrderPhase.LOST:
            return
        after = self._register.missed(known, forgets_unfilled=self._queries().forgets_unfilled)
        found.append(
            Difference(
                kind=DifferenceKind.MISSING_THERE,
                what=str(known.ref),
                here=known.phase.value,
                there="not known",
                is_repaired=after.phase.is_final,
                ref=known.ref,
            )
        )

    def _new(self, report: Order, fills: Sequence[Fill] = ()) -> Difference:
        order = self._register.report(report, fills)
        is_foreign = self._register.is_foreign(order)
        return Difference(
            kind=DifferenceKind.FOREIGN if is_foreign else DifferenceKind.MISSING_HERE,
            what=str(order.ref),
            here="not known",
            there=order.phase.value,
            is_repaired=True,
            ref=order.ref,
        )

    async def _known(self, ref: OrderRef) -> Order | None:
        """Give an order from memory, or back from the journal."""
        known = self._register.find(ref)
        if known is not None:
            return known
        if not self._ids.is_ours(ref.client_order_id) and ref.exchange_order_id is not None:
            # Others may have used our words for it: only the exchange's id names theirs.
            past = await self._journal.order(
                self._scope,
                OrderRef(symbol=ref.symbol, exchange_order_id=ref.exchange_order_id),
            )
        else:
            past = await self._journal.order(self._scope, ref)
        if past is None:
            return None
        origins = await self._journal.origins(self._scope, [past])
        self._register.load(past, origins[0])
        return self._register.find(ref)

    # Fills

    async def _compare_fills(self, found: list[Difference]) -> int:
        count = 0
        cursors = await self._journal.cursors(self._scope)
        first = await self._journal.first_orders(self._scope)
        active = {order.symbol for order in self._register.orders(open_only=True)}
        for symbol, first_ns in first.items():
            cursor = cursors.get(symbol)
            instrument = self._adapter.instruments.get(symbol)
            if instrument is None:
                continue  # no longer listed: nobody can be asked
            is_active = symbol in active or self._register.is_touched(symbol)
            if self._is_first or cursor is None or is_active:
                known_ns = first_ns if cursor is None else cursor.time_ns
                # Taken back before asking: what changes meanwhile marks it again.
                self._register.mark_touched(symbol, touched=False)
                try:
                    count += await self._fills_since(instrument, known_ns, found)
                except BaseException:
                    self._register.mark_touched(symbol, touched=True)
                    raise
        self._is_first = False
        for order in self._register.orders(open_only=False):
            is_inferred = any(fill.is_inferred for fill in order.fills)
            if order.filled and (is_inferred or not sum_of(order).agrees):
                await self._compare_sum(order, found)
        return count

    async def _fills_since(
        self, instrument: Instrument, known_ns: int, found: list[Difference]
    ) -> int:
        asked_ns = self._clock.now_ns()
        since_ns = max(known_ns - _OVERLAP_NS, 1)
        count = 0
        trade_id: str | None = None
        while True:
            fills: Sequence[Fill] = await self._run(
                self._queries().fetch_fills(
                    instrument, order=None, since_ns=since_ns, until_ns=None, limit=_PAGE
                )
            )
            by_order: dict[str, list[Fill]] = {}
            for fill in fills:
                by_order.setdefault(fill.exchange_order_id, []).append(fill)
                trade_id = fill.trade_id
            for of_one in by_order.values():
                await self._compare_trades(of_one, found)
            count += len(fills)
            if len(fills) < _PAGE or fills[-1].time_ns <= since_ns:
                break
            since_ns = fills[-1].time_ns
        self._move_cursor(instrument.symbol, Cursor(time_ns=asked_ns, trade_id=trade_id))
        return count

    async def _compare_trades(self, fills: Sequence[Fill], found: list[Difference]) -> None:
        """Compare trades of one order with those that are known."""
        ref = OrderRef(
            symbol=fills[0].symbol,
            client_order_id=fills[0].client_order_id,
            exchange_order_id=fills[0].exchange_order_id,
        )
        known = await self._known(ref)
        if known is None:
            report = await self._fetched(attrs.evolve(ref, client_order_id=None))
            if report is not None:
                found.append(self._new(report, fills))
            else:
                found.extend(_missing(fill, ref, is_repaired=False) for fill in fills)
            return
        have = {fill.trade_id for fill in known.fills}
        missing = [fill for fill in fills if fill.trade_id not in have]
        # Some streams tell of a trade and not of its fee.
        completed = [fill for fill in fills if is_completed(known, fill)]
        if missing or completed:
            self._register.report(attrs.evolve(known, fills=()), [*missing, *completed])
        found.extend(_missing(fill, known.ref, is_repaired=True) for fill in missing)

    async def _compare_sum(self, order: Order, found: list[Difference]) -> None:
        """Fetch the trades of an order that has executed more than its known trades tell."""
        instrument = self._adapter.instruments.get(order.symbol)
        if instrument is None or order.exchange_order_id is None:
            return
        fills: Sequence[Fill] = await self._run(
            self._queries().fetch_fills(
                instrument, order=order.ref, since_ns=None, until_ns=None, limit=_PAGE
            )
        )
        if fills:
            await self._compare_trades(fills, found)
        after = self._register.find(order) or order
        if sum_of(after).agrees:
            return
        # The exchange says that it traded, and tells no trade for it: the totals count.
        inferred = inferred_fill(after)
        if inferred is not None:
            self._register.report(attrs.evolve(after, fills=()), [inferred])
            after = self._register.find(after) or after
        total = sum_of(order)
        found.append(
            Difference(
                kind=DifferenceKind.QUANTITY,
                what=f"sum of the trades of {order.ref}",
                here=plain(total.traded),
                there=plain(total.filled),
                is_repaired=sum_of(after).agrees,
                ref=order.ref,
            )
        )

    def _move_cursor(self, symbol: Symbol, cursor: Cursor) -> None:
        try:
            self._journal.move_cursor(self._scope, symbol, cursor)
        except StoreError as error:
            # An old cursor only means that more is asked for the next time.
            self._register.journal_failed(error)

    # Balances

    async def _compare_balances(self, found: list[Difference]) -> int:
        adapter = self._adapter
        if not isinstance(adapter, Account) or not self._balances():
            return 0
        differing: dict[str, Difference] = {}
        before: Mapping[str, Balance] = {}
        # Twice: what the stream is about to tell is no difference.
        for _ in range(2):
            told: Sequence[Balance] = await self._run(adapter.fetch_balances())
            there = {each.asset: each for each in told}
            here = dict(self._balances())
            unchanged = {asset for asset, known in here.items() if before.get(asset) == known}
            differing = balance_differences(here, there)
            if not differing:
                break
            before = here
        for asset, difference in differing.items():
            # The stream was silent about it while it was asked for twice: it has lost something.
            if asset in unchanged:
                self._keep_balance(_told_of(asset, there))
            is_kept = self._balances().get(asset) != here[asset]
            found.append(attrs.evolve(difference, is_repaired=is_kept))
        return len(here)

    # Asking

    def _queries(self) -> QueryOrders:
        if not isinstance(self._adapter, QueryOrders):
            raise NotSupported(self._scope.exchange, "order queries")
        return self._adapter

    async def _fetched(self, ref: OrderRef) -> Order | None:
        """Ask for one order; None only for a clean "not found"."""
        instrument = self._adapter.instruments.get(ref.symbol)
        if instrument is None:
            return None
        try:
            order: Order | None = await self._run(self._queries().fetch_order(ref, instrument))
        except OrderNotFound:
            return None
        return order

    async def _run(self, steps: Any) -> Any:
        return await self._caller.run(steps, lane=self._lane)


def _told_of(asset: str, there: Mapping[str, Balance]) -> Balance:
    return there.get(asset) or Balance(asset=asset, free=Decimal(0), locked=Decimal(0))


def _missing(fill: Fill, ref: OrderRef, *, is_repaired: bool) -> Difference:
    return Difference(
        kind=DifferenceKind.FILL_MISSING,
        what=f"trade {fill.trade_id} of {ref}",
        here="not known",
        there=f"{plain(fill.quantity)} at {plain(fill.price)}",
        is_repaired=is_repaired,
        ref=ref,
    )
