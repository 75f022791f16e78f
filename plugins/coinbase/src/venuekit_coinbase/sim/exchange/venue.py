"""The exchange behind the protocol: products, accounts, orders, and the matching engine."""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import attrs

from venuekit.sim.engine import Engine
from venuekit.sim.events import LevelChanged
from venuekit.sim.faults import FaultKind, FaultPlan
from venuekit.sim.money import exact
from venuekit.sim.orders import Market, Side
from venuekit.sim.queries import Depth
from venuekit_coinbase.sim.crowd import Crowd
from venuekit_coinbase.sim.exchange.desk import OrderDesk
from venuekit_coinbase.sim.exchange.feed import Feed
from venuekit_coinbase.sim.exchange.keys import KeyRing
from venuekit_coinbase.sim.exchange.limits import Limits
from venuekit_coinbase.sim.exchange.payloads import PRODUCT_FLAGS
from venuekit_coinbase.sim.exchange.records import OrderRecord
from venuekit_coinbase.sim.exchange.settings import BehaviorSettings, LimitSettings
from venuekit_coinbase.sim.purse import FEE_ACCOUNT
from venuekit_coinbase.sim.wire import SECOND_NS, digits, uuid_of
from venuekit_coinbase.sim.world import ProductSpec

_ZERO: Final = Decimal(0)
_KEPT_SNAPSHOTS: Final = 30


@attrs.frozen
class User:
    """Somebody with an account; a key belongs to one profile."""

    name: str
    user_id: str
    profile_id: str


