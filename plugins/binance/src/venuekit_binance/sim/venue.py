"""The exchange behind the protocol: symbols, accounts, counts, and the matching engine.

Endpoints ask the venue; the venue asks the engine, turns its refusals into the exchange's, and
carries what it tells to the streams.
"""

import random
import string
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from venuekit.sim.accounts import FeeDiscount, FeeRates
from venuekit.sim.engine import Engine
from venuekit.sim.events import BalancesChanged, Event, LevelChanged, OrderTraded, TradePrinted
from venuekit.sim.faults import FaultKind, FaultPlan
from venuekit.sim.orders import (
    Amendment,
    Fill,
    ListRequest,
    Market,
    Order,
    OrderList,
    OrderRequest,
    PreventedMatch,
    Rejection,
    Side,
    Trade,
)
from venuekit_binance.sim.crowd import Crowd
from venuekit_binance.sim.filters import Standing
from venuekit_binance.sim.payloads import eight
from venuekit_binance.sim.refusals import refusal_from_rejection, unknown_symbol
from venuekit_binance.sim.security import KeyRing
from venuekit_binance.sim.strangeness import estranged
from venuekit_binance.sim.tape import (
    SECOND_NS,
    AggregateTrade,
    Tape,
    TapeTrade,
    invented_past,
)
from venuekit_binance.sim.user_events import UserEvents
from venuekit_binance.sim.weights import Limits, LimitSettings
from venuekit_binance.sim.world import SymbolSpec

if TYPE_CHECKING:
    from venuekit_binance.sim.recorded import RecordedBook
    from venuekit_binance.sim.socket_api import SocketApi
    from venuekit_binance.sim.streams import Streams

_ZERO: Final = Decimal(0)
_NO_LEVEL: Final = (_ZERO, _ZERO)
_LETTERS: Final = string.ascii_letters + string.digits
_RATES: Final = FeeRates(maker="0.001", taker="0.001")
_FEE_ASSET: Final = "BNB"
_FEE_MULTIPLIER: Final = Decimal("0.75")
_MAKER_CREDIT: Final = 5  # orders that a first fill as maker takes off the unfilled order count
_FIRST_USER: Final = 354_000_001
_KEPT_SNAPSHOTS: Final = 30
_SNAPSHOT_LEVELS: Final = 5_000
Row = tuple[Decimal, Decimal]
Snapshot = tuple[int, Sequence[Row], Sequence[Row]]


