"""The exchange behind the protocol: products, accounts, orders, and the matching engine."""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs

from venuekit.sim.engine import Engine
from venuekit.sim.events import Event, LevelChanged, TradePrinted
from venuekit.sim.faults import FaultKind, FaultPlan
from venuekit.sim.money import exact
from venuekit.sim.orders import Market, Side, Trade
from venuekit.sim.prints import Candle
from venuekit.sim.queries import Depth
from venuekit_coinbase.sim.crowd import Crowd
from venuekit_coinbase.sim.desk import OrderDesk
from venuekit_coinbase.sim.limits import Limits
from venuekit_coinbase.sim.purse import FEE_ACCOUNT, holds_of
from venuekit_coinbase.sim.records import OrderRecord
from venuekit_coinbase.sim.settings import BehaviorSettings, LimitSettings
from venuekit_coinbase.sim.strangeness import estranged
from venuekit_coinbase.sim.tokens import KeyRing
from venuekit_coinbase.sim.wire import SECOND_NS, digits, uuid_of
from venuekit_coinbase.sim.world import FLAGS, IDLE_ASSETS, Listing, ProductSpec

if TYPE_CHECKING:
    from venuekit_coinbase.sim.streams import Streams

_ZERO: Final = Decimal(0)
_KEPT_SNAPSHOTS: Final = 30
Later = Callable[[int, Callable[[int], None]], None]