class Venue:
    """One simulated exchange."""

    def __init__(
        self,
        products: Sequence[ProductSpec],
        *,
        seed: int,
        rng: random.Random,
        faults: FaultPlan,
        limits: LimitSettings,
        behavior: BehaviorSettings,
        is_quiet: bool,
        later: Callable[[int, Callable[[int], None]], None],
    ) -> None:
        """List products.

        Args:
            products: What is traded.
            seed: For identifiers that do not depend on the order of events.
            rng: For keys, identifiers and strangers, each with a part of its own.
            faults: What shall go wrong.
            limits: How much is let in.
            behavior: How orders and requests are treated.
            is_quiet: Whether there are no strangers.
            later: Lets something happen at a time.
        """
        self.books = {spec.product_id: spec for spec in products}
        self.engine = Engine(fee_account=FEE_ACCOUNT)
        self.faults = faults
        self.limits = Limits(limits)
        self.behavior = behavior
        self.keys = KeyRing(_child(rng), tolerance_s=behavior.clock_tolerance_s)
        self.users: dict[str, User] = {}
        self.desk = OrderDesk(self, self.engine, _child(rng), behavior, later)
        self.feed = Feed(self)
        self._seed = seed
        self._rng = _child(rng)
        self._is_quiet = is_quiet
        self._crowd: Crowd | None = None
        self._deposits: list[tuple[str, str, Decimal]] = []
        self._snapshots: dict[str, deque[tuple[int, Depth]]] = {}
        self._now_ns: int | None = None
        for spec in products:
            self.engine.add_market(
                Market(
                    name=spec.product_id,
                    base=spec.base,
                    quote=spec.quote,
                    price_step=spec.price_increment,
                    quantity_step=spec.base_increment,
                )
            )

    # Time.

    def begin(self, now_ns: int) -> None:
        """Let the world come into being at its first moment; later calls do nothing."""
        if self._now_ns is not None:
            self._now_ns = max(now_ns, self._now_ns)
            return
        self._now_ns = now_ns
        for account, asset, amount in self._deposits:
            self.engine.deposit(account, asset, amount, now_ns)
        if not self._is_quiet:
            lively = [spec for spec in self.books.values() if spec.is_lively]
            self._crowd = Crowd(self.engine, lively, self._rng, now_ns)
        self.engine.drain()  # what there is at the beginning is no news
        self._remember(list(self.books), now_ns)

    def advance(self, now_ns: int) -> None:
        """Let strangers trade where trading is allowed."""
        if self._crowd is not None:
            self._crowd.advance(now_ns, lambda name: not self.is_halted(name))

    def next_due_ns(self) -> int | None:
        """Give the time at which strangers do something."""
        return None if self._crowd is None else self._crowd.next_due_ns()

    def clock_ns(self, now_ns: int) -> int:
        """Give what the exchange's clock shows."""
        fault = self.faults.lasting(FaultKind.CLOCK_SKEW)
        return now_ns if fault is None else now_ns + fault.value * 1_000_000

    def settle(self, now_ns: int) -> None:
        """Carry what the engine told since the last time to orders and connections."""
        while events := self.engine.drain():
            self.desk.absorb(events, self.feed, now_ns)
            changes = [event for event in events if isinstance(event, LevelChanged)]
            self.feed.levels_changed(changes, now_ns)
            self._remember(list(dict.fromkeys(change.market for change in changes)), now_ns)

    # Products and books.

    def product(self, product_id: object) -> ProductSpec | None:
        """Give what a product id names."""
        return self.books.get(product_id) if isinstance(product_id, str) else None

    def flags(self, book: str) -> frozenset[str]:
        """Give the flags of a product that are true, with what a fault adds."""
        fault = self.faults.lasting(FaultKind.HALT, topic=book)
        flags = frozenset(self.books[book].flags)
        if fault is None or fault.text in {"offline", "delisted"}:
            return flags
        return flags | {fault.text if fault.text in PRODUCT_FLAGS else "trading_disabled"}

    def status(self, book: str) -> str:
        """Give the status of a product, which a fault may have changed."""
        fault = self.faults.lasting(FaultKind.HALT, topic=book)
        if fault is not None and fault.text in {"offline", "delisted"}:
            return fault.text
        return self.books[book].status

    def is_halted(self, book: str) -> bool:
        """Whether nobody can place orders."""
        closing = {"cancel_only", "trading_disabled", "auction_mode"}
        return self.status(book) != "online" or bool(self.flags(book) & closing)

    def best(self, book: str, side: Side) -> Decimal | None:
        """Give the best price of a side of the book."""
        find = self.engine.best_bid if side is Side.BUY else self.engine.best_ask
        quote = find(book)
        return None if quote is None else quote.price

    @exact
    def worth(self, book: str, size: Decimal) -> Decimal:
        """Give what buying a size costs now, as far as there is enough."""
        total = _ZERO
        for row in self.engine.depth(book).asks:
            taken = min(size, row.quantity)
            total += taken * row.price
            size -= taken
            if not size:
                break
        return total

    def snapshot(self, book: str, now_ns: int) -> Depth:
        """Give the book, an old one where a fault asks for it."""
        fault = self.faults.take((FaultKind.STALE_SNAPSHOT,), topic=book)
        kept = self._snapshots.get(book)
        if fault is None or not kept:
            return self.engine.depth(book)
        if not fault.value:
            return kept[0][1]
        before_ns = now_ns - fault.value * 1_000_000
        return next((one for at_ns, one in reversed(kept) if at_ns <= before_ns), kept[0][1])

    def _remember(self, books: Sequence[str], now_ns: int) -> None:
        for book in books:
            kept = self._snapshots.setdefault(book, deque(maxlen=_KEPT_SNAPSHOTS))
            if not kept or now_ns - kept[-1][0] >= SECOND_NS:
                kept.append((now_ns, self.engine.depth(book)))

    # Accounts.

    def open_account(self, name: str, funds: Mapping[str, Decimal]) -> None:
        """Open an account with funds."""
        self.engine.open_account(name)
        made = (uuid_of(self._seed, "exchange", name, part) for part in ("user", "profile"))
        self.users[name] = User(name, *made)
        for asset, amount in funds.items():
            if self._now_ns is None:
                self._deposits.append((name, asset, amount))
            else:
                self.engine.deposit(name, asset, amount, self._now_ns)

    @exact
    def balances(self, account: str) -> dict[str, tuple[Decimal, Decimal]]:
        """Give what is available and what is on hold of every asset, by its name."""
        names = {spec.base for spec in self.books.values()}
        names |= {spec.quote for spec in self.books.values()}
        known = self.engine.balances(account)
        held: dict[str, Decimal] = {}
        for record in self.desk.of(account):
            asset = record.draft.pays_with
            held[asset] = held.get(asset, _ZERO) + record.escrow
        made = {}
        for asset in sorted(names | known.keys()):
            row, extra = known.get(asset), held.get(asset, _ZERO)
            made[asset] = (_ZERO, extra) if row is None else (row.free, row.locked + extra)
        return made

    def wallet_id(self, account: str, asset: str) -> str:
        """Give the identifier of an account's wallet for an asset."""
        return uuid_of(self._seed, "exchange", account, "wallet", asset)

    def order_id(self, book: str, engine_id: int | None, trade_id: int = 0) -> str:
        """Give the identifier of an order, a stranger's too."""
        record: OrderRecord | None = self.desk.owner(book, engine_id)
        if record is not None:
            return record.id
        return uuid_of(self._seed, "stranger", book, engine_id or f"trade {trade_id}")

    def state(self) -> dict[str, object]:
        """Describe the world as JSON values."""
        return {
            "products": len(self.books),
            "accounts": {
                name: {
                    asset: {"available": digits(free), "hold": digits(held)}
                    for asset, (free, held) in self.balances(name).items()
                    if free or held
                }
                for name in self.users
            },
            "orders": {name: len(self.desk.of(name)) for name in self.users},
            "open_orders": {
                name: sum(not record.status.is_terminal for record in self.desk.of(name))
                for name in self.users
            },
        }


def _child(rng: random.Random) -> random.Random:
    """Make a source of chance that others do not disturb."""
    return random.Random(rng.getrandbits(64))  # noqa: S311  a simulation repeats itself