class Venue:
    """One simulated exchange."""

    def __init__(
        self,
        symbols: Sequence[SymbolSpec],
        *,
        rng: random.Random,
        faults: FaultPlan,
        limits: LimitSettings,
        is_quiet: bool,
        books: "Mapping[str, RecordedBook] | None" = None,
    ) -> None:
        """List symbols.

        Args:
            symbols: What is traded.
            rng: For ids, keys and strangers.
            faults: What shall go wrong.
            limits: Numbers of the rate limits.
            is_quiet: Whether there are no strangers.
            books: Recorded books to begin with.
        """
        self.symbols = {spec.symbol: spec for spec in symbols}
        self.tapes = {spec.symbol: Tape() for spec in symbols}
        self.engine = Engine()
        self.faults = faults
        self.limits = Limits(limits)
        self.keys = KeyRing(rng)
        self.is_recorded = books is not None
        self._books = books or {}
        self._rng = rng
        self._is_quiet = is_quiet
        self._crowd: Crowd | None = None
        self._users: list[str] = []
        self._deposits: list[tuple[str, str, Decimal]] = []
        self._user_events = UserEvents()
        self._snapshots: dict[str, deque[tuple[int, Snapshot]]] = {}
        self._tops: dict[str, tuple[Row, Row]] = {}
        self._touched: set[str] = set()
        self._streams: Streams | None = None
        self._socket_api: SocketApi | None = None
        self._has_begun = False
        self._now_ns = 0
        for spec in symbols:
            self.engine.add_market(
                Market(
                    name=spec.symbol,
                    base=spec.base,
                    quote=spec.quote,
                    price_step=spec.tick or Decimal("0.00000001"),
                    quantity_step=spec.step or Decimal("0.00000001"),
                    base_decimals=spec.base_precision,
                    quote_decimals=spec.quote_precision,
                )
            )

    def attach(self, streams: "Streams", socket_api: "SocketApi") -> None:
        """Say where news go."""
        self._streams, self._socket_api = streams, socket_api

    # Time.

    def begin(self, now_ns: int) -> None:
        """Let the world come into being at its first moment; later calls do nothing."""
        self._now_ns = max(now_ns, self._now_ns)
        if self._has_begun:
            return
        self._has_begun = True
        for account, asset, amount in self._deposits:
            self.engine.deposit(account, asset, amount, now_ns)
        for symbol, book in self._books.items():
            bids = [(Side.BUY, price, quantity) for price, quantity in book.bids]
            asks = [(Side.SELL, price, quantity) for price, quantity in book.asks]
            self.engine.load_book(symbol, bids + asks, now_ns, recorded_id=book.update_id)
        if not self._is_quiet:
            lively = [spec for spec in self.symbols.values() if spec.is_lively]
            for spec in lively:
                tape = self.tapes[spec.symbol]
                tape.invent(invented_past(self._rng, spec.start_price, spec.tick, now_ns))
                # The first real trade goes on where the invented past ends.
                self.engine.print_trade(
                    spec.symbol,
                    spec.start_price,
                    spec.step,
                    Side.BUY,
                    now_ns,
                    trade_id=tape.next_id,
                )
            self._crowd = Crowd(self.engine, lively, self._rng, now_ns)
        self._touched.update(self.symbols)
        # What there is at the beginning is no change.
        self.settle(now_ns, tells_books=False)
        self._remember_snapshots(now_ns)

    def advance(self, now_ns: int) -> None:
        """Let strangers trade where trading is allowed."""
        if self._crowd is not None:
            self._crowd.advance(now_ns, lambda name: self.status(name) == "TRADING")

    def next_due_ns(self) -> int | None:
        """Give the time at which strangers do something."""
        return None if self._crowd is None else self._crowd.next_due_ns()

    def clock_ns(self, now_ns: int) -> int:
        """Give what the exchange's clock shows."""
        fault = self.faults.lasting(FaultKind.CLOCK_SKEW)
        return now_ns if fault is None else now_ns + fault.value * 1_000_000

    # Symbols and books.

    def symbol(self, name: str) -> SymbolSpec:
        """Give a symbol, or refuse (-1121)."""
        spec = self.symbols.get(name)
        if spec is None:
            raise unknown_symbol()
        return spec

    def status(self, name: str) -> str:
        """Give a symbol's status, which a fault may have changed."""
        fault = self.faults.lasting(FaultKind.HALT, topic=name)
        return self.symbols[name].status if fault is None else fault.text or "HALT"

    def average(self, spec: SymbolSpec, minutes: int, now_ns: int) -> Decimal | None:
        """Give the market price that filters compare with."""
        if spec.reference_price is not None:
            return spec.reference_price
        found = self.tapes[spec.symbol].average(minutes, now_ns)
        return found[0] if found is not None else spec.start_price or None

    def top(self, symbol: str) -> tuple[Row, Row]:
        """Give the best bid and offer, with zeros where there is none."""
        bid, ask = self.engine.best_bid(symbol), self.engine.best_ask(symbol)
        return (
            _NO_LEVEL if bid is None else (bid.price, bid.quantity),
            _NO_LEVEL if ask is None else (ask.price, ask.quantity),
        )

    def book(self, symbol: str, limit: int) -> Snapshot:
        """Give update id, bids and asks."""
        depth = self.engine.depth(symbol, limit)
        return (
            depth.update_id,
            [(row.price, row.quantity) for row in depth.bids],
            [(row.price, row.quantity) for row in depth.asks],
        )

    def snapshot(self, symbol: str, limit: int, now_ns: int) -> Snapshot:
        """Give the book for a snapshot, an old one where a fault asks for it."""
        fault = self.faults.take((FaultKind.STALE_SNAPSHOT,), topic=symbol)
        kept = self._snapshots.get(symbol)
        if fault is None or not kept:
            return self.book(symbol, limit)
        before_ns = now_ns - fault.value * 1_000_000
        chosen = kept[0][1]
        if fault.value:
            chosen = next((one for at_ns, one in reversed(kept) if at_ns <= before_ns), chosen)
        update_id, bids, asks = chosen
        return update_id, bids[:limit], asks[:limit]

    def update_id(self, symbol: str) -> int:
        """Give the id of the last change of a book."""
        return self.engine.update_id(symbol)

    def _remember_snapshots(self, now_ns: int) -> None:
        for symbol in self._touched:
            kept = self._snapshots.setdefault(symbol, deque(maxlen=_KEPT_SNAPSHOTS))
            if not kept or now_ns - kept[-1][0] >= SECOND_NS:
                kept.append((now_ns, self.book(symbol, _SNAPSHOT_LEVELS)))
        self._touched.clear()

    # Accounts.

    def open_account(
        self, name: str, funds: Mapping[str, Decimal], *, pays_in_bnb: bool = False
    ) -> None:
        """Open an account with funds."""
        discount = FeeDiscount(asset=_FEE_ASSET, multiplier=_FEE_MULTIPLIER)
        self.engine.open_account(name, fees=_RATES, discount=discount if pays_in_bnb else None)
        self._users.append(name)
        for asset, amount in funds.items():
            self.adjust(name, asset, amount)

    def adjust(self, account: str, asset: str, amount: Decimal) -> None:
        """Deposit, or with a negative amount withdraw."""
        if not self._has_begun:
            self._deposits.append((account, asset, amount))
        elif amount >= 0:
            self.engine.deposit(account, asset, amount, self._now_ns)
        else:
            self.engine.withdraw(account, asset, -amount, self._now_ns)

    def balances(self, account: str) -> dict[str, tuple[Decimal, Decimal]]:
        """Give free and locked amounts by asset."""
        return {
            asset: (balance.free, balance.locked)
            for asset, balance in self.engine.balances(account).items()
        }

    def updated_ns(self, account: str) -> int:
        """Give when a balance last changed."""
        return self.engine.balances_changed_ns(account)

    def user_id(self, account: str) -> int:
        """Give the number of an account."""
        return _FIRST_USER + self._users.index(account)

    def rates(self, account: str, symbol: str | None = None) -> FeeRates:
        """Give fee rates."""
        return self.engine.fees(account, symbol or next(iter(self.symbols)))

    def discount_payload(self, account: str) -> dict[str, object]:
        """Describe the discount for paying fees in BNB."""
        discount = self.engine.discount(account)
        return {
            "enabledForAccount": discount is not None,
            "enabledForSymbol": True,
            "discountAsset": _FEE_ASSET,
            "discount": eight(_FEE_MULTIPLIER),
        }

    def standing(self, account: str, spec: SymbolSpec) -> Standing:
        """Give what the counting filters count."""
        orders = self.engine.open_orders(account, spec.symbol)
        free, locked = self.balances(account).get(spec.base, _NO_LEVEL)
        return Standing(
            orders=len(orders),
            algo_orders=sum(
                order.type.is_conditional and order.working_ns is None for order in orders
            ),
            icebergs=sum(order.request.display_quantity is not None for order in orders),
            lists=sum(
                each.request.market == spec.symbol for each in self.engine.open_order_lists(account)
            ),
            base=free
            + locked
            + sum((each.remaining for each in orders if each.side is Side.BUY), start=_ZERO),
        )

    # Orders.

    def new_client_id(self) -> str:
        """Make up a name for an order, a list or a cancel that was sent without one."""
        return "".join(self._rng.choice(_LETTERS) for _ in range(22))

    def place(self, request: OrderRequest, now_ns: int, *, is_counted: bool = False) -> Order:
        """Place an order and count it, unless that was done."""
        with _translated():
            order = self.engine.place(request, now_ns)
        if not is_counted:
            self.limits.count_orders(request.account, 1, now_ns)
        return order

    def place_list(self, request: ListRequest, now_ns: int) -> OrderList:
        """Place a list."""
        with _translated():
            return self.engine.place_list(request, now_ns)

    def cancel(self, account: str, order: Order, new_name: str, now_ns: int) -> Order:
        """Cancel an order; it gets the cancel's name."""
        with _translated():
            return self.engine.cancel(
                account,
                order.market,
                now_ns,
                order_id=order.order_id,
                new_client_order_id=new_name,
            )

    def cancel_list(
        self, account: str, order_list: OrderList, new_name: str, now_ns: int
    ) -> OrderList:
        """Cancel a list; the reports of its orders have the cancel's name."""
        for order in order_list.orders:
            self._user_events.cancel_names[order.market, order.order_id] = new_name
        with _translated():
            return self.engine.cancel_list(
                account, order_list.request.market, now_ns, list_id=order_list.list_id
            )

    def amend(
        self, account: str, order: Order, quantity: Decimal, name: str, now_ns: int
    ) -> tuple[Order, Amendment]:
        """Make an order smaller."""
        with _translated():
            return self.engine.amend(
                account,
                order.market,
                quantity,
                now_ns,
                order_id=order.order_id,
                new_client_order_id=name,
            )

    def open_orders(self, account: str, symbol: str | None = None) -> Sequence[Order]:
        """Give open orders, oldest first."""
        return self.engine.open_orders(account, symbol)

    def orders(self, account: str, symbol: str) -> Sequence[Order]:
        """Give all orders of a symbol, oldest first."""
        return self.engine.orders(account, symbol)

    def fills(self, account: str, symbol: str, order_id: int | None = None) -> Sequence[Fill]:
        """Give fills, oldest first."""
        return self.engine.fills(account, symbol, order_id=order_id)

    def prevented_matches(self, account: str, symbol: str) -> Sequence[PreventedMatch]:
        """Give trades that did not happen."""
        return self.engine.prevented_matches(account, symbol)

    def amendments(self, symbol: str, order_id: int) -> Sequence[Amendment]:
        """Give the amendments of an order."""
        return self.engine.amendments(symbol, order_id)

    def order_list(self, account: str, list_id: int) -> OrderList:
        """Give a list."""
        return self.engine.order_list(account, list_id=list_id)

    def lists(self, account: str) -> Sequence[OrderList]:
        """Give all lists, by id."""
        return self.engine.order_lists(account)

    def open_lists(self, account: str) -> Sequence[OrderList]:
        """Give the lists that are not done."""
        return self.engine.open_order_lists(account)

    # The recorded world.

    def replay(
        self,
        symbol: str,
        ids: tuple[int, int],
        bids: Sequence[Row],
        asks: Sequence[Row],
        now_ns: int,
    ) -> tuple[int, int]:
        """Apply a recorded change and give its ids, greater if users changed the book too."""
        self.settle(now_ns)
        before = self.engine.update_id(symbol)
        changes = [(Side.BUY, *row) for row in bids] + [(Side.SELL, *row) for row in asks]
        self.engine.set_levels(symbol, changes, now_ns, recorded_ids=ids)
        last = self.engine.update_id(symbol)
        self.settle(now_ns, tells_books=False)
        return max(before + 1, ids[0]), last

    def print_recorded(
        self,
        symbol: str,
        trade_id: int,
        price: Decimal,
        quantity: Decimal,
        now_ns: int,
        *,
        is_buyer_maker: bool,
    ) -> None:
        """Print a recorded trade."""
        side = Side.SELL if is_buyer_maker else Side.BUY
        self.engine.print_trade(symbol, price, quantity, side, now_ns, trade_id=trade_id)
        self.settle(now_ns)

    # News.

    def settle(self, now_ns: int, *, tells_books: bool = True) -> None:
        """Carry what the engine told since the last time to tapes, streams, counts and users."""
        events = self.engine.drain()
        if not events:
            return
        assert self._streams is not None, "a venue is attached before it is used"
        assert self._socket_api is not None, "a venue is attached before it is used"
        self._tell_trades(events, self._streams, now_ns)
        if tells_books:
            self._tell_books(events, self._streams, now_ns)
        self._count_fills(events, now_ns)
        accounts = {event.account for event in events if isinstance(event, BalancesChanged)}
        balances = {account: self.balances(account) for account in accounts}
        for message in self._user_events.messages(events, balances, now_ns):
            self._socket_api.tell(message.account, message.kind, message.body, now_ns)
        self._touched.update(event.market for event in events if isinstance(event, LevelChanged))
        self._remember_snapshots(now_ns)

    def _tell_trades(self, events: Sequence[Event], streams: "Streams", now_ns: int) -> None:
        aggregates: dict[tuple[str, int], AggregateTrade] = {}
        for event in events:
            if not isinstance(event, TradePrinted):
                continue
            symbol, trade = event.trade.market, _tape_trade(event.trade)
            aggregate = self.tapes[symbol].add(trade)
            streams.traded(symbol, trade, now_ns)
            if event.trade.taker_order_id is not None:
                aggregates[symbol, aggregate.id] = aggregate
        for (symbol, _), aggregate in aggregates.items():
            streams.aggregated(symbol, aggregate, now_ns)

    def _tell_books(self, events: Sequence[Event], streams: "Streams", now_ns: int) -> None:
        by_symbol: dict[str, list[LevelChanged]] = {}
        for event in events:
            if isinstance(event, LevelChanged):
                by_symbol.setdefault(event.market, []).append(event)
        for symbol, changes in by_symbol.items():
            rows = {
                side: [(each.price, each.quantity) for each in changes if each.side is side]
                for side in Side
            }
            streams.book_changed(
                symbol,
                changes[0].update_id,
                changes[-1].update_id,
                rows[Side.BUY],
                rows[Side.SELL],
            )
            top = self.top(symbol)
            if self._tops.get(symbol) != top:
                self._tops[symbol] = top
                streams.top_changed(symbol, changes[-1].update_id, now_ns)

    def _count_fills(self, events: Sequence[Event], now_ns: int) -> None:
        """Take first fills off the unfilled order counts."""
        for event in events:
            if isinstance(event, OrderTraded) and event.order.executed == event.fill.quantity:
                credit = _MAKER_CREDIT if event.fill.is_maker else 1
                self.limits.count_orders(event.order.account, -credit, now_ns)

    def estranged(self, data: object) -> object:
        """Add what nobody documented, where faults ask for it."""
        return estranged(self.faults, data)

    def state(self) -> dict[str, object]:
        """Describe the world as JSON values."""
        return {
            "symbols": len(self.symbols),
            "accounts": {
                name: {
                    asset: {"free": eight(free), "locked": eight(locked)}
                    for asset, (free, locked) in self.balances(name).items()
                }
                for name in self._users
            },
            "open_orders": {name: len(self.open_orders(name)) for name in self._users},
            "update_ids": {name: self.engine.update_id(name) for name in list(self.symbols)[:20]},
        }


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the engine's refusals into the exchange's."""
    try:
        yield
    except Rejection as rejection:
        raise refusal_from_rejection(rejection) from None


def _tape_trade(trade: Trade) -> TapeTrade:
    return TapeTrade(
        trade.trade_id,
        trade.price,
        trade.quantity,
        trade.time_ns,
        trade.taker_side is Side.SELL,
        trade.taker_order_id or 0,
    )