@attrs.frozen
class User:
    """Somebody with an account."""

    name: str
    user_id: str
    portfolio_id: str


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
        later: Later,
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
        self.listings = {
            listing.product_id: listing for spec in products for listing in spec.listings()
        }
        self.engine = Engine(fee_account=FEE_ACCOUNT)
        self.faults = faults
        self.limits = Limits(limits)
        self.behavior = behavior
        self.rng = _child(rng)
        self.keys = KeyRing(
            _child(rng),
            tolerance_s=behavior.clock_tolerance_s,
            refuses_replays=behavior.refuses_replays,
        )
        self.users: dict[str, User] = {}
        self.desk = OrderDesk(self, self.engine, _child(rng), behavior, later)
        self._seed = seed
        self._rng = rng
        self._is_quiet = is_quiet
        self._crowd: Crowd | None = None
        self._streams: Streams | None = None
        self._deposits: list[tuple[str, str, Decimal]] = []
        self._snapshots: dict[str, deque[tuple[int, Depth]]] = {}
        self._now_ns: int | None = None
        self.began_ns = 0
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

    def attach(self, streams: "Streams") -> None:
        """Say where news go."""
        self._streams = streams

    # Time.

    def begin(self, now_ns: int) -> None:
        """Let the world come into being at its first moment; later calls do nothing."""
        if self._now_ns is not None:
            self._now_ns = max(now_ns, self._now_ns)
            return
        self._now_ns = self.began_ns = now_ns
        for account, asset, amount in self._deposits:
            self.engine.deposit(account, asset, amount, now_ns)
        if not self._is_quiet:
            lively = [spec for spec in self.books.values() if spec.is_lively]
            self._crowd = Crowd(self.engine, lively, self._rng, now_ns)
        self.engine.drain()  # what there is at the beginning is no news
        self._remember(self.books, now_ns)

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

    # Products and books.

    def flags(self, book: str) -> frozenset[str]:
        """Give the flags of a product that are true, with what a fault adds."""
        fault = self.faults.lasting(FaultKind.HALT, topic=book)
        flags = frozenset(self.books[book].flags)
        if fault is None or fault.text == "offline":
            return flags
        return flags | {fault.text if fault.text in FLAGS else "trading_disabled"}

    def status(self, book: str) -> str:
        """Give the status of a product, which a fault may have changed."""
        fault = self.faults.lasting(FaultKind.HALT, topic=book)
        is_offline = fault is not None and fault.text == "offline"
        return "offline" if is_offline else self.books[book].status

    def is_halted(self, book: str) -> bool:
        """Whether nobody can place orders."""
        closing = {"is_disabled", "cancel_only", "trading_disabled", "auction_mode", "view_only"}
        return self.status(book) != "online" or bool(self.flags(book) & closing)

    def top(self, book: str) -> tuple[Decimal, Decimal]:
        """Give the best bid and the best ask, zero where there is none."""
        bid, ask = self.engine.best_bid(book), self.engine.best_ask(book)
        return (_ZERO if bid is None else bid.price, _ZERO if ask is None else ask.price)

    def last_price(self, book: str) -> Decimal | None:
        """Give the last trade's price."""
        trade = self.engine.last_trade(book)
        return None if trade is None else trade.price

    @exact
    def worth(self, book: str, size: Decimal, side: Side) -> Decimal:
        """Give what buying a base size costs now, or selling it brings, as far as there is enough.

        Args:
            book: Where.
            size: Base asset.
            side: What is done.
        """
        total, depth = _ZERO, self.engine.depth(book)
        for row in depth.asks if side is Side.BUY else depth.bids:
            taken = min(size, row.quantity)
            total += taken * row.price
            size -= taken
            if not size:
                break
        return total

    def day(self, book: str, now_ns: int) -> Candle | None:
        """Fold the trades of the last day."""
        return self.engine.statistics(book, now_ns)

    def trades(self, book: str) -> Sequence[Trade]:
        """Give the last trades, oldest first."""
        return self.engine.trades(book)

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

    def _remember(self, books: "Sequence[str] | Mapping[str, object]", now_ns: int) -> None:
        for book in books:
            kept = self._snapshots.setdefault(book, deque(maxlen=_KEPT_SNAPSHOTS))
            if not kept or now_ns - kept[-1][0] >= SECOND_NS:
                kept.append((now_ns, self.engine.depth(book)))

    # Accounts.

    def open_account(self, name: str, funds: Mapping[str, Decimal]) -> None:
        """Open an account with funds."""
        self.engine.open_account(name)
        self.users[name] = User(
            name, uuid_of(self._seed, name, "user"), uuid_of(self._seed, name, "portfolio")
        )
        for asset, amount in funds.items():
            self.adjust(name, asset, amount)

    def adjust(self, account: str, asset: str, amount: Decimal) -> None:
        """Deposit, or with a negative amount withdraw.

        Raises:
            Rejection: There is not so much.
        """
        if self._now_ns is None:
            self._deposits.append((account, asset, amount))
        elif amount >= 0:
            self.engine.deposit(account, asset, amount, self._now_ns)
        else:
            self.engine.withdraw(account, asset, -amount, self._now_ns)

    @exact
    def balances(self, account: str) -> dict[str, tuple[Decimal, Decimal]]:
        """Give what is available and what is on hold of every asset, those of nobody too."""
        names = {spec.base for spec in self.books.values()} | set(IDLE_ASSETS)
        names |= {listing.quote for listing in self.listings.values()}
        known = self.engine.balances(account)
        extra = holds_of(self.desk.of(account))
        made = {}
        for asset in sorted(names | known.keys()):
            balance = known.get(asset)
            free, locked = (_ZERO, _ZERO) if balance is None else (balance.free, balance.locked)
            made[asset] = (free, locked + extra.get(asset, _ZERO))
        return made

    def wallet_id(self, account: str, asset: str) -> str:
        """Give the identifier of an account's wallet for an asset."""
        return uuid_of(self._seed, account, "wallet", asset)

    # News.

    def tell_order(self, record: OrderRecord, now_ns: int) -> None:
        """Tell an owner where an order stands."""
        assert self._streams is not None, "a venue is attached before it is used"
        self._streams.order_changed(record, now_ns)

    def settle(self, now_ns: int) -> None:
        """Carry what the engine told since the last time to orders and streams."""
        assert self._streams is not None, "a venue is attached before it is used"
        while events := self.engine.drain():
            self._streams.market_changed(
                [event for event in events if isinstance(event, LevelChanged)],
                [event.trade for event in events if isinstance(event, TradePrinted)],
                now_ns,
            )
            self.desk.absorb(events, now_ns)
            self._remember(_changed_books(events), now_ns)

    def estranged(self, data: object) -> object:
        """Add what nobody documented, where faults ask for it."""
        return estranged(self.faults, data)

    def state(self) -> dict[str, object]:
        """Describe the world as JSON values."""
        return {
            "products": len(self.listings),
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
            "nonces": {
                name: {"seen": log.seen, "repeated": log.repeated, "fallen": log.fallen}
                for name, log in self.keys.nonces().items()
            },
        }

    def listing(self, product_id: object) -> Listing | None:
        """Give what a product id names."""
        return self.listings.get(product_id) if isinstance(product_id, str) else None


def _child(rng: random.Random) -> random.Random:
    """Make a source of chance that others do not disturb."""
    return random.Random(rng.getrandbits(64))  # noqa: S311  a simulation repeats itself


def _changed_books(events: Sequence[Event]) -> list[str]:
    names = [event.market for event in events if isinstance(event, LevelChanged)]
    return list(dict.fromkeys(names))
