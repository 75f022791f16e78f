"""What must hold, whatever happens. The exchange's truth is read from its own books."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs

import attrs

from tests.simulation.history import quantity_of
from tests.simulation.stage import ACCOUNT, FUNDS, Life, World, market_of
from venuekit.model import ClientOrderId, Fill, Order, OrderPhase, exact_product, exact_sum
from venuekit.plugin import Request
from venuekit.sim.orders import Fill as SimFill
from venuekit.sim.orders import Order as SimOrder
from venuekit.sim.orders import OrderStatus
from venuekit.stores import JournalEvent, Scope

SCOPE: Final = Scope("binance", "main", "sim")
UNKNOWN_BOUND_S: Final = 30.0
"""The window of the proof (18 s), one more pause (8 s), and the last question with its answer."""
_NAMES: Final = ("newClientOrderId", "aboveClientOrderId", "belowClientOrderId")
_P: Final = OrderPhase
_PHASES: Final = {
    OrderStatus.PENDING_NEW: _P.PENDING,
    OrderStatus.NEW: _P.OPEN,
    OrderStatus.PARTIALLY_FILLED: _P.PARTIALLY_FILLED,
    OrderStatus.FILLED: _P.FILLED,
    OrderStatus.CANCELED: _P.CANCELED,
    OrderStatus.EXPIRED: _P.EXPIRED,
    OrderStatus.EXPIRED_IN_MATCH: _P.EXPIRED,
}
_OURS_ALONE: Final = frozenset({_P.PREPARED, _P.SUBMITTING, _P.UNKNOWN})
NO_EFFECT: Final = frozenset({_P.REJECTED, _P.DENIED, _P.NEVER_PLACED})
_AFTER_END: Final = frozenset({_P.CANCELED, _P.EXPIRED})


class Broken(Exception):
    """A promise that was not kept."""

    def __init__(self, kind: str, text: str) -> None:
        """Name the promise, and say what happened."""
        self.kind = kind
        super().__init__(f"{kind}: {text}")


@attrs.define
class _Seen:
    phase: OrderPhase
    filled: Decimal
    unknown_since: float | None = None


@attrs.frozen(kw_only=True)
class Claim:
    """What the client has told the application about one intent."""

    number: int
    quantity: Decimal
    count: int
    """How many orders it has become, two for a list; zero: none, and it will not."""
    key: str | None
    text: str


class Judge:
    """Watches one history, and raises `Broken` at the first promise that is not kept."""

    def __init__(self, world: World) -> None:
        """Watch `world`."""
        self._world = world
        self._seen: dict[str, _Seen] = {}
        self._claims: list[Claim] = []
        self._failed: Broken | None = None
        self._has_sent = False
        self.calm_since: float | None = None
        """Since when nothing goes wrong any more; None while something does."""

    # While it happens

    def heard(self, life: Life, order: Order) -> None:
        """Judge a change of an order."""
        name = str(order.client_order_id or order.exchange_order_id)
        now = self._world.loop.time()
        since = now if order.phase is _P.UNKNOWN else None
        self._world.note(f"{name} {order.phase.value} {order.filled}")
        seen = self._seen.get(name)
        if seen is None:
            self._seen[name] = _Seen(order.phase, order.filled, since)
            return
        if order.filled < seen.filled:
            self._fail("executed quantity shrinks", f"{name}: {seen.filled} to {order.filled}")
        grows = order.filled > seen.filled
        if order.phase is not seen.phase and not _may_follow(seen.phase, order.phase, grows=grows):
            text = f"{name}: {seen.phase.value} to {order.phase.value}"
            self._fail("a phase follows that cannot", text)
        if seen.phase is _P.UNKNOWN:
            self._check_bound(name, seen)
            since = None if since is None else seen.unknown_since
        self._seen[name] = _Seen(order.phase, order.filled, since)

    def sent(self, life: Life, request: Request) -> None:
        """Judge a request that is about to leave."""
        if request.method != "POST" or life.reader is None:
            return
        self._has_sent = True
        text = request.query or request.body.decode()
        sent = parse_qs(text)
        for name in (name for field in _NAMES for name in sent.get(field, ())):
            if _at_once(life.reader.intent(SCOPE, ClientOrderId(name))) is None:
                self._fail("a request leaves before its intent is in the journal", name)

    def begun(self, *, is_forgetful: bool) -> None:
        """A new life has begun; `is_forgetful`: the journal of the last one had failed."""
        now = self._world.loop.time()
        if is_forgetful:
            self._seen.clear()
        for seen in self._seen.values():
            if seen.unknown_since is not None:
                seen.unknown_since = now

    def claim(self, claim: Claim) -> None:
        """Remember what the application was told."""
        self._claims.append(claim)

    def canceled(self, order: Order, said: str) -> None:
        """A cancel has told the application that the order is over: the exchange knows it too."""
        for sim in self._orders():
            is_meant = sim.request.client_order_id == order.client_order_id
            if is_meant and sim.market == market_of(order.symbol) and sim.status.is_open:
                self._fail(
                    "what was told is true", f"cancel of {order.ref}: {said}, and it is open"
                )

    def unexpected(self, text: str) -> None:
        """Something happened that nobody should see."""
        self._fail("an error that nobody expects", text)

    def check(self) -> None:
        """Judge the state after a step; raises Broken."""
        if self._world.unheard:
            raise Broken("an error that nobody heard", "; ".join(self._world.unheard))
        if self._has_sent:
            self._has_sent = False
            self._check_single()
        for name, seen in self._seen.items():
            self._check_bound(name, seen)
        if self._failed is not None:
            raise self._failed

    def _check_single(self) -> None:
        counts: Counter[object] = Counter()
        for order in self._orders():
            name = order.request.client_order_id
            if not name.startswith("web-"):
                counts[name] += 1
                if order.list_id is None:  # the legs of a list are of one quantity
                    counts[order.market, order.request.quantity] += 1
        again = [str(each) for each, count in counts.items() if count > 1]
        if again:
            raise Broken("one intent, at most one order", f"{', '.join(again)} was placed twice")

    def _check_bound(self, name: str, seen: _Seen) -> None:
        if self.calm_since is None or seen.unknown_since is None:
            return
        lasted_s = self._world.loop.time() - max(seen.unknown_since, self.calm_since)
        if lasted_s > UNKNOWN_BOUND_S:
            self._fail("an unknown outcome is resolved in time", f"{name}: {lasted_s:.1f} s")

    # Once it is quiet

    async def final(self, life: Life) -> int:
        """Compare everything; gives how many intents there were. Raises Broken."""
        self._has_sent = True
        self.check()
        journal = life.reader
        assert journal is not None
        there = self._orders()
        here = await journal.orders(SCOPE, limit=10_000)
        origins = dict(
            zip(
                (str(o.client_order_id) for o in here),
                await journal.origins(SCOPE, here),
                strict=True,
            )
        )
        self._compare_orders(here, there)
        self._compare_claims(there)
        self._compare_open(life, there)
        self._compare_balances(here, there)
        if self._world.seed % 3 == 0:  # it takes a while
            self._compare_events(here, await journal.events(SCOPE, after=0, limit=100_000))
        return sum(origin.value == "intent" for origin in origins.values())

    def _compare_orders(self, here: Sequence[Order], there: Sequence[SimOrder]) -> None:
        rows = {
            (market_of(order.symbol), str(order.exchange_order_id)): order
            for order in here
            if order.exchange_order_id is not None
        }
        if len(rows) < sum(order.exchange_order_id is not None for order in here):
            raise Broken("one order is one row", ", ".join(str(order.ref) for order in here))
        for sim in there:
            known = rows.pop((sim.market, str(sim.order_id)), None)
            name = sim.request.client_order_id
            is_foreign = name.startswith("web-")
            if known is None:
                if is_foreign and not sim.status.is_open:
                    continue  # somebody else's, and over before anybody looked
                text = f"{name} ({sim.status.value}) is not in the journal"
                raise Broken("none is untracked", text)
            if not is_foreign and known.client_order_id != name:
                raise Broken("none is untracked", f"{name} is {known.client_order_id} here")
            self._compare(known, sim)
        without = [order for order in here if order.exchange_order_id is None]
        for order in (*rows.values(), *without):
            if order.phase not in NO_EFFECT:
                text = f"{order.ref} is {order.phase.value} here, and the exchange has none"
                raise Broken("the journal tells the truth", text)

    def _compare(self, known: Order, sim: SimOrder) -> None:
        fills = self._world.dialect.engine.fills(ACCOUNT, sim.market, order_id=sim.order_id)
        phase = _PHASES[sim.status]
        if phase is _P.OPEN and not sim.is_working:
            phase = known.phase if known.phase is _P.PENDING else phase
        rows: list[tuple[str, Any, Any]] = [
            ("phase", known.phase.value, phase.value),
            ("executed", known.filled, sim.executed),
            ("quantity", known.quantity, sim.quantity),
            ("exchange id", known.exchange_order_id, str(sim.order_id)),
            ("fills", sorted(map(_of_ours, known.fills)), sorted(map(_of_theirs, fills))),
        ]
        for what, ours, theirs in rows:
            if ours != theirs:
                text = f"{what} of {known.client_order_id}: {ours} here, {theirs} there"
                raise Broken("the journal equals the exchange once quiet", text)

    def _compare_claims(self, there: Sequence[SimOrder]) -> None:
        counts = Counter(order.request.quantity for order in there)
        said = {claim.number for claim in self._claims if claim.count}
        for claim in self._claims:
            count = counts[claim.quantity]
            # With one key, a later call may place what an earlier one could not.
            is_later = not claim.count and claim.key is not None and claim.number in said
            if count != claim.count and not is_later:
                text = f"number {claim.number}: {claim.text}, and the exchange has {count}"
                raise Broken("what was told is true", text)

    def _compare_open(self, life: Life, there: Sequence[SimOrder]) -> None:
        assert life.exchange is not None
        ours = {str(order.exchange_order_id) for order in life.exchange.orders()}
        theirs = {str(order.order_id) for order in there if order.status.is_open}
        if ours != theirs:
            text = f"open here {sorted(ours)}, there {sorted(theirs)}"
            raise Broken("the journal equals the exchange once quiet", text)

    def _compare_events(self, here: Sequence[Order], events: Sequence[JournalEvent]) -> None:
        """What the application is told, once at least, ends where the journal does."""
        last = {_ref_of(event.order): event.order for event in events}
        trades = {(_ref_of(e.order), e.fill.trade_id) for e in events if e.fill is not None}
        for order in here:
            told = last.get(_ref_of(order))
            if told is None or (told.phase, told.filled) != (order.phase, order.filled):
                text = f"{order.ref} is {order.phase.value}, and was told as {told}"
                raise Broken("every change is told", text)
            for fill in order.fills:
                if (_ref_of(order), fill.trade_id) not in trades:
                    raise Broken("every change is told", f"{order.ref}: trade {fill.trade_id}")

    def _compare_balances(self, here: Sequence[Order], there: Sequence[SimOrder]) -> None:
        traded: dict[str, list[Decimal]] = {asset: [FUNDS[asset]] for asset in FUNDS}
        known = {(market_of(order.symbol), str(order.exchange_order_id)) for order in here}
        if any((o.market, str(o.order_id)) not in known and o.executed for o in there):
            return  # of what others did before anybody looked, the journal need not know
        for order in here:
            base, quote = order.symbol.split("/")
            for fill in order.fills:
                sign = 1 if fill.side.value == "buy" else -1
                traded[base].append(sign * fill.quantity)
                traded[quote].append(-sign * exact_product(fill.price, fill.quantity))
                if fill.fee is not None:
                    traded.setdefault(fill.fee.asset, []).append(-fill.fee.amount)
        balances = self._world.dialect.engine.balances(ACCOUNT)
        for asset, amounts in traded.items():
            expected = exact_sum(amounts)
            found = balances[asset].free + balances[asset].locked if asset in balances else 0
            if expected != found:
                text = f"{asset}: {expected} by the journal's trades, {found} there"
                raise Broken("balances equal the exchange's own once quiet", text)

    def _orders(self) -> list[SimOrder]:
        engine = self._world.dialect.engine
        return [order for market in self._world.markets for order in engine.orders(ACCOUNT, market)]

    def _fail(self, kind: str, text: str) -> None:
        # Remembered, not raised: this is called from within the client.
        if self._failed is None:
            self._failed = Broken(kind, text)


def _ref_of(order: Order) -> str:
    return str(order.client_order_id or order.exchange_order_id)


def _may_follow(before: OrderPhase, after: OrderPhase, *, grows: bool) -> bool:
    """Say whether a phase may follow another, in a world in which refusals are true.

    Written down here once more, and more strictly than in the client's own table: a proof that
    nothing was placed is never found wrong, and no order is lost.
    """
    if after is _P.LOST or before is _P.FILLED or before in NO_EFFECT:
        return False
    if before in _AFTER_END:
        return after is _P.FILLED and grows
    return before in _OURS_ALONE or after not in _OURS_ALONE


def _of_ours(fill: Fill) -> tuple[str, str, str, str]:
    fee = "" if fill.fee is None else f"{fill.fee.amount.normalize()} {fill.fee.asset}"
    return (fill.trade_id, str(fill.price.normalize()), str(fill.quantity.normalize()), fee)


def _of_theirs(fill: SimFill) -> tuple[str, str, str, str]:
    fee = f"{fill.fee.normalize()} {fill.fee_asset}"
    return (str(fill.trade_id), str(fill.price.normalize()), str(fill.quantity.normalize()), fee)


def _at_once(steps: Any) -> Any:
    """Give what a coroutine returns that never waits."""
    try:
        steps.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def claimed(
    number: int, text: str, *, count: int, kind: str = "rest", key: str | None = None
) -> Claim:
    """Make a claim about the intent of that number."""
    return Claim(
        number=number,
        quantity=quantity_of(number, kind),
        count=count,
        key=key,
        text=text,
    )
